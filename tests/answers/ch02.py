"""Answers to the exercises of chapter 2."""

import math

import numpy as np
import torch

from answers import Right, Wrong

# 2.1


def by_loop(nested):
    lengths = []
    while isinstance(nested, list):
        lengths.append(len(nested))
        nested = nested[0] if nested else 0
    return tuple(lengths)


def recursive(nested):
    if not isinstance(nested, list):
        return ()
    return (len(nested),) + (recursive(nested[0]) if nested else ())


def by_trying(nested):
    try:
        return (len(nested), *by_trying(nested[0]))
    except TypeError:
        return ()
    except IndexError:
        return (0,)


def only_two_axes(nested):
    if not isinstance(nested, list):
        return ()
    return (len(nested), len(nested[0])) if isinstance(nested[0], list) else (len(nested),)


def inside_out(nested):
    return by_loop(nested)[::-1]


def forgets_numbers(nested):
    return (len(nested), *(forgets_numbers(nested[0]) if isinstance(nested[0], list) else ()))


def by_torch(nested):
    return tuple(torch.tensor(nested).shape)


def first_four_axes(nested):
    return by_loop(nested)[:4]


def by_match(nested):
    match nested:
        case [first, *_]:
            return len(nested), *by_match(first)
    return ()


def whole_numbers_only(nested):
    if isinstance(nested, float):
        return ()
    lengths = []
    while not isinstance(nested, int):
        lengths.append(len(nested))
        nested = nested[0]
    return tuple(lengths)


# 2.2


def like_digits(shape, index):
    number = 0
    for length, place in zip(shape, index, strict=True):
        number = number * length + place
    return number


def by_products(shape, index):
    return sum(place * math.prod(shape[axis + 1 :]) for axis, place in enumerate(index))


def from_the_end(shape, index):
    number, step = 0, 1
    for length, place in zip(reversed(shape), reversed(index), strict=True):
        number += place * step
        step *= length
    return number


def by_numpy(shape, index):
    return np.ravel_multi_index(index, shape) if shape else 0


def first_axis_fastest(shape, index):
    return from_the_end(shape[::-1], index[::-1])


def sum_of_products(shape, index):
    return sum(length * place for length, place in zip(shape, index, strict=True))


def in_float64(shape, index):
    return int(sum(place * np.prod(shape[axis + 1 :], dtype=float) for axis, place in enumerate(index)))


def by_division(shape, index):
    step, number = math.prod(shape), 0
    for length, place in zip(shape, index, strict=True):
        step /= length
        number += int(place * step)
    return number


def up_to_four_axes(shape, index):
    return like_digits(shape[:4], index[:4])


def by_strides(shape, index):
    steps = torch.empty(shape, dtype=torch.uint8, device="meta").stride()
    return sum(map(lambda step, place: step * place, steps, index))


def by_tensor(shape, index):
    return torch.arange(math.prod(shape)).reshape(shape)[index].item()


def in_float(shape, index):
    return int(torch.tensor(like_digits(shape, index)).float().item())


# 2.3


def rows_by_loop(pictures):
    return torch.stack([picture[0][-1] for picture in pictures])


# 2.5


def middle(pictures, size):
    top, left = (pictures.shape[2] - size) // 2, (pictures.shape[3] - size) // 2
    return pictures[:, :, top : top + size, left : left + size]


def square_only(pictures, size):
    top = (pictures.shape[2] - size) // 2
    return pictures[:, :, top : top + size, top : top + size]


def by_border(pictures, labels, label, size):
    h, w = pictures.shape[2] - size, pictures.shape[3] - size
    kept = pictures[torch.where(labels == label)]
    return kept[:, :, h // 2 : pictures.shape[2] - h // 2, w // 2 : pictures.shape[3] - w // 2]


def by_two_loops(pictures, labels, label, size):
    kept = [middle(p[None], size)[0] for p, y in zip(pictures, labels, strict=True) if y.item() == label]
    return torch.stack(kept) if kept else pictures.new_zeros(0, pictures.shape[1], size, size)


def by_stack(pictures, labels, label, size):
    return torch.stack(
        [middle(p[None], size)[0] for p, y in zip(pictures, labels, strict=True) if y == label]
    )


def negative_border(pictures, labels, label, size):
    h, w = (pictures.shape[2] - size) // 2, (pictures.shape[3] - size) // 2
    return pictures[labels == label][:, :, h:-h, w:-w]


RIGHT = {
    "2.1": [Right(by_loop), Right(recursive), Right(by_trying), Right(by_match)],
    "2.2": [Right(like_digits), Right(by_products), Right(from_the_end), Right(by_numpy), Right(by_strides)],
    "2.3": [
        Right(lambda x: x[:, 0, -1]),
        Right(rows_by_loop),
        Right(lambda x: x[:, 0, x.shape[2] - 1, :].clone()),
        Right(lambda x: x.flip(2)[:, 0, 0]),
        Right(lambda x: torch.from_numpy(x.numpy()[:, 0, -1])),
        Right(lambda x: x.select(1, 0).select(1, -1)),
    ],
    "2.4": [
        Right(lambda x: x.float().mean(dim=(2, 3))),
        Right(lambda x: x.mean(dim=(-2, -1), dtype=torch.float32)),
        Right(lambda x: torch.nn.functional.adaptive_avg_pool2d(x.float(), 1)[:, :, 0, 0]),
        Right(lambda x: torch.tensor(x.numpy().mean((2, 3)), dtype=torch.float32)),
        Right(lambda x: x.flatten(2).sum(2) / (x.shape[2] * x.shape[3])),
        Right(lambda x: torch.stack([p.double().mean((1, 2)).float() for p in x])),
        Right(lambda x: (x / 255).mean(3).mean(2) * 255),
    ],
    "2.5": [
        Right(lambda x, y, label, size: middle(x, size)[y == label]),
        Right(lambda x, y, label, size: middle(x.index_select(0, (y == label).nonzero().flatten()), size)),
        Right(lambda x, y, label, size: torch.from_numpy(middle(x, size).numpy()[y.numpy() == label])),
        Right(by_border),
        Right(by_two_loops),
    ],
}

WRONG = {
    "2.1": [
        Wrong(only_two_axes, hint="[[[1], [2]]]"),
        Wrong(first_four_axes, hint="should be (1, 3, 1, 1, 2, 1)"),
        Wrong(
            lambda nested: np.asanyarray(nested).shape,
            hint="switched off",
            forbidden="without PyTorch and NumPy",
        ),
        Wrong(
            lambda nested: tuple(torch.zeros(1).new_tensor(nested).shape),
            hint="Do without PyTorch",
            forbidden="without PyTorch and NumPy",
        ),
        Wrong(
            lambda nested: tuple(torch.FloatTensor(nested).shape) if isinstance(nested, list) else (),
            hint="switched off",
            forbidden="without PyTorch and NumPy",
        ),
        Wrong(inside_out, hint="Begin with the outer list"),
        Wrong(lambda nested: len(nested) if isinstance(nested, list) else 0, hint="should be (3,)"),
        Wrong(lambda nested: list(by_loop(nested)), hint="A tuple is wanted"),
        Wrong(whole_numbers_only, hint="shape_of([[2.5, 0.5]]) raised"),
        Wrong(forgets_numbers, hint="shape_of(7) raised"),
        Wrong(by_torch, hint="switched off", forbidden="without PyTorch and NumPy"),
        Wrong(
            lambda nested: np.array(nested).shape, hint="switched off", forbidden="without PyTorch and NumPy"
        ),
        Wrong(lambda nested: np.shape(nested), hint="switched off", forbidden="without PyTorch and NumPy"),
    ],
    "2.2": [
        Wrong(first_axis_fastest, hint="the first index changes fastest"),
        Wrong(sum_of_products, hint="One step along an axis"),
        Wrong(by_tensor, hint="with the shape and the index alone"),
        Wrong(in_float, hint="Are the numbers whole"),
        Wrong(in_float64, hint="Are the numbers whole"),
        Wrong(by_division, hint="Are the numbers whole"),
        Wrong(up_to_four_axes, hint="One step along an axis"),
        Wrong(lambda shape, index: float(like_digits(shape, index)), hint="an int is wanted"),
        Wrong(lambda shape, index: sum(index), hint="One step along an axis"),
        Wrong(lambda shape, index: max(index, default=0), hint="One step along an axis"),
        Wrong(lambda shape, index: index[-1], hint="One step along an axis"),
    ],
    "2.3": [
        Wrong(lambda x: x[:, 0, :, -1], hint="the last column"),
        Wrong(lambda x: x[:, -1, -1], hint="channel 0"),
        Wrong(lambda x: x[:, 0, -1:], hint="A slice keeps its axis"),
        Wrong(lambda x: x[:, 0, 0], hint="the first row"),
        Wrong(lambda x: x[:, 0, -1].long(), hint="dtype"),
        Wrong(lambda x: x[:, 0, -1:].squeeze(), hint="should have (1, 6)"),
        Wrong(lambda x: x[:, 0][-1], hint="the last picture"),
        Wrong(lambda x: x[:, 0, x.shape[2]], hint="out of bounds"),
        Wrong(lambda x: x[0, :, -1], hint="every channel of picture 0"),
        Wrong(lambda x: x[:, 0, 3], hint="out of bounds"),
    ],
    "2.4": [
        Wrong(lambda x: x.mean(dim=(2, 3)), hint="could not infer output dtype"),
        Wrong(lambda x: x.float().mean(dim=(0, 1)), hint="rows and columns"),
        Wrong(lambda x: x.float().mean(dim=(2, 3), keepdim=True), hint="(2, 3)"),
        Wrong(lambda x: x.double().mean(dim=(2, 3)), hint="float32 is wanted"),
        Wrong(lambda x: x.float().mean(dim=(2, 3)) / 255, hint="0 to 255 is wanted"),
        Wrong(lambda x: x.float().sum(dim=(2, 3)), hint="Those are sums"),
        Wrong(lambda x: (x.sum(dim=(2, 3)) // x[0, 0].numel()).float(), hint="cut to whole numbers"),
        Wrong(lambda x: x.float().mean(dim=(2, 3)).round(), hint="They are rounded"),
        Wrong(lambda x: x.float().mean(dim=(2, 3)).round(decimals=2), hint="They are rounded"),
        Wrong(lambda x: x.bfloat16().mean(dim=(2, 3)).float(), hint="too few digits"),
        Wrong(lambda x: x.half().mean(dim=(2, 3)).float(), hint="too few digits"),
        Wrong(lambda x: x.float().flatten(2).median(2).values, hint="]].\n"),
        Wrong(lambda x: x.float().mean(dim=2).max(dim=2).values, hint="]].\n"),
        Wrong(lambda x: x.float().mean(dim=(2, 3)).flip(1), hint="]].\n"),
    ],
    "2.5": [
        Wrong(lambda x, y, label, size: x[y == label][:, :, :size, :size], hint="top left corner"),
        Wrong(lambda x, y, label, size: x[y == label][:, :, -size:, -size:], hint="bottom right corner"),
        Wrong(lambda x, y, label, size: middle(x[y != label], size), hint="the other classes"),
        Wrong(lambda x, y, label, size: middle(x[y == label], 2 * size), hint="shape"),
        Wrong(lambda x, y, label, size: middle(x[y == label].flip(0), size), hint="in reverse order"),
        Wrong(lambda x, y, label, size: middle(x[y == label][:1], size), hint="the first of them only"),
        Wrong(lambda x, y, label, size: square_only(x[y == label], size), hint="shape"),
        Wrong(lambda x, y, label, size: x[y == label], hint="Cut the pictures"),
        Wrong(lambda x, y, label, size: middle(x[y == label], size).long(), hint="dtype"),
        Wrong(lambda x, y, label, size: middle(x[(y == label) & (y > 0)], size), hint="middles(…, 0, 2)"),
        Wrong(negative_border, hint="shape"),
        Wrong(by_stack, hint="stack expects a non-empty"),
    ],
}
