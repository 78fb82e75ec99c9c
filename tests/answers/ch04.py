"""Answers to the exercises of chapter 4."""

import itertools
import math
import os
from functools import partial
from itertools import accumulate

import numpy as np
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from answers import Right, Wrong


def squares(writer, tag="squares", swap=False, step=True, count=10):
    for x in range(count):
        if swap:
            writer.add_scalar(tag, x, x**2)
        elif step:
            writer.add_scalar(tag, x**2, x)
        else:
            writer.add_scalar(tag, x**2)


def squares_in_new_style(writer):
    for x in range(10):
        writer.add_scalar("squares", x**2, x, new_style=True)


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


def squares_backwards(writer):
    for x in reversed(range(10)):
        writer.add_scalar("squares", x**2, global_step=x)


def squares_of_tensors(writer):
    for x in torch.arange(10):
        writer.add_scalar("squares", x.square(), int(x))
    writer.flush()


def formats_by_length(shape):
    if len(shape) == 2:
        return "HW"
    last = shape[-1] <= 3
    return {(3, True): "HWC", (3, False): "CHW", (4, True): "NHWC", (4, False): "NCHW"}[len(shape), last]


def formats_by_sides(shape):
    sides = [i for i, length in enumerate(shape) if length >= 8][-2:]
    letters = ["N" if i == 0 and len(shape) == 4 else "C" for i in range(len(shape))]
    letters[sides[0]], letters[sides[1]] = "H", "W"
    return "".join(letters)


def formats_solved(shape):
    if len(shape) == 2:
        return "HW"
    return ("N" if len(shape) == 4 else "") + ("HWC" if shape[-1] in (1, 3) else "CHW")


def latest_of_dict(log_dir, tag):
    by_step = {point.step: point.value for point in points(log_dir, tag)}
    return by_step[max(by_step)]


def latest_by_loop(log_dir, tag, step=-1):
    value = None
    for point in points(log_dir, tag):
        if point.step > step:
            step, value = point.step, point.value
    return np.float64(value)


def latest_of_first_file(log_dir, tag):
    return points(os.path.join(log_dir, sorted(os.listdir(log_dir))[0]), tag)[-1].value


def latest_before_a_step_back(log_dir, tag):
    found = points(log_dir, tag)
    for point, after in itertools.pairwise(found):
        if after.step < point.step:
            return point.value
    return found[-1].value


def latest_of_largest_file(log_dir, tag):
    with os.scandir(log_dir) as files:
        return points(max(files, key=lambda file: file.stat().st_size).path, tag)[-1].value


def smooth_solved(values, weight):
    mean, found = 0.0, []
    for n, value in enumerate(values, start=1):
        mean = weight * mean + (1 - weight) * value
        found.append(mean / (1 - weight**n))
    return found


def smooth_accumulated(values, weight):
    means = accumulate(values, lambda mean, value: weight * mean + (1 - weight) * value, initial=0.0)
    return [mean / (1 - weight**n) for n, mean in enumerate(means) if n]


def smooth_by_shares(values, weight):
    found = []
    for n in range(1, len(values) + 1):
        shares = weight ** np.arange(n)[::-1]
        found.append((shares * np.array(values[:n])).sum() / shares.sum())
    return found


def smooth_window(values, weight, size):
    return [smooth_solved(values[max(0, n - size) : n], weight)[-1] for n in range(1, len(values) + 1)]


def product_for_power(values, weight):
    return [mean / (1 - weight * n) for n, mean in enumerate(moving_mean(values, weight), start=1)]


def other_share(values, weight):
    mean, found = 0.0, []
    for n, value in enumerate(values, start=1):
        mean = (1 - weight) * mean + weight * value
        found.append(mean / (1 - weight**n))
    return found


def changed_in_place(values, weight):
    values[:] = smooth_solved(values, weight)
    return values


def best_solved(folder, isnan=math.isnan):
    last = {}
    for run in folder.iterdir():
        events = EventAccumulator(str(run)).Reload()
        if "loss" in events.Tags()["scalars"]:
            loss = events.Scalars("loss")[-1].value
            if not isnan(loss):
                last[run.name] = loss
    return min(last, key=last.get)


def best_without_any_nan(folder):
    last = {}
    for run in folder.iterdir():
        events = EventAccumulator(str(run)).Reload()
        if "loss" in events.Tags()["scalars"]:
            losses = [point.value for point in events.Scalars("loss")]
            if not any(map(math.isnan, losses)):
                last[run.name] = losses[-1]
    return min(last, key=last.get)


def best_by_names(folder, best=float("inf")):
    name = ""
    for run in sorted(os.listdir(folder)):
        try:
            loss = points(os.path.join(folder, run))[-1].value
        except KeyError:
            continue
        if loss < best:
            best, name = loss, run
    return name


def best_if_not_zero(folder):
    best, name = None, ""
    for run in folder.iterdir():
        if "loss" in EventAccumulator(str(run)).Reload().Tags()["scalars"]:
            loss = points(run)[-1].value
            if not math.isnan(loss) and (not best or loss < best):
                best, name = loss, run.name
    return name


def best_of_any_loss(folder):
    last = {}
    for run in folder.iterdir():
        for tag in EventAccumulator(str(run)).Reload().Tags()["scalars"]:
            if "loss" in tag and not math.isnan(loss := points(run, tag)[-1].value):
                last[run.name] = loss
    return min(last, key=last.get)


def best_of_scan(folder):
    with os.scandir(folder) as entries:
        runs = [(entry.name, EventAccumulator(entry.path).Reload()) for entry in entries]
    pairs = [(r.Scalars("loss")[-1].value, name) for name, r in runs if "loss" in r.Tags()["scalars"]]
    return min(pair for pair in pairs if pair[0] == pair[0])[1]


def record_in_with(writer, lr, losses, pictures):
    with writer:
        record(writer, lr, losses, pictures, close=False)


def record_other_order(writer, lr, losses, pictures):
    writer.add_hparams({"lr": lr, "steps": len(losses)}, {"hparam/loss": min(losses)}, run_name="result")
    writer.add_histogram("losses", np.array(losses), bins="auto")
    writer.add_images("pictures", pictures.permute(0, 3, 1, 2))
    for step in reversed(range(len(losses))):
        writer.add_scalar("loss", torch.tensor(losses[step]), step)
    writer.close()


def record_with_a_histogram_each(writer, lr, losses, pictures):
    record(writer, lr, losses, pictures, close=False)
    for step in range(1, len(losses)):
        writer.add_histogram("losses", np.array(losses), step)
    writer.close()


def formats_of_tall_pictures(shape):
    return "HW" if len(shape) == 2 else "N" * (len(shape) == 4) + ("CHW" if shape[-3] < shape[-2] else "HWC")


def record_metric_of_each_loss(writer, lr, losses, pictures):
    record(writer, lr, losses, pictures, close=False)
    for loss in losses:
        writer.add_hparams({"lr": lr}, {"hparam/loss": loss}, run_name="result")
    writer.close()


def record_steps_by_index(writer, lr, losses, pictures):
    for loss in losses:
        writer.add_scalar("loss", loss, losses.index(loss))
    writer.close()


def record_pictures_too(writer, lr, losses, pictures):
    record(writer, lr, losses, pictures, close=False)
    for step, picture in enumerate(pictures, start=1):
        writer.add_image("pictures", picture, step, dataformats="HWC")
    writer.close()


def record_first_picture_only(writer, lr, losses, pictures):
    return record(writer, lr, losses, pictures[[0, 1, 1]])


RIGHT = {
    "4.1": [Right(squares), Right(squares_backwards), Right(squares_of_tensors), Right(squares_in_new_style)],
    "4.2": [Right(formats_solved), Right(formats_by_length), Right(formats_by_sides)],
    "4.3": [
        Right(lambda log_dir, tag: max(points(log_dir, tag), key=lambda point: point.step).value),
        Right(latest_of_dict),
        Right(latest_by_loop),
    ],
    "4.4": [Right(smooth_solved), Right(smooth_accumulated), Right(smooth_by_shares)],
    "4.5": [Right(best_solved), Right(best_by_names), Right(best_of_scan)],
    "4.6": [Right(record), Right(record_in_with), Right(record_other_order)],
}
WRONG = {
    "4.1": [
        Wrong(partial(squares, swap=True), hint="are exchanged"),
        Wrong(partial(squares, step=False), hint="step 0"),
        Wrong(partial(squares, tag="square"), hint="'squares'"),
        Wrong(partial(squares, count=9), hint="9 points"),
        Wrong(partial(squares, count=11), hint="11 points"),
        Wrong(lambda writer: None, hint="no scalar has the tag"),
    ],
    "4.2": [
        Wrong(formats_of_tall_pictures, hint="dataformats((480, 640, 3))"),
        Wrong(lambda shape: "CHW" if len(shape) == 3 else "NCHW" if len(shape) == 4 else "HW", hint="HWC"),
        Wrong(lambda shape: "CHW" if shape[0] in (1, 3) else "HWC", hint="dataformats((600, 512))"),
        Wrong(
            lambda shape: {2: "HW", 3: "CHW" if shape[0] in (1, 3) else "HWC"}.get(
                len(shape), "NCHW" if shape[1] == 3 or shape[0] == 3 else "NHWC"
            ),
            hint="(3, 32, 32, 3)",
        ),
        Wrong(lambda shape: formats_solved(shape).lower(), hint="dataformats((600, 512))"),
        Wrong(lambda shape: formats_solved(shape)[-3:], hint="'NCHW'"),
    ],
    "4.3": [
        Wrong(lambda log_dir, tag: points(log_dir, tag)[-1].value, hint="written last"),
        Wrong(lambda log_dir, tag: max(p.step for p in points(log_dir, tag)), hint="the step"),
        Wrong(lambda log_dir, tag: max(p.value for p in points(log_dir, tag)), hint="largest value"),
        Wrong(lambda log_dir, tag: points(log_dir, "loss")[6].value, hint="loss/other"),
        Wrong(lambda log_dir, tag: min(p.value for p in points(log_dir, tag)), hint="loss/other"),
        Wrong(partial(latest_by_loop, step=0), hint="it may be 0"),
        Wrong(latest_of_first_file, hint="in any of the files"),
        Wrong(latest_before_a_step_back, hint="[[0, 1, 2, 3], [0, 1, 2], [5, 6]]"),
        Wrong(latest_of_largest_file, hint="[[0, 1, 2, 3], [0, 1, 2], [5, 6]]"),
    ],
    "4.4": [
        Wrong(moving_mean, hint="not divided"),
        Wrong(divided_and_kept, hint="goes on undivided"),
        Wrong(partial(divided_and_kept, first=0), hint="is never 0"),
        Wrong(
            partial(moving_mean, start=lambda values: values[0] if values else 0.0),
            hint="not with the first value",
        ),
        Wrong(
            lambda values, weight: [sum(values[: i + 1]) / (i + 1) for i in range(len(values))],
            hint="smooth(",
        ),
        Wrong(lambda values, weight: values, hint="as they were"),
        Wrong(product_for_power, hint="is a power"),
        Wrong(partial(smooth_window, size=4), hint="smooth([2.0, 8.0"),
        Wrong(partial(smooth_window, size=10), hint="smooth([2.0, 8.0"),
        Wrong(other_share, hint="smooth([4.0, 2.0, 6.0], 0.75)"),
        Wrong(changed_in_place, hint="changed its argument"),
        Wrong(lambda values, weight: np.array(smooth_solved(values, weight)), hint="a list is wanted"),
        Wrong(lambda values, weight: tuple(smooth_solved(values, weight)), hint="a list is wanted"),
    ],
    "4.5": [
        Wrong(best_without_any_nan, hint="is 'b-slow'"),
        Wrong(lambda folder: os.path.splitext(best_solved(folder))[0], hint="is 'c-lr0'"),
        Wrong(partial(best_by_names, best=1000), hint="is ''"),
        Wrong(best_if_not_zero, hint="is 'b-slow'"),
        Wrong(best_of_any_loss, hint="only 'accuracy' and 'loss/validation'"),
        Wrong(partial(lowest, key=min), hint="the last one counts"),
        Wrong(lowest, hint="NaN"),
        Wrong(every_run, hint="has no 'loss'"),
        Wrong(lambda folder: min(run.name for run in folder.iterdir()), hint="It ends with NaN"),
        Wrong(lambda folder: folder / "c-lr0.1", hint="a Path"),
        Wrong(partial(best_solved, isnan=lambda loss: loss == float("nan")), hint="It ends with NaN"),
        Wrong(lambda folder: "d-back", hint="the last one counts"),
        Wrong(lambda folder: "e-other", hint="It has no 'loss'"),
    ],
    "4.6": [
        Wrong(record_with_a_histogram_each, hint="4 histograms have the tag"),
        Wrong(partial(record, close=False), hint="did not"),
        Wrong(partial(record, start=1), hint="as (step, value)"),
        Wrong(record_steps_by_index, hint="as (step, value)"),
        Wrong(partial(record, formats="NCHW"), hint="raised"),
        Wrong(partial(record, numbers=list), hint="numpy array or torch tensor are expected"),
        Wrong(partial(record, as_float=True), hint="pass the bytes"),
        Wrong(partial(record, best=lambda losses: losses[-1]), hint="lowest of the losses"),
        Wrong(partial(record, name=None), hint="run_name='result'"),
        Wrong(partial(record, numbers=lambda losses: torch.ones(4)), hint="should hold the losses"),
        Wrong(partial(record, numbers=lambda losses: torch.tensor(losses[:3])), hint="all 4 are wanted"),
        Wrong(record_metric_of_each_loss, hint="5 values are stored"),
        Wrong(record_pictures_too, hint="one sheet is wanted"),
        Wrong(record_first_picture_only, hint="as they are"),
    ],
}
