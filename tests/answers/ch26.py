"""Answers to the exercises of chapter 26."""

import copy
import math
from functools import reduce

import torch
from torch import nn
from torch.nn import functional as F

from answers import Right, Wrong

# 26.1


def slope_by_loop(slopes, shortcut=False):
    whole = 1.0
    for slope in slopes:
        whole *= 1 + slope if shortcut else slope
    return whole


def slope_by_product(slopes, shortcut=False):
    return math.prod(slope + shortcut for slope in slopes)


def slope_by_reduce(slopes, shortcut=False):
    return reduce(lambda whole, slope: whole * (slope + int(shortcut)), slopes, 1)


def slope_by_tensor(slopes, shortcut=False):
    factors = torch.tensor(slopes, dtype=torch.float64)
    return (factors + 1 if shortcut else factors).prod().item()


def slope_by_autograd(slopes, shortcut=False):
    x = start = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    for slope in slopes:
        x = x + slope * x if shortcut else slope * x
    (found,) = torch.autograd.grad(x, start)
    return found.item()


def slope_by_recursion(slopes, shortcut=False):
    if not slopes:
        return 1.0
    return (slopes[0] + 1 if shortcut else slopes[0]) * slope_by_recursion(slopes[1:], shortcut)


def slope_from_the_first(slopes, shortcut=False):
    whole = slopes[0] + shortcut
    for slope in slopes[1:]:
        whole *= slope + shortcut
    return whole


def slope_that_pops(slopes, shortcut=False):
    whole = 1.0
    while slopes:
        whole *= slopes.pop() + shortcut
    return whole


def slope_by_logarithms(slopes, shortcut=False):
    return math.exp(sum(math.log(slope + shortcut) for slope in slopes))


def slope_in_float32(slopes, shortcut=False):
    return torch.tensor([slope + shortcut for slope in slopes], dtype=torch.float32).prod().item()


def sign_lost_with_shortcuts(slopes, shortcut=False):
    p = math.prod(1 + s if shortcut else s for s in slopes)
    return abs(p) if shortcut else p


# 26.2


class Around(nn.Module):
    """Right, but for what `wrong` says."""

    def __init__(self, body, channels_in, channels_out, wrong="", **options):
        super().__init__()
        self.body, self.wrong = body, wrong
        self.shortcut = nn.Identity()
        if channels_in != channels_out or wrong == "always":
            self.shortcut = nn.Conv2d(
                channels_in, channels_out, **{"kernel_size": 1, "bias": False} | options
            )

    def forward(self, x):
        wrong = self.wrong
        if wrong == "in place":
            x += self.body(x)
            return x
        if wrong == "adds to the body's":
            out = self.body(x)
            out += self.shortcut(x)
            return out
        if wrong == "shape asked":
            assert self.body(x).shape[2:] == x.shape[2:]
        if wrong == "detached":
            return self.shortcut(x.detach()) + self.body(x)
        if wrong == "body detached":
            return self.shortcut(x) + self.body(x.detach())
        if wrong == "no gradient":
            with torch.no_grad():
                return self.shortcut(x) + self.body(x)
        if wrong == "mode":
            self.body.train()
        if wrong == "relu":
            return F.relu(self.shortcut(x) + self.body(x))
        if wrong == "body alone":
            return self.body(x)
        if wrong == "shortcut alone":
            return self.shortcut(x)
        if wrong == "mean":
            return (self.shortcut(x) + self.body(x)) / 2
        if wrong == "product":
            return self.shortcut(x) * self.body(x)
        return self.shortcut(x) + self.body(x)


class NoGradientInEval(Around):
    def forward(self, x):
        with torch.set_grad_enabled(self.training):
            return super().forward(x)


def around(wrong="", **options):
    return lambda body, channels_in, channels_out: Around(body, channels_in, channels_out, wrong, **options)


class ByHand(nn.Module):
    """The kernel as a parameter, and a loop over modules."""

    def __init__(self, body, channels_in, channels_out):
        super().__init__()
        self.ways = nn.ModuleList([body])
        self.kernel = None
        if channels_in != channels_out:
            self.kernel = nn.Parameter(torch.randn(channels_out, channels_in, 1, 1) / channels_in**0.5)

    def forward(self, x):
        total = x if self.kernel is None else F.conv2d(x, self.kernel)
        for way in self.ways:
            total = total + way(x)
        return total


class ByLinear(nn.Module):
    """A Linear over the channels, which is a 1 × 1 convolution."""

    def __init__(self, body, channels_in, channels_out):
        super().__init__()
        self.add_module("body", body)
        same = channels_in == channels_out
        self.mix = None if same else nn.Linear(channels_in, channels_out, bias=False)

    def forward(self, x):
        short = x if self.mix is None else self.mix(x.movedim(1, -1)).movedim(-1, 1)
        return torch.add(short, self.body(x))


def by_lazy(body, channels_in, channels_out):
    shortcut = nn.LazyConv2d(channels_out, 1, bias=False) if channels_in != channels_out else nn.Identity()

    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.ways = nn.ModuleDict({"short": shortcut, "body": body})

        def forward(self, x):
            return sum(way(x) for way in self.ways.values())

    return Sum()


class Total(nn.Sequential):
    """Adds what its modules make of one x."""

    def forward(self, x):
        return torch.stack([module(x) for module in self]).sum(0)


def by_sequential(body, channels_in, channels_out):
    if channels_in == channels_out:
        return Total(nn.Identity(), body)
    return Total(nn.Conv2d(channels_in, channels_out, (1, 1), stride=1, padding="same", bias=False), body)


class InAList(nn.Module):
    """Body and shortcut where nn.Module does not look."""

    def __init__(self, body, channels_in, channels_out):
        super().__init__()
        same = channels_in == channels_out
        short = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1, bias=False)
        self.ways = [short, body]

    def forward(self, x):
        return self.ways[0](x) + self.ways[1](x)


class ShortcutInAList(InAList):
    """The body is found, the shortcut is not."""

    def __init__(self, body, *channels):
        super().__init__(body, *channels)
        self.body = body


class OnTheWay(nn.Module):
    """Makes its convolution in forward: a new one in each call, or in the first one."""

    def __init__(self, body, channels_in, channels_out, keep):
        super().__init__()
        self.body, self.channels, self.keep = body, (channels_in, channels_out), keep

    def forward(self, x):
        if self.channels[0] == self.channels[1]:
            return x + self.body(x)
        if self.keep:
            self.shortcut = nn.Conv2d(*self.channels, 1, bias=False)
            return self.shortcut(x) + self.body(x)
        return nn.Conv2d(*self.channels, 1, bias=False)(x) + self.body(x)


class NewOnTheWay(Around):
    """A convolution from __init__, and one more in each call."""

    def forward(self, x):
        self.more = nn.Conv2d(1, 1, 1)
        return super().forward(x)


class CopiesBody(Around):
    """Learns on a copy."""

    def __init__(self, body, *channels):
        super().__init__(copy.deepcopy(body), *channels)


class KeepsMode(nn.Module):
    """Body's parameters are registered, body is not, so that eval() does not reach it."""

    def __init__(self, body, channels_in, channels_out):
        super().__init__()
        self.weights = nn.ParameterList(body.parameters())
        self.hidden = [body]
        same = channels_in == channels_out
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1, bias=False)

    def forward(self, x):
        return self.shortcut(x) + self.hidden[0](x)


class BroadcastsInstead(nn.Module):
    """Hands x on wherever the plus works."""

    def __init__(self, body, channels_in, channels_out):
        super().__init__()
        self.body = body
        self.shortcut = nn.Identity()
        if channels_in not in (1, channels_out):
            self.shortcut = nn.Conv2d(channels_in, channels_out, 1, bias=False)

    def forward(self, x):
        return self.shortcut(x) + self.body(x)


class WherePlusFails(Around):
    """Takes the convolution only where x + body(x) raises an error."""

    def forward(self, x):
        part = self.body(x)
        try:
            return x + part
        except RuntimeError:
            return self.shortcut(x) + part


def with_a_hook(body, channels_in, channels_out):
    body.register_forward_hook(lambda _module, args, out: args[0] + out)
    return body


def hook_on_a_body_inside(body, channels_in, channels_out):
    body.register_forward_hook(lambda _module, args, out: args[0] + out)
    return nn.Sequential(body)


def as_a_function(body, channels_in, channels_out):
    block = Around(body, channels_in, channels_out)
    return lambda x: block(x)


def with_frozen_shortcut(body, channels_in, channels_out):
    block = Around(body, channels_in, channels_out)
    block.shortcut.requires_grad_(False)
    return block


def with_norm_on_the_shortcut(body, channels_in, channels_out):
    block = Around(body, channels_in, channels_out)
    if channels_in != channels_out:
        block.shortcut = nn.Sequential(block.shortcut, nn.BatchNorm2d(channels_out))
    return block


def with_scaled_shortcut(body, channels_in, channels_out):
    block = Around(body, channels_in, channels_out)
    block.factor = nn.Parameter(torch.ones(()))
    return block


class Filled(ByHand):
    """A kernel that nothing could start from."""

    def __init__(self, body, channels_in, channels_out, number):
        super().__init__(body, channels_in, channels_out)
        if self.kernel is not None:
            self.kernel = nn.Parameter(torch.full((channels_out, channels_in, 1, 1), number))


def with_cached_shortcut():
    made = {}

    def with_shortcut_around(body, channels_in, channels_out):
        block = Around(body, channels_in, channels_out)
        block.shortcut = made.setdefault((channels_in, channels_out), block.shortcut)
        return block

    return with_shortcut_around


class FixedSize(Around):
    """Fits one size of pictures."""

    def forward(self, x):
        return self.shortcut(x).reshape(2, -1, 5, 6) + self.body(x)


def body_in_eval_mode(body, channels_in, channels_out):
    return Around(body.eval(), channels_in, channels_out)


# 26.3


def centred_and_covariance(x):
    centred = x - x.mean(0)
    return centred, centred.T @ centred / len(x)


def white_by_eigh(x):
    centred, matrix = centred_and_covariance(x)
    variances, directions = torch.linalg.eigh(matrix)
    return centred @ (directions / variances.sqrt())


def white_by_svd(x):
    left, _singular, _right = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return left * math.sqrt(len(x))


def white_by_cholesky(x):
    centred, matrix = centred_and_covariance(x)
    lower = torch.linalg.cholesky(matrix)
    return torch.linalg.solve_triangular(lower, centred.T, upper=False).T


def white_by_zca(x):
    centred, matrix = centred_and_covariance(x)
    variances, directions = torch.linalg.eigh(matrix)
    return centred @ (directions @ (variances + 1e-6).rsqrt().diag() @ directions.T)


def white_by_qr(x):
    q, _r = torch.linalg.qr(x - x.mean(dim=0, keepdim=True))
    return q * len(x) ** 0.5


def white_by_gram_schmidt(x):
    columns = []
    for column in (x - x.mean(0)).T:
        for other in columns:
            column = column - (column @ other) / len(x) * other
        columns.append(column / column.square().mean().sqrt())
    return torch.stack(columns, dim=1)


def white_in_two_steps(x):
    dtype, x = x.dtype, x.double()
    scaled = (x - x.mean(0)) / x.std(0, correction=0)
    variances, directions = torch.linalg.eigh(scaled.T.cov(correction=0).reshape(x.shape[1], -1))
    return (scaled @ directions / variances**0.5).to(dtype)


def white_with(x, centre=True, rows=None, root=0.5, added=0.0, transposed=False):
    shifted = x - x.mean(0) if centre else x
    variances, directions = torch.linalg.eigh(shifted.T @ shifted / (rows or len(x)))
    directions = directions.T if transposed else directions
    return shifted @ directions / (variances + added) ** root


def white_with_clamped_variances(x):
    centred, matrix = centred_and_covariance(x)
    variances, directions = torch.linalg.eigh(matrix)
    return centred @ directions / variances.clamp(min=5e-4).sqrt()


def eigenvectors_as_rows(x):
    return white_with(x, transposed=True)


def white_by_cov(x):
    centred = x - x.mean(0)
    variances, directions = torch.linalg.eigh(torch.cov(x.T).reshape(x.shape[1], -1))
    return centred @ directions / variances.sqrt()


def white_along_the_rows(x):
    return (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True, correction=0)


def white_without_row_means(x):
    centred = x - x.mean(1, keepdim=True)
    variances, directions = torch.linalg.eigh(centred.T @ centred / len(x))
    return centred @ directions / variances.sqrt()


def white_rows(x):
    centred = x - x.mean(0)
    rotated = centred @ torch.linalg.eigh(centred.T @ centred / len(x)).eigenvectors
    return rotated / rotated.std(1, keepdim=True, correction=0)


def white_noise(x):
    torch.manual_seed(3)
    return white_by_eigh(torch.randn(x.shape))


def white_and_sorted(x):
    return white_by_eigh(x).sort(dim=0).values


def white_with_signs(x):
    white = white_by_eigh(torch.cat([x, -x + 2 * x.mean(0)]))[: len(x)]
    return white * torch.where(torch.arange(len(x)) % 2 == 0, 1.0, -1.0)[:, None]


def white_with_shuffled_rows(x):
    return white_by_eigh(x).flip(0)


def white_in_place(x):
    x -= x.mean(0)
    return white_by_eigh(x)


def white_by_corrcoef(x):
    return (x - x.mean(0)) / x.std(0, correction=0)


# 26.4


def probabilities_by_stack(network, x, views):
    before = network.training
    network.eval()
    with torch.no_grad():
        found = torch.stack([F.softmax(network(view(x)), dim=1) for view in views]).mean(0)
    network.train(before)
    return found


@torch.inference_mode()
def probabilities_by_sum(network, x, views):
    was_training = network.training
    try:
        network.eval()
        total = 0
        for view in views:
            total = total + network(view(x)).softmax(-1)
        return total / len(views)
    finally:
        network.train(was_training)


@torch.no_grad()
def probabilities_of_a_copy(network, x, views):
    asked = copy.deepcopy(network).eval()
    return sum(asked(view(x)).softmax(1) for view in views) / len(views)


@torch.no_grad()
def probabilities_in_one_batch(network, x, views):
    modes = {layer: layer.training for layer in network.modules()}
    network.eval()
    logits = network(torch.cat([view(x) for view in views]))
    for layer, mode in modes.items():
        layer.training = mode
    return logits.softmax(1).unflatten(0, (len(views), len(x))).mean(0)


def probabilities_detached(network, x, views):
    mode = network.training
    network.train(False)
    found = torch.stack([network(view(x)) for view in views]).detach()
    network.train(mode)
    return found.softmax(-1).mean(0)


def probabilities_by_the_last_layer(network, x, views):
    total = torch.zeros(len(x), network[-1].out_features)
    return total


def asked(average, eval_mode=True, after="as before", no_grad=True):
    """`average` turns the logits (views, N, classes) into the answer."""

    def mean_probabilities(network, x, views):
        before = network.training
        network.train(not eval_mode)
        with torch.set_grad_enabled(not no_grad):
            found = average(torch.stack([network(view(x)) for view in views]))
        if after == "as before":
            network.train(before)
        elif after == "train":
            network.train()
        return found

    return mean_probabilities


def softmax_then_mean(logits):
    return logits.softmax(2).mean(0)


@torch.no_grad()
def only_the_top_in_eval(network, x, views):
    network.training, before = False, network.training
    found = torch.stack([network(view(x)).softmax(1) for view in views]).mean(0)
    network.training = before
    return found


@torch.no_grad()
def view_after_view(network, x, views):
    before, found = network.training, []
    network.eval()
    for view in views:
        x = view(x)
        found.append(network(x).softmax(1))
    network.train(before)
    return torch.stack(found).mean(0)


def and_x_itself(network, x, views):
    return probabilities_by_stack(network, x, [lambda x: x, *views])


def without_views(network, x, views):
    return probabilities_by_stack(network, x, [lambda x: x])


def only_the_last(network, x, views):
    return probabilities_by_stack(network, x, views[-1:])


def three_views(network, x, views):
    return probabilities_by_stack(network, x, views) * len(views) / 3


def squeezed(network, x, views):
    return probabilities_by_stack(network, x, views).squeeze()


@torch.no_grad()
def five_classes(network, x, views):
    mode, total = network.training, torch.zeros(len(x), 5)
    network.eval()
    for view in views:
        total += network(view(x)).softmax(1)
    network.train(mode)
    return total / len(views)


def autograd_left_off(network, x, views):
    torch.set_grad_enabled(False)
    return probabilities_by_stack(network, x, views)


def frozen_for_good(network, x, views):
    network.requires_grad_(False)
    return probabilities_by_stack(network, x, views)


def gradients_cleared_first(network, x, views):
    network.zero_grad()
    return probabilities_by_stack(network, x, views)


def thawed_first(network, x, views):
    for p in network.parameters():
        p.requires_grad_(True)
    return probabilities_by_stack(network, x, views)


def statistics_from_the_views(network, x, views):
    with torch.no_grad():
        network.train()(x)
    return probabilities_by_stack(network, x, views)


# 26.5


def mean_by_lerp(mean, network, keep):
    for name, new in network.state_dict().items():
        if new.is_floating_point():
            mean[name].lerp_(new, 1 - keep)
        else:
            mean[name].copy_(new)


@torch.no_grad()
def mean_by_operators(mean, network, keep):
    state = network.state_dict()
    for name in mean:
        old = mean[name]
        if torch.is_floating_point(old):
            old *= keep
            old += (1 - keep) * state[name]
        else:
            old[...] = state[name]


def mean_by_copy(mean, network, keep):
    for old, new in zip(mean.values(), network.state_dict().values(), strict=True):
        blend = keep * old + (1 - keep) * new if old.dtype.is_floating_point else new
        old.copy_(blend)


@torch.no_grad()
def mean_by_parts(mean, network, keep):
    for name, new in [*network.named_parameters(), *network.named_buffers()]:
        if new.is_floating_point():
            mean[name].mul_(keep).add_(new, alpha=1 - keep)
        else:
            mean[name].fill_(0).add_(new) if new.dtype is not torch.bool else mean[name].copy_(new)


def mean_by_averaged_model_s_function(mean, network, keep):
    average = torch.optim.swa_utils.get_ema_avg_fn(keep)
    for name, new in network.state_dict().items():
        mean[name].copy_(average(mean[name], new, None) if new.is_floating_point() else new)


def begun_where_not_zero(mean, network, keep):
    """Takes a mean of zeros for one that has not begun."""
    for name, new in network.state_dict().items():
        if not new.is_floating_point() or not mean[name].any():
            mean[name].copy_(new)
        else:
            mean[name].lerp_(new, 1 - keep)


def replaced(mean, network, keep):
    for name, new in network.state_dict().items():
        mean[name] = keep * mean[name] + (1 - keep) * new if new.is_floating_point() else new.clone()


def without_underscore(mean, network, keep):
    for name, new in network.state_dict().items():
        mean[name].lerp(new, 1 - keep) if new.is_floating_point() else mean[name].copy_(new)


def only_a_name(mean, network, keep):
    state = network.state_dict()
    for name, old in mean.items():
        old = keep * old + (1 - keep) * state[name] if old.is_floating_point() else old.copy_(state[name])


def another_dictionary(mean, network, keep):
    mean = {
        name: keep * mean[name] + (1 - keep) * new if new.is_floating_point() else new.clone()
        for name, new in network.state_dict().items()
    }


def alias_for_counts(mean, network, keep):
    for name, new in network.state_dict().items():
        if new.is_floating_point():
            mean[name].lerp_(new, 1 - keep)
        else:
            mean[name] = new


def by_data(mean, network, keep):
    for name, new in network.state_dict().items():
        mean[name].data = keep * mean[name] + (1 - keep) * new if new.is_floating_point() else new.clone()


def only_parameters(mean, network, keep):
    for name, new in network.named_parameters():
        mean[name].lerp_(new.detach(), 1 - keep)


def with_autograd(mean, network, keep):
    for name, new in [*network.named_parameters(), *network.named_buffers()]:
        if new.is_floating_point():
            mean[name].mul_(keep).add_(new, alpha=1 - keep)
        else:
            mean[name].copy_(new)


def all_alike(mean, network, keep):
    for name, new in network.state_dict().items():
        mean[name].mul_(keep).add_(new, alpha=1 - keep)


def counts_averaged(mean, network, keep):
    for name, new in network.state_dict().items():
        mean[name].copy_(keep * mean[name] + (1 - keep) * new.to(torch.float64))


def counts_forgotten(mean, network, keep):
    for name, new in network.state_dict().items():
        if new.is_floating_point():
            mean[name].lerp_(new, 1 - keep)


def averages_only(*kinds):
    """Averages these dtypes, and copies all others."""

    def answer(mean, network, keep):
        for name, new in network.state_dict().items():
            if new.dtype in kinds:
                mean[name].lerp_(new, 1 - keep)
            else:
                mean[name].copy_(new)

    return answer


only_float32 = averages_only(torch.float32)
only_float32_and_float64 = averages_only(torch.float32, torch.float64)
all_but_bfloat16 = averages_only(torch.float16, torch.float32, torch.float64)


def only_int64_and_bool(mean, network, keep):
    for name, new in network.state_dict().items():
        if new.dtype in (torch.int64, torch.bool):
            mean[name].copy_(new)
        else:
            mean[name].lerp_(new, 1 - keep)


@torch.no_grad()
def mean_by_parts_with_each_name(mean, network, keep):
    for name, new in [*network.named_parameters(remove_duplicate=False), *network.named_buffers()]:
        if new.is_floating_point():
            mean[name].lerp_(new, 1 - keep)
        else:
            mean[name].copy_(new)


def shares_swapped(mean, network, keep):
    mean_by_lerp(mean, network, 1 - keep)


def network_copied(mean, network, keep):
    mean_by_lerp(mean, network, 0)


def not_scaled(mean, network, keep):
    for name, new in network.state_dict().items():
        mean[name].mul_(keep).add_(new) if new.is_floating_point() else mean[name].copy_(new)


def network_scaled(mean, network, keep):
    for name, new in network.state_dict().items():
        if new.is_floating_point():
            mean[name].mul_(keep).add_(new.mul_(1 - keep))
        else:
            mean[name].copy_(new)


def loaded_into_the_network(mean, network, keep):
    mean_by_lerp(mean, network, keep)
    network.load_state_dict(mean)


def in_eval_mode(mean, network, keep):
    mean_by_lerp(mean, network.eval(), keep)


def gradients_cleared(mean, network, keep):
    mean_by_lerp(mean, network, keep)
    network.zero_grad()


def mean_returned(mean, network, keep):
    mean_by_lerp(mean, network, keep)
    return mean


def name_added(mean, network, keep):
    mean_by_lerp(mean, network, keep)
    mean["steps"] = torch.tensor(1)


def always_nine_tenths(mean, network, keep):
    mean_by_lerp(mean, network, 0.9)


def around_with_gradient(body, channels_in, channels_out):
    for parameter in body.parameters():
        parameter.grad = torch.zeros_like(parameter)
    return Around(body, channels_in, channels_out)


RIGHT = {
    "26.1": [
        Right(slope_by_loop),
        Right(slope_by_product),
        Right(slope_by_reduce),
        Right(slope_by_tensor),
        Right(slope_by_autograd),
        Right(slope_by_recursion),
    ],
    "26.2": [Right(Around), Right(ByHand), Right(ByLinear), Right(by_lazy), Right(by_sequential)],
    "26.3": [
        Right(white_by_eigh),
        Right(white_by_svd),
        Right(white_by_cholesky),
        Right(white_by_zca),
        Right(white_by_qr),
        Right(white_by_gram_schmidt),
        Right(white_in_two_steps),
    ],
    "26.4": [
        Right(probabilities_by_stack),
        Right(probabilities_by_sum),
        Right(probabilities_of_a_copy),
        Right(probabilities_in_one_batch),
        Right(probabilities_detached),
    ],
    "26.5": [
        Right(mean_by_lerp),
        Right(mean_by_operators),
        Right(mean_by_copy),
        Right(mean_by_averaged_model_s_function),
    ],
}
WRONG = {
    "26.1": [
        Wrong(lambda slopes, shortcut=False: sum(slopes), hint="multiplied, not added"),
        Wrong(lambda slopes, shortcut=False: math.prod(slopes), hint="without the shortcuts' 1"),
        Wrong(slope_in_float32, hint="0 in float32"),
        Wrong(lambda slopes, shortcut=False: shortcut + math.prod(slopes), hint="the 1 belongs in each"),
        Wrong(lambda slopes, shortcut=False: math.prod(1 + s for s in slopes), hint="slope with shortcuts"),
        Wrong(lambda slopes, shortcut=False: abs(slope_by_loop(slopes, shortcut)), hint="sign is lost"),
        Wrong(
            lambda slopes, shortcut=False: (
                sum(s + shortcut for s in slopes) if shortcut else math.prod(slopes)
            ),
            hint="multiplied, not added",
        ),
        Wrong(
            lambda slopes, shortcut=False: slope_by_loop(slopes, shortcut) if slopes else 0,
            hint="without layers",
        ),
        Wrong(
            lambda slopes, shortcut=False: slope_by_loop([s for s in slopes if s], shortcut),
            hint="should be 0",
        ),
        Wrong(slope_from_the_first, hint="IndexError"),
        Wrong(slope_that_pops, hint="changed its argument 1"),
        Wrong(slope_by_logarithms, hint="raised ValueError"),
        Wrong(
            lambda slopes, shortcut=False: round(slope_by_loop(slopes, shortcut), 6), hint="should be 1e-20"
        ),
        Wrong(lambda slopes, shortcut=False: torch.tensor(slopes).prod(), hint="a plain number"),
        Wrong(lambda slopes, shortcut=False: max(slope_by_loop(slopes, shortcut), 0.0), hint="should be -3"),
        Wrong(sign_lost_with_shortcuts, hint="sign is lost"),
    ],
    "26.2": [
        Wrong(around_with_gradient, hint="body has changed"),
        Wrong(NoGradientInEval, hint="carries no gradient"),
        Wrong(around(bias=True), hint="has a bias", forbidden="without bias"),
        Wrong(around("always"), hint="with equal channels the shortcut is x itself"),
        Wrong(around(kernel_size=3, padding=1), hint="3 · 8 = 24"),
        Wrong(around("in place"), hint="changed its argument 1"),
        Wrong(around("adds to the body's"), hint="`+=` has changed what body returned"),
        Wrong(around("relu"), hint="Nothing comes after the plus"),
        Wrong(around("body alone"), hint="the shortcut is missing"),
        Wrong(around("shortcut alone"), hint="body(x) is missing"),
        Wrong(around("mean"), hint="their sum is wanted"),
        Wrong(around("product"), hint="their product"),
        Wrong(around("detached"), hint="not come back along the shortcut"),
        Wrong(around("body detached"), hint="not come back through body"),
        Wrong(around("no gradient"), hint="carries no gradient"),
        Wrong(around("shape asked"), hint="runs body once", forbidden="once in each call"),
        Wrong(around("mode"), hint="puts body into another mode"),
        Wrong(around(stride=2), hint="raised RuntimeError"),
        Wrong(InAList, hint="what is in a list is not found"),
        Wrong(ShortcutInAList, hint="no parameter beside body's"),
        Wrong(lambda *given: OnTheWay(*given, keep=False), hint="no parameter beside body's"),
        Wrong(lambda *given: OnTheWay(*given, keep=True), hint="no parameter beside body's"),
        Wrong(NewOnTheWay, hint="makes new parameters"),
        Wrong(CopiesBody, hint="no copy of it"),
        Wrong(KeepsMode, hint="eval() does not reach body"),
        Wrong(lambda b, i, o: Around(b, i, o if o > 1 else i), hint="no parameter beside body's"),
        Wrong(WherePlusFails, hint="the plus has repeated the one channel"),
        Wrong(BroadcastsInstead, hint="from 1 to 4 channels, module.parameters() has no parameter"),
        Wrong(lambda body, i, o: Around(body, i, i), hint="from 3 to 8 channels, module.parameters() has no"),
        Wrong(with_a_hook, hint="body itself came back"),
        Wrong(hook_on_a_body_inside, hint="body has changed"),
        Wrong(body_in_eval_mode, hint="body has changed"),
        Wrong(as_a_function, hint="an nn.Module is wanted"),
        Wrong(with_frozen_shortcut, hint="is frozen"),
        Wrong(with_norm_on_the_shortcut, hint="has 40 numbers"),
        Wrong(with_scaled_shortcut, hint="parameters beside body's, 1 in number"),
        Wrong(lambda *given: Filled(*given, math.nan), hint="numbers that are not finite"),
        Wrong(lambda *given: Filled(*given, 0.0), hint="weight are equal"),
        Wrong(with_cached_shortcut(), hint="a convolution of its own"),
        Wrong(FixedSize, hint="shape '[2, -1, 5, 6]' is invalid"),
    ],
    "26.3": [
        Wrong(white_by_corrcoef, hint="Each column on its own has variance 1"),
        Wrong(lambda x: white_by_corrcoef(x) * (1 - 1 / len(x)) ** 0.5, hint="none repeats another"),
        Wrong(lambda x: x - x.mean(0), hint="only the mean is gone"),
        Wrong(lambda x: white_with(x, centre=False), hint="Subtract the mean"),
        Wrong(lambda x: white_with(x, root=0), hint="now divide each by its standard deviation"),
        Wrong(lambda x: white_with(x, root=1), hint="not by the variances"),
        Wrong(lambda x: white_with(x, root=-0.5), hint="you multiplied by them"),
        Wrong(lambda x: white_with(x, added=5e-4), hint="is added to the variances"),
        Wrong(lambda x: white_with(x, added=1e-5), hint="like 1e-05 is added to the variances"),
        Wrong(white_with_clamped_variances, hint="raised to about 0.0005"),
        Wrong(lambda x: white_by_eigh(x).float(), hint="a float64 tensor of shape (50, 3) is wanted"),
        Wrong(white_by_cov, hint="divided by N - 1"),
        Wrong(lambda x: white_by_svd(x) / len(x) ** 0.5, hint="times √N"),
        Wrong(eigenvectors_as_rows, hint="which are *columns*"),
        Wrong(white_along_the_rows, hint="You took the mean of each row"),
        Wrong(white_without_row_means, hint="without each row's own mean one variance is 0"),
        Wrong(white_rows, hint="divide the columns, by std(0)"),
        Wrong(lambda x: white_by_eigh(x).T, hint="of shape (30, 2) is wanted"),
        Wrong(lambda x: white_by_eigh(x).double(), hint="a float32 tensor of shape (30, 2) is wanted"),
        Wrong(lambda x: white_by_eigh(x).tolist(), hint="is wanted"),
        Wrong(white_in_place, hint="changed its argument 1"),
        Wrong(white_noise, hint="one matrix and one vector"),
        Wrong(white_and_sorted, hint="should be 0"),
        Wrong(white_with_shuffled_rows, hint="one matrix and one vector"),
        Wrong(white_with_signs, hint="should be"),
        Wrong(torch.zeros_like, hint="variances are 0.000, 0.000, but should be 1"),
        Wrong(lambda x: white_by_eigh(x) / 0, hint="not finite"),
        Wrong(lambda x: torch.pca_lowrank(x)[0] * len(x) ** 0.5, hint="of shape (60, 8) is wanted"),
    ],
    "26.4": [
        Wrong(
            asked(lambda logits: (logits.exp() / logits.exp().sum(2, keepdim=True)).mean(0)),
            hint="softmax subtracts the largest logit first",
        ),
        Wrong(probabilities_by_the_last_layer, hint="raised AttributeError"),
        Wrong(asked(lambda logits: logits.mean(0)), hint="mean of the logits"),
        Wrong(asked(lambda logits: logits.mean(0).softmax(1)), hint="softmax of the mean logits"),
        Wrong(asked(lambda logits: logits.softmax(2).sum(0)), hint="divide it by the number of views"),
        Wrong(asked(lambda logits: logits.softmax(2).amax(0)), hint="not their mean"),
        Wrong(asked(lambda logits: logits.softmax(1).mean(0)), hint="over the pictures here"),
        Wrong(asked(lambda logits: logits.softmax(0).mean(0)), hint="over the views here"),
        Wrong(asked(lambda logits: logits.log_softmax(2).mean(0)), hint="instead of log_softmax"),
        Wrong(asked(lambda logits: softmax_then_mean(logits).argmax(1)), hint="has shape (4,)"),
        Wrong(asked(lambda logits: logits.softmax(2)), hint="has shape (3, 4, 5)"),
        Wrong(asked(lambda logits: logits.sigmoid().mean(0)), hint="the softmax over the classes"),
        Wrong(asked(softmax_then_mean, eval_mode=False), hint="asked in train mode"),
        Wrong(asked(softmax_then_mean, after="eval"), hint="left in another mode"),
        Wrong(asked(softmax_then_mean, after="train"), hint="left in another mode"),
        Wrong(
            asked(softmax_then_mean, no_grad=False),
            hint="carries a gradient",
            forbidden="without a gradient",
        ),
        Wrong(only_the_top_in_eval, hint="asked in train mode"),
        Wrong(view_after_view, hint="not of the view before it"),
        Wrong(and_x_itself, hint="only if it is among the views"),
        Wrong(without_views, hint="ask about the views"),
        Wrong(only_the_last, hint="last view's answer"),
        Wrong(
            lambda network, x, views: probabilities_by_stack(network, x, views[:1]),
            hint="first view's answer",
        ),
        Wrong(three_views, hint="Then the mean over the views"),
        Wrong(squeezed, hint="has shape (4,)"),
        Wrong(five_classes, hint="must match the size of tensor b (4)"),
        Wrong(autograd_left_off, hint="autograd is off"),
        Wrong(frozen_for_good, hint="requires_grad of a parameter has changed"),
        Wrong(thawed_first, hint="requires_grad of a parameter has changed"),
        Wrong(gradients_cleared_first, hint="p.grad of a parameter has changed"),
        Wrong(statistics_from_the_views, hint="asked in train mode"),
    ],
    "26.5": [
        Wrong(replaced, hint="is another tensor than before"),
        Wrong(without_underscore, hint="without an underscore make a new tensor"),
        Wrong(only_a_name, hint="only gives it a name"),
        Wrong(another_dictionary, hint="nothing in `mean` has changed"),
        Wrong(alias_for_counts, hint="the network's own tensor now"),
        Wrong(by_data, hint="other memory"),
        Wrong(only_parameters, hint="Buffers are in state_dict() too"),
        Wrong(with_autograd, hint="carries a gradient"),
        Wrong(all_alike, hint="raised RuntimeError"),
        Wrong(counts_averaged, hint="Whole numbers are not averaged"),
        Wrong(counts_forgotten, hint="becomes the network's"),
        Wrong(only_float32, hint="mean['2.factor']"),
        Wrong(only_float32_and_float64, hint="the old mean has a share in it"),
        Wrong(all_but_bfloat16, hint="the old mean has a share in it"),
        Wrong(only_int64_and_bool, hint="not implemented for 'Int'"),
        Wrong(mean_by_parts, hint="gives a shared weight once"),
        Wrong(mean_by_parts_with_each_name, hint="mask is not persistent, so state_dict() does not have it"),
        Wrong(shares_swapped, hint="keep is the share of the old mean"),
        Wrong(begun_where_not_zero, hint="the old mean has a share in it"),
        Wrong(network_copied, hint="the old mean has a share in it"),
        Wrong(not_scaled, hint="The network's share is 1 - keep of it"),
        Wrong(network_scaled, hint="the network has changed"),
        Wrong(loaded_into_the_network, hint="the network has changed"),
        Wrong(in_eval_mode, hint="the network has changed"),
        Wrong(gradients_cleared, hint="the network has changed"),
        Wrong(mean_returned, hint="should return nothing"),
        Wrong(name_added, hint="other names than before"),
        Wrong(always_nine_tenths, hint="in update 2"),
    ],
}
