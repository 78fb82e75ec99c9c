"""Checkers of chapter 8, nn.Module."""

import torch
from torch import Tensor, nn

from . import NotYet, call, describe, exercise, expect, require


class WithBuffer(nn.Module):
    """A layer with 10 parameters and a buffer of 7 numbers beside it."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)
        self.register_buffer("table", torch.zeros(7))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


@exercise("8.1")
def count_parameters(answer):
    half_frozen = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.Tanh(), nn.Linear(3, 2)))
    half_frozen[0].requires_grad_(False)
    shared = nn.Linear(5, 5)
    cases = [
        (nn.Linear(4, 3), (15, 15), "Linear(4, 3)", "There are 4 · 3 weights and 3 biases."),
        (
            half_frozen,
            (23, 8),
            "a network whose first layer is frozen",
            "Trained is what has requires_grad.",
        ),
        (
            nn.Sequential(shared, nn.Tanh(), shared),
            (30, 30),
            "a Sequential that holds Linear(5, 5) twice",
            "It is one layer, used twice.",
        ),
        (WithBuffer(), (10, 10), "a module with 10 parameters and a buffer", "A buffer is no parameter."),
        (nn.Tanh(), (0, 0), "Tanh()", "It has none."),
    ]
    for network, expected, name, why in cases:
        found = call(answer, network, name="count_parameters")
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            f"for {name}, count_parameters returned {describe(found)}; a pair (all, trainable) is wanted.",
        )
        tensors = len(list(network.parameters()))
        if tensors and found[0] == tensors:
            why = f"You counted the tensors; p.numel() tells how many numbers each holds. {why}"
        expect(found[0], expected[0], f"for {name}, the first number, all parameters,", why)
        expect(found[1], expected[1], f"for {name}, the second number, those that are trained,", why)
    return "Print it for every network you write: a layer that was not registered is missing in the count."


@exercise("8.2")
def polynomial(answer):
    for degree in (2, 0, 4):
        module = call(answer, degree, name="Polynomial")
        where = f"Polynomial({degree})"
        require(
            isinstance(module, nn.Module), f"{where} returned {describe(module)}; an nn.Module is wanted."
        )
        names = [name for name, _ in module.named_parameters()]
        require(
            names == ["coefficients"],
            f"{where} lists the parameters {names}, but should list ['coefficients']: only an nn.Parameter that is "
            "assigned to self is registered.",
        )
        why = f"A polynomial of degree {degree} has {degree + 1} coefficients, and they start from zeros."
        expect(
            module.coefficients.detach(),
            torch.zeros(degree + 1),
            f"the parameter coefficients of {where}",
            why,
        )
        numbers = torch.arange(1.0, degree + 2)
        with torch.no_grad():
            module.coefficients.copy_(numbers)
        for x in (torch.tensor([0.0, 1, 2]), torch.tensor([[-1.0, 3], [2, 10]])):
            expected = sum(c * x**k for k, c in enumerate(numbers)) + torch.zeros_like(x)
            out = call(module, x, name=where)
            require(
                not isinstance(out, Tensor) or out.requires_grad,
                f"{where}(x) does not depend on the parameter as PyTorch sees it: use it itself, not its numbers.",
            )
            why = ""
            if isinstance(out, Tensor) and out.shape != expected.shape:
                why = "One number comes out for each number of x, even if c_0 is all there is."
            elif isinstance(out, Tensor):
                turned = sum(c * x**k for k, c in enumerate(numbers.flip(0))) + torch.zeros_like(x)
                last = numbers[-1] * x**degree
                if torch.allclose(out.float(), turned) or torch.allclose(out.float(), x * expected):
                    why = "The first coefficient belongs to x to the power 0."
                elif torch.allclose(out.float(), expected - last):
                    why = f"The last term, with x to the power {degree}, is missing."
            expect(out, expected, f"with coefficients {numbers.tolist()}, {where}({x.tolist()})", why)
    return (
        "Anything you can compute with tensors can be a module; PyTorch will find its gradient (chapter 19)."
    )


class Branch(nn.Module):
    """Two layers in parallel, the second one running first."""

    def __init__(self):
        super().__init__()
        self.late, self.early = nn.Linear(4, 3), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        early = self.early(x)
        return torch.cat([self.late(x), early], dim=1)


@exercise("8.3")
def output_shapes(answer):
    flat = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    nested = nn.Sequential(nn.Linear(3, 4), nn.Sequential(Branch(), nn.Tanh()))
    cases = [
        (flat, {"0": (2, 4), "1": (2, 4)}, "a Sequential of Linear and Tanh"),
        (
            nested,
            {"0": (2, 4), "1.0.early": (2, 2), "1.0.late": (2, 3), "1.1": (2, 5)},
            "a nested network",
        ),
    ]
    for network, expected, name in cases:
        try:
            found = call(answer, network, torch.rand(2, 3), name="output_shapes")
        except NotYet as hint:
            if "mat1 and mat2" in str(hint):
                raise NotYet(
                    f"{hint} Only forward knows which module gets what: call network(x), and let hooks watch."
                ) from None
            raise
        left = sum(len(module._forward_hooks) for module in network.modules())
        require(isinstance(found, dict), f"output_shapes returned {describe(found)}; a dict is wanted.")
        containers = [key for key in found if key in ("", "1", "1.0") and key not in expected]
        require(
            not containers,
            f"for {name}, output_shapes lists {containers}, which has children; list only modules without.",
        )
        missing = [key for key in expected if key not in found]
        require(
            found or not missing,
            f"for {name}, output_shapes is empty. children() is a generator, which always counts as true: make a list "
            "of it before you ask whether there are any.",
        )
        require(
            not missing,
            f"for {name}, output_shapes misses {missing} and lists {list(map(str, found))}; named_modules() goes "
            "through all levels, and each hook needs its own name.",
        )
        found = {key: tuple(v) if isinstance(v, torch.Size) else v for key, v in found.items()}
        entered = found.get("0") == (2, 3)
        expect(found, expected, f"for {name}, output_shapes", "You noted what came in." if entered else "")
        expect(
            list(found),
            list(expected),
            f"for {name}, the order of the names",
            "Modules are listed as they run.",
        )
        require(
            left == 0,
            f"{left} hooks were left in {name}; call remove() on each handle, or they run in every later call.",
        )
    return (
        "This works where every layer returns a tensor, also for a network whose forward you have never seen."
    )


@exercise("8.4")
def centre(answer):
    module = call(answer, 3, name="Centre")
    require(isinstance(module, nn.Module), f"Centre(3) returned {describe(module)}; an nn.Module is wanted.")
    names = [name for name, _ in module.named_parameters()]
    require(
        not names, f"Centre(3) has the parameters {names}; what is not learned is a buffer, no parameter."
    )
    require(
        list(module.state_dict()) == ["mean"],
        f"the state_dict of Centre(3) holds {list(module.state_dict())}, but should hold ['mean']: register_buffer "
        "puts it there, unless it is told persistent=False.",
    )
    expect(module.mean, torch.zeros(3), "the mean of a new Centre(3)")
    mean = torch.zeros(3)
    for _ in range(2):
        x = torch.randint(-5, 6, (4, 3)).float() + torch.tensor([10.0, 0, -10])
        old, mean = mean, 0.9 * mean + 0.1 * x.mean(dim=0)
        out = call(module, x, name="Centre(3)")
        why = "It is x less the mean of each column of x."
        if isinstance(out, Tensor) and any(torch.equal(out, x - other) for other in (old, mean)):
            why += " You subtracted the remembered mean."
        expect(out, x - x.mean(dim=0), "in training, the output", why)
        expect(
            module.mean.detach(),
            mean,
            "after a batch in training, mean",
            "It is 0.9 · the old mean + 0.1 · the batch's.",
        )
    module.eval()
    x = torch.tensor([[1.0, 2, 3]])
    out = call(module, x, name="Centre(3)")
    expect(
        module.mean.detach(),
        mean,
        "after a batch in evaluation, mean",
        "It should not have changed. The flag is self.training; self.train is a method.",
    )
    expect(out, x - mean, "in evaluation, the output", "It is x less the remembered mean.")
    expect(
        module.double().mean.dtype,
        torch.float64,
        "after double(), the dtype of mean",
        "A buffer moves with its module.",
    )
    return "Batch normalisation (chapter 12) does this, with the spread as well as the mean."


@exercise("8.5")
def network(answer):
    sizes = [200, 300, 100, 2]
    module = call(answer, sizes, name="Network")
    where = "Network([200, 300, 100, 2])"
    require(isinstance(module, nn.Module), f"{where} returned {describe(module)}; an nn.Module is wanted.")
    layers = getattr(module, "layers", None)
    require(
        isinstance(layers, nn.ModuleList),
        f"the attribute layers of {where} is {describe(layers)}; an nn.ModuleList is wanted, since a plain list hides "
        "its layers from parameters().",
    )
    kinds = [type(layer).__name__ for layer in layers]
    expect(kinds, ["Linear"] * 3, f"the list of layers of {where}", "Four sizes make three steps.")
    expected = [tuple(shape) for a, b in zip(sizes, sizes[1:], strict=False) for shape in ((b, a), (b,))]
    expect(
        [tuple(p.shape) for p in module.parameters()], expected, f"the shapes of the parameters of {where}"
    )
    for i, layer in enumerate(layers):
        std, wanted = layer.weight.std().item(), layer.in_features**-0.5
        require(
            abs(std / wanted - 1) < 0.2,
            f"the weights of layer {i} of {where} have a standard deviation of {std:.4f}; 1/√{layer.in_features} is "
            f"{wanted:.4f}.",
        )
        require(
            not layer.bias.any(),
            f"the biases of layer {i} of {where} are not zero; nn.init.zeros_ sets them.",
        )
    outside = (layers[0].weight.abs() > 2 * 200**-0.5).float().mean().item()
    require(
        0.02 < outside < 0.08,
        f"of the weights of layer 0 of {where}, {outside:.1%} lie more than two standard deviations from 0; a normal "
        "distribution has 4.6% there.",
    )
    x = 3 * torch.randn(4, 200)
    hidden = x
    for layer in layers[:-1]:
        hidden = torch.tanh(layer(hidden))
    with torch.no_grad():
        layers[-1].weight.mul_(10)  # so that a tanh after it would show
    out = call(module, x, name=where)
    right = layers[-1](hidden)
    require(
        not isinstance(out, Tensor) or out.shape != right.shape or not torch.allclose(out, right.tanh()),
        f"{where} applies tanh after the last layer too; its output never exceeds 1.",
    )
    why = "The layers come one after the other, tanh after each but the last."
    straight, early = x, x
    for layer in layers:
        straight, early = layer(straight), layer(torch.tanh(early))
    if isinstance(out, Tensor) and out.shape == right.shape:
        if torch.allclose(out, straight, rtol=1e-3, atol=1e-3):
            why += " You left tanh out."
        if torch.allclose(out, early, rtol=1e-3, atol=1e-3):
            why += " You put it before each layer."
    expect(out, right, f"the output of {where}", why)
    single = call(answer, [2, 1], name="Network")
    x = torch.tensor([[20.0, 10]])
    expect(
        call(single, x, name="Network([2, 1])"),
        single.layers[0](x),
        "the output of Network([2, 1])",
        "Its only layer is its last one.",
    )
    return "With s = 1/√in the layers keep the spread; each tanh takes a part of it, and twenty leave about a sixth."
