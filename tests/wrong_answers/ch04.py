"""Wrong answers to the exercises of chapter 4."""

from functools import partial

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from wrong_answers import Wrong


def squares(writer, tag="squares", swap=False, step=True, count=10):
    for x in range(count):
        if swap:
            writer.add_scalar(tag, x, x**2)
        elif step:
            writer.add_scalar(tag, x**2, x)
        else:
            writer.add_scalar(tag, x**2)


def points(log_dir, tag="loss"):
    return EventAccumulator(str(log_dir)).Reload().Scalars(tag)


def moving_mean(values, weight, start=lambda values: 0.0):
    mean, found = start(values), []
    for value in values:
        mean = weight * mean + (1 - weight) * value
        found.append(mean)
    return found


def divided_and_kept(values, weight, first=1):
    mean, found = 0.0, []
    for n, value in enumerate(values, start=first):
        mean = (weight * mean + (1 - weight) * value) / (1 - weight**n)
        found.append(mean)
    return found


def every_run(folder):
    last = {run.name: points(run)[-1].value for run in folder.iterdir()}
    return min(last, key=last.get)


def lowest(folder, key=lambda values: values[-1], name=lambda run: run.name):
    last = {}
    for run in folder.iterdir():
        events = EventAccumulator(str(run)).Reload()
        if "loss" in events.Tags()["scalars"]:
            last[name(run)] = key([event.value for event in events.Scalars("loss")])
    return min(last, key=lambda run: (last[run] == last[run], last[run]))


def record(
    writer,
    lr,
    losses,
    pictures,
    start=0,
    close=True,
    formats="NHWC",
    as_float=False,
    best=min,
    name="result",
    numbers=torch.tensor,
):
    for step, loss in enumerate(losses, start):
        writer.add_scalar("loss", loss, step)
    writer.add_images("pictures", pictures.float() if as_float else pictures, dataformats=formats)
    writer.add_histogram("losses", numbers(losses))
    writer.add_hparams({"lr": lr}, {"hparam/loss": best(losses)}, run_name=name)
    if close:
        writer.close()


WRONG = {
    "4.1": [
        Wrong(partial(squares, swap=True), hint="changed places"),
        Wrong(partial(squares, step=False), hint="step 0"),
        Wrong(partial(squares, tag="square"), hint="'squares'"),
        Wrong(partial(squares, count=9), hint="9 points"),
    ],
    "4.2": [
        Wrong(lambda shape: "CHW" if len(shape) == 3 else "NCHW" if len(shape) == 4 else "HW", hint="HWC"),
        Wrong(lambda shape: "CHW" if shape[0] in (1, 3) else "HWC", hint="dataformats((600, 512))"),
        Wrong(
            lambda shape: {2: "HW", 3: "CHW" if shape[0] in (1, 3) else "HWC"}.get(
                len(shape), "NCHW" if shape[1] == 3 or shape[0] == 3 else "NHWC"
            ),
            hint="(3, 32, 32, 3)",
        ),
    ],
    "4.3": [
        Wrong(lambda log_dir, tag: points(log_dir, tag)[-1].value, hint="in a later one"),
        Wrong(lambda log_dir, tag: max(p.step for p in points(log_dir, tag)), hint="the step"),
        Wrong(lambda log_dir, tag: max(p.value for p in points(log_dir, tag)), hint="should be 9"),
        Wrong(lambda log_dir, tag: points(log_dir, "loss")[6].value, hint="loss/other"),
    ],
    "4.4": [
        Wrong(moving_mean, hint="not divided"),
        Wrong(divided_and_kept, hint="mean is 2"),
        Wrong(partial(divided_and_kept, first=0), hint="n is 1, not 0"),
        Wrong(partial(moving_mean, start=lambda values: values[0] if values else 0.0), hint="smooth("),
        Wrong(
            lambda values, weight: [sum(values[: i + 1]) / (i + 1) for i in range(len(values))],
            hint="smooth(",
        ),
        Wrong(lambda values, weight: values, hint="should be"),
    ],
    "4.5": [
        Wrong(partial(lowest, key=min), hint="the last one counts"),
        Wrong(lowest, hint="NaN"),
        Wrong(every_run, hint="has no 'loss'"),
        Wrong(lambda folder: min(run.name for run in folder.iterdir()), hint="a-slow"),
        Wrong(lambda folder: folder / "b-best", hint="a Path"),
    ],
    "4.6": [
        Wrong(partial(record, close=False), hint="did not"),
        Wrong(partial(record, start=1), hint="(step, value)"),
        Wrong(partial(record, formats="NCHW"), hint="raised"),
        Wrong(partial(record, numbers=list), hint="numpy array or torch tensor are expected"),
        Wrong(partial(record, as_float=True), hint="pass the bytes"),
        Wrong(partial(record, best=lambda losses: losses[-1]), hint="lowest of the losses"),
        Wrong(partial(record, name=None), hint="run_name='result'"),
    ],
}
