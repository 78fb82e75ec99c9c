"""Checkers of chapter 15, linear layers."""

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F

from . import (
    NotYet,
    _,
    call,
    describe,
    exercise,
    expect,
    expect_trainable,
    keep,
    require,
    same,
    switched_off,
)
from .ch09 import WithoutConvolution

# `torch.nn`'s layer, and others of its functions that compute the same
LAYERS = [(F, "linear"), (torch._C._nn, "linear"), (nn.Linear, "forward"), (F, "bilinear"), (F, "conv1d")]
LAYERS += [
    (F, name) for name in ("conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
]
LAYERS += [(F, "embedding_bag")]
LAYERS += [
    (torch.ops.aten, name) for name in ("linear", "bilinear", "conv1d", "conv2d", "conv3d", "convolution")
]


@exercise("15.1")
def linear(answer):
    cases = [((4, 3), 2, True), ((2, 3), 3, False), ((3,), 5, True), ((2, 5, 4), 4, True), ((0, 3), 2, True)]
    cases += [((2, 3, 2, 4), 3, True)]
    for shape, size_out, biased in cases:
        x, weight = torch.randn(shape), torch.randn(size_out, shape[-1])
        bias = torch.randn(size_out) if biased else None
        given = (x, weight, bias) if biased else (x, weight)
        where = _("for x {shape} and weight {weight}, the output", shape=shape, weight=tuple(weight.shape))
        with switched_off(_("linear"), *LAYERS):
            found = call(answer, *given, name="linear")
        mistakes = {_("The bias is missing."): F.linear(x, weight)} if biased else {}
        if weight.shape[0] == weight.shape[1]:
            added = 0 if bias is None else bias
            hint = _("This is x @ weight; the weight is stored as (out, in), so it has to be transposed.")
            mistakes[hint] = x @ weight + added
        expect(
            found,
            F.linear(x, weight, bias),
            where,
            _("It is the sum over i of weight[o, i] * x[..., i], plus bias[o]."),
            mistakes=mistakes,
        )
    x, weight, bias = torch.randn(4, 3), torch.randn(2, 3), torch.randn(2)
    with switched_off(_("linear"), *LAYERS):
        expect_trainable(
            answer, lambda x, w, b: x @ w.T + b, x, weight, bias, what=_("the output"), name="linear"
        )
    return _("`x @ weight.T + bias` is all that `nn.Linear` computes.")


@exercise("15.2")
def linear_cost(answer):
    cases = [
        (3, 2, (5, 3), True),
        (4, 6, (2, 7, 4), True),
        (4, 6, (4,), False),
        (1024, 64, (8, 1024), False),
        (5, 7, (0, 5), True),
        (3, 2, (2, 3, 5, 3), True),
        (4, 3, (6, 4), None),
        (10**7, 10**7, (2, 10**7), True),
    ]
    for size_in, size_out, shape, bias in cases:
        given = (size_in, size_out, shape) if bias is None else (size_in, size_out, shape, bias)
        bias = bias is None or bias
        with switched_off(
            _("layer"), (nn.Module, "__init__"), (nn.Linear, "__init__"), (nn.LazyLinear, "__init__")
        ):
            found = call(answer, *given, name="linear_cost")
        where = _("linear_cost{given}", given=given)
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            _("{where} returned {found}; two numbers are wanted.", where=where, found=describe(found)),
        )
        rows, weights = math.prod(shape[:-1]), size_in * size_out
        parameters = weights + (size_out if bias else 0)
        require(
            not same(found, (rows * weights, parameters)) or rows * weights == parameters,
            _("{where}: the parameters come first, then the multiply-adds.", where=where),
        )
        expect(
            found[0],
            parameters,
            _("{where}[0], the parameters,", where=where),
            _("There are {out} rows of {size} weights.", out=size_out, size=size_in),
            rtol=0,
            mistakes={
                _("It has no biases."): weights + size_out,
                _("It has {out} biases, one for each output.", out=size_out): weights,
                _("The biases are {out}, one for each output, not for each input.", out=size_out): weights
                + size_in,
            },
        )
        expect(
            found[1],
            rows * weights,
            _("{where}[1], the multiply-adds,", where=where),
            _(
                "An input of shape {shape} holds {rows} rows of {size} numbers.",
                shape=shape,
                rows=rows,
                size=size_in,
            ),
            rtol=0,
            mistakes={
                _("Adding a bias does not count."): rows * parameters,
                _("A multiplication and the addition that follows it are one multiply-add."): 2
                * rows
                * weights,
            },
        )
    return _("The parameters do not depend on the batch; the work grows with every axis before the last.")


@exercise("15.3")
def mix_channels(answer):
    for size_out, shape, bias in [(5, (2, 3, 4, 6), True), (4, (2, 4, 4, 4), True), (1, (1, 2, 3, 5), False)]:
        layer, x = nn.Linear(shape[1], size_out, bias=bias), torch.randn(shape)
        unchanged = keep(layer, name="mix_channels")
        with WithoutConvolution():
            found = call(answer, layer, x, name="mix_channels")
        where = _(
            "for x {shape} and Linear({channels}, {out}), the output",
            shape=shape,
            channels=shape[1],
            out=size_out,
        )
        expected = F.conv2d(x, layer.weight[:, :, None, None], layer.bias)
        last = expected.movedim(1, -1)
        require(
            not (same(found, last) and last.shape != expected.shape),
            _("{where}: the channels are still last; move them back.", where=where),
        )
        require(
            not (same(found, expected.mT) and expected.mT.shape != expected.shape),
            _("{where} has rows and columns exchanged: undo the very move that you made.", where=where),
        )
        mistakes = {
            _("Rows and columns are exchanged: undo the very move that you made."): expected.mT,
            _("Move the axes by permute or movedim; a reshape does not move an axis."): layer(
                x.reshape(shape[0], *shape[2:], shape[1])
            ).reshape(expected.shape),
            _(
                "Move the channels back by permute or movedim, too; a reshape does not move an axis."
            ): last.reshape(expected.shape),
        }
        if bias:
            mistakes[_("The layer's bias is missing.")] = F.conv2d(x, layer.weight[:, :, None, None])
        if size_out == shape[-1] == shape[1]:
            mistakes[_("This mixes the columns of the pictures; the channels must be the last axis.")] = (
                layer(x)
            )
            mistakes[_("The channels are still last; move them back.")] = last
        why = _("Move the channels to the end, apply the layer, move them back.")
        expect(found, expected, where, why, mistakes=mistakes)
        unchanged()
    with WithoutConvolution():
        _gradients(answer)
    return _("This is what a 1 x 1 convolution does, with the same weights.")


def _gradients(answer) -> None:
    """The layer's weights and the input get their gradients."""
    layer, x = nn.Linear(3, 2), torch.randn(2, 3, 2, 2, requires_grad=True)
    wanted = torch.autograd.grad(layer(x.movedim(1, -1)).square().sum(), [x, *layer.parameters()])
    found = call(answer, layer, x, name="mix_channels")
    require(found.requires_grad, _("the output carries no gradient, so the layer could not be trained."))
    got = torch.autograd.grad(found.square().sum(), [x, *layer.parameters()], allow_unused=True)
    for name, slope, right in zip(("x", "weight", "bias"), got, wanted, strict=True):
        require(slope is not None, _("no gradient reaches {name}.", name=name))
        expect(slope, right, _("the gradient of {name}", name=name))


@exercise("15.4")
def conv_matrix(answer):
    cases = [((3, 3), 5, 5, 1), ((2, 3), 4, 6, 1), ((2, 2), 5, 6, 2), ((3, 1), 7, 4, 3), ((2, 2), 3, 4, None)]
    for size, height, width, stride in cases:
        kernel = torch.randn(size, dtype=torch.float64 if size == (3, 1) else torch.float32)
        given = () if stride is None else (stride,)
        found = call(answer, kernel, height, width, *given, name="conv_matrix")
        stride = stride or 1
        where = _(
            "for a {kernel} kernel, a {height} x {width} picture and stride {stride}, the matrix",
            kernel=f"{size[0]} x {size[1]}",
            height=height,
            width=width,
            stride=stride,
        )
        units = torch.eye(height * width, dtype=kernel.dtype).reshape(-1, 1, height, width)

        def matrix(kernel, units=units, stride=stride):
            return F.conv2d(units, kernel[None, None], stride=stride).flatten(start_dim=1).T

        expected = matrix(kernel)
        require(
            not (same(found, expected.T) and expected.T.shape != expected.shape),
            _("{where} has a row for each input pixel; transpose it to (out, in).", where=where),
        )
        padded = (height * width, height * width) != tuple(expected.shape)
        if padded and getattr(found, "shape", None) == (height * width, height * width):
            raise NotYet(
                _(
                    "{where} has a row for each input pixel, as with padding; the kernel has to stay inside the picture.",
                    where=where,
                )
            )
        why = _(
            "It has {columns} columns, one for each input pixel; the kernel moves by {stride} at a time.",
            columns=height * width,
            stride=stride,
        )
        expect(
            found,
            expected,
            where,
            why,
            mistakes={
                _("The kernel is upside down; PyTorch's convolution does not flip it."): matrix(
                    kernel.flip(0, 1)
                ),
                _("Rows and columns of the kernel are exchanged."): matrix(kernel.T),
                _("The input pixels are counted row by row."): expected.unflatten(
                    1, (height, width)
                ).mT.flatten(1),
                _("Each row should hold the whole kernel, with its numbers."): (expected != 0).to(
                    kernel.dtype
                ),
            },
        )
    return _(
        "Training this matrix freely would give a linear layer; it is a convolution while its bands stay equal and "
        "its zeros stay 0."
    )


def _networks() -> list[tuple[nn.Sequential, tuple[int, int, int], tuple[int, int, int]]]:
    """Networks, the shape before their Flatten, the shape of a picture."""
    narrow = [nn.Conv2d(3, 4, 3), nn.PReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 3 * 2, 5)]
    deep = [nn.Conv2d(1, 6, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 4 * 4, 7, bias=False)]
    deep += [nn.ReLU(), nn.Linear(7, 3)]
    deeper = [
        nn.Conv2d(2, 3, 2),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(3 * 2 * 3, 18),
        nn.Tanh(),
        nn.Linear(18, 5),  # as many inputs as the first one
    ]
    deeper += [nn.Sigmoid(), nn.Linear(5, 4, bias=False)]
    return [
        (nn.Sequential(*narrow), (4, 3, 2), (3, 8, 6)),
        (nn.Sequential(*deep), (6, 4, 4), (1, 8, 8)),
        (nn.Sequential(*deeper), (3, 2, 3), (2, 3, 4)),
    ]


@exercise("15.5")
def fully_convolutional(answer):
    for network, shape, size in _networks():
        unchanged = keep(network, name="fully_convolutional")
        before = copy.deepcopy(network.state_dict())
        found = call(answer, network, shape, name="fully_convolutional")
        where = _("for a map of {shape} before Flatten,", shape=shape)
        require(
            isinstance(found, nn.Sequential),
            _(
                "{where} the function returned {found}; a Sequential is wanted.",
                where=where,
                found=describe(found),
            ),
        )
        after = network.state_dict()
        require(
            list(after) == list(before) and all(torch.equal(after[key], before[key]) for key in before),
            _("{where} the network that was passed in has changed; make a new one.", where=where),
        )
        unchanged()
        for kind in (nn.Flatten, nn.Linear):
            require(
                not any(isinstance(layer, kind) for layer in found.modules()),
                _("{where} there is still a {kind} in the new network.", where=where, kind=kind.__name__),
            )
        x = torch.randn(2, *size)
        expected = network(x)
        cut = [type(layer) for layer in network].index(nn.Flatten)
        bare = [layer for layer in network[cut:] if isinstance(layer, nn.Flatten | nn.Linear)]
        expect(
            call(found, x, name=_("the new network")),
            expected[:, :, None, None],
            _("{where} the new network's output for {x}", where=where, x=tuple(x.shape)),
            _("Copy the weights, reshaped to (out, C, H, W), and the bias where there is one."),
            mistakes={
                _("The activations between the linear layers are missing."): nn.Sequential(
                    *network[:cut], *bare
                )(x)[:, :, None, None]
            },
        )
        large = torch.randn(2, size[0], size[1] + 4, size[2] + 2)
        features = network[:cut](large)
        rows, columns = (many - side + 1 for many, side in zip(features.shape[2:], shape[1:], strict=True))
        logits = call(found, large, name=_("the new network"))
        expect(
            tuple(getattr(logits, "shape", ())),
            (2, expected.shape[1], rows, columns),
            _(
                "{where} with a larger picture, {large}, the output's shape",
                where=where,
                large=tuple(large.shape),
            ),
            _("Each place of the kernel gives one answer."),
        )
        windows = features.unfold(2, shape[1], 1).unfold(3, shape[2], 1)  # (2, C, rows, columns, H, W)
        windows = windows.permute(0, 2, 3, 1, 4, 5).reshape(-1, *shape)
        wanted = network[cut:](windows).reshape(2, rows, columns, -1).permute(0, 3, 1, 2)
        expect(logits, wanted, _("{where} the scores of the windows of a larger map", where=where))
        with torch.no_grad():
            for weight in network.parameters():
                weight.zero_()
        require(
            same(call(found, x, name=_("the new network")), expected[:, :, None, None]),
            _("{where} the new network shares weights with the old one; copy them.", where=where),
        )
    return _("The same weights now answer for every window of the map, however large the picture is.")
