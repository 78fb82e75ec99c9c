"""Wrong answers to the exercises of chapter 22."""

import copy

import torch
from torch import nn

from wrong_answers import Wrong


def with_buffers(model):
    total = sum(value.numel() for value in model.state_dict().values())
    return total, sum(p.numel() for p in model.parameters() if p.requires_grad)


def tensors(model):
    return len(list(model.parameters())), sum(p.requires_grad for p in model.parameters())


def replace(model, classes, index=-1, device=True, width=None, new=False):
    old = model.classifier[index]
    where = old.weight.device if device else "cpu"
    model.classifier[index] = nn.Linear(width or old.in_features, classes, device=where)
    return model.classifier[index] if new else old


def added(model, classes):
    old = model.classifier[-1]
    model.classifier.append(nn.Linear(old.out_features, classes, device=old.weight.device))
    return old


def beside(model, classes):
    model.head = nn.Linear(6, classes)
    return model.classifier[-1]


def resized(model, classes):
    model.classifier[-1].out_features = classes
    return model.classifier[-1]


def by_name(model, part):
    for name, p in model.named_parameters():
        p.requires_grad = name.startswith(part)


def freeze_others(model, part):
    for name, child in model.named_children():
        if name != part:
            child.requires_grad_(False)


def inverted(model, part):
    model.requires_grad_(True)
    getattr(model, part).requires_grad_(False)


def speeds(model, lr, body=0.1, momentum=0.9, frozen=False, head_only=False):
    groups = [{"params": [p for p in model[-1].parameters()], "lr": lr}]
    if not head_only:
        groups.append(
            {"params": [p for p in model[:-1].parameters() if frozen or p.requires_grad], "lr": lr * body}
        )
    return torch.optim.SGD(groups, momentum=momentum)


def transfer(
    source, x, y, classes, copied=True, freeze=True, evaluated=True, steps=300, mode=True, head=True
):
    model = copy.deepcopy(source) if copied else source
    features = model[-1].in_features
    if head:
        model[-1] = nn.Linear(features, classes)
    if freeze:
        model[:-1].requires_grad_(False)
    model[:-1].train(not evaluated)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model.eval() if mode else model.train()


def shared_body(source, x, y, classes):
    return transfer(
        nn.Sequential(*source[:-1], nn.Linear(source[-1].in_features, 1)), x, y, classes, copied=False
    )


def but(**options):
    return lambda source, x, y, classes: transfer(source, x, y, classes, **options)


WRONG = {
    "22.1": [
        Wrong(with_buffers, hint="buffers do not count"),
        Wrong(tensors, hint="Linear(3, 4) has 16"),
        Wrong(lambda model: sum(p.numel() for p in model.parameters()), hint="the pair"),
        Wrong(lambda model: (sum(p.numel() for p in model.parameters()),) * 2, hint="frozen"),
    ],
    "22.2": [
        Wrong(lambda m, c: replace(m, c, index=6), hint="raised"),
        Wrong(lambda m, c: replace(m, c, device=False), hint="device of the old one"),
        Wrong(lambda m, c: replace(m, c, width=4096), hint="(in, out)"),
        Wrong(lambda m, c: replace(m, c, new=True), hint="the old one is wanted"),
        Wrong(added, hint="the last one should be replaced"),
        Wrong(beside, hint="a new nn.Linear"),
        Wrong(resized, hint="new"),
    ],
    "22.3": [
        Wrong(by_name, hint="classifier_aux"),
        Wrong(freeze_others, hint="should be trained"),
        Wrong(inverted, hint="should be frozen"),
    ],
    "22.4": [
        Wrong(lambda m, lr: torch.optim.SGD(m.parameters(), lr=lr, momentum=0.9), hint="lr / 10"),
        Wrong(lambda m, lr: speeds(m, lr, body=10), hint="lr / 10"),
        Wrong(lambda m, lr: speeds(m, lr, momentum=0), hint="momentum"),
        Wrong(lambda m, lr: speeds(m, lr, frozen=True), hint="leave it out"),
        Wrong(lambda m, lr: speeds(m, lr, head_only=True), hint="not in the optimizer"),
    ],
    "22.5": [
        Wrong(but(copied=False), hint="work on a copy"),
        Wrong(shared_body, hint="work on a copy"),
        Wrong(but(freeze=False), hint="not frozen"),
        Wrong(but(evaluated=False), hint="train mode"),
        Wrong(but(steps=0), hint="train the head longer"),
        Wrong(but(mode=False), hint="eval mode is wanted"),
        Wrong(but(head=False, steps=0), hint="(in, out)"),
    ],
}
