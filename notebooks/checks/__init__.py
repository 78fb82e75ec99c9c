"""Exercises that answer back.

    check("9.1", out_size)

prints one line: `not attempted yet` for an untouched stub (`...` is the placeholder), `correct` with a sentence worth
knowing, or `not yet:` with a hint made from the answer itself. It never raises because of an answer, and an answer
that runs for ever, takes memory without end, waits for input or exits is stopped (guard.py).

The checkers of chapter NN live in `chNN.py` beside this file. A checker is a function of the answer that returns the
sentence worth knowing and raises `NotYet(hint)` for a wrong answer; `call`, `expect` and `require` do that for the
usual cases. All texts are `_("… {name} …", name=value)` (texts.py).

One rule for what may come back, in all chapters:
- where a tensor is wanted: a tensor of the right shape and dtype, on any device;
- where a number is wanted: a Python or NumPy number (for an int a whole one), not a tensor;
- where a list or a tuple is wanted: either of them, unless the exercise's text names one (`same_type=True`);
- what the caller passed in is afterwards as it was before, unless the exercise asks for a change.
"""

import ast
import copy
import dis
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib import import_module
from itertools import islice
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from . import guard
from .texts import Text, _, join

SECONDS = 8.0  # that a checker may take, all its calls of the answer together

CHECKERS: dict[str, Callable[..., Text]] = {}
_limits: dict[str, float] = {}
_running: list[Text | str] = []  # the call of the answer that is under way
_off: list[
    tuple[Any, Any]
] = []  # PyTorch's own functions that are switched off, each with what stands in for it


class NotYet(Exception):
    """The answer is wrong; the text is the hint that the learner reads."""

    def __init__(self, hint: Text | str):
        super().__init__(hint)
        self.hint = hint

    def __str__(self) -> str:
        return str(self.hint)


class NotAttempted(Exception):
    """The answer still holds the placeholder `...`."""


def exercise(number: str, seconds: float = SECONDS) -> Callable[[Callable[..., Text]], Callable[..., Text]]:
    """Register the decorated function as the checker of exercise `number`, for example "9.1".

    seconds: how long it may take in all, where an answer has to train or to start processes.
    """

    def register(checker: Callable[..., Text]) -> Callable[..., Text]:
        CHECKERS[number], _limits[number] = checker, seconds
        return checker

    return register


def check(number: str, *answer: Any) -> None:
    """Print what exercise `number` has to say to `answer`.

    Raises ValueError if there is no such exercise, which is a typing mistake in the call, not in the answer.
    """
    load_chapter(number)
    if number not in CHECKERS:
        raise ValueError(f"there is no exercise {number!r}; this chapter has {', '.join(_siblings(number))}")
    print(_verdict(number, answer))


def _verdict(number: str, answer: tuple[Any, ...]) -> Text:
    """What `check` prints."""

    def work() -> Text:
        if any(is_placeholder(part) for part in answer):
            raise NotAttempted
        # A checker may draw random numbers; the notebook's own stream must not notice.
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(0)
            return CHECKERS[number](*answer)

    _running.clear()
    try:
        if not any(is_placeholder(part) for part in answer) and _loads_late(CHECKERS[number]):
            import_module("torch._dynamo")  # here, so that the answer's time does not pay for it
            import_module("torch._functorch.vmap").lazy_load_decompositions()
        praise = guard.guarded(work, _limits[number])
    except NotAttempted:
        return _("{number} · not attempted yet", number=number)
    except NotYet as error:
        hint = error.hint
    except guard.Stopped as stop:
        hint = _stopped(stop, _running[-1] if _running else _("the answer"), _limits[number])
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # an answer that no checker foresaw is still only a wrong answer
        hint = _("the answer could not be used ({error}).", error=sentence(error))
    else:
        return _("{number} · correct. {praise}", number=number, praise=praise)
    return _("{number} · not yet: {hint}", number=number, hint=hint)


def _loads_late(checker: Callable) -> bool:
    """Whether the chapter uses what makes PyTorch load torch._dynamo, which takes seconds, when it is first used."""
    module = import_module(checker.__module__)
    words = "switched_off", "torch.optim", "TorchDispatchMode"
    return module.__package__ == __name__ and any(word in inspect.getsource(module) for word in words)


def _stopped(stop: guard.Stopped, what: Text | str, seconds: float) -> Text:
    """The hint for an answer that had to be stopped."""
    if isinstance(stop, guard.TookTooLong):
        return _(
            "{what} was stopped after {seconds:g} s: is there a loop that never ends?",
            what=what,
            seconds=seconds,
        )
    if isinstance(stop, guard.TookTooMuch):
        return _(
            "{what} was stopped: it took more than 1 GiB of memory. Does something grow without end?",
            what=what,
        )
    if isinstance(stop, guard.AskedForInput):
        return _("{what} asked for input; all that it needs are its arguments.", what=what)
    return _("{what} called exit(); leave a function by `return`.", what=what)


def load_chapter(number: str) -> None:
    """Import the checkers of the chapter that exercise `number` belongs to. Raises ValueError if it has none."""
    try:
        import_module(f"{__name__}.ch{int(number.split('.')[0]):02d}")
    except (ModuleNotFoundError, ValueError, AttributeError):
        raise ValueError(f"there is no exercise {number!r}; numbers are texts such as '9.1'") from None


def is_placeholder(answer: Any) -> bool:
    """True if `answer` is `...`, holds it, or is a function or class whose bodies are all still only `...`."""
    if answer is ...:
        return True
    if isinstance(answer, list | tuple):
        return any(is_placeholder(part) for part in answer)
    if isinstance(answer, dict):
        return any(is_placeholder(part) for part in answer.values())
    if inspect.isclass(answer):
        states = [_state(part) for part in vars(answer).values() if inspect.isfunction(part)]
        return "stub" in states and "filled" not in states
    return inspect.isfunction(answer) and _state(answer) == "stub"


def _state(function: Callable) -> str:
    """ "stub" for a body of `...`, "empty" for one that only calls super().__init__(), "filled" for any other."""
    try:
        (found,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
        body = found.body if isinstance(found, ast.FunctionDef) else [found]
    except (OSError, TypeError, ValueError, SyntaxError):  # no source, or a lambda within a line
        return _state_of_code(function)
    left = [ast.unparse(line) for line in body if not _is_docstring(line)]
    left = [line for line in left if not line.startswith("super().__init__(")]
    if not left:
        return "empty"
    return "stub" if left == ["..."] else "filled"


def _state_of_code(function: Callable) -> str:
    """As `_state`, for a function without source: a body of `...` compiles to nothing but "return None"."""
    try:
        steps = [
            step
            for step in dis.get_instructions(inspect.unwrap(function))
            if step.opname not in ("RESUME", "NOP")
        ]
    except TypeError:
        return "filled"
    names = {step.opname for step in steps}
    constants = [step.argval for step in steps if "CONST" in step.opname]
    bare = names <= {"LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"} and constants == [None]
    return "stub" if bare and function.__name__ != "<lambda>" else "filled"


def _is_docstring(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )


# Running an answer


def call(
    function: Callable, *args: Any, name: Text | str | None = None, changes: bool = False, **kwargs: Any
) -> Any:
    """What the learner's `function` returns for these arguments, which are passed as copies.

    changes: whether the exercise asks for a change of the arguments, which are then passed themselves; else an answer
    that changes one is wrong.
    Raises NotYet if it is no function, raises, or changes its arguments; NotAttempted if it returns `...`.
    """
    name = name or getattr(function, "__name__", _("the answer"))
    require(
        callable(function), _("the answer should be a function, but is {found}.", found=describe(function))
    )
    shown = _called(name, args, kwargs)
    copies, named = (args, kwargs) if changes else (_copy(args), _copy(kwargs))
    _running.append(shown)
    try:
        with _swapped_names(function):
            result = function(*copies, **named)
    except (NotAttempted, NotYet):
        raise
    except MemoryError:
        raise guard.TookTooMuch from None
    except Exception as error:
        raise NotYet(_("{call} raised {error}.", call=shown, error=sentence(error))) from None
    except SystemExit:
        raise guard.Exited from None
    _running.pop()
    if is_placeholder(result):
        raise NotAttempted
    if not changes:
        for which, before, after in [
            *_pairs(args, copies),
            *((key, kwargs[key], named[key]) for key in kwargs),
        ]:
            require(
                _unchanged(before, after),
                _(
                    "{call} changed its argument {which}; leave what is passed in as it was.",
                    call=shown,
                    which=which,
                ),
            )
    return result


def _pairs(args: tuple, copies: tuple) -> Iterator[tuple[int, Any, Any]]:
    """Number (from 1), value before and value after of each positional argument."""
    for i, (before, after) in enumerate(zip(args, copies, strict=True)):
        yield i + 1, before, after


def _called(name: str, args: tuple, kwargs: dict) -> Text:
    """The call as a text, for hints."""
    given = [_argument(value) for value in args] + [
        _("{key}={value}", key=key, value=_argument(value)) for key, value in kwargs.items()
    ]
    listed = Text(
        ", ".join(f"{{a{i}}}" for i in range(len(given))), **{f"a{i}": part for i, part in enumerate(given)}
    )
    return _("{name}({listed})", name=name, listed=listed)


def _copy(value: Any) -> Any:
    """A copy of tensors, arrays and of the lists, tuples, sets and dicts that hold them; other things as they are."""
    if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
        return value.clone()
    if isinstance(value, np.ndarray | set):
        return value.copy()
    if type(value) in (list, tuple):
        return type(value)(_copy(part) for part in value)
    if isinstance(value, dict):
        other = copy.copy(value)
        other.update((key, _copy(part)) for key, part in value.items())
        return other
    return value


def _unchanged(before: Any, after: Any) -> bool:
    """Whether a copy made by `_copy` is still equal to its original."""
    if before is after:
        return True
    if isinstance(before, Tensor) != isinstance(after, Tensor):
        return False
    if isinstance(before, Tensor):
        return (
            before.shape == after.shape
            and before.dtype == after.dtype
            and before.requires_grad == after.requires_grad
            and (before.is_meta or same(after, before, rtol=0, atol=0))
        )
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after, equal_nan=before.dtype.kind in "fc")
    if type(before) in (list, tuple):
        return len(before) == len(after) and all(map(_unchanged, before, after))
    if isinstance(before, dict):
        return list(before) == list(after) and all(_unchanged(before[key], after[key]) for key in before)
    return bool(before == after)


def keep(*modules: nn.Module, name: str, buffers: bool = True) -> Callable[[], None]:
    """A function that raises NotYet unless the modules are as they are now, for use after a call of the answer `name`.

    That is: their parts and settings, numbers, modes and hooks, and of each parameter whether it is frozen, and its
    .grad. A parameter without one is given one, as an earlier backward pass leaves it.
    buffers: whether they count; a call in train mode moves the running statistics.
    """
    for p in (p for module in modules for p in module.parameters()):
        p.grad = torch.ones_like(p) if p.grad is None else p.grad

    def state() -> list:
        found: list[Any] = []
        for part in (part for module in modules for part in module.modules()):
            settings = {key: v for key, v in vars(part).items() if isinstance(v, int | float | str | tuple)}
            hooks = part._forward_hooks, part._forward_pre_hooks, part._backward_hooks
            found += [type(part), sorted(vars(part)), settings, [len(kind) for kind in hooks]]
            found += [dict(part.named_buffers(recurse=False)) if buffers else None]
            for key, p in part.named_parameters(recurse=False):
                found += [key, p.requires_grad, p.detach(), p.grad]
        return found

    before = _copy(state())

    def unchanged() -> None:
        require(
            _unchanged(before, state()),
            _(
                "{name} changed a module that was passed in: its numbers, its mode, a .grad, a hook, or what is "
                "frozen. Leave it as it was.",
                name=name,
            ),
        )

    return unchanged


def still_trainable(model: nn.Module, name: str) -> None:
    """Raise NotYet if a parameter of the model is frozen, which had none frozen before the answer `name` was called."""
    require(
        all(weight.requires_grad for weight in model.parameters()),
        _("{name} leaves the model frozen, so that it cannot be trained further.", name=name),
    )


def take(answer: Iterable, limit: int, what: Text | str) -> list:
    """The items of an answer that one can loop over, as a list.

    Raises NotYet if there are more than `limit`, or if it is no iterable or raises on the way.
    """
    _running.append(what)
    try:
        items = list(islice(iter(answer), limit + 1))
    except Exception as error:
        raise NotYet(_("{what} raised {error}.", what=what, error=sentence(error))) from None
    _running.pop()
    require(
        len(items) <= limit,
        _("{what} has not ended after {limit} items; at most that many are wanted.", what=what, limit=limit),
    )
    return items


@contextmanager
def switched_off(what: Text | str, *places: tuple[Any, str]) -> Iterator[None]:
    """While an answer runs, let PyTorch's own `what` raise an error, so that the answer must do without it.

    places: an object and the name of its attribute, for each function or method to switch off. A name that the
    notebook has imported for it (`from torch import conv2d`) is off too.
    """

    def off(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError(str(_("PyTorch's own {what} is switched off in this exercise", what=what)))

    off.default = off  # an operator of torch.ops.aten is called by this name, too
    # torch._dynamo is there already, see _verdict. PyTorch loads it when it is first needed, for example by an optimizer.
    # If that happened while a function is switched off, or were stopped on the way, it would stay half loaded, and no
    # optimizer would work in this kernel any more. What torch.vmap loads when it is first used is the same case.
    with ExitStack() as stack:
        originals = [(getattr(holder, name), off) for holder, name in places]
        for holder, name in places:
            stack.enter_context(mock.patch.object(holder, name, off))
        _off.extend(originals)
        try:
            yield
        finally:
            del _off[len(_off) - len(originals) :]


@cache
def pytorchs_own(*parts: str) -> list[tuple[Any, str]]:
    """The places, for `switched_off`, of PyTorch's functions whose names hold one of `parts`.

    One function has several: softmax is in torch, torch.Tensor, torch.special and others, and an operator of
    torch.ops.aten, which has more of them, such as _safe_softmax.
    """
    functions = nn.functional, torch._C._nn, torch.special, torch._C._special, torch.sparse, torch._VF
    holders = (torch, Tensor, *functions, torch.ops.aten)
    names = {name for holder in holders for name in dir(holder)}
    for operator in torch._C._dispatch_get_all_op_names():  # "aten::softmax.int"
        if operator.startswith("aten::"):
            names.add(operator.removeprefix("aten::").split(".")[0])
    wanted = sorted(name for name in names if any(part in name for part in parts))
    return [(holder, name) for holder in holders for name in wanted if callable(getattr(holder, name, None))]


@contextmanager
def _swapped_names(function: Callable) -> Iterator[None]:
    """Replace what is switched off, and what could run for ever, among the global names that the answer sees."""
    names = getattr(inspect.unwrap(function), "__globals__", {}) if inspect.isroutine(function) else {}
    others = {id(original): other for original, other in (*_off, *guard.STAND_INS)}
    swaps = {name: others[id(value)] for name, value in list(names.items()) if id(value) in others}
    before = {name: names[name] for name in swaps}
    names.update(swaps)
    try:
        yield
    finally:
        names.update(before)  # one call, which nothing that stops an answer can cut in two


def names_in(answer: Any) -> set[str]:
    """All names that the code of a function, a method or a class mentions: globals, attributes, imports.

    For what an exercise forbids and `switched_off` cannot reach, such as an attribute. Local variables are not in it.
    """
    if inspect.isclass(answer):
        return set().union(*(names_in(part) for part in vars(answer).values() if inspect.isfunction(part)))
    code = getattr(inspect.unwrap(answer) if callable(answer) else answer, "__code__", answer)
    if not inspect.iscode(code):
        return set()
    return set(code.co_names).union(*(names_in(part) for part in code.co_consts if inspect.iscode(part)))


def loops_in(answer: Any) -> int:
    """How many `for` and `while` loops and comprehensions the source of a function has; 0 without a source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(answer)))
    except (OSError, TypeError, ValueError, SyntaxError):
        return 0
    return sum(isinstance(node, ast.For | ast.While | ast.comprehension) for node in ast.walk(tree))


# Judging what came back


def require(condition: bool, hint: Text | str) -> None:
    """Raise NotYet(hint) unless `condition` holds."""
    if not condition:
        raise NotYet(hint)


def expect(
    actual: Any,
    expected: Any,
    what: Text | str,
    why: Text | str = "",
    rtol: float = 1e-4,
    atol: float = 1e-5,
    mistakes: Mapping[Text | str, Any] | None = None,
    same_type: bool = False,
) -> None:
    """Raise NotYet unless `actual` is `expected`.

    what: names the value in the hint. why: is added to the hint. mistakes: what known mistakes lead to; if `actual`
    is one of these values (numbers nearly, shapes exactly), its key is added in place of `why`.
    same_type: a list is not as good as a tuple.

    Tensors are compared by type, shape, dtype and then value, whatever device they are on; other numbers by value;
    lists, tuples and dicts part by part; anything else by `==`.
    """
    problem = _difference(actual, expected, what, rtol, atol, same_type)
    if problem is None:
        return
    for hint, value in (mistakes or {}).items():
        # In this case the known mistake may do no harm, and then the cause is another one.
        if same(actual, value) and _difference(value, expected, "", rtol, atol, same_type):
            why = hint
            break
    raise NotYet(join(problem, why))


def same(actual: Any, expected: Any, rtol: float = 1e-4, atol: float = 1e-5) -> bool:
    """Whether `actual` has the kind, the shape and, nearly, the values of `expected`, whatever its dtype and device."""
    if isinstance(expected, Tensor):
        if not isinstance(actual, Tensor) or actual.shape != expected.shape or actual.device.type == "meta":
            return False
        a, e = (
            t.detach().cpu().to_dense() if t.layout != torch.strided else t.detach().cpu()
            for t in (actual, expected)
        )
        kind = torch.complex128 if a.is_complex() or e.is_complex() else torch.float64
        return torch.allclose(a.to(kind), e.to(kind), rtol=rtol, atol=atol, equal_nan=True)
    return _difference(actual, expected, "", rtol, atol, False) is None


def _difference(
    actual: Any, expected: Any, what: Text | str, rtol: float, atol: float, same_type: bool
) -> Text | None:
    """None if `actual` is as good as `expected`, else what is wrong, as a sentence."""
    if isinstance(expected, Tensor):
        return _tensor_difference(actual, expected, what, rtol, atol)
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return _number_difference(actual, expected, what, rtol, atol)
    wrong = _(
        "{what} is {found}, but should be {wanted}.",
        what=what,
        found=describe(actual),
        wanted=_argument(expected),
    )
    if isinstance(expected, bool):
        if isinstance(actual, Tensor):
            return _(
                "{what} is {found}; a plain bool is wanted (`.item()` makes one).",
                what=what,
                found=describe(actual),
            )
        return None if isinstance(actual, bool | np.bool_) and actual == expected else wrong
    if isinstance(expected, list | tuple):
        if isinstance(actual, Tensor | np.ndarray):
            return _(
                "{what} is {found}; a {kind} is wanted (`.tolist()` makes a list).",
                what=what,
                found=describe(actual),
                kind=type(expected).__name__,
            )
        wanted = type(expected) if same_type else list | tuple
        if not isinstance(actual, wanted) or len(actual) != len(expected):
            return wrong
        pairs = enumerate(zip(actual, expected, strict=True))
    elif isinstance(expected, dict):
        if not isinstance(actual, dict) or actual.keys() != expected.keys():
            return wrong
        pairs = ((key, (actual[key], value)) for key, value in expected.items())
    else:
        kind = str if isinstance(expected, str) else type(expected)  # NumPy's str_ is a str, too
        alike = isinstance(actual, str) if kind is str else type(actual) is kind
        return None if alike and actual == expected else wrong
    for key, (a, e) in pairs:
        place = _("{what}[{key!r}]", what=what, key=key)
        if problem := _difference(a, e, place, rtol, atol, same_type):
            return problem
    return None


def _tensor_difference(
    actual: Any, expected: Tensor, what: Text | str, rtol: float, atol: float
) -> Text | None:
    if not isinstance(actual, Tensor):
        return _("{what} should be a tensor, but is {found}.", what=what, found=describe(actual))
    if actual.shape != expected.shape:
        return _(
            "{what} has shape {found}, but should have {wanted}.",
            what=what,
            found=tuple(actual.shape),
            wanted=tuple(expected.shape),
        )
    if actual.dtype != expected.dtype:
        return _(
            "{what} has dtype {found}, but should have {wanted}.",
            what=what,
            found=actual.dtype,
            wanted=expected.dtype,
        )
    if actual.layout != torch.strided and expected.layout == torch.strided:
        return _("{what} is sparse; an ordinary tensor is wanted (`.to_dense()` makes one).", what=what)
    if actual.device.type == "meta":
        return _("{what} is on the device meta, so it has a shape but no numbers.", what=what)
    if same(actual, expected, rtol, atol):
        return None
    if actual.numel() <= 12:
        return _(
            "{what} is {found}, but should be {wanted}.",
            what=what,
            found=describe(actual),
            wanted=describe(expected),
        )
    gap = (actual.detach().cpu().double() - expected.detach().cpu().double()).abs().max().item()
    return _("{what} has the right shape, but its values are off by up to {gap:.4g}.", what=what, gap=gap)


def _number_difference(
    actual: Any, expected: int | float, what: Text | str, rtol: float, atol: float
) -> Text | None:
    if isinstance(actual, Tensor) and actual.numel() == 1:
        return _(
            "{what} is {found}; a plain number is wanted (`.item()` makes one).",
            what=what,
            found=describe(actual),
        )
    if isinstance(actual, np.integer | np.floating):
        actual = actual.item()
    number = isinstance(actual, int | float) and not isinstance(actual, bool)
    both_nan = number and actual != actual and expected != expected
    if number and isinstance(expected, int) and not isinstance(actual, int) and actual == expected:
        return _("{what} is {found!r}; an int is wanted, {wanted}.", what=what, found=actual, wanted=expected)
    if both_nan or (number and (actual == expected or abs(actual - expected) <= atol + rtol * abs(expected))):
        return None
    return _(
        "{what} is {found}, but should be {wanted}.",
        what=what,
        found=describe(actual),
        wanted=describe(expected),
    )


def expect_trainable(
    answer: Callable,
    reference: Callable,
    *args: Any,
    what: Text | str,
    why: Text | str = "",
    name: str | None = None,
    rtol: float = 1e-4,
    atol: float = 1e-5,
    **kwargs: Any,
) -> None:
    """Raise NotYet unless `answer` lets gradients through, and the same ones as `reference`.

    Both are called with the arguments; each floating-point tensor among `args` requires a gradient. `what` names the
    result in the hint. The result, one floating-point tensor, is compared first.
    """
    found, slopes = _with_gradients(lambda *a: call(answer, *a, name=name, **kwargs), args)
    wanted, wanted_slopes = _with_gradients(lambda *a: reference(*a, **kwargs), args)
    expect(found, wanted, what, why, rtol, atol)
    require(
        slopes is not None,
        _(
            "{what} carries no gradient, so nothing could be trained by it: `.item()`, `.detach()`, `.data`, NumPy and "
            "torch.no_grad() cut it off.",
            what=what,
        ),
    )
    for i, (slope, right) in enumerate(zip(slopes, wanted_slopes, strict=True)):
        expect(
            slope,
            right,
            _("{what}: the gradient by argument {which}", what=what, which=i + 1),
            why,
            rtol,
            atol,
        )


def _with_gradients(function: Callable, args: tuple) -> tuple[Any, list[Tensor] | None]:
    """The result, and a gradient for each floating-point tensor among args; None if no gradient reaches the result.

    Where the result is not a single number, it is multiplied by fixed random weights first.
    """
    leaves = [
        a.detach().clone().requires_grad_() if isinstance(a, Tensor) and a.is_floating_point() else a
        for a in args
    ]
    result = function(*leaves)
    inputs = [leaf for leaf in leaves if isinstance(leaf, Tensor) and leaf.requires_grad]
    if not isinstance(result, Tensor) or not result.requires_grad:
        return result, None
    weights = torch.ones(()) if result.dim() == 0 else torch.rand(result.shape, generator=_generator()) + 0.5
    slopes = torch.autograd.grad((result * weights.to(result)).sum(), inputs, allow_unused=True)
    slopes = [
        torch.zeros_like(x) if slope is None else slope for x, slope in zip(inputs, slopes, strict=True)
    ]
    return result.detach(), slopes


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


# Putting values into words


def describe(value: Any) -> Text | str:
    """A short text for a hint: a tensor by shape and dtype, and by its values where they are few; no addresses."""
    if value is None:
        return _("None (is a `return` missing?)")
    if isinstance(value, Tensor):
        return _describe_tensor(value)
    if isinstance(value, np.ndarray):
        return _("a NumPy array of shape {shape}", shape=value.shape)
    if isinstance(value, np.generic):
        return describe(value.item())
    if isinstance(value, torch.Size):
        return str(tuple(value))
    if isinstance(value, list | tuple) and any(isinstance(part, Tensor) for part in value):
        return _(
            "a {kind} ({parts})",
            kind=type(value).__name__,
            parts=", ".join(str(describe(part)) for part in value),
        )
    if isinstance(value, float):
        return f"{value:.6g}"
    if inspect.ismodule(value):
        return _("the module {name}", name=value.__name__)
    if inspect.isclass(value):
        return _("class {name}", name=value.__name__)
    if inspect.isroutine(value) and hasattr(value, "__name__"):  # in Python 3.14 a partial is one
        return _("function {name}", name=value.__name__)
    if hasattr(value, "mode") and hasattr(value, "getbands"):  # a PIL image
        return _("a PIL image of mode {mode} and size {size}", mode=value.mode, size=value.size)
    if isinstance(value, nn.Module):
        return _("a module of type {name}", name=type(value).__name__)
    text = " ".join(repr(value).split())
    if " at 0x" in text:
        return _("an object of type {name}", name=type(value).__name__)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _describe_tensor(value: Tensor) -> Text:
    dtype = str(value.dtype).removeprefix("torch.")
    if value.layout != torch.strided:
        return _("a sparse {dtype} tensor of shape {shape}", dtype=dtype, shape=tuple(value.shape))
    if 0 < value.numel() <= 12 and value.device.type != "meta":
        numbers = _round(value.detach().cpu().tolist())
        if dtype.startswith("int"):
            return _("an {dtype} tensor {numbers}", dtype=dtype, numbers=numbers)
        return _("a {dtype} tensor {numbers}", dtype=dtype, numbers=numbers)
    if dtype.startswith("int"):
        return _("an {dtype} tensor of shape {shape}", dtype=dtype, shape=tuple(value.shape))
    return _("a {dtype} tensor of shape {shape}", dtype=dtype, shape=tuple(value.shape))


def _argument(value: Any) -> Text | str:
    """As `describe`, for what a function was given or should return: None is meant there."""
    return "None" if value is None else describe(value)


def _round(numbers: Any) -> Any:
    if isinstance(numbers, list):
        return [_round(number) for number in numbers]
    return round(numbers, 4) if isinstance(numbers, float) else numbers


def sentence(error: BaseException) -> str:
    """The error's type and first line, for a hint in one line."""
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    first = lines[0].rstrip(".")
    return f"{type(error).__name__}: {first if len(first) <= 300 else first[:297] + '...'}"


def _siblings(number: str) -> list[str]:
    return [known for known in CHECKERS if known.split(".")[0] == number.split(".")[0]]
