"""Answers to the exercises of chapter 9."""

import copy
import math
from functools import reduce

import torch
from torch import nn
from torch.nn import functional as F

from answers import Right, Wrong


def along(formula):
    def side_after(side, layers):
        for kernel, stride, padding, dilation in layers:
            side = formula(side, kernel, stride, padding, dilation)
        return side

    return side_after


def last_layer_only(side, layers):
    return along(lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) // s + 1)(side, layers[-1:])


def cost_with(pixels=None, weights=None, parameters=None):
    def cost(layer, height, width):
        w = layer.weight.numel() if weights is None else weights(layer)
        p = sum(p.numel() for p in layer.parameters()) if parameters is None else parameters(layer)
        out = layer(torch.zeros(1, layer.in_channels, height, width)).shape
        return p, w * (out[2] * out[3] if pixels is None else pixels(height, width))

    return cost


def cost_set_anew(**settings):
    """Sets the layer's stride, padding or dilation before it counts."""

    def answer(layer, height, width):
        for name, value in settings.items():
            setattr(layer, name, value)
        return cost_with()(layer, height, width)

    return answer


def cost_without_dilation(layer, height, width):
    layer = copy.copy(layer)
    layer.dilation = (1, 1)
    return cost_with()(layer, height, width)


def cost_with_strides_exchanged(layer, height, width):
    layer = copy.copy(layer)
    layer.stride = layer.stride[::-1]
    return cost_with()(layer, height, width)


def cost_by_hook(layer, height, width):
    shapes = []
    layer.register_forward_hook(lambda _layer, _given, out: shapes.append(out.shape))
    layer(torch.zeros(1, layer.in_channels, height, width))
    return sum(p.numel() for p in layer.parameters()), layer.weight.numel() * math.prod(shapes[0][2:])


def cost_by_backward(layer, height, width):
    picture = torch.zeros(1, layer.in_channels, height, width, requires_grad=True)
    layer(picture).sum().backward()
    return cost_with()(layer, height, width)


def counts_biases(layer, height, width):
    out = layer(torch.zeros(1, layer.in_channels, height, width)).shape
    numbers = sum(p.numel() for p in layer.parameters())
    return numbers, numbers * out[2] * out[3]


def shift(column=0, padding=1, mixing=False, bias=False, value=1.0, row=1, mode="zeros"):
    def shift_right(channels):
        groups = 1 if mixing else channels
        layer = nn.Conv2d(channels, channels, 3, padding=padding, groups=groups, bias=bias, padding_mode=mode)
        with torch.no_grad():
            layer.weight.zero_()
            layer.weight[:, :, row, column] = value
        return layer

    return shift_right


def others_as_they_were(channels):
    layer = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
    with torch.no_grad():
        layer.weight[:, :, 1, 0] = 1
    return layer


def without_no_grad(channels):
    layer = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
    layer.weight[:, :, 1, 0] = 1
    return layer


def counts_channels_twice(layer, height, width):
    out = layer(torch.zeros(1, layer.in_channels, height, width))
    return sum(p.numel() for p in layer.parameters()), layer.weight.numel() * out.numel()


def scale(maps, dim):
    low, high = maps.amin(dim=dim, keepdim=True), maps.amax(dim=dim, keepdim=True)
    return (maps - low) / (high - low)


def channels_first(maps):
    return scale(maps, (2, 3)).transpose(0, 1).flatten(0, 1).unsqueeze(1)


def rounded_to_threes(maps):
    return scale(maps, (2, 3)).reshape(-1, 3, *maps.shape[2:])


def without_channel(maps):
    return scale(maps, (2, 3)).flatten(0, 1)


def loop(**forced):
    """A convolution that ignores a setting: it takes the value in `forced` instead."""

    def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        given = {"bias": bias, "stride": stride, "padding": padding, "dilation": dilation} | forced
        x = F.pad(x, 4 * [given["padding"]])
        h, w = weight.shape[2:]
        step, span = given["stride"], given["dilation"]
        rows = (x.shape[2] - span * (h - 1) - 1) // step + 1
        columns = (x.shape[3] - span * (w - 1) - 1) // step + 1
        out = torch.zeros(len(x), len(weight), rows, columns)
        size = weight.shape[1]
        for o in range(len(weight)):
            first = o // (len(weight) // groups) * size if "groups" not in forced else 0
            for i in range(rows):
                for j in range(columns):
                    window = x[:, first : first + size, i * step :, j * step :]
                    window = window[:, :, : span * h : span, : span * w : span]
                    kernel = weight[o].flip(1, 2) if "flip" in forced else weight[o]
                    out[:, o, i, j] = (window * kernel).sum(dim=(1, 2, 3))
        return out if given["bias"] is None else out + given["bias"].reshape(1, -1, 1, 1)

    return conv2d


def one_kernel_per_channel(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """If each group is one channel, it takes output channel o to see input channel o."""
    if groups == x.shape[1] > 1:
        x = x[:, [o % groups for o in range(len(weight))]]
        groups = len(weight)
    return loop()(x, weight, bias, stride, padding, dilation, groups)


def one_channel_only(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return loop()(x[:, :1], weight[:, :1], bias, stride, padding, dilation)


def bias_to_columns(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    out = loop()(x, weight, None, stride, padding, dilation, groups)
    return out if bias is None else out + bias


def side_by_recursion(side, layers):
    if not layers:
        return side
    kernel, stride, padding, dilation = layers[0]
    places = len(range(0, side + 2 * padding - dilation * (kernel - 1), stride))
    return side_by_recursion(places, layers[1:])


def side_by_trial(side, layers):
    x = torch.empty(1, 1, side, side, device="meta")
    for kernel, stride, padding, dilation in layers:
        x = nn.Conv2d(1, 1, kernel, stride, padding, dilation, device="meta")(x)
    return x.shape[-1]


def cost_by_trial(layer, height, width):
    out = layer(torch.zeros(layer.in_channels, height, width))
    return [sum(p.numel() for p in layer.parameters()), layer.weight.numel() * out[0].numel()]


def cost_by_attributes(layer, height, width):
    h, w = layer.kernel_size
    weights = layer.out_channels * (layer.in_channels // layer.groups) * h * w
    places = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(
            (height, width), layer.kernel_size, layer.stride, layer.padding, layer.dilation, strict=True
        )
    ]
    return weights + layer.out_channels * (layer.bias is not None), weights * math.prod(places)


def exchanged_axes(layer, height, width):
    return cost_by_trial(layer, width, height)


def shift_by_data(channels):
    layer = nn.Conv2d(channels, channels, (1, 3), padding=(0, 1), bias=False)
    layer.weight.data = torch.zeros(channels, channels, 1, 3)
    for c in range(channels):
        layer.weight.data[c, c, 0, 0] = 1
    return layer


def shift_with_bias(channels):
    layer = nn.Conv2d(channels, channels, 5, padding=2)
    weight = torch.zeros_like(layer.weight)
    weight[range(channels), range(channels), 2, 1] = 1
    layer.load_state_dict({"weight": weight, "bias": torch.zeros(channels)})
    return layer


def grouped_shift(channels):
    layer = nn.Conv2d(channels, channels, 3, padding="same", groups=channels, bias=False)
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.weight[:, :, 1, 0] = 1
    return layer.requires_grad_(False)


def pictures_by_where(maps):
    low = torch.amin(maps, (-1, -2), True)
    span = torch.amax(maps, (-1, -2), True) - low
    return torch.where(span > 0, (maps - low) / span, 0.0).view(-1, 1, *maps.shape[-2:])


def pictures_by_loop(maps):
    found = []
    for picture in maps:
        for one in picture:
            low, span = one.min(), one.max() - one.min()
            found.append(torch.zeros_like(one) if span == 0 else (one - low) / span)
    return torch.stack(found)[:, None]


def pictures_by_nan(maps):
    flat = maps.reshape(-1, 1, *maps.shape[2:])
    low = flat.flatten(1).min(dim=1).values.view(-1, 1, 1, 1)
    high = flat.flatten(1).max(dim=1).values.view(-1, 1, 1, 1)
    return torch.nan_to_num((flat - low) / (high - low), nan=0.0)


def with_epsilon(maps):
    low, high = maps.amin(dim=(2, 3), keepdim=True), maps.amax(dim=(2, 3), keepdim=True)
    return ((maps - low) / (high - low + 1e-6)).flatten(0, 1).unsqueeze(1)


def conv_by_unfold(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    n, (out, size, h, w) = len(x), weight.shape
    rows = (x.shape[2] + 2 * padding - dilation * (h - 1) - 1) // stride + 1
    windows = F.unfold(x, (h, w), dilation=dilation, padding=padding, stride=stride)
    windows = windows.view(n, groups, size * h * w, -1)
    y = weight.view(groups, out // groups, -1) @ windows  # (n, groups, out / groups, places)
    y = y.reshape(n, out, rows, -1)
    return y if bias is None else y + bias[:, None, None]


def conv_by_shifts(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    x = F.pad(x, 4 * (padding,))
    out, size, h, w = weight.shape
    rows = (x.shape[2] - dilation * (h - 1) - 1) // stride + 1
    columns = (x.shape[3] - dilation * (w - 1) - 1) // stride + 1
    total = 0
    for a in range(h):
        for b in range(w):
            top, left = a * dilation, b * dilation
            part = x[:, :, top : top + stride * rows : stride, left : left + stride * columns : stride]
            part = part[:, :, :rows, :columns].unflatten(1, (groups, size))
            kernel = weight[:, :, a, b].unflatten(0, (groups, -1))
            total = total + torch.einsum("ngsij,gos->ngoij", part, kernel).flatten(1, 2)
    return total if bias is None else total + bias.view(1, -1, 1, 1)


def conv_by_layer(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    layer = nn.Conv2d(
        x.shape[1], len(weight), weight.shape[2:], stride, padding, dilation, groups, bias is not None
    )
    layer.weight.data = weight
    if bias is not None:
        layer.bias.data = bias
    return layer(x)


def conv_detached(*args, **kwargs):
    return loop()(*args, **kwargs).detach()


def trained_only(layer):
    return sum(p.numel() for p in layer.parameters() if p.requires_grad)


class Rolled(nn.Conv2d):
    def forward(self, x):
        return F.pad(x, (1, 0))[..., :-1]


def shift_by_forward(channels):
    layer = nn.Conv2d(channels, channels, 1, bias=False)
    layer.forward = lambda x: F.pad(x, (1, 0))[..., :-1]
    return layer


def shift_by_dirac(channels):
    """A wide kernel of one row, by torch.nn.init."""
    layer = nn.Conv2d(channels, channels, (1, 3), padding=(0, 1), bias=False)
    nn.init.dirac_(layer.weight)
    layer.weight.data = layer.weight.data.roll(-1, dims=3)
    return layer.requires_grad_(False)


def pictures_by_minmax(maps):
    rows = maps.flatten(0, 1).flatten(1)
    low, high = torch.aminmax(rows, dim=1, keepdim=True)
    span = torch.where(high > low, high - low, torch.ones_like(high))
    return rows.sub(low).div_(span).reshape(-1, 1, *maps.shape[2:])


def cost_by_hand(layer, height, width):
    places = 1
    for axis, size in enumerate((height, width)):
        span = layer.dilation[axis] * (layer.kernel_size[axis] - 1) + 1
        places *= len(range(0, size + 2 * layer.padding[axis] - span + 1, layer.stride[axis]))
    weights = math.prod(layer.kernel_size) * layer.in_channels * layer.out_channels // layer.groups
    return [weights + (layer.bias is not None) * layer.out_channels, weights * places]


def by_another_name(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return torch._VF.conv2d(x, weight, bias, (stride,) * 2, (padding,) * 2, (dilation,) * 2, groups)


def by_operator(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    pair = [[size, size] for size in (stride, padding, dilation)]
    return torch.ops.aten.convolution(x, weight, bias, *pair, False, [0, 0], groups)


def conv_by_einsum(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    h, w = ((size - 1) * dilation + 1 for size in weight.shape[2:])
    windows = F.pad(x, [padding] * 4).unfold(2, h, stride).unfold(3, w, stride)[..., ::dilation, ::dilation]
    windows = windows.unflatten(1, (groups, -1))
    out = torch.einsum("ngcijhw,gochw->ngoij", windows, weight.unflatten(0, (groups, -1))).flatten(1, 2)
    return out if bias is None else out + bias[:, None, None]


def sides_by_fold(side, layers):
    for kernel, stride, padding, dilation in layers:
        side = len(range(0, side + 2 * padding - dilation * (kernel - 1), stride))
    return side


def cost_by_meta(layer, height, width):
    """The layer loses its numbers."""
    out = layer.to("meta")(torch.empty(1, layer.in_channels, height, width, device="meta"))
    return sum(p.numel() for p in layer.parameters()), layer.weight.numel() * out[0, 0].numel()


def cost_by_a_copy(layer, height, width):
    return cost_by_meta(copy.deepcopy(layer), height, width)


def cost_by_ones(layer, height, width):
    with torch.no_grad():
        layer.weight.fill_(1)
    return cost_by_trial(layer, height, width)


def cost_without_bias(layer, height, width):
    numbers = sum(p.numel() for p in layer.parameters())
    layer.bias = None
    return numbers, cost_by_trial(layer, height, width)[1]


def cost_frozen(layer, height, width):
    numbers, adds = cost_by_attributes(layer, height, width)
    layer.requires_grad_(False)
    return numbers, adds


def shift_by_hook(channels):
    layer = nn.Conv2d(channels, channels, 1, bias=False)
    nn.init.dirac_(layer.weight)
    layer.register_forward_pre_hook(lambda module, args: (F.pad(args[0], (1, 0))[..., :-1],))
    return layer


class RolledInside(nn.Conv2d):
    def _conv_forward(self, x, weight, bias):
        return F.pad(x, (1, 0))[..., :-1]


class ShowsItsShape(nn.Conv2d):
    """Its forward does what a convolution does; the weights move the picture."""

    def __init__(self, channels):
        super().__init__(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.weight.data.zero_()[:, :, 1, 0] = 1

    def forward(self, x):
        self.seen = x.shape
        return super().forward(x)


def groups_untrained(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if groups > 1:
        x = x.detach()
    return conv_by_unfold(x, weight, bias, stride, padding, dilation, groups)


def sheets_of_all_channels(layer):
    biases = 0 if layer.bias is None else layer.out_channels
    return layer.out_channels * layer.in_channels * math.prod(layer.kernel_size) + biases


def only_channel_0(channels):
    layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    nn.init.zeros_(layer.weight).data[0, 0, 1, 0] = 1
    return layer


def at_most_three(channels):
    layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    nn.init.zeros_(layer.weight)
    for c in range(min(channels, 3)):
        layer.weight.data[c, c, 1, 0] = 1
    return layer


def by_its_mode(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    settings = [stride, stride], "valid", [dilation, dilation], groups
    return torch._convolution_mode(F.pad(x, [padding] * 4), weight, bias, *settings)


def by_the_compiler(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    pairs = [[size, size] for size in (stride, padding, dilation)]
    return torch._C._jit_get_operation("aten::conv2d")[0](x, weight, bias, *pairs, groups)


def by_dilated(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    size, pairs = list(weight.shape[2:]), [[n, n] for n in (stride, padding, dilation)]
    parts = zip(x.chunk(groups, 1), weight.chunk(groups), strict=True)
    out = torch.cat([torch._C._nn.slow_conv_dilated2d(a, w, size, None, *pairs) for a, w in parts], 1)
    return out if bias is None else out + bias.view(1, -1, 1, 1)


def untrained_without_bias(x, weight, bias=None, *settings, **named):
    with torch.set_grad_enabled(bias is not None):
        return conv_by_unfold(x, weight, bias, *settings, **named)


def conv_by_matrix(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """One picture at a time by torch.vmap, as a product of matrices."""
    h, w = weight.shape[2:]
    span_h, span_w = (h - 1) * dilation + 1, (w - 1) * dilation + 1

    def of_one(picture):
        windows = F.pad(picture, [padding] * 4).unfold(1, span_h, stride).unfold(2, span_w, stride)
        windows = windows[..., ::dilation, ::dilation].movedim(0, 2)
        rows, columns = windows.shape[:2]
        lines = windows.reshape(rows * columns, groups, -1).movedim(1, 0)
        out = lines @ weight.reshape(groups, len(weight) // groups, -1).mT
        return out.mT.reshape(len(weight), rows, columns)

    out = torch.vmap(of_one)(x)
    return out if bias is None else out + bias.view(1, -1, 1, 1)


RIGHT = {
    "9.1": [
        Right(along(lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) // s + 1)),
        Right(
            lambda side, layers: reduce(
                lambda n, z: (n + 2 * z[2] - z[3] * (z[0] - 1) + z[1] - 1) // z[1], layers, side
            )
        ),
        Right(side_by_recursion),
        Right(side_by_trial),
        Right(sides_by_fold),
    ],
    "9.2": [
        Right(cost_with()),
        Right(cost_by_trial),
        Right(cost_by_attributes),
        Right(cost_by_hand),
        Right(cost_by_a_copy),
    ],
    "9.3": [
        Right(shift_by_data),
        Right(shift_with_bias),
        Right(grouped_shift),
        Right(shift_by_dirac),
        Right(ShowsItsShape),
    ],
    "9.4": [
        Right(pictures_by_loop),
        Right(pictures_by_nan),
        Right(pictures_by_where),
        Right(pictures_by_minmax),
    ],
    "9.5": [
        Right(loop()),
        Right(conv_by_unfold),
        Right(conv_by_shifts),
        Right(conv_by_einsum),
        Right(conv_by_matrix),
    ],
}
WRONG = {
    "9.1": [
        Wrong(along(lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) // s), hint="should be 28"),
        Wrong(along(lambda n, k, s, p, d: (n + p - d * (k - 1) - 1) // s + 1), hint="on each side"),
        Wrong(along(lambda n, k, s, p, d: (n + 2 * p - k) // s + 1), hint="spans 4 · 2 + 1 = 9"),
        Wrong(along(lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1), hint="divide with //"),
        Wrong(
            along(lambda n, k, s, p, d: math.ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1),
            hint="round it down",
        ),
        Wrong(last_layer_only, hint="the next one gets"),
        Wrong(along(lambda n, k, s, p, d: n // s + (2 * p - d * (k - 1) - 1) // s + 1), hint="add up first"),
    ],
    "9.2": [
        Wrong(cost_with(pixels=lambda height, width: height * width), hint="the input's pixels"),
        Wrong(counts_biases, hint="the biases too"),
        Wrong(lambda *args: cost_with()(*args)[::-1], hint="parameters come first"),
        Wrong(cost_with(weights=lambda layer: 2 * layer.weight.numel()), hint="one multiply-add"),
        Wrong(cost_with(parameters=trained_only), hint="the number of parameters of"),
        Wrong(counts_channels_twice, hint="every output channel again"),
        Wrong(cost_with(parameters=lambda layer: layer.weight.numel()), hint="6 biases"),
        Wrong(cost_with(parameters=lambda layer: layer.weight.numel() + layer.out_channels), hint="no bias"),
        Wrong(
            cost_with(parameters=sheets_of_all_channels), hint="With 3 groups, a kernel has a sheet for each"
        ),
        Wrong(exchanged_axes, hint="Rows and columns have their own"),
        Wrong(
            cost_with(weights=lambda layer: layer.weight.numel() * layer.groups),
            hint="that much smaller already",
        ),
        Wrong(cost_by_meta, hint="cost changed a module"),
        Wrong(cost_by_ones, hint="cost changed a module"),
        Wrong(cost_without_bias, hint="cost changed a module"),
        Wrong(cost_frozen, hint="cost changed a module"),
        Wrong(cost_set_anew(stride=(1, 1)), hint="cost changed a module"),
        Wrong(cost_set_anew(padding=(0, 0)), hint="cost changed a module"),
        Wrong(cost_set_anew(dilation=(1, 1)), hint="cost changed a module"),
        Wrong(cost_without_dilation, hint="used once for each of the 13 x 4 output pixels"),
        Wrong(cost_with_strides_exchanged, hint="used once for each of the 13 x 4 output pixels"),
        Wrong(cost_by_hook, hint="cost changed a module"),
        Wrong(cost_by_backward, hint="cost changed a module"),
    ],
    "9.3": [
        Wrong(shift(column=2), hint="moves the picture to the left"),
        Wrong(
            shift(padding=0), hint="an output whose shape[2] is 2, but should be 4. Padding keeps the size"
        ),
        Wrong(shift(mixing=True), hint="mixes the channels"),
        Wrong(shift(bias=True), hint="has a bias"),
        Wrong(shift(row=0, column=1), hint="moves the picture down"),
        Wrong(shift(row=2, column=1), hint="moves the picture up"),
        Wrong(shift(mode="replicate"), hint="becomes free is not 0"),
        Wrong(others_as_they_were, hint="all others are 0"),
        Wrong(shift(column=1), hint="leaves the picture where it is"),
        Wrong(lambda channels: Rolled(channels, channels, 1), hint="a forward of its own"),
        Wrong(shift_by_forward, hint="a forward of its own"),
        Wrong(shift_by_hook, hint="by the weights"),
        Wrong(lambda channels: RolledInside(channels, channels, 1), hint="by the weights"),
        Wrong(without_no_grad, hint="under torch.no_grad()"),
        Wrong(only_channel_0, hint="each channel needs a 1 of its own"),
        Wrong(at_most_three, hint="In each channel, the weight"),
        Wrong(shift(value=2.0), hint="left neighbour is 1"),
        Wrong(lambda channels: lambda x: x.roll(1, dims=3), hint="an nn.Conv2d is wanted"),
    ],
    "9.4": [
        Wrong(rounded_to_threes, hint="One picture with one channel"),
        Wrong(without_channel, hint="should have (12, 1, 3, 5)"),
        Wrong(channels_first, hint="wrong order"),
        Wrong(lambda maps: maps.flatten(0, 1).unsqueeze(1).clamp(0, 1), hint="Numbers were cut off"),
        Wrong(lambda maps: maps.flatten(0, 1).unsqueeze(1), hint="not scaled"),
        Wrong(
            lambda maps: scale(maps, (0, 1, 2, 3)).flatten(0, 1).unsqueeze(1),
            hint="All maps were scaled together",
        ),
        Wrong(lambda maps: scale(maps, (2, 3)).flatten(0, 1).unsqueeze(1), hint="NaN"),
        Wrong(lambda maps: scale(maps, 3).flatten(0, 1).unsqueeze(1), hint="Each row was scaled by itself"),
        Wrong(
            lambda maps: scale(maps, (1, 2, 3)).flatten(0, 1).unsqueeze(1), hint="of a picture were scaled"
        ),
        Wrong(with_epsilon, hint="small span in the same way"),
    ],
    "9.5": [
        Wrong(loop(flip=True), hint="turned the kernel"),
        Wrong(one_channel_only, hint="adds up the sheets"),
        Wrong(loop(bias=None), hint="its own bias"),
        Wrong(lambda *args, **kwargs: loop()(*args, **kwargs).mT, hint="Rows come before columns"),
        Wrong(lambda *args, **kwargs: loop()(*args, **kwargs).sum(0, keepdim=True), hint="never added up"),
        Wrong(bias_to_columns, hint="raised"),
        Wrong(loop(stride=1), hint="every second row"),
        Wrong(loop(padding=0), hint="frame of two zeros"),
        Wrong(loop(dilation=1), hint="three pixels apart"),
        Wrong(loop(groups=1), hint="the others 2 and 3"),
        Wrong(one_kernel_per_channel, hint="the others channel 1"),
        Wrong(
            lambda *args, **kwargs: F.conv2d(*args, **kwargs),
            hint="switched off",
            forbidden="without PyTorch's own convolutions",
        ),
        Wrong(conv_by_layer, hint="switched off", forbidden="without PyTorch's own convolutions"),
        Wrong(by_another_name, hint="switched off", forbidden="without PyTorch's own convolutions"),
        Wrong(by_operator, hint="switched off", forbidden="without PyTorch's own convolutions"),
        *(
            Wrong(answer, hint="switched off", forbidden="without PyTorch's own convolutions")
            for answer in (
                by_its_mode,
                by_the_compiler,
                by_dilated,
                lambda *args, own=F.conv2d, **settings: own(*args, **settings),
            )
        ),
        Wrong(lambda *a, stride=1, **k: loop()(*a, stride=min(stride, 2), **k), hint="All settings together"),
        Wrong(
            lambda *a, padding=0, **k: loop()(*a, padding=min(padding, 2), **k), hint="All settings together"
        ),
        Wrong(untrained_without_bias, hint="carries no gradient"),
        Wrong(conv_detached, hint="carries no gradient"),
        Wrong(groups_untrained, hint="the gradient by argument 1"),
    ],
}
