"""Wrong answers to the exercises of chapter 25."""

import torch
from torch.nn import functional as F

from wrong_answers import Wrong


def blocks(count, rank, world):
    each = -(-count // world)
    return [i % count for i in range(rank * each, (rank + 1) * each)]


def last_repeated(count, rank, world):
    each = -(-count // world)
    return [min(rank + world * i, count - 1) for i in range(each)]


def dropped(count, rank, world):
    return [rank + world * i for i in range(count // world)]


def sums(gradients, counts):
    return sum(gradient * count for gradient, count in zip(gradients, counts, strict=True))


def inverted(gradients, counts):
    return sum(g * (sum(counts) - n) for g, n in zip(gradients, counts, strict=True)) / sum(counts)


def first_only(models, shares, lr):
    step(models[:1], shares[:1], lr)
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())


def step(models, shares, lr, copy=True, average=True, clear=True):
    for model in models[1:] if copy else []:
        model.load_state_dict(models[0].state_dict())
    for model, (x, y) in zip(models, shares, strict=True):
        if clear:
            model.zero_grad()
        F.cross_entropy(model(x), y).backward()
    for copies in zip(*(model.parameters() for model in models), strict=True):
        total = sum(p.grad for p in copies)
        with torch.no_grad():
            for p in copies:
                p -= lr * (total / len(copies) if average else total)


def each_its_own(models, shares, lr):
    for model, share in zip(models, shares, strict=True):
        step([model], [share], lr)


WRONG = {
    "25.1": [
        Wrong(lambda count, rank, world: list(range(rank, count, world)), hint="every process should get"),
        Wrong(blocks, hint="every world-th example"),
        Wrong(last_repeated, hint="from the front"),
        Wrong(dropped, hint="be left out"),
    ],
    "25.2": [
        Wrong(lambda gradients, counts: sum(gradients) / len(gradients), hint="weigh by count"),
        Wrong(lambda gradients, counts: sum(gradients), hint="combined gradient"),
        Wrong(sums, hint="divided by all examples once"),
        Wrong(inverted, hint="combined gradient"),
    ],
    "25.3": [
        Wrong(lambda batch_size, lr, world: (batch_size, lr * world), hint="Each process keeps"),
        Wrong(lambda batch_size, lr, world: (batch_size * world, lr), hint="In proportion"),
        Wrong(lambda batch_size, lr, world: batch_size * world, hint="a pair is wanted"),
        Wrong(lambda batch_size, lr, world: (batch_size * world, lr / world), hint="In proportion"),
        Wrong(lambda batch_size, lr, world: (batch_size // world, lr), hint="Each process keeps"),
    ],
    "25.4": [
        Wrong(lambda *a: step(*a, copy=False), hint="Weights of the first copy"),
        Wrong(lambda *a: step(*a, average=False), hint="mean of the gradients"),
        Wrong(lambda *a: step(*a, clear=False), hint="left over"),
        Wrong(each_its_own, hint="copy"),
        Wrong(first_only, hint="mean of the gradients"),
    ],
}
