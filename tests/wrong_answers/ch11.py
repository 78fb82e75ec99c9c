"""Wrong answers to the exercises of chapter 11."""

import torch
from torch import nn

from wrong_answers import Wrong


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


WRONG = {
    "11.1": [
        Wrong(lambda x, slope=0.01: x.clamp(min=0), hint="This is ReLU"),
        Wrong(lambda x, slope=0.01: torch.maximum(x, slope * x), hint="a slope may be above 1"),
        Wrong(leaky_in_place, hint="changed its input"),
        Wrong(lambda x, slope=0.01: nn.functional.leaky_relu(x, slope), hint="switched off"),
        Wrong(lambda x, slope=0.01: nn.LeakyReLU(slope)(x), hint="switched off"),
        Wrong(leaky_slope_forgotten, hint="should be"),
        Wrong(lambda x, slope=0.01: x if x > 0 else slope * x, hint="raised"),
    ],
    "11.2": [
        Wrong(dead_by_zeros, hint="You counted the zeros"),
        Wrong(dead_by_rows, hint="a unit is a column"),
        Wrong(lambda layer, x: (layer(x) < 0).all(dim=0).sum().item(), hint="ask for <= 0"),
        Wrong(dead_by_any, hint="One 0 does not make a unit dead"),
        Wrong(dead_as_tensor, hint=".item()"),
    ],
    "11.3": [
        Wrong(lambda: hat(starts=(0.0, 1.0, 2.0)), hint="passes 0"),
        Wrong(lambda: hat(steps=(1.0, -1.0, 0.0)), hint="slope should be 1 after 0"),
        Wrong(lambda: nn.Sequential(nn.Linear(1, 3), nn.Linear(3, 1)), hint="list of layers"),
        Wrong(lambda: hat(steps=(1.0, -2.0, 0.0)), hint="x = 3"),
        Wrong(hat_last_bias_forgotten, hint="bias of the last layer"),
    ],
    "11.4": [
        Wrong(softmax_naive, hint="subtract the largest score"),
        Wrong(lambda scores, dim: scores.softmax(dim), hint="switched off"),
        Wrong(lambda scores, dim: scores / scores.sum(dim=dim, keepdim=True), hint="e to the power"),
        Wrong(softmax_whole, hint="over the whole tensor"),
        Wrong(softmax_axis, hint="not to 1"),
        Wrong(softmax_one_maximum, hint="of each group"),
    ],
    "11.5": [
        Wrong(ActivationAtTheEnd, hint="after the last linear layer"),
        Wrong(NoActivation, hint="no activation between"),
        Wrong(OneActivationShared, hint="Make a new activation"),
        Wrong(PlainList, hint="plain list"),
        Wrong(WrongAxis, hint="Each row should sum to 1"),
        Wrong(SoftmaxInForward, hint="without softmax"),
    ],
}
