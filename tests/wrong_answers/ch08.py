"""Wrong answers to the exercises of chapter 8."""

import torch
from torch import nn

from wrong_answers import Wrong


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
        self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0)
        return x - x.mean(dim=0)


class UpdatesAlways(Centre):
    def forward(self, x):
        remembered = self.mean
        self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0)
        return x - (x.mean(dim=0) if self.training else remembered)


class IgnoresMode(Centre):
    def forward(self, x):
        mean = x.mean(dim=0)
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * mean
        return x - mean


class AsksTheMethod(Centre):
    def forward(self, x):
        if not self.train:
            return x - self.mean
        self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0)
        return x - x.mean(dim=0)


class WeightsSwapped(Centre):
    def forward(self, x):
        if not self.training:
            return x - self.mean
        self.mean = 0.1 * self.mean + 0.9 * x.mean(dim=0)
        return x - x.mean(dim=0)


class RememberedAlways(Centre):
    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0)
        return x - self.mean


class OneMean(Centre):
    def forward(self, x):
        if not self.training:
            return x - self.mean
        self.mean = 0.9 * self.mean + 0.1 * x.mean(dim=0)
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


WRONG = {
    "8.1": [
        Wrong(both(lambda network: len(list(network.parameters()))), hint="You counted the tensors"),
        Wrong(both(lambda network: sum(p.numel() for p in network.parameters())), hint="requires_grad"),
        Wrong(from_state_dict, hint="used twice"),
        Wrong(with_buffers, hint="A buffer is no parameter"),
        Wrong(lambda network: sum(p.numel() for p in network.parameters()), hint="a pair"),
    ],
    "8.2": [
        Wrong(PlainTensor, hint="only an nn.Parameter"),
        Wrong(OneTooFew, hint="degree 2 has 3 coefficients"),
        Wrong(HighestFirst, hint="to the power 0"),
        Wrong(NumbersOnly, hint="not its numbers"),
        Wrong(NoSuper, hint="raised"),
        Wrong(StartsFromTheFirst, hint="each number of x"),
        Wrong(PowersFromOne, hint="to the power 0"),
        Wrong(WithoutTheLast, hint="to the power 2, is missing"),
    ],
    "8.3": [
        Wrong(shapes(leaves, keep_hooks=True), hint="hooks were left"),
        Wrong(shapes(lambda network: network.named_modules()), hint="which has children"),
        Wrong(shapes(lambda network: network.named_children()), hint="which has children"),
        Wrong(shapes(leaves, late_name=True), hint="its own name"),
        Wrong(definition_order, hint="as they run"),
        Wrong(shapes(generator_asked), hint="is a generator"),
        Wrong(one_after_the_other, hint="let hooks watch"),
        Wrong(what_came_in, hint="what came in"),
    ],
    "8.4": [
        Wrong(lambda features: Centre(features, kind="parameter"), hint="no parameter"),
        Wrong(lambda features: Centre(features, kind="plain"), hint="register_buffer"),
        Wrong(UpdatesAlways, hint="should not have changed"),
        Wrong(IgnoresMode, hint="the remembered mean"),
        Wrong(WeightsSwapped, hint="0.9 · the old mean"),
        Wrong(OneMean, hint="each column"),
        Wrong(RememberedAlways, hint="subtracted the remembered mean"),
        Wrong(AsksTheMethod, hint="self.train is a method"),
    ],
    "8.5": [
        Wrong(lambda sizes: Network(sizes, container=list), hint="a plain list hides"),
        Wrong(lambda sizes: Network(sizes, std=False), hint="standard deviation of 0.0"),
        Wrong(lambda sizes: Network(sizes, std=False, uniform=True), hint="normal distribution"),
        Wrong(lambda sizes: Network(sizes, bias=False), hint="are not zero"),
        Wrong(lambda sizes: Network(sizes, last_tanh=True), hint="after the last layer"),
        Wrong(lambda sizes: Network(sizes[:-1]), hint="three steps"),
        Wrong(NoTanh, hint="left tanh out"),
        Wrong(TanhFirst, hint="before each layer"),
    ],
}
