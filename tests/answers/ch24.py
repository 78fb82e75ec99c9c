"""Answers to the exercises of chapter 24."""

import math
from itertools import accumulate

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from answers import Right, Wrong, meddles


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


def parts_of_tracked(model, x, y, loss_fn, part):
    return parts(model, x.requires_grad_(), y, loss_fn, part)


def parts_set_to_zero(model, x, y, loss_fn, part):
    for weight in model.parameters():
        weight.grad.zero_()
    parts(model, x, y, loss_fn, part, forget=False)


def parts_of_ten(model, x, y, loss_fn, part):
    model.zero_grad()
    for x_part, y_part in zip(x.split(part), y.split(part), strict=True):
        (loss_fn(model(x_part), y_part) * len(x_part) / 10).backward()


def parts_of_three_numbers(model, x, y, loss_fn, part):
    parts(model, x.view(-1, 3), y, loss_fn, part)


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
    kind=torch.float32,
    low_loss=False,
    loss_fn=F.cross_entropy,
    number=torch.Tensor.item,
    count=None,
):
    if train:
        model.train()
    total, batches = torch.zeros((), dtype=kind), 0
    for x, y in zip(pixels.split(batch_size), labels.split(batch_size), strict=True):
        if drop and len(y) < batch_size:
            continue
        x = x.float() / 255 if scale else x.float()
        x = x.reshape(-1, 3, *x.shape[1:3]) if reshape else x.permute(0, 3, 1, 2)
        x = x.contiguous() if contiguous else x
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits = model(x)
            loss = None if low_loss else loss_fn(logits, y)
        loss = F.cross_entropy(logits, y) if low_loss else loss
        if forget:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if count:
            count(logits, y)
        value = number(loss.detach()) if ask else loss.detach() if detach else loss
        total += value * len(y) if weighted else value
        batches += 1
    total = total / (len(labels) if weighted else batches)
    return total.item() if whole else total


def epoch_of_squares(model, pixels, labels, batch_size, optimizer):
    """Only for pictures of 8 x 8."""
    model.train()
    total = torch.zeros(())
    for x, y in zip(pixels.split(batch_size), labels.split(batch_size), strict=True):
        x = (x.float() / 255).reshape(-1, 8, 8, 3).permute(0, 3, 1, 2)
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(y)
    return total.item() / len(labels)


def epoch_of_41(model, pixels, labels, batch_size, optimizer):
    return epoch(model, pixels, labels, batch_size, optimizer) * len(labels) / 41


def epoch_of_eights(model, pixels, labels, batch_size, optimizer):
    return epoch(model, pixels, labels, 8, optimizer)


def epoch_by_own_optimizer(model, pixels, labels, batch_size, optimizer):
    return epoch(model, pixels, labels, batch_size, torch.optim.SGD(model.parameters(), lr=0.1))


def variant(function, **options):
    return lambda *args: function(*args, **options)


def epoch_in_one_autocast(model, pixels, labels, batch_size, optimizer, **options):
    with torch.autocast("cpu", torch.bfloat16, **options):
        return epoch(model, pixels, labels, batch_size, optimizer)


def converted(model, pixels, labels, batch_size, optimizer):
    model.bfloat16()
    return epoch(model, pixels, labels, batch_size, optimizer)


def speedup_by_steps(share, factor):
    new = share / factor
    new += 1 - share
    return new**-1


def strides_by_products(shape, channels_last):
    order = (0, 2, 3, 1) if channels_last else (0, 1, 2, 3)
    found = [0, 0, 0, 0]
    for place, axis in enumerate(order):
        found[axis] = math.prod(shape[later] for later in order[place + 1 :])
    return found


def strides_by_accumulate(shape, channels_last):
    n, c, h, w = shape
    lengths = [c, w, h] if channels_last else [w, h, c]
    one, two, three, four = accumulate(lengths, lambda a, b: a * b, initial=1)
    return (four, one, three, two) if channels_last else (four, three, two, one)


def strides_by_tensor(shape, channels_last):
    order = torch.channels_last if channels_last else torch.contiguous_format
    return torch.empty(shape, device="meta").to(memory_format=order).stride()


def batch_by_affine(pixels, pick, mean, std):
    return (pixels.index_select(0, pick) * (1 / (255 * std)) - mean / std).permute(0, 3, 1, 2)


def batch_by_view(pixels, pick, mean, std):
    x = pixels[pick].movedim(-1, 1).div(255).contiguous(memory_format=torch.channels_last)
    return (x - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)


def batch_by_einsum(pixels, pick, mean, std):
    x = torch.einsum("nhwc->nchw", pixels[pick].float() / 255)
    return x.sub(mean[:, None, None]).div(std[:, None, None])


def batch_by_loop(pixels, pick, mean, std):
    return torch.stack([(pixels[i].float() / 255 - mean) / std for i in pick]).permute(0, 3, 1, 2)


def batch_by_numpy_loop(pixels, pick, mean, std):
    stored = pixels.numpy()
    x = torch.from_numpy(np.stack([stored[i] for i in pick.tolist()]))
    return ((x.float() / 255 - mean) / std).permute(0, 3, 1, 2)


def batch_by_map(pixels, pick, mean, std):
    x = torch.from_numpy(np.stack(list(map(pixels.numpy().__getitem__, pick.tolist()))))
    return ((x.float() / 255 - mean) / std).permute(0, 3, 1, 2)


def batch_by_channels(pixels, pick, mean, std):
    x = pixels[pick].float() / 255
    for c in range(pixels.shape[-1]):
        x[..., c] = (x[..., c] - mean[c]) / std[c]
    return x.permute(0, 3, 1, 2)


def by_numpy(pixels):
    return torch.from_numpy(pixels.numpy().astype("float32"))


def batch_of_converted(pixels, pick, mean, std, convert):
    return ((convert(pixels)[pick].float() / 255 - mean) / std).permute(0, 3, 1, 2)


def parts_by_range(model, x, y, loss_fn, part):
    for weight in model.parameters():
        weight.grad = None
    for i in range(0, len(x), part):
        rows = slice(i, i + part)
        loss = loss_fn(model(x[rows]), y[rows])
        (loss * (len(y[rows]) / len(y))).backward()


def parts_by_autograd(model, x, y, loss_fn, part):
    weights = list(model.parameters())
    sums = [torch.zeros_like(weight) for weight in weights]
    for x_part, y_part in zip(x.split(part), y.split(part), strict=True):
        grads = torch.autograd.grad(loss_fn(model(x_part), y_part), weights)
        for total, grad in zip(sums, grads, strict=True):
            total += grad * len(x_part) / len(x)
    for weight, total in zip(weights, sums, strict=True):
        weight.grad = total


def parts_keep_last(model, x, y, loss_fn, part, weigh=True):
    for x_part, y_part in zip(x.split(part), y.split(part), strict=True):
        model.zero_grad()
        (loss_fn(model(x_part), y_part) * (len(x_part) / len(x) if weigh else 1)).backward()


def parts_of_losses(model, x, y, loss_fn, part, detach=True):
    model.zero_grad()
    total = 0
    for x_part, y_part in zip(x.split(part), y.split(part), strict=True):
        loss = loss_fn(model(x_part), y_part) * len(x_part) / len(x)
        loss.backward()
        total += loss.detach() if detach else loss


def parts_one_late(model, x, y, loss_fn, part):
    model.zero_grad()
    before = None
    for x_part, y_part in zip(x.split(part), y.split(part), strict=True):
        loss = loss_fn(model(x_part), y_part) * len(x_part) / len(x)
        if before is not None:
            before.backward()
        before = loss
    before.backward()


def two_parts_at_once(model, x, y, loss_fn, part):
    model.zero_grad()
    pieces = list(zip(x.split(part), y.split(part), strict=True))
    for i in range(0, len(pieces), 2):
        sum(loss_fn(model(a), b) * len(b) / len(y) for a, b in pieces[i : i + 2]).backward()


def one_backward_at_the_end(model, x, y, loss_fn, part):
    model.zero_grad()
    pieces = zip(x.split(part), y.split(part), strict=True)
    sum(loss_fn(model(a), b) * len(b) / len(y) for a, b in pieces).backward()


def only_whole_parts(model, x, y, loss_fn, part):
    model.zero_grad()
    for i in range(len(x) // part):
        rows = slice(i * part, (i + 1) * part)
        (loss_fn(model(x[rows]), y[rows]) * part / len(y)).backward()


def epoch_by_sums(model, pixels, labels, batch_size, optimizer):
    loss_fn, losses = torch.nn.CrossEntropyLoss(reduction="none"), []
    model.train()
    for start in range(0, len(pixels), batch_size):
        optimizer.zero_grad(set_to_none=False)
        x = pixels[start : start + batch_size].permute(0, 3, 1, 2) / 255
        with torch.autocast(pixels.device.type, dtype=torch.bfloat16):
            each = loss_fn(model(x), labels[start : start + batch_size])
        each.mean().backward()
        optimizer.step()
        losses.append(each.detach())
    return torch.cat(losses).mean().item()


def epoch_of_converted(model, pixels, labels, batch_size, optimizer, dtype=torch.float32):
    return epoch(model, pixels.to(dtype), labels, batch_size, optimizer)


def epoch_with_loss_outside(model, pixels, labels, batch_size, optimizer):
    model.train()
    total = 0
    for numbers in torch.arange(len(labels)).split(batch_size):
        x = pixels[numbers].div(255).movedim(3, 1)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(x)
        loss = F.cross_entropy(logits.float(), labels[numbers])
        model.zero_grad()
        loss.backward()
        optimizer.step()
        total = total + loss.detach() * len(numbers)
    return float(total / len(labels))


def epoch_by_loader(model, pixels, labels, batch_size, optimizer):
    """A DataLoader asks once for a whole number, its seed."""
    model.train()
    total = torch.zeros(())
    for x, y in DataLoader(TensorDataset(pixels, labels), batch_size):
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.cross_entropy(model(x.permute(0, 3, 1, 2) / 255), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(y)
    assert sum(labels.bincount().tolist()) == len(labels)  # whole numbers, once
    return total.item() / len(labels)


def epoch_by_list(model, pixels, labels, batch_size, optimizer):
    model.train()
    losses = []
    for x, y in zip(pixels.split(batch_size), labels.split(batch_size), strict=True):
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.cross_entropy(model(x.permute(0, 3, 1, 2) / 255), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach() * len(y))
    return sum(torch.stack(losses).tolist()) / len(labels)


def batch_of_three_channels(pixels, pick, mean, std):
    return ((pixels[pick].float() / 255 - mean.view(1, 1, 1, 3)) / std).permute(0, 3, 1, 2)


def batch_by_fixed_numbers(pixels, pick, mean, std):
    mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.25, 0.2, 0.5])
    return batch_by_view(pixels, pick, mean, std)


def parts_in_eval_mode(model, x, y, loss_fn, part):
    parts(model.eval(), x, y, loss_fn, part)


def parts_with_own_loss(model, x, y, loss_fn, part):
    parts(model, x, y, F.cross_entropy, part)


RIGHT = {
    "24.1": [
        Right(lambda share, factor: 1 / (1 - share * (1 - 1 / factor))),
        Right(lambda share, factor: factor / (factor * (1 - share) + share)),
        Right(speedup_by_steps),
    ],
    "24.2": [
        Right(strides_by_products),
        Right(strides_by_accumulate),
        Right(
            lambda s, last: (math.prod(s[1:]), *((1, s[3] * s[1], s[1]) if last else (s[2] * s[3], s[3], 1)))
        ),
    ],
    "24.3": [Right(batch_by_affine), Right(batch_by_view), Right(batch_by_einsum)],
    "24.4": [Right(parts), Right(parts_by_range), Right(parts_by_autograd), Right(parts_of_losses)],
    "24.5": [
        Right(epoch),
        Right(epoch_by_sums),
        Right(epoch_with_loss_outside),
        Right(epoch_by_list),
        Right(epoch_by_loader),
        Right(variant(epoch_in_one_autocast, cache_enabled=False)),
        Right(variant(epoch, kind=torch.float64)),
    ],
}
WRONG = {
    "24.1": [
        Wrong(lambda share, factor: factor, hint="stays as it is"),
        Wrong(lambda share, factor: share * factor, hint="should be 1.17647"),
        Wrong(lambda share, factor: (1 - share) + share / factor, hint="This is the new time"),
        Wrong(lambda share, factor: 1 / (1 - share), hint="This is the limit"),
        Wrong(lambda share, factor: round(1 / (1 - share + share / factor), 2), hint="should be 1.17647"),
    ],
    "24.2": [
        Wrong(strides_in_memory_order, hint="in the order N, C, H, W"),
        Wrong(strides_always_default, hint="N, H, W, C"),
        Wrong(lambda shape, channels_last: (1, 1, 1, 1), hint="[0] is 1, but should be 12"),
        Wrong(strides_by_tensor, hint="made a tensor", forbidden="without making a tensor"),
        Wrong(lambda shape, channels_last: (12, 4, 2, 1), hint="come later"),
    ],
    "24.3": [
        Wrong(lambda p, i, m, s: ((p[i].float() - m) / s).permute(0, 3, 1, 2), hint="on the scale 0 to 1"),
        Wrong(
            lambda p, i, m, s: ((p[i].float() / 255 - m) / s).permute(0, 3, 1, 2).contiguous(), hint="strides"
        ),
        Wrong(lambda p, i, m, s: (p[i].float() / 255 - m) / s, hint="should have (3, 3, 5, 4)"),
        Wrong(lambda p, i, m, s: ((p[i].float() / 255 - m) / s).reshape(-1, 3, 5, 4), hint="reshape mixes"),
        Wrong(
            lambda p, i, m, s: ((p.float() / 255 - m) / s)[i].permute(0, 3, 1, 2),
            hint="pick first, then convert",
            forbidden="Convert only these n pictures",
        ),
        *(
            Wrong(variant(batch_of_converted, convert=convert), hint="all of `pixels` was converted")
            for convert in (torch.Tensor.double, torch.Tensor.int, torch.Tensor.half, by_numpy)
        ),
        Wrong(in_place, hint="changed its argument 1"),
        Wrong(batch_of_three_channels, hint="raised"),
        Wrong(batch_by_numpy_loop, hint="a loop in batch_of"),
        Wrong(batch_by_map, hint="a loop in batch_of"),
        Wrong(batch_by_channels, hint="a loop in batch_of"),
        Wrong(batch_by_fixed_numbers, hint="raised"),
        Wrong(batch_by_loop, hint="there is a loop over the pictures", forbidden="Write no loop:"),
    ],
    "24.4": [
        Wrong(variant(parts, forget=False), hint="old gradient"),
        Wrong(variant(parts, forget=False, weigh=False), hint="old gradient"),
        Wrong(variant(parts, weigh=False), hint="The means of 2 parts were added"),
        Wrong(variant(parts, fair=False), hint="may be smaller"),
        Wrong(variant(parts, step=True), hint="no step"),
        Wrong(all_at_once, hint="10 rows at once"),
        Wrong(one_backward_at_the_end, hint="run backward() for each part in its own round"),
        Wrong(parts_one_late, hint="run backward() for each part in its own round"),
        Wrong(two_parts_at_once, hint="run backward() for each part in its own round"),
        Wrong(variant(parts_of_losses, detach=False), hint="keep its .detach()"),
        Wrong(parts_keep_last, hint="the last part only"),
        Wrong(variant(parts_keep_last, weigh=False), hint="the last part only"),
        Wrong(only_whole_parts, hint="8 rows in all"),
        Wrong(parts_in_eval_mode, hint="mode has changed"),
        Wrong(parts_with_own_loss, hint="the gradient of"),
        Wrong(parts_set_to_zero, hint="raised AttributeError"),
        Wrong(parts_of_ten, hint="for 7 rows in parts of 3 the gradient of"),
        Wrong(parts_of_three_numbers, hint="raised"),
        Wrong(parts_of_tracked, hint="changed its argument 2"),
        Wrong(meddles(parts, "requires_grad_", False), hint="leaves the model frozen"),
    ],
    "24.5": [
        Wrong(variant(epoch, autocast=False), hint="under autocast they would be bfloat16"),
        Wrong(variant(epoch, ask=True), hint="7 times", forbidden="Bring a number to Python only once"),
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
        Wrong(variant(epoch, kind=torch.bfloat16), hint="losses and sum are float32"),
        Wrong(variant(epoch, low_loss=True), hint="the loss is computed in bfloat16"),
        Wrong(
            variant(epoch, loss_fn=lambda logits, y: F.nll_loss(F.log_softmax(logits, 1), y)),
            hint="F.cross_entropy under autocast would compute it in float32",
        ),
        Wrong(epoch_in_one_autocast, hint="autocast keeps bfloat16 copies"),
        Wrong(variant(epoch, ask=True, number=lambda loss: loss.tolist()), hint="7 times"),
        Wrong(variant(epoch, ask=True, number=lambda loss: float(loss.numpy())), hint="7 times"),
        Wrong(
            variant(epoch, count=lambda logits, y: (logits.argmax(1) == y).sum().item()),
            hint="numbers other than the loss were brought to Python 6 times",
        ),
        Wrong(variant(epoch, count=lambda logits, y: int((logits.argmax(1) == y).sum())), hint="6 times"),
        Wrong(variant(epoch, count=lambda logits, y: bool(logits.isnan().any())), hint="6 times"),
        Wrong(variant(epoch, count=lambda logits, y: logits.argmax(1).tolist()), hint="6 times"),
        Wrong(variant(epoch, count=lambda logits, y: logits.tolist()), hint="6 times"),
        Wrong(variant(epoch, count=lambda logits, y: str(logits.sum())), hint="print()"),
        Wrong(epoch_of_squares, hint="raised"),
        Wrong(epoch_of_41, hint="for 13 pictures in batches of 4, the mean loss"),
        Wrong(epoch_of_eights, hint="for 13 pictures in batches of 4, the list of the batches' sizes"),
        Wrong(
            epoch_of_converted, hint="convert each batch by itself", forbidden="Convert one batch at a time"
        ),
        Wrong(variant(epoch_of_converted, dtype=torch.float64), hint="convert each batch by itself"),
        Wrong(epoch_by_own_optimizer, hint="one step of `optimizer`"),
        Wrong(meddles(epoch, "requires_grad_", False), hint="leaves the model frozen"),
    ],
}
