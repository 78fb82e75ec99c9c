"""Checkers of chapter 5, tensors."""

import math

import numpy as np
import torch

from . import NotYet, call, exercise, expect, require


@exercise("5.1")
def to_channels_first(answer):
    pictures = torch.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3)
    found = call(answer, pictures, name="to_channels_first")
    if isinstance(found, torch.Tensor) and found.shape == (2, 3, 4, 5):
        if torch.equal(found, pictures.reshape(2, 3, 4, 5)):
            raise NotYet(
                "the shape is right, but reshape mixed the channels up; reorder the axes with permute."
            )
    if isinstance(found, torch.Tensor) and torch.equal(found, pictures.permute(0, 3, 2, 1)):
        raise NotYet("rows and columns are swapped: after the channels come H, then W.")
    expect(found, pictures.permute(0, 3, 1, 2), "to_channels_first of pictures (2, 4, 5, 3)")
    return "permute does this without moving a number in memory: only the strides are reordered."


@exercise("5.2")
def strides_of(answer):
    for shape in [(4,), (2, 3), (2, 3, 4, 5), (7, 1, 2)]:
        why = "A step along an axis passes over all that the axes after it hold."
        # PyTorch may report any stride for an axis of length 1; by the definition it is this one.
        expected = tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
        found = call(answer, shape, name="strides_of")
        if isinstance(found, tuple):
            found = tuple(int(n) if isinstance(n, np.integer) else n for n in found)
        expect(found, expected, f"strides_of({shape})", why)
    return "For (N, C, H, W) they are C·H·W, H·W, W and 1."


@exercise("5.3")
def broadcast_shape(answer):
    pairs = [((3, 1), (4,)), ((2, 3), (2, 3)), ((5, 1, 4), (3, 1)), ((2, 3), (2,)), ((8, 3, 5, 5), (3, 1, 1))]
    for a, b in [*pairs, ((4,), (3, 1)), ((2, 3, 4), (3, 2, 4)), ((1,), (0,))]:
        try:
            expected = tuple(torch.broadcast_shapes(a, b))
        except RuntimeError:
            expected = None
        found = call(answer, a, b, name="broadcast_shape")
        if isinstance(found, list):
            raise NotYet(f"broadcast_shape({a}, {b}) is a list; a tuple is wanted.")
        if isinstance(found, torch.Size):
            raise NotYet(
                "what came back is a torch.Size: without PyTorch, please; compare the lengths yourself."
            )
        why = "Compare from the last axis backwards; missing axes count as 1."
        if 0 in a + b:
            why = "A length of 1 becomes the other one, whatever that is."
        expect(found, expected, f"broadcast_shape({a}, {b})", why)
    return "A length of 1 gives way even to a length of 0: an empty batch stays empty."


@exercise("5.4")
def normalise(answer):
    pictures = torch.arange(2 * 3 * 4 * 3, dtype=torch.float32).reshape(2, 3, 4, 3)  # W = C, on purpose
    mean, std = torch.tensor([1.0, 20.0, 40.0]), torch.tensor([1.0, 2.0, 4.0])
    mine = pictures.clone()
    # Inside a list, so that it is passed as it is and a change can be seen.
    try:
        found = call(lambda held: answer(held[0], mean, std), [mine], name="normalise")
    except NotYet as hint:
        why = str(hint).partition(") raised ")[2]
        raise NotYet(f"normalise of pictures (2, 3, 4, 3) raised {why}") from None
    require(
        torch.equal(mine, pictures),
        "the pictures that were passed in have changed; make a new tensor instead.",
    )
    expected = (pictures - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    per_column = (pictures - mean) / std
    if (
        isinstance(found, torch.Tensor)
        and found.shape == expected.shape
        and torch.allclose(found, per_column)
    ):
        raise NotYet(
            "mean and std were applied to the columns, the last axis; give them the shape (C, 1, 1)."
        )
    expect(found, expected, "normalise of pictures (2, 3, 4, 3)")
    other = torch.rand(1, 2, 5, 7)
    found = call(answer, other, mean[:2], std[:2], name="normalise")
    expect(found, (other - mean[:2, None, None]) / std[:2, None, None], "normalise of pictures (1, 2, 5, 7)")
    return "This is what torchvision's Normalize does, for a whole batch at once."


@exercise("5.5")
def patches(answer):
    for shape, size in [((1, 1, 4, 4), 2), ((2, 3, 4, 6), 2), ((1, 2, 6, 3), 3)]:
        n, c, h, w = shape
        pictures = torch.arange(math.prod(shape), dtype=torch.float32).reshape(shape)
        rows = [
            pictures[:, :, i : i + size, j : j + size].flatten(1)
            for i in range(0, h, size)
            for j in range(0, w, size)
        ]
        expected = torch.stack(rows, dim=1)
        found = call(answer, pictures, size, name="patches")
        if isinstance(found, torch.Tensor) and found.shape == expected.shape:
            if torch.equal(found, pictures.reshape(expected.shape)) and not torch.equal(found, expected):
                raise NotYet(
                    "reshape alone cuts along rows; bring the axes of a patch together with permute first."
                )
            if torch.equal(found[0, 0].sort().values, expected[0, 0].sort().values):
                why = "Each patch: channel by channel, then row by row; patches row by row."
                expect(found, expected, f"patches of pictures {shape}, size {size},", why)
            first = f"the first patch of pictures {shape} that count from 0, size {size},"
            expect(found[0, 0], expected[0, 0], first, "`reshape` cuts an axis into (number, size).")
        expect(found, expected, f"patches of pictures {shape}, size {size},")
    return "Split, permute, join: the same three steps cut heads in attention (chapter 14)."
