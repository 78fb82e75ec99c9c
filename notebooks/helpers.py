"""What every chapter of the course shares: paths, the device, pictures, TensorBoard runs, the training loop.

A chapter builds by hand what it teaches; it imports from here only what an earlier chapter has taught, or plumbing.
"""

import shadows  # noqa: F401  first: says which file of a learner's hides a module that is imported below

# isort: split
import contextlib
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

import tracebacks
from language import _

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
LOGS = Path(os.environ.get("COURSE_LOGS", ROOT / "logs")).expanduser()

if tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 7):
    raise ImportError(
        _(
            "PyTorch {version} is too old for the course: pip install -r requirements.txt",
            version=torch.__version__,
        )
    )

tracebacks.install()

# Backends of matplotlib that write files and show nothing.
FILE_BACKENDS = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}

if "ipykernel" in sys.modules:
    from IPython import get_ipython

    if shell := get_ipython():
        os.environ["COURSE_LANGUAGE"] = (
            "en"  # of programs that a cell starts: the cell may read what they say
        )
        # Two pixels for one: pictures are sharp on a projector, and as large as before.
        shell.run_line_magic("config", "InlineBackend.figure_format = 'retina'")
        # With one of those no picture would appear.
        if os.environ.get("MPLBACKEND", "").lower() in FILE_BACKENDS:
            shell.run_line_magic("matplotlib", "inline")

device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


# The chapters' tensors are small: sharing the work on them among cores costs more than it saves, and far more while
# another program keeps a core busy. So there is one thread, unless a variable sets the number.
ALL_CORES = torch.get_num_threads()
THREADS_ARE_SET = "OMP_NUM_THREADS" in os.environ or "MKL_NUM_THREADS" in os.environ
if not THREADS_ARE_SET:
    torch.set_num_threads(1)


def use_free_cores() -> int:
    """Let PyTorch use as many threads as make a convolution fast now; returns their number.

    Takes about 0.1 s: it doubles the number, from one, as long as that saves a tenth of the time. On a quiet computer
    it ends at all cores, and at one thread where other programs keep the cores busy. It changes nothing where
    OMP_NUM_THREADS or MKL_NUM_THREADS sets the number. Another number of threads adds up in another order, so the
    last digits of a result may change.
    """
    if not THREADS_ARE_SET:
        threads = 1
        while threads < ALL_CORES:
            more = min(2 * threads, ALL_CORES)
            # In turn, so that both meet the same load; the first round, in which threads start, does not count.
            pairs = [(_seconds(threads), _seconds(more)) for _ in range(5)][1:]
            now, then = map(sum, zip(*pairs, strict=True))
            if then > 0.9 * now:
                break
            threads = more
        torch.set_num_threads(threads)
    return torch.get_num_threads()


def _seconds(threads: int) -> float:
    """The time of three convolutions of 32 small images."""
    torch.set_num_threads(threads)
    images, kernels = torch.ones(32, 32, 16, 16), torch.ones(32, 32, 5, 5)
    torch.conv2d(images, kernels, padding=2)  # not counted: starts the threads
    start = time.perf_counter()
    for _again in range(3):
        torch.conv2d(images, kernels, padding=2)
    return time.perf_counter() - start


def seed(number: int = 0) -> None:
    """Start the random numbers of Python, NumPy and PyTorch (CPU and accelerator) from `number`."""
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002  (libraries that draw from NumPy use this generator)
    torch.manual_seed(number)


# How a bar looks, with the time left; it leaves nothing behind.
BAR = {
    "leave": False,
    "ascii": " #",
    "ncols": 79,
    "bar_format": "{desc}: |{bar}| {n_fmt} of {total_fmt}, {remaining} left",
}


def progress(iterable: Iterable, text: str, total: int | None = None) -> tqdm:
    """The same items, for a `for` loop; while it runs, a bar shows `text`, the count and the time left.

    total: how many items there are, for an iterable without len(). The bar leaves nothing behind.
    """
    # On stdout, since what goes to stderr looks like an error in a notebook.
    return tqdm(iterable, desc=text, total=total, file=sys.stdout, **BAR)


def new_writer(name: str):
    """A TensorBoard SummaryWriter on a folder of its own, LOGS/name/run-1, run-2, …, so that runs never mix.

    Raises ValueError if `name` is no plain relative path, OSError if nothing can be written there.
    """
    from torch.utils.tensorboard import SummaryWriter

    if not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(_("name should be a folder name such as 'quick', not {name!r}", name=name))
    number = 1
    while True:
        try:
            # Fails if it is there: two kernels never share one.
            (LOGS / name / f"run-{number}").mkdir(parents=True)
            return SummaryWriter(str(LOGS / name / f"run-{number}"))  # its readers want text, not a Path
        except FileExistsError:
            number += 1
        except OSError as error:
            raise type(error)(
                _(
                    "{folder} cannot be written to ({reason}): set the variable COURSE_LOGS to a folder of your own "
                    "before you start Jupyter, for example COURSE_LOGS=~/logs jupyter lab notebooks",
                    folder=LOGS / name,
                    reason=error.strerror or error,
                )
            ) from None


def show_images(
    images: Tensor | Sequence, titles: Sequence[str] | None = None, columns: int = 10, size: float = 1.2
):
    """Show pictures side by side.

    images: a tensor (N, C, H, W) or (C, H, W), or a list of tensors (C, H, W) and PIL images; one or three channels;
    uint8 from 0 to 255, or float from 0 to 1 (values outside are clipped, as after Normalize).
    titles: one for each picture. columns: pictures in a row. size: inches for each.
    Raises ValueError if there is no picture, one has another shape, or the titles do not match in number.
    """
    import matplotlib.pyplot as plt

    if isinstance(images, Tensor) and images.dim() == 3:
        images = [images]
    if len(images) == 0:
        raise ValueError(_("there is no picture to show"))
    if titles is not None and len(titles) != len(images):
        raise ValueError(
            _("{pictures} pictures, but {titles} titles", pictures=len(images), titles=len(titles))
        )
    columns = max(1, min(columns, len(images)))
    rows = -(-len(images) // columns)
    extra = 0.2 if titles is not None else 0.0
    figure, axes = plt.subplots(
        rows, columns, figsize=(columns * size, rows * (size + extra)), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    for i, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
        if isinstance(image, Tensor):
            if image.dim() != 3 or image.shape[0] not in (1, 3):
                raise ValueError(
                    _("a picture is (1, H, W) or (3, H, W), not {shape}", shape=tuple(image.shape))
                )
            image = image.detach().cpu().permute(1, 2, 0)
            image = (image if image.dtype == torch.uint8 else image.float().clamp(0, 1)).numpy()
        else:
            image = np.asarray(image)
        axis.imshow(image, cmap="gray", vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
        if titles is not None:
            axis.set_title(titles[i], fontsize=9)
    plt.show()


def plot_history(history: dict[str, list[float]], title: str = ""):
    """Two charts over the epochs, loss on the left and accuracy on the right.

    history: one list per curve, one number per epoch; the name says where it goes, for example "train_loss",
    "train_accuracy", "validation_loss", "validation_accuracy". Raises ValueError for a name that ends otherwise.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for name, values in history.items():
        part, underscore, measure = name.rpartition("_")
        if measure not in ("loss", "accuracy"):
            raise ValueError(_("a curve's name ends in _loss or _accuracy, not {name!r}", name=name))
        axes[int(measure == "accuracy")].plot(range(1, len(values) + 1), values, label=part)
    for axis, measure in zip(axes, ("loss", "accuracy"), strict=True):
        axis.set(xlabel="epoch", ylabel=measure, title=title)
        axis.xaxis.get_major_locator().set_params(integer=True)  # no half epochs
        axis.legend()
    plt.show()


# Chapter 8 builds this by hand.


def kept_for_backward(function: Callable[..., object], *inputs: Tensor) -> int:
    """How many numbers PyTorch keeps for the backward pass of function(*inputs), a module's parameters aside.

    What lies at one place in memory, since two layers share it, counts once; a view keeps all of the memory behind it.
    """
    parameters = function.parameters() if isinstance(function, nn.Module) else ()
    own = {parameter.untyped_storage().data_ptr() for parameter in parameters}
    found = {}

    def keep(saved: Tensor) -> Tensor:
        memory = saved.untyped_storage()  # whole, although a view may be only a part of it
        found[memory.data_ptr()] = memory.nbytes() // saved.element_size()
        return saved

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda saved: saved):
        _result = function(*inputs)  # alive until all is counted, so that no memory is used twice
    return sum(count for place, count in found.items() if place not in own)


# Chapter 20 builds this network by hand.


def cifar10_quick(activation: Callable[[], nn.Module] | None = nn.ReLU) -> nn.Sequential:
    """The network of chapter 20: images (N, 3, 32, 32) to logits (N, 10), 145,578 parameters.

    `activation` makes the layer that follows each convolution's pooling and the first linear layer;
    None leaves it out, as many drawings of this network do. Sizes: Caffe's examples/cifar10, "CIFAR10-quick".
    """
    act = [activation] if activation else []
    blocks: list[nn.Module] = []
    for channels_in, channels_out in [(3, 32), (32, 32), (32, 64)]:
        blocks += [nn.Conv2d(channels_in, channels_out, kernel_size=5, padding=2), nn.MaxPool2d(2)]
        blocks += [make() for make in act]
    blocks += [nn.Flatten(), nn.Linear(64 * 4 * 4, 64), *(make() for make in act), nn.Linear(64, 10)]
    return nn.Sequential(*blocks)


# Chapter 21 builds the rest by hand: batches, one epoch of training, evaluation, checkpoints.

# Mean and standard deviation of red, green and blue (0 to 1) over CIFAR-10's 50,000 training images, as they
# are usually quoted; `images.double().div(255).mean(dim=(0, 2, 3))`, and std for mean, measures them again.
CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2470, 0.2435, 0.2616)


class Batches:
    """Batches of a whole image data set that lies in memory as one tensor: nothing is decoded twice.

    images: uint8 (N, 3, H, W). labels: int64 (N,). Each round of a `for` loop gives all of them once, as
    pairs x, y: x float32 (batch_size, 3, H, W), normalised with CIFAR-10's mean and standard deviation, and
    y int64 (batch_size,), both on `device`; the last batch may be smaller.

    shuffle: another order in each round. augment: by chance, flip a picture from left to right (one in two)
    and move it by up to `shift` pixels each way, mirroring what is missing at its edges. alternate: instead of by
    chance, augment flips each picture in every second round, half of the pictures in each (chapter 26); `rounds`
    counts the rounds begun, and a run that is resumed sets it. erase: augment also gives a square of erase × erase
    pixels, at a random place in each picture, the mean colour (DeVries and Taylor, arXiv 1708.04552). side: make each
    picture side × side pixels at the end, smaller or larger, and may be set anew before each round; None leaves the
    pictures as they are. generator: draws the random numbers, always on the CPU, so that they are the same whatever
    the device.
    rank, world: process `rank` of `world` gets its share of every batch, batch_size / world (chapter 25).

    Raises ValueError if the tensors are not as above, if batch_size < 1 or cannot be shared out evenly, or if the
    square is larger than a picture.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        batch_size: int,
        shuffle: bool = False,
        augment: bool = False,
        shift: int = 4,
        device: torch.device | str = device,
        generator: torch.Generator | None = None,
        alternate: bool = False,
        erase: int = 0,
        side: int | None = None,
        rank: int = 0,
        world: int = 1,
    ):
        if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3:
            raise ValueError(
                _(
                    "images should be uint8 (N, 3, H, W), not {dtype} {shape}",
                    dtype=images.dtype,
                    shape=tuple(images.shape),
                )
            )
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise ValueError(
                _(
                    "labels should be int64 ({count},), not {dtype} {shape}",
                    count=len(images),
                    dtype=labels.dtype,
                    shape=tuple(labels.shape),
                )
            )
        if batch_size < 1 or batch_size % world:
            raise ValueError(
                _(
                    "batch_size should be a positive multiple of {world}, not {size}",
                    world=world,
                    size=batch_size,
                )
            )
        if not 0 <= erase <= min(images.shape[2:]):
            raise ValueError(
                _("erase should be from 0 to {most}, not {size}", most=min(images.shape[2:]), size=erase)
            )
        # (N, H, W, C): a picture's bytes pixel by pixel, which is what channels_last means
        self.pixels = images.permute(0, 2, 3, 1).contiguous().to(device)
        self.labels = labels.to(device)
        self.batch_size, self.shuffle, self.augment, self.shift = batch_size, shuffle, augment, shift
        self.generator, self.rank, self.world = generator, rank, world
        self.alternate, self.rounds = alternate, 0  # rounds begun
        self.erase, self.side = erase, side
        self.mean = 255 * torch.tensor(CIFAR10_MEAN, device=device)
        self.std = 255 * torch.tensor(CIFAR10_STD, device=device)

    def __len__(self) -> int:
        return -(-self._count() // self.batch_size)

    def _count(self) -> int:
        return len(self.labels) // self.world * self.world  # every process must get equally many

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(self.labels)
        order = torch.randperm(count, generator=self.generator) if self.shuffle else torch.arange(count)
        rounds = self.rounds = self.rounds + 1
        for pick in order[: self._count()].split(self.batch_size):
            # Every process draws for the whole batch, then keeps its share: any `world` sees the same.
            move, flip, corner = None, None, None
            if self.augment:
                move = torch.randint(-self.shift, self.shift + 1, (2, len(pick), 1), generator=self.generator)
                if self.alternate:  # half of the pictures in odd rounds, the other half in even ones
                    flip = (pick[:, None] + rounds) % 2 == 0
                else:
                    flip = torch.rand(len(pick), 1, generator=self.generator) < 0.5
                move, flip = move[:, self.rank :: self.world], flip[self.rank :: self.world]
                if self.erase:
                    places = torch.tensor(self.pixels.shape[1:3])[:, None, None] - self.erase + 1
                    corner = (torch.rand(2, len(pick), 1, generator=self.generator) * places).long()
                    corner = corner[:, self.rank :: self.world]
            yield self._batch(pick[self.rank :: self.world], move, flip, corner)

    def _batch(
        self, pick: Tensor, move: Tensor | None, flip: Tensor | None, corner: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        device = self.pixels.device
        y = self.labels[pick.to(device)]
        if move is None:
            x = self.pixels[pick.to(device)]  # (n, H, W, C)
        else:
            # Which row and which column of the old picture each pixel of the new one is taken from.
            _, height, width, channels = self.pixels.shape
            rows = _mirror(torch.arange(height) + move[0], height)  # (n, H)
            columns = _mirror(torch.arange(width) + move[1], width)  # (n, W)
            columns = torch.where(flip, columns.flip(1), columns)
            # The pixels of all pictures have one number each, counted row by row.
            numbers = (pick[:, None, None] * height + rows[:, :, None]) * width + columns[:, None, :]
            numbers = numbers.flatten().to(device)
            x = self.pixels.view(-1, channels).index_select(0, numbers).view(-1, height, width, channels)
        x = x.float().sub_(self.mean).div_(self.std)
        if corner is not None:
            # (n, H) and (n, W): what the square covers.
            rows, columns = (
                (first <= places) & (places < first + self.erase)
                for first, places in zip(corner, map(torch.arange, x.shape[1:3]), strict=True)
            )
            x.masked_fill_((rows[:, :, None] & columns[:, None, :])[..., None].to(device), 0)
        x = x.permute(0, 3, 1, 2)  # (n, C, H, W), channels last in memory
        if self.side:
            x = F.interpolate(x, size=(self.side, self.side), mode="bilinear", antialias=True)
        return x, y


def _mirror(index: Tensor, size: int) -> Tensor:
    """Reflect positions outside 0 … size-1 at the edges: -1 becomes 1, `size` becomes size-2."""
    index = index.abs()
    return (size - 1) - ((size - 1) - index).abs()


def train_one_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    autocast: bool = False,
) -> tuple[float, float]:
    """Train on every batch once; returns the mean loss and the accuracy (0 to 1) of the guesses on the way.

    batches: a DataLoader, Batches, or any iterable of x, y. scheduler: stepped after each batch, not epoch.
    autocast: compute in bfloat16 where PyTorch holds that to be safe; the weights stay float32.
    Raises ValueError if there is no batch, FloatingPointError if the loss is no longer a finite number.
    """
    device = next(model.parameters()).device
    total_loss, correct, count = 0.0, torch.zeros((), device=device), 0
    model.train()
    for x, y in batches:
        # 1. The batch goes where the model is.
        x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
        # 2. Forward: guess, and measure how wrong the guess is.
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            logits = model(x)
            loss = loss_fn(logits, y)
        value = loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(_("the loss became {value}: try a smaller learning rate", value=value))
        # 3. Backward: forget the old gradients, compute the new ones.
        optimizer.zero_grad()
        loss.backward()
        # 4. One step down, then the learning rate for the next one.
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        # 5. Keep count.
        total_loss += value * len(y)
        correct += (logits.argmax(dim=1) == y).sum()
        count += len(y)
    if count == 0:
        raise ValueError(_("there is no batch to train on: the data set or the loader is empty"))
    return total_loss / count, correct.item() / count


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss_fn: Callable[[Tensor, Tensor], Tensor],
) -> tuple[float, float]:
    """The mean loss and the accuracy (0 to 1) over all batches, in eval mode and without a gradient.

    The model is left in the mode, train or eval, that it was in. Raises ValueError if there is no batch.
    """
    device = next(model.parameters()).device
    total_loss, correct, count = 0.0, 0, 0
    was_training = model.training
    model.eval()
    try:
        for x, y in batches:
            x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
            logits = model(x)
            total_loss += loss_fn(logits, y).item() * len(y)
            correct += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    finally:
        model.train(was_training)
    if count == 0:
        raise ValueError(_("there is no batch to evaluate on: the data set or the loader is empty"))
    return total_loss / count, correct / count


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be read, or that belongs to another network or run."""


def save_checkpoint(path: str | os.PathLike, state: dict) -> None:
    """Save `state` to `path`; killed at any moment, this leaves the old file or the new one, whole.

    state: state dicts, tensors, numbers, strings, lists: what load_checkpoint reads without running code.
    Raises CheckpointError if nothing can be written there.
    """
    path = Path(path)
    if path.is_dir():
        raise CheckpointError(
            _("{path} is a folder: name a file in it, such as {example}", path=path, example=path / "run.pt")
        )
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, part)
        os.replace(part, path)  # at once, or not at all
    except (OSError, RuntimeError) as error:  # PyTorch's own writer raises RuntimeError
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0].rpartition("strerror: ")[2]
        raise CheckpointError(
            _("{path} cannot be written ({reason}): choose another place", path=path, reason=reason)
        ) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def load_checkpoint(path: str | os.PathLike) -> dict:
    """What save_checkpoint wrote to `path`, tensors on the CPU. Raises CheckpointError if it is not that."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(
            _("there is no checkpoint {path}: train first, or check the name", path=path)
        ) from None
    except OSError as error:  # the file may be in order: it cannot be opened
        raise CheckpointError(
            _(
                "{path} cannot be opened ({reason}): check its name and its permissions",
                path=path,
                reason=error.strerror or error,
            )
        ) from None
    except Exception as error:
        raise CheckpointError(
            _(
                "{path} is no checkpoint that can be read ({error}): choose another name, or move it away and train "
                "again",
                path=path,
                error=type(error).__name__,
            )
        ) from None


def load_weights(model: nn.Module, state: dict, name: str = "the checkpoint") -> None:
    """model.load_state_dict(state); raises CheckpointError, before anything is changed, if it does not fit."""
    own = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    other = {key: tuple(getattr(value, "shape", ())) for key, value in state.items()}
    if own != other:
        key = next(key for key in [*own, *other] if own.get(key) != other.get(key))
        raise CheckpointError(
            _(
                "{name} is of another network: {key} is {there} there and {here} here; build the network it was saved "
                "from, or train a new one",
                name=name,
                key=key,
                there=other.get(key, _("missing")),
                here=own.get(key, _("missing")),
            )
        )
    model.load_state_dict(state)
