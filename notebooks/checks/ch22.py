"""Checkers of chapter 22, existing models."""

import copy
from collections import OrderedDict

import torch
from torch import nn

from . import _, call, describe, exercise, expect, keep, require, same


class Toy(nn.Module):
    """A small network with the parts of a torchvision model."""

    def __init__(self, layers: int = 3, width: int = 6):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        hidden = [layer for _i in range(layers - 1) for layer in (nn.Linear(width, width), nn.ReLU())]
        self.classifier = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(width, 5))
        self.classifier_aux = nn.Sequential(OrderedDict(features=nn.Linear(4, 2)))  # a name used twice
        self.token = nn.Parameter(torch.zeros(3))  # a parameter that is in no child


def numbers_of(model):
    """A copy of all parameters and buffers."""
    return copy.deepcopy(model.state_dict())


def unchanged(model, before):
    """Whether parameters and buffers are those of `before`."""
    after = model.state_dict()
    return after.keys() == before.keys() and all(torch.equal(after[name], before[name]) for name in after)


@exercise("22.1")
def count_parameters(answer):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2, bias=False))
    untouched = keep(model, name="count_parameters")
    found = call(answer, model, name="count_parameters")
    untouched()
    require(
        isinstance(found, tuple | list) and len(found) == 2,
        _("count_parameters returned {found}; the pair (all, trained) is wanted.", found=describe(found)),
    )
    expect(
        found,
        (32, 32),
        _("the pair (all, trained)"),
        _("Linear(3, 4) has 16, BatchNorm1d(4) has 8, Linear(4, 2, bias=False) has 8."),
        mistakes={
            _("Buffers, such as running statistics, are no parameters."): (41, 32),
            _("These are numbers of tensors; each tensor holds several parameters."): (5, 5),
        },
    )
    model[0].requires_grad_(False)
    frozen = [p.requires_grad for p in model.parameters()]
    expect(
        call(answer, model, name="count_parameters"),
        (32, 16),
        _("with the first layer frozen, the pair (all, trained)"),
        mistakes={
            _("The second number should leave out what is frozen."): (32, 32),
            _("The second number should be what is trained, not what is frozen."): (
                16,
                16,
            ),
        },
    )
    require(
        [p.requires_grad for p in model.parameters()] == frozen,
        _("count_parameters has frozen or unfrozen something; it should only count."),
    )
    model[2].requires_grad_(False)
    expect(
        call(answer, model, name="count_parameters"),
        (32, 8),
        _("with the first and the last layer frozen, the pair (all, trained)"),
        mistakes={_("The second number should be what is trained, not what is frozen."): (32, 24)},
    )
    shared = nn.Sequential(nn.Linear(4, 4, bias=False), nn.ReLU())
    shared.append(shared[0])
    expect(
        call(answer, shared, name="count_parameters"),
        (16, 16),
        _("for a network whose first and last layer are one and the same, the pair"),
        _("A parameter that two layers share counts once."),
    )
    toy = Toy()  # with parameters at each depth
    toy.features[0].bias.requires_grad_(False)
    toy.features.eval()  # the mode freezes nothing
    expect(
        call(answer, toy, name="count_parameters"),
        (112 + 8 + 2 * 42 + 35 + 10 + 3, 108 + 8 + 2 * 42 + 35 + 10 + 3),
        _("for a network of nested parts with one frozen bias, the pair"),
        _("Parameters lie at any depth, and each is frozen or trained by itself."),
    )
    with torch.device("meta"):
        large = nn.Sequential(nn.Linear(100_000, 100_000), nn.Linear(100_000, 1))
    expect(
        call(answer, large, name="count_parameters"),
        (10_000_200_001, 10_000_200_001),
        _("for two linear layers on meta, the pair"),
    )
    return _("The second number is what the optimizer keeps its own numbers for; Adam two for each.")


@exercise("22.2")
def replace_head(answer):
    for layers, width, classes, device in [(3, 6, 10, "cpu"), (1, 6, 3, "cpu"), (2, 9, 7, "meta")]:
        with torch.device(device):
            model = Toy(layers, width)
            if layers == 2:  # a last layer whose name is no number
                model.classifier.add_module("add_linear", nn.Linear(width := 5, 9))
        old, kept = model.classifier[-1], list(model.classifier)[:-1]
        names, before = list(dict(model.named_children())), numbers_of(model)
        model.features.requires_grad_(False).eval()
        kept_old = copy.deepcopy(old)
        trained = [p.requires_grad for p in model.parameters()]
        where = _("for a classifier of {count} layers on {device}", count=len(kept) + 1, device=device)
        untouched = keep(model.features, *kept, old, model.classifier_aux, name="replace_head")
        found = call(answer, model, classes, name="replace_head")
        new = model.classifier[-1] if isinstance(model.classifier, nn.Sequential) else model.classifier
        require(
            isinstance(model.classifier, nn.Sequential) and isinstance(new, nn.Linear) and new is not old,
            _(
                "{where}, the last layer of the classifier is {new}; a new nn.Linear is wanted.",
                where=where,
                new=_("the old one") if new is old else describe(new),
            ),
        )
        require(
            found is not new,
            _("{where}, replace_head returned the new layer; the old one is wanted.", where=where),
        )
        require(
            found is old,
            _(
                "{where}, replace_head returned {found}; the old last layer is wanted.",
                where=where,
                found=describe(found),
            ),
        )
        require(
            len(model.classifier) == len(kept) + 1
            and all(a is b for a, b in zip(model.classifier, kept, strict=False))
            and list(dict(model.named_children())) == names,
            _(
                "{where}, the classifier has {count} layers now, or others before the last; only the last one should "
                "be replaced.",
                where=where,
                count=len(model.classifier),
            ),
        )
        expect(
            (new.in_features, new.out_features),
            (width, classes),
            _("{where}, (in, out) of the new layer", where=where),
        )
        require(
            new.weight.device == old.weight.device,
            _(
                "{where}, the new layer is on {device}; it should be on the device of the old one.",
                where=where,
                device=new.weight.device,
            ),
        )
        expect(
            (tuple(new.weight.shape), new.bias is not None),
            ((classes, width), True),
            _("{where}, (shape of the new weight, whether there is a bias)", where=where),
        )
        require(
            new.weight.dtype == old.weight.dtype and new.bias.dtype == old.weight.dtype,
            _("{where}, the new layer's dtype is not that of the old one.", where=where),
        )
        require(
            old.out_features == kept_old.out_features
            and (device == "meta" or same(list(old.parameters()), list(kept_old.parameters()))),
            _("{where}, the old layer was changed; return it as it was.", where=where),
        )
        require(
            [p.requires_grad for p in model.parameters()] == trained
            and model.training
            and not model.features.training,
            _(
                "{where}, something was frozen or unfrozen, or is in another mode; only replace the layer.",
                where=where,
            ),
        )
        last = f"classifier.{list(dict(model.classifier.named_children()))[-1]}."
        require(
            device == "meta"
            or all(
                torch.equal(v, before[n]) for n, v in model.state_dict().items() if not n.startswith(last)
            ),
            _("{where}, other numbers in the model have changed too.", where=where),
        )
        untouched()
    return _(
        "resnet calls its head `fc`, others `head` or `heads`: print the model, then look for the last Linear."
    )


@exercise("22.3")
def train_only(answer):
    for part in ("classifier", "features", "classifier_aux"):
        model = Toy()
        for child in (model.features, model.classifier, model.classifier_aux):  # parameters at any depth
            child.add_module("deeper", nn.Sequential(nn.Linear(4, 4)))
        model.features.requires_grad_(part != "features")
        model.classifier[-1].requires_grad_(False)
        before = numbers_of(model)
        call(answer, model, part, name="train_only")
        for name, parameter in sorted(model.named_parameters(), key=lambda pair: "." not in pair[0]):
            wanted = name.split(".")[0] == part
            hint = (
                _(
                    'after train_only(model, "{part}"), {name} is frozen; it should be trained.',
                    part=part,
                    name=name,
                )
                if wanted
                else _(
                    'after train_only(model, "{part}"), {name} is trained; it should be frozen.',
                    part=part,
                    name=name,
                )
            )
            require(parameter.requires_grad == wanted, hint)
        require(
            unchanged(model, before), _("the numbers in the model have changed; only requires_grad should.")
        )
        require(
            all(m.training for m in model.modules()),
            _("the mode of the model has changed; only requires_grad should."),
        )
    return _("module.requires_grad_(False) does it for all parameters below, in one call.")


@exercise("22.4")
def two_speeds(answer):
    nested = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    deep = [nn.Linear(3, 4), nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))]
    long = [nn.Linear(2, 2) for _i in range(12)]
    for lr, freeze in [
        (0.1, []),
        (0.02, [0]),
        (0.5, [0, 3]),
        (0.2, "nested"),
        (0.1, "long"),
        (0.3, "deep"),
        (0.4, "named"),
    ]:
        layers = [nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)]
        layers = {"nested": [nested, nn.Linear(2, 2)], "long": long, "deep": deep}.get(str(freeze), layers)
        model = nn.Sequential(*layers)
        if freeze == "named":
            model.add_module("add_linear", nn.Linear(2, 2))
        freeze = freeze if isinstance(freeze, list) else []
        for layer in freeze:
            model[layer].bias.requires_grad_(False)
        if freeze == [0]:
            model[0].requires_grad_(False)
        before = {name: p.requires_grad for name, p in model.named_parameters()}
        untouched = keep(model, name="two_speeds")
        found = call(answer, model, lr, name="two_speeds")
        require(
            isinstance(found, torch.optim.SGD),
            _("two_speeds returned {found}; a torch.optim.SGD is wanted.", found=describe(found)),
        )
        rates = {id(p): group["lr"] for group in found.param_groups for p in group["params"]}
        for name, parameter in model.named_parameters():
            require(
                parameter.requires_grad == before[name],
                _("two_speeds has frozen {name}, or made it trainable; leave that as it was.", name=name),
            )
            rate = rates.pop(id(parameter), None)
            if not parameter.requires_grad:
                require(
                    rate is None, _("{name} is frozen, but the optimizer holds it; leave it out.", name=name)
                )
                continue
            require(rate is not None, _("{name} is not in the optimizer.", name=name))
            head = name.split(".")[0] == list(dict(model.named_children()))[-1]
            expect(
                rate,
                lr if head else lr / 10,
                _("with lr {lr}, the learning rate of {name}", lr=lr, name=name),
                _("The head's is lr, the others' lr / 10."),
                mistakes={_("This is the head's rate, and the body's belongs here."): lr} if not head else {},
            )
        require(
            not rates,
            _("the optimizer holds {count} parameters that are not the model's.", count=len(rates)),
        )
        for group in found.param_groups:
            expect(group["momentum"], 0.9, _("the momentum of a group"))
            expect(group["weight_decay"], 0.0, _("the weight decay of a group"), _("None was asked for."))
            expect(group["dampening"], 0.0, _("the dampening of a group"), _("None was asked for."))
            require(
                not group["nesterov"] and not group["maximize"],
                _("nesterov or maximize is on in a group; neither was asked for."),
            )
        untouched()
    return _(
        "StepLR and most other schedulers multiply the rates of all groups alike, so a tenth stays a tenth."
    )


@exercise("22.5", seconds=30)
def transfer(answer):
    angle = 2 * torch.pi * torch.arange(60) / 60
    radius = 2 + 0.3 * torch.rand(60)
    y = torch.arange(60) // 20  # three classes, in three thirds of a ring
    x = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)  # (60, 2)
    order = torch.randperm(60)
    x, y = x[order], y[order]
    images = torch.zeros(60, 1, 4, 4)
    images[:, 0, 0, :2] = x
    with_norm = nn.Sequential(nn.Linear(2, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
    with_norm(x + 1)  # train mode: the running statistics are no longer 0 and 1
    plain = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 6)).eval()
    for source, inputs, classes in [(with_norm, x, 3), (plain, images, 4)]:
        before, mode, head = numbers_of(source), source.training, source[-1]
        source[0].bias.requires_grad_(False)
        trained = [p.requires_grad for p in source.parameters()]
        model = call(answer, source, inputs, y, classes, name="transfer")
        require(
            isinstance(model, nn.Sequential) and len(model) > 1,
            _("transfer returned {found}; a Sequential of body and head is wanted.", found=describe(model)),
        )
        require(
            model is not source and len(source) == 4 and source[-1] is head,
            _("`source` itself was changed; work on a copy."),
        )
        require(
            unchanged(source, before),
            _("the numbers in `source` are others than before; work on a copy (copy.deepcopy)."),
        )
        require(
            [p.requires_grad for p in source.parameters()] == trained
            and all(layer.training == mode for layer in source.modules()),
            _(
                "after the call other parts of `source` are frozen, or its mode is another; work on a copy (copy.deepcopy)."
            ),
        )
        require(
            not any(layer._forward_hooks or layer._forward_pre_hooks for layer in source.modules()),
            _("`source` has a hook after the call; remove it (handle.remove()), or work on a copy."),
        )
        require(
            all(p.grad is None for p in source.parameters()),
            _("the parameters of `source` have a .grad after the call; work on a copy (copy.deepcopy)."),
        )
        own = {p.untyped_storage().data_ptr() for p in source.parameters()}
        require(
            not any(p.untyped_storage().data_ptr() in own for p in model.parameters()),
            _("the new network shares parameters with `source`; work on a copy (copy.deepcopy)."),
        )
        own = {buffer.untyped_storage().data_ptr() for buffer in source.buffers()}
        require(
            not any(buffer.untyped_storage().data_ptr() in own for buffer in model.buffers()),
            _("the new network shares buffers with `source`; work on a copy (copy.deepcopy)."),
        )
        new, body = model[-1], model[:-1]
        require(
            isinstance(new, nn.Linear),
            _("the last layer of the new network is {found}; a Linear is wanted.", found=describe(new)),
        )
        expect(
            (new.in_features, new.out_features),
            (head.in_features, classes),
            _("(in, out) of the new head"),
        )
        kinds = [type(layer).__name__ for layer in body.modules() if not list(layer.children())]
        wanted = [type(layer).__name__ for layer in source[:-1]]
        require(
            kinds == wanted,
            _(
                "the body of the new network has the layers {found}; those of `source` are {wanted}.",
                found=kinds,
                wanted=wanted,
            ),
        )
        frozen = [not p.requires_grad for p in body.parameters()]
        require(
            all(frozen),
            _(
                "{count} of the body's {all} parameters are not frozen.",
                count=frozen.count(False),
                all=len(frozen),
            ),
        )
        for value, (name, old) in zip(
            body.state_dict().values(), source[:-1].state_dict().items(), strict=True
        ):
            moved = not torch.equal(value, old)
            require(
                not (moved and ("running" in name or "num_batches" in name)),
                _("{name}: a running statistic of the body moved, so the body was in train mode.", name=name),
            )
            require(not moved, _("{name} of the body is another than in `source`.", name=name))
        require(
            not any(layer.training for layer in model.modules()),
            _("the new network, or a part of it, is in train mode; eval mode is wanted."),
        )
        with torch.inference_mode():
            right = (model(inputs).argmax(dim=1) == y).sum().item() / len(y)
        require(
            right >= 0.95,
            _(
                "the new network is right on {right:.0%} of the pictures that it was trained on, and should be on 95 %. "
                "Either the head was trained too little, or the optimizer does not hold the new head's parameters.",
                right=right,
            ),
        )
    return _("With the features computed once, a step of the head costs one small product of matrices.")
