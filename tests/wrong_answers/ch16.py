"""Wrong answers to the exercises of chapter 16."""

import torch
from torch import nn

from wrong_answers import Wrong


def dropout(keep=False, factor=True, always=False, shape=None, scaled_in_use=False, fixed=False, by_p=False):
    def my_dropout(x, p=0.5, training=True):
        if not training and not always:
            return x * (1 - p) if scaled_in_use else x
        if p == 1:
            return torch.zeros_like(x)
        draw = torch.Generator().manual_seed(0) if fixed else None
        coins = torch.rand(shape(x) if shape else x.shape, generator=draw)
        kept = coins < p if keep and p else coins >= p
        scale = (p if by_p else 1 - p) if factor else 1
        return x * kept / (scale or 1)

    return my_dropout


def without_case_for_one(x, p=0.5, training=True):
    return x * (torch.rand(x.shape) >= p) / (1 - p) if training else x


def dropout2d(shape, factor=True, keep=False):
    def my_dropout2d(x, p=0.5):
        coins = torch.rand(shape(*x.shape))
        kept = coins < p if keep else coins >= p
        return x * kept / (1 - p if factor else 1)

    return my_dropout2d


def ask(train=True, restore=True, error=lambda out, times: out.std(0) / times**0.5, calls=None):
    def ask_often(network, x, times):
        was_training = network.training
        network.train(train)
        with torch.no_grad():
            answers = torch.stack([network(x) for _ in range(calls or times)])
        if restore:
            network.train(was_training)
        return answers.mean(0), error(answers, times)

    return ask_often


def mean_over_rows(network, x, times):
    was_training = network.training
    answers = torch.stack([network.train()(x) for _ in range(times)]).detach()
    network.train(was_training)
    return answers.mean(), answers.std() / times**0.5


def one_error_for_all(network, x, times):
    mean, _ = ask()(network, x, times)
    return mean, torch.tensor(0.1)


def build(last=(), first=True, swapped=False, evaluated=True, relu=True):
    def against_overfitting(sizes, p, input_p):
        if swapped:
            p, input_p = input_p, p
        layers = [nn.Dropout(input_p)] if first else []
        for inputs, outputs in zip(sizes[:-2], sizes[1:-1], strict=True):
            layers += [nn.Linear(inputs, outputs)] + ([nn.ReLU()] if relu else []) + [nn.Dropout(p)]
        network = nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]), *(make() for make in last))
        return network.eval() if evaluated else network

    return against_overfitting


def choose(evaluated=True, seeds=None, pick=min, what="p", total=False, best_run=False):
    def choose_p(chances, fit, error, count):
        means = []
        for p in chances:
            networks = [fit(p, number) for number in seeds or range(count)]
            errors = [error(network.eval() if evaluated else network) for network in networks]
            means.append(min(errors) if best_run else sum(errors) / (1 if total else len(errors)))
        place = means.index(pick(means))
        return {"p": chances[place], "place": place, "error": means[place]}[what], means

    return choose_p


def one_coin_for_all(x, p=0.5, training=True):
    return x * (torch.rand(1) >= p) / (1 - p) if training and p < 1 else x * (1 - training * p // 1)


def normal_coins(x, p=0.5, training=True):
    return (
        x * (torch.randn(x.shape) >= p) / (1 - p) if training and 0 < p < 1 else x * (not training or p < 1)
    )


def one_seed_missing(chances, fit, error, count):
    return choose(seeds=range(count - 1))(chances, fit, error, count)


WRONG = {
    "16.1": [
        Wrong(lambda x, kept, p: x * kept, hint="The factor is missing"),
        Wrong(lambda x, kept, p: x * kept / p if p else x, hint="with the chance 1 - p"),
        Wrong(lambda x, kept, p: x * kept * (1 - p), hint="do not multiply"),
        Wrong(lambda x, kept, p: x * ~kept / (1 - p), hint="you dropped those"),
        Wrong(lambda x, kept, p: x[kept] / (1 - p), hint="has shape"),
    ],
    "16.2": [
        Wrong(dropout(factor=False), hint="the factor 1 / (1 - 0.2) is missing"),
        Wrong(dropout(by_p=True), hint="divided by p"),
        Wrong(dropout(keep=True), hint="p is the chance to be dropped"),
        Wrong(dropout(always=True), hint="In eval() nothing is dropped"),
        Wrong(dropout(scaled_in_use=True), hint="nothing scaled"),
        Wrong(dropout(shape=lambda x: x.shape[1:]), hint="each column whole"),
        Wrong(dropout(fixed=True), hint="the same numbers each time"),
        Wrong(without_case_for_one, hint="nan"),
        Wrong(one_coin_for_all, hint="coin of its own"),
        Wrong(normal_coins, hint="Compare torch.rand with p"),
    ],
    "16.3": [
        Wrong(dropout2d(lambda N, C, H, W: (N, C, H, W)), hint="parts of a channel"),
        Wrong(dropout2d(lambda N, C, H, W: (1, C, 1, 1)), hint="in every picture"),
        Wrong(dropout2d(lambda N, C, H, W: (N, 1, 1, 1)), hint="whole pictures"),
        Wrong(dropout2d(lambda N, C, H, W: (N, C, 1, 1), factor=False), hint="is missing"),
        Wrong(dropout2d(lambda N, C, H, W: (N, C, 1, 1), keep=True), hint="0.25"),
        Wrong(dropout2d(lambda N, C, H, W: (N, C)), hint="raised"),
    ],
    "16.4": [
        Wrong(ask(train=False), hint="in eval(), where nothing is dropped"),
        Wrong(ask(restore=False), hint="left in the other mode"),
        Wrong(ask(error=lambda out, times: out.std(0)), hint="divided by √times"),
        Wrong(ask(error=lambda out, times: out.std(0) / times), hint="the root of times"),
        Wrong(ask(calls=2), hint="called 2 times"),
        Wrong(mean_over_rows, hint="the mean of the answers has shape"),
        Wrong(one_error_for_all, hint="over the first axis as well"),
    ],
    "16.5": [
        Wrong(build(last=[nn.Dropout]), hint="set answers to 0"),
        Wrong(build(last=[nn.ReLU]), hint="as they are"),
        Wrong(build(first=False), hint="drops inputs"),
        Wrong(build(swapped=True), hint="the p of the dropout layers"),
        Wrong(build(evaluated=False), hint="call eval()"),
        Wrong(build(relu=False), hint="but should be"),
    ],
    "16.6": [
        Wrong(choose(evaluated=False), hint="call eval() first"),
        Wrong(choose(seeds=[0]), hint="all 3 seeds"),
        Wrong(one_seed_missing, hint="seed 2; every p wants all 3 seeds"),
        Wrong(choose(seeds=[1, 2, 3]), hint="they are 0 to 2"),
        Wrong(choose(pick=max), hint="the largest mean error"),
        Wrong(choose(what="place"), hint="the place in the list"),
        Wrong(choose(what="error"), hint="not its p"),
        Wrong(choose(total=True), hint="are sums"),
        Wrong(choose(best_run=True), hint="best run"),
    ],
}
