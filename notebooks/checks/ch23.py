"""Checkers of chapter 23, save and load."""

import copy
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image
from torch import nn

from helpers import CIFAR10_MEAN, CIFAR10_STD, cifar10_quick

from . import NotYet, _, call, describe, exercise, expect, keep, require, sentence


@exercise("23.1")
def same_state(answer):
    weight, bias = torch.randn(2, 3), torch.randn(3)
    one = {"weight": weight, "bias": bias}
    shifted = bias + torch.tensor([1e-4, -1e-4, 0])
    cases = [
        (copy.deepcopy(one), True, _("two copies of one state")),
        (dict(reversed(one.items())), True, _("the same entries in another order")),
        (one | {"bias": bias + torch.tensor([0, 1e-3, 0])}, False, _("a bias that differs by 0.001")),
        (one | {"bias": shifted}, False, _("numbers that differ by 0.0001 and have the same sum")),
        (one | {"bias": bias * (1 + 1e-6)}, False, _("numbers that differ by a millionth")),
        (one | {"weight": weight.flip(1)}, False, _("the same numbers in another order within a tensor")),
        (one | {"weight": weight.reshape(3, 2)}, False, _("the same numbers in another shape")),
        (one | {"extra": torch.zeros(1)}, False, _("a name that the first has not")),
        ({"weight": weight}, False, _("a name that the second has not")),
        (one | {"bias": torch.zeros(2, 2)}, False, _("a bias of another shape")),
        ({"weight": weight, "beta": bias}, False, _("the same tensors, one by another name")),
        ({"weight": weight, "bias": weight, "x": bias}, False, _("three names for two")),
        (one | {"weight": weight[:1]}, False, _("a weight with one row of two")),
    ]
    pairs = [
        ({}, {}, True, _("two empty states")),
        ({"none": torch.zeros(0, 3)}, {"none": torch.zeros(0, 3)}, True, _("two tensors without numbers")),
        (
            {"none": torch.zeros(0, 3)},
            {"none": torch.zeros(0, 5)},
            False,
            _("two tensors without numbers, of shapes (0, 3) and (0, 5)"),
        ),
        ({"b": torch.zeros(2)}, {"b": torch.full((2,), 1e-12)}, False, _("0 and 0.000000000001")),
        ({"n": torch.tensor(2**24)}, {"n": torch.tensor(2**24 + 1)}, False, _("two large whole numbers")),
        ({"b": torch.zeros(2)}, {"b": torch.full((2,), torch.nan)}, False, _("0 and NaN")),
        (
            {"mask": torch.tensor([-torch.inf, 0])},
            {"mask": torch.tensor([-torch.inf, 0])},
            True,
            _("two masks with -inf"),
        ),
    ]
    ones = one | {"weight": torch.ones(2, 2)}
    found = call(answer, ones, one | {"weight": torch.ones(2, 1)}, name="same_state")
    expect(found, False, _("for weights (2, 2) and (2, 1), all ones, same_state"), _("`==` broadcasts."))
    for other, expected, what in cases:
        found = call(answer, one, other, name="same_state")
        expect(found, expected, _("for {what}, same_state", what=what))
    for first, second, expected, what in pairs:
        found = call(answer, first, second, name="same_state")
        expect(found, expected, _("for {what}, same_state", what=what))
    return _("torch.equal compares the shape first, and returns a plain bool.")


def with_buffers() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def unchanged(model: nn.Module, before: dict) -> bool:
    return all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@exercise("23.2")
def differences(answer):
    model = with_buffers()
    model.register_buffer("table", torch.zeros(2), persistent=False)
    model.register_buffer("scale", torch.ones(2))  # the first in the model's order, the last when sorted
    nn.init.ones_(model[1].bias)  # so that zeros which were loaded show
    before = copy.deepcopy(model.state_dict())
    state = copy.deepcopy(before)
    del state["1.running_mean"], state["0.bias"], state["scale"]
    state |= {"9.weight": torch.zeros(2), "3.bias": torch.zeros(2)}
    # As many numbers, as many rows, neither, and a shape that broadcasts.
    state |= {"2.weight": torch.zeros(4, 2), "0.weight": torch.zeros(4, 5), "2.bias": torch.zeros(1)}
    state |= {"1.weight": torch.ones(4, 1), "1.running_var": torch.zeros(5)}
    # Other numbers in the same shape, and of another type: nothing to report.
    state["1.bias"] = torch.zeros(4, dtype=torch.float64)
    untouched = keep(model, name="differences")
    try:
        found = call(answer, model, state, name="differences")
    except NotYet as error:
        if "Error(s) in loading state_dict" not in str(error):
            raise
        raise NotYet(
            _("load_state_dict raised its error: do not load, compare the names and the shapes.")
        ) from None
    require(
        isinstance(found, tuple | list) and len(found) == 3,
        _("differences returned {found}; three lists are wanted.", found=describe(found)),
    )
    require(
        unchanged(model, before),
        _("the model's weights have changed; only look at names and shapes."),
    )
    require(
        all(layer.training for layer in model.modules()) and all(p.requires_grad for p in model.parameters()),
        _("the model is frozen, or in another mode; only look at names and shapes."),
    )
    untouched()
    buffers = isinstance(found[0], tuple | list) and "0.bias" in found[0] and "1.running_mean" not in found[0]
    require(
        not buffers, _("1.running_mean is missing in the state, but not in your list: buffers count, too.")
    )
    expected = [
        (
            ["0.bias", "1.running_mean", "scale"],
            _("the missing names (the model has them, the state has not)"),
        ),
        (["3.bias", "9.weight"], _("the unexpected names (the state has them, the model has not)")),
        (
            ["0.weight", "1.running_var", "1.weight", "2.bias", "2.weight"],
            _("the names whose shapes differ"),
        ),
    ]
    require(
        not isinstance(found[0], tuple | list) or "table" not in found[0],
        _("`table` is a buffer with persistent=False, which no state dict holds; ask model.state_dict()."),
    )
    why = _(
        "(4, 2) and (2, 4) are different shapes with as many numbers, (4, 3) and (4, 5) with as many rows."
    )
    for i, (part, (wanted, what)) in enumerate(zip(found, expected, strict=True)):
        expect(part, wanted, what, why if i == 2 else "")
    found = call(answer, model, model.state_dict(), name="differences")
    expect(found, [[], [], []], _("for the model's own state, the three lists"))
    return _("load_state_dict reports the same three, as text in an error; a program can use yours.")


@exercise("23.3")
def without_prefix(answer):
    names = {
        "step": "step",
        "module.0.weight": "0.weight",
        "module.decoder.module.bias": "decoder.module.bias",
        "encoder.module.bias": "encoder.module.bias",
        "modulex.weight": "modulex.weight",
        "module.module.Head.bias": "module.Head.bias",
    }
    state = {name: torch.randn(2) for name in names}
    found = call(answer, state, name="without_prefix")
    require(
        isinstance(found, dict),
        _("without_prefix returned {found}; a dict is wanted.", found=describe(found)),
    )
    expect(
        sorted(map(str, found)),
        sorted(names.values()),
        _("the sorted names from {names}", names=list(names)),
        _("Take `module.` off the front only; a name that does not begin with it stays."),
    )
    for old, new in names.items():
        expect(
            found[new], state[old], _("the tensor {name}", name=new), _("Each name should keep its tensor.")
        )
    for state, prefix, wanted in [
        ({"module.bias": 1, "net.dom.weight": 2}, "net.", {"module.bias": 1, "dom.weight": 2}),
        ({"net.bias": 1, "net.body.weight": 2}, "net.body.", {"net.bias": 1, "weight": 2}),
    ]:
        found = call(answer, state, prefix, name="without_prefix")
        expect(found, wanted, _('without_prefix({state}, "{prefix}")', state=state, prefix=prefix))
    state = {"0.weight": 1, "step": 2}
    found = call(answer, state, name="without_prefix", changes=True)  # itself, not a copy
    require(
        found is not state,
        _("where no name has the prefix, without_prefix returned `state` itself; return a new dict."),
    )
    expect(found, {"0.weight": 1, "step": 2}, _("where no name has the prefix, the new dict"))
    return _(
        "str.removeprefix; nn.modules.utils has consume_prefix_in_state_dict_if_present, which changes in place."
    )


@contextmanager
def no_access(path: Path) -> Iterator[None]:
    """Let the file be one that may not be opened."""
    opened = open

    def refuse(file, *args, **kwargs):
        if str(file) == str(path):
            raise PermissionError(13, "Permission denied", str(file))
        return opened(file, *args, **kwargs)

    with mock.patch("builtins.open", refuse), mock.patch("io.open", refuse):
        yield


def attempt(answer, what, folder: str, *args: Any):
    """answer(*args); a hint names `what`, not the folder, which is another one each time."""
    try:
        result = answer(*args)
    except Exception as error:
        raised = sentence(error).replace(folder, "…")
        raise NotYet(_("for {what} the function raised {error}.", what=what, error=raised)) from None
    return result


@exercise("23.4")
def resume(answer):
    x, y = torch.randn(8, 3), torch.randint(0, 2, (8,))
    require(callable(answer), _("the answer should be a function, but is {found}.", found=describe(answer)))

    def run(model, optimizer, count):
        for _step in range(count):
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
        found = attempt(answer, _("a file that is not there"), folder, path, model, optimizer)
        expect(found, 1, _("for a file that is not there, resume"), _("A run starts with epoch 1."))
        require(unchanged(model, before), _("there was no file, but the weights have changed."))
        require(not path.exists(), _("there was no file, and resume has written one; only read."))

        for done in (3, 7):
            whole, own = start()
            run(whole, own, 3)
            own.param_groups[0]["lr"] = 0.01 * done  # as a scheduler leaves it
            torch.save({"model": whole.state_dict(), "optimizer": own.state_dict(), "epoch": done}, path)
            stored = path.read_bytes()
            model, optimizer = start()
            found = attempt(answer, _("a good checkpoint"), folder, path, model, optimizer)
            expect(
                found,
                done + 1,
                _("with epoch {done} done, resume", done=done),
                _("Epoch {done} is done, the next one is wanted.", done=done),
            )
            require(
                path.exists() and path.read_bytes() == stored,
                _("the file has been changed or removed; only read it."),
            )
            expect(
                optimizer.param_groups[0]["lr"],
                0.01 * done,
                _("the optimizer's learning rate, which is in the file,"),
            )
            for name, value in model.state_dict().items():
                require(
                    torch.equal(value, whole.state_dict()[name]),
                    _("{name} is not the one in the file.", name=name),
                )
            require(
                all(layer.training for layer in model.modules()),
                _("the model is in eval mode; the run goes on in train mode."),
            )
            known = {id(p) for group in optimizer.param_groups for p in group["params"]}
            require(
                all(id(p) in known for p in model.parameters()),
                _(
                    "the model has new parameters, which the optimizer does not move: load without assign=True."
                ),
            )
            run(whole, own, 1)
            run(model, optimizer, 1)
            require(
                torch.allclose(model[0].weight, whole[0].weight, atol=1e-6),
                _(
                    "the weights are loaded, but the next step leads elsewhere: the optimizer's momentum is not."
                ),
            )

        good = {"model": whole.state_dict(), "optimizer": own.state_dict(), "epoch": 3}
        runs_no_code(path, good | {"model": Calls()}, answer, path, *start())

        other = nn.Linear(2, 2)
        momentum = torch.optim.SGD(other.parameters(), lr=0.1).state_dict()
        less = {name: value for name, value in good["model"].items() if name != "0.bias"}
        groups = torch.optim.SGD([{"params": p} for p in whole.parameters()], lr=0.1).state_dict()
        for content, what in (
            (stored, _("a file that may not be opened")),
            (b"<html>404: not found", _("a file that is no checkpoint")),
            (b"", _("an empty file")),
            (b"hello, this is a text", _("a text")),
            (stored[:-200], _("a checkpoint that was cut off")),
            (
                {"model": other.state_dict(), "optimizer": momentum, "epoch": 3},
                _("a checkpoint of another network"),
            ),
            (good | {"model": less}, _("a checkpoint without one of the weights")),
            (
                good | {"model": good["model"] | {"9.weight": torch.zeros(2)}},
                _("a checkpoint with one weight too many"),
            ),
            (good | {"optimizer": groups}, _("a checkpoint of an optimizer with other parameter groups")),
            (good["model"], _("a state dict alone")),
            *(
                (
                    {key: good[key] for key in good if key != name},
                    _('a checkpoint without "{name}"', name=name),
                )
                for name in good
            ),
        ):
            if isinstance(content, dict):
                torch.save(content, path)
            else:
                path.write_bytes(content)
            try:
                with no_access(path) if content is stored else nullcontext():
                    found = answer(path, *start())
            except Exception:  # any error will do
                continue
            if content is stored and found == done + 1:  # read all the same
                continue
            raise NotYet(
                _(
                    "for {what}, resume returned {found}: the run would begin anew or go on with wrong numbers, and "
                    "write over what is left of the old one. Let the error be raised.",
                    what=what,
                    found=describe(found),
                )
            )
    return _("Call it at the start of every run, whether there is a file or not.")


class Calls:
    """Its pickle calls a function when it is loaded."""

    made: list = []

    def __reduce__(self):
        return note_call, ()


def note_call():
    Calls.made.append(1)
    return {}


def runs_no_code(path: Path, content: Any, answer, *args: Any) -> None:
    """Write `content`, which holds a Calls, to the file; raises NotYet if answer(*args) runs its code."""
    Calls.made.clear()
    torch.save(content, path)
    try:
        answer(*args)
    except Exception:  # a refusal is right, and so is an error about what is no state dict
        pass
    require(not Calls.made, _("code from the file was run: load with weights_only=True."))


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
    tall = wide.transpose(Image.Transpose.TRANSPOSE)
    half_turn = Image.Exif()
    half_turn[0x0112] = 3
    other_side = Image.Exif()
    other_side[0x0112] = 8
    mirrored = Image.Exif()
    mirrored[0x0112] = 2
    palette = picture.quantize(64)
    marked = pixels // 2 + 40
    marked[8:24, 8:24] = 180  # the middle is another picture than the whole
    # Each pixel becomes 4 x 4 pixels of the same mean, of which the four in the middle are brighter.
    grain = np.full((4, 4, 1), -20)
    grain[1:3, 1:3] = 60
    large = (marked.repeat(4, 0).repeat(4, 1) + np.tile(grain, (32, 32, 1))).astype(np.uint8)
    holes, filled = picture.copy(), pixels.copy()
    holes.paste("black", (8, 8, 24, 24))
    filled[8:24, 8:24] = 255  # where its one transparent colour, black, is
    shades = Image.fromarray(255 - grey)
    shades.putpalette(768 * [0])  # black, as transparent as the table in its options says
    normal = _("Scaled to 0 … 1, normalised, eval mode, softmax, and the weights in the file `weights`?")
    # file, picture, what is seen, how much the probability may be off, the hint, options of save()
    cases = [
        ("plain.png", picture, pixels, 1e-3, normal, {}),
        ("plain.bmp", picture, pixels, 1e-3, normal, {}),
        (
            "grey.png",
            Image.fromarray(grey),
            white,
            1e-3,
            _("A grey picture has mode L: convert it to RGB."),
            {},
        ),
        ("clear.png", clear, white, 0.05, _("What is transparent should be seen on white."), {}),
        (
            "clear grey.png",
            clear.convert("LA"),
            white,
            0.05,
            _("What is transparent should be seen on white, in each mode that has it."),
            {},
        ),
        (
            "turned.png",
            picture.transpose(Image.Transpose.ROTATE_90),
            pixels,
            1e-3,
            _("Its orientation tag says that it must be turned."),
            {"exif": turned},
        ),
        (
            "turned the other way.png",
            picture.transpose(Image.Transpose.ROTATE_270),
            pixels,
            1e-3,
            _("Its orientation tag says that it must be turned."),
            {"exif": other_side},
        ),
        (
            "upside down.png",
            picture.transpose(Image.Transpose.ROTATE_180),
            pixels,
            1e-3,
            _("Its orientation tag says that it must be turned by 180 degrees."),
            {"exif": half_turn},
        ),
        (
            "palette.png",
            palette,
            np.asarray(palette.convert("RGB")),
            1e-3,
            _("It has a palette, mode P: convert it to RGB."),
            {},
        ),
        (
            "clear palette.png",
            shades,
            white,
            0.05,
            _("What is transparent should be seen on white, in each mode that has it."),
            {"transparency": bytes(range(256))},
        ),
        (
            "clear colour.png",
            holes,
            filled,
            1e-3,
            _("What is transparent should be seen on white, in each mode that has it."),
            {"transparency": (0, 0, 0)},
        ),
        (
            "mirrored.png",
            picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
            pixels,
            1e-3,
            _("Its orientation tag says that it is mirrored."),
            {"exif": mirrored},
        ),
        (
            "16bit.png",
            Image.fromarray(grey.astype(np.uint16) * 257),
            white,
            0.01,
            _("It has 16 bits a pixel."),
            {},
        ),
        ("wide.png", wide, pixels, 1e-3, _("Cut the square out of the middle."), {}),
        ("tall.png", tall, pixels.transpose(1, 0, 2), 1e-3, _("Cut the square out of the middle."), {}),
        (
            "large.png",
            Image.fromarray(large),
            marked,
            0.05,
            _(
                "It is 128 x 128: shrink it with all its pixels, as BICUBIC of PIL does; NEAREST leaves most of them "
                "out, and so does F.interpolate without antialias=True."
            ),
            {},
        ),
    ]
    require(callable(answer), _("the answer should be a function, but is {found}.", found=describe(answer)))
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.pt"
        torch.save(model.state_dict(), weights)
        for file, stored, seen, tolerance, why, options in cases:
            stored.save(Path(folder) / file, **options)
            found = attempt(answer, file, folder, Path(folder) / file, weights, classes)
            require(
                isinstance(found, tuple | list) and len(found) == 2,
                _(
                    "for {file}, name_picture returned {found}; the pair (name, probability) is wanted.",
                    file=file,
                    found=describe(found),
                ),
            )
            with torch.inference_mode():
                probability, number = model(prepared(seen)).softmax(dim=1)[0].max(dim=0)
            what = _("for {file}, the probability", file=file)
            expect(found[1], probability.item(), what, why, rtol=0, atol=tolerance)
            expect(found[0], classes[number], _("for {file}, the name", file=file), why)

        for file, content in [
            ("text.png", b"no picture"),
            ("cut.png", (Path(folder) / "large.png").read_bytes()[:90]),
            ("nowhere.png", None),
        ]:
            if content is not None:
                (Path(folder) / file).write_bytes(content)
            found = attempt(answer, file, folder, Path(folder) / file, weights, classes)
            require(
                isinstance(found, str)
                and file in found
                and found.strip() not in (file, str(Path(folder) / file)),
                _(
                    "for {file}, which is no picture, name_picture returned {found}; a sentence with the file's name "
                    "is wanted.",
                    file=file,
                    found=describe(found),
                ),
            )
        runs_no_code(weights, Calls(), answer, Path(folder) / "plain.png", weights, classes)
        for content in (b"<html>404", None):
            weights.write_bytes(content) if content else weights.unlink()
            try:
                found = answer(Path(folder) / "plain.png", weights, classes)
            except Exception:  # any error will do
                continue
            raise NotYet(
                _(
                    "the weights could not be read, and name_picture returned {found}: let that error be raised, the "
                    "picture is good.",
                    found=describe(found),
                )
            )
    return _("A slip in most of these steps still gives an answer, and often a worse one.")
