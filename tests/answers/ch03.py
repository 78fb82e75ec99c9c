"""Answers to the exercises of chapter 3."""

import math

import numpy as np
import torch
from torchvision import transforms
from torchvision.transforms import functional, v2

from answers import Right, Wrong


def flip_in_place(boxes, width):
    boxes[:, 0] = width - boxes[:, 2]
    boxes[:, 2] = width - boxes[:, 0]
    return boxes


def flip_without_swap(boxes, width):
    return torch.stack([width - boxes[:, 0], boxes[:, 1], width - boxes[:, 2], boxes[:, 3]], dim=1)


def flip_both_ways(boxes, width):
    return torch.stack([width - boxes[:, 2], boxes[:, 3], width - boxes[:, 0], boxes[:, 1]], dim=1)


def crop(picture, size, generator, more=1, axes=(1, 2)):
    top = torch.randint(picture.shape[axes[0]] - size + more, (), generator=generator).item()
    left = torch.randint(picture.shape[axes[1]] - size + more, (), generator=generator).item()
    return picture[:, top : top + size, left : left + size]


def same_place(picture, size, generator):
    place = torch.randint(picture.shape[1] - size + 1, (), generator=generator).item()
    return picture[:, place : place + size, place : place + size]


def seeded_inside(picture, size, generator):
    return crop(picture, size, generator.manual_seed(0))


def near_the_corner(picture, size, generator):
    top, other = torch.randint(picture.shape[1] - size + 1, (2,), generator=generator).tolist()
    left = torch.randint(picture.shape[2] - size + 1, (), generator=generator).item()
    return picture[:, min(top, other) :, left:][:, :size, :size]


def place_by_channel(picture, size, generator):
    return torch.cat([crop(channel[None], size, generator) for channel in picture])


def together(picture, size, generator):
    rows, columns = picture.shape[1] - size + 1, picture.shape[2] - size + 1
    share = torch.rand((), generator=generator).item()
    top, left = int(share * rows), int(share * columns)
    return picture[:, top : top + size, left : left + size]


def resized_first(picture):
    small = transforms.functional.center_crop(transforms.functional.resize(picture, 64), 48)
    return prepare(small.convert("RGB"), size=48)


def prepare(picture, mode="RGB", size=64, crop=transforms.CenterCrop, normalise=True, **how):
    steps = [transforms.Resize(size, **how), crop(48), transforms.ToTensor()]
    steps += [transforms.Normalize([0.5] * 3, [0.5] * 3)] * normalise
    return transforms.Compose(steps)(picture.convert(mode) if mode else picture)


def unscaled(picture):
    steps = [v2.Resize(64), v2.CenterCrop(48), v2.ToImage(), v2.ToDtype(torch.float32)]
    return v2.Compose([*steps, v2.Normalize([0.5] * 3, [0.5] * 3)])(picture.convert("RGB"))


def no_alias(picture):
    small = v2.functional.resize(v2.ToImage()(picture.convert("RGB")), 64, antialias=False)
    return v2.Normalize([0.5] * 3, [0.5] * 3)(v2.ToDtype(torch.float32, scale=True)(v2.CenterCrop(48)(small)))


def with_v2(picture):
    steps = [v2.ToImage(), v2.RGB(), v2.Resize(64), v2.CenterCrop(48), v2.ToDtype(torch.float32, scale=True)]
    return v2.Compose([*steps, v2.Normalize([0.5] * 3, [0.5] * 3)])(picture.convert("RGB"))


def step_by_step(picture):
    picture = picture.convert("RGB")
    width, height = picture.size
    factor = 64 / min(width, height)
    picture = functional.resize(picture, (max(64, int(height * factor)), max(64, int(width * factor))))
    return 2 * functional.to_tensor(functional.center_crop(picture, 48)) - 1


def resize_as_float(picture):
    x = functional.to_tensor(picture.convert("RGB"))
    return functional.normalize(functional.center_crop(functional.resize(x, 64), 48), [0.5] * 3, [0.5] * 3)


def by_loop(picture):
    height, width, channels = picture.shape
    out = torch.zeros(channels, height, width)
    for c in range(channels):
        for h in range(height):
            for w in range(width):
                out[c, h, w] = int(picture[h, w, c]) / 255
    return out


def by_factor(size, height, width):
    short = min(height, width)
    return tuple(int(side * size / short) for side in (height, width))


def by_if(size, height, width):
    if height > width:
        return [math.floor(size * height / width), size]
    return [size, math.floor(size * width / height)]


def undo(x, mean, std):
    mean, std = (torch.tensor(numbers).view(-1, 1, 1) for numbers in (mean, std))
    return x * std + mean


def undo_by_normalize(x, mean, std):
    mean, std = torch.tensor(mean), torch.tensor(std)
    return transforms.Normalize(-mean / std, 1 / std)(x)


def undo_by_loop(x, mean, std):
    out = torch.empty_like(x)
    for c, (m, s) in enumerate(zip(mean, std, strict=True)):
        out[..., c, :, :] = x[..., c, :, :] * s + m
    return out


def undo_in_float64(x, mean, std):
    mean, std = (torch.tensor(numbers, dtype=torch.float64).view(-1, 1, 1) for numbers in (mean, std))
    return x * std + mean


def undo_in_place(x, mean, std):
    return x.mul_(torch.tensor(std)[:, None, None]).add_(torch.tensor(mean)[:, None, None])


def flip(boxes, width):
    x1, y1, x2, y2 = boxes.unbind(dim=1)
    return torch.stack([width - x2, y1, width - x1, y2], dim=1)


def flip_clone(boxes, width):
    out = boxes.clone()
    out[:, [0, 2]] = width - boxes[:, [2, 0]]
    return out


def flip_by_sign(boxes, width):
    return (boxes[:, [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1]) + torch.tensor([width, 0, width, 0])).to(
        boxes.dtype
    )


def flip_reads_the_written(boxes, width):
    out = boxes.clone()
    out[:, 0] = width - out[:, 2]
    out[:, 2] = width - out[:, 0]
    return out


def crop_by_pair(picture, size, generator):
    room = torch.tensor(picture.shape[1:]) - size + 1
    place = [torch.randint(0, int(high), (1,), generator=generator) for high in room]
    return picture.narrow(1, int(place[0]), size).narrow(2, int(place[1]), size).clone()


def crop_by_one_number(picture, size, generator):
    rows, columns = picture.shape[1] - size + 1, picture.shape[2] - size + 1
    top, left = divmod(torch.randint(rows * columns, (), generator=generator).item(), columns)
    return picture[:, top : top + size, left : left + size]


def column_from_elsewhere(picture, size, generator):
    torch.rand(1)
    return crop(picture, size, generator)


def wide_only(picture, size, generator):
    rows, columns = sorted(picture.shape[1:])
    top = torch.randint(rows - size + 1, (), generator=generator).item()
    left = torch.randint(columns - size + 1, (), generator=generator).item()
    return picture[:, top : top + size, left : left + size]


def not_if_as_high(picture, size, generator):
    return crop(picture, size, generator) if picture.shape[1] > size else picture[:, :, :size]


def crop_by_index(picture, size, generator):
    rows = torch.randint(picture.shape[1] - size + 1, (1,), generator=generator) + torch.arange(size)
    columns = torch.randint(picture.shape[2] - size + 1, (1,), generator=generator) + torch.arange(size)
    return picture[:, rows][:, :, columns]


def by_remainder(most):
    def crop(picture, size, generator):
        top, left = (
            int(torch.randint(most or n, (), generator=generator)) % (n - size + 1) for n in picture.shape[1:]
        )
        return picture[:, top : top + size, left : left + size]

    return crop


def half_together(picture, size, generator):
    rows, columns = picture.shape[1] - size + 1, picture.shape[2] - size + 1
    top, left, together = (torch.randint(high, (), generator=generator).item() for high in (rows, columns, 2))
    if together and left < rows:
        top = left
    return picture[:, top : top + size, left : left + size]


def crop_by_share(picture, size, generator):
    shares = torch.rand(2, generator=generator).tolist()
    top, left = (int(s * (n - size + 1)) for s, n in zip(shares, picture.shape[1:], strict=True))
    return functional.crop(picture, top, left, size, size)


def resized_by_pil(picture):
    shorter = min(picture.size)
    colour = picture.convert("RGB")
    return prepare(colour.resize([64 * side // shorter for side in picture.size]))


def draws_on_the_picture(picture):
    found = prepare(picture)
    picture.paste(0, (0, 0, 5, 5))
    return found


RIGHT = {
    "3.1": [
        Right(by_loop),
        Right(lambda picture: torch.from_numpy(picture).permute(2, 0, 1) / 255),
        Right(lambda picture: torch.tensor(np.moveaxis(picture, -1, 0) / 255, dtype=torch.float32)),
        Right(lambda picture: torch.stack([torch.tensor(c) for c in picture.transpose(2, 0, 1)]).div(255)),
        Right(lambda picture: torch.einsum("hwc->chw", torch.tensor(picture)).float().mul_(1 / 255)),
        Right(lambda picture: torch.tensor(picture.tolist()).permute(2, 0, 1) / 255),
    ],
    "3.2": [
        Right(lambda size, h, w: tuple(np.array([h, w]) * size // min(h, w))),
        Right(by_factor),
        Right(by_if),
        Right(lambda size, h, w: (size * h // min(h, w), size * w // min(h, w))),
    ],
    "3.3": [
        Right(undo),
        Right(undo_by_normalize),
        Right(undo_by_loop),
        Right(
            lambda x, mean, std: (x.transpose(-1, -3) * torch.tensor(std) + torch.tensor(mean)).transpose(
                -1, -3
            )
        ),
    ],
    "3.4": [Right(flip), Right(flip_clone), Right(flip_by_sign)],
    "3.5": [
        Right(crop),
        Right(crop_by_pair),
        Right(crop_by_one_number),
        Right(crop_by_index),
        Right(crop_by_share),
        Right(by_remainder(2**40)),
    ],
    "3.6": [Right(prepare), Right(with_v2), Right(step_by_step), Right(resize_as_float)],
}

WRONG = {
    "3.1": [
        Wrong(
            lambda picture: torch.tensor(picture).reshape(picture.shape[2], *picture.shape[:2]) / 255,
            hint="channels are mixed up",
        ),
        Wrong(lambda picture: torch.tensor(picture.transpose(2, 0, 1)).float(), hint="Not divided by 255"),
        Wrong(lambda picture: torch.tensor(picture.transpose(2, 0, 1) / 255), hint="float32"),
        Wrong(lambda picture: torch.tensor(picture).float() / 255, hint="should become (C, H, W)"),
        Wrong(
            lambda picture: torch.tensor(picture.transpose(2, 0, 1)).half().div(255).float(),
            hint="off by up to 0.0002394. Each number should be a byte",
        ),
        Wrong(lambda picture: torch.tensor(picture.T).float() / 255, hint="Rows and columns are exchanged"),
        Wrong(lambda picture: picture.transpose(2, 0, 1) / 255, hint="should be a tensor"),
        Wrong(
            lambda picture: torch.tensor(picture.transpose(2, 0, 1)) / picture.max(),
            hint="own largest number",
        ),
        Wrong(lambda picture: torch.tensor(picture.transpose(2, 0, 1)) / 256, hint="divided by 256"),
        Wrong(
            lambda picture: torch.tensor(picture.transpose(2, 0, 1)) // 255, hint="cuts off the digits after"
        ),
        Wrong(
            lambda picture: functional.to_tensor(picture),
            hint="switched off",
            forbidden="without torchvision",
        ),
        Wrong(
            lambda picture: v2.functional.convert_image_dtype(torch.tensor(picture.transpose(2, 0, 1))),
            hint="switched off",
            forbidden="without torchvision",
        ),
        Wrong(
            lambda picture: functional.normalize(
                torch.tensor(picture.transpose(2, 0, 1)).float(),
                [0] * picture.shape[2],
                [255] * picture.shape[2],
            ),
            hint="switched off",
            forbidden="without torchvision",
        ),
        Wrong(
            lambda picture: (
                torch.tensor(picture.transpose(2, 0, 1)).float() / (255 if picture.max() > 1 else 1)
            ),
            hint="Not divided by 255",
        ),
        Wrong(
            lambda picture: v2.functional.to_dtype_video(
                torch.from_numpy(picture).permute(2, 0, 1), torch.float32, scale=True
            ),
            hint="switched off",
            forbidden="without torchvision",
        ),
        Wrong(
            lambda picture: (
                v2.functional.permute_channels(
                    torch.from_numpy(picture).permute(2, 0, 1), list(range(picture.shape[2]))
                )
                / 255
            ),
            hint="switched off",
            forbidden="without torchvision",
        ),
        Wrong(
            lambda picture: v2.Normalize([0] * picture.shape[2], [255] * picture.shape[2])(
                torch.from_numpy(picture).permute(2, 0, 1).float()
            ),
            hint="switched off",
            forbidden="without torchvision",
        ),
        Wrong(transforms.ToTensor(), hint="switched off", forbidden="without torchvision"),
        Wrong(
            lambda picture: v2.ToDtype(torch.float32, scale=True)(v2.ToImage()(picture)),
            hint="switched off",
            forbidden="without torchvision",
        ),
    ],
    "3.2": [
        Wrong(lambda size, height, width: (size, size), hint="The shorter side, 512, becomes 256"),
        Wrong(
            lambda size, height, width: (
                (size * width // height, size) if height <= width else (size, size * height // width)
            ),
            hint="(height, width) is wanted",
        ),
        Wrong(
            lambda size, height, width: (size, round(size * width / height)), hint="resized(256, 600, 512)"
        ),
        Wrong(
            lambda size, height, width: tuple(round(size * x / min(height, width)) for x in (height, width)),
            hint="Round down",
        ),
        Wrong(
            lambda size, height, width: tuple(int(x * (size / min(height, width))) for x in (height, width)),
            hint="multiply first",
        ),
        Wrong(
            lambda size, height, width: tuple(int(size * (x / min(height, width))) for x in (height, width)),
            hint="ratio of the sides",
        ),
        Wrong(
            lambda size, height, width: tuple(int(x / min(height, width) * size) for x in (height, width)),
            hint="ratio of the sides",
        ),
        Wrong(
            lambda size, height, width: tuple(
                size * x // min(height, width) // 2 * 2 for x in (height, width)
            ),
            hint="resized(50, 200, 460)",
        ),
        Wrong(lambda size, h, w: (size * h / min(h, w) // 1, size * w / min(h, w) // 1), hint="type int"),
        Wrong(
            lambda size, h, w: tuple(functional.resize(torch.zeros(1, h, w), size).shape[1:]),
            hint="switched off",
            forbidden="without torchvision",
        ),
        Wrong(
            lambda size, h, w: tuple(v2.functional.resize_image(torch.zeros(1, h, w), size).shape[1:]),
            hint="switched off",
            forbidden="without torchvision",
        ),
        Wrong(
            lambda size, h, w: tuple(v2.functional.resize_mask(torch.zeros(1, h, w), size).shape[1:]),
            hint="switched off",
            forbidden="without torchvision",
        ),
        Wrong(
            lambda size, h, w: tuple(functional._compute_resized_output_size((h, w), [size])),
            hint="switched off",
            forbidden="without torchvision",
        ),
        Wrong(lambda size, h, w: tuple(math.ceil(size * s / min(h, w)) for s in (h, w)), hint="Round down"),
    ],
    "3.3": [
        Wrong(
            lambda x, mean, std: (x + torch.tensor(mean)[:, None, None]) * torch.tensor(std)[:, None, None],
            hint="in reverse",
        ),
        Wrong(
            lambda x, mean, std: transforms.functional.normalize(x, mean, std), hint="normalises once more"
        ),
        Wrong(lambda x, mean, std: x * torch.tensor(std) + torch.tensor(mean), hint="raised"),
        Wrong(lambda x, mean, std: x * std[0] + mean[0], hint="of its own"),
        Wrong(
            lambda x, mean, std: x / torch.tensor(std)[:, None, None] + torch.tensor(mean)[:, None, None],
            hint="Multiply by std",
        ),
        Wrong(
            lambda x, mean, std: x * torch.tensor(std).view(1, 3, 1, 1) + torch.tensor(mean).view(1, 3, 1, 1),
            hint="shape (1, 3, 4, 5)",
        ),
        Wrong(
            lambda x, mean, std: undo(x, mean, std).squeeze(0) if x.dim() == 4 else undo(x, mean, std),
            hint="shape (3, 4, 5)",
        ),
        Wrong(lambda x, mean, std: undo(x, mean, std).clamp(0, 1), hint="cut off at 0 and 1"),
        Wrong(lambda x, mean, std: undo(x, mean, std).clamp(-10, 10), hint="In channel 0"),
        Wrong(undo_in_float64, hint="dtype torch.float64"),
        Wrong(undo_in_place, hint="changed its argument"),
        Wrong(lambda x, mean, std: x * 0.5 + 0.5, hint="In channel 0"),
    ],
    "3.4": [
        Wrong(flip_in_place, hint="changed its argument", forbidden="The argument must not change"),
        Wrong(flip_without_swap, hint="exchange the two"),
        Wrong(flip_both_ways, hint="y₁ and y₂ stay"),
        Wrong(flip_reads_the_written, hint="keep the old one"),
        Wrong(lambda boxes, width: flip(boxes, width).float(), hint="dtype"),
        Wrong(
            lambda boxes, width: flip(boxes, width).to(
                torch.float32 if boxes.is_floating_point() else torch.int64
            ),
            hint="dtype",
        ),
        Wrong(lambda boxes, width: flip(boxes, width).clamp(min=0), hint="in a picture 80 wide"),
        Wrong(lambda boxes, width: flip(boxes, 100), hint="picture 200 wide"),
        Wrong(lambda boxes, width: width - boxes, hint="Every number was flipped"),
        Wrong(
            lambda boxes, width: flip_without_swap(boxes, width - 1)[:, [2, 1, 0, 3]],
            hint="not to width − 1 − x",
        ),
        Wrong(lambda boxes, width: flip_without_swap(boxes, width)[:, [2, 1, 0, 3]].T, hint="shape"),
    ],
    "3.5": [
        Wrong(lambda picture, size, generator: crop(picture, size, generator, more=0), hint="upper end"),
        Wrong(lambda picture, size, generator: crop(picture, size, None), hint="same seed"),
        Wrong(lambda picture, size, generator: picture[:, :size, :size], hint="draw anew in each call"),
        Wrong(lambda picture, size, generator: crop(picture, size, generator)[0], hint="the crop's shape"),
        Wrong(same_place, hint="the first column was [0, 1, 2]"),
        Wrong(seeded_inside, hint="seed nothing inside"),
        Wrong(near_the_corner, hint="as likely"),
        Wrong(by_remainder(None), hint="as likely"),
        Wrong(by_remainder(10), hint="as likely"),
        Wrong(half_together, hint="independently"),
        Wrong(place_by_channel, hint="no piece of it"),
        Wrong(together, hint="independently"),
        Wrong(wide_only, hint="(1, 6, 4)"),
        Wrong(not_if_as_high, hint="1 places of 3"),
        Wrong(lambda picture, size, generator: crop(picture, size, generator)[:2], hint="(3, 4, 6)"),
        Wrong(column_from_elsewhere, hint="own generator"),
        Wrong(lambda picture, size, generator: crop(picture, size, generator).float(), hint="the dtype"),
    ],
    "3.6": [
        Wrong(lambda picture: prepare(picture, mode=None), hint="mode L"),
        Wrong(draws_on_the_picture, hint="changed the picture"),
        Wrong(lambda picture: prepare(picture, size=(64, 64)), hint="squeezed"),
        Wrong(lambda picture: prepare(picture, normalise=False), hint="not normalised"),
        Wrong(lambda picture: prepare(picture, crop=transforms.RandomCrop), hint="step by step"),
        Wrong(lambda picture: prepare(picture, mode="L"), hint="raised"),
        Wrong(unscaled, hint="scale=True"),
        Wrong(lambda picture: prepare(picture, size=48), hint="should be 64 before the crop"),
        Wrong(lambda picture: prepare(picture)[[2, 1, 0]], hint="Red and blue"),
        Wrong(lambda picture: prepare(picture)[None], hint="shape (1, 3, 48, 48)"),
        Wrong(resized_first, hint="Convert before you resize"),
        Wrong(no_alias, hint="antialias"),
        Wrong(
            lambda picture: prepare(picture, interpolation=transforms.InterpolationMode.NEAREST),
            hint="interpolation",
        ),
        Wrong(
            lambda picture: prepare(picture, interpolation=transforms.InterpolationMode.BOX),
            hint="interpolation",
        ),
        Wrong(resized_by_pil, hint="The interpolation is bicubic"),
        Wrong(lambda picture: prepare(picture.convert("L")), hint="It is grey"),
    ],
}
