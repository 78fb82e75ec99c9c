"""Checkers of chapter 19, backward and optimizer."""

import math

import torch

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
        require(x.tolist() == place, "x has changed; work on a copy, or put the number back.")
        what = f"the gradient of {name} at {place}"
        expected = torch.tensor(expected, dtype=torch.float64)
        if isinstance(found, torch.Tensor) and found.shape == expected.shape:
            gap = (found - expected).abs().max().item()
            require(
                not 1e-6 < gap < 1e-3,
                f"{what} is off by {gap:.1e}: a one-sided difference; take (f(x + h) - f(x - h)) / (2 h).",
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
    for a, b, noise in [(2.0, -1.0, 0.0), (-0.5, 3.0, 0.2), (0.0, 0.0, 0.0)]:
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
        for name, value, expected in zip("ab", found, (slope, offset), strict=True):
            if isinstance(value, float) and not math.isfinite(value):
                raise NotYet(f"{name} became {value}: the steps are too large, try a smaller learning rate.")
            where = f"for points near y = {a} x + {b}, {name}"
            expect(value, expected, where, "More steps, or another learning rate?", rtol=0, atol=0.01)
    return "For a line there is a formula; for a network there is only this loop."
