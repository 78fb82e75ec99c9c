"""Checkers of chapter 25, several processes."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from . import _, call, describe, exercise, expect, require


@exercise("25.1")
def indices(answer):
    for count, world in [(10, 2), (7, 2), (9, 4), (6, 3), (2, 5), (1, 3)]:
        each = -(-count // world)
        for rank in range(world):
            expected = [(rank + world * i) % count for i in range(each)]
            found = call(answer, count, rank, world, name="indices")
            where = _("indices({count}, {rank}, {world})", count=count, rank=rank, world=world)
            require(
                not isinstance(found, list | tuple) or len(found) == each,
                _(
                    "{where} is {found}; every process should get {each} of the {count} indices, so that all get "
                    "equally many and no example is left out.",
                    where=where,
                    found=describe(found),
                    each=each,
                    count=count,
                ),
            )
            expect(
                found,
                expected,
                where,
                _(
                    "Every process takes every world-th example, beginning with its rank; after the last example "
                    "comes the first again, as often as necessary."
                ),
                mistakes={
                    _("What is repeated is taken from the front, not from the end."): [
                        min(i, count - 1) for i in range(rank, rank + world * each, world)
                    ],
                    _("This is a block; every process takes every world-th example."): [
                        i % count for i in range(rank * each, (rank + 1) * each)
                    ],
                },
            )
    return _("Unequal shares would leave one process waiting for a partner that has finished.")


@exercise("25.2")
def combine(answer):
    x = torch.randn(12, 3)

    def gradient(part, w, y):
        return torch.autograd.grad(((x[part] @ w - y[part]) ** 2).mean(), w)[0]

    shapes = [(3, 2), (3, 2), (3,), (3, 2), (3, 1)]
    for cuts, shape in zip(
        [(0, 6, 12), (0, 2, 12), (0, 1, 8, 12), (0, 12), (0, 3, 4, 9)], shapes, strict=True
    ):
        w, y = torch.zeros(shape, requires_grad=True), torch.randn(12, *shape[1:])
        parts = [slice(a, b) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
        counts = [part.stop - part.start for part in parts]
        gradients = [gradient(part, w, y) for part in parts]
        found = call(answer, gradients, counts, name="combine")
        weighed = sum(g * n for g, n in zip(gradients, counts, strict=True))
        expect(
            found,
            gradient(slice(cuts[-1]), w, y),
            _("the combined gradient for shares of {counts}", counts=counts),
            _("Gradient times count belongs to a sum; sums are added up, and divided by all examples."),
            mistakes={
                _("This is the plain mean, right only for equal shares: weigh by count."): sum(gradients)
                / len(gradients),
                _("This is the plain sum of the gradients."): sum(gradients),
                _("The counts are in it; divide by the number of all examples."): weighed,
                _("Divide by the number of all examples, not by the number of processes."): weighed
                / len(counts),
            },
        )
    return _("DDP takes the plain mean and relies on equal shares.")


@exercise("25.3")
def scaled(answer):
    for batch_size, lr, world in [(64, 0.05, 2), (32, 0.1, 8), (48, 3e-4, 3), (128, 0.3, 1)]:
        found = call(answer, batch_size, lr, world, name="scaled")
        where = _("scaled({batch_size}, {lr}, {world})", batch_size=batch_size, lr=lr, world=world)
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            _("{where} returned {found}; a pair is wanted.", where=where, found=describe(found)),
        )
        expect(
            found,
            (batch_size * world, lr * world),
            where,
            _("The pair is (examples per step over all processes, learning rate)."),
            mistakes={
                _("Each process keeps its own batch, so a step sees world times as many examples."): (
                    batch_size,
                    lr * world,
                ),
                _("The learning rate grows in proportion to the examples per step."): (
                    batch_size * world,
                    lr,
                ),
                _("The learning rate grows; this one shrinks."): (batch_size * world, lr / world),
                _("The batch is not divided: each process keeps the same number of examples."): (
                    batch_size // world,
                    lr,
                ),
                _("In proportion, not with the root."): (batch_size * world, lr * world**0.5),
                _("The two are in the other order."): (lr * world, batch_size * world),
            },
        )
    return _("A rule of thumb that holds up to a point; check it by an experiment (chapter 21).")


class Copies(list):
    """A list that `call` does not copy: what is in it is to be changed, but not replaced."""


def stepped(models, shares, lr, first=True, divide=True, average=True, weigh=False):
    """The parameters of each copy after the step, as dictionaries; the options make a mistake each."""
    copies = [copy.deepcopy(models[0] if first else model) for model in models]
    gradients = []
    for model, (x, y) in zip(copies, shares, strict=True):
        gradients.append(torch.autograd.grad(F.cross_entropy(model(x), y), list(model.parameters())))
    sizes = [len(y) if weigh else 1 for _x, y in shares]
    for rank, model in enumerate(copies):
        for i, p in enumerate(model.parameters()):
            total = sum(g[i] * n for g, n in zip(gradients, sizes, strict=True))
            total = total / (sum(sizes) if divide else 1)
            p.data -= lr * (total if average else gradients[rank][i])
    return [{name: p.detach() for name, p in model.named_parameters()} for model in copies]


@exercise("25.4")
def ddp_step(answer):
    # An answer may use torch.optim; because of this name here, what that loads is loaded before the clock starts.
    for world, lr in ((2, 0.5), (3, 0.2)):
        models = []
        for _rank in range(world):
            more = [nn.Sequential(nn.Linear(5, 5), nn.PReLU())] if world == 3 else []
            models.append(nn.Sequential(nn.Linear(4, 5), nn.Tanh(), *more, nn.Linear(5, 3)))
        seen, modes = [[] for _rank in models], []
        for model, inputs in zip(models, seen, strict=True):
            # the first layer sees what the network is given, however it is called
            model[0].register_forward_hook(
                lambda layer, given, out, own=model[0], inputs=inputs: (
                    inputs.append(given[0]) if layer is own else None  # a deep copy has the hook, too
                )
            )
            model[0].register_forward_hook(lambda layer, *_args, modes=modes: modes.append(layer.training))
        for step in (1, 2):
            count = (3 + step) * world - 1  # the last share is smaller
            x, y = torch.randn(count, 4), torch.randint(0, 3, (count,))
            shares = [(x[rank::world], y[rank::world]) for rank in range(world)]
            wanted = stepped(models, shares, lr)
            mistakes = {
                _("Give all copies the weights of the first one before the step."): stepped(
                    models, shares, lr, first=False
                ),
                _("The gradients were added up; take their mean."): stepped(models, shares, lr, divide=False),
                _("Each copy used its own gradient; take the mean over all copies."): stepped(
                    models, shares, lr, average=False
                ),
                _(
                    "The gradients were weighed by the sizes of the shares; DDP takes the plain mean."
                ): stepped(models, shares, lr, weigh=True),
                _("The weights are those from before the step: the models themselves should change."): [
                    dict(model.named_parameters()) for model in copy.deepcopy(models)
                ],
            }
            for inputs in seen:
                inputs.clear()
            given = Copies(models)
            found = call(answer, given, shares, lr, name="ddp_step")
            require(
                given == models,
                _(
                    "ddp_step put other models into the list; change the weights of those in it, with load_state_dict or copy_."
                ),
            )
            require(
                found is None,
                _("ddp_step returned {found}; it should return nothing.", found=describe(found)),
            )
            require(
                torch.is_grad_enabled()
                and all(p.requires_grad for model in models for p in model.parameters()),
                _(
                    "autograd is off after the call, or for a weight; use `with torch.no_grad():` for the update alone."
                ),
            )
            require(
                all(modes) and all(layer.training for model in models for layer in model.modules()),
                _("a copy was put into eval mode; a training step leaves the copies in train mode."),
            )
            for rank, (inputs, (own, _labels)) in enumerate(zip(seen, shares, strict=True)):
                # Row by row: a share may be worked through in parts. None of it may be left out, and no other row come.
                # A single example may come without the axis of the rows.
                parts = [given.reshape(-1, 4) for given in inputs]
                whole = torch.cat(parts) if parts else own
                for given, rows in [*((part, own) for part in parts), (own, whole)]:
                    require(
                        bool((given[:, None] == rows).all(dim=2).any(dim=1).all()),
                        _(
                            "copy {rank} was given {count} examples that are not its share; each copy computes the "
                            "gradient of its own share.",
                            rank=rank,
                            count=len(whole if given is own else given),
                        ),
                    )
            weights = [p.data_ptr() for model in models for p in model.parameters()]
            require(
                len(set(weights)) == len(weights),
                _(
                    "two copies share the memory of a weight; copy the numbers into each, with copy_ or load_state_dict."
                ),
            )
            for rank, model in enumerate(models):
                for name, p in model.named_parameters():
                    why = _("Weights of the first copy, mean of the gradients, then w - lr * mean.")
                    if step == 2:
                        why = _("Are gradients of an earlier step left over?")
                    expect(
                        p.detach(),
                        wanted[rank][name],
                        _(
                            "{world} copies, step {step}: {name} of copy {rank}",
                            world=world,
                            step=step,
                            name=name,
                            rank=rank,
                        ),
                        why,
                        atol=1e-5,
                        mistakes={hint: states[rank][name] for hint, states in mistakes.items()},
                    )
    return _(
        "Equal weights and a mean of the gradients: the core of DistributedDataParallel, which takes the mean while "
        "backward still runs."
    )
