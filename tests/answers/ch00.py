"""Answers to the exercises of chapter 0."""

from collections import OrderedDict

import numpy as np
from torch import nn

from answers import Right, Wrong

# 0.1


def by_index(number, labels, classes):
    return classes[labels[number]]


def by_item(number, labels, classes):
    return classes[labels[number].item()]


def by_list(number, labels, classes):
    return [classes[label] for label in labels][number]


def by_dict(number, labels, classes):
    return dict(enumerate(classes))[int(labels[number])]


def by_numpy_names(number, labels, classes):
    return np.array(classes)[labels.numpy()][number]


def no_label(number, labels, classes):
    return classes[number % len(classes)]


def label_only(number, labels, classes):
    return labels[number]


def label_as_number(number, labels, classes):
    return int(labels[number])


def next_one(number, labels, classes):
    return classes[(labels[number] + 1) % len(classes)]


def in_a_list(number, labels, classes):
    return [classes[labels[number]]]


def no_return(number, labels, classes):
    classes[labels[number]]


def other_way_round(number, labels, classes):
    return labels[classes[number]]


# 0.2


def by_mask(number, guesses, labels):
    return (guesses[labels == number] == number).float().mean().item()


def by_sums(number, guesses, labels):
    of_class = labels == number
    return ((guesses == labels) & of_class).sum().item() / of_class.sum().item()


def by_loop(number, guesses, labels):
    right = [int(guess == label) for guess, label in zip(guesses, labels, strict=True) if label == number]
    return sum(right) / len(right)


def by_numpy(number, guesses, labels):
    return (guesses.numpy()[labels.numpy() == number] == number).mean()


def tensor(number, guesses, labels):
    return (guesses[labels == number] == number).float().mean()


def count(number, guesses, labels):
    return ((guesses == labels) & (labels == number)).sum().item()


def of_all(number, guesses, labels):
    return ((guesses == labels) & (labels == number)).float().mean().item()


def all_classes(number, guesses, labels):
    return (guesses == labels).float().mean().item()


def of_the_guesses(number, guesses, labels):
    chosen = labels[guesses == number]
    return (chosen == number).sum().item() / max(len(chosen), 1)


def wrong_ones(number, guesses, labels):
    return (guesses[labels == number] != number).float().mean().item()


def percent(number, guesses, labels):
    return 100 * by_mask(number, guesses, labels)


def whole_numbers(number, guesses, labels):
    of_class = labels == number
    return ((guesses == labels) & of_class).sum().item() // of_class.sum().item()


def is_it_this_class(number, guesses, labels):
    return ((guesses == number) == (labels == number)).float().mean().item()


def share_of_guesses(number, guesses, labels):
    return (guesses == number).float().mean().item()


def of_the_right_ones(number, guesses, labels):
    return (labels[guesses == labels] == number).float().mean().item()


# 0.3


def in_a_row(hidden):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def with_names(hidden):
    layers = {"flat": nn.Flatten(), "first": nn.Linear(3072, hidden), "relu": nn.ReLU()}
    return nn.Sequential(OrderedDict(layers | {"last": nn.Linear(hidden, 10)}))


def nested(hidden):
    return nn.Sequential(
        nn.Sequential(nn.Flatten(), nn.Linear(3072, hidden)), nn.ReLU(), nn.Linear(hidden, 10)
    )


def appended(hidden):
    network = nn.Sequential(nn.Flatten())
    for layer in (nn.Linear(3072, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, 10)):
        network.append(layer)
    return network


def as_list(hidden):
    return list(in_a_row(hidden))


def one_colour(hidden):
    return nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def no_relu(hidden):
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, hidden), nn.Linear(hidden, 10))


def with_softmax(hidden):
    return in_a_row(hidden).append(nn.Softmax(dim=1))


def no_flatten(hidden):
    return in_a_row(hidden)[1:]


def swapped(hidden):
    return nn.Sequential(nn.Flatten(), nn.Linear(hidden, 3072), nn.ReLU(), nn.Linear(10, hidden))


def always_16(hidden):
    return in_a_row(16)


def one_score(hidden):
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, hidden), nn.ReLU(), nn.Linear(hidden, 1))


def batch_too(hidden):
    return nn.Sequential(nn.Flatten(0), nn.Linear(3072, hidden), nn.ReLU(), nn.Linear(hidden, 10))


def one_relu_twice(hidden):
    relu = nn.ReLU()
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, hidden), relu, nn.Linear(hidden, 10), relu)


def sorted_first(number, labels, classes):
    return sorted(classes)[labels[number]]


def a_single_layer(hidden):
    return nn.Linear(3072, 10)


RIGHT = {
    "0.1": [Right(by_index), Right(by_item), Right(by_list), Right(by_dict), Right(by_numpy_names)],
    "0.2": [Right(by_mask), Right(by_sums), Right(by_loop), Right(by_numpy)],
    "0.3": [Right(in_a_row), Right(with_names), Right(nested), Right(appended)],
}
WRONG = {
    "0.1": [
        Wrong(no_label, hint="Look the label of the picture up first"),
        Wrong(label_only, hint="That is the label"),
        Wrong(label_as_number, hint="That is the label"),
        Wrong(next_one, hint="should be"),
        Wrong(sorted_first, hint="should be"),
        Wrong(in_a_list, hint="['frog']"),
        Wrong(no_return, hint="is a `return` missing?"),
        Wrong(other_way_round, hint="raised IndexError"),
    ],
    "0.2": [
        Wrong(tensor, hint="a plain number is wanted"),
        Wrong(count, hint="Divide by the number of pictures of the class"),
        Wrong(of_all, hint="Divide by those of the class"),
        Wrong(all_classes, hint="one class only"),
        Wrong(of_the_guesses, hint="Choose the pictures by their labels"),
        Wrong(wrong_ones, hint="the share of wrong guesses"),
        Wrong(percent, hint="a percentage"),
        Wrong(whole_numbers, hint="should be 0.166667"),
        Wrong(is_it_this_class, hint="should be 0.166667.\n"),
        Wrong(share_of_guesses, hint="should be 0.166667.\n"),
        Wrong(of_the_right_ones, hint="should be 0.166667.\n"),
    ],
    "0.3": [
        Wrong(as_list, hint="should return an nn.Sequential"),
        Wrong(one_colour, hint="three colours"),
        Wrong(no_relu, hint="can do no more than one"),
        Wrong(with_softmax, hint="no softmax"),
        Wrong(no_flatten, hint="the list of layers"),
        Wrong(one_relu_twice, hint="the list of layers"),
        Wrong(swapped, hint="how many numbers go in"),
        Wrong(always_16, hint="with hidden=5"),
        Wrong(one_score, hint="should be 10"),
        Wrong(batch_too, hint="raised RuntimeError"),
        Wrong(a_single_layer, hint="should return an nn.Sequential"),
    ],
}
