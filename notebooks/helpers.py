"""What every chapter of the course shares: paths, the device, pictures, TensorBoard runs, the training loop.

A chapter builds by hand what it teaches; it imports from here only what an earlier chapter has taught, or plumbing.
"""

import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
LOGS = Path(os.environ.get("COURSE_LOGS", ROOT / "logs"))

device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def seed(number: int = 0) -> None:
    """Start the random numbers of Python, NumPy and PyTorch (CPU and accelerator) from `number`."""
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def new_writer(name: str):
    """A TensorBoard SummaryWriter on a folder of its own, LOGS/name/run-1, run-2, …, so that runs never mix.

    Raises ValueError if `name` is no plain relative path.
    """
    from torch.utils.tensorboard import SummaryWriter

    if not name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"name should be a folder name such as 'quick', not {name!r}")
    number = 1
    while True:
        try:
            (LOGS / name / f"run-{number}").mkdir(parents=True)  # fails if it is there: two kernels never share one
            return SummaryWriter(LOGS / name / f"run-{number}")
        except FileExistsError:
            number += 1


def show_images(images: Tensor | Sequence, titles: Sequence[str] | None = None, columns: int = 10, size: float = 1.2):
    """Show pictures side by side.

    images: a tensor (N, C, H, W) or (C, H, W), or a list of tensors (C, H, W) and PIL images; one or three channels;
    uint8 from 0 to 255, or float from 0 to 1 (values outside are clipped, as after Normalize).
    titles: one for each picture. columns: pictures in a row. size: inches for each.
    Raises ValueError if a picture has another shape, or if the titles do not match in number.
    """
    import matplotlib.pyplot as plt

    if isinstance(images, Tensor) and images.dim() == 3:
        images = [images]
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"{len(images)} pictures, but {len(titles)} titles")
    columns = max(1, min(columns, len(images)))
    rows = -(-len(images) // columns)
    extra = 0.2 if titles is not None else 0.0
    _, axes = plt.subplots(
        rows, columns, figsize=(columns * size, rows * (size + extra)), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    for i, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
        if isinstance(image, Tensor):
            if image.dim() != 3 or image.shape[0] not in (1, 3):
                raise ValueError(f"a picture is (1, H, W) or (3, H, W), not {tuple(image.shape)}")
            image = image.detach().cpu().permute(1, 2, 0)
            image = image if image.dtype == torch.uint8 else image.float().clamp(0, 1)
        axis.imshow(image, cmap="gray")
        if titles is not None:
            axis.set_title(titles[i], fontsize=9)
    plt.show()


def plot_history(history: dict[str, list[float]], title: str = ""):
    """Two charts over the epochs, loss on the left and accuracy on the right.

    history: one list per curve, one number per epoch; the name says where it goes, for example "train_loss",
    "train_accuracy", "validation_loss", "validation_accuracy". Raises ValueError for a name that ends otherwise.
    """
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for name, values in history.items():
        part, _, measure = name.rpartition("_")
        if measure not in ("loss", "accuracy"):
            raise ValueError(f"a curve's name ends in _loss or _accuracy, not {name!r}")
        axes[measure == "accuracy"].plot(range(1, len(values) + 1), values, label=part)
    for axis, measure in zip(axes, ("loss", "accuracy"), strict=True):
        axis.set(xlabel="epoch", ylabel=measure, title=title)
        axis.legend()
    plt.show()


# Chapter 20 builds this network by hand.


def cifar10_quick(activation: Callable[[], nn.Module] | None = nn.ReLU) -> nn.Sequential:
    """The network of chapter 20: images (N, 3, 32, 32) to logits (N, 10), 145,578 parameters.

    `activation` makes the layer that follows each convolution's pooling and the first linear layer;
    None leaves it out, as the note's figure does. Sizes: Caffe's examples/cifar10, "CIFAR10-quick".
    """
    act = [activation] if activation else []
    blocks: list[nn.Module] = []
    for channels_in, channels_out in [(3, 32), (32, 32), (32, 64)]:
        blocks += [nn.Conv2d(channels_in, channels_out, kernel_size=5, padding=2), nn.MaxPool2d(2)]
        blocks += [make() for make in act]
    blocks += [nn.Flatten(), nn.Linear(64 * 4 * 4, 64), *(make() for make in act), nn.Linear(64, 10)]
    return nn.Sequential(*blocks)
