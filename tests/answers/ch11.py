"""Answers to the exercises of chapter 11."""

import torch
from torch import nn
from torch.nn import functional as F

from answers import Right, Wrong, meddles


def leaky_in_place(x, slope=0.01):
    x[x < 0] *= slope
    return x


def leaky_slope_forgotten(x, slope=0.01):
    return torch.where(x > 0, x, 0.01 * x)


def dead_by_zeros(layer, x):
    return (layer(x) <= 0).sum().item()


def dead_by_rows(layer, x):
    return (layer(x) <= 0).all(dim=1).sum().item()


def dead_by_any(layer, x):
    return (layer(x) <= 0).any(dim=0).sum().item()


def dead_as_tensor(layer, x):
    return (layer(x) <= 0).all(dim=0).sum()


def hat(starts=(0.0, -1.0, -2.0), steps=(1.0, -2.0, 1.0)):
    network = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        network[0].weight.fill_(1.0)
        network[0].bias.copy_(torch.tensor(starts))
        network[2].weight.copy_(torch.tensor([steps]))
        network[2].bias.zero_()
    return network


def hat_last_bias_forgotten():
    network = hat()
    with torch.no_grad():
        network[2].bias.fill_(0.15)  # as if it were left as it was made
    return network


def softmax_naive(scores, dim):
    return scores.exp() / scores.exp().sum(dim=dim, keepdim=True)


def softmax_whole(scores, dim):
    return scores.exp() / scores.exp().sum()


def softmax_axis(scores, dim):
    powers = (scores - scores.amax(dim=0, keepdim=True)).exp()
    return powers / powers.sum(dim=0, keepdim=True)


def softmax_one_maximum(scores, dim):
    powers = (scores - scores.max()).exp()
    return powers / powers.sum(dim=dim, keepdim=True)


class Classifier(nn.Module):
    last, between, shared, in_list, axis = False, True, False, False, -1

    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__()
        one, layers = activation(), []
        for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
            layers.append(nn.Linear(inputs, outputs))
            if self.between:
                layers.append(one if self.shared else activation())
        if self.between and not self.last:
            layers.pop()
        self.layers = layers if self.in_list else nn.Sequential(*layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def probabilities(self, x):
        return self(x).softmax(dim=self.axis)


class ActivationAtTheEnd(Classifier):
    last = True


class NoActivation(Classifier):
    between = False


class OneActivationShared(Classifier):
    shared = True


class PlainList(Classifier):
    in_list = True


class WrongAxis(Classifier):
    axis = 0


class SoftmaxInForward(Classifier):
    def forward(self, x):
        return super().forward(x).softmax(dim=-1)


def leaky_by_where(x, slope=0.01):
    return torch.where(x > 0, x, slope * x)


def leaky_by_parts(x, slope=0.01):
    return F.relu(x) - slope * F.relu(-x)


def leaky_by_copy(x, slope=0.01):
    out = x.clone()
    out[x <= 0] = slope * x[x <= 0]
    return out


def leaky_by_numbers(x, slope=0.01):
    numbers = [value if value > 0 else slope * value for value in x.flatten()]
    return torch.stack(numbers).reshape(x.shape)


def leaky_in_float32(x, slope=0.01):
    out = torch.zeros(x.shape)
    out[x > 0] = x[x > 0].float()
    out[x <= 0] = slope * x[x <= 0].float()
    return out


def softmax_of_two_axes(scores, dim):
    if dim in (0, -2):
        return softmax_of_two_axes(scores.T, -1).T if scores.ndim == 2 else softmax_of_two_axes(scores, -1)
    p = (scores - scores.amax(dim, keepdim=True)).exp()
    return p / p.sum(dim, keepdim=True)


def softmax_in_float32(scores, dim):
    p = (scores - scores.amax(dim, keepdim=True)).exp()
    out = torch.zeros(scores.shape)
    out[:] = p / p.sum(dim, keepdim=True)
    return out


def leaky_by_prelu(x, slope=0.01):
    return torch.prelu(x, torch.tensor(slope))


def leaky_detached(x, slope=0.01):
    return torch.tensor([v if v > 0 else slope * v for v in x.flatten().tolist()]).reshape(x.shape)


def leaky_half(x, slope=0.01):
    return slope * x.clamp(max=0)


def leaky_flat(x, slope=0.01):
    return leaky_by_where(x, slope).flatten()


def dead_by_all(layer, x):
    return int((layer(x) <= 0).all(dim=0).sum())


def dead_by_sums(layer, x):
    with torch.no_grad():
        return (F.relu(layer(x)).sum(dim=0) == 0).sum().item()


def dead_by_maximum(layer, x):
    hidden = x @ layer.weight.T + layer.bias
    return sum(1 for value in hidden.max(dim=0).values.tolist() if value <= 0)


def dead_by_loop(layer, x):
    count = 0
    for unit in range(layer.out_features):
        if all(layer(row)[unit] <= 0 for row in x):
            count += 1
    return count


def dead_without_bias(layer, x):
    return (x @ layer.weight.T <= 0).all(dim=0).sum().item()


def dead_living(layer, x):
    return (layer(x) > 0).any(dim=0).sum().item()


def dead_and_changed(layer, x):
    count = dead_by_all(layer, x)
    with torch.no_grad():
        layer.bias += 1
    return count


def dead_by_weights(layer, x):
    return (layer.bias < 0).sum().item()


def hat_from_the_right():
    """relu(2 - x) - 2 relu(1 - x) + relu(-x)"""
    network = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        network[0].weight.fill_(-1.0)
        network[0].bias.copy_(torch.tensor([2.0, 1.0, 0.0]))
        network[2].weight.copy_(torch.tensor([[1.0, -2.0, 1.0]]))
        network[2].bias.fill_(0)
    return network


def hat_scaled():
    """The same slopes from other weights; no second bias."""
    network = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1, bias=False))
    network[0].weight = nn.Parameter(torch.tensor([[2.0], [4.0], [1.0]]))
    network[0].bias = nn.Parameter(torch.tensor([0.0, -4.0, -2.0]))
    network[2].weight = nn.Parameter(torch.tensor([[0.5, -0.5, 1.0]]))
    return network


def hat_trained():
    network = hat()
    x = torch.linspace(-1, 3, 41).unsqueeze(1)
    y = (1 - (x - 1).abs()).clamp(min=0)
    with torch.no_grad():
        network[2].weight += 0.1
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        F.mse_loss(network(x), y).backward()
        optimizer.step()
    return network


def hat_inverted():
    return hat(steps=(-1.0, 2.0, -1.0))


def softmax_by_group(scores, dim):
    powers = (scores - scores.amax(dim=dim, keepdim=True)).exp()
    return powers / powers.sum(dim=dim, keepdim=True)


def softmax_by_logarithm(scores, dim):
    return (scores - scores.logsumexp(dim=dim, keepdim=True)).exp()


def softmax_by_rows(scores, dim):
    rows = []
    for row in scores.movedim(dim, -1).reshape(-1, scores.shape[dim]):
        powers = torch.exp(row - max(row))
        rows.append(powers / sum(powers))
    return torch.stack(rows).reshape(scores.movedim(dim, -1).shape).movedim(-1, dim)


def softmax_detached_maximum(scores, dim):
    scores = scores - scores.max(dim, keepdim=True).values.detach()
    return scores.exp() / scores.exp().sum(dim, keepdim=True)


def softmax_minus(what):
    def softmax(scores, dim):
        powers = (scores - what(scores, dim)).exp()
        return powers / powers.sum(dim=dim, keepdim=True)

    return softmax


def softmax_clamped(scores, dim):
    powers = scores.clamp(-80, 80).exp()
    return powers / powers.sum(dim=dim, keepdim=True)


def softmax_detached_sum(scores, dim):
    powers = (scores - scores.amax(dim=dim, keepdim=True)).exp()
    return powers / powers.sum(dim=dim, keepdim=True).detach()


def softmax_repaired(scores, dim):
    return softmax_naive(scores, dim).nan_to_num(0)


class ByModuleList(nn.Module):
    """The output layer is made first, and one activation too many."""

    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__()
        self.out = nn.Linear(sizes[-2], sizes[-1])
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-2], sizes[1:-1], strict=True))
        self.acts = nn.ModuleList(activation() for _ in sizes)

    def forward(self, x):
        for layer, act in zip(self.hidden, self.acts, strict=False):
            x = act(layer(x))
        return self.out(x)

    def probabilities(self, x):
        scores = self.forward(x)
        powers = (scores - scores.amax(dim=1, keepdim=True)).exp()
        return powers / powers.sum(dim=1, keepdim=True)


class ByAddModule(nn.Module):
    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__()
        self.count = len(sizes) - 1
        for i in range(self.count):
            self.add_module(f"linear{i}", nn.Linear(sizes[i], sizes[i + 1]))
            if i + 1 < self.count:
                setattr(self, f"act{i}", activation())

    def forward(self, x):
        for i in range(self.count):
            x = getattr(self, f"linear{i}")(x)
            if i + 1 < self.count:
                x = getattr(self, f"act{i}")(x)
        return x

    def probabilities(self, x):
        with torch.no_grad():
            return F.softmax(self(x), dim=1)


class ScoresAsProbabilities(Classifier):
    def probabilities(self, x):
        return self(x)


class ActivationsHidden(ByModuleList):
    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__(sizes, activation)
        acts = list(self.acts)
        del self.acts
        self.acts = acts


class ActivationsMadeInForward(ByModuleList):
    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__(sizes, activation)
        self.make = activation

    def forward(self, x):
        for layer in self.hidden:
            x = self.make()(layer(x))
        return self.out(x)


class Detached(Classifier):
    def forward(self, x):
        return super().forward(x).detach()


class AlwaysReLU(Classifier):
    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__(sizes, nn.ReLU)


class OtherDefault(Classifier):
    def __init__(self, sizes, activation=nn.Tanh):
        super().__init__(sizes, activation)


class OneHiddenLayer(Classifier):
    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__([*sizes[:2], sizes[-1]] if len(sizes) > 2 else sizes, activation)


def leaky_slope_or_default(x, slope=0.01):
    return leaky_by_where(x, slope or 0.01)


def leaky_clipped(x, slope=0.01):
    return leaky_by_where(x.clamp(-10, 10), slope)


def leaky_by_factors(x, slope=0.01):
    """The factors are float32, whatever x is."""
    return x * torch.where(x > 0, 1.0, slope)


def leaky_in_float64(x, slope=0.01):
    return leaky_by_where(x.double(), slope)


def leaky_by_two_relus(x, slope=0.01):
    return nn.functional.relu(x) - slope * nn.functional.relu(-x)


def leaky_by_product(x, slope=0.01):
    return x * (x > 0) + slope * x * (x <= 0)


def leaky_at_zero(x, slope=0.01):
    return torch.where(x >= 0, x, slope * x)


def leaky_by_clamps(x, slope=0.01):
    return x.clamp(min=0) + slope * x.clamp(max=0)


def dead_of_three_rows(layer, x):
    return int((layer(x[:3]) <= 0).all(dim=0).sum())


def dead_of_four_units(layer, x):
    return 4 - int((layer(x) > 0).any(dim=0).sum())


def dead_by_largest_inputs(layer, x):
    return int((layer(x.amax(dim=0)) <= 0).sum())


def dead_rounded(layer, x):
    return int((layer(x) <= 0.01).all(dim=0).sum())


def dead_by_mean(layer, x):
    return int((layer(x).relu().mean(dim=0) < 1e-3).sum())


def dead_by_largest(layer, x):
    return int((layer(x).max(dim=0).values <= 0).sum())


def hat_by_hook():
    network = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1))
    network.register_forward_hook(lambda module, args, out: (1 - (args[0] - 1).abs()).clamp(min=0))
    return network


def softmax_by_differences(scores, dim):
    last = scores.movedim(dim, -1)
    return (1 / (last.unsqueeze(-2) - last.unsqueeze(-1)).exp().sum(-1)).movedim(-1, dim)


def dead_by_slopes(layer, x):
    """Where the inputs of all rows sum to 0, a unit that lives gets a gradient of 0, too."""
    slopes = torch.autograd.grad(layer(x).relu().sum(), layer.weight)[0]
    return (slopes == 0).all(dim=1).sum().item()


def never_changing(layer, x):
    return (layer(x).relu().var(0, correction=0) == 0).sum().item()


def softmax_by_operator(scores, dim):
    return torch.ops.aten._softmax(scores, dim, False)


class Plain(nn.Module):
    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__()
        layers = []
        for a, b in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [nn.Linear(a, b), activation()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x):
        return self.layers(x)

    def probabilities(self, x):
        with torch.no_grad():
            return self(x).softmax(dim=-1)


class PlainDrawn(Plain):
    """Draws the linear layers anew."""

    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__(sizes, activation)
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                self.draw(layer)


class PlainZeros(PlainDrawn):
    def draw(self, layer):
        nn.init.zeros_(layer.weight)


class PlainSmall(PlainDrawn):
    def draw(self, layer):
        nn.init.normal_(layer.weight, std=0.01)


class PlainXavier(PlainDrawn):
    def draw(self, layer):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


class PlainOverflow(Plain):
    def probabilities(self, x):
        powers = self(x).exp()
        return powers / powers.sum(dim=1, keepdim=True)


class PlainFreezes(Plain):
    def probabilities(self, x):
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        return super().probabilities(x)


class PlainWithoutBiases(Plain):
    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__(sizes, activation)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                layer.bias = None


class PlainSwitches(Plain):
    def probabilities(self, x):
        return self.eval()(x).softmax(dim=1)


class PlainToTrain(Plain):
    def probabilities(self, x):
        self.eval()
        p = self(x).softmax(dim=1)
        self.train()
        return p


class PlainSameBiases(PlainDrawn):
    def draw(self, layer):
        nn.init.constant_(layer.bias, 0.01)


class ByValue(Plain):
    """Knows the last layer by its width."""

    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__(sizes, activation)
        layers = []
        for a, b in zip(sizes[:-1], sizes[1:], strict=True):
            layers.append(nn.Linear(a, b))
            if b != sizes[-1]:
                layers.append(activation())
        self.layers = nn.Sequential(*layers)


class ByIndex(Plain):
    """Finds the place of a layer by its width."""

    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__(sizes, activation)
        layers = []
        for a in sizes[:-1]:
            layers += [nn.Linear(a, sizes[sizes.index(a) + 1]), activation()]
        self.layers = nn.Sequential(*layers[:-1])


class Leftover(Plain):
    """A layer that is never used does no harm."""

    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__(sizes, activation)
        self.unused = nn.Linear(1000, 1000)


class PlainTwoModes(Plain):
    def forward(self, x):
        scores = self.layers(x)
        return scores if self.training else scores.softmax(dim=1)


def leaky_by_operator(x, slope=0.01):
    return torch.ops.aten.leaky_relu(x, slope)


def leaky_by_kernel(x, slope=0.01):
    return torch._prelu_kernel(x, torch.full_like(x, slope))


def softmax_of_masked(scores, dim):
    return torch._masked_softmax(scores, torch.zeros_like(scores, dtype=torch.bool), dim)


def dead_by_gradient(layer, x):
    layer.zero_grad()
    layer(x).relu().sum().backward()
    return int((layer.bias.grad == 0).sum())


class Lazy(nn.Module):
    def __init__(self, sizes, activation=nn.ReLU):
        super().__init__()
        self.net = nn.Sequential()
        for i, size in enumerate(sizes[1:]):
            if i:
                self.net.append(activation())
            self.net.append(nn.LazyLinear(size))

    def forward(self, x):
        return self.net(x)

    def probabilities(self, x):
        return F.softmax(self.forward(x), dim=-1)


RIGHT = {
    "11.1": [
        Right(leaky_by_two_relus),
        Right(leaky_by_where),
        Right(leaky_by_parts),
        Right(leaky_by_copy),
        Right(leaky_by_clamps),
    ],
    "11.2": [
        Right(dead_by_largest),
        Right(dead_by_all),
        Right(dead_by_sums),
        Right(dead_by_maximum),
        Right(dead_by_loop),
    ],
    "11.3": [Right(lambda: hat().double()), Right(hat), Right(hat_from_the_right), Right(hat_scaled)],
    "11.4": [
        Right(softmax_by_group),
        Right(softmax_by_logarithm),
        Right(softmax_by_rows),
        Right(softmax_detached_maximum),
    ],
    "11.5": [
        Right(Lazy),
        Right(Leftover),
        Right(Plain),
        Right(Classifier),
        Right(ByModuleList),
        Right(ByAddModule),
    ],
}
WRONG = {
    "11.1": [
        Wrong(leaky_by_operator, hint="switched off", forbidden="without PyTorch's own"),
        Wrong(leaky_by_kernel, hint="switched off", forbidden="without PyTorch's own"),
        Wrong(leaky_by_product, hint="inf * 0 is nan"),
        Wrong(leaky_at_zero, hint="multiply where x <= 0"),
        Wrong(leaky_by_factors, hint="dtype"),
        Wrong(leaky_slope_or_default, hint="slope=0.0"),
        Wrong(leaky_clipped, hint="slope=0.1"),
        Wrong(leaky_in_float64, hint="Above 0 nothing changes"),
        Wrong(lambda x, slope=0.01: x.clamp(min=0), hint="This is ReLU"),
        Wrong(lambda x, slope=0.01: torch.maximum(x, slope * x), hint="a slope may be above 1"),
        Wrong(leaky_in_place, hint="changed its argument"),
        Wrong(
            lambda x, slope=0.01: nn.functional.leaky_relu(x, slope),
            hint="switched off",
            forbidden="without PyTorch's own (`leaky_relu`, `prelu`)",
        ),
        Wrong(
            lambda x, slope=0.01: nn.LeakyReLU(slope)(x),
            hint="switched off",
            forbidden="without PyTorch's own (`leaky_relu`, `prelu`)",
        ),
        Wrong(leaky_by_prelu, hint="switched off", forbidden="without PyTorch's own (`leaky_relu`, `prelu`)"),
        Wrong(leaky_slope_forgotten, hint="slope is not used"),
        Wrong(lambda x, slope=0.01: x if x > 0 else slope * x, hint="raised"),
        Wrong(lambda x, slope=0.1: leaky_by_where(x, slope), hint="slope=0.01"),
        Wrong(leaky_half, hint="What is above 0 is left out"),
        Wrong(leaky_flat, hint="shape"),
        Wrong(leaky_detached, hint="no gradient"),
        Wrong(leaky_by_numbers, hint="raised RuntimeError"),
        Wrong(leaky_in_float32, hint="dtype"),
    ],
    "11.2": [
        Wrong(meddles(dead_by_all, "requires_grad_", False), hint="changed a module"),
        Wrong(meddles(dead_by_all, "eval"), hint="changed a module"),
        Wrong(never_changing, hint="should be 1"),
        Wrong(dead_by_slopes, hint="is 2, but should be 1. Each column is a unit"),
        Wrong(dead_by_gradient, hint="changed a module"),
        Wrong(dead_of_three_rows, hint="dead_units is"),
        Wrong(dead_of_four_units, hint="dead_units is"),
        Wrong(dead_by_largest_inputs, hint="dead_units is 3, but should be 1. Each column is a unit"),
        Wrong(dead_rounded, hint="dead_units is"),
        Wrong(dead_by_mean, hint="dead_units is"),
        Wrong(dead_by_zeros, hint="You counted the zeros"),
        Wrong(dead_by_rows, hint="a unit is a column"),
        Wrong(lambda layer, x: (layer(x) < 0).all(dim=0).sum().item(), hint="ask for <= 0"),
        Wrong(dead_by_any, hint="One 0 does not make a unit dead"),
        Wrong(dead_as_tensor, hint=".item()"),
        Wrong(dead_without_bias, hint="The layer has a bias"),
        Wrong(dead_living, hint="the units that live"),
        Wrong(dead_and_changed, hint="changed a module"),
        Wrong(dead_by_weights, hint="dead_units is 3, but should be 2"),
    ],
    "11.3": [
        Wrong(hat_by_hook, hint="something else than its three layers"),
        Wrong(lambda: hat(starts=(0.0, 1.0, 2.0)), hint="passes 0"),
        Wrong(lambda: hat(steps=(1.0, -1.0, 0.0)), hint="slope should be 1 after 0"),
        Wrong(lambda: nn.Sequential(nn.Linear(1, 3), nn.Linear(3, 1)), hint="the layers of hat()"),
        Wrong(lambda: hat(steps=(1.0, -2.0, 0.0)), hint="x = 3"),
        Wrong(hat_last_bias_forgotten, hint="bias of the last layer"),
        Wrong(hat_inverted, hint="x = 0.25"),
        Wrong(lambda: hat(starts=(-0.25, -2.5 / 3, -2.0), steps=(2.0, -3.0, 1.0)), hint="x = 0.25"),
        Wrong(hat_trained, hint="the hat at x", forbidden="do not train"),
    ],
    "11.4": [
        Wrong(softmax_of_masked, hint="switched off", forbidden="without PyTorch's softmax"),
        Wrong(softmax_by_operator, hint="switched off", forbidden="without PyTorch's softmax"),
        Wrong(softmax_by_differences, hint="inf on the way"),
        Wrong(softmax_naive, hint="subtract the largest score"),
        Wrong(softmax_of_two_axes, hint="should be"),
        Wrong(softmax_in_float32, hint="dtype"),
        Wrong(
            lambda scores, dim: scores.softmax(dim),
            hint="switched off",
            forbidden="without PyTorch's softmax",
        ),
        Wrong(
            lambda scores, dim: nn.Softmax(dim)(scores),
            hint="switched off",
            forbidden="without PyTorch's softmax",
        ),
        Wrong(
            lambda scores, dim: torch.special.log_softmax(scores, dim).exp(),
            hint="switched off",
            forbidden="without PyTorch's softmax",
        ),
        Wrong(softmax_minus(lambda s, dim: s.mean(dim, keepdim=True)), hint="subtract the largest score"),
        Wrong(softmax_minus(lambda s, dim: s.amin(dim, keepdim=True)), hint="subtract the largest score"),
        Wrong(softmax_minus(lambda s, dim: s.narrow(dim, 0, 1)), hint="subtract the largest score"),
        Wrong(softmax_clamped, hint="e times the probability"),
        Wrong(softmax_repaired, hint="each of them should be 1"),
        Wrong(softmax_detached_sum, hint="detach nothing but the maximum"),
        Wrong(lambda scores, dim: scores / scores.sum(dim=dim, keepdim=True), hint="e to the power"),
        Wrong(softmax_whole, hint="over the whole tensor"),
        Wrong(softmax_axis, hint="each of them should be 1"),
        Wrong(softmax_one_maximum, hint="of each group"),
    ],
    "11.5": [
        Wrong(PlainZeros, hint="all the same number"),
        Wrong(PlainSmall, hint="other weights or biases"),
        Wrong(PlainXavier, hint="other weights or biases"),
        Wrong(PlainSameBiases, hint="other weights or biases"),
        Wrong(ByValue, hint="Tanh comes after each linear layer but the last"),
        Wrong(ByIndex, hint="(in, out) of the linear layers"),
        Wrong(PlainOverflow, hint="subtract the largest score"),
        Wrong(PlainSwitches, hint="leave it to the caller"),
        Wrong(PlainToTrain, hint="leave it to the caller"),
        Wrong(PlainFreezes, hint="leaves the model frozen"),
        Wrong(PlainWithoutBiases, hint="has no bias"),
        Wrong(PlainTwoModes, hint="in both modes"),
        Wrong(ActivationAtTheEnd, hint="after the last linear layer"),
        Wrong(NoActivation, hint="Nothing that `activation` makes"),
        Wrong(OneActivationShared, hint="Make a new activation"),
        Wrong(PlainList, hint="plain list"),
        Wrong(WrongAxis, hint="Each row should sum to 1"),
        Wrong(SoftmaxInForward, hint="without softmax"),
        Wrong(ScoresAsProbabilities, hint="These are the scores"),
        Wrong(ActivationsHidden, hint="a plain list hides their weights"),
        Wrong(ActivationsMadeInForward, hint="Make activations in __init__"),
        Wrong(Detached, hint="cannot be trained"),
        Wrong(AlwaysReLU, hint="Nothing that `activation` makes"),
        Wrong(OtherDefault, hint="the activation is nn.ReLU"),
        Wrong(OneHiddenLayer, hint="in the order of their use"),
    ],
}
