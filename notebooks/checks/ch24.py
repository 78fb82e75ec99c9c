"""Checkers of chapter 24, faster."""

import copy
import weakref

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from . import call, describe, exercise, expect, require


class _Asked(TorchDispatchMode):
    """Counts how often a float is brought from a tensor to Python (a DataLoader asks for a whole number, its seed)."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default and args[0].is_floating_point()
        return func(*args, **(kwargs or {}))


@exercise("24.1")
def whole_speedup(answer):
    for share, factor in [(0.5, 2), (0.2, 4), (0.9, 10), (0.0, 5), (1.0, 3)]:
        found = call(answer, share, factor, name="whole_speedup")
        where = f"whole_speedup({share}, {factor})"
        why = f"Of a time of 1, {1 - share:.1f} stays as it is and {share:.1f} is divided by {factor}."
        expect(found, 1 / (1 - share + share / factor), where, why)
    return "A part of 20 % wins 1.25 at most, however fast it becomes: look at the largest share first."


@exercise("24.2")
def strides(answer):
    for shape in [(1, 3, 2, 2), (8, 3, 32, 32), (4, 5, 6, 7)]:
        for last in (False, True):
            order = torch.channels_last if last else torch.contiguous_format
            expected = torch.empty(shape, device="meta").to(memory_format=order).stride()
            found = call(answer, shape, last, name="strides")
            where = f"strides({shape}, {last})"
            found = tuple(found) if isinstance(found, list) else found
            if last and found == tuple(expected[axis] for axis in (0, 2, 3, 1)):
                require(
                    False,
                    f"{where} is {found}: right, but in the order of memory; list them in the order of the "
                    "shape, N, C, H, W.",
                )
            memory = "N, H, W, C" if last else "N, C, H, W"
            why = f"In memory the axes follow as {memory}; a stride is the product of the lengths that come later."
            expect(found, tuple(expected), where, why)
    return "A stride is the product of the lengths of all axes that come later in memory."


@exercise("24.3")
def batch_of(answer):
    pixels = torch.randint(0, 256, (6, 5, 4, 3), dtype=torch.uint8)
    mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.25, 0.2, 0.5])
    for pick in (torch.tensor([4, 0, 4]), torch.tensor([2])):
        given = pixels.clone()
        found = _call_uncopied(answer, given, pick, mean, std)
        require(
            torch.equal(given, pixels), "batch_of changed `pixels`; the next epoch would see other pictures."
        )
        what = f"for pick {pick.tolist()}, the batch"
        expected = ((pixels[pick].float() / 255 - mean) / std).permute(0, 3, 1, 2)
        if isinstance(found, Tensor) and found.shape == expected.shape and found.dtype == expected.dtype:
            unscaled = ((pixels[pick].float() - mean) / std).permute(0, 3, 1, 2)
            require(
                not torch.allclose(found, unscaled),
                f"{what} was not scaled: mean and std are on the scale 0 to 1, the pixels go from 0 to 255.",
            )
        expect(found, expected, what)
        require(
            found.is_contiguous(memory_format=torch.channels_last),
            f"{what} has the right numbers, but its strides are {found.stride()}, not channels_last order; "
            "permute, without making it contiguous afterwards.",
        )
    return "Pixels stored as (N, H, W, C) are channels_last after a permute, which moves nothing."


def _call_uncopied(answer, pixels, *rest):
    """call(), but with `pixels` itself, so that a change of it can be seen."""
    return (
        call(lambda *others: answer(pixels, *others), *rest, name="batch_of")
        if callable(answer)
        else call(answer)
    )


@exercise("24.4")
def gradient_in_parts(answer):
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x, y = torch.randn(10, 3), torch.randint(0, 2, (10,))
    loss_fn = nn.CrossEntropyLoss()
    loss_fn(model(x), y).backward()
    expected = [weight.grad.clone() for weight in model.parameters()]
    sizes: list[int] = []
    model.register_forward_hook(lambda module, inputs, output: sizes.append(len(inputs[0])))
    for part in (5, 4, 10, 1):
        before = [weight.detach().clone() for weight in model.parameters()]
        for weight in model.parameters():
            weight.grad = torch.ones_like(weight)  # what an earlier step has left
        sizes.clear()
        call(answer, model, x, y, loss_fn, part, name="gradient_in_parts")
        where = f"for 10 rows in parts of {part}"
        require(
            all(torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True)),
            f"{where} the weights changed; only the gradients are wanted, no step.",
        )
        require(bool(sizes), f"{where} the model was never called.")
        require(
            max(sizes) <= part, f"{where} the model got {max(sizes)} rows at once; {part} at most are wanted."
        )
        require(
            sum(sizes) == 10,
            f"{where} the model got {sum(sizes)} rows in all; each of the 10 once is wanted.",
        )
        for (name, weight), wanted in zip(model.named_parameters(), expected, strict=True):
            require(weight.grad is not None, f"{where} {name}.grad is None; call backward() for each part.")
            _gradient_hint(weight.grad, wanted, len(sizes), f"{where} the gradient of {name}")
    return "Memory for `part` rows, the gradient of all of them: this is called gradient accumulation."


def _gradient_hint(found: Tensor, wanted: Tensor, parts: int, what: str) -> None:
    if any(torch.allclose(found, times * wanted + 1, rtol=1e-4, atol=1e-5) for times in (1, parts)):
        require(False, f"{what} still holds the old gradient; forget it before the first part.")
    if parts > 1 and torch.allclose(found, parts * wanted, rtol=1e-4, atol=1e-5):
        require(
            False,
            f"{what} is {parts} times too large: the means of {parts} parts were added; weigh each part by its share.",
        )
    why = "Each part counts by its share of the rows, len(part) / len(all); the last part may be smaller."
    expect(found, wanted, what, why)


@exercise("24.5")
def fast_epoch(answer):
    pixels, labels = torch.randint(0, 256, (20, 8, 8, 3), dtype=torch.uint8), torch.randint(0, 4, (20,))
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 36, 4))
    start = copy.deepcopy(network)
    reference = copy.deepcopy(network)
    expected = _reference(reference, pixels, labels, 8)
    network.eval()  # as an evaluation leaves it
    inputs, outputs, modes, graphs, held = [], [], [], [], []

    def look(module, given, output):
        # A graph may be there until `loss` is overwritten, so the last one does not count.
        held.extend(graph() is not None for graph in graphs[:-1])
        if output.grad_fn is not None:

            def alive(*_):
                """Lives as long as the graph that it is hooked to."""

            output.grad_fn.register_hook(alive)
            graphs.append(weakref.ref(alive))
        inputs.append(given[0])
        outputs.append(output.dtype)
        modes.append(module.training)

    network.register_forward_hook(look)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    with _Asked() as asked:
        found = call(answer, network, pixels, labels, 8, optimizer, name="fast_epoch")
    what = "for 20 pictures in batches of 8,"
    sizes = [len(x) for x in inputs]
    expect(sizes, [8, 8, 4], f"{what} the list of the batches' sizes")
    require(all(modes), f"{what} the model was in eval mode; call model.train() first.")
    for i, x in enumerate(inputs):
        wanted = (pixels[8 * i : 8 * i + 8].float() / 255).permute(0, 3, 1, 2)
        expect(x, wanted, f"{what} the input of batch {i}", "It is pixel / 255, the axes moved by permute.")
        require(
            x.is_contiguous(memory_format=torch.channels_last),
            f"{what} the input has the right numbers, but strides {x.stride()}, not channels_last order.",
        )
    require(
        all(weight.dtype == torch.float32 for weight in network.parameters()),
        f"{what} the weights are no longer float32; autocast, instead of a conversion of the model, leaves them.",
    )
    require(
        all(dtype == torch.bfloat16 for dtype in outputs),
        f"{what} the logits are {str(outputs[0]).removeprefix('torch.')}; under autocast they would be bfloat16.",
    )
    require(
        asked.count <= 1,
        f"{what} a number was brought to Python {asked.count} times; add the losses up as a tensor and call "
        ".item() once.",
    )
    require(
        not any(held),
        f"{what} the graph of batch 0 is still in memory when batch 2 comes; add up loss.detach() instead of loss.",
    )
    require(
        not isinstance(found, Tensor),
        f"{what} fast_epoch returned {describe(found)}; .item() makes it a number.",
    )
    accumulated = copy.deepcopy(start)
    _reference(accumulated, pixels, labels, 8, forget=False)
    require(
        not _same_weights(network, accumulated),
        f"{what} the weights are those of gradients that were added up; have old gradients forgotten before "
        "each backward pass.",
    )
    why = "Each batch's mean loss counts by the number of its pictures."
    expect(found, expected, f"{what} the mean loss", why, atol=2e-3)
    for weight, wanted in zip(network.parameters(), reference.parameters(), strict=True):
        expect(
            weight.detach(),
            wanted.detach(),
            f"{what} a weight after the epoch",
            "Each batch takes one backward pass and one step.",
            atol=2e-3,
        )
    return "Bytes in one tensor, channels_last, bfloat16 where it is safe, and one question at the end."


def _same_weights(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.parameters(), b.parameters(), strict=True)
    return all(torch.allclose(one, other, atol=1e-3) for one, other in pairs)


def _reference(
    model: nn.Module, pixels: Tensor, labels: Tensor, batch_size: int, forget: bool = True
) -> float:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    total = 0.0
    for x, y in zip(pixels.split(batch_size), labels.split(batch_size), strict=True):
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.cross_entropy(model((x.float() / 255).permute(0, 3, 1, 2)), y)
        if forget:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    return total / len(labels)
