"""Checkers of chapter 2, tools."""

import numpy as np
import torch

from . import NotYet, _, call, exercise, expect, names_in, require, same, switched_off


@exercise("2.1")
def shape_of(answer):
    off = [(torch, "tensor"), (torch, "as_tensor"), (torch, "Tensor"), (torch, "asarray"), (np, "array")]
    off += [(np, "asarray"), (np, "shape"), (np, "ndim"), (np, "size")]
    off += [(np, name) for name in ("asanyarray", "ascontiguousarray", "atleast_1d", "stack", "vstack")]
    off += [(torch, name) for name in ("FloatTensor", "DoubleTensor", "LongTensor")]
    cases = (
        [1, 2, 3],
        [[1, 2, 3], [4, 5, 6]],
        [[[1], [2]]],
        7,
        [[2.5, 0.5]],
        [[[[0, 0, 0]] * 2] * 4],
        [[[[[[1], [2]]]]] * 3],
    )
    wanted = [tuple(torch.tensor(nested).shape) for nested in cases]
    for nested, expected in zip(cases, wanted, strict=True):
        with switched_off(_("tensor and NumPy's array"), *off):
            found = call(answer, nested, name="shape_of")
        require(
            not names_in(answer) & {"torch", "np", "numpy"},
            _("Do without PyTorch and NumPy: count the items of the lists."),
        )
        expect(
            found,
            expected,
            _("shape_of({nested})", nested=nested),
            _("A tuple is wanted.") if isinstance(found, list) else "",
            same_type=True,
            mistakes={
                _("Begin with the outer list."): expected[::-1],
            },
        )
    return _(
        "The lengths from the outside to the inside are the shape; how deep the lists are nested is `ndim`."
    )


def first_axis_fastest(shape, index):
    return sum(place * int(np.prod(shape[:axis])) for axis, place in enumerate(index))


@exercise("2.2")
def number_at(answer):
    for shape, index in [
        ((5,), (3,)),
        ((3, 4), (1, 2)),
        ((3, 4, 3, 3), (1, 2, 0, 1)),
        ((2, 5, 4), (1, 4, 2)),
        ((), ()),
        ((2, 1, 3, 1, 2, 4), (1, 0, 2, 0, 1, 3)),
    ]:
        expect(
            call(answer, shape, index, name="number_at"),
            torch.arange(torch.Size(shape).numel()).reshape(shape)[index].item(),
            _("number_at({shape}, {index})", shape=shape, index=index),
            _("One step along an axis skips as many numbers as all the axes after it hold."),
            rtol=0,
            mistakes={
                _("Here the first index changes fastest; the last should."): first_axis_fastest(shape, index)
            },
        )
    # No memory can hold so many numbers, nor a float64 this one to the last digit.
    # The lengths are odd, so that a quotient of floats is not exact either.
    large, place = (1000003, 2000003, 1500007), (999999, 5, 7)
    number = (999999 * 2000003 + 5) * 1500007 + 7
    try:
        found = call(answer, large, place, name="number_at")
    except NotYet as error:
        raise NotYet(
            _(
                "{error} No memory holds that tensor: compute with the shape and the index alone.",
                error=error.hint,
            )
        ) from None
    what = _("number_at({shape}, {index})", shape=large, index=place)
    expect(found, number, what, _("Are the numbers whole all the way?"), rtol=0, atol=0)
    return _(
        "Chapter 5 shows that an ordinary tensor lies in memory like this: one long row, in which the last index changes fastest."
    )


@exercise("2.3")
def last_rows(answer):
    for shape in [(2, 3, 4, 5), (4, 2, 4, 4), (3, 1, 2, 2), (1, 5, 3, 6)]:
        pictures = torch.randperm(torch.Size(shape).numel()).reshape(shape)
        pictures = pictures if shape[0] % 2 else pictures / 4  # whole numbers, and others
        expect(
            call(answer, pictures, name="last_rows"),
            pictures[:, 0, -1],
            _("for pictures {shape}, last_rows", shape=shape),
            mistakes={
                _("That is the last column; rows are axis 2, columns axis 3."): pictures[:, 0, :, -1],
                _("That is the last channel; channel 0 is wanted."): pictures[:, -1, -1],
                _("That is every channel of picture 0; pictures are axis 0, channels axis 1."): pictures[
                    0, :, -1
                ],
                _("That is the first row; the last is wanted."): pictures[:, 0, 0],
                _("Those are all rows of the last picture; the last row of each is wanted."): pictures[-1, 0],
                _("A slice keeps its axis; a number takes it away."): pictures[:, 0, -1:],
            },
        )
    return _("Two numbers in the index, two axes less.")


@exercise("2.4")
def mean_colours(answer):
    for shape in [(2, 3, 4, 5), (3, 3, 7, 2), (1, 3, 40, 30)]:
        pictures = torch.randint(256, shape, dtype=torch.uint8)
        means = pictures.double().mean(dim=(2, 3)).float()
        found = call(answer, pictures, name="mean_colours")
        expect(
            found,
            means,
            _("mean_colours of pictures {shape}", shape=shape),
            _("float32 is wanted: convert by `.float()`.")
            if getattr(found, "dtype", None) == torch.float64
            else _("They are rounded, or computed with too few digits.")
            if same(found, means, rtol=1e-2)
            else _("One mean for each picture and channel, over rows and columns.")
            if getattr(found, "shape", None) != means.shape
            else "",
            rtol=3e-6,  # float32 is exact to about 1e-7
            atol=0,
            mistakes={
                _("They go from 0 to 1; 0 to 255 is wanted, as in the pictures."): means / 255,
                _("Those are sums; divide by the number of pixels, or take the mean."): pictures.sum((2, 3)),
                _("They are cut to whole numbers; keep the digits after the decimal point."): means.floor(),
                _("They are rounded; keep the digits after the decimal point."): means.round(),
            },
        )
    return _("A red picture has a large first number: three numbers describe a picture, if only roughly.")


@exercise("2.5")
def middles(answer):
    cases = [
        ((5, 1, 6, 6), 2, [1, 0, 1, 2, 1]),
        ((4, 2, 8, 4), 4, [2, 1, 0, 1]),
        ((4, 4, 4, 10), 4, [1, 1, 2, 2]),
        ((3, 3, 6, 8), 2, [0, 2, 1]),
    ]
    for shape, size, numbers in cases:
        pictures = torch.randperm(torch.Size(shape).numel()).reshape(shape)
        labels = torch.tensor(numbers)
        pictures = pictures if shape[0] % 2 else pictures / 4  # whole numbers, and others
        top, left = (shape[2] - size) // 2, (shape[3] - size) // 2
        cut = pictures[:, :, top : top + size, left : left + size]
        for label in (0, 1, 2, 5):
            chosen = pictures[labels == label]
            where = _(
                "for pictures {shape} with labels {labels}, middles(…, {label}, {size})",
                shape=shape,
                labels=numbers,
                label=label,
                size=size,
            )
            found = call(answer, pictures, labels, label, size, name="middles")
            if label == 5:
                require(found is not None, _("{where} returned None.", where=where))
            expect(
                found,
                cut[labels == label],
                where,
                _("There is no picture of this class.") if label == 5 else "",
                mistakes={}
                if label == 5
                else {
                    _("That is the top left corner, not the middle."): chosen[:, :, :size, :size],
                    _("That is the bottom right corner, not the middle."): chosen[:, :, -size:, -size:],
                    _("Those are the pictures of the other classes."): cut[labels != label],
                    _("They are in reverse order."): cut[labels == label].flip(0),
                    _("Cut the pictures, too."): chosen,
                    _("That is the first of them only."): cut[labels == label][:1],
                },
            )
    return _("A mask along the first axis and slices along the others cut most batches to what you need.")
