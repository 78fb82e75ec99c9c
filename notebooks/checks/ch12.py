"""Checkers of chapter 12, normalization."""

import copy
from numbers import Integral

import torch
from torch import nn
from torch.nn import functional as F

from . import (
    _,
    call,
    describe,
    exercise,
    expect,
    expect_trainable,
    keep,
    pytorchs_own,
    require,
    same,
    switched_off,
)


def draw(*shape, number=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(number))


def other(expected, mistakes):
    """The mistakes that give something else than what is expected, in this case."""
    return {hint: value for hint, value in mistakes.items() if not same(value, expected)}


def is_whole(number):
    """True for an int, NumPy's too; not for True and False."""
    return isinstance(number, Integral) and not isinstance(number, bool)


@exercise("12.1")
def axes_of(*answers):
    cases = [
        (
            "BatchNorm2d(C)",
            (0, 2, 3),
            _("It keeps one mean per channel, so every axis but that of C is averaged over."),
        ),
        (
            "LayerNorm([C, H, W])",
            (1, 2, 3),
            _("It keeps one mean per picture, so every axis but that of N is averaged over."),
        ),
        ("InstanceNorm2d(C)", (2, 3), _("It keeps one mean per picture and channel.")),
    ]
    require(len(answers) == 3, _("three answers are wanted, not {count}.", count=len(answers)))
    for (name, axes, why), given in zip(cases, answers, strict=True):
        require(
            isinstance(given, list | tuple | set | range) and all(is_whole(axis) for axis in given),
            _(
                "for {name} the answer is {found}; a tuple of axes such as (0, 1) is wanted.",
                name=name,
                found=describe(given),
            ),
        )
        require(
            all(-4 <= axis < 4 for axis in given),
            _("for {name} the answer is {found}; x has the axes 0 to 3.", name=name, found=describe(given)),
        )
        left_out = tuple(axis for axis in range(4) if axis not in axes)
        expect(
            tuple(sorted(axis % 4 for axis in given)),
            axes,
            _("the tuple for {name}, sorted,", name=name),
            why,
            mistakes={
                _(
                    "These are the axes that keep means of their own; name the others. {why}", why=why
                ): left_out
            },
        )
    return _("The axes that are left out are the ones that keep a mean of their own.")


def normalise(x, dim, eps, correction=0):
    return (x - x.mean(dim, keepdim=True)) / (x.var(dim, correction=correction, keepdim=True) + eps).sqrt()


def few_digits():
    """For a case far from 0, where all but this mistake has been found before."""
    return _(
        "mean(x²) - mean(x)² is the variance on paper only: of two large, nearly equal numbers float32 "
        "keeps too few digits. Subtract the mean first, then square."
    )


def own_only():
    """Switches PyTorch's normalisations off while an answer runs."""
    kinds = ("batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm")
    return switched_off(_("normalisation"), *pytorchs_own(*kinds))


@exercise("12.2")
def batch_norm(answer):
    for number, (shape, size, options) in enumerate(
        [
            ((4, 3, 2, 2), 3.0, {}),
            ((2, 5, 3, 1), 0.05, {"eps": 1e-2}),
            ((1, 2, 4, 4), 1.0, {}),
            ((3, 3, 3, 3), 0.005, {}),
            ((7, 2, 3, 2), 1.0, {}),
            ((3, 2, 2, 3), 1.0, {}),  # far from 0
        ]
    ):
        x = size * (draw(*shape, number=number) + torch.arange(shape[1]).view(-1, 1, 1))
        if number == 2:
            x = x.double()
        if number == 5:
            x = x + 1000
        eps = options.get("eps", 1e-5)
        with own_only():
            found = call(answer, x, **options, name="batch_norm")
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
        expected = (x - mean) / (var + eps).sqrt()
        what = _("batch_norm of {x}, eps={eps},", x=describe(x), eps=eps)
        expect(
            found,
            expected,
            what,
            few_digits() if number == 5 else "",
            mistakes=other(
                expected,
                {
                    _("You divided the squares by N - 1; `var` does, unless correction=0."): normalise(
                        x, (0, 2, 3), eps, correction=1
                    ),
                    _("This is a mean per picture and channel, InstanceNorm; axis 0 is missing."): normalise(
                        x, (2, 3), eps
                    ),
                    _("This is a mean per picture, LayerNorm; one mean per channel is wanted."): normalise(
                        x, (1, 2, 3), eps
                    ),
                    _("This is one mean for all numbers; each channel has its own."): normalise(
                        x, (0, 1, 2, 3), eps
                    ),
                    _("The standard deviation is missing: divide by it."): x - mean,
                    _("This is a mean per pixel; the axes of height and width are missing."): normalise(
                        x, (0,), eps
                    ),
                    _("You divided by the variance; its root is the standard deviation."): (x - mean)
                    / (var + eps),
                    _("eps is added to the variance, under the root, not to the root."): (x - mean)
                    / (var.sqrt() + eps),
                    _("eps is missing: it is added to the variance."): (x - mean) / var.sqrt(),
                    _("eps is not used as it was given."): normalise(x, (0, 2, 3), 1e-5),
                },
            ),
            rtol=1e-3 if number == 5 else 1e-4,  # float32 has few digits left there
            atol=1e-3 if number == 5 else 1e-5,
        )
        if number == 0:
            with own_only():
                expect_trainable(
                    answer,
                    lambda x: normalise(x, (0, 2, 3), 1e-5),
                    x,
                    what=what,
                    why=_("Mean and variance depend on x, too: detach nothing."),
                    name="batch_norm",
                )
    return _(
        "One mean per channel, over pictures, rows and columns; that is all of BatchNorm but its two parameters."
    )


@exercise("12.3")
def update(answer):
    for features, options in [
        (2, {"momentum": 0.1}),
        (2, {"momentum": 0.3}),
        (2, {}),
        (5, {"momentum": 0.9}),
        (2, {"momentum": 0.0}),
        (2, {"momentum": 1.0}),
    ]:
        norm = nn.BatchNorm1d(features, **options)
        momentum = norm.momentum
        for number, count in [(0, 4), (1, 3), (2, 9)]:
            x = torch.linspace(2, 0.5, features) * draw(count, features, number=number) + 5
            old_mean, old_var = norm.running_mean.clone(), norm.running_var.clone()
            found = call(answer, old_mean, old_var, x, **options, name="update")
            require(
                isinstance(found, list | tuple) and len(found) == 2,
                _(
                    "update returned {found}; two tensors are wanted, mean and variance.",
                    found=describe(found),
                ),
            )
            norm(x)
            where = _(
                "with momentum {momentum}, a batch of {count} and running mean {mean},",
                momentum=momentum,
                count=count,
                mean=describe(old_mean),
            )
            swapped = _("momentum is the share of the new batch, 1 - momentum that of the old value.")
            forgotten = _("The old value has a share, too: 1 - momentum.")
            expect(
                found[0],
                norm.running_mean,
                _("{where} the new mean", where=where),
                mistakes={
                    swapped: momentum * old_mean + (1 - momentum) * x.mean(0),
                    forgotten: x.mean(0),
                    _("The mean is over the examples, axis 0: one for each feature."): (1 - momentum)
                    * old_mean
                    + momentum * x.mean(),
                },
            )
            expect(
                found[1],
                norm.running_var,
                _("{where} the new variance", where=where),
                mistakes={
                    _("The variance is still the old one; it moves in the same way as the mean."): old_var,
                    _("The running variance takes the squares divided by N - 1, not by N."): (1 - momentum)
                    * old_var
                    + momentum * x.var(0, correction=0),
                    _("It is the variance that is averaged, not the standard deviation."): (1 - momentum)
                    * old_var
                    + momentum * x.std(0),
                    swapped: momentum * old_var + (1 - momentum) * x.var(0),
                    forgotten: x.var(0),
                },
            )
    x = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 0.002]])
    found = call(answer, torch.zeros(2), torch.zeros(2), x, momentum=1.0, name="update")
    expect(
        found[1],
        x.var(dim=0),
        _("the new variance of nearly equal numbers"),
        _("The running variance holds no eps; the layer adds eps when it normalises."),
        rtol=1e-2,
        atol=1e-7,
    )
    return _(
        "After k batches the first value still counts (1 - momentum)^k: with 0.1, a tenth is left after 22 batches."
    )


@exercise("12.4")
def group_norm(answer):
    cases = [
        ((2, 6, 4, 4), 2, {}),
        ((3, 4, 2, 5), 4, {}),
        ((1, 8, 3, 3), 1, {}),
        ((2, 6, 2, 2), 3, {}),
        ((2, 6, 3, 3), 3, {"eps": 0.5}),
        ((2, 4, 3, 3), 2, {}),  # small numbers, where eps counts
        ((2, 4, 3, 3), 2, {}),  # far from 0
    ]
    for number, (shape, groups, options) in enumerate(cases):
        N, C, H, W = shape
        x = draw(*shape, number=number) + torch.arange(C).view(-1, 1, 1)
        if number == 2:
            x = x.double()
        if number == 5:
            x = 0.002 * x
        if number == 6:
            x = x + 1000
        eps = options.get("eps", 1e-5)
        with own_only():
            found = call(answer, x, groups, name="group_norm", **options)

        def cut(axes, *sizes, correction=0, eps=eps, x=x):
            return normalise(x.reshape(sizes), axes, eps, correction).reshape(x.shape)

        where = _("group_norm of {x} into {groups} groups, eps={eps},", x=describe(x), groups=groups, eps=eps)
        expect(
            found,
            F.group_norm(x, groups, eps=eps),
            where,
            few_digits() if number == 6 else "",
            mistakes=other(
                F.group_norm(x, groups, eps=eps),
                {
                    _("You divided the squares by N - 1; `var` does, unless correction=0."): cut(
                        2, N, groups, -1, correction=1
                    ),
                    _("The pictures are averaged together; each picture keeps its own means."): cut(
                        (0, 2, 3, 4), N, groups, C // groups, H, W
                    ),
                    _("Your groups hold every n-th channel; a group is made of neighbours."): cut(
                        (1, 3, 4), N, C // groups, groups, H, W
                    ),
                    _(
                        "You made C / groups groups of `groups` channels; it should be the other way round."
                    ): cut(2, N, C // groups, -1),
                    _("This is a mean per channel; average over the channels of a group as well."): cut(
                        2, N, C, -1
                    ),
                    _("eps is not used as it was given: it is added to the variance."): cut(
                        2, N, groups, -1, eps=1e-5
                    ),
                },
            ),
            rtol=1e-3 if number == 6 else 1e-4,
            atol=1e-3 if number == 6 else 1e-5,
        )
        if number == 0:
            with own_only():
                expect_trainable(
                    answer,
                    lambda x, groups: normalise(x.reshape(len(x), groups, -1), 2, 1e-5).reshape(x.shape),
                    x,
                    groups,
                    what=where,
                    why=_("Mean and variance depend on x, too: detach nothing."),
                    name="group_norm",
                )
    return _("One group is LayerNorm over a picture, C groups are InstanceNorm; between them lies GroupNorm.")


@exercise("12.5")
def fold(answer):
    settings = [
        (nn.Conv2d(3, 4, kernel_size=3), nn.BatchNorm2d(4), 1.0),
        (nn.Conv2d(3, 4, kernel_size=3, padding=1, stride=2, bias=False), nn.BatchNorm2d(4), 1e-3),
        (nn.Conv2d(4, 4, kernel_size=(1, 3), padding=(0, 1), stride=(2, 1)), nn.BatchNorm2d(4, eps=0.1), 1.0),
        (nn.Conv2d(2, 6, kernel_size=2), nn.BatchNorm2d(6), 1.0),
    ]
    for number, (conv, norm, size) in enumerate(settings):
        conv.eval(), norm.eval()
        with torch.no_grad():
            norm.weight.copy_(draw(norm.num_features, number=number) + 2)
            norm.bias.copy_(draw(norm.num_features, number=number + 1))
            norm.running_mean.copy_(draw(norm.num_features, number=number + 2))
            norm.running_var.copy_(size * draw(norm.num_features, number=number + 3).abs() + 1e-6)
        kept, unchanged = [copy.deepcopy(conv), copy.deepcopy(norm)], keep(conv, norm, name="fold")
        folded = call(answer, conv, norm, name="fold")
        where = _("for {conv} and {norm}", conv=conv, norm=norm)
        require(
            type(folded) is nn.Conv2d,
            _("{where} fold returned {found}; one nn.Conv2d is wanted.", where=where, found=describe(folded)),
        )
        for kind, module, old in zip(("conv", "norm"), (conv, norm), kept, strict=True):
            require(
                same_state(module, old),
                _(
                    "{where} fold changed {kind}; make a new layer and leave the old ones as they are.",
                    where=where,
                    kind=kind,
                ),
            )
        for module in (folded, conv, norm):
            require(
                not module._forward_hooks and not module._forward_pre_hooks,
                _(
                    "{where} there is a hook on a layer; weight and bias of the new nn.Conv2d must do all the work.",
                    where=where,
                ),
            )
        unchanged()
        compare(folded, conv, norm, where)
    return _(
        "PyTorch has this as torch.nn.utils.fusion.fuse_conv_bn_eval: in use, a folded BatchNorm costs nothing."
    )


def same_state(module, old):
    state, before = module.state_dict(), old.state_dict()
    return (
        module.training == old.training
        and state.keys() == before.keys()
        and all(torch.equal(state[key], before[key]) for key in state)
    )


def compare(folded, conv, norm, where):
    """The folded layer's weight, bias and settings, in this order."""
    std = (norm.running_var + norm.eps).sqrt()

    def scaled(by):
        return conv.weight * by.view(-1, 1, 1, 1)

    expect(
        folded.weight,
        scaled(norm.weight / std),
        _("{where} the folded weight", where=where),
        _("Each output channel's kernel is multiplied by weight / sqrt(running_var + eps)."),
        mistakes={
            _("These are the weights of conv; multiply each output channel's kernel."): conv.weight,
            _("norm.weight is missing from the scale."): scaled(1 / std),
            _("The eps is norm.eps, which need not be 1e-5."): scaled(
                norm.weight / (norm.running_var + 1e-5).sqrt()
            ),
            _("eps is missing: it matters where running_var is small."): scaled(
                norm.weight / norm.running_var.sqrt()
            ),
            _("Divide by the root of the variance."): scaled(norm.weight / std**2),
            **(
                {
                    _("The scale belongs to the output channels, axis 0 of the weight."): conv.weight
                    * (norm.weight / std).view(1, -1, 1, 1)
                }
                if conv.in_channels == conv.out_channels
                else {}
            ),
        },
    )
    require(
        folded.bias is not None,
        _("{where} the folded layer has no bias; the mean has to go somewhere.", where=where),
    )
    own = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias
    scale = norm.weight / std
    expect(
        folded.bias,
        (own - norm.running_mean) * scale + norm.bias,
        _("{where} the folded bias", where=where),
        _("It is (conv's bias - running_mean) * scale + norm.bias."),
        mistakes={
            _("conv's own bias is missing; it is scaled, too."): norm.bias - norm.running_mean * scale,
            _("conv's own bias is scaled, too."): own + norm.bias - norm.running_mean * scale,
            _("running_mean is missing: it is subtracted before scaling."): own * scale + norm.bias,
            _("running_mean is scaled, too."): own * scale - norm.running_mean + norm.bias,
            _("norm.bias is missing: it is added at the end."): (own - norm.running_mean) * scale,
        },
    )
    require(
        len(list(folded.parameters())) == 2,
        _(
            "{where} weight and bias of the folded layer are no nn.Parameter, so they cannot be trained.",
            where=where,
        ),
    )
    x = draw(2, conv.in_channels, 8, 8)
    expected = norm(conv(x))
    found = call(folded, x, name=_("the folded layer"))
    expect(
        tuple(found.shape),
        tuple(expected.shape),
        _("{where} the shape that comes out", where=where),
        _("Copy stride and padding."),
    )
    expect(found, expected, _("{where} the output", where=where), rtol=1e-3, atol=1e-4)
