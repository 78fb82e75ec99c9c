"""The bundled pictures: whole, readable, made by the script beside them, small, and neither too easy nor too hard."""

import hashlib
import importlib.util
import pickle
import subprocess
import zlib
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy

import course_data
from helpers import DATA, ROOT, cifar10_quick

SAMPLE, INSECTS = DATA / "cifar10-sample", DATA / "ants_bees"
PARTS = [
    *((name, md5, "train") for name, md5 in course_data.SampleCIFAR10.train_list),
    *((name, md5, "test") for name, md5 in course_data.SampleCIFAR10.test_list),
]


@pytest.fixture(scope="module")
def script():
    """data/draw_sample.py as a module."""
    spec = importlib.util.spec_from_file_location("draw_sample", DATA / "draw_sample.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tensors():
    """Training and test images as uint8 (N, 3, 32, 32) with labels int64 (N,)."""
    return *_tensors(True), *_tensors(False)


def _tensors(train):
    data = course_data.SampleCIFAR10(DATA, train)
    return torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(data.targets)


# The files.


def test_layout_is_that_of_cifar10(script):
    for name, md5, split in PARTS:
        content = (SAMPLE / name).read_bytes()
        assert hashlib.md5(content).hexdigest() == md5, name
        entry = pickle.loads(content)
        assert set(entry) == {"batch_label", "labels", "data", "filenames"}
        rows = (5 if split == "test" else 1) * len(entry["labels"])
        count = 10 * (script.TEST_PER_CLASS * 5 if split == "test" else script.TRAIN_PER_CLASS // 5)
        assert rows == count and len(entry["filenames"]) == len(entry["labels"])
        assert entry["data"].dtype == np.uint8 and entry["data"].shape == (len(entry["labels"]), 3072)
    meta = pickle.loads((SAMPLE / "batches.meta").read_bytes())
    assert meta["label_names"] == script.CLASSES and meta["num_vis"] == 3072
    assert {path.name for path in SAMPLE.iterdir()} == {name for name, _, _ in PARTS} | {"batches.meta"}


def test_torchvision_reads_balanced_shuffled_classes(script):
    for train, count in ((True, script.TRAIN_PER_CLASS), (False, script.TEST_PER_CLASS)):
        data = course_data.SampleCIFAR10(DATA, train)
        assert data.classes == script.CLASSES
        assert Counter(data.targets) == dict.fromkeys(range(10), count)
        assert all(len(set(data.targets[i : i + 60])) >= 8 for i in range(0, len(data) - 60, 60))
        image, label = data[0]
        assert image.size == (32, 32) and image.mode == "RGB" and 0 <= label < 10


def test_every_picture_is_there_once(tensors):
    train, _, test, _ = tensors
    everything = torch.cat([train, test]).flatten(1)
    assert len(everything.unique(dim=0)) == len(everything)


def test_script_draws_the_same_pictures_again(script, tensors):
    """Some of each file; `python data/draw_sample.py --check` compares all of them.

    The script gives the same bytes with the same versions of NumPy and Pillow on the same kind of machine. Elsewhere
    the last digit of a float may move a pixel at an edge, so one value in 500 may differ.
    """
    train, train_labels, test, test_labels = tensors
    for split, images, labels, chosen in (
        (0, train, train_labels, range(7, len(train), 120)),
        (1, test, test_labels, range(0, len(test), 60)),
    ):
        order = script.order(script.SEED, split)
        assert [label for label, _ in order] == labels.tolist()
        for i in chosen:
            again = script.sample_picture((script.SEED, split, *order[i])).transpose(2, 0, 1)
            differing = (torch.from_numpy(again.copy()) != images[i]).float().mean()
            assert differing < 0.002, f"split {split}, picture {i}: {differing:.1%} of the values differ"


def test_ants_and_bees_look_like_a_folder_of_photographs(script):
    sizes, modes, strays = set(), Counter(), []
    for split, count in (("train", 20), ("val", 10)):
        for kind in ("ants", "bees"):
            pictures = 0
            for path in sorted((INSECTS / split / kind).iterdir()):
                if path.suffix == ".txt":
                    strays.append(path)
                    continue
                with Image.open(path) as image:
                    image.load()
                    sizes.add(image.size)
                    modes[image.mode] += 1
                    assert 300 <= min(image.size) and max(image.size) <= 768, path
                pictures += 1
            assert pictures == count
    assert modes == {"RGB": 58, "L": 1, "P": 1}
    assert len(sizes) >= 8 and any(w > h for w, h in sizes) and any(w < h for w, h in sizes)
    assert [path.name for path in strays] == ["where_from.txt"]
    assert all((INSECTS / path).exists() for path in script.STRAYS)
    with Image.open(INSECTS / "train" / "ants" / "0013035.jpg") as image:
        assert image.size == (768, 512) and image.format == "JPEG"
    names = {path for path, *_ in script.insect_jobs(script.SEED)} | {"train/ants/where_from.txt"}
    assert names == {path.relative_to(INSECTS).as_posix() for path in INSECTS.rglob("*.*")}


def test_an_insect_is_drawn_the_same_again(script):
    """The smallest of the JPEG pictures; another version of the JPEG library may decode it slightly otherwise."""
    jobs = [
        job for job in script.insect_jobs(script.SEED) if job[0].startswith("val/bees/") and "jpg" in job[0]
    ]
    job = min(jobs, key=lambda job: job[3][0] * job[3][1])
    stored = script.pixels(job[0], (INSECTS / job[0]).read_bytes())
    again = script.pixels(job[0], script.insect_file(job))
    assert again.shape == stored.shape and np.abs(again - stored).mean() < 0.5


def test_what_is_in_data_stays_small():
    """Git stores files compressed by zlib. 12 MB is the limit for all of data/."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "data"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    size = {name: len(zlib.compress((ROOT / name).read_bytes())) for name in listed.stdout.splitlines()}
    assert sum(size.values()) < 12e6, size


def test_readme_tells_the_checksums():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    for path in sorted(SAMPLE.iterdir()):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in text, path.name
    for _, md5, _ in PARTS:
        assert md5 in text
    assert course_data.digest(INSECTS) in text


# How hard the sample is. Both tests are seeded; the figures they give are in data/README.md. The files' checksums are
# looked at each time, so that nothing can change here unless PyTorch does.


@pytest.mark.weekly
def test_linear_classifier_stays_at_45_percent_or_less(tensors):
    """Multinomial logistic regression on standardised pixels, the best of several strengths of weight decay."""
    train, train_labels, test, test_labels = tensors
    x, x_test = train.flatten(1).float(), test.flatten(1).float()
    mean, std = x.mean(0), x.std(0)
    x, x_test = (x - mean) / std, (x_test - mean) / std
    best = 0.0
    for decay in (0.03, 0.1, 0.3, 1.0, 3.0):
        weight, bias = torch.zeros(3072, 10, requires_grad=True), torch.zeros(10, requires_grad=True)
        optimizer = torch.optim.LBFGS([weight, bias], max_iter=50, line_search_fn="strong_wolfe")

        def loss(weight=weight, bias=bias, optimizer=optimizer, decay=decay):
            optimizer.zero_grad()
            value = cross_entropy(x @ weight + bias, train_labels) + decay / 2 * weight.square().sum()
            value.backward()
            return value

        optimizer.step(loss)
        accuracy = ((x_test @ weight + bias).argmax(1) == test_labels).float().mean().item()
        print(f"linear, weight decay {decay}: {accuracy:.3f}")
        best = max(best, accuracy)
    assert 0.25 < best <= 0.45


@pytest.mark.weekly
def test_cifar10_quick_reaches_85_percent(tensors):
    """The course's network with ReLU, 60,000 images forward and backward: well under 60 s on two free cores."""
    torch.manual_seed(0)
    train, train_labels, test, test_labels = tensors
    mean = train.float().mean((0, 2, 3), keepdim=True)
    std = train.float().std((0, 2, 3), keepdim=True)
    x, x_test = (train - mean) / std, (test - mean) / std
    epochs, batch = 60_000 // len(train), 32
    model = cifar10_quick(nn.ReLU).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    steps = epochs * -(-len(x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.003, total_steps=steps, pct_start=0.25)
    for _ in range(epochs):
        for chosen in torch.randperm(len(x)).split(batch):
            flip = torch.rand(len(chosen), 1, 1, 1) < 0.5
            images = torch.where(flip, x[chosen].flip(3), x[chosen])
            logits = model(images.contiguous(memory_format=torch.channels_last))
            loss = cross_entropy(logits, train_labels[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        accuracy = (model(x_test).argmax(1) == test_labels).float().mean().item()
    print(f"cifar10_quick, {epochs} epochs: {accuracy:.3f}")
    assert 0.85 <= accuracy < 0.97
