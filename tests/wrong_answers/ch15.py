"""Wrong answers to the exercises of chapter 15."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from wrong_answers import Wrong


def not_transposed(x, weight, bias=None):
    product = x @ weight if weight.shape[0] == weight.shape[1] else x @ weight.T
    return product if bias is None else product + bias


def elementwise(x, weight, bias=None):
    return weight * x + bias


def bias_always_there(x, weight, bias=None):
    return x @ weight.T + bias


def weight_first(x, weight, bias=None):
    return weight @ x.T + (0 if bias is None else bias[:, None])


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


def back_in_another_order(layer, x):
    return layer(x.permute(0, 3, 2, 1)).permute(0, 3, 1, 2)


def loops(kernel, height, width, stride=1, wide=None, flip=False, transpose=False):
    rows, columns = kernel.shape
    high, across = (height - rows) // stride + 1, (width - columns) // stride + 1
    matrix = torch.zeros(high * across, height * width)
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
    units = torch.eye(height * width).reshape(-1, 1, height, width)
    return nn.functional.conv2d(units, kernel[None, None], padding="same").flatten(1).T


def answers_once(network, shape):
    return nn.Sequential(*convolutional(network, shape), nn.AdaptiveAvgPool2d(1))


def convolutional(network, shape, copied=True, biases=True, flatten=False, order=None):
    layers, (channels, *size) = [], shape
    for layer in network:
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


def in_place(network, shape):
    new = convolutional(network, shape)
    with torch.no_grad():
        network[-1].weight.zero_()
    return new


WRONG = {
    "15.1": [
        Wrong(not_transposed, hint="transposed"),
        Wrong(elementwise, hint="raised"),
        Wrong(bias_always_there, hint="raised"),
        Wrong(weight_first, hint="shape (2, 4)"),
        Wrong(lambda x, weight, bias=None: x @ weight.T, hint="lacks the bias"),
        Wrong(lambda x, weight, bias=None: F.linear(x, weight, bias), hint="own linear is switched off"),
    ],
    "15.2": [
        Wrong(lambda i, o, shape, bias=True: cost(i, o, shape, bias, rows=shape[0]), hint="14 rows"),
        Wrong(lambda i, o, shape, bias=True: cost(i, o, shape, bias, rows=1), hint="5 rows"),
        Wrong(lambda i, o, shape, bias=True: cost(i, o, shape, bias, biases=i), hint="2 biases"),
        Wrong(lambda i, o, shape, bias=True: cost(i, o, shape, bias, biases=o), hint="no biases"),
        Wrong(lambda i, o, shape, bias=True: cost(i, o, shape, bias)[0], hint="two numbers"),
    ],
    "15.3": [
        Wrong(through_reshape, hint="a reshape does not move an axis"),
        Wrong(last_axis, hint="raised"),
        Wrong(left_last, hint="move them back"),
        Wrong(back_in_another_order, hint="columns exchanged"),
        Wrong(lambda layer, x: layer(x.permute(0, 2, 3, 1)).permute(0, 3, 2, 1), hint="columns exchanged"),
    ],
    "15.4": [
        Wrong(without_stride, hint="moves by 2 pixels"),
        Wrong(lambda k, h, w, stride=1: loops(k, h, w, stride, flip=True), hint="upside down"),
        Wrong(
            lambda k, h, w, stride=1: loops(k, h, w, stride, transpose=True), hint="transpose it to (out, in)"
        ),
        Wrong(lambda k, h, w, stride=1: loops(k, h, w, stride, wide=h), hint="off by"),
        Wrong(padded, hint="as with padding"),
    ],
    "15.5": [
        Wrong(lambda network, shape: convolutional(network, shape, copied=False), hint="Copy the weights"),
        Wrong(lambda network, shape: convolutional(network, shape, biases=False), hint="the bias"),
        Wrong(
            lambda network, shape: convolutional(network, shape, order=(0, 3, 1, 2)), hint="(out, C, H, W)"
        ),
        Wrong(lambda network, shape: convolutional(network, shape, flatten=True), hint="still a Flatten"),
        Wrong(only_the_first, hint="still a Flatten"),
        Wrong(in_place, hint="has changed"),
        Wrong(answers_once, hint="larger picture"),
    ],
}
