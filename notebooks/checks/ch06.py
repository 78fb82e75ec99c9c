"""Checkers of chapter 6, data sets."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from . import NotYet, call, describe, exercise, expect, require


def sentence(error: Exception) -> str:
    """An error in one line, for a hint."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def made(kind, *args, name: str):
    """An instance of the learner's class, and what its len() is. Raises NotYet if either cannot be had."""
    require(isinstance(kind, type), f"the answer should be a class, but is {describe(kind)}.")
    data = call(kind, *args, name=name)
    try:
        return data, len(data)
    except Exception as error:
        raise NotYet(f"len of {name} raised {sentence(error)}.") from None


def item(data, idx: int, name: str):
    """data[idx], or NotYet with what it raised; `name` is how the hint calls the data set."""
    try:
        return data[idx]
    except Exception as error:
        raise NotYet(f"{name}[{idx}] raised {sentence(error)}.") from None


def pair(found, name: str):
    """Raise NotYet unless `found` is a pair."""
    require(
        isinstance(found, tuple | list) and len(found) == 2, f"{name} is {describe(found)}; a pair is wanted."
    )


@exercise("6.1")
def windows(answer):
    for total, length in [(6, 2), (5, 4), (4, 1)]:
        series = torch.arange(total, dtype=torch.float32) * 10
        where = f"Windows of {total} values, length {length}"
        data, count = made(answer, series, length, name="Windows")
        expect(
            count,
            total - length,
            f"for {where}, len",
            "The last window must leave one value that follows it.",
        )
        for i in range(count):
            found = item(data, i, f"({where})")
            pair(found, f"({where})[{i}]")
            expect(found[0], series[i : i + length], f"({where})[{i}][0]")
            expect(found[1], series[i + length], f"({where})[{i}][1]", "It is the one value that follows.")
        for idx in (count, -1):
            try:
                found = data[idx]
            except IndexError:
                continue
            except Exception as error:
                raise NotYet(
                    f"({where})[{idx}] raised {type(error).__name__}; an IndexError is wanted."
                ) from None
            raise NotYet(f"({where})[{idx}] is {describe(found)}; an IndexError is wanted.")
    return (
        "Windows cut by a slice are views (chapter 5): however many they are, the series lies in memory once."
    )


class Unread:
    """As much of an ImageFolder as exercise 6.2 may use."""

    def __init__(self, classes: list[str], targets: list[int]):
        self.classes, self.targets = classes, targets
        self.class_to_idx = {name: i for i, name in enumerate(classes)}

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, idx):
        if idx >= len(self):
            raise IndexError(idx)
        raise NotYet("class_counts opened a picture; data.targets already holds every class number.")


@exercise("6.2")
def class_counts(answer):
    for classes, targets in [
        (["ants", "bees"], [0, 0, 1, 0]),
        (["ant", "bee", "wasp"], [2, 2, 0]),
        (["truck", "cat", "ship"], [1, 0, 1, 1, 2]),
    ]:
        data = Unread(classes, targets)
        expected = {name: targets.count(i) for i, name in enumerate(classes)}
        where = f"for classes {classes} and targets {targets}, class_counts"
        try:
            found = answer(data)
        except NotYet:
            raise
        except Exception:
            found = call(answer, data, name="class_counts")
        require(isinstance(found, dict), f"{where} is {describe(found)}; a dict is wanted.")
        found = {key: int(n) if isinstance(n, np.integer) else n for key, n in found.items()}
        if set(map(type, found)) == {int}:
            raise NotYet(f"{where} counts numbers, {found}; the keys should be the names.")
        if found != expected and {k: v for k, v in expected.items() if v} == found:
            raise NotYet(f"{where} is {found}; classes without an item count too, as 0.")
        require(list(found) == classes, f"{where} has the keys {list(found)}; they should be {classes}.")
        expect(list(found.values()), list(expected.values()), f"{where}, the list of counts")
    return "If one class has nine items in ten, a network that always names it is right nine times in ten."


@exercise("6.3")
def split_by_class(answer):
    cases = [
        ([0, 0, 0, 1, 1, 0], 2),
        ([0] * 5 + [1] * 7, 3),
        ([1, 0, 1, 0, 1, 0, 2], 2),
        ([3, 3, 3], 1),
        ([0, 1], 5),
    ]
    for labels, k in cases:
        held_back = []
        for label in set(labels):
            held_back += [i for i, other in enumerate(labels) if other == label][k - 1 :: k]
        expected = [[i for i in range(len(labels)) if i not in held_back], sorted(held_back)]
        where = f"split_by_class({labels}, {k})"
        found = call(answer, list(labels), k, name="split_by_class")
        pair(found, where)
        for name, indices, wanted in zip(("learn from", "hold back"), found, expected, strict=True):
            if isinstance(indices, list) and indices != wanted and sorted(indices) == wanted:
                raise NotYet(
                    f"{where}, the indices to {name}, are {indices}: right, but not in rising order."
                )
            if indices != wanted:
                label = max(set(labels), key=labels.count)
                own = [i for i, other in enumerate(labels) if other == label]
                raise NotYet(
                    f"in {where}, the indices to {name} are {describe(indices)}, but should be {wanted}. Each class is "
                    f"counted on its own: class {label} has the items {own}, of which {own[k - 1 :: k]} are held back."
                )
    return (
        "Statisticians call this a stratified split; scikit-learn's train_test_split has `stratify` for it."
    )


class Watched:
    """Three items (number, label), and which of them have been asked for."""

    def __init__(self):
        self.asked = []

    def __len__(self):
        return 3

    def __getitem__(self, idx):
        value, label = [(10, 1), (20, 0), (30, 2)][idx]
        self.asked.append(idx)
        return value, label


@exercise("6.4")
def transformed(answer):
    inner, calls = Watched(), []

    def transform(value):
        calls.append(value)
        return value + len(calls)  # another result at each call, as a random transform gives

    data, count = made(answer, inner, transform, name="Transformed")
    require(
        not inner.asked,
        "Transformed read items before any was asked for; keep `data` and read in __getitem__.",
    )
    expect(count, 3, "len of Transformed over 3 items")
    for turn, (idx, expected) in enumerate([(1, (21, 0)), (0, (12, 1)), (1, (23, 0))]):
        found = item(data, idx, "Transformed(data, transform)")
        pair(found, f"item {idx}")
        if turn == 2 and tuple(found) == (21, 0):
            raise NotYet("item 1 was the same when asked for again; the transform should run each time.")
        require(
            found[1] == expected[1],
            f"the label of item {idx} became {describe(found[1])}; only the picture is transformed.",
        )
        require(
            len(calls) == turn + 1,
            f"asking for one item called the transform {len(calls) - turn} times; once is wanted.",
        )
        expect(found[0], expected[0], f"the picture of item {idx}, transformed,")
    return "Around each part of a split it gives that part a transform of its own."


def folder_with_table(folder: Path) -> dict[str, torch.Tensor]:
    """Fill `folder` for exercise 6.5; returns what each readable picture should become."""
    wanted = {}
    rng = np.random.default_rng(0)
    for name, mode, size in [
        ("b.png", "RGB", (4, 5)),
        ("a.png", "L", (2, 5)),
        ("c.gif", "P", (3, 3)),
        ("z.png", "RGB", (2, 2)),
    ]:
        shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
        image = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
        (image.quantize(8) if mode == "P" else image).save(folder / name)
        with Image.open(folder / name) as image:
            wanted[name] = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1) / 255
    (folder / "broken.png").write_bytes((folder / "b.png").read_bytes()[:40])
    (folder / "where_from.txt").write_text("a stray\n")
    rows = ["b.png,wasps", "gone.png,aphids", "a.png,bees", "c.gif,wasps", "broken.png,ants"]
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return wanted


@exercise("6.5")
def from_table(answer):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wanted = folder_with_table(folder)
        require(isinstance(answer, type), f"the answer should be a class, but is {describe(answer)}.")
        try:
            data = answer(folder)
        except Exception as error:
            if isinstance(error, OSError) and "labels.csv" not in str(error):
                raise NotYet(
                    "FromTable opened a picture when it was made, and one of them is broken; list the names in "
                    "__init__ and read in __getitem__."
                ) from None
            raise NotYet(f"FromTable(folder) raised {sentence(error)}.") from None
        try:
            count = len(data)
        except Exception as error:
            raise NotYet(f"len of FromTable raised {sentence(error)}.") from None
        if count == 5:
            raise NotYet("len is 5, but the table's gone.png is not in the folder; leave its line out.")
        expect(count, 4, "len", "Five lines, one of whose pictures is missing.")
        classes = getattr(data, "classes", None)
        if classes is not None and "aphids" in classes:
            raise NotYet(f"classes is {describe(classes)}; no item that is left is called aphids.")
        expect(classes, ["ants", "bees", "wasps"], "classes")
        for idx, (file, label) in enumerate([("b.png", 2), ("a.png", 1), ("c.gif", 2)]):
            found = item(data, idx, "data")
            pair(found, f"data[{idx}]")
            if isinstance(found[0], torch.Tensor):
                shape = tuple(found[0].shape)
                if shape[:1] == (1,) or len(shape) == 2:
                    raise NotYet(
                        f"data[{idx}][0], {file}, has shape {shape}; convert('RGB') gives three channels."
                    )
                if shape[-1] == 3 and shape[0] != 3:
                    raise NotYet(f"data[{idx}][0] has shape {shape}; that is (H, W, C), (C, H, W) is wanted.")
                if found[0].is_floating_point() and found[0].max() > 1:
                    raise NotYet(f"data[{idx}][0] goes up to {found[0].max():.0f}; 0 to 1 is wanted.")
            expect(found[0], wanted[file], f"data[{idx}][0], the picture {file},")
            expect(found[1], label, f"data[{idx}][1], the label of {file},", f"Its class is number {label}.")
        try:
            data[3]
        except RuntimeError as error:
            require(
                "broken.png" in str(error),
                "the RuntimeError for the broken picture does not name the file, broken.png.",
            )
        except Exception as error:
            raise NotYet(
                f"the broken picture raised {type(error).__name__}; catch OSError and raise a RuntimeError that "
                "names the file."
            ) from None
        else:
            raise NotYet("the broken picture raised nothing; raise a RuntimeError that names the file.")
    return (
        "This is most of what real data sets need; the rest is patience with the people who made the table."
    )
