"""Checkers of chapter 19, backward and optimizer."""

import copy
import math
import warnings

import torch
from torch import nn

from . import NotYet, call, describe, exercise, expect, require


@exercise("19.1")
def numerical_gradient(answer):
    cases = [
        ("x0² + 3·x1", lambda x: x[0] ** 2 + 3 * x[1], [2.0, -1.0], [4.0, 3.0]),
        ("x0·x1·x2", lambda x: x.prod(), [1.0, 2.0, 3.0], [6.0, 3.0, 2.0]),
        ("x0³", lambda x: x[0] ** 3, [1.0], [3.0]),
    ]
    for name, f, place, expected in cases:
        x = torch.tensor(place, dtype=torch.float64)
        found = call(lambda held, h: answer(held[0], held[1], h), [f, x], 1e-4, name="numerical_gradient")
        same = torch.allclose(x, torch.tensor(place, dtype=torch.float64), rtol=0, atol=1e-9)
        require(same, "x has changed; work on a copy, or put the number back.")
        what = f"the gradient of {name} at {place}"
        expected = torch.tensor(expected, dtype=torch.float64)
        if isinstance(found, torch.Tensor) and found.shape == expected.shape:
            gap = (found - expected).abs().max().item()
            require(
                not 1e-6 < gap < 1e-3,
                f"{what} is off by {gap:.1e}: a one-sided difference; take (f(x + h) - f(x - h)) / (2 h).",
            )
            halved = (found - expected / 2).abs().max() < 1e-2
            require(
                not halved,
                f"{what} is half of what it should be: one of the two places was x itself. `old = x[i]` is a view that "
                "changes along with x[i]; `old = x[i].item()` is a number.",
            )
        expect(found, expected, what)
    return "The error of central differences shrinks with h², until the digits run out."


@exercise("19.2")
def sgd_step(answer):
    layer = torch.nn.Linear(2, 1)
    unused = torch.ones(3, requires_grad=True)
    parameters = [*layer.parameters(), unused]
    for step in (1, 2):
        before = [p.detach().clone() for p in parameters]
        layer(torch.tensor([[1.0, -2.0]])).sum().backward()
        gradients = [None if p.grad is None else p.grad.clone() for p in parameters]
        call(answer, parameters, 0.5, name="sgd_step")
        for p, old, g in zip(parameters, before, gradients, strict=True):
            wanted = old if g is None else old - 0.5 * g
            if torch.equal(p, old) and g is not None:
                require(
                    p.grad is not None and p.grad.any(),
                    "a parameter has not changed, and its gradient is cleared already: first the step, then clear.",
                )
                raise NotYet(
                    "a parameter has not changed; `p -= …` changes it in place, `p = p - …` does not."
                )
            expect(p.detach(), wanted, f"a parameter after step {step}")
            require(p.requires_grad and p.is_leaf, "a parameter lost its place as a leaf of the graph.")
            cleared = p.grad is None or not p.grad.any()
            require(cleared, "a gradient is still there after the step; the next backward would add to it.")
    return "These four lines are torch.optim.SGD without momentum."


@exercise("19.3")
def momentum_descent(answer):
    scale = torch.tensor([1.0, 10.0])

    def gradient(w):
        return scale * w

    for lr, momentum, steps in [(0.1, 0.0, 3), (0.05, 0.8, 10), (0.02, 0.9, 4)]:
        w = torch.tensor([4.0, 1.0], requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=lr, momentum=momentum)
        for _ in range(steps):
            w.grad = gradient(w.detach())
            optimizer.step()
        found = call(answer, gradient, torch.tensor([4.0, 1.0]), lr, momentum, steps, name="momentum_descent")
        why = (
            "v = momentum · v + g, then w = w - lr · v." if momentum else "Without momentum it is plain SGD."
        )
        where = f"w after {steps} steps with lr {lr}, momentum {momentum}"
        expect(found, w.detach(), where, why)
    return "A steady gradient moves w by lr / (1 - momentum) times itself: ten times lr at 0.9."


@exercise("19.4")
def warmup_cosine(answer):
    total, warmup, peak = 100, 20, 0.4
    for step in (0, 10, 20, 40, 60, 100):
        rising = peak * step / warmup
        falling = peak * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2
        expected = rising if step < warmup else falling
        part = "the warm-up" if step < warmup else "the falling part, which begins at its end,"
        where = f"warmup_cosine({step}, {total}, {warmup}, {peak})"
        found = call(answer, step, total, warmup, peak, name="warmup_cosine")
        expect(found, expected, where, f"Step {step} is in {part} of {total} steps.")
    found = call(answer, 0, 10, 0, 1.0, name="warmup_cosine")
    expect(found, 1.0, "warmup_cosine(0, 10, 0, 1.0), without a warm-up,")
    return "torch.optim.lr_scheduler.LambdaLR turns such a function into a scheduler."


@exercise("19.5")
def fit_line(answer):
    for a, b, noise in [(2.0, 1.0, 0.0), (-0.5, 3.0, 0.2), (0.0, 0.0, 0.0)]:
        x = torch.linspace(-1, 2, 40)
        y = a * x + b + noise * torch.randn(40)
        centred = x - x.mean()
        slope = ((centred * y).sum() / (centred**2).sum()).item()
        offset = (y.mean() - slope * x.mean()).item()
        with torch.enable_grad():
            found = call(answer, x, y, name="fit_line")
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            f"fit_line returned {describe(found)}; the pair (a, b) is wanted.",
        )
        numbers = [
            value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value
            for value in found
        ]
        if all(isinstance(value, float) for value in numbers) and abs(slope) > 0.3:
            at_mean = abs(numbers[0]) < 0.02 and abs(numbers[1] - y.mean().item()) < 0.02
            require(
                not at_mean,
                "a is 0 and b the mean of y, as if x did not matter: did a prediction of shape (n, 1) meet a y of "
                "shape (n,)?",
            )
            swapped = abs(numbers[0] - offset) < 0.01 and abs(numbers[1] - slope) < 0.01
            require(not swapped, "a and b are swapped: a is the slope, b is added.")
        for name, value, expected in zip("ab", found, (slope, offset), strict=True):
            if isinstance(value, float) and not math.isfinite(value):
                raise NotYet(f"{name} became {value}: the steps are too large, try a smaller learning rate.")
            where = f"for points near y = {a} x + {b}, {name}"
            expect(value, expected, where, "More steps, or another learning rate?", rtol=0, atol=0.01)
    return "For a line there is a formula; for a network there is only this loop."


@exercise("19.6")
def step_in_parts(answer):
    torch.manual_seed(1)
    model = nn.Linear(3, 2)
    twin = copy.deepcopy(model)
    x, y = 5 * torch.randn(7, 3), torch.tensor([0, 1, 0, 1, 1, 0, 1])
    parts = list(zip(x.split([4, 2, 1]), y.split([4, 2, 1]), strict=True))
    optimizer, own = (torch.optim.SGD(m.parameters(), lr=0.5) for m in (model, twin))
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.1)
    steps = []
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    for step, max_norm in [(1, 0.5), (2, 100.0)]:
        before = model.weight.detach().clone()
        own.zero_grad()
        nn.functional.cross_entropy(twin(x), y).backward()
        length = nn.utils.clip_grad_norm_(twin.parameters(), max_norm).item()
        own.step()
        rate, own.param_groups[0]["lr"] = own.param_groups[0]["lr"], own.param_groups[0]["lr"] * 0.1
        with warnings.catch_warnings():  # PyTorch's own, of a scheduler that steps first
            warnings.simplefilter("ignore")
            found = call(
                answer,
                model,
                parts,
                nn.CrossEntropyLoss(),
                optimizer,
                scheduler,
                max_norm,
                name="step_in_parts",
            )
        where = f"in step {step}, with max_norm {max_norm},"
        require(
            len(steps) <= step,
            f"{where} the optimizer took {len(steps) - step + 1} steps; one is wanted, when all parts are added up.",
        )
        why = "Each part's mean counts by its share of the batch"
        why += ", and the gradients of the step before no longer." if step > 1 else ", len(y) / 7."
        expect(found, length, f"{where} the length of the gradient before clipping", why, rtol=1e-3)
        moved, wanted = model.weight.detach() - before, twin.weight.detach() - before
        require(
            not torch.equal(model.weight, before), f"{where} the weights have not changed: optimizer.step()?"
        )
        require(
            not torch.allclose(moved, 0.1 * wanted, rtol=1e-3),
            f"{where} the step is a tenth as long as it should be: the scheduler comes after the optimizer.",
        )
        require(
            not torch.allclose(moved, wanted * max(1, length / max_norm), rtol=1e-3) or length <= max_norm,
            f"{where} the gradient was not clipped before the step.",
        )
        expect(model.weight.detach(), twin.weight.detach(), f"{where} the weight after the step")
        found_rate = optimizer.param_groups[0]["lr"]
        require(
            math.isclose(found_rate, 0.1 * rate, rel_tol=1e-6),
            f"{where} the learning rate is {found_rate:g} afterwards, but should be {0.1 * rate:g}: one "
            "scheduler.step() for each step.",
        )
    return "Training recipes for large models are made of these six lines."
