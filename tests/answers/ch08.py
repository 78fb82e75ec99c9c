"""Answers to the exercises of chapter 8."""

import copy
import itertools

import torch
from torch import nn

from answers import Right, Wrong


def both(count):
    return lambda network: (count(network), count(network))


def from_state_dict(network):
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return sum(t.numel() for t in network.state_dict().values()), trainable


def with_buffers(network):
    total, trainable = (
        sum(p.numel() for p in network.parameters()),
        sum(p.numel() for p in network.parameters() if p.requires_grad),
    )
    return total + sum(t.numel() for t in network.buffers()), trainable


class PlainTensor(nn.Module):
    def __init__(self, degree):
        super().__init__()
        self.coefficients = torch.zeros(degree + 1, requires_grad=True)

    def forward(self, x):
        return sum(c * x**k for k, c in enumerate(self.coefficients))


class OneTooFew(nn.Module):
    def __init__(self, degree, extra=0):
        super().__init__()
        self.coefficients = nn.Parameter(torch.zeros(degree + extra))

    def forward(self, x):
        return sum(c * x**k for k, c in enumerate(self.coefficients))


class HighestFirst(OneTooFew):
    def __init__(self, degree):
        super().__init__(degree, extra=1)

    def forward(self, x):
        return sum(c * x**k for k, c in enumerate(reversed(self.coefficients)))


class NumbersOnly(HighestFirst):
    def forward(self, x):
        return sum(c * x**k for k, c in enumerate(self.coefficients.tolist()))


class StartsFromTheFirst(OneTooFew):
    def __init__(self, degree):
        super().__init__(degree, extra=1)

    def forward(self, x):
        out = self.coefficients[0]
        for k in range(1, len(self.coefficients)):
            out = out + self.coefficients[k] * x**k
        return out


class PowersFromOne(HighestFirst):
    def forward(self, x):
        return sum(c * x ** (k + 1) for k, c in enumerate(self.coefficients))


class WithoutTheLast(HighestFirst):
    def forward(self, x):
        return sum((c * x**k for k, c in enumerate(self.coefficients[:-1])), torch.zeros_like(x))


class NoSuper(nn.Module):
    def __init__(self, degree):
        self.coefficients = nn.Parameter(torch.zeros(degree + 1))

    def forward(self, x):
        return x


def shapes(modules, keep_hooks=False, late_name=False):
    def output_shapes(network, x):
        found, handles = {}, []
        for name, module in modules(network):

            def hook(module, args, output, fixed=name):
                found[name if late_name else fixed] = tuple(output.shape)  # noqa: B023  (the mistake)

            handles.append(module.register_forward_hook(hook))
        network(x)
        for handle in [] if keep_hooks else handles:
            handle.remove()
        return found

    return output_shapes


def leaves(network):
    return [(name, module) for name, module in network.named_modules() if not list(module.children())]


def generator_asked(network):
    return [(name, module) for name, module in network.named_modules() if not module.children()]


def definition_order(network, x):
    found = shapes(leaves)(network, x)
    return {name: found[name] for name, _ in leaves(network)}


def one_after_the_other(network, x):
    found = {}
    for name, module in leaves(network):
        x = module(x)
        found[name] = tuple(x.shape)
    return found


def what_came_in(network, x):
    found, handles = {}, []
    for name, module in leaves(network):

        def hook(module, args, output, name=name):
            found[name] = tuple(args[0].shape)

        handles.append(module.register_forward_hook(hook))
    network(x)
    for handle in handles:
        handle.remove()
    return found


class Centre(nn.Module):
    def __init__(self, features, kind="buffer"):
        super().__init__()
        if kind == "buffer":
            self.register_buffer("mean", torch.zeros(features))
        else:
            self.mean = nn.Parameter(torch.zeros(features)) if kind == "parameter" else torch.zeros(features)

    def forward(self, x):
        if not self.training:
            return x - self.mean
        self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0).detach()
        return x - x.mean(dim=0)


class UpdatesAlways(Centre):
    def forward(self, x):
        remembered = self.mean
        self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0).detach()
        return x - (x.mean(dim=0) if self.training else remembered)


class IgnoresMode(Centre):
    def forward(self, x):
        mean = x.mean(dim=0)
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * mean.detach()
        return x - mean


class AsksTheMethod(Centre):
    def forward(self, x):
        if not self.train:
            return x - self.mean
        self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0).detach()
        return x - x.mean(dim=0)


class WeightsSwapped(Centre):
    def forward(self, x):
        if not self.training:
            return x - self.mean
        self.mean = 0.1 * self.mean + 0.9 * x.mean(dim=0).detach()
        return x - x.mean(dim=0)


class RememberedAlways(Centre):
    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0).detach()
        return x - self.mean


class OneMean(Centre):
    def forward(self, x):
        if not self.training:
            return x - self.mean
        self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0).detach()
        return x - x.mean()


class Network(nn.Module):
    def __init__(self, sizes, container=nn.ModuleList, std=True, bias=True, last_tanh=False, uniform=False):
        super().__init__()
        self.layers = container([nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False)])
        self.last_tanh = last_tanh
        for layer in self.layers:
            if std:
                nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            if uniform:
                nn.init.uniform_(
                    layer.weight, -((3 / layer.in_features) ** 0.5), (3 / layer.in_features) ** 0.5
                )
            if bias:
                nn.init.zeros_(layer.bias)

    def forward(self, x):
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if self.last_tanh or i + 1 < len(self.layers):
                x = torch.tanh(x)
        return x


class NoTanh(Network):
    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class TanhFirst(Network):
    def forward(self, x):
        for layer in self.layers:
            x = layer(torch.tanh(x))
        return x


class NotDetached(Centre):
    def forward(self, x):
        if not self.training:
            return x - self.mean
        self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0)
        return x - x.mean(dim=0)


class AllDetached(Centre):
    def forward(self, x):
        if not self.training:
            return x - self.mean
        mean = x.mean(dim=0).detach()
        self.mean = 0.9 * self.mean + 0.1 * mean
        return x - mean


class WithoutGradients(Centre):
    def forward(self, x):
        if not self.training:
            return x - self.mean
        with torch.no_grad():
            mean = x.mean(dim=0)
            self.mean = 0.9 * self.mean + 0.1 * mean
            return x - mean


class ByNumpy(Centre):
    """The mean stays on the CPU."""

    def forward(self, x):
        if not self.training:
            return x - self.mean
        batch = x.mean(dim=0)
        self.mean = torch.as_tensor(0.9 * self.mean.numpy() + 0.1 * batch.detach().numpy())
        return x - batch


class OnTheCpu(Centre):
    def forward(self, x):
        if not self.training:
            return x - self.mean
        batch = x.mean(dim=0)
        self.mean = 0.9 * self.mean + 0.1 * batch.detach().cpu()
        return x - batch


class ThreeFeatures(Centre):
    def __init__(self, features):
        super().__init__(3)


class InPlace(Centre):
    def forward(self, x):
        if not self.training:
            return x - self.mean
        mean = x.mean(0)
        with torch.no_grad():
            self.mean.mul_(0.9).add_(mean, alpha=0.1)
        return x - mean


class ByLerp(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(features))

    def forward(self, x):
        mean = x.mean(dim=0, keepdim=True) if self.training else self.mean
        if self.training:
            self.mean.copy_(torch.lerp(self.mean, mean[0].detach(), 0.1))
        return x - mean


def by_modules(network):
    found = {id(p): p for module in network.modules() for p in module.parameters(recurse=False)}
    return sum(p.numel() for p in found.values()), sum(p.numel() for p in found.values() if p.requires_grad)


def by_loop(network):
    total = trained = 0
    for _, parameter in network.named_parameters():
        total += parameter.numel()
        if parameter.requires_grad:
            trained += parameter.numel()
    return [total, trained]


def by_size(network):
    parameters = list(network.parameters())
    return tuple(
        int(sum(torch.tensor(p.shape).prod() for p in some))
        for some in (parameters, [p for p in parameters if p.requires_grad])
    )


def tied_twice(network):
    found = [p for module in set(network.modules()) for p in module.parameters(recurse=False)]
    return sum(p.numel() for p in found), sum(p.numel() for p in found if p.requires_grad)


def linear_only(network):
    layers = {module for module in network.modules() if isinstance(module, nn.Linear)}
    found = {p for layer in layers for p in layer.parameters()}
    return sum(p.numel() for p in found), sum(p.numel() for p in found if p.requires_grad)


class Polynomial(nn.Module):
    def __init__(self, degree):
        super().__init__()
        self.coefficients = nn.Parameter(torch.zeros(degree + 1))

    def forward(self, x):
        out = torch.zeros_like(x)
        for k, c in enumerate(self.coefficients):
            out = out + c * x**k
        return out


class Horner(Polynomial):
    def forward(self, x):
        out = torch.zeros_like(x)
        for c in reversed(self.coefficients):
            out = out * x + c
        return out


class AtOnce(Polynomial):
    def forward(self, x):
        return x.unsqueeze(-1).pow(torch.arange(len(self.coefficients))) @ self.coefficients


class ListOfParameters(nn.Module):
    def __init__(self, degree):
        super().__init__()
        self.coefficients = nn.ParameterList(torch.zeros(()) for _ in range(degree + 1))

    def forward(self, x):
        return sum(c * x**k for k, c in enumerate(self.coefficients))


class DataOnly(Polynomial):
    def forward(self, x):
        return sum(c * x**k for k, c in enumerate(self.coefficients.data)) + 0 * self.coefficients.sum()


def with_removal(network, x):
    return shapes(leaves)(network, x)


def wrapped(network, x):
    """Without a hook of its own on any module: through a hook for all modules."""
    names = {module: name for name, module in network.named_modules()}
    found = {}

    def hook(module, args, output):
        if not any(module.children()):
            found[names[module]] = output.shape

    handle = nn.modules.module.register_module_forward_hook(hook)
    try:
        network(x)
    finally:
        handle.remove()
    return found


def noted_first(network, x):
    order, handles = [], []
    for name, module in leaves(network):
        handles.append(module.register_forward_hook(lambda m, a, out, n=name: order.append((n, out.size()))))
    network(x)
    [handle.remove() for handle in handles]
    return dict(order)


def ran_twice(network, x):
    network(x)
    return shapes(leaves)(network, x)


def clears_all(network, x):
    found = shapes(leaves, keep_hooks=True)(network, x)
    for module in network.modules():
        module._forward_hooks.clear()
    return found


class PairWise(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.layers.apply(self.start)

    @staticmethod
    def start(layer):
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0, 1 / layer.in_features**0.5)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        *first, last = self.layers
        for layer in first:
            x = layer(x).tanh()
        return last(x)


class ByData(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList()
        for a, b in zip(sizes[:-1], sizes[1:], strict=True):
            layer = nn.Linear(a, b)
            layer.weight.data = torch.randn(b, a) / a**0.5
            layer.bias.data.zero_()
            self.layers.append(layer)

    def forward(self, x):
        x = self.layers[0](x)
        for layer in self.layers[1:]:
            x = layer(torch.tanh(x))
        return x


class Seeded(Network):
    def __init__(self, sizes):
        torch.manual_seed(0)
        super().__init__(sizes)


class NotTrainable(Network):
    def forward(self, x):
        with torch.no_grad():
            return super().forward(x)


def by_first_parameter(network):
    """Looks at the first parameter of each module only, to see whether the module is trained."""
    total, trained, seen = 0, 0, set()
    for module in network.modules():
        own = [p for p in module.parameters(recurse=False) if p not in seen]
        seen.update(own)
        total += sum(p.numel() for p in own)
        trained += sum(p.numel() for p in own) if own and own[0].requires_grad else 0
    return total, trained


def unfreezes(network):
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return sum(p.requires_grad_().numel() for p in network.parameters()), trained


class Frozen(Polynomial):
    def __init__(self, degree):
        super().__init__(degree)
        self.coefficients.requires_grad_(False)


class NeverNegative(Polynomial):
    def forward(self, x):
        return sum(c.abs() * x**k for k, c in enumerate(self.coefficients))


class TwoAxes(Polynomial):
    def forward(self, x):
        rows = x.reshape(-1, x.shape[-1]) if x.dim() else x
        return sum(c * rows**k for k, c in enumerate(self.coefficients))


class ByMatrix(Polynomial):
    def forward(self, x):
        powers = torch.stack([x**k for k in range(len(self.coefficients))], dim=-1)
        return powers @ self.coefficients


class TermsTaken(Polynomial):
    """Its terms are taken from the parameter once; they stay behind when the module moves."""

    def __init__(self, degree):
        super().__init__(degree)
        self.terms = [self.coefficients[k] for k in range(degree + 1)]

    def forward(self, x):
        return sum(c * x**k for k, c in enumerate(self.terms))


class NumbersTaken(Polynomial):
    """The same with detached terms."""

    def __init__(self, degree):
        super().__init__(degree)
        self.terms = list(self.coefficients.detach())

    def forward(self, x):
        return sum(c * x**k for k, c in enumerate(self.terms)) + 0 * self.coefficients.sum()


def by_forward(network, x):
    class Skipped:
        """Calls forward alone, as `network.forward(x)` does."""

        named_modules = network.named_modules

        def __call__(self, x):
            return network.forward(x)

    return with_removal(Skipped(), x)


def without_empty_names(network, x):
    return {name: shape for name, shape in with_removal(network, x).items() if name}


def at_most_one_child(network):
    return [(name, m) for name, m in network.named_modules() if len(list(m.children())) < 2]


def two_axes(network, x):
    return {name: tuple(shape[:2]) for name, shape in with_removal(network, x).items()}


def rows_and_columns(network, x):
    return {name: (len(x), shape[-1]) for name, shape in with_removal(network, x).items()}


def without_longer_names(network):
    """Takes '1' for a container because of '10'."""
    names = [name for name, _ in network.named_modules()]
    return [
        (name, module)
        for name, module in network.named_modules()
        if not any(other != name and other.startswith(name) for other in names)
    ]


def frozen_twice(network):
    total = sum(p.numel() for p in network.parameters())
    frozen = sum(
        p.numel() for m in network.modules() for p in m.parameters(recurse=False) if not p.requires_grad
    )
    return total, total - frozen


def equal_numbers_once(network):
    found = []
    for parameter in network.parameters():
        if not any(parameter.shape == p.shape and torch.equal(parameter, p) for p in found):
            found.append(parameter)
    return sum(p.numel() for p in found), sum(p.numel() for p in found if p.requires_grad)


class Flattens(Network):
    """As a network for pictures does."""

    def forward(self, x):
        return super().forward(x.flatten(1))


class OneRowEach(Network):
    def forward(self, x):
        return super().forward(x).view(len(x), -1)


class LastByWidth(Network):
    """Knows the last layer by its width."""

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
            if layer.out_features != self.layers[-1].out_features:
                x = torch.tanh(x)
        return x


class SharedSteps(Network):
    """One layer for all equal steps."""

    def __init__(self, sizes):
        super().__init__(sizes)
        made = {}
        self.layers = nn.ModuleList(
            made.setdefault(step, layer)
            for step, layer in zip(itertools.pairwise(sizes), self.layers, strict=True)
        )


def leaves_pre_hook(network, x):
    network.register_forward_pre_hook(lambda module, args: None)
    return with_removal(network, x)


def by_global_hook(network, x):
    names = {module: name for name, module in network.named_modules()}
    found = {}

    def note(module, args, output):
        if not list(module.children()):
            found[names[module]] = tuple(output.shape)

    handle = nn.modules.module.register_module_forward_hook(note)
    try:
        network(x)
    finally:
        handle.remove()
    return found


class StopsAfterEval(Centre):
    """Once evaluated, it never learns again."""

    def forward(self, x):
        if not self.training:
            self.done = True
            return x - self.mean
        if not hasattr(self, "done"):
            self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0).detach()
        return x - x.mean(dim=0)


class NormalFirst(Network):
    """Only the first layer starts from a normal distribution."""

    def __init__(self, sizes):
        super().__init__(sizes)
        for layer in self.layers[1:]:
            side = (3 / layer.in_features) ** 0.5
            nn.init.uniform_(layer.weight, -side, side)


def counted_in_evaluation(network):
    return by_loop(network.eval())


def in_evaluation(network, x):
    return with_removal(network.eval(), x)


def without_gradients(network, x):
    return with_removal(network.requires_grad_(False), x)


def evaluated_for_a_while(network, x):
    network.eval()
    found = with_removal(network, x)
    network.train()
    return found


def wraps_forward(network, x):
    """Leaves another forward behind in place of a hook."""
    found = {}
    for name, module in leaves(network):

        def forward(*args, name=name, original=module.forward):
            out = original(*args)
            found[name] = tuple(out.shape)
            return out

        module.forward = forward
    network(x)
    return dict(found)


def of_a_copy(network, x):
    return with_removal(copy.deepcopy(network), x)


def clears_gradients(network):
    network.zero_grad()
    return by_loop(network)


class Viewed(Polynomial):
    def forward(self, x):
        return super().forward(x.view(-1)).view(x.shape)


class Squeezed(Centre):
    """With a single feature the mean loses its axis."""

    def forward(self, x):
        if not self.training:
            return x - self.mean
        batch = x.mean(dim=0, keepdim=True)
        self.mean = (0.9 * self.mean + 0.1 * batch.detach()).squeeze()
        return x - batch


class UniformLast(Network):
    def __init__(self, sizes):
        super().__init__(sizes)
        side = (3 / sizes[-2]) ** 0.5
        nn.init.uniform_(self.layers[-1].weight, -side, side)


class OneRow(Network):
    """All units of a layer start alike."""

    def __init__(self, sizes):
        super().__init__(sizes)
        for layer in self.layers:
            layer.weight.data = layer.weight.data[:1].repeat(layer.out_features, 1)


class FrozenBiases(Network):
    def __init__(self, sizes):
        super().__init__(sizes)
        for layer in self.layers:
            layer.bias.requires_grad_(False)


def known_classes(network):
    return [(name, m) for name, m in network.named_modules() if isinstance(m, nn.Linear | nn.Tanh)]


def of_torch(network):
    return [
        (name, m)
        for name, m in network.named_modules()
        if type(m).__module__.startswith("torch.nn") and not isinstance(m, nn.Sequential)
    ]


def as_lists(network, x):
    return {name: list(shape) for name, shape in with_removal(network, x).items()}


class ByList(Centre):
    """The mean becomes a new float32 tensor on the CPU."""

    def forward(self, x):
        if not self.training:
            return x - self.mean
        batch = x.mean(dim=0)
        self.mean = torch.tensor(
            [0.9 * a + 0.1 * b for a, b in zip(self.mean.tolist(), batch.tolist(), strict=True)]
        )
        return x - batch


class Beside(Centre):
    """Uses a tensor beside the buffer, which stays behind when the module moves."""

    def __init__(self, features):
        super().__init__(features)
        self.same = self.mean

    def forward(self, x):
        if not self.training:
            return x - self.same
        self.same.mul_(0.9).add_(0.1 * x.mean(dim=0).detach())
        self.mean.copy_(self.same)
        return x - x.mean(dim=0)


RIGHT = {
    "8.1": [Right(by_modules), Right(by_loop), Right(by_size)],
    "8.2": [Right(Polynomial), Right(Horner), Right(AtOnce), Right(ByMatrix)],
    "8.3": [
        Right(with_removal),
        Right(wrapped),
        Right(noted_first),
        Right(by_global_hook),
        Right(evaluated_for_a_while),
    ],
    "8.4": [Right(Centre), Right(InPlace), Right(ByLerp)],
    "8.5": [Right(Network), Right(PairWise), Right(ByData)],
}

WRONG = {
    "8.1": [
        Wrong(both(lambda network: len(list(network.parameters()))), hint="You counted the tensors"),
        Wrong(both(lambda network: sum(p.numel() for p in network.parameters())), hint="requires_grad"),
        Wrong(by_first_parameter, hint="Ask each parameter"),
        Wrong(unfreezes, hint="changed a module"),
        Wrong(clears_gradients, hint="changed a module"),
        Wrong(frozen_twice, hint="used twice"),
        Wrong(equal_numbers_once, hint="Equal numbers"),
        Wrong(counted_in_evaluation, hint="changed a module"),
        Wrong(from_state_dict, hint="used twice"),
        Wrong(
            tied_twice,
            hint="A parameter that is used twice counts once",
            forbidden="A parameter that is used twice counts once",
        ),
        Wrong(linear_only, hint="Not only Linear layers"),
        Wrong(with_buffers, hint="A buffer is not a parameter", forbidden="buffers do not count"),
        Wrong(lambda network: sum(p.numel() for p in network.parameters()), hint="a pair"),
    ],
    "8.2": [
        Wrong(PlainTensor, hint="only an nn.Parameter"),
        Wrong(Frozen, hint="are frozen"),
        Wrong(NeverNegative, hint="should be"),
        Wrong(TwoAxes, hint="shape"),
        Wrong(OneTooFew, hint="degree 2 has 3 coefficients"),
        Wrong(HighestFirst, hint="to the power 0"),
        Wrong(NumbersOnly, hint="not its numbers"),
        Wrong(NoSuper, hint="raised"),
        Wrong(ListOfParameters, hint="a single nn.Parameter"),
        Wrong(DataOnly, hint="the gradient of"),
        Wrong(NumbersTaken, hint="the gradient of Polynomial(2)"),
        Wrong(TermsTaken, hint="stays behind when the module moves"),
        Wrong(StartsFromTheFirst, hint="each number of x"),
        Wrong(Viewed, hint="raised RuntimeError: view size"),
        Wrong(PowersFromOne, hint="to the power 0"),
        Wrong(WithoutTheLast, hint="to the power 2, is missing"),
    ],
    "8.3": [
        Wrong(shapes(leaves, keep_hooks=True), hint="hooks were left"),
        Wrong(leaves_pre_hook, hint="hooks were left", forbidden="Leave no hook behind"),
        Wrong(ran_twice, hint="2 times", forbidden="Run `network(x)` once"),
        Wrong(clears_all, hint="before is gone"),
        Wrong(shapes(lambda network: network.named_modules()), hint="which has children"),
        Wrong(shapes(lambda network: network.named_children()), hint="which has children"),
        Wrong(shapes(leaves, late_name=True), hint="its own name"),
        Wrong(definition_order, hint="as they run"),
        Wrong(shapes(generator_asked), hint="is a generator"),
        Wrong(one_after_the_other, hint="let hooks watch"),
        Wrong(what_came_in, hint="what came in"),
        Wrong(in_evaluation, hint="changed a module"),
        Wrong(without_gradients, hint="changed a module"),
        Wrong(wraps_forward, hint="changed a module"),
        Wrong(of_a_copy, hint="no copy of it"),
        Wrong(shapes(known_classes), hint="not of which class it is"),
        Wrong(shapes(of_torch), hint="not of which class it is"),
        Wrong(as_lists, hint="should be (2, 4)"),
        Wrong(two_axes, hint="a Sequential of eleven layers"),
        Wrong(rows_and_columns, hint="a Sequential of eleven layers"),
        Wrong(shapes(without_longer_names), hint="misses ['1']"),
        Wrong(by_forward, hint="skips its hooks"),
        Wrong(without_empty_names, hint="skips its hooks"),
        Wrong(shapes(at_most_one_child), hint="which has children"),
    ],
    "8.4": [
        Wrong(lambda features: Centre(features, kind="parameter"), hint="not a parameter"),
        Wrong(lambda features: Centre(features, kind="plain"), hint="register_buffer"),
        Wrong(UpdatesAlways, hint="should not have changed"),
        Wrong(StopsAfterEval, hint="in training again"),
        Wrong(IgnoresMode, hint="the remembered mean"),
        Wrong(NotDetached, hint="`.detach()`"),
        Wrong(AllDetached, hint="Only what is remembered is detached"),
        Wrong(WithoutGradients, hint="outside of torch.no_grad()"),
        Wrong(ByNumpy, hint="without `.cpu()` and NumPy"),
        Wrong(OnTheCpu, hint="without `.cpu()` and NumPy"),
        Wrong(ThreeFeatures, hint="Centre(5)"),
        Wrong(WeightsSwapped, hint="0.9 · the old mean"),
        Wrong(OneMean, hint="each column"),
        Wrong(RememberedAlways, hint="subtracted the remembered mean"),
        Wrong(AsksTheMethod, hint="self.train is a method"),
        Wrong(ByList, hint="dtype torch.float32"),
        Wrong(Beside, hint="stays behind"),
        Wrong(Squeezed, hint="the mean of Centre(1) has shape ()"),
    ],
    "8.5": [
        Wrong(lambda sizes: Network(sizes, container=list), hint="A plain list hides"),
        Wrong(
            lambda sizes: Network(sizes, container=lambda layers: nn.Sequential(*layers)),
            hint="class Sequential",
        ),
        Wrong(Seeded, hint="do not set a seed"),
        Wrong(NotTrainable, hint="does not depend"),
        Wrong(lambda sizes: Network(sizes, std=False), hint="standard deviation of 0.0"),
        Wrong(lambda sizes: Network(sizes, std=False, uniform=True), hint="normal distribution"),
        Wrong(lambda sizes: Network(sizes, bias=False), hint="are not zero"),
        Wrong(lambda sizes: Network(sizes, last_tanh=True), hint="after the last layer"),
        Wrong(lambda sizes: Network(sizes[:-1]), hint="three steps"),
        Wrong(NormalFirst, hint="layer 1 of"),
        Wrong(UniformLast, hint="layer 2 of"),
        Wrong(OneRow, hint="standard deviation of 0.0"),
        Wrong(FrozenBiases, hint="has frozen parameters"),
        Wrong(NoTanh, hint="left tanh out"),
        Wrong(TanhFirst, hint="before each layer"),
        Wrong(LastByWidth, hint="whatever the sizes are"),
        Wrong(SharedSteps, hint="more than once"),
        Wrong(Flattens, hint="shape (4, 5, 3)) raised"),
        Wrong(OneRowEach, hint="Any number of axes"),
    ],
}
