"""Checkers of chapter 21, training."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from . import NotYet, _, call, describe, exercise, expect, keep, require, same, still_trainable


@exercise("21.1")
def accuracy_of(answer):
    fixed = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, -1.0], [-3.0, -2.0, -1.0]])
    cases = [(fixed, torch.tensor(labels)) for labels in ([0, 2, 1, 1], [0, 1, 0, 2], [1, 0, 1, 0])]
    cases += [(torch.eye(5), torch.tensor([0, 1, 2, 3, 0])), (torch.randn(31, 4), torch.randint(0, 4, (31,)))]
    for logits, labels in cases:
        right = int((logits.argmax(dim=1) == labels).sum())
        expect(
            call(answer, logits, labels, name="accuracy_of_logits"),
            right / len(labels),
            _(
                "the accuracy for {logits} and labels {labels}",
                logits=describe(logits),
                labels=describe(labels),
            ),
            _("Each row is a picture, and its guess is the column of its largest logit: argmax over dim=1."),
            mistakes={
                _("This is in percent; a number from 0 to 1 is wanted."): 100 * right / len(labels),
                _("This is a count; divide it by the number of pictures."): float(right),
                _("This is the share of wrong guesses."): 1 - right / len(labels),
            }
            if right
            else {},
        )
    return _("The softmax is not needed here: it does not change which logit is the largest.")


@exercise("21.2")
def confusion(answer):
    labels, guesses = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([0, 1, 1, 2, 0, 0])
    many = torch.randint(0, 4, (2, 200), generator=torch.Generator().manual_seed(0))
    dozen = torch.randint(0, 12, (2, 300), generator=torch.Generator().manual_seed(0))
    few = torch.tensor([0, 1]), torch.tensor([1, 0])
    empty = torch.zeros(0, dtype=torch.int64)
    for one, other, classes in [(labels, guesses, 3), (*few, 4), (*many, 5), (*dozen, 12), (empty, empty, 2)]:
        expected = torch.zeros(classes, classes, dtype=torch.int64)
        for pair in zip(one.tolist(), other.tolist(), strict=True):
            expected[pair] += 1
        mistakes = {
            _(
                "Rows and columns are swapped: the true class is the row, the guess is the column."
            ): expected.T,
            _(
                "A pair that occurs twice is counted once: `matrix[labels, guesses] += 1` adds 1 only once to each "
                "place. Use torch.bincount, or a loop."
            ): (expected > 0).long(),
            _("Count the pairs; do not divide."): expected / expected.sum(dim=1, keepdim=True),
        }
        occur = expected.sum(dim=0) + expected.sum(dim=1)
        expect(
            call(answer, one, other, classes, name="confusion"),
            expected,
            _(
                "confusion of labels {labels} and guesses {guesses} with {classes} classes",
                labels=describe(one),
                guesses=describe(other),
                classes=classes,
            ),
            "" if occur.all() else _("Classes that never occur have a row and a column, too."),
            mistakes={hint: value for hint, value in mistakes.items() if not same(value, expected)},
        )
    return _(
        "Each row sums to the number of pictures of its class, so the diagonal over the row sums is the recall."
    )


def model_and_data(counts=(6, 6, 2)) -> tuple[nn.Module, list]:
    """A small model with dropout, and three batches of which the last is smaller."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
    return model, [(torch.randn(n, 4), torch.randint(0, 3, (n,))) for n in counts]


@exercise("21.3")
def training_step(answer):
    def mse(output, y):  # another loss than cross entropy
        return 100 * F.mse_loss(output, F.one_hot(y, 3).float())  # its gradient is long: clipping shows

    settings = [
        (torch.optim.SGD, {"lr": 0.1}, nn.CrossEntropyLoss()),
        (torch.optim.Adam, {"lr": 0.01}, nn.CrossEntropyLoss()),
        (torch.optim.SGD, {"lr": 0.001, "momentum": 0.9}, mse),
    ]
    for kind, options, loss_fn in settings:
        model, batches = model_and_data()
        model[2].p = 0.0  # the same numbers whatever is drawn
        twin = copy.deepcopy(model)
        model.eval()
        optimizer, own = (kind(m.parameters(), **options) for m in (model, twin))
        modes = []
        model[2].register_forward_hook(lambda module, *_args, modes=modes: modes.append(module.training))
        for weight in model.parameters():
            weight.grad = torch.ones_like(weight)  # what an earlier backward pass may have left
        for i, (x, y) in enumerate(batches):
            before = copy.deepcopy(twin)
            expected = loss_fn(twin(x), y)
            own.zero_grad()
            expected.backward()
            own.step()
            found = call(answer, model, x, y, loss_fn, optimizer, name="training_step")
            require(
                model.training,
                _("after training_step the model is in eval mode; training needs model.train()."),
            )
            require(
                bool(modes) and all(modes),
                _("dropout was not active in a forward pass: call model.train() before the model is used."),
            )
            with torch.no_grad():
                after, log = loss_fn(twin(x), y), F.log_softmax(before(x), dim=1)
                twice, known = loss_fn(log.exp(), y), F.nll_loss(log, y)
            expect(
                found,
                expected.item(),
                _("in step {step}, the loss that training_step returns", step=i + 1),
                rtol=1e-5,
                mistakes={
                    _("This is the loss after the step; return the one before it."): after.item(),
                    _(
                        "This is the loss of probabilities; give `loss_fn` the logits as they are."
                    ): twice.item(),
                    _("This is the cross entropy; take the loss of `loss_fn`."): known.item(),
                },
            )
            pairs = zip(model.parameters(), twin.parameters(), strict=True)
            if not all(same(weight, wanted) for weight, wanted in pairs):
                raise NotYet(
                    _(
                        "after step {step} the weights are not where one step of {kind} leads. Are zero_grad, backward "
                        "and step there, in this order, so that no older gradient counts? Nothing is to be clipped.",
                        step=i + 1,
                        kind=kind.__name__,
                    )
                )
            require(
                len(modes) == i + 1,
                _(
                    "step {step} called the model more than once. With dropout each call gives another loss: use one call for "
                    "backward and for the number to return.",
                    step=i + 1,
                ),
            )
    return _("zero_grad, backward, step: the order in most PyTorch training loops.")


@exercise("21.4")
def score(answer):
    losses = [nn.CrossEntropyLoss(), nn.MultiMarginLoss()]
    for training, loss_fn in zip((True, False), losses, strict=True):
        model, batches = model_and_data((6, 6, 2) if training else (5, 3, 3))
        reference = copy.deepcopy(model).eval()
        model.train(training)
        frozen = next(model.parameters()).requires_grad_(training)
        x, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
        with torch.no_grad():
            logits = reference(x)
            loss = loss_fn(logits, y).item()
            known, squashed = F.cross_entropy(logits, y).item(), loss_fn(logits.softmax(dim=1), y).item()
            means = [loss_fn(reference(x), y).item() for x, y in batches]
            shares = [(reference(x).argmax(dim=1) == y).float().mean().item() for x, y in batches]
        accuracy = (logits.argmax(dim=1) == y).float().mean().item()
        before = copy.deepcopy(model.state_dict())
        modes, seen = [], []
        for part in model.modules():
            part.register_forward_hook(lambda module, *_args, modes=modes: modes.append(module.training))
        model.register_forward_hook(lambda _module, _in, out, seen=seen: seen.append(out.requires_grad))
        unchanged = keep(model, name="score")
        found = call(answer, model, batches, loss_fn, name="score")
        require(
            torch.is_grad_enabled(),
            _("gradients are still switched off after score: use `with torch.inference_mode():`."),
        )
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            _("score returned {found}; the pair (loss, accuracy) is wanted.", found=describe(found)),
        )
        require(
            not any(modes),
            _("the model or a part of it was in train mode: put the model into eval mode first."),
        )
        expect(
            found[0],
            loss,
            _("the loss over all pictures"),
            rtol=1e-5,
            mistakes={
                _(
                    "This is the mean of the batches' means, but the last batch is smaller: weigh by len(y)."
                ): sum(means) / 3,
                _("This is a sum; divide by the number of pictures."): loss * len(y),
                _("This is the cross entropy; take the loss of `loss_fn`."): known,
                _("This is the loss of probabilities; give `loss_fn` the logits as they are."): squashed,
                _("This is the accuracy; the loss comes first."): accuracy,
            },
        )
        expect(
            found[1],
            accuracy,
            _("the accuracy over all pictures"),
            rtol=1e-5,
            mistakes={
                _(
                    "This is the mean of the batches' accuracies, but the last batch is smaller: count the right guesses "
                    "of all batches, then divide."
                ): sum(shares) / 3,
                _("This is in percent; a number from 0 to 1 is wanted."): 100 * accuracy,
            },
        )
        require(
            not any(seen), _("a graph was built for gradients that nobody needs: use torch.inference_mode().")
        )
        require(
            all(torch.equal(value, before[key]) for key, value in model.state_dict().items()),
            _("the weights have changed; to score is not to train."),
        )
        require(
            all(weight.requires_grad for weight in model.parameters() if weight is not frozen),
            _("the weights no longer require gradients after score; the model cannot be trained further."),
        )
        require(
            all(layer.training == model.training for layer in model),
            _(
                "the model's layers are not in its mode: `model.train(mode)` sets them all, `model.training = mode` none."
            ),
        )
        require(
            model.training == training,
            _("the model was in train mode before and is in eval mode after.")
            if training
            else _("the model was in eval mode before and is in train mode after."),
        )
        require(loss_fn.reduction == "mean", _("score changed `loss_fn`; leave it as it was."))
        unchanged()
    return _("A function that puts the mode back can be called in the middle of a training loop.")


class Watched(nn.Linear):
    """A layer that notes the rows and the mode of each call, and the mode of those that a gradient comes back to.

    Its buffer moves as it trains.
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.seen: list[tuple[int, bool]] = []
        self.trained: list[bool] = []
        self.register_buffer("last", torch.zeros(2))  # as running statistics move, in train mode alone

    def forward(self, x):
        self.seen.append((len(x), self.training))
        if self.training:
            self.last = self.bias.detach().clone()
        out = super().forward(x)
        if out.requires_grad:
            out.register_hook(lambda _slope, mode=self.training: self.trained.append(mode))
        return out


@exercise("21.5")
def fit_best(answer):
    # The training labels contradict the validation labels: past its bias the model becomes better, then worse.
    x = torch.tensor(
        [[1.0, 0.0], [0.0, 1.0], [1.0, 0.2], [0.3, 1.0], [1.0, 0.5], [0.6, 1.0], [1.0, 0.9], [0.95, 1.0]]
    )
    y = torch.tensor([0, 1] * 4)

    def start():
        model = Watched(2, 2)
        with torch.no_grad():
            model.weight.copy_(torch.tensor([[0.8, -0.8], [-0.8, 0.8]]))
            model.bias.copy_(torch.tensor([1.0, 0.0]))
        # A little momentum, so that the optimizer has a state.
        return model, torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.01)

    # In the last case every accuracy is 0, and the first epoch is the best.
    plain, smooth = nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.2)
    for epochs, labels, cuts, loss_fn in (
        (12, 1 - y, (0, 5, 8), plain),
        (3, 1 - y, (0, 5, 8), smooth),
        (3, y, (0, 2, 3), plain),
    ):
        truth = 1 - labels
        validation = [(x[a:b], truth[a:b]) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
        rows = slice(cuts[-1])
        reference, optimizer = start()
        expected, losses, states = [], [], []
        for _epoch in range(epochs):
            reference.train()
            for part in (slice(0, 4), slice(4, 8)):
                optimizer.zero_grad()
                loss_fn(reference(x[part]), labels[part]).backward()
                optimizer.step()
            reference.eval()
            with torch.no_grad():
                logits = reference(x[rows])
                expected.append((logits.argmax(dim=1) == truth[rows]).float().mean().item())
                losses.append(loss_fn(logits, truth[rows]).item())
            states.append(copy.deepcopy(reference.state_dict()))
        best, lowest = expected.index(max(expected)), losses.index(min(losses))

        model, optimizer = start()
        batches, own = [(x[:4], labels[:4]), (x[4:], labels[4:])], list(model.parameters())
        untouched, settings = model.weight.detach().clone(), optimizer.state_dict()["param_groups"]
        found = call(answer, model, batches, validation, loss_fn, optimizer, epochs, name="fit_best")
        require(
            isinstance(found, list | tuple),
            _(
                "fit_best returned {found}; a list of accuracies is wanted, one per epoch.",
                found=describe(found),
            ),
        )
        require(
            len(found) == epochs,
            _(
                "fit_best was called for {epochs} epochs and returned {count} accuracies.",
                epochs=epochs,
                count=len(found),
            ),
        )
        require(
            bool(optimizer.state) and same(optimizer.state_dict()["param_groups"], settings),
            _(
                "the optimizer that was passed in should make the steps and keep its settings, since it is to train the "
                "model further."
            ),
        )
        expect(found, expected, _("the list of validation accuracies"))
        still_trainable(model, "fit_best")
        require(
            all(weight is old for weight, old in zip(model.parameters(), own, strict=True)),
            _("fit_best put new parameters into the model; the optimizer has the old ones, and trains them."),
        )
        require(
            all(model.trained),
            _("the model was in eval mode while it trained: model.train() comes before each epoch."),
        )
        require(
            not any(training for count, training in model.seen if count != 4),
            _("the model was in train mode while its accuracy was measured."),
        )
        equals = [i for i in range(best + 1, epochs) if expected[i] == expected[best]]
        mistakes = {
            _(
                "These are the weights of the last epoch. Were the best ones chosen by `validation`, copied "
                "(copy.deepcopy) at once, and loaded at the end?"
            ): states[-1]["weight"],
            _(
                "These are the weights with the lowest validation loss; the highest accuracy is wanted."
            ): states[lowest]["weight"],
            _(
                "These are the weights from before the training. The first epoch counts, even if its accuracy is 0."
            ): untouched,
            **{
                _("Epoch {number} was as good, but later: use > and not >=.", number=i + 1): states[i][
                    "weight"
                ]
                for i in equals
            },
        }
        expect(
            model.weight.detach(),
            states[best]["weight"],
            _(
                "the weight after {epochs} epochs, of which number {best} was best,",
                epochs=epochs,
                best=best + 1,
            ),
            mistakes={
                hint: value for hint, value in mistakes.items() if not same(value, states[best]["weight"])
            },
        )
        expect(
            model.bias.detach(),
            states[best]["bias"],
            _(
                "the bias after {epochs} epochs, of which number {best} was best,",
                epochs=epochs,
                best=best + 1,
            ),
            _("All the weights of that epoch are wanted: load the whole state_dict."),
        )
        expect(
            model.last,
            states[best]["last"],
            _(
                "the buffer after {epochs} epochs, of which number {best} was best,",
                epochs=epochs,
                best=best + 1,
            ),
            _("Buffers, such as running statistics, belong to that epoch too: load the whole state_dict."),
        )
    return _("This is early stopping without the stopping: train on, keep the best.")
