"""Checkers of chapter 0, the first network."""

import torch
from torch import nn

from . import _, call, describe, exercise, expect, require

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


@exercise("0.1")
def name_of(answer):
    for classes, numbers in ((NAMES, [6, 9, 0, 3, 9, 2]), (["yes", "no"], [1, 0, 0, 1])):
        labels = torch.tensor(numbers)
        for number, label in enumerate(numbers):
            expect(
                call(answer, number, labels, classes, name="name_of"),
                classes[label],
                _("The class of picture {number}, whose label is {label},", number=number, label=label),
                mistakes={
                    _(
                        "That is the class number {number}. Look the label of the picture up first.",
                        number=number,
                    ): (classes[number % len(classes)]),
                    _(
                        "That is the label, in a tensor. The name stands at this place of `classes`."
                    ): torch.tensor(label),
                    _("That is the label. The name stands at this place of `classes`."): label,
                },
            )
    return _("A network only sees numbers. The names are for us.")


@exercise("0.2")
def accuracy_of(answer):
    cases = [
        # Every known mistake gives another number.
        (3, [7, 3, 0, 5, 0, 3, 0, 7, 0, 0], [0, 3, 3, 3, 0, 5, 0, 3, 3, 3]),
        (5, [5, 3, 5, 5, 5], [5, 5, 3, 5, 3]),
        (0, [1, 0, 2, 0], [0, 0, 0, 0]),
        (7, [1, 2, 7], [7, 7, 1]),
        (1, [1, 1, 0], [1, 1, 0]),
    ]
    for number, guesses, labels in cases:
        pairs = list(zip(guesses, labels, strict=True))
        of_class = [guess for guess, label in pairs if label == number]
        right = of_class.count(number)
        expect(
            call(answer, number, torch.tensor(guesses), torch.tensor(labels), name="accuracy_of"),
            right / len(of_class),
            _(
                "The accuracy for class {number}, with the guesses {guesses} and the labels {labels},",
                number=number,
                guesses=guesses,
                labels=labels,
            ),
            mistakes={
                _("That is how many are right. Divide by the number of pictures of the class."): right,
                _("You divided by the number of all pictures. Divide by those of the class."): (
                    right / len(pairs)
                ),
                _("That is the accuracy for all classes together. Look at the pictures of one class only."): (
                    sum(guess == label for guess, label in pairs) / len(pairs)
                ),
                _(
                    "Of the pictures that the network *takes* for this class, that is the share that it is right about. "
                    "Choose the pictures by their labels."
                ): right / max(guesses.count(number), 1),
                _("That is the share of wrong guesses."): 1 - right / len(of_class),
                _("That is a percentage. A number from 0 to 1 is wanted."): 100 * right / len(of_class),
            },
        )
    return _("Two classes can differ much, and the accuracy over all of them does not show it.")


@exercise("0.3")
def small_network(answer):
    for hidden in (16, 5):
        network = call(answer, hidden, name="small_network")
        require(
            isinstance(network, nn.Sequential),
            _("small_network should return an nn.Sequential, but returned {found}.", found=describe(network)),
        )
        parts = network.named_modules(remove_duplicate=False)  # a layer that stands twice counts twice
        layers = [layer for _name, layer in parts if not list(layer.children())]
        names = [type(layer).__name__ for layer in layers]
        expect(
            names,
            ["Flatten", "Linear", "ReLU", "Linear"],
            _("the list of layers"),
            mistakes={
                _("`CrossEntropyLoss` wants scores, so no softmax belongs in the network."): [
                    "Flatten",
                    "Linear",
                    "ReLU",
                    "Linear",
                    "Softmax",
                ],
                _("Without nn.ReLU() in between, two linear layers can do no more than one."): [
                    "Flatten",
                    "Linear",
                    "Linear",
                ],
            },
        )
        sizes = [(layer.in_features, layer.out_features) for layer in layers if isinstance(layer, nn.Linear)]
        expect(
            sizes,
            [(3 * 32 * 32, hidden), (hidden, 10)],
            _(
                "with hidden={hidden}, for sizes = [(numbers in, numbers out) of each nn.Linear], sizes",
                hidden=hidden,
            ),
            mistakes={
                _("A picture has three colours."): [(32 * 32, hidden), (hidden, 10)],
                _("The first number of an nn.Linear is how many numbers go in."): [
                    (hidden, 3 * 32 * 32),
                    (10, hidden),
                ],
            },
        )
        found = call(network, torch.rand(4, 3, 32, 32), name=f"small_network({hidden})")
        expect(tuple(found.shape), (4, 10), _("the shape of the scores of 4 pictures"))
    return _("Let `new_network` above return it, and train it: how good does it get?")
