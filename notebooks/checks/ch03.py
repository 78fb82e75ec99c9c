"""Checkers of chapter 3, transforms."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import functional, v2

from . import NotYet, _, call, describe, exercise, expect, require, same, switched_off

TO_TENSOR = [(functional, "to_tensor"), (functional, "pil_to_tensor"), (functional, "convert_image_dtype")]
TO_TENSOR += [(v2.functional, name) for name in ("to_image", "to_dtype", "to_dtype_image", "pil_to_tensor")]
TO_TENSOR += [(v2.functional, "convert_image_dtype"), (functional, "normalize"), (v2.functional, "normalize")]
TO_TENSOR += [(v2.functional, name) for name in ("to_dtype_video", "normalize_image", "normalize_video")]
TO_TENSOR += [(v2.functional, f"permute_channels{kind}") for kind in ("", "_image", "_video")]
TO_TENSOR += [(transforms, "ToTensor"), (v2, "ToImage"), (v2, "ToTensor"), (v2, "ToDtype")]
TO_TENSOR += [(transforms, "Normalize"), (v2, "Normalize")]


@exercise("3.1")
def by_hand(answer):
    # Not square; as many rows as channels; dark, so that 255 is not its largest number; grey; four channels.
    for (height, width, channels), brightest in [
        ((5, 7, 3), 256),
        ((4, 2, 1), 200),
        ((3, 4, 3), 100),
        ((6, 5, 4), 256),
        ((3, 5, 3), 2),  # no byte above 1, and yet they are bytes
    ]:
        picture = torch.randint(brightest, (height, width, channels), dtype=torch.uint8).numpy()
        picture[0, 0, 0] = brightest - 1
        expected = torch.tensor(picture.transpose(2, 0, 1)).float() / 255
        with switched_off(_("ToTensor"), *TO_TENSOR):
            found = call(answer, picture, name="by_hand")
        mistakes = {
            _(
                "The channels are mixed up: `reshape` cuts the row of numbers anew; `transpose(2, 0, 1)` moves the axes."
            ): torch.tensor(picture).reshape(expected.shape) / 255,
            _("It was divided by 256: the largest byte, 255, should become 1."): expected * 255 / 256,
            _("Not divided by 255: 0 to 1 is wanted."): expected * 255,
            _("Rows and columns are exchanged."): expected.transpose(1, 2),
            _("All are whole numbers: `//` cuts off the digits after the decimal point."): expected.floor(),
        }
        if brightest < 256:
            mistakes[
                _(
                    "It was divided by the picture's own largest number, {brightest}: a dark picture would become "
                    "bright. Divide by 255.",
                    brightest=brightest - 1,
                )
            ] = expected * 255 / (brightest - 1)
        where = _("for an array of shape {shape}, by_hand", shape=picture.shape)
        values = isinstance(found, Tensor) and found.shape == expected.shape  # may be wrong, but not the axes
        why = (
            _("Each number should be a byte of the picture, divided by 255.")
            if values
            else _("(H, W, C) should become (C, H, W).")
        )
        expect(found, expected, where, why, mistakes=mistakes)
    return _("ToTensor does the same; besides, it takes PIL pictures and leaves floats as they are.")


def rounded_sizes(size, height, width, way):
    return tuple(int(way(size * side / min(height, width))) for side in (height, width))


@exercise("3.2")
def resized(answer):
    off = [(transforms, "Resize"), (v2, "Resize"), (functional, "resize"), (v2.functional, "resize")]
    off += [(v2.functional, "resize_image"), (v2.functional, "resize_mask"), (v2.functional, "resize_video")]
    off += [(functional, "_compute_resized_output_size")]
    cases = [(256, 600, 512), (512, 512, 768), (100, 300, 500), (64, 64, 64), (50, 7, 5), (256, 412, 618)]
    cases += [(50, 200, 460)]  # to an odd number
    for size, height, width in cases:
        # as torchvision's functional.resize
        right = (size, size * width // height) if height <= width else (size * height // width, size)
        with switched_off(_("Resize"), *off):
            found = call(answer, size, height, width, name="resized")
        expect(
            found,
            right,
            _("resized({size}, {height}, {width})", size=size, height=height, width=width),
            _("The shorter side, {side}, becomes {size}.", side=min(height, width), size=size),
            rtol=0,
            atol=0,
            mistakes={
                _("Those are the right numbers as (width, height); (height, width) is wanted."): right[::-1],
                _(
                    "A factor with decimals is a little too small here: multiply first and divide by `//`."
                ): tuple(int(side * (size / min(height, width))) for side in (height, width)),
                _(
                    "The ratio of the sides, with decimals, is a little too small here: multiply first and divide by "
                    "`//`."
                ): tuple(int(size * (side / min(height, width))) for side in (height, width)),
                _("Round down: a part of a pixel is no pixel."): rounded_sizes(size, height, width, round),
                _("Both should be of type int."): tuple(map(float, right)),
            },
        )
    return _("A picture smaller than `size` is enlarged: Resize works in both directions.")


@exercise("3.3")
def undo_normalize(answer):
    statistics = {
        1: ([0.3], [0.25]),
        2: ([0.2, 0.7], [3.0, 0.5]),
        3: ([0.2, 0.5, 0.8], [0.5, 0.25, 2.0]),
        4: ([0.1, -0.5, 0.9, 0.4], [0.5, 0.1, 0.2, 4.0]),
    }
    for shape in [(3, 4, 5), (2, 3, 4, 5), (3, 3, 4, 3), (1, 6, 7), (5, 4, 4, 4), (2, 5, 6), (1, 3, 4, 5)]:
        mean, std = statistics[shape[-3]]
        original = 0.5 + 9 * torch.randn(shape)  # below 0 and above 1, too
        x = functional.normalize(original, mean, std)
        found = call(answer, x, mean, std, name="undo_normalize")
        m, s = (torch.tensor(numbers)[:, None, None] for numbers in (mean, std))
        mistakes = {
            _("Undo in reverse: what was done last is undone first, so multiply, then add."): (x + m) * s,
            _("That normalises once more."): functional.normalize(x, mean, std),
            _("Nothing is to be cut off at 0 and 1."): original.clamp(0, 1),
            _("Multiply by std: Normalize has divided by it."): x / s + m,
            _("Add mean: Normalize has subtracted it."): x * s - m,
            _("Every channel has a mean and a std of its own."): x * std[0] + mean[0],
        }
        if shape[-1] == shape[-3]:
            mistakes[_("It goes by column; a mean for each channel has shape (C, 1, 1).")] = (
                x * s.flatten() + m.flatten()
            )
        if x.dim() == 4 and shape[0] == shape[1]:
            mistakes[_("It goes by picture; a mean for each channel has shape (C, 1, 1).")] = (
                x * s[:, None] + (m[:, None])
            )
        number = x.flatten()[0].item(), original.flatten()[0].item()
        why = _(
            "In channel 0 (mean {mean}, std {std}) {before:.4f} should become {after:.4f} again.",
            mean=mean[0],
            std=std[0],
            before=number[0],
            after=number[1],
        )
        where = _("for x of shape {shape}, undo_normalize", shape=shape)
        expect(found, original, where, why, mistakes=mistakes)
    return _("Whoever shows a picture from a training set needs this.")


@exercise("3.4")
def flip_boxes(answer):
    three = torch.tensor([[10.0, 5.0, 30.0, 25.0], [0.0, 0.0, 100.0, 50.0], [60.0, 1.0, 61.0, 2.0]])
    cases = [(three, 100), (three, 200), (three.long(), 150), (three + 0.25, 321), (torch.zeros(0, 4), 50)]
    cases += [(three.int(), 100), (three.double() - 5, 80)]  # the last reaches over the edge
    for boxes, width in cases:
        x1, y1, x2, y2 = boxes.unbind(1)
        expected = torch.stack([width - x2, y1, width - x1, y2], dim=1)
        found = call(answer, boxes, width, name="flip_boxes")
        expect(
            found,
            expected,
            _("for {boxes} in a picture {width} wide, the result", boxes=describe(boxes), width=width),
            mistakes={}
            if len(boxes) == 0
            else {
                _("x₁ is larger than x₂: exchange the two."): torch.stack(
                    [width - x1, y1, width - x2, y2], dim=1
                ),
                _("Flipped from left to right, y₁ and y₂ stay as they are."): expected[:, [0, 3, 2, 1]],
                _("A point at x goes to width − x, not to width − 1 − x."): expected
                - torch.tensor([1, 0, 1, 0]),
                _("It read x₁ after it had been written: keep the old one, or work on a copy."): torch.stack(
                    [width - x2, y1, x2, y2], dim=1
                ),
                _("Every number was flipped: y₁ and y₂ should stay."): width - boxes,
            },
        )
    return _("Labels must go through every change that the picture goes through; v2 sees to that.")


@exercise("3.5")
def random_crop(answer):
    picture = torch.randperm(60).reshape(2, 5, 6)
    generator = torch.Generator().manual_seed(0)
    corners = {  # the number in the top left corner of a crop tells where it was taken
        picture[0, top, left].item(): (top, left) for top in range(3) for left in range(4)
    }
    places = []
    count = 1600
    for _number in range(count):
        found = call(answer, picture, 3, generator, name="random_crop")
        require(
            isinstance(found, Tensor),
            _("random_crop returned {found}; a tensor is wanted.", found=describe(found)),
        )
        shape = _("for a picture {shape} and size {size}, the crop's shape", shape=(2, 5, 6), size=3)
        expect(tuple(found.shape), (2, 3, 3), shape)
        top, left = corners.get(found[0, 0, 0].item(), (0, 0))
        piece = picture[:, top : top + 3, left : left + 3]
        require(
            found.dtype == picture.dtype and torch.equal(found.cpu(), piece),
            _(
                "the crop of a picture (2, 5, 6) is no piece of it: rows, columns, channels and the dtype must stay as "
                "they were."
            ),
        )
        places.append((top, left))
    many = _("in {count} crops of size 3 from a picture (2, 5, 6)", count=count)
    require(
        len(set(places)) > 1,
        _(
            "{many} the place was always row {top}, column {left}: draw anew in each call, and seed nothing inside.",
            many=many,
            top=places[0][0],
            left=places[0][1],
        ),
    )
    for what, seen, starts in [
        (_("row"), [top for top, _left in places], 3),
        (_("column"), [left for _top, left in places], 4),
    ]:
        require(
            set(seen) == set(range(starts)),
            _(
                "{many} the first {what} was {found}; {wanted} are wanted. torch.randint leaves its upper end out.",
                many=many,
                what=what,
                found=sorted(set(seen)),
                wanted=list(range(starts)),
            ),
        )
        often = [seen.count(place) for place in range(starts)]
        # Four and a half standard deviations: `%` of a small random number, which favours the first places, is further away.
        room = 4.5 * (count / starts * (1 - 1 / starts)) ** 0.5
        require(
            all(abs(number - count / starts) < room for number in often),
            _(
                "{many} the first {what} was {places} this often: {often}. Every place should be as likely.",
                many=many,
                what=what,
                places=list(range(starts)),
                often=often,
            ),
        )
    require(
        len(set(places)) == 12,
        _(
            "{many} there were {found} places of 12: draw row and column independently.",
            many=many,
            found=len(set(places)),
        ),
    )
    often = [places.count(place) for place in sorted(set(places))]
    require(
        min(often) > 80,  # of 133 on average
        _(
            "{many} one place was taken {least} times and another {most} times: draw row and column independently.",
            many=many,
            least=min(often),
            most=max(often),
        ),
    )
    for shape, size in [
        ((2, 5, 5), 5),
        ((3, 4, 6), 4),
        ((1, 6, 4), 4),
    ]:  # as large as the picture, or as one side
        other = torch.randperm(torch.Size(shape).numel()).reshape(shape)
        height, width = shape[1:]
        pieces = [
            other[:, t : t + size, :width][:, :, x : x + size]
            for t in range(height - size + 1)
            for x in range(width - size + 1)
        ]
        where = _("a crop of size {size} from a picture {shape}", size=size, shape=shape)
        what = _("for a picture {shape} and size {size}, the crop's shape", shape=shape, size=size)
        met = set()
        for _number in range(40):
            found = call(answer, other, size, generator, name="random_crop")
            expect(tuple(found.shape) if isinstance(found, Tensor) else found, (shape[0], size, size), what)
            fits = [i for i, piece in enumerate(pieces) if same(found, piece)]
            require(bool(fits), _("{where} is no piece of it.", where=where))
            met.add(fits[0])
        require(
            len(met) == len(pieces),
            _(
                "{where} was taken at {found} places of {wanted}.",
                where=where,
                found=len(met),
                wanted=len(pieces),
            ),
        )
    pair = [call(answer, picture, 2, torch.Generator().manual_seed(7), name="random_crop") for _i in range(8)]
    require(
        all(torch.equal(pair[0], other) for other in pair),
        _("generators with the same seed gave different crops: pass `generator=generator` to torch.randint."),
    )
    before = torch.get_rng_state()
    call(answer, picture, 3, generator, name="random_crop")
    require(
        torch.equal(before, torch.get_rng_state()),
        _("random_crop has drawn from PyTorch's own generator, too: pass `generator=generator` every time."),
    )
    return _("With a generator of its own, an augmentation can be repeated, whatever else draws.")


def reference(picture, size=64, way=transforms.InterpolationMode.BILINEAR):
    steps = [transforms.Resize(size, way), transforms.CenterCrop(48), transforms.ToTensor()]
    return transforms.Compose([*steps, transforms.Normalize([0.5] * 3, [0.5] * 3)])(picture)


@exercise("3.6")
def prepared(answer):
    down, across = np.mgrid[0:100, 0:160]
    ramp = np.stack([down * 2.5, across * 1.5, 255 - down * 2.5], axis=2).astype(np.uint8)  # (100, 160, 3)
    ramp[(down // 3 + across // 3) % 2 == 1] //= 2  # squares, so that ways of resizing differ
    wide = Image.fromarray(ramp)
    pictures = {
        "RGB, 160 x 100": wide,
        "RGB, 60 x 90": wide.crop((0, 0, 60, 90)),
        "RGB, 40 x 30": wide.crop((0, 0, 40, 30)),
        "L": wide.convert("L"),
        "RGBA": wide.convert("RGBA"),
        "P": wide.quantize(64),
    }
    modes = transforms.InterpolationMode
    for name, picture in pictures.items():
        given = picture.copy()
        found = call(answer, given, name=_("for a picture of mode {name}, prepared", name=name))
        require(given == picture, _("prepared(picture) changed the picture; work on a copy of it."))
        colour = picture.convert("RGB")
        expected = reference(colour)
        what = _("for a picture of mode {name}, prepared(picture)", name=name)
        comparable = isinstance(found, Tensor) and found.shape == expected.shape and picture.mode != "P"
        if comparable and not same(found, expected, atol=0.02):
            for hint, other in {
                _("−1 to 1 is wanted: `ToDtype` divides by 255 only with `scale=True`."): 255 * expected
                + 254,
                _("It goes from 0 to 1: it is not normalised."): expected / 2 + 0.5,
                _("It is squeezed: `Resize((64, 64))` changes the proportions."): reference(colour, (64, 64)),
                **{
                    _(
                        "The interpolation is {way}; by default, `Resize` is bilinear (PIL's own `resize` is bicubic).",
                        way=way.value,
                    ): reference(colour, way=way)
                    for way in (modes.NEAREST, modes.BOX, modes.HAMMING, modes.BICUBIC, modes.LANCZOS)
                },
                _("Leave antialias as it is by default."): v2.functional.normalize(
                    v2.functional.center_crop(
                        v2.functional.resize(functional.to_tensor(colour), 64, antialias=False), 48
                    ),
                    [0.5] * 3,
                    [0.5] * 3,
                ),
                _("The shorter side should be 64 before the crop."): reference(colour, 48),
                _("Red and blue are exchanged."): expected[[2, 1, 0]],
                _("It is grey; all three channels are equal."): reference(colour.convert("L").convert("RGB")),
            }.items():
                if same(found, other, atol=1.1 if other.max() > 2 else 0.02):
                    raise NotYet(_("{what} is wrong. {hint}", what=what, hint=hint))
        # v1 and v2 differ by a grey level, 2 / 255 = 0.008
        why = (
            _("Convert before you resize: between two numbers of a palette there is no colour.")
            if picture.mode == "P"
            else _(
                "Go through it step by step: in colour, shorter side 64, the middle, floats from 0 to 1, normalised."
            )
        )
        expect(found, expected, what, why, atol=0.02)
    return _(
        "Keep this function together with the network: whoever uses it must prepare pictures in the same way."
    )
