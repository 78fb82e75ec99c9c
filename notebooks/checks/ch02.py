"""Checkers of chapter 2, tools."""

import numpy as np
import torch

from . import NotYet, call, exercise, expect, require


@exercise("2.1")
def shape_of(answer):
    for nested in ([1, 2, 3], [[1, 2, 3], [4, 5, 6]], [[[1], [2]]], 7, [[[[0, 0, 0]] * 2] * 4]):
        expected = tuple(torch.tensor(nested).shape)
        found = call(answer, nested, name="shape_of")
        require(not isinstance(found, list), f"the shape of {nested} is the list {found}; a tuple is wanted.")
        expect(found, expected, f"the shape of {nested}")
    return "The lengths from the outside to the inside are the shape, the number of brackets is `ndim`."


@exercise("2.2")
def number_at(answer):
    for shape, index in [
        ((5,), (3,)),
        ((2, 3), (1, 0)),
        ((3, 4, 3, 3), (1, 2, 0, 1)),
        ((2, 5, 4), (1, 4, 2)),
    ]:
        expected = torch.arange(torch.Size(shape).numel()).reshape(shape)[index].item()
        why = "One step along an axis skips as many numbers as all the axes after it hold."
        found = call(answer, shape, index, name="number_at")
        found = int(found) if isinstance(found, np.integer) else found  # np.ravel_multi_index(index, shape)
        expect(found, expected, f"number_at({shape}, {index})", why)
    large = (2**20, 2**20, 2**20)  # no array can hold so many numbers
    try:
        found = call(answer, large, (0, 1, 2), name="number_at")
    except NotYet as error:
        raise NotYet(
            f"{error} No memory holds that tensor: compute with the shape and the index alone."
        ) from None
    found = int(found) if isinstance(found, np.integer) else found
    expect(found, 2**20 + 2, f"number_at({large}, (0, 1, 2))", rtol=0)
    return "This is how every tensor lies in memory: one long row, counted through from the last axis on."


@exercise("2.3")
def last_rows(answer):
    for shape in [(2, 3, 4, 5), (3, 1, 2, 2)]:
        pictures = torch.arange(torch.Size(shape).numel()).reshape(shape)
        found = call(answer, pictures, name="last_rows")
        where = f"for pictures {shape}, last_rows"
        if isinstance(found, torch.Tensor) and torch.equal(found, pictures[:, 0, :, -1]):
            raise NotYet(f"{where} gives the last column; rows are axis 2, columns axis 3.")
        if isinstance(found, torch.Tensor) and torch.equal(found, pictures[:, -1, -1]) and shape[1] > 1:
            raise NotYet(f"{where} takes the last channel; channel 0 is wanted.")
        if isinstance(found, torch.Tensor) and torch.equal(found, pictures[0, :, -1]):
            raise NotYet(f"{where} takes every channel of picture 0; pictures are axis 0, channels axis 1.")
        if isinstance(found, torch.Tensor) and torch.equal(found, pictures[:, 0, 0]):
            raise NotYet(f"{where} gives the first row; the last is wanted.")
        if isinstance(found, torch.Tensor) and torch.equal(found, pictures[-1, 0]):
            raise NotYet(f"{where} gives all rows of the last picture; the last row of each is wanted.")
        expect(found, pictures[:, 0, -1], where)
    return "Two numbers in the index, two axes gone."


@exercise("2.4")
def mean_colours(answer):
    pictures = torch.zeros(2, 3, 4, 5, dtype=torch.uint8)
    pictures[0, 0], pictures[1, 2] = 200, 100
    pictures[1, 1, 0] = 40
    found = call(answer, pictures, name="mean_colours")
    why = "One mean for each picture and channel, over rows and columns."
    means = pictures.float().mean(dim=(2, 3))
    if isinstance(found, torch.Tensor) and found.shape == means.shape:
        if torch.allclose(found.double(), means.double() / 255):
            raise NotYet("mean_colours goes from 0 to 1; 0 to 255 is wanted, as in the pictures.")
        if torch.allclose(found.double(), means.double() * 20):
            raise NotYet("mean_colours gives sums; divide by the number of pixels, or take the mean.")
    expect(found, pictures.float().mean(dim=(2, 3)), "mean_colours of pictures (2, 3, 4, 5)", why)
    return "A red picture has a large first number: a crude but honest description of a picture in three numbers."


@exercise("2.5")
def middles(answer):
    for shape, size in [((4, 1, 6, 6), 2), ((4, 2, 8, 4), 4), ((4, 3, 4, 4), 4)]:
        pictures = torch.arange(torch.Size(shape).numel()).reshape(shape)
        labels = torch.tensor([1, 0, 1, 2])
        for label in (1, 2, 5):
            chosen = pictures[labels == label]
            top, left = (shape[2] - size) // 2, (shape[3] - size) // 2
            expected = chosen[:, :, top : top + size, left : left + size]
            where = f"for pictures {shape} with labels {labels.tolist()}, middles(…, {label}, {size})"
            found = call(answer, pictures, labels, label, size, name="middles")
            if isinstance(found, torch.Tensor) and found.shape == expected.shape and len(expected):
                corner = chosen[:, :, :size, :size]
                if torch.equal(found, corner) and not torch.equal(corner, expected):
                    raise NotYet(f"{where} gives the top left corner, not the middle.")
                corner = chosen[:, :, -size:, -size:]
                if torch.equal(found, corner) and not torch.equal(corner, expected):
                    raise NotYet(f"{where} gives the bottom right corner, not the middle.")
            others = pictures[labels != label][:, :, top : top + size, left : left + size]
            if isinstance(found, torch.Tensor) and torch.equal(found, others):
                raise NotYet(f"{where} gives the pictures of the other classes.")
            expect(found, expected, where)
    return (
        "A mask along the first axis and slices along the others: most of what one does to a batch by hand."
    )
