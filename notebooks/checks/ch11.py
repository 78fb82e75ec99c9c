"""Checkers of chapter 11, activations."""

import torch
from torch import nn

from . import call, describe, exercise, expect, require, switched_off


def watched(function, seen):
    """`function`, but the tensors it gets are put into `seen`, so that a change in place can be found."""

    def wrapper(*args, **kwargs):
        seen.append((args[0], args[0].clone()))
        return function(*args, **kwargs)

    return wrapper


@exercise("11.1")
def leaky_relu(answer):
    require(callable(answer), f"the answer should be a function, but is {describe(answer)}.")
    inputs = [
        (torch.tensor([-2.0, -1.0, 0.0, 3.0]), {}),
        (torch.tensor([[-2.0, 4.0], [-6.0, 0.5]]), {"slope": 0.5}),
        (torch.tensor([-3.0, 2.0]), {"slope": 2.0}),
        (torch.full((2, 3, 4, 4), -1.0), {"slope": 0.2}),
    ]
    for x, options in inputs:
        seen = []
        with switched_off("LeakyReLU", (nn.functional, "leaky_relu"), (nn.LeakyReLU, "forward")):
            found = call(watched(answer, seen), x, name="leaky_relu", **options)
        slope = options.get("slope", 0.01)
        why = "Above 0 nothing changes; at and below 0 x is multiplied by slope."
        if isinstance(found, torch.Tensor) and found.shape == x.shape and torch.equal(found, x.clamp(min=0)):
            why = "This is ReLU: the negative numbers should keep a part of their value."
        elif (
            slope > 1 and isinstance(found, torch.Tensor) and torch.equal(found, torch.maximum(x, slope * x))
        ):
            why = "Compare x with 0, not with slope * x: a slope may be above 1."
        expect(found, nn.functional.leaky_relu(x, slope), f"leaky_relu({describe(x)}, {slope})", why)
        for given, before in seen:
            require(
                torch.equal(given, before),
                f"leaky_relu changed its input {describe(before)} to {describe(given)}; make a new tensor "
                "instead of writing in place.",
            )
    return "Its slope is 1 or `slope`, never 0: a unit cannot die."


@exercise("11.2")
def dead_units(answer):
    layer = nn.Linear(2, 4)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]))
        layer.bias.copy_(torch.tensor([0.0, -5.0, 0.0, 0.0]))
    cases = [
        (torch.tensor([[1.0, 2.0], [-3.0, 1.0], [-1.0, 0.0]]), 2),
        (torch.tensor([[-1.0, 2.0], [-3.0, 1.0], [-2.0, 9.0]]), 2),
        (torch.tensor([[-1.0, -2.0]]), 4),
        (torch.tensor([[6.0, 7.0], [-6.0, -7.0]]), 1),
    ]
    for x, expected in cases:
        found = call(answer, layer, x, name="dead_units")
        before = layer(x).detach()
        out = before.relu()
        where = f"where ReLU gives {out.tolist()}, dead_units"
        why = "Each column is a unit; it is dead if all its rows are 0."
        if not isinstance(found, bool) and found == (out == 0).sum().item() != expected:
            why = f"You counted the zeros; a unit counts once, and only if all its {len(x)} rows are 0."
        elif found == (out == 0).all(dim=1).sum().item() != expected:
            why = "You looked along the rows; a unit is a column, so run `all` over axis 0."
        elif found == (before < 0).all(dim=0).sum().item() != expected:
            why = "A unit whose number is exactly 0 before the ReLU gives 0, too: ask for <= 0, not for < 0."
        elif found == (out == 0).any(dim=0).sum().item() != expected:
            why = "One 0 does not make a unit dead; all its rows must be 0."
        expect(found, expected, where, why)
    return "Some zeros are good, they make units specialise; a column of zeros is a unit you pay for in vain."


@exercise("11.3")
def hat(answer):
    network = call(answer, name="hat")
    require(
        isinstance(network, nn.Sequential), f"hat() returned {describe(network)}; a Sequential is wanted."
    )
    kinds = [type(layer).__name__ for layer in network]
    expect(kinds, ["Linear", "ReLU", "Linear"], "the list of layers of hat()")
    widths = (network[0].in_features, network[0].out_features, network[2].out_features)
    expect(widths, (1, 3, 1), "the numbers that go in, between and out of hat()")
    points = {-5.0: 0, -0.5: 0, 0.0: 0, 0.5: 0.5, 1.0: 1, 1.5: 0.5, 2.0: 0, 3.0: 0, 10.0: 0}
    for x, expected in points.items():
        found = call(network, torch.tensor([[x]]), name="the network")
        why = "Each ReLU starts where its weight times x plus its bias passes 0."
        last = network[2].bias
        if x < 0 and last is not None and abs(found.item() - last.item()) < 1e-6:
            why = (
                "This is the bias of the last layer, which is added everywhere; a fresh one is random, not 0."
            )
        if x > 1:
            why = "The slope should be 1 after 0, -1 after 1 and 0 after 2: each ReLU adds its own from there on."
        expect(found.item(), float(expected), f"the hat at x = {x:g}", why)
    return (
        "Any curve of straight pieces is a sum of such hats: that is how a ReLU network draws what it learns."
    )


@exercise("11.4")
def softmax(answer):
    draw = torch.Generator().manual_seed(0)
    cases = [
        (torch.tensor([1.0, 2.0, 3.0]), 0),
        (torch.tensor([[1.0, 2.0, 3.0], [3.0, 3.0, 3.0]]), 1),
        (torch.tensor([[1.0, 2.0, 3.0], [3.0, 3.0, 3.0]]), 0),
        (torch.tensor([[1.0, 2.0, 3.0], [3.0, 3.0, 3.0]]), -1),
        (torch.randn(2, 3, 4, generator=draw), 1),
        (torch.tensor([[1000.0, 1001.0], [-1000.0, -1001.0]]), 1),
    ]
    for scores, dim in cases:
        functions = [
            (holder, name)
            for holder in (torch, torch.Tensor, nn.functional)
            for name in ("softmax", "log_softmax")
        ]
        with switched_off("softmax", *functions):
            found = call(answer, scores, dim, name="softmax")
        expected = scores.softmax(dim=dim)
        where = f"softmax({describe(scores)}, dim={dim})"
        why = f"Along axis {dim} the numbers should sum to 1."
        if isinstance(found, torch.Tensor) and found.shape == scores.shape:
            if found.isnan().any():
                why = "nan comes from inf / inf or 0 / 0: subtract the largest score of each group first."
            elif torch.allclose(found, scores / scores.sum(dim=dim, keepdim=True)):
                why = "The scores themselves are divided; take e to the power of each first."
            elif torch.allclose(found, scores.exp() / scores.exp().sum()) and scores.dim() > 1:
                why = "Yours sums to 1 over the whole tensor; divide by the sum along dim, keepdim=True."
            elif not torch.allclose(found.sum(dim=dim), torch.tensor(1.0)):
                why = f"Along axis {dim} yours sum to {describe(found.sum(dim=dim))}, not to 1."
        expect(found, expected, where, why)
    return "Subtracting the largest score of each group changes no probability and lets nothing overflow."


@exercise("11.5")
def classifier(answer):
    for sizes, activation in [([2, 16, 3], nn.ReLU), ([4, 5, 6, 7], nn.PReLU), ([3, 2], nn.Tanh)]:
        network = call(answer, sizes, activation, name="Classifier")
        where = f"Classifier({sizes}, nn.{activation.__name__})"
        require(isinstance(network, nn.Module), f"{where} is {describe(network)}; an nn.Module is wanted.")
        linear = [m for m in network.modules() if isinstance(m, nn.Linear)]
        wanted = list(zip(sizes[:-1], sizes[1:], strict=True))
        found = [(layer.in_features, layer.out_features) for layer in linear]
        why = "Layers in a plain list are not found; use nn.Sequential or nn.ModuleList." if not found else ""
        expect(found, wanted, f"the linear layers (in, out) of {where}", why)
        x = torch.randn(5, sizes[0])
        scores = call(network, x, name="the network")
        expected = x
        for i, layer in enumerate(linear):
            expected = layer(expected)
            if i + 1 < len(linear):
                expected = activation()(expected)
        extra = activation()(expected)
        why = f"{activation.__name__} comes after each linear layer but the last, and nothing after that."
        if isinstance(scores, torch.Tensor) and scores.shape == expected.shape:
            if torch.allclose(scores, expected.softmax(dim=-1), atol=1e-5):
                why = "These are probabilities: forward should return the scores, without softmax."
            elif torch.allclose(scores, extra, atol=1e-5):
                why = f"There is a {activation.__name__} after the last linear layer; the scores go out as they are."
            elif activation is not nn.Tanh and torch.allclose(scores, _without(linear, x), atol=1e-5):
                why = "There is no activation between the linear layers, so they are one linear layer."
        expect(scores, expected, f"the output of {where}", why)
        slopes = sum(p.numel() for p in network.parameters()) - sum(
            p.numel() for m in linear for p in m.parameters()
        )
        if activation is nn.PReLU:
            expect(
                slopes,
                len(linear) - 1,
                f"the number of PReLU slopes of {where}",
                "Make a new activation after each layer, activation(), instead of using one again.",
            )
        p = call(network.probabilities, x, name="probabilities")
        why = "Each row should sum to 1: softmax over the axis of the classes."
        expect(p, expected.softmax(dim=-1), f"the probabilities of {where}", why)
    return "Scores for the loss, probabilities for people: the largest score is the largest probability."


def _without(linear, x):
    for layer in linear:
        x = layer(x)
    return x
