"""Answers to the exercises of chapter 19."""

import math

import torch
from torch import nn

from answers import Right, Wrong


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


def new_tensors_in_the_list(parameters, lr):
    for i, p in enumerate(parameters):
        if p.grad is not None:
            parameters[i] = (p - lr * p.grad).detach().requires_grad_()


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


def gradient_of_the_next_place(gradient, w, lr, momentum, steps):
    velocity = gradient(w)
    for _ in range(steps):
        w = w - lr * velocity
        velocity = momentum * velocity + gradient(w)
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
    clip = wrong("clip", nn.utils.clip_grad_norm_)
    length = clip(model.parameters(), 1e9 if wrong("no_clip") else max_norm)
    if wrong("after"):
        length = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    if not wrong("early") and not wrong("no_schedule"):
        scheduler.step()
    return length if wrong("tensor") else length.item()


def clip_numbers(parameters, max_norm):
    return by_hand(list(parameters), max_norm, nn.utils.clip_grad_value_)


def clip_tensors(parameters, max_norm):
    return by_hand(list(parameters), max_norm, lambda ps, n: [nn.utils.clip_grad_norm_([p], n) for p in ps])


def always_scale(parameters, max_norm):
    return by_hand(list(parameters), max_norm, scale)


def scale(parameters, max_norm):
    length = torch.stack([p.grad.norm() for p in parameters]).norm()
    for p in parameters:
        p.grad *= max_norm / length


def by_hand(parameters, max_norm, clip):
    """The right length, and then `clip` of the gradients."""
    length = torch.stack([p.grad.norm() for p in parameters]).norm()
    clip(parameters, max_norm)
    return length


def clips_in_the_loop(model, parts, loss_fn, optimizer, scheduler, max_norm):
    n = sum(len(y) for _, y in parts)
    optimizer.zero_grad()
    for x, y in parts:
        (loss_fn(model(x), y) * len(y) / n).backward()
        length = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    scheduler.step()
    return length.item()


def returns_the_loss(model, parts, *rest):
    total = 0.0

    def added(output, y, loss_fn=rest[0]):
        nonlocal total
        loss = loss_fn(output, y)
        total += loss.item() * len(y) / sum(len(y) for _, y in parts)
        return loss

    parted(model, parts, added, *rest[1:])
    return total


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


def differences_in_place(f, x, h=1e-5):
    x, slopes = x.clone(), torch.empty_like(x)
    for i in range(x.numel()):
        old = x[i].item()
        x[i] = old + h
        up = f(x).item()
        x[i] = old - h
        slopes[i] = (up - f(x).item()) / (2 * h)
        x[i] = old
    return slopes


def differences_by_list(f, x, h=1e-5):
    found = []
    for i in range(len(x)):
        places = [[v + s * h * (j == i) for j, v in enumerate(x.tolist())] for s in (1, -1)]
        up, down = (float(f(torch.tensor(place, dtype=x.dtype))) for place in places)
        found.append((up - down) / h / 2)
    return torch.tensor(found, dtype=x.dtype)


def differences_by_rows(f, x, h=1e-5):
    moves = h * torch.eye(len(x), dtype=torch.float64)
    up, down = ([f(row) for row in x + sign * moves] for sign in (1, -1))
    return (torch.stack(up) - torch.stack(down)) / (2 * h)


def all_at_once(f, x, h=1e-5):
    return torch.stack([(f(x + h) - f(x - h)) / (2 * h) for _ in x])


def not_put_back(f, x, h=1e-5):
    return changes_x(f, x.clone(), h)


def another_step(f, x, h=1e-5):
    return differences_by_rows(f, x, 1e-4)


def by_autograd(f, x, h=1e-5):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(f(x), x)[0]


def by_backward(f, x, h=1e-5):
    x = x.clone().requires_grad_()
    f(x).backward()
    return x.grad


def differences_by_vmap(f, x, h=1e-5):
    units = h * torch.eye(len(x), dtype=x.dtype)
    return (torch.vmap(f)(x + units) - torch.vmap(f)(x - units)) / (2 * h)


def step_that_returns(parameters, lr):
    step_by_sub(parameters, lr)
    return parameters


def with_a_minimum(step, total, warmup, peak):
    return max(cosine_by_sine(step, total, warmup, peak), 1e-8)


def parts_in_eval_mode(model, *rest):
    return parted(model.eval(), *rest)


@torch.no_grad()
def step_by_sub(parameters, lr):
    for p in parameters:
        if p.grad is None:
            continue
        p.sub_(p.grad, alpha=lr)
        p.grad.zero_()


def step_by_data(parameters, lr):
    for p in filter(lambda p: p.grad is not None, parameters):
        p.data -= lr * p.grad
    for p in parameters:
        p.grad = None


def step_by_new_data(parameters, lr):
    for p in filter(lambda p: p.grad is not None, parameters):
        p.data = p.data - lr * p.grad
        p.grad = None


def step_by_copy(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            g, p.grad = p.grad, None
            p.copy_(p if g is None else p - lr * g)


@torch.no_grad()
def returns_at_the_first_unused(parameters, lr):
    for p in parameters:
        if p.grad is None:
            return
        p -= lr * p.grad
        p.grad = None


def step_by_optim(parameters, lr):
    optimizer = torch.optim.SGD(parameters, lr=lr)
    optimizer.step()
    optimizer.zero_grad()


def step_by_hidden_function(parameters, lr):
    used = [p for p in parameters if p.grad is not None]
    torch.optim._functional.sgd(
        used,
        [p.grad for p in used],
        [None] * len(used),
        weight_decay=0,
        momentum=0,
        lr=lr,
        dampening=0,
        nesterov=False,
        maximize=False,
    )
    for p in used:
        p.grad = None


def momentum_by_recursion(gradient, w, lr, momentum, steps, velocity=0.0):
    if steps == 0:
        return w
    velocity = momentum * velocity + gradient(w)
    return momentum_by_recursion(gradient, w - lr * velocity, lr, momentum, steps - 1, velocity)


def momentum_by_optim(gradient, w, lr, momentum, steps):
    w = w.clone().requires_grad_()
    optimizer = torch.optim.SGD([w], lr=lr, momentum=momentum)
    for _ in range(steps):
        w.grad = gradient(w.detach())
        optimizer.step()
    return w.detach()


def cosine_by_sine(step, total, warmup, peak):
    if step < warmup:
        return step * peak / warmup
    return peak * math.cos(math.pi / 2 * (step - warmup) / (total - warmup)) ** 2


def cosine_by_tensor(step, total, warmup, peak):
    if warmup > step:
        return peak / warmup * step
    angle = torch.linspace(0, math.pi, total - warmup + 1, dtype=torch.float64)[step - warmup]
    return (peak * (1 + angle.cos()) / 2).item()


def constant_without_warmup(step, total, warmup, peak):
    return peak if warmup == 0 else cosine_by_sine(step, total, warmup, peak)


def line_without_warmup(step, total, warmup, peak):
    return peak * (1 - step / total) if warmup == 0 else cosine_by_sine(step, total, warmup, peak)


def line_by_module(x, y):
    layer = nn.Linear(1, 1)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    for _ in range(400):
        optimizer.zero_grad()
        nn.functional.mse_loss(layer(x[:, None]).squeeze(1), y).backward()
        optimizer.step()
    return layer.weight.item(), layer.bias.item()


def line_by_lbfgs(x, y):
    w = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=100)

    def closure():
        optimizer.zero_grad()
        loss = (w[0] * x + w[1] - y).square().mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    return w.tolist()


def line_by_formula(x, y):
    solution = torch.linalg.lstsq(torch.stack([x, torch.ones_like(x)], 1), y[:, None]).solution
    return tuple(solution.flatten().tolist())


def parts_by_none(model, parts, loss_fn, optimizer, scheduler, max_norm):
    for p in model.parameters():
        p.grad = None
    n = sum(map(len, (y for _, y in parts)))
    for x, y in parts:
        loss_fn(model(x), y).mul(len(x) / n).backward()
    length = float(torch.nn.utils.clip_grad_norm_(list(model.parameters()), max_norm))
    optimizer.step()
    scheduler.step()
    return length


def parts_clipped_by_hand(model, parts, loss_fn, optimizer, scheduler, max_norm):
    optimizer.zero_grad(set_to_none=False)
    n = sum(len(y) for _, y in parts)
    for x, y in parts:
        (loss_fn(model(x), y) * (len(y) / n)).backward()
    length = math.sqrt(sum(p.grad.square().sum().item() for p in model.parameters()))
    for p in model.parameters():
        p.grad *= min(1, max_norm / length)
    optimizer.step()
    scheduler.step()
    return length


def joined(model, parts, loss_fn, optimizer, scheduler, max_norm):
    x, y = torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])
    return parted(model, [(x, y)], loss_fn, optimizer, scheduler, max_norm)


def one_backward(model, parts, loss_fn, optimizer, scheduler, max_norm):
    n = sum(len(y) for _, y in parts)
    optimizer.zero_grad()
    sum(loss_fn(model(x), y) * len(y) / n for x, y in parts).backward()
    length = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
    scheduler.step()
    return length.item()


def another_default(f, x, h=1e-4):
    return differences_by_rows(f, x, h)


def by_vjp(f, x, h=1e-5):
    y, pull = torch.func.vjp(f, x)
    return pull(torch.ones_like(y))[0]


@torch.no_grad()
def step_with_zeros(parameters, lr):
    for p in parameters:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
        p -= lr * p.grad
        p.grad.zero_()


@torch.no_grad()
def step_by_function(parameters, lr):
    from torch.optim.sgd import sgd

    known = [p for p in parameters if p.grad is not None]
    options = {"momentum": 0, "weight_decay": 0, "dampening": 0, "nesterov": False, "maximize": False}
    sgd(known, [p.grad for p in known], [None] * len(known), lr=lr, **options)
    for p in known:
        p.grad = None


def on_the_bowl_of_the_notebook(gradient, w, lr, momentum, steps):
    return descent(lambda w: torch.stack([w[0], 10 * w[1]]), torch.tensor([4.0, 1.0]), lr, momentum, steps)


def for_two_numbers(gradient, w, lr, momentum, steps):
    velocity = torch.zeros(2)
    for _ in range(steps):
        velocity = momentum * velocity + gradient(w)
        w = w - lr * velocity
    return w


def cosine_warmup(step, total, warmup, peak):
    if step < warmup:
        return peak * (1 - math.cos(math.pi * step / warmup)) / 2
    return cosine_by_sine(step, total, warmup, peak)


def line_by_autograd_backward(x, y):
    w = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.1)
    for _ in range(500):
        optimizer.zero_grad()
        torch.autograd.backward((w[0] * x + w[1] - y).square().mean())
        optimizer.step()
    return w.tolist()


def line_by_formula_and_one_backward(x, y):
    torch.zeros((), requires_grad=True).backward()
    return line_by_formula(x, y)


def seven_rows(model, parts, loss_fn, *rest):
    n = sum(len(y) for _, y in parts)
    return parted(model, parts, lambda output, y: loss_fn(output, y) * n / 7, *rest)


def own_loss(model, parts, loss_fn, *rest):
    return parted(model, parts, nn.functional.cross_entropy, *rest)


def step_by_operator(parameters, lr):
    some = [p for p in parameters if p.grad is not None]
    settings = {"weight_decay": 0.0, "momentum": 0.0, "dampening": 0.0, "nesterov": False, "maximize": False}
    with torch.no_grad():
        torch._fused_sgd_(some, [p.grad for p in some], [], lr=lr, is_first_step=True, **settings)
    for p in some:
        p.grad = None


def differences(f, x, h, move, divide):
    units = move * torch.eye(len(x), dtype=x.dtype)
    return torch.stack([(f(x + unit) - f(x - unit)) / divide for unit in units])


def out_of_place(parameters, lr):
    with torch.no_grad():
        for p in parameters:
            if p.grad is not None:
                p = p - lr * p.grad
    for p in parameters:
        p.grad = None


def leaves_autograd_off(parameters, lr):
    torch.set_grad_enabled(False)
    step_by_sub(parameters, lr)


@torch.no_grad()
def empties_the_list(parameters, lr):
    while parameters:
        p = parameters.pop()
        if p.grad is not None:
            p -= lr * p.grad
            p.grad = None


@torch.no_grad()
def by_the_sum(parameters, lr):
    for p in parameters:
        if p.grad is not None and p.grad.sum():
            p -= lr * p.grad
            p.grad = None


def for_vectors(gradient, w, lr, momentum, steps):
    velocity = torch.zeros(len(w))
    for _ in range(steps):
        velocity = momentum * velocity + gradient(w)
        w = w - lr * velocity
    return w


def falls_to(shape):
    """The warm-up, and then `shape` of the share of the fall that is over."""

    def warmup_cosine(step, total, warmup, peak):
        if step < warmup:
            return peak * step / warmup
        return peak * shape((step - warmup) / (total - warmup))

    return warmup_cosine


def line_by_root(x, y):
    w = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.1)
    for _ in range(500):
        optimizer.zero_grad()
        (w[0] * x + w[1] - y).square().mean().sqrt().backward()
        optimizer.step()
    return w.tolist()


def parts_with(each=None, step=None, schedule=None, reduction="mean"):
    """A right step, but for what is done before each part, in place of the optimizer's step, or of the scheduler's."""

    def step_in_parts(model, parts, loss_fn, optimizer, scheduler, max_norm):
        n = sum(len(y) for _, y in parts)
        loss_fn.reduction = reduction
        optimizer.zero_grad()
        for x, y in parts:
            if each:
                each(optimizer)
            (loss_fn(model(x), y) * (len(y) if reduction == "mean" else 1) / n).backward()
        length = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        step(model, optimizer) if step else optimizer.step()
        schedule(optimizer) if schedule else scheduler.step()
        return length.item()

    return step_in_parts


@torch.no_grad()
def moves_weights(model, optimizer):
    for p in model.parameters():
        p -= optimizer.param_groups[0]["lr"] * p.grad


def another_optimizer(model, optimizer):
    torch.optim.SGD(model.parameters(), lr=optimizer.param_groups[0]["lr"]).step()


def clears_and_steps(model, optimizer):
    optimizer.zero_grad()
    optimizer.step()


def a_tenth(optimizer):
    optimizer.param_groups[0]["lr"] *= 0.1


RIGHT = {
    "19.1": [
        Right(differences_in_place),
        Right(differences_by_list),
        Right(differences_by_rows),
        Right(differences_by_vmap),
    ],
    "19.2": [Right(step_by_sub), Right(step_by_data), Right(step_by_copy), Right(step_with_zeros)],
    "19.3": [
        Right(descent),
        Right(momentum_by_recursion),
        Right(momentum_by_optim),
        Right(gradient_of_the_next_place),
    ],
    "19.4": [
        Right(cosine_by_sine),
        Right(cosine_by_tensor),
        Right(
            lambda step, total, warmup, peak: (
                step / warmup * peak
                if step < warmup
                else peak / 2 + peak / 2 * math.cos((step - warmup) * math.pi / (total - warmup))
            )
        ),
    ],
    "19.5": [Right(line), Right(line_by_module), Right(line_by_lbfgs), Right(line_by_autograd_backward)],
    "19.6": [Right(parted), Right(parts_by_none), Right(parts_clipped_by_hand)],
}
WRONG = {
    "19.1": [
        Wrong(one_sided, hint="one-sided"),
        Wrong(forgot_the_2, hint="divide by 2 h"),
        Wrong(all_at_once, hint="two numbers of x were moved at once"),
        Wrong(not_put_back, hint="put it back before the next"),
        Wrong(another_step, hint="x was moved by 0.0001, but the step is h = 0.5"),
        Wrong(lambda f, x, h=1e-5: differences(f, x, h, h / 2, 2 * h), hint="but the step is h"),
        Wrong(lambda f, x, h=1e-5: differences(f, x, h, h, 4 * h), hint="divide by 2 h only once"),
        Wrong(another_default, hint="but the step is h"),
        Wrong(by_vjp, hint="own autograd is switched off", forbidden="without autograd"),
        Wrong(changes_x, hint="changed its argument 2", forbidden="Do not change `x`."),
        Wrong(by_autograd, hint="own autograd is switched off", forbidden="without autograd"),
        Wrong(by_backward, hint="own autograd is switched off", forbidden="without autograd"),
        Wrong(remembers_a_view, hint="was x itself. `old = x[i]` is a view"),
    ],
    "19.2": [
        Wrong(step_by_operator, hint="switched off", forbidden="without `torch.optim`"),
        Wrong(new_tensors_in_the_list, hint="changed the list"),
        Wrong(new_name, hint="in place"),
        Wrong(step_that_returns, hint="return nothing"),
        Wrong(no_no_grad, hint="leaf"),
        Wrong(step_by_new_data, hint="lie in new memory"),
        Wrong(uphill, hint="uphill"),
        Wrong(returns_at_the_first_unused, hint="has not changed"),
        Wrong(step_by_optim, hint="own optimizer is switched off", forbidden="without `torch.optim`"),
        Wrong(step_by_function, hint="own optimizer is switched off", forbidden="without `torch.optim`"),
        Wrong(step_by_hidden_function, hint="own optimizer is switched off"),
        Wrong(not_cleared, hint="would add to it"),
        Wrong(unused_not_foreseen, hint="raised"),
        Wrong(cleared_first, hint="cleared before the step?"),
        Wrong(out_of_place, hint="is the step `p = p - …`"),
        Wrong(leaves_autograd_off, hint="leaves autograd switched off"),
        Wrong(empties_the_list, hint="changed the list"),
        Wrong(by_the_sum, hint="a parameter with a gradient has not changed"),
    ],
    "19.3": [
        Wrong(lambda *a: descent(*a, dampened=True), hint="adds the whole gradient"),
        Wrong(lambda g, w, lr, m, n: descent(g, w, lr, m, n + 1), hint="plain SGD"),
        Wrong(lambda *a: descent(*a, forget=True), hint="v = momentum"),
        Wrong(first_gradient_twice, hint="v = momentum"),
        Wrong(on_the_bowl_of_the_notebook, hint="from [[-1.0, 2.0, 3.0]"),
        Wrong(for_two_numbers, hint="must match the size"),
        Wrong(for_vectors, hint="must match the size"),
        Wrong(looks_ahead, hint="once for each step is enough"),
    ],
    "19.4": [
        Wrong(with_a_minimum, hint="no minimum"),
        Wrong(cosine_warmup, hint="Step 5 is in the warm-up"),
        Wrong(cosine_from_zero, hint="not at step 0"),
        Wrong(constant_without_warmup, hint="falling part"),
        Wrong(line_without_warmup, hint="straight line"),
        Wrong(linear_fall, hint="straight line"),
        Wrong(divides_by_warmup, hint="raised"),
        Wrong(begins_at_one, hint="Step 0 is in the warm-up"),
        Wrong(whole_wave, hint="whole wave"),
        Wrong(falls_to(lambda share: math.cos(math.pi * share)), hint="(1 + cos) / 2 falls from 1 to 0"),
        Wrong(falls_to(lambda share: max(0, math.cos(math.pi * share))), hint="is in the falling part"),
        Wrong(falls_to(lambda share: float(share == 0)), hint="is in the falling part"),
    ],
    "19.5": [
        Wrong(lambda x, y: line(x, y, steps=5), hint="More steps"),
        Wrong(lambda x, y: line(x, y, lr=10.0), hint="smaller learning rate"),
        Wrong(lambda x, y: line(x, y, clear=False), hint="should be"),
        Wrong(lambda x, y: line(x, y, numbers=False), hint=".item()"),
        Wrong(lambda x, y: line(x, y)[::-1], hint="swapped"),
        Wrong(line_by_root, hint="or the loss has a root"),
        Wrong(line_by_layer, hint="(n, 1)"),
        Wrong(line_by_formula_and_one_backward, hint="only once"),
        Wrong(line_by_formula, hint="was never called"),
    ],
    "19.6": [
        parts_wrong("share of the batch", equal=True),
        parts_wrong("share of the batch", sum=True),
        parts_wrong("older gradients do not count", keep=True),
        Wrong(parts_with(each=lambda optimizer: optimizer.zero_grad()), hint="Only the last part counts"),
        Wrong(parts_with(step=clears_and_steps), hint="were the gradients cleared before it?"),
        Wrong(parts_with(step=moves_weights), hint="the optimizer took 0 steps"),
        Wrong(parts_with(step=another_optimizer), hint="the optimizer took 0 steps"),
        Wrong(parts_with(schedule=a_tenth), hint="the scheduler took 0 steps"),
        Wrong(parts_with(reduction="sum"), hint="changed a module that was passed in"),
        Wrong(parts_in_eval_mode, hint="eval mode"),
        Wrong(seven_rows, hint="len(y) / 11"),
        Wrong(own_loss, hint="by loss_fn"),
        Wrong(joined, hint="do not join the parts", forbidden="Do not join the parts"),
        Wrong(one_backward, hint="before the backward of the part before"),
        parts_wrong("when all parts are added up: it returns the length before", clip_parts=True),
        parts_wrong("This is the length after clipping", after=True),
        parts_wrong("of all weights together", clip=clip_numbers),
        parts_wrong("of all weights together", clip=clip_tensors),
        parts_wrong("leave a shorter one as it is", clip=always_scale),
        Wrong(clips_in_the_loop, hint="Clip once, when all parts are added up"),
        Wrong(returns_the_loss, hint="This is the loss"),
        parts_wrong("when all parts are added up", step_parts=True),
        parts_wrong("comes after the optimizer", early=True),
        parts_wrong("was not clipped", no_clip=True),
        parts_wrong("scheduler.step()", no_schedule=True),
        parts_wrong(".item()", tensor=True),
    ],
}
