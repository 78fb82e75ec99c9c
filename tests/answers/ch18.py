"""Answers to the exercises of chapter 18."""

import torch
from torch import nn
from torch.nn import functional as F

from answers import Right, Wrong


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


def largest_absolute(logits):
    return naive(logits - logits.abs().amax(dim=1, keepdim=True))


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


def mse_by_shape(prediction, target):
    same_shape(prediction, target)
    return ((prediction - target) ** 2).mean()


def mse_by_pytorch(prediction, target):
    if prediction.size() != target.size():
        raise ValueError(f"{prediction.size()} is not {target.size()}")
    return nn.MSELoss()(prediction, target)


def mse_by_loop(prediction, target):
    same_shape(prediction, target)
    total = 0
    for p, t in zip(prediction.flatten(), target.flatten(), strict=True):
        total = total + (p - t) * (p - t)
    return total / prediction.numel()


def mse_of_numpy(prediction, target):
    same_shape(prediction, target)
    return torch.tensor(((prediction.detach().numpy() - target.detach().numpy()) ** 2).mean())


def mse_of_fixed_target(prediction, target):
    same_shape(prediction, target)
    return (prediction - target.detach()).square().mean()


def mse_of_fixed_prediction(prediction, target):
    same_shape(prediction, target)
    return (prediction.detach() - target).square().mean()


def mse_last_axes(prediction, target):
    if prediction.dim() != target.dim() or prediction.shape[1:] != target.shape[1:]:
        raise ValueError("shapes differ")
    return ((prediction - target) ** 2).mean()


def mse_first_and_last_axis(prediction, target):
    ends = [(t.dim(), *t.shape[:1], *t.shape[-1:]) for t in (prediction, target)]
    if ends[0] != ends[1]:
        raise ValueError("shapes differ")
    return ((prediction - target) ** 2).mean()


def mse_first_two_axes(prediction, target):
    if prediction.dim() != target.dim() or prediction.shape[:2] != target.shape[:2]:
        raise ValueError("shapes differ")
    return ((prediction - target) ** 2).mean()


def mse_by_count(prediction, target):
    if prediction.numel() != target.numel():
        raise ValueError("shapes differ")
    return ((prediction.flatten() - target.flatten()) ** 2).mean()


def mse_in_place(prediction, target):
    same_shape(prediction, target)
    prediction.sub_(target)
    return (prediction**2).mean()


def softmax(logits):  # a learner's own, of this name
    parts = torch.exp(logits - logits.max(dim=1, keepdim=True).values)
    return parts / parts.sum(1, keepdim=True)


def by_own_softmax(logits):
    return softmax(logits)


def by_logsumexp(logits):
    return (logits - logits.logsumexp(dim=1, keepdim=True)).exp()


def by_rows(logits):
    rows = []
    for row in logits:
        parts = (row - row.detach().max()).exp()
        rows.append(parts / parts.sum())
    return torch.stack(rows)


def clamped(logits):
    return naive(logits.clamp(-80, 80))


def probabilities_detached(logits):
    return softmax(logits.detach())


def probabilities_in_place(logits):
    logits -= logits.amax(dim=1, keepdim=True)
    return naive(logits)


def ce_by_logsumexp(logits, target, ignore_index=-100):
    known = target != ignore_index
    logits, target = logits[known], target[known]
    return (logits.logsumexp(1) - logits.gather(1, target[:, None])[:, 0]).mean()


def ce_by_loop(logits, target, ignore_index=-100):
    total, count = 0, 0
    for row, right in zip(logits, target, strict=True):
        if right.item() != ignore_index:
            total, count = total - row.log_softmax(0)[right], count + 1
    return total / count


def ce_by_one_hot(logits, target, ignore_index=-100):
    known = (target != ignore_index).float()
    one_hot = F.one_hot(torch.where(target == ignore_index, 0, target), logits.shape[1])
    losses = -(one_hot * F.log_softmax(logits, dim=1)).sum(dim=1)
    return (losses * known).sum() / known.sum()


def ce_overflows(logits, target, ignore_index=-100):
    known = target != ignore_index
    logits, target = logits[known], target[known]
    return (logits.exp().sum(dim=1).log() - logits[range(len(target)), target]).mean()


def ce_as_number(logits, target, ignore_index=-100):
    return torch.tensor(ce_by_logsumexp(logits, target, ignore_index).item())


def ce_by_nll(logits, target, ignore_index=-100):
    return F.nll_loss(logits.log_softmax(1), target, ignore_index=ignore_index)


def ce_by_module(logits, target, ignore_index=-100):
    return nn.CrossEntropyLoss(ignore_index=ignore_index)(logits, target)


def ce_changes_target(logits, target, ignore_index=-100):
    known = target != ignore_index
    target[~known] = 0
    losses = -logits.log_softmax(1)[torch.arange(len(target)), target]
    return (losses * known).sum() / known.sum()


def negative_is_ignored(logits, target, ignore_index=-100):
    return ce_by_logsumexp(logits, torch.where(target < 0, -100, target))


def smooth_by_full(target, count, smoothing):
    rows = torch.full((len(target), count), smoothing / count)
    rows[torch.arange(len(target)), target] += 1 - smoothing
    return rows


def smooth_by_lerp(target, count, smoothing):
    return torch.lerp(torch.eye(count)[target], torch.full((count,), 1 / count), smoothing)


def smooth_by_list(target, count, smoothing):
    each = smoothing / count
    return torch.tensor([[each + (1 - smoothing) * (c == y) for c in range(count)] for y in target.tolist()])


def smooth_swapped(target, count, smoothing):
    return smooth_by_full(target, count, 1 - smoothing)


def smooth_four_classes(target, count, smoothing):
    return (1 - smoothing) * F.one_hot(target, count) + smoothing / 4


def gradient_by_index(logits, target):
    p = logits.softmax(dim=-1)
    p[range(len(target)), target] -= 1
    return p.div_(len(logits))


def gradient_by_loop(logits, target):
    rows = []
    for row, right in zip(logits, target.tolist(), strict=True):
        parts = (row - row.max()).exp()
        rows.append([p - (c == right) for c, p in enumerate((parts / parts.sum()).tolist())])
    return torch.tensor(rows) / len(rows)


def by_autograd_grad(logits, target):
    z = logits.clone().requires_grad_()
    return torch.autograd.grad(F.cross_entropy(z, target), z)[0]


def by_func(logits, target):
    return torch.func.grad(F.cross_entropy)(logits, target)


def gradient_by(probabilities):
    return lambda logits, target: (probabilities(logits) - F.one_hot(target, logits.shape[1])) / len(target)


def total_by_modules(outputs, targets):
    kind = nn.CrossEntropyLoss(ignore_index=-1)(outputs["kind"], targets["kind"])
    tags = nn.BCEWithLogitsLoss()(outputs["tags"], targets["tags"].to(outputs["tags"].dtype))
    return kind + tags + nn.L1Loss()(outputs["size"], targets["size"].unsqueeze(1))


def total_by_hand(outputs, targets):
    known = targets["kind"] >= 0
    kind = F.cross_entropy(outputs["kind"][known], targets["kind"][known])
    z, t = outputs["tags"], targets["tags"]
    tags = (F.softplus(z) - z * t).mean()
    size = (outputs["size"][:, 0] - targets["size"]).abs().mean()
    return torch.stack([kind, tags, size]).sum()


def total_flat(outputs, targets):
    tags = F.binary_cross_entropy_with_logits(
        outputs["tags"].flatten(), targets["tags"].double().flatten().float()
    )
    size = F.l1_loss(outputs["size"].view(-1), targets["size"])
    return sum([F.cross_entropy(outputs["kind"], targets["kind"], ignore_index=-1), tags, size])


def total_detached(outputs, targets):
    return torch.tensor(total_by_hand(outputs, targets).item())


def size_detached(outputs, targets):
    return three(outputs, targets, size=lambda p, s: F.l1_loss(p.detach().squeeze(1), s))


def total_pops(outputs, targets):
    return total_by_hand({name: outputs.pop(name) for name in list(outputs)}, targets)


def gradient_forwards(logits, target):
    slopes = torch.zeros_like(logits)
    for place in range(logits.numel()):
        one = F.one_hot(torch.tensor(place), logits.numel()).reshape(logits.shape).to(logits)
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(logits, one)
            lost = -dual.log_softmax(dim=1)[range(len(target)), target].mean()
            slopes.view(-1)[place] = torch.autograd.forward_ad.unpack_dual(lost).tangent
    return slopes


def gradient_by_differences(logits, target, h=1e-5):
    logits = logits.double()
    slopes = torch.zeros_like(logits)
    for place in range(logits.numel()):
        one = h * F.one_hot(torch.tensor(place), logits.numel()).reshape(logits.shape)
        rise = F.cross_entropy(logits + one, target) - F.cross_entropy(logits - one, target)
        slopes.view(-1)[place] = rise / (2 * h)
    return slopes.float()


def gradient_by_own_differences(logits, target, h=1e-5):
    z, slopes = logits.double(), torch.zeros(logits.shape, dtype=torch.float64)

    def loss(z):
        return (z.logsumexp(dim=1) - z[range(len(target)), target]).mean()

    for place in range(z.numel()):
        one = h * F.one_hot(torch.tensor(place), z.numel()).reshape(z.shape)
        slopes.view(-1)[place] = (loss(z + one) - loss(z - one)) / (2 * h)
    return slopes.float()


def gradient_by_own_large_differences(logits, target):
    return gradient_by_own_differences(logits, target, h=1e-2)


def gradient_by_logsumexp(logits, target):
    p = (logits - logits.logsumexp(dim=1, keepdim=True)).exp()
    return (p - torch.eye(logits.shape[1])[target]) / len(target)


def softmax_by_operator(logits):
    return torch.ops.aten.log_softmax(logits, 1).exp()


def softmax_of_masked(logits):
    return torch._masked_softmax(logits, torch.zeros_like(logits, dtype=torch.bool), 1)


def ce_by_operator(logits, target, ignore_index=-100):
    return torch.ops.aten.nll_loss_forward(logits.log_softmax(1), target, None, 1, ignore_index)[0]


RIGHT = {
    "18.1": [
        Right(mse_by_shape),
        Right(mse_by_pytorch),
        Right(mse_by_loop),
        Right(mse_of_fixed_target),
    ],
    "18.2": [Right(softmax), Right(by_own_softmax), Right(by_logsumexp), Right(by_rows)],
    "18.3": [Right(ce_by_logsumexp), Right(ce_by_loop), Right(ce_by_one_hot), Right(cross_entropy)],
    "18.4": [Right(smooth_by_full), Right(smooth_by_lerp), Right(smooth_by_list)],
    "18.5": [
        Right(gradient),
        Right(gradient_by_index),
        Right(gradient_by_loop),
        Right(gradient_by_logsumexp),
    ],
    "18.6": [Right(three), Right(total_by_modules), Right(total_by_hand), Right(total_flat)],
}
WRONG = {
    "18.1": [
        Wrong(broadcasts, hint="(4, 1) and (4,)"),
        Wrong(asserts, hint="AssertionError"),
        Wrong(same_count, hint="returned a loss"),
        Wrong(summed, hint="sum of the squares"),
        Wrong(absolute, hint="which is L1"),
        Wrong(a_number, hint="should be a tensor"),
        Wrong(mse_of_numpy, hint="carries no gradient"),
        Wrong(mse_of_fixed_prediction, hint="carries no gradient"),
        Wrong(mse_last_axes, hint="(1, 3) and (2, 3)"),
        Wrong(mse_first_and_last_axis, hint="(2, 4, 3) and (2, 1, 3)", forbidden="could be broadcast"),
        Wrong(mse_first_two_axes, hint="(2, 3, 4) and (2, 3, 1)"),
        Wrong(mse_by_count, hint="returned a loss"),
        Wrong(mse_in_place, hint="changed its argument 1"),
    ],
    "18.2": [
        Wrong(softmax_by_operator, hint="switched off", forbidden="without PyTorch's `softmax`"),
        Wrong(softmax_of_masked, hint="switched off", forbidden="without PyTorch's `softmax`"),
        Wrong(naive, hint="overflows", forbidden="must not overflow"),
        Wrong(largest_of_all, hint="Subtract each row's own largest"),
        Wrong(largest_absolute, hint="not its largest absolute value"),
        Wrong(over_the_batch, hint="dim=1"),
        Wrong(lambda logits: torch.sigmoid(logits), hint="divided by the sum"),
        Wrong(
            lambda logits: torch.softmax(logits, dim=1),
            hint="switched off",
            forbidden="without PyTorch's `softmax`, `softmin` or `log_softmax`",
        ),
        Wrong(lambda logits: F.softmin(-logits, dim=1), hint="switched off"),
        Wrong(lambda logits: logits.log_softmax(1).exp(), hint="switched off"),
        Wrong(lambda logits: nn.Softmax(dim=1)(logits), hint="switched off"),
        Wrong(clamped, hint="divided by the sum"),
        Wrong(probabilities_detached, hint="carries no gradient"),
        Wrong(probabilities_in_place, hint="changed its argument 1"),
    ],
    "18.3": [
        Wrong(ce_by_operator, hint="switched off", forbidden="without PyTorch's own losses"),
        Wrong(
            lambda z, y, ignore_index=-100: cross_entropy(z, y, ignore_index, "all rows"),
            hint="divided by all rows",
        ),
        Wrong(
            lambda z, y, ignore_index=-100: cross_entropy(z, y, ignore_index, "negative"), hint="minus ln p"
        ),
        Wrong(
            lambda z, y, ignore_index=-100: cross_entropy(z, y, ignore_index, "softmax"),
            hint="a probability has become 0",
        ),
        Wrong(ce_overflows, hint="exponential has overflowed"),
        Wrong(ignores_nothing, hint="raised"),
        Wrong(ignores_only_minus_100, hint="ignore_index=-1"),
        Wrong(takes_every_class, hint="every row with every target"),
        Wrong(softmax_over_the_batch, hint="over the batch (dim=0)"),
        Wrong(loss_of_pytorch, hint="switched off", forbidden="without PyTorch's own losses"),
        Wrong(ce_by_nll, hint="switched off"),
        Wrong(ce_by_module, hint="switched off"),
        Wrong(ce_as_number, hint="carries no gradient"),
        Wrong(ce_changes_target, hint="changed its argument 2"),
        Wrong(negative_is_ignored, hint="ignore_index=0"),
    ],
    "18.4": [
        Wrong(among_the_others, hint="the right one included"),
        Wrong(too_much, hint="more than 1"),
        Wrong(too_little, hint="less than 1"),
        Wrong(counted_by_batch, hint="should have (2, 4)"),
        Wrong(smooth_swapped, hint="how much is taken away"),
        Wrong(smooth_four_classes, hint="the right one 0.7 more"),
        Wrong(lambda y, count, s: smooth_by_full(y, count, s).double(), hint="dtype"),
    ],
    "18.5": [
        Wrong(lambda z, y: gradient(z, y, factor=1), hint="divide by N"),
        Wrong(lambda z, y: -gradient(z, y), hint="The sign is wrong"),
        Wrong(lambda z, y: gradient(z, y, factor=1 / z.numel()), hint="divided by all N · C numbers"),
        Wrong(lambda z, y: (torch.softmax(z, dim=1) - F.one_hot(y)) / len(y), hint="tell it"),
        Wrong(gradient_of_right_class, hint="Only the right class"),
        Wrong(by_autograd, hint="switched off", forbidden="without autograd (`backward`"),
        Wrong(by_autograd_grad, hint="switched off"),
        Wrong(by_func, hint="switched off"),
        Wrong(gradient_forwards, hint="switched off"),
        Wrong(gradient_by_differences, hint="loss is switched off"),
        Wrong(gradient_by_own_differences, hint="probabilities - one-hot", forbidden="by the formula"),
        Wrong(gradient_by_own_large_differences, hint="probabilities - one-hot"),
        Wrong(gradient_by(naive), hint="large logits overflows"),
        Wrong(gradient_by(lambda z: naive(z.double()).float()), hint="large logits overflows"),
        Wrong(gradient_by(largest_of_all), hint="Subtract each row's own largest"),
        Wrong(gradient_by(largest_absolute), hint="not its largest absolute value"),
        Wrong(gradient_by(clamped), hint="for large logits, too"),
        Wrong(gradient_by(lambda z: naive(z).nan_to_num(1)), hint="for large logits, too"),
        Wrong(gradient_over_the_batch, hint="over the batch (dim=0)"),
        Wrong(lambda z, y: torch.softmax(z, dim=1) / len(y), hint="take the one-hot target off"),
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
        Wrong(
            lambda o, t: three(o, t, tags=F.binary_cross_entropy_with_logits), hint="floating-point numbers"
        ),
        Wrong(lambda o, t: three(o, t, size=lambda p, s: F.l1_loss(p.squeeze(), s)), hint="different shapes"),
        Wrong(
            lambda o, t: three(o, t, tags=lambda z, y: F.binary_cross_entropy(z.sigmoid(), y.float())),
            hint="cuts off what large logits say",
        ),
        Wrong(total_detached, hint="carries no gradient"),
        Wrong(size_detached, hint="argument 3"),
        Wrong(total_pops, hint="changed its argument 1"),
        Wrong(lambda o, t: total_by_hand(o, t) / 3, hint="their sum is wanted"),
    ],
}
