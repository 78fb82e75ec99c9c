"""Checkers of chapter 20, CIFAR10-quick."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from . import NotYet, _, call, describe, exercise, expect, join, keep, require, same, switched_off


@exercise("20.1")
def same_padding(answer):
    for given in [(5, 1), (3, 1), (1, 1), (7, 2), (3, 3), (9, 5), (11,)]:
        kernel, dilation = given[0], (*given, 1)[1]
        found = call(answer, *given, name="same_padding")
        where = _("same_padding{given}", given=f"({kernel})" if len(given) == 1 else given)
        expected = dilation * (kernel - 1) // 2
        if isinstance(found, float) and found == expected:
            raise NotYet(
                _(
                    "{where} is {found:.1f}, a float; a padding counts pixels, so use // instead of /.",
                    where=where,
                    found=found,
                )
            )
        span = dilation * (kernel - 1) + 1
        expect(
            found,
            expected,
            where,
            _(
                "The kernel spans {span} pixels, so {lost} are lost without padding.",
                span=span,
                lost=span - 1,
            ),
            mistakes={
                _("The padding is added on both sides, so half of what is lost is enough."): span - 1,
                _(
                    "With dilation {dilation} the kernel spans {span} pixels.", dilation=dilation, span=span
                ): kernel // 2,
            },
        )
    return _("2 · padding = dilation · (kernel - 1); `padding='same'` in Conv2d works it out for you.")


@exercise("20.2")
def conv_parameters(answer):
    cases = [(3, 32, 5), (32, 64, 5), (1, 1, 1), (8, 4, 3, False), (2, 7, 3, True), (1000, 1000, 9)]
    for given in cases:
        channels_in, channels_out, kernel = given[:3]
        bias = (*given, True)[3]
        weights = channels_out * channels_in * kernel**2
        with switched_off(_("layer"), (nn.Module, "__init__")):
            found = call(answer, *given, name="conv_parameters")
        why = _(
            "There are {out} kernels of {size} x {kernel} x {kernel} numbers.",
            out=channels_out,
            size=channels_in,
            kernel=kernel,
        )
        mistakes = {
            _("It has {out} biases, one for each output channel.", out=channels_out): weights,
            _("There is one bias for each output channel, not for each kernel's sheet."): weights
            + channels_in * channels_out,
        }
        if not bias:
            mistakes = {_("With bias=False there are no biases."): weights + channels_out}
        expect(
            found,
            weights + (channels_out if bias else 0),
            _("conv_parameters{given}", given=given),
            why,
            rtol=0,
            mistakes=mistakes,
        )
    return _("The size of the picture is not among the arguments: the same kernels serve every picture.")


class Twice(nn.Module):
    """One layer, with a layer of its own."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 3)

    def forward(self, x):
        return self.inner(self.inner(x))


@exercise("20.3")
def shapes(answer):
    small = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 2))
    norm = nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3), nn.Unflatten(1, (3, 1)))
    small.eval(), norm[0].bias.requires_grad_(False)
    pool = nn.MaxPool2d(2)
    shared = nn.Sequential(pool, nn.ReLU(), pool)
    why_shared = _("Its first and last layer are one and the same.")
    nested = nn.Sequential(nn.Linear(6, 3), Twice(), nn.Linear(3, 2))
    why_nested = _("One of them has a layer of its own; it counts as one.")
    cases = [
        (small, (1, 3, 8, 8), ""),
        (small, (5, 3, 8, 8), ""),
        (norm, (4, 6), ""),
        (nn.Sequential(), (2, 3), ""),
        (nested, (4, 6), why_nested),
        (shared, (2, 3, 8, 8), why_shared),
    ]
    for network, shape, why in cases:
        x = torch.rand(shape)
        before, training = [p.requires_grad for p in network.parameters()], network.training
        expected, y = [shape], x
        for layer in copy.deepcopy(network):
            y = layer(y)
            expected.append(tuple(y.shape))
        unchanged = keep(network, name="shapes", buffers=False)
        found = call(answer, network, x, name="shapes")
        require(
            isinstance(found, list | tuple),
            _("shapes returned {found}; a list of shapes is wanted.", found=describe(found)),
        )
        require(
            all(layer.training == training for layer in network.modules())
            and [p.requires_grad for p in network.parameters()] == before,
            _("the network is frozen, or in another mode, after the call; only look at the shapes."),
        )
        require(
            not any(layer._forward_hooks for layer in network.modules()),
            _("a hook is left in the network; remove it."),
        )
        unchanged()
        found = [tuple(one) if isinstance(one, torch.Size | list) else one for one in found]
        problem = _(
            "shapes lists {count} shapes for a network of {layers} layers; {wanted} are wanted, the input's is the "
            "first.",
            count=len(found),
            layers=len(network),
            wanted=len(expected),
        )
        require(len(found) == len(expected), join(problem, why))
        for i, (one, wanted) in enumerate(zip(found, expected, strict=True)):
            expect(
                one,
                wanted,
                _("for x of shape {shape}, the result[{i}]", shape=shape, i=i),
                _("Each layer gets the output of the one before it."),
            )
    return _("The first place where a shape surprises you is where the mistake is.")


@exercise("20.4")
def merge(answer):
    cases = [
        ((6, 4, 3), (True, True)),
        ((5, 7, 2), (False, True)),
        ((3, 3, 3), (True, False)),
        ((4, 2, 3), (False, False)),
    ]
    for sizes, biases in cases:
        first, second = nn.Linear(*sizes[:2], bias=biases[0]), nn.Linear(*sizes[1:], bias=biases[1])
        kept = copy.deepcopy(first), copy.deepcopy(second)
        x = torch.randn(4, sizes[0])
        untouched = keep(first, second, name="merge")
        merged = call(answer, first, second, name="merge")
        where = _(
            "for Linear{one} then Linear{two}, biases {biases},", one=sizes[:2], two=sizes[1:], biases=biases
        )
        require(
            isinstance(merged, nn.Linear),
            _("{where} merge returned {found}; an nn.Linear is wanted.", where=where, found=describe(merged)),
        )
        expect(
            tuple(merged.weight.shape),
            (sizes[2], sizes[0]),
            _("{where} the shape of the weight", where=where),
            _("It is (out, in)."),
        )
        expect(
            (merged.in_features, merged.out_features),
            (sizes[0], sizes[2]),
            _("{where} (in_features, out_features)", where=where),
            _("A copy of a layer keeps its numbers, even if it gets another weight; make a new layer."),
        )
        unchanged = all(
            torch.equal(new, old)
            for layer, before in zip((first, second), kept, strict=True)
            for new, old in zip(layer.state_dict().values(), before.state_dict().values(), strict=True)
        )
        require(
            unchanged
            and first.weight.shape == (sizes[1], sizes[0])
            and all(p.requires_grad for layer in (first, second) for p in layer.parameters()),
            _("{where} merge has changed one of the two layers; make a new one.", where=where),
        )
        untouched()
        memory = {p.data_ptr() for layer in (first, second) for p in layer.parameters()}
        require(
            not any(p.data_ptr() in memory for p in merged.parameters()),
            _(
                "{where} the merged layer shares memory with one of the two layers, so that training it would change "
                "that layer; copy the numbers.",
                where=where,
            ),
        )
        product = (second.weight @ first.weight).detach()
        found = call(merged, x, name=_("the merged layer"))
        at_zero = call(merged, torch.zeros(1, sizes[0]), name=_("the merged layer")).detach()
        expect(
            (found - at_zero).detach(),
            x @ product.T,
            _("{where} the part of the output that x makes", where=where),
            _("The weight is second.weight @ first.weight."),
        )
        middle = torch.zeros(sizes[1]) if first.bias is None else first.bias
        last = torch.zeros(sizes[2]) if second.bias is None else second.bias
        expect(
            at_zero[0],
            (second.weight @ middle + last).detach(),
            _("{where} the output for x = 0", where=where),
            _("The biases make it: second.weight @ first.bias + second.bias."),
            mistakes={
                _("The bias of the first layer goes through the second."): last.detach(),
                _("The bias of the second layer is missing."): (second.weight @ middle).detach(),
                _("There is no bias."): torch.zeros(sizes[2]),
            },
        )
        require(
            isinstance(merged.weight, nn.Parameter) and all(p.requires_grad for p in merged.parameters()),
            _("{where} the merged layer's weight or bias cannot be trained.", where=where),
        )
    return _(
        "A stack of linear layers is never more than one linear layer; what stands between them makes the difference."
    )


def leaves(network: nn.Sequential) -> list[nn.Module]:
    """The layers in order, also those of a Sequential inside another."""
    return [
        leaf for layer in network for leaf in (leaves(layer) if isinstance(layer, nn.Sequential) else [layer])
    ]


def size_kept(network: nn.Sequential) -> bool:
    """True if each convolution keeps the size of its picture."""
    kernels = [layer for layer in leaves(network) if isinstance(layer, nn.Conv2d)]
    return all(layer.padding in ((2, 2), "same") and layer.kernel_size == (5, 5) for layer in kernels)


@exercise("20.5")
def quick_for(answer):
    wanted = ["Conv2d", "MaxPool2d", "ReLU"] * 3 + ["Flatten", "Linear", "ReLU", "Linear"]
    for channels, side, classes in [(3, 32, 10), (1, 28, 10), (4, 50, 7), (2, 8, 3)]:
        where = _("quick_for({channels}, {side}, {classes})", channels=channels, side=side, classes=classes)
        network = call(answer, channels, side, classes, name="quick_for")
        require(
            isinstance(network, nn.Sequential),
            _("{where} returned {found}; a Sequential is wanted.", where=where, found=describe(network)),
        )
        for layer in leaves(network):
            require(
                type(layer).__module__.startswith("torch.nn."),
                _(
                    "{where} has a layer of the class {kind}, which is not PyTorch's own; nn has a layer for each step.",
                    where=where,
                    kind=type(layer).__name__,
                ),
            )
        kinds = [type(layer).__name__.removeprefix("Lazy") for layer in leaves(network)]
        require(
            kinds.count("ReLU") == 4,
            _(
                "{where} has {count} ReLU layers; 4 are wanted, three after a pooling and one after the first linear "
                "layer.",
                where=where,
                count=kinds.count("ReLU"),
            ),
        )
        require(
            kinds[-1] == "Linear",
            _(
                "{where} ends with {kind}; the last layer gives the logits as they are.",
                where=where,
                kind=kinds[-1],
            ),
        )
        for i, (kind, right) in enumerate(zip(kinds, wanted, strict=False)):
            require(
                kind == right,
                _(
                    "{where}: layer {i}, counted from 0, is {found}; {wanted} is wanted there.",
                    where=where,
                    i=i,
                    found=kind,
                    wanted=right,
                ),
            )
        expect(len(kinds), len(wanted), _("the number of layers of {where}", where=where))
        small = torch.rand(1, 1, 5, 5)
        for pool in [layer for layer in leaves(network) if isinstance(layer, nn.MaxPool2d)]:
            require(
                same(call(pool, small, name=_("the pooling")), F.max_pool2d(small, 2)),
                _(
                    "{where} has {pool}; this chapter's is a 2 x 2 pooling with stride 2, which rounds a size down.",
                    where=where,
                    pool=pool,
                ),
            )
        after = side // 8
        first = next(layer for layer in leaves(network) if isinstance(layer, nn.Linear))
        require(
            isinstance(first, nn.LazyLinear) or first.in_features == 64 * after**2 or not size_kept(network),
            _(
                "in {where} the first linear layer expects {features} numbers, but `Flatten` gets 64 channels of "
                "{after} x {after}, that is {wanted}: {side} is halved three times, and rounded down each time.",
                where=where,
                features=getattr(first, "in_features", "?"),
                after=after,
                wanted=64 * after**2,
                side=side,
            ),
        )
        x = torch.randn(2, channels, side, side)
        logits = call(network, x, name=_("the network"))
        expect(
            tuple(logits.shape),
            (2, classes),
            _("for a batch of 2, {where} gives logits whose shape", where=where),
        )
        expected = 32 * (channels * 25 + 1) + 32 * (32 * 25 + 1) + 64 * (32 * 25 + 1)
        expected += 64 * (64 * after**2 + 1) + classes * 65
        found = sum(p.numel() for p in network.parameters())
        why = _("Channels 32, 32, 64; kernel 5; then 64; each layer with biases.")
        expect(found, expected, _("the number of parameters of {where}", where=where), why)
        require(
            all(p.requires_grad for p in network.parameters()) and all(m.training for m in network.modules()),
            _("{where} is frozen, or in eval mode; a new network is neither.", where=where),
        )
        reference = _reference(channels, side, classes)
        names = dict(zip(reference.state_dict(), network.state_dict().values(), strict=True))
        reference.load_state_dict(names)
        expect(
            logits,
            reference(x),
            _(
                "the logits of {where}, against the network of this chapter with the same weights,",
                where=where,
            ),
            _("Look at padding 2, 2 x 2 pooling with stride 2, and the defaults of the others."),
        )
    return _("Only the first linear layer depends on the size of the picture.")


def _reference(channels: int, side: int, classes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for size_in, size_out in [(channels, 32), (32, 32), (32, 64)]:
        layers += [nn.Conv2d(size_in, size_out, 5, padding=2), nn.MaxPool2d(2), nn.ReLU()]
    head = [nn.Flatten(), nn.Linear(64 * (side // 8) ** 2, 64), nn.ReLU(), nn.Linear(64, classes)]
    return nn.Sequential(*layers, *head)
