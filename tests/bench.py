"""A benchmark, not a test: how fast the course's training loop is. Takes about two minutes: python tests/bench.py

For each of train.py's networks three loops train it on random images, turn by turn, so that whatever else the machine
does meets all of them:

plain    as in most tutorials: a DataLoader, ToTensor for every image, batches of 64, float32
course   Batches with flip and shift, train_one_epoch, the recipe's optimizer and schedule, as train.py has them
bare     forward, backward and step on batches that are ready: what no loop can beat at this precision and layout

The residual network has 64 channels in its first block, as in its recipe, and is measured on few batches.

With --suite: how much longer the replay of all notebooks takes than the same cells run as plain scripts, as many at a
time as there are cores. Takes five to ten minutes.

With --busy [CHAPTER ...]: how much longer a chapter takes while other programs keep every core busy. It runs as for a
learner, who has set no number of threads; set OMP_NUM_THREADS to compare. Quiet and busy runs take turns. Where the
quiet run's CPU time is far below its time, the computer was not quiet. Takes a minute and a half for most chapters.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))

import helpers
import replay
from helpers import Batches, train_one_epoch
from train import RECIPES, Settings, build, new_model

# Images in a round; the residual network does ten times as much with each.
IMAGES = {"quick": 2560, "residual": 256}
# course : plain, and course : bare; the goals are for a CPU, and in bfloat16 for one that computes in it
GOALS = {
    "quick": {"float32": (1.3, 0.9), "bfloat16": (2.4, 0.9)},
    "residual": {"float32": (1.1, 0.9), "bfloat16": (1.1, 0.9)},
}


def random_images(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """As many images, uint8 (count, 3, 32, 32), with labels."""
    return torch.randint(256, (count, 3, 32, 32), dtype=torch.uint8), torch.randint(10, (count,))


class Pictures(Dataset):
    """Images as torchvision's CIFAR10 gives them: a picture of PIL and its label, one by one."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, transform: Callable):
        self.pixels, self.labels = images.permute(0, 2, 3, 1).contiguous().numpy(), labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def plain_loop(settings: Settings, images: int, device: torch.device) -> Callable[[], int]:
    """A round of most tutorials' loop over `images` images; returns how many they were."""
    from torchvision.transforms import ToTensor

    loader = DataLoader(Pictures(*random_images(images), ToTensor()), batch_size=64)
    model = new_model(settings).to(device)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def run() -> int:
        count = 0
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            loss = loss_fn(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            count += len(y)
        return count

    return run


def course_loop(settings: Settings, images: int, device: torch.device, autocast: bool) -> Callable[[], int]:
    """A round of train.py over `images` images."""
    x, y = random_images(images)
    batches = Batches(
        x,
        y,
        settings.batch_size,
        shuffle=True,
        augment=settings.augment,
        shift=settings.shift,
        alternate=settings.has("alternate"),
        device=device,
    )
    model, loss_fn, optimizer, scheduler = build(settings, 10**6, device, x)

    def run() -> int:
        train_one_epoch(model, batches, loss_fn, optimizer, scheduler, autocast)
        return len(batches.labels)

    return run


def bare_loop(settings: Settings, images: int, device: torch.device, autocast: bool) -> Callable[[], int]:
    """A round of the same steps as train.py's on eight batches that are ready."""
    shape = (8, settings.batch_size, 3, 32, 32)
    ready = [x.to(device, memory_format=torch.channels_last) for x in torch.randn(shape)]
    labels = torch.randint(10, shape[:2]).to(device)
    model, loss_fn, optimizer, _ = build(settings, 10**6, device, random_images(500)[0])
    model.train()

    def run() -> int:
        count = 0
        for x, y in islice(cycle(zip(ready, labels, strict=True)), images // settings.batch_size):
            with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                loss = loss_fn(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            count += len(y)
        return count

    return run


def measure(loops: dict[str, Callable[[], int]], rounds: int) -> dict[str, list[float]]:
    """Images per second of each loop in each round, the loops taking turns; one round before, not counted."""
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(rounds + 1):
        for name, run in loops.items():
            synchronize()
            start = time.perf_counter()
            count = run()
            synchronize()
            if number:
                speeds[name].append(count / (time.perf_counter() - start))
    return speeds


def synchronize() -> None:
    """Wait until an accelerator has done all it was given."""
    if helpers.device.type != "cpu":
        torch.accelerator.synchronize()


def training(model: str, rounds: int, images: int) -> None:
    """Print the table of the loops that train this network."""
    device, settings, all_goals = helpers.device, RECIPES[model], GOALS[model]
    helpers.use_free_cores()
    loops = {"plain": plain_loop(settings, images, device)}
    for precision in all_goals:
        loops[f"course {precision}"] = course_loop(settings, images, device, precision == "bfloat16")
        loops[f"bare {precision}"] = bare_loop(settings, images, device, precision == "bfloat16")
    speeds = measure(loops, rounds)
    print(
        f"{model} on {device}, {torch.get_num_threads()} threads; medians of {rounds} rounds of {images} images"
    )
    print(f"{'loop':<16} {'images/s':>9}")
    for name, values in speeds.items():
        print(f"{name:<16} {statistics.median(values):>9.0f}")
    print(f"\n{'ratio':<28} {'median':>7} {'lowest':>7} {'highest':>7} {'goal on CPU':>12}")
    for precision, goals in all_goals.items():
        for other, goal in zip(("plain", f"bare {precision}"), goals, strict=True):
            pairs = zip(speeds[f"course {precision}"], speeds[other], strict=True)
            ratios = [ours / theirs for ours, theirs in pairs]
            row = (statistics.median(ratios), min(ratios), max(ratios))
            numbers = " ".join(f"{value:7.2f}" for value in row)
            print(f"{f'course {precision} : {other.split()[0]}':<28} {numbers} {goal:>12}")
    print(flush=True)


THREADS = ("MKL_NUM_THREADS", "OMP_NUM_THREADS")

# Runs a notebook's code cells one after the other in IPython, without a kernel, a comparison or pictures.
AS_SCRIPT = """
import sys
import nbformat
from IPython.core.interactiveshell import InteractiveShell
sys.path.insert(0, "")
shell = InteractiveShell.instance()
for cell in nbformat.read(sys.argv[1], as_version=4).cells:
    if cell.cell_type == "code":
        done = shell.run_cell(cell.source, store_history=True)
        if not done.success and "raises-exception" not in cell.metadata.get("tags", []):
            sys.exit(f"{sys.argv[1]}, {cell.id}")
"""


def run_as_script(path: Path, own_threads: bool = False) -> None:
    """Run one notebook's cells in a Python of their own. Raises RuntimeError if one fails.

    own_threads: with the number of threads that a learner gets instead of the replay's one.
    """
    with replay.kernel_options(path) as (_, start):
        environment = start["env"] | {"MPLBACKEND": "Agg"}
        if own_threads:
            for name in THREADS:
                environment.pop(name)
                environment |= {name: os.environ[name]} if name in os.environ else {}
        command = [sys.executable, "-c", AS_SCRIPT, str(path)]
        done = subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{path.name} fails as a script:\n{done.stdout[-500:]}\n{done.stderr[-500:]}")


@contextmanager
def busy_cores() -> Iterator[None]:
    """Other programs keep every core busy meanwhile; they end with this one, or after ten minutes."""
    loop = "import time\nwhile time.process_time() < 600: pass"
    loops = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(os.cpu_count())]
    try:
        time.sleep(1)  # until they have started
        yield
    finally:
        for process in loops:
            process.kill()
            process.wait()


def busy(numbers: list[str], rounds: int) -> None:
    """Print each chapter's time on a quiet computer and on a busy one, and their ratio."""
    chapters = {path.name[:2]: path for path in replay.chapters()}
    print(f"medians of {rounds} rounds\n{'chapter':<28} {'quiet':>8} {'its CPU':>8} {'busy':>8} {'ratio':>6}")
    for number in numbers or chapters:
        path = chapters[number]
        times: dict[str, list[float]] = {"quiet": [], "CPU": [], "busy": []}
        for _ in range(rounds):
            start, before = time.perf_counter(), os.times()
            run_as_script(path, own_threads=True)
            after = os.times()
            times["quiet"].append(time.perf_counter() - start)
            times["CPU"].append(sum(after[2:4]) - sum(before[2:4]))  # the children's, user and system
            with busy_cores():
                start = time.perf_counter()
                run_as_script(path, own_threads=True)
                times["busy"].append(time.perf_counter() - start)
        quiet, cpu, loaded = map(statistics.median, times.values())
        print(
            f"{path.stem:<28} {quiet:6.1f} s {cpu:6.1f} s {loaded:6.1f} s {loaded / quiet:6.2f}", flush=True
        )
    print("goal: no ratio above 3")


def suite() -> None:
    """Print the replay's time beside that of plain scripts, and their ratio."""
    paths = replay.all_notebooks()
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run_as_script, paths))
    scripts = time.perf_counter() - start
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pytest", "-q", "notebooks"], cwd=replay.ROOT, check=True)
    replayed = time.perf_counter() - start
    print(f"{len(paths)} notebooks: as scripts {scripts:.0f} s, replayed {replayed:.0f} s")
    print(f"ratio {replayed / scripts:.2f} (goal 1.2)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--rounds", type=int, help="turns of each loop (default: 7), or with --busy (default: 1)"
    )
    parser.add_argument(
        "--images",
        type=int,
        help=f"images in a round (default: {', '.join(f'{count} for {name}' for name, count in IMAGES.items())})",
    )
    parser.add_argument("--model", choices=RECIPES, help="measure this network only")
    parser.add_argument("--suite", action="store_true", help="measure the replay instead")
    parser.add_argument(
        "--busy",
        nargs="*",
        metavar="CHAPTER",
        help="measure chapters on a busy computer: 14 21 (default: all)",
    )
    options = parser.parse_args()
    if options.suite:
        return suite()
    if options.busy is not None:
        return busy(options.busy, options.rounds or 1)
    for model in [options.model] if options.model else RECIPES:
        training(model, options.rounds or 7, options.images or IMAGES[model])


if __name__ == "__main__":
    main()
