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

device = torch.accelerator.current_accelerator() or torch.device("cpu")


def seed(number: int = 0) -> None:
    """Start the random numbers of Python, NumPy and PyTorch (CPU and accelerator) from `number`."""
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


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
