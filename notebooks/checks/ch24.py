"""Checkers of chapter 24, faster."""

import copy
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from . import NotYet, _, call, describe, exercise, expect, loops_in, names_in, require, same, still_trainable

ATEN = torch.ops.aten


class _Watched(TorchDispatchMode):
    """Notes each operation of PyTorch: how many there are, and what an answer should not do.

    asked: how often a float, or several, is brought from a tensor to Python.
    other: how often anything else is, also a matrix (a DataLoader asks for a whole number, its seed).
    softmax: the dtypes in which the loss is computed.
    largest: how many numbers the largest tensor has that does not hold bytes.
    """

    def __init__(self):
        super().__init__()
        self.operations, self.asked, self.other, self.softmax, self.largest = 0, 0, 0, [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.operations += 1
        if func is ATEN._local_scalar_dense.default:
            self.fetched(args[0])
        if func is ATEN._log_softmax.default:
            self.softmax.append(args[0].dtype)
        result = func(*args, **(kwargs or {}))
        for tensor in (*args, result):  # NumPy may have made what goes in
            if isinstance(tensor, Tensor) and tensor.dtype != torch.uint8:
                self.largest = max(self.largest, tensor.numel())
        return result

    def fetched(self, tensor: Tensor) -> None:
        if tensor.is_floating_point() and tensor.dim() < 2:
            self.asked += 1
        elif tensor.dtype != torch.uint8:  # pixels
            self.other += 1


@contextmanager
def _counted(watched: _Watched) -> Iterator[None]:
    """Also counts what brings numbers to Python without an operation of PyTorch."""

    def counting(method: Callable) -> Callable:
        def counted(tensor, *args, **kwargs):
            watched.fetched(tensor)
            return method(tensor, *args, **kwargs)

        return counted

    names = "tolist", "numpy", "__repr__"
    with mock.patch.multiple(Tensor, **{name: counting(getattr(Tensor, name)) for name in names}), watched:
        yield


def _alone(answer: Callable, context: AbstractContextManager) -> Callable:
    """The answer, run within `context`, which does not see how `call` compares the arguments."""
    if not callable(answer):
        return answer

    @wraps(answer)
    def run(*args):
        with context:
            return answer(*args)

    return run


class _Graphs:
    """Knows which of the graphs that a network has made are still in memory, and which wait for a backward pass."""

    def __init__(self):
        self.made, self.waiting = [], set()

    def note(self, output: Tensor) -> None:
        if output.grad_fn is not None:
            number = len(self.made)
            self.waiting.add(number)

            def alive(*_args):
                """Lives as long as the graph that it is hooked to; the backward pass calls it."""
                self.waiting.discard(number)

            output.grad_fn.register_hook(alive)
            self.made.append(weakref.ref(alive))

    def held(self) -> bool:
        """Whether one is held; the last may be there until a variable is overwritten."""
        return any(graph() is not None for graph in self.made[:-1])


@exercise("24.1")
def whole_speedup(answer):
    for share, factor in [(0.2, 4), (0.5, 2), (0.9, 10), (0.0, 5), (1.0, 3), (0.37, 1.7), (0.6, 0.5)]:
        stays, rest = 1 - share, share / factor
        expect(
            call(answer, share, factor, name="whole_speedup"),
            1 / (stays + rest),
            _("whole_speedup({share}, {factor})", share=share, factor=factor),
            _(
                "Of a time of 1, {stays:.2f} stays as it is and {share:.2f} is divided by {factor}.",
                stays=stays,
                share=share,
                factor=factor,
            ),
            mistakes={
                _("This is the new time; the old time, 1, divided by it is the speed-up."): stays + rest,
                _(
                    "This is the limit for a part that takes no time at all; yours is divided by {factor}.",
                    factor=factor,
                ): (1 / stays if stays else 0.0),
            },
        )
    return _("A part of 20 % gains 1.25 at most, however fast it becomes: look at the largest share first.")


@exercise("24.2")
def strides(answer):
    for shape in [(1, 3, 2, 2), (8, 3, 32, 32), (4, 5, 6, 7), (100_000, 64, 5000, 7000)]:
        for last in (False, True):
            n, c, h, w = shape
            expected = (c * h * w, 1, w * c, c) if last else (c * h * w, h * w, w, 1)
            with _Watched() as watched:
                found = call(answer, shape, last, name="strides")
            where = _("strides({shape}, {last})", shape=shape, last=last)
            require(
                watched.operations == 0,
                _("{where} made a tensor; multiply the lengths instead.", where=where),
            )
            memory = "N, H, W, C" if last else "N, C, H, W"
            expect(
                found,
                expected,
                where,
                _(
                    "In memory the axes follow as {memory}; a stride is the product of the lengths that come later.",
                    memory=memory,
                ),
                mistakes={
                    _(
                        "These are the right numbers in the order of memory; list them in the order N, C, H, W."
                    ): (tuple(expected[axis] for axis in (0, 2, 3, 1)) if last else None)
                },
            )
    return _("A stride is the product of the lengths of all axes that come later in memory.")


@exercise("24.3")
def batch_of(answer):
    pixels = torch.randint(0, 256, (60, 5, 4, 3), dtype=torch.uint8)
    mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.25, 0.2, 0.5])
    operations = {}
    for pick in (torch.tensor([4, 0, 4]), torch.tensor([2]), torch.randint(0, 60, (50,))):
        watched = _Watched()
        found = call(_alone(answer, watched), pixels, pick, mean, std, name="batch_of")
        operations[len(pick)] = watched.operations
        what = _("for {count} pictures, the batch", count=len(pick))
        raw = pixels[pick].float()
        expected = ((raw / 255 - mean) / std).permute(0, 3, 1, 2)
        expect(
            found,
            expected,
            what,
            mistakes={
                _("mean and std are on the scale 0 to 1, the pixels go from 0 to 255."): (
                    (raw - mean) / std
                ).permute(0, 3, 1, 2),
                _("reshape mixes rows, columns and channels; move the axes by permute."): (
                    (raw / 255 - mean) / std
                ).reshape(expected.shape),
            },
        )
        require(
            found.is_contiguous(memory_format=torch.channels_last),
            _(
                "{what} has the right numbers, but its strides are {strides}, not channels_last order; permute, without "
                "making it contiguous afterwards.",
                what=what,
                strides=found.stride(),
            ),
        )
        require(
            watched.largest < pixels.numel(),
            _("{what} is right, but all of `pixels` was converted; pick first, then convert.", what=what),
        )
    require(
        operations[50] < operations[3] + 10,
        _(
            "for 3 pictures it called PyTorch {few} times, for 50 pictures {many} times: there is a loop over the "
            "pictures. Index with the whole of `pick` at once.",
            few=operations[3],
            many=operations[50],
        ),
    )
    require(
        loops_in(answer) == 0 and "map" not in names_in(answer),
        _("there is a loop in batch_of; handle all pictures and channels at once, without a loop."),
    )
    two, pick = pixels[..., :2].contiguous(), torch.tensor([1, 5])
    mean, std = torch.tensor([0.1, 0.7]), torch.tensor([0.3, 0.1])
    expect(
        call(answer, two, pick, mean, std, name="batch_of"),
        ((two[pick].float() / 255 - mean) / std).permute(0, 3, 1, 2),
        _("for pictures with 2 channels and another mean and std, the batch"),
    )
    return _("Pixels stored as (N, H, W, C) are channels_last after a permute, which moves no number.")


@exercise("24.4")
def gradient_in_parts(answer):
    for shape, parts in [((10, 3), (5, 4, 10, 1)), ((7, 2, 3), (3,))]:
        _in_parts(answer, torch.randn(shape), parts)
    return _("Memory for `part` rows, the gradient of all of them: this is called gradient accumulation.")


def _in_parts(answer, x: Tensor, parts: tuple[int, ...]) -> None:
    count, width = len(x), x[0].numel()
    model = nn.Sequential(nn.Flatten(), nn.Linear(width, 4), nn.Tanh(), nn.Linear(4, 2))
    y = torch.randint(0, 2, (count,))
    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.3)  # not F.cross_entropy's default

    def gradient(rows: int) -> list[Tensor]:
        """That of the mean loss over the last rows."""
        return torch.autograd.grad(loss_fn(model(x[-rows:]), y[-rows:]), list(model.parameters()))

    gradients = {rows: gradient(rows) for rows in range(1, count + 1)}
    start = [weight.detach().clone() for weight in model.parameters()]

    def look(module, inputs, output):
        held.append(graphs.held())
        late.append(bool(graphs.waiting))
        graphs.note(output)
        sizes.append(len(inputs[0]))

    model.register_forward_hook(look)
    for part in parts:
        for weight in model.parameters():  # what an earlier step has left; in parts of 4, there was none
            weight.grad = None if part == 4 else torch.ones_like(weight)
        sizes, held, late, graphs = [], [], [], _Graphs()
        call(answer, model, x, y, loss_fn, part, name="gradient_in_parts")
        where = _("for {count} rows in parts of {part}", count=count, part=part)
        require(
            all(torch.equal(a, b) for a, b in zip(model.parameters(), start, strict=True)),
            _("{where} the weights changed; only the gradients are wanted, no step.", where=where),
        )
        require(
            all(layer.training for layer in model.modules()),
            _("{where} the model's mode has changed; leave it as it was.", where=where),
        )
        still_trainable(model, "gradient_in_parts")
        require(bool(sizes), _("{where} the model was never called.", where=where))
        require(
            max(sizes) <= part,
            _(
                "{where} the model got {rows} rows at once; {part} at most are wanted.",
                where=where,
                rows=max(sizes),
                part=part,
            ),
        )
        require(
            sum(sizes) == count,
            _(
                "{where} the model got {rows} rows in all; each of the {count} once is wanted.",
                where=where,
                rows=sum(sizes),
                count=count,
            ),
        )
        named = zip(model.named_parameters(), gradients[count], gradients[sizes[-1]], strict=True)
        for (name, weight), wanted, last in named:
            require(
                weight.grad is not None,
                _("{where} {name}.grad is None; call backward() for each part.", where=where, name=name),
            )
            what = _("{where} the gradient of {name}", where=where, name=name)
            _gradient(weight.grad, wanted, [last, last * sizes[-1] / count], len(sizes), what)
        require(
            not any(late),
            _(
                "{where} a forward pass came before the backward pass of the part before: run backward() for each part "
                "in its own round, not later.",
                where=where,
            ),
        )
        require(
            not any(held),
            _(
                "{where} the graph of an earlier part is still in memory when a later part comes: a loss or an "
                "output that you keep holds it; keep its .detach().",
                where=where,
            ),
        )


def _gradient(found: Tensor, wanted: Tensor, lasts: list[Tensor], parts: int, what) -> None:
    old = _("It still holds the old gradient; forget it before the first part.")
    if any(same(found, times * wanted + 1) for times in (1, parts)):
        raise NotYet(_("{what} is wrong. {old}", what=what, old=old))
    only = _("It holds the last part only; forget the old gradient once, before the first part.")
    if parts > 1 and any(same(found, last) for last in lasts):
        raise NotYet(_("{what} is wrong. {old}", what=what, old=only))
    mistakes = {}
    if parts > 1:
        hint = _(
            "The means of {parts} parts were added; weigh each part by its share of the rows.", parts=parts
        )
        mistakes[hint] = parts * wanted
    why = _("Each part counts by its share of the rows, len(part) / len(all); the last part may be smaller.")
    expect(found, wanted, what, why, mistakes=mistakes)


@exercise("24.5")
def fast_epoch(answer):
    for count, height, width, batch, lr in [(41, 8, 8, 8, 0.1), (13, 6, 8, 4, 0.05)]:
        pixels = torch.randint(0, 256, (count, height, width, 3), dtype=torch.uint8)
        _one_epoch(answer, pixels, torch.randint(0, 4, (count,)), batch, lr)
    return _(
        "Bytes in one tensor, channels_last, bfloat16 for the large products, and one question at the end."
    )


def _one_epoch(answer, pixels: Tensor, labels: Tensor, batch: int, lr: float) -> None:
    count, height, width, _channels = pixels.shape
    features = 6 * (height - 2) * (width - 2)
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(features, 4))
    start, reference = copy.deepcopy(network), copy.deepcopy(network)
    expected = _reference(reference, pixels, labels, batch, lr)
    network.eval()  # as an evaluation leaves it
    inputs, outputs, modes, held, graphs = [], [], [], [], _Graphs()

    def look(module, given, output):
        held.append(graphs.held())
        graphs.note(output)
        inputs.append(given[0].detach().clone(memory_format=torch.preserve_format))
        outputs.append(output.dtype)
        modes.append(module.training)

    network.register_forward_hook(look)
    optimizer = torch.optim.SGD(network.parameters(), lr=lr)
    watched = _Watched()
    counted = _alone(answer, _counted(watched))
    found = call(counted, network, pixels, labels, batch, optimizer, name="fast_epoch")
    what = _("for {count} pictures in batches of {batch},", count=count, batch=batch)
    sizes = [len(y) for y in labels.split(batch)]
    expect([len(x) for x in inputs], sizes, _("{what} the list of the batches' sizes", what=what))
    require(
        watched.largest < pixels.numel(),
        _("{what} all of `pixels` was converted at once; convert each batch by itself.", what=what),
    )
    require(all(modes), _("{what} the model was in eval mode; call model.train() first.", what=what))
    for i, (x, raw) in enumerate(zip(inputs, pixels.split(batch), strict=True)):
        expect(
            x,
            (raw.float() / 255).permute(0, 3, 1, 2),
            _("{what} the input of batch {i}", what=what, i=i),
            _("It is pixel / 255, the axes moved by permute."),
        )
        require(
            x.is_contiguous(memory_format=torch.channels_last),
            _(
                "{what} the input has the right numbers, but strides {strides}, not channels_last order.",
                what=what,
                strides=x.stride(),
            ),
        )
    require(
        all(weight.dtype == torch.float32 for weight in network.parameters()),
        _(
            "{what} the weights are no longer float32; autocast, instead of a conversion of the model, leaves them.",
            what=what,
        ),
    )
    require(
        all(dtype == torch.bfloat16 for dtype in outputs),
        _(
            "{what} the logits are {dtype}; under autocast they would be bfloat16.",
            what=what,
            dtype=str(outputs[0]).removeprefix("torch."),
        ),
    )
    require(
        torch.bfloat16 not in watched.softmax,
        _(
            "{what} the loss is computed in bfloat16; F.cross_entropy under autocast would compute it in float32.",
            what=what,
        ),
    )
    require(
        watched.asked <= 1,
        _(
            "{what} a number was brought to Python {times} times (print() and float() do that, too); add the losses up "
            "as a tensor and call .item() once.",
            what=what,
            times=watched.asked,
        ),
    )
    require(
        watched.other < len(sizes),  # not in each step; a DataLoader asks once, for its seed
        _(
            "{what} numbers other than the loss were brought to Python {times} times; the loss alone is wanted, once.",
            what=what,
            times=watched.other,
        ),
    )
    require(
        not any(held),
        _(
            "{what} the graph of batch 0 is still in memory when batch 2 comes; add up loss.detach() instead of loss.",
            what=what,
        ),
    )
    require(
        not isinstance(found, Tensor),
        _("{what} fast_epoch returned {found}; .item() makes it a number.", what=what, found=describe(found)),
    )
    still_trainable(network, "fast_epoch")
    accumulated = copy.deepcopy(start)
    _reference(accumulated, pixels, labels, batch, lr, forget=False)
    require(
        not _same_weights(network, accumulated),
        _(
            "{what} the weights are those of gradients that were added up; have old gradients forgotten before each "
            "backward pass.",
            what=what,
        ),
    )
    stale = copy.deepcopy(start)
    _reference(stale, pixels, labels, batch, lr, around=True)
    why = _("Each batch takes one backward pass and one step of `optimizer`.")
    if _same_weights(network, stale):
        why = _(
            "Each step used the first weights: autocast keeps bfloat16 copies of them until its `with` ends. Open it "
            "anew for each batch, around forward and loss only."
        )
    for weight, wanted in zip(network.parameters(), reference.parameters(), strict=True):
        expect(
            weight.detach(),
            wanted.detach(),
            _("{what} a weight after the epoch", what=what),
            why,
            atol=2e-3,
        )
    why = _("Each batch's mean loss counts by the number of its pictures; losses and sum are float32.")
    expect(found, expected, _("{what} the mean loss", what=what), why, atol=2e-4)


def _same_weights(a: nn.Module, b: nn.Module) -> bool:
    return all(same(one, other, atol=1e-3) for one, other in zip(a.parameters(), b.parameters(), strict=True))


def _reference(
    model: nn.Module,
    pixels: Tensor,
    labels: Tensor,
    batch: int,
    lr: float,
    forget: bool = True,
    around: bool = False,
) -> float:
    """One epoch, in place; returns the mean loss. around: one autocast stands around the whole loop."""
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    total = 0.0
    with torch.autocast("cpu", torch.bfloat16) if around else nullcontext():
        for x, y in zip(pixels.split(batch), labels.split(batch), strict=True):
            with torch.autocast("cpu", torch.bfloat16):
                loss = F.cross_entropy(model((x.float() / 255).permute(0, 3, 1, 2)), y)
            if forget:
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
    return total / len(labels)
