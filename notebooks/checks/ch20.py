"""Checkers of chapter 20, CIFAR10-quick."""

import torch
from torch import nn

from . import call, describe, exercise, expect, require


@exercise("20.1")
def same_padding(answer):
    for kernel, dilation in [(5, 1), (3, 1), (1, 1), (7, 2), (3, 3)]:
        found = call(answer, kernel, dilation, name="same_padding")
        where = f"same_padding({kernel}, {dilation})"
        expected = dilation * (kernel - 1) // 2
        if isinstance(found, float) and found == expected:
            found = int(found)
            require(
                False, f"{where} is {found:.1f}, a float; a padding counts pixels, so use // instead of /."
            )
        span = dilation * (kernel - 1) + 1
        expect(
            found, expected, where, f"The kernel spans {span} pixels, so {span - 1} are lost without padding."
        )
    return "2 · padding = dilation · (kernel - 1); `padding='same'` in Conv2d works it out for you."


@exercise("20.2")
def conv_parameters(answer):
    for arguments in [(3, 32, 5), (32, 64, 5), (1, 1, 1), (8, 4, 3, False)]:
        expected = sum(
            p.numel() for p in nn.Conv2d(*arguments[:3], bias=arguments[3:] != (False,)).parameters()
        )
        found = call(answer, *arguments, name="conv_parameters")
        channels_in, channels_out, kernel = arguments[:3]
        why = f"There are {channels_out} kernels of {channels_in} x {kernel} x {kernel} numbers"
        why += ", and no biases." if len(arguments) > 3 else f", and {channels_out} biases."
        expect(found, expected, f"conv_parameters{arguments}", why)
    return "The size of the picture is not among the arguments: the same kernels serve every picture."


@exercise("20.3")
def shapes(answer):
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 3 * 3, 2)
    )
    for count in (1, 5):
        x = torch.rand(count, 3, 8, 8)
        expected = [
            (count, 3, 8, 8),
            (count, 4, 6, 6),
            (count, 4, 6, 6),
            (count, 4, 3, 3),
            (count, 36),
            (count, 2),
        ]
        found = call(answer, network, x, name="shapes")
        require(isinstance(found, list), f"shapes returned {describe(found)}; a list of tuples is wanted.")
        found = [tuple(shape) if isinstance(shape, torch.Size) else shape for shape in found]
        require(
            len(found) == len(expected),
            f"shapes lists {len(found)} shapes for a network of 5 layers; 6 are wanted, the input's is the first.",
        )
        for i, (shape, wanted) in enumerate(zip(found, expected, strict=True)):
            expect(shape, wanted, f"for a batch of {count}, the shape at place {i}")
    return "The first place where a shape surprises you is where the mistake is."


@exercise("20.4")
def merge(answer):
    for sizes, bias in [
        ((6, 4, 3), (True, True)),
        ((5, 7, 2), (False, True)),
        ((3, 3, 3), (True, False)),
        ((4, 2, 3), (False, False)),
    ]:
        first, second = nn.Linear(*sizes[:2], bias=bias[0]), nn.Linear(*sizes[1:], bias=bias[1])
        product, x = (second.weight @ first.weight).detach(), torch.randn(4, sizes[0])
        at_zero, before = second(first(torch.zeros(1, sizes[0]))), second(first(x))
        merged = call(answer, first, second, name="merge")
        where = f"for Linear{sizes[:2]} then Linear{sizes[1:]}, biases {bias},"
        require(
            isinstance(merged, nn.Linear),
            f"{where} merge returned {describe(merged)}; an nn.Linear is wanted.",
        )
        wanted = (sizes[2], sizes[0])
        expect(tuple(merged.weight.shape), wanted, f"{where} the shape of the weight", "It is (out, in).")
        require(
            first.weight.shape == (sizes[1], sizes[0]) and torch.equal(second(first(x)), before),
            f"{where} merge has changed one of the two layers; make a new one.",
        )
        without_bias = merged(x) - merged(torch.zeros_like(x))
        expect(without_bias, x @ product.T, f"{where} the part of the output that x makes")
        expect(
            merged(torch.zeros(1, sizes[0])), at_zero, f"{where} the output for x = 0", "The biases make it."
        )
    return "A deep stack of linear layers is never more than one; only what bends in between makes it more."


def leaves(network: nn.Sequential) -> list[nn.Module]:
    """The layers in order, also those of a Sequential inside another."""
    return [
        leaf for layer in network for leaf in (leaves(layer) if isinstance(layer, nn.Sequential) else [layer])
    ]


def size_kept(network: nn.Sequential) -> bool:
    """True if each convolution keeps the size of its picture."""
    kernels = [layer for layer in leaves(network) if isinstance(layer, nn.Conv2d)]
    return all(layer.padding == (2, 2) and layer.kernel_size == (5, 5) for layer in kernels)


@exercise("20.5")
def quick_for(answer):
    wanted = ["Conv2d", "MaxPool2d", "ReLU"] * 3 + ["Flatten", "Linear", "ReLU", "Linear"]
    for channels, side, classes in [(3, 32, 10), (1, 28, 10), (4, 50, 7)]:
        where = f"quick_for({channels}, {side}, {classes})"
        network = call(answer, channels, side, classes, name="quick_for")
        require(
            isinstance(network, nn.Sequential),
            f"{where} returned {describe(network)}; a Sequential is wanted.",
        )
        kinds = [type(layer).__name__.replace("LazyLinear", "Linear") for layer in leaves(network)]
        require(
            kinds.count("ReLU") == 4,
            f"{where} has {kinds.count('ReLU')} ReLU layers; 4 are wanted, three after a pooling and one after the "
            "first linear layer.",
        )
        require(
            kinds[-1] == "Linear",
            f"{where} ends with {kinds[-1]}; the last layer gives the logits as they are.",
        )
        expect(kinds, wanted, f"the list of layers of {where}")
        after = side // 8
        first = next(layer for layer in leaves(network) if isinstance(layer, nn.Linear))
        require(
            isinstance(first, nn.LazyLinear) or first.in_features == 64 * after**2 or not size_kept(network),
            f"in {where} the first linear layer expects {first.in_features} numbers, but `Flatten` finds 64 channels of "
            f"{after} x {after}, that is {64 * after**2}: {side} is halved three times, and rounded down each time.",
        )
        logits = call(network, torch.rand(2, channels, side, side), name="the network")
        expect(tuple(logits.shape), (2, classes), f"the shape of the logits of {where}, for a batch of 2,")
        expected = 32 * (channels * 25 + 1) + 32 * (32 * 25 + 1) + 64 * (32 * 25 + 1)
        expected += 64 * (64 * after**2 + 1) + classes * 65
        found = sum(p.numel() for p in network.parameters())
        expect(
            found, expected, f"the number of parameters of {where}", "Channels 32, 32, 64; kernel 5; then 64."
        )
    return "Only the first linear layer depends on the size of the picture."
