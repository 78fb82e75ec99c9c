"""Make the weights and the records in this folder again.

COURSE_DATA=full python data/weights/make.py                   cifar10_quick.pt and cifar10_quick.json
COURSE_DATA=full python data/weights/make.py --model residual  residual.pt and residual.json
COURSE_DATA=full python data/weights/make.py --choices         choices.json
COURSE_DATA=full python data/weights/make.py --experiments     experiments.json
COURSE_DATA=full python data/weights/make.py --pieces          pieces.json
COURSE_DATA=full python data/weights/make.py --minutes         minutes.json

Each training run leaves its result under logs/weights/, so that a command that was stopped goes on where it was.
With the names of some runs after the command, only these are trained: two commands can share the work.
`--jpeg` re-encodes the images first, as those of the records here were.
"""

import argparse
import functools
import hashlib
import io
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "notebooks"))

import helpers  # noqa: E402
from course_data import cifar10_tensors, mode  # noqa: E402
from train import RECIPES, Settings, new_model, split, to_ask, train  # noqa: E402

# The recipes are train.py's own, chosen by their accuracy on the last 5000 training images. The runs that are scored
# on the test images train on all 50,000, and look at the test images once, at the end.
RECIPE = replace(RECIPES["quick"], autocast=True)
RESIDUAL = replace(RECIPES["residual"], autocast=True)
# With this number of epochs the residual recipe was chosen; the final runs use the rest of 25 minutes on two cores.
CHOSEN = replace(RESIDUAL, epochs=32)
# Seeds on all images; seed 0 is shipped.
SEEDS = {"quick": [0, 1, 2], "residual": [0, 1, 2]}
# In data/weights/: the names of the files; in the record: the network.
FILES = {"quick": "cifar10_quick", "residual": "residual"}
NETWORKS = {
    "quick": "cifar10_quick(nn.ReLU) of notebooks/helpers.py",
    "residual": "residual_network() of notebooks/residual.py",
}


def seed_name(model: str, number: int) -> str:
    """What the run on all images with this seed is called."""
    return f"seed-{number}" if model == "quick" else f"{model}-seed-{number}"


def name_with_seed(change: str, number: int) -> str:
    """What a run of a table is called: its row's change and its seed, without commas and spaces."""
    return f"{change.replace(',', '').replace(' ', '-')}-{number}"


def held_out_name(kind: str, number: int) -> str:
    """What the residual network's run of this seed that holds images out is called; kind: validation, no-squares."""
    return f"residual-{kind}" if number == 0 else f"residual-{kind}-seed-{number}"


def final_runs(recipe: Settings) -> dict[str, Settings]:
    """The runs of a network's record: those on all images, and one that holds images out, of the residual network
    three with other seeds and three that hide no squares. These six have the epochs of CHOSEN."""
    seeds = {seed_name(recipe.model, n): replace(recipe, validation=0.0, seed=n) for n in SEEDS[recipe.model]}
    if recipe.model == "quick":
        return {"validation": recipe, **seeds}
    kinds = {"validation": CHOSEN, "no-squares": replace(CHOSEN, erase=0, shift=4)}
    held_out = {
        held_out_name(kind, n): replace(settings, seed=n)
        for kind, settings in kinds.items()
        for n in SEEDS[recipe.model]
    }
    return held_out | seeds


# What the recipe was chosen from, scored on the held-out images: first short runs, then long ones.
TRY = replace(
    RECIPE,
    epochs=6,
    batch_size=128,
    lr=0.05,
    weight_decay=5e-4,
    label_smoothing=0.1,
    shift=4,
    schedule="onecycle-cosine",
)
LONG = replace(TRY, epochs=15, batch_size=64, lr=0.02)
CHOICES = {
    "first-try": TRY,
    "gentle": replace(TRY, batch_size=64, label_smoothing=0.0, shift=2),
    "bold": replace(TRY, lr=0.1, label_smoothing=0.0, shift=2, weight_decay=2e-4),
    "slow-128": replace(TRY, lr=0.02, label_smoothing=0.05, shift=2),
    "slow-64": replace(TRY, batch_size=64, lr=0.015, label_smoothing=0.05, shift=2),
    "long-shift-4": LONG,
    "long-shift-3": replace(LONG, label_smoothing=0.05, shift=3),
    "long-gelu": replace(LONG, activation="gelu"),
    "long-decay": replace(LONG, label_smoothing=0.05, shift=3, weight_decay=1e-3),
    "long-32": replace(LONG, label_smoothing=0.05, shift=3, batch_size=32, lr=0.01),
    "long-32-no-smoothing": replace(
        LONG, label_smoothing=0.0, shift=3, batch_size=32, lr=0.014, weight_decay=1e-3
    ),
    "long-32-decay": replace(
        LONG, label_smoothing=0.05, shift=2, batch_size=32, lr=0.01, weight_decay=1.5e-3
    ),
    "long-fast": replace(LONG, label_smoothing=0.05, shift=2, lr=0.03, weight_decay=1e-3),
    "long-linear": RECIPE,
}

# One change after another, each kept by the next; scored on the held-out images, never on the test images.
SHORT = replace(RECIPE, epochs=5, label_smoothing=0.0)
CHANGES = {
    "no activation": {
        "activation": "none",
        "augment": False,
        "weight_decay": 0.0,
        "schedule": "constant",
        "lr": 0.01,
    },
    "ReLU": {"activation": "relu"},
    "augmentation": {"augment": True},
    "weight decay": {"weight_decay": RECIPE.weight_decay},
    "learning rate": {"lr": RECIPE.lr},
    "one-cycle schedule": {"schedule": "onecycle"},
}


# The residual network, half as wide and in few epochs, with a recipe for short runs; then with one change each.
NARROW = replace(
    RECIPES["residual"],
    width=32,
    epochs=5,
    weight_decay=5e-4,
    shift=2,
    erase=0,
    small=0.65,
    small_side=20,
)
WITHOUT = {
    "the whole recipe": {},
    "no shortcuts": {"without": "shortcut"},
    "no whitening": {"without": "whitening"},
    "flips by chance": {"without": "alternate"},
    "no flips, no shifts": {"augment": False},
    "no label smoothing": {"label_smoothing": 0.0},
    "no weight decay": {"weight_decay": 0.0},
    "constant rate of 0.1": {"schedule": "constant", "lr": 0.1},
    "no small pictures": {"without": "small"},
    "averaged weights": {"average": True},
}


# A network's runs take one core of the record's processor about 4, 10, 20 and, with 32 epochs, 40 minutes.
EPOCHS = {"quick": [12, 32, 64], "residual": [3, 8, 16, 32]}


def minutes() -> dict[str, Settings]:
    """The runs that show what more time buys: each network with fewer and with more epochs, images held out."""
    recipes = {"quick": RECIPE, "residual": CHOSEN}
    return {
        f"{name}-epochs-{count}": replace(recipe, epochs=count)
        for name, recipe in recipes.items()
        for count in EPOCHS[name]
    }


def pieces() -> dict[str, Settings]:
    """The runs of the residual network's table: every change by itself, with three seeds each."""
    return {
        name_with_seed(name, n): replace(NARROW, **change, seed=n)
        for name, change in WITHOUT.items()
        for n in range(3)
    }


def experiments() -> dict[str, Settings]:
    """The runs of the table: every change so far, with three seeds each."""
    runs, settings = {}, SHORT
    for name, change in CHANGES.items():
        settings = replace(settings, **change)
        runs |= {name_with_seed(name, n): replace(settings, seed=n) for n in range(3)}
    return runs


def reencoded(images: Tensor) -> Tensor:
    """Each of the images, uint8 (N, 3, H, W), as it comes back from a JPEG file of quality 75."""
    found = []
    for pixels in images.permute(0, 2, 3, 1).numpy():
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=75)
        found.append(np.asarray(Image.open(file)))
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).contiguous()


@functools.cache
def data(train: bool, jpeg: bool) -> tuple[Tensor, Tensor]:
    """CIFAR-10's training or test images, uint8 (N, 3, 32, 32), and labels; jpeg: the images `reencoded`."""
    images, labels = cifar10_tensors(train=train)
    return (reencoded(images) if jpeg else images), labels


def folder_of_runs(jpeg: bool) -> Path:
    """Where the runs leave their results: those on re-encoded images by themselves."""
    return helpers.LOGS / ("weights-jpeg" if jpeg else "weights")


def result_of(name: str, settings: Settings, jpeg: bool) -> dict:
    """Train the run `name`, or read what an earlier command left of it; score it on the images held out, or on the
    test images if it holds none out."""
    folder = folder_of_runs(jpeg)
    for path in sorted(folder.glob("*.json")):  # a run with these settings may stand under another name
        found = json.loads(path.read_text())
        if Settings(**found["settings"]) == settings:
            return found
    print(f"{name}: {settings}", flush=True)
    images, labels = data(train=True, jpeg=jpeg)
    start, before = time.perf_counter(), time.process_time()
    checkpoint = folder / f"{name}.pt"
    model, history = train(
        settings, images, labels, checkpoint=checkpoint, resume=True, progress=sys.stderr.isatty()
    )
    found = {
        "settings": asdict(settings),
        "history": {key: [round(value, 5) for value in values] for key, values in history.items()},
        "seconds": round(time.perf_counter() - start),
        "processor_seconds": round(time.process_time() - before),
        "threads": torch.get_num_threads(),
        "device": helpers.device.type,
    }
    if settings.validation == 0:
        part, scored = "test", data(train=False, jpeg=jpeg)
    else:
        part, scored = "validation", split(images, labels, settings.validation)[1]
    found[f"{part}_accuracy"] = score(model, settings, *scored)
    (folder / f"{name}.json").write_text(json.dumps(found))
    return found


def score(model: torch.nn.Module, settings: Settings, images: torch.Tensor, labels: torch.Tensor) -> float:
    """The model's accuracy on these images; the residual network sees six versions of each."""
    batches = helpers.Batches(images, labels, 1000)
    return helpers.evaluate(to_ask(model, settings), batches, torch.nn.CrossEntropyLoss())[1]


def surroundings(data_name: str, jpeg: bool) -> dict:
    """What the runs were made on and with."""
    images, labels = data(train=True, jpeg=jpeg)
    digest = hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
    return {
        "data": data_name,
        "data_sha256": digest,  # of the training images (N, 3, 32, 32) and labels, as `data` gives them
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
        "hardware": f"{processor()}, {os.cpu_count()} cores"
        if helpers.device.type == "cpu"
        else torch.cuda.get_device_name(),
    }


def processor() -> str:
    """The processor's name, as the system gives it."""
    return torch.cpu.get_capabilities().get("cpu_name") or platform.processor() or platform.machine()


def mean_and_std(values: list[float]) -> dict[str, float]:
    """Mean and sample standard deviation, rounded to a hundredth of a per cent."""
    return {"mean": round(statistics.mean(values), 4), "std": round(statistics.stdev(values), 4)}


def rows_of_pieces(results: dict[str, dict]) -> list[dict]:
    """A row for each change: accuracies on the held-out images, asked about one version of each and about six."""
    rows = []
    for change, different in WITHOUT.items():
        three = [results[name_with_seed(change, n)] for n in range(3)]
        one = [run["history"]["validation_accuracy"][-1] for run in three]
        six = [run["validation_accuracy"] for run in three]
        rows.append(
            {
                "change": change,
                "settings": different,
                "one_version": {"runs": one} | mean_and_std(one),
                "six_versions": {"runs": six} | mean_and_std(six),
                "processor_seconds": [run["processor_seconds"] for run in three],
                "histories": [run["history"] for run in three],
            }
        )
    return rows


def write(name: str, record: dict) -> None:
    (HERE / name).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"wrote data/weights/{name}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--model", choices=RECIPES, default="quick", help="whose weights and record to make")
    what.add_argument(
        "--pieces", action="store_true", help="what each piece of the residual network's recipe is worth"
    )
    what.add_argument("--minutes", action="store_true", help="both networks, with few epochs and with many")
    what.add_argument("--choices", action="store_true", help="the runs that the recipe was chosen from")
    what.add_argument(
        "--experiments", action="store_true", help="the table of experiments, one change at a time"
    )
    parser.add_argument(
        "--jpeg",
        action="store_true",
        help="save each image as a JPEG file of quality 75 and read it again, first",
    )
    parser.add_argument(
        "--data-name",
        metavar="TEXT",
        help="what the record calls the data (default: CIFAR-10, with --jpeg also how it was re-encoded)",
    )
    parser.add_argument("names", nargs="*", help="train these runs only, and write no record")
    options = parser.parse_args()
    runs = final_runs(RESIDUAL if options.model == "residual" else RECIPE)
    runs = experiments() if options.experiments else CHOICES if options.choices else runs
    runs = pieces() if options.pieces else minutes() if options.minutes else runs
    if mode() != "full":
        parser.error("the weights are made from the whole of CIFAR-10: set COURSE_DATA=full")
    if unknown := set(options.names) - set(runs):
        parser.error(f"no such run: {', '.join(sorted(unknown))}; the runs are {', '.join(runs)}")
    results = {name: result_of(name, runs[name], options.jpeg) for name in options.names or runs}
    if options.names:
        return

    command = "COURSE_DATA=full python data/weights/make.py" + " --jpeg" * options.jpeg
    data_name = options.data_name or "CIFAR-10" + " re-encoded as JPEG (quality 75)" * options.jpeg
    around = surroundings(data_name, options.jpeg)
    for kind in ("choices", "minutes"):
        if getattr(options, kind):
            write(f"{kind}.json", {"command": f"{command} --{kind}", **around, "runs": results})
            return
    if options.pieces:
        write("pieces.json", {"command": f"{command} --pieces", **around, "rows": rows_of_pieces(results)})
        return
    if options.experiments:
        rows = []
        for name in CHANGES:
            three = [results[name_with_seed(name, n)] for n in range(3)]
            row: dict = {"change": name}
            for part in ("train", "validation"):
                values = [run["history"][f"{part}_accuracy"][-1] for run in three]
                row[f"{part}_accuracies"] = {"runs": values} | mean_and_std(values)
            rows.append(row | {"settings": {k: v for k, v in three[0]["settings"].items() if k != "seed"}})
        write(
            "experiments.json",
            {"command": f"{command} --experiments", **around, "seeds": [0, 1, 2], "rows": rows},
        )
        return

    model, seeds = options.model, SEEDS[options.model]
    shipped = seed_name(model, 0)
    state = helpers.load_checkpoint(folder_of_runs(options.jpeg) / f"{shipped}.pt")["model"]
    state = {key: value.contiguous() for key, value in state.items()}
    if model == "residual":  # two million numbers: half as many bytes as in float32
        state = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    helpers.save_checkpoint(HERE / f"{FILES[model]}.pt", state)
    stored = new_model(runs[shipped])
    helpers.load_weights(stored, state)
    final = [results[seed_name(model, n)]["test_accuracy"] for n in seeds]
    spread = mean_and_std(final) if len(seeds) > 1 else {}
    record = {
        "network": NETWORKS[model],
        "parameters": sum(value.numel() for value in stored.parameters()),
        "weights_sha256": hashlib.sha256(b"".join(v.numpy().tobytes() for v in state.values())).hexdigest(),
        "command": command if model == "quick" else f"{command} --model {model}",
        **around,
        "shipped": shipped,
        "test_accuracy": results[shipped]["test_accuracy"],
        "stored": {
            "dtype": str(next(iter(state.values())).dtype).removeprefix("torch."),
            "test_accuracy": score(
                stored.to(helpers.device), runs[shipped], *data(train=False, jpeg=options.jpeg)
            ),
        },
        "test_accuracies": {"seeds": seeds, "runs": final} | spread,
        "runs": results,
    }
    write(f"{FILES[model]}.json", record)
    print(f"test accuracy of the seeds: {', '.join(f'{a:.2%}' for a in final)}")


if __name__ == "__main__":
    main()
