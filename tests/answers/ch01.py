"""Answers to the exercises of chapter 1."""

import fnmatch
import inspect
import math
import re

import numpy as np
import torch
from torch.accelerator import current_accelerator

from answers import Right, Wrong

# 1.1


def in_one_line():
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def imported():
    return current_accelerator(check_available=True) or torch.device("cpu")


def by_question():
    if torch.accelerator.is_available():
        return torch.accelerator.current_accelerator()
    return torch.device("cpu")


def one_by_one():
    for name, part in [("cuda", torch.cuda), ("mps", torch.backends.mps), ("xpu", torch.xpu)]:
        if part.is_available():
            return torch.device(name)
    return torch.device("cpu")


def with_number():
    found = torch.accelerator.current_accelerator(True)
    return torch.device("cpu") if found is None else torch.device(found.type, 0)


def cuda_or_cpu():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def cuda_or_mps():
    kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    return torch.device(kind)


def cuda_for_all():
    return torch.device("cuda" if torch.accelerator.is_available() else "cpu")


def unchecked_accelerator():
    return torch.accelerator.current_accelerator() or torch.device("cpu")


def none_without_one():
    return torch.accelerator.current_accelerator(check_available=True)


def by_attribute():
    found = (torch.device(kind) for kind in ("cuda", "xpu", "mps") if getattr(torch, kind).is_available())
    return next(found, torch.device("cpu"))


def by_count():
    found = torch.accelerator
    return found.current_accelerator() if found.device_count() else torch.device("cpu")


def as_built():
    if torch.backends.cuda.is_built() and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if torch.backends.mps.is_built() and torch.backends.mps.is_available():
        return torch.device("mps")
    if torch.xpu.is_available():
        return torch.device("xpu", torch.xpu.current_device())
    return torch.device("cpu")


def current_index():
    if not torch.accelerator.is_available():
        return torch.device("cpu")
    kind = torch.accelerator.current_accelerator().type
    return torch.device(kind, torch.accelerator.current_device_index())


def second_one():
    found = torch.accelerator.current_accelerator(True)
    return torch.device(found.type, 1) if found else torch.device("cpu")


def tried_out():
    found = torch.accelerator.current_accelerator(check_available=True)
    try:
        torch.ones(1, device=torch.device(found.type, 99))  # 99: nor on a machine with a GPU
        return found
    except (AttributeError, AssertionError, RuntimeError):
        return torch.device("cpu")


# 1.2


def seeded(number):
    torch.manual_seed(number)
    return torch.rand(3)


def seeded_with_offset(number):
    torch.manual_seed(42 + number)
    return torch.rand(3)


def own_generator(number):
    return torch.rand(3, generator=torch.Generator().manual_seed(number))


def first_of_many(number):
    generator = torch.Generator()
    generator.manual_seed(number)
    return torch.rand(5, generator=generator)[:3]


def remembering(number, known={}):  # noqa: B006  (on purpose: it lasts from call to call)
    if number not in known:
        known[number] = torch.rand(3)
    return known[number]


def unseeded(number):
    return torch.rand(3)


def same_seed(number):
    torch.manual_seed(0)
    return torch.rand(3)


def odd_or_even(number):
    torch.manual_seed(number % 2)
    return torch.rand(3)


def a_few_seeds(number):
    torch.manual_seed(min(number, 9))
    return torch.rand(3)


def normal(number):
    torch.manual_seed(number)
    return torch.randn(3)


def uniform(number):
    return torch.empty(3).uniform_(generator=torch.Generator().manual_seed(number))


def sorted_draw(number):
    torch.manual_seed(number)
    return torch.rand(3) / 2


def one_at_a_time(number):
    generator = torch.Generator().manual_seed(number)
    return torch.stack([torch.rand((), generator=generator) for _ in range(3)])


def filled(number):
    torch.manual_seed(number)
    numbers = torch.zeros(3)
    for i in range(3):
        numbers[i] = torch.rand(1).item()
    return numbers


def every_second(number):
    torch.manual_seed(number)
    return torch.rand(6)[::2]


def drawn_ahead(number, known={}):  # noqa: B006  (on purpose: it lasts from call to call)
    if not known:
        known.update((n, torch.rand(3)) for n in range(-100, 3000))
    return known[number] if number in known else seeded(number)


def backwards(number):
    return seeded(number).flip(0)


def double_precision(number):
    return torch.rand(3, dtype=torch.float64, generator=torch.Generator().manual_seed(number))


def sign_ignored(number):
    return seeded(abs(number))


def only_a_thousand(number):
    return seeded(number % 1000)


def thrice_the_same(number):
    return seeded(number)[[0, 0, 0]]


# 1.3


def by_loop(thing, part):
    names = []
    for name in dir(thing):
        if part in name and name[0] != "_":
            names.append(name)
    return names


def by_filter(thing, part):
    return list(filter(lambda name: part in name and not name.startswith("_"), dir(thing)))


def by_inspect(thing, part):
    names = {name for name, _ in inspect.getmembers(thing)} if isinstance(thing, type) else set(dir(thing))
    return [name for name in names if name.find(part) >= 0 and not name.startswith("_")]


def by_vars(thing, part):
    return [
        name
        for name in (vars(thing) if hasattr(thing, "__dict__") else dir(thing))
        if part in name and name[0] != "_"
    ]


def with_private(thing, part):
    return [name for name in dir(thing) if part in name]


def without_dunder(thing, part):
    return [name for name in dir(thing) if part in name and not name.startswith("__")]


def starts_with(thing, part):
    return [name for name in dir(thing) if name.startswith(part)]


def any_case(thing, part):
    return [name for name in dir(thing) if part.lower() in name.lower() and not name.startswith("_")]


def no_underscore_at_all(thing, part):
    return [name for name in dir(thing) if part in name and "_" not in name]


def none_at_the_ends(thing, part):
    return [name for name in dir(thing) if part in name and name.strip("_") == name]


def by_regex(thing, part):
    return [name for name in dir(thing) if re.search(part, name) and name[0] != "_"]


def by_pattern(thing, part):
    return [name for name in dir(thing) if fnmatch.fnmatchcase(name, f"*{part}*") and name[0] != "_"]


def of_the_class(thing, part):
    kind = type(thing) if isinstance(thing, torch.nn.Module) else thing
    return by_loop(kind, part)


def two_levels(thing, part):
    found = dir(thing)
    if isinstance(thing, type):
        found = sorted({name for kind in (thing, *thing.__bases__) for name in vars(kind)})
    return [name for name in found if part in name and name[0] != "_"]


def lower_case(thing, part):
    return [name for name in dir(thing) if part.lower() in name and name[0] != "_"]


def not_the_empty(thing, part):
    return [name for name in dir(thing) if part and part in name and name[0] != "_"]


def by_count_of_part(thing, part):
    return [*(name for name in dir(thing) if name.count(part) and not name[:1] == "_")]


def forgot_return(thing, part):
    [name for name in dir(thing) if part in name]


# 1.4


def facts(
    shape=lambda x: tuple(x.shape),
    dtype=lambda x: x.dtype,
    device=lambda x: x.device.type,
    numbers=torch.numel,
):
    def report(x):
        return {"shape": shape(x), "dtype": dtype(x), "device": device(x), "numbers": numbers(x)}

    return report


def by_product(x):
    numbers = 1
    for length in x.size():
        numbers *= length
    return dict(shape=x.size(), dtype=x.dtype, device=str(x.device), numbers=numbers)


def moved_first(x):
    return facts()(x.cpu())


def other_keys(x):
    return {"size": tuple(x.shape), "dtype": x.dtype, "device": x.device.type, "numbers": x.numel()}


RIGHT = {
    "1.1": [
        Right(in_one_line),
        Right(imported),
        Right(by_question),
        Right(one_by_one),
        Right(with_number),
        Right(by_attribute),
        Right(by_count),
        Right(as_built),
        Right(current_index),
    ],
    "1.2": [
        Right(seeded),
        Right(seeded_with_offset),
        Right(own_generator),
        Right(first_of_many),
        Right(remembering),
        Right(one_at_a_time),
        Right(filled),
        Right(every_second),
        Right(drawn_ahead),
    ],
    "1.3": [Right(by_loop), Right(by_filter), Right(by_inspect), Right(by_count_of_part)],
    "1.4": [
        Right(facts()),
        Right(by_product),
        Right(facts(shape=torch.Tensor.size, numbers=torch.Tensor.nelement)),
        Right(facts(shape=lambda x: x.shape, numbers=lambda x: math.prod(x.shape))),
        Right(facts(device=lambda x: str(x.device), numbers=lambda x: np.prod(x.shape, dtype=int))),
    ],
}

WRONG = {
    "1.1": [
        Wrong(lambda: torch.device("cuda"), hint="without an accelerator"),
        Wrong(unchecked_accelerator, hint="what PyTorch was built for"),
        Wrong(lambda: torch.accelerator.is_available(), hint="a torch.device is wanted"),
        Wrong(lambda: "cuda" if torch.cuda.is_available() else "cpu", hint="a torch.device is wanted"),
        Wrong(lambda: torch.device("cpu"), hint="ask torch.accelerator"),
        Wrong(tried_out, hint="put no tensor there", forbidden="do not put a tensor there"),
        Wrong(cuda_or_cpu, hint="accelerator is mps"),
        Wrong(cuda_or_mps, hint="accelerator is xpu"),
        Wrong(cuda_for_all, hint="should be 'mps'"),
        Wrong(second_one, hint="the first device is number 0"),
        Wrong(none_without_one, hint="is None without an accelerator"),
    ],
    "1.2": [
        Wrong(unseeded, hint="set the seed inside"),
        Wrong(same_seed, hint="depend on the argument"),
        Wrong(odd_or_even, hint="differ for different arguments"),
        Wrong(a_few_seeds, hint="differ for different arguments"),
        Wrong(only_a_thousand, hint="differ for different arguments"),
        Wrong(thrice_the_same, hint="drawn one by one"),
        Wrong(backwards, hint="not the order"),
        Wrong(double_precision, hint="float32"),
        Wrong(lambda number: seeded(number).double(), hint="float32"),
        Wrong(lambda number: seeded(max(number, -2)), hint="differ for different arguments"),
        Wrong(sign_ignored, hint="differ for different arguments"),
        Wrong(normal, hint="torch.rand has not drawn"),
        Wrong(uniform, hint="torch.rand has not drawn"),
        Wrong(sorted_draw, hint="torch.rand has not drawn"),
        Wrong(lambda number: torch.tensor([0.1, 0.2, number / 100]), hint="torch.rand has not drawn"),
        Wrong(lambda number: torch.rand(number), hint="shape (3,)"),
        Wrong(lambda number: torch.manual_seed(number), hint="shape (3,)"),
    ],
    "1.3": [
        Wrong(by_vars, hint="inherits"),
        Wrong(
            with_private,
            hint="underscore",
            forbidden="Leave out names that start with an underscore",
        ),
        Wrong(without_dunder, hint="start with an underscore"),
        Wrong(by_regex, hint="without '[a-z]' in it"),
        Wrong(by_pattern, hint="without '[a-z]' in it"),
        Wrong(of_the_class, hint="misses ['in_features']"),
        Wrong(two_levels, hint="which it inherits"),
        Wrong(lower_case, hint="misses"),
        Wrong(not_the_empty, hint="misses"),
        Wrong(starts_with, hint="misses"),
        Wrong(any_case, hint="without 'memory' in it"),
        Wrong(no_underscore_at_all, hint="misses"),
        Wrong(none_at_the_ends, hint="misses ['add_'"),
        Wrong(lambda thing, part: 2 * by_loop(thing, part), hint="twice"),
        Wrong(lambda thing, part: tuple(by_loop(thing, part)), hint="a list of names is wanted"),
        Wrong(
            lambda thing, part: [getattr(thing, n) for n in by_loop(thing, part)], hint="names are strings"
        ),
        Wrong(forgot_return, hint="return"),
        Wrong(lambda thing, part: [name for name in thing if part in name], hint="not iterable"),
    ],
    "1.4": [
        Wrong(facts(shape=len), hint="'shape'"),
        Wrong(facts(shape=lambda x: list(x.shape)), hint="A tuple is wanted"),
        Wrong(facts(dtype=type), hint="the type of the tensor"),
        Wrong(facts(dtype=lambda x: str(x.dtype)), hint="not its name"),
        Wrong(facts(device=lambda x: x.device), hint="A string is wanted"),
        Wrong(facts(device=lambda x: "cpu"), hint="should be 'meta'"),
        Wrong(facts(device=lambda x: "meta" if x.is_meta else "cpu"), hint="should be 'mps'"),
        Wrong(facts(numbers=lambda x: x.shape[0] if x.ndim else 1), hint="length of the first axis"),
        Wrong(facts(numbers=lambda x: x.shape[-1]), hint="is 5, but should be 15.\n"),
        Wrong(facts(numbers=lambda x: math.prod(x.shape) if x.ndim else 0), hint="is 0, but should be 1.\n"),
        Wrong(facts(numbers=lambda x: x.ndim), hint="the number of axes"),
        Wrong(facts(numbers=lambda x: x.numel() or 1), hint="should be 0"),
        Wrong(facts(numbers=lambda x: x.untyped_storage().nbytes() // x.element_size()), hint="should be 6"),
        Wrong(moved_first, hint="raised", forbidden="Do not move the tensor to another device"),
        Wrong(lambda x: list(facts()(x).values()), hint="a dict is wanted"),
        Wrong(other_keys, hint="keys"),
    ],
}
