"""Wrong answers to the exercises of chapter 21."""

import copy

import torch
from torch import nn

from wrong_answers import Wrong


def counts_rights(logits, labels):
    return (logits.argmax(dim=1) == labels).sum().item()


def wrong_axis(logits, labels):
    return (logits.argmax(dim=0)[: len(labels)] == labels[: logits.shape[1]]).float().mean().item()


def tensor_accuracy(logits, labels):
    return (logits.argmax(dim=1) == labels).float().mean()


def swapped(labels, guesses, classes):
    return torch.bincount(guesses * classes + labels, minlength=classes**2).view(classes, classes)


def no_minlength(labels, guesses, classes):
    return torch.bincount(labels * classes + guesses).view(classes, classes)


def as_floats(labels, guesses, classes):
    matrix = torch.zeros(classes, classes)
    for label, guess in zip(labels, guesses, strict=True):
        matrix[label, guess] += 1
    return matrix


def repeated_once(labels, guesses, classes):
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    matrix[labels, guesses] += 1
    return matrix


def step(model, x, y, loss_fn, optimizer, zero=True, train=True, update=True):
    if train:
        model.train()
    if zero:
        optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    if update:
        optimizer.step()
    return loss.item()


def zero_after_backward(model, x, y, loss_fn, optimizer):
    model.train()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def loss_tensor(model, x, y, loss_fn, optimizer):
    step(model, x, y, loss_fn, optimizer)
    return loss_fn(model(x), y)


def score(model, batches, loss_fn, evaluate=True, weigh=True, restore=True, gradients=False):
    was_training = model.training
    if evaluate:
        model.eval()
    loss, correct, count, means = 0.0, 0, 0, []
    with torch.set_grad_enabled(gradients):
        for x, y in batches:
            logits = model(x)
            means.append(loss_fn(logits, y).item())
            loss += means[-1] * len(y)
            correct += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    if restore:
        model.train(was_training)
    return loss / count if weigh else sum(means) / len(means), correct / count


def mean_accuracy(model, batches, loss_fn):
    loss, _ = score(model, batches, loss_fn)
    return loss, sum(score(model, [batch], loss_fn)[1] for batch in batches) / len(batches)


def score_of_last_batch(model, batches, loss_fn):
    return score(model, batches[-1:], loss_fn)


def scored_on_training(model, batches, validation, *rest):
    return fit(model, batches, batches, *rest)


def one_axis_of_guesses(labels, guesses, classes):
    return torch.bincount(labels * classes + guesses, minlength=classes * classes)


def fit(model, batches, validation, loss_fn, optimizer, epochs, copied=True, load=True):
    accuracies, best = [], None
    for _ in range(epochs):
        for x, y in batches:
            step(model, x, y, loss_fn, optimizer)
        accuracies.append(score(model, validation, loss_fn)[1])
        if accuracies[-1] >= max(accuracies):
            best = copy.deepcopy(model.state_dict()) if copied else model.state_dict()
    if load:
        model.load_state_dict(best)
    return accuracies


WRONG = {
    "21.1": [
        Wrong(counts_rights, hint="should be 0.75"),
        Wrong(wrong_axis, hint="dim=1"),
        Wrong(lambda logits, labels: (logits.argmax() == labels).float().mean().item(), hint="dim=1"),
        Wrong(tensor_accuracy, hint=".item()"),
    ],
    "21.2": [
        Wrong(swapped, hint="swapped"),
        Wrong(no_minlength, hint="raised"),
        Wrong(as_floats, hint="dtype"),
        Wrong(repeated_once, hint="occurs twice"),
        Wrong(one_axis_of_guesses, hint="has shape (9,)"),
    ],
    "21.3": [
        Wrong(lambda *a: step(*a, zero=False), hint="earlier step still count"),
        Wrong(lambda *a: step(*a, train=False), hint="model.train()"),
        Wrong(lambda *a: step(*a, update=False), hint="zero_grad, backward and step"),
        Wrong(zero_after_backward, hint="in this order"),
        Wrong(loss_tensor, hint="plain number"),
    ],
    "21.4": [
        Wrong(lambda *a: score(*a, evaluate=False), hint="eval mode first"),
        Wrong(lambda *a: score(*a, weigh=False), hint="weigh by len(y)"),
        Wrong(lambda *a: score(*a, restore=False), hint="before"),
        Wrong(mean_accuracy, hint="count the right guesses"),
        Wrong(score_of_last_batch, hint="the loss over all pictures"),
        Wrong(lambda *a: score(*a, gradients=True), hint="inference_mode"),
    ],
    "21.5": [
        Wrong(lambda *a: fit(*a, copied=False), hint="deepcopy"),
        Wrong(lambda *a: fit(*a, load=False), hint="the last one"),
        Wrong(lambda *a: fit(*a), hint="the first of equals"),  # it keeps the last one
        Wrong(scored_on_training, hint="validation accuracies"),
        Wrong(lambda *a: fit(*a)[-1], hint="a list of accuracies"),
        Wrong(lambda model, *a: nn.Identity(), hint="a list of accuracies"),
    ],
}
