"""Checkers of chapter 4, TensorBoard: they let the answer write to a folder, and read the folder back."""

import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch.utils.tensorboard import SummaryWriter

from . import NotYet, call, exercise, expect, require


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
    """(step, value) of each point. Raises NotYet if there is no such tag."""
    events = read(log_dir)
    tags = events.Tags()["scalars"]
    require(
        tag in tags, f"no scalar has the tag {tag!r}; those stored: {', '.join(map(repr, tags)) or 'none'}."
    )
    return [(event.step, event.value) for event in events.Scalars(tag)]


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
    if len(points) == 10 and {step for step, _ in points} == {0}:
        raise NotYet("all points lie at step 0: the step is the third argument of add_scalar.")
    if points != (wanted := [(x, float(x**2)) for x in range(10)]):
        if points == [(value, step) for step, value in wanted]:
            raise NotYet("value and step have changed places: add_scalar(tag, value, step).")
        shown = ", ".join(f"({step}, {value:g})" for step, value in points[:4])
        raise NotYet(
            f"{len(points)} points are stored, as (step, value): {shown}, …; 10 are wanted: (0, 0), (1, 1), (2, 4), …"
        )
    return "Tag, value, step: every writer's arguments come in this order."


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
    ]:
        found = call(answer, shape, name="dataformats")
        expect(
            found, expected, f"dataformats({shape})", "The axis with 1 or 3 places is C, but N may be 3 too."
        )
    return "add_images wants N, add_image does not; both believe what you say."


@exercise("4.3")
def latest(answer):
    with folder() as log_dir:
        for steps in (range(5, 12), range(3)):
            with SummaryWriter(str(log_dir)) as writer:
                for step in steps:
                    writer.add_scalar("loss", 20 - step, step)
                    writer.add_scalar("loss/other", step / 4, step)
        for tag, expected in [("loss", 9.0), ("loss/other", 2.75)]:
            where = f"with the steps 5 to 11 in one file and 0 to 2 in a later one, latest(log_dir, {tag!r})"
            found = call(answer, str(log_dir), tag, name="latest")
            if isinstance(found, int | float) and found == 11:
                raise NotYet(f"{where} is 11, the step; its value is wanted, {expected:g}.")
            expect(found, expected, where)
    return "A test can now ask for a loss: assert latest(log_dir, 'loss') < 0.5."


@exercise("4.4")
def smooth(answer):
    for values, weight in [
        ([4.0, 2.0, 6.0], 0.5),
        ([1.0, 1.0, 1.0, 1.0], 0.9),
        ([3.0, -1.0], 0.0),
        ([], 0.6),
    ]:
        where = f"smooth({values}, {weight})"
        mean, means = 0.0, []
        for value in values:
            mean = weight * mean + (1 - weight) * value
            means.append(mean)
        expected = [mean / (1 - weight**n) for n, mean in enumerate(means, start=1)]
        try:
            found = call(answer, list(values), weight, name="smooth")
        except NotYet as hint:
            if "ZeroDivisionError" in str(hint):
                raise NotYet(f"{hint} The first value's n is 1, not 0.") from None
            raise
        if not isinstance(found, list) or len(found) != len(values):
            expect(found, expected, where, "" if values else "Nothing smoothed is nothing.")
        if found != expected and all(isinstance(f, float) for f in found):
            if all(math.isclose(f, mean) for f, mean in zip(found, means, strict=True)):
                raise NotYet(f"{where} is not divided by 1 − weightⁿ: it starts too near to 0.")
        for n, (f, e, mean) in enumerate(zip(found, expected, means, strict=True), start=1):
            expect(f, e, f"{where}[{n - 1}]", f"There n is {n} and mean is {mean:g}.")
    return "With weight 0.9 a point is a mean over about the last ten: a sudden jump is shown late and small."


@exercise("4.5")
def best_run(answer):
    runs = {
        "a-slow": [3.0, 2.0, 1.0],
        "b-best": [9.0, 4.0, 0.5],
        "c-back": [1.0, 0.1, 2.0],
        "d-nan": [1.0, 0.2, math.nan],
    }
    with folder() as top:
        for name, losses in runs.items():
            with SummaryWriter(str(top / name)) as writer:
                for step, loss in enumerate(losses):
                    writer.add_scalar("loss", loss, step)
        with SummaryWriter(str(top / "e-other")) as writer:
            writer.add_scalar("accuracy", 0.0, 0)
        try:
            found = call(lambda: answer(top), name="best_run")
        except NotYet as hint:
            if "KeyError" in str(hint):
                raise NotYet(f"{hint} One run has no 'loss': look into events.Tags() first.") from None
            raise
        require(not isinstance(found, Path), "best_run returned a Path; its name is wanted, a str.")
        why = {
            "c-back": " Its loss was lowest on the way; the last one counts.",
            "d-nan": " It ends with NaN.",
            "e-other": " It has no loss.",
        }
        hint = why.get(found, "") if isinstance(found, str) else ""
        expect(found, "b-best", "best_run(folder)", f"{hint} The last losses are 1, 0.5, 2 and NaN.".strip())
    return "This is how a search for good settings ends: the runs are in the folders, so ask the folders."


@exercise("4.6")
def record(answer):
    losses, lr = [2.0, 0.75, 0.25, 0.5], 0.125
    pictures = torch.arange(720).remainder(256).to(torch.uint8).reshape(3, 8, 10, 3)
    with folder() as log_dir:
        with written(answer, log_dir, lr, losses, pictures, name="record") as writer:
            closed = writer.file_writer is None
        found = scalars(log_dir, "loss")
        require(
            found == list(enumerate(losses)),
            f"under 'loss' there is {found} as (step, value); {list(enumerate(losses))} is wanted.",
        )

        events = read(log_dir)
        tags = events.Tags()
        require(
            "pictures" in tags["images"], f"no picture has the tag 'pictures'; there is {tags['images']}."
        )
        sheet = events.Images("pictures")[0]
        size = (sheet.width, sheet.height)
        require(size == (30, 8), f"the sheet is {size[0]} x {size[1]} pixels; three of 10 x 8 make 30 x 8.")
        tile = np.asarray(Image.open(io.BytesIO(sheet.encoded_image_string)))[:, 10:20]
        require(
            tile.shape == (8, 10, 3) and np.array_equal(tile, pictures[1].numpy()),
            "the sheet does not show the pictures as they are: pass the bytes, with dataformats='NHWC'.",
        )

        require("losses" in tags["histograms"], f"no histogram 'losses'; there is {tags['histograms']}.")
        count = events.Histograms("losses")[0].histogram_value.num
        require(count == len(losses), f"the histogram holds {count:g} numbers; all {len(losses)} are wanted.")

        require(
            (log_dir / "result").is_dir(), "there is no folder 'result': add_hparams(…, run_name='result')."
        )
        metric = scalars(log_dir / "result", "hparam/loss")
        expect(metric[0][1], min(losses), "the metric hparam/loss", "It is the lowest of the losses.")
        content = read(log_dir / "result").SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        stored = HParamsPluginData.FromString(content).session_start_info.hparams
        require("lr" in stored, f"the hyperparameters are {sorted(stored)}; 'lr' is missing.")
        expect(stored["lr"].number_value, lr, "the hyperparameter lr")
    require(closed, "everything is there, but only because the checker closed the writer: record did not.")
    return "Curves, pictures, numbers and settings of a run in one folder: nothing to look for next month."
