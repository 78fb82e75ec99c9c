"""Checkers of chapter 3, transforms."""

import numpy as np
import torch
from PIL import Image
from torchvision import transforms

from . import NotYet, call, describe, exercise, expect, require


@exercise("3.1")
def by_hand(answer):
    for height, width, channels in [(2, 3, 3), (4, 2, 1), (3, 3, 4)]:
        count = height * width * channels
        brightest = 255 if channels == 3 else 200
        picture = (
            (np.arange(count) * brightest // (count - 1)).astype(np.uint8).reshape(height, width, channels)
        )
        expected = torch.tensor(picture.transpose(2, 0, 1)).float() / 255
        where = f"for an array of shape {picture.shape}, by_hand"
        found = call(answer, picture.copy(), name=where)
        if isinstance(found, torch.Tensor) and found.shape == expected.shape:
            scrambled = torch.tensor(picture).reshape(expected.shape) / 255
            if torch.allclose(found.float(), scrambled) and not torch.equal(scrambled, expected):
                raise NotYet(
                    f"{where} has the right shape but mixes up the channels: `reshape` cuts the row of numbers "
                    "anew; `transpose(2, 0, 1)` moves the axes."
                )
            if brightest < 255 and torch.allclose(found.float(), expected * 255 / brightest):
                raise NotYet(
                    f"{where} divides by the picture's own largest number, {brightest}: a dark picture would become "
                    "bright. Divide by 255."
                )
            if torch.allclose(found.float(), expected * 255 / 256):
                raise NotYet(f"{where} divides by 256: the largest byte, 255, should become 1.")
            if found.max() > 1:
                raise NotYet(f"{where} goes up to {found.max().item():.4g}; 0 to 1 is wanted.")
        expect(found, expected, where, "(H, W, C) should become (C, H, W).")
    return "All that is left of ToTensor is what it does to other inputs."


@exercise("3.2")
def resized(answer):
    sizes = [(256, 600, 512), (512, 512, 768), (100, 300, 500), (64, 64, 64), (50, 7, 5), (256, 412, 618)]
    for size, height, width in sizes:
        where = f"resized({size}, {height}, {width})"
        found = call(answer, size, height, width, name="resized")
        expected = (
            (size, size * width // height) if height <= width else (size * height // width, size)
        )  # as torchvision's functional.resize
        if found == expected[::-1] and expected[0] != expected[1]:
            raise NotYet(
                f"{where} is {found}, the right numbers as (width, height); (height, width) is wanted."
            )
        why = f"The shorter side, {min(height, width)}, becomes {size}"
        if isinstance(found, tuple | list) and list(found) == [
            int(side * (size / min(height, width))) for side in (height, width)
        ]:
            why += "; a factor with decimals falls a hair short here, so multiply first and divide by `//`"
        expect(found, expected, where, f"{why}.")
    return "A picture smaller than `size` is enlarged: Resize works in both directions."


@exercise("3.3")
def undo_normalize(answer):
    mean, std = [0.2, 0.5, 0.8], [0.5, 0.25, 2.0]
    for shape in [(3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 3)]:
        original = torch.rand(shape)
        x = transforms.functional.normalize(original, mean, std)
        where = f"for x of shape {shape}, undo_normalize"
        found = call(answer, x, mean, std, name=where)
        columns = torch.tensor(mean), torch.tensor(std)
        if isinstance(found, torch.Tensor) and found.shape == original.shape:
            added_first = (x + columns[0][:, None, None]) * columns[1][:, None, None]
            if torch.allclose(found, added_first):
                raise NotYet(f"{where} adds first; undo in reverse: what was done last is undone first.")
            if torch.allclose(found, transforms.functional.normalize(x, mean, std)):
                raise NotYet(f"{where} normalises once more.")
            if shape[-1] == 3 and torch.allclose(found, x * columns[1] + columns[0]):
                raise NotYet(f"{where} goes by column; a mean for each channel has shape (3, 1, 1).")
        number = x.flatten()[0].item(), original.flatten()[0].item()
        why = f"In channel 0 (mean 0.2, std 0.5) {number[0]:.4f} should become {number[1]:.4f} again."
        expect(found, original, where, why)
    return "Whoever shows a picture from a training set needs this."


@exercise("3.4")
def flip_boxes(answer):
    boxes = torch.tensor([[10.0, 5.0, 30.0, 25.0], [0.0, 0.0, 100.0, 50.0], [60.0, 1.0, 61.0, 2.0]])
    for width in (100, 200):
        given = boxes.clone()
        where = f"for the box {boxes[0].tolist()} in a picture {width} wide"
        expected = torch.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], dim=1)
        require(callable(answer), f"the answer should be a function, but is {describe(answer)}.")
        found = call(lambda given=given, width=width: answer(given, width), name="flip_boxes")
        require(
            torch.equal(given, boxes),
            "flip_boxes has changed its argument: work on `boxes.clone()`, not on it.",
        )
        if isinstance(found, torch.Tensor) and found.shape == boxes.shape:
            if (found[:, 0] > found[:, 2]).any():
                raise NotYet(f"{where}, flip_boxes gives {describe(found[0])}: its x₁ is larger than its x₂.")
            expect(found[0], expected[0], f"{where}, the flipped box")
        expect(found, expected, f"for three boxes in a picture {width} wide, the result")
    return "Labels must go through every change that the picture goes through; v2 sees to that."


@exercise("3.5")
def random_crop(answer):
    picture = torch.arange(60).reshape(2, 5, 6)
    generator = torch.Generator().manual_seed(0)
    places = []
    for _ in range(300):
        found = call(answer, picture, 3, generator, name="random_crop")
        require(
            isinstance(found, torch.Tensor), f"random_crop returned {describe(found)}; a tensor is wanted."
        )
        expect(tuple(found.shape), (2, 3, 3), "the shape of a crop of size 3 from a picture (2, 5, 6)")
        place = int(found[0, 0, 0])
        top, left = place // 6, place % 6
        require(
            torch.equal(found, picture[:, top : top + 3, left : left + 3]),
            "the crop of a picture (2, 5, 6) is no piece of it: rows, columns and channels must stay as they were.",
        )
        places.append((top, left))
    many = "in 300 crops of size 3 from a picture (2, 5, 6)"
    require(
        len(set(places)) > 1,
        f"{many} the place was always row {top}, column {left}: draw anew in each call, and seed nothing inside.",
    )
    for what, seen, count in (
        ("row", [top for top, _ in places], 3),
        ("column", [left for _, left in places], 4),
    ):
        require(
            set(seen) == set(range(count)),
            f"{many} the first {what} was {sorted(set(seen))}; {list(range(count))} are wanted. torch.randint leaves "
            "its upper end out.",
        )
        often = [seen.count(place) for place in range(count)]
        require(  # 0.6 of what is expected is four standard deviations away
            min(often) > 0.6 * 300 / count,
            f"{many} the first {what} was {list(range(count))} this often: {often}. Every place should be as likely.",
        )
    require(
        len(set(places)) == 12,
        f"{many} there were {len(set(places))} places of 12: draw row and column independently.",
    )
    pair = [call(answer, picture, 2, torch.Generator().manual_seed(7), name="random_crop") for _ in range(8)]
    require(
        all(torch.equal(pair[0], other) for other in pair),
        "generators with the same seed gave different crops: pass `generator=generator` to torch.randint.",
    )
    return (
        "With a generator of its own, an augmentation can be repeated without touching other random numbers."
    )


@exercise("3.6")
def prepared(answer):
    down, across = np.mgrid[0:100, 0:160]
    ramp = np.stack([down * 2.5, across * 1.5, 255 - down * 2.5], axis=2).astype(np.uint8)  # (100, 160, 3)
    wide = Image.fromarray(ramp)
    reference = transforms.Compose(
        [
            transforms.Resize(64),
            transforms.CenterCrop(48),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )
    pictures = {
        "RGB, 160 wide and 100 high": wide,
        "RGB, 60 wide and 90 high": wide.resize((60, 90)),
        "L (grey)": wide.convert("L"),
        "RGBA": wide.convert("RGBA"),
        "P (palette)": wide.quantize(64),
    }
    for name, picture in pictures.items():
        found = call(answer, picture.copy(), name=f"for a picture of mode {name}, prepared")
        expected = reference(picture.convert("RGB"))
        what = f"for a picture of mode {name}, prepared(picture)"
        if isinstance(found, torch.Tensor) and found.shape == expected.shape:
            if found.max() > 2:
                raise NotYet(
                    f"{what} goes up to {found.max().item():.4g}; −1 to 1 is wanted. `ToDtype` divides by 255 only "
                    "with `scale=True`."
                )
            if torch.allclose(found.float(), expected / 2 + 0.5, atol=0.02):
                raise NotYet(f"{what} goes from 0 to 1: it is not normalised.")
            squeezed = reference(picture.convert("RGB").resize((64, 64)))
            if torch.allclose(found.float(), squeezed, atol=0.02) and not torch.allclose(
                squeezed, expected, atol=0.05
            ):
                raise NotYet(f"{what} is squeezed: `Resize((64, 64))` changes the proportions.")
        # v1 and v2 differ by a grey level, 2 / 255 = 0.008; ways of resizing by more, where a palette is speckled.
        palette = picture.mode == "P"
        why = (
            "Convert before you resize: between two numbers of a palette there is no colour."
            if palette
            else "Go through it step by step: in colour, shorter side 64, the middle, floats from 0 to 1, normalised."
        )
        expect(found, expected, what, why, atol=0.1 if palette else 0.05)
    return "Give the same function to whoever uses the network later: half of a model is its preparation."
