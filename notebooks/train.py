"""Chapter 21 as a script: train CIFAR10-quick, or chapter 26's network, and watch it on images held out.

python notebooks/train.py                                      the bundled sample
COURSE_DATA=full python notebooks/train.py                     the whole of CIFAR-10
COURSE_DATA=full python notebooks/train.py --model residual    the network of chapter 26
python notebooks/train.py --checkpoint run.pt                  a run that may be stopped
python notebooks/train.py --checkpoint run.pt --resume         goes on where that run was
python notebooks/train.py --validation 0 --test                the last run: all images, then the test images
torchrun --standalone --local-addr=localhost --nproc-per-node=2 notebooks/train.py
                                                               two processes (chapter 25)

On a CPU it uses the cores that are free when it starts. OMP_NUM_THREADS=8 python notebooks/train.py uses eight, free or
not; on Windows set the variable first (PowerShell: $env:OMP_NUM_THREADS = 8).

Exit codes: 0 done, 1 the loss became no number, 2 wrong options, 3 the data cannot be had, 4 a file cannot be read or
written, 130 stopped by Ctrl+C.
"""

import shadows  # noqa: F401  first: see there

# isort: split
import argparse
import contextlib
import io
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.elastic.multiprocessing.errors import get_error_handler
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR
from tqdm import tqdm

import helpers
from course_data import DataError, cifar10_tensors, mode
from helpers import Batches, CheckpointError, evaluate, train_one_epoch
from language import Text, _
from residual import PIECES, AveragedSGD, Views, parameter_groups, residual_network, whiten

ACTIVATIONS = {"none": None, "relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}
# How the learning rate goes: up to its highest value in the first quarter of the steps, then down to almost nothing
# (Smith and Topin, arXiv 1708.07120), in straight lines or along a cosine; or the same for all steps.
SCHEDULES = {"onecycle": "linear", "onecycle-cosine": "cos", "constant": None}
# What can go wrong without a mistake in this file, with the exit code: main() says it in one sentence.
EXIT_CODES = {FloatingPointError: 1, ValueError: 2, DataError: 3, CheckpointError: 4, OSError: 4}
SCORES = {
    "train": partial(_, "train loss {loss:.4f} accuracy {accuracy:6.2%}"),
    "validation": partial(_, "validation loss {loss:.4f} accuracy {accuracy:6.2%}"),
}
ERRORS = tuple(EXIT_CODES)
T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """All that decides a run's numbers, but for the data and the device. The defaults are CIFAR10-quick's recipe."""

    model: str = "quick"
    epochs: int = 15
    batch_size: int = 64
    lr: float = 0.03
    momentum: float = 0.9
    weight_decay: float = 1.5e-3
    label_smoothing: float = 0.05
    augment: bool = True
    shift: int = 2
    activation: str = "relu"
    schedule: str = "onecycle"
    validation: float = 0.1
    seed: int = 0
    autocast: bool = False
    erase: int = 0  # the side, in pixels, of a square that is hidden in each training image; 0 for none
    # Of the residual network and its training:
    small: float = 0.0  # the share of the epochs, the first ones, with small pictures
    small_side: int = 20  # their height and width in pixels
    average: bool = False  # go back to a mean of the weights every few steps
    width: int = 64  # the channels of the first block
    without: str = ""  # what to leave out

    def has(self, piece: str) -> bool:
        """Whether the run has this one of the residual network's PIECES; CIFAR10-quick has none."""
        return self.model == "residual" and self.without != piece

    def side(self, epoch: int) -> int | None:
        """How high and wide the pictures of this epoch, counted from 0, are made; None where they stay as they are."""
        return self.small_side if self.has("small") and epoch < round(self.small * self.epochs) else None


# One recipe for each network.
RECIPES = {
    "quick": Settings(),
    "residual": Settings(
        model="residual",
        epochs=36,
        batch_size=256,
        lr=0.3,
        weight_decay=1e-3,
        label_smoothing=0.1,
        shift=3,
        erase=10,
        activation="gelu",
        small=0.5,
        small_side=24,
    ),
}


def split(images: Tensor, labels: Tensor, validation: float) -> tuple[tuple[Tensor, Tensor], ...]:
    """The images to train on and the last share of them, `validation` (0 to 1), to hold out, each with labels."""
    count = len(labels) - round(validation * len(labels))
    return (images[:count], labels[:count]), (images[count:], labels[count:])


def new_model(settings: Settings) -> nn.Module:
    """The network that the settings name, with new weights."""
    if settings.model == "residual":
        return residual_network(settings.width, shortcut=settings.has("shortcut"))
    return helpers.cifar10_quick(ACTIVATIONS[settings.activation])


def to_ask(model: nn.Module, settings: Settings) -> nn.Module:
    """What is scored on the test images: the residual network sees several views of each image (chapter 26)."""
    return Views(model) if settings.model == "residual" else model


def build(
    settings: Settings, steps: int, device: torch.device | str, images: Tensor | None = None
) -> tuple[nn.Module, nn.Module, torch.optim.Optimizer, LRScheduler]:
    """Model, loss, optimizer and scheduler for a run of `steps` batches; the weights come from settings.seed.

    images: uint8 (N, 3, 32, 32), those to train on; the residual network's first layer is made from them, so that
    ValueError is raised where it has none. quick needs none.
    """
    helpers.seed(settings.seed)
    model = new_model(settings)
    model = model.to(device, memory_format=torch.channels_last)
    momentum = {"momentum": settings.momentum, "nesterov": settings.momentum > 0}
    if settings.has("whitening"):
        if images is None:
            raise ValueError(_("the residual network's first layer is made from images: give some"))
        some = images[:5000]
        nothing = torch.zeros(len(some), dtype=torch.int64)
        (x, _y), *_rest = Batches(some, nothing, batch_size=len(some), device=device)
        whiten(model, x)
    if settings.model == "residual":
        groups = parameter_groups(model, settings.weight_decay)
    else:
        groups = [{"params": model.parameters(), "weight_decay": settings.weight_decay}]
    if settings.average:
        optimizer = AveragedSGD(groups, total=steps, lr=settings.lr, **momentum)
    else:
        optimizer = torch.optim.SGD(groups, lr=settings.lr, **momentum)
    loss_fn = nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing)
    if settings.schedule == "constant":
        return model, loss_fn, optimizer, LambdaLR(optimizer, lambda step: 1.0)
    scheduler = OneCycleLR(
        optimizer,
        settings.lr,
        total_steps=steps,
        # OneCycleLR divides by pct_start * steps - 1, which must not be 0.
        pct_start=0.25 if steps != 4 else 0.5,
        anneal_strategy=SCHEDULES[settings.schedule],
        cycle_momentum=False,
    )
    return model, loss_fn, optimizer, scheduler


@dataclass
class Run:
    """A training run at the end of an epoch: all that it needs to go on to the same numbers."""

    settings: Settings
    images: int  # how many it was given
    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: LRScheduler
    generator: torch.Generator  # of the order and the augmentation
    epoch: int = 0  # epochs done
    history: dict[str, list[float]] = field(default_factory=dict)
    log: str | None = None  # the folder of its curves, under LOGS

    def snapshot(self) -> dict:
        """The run as a checkpoint, for save_checkpoint."""
        return {
            "settings": asdict(self.settings),
            "images": self.images,
            "epoch": self.epoch,
            "history": self.history,
            "log": self.log,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "torch_rng": torch.get_rng_state(),
            "batches_rng": self.generator.get_state(),
        }

    def restore(self, state: dict, name: str) -> None:
        """Go back to where `state`, a snapshot, was made; raises CheckpointError if it is of another run."""
        check_same_run(state, self.settings, self.images, name)
        helpers.load_weights(self.model, state["model"], name)
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["torch_rng"])
        self.generator.set_state(state["batches_rng"])
        self.epoch, self.history, self.log = state["epoch"], state["history"], state.get("log")


def train(
    settings: Settings,
    images: Tensor,
    labels: Tensor,
    device: torch.device | str = helpers.device,
    checkpoint: Path | None = None,
    resume: bool = False,
    log: str | None = None,
    verbose: bool = True,
    progress: bool = True,
) -> tuple[nn.Module, dict[str, list[float]]]:
    """Train a network; returns it with its history, lists of one number per epoch as plot_history wants them.

    The training loss is what is made small, with label smoothing; the validation loss is plain cross entropy,
    as the test loss is. Both are of one view of each image, whatever the network.

    Several processes make the steps of one as long as each image is computed by itself. BatchNorm, which only the
    residual network has, takes the mean and variance of a process's own share of the batch, and its running
    statistics are those of process 0: all processes have the same weights, but others than one process alone.

    images: uint8 (N, 3, 32, 32), labels: int64 (N,); the last settings.validation of them are held out.
    checkpoint: written after each epoch. resume: go on from it, to the same numbers as without the break.
    log: the name of a TensorBoard run; a resumed run goes on with its own curves. verbose: print a line for
    each epoch. progress: show a bar with the time left for the whole run.
    Raises CheckpointError, before the first epoch, if the checkpoint cannot be written, is there and not to be
    resumed from, or belongs to another run; ValueError if the processes of a run are not given the same.
    """
    rank, world = place()
    first = rank == 0  # the process that reports and writes
    agree({"images": len(labels), **asdict(settings)}, _("give all of them the same options and data"))
    train_part, held_out = split(images, labels, settings.validation)
    if len(train_part[1]) < world:
        raise ValueError(
            _(
                "{images} images to train on are too few for {world} process(es)",
                images=len(train_part[1]),
                world=world,
            )
        )
    generator = torch.Generator().manual_seed(settings.seed)
    batches = Batches(
        *train_part,
        settings.batch_size,
        shuffle=True,
        augment=settings.augment,
        shift=settings.shift,
        alternate=settings.has("alternate"),
        erase=settings.erase,
        device=device,
        generator=generator,
        rank=rank,
        world=world,
    )
    validation = Batches(*held_out, 1000, device=device)
    model, loss_fn, optimizer, scheduler = build(
        settings, settings.epochs * len(batches), device, train_part[0]
    )
    run = Run(settings, len(labels), model, optimizer, scheduler, generator)
    parts = ["train", "validation"] if len(validation) else ["train"]
    run.history = {f"{part}_{measure}": [] for part in parts for measure in ("loss", "accuracy")}

    if checkpoint:
        in_all(lambda: open_checkpoint(run, checkpoint, resume))
        agree(
            {"epochs done": run.epoch},
            _("a run can only go on from one checkpoint, in a folder that all processes share"),
        )
        if run.epoch and verbose and first:
            say(_("going on after epoch {epoch} of {epochs}", epoch=run.epoch, epochs=settings.epochs))
    batches.rounds = run.epoch
    curves = in_all(lambda: Curves(run, log) if log and first else None)

    parallel = DistributedDataParallel(model) if world > 1 else model
    train_loss = finite_in_all(loss_fn) if world > 1 else loss_fn
    bar = tqdm(
        total=settings.epochs * len(batches),
        initial=run.epoch * len(batches),
        desc=str(_("training")),
        file=sys.stdout,
        **helpers.BAR,
        **({} if progress and first else {"disable": True}),  # else as TQDM_DISABLE says
    )
    with bar, contextlib.closing(curves) if curves else contextlib.nullcontext():
        while run.epoch < settings.epochs:
            batches.side = validation.side = settings.side(run.epoch)
            result = train_one_epoch(
                parallel, ticking(batches, bar), train_loss, optimizer, scheduler, settings.autocast
            )
            scores = {"train": mean_of_all(result, device)}
            if first and len(validation):
                scores["validation"] = evaluate(model, validation, nn.CrossEntropyLoss())
            for part, (loss, accuracy) in scores.items():
                run.history[f"{part}_loss"].append(loss)
                run.history[f"{part}_accuracy"].append(accuracy)
            run.epoch += 1
            if checkpoint:
                in_all(lambda: save_somewhere(checkpoint, run.snapshot()) if first else None)
            if curves:
                curves.add(run.epoch)
            if first and verbose:
                line = [_("epoch {epoch:2}/{epochs}", epoch=run.epoch, epochs=settings.epochs)]
                for part, (loss, accuracy) in scores.items():
                    line.append(SCORES[part](loss=loss, accuracy=accuracy))
                say("  ".join(map(str, line)))
    return model, run.history


def open_checkpoint(run: Run, path: Path, resume: bool) -> None:
    """Bring `run` to where the checkpoint at `path` is, if there is one, and prove that one can be written."""
    if path.is_file():
        if not resume:
            raise CheckpointError(
                _("{path} is there already: add --resume, or choose another name", path=path)
            )
        run.restore(helpers.load_checkpoint(path), str(path))
    if place()[0] == 0:
        prove_writable(path, run.snapshot())


def prove_writable(path: Path, state: dict) -> None:
    """Raise CheckpointError unless `state` can be written to `path`: better before training than after it."""
    if path.is_dir():
        raise CheckpointError(
            _("{path} is a folder: name a file in it, such as {example}", path=path, example=path / "run.pt")
        )
    probe = path.with_name(f"{path.name}.probe")
    try:
        helpers.save_checkpoint(probe, state)
    except CheckpointError as error:
        raise CheckpointError(str(error).replace(probe.name, path.name)) from None
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


class Curves:
    """The run's curves for TensorBoard. If they can no longer be written, the run says so and goes on."""

    def __init__(self, run: Run, log: str):
        folder = helpers.LOGS / run.log if run.log else None
        if folder and folder.is_dir() and Path(run.log).parent == Path(log):  # the run began them
            from torch.utils.tensorboard import SummaryWriter

            # Written again from the first epoch: what the stopped run may have added after its checkpoint is void.
            self.writer = SummaryWriter(str(folder), purge_step=1)
        else:
            self.writer = helpers.new_writer(log)
            run.log = Path(self.writer.log_dir).relative_to(helpers.LOGS).as_posix()
        self.history = run.history
        for epoch in range(1, run.epoch + 1):
            self.add(epoch)

    def add(self, epoch: int) -> None:
        """Write the numbers of this epoch, counted from 1."""

        def write() -> None:
            for name, values in self.history.items():
                part, underscore, measure = name.rpartition("_")
                self.writer.add_scalar(f"{measure}/{part}", values[epoch - 1], epoch)
            self.writer.flush()

        self._try(write)

    def close(self) -> None:
        """Write what is left."""
        self._try(lambda: self.writer.close())

    def _try(self, write: Callable[[], None]) -> None:
        try:
            if self.writer:
                write()
        except OSError as error:
            say(
                _(
                    "the curves end here: they cannot be written ({reason})",
                    reason=error.strerror or error,
                )
            )
            self.writer = None


def place() -> tuple[int, int]:
    """This process's rank and the number of processes: (0, 1) without torchrun."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def gathered(value: T) -> list[T]:
    """The value of every process, in the order of their ranks."""
    if not dist.is_initialized():
        return [value]
    values = [value] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def in_all(action: Callable[[], T]) -> T:
    """action(). An error in one process is raised in all, so that none of them waits for one that is gone."""
    result, problem = None, None
    try:
        result = action()
    except ERRORS as error:
        problem = error
    if found := [error for error in gathered(problem) if error]:
        raise problem or found[0]
    return result


def agree(facts: dict, advice: Text) -> None:
    """Raise ValueError, in all processes, unless `facts` are the same in each."""
    everyone = gathered(facts)
    for rank, other in enumerate(everyone):
        for key, value in everyone[0].items():
            if other[key] != value:
                raise ValueError(
                    _(
                        "{key}: {value} in process 0, {other} in process {rank}: {advice}",
                        key=key,
                        value=value,
                        other=other[key],
                        rank=rank,
                        advice=advice,
                    )
                )


def finite_in_all(loss_fn: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """`loss_fn`; but as soon as one process's loss is not a finite number, no process's is, and all stop there."""

    def loss(logits: Tensor, y: Tensor) -> Tensor:
        own = loss_fn(logits, y)
        total = own.detach().clone()
        dist.all_reduce(total)
        return own if total.isfinite() else total

    return loss


def say(line: Text | str) -> None:
    """Print a line above the bar, at once: a killed run's log file should hold what it has done."""
    tqdm.write(str(line), file=sys.stdout)
    sys.stdout.flush()


def ticking(batches: Iterable, bar: tqdm) -> Iterator:
    """The same batches; the bar moves on after each."""
    for batch in batches:
        yield batch
        bar.update()


def mean_of_all(result: tuple[float, float], device: torch.device | str) -> tuple[float, float]:
    """The mean of (loss, accuracy) over the processes, whose shares are of one size."""
    if dist.is_initialized():
        both = torch.tensor(result, device=device)
        dist.all_reduce(both)
        loss, accuracy = (both / dist.get_world_size()).tolist()
        return loss, accuracy
    return result


def check_same_run(state: dict, settings: Settings, images: int, name: str) -> None:
    """Raises CheckpointError unless the checkpoint `state` is of a run with these settings on as many images."""
    if not isinstance(state, dict) or "settings" not in state:
        raise CheckpointError(_("{name} is no checkpoint of a training run: choose another name", name=name))
    wanted = {**asdict(settings), "images": images}
    # A setting that is newer than the checkpoint had its default.
    found = {**asdict(Settings()), **state["settings"], "images": state["images"]}
    for key, value in wanted.items():
        if found[key] != value:
            reason = ""
            if key == "epochs" and settings.schedule != "constant":
                reason = _(
                    " (the learning rate of each step depends on it, so a longer run differs from its first step on)"
                )
            raise CheckpointError(
                _(
                    "{name} belongs to another run: {key} is {there} there and {here} here{reason}; give the options it "
                    "was started with, or choose another name",
                    name=name,
                    key=key,
                    there=found[key],
                    here=value,
                    reason=reason,
                )
            )


def number(
    kind: type, low: float, high: float = math.inf, more: bool = False, less: bool = False
) -> Callable:
    """Reads an option's number from `low` to `high`, themselves left out by `more` and `less`."""
    lower = _("more than {low}", low=low) if more else _("at least {low}", low=low)
    wanted = lower
    if high < math.inf:
        upper = _("less than {high}", high=high) if less else _("at most {high}", high=high)
        wanted = _("{lower} and {upper}", lower=lower, upper=upper)

    def parse(text: str):
        value = kind(text)
        fits = (low < value if more else low <= value) and (value < high if less else value <= high)
        if not (fits and math.isfinite(value)):
            raise argparse.ArgumentTypeError(
                _("{text} will not do, it should be {wanted}", text=text, wanted=wanted)
            )
        return value

    parse.__name__ = str(_("whole number") if kind is int else _("number"))
    return parse


def command_line(default: Settings) -> argparse.ArgumentParser:
    """The options, one for each of Settings with its default, and what to read and write."""

    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        epilog="Examples:\n" + __doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    recipe = parser.add_argument_group(str(_("recipe")))
    recipe.add_argument(
        "--model",
        choices=RECIPES,
        default=default.model,
        help=str(_("the network of chapter 20 or of chapter 26; the other defaults are those of its recipe")),
    )

    def option(name: str, kind, text: Text, **more):
        value = getattr(default, name.replace("-", "_"))
        recipe.add_argument(
            f"--{name}",
            type=kind,
            default=value,
            help=str(_("{text} (default: {value})", text=text, value=value)),
            **more,
        )

    option("epochs", number(int, 1), _("rounds through the training images"), metavar="N")
    option("batch-size", number(int, 1), _("images in a batch, all processes together"), metavar="N")
    option(
        "lr", number(float, 0, more=True), _("learning rate, with onecycle its highest value"), metavar="X"
    )
    option(
        "momentum",
        number(float, 0, 1, less=True),
        _("momentum of SGD, Nesterov's way; 0 for none"),
        metavar="X",
    )
    option("weight-decay", number(float, 0), _("weight decay"), metavar="X")
    option(
        "label-smoothing",
        number(float, 0, 1, less=True),
        _("label smoothing of the training loss"),
        metavar="X",
    )
    option("shift", number(int, 0, 31), _("pixels that a training image is moved by at most"), metavar="N")
    option(
        "erase",
        number(int, 0, 32),
        _("side, in pixels, of a square that is hidden in each training image"),
        metavar="N",
    )
    recipe.add_argument(
        "--no-augment",
        dest="augment",
        action="store_false",
        help=str(_("neither flip nor shift, and hide no square")),
    )
    option("activation", str, _("what stands between quick's layers"), choices=list(ACTIVATIONS))
    option(
        "small",
        number(float, 0, 1),
        _("share of the residual network's epochs, the first ones, with small pictures"),
        metavar="X",
    )
    option(
        "small-side", number(int, 10, 32), _("height and width of the small pictures, in pixels"), metavar="N"
    )
    option("width", number(int, 1), _("channels of the residual network's first block"), metavar="N")
    recipe.add_argument(
        "--without",
        choices=PIECES,
        default="",
        help=str(_("leave out a piece of the residual network or of its training, to see what it is worth")),
    )
    recipe.add_argument(
        "--average",
        action="store_true",
        help=str(_("every few steps, go back to a mean of the residual network's weights")),
    )
    option("schedule", str, _("how the learning rate goes"), choices=SCHEDULES)
    option("validation", number(float, 0, 0.9), _("share of the training images to hold out"), metavar="X")
    option(
        "seed", number(int, 0, 2**32 - 1), _("of the weights, the order and the augmentation"), metavar="N"
    )
    recipe.add_argument(
        "--autocast",
        action="store_true",
        help=str(_("compute in bfloat16 where it is safe: faster on GPUs and on processors that have it")),
    )
    run = parser.add_argument_group(str(_("run")))
    run.add_argument(
        "--images", type=number(int, 1), metavar="N", help=str(_("train on the first N images only"))
    )
    run.add_argument("--test", action="store_true", help=str(_("at the end, score the test images, once")))
    run.add_argument(
        "--device", metavar="NAME", help=str(_("cpu, cuda, … (default: {device})", device=helpers.device))
    )
    run.add_argument(
        "--checkpoint", type=Path, metavar="PATH", help=str(_("write a checkpoint after each epoch"))
    )
    run.add_argument(
        "--resume", action="store_true", help=str(_("go on from the checkpoint, if it is there"))
    )
    run.add_argument(
        "--weights",
        type=Path,
        metavar="PATH",
        help=str(_("write the trained weights, a state_dict, at the end")),
    )
    # torchrun takes --log for one of its own options, wherever it stands.
    run.add_argument(
        "--tensorboard",
        "--log",
        dest="log",
        metavar="NAME",
        help=str(_("write TensorBoard curves under logs/NAME")),
    )
    return parser


def choose_device(name: str | None) -> torch.device:
    """The device called `name`, or the course's own; under torchrun each process takes a GPU of its own."""
    try:
        device = torch.device(name or helpers.device)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", helpers.device.type):
        raise ValueError(
            _(
                "there is no device {name} here: leave --device out to use {own}",
                name=name,
                own=helpers.device,
            )
        )
    if device.type != "cpu" and "LOCAL_RANK" in os.environ:
        here, wanted = torch.accelerator.device_count(), int(os.environ["LOCAL_WORLD_SIZE"])
        if wanted > here:
            raise ValueError(
                _(
                    "{wanted} processes, but {here} GPU(s): give --nproc-per-node={here}, or --device cpu",
                    wanted=wanted,
                    here=here,
                )
            )
        device = torch.device(device.type, int(os.environ["LOCAL_RANK"]))
        torch.accelerator.set_device_index(device.index)
    return device


def read_images(count: int | None) -> tuple[Tensor, Tensor]:
    """The first `count` training images with their labels, all of them for None."""
    images, labels = cifar10_tensors(train=True)
    if count and count > len(labels):
        raise ValueError(
            _(
                "--images {count}: there are only {there} ({mode} data)",
                count=count,
                there=len(labels),
                mode=mode(),
            )
        )
    return images[:count], labels[:count]


def check_weights(path: Path, settings: Settings, going_on: bool) -> None:
    """Raise CheckpointError unless the weights may be written to `path` at the end of the run."""
    if path.is_file() and not going_on:
        raise CheckpointError(_("{path} is there already: choose another name for the weights", path=path))
    prove_writable(path, new_model(settings).state_dict())


def save_somewhere(path: Path, state: dict) -> None:
    """Save `state` to `path`; where that is no longer possible, keep it somewhere else.

    Raises CheckpointError that names the other place. Where no place is left it asks, if somebody is there to answer.
    """
    try:
        return helpers.save_checkpoint(path, state)
    except CheckpointError as error:
        problem = error
    for folder in (tempfile.gettempdir(), Path.home(), Path.cwd()):
        other = Path(folder) / f"train-{os.getpid()}" / path.name
        try:
            helpers.save_checkpoint(other, state)
        except CheckpointError:
            continue
        raise CheckpointError(_("{problem}; it is kept in {other}", problem=problem, other=other))
    while sys.stdin and sys.stdin.isatty():
        print(
            _(
                "{problem}.\nMake room and press Enter, or type another file's name. Ctrl+C gives up.",
                problem=problem,
            )
        )
        try:
            return helpers.save_checkpoint(input("> ").strip() or path, state)
        except CheckpointError as error:
            problem = error
    raise problem


def read_options(arguments: list[str] | None) -> tuple[Settings, argparse.Namespace]:
    """What the command line says. Of several processes the first alone speaks of a mistake there."""
    network = argparse.ArgumentParser(add_help=False)
    network.add_argument("--model", nargs="?")
    chosen = network.parse_known_args(arguments)[0].model
    parser = command_line(RECIPES.get(chosen, Settings()))
    with contextlib.ExitStack() as muted:
        if os.environ.get("RANK", "0") != "0":
            muted.enter_context(contextlib.redirect_stdout(io.StringIO()))
            muted.enter_context(contextlib.redirect_stderr(io.StringIO()))
        options = parser.parse_args(arguments)
        if options.resume and not options.checkpoint:
            parser.error(str(_("--resume needs --checkpoint PATH, the file to go on from")))
        if (
            options.weights
            and options.checkpoint
            and options.weights.resolve() == options.checkpoint.resolve()
        ):
            parser.error(str(_("--weights and --checkpoint should be two files")))
        if options.model == "residual" and options.activation != RECIPES["residual"].activation:
            parser.error(str(_("--activation is for --model quick")))
        for name in ("small", "small_side", "average", "width", "without"):
            if options.model == "quick" and getattr(options, name) != getattr(Settings(), name):
                parser.error(str(_("--{name} is for --model residual", name=name.replace("_", "-"))))
    return Settings(**{name: getattr(options, name) for name in asdict(Settings())}), options


def run_command(settings: Settings, options: argparse.Namespace) -> None:
    """Read, train, score, write."""
    device = choose_device(options.device)
    helpers.use_free_cores()
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ:  # set by torchrun
        dist.init_process_group(dist.get_default_backend_for_device(device))
    first = place()[0] == 0
    images, labels = in_all(lambda: read_images(options.images))
    test = in_all(lambda: cifar10_tensors(train=False) if options.test and first else None)
    if options.weights:
        going_on = options.resume and options.checkpoint.is_file()
        in_all(lambda: check_weights(options.weights, settings, going_on) if first else None)
    model, history = train(
        settings,
        images,
        labels,
        device=device,
        checkpoint=options.checkpoint,
        resume=options.resume,
        log=options.log,
        progress=sys.stdout.isatty(),  # no bar in a log file
    )
    if test:
        loss, accuracy = evaluate(
            to_ask(model, settings), Batches(*test, 1000, device=device), nn.CrossEntropyLoss()
        )
        print(
            _(
                "test   loss {loss:.4f}  accuracy {accuracy:.2%}  ({mode} data)",
                loss=loss,
                accuracy=accuracy,
                mode=mode(),
            )
        )
    if options.weights:
        state = model.to("cpu", memory_format=torch.contiguous_format).state_dict()
        in_all(lambda: save_somewhere(options.weights, state) if first else None)


def main(arguments: list[str] | None = None) -> None:
    """The command. Ends by SystemExit with one of the exit codes above when something goes wrong."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a console may know fewer letters than a file's name has
    settings, options = read_options(arguments)
    speaks = os.environ.get("RANK", "0") == "0"  # one sentence, not one from each process
    try:
        run_command(settings, options)
    except ERRORS as error:
        if "TORCHELASTIC_ERROR_FILE" in os.environ:  # what torchrun shows under "Root Cause"
            get_error_handler().record_exception(error.with_traceback(None))
        if speaks:
            print(f"train.py: {error}", file=sys.stderr)
        sys.exit(next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind)))
    except KeyboardInterrupt:
        if speaks:
            word = _("nothing is saved, see --checkpoint")
            if options.checkpoint and options.checkpoint.is_file():
                word = _("go on with the same command and --resume")
                if options.resume:
                    word = _("go on with the same command")
            print("\ntrain.py:", _("stopped; {word}", word=word), file=sys.stderr)
        sys.exit(130)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


if __name__ == "__main__":
    main()
