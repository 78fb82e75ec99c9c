"""Chapter 21 as a script: train CIFAR10-quick, watch it on images held out, score it once on the test images.

python notebooks/train.py                                      the bundled sample
COURSE_DATA=full python notebooks/train.py                     the whole of CIFAR-10
python notebooks/train.py --checkpoint run.pt                  a run that may be killed …
python notebooks/train.py --checkpoint run.pt --resume         … and goes on where it was
torchrun --standalone --nproc-per-node=2 notebooks/train.py    two processes (chapter 25)
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR
from tqdm import tqdm

import helpers
from course_data import DataError, cifar10_tensors, mode
from helpers import Batches, CheckpointError, evaluate, train_one_epoch

ACTIVATIONS = {"none": None, "relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}
# How the learning rate goes: up to its highest value in the first quarter of the steps, then down to almost nothing
# (Smith and Topin, arXiv 1708.07120), in straight lines or along a cosine; or the same for all steps.
SCHEDULES = {"onecycle": "linear", "onecycle-cosine": "cos", "constant": None}


@dataclass(frozen=True)
class Settings:
    """All that decides a run's numbers, but for the data and the device."""

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


def split(images: Tensor, labels: Tensor, validation: float) -> tuple[tuple[Tensor, Tensor], ...]:
    """The images to train on and the last share of them, `validation` (0 to 1), to hold out, each with labels."""
    count = len(labels) - round(validation * len(labels))
    return (images[:count], labels[:count]), (images[count:], labels[count:])


def build(
    settings: Settings, steps: int, device: torch.device | str
) -> tuple[nn.Module, nn.Module, torch.optim.Optimizer, LRScheduler]:
    """Model, loss, optimizer and scheduler for a run of `steps` batches; the weights come from settings.seed."""
    helpers.seed(settings.seed)
    model = helpers.cifar10_quick(ACTIVATIONS[settings.activation])
    model = model.to(device, memory_format=torch.channels_last)
    loss_fn = nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=settings.lr,
        momentum=settings.momentum,
        nesterov=settings.momentum > 0,
        weight_decay=settings.weight_decay,
    )
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

    images: uint8 (N, 3, 32, 32), labels: int64 (N,); the last settings.validation of them are held out.
    checkpoint: written after each epoch. resume: go on from it, to the same numbers as without the break.
    log: the name of a TensorBoard run. verbose: print a line for each epoch. progress: show a bar with the
    time left for the whole run.
    Raises CheckpointError if the checkpoint is there and not to be resumed from, or belongs to another run.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    first = rank == 0  # the process that reports and writes
    train_part, held_out = split(images, labels, settings.validation)
    generator = torch.Generator().manual_seed(settings.seed)
    batches = Batches(
        *train_part,
        settings.batch_size,
        shuffle=True,
        augment=settings.augment,
        shift=settings.shift,
        device=device,
        generator=generator,
        rank=rank,
        world=world,
    )
    validation = Batches(*held_out, 1000, device=device)
    model, loss_fn, optimizer, scheduler = build(settings, settings.epochs * len(batches), device)
    history: dict[str, list[float]] = {"train_loss": [], "train_accuracy": []}
    if len(validation):
        history |= {"validation_loss": [], "validation_accuracy": []}
    done = 0

    if checkpoint and checkpoint.exists():
        if not resume:
            raise CheckpointError(f"{checkpoint} is there already: add --resume, or choose another name")
        state = helpers.load_checkpoint(checkpoint)
        check_same_run(state, settings, len(labels), checkpoint)
        helpers.load_weights(model, state["model"], str(checkpoint))
        optimizer.load_state_dict(state["optimizer"])
        scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["torch_rng"])
        generator.set_state(state["batches_rng"])
        done, history = state["epoch"], state["history"]
        if verbose and first:
            say(f"going on after epoch {done} of {settings.epochs}")

    parallel = DistributedDataParallel(model) if world > 1 else model
    writer = helpers.new_writer(log) if log and first else None
    bar = tqdm(
        total=settings.epochs * len(batches),
        initial=done * len(batches),
        desc="training",
        unit="batch",
        disable=not (progress and first),
    )
    with bar:
        for epoch in range(done + 1, settings.epochs + 1):
            result = train_one_epoch(
                parallel, ticking(batches, bar), loss_fn, optimizer, scheduler, settings.autocast
            )
            scores = {"train": mean_of_all(result, device)}
            if first and len(validation):
                scores["validation"] = evaluate(model, validation, loss_fn)
            for part, (loss, accuracy) in scores.items():
                history[f"{part}_loss"].append(loss)
                history[f"{part}_accuracy"].append(accuracy)
                if writer:
                    writer.add_scalar(f"loss/{part}", loss, epoch)
                    writer.add_scalar(f"accuracy/{part}", accuracy, epoch)
            if first and checkpoint:
                state = {
                    "settings": asdict(settings),
                    "images": len(labels),
                    "epoch": epoch,
                    "history": history,
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "scheduler": scheduler.state_dict(),
                    "torch_rng": torch.get_rng_state(),
                    "batches_rng": generator.get_state(),
                }
                helpers.save_checkpoint(checkpoint, state)
            if first and verbose:
                line = [f"{part} loss {loss:.4f} accuracy {acc:6.2%}" for part, (loss, acc) in scores.items()]
                say("  ".join([f"epoch {epoch:2}/{settings.epochs}", *line]))
    if writer:
        writer.close()
    return model, history


def say(line: str) -> None:
    """Print a line above the bar, at once: a killed run's log file should hold what it has done."""
    tqdm.write(line, file=sys.stdout)
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


def check_same_run(state: dict, settings: Settings, images: int, name: Path) -> None:
    """Raises CheckpointError unless the checkpoint `state` is of a run with these settings on as many images."""
    if not isinstance(state, dict) or "settings" not in state:
        raise CheckpointError(f"{name} is no checkpoint of a training run: choose another name")
    wanted = {**asdict(settings), "images": images}
    found = {**state["settings"], "images": state["images"]}
    for key, value in wanted.items():
        if found.get(key) != value:
            raise CheckpointError(
                f"{name} belongs to another run: {key} is {found.get(key, 'missing')} there and {value} here; "
                "give the options it was started with, or choose another name"
            )


def command_line() -> argparse.ArgumentParser:
    """The options, one for each of Settings, and what to read and write."""

    def number(kind: type, low: float, high: float = float("inf")):
        def parse(text: str):
            value = kind(text)
            if not low <= value <= high:
                raise argparse.ArgumentTypeError(f"{text} is not from {low} to {high}")
            return value

        parse.__name__ = "whole number" if kind is int else "number"
        return parse

    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        epilog="Examples:\n" + __doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = Settings()
    recipe = parser.add_argument_group("recipe")

    def option(name: str, kind, text: str, **more):
        value = getattr(default, name.replace("-", "_"))
        recipe.add_argument(f"--{name}", type=kind, default=value, help=f"{text} (default: {value})", **more)

    option("epochs", number(int, 1), "rounds through the training images", metavar="N")
    option("batch-size", number(int, 1), "images in a batch, all processes together", metavar="N")
    option("lr", number(float, 0), "learning rate, with onecycle its highest value", metavar="X")
    option("momentum", number(float, 0, 1), "momentum of SGD, Nesterov's way; 0 for none", metavar="X")
    option("weight-decay", number(float, 0), "weight decay", metavar="X")
    option("label-smoothing", number(float, 0, 1), "label smoothing of the cross entropy", metavar="X")
    option("shift", number(int, 0, 31), "pixels that a training image is moved by at most", metavar="N")
    recipe.add_argument("--no-augment", dest="augment", action="store_false", help="neither flip nor shift")
    option("activation", str, "what stands between the layers", choices=list(ACTIVATIONS))
    option("schedule", str, "how the learning rate goes", choices=SCHEDULES)
    option("validation", number(float, 0, 0.9), "share of the training images to hold out", metavar="X")
    option("seed", number(int, 0), "of the weights, the order and the augmentation", metavar="N")
    recipe.add_argument(
        "--autocast",
        action="store_true",
        help="compute in bfloat16 where it is safe: faster on GPUs and on processors that have it",
    )
    run = parser.add_argument_group("run")
    run.add_argument("--device", metavar="NAME", help=f"cpu, cuda, … (default: {helpers.device})")
    run.add_argument("--checkpoint", type=Path, metavar="PATH", help="write a checkpoint after each epoch")
    run.add_argument("--resume", action="store_true", help="go on from the checkpoint, if it is there")
    run.add_argument("--weights", type=Path, metavar="PATH", help="write the trained weights, a state_dict")
    run.add_argument("--log", metavar="NAME", help="write TensorBoard curves under logs/NAME")
    return parser


def choose_device(name: str | None) -> torch.device:
    """The device called `name`, or the course's own; under torchrun each process takes a GPU of its own."""
    try:
        device = torch.device(name or helpers.device)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", helpers.device.type):
        raise ValueError(f"there is no device {name} here: leave --device out to use {helpers.device}")
    if device.type != "cpu" and "LOCAL_RANK" in os.environ:
        device = torch.device(device.type, int(os.environ["LOCAL_RANK"]))
        torch.accelerator.set_device_index(device.index)
    return device


def main(arguments: list[str] | None = None) -> None:
    parser = command_line()
    options = vars(parser.parse_args(arguments))
    settings = Settings(**{name: options.pop(name) for name in asdict(Settings())})
    if options["resume"] and not options["checkpoint"]:
        parser.error("--resume needs --checkpoint PATH, the file to go on from")
    weights = options.pop("weights")
    try:
        device = choose_device(options.pop("device"))
        if "RANK" in os.environ and "WORLD_SIZE" in os.environ:  # set by torchrun
            dist.init_process_group(dist.get_default_backend_for_device(device))
        first = not dist.is_initialized() or dist.get_rank() == 0
        progress = sys.stderr.isatty()  # no bar in a log file
        model, _ = train(settings, *cifar10_tensors(train=True), device=device, progress=progress, **options)
        if first:
            test = Batches(*cifar10_tensors(train=False), 1000, device=device)
            loss, accuracy = evaluate(model, test, nn.CrossEntropyLoss())
            print(f"test   loss {loss:.4f}  accuracy {accuracy:.2%}  ({mode()} data)")
            if weights:
                state = model.to("cpu", memory_format=torch.contiguous_format).state_dict()
                helpers.save_checkpoint(weights, state)
    except (CheckpointError, DataError, FloatingPointError, ValueError) as error:
        sys.exit(f"train.py: {error}")
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


if __name__ == "__main__":
    main()
