"""Answers to the exercises of chapter 20."""

import copy
import math
from itertools import accumulate

import torch
from torch import nn

from answers import Right, Wrong, meddles


def merged(first, second, weight=None, bias=None):
    layer = nn.Linear(first.in_features, second.out_features)
    with torch.no_grad():
        layer.weight.copy_(second.weight @ first.weight if weight is None else weight)
        layer.bias.copy_(torch.zeros(second.out_features) if bias is None else bias)
    return layer


def bias_not_carried_over(first, second):
    return merged(first, second, bias=second.bias)


def shares_the_second_bias(first, second):
    layer = merged(first, second)
    if second.bias is not None and first.bias is None:
        layer.bias = second.bias
        return layer
    return merge_by_units(first, second)


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


def without_flatten(channels, side, classes):
    network = quick(channels, side, classes)
    del network[9]
    return network


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


def padding_by_search(kernel, dilation=1):
    padding = 0
    while 2 * padding < dilation * (kernel - 1):
        padding += 1
    return padding


def parameters_by_layer(channels_in, channels_out, kernel, bias=True):
    return sum(p.numel() for p in nn.Conv2d(channels_in, channels_out, kernel, bias=bias).parameters())


def parameters_by_product(channels_in, channels_out, kernel, bias=True):
    weights = torch.Size((channels_out, channels_in, kernel, kernel)).numel()
    return weights + channels_out if bias else weights


def parameters_by_loop(channels_in, channels_out, kernel, bias=True):
    count = 0
    for _channel in range(channels_out):
        count += channels_in * kernel * kernel
        count += 1 if bias else 0
    return count


def shapes_by_hooks(network, x):
    found = [x.shape]
    hooks = [layer.register_forward_hook(lambda _m, _i, out: found.append(out.shape)) for layer in {*network}]
    network(x)
    for hook in hooks:
        hook.remove()
    return found


def hooks_by_place(network, x):
    found = [x.shape]
    hooks = [layer.register_forward_hook(lambda _m, _i, out: found.append(out.shape)) for layer in network]
    network(x)
    for hook in hooks:
        hook.remove()
    return found


def shapes_along(layers, x):
    return [tuple(y.shape) for y in accumulate(layers, lambda y, layer: layer(y), initial=x)]


def shapes_by_slices(network, x):
    return [tuple(network[:i](x).shape) for i in range(len(network) + 1)]


def shapes_by_accumulate(network, x):
    return shapes_along(network, x)


def shapes_by_recursion(network, x):
    if len(network) == 0:
        return [list(x.shape)]
    return [list(x.shape), *shapes_by_recursion(network[1:], network[0](x))]


def merge_by_units(first, second):
    layer = nn.Linear(first.in_features, second.out_features)
    with torch.no_grad():
        at_zero = second(first(torch.zeros(1, first.in_features)))
        layer.weight.copy_((second(first(torch.eye(first.in_features))) - at_zero).T)
        layer.bias.copy_(at_zero[0])
    return layer


def merge_with_parameters(first, second):
    bias = first.bias is not None or second.bias is not None
    layer = nn.Linear(first.in_features, second.out_features, bias=bias)
    layer.weight = nn.Parameter(second.weight.detach().mm(first.weight.detach()))
    if bias:
        middle = first.weight.new_zeros(first.out_features) if first.bias is None else first.bias
        end = 0 if second.bias is None else second.bias
        layer.bias = nn.Parameter((second.weight @ middle + end).detach())
    return layer


def merge_by_data(first, second):
    layer = nn.Linear(first.in_features, second.out_features)
    layer.weight.data = torch.einsum("om,mi->oi", second.weight.data, first.weight.data)
    layer.bias.data.zero_()
    for extra in (None if first.bias is None else second.weight.data @ first.bias.data, second.bias):
        if extra is not None:
            layer.bias.data += extra.data
    return layer


def only_the_second_bias_missing(first, second):
    return merged(first, second, bias=0 if first.bias is None else second.weight @ first.bias)


def quick_lazy(channels, side, classes):
    def block(size):
        return nn.Sequential(
            nn.LazyConv2d(size, 5, padding="same"), nn.MaxPool2d(2, 2), nn.ReLU(inplace=True)
        )

    network = nn.Sequential(block(32), block(32), block(64), nn.Flatten(), nn.LazyLinear(64))
    network.extend([nn.ReLU(), nn.LazyLinear(classes)])
    return network


def quick_by_side(channels, side, classes):
    layers = nn.Sequential()
    for number, size in enumerate((32, 32, 64)):
        layers.add_module(f"conv{number}", nn.Conv2d(channels, size, (5, 5), 1, 2))
        layers.add_module(f"pool{number}", nn.MaxPool2d(kernel_size=(2, 2)))
        layers.add_module(f"relu{number}", nn.ReLU())
        channels, side = size, side // 2
    return nn.Sequential(
        *layers, nn.Flatten(1), nn.Linear(side * side * 64, 64), nn.ReLU(), nn.Linear(64, classes)
    )


def overlapping(channels, side, classes):
    network = quick(channels, side, classes)
    for place in (1, 4, 7):
        network[place] = nn.MaxPool2d(3, stride=2, padding=1) if side % 8 == 0 else nn.MaxPool2d(2)
    return network


def mirrored(channels, side, classes):
    network = quick(channels, side, classes)
    for place in (0, 3, 6):
        network[place].padding_mode = "circular"
    return network


def parameters_by_linear(channels_in, channels_out, kernel, bias=True):
    layer = nn.Linear(channels_in * kernel**2, channels_out, bias=bias, device="meta")
    return sum(p.numel() for p in layer.parameters())


def hooks_left(network, x):
    found = [tuple(x.shape)]
    for layer in network:
        layer.register_forward_hook(lambda _m, _i, out: found.append(tuple(out.shape)))
    network(x)
    return found


def frozen_bias(first, second):
    layer = merge_by_data(first, second)
    layer.bias.requires_grad_(False)
    return layer


def copy_of_the_second(first, second):
    layer, right = copy.deepcopy(second), merge_by_data(first, second)
    layer.weight, layer.bias = right.weight, right.bias
    return layer


class Flatten(nn.Module):
    """As older code has it."""

    def forward(self, x):
        return x.view(x.size(0), -1)


def own_flatten(channels, side, classes):
    network = quick(channels, side, classes)
    network[9] = Flatten()
    return network


def rounds_up(channels, side, classes):
    network = quick(channels, side, classes, features=64 * math.ceil(side / 8) ** 2)
    for place in (1, 4, 7):
        network[place] = nn.MaxPool2d(2, ceil_mode=True)
    return network


def freezes_the_first(first, second):
    layer = merge_by_data(first, second)
    first.requires_grad_(False)
    return layer


RIGHT = {
    "20.1": [
        Right(lambda kernel, dilation=1: dilation * (kernel // 2)),
        Right(lambda kernel, dilation=1: (dilation * (kernel - 1) + 1) // 2),
        Right(padding_by_search),
    ],
    "20.2": [
        Right(lambda c, o, k, bias=True: o * (c * k**2 + int(bias))),
        Right(parameters_by_product),
        Right(parameters_by_loop),
    ],
    "20.3": [
        Right(shapes_by_hooks),
        Right(shapes_by_accumulate),
        Right(shapes_by_recursion),
        Right(shapes_by_slices),
    ],
    "20.4": [Right(merge_by_units), Right(merge_with_parameters), Right(merge_by_data)],
    "20.5": [Right(quick), Right(quick_lazy), Right(quick_by_side)],
}
WRONG = {
    "20.1": [
        Wrong(lambda kernel, dilation=1: kernel // 2, hint="spans 13 pixels"),
        Wrong(lambda kernel, dilation=1: dilation * (kernel - 1) / 2, hint="use //"),
        Wrong(lambda kernel, dilation=1: dilation * (kernel - 1), hint="half of what is lost"),
        Wrong(lambda kernel, dilation=1: 2, hint="should be 1"),
        Wrong(lambda kernel, dilation=1: dilation * kernel // 2, hint="should be 6"),
        Wrong(lambda kernel, dilation=1: "same", hint="should be 2"),
    ],
    "20.2": [
        Wrong(lambda c, o, k, bias=True: c * o * k * k, hint="32 biases"),
        Wrong(lambda c, o, k, bias=True: o * (c * k + 1), hint="3 x 5 x 5"),
        Wrong(lambda c, o, k, bias=True: o * (c * k * k + 1), hint="no biases"),
        Wrong(lambda c, o, k, bias=True: o * c * (k * k + 1), hint="not for each kernel's sheet"),
        Wrong(
            parameters_by_linear,
            hint="own layer is switched off",
            forbidden="Compute it without making the layer.",
        ),
        Wrong(
            parameters_by_layer,
            hint="own layer is switched off",
            forbidden="Compute it without making the layer.",
        ),
    ],
    "20.3": [
        Wrong(meddles(shapes_by_slices, "zero_grad"), hint="changed a module"),
        Wrong(meddles(shapes_by_slices, "train"), hint="in another mode"),
        Wrong(meddles(shapes_by_slices, "requires_grad_"), hint="is frozen"),
        Wrong(lambda network, x: shapes_by_hooks(network.eval(), x), hint="in another mode"),
        Wrong(lambda network, x: shapes_by_hooks(network.requires_grad_(False), x), hint="is frozen"),
        Wrong(hooks_left, hint="hook is left"),
        Wrong(shapes_without_input, hint="the input's is the first"),
        Wrong(shapes_of_whole_network, hint="the result[1]"),
        Wrong(lambda network, x: [x.shape] + [layer(x).shape for layer in network], hint="raised"),
        Wrong(
            lambda network, x: [y.numel() for y in accumulate(network, lambda y, layer: layer(y), initial=x)],
            hint="the result[0]",
        ),
        Wrong(lambda network, x: shapes_by_hooks(network, x)[:-1], hint="the input's is the first"),
        Wrong(lambda network, x: shapes_along(network.children(), x), hint="one and the same"),
        Wrong(lambda network, x: shapes_along([*network.modules()][1:], x), hint="layer of its own"),
        Wrong(hooks_by_place, hint="one and the same"),
    ],
    "20.4": [
        Wrong(meddles(merge_by_units, "zero_grad"), hint="changed a module"),
        Wrong(meddles(merge_by_units, "eval"), hint="changed a module"),
        Wrong(bias_not_carried_over, hint="goes through the second"),
        Wrong(missing_bias_not_foreseen, hint="raised"),
        Wrong(shares_the_second_bias, hint="shares memory with one of the two"),
        Wrong(
            lambda first, second: nn.Linear(first.out_features, second.out_features),
            hint="shape of the weight",
        ),
        Wrong(copy_of_the_second, hint="make a new layer"),
        Wrong(other_order, hint="raised"),
        Wrong(only_the_second_bias_missing, hint="second layer is missing"),
        Wrong(changes_the_first, hint="changed one of the two"),
        Wrong(freezes_the_first, hint="changed one of the two"),
        Wrong(frozen_bias, hint="cannot be trained"),
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
        Wrong(without_flatten, hint="layer 9, counted from 0, is Linear; Flatten is wanted there"),
        Wrong(
            lambda c, s, k: quick(c, s, k).insert(11, nn.Dropout()),
            hint="layer 11, counted from 0, is Dropout; ReLU is wanted there",
        ),
        Wrong(lambda c, s, k: quick(c, s, k, last=[nn.Linear(k, k)]), hint="number of layers"),
        Wrong(overlapping, hint="2 x 2 pooling"),
        Wrong(lambda c, s, k: quick(c, s, k).eval(), hint="in eval mode"),
        Wrong(lambda c, s, k: quick(c, s, k).requires_grad_(False), hint="is frozen"),
        Wrong(rounds_up, hint="rounds a size down"),
        Wrong(own_flatten, hint="class Flatten, which is not PyTorch's own"),
        Wrong(mirrored, hint="the defaults of the others"),
    ],
}
