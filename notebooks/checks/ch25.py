"""Checkers of chapter 25, several processes."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from . import NotYet, call, describe, exercise, expect, require


@exercise("25.1")
def indices(answer):
    for count, world in [(10, 2), (7, 2), (9, 4)]:
        for rank in range(world):
            each = -(-count // world)
            expected = [(rank + world * i) % count for i in range(each)]
            found = call(answer, count, rank, world, name="indices")
            where = f"indices({count}, {rank}, {world})"
            require(isinstance(found, list), f"{where} returned {describe(found)}; a list is wanted.")
            if len(found) != each:
                raise NotYet(
                    f"{where} has {len(found)} indices; every process should get {each}, and no example be left out."
                )
            why = " Every process takes every world-th example, beginning with its rank."
            if count % world and found == [
                min(i, count - 1) for i in range(rank, rank + world * each, world)
            ]:
                why = " What is repeated is taken from the front, not from the end."
            require(found == expected, f"{where} is {describe(found)}, but should be {expected}.{why}")
    return "Unequal shares would leave one process waiting for a partner that has finished."


@exercise("25.2")
def combine(answer):
    torch.manual_seed(0)
    x, y, w = torch.randn(12, 3), torch.randn(12), torch.zeros(3, requires_grad=True)

    def gradient(part):
        return torch.autograd.grad(((x[part] @ w - y[part]) ** 2).mean(), w)[0]

    for cuts in [(0, 6, 12), (0, 2, 12), (0, 1, 4, 12)]:
        parts = [slice(a, b) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
        counts = [part.stop - part.start for part in parts]
        gradients = [gradient(part) for part in parts]
        found = call(answer, gradients, counts, name="combine")
        plain = sum(gradients) / len(gradients)
        if len(set(counts)) > 1 and isinstance(found, torch.Tensor) and found.shape == plain.shape:
            require(
                not torch.allclose(found, plain),
                f"for shares of {counts} the plain mean is wrong: weigh by count.",
            )
        why = "Gradient times count belongs to a sum; sums are added up, and divided by all examples once."
        expect(found, gradient(slice(None)), f"the combined gradient for shares of {counts}", why)
    return "DDP takes the plain mean and relies on equal shares."


@exercise("25.3")
def scaled(answer):
    for batch_size, lr, world in [(64, 0.05, 2), (32, 0.1, 8), (128, 0.3, 1)]:
        found = call(answer, batch_size, lr, world, name="scaled")
        where = f"scaled({batch_size}, {lr}, {world})"
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            f"{where} returned {describe(found)}; a pair is wanted.",
        )
        expect(
            found[0],
            batch_size * world,
            f"the examples per step of {where}",
            "Each process keeps its own batch.",
        )
        expect(
            float(found[1]),
            lr * world,
            f"the learning rate of {where}",
            "In proportion to the examples per step.",
        )
    return "A rule of thumb that holds up to a point; check it by an experiment (chapter 21)."


@exercise("25.4")
def ddp_step(answer):
    torch.manual_seed(1)
    for world in (2, 3):
        models = [nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)) for _ in range(world)]
        whole = copy.deepcopy(models[0])
        x, y = torch.randn(4 * world, 4), torch.randint(0, 3, (4 * world,))
        shares = [(x[rank::world], y[rank::world]) for rank in range(world)]
        for step in (1, 2):
            loss = F.cross_entropy(whole(x), y)
            gradients = torch.autograd.grad(loss, list(whole.parameters()))
            with torch.no_grad():
                for p, g in zip(whole.parameters(), gradients, strict=True):
                    p -= 0.5 * g
            call(answer, models, shares, 0.5, name="ddp_step")
            for rank, model in enumerate(models):
                for name, p in model.named_parameters():
                    why = "Are gradients of an earlier step left over?" if step == 2 else ""
                    why = why or "Weights of the first copy, mean of the gradients, then w - lr * mean."
                    where = f"{world} copies, step {step}: {name} of copy {rank}"
                    expect(p.detach(), whole.get_parameter(name).detach(), where, why, atol=1e-5)
    return (
        "Two loops and a mean: that is all that DistributedDataParallel adds, done while backward still runs."
    )
