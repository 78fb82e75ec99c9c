"""Checkers of chapter 12, normalization."""

import copy

import torch
from torch import nn

from . import call, describe, exercise, expect, require, switched_off


def draw(*shape, number=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(number))


@exercise("12.1")
def axes_of(*answers):
    expected = {
        "BatchNorm2d(C)": (0, 2, 3),
        "LayerNorm([C, H, W])": (1, 2, 3),
        "InstanceNorm2d(C)": (2, 3),
    }
    whys = {
        "BatchNorm2d(C)": "It keeps one mean per channel, so every axis but that of C is averaged over.",
        "LayerNorm([C, H, W])": "It keeps one mean per picture, so every axis but that of N is averaged over.",
        "InstanceNorm2d(C)": "It keeps one mean per picture and channel.",
    }
    require(len(answers) == 3, f"three answers are wanted, not {len(answers)}.")
    for (name, axes), given in zip(expected.items(), answers, strict=True):
        require(
            isinstance(given, list | tuple) and all(type(axis) is int for axis in given),
            f"for {name} the answer is {describe(given)}; a tuple of axes such as (0, 1) is wanted.",
        )
        given = tuple(sorted(axis % 4 for axis in given))
        why = whys[name]
        if given == tuple(axis for axis in range(4) if axis not in axes):
            why = f"These are the axes that keep means of their own; name the others. {why}"
        expect(given, axes, f"the axes of {name}", why)
    return "The axes that are left out are the ones that keep a mean of their own."


def look_for(found, x, expected, candidates):
    """The explanation of the first candidate that `found` equals, if it is a tensor like `expected`."""
    if isinstance(found, torch.Tensor) and found.shape == expected.shape and found.dtype == expected.dtype:
        for why, candidate in candidates.items():
            if torch.allclose(found, candidate, rtol=1e-4, atol=1e-5):
                return why
    return ""


def normalise(x, dim, eps, correction=0):
    return (x - x.mean(dim, keepdim=True)) / (x.var(dim, correction=correction, keepdim=True) + eps).sqrt()


def own_only():
    """Switches PyTorch's normalisations off while an answer runs."""
    names = ("batch_norm", "group_norm", "instance_norm", "layer_norm")
    return switched_off("normalisation", *((holder, n) for n in names for holder in (torch, nn.functional)))


@exercise("12.2")
def batch_norm(answer):
    for shape, size, eps in [
        ((4, 3, 2, 2), 3.0, 1e-5),
        ((2, 5, 3, 1), 0.05, 1e-2),
        ((1, 2, 4, 4), 1.0, 1e-5),
    ]:
        x = size * draw(*shape) + 2
        with own_only():
            found = call(answer, x, eps=eps, name="batch_norm")
        expected = normalise(x, (0, 2, 3), eps)
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
        candidates = {
            "You divided the squares by N - 1; `var` does, unless correction=0.": normalise(
                x, (0, 2, 3), eps, 1
            ),
            "This is a mean per picture and channel, InstanceNorm; axis 0 is missing.": normalise(
                x, (2, 3), eps
            ),
            "This is a mean per picture, LayerNorm; one mean per channel is wanted.": normalise(
                x, (1, 2, 3), eps
            ),
            "This is one mean for all numbers; each channel has its own.": normalise(x, (0, 1, 2, 3), eps),
            "The standard deviation is missing: divide by it.": x - mean,
            "This is a mean per pixel; the axes of height and width are missing.": normalise(x, (0,), eps)
            if shape[0] > 1
            else x,
            "You divided by the variance; its root is the standard deviation.": (x - mean) / (var + eps),
            "eps is added to the variance, under the root, not to the root.": (x - mean) / (var.sqrt() + eps),
            "eps is missing: it is added to the variance.": (x - mean) / var.sqrt(),
        }
        why = look_for(found, x, expected, candidates)
        expect(found, expected, f"batch_norm of {describe(x)}, eps={eps:g},", why)
    return "One mean per channel, over pictures, rows and columns; that is all of BatchNorm but its two parameters."


@exercise("12.3")
def update(answer):
    for momentum in (0.1, 0.3):
        norm = nn.BatchNorm1d(2, momentum=momentum)
        for number, count in [(0, 4), (1, 3)]:
            x = 2 * draw(count, 2, number=number) + 5
            old_mean, old_var = norm.running_mean.clone(), norm.running_var.clone()
            found = call(answer, old_mean, old_var, x, momentum=momentum, name="update")
            require(
                isinstance(found, list | tuple) and len(found) == 2,
                f"update returned {describe(found)}; two tensors are wanted, mean and variance.",
            )
            norm(x)
            swapped = momentum * old_mean + (1 - momentum) * x.mean(0)
            why = look_for(
                found[0],
                x,
                norm.running_mean,
                {
                    "momentum is the share of the new batch, 1 - momentum that of the old value.": swapped,
                    "The old value has a share, too: 1 - momentum.": x.mean(0),
                },
            )
            where = f"with momentum {momentum}, a batch of {count} and running mean {describe(old_mean)},"
            expect(found[0], norm.running_mean, f"{where} the new mean", why)
            by_n = (1 - momentum) * old_var + momentum * x.var(0, correction=0)
            deviation = (1 - momentum) * old_var + momentum * x.std(0)
            why = look_for(
                found[1],
                x,
                norm.running_var,
                {
                    "The running variance takes the squares divided by N - 1, not by N.": by_n,
                    "It is the variance that is averaged, not the standard deviation.": deviation,
                },
            )
            if isinstance(found[1], torch.Tensor) and torch.equal(found[1], old_var):
                why = "The variance is still the old one; it moves in the same way as the mean."
            expect(found[1], norm.running_var, f"{where} the new variance", why)
    return "After k batches the old value still counts (1 - momentum)^k: with 0.1, a tenth is left after 22 batches."


@exercise("12.4")
def group_norm(answer):
    cases = [
        ((2, 6, 4, 4), 2, {}),
        ((3, 4, 2, 5), 4, {}),
        ((1, 8, 3, 3), 1, {}),
        ((2, 6, 2, 2), 3, {}),
        ((2, 6, 3, 3), 3, {"eps": 0.5}),
    ]
    for shape, groups, options in cases:
        x = draw(*shape) + torch.arange(shape[1]).view(-1, 1, 1)
        with own_only():
            found = call(answer, x, groups, name="group_norm", **options)
        N, C, H, W = shape
        expected = nn.functional.group_norm(x, groups, **options)
        every_other = x.reshape(N, C // groups, groups, H, W)
        sizes_swapped = x.reshape(N, C // groups, -1)
        candidates = {
            "You divided the squares by N - 1; `var` does, unless correction=0.": normalise(
                x.reshape(N, groups, -1), (2,), 1e-5, 1
            ).reshape(shape),
            "The pictures are averaged together; each picture keeps its own means.": normalise(
                x.reshape(N, groups, C // groups, H, W), (0, 2, 3, 4), 1e-5
            ).reshape(shape),
            "Your groups hold every n-th channel; a group is made of neighbours.": normalise(
                every_other, (1, 3, 4), 1e-5
            ).reshape(shape),
            "You made C / groups groups of `groups` channels; it should be the other way round.": normalise(
                sizes_swapped, (2,), 1e-5
            ).reshape(shape),
            "This is a mean per channel; average over the channels of a group as well.": normalise(
                x, (2, 3), 1e-5
            ),
        }
        if options:
            candidates = {
                "eps is not used: it is added to the variance, as it was given.": nn.functional.group_norm(
                    x, groups
                ),
                **candidates,
            }
        why = look_for(found, x, expected, candidates)
        given = "".join(f", {key}={value}" for key, value in options.items())
        expect(found, expected, f"group_norm of {describe(x)} into {groups} groups{given}", why)
    return "One group is LayerNorm over a picture, C groups are InstanceNorm; between them lies GroupNorm."


@exercise("12.5")
def fold(answer):
    settings = [
        ({"kernel_size": 3, "bias": True}, 1.0),
        ({"kernel_size": 3, "padding": 1, "stride": 2, "bias": False}, 1e-3),
        ({"kernel_size": 1, "bias": True}, 1.0),
    ]
    for number, (options, size) in enumerate(settings):
        conv, norm = nn.Conv2d(3, 4, **options), nn.BatchNorm2d(4).eval()
        with torch.no_grad():
            norm.weight.copy_(draw(4, number=number) + 2)
            norm.bias.copy_(draw(4, number=number + 1))
            norm.running_mean.copy_(draw(4, number=number + 2))
            norm.running_var.copy_(size * draw(4, number=number + 3).abs() + 1e-6)
        before = [copy.deepcopy(conv.state_dict()), copy.deepcopy(norm.state_dict())]
        folded = call(answer, conv, norm, name="fold")
        where = f"for Conv2d(3, 4, {', '.join(f'{k}={v}' for k, v in options.items())})"
        require(
            isinstance(folded, nn.Conv2d),
            f"{where} fold returned {describe(folded)}; one nn.Conv2d is wanted.",
        )
        for kind, module, old in zip(("conv", "norm"), (conv, norm), before, strict=True):
            same = all(torch.equal(value, old[key]) for key, value in module.state_dict().items())
            require(
                same, f"{where} fold changed {kind}; make a new layer and leave the old ones as they are."
            )
        x = draw(2, 3, 8, 8)
        found = call(folded, x, name="the folded layer")
        expected = norm(conv(x))
        expect(
            tuple(found.shape),
            tuple(expected.shape),
            f"{where} the shape that comes out",
            "Copy stride and padding.",
        )
        require(
            folded.bias is not None, f"{where} the folded layer has no bias; the mean has to go somewhere."
        )
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        zero = torch.zeros(1, 3, 8, 8)
        x_part = found - folded(torch.zeros_like(x))
        wanted = expected - norm(conv(torch.zeros_like(x)))
        why = "Each output channel's kernel is multiplied by weight / sqrt(running_var + eps)."
        if torch.allclose(x_part, wanted / norm.weight.view(-1, 1, 1), rtol=1e-3, atol=1e-5):
            why = "norm.weight is missing from the scale."
        elif torch.allclose(folded.weight, conv.weight):
            why = f"The weights are those of conv; {why[0].lower()}{why[1:]}"
        elif torch.allclose(
            folded.weight,
            conv.weight * (norm.weight / norm.running_var.sqrt()).view(-1, 1, 1, 1),
            rtol=1e-4,
        ):
            why = "eps is missing: it matters where running_var is small."
        expect(x_part, wanted, f"{where} the part of the output that x makes", why, rtol=1e-3, atol=1e-4)
        given = folded.bias.detach()
        conv_bias = torch.zeros(4) if conv.bias is None else conv.bias
        why = "It is (conv's bias - running_mean) * scale + norm.bias."
        if torch.allclose(given, norm.bias - norm.running_mean * scale, rtol=1e-3, atol=1e-4):
            why = "conv's own bias is missing; it is scaled, too."
        elif torch.allclose(given, conv_bias + norm.bias - norm.running_mean * scale, rtol=1e-3, atol=1e-4):
            why = "conv's own bias is scaled, too."
        elif torch.allclose(given, conv_bias * scale + norm.bias, rtol=1e-3, atol=1e-4):
            why = "running_mean is missing: it is subtracted before scaling."
        expect(folded(zero), norm(conv(zero)), f"{where} the output for x = 0", why, rtol=1e-3, atol=1e-3)
    return "That is why BatchNorm is free in use: ready networks are shipped with it folded away."
