"""Checkers of chapter 16, dropout."""

import torch
from torch import Tensor, nn

from . import call, describe, exercise, expect, require


@exercise("16.1")
def apply_mask(answer):
    cases = [
        (torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([True, False, True, False]), 0.5),
        (torch.tensor([[4.0, 8.0], [12.0, 16.0]]), torch.tensor([[True, True], [False, True]]), 0.2),
        (torch.tensor([3.0, 6.0]), torch.tensor([True, True]), 0.0),
    ]
    for x, kept, p in cases:
        found = call(answer, x, kept, p, name="apply_mask")
        expected = x * kept / (1 - p)
        why = "What is kept is divided by 1 - p."
        if isinstance(found, Tensor) and found.shape == x.shape and p:
            for hint, wrong in {
                "The factor is missing: what is kept is divided by 1 - p.": x * kept,
                "p is the chance to be dropped; a number is kept with the chance 1 - p.": x * kept / p,
                "What is kept grows: divide by 1 - p, do not multiply.": x * kept * (1 - p),
                "The mask is True where a number is kept; you dropped those.": x * ~kept / (1 - p),
            }.items():
                if not torch.equal(wrong, expected) and torch.allclose(found.float(), wrong):
                    why = hint
                    break
        expect(found, expected, f"apply_mask({describe(x)}, {describe(kept)}, {p})", why)
    return "Two operations in training, none in use."


def look_at(out, x, p, name):
    """The outputs that are kept, as a mask; NotYet if `out` is no dropout of `x` at all."""
    require(
        isinstance(out, Tensor) and out.shape == x.shape,
        f"{name} returned {describe(out)}; a tensor of shape {tuple(x.shape)} is wanted.",
    )
    require(out.dtype == x.dtype, f"{name} returned dtype {out.dtype}; {x.dtype} came in.")
    require(not out.isnan().any(), f"{name} returned nan; 0 / 0 for p = 1, perhaps.")
    kept = out != 0
    require(bool(kept.any()) or p == 1, f"{name} returned zeros only, though p is {p}.")
    ratio = (out / x)[kept]
    if p < 1 and not torch.allclose(ratio, torch.tensor(1 / (1 - p))):
        why = f"{name} made {ratio[0].item():.4g} times the number of what it kept; it should be 1 / (1 - {p}) times."
        if torch.allclose(ratio, torch.tensor(1.0)):
            why = f"{name} left what it kept as it was; the factor 1 / (1 - {p}) is missing."
        elif p and torch.allclose(ratio, torch.tensor(1 / p)):
            why = f"{name} divided by p; a number is kept with the chance 1 - p, so divide by that."
        require(False, why)
    return kept


@exercise("16.2")
def my_dropout(answer):
    x = torch.rand(200, 100) + 1
    for training, p in [(False, 0.3), (True, 0.0)]:
        found = call(answer, x, p=p, training=training, name="my_dropout")
        why = (
            "In eval() nothing is dropped and nothing scaled." if not training else "With p = 0 all is kept."
        )
        expect(found, x, f"my_dropout with p={p}, training={training}", why)
    for p in (0.2, 0.5):
        name = f"my_dropout with p={p}"
        kept = look_at(call(answer, x, p=p, training=True, name="my_dropout"), x, p, name)
        share = 1 - kept.float().mean().item()
        for axis, what in [(0, "column"), (1, "row")]:
            same = kept.all(axis) | (~kept).all(axis)
            require(
                not same.all(),
                f"{name} drops each {what} whole or not at all; every number needs a coin of its own.",
            )
        why = "p is the chance to be dropped." if abs(1 - share - p) < 0.03 else "Compare torch.rand with p."
        require(abs(share - p) < 0.03, f"{name} dropped a share of {share:.2f}, but should drop {p}. {why}")
        again = call(answer, x, p=p, training=True, name="my_dropout")
        require(
            not torch.equal(again != 0, kept),
            f"{name} drops the same numbers each time; toss new coins in each call.",
        )
    look_at(call(answer, x, p=1.0, training=True, name="my_dropout"), x, 1, "my_dropout with p=1.0")
    return "A comparison and a product: this is all that nn.Dropout does."


@exercise("16.3")
def my_dropout2d(answer):
    x = torch.rand(40, 30, 3, 2) + 1
    for p in (0.5, 0.25):
        name = f"my_dropout2d with p={p}"
        kept = look_at(call(answer, x, p=p, name="my_dropout2d"), x, p, name)
        whole = kept.flatten(2).all(2) | (~kept).flatten(2).all(2)
        require(
            bool(whole.all()),
            f"{name} drops parts of a channel's map; one coin decides over all H x W numbers of it.",
        )
        coins = kept[:, :, 0, 0]  # (N, C)
        require(
            not (coins == coins[:1]).all(),
            f"{name} drops the same channels in every picture; the coins should have shape (N, C, 1, 1).",
        )
        require(
            not (coins == coins[:, :1]).all(),
            f"{name} drops whole pictures; the coins should have shape (N, C, 1, 1).",
        )
        share = 1 - coins.float().mean().item()
        why = " p is the chance to be dropped." if abs(1 - share - p) < 0.05 else ""
        require(abs(share - p) < 0.06, f"{name} dropped a share of {share:.2f}, but should drop {p}.{why}")
    return "1200 coins for 7200 numbers: neighbours in a map say nearly the same, so they go together."


@exercise("16.4")
def ask_often(answer):
    for start_training in (False, True):
        network = nn.Sequential(nn.Linear(3, 20), nn.ReLU(), nn.Dropout(0.5), nn.Linear(20, 2))
        network.train(start_training)
        x, times = torch.rand(4, 3), 400
        asked = []
        network.register_forward_hook(
            lambda module, args, out, asked=asked: asked.append((module.training, out))
        )
        found = call(answer, network, x, times, name="ask_often")
        mode = "train()" if start_training else "eval()"
        require(
            len(asked) == times,
            f"the network was called {len(asked)} times; ask_often should call it {times} times.",
        )
        require(
            all(training for training, _ in asked),
            "the network was asked in eval(), where nothing is dropped.",
        )
        require(
            network.training == start_training and all(m.training == start_training for m in network),
            f"the network came in {mode} and is in {'train()' if network.training else 'eval()'} afterwards.",
        )
        require(
            isinstance(found, list | tuple) and len(found) == 2,
            f"ask_often returned {describe(found)}; two tensors are wanted, mean and standard error.",
        )
        answers = torch.stack([out for _, out in asked])
        why = "Stack the answers and take the mean over the first axis."
        expect(found[0], answers.mean(0), "the mean of the answers", why)
        error = answers.std(0) / times**0.5
        if isinstance(found[1], Tensor) and found[1].shape == error.shape:
            why = "It is the standard deviation of the answers, divided by the root of times."
            if torch.allclose(found[1], answers.std(0), rtol=0.01):
                why = "This is the standard deviation; the standard error of the mean is that divided by √times."
            elif torch.allclose(found[1], answers.std(0) / times, rtol=0.01):
                why = "You divided by times; it is the root of times."
        expect(found[1], error, "the standard error", why, rtol=0.01, atol=1e-6)
    return (
        "Where the answers of the thinned networks differ much, the network is unsure: Monte Carlo dropout."
    )


@exercise("16.5")
def against_overfitting(answer):
    for sizes, p, input_p in [([8, 32, 16, 2], 0.5, 0.2), ([3, 5, 1], 0.3, 0.1)]:
        where = f"against_overfitting({sizes}, {p}, {input_p})"
        network = call(answer, sizes, p, input_p, name="against_overfitting")
        require(
            isinstance(network, nn.Sequential),
            f"{where} returned {describe(network)}; a Sequential is wanted.",
        )
        kinds = [type(layer).__name__ for layer in network]
        wanted = ["Dropout"] + ["Linear", "ReLU", "Dropout"] * (len(sizes) - 2) + ["Linear"]
        why = ""
        if kinds[-1:] == ["Dropout"]:
            why = "Dropout at the end would set answers to 0."
        elif kinds[-1:] == ["ReLU"]:
            why = "The last layer gives its numbers as they are."
        elif kinds[:1] != ["Dropout"]:
            why = "The first layer drops inputs, with input_p."
        require(
            kinds == wanted,
            f"the layers of {where} are {', '.join(kinds)}, but should be {', '.join(wanted)}. {why}",
        )
        found = [(layer.in_features, layer.out_features) for layer in network if isinstance(layer, nn.Linear)]
        expect(
            found, list(zip(sizes[:-1], sizes[1:], strict=True)), f"the linear layers (in, out) of {where}"
        )
        chances = [layer.p for layer in network if isinstance(layer, nn.Dropout)]
        expect(chances, [input_p] + [p] * (len(sizes) - 2), f"the p of the dropout layers of {where}")
        require(
            not any(layer.training for layer in network.modules()),
            f"{where} is in training mode; it should be ready for use, so call eval().",
        )
    return "Dropout has no parameters: the same weights fit into the network with and without it."
