"""Wrong answers to the exercises of chapter 23."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn

from helpers import CIFAR10_MEAN, CIFAR10_STD, DATA, cifar10_quick
from wrong_answers import Wrong


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
):
    try:
        with Image.open(picture) as file:
            found = ImageOps.exif_transpose(file) if upright else file.copy()
    except Exception:
        return f"{Path(picture).name} is no picture."
    if bits and found.mode.startswith("I;16"):
        found = Image.fromarray((np.asarray(found) // 257).astype(np.uint8))
    if white and found.has_transparency_data:
        found = found.convert("RGBA")
        found = Image.alpha_composite(Image.new("RGBA", found.size, "white"), found)
    if rgb:
        found = found.convert("RGB")
    small = ImageOps.fit(found, (32, 32), Image.Resampling.BICUBIC) if fit else found.resize((32, 32))
    x = torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255
    if norm:
        x = (x - torch.tensor(CIFAR10_MEAN).view(3, 1, 1)) / torch.tensor(CIFAR10_STD).view(3, 1, 1)
    model = cifar10_quick(nn.ReLU)
    model.load_state_dict(torch.load(weights))
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


WRONG = {
    "23.1": [
        Wrong(lambda a, b: a == b, hint="raised"),
        Wrong(broadcast, hint="`==` broadcasts"),
        Wrong(only_first, hint="a name that the first has not"),
        Wrong(nearly, hint="differs by 0.001"),
        Wrong(lambda a, b: a.keys() == b.keys(), hint="should be False"),
        Wrong(lambda a, b: str(a) == str(b), hint="in another order"),
    ],
    "23.2": [
        Wrong(lambda m, s: differences(m, s, dict(m.named_parameters())), hint="buffers count"),
        Wrong(lambda m, s: differences(m, s, swapped=True), hint="the missing names"),
        Wrong(two_lists, hint="three lists"),
        Wrong(loads, hint="others after the call"),
        Wrong(by_loading, hint="do not load"),
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
        Wrong(in_place, hint="Return a new dict"),
        Wrong(only_prefixed, hint="a name without it stays"),
        Wrong(
            lambda s, prefix="module.": {k.removeprefix("module."): v for k, v in s.items()}, hint='"net."'
        ),
    ],
    "23.4": [
        Wrong(no_file_no_run, hint="not there, resume raised FileNotFoundError"),
        Wrong(lambda p, m, o: resume(p, m, o, plus=0), hint="Epoch 3 is done"),
        Wrong(lambda p, m, o: resume(p, m, o, with_optimizer=False), hint="momentum"),
        Wrong(lambda p, m, o: resume(p, m, o, weights_only=False), hint="code from the file"),
        Wrong(anew_whatever_happens, hint="Let the error pass"),
    ],
    "23.5": [
        Wrong(but(upright=False), hint="orientation tag"),
        Wrong(but(bits=False), hint="16 bits"),
        Wrong(but(white=False), hint="on white"),
        Wrong(but(rgb=False), hint="grey.png"),
        Wrong(but(fit=False), hint="middle"),
        Wrong(but(norm=False), hint="normalised"),
        Wrong(but(softmax=False), hint="softmax"),
        Wrong(no_sentence, hint="text.png"),
        Wrong(a_number, hint="the pair"),
        Wrong(shipped_weights, hint="the file `weights`"),
    ],
}
