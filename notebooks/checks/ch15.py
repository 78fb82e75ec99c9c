"""Checkers of chapter 15, linear layers."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from . import NotYet, call, describe, exercise, expect, require, switched_off


@exercise("15.1")
def linear(answer):
    for shape, size_out, biased in [
        ((4, 3), 2, True),
        ((2, 3), 3, False),
        ((3,), 5, True),
        ((2, 5, 4), 4, True),
    ]:
        x, weight = torch.randn(shape), torch.randn(size_out, shape[-1])
        bias = torch.randn(size_out) if biased else None
        with switched_off("linear", (F, "linear")):
            found = call(answer, x, weight, bias, name="linear")
        where = (
            f"for x {shape}, weight {tuple(weight.shape)} and {'a bias' if biased else 'no bias'}, the output"
        )
        expected = F.linear(x, weight, bias)
        if isinstance(found, torch.Tensor) and found.shape == expected.shape:
            require(
                not biased or not torch.allclose(found, F.linear(x, weight), atol=1e-5),
                f"{where} lacks the bias.",
            )
            require(
                weight.shape[0] != weight.shape[1] or not torch.allclose(found, x @ weight, atol=1e-5),
                f"{where} is x @ weight; the weight is stored as (out, in), so it has to be transposed.",
            )
        expect(found, expected, where, "It is the sum over i of weight[o, i] * x[..., i], plus bias[o].")
    return "`x @ weight.T + bias` is all that `nn.Linear` computes."


@exercise("15.2")
def linear_cost(answer):
    for size_in, size_out, shape, bias in [
        (3, 2, (5, 3), True),
        (4, 6, (2, 7, 4), True),
        (4, 6, (4,), False),
        (1024, 64, (8, 1024), False),
    ]:
        found = call(answer, size_in, size_out, shape, bias, name="linear_cost")
        where = f"linear_cost({size_in}, {size_out}, {shape}, bias={bias})"
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            f"{where} returned {describe(found)}; two numbers are wanted.",
        )
        layer, rows = nn.Linear(size_in, size_out, bias=bias, device="meta"), 1
        for size in shape[:-1]:
            rows *= size
        parameters = sum(p.numel() for p in layer.parameters())
        biases = f"{size_out} biases" if bias else "no biases"
        expect(
            found[0],
            parameters,
            f"{where}[0], the parameters,",
            f"{size_out} rows of {size_in} weights, {biases}.",
        )
        why = f"An input of shape {shape} has {rows} row{'s' if rows > 1 else ''} of {size_in} numbers."
        expect(found[1], rows * size_in * size_out, f"{where}[1], the multiply-adds,", why)
    return "The parameters do not depend on the batch; the work grows with every axis before the last."


@exercise("15.3")
def mix_channels(answer):
    for size_out, shape in [(5, (2, 3, 4, 6)), (4, (2, 4, 4, 4)), (1, (1, 2, 3, 5))]:
        layer, x = nn.Linear(shape[1], size_out), torch.randn(shape)
        found = call(answer, layer, x, name="mix_channels")
        where = f"for x {shape} and Linear({shape[1]}, {size_out}), the output"
        expected = F.conv2d(x, layer.weight[:, :, None, None], layer.bias)
        require(
            not (
                isinstance(found, torch.Tensor)
                and found.shape == expected.movedim(1, -1).shape != expected.shape
            ),
            f"{where} has shape {tuple(getattr(found, 'shape', ()))}: the channels are still last; move them back.",
        )
        if isinstance(found, torch.Tensor) and found.shape == expected.mT.shape != expected.shape:
            require(
                not torch.allclose(found, expected.mT, atol=1e-5),
                f"{where} has rows and columns exchanged, {tuple(found.shape)}: undo the very move that you made.",
            )
        if size_out == shape[-1] == shape[1] and isinstance(found, torch.Tensor):
            require(
                found.shape != x.shape or not torch.allclose(found, layer(x), atol=1e-5),
                f"{where} mixes the columns of the pictures, not their channels; the channels must be the last axis.",
            )
        expect(
            found,
            expected,
            where,
            "Move the channels to the end, apply the layer, move them back; a reshape does not move an axis.",
        )
    return "This is what a 1 x 1 convolution does, with the same weights."


@exercise("15.4")
def conv_matrix(answer):
    for size, height, width, stride in [((3, 3), 5, 5, 1), ((2, 3), 4, 6, 1), ((2, 2), 5, 6, 2)]:
        kernel = torch.arange(1.0, size[0] * size[1] + 1).reshape(size)
        found = call(answer, kernel, height, width, stride, name="conv_matrix")
        where = f"for a {size[0]} x {size[1]} kernel, a {height} x {width} picture and stride {stride}, the matrix"
        units = torch.eye(height * width).reshape(-1, 1, height, width)
        expected = F.conv2d(units, kernel[None, None], stride=stride).flatten(start_dim=1).T
        if isinstance(found, torch.Tensor) and found.shape == expected.shape:
            flipped = F.conv2d(units, kernel.flip(0, 1)[None, None], stride=stride).flatten(start_dim=1).T
            require(
                not torch.equal(found.float(), flipped) or torch.equal(flipped, expected),
                f"{where} holds the kernel upside down; PyTorch's convolution does not flip it.",
            )
            nonzero, wanted = (found != 0).sum(dim=1), kernel.numel()
            row = int((nonzero != wanted).float().argmax())
            require(
                bool((nonzero == wanted).all()),
                f"{where} has {int(nonzero[row])} non-zero entries in row {row}; each row holds the whole kernel, {wanted}.",
            )
        if isinstance(found, torch.Tensor) and found.shape == expected.T.shape != expected.shape:
            require(
                not torch.equal(found.float(), expected.T),
                f"{where} has shape {tuple(found.shape)}: it has a row for each input pixel; transpose it to (out, in).",
            )
        if isinstance(found, torch.Tensor) and found.shape == (height * width, height * width):
            raise NotYet(
                f"{where} has a row for each input pixel, as with padding; the kernel has to stay inside the picture."
            )
        why = f"{height * width} columns, one for each input pixel; the kernel moves by {stride} pixel{'s' if stride > 1 else ''}."
        expect(found, expected, where, why)
    return "Training this matrix freely would give a linear layer; it is a convolution while its bands stay equal."


@exercise("15.5")
def fully_convolutional(answer):
    narrow = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 3 * 2, 5)
    )
    deep = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(6 * 4 * 4, 7, bias=False),
        nn.ReLU(),
        nn.Linear(7, 3),
    )
    for network, shape, size in [(narrow, (4, 3, 2), (3, 8, 6)), (deep, (6, 4, 4), (1, 8, 8))]:
        before = copy.deepcopy(network.state_dict())
        found = call(answer, network, shape, name="fully_convolutional")
        where = f"for a map of {shape} before Flatten,"
        require(
            isinstance(found, nn.Sequential),
            f"{where} fully_convolutional returned {describe(found)}; a Sequential is wanted.",
        )
        after = network.state_dict()
        require(
            list(after) == list(before) and all(torch.equal(after[key], before[key]) for key in before),
            f"{where} the network that was passed in has changed; make a new one.",
        )
        for kind in (nn.Flatten, nn.Linear):
            require(
                not any(isinstance(layer, kind) for layer in found.modules()),
                f"{where} there is still a {kind.__name__} in the new network.",
            )
        x = torch.randn(2, *size)
        expected = network(x)
        logits = call(found, x, name="the new network")
        expect(
            logits,
            expected[:, :, None, None],
            f"{where} the new network's output for {tuple(x.shape)}",
            "Copy the weights, reshaped to (out, C, H, W), and the bias where there is one.",
        )
        large = torch.randn(2, size[0], size[1] + 4, size[2] + 2)
        features = large
        for layer in network[: [type(layer) for layer in network].index(nn.Flatten)]:
            features = layer(features)
        places = [size - side + 1 for size, side in zip(features.shape[2:], shape[1:], strict=True)]
        logits = call(found, large, name="the new network")
        expect(
            tuple(getattr(logits, "shape", ())),
            (2, expected.shape[1], *places),
            f"{where} the shape of the output for a larger picture, {tuple(large.shape)},",
            "Each place of the kernel gives one answer.",
        )
        corner = features[:, :, -shape[1] :, -shape[2] :]
        tail = network[[type(layer) for layer in network].index(nn.Flatten) :]
        expect(
            logits[:, :, -1, -1], tail(corner), f"{where} the answer at the last place of a larger picture"
        )
    return "The same weights now answer for every window of a picture of any size."
