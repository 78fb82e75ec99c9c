"""Wrong answers to the exercises of chapter 12."""

import torch
from torch import nn

from wrong_answers import Wrong


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


WRONG = {
    "12.1": [
        Wrong(*axes(batch=(0,)), hint="one mean per channel"),
        Wrong(*axes(batch=(1,)), hint="keep means of their own"),
        Wrong(*axes(layer=(0, 2, 3)), hint="one mean per picture, so"),
        Wrong(*axes(instance=(1, 2, 3)), hint="per picture and channel"),
        Wrong(*axes(batch=0), hint="a tuple of axes"),
    ],
    "12.2": [
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
        Wrong(lambda x, eps=1e-5: nn.BatchNorm2d(x.shape[1], eps=eps)(x), hint="switched off"),
    ],
    "12.3": [
        Wrong(update_swapped, hint="share of the new batch"),
        Wrong(update_by_n, hint="not by N"),
        Wrong(update_deviation, hint="not the standard deviation"),
        Wrong(update_batch_only, hint="The old value has a share"),
        Wrong(update_axis, hint="the new mean"),
        Wrong(update_mean_only, hint="still the old one"),
    ],
    "12.4": [
        Wrong(groups_as(lambda g, N, C, H, W: (N, g, -1), 2, correction=1), hint="N - 1"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, g, C // g, H, W), (0, 2, 3, 4)), hint="averaged together"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, C // g, g, H, W), (1, 3, 4)), hint="neighbours"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, C // g, -1), 2), hint="the other way round"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, C, -1), 2), hint="channels of a group"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, g, -1), 2, own_eps=0), hint="eps is not used"),
        Wrong(groups_as(lambda g, N, C, H, W: (N, g, -1), 2, own_eps=1e-5), hint="as it was given"),
        Wrong(library, hint="switched off"),
    ],
    "12.5": [
        Wrong(fold(weight=False), hint="norm.weight is missing"),
        Wrong(fold(eps=False), hint="eps is missing"),
        Wrong(fold(scaled=False), hint="those of conv"),
        Wrong(fold(mean=False), hint="running_mean is missing"),
        Wrong(fold(own_bias=False), hint="conv's own bias"),
        Wrong(fold(beta=False), hint="x = 0"),
        Wrong(fold(copy_options=False), hint="stride and padding"),
        Wrong(fold_in_place, hint="fold changed conv"),
        Wrong(fold_without_bias, hint="no bias"),
        Wrong(lambda conv, norm: nn.Sequential(conv, norm), hint="one nn.Conv2d"),
    ],
}
