"""Wrong answers to the exercises of chapter 18."""

import torch
from torch.nn import functional as F

from wrong_answers import Wrong


def same_shape(prediction, target):
    if prediction.shape != target.shape:
        raise ValueError("shapes differ")


def broadcasts(prediction, target):
    return ((prediction - target) ** 2).mean()


def asserts(prediction, target):
    assert prediction.shape == target.shape
    return ((prediction - target) ** 2).mean()


def same_count(prediction, target):
    if len(prediction) != len(target):
        raise ValueError("batches differ")
    return ((prediction - target) ** 2).mean()


def summed(prediction, target):
    same_shape(prediction, target)
    return ((prediction - target) ** 2).sum()


def absolute(prediction, target):
    same_shape(prediction, target)
    return (prediction - target).abs().mean()


def a_number(prediction, target):
    same_shape(prediction, target)
    return ((prediction - target) ** 2).mean().item()


def naive(logits, dim=1):
    return logits.exp() / logits.exp().sum(dim=dim, keepdim=True)


def largest_of_all(logits):
    return naive(logits - logits.max())


def over_the_batch(logits):
    return naive(logits - logits.amax(dim=0), dim=0)


def cross_entropy(logits, target, ignore_index=-100, how="right"):
    known = target != ignore_index
    rows = torch.arange(len(target))
    if how == "softmax":
        losses = -torch.softmax(logits, dim=1)[rows, target * known].log()
    else:
        losses = -torch.log_softmax(logits, dim=1)[rows, target * known]
    losses = losses * known
    if how == "all rows":
        return losses.mean()
    if how == "negative":
        return -losses.sum() / known.sum()
    return losses.sum() / known.sum()


def ignores_nothing(logits, target, ignore_index=-100):
    return -torch.log_softmax(logits, dim=1)[torch.arange(len(target)), target].mean()


def ignores_only_minus_100(logits, target, ignore_index=-100):
    return cross_entropy(logits, target)


def takes_every_class(logits, target, ignore_index=-100):
    return -torch.log_softmax(logits, dim=1)[:, target].mean()


def among_the_others(target, count, smoothing):
    return torch.where(F.one_hot(target, count) == 1, 1 - smoothing, smoothing / (count - 1))


def too_much(target, count, smoothing):
    return F.one_hot(target, count) + smoothing / count


def too_little(target, count, smoothing):
    return (1 - smoothing) * F.one_hot(target, count)


def counted_by_batch(target, count, smoothing):
    return (1 - smoothing) * F.one_hot(target) + smoothing / count


def gradient(logits, target, factor=None):
    p = torch.softmax(logits, dim=1) - F.one_hot(target, logits.shape[1])
    return p * (1 / len(target) if factor is None else factor)


def gradient_of_right_class(logits, target):
    one_hot = F.one_hot(target, logits.shape[1])
    return (torch.softmax(logits, dim=1) - 1) * one_hot / len(target)


def three(outputs, targets, kind=None, tags=None, size=None, ignore_index=-1):
    kind = kind or (lambda z, y: F.cross_entropy(z, y, ignore_index=ignore_index))
    tags = tags or (lambda z, t: F.binary_cross_entropy_with_logits(z, t.float()))
    size = size or (lambda p, t: F.l1_loss(p.squeeze(1), t))
    losses = {"kind": kind, "tags": tags, "size": size}
    return sum(loss(outputs[name], targets[name]) for name, loss in losses.items())


def by_autograd(logits, target):
    z = logits.clone().requires_grad_()
    F.cross_entropy(z, target).backward()
    return z.grad


def loss_of_pytorch(logits, target, ignore_index=-100):
    return F.cross_entropy(logits, target, ignore_index=ignore_index)


def softmax_over_the_batch(logits, target, ignore_index=-100):
    known = target != ignore_index
    rows = torch.arange(len(target))[known]
    return -torch.log_softmax(logits, dim=0)[rows, target[known]].mean()


def gradient_over_the_batch(logits, target):
    return (torch.softmax(logits, dim=0) - F.one_hot(target, logits.shape[1])) / len(target)


WRONG = {
    "18.1": [
        Wrong(broadcasts, hint="(4, 1) and (4,)"),
        Wrong(asserts, hint="AssertionError, not ValueError"),
        Wrong(same_count, hint="returned a loss"),
        Wrong(summed, hint="sum of the squares"),
        Wrong(absolute, hint="L1"),
        Wrong(a_number, hint="should be a tensor"),
    ],
    "18.2": [
        Wrong(naive, hint="overflows"),
        Wrong(largest_of_all, hint="Subtract each row's largest"),
        Wrong(over_the_batch, hint="dim=1"),
        Wrong(lambda logits: torch.sigmoid(logits), hint="divided by the sum"),
        Wrong(lambda logits: torch.softmax(logits, dim=1), hint="softmax stands in the code"),
    ],
    "18.3": [
        Wrong(
            lambda z, y, ignore_index=-100: cross_entropy(z, y, ignore_index, "all rows"), hint="all 5 rows"
        ),
        Wrong(
            lambda z, y, ignore_index=-100: cross_entropy(z, y, ignore_index, "negative"), hint="minus ln p"
        ),
        Wrong(
            lambda z, y, ignore_index=-100: cross_entropy(z, y, ignore_index, "softmax"), hint="log_softmax"
        ),
        Wrong(ignores_nothing, hint="raised"),
        Wrong(ignores_only_minus_100, hint="ignore_index=-1"),
        Wrong(takes_every_class, hint="every row with every target"),
        Wrong(softmax_over_the_batch, hint="over the batch (dim=0)"),
        Wrong(loss_of_pytorch, hint="cross_entropy stands in the code"),
    ],
    "18.4": [
        Wrong(among_the_others, hint="the right one included"),
        Wrong(too_much, hint="adds up to 1.1"),
        Wrong(too_little, hint="adds up to 0.9"),
        Wrong(counted_by_batch, hint="should have (2, 4)"),
    ],
    "18.5": [
        Wrong(lambda z, y: gradient(z, y, factor=1), hint="divide by N"),
        Wrong(lambda z, y: -gradient(z, y), hint="wrong sign"),
        Wrong(lambda z, y: gradient(z, y, factor=1 / z.numel()), hint="divided by all N · C = 6 numbers"),
        Wrong(lambda z, y: (torch.softmax(z, dim=1) - F.one_hot(y)) / len(y), hint="tell it"),
        Wrong(gradient_of_right_class, hint="one-hot"),
        Wrong(by_autograd, hint="backward"),
        Wrong(gradient_over_the_batch, hint="over the batch (dim=0)"),
        Wrong(lambda z, y: torch.softmax(z, dim=1) / len(y), hint="one-hot"),
    ],
    "18.6": [
        Wrong(
            lambda o, t: three(o, t, kind=lambda z, y: F.cross_entropy(z.softmax(1), y, ignore_index=-1)),
            hint="taken of a softmax",
        ),
        Wrong(lambda o, t: three(o, t, ignore_index=-100), hint="raised"),
        Wrong(
            lambda o, t: three(
                o, t, kind=lambda z, y: F.cross_entropy(z, y, ignore_index=-1, reduction="none").mean()
            ),
            hint="do not count",
        ),
        Wrong(lambda o, t: three(o, t, size=lambda p, s: (p - s).abs().mean()), hint="broadcast to (N, N)"),
        Wrong(lambda o, t: three(o, t, size=lambda p, s: F.mse_loss(p.squeeze(1), s)), hint="L1 is wanted"),
        Wrong(
            lambda o, t: three(
                o, t, tags=lambda z, y: F.binary_cross_entropy_with_logits(z.sigmoid(), y.float())
            ),
            hint="probabilities where it wants logits",
        ),
        Wrong(
            lambda o, t: three(o, t, tags=lambda z, y: F.cross_entropy(z, y.float())),
            hint="yes-or-no question",
        ),
        Wrong(lambda o, t: three(o, t, tags=F.binary_cross_entropy_with_logits), hint="as floating-point"),
    ],
}
