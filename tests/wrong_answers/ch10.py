"""Wrong answers to the exercises of chapter 10."""

import torch
from torch import nn
from torch.nn import functional as F

from wrong_answers import Wrong


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


WRONG = {
    "10.1": [
        Wrong([[6, 7], [1, 8]], hint="3 windows of 2 x 2"),
        Wrong([[0, 7, 2], [0, 8, 5], [0, 3, 0]], hint="the frame for zeros"),
        Wrong([[-4, 7, 2], [-3, 8, 5], [-5, 3, -2]], hint="row 2, column 2"),
        Wrong([-4, 7, 2, -3, 8, 5, -5, 3, -6], hint="a list of rows"),
    ],
    "10.2": [
        Wrong(lambda x, k, s=None, p=0: F.max_pool2d(-x, k, s, p), hint="wrong sign"),
        Wrong(lambda x, k, s=None, p=0: F.max_pool2d(x, k, s, p), hint="the smallest number"),
        Wrong(lambda x, k, s=None, p=0: -F.max_pool2d(x, k, s, p), hint="turn x before"),
        Wrong(lambda x, k, s=None, p=0: -F.max_pool2d(-F.pad(x, 4 * [p]), k, s), hint="the frame won"),
        Wrong(lambda x, k, s=1, p=0: -F.max_pool2d(-x, k, s, p), hint="shape"),
        Wrong(lambda x, k, s=None, p=0: F.avg_pool2d(x, k, s, p), hint="values are off"),
    ],
    "10.3": [
        Wrong(conv(groups=False), hint="mixes the channels"),
        Wrong(conv(value=1.0), hint="the sum of each window"),
        Wrong(conv(stride=False), hint="stride of a pooling"),
        Wrong(conv(bias=True), hint="a bias"),
        Wrong(conv(value=0.2), hint="weights are the same"),
        Wrong(lambda channels, kernel: conv(value=1 / kernel)(channels, kernel), hint="its window holds"),
        Wrong(lambda channels, kernel: nn.AvgPool2d(kernel), hint="an nn.Conv2d is wanted"),
    ],
    "10.4": [
        Wrong(
            adaptive(lambda i, side, n: i * (side // n), lambda i, side, n: (i + 1) * (side // n)),
            hint="start rounded down, end up",
        ),
        Wrong(adaptive(floor, lambda i, side, n: (i + 1) * side // n), hint="start rounded down, end up"),
        Wrong(zero_start, hint="windows are 2 x 4"),
        Wrong(lambda x, rows, columns: F.adaptive_max_pool2d(x, (rows, columns)), hint="switched off"),
        Wrong(lambda x, rows, columns: adaptive(floor, ceil)(x, columns, rows), hint="shape"),
    ],
    "10.5": [
        Wrong(network(ceil_mode=False), hint="rounded up to 9"),
        Wrong(network(padding=0), hint="for 8 x 8 pixels"),
        Wrong(network(head=[], features=64 * 8 * 8), hint="raised"),
        Wrong(network(head=[nn.AdaptiveMaxPool2d(1)]), hint="average"),
        Wrong(network(head=[nn.AdaptiveAvgPool2d(2)], features=256), hint="one mean for each channel"),
        Wrong(network(pools=3), hint="3 and 2 are wanted"),
        Wrong(network(flat=False), hint="no nn.Flatten"),
        Wrong(network(end=[nn.Softmax(dim=1)]), hint="last layer should be the linear one"),
    ],
}
