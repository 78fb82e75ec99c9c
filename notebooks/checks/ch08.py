"""Checkers of chapter 8, nn.Module."""

import copy

import torch
from torch import Tensor, nn

from . import NotYet, _, call, describe, exercise, expect, keep, require
from .texts import Text


class WithBuffer(nn.Module):
    """A layer with 10 parameters and a buffer of 7 numbers beside it."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)
        self.register_buffer("table", torch.zeros(7))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def module_of(answer, *args, name: Text) -> nn.Module:
    """The module that the answer makes of the arguments."""
    module = call(answer, *args, name=str(name).partition("(")[0])
    require(
        isinstance(module, nn.Module),
        _("{name} returned {found}; an nn.Module is wanted.", name=name, found=describe(module)),
    )
    return module


def gradients(module: nn.Module, x: Tensor, what: Text) -> tuple[Tensor, list[Tensor]]:
    """The module's result for x, and the gradients of a weighted sum of it by x and by each parameter."""
    x = x.clone().requires_grad_()
    out = call(module, x, name=what)
    require(
        isinstance(out, Tensor), _("{what} gave {found}; a tensor is wanted.", what=what, found=describe(out))
    )
    require(
        out.requires_grad,
        _(
            "{what} does not depend on x and the parameters as PyTorch sees it: use the tensors themselves, not their "
            "numbers (`.item()`, `.tolist()`, `.detach()`, `.data`), and compute outside of torch.no_grad().",
            what=what,
        ),
    )
    leaves = [x, *module.parameters()]
    weights = torch.arange(1.0, out.numel() + 1).reshape(out.shape)
    found = torch.autograd.grad((out * weights.to(out)).sum(), leaves, allow_unused=True)
    return out.detach(), [torch.zeros_like(a) if g is None else g for a, g in zip(leaves, found, strict=True)]


@exercise("8.1")
def count_parameters(answer):
    half_frozen = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Tanh(), nn.Linear(3, 2)))
    half_frozen[0].requires_grad_(False)
    shared = nn.Linear(5, 5)
    tied = nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6))
    tied[2].weight = tied[0].weight
    frozen_once = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6))
    frozen_once[1].weight = frozen_once[0].weight.requires_grad_(False)
    others = nn.Sequential(nn.Conv2d(2, 3, 3, bias=False), nn.LayerNorm(4), nn.PReLU())
    others.scale = nn.Parameter(torch.ones(2, 5), requires_grad=False)
    bias_only = nn.Linear(4, 3)
    bias_only.weight.requires_grad_(False)
    once = _("A parameter that is used twice counts once.")
    for network, expected, name, why in [
        (nn.Linear(4, 3), (15, 15), _("Linear(4, 3)"), _("There are 4 · 3 weights and 3 biases.")),
        (
            half_frozen,
            (23, 8),
            _("a network whose first layer is frozen"),
            _("A parameter is trained if it has requires_grad."),
        ),
        (
            nn.Sequential(shared, nn.Tanh(), shared),
            (30, 30),
            _("a Sequential with the same Linear(5, 5) twice"),
            once,
        ),
        (tied, (48, 48), _("two Linear(6, 6) that share one weight"), once),
        (
            WithBuffer(),
            (10, 10),
            _("a module with 10 parameters and a buffer"),
            _("A buffer is not a parameter."),
        ),
        (
            others,
            (73, 63),
            _("a Conv2d, a LayerNorm, a PReLU and a frozen parameter of the network's own"),
            _("Not only Linear layers have parameters; parameters() lists all."),
        ),
        (
            bias_only,
            (15, 3),
            _("Linear(4, 3) with a frozen weight"),
            _("Ask each parameter: its bias is trained, its weight is not."),
        ),
        (frozen_once, (48, 12), _("two Linear(6, 6) that share one frozen weight"), once),
        (
            nn.Sequential(nn.LayerNorm(4), nn.LayerNorm(4)),
            (16, 16),
            _("two LayerNorm(4)"),
            _("Equal numbers are not the same parameter."),
        ),
        (nn.Tanh(), (0, 0), _("Tanh()"), _("It has no parameters.")),
    ]:
        unchanged = keep(network, name="count_parameters")
        found = call(answer, network, name="count_parameters")
        unchanged()
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            _(
                "for {name}, count_parameters returned {found}; a pair (all, trainable) is wanted.",
                name=name,
                found=describe(found),
            ),
        )
        tensors = _("You counted the tensors; p.numel() tells how many numbers each holds.")
        known = {tensors: len(list(network.parameters()))}
        expect(
            found[0],
            expected[0],
            _("for {name}, the first number, all parameters,", name=name),
            why,
            mistakes=known,
        )
        expect(
            found[1], expected[1], _("for {name}, the second number, those that are trained,", name=name), why
        )
    return _("Print it for every network you write: a layer that was not registered is missing in the count.")


@exercise("8.2")
def polynomial(answer):
    for degree in (2, 0, 4):
        where = _("Polynomial({degree})", degree=degree)
        module = module_of(answer, degree, name=where)
        names = [name for name, _parameter in module.named_parameters()]
        require(
            not any(name.startswith("coefficients.") for name in names),
            _(
                "{where} lists the parameters {names}; one parameter `coefficients` is wanted, a single nn.Parameter "
                "that holds all of them.",
                where=where,
                names=names,
            ),
        )
        require(
            names == ["coefficients"],
            _(
                "{where} lists the parameters {names}, but should list ['coefficients']: only an nn.Parameter that is "
                "assigned to self is registered.",
                where=where,
                names=names,
            ),
        )
        expect(
            module.coefficients.detach(),
            torch.zeros(degree + 1),
            _("the parameter coefficients of {where}", where=where),
            _(
                "A polynomial of degree {degree} has {count} coefficients, and they start from zeros.",
                degree=degree,
                count=degree + 1,
            ),
        )
        require(
            module.coefficients.requires_grad,
            _("the coefficients of {where} are frozen; they should have requires_grad.", where=where),
        )
        numbers = torch.arange(1.0, degree + 2)
        numbers[1::2] *= -1
        with torch.no_grad():
            module.coefficients.copy_(numbers)
        powers = torch.arange(degree + 1)

        def value(x: Tensor, c: Tensor, powers: Tensor = powers) -> Tensor:
            return (c * x[..., None] ** powers).sum(dim=-1)

        for x in (
            torch.tensor([0.0, 1, 2]),
            torch.tensor([[-1.0, 3], [2, 0.5], [1, -2]]).T,  # view() cannot flatten it
            torch.tensor(-2.0),
            torch.tensor([[[1.0], [-3]]]),
        ):
            out = _(
                "with coefficients {numbers}, {where}({x})",
                numbers=numbers.tolist(),
                where=where,
                x=x.tolist(),
            )
            found, (by_x, by_c) = gradients(module, x, where)
            leaf, c = x.clone().requires_grad_(), numbers.clone().requires_grad_()
            right = value(leaf, c)
            weights = torch.arange(1.0, right.numel() + 1).reshape(right.shape)
            slopes = torch.autograd.grad((right * weights).sum(), [leaf, c])
            expect(
                found,
                right.detach(),
                out,
                _("One number comes out for each number of x, even if c_0 is all there is."),
                mistakes={
                    _("The first coefficient belongs to x to the power 0."): value(x, numbers.flip(0)),
                    _(
                        "The powers start from 0, not from 1: the first coefficient belongs to x to the power 0."
                    ): x * right.detach(),
                    _(
                        "The last term, with x to the power {degree}, is missing.", degree=degree
                    ): right.detach() - numbers[-1] * x**degree,
                },
            )
            expect(
                by_c,
                slopes[1],
                _(
                    "with coefficients {numbers}, the gradient of {where}({x}) by the coefficients",
                    numbers=numbers.tolist(),
                    where=where,
                    x=x.tolist(),
                ),
                _("Use the parameter itself, not its numbers (`.tolist()`, `.item()`, `.data`)."),
            )
            expect(
                by_x,
                slopes[0],
                _(
                    "with coefficients {numbers}, the gradient of {where}({x}) by x",
                    numbers=numbers.tolist(),
                    where=where,
                    x=x.tolist(),
                ),
            )
        module.double()
        numbers, x = numbers.double() + 1, torch.tensor([2.0]).double()
        with torch.no_grad():
            module.coefficients.copy_(numbers)
        expect(
            call(module, x, name=where),
            value(x, numbers),
            _("after double() and with other coefficients, {where}({x})", where=where, x=x.tolist()),
            _(
                "Use self.coefficients itself in forward: what was taken from it in __init__ stays behind when the "
                "module moves."
            ),
        )
    return _(
        "Anything you can compute with tensors can be a module; PyTorch will find its gradient (chapter 19)."
    )


class Branch(nn.Module):
    """Two layers in parallel, the second one running first; counts how often it runs."""

    def __init__(self):
        super().__init__()
        self.late, self.early, self.runs = nn.Linear(4, 3), nn.Linear(4, 2), []

    def forward(self, x: Tensor) -> Tensor:
        early = self.early(x)
        self.runs.append(True)
        return torch.cat([self.late(x), early], dim=1)


def hooks_in(network: nn.Module) -> int:
    """How many hooks would run in a call of the network, those that hold for all modules included."""
    everywhere = nn.modules.module
    return (
        sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules())
        + len(everywhere._global_forward_hooks)
        + len(everywhere._global_forward_pre_hooks)
    )


class Doubled(nn.Module):
    """A layer without children that PyTorch does not have."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


@exercise("8.3")
def output_shapes(answer):
    flat = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    nested = nn.Sequential(nn.Linear(3, 4), nn.Sequential(Branch(), Doubled(), nn.Tanh()))
    seen: list[str] = []
    own = nested[0].register_forward_hook(lambda *_args: seen.append("0"))  # the caller's own hook
    deep = {"0": (5, 4), "1.0.early": (5, 2), "1.0.late": (5, 3), "1.1": (5, 5), "1.2": (5, 5)}
    eleven = nn.Sequential(nn.Unflatten(1, (3, 1)), nn.Linear(1, 2), *(nn.Tanh() for _number in range(9)))
    steps = {"0": (5, 3, 1), **{str(k): (5, 3, 2) for k in range(1, 11)}}
    for network, rows, expected, name in [
        (flat, 2, {"0": (2, 4), "1": (2, 4)}, _("a Sequential of Linear and Tanh")),
        (nested, 5, deep, _("a nested network")),
        (eleven, 5, steps, _("a Sequential of eleven layers")),
        (nn.Sequential(nn.Tanh()), 3, {"0": (3, 3)}, _("a Sequential of a single Tanh")),
        (nn.Tanh(), 3, {"": (3, 3)}, _("a single Tanh, whose name is ''")),
    ]:
        before, unchanged = hooks_in(network), keep(network, name="output_shapes")
        try:
            found = call(answer, network, torch.rand(rows, 3), name="output_shapes")
        except NotYet as hint:
            if "mat1 and mat2" in str(hint):
                raise NotYet(
                    _(
                        "{hint} Only forward knows which module gets what: call network(x), and let hooks watch.",
                        hint=hint.hint,
                    )
                ) from None
            raise
        require(
            isinstance(found, dict),
            _("output_shapes returned {found}; a dict is wanted.", found=describe(found)),
        )
        containers = [key for key in found if key in ("", "1", "1.0") and key not in expected]
        require(
            not containers,
            _(
                "for {name}, output_shapes lists {containers}, which has children; list only modules without.",
                name=name,
                containers=containers,
            ),
        )
        missing = [key for key in expected if key not in found]
        require(
            missing != [""],
            _(
                "for {name}, output_shapes misses ''. The network itself has no children here, so list it too, and "
                "call network(x): network.forward(x) skips its hooks.",
                name=name,
            ),
        )
        require(
            bool(found) or not missing,
            _(
                "for {name}, output_shapes is empty. children() is a generator, which always counts as true: make a "
                "list of it before you ask whether there are any.",
                name=name,
            ),
        )
        require(
            missing != ["1.1"],
            _(
                "for {name}, output_shapes misses '1.1', a module of a class that PyTorch does not have. Ask whether a "
                "module has children, not of which class it is.",
                name=name,
            ),
        )
        require(
            not missing,
            _(
                "for {name}, output_shapes misses {missing} and lists {found}; named_modules() goes through all "
                "levels, and each hook needs its own name.",
                name=name,
                missing=missing,
                found=list(map(str, found)),
            ),
        )
        found = {key: tuple(v) if isinstance(v, torch.Size) else v for key, v in found.items()}
        came_in = {**expected, "0": (rows, 3)}
        expect(
            found,
            expected,
            _("for {name}, output_shapes", name=name),
            _("You noted what came in.") if found.get("0") == came_in["0"] else "",
            same_type=True,
        )
        expect(
            list(found),
            list(expected),
            _("for {name}, the order of the names", name=name),
            _("Modules are listed as they run."),
        )
        after = hooks_in(network)
        require(
            after <= before,
            _(
                "{left} hooks were left in {name}; call remove() on each handle, or they run in every later call.",
                left=after - before,
                name=name,
            ),
        )
        require(
            after == before,
            _("a hook that was in {name} before is gone; remove your own, by their handles.", name=name),
        )
        unchanged()
    own.remove()
    runs = len(nested[1][0].runs)
    require(
        runs == 1, _("output_shapes ran the network {runs} times: run it once, and no copy of it.", runs=runs)
    )
    return _(
        "This works where every layer returns a tensor, also for a network whose forward you have never seen."
    )


@exercise("8.4")
def centre(answer):
    where = _("Centre(3)")
    module = module_of(answer, 3, name=where)
    names = [name for name, _parameter in module.named_parameters()]
    require(
        not names,
        _(
            "Centre(3) has the parameters {names}; what is not learnt is a buffer, not a parameter.",
            names=names,
        ),
    )
    require(
        list(module.state_dict()) == ["mean"],
        _(
            "the state_dict of Centre(3) holds {found}, but should hold ['mean']: register_buffer puts it there, "
            "unless it is told persistent=False.",
            found=list(module.state_dict()),
        ),
    )
    expect(module.mean, torch.zeros(3), _("the mean of a new Centre(3)"))
    mean = torch.zeros(3)
    for rows in (4, 1, 5):
        x = torch.randint(-5, 6, (rows, 3)).float() + torch.tensor([10.0, 0, -10])
        own = x.mean(dim=0)
        old, mean = mean, 0.9 * mean + 0.1 * own
        try:
            out, (by_x,) = gradients(module, x, where)
        except NotYet:
            raise
        except RuntimeError:
            raise NotYet(
                _(
                    "the gradient of the second batch's output could not be computed: `mean` is still connected to the first "
                    "batch. Take what is remembered out of the computation by `.detach()`."
                )
            ) from None
        remembered = _(
            "You subtracted the remembered mean; in training it is x minus the mean of each column of x."
        )
        expect(
            out,
            x - own,
            _("in training, the output for a batch of {rows}", rows=rows),
            _("It is x minus the mean of each column of x."),
            mistakes={remembered: x - mean, _("You subtracted the old remembered mean."): x - old},
        )
        expect(
            module.mean.detach(),
            mean,
            _("after a batch in training, mean"),
            _("It is 0.9 · the old mean + 0.1 · the batch's."),
        )
        require(
            not module.mean.requires_grad,
            _(
                "after a batch in training, `mean` is still connected to the computation of the batch; "
                "take what is remembered out of the computation by `.detach()`."
            ),
        )
        weights = torch.arange(1.0, x.numel() + 1).reshape(x.shape)
        expect(
            by_x,
            weights - weights.mean(dim=0),
            _("in training, the gradient of the output by x"),
            _("Only what is remembered is detached; the mean that is subtracted belongs to the computation."),
        )
    module.eval()
    for rows in (1, 4):
        x = torch.randn(rows, 3)
        out, (by_x,) = gradients(module, x, where)
        expect(
            module.mean.detach(),
            mean,
            _("after a batch in evaluation, mean"),
            _("It should not have changed. The flag is self.training; self.train is a method."),
        )
        expect(out, x - mean, _("in evaluation, the output"), _("It is x minus the remembered mean."))
    module.train()
    x = torch.randn(4, 3)
    mean = 0.9 * mean + 0.1 * x.mean(dim=0)
    call(module, x, name="Centre(3)")
    expect(
        module.mean,
        mean,
        _("in training again after an evaluation, mean"),
        _("It is 0.9 · the old mean + 0.1 · the batch's."),
    )
    fresh = module_of(answer, 3, name=where)
    fresh.load_state_dict(copy.deepcopy(module.state_dict()))
    expect(
        call(fresh.eval(), x, name="Centre(3)"), x - mean, _("with a loaded mean, in evaluation, the output")
    )
    expect(
        module.double().mean.dtype,
        torch.float64,
        _("after double(), the dtype of mean"),
        _("A buffer moves with its module."),
    )
    x, mean = x.double(), torch.tensor([1.0, -2, 3]).double()
    module.load_state_dict({"mean": mean.clone()})
    expect(
        call(module.eval(), x, name="Centre(3)"),
        x - mean,
        _("after double() and with a loaded mean, in evaluation, the output"),
        _("Use self.mean itself: a second name for its tensor stays behind when the module moves."),
    )
    call(module.train(), x, name="Centre(3)")
    expect(
        module.mean,
        0.9 * mean + 0.1 * x.mean(dim=0),
        _("after double() and a batch in training, mean"),
        _("Compute it from the tensors; a new tensor made of numbers has the default dtype and device."),
    )
    try:
        call(module.to("meta"), x.to("meta"), name=_("on the device meta, {where}", where=where))
    except NotYet as hint:
        raise NotYet(
            _(
                "{hint} A module should work on any device; meta stands for a GPU here. Compute `mean` from tensors, "
                "without `.cpu()` and NumPy.",
                hint=hint.hint,
            )
        ) from None
    for features in (5, 1):
        where = _("Centre({features})", features=features)
        module = module_of(answer, features, name=where)
        expect(module.mean, torch.zeros(features), _("the mean of a new {where}", where=where))
        x = torch.rand(4, features)
        call(module, x, name=where)
        expect(
            module.mean, 0.1 * x.mean(dim=0), _("after a batch in training, the mean of {where}", where=where)
        )
    return _("Batch normalisation (chapter 12) does this, with the spread as well as the mean.")


@exercise("8.5")
def network(answer):
    sizes = [200, 300, 100, 30]
    where = _("Network([200, 300, 100, 30])")
    module = module_of(answer, sizes, name=where)
    layers = getattr(module, "layers", None)
    hidden = isinstance(layers, list | tuple)
    require(
        isinstance(layers, nn.ModuleList),
        _(
            "the attribute layers of {where} is {found}; an nn.ModuleList is wanted. {why}",
            where=where,
            found=_("a plain {kind}", kind=type(layers).__name__) if hidden else describe(type(layers)),
            why=_("A plain list hides its layers from parameters().") if hidden else "",
        ),
    )
    expect(
        [type(layer).__name__ for layer in layers],
        ["Linear"] * 3,
        _("the list of layers of {where}", where=where),
        _("Four sizes make three steps, one Linear for each."),
    )
    shapes = [tuple(shape) for a, b in zip(sizes, sizes[1:], strict=False) for shape in ((b, a), (b,))]
    expect(
        [tuple(p.shape) for p in module.parameters()],
        shapes,
        _("the list of shapes of the parameters of {where}", where=where),
    )
    for i, layer in enumerate(layers):
        # between the units, for which a row drawn once and used for all of them has 0
        std, wanted = layer.weight.var(dim=0).mean().sqrt().item(), layer.in_features**-0.5
        require(
            abs(std / wanted - 1) < 0.1,
            _(
                "the weights of layer {i} of {where} have a standard deviation of {std:.4f}; 1/√{ins} is {wanted:.4f}.",
                i=i,
                where=where,
                std=std,
                ins=layer.in_features,
                wanted=wanted,
            ),
        )
        require(
            not layer.bias.any(),
            _(
                "the biases of layer {i} of {where} are not zero; nn.init.zeros_ sets them.",
                i=i,
                where=where,
            ),
        )
        outside = (layer.weight.abs() > 2 * layer.in_features**-0.5).float().mean().item()
        require(
            0.02 < outside < 0.08,
            _(
                "of the weights of layer {i} of {where}, {share:.1%} lie more than two standard deviations from 0; a "
                "normal distribution has 4.6% there.",
                i=i,
                where=where,
                share=outside,
            ),
        )
    require(
        all(p.requires_grad for p in module.parameters()),
        _("{where} has frozen parameters; all of them should have requires_grad.", where=where),
    )
    again = module_of(answer, sizes, name=where)
    require(
        not torch.equal(again.layers[0].weight, layers[0].weight),
        _(
            "two networks made one after the other start from the same weights; do not set a seed in the class."
        ),
    )
    with torch.no_grad():
        layers[-1].weight.mul_(10)  # so that a tanh after it would show
        for layer in layers:
            layer.bias.normal_()

    def straight(x: Tensor) -> Tensor:
        for layer in layers:
            x = layer(x)
        return x

    def early(x: Tensor) -> Tensor:
        for layer in layers:
            x = layer(torch.tanh(x))
        return x

    x = 3 * torch.randn(4, 200)
    right = layers[2](torch.tanh(layers[1](torch.tanh(layers[0](x)))))
    slopes = torch.autograd.grad(
        (right * torch.arange(1.0, 121).reshape(4, 30)).sum(), list(module.parameters())
    )
    out, (_by_x, *found) = gradients(module, x, where)
    expect(
        out,
        right.detach(),
        _("the output of {where}", where=where),
        _("The layers come one after the other, tanh after each but the last."),
        mistakes={
            _("You applied tanh after the last layer too, so that the output never exceeds 1."): right.tanh(),
            _("You left tanh out."): straight(x),
            _("You put tanh before each layer instead of after it."): early(x),
        },
    )
    for i, (slope, wanted) in enumerate(zip(found, slopes, strict=True)):
        expect(
            slope,
            wanted,
            _("the gradient by parameter {i} of {where}", i=i, where=where),
            rtol=1e-3,
            atol=1e-3,
        )
    single = module_of(answer, [2, 1], name=_("Network([2, 1])"))
    x = torch.tensor([[20.0, 10]])
    expect(
        call(single, x, name="Network([2, 1])"),
        single.layers[0](x),
        _("the output of Network([2, 1])"),
        _("Its only layer is its last one."),
    )
    where = _("Network([3, 2, 5, 5, 5, 2])")
    deep = module_of(answer, [3, 2, 5, 5, 5, 2], name=where)
    require(
        len({id(layer) for layer in deep.layers}) == 5,
        _("{where} uses a layer more than once; each step has a Linear of its own.", where=where),
    )
    for shape, why in [
        ((4, 3), _("Only the last layer has no tanh after it, whatever the sizes are.")),
        ((4, 5, 3), _("Any number of axes may stand in front, as in nn.Linear.")),
    ]:
        x = right = 3 * torch.randn(shape)
        for layer in deep.layers[:-1]:
            right = torch.tanh(layer(right))
        expect(
            call(deep, x, name=where), deep.layers[-1](right), _("the output of {where}", where=where), why
        )
    return _(
        "With s = 1/√in the layers keep the spread; each tanh takes a part of it, and twenty leave about a sixth."
    )
