"""Answers to the exercises of chapter 12."""

import copy

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from answers import Right, Wrong, meddles


def axes(batch=(0, 2, 3), layer=(1, 2, 3), instance=(2, 3)):
    return batch, layer, instance


def norm_over(dim, correction=0, root=True, eps_inside=True):
    def batch_norm(x, eps=1e-5):
        var = x.var(dim=dim, correction=correction, keepdim=True)
        below = var + eps if eps_inside else var
        return (x - x.mean(dim=dim, keepdim=True)) / (below.sqrt() if root else below)

    return batch_norm


def eps_outside(x, eps=1e-5):
    return (x - x.mean((0, 2, 3), keepdim=True)) / (x.std((0, 2, 3), correction=0, keepdim=True) + eps)


def no_keepdim(x, eps=1e-5):
    return (x - x.mean((0, 2, 3))) / (x.var((0, 2, 3), correction=0) + eps).sqrt()


def mean_only(x, eps=1e-5):
    return x - x.mean((0, 2, 3), keepdim=True)


def library(x, groups, eps=1e-5):
    return nn.GroupNorm(groups, x.shape[1], eps=eps)(x)


def update_mean_only(mean, var, x, momentum=0.1):
    return (1 - momentum) * mean + momentum * x.mean(0), var


def update_swapped(mean, var, x, momentum=0.1):
    return momentum * mean + (1 - momentum) * x.mean(0), momentum * var + (1 - momentum) * x.var(0)


def update_by_n(mean, var, x, momentum=0.1):
    return (1 - momentum) * mean + momentum * x.mean(0), (1 - momentum) * var + momentum * x.var(
        0, correction=0
    )


def update_deviation(mean, var, x, momentum=0.1):
    return (1 - momentum) * mean + momentum * x.mean(0), (1 - momentum) * var + momentum * x.std(0)


def update_batch_only(mean, var, x, momentum=0.1):
    return x.mean(0), x.var(0)


def update_axis(mean, var, x, momentum=0.1):
    return (1 - momentum) * mean + momentum * x.mean(), (1 - momentum) * var + momentum * x.var()


def groups_as(shape_of, dim, correction=0, own_eps=None):
    def group_norm(x, groups, eps=1e-5):
        eps = eps if own_eps is None else own_eps
        rows = x.reshape(shape_of(groups, *x.shape))
        mean = rows.mean(dim=dim, keepdim=True)
        var = rows.var(dim=dim, correction=correction, keepdim=True)
        return ((rows - mean) / (var + eps).sqrt()).reshape(x.shape)

    return group_norm


def fold(weight=True, eps=True, mean=True, own_bias=True, beta=True, copy_options=True, scaled=True):
    def folded(conv, norm):
        options = {"stride": conv.stride, "padding": conv.padding} if copy_options else {}
        layer = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, **options)
        scale = 1 / (norm.running_var + (norm.eps if eps else 0)).sqrt()
        scale = scale * norm.weight if weight else scale
        with torch.no_grad():
            layer.weight.copy_(conv.weight * (scale.view(-1, 1, 1, 1) if scaled else 1))
            layer.bias.zero_()
            if conv.bias is not None and own_bias:
                layer.bias += conv.bias * scale
            if mean:
                layer.bias -= norm.running_mean * scale
            if beta:
                layer.bias += norm.bias
        return layer

    return folded


def fold_with_hook(conv, norm):
    layer = fold()(conv, norm)
    layer.register_forward_hook(lambda module, args, out: out)
    return layer


def fold_in_place(conv, norm):
    with torch.no_grad():
        conv.weight *= (norm.weight / (norm.running_var + norm.eps).sqrt()).view(-1, 1, 1, 1)
    return conv


def fold_without_bias(conv, norm):
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    layer = nn.Conv2d(3, 4, conv.kernel_size, stride=conv.stride, padding=conv.padding, bias=False)
    with torch.no_grad():
        layer.weight.copy_(conv.weight * scale.view(-1, 1, 1, 1))
    return layer


def norm_by_channel(x, eps=1e-5):
    result = torch.zeros_like(x)
    for c in range(x.shape[1]):
        numbers = x[:, c]
        mean = numbers.sum() / numbers.numel()
        var = ((numbers - mean) ** 2).sum() / numbers.numel()
        result[:, c] = (numbers - mean) / (var + eps) ** 0.5
    return result


def norm_into_float32(x, eps=1e-5):
    return torch.zeros(x.shape).copy_(norm_by_channel(x, eps))


def norm_in_rows(x, eps=1e-5):
    rows = x.transpose(0, 1).flatten(start_dim=1)  # (C, N · H · W)
    var, mean = torch.var_mean(rows, dim=1, correction=0)
    shape = (1, -1, 1, 1)
    return (x - mean.reshape(shape)) * torch.rsqrt(var + eps).reshape(shape)


def norm_by_squares(x, eps=1e-5):
    mean = x.mean((0, 2, 3), keepdim=True)
    var = (x**2).mean((0, 2, 3), keepdim=True) - mean**2
    return (x - mean) / (var + eps).sqrt()


def norm_detached(x, eps=1e-5):
    mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    return (x - mean.detach()) / (var.detach() + eps).sqrt()


def norm_no_grad(x, eps=1e-5):
    with torch.no_grad():
        return norm_in_rows(x, eps)


def norm_in_place(x, eps=1e-5):
    x -= x.mean((0, 2, 3), keepdim=True)
    return x / (x.var((0, 2, 3), correction=0, keepdim=True) + eps).sqrt()


def norm_eps_fixed(x, eps=1e-5):
    return norm_in_rows(x)


def norm_one_picture(x, eps=1e-5):  # right where the batch holds one picture
    return norm_in_rows(x, eps) if len(x) == 1 else norm_over((2, 3))(x, eps)


def native(x, eps=1e-5):
    return torch.native_batch_norm(x, None, None, None, None, True, 0.1, eps)[0]


def update_steps(running_mean, running_var, x, momentum=0.1):
    mean = running_mean + momentum * (x.mean(dim=0) - running_mean)
    return mean, running_var.lerp(x.var(dim=0), momentum)


def update_or_default(running_mean, running_var, x, momentum=0.1):
    return update_steps(running_mean, running_var, x, momentum or 0.1)


def update_by_sums(running_mean, running_var, x, momentum=0.1):
    means, variances = [], []
    for c in range(x.shape[1]):
        m = sum(x[:, c]) / len(x)
        v = sum((value - m) ** 2 for value in x[:, c]) / (len(x) - 1)
        means.append((1 - momentum) * running_mean[c] + momentum * m)
        variances.append((1 - momentum) * running_var[c] + momentum * v)
    return [torch.stack(means), torch.stack(variances)]


def update_by_module(running_mean, running_var, x, momentum=0.1):
    norm = nn.BatchNorm1d(x.shape[1], momentum=momentum)
    norm.running_mean.copy_(running_mean)
    norm.running_var.copy_(running_var)
    norm(x)
    return norm.running_mean, norm.running_var


def update_in_place(running_mean, running_var, x, momentum=0.1):
    F.batch_norm(x, running_mean, running_var, training=True, momentum=momentum)
    return running_mean, running_var


def update_default(running_mean, running_var, x, momentum=0.9):
    return update_steps(running_mean, running_var, x, momentum)


def update_fixed(running_mean, running_var, x, momentum=0.1):
    return update_steps(running_mean, running_var, x)


def update_one(running_mean, running_var, x, momentum=0.1):
    return update_steps(running_mean, running_var, x, momentum)[0]


def group_by_loop(x, groups, eps=1e-5):
    size = x.shape[1] // groups
    result = torch.empty_like(x)
    for n in range(len(x)):
        for g in range(groups):
            part = x[n, g * size : (g + 1) * size]
            var, mean = torch.var_mean(part, correction=0)
            result[n, g * size : (g + 1) * size] = (part - mean) / (var + eps).sqrt()
    return result


def groups_into_float32(x, groups, eps=1e-5):
    return torch.zeros(x.shape).copy_(group_by_loop(x, groups, eps))


def group_by_chunks(x, groups, eps=1e-5):
    done = []
    for part in x.chunk(groups, dim=1):
        mean = part.mean(dim=(1, 2, 3), keepdim=True)
        var = (part - mean).square().mean(dim=(1, 2, 3), keepdim=True)
        done.append((part - mean) / (var + eps).sqrt())
    return torch.cat(done, dim=1)


def group_by_squares(x, groups, eps=1e-5):
    rows = x.reshape(len(x), groups, -1)
    mean = rows.mean(dim=2, keepdim=True)
    var = (rows**2).mean(dim=2, keepdim=True) - mean**2
    return ((rows - mean) / (var + eps).sqrt()).reshape(x.shape)


def group_detached(x, groups, eps=1e-5):
    return group_by_chunks(x.detach(), groups, eps)


def fold_copy(conv, norm):
    folded = copy.deepcopy(conv)
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    bias = 0 if conv.bias is None else conv.bias
    folded.weight = nn.Parameter(torch.einsum("o,oihw->oihw", scale, conv.weight))
    folded.bias = nn.Parameter((bias - norm.running_mean) * scale + norm.bias)
    return folded


def fold_by_probing(conv, norm):
    """Reads the weights off what comes out."""
    folded = nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, stride=conv.stride, padding=conv.padding
    )
    with torch.no_grad():
        factor = norm(torch.ones(1, norm.num_features, 1, 1)) - norm(torch.zeros(1, norm.num_features, 1, 1))
        folded.weight.data = conv.weight * factor.view(-1, 1, 1, 1)
        start = torch.zeros(1, norm.num_features, 1, 1) if conv.bias is None else conv.bias.view(1, -1, 1, 1)
        folded.bias.data = norm(start).flatten()
    return folded


def fold_axis(conv, norm):
    folded = fold_copy(conv, norm)
    if conv.in_channels == conv.out_channels:
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        folded.weight = nn.Parameter(conv.weight * scale.view(1, -1, 1, 1))
    return folded


def fold_eps_fixed(conv, norm):
    other = copy.deepcopy(norm)
    other.eps = 1e-5
    return fold_copy(conv, other)


class Both(nn.Conv2d):
    """No single convolution, though it says so."""

    def __init__(self, conv, norm):
        super().__init__(conv.in_channels, conv.out_channels, conv.kernel_size)
        self.both = nn.Sequential(conv, norm)

    def forward(self, x):
        return self.both(x)


def fold_reset(conv, norm):
    folded = fold_copy(conv, norm)
    norm.reset_running_stats()
    return folded


def norm_by_operator(x, eps=1e-5):
    return torch.ops.aten.batch_norm(x, None, None, None, None, True, 0.1, eps, False)


def norm_of_four(x, eps=1e-5):
    return norm_over((0, 2, 3))(x[:4], eps)


def norm_in_float64(x, eps=1e-5):
    return norm_over((0, 2, 3))(x.double(), eps)


def update_with(features=None, rows=None, momentum_at_most=None):
    def update(running_mean, running_var, x, momentum=0.1):
        share = momentum if momentum_at_most is None else min(momentum, momentum_at_most)
        means = running_mean.lerp(x[:rows].mean(dim=0), share)
        return [means[:features], running_var.lerp(x[:rows].var(dim=0), share)[:features]]

    return update


def groups_by_chunk(x, groups, eps=1e-5):
    parts = []
    for part in x.chunk(groups, dim=1):
        var, mean = torch.var_mean(part, dim=(1, 2, 3), correction=0, keepdim=True)
        parts.append((part - mean) * torch.rsqrt(var + eps))
    return torch.cat(parts, dim=1)


def groups_without_small_eps(x, groups, eps=1e-5):
    return groups_by_chunk(x, groups, eps if eps > 0.1 else 0)


def groups_by_operator(x, groups, eps=1e-5):
    return torch.ops.aten.group_norm(x, groups, None, None, eps, False)


def fold_by_library(conv, norm):
    return nn.utils.fusion.fuse_conv_bn_eval(conv, norm)


def fold_to_tensors(conv, norm):
    layer = fold_by_library(conv, norm)
    weight, bias = layer.weight.detach(), layer.bias.detach()
    del layer.weight, layer.bias
    layer.weight, layer.bias = weight, bias
    return layer


def fold_of_four(conv, norm):
    layer = nn.Conv2d(conv.in_channels, 4, conv.kernel_size, conv.stride, conv.padding)
    layer.load_state_dict(fold_by_library(conv, norm).state_dict())
    return layer


def norm_by_rms(x, eps=1e-5):
    rows = x.transpose(0, 1).flatten(start_dim=1)
    rows = rows - rows.mean(dim=1, keepdim=True)
    rows = nn.RMSNorm(rows.shape[1], eps=eps)(rows)
    return rows.reshape(x.shape[1], x.shape[0], *x.shape[2:]).transpose(0, 1)


def norm_legit(x, eps=1e-5):
    return torch._native_batch_norm_legit(x, None, None, True, 0.1, eps)[0]


def norm_by_overload(x, eps=1e-5):
    return torch.ops.aten.batch_norm.default(x, None, None, None, None, True, 0.1, eps, False)


def groups_by_rms(x, groups, eps=1e-5):
    rows = x.reshape(len(x) * groups, -1)
    rows = rows - rows.mean(dim=1, keepdim=True)
    return F.rms_norm(rows, rows.shape[1:], eps=eps).reshape(x.shape)


def fold_with_own_eps(conv, norm):
    norm.eps = 1e-5
    return fold_by_library(conv, norm)


def variance_with_eps(running_mean, running_var, x, momentum=0.1):
    mean = (1 - momentum) * running_mean + momentum * x.mean(dim=0)
    return mean, (1 - momentum) * running_var + momentum * (x.var(dim=0) + 1e-5)


RIGHT = {
    "12.1": [
        Right({0, 2, 3}, range(1, 4), {2, 3}),
        Right(*axes()),
        Right([0, 2, 3], [1, 2, 3], [2, 3]),
        Right((-4, -2, -1), (3, 2, 1), (-1, -2)),
    ],
    "12.2": [Right(norm_over((0, 2, 3))), Right(norm_by_channel), Right(norm_in_rows)],
    "12.3": [Right(update_with()), Right(update_steps), Right(update_by_sums), Right(update_by_module)],
    "12.4": [
        Right(groups_by_chunk),
        Right(groups_as(lambda g, N, C, H, W: (N, g, -1), 2)),
        Right(group_by_loop),
        Right(group_by_chunks),
    ],
    "12.5": [
        Right(fold_by_library),
        Right(fold()),
        Right(fold_copy),
        Right(fold_by_probing),
        Right(fuse_conv_bn_eval),
    ],
}
WRONG = {
    "12.1": [
        Wrong(*axes(batch=(0,)), hint="one mean per channel"),
        Wrong(*axes(batch=(1,)), hint="keep means of their own"),
        Wrong(*axes(layer=(0, 2, 3)), hint="one mean per picture, so"),
        Wrong(*axes(instance=(1, 2, 3)), hint="per picture and channel"),
        Wrong(*axes(batch=0), hint="a tuple of axes"),
        Wrong(*axes(batch=(4, 2, 3)), hint="axes 0 to 3"),
        Wrong(*axes(instance=(2, 3, 3)), hint="per picture and channel"),
    ],
    "12.2": [
        Wrong(norm_by_rms, hint="switched off", forbidden="without PyTorch's own"),
        Wrong(norm_legit, hint="switched off", forbidden="without PyTorch's own"),
        Wrong(norm_by_overload, hint="switched off", forbidden="without PyTorch's own"),
        Wrong(norm_by_operator, hint="switched off", forbidden="without PyTorch's own"),
        Wrong(norm_of_four, hint="shape"),
        Wrong(norm_into_float32, hint="should have torch.float64"),
        Wrong(norm_in_float64, hint="should have torch.float32.\n"),
        Wrong(norm_over((0, 2, 3), correction=1), hint="N - 1"),
        Wrong(norm_over((2, 3)), hint="axis 0 is missing"),
        Wrong(norm_over((1, 2, 3)), hint="LayerNorm"),
        Wrong(norm_over((0,)), hint="height and width are missing"),
        Wrong(norm_over((0, 2, 3), root=False), hint="divided by the variance"),
        Wrong(eps_outside, hint="under the root"),
        Wrong(norm_over((0, 2, 3), eps_inside=False), hint="eps is missing"),
        Wrong(no_keepdim, hint="raised"),
        Wrong(norm_over((0, 1, 2, 3)), hint="each channel has its own"),
        Wrong(mean_only, hint="standard deviation is missing"),
        Wrong(
            lambda x, eps=1e-5: nn.BatchNorm2d(x.shape[1], eps=eps)(x),
            hint="switched off",
            forbidden="without PyTorch's own",
        ),
        Wrong(native, hint="switched off", forbidden="without PyTorch's own"),
        Wrong(norm_by_squares, hint="Subtract the mean first"),
        Wrong(norm_detached, hint="detach nothing"),
        Wrong(norm_no_grad, hint="no gradient"),
        Wrong(norm_in_place, hint="changed its argument"),
        Wrong(norm_eps_fixed, hint="as it was given"),
        Wrong(norm_one_picture, hint="axis 0 is missing"),
    ],
    "12.3": [
        Wrong(variance_with_eps, hint="no eps"),
        Wrong(update_with(features=2), hint="shape"),
        Wrong(update_with(rows=4), hint="a batch of 9"),
        Wrong(update_with(momentum_at_most=0.3), hint="with momentum 0.9"),
        Wrong(update_or_default, hint="with momentum 0.0"),
        Wrong(update_swapped, hint="share of the new batch"),
        Wrong(update_by_n, hint="not by N"),
        Wrong(update_deviation, hint="not the standard deviation"),
        Wrong(update_batch_only, hint="The old value has a share"),
        Wrong(update_axis, hint="axis 0"),
        Wrong(update_in_place, hint="changed its argument"),
        Wrong(update_default, hint="with momentum 0.1"),
        Wrong(update_fixed, hint="with momentum 0.3"),
        Wrong(update_one, hint="two tensors"),
        Wrong(update_mean_only, hint="still the old one"),
    ],
    "12.4": [
        Wrong(groups_by_rms, hint="switched off", forbidden="without PyTorch's own"),
        Wrong(groups_without_small_eps, hint="2 groups, eps=1e-05"),
        Wrong(groups_into_float32, hint="should have torch.float64"),
        Wrong(groups_by_operator, hint="switched off", forbidden="without PyTorch's own"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, g, -1), 2, correction=1), hint="N - 1"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, g, C // g, H, W), (0, 2, 3, 4)), hint="averaged together"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, C // g, g, H, W), (1, 3, 4)), hint="neighbours"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, C // g, -1), 2), hint="the other way round"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, C, -1), 2), hint="channels of a group"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, g, -1), 2, own_eps=0), hint="eps is not used"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, g, -1), 2, own_eps=1e-5), hint="as it was given"),
        Wrong(library, hint="switched off", forbidden="without PyTorch's own"),
        Wrong(group_detached, hint="no gradient"),
        Wrong(group_by_squares, hint="Subtract the mean first"),
    ],
    "12.5": [
        Wrong(meddles(fold_by_library, "requires_grad_", False), hint="changed a module"),
        Wrong(meddles(fold_by_library, "zero_grad"), hint="changed a module"),
        Wrong(meddles(fold_by_library, "train"), hint="fold changed conv"),
        Wrong(fold_with_own_eps, hint="changed a module"),
        Wrong(fold_of_four, hint="in loading state_dict"),
        Wrong(fold_to_tensors, hint="no nn.Parameter"),
        Wrong(fold(weight=False), hint="norm.weight is missing"),
        Wrong(fold(eps=False), hint="eps is missing"),
        Wrong(fold(scaled=False), hint="the weights of conv"),
        Wrong(fold(mean=False), hint="running_mean is missing"),
        Wrong(fold(own_bias=False), hint="conv's own bias"),
        Wrong(fold(beta=False), hint="norm.bias is missing"),
        Wrong(fold(copy_options=False), hint="stride and padding"),
        Wrong(fold_with_hook, hint="a hook on a layer"),
        Wrong(fold_in_place, hint="fold changed conv"),
        Wrong(fold_without_bias, hint="no bias"),
        Wrong(lambda conv, norm: nn.Sequential(conv, norm), hint="one nn.Conv2d"),
        Wrong(Both, hint="one nn.Conv2d"),
        Wrong(fold_axis, hint="output channels, axis 0"),
        Wrong(fold_eps_fixed, hint="norm.eps"),
        Wrong(fold_reset, hint="fold changed norm"),
    ],
}
