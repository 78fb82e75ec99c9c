"""Checkers of chapter 26, residual networks."""

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parameter import is_lazy

from . import NotYet, _, call, describe, exercise, expect, join, require, same, sentence
from .texts import Text


@exercise("26.1")
def chain_slope(answer):
    cases = [
        ([2.0, 3.0, 4.0], False),
        ([0.5, 2.0, 3.0], True),
        ([-2.0, 0.5, 3.0], False),
        ([-3.0, 0.5, -4.0], True),
        ([0.0, 3.0, 2.0], False),
        ([0.0, 3.0, 2.0], True),
        ([-1.0, 5.0], True),
        ([-3.0, 0.5], True),
        ([], False),
        ([], True),
        ([0.7], False),
        ([0.1] * 20, False),
        ([0.1] * 20, True),
        ([0.01] * 50, False),
    ]
    for slopes, shortcut in cases:
        options = {"shortcut": True} if shortcut else {}
        found = call(answer, slopes, name="chain_slope", **options)
        product, with_plus = (math.prod(factors, start=1.0) for factors in (slopes, [1 + s for s in slopes]))
        if not slopes:
            why = _("A chain without layers hands its number on, and the slope of that is 1.")
            mistakes = {}
        elif shortcut:
            why = _("The slope of x + f(x) is 1 + f'(x).")
            mistakes = {
                _("The slopes are multiplied, but without the shortcuts' 1 in them."): product,
                _("Each layer has a shortcut of its own, so the 1 belongs in each factor."): 1 + product,
                _("The slopes of a chain are multiplied, not added."): sum(1 + slope for slope in slopes),
            }
        else:
            why = _("The slope of a chain is the product of its layers' slopes.")
            mistakes = {
                _("The slopes of a chain are multiplied, not added."): sum(slopes),
                _("That is the slope with shortcuts; here there are none."): with_plus,
            }
        if slopes:
            right = with_plus if shortcut else product
            if abs(right) < 1e-45:
                mistakes[
                    _("So small a number is 0 in float32; Python's numbers and float64 can hold it.")
                ] = 0.0
            mistakes[_("The sign is lost: a negative slope makes a product with another sign.")] = abs(right)
        shown = f"[{slopes[0]}] * {len(slopes)}" if len(slopes) > 3 else slopes
        where = _("chain_slope({slopes}, shortcut={shortcut})", slopes=shown, shortcut=shortcut)
        expect(found, with_plus if shortcut else product, where, why, atol=0, mistakes=mistakes)
    return _("50 layers with slope 0.01 give 10⁻¹⁰⁰; with shortcuts they give 1.01⁵⁰, which is 1.64.")


# 26.2


def kinds(body: nn.Module) -> str:
    """The layers of a body, for a hint: "Conv2d, ReLU"."""
    return ", ".join(type(layer).__name__ for layer in body.modules() if not list(layer.children()))


def alike(module: nn.Module, twin: nn.Module) -> bool:
    """Whether a module has the parts, the numbers, the modes and the hooks that its copy has kept, and no .grad."""
    if [type(part) for part in module.modules()] != [type(part) for part in twin.modules()]:
        return False
    state, kept = module.state_dict(), twin.state_dict()
    return (
        state.keys() == kept.keys()
        and all(torch.equal(state[name], kept[name]) for name in state)
        and [part.training for part in module.modules()] == [part.training for part in twin.modules()]
        and [p.requires_grad for p in module.parameters()] == [p.requires_grad for p in twin.parameters()]
        and all(p.grad is None for p in module.parameters())
        and not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
        and "forward" not in vars(module)
    )


@exercise("26.2")
def with_shortcut_around(answer):
    def convolution(channels_in, channels_out):
        return nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)

    cases = [
        (nn.Sequential(convolution(4, 4), nn.BatchNorm2d(4), nn.GELU()), 4, 4),
        (nn.Sequential(convolution(3, 8), nn.BatchNorm2d(8)), 3, 8),
        (nn.Conv2d(1, 4, kernel_size=1), 1, 4),
        (nn.Sequential(nn.Conv2d(6, 2, 3, padding=1), nn.ReLU()), 6, 2),
        (nn.Identity(), 3, 3),
        (nn.Sequential(nn.Conv2d(5, 5, 3, padding=1), nn.Sigmoid()), 5, 5),
        (nn.Dropout(0.5), 3, 3),
        (nn.Conv2d(4, 1, 3, padding=1), 4, 1),
        (nn.Sequential(convolution(3, 8), nn.Tanh()), 3, 8),  # widths as above
    ]
    kernels: list[Tensor] = []
    for body, channels_in, channels_out in cases:
        where = _(
            "around {body}, from {channels_in} to {channels_out} channels,",
            body=kinds(body),
            channels_in=channels_in,
            channels_out=channels_out,
        )
        twin = copy.deepcopy(body)
        module = call(answer, body, channels_in, channels_out, name="with_shortcut_around")
        require(
            isinstance(module, nn.Module),
            _(
                "with_shortcut_around returned {found}; an nn.Module is wanted.",
                found=describe(module),
            ),
        )
        require(
            module is not body,
            _("{where} body itself came back; make a new module that holds it.", where=where),
        )
        require(
            alike(body, twin),
            _(
                "{where} body has changed; leave it as it is, and make a new module that holds it.",
                where=where,
            ),
        )
        x = torch.randn(2, channels_in, 5, 6)
        kernel = kernel_of(module, body, x, channels_in, channels_out, where)
        if kernel is not None:
            require(
                not any(kernel is other for other in kernels),
                _(
                    "{where} the shortcut's weight is that of a module made before; each module needs a convolution of "
                    "its own.",
                    where=where,
                ),
            )
            kernels.append(kernel)
        body.load_state_dict(twin.state_dict())  # a lazy layer needs a call before its parameters are there
        check_sum(module, body, twin, x, kernel, where)
        for mode in (False, True):
            module.train(mode), twin.train(mode)
            require(
                all(part.training == mode for part in body.modules()),
                _(
                    "{where} module.{mode}() does not reach body: is it an attribute of the module, and not in a list?",
                    where=where,
                    mode="train" if mode else "eval",
                ),
            )
            x = torch.randn(3 + mode, channels_in, 4, 7 - mode)  # other sizes than before
            check_sum(module, body, twin, x, kernel, where)
            check_gradients(module, body, twin, x, kernel, where)
    return _(
        "torchvision's resnet18 has such a convolution around three of its eight bodies, with a BatchNorm after it; "
        "the other five hand x on as it is."
    )


def kernel_of(
    module: nn.Module, body: nn.Module, x: Tensor, channels_in: int, channels_out: int, where: Text
) -> Tensor | None:
    """The shortcut's weight, with new numbers in it; None for channels that are equal."""
    found = list(module.parameters())  # what an optimizer gets that is made now
    if any(map(is_lazy, found)):
        call(module, x, name=_("the module"))
    known, own = {id(p) for p in found}, {id(p) for p in body.parameters()}
    require(
        own <= known,
        _(
            "{where} body's parameters are not among module.parameters(). Make body itself, and no copy of it, an "
            "attribute of the module, in __init__; what is in a list is not found.",
            where=where,
        ),
    )
    more = [p for p in found if id(p) not in own]
    if channels_in == channels_out:
        require(
            not more,
            _(
                "{where} the module has parameters beside body's, {count} in number; with equal channels the shortcut is "
                "x itself, which has none.",
                where=where,
                count=sum(p.numel() for p in more),
            ),
        )
        return None
    require(
        bool(more),
        _(
            "{where} module.parameters() has no parameter beside body's. The shortcut is a 1 × 1 convolution here: make "
            "it in __init__, as an attribute of the module.",
            where=where,
        ),
    )
    require(
        [p.numel() for p in more] != [channels_in * channels_out, channels_out],
        _("{where} the convolution on the shortcut has a bias; it should have none.", where=where),
    )
    require(
        [p.numel() for p in more] == [channels_in * channels_out],
        _(
            "{where} the shortcut has {count} numbers to learn; a 1 × 1 convolution without bias has "
            "{channels_in} · {channels_out} = {wanted}.",
            where=where,
            count=sum(p.numel() for p in more),
            channels_in=channels_in,
            channels_out=channels_out,
            wanted=channels_in * channels_out,
        ),
    )
    require(
        more[0].requires_grad,
        _("{where} the convolution on the shortcut is frozen; it should learn.", where=where),
    )
    numbers = more[0].detach()
    require(
        bool(numbers.isfinite().all()),
        _(
            "{where} the shortcut's weight holds numbers that are not finite; it should start with random numbers, as in "
            "nn.Conv2d.",
            where=where,
        ),
    )
    require(
        bool((numbers != numbers.flatten()[0]).any()),
        _(
            "{where} all numbers of the shortcut's weight are equal; it should start with random numbers, as in "
            "nn.Conv2d.",
            where=where,
        ),
    )
    with torch.no_grad():
        more[0].copy_(torch.randn(more[0].shape))
    return more[0]


def around(x: Tensor, kernel: Tensor | None) -> Tensor:
    """What comes out of the shortcut."""
    if kernel is None:
        return x
    # A Linear over the channels is the same convolution; a matrix by hand may stand the other way round.
    channels = x.shape[1]
    matrix = kernel.reshape(channels, -1).T if len(kernel) == channels else kernel.reshape(-1, channels)
    return F.conv2d(x, matrix[:, :, None, None])


def check_sum(
    module: nn.Module, body: nn.Module, twin: nn.Module, x: Tensor, kernel: Tensor | None, where: Text
) -> None:
    """Compare one call of the module with shortcut and twin, body's copy; x, body and the parameters stay."""
    parameters = [id(p) for p in module.parameters()]
    torch.manual_seed(1)  # for a Dropout in both
    found = call(module, x, name=_("the module"))
    require(
        all(layer.training == twin.training for layer in body.modules()),
        _("{where} a call puts body into another mode; leave that to train() and eval().", where=where),
    )
    torch.manual_seed(1)
    with torch.no_grad():
        part, short = twin(x), around(x, kernel)
        mistakes = {
            _("This is body(x) alone; the shortcut is missing."): part,
            _("This is the shortcut alone; body(x) is missing."): short,
            _("Nothing comes after the plus."): (short + part).relu(),
            _("This is their mean; their sum is wanted."): (short + part) / 2,
            _("This is their difference."): short - part,
            _("This is their product."): short * part,
        }
        if kernel is not None and 1 in (x.shape[1], part.shape[1]):
            mistakes[_("This is x + body(x), in which the plus has repeated the one channel.")] = x + part
    expect(
        found,
        short + part,
        _("{where} the result", where=where),
        _("It is shortcut(x) + body(x)."),
        mistakes=mistakes,
    )
    for (name, new), old in zip(body.state_dict().items(), twin.state_dict().values(), strict=True):
        require(
            same(new, old),
            _(
                "{where} after one call body's {name} is {found}, but should be {wanted}: each call of the module runs "
                "body once.",
                where=where,
                name=name,
                found=describe(new),
                wanted=describe(old),
            ),
        )
    require(
        parameters == [id(p) for p in module.parameters()],
        _(
            "{where} a call of the module makes new parameters, which an optimizer does not know; make layers in "
            "__init__.",
            where=where,
        ),
    )


def check_gradients(
    module: nn.Module, body: nn.Module, twin: nn.Module, x: Tensor, kernel: Tensor | None, where: Text
) -> None:
    """Compare the gradients with respect to x and to all parameters with those of shortcut and twin."""
    x = x.clone().requires_grad_()

    def slopes(out, inputs):
        if not inputs:
            return []
        found = torch.autograd.grad((out * weights).sum(), inputs, allow_unused=True, retain_graph=True)
        return [torch.zeros_like(i) if one is None else one for i, one in zip(inputs, found, strict=True)]

    torch.manual_seed(1)
    out = call(module, x, name=_("the module"))
    torch.manual_seed(1)
    part, short = twin(x), around(x, kernel)
    weights = torch.rand(out.shape) + 0.5
    require(
        out.requires_grad,
        _("{where} the result carries no gradient, so nothing before the block could learn.", where=where),
    )
    own = [*([] if kernel is None else [kernel]), *body.parameters()]
    right = [*([] if kernel is None else [kernel]), *twin.parameters()]
    try:
        found = slopes(out, [x, *own])
    except RuntimeError as error:
        if "inplace" in str(error):
            raise NotYet(
                _(
                    "{where} the gradient cannot come back: `+=` has changed what body returned, and a layer "
                    "like ReLU needs that as it was. Write `shortcut(x) + body(x)`.",
                    where=where,
                )
            ) from None
        raise NotYet(_("{where} backward() raised {error}.", where=where, error=sentence(error))) from None
    expect(
        found[0],
        slopes(short + part, [x])[0],
        _("{where} the gradient with respect to x", where=where),
        _("It comes back along the shortcut and through body."),
        mistakes={
            _("It does not come back along the shortcut: is something detached there?"): slopes(part, [x])[0],
            _("It does not come back through body: is something detached there?"): slopes(short, [x])[0],
        },
    )
    names = [] if kernel is None else [_("the shortcut's weight")]
    names += [_("body's {name}", name=name) for name, _p in body.named_parameters()]
    for name, slope, wanted in zip(names, found[1:], slopes(short + part, right), strict=True):
        expect(slope, wanted, _("{where} the gradient with respect to {name}", where=where, name=name))


# 26.3


@exercise("26.3")
def whitened(answer):
    draw = torch.Generator().manual_seed(0)
    mixes = [
        (30, [[1.0, 0.0], [0.9, 0.3]], [0.0, 0.0]),
        (20, [[1.0, 0.2, 0.0], [0.5, 0.4, 0.1], [-0.3, 0.6, 0.5]], [3.0, -2.0, 1.0]),
        (400, [[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [0.5, -0.4, 0.3]], [1.0, 5.0, -3.0]),
        (15, [[3.0]], [7.0]),
        (60, [[0.2, 0.0, 0.0, 0.0], [0.1, 0.1, 0.0, 0.0], [0, 0.1, -0.2, 0], [0.1, 0.1, 0, 0.2]], [0.5] * 4),
        (50, [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.01, -0.01, 0.02]], [2.0, 0.0, -1.0]),
        (60, (torch.eye(8) + 0.1).tolist(), [1.0] * 8),
    ]
    for rows, mix, offset in mixes:
        x = torch.randn(rows, len(mix), generator=draw) @ torch.tensor(mix).T + torch.tensor(offset)
        if rows == 50:
            x = x.double()  # the smallest variance, about 4e-4, is exact here
        found = call(answer, x, name="whitened")
        where = _("for x of shape {shape},", shape=tuple(x.shape))
        require(
            isinstance(found, Tensor) and found.shape == x.shape and found.dtype == x.dtype,
            _(
                "{where} the result is {found}; a {dtype} tensor of shape {shape} is wanted.",
                where=where,
                found=describe(found),
                dtype=str(x.dtype).removeprefix("torch."),
                shape=tuple(x.shape),
            ),
        )
        require(
            bool(found.isfinite().all()),
            _(
                "{where} the result holds numbers that are not finite. A variance of 0 was divided by, or a root taken of a "
                "negative one. The mean to subtract is over the rows, x.mean(0); without each row's own mean one variance "
                "is 0.",
                where=where,
            ),
        )
        check_white(found.detach().cpu().double(), x.double(), where)
    return _(
        "White numbers stay white when they are rotated, hence the many right answers. ZCA is the one that moves the "
        "numbers least."
    )


def covariance(x: Tensor) -> Tensor:
    """(D, D), by the mean over the N rows."""
    centred = x - x.mean(0)
    return centred.T @ centred / len(x)


def check_white(found: Tensor, x: Tensor, where: Text) -> None:
    """Raise NotYet unless `found`, (N, D), is white, and made of the rows of x by one affine map."""
    count, mean, matrix = len(x), found.mean(0), covariance(found)
    means = _("{where} the columns' means are {means}, but should be 0.", where=where, means=rounded(mean))
    if mean.abs().max() > 2e-3:
        if same(found.mean(1), torch.zeros(count), atol=1e-3):
            raise NotYet(
                _("{means} You took the mean of each row; it is over the rows: x.mean(0).", means=means)
            )
        spread = found.std(1, correction=0)
        if len(mean) > 1 and same(spread, spread.mean().expand(count), rtol=1e-3):
            raise NotYet(
                _(
                    "{means} You divided each row by a number of its own; divide the columns, by std(0).",
                    means=means,
                )
            )
        raise NotYet(_("{means} Subtract the mean over the rows, x.mean(0), before all else.", means=means))
    variances, columns = matrix.diagonal(), len(matrix)
    deviations = variances.clamp(min=1e-12).sqrt()
    off = matrix - variances.diag()
    correlated = (off / deviations / deviations[:, None]).abs().triu(1)
    if correlated.max() > 5e-3:
        i, j = divmod(int(correlated.argmax()), columns)
        between = _(
            "{where} columns {i} and {j} have the covariance {value:.3f}, but it should be 0.",
            where=where,
            i=i,
            j=j,
            value=off[i, j].item(),
        )
        if (variances - 1).abs().max() < 1.1 / count:
            raise NotYet(
                _(
                    "{between} Each column on its own has variance 1; now mix the columns so that none repeats another.",
                    between=between,
                )
            )
        if same(found, x - x.mean(0), atol=1e-3):
            raise NotYet(
                _("{between} So far only the mean is gone; now rotate and scale the rows.", between=between)
            )
        raise NotYet(
            _(
                "{between} With eigh: first the centred rows @ its eigenvectors, which are *columns*; then each column "
                "of the product divided by its standard deviation.",
                between=between,
            )
        )
    if (variances - 1).abs().max() > 5e-3:
        raise NotYet(
            join(
                _(
                    "{where} the columns' variances are {variances}, but should be 1.",
                    where=where,
                    variances=rounded(variances),
                ),
                why_not_one(variances, torch.linalg.eigvalsh(covariance(x)), count),
            )
        )
    ones = torch.cat([x, torch.ones(count, 1, dtype=x.dtype)], 1)
    rest = found - ones @ torch.linalg.lstsq(ones, found).solution
    require(
        bool(rest.abs().max() < 0.02),
        _(
            "{where} the result is white, but its rows are not made of the rows of x by one matrix and one vector.",
            where=where,
        ),
    )


def why_not_one(variances: Tensor, eigenvalues: Tensor, count: int) -> Text | str:
    """The mistake that uncorrelated columns of these variances come from."""
    if same(variances, torch.full_like(variances, (count - 1) / count), atol=1e-4):
        return _("You divided by N - 1, as `var`, `std` and `cov` do; the mean over N rows divides by N.")
    if same(variances, torch.full_like(variances, 1 / count), atol=1e-4):
        return _("The columns have length 1; times √N their variance is 1.")
    spread = variances.sort().values
    for power, hint in [
        (1, _("They are uncorrelated: now divide each by its standard deviation.")),
        (-1, _("Divide by the roots of the variances, not by the variances.")),
        (2, _("Divide by the standard deviations; you multiplied by them.")),
    ]:
        if same(spread, (eigenvalues**power).sort().values, rtol=0.04, atol=0):
            return hint
    added = eigenvalues / spread.clamp(min=1e-12) - eigenvalues
    if added.min() > 0 and added.max() < 1.3 * added.min():
        return _(
            "Something like {added:.1g} is added to the variances; where they are small, it counts.",
            added=added.mean().item(),
        )
    least = (eigenvalues / spread.clamp(min=1e-12))[spread < 0.995]
    if spread.max() < 1.005 and len(least) and least.max() < 1.01 * least.min():
        return _(
            "The smallest variances are raised to about {least:.1g}; divide by their own roots.",
            least=least.mean().item(),
        )
    return ""


def rounded(numbers: Tensor) -> str:
    """Numbers for a hint."""
    return ", ".join(f"{number:.3f}" for number in numbers.tolist())


# 26.4


@exercise("26.4")
def mean_probabilities(answer):
    def mirrored(pictures):
        return pictures.flip(3)

    def moved(pictures):
        return pictures.roll(1, dims=2)

    def darker(pictures):
        return pictures - 0.5

    check_views(
        answer, 5, [(4, [mirrored, lambda pictures: pictures, moved], True), (3, [moved, darker], False)]
    )
    check_views(answer, 4, [(1, [mirrored], True), (6, [darker, mirrored, darker, moved], False)])
    check_views(answer, 3, [(2, [mirrored, moved], False)], spread=1000)
    return _(
        "With probabilities each view has one vote. In the mean of the logits, as in `Views`, a view that is very sure "
        "outvotes the others."
    )


def check_views(answer, classes: int, cases: list, spread: float = 8) -> None:
    """Let `answer` ask a network: each case is the number of pictures, the views, and whether it is in train mode.

    spread: what the logits are multiplied by, so that views differ, and logits and probabilities do.
    """
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(16, classes),
        nn.Identity(),  # not each network ends with its Linear
    )
    with torch.no_grad():
        network[1].running_mean.uniform_(-0.5, 0.5)
        network[1].running_var.uniform_(0.3, 2)
        network[-2].weight.mul_(spread)
    network[0].bias.requires_grad_(False)
    for p in network.parameters():
        p.grad = torch.ones_like(p)  # what an earlier step has left
    modes: list[bool] = []
    for layer in network:
        layer.register_forward_pre_hook(lambda layer, _args: modes.append(layer.training))
    kept = copy.deepcopy(network)
    for rows, views, training in cases:
        network.train(training)
        x = torch.randn(rows, 3, 6, 7)
        with torch.no_grad():
            logits = torch.stack([kept.eval()(view(x)) for view in views])  # (views, N, classes)
            plain = kept(x)
            chained = [x]
            for view in views:
                chained.append(view(chained[-1]))
            one_after_other = torch.stack([kept(pictures) for pictures in chained[1:]])
        modes.clear()
        found = call(answer, network, x, views, name="mean_probabilities")
        where = _(
            "with a network in {mode} mode, x of shape {shape} and len(views) = {views},",
            mode="train" if training else "eval",
            shape=tuple(x.shape),
            views=len(views),
        )
        require(
            torch.is_grad_enabled(),
            _(
                "{where} autograd is off after the call, for all that follows; use `with torch.no_grad():`.",
                where=where,
            ),
        )
        require(
            not any(modes),
            _(
                "{where} the network was asked in train mode, where Dropout and BatchNorm do what they do in training; "
                "network.eval() comes first.",
                where=where,
            ),
        )
        require(
            all(layer.training == training for layer in network.modules()),
            _(
                "{where} the network was left in another mode; remember network.training, and give it to "
                "network.train(…) at the end.",
                where=where,
            ),
        )
        state, before = network.state_dict(), kept.state_dict()
        require(
            all(torch.equal(state[name], before[name]) for name in before),
            _("{where} the network has changed; only ask it.", where=where),
        )
        require(
            all(
                p.requires_grad == old.requires_grad
                for p, old in zip(network.parameters(), kept.parameters(), strict=True)
            ),
            _(
                "{where} requires_grad of a parameter has changed; leave the network's parameters as they are.",
                where=where,
            ),
        )
        require(
            all(same(p.grad, torch.ones_like(p)) for p in network.parameters()),
            _(
                "{where} p.grad of a parameter has changed; an optimizer may still need it, so leave it as it is.",
                where=where,
            ),
        )
        probabilities = logits.softmax(2)
        expect(
            found,
            probabilities.mean(0),
            _("{where} the result", where=where),
            _("For each view: the softmax over the classes, dim=1. Then the mean over the views."),
            mistakes={
                _("This is the mean of the logits; softmax turns them into probabilities."): logits.mean(0),
                _(
                    "This is the softmax of the mean logits. It is the probabilities whose mean is wanted: first the "
                    "softmax, then the mean."
                ): logits.mean(0).softmax(1),
                _("This is the sum; divide it by the number of views."): probabilities.sum(0),
                _("This is the answer to x itself; ask about the views."): plain.softmax(1),
                _("This is the first view's answer alone."): probabilities[0],
                _("This is the last view's answer alone."): probabilities[-1],
                _("Each view is made of x, not of the view before it."): one_after_other.softmax(2).mean(0),
                _("x itself counts only if it is among the views."): torch.cat(
                    [plain.softmax(1)[None], probabilities]
                ).mean(0),
                _("These are the largest probabilities, not their mean."): probabilities.amax(0),
                _("The softmax is over the pictures here; it belongs over the classes."): logits.softmax(
                    1
                ).mean(0),
                _("The softmax is over the views here; it belongs over the classes."): logits.softmax(0).mean(
                    0
                ),
                _(
                    "This is the mean of the logarithms; take softmax instead of log_softmax."
                ): logits.log_softmax(2).mean(0),
                _("exp of a large logit is infinite; softmax subtracts the largest logit first."): (
                    logits.exp() / logits.exp().sum(2, keepdim=True)
                ).mean(0),
            },
        )
        require(
            not found.requires_grad,
            _("{where} the result carries a gradient; ask under torch.no_grad().", where=where),
        )


# 26.5


class Extra(nn.Module):
    """Buffers of kinds that a network may have."""

    def __init__(self):
        super().__init__()
        self.register_buffer("factor", torch.tensor(0.5, dtype=torch.float64))
        self.register_buffer("seen", torch.tensor([True, False]))


class Tied(nn.Module):
    """Two layers with one weight, and buffers of further kinds."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.register_buffer("scale", torch.ones(2, dtype=torch.float16))
        self.register_buffer("offset", torch.ones(2, dtype=torch.bfloat16))
        self.register_buffer("calls", torch.tensor(0, dtype=torch.int32))


class NotSaved(nn.Module):
    """A buffer that is not in state_dict()."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("mask", torch.ones(2), persistent=False)


@exercise("26.5")
def update_mean(answer):
    several = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), Extra())
    check_updates(answer, several, [0.9, 0.25, 0.0, 1.0])
    check_updates(answer, Tied(), [0.9, 0.25], _("for a network whose second.weight is its first.weight,"))
    mask = _("for a network with the buffer mask, which is not persistent,")
    try:
        check_updates(answer, NotSaved(), [0.9, 0.25], mask)
    except NotYet as error:
        if "KeyError" not in str(error):
            raise
        why = _(
            "The buffer mask is not persistent, so state_dict() does not have it; go by the names in `mean`."
        )
        raise NotYet(join(error.hint, why)) from None
    return _(
        "With keep = 0.99 about the last 1 / (1 - keep) = 100 updates count. AveragedModel with get_ema_multi_avg_fn(0.99) "
        "does the same for the parameters."
    )


def check_updates(answer, network: nn.Module, keeps: list[float], which: Text | str = "") -> None:
    """Let `answer` follow the network for one update per share in `keeps`."""
    for p in network.parameters():
        p.grad = torch.ones_like(p)  # what an earlier step has left
    state = network.state_dict()  # shares the network's memory
    mean = {
        name: 3 * torch.rand_like(value) + 1 if value.is_floating_point() else torch.zeros_like(value)
        for name, value in state.items()
    }
    list(mean.values())[1].zero_()  # a mean may be zero, and has begun all the same
    own, places = dict(mean), {name: value.data_ptr() for name, value in mean.items()}
    others = {name: value.clone() for name, value in network.named_buffers() if name not in state}
    for step, keep in enumerate(keeps, start=1):
        with torch.no_grad():
            for value in state.values():
                if value.is_floating_point():
                    value.copy_(torch.randn(value.shape))
                elif value.dtype == torch.bool:
                    value.logical_not_()
                else:
                    value.add_(40)
        network.train(step % 2 == 1)
        old = {name: value.detach().clone() for name, value in mean.items()}
        new = {name: value.clone() for name, value in state.items()}
        found = call(answer, mean, network, keep, name="update_mean", changes=True)
        where = join(which, _("in update {step}, with keep={keep},", step=step, keep=keep))
        require(
            found is None,
            _("update_mean returned {found}; it should return nothing.", found=describe(found)),
        )
        after = network.state_dict()
        require(
            after.keys() == new.keys()
            and all(torch.equal(after[name], new[name]) for name in new)
            and all(torch.equal(network.get_buffer(name), value) for name, value in others.items())
            and all(p.requires_grad and same(p.grad, torch.ones_like(p)) for p in network.parameters())
            and all(layer.training == (step % 2 == 1) for layer in network.modules()),
            _("{where} the network has changed; only `mean` should.", where=where),
        )
        require(
            mean.keys() == own.keys(),
            _(
                "{where} `mean` has other names than before; it should keep those of state_dict().",
                where=where,
            ),
        )
        numbers = [name for name, value in old.items() if value.is_floating_point()]
        require(
            keep == 1 or any(not torch.equal(mean[name], old[name]) for name in numbers),
            _(
                "{where} nothing in `mean` has changed. `lerp`, `mul` and `add` without an underscore make a new tensor, "
                "and `old = …` or `mean = …` only gives it a name; `lerp_`, `mul_`, `add_` and `copy_` change the numbers "
                "of the tensor that is there.",
                where=where,
            ),
        )
        for name, value in mean.items():
            what = _("{where} mean['{name}']", where=where, name=name)
            require(
                value is own[name] or value.data_ptr() != after[name].data_ptr(),
                _(
                    "{what} is the network's own tensor now, so the next training step changes it; copy the numbers "
                    "into the tensor that is there, by `copy_`.",
                    what=what,
                ),
            )
            require(
                value is own[name],
                _(
                    "{what} is another tensor than before. In place means: change the numbers of the tensor that is there, "
                    "by `lerp_`, `mul_`, `add_` or `copy_`.",
                    what=what,
                ),
            )
            require(
                not value.requires_grad,
                _(
                    "{what} carries a gradient, so the mean would keep the graph of each update; take the tensors of "
                    "state_dict(), or work under torch.no_grad().",
                    what=what,
                ),
            )
            check_value(value, old[name], new[name], keep, what, tied=name == "second.weight")
            require(
                value.data_ptr() == places[name],
                _(
                    "{what} has other memory than before: `.data =` puts another tensor there. Change its numbers by "
                    "`lerp_`, `mul_`, `add_` or `copy_`.",
                    what=what,
                ),
            )


def check_value(value: Tensor, old: Tensor, new: Tensor, keep: float, what: Text, tied: bool) -> None:
    """Raise NotYet unless one tensor of the mean is what it should be."""
    if not new.is_floating_point():
        blend = keep * old.double() + (1 - keep) * new.double()
        expect(
            value,
            new,
            what,
            _("It is no floating-point tensor, so it becomes the network's."),
            mistakes={
                _("This is still the old one; what is no floating-point number becomes the network's."): old,
                _("Whole numbers are not averaged; they become the network's."): blend.to(new.dtype),
            },
        )
        return
    unchanged = _(
        "It has not changed. Buffers are in state_dict() too, and each floating-point dtype counts."
    )
    if tied:
        unchanged = _(
            "It has not changed. named_parameters() gives a shared weight once, state_dict() by each name."
        )
    expect(
        value,
        keep * old + (1 - keep) * new,
        what,
        _("It is keep times the old one plus 1 - keep times the network's."),
        atol={torch.float16: 1e-2, torch.bfloat16: 6e-2}.get(new.dtype, 1e-5),  # these numbers lie far apart
        mistakes={
            _("keep is the share of the old mean, 1 - keep that of the network."): (1 - keep) * old
            + keep * new,
            unchanged: old,
            _("This is the network's; the old mean has a share in it, too."): new,
            _("The network's share is 1 - keep of it."): keep * old + new,
            _("The network's share is missing."): keep * old,
            _("The old mean's share is keep of it."): old + (1 - keep) * new,
        },
    )
