"""Wrong answers to the exercises of chapter 3."""

import torch
from torchvision import transforms
from torchvision.transforms import v2

from wrong_answers import Wrong


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


def prepare(picture, mode="RGB", size=64, crop=transforms.CenterCrop, normalise=True):
    steps = [transforms.Resize(size), crop(48), transforms.ToTensor()]
    steps += [transforms.Normalize([0.5] * 3, [0.5] * 3)] * normalise
    return transforms.Compose(steps)(picture.convert(mode) if mode else picture)


def unscaled(picture):
    steps = [v2.Resize(64), v2.CenterCrop(48), v2.ToImage(), v2.ToDtype(torch.float32)]
    return v2.Compose([*steps, v2.Normalize([0.5] * 3, [0.5] * 3)])(picture.convert("RGB"))


WRONG = {
    "3.1": [
        Wrong(
            lambda picture: torch.tensor(picture).reshape(picture.shape[2], *picture.shape[:2]) / 255,
            hint="mixes up the channels",
        ),
        Wrong(lambda picture: torch.tensor(picture.transpose(2, 0, 1)).float(), hint="0 to 1 is wanted"),
        Wrong(lambda picture: torch.tensor(picture.transpose(2, 0, 1) / 255), hint="float32"),
        Wrong(lambda picture: torch.tensor(picture).float() / 255, hint="should become (C, H, W)"),
        Wrong(lambda picture: torch.tensor(picture.T).float() / 255, hint="should become (C, H, W)"),
        Wrong(lambda picture: picture.transpose(2, 0, 1) / 255, hint="should be a tensor"),
        Wrong(
            lambda picture: torch.tensor(picture.transpose(2, 0, 1)) / picture.max(),
            hint="own largest number",
        ),
        Wrong(lambda picture: torch.tensor(picture.transpose(2, 0, 1)) / 256, hint="divides by 256"),
        Wrong(lambda picture: torch.tensor(picture.transpose(2, 0, 1)) // 255, hint="float32"),
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
            hint="166",
        ),
        Wrong(
            lambda size, height, width: tuple(int(x * (size / min(height, width))) for x in (height, width)),
            hint="multiply first",
        ),
    ],
    "3.3": [
        Wrong(
            lambda x, mean, std: (x + torch.tensor(mean)[:, None, None]) * torch.tensor(std)[:, None, None],
            hint="in reverse",
        ),
        Wrong(lambda x, mean, std: transforms.functional.normalize(x, mean, std), hint="once more"),
        Wrong(lambda x, mean, std: x * torch.tensor(std) + torch.tensor(mean), hint="raised"),
        Wrong(lambda x, mean, std: x * std[0] + mean[0], hint="off by"),
        Wrong(
            lambda x, mean, std: x / torch.tensor(std)[:, None, None] + torch.tensor(mean)[:, None, None],
            hint="In channel 0",
        ),
        Wrong(
            lambda x, mean, std: x * torch.tensor(std).view(1, 3, 1, 1) + torch.tensor(mean).view(1, 3, 1, 1),
            hint="shape (1, 3, 4, 5)",
        ),
    ],
    "3.4": [
        Wrong(flip_in_place, hint="boxes.clone()"),
        Wrong(flip_without_swap, hint="larger than its x₂"),
        Wrong(flip_both_ways, hint="the flipped box"),
        Wrong(lambda boxes, width: width - boxes, hint="larger than its x₂"),
        Wrong(
            lambda boxes, width: flip_without_swap(boxes, width - 1)[:, [2, 1, 0, 3]], hint="the flipped box"
        ),
        Wrong(lambda boxes, width: flip_without_swap(boxes, width)[:, [2, 1, 0, 3]].T, hint="shape"),
    ],
    "3.5": [
        Wrong(lambda picture, size, generator: crop(picture, size, generator, more=0), hint="upper end"),
        Wrong(lambda picture, size, generator: crop(picture, size, None), hint="same seed"),
        Wrong(lambda picture, size, generator: picture[:, :size, :size], hint="draw anew in each call"),
        Wrong(lambda picture, size, generator: crop(picture, size, generator)[0], hint="the shape of a crop"),
        Wrong(same_place, hint="the first column was [0, 1, 2]"),
        Wrong(seeded_inside, hint="seed nothing inside"),
        Wrong(near_the_corner, hint="as likely"),
        Wrong(place_by_channel, hint="no piece of it"),
        Wrong(together, hint="independently"),
    ],
    "3.6": [
        Wrong(lambda picture: prepare(picture, mode=None), hint="mode L (grey)"),
        Wrong(lambda picture: prepare(picture, size=(64, 64)), hint="squeezed"),
        Wrong(lambda picture: prepare(picture, normalise=False), hint="not normalised"),
        Wrong(lambda picture: prepare(picture, crop=transforms.RandomCrop), hint="off by"),
        Wrong(lambda picture: prepare(picture, mode="L"), hint="raised"),
        Wrong(unscaled, hint="scale=True"),
        Wrong(lambda picture: prepare(picture, size=48), hint="shorter side 64"),
        Wrong(lambda picture: prepare(picture)[[2, 1, 0]], hint="in colour"),
        Wrong(lambda picture: prepare(picture)[None], hint="shape (1, 3, 48, 48)"),
        Wrong(resized_first, hint="Convert before you resize"),
    ],
}
