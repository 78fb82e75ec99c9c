"""Answers to the exercises of chapter 5."""

from functools import partial
from itertools import accumulate, zip_longest

import numpy as np
import torch
from torch.nn import functional as F
from torchvision.transforms import v2

from answers import Right, Wrong


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


def channels_by_loop(pictures):
    n, h, w, c = pictures.shape
    result = torch.empty(n, c, h, w, dtype=pictures.dtype)
    for channel in range(c):
        result[:, channel] = pictures[..., channel]
    return result


def channels_in_place(pictures):
    pictures[0] = 0
    return pictures.permute(0, 3, 1, 2)


def strides_backwards(shape):
    strides, step = [], 1
    for length in reversed(shape):
        strides.insert(0, step)
        step *= length
    return tuple(strides)


def strides_from_one(shape):
    strides = [1]
    for length in shape[:0:-1]:
        strides.insert(0, length * strides[0])
    return tuple(strides)


def strides_of_up_to_four(shape):
    return tuple(int(np.prod(shape[i + 1 : i + 4])) for i in range(len(shape)))


def strides_accumulated(shape):
    return tuple(accumulate(shape[:0:-1], lambda a, b: a * b, initial=1))[::-1] if shape else ()


def strides_of_four(shape):
    return tuple(int(np.prod(shape[i + 1 :])) for i in range(4)) if len(shape) == 4 else (1,)


def fits_in_front(a, b):
    axes = max(len(a), len(b))
    a, b = (1,) * (axes - len(a)) + a, (1,) * (axes - len(b)) + b
    if any(m != n and 1 not in (m, n) for m, n in zip(a, b, strict=True)):
        return None
    return tuple(n if m == 1 else m for m, n in zip(a, b, strict=True))


def fits_but_for_0_and_1(a, b):
    fits = fits_in_front(a, b)
    axes = max(len(a), len(b))
    a, b = (1,) * (axes - len(a)) + a, (1,) * (axes - len(b)) + b
    return fits and tuple(n if m == 1 else max(m, n) for m, n in zip(a, b, strict=True))


def fits_at(*places):
    """Wrong: compares only the lengths at these places."""

    def fits(a, b):
        axes = max(len(a), len(b))
        a, b = (1,) * (axes - len(a)) + a, (1,) * (axes - len(b)) + b
        for i in places:
            if -axes <= i < axes and a[i] != b[i] and 1 not in (a[i], b[i]):
                return None
        return tuple(n if m == 1 else m for m, n in zip(a, b, strict=True))

    return fits


def fits_unless_second_is_0(a, b):
    """Wrong: takes 0 in b for a length that fits all."""
    axes = max(len(a), len(b))
    a, b = (1,) * (axes - len(a)) + a, (1,) * (axes - len(b)) + b
    if any(n > 1 and m not in (1, n) for m, n in zip(a, b, strict=True)):
        return None
    return tuple(n if m == 1 else m for m, n in zip(a, b, strict=True))


def fits_unless_second_is_longer(a, b):
    """Wrong: fills up and compares only where a is not the shorter one."""
    if len(a) >= len(b):
        return fits_in_front(a, b)
    return tuple(n if m == 1 else m for m, n in zip((1,) * (len(b) - len(a)) + a, b, strict=True))


def fits_but_for_two_0(a, b):
    both = any(m == n == 0 for m, n in zip(a[::-1], b[::-1], strict=False))
    return None if both else fits_in_front(a, b)


def fits_reversed(a, b):
    shape = []
    for m, n in zip_longest(reversed(a), reversed(b), fillvalue=1):
        if m == n or n == 1:
            shape.append(m)
        elif m == 1:
            shape.append(n)
        else:
            return None
    return tuple(reversed(shape))


def fits_recursive(a, b):
    if not a or not b:
        return a or b
    rest = fits_recursive(a[:-1], b[:-1])
    if rest is None or (a[-1] != b[-1] and 1 not in (a[-1], b[-1])):
        return None
    return (*rest, b[-1] if a[-1] == 1 else a[-1])


def fits_by_slices(a, b):
    """Wrong for (): a[-0:] is all of a."""
    short = min(len(a), len(b))
    front = a[:-short] if len(a) > len(b) else b[:-short]
    tail = zip(a[-short:], b[-short:], strict=True)
    found = [n if m == 1 else m for m, n in tail if m == n or 1 in (m, n)]
    return (*front, *found) if len(found) == short else None


def fits_by_numpy(a, b):
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        return None


def fits_by_adding(a, b):
    try:
        return tuple((torch.empty(a) + torch.empty(b)).shape)
    except RuntimeError:
        return None


def hidden(a, b):
    return by_pytorch(a, b)


def hidden_numpy(a, b):
    return fits_by_numpy(a, b)


def drawing(a, b):
    from torch import rand

    try:
        return tuple((rand(a) + rand(b)).shape)
    except RuntimeError:
        return None


def hidden_drawing(a, b):
    return drawing(a, b)


def hidden_adding(a, b):
    return fits_by_adding(a, b)


def normalise_by_loop(pictures, mean, std):
    result = pictures.clone()
    for c in range(len(mean)):
        result[:, c] = (pictures[:, c] - mean[c]) / std[c]
    return result


def normalise_channels_last(pictures, mean, std):
    return ((pictures.movedim(1, -1) - mean) / std).movedim(-1, 1)


def normalise_by_batch_norm(pictures, mean, std, eps=0.0):
    return F.batch_norm(pictures, mean, std**2, eps=eps)


def own_statistics(pictures, mean, std):
    own = pictures.mean((0, 2, 3), keepdim=True)
    return (pictures - own) / pictures.std((0, 2, 3), keepdim=True)


def patches_solved(pictures, size):
    n, c, h, w = pictures.shape
    cut = pictures.reshape(n, c, h // size, size, w // size, size)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(n, -1, c * size * size)


def patches_by_slices(pictures, size):
    found = []
    for i in range(0, pictures.shape[2], size):
        for j in range(0, pictures.shape[3], size):
            found.append(pictures[:, :, i : i + size, j : j + size].flatten(1))
    return torch.stack(found, dim=1)


def patches_unfolded(pictures, size):
    cut = pictures.unfold(2, size, size).unfold(3, size, size)  # (N, C, i, j, y, x)
    return cut.movedim(1, 3).flatten(3).flatten(1, 2)


def patches_by_channel(pictures, size):
    cut = pictures.unfold(2, size, size).unfold(3, size, size)  # (N, C, i, j, y, x)
    return cut.reshape(len(pictures), -1, pictures.shape[1] * size * size)


def patches_columns_first(pictures, size):
    n, c, h, w = pictures.shape
    cut = pictures.reshape(n, c, h // size, size, w // size, size)
    return cut.permute(0, 4, 2, 1, 3, 5).reshape(n, -1, c * size * size)


def patches_transposed(pictures, size):
    n, c, h, w = pictures.shape
    cut = pictures.reshape(n, c, h // size, size, w // size, size)
    return cut.permute(0, 2, 4, 1, 5, 3).reshape(n, -1, c * size * size)


def patches_square(pictures, size):
    n, c, h, w = pictures.shape
    cut = pictures.reshape(n, c, h // size, size, h // size, size)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(n, -1, c * size * size)


def patches_of_one(pictures, size):
    return patches_solved(pictures[:1], size)


RIGHT = {
    "5.1": [
        Right(lambda x: x.permute(0, 3, 1, 2)),
        Right(lambda x: x.movedim(-1, 1).contiguous()),
        Right(lambda x: x.transpose(1, 3).transpose(2, 3)),
        Right(channels_by_loop),
        Right(lambda x: torch.from_numpy(x.numpy().transpose(0, 3, 1, 2))),
    ],
    "5.2": [
        Right(strides_backwards),
        Right(strides_accumulated),
        Right(lambda shape: tuple(np.prod(shape[i + 1 :], dtype=int) for i in range(len(shape)))),
        Right(lambda shape: torch.empty(shape).stride()),
    ],
    "5.3": [Right(fits_in_front), Right(fits_reversed), Right(fits_recursive)],
    "5.4": [
        Right(lambda x, mean, std: (x - mean[:, None, None]) / std[:, None, None]),
        Right(normalise_by_loop),
        Right(normalise_channels_last),
        Right(normalise_by_batch_norm),
        Right(lambda x, mean, std: x / std[:, None, None] - (mean / std)[:, None, None]),
        Right(lambda x, mean, std: v2.functional.normalize(x, mean.tolist(), std.tolist())),
    ],
    "5.5": [
        Right(patches_solved),
        Right(patches_by_slices),
        Right(patches_unfolded),
        Right(lambda x, size: F.unfold(x, size, stride=size).transpose(1, 2)),
    ],
}
WRONG = {
    "5.1": [
        Wrong(lambda x: x.reshape(x.shape[0], x.shape[3], x.shape[1], x.shape[2]), hint="permute"),
        Wrong(lambda x: x.permute(0, 3, 2, 1), hint="Rows and columns are exchanged"),
        Wrong(lambda x: x.permute(3, 0, 1, 2), hint="shape"),
        Wrong(lambda x: x, hint="as they were"),
        Wrong(lambda x: x.permute(0, 3, 1, 2).float(), hint="dtype"),
        Wrong(lambda x: x.permute(0, 3, 1, 2).byte(), hint="should have torch.float32"),
        Wrong(channels_in_place, hint="changed its argument"),
        Wrong(lambda x: x.permute(0, 3, 1, 2)[:2], hint="shape (2, 3, 3, 3)"),
    ],
    "5.2": [
        Wrong(first_axis_last, hint="the first axis runs fastest"),
        Wrong(products_with_own, hint="the axis itself"),
        Wrong(lambda shape: list(strides_backwards(shape)), hint="a tuple is wanted"),
        Wrong(
            lambda shape: torch.empty(shape[::-1]).permute(*range(len(shape))[::-1]).stride(),
            hint="the first axis runs fastest",
        ),
        Wrong(strides_of_up_to_four, hint="strides_of((2, 3, 1, 4, 5, 2))"),
        Wrong(strides_from_one, hint="has no axis"),
        Wrong(strides_of_four, hint="strides_of((2, 3))"),
        Wrong(lambda shape: torch.tensor(strides_backwards(shape)), hint="a tuple is wanted"),
        Wrong(lambda shape: tuple(4 * n for n in strides_backwards(shape)), hint="should be 3"),
    ],
    "5.3": [
        Wrong(from_the_left, hint="Align the shapes on the right"),
        Wrong(the_larger, hint="becomes the other one"),
        Wrong(fits_but_for_0_and_1, hint="broadcast_shape((0,), (1,))"),
        Wrong(only_the_larger, hint="differ do not fit"),
        Wrong(lambda a, b: fits_in_front(a, b) and list(fits_in_front(a, b)), hint="a tuple is wanted"),
        Wrong(by_pytorch, hint="uses broadcast_shapes", forbidden="without PyTorch and NumPy"),
        Wrong(fits_by_numpy, hint="uses broadcast_shapes", forbidden="without PyTorch and NumPy"),
        Wrong(fits_by_adding, hint="uses torch", forbidden="without PyTorch and NumPy"),
        Wrong(hidden, hint="should be (3, 4)", forbidden="without PyTorch and NumPy"),
        Wrong(hidden_numpy, hint="switched off", forbidden="without PyTorch and NumPy"),
        Wrong(hidden_drawing, hint="should be (3, 4)", forbidden="without PyTorch and NumPy"),
        Wrong(drawing, hint="uses torch", forbidden="without PyTorch and NumPy"),
        Wrong(hidden_adding, hint="should be (3, 4)", forbidden="without PyTorch and NumPy"),
        Wrong(fits_by_slices, hint="broadcast_shape((), (2, 3))"),
        Wrong(lambda a, b: fits_in_front(a, b) or (), hint="should be None."),
        Wrong(fits_unless_second_is_0, hint="broadcast_shape((2, 5), (2, 0))"),
        Wrong(fits_unless_second_is_longer, hint="broadcast_shape((2,), (2, 3))"),
        Wrong(fits_but_for_two_0, hint="0 and 0 do"),
        Wrong(fits_at(-1, -2), hint="should be None. Two lengths that differ"),
        Wrong(fits_at(0, -1, -2), hint="should be None. Two lengths that differ"),
    ],
    "5.4": [
        Wrong(lambda x, mean, std: (x - mean) / std, hint="to the columns"),
        Wrong(lambda x, mean, std: (x - mean[:, None]) / std[:, None], hint="raised RuntimeError"),
        Wrong(
            lambda x, mean, std: (x - mean[:, None, None, None]) / std[:, None, None, None],
            hint="raised RuntimeError",
        ),
        Wrong(in_place, hint="changed its argument", forbidden="Do not change the arguments"),
        Wrong(lambda x, mean, std: x - mean[:, None, None] / std[:, None, None], hint="in brackets"),
        Wrong(lambda x, mean, std: x - mean[:, None, None], hint="standard deviation as well"),
        Wrong(lambda x, mean, std: (x - mean[:, None, None]) * std[:, None, None], hint="multiplied"),
        Wrong(lambda x, mean, std: normalise_by_loop(x, mean, std).clamp(-1, 1), hint="values are off"),
        Wrong(partial(normalise_by_batch_norm, eps=1e-5), hint="values are off"),
        Wrong(own_statistics, hint="values are off"),
        Wrong(lambda x, mean, std: normalise_by_loop(x.double(), mean, std), hint="dtype torch.float64"),
        Wrong(
            lambda x, mean, std: torch.empty(x.shape).copy_(normalise_by_loop(x, mean, std)),
            hint="should have torch.float64",
        ),
    ],
    "5.5": [
        Wrong(reshape_only, hint="permute"),
        Wrong(permuted_wrongly, hint="channel by channel"),
        Wrong(cut_the_other_way, hint="(size, H / size)"),
        Wrong(lambda x, size: x.unfold(2, size, size).unfold(3, size, size), hint="shape"),
        Wrong(lambda x, size: F.unfold(x, size, stride=size), hint="The last two axes are exchanged"),
        Wrong(patches_by_channel, hint="bring the channel axis behind"),
        Wrong(patches_columns_first, hint="The patches run column by column"),
        Wrong(patches_transposed, hint="Within a patch the numbers run column by column"),
        Wrong(patches_square, hint="raised RuntimeError"),
        Wrong(lambda x, size: patches_solved(x, size).float(), hint="should have torch.float64"),
        Wrong(patches_of_one, hint="shape (1, 6, 12)"),
    ],
}
