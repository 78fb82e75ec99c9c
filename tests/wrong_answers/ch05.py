"""Wrong answers to the exercises of chapter 5."""

import torch

from wrong_answers import Wrong


def first_axis_last(shape):
    strides, step = [], 1
    for length in shape:
        strides.append(step)
        step *= length
    return tuple(strides)


def products_with_own(shape):
    return tuple(torch.Size(shape[i:]).numel() for i in range(len(shape)))


def from_the_left(a, b):
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    shorter = shorter + (1,) * (len(longer) - len(shorter))
    if any(m != n and 1 not in (m, n) for m, n in zip(longer, shorter, strict=True)):
        return None
    return tuple(max(m, n) for m, n in zip(longer, shorter, strict=True))


def the_larger(a, b):
    axes = max(len(a), len(b))
    a, b = (1,) * (axes - len(a)) + a, (1,) * (axes - len(b)) + b
    if any(m != n and 1 not in (m, n) for m, n in zip(a, b, strict=True)):
        return None
    return tuple(max(m, n) for m, n in zip(a, b, strict=True))


def only_the_larger(a, b):
    axes = max(len(a), len(b))
    a, b = (1,) * (axes - len(a)) + a, (1,) * (axes - len(b)) + b
    return tuple(max(m, n) for m, n in zip(a, b, strict=True))


def by_pytorch(a, b):
    try:
        return torch.broadcast_shapes(a, b)
    except RuntimeError:
        return None


def in_place(pictures, mean, std):
    return pictures.sub_(mean[:, None, None]).div_(std[:, None, None])


def permuted_wrongly(pictures, size):
    n, c, h, w = pictures.shape
    cut = pictures.reshape(n, c, h // size, size, w // size, size)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(n, -1, c * size * size)


def cut_the_other_way(pictures, size):
    n, c, h, w = pictures.shape
    cut = pictures.reshape(n, c, size, h // size, size, w // size)
    return cut.permute(0, 3, 5, 1, 2, 4).reshape(n, -1, c * size * size)


def reshape_only(pictures, size):
    n, c, h, w = pictures.shape
    return pictures.reshape(n, (h // size) * (w // size), c * size * size)


WRONG = {
    "5.1": [
        Wrong(lambda x: x.reshape(x.shape[0], x.shape[3], x.shape[1], x.shape[2]), hint="permute"),
        Wrong(lambda x: x.permute(0, 3, 2, 1), hint="rows and columns are swapped"),
        Wrong(lambda x: x.permute(3, 0, 1, 2), hint="shape"),
    ],
    "5.2": [
        Wrong(first_axis_last, hint="axes after it"),
        Wrong(products_with_own, hint="axes after it"),
        Wrong(lambda shape: list(shape), hint="strides_of((4,))"),
        Wrong(
            lambda shape: torch.empty(shape[::-1]).permute(*range(len(shape))[::-1]).stride(),
            hint="axes after it",
        ),
    ],
    "5.3": [
        Wrong(from_the_left, hint="from the last axis backwards"),
        Wrong(the_larger, hint="becomes the other one"),
        Wrong(only_the_larger, hint="broadcast_shape((2, 3), (2,))"),
        Wrong(lambda a, b: list(torch.broadcast_shapes(a, b)), hint="a tuple is wanted"),
        Wrong(by_pytorch, hint="torch.Size"),
    ],
    "5.4": [
        Wrong(lambda x, mean, std: (x - mean) / std, hint="columns"),
        Wrong(
            lambda x, mean, std: (x - mean[:, None]) / std[:, None], hint="(2, 3, 4, 3) raised RuntimeError"
        ),
        Wrong(in_place, hint="have changed"),
        Wrong(lambda x, mean, std: x - mean[:, None, None] / std[:, None, None], hint="values are off"),
    ],
    "5.5": [
        Wrong(reshape_only, hint="permute"),
        Wrong(permuted_wrongly, hint="channel by channel"),
        Wrong(cut_the_other_way, hint="[0.0, 1.0, 4.0, 5.0]"),
        Wrong(lambda x, size: x.unfold(2, size, size).unfold(3, size, size), hint="shape"),
    ],
}
