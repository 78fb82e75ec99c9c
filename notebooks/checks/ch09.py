"""Checkers of chapter 9, convolution."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import NotYet, call, describe, exercise, expect, require, switched_off


def out_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The formula of the chapter, along one axis."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


@exercise("9.1")
def side_after(answer):
    cases = [
        (
            32,
            [(5, 1, 0, 1)],
            "A kernel of 5 fits into 32 pixels in 28 places: where it starts, and 27 steps.",
        ),
        (32, [(5, 1, 2, 1)], "Padding 2 adds two pixels on each of both sides."),
        (32, [(3, 2, 1, 1)], "(32 + 2 - 2 - 1) / 2 is 15.5; round it down, then add 1."),
        (20, [(3, 1, 0, 4)], "With dilation 4 the kernel spans 4 · 2 + 1 = 9 pixels."),
        (
            17,
            [(3, 1, 0, 1), (2, 2, 0, 1), (3, 2, 1, 1)],
            "It goes 17, 15, 7, 4: what one layer leaves, the next one gets.",
        ),
        (11, [], "Without layers nothing changes."),
    ]
    for side, layers, why in cases:
        found = call(answer, side, layers, name="side_after")
        where = f"side_after({side}, {layers})"
        if isinstance(found, float):
            require(False, f"{where} is {found}, a float; a side counts pixels, so divide by //.")
        expect(found, stack_size(side, layers), where, why)
    return "A 3 x 3 kernel with stride 2 and padding 1 halves an even side, and rounds an odd half up."


def stack_size(side: int, layers: list[tuple[int, int, int, int]]) -> int:
    """The side after all layers, each (kernel, stride, padding, dilation)."""
    for kernel, stride, padding, dilation in layers:
        side = out_size(side, kernel, stride, padding, dilation)
    return side


@exercise("9.2")
def cost(answer):
    cases = [
        (nn.Conv2d(3, 6, 3, padding=1), 8, 8),
        (nn.Conv2d(3, 6, 3), 8, 10),
        (nn.Conv2d(4, 8, 3, stride=2, padding=1, bias=False), 9, 9),
        (nn.Conv2d(6, 12, 3, groups=3), 8, 8),
        (nn.Conv2d(2, 5, (1, 5), padding=(0, 2), dilation=(1, 2)), 12, 9),
    ]
    for layer, height, width in cases:
        found = call(answer, layer, height, width, name="cost")
        where = f"cost({layer}, {height}, {width})"
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            f"{where} is {describe(found)}; a pair (parameters, multiply-adds) is wanted.",
        )
        rows, columns = (
            out_size(size, layer.kernel_size[i], layer.stride[i], layer.padding[i], layer.dilation[i])
            for i, size in enumerate((height, width))
        )
        weights = layer.weight.numel()
        require(
            found[1] != weights + (0 if layer.bias is None else layer.bias.numel()),
            f"{where} is {describe(found)}: the parameters come first, then the multiply-adds.",
        )
        expected = weights + (0 if layer.bias is None else layer.bias.numel())
        biases = (
            "no bias" if layer.bias is None else f"{layer.out_channels} biases, one for each output channel"
        )
        expect(
            found[0],
            expected,
            f"the number of parameters of {layer}",
            f"It has {weights:,} weights and {biases}.",
        )
        why = (
            f"Each of the {weights:,} weights is used once for each of the {rows} x {columns} output pixels."
        )
        if found[1] == weights * height * width:
            why += " You counted the input's pixels."
        if found[1] == 2 * weights * rows * columns:
            why += " A multiplication and the addition that follows it are one multiply-add."
        if found[1] == expected * rows * columns:
            why += " You counted the biases too."
        if found[1] == weights * rows * columns * layer.out_channels:
            why += " You counted every output channel again: a weight works for one of them only."
        if layer.groups > 1 and found[1] == layer.groups * weights * rows * columns:
            why += f" The weight of {layer.groups} groups is that much smaller already."
        expect(found[1], weights * rows * columns, f"the second number of {where}", why)
    return "Stride 2 does a quarter of the work of stride 1 with the same parameters."


@exercise("9.3")
def shift_right(answer):
    for channels in (1, 3):
        where = f"shift_right({channels})"
        try:
            layer = call(answer, channels, name="shift_right")
        except NotYet as hint:
            if "leaf Variable" in str(hint) or "as parameter" in str(hint):
                raise NotYet(
                    f"{hint} Change the numbers of layer.weight in place, under torch.no_grad()."
                ) from None
            raise
        require(isinstance(layer, nn.Conv2d), f"{where} returned {describe(layer)}; an nn.Conv2d is wanted.")
        x = torch.randint(1, 10, (2, channels, 4, 5)).float()
        expected = torch.zeros_like(x)
        expected[..., 1:] = x[..., :-1]
        left = torch.zeros_like(x)
        left[..., :-1] = x[..., 1:]
        out = call(layer, x, name=f"the layer of {where}").detach()
        expect(
            tuple(out.shape),
            tuple(x.shape),
            f"the shape that the layer of {where} makes of {tuple(x.shape)}",
            "Padding keeps the size.",
        )
        with torch.no_grad():
            at_zero = layer(torch.zeros_like(x))
        require(not at_zero.any(), f"the layer of {where} turns a black picture into another: it has a bias.")
        require(
            not torch.allclose(out, left),
            f"the layer of {where} moves the picture to the left: conv2d does not turn the kernel, so the weight left "
            "of the middle fetches the left neighbour.",
        )
        for c in range(channels if channels > 1 else 0):
            alone = torch.zeros_like(x)
            alone[:, c] = x[:, c]
            with torch.no_grad():
                others = layer(alone).abs().sum(dim=(0, 2, 3))
            others[c] = 0
            require(
                not others.any(),
                f"the layer of {where} mixes the channels: channel {c} of the input reaches other channels of the output.",
            )
        down, up = torch.zeros_like(x), torch.zeros_like(x)
        down[..., 1:, :], up[..., :-1, :] = x[..., :-1, :], x[..., 1:, :]
        for other, direction in ((down, "down"), (up, "up")):
            require(
                not torch.allclose(out, other),
                f"the layer of {where} moves the picture {direction}: of a weight's last two axes, the first is the row.",
            )
        require(
            not torch.allclose(out[..., 1:], expected[..., 1:]) or not out[..., 0].any(),
            f"the layer of {where} moves the picture to the right, but the column that becomes free is not 0.",
        )
        require(
            not torch.allclose(out, x),
            f"the layer of {where} leaves the picture where it is: the middle weight fetches the pixel itself.",
        )
        expect(
            out,
            expected,
            f"the output of the layer of {where} for {describe(x)}",
            "Is the weight a 1, and are all others 0?",
        )
    return "One weight is 1 and the others 0. Any kernel is a sum of such shifts, each times its weight."


@exercise("9.4")
def as_pictures(answer):
    maps = torch.randn(2, 6, 3, 5) * torch.tensor([1.0, 10, 0.1, 3, 2, 5]).reshape(6, 1, 1) + 2
    wanted = (12, 1, 3, 5)
    found = call(answer, maps, name="as_pictures")
    require(isinstance(found, Tensor), f"as_pictures(maps) returned {describe(found)}; a tensor is wanted.")
    require(
        tuple(found.shape) == wanted,
        f"for maps of shape (2, 6, 3, 5) as_pictures returned shape {tuple(found.shape)}; {wanted} is wanted: one "
        "picture with one channel for each map.",
    )
    low, high = maps.amin(dim=(2, 3), keepdim=True), maps.amax(dim=(2, 3), keepdim=True)
    expected = ((maps - low) / (high - low)).reshape(wanted)
    swapped = expected.reshape(2, 6, 1, 3, 5).transpose(0, 1).reshape(wanted)
    require(
        found.shape != swapped.shape or not torch.allclose(found.float(), swapped, atol=1e-5),
        "the pictures come in the wrong order: place 1 should hold map 1 of picture 0, not map 0 of picture 1.",
    )
    for i in range(12):
        small, large = found[i].min().item(), found[i].max().item()
        require(
            abs(small) < 1e-5 and abs(large - 1) < 1e-5,
            f"picture {i} reaches from {small:.4f} to {large:.4f}, not from 0 to 1: scale each map by its own smallest "
            "and largest number.",
        )
    expect(found, expected, "as_pictures(maps)", "Each map should stay whole, and be scaled as a whole.")
    even = call(answer, torch.full((1, 1, 2, 2), 7.0), name="as_pictures")
    require(
        isinstance(even, Tensor) and not even.isnan().any(),
        "a map of nothing but 7 becomes NaN: its span is 0, and 0 / 0 is not a number.",
    )
    expect(even, torch.zeros(1, 1, 2, 2), "for a map of nothing but 7, as_pictures")
    return "Joining N and C, which lie side by side, keeps every map whole; cutting C into threes does not."


@exercise("9.5")
def conv2d(answer):
    def whole(*shape: int) -> Tensor:
        return torch.randint(-3, 4, shape).float()

    plain = whole(2, 1, 5, 6), whole(1, 1, 3, 2)
    coloured = whole(2, 3, 5, 6), whole(4, 3, 3, 2)
    cases = [
        (plain, {}, "One channel in, one out."),
        (coloured, {}, "Each output channel adds up the sheets of all input channels."),
        (coloured, {"bias": torch.tensor([10.0, 20, 30, 40])}, "Each output channel has its own bias."),
        (coloured, {"stride": 2}, "The window starts at every second row and column."),
        (coloured, {"padding": 2}, "A frame of two zeros on each side."),
        ((whole(1, 2, 7, 8), whole(3, 2, 3, 2)), {"dilation": 3}, "The weights lie three pixels apart."),
        (
            (whole(2, 4, 5, 5), whole(6, 2, 3, 3)),
            {"groups": 2},
            "Output channels 0 to 2 see input channels 0 and 1, the others 2 and 3.",
        ),
        (
            (whole(2, 4, 9, 8), whole(4, 1, 3, 3)),
            {"bias": torch.arange(4.0), "stride": 2, "padding": 1, "dilation": 2, "groups": 4},
            "All settings together.",
        ),
    ]
    expected = [F.conv2d(*tensors, **settings) for tensors, settings, _ in cases]

    for (tensors, settings, why), wanted in zip(cases, expected, strict=True):
        with switched_off("convolution", (F, "conv2d"), (torch, "conv2d"), (nn.Conv2d, "forward")):
            found = call(answer, *tensors, name="conv2d", **settings)
        if isinstance(found, Tensor) and found.shape == wanted.shape:
            turned = F.conv2d(tensors[0], tensors[1].flip(2, 3), *tensors[2:], **settings)
            if torch.allclose(found.float(), turned):
                why = "You turned the kernel by 180°; conv2d does not."
        elif isinstance(found, Tensor) and found.shape == wanted.mT.shape:
            why = "Rows come before columns, in the weight too."
        elif isinstance(found, Tensor) and found.shape[1:] == wanted.shape[1:]:
            why = "The pictures of a batch never meet: as many come out as went in."
        said = ", ".join(f"{name}={describe(value)}" for name, value in settings.items()) or "the defaults"
        shapes = " and ".join(str(tuple(tensor.shape)) for tensor in tensors)
        expect(found, wanted, f"for x and weight of shapes {shapes} and {said}, the result", why)
    return "Libraries get the same numbers sooner, for example from one large matrix product (`F.unfold`)."
