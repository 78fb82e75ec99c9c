"""Checkers of chapter 6, data sets."""

import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image, ImageFile

from . import NotYet, _, call, describe, exercise, expect, require, sentence, take


def made(kind, *args, name: str):
    """An instance of the learner's class, and what its len() is. Raises NotYet if either cannot be had."""
    require(isinstance(kind, type), _("the answer should be a class, but is {found}.", found=describe(kind)))
    data = call(kind, *args, name=name)
    return data, length(data, name)


def length(data, name: str) -> int:
    try:
        return len(data)
    except Exception as error:
        raise NotYet(_("len of {name} raised {error}.", name=name, error=sentence(error))) from None


def item(data, idx: int, name: str):
    """data[idx], a pair, or NotYet with what it raised; `name` is how the hint calls the data set."""
    where = _("{name}[{idx}]", name=name, idx=idx)
    try:
        found = data[idx]
    except NotYet:
        raise
    except Exception as error:
        raise NotYet(_("{where} raised {error}.", where=where, error=sentence(error))) from None
    pair(found, where)
    return found


def pair(found, where):
    """Raise NotYet unless `found` is a pair."""
    require(
        isinstance(found, tuple | list) and len(found) == 2,
        _("{where} is {found}; a pair is wanted.", where=where, found=describe(found)),
    )


def ends(data, idx: int, name: str):
    """Raise NotYet unless data[idx] raises an IndexError."""
    where = _("{name}[{idx}]", name=name, idx=idx)
    try:
        found = data[idx]
    except IndexError:
        return
    except Exception as error:
        raise NotYet(
            _("{where} raised {error}; an IndexError is wanted.", where=where, error=sentence(error))
        ) from None
    raise NotYet(_("{where} is {found}; an IndexError is wanted.", where=where, found=describe(found)))


@exercise("6.1")
def windows(answer):
    for number, (total, size) in enumerate([(6, 2), (5, 4), (4, 1), (3, 3), (2, 3)]):
        series = torch.rand(total, generator=torch.Generator().manual_seed(number))
        series = (series, (100 * series).int(), series.double())[number % 3]
        name = f"Windows({total} values, {size})"
        data, count = made(answer, series, size, name="Windows")
        expect(
            count,
            max(0, total - size),
            _("len({name})", name=name),
            _("The last window must leave one value that follows it.")
            if total > size
            else _("The series is too short for a single item."),
            mistakes={
                _("The windows overlap: one starts at each place."): (total - 1) // size,
                _("The values of the series are not the items; a window is."): total,
            }
            if total > size > 1
            else {},
        )
        for i in (*range(count), *range(count)):  # twice: an item is found by its number, not by its turn
            window, following = item(data, i, name)
            expect(
                window,
                series[i : i + size],
                _("{name}[{idx}][0]", name=name, idx=i),
                mistakes={
                    _("The windows overlap: item 1 starts at place 1."): series[i * size : i * size + size]
                }
                if i
                else {},
            )
            expect(
                following,
                series[i + size],
                _("{name}[{idx}][1]", name=name, idx=i),
                _("It is the one value that follows."),
                mistakes={
                    _("This is a tensor (1,); the value itself, (), is wanted."): series[
                        i + size : i + size + 1
                    ],
                    _("This is the last value of the window, not the one that follows."): series[
                        i + size - 1
                    ],
                },
            )
        for idx in (count, -1, -count - 1, count + 5):
            ends(data, idx, name)
    return _(
        "Windows cut by a slice are views (chapter 5): however many they are, the series lies in memory once."
    )


class ImageFolderOrCIFAR10:
    """What both have, as much of it as exercise 6.2 may use; the name stands in hints."""

    def __init__(self, classes: list[str], targets: list[int]):
        self.classes, self.targets = list(classes), list(targets)
        self.class_to_idx = {name: i for i, name in enumerate(classes)}

    def __repr__(self):
        return f"{type(self).__name__}(classes={self.classes}, targets={self.targets})"

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, idx):
        raise NotYet(_("class_counts opened a picture; data.targets already holds every class number."))


@exercise("6.2")
def class_counts(answer):
    for classes, targets in [
        (["ants", "bees"], [0, 0, 1, 0]),
        (["ant", "bee", "wasp"], [2, 2, 0]),
        (["truck", "cat", "ship"], [1, 0, 1, 1, 2]),
        (["cat", "dog"], []),
    ]:
        data = ImageFolderOrCIFAR10(classes, targets)
        expected = {name: targets.count(i) for i, name in enumerate(classes)}
        where = _(
            "for classes {classes} and targets {targets}, class_counts", classes=classes, targets=targets
        )
        found = call(answer, data, name="class_counts")
        require(
            isinstance(found, dict),
            _("{where} is {found}; a dict is wanted.", where=where, found=describe(found)),
        )
        found = dict(found)
        require(
            data.classes == classes
            and data.targets == targets
            and data.class_to_idx == {name: i for i, name in enumerate(classes)},
            _("{where} changed the data set; leave it as it was.", where=where),
        )
        numbered = dict(enumerate(expected.values()))
        expect(
            found,
            expected,
            where,
            mistakes={
                _("The keys should be the names."): numbered,
                _("Classes without an item count too, as 0."): {k: v for k, v in expected.items() if v},
                _("The keys should be the names, and classes without an item count too."): {
                    k: v for k, v in numbered.items() if v
                },
            },
        )
        require(
            list(found) == classes,
            _(
                "{where} has the keys {found}; they should be {classes}.",
                where=where,
                found=list(found),
                classes=classes,
            ),
        )
    return _("If one class has nine items in ten, a network that always names it is right nine times in ten.")


@exercise("6.3")
def split_by_class(answer):
    cases = [
        ([0] * 5 + [1] * 7, 3),  # first, since with k = 2 the two lists of a wrong answer may look exchanged
        ([0, 0, 0, 1, 1, 0], 2),
        ([1, 0, 1, 0, 1, 0, 2], 2),
        ([30, 30, 1, 30], 2),
        ([3, 3, 3], 1),
        ([0, 1], 5),
        ([], 2),
    ]
    for labels, k in cases:
        own = {
            label: [i for i, other in enumerate(labels) if other == label] for label in sorted(set(labels))
        }
        held_back = sorted(i for places in own.values() for i in places[k - 1 :: k])
        learn = [i for i in range(len(labels)) if i not in held_back]
        where = _("split_by_class({labels}, {k})", labels=labels, k=k)
        found = call(answer, list(labels), k, name="split_by_class")
        pair(found, where)
        why = ""
        if labels:
            label = max(own, key=lambda label: len(own[label]))
            why = _(
                "Each class is counted on its own: class {label} has the items {own}, of which {held} are held back.",
                label=label,
                own=own[label],
                held=own[label][k - 1 :: k],
            )
        for part, wanted, other, what in [
            (found[0], learn, held_back, _("the list to learn from, {where}[0],", where=where)),
            (found[1], held_back, learn, _("the list held back, {where}[1],", where=where)),
        ]:
            mistakes = {_("The two lists are exchanged: those to learn from come first."): other}
            if isinstance(part, list | tuple) and sorted(map(str, part)) == sorted(map(str, wanted)):
                mistakes[_("These are the right indices, but not in rising order.")] = part
            expect(part, wanted, what, why, mistakes=mistakes)
    return _(
        "Statisticians call this a stratified split; scikit-learn's train_test_split has `stratify` for it."
    )


class Watched:
    """Three items (number, label), the last label a name, and which of them have been asked for."""

    def __init__(self):
        self.asked = []
        self.items = [(10, 1), (20, 0), (30, "bees")]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, idx):
        found = self.items[idx]
        self.asked.append(idx)
        return found


@exercise("6.4")
def transformed(answer):
    inner, calls = Watched(), []

    def transform(value):
        calls.append(value)
        return value + len(calls)  # another result at each call, as a random transform gives

    data, count = made(answer, inner, transform, name="Transformed")
    require(
        not inner.asked and not calls,
        _("Transformed read items before any was asked for; keep `data` and read in __getitem__."),
    )
    expect(count, 3, _("len of Transformed over {count} items", count=3))
    shorter = Watched()
    del shorter.items[2:]
    _data, count = made(answer, shorter, transform, name="Transformed")
    expect(count, 2, _("len of Transformed over {count} items", count=2))
    for turn, idx in enumerate([1, 0, 1, 2], start=1):
        inner.asked.clear()
        picture, label = item(data, idx, "Transformed(data, transform)")
        value, wanted = inner.items[idx]
        require(
            turn != 3 or (picture, label) != (21, 0),
            _("item 1 was the same when asked for again; the transform should run each time."),
        )
        expect(label, wanted, _("the label of item {idx}", idx=idx), _("Only the picture is transformed."))
        for what, times in [
            (_("called the transform"), len(calls) - turn + 1),
            (_("read from data"), len(inner.asked)),
        ]:
            require(
                times == 1,
                _("asking for one item {what} {times} times; once is wanted.", what=what, times=times),
            )
        expect(
            picture,
            value + turn,
            _("the picture of item {idx}, transformed,", idx=idx),
            mistakes={_("It was not transformed; return what the transform returns."): value},
        )
    require(
        sorted(vars(inner)) == ["asked", "items"],
        _("Transformed changed the data set that it wraps; leave it as it was."),
    )
    rest = take(data, 3, _("a `for` loop over Transformed(data, transform)"))
    expect([label for picture, label in rest], [1, 0, "bees"], _("the labels that a `for` loop gives"))
    return _("Around each part of a split it gives that part a transform of its own.")


def draw(folder: Path, name: str, mode: str, size: tuple[int, int], number: int) -> torch.Tensor:
    """Save a picture of noise; what it should become."""
    rng = np.random.default_rng(number)
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
    image = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
    if mode == "RGBA":
        image.putalpha(255)  # nothing shows through
    (image.quantize(8) if mode == "P" else image).save(folder / name)
    with Image.open(folder / name) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1) / 255


def folder_with_table(folder: Path) -> dict[str, torch.Tensor]:
    """Fill `folder` for exercise 6.5; returns what each readable picture should become."""
    pictures = [
        ("b.png", "RGB", (4, 5)),
        ("a.png", "L", (2, 5)),
        ("c.gif", "P", (3, 3)),
        ("d.png", "RGBA", (4, 3)),
        ("z.png", "RGB", (2, 2)),
    ]
    wanted = {name: draw(folder, name, mode, size, i) for i, (name, mode, size) in enumerate(pictures)}
    # Of one broken picture not even the head can be read, of the other only the pixels cannot.
    draw(folder, "cut.JPG", "RGB", (64, 64), 8)
    whole = (folder / "cut.JPG").read_bytes()
    (folder / "broken.jpg").write_bytes(whole[:40])
    (folder / "cut.JPG").write_bytes(whole[: len(whole) // 2])
    (folder / "where_from.txt").write_text("a stray\n")
    rows = ["b.png,wasps", "gone.png,aphids", "a.png,bees", "c.gif,wasps", "d.png,moths", "broken.jpg,flies"]
    rows += ["cut.JPG,ants"]
    (folder / "labels.csv").write_text("\n".join(rows))
    return wanted


@exercise("6.5")
def from_table(answer):
    require(
        isinstance(answer, type), _("the answer should be a class, but is {found}.", found=describe(answer))
    )
    # Whatever was set before, here half a picture is broken; an answer that changes this changes it for itself alone.
    whole = mock.patch.object(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    with whole, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wanted = folder_with_table(folder)
        early = _("list the names in __init__ and read a picture in __getitem__.")
        try:
            data = answer(folder)
        except Exception as error:
            if isinstance(error, OSError | RuntimeError) and "labels.csv" not in str(error):
                raise NotYet(
                    _(
                        "FromTable opened a picture when it was made, and one of them is broken; {early}",
                        early=early,
                    )
                ) from None
            raise NotYet(_("FromTable(folder) raised {error}.", error=sentence(error))) from None
        expect(
            length(data, "FromTable"),
            6,
            _("len"),
            _("Seven lines, one of whose pictures is missing."),
            mistakes={
                _("The table's gone.png is not in the folder; leave its line out."): 7,
                _(
                    "The first line of labels.csv holds a picture, too, a name may end in .JPG, "
                    "and a broken picture stays an item."
                ): 5,
                _(
                    "A name may end in .jpg, too, not only in .png or .gif, and a broken picture stays an item."
                ): 4,
            },
        )
        expect(
            getattr(data, "classes", None),
            ["ants", "bees", "flies", "moths", "wasps"],
            _("classes"),
            mistakes={
                _("No item that is left is called aphids."): [
                    "ants",
                    "aphids",
                    "bees",
                    "flies",
                    "moths",
                    "wasps",
                ],
                _("They are not sorted."): ["wasps", "bees", "moths", "flies", "ants"],
                _("The last line of labels.csv has no newline at its end; `line[:-1]` cuts a letter off."): [
                    "ant",
                    "bees",
                    "flies",
                    "moths",
                    "wasps",
                ],
            },
        )
        item(data, 1, "data")
        wanted["a.png"] = draw(folder, "a.png", "L", (2, 5), 9)  # another picture now
        for idx, (file, label) in enumerate([("b.png", 4), ("a.png", 1), ("c.gif", 4), ("d.png", 3)]):
            picture, found = item(data, idx, "data")
            where = _("data[{idx}][0], the picture {file},", idx=idx, file=file)
            right = wanted[file]
            expect(
                picture,
                right,
                where,
                _("This file was replaced after it had been read; read it each time it is asked for.")
                if file == "a.png"
                else "",
                mistakes={
                    _("convert('RGB') gives three channels."): right[:1],
                    _("This is (H, W, C); (C, H, W) is wanted."): right.permute(1, 2, 0),
                    _("The values go from 0 to 255; 0 to 1 is wanted."): right * 255,
                    **{
                        _("This is {other}; the items are in the order of the table.", other=other): pixels
                        for other, pixels in wanted.items()
                        if other != file
                    },
                },
            )
            expect(
                found,
                label,
                _("data[{idx}][1], the label of {file},", idx=idx, file=file),
                _("Its class is number {label} in classes.", label=label),
            )
        for idx, file in [(4, "broken.jpg"), (5, "cut.JPG")]:
            try:
                data[idx]
            except RuntimeError as error:
                require(
                    file in str(error),
                    _("the RuntimeError for a broken picture does not name the file, {file}.", file=file),
                )
            except Exception as error:
                raise NotYet(
                    _(
                        "the broken picture {file} raised {error}; catch OSError, in Image.open and when the pixels "
                        "are read, and raise a RuntimeError that names the file.",
                        file=file,
                        error=type(error).__name__,
                    )
                ) from None
            else:
                raise NotYet(
                    _(
                        "the broken picture {file} raised nothing; raise a RuntimeError that names the file.",
                        file=file,
                    )
                )
        ends(data, 6, "data")
    return _(
        "This is most of what real data sets need; the rest is patience with the people who made the table."
    )
