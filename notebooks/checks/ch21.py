"""Checkers of chapter 21, training."""

import copy

import torch
from torch import nn

from . import NotYet, call, describe, exercise, expect, require


@exercise("21.1")
def accuracy_of(answer):
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, -1.0], [-3.0, -2.0, -1.0]])
    for labels, expected in [([0, 1, 2, 2], 0.75), ([0, 1, 0, 2], 1.0), ([1, 0, 1, 0], 0.0)]:
        found = call(answer, logits, torch.tensor(labels), name="accuracy_of_logits")
        expect(
            found,
            expected,
            f"with logits {logits.tolist()} and labels {labels}, the accuracy",
            "Each row is a picture, and its guess is the column of its largest logit: argmax over dim=1.",
        )
    found = call(answer, torch.eye(5), torch.tensor([0, 1, 2, 3, 0]), name="accuracy_of_logits")
    expect(
        found, 0.8, "the accuracy over five pictures and five classes", "A share from 0 to 1, not a count."
    )
    return "The softmax is not needed here: it never changes which logit is the largest."


@exercise("21.2")
def confusion(answer):
    labels, guesses = torch.tensor([0, 0, 1, 2, 2, 2]), torch.tensor([0, 1, 1, 2, 0, 0])
    expected = torch.tensor([[1, 1, 0], [0, 1, 0], [2, 0, 1]])
    found = call(answer, labels, guesses, 3, name="confusion")
    if isinstance(found, torch.Tensor) and torch.equal(found.cpu(), expected.T):
        raise NotYet("rows and columns are swapped: the true class is the row, the guess is the column.")
    if isinstance(found, torch.Tensor) and torch.equal(found.cpu(), (expected > 0).to(found.dtype).cpu()):
        raise NotYet(
            "the pair of label 2 and guess 0 occurs twice and is counted once: `matrix[labels, guesses] += 1` adds 1 only "
            "once to each place. Use torch.bincount, or a loop."
        )
    expect(found, expected, f"confusion of labels {labels.tolist()} and guesses {guesses.tolist()}")
    found = call(answer, torch.tensor([0, 1]), torch.tensor([1, 0]), 4, name="confusion")
    expected = torch.zeros(4, 4, dtype=torch.int64)
    expected[0, 1] = expected[1, 0] = 1
    expect(
        found,
        expected,
        "confusion with four classes of which two occur",
        "Classes that never occur count too.",
    )
    return "Each row sums to the number of pictures of its class, so the diagonal over the row sums is the recall."


def model_and_data() -> tuple[nn.Module, list]:
    """A small model with dropout, and three batches of which the last is smaller."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
    return model, [(torch.randn(n, 4), torch.randint(0, 3, (n,))) for n in (6, 6, 2)]


@exercise("21.3")
def training_step(answer):
    for optimizer_class, options in [(torch.optim.SGD, {"lr": 0.1}), (torch.optim.Adam, {"lr": 0.01})]:
        model, batches = model_and_data()
        model[2].p = 0.0  # the same numbers whatever is drawn
        twin = copy.deepcopy(model)
        model.eval()
        optimizer, own = (optimizer_class(m.parameters(), **options) for m in (model, twin))
        for i, (x, y) in enumerate(batches):
            expected = nn.functional.cross_entropy(twin(x), y)
            own.zero_grad()
            expected.backward()
            own.step()
            found = call(answer, model, x, y, nn.CrossEntropyLoss(), optimizer, name="training_step")
            require(
                model.training, "after training_step the model is in eval mode; training needs model.train()."
            )
            expect(found, expected.item(), f"in step {i + 1}, the loss that training_step returns", atol=1e-4)
            for weight, wanted in zip(model.parameters(), twin.parameters(), strict=True):
                if not torch.allclose(weight, wanted, atol=1e-5):
                    raise NotYet(
                        f"after step {i + 1} the weights are not where one step of {optimizer_class.__name__} leads."
                        + (
                            " Does the gradient of an earlier step still count?"
                            if i
                            else " Is every one of zero_grad, backward and step there, in this order?"
                        )
                    )
    return "zero_grad, backward, step: the order in every PyTorch training loop."


@exercise("21.4")
def score(answer):
    for training in (True, False):
        model, batches = model_and_data()
        reference = copy.deepcopy(model).eval()
        model.train(training)
        x, y = (torch.cat(parts) for parts in zip(*batches, strict=True))
        with torch.no_grad():
            logits = reference(x)
            loss = nn.functional.cross_entropy(logits, y).item()
            means = [nn.functional.cross_entropy(reference(x), y).item() for x, y in batches]
        accuracy = (logits.argmax(dim=1) == y).float().mean().item()
        modes, seen = [], []
        model[2].register_forward_hook(lambda module, *_, modes=modes: modes.append(module.training))
        model.register_forward_hook(
            lambda module, inputs, output, seen=seen: seen.append(output.requires_grad)
        )
        found = call(answer, model, batches, nn.CrossEntropyLoss(), name="score")
        require(
            isinstance(found, tuple | list) and len(found) == 2,
            f"score returned {describe(found)}; the pair (loss, accuracy) is wanted.",
        )
        require(not any(modes), "dropout was active: put the model into eval mode first.")
        if isinstance(found[0], float) and abs(found[0] - sum(means) / 3) < 1e-5:
            raise NotYet(
                "the loss is the mean of the batches' means, but the last batch is smaller: weigh by len(y)."
            )
        expect(found[0], loss, "the loss over all pictures")
        shares = [(reference(x).argmax(dim=1) == y).float().mean().item() for x, y in batches]
        if isinstance(found[1], float) and abs(found[1] - sum(shares) / 3) < 1e-5 < abs(accuracy - found[1]):
            raise NotYet(
                "the accuracy is the mean of the batches' accuracies, but the last batch is smaller: count the right "
                "guesses of all batches, then divide."
            )
        expect(found[1], accuracy, "the accuracy over all pictures")
        require(
            not any(seen), "a graph was built for gradients that nobody needs: use torch.inference_mode()."
        )
        require(
            model.training == training,
            f"the model was in {'train' if training else 'eval'} mode before and is in the other one after.",
        )
    return "A function that leaves the model as it found it can be called in the middle of a training loop."


@exercise("21.5")
def fit_best(answer):
    # The training labels contradict the validation labels: past its bias the model becomes better, then worse.
    x = torch.tensor(
        [[1.0, 0.0], [0.0, 1.0], [1.0, 0.2], [0.3, 1.0], [1.0, 0.5], [0.6, 1.0], [1.0, 0.9], [0.95, 1.0]]
    )
    y = torch.tensor([0, 1] * 4)

    def start():
        model = nn.Linear(2, 2)
        with torch.no_grad():
            model.weight.copy_(torch.tensor([[0.8, -0.8], [-0.8, 0.8]]))
            model.bias.copy_(torch.tensor([1.0, 0.0]))
        return model, torch.optim.SGD(model.parameters(), lr=0.4)

    reference, optimizer = start()
    expected, states = [], []
    for _ in range(12):
        loss = nn.functional.cross_entropy(reference(x), 1 - y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append((reference(x).argmax(dim=1) == y).float().mean().item())
        states.append(copy.deepcopy(reference.state_dict()))
    best = expected.index(max(expected))  # the fifth; the sixth is as good, the last far worse

    model, optimizer = start()
    found = call(answer, model, [(x, 1 - y)], [(x, y)], nn.CrossEntropyLoss(), optimizer, 12, name="fit_best")
    require(
        isinstance(found, list),
        f"fit_best returned {describe(found)}; a list of accuracies is wanted, one per epoch.",
    )
    require(len(found) == 12, f"fit_best was called for 12 epochs and returned {len(found)} accuracies.")
    expect(found, expected, "the list of validation accuracies")
    if torch.allclose(model.weight, states[-1]["weight"]):
        raise NotYet(
            f"the best epoch was number {best + 1}, but the model holds the weights of the last one. "
            "Were they copied (copy.deepcopy) when they were best, and loaded at the end?"
        )
    equals = [states[i]["weight"] for i in range(best + 1, 12) if expected[i] == expected[best]]
    require(
        not any(torch.allclose(model.weight, weight) for weight in equals),
        f"epoch {best + 1} was the first of equals, but the model holds the weights of a later one: use > and not >=.",
    )
    expect(
        model.weight.detach(),
        states[best]["weight"],
        f"the weight after 12 epochs of which number {best + 1} was best",
    )
    return "This is early stopping without the stopping: train on, keep the best."
