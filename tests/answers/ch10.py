"""Answers to the exercises of chapter 10."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from answers import Right, Wrong


def conv(groups=True, value=None, stride=True, bias=False):
    def average_as_conv(channels, kernel):
        layer = nn.Conv2d(
            channels,
            channels,
            kernel,
            stride=kernel if stride else 1,
            groups=channels if groups else 1,
            bias=bias,
        )
        nn.init.constant_(layer.weight, 1 / kernel**2 if value is None else value)
        return layer

    return average_as_conv


def adaptive(start, end):
    def adaptive_max(x, rows, columns):
        height, width = x.shape[2:]
        out = torch.empty(*x.shape[:2], rows, columns)
        for i in range(rows):
            for j in range(columns):
                window = x[:, :, start(i, height, rows) : end(i, height, rows), start(j, width, columns) :]
                out[:, :, i, j] = window[..., : end(j, width, columns) - start(j, width, columns)].amax(
                    dim=(2, 3)
                )
        return out

    return adaptive_max


def floor(i, side, count):
    return i * side // count


def ceil(i, side, count):
    return -(-(i + 1) * side // count)


def zero_start(x, rows, columns):
    """A maximum that starts from 0 is wrong where all numbers are negative."""
    return adaptive(floor, ceil)(x, rows, columns).clamp(min=0)


def network(ceil_mode=True, padding=1, head=None, features=64, pools=2, flat=True, end=()):
    def any_size(channels, classes):
        layers = []
        for i, (a, b) in enumerate([(channels, 16), (16, 32), (32, 64)]):
            layers.append(nn.Conv2d(a, b, 3, padding=padding))
            if i < pools:
                layers.append(nn.MaxPool2d(2, ceil_mode=ceil_mode))
        head_layers = [nn.AdaptiveAvgPool2d(1)] if head is None else head
        flatten = [nn.Flatten()] if flat else []
        return nn.Sequential(*layers, *head_layers, *flatten, nn.Linear(features, classes), *end)

    return any_size


def smallest(x, kernel, stride=None, padding=0):
    return -F.max_pool2d(-x, kernel, stride, padding)


def smallest_by_module(x, kernel, stride=None, padding=0):
    layer = nn.MaxPool2d(kernel_size=kernel, stride=stride, padding=padding)
    return layer(x * -1) * -1


def smallest_by_windows(x, kernel, stride=None, padding=0):
    stride = stride or kernel
    framed = F.pad(x, 4 * [padding], value=float("inf"))
    return framed.unfold(2, kernel, stride).unfold(3, kernel, stride).amin(dim=(-2, -1))


def smallest_by_loop(x, kernel, stride=None, padding=0):
    stride = kernel if stride is None else stride
    framed = F.pad(x, 4 * [padding], value=float("inf"))
    rows, columns = ((side - kernel) // stride + 1 for side in framed.shape[2:])
    out = torch.empty(*x.shape[:2], rows, columns)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            out[:, :, i, j] = framed[:, :, top : top + kernel, left : left + kernel].amin(dim=(2, 3))
    return out


def reciprocal(x, kernel, stride=None, padding=0):
    return 1 / F.max_pool2d(1 / x, kernel, stride, padding)


def smallest_detached(x, kernel, stride=None, padding=0):
    return smallest(x.detach(), kernel, stride, padding)


def smallest_in_place(x, kernel, stride=None, padding=0):
    return -F.max_pool2d(x.neg_(), kernel, stride, padding)


def smallest_without_padding(x, kernel, stride=None, padding=0):
    return smallest(x, kernel, stride)


def conv_with_zero_bias(channels, kernel):
    layer = nn.Conv2d(channels, channels, (kernel, kernel), (kernel, kernel), groups=channels)
    with torch.no_grad():
        layer.bias.zero_()
        layer.weight.fill_(1 / (kernel * kernel))
    return layer


def conv_by_parameter(channels, kernel):
    layer = nn.Conv2d(channels, channels, kernel, stride=kernel, groups=channels, bias=None)
    layer.weight = nn.Parameter(torch.ones(channels, 1, kernel, kernel).div(kernel**2))
    return layer


def conv_dense(channels, kernel):
    """Each output channel looks at all channels, with weights 0 for the others."""
    layer = nn.Conv2d(channels, channels, kernel, stride=kernel, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        for c in range(channels):
            layer.weight[c, c] = 1 / kernel**2
    return layer


def conv_one_output(channels, kernel):
    layer = nn.Conv2d(channels, 1, kernel, stride=kernel, bias=False)
    nn.init.constant_(layer.weight, 1 / kernel**2 / channels)
    return layer


def conv_untouched(channels, kernel):
    return nn.Conv2d(channels, channels, kernel, stride=kernel, groups=channels, bias=False)


def conv_by_channels(channels, kernel):
    layer = conv_untouched(channels, kernel)
    nn.init.constant_(layer.weight, 1 / kernel**2 / channels)
    return layer


def adaptive_by_lists(x, rows, columns):
    def cut(side, count):
        return [slice(i * side // count, ((i + 1) * side + count - 1) // count) for i in range(count)]

    parts = [[x[:, :, a, b].amax((2, 3)) for b in cut(x.shape[3], columns)] for a in cut(x.shape[2], rows)]
    return torch.stack([torch.stack(row, dim=-1) for row in parts], dim=-2)


def adaptive_one_axis(x, rows, columns):
    """Rows first, then columns."""
    for axis, count in [(2, rows), (3, columns)]:
        side = x.shape[axis]
        edges = [(floor(i, side, count), ceil(i, side, count)) for i in range(count)]
        x = torch.cat([x.narrow(axis, a, b - a).max(dim=axis, keepdim=True).values for a, b in edges], axis)
    return x


def adaptive_by_items(x, rows, columns):
    return adaptive(floor, ceil)(x.detach(), rows, columns)


def adaptive_by_module(x, rows, columns):
    return nn.AdaptiveMaxPool2d((rows, columns))(x)


def adaptive_by_torch(x, rows, columns):
    return torch._C._nn.adaptive_max_pool2d(x, (rows, columns))[0]


def adaptive_means(x, rows, columns):
    parts = adaptive_by_lists(x, rows, columns)
    return parts * 0 + adaptive_by_lists(-x, rows, columns).neg()


class Mean(nn.Module):
    """A global average of one's own."""

    def forward(self, x):
        return x.mean(dim=(-2, -1), keepdim=True)


class MeanOfForty(nn.Module):
    """Right for maps of 5 x 8 only."""

    def forward(self, x):
        return x.sum(dim=(2, 3), keepdim=True) / 40


class Softened(nn.Sequential):
    """Has a ninth layer in its forward."""

    def forward(self, x):
        return super().forward(x).softmax(dim=1)


def network_with_softmax_inside(channels, classes):
    return Softened(*network()(channels, classes))


def network_with_hook(channels, classes):
    found = network()(channels, classes)
    found.register_forward_hook(lambda module, args, out: out.softmax(dim=1))
    return found


def network_in_blocks(channels, classes):
    blocks = [
        nn.Sequential(nn.Conv2d(a, b, 3, padding="same"), nn.MaxPool2d(3, stride=2, padding=1))
        for a, b in [(channels, 16), (16, 32)]
    ]
    return nn.Sequential(*blocks, nn.Conv2d(32, 64, 3, 1, 1), Mean(), nn.Flatten(), nn.Linear(64, classes))


def network_lazy(channels, classes):
    network = nn.Sequential()
    for i, features in enumerate((16, 32, 64)):
        network.append(nn.LazyConv2d(features, kernel_size=3, padding=1, bias=False))
        network.append(nn.MaxPool2d(2, ceil_mode=True) if i < 2 else nn.AdaptiveAvgPool2d((1, 1)))
    network.append(nn.Flatten())
    network.append(nn.LazyLinear(classes))
    return network


def network_long_kernels(channels, classes):
    """As many parameters as with 3 x 3."""
    layers = list(network()(channels, classes))
    for i in (0, 2, 4):
        old = layers[i]
        layers[i] = nn.Conv2d(old.in_channels, old.out_channels, (1, 9), padding=(0, 4))
    return nn.Sequential(*layers)


def network_with_relu(channels, classes):
    return network(head=[nn.ReLU(), nn.AdaptiveAvgPool2d(1)])(channels, classes)


def smallest_by_unfold(x, kernel, stride=None, padding=0):
    stride = stride or kernel
    framed = F.pad(x, 4 * [padding], value=x.max().item())
    rows, columns = ((side - kernel) // stride + 1 for side in framed.shape[2:])
    patches = F.unfold(framed, kernel, stride=stride).reshape(*x.shape[:2], kernel**2, -1)
    return patches.amin(dim=2).reshape(*x.shape[:2], rows, columns)


def smallest_in_float64(x, kernel, stride=None, padding=0):
    return smallest(x.double(), kernel, stride, padding)


def smallest_in_a_frame_of_1000(x, kernel, stride=None, padding=0):
    return smallest(F.pad(x, 4 * [padding], value=1000.0), kernel, stride)


def smallest_short_stride(x, kernel, stride=None, padding=0):
    return smallest(x, kernel, stride and min(stride, 2), padding)


def smallest_thin_frame(x, kernel, stride=None, padding=0):
    return smallest(x, kernel, stride, min(padding, 1))


def smallest_stride_1_in_a_frame(x, kernel, stride=None, padding=0):
    return smallest(x, kernel, stride or (1 if padding else kernel), padding)


def smallest_of_two(x, kernel, stride=None, padding=0):
    return smallest(x[:2], kernel, stride, padding)


def conv_by_softmax(channels, kernel):
    layer = conv_untouched(channels, kernel)
    shares = torch.zeros(channels, kernel**2).softmax(dim=1)
    layer.weight = nn.Parameter(shares.reshape(layer.weight.shape), requires_grad=False)
    return layer


class Pooled(nn.Conv2d):
    """Called a convolution, but it pools."""

    def forward(self, x):
        return F.avg_pool2d(x, self.kernel_size)


def conv_that_pools(channels, kernel):
    return Pooled(channels, channels, kernel)


def conv_with_hook(channels, kernel):
    layer = conv_untouched(channels, kernel)
    layer.register_forward_hook(lambda module, args, out: F.avg_pool2d(args[0], kernel))
    return layer


class PooledBelow(nn.Conv2d):
    """Its forward is a convolution's, but what that calls pools."""

    def _conv_forward(self, x, weight, bias):
        return F.avg_pool2d(x, self.kernel_size)


def conv_that_pools_below(channels, kernel):
    return PooledBelow(channels, channels, kernel)


def adaptive_by_math(x, rows, columns):
    return adaptive(
        lambda i, side, n: math.floor(i * side / n), lambda i, side, n: math.ceil((i + 1) * side / n)
    )(x, rows, columns)


def adaptive_by_quotient(x, rows, columns):
    return adaptive(
        lambda i, side, n: int(i * (side / n)), lambda i, side, n: math.ceil((i + 1) * (side / n))
    )(x, rows, columns)


def adaptive_one_longer(x, rows, columns):
    return adaptive(floor, lambda i, side, n: (i + 1) * side // n + (side % n > 0))(x, rows, columns)


def adaptive_same_length(x, rows, columns):
    return adaptive(floor, lambda i, side, n: i * side // n - (-side // n))(x, rows, columns)


def adaptive_no_slope(x, rows, columns):
    return adaptive(floor, ceil)(x, rows, columns).detach() + 0 * x.sum()


def network_with_pooling(pooling):
    def any_size(channels, classes):
        layers = list(network()(channels, classes))
        layers[1] = layers[3] = pooling
        return nn.Sequential(*layers)

    return any_size


def adaptive_by_operator(x, rows, columns):
    return torch.ops.aten.adaptive_max_pool2d(x, (rows, columns))[0]


RIGHT = {
    "10.1": [
        Right([[-4, 7, 2], [-3, 8, 5], [-5, 3, -6]]),
        Right(((-4, 7, 2), (-3, 8, 5), (-5, 3, -6))),
        Right([[-4.0, 7.0, 2.0], [-3.0, 8.0, 5.0], [-5.0, 3.0, -6.0]]),
    ],
    "10.2": [
        Right(smallest),
        Right(smallest_by_module),
        Right(smallest_by_windows),
        Right(smallest_by_loop),
        Right(smallest_by_unfold),
    ],
    "10.3": [
        Right(conv()),
        Right(conv_with_zero_bias),
        Right(conv_by_parameter),
        Right(conv_dense),
        Right(conv_by_softmax),
    ],
    "10.4": [
        Right(adaptive(floor, ceil)),
        Right(adaptive_by_lists),
        Right(adaptive_one_axis),
        Right(adaptive_by_math),
    ],
    "10.5": [
        Right(network()),
        Right(network_in_blocks),
        Right(network_lazy),
        Right(network_with_pooling(nn.MaxPool2d((2, 2), (2, 2), ceil_mode=True))),
    ],
}
WRONG = {
    "10.1": [
        Wrong([[6, 7], [1, 8]], hint="3 windows of 2 x 2"),
        Wrong([[0, 7, 2], [0, 8, 5], [0, 3, 0]], hint="the frame for zeros"),
        Wrong([[-4, 7, 2], [-3, 8, 5], [-5, 3, -2]], hint="row 2, column 2"),
        Wrong([-4, 7, 2, -3, 8, 5, -5, 3, -6], hint="a list of rows"),
        Wrong([[-4, 7, 7], [-3, 8, 5], [-5, 3, -6]], hint="that window holds [2]"),
    ],
    "10.2": [
        Wrong(lambda x, k, s=None, p=0: F.max_pool2d(-x, k, s, p), hint="The sign is wrong"),
        Wrong(lambda x, k, s=None, p=0: F.max_pool2d(x, k, s, p), hint="This is the largest"),
        Wrong(lambda x, k, s=None, p=0: -F.max_pool2d(x, k, s, p), hint="before the pooling, too"),
        Wrong(lambda x, k, s=None, p=0: -F.max_pool2d(-F.pad(x, 4 * [p]), k, s), hint="the frame won"),
        Wrong(lambda x, k, s=1, p=0: -F.max_pool2d(-x, k, s, p), hint="shape"),
        Wrong(lambda x, k, s=None, p=0: F.avg_pool2d(x, k, s, p), hint="It is the smallest number"),
        Wrong(reciprocal, hint="among numbers of one sign"),
        Wrong(smallest_detached, hint="no gradient"),
        Wrong(smallest_in_place, hint="changed its argument"),
        Wrong(smallest_without_padding, hint="shape"),
        Wrong(smallest_in_float64, hint="should have torch.float32. It is the smallest"),
        Wrong(smallest_in_a_frame_of_1000, hint="the frame won"),
        Wrong(smallest_short_stride, hint="shape"),
        Wrong(smallest_thin_frame, hint="shape"),
        Wrong(smallest_stride_1_in_a_frame, hint="shape"),
        Wrong(smallest_of_two, hint="shape"),
        Wrong(lambda x, *a: 255 - F.max_pool2d(255 - x, *a), hint="without rounding"),
    ],
    "10.3": [
        Wrong(conv(groups=False), hint="mixes the channels"),
        Wrong(conv(value=1.0), hint="the sum of each window"),
        Wrong(conv(stride=False), hint="stride of a pooling"),
        Wrong(conv(bias=True), hint="a bias"),
        Wrong(conv(value=0.2), hint="weights are the same"),
        Wrong(lambda channels, kernel: conv(value=1 / kernel)(channels, kernel), hint="You divided by"),
        Wrong(lambda channels, kernel: nn.AvgPool2d(kernel), hint="an nn.Conv2d is wanted"),
        Wrong(conv_one_output, hint="(in_channels, out_channels)"),
        Wrong(conv_untouched, hint="weights are the same"),
        Wrong(conv_by_channels, hint="divided by the channels"),
        Wrong(conv_that_pools, hint="something else than its convolution"),
        Wrong(conv_with_hook, hint="something else than its convolution"),
        Wrong(conv_that_pools_below, hint="something else than its convolution"),
        Wrong(lambda c, k: conv(value=round(1 / k**2, 4))(c, k), hint="those of a window sum to 1"),
        Wrong(lambda channels, kernel: conv()(channels, min(kernel, 5)), hint="stride of a pooling"),
        Wrong(lambda channels, kernel: conv()(channels, min(kernel, 3)), hint="stride of a pooling"),
        Wrong(lambda channels, kernel: conv()(min(channels, 4), kernel), hint="(in_channels, out_channels)"),
    ],
    "10.4": [
        Wrong(adaptive_by_operator, hint="switched off"),
        Wrong(
            adaptive(lambda i, side, n: i * (side // n), lambda i, side, n: (i + 1) * (side // n)),
            hint="start rounded down, end up",
        ),
        Wrong(adaptive(floor, lambda i, side, n: (i + 1) * side // n), hint="start rounded down, end up"),
        Wrong(zero_start, hint="windows are 2 x 4"),
        Wrong(lambda x, rows, columns: F.adaptive_max_pool2d(x, (rows, columns)), hint="switched off"),
        Wrong(lambda x, rows, columns: adaptive(floor, ceil)(x, columns, rows), hint="shape"),
        Wrong(adaptive_by_items, hint="no gradient"),
        Wrong(adaptive_by_module, hint="switched off"),
        Wrong(adaptive_by_torch, hint="switched off"),
        Wrong(adaptive_means, hint="windows are 2 x 4"),
        Wrong(adaptive_one_longer, hint="end ⌈"),
        Wrong(adaptive_same_length, hint="start rounded down, end up"),
        Wrong(adaptive_no_slope, hint="the gradient by argument 1"),
        Wrong(adaptive_by_quotient, hint="Multiply first"),
    ],
    "10.5": [
        Wrong(network(ceil_mode=False), hint="makes 9 of 17"),
        Wrong(network(padding=0), hint="with padding 1 keeps"),
        Wrong(network(head=[MeanOfForty()]), hint="maps (2, 64, 3, 2), flattened"),
        Wrong(network_with_softmax_inside, hint="its layers one after the other"),
        Wrong(network_with_hook, hint="its layers one after the other"),
        Wrong(network(head=[], features=64 * 8 * 8), hint="Wanted are a convolution, a pooling"),
        Wrong(network(head=[nn.AdaptiveMaxPool2d(1)]), hint="the maximum of each channel"),
        Wrong(network(head=[nn.AdaptiveAvgPool2d(2)], features=256), hint="one mean for each channel"),
        Wrong(network(head=[nn.AdaptiveAvgPool2d(2)]), hint="should take 64 numbers"),
        Wrong(network(pools=3), hint="number of MaxPool2d layers"),
        Wrong(network(flat=False), hint="goes to nn.Flatten"),
        Wrong(network(end=[nn.Softmax(dim=1)]), hint="and no others"),
        Wrong(network_with_relu, hint="and no others"),
        Wrong(network_long_kernels, hint="kernel_sizes"),
        Wrong(network_with_pooling(nn.MaxPool2d(1, stride=2)), hint="leaves pixels out"),
        Wrong(network_with_pooling(nn.MaxPool2d(2, 2, padding=1, dilation=2)), hint="dilation"),
        Wrong(
            network_with_pooling(nn.MaxPool2d((2, 1), stride=2, ceil_mode=True)),
            hint="leaves pixels out",
        ),
        Wrong(network_with_pooling(nn.MaxPool2d(2, return_indices=True)), hint="layer 1 returned"),
        Wrong(network_with_pooling(nn.MaxPool2d(2, padding=1)), hint="15 of 30"),
        Wrong(lambda channels, classes: network()(channels, 10), hint="One number per class"),
        Wrong(lambda channels, classes: list(network()(channels, classes)), hint="a Sequential is wanted"),
    ],
}
