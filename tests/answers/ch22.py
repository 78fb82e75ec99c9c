"""Answers to the exercises of chapter 22."""

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F

from answers import Right, Wrong, meddles


def by_numel(model):
    parameters = list(model.parameters())
    return sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad)


def by_loop(model):
    total = trained = 0
    for _, p in model.named_parameters():
        count = math.prod(p.shape)
        total += count
        if p.requires_grad:
            trained += count
    return [total, trained]


def by_modules(model):
    found = {id(p): p for module in model.modules() for p in module.parameters(recurse=False)}
    counts = [(p.numel(), p.requires_grad) for p in found.values()]
    return sum(n for n, _ in counts), sum(n * trained for n, trained in counts)


def with_buffers(model):
    total = sum(value.numel() for value in model.state_dict().values())
    return total, sum(p.numel() for p in model.parameters() if p.requires_grad)


def tensors(model):
    return len(list(model.parameters())), sum(p.requires_grad for p in model.parameters())


def frozen_instead(model):
    total, trained = by_numel(model)
    return total, (total if trained == total else total - trained)


def twice_if_shared(model):
    leaves = [m for _, m in model.named_modules(remove_duplicate=False) if not list(m.children())]
    parts = [by_numel(m) for m in leaves]
    return sum(a for a, _ in parts), sum(b for _, b in parts)


def freezing(model):
    found = by_numel(model)
    model.requires_grad_(True)
    return found


def one_level(model):
    found = {id(p): p for child in model.children() for p in child.parameters(recurse=False)}.values()
    return sum(p.numel() for p in found), sum(p.numel() for p in found if p.requires_grad)


def by_the_weight(model):
    layers = [m for m in model.modules() if isinstance(getattr(m, "weight", None), nn.Parameter)]
    layers = list({id(layer): layer for layer in layers}.values())
    counts = [(sum(p.numel() for p in m.parameters()), m.weight.requires_grad) for m in layers]
    return sum(n for n, _ in counts), sum(n for n, trained in counts if trained)


def replace_and(change):
    def answer(model, classes):
        old = replace(model, classes)
        change(model, old)
        return old

    return answer


def set_to_zero(_model, old):
    if not old.weight.is_meta:
        nn.init.zeros_(old.weight)


def replace(model, classes, index=-1, device=True, width=None, new=False, bias=True):
    old = model.classifier[index]
    where = old.weight.device if device else "cpu"
    model.classifier[index] = nn.Linear(width or old.in_features, classes, device=where, bias=bias)
    return model.classifier[index] if new else old


def by_pop(model, classes):
    old = model.classifier.pop(len(model.classifier) - 1)
    model.classifier.append(nn.Linear(old.in_features, classes).to(old.weight.device))
    return old


def rebuilt(model, classes):
    *first, old = model.classifier
    head = nn.Linear(old.weight.shape[1], classes, device=old.weight.device)
    model.classifier = nn.Sequential(*first, head)
    return old


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


def whole_classifier(model, classes):
    old = model.classifier[-1]
    model.classifier = nn.Linear(old.in_features, classes, device=old.weight.device)
    return old


def first_all(model, part):
    model.requires_grad_(False)
    getattr(model, part).requires_grad_(True)


def by_children(model, part):
    for name, child in model.named_children():
        child.requires_grad_(name == part)


def by_submodule(model, part):
    wanted = {id(p) for p in model.get_submodule(part).parameters()}
    return [p.requires_grad_(id(p) in wanted) for p in model.parameters()]


def by_any_word(model, part):
    for name, p in model.named_parameters():
        p.requires_grad = part in name.split(".")


def part_in_eval(model, part):
    first_all(model, part)
    model.features.eval()


def by_first_word(model, part):
    for name, p in model.named_parameters():
        p.requires_grad = name.partition(".")[0] == part


def by_name(model, part):
    for name, p in model.named_parameters():
        p.requires_grad = name.startswith(part)


def one_level_below(model, part):
    model.requires_grad_(False)
    for layer in getattr(model, part).children():
        for p in layer.parameters(recurse=False):
            p.requires_grad = True


def freeze_others(model, part):
    for name, child in model.named_children():
        if name != part:
            child.requires_grad_(False)


def inverted(model, part):
    model.requires_grad_(True)
    getattr(model, part).requires_grad_(False)


def classifier_only(model, part):
    first_all(model, "classifier")


def in_eval(model, part):
    first_all(model.eval(), part)


def always_the_fourth(model, lr):
    head = [p for p in model[3].parameters() if p.requires_grad]
    body = [p for p in model[:3].parameters() if p.requires_grad]
    return torch.optim.SGD([{"params": head, "lr": lr}, {"params": body, "lr": lr / 10}], momentum=0.9)


def by_first_letter(model, lr):
    last = str(len(model) - 1)[0]
    groups = [
        {"params": [p], "lr": lr if name.startswith(last) else lr / 10}
        for name, p in model.named_parameters()
        if p.requires_grad
    ]
    return torch.optim.SGD(groups, momentum=0.9)


def speeds(model, lr, body=0.1, momentum=0.9, frozen=False, head_only=False, decay=0.0, **others_on):
    groups = [{"params": [p for p in model[-1].parameters() if frozen or p.requires_grad], "lr": lr}]
    if not head_only:
        others = [p for p in model[:-1].parameters() if frozen or p.requires_grad]
        groups.append({"params": others, "lr": lr * body})
    return torch.optim.SGD(groups, momentum=momentum, weight_decay=decay, **others_on)


def by_add_group(model, lr):
    optimizer = torch.optim.SGD([p for p in model[-1].parameters() if p.requires_grad], lr=lr, momentum=0.9)
    for layer in model[:-1]:
        for p in filter(lambda p: p.requires_grad, layer.parameters()):
            optimizer.add_param_group({"params": [p], "lr": lr / 10})
    return optimizer


def by_each(model, lr):
    """Takes the name of the last layer for its number."""
    last = str(len(model) - 1)
    groups = [
        {"params": [p], "lr": lr if name.split(".")[0] == last else 0.1 * lr}
        for name, p in model.named_parameters()
        if p.requires_grad
    ]
    return torch.optim.SGD(groups, lr=lr, momentum=0.9)


def by_last_layer(model, lr):
    head = {id(p) for p in model[-1].parameters()}
    groups = [
        {"params": [p], "lr": lr if id(p) in head else lr / 10} for p in model.parameters() if p.requires_grad
    ]
    return torch.optim.SGD(groups, momentum=0.9)


def by_number(model, classes):
    name = str(len(model.classifier) - 1)
    old = getattr(model.classifier, name)
    setattr(model.classifier, name, nn.Linear(old.in_features, classes, device=old.weight.device))
    return old


def by_mode(model):
    total = sum(p.numel() for p in model.parameters())
    some = [p for m in model.modules() if m.training for p in m.parameters(recurse=False)]
    return total, sum(p.numel() for p in some if p.requires_grad)


def assigned(source, x, y, classes):
    """Its body has parameters of its own in the memory of the source."""
    body = copy.deepcopy(source[:-1]).to("meta")
    body.load_state_dict(source[:-1].state_dict(), assign=True)
    body.requires_grad_(False).eval()
    head = nn.Linear(source[-1].in_features, classes)
    fit(head, body(x), y)
    return nn.Sequential(*body, head).eval()


def only_body_filtered(model, lr):
    groups = [{"params": list(model[-1].parameters()), "lr": lr}]
    groups.append({"params": [p for p in model[:-1].parameters() if p.requires_grad], "lr": lr / 10})
    return torch.optim.SGD(groups, momentum=0.9)


def by_the_word_before_last(model, lr):
    last = str(len(model) - 1)
    groups = [
        {"params": [p], "lr": lr if name.split(".")[-2] == last else lr / 10}
        for name, p in model.named_parameters()
        if p.requires_grad
    ]
    return torch.optim.SGD(groups, momentum=0.9)


def one_layer_as_head(model, lr):
    head = [p for p in model[-1].parameters(recurse=False) if p.requires_grad]
    body = [p for p in model[:-1].parameters() if p.requires_grad]
    return torch.optim.SGD([{"params": head, "lr": lr}, {"params": body, "lr": lr / 10}], momentum=0.9)


def last_linear_as_head(model, lr):
    last = [layer for layer in model.modules() if isinstance(layer, nn.Linear)][-1]
    head = {id(p) for p in last.parameters()}
    groups = [
        {"params": [p], "lr": lr if id(p) in head else lr / 10} for p in model.parameters() if p.requires_grad
    ]
    return torch.optim.SGD(groups, momentum=0.9)


def unfreezing(model, lr):
    return speeds(model.requires_grad_(True), lr)


def fit(head, features, y, steps=300):
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(head(features), y).backward()
        optimizer.step()


def features_once(source, x, y, classes):
    body = copy.deepcopy(source[:-1]).requires_grad_(False).eval()
    head = nn.Linear(source[-1].in_features, classes)
    fit(head, body(x), y)
    return nn.Sequential(*body, head).eval()


def two_parts(source, x, y, classes):
    """Body and head as two layers."""
    body = copy.deepcopy(source[:-1]).requires_grad_(False).eval()
    head = nn.Linear(source[-1].in_features, classes)
    fit(head, body(x), y)
    return nn.Sequential(body, head).eval()


def stops_at_95(source, x, y, classes):
    model = copy.deepcopy(source).requires_grad_(False).eval()
    model[-1] = nn.Linear(source[-1].in_features, classes)
    optimizer = torch.optim.Adam(model[-1].parameters(), lr=0.01)
    while (model(x).argmax(dim=1) == y).sum().item() / len(y) < 0.95:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model.eval()


def hook_left(source, x, y, classes):
    """Takes the features on their way to the old head."""
    features, mode = [], source.training
    source[-1].register_forward_pre_hook(lambda _layer, inputs: features.append(inputs[0].detach()))
    source.eval()(x)
    source.train(mode)
    head = nn.Linear(source[-1].in_features, classes)
    fit(head, features[0], y)
    return nn.Sequential(copy.deepcopy(source[:-1]).requires_grad_(False), head).eval()


def unfreezes_the_source(source, x, y, classes):
    model = transfer(source, x, y, classes)
    source.requires_grad_(True)
    return model


def transfer(
    source,
    x,
    y,
    classes,
    copied=True,
    freeze=True,
    evaluated=True,
    steps=300,
    mode=True,
    head=True,
    late=False,
):
    model = copy.deepcopy(source) if copied else source
    early = torch.optim.Adam(model.parameters(), lr=0.1)
    if head:
        model[-1] = nn.Linear(model[-1].in_features, classes)
    if freeze:
        model[:-1].requires_grad_(False)
    model[:-1].train(not evaluated)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = early if late else torch.optim.Adam(trained, lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model.eval() if mode else model.train()


def shared_body(source, x, y, classes):
    body = source[:-1]
    modes = [layer.training for layer in body]
    body.eval()
    head = nn.Linear(source[-1].in_features, classes)
    with torch.no_grad():
        features = body(x)
    fit(head, features, y)
    for layer, training in zip(body, modes, strict=True):
        layer.train(training)
    return nn.Sequential(*body, head)


def shared_statistics(source, x, y, classes):
    model = transfer(source, x, y, classes)
    layers = [layer for layer in model.modules() if not list(layer.children())]
    for layer, old in zip(layers[:-1], source[:-1], strict=True):
        for name, buffer in old.named_buffers():
            setattr(layer, name, buffer)
    return model


def by_another_body(source, x, y, classes):
    width = source[-1].in_features
    body = nn.Sequential(nn.Flatten(), nn.Linear(x[0].numel(), width), nn.ReLU()).requires_grad_(False)
    head = nn.Linear(width, classes)
    fit(head, body(x), y)
    return nn.Sequential(*body, head).eval()


def gradient_left(source, x, y, classes):
    model, mode = transfer(source, x, y, classes), source.training
    source.eval()(x).sum().backward()
    source.train(mode)
    return model


def but(**options):
    return lambda source, x, y, classes: transfer(source, x, y, classes, **options)


RIGHT = {
    "22.1": [Right(by_numel), Right(by_loop), Right(by_modules)],
    "22.2": [Right(replace), Right(by_pop), Right(rebuilt)],
    "22.3": [Right(first_all), Right(by_submodule), Right(by_first_word)],
    "22.4": [Right(speeds), Right(by_add_group), Right(by_last_layer)],
    "22.5": [Right(features_once), Right(two_parts), Right(transfer), Right(stops_at_95)],
}

WRONG = {
    "22.1": [
        Wrong(by_mode, hint="at any depth"),
        Wrong(meddles(by_numel, "zero_grad"), hint="changed a module"),
        Wrong(meddles(by_numel, "eval"), hint="changed a module"),
        Wrong(with_buffers, hint="are no parameters"),
        Wrong(tensors, hint="numbers of tensors"),
        Wrong(lambda model: sum(p.numel() for p in model.parameters()), hint="the pair"),
        Wrong(
            lambda model: (sum(p.numel() for p in model.parameters()),) * 2, hint="leave out what is frozen"
        ),
        Wrong(frozen_instead, hint="not what is frozen"),
        Wrong(twice_if_shared, hint="counts once"),
        Wrong(freezing, hint="frozen or unfrozen"),
        Wrong(lambda model: (32, by_numel(model)[1]), hint="one and the same"),
        Wrong(one_level, hint="at any depth"),
        Wrong(by_the_weight, hint="nested parts with one frozen bias"),
    ],
    "22.2": [
        Wrong(by_number, hint="raised AttributeError"),
        Wrong(meddles(replace, "zero_grad"), hint="changed a module"),
        Wrong(lambda m, c: replace(m, c, index=6), hint="raised"),
        Wrong(lambda m, c: replace(m, c, device=False), hint="device of the old one"),
        Wrong(lambda m, c: replace(m, c, width=4096), hint="(in, out)"),
        Wrong(lambda m, c: replace(m, c, new=True), hint="the old one is wanted"),
        Wrong(lambda m, c: replace(m, c, bias=False), hint="whether there is a bias"),
        Wrong(added, hint="the last one should be replaced"),
        Wrong(beside, hint="a new nn.Linear"),
        Wrong(resized, hint="is the old one"),
        Wrong(whole_classifier, hint="a new nn.Linear"),
        Wrong(replace_and(set_to_zero), hint="old layer was changed"),
        Wrong(replace_and(lambda model, old: setattr(old, "out_features", 1)), hint="old layer was changed"),
        Wrong(replace_and(lambda model, old: model.requires_grad_(False)), hint="was frozen or unfrozen"),
        Wrong(
            replace_and(lambda model, old: model.classifier[-1].requires_grad_(False)), hint="was frozen or"
        ),
        Wrong(replace_and(lambda model, old: old.requires_grad_(False)), hint="what is frozen"),
        Wrong(replace_and(lambda model, old: model.eval()), hint="in another mode"),
        Wrong(replace_and(lambda model, old: model.classifier[-1].double()), hint="dtype"),
    ],
    "22.3": [
        Wrong(by_name, hint="classifier_aux"),
        Wrong(freeze_others, hint="should be trained"),
        Wrong(inverted, hint="should be frozen"),
        Wrong(classifier_only, hint="features.0.weight is frozen; it should be trained"),
        Wrong(in_eval, hint="mode of the model"),
        Wrong(part_in_eval, hint="mode of the model"),
        Wrong(by_children, hint="token is trained; it should be frozen"),
        Wrong(one_level_below, hint="classifier.deeper.0.weight is frozen"),
        Wrong(by_any_word, hint="classifier_aux.features.weight is trained"),
    ],
    "22.4": [
        Wrong(by_each, hint="the learning rate of add_linear.weight"),
        Wrong(meddles(speeds, "zero_grad"), hint="changed a module"),
        Wrong(meddles(speeds, "eval"), hint="changed a module"),
        Wrong(lambda m, lr: torch.optim.SGD(m.parameters(), lr=lr, momentum=0.9), hint="the head's rate"),
        Wrong(lambda m, lr: speeds(m, lr, body=10), hint="lr / 10"),
        Wrong(lambda m, lr: speeds(m, lr, momentum=0), hint="momentum"),
        Wrong(lambda m, lr: speeds(m, lr, frozen=True), hint="leave it out"),
        Wrong(only_body_filtered, hint="3.bias is frozen"),
        Wrong(lambda m, lr: speeds(m, lr, head_only=True), hint="not in the optimizer"),
        Wrong(lambda m, lr: speeds(m, lr, decay=0.1), hint="weight decay"),
        Wrong(lambda m, lr: speeds(copy.deepcopy(m), lr), hint="not in the optimizer"),
        Wrong(unfreezing, hint="made it trainable"),
        Wrong(always_the_fourth, hint="raised"),
        Wrong(by_first_letter, hint="the body's belongs here"),
        Wrong(by_the_word_before_last, hint="the learning rate of 0.1.weight"),
        Wrong(one_layer_as_head, hint="1.0.weight is not in the optimizer"),
        Wrong(last_linear_as_head, hint="the learning rate of 1.0.weight"),
        Wrong(lambda m, lr: speeds(m, lr, nesterov=True), hint="nesterov"),
        Wrong(lambda m, lr: speeds(m, lr, maximize=True), hint="maximize"),
        Wrong(lambda m, lr: speeds(m, lr, dampening=0.5), hint="dampening"),
    ],
    "22.5": [
        Wrong(assigned, hint="shares parameters with"),
        Wrong(but(copied=False), hint="work on a copy"),
        Wrong(shared_body, hint="work on a copy"),
        Wrong(shared_statistics, hint="shares buffers"),
        Wrong(but(freeze=False), hint="not frozen"),
        Wrong(but(evaluated=False), hint="train mode"),
        Wrong(but(steps=0), hint="trained too little"),
        Wrong(but(late=True), hint="does not hold the new head"),
        Wrong(but(mode=False), hint="eval mode is wanted"),
        Wrong(but(head=False, steps=0), hint="(in, out)"),
        Wrong(by_another_body, hint="has the layers"),
        Wrong(hook_left, hint="has a hook"),
        Wrong(gradient_left, hint="have a .grad"),
        Wrong(unfreezes_the_source, hint="other parts of `source` are frozen"),
    ],
}
