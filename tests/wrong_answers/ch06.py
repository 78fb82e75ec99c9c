"""Wrong answers to the exercises of chapter 6."""

import csv

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from wrong_answers import Wrong


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
            self.known[idx] = super().__getitem__(idx)
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
        self.classes = ["ants", "aphids", "bees", "wasps"]


class ClassesAsTheyCome(FromTable):
    def __init__(self, folder):
        super().__init__(folder)
        self.classes = list(dict.fromkeys(name for _, name in self.rows))


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


WRONG = {
    "6.1": [
        Wrong(Windows, hint="[-1]"),
        Wrong(NoRoomForTheNext, hint="one value that follows"),
        Wrong(NextAsSlice, hint="shape (1,)"),
        Wrong(OnlyTheWindow, hint="a pair is wanted"),
    ],
    "6.2": [
        Wrong(opening_every_picture, hint="opened a picture"),
        Wrong(by_number, hint="the keys should be the names"),
        Wrong(only_those_seen, hint="as 0"),
        Wrong(in_alphabetical_order, hint="['truck', 'cat', 'ship']"),
    ],
    "6.3": [
        Wrong(every_kth_of_all, hint="counted on its own"),
        Wrong(class_after_class, hint="not in rising order"),
        Wrong(only_once, hint="[1, 5] are held back"),
        Wrong(first_of_each, hint="should be [0, 2, 3]"),
    ],
    "6.4": [
        Wrong(AllAtOnce, hint="before any was asked for"),
        Wrong(LabelToo, hint="only the picture"),
        Wrong(Forgotten, hint="0 times"),
        Wrong(Remembered, hint="each time"),
    ],
    "6.5": [
        Wrong(MissingKept, hint="leave its line out"),
        Wrong(ClassesOfAllRows, hint="aphids"),
        Wrong(ClassesAsTheyCome, hint="classes[0] is 'wasps'"),
        Wrong(GreyLeft, hint="three channels"),
        Wrong(ChannelsLast, hint="(H, W, C)"),
        Wrong(NotScaled, hint="0 to 1"),
        Wrong(Unnamed, hint="names the file"),
        Wrong(Anonymous, hint="does not name the file"),
        Wrong(ReadEarly, hint="when it was made"),
    ],
}
