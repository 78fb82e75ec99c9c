"""Checkers of chapter 23, save and load."""

import copy
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from helpers import CIFAR10_MEAN, CIFAR10_STD, cifar10_quick

from . import NotYet, call, describe, exercise, expect, require


@exercise("23.1")
def same_state(answer):
    one = {"weight": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "bias": torch.tensor([0.0, 1.0])}
    cases = [
        (copy.deepcopy(one), True, "two copies of one state"),
        (dict(reversed(one.items())), True, "the same entries in another order"),
        (one | {"bias": torch.tensor([0.0, 1.001])}, False, "a bias that differs by 0.001"),
        (one | {"extra": torch.zeros(1)}, False, "a name that the first has not"),
        ({"weight": one["weight"]}, False, "a name that the second has not"),
        (one | {"bias": torch.zeros(2, 2)}, False, "a bias of another shape"),
        ({"weight": one["weight"], "beta": one["bias"]}, False, "the same tensors, one by another name"),
        (one | {"weight": torch.tensor([[1.0, 2.0]])}, False, "a weight with one row of two"),
    ]
    for other, expected, what in cases:
        expect(
            call(answer, copy.deepcopy(one), other, name="same_state"), expected, f"for {what}, same_state"
        )
    equal = one | {"weight": torch.ones(2, 2)}
    found = call(answer, equal, one | {"weight": torch.ones(2, 1)}, name="same_state")
    expect(found, False, "for weights (2, 2) and (2, 1), all ones, same_state", "`==` broadcasts.")
    return "torch.equal asks for the same shape first, and returns a plain bool."


def with_buffers() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


@exercise("23.2")
def differences(answer):
    model = with_buffers()
    state = copy.deepcopy(model.state_dict())
    del state["1.running_mean"], state["0.bias"]
    state |= {"9.weight": torch.zeros(2), "3.bias": torch.zeros(2), "2.weight": torch.zeros(5, 4)}
    state["2.bias"] = torch.zeros(5)
    before = copy.deepcopy(model.state_dict())
    kept = dict(state)
    try:
        found = call(answer, model, state, name="differences")
    except NotYet as hint:
        if "Error(s) in loading state_dict" not in str(hint):
            raise
        raise NotYet(
            "load_state_dict raised its error: do not load, compare the names and the shapes."
        ) from None
    require(
        isinstance(found, tuple | list) and len(found) == 3,
        f"differences returned {describe(found)}; three lists are wanted.",
    )
    require(
        all(torch.equal(value, before[name]) for name, value in model.state_dict().items()),
        "the model's weights are others after the call; only look at names and shapes.",
    )
    require(state == kept, "the state has other entries after the call; leave it as it was.")
    found = [list(part) if isinstance(part, tuple) else part for part in found]
    if isinstance(found[0], list) and "0.bias" in found[0] and "1.running_mean" not in found[0]:
        raise NotYet("1.running_mean is missing in the state, but not in your list: buffers count, too.")
    expected = [
        (["0.bias", "1.running_mean"], "the missing names (the model has them, the state has not)"),
        (["3.bias", "9.weight"], "the unexpected names (the state has them, the model has not)"),
        (["2.bias", "2.weight"], "the names whose shapes differ"),
    ]
    for part, (wanted, what) in zip(found, expected, strict=True):
        expect(part, wanted, what)
    found = call(answer, model, model.state_dict(), name="differences")
    expect(list(found), [[], [], []], "for the model's own state, the three lists")
    return "load_state_dict reports the same three, as text in an error; now you can act on them."


@exercise("23.3")
def without_prefix(answer):
    state = {
        "module.0.weight": torch.zeros(2),
        "module.decoder.module.bias": torch.ones(1),
        "step": torch.tensor(3),
    }
    kept = dict(state)
    found = call(answer, state, name="without_prefix")
    require(isinstance(found, dict), f"without_prefix returned {describe(found)}; a dict is wanted.")
    expect(list(state), list(kept), "the names in `state` itself after the call", "Return a new dict.")
    wanted = dict(zip(["0.weight", "decoder.module.bias", "step"], kept.values(), strict=True))
    expect(
        sorted(map(str, found)),
        sorted(wanted),
        f"the sorted names from {list(kept)}",
        "Take `module.` off the front only, and once; a name without it stays.",
    )
    require(
        all(
            isinstance(found[name], torch.Tensor) and torch.equal(found[name], wanted[name])
            for name in wanted
        ),
        "each name should keep its tensor.",
    )
    found = call(answer, {"net.dom.weight": 1, "module.bias": 2}, "net.", name="without_prefix")
    expect(
        found,
        {"dom.weight": 1, "module.bias": 2},
        'without_prefix({"net.dom.weight": …, "module.bias": …}, "net.")',
    )
    return "str.removeprefix; nn.modules.utils has consume_prefix_in_state_dict_if_present, which changes in place."


@exercise("23.4")
def resume(answer):
    x, y = torch.randn(8, 3), torch.randint(0, 2, (8,))

    def run(model, optimizer, count):
        for _ in range(count):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()

    def start():
        model = with_buffers()
        return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.pt"
        model, optimizer = start()
        before = copy.deepcopy(model.state_dict())
        try:
            found = call(answer, path, model, optimizer, name="resume")
        except NotYet as hint:
            cause = str(hint).rpartition(" raised ")[2].replace(str(path.parent), "…")
            raise NotYet(f"for a file that is not there, resume raised {cause}") from None
        expect(found, 1, "for a file that is not there, resume", "A run starts with epoch 1.")
        require(
            all(torch.equal(value, before[name]) for name, value in model.state_dict().items()),
            "there was no file, but the weights have changed.",
        )

        whole, own = start()
        run(whole, own, 3)
        torch.save({"model": whole.state_dict(), "optimizer": own.state_dict(), "epoch": 3}, path)
        found = call(answer, path, model, optimizer, name="resume")
        expect(found, 4, "with epoch 3 done, resume", "Epoch 3 is done, the next one is wanted.")
        for name, value in model.state_dict().items():
            require(torch.equal(value, whole.state_dict()[name]), f"{name} is not the one in the file.")
        run(whole, own, 1)
        run(model, optimizer, 1)
        require(
            torch.allclose(model[0].weight, whole[0].weight, atol=1e-6),
            "the weights are loaded, but the next step leads elsewhere: the optimizer's momentum is not.",
        )

        calls = []
        torch.save({"model": Calls(), "optimizer": own.state_dict(), "epoch": 3}, path)
        Calls.made = calls
        try:
            answer(path, *start())
        except Exception:  # a refusal is right, and so is an error about what is no state dict
            pass
        require(not calls, "code from the file was run: load with weights_only=True.")

        path.write_bytes(b"<html>404: not found")
        try:
            found = answer(path, *start())
        except Exception:  # any error will do
            found = None
        require(
            found is None,
            f"for a file that is no checkpoint, resume returned {describe(found)}: the run would begin anew, and "
            "write over what is left of the old one. Let the error pass.",
        )
    return "Four lines that save a night: call it at the start of every run, whether there is a file or not."


class Calls:
    """Its pickle calls a function when it is loaded."""

    made: list = []

    def __reduce__(self):
        return note_call, ()


def note_call():
    Calls.made.append(1)
    return {}


def prepared(pixels: np.ndarray) -> torch.Tensor:
    """uint8 (32, 32, 3) to the network's input (1, 3, 32, 32)."""
    x = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
    return (
        (x - torch.tensor(CIFAR10_MEAN).view(3, 1, 1)) / torch.tensor(CIFAR10_STD).view(3, 1, 1)
    ).unsqueeze(0)


@exercise("23.5")
def name_picture(answer):
    classes = [f"class {letter}" for letter in "abcdefghij"]
    torch.manual_seed(5)
    model = cifar10_quick(nn.ReLU)
    with torch.no_grad():
        model[-1].weight.mul_(60)  # so that the probabilities tell pictures apart
    torch.manual_seed(6)
    coarse = torch.rand(1, 3, 4, 4)
    smooth = nn.functional.interpolate(coarse, 32, mode="bicubic", align_corners=False).clamp(0, 1)
    pixels = (255 * smooth[0]).permute(1, 2, 0).byte().numpy()  # (32, 32, 3)
    picture = Image.fromarray(pixels)
    grey = np.asarray(picture.convert("L"))
    turned = Image.Exif()
    turned[0x0112] = 6
    clear = Image.fromarray(np.dstack([np.zeros_like(pixels), 255 - grey]))  # black, more or less transparent
    white = np.repeat(grey[:, :, None], 3, axis=2)  # what one sees of it on white
    wide = Image.new("RGB", (64, 32), "red")
    wide.paste(picture, (16, 0))
    # file, picture, what is seen, how much the probability may be off, the hint, options of save()
    cases = [
        (
            "plain.png",
            picture,
            pixels,
            1e-3,
            "Scaled to 0 … 1, normalised, eval mode, softmax, and the weights in the file `weights`?",
            {},
        ),
        ("grey.png", Image.fromarray(grey), white, 1e-3, "A grey picture has mode L: convert it to RGB.", {}),
        ("clear.png", clear, white, 0.05, "What is transparent should be seen on white.", {}),
        (
            "turned.png",
            picture.transpose(Image.Transpose.ROTATE_90),
            pixels,
            1e-3,
            "Its orientation tag says that it must be turned.",
            {"exif": turned},
        ),
        (
            "16bit.png",
            Image.fromarray(grey.astype(np.uint16) * 257),
            white,
            1e-3,
            "It has 16 bits a pixel.",
            {},
        ),
        ("wide.png", wide, pixels, 1e-3, "Cut the square out of the middle.", {}),
        ("large.png", picture.resize((96, 96), Image.Resampling.NEAREST), pixels, 0.4, "It is 96 x 96.", {}),
    ]
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.pt"
        torch.save(model.state_dict(), weights)
        for file, stored, seen, tolerance, why, options in cases:
            stored.save(Path(folder) / file, **options)
            found = pathless(answer, Path(folder) / file, weights, classes)
            require(
                isinstance(found, tuple) and len(found) == 2,
                f"for {file}, name_picture returned {describe(found)}; the pair (name, probability) is wanted.",
            )
            with torch.inference_mode():
                probability, number = model(prepared(seen)).softmax(dim=1)[0].max(dim=0)
            name, share = found
            if tolerance < 0.1:
                expect(share, probability.item(), f"for {file}, the probability", why, rtol=0, atol=tolerance)
            else:
                require(
                    isinstance(share, float) and 0 <= share <= 1,
                    f"for {file}, the probability is {describe(share)}; a Python number from 0 to 1 is wanted.",
                )
            expect(name, classes[number], f"for {file}, the name", why)

        for file, content in [
            ("text.png", b"no picture"),
            ("cut.png", (Path(folder) / "large.png").read_bytes()[:90]),
        ]:
            (Path(folder) / file).write_bytes(content)
            found = pathless(answer, Path(folder) / file, weights, classes)
            require(
                isinstance(found, str) and file in found,
                f"for {file}, which is no picture, name_picture returned {describe(found)}; a sentence with "
                "the file's name is wanted.",
            )
        found = pathless(answer, Path(folder) / "nowhere.png", weights, classes)
        require(
            isinstance(found, str) and "nowhere.png" in found,
            f"for nowhere.png, which is not there, name_picture returned {describe(found)}; a sentence is wanted.",
        )
    return "Upright, colours, size, numbers, eval mode: a slip in any of them gives an answer too, only a worse one."


def pathless(answer, picture: Path, weights: Path, classes: list[str]):
    """call(), but a hint names the file, not its folder, which is another one each time."""
    try:
        return call(answer, picture, weights, classes, name="name_picture")
    except NotYet as hint:
        text = str(hint)
        if " raised " not in text:
            raise
        cause = text.partition(" raised ")[2].replace(str(picture.parent), "…")
        raise NotYet(f"for {picture.name}, name_picture raised {cause}") from None
