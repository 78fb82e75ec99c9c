"""Checkers of chapter 16, dropout."""

import torch
from torch import Tensor, nn

from . import NotYet, call, describe, exercise, expect, require


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
            lambda module, args, out, asked=asked: asked.append((module[2].training, out))
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
            all(module.training == start_training for module in network.modules()),
            f"the network came in {mode} and was left in the other mode; remember `network.training` and set it back.",
        )
        require(
            isinstance(found, list | tuple) and len(found) == 2,
            f"ask_often returned {describe(found)}; two tensors are wanted, mean and standard error.",
        )
        answers = torch.stack([out for _, out in asked])
        why = "Stack the answers and take the mean over the first axis."
        expect(found[0], answers.mean(0), "the mean of the answers", why)
        error = answers.std(0) / times**0.5
        why = "Take the standard deviation over the first axis as well, then divide by √times."
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
        layers = [layer for layer in network.modules() if not list(layer.children())]  # blocks may be nested
        kinds = [type(layer).__name__ for layer in layers]
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
        found = [(layer.in_features, layer.out_features) for layer in layers if isinstance(layer, nn.Linear)]
        expect(
            found, list(zip(sizes[:-1], sizes[1:], strict=True)), f"the linear layers (in, out) of {where}"
        )
        chances = [layer.p for layer in layers if isinstance(layer, nn.Dropout)]
        expect(chances, [input_p] + [p] * (len(sizes) - 2), f"the p of the dropout layers of {where}")
        require(
            not any(layer.training for layer in network.modules()),
            f"{where} is in training mode; it should be ready for use, so call eval().",
        )
    return "Dropout has no parameters: the same weights fit into the network with and without it."


@exercise("16.6")
def choose_p(answer):
    # One row for each p, one column for each seed: the first seed, the smallest single error and the largest mean
    # all point to another p than the smallest mean does.
    cases = [
        ([0.0, 0.25, 0.5, 0.75], [[1.0, 4.0, 4.0], [2.0, 2.0, 2.0], [3.0, 1.5, 3.0], [6.0, 0.5, 5.5]]),
        ([0.1, 0.6], [[3.0, 3.0], [1.0, 4.0]]),
    ]
    for chances, table in cases:
        seeds, trained, measured = len(table[0]), [], []

        def fit(p, number, chances=chances, seeds=seeds, trained=trained):
            require(p in chances, f"fit was called with p = {describe(p)}, which is not in {chances}.")
            require(
                number in range(seeds),
                f"fit was called with seed {describe(number)}; with {seeds} seeds they are 0 to {seeds - 1}.",
            )
            trained.append((p, number))
            network = nn.Sequential(nn.Linear(1, 4), nn.Dropout(p), nn.Linear(4, 1)).train()
            network.place = chances.index(p), number
            return network

        def error(network, table=table, measured=measured):
            require(
                isinstance(network, nn.Module), f"error was called with {describe(network)}, not a network."
            )
            measured.append(network.training or network[1].training)
            row, column = network.place
            return table[row][column] + 10 * measured[-1] * row

        found = call_with(answer, chances, fit, error, seeds)
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            f"choose_p returned {describe(found)}; a p and a list of mean errors are wanted.",
        )
        require(
            not any(measured),
            "error was given a network in training mode, where it still drops; call eval() first.",
        )
        wanted = [(p, number) for p in chances for number in range(seeds)]
        missing = [pair for pair in wanted if pair not in trained]
        require(
            not missing,
            f"no network was trained for p = {missing[0][0] if missing else 0} and seed "
            f"{missing[0][1] if missing else 0}; every p wants all {seeds} seeds.",
        )
        means = [sum(row) / seeds for row in table]
        best, listed = found
        if isinstance(listed, list | tuple) and len(listed) == len(means):
            require(list(listed) != [sum(row) for row in table], "the errors are sums; divide by the seeds.")
            require(
                list(listed) != [min(row) for row in table],
                "the errors are each p's best run; take the mean.",
            )
        expect(
            listed, means, f"the list of mean errors for {chances}", "One mean for each p, in their order."
        )
        wrong = {
            "This is the largest mean error.": chances[means.index(max(means))],
            "This is the place in the list; return the p that stands there.": means.index(min(means)),
            "This is the smallest error, not its p.": min(means),
        }
        why = next((hint for hint, value in wrong.items() if best == value), f"The mean errors are {means}.")
        expect(best, chances[means.index(min(means))], f"the chosen p of {chances}", why)
    return "Chosen on points held back, over seeds: a p that wins one run may lose the next."


def call_with(answer, chances, fit, error, seeds):
    """`call`, but a hint that `fit` or `error` give goes out as it is."""
    given = []

    def keep(function):
        def kept(*args):
            try:
                return function(*args)
            except NotYet as hint:
                given.append(hint)
                raise

        return kept

    try:
        return call(answer, list(chances), keep(fit), keep(error), seeds, name="choose_p")
    except NotYet:
        if given:
            raise given[0] from None
        raise
