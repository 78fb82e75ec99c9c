"""Checkers of chapter 11, activations."""

import torch
from torch import nn

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
    still_trainable,
    switched_off,
)


def draw(*shape, number=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(number))


def leaky(x, slope=0.01):
    """F.leaky_relu by hand, since that is switched off while the answer runs."""
    return torch.where(x > 0, x, slope * x)


def other(expected, mistakes):
    """The mistakes that give something else than what is expected, in this case."""
    return {hint: value for hint, value in mistakes.items() if not same(value, expected)}


@exercise("11.1")
def leaky_relu(answer):
    with switched_off(_("leaky ReLU"), *pytorchs_own("leaky_relu", "prelu", "rrelu")):
        for x, options in [
            (torch.tensor([-2.0, -1.0, 0.0, 3.0]), {}),
            (torch.tensor([[-2.0, 4.0], [-6.0, 0.5]]), {"slope": 0.5}),
            (torch.tensor([-3.0, 2.0]), {"slope": 2.0}),
            (torch.tensor([-3.0, 2.0]), {"slope": -1.0}),
            (draw(2, 3, 4, 4), {"slope": 0.2}),
            (torch.tensor(-4.0), {}),
            (torch.tensor([-3.0, 2.0]), {"slope": 0.0}),
            (torch.tensor([-1000.0, 1000.0]), {"slope": 0.1}),
            (torch.tensor([-torch.inf, torch.inf]), {"slope": 0.5}),
        ]:
            found = call(answer, x, **options, name="leaky_relu")
            slope = options.get("slope", 0.01)
            unused = {_("slope is not used; this is 0.01, its default."): leaky(x)} if options else {}
            expect(
                found,
                leaky(x, slope),
                _("leaky_relu({x}, slope={slope})", x=describe(x), slope=slope),
                _("Above 0 nothing changes; the rest is multiplied by slope."),
                mistakes=other(
                    leaky(x, slope),
                    {
                        **unused,
                        _("This is ReLU: the negative numbers should keep a part of their value."): x.clamp(
                            min=0
                        ),
                        _("Compare x with 0, not with slope * x: a slope may be above 1."): torch.maximum(
                            x, slope * x
                        ),
                        _("What is above 0 is left out."): slope * x.clamp(max=0),
                        _(
                            "inf * 0 is nan: choose between x and slope * x, for example with torch.where, in place of "
                            "multiplying by 0 and 1."
                        ): x * (x > 0) + slope * x * (x <= 0),
                    },
                ),
            )
        x = draw(4, 3, number=1)
        expect_trainable(answer, leaky, x, what=_("leaky_relu of {x}", x=describe(x)), name="leaky_relu")
        for x in (draw(2, 3).double(), draw(2, 3).bfloat16(), torch.zeros(0, 3)):
            expect(
                call(answer, x, 0.25, name="leaky_relu"),
                leaky(x, 0.25),
                _("leaky_relu({x}, slope={slope})", x=describe(x), slope=0.25),
                _("Above 0 nothing changes; the rest is multiplied by slope."),
            )
        zero = torch.zeros(1, requires_grad=True)
        (at_zero,) = torch.autograd.grad(call(answer, zero, 0.2, name="leaky_relu").sum(), zero)
        require(
            at_zero.item() != 1,
            _(
                "0 is not above 0: it belongs to the rest, whose gradient is slope. Keep where x > 0, multiply where x <= 0."
            ),
        )
    return _("Its slope is 1 or `slope`, never 0 unless you choose it: a unit cannot die.")


def _linear(weight: list[list[float]], bias: list[float]) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


@exercise("11.2")
def dead_units(answer):
    layer = _linear([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]], [0.0, -5.0, 0.0, 0.0])
    other = _linear([[1.0, 0.0], [0.0, 10.0], [1.0, 1.0], [-1.0, 0.0]], [-9.0, -5.0, -9.0, 3.5])
    # unit 0 lives by little, unit 1 in the last row only
    wide = _linear(
        [[1e-5, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [1.0, 1.0]], [0.0, -6.5, 0.0, 0.0, -3.0]
    )
    # unit 0 lives and never changes, and its weights get a gradient of 0; the last two are silent for the largest inputs
    steady = _linear(
        [[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]],
        [0.5, -1.5, 0.0, 0.0, 0.0, 0.0],
    )
    cases = [
        (other, torch.tensor([[1.0, 2.0], [3.0, -1.0], [2.0, 2.0]])),
        (layer, torch.tensor([[1.0, 2.0], [-3.0, 1.0], [-1.0, 0.0]])),
        (layer, torch.tensor([[-1.0, 2.0], [-3.0, 1.0], [-2.0, 9.0]])),
        (layer, torch.tensor([[-1.0, -2.0]])),
        (layer, torch.tensor([[6.0, 7.0], [-6.0, -7.0]])),
        (wide, torch.tensor([[1.0, 1.0], [2.0, 1.0], [1.0, 2.0], [2.0, 1.0], [1.0, 7.0]])),
        (steady, torch.tensor([[1.0, 2.0], [-1.0, -2.0]])),
    ]
    for layer, x in cases:
        unchanged = keep(layer, name="dead_units")
        found = call(answer, layer, x, name="dead_units")
        unchanged()
        with torch.no_grad():
            numbers = layer(x)
        zeros = numbers <= 0
        out = numbers.relu()
        expect(
            found,
            zeros.all(dim=0).sum().item(),
            _("where ReLU gives {out}, dead_units", out=[[round(v, 5) for v in row] for row in out.tolist()]),
            _("Each column is a unit; it is dead if all its rows are 0."),
            mistakes={
                _(
                    "You counted the zeros; a unit counts once, and only if all its {rows} rows are 0.",
                    rows=len(x),
                ): zeros.sum().item(),
                _("You looked along the rows; a unit is a column, so run `all` over axis 0."): zeros.all(
                    dim=1
                )
                .sum()
                .item(),
                _(
                    "A unit whose number is exactly 0 before the ReLU gives 0, too: ask for <= 0, not for < 0."
                ): (numbers < 0).all(dim=0).sum().item(),
                _("The layer has a bias, too: call layer(x)."): (x @ layer.weight.T <= 0)
                .all(dim=0)
                .sum()
                .item(),
                _("One 0 does not make a unit dead; all its rows must be 0."): zeros.any(dim=0).sum().item(),
                _("These are the units that live."): (~zeros.all(dim=0)).sum().item(),
            },
        )
    return _(
        "Count them after some steps of training: a dead unit gets no gradient, so it costs time and learns nothing."
    )


@exercise("11.3")
def hat(answer):
    network = call(answer, name="hat")
    require(
        isinstance(network, nn.Sequential),
        _("hat() returned {found}; a Sequential is wanted.", found=describe(network)),
    )
    kinds = [type(layer).__name__ for layer in network]
    expect(kinds, ["Linear", "ReLU", "Linear"], _("the layers of hat(), as a list,"))
    expect(
        (network[0].in_features, network[0].out_features, network[2].out_features),
        (1, 3, 1),
        _("hat(): (numbers in, ReLUs, numbers out)"),
    )
    points = {-5.0: 0, -0.5: 0, 0.0: 0, 0.25: 0.25, 0.5: 0.5, 0.75: 0.75, 1.0: 1}
    points |= {1.25: 0.75, 1.5: 0.5, 1.75: 0.25, 2.0: 0, 3.0: 0, 10.0: 0}
    last = 0.0 if network[2].bias is None else network[2].bias.item()
    for x, expected in points.items():
        point = torch.tensor([[x]], dtype=network[0].weight.dtype)
        found = call(network, point, name=_("the network"))
        plain = network[2](network[1](network[0](point)))
        require(
            same(found, plain),
            _("at x = {x:g} the network returns something else than its three layers make of x.", x=x),
        )
        why = _("Each ReLU starts where its weight times x plus its bias passes 0.")
        if x > 1:
            why = _(
                "The slope should be 1 after 0, -1 after 1 and 0 after 2: each ReLU adds its own from there on."
            )
        mistakes = {}
        if x < 0:
            mistakes = {
                _(
                    "This is the bias of the last layer, which is added everywhere; a fresh one is random, not 0."
                ): last
            }
        expect(found.item(), float(expected), _("the hat at x = {x:g}", x=x), why, mistakes=mistakes)
    return _(
        "A sum of such hats, of any width, height and place, draws any curve of straight pieces between two points."
    )


def by_hand(scores, dim):
    powers = (scores - scores.amax(dim=dim, keepdim=True)).exp()
    return powers / powers.sum(dim=dim, keepdim=True)


@exercise("11.4")
def softmax(answer):
    table = torch.tensor([[1.0, 2.0, 3.0], [3.0, 3.0, 3.0]])
    cases = [
        (torch.tensor([1.0, 2.0, 3.0]), 0),
        (table, 1),
        (table, 0),
        (table, -1),
        (draw(2, 3, 4), 1),
        (draw(3, 3, number=1), -2),
        (draw(2, 3, 4), 0),
        (draw(2, 3, 4), -1),
        (draw(2, 3).double(), 1),
        (torch.tensor([[1000.0, 1001.0], [-1000.0, -1001.0]]), 1),
        (torch.tensor([[1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 0.0], [0.0, 5.0, 1000.0]]), 1),
        (torch.tensor([-1000.0, -1000.0]), 0),
    ]
    with switched_off(_("softmax"), *pytorchs_own("softmax", "softmin")):
        for scores, dim in cases:
            found = call(answer, scores, dim, name="softmax")
            what = _("softmax({scores}, dim={dim})", scores=describe(scores), dim=dim)
            expect(
                found,
                by_hand(scores, dim),
                what,
                _nan(found) or _sums(found, scores, dim),
                mistakes=other(
                    by_hand(scores, dim),
                    {
                        _("The scores themselves are divided; take e to the power of each first."): scores
                        / scores.sum(dim=dim, keepdim=True),
                        _(
                            "Yours sums to 1 over the whole tensor; divide by the sum along dim, keepdim=True."
                        ): (scores - scores.max()).exp() / (scores - scores.max()).exp().sum(),
                    },
                ),
            )
        large = torch.tensor([[1000.0, -1000.0, 0.0], [0.0, 5.0, 1000.0]])
        for scores, why in (
            (
                draw(2, 3, 4, number=3),
                _("The sum that you divide by depends on the scores, too: detach nothing but the maximum."),
            ),
            (
                large,
                _(
                    "A power that is inf on the way makes the gradient nan: divide powers by their sum, after "
                    "subtracting the largest score of each group."
                ),
            ),
        ):
            expect_trainable(
                answer,
                by_hand,
                scores,
                1,
                what=_("softmax({scores}, dim=1)", scores=describe(scores)),
                why=why,
                name="softmax",
            )
    return _("Subtracting the largest score of each group changes no probability and lets nothing overflow.")


def _nan(found):
    if isinstance(found, torch.Tensor) and found.isnan().any():
        return _(
            "nan comes from inf / inf or 0 / 0: subtract the largest score of each group first, then the largest power "
            "is 1."
        )
    return ""


def _sums(found, scores, dim):
    if not isinstance(found, torch.Tensor) or found.shape != scores.shape:
        return _("Along axis {dim} the numbers should sum to 1.", dim=dim)
    sums = found.sum(dim=dim)
    if same(sums, torch.ones(sums.shape)):
        return _("They sum to 1, but a score that is 1 higher should have e times the probability.")
    return _("Along axis {dim} yours sum to {sums}; each of them should be 1.", dim=dim, sums=describe(sums))


class Recorder:
    """Makes activations as a class would, and notes them, and linear layers, when they are used."""

    def __init__(self, kind):
        self.kind, self.used = kind, []

    def __call__(self):
        layer = self.kind()
        if isinstance(layer, nn.PReLU):  # each with another slope
            nn.init.constant_(layer.weight, torch.rand(()).item())
        self.watch(layer)
        return layer

    def watch(self, layer):
        layer.register_forward_hook(lambda module, *_others: self.used.append(module))


@exercise("11.5")
def classifier(answer):
    for sizes, kind in [
        ([2, 16, 16, 3], nn.ReLU),
        ([4, 5, 6, 7], nn.PReLU),
        ([3, 2], nn.Tanh),
        ([3, 9, 2, 2], nn.Tanh),
        ([20, 30, 10], nn.ReLU),
    ]:
        made = Recorder(kind)
        network = call(answer, sizes, made, name="Classifier")
        where = _("Classifier({sizes}, nn.{kind})", sizes=sizes, kind=kind.__name__)
        require(
            isinstance(network, nn.Module),
            _("{where} is {found}; an nn.Module is wanted.", where=where, found=describe(network)),
        )
        for layer in [m for m in network.modules() if isinstance(m, nn.Linear)]:
            made.watch(layer)
        x = draw(5, sizes[0])
        scores = call(network, x, name=_("the network"))
        judge_layers(list(made.used), network, sizes, kind.__name__, where)
        judge_scores(scores, list(made.used), network, x, where)
        network.eval()
        expect(
            call(network, x, name=_("the network")),
            scores,
            _("the output of {where} in eval()", where=where),
            _("forward should return the scores as they are, in both modes."),
        )
        expected = by_hand(scores.detach(), 1)
        for mode in (False, True):
            network.train(mode)
            expect(
                call(network.probabilities, x, name="probabilities"),
                expected,
                _("the probabilities of {where}", where=where),
                _("Each row should sum to 1: softmax over the axis of the classes."),
                mistakes={_("These are the scores; softmax makes probabilities of them."): scores},
            )
            require(
                all(module.training == mode for module in network.modules()),
                _(
                    "probabilities of {where} changes the network's mode (train or eval); leave it to the caller.",
                    where=where,
                ),
            )
        still_trainable(network, "probabilities")
        large = 1000 * x
        expect(
            call(network.probabilities, large, name="probabilities"),
            by_hand(call(network, large, name=_("the network")).detach(), 1),
            _("the probabilities of {where} for large inputs", where=where),
            _("e to the power of a large score is inf: subtract the largest score first, or use softmax."),
        )
        one = call(network.probabilities, x[:1], name="probabilities")
        expect(one, expected[:1], _("the probabilities of {where} for a single row", where=where))
    network, made = call(answer, [2, 6, 3], name="Classifier"), Recorder(nn.ReLU)
    for layer in [m for m in network.modules() if isinstance(m, nn.Linear)]:
        made.watch(layer)
    x = draw(4, 2)
    scores = call(network, x, name=_("the network"))
    first, last = made.used[0], made.used[-1]
    expect(
        scores,
        last(first(x).relu()),
        _("the output of Classifier([2, 6, 3])"),
        _("Without a second argument the activation is nn.ReLU."),
    )
    return _("Scores for the loss, probabilities for people: the largest score is the largest probability.")


def judge_layers(used, network, sizes, name, where):
    """What was used, in this order: linear layers with a new activation between any two."""
    count = len(sizes) - 1
    known = set(network.modules())
    require(
        any(isinstance(layer, nn.Linear) for layer in known),
        _(
            "{where} has no linear layer that PyTorch finds; a plain list hides its layers, nn.ModuleList does not.",
            where=where,
        ),
    )
    wanted = ["Linear", *(count - 1) * [name, "Linear"]]
    expect(
        [type(layer).__name__ for layer in used],
        wanted,
        _("{where}: the layers in the order of their use, as a list,", where=where),
        _("{name} comes after each linear layer but the last, and nothing after that.", name=name),
        mistakes={
            _("Nothing that `activation` makes is used between the linear layers."): count * ["Linear"],
            _("There is a {name} after the last linear layer; the scores go out as they are.", name=name): [
                *wanted,
                name,
            ],
        },
    )
    expect(
        [(layer.in_features, layer.out_features) for layer in used[::2]],
        list(zip(sizes[:-1], sizes[1:], strict=True)),
        _("{where}: (in, out) of the linear layers, in the order of their use,", where=where),
    )
    require(
        all(layer.bias is not None for layer in used[::2]),
        _("{where}: a linear layer has no bias; nn.Linear adds one unless it is told not to.", where=where),
    )
    for layer in used[::2]:
        require(
            bool((layer.weight != layer.weight.flatten()[0]).any()),
            _(
                "{where}: the weights of a linear layer are all the same number, so its units would stay alike in "
                "training. Leave them as nn.Linear makes them.",
                where=where,
            ),
        )
    # nn.Linear draws weights and biases evenly from -1/√in to 1/√in; 0.5 is the mean of what is between 0 and 1.
    shares = [[p.detach().abs() * layer.in_features**0.5 for p in layer.parameters()] for layer in used[::2]]
    drawn = torch.cat([weight.flatten() for weight, *_bias in shares])
    require(
        all(bool(share.min() < share.max() <= 1 + 1e-5) for layer in shares for share in layer)
        and (len(drawn) < 500 or 0.45 < drawn.mean().item() < 0.55),
        _(
            "{where}: a linear layer has other weights or biases than nn.Linear starts it with; leave them.",
            where=where,
        ),
    )
    require(
        len(set(used)) == len(used),
        _("{where} uses a layer twice. Make a new activation for each place, activation().", where=where),
    )
    require(
        all(layer in known for layer in used),
        _(
            "{where} uses an activation that is no part of the network. Make activations in __init__ and keep them as "
            "attributes or in an nn.ModuleList; a plain list hides their weights.",
            where=where,
        ),
    )


def judge_scores(scores, layers, network, x, where):
    """The network's output and its gradients, against the same layers one after the other."""
    expected = nn.Sequential(*layers)(x)
    expect(
        scores,
        expected,
        _("the output of {where}", where=where),
        _("It is what the last linear layer makes, and nothing else."),
        mistakes={
            _("These are probabilities: forward should return the scores, without softmax."): by_hand(
                expected, 1
            ),
            _(
                "These are logarithms of probabilities: forward should return the scores as they are."
            ): by_hand(expected, 1).log(),
        },
    )
    weights = [p for layer in layers for p in layer.parameters()]
    found, wanted = (
        torch.autograd.grad(y.square().sum(), weights, allow_unused=True) if y.requires_grad else None
        for y in (scores, expected)
    )
    require(
        found is not None and all(f is not None and same(f, w) for f, w in zip(found, wanted, strict=True)),
        _(
            "the scores of {where} do not let the gradient through to all weights, so it cannot be trained.",
            where=where,
        ),
    )
