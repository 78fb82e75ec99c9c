"""Answers to the exercises of chapter 23."""

import copy
import os
import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn
from torchvision.transforms import v2

from answers import Right, Wrong, meddles
from helpers import CIFAR10_MEAN, CIFAR10_STD, DATA, cifar10_quick, load_checkpoint, load_weights


def broadcast(a, b):
    return a.keys() == b.keys() and all(bool((a[name] == b[name]).all()) for name in a)


def only_first(a, b):
    return all(name in b and torch.equal(a[name], b[name]) for name in a)


def nearly(a, b):
    return a.keys() == b.keys() and all(
        a[name].shape == b[name].shape and torch.allclose(a[name], b[name], atol=0.01) for name in a
    )


def differences(model, state, own=None, swapped=False):
    own = model.state_dict() if own is None else own
    missing, unexpected = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    shapes = sorted(name for name in own.keys() & state.keys() if own[name].shape != state[name].shape)
    return (unexpected, missing, shapes) if swapped else (missing, unexpected, shapes)


def shapes_by(differ):
    """Right, but for what counts as another shape."""

    def answer(model, state):
        own = model.state_dict()
        missing, unexpected, _shapes = differences(model, state)
        return missing, unexpected, sorted(n for n in own.keys() & state.keys() if differ(own[n], state[n]))

    return answer


def refused(old, new):
    try:
        old.clone().copy_(new)
    except RuntimeError:
        return True
    return False


other_numbers = shapes_by(lambda old, new: not torch.equal(old, new))
other_types = shapes_by(lambda old, new: old.shape != new.shape or old.dtype != new.dtype)
what_copy_refuses = shapes_by(refused)


def two_lists(model, state):
    return differences(model, state)[:2]


def loads(model, state):
    found = differences(model, state)
    fitting = {k: torch.zeros_like(v) for k, v in state.items() if k not in found[1] + found[2]}
    model.load_state_dict(fitting, strict=False)
    return found


def by_loading(model, state):
    result = model.load_state_dict(state, strict=False)
    return result.missing_keys, result.unexpected_keys, []


def in_place(state, prefix="module."):
    for name in list(state):
        state[name.removeprefix(prefix)] = state.pop(name)
    return state


def only_prefixed(state, prefix="module."):
    return {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


def resume(path, model, optimizer, weights_only=True, with_optimizer=True, plus=1):
    if not Path(path).exists():
        return 1
    saved = torch.load(path, weights_only=weights_only)
    model.load_state_dict(saved["model"])
    if with_optimizer:
        optimizer.load_state_dict(saved["optimizer"])
    return saved["epoch"] + plus


def anew_whatever_happens(path, model, optimizer):
    try:
        return resume(path, model, optimizer)
    except Exception:
        return 1


def no_file_no_run(path, model, optimizer):
    saved = torch.load(path)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["epoch"] + 1


def name_picture(
    picture,
    weights,
    classes,
    upright=True,
    bits=True,
    white=True,
    rgb=True,
    fit=True,
    norm=True,
    softmax=True,
    shrink=None,
    weights_only=True,
):
    try:
        with Image.open(picture) as file:
            found = ImageOps.exif_transpose(file) if upright else file.copy()
    except Exception:
        return f"{Path(picture).name} is no picture."
    if bits and found.mode.startswith("I;16"):
        found = Image.fromarray((np.asarray(found) // 257).astype(np.uint8))
    if found.has_transparency_data if white is True else white and found.mode in white:
        found = found.convert("RGBA")
        found = Image.alpha_composite(Image.new("RGBA", found.size, "white"), found)
    if rgb:
        found = found.convert("RGB")
    if fit == "never shrinks":
        left, top = (found.width - 32) // 2, (found.height - 32) // 2
        small = found.crop((left, top, left + 32, top + 32))
    elif shrink:
        side = min(found.size)
        small = shrink(np.array(ImageOps.fit(found, (side, side))))
    else:
        small = ImageOps.fit(found, (32, 32), Image.Resampling.BICUBIC) if fit else found.resize((32, 32))
    x = torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255
    if norm:
        x = (x - torch.tensor(CIFAR10_MEAN).view(3, 1, 1)) / torch.tensor(CIFAR10_STD).view(3, 1, 1)
    model = cifar10_quick(nn.ReLU)
    model.load_state_dict(torch.load(weights, weights_only=weights_only))
    with torch.inference_mode():
        logits = model(x.unsqueeze(0))
        value, number = (logits.softmax(dim=1) if softmax else logits)[0].max(dim=0)
    return classes[number], value.item()


def shipped_weights(picture, weights, classes):
    return name_picture(picture, DATA / "weights" / "cifar10_quick.pt", classes)


def but(**options):
    def answer(picture, weights, classes):
        return name_picture(picture, weights, classes, **options)

    return answer


def no_sentence(picture, weights, classes):
    Image.open(picture).load()
    return name_picture(picture, weights, classes)


def a_number(picture, weights, classes):
    found = name_picture(picture, weights, classes)
    return found if isinstance(found, str) else found[1]


def same_sums(a, b):
    return a.keys() == b.keys() and all(
        a[n].shape == b[n].shape and bool((a[n].sum() - b[n].sum()).abs() < 1e-6) for n in a
    )


def close(a, b):
    return a.keys() == b.keys() and all(a[n].shape == b[n].shape and torch.allclose(a[n], b[n]) for n in a)


def same_by_loop(a, b):
    if len(a) != len(b):
        return False
    for name, value in a.items():
        if name not in b or value.shape != b[name].shape or not bool((value == b[name]).all()):
            return False
    return True


def same_by_numpy(a, b):
    return sorted(a) == sorted(b) and np.all([np.array_equal(a[n].numpy(), b[n].numpy()) for n in a])


def same_by_bytes(a, b):
    def key(state):
        return {n: (tuple(v.shape), v.contiguous().numpy().tobytes()) for n, v in state.items()}

    return key(a) == key(b)


def same_lists(a, b):
    return {n: v.tolist() for n, v in a.items()} == {n: v.tolist() for n, v in b.items()}


def by(measure):
    def answer(model, state):
        own = model.state_dict()
        missing, unexpected, _ = differences(model, state)
        return (
            missing,
            unexpected,
            sorted(n for n in own if n in state and measure(own[n]) != measure(state[n])),
        )

    return answer


def differences_by_loop(model, state):
    own, missing, unexpected, shapes = model.state_dict(), [], [], []
    for name in own:
        if name not in state:
            missing.append(name)
        elif list(own[name].shape) != list(state[name].shape):
            shapes.append(name)
    for name in state:
        if name not in own:
            unexpected.append(name)
    return [sorted(missing), sorted(unexpected), sorted(shapes)]


def differences_by_names(model, state, own=None):
    mine = {n: v.size() for n, v in own or model.state_dict().items()}
    theirs = {n: v.size() for n, v in state.items()}
    return (
        tuple(sorted(set(mine) - set(theirs))),
        tuple(sorted(set(theirs) - set(mine))),
        tuple(sorted(n for n in set(mine) & set(theirs) if mine[n] != theirs[n])),
    )


def by_all_buffers(model, state):
    return differences_by_names(model, state, [*model.named_parameters(), *model.named_buffers()])


def shapes_of_parameters(model, state):
    own = dict(model.named_parameters())
    return *differences(model, state)[:2], differences(model, state, own)[2]


def missing_unsorted(model, state):
    missing = [name for name in model.state_dict() if name not in state]
    return missing, *differences(model, state)[1:]


def loads_into_a_copy(model, state):
    """Lets load_state_dict tell, entry by entry."""
    other, shapes = copy.deepcopy(model), []
    for name, value in state.items():
        try:
            other.load_state_dict({name: value}, strict=False)
        except RuntimeError:
            shapes.append(name)
    fitting = {name: value for name, value in state.items() if name not in shapes}
    result = other.load_state_dict(fitting, strict=False)
    missing = [name for name in result.missing_keys if name not in shapes]
    return sorted(missing), sorted(result.unexpected_keys), sorted(shapes)


def pops(model, state):
    found = differences(model, state)
    for name in found[1]:
        state.pop(name)
    return found


def prefix_by_slice(state, prefix="module."):
    return {k[len(prefix) :] if k.startswith(prefix) else k: v for k, v in state.items()}


def prefix_by_loop(state, prefix="module."):
    new = type(state)()
    for name, value in state.items():
        head, found, tail = name.partition(prefix)
        new[tail if found and not head else name] = value
    return new


def prefix_by_expression(state, prefix="module."):
    return {re.sub("^" + re.escape(prefix), "", name): value for name, value in state.items()}


def prefix_by_first_name(state, prefix="module."):
    found = next(iter(state)).startswith(prefix)
    return {name.removeprefix(prefix) if found else name: value for name, value in state.items()}


def prefix_to_first_point(state, prefix="module."):
    parts = {name: name.partition(".") for name in state}
    return {
        tail if f"{head}." == prefix else name: state[name] for name, (head, _point, tail) in parts.items()
    }


def prefix_if_any(state, prefix="module."):
    if not any(name.startswith(prefix) for name in state):
        return state
    return prefix_by_slice(state, prefix)


def resume_by_try(path, model, optimizer):
    try:
        saved = torch.load(path, map_location="cpu")
    except FileNotFoundError:
        return 1
    for part in (model, optimizer):
        part.load_state_dict(saved["model" if part is model else "optimizer"])
    return 1 + saved["epoch"]


def resume_by_helper(path, model, optimizer):
    if not os.path.isfile(path):
        return 1
    saved = load_checkpoint(path)
    load_weights(model, saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["epoch"] + 1


def always_four(path, model, optimizer):
    resume(path, model, optimizer)
    return 4 if Path(path).exists() else 1


def only_broken_ones(path, model, optimizer):
    try:
        return resume(path, model, optimizer)
    except RuntimeError:
        return 1


def list_pair(picture, weights, classes):
    found = name_picture(picture, weights, classes)
    return found if isinstance(found, str) else list(found)


def by_transforms(picture, weights, classes):
    prepare = v2.Compose(
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(CIFAR10_MEAN, CIFAR10_STD)]
    )
    try:
        with Image.open(picture) as file:
            image = ImageOps.exif_transpose(file)
    except (OSError, SyntaxError) as error:
        return f"{Path(picture).name}: {type(error).__name__}."
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    layer = image.convert("RGBA")
    page = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    page.alpha_composite(layer)
    side = min(page.size)
    left, top = (page.width - side) // 2, (page.height - side) // 2
    square = page.convert("RGB").crop((left, top, left + side, top + side))
    square = square.resize((32, 32), Image.Resampling.LANCZOS)
    model = cifar10_quick(nn.ReLU).eval()
    model.load_state_dict(torch.load(weights, weights_only=True))
    with torch.no_grad():
        shares = torch.softmax(model(prepare(square)[None]), dim=-1).squeeze(0)
    best = int(shares.argmax())
    return classes[best], float(shares[best])


def try_around_everything(picture, weights, classes):
    try:
        return name_picture(picture, weights, classes)
    except Exception:
        return f"{Path(picture).name} could not be used."


def only_png_and_jpg(picture, weights, classes):
    if Path(picture).suffix not in (".png", ".jpg"):
        return f"{Path(picture).name} is no picture."
    return name_picture(picture, weights, classes)


def half_whatever(picture, weights, classes):
    found = name_picture(picture, weights, classes)
    return found if isinstance(found, str) else (found[0], 0.5)


def by_largest_gap(a, b):
    return a.keys() == b.keys() and all(
        a[n].shape == b[n].shape and bool((a[n] - b[n]).abs().max() == 0) for n in a
    )


def by_difference(a, b):
    return a.keys() == b.keys() and all(
        a[n].shape == b[n].shape and bool((a[n] - b[n]).abs().sum() == 0) for n in a
    )


def by_float(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[n].float(), b[n].float()) for n in a)


def within_a_billionth(a, b):
    return a.keys() == b.keys() and all(
        a[n].shape == b[n].shape and bool(((a[n] - b[n]).abs() < 1e-9).all()) for n in a
    )


def without_nan(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[n].nan_to_num(), b[n].nan_to_num()) for n in a)


def all_prefixes(state, prefix="module."):
    found = dict(state)
    while any(name.startswith(prefix) for name in found):
        found = {name.removeprefix(prefix): value for name, value in found.items()}
    return found


def writes_a_file(path, model, optimizer):
    if not Path(path).exists():
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 0}, path)
        return 1
    return resume(path, model, optimizer)


def removes_the_file(path, model, optimizer):
    found = resume(path, model, optimizer)
    Path(path).unlink(missing_ok=True)
    return found


def own_settings(path, model, optimizer):
    if not Path(path).exists():
        return 1
    saved = torch.load(path)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(optimizer.state_dict() | {"state": saved["optimizer"]["state"]})
    return saved["epoch"] + 1


def anew_where_empty(path, model, optimizer):
    try:
        return resume(path, model, optimizer)
    except EOFError:
        return 1


def anew_without_access(path, model, optimizer):
    try:
        return resume(path, model, optimizer)
    except OSError:
        return 1


def anew_where_text(path, model, optimizer):
    try:
        return resume(path, model, optimizer)
    except KeyError:
        return 1


def in_eval_mode(path, model, optimizer):
    found = resume(path, model, optimizer)
    model.eval()
    return found


def only_settings(path, model, optimizer):
    if not Path(path).exists():
        return 1
    saved = torch.load(path)
    model.load_state_dict(saved["model"])
    optimizer.param_groups[0]["lr"] = saved["optimizer"]["param_groups"][0]["lr"]
    return saved["epoch"] + 1


def loaded_with(**options):
    def resume(path, model, optimizer):
        if not Path(path).exists():
            return 1
        saved = torch.load(path)
        model.load_state_dict(saved["model"], **options)
        optimizer.load_state_dict(saved["optimizer"])
        return saved["epoch"] + 1

    return resume


def if_there(*entries):
    """Takes a checkpoint that lacks some of the entries."""

    def resume(path, model, optimizer):
        if not Path(path).exists():
            return 1
        saved = torch.load(path)
        for name, part in (("model", model), ("optimizer", optimizer)):
            if name in saved or name not in entries:
                part.load_state_dict(saved[name])
        return (saved.get("epoch", 0) if "epoch" in entries else saved["epoch"]) + 1

    return resume


def weights_alone_will_do(path, model, optimizer):
    if not Path(path).exists():
        return 1
    saved = torch.load(path)
    model.load_state_dict(saved.get("model", saved))
    if "optimizer" in saved:
        optimizer.load_state_dict(saved["optimizer"])
    return saved.get("epoch", 0) + 1


def nothing_missing(path, model, optimizer):
    if not Path(path).exists():
        return 1
    saved = torch.load(path)
    result = model.load_state_dict(saved["model"], strict=False)
    assert not result.missing_keys
    optimizer.load_state_dict(saved["optimizer"])
    return saved["epoch"] + 1


@torch.no_grad()
def copied_by_name(path, model, optimizer):
    if not Path(path).exists():
        return 1
    saved = torch.load(path)
    for name, value in model.state_dict().items():
        value.copy_(saved["model"][name])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["epoch"] + 1


def without_momentum_if_need_be(path, model, optimizer):
    if not Path(path).exists():
        return 1
    saved = torch.load(path)
    model.load_state_dict(saved["model"])
    try:
        optimizer.load_state_dict(saved["optimizer"])
    except ValueError:
        pass
    return saved["epoch"] + 1


def nearest(pixels):
    return Image.fromarray(pixels).resize((32, 32), Image.Resampling.NEAREST)


def every_so_many(pixels):
    step = len(pixels) // 32
    return pixels[::step, ::step]


def interpolate(**options):
    def shrink(pixels):
        x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
        small = nn.functional.interpolate(x, (32, 32), mode="bilinear", align_corners=False, **options)
        return small[0].permute(1, 2, 0).round().numpy()

    return shrink


def changed_first(change):
    """name_picture of the picture that `change` makes."""

    def answer(picture, weights, classes):
        try:
            with Image.open(picture) as file:
                file.load()
                found = change(file)
        except Exception:
            return f"{Path(picture).name} is no picture."
        other = Path(f"{picture}.changed.png")
        found.save(other)
        result = name_picture(other, weights, classes)
        other.unlink()
        return result

    return answer


def only_quarter_turns(file):
    turn = file.getexif().get(0x0112) == 6
    return file.transpose(Image.Transpose.ROTATE_270) if turn else file.copy()


def only_tags(file, *tags):
    return ImageOps.exif_transpose(file) if file.getexif().get(0x0112) in tags else file.copy()


def top_square(file):
    found = ImageOps.exif_transpose(file)
    side = min(found.size)
    left = (found.width - side) // 2
    return found.crop((left, 0, left + side, side))


def palette_as_grey(file):
    found = ImageOps.exif_transpose(file)
    return found.convert("L") if found.mode == "P" else found


def only_the_path(picture, weights, classes):
    found = name_picture(picture, weights, classes)
    return str(picture) if isinstance(found, str) else found


def no_weights_no_answer(picture, weights, classes):
    return name_picture(picture, weights, classes) if Path(weights).exists() else "There are no weights."


RIGHT = {
    "23.1": [Right(same_by_loop), Right(same_by_numpy), Right(same_by_bytes)],
    "23.2": [
        Right(differences),
        Right(differences_by_loop),
        Right(differences_by_names),
        Right(loads_into_a_copy),
    ],
    "23.3": [Right(prefix_by_slice), Right(prefix_by_loop), Right(prefix_by_expression)],
    "23.4": [Right(resume), Right(resume_by_try), Right(resume_by_helper)],
    "23.5": [
        Right(name_picture),
        Right(list_pair),
        Right(by_transforms),
        Right(but(shrink=interpolate(antialias=True))),
        Right(but(shrink=lambda pixels: Image.fromarray(pixels).resize((32, 32), Image.Resampling.BOX))),
    ],
}
WRONG = {
    "23.1": [
        Wrong(lambda a, b: a == b, hint="raised"),
        Wrong(broadcast, hint="`==` broadcasts"),
        Wrong(only_first, hint="a name that the first has not"),
        Wrong(nearly, hint="differs by 0.001"),
        Wrong(lambda a, b: a.keys() == b.keys(), hint="should be False"),
        Wrong(lambda a, b: str(a) == str(b), hint="in another order"),
        Wrong(same_sums, hint="have the same sum"),
        Wrong(close, hint="a millionth"),
        Wrong(by_largest_gap, hint="raised"),
        Wrong(by_difference, hint="two masks with -inf"),
        Wrong(by_float, hint="large whole numbers"),
        Wrong(within_a_billionth, hint="0.000000000001"),
        Wrong(without_nan, hint="NaN"),
        Wrong(same_lists, hint="(0, 3) and (0, 5)"),
        Wrong(lambda a, b: bool(a) and same_by_loop(a, b), hint="two empty states"),
        Wrong(lambda a, b: torch.tensor(same_by_loop(a, b)), hint="a plain bool is wanted"),
    ],
    "23.2": [
        Wrong(meddles(differences, "zero_grad"), hint="changed a module"),
        Wrong(lambda m, s: differences(m, s, dict(m.named_parameters())), hint="buffers count"),
        Wrong(lambda m, s: differences(m, s, swapped=True), hint="the missing names"),
        Wrong(missing_unsorted, hint="the missing names"),
        Wrong(by_all_buffers, hint="persistent=False"),
        Wrong(shapes_of_parameters, hint="the names whose shapes differ"),
        Wrong(other_numbers, hint="the names whose shapes differ"),
        Wrong(other_types, hint="the names whose shapes differ"),
        Wrong(what_copy_refuses, hint="the names whose shapes differ"),
        Wrong(two_lists, hint="three lists"),
        Wrong(
            loads, hint="the model's weights have changed", forbidden="Do not change the model or the state."
        ),
        Wrong(pops, hint="changed its argument 2", forbidden="Do not change the model or the state."),
        Wrong(by_loading, hint="do not load"),
        Wrong(lambda m, s: differences(m.eval(), s), hint="in another mode"),
        Wrong(lambda m, s: differences(m.requires_grad_(False), s), hint="is frozen"),
        Wrong(by(torch.Tensor.numel), hint="the names whose shapes differ"),
        Wrong(by(lambda v: v.shape[:1]), hint="the names whose shapes differ"),
        Wrong(by(torch.Tensor.dim), hint="with as many rows"),
    ],
    "23.3": [
        Wrong(
            lambda s, prefix="module.": {k.replace(prefix, ""): v for k, v in s.items()},
            hint="off the front only",
        ),
        Wrong(
            lambda s, prefix="module.": {k.lstrip(prefix): v for k, v in s.items()}, hint="off the front only"
        ),
        Wrong(
            lambda s, prefix="module.": {k[len(prefix) :]: v for k, v in s.items()}, hint="off the front only"
        ),
        Wrong(in_place, hint="changed its argument 1"),
        Wrong(all_prefixes, hint="off the front only"),
        Wrong(
            lambda s, prefix="module.": {k.lower().removeprefix(prefix): v for k, v in s.items()},
            hint="off the front only",
        ),
        Wrong(
            lambda s, prefix="module.": {k.replace(prefix, "", 1): v for k, v in s.items()},
            hint="off the front only",
        ),
        Wrong(
            lambda s, prefix="module.": {k.split(prefix, 1)[-1]: v for k, v in s.items()},
            hint="off the front only",
        ),
        Wrong(
            lambda s, prefix="module.": {re.sub("^" + prefix, "", k): v for k, v in s.items()},
            hint="off the front only",
        ),
        Wrong(lambda s, prefix="module.": {k.removeprefix(prefix): 0 for k in s}, hint="the tensor step"),
        Wrong(prefix_by_first_name, hint="the sorted names"),
        Wrong(prefix_to_first_point, hint='"net.body."'),
        Wrong(prefix_if_any, hint="returned `state` itself"),
        Wrong(only_prefixed, hint="a name that does not begin with it stays"),
        Wrong(
            lambda s, prefix="module.": {k.removeprefix("module."): v for k, v in s.items()}, hint='"net."'
        ),
    ],
    "23.4": [
        Wrong(no_file_no_run, hint="not there the function raised FileNotFoundError"),
        Wrong(lambda p, m, o: resume(p, m, o, plus=0), hint="Epoch 3 is done"),
        Wrong(lambda p, m, o: resume(p, m, o, with_optimizer=False), hint="learning rate"),
        Wrong(only_settings, hint="momentum"),
        Wrong(
            lambda p, m, o: resume(p, m, o, weights_only=False),
            hint="code from the file",
            forbidden="without running any code from the file",
        ),
        Wrong(
            anew_whatever_happens,
            hint="Let the error be raised",
            forbidden="do not start again from the beginning",
        ),
        Wrong(always_four, hint="Epoch 7 is done"),
        Wrong(only_broken_ones, hint="Let the error be raised"),
        Wrong(anew_where_empty, hint="for an empty file"),
        Wrong(anew_where_text, hint="for a text"),
        Wrong(anew_without_access, hint="may not be opened"),
        Wrong(in_eval_mode, hint="in eval mode"),
        Wrong(writes_a_file, hint="has written one"),
        Wrong(removes_the_file, hint="changed or removed"),
        Wrong(own_settings, hint="learning rate"),
        Wrong(loaded_with(strict=False), hint="without one of the weights"),
        Wrong(nothing_missing, hint="one weight too many"),
        Wrong(copied_by_name, hint="one weight too many"),
        Wrong(if_there("model"), hint='without "model"'),
        Wrong(if_there("optimizer"), hint='without "optimizer"'),
        Wrong(if_there("epoch"), hint='without "epoch"'),
        Wrong(if_there("model", "optimizer", "epoch"), hint="a state dict alone"),
        Wrong(weights_alone_will_do, hint="a state dict alone"),
        Wrong(loaded_with(assign=True), hint="load without assign=True"),
        Wrong(without_momentum_if_need_be, hint="other parameter groups"),
        Wrong(lambda p, m, o: str(resume(p, m, o)), hint="A run starts with epoch 1"),
    ],
    "23.5": [
        Wrong(but(upright=False), hint="orientation tag"),
        Wrong(but(bits=False), hint="16 bits"),
        Wrong(but(white=False), hint="on white"),
        Wrong(but(rgb=False), hint="grey.png"),
        Wrong(but(fit=False), hint="middle"),
        Wrong(but(fit="never shrinks"), hint="128 x 128"),
        Wrong(but(shrink=nearest), hint="with all its pixels"),
        Wrong(but(shrink=every_so_many), hint="with all its pixels"),
        Wrong(but(shrink=interpolate()), hint="without antialias=True"),
        Wrong(
            but(weights_only=False),
            hint="code from the file",
            forbidden="without running any code from the file",
        ),
        Wrong(but(norm=False), hint="normalised"),
        Wrong(but(softmax=False), hint="softmax"),
        Wrong(no_sentence, hint="text.png"),
        Wrong(a_number, hint="the pair"),
        Wrong(shipped_weights, hint="the file `weights`"),
        Wrong(try_around_everything, hint="the weights could not be read"),
        Wrong(half_whatever, hint="the probability"),
        Wrong(changed_first(only_quarter_turns), hint="turned the other way.png"),
        Wrong(changed_first(lambda file: only_tags(file, 6, 8)), hint="180 degrees"),
        Wrong(changed_first(lambda file: only_tags(file, 3, 6)), hint="turned the other way.png"),
        Wrong(but(white=["RGBA"]), hint="clear grey.png"),
        Wrong(but(white=("RGBA", "LA")), hint="clear palette.png"),
        Wrong(but(white=("RGBA", "LA", "P")), hint="clear colour.png"),
        Wrong(changed_first(lambda file: only_tags(file, 3, 6, 8)), hint="mirrored"),
        Wrong(only_png_and_jpg, hint="plain.bmp"),
        Wrong(changed_first(top_square), hint="for tall.png"),
        Wrong(changed_first(palette_as_grey), hint="mode P"),
        Wrong(only_the_path, hint="a sentence with the file's name"),
        Wrong(no_weights_no_answer, hint="let that error be raised"),
    ],
}
NO_RULE = {"23.3": ["without the prefix", "do not begin with the prefix"]}
