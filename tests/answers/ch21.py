"""Answers to the exercises of chapter 21."""

import copy
import io
from functools import partial

import torch
from torch import nn

from answers import Right, Wrong, meddles


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


def loss_in_eval_mode(model, x, y, loss_fn, optimizer):
    loss = loss_fn(model.eval()(x), y).item()
    step(model, x, y, loss_fn, optimizer)
    return loss


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


def only_dropout_in_eval_mode(model, batches, loss_fn):
    dropouts = [part for part in model.modules() if isinstance(part, nn.Dropout)]
    modes = [part.training for part in dropouts]
    for part in dropouts:
        part.eval()
    found = score(model, batches, loss_fn, evaluate=False, restore=False)
    for part, mode in zip(dropouts, modes, strict=True):
        part.train(mode)
    return found


def sum_in_loss_fn(model, batches, loss_fn):
    loss_fn.reduction = "sum"
    loss, accuracy = score(model, [[torch.cat(part) for part in zip(*batches, strict=True)]], loss_fn)
    return loss / sum(len(y) for _, y in batches), accuracy


def loss_of_probabilities(model, batches, loss_fn):
    return score(model, batches, lambda logits, y: loss_fn(logits.softmax(dim=1), y))


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


def accuracy_by_loop(logits, labels):
    right = 0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        right += row.index(max(row)) == label
    return right / len(labels)


def accuracy_by_numpy(logits, labels):
    return (logits.numpy().argmax(axis=-1) == labels.numpy()).mean()


def accuracy_by_topk(logits, labels):
    return logits.topk(1).indices.flatten().eq(labels).double().mean().item()


def confusion_of_ten(labels, guesses, classes):
    counts = torch.bincount(labels * 10 + guesses, minlength=100)
    return counts.view(10, 10)[:classes, :classes]


def confusion_by_one_hot(labels, guesses, classes):
    rows, columns = nn.functional.one_hot(labels, classes), nn.functional.one_hot(guesses, classes)
    return rows.T @ columns


def confusion_by_loop(labels, guesses, classes):
    matrix = torch.zeros(classes, classes, dtype=torch.long)
    for label, guess in zip(labels, guesses, strict=True):
        matrix[label, guess] += 1
    return matrix


def confusion_by_index_put(labels, guesses, classes):
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    return matrix.index_put_((labels, guesses), torch.ones_like(labels), accumulate=True)


def step_with_none(model, x, y, loss_fn, optimizer):
    for weight in model.parameters():
        weight.grad = None
    loss = loss_fn(model.train()(x), y)
    value = loss.item()
    loss.backward()
    optimizer.step()
    return value


def step_by_closure(model, x, y, loss_fn, optimizer):
    model.train()

    def closure():
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        return loss

    return optimizer.step(closure).item()


def step_by_autograd(model, x, y, loss_fn, optimizer):
    model.train()
    loss = loss_fn(model(x), y)
    weights = list(model.parameters())
    for weight, grad in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        weight.grad = grad
    optimizer.step()
    return loss.detach().numpy().item()


def loss_after(model, x, y, loss_fn, optimizer):
    step(model, x, y, loss_fn, optimizer)
    return loss_fn(model(x), y).item()


def softmax_first(model, x, y, loss_fn, optimizer):
    return step(nn.Sequential(model, nn.Softmax(dim=1)), x, y, loss_fn, optimizer)


@torch.no_grad()
def score_at_once(model, batches, loss_fn):
    was = model.training
    try:
        pairs = [(model.eval()(x), y) for x, y in batches]
    finally:
        model.train(was)
    logits, labels = torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs])
    return [loss_fn(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()]


def score_on_a_copy(model, batches, loss_fn):
    return score(copy.deepcopy(model), batches, loss_fn)


def percent(model, batches, loss_fn):
    loss, accuracy = score(model, batches, loss_fn)
    return loss, 100 * accuracy


def always_train_after(model, batches, loss_fn):
    found = score(model, batches, loss_fn)
    model.train()
    return found


def fit_by_clone(model, batches, validation, loss_fn, optimizer, epochs, watch=None):
    accuracies, best, kept = [], -1.0, {}
    for _ in range(epochs):
        for x, y in batches:
            step(model, x, y, loss_fn, optimizer)
        if watch:
            watch(model, batches, loss_fn)
        accuracies.append(score(model, validation, loss_fn)[1])
        if accuracies[-1] > best:
            best, kept = accuracies[-1], {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(kept)
    return accuracies


def fit_by_file(model, batches, validation, loss_fn, optimizer, epochs):
    accuracies, file = [], io.BytesIO()
    for _ in range(epochs):
        for x, y in batches:
            step(model, x, y, loss_fn, optimizer)
        accuracies.append(score(model, validation, loss_fn)[1])
        if accuracies.index(max(accuracies)) == len(accuracies) - 1:
            file = io.BytesIO()
            torch.save(model.state_dict(), file)
    file.seek(0)
    model.load_state_dict(torch.load(file))
    return tuple(accuracies)


def fit_keeping_all(model, batches, validation, loss_fn, optimizer, epochs):
    accuracies, states = [], []
    for _ in range(epochs):
        for x, y in batches:
            step(model, x, y, loss_fn, optimizer)
        accuracies.append(score(model, validation, loss_fn)[1])
        states.append(copy.deepcopy(model.state_dict()))
    model.load_state_dict(states[max(range(epochs), key=accuracies.__getitem__)])
    return accuracies


def fit_by_loss(model, batches, validation, loss_fn, optimizer, epochs):
    accuracies, losses, best = [], [], None
    for _ in range(epochs):
        for x, y in batches:
            step(model, x, y, loss_fn, optimizer)
        loss, accuracy = score(model, validation, loss_fn)
        accuracies.append(accuracy)
        losses.append(loss)
        if loss <= min(losses):
            best = copy.deepcopy(model.state_dict())
    model.load_state_dict(best)
    return accuracies


def fit_by_training(part, best_of):
    """part: of `score`, 0 for the loss and 1 for the accuracy. best_of: min or max."""

    def fit(model, batches, validation, loss_fn, optimizer, epochs):
        accuracies, own, best = [], [], None
        for _ in range(epochs):
            for x, y in batches:
                step(model, x, y, loss_fn, optimizer)
            accuracies.append(score(model, validation, loss_fn)[1])
            own.append(score(model, batches, loss_fn)[part])
            if own.index(best_of(own)) == len(own) - 1:
                best = copy.deepcopy(model.state_dict())
        model.load_state_dict(best)
        return accuracies

    return fit


def fit_by_assign(model, batches, validation, *rest):
    accuracies = fit_from(model, batches, validation, *rest)
    model.load_state_dict(copy.deepcopy(model.state_dict()), assign=True)
    return accuracies


def only_the_first_batch(model, batches, *rest):
    return fit(model, batches[:1], *rest)


def forward_in_eval_mode(model, x, y, loss_fn, optimizer):
    loss = step(model.eval(), x, y, loss_fn, optimizer, train=False)
    model.train()
    return loss


def only_the_outer_mode(model, x, y, loss_fn, optimizer):
    model.eval().training = True
    return step(model, x, y, loss_fn, optimizer, train=False)


def own_loss(model, batches, loss_fn):
    return score(model, batches, nn.functional.cross_entropy)


def gradients_left_off(model, batches, loss_fn):
    torch.set_grad_enabled(False)
    return score(model, batches, loss_fn)


def frozen(model, batches, loss_fn):
    return score(model.requires_grad_(False), batches, loss_fn, gradients=True)


def mode_of_the_outer(model, batches, loss_fn):
    was = model.training
    found = score(model, batches, loss_fn, restore=False)
    model.training = was
    return found


def fit_from(model, batches, validation, loss_fn, optimizer, epochs, best=-1.0, train=True, names=None):
    accuracies, kept = [], None
    for _ in range(epochs):
        model.train(train)
        for x, y in batches:
            step(model, x, y, loss_fn, optimizer, train=False)
        accuracies.append(score(model, validation, loss_fn)[1])
        if accuracies[-1] > best:
            best, kept = accuracies[-1], copy.deepcopy(model.state_dict())
    model.load_state_dict({name: kept[name] for name in names or kept}, strict=names is None)
    return accuracies


def first_validation_batch(model, batches, validation, *rest):
    return fit_from(model, batches, validation[:1], *rest)


def measured_in_train_mode(model, batches, validation, loss_fn, optimizer, epochs):
    accuracies, kept = [], []
    for _ in range(epochs):
        for x, y in batches:
            step(model, x, y, loss_fn, optimizer)
        accuracies.append(score(model, validation, loss_fn, evaluate=False)[1])
        kept.append(copy.deepcopy(model.state_dict()))
    model.load_state_dict(kept[accuracies.index(max(accuracies))])
    return accuracies


def two_passes(model, x, y, loss_fn, optimizer):
    before = loss_fn(model.train()(x), y).item()
    step(model, x, y, loss_fn, optimizer)
    return before


def own_optimizer(model, batches, validation, loss_fn, optimizer, epochs):
    own = torch.optim.SGD(model.parameters(), lr=0.2)
    return fit(model, batches, validation, loss_fn, own, epochs)


def new_optimizer_each_epoch(model, batches, validation, loss_fn, optimizer, epochs):
    accuracies, kept = [], []
    for _ in range(epochs):
        own = type(optimizer)(model.parameters(), **optimizer.defaults)
        accuracies += fit(model, batches, validation, loss_fn, own, 1)
        kept.append(copy.deepcopy(model.state_dict()))
    model.load_state_dict(kept[accuracies.index(max(accuracies))])
    return accuracies


def optimizer_put_to_rest(model, batches, validation, loss_fn, optimizer, epochs):
    accuracies = fit_from(model, batches, validation, loss_fn, optimizer, epochs)
    optimizer.param_groups[0]["lr"] = 0.0
    return accuracies


def optimizer_of_the_best_epoch(model, batches, validation, loss_fn, optimizer, epochs):
    accuracies, best = [], None
    for _ in range(epochs):
        for x, y in batches:
            step(model, x, y, loss_fn, optimizer)
        accuracies.append(score(model, validation, loss_fn)[1])
        if accuracies.index(max(accuracies)) == len(accuracies) - 1:
            best = copy.deepcopy([model.state_dict(), optimizer.state_dict()])
    model.load_state_dict(best[0])
    optimizer.load_state_dict(best[1])
    return accuracies


def better_than_nothing(model, *rest):
    """Starts from accuracy 0 and the weights as they are."""
    start = copy.deepcopy(model.state_dict())
    accuracies = fit_from(model, *rest)
    if not any(accuracies):
        model.load_state_dict(start)
    return accuracies


def clipped(model, x, y, loss_fn, optimizer):
    model.train()
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def of_fourteen(model, batches, loss_fn):
    loss, accuracy = score(model, batches, loss_fn)
    share = sum(len(y) for _, y in batches) / 14
    return loss * share, accuracy * share


def fit_by_own_loss(model, batches, validation, loss_fn, *rest):
    return fit_from(model, batches, validation, nn.functional.cross_entropy, *rest)


RIGHT = {
    "21.1": [Right(accuracy_by_loop), Right(accuracy_by_numpy), Right(accuracy_by_topk)],
    "21.2": [Right(confusion_by_one_hot), Right(confusion_by_loop), Right(confusion_by_index_put)],
    "21.3": [Right(step_with_none), Right(step_by_closure), Right(step_by_autograd)],
    "21.4": [Right(score), Right(score_at_once), Right(score_on_a_copy)],
    "21.5": [
        Right(fit_by_clone),
        Right(partial(fit_by_clone, watch=score)),
        Right(partial(fit_by_clone, watch=partial(score, gradients=True))),
        Right(fit_by_file),
        Right(fit_keeping_all),
        Right(fit_from),
        Right(optimizer_of_the_best_epoch),
    ],
}
WRONG = {
    "21.1": [
        Wrong(counts_rights, hint="divide it by the number"),
        Wrong(lambda logits, labels: 100 * accuracy_by_loop(logits, labels), hint="in percent"),
        Wrong(wrong_axis, hint="dim=1"),
        Wrong(lambda logits, labels: counts_rights(logits, labels) / logits.numel(), hint="dim=1"),
        Wrong(lambda logits, labels: accuracy_by_loop(-logits, labels), hint="dim=1"),
        Wrong(lambda *a: 1 - accuracy_by_loop(*a), hint="wrong guesses"),
        Wrong(lambda logits, labels: (logits.argmax() == labels).float().mean().item(), hint="dim=1"),
        Wrong(lambda *a: round(accuracy_by_loop(*a), 2), hint="dim=1"),
        Wrong(tensor_accuracy, hint=".item()"),
    ],
    "21.2": [
        Wrong(swapped, hint="are swapped"),
        Wrong(no_minlength, hint="raised"),
        Wrong(confusion_of_ten, hint="raised"),
        Wrong(as_floats, hint="dtype"),
        Wrong(repeated_once, hint="occurs twice"),
        Wrong(one_axis_of_guesses, hint="has shape (9,)"),
    ],
    "21.3": [
        Wrong(lambda *a: step(*a, zero=False), hint="no older gradient"),
        Wrong(lambda *a: step(*a, train=False), hint="model.train()"),
        Wrong(lambda *a: step(*a, update=False), hint="zero_grad, backward and step"),
        Wrong(forward_in_eval_mode, hint="dropout was not active"),
        Wrong(only_the_outer_mode, hint="dropout was not active"),
        Wrong(loss_in_eval_mode, hint="dropout was not active"),
        Wrong(zero_after_backward, hint="in this order"),
        Wrong(loss_tensor, hint="plain number"),
        Wrong(loss_after, hint="after the step"),
        Wrong(softmax_first, hint="loss of probabilities"),
        Wrong(clipped, hint="Nothing is to be clipped"),
        Wrong(two_passes, hint="called the model more than once", forbidden="with one forward pass"),
        Wrong(
            lambda m, x, y, _, o: step(m, x, y, nn.functional.cross_entropy, o),
            hint="This is the cross entropy",
        ),
    ],
    "21.4": [
        Wrong(meddles(score, "zero_grad"), hint="changed a module"),
        Wrong(meddles(score, "requires_grad_"), hint="changed a module"),
        Wrong(lambda *a: score(*a, evaluate=False), hint="eval mode first"),
        Wrong(lambda *a: score(*a, weigh=False), hint="weigh by len(y)"),
        Wrong(lambda *a: score(*a, restore=False), hint="before"),
        Wrong(only_dropout_in_eval_mode, hint="a part of it was in train mode"),
        Wrong(sum_in_loss_fn, hint="changed `loss_fn`"),
        Wrong(loss_of_probabilities, hint="loss of probabilities"),
        Wrong(mean_accuracy, hint="count the right guesses"),
        Wrong(score_of_last_batch, hint="the loss over all pictures"),
        Wrong(lambda *a: score(*a, gradients=True), hint="inference_mode"),
        Wrong(own_loss, hint="take the loss of `loss_fn`"),
        Wrong(of_fourteen, hint="the loss over all pictures"),
        Wrong(gradients_left_off, hint="still switched off"),
        Wrong(frozen, hint="no longer require gradients"),
        Wrong(mode_of_the_outer, hint="not in its mode"),
        Wrong(percent, hint="in percent"),
        Wrong(always_train_after, hint="in eval mode before"),
        Wrong(lambda *a: score(*a)[::-1], hint="the loss comes first"),
    ],
    "21.5": [
        Wrong(meddles(fit_by_clone, "requires_grad_", False), hint="frozen"),
        Wrong(lambda *a: fit(*a, copied=False), hint="deepcopy"),
        Wrong(lambda *a: fit(*a, load=False), hint="of the last epoch"),
        Wrong(lambda *a: fit(*a), hint="use > and not >="),
        Wrong(scored_on_training, hint="validation accuracies"),
        Wrong(lambda *a: fit(*a)[-1], hint="a list of accuracies"),
        Wrong(lambda *a: fit_from(*a, best=0.0), hint="raised"),
        Wrong(lambda *a: fit_from(*a, train=False), hint="while it trained"),
        Wrong(measured_in_train_mode, hint="while its accuracy was measured"),
        Wrong(lambda *a: fit_from(*a, names=["weight"]), hint="the whole state_dict"),
        Wrong(lambda *a: fit_from(*a, names=["weight", "bias"]), hint="the buffer after"),
        Wrong(first_validation_batch, hint="validation accuracies"),
        Wrong(fit_by_training(1, max), hint="chosen by `validation`"),
        Wrong(fit_by_training(0, min), hint="chosen by `validation`"),
        Wrong(fit_by_assign, hint="put new parameters"),
        Wrong(fit_by_loss, hint="lowest validation loss"),
        Wrong(only_the_first_batch, hint="validation accuracies"),
        Wrong(fit_by_own_loss, hint="after 3 epochs"),
        Wrong(lambda model, *a: nn.Identity(), hint="a list of accuracies"),
        Wrong(own_optimizer, hint="the optimizer that was passed in"),
        Wrong(new_optimizer_each_epoch, hint="the optimizer that was passed in"),
        Wrong(optimizer_put_to_rest, hint="keep its settings"),
        Wrong(better_than_nothing, hint="from before the training"),
    ],
}
