"""Checkers of chapter 16, dropout."""

import torch
from torch import Tensor, nn

from . import (
    NotYet,
    _,
    call,
    describe,
    exercise,
    expect,
    expect_trainable,
    keep,
    pytorchs_own,
    require,
    still_trainable,
    switched_off,
)


@exercise("16.1")
def apply_mask(answer):
    draw = torch.Generator().manual_seed(0)
    cases = [
        (torch.tensor([[4.0, 8.0], [12.0, 16.0]]), torch.tensor([[True, True], [False, True]]), 0.2),
        (torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([True, False, True, False]), 0.5),
        (torch.tensor([3.0, 6.0]), torch.tensor([True, True]), 0.0),
        (torch.randn(2, 3, 4, generator=draw), torch.rand(2, 3, 4, generator=draw) >= 0.9, 0.9),
    ]
    for x, kept, p in cases:
        where = _("apply_mask({x}, {kept}, {p})", x=describe(x), kept=describe(kept), p=p)
        mistakes = {}
        if p:
            mistakes = {
                _("The factor is missing: what is kept is divided by 1 - p."): x * kept,
                _("What is kept is divided by 1 - p, not multiplied by it."): x * kept * (1 - p),
                _("The mask is True where a number is kept; you dropped those."): x * ~kept / (1 - p),
                _("What is dropped becomes 0; you left it as it was."): torch.where(kept, x / (1 - p), x),
            }
            if p != 0.5:  # there p and 1 - p are the same
                mistakes[_("You divided by p, the probability of being dropped; divide by 1 - p.")] = (
                    x * kept / p
                )
                mistakes[_("You multiplied by p; divide by 1 - p.")] = x * kept * p
        found = call(answer, x, kept, p, name="apply_mask")
        expect(found, x * kept / (1 - p), where, _("What is kept is divided by 1 - p."), mistakes=mistakes)
        expect_trainable(answer, _masked, x, kept, p, what=where, name="apply_mask")
    return _("Two operations in training, none in use.")


def _masked(x, kept, p):
    return x * kept / (1 - p)


def signed(*shape):
    """Random numbers from -2 to -1 and from 1 to 2: none is 0, so a 0 in the output was dropped."""
    return (torch.rand(shape) + 1) * (torch.randint(2, shape) * 2 - 1)


def kept_by(answer, x, name, **options):
    """The mask of one call in training. NotYet if the result is no dropout of `x`, or lets no gradients through."""
    p = options.get("p", 0.5)
    x = x.clone().requires_grad_()
    out = call(answer, x, name=name, **options)
    what = _("{name} with p={p}", name=name, p=p)
    require(
        isinstance(out, Tensor) and out.shape == x.shape,
        _(
            "{what} returned {found}; a tensor of shape {shape} is wanted.",
            what=what,
            found=describe(out),
            shape=tuple(x.shape),
        ),
    )
    kept, whole = out.detach() != 0, x.detach()
    expected = torch.where(kept, whole / (1 - p), 0.0) if p < 1 else torch.zeros_like(whole)
    mistakes = {}
    if p and name == "my_dropout":
        mistakes[_("Nothing was dropped; `training` is True unless the call says otherwise.")] = whole
    elif p:
        mistakes[_("Nothing was dropped.")] = whole
    mistakes |= {
        _("What it kept is as it was; the factor 1 / (1 - p) is missing."): torch.where(kept, whole, 0.0),
        _("What it kept was multiplied by 1 - p; divide by it."): torch.where(kept, whole * (1 - p), 0.0),
        _("0 / 0 is nan: p = 1 needs a case of its own."): torch.full_like(whole, torch.nan),
    }
    if p not in (0, 0.5):
        hint = _("What it kept was divided by p; a number is kept with probability 1 - p, so divide by that.")
        mistakes[hint] = torch.where(kept, whole / p, 0.0)
    expect(out, expected, what, _("Each number is either 0 or divided by 1 - p."), mistakes=mistakes)
    if p < 1 and kept.any():
        require(
            out.requires_grad,
            _("{what} cuts the gradient off; a layer in training has to let it through to x.", what=what),
        )
        (slope,) = torch.autograd.grad(out.sum(), x)
        expect(slope, kept / (1 - p), _("the gradient of {what}", what=what))
    return kept


def same_neighbours(kept, axis):
    """The share of neighbours along `axis` that are both kept or both dropped."""
    size = kept.shape[axis]
    return (kept.narrow(axis, 1, size - 1) == kept.narrow(axis, 0, size - 1)).float().mean().item()


def check_share(share, p, what, slack):
    why = (
        _("p is the probability of being dropped.")
        if abs(1 - share - p) < slack
        else _("Compare torch.rand with p.")
    )
    require(
        abs(share - p) < slack,
        _(
            "{what} dropped a share of {share:.2f}, but should drop {p}. {why}",
            what=what,
            share=share,
            p=p,
            why=why,
        ),
    )


def check_counts(counts, number, p, what):
    """Coins that are independent give counts of this variance; a fixed share or a shared coin does not."""
    ratio = torch.tensor(counts).float().var().item() / (number * p * (1 - p))
    require(
        ratio > 0.4,
        _(
            "{what} drops (nearly) the same number of coins in each call; every coin falls on its own, so their "
            "number varies.",
            what=what,
        ),
    )
    require(
        ratio < 1.6,
        _("{what} uses one coin for several numbers; every number needs a coin of its own.", what=what),
    )


def _as_it_is(x, p, training):
    return x


@exercise("16.2")
def my_dropout(answer):
    name = "my_dropout"
    with switched_off(_("dropout"), *pytorchs_own("dropout")):
        for options, why in [
            ({"p": 0.3, "training": False}, _("With training=False nothing is dropped and nothing scaled.")),
            ({"p": 1.0, "training": False}, _("With training=False nothing is dropped, whatever p is.")),
            ({"p": 0.0, "training": True}, _("With p = 0 everything is kept.")),
        ]:
            x = signed(20, 10)
            what = _("my_dropout with p={p} and training={training}", **options)
            expect_trainable(answer, _as_it_is, x, what=what, why=why, name=name, **options)
        for shape, options in [
            ((60, 50), {}),
            ((8, 8, 8, 6), {"p": 0.12}),
            ((50, 60), {"p": 0.7, "training": True}),
        ]:
            x, p = signed(*shape), options.get("p", 0.5)
            what = _("my_dropout with p={p}", p=p)
            kept = kept_by(answer, x, name, **options)
            require(
                bool(kept.any()) and not kept.all(),
                _("{what} drops everything or nothing; every number needs a coin of its own.", what=what),
            )
            share = kept.float().mean().item()
            for axis in range(len(shape)):
                equal = same_neighbours(kept, axis)
                require(
                    abs(equal - share**2 - (1 - share) ** 2) < 0.06,
                    _(
                        "{what} drops neighbours along axis {axis} together (or never both); every number needs a "
                        "coin of its own.",
                        what=what,
                        axis=axis,
                    ),
                )
            check_share(1 - share, p, what, 0.05)
            again = kept_by(answer, x, name, **options)
            require(
                not torch.equal(again, kept),
                _("{what} drops the same numbers each time; toss new coins in each call.", what=what),
            )
        counts = [int(kept_by(answer, signed(10, 5), name, p=0.5).sum()) for _call in range(200)]
        check_counts(counts, 50, 0.5, _("my_dropout with p=0.5"))
        for x in [signed(), signed(7), signed(2, 3, 4), signed(4, 3).T]:
            kept_by(answer, x, name, p=0.25)
        kept_by(answer, signed(20, 10), name, p=1.0)
    return _("A comparison and a product: this is all that nn.Dropout does.")


@exercise("16.3")
def my_dropout2d(answer):
    name = "my_dropout2d"
    with switched_off(_("dropout"), *pytorchs_own("dropout")):
        for shape, options in [
            ((60, 50, 3, 2), {}),
            ((50, 60, 2, 4), {"p": 0.12}),
            ((50, 50, 1, 3), {"p": 0.8}),
        ]:
            x, p = signed(*shape), options.get("p", 0.5)
            what = _("my_dropout2d with p={p}", p=p)
            kept = kept_by(answer, x, name, **options)
            require(
                torch.equal(kept, kept[:, :, :1, :1].expand_as(kept)),
                _(
                    "{what} drops parts of a channel's map; one coin decides over all H x W numbers of it.",
                    what=what,
                ),
            )
            require(
                bool(kept.any()) and not kept.all(),
                _("{what} drops everything or nothing; the coins should have shape (N, C, 1, 1).", what=what),
            )
            coins = kept[:, :, 0, 0]  # (N, C)
            share = coins.float().mean().item()
            for axis, hint in [
                (
                    0,
                    _(
                        "{what} drops the same channels in every picture; the coins should have shape (N, C, 1, 1).",
                        what=what,
                    ),
                ),
                (1, _("{what} drops whole pictures; the coins should have shape (N, C, 1, 1).", what=what)),
            ]:
                require(abs(same_neighbours(coins, axis) - share**2 - (1 - share) ** 2) < 0.08, hint)
            check_share(1 - share, p, what, 0.05)
            again = kept_by(answer, x, name, **options)
            require(
                not torch.equal(again, kept),
                _("{what} drops the same channels each time; toss new coins in each call.", what=what),
            )
        counts = [int(kept_by(answer, signed(5, 10, 1, 1), name, p=0.5).sum()) for _call in range(200)]
        check_counts(counts, 50, 0.5, _("my_dropout2d with p=0.5"))
        kept_by(answer, signed(2, 3, 2, 2), name, p=0.0)
    return _("One coin for each channel: neighbours in a map that are alike go together.")


@exercise("16.4")
def ask_often(answer):
    for start_training, times, rows in [(False, 400, 4), (True, 300, 1), (False, 5, 2)]:
        network = nn.Sequential(nn.Linear(3, 20), nn.ReLU(), nn.Dropout(0.5), nn.Linear(20, 2))
        network.train(start_training)
        network[0].bias.requires_grad_(start_training)
        x, asked = torch.rand(rows, 3), []

        def listen(module, args, out, asked=asked):
            asked.append((module[2].training, args[0].detach().clone(), out.detach()))

        network.register_forward_hook(listen)
        weights = [weight.detach().clone() for weight in network.parameters()]
        unchanged = keep(network, name="ask_often")
        torch.manual_seed(times)
        found = call(answer, network, x, times, name="ask_often")
        mode = "train()" if start_training else "eval()"
        require(
            len(asked) == times,
            _(
                "the network was called {calls} times; ask_often should call it {times} times.",
                calls=len(asked),
                times=times,
            ),
        )
        for training, given, _out in asked:
            require(training, _("the network was asked in eval(), where nothing is dropped."))
            expect(given, x, _("what the network was called with"), _("Give it the whole batch x each time."))
        require(
            all(module.training == start_training for module in network.modules()),
            _(
                "the network came in {mode} and was left in the other mode; remember `network.training` and set it "
                "back.",
                mode=mode,
            ),
        )
        require(
            all(map(torch.equal, weights, network.parameters())),
            _("the network's weights have changed; only ask it."),
        )
        unchanged()
        require(
            isinstance(found, list | tuple) and len(found) == 2,
            _(
                "ask_often returned {found}; two tensors are wanted, mean and standard error.",
                found=describe(found),
            ),
        )
        answers = torch.stack([out for _training, _given, out in asked])
        require(
            bool((answers != answers[0]).any()),
            _("all {times} answers are the same; do not set a seed between the calls.", times=times),
        )
        require(
            torch.initial_seed() == times,
            _("ask_often sets a seed, so that asking twice gives the same; leave the seed to the caller."),
        )
        require(
            torch.is_grad_enabled(),
            _("ask_often leaves autograd switched off, for all that follows; use `with torch.no_grad():`."),
        )
        expect(
            found[0],
            answers.mean(0),
            _("the mean of the answers"),
            _("Stack the answers and take the mean over the first axis."),
            mistakes={_("This is the last answer."): answers[-1], _("This is their sum."): answers.sum(0)},
        )
        deviation = answers.std(0)
        expect(
            found[1],
            deviation / times**0.5,
            _("the standard error"),
            _("Take the standard deviation over the first axis as well, then divide by √times."),
            rtol=0.01,
            atol=1e-6,
            mistakes={
                _(
                    "This is the standard deviation; the standard error of the mean is that divided by √times."
                ): deviation,
                _("You divided by times; it is the root of times."): deviation / times,
                _(
                    "This is made from `std(correction=0)`; take the usual `std`, which divides by times - 1."
                ): (answers.std(0, correction=0) / times**0.5),
                _("This is the variance divided by times; take the root."): deviation**2 / times,
            },
        )
    return _(
        "Where the answers of the thinned networks differ much, the network is unsure: Monte Carlo dropout."
    )


@exercise("16.5")
def against_overfitting(answer):
    for sizes, p, input_p in [
        ([8, 32, 16, 2], 0.5, 0.2),
        ([4, 6, 6, 6, 3], 0.3, 0.1),
        ([3, 5, 1], 0.2, 0.2),
        ([3, 2], 0.5, 0.1),
        ([3, 5, 1], 0.0, 0.0),  # the layers stay
    ]:
        where = _("against_overfitting({sizes}, {p}, {input_p})", sizes=sizes, p=p, input_p=input_p)
        network = call(answer, sizes, p, input_p, name="against_overfitting")
        require(
            isinstance(network, nn.Sequential),
            _("{where} returned {found}; a Sequential is wanted.", where=where, found=describe(network)),
        )
        # Blocks may be nested, and one ReLU or Dropout may stand in several places.
        named = network.named_modules(remove_duplicate=False)
        layers = [layer for _name, layer in named if not list(layer.children())]
        kinds = [type(layer).__name__ for layer in layers]
        wanted = ["Dropout"] + ["Linear", "ReLU", "Dropout"] * (len(sizes) - 2) + ["Linear"]
        why = ""
        if kinds[-1:] == ["Dropout"]:
            why = _("Dropout at the end would set answers to 0.")
        elif kinds[-1:] == ["ReLU"]:
            why = _("The last layer gives its numbers as they are.")
        elif kinds[:1] != ["Dropout"]:
            why = _("The first layer drops inputs, with input_p.")
        require(
            kinds == wanted,
            _(
                "the layers of {where} are {found}, but should be {wanted}. {why}",
                where=where,
                found=", ".join(kinds),
                wanted=", ".join(wanted),
                why=why,
            ),
        )
        linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
        found = [(layer.in_features, layer.out_features) for layer in linear]
        expect(
            found,
            list(zip(sizes[:-1], sizes[1:], strict=True)),
            _("the linear layers (in, out) of {where}", where=where),
        )
        require(
            len(set(linear)) == len(linear),
            _(
                "one Linear of {where} stands in several places; each layer needs weights of its own.",
                where=where,
            ),
        )
        chances = [layer.p for layer in layers if isinstance(layer, nn.Dropout)]
        expect(
            chances,
            [input_p] + [p] * (len(sizes) - 2),
            _("the p of the dropout layers of {where}", where=where),
            _("input_p is for the inputs, p for the hidden layers."),
        )
        require(
            not any(layer.training for layer in network.modules()),
            _("{where} is in training mode; it should be ready for use, so call eval().", where=where),
        )
        require(
            not layers[0].inplace,
            _(
                "the first Dropout of {where} works in place: in training it would write zeros into the caller's inputs.",
                where=where,
            ),
        )
        still_trainable(network, where)
        out = call(network, torch.rand(2, sizes[0]), name=_("the network"))
        expect(tuple(out.shape), (2, sizes[-1]), _("the shape of the network's answer for 2 examples"))
    return _("Dropout has no parameters: the same weights fit into the network with any p, 0 included.")


@exercise("16.6")
def choose_p(answer):
    # One row for each p, one column for each seed: the first seed, the smallest single error and the largest mean
    # all point to another p than the smallest mean does; in the second table the last seed and the smallest worst error.
    cases = [
        ([0.0, 0.25, 0.5, 0.75], [[1.0, 4.0, 4.0], [2.0, 2.0, 2.0], [3.0, 1.5, 3.0], [6.0, 0.5, 5.5]]),
        ([0.1, 0.6, 0.3], [[3.0, 3.0], [1.0, 4.0], [3.5, 3.5]]),
        ([0.8, 0.2, 0.5], [[0.0741], [0.0736], [0.0739]]),
    ]
    for chances, table in cases:
        seeds, trained, training = len(table[0]), [], []

        def fit(p, number, chances=chances, seeds=seeds, trained=trained):
            require(
                p in chances,
                _("fit was called with p = {p}, which is not in {chances}.", p=describe(p), chances=chances),
            )
            require(
                number in range(seeds),
                _(
                    "fit was called with seed {number}; with {seeds} seeds they are 0 to {last}.",
                    number=describe(number),
                    seeds=seeds,
                    last=seeds - 1,
                ),
            )
            require(
                torch.is_grad_enabled(),
                _(
                    "fit was called without gradients, where it cannot train; only the measuring can do without."
                ),
            )
            trained.append((p, number))
            network = nn.Sequential(nn.Linear(1, 4), nn.Dropout(p), nn.Linear(4, 1)).train()
            network.place = chances.index(p), number
            return network

        def error(network, table=table, training=training):
            if not isinstance(network, nn.Module):
                raise NotYet(_("error was called with {found}, not a network.", found=describe(network)))
            training.append(network.training or network[1].training)
            row, column = network.place
            return table[row][column] + 10 * training[-1] * row

        found = call(answer, chances, fit, error, seeds, name="choose_p")
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            _("choose_p returned {found}; a p and a list of mean errors are wanted.", found=describe(found)),
        )
        require(
            not any(training),
            _("error was given a network in training mode, where it still drops; call eval() first."),
        )
        for p in chances:
            for number in range(seeds):
                require(
                    (p, number) in trained,
                    _(
                        "no network was trained for p = {p} and seed {number}; every p wants all {seeds} seeds.",
                        p=p,
                        number=number,
                        seeds=seeds,
                    ),
                )
        means = [sum(row) / seeds for row in table]
        best, listed = found
        expect(
            listed,
            means,
            _("the list of mean errors for {chances}", chances=chances),
            _("One mean for each p, in their order."),
            mistakes={
                _("These are sums; divide by the number of seeds."): [sum(row) for row in table],
                _("These are each p's best run; take the mean."): [min(row) for row in table],
                _("These are sorted; leave them in the order of chances."): sorted(means),
            },
        )
        expect(
            best,
            chances[means.index(min(means))],
            _("the chosen p of {chances}", chances=chances),
            _("The mean errors are {means}.", means=means),
            mistakes={
                _("This is the p with the largest mean error."): chances[means.index(max(means))],
                _("This is the place in the list; return the p that stands there."): means.index(min(means)),
                _("This is the smallest error, not its p."): min(means),
            },
        )
    return _("Chosen on points held back, over seeds: a p that wins one run may lose the next.")
