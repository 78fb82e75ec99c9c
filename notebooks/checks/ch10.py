"""Checkers of chapter 10, pooling."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import (
    NotYet,
    _,
    call,
    describe,
    exercise,
    expect,
    expect_trainable,
    join,
    pytorchs_own,
    require,
    same,
    switched_off,
)


@exercise("10.1")
def by_pencil(answer):
    matrix = torch.tensor([[-4.0, -1, 7, 2], [-3, 6, 0, 5], [-9, 1, 8, -2], [-5, -7, 3, -6]])[None, None]
    require(
        isinstance(answer, list | tuple) and all(isinstance(row, list | tuple) for row in answer),
        _("the answer is {found}; a list of rows is wanted, each a list of numbers.", found=describe(answer)),
    )
    sizes = [len(row) for row in answer]
    require(
        sizes == [3, 3, 3],
        _(
            "the answer has rows of {sizes} numbers; with the frame there are 6 x 6 places, so 3 windows of 2 x 2 fit "
            "along each side.",
            sizes=sizes,
        ),
    )
    zeros = F.max_pool2d(F.pad(matrix, (1, 1, 1, 1)), 2)[0, 0].tolist()
    require(
        [list(row) for row in answer] != zeros,
        _(
            "you took the frame for zeros: at the top left stands 0, but the only number of the matrix in that window "
            "is -4."
        ),
    )
    expected = F.max_pool2d(matrix, 2, padding=1)[0, 0].tolist()
    for i, j in [(i, j) for i in range(3) for j in range(3)]:
        # Where a window lies is worth saying; what it holds is for the learner to read.
        inside = matrix[0, 0, max(0, 2 * i - 1) : 2 * i + 1, max(0, 2 * j - 1) : 2 * j + 1]
        expect(
            answer[i][j],
            expected[i][j],
            _("row {i}, column {j} of the answer", i=i, j=j),
            _("Of the matrix, that window holds {numbers}.", numbers=[int(n) for n in inside.flatten()]),
        )
    return _("The frame is -∞, so negative numbers survive at the border.")


def smallest(x, kernel, stride=None, padding=0):
    return -F.max_pool2d(-x, kernel, stride, padding)


@exercise("10.2")
def min_pool(answer):
    x = torch.randint(-40, 60, (2, 3, 8, 9)).float()  # both signs, and zeros
    many = torch.randint(-40, 60, (3, 1, 11, 9)).float()
    cases = [
        (x, (2,)),
        (x, (3, 1)),
        (x + 0.5, (3, 2, 1)),
        (x.abs() + 1, (3, 2, 1)),
        (-x.abs() - 1, (2, 2, 1)),
    ]
    cases += [(x, (3, None, 1)), (many, (5, 4, 2)), (1e12 * (x.abs() + 1), (3, 2, 1))]
    for numbers, settings in cases:
        kernel, stride, padding = (*settings, *(None, 0)[len(settings) - 1 :])
        found = call(answer, numbers, *settings, name="min_pool")
        where = _(
            "min_pool(x, kernel={kernel}, stride={stride}, padding={padding})",
            kernel=kernel,
            stride=stride,
            padding=padding,
        )
        frame = {}
        if padding and isinstance(found, Tensor) and not torch.isin(found.cpu(), numbers).all():
            frame[
                _(
                    "There are numbers at the border that are not in x: the frame won. Let the pooling do the padding."
                )
            ] = found
        expect(
            found,
            smallest(numbers, kernel, stride, padding),
            where,
            _("It is the smallest number of each window."),
            mistakes={
                _(
                    "This is the largest number of each window, with its sign changed: change the sign of x before the "
                    "pooling, too."
                ): -F.max_pool2d(numbers, kernel, stride, padding),
                _("The sign is wrong: change it back after the pooling."): F.max_pool2d(
                    -numbers, kernel, stride, padding
                ),
                _("This is the largest number of each window."): F.max_pool2d(
                    numbers, kernel, stride, padding
                ),
                **frame,
                _("The windows of a pooling move by their own width if no stride is given."): smallest(
                    numbers, kernel, 1, padding
                ),
                _("The reciprocal turns the order round only among numbers of one sign."): 1
                / F.max_pool2d(1 / numbers, kernel, stride, padding),
            },
        )
    thirds = x / 3  # such numbers change a little where they are subtracted from another and back
    expect(
        call(answer, thirds, 2, name="min_pool"),
        smallest(thirds, 2),
        _(
            "min_pool(x, kernel={kernel}, stride={stride}, padding={padding})",
            kernel=2,
            stride=None,
            padding=0,
        ),
        _(
            "The smallest number of a window is one of x, without rounding. Change the sign, and subtract nothing."
        ),
        rtol=0,
        atol=0,
    )
    expect_trainable(
        answer,
        smallest,
        x + torch.rand(x.shape) / 2,  # no two alike
        3,
        2,
        1,
        what=_("min_pool(x, 3, 2, 1)"),
        name="min_pool",
    )
    return _("On maps of 0 and 1 this makes bright things shrink: image processing calls it erosion.")


@exercise("10.3")
def average_as_conv(answer):
    for channels, kernel in [(1, 2), (3, 2), (4, 3), (2, 1), (6, 7)]:
        layer = call(answer, channels, kernel, name="average_as_conv")
        where = _("the layer of average_as_conv({channels}, {kernel})", channels=channels, kernel=kernel)
        require(
            isinstance(layer, nn.Conv2d),
            _("{where} is {found}; an nn.Conv2d is wanted.", where=where, found=describe(layer)),
        )
        channels_found = (layer.in_channels, layer.out_channels)
        expect(channels_found, (channels, channels), _("{where}: (in_channels, out_channels)", where=where))
        x = torch.randint(-9, 10, (2, channels, 14, 15)).float()
        expected = F.avg_pool2d(x, kernel)
        with torch.no_grad():
            out = call(layer, x, name=_("the layer"))
            at_zero = call(layer, torch.zeros_like(x), name=_("the layer"))
            alone = x.clone()
            alone[:, 1:] = 0
            others = call(layer, alone, name=_("the layer"))[:, 1:]
            plain = nn.Conv2d._conv_forward(layer, x, layer.weight, layer.bias)
        require(
            same(out, plain),
            _("{where} returns something else than its convolution makes of x.", where=where),
        )
        expect(
            tuple(out.shape),
            tuple(expected.shape),
            _("for x of shape {shape} and {where}: layer(x).shape", where=where, shape=tuple(x.shape)),
            _("The stride of a pooling is its kernel size; it has no padding and no dilation."),
        )
        require(
            not at_zero.any() or bool(at_zero.isnan().any()),
            _("{where} makes something of a picture of zeros: it has a bias.", where=where),
        )
        require(
            not others.any() or bool(others.isnan().any()),
            _(
                "{where} mixes the channels: channel 0 of the input reaches other channels of the output.",
                where=where,
            ),
        )
        expect(
            out,
            expected,
            _("the output of {where}", where=where),
            _("All weights are the same, and those of a window sum to 1."),
            mistakes={
                _("This is the sum of each window; a mean divides by {count}.", count=kernel**2): kernel**2
                * expected,
                _(
                    "You divided by {kernel}; the window holds {kernel} x {kernel} numbers.", kernel=kernel
                ): kernel * expected,
                _("You divided by the channels, too; each channel is a mean of its own."): expected
                / channels,
            },
        )
    return _(
        "So average pooling is a convolution that nobody has to train, and a training could start from it."
    )


def adaptive(x, rows, columns):
    """F.adaptive_max_pool2d by a loop, since that is switched off while the answer runs."""
    height, width = x.shape[2:]
    windows = [
        x[
            ...,
            i * height // rows : -(-(i + 1) * height // rows),
            j * width // columns : -(-(j + 1) * width // columns),
        ].amax(dim=(2, 3))
        for i in range(rows)
        for j in range(columns)
    ]
    return torch.stack(windows, dim=-1).reshape(*x.shape[:2], rows, columns)


@exercise("10.4")
def adaptive_max(answer):
    library = pytorchs_own("adaptive_max_pool", "adaptive_avg_pool")
    for shape, rows, columns, why in [
        ((2, 3, 6, 8), 3, 2, _("All windows are 2 x 4 here, and all numbers are negative.")),
        (
            (1, 2, 1, 5),
            1,
            3,
            _("The windows are columns 0 to 1, 1 to 3 and 3 to 4: start rounded down, end up."),
        ),
        ((1, 2, 10, 7), 4, 5, _("Start ⌊i · in / out⌋, end ⌈(i + 1) · in / out⌉.")),
        ((1, 1, 2, 3), 5, 4, _("More windows than pixels: each still holds one.")),
        (
            (8, 4, 30, 2),
            22,
            1,
            _("Multiply first, then divide: 11 * (30 / 22) is 14.999…, and 11 * 30 / 22 is 15."),
        ),
    ]:
        x = torch.rand(shape) - 1
        where = _(
            "adaptive_max(x of shape {shape}, {rows}, {columns})", shape=shape, rows=rows, columns=columns
        )
        with switched_off(_("adaptive pooling"), *library):
            found = call(answer, x, rows, columns, name="adaptive_max")
            expect(found, adaptive(x, rows, columns), where, why)
            expect_trainable(answer, adaptive, x, rows, columns, what=where, why=why, name="adaptive_max")
    return _(
        "Many networks that accept any size of picture have adaptive pooling before their linear layers."
    )


def in_a_row(network):
    """The layers of a Sequential; one that holds others is taken apart."""
    for layer in network:
        yield from in_a_row(layer) if isinstance(layer, nn.Sequential) else [layer]


@exercise("10.5")
def any_size(answer):
    for channels, classes in [(3, 10), (1, 4)]:
        network = call(answer, channels, classes, name="any_size")
        where = _("any_size({channels}, {classes})", channels=channels, classes=classes)
        require(
            isinstance(network, nn.Sequential),
            _("{where} returned {found}; a Sequential is wanted.", where=where, found=describe(network)),
        )
        layers = list(in_a_row(network))
        kinds = [type(layer).__name__.removeprefix("Lazy") for layer in layers]
        for kind, count in [("Conv2d", 3), ("MaxPool2d", 2), ("Flatten", 1), ("Linear", 1)]:
            expect(
                kinds.count(kind),
                count,
                _("the number of {kind} layers in {where}", kind=kind, where=where),
                _("The global average goes to nn.Flatten, and that to the linear layer.")
                if kind == "Flatten"
                else "",
            )
        require(
            kinds[:5] == ["Conv2d", "MaxPool2d", "Conv2d", "MaxPool2d", "Conv2d"]
            and kinds[6:] == ["Flatten", "Linear"],
            _(
                "{where} has the layers {kinds}. Wanted are a convolution, a pooling, a convolution, a pooling, a "
                "convolution, the global average, nn.Flatten, the linear layer, and no others.",
                where=where,
                kinds=", ".join(kinds),
            ),
        )
        sizes, x = [], torch.rand(1, channels, 17, 30)
        for layer in layers[:5]:
            x = through([layer], x, where, len(sizes))
            sizes.append(tuple(x.shape[1:]))
        expect(
            sizes,
            [(16, 17, 30), (16, 9, 15), (32, 9, 15), (32, 5, 8), (64, 5, 8)],
            _(
                "{where}, for 17 x 30 pixels, (C, H, W) after each Conv2d and MaxPool2d: sizes",
                where=where,
            ),
            _("A convolution with padding 1 keeps a size; a pooling makes 9 of 17 and 15 of 30."),
        )
        dots = torch.eye(72).reshape(72, 1, 9, 8)  # one bright pixel in each picture
        require(
            all(layers[i](dots).amax(dim=(1, 2, 3)).all() for i in (1, 3)),
            _(
                "{where}: a pooling leaves pixels out. Its kernel should be as long as its stride or longer, and its "
                "dilation 1.",
                where=where,
            ),
        )
        for height, width in [(8, 8), (32, 32), (17, 30)]:
            x = torch.rand(2, channels, height, width)
            logits = through(layers, x, where)
            expect(
                tuple(logits.shape),
                (2, classes),
                _(
                    "{where}, for x of 2 pictures of {height} x {width}: network(x).shape",
                    where=where,
                    height=height,
                    width=width,
                ),
                _("One number per class for each picture, whatever the size."),
            )
            require(
                same(call(network, x, name=_("the network")), logits),
                _("{where} gives something else than its layers one after the other.", where=where),
            )
        expect(
            [layer.kernel_size for layer in layers if isinstance(layer, nn.Conv2d)],
            [(3, 3)] * 3,
            _("{where}, the three convolutions: kernel_sizes", where=where),
        )
        for maps in (torch.randn(2, 64, 5, 8), torch.randn(2, 64, 3, 2)):
            means = layers[5](maps)
            expect(
                means.flatten(start_dim=1) if isinstance(means, Tensor) else means,
                maps.mean(dim=(2, 3)),
                _(
                    "what layer 5 of {where} makes of maps {maps}, flattened,",
                    where=where,
                    maps=(*maps.shape,),
                ),
                _("A global average is wanted: one mean for each channel."),
                mistakes={
                    _("This is the maximum of each channel; a global *average* is wanted."): maps.amax((2, 3))
                },
            )
    return _("The same weights serve every size; torchvision's ResNets (chapter 22) end in the same layers.")


def through(layers, x, where, start=0):
    """What the layers make of x. Raises NotYet that names the layer that fails."""
    for number, layer in enumerate(layers, start):
        try:
            x = call(layer, x, name=_("layer {number}", number=number))
        except NotYet as error:
            why = _("It should take 64 numbers, one mean for each channel, whatever the size of the picture.")
            linear = isinstance(layer, nn.Linear)
            raise NotYet(join(_("in {where},", where=where), error.hint, why if linear else "")) from None
        require(
            isinstance(x, Tensor),
            _("in {where}, layer {number} returned {found}.", where=where, number=number, found=describe(x)),
        )
    return x
