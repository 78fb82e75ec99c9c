"""Checkers of chapter 4, TensorBoard: they let the answer write to a folder, and read the folder back."""

import io
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.util.tensor_util import make_ndarray
from torch.utils.tensorboard import SummaryWriter

from . import NotYet, _, call, exercise, expect, join, require


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder, deleted afterwards."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        yield Path(name)


def read(log_dir: Path) -> EventAccumulator:
    """All that was stored in a folder."""
    everything = {"scalars": 0, "images": 0, "histograms": 0, "tensors": 0}
    return EventAccumulator(str(log_dir), size_guidance=everything).Reload()


def scalars(log_dir: Path, tag: str) -> list[tuple[int, float]]:
    """(step, value) of each point, in the order of the steps. Raises NotYet if there is no such tag."""
    events = read(log_dir)
    if tag in events.Tags()["tensors"] and events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars":
        # add_scalar(…, new_style=True)
        return sorted((event.step, make_ndarray(event.tensor_proto).item()) for event in events.Tensors(tag))
    tags = events.Tags()["scalars"]
    require(tag in tags, _("no scalar has the tag {tag!r}; those stored: {tags}.", tag=tag, tags=tags))
    return sorted((event.step, event.value) for event in events.Scalars(tag))


def written(answer: Callable, log_dir: Path, *args: object, name: str) -> SummaryWriter:
    """The writer that the answer was called with; closed if the answer failed."""
    writer = SummaryWriter(str(log_dir))
    try:
        call(answer, writer, *args, name=name)
    except BaseException:
        writer.close()
        raise
    return writer


@exercise("4.1")
def log_squares(answer):
    with folder() as log_dir:
        with written(answer, log_dir, name="log_squares"):
            pass
        points = scalars(log_dir, "squares")
    wanted = [(x, float(x**2)) for x in range(10)]
    require(
        len(points) != 10 or {step for step, value in points} != {0},
        _("all points lie at step 0: the step is the third argument of add_scalar."),
    )
    require(
        points != sorted((x**2, float(x)) for x in range(10)),
        _("value and step are exchanged: add_scalar(tag, value, step)."),
    )
    require(
        points == wanted,
        _(
            "{count} points are stored, as (step, value): {first} …; 10 are wanted: (0, 0), (1, 1), (2, 4), …",
            count=len(points),
            first=points[:4],
        ),
    )
    return _("Tag, value, step: the methods that log numbers, pictures and texts take them in this order.")


@exercise("4.2")
def dataformats(answer):
    for shape, expected in [
        ((600, 512), "HW"),
        ((3, 600, 512), "CHW"),
        ((600, 512, 3), "HWC"),
        ((1, 28, 28), "CHW"),
        ((28, 28, 1), "HWC"),
        ((64, 3, 32, 32), "NCHW"),
        ((64, 32, 32, 1), "NHWC"),
        ((3, 32, 32, 3), "NHWC"),
        ((1, 8, 8, 3), "NHWC"),
        ((480, 640, 3), "HWC"),
        ((2, 8, 300, 1), "NHWC"),
        ((1, 3, 32, 32), "NCHW"),
        ((3, 3, 8, 8), "NCHW"),
        ((1, 1, 8, 300), "NCHW"),
    ]:
        expect(
            call(answer, shape, name="dataformats"),
            expected,
            _("dataformats({shape})", shape=shape),
            _("The axis with 1 or 3 places is C, but N may be 1 or 3, too."),
        )
    return _("add_images wants N, add_image does not; both believe what you say.")


@exercise("4.3")
def latest(answer):
    for files in [
        (range(5, 12), range(3)),
        (range(2), range(5, 12), range(2, 5)),
        (range(4), range(3), range(5, 7)),
        (range(1),),
    ]:
        top, end = max(map(max, files)), files[-1][-1]
        with folder() as log_dir:
            for steps in files:
                with SummaryWriter(str(log_dir)) as writer:
                    for step in steps:
                        writer.add_scalar("loss", 20 - step, step)
                        writer.add_scalar("loss/other", step / 4, step)
            for tag, expected, last in [("loss", 20.0 - top, 20.0 - end), ("loss/other", top / 4, end / 4)]:
                expect(
                    call(answer, str(log_dir), tag, name="latest"),
                    expected,
                    _(
                        "with the steps {steps}, a list for each file, latest(log_dir, {tag!r})",
                        steps=[list(steps) for steps in files],
                        tag=tag,
                    ),
                    _("The largest step may be in any of the files, and it may be 0."),
                    mistakes={
                        _("This is the step; its value is wanted."): top,
                        _("This is the value that was written last; its step is {step}.", step=end): last,
                        _("This is the largest value; the one at the largest step is wanted."): 20.0,
                    },
                )
    return _("A test can now ask for a loss: assert latest(log_dir, 'loss') < 0.5.")


@exercise("4.4")
def smooth(answer):
    for values, weight in [
        ([4.0, 2.0, 6.0], 0.75),
        ([1.0, 1.0, 1.0, 1.0], 0.9),
        ([2.0, 8.0, -4.0, 3.0] * 3, 0.5),
        ([3.0, -1.0], 0.0),
        ([], 0.6),
    ]:

        def means(start=0.0, old=weight, values=values):
            mean, found = start, []
            for value in values:
                found.append(mean := old * mean + (1 - old) * value)
            return found

        expected = [mean / (1 - weight**n) for n, mean in enumerate(means(), start=1)]
        kept, mean = [], 0.0
        for n, value in enumerate(values, start=1):
            kept.append(mean := (weight * mean + (1 - weight) * value) / (1 - weight**n))
        mistakes = {
            _("This is not divided by 1 − weightⁿ, so it starts too near to 0."): means(),
            _("The mean starts with 0, not with the first value."): means(values[0] if values else 0.0),
            _("Divide only what is drawn; the mean itself goes on undivided."): kept,
            _("weight is the share of the old mean, 1 − weight that of the new value."): [
                mean / (1 - weight**n) for n, mean in enumerate(means(old=1 - weight), start=1)
            ],
            _("These are the values as they were."): values,
            _("These are the right numbers, but a list is wanted."): tuple(expected),
        }
        if all(weight * n != 1 for n in range(1, len(values) + 1)):
            mistakes[_("weightⁿ is a power, `weight**n`, not a product.")] = [
                mean / (1 - weight * n) for n, mean in enumerate(means(), start=1)
            ]
        try:
            found = call(answer, list(values), weight, name="smooth")
        except NotYet as error:
            if "ZeroDivisionError" not in str(error):
                raise
            raise NotYet(join(error.hint, _("With n from 1, `1 - weight**n` is never 0."))) from None
        where = _("smooth({values}, {weight})", values=values, weight=weight)
        why = "" if values else _("Nothing smoothed is nothing.")
        expect(found, expected, where, why, mistakes=mistakes if expected != values else {}, same_type=True)
    return _(
        "With weight 0.9 a point is a mean over about the last ten: a sudden jump is shown late and small."
    )


class Listed:
    """What os.scandir gives, in a known order."""

    def __init__(self, entries: list):
        self.entries = iter(entries)

    def __iter__(self):
        return self.entries

    def __next__(self):
        return next(self.entries)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        pass


@contextmanager
def listing(backwards: bool) -> Iterator[None]:
    """Folders are listed by name, or the other way round; a disk may list them in any order."""
    listdir, scandir = os.listdir, os.scandir

    def scan(path="."):
        with scandir(path) as entries:
            return Listed(sorted(entries, key=lambda entry: entry.name, reverse=backwards))

    with (
        mock.patch.object(os, "listdir", lambda path=".": sorted(listdir(path), reverse=backwards)),
        mock.patch.object(os, "scandir", scan),
    ):
        yield


@exercise("4.5")
def best_run(answer):
    runs = {
        "a-nan": [10.0, 2.0, math.nan],
        "b-slow": [30.0, 20.0, 10.0],
        "c-lr0.1": [90.0, math.nan, 5.0],
        "d-back": [10.0, 1.0, 20.0],
        "z-nan": [10.0, 3.0, math.nan],
    }
    # The lowest is 0, which `if loss` leaves out; all are large.
    for factor, shift, backwards in [(1, -5, True), (1e6, 0, False)]:
        ends = [factor * losses[-1] + shift for losses in runs.values()]
        with folder() as top:
            for name, losses in runs.items():
                with SummaryWriter(str(top / name)) as writer:
                    for step, loss in enumerate(losses):
                        writer.add_scalar("loss", factor * loss + shift, step)
            with SummaryWriter(str(top / "e-other")) as writer:
                for tag in ("accuracy", "loss/validation"):
                    writer.add_scalar(tag, -9.0, 0)
            try:
                with listing(backwards):
                    found = call(lambda: answer(top), name="best_run")
            except NotYet as error:
                if "KeyError" not in str(error):
                    raise
                raise NotYet(
                    join(error.hint, _("One run has no 'loss': look into events.Tags() first."))
                ) from None
        require(not isinstance(found, Path), _("best_run returned a Path; its name is wanted, a str."))
        nan = _("It ends with NaN; <, > and == with NaN are false, so remove it first (math.isnan).")
        expect(
            found,
            "c-lr0.1",
            _("best_run(folder)"),
            _("The last losses are {ends}.", ends=ends),
            mistakes={
                _("Its loss was lowest on the way; the last one counts."): "d-back",
                _("It has no 'loss', only 'accuracy' and 'loss/validation'."): "e-other",
                nan: found if found in ("a-nan", "z-nan") else "a-nan",
            },
        )
    return _("This is how a search for good settings ends: the runs are in the folders, so ask the folders.")


@exercise("4.6")
def record(answer):
    losses, lr = [2.0, 0.5, 0.25, 0.5], 0.125
    pictures = torch.randint(256, (3, 8, 10, 3), dtype=torch.uint8)
    with folder() as log_dir:
        with written(answer, log_dir, lr, losses, pictures, name="record") as writer:
            closed = writer.file_writer is None
        expect(scalars(log_dir, "loss"), list(enumerate(losses)), _("'loss', as (step, value),"))

        events = read(log_dir)
        tags = events.Tags()
        require(
            "pictures" in tags["images"],
            _("no picture has the tag 'pictures'; there is {tags}.", tags=tags["images"]),
        )
        sheets = events.Images("pictures")
        require(
            len(sheets) == 1,
            _("{count} pictures have the tag 'pictures'; one sheet is wanted.", count=len(sheets)),
        )
        sheet = sheets[0]
        size = (sheet.width, sheet.height)
        require(
            size == (30, 8),
            _("the sheet is {w} x {h} pixels; three of 10 x 8 make 30 x 8.", w=size[0], h=size[1]),
        )
        pixels = np.asarray(Image.open(io.BytesIO(sheet.encoded_image_string)))
        require(
            np.array_equal(pixels, np.concatenate(pictures.numpy(), axis=1)),
            _("the sheet does not show the pictures as they are: pass the bytes, with dataformats='NHWC'."),
        )

        require(
            "losses" in tags["histograms"],
            _("no histogram 'losses'; there is {tags}.", tags=tags["histograms"]),
        )
        histograms = events.Histograms("losses")
        require(
            len(histograms) == 1,
            _("{count} histograms have the tag 'losses'; one is wanted.", count=len(histograms)),
        )
        stored = histograms[0].histogram_value
        require(
            stored.num == len(losses),
            _(
                "the histogram holds {count:g} numbers; all {wanted} are wanted.",
                count=stored.num,
                wanted=len(losses),
            ),
        )
        expect(
            [stored.min, stored.max, stored.sum, stored.sum_squares],
            [min(losses), max(losses), sum(losses), sum(loss**2 for loss in losses)],
            _("the histogram's [least, largest, sum, sum of squares]"),
            _("It should hold the losses."),
        )

        require(
            (log_dir / "result").is_dir(),
            _("there is no folder 'result': add_hparams(…, run_name='result')."),
        )
        metric = scalars(log_dir / "result", "hparam/loss")
        require(
            len(metric) == 1,
            _("{count} values are stored as the metric hparam/loss; one is wanted.", count=len(metric)),
        )
        expect(metric[0][1], min(losses), _("the metric hparam/loss"), _("It is the lowest of the losses."))
        content = read(log_dir / "result").SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        settings = HParamsPluginData.FromString(content).session_start_info.hparams
        require(
            "lr" in settings, _("the hyperparameters are {names}; 'lr' is missing.", names=sorted(settings))
        )
        expect(settings["lr"].number_value, lr, _("the hyperparameter lr"))
    require(closed, _("everything is there, but only because the checker closed the writer: record did not."))
    return _("Curves, pictures, numbers and settings of a run in one folder: nothing to look for next month.")
