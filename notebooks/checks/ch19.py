"""Checkers of chapter 19, backward and optimizer."""

import copy
import math
import sys
import warnings
from importlib import import_module

import torch
from torch import nn

from . import NotYet, _, call, describe, exercise, expect, keep, pytorchs_own, require, same, switched_off


def watch(calls: list):
    """An identity that keeps each place that it is given; under torch.vmap too, one by one."""

    class Watch(torch.autograd.Function):
        @staticmethod
        def forward(x):
            calls.append(x.detach().clone())
            return x.clone()

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, grad):
            return grad

        @staticmethod
        def vmap(info, in_dims, x):
            calls.extend(x.detach().movedim(in_dims[0], 0).clone())
            return x.clone(), in_dims[0]

    return Watch.apply


@exercise("19.1")
def numerical_gradient(answer):
    cases = [
        ("x0² + 3·x1", lambda x: x[0] ** 2 + 3 * x[1], [2.0, -1.0], lambda x: [2 * x[0], 3.0], 1e-4),
        ("x0·x1·x2", lambda x: x.prod(), [1.0, 2.0, 3.0], lambda x: [6.0, 3.0, 2.0], 1e-4),
        ("x0³", lambda x: x[0] ** 3, [1.0], lambda x: [3.0], 1e-4),
        ("x0³", lambda x: x[0] ** 3, [1.0], lambda x: [3.25], 0.5),  # a coarse step, so its error shows
        (
            "sin(x0) + x1⁴",
            lambda x: x[0].sin() + x[1] ** 4,
            [0.3, 0.7],
            lambda x: [math.cos(0.3), 4 * 0.343],
            None,
        ),
    ]
    for name, f, place, slopes, h in cases:
        x = torch.tensor(place, dtype=torch.float64)
        calls = []

        def watched(x, f=f, calls=calls):
            return f(watch(calls)(x))

        given = (x,) if h is None else (x, h)
        off = [(torch.autograd, "grad"), (torch.Tensor, "backward"), (torch.autograd, "backward")]
        off += [(torch.func, "grad"), (torch.func, "jacrev"), (torch.func, "jacfwd")]
        off += [(torch.autograd.functional, "jacobian")]
        with switched_off(_("autograd"), *off):
            found = call(answer, watched, *given, name="numerical_gradient")
        what = _("the gradient of {name} at {place}", name=name, place=place)
        expected = torch.tensor(slopes(place), dtype=torch.float64)
        h = h or 1e-5
        with torch.no_grad():
            units = h * torch.eye(len(x), dtype=x.dtype)
            forward = torch.stack([(f(x + u) - f(x)) / h for u in units])
            backward = torch.stack([(f(x) - f(x - u)) / h for u in units])
        if isinstance(found, torch.Tensor) and found.shape == expected.shape:
            for one_sided in (forward, backward):
                off_by = (one_sided - expected).abs().max()
                if off_by > 1e-7 and (found.double() - one_sided).abs().max() < 0.1 * off_by:
                    raise NotYet(
                        _("{what} is a one-sided difference; take (f(x + h) - f(x - h)) / (2 h).", what=what)
                    )
        at_x = [same(place, x, rtol=0, atol=1e-9) for place in calls]
        if len(calls) < 2 * len(x) or all(at_x):
            raise NotYet(_("{what}: f was not called at both sides of x for each number.", what=what))
        reach = max((place - x).abs().max().item() for place in calls)
        require(
            0.6 * h < reach < 1.9 * h,
            _("{what}: x was moved by {reach:g}, but the step is h = {h:g}.", what=what, reach=reach, h=h),
        )
        require(
            all(((place - x).abs() > 1e-9).sum() < 2 for place in calls),
            _(
                "{what}: two numbers of x were moved at once. Move one, and put it back before the next.",
                what=what,
            ),
        )
        half = (
            _(
                "It is half of what it should be: one of the two places was x itself. `old = x[i]` is a view that "
                "changes along with x[i]; `old = x[i].item()` is a number."
            )
            if any(at_x)
            else _("It is half of what it should be: divide by 2 h only once.")
        )
        twice = _("The two places are 2 h apart, so divide by 2 h.")
        mistakes = {half: expected / 2, twice: 2 * expected}
        expect(found, expected, what, rtol=0, atol=1e-6, mistakes=mistakes)
    return _("The error of central differences shrinks with h², until the digits run out.")


@exercise("19.2")
def sgd_step(answer):
    layer = nn.Linear(2, 1)
    unused, other = torch.ones(3, requires_grad=True), torch.ones(2, requires_grad=True)
    parameters = [unused, *layer.parameters(), other]
    kinds = [kind for kind in vars(torch.optim).values() if isinstance(kind, type)]
    off = [(kind, "step") for kind in kinds if issubclass(kind, torch.optim.Optimizer)]
    # The functions behind SGD.step, under each name that they have.
    off += pytorchs_own("_fused_sgd")
    behind = vars(sys.modules["torch.optim.sgd"])["sgd"]
    for module in ("sgd", "_functional"):
        module = import_module(f"torch.optim.{module}")
        off += [
            (module, name)
            for name, function in vars(module).items()
            if function is behind or name.endswith("tensor_sgd") or name == "_fused_sgd"
        ]
    for step, lr in ((1, 0.5), (2, 0.25)):
        before, memory = [p.detach().clone() for p in parameters], [p.detach() for p in parameters]
        layer(torch.tensor([[1.0, -step]])).sum().backward()
        gradients = [None if p.grad is None else p.grad.clone() for p in parameters]
        given = list(parameters)
        with switched_off(_("optimizer"), *off):
            found = call(answer, given, lr, name="sgd_step", changes=True)
        require(
            torch.is_grad_enabled(),
            _(
                "sgd_step leaves autograd switched off; `with torch.no_grad():` switches it on again at its end."
            ),
        )
        require(
            list(map(id, given)) == list(map(id, parameters)),
            _("sgd_step changed the list of the parameters; change the tensors in it."),
        )
        require(
            found is None,
            _("sgd_step returned {found}; it should return nothing.", found=describe(found)),
        )
        for p, old, g, place in zip(parameters, before, gradients, memory, strict=True):
            if g is not None and g.any() and torch.equal(p, old):
                require(
                    p.grad is not None and p.grad.any(),
                    _(
                        "a parameter has not changed, and its gradient is cleared. Was it cleared before the step? Or "
                        "is the step `p = p - …`, which does not change `p` in place?"
                    ),
                )
                raise NotYet(
                    _(
                        "a parameter with a gradient has not changed; `p -= …` changes it in place, `p = p - …` does not."
                    )
                )
            expect(
                p.detach(),
                old if g is None else old - lr * g,
                _("a parameter after step {step}", step=step),
                _("It is p - lr * p.grad; a parameter without a gradient stays as it is."),
                mistakes={} if g is None else {_("This goes uphill: take lr * p.grad off."): old + lr * g},
            )
            require(p.requires_grad and p.is_leaf, _("a parameter lost its place as a leaf of the graph."))
            require(
                p.data_ptr() == place.data_ptr(),
                _("a parameter's numbers lie in new memory now; `p -= …` changes them where they are."),
            )
            require(
                p.grad is None or not p.grad.any(),
                _("a gradient is still there after the step; the next backward would add to it."),
            )
    return _("This is what torch.optim.SGD does without momentum.")


@exercise("19.3")
def momentum_descent(answer):
    bowl, other = torch.tensor([1.0, 10.0]), torch.tensor([[2.0, 5.0, 0.5], [1.0, 3.0, 4.0]]).double()
    cases = [(bowl, 0.1, 0.0, 3), (bowl, 0.05, 0.8, 10), (bowl, 0.02, 0.9, 4), (bowl, 0.1, 0.5, 1)]
    cases += [(bowl, 0.1, 0.9, 0), (other, 0.05, 0.8, 6)]
    for scale, lr, momentum, steps in cases:
        calls = []

        def gradient(w, calls=calls, scale=scale):
            calls.append(1)
            return scale * w

        start = (
            torch.tensor([4.0, 1.0]) if scale is bowl else torch.tensor([[-1.0, 2, 3], [1, 0, -2]]).double()
        )
        found = call(answer, gradient, start, lr, momentum, steps, name="momentum_descent")

        def reference(nesterov=False, steps=steps, lr=lr, momentum=momentum, start=start, scale=scale):
            w = start.clone().requires_grad_()
            optimizer = torch.optim.SGD([w], lr=lr, momentum=momentum, nesterov=nesterov)
            for _step in range(steps):
                w.grad = scale * w.detach()
                optimizer.step()
            return w.detach()

        expected = reference()
        mistakes = {}
        if momentum and steps > 1:
            velocity, w = torch.zeros_like(start), start
            for _step in range(steps):
                velocity = momentum * velocity + (1 - momentum) * scale * w
                w = w - lr * velocity
            mistakes = {
                _("PyTorch adds the whole gradient, not (1 - momentum) of it."): w,
                _("This is Nesterov's momentum; here the step is along v itself."): reference(nesterov=True),
            }
        why = (
            _("v = momentum · v + g, then w = w - lr · v.")
            if momentum
            else _("Without momentum it is plain SGD.")
        )
        expect(
            found,
            expected,
            _(
                "w after {steps} steps from {start} with lr {lr}, momentum {momentum}",
                steps=steps,
                start=start.tolist(),
                lr=lr,
                momentum=momentum,
            ),
            why,
            mistakes=mistakes,
        )
        require(
            len(calls) <= steps + 1,  # one more may be for the place where the descent ends
            _(
                "gradient was called {calls} times in {steps} steps; once for each step is enough.",
                calls=len(calls),
                steps=steps,
            ),
        )
    return _("With a steady gradient g, the step becomes lr · g / (1 - momentum): ten times lr · g at 0.9.")


@exercise("19.4")
def warmup_cosine(answer):
    for total, warmup, peak in ((100, 20, 0.4), (40, 0, 1.5), (7, 6, 2.0), (1000, 1, 0.01)):
        late, middle = (warmup + 3 * total) // 4, (warmup + total) // 2  # in the middle two mistakes give 0
        for step in (0, warmup // 4, warmup // 2, warmup, late, middle, total):
            share = (step - warmup) / (total - warmup)
            falling = peak * (1 + math.cos(math.pi * share)) / 2
            expected = peak * step / warmup if step < warmup else falling
            part = (
                _("Step {step} is in the warm-up of {warmup} steps.", step=step, warmup=warmup)
                if step < warmup
                else _(
                    "Step {step} is in the falling part, from step {warmup} to {total}.",
                    step=step,
                    warmup=warmup,
                    total=total,
                )
            )
            mistakes = {}
            if step >= warmup and share < 1:
                mistakes = {
                    _("This falls along a straight line; take half a cosine wave."): peak * (1 - share),
                    _("The cosine wave begins at the end of the warm-up, not at step 0."): peak
                    * (1 + math.cos(math.pi * step / total))
                    / 2
                    if warmup
                    else -1.0,
                    _("The cosine falls from 1 to -1; (1 + cos) / 2 falls from 1 to 0."): peak
                    * math.cos(math.pi * share),
                    _("This is a whole wave; half of one ends at 0."): peak
                    * (1 + math.cos(2 * math.pi * share))
                    / 2,
                }
            where = _(
                "warmup_cosine({step}, {total}, {warmup}, {peak})",
                step=step,
                total=total,
                warmup=warmup,
                peak=peak,
            )
            found = call(answer, step, total, warmup, peak, name="warmup_cosine")
            expect(
                found,
                expected,
                where,
                part,
                mistakes={hint: value for hint, value in mistakes.items() if not same(value, expected)},
            )
            require(
                bool(expected) or abs(float(found)) <= 1e-9 * peak,
                _(
                    "{where} should be 0, not only small: the rate has no minimum here, but yours is {found}.",
                    where=where,
                    found=describe(found),
                ),
            )
    return _(
        "torch.optim.lr_scheduler.LambdaLR turns such a function into a scheduler. It multiplies the optimizer's lr by "
        "the result, so set that lr to 1."
    )


@exercise("19.5", seconds=9)
def fit_line(answer):
    for a, b, noise, n in [(2.0, 1.0, 0.0, 40), (-0.5, 3.0, 0.2, 60), (0.0, 0.0, 0.0, 40)]:
        x = torch.linspace(-1, 2, n)
        y = a * x + b + noise * torch.randn(n)
        centred = x - x.mean()
        slope = ((centred * y).sum() / (centred**2).sum()).item()
        offset = (y.mean() - slope * x.mean()).item()
        backwards = []
        before = torch.autograd.backward  # Tensor.backward calls it, too

        def counted(*args, backwards=backwards, before=before, **kwargs):
            backwards.append(1)
            return before(*args, **kwargs)

        torch.autograd.backward = counted
        try:
            found = call(answer, x, y, name="fit_line")
        finally:
            torch.autograd.backward = before
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            _("fit_line returned {found}; the pair (a, b) is wanted.", found=describe(found)),
        )
        for name, value in zip("ab", found, strict=True):
            if isinstance(value, float) and not math.isfinite(value):
                raise NotYet(
                    _(
                        "{name} became {value}: the steps are too large (try a smaller learning rate), or the loss has "
                        "a root, whose slope at 0 is infinite.",
                        name=name,
                        value=value,
                    )
                )
        mean = y.mean().item()
        plain = [
            value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value
            for value in found
        ]
        mistakes = {}
        if abs(slope) > 0.3:
            mistakes = {
                _("a and b are swapped: a is the slope, b is added."): (offset, slope),
                _(
                    "a is 0 and b the mean of y, as if x did not matter: did a prediction of shape (n, 1) meet a y of "
                    "shape (n,)?"
                ): (0.0, mean),
            }
        for hint, pair in mistakes.items():
            if same(plain, pair, rtol=0, atol=0.02):
                raise NotYet(_("for points near y = {a} x + {b}: {hint}", a=a, b=b, hint=hint))
        for name, value, expected in zip("ab", found, (slope, offset), strict=True):
            where = _("for points near y = {a} x + {b}, {name}", a=a, b=b, name=name)
            expect(value, expected, where, _("More steps, or another learning rate?"), rtol=0, atol=0.01)
        require(
            bool(backwards), _("`backward` was never called: the exercise asks for gradient descent by it.")
        )
        require(
            len(backwards) > 1 or not a,
            _("`backward` was called only once; gradient descent takes many steps."),
        )
    return _("For a line there is a formula; for most networks there is only this loop.")


@exercise("19.6")
def step_in_parts(answer):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    twin = copy.deepcopy(model)
    optimizer, own = (torch.optim.SGD(m.parameters(), lr=0.5) for m in (model, twin))
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.1)
    steps, sizes, pending, modes = [], [], [], []
    optimizer.register_step_post_hook(lambda *_args: steps.append(1))

    def look(_module, inputs, output):
        sizes.append(len(inputs[0]))
        modes.append(_module.training)
        pending.append(0)
        here = len(pending) - 1
        if output.requires_grad:
            output.register_hook(lambda _grad: pending.__setitem__(here, 1))

    model.register_forward_hook(look)
    model.register_forward_pre_hook(lambda *_args: early.append(not all(pending)))
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)  # what an earlier run has left
    settings = [(0.1, [4, 2, 1], nn.CrossEntropyLoss()), (100.0, [1, 5, 3, 2], nn.MultiMarginLoss())]
    for step, (max_norm, counts, loss_fn) in enumerate(settings, start=1):
        x, y = 5 * torch.randn(sum(counts), 3), torch.arange(sum(counts)) * 2 // 3 % 2
        parts = list(zip(x.split(counts), y.split(counts), strict=True))
        early: list[bool] = []
        sizes.clear(), pending.clear()
        before = [weight.detach().clone() for weight in model.parameters()]
        lengths = []
        for some in (parts[-1:], parts, [(x, y)]):  # the last part, each part clipped, the whole batch
            own.zero_grad()
            for rows, classes in some:
                loss = loss_fn(twin(rows), classes) * len(rows) / sum(counts)
                loss.backward()
                length = nn.utils.clip_grad_norm_(twin.parameters(), max_norm).item()
            lengths.append(length)
        last, each, length = lengths
        own.step()
        own.param_groups[0]["lr"] *= 0.1
        unchanged = keep(loss_fn, name="step_in_parts")
        with warnings.catch_warnings():  # PyTorch's own, of a scheduler that steps first
            warnings.simplefilter("ignore")
            found = call(
                answer,
                model,
                parts,
                loss_fn,
                optimizer,
                scheduler,
                max_norm,
                name="step_in_parts",
            )
        unchanged()
        where = _("in step {step}, with max_norm {norm},", step=step, norm=max_norm)
        require(
            all(modes) and all(layer.training for layer in model.modules()),
            _(
                "{where} the model was put into eval mode; a training step leaves it in train mode.",
                where=where,
            ),
        )
        require(
            max(sizes, default=0) <= max(counts),
            _(
                "{where} the model got {rows} rows at once; do not join the parts.",
                where=where,
                rows=max(sizes, default=0),
            ),
        )
        require(
            not any(early),
            _("{where} a part ran before the backward of the part before it.", where=where),
        )
        require(
            len(steps) == step,
            _(
                "{where} the optimizer took {count} steps; one is wanted, when all parts are added up.",
                where=where,
                count=len(steps) - step + 1,
            ),
        )
        expect(
            found,
            length,
            _("{where} the length of the gradient before clipping", where=where),
            _(
                "Each part's mean (by loss_fn) counts by its share of the batch, len(y) / {count}, and older "
                "gradients do not count.",
                count=sum(counts),
            ),
            rtol=1e-3,
            mistakes={
                _("Only the last part counts: clear the gradients once, before the loop."): last,
                _("Clip once, when all parts are added up."): each,
                _(
                    "This is the length after clipping. Call clip_grad_norm_ once, when all parts are added up: it returns the length before."
                ): min(length, max_norm),
                _("This is the loss, not the length of the gradient."): loss.item(),
            },
        )
        moved = [weight.detach() - old for weight, old in zip(model.parameters(), before, strict=True)]
        wanted = [weight.detach() - old for weight, old in zip(twin.parameters(), before, strict=True)]

        def is_times(factor, moved=moved, wanted=wanted):
            return all(same(one, factor * other, rtol=1e-3) for one, other in zip(moved, wanted, strict=True))

        require(
            any(one.any() for one in moved),
            _(
                "{where} optimizer.step() has moved nothing: were the gradients cleared before it?",
                where=where,
            ),
        )
        require(
            not is_times(0.1),
            _(
                "{where} the step is a tenth as long as it should be: the scheduler comes after the optimizer.",
                where=where,
            ),
        )
        require(
            not is_times(max(1, length / max_norm)) or length <= max_norm,
            _("{where} the gradient was not clipped before the step.", where=where),
        )
        for (name, weight), right in zip(model.named_parameters(), twin.parameters(), strict=True):
            expect(
                weight.detach(),
                right.detach(),
                _("{where} {name} after the step", where=where, name=name),
                _(
                    "Shorten a gradient that is longer than max_norm, of all weights together; leave a shorter one as it is."
                ),
            )
        require(
            scheduler.last_epoch == step,
            _(
                "{where} the scheduler took {count} steps; one scheduler.step() is wanted.",
                where=where,
                count=scheduler.last_epoch - step + 1,
            ),
        )
    return _("Many training recipes for large models have these six lines.")
