"""Wrong answers to the exercises of chapter 20."""

import torch
from torch import nn

from wrong_answers import Wrong


def merged(first, second, weight=None, bias=None):
    layer = nn.Linear(first.in_features, second.out_features)
    with torch.no_grad():
        layer.weight.copy_(second.weight @ first.weight if weight is None else weight)
        layer.bias.copy_(torch.zeros(second.out_features) if bias is None else bias)
    return layer


def bias_not_carried_over(first, second):
    return merged(first, second, bias=second.bias)


def missing_bias_not_foreseen(first, second):
    return merged(first, second, bias=second.weight @ first.bias + second.bias)


def quick(channels, side, classes, padding=2, last=(), activation=nn.ReLU, features=None):
    layers = []
    for channels_in, channels_out in [(channels, 32), (32, 32), (32, 64)]:
        layers += [nn.Conv2d(channels_in, channels_out, 5, padding=padding), nn.MaxPool2d(2)]
        layers += [activation()] if activation else []
    features = features or 64 * (side // 8) ** 2
    middle = [activation()] if activation else []
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(features, 64), *middle, nn.Linear(64, classes), *last
    )


def shapes_without_input(network, x):
    return [tuple((x := layer(x)).shape) for layer in network]


def shapes_of_whole_network(network, x):
    return [tuple(x.shape)] + [tuple(network(x).shape) for _ in network]


def other_order(first, second):
    return merged(first, second, weight=(first.weight.T @ second.weight.T))


def changes_the_first(first, second):
    with torch.no_grad():
        first.weight.mul_(2)
    return merged(first, second)


WRONG = {
    "20.1": [
        Wrong(lambda kernel, dilation=1: kernel // 2, hint="spans 13 pixels"),
        Wrong(lambda kernel, dilation=1: dilation * (kernel - 1) / 2, hint="use //"),
        Wrong(lambda kernel, dilation=1: dilation * (kernel - 1), hint="should be 2"),
    ],
    "20.2": [
        Wrong(lambda c, o, k, bias=True: c * o * k * k, hint="32 biases"),
        Wrong(lambda c, o, k, bias=True: o * (c * k + 1), hint="3 x 5 x 5"),
        Wrong(lambda c, o, k, bias=True: o * (c * k * k + 1), hint="no biases"),
    ],
    "20.3": [
        Wrong(shapes_without_input, hint="the input's is the first"),
        Wrong(shapes_of_whole_network, hint="place 1"),
        Wrong(lambda network, x: [x.shape] + [layer(x).shape for layer in network], hint="raised"),
    ],
    "20.4": [
        Wrong(bias_not_carried_over, hint="x = 0"),
        Wrong(missing_bias_not_foreseen, hint="raised"),
        Wrong(
            lambda first, second: nn.Linear(first.out_features, second.out_features),
            hint="shape of the weight",
        ),
        Wrong(other_order, hint="raised"),
        Wrong(changes_the_first, hint="changed one of the two"),
        Wrong(lambda first, second: nn.Sequential(first, second), hint="nn.Linear is wanted"),
    ],
    "20.5": [
        Wrong(lambda c, s, k: quick(c, s, k, activation=None), hint="0 ReLU layers"),
        Wrong(lambda c, s, k: quick(c, s, k, features=1024), hint="halved three times"),
        Wrong(lambda c, s, k: quick(c, s, k, padding=0), hint="raised"),
        Wrong(lambda c, s, k: quick(c, s, k, last=[nn.Softmax(dim=1)]), hint="the logits as they are"),
        Wrong(lambda c, s, k: quick(c, s, k, last=[nn.ReLU()]), hint="5 ReLU layers"),
        Wrong(lambda c, s, k: quick(c, s, k, features=64 * round(s / 8) ** 2), hint="halved three times"),
        Wrong(lambda c, s, k: quick(c, s, k, padding=1, features=256), hint="number of parameters"),
    ],
}
