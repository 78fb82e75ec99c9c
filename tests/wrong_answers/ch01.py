"""Wrong answers to the exercises of chapter 1."""

import torch

from wrong_answers import Wrong


def always_cuda():
    return torch.device("cuda")


def unchecked_accelerator():
    return torch.accelerator.current_accelerator() or torch.device("cpu")


def a_string():
    return "cuda" if torch.cuda.is_available() else "cpu"


def always_cpu():
    return torch.device("cpu")


def none_without_one():
    return torch.accelerator.current_accelerator(check_available=True)


def unseeded(number):
    return torch.rand(3)


def same_seed(number):
    torch.manual_seed(0)
    return torch.rand(3)


def normal(number):
    torch.manual_seed(number)
    return torch.randn(3)


def with_private(thing, part):
    return [name for name in dir(thing) if part in name]


def starts_with(thing, part):
    return [name for name in dir(thing) if name.startswith(part)]


def forgot_return(thing, part):
    [name for name in dir(thing) if part in name]


def shape_as_rows(x):
    return {"shape": len(x), "dtype": x.dtype, "device": x.device.type, "numbers": x.numel()}


def rows_for_numbers(x):
    return {"shape": tuple(x.shape), "dtype": x.dtype, "device": x.device.type, "numbers": len(x)}


def moved_first(x):
    x = x.cpu()
    return {"shape": tuple(x.shape), "dtype": x.dtype, "device": x.device.type, "numbers": x.numel()}


def other_keys(x):
    return {"size": tuple(x.shape), "dtype": x.dtype, "device": x.device.type, "numbers": x.numel()}


WRONG = {
    "1.1": [
        Wrong(always_cuda, hint="without an accelerator"),
        Wrong(unchecked_accelerator, hint="without an accelerator"),
        Wrong(lambda: torch.accelerator.is_available(), hint="a torch.device is wanted"),
        Wrong(a_string, hint="a torch.device is wanted"),
        Wrong(always_cpu, hint="with a CUDA GPU"),
        Wrong(none_without_one, hint="is None without an accelerator"),
    ],
    "1.2": [
        Wrong(unseeded, hint="other numbers when called again"),
        Wrong(same_seed, hint="the seed should be the argument"),
        Wrong(normal, hint="torch.rand"),
        Wrong(lambda number: torch.rand(number), hint="shape (3,)"),
        Wrong(lambda number: torch.manual_seed(number), hint="shape (3,)"),
    ],
    "1.3": [
        Wrong(with_private, hint="underscore"),
        Wrong(starts_with, hint="misses"),
        Wrong(forgot_return, hint="return"),
        Wrong(lambda thing, part: [name for name in thing if part in name], hint="not iterable"),
    ],
    "1.4": [
        Wrong(shape_as_rows, hint="'shape'"),
        Wrong(rows_for_numbers, hint="'numbers'"),
        Wrong(moved_first, hint="raised"),
        Wrong(other_keys, hint="keys"),
    ],
}
