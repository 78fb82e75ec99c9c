"""Checkers of chapter 1, settings."""

from contextlib import ExitStack, contextmanager
from unittest import mock

import numpy as np
import torch

from . import call, describe, exercise, expect, require


@contextmanager
def pretend(accelerator: str | None):
    """Within it PyTorch finds this accelerator, or none, whatever the machine has."""
    found = torch.device(accelerator) if accelerator else None

    def current_accelerator(check_available: bool = False):
        # A build for CUDA names it even on a machine without a GPU, unless it is asked to check.
        return found if check_available or found else torch.device("cuda")

    pretences = {
        "torch.accelerator.is_available": lambda: found is not None,
        "torch.accelerator.current_accelerator": current_accelerator,
        "torch.accelerator.device_count": lambda: int(found is not None),
        "torch.cuda.is_available": lambda: accelerator == "cuda",
        "torch.cuda.device_count": lambda: int(accelerator == "cuda"),
        "torch.backends.mps.is_available": lambda: accelerator == "mps",
        "torch.mps.is_available": lambda: accelerator == "mps",
        "torch.xpu.is_available": lambda: accelerator == "xpu",
    }
    with ExitStack() as stack:
        for name, pretence in pretences.items():
            stack.enter_context(mock.patch(name, pretence))
        yield


@exercise("1.1")
def pick_device(answer):
    for accelerator in (None, "cuda"):
        with pretend(accelerator):
            found = call(answer, name="pick_device")
        machine = f"on a pretended machine {'with a CUDA GPU' if accelerator else 'without an accelerator'}"
        require(
            found is not None,
            f"{machine} pick_device() returned None: current_accelerator(check_available=True) is None without an "
            "accelerator, and a function without `return` returns None too.",
        )
        require(
            isinstance(found, torch.device),
            f"pick_device() returned {describe(found)}; a torch.device is wanted, such as torch.device('cpu').",
        )
        expect(
            found.type, accelerator or "cpu", f"{machine}, the type of the device that pick_device() returns"
        )
    return "It was tried on two pretended machines, one with a GPU and one without."


@exercise("1.2")
def three_numbers(answer):
    first, again, other = (call(answer, number, name="three_numbers") for number in (1, 1, 2))
    require(
        isinstance(first, torch.Tensor) and first.shape == (3,),
        f"three_numbers(1) returned {describe(first)}; a tensor of shape (3,) is wanted.",
    )
    require(
        torch.equal(first, again),
        "three_numbers(1) gave other numbers when called again; start the generator inside the function.",
    )
    require(
        not torch.equal(first, other),
        "three_numbers(1) and three_numbers(2) gave the same numbers; the seed should be the argument.",
    )
    expect(
        first,
        torch.rand(3, generator=torch.Generator().manual_seed(1)),
        "three_numbers(1)",
        "Draw by torch.rand, on the CPU.",
    )
    return "A function that seeds itself returns the same numbers however often and whenever it is called."


@exercise("1.3")
def names_with(answer):
    for thing, part in [(torch.cuda, "memory"), (str, "is"), (torch, "no such name")]:
        expected = [name for name in dir(thing) if part in name and not name.startswith("_")]
        found = call(answer, thing, part, name="names_with")
        where = f"names_with({describe(thing) if isinstance(thing, type) else thing.__name__}, {part!r})"
        require(isinstance(found, list), f"{where} returned {describe(found)}; a list of names is wanted.")
        private = [name for name in found if isinstance(name, str) and name.startswith("_")]
        require(
            not private, f"{where} lists {private[:1]}; leave out the names that start with an underscore."
        )
        missing = [name for name in expected if name not in found]
        require(not missing, f"{where} misses {missing[:3]}.")
        expect(sorted(map(str, found)), sorted(expected), where)
    return "This one-liner over `dir()` finds a call whose name you half remember."


@exercise("1.4")
def report(answer):
    tensors = [torch.zeros(2, 3), torch.arange(5), torch.empty(4, 1, 2, dtype=torch.bool, device="meta")]
    for tensor in tensors:
        found = call(answer, tensor, name="report")
        require(isinstance(found, dict), f"report(x) returned {describe(found)}; a dict is wanted.")
        expect(
            sorted(map(str, found)), ["device", "dtype", "numbers", "shape"], "the sorted keys of report(x)"
        )
        expected = {
            "shape": tuple(tensor.shape),
            "dtype": tensor.dtype,
            "device": tensor.device.type,
            "numbers": tensor.numel(),
        }
        numbers = found["numbers"]
        found["numbers"] = int(numbers) if isinstance(numbers, np.integer) else numbers  # np.prod(x.shape)
        for key, value in expected.items():
            expect(found[key], value, f"for {describe(tensor)}, report(x)[{key!r}]")
    return (
        "Shape, dtype and device: when a line of PyTorch fails, one of the three is nearly always the reason."
    )
