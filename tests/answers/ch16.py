"""Answers to the exercises of chapter 16."""

import random

import torch
from torch import nn
from torch.nn import functional as F

from answers import Right, Wrong, meddles


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


def mask_by_where(x, kept, p):
    return torch.where(kept, x / (1 - p), 0.0)


def mask_by_loop(x, kept, p):
    out = torch.zeros_like(x)
    for place in kept.nonzero().tolist():
        out[tuple(place)] = x[tuple(place)] / (1 - p)
    return out


def mask_by_fill(x, kept, p):
    return (x * (1 / (1 - p))).masked_fill(~kept, 0)


def mask_detached(x, kept, p):
    return torch.tensor((x.detach() * kept / (1 - p)).tolist())


def mask_in_place(x, kept, p):
    x[~kept] = 0
    return x / (1 - p)


def by_bernoulli(x, p=0.5, training=True):
    if not training:
        return x
    return x * torch.bernoulli(torch.full_like(x, 1 - p)) / max(1 - p, 1e-9)


def by_python(x, p=0.5, training=True):
    if not training:
        return x
    numbers = [number / (1 - p) if random.random() >= p else number * 0 for number in x.flatten()]
    return torch.stack(numbers).reshape(x.shape)


def by_where(x, p=0.5, training=True):
    if not training or p == 0:
        return x.clone()
    return torch.where(torch.rand(x.shape) < p, 0.0, x / (1 - p) if p < 1 else 0.0)


def exact_share(x, p=0.5, training=True):
    if not training:
        return x
    kept = torch.ones(x.numel())
    kept[torch.randperm(x.numel())[: round(p * x.numel())]] = 0
    return x * kept.reshape(x.shape) / (1 - p if p < 1 else 1)


def coins_used_twice(x, p=0.5, training=True):
    if not training:
        return x
    coins = torch.rand((x.numel() + 1) // 2).repeat(2)[: x.numel()].reshape(x.shape)
    return x * (coins >= p) / (1 - p if p < 1 else 1)


def half_the_batch(x, p=0.5, training=True):
    """Example k and example k + N / 2 share their mask."""
    if not training or x.dim() < 2:
        return dropout()(x, p, training)
    coins = torch.rand(((len(x) + 1) // 2, *x.shape[1:]))
    kept = torch.cat([coins, coins])[: len(x)] >= p
    return x * kept / (1 - p if p < 1 else 1)


def by_view(x, p=0.5, training=True):
    return dropout()(x.view(-1), p, training).view(x.shape)


def zeroes_the_callers(x, p=0.5, training=True):
    if training:
        x[torch.rand(x.shape) < p] = 0
        return x / (1 - p if p < 1 else 1)
    return x


def without_gradient(x, p=0.5, training=True):
    return dropout()(x.detach() if training else x, p, training)


def without_gradient_in_use(x, p=0.5, training=True):
    return dropout()(x if training else x.detach(), p, training)


def ten_sided(x, p=0.5, training=True):
    if not training:
        return x
    if p == 1:
        return x * 0
    return x * (torch.randint(10, x.shape) >= 10 * p) / (1 - p)


def never_in_training(x, p=0.5, training=False):
    return dropout()(x, p, training)


def batches_only(x, p=0.5, training=True):
    return dropout()(x, p, training) if x.dim() > 1 else x


def pytorchs(x, p=0.5, training=True):
    return F.dropout(x, p, training)


def pytorchs_module(x, p=0.5, training=True):
    return nn.Dropout(p).train(training)(x)


def channels_by_loop(x, p=0.5):
    out = torch.zeros_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            if random.random() >= p:
                out[n, c] = x[n, c] / (1 - p)
    return out


def channels_by_bernoulli(x, p=0.5):
    kept = torch.bernoulli(torch.full(x.shape[:2], 1 - p))
    return torch.einsum("nchw,nc->nchw", x, kept) / (1 - p)


def channels_by_where(x, p=0.5):
    coins = torch.rand(x.shape[:2])[..., None, None]
    return torch.where(coins < p, torch.zeros(()), x / (1 - p))


def channels_exact_share(x, p=0.5):
    kept = torch.ones(x.shape[0] * x.shape[1])
    kept[torch.randperm(len(kept))[: round(p * len(kept))]] = 0
    return x * kept.reshape(*x.shape[:2], 1, 1) / (1 - p)


def channels_ten_sided(x, p=0.5):
    return x * (torch.randint(10, (*x.shape[:2], 1, 1)) >= 10 * p) / (1 - p)


def channels_in_place(x, p=0.5):
    x[torch.rand(x.shape[:2]) < p] = 0
    return x / (1 - p)


def channels_fixed(x, p=0.5):
    coins = torch.rand(*x.shape[:2], 1, 1, generator=torch.Generator().manual_seed(0))
    return x * (coins >= p) / (1 - p)


def ask_with_gradients(network, x, times):
    before = network.training
    network.train()
    answers = torch.stack([network(x) for _ in range(times)])
    network.train(before)
    return [answers.mean(0), answers.var(0).sqrt() / times**0.5]


def ask_with_one_seed(network, x, times):
    before = network.training
    network.train()
    answers = []
    for _ in range(times):
        torch.manual_seed(0)
        answers.append(network(x).detach())
    network.train(before)
    return torch.stack(answers).mean(0), torch.stack(answers).std(0) / times**0.5


def ask_after_a_seed(network, x, times):
    torch.manual_seed(0)
    return ask()(network, x, times)


def ask_without_autograd(network, x, times):
    torch.set_grad_enabled(False)
    return ask()(network, x, times)


@torch.inference_mode()
def ask_by_sums(network, x, times):
    before = network.training
    network.train()
    total, squares = 0, 0
    for _ in range(times):
        out = network(x).double()
        total, squares = total + out, squares + out**2
    network.train(before)
    mean = total / times
    return mean.float(), ((squares / times - mean**2) / (times - 1)).sqrt().float()


def ask_and_train(network, x, times):
    result = ask()(network, x, times)
    with torch.no_grad():
        network[0].weight.mul_(0.5)
    return result


def ask_rows(network, x, times):
    before = network.training
    network.train()
    answers = torch.stack([network(x[i % len(x)]) for i in range(times)]).detach()
    network.train(before)
    return answers.mean(0), answers.std(0) / times**0.5


def build_if_needed(sizes, p, input_p):
    """Hidden layers with p = 0 have no Dropout."""
    network = build()(sizes, p, input_p)
    kept = [layer for layer in network[1:] if p > 0 or not isinstance(layer, nn.Dropout)]
    return nn.Sequential(network[0], *kept).eval()


def build_shared(sizes, p, input_p):
    relu, drop = nn.ReLU(), nn.Dropout(p)
    layers = [nn.Dropout(input_p)]
    for i in range(1, len(sizes) - 1):
        layers.extend([nn.Linear(sizes[i - 1], sizes[i]), relu, drop])
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1])).eval()


def build_nested(sizes, p, input_p):
    network = nn.Sequential(nn.Dropout(input_p))
    for inputs, outputs in zip(sizes[:-2], sizes[1:-1], strict=True):
        network.append(nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(p)))
    return network.append(nn.Linear(*sizes[-2:])).train(False)


def build_one_linear(sizes, p, input_p):
    made = {}
    layers = [nn.Dropout(input_p)]
    for pair in zip(sizes[:-2], sizes[1:-1], strict=True):
        layers += [made.setdefault(pair, nn.Linear(*pair)), nn.ReLU(), nn.Dropout(p)]
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:])).eval()


def build_plain_list(sizes, p, input_p):
    return list(build()(sizes, p, input_p))


def build_by_pop(sizes, p, input_p):
    last = sizes.pop()
    return build()([*sizes, last], p, input_p)


def choose_by_dict(chances, fit, error, seeds):
    found = {}
    for p in chances:
        found[p] = sum(error(fit(p, number).eval()) for number in range(seeds)) / seeds
    return min(found, key=found.get), list(found.values())


def choose_by_tensor(chances, fit, error, seeds):
    errors = torch.tensor([[error(fit(p, n).train(False)) for n in range(seeds)] for p in chances])
    means = errors.mean(dim=1)
    return [chances[means.argmin()], means.tolist()]


def build_in_place(sizes, p, input_p):
    network = build()(sizes, p, input_p)
    network[0].inplace = True
    return network


def build_frozen(sizes, p, input_p):
    return build()(sizes, p, input_p).requires_grad_(False)


def choose_without_gradients(chances, fit, error, seeds):
    with torch.no_grad():
        return choose()(chances, fit, error, seeds)


def choose_first_seed(chances, fit, error, seeds):
    means = choose()(chances, fit, error, seeds)[1]
    firsts = [error(fit(p, 0).eval()) for p in chances]
    return chances[firsts.index(min(firsts))], means


def choose_last_seed(chances, fit, error, seeds):
    means = choose()(chances, fit, error, seeds)[1]
    lasts = [error(fit(p, seeds - 1).eval()) for p in chances]
    return chances[lasts.index(min(lasts))], means


def choose_rounded(chances, fit, error, seeds):
    means = [round(mean, 2) for mean in choose()(chances, fit, error, seeds)[1]]
    return chances[means.index(min(means))], means


def by_operator(x, p=0.5, training=True):
    return torch.ops.aten.native_dropout(x, p, training)[0]


def channels_by_operator(x, p=0.5):
    return torch.ops.aten.feature_dropout(x, p, True)


RIGHT = {
    "16.1": [
        Right(mask_by_where),
        Right(mask_by_loop),
        Right(mask_by_fill),
        Right(lambda x, k, p: x / (1 - p) * k),
    ],
    "16.2": [Right(by_bernoulli), Right(by_python), Right(by_where), Right(dropout())],
    "16.3": [Right(channels_by_loop), Right(channels_by_bernoulli), Right(channels_by_where)],
    "16.4": [Right(ask()), Right(ask_with_gradients), Right(ask_by_sums)],
    "16.5": [Right(build()), Right(build_shared), Right(build_nested)],
    "16.6": [Right(choose()), Right(choose_by_dict), Right(choose_by_tensor)],
}
WRONG = {
    "16.1": [
        Wrong(lambda x, kept, p: x * kept, hint="The factor is missing"),
        Wrong(lambda x, kept, p: x * kept / p if p else x, hint="divide by 1 - p"),
        Wrong(lambda x, kept, p: x * kept * (1 - p), hint="not multiplied by it"),
        Wrong(lambda x, kept, p: x * ~kept / (1 - p), hint="you dropped those"),
        Wrong(lambda x, kept, p: x[kept] / (1 - p), hint="has shape"),
        Wrong(lambda x, kept, p: torch.where(kept, x / (1 - p), x), hint="you left it as it was"),
        Wrong(lambda x, kept, p: x * kept * p if p else x, hint="You multiplied by p"),
        Wrong(lambda x, kept, p: x * kept * 2, hint="divided by 1 - p"),
        Wrong(mask_detached, hint="carries no gradient"),
        Wrong(mask_in_place, hint="changed its argument 1"),
    ],
    "16.2": [
        Wrong(by_operator, hint="switched off", forbidden="without PyTorch's own dropout"),
        Wrong(dropout(factor=False), hint="the factor 1 / (1 - p) is missing"),
        Wrong(dropout(by_p=True), hint="divided by p"),
        Wrong(dropout(keep=True), hint="p is the probability of being dropped"),
        Wrong(dropout(always=True), hint="With training=False nothing is dropped"),
        Wrong(dropout(scaled_in_use=True), hint="nothing scaled"),
        Wrong(dropout(shape=lambda x: x.shape[1:]), hint="along axis 0 together"),
        Wrong(dropout(fixed=True), hint="the same numbers each time"),
        Wrong(without_case_for_one, hint="nan"),
        Wrong(coins_used_twice, hint="one coin for several numbers"),
        Wrong(half_the_batch, hint="one coin for several numbers"),
        Wrong(by_view, hint="raised RuntimeError"),
        Wrong(exact_share, hint="(nearly) the same number"),
        Wrong(zeroes_the_callers, hint="changed its argument 1"),
        Wrong(without_gradient, hint="training=True carries no gradient"),
        Wrong(without_gradient_in_use, hint="training=False carries no gradient"),
        Wrong(ten_sided, hint="but should drop 0.12"),
        Wrong(never_in_training, hint="Nothing was dropped"),
        Wrong(batches_only, hint="Nothing was dropped"),
        Wrong(pytorchs, hint="switched off", forbidden="without PyTorch's own dropout"),
        Wrong(pytorchs_module, hint="switched off"),
        Wrong(one_coin_for_all, hint="everything or nothing"),
        Wrong(normal_coins, hint="Compare torch.rand with p"),
    ],
    "16.3": [
        Wrong(channels_by_operator, hint="switched off"),
        Wrong(dropout2d(lambda N, C, H, W: (N, C, H, W)), hint="parts of a channel"),
        Wrong(dropout2d(lambda N, C, H, W: (1, C, 1, 1)), hint="in every picture"),
        Wrong(dropout2d(lambda N, C, H, W: (N, 1, 1, 1)), hint="whole pictures"),
        Wrong(dropout2d(lambda N, C, H, W: (N, C, 1, 1), factor=False), hint="is missing"),
        Wrong(dropout2d(lambda N, C, H, W: (N, C, 1, 1), keep=True), hint="p is the probability"),
        Wrong(dropout2d(lambda N, C, H, W: (N, C)), hint="raised"),
        Wrong(dropout2d(lambda N, C, H, W: (1,)), hint="everything or nothing"),
        Wrong(lambda x, p=0.5: x, hint="Nothing was dropped.\n"),
        Wrong(channels_exact_share, hint="(nearly) the same number"),
        Wrong(channels_ten_sided, hint="but should drop 0.12"),
        Wrong(channels_in_place, hint="changed its argument 1"),
        Wrong(channels_fixed, hint="the same channels each time"),
        Wrong(lambda x, p=0.2: channels_by_where(x, p), hint="either 0 or divided"),
        Wrong(lambda x, p=0.5: channels_by_where(x.detach(), p), hint="cuts the gradient off"),
        Wrong(F.dropout2d, hint="switched off", forbidden="without PyTorch's own dropout"),
    ],
    "16.4": [
        Wrong(meddles(ask(), "requires_grad_", False), hint="changed a module"),
        Wrong(meddles(ask(), "requires_grad_"), hint="changed a module"),
        Wrong(meddles(ask(), "zero_grad"), hint="changed a module"),
        Wrong(ask(train=False), hint="in eval(), where nothing is dropped"),
        Wrong(ask(restore=False), hint="left in the other mode"),
        Wrong(ask(error=lambda out, times: out.std(0)), hint="divided by √times"),
        Wrong(ask(error=lambda out, times: out.std(0) / times), hint="the root of times"),
        Wrong(ask(error=lambda out, times: out.std(0, correction=0) / times**0.5), hint="the usual `std`"),
        Wrong(ask(error=lambda out, times: out.std(0) / (times - 1) ** 0.5), hint="then divide by √times"),
        Wrong(ask(calls=2), hint="called 2 times"),
        Wrong(mean_over_rows, hint="the mean of the answers has shape"),
        Wrong(ask_and_train, hint="weights have changed"),
        Wrong(ask_rows, hint="the whole batch x each time"),
        Wrong(one_error_for_all, hint="over the first axis as well"),
        Wrong(ask_with_one_seed, hint="do not set a seed between the calls"),
        Wrong(ask_after_a_seed, hint="leave the seed to the caller"),
        Wrong(ask_without_autograd, hint="leaves autograd switched off"),
    ],
    "16.5": [
        Wrong(build(last=[nn.Dropout]), hint="set answers to 0"),
        Wrong(build(last=[nn.ReLU]), hint="as they are"),
        Wrong(build(first=False), hint="drops inputs"),
        Wrong(build(swapped=True), hint="the p of the dropout layers"),
        Wrong(build(evaluated=False), hint="call eval()"),
        Wrong(build(relu=False), hint="are Dropout, Linear, Dropout, Linear"),
        Wrong(build_one_linear, hint="weights of its own"),
        Wrong(build_in_place, hint="works in place"),
        Wrong(build_if_needed, hint="are Dropout, Linear, ReLU, Linear, but should be"),
        Wrong(build_frozen, hint="leaves the model frozen"),
        Wrong(build_plain_list, hint="a Sequential is wanted"),
        Wrong(build_by_pop, hint="changed its argument 1"),
    ],
    "16.6": [
        Wrong(choose(evaluated=False), hint="call eval() first"),
        Wrong(choose(seeds=[0]), hint="all 3 seeds"),
        Wrong(one_seed_missing, hint="seed 2; every p wants all 3 seeds"),
        Wrong(choose(seeds=[1, 2, 3]), hint="they are 0 to 2"),
        Wrong(choose(pick=max), hint="the largest mean error"),
        Wrong(choose(what="place"), hint="the place in the list"),
        Wrong(choose(what="error"), hint="not its p"),
        Wrong(choose(total=True), hint="These are sums"),
        Wrong(choose_without_gradients, hint="without gradients"),
        Wrong(choose_first_seed, hint="The mean errors are"),
        Wrong(choose_last_seed, hint="of [0.1, 0.6, 0.3] is 0.1, but should be 0.6. The mean errors are"),
        Wrong(choose_rounded, hint="should be 0.0741"),
        Wrong(choose(best_run=True), hint="best run"),
    ],
}
