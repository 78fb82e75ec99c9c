"""Checkers of chapter 9, convolution."""

import re

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from . import NotYet, _, call, describe, exercise, expect, expect_trainable, keep, require, same


def out_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The formula of the chapter, along one axis."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


@exercise("9.1")
def side_after(answer):
    cases = [
        (
            32,
            [(5, 1, 0, 1)],
            _("A kernel of 5 fits into 32 pixels in 28 places: where it starts, and 27 steps."),
        ),
        (32, [(5, 1, 2, 1)], _("Padding 2 adds two pixels on each side.")),
        (32, [(3, 2, 1, 1)], _("(32 + 2 - 2 - 1) / 2 is 15.5; round it down, then add 1.")),
        (15, [(3, 2, 0, 1)], _("(15 - 2 - 1) / 2 is 6: add up first, then divide, then add 1.")),
        (20, [(3, 1, 0, 4)], _("With dilation 4 the kernel spans 4 · 2 + 1 = 9 pixels.")),
        (
            17,
            [(3, 1, 0, 1), (2, 2, 0, 1), (3, 2, 1, 1)],
            _("It goes 17, 15, 7, 4: what one layer leaves, the next one gets."),
        ),
        (11, [], _("Without layers nothing changes.")),
        (50, [(4, 3, 5, 2), (1, 2, 0, 3), (3, 3, 1, 2)], _("It goes 50, 18, 9, 3.")),
    ]
    for side, layers, why in cases:
        found = call(answer, side, layers, name="side_after")
        where = _("side_after({side}, {layers})", side=side, layers=layers)
        if isinstance(found, float):
            raise NotYet(
                _(
                    "{where} is {found}, a float; a side counts pixels, so divide with //.",
                    where=where,
                    found=found,
                )
            )
        expect(found, stack_size(side, layers), where, why)
    return _("A 3 x 3 kernel with stride 2 and padding 1 halves an even side, and rounds half an odd one up.")


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
        (nn.Conv2d(2, 4, (3, 2), stride=(1, 3), padding=(2, 1), dilation=(3, 1)), 15, 11),
        (nn.Conv2d(2, 5, (1, 5), padding=(0, 2), dilation=(1, 2)), 12, 9),
        (nn.Conv2d(4, 4, 3, groups=4).requires_grad_(False), 7, 8),
    ]
    for layer, height, width in cases:
        where = _("cost({layer}, {height}, {width})", layer=str(layer), height=height, width=width)
        unchanged = keep(layer, name="cost")
        found = call(answer, layer, height, width, name="cost")
        unchanged()
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            _(
                "{where} is {found}; a pair (parameters, multiply-adds) is wanted.",
                where=where,
                found=describe(found),
            ),
        )
        rows, columns = (
            out_size(size, layer.kernel_size[i], layer.stride[i], layer.padding[i], layer.dilation[i])
            for i, size in enumerate((height, width))
        )
        pixels, weights = rows * columns, layer.weight.numel()
        biases = 0 if layer.bias is None else layer.out_channels
        parameters = weights + biases
        if same(found[0], weights * pixels) and same(found[1], parameters):
            raise NotYet(_("{where}: the parameters come first, then the multiply-adds.", where=where))
        mistakes = {
            _("It has no bias."): weights + layer.out_channels,
            _("There are {count} biases, one for each output channel.", count=layer.out_channels): weights,
            _(
                "With {groups} groups, a kernel has a sheet for each input channel of its own group only.",
                groups=layer.groups,
            ): layer.groups * weights + biases,
        }
        expect(
            found[0],
            parameters,
            _("the number of parameters of {layer}", layer=layer),
            _("It has {weights:,} weights.", weights=weights),
            rtol=0,
            mistakes=mistakes,
        )
        mistakes = {
            _("You counted the input's pixels; the output has {pixels}.", pixels=pixels): weights
            * height
            * width,
            _("A multiplication and the addition that follows it are one multiply-add."): 2
            * weights
            * pixels,
            _("You counted the biases too."): parameters * pixels,
            _("You counted every output channel again: a weight works for one of them only."): weights
            * pixels
            * layer.out_channels,
            _("Rows and columns have their own settings, in this order."): weights
            * out_size(height, layer.kernel_size[1], layer.stride[1], layer.padding[1], layer.dilation[1])
            * out_size(width, layer.kernel_size[0], layer.stride[0], layer.padding[0], layer.dilation[0]),
        }
        if layer.groups > 1:
            hint = _("The weight of {groups} groups is that much smaller already.", groups=layer.groups)
            mistakes[hint] = layer.groups * weights * pixels
        expect(
            found[1],
            weights * pixels,
            _("the second number of {where}", where=where),
            _(
                "Each of the {weights:,} weights is used once for each of the {rows} x {columns} output pixels.",
                weights=weights,
                rows=rows,
                columns=columns,
            ),
            rtol=0,
            mistakes={hint: value for hint, value in mistakes.items() if value != weights * pixels},
        )
    return _("Stride 2 does about a quarter of the work of stride 1 with the same parameters.")


def _moved(x: Tensor, down: int, right: int) -> Tensor:
    """The picture, moved, with 0 where it has left."""
    height, width = x.shape[-2:]
    framed = F.pad(x, (1, 1, 1, 1))
    return framed[..., 1 - down : 1 - down + height, 1 - right : 1 - right + width]


@exercise("9.3")
def shift_right(answer):
    for channels in (1, 3, 5):
        where = _("shift_right({channels})", channels=channels)
        try:
            layer = call(answer, channels, name="shift_right")
        except NotYet as error:
            if "leaf Variable" in str(error) or "as parameter" in str(error):
                raise NotYet(
                    _(
                        "{error} Change the numbers of layer.weight in place, under torch.no_grad().",
                        error=error.hint,
                    )
                ) from None
            raise
        require(
            isinstance(layer, nn.Conv2d),
            _("{where} returned {found}; an nn.Conv2d is wanted.", where=where, found=describe(layer)),
        )
        x = torch.randn(2, channels, 4, 5) + 3
        out = call(layer, x, name=_("the layer"))
        require(
            same(out, nn.Conv2d._conv_forward(layer, x, layer.weight, layer.bias)),
            _(
                "the layer of {where} has a forward of its own or a hook, and without it gives something else; move "
                "the picture by the weights.",
                where=where,
            ),
        )
        out = out.detach()
        expect(
            tuple(out.shape),
            tuple(x.shape),
            _(
                "for x of shape {shape}, the layer of {where} gives an output whose shape",
                shape=tuple(x.shape),
                where=where,
            ),
            _("Padding keeps the size."),
        )
        black = call(layer, torch.zeros(1, channels, 4, 5), name=_("the layer")).detach()
        require(
            not black.any(),
            _("the layer of {where} turns a black picture into another: it has a bias.", where=where),
        )
        for c in range(channels if channels > 1 else 0):
            alone = torch.zeros_like(x)
            alone[:, c] = x[:, c]
            reached = call(layer, alone, name=_("the layer")).detach().abs().sum(dim=(0, 2, 3))
            reached[c] = 0
            require(
                not reached.any(),
                _(
                    "the layer of {where} mixes the channels: channel {c} of the input reaches other channels of the "
                    "output.",
                    where=where,
                    c=c,
                ),
            )
        expected = _moved(x, 0, 1)
        if same(out[..., 1:], expected[..., 1:]) and out[..., 0].any():
            raise NotYet(
                _(
                    "the layer of {where} moves the picture to the right, but the column that becomes free is not 0.",
                    where=where,
                )
            )
        only = expected.clone()
        only[:, 1:] = 0
        expect(
            out,
            expected,
            _("the output of the layer of {where} for {x}", where=where, x=describe(x)),
            _("In each channel, the weight that fetches the left neighbour is 1, and all others are 0."),
            mistakes={
                _(
                    "It moves the picture to the left: conv2d does not turn the kernel, so the weight left of the middle "
                    "fetches the left neighbour."
                ): _moved(x, 0, -1),
                _("It moves the picture down: of a weight's last two axes, the first is the row."): _moved(
                    x, 1, 0
                ),
                _("It moves the picture up: of a weight's last two axes, the first is the row."): _moved(
                    x, -1, 0
                ),
                _("It leaves the picture where it is: the middle weight fetches the pixel itself."): x,
                _("Only channel 0 comes out: each channel needs a 1 of its own."): only,
            },
        )
    return _(
        "Each channel has one weight that is 1. Any kernel is a sum of such shifts, each times its weight."
    )


@exercise("9.4")
def as_pictures(answer):
    maps = torch.randn(2, 6, 3, 5) * torch.tensor([1.0, 10, 0.1, 3, 2, 5]).reshape(6, 1, 1) + 2
    wanted = (12, 1, 3, 5)
    found = call(answer, maps, name="as_pictures")
    low, high = maps.amin(dim=(2, 3), keepdim=True), maps.amax(dim=(2, 3), keepdim=True)
    scaled = (maps - low) / (high - low)
    expected = scaled.reshape(wanted)

    def by(dim) -> Tensor:
        low, high = maps.amin(dim=dim, keepdim=True), maps.amax(dim=dim, keepdim=True)
        return ((maps - low) / (high - low)).reshape(wanted)

    expect(
        found,
        expected,
        _("as_pictures(maps) for maps of shape (2, 6, 3, 5)"),
        _("One picture with one channel for each map, from 0 to 1."),
        mistakes={
            _(
                "The pictures come in the wrong order: number 1 should be map 1 of picture 0."
            ): scaled.transpose(0, 1).reshape(wanted),
            _("The maps are not scaled."): maps.reshape(wanted),
            _("Numbers were cut off; scale each map by its own smallest and largest number."): maps.clamp(
                0, 1
            ).reshape(wanted),
            _("All maps were scaled together; scale each map by its own smallest and largest number."): by(
                (0, 1, 2, 3)
            ),
            _("The maps of a picture were scaled together; scale each map by its own numbers."): by(
                (1, 2, 3)
            ),
            _("The pictures of a channel were scaled together; scale each map by its own numbers."): by(
                (0, 2, 3)
            ),
            _("Each row was scaled by itself; scale a map as a whole."): by(3),
            _("Each column was scaled by itself; scale a map as a whole."): by(2),
            _("Divide by the span, largest minus smallest."): ((maps - low) / high).reshape(wanted),
        },
    )
    for value in (7.0, 0.0, -2.0):
        flat = torch.stack([torch.full((2, 2), value), torch.arange(4.0).reshape(2, 2)])[None]
        found = call(answer, flat, name="as_pictures")
        require(
            isinstance(found, Tensor) and not found.isnan().any(),
            _(
                "a map of nothing but {value} becomes NaN: its span is 0, and 0 / 0 is not a number.",
                value=value,
            ),
        )
        expect(
            found,
            torch.stack([torch.zeros(2, 2), torch.arange(4.0).reshape(2, 2) / 3])[:, None],
            _("for a map of nothing but {value} and one that counts from 0 to 3, as_pictures", value=value),
        )
    tiny = 1e-6 * torch.arange(4.0).reshape(1, 1, 2, 2)
    expect(
        call(answer, tiny, name="as_pictures"),
        torch.arange(4.0).reshape(1, 1, 2, 2) / 3,
        _("for a map that counts from 0 to 0.000003, as_pictures"),
        _("Scale a map with a small span in the same way."),
        rtol=1e-3,
    )
    return _(
        "Joining N and C, which lie side by side, gives each map a grey picture of its own; cutting C into threes "
        "makes one coloured picture of three maps."
    )


class WithoutConvolution(TorchDispatchMode):
    """While an answer runs, PyTorch's own convolutions raise an error, by whatever name it calls them."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if re.search("conv(?!ert)", function.name()):  # aten::convolution, aten::slow_conv_dilated2d, …
            what = _("convolution")
            raise RuntimeError(str(_("PyTorch's own {what} is switched off in this exercise", what=what)))
        return function(*args, **(kwargs or {}))


@exercise("9.5")
def conv2d(answer):
    plain = torch.randn(2, 1, 5, 6), torch.randn(1, 1, 3, 2)
    coloured = torch.randn(2, 3, 5, 6), torch.randn(4, 3, 3, 2)
    bias = torch.tensor([10.0, 20, 30, 40])
    cases = [
        (plain, {}, _("One channel in, one out.")),
        (coloured, {}, _("Each output channel adds up the sheets of all input channels.")),
        (coloured, {"bias": bias}, _("Each output channel has its own bias.")),
        (coloured, {"stride": 2}, _("The window starts at every second row and column.")),
        (coloured, {"padding": 2}, _("A frame of two zeros on each side.")),
        (
            (torch.randn(1, 2, 7, 8), torch.randn(3, 2, 3, 2)),
            {"dilation": 3},
            _("The weights lie three pixels apart."),
        ),
        (
            (torch.randn(2, 4, 5, 5), torch.randn(6, 2, 3, 3)),
            {"groups": 2},
            _("Output channels 0 to 2 see input channels 0 and 1, the others 2 and 3."),
        ),
        (
            (torch.randn(2, 2, 5, 6), torch.randn(6, 1, 3, 2)),
            {"groups": 2},
            _("Output channels 0 to 2 see input channel 0, the others channel 1."),
        ),
        (
            (torch.randn(2, 4, 9, 11), torch.randn(4, 1, 3, 3)),
            {"bias": torch.randn(4), "stride": 3, "padding": 3, "dilation": 2, "groups": 4},
            _("All settings together."),
        ),
        (
            (torch.randn(3, 2, 4, 6), torch.randn(5, 2, 1, 1)),
            {"padding": 1},
            _("A kernel of 1 x 1 on a frame of one zero."),
        ),
    ]
    for tensors, settings, why in cases:
        wanted = F.conv2d(*tensors, **settings)
        with WithoutConvolution():
            found = call(answer, *tensors, name="conv2d", **settings)
        mistakes = {
            _("You turned the kernel by 180°; conv2d does not."): F.conv2d(
                tensors[0], tensors[1].flip(2, 3), **settings
            ),
            _("Rows come before columns, in the weight too."): wanted.mT,
            _("The pictures of a batch are never added up: as many come out as go in."): wanted.sum(
                0, keepdim=True
            ),
        }
        said = join_settings(settings)
        expect(
            found,
            wanted,
            _(
                "for x and weight of shapes {x} and {weight} and {said}, the result",
                x=tuple(tensors[0].shape),
                weight=tuple(tensors[1].shape),
                said=said,
            ),
            why,
            mistakes=mistakes,
        )

    def trained(x, weight, bias, **settings):
        with WithoutConvolution():
            return answer(x, weight, bias, **settings)

    for channels, count, bias, settings in [
        (2, 3, torch.randn(3), {"stride": 2, "padding": 1}),
        (4, 6, None, {"padding": 1, "dilation": 2, "groups": 2}),
    ]:
        expect_trainable(
            trained,
            F.conv2d,
            torch.randn(2, channels, 5, 5),
            torch.randn(count, 2, 3, 3),
            bias,
            what=_("with {settings}, the result", settings=join_settings(settings)),
            name="conv2d",
            **settings,
        )
    return _("Libraries get the same numbers sooner, for example from one large matrix product (`F.unfold`).")


def join_settings(settings: dict):
    """The settings as a text."""
    if not settings:
        return _("the defaults")
    return ", ".join(f"{name}={describe(value)}" for name, value in settings.items())
