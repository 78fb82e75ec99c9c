"""Checkers of chapter 1, settings."""

from contextlib import ExitStack, contextmanager
from pkgutil import resolve_name
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from . import _, _off, call, describe, exercise, expect, require


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
        "torch.accelerator.current_device_index": lambda: 0,
        "torch.cuda.is_available": lambda: accelerator == "cuda",
        "torch.cuda.device_count": lambda: int(accelerator == "cuda"),
        "torch.cuda.current_device": lambda: 0,
        "torch.backends.cuda.is_built": lambda: accelerator == "cuda",
        "torch.backends.mps.is_available": lambda: accelerator == "mps",
        "torch.backends.mps.is_built": lambda: accelerator == "mps",
        "torch.mps.is_available": lambda: accelerator == "mps",
        "torch.mps.device_count": lambda: int(accelerator == "mps"),
        "torch.xpu.is_available": lambda: accelerator == "xpu",
        "torch.xpu.device_count": lambda: int(accelerator == "xpu"),
        "torch.xpu.current_device": lambda: 0,
    }
    originals = [(resolve_name(name), pretence) for name, pretence in pretences.items()]
    with ExitStack() as stack:
        for name, pretence in pretences.items():
            stack.enter_context(mock.patch(name, pretence))
        _off.extend(originals)  # then `call` replaces a name that the notebook has imported, too
        try:
            yield
        finally:
            del _off[len(_off) - len(originals) :]


@exercise("1.1")
def pick_device(answer):
    for accelerator in (None, "cuda", "mps", "xpu"):
        with pretend(accelerator):
            found = call(answer, name="pick_device")
        machine = (
            _("on a pretended machine whose accelerator is {accelerator}", accelerator=accelerator)
            if accelerator
            else _("on a pretended machine without an accelerator")
        )
        require(
            found is not None,
            _(
                "{machine} pick_device() returned None: current_accelerator(check_available=True) is None without an "
                "accelerator, and a function without `return` returns None too.",
                machine=machine,
            ),
        )
        require(
            isinstance(found, torch.device),
            _(
                "pick_device() returned {found}; a torch.device is wanted, such as torch.device('cpu').",
                found=describe(found),
            ),
        )
        expect(
            found.type,
            accelerator or "cpu",
            _("{machine}, the type of the device that pick_device() returns", machine=machine),
            mistakes={
                _(
                    "This machine has an accelerator, if only a pretended one: ask torch.accelerator, put no tensor there."
                )
                if accelerator == "cuda"
                else _("torch.accelerator finds accelerators of every kind, not CUDA alone."): "cpu",
                _("Without `check_available=True` you get what PyTorch was built for."): "cuda",
            },
        )
        require(
            found.index in (None, 0),
            _(
                "{machine} there is no {found}; the first device is number 0.",
                machine=machine,
                found=str(found),
            ),
        )
    return _("It was tried on four pretended machines: with CUDA, MPS and XPU, and without an accelerator.")


class Draws(TorchFunctionMode):
    """Within it, `drawn` collects what torch.rand has returned."""

    def __init__(self, drawn: list[Tensor]):
        super().__init__()
        self.drawn = drawn

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function is torch.rand:
            self.drawn.append(result.flatten().clone())
        return result


@exercise("1.2")
def three_numbers(answer):
    seen: dict[int, Tensor] = {}
    drawn: list[Tensor] = []
    for number in (1, 2, 1, *range(20), -1, -2, 1000, 2001, 2**31 - 1, -(2**31), 1):
        where = _("three_numbers({number})", number=number)
        before = len(drawn)
        with Draws(drawn):
            found = call(answer, number, name="three_numbers")
        require(
            isinstance(found, Tensor) and found.shape == (3,),
            _(
                "{where} returned {found}; a tensor of shape (3,) is wanted.",
                where=where,
                found=describe(found),
            ),
        )
        require(
            bool(drawn) and bool(torch.isin(found, torch.cat(drawn)).all()),
            _("{where} is {found}, which torch.rand has not drawn.", where=where, found=describe(found)),
        )
        require(
            len(found.unique()) == 3,
            _(
                "{where} is {found}; three numbers drawn one by one are wanted.",
                where=where,
                found=describe(found),
            ),
        )
        require(
            found.dtype == torch.float32,
            _("{where} is {found}; torch.rand draws float32 numbers.", where=where, found=describe(found)),
        )
        if number not in seen:
            places = iter(torch.cat(drawn[before:] or drawn).tolist())  # `in` goes on where it stopped
            require(
                all(value in places for value in found.tolist()),
                _(
                    "{where} is {found}, which is not the order in which torch.rand has drawn them.",
                    where=where,
                    found=describe(found),
                ),
            )
        expect(
            found,
            seen.setdefault(number, found.clone()),
            where,
            _("It gave other numbers when called again: set the seed inside the function."),
            rtol=0,
            atol=0,
        )
        for other, numbers in seen.items():
            require(
                other == number or not torch.equal(numbers, found),
                _(
                    "three_numbers({number}) and three_numbers({other}) are equal: the seed should depend on the "
                    "argument, and differ for different arguments.",
                    number=other,
                    other=number,
                ),
            )
    return _("A function that sets its own seed returns the same numbers, whatever was drawn before.")


@exercise("1.3")
def names_with(answer):
    cases = [
        (torch.cuda, "memory"),
        (str, "is"),
        (torch.nn.Conv2d, "register"),  # inherited from the base of its base
        (torch, "bool"),  # torch.BoolStorage has a capital letter
        (torch.nn.Linear(1, 1), "in_feat"),  # the object has it, its class has not
        (torch.zeros(1), "numel"),
        (torch.zeros(1), "add_"),  # an underscore at the end leaves no name out
        (torch.Tensor, "T"),
        (complex, ""),  # each name contains the empty text
        (torch, "[a-z]"),  # a text, not a pattern
        (torch, "no such name"),
    ]
    for thing, part in cases:
        expected = [name for name in dir(thing) if part in name and not name.startswith("_")]
        found = call(answer, thing, part, name="names_with")
        where = _("names_with({thing}, {part!r})", thing=describe(thing), part=part)
        require(
            isinstance(found, list),
            _("{where} returned {found}; a list of names is wanted.", where=where, found=describe(found)),
        )
        strange = [name for name in found if not isinstance(name, str)]
        require(
            not strange,
            _("{where} lists {found}; names are strings.", where=where, found=describe(strange[:1])),
        )
        private = [name for name in found if name.startswith("_")]
        require(
            not private,
            _(
                "{where} lists {names}; leave out the names that start with an underscore.",
                where=where,
                names=private[:1],
            ),
        )
        missing = [name for name in expected if name not in found]
        inherited = isinstance(thing, type) and all(name not in vars(thing) for name in missing)
        require(
            not missing,
            _(
                "{where} misses {names}, which it inherits: `dir` lists those too.",
                where=where,
                names=missing[:3],
            )
            if inherited
            else _("{where} misses {names}.", where=where, names=missing[:3]),
        )
        extra = [name for name in found if name not in expected]
        require(
            not extra,
            _("{where} lists {names}, without {part!r} in it.", where=where, names=extra[:1], part=part),
        )
        require(len(found) == len(expected), _("{where} lists a name twice.", where=where))
    return _("`dir()` with a filter finds a call whose name you half remember.")


class OnMPS(Tensor):
    """A tensor that says it lies on Apple's GPU, so that more devices than the machine's own can be asked for."""

    device = torch.device("mps")


@exercise("1.4")
def report(answer):
    tensors = [
        torch.zeros(3, 5),
        torch.arange(5),
        torch.tensor(2.0, dtype=torch.float64),
        torch.zeros(0, 3),
        torch.nn.Parameter(torch.arange(12.0).reshape(3, 4)[:, 1:3]),  # a piece of a larger one
        torch.empty(4, 1, 2, dtype=torch.bool, device="meta"),
        torch.zeros(2, 2).as_subclass(OnMPS),
    ]
    for tensor in tensors:
        found = call(answer, tensor, name="report")
        require(
            isinstance(found, dict),
            _("report(x) returned {found}; a dict is wanted.", found=describe(found)),
        )
        expect(
            sorted(map(str, found)),
            ["device", "dtype", "numbers", "shape"],
            _("the sorted list of the keys of report(x)"),
        )
        expected = {
            "shape": tuple(tensor.shape),
            "dtype": tensor.dtype,
            "device": tensor.device.type,
            "numbers": tensor.numel(),
        }
        hints = {
            "shape": {},
            "dtype": {
                _("That is the type of the tensor; `x.dtype` says what its numbers are."): torch.Tensor,
                _("The dtype itself is wanted, not its name."): str(tensor.dtype),
            },
            "device": {_("A string is wanted, such as 'cpu'."): tensor.device},
            "numbers": {
                _("That is the number of axes."): tensor.ndim or None,
                _("That is the length of the first axis."): tensor.shape[0] if tensor.ndim else None,
            },
        }
        for key, value in expected.items():
            where = _("for {tensor}, report(x)[{key!r}]", tensor=describe(tensor), key=key)
            listed = key == "shape" and isinstance(found[key], list)
            why = _("A tuple is wanted, not a list.") if listed else ""
            expect(found[key], value, where, why, mistakes=hints[key], same_type=True)
    return _(
        "Shape, dtype and device: many errors that you will meet come from one of the three. Print them first."
    )
