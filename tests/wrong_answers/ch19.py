"""Wrong answers to the exercises of chapter 19."""

import math

import torch

from wrong_answers import Wrong


def one_sided(f, x, h=1e-5):
    return torch.stack([(f(x + step) - f(x)) / h for step in h * torch.eye(len(x), dtype=x.dtype)])


def forgot_the_2(f, x, h=1e-5):
    return torch.stack([(f(x + step) - f(x - step)) / h for step in h * torch.eye(len(x), dtype=x.dtype)])


def changes_x(f, x, h=1e-5):
    slopes = []
    for i in range(len(x)):
        x[i] += h
        up = f(x).clone()
        x[i] -= 2 * h
        slopes.append((up - f(x)) / (2 * h))
    return torch.stack(slopes)


def new_name(parameters, lr):
    for p in parameters:
        if p.grad is not None:
            p = p - lr * p.grad


def no_no_grad(parameters, lr):
    for p in parameters:
        if p.grad is not None:
            p -= lr * p.grad


@torch.no_grad()
def uphill(parameters, lr):
    for p in parameters:
        if p.grad is not None:
            p += lr * p.grad
            p.grad = None


@torch.no_grad()
def not_cleared(parameters, lr):
    for p in parameters:
        if p.grad is not None:
            p -= lr * p.grad


@torch.no_grad()
def unused_not_foreseen(parameters, lr):
    for p in parameters:
        p -= lr * p.grad
        p.grad = None


def descent(gradient, w, lr, momentum, steps, dampened=False, forget=False):
    velocity = torch.zeros_like(w)
    for _ in range(steps):
        g = gradient(w)
        velocity = (0 if forget else momentum) * velocity + (1 - momentum if dampened else 1) * g
        w = w - lr * velocity
    return w


def cosine_from_zero(step, total, warmup, peak):
    return peak * step / warmup if step < warmup else peak * 0.5 * (1 + math.cos(math.pi * step / total))


def linear_fall(step, total, warmup, peak):
    return peak * step / warmup if step < warmup else peak * (total - step) / (total - warmup)


def divides_by_warmup(step, total, warmup, peak):
    rise = min(1.0, step / warmup)
    return rise * peak * 0.5 * (1 + math.cos(math.pi * max(0, step - warmup) / (total - warmup)))


def line(x, y, steps=500, lr=0.1, clear=True, numbers=True):
    a, b = torch.zeros((), requires_grad=True), torch.zeros((), requires_grad=True)
    for _ in range(steps):
        ((a * x + b - y) ** 2).mean().backward()
        with torch.no_grad():
            for p in (a, b):
                p -= lr * p.grad
                if clear:
                    p.grad = None
    return (a.item(), b.item()) if numbers else (a, b)


WRONG = {
    "19.1": [
        Wrong(one_sided, hint="one-sided"),
        Wrong(forgot_the_2, hint="should be"),
        Wrong(changes_x, hint="x has changed"),
    ],
    "19.2": [
        Wrong(new_name, hint="in place"),
        Wrong(no_no_grad, hint="leaf"),
        Wrong(uphill, hint="after step 1"),
        Wrong(not_cleared, hint="would add to it"),
        Wrong(unused_not_foreseen, hint="raised"),
    ],
    "19.3": [
        Wrong(lambda *a: descent(*a, dampened=True), hint="v = momentum"),
        Wrong(lambda *a: descent(*a, forget=True), hint="v = momentum"),
    ],
    "19.4": [
        Wrong(cosine_from_zero, hint="falling part"),
        Wrong(linear_fall, hint="falling part"),
        Wrong(divides_by_warmup, hint="raised"),
    ],
    "19.5": [
        Wrong(lambda x, y: line(x, y, steps=5), hint="More steps"),
        Wrong(lambda x, y: line(x, y, lr=10.0), hint="smaller learning rate"),
        Wrong(lambda x, y: line(x, y, clear=False), hint="should be"),
        Wrong(lambda x, y: line(x, y, numbers=False), hint=".item()"),
    ],
}
