"""Wrong answers to the exercises of chapter 2."""

import torch

from wrong_answers import Wrong


def only_two_axes(nested):
    return (len(nested), len(nested[0])) if isinstance(nested[0], list) else (len(nested),)


def inside_out(nested):
    return (*inside_out(nested[0]), len(nested)) if isinstance(nested, list) else ()


def as_a_list(nested):
    return len(nested) if isinstance(nested, list) else 0


def with_brackets(nested):
    lengths = []
    while isinstance(nested, list):
        lengths.append(len(nested))
        nested = nested[0]
    return lengths


def first_axis_fastest(shape, index):
    number = 0
    for length, place in zip(reversed(shape), reversed(index), strict=True):
        number = number * length + place
    return number


def sum_of_products(shape, index):
    return sum(length * place for length, place in zip(shape, index, strict=True))


def by_tensor(shape, index):
    return torch.arange(torch.Size(shape).numel()).reshape(shape)[index].item()


def middle(pictures, size):
    top, left = (pictures.shape[2] - size) // 2, (pictures.shape[3] - size) // 2
    return pictures[:, :, top : top + size, left : left + size]


WRONG = {
    "2.1": [
        Wrong(only_two_axes, hint="[[[1], [2]]]"),
        Wrong(inside_out, hint="the shape of [[1, 2, 3], [4, 5, 6]]"),
        Wrong(as_a_list, hint="should be (3,)"),
        Wrong(with_brackets, hint="a tuple is wanted"),
    ],
    "2.2": [
        Wrong(first_axis_fastest, hint="number_at((2, 3), (1, 0))"),
        Wrong(sum_of_products, hint="One step along an axis"),
        Wrong(by_tensor, hint="with the shape and the index alone"),
    ],
    "2.3": [
        Wrong(lambda x: x[:, 0, :, -1], hint="the last column"),
        Wrong(lambda x: x[:, -1, -1], hint="channel 0"),
        Wrong(lambda x: x[:, 0, -1:], hint="shape"),
        Wrong(lambda x: x[:, 0, 0], hint="the first row"),
        Wrong(lambda x: x[:, 0][-1], hint="the last picture"),
        Wrong(lambda x: x[:, 0, x.shape[2]], hint="out of bounds"),
        Wrong(lambda x: x[0, :, -1], hint="every channel of picture 0"),
    ],
    "2.4": [
        Wrong(lambda x: x.mean(dim=(2, 3)), hint="raised"),
        Wrong(lambda x: x.float().mean(dim=(0, 1)), hint="rows and columns"),
        Wrong(lambda x: x.float().mean(dim=(2, 3), keepdim=True), hint="(2, 3)"),
        Wrong(lambda x: x.double().mean(dim=(2, 3)), hint="float32"),
        Wrong(lambda x: x.float().mean(dim=(2, 3)) / 255, hint="0 to 255 is wanted"),
        Wrong(lambda x: x.float().sum(dim=(2, 3)), hint="gives sums"),
    ],
    "2.5": [
        Wrong(lambda x, y, label, size: x[y == label][:, :, :size, :size], hint="top left corner"),
        Wrong(lambda x, y, label, size: x[y == label][:, :, -size:, -size:], hint="bottom right corner"),
        Wrong(lambda x, y, label, size: middle(x[y != label], size), hint="the other classes"),
        Wrong(lambda x, y, label, size: middle(x[y == label], 2 * size), hint="shape"),
        Wrong(lambda x, y, label, size: x[label][None, :, -size:, -size:], hint="shape"),
        Wrong(lambda x, y, label, size: x[y == label], hint="should have"),
        Wrong(lambda x, y, label, size: torch.zeros(size, size), hint="should have"),
    ],
}
