"""Answers to the exercises of chapter 25."""

import copy
from itertools import cycle, islice

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DistributedSampler

from answers import Right, Wrong


def by_modulo(count, rank, world):
    each = -(-count // world)
    return [(rank + world * i) % count for i in range(each)]


def by_sampler(count, rank, world):
    return list(DistributedSampler(range(count), world, rank, shuffle=False))


def by_cycle(count, rank, world):
    total = (count + world - 1) // world * world
    return list(islice(cycle(range(count)), total))[rank::world]


def as_tuple(count, rank, world):
    return tuple((np.arange(rank, rank + -(-count // world) * world, world) % count).tolist())


def blocks(count, rank, world):
    each = -(-count // world)
    return [i % count for i in range(rank * each, (rank + 1) * each)]


def last_repeated(count, rank, world):
    each = -(-count // world)
    return [min(rank + world * i, count - 1) for i in range(each)]


def dropped(count, rank, world):
    return [rank + world * i for i in range(count // world)]


def padded_once(count, rank, world):
    """Right but where the front must be taken more than once."""
    order = list(range(count))
    order += order[: -count % world]
    return order[rank::world]


def padded_by_subtraction(count, rank, world):
    """Right but where the front must be taken more than once."""
    places = range(rank, rank + -(-count // world) * world, world)
    return [i if i < count else i - count for i in places]


def beyond(count, rank, world):
    return [rank + world * i for i in range(-(-count // world))]


def as_tensor(count, rank, world):
    return torch.tensor(by_modulo(count, rank, world))


def weighed(gradients, counts):
    return sum(g * n for g, n in zip(gradients, counts, strict=True)) / sum(counts)


def stacked(gradients, counts):
    share = torch.tensor(counts, dtype=torch.float32) / sum(counts)
    return torch.tensordot(share, torch.stack(gradients), dims=1)


def added(gradients, counts):
    total = torch.zeros_like(gradients[0])
    for gradient, count in zip(gradients, counts, strict=True):
        total.add_(gradient, alpha=count / sum(counts))
    return total


def sums(gradients, counts):
    return sum(gradient * count for gradient, count in zip(gradients, counts, strict=True))


def by_processes(gradients, counts):
    return sums(gradients, counts) / len(counts)


def inverted(gradients, counts):
    return sum(g * (sum(counts) - n) for g, n in zip(gradients, counts, strict=True)) / sum(counts)


def in_place(gradients, counts):
    for gradient, count in zip(gradients, counts, strict=True):
        gradient *= count / sum(counts)
    return sum(gradients)


def first_two(gradients, counts):
    return weighed(gradients[:2], counts[:2])


def one_number(gradients, counts):
    return weighed(gradients, counts).mean()


def scaled_one_by_one(batch_size, lr, world):
    examples, rate = 0, 0.0
    for _ in range(world):
        examples, rate = examples + batch_size, rate + lr
    return examples, rate


def step(models, shares, lr, copied=True, average=True, clear=True, cut=lambda rows: [rows]):
    """cut: divides a share into parts, whose gradients add up."""
    for model in models[1:] if copied else []:
        model.load_state_dict(models[0].state_dict())
    for model, (x, y) in zip(models, shares, strict=True):
        if clear:
            model.zero_grad()
        for a, b in zip(cut(x), cut(y), strict=True):
            (F.cross_entropy(model(a), b, reduction="sum") / len(y)).backward()
    for copies in zip(*(model.parameters() for model in models), strict=True):
        total = sum(p.grad for p in copies)
        with torch.no_grad():
            for p in copies:
                p -= lr * (total / len(copies) if average else total)


def by_optimizer(models, shares, lr):
    state = models[0].state_dict()
    for model, (x, y) in zip(models, shares, strict=True):
        model.load_state_dict(state)
        model.zero_grad()
        F.cross_entropy(model(x), y).backward()
    for copies in zip(*(model.parameters() for model in models), strict=True):
        mean = torch.stack([p.grad for p in copies]).mean(0)
        for p in copies:
            p.grad = mean.clone()
    for model in models:
        torch.optim.SGD(model.parameters(), lr=lr).step()


@torch.no_grad()
def by_functions(models, shares, lr):
    """Gradients by autograd.grad, no .grad at all."""
    for model in models[1:]:
        for p, first in zip(model.parameters(), models[0].parameters(), strict=True):
            p.copy_(first)
    found = []
    for model, (x, y) in zip(models, shares, strict=True):
        with torch.enable_grad():
            found.append(torch.autograd.grad(F.cross_entropy(model(x), y), [*model.parameters()]))
    for model in models:
        for p, *gradients in zip(model.parameters(), *found, strict=True):
            p.sub_(sum(gradients) / len(gradients), alpha=lr)


def first_only(models, shares, lr):
    step(models[:1], shares[:1], lr)
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())


def each_its_own(models, shares, lr):
    state = copy.deepcopy(models[0].state_dict())
    for model, share in zip(models, shares, strict=True):
        model.load_state_dict(state)
        step([model], [share], lr)


def together(models, shares, lr):
    """One copy computes the gradient of all examples."""
    step(models[:1], [tuple(map(torch.cat, zip(*shares, strict=True)))], lr)
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())


def first_for_all(models, shares, lr):
    """The first copy computes the gradients of all shares."""
    gradients = []
    for x, y in shares:
        loss = F.cross_entropy(models[0](x), y)
        gradients.append(torch.autograd.grad(loss, list(models[0].parameters())))
    for p, *parts in zip(models[0].parameters(), *gradients, strict=True):
        p.data -= lr * sum(parts) / len(parts)
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())


def on_copies(models, shares, lr):
    step(copy.deepcopy(models), shares, lr)


def replaced(models, shares, lr):
    for i in range(1, len(models)):
        models[i] = copy.deepcopy(models[0])
    step(models, shares, lr)


def share_changed(models, shares, lr):
    shares[0][0].zero_()
    step(models, shares, lr)


def upwards(models, shares, lr):
    step(models, shares, -lr)


def in_eval_mode(models, shares, lr):
    step([model.eval() for model in models], shares, lr)


def by_copies(models, shares, lr):
    """A copy of the first model for each share; the result goes to all models."""
    copies = [copy.deepcopy(models[0]) for _ in models]
    gradients = [
        torch.autograd.grad(F.cross_entropy(model(x), y), list(model.parameters()))
        for model, (x, y) in zip(copies, shares, strict=True)
    ]
    with torch.no_grad():
        for parameter, *some in zip(models[0].parameters(), *gradients, strict=True):
            parameter.sub_(lr * sum(some) / len(some))
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())


def back_in_train_mode(models, shares, lr):
    in_eval_mode(models, shares, lr)
    for model in models:
        model.train()


def of_three_by_two(gradients, counts):
    total = torch.zeros(3, 2)
    for gradient, count in zip(gradients, counts, strict=True):
        total += gradient * count
    return total / sum(counts)


def returned(models, shares, lr):
    step(models, shares, lr)
    return models


def twelve_examples(gradients, counts):
    return sums(gradients, counts) / 12


def shared_memory(models, shares, lr):
    for model in models[1:]:
        for p, first in zip(model.parameters(), models[0].parameters(), strict=True):
            p.data = first.data
    gradients = []
    for model, (x, y) in zip(models, shares, strict=True):
        gradients.append(torch.autograd.grad(F.cross_entropy(model(x), y), list(model.parameters())))
    for p, *parts in zip(models[0].parameters(), *gradients, strict=True):
        p.data -= lr * sum(parts) / len(parts)


def four_of_each(models, shares, lr):
    step(models, [(x[:4], y[:4]) for x, y in shares], lr)


def by_sizes(models, shares, lr):
    """Each share counts by its size, as in 25.2."""
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())
    total = sum(len(y) for _x, y in shares)
    gradients = []
    for model, (x, y) in zip(models, shares, strict=True):
        loss = F.cross_entropy(model(x), y, reduction="sum") / total
        gradients.append(torch.autograd.grad(loss, list(model.parameters())))
    for model in models:
        for p, *parts in zip(model.parameters(), *gradients, strict=True):
            p.data -= lr * sum(parts)


def two_layers(models, shares, lr):
    """Copies the weights of layers 0 and 2 only."""
    with torch.no_grad():
        for model in models[1:]:
            for layer in (0, 2):
                model[layer].load_state_dict(models[0][layer].state_dict())
    step(models, shares, lr, copied=False)


def autograd_left_off(models, shares, lr):
    step(models, shares, lr)
    torch.set_grad_enabled(False)


def frozen(models, shares, lr):
    step(models, shares, lr)
    for model in models:
        model.requires_grad_(False)


def linear_layers(models, shares, lr):
    """Steps the linear layers that it finds at the top."""
    for model in models:
        model.load_state_dict(models[0].state_dict())
        model.zero_grad()
    for model, (x, y) in zip(models, shares, strict=True):
        F.cross_entropy(model(x), y).backward()
    for layers in zip(*models, strict=True):
        if isinstance(layers[0], torch.nn.Linear):
            for name in ("weight", "bias"):
                mean = sum(getattr(layer, name).grad for layer in layers) / len(layers)
                for layer in layers:
                    getattr(layer, name).data -= lr * mean


def by_func(models, shares, lr):
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())

    def loss(weights, model, x, y):
        return F.cross_entropy(torch.func.functional_call(model, weights, (x,)), y)

    gradients = []
    for model, (x, y) in zip(models, shares, strict=True):
        weights = {name: p.detach() for name, p in model.named_parameters()}
        gradients.append(torch.func.grad(loss)(weights, model, x, y))
    with torch.no_grad():
        for model in models:
            for name, p in model.named_parameters():
                p -= lr * torch.stack([g[name] for g in gradients]).mean(0)


def by_vmap(models, shares, lr):
    """Stacks the shares, so it needs equal ones."""
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())
    weights, _buffers = torch.func.stack_module_state(models)

    def loss(weights, x, y):
        return F.cross_entropy(torch.func.functional_call(models[0], weights, (x,)), y)

    xs, ys = map(torch.stack, zip(*shares, strict=True))
    gradients = torch.func.vmap(torch.func.grad(loss))(weights, xs, ys)
    with torch.no_grad():
        for model in models:
            for name, p in model.named_parameters():
                p -= lr * gradients[name].mean(0)


RIGHT = {
    "25.1": [Right(by_modulo), Right(by_sampler), Right(by_cycle), Right(as_tuple)],
    "25.2": [Right(weighed), Right(stacked), Right(added)],
    "25.3": [
        Right(lambda batch_size, lr, world: (batch_size * world, lr * world)),
        Right(lambda batch_size, lr, world: [batch_size * world, lr * (batch_size * world) / batch_size]),
        Right(scaled_one_by_one),
    ],
    "25.4": [
        Right(step),
        Right(lambda *a: step(*a, cut=lambda rows: rows.split(2))),
        Right(lambda *a: step(*a, cut=list)),
        Right(by_optimizer),
        Right(by_copies),
        Right(by_functions),
        Right(by_func),
    ],
}

WRONG = {
    "25.1": [
        Wrong(lambda count, rank, world: list(range(rank, count, world)), hint="every process should get 4"),
        Wrong(blocks, hint="This is a block"),
        Wrong(last_repeated, hint="from the front"),
        Wrong(dropped, hint="no example is left out"),
        Wrong(padded_once, hint="every process should get 1"),
        Wrong(padded_by_subtraction, hint="as often as necessary"),
        Wrong(beyond, hint="every world-th example"),
        Wrong(as_tensor, hint=".tolist()"),
        Wrong(lambda count, rank, world: by_modulo(count, rank, 2), hint="every process should get"),
    ],
    "25.2": [
        Wrong(lambda gradients, counts: sum(gradients) / len(gradients), hint="weigh by count"),
        Wrong(lambda gradients, counts: sum(gradients), hint="plain sum"),
        Wrong(sums, hint="divide by the number of all examples"),
        Wrong(by_processes, hint="not by the number of processes"),
        Wrong(twelve_examples, hint="belongs to a sum"),
        Wrong(inverted, hint="belongs to a sum"),
        Wrong(in_place, hint="changed its argument"),
        Wrong(first_two, hint="shares of [1, 7, 4]"),
        Wrong(one_number, hint="shape"),
        Wrong(of_three_by_two, hint="raised"),
    ],
    "25.3": [
        Wrong(lambda batch_size, lr, world: (batch_size, lr * world), hint="Each process keeps"),
        Wrong(lambda batch_size, lr, world: (batch_size * world, lr), hint="in proportion"),
        Wrong(lambda batch_size, lr, world: batch_size * world, hint="a pair is wanted"),
        Wrong(lambda batch_size, lr, world: (batch_size * world, lr / world), hint="shrinks"),
        Wrong(lambda batch_size, lr, world: (batch_size // world, lr), hint="not divided"),
        Wrong(lambda batch_size, lr, world: (batch_size * world, lr * world**0.5), hint="root"),
        Wrong(lambda batch_size, lr, world: (lr * world, batch_size * world), hint="other order"),
        Wrong(
            lambda batch_size, lr, world: (batch_size * world, round(lr * world, 3)),
            hint="scaled(48, 0.0003, 3)",
        ),
        Wrong(lambda batch_size, lr, world: (batch_size * 2, lr * 2), hint="scaled(32, 0.1, 8)"),
    ],
    "25.4": [
        Wrong(lambda *a: step(*a, copied=False), hint="the weights of the first one"),
        Wrong(lambda *a: step(*a, average=False), hint="added up"),
        Wrong(lambda *a: step(*a, clear=False), hint="left over"),
        Wrong(each_its_own, hint="its own gradient"),
        Wrong(first_only, hint="its own gradient"),
        Wrong(together, hint="copy 0 was given 7 examples"),
        Wrong(first_for_all, hint="copy 0 was given 3 examples"),
        Wrong(shared_memory, hint="share the memory"),
        Wrong(four_of_each, hint="given 4 examples"),
        Wrong(
            lambda models, shares, lr: step(models, [(x[1:], y[1:]) for x, y in shares], lr),
            hint="copy 0 was given 3 examples",
        ),
        Wrong(by_sizes, hint="weighed by the sizes of the shares"),
        Wrong(two_layers, hint="3 copies, step 1"),
        Wrong(by_vmap, hint="stack expects each tensor to be equal size"),
        Wrong(on_copies, hint="the models themselves should change"),
        Wrong(replaced, hint="put other models into the list"),
        Wrong(share_changed, hint="changed its argument 2"),
        Wrong(upwards, hint="w - lr * mean"),
        Wrong(returned, hint="return nothing"),
        Wrong(autograd_left_off, hint="autograd is off"),
        Wrong(frozen, hint="autograd is off after the call, or for a weight"),
        Wrong(linear_layers, hint="3 copies, step 1: 2.0.weight"),
        Wrong(in_eval_mode, hint="eval mode"),
        Wrong(back_in_train_mode, hint="eval mode"),
    ],
}
