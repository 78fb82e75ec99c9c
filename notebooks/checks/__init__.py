"""Exercises that answer back.

    check("9.1", out_size)

prints one line: `not attempted yet` for an untouched stub (`...` is the placeholder), `correct` with a sentence worth
knowing, or `not yet:` with a hint made from the answer itself. It never raises because of an answer.

The checkers of chapter NN live in `chNN.py` beside this file. A checker is a function of the answer that returns the
sentence worth knowing and raises `NotYet(hint)` for a wrong answer; `call`, `expect` and `require` do that for the
usual cases.
"""

import dis
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

CHECKERS: dict[str, Callable[..., str]] = {}


class NotYet(Exception):
    """The answer is wrong; the text is the hint that the learner reads."""


class NotAttempted(Exception):
    """The answer still holds the placeholder `...`."""


def exercise(number: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """Register the decorated function as the checker of exercise `number`, for example "9.1"."""

    def register(checker: Callable[..., str]) -> Callable[..., str]:
        CHECKERS[number] = checker
        return checker

    return register


def check(number: str, *answer: Any) -> None:
    """Print what exercise `number` has to say to `answer`.

    Raises ValueError if there is no such exercise, which is a typing mistake in the call, not in the answer.
    """
    load_chapter(number)
    if number not in CHECKERS:
        raise ValueError(f"there is no exercise {number!r}; this chapter has {', '.join(_siblings(number))}")
    try:
        if any(is_placeholder(part) for part in answer):
            raise NotAttempted
        # A checker may draw random numbers; the notebook's own stream must not notice.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            praise = CHECKERS[number](*answer)
    except NotAttempted:
        print(f"{number} · not attempted yet")
    except NotYet as hint:
        print(f"{number} · not yet: {hint}")
    except Exception as error:  # an answer that no checker foresaw is still only a wrong answer
        print(f"{number} · not yet: the answer could not be used ({_sentence(error)}).")
    else:
        print(f"{number} · correct. {praise}")


def load_chapter(number: str) -> None:
    """Import the checkers of the chapter that exercise `number` belongs to. Raises ValueError if it has none."""
    chapter = number.split(".")[0]
    try:
        import_module(f"{__name__}.ch{int(chapter):02d}")
    except (ModuleNotFoundError, ValueError):
        raise ValueError(f"there is no exercise {number!r}; numbers look like '9.1'") from None


def is_placeholder(answer: Any) -> bool:
    """True if `answer` is `...`, holds it, or is a function or class whose body is still only `...`."""
    if answer is ...:
        return True
    if isinstance(answer, list | tuple):
        return any(is_placeholder(part) for part in answer)
    if isinstance(answer, dict):
        return any(is_placeholder(part) for part in answer.values())
    if inspect.isclass(answer):
        return any(is_placeholder(part) for part in vars(answer).values() if inspect.isfunction(part))
    if inspect.isfunction(answer):
        # A body of `...` compiles to nothing but "return None".
        steps = [
            step
            for step in dis.get_instructions(inspect.unwrap(answer))
            if step.opname not in ("RESUME", "NOP")
        ]
        names = {step.opname for step in steps}
        constants = [step.argval for step in steps if "CONST" in step.opname]
        return names <= {"LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"} and constants == [None]
    return False


def call(function: Callable, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
    """What the learner's `function` returns for these arguments; tensors are passed as copies.

    Raises NotYet if it is no function or raises, NotAttempted if it returns `...`.
    """
    name = name or getattr(function, "__name__", "the answer")
    require(callable(function), f"the answer should be a function, but is {describe(function)}.")
    given = [_argument(a) for a in args] + [f"{k}={_argument(v)}" for k, v in kwargs.items()]
    shown = f"{name}({', '.join(given)})"
    copies = [arg.clone() if isinstance(arg, Tensor) else arg for arg in args]
    try:
        result = function(*copies, **kwargs)
    except Exception as error:
        raise NotYet(f"{shown} raised {_sentence(error)}.") from None
    if is_placeholder(result):
        raise NotAttempted
    return result


def expect(
    actual: Any, expected: Any, what: str, why: str = "", rtol: float = 1e-4, atol: float = 1e-5
) -> None:
    """Raise NotYet unless `actual` is `expected`; `what` names it in the hint, `why` is added to the hint.

    Tensors are compared by type, shape, dtype and then value, whatever device they are on; other numbers by value;
    lists and tuples part by part; anything else by `==`.
    """
    why = f" {why}" if why else ""
    wrong = NotYet(f"{what} is {describe(actual)}, but should be {describe(expected)}.{why}")
    if isinstance(expected, Tensor):
        if not isinstance(actual, Tensor):
            raise NotYet(f"{what} should be a tensor, but is {describe(actual)}.{why}")
        if actual.shape != expected.shape:
            raise NotYet(
                f"{what} has shape {tuple(actual.shape)}, but should have {tuple(expected.shape)}.{why}"
            )
        if actual.dtype != expected.dtype:
            raise NotYet(f"{what} has dtype {actual.dtype}, but should have {expected.dtype}.{why}")
        if not torch.allclose(actual.detach().cpu(), expected.detach().cpu(), rtol=rtol, atol=atol):
            if actual.numel() <= 12:
                raise wrong
            gap = (actual.detach().cpu().double() - expected.detach().cpu().double()).abs().max().item()
            raise NotYet(f"{what} has the right shape, but its values are off by up to {gap:.4g}.{why}")
    elif isinstance(expected, bool) or isinstance(expected, str) or expected is None:
        if type(actual) is not type(expected) or actual != expected:
            raise wrong
    elif isinstance(expected, int | float):
        if isinstance(actual, np.integer | np.floating):
            actual = actual.item()
        if isinstance(actual, Tensor) and actual.numel() == 1:
            raise NotYet(
                f"{what} is {describe(actual)}; a plain number is wanted (`.item()` makes one).{why}"
            )
        if isinstance(actual, bool) or not isinstance(actual, int | float):
            raise wrong
        if abs(actual - expected) > atol + rtol * abs(expected):
            raise wrong
        if isinstance(expected, int) and not isinstance(actual, int):
            raise NotYet(f"{what} is {actual!r}; an int is wanted, {expected}.{why}")
    elif isinstance(expected, list | tuple):
        if not isinstance(actual, list | tuple) or len(actual) != len(expected):
            raise wrong
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            expect(a, e, f"{what}[{i}]", why.strip(), rtol, atol)
    elif actual != expected:
        raise wrong


@contextmanager
def switched_off(what: str, *places: tuple[Any, str]) -> Iterator[None]:
    """While an answer runs, let PyTorch's own `what` raise an error, so that the answer must do without it.

    places: an object and the name of its attribute, for each function or method to switch off.
    """

    def off(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError(f"PyTorch's own {what} is switched off in this exercise")

    with ExitStack() as stack:
        for holder, name in places:
            stack.enter_context(mock.patch.object(holder, name, off))
        yield


def require(condition: bool, hint: str) -> None:
    """Raise NotYet(hint) unless `condition` holds."""
    if not condition:
        raise NotYet(hint)


def describe(value: Any) -> str:
    """A short text for a hint: a tensor by shape and dtype, and by its values where they are few; no addresses."""
    if isinstance(value, Tensor):
        shape, dtype = tuple(value.shape), str(value.dtype).removeprefix("torch.")
        article = "an" if dtype.startswith("int") else "a"
        if 0 < value.numel() <= 12 and value.device.type != "meta":
            numbers = value.detach().cpu().tolist()
            return f"{article} {dtype} tensor {_round(numbers)}"
        return f"{article} {dtype} tensor of shape {shape}"
    if isinstance(value, torch.Size):
        return str(tuple(value))
    if isinstance(value, list | tuple) and any(isinstance(part, Tensor) for part in value):
        return f"a {type(value).__name__} ({', '.join(describe(part) for part in value)})"
    if value is None:
        return "None (is a `return` missing?)"
    if isinstance(value, float):
        return f"{value:.6g}"
    if inspect.ismodule(value):
        return f"the module {value.__name__}"
    if inspect.isclass(value) or inspect.isroutine(value):
        return f"{'class' if inspect.isclass(value) else 'function'} {value.__name__}"
    if isinstance(value, nn.Module):
        return f"a module of type {type(value).__name__}"
    text = " ".join(repr(value).split())
    if " at 0x" in text:
        return f"an object of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _argument(value: Any) -> str:
    """As `describe`, for what a function was given: None is meant there."""
    return "None" if value is None else describe(value)


def _round(numbers: Any) -> Any:
    if isinstance(numbers, list):
        return [_round(number) for number in numbers]
    return round(numbers, 4) if isinstance(numbers, float) else numbers


def _sentence(error: Exception) -> str:
    """The error's type and first line, for a hint in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


def _siblings(number: str) -> list[str]:
    return [known for known in CHECKERS if known.split(".")[0] == number.split(".")[0]]
