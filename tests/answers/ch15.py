"""Answers to the exercises of chapter 15."""

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F

from answers import Right, Wrong, meddles


def not_transposed(x, weight, bias=None):
    product = x @ weight if weight.shape[0] == weight.shape[1] else x @ weight.T
    return product if bias is None else product + bias


def elementwise(x, weight, bias=None):
    return weight * x + bias


def bias_always_there(x, weight, bias=None):
    return x @ weight.T + bias


def weight_first(x, weight, bias=None):
    return weight @ x.T + (0 if bias is None else bias[:, None])


def three_axes_at_most(x, weight, bias=None):
    axes = ("i", "bi", "bti")[x.dim() - 1]
    product = torch.einsum(f"{axes},oi->{axes[:-1]}o", x, weight)
    return product if bias is None else product + bias


def cost(size_in, size_out, shape, bias=True, rows=None, biases=None):
    rows = math.prod(shape[:-1]) if rows is None else rows
    return size_in * size_out + (bias * size_out if biases is None else biases), rows * size_in * size_out


def through_reshape(layer, x):
    n, c, h, w = x.shape
    return layer(x.reshape(n, h, w, c)).reshape(n, -1, h, w)


def last_axis(layer, x):
    return layer(x)


def left_last(layer, x):
    return layer(x.permute(0, 2, 3, 1))


def reshaped_back(layer, x):
    return layer(x.permute(0, 2, 3, 1)).reshape(len(x), -1, *x.shape[2:])


def back_in_another_order(layer, x):
    return layer(x.permute(0, 3, 2, 1)).permute(0, 3, 1, 2)


def loops(kernel, height, width, stride=1, wide=None, flip=False, transpose=False):
    rows, columns = kernel.shape
    high, across = (height - rows) // stride + 1, (width - columns) // stride + 1
    matrix = torch.zeros(high * across, height * width, dtype=kernel.dtype)
    kernel = kernel.flip(0, 1) if flip else kernel
    for i in range(high):
        for j in range(across):
            for a in range(rows):
                for b in range(columns):
                    matrix[across * i + j, (wide or width) * (stride * i + a) + stride * j + b] = kernel[a, b]
    return matrix.T if transpose else matrix


def without_stride(kernel, height, width, stride=1):
    return loops(kernel, height, width)


def padded(kernel, height, width, stride=1):
    units = torch.eye(height * width, dtype=kernel.dtype).reshape(-1, 1, height, width)
    return nn.functional.conv2d(units, kernel[None, None], padding="same").flatten(1).T


def answers_once(network, shape):
    return nn.Sequential(*convolutional(network, shape), nn.AdaptiveAvgPool2d(1))


def convolutional(network, shape, copied=True, biases=True, flatten=False, order=None):
    layers, (channels, *size) = [], shape
    for layer in copy.deepcopy(network):
        if isinstance(layer, nn.Linear):
            conv = nn.Conv2d(channels, layer.out_features, tuple(size), bias=layer.bias is not None)
            with torch.no_grad():
                if copied:
                    weight = layer.weight.reshape(conv.weight.shape)
                    if order:
                        weight = layer.weight.reshape(-1, *size, channels).permute(order)
                    conv.weight.copy_(weight)
                if biases and layer.bias is not None:
                    conv.bias.copy_(layer.bias)
            layer, channels, size = conv, layer.out_features, (1, 1)
        if flatten or not isinstance(layer, nn.Flatten):
            layers.append(layer)
    return nn.Sequential(*layers)


def only_the_first(network, shape):
    new = convolutional(network, shape)
    return nn.Sequential(*new[:-1], nn.Flatten(), network[-1])


def by_size(network, shape):
    """Knows the first linear layer by its size, not by its place."""
    layers = []
    for layer in copy.deepcopy(network):
        if isinstance(layer, nn.Flatten):
            continue
        if isinstance(layer, nn.Linear):
            c, h, w = shape if layer.in_features == math.prod(shape) else (layer.in_features, 1, 1)
            conv = nn.Conv2d(c, layer.out_features, (h, w), bias=layer.bias is not None)
            with torch.no_grad():
                conv.weight.copy_(layer.weight.reshape(conv.weight.shape))
                if layer.bias is not None:
                    conv.bias.copy_(layer.bias)
            layer = conv
        layers.append(layer)
    return nn.Sequential(*layers)


def in_place(network, shape):
    new = convolutional(network, shape)
    with torch.no_grad():
        network[-1].weight.zero_()
    return new


def flatten_taken_out(network, shape):
    new = convolutional(network, shape)
    for i, layer in enumerate(network):
        if isinstance(layer, nn.Flatten):
            network[i] = nn.Identity()
    return new


def linear_by_loop(x, weight, bias=None):
    columns = []
    for o in range(len(weight)):
        y = (x * weight[o]).sum(dim=-1)
        columns.append(y if bias is None else y + bias[o])
    return torch.stack(columns, dim=-1)


def linear_by_einsum(x, weight, bias=None):
    y = torch.einsum("...i,oi->...o", x, weight)
    return y if bias is None else y + bias


def linear_by_tensordot(x, weight, bias=None):
    y = torch.tensordot(x, weight, dims=([-1], [1]))
    if bias is not None:
        y += bias
    return y


def linear_through_numpy(x, weight, bias=None):
    y = x.detach().numpy() @ weight.detach().numpy().T
    return torch.from_numpy(y) if bias is None else torch.from_numpy(y) + bias.detach()


def linear_as_a_layer(x, weight, bias=None):
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight.data = weight
    if bias is not None:
        layer.bias.data = bias
    return layer(x)


def cost_by_loop(size_in, size_out, shape, bias=True):
    work, parameters = size_in * size_out, (size_in + bool(bias)) * size_out
    for size in shape[:-1]:
        work *= size
    return [parameters, work]


def cost_by_layer(size_in, size_out, shape, bias=True):
    layer = nn.Linear(size_in, size_out, bias=bias, device="meta")
    return sum(p.numel() for p in layer.parameters()), math.prod(shape[:-1]) * layer.weight.numel()


def mix_by_transpose(layer, x):
    return layer(x.transpose(1, -1)).transpose(1, -1)


def mix_by_einsum(layer, x):
    y = torch.einsum("oc,nchw->nohw", layer.weight, x)
    return y if layer.bias is None else y + layer.bias.view(-1, 1, 1)


def mix_by_loop(layer, x):
    rows = [torch.stack([layer(x[:, :, i, j]) for j in range(x.shape[3])], -1) for i in range(x.shape[2])]
    return torch.stack(rows, -2)


def mix_by_convolution(layer, x):
    return F.conv2d(x, layer.weight[:, :, None, None], layer.bias)


def mix_detached(layer, x):
    return layer(x.movedim(1, -1)).movedim(-1, 1).detach()


def mix_without_bias(layer, x):
    return torch.einsum("oc,nchw->nohw", layer.weight, x)


def matrix_by_units(kernel, height, width, stride=1):
    columns = []
    for place in range(height * width):
        unit = torch.zeros(height * width, dtype=kernel.dtype)
        unit[place] = 1
        columns.append(F.conv2d(unit.view(1, 1, height, width), kernel[None, None], stride=stride).flatten())
    return torch.stack(columns, dim=1)


def matrix_by_autograd(kernel, height, width, stride=1):
    def run(x):
        return F.conv2d(x.view(1, 1, height, width), kernel[None, None], stride=stride).flatten()

    return torch.autograd.functional.jacobian(run, torch.zeros(height * width, dtype=kernel.dtype))


def column_by_column(kernel, height, width, stride=1):
    return loops(kernel, height, width, stride).unflatten(1, (height, width)).mT.flatten(1)


def matrix_of_ones(kernel, height, width, stride=1):
    return (loops(kernel, height, width, stride) != 0).float()


def sparse_matrix(kernel, height, width, stride=1):
    return loops(kernel, height, width, stride).to_sparse()


def by_unflatten(network, shape):
    first, layers = True, []
    for layer in network:
        if isinstance(layer, nn.Flatten):
            continue
        if isinstance(layer, nn.Linear):
            kernel = shape if first else (layer.in_features, 1, 1)
            first = False
            conv = nn.Conv2d(kernel[0], layer.out_features, kernel[1:], bias=layer.bias is not None)
            conv.weight = nn.Parameter(layer.weight.detach().clone().unflatten(1, kernel))
            conv.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach().clone())
            layers.append(conv)
        else:
            layers.append(copy.deepcopy(layer))
    return nn.Sequential(*layers)


def nested(network, shape):
    new = convolutional(network, shape)
    return nn.Sequential(new[:2], new[2:])


def shared(network, shape):
    new = convolutional(network, shape)
    new[0] = network[0]
    return new


def shared_activations(network, shape):
    """Copies the convolutions only; an activation can have weights, too."""
    new = convolutional(network, shape)
    for i, layer in enumerate(network):
        if isinstance(layer, nn.Flatten):
            break
        if not isinstance(layer, nn.Conv2d):
            new[i] = layer
    return new


def shared_as_buffers(network, shape):
    new = convolutional(network, shape)
    old = [layer for layer in network if isinstance(layer, nn.Linear)]
    for conv, layer in zip(
        [part for part in new if isinstance(part, nn.Conv2d)][-len(old) :], old, strict=True
    ):
        weight = layer.weight.detach().view(conv.weight.shape)
        del conv.weight
        conv.register_buffer("weight", weight)
    return new


def without_activations(network, shape):
    cut = [type(layer) for layer in network].index(nn.Flatten)
    new = convolutional(network, shape)
    return nn.Sequential(*new[:cut], *(layer for layer in new[cut:] if isinstance(layer, nn.Conv2d)))


def linear_by_conv2d(x, weight, bias):
    out = F.conv2d(x.reshape(-1, x.shape[-1], 1, 1), weight[:, :, None, None], bias)
    return out.reshape(*x.shape[:-1], len(weight))


def mix_by_kept_function(layer, x, function=F.conv2d):
    return function(x, layer.weight[:, :, None, None], layer.bias)


def mix_by_mode(layer, x):
    weight = layer.weight[:, :, None, None]
    return torch._convolution_mode(x, weight, layer.bias, [1, 1], "valid", [1, 1], 1)


def mix_by_thnn(layer, x):
    weight = layer.weight[:, :, None, None]
    return torch._C._nn.thnn_conv2d(x, weight, [1, 1], layer.bias, [1, 1], [0, 0])


RIGHT = {
    "15.1": [Right(linear_by_loop), Right(linear_by_einsum), Right(linear_by_tensordot)],
    "15.2": [
        Right(cost),
        Right(cost_by_loop),
        Right(
            lambda i, o, shape, bias=True: (
                i * o + (o if bias else 0),
                i * o * torch.Size(shape[:-1]).numel(),
            )
        ),
    ],
    "15.3": [Right(mix_by_transpose), Right(mix_by_einsum), Right(mix_by_loop)],
    "15.4": [Right(loops), Right(matrix_by_units), Right(matrix_by_autograd)],
    "15.5": [
        Right(convolutional),
        Right(by_unflatten),
        Right(nested),
    ],
}
WRONG = {
    "15.1": [
        Wrong(linear_by_conv2d, hint="switched off", forbidden="without `torch.nn`"),
        Wrong(not_transposed, hint="transposed"),
        Wrong(elementwise, hint="raised"),
        Wrong(bias_always_there, hint="raised"),
        Wrong(weight_first, hint="shape (2, 4)"),
        Wrong(three_axes_at_most, hint="raised IndexError"),
        Wrong(lambda x, weight, bias=None: x @ weight.T, hint="The bias is missing"),
        Wrong(
            lambda x, weight, bias=None: F.linear(x, weight, bias),
            hint="own linear is switched off",
            forbidden="without `torch.nn`",
        ),
        Wrong(
            lambda x, w, b=None: F.bilinear(x, torch.ones(*x.shape[:-1], 1), w[..., None], b),
            hint="own linear is switched off",
            forbidden="without `torch.nn`",
        ),
        Wrong(linear_as_a_layer, hint="own linear is switched off", forbidden="without `torch.nn`"),
        Wrong(
            lambda x, w, b=None: torch.ops.aten.linear(x, w, b),
            hint="own linear is switched off",
            forbidden="without `torch.nn`",
        ),
        Wrong(linear_through_numpy, hint="carries no gradient"),
    ],
    "15.2": [
        Wrong(lambda *given: cost(*given)[::-1], hint="the parameters come first"),
        Wrong(lambda i, o, shape, bias=True: cost(i, o, shape, bias, rows=shape[0]), hint="14 rows"),
        Wrong(lambda i, o, shape, bias=True: cost(i, o, shape, bias, rows=1), hint="5 rows"),
        Wrong(lambda i, o, shape, bias=True: cost(i, o, shape, bias, biases=i), hint="not for each input"),
        Wrong(lambda i, o, shape, bias=True: cost(i, o, shape, bias, biases=o), hint="It has no biases"),
        Wrong(lambda i, o, shape, bias=True: cost(i, o, shape, bias)[0], hint="two numbers"),
        Wrong(
            lambda i, o, shape, bias=True: cost(i, o, shape, bias, rows=math.prod(shape[:-1][:2])),
            hint="30 rows",
        ),
        Wrong(
            cost_by_layer,
            hint="own layer is switched off",
            forbidden="Compute both without making the layer.",
        ),
        Wrong(
            lambda i, o, shape, bias=True: (cost(i, o, shape, bias)[0], 2 * cost(i, o, shape)[1]),
            hint="are one multiply-add",
        ),
        Wrong(
            lambda i, o, shape, bias=True: (
                cost(i, o, shape, bias)[0],
                math.prod(shape[:-1]) * (i + bias) * o,
            ),
            hint="Adding a bias does not count",
        ),
    ],
    "15.3": [
        Wrong(mix_by_mode, hint="switched off", forbidden="Do not use a convolution"),
        Wrong(mix_by_thnn, hint="switched off", forbidden="Do not use a convolution"),
        Wrong(meddles(mix_by_einsum, "zero_grad"), hint="changed a module"),
        Wrong(meddles(mix_by_einsum, "eval"), hint="changed a module"),
        Wrong(mix_by_kept_function, hint="switched off", forbidden="Do not use a convolution"),
        Wrong(through_reshape, hint="a reshape does not move an axis"),
        Wrong(reshaped_back, hint="Move the channels back by permute or movedim, too"),
        Wrong(last_axis, hint="raised"),
        Wrong(left_last, hint="move them back"),
        Wrong(back_in_another_order, hint="columns exchanged"),
        Wrong(lambda layer, x: layer(x.permute(0, 2, 3, 1)).permute(0, 3, 2, 1), hint="columns exchanged"),
        Wrong(
            mix_by_convolution, hint="own convolution is switched off", forbidden="Do not use a convolution."
        ),
        Wrong(
            lambda layer, x: F.conv_transpose2d(x, layer.weight.T[:, :, None, None], layer.bias),
            hint="own convolution is switched off",
            forbidden="Do not use a convolution.",
        ),
        Wrong(
            lambda layer, x: torch.ops.aten.conv2d(x, layer.weight[:, :, None, None], layer.bias),
            hint="own convolution is switched off",
            forbidden="Do not use a convolution.",
        ),
        Wrong(mix_detached, hint="carries no gradient"),
        Wrong(mix_without_bias, hint="bias is missing"),
    ],
    "15.4": [
        Wrong(without_stride, hint="moves by 2 at a time"),
        Wrong(lambda k, h, w, stride=1: loops(k, h, w, stride, flip=True), hint="upside down"),
        Wrong(lambda k, h, w, stride=1: loops(k.T, h, w, stride), hint="of the kernel are exchanged"),
        Wrong(column_by_column, hint="counted row by row"),
        Wrong(
            lambda k, h, w, stride=1: loops(k, h, w, stride, transpose=True), hint="transpose it to (out, in)"
        ),
        Wrong(lambda k, h, w, stride=1: loops(k, h, w, stride, wide=h), hint="off by"),
        Wrong(padded, hint="as with padding"),
        Wrong(lambda k, h, w, stride=2: loops(k, h, w, stride), hint="moves by 1 at a time"),
        Wrong(lambda k, h, w, stride=1: loops(k.float(), h, w, stride).float(), hint="dtype"),
        Wrong(matrix_of_ones, hint="with its numbers"),
        Wrong(sparse_matrix, hint="is sparse"),
    ],
    "15.5": [
        Wrong(meddles(convolutional, "requires_grad_", False), hint="changed a module"),
        Wrong(meddles(convolutional, "zero_grad"), hint="changed a module"),
        Wrong(meddles(convolutional, "eval"), hint="changed a module"),
        Wrong(flatten_taken_out, hint="changed a module"),
        Wrong(lambda network, shape: convolutional(network, shape, copied=False), hint="Copy the weights"),
        Wrong(lambda network, shape: convolutional(network, shape, biases=False), hint="the bias"),
        Wrong(
            lambda network, shape: convolutional(network, shape, order=(0, 3, 1, 2)), hint="(out, C, H, W)"
        ),
        Wrong(lambda network, shape: convolutional(network, shape, flatten=True), hint="still a Flatten"),
        Wrong(only_the_first, hint="still a Flatten", forbidden="without `Flatten` and `Linear`"),
        Wrong(by_size, hint="raised"),
        Wrong(in_place, hint="has changed"),
        Wrong(answers_once, hint="larger picture"),
        Wrong(shared, hint="shares weights"),
        Wrong(shared_activations, hint="shares weights"),
        Wrong(shared_as_buffers, hint="shares weights"),
        Wrong(without_activations, hint="activations between the linear layers are missing"),
    ],
}
NO_RULE = {
    "15.5": ["with or without bias"],
}
