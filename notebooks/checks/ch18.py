"""Checkers of chapter 18, loss functions."""

import warnings

import torch
from torch import Tensor
from torch.nn import functional as F

from . import (
    NotYet,
    _,
    call,
    describe,
    exercise,
    expect,
    expect_trainable,
    pytorchs_own,
    sentence,
    switched_off,
)


@exercise("18.1")
def mse_loss(answer):
    cases = [
        (torch.tensor([2.0, 4.0, 9.0]), torch.tensor([1.0, 4.0, 5.0])),
        (torch.arange(6.0).reshape(2, 3), torch.ones(2, 3)),
        (torch.randn(2, 3, 4), torch.randn(2, 3, 4)),
        (torch.randn(4, 1), torch.randn(4, 1)),
    ]
    for prediction, target in cases:
        where = _(
            "the loss of {prediction} and {target}", prediction=describe(prediction), target=describe(target)
        )
        squares = (prediction - target) ** 2
        found = call(answer, prediction, target, name="mse_loss")
        expect(
            found,
            squares.mean(),
            where,
            _("It is the mean of the squared errors, over all elements."),
            mistakes={
                _("This is the sum of the squares; the mean is wanted."): squares.sum(),
                _("This is the mean of the absolute values, which is L1; square the errors."): (
                    prediction - target
                )
                .abs()
                .mean(),
                _("This is the root of the mean."): squares.mean().sqrt(),
                _("You divided by the number of rows; divide by that of all elements."): squares.sum()
                / len(prediction),
            },
        )
        expect_trainable(
            lambda prediction, target=target: call(answer, prediction, target, name="mse_loss"),
            lambda prediction, target=target: F.mse_loss(prediction, target),
            prediction,
            what=where,
            name="mse_loss",
        )
    for shapes in [
        ((4, 1), (4,)),
        ((2, 3), (3,)),
        ((2, 3), (3, 2)),
        ((1,), ()),
        ((1, 3), (2, 3)),
        ((2, 3), (2, 1)),
        ((2, 4, 3), (2, 1, 3)),
        ((2, 3, 4), (2, 3, 1)),
        ((6,), (2, 3)),
    ]:
        prediction, target = torch.ones(shapes[0]), torch.ones(shapes[1])
        where = _("for the shapes {one} and {two}", one=shapes[0], two=shapes[1])
        try:
            answer(prediction, target)
        except ValueError:
            continue
        except Exception as error:
            hint = _("{where} it raised {error}; a ValueError is wanted.", where=where, error=sentence(error))
            raise NotYet(hint) from None
        raise NotYet(_("{where} it returned a loss; raise a ValueError.", where=where))
    return _("This check stops the loss of 2.5 for a perfect prediction before it is computed.")


def softmax(logits, dim=1):
    """As F.softmax, which is switched off while an answer runs."""
    parts = (logits - logits.amax(dim=dim, keepdim=True)).exp()
    return parts / parts.sum(dim=dim, keepdim=True)


def overflowing(logits):
    """What comes out, for each hint, where not each row's largest logit is subtracted before e**logit."""
    shifts = {
        _("Subtract each row's largest logit, not its largest absolute value."): logits.abs().amax(
            dim=1, keepdim=True
        ),
        _("e to the power of large logits overflows; subtract each row's largest logit first."): 0,
        _("Subtract each row's own largest logit, not that of the whole batch."): logits.max(),
    }
    parts = {hint: (logits - shift).exp() for hint, shift in shifts.items()}
    return {hint: part / part.sum(dim=1, keepdim=True) for hint, part in parts.items()}


@exercise("18.2")
def probabilities(answer):
    cases = [
        torch.tensor([[1.0, 2.0, 5.0], [3.0, 1.0, 4.0]]).log(),
        torch.tensor([[1000.0, 999.0], [0.0, 0.0]]),
        torch.tensor([[-1000.0, -1000.0, -1001.0]]),
        torch.tensor([[200.0, 100.0, -200.0]]),
        2 * torch.randn(5, 4),
        torch.tensor([[3.0], [-3e4]]),
    ]
    with switched_off(_("softmax"), *pytorchs_own("softmax", "softmin")):
        for logits in cases:
            where = _("the result for the logits {logits}", logits=describe(logits))
            expected = softmax(logits)
            mistakes = {
                **overflowing(logits),
                _("Each column adds up to 1; each row should, so work along dim=1."): softmax(logits, dim=0),
                _("All numbers together add up to 1; each row should."): softmax(
                    logits.reshape(1, -1)
                ).view_as(logits),
                _("These are logarithms of the probabilities."): logits
                - logits.logsumexp(dim=1, keepdim=True),
            }
            found = call(answer, logits, name="probabilities")
            why = _("Each is e**logit, divided by the sum of these in its row.")
            # a logsumexp near 1000 is rounded to about 0.0001
            expect(found, expected, where, why, rtol=1e-3, atol=1e-4, mistakes=mistakes)
            expect_trainable(answer, softmax, logits, what=where, name="probabilities", rtol=1e-3, atol=1e-4)
    return _("`F.softmax` subtracts the largest logit too.")


LOSSES = pytorchs_own("cross_entropy", "nll_loss", "kl_div")


@exercise("18.3")
def cross_entropy(answer):
    def reference(logits, target, ignore_index=-100):
        losses = [
            row.logsumexp(dim=0) - row[right]
            for row, right in zip(logits, target.tolist(), strict=True)
            if right != ignore_index
        ]
        return torch.stack(losses).mean()

    draw = torch.randn
    cases = [
        (3 * draw(4, 3), [2, 0, 1, 1], {}),
        (3 * draw(5, 4), [-100, 3, 0, -100, 3], {}),
        (3 * draw(6, 5), [4, 0, -1, 2, 2, 1], {"ignore_index": -1}),
        (draw(3, 3), [0, 1, 2], {"ignore_index": 0}),
        (draw(3, 2), [255, 1, 0], {"ignore_index": 255}),
        (draw(1, 6), [5], {}),
        (torch.tensor([[1000.0, 0.0], [0.0, 500.0]]), [0, 0], {}),
    ]
    with switched_off(_("loss"), *LOSSES):
        for logits, listed, options in cases:
            target, ignored = torch.tensor(listed), options.get("ignore_index", -100)
            count, known = len(listed), target != options.get("ignore_index", -100)
            where = _(
                "the loss for the logits {logits}, the targets {target} and ignore_index={ignored}",
                logits=describe(logits),
                target=listed,
                ignored=ignored,
            )
            expected = reference(logits, target, **options)
            log_p, rows = logits.log_softmax(dim=1), torch.arange(count)[known]
            right = target[known]
            mistakes = {
                _("You divided by all rows; divide by the number of those that count."): expected
                * len(right)
                / count,
                _("This is the sum; the mean is wanted."): expected * len(right),
                _("This is negative; the loss is minus ln p."): -expected,
                _(
                    "You paired every row with every target: `[:, target]` takes all rows; index with `[rows, target]`."
                ): (-log_p[rows][:, right].mean()),
                _("The softmax goes over the batch (dim=0); the classes are on axis 1."): (
                    -logits.log_softmax(dim=0)[rows, right].mean()
                ),
                _(
                    "An exponential has overflowed, or a probability has become 0: use log_softmax or logsumexp of the "
                    "logits themselves."
                ): (-logits.softmax(dim=1).log()[rows, right].mean()),
            }
            found = call(answer, logits, target, **options, name="cross_entropy")
            why = _("A row's loss is its log-sum-exp minus the logit of the right class.")
            expect(found, expected, where, why, mistakes=mistakes)
            expect_trainable(answer, reference, logits, target, **options, what=where, name="cross_entropy")
    return _("Three lines, and the same numbers as `nn.CrossEntropyLoss`.")


@exercise("18.4")
def smooth_targets(answer):
    for classes, count, smoothing in [
        ([1, 0], 4, 0.1),
        ([2], 3, 0.3),
        ([0, 4, 4], 5, 0.0),
        ([1, 1, 0], 2, 1.0),
        ([3, 0, 2, 6, 3], 7, 0.25),
    ]:
        target = torch.tensor(classes)
        where = _(
            "the result for the classes {classes}, count {count} and smoothing {smoothing:g}",
            classes=classes,
            count=count,
            smoothing=smoothing,
        )
        one_hot = F.one_hot(target, count)
        others = torch.where(one_hot == 1, 1 - smoothing, smoothing / (count - 1))
        found = call(answer, target, count, smoothing, name="smooth_targets")
        expect(
            found,
            (1 - smoothing) * one_hot + smoothing / count,
            where,
            _(
                "Each class gets {each:.4g}, the right one {more:g} more.",
                each=smoothing / count,
                more=1 - smoothing,
            ),
            mistakes={
                _(
                    "You shared it among the other classes only; it is spread over all, the right one included."
                ): others,
                _("Each row adds up to more than 1: take from the right class what you give to all."): (
                    one_hot + smoothing / count
                ),
                _("Each row adds up to less than 1: what was taken away is missing."): (1 - smoothing)
                * one_hot,
                _("Smoothing is how much is taken away, not how much is left."): (
                    smoothing * one_hot + (1 - smoothing) / count
                ),
            },
        )
    return _("Smoothing is nothing but other targets; the loss stays the same.")


AUTOGRAD = [
    (Tensor, "backward"),
    (torch.autograd, "grad"),
    (torch.autograd, "backward"),
    *((torch.func, name) for name in ("grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd")),
    *((torch.autograd.functional, name) for name in ("jacobian", "vjp", "jvp")),
    (torch.func, "linearize"),
    (torch.autograd.forward_ad, "make_dual"),
]


@exercise("18.5")
def gradient(answer):
    # without the losses: their differences would be no formula
    with switched_off(_("autograd"), *AUTOGRAD), switched_off(_("loss"), *LOSSES):
        for logits, listed in [
            (torch.randn(2, 3), [2, 0]),
            (torch.randn(1, 4), [0]),
            (torch.randn(5, 2), [0, 1, 1, 0, 1]),
            (torch.randn(3, 6), [1, 0, 1]),
            (torch.tensor([[200.0, 199.0], [0.0, -1.0]]), [0, 1]),
            # so large that a small step does not change them: differences of losses are no formula
            (torch.tensor([[2.0**40, 0.0], [0.0, -(2.0**40)]]), [1, 0]),
        ]:
            target, (count, classes) = torch.tensor(listed), logits.shape
            where = _(
                "the gradient for the logits {logits} and the targets {target}",
                logits=describe(logits),
                target=listed,
            )
            p, one_hot = logits.softmax(dim=1), F.one_hot(target, classes)
            expected = (p - one_hot) / count
            narrow = F.one_hot(target)  # as many columns as the largest class of this batch needs
            mistakes = {}
            if count > 1:
                mistakes[_("This is for the sum of the losses; the loss is their mean, so divide by N.")] = (
                    p - one_hot
                )
            mistakes |= {
                _(
                    "The sign is wrong; minus the gradient should make the right class's logit larger."
                ): -expected,
                _("You divided by all N · C numbers; divide by N."): expected / classes,
                _("These are the probabilities divided by N; take the one-hot target off."): p / count,
                _("Only the right class has a gradient here; the others have theirs too."): expected
                * one_hot,
                _("The softmax goes over the batch (dim=0); each row's probabilities add up to 1."): (
                    logits.softmax(dim=0) - one_hot
                )
                / count,
                **{hint: (wrong - one_hot) / count for hint, wrong in overflowing(logits).items()},
            }
            if narrow.shape[1] == 1:
                hint = _(
                    "1 was taken from every class: `one_hot` does not know how many classes there are, so tell it."
                )
                mistakes[hint] = (p - narrow) / count
            found = call(answer, logits, target, name="gradient")
            why = _("It is (probabilities - one-hot target) / N, for large logits, too.")
            expect(found, expected, where, why, mistakes=mistakes)
    return _("A row adds up to 0: what the right class gains, the others lose.")


@exercise("18.6")
def total_loss(answer):
    for count, classes, tags, unknown, scale in [
        (4, 3, 2, [], 2),
        (5, 4, 3, [1, 4], 2),
        (1, 2, 1, [], 2),
        (3, 5, 4, [0], 300),
    ]:
        kind = torch.randint(classes, (count,))
        kind[unknown] = -1
        outputs = {
            "kind": scale * torch.randn(count, classes),
            "tags": scale * torch.randn(count, tags),
            "size": torch.randn(count, 1),
        }
        targets = {"kind": kind, "tags": torch.randint(2, (count, tags)), "size": torch.randn(count)}
        found = _ask_total(answer, outputs, targets)
        right = _three_losses(outputs, targets)
        z, size = outputs["kind"], outputs["size"]
        yes = targets["tags"].float()
        wrong = {
            _("The kind's loss is taken of a softmax; cross entropy wants the logits."): (
                "kind",
                F.cross_entropy(z.softmax(dim=1), kind, ignore_index=-1),
            ),
            _("The kind's mean is over all rows; those with target -1 do not count."): (
                "kind",
                F.cross_entropy(z, kind, ignore_index=-1, reduction="sum") / count,
            ),
            _("The size (N, 1) and its target (N,) were broadcast to (N, N)."): (
                "size",
                (size - targets["size"]).abs().mean(),
            ),
            _("The size's loss is MSE; L1 is wanted."): (
                "size",
                F.mse_loss(size.squeeze(1), targets["size"]),
            ),
            _("The tags' loss gets probabilities where it wants logits."): (
                "tags",
                F.binary_cross_entropy_with_logits(outputs["tags"].sigmoid(), yes),
            ),
            _(
                "A sigmoid before the tags' loss cuts off what large logits say; use the loss that takes logits."
            ): (
                "tags",
                F.binary_cross_entropy(outputs["tags"].sigmoid(), yes),
            ),
            _(
                "The tags' loss is a cross entropy over the tags; each tag is a yes-or-no question of its own."
            ): (
                "tags",
                F.cross_entropy(outputs["tags"], yes),
            ),
        }
        expected = sum(right.values())
        mistakes = {hint: expected - right[part] + value for hint, (part, value) in wrong.items()}
        mistakes[_("This is the mean of the three losses; their sum is wanted.")] = expected / 3
        expect(
            found,
            expected,
            _("the loss for a batch of {count}", count=count),
            _(
                "The parts are kind {kind:.4f}, tags {tags:.4f}, size {size:.4f}.",
                **{name: value.item() for name, value in right.items()},
            ),
            mistakes=mistakes,
        )
        expect_trainable(
            lambda kind, tags, size, targets=targets: _ask_total(
                answer, {"kind": kind, "tags": tags, "size": size}, targets
            ),
            lambda kind, tags, size, targets=targets: sum(
                _three_losses({"kind": kind, "tags": tags, "size": size}, targets).values()
            ),
            *outputs.values(),
            what=_("the loss for a batch of {count}", count=count),
            name="total_loss",
        )
    return _(
        "Networks with several answers are trained like this; each loss usually gets a factor of its own."
    )


def _ask_total(answer, outputs, targets):
    """The answer's loss; PyTorch's warning about shapes that differ counts as an error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Using a target size")
        try:
            return call(answer, outputs, targets, name="total_loss")
        except NotYet as error:
            problem = error.hint
    if "Using a target size" in str(problem):
        problem = _(
            "size and its target have different shapes; `squeeze(1)` makes them equal, for a batch of one as well."
        )
    elif "type Long" in str(problem):
        problem = _("the tags' targets are whole numbers; binary cross entropy wants floating-point numbers.")
    raise NotYet(problem)


def _three_losses(outputs, targets):
    return {
        "kind": F.cross_entropy(outputs["kind"], targets["kind"], ignore_index=-1),
        "tags": F.binary_cross_entropy_with_logits(outputs["tags"], targets["tags"].float()),
        "size": F.l1_loss(outputs["size"].squeeze(1), targets["size"]),
    }
