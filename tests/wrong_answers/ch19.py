"""Wrong answers to the exercises of chapter 19."""

import math

import torch
from torch import nn

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


def remembers_a_view(f, x, h=1e-5):
    slopes = []
    for i in range(len(x)):
        old = x[i]
        x[i] = old + h
        up = f(x).clone()
        x[i] = old - h
        slopes.append((up - f(x)) / (2 * h))
        x[i] = old
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


@torch.no_grad()
def cleared_first(parameters, lr):
    for p in parameters:
        if p.grad is not None:
            p.grad.zero_()
            p -= lr * p.grad


def descent(gradient, w, lr, momentum, steps, dampened=False, forget=False):
    velocity = torch.zeros_like(w)
    for _ in range(steps):
        g = gradient(w)
        velocity = (0 if forget else momentum) * velocity + (1 - momentum if dampened else 1) * g
        w = w - lr * velocity
    return w


def first_gradient_twice(gradient, w, lr, momentum, steps):
    velocity = gradient(w)
    for _ in range(steps):
        velocity = momentum * velocity + gradient(w)
        w = w - lr * velocity
    return w


def looks_ahead(gradient, w, lr, momentum, steps):  # Nesterov's
    velocity = torch.zeros_like(w)
    for _ in range(steps):
        velocity = momentum * velocity + gradient(w)
        w = w - lr * (gradient(w) + momentum * velocity)
    return w


def cosine_from_zero(step, total, warmup, peak):
    return peak * step / warmup if step < warmup else peak * 0.5 * (1 + math.cos(math.pi * step / total))


def linear_fall(step, total, warmup, peak):
    return peak * step / warmup if step < warmup else peak * (total - step) / (total - warmup)


def divides_by_warmup(step, total, warmup, peak):
    rise = min(1.0, step / warmup)
    return rise * peak * 0.5 * (1 + math.cos(math.pi * max(0, step - warmup) / (total - warmup)))


def begins_at_one(step, total, warmup, peak):
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


def whole_wave(step, total, warmup, peak):
    if step < warmup:
        return peak * step / warmup
    return peak * 0.5 * (1 + math.cos(2 * math.pi * (step - warmup) / (total - warmup)))


def line_by_layer(x, y):
    layer = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(500):
        optimizer.zero_grad()
        prediction = layer(x[:, None])  # (n, 1)
        (prediction - y).square().mean().backward()  # (n, n)
        optimizer.step()
    return layer.weight.item(), layer.bias.item()


def parted(model, parts, loss_fn, optimizer, scheduler, max_norm, **options):
    wrong = options.get
    count = sum(len(y) for _, y in parts)
    if not wrong("keep"):
        optimizer.zero_grad()
    if wrong("early"):
        scheduler.step()
    for x, y in parts:
        share = 1 if wrong("sum") else 1 / len(parts) if wrong("equal") else len(y) / count
        (loss_fn(model(x), y) * share).backward()
        if wrong("clip_parts"):
            nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        if wrong("step_parts"):
            optimizer.step()
    length = nn.utils.clip_grad_norm_(model.parameters(), 1e9 if wrong("no_clip") else max_norm)
    if wrong("after"):
        length = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    if not wrong("early") and not wrong("no_schedule"):
        scheduler.step()
    return length if wrong("tensor") else length.item()


def parts_wrong(hint, **options):
    return Wrong(lambda *a: parted(*a, **options), hint=hint)


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
        Wrong(remembers_a_view, hint="is a view"),
    ],
    "19.2": [
        Wrong(new_name, hint="in place"),
        Wrong(no_no_grad, hint="leaf"),
        Wrong(uphill, hint="after step 1"),
        Wrong(not_cleared, hint="would add to it"),
        Wrong(unused_not_foreseen, hint="raised"),
        Wrong(cleared_first, hint="first the step, then clear"),
    ],
    "19.3": [
        Wrong(lambda *a: descent(*a, dampened=True), hint="v = momentum"),
        Wrong(lambda *a: descent(*a, forget=True), hint="v = momentum"),
        Wrong(first_gradient_twice, hint="v = momentum"),
        Wrong(looks_ahead, hint="v = momentum"),
    ],
    "19.4": [
        Wrong(cosine_from_zero, hint="falling part"),
        Wrong(linear_fall, hint="falling part"),
        Wrong(divides_by_warmup, hint="raised"),
        Wrong(begins_at_one, hint="Step 0 is in the warm-up"),
        Wrong(whole_wave, hint="falling part"),
    ],
    "19.5": [
        Wrong(lambda x, y: line(x, y, steps=5), hint="More steps"),
        Wrong(lambda x, y: line(x, y, lr=10.0), hint="smaller learning rate"),
        Wrong(lambda x, y: line(x, y, clear=False), hint="should be"),
        Wrong(lambda x, y: line(x, y, numbers=False), hint=".item()"),
        Wrong(lambda x, y: line(x, y)[::-1], hint="swapped"),
        Wrong(line_by_layer, hint="(n, 1)"),
    ],
    "19.6": [
        parts_wrong("share of the batch", equal=True),
        parts_wrong("share of the batch", sum=True),
        parts_wrong("of the step before", keep=True),
        parts_wrong("before clipping", clip_parts=True),
        parts_wrong("before clipping", after=True),
        parts_wrong("when all parts are added up", step_parts=True),
        parts_wrong("comes after the optimizer", early=True),
        parts_wrong("was not clipped", no_clip=True),
        parts_wrong("scheduler.step()", no_schedule=True),
        parts_wrong(".item()", tensor=True),
    ],
}
