"""Checkers of chapter 5, tensors."""

import math

import numpy as np
import torch

from . import NotYet, _, call, exercise, expect, names_in, switched_off


def draw(*shape, number=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(number))


@exercise("5.1")
def to_channels_first(answer):
    for number, (n, h, w, c) in enumerate([(2, 4, 5, 3), (3, 3, 3, 3), (1, 6, 2, 1)]):
        pictures = 256 * draw(n, h, w, c, number=number)
        pictures = pictures if number == 2 else pictures.to(torch.uint8)
        found = call(answer, pictures, name="to_channels_first")
        expect(
            found,
            pictures.permute(0, 3, 1, 2),
            _("to_channels_first of pictures {shape}", shape=(n, h, w, c)),
            mistakes={
                _("reshape mixed the channels up; reorder the axes with permute."): pictures.reshape(
                    n, c, h, w
                ),
                _("Rows and columns are exchanged: after the channels come H, then W."): pictures.permute(
                    0, 3, 2, 1
                ),
                _("These are the pictures as they were."): pictures,
            },
        )
    return _("permute does this without moving a number in memory: only the strides are reordered.")


@exercise("5.2")
def strides_of(answer):
    for shape in [(2, 3), (4,), (2, 3, 4, 5), (7, 1, 2), (3, 3, 3), (2, 3, 1, 4, 5, 2), ()]:
        # PyTorch may report any stride for an axis of length 1; by the definition it is this one.
        strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
        expect(
            call(answer, shape, name="strides_of"),
            tuple(strides),
            _("strides_of({shape})", shape=shape),
            _("A step along an axis passes over all that the axes after it hold.")
            if shape
            else _("A single number has no axis, so it has no stride."),
            mistakes={
                _("These are the right strides, but a tuple is wanted."): list(strides),
                _("This is the product with the axis itself; only the axes after it count."): tuple(
                    math.prod(shape[i:]) for i in range(len(shape))
                ),
                _("Here the first axis runs fastest; the last axis does, with stride 1."): tuple(
                    math.prod(shape[:i]) for i in range(len(shape))
                ),
            }
            if len(shape) > 1
            else {},
            same_type=True,
        )
    return _("For (N, C, H, W) they are C·H·W, H·W, W and 1.")


def broadcast(a, b):
    try:
        return tuple(torch.broadcast_shapes(a, b))
    except RuntimeError:
        return None


PAIRS = [
    ((3, 1), (4,)),
    ((2, 3), (2, 3)),
    ((5, 1, 4), (3, 1)),
    ((2, 3), (2,)),
    ((8, 3, 5, 5), (3, 1, 1)),
    ((4,), (3, 1)),
    ((2, 3, 4), (3, 2, 4)),
    ((2, 3), (4, 3)),
    ((6, 4), (3, 4)),
    ((1,), (0,)),
    ((0,), (1,)),
    ((2, 0), (2, 5)),
    ((2, 0), (2, 0)),
    ((), (2, 3)),
    ((4, 2), ()),
    ((), ()),
    ((1, 1), (1,)),
    ((2, 3, 4), (5, 3, 4)),
    ((2, 3, 4, 5), (2, 7, 4, 5)),
]


MAKERS = ("empty", "zeros", "ones", "full")
BROADCASTING = [
    (torch, name) for name in ("broadcast_shapes", "broadcast_tensors", "rand", "randn", "randint", *MAKERS)
]
BROADCASTING += [(np, name) for name in ("broadcast_shapes", "broadcast_arrays", *MAKERS)]


@exercise("5.3")
def broadcast_shape(answer):
    used = names_in(answer) & {"torch", "np", "numpy", "broadcast_shapes", "broadcast_tensors"}
    if used:
        raise NotYet(
            _(
                "your answer uses {name}; compare the lengths yourself, without PyTorch and NumPy.",
                name=min(used),
            )
        )
    for a, b in [*PAIRS, *((b, a) for a, b in PAIRS)]:
        expected = broadcast(a, b)
        with switched_off(_("broadcasting"), *BROADCASTING):
            found = call(answer, a, b, name="broadcast_shape")
        mistakes = {}
        if expected is not None:
            mistakes[_("These are the right lengths, but a tuple is wanted.")] = list(expected)
        if 0 in a + b:
            why = _("A length of 1 becomes the other one, whatever that is; 0 and 5 do not fit, 0 and 0 do.")
        elif () in (a, b):
            why = _("A shape without axes fits any other: all its axes are missing.")
        else:
            why = _("Align the shapes on the right; missing axes count as 1.")
            longer = max(a, b, key=len)
            if expected is None:
                differ = _("Two lengths that differ do not fit unless one of them is 1.")
                why = differ if len(a) == len(b) else why
                mistakes[differ] = tuple(
                    map(max, (1,) * (len(longer) - len(a)) + a, (1,) * (len(longer) - len(b)) + b)
                )
        expect(
            found, expected, _("broadcast_shape({a}, {b})", a=a, b=b), why, mistakes=mistakes, same_type=True
        )
    return _("A length of 1 gives way even to a length of 0: an empty batch stays empty.")


@exercise("5.4")
def normalise(answer):
    # Twice W = C, then H = C and N = C, so that a mistake of the axis raises no error.
    for number, shape in enumerate([(2, 3, 4, 3), (1, 2, 5, 2), (2, 3, 3, 5), (3, 3, 4, 5), (1, 2, 5, 7)]):
        pictures = draw(*shape, number=number)
        # A small std, so that the results leave -1 to 1 and an eps is seen.
        mean, std = draw(shape[1], number=9), draw(shape[1], number=8) / 10 + 0.02
        if number == 4:
            pictures, mean, std = pictures.double(), mean.double(), std.double()
        n, c, h, w = shape

        def by(*cut, x=pictures, mean=mean, std=std):
            return (x - mean.view(*cut)) / std.view(*cut)

        mistakes = {
            _("Only the mean was divided by std: put x - mean in brackets."): pictures
            - mean.view(-1, 1, 1) / std.view(-1, 1, 1),
            _("You multiplied by std instead of dividing by it."): (pictures - mean.view(-1, 1, 1))
            * std.view(-1, 1, 1),
            _("Divide by the standard deviation as well."): pictures - mean.view(-1, 1, 1),
        }
        if w == c:
            mistakes[_("mean and std were applied to the columns; give them the shape (C, 1, 1).")] = by(c)
        if h == c:
            mistakes[_("mean and std were applied to the rows; give them the shape (C, 1, 1).")] = by(c, 1)
        if n == c:
            mistakes[_("mean and std were applied to the pictures; give them the shape (C, 1, 1).")] = by(
                c, 1, 1, 1
            )
        expect(
            call(answer, pictures, mean, std, name="normalise"),
            by(c, 1, 1),
            _("normalise of pictures {shape}", shape=shape),
            _("For each channel: subtract the mean that is given, then divide by the std that is given."),
            mistakes=mistakes,
        )
    return _("This is what torchvision's Normalize does, for a whole batch at once.")


def cut_up(pictures, size):
    """The patches, by slices."""
    h, w = pictures.shape[2:]
    corners = [(i, j) for i in range(0, h, size) for j in range(0, w, size)]
    return torch.stack([pictures[:, :, i : i + size, j : j + size].flatten(1) for i, j in corners], dim=1)


@exercise("5.5")
def patches(answer):
    counting = torch.arange(16.0).reshape(1, 1, 4, 4)
    cases = [(draw(2, 3, 4, 6, number=1), 2), (counting, 2), (draw(3, 2, 6, 3, number=2), 3)]
    for pictures, size in [*cases, (draw(1, 2, 2, 5, number=3).double(), 1)]:
        n, c, h, w = pictures.shape
        cut = pictures.reshape(n, c, h // size, size, w // size, size)  # (N, C, i, y, j, x)
        shape = (n, -1, c * size * size)
        where = _("patches of pictures {shape}, size {size},", shape=tuple(pictures.shape), size=size)
        found = call(answer, pictures, size, name="patches")
        expected = cut_up(pictures, size)
        mistakes = {
            _("The last two axes are exchanged: patches first, then the numbers of a patch."): expected.mT,
            _(
                "reshape alone cuts along rows; bring the axes of a patch together with permute first."
            ): pictures.reshape(shape),
            _(
                "Each of your rows holds one channel only; bring the channel axis behind the two axes of the patches."
            ): cut.permute(0, 1, 2, 4, 3, 5).reshape(shape),
            _("Within a patch the channels run slowest: channel by channel, then row by row."): cut.permute(
                0, 2, 4, 3, 5, 1
            ).reshape(shape),
            _("Within a patch the numbers run column by column; row by row is wanted."): cut.permute(
                0, 2, 4, 1, 5, 3
            ).reshape(shape),
            _("The patches run column by column; row by row is wanted."): cut.permute(
                0, 4, 2, 1, 3, 5
            ).reshape(shape),
            _("reshape cuts H into (H / size, size); yours is (size, H / size)."): pictures.reshape(
                n, c, size, h // size, size, w // size
            )
            .permute(0, 3, 5, 1, 2, 4)
            .reshape(shape),
        }
        expect(found, expected, where, mistakes=mistakes)
    return _("Cut, permute, join: the same three steps cut heads in attention (chapter 14).")
