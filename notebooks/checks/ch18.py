"""Checkers of chapter 18, loss functions."""

import torch
from torch.nn import functional as F

from . import NotYet, call, describe, exercise, expect, require


def without(function, names: set[str], hint: str) -> None:
    """NotYet(hint) if the code of `function` calls one of `names`, which the exercise builds by hand."""
    used = set(getattr(getattr(function, "__code__", None), "co_names", ())) & names
    require(not used, f"the numbers are right, but {', '.join(sorted(used))} stands in the code; {hint}")


@exercise("18.1")
def mse_loss(answer):
    for prediction, target in [
        (torch.tensor([2.0, 4.0, 9.0]), torch.tensor([1.0, 4.0, 5.0])),
        (torch.arange(6.0).reshape(2, 3), torch.ones(2, 3)),
    ]:
        found = call(answer, prediction, target, name="mse_loss")
        expected = F.mse_loss(prediction, target)
        where = f"the loss of {prediction.tolist()} and {target.tolist()}"
        if isinstance(found, torch.Tensor) and found.shape == expected.shape:
            squares = (prediction - target) ** 2
            require(
                not torch.allclose(found, squares.sum()),
                f"{where} is the sum of the squares; the mean is wanted.",
            )
            require(
                not torch.allclose(found, F.l1_loss(prediction, target)),
                f"{where} is the mean of the errors' sizes, which is L1; square them.",
            )
        expect(found, expected, where, "It is the mean of the squared errors, over all elements.")
    for shapes in [((4, 1), (4,)), ((2, 3), (3,)), ((2, 3), (3, 2)), ((1,), ())]:
        prediction, target = torch.ones(shapes[0]), torch.ones(shapes[1])
        try:
            answer(prediction, target)
        except ValueError:
            continue
        except Exception as error:
            require(
                False,
                f"for the shapes {shapes[0]} and {shapes[1]} it raised {type(error).__name__}, not ValueError.",
            )
        require(False, f"for the shapes {shapes[0]} and {shapes[1]} it returned a loss; raise a ValueError.")
    return "This check stops the loss of 2.5 for a perfect prediction before it is computed."


@exercise("18.2")
def probabilities(answer):
    cases = [
        torch.tensor([[1.0, 2.0, 5.0], [3.0, 1.0, 4.0]]).log(),
        torch.tensor([[1000.0, 999.0], [0.0, 0.0]]),
        torch.tensor([[1000.0, 0.0, 0.0], [-1000.0, -1000.0, -1001.0]]),
    ]
    for logits in cases:
        found = call(answer, logits, name="probabilities")
        where = f"the result for the logits {[[round(z, 4) for z in row] for row in logits.tolist()]}"
        expected = F.softmax(logits, dim=1)
        if isinstance(found, torch.Tensor) and found.shape == expected.shape:
            require(
                not torch.isnan(found).any(),
                f"{where} holds NaN: e to the power of these overflows or all parts are 0. Subtract each row's largest "
                "logit first.",
            )
            if found.dtype == expected.dtype:
                require(
                    torch.allclose(expected, F.softmax(logits, dim=0))
                    or not torch.allclose(found, F.softmax(logits, dim=0), atol=1e-5),
                    f"{where} adds up to 1 in each column; each row should, so work along dim=1.",
                )
        expect(found, expected, where, "Each is e**logit, divided by the sum of these in its row.")
    without(answer, {"softmax", "Softmax", "log_softmax"}, "build it from exp and a sum.")
    return "`F.softmax` subtracts the largest logit too."


@exercise("18.3")
def cross_entropy(answer):
    for count, classes, ignore_index, ignored in [
        (4, 3, -100, []),
        (5, 4, -100, [0, 3]),
        (6, 5, -1, [2]),
        (3, 3, 0, []),
    ]:
        logits, target = 3 * torch.randn(count, classes), torch.randint(classes, (count,))
        if ignore_index == 0:
            target = torch.tensor([0, 1, 2])
        target[ignored] = ignore_index
        found = call(answer, logits, target, ignore_index, name="cross_entropy")
        where = f"the loss for logits ({count}, {classes}), the targets {target.tolist()} and ignore_index={ignore_index}"
        expected = F.cross_entropy(logits, target, ignore_index=ignore_index)
        if (
            isinstance(found, torch.Tensor)
            and found.shape == expected.shape
            and found.dtype == expected.dtype
        ):
            known = int((target != ignore_index).sum())
            require(
                known == count or not torch.allclose(found, expected * known / count, rtol=1e-4),
                f"{where} is divided by all {count} rows; divide by the {known} that count.",
            )
            require(
                not torch.allclose(found, -expected, rtol=1e-4),
                f"{where} is negative; the loss is minus ln p.",
            )
            rows = torch.arange(count)[target != ignore_index]
            every_pair = -F.log_softmax(logits, dim=1)[rows][:, target[rows]].mean()
            require(
                not torch.allclose(found, every_pair, rtol=1e-4),
                f"{where} pairs every row with every target: `[:, target]` takes all rows; index with `[rows, target]`, "
                "rows being 0, 1, 2, …",
            )
            over_batch = -F.log_softmax(logits, dim=0)[rows, target[rows]].mean()
            require(
                not torch.allclose(found, over_batch, rtol=1e-4),
                f"{where} has its softmax over the batch (dim=0); the classes stand on axis 1.",
            )
        expect(found, expected, where, "A row's loss is its log-sum-exp minus the logit of the right class.")
    huge = torch.tensor([[1000.0, 0.0], [0.0, 500.0]])
    found = call(answer, huge, torch.tensor([0, 0]), name="cross_entropy")
    expect(
        found,
        torch.tensor(250.0),
        "the loss for the logits [[1000, 0], [0, 500]] and the targets [0, 0]",
        "Go through log_softmax or logsumexp; a softmax first loses small probabilities.",
    )
    losses = {"cross_entropy", "CrossEntropyLoss", "nll_loss", "NLLLoss"}
    without(answer, losses, "use log_softmax or logsumexp, and pick the right class yourself.")
    return "Three lines, and the same numbers as `nn.CrossEntropyLoss`."


@exercise("18.4")
def smooth_targets(answer):
    for classes, count, smoothing in [([1, 0], 4, 0.1), ([2], 3, 0.3), ([0, 4, 4], 5, 0.0)]:
        target = torch.tensor(classes)
        found = call(answer, target, count, smoothing, name="smooth_targets")
        where = f"the result for the classes {classes}, {count} classes and smoothing {smoothing:g}"
        expected = (1 - smoothing) * F.one_hot(target, count) + smoothing / count
        if isinstance(found, torch.Tensor) and found.shape == expected.shape and found.is_floating_point():
            others = torch.where(F.one_hot(target, count) == 1, 1 - smoothing, smoothing / (count - 1))
            require(
                smoothing == 0 or not torch.allclose(found.float(), others),
                f"{where} shares {smoothing:g} among the other classes only; PyTorch spreads it over all {count}, the "
                "right one included.",
            )
            sums = found.sum(dim=1)
            require(
                bool(((sums - 1).abs() < 1e-4).all()),
                f"in {where} a row adds up to {sums[0]:.4g}; probabilities add up to 1.",
            )
        expect(
            found,
            expected,
            where,
            f"Each class gets {smoothing / count:.4g}, the right one {1 - smoothing:g} more.",
        )
    return "Smoothing is nothing but other targets; the loss stays the same."


@exercise("18.5")
def gradient(answer):
    for count, classes in [(2, 3), (1, 4), (5, 2)]:
        logits, target = torch.randn(count, classes), torch.randint(classes, (count,))
        z = logits.clone().requires_grad_()
        F.cross_entropy(z, target).backward()
        found = call(answer, logits, target, name="gradient")
        where = f"the gradient for logits ({count}, {classes}) and the targets {target.tolist()}"
        if isinstance(found, torch.Tensor) and found.shape == z.grad.shape and found.dtype == z.grad.dtype:
            require(
                count == 1 or not torch.allclose(found, count * z.grad, atol=1e-5),
                f"{where} is that of the sum of the losses; the loss is their mean, so divide by N = {count}.",
            )
            require(
                not torch.allclose(found, -z.grad, atol=1e-5),
                f"{where} has the wrong sign; minus the gradient should push the right class up.",
            )
            require(
                not torch.allclose(found, z.grad / classes, atol=1e-5),
                f"{where} is divided by all N · C = {count * classes} numbers; divide by N = {count}.",
            )
            narrow = F.one_hot(target)  # as many columns as the largest class of this batch needs
            require(
                narrow.shape[1] != 1
                or not torch.allclose(found, (F.softmax(logits, dim=1) - narrow) / count, atol=1e-5),
                f"{where} has 1 taken from every class: `one_hot` does not know that there are {classes} classes, so "
                "tell it.",
            )
            over_batch = (F.softmax(logits, dim=0) - F.one_hot(target, classes)) / count
            require(
                not torch.allclose(found, over_batch, atol=1e-5),
                f"{where} has its softmax over the batch (dim=0); each row's probabilities add up to 1.",
            )
        expect(found, z.grad, where, "It is (probabilities - one-hot target) / N.")
    without(answer, {"backward", "grad"}, "the formula is asked for: (probabilities - one-hot target) / N.")
    return "A row adds up to 0: what the right class gains, the others lose."


@exercise("18.6")
def total_loss(answer):
    for count, classes, tags, known in [
        (4, 3, 2, [True] * 4),
        (5, 4, 3, [True, False, True, True, False]),
        (1, 2, 1, [True]),
    ]:
        outputs = {
            "kind": 2 * torch.randn(count, classes),
            "tags": 2 * torch.randn(count, tags),
            "size": torch.randn(count, 1),
        }
        targets = {
            "kind": torch.where(torch.tensor(known), torch.randint(classes, (count,)), -1),
            "tags": torch.randint(2, (count, tags)),
            "size": torch.randn(count),
        }
        try:
            found = call(answer, dict(outputs), dict(targets), name="total_loss")
        except NotYet as hint:
            require(
                "desired output type Long" not in str(hint),
                "the tags' targets are whole numbers; binary cross entropy wants them as floating-point numbers.",
            )
            raise
        require(
            isinstance(found, torch.Tensor) and found.shape == (),
            f"total_loss returned {describe(found)}; a tensor with one number, shape (), is wanted.",
        )
        right = {
            "kind": F.cross_entropy(outputs["kind"], targets["kind"], ignore_index=-1),
            "tags": F.binary_cross_entropy_with_logits(outputs["tags"], targets["tags"].float()),
            "size": F.l1_loss(outputs["size"].squeeze(1), targets["size"]),
        }
        rows = F.cross_entropy(outputs["kind"], targets["kind"], ignore_index=-1, reduction="none")
        mistakes = {
            "the kind's loss is taken of a softmax; cross entropy wants the logits": (
                "kind",
                F.cross_entropy(outputs["kind"].softmax(dim=1), targets["kind"], ignore_index=-1),
            ),
            "the kind's mean is over all rows; those with target -1 do not count": ("kind", rows.mean()),
            "the size (N, 1) and its target (N,) were broadcast to (N, N)": (
                "size",
                (outputs["size"] - targets["size"]).abs().mean(),
            ),
            "the size's loss is MSE; L1 is wanted": (
                "size",
                F.mse_loss(outputs["size"].squeeze(1), targets["size"]),
            ),
            "the tags' loss gets probabilities where it wants logits": (
                "tags",
                F.binary_cross_entropy_with_logits(outputs["tags"].sigmoid(), targets["tags"].float()),
            ),
            "the tags' loss is a cross entropy over the tags; each tag is a yes-or-no question of its own": (
                "tags",
                F.cross_entropy(outputs["tags"], targets["tags"].float()),
            ),
        }
        expected = sum(right.values())
        for mistake, (part, value) in mistakes.items():
            other = expected - right[part] + value
            require(
                torch.allclose(other, expected, rtol=1e-4) or not torch.allclose(found, other, rtol=1e-4),
                f"for a batch of {count} it looks as if {mistake}.",
            )
        parts = ", ".join(f"{name} {value.item():.4f}" for name, value in right.items())
        expect(found, expected, f"the loss for a batch of {count}", f"The parts are {parts}.")
    return "Networks with several answers are trained like this; each loss usually gets a factor of its own."
