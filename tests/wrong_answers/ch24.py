"""Wrong answers to the exercises of chapter 24."""

import torch
from torch.nn import functional as F

from wrong_answers import Wrong


def strides_in_memory_order(shape, channels_last):
    n, c, h, w = shape
    return (c * h * w, w * c, c, 1) if channels_last else (c * h * w, h * w, w, 1)


def strides_always_default(shape, channels_last):
    n, c, h, w = shape
    return c * h * w, h * w, w, 1


def in_place(pixels, pick, mean, std):
    result = (pixels[pick].float() / 255 - mean) / std
    pixels.zero_()
    return result.permute(0, 3, 1, 2)


def parts(model, x, y, loss_fn, part, forget=True, weigh=True, fair=True, step=False):
    if forget:
        model.zero_grad()
    pieces = list(zip(x.split(part), y.split(part), strict=True))
    for x_part, y_part in pieces:
        share = len(y_part) / len(y) if fair else 1 / len(pieces)
        (loss_fn(model(x_part), y_part) * (share if weigh else 1)).backward()
    if step:
        torch.optim.SGD(model.parameters(), lr=0.1).step()


def all_at_once(model, x, y, loss_fn, part):
    model.zero_grad()
    loss_fn(model(x), y).backward()


def epoch(
    model,
    pixels,
    labels,
    batch_size,
    optimizer,
    autocast=True,
    ask=False,
    detach=True,
    train=True,
    drop=False,
    scale=True,
    contiguous=False,
    weighted=True,
    forget=True,
    reshape=False,
    whole=True,
):
    if train:
        model.train()
    total, batches = torch.zeros(()), 0
    for x, y in zip(pixels.split(batch_size), labels.split(batch_size), strict=True):
        if drop and len(y) < batch_size:
            continue
        x = x.float() / 255 if scale else x.float()
        x = x.reshape(-1, 3, *x.shape[1:3]) if reshape else x.permute(0, 3, 1, 2)
        x = x.contiguous() if contiguous else x
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = F.cross_entropy(model(x), y)
        if forget:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        value = loss.item() if ask else loss.detach() if detach else loss
        total += value * len(y) if weighted else value
        batches += 1
    total = total / (len(labels) if weighted else batches)
    return total.item() if whole else total


def variant(function, **options):
    return lambda *args: function(*args, **options)


def converted(model, pixels, labels, batch_size, optimizer):
    model.bfloat16()
    return epoch(model, pixels, labels, batch_size, optimizer)


WRONG = {
    "24.1": [
        Wrong(lambda share, factor: factor, hint="stays as it is"),
        Wrong(lambda share, factor: share * factor, hint="should be 1.33333"),
        Wrong(lambda share, factor: (1 - share) + share / factor, hint="should be 1.33333"),
        Wrong(lambda share, factor: 1 / (1 - share), hint="divided by 2"),
    ],
    "24.2": [
        Wrong(strides_in_memory_order, hint="order of the shape"),
        Wrong(strides_always_default, hint="N, H, W, C"),
        Wrong(lambda shape, channels_last: (1, 1, 1, 1), hint="[0] is 1, but should be 12"),
    ],
    "24.3": [
        Wrong(lambda p, i, m, s: ((p[i].float() - m) / s).permute(0, 3, 1, 2), hint="not scaled"),
        Wrong(
            lambda p, i, m, s: ((p[i].float() / 255 - m) / s).permute(0, 3, 1, 2).contiguous(), hint="strides"
        ),
        Wrong(lambda p, i, m, s: (p[i].float() / 255 - m) / s, hint="should have (3, 3, 5, 4)"),
        Wrong(lambda p, i, m, s: ((p[i].float() / 255 - m) / s).reshape(-1, 3, 5, 4), hint="off by"),
        Wrong(in_place, hint="changed `pixels`"),
    ],
    "24.4": [
        Wrong(variant(parts, forget=False), hint="old gradient"),
        Wrong(variant(parts, forget=False, weigh=False), hint="old gradient"),
        Wrong(variant(parts, weigh=False), hint="2 times too large"),
        Wrong(variant(parts, fair=False), hint="may be smaller"),
        Wrong(variant(parts, step=True), hint="no step"),
        Wrong(all_at_once, hint="10 rows at once"),
    ],
    "24.5": [
        Wrong(variant(epoch, autocast=False), hint="under autocast they would be bfloat16"),
        Wrong(variant(epoch, ask=True), hint="4 times"),
        Wrong(variant(epoch, detach=False), hint="loss.detach()"),
        Wrong(variant(epoch, train=False), hint="eval mode"),
        Wrong(variant(epoch, drop=True), hint="sizes"),
        Wrong(variant(epoch, scale=False), hint="pixel / 255"),
        Wrong(variant(epoch, reshape=True), hint="permute"),
        Wrong(variant(epoch, contiguous=True), hint="channels_last order"),
        Wrong(variant(epoch, weighted=False), hint="number of its pictures"),
        Wrong(variant(epoch, forget=False), hint="old gradients forgotten"),
        Wrong(variant(epoch, whole=False), hint="makes it a number"),
        Wrong(converted, hint="no longer float32"),
    ],
}
