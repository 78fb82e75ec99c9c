"""Answers to the exercises of chapter 6."""

import csv
from collections import Counter

import numpy as np
import torch
from PIL import Image, ImageFile
from torch.utils.data import Dataset
from torchvision.transforms import v2

from answers import Right, Wrong


class Windows(Dataset):
    less, last = 0, 0

    def __init__(self, series, length):
        self.series, self.length = series, length

    def __len__(self):
        return len(self.series) - self.length + self.less

    def __getitem__(self, idx):
        if idx >= len(self):
            raise IndexError(idx)
        return self.series[idx : idx + self.length], self.series[idx + self.length]


class InTurn(Windows):
    def __init__(self, series, length):
        super().__init__(series, length)
        self.places = iter(range(max(0, len(series) - length)))

    def __len__(self):
        return max(0, super().__len__())

    def __getitem__(self, idx):
        if not 0 <= idx < len(self):
            raise IndexError(idx)
        return super().__getitem__(next(self.places))


class NoRoomForTheNext(Windows):
    less = 1


class NextAsSlice(Windows):
    def __getitem__(self, idx):
        end = idx + self.length
        return self.series[idx:end], self.series[end : end + 1]


class OnlyTheWindow(Windows):
    def __getitem__(self, idx):
        return self.series[idx : idx + self.length]


def opening_every_picture(data):
    counts = dict.fromkeys(data.classes, 0)
    for _, label in data:
        counts[data.classes[label]] += 1
    return counts


def by_number(data):
    return {number: data.targets.count(number) for number in range(len(data.classes))}


def only_those_seen(data):
    counts = {}
    for number in sorted(data.targets):
        counts[data.classes[number]] = counts.get(data.classes[number], 0) + 1
    return counts


def in_alphabetical_order(data):
    return {name: data.targets.count(data.classes.index(name)) for name in sorted(data.classes)}


def every_kth_of_all(labels, k):
    held_back = list(range(k - 1, len(labels), k))
    return [i for i in range(len(labels)) if i not in held_back], held_back


def class_after_class(labels, k):
    learn, held_back = [], []
    for label in sorted(set(labels)):
        own = [i for i, other in enumerate(labels) if other == label]
        held_back += own[k - 1 :: k]
        learn += [i for i in own if i not in held_back]
    return learn, held_back


def only_once(labels, k):
    seen, learn, held_back = {}, [], []
    for i, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        (held_back if seen[label] == k else learn).append(i)
    return learn, held_back


def first_of_each(labels, k):
    seen, learn, held_back = {}, [], []
    for i, label in enumerate(labels):
        (held_back if seen.get(label, 0) % k == 0 else learn).append(i)
        seen[label] = seen.get(label, 0) + 1
    return learn, held_back


class Transformed(Dataset):
    def __init__(self, data, transform):
        self.data, self.transform = data, transform

    def __len__(self):
        return len(self.data)

    def __getitem__(self, idx):
        return self.transform(self.data[idx][0]), self.data[idx][1]


class AlwaysThree(Transformed):
    def __len__(self):
        return 3


class AllAtOnce(Transformed):
    def __init__(self, data, transform):
        self.data = [(transform(picture), label) for picture, label in data]

    def __getitem__(self, idx):
        return self.data[idx]


class LabelToo(Transformed):
    def __getitem__(self, idx):
        picture, label = self.data[idx]
        return self.transform(picture), self.transform(label)


class Forgotten(Transformed):
    def __getitem__(self, idx):
        return self.data[idx]


class Remembered(Transformed):
    def __getitem__(self, idx):
        self.known = getattr(self, "known", {})
        if idx not in self.known:
            picture, label = self.data[idx]
            self.known[idx] = self.transform(picture), label
        return self.known[idx]


class FromTable(Dataset):
    mode, axes, scale, early = "RGB", (2, 0, 1), 255, False

    def __init__(self, folder):
        self.folder = folder
        with (folder / "labels.csv").open(newline="") as file:
            rows = list(csv.reader(file))
        self.classes = sorted({name for _, name in self.kept(rows)})
        self.rows = self.kept(rows)
        if self.early:
            self.pictures = [self[i] for i in range(len(self.rows))]

    def kept(self, rows):
        return [row for row in rows if (self.folder / row[0]).is_file()]

    def __len__(self):
        return len(self.rows)

    def read(self, name):
        with Image.open(self.folder / name) as image:
            pixels = np.array(image.convert(self.mode) if self.mode else image)
        pixels = torch.from_numpy(pixels)
        return (pixels.permute(*self.axes) if pixels.dim() == 3 else pixels[None]) / self.scale

    def __getitem__(self, idx):
        name, label = self.rows[idx]
        try:
            return self.read(name), self.classes.index(label)
        except OSError as error:
            raise RuntimeError(f"{name}: {error}") from None


class MissingKept(FromTable):
    def kept(self, rows):
        return rows


class ClassesOfAllRows(FromTable):
    def __init__(self, folder):
        super().__init__(folder)
        self.classes = ["ants", "aphids", "bees", "flies", "moths", "wasps"]


class ClassesAsTheyCome(FromTable):
    def __init__(self, folder):
        super().__init__(folder)
        self.classes = list(dict.fromkeys(name for _, name in self.rows))


class TransparencyLeft(FromTable):
    def read(self, name):
        with Image.open(self.folder / name) as image:
            image = image.convert("RGB") if image.mode in ("L", "P") else image
            return torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255


class GreyLeft(FromTable):
    mode = None


class ChannelsLast(FromTable):
    axes = (0, 1, 2)


class NotScaled(FromTable):
    scale = 1.0


class Unnamed(FromTable):
    def __getitem__(self, idx):
        name, label = self.rows[idx]
        return self.read(name), self.classes.index(label)


class Anonymous(FromTable):
    def __getitem__(self, idx):
        name, label = self.rows[idx]
        try:
            return self.read(name), self.classes.index(label)
        except OSError:
            raise RuntimeError("a picture is broken") from None


class ReadEarly(Unnamed):
    early = True


class Checked(Windows):
    def __len__(self):
        return max(0, len(self.series) - self.length)

    def __getitem__(self, idx):
        if not 0 <= idx < len(self):
            raise IndexError(idx)
        return self.series[idx : idx + self.length], self.series[idx + self.length]


class AlwaysFloats(Checked):
    def __getitem__(self, idx):
        window, following = super().__getitem__(idx)
        return window.float(), following.float()


class KnownKinds(Checked):
    def __getitem__(self, idx):
        window, following = super().__getitem__(idx)
        kind = torch.float32 if window.is_floating_point() else torch.int32
        return window.to(kind), following.to(kind)


class InAList(Dataset):
    def __init__(self, series, length):
        starts = range(len(series) - length)
        self.items = [(series[i : i + length].clone(), series[i + length].clone()) for i in starts]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, idx):
        if idx < 0:
            raise IndexError("no negative index")
        return self.items[idx]


class Unfolded(Dataset):
    def __init__(self, series, length):
        enough = len(series) > length
        self.rows = series.unfold(0, length + 1, 1) if enough else series.new_zeros(0, length + 1)

    def __len__(self):
        return self.rows.shape[0]

    def __getitem__(self, idx):
        if idx not in range(len(self)):
            raise IndexError(idx)
        return [self.rows[idx, :-1], self.rows[idx, -1]]


class SideBySide(Checked):
    def __len__(self):
        return (len(self.series) - 1) // self.length


class Negative(Checked):
    def __len__(self):
        return len(self.series) - self.length


class LastOfWindow(Checked):
    def __getitem__(self, idx):
        window, _ = super().__getitem__(idx)
        return window, window[-1]


class AsNumpy(Checked):
    def __getitem__(self, idx):
        return super().__getitem__(idx)[0].numpy(), super().__getitem__(idx)[1]


def counted(data):
    return {name: data.targets.count(number) for number, name in enumerate(data.classes)}


def counted_in_place(data):
    counts = data.class_to_idx
    for name, number in list(counts.items()):
        counts[name] = data.targets.count(number)
    return counts


def counted_by_counter(data):
    found = Counter(data.targets)
    return {name: found[data.class_to_idx[name]] for name in data.classes}


def counted_by_numpy(data):
    counts = np.bincount(np.array(data.targets, dtype=int), minlength=len(data.classes))
    return dict(zip(data.classes, counts, strict=True))


def counted_by_loop(data):
    counts = dict.fromkeys(data.classes, 0)
    for number in data.targets:
        counts[data.classes[number]] += 1
    return counts


def counted_as_tensors(data):
    counts = torch.bincount(torch.tensor(data.targets, dtype=torch.int64), minlength=len(data.classes))
    return dict(zip(data.classes, counts, strict=True))


def counted_without_dtype(data):
    """Wrong for no targets: torch.tensor([]) is float32."""
    counts = torch.tensor(data.targets).bincount(minlength=len(data.classes))
    return dict(zip(data.classes, counts.tolist(), strict=True))


def counted_in_samples(data):
    return {name: sum(n == number for _, n in data.samples) for number, name in enumerate(data.classes)}


def sorting_the_targets(data):
    data.targets.sort()
    return counted(data)


def split_solved(labels, k):
    seen, learn, held_back = {}, [], []
    for i, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        (held_back if seen[label] % k == 0 else learn).append(i)
    return learn, held_back


def split_by_slices(labels, k):
    held_back = set()
    for label in set(labels):
        held_back.update([i for i, other in enumerate(labels) if other == label][k - 1 :: k])
    return [sorted(set(range(len(labels))) - held_back), sorted(held_back)]


def split_by_counting(labels, k):
    held = [labels[: i + 1].count(label) % k == 0 for i, label in enumerate(labels)]
    return tuple(i for i, h in enumerate(held) if not h), tuple(i for i, h in enumerate(held) if h)


def split_by_range(labels, k):
    held_back = set()
    for label in range(len(set(labels))):
        held_back.update([i for i, other in enumerate(labels) if other == label][k - 1 :: k])
    return sorted(set(range(len(labels))) - held_back), sorted(held_back)


def split_ten_classes(labels, k):
    seen, parts = [0] * 10, ([], [])
    for i, label in enumerate(labels):
        seen[label] += 1
        parts[seen[label] % k == 0].append(i)
    return parts


class Solved(Transformed):
    def __getitem__(self, idx):
        picture, label = self.data[idx]
        return self.transform(picture), label


class SwitchesOff(Solved):
    """Switches off the transform of the data set that it wraps, which the other part of a split shares."""

    def __init__(self, data, transform):
        super().__init__(data, transform)
        data.transform = None


class LabelAsTensor(Solved):
    def __getitem__(self, idx):
        picture, label = super().__getitem__(idx)
        return picture, torch.tensor(label)


class LabelAsInt(Solved):
    def __getitem__(self, idx):
        picture, label = super().__getitem__(idx)
        return picture, int(label)


class SolvedAsList(Dataset):
    def __init__(self, data, transform):
        self.args = data, transform

    def __len__(self):
        return self.args[0].__len__()

    def __getitem__(self, idx):
        data, transform = self.args
        found = list(data[idx])
        found[0] = transform(found[0])
        return found


class SolvedWithIter(Solved):
    def __iter__(self):
        for picture, label in self.data:
            yield self.transform(picture), label


class OnlyCalled(Transformed):
    def __getitem__(self, idx):
        picture, label = self.data[idx]
        self.transform(picture)
        return picture, label


class Endless(Solved):
    def __getitem__(self, idx):
        return super().__getitem__(idx % 3)


class Merged(FromTable):
    """Takes the picture apart into its channels."""

    def __getitem__(self, idx):
        name, label = self.rows[idx]
        try:
            with open(self.folder / name, "rb") as file:
                bands = Image.open(file).convert("RGB").split()
        except Exception as error:
            raise RuntimeError(f"cannot read {name}") from error
        picture = torch.stack([torch.from_numpy(np.array(band)) for band in bands])
        return [picture.to(torch.float32).div(255), self.classes.index(label)]


class ByTransforms(FromTable):
    def read(self, name):
        to_float = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
        with Image.open(self.folder / name) as image:
            return to_float(image.convert("RGB")).as_subclass(torch.Tensor)


class ReadAtOnce(FromTable):
    """Reads all when it is made, and keeps errors for later."""

    def __init__(self, folder):
        super().__init__(folder)
        self.kept_items = []
        for i in range(len(self.rows)):
            try:
                self.kept_items.append(super().__getitem__(i))
            except RuntimeError as error:
                self.kept_items.append(error)

    def __getitem__(self, idx):
        found = self.kept_items[idx]
        if isinstance(found, RuntimeError):
            raise found
        return found


class OnlyOpened(FromTable):
    """Wrong for a picture that is cut in its pixels: these are read by convert."""

    def __getitem__(self, idx):
        name, label = self.rows[idx]
        try:
            image = Image.open(self.folder / name)
        except OSError as error:
            raise RuntimeError(f"{name}: {error}") from None
        with image:
            pixels = torch.from_numpy(np.array(image.convert("RGB")))
        return pixels.permute(2, 0, 1) / 255, self.classes.index(label)


class HalvesTaken(FromTable):
    def read(self, name):
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        return super().read(name)


class NoJpeg(FromTable):
    def kept(self, rows):
        return [row for row in super().kept(rows) if row[0].endswith((".png", ".gif"))]


class LowerCase(FromTable):
    def kept(self, rows):
        return [row for row in super().kept(rows) if row[0].endswith((".jpg", ".png", ".gif"))]


class Cached(FromTable):
    def __init__(self, folder):
        super().__init__(folder)
        self.known = {}

    def __getitem__(self, idx):
        if idx not in self.known:
            self.known[idx] = super().__getitem__(idx)
        return self.known[idx]


class LastLetterCut(FromTable):
    def kept(self, rows):
        lines = (self.folder / "labels.csv").read_text().splitlines(keepends=True)
        return super().kept([line[:-1].split(",") for line in lines])


class StrippedLines(FromTable):
    def kept(self, rows):
        lines = (self.folder / "labels.csv").read_text().splitlines()
        return super().kept([line.strip().split(",") for line in lines if line])


class WithoutBroken(FromTable):
    """Leaves out the pictures that cannot be opened."""

    def kept(self, rows):
        return [row for row in super().kept(rows) if self.whole(row[0])]

    def whole(self, name):
        try:
            with Image.open(self.folder / name) as image:
                self.look(image)
        except OSError:
            return False
        return True

    def look(self, image):
        pass


class WithoutCut(WithoutBroken):
    """Leaves out those whose pixels cannot be read, too."""

    def look(self, image):
        image.load()


class LabelOfRow(FromTable):
    def __getitem__(self, idx):
        return super().__getitem__(idx)[0], idx


class SortedByName(FromTable):
    def kept(self, rows):
        return super().kept(sorted(rows))


class AllErrorsAlike(FromTable):
    def __getitem__(self, idx):
        try:
            return super().__getitem__(idx)
        except Exception as error:
            raise RuntimeError(f"{error}") from None


class RoundAndRound(FromTable):
    def __getitem__(self, idx):
        return super().__getitem__(idx % len(self))


class WithoutFirstLine(FromTable):
    def kept(self, rows):
        return super().kept(rows[1:])


RIGHT = {
    "6.1": [Right(Checked), Right(InAList), Right(Unfolded)],
    "6.2": [Right(counted), Right(counted_by_counter), Right(counted_by_numpy), Right(counted_by_loop)],
    "6.3": [Right(split_solved), Right(split_by_slices), Right(split_by_counting)],
    "6.4": [Right(Solved), Right(SolvedAsList), Right(SolvedWithIter)],
    "6.5": [Right(FromTable), Right(Merged), Right(ByTransforms), Right(StrippedLines)],
}
WRONG = {
    "6.1": [
        Wrong(Windows, hint="[-1]"),
        Wrong(InTurn, hint="raised StopIteration"),
        Wrong(AlwaysFloats, hint="should have torch.int32"),
        Wrong(KnownKinds, hint="should have torch.float64"),
        Wrong(NoRoomForTheNext, hint="one value that follows"),
        Wrong(NextAsSlice, hint="the value itself, ()"),
        Wrong(OnlyTheWindow, hint="a pair is wanted"),
        Wrong(SideBySide, hint="The windows overlap"),
        Wrong(Negative, hint="len of Windows raised ValueError"),
        Wrong(LastOfWindow, hint="last value of the window"),
        Wrong(AsNumpy, hint="should be a tensor, but is a NumPy array"),
    ],
    "6.2": [
        Wrong(opening_every_picture, hint="opened a picture", forbidden="Do not open a picture"),
        Wrong(counted_in_place, hint="changed the data set"),
        Wrong(by_number, hint="The keys should be the names"),
        Wrong(only_those_seen, hint="as 0"),
        Wrong(in_alphabetical_order, hint="['truck', 'cat', 'ship']"),
        Wrong(counted_as_tensors, hint="a plain number is wanted"),
        Wrong(counted_without_dtype, hint="targets=[])) raised"),
        Wrong(counted_in_samples, hint="'ImageFolderOrCIFAR10' object has no attribute 'samples'"),
        Wrong(sorting_the_targets, hint="changed the data set"),
        Wrong(lambda data: list(counted(data).values()), hint="a dict is wanted"),
    ],
    "6.3": [
        Wrong(every_kth_of_all, hint="counted on its own"),
        Wrong(class_after_class, hint="not in rising order"),
        Wrong(lambda *a: [part[::-1] for part in split_solved(*a)], hint="not in rising order"),
        Wrong(only_once, hint="[7, 10] are held back"),
        Wrong(split_by_range, hint="class 30 has the items [0, 1, 3]"),
        Wrong(split_ten_classes, hint="raised IndexError"),
        Wrong(first_of_each, hint="counted on its own"),
        Wrong(lambda labels, k: split_solved(labels, k)[::-1], hint="exchanged"),
        Wrong(lambda labels, k: split_solved(labels, k)[1], hint="a pair is wanted"),
        Wrong(lambda labels, k: tuple(map(np.array, split_solved(labels, k))), hint="`.tolist()`"),
    ],
    "6.4": [
        Wrong(AlwaysThree, hint="over 2 items is 3"),
        Wrong(SwitchesOff, hint="changed the data set"),
        Wrong(AllAtOnce, hint="before any was asked for"),
        Wrong(LabelToo, hint="Only the picture"),
        Wrong(LabelAsTensor, hint="the label of item 1 is an int64 tensor"),
        Wrong(LabelAsInt, hint="raised ValueError"),
        Wrong(Forgotten, hint="called the transform 0 times"),
        Wrong(Transformed, hint="read from data 2 times", forbidden="take it from `data` once"),
        Wrong(OnlyCalled, hint="was not transformed"),
        Wrong(Endless, hint="has not ended after 3 items"),
        Wrong(Remembered, hint="each time"),
    ],
    "6.5": [
        Wrong(MissingKept, hint="leave its line out"),
        Wrong(WithoutFirstLine, hint="The first line"),
        Wrong(WithoutBroken, hint="stays an item"),
        Wrong(WithoutCut, hint="stays an item"),
        Wrong(ClassesOfAllRows, hint="aphids"),
        Wrong(ClassesAsTheyCome, hint="classes[0] is 'wasps'"),
        Wrong(TransparencyLeft, hint="shape (4, 3, 4)"),
        Wrong(GreyLeft, hint="gives three channels"),
        Wrong(ChannelsLast, hint="(H, W, C)"),
        Wrong(NotScaled, hint="0 to 1"),
        Wrong(Unnamed, hint="names the file"),
        Wrong(Anonymous, hint="does not name the file"),
        Wrong(OnlyOpened, hint="the broken picture cut.JPG raised OSError"),
        Wrong(HalvesTaken, hint="raised nothing"),
        Wrong(NoJpeg, hint="may end in .jpg"),
        Wrong(LowerCase, hint="may end in .JPG"),
        Wrong(LastLetterCut, hint="cuts a letter off"),
        Wrong(ReadEarly, hint="when it was made"),
        Wrong(ReadAtOnce, hint="was replaced after"),
        Wrong(Cached, hint="each time it is asked for"),
        Wrong(LabelOfRow, hint="the label of b.png"),
        Wrong(SortedByName, hint="This is a.png; the items are in the order of the table"),
        Wrong(AllErrorsAlike, hint="data[6] raised RuntimeError"),
        Wrong(RoundAndRound, hint="data[6] is"),
    ],
}
