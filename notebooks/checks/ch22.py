"""Checkers of chapter 22, existing models."""

import copy

import torch
from torch import nn

from . import call, describe, exercise, expect, require


class Toy(nn.Module):
    """A small network with the parts of a torchvision model."""

    def __init__(self, layers: int = 3, width: int = 6):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        hidden = [layer for _ in range(layers - 1) for layer in (nn.Linear(width, width), nn.ReLU())]
        self.classifier = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(width, 5))
        self.classifier_aux = nn.Linear(4, 2)


@exercise("22.1")
def count_parameters(answer):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2, bias=False))
    found = call(answer, model, name="count_parameters")
    require(
        isinstance(found, tuple | list) and len(found) == 2,
        f"count_parameters returned {describe(found)}; the pair (all, trained) is wanted.",
    )
    why = "Linear(3, 4) has 16, BatchNorm1d(4) has 8 (buffers do not count), Linear(4, 2, bias=False) has 8."
    expect(list(found), [32, 32], "the pair (all, trained)", why)
    model[0].requires_grad_(False)
    found = call(answer, model, name="count_parameters")
    expect(list(found), [32, 16], "with the first layer frozen, the pair (all, trained)")
    model[2].weight.requires_grad_(False)
    with torch.device("meta"):
        large = nn.Sequential(nn.Linear(100_000, 100_000), nn.Linear(100_000, 1))
    expect(
        list(call(answer, large, name="count_parameters")),
        [10_000_200_001, 10_000_200_001],
        "for two linear layers on meta, the pair",
    )
    return "The second number is what the optimizer keeps its own numbers for; Adam two for each."


@exercise("22.2")
def replace_head(answer):
    for layers, width, classes, device in [(3, 6, 10, "cpu"), (1, 6, 3, "cpu"), (2, 9, 7, "meta")]:
        with torch.device(device):
            model = Toy(layers, width)
        old, kept = model.classifier[-1], list(model.classifier)[:-1]
        where = f"for a classifier of {len(model.classifier)} layers on {device}"
        found = call(answer, model, classes, name="replace_head")
        new = model.classifier[-1]
        require(
            isinstance(model.classifier, nn.Sequential) and isinstance(new, nn.Linear) and new is not old,
            f"{where}, the last layer of the classifier is {describe(new)}; a new nn.Linear is wanted.",
        )
        require(found is not new, f"{where}, replace_head returned the new layer; the old one is wanted.")
        require(
            found is old, f"{where}, replace_head returned {describe(found)}; the old last layer is wanted."
        )
        require(
            len(model.classifier) == len(kept) + 1
            and all(a is b for a, b in zip(model.classifier, kept, strict=False)),
            f"{where}, the classifier has {len(model.classifier)} layers now, or others before the last; only the "
            "last one should be replaced.",
        )
        expect((new.in_features, new.out_features), (width, classes), f"{where}, (in, out) of the new layer")
        require(
            new.weight.device == old.weight.device,
            f"{where}, the new layer is on {new.weight.device}; it should be on the device of the old one.",
        )
    return "resnet calls its head `fc`, others `head` or `heads`: print the model, then look for the last Linear."


@exercise("22.3")
def train_only(answer):
    for part in ("classifier", "features", "classifier_aux"):
        model = Toy()
        model.features.requires_grad_(part != "features")
        model.classifier[-1].requires_grad_(False)
        before = copy.deepcopy(model.state_dict())
        call(answer, model, part, name="train_only")
        for name, parameter in model.named_parameters():
            wanted = name.split(".")[0] == part
            require(
                parameter.requires_grad == wanted,
                f'after train_only(model, "{part}"), {name} is {"frozen" if wanted else "trained"}; it should be '
                f"{'trained' if wanted else 'frozen'}.",
            )
        require(
            all(torch.equal(value, before[name]) for name, value in model.state_dict().items()),
            "the numbers in the model have changed; only requires_grad should.",
        )
    return "module.requires_grad_(False) does it for all parameters below, in one call."


@exercise("22.4")
def two_speeds(answer):
    for lr, frozen in [(0.1, False), (0.02, True)]:
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
        model[0].requires_grad_(not frozen)
        found = call(answer, model, lr, name="two_speeds")
        require(
            isinstance(found, torch.optim.SGD),
            f"two_speeds returned {describe(found)}; a torch.optim.SGD is wanted.",
        )
        rates = {id(p): group["lr"] for group in found.param_groups for p in group["params"]}
        for name, parameter in model.named_parameters():
            rate = rates.pop(id(parameter), None)
            if not parameter.requires_grad:
                require(rate is None, f"{name} is frozen, but the optimizer holds it; leave it out.")
                continue
            require(rate is not None, f"{name} is not in the optimizer.")
            wanted = lr if name.startswith("3.") else lr / 10
            expect(
                rate,
                wanted,
                f"with lr {lr}, the learning rate of {name}",
                "The head's is lr, the others' lr / 10.",
            )
        require(not rates, f"the optimizer holds {len(rates)} parameters that are not the model's.")
        for group in found.param_groups:
            expect(group["momentum"], 0.9, "the momentum of a group")
    return (
        "StepLR and most other schedulers multiply the rates of all groups alike, so a tenth stays a tenth."
    )


@exercise("22.5")
def transfer(answer):
    angle = 2 * torch.pi * torch.arange(60) / 60
    radius = 2 + 0.3 * torch.rand(60)
    y = torch.arange(60) // 20  # three classes, in three thirds of a ring
    x = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)  # (60, 2)
    images = torch.zeros(60, 1, 4, 4)
    images[:, 0, 0, :2] = x
    with_norm = nn.Sequential(nn.Linear(2, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
    with_norm(x + 1)  # train mode: the running statistics are no longer 0 and 1
    plain = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 6)).eval()
    for source, inputs, classes in [(with_norm, x, 3), (plain, images, 4)]:
        before, mode = copy.deepcopy(source.state_dict()), source.training
        head = source[-1]
        model = call(answer, source, inputs, y, classes, name="transfer")
        require(
            isinstance(model, nn.Sequential), f"transfer returned {describe(model)}; a Sequential is wanted."
        )
        require(model is not source and source[-1] is head, "`source` itself was changed; work on a copy.")
        require(
            all(torch.equal(value, before[name]) for name, value in source.state_dict().items()),
            "the numbers in `source` are others than before; work on a copy (copy.deepcopy).",
        )
        require(
            all(p.requires_grad for p in source.parameters()) and source.training == mode,
            "`source` is frozen, or in another mode, after the call; work on a copy (copy.deepcopy).",
        )
        require(
            [type(layer) for layer in model] == [type(layer) for layer in source],
            f"the new network has the layers {[type(layer).__name__ for layer in model]}; those of `source` are wanted.",
        )
        expect(
            (model[-1].in_features, model[-1].out_features),
            (head.in_features, classes),
            "(in, out) of the new head",
        )
        frozen = [not p.requires_grad for p in model[:-1].parameters()]
        require(all(frozen), f"{frozen.count(False)} of the body's {len(frozen)} parameters are not frozen.")
        for name, value in model[:-1].state_dict().items():
            what = (
                "a running statistic moved: the body was in train mode"
                if "running" in name
                else "it should not be"
            )
            if "num_batches" not in name:
                require(
                    torch.equal(value, before[name]),
                    f"{name} of the body is another than in `source`; {what}.",
                )
        require(not model.training, "the new network is in train mode; eval mode is wanted.")
        with torch.inference_mode():
            right = (model(inputs).argmax(dim=1) == y).float().mean().item()
        require(
            right >= 0.95,
            f"the new network knows {right:.0%} of the pictures it was trained on; train the head longer.",
        )
    return "With the features computed once, a step of the head costs one small product of matrices."
