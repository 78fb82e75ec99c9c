"""Checkers of chapter 10, pooling."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import NotYet, call, describe, exercise, expect, require, switched_off


@exercise("10.1")
def by_pencil(answer):
    matrix = torch.tensor([[-4.0, -1, 7, 2], [-3, 6, 0, 5], [-9, 1, 8, -2], [-5, -7, 3, -6]])[None, None]
    if isinstance(answer, Tensor):
        answer = answer.squeeze().tolist()
    require(
        isinstance(answer, list | tuple) and all(isinstance(row, list | tuple) for row in answer),
        f"the answer is {describe(answer)}; a list of rows is wanted, each a list of numbers.",
    )
    sizes = [len(row) for row in answer]
    require(
        sizes == [3, 3, 3],
        f"the answer has rows of {sizes} numbers; with the frame there are 6 x 6 places, so 3 windows of 2 x 2 fit "
        "along each side.",
    )
    zeros = F.max_pool2d(F.pad(matrix, (1, 1, 1, 1)), 2)[0, 0].tolist()
    found = [list(row) for row in answer]
    require(
        found != zeros,
        "you took the frame for zeros: at the top left stands 0, but the only number of the matrix in that window "
        "is -4.",
    )
    expected = F.max_pool2d(matrix, 2, padding=1)[0, 0].tolist()
    for i, j in [(i, j) for i in range(3) for j in range(3)]:
        # Where a window lies is worth saying; what it holds is for the learner to read.
        inside = matrix[0, 0, max(0, 2 * i - 1) : 2 * i + 1, max(0, 2 * j - 1) : 2 * j + 1]
        expect(
            found[i][j],
            expected[i][j],
            f"row {i}, column {j} of the answer",
            f"Of the matrix, that window holds {[int(n) for n in inside.flatten()]}.",
        )
    return "The frame is -∞, so negative numbers survive at the rim."


@exercise("10.2")
def min_pool(answer):
    x = torch.randint(1, 100, (2, 3, 8, 9)).float()
    cases = [(x, (2,)), (x, (3, 1)), (x, (3, 2, 1)), (-x, (2, 2, 1))]
    for numbers, settings in cases:
        kernel, stride, padding = (*settings, *(None, 0)[len(settings) - 1 :])
        found = call(answer, numbers, *settings, name="min_pool")
        where = f"min_pool(x, kernel={kernel}, stride={stride}, padding={padding})"
        expected = -F.max_pool2d(-numbers, kernel, stride, padding)
        if isinstance(found, Tensor) and found.shape == expected.shape:
            turned = F.max_pool2d(-numbers, kernel, stride, padding)
            require(
                not torch.equal(found, -F.max_pool2d(numbers, kernel, stride, padding)),
                f"{where} is the largest number of each window, with its sign turned: turn x before the pooling, too.",
            )
            require(
                not torch.equal(found, turned),
                f"{where} has the wrong sign: turn it back after the pooling.",
            )
            framed = -F.max_pool2d(-F.pad(numbers, 4 * [padding]), kernel, stride)
            require(
                not torch.equal(found, framed) or torch.equal(expected, framed),
                f"{where} finds zeros at the rim that are not in x: the frame won. Let the pooling do the padding.",
            )
        expect(found, expected, where, "It is the smallest number of each window.")
    return "On maps of 0 and 1 this makes bright things shrink: image processing calls it erosion."


@exercise("10.3")
def average_as_conv(answer):
    for channels, kernel in [(1, 2), (3, 2), (4, 3)]:
        layer = call(answer, channels, kernel, name="average_as_conv")
        where = f"average_as_conv({channels}, {kernel})"
        require(isinstance(layer, nn.Conv2d), f"{where} returned {describe(layer)}; an nn.Conv2d is wanted.")
        x = torch.randint(-9, 10, (2, channels, 7, 8)).float()
        expected = F.avg_pool2d(x, kernel)
        out = call(layer, x, name=f"the layer of {where}").detach()
        expect(
            tuple(out.shape),
            tuple(expected.shape),
            f"the shape that the layer of {where} makes of {tuple(x.shape)}",
            "The stride of a pooling is its kernel size.",
        )
        with torch.no_grad():
            at_zero = layer(torch.zeros_like(x))
        require(not at_zero.any(), f"the layer of {where} makes something out of nothing: it has a bias.")
        require(
            not torch.allclose(out, kernel**2 * expected, atol=1e-4),
            f"the layer of {where} gives the sum of each window; a mean divides by {kernel**2}.",
        )
        require(
            not torch.allclose(out, kernel * expected, atol=1e-4),
            f"the layer of {where} divides by {kernel}; its window holds {kernel} x {kernel} numbers.",
        )
        alone = x.clone()
        alone[:, 1:] = 0
        with torch.no_grad():
            others = layer(alone)[:, 1:]
        require(
            not others.any(),
            f"the layer of {where} mixes the channels: channel 0 of the input reaches other channels of the output.",
        )
        expect(out, expected, f"the output of the layer of {where}", "All weights are the same.")
    return "So average pooling is a convolution that nobody has to train, and a training could start from it."


@exercise("10.4")
def adaptive_max(answer):
    library = [(F, "adaptive_max_pool2d"), (F, "adaptive_avg_pool2d")]
    for shape, rows, columns, why in [
        ((2, 3, 6, 8), 3, 2, "All windows are 2 x 4 here, and all numbers are negative."),
        (
            (1, 2, 1, 5),
            1,
            3,
            "The windows are columns 0 to 1, 1 to 3 and 3 to 4: start rounded down, end up.",
        ),
        ((1, 2, 10, 7), 4, 5, "Start ⌊i · in / out⌋, end ⌈(i + 1) · in / out⌉."),
        ((1, 1, 2, 3), 5, 4, "More windows than pixels: each still holds one."),
    ]:
        count = math.prod(shape)
        x = torch.randperm(count).reshape(shape).float() - count
        expected = F.adaptive_max_pool2d(x, (rows, columns))
        with switched_off("adaptive pooling", *library):
            found = call(answer, x, rows, columns, name="adaptive_max")
        expect(found, expected, f"adaptive_max(x of shape {shape}, {rows}, {columns})", why)
    return "Networks that accept any size of picture have one of these before their linear layers."


def in_a_row(network):
    """The layers of a Sequential; one that holds others is taken apart."""
    for layer in network:
        yield from in_a_row(layer) if isinstance(layer, nn.Sequential) else [layer]


@exercise("10.5")
def any_size(answer):
    for channels, classes in [(3, 10), (1, 4)]:
        where = f"any_size({channels}, {classes})"
        network = call(answer, channels, classes, name="any_size")
        require(
            isinstance(network, nn.Sequential),
            f"{where} returned {describe(network)}; a Sequential is wanted.",
        )
        for height, width in [(8, 8), (32, 32), (17, 30)]:
            try:
                logits = call(
                    network,
                    torch.rand(2, channels, height, width),
                    name=f"the network of {where}, for {height} x {width} pixels, ",
                )
            except NotYet as hint:
                flat = any(isinstance(layer, nn.Flatten) for layer in network.modules())
                missing = (
                    "" if flat else " There is no nn.Flatten between the last pooling and the linear layer."
                )
                raise NotYet(f"{hint}{missing}") from None
            require(isinstance(logits, Tensor), f"the network of {where} returned {describe(logits)}.")
            expect(
                tuple(logits.shape),
                (2, classes),
                f"the shape of the output of {where} for 2 pictures of {height} x {width}",
                "One number per class for each picture, whatever the size.",
            )
        layers = list(in_a_row(network))
        kinds = [type(layer).__name__ for layer in layers]
        require(
            kinds.count("Conv2d") == 3 and kinds.count("MaxPool2d") == 2,
            f"{where} has {kinds.count('Conv2d')} Conv2d and {kinds.count('MaxPool2d')} MaxPool2d layers; 3 and 2 are "
            "wanted.",
        )
        require(
            isinstance(layers[-1], nn.Linear),
            f"{where} ends in {describe(layers[-1])}; its last layer should be the linear one.",
        )
        sizes, x = [], torch.rand(1, channels, 17, 30)
        for layer in layers:
            x = layer(x)
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                sizes.append(tuple(x.shape[1:]))
        wanted = [(16, 17, 30), (16, 9, 15), (32, 9, 15), (32, 5, 8), (64, 5, 8)]
        expect(
            sizes,
            wanted,
            f"the list of (C, H, W) after each Conv2d and MaxPool2d of {where}, for 17 x 30 pixels",
            "Padding 1 keeps a size, and half of 17 is rounded up to 9.",
        )
        expected = 16 * (9 * channels + 1) + 32 * (9 * 16 + 1) + 64 * (9 * 32 + 1) + classes * 65
        found = sum(p.numel() for p in network.parameters())
        expect(
            found,
            expected,
            f"the number of parameters of {where}",
            "Kernels are 3 x 3, and the linear layer takes 64 numbers, one mean for each channel.",
        )
        maps = torch.rand(1, 64, 5, 8)
        rest = nn.Sequential(*layers[len(kinds) - kinds[::-1].index("Conv2d") :])
        with torch.no_grad():
            different = rest(maps) - rest(maps.mean(dim=(2, 3), keepdim=True).expand_as(maps))
        require(
            different.abs().max().item() < 1e-4,
            f"after its last convolution, {where} does not depend on the mean of each channel alone; a global *average* "
            "is wanted.",
        )
    return "The same weights serve every size; torchvision's ResNets (chapter 22) end in the same layers."
