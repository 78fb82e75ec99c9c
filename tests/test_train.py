"""The training code: batches, one epoch, evaluation, checkpoints, train.py killed and resumed, two processes."""

import contextlib
import hashlib
import importlib.util
import io
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.datasets import CIFAR10
from torchvision.transforms.functional import pil_to_tensor, to_pil_image

import helpers
import train
from course_data import cifar10_tensors
from helpers import (
    CIFAR10_MEAN,
    CIFAR10_STD,
    Batches,
    CheckpointError,
    cifar10_quick,
    evaluate,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    train_one_epoch,
)
from residual import PIECES, residual_network

NOTEBOOKS = Path(train.__file__).parent

# train.py on 96 random images instead of the sample; KILL=2 has it killed while it writes the checkpoint of epoch 2.
# RANK in an option becomes the process's rank. In the folder TRAINED each process leaves the weights that it ends with.
DRIVER = """
import os, signal, sys
sys.path.insert(0, {notebooks!r})
import torch
torch.set_num_threads(1)
import course_data
numbers = torch.Generator().manual_seed(1)
images = torch.randint(256, (96, 3, 32, 32), dtype=torch.uint8, generator=numbers)
labels = torch.randint(10, (96,), generator=numbers)
course_data.cifar10_tensors = lambda train: (images, labels)
import train
save = torch.save
def save_and_die(state, path):
    save(state, path)
    if state.get("epoch") == int(os.environ.get("KILL", -1)):
        with open(path, "r+b") as file:
            file.truncate(path.stat().st_size // 2)
        os.kill(os.getpid(), signal.{signal})
torch.save = save_and_die
whole = train.train
def train_and_leave(*arguments, **more):
    model, history = whole(*arguments, **more)
    if folder := os.environ.get("TRAINED"):
        save(model.state_dict(), os.path.join(folder, os.environ["RANK"] + ".pt"))
    return model, history
train.train = train_and_leave
train.main([option.replace("RANK", os.environ.get("RANK", "")) for option in sys.argv[1:]])
"""


@pytest.fixture
def driver(tmp_path):
    path = tmp_path / "driver.py"
    name = "SIGKILL" if hasattr(signal, "SIGKILL") else "SIGTERM"
    path.write_text(DRIVER.format(notebooks=str(NOTEBOOKS), signal=name))
    return path


def run(*command, **environment):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "COURSE_DATA": "sample", **environment}
    return subprocess.run(
        [sys.executable, *map(str, command)], env=env, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def cpu(monkeypatch):
    """One thread, so that sums are added up in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch.device("cpu")
    torch.set_num_threads(threads)


def pictures(count):
    """Pictures whose pixels say where they are: red 8 × row, green 8 × column, blue the picture's number."""
    grid = torch.arange(32)
    red = (8 * grid[:, None]).expand(count, 32, 32)
    green = (8 * grid[None, :]).expand(count, 32, 32)
    blue = torch.arange(count)[:, None, None].expand(count, 32, 32)
    return torch.stack([red, green, blue], dim=1).to(torch.uint8), torch.arange(count) % 10


def raw(x):
    """Batches' normalised images (n, 3, 32, 32) as numbers from 0 to 255 again."""
    mean, std = (torch.tensor(values)[:, None, None] for values in (CIFAR10_MEAN, CIFAR10_STD))
    return ((x.cpu() * std + mean) * 255).round().to(torch.int64)


def test_batches_are_the_images_in_order_and_normalised():
    images = torch.randint(256, (10, 3, 32, 32), dtype=torch.uint8)
    labels = torch.arange(10)
    batches = Batches(images, labels, 4, device="cpu")
    assert len(batches) == 3
    xs, ys = zip(*batches, strict=True)
    assert [len(y) for y in ys] == [4, 4, 2]
    assert torch.equal(torch.cat(ys), labels)
    mean, std = (torch.tensor(values)[:, None, None] for values in (CIFAR10_MEAN, CIFAR10_STD))
    torch.testing.assert_close(torch.cat(xs), (images / 255 - mean) / std)
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in xs)


def test_a_square_of_each_augmented_image_is_hidden():
    images = torch.randint(1, 256, (64, 3, 32, 32), dtype=torch.uint8)
    labels = torch.zeros(64, dtype=torch.int64)

    def hidden(**settings):
        """Where the pixels of each image have the mean colour, (N, H, W), and the images."""
        numbers = torch.Generator().manual_seed(0)
        ((x, _),) = Batches(images, labels, 64, device="cpu", generator=numbers, **settings)
        return (x == 0).all(dim=1), x

    nothing, whole = hidden(augment=True, shift=0)
    assert not nothing.any()
    squares, x = hidden(augment=True, shift=0, erase=10)
    assert torch.equal(x, whole.masked_fill(squares[:, None], 0))
    corners = set()
    for square in squares:
        rows, columns = square.any(dim=1).nonzero().flatten(), square.any(dim=0).nonzero().flatten()
        assert square.sum() == 100 and len(rows) == len(columns) == 10
        assert rows[-1] - rows[0] == columns[-1] - columns[0] == 9
        corners.add((rows[0].item(), columns[0].item()))
    assert len(corners) > 50
    assert not hidden(erase=10)[0].any()  # only augment hides
    halves = [hidden(augment=True, shift=0, erase=10, rank=rank, world=2)[1] for rank in (0, 1)]
    assert torch.equal(halves[0], x[0::2]) and torch.equal(halves[1], x[1::2])
    with pytest.raises(ValueError, match="erase should be from 0 to 32, not 33"):
        Batches(images, labels, 32, erase=33)


def test_shuffled_batches_hold_every_image_once_in_another_order_each_round():
    images, labels = pictures(50)
    batches = Batches(
        images, labels, 8, shuffle=True, device="cpu", generator=torch.Generator().manual_seed(0)
    )
    rounds = [torch.cat([raw(x)[:, 2, 0, 0] for x, _ in batches]) for _ in range(2)]
    assert all(torch.equal(order.sort().values, torch.arange(50)) for order in rounds)
    assert not torch.equal(*rounds)
    again = Batches(images, labels, 8, shuffle=True, device="cpu", generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.cat([raw(x)[:, 2, 0, 0] for x, _ in again]), rounds[0])
    for x, y in again:
        assert torch.equal(raw(x)[:, 2, 0, 0] % 10, y)


def test_augmented_images_are_flipped_and_moved_each_in_its_own_way():
    images, labels = pictures(256)
    seen, order = set(), iter(range(256))
    numbers = torch.Generator().manual_seed(1)
    for x, _ in Batches(images, labels, 64, augment=True, shift=2, device="cpu", generator=numbers):
        for red, green, blue in raw(x):
            assert blue.unique().tolist() == [next(order)]
            rows, columns = red[:, 0] // 8, green[0] // 8
            assert (red == 8 * rows[:, None]).all() and (green == 8 * columns).all()
            flipped = bool(columns[10] > columns[20])
            columns = columns.flip(0) if flipped else columns
            down, right = int(rows[10]) - 10, int(columns[10]) - 10
            # Written out, with the edge mirrored: moved by 2, the rows are 2 1 0 1 2 …, or … 30 31 30 29.
            expected = [[31 - abs(31 - abs(i + by)) for i in range(32)] for by in (down, right)]
            assert [rows.tolist(), columns.tolist()] == expected
            seen.add((down, right, flipped))
    assert len(seen) == 5 * 5 * 2  # every one of them occurs among 256 pictures


def test_the_processes_share_every_batch():
    images, labels = pictures(44)

    def rounds(rank, world):
        numbers = torch.Generator().manual_seed(5)
        return list(Batches(images, labels, 8, True, True, 4, "cpu", numbers, rank=rank, world=world))

    for (x, y), (x0, y0), (x1, y1) in zip(rounds(0, 1), rounds(0, 2), rounds(1, 2), strict=True):
        assert torch.equal(x[0::2], x0) and torch.equal(x[1::2], x1)
        assert torch.equal(y[0::2], y0) and torch.equal(y[1::2], y1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.zeros(4, 3, 8, 8)}, "uint8"),
        ({"images": torch.zeros(4, 8, 8, 3, dtype=torch.uint8)}, r"\(N, 3, H, W\)"),
        ({"labels": torch.zeros(3, dtype=torch.int64)}, r"int64 \(4,\)"),
        ({"labels": torch.zeros(4)}, "int64"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 3, "world": 2}, "multiple of 2"),
    ],
)
def test_batches_refuse_what_they_cannot_read(change, message):
    good = {
        "images": torch.zeros(4, 3, 8, 8, dtype=torch.uint8),
        "labels": torch.zeros(4, dtype=torch.int64),
        "batch_size": 2,
        "device": "cpu",
    }
    Batches(**good)
    with pytest.raises(ValueError, match=message):
        Batches(**{**good, **change})


def test_one_epoch_is_gradient_descent(cpu):
    """Equal to the formula w - lr · gradient, batch by batch, with a DataLoader whose last batch is smaller."""
    torch.manual_seed(0)
    x, y = torch.randn(10, 5), torch.randint(3, (10,))
    model = nn.Linear(5, 3)
    weight = model.weight.detach().clone().requires_grad_()
    bias = model.bias.detach().clone().requires_grad_()
    losses, right, rates = [], 0, [0.1, 0.05, 0.025]
    for part, rate in zip(torch.arange(10).split(4), rates, strict=True):
        logits = x[part] @ weight.T + bias
        loss = -logits.log_softmax(1)[torch.arange(len(part)), y[part]]
        gradients = torch.autograd.grad(loss.mean(), [weight, bias])
        weight, bias = (
            (p - rate * g).detach().requires_grad_() for p, g in zip([weight, bias], gradients, strict=True)
        )
        losses += loss.tolist()
        right += (logits.argmax(1) == y[part]).sum().item()

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    model.eval()  # as an evaluation would have left it
    loader = DataLoader(TensorDataset(x, y), batch_size=4)
    loss, accuracy = train_one_epoch(model, loader, nn.CrossEntropyLoss(), optimizer, scheduler)
    assert model.training
    assert loss == pytest.approx(sum(losses) / 10, rel=1e-5)
    assert accuracy == right / 10
    torch.testing.assert_close(model.weight, weight)
    torch.testing.assert_close(model.bias, bias)


def test_autocast_computes_in_bfloat16_and_keeps_float32_weights(cpu):
    model = nn.Linear(3, 2)
    seen = []
    model.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batch = [(torch.ones(4, 3), torch.zeros(4, dtype=torch.int64))]
    for autocast in (False, True):
        train_one_epoch(model, batch, nn.CrossEntropyLoss(), optimizer, autocast=autocast)
    assert seen == [torch.float32, torch.bfloat16]
    assert model.weight.dtype == model.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_counts_every_image_alike_and_leaves_the_mode(training):
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.9))
    model.train(training)
    x, y = torch.randn(10, 4), torch.randint(3, (10,))
    loss, accuracy = evaluate(model, [(x[:7], y[:7]), (x[7:], y[7:])], nn.CrossEntropyLoss())
    logits = model[0](x)  # no dropout
    assert loss == pytest.approx(nn.functional.cross_entropy(logits, y).item(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(1) == y).float().mean().item())
    assert model.training is training


def test_evaluate_leaves_the_mode_when_it_fails():
    model = nn.Linear(4, 3)
    with pytest.raises(RuntimeError):
        evaluate(model, [(torch.ones(2, 5), torch.zeros(2, dtype=torch.int64))], nn.CrossEntropyLoss())
    assert model.training


def test_no_batch_and_a_loss_that_is_no_number_are_errors():
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="no batch to train on"):
        train_one_epoch(model, [], nn.CrossEntropyLoss(), optimizer)
    with pytest.raises(ValueError, match="no batch to evaluate on"):
        evaluate(model, [], nn.CrossEntropyLoss())
    before = model.weight.clone()
    bad = [(torch.full((1, 2), float("inf")), torch.zeros(1, dtype=torch.int64))]
    with pytest.raises(FloatingPointError, match="smaller learning rate"):
        train_one_epoch(model, bad, nn.CrossEntropyLoss(), optimizer)
    assert torch.equal(model.weight, before)


def test_a_checkpoint_comes_back_whole(tmp_path):
    path = tmp_path / "new folder" / "run.pt"
    save_checkpoint(path, {"epoch": 1, "weights": torch.arange(3)})
    save_checkpoint(path, {"epoch": 2, "weights": torch.arange(4)})
    state = load_checkpoint(path)
    assert state["epoch"] == 2 and torch.equal(state["weights"], torch.arange(4))
    assert [file.name for file in path.parent.iterdir()] == ["run.pt"]


class Trap:
    """What an attacker would put into a pickle."""

    def __reduce__(self):
        return os.mkdir, ("trapped",)


def test_a_checkpoint_that_cannot_be_read_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        load_checkpoint("missing.pt")
    Path("half.pt").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(CheckpointError, match="half.pt is no checkpoint that can be read"):
        load_checkpoint("half.pt")
    torch.save(Trap(), "trap.pt")
    with pytest.raises(CheckpointError, match="trap.pt is no checkpoint that can be read"):
        load_checkpoint("trap.pt")
    assert not Path("trapped").exists()


def test_what_cannot_be_opened_is_not_called_a_bad_checkpoint(tmp_path, monkeypatch):
    """No word of deleting: the name is a folder, or the file may be whole."""
    with pytest.raises(CheckpointError) as found:
        load_checkpoint(tmp_path)
    assert "cannot be opened" in str(found.value) and "delete" not in str(found.value)
    path = tmp_path / "run.pt"
    save_checkpoint(path, {"epoch": 1})

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(
        CheckpointError, match=r"run.pt cannot be opened \(Permission denied\): check its name"
    ):
        load_checkpoint(path)


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="x.pt cannot be written"):
        save_checkpoint(tmp_path / "file" / "x.pt", {})
    with pytest.raises(CheckpointError, match=r"is a folder: name a file in it, such as .*run.pt"):
        save_checkpoint(tmp_path, {})
    path = tmp_path / "run.pt"
    save_checkpoint(path, {"epoch": 1})
    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(CheckpointError, match=r"run.pt cannot be written \(No space left on device\)"):
        save_checkpoint(path, {"epoch": 2})
    assert load_checkpoint(path) == {"epoch": 1}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "run.pt"]


def full_disk(state, path):
    """torch.save where nothing fits."""
    Path(path).write_bytes(b"PK")
    raise OSError(28, "No space left on device")


def test_weights_of_another_network_are_refused_before_anything_changes():
    model = cifar10_quick()
    before = model[0].weight.clone()
    load_weights(model, model.state_dict())
    for other in (nn.Sequential(nn.Linear(3, 2)), nn.Sequential(nn.Conv2d(3, 16, 5)), nn.Sequential()):
        with pytest.raises(CheckpointError, match="run.pt is of another network: .* build the network"):
            load_weights(model, other.state_dict(), "run.pt")
    assert torch.equal(model[0].weight, before)


def random_data(count=96):
    """The images of DRIVER."""
    numbers = torch.Generator().manual_seed(1)
    images = torch.randint(256, (count, 3, 32, 32), dtype=torch.uint8, generator=numbers)
    return images, torch.randint(10, (count,), generator=numbers)


SHORT = train.Settings(epochs=2, batch_size=32, validation=0.25)
SHORT_RESIDUAL = replace(train.RECIPES["residual"], epochs=2, batch_size=32, validation=0.25, width=4)


def quiet(settings, **more):
    return train.train(settings, *random_data(), device="cpu", verbose=False, progress=False, **more)


def test_the_same_seed_gives_the_same_numbers(cpu):
    random.seed(1)  # whatever was drawn before
    model, history = quiet(SHORT)
    torch.rand(7)
    again, same = quiet(SHORT)
    assert same == history
    assert sorted(history) == ["train_accuracy", "train_loss", "validation_accuracy", "validation_loss"]
    assert all(len(values) == SHORT.epochs for values in history.values())
    torch.testing.assert_close(again.state_dict(), model.state_dict(), rtol=0, atol=0)
    _, other = quiet(train.Settings(**{**train.asdict(SHORT), "seed": 1}))
    assert other != history


@pytest.mark.parametrize("piece", PIECES)
def test_each_piece_that_is_left_out_changes_the_numbers(piece, cpu):
    _, whole = quiet(SHORT_RESIDUAL)
    _, again = quiet(SHORT_RESIDUAL)
    _, without = quiet(replace(SHORT_RESIDUAL, without=piece))
    assert again == whole
    assert without["train_loss"] != whole["train_loss"]
    assert without["validation_loss"] != whole["validation_loss"]


def test_averaging_the_weights_changes_the_numbers(cpu):
    _, plain = quiet(SHORT_RESIDUAL)
    _, averaged = quiet(replace(SHORT_RESIDUAL, average=True))
    assert averaged["train_loss"] != plain["train_loss"]


@pytest.mark.parametrize(
    ("small", "epochs", "sides"),
    [(0.0, 2, [32, 32]), (0.5, 4, [20, 20, 32, 32]), (0.65, 3, [20, 20, 32]), (1.0, 2, [20, 20])],
)
def test_the_first_epochs_see_small_pictures(small, epochs, sides, monkeypatch, cpu):
    """In training and on the held-out images; CIFAR10-quick sees them as they are."""
    seen = {"train": [], "validation": []}

    def noting(part, what):
        def with_sides(model, batches, *rest):
            batches = list(batches)
            seen[part].append({x.shape[2:] for x, _y in batches})
            return what(model, batches, *rest)

        return with_sides

    monkeypatch.setattr(train, "train_one_epoch", noting("train", train.train_one_epoch))
    monkeypatch.setattr(train, "evaluate", noting("validation", train.evaluate))
    quiet(replace(SHORT_RESIDUAL, epochs=epochs, small=small, small_side=20))
    assert seen["train"] == seen["validation"] == [{(side, side)} for side in sides]
    assert train.Settings(small=1.0).side(0) is None


def test_the_residual_network_needs_images_to_begin_with():
    with pytest.raises(ValueError, match="first layer is made from images"):
        train.build(SHORT_RESIDUAL, 10, "cpu")
    images, _ = random_data()
    whole, without = (
        train.build(settings, 10, "cpu", images)[0][0].weight
        for settings in (SHORT_RESIDUAL, replace(SHORT_RESIDUAL, without="whitening"))
    )
    assert not whole.requires_grad and without.requires_grad and not torch.equal(whole, without)


@pytest.mark.parametrize("model", train.RECIPES)
@pytest.mark.parametrize("epochs", range(1, 6))
def test_a_run_may_be_of_few_steps(epochs, model, cpu):
    settings = replace(train.RECIPES[model], epochs=epochs, batch_size=96, validation=0.0, width=4)
    _, history = quiet(settings)
    assert len(history["train_loss"]) == epochs


def test_the_script_s_pieces_by_hand_give_its_numbers(cpu):
    """As chapter 21 does it: the same parts, the same seed, the same history."""
    images, labels = random_data()
    (train_part, held_out) = train.split(images, labels, SHORT.validation)
    assert len(train_part[1]) == 72 and torch.equal(held_out[0], images[72:])
    numbers = torch.Generator().manual_seed(SHORT.seed)
    batches = Batches(
        *train_part,
        SHORT.batch_size,
        shuffle=True,
        augment=True,
        shift=SHORT.shift,
        device="cpu",
        generator=numbers,
    )
    model, loss_fn, optimizer, scheduler = train.build(SHORT, SHORT.epochs * len(batches), "cpu")
    history = [train_one_epoch(model, batches, loss_fn, optimizer, scheduler) for _ in range(SHORT.epochs)]
    _, expected = quiet(SHORT)
    assert [loss for loss, _ in history] == expected["train_loss"]
    assert [accuracy for _, accuracy in history] == expected["train_accuracy"]


def test_another_run_s_checkpoint_is_not_resumed(tmp_path):
    path = tmp_path / "run.pt"
    quiet(SHORT, checkpoint=path)
    with pytest.raises(CheckpointError, match="run.pt is there already: add --resume"):
        quiet(SHORT, checkpoint=path)
    other = train.Settings(**{**train.asdict(SHORT), "activation": "none"})
    with pytest.raises(
        CheckpointError, match="another run: activation is relu there and none here; give the options"
    ):
        quiet(other, checkpoint=path, resume=True)
    save_checkpoint(path, cifar10_quick().state_dict())
    with pytest.raises(CheckpointError, match="run.pt is no checkpoint of a training run"):
        quiet(SHORT, checkpoint=path, resume=True)


def test_a_run_cannot_be_made_longer_and_the_reason_is_given(tmp_path):
    path = tmp_path / "run.pt"
    quiet(SHORT, checkpoint=path)
    longer = train.Settings(**{**train.asdict(SHORT), "epochs": 4})
    with pytest.raises(
        CheckpointError, match="epochs is 2 there and 4 here .the learning rate of each step depends"
    ):
        quiet(longer, checkpoint=path, resume=True)


def test_a_checkpoint_may_be_older_than_a_setting(tmp_path, cpu):
    """What it does not name had its default, as nothing else could be chosen then."""
    path = tmp_path / "run.pt"
    _, history = quiet(SHORT, checkpoint=path)
    state = load_checkpoint(path)
    for name in ("model", "width", "without"):
        del state["settings"][name]
    save_checkpoint(path, state)
    assert quiet(SHORT, checkpoint=path, resume=True)[1] == history
    with pytest.raises(CheckpointError, match="another run: model is quick there and residual here"):
        quiet(SHORT_RESIDUAL, checkpoint=path, resume=True)


def scalars(folder):
    """The curves in a TensorBoard run: their tags with pairs (step, value)."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(point.step, point.value) for point in events.Scalars(tag)] for tag in events.Tags()["scalars"]
    }


def stop_after(epochs, monkeypatch):
    """Have train.py interrupted, as by Ctrl-C, in the epoch after `epochs`."""
    plain, calls = train.train_one_epoch, []

    def one_epoch(*arguments):
        calls.append(1)
        if len(calls) > epochs:
            raise KeyboardInterrupt
        return plain(*arguments)

    monkeypatch.setattr(train, "train_one_epoch", one_epoch)


def test_a_resumed_run_goes_on_with_its_curves(tmp_path, monkeypatch, cpu):
    monkeypatch.setattr(helpers, "LOGS", tmp_path)
    path = tmp_path / "run.pt"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(1, patch)
        quiet(SHORT, checkpoint=path, log="quick")
    _, history = quiet(SHORT, checkpoint=path, resume=True, log="quick")
    (folder,) = (tmp_path / "quick").iterdir()
    found = scalars(folder)
    assert len(found) == 4
    for tag, points in found.items():
        measure, _, part = tag.partition("/")
        assert points == [(i + 1, pytest.approx(v)) for i, v in enumerate(history[f"{part}_{measure}"])]
    # With another name, or where the curves are gone: the whole run anew.
    quiet(SHORT, checkpoint=path, resume=True, log="other")
    assert scalars(tmp_path / "other" / "run-1") == found


@pytest.fixture
def random_images(monkeypatch):
    """train.py on random images; the list that it returns holds what was asked for, True for training images."""
    asked = []

    def images(train):
        asked.append(train)
        return random_data()

    monkeypatch.setattr(train, "cifar10_tensors", images)
    return asked


def ending(*options):
    """How a command ends that does not succeed: its exit code, and what it says."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), pytest.raises(SystemExit) as exit_:
        train.main(list(map(str, options)))
    text = said.getvalue()
    assert "Traceback" not in text
    return exit_.value.code, text


ON_CPU = ["--epochs", "2", "--batch-size", "32", "--device", "cpu"]


def test_the_test_images_are_scored_only_when_asked(random_images, capsys, cpu):
    train.main([*ON_CPU, "--validation", "0.25"])
    assert random_images == [True]
    assert "test" not in capsys.readouterr().out
    train.main([*ON_CPU, "--test"])
    assert random_images == [True, True, False]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[-1].startswith("test   loss ")


def test_the_validation_loss_is_plain(cpu):
    """That of a network which is not trained at all: the same with and without label smoothing."""
    smooth = {**train.asdict(SHORT), "lr": 1e-30, "weight_decay": 0.0, "augment": False}
    (_, one), (_, two) = (quiet(train.Settings(**{**smooth, "label_smoothing": x})) for x in (0.0, 0.5))
    assert one["validation_loss"] == two["validation_loss"]
    assert one["train_loss"][0] != two["train_loss"][0]


def test_the_first_images_alone(random_images, tmp_path, cpu):
    path = tmp_path / "run.pt"
    train.main([*ON_CPU, "--images", "64", "--validation", "0.25", "--checkpoint", str(path)])
    images, labels = random_data()
    _, history = train.train(SHORT, images[:64], labels[:64], device="cpu", verbose=False, progress=False)
    assert load_checkpoint(path)["history"] == history
    code, text = ending(*ON_CPU, "--images", "97")
    assert code == 2 and "--images 97: there are only 96" in text
    code, text = ending(*ON_CPU, "--images", "1", "--validation", "0.9")
    assert code == 2 and "0 images to train on are too few" in text


@pytest.mark.parametrize("option", ["--checkpoint", "--weights"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        (".", "is a folder: name a file"),
        ("file/x.pt", "x.pt cannot be written"),
        ("there.pt", "is there already"),
    ],
)
def test_a_place_is_tried_before_the_first_epoch(
    option, name, message, random_images, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("there.pt").write_text("something else")
    code, text = ending(*ON_CPU, option, name)
    assert code == 4 and message in text and len(text.splitlines()) == 1 and "delete" not in text
    assert capsys.readouterr().out == ""  # no epoch
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "there.pt"]
    assert Path("there.pt").read_text() == "something else"


def test_the_current_folder_is_never_to_be_deleted(random_images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, text = ending(*ON_CPU, "--checkpoint", ".", "--resume")
    assert code == 4 and "is a folder: name a file in it" in text and "delete" not in text


def test_a_log_that_cannot_be_begun_ends_the_run_before_it_starts(
    random_images, tmp_path, monkeypatch, capsys
):
    (tmp_path / "logs").touch()
    monkeypatch.setattr(helpers, "LOGS", tmp_path / "logs")
    code, text = ending(*ON_CPU, "--log", "quick")
    assert code == 4 and text.startswith("train.py: ") and "logs" in text
    assert capsys.readouterr().out == ""


def test_a_log_that_can_no_longer_be_written_does_not_end_the_run(
    random_images, tmp_path, monkeypatch, capsys
):
    from torch.utils.tensorboard import SummaryWriter

    def refuse(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(helpers, "LOGS", tmp_path)
    monkeypatch.setattr(SummaryWriter, "flush", refuse)
    train.main([*ON_CPU, "--log", "quick", "--weights", str(tmp_path / "w.pt")])
    printed = capsys.readouterr().out
    assert printed.count("the curves end here: they cannot be written (No space left on device)") == 1
    assert "epoch  2/2" in printed and (tmp_path / "w.pt").exists()


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """Whether there is room: a function of the path and the state to save, which a test replaces. Temporary files
    and the home are below tmp_path."""

    class Disk:
        has_room = staticmethod(lambda path, state: True)

    plain = helpers.save_checkpoint

    def save(path, state):
        with monkeypatch.context() as patch:
            if not Disk.has_room(Path(path), state):
                patch.setattr(torch, "save", full_disk)
            plain(path, state)

    for name in ("temporary", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(train.tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(helpers, "save_checkpoint", save)
    return Disk


def test_a_disk_that_fills_up_costs_no_epoch(random_images, disk, tmp_path, cpu):
    """What can no longer be saved in its place is kept in another one, which the sentence names."""
    path, weights = tmp_path / "run.pt", tmp_path / "w.pt"
    disk.has_room = lambda where, state: where.parent != tmp_path or state.get("epoch", 0) < 2
    code, text = ending(*ON_CPU, "--checkpoint", path)
    assert code == 4 and text.startswith(f"train.py: {path} cannot be written (No space left on device)")
    assert load_checkpoint(path)["epoch"] == 1
    kept = text.strip().rpartition("; it is kept in ")[2]
    assert kept.startswith(str(tmp_path / "temporary")) and load_checkpoint(kept)["epoch"] == 2

    disk.has_room = lambda where, state: where != weights and tmp_path / "temporary" not in where.parents
    code, text = ending(*ON_CPU, "--weights", weights)
    assert code == 4 and "w.pt cannot be written" in text
    kept = text.strip().rpartition("; it is kept in ")[2]
    assert kept.startswith(str(tmp_path / "home"))
    load_weights(cifar10_quick(), load_checkpoint(kept))


@pytest.mark.parametrize("answer", ["", "other.pt", None])
def test_where_no_place_is_left_it_waits_for_the_person(
    answer, random_images, disk, tmp_path, monkeypatch, capsys, cpu
):
    monkeypatch.chdir(tmp_path)
    asked = []
    disk.has_room = lambda where, state: bool(asked) or where.name.endswith(".probe")

    def person(prompt):
        if answer is None:
            raise KeyboardInterrupt
        asked.append(prompt)
        return answer

    monkeypatch.setattr("builtins.input", person)
    options = [*ON_CPU, "--weights", "w.pt"]
    code, text = ending(*options)  # nobody is there
    assert code == 4 and text.startswith("train.py: w.pt cannot be written (No space left on device)")
    assert asked == []
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    capsys.readouterr()
    if answer is None:
        assert ending(*options)[0] == 130
    else:
        train.main(options)
        load_weights(cifar10_quick(), load_checkpoint(answer or "w.pt"))
    printed = capsys.readouterr().out
    assert "Make room and press Enter, or type another file's name. Ctrl+C gives up." in printed


def test_weights_are_written_again_only_by_a_run_that_goes_on(random_images, tmp_path, cpu):
    options = [*ON_CPU, "--weights", str(tmp_path / "w.pt")]
    train.main([*options, "--checkpoint", str(tmp_path / "run.pt")])
    (tmp_path / "w.pt").write_text("broken")
    code, text = ending(*options, "--checkpoint", tmp_path / "new.pt", "--resume")
    assert code == 4 and "w.pt is there already" in text
    train.main([*options, "--checkpoint", str(tmp_path / "run.pt"), "--resume"])
    assert load_checkpoint(tmp_path / "w.pt")


def test_the_weights_fit_the_residual_network(random_images, tmp_path, cpu):
    path = tmp_path / "w.pt"
    train.main(
        [*ON_CPU, "--validation", "0.25", "--model", "residual", "--width", "4", "--weights", str(path)]
    )
    model, _ = quiet(SHORT_RESIDUAL)
    assert same(load_checkpoint(path), dict(model.state_dict()))
    load_weights(residual_network(4), load_checkpoint(path))
    with pytest.raises(CheckpointError, match="is of another network"):
        load_weights(residual_network(8), load_checkpoint(path))


@pytest.mark.parametrize("done", [0, 1])
def test_ctrl_c_is_one_sentence(done, random_images, tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    word = "go on with the same command and --resume" if done else "nothing is saved, see --checkpoint"
    with monkeypatch.context() as patch:
        stop_after(done, patch)
        assert ending(*ON_CPU, "--checkpoint", path) == (130, f"\ntrain.py: stopped; {word}\n")
    if done:
        stop_after(0, monkeypatch)
        stopped = ending(*ON_CPU, "--checkpoint", path, "--resume")
        assert stopped == (130, "\ntrain.py: stopped; go on with the same command\n")


def test_data_that_cannot_be_had_has_an_exit_code_of_its_own(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "everything")
    code, text = ending(*ON_CPU)
    assert code == 3 and text.startswith("train.py: COURSE_DATA is 'everything', not 'sample' or 'full'")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "many"], "--epochs: invalid whole number value: 'many'"),
        (["--epochs", "0"], "--epochs: 0 will not do, it should be at least 1\n"),
        (["--images", "0"], "--images: 0 will not do, it should be at least 1\n"),
        (["--lr", "-1"], "--lr: -1 will not do, it should be more than 0\n"),
        (["--lr", "0"], "--lr: 0 will not do, it should be more than 0\n"),
        (["--lr", "nan"], "--lr: nan will not do"),
        (["--lr", "inf"], "--lr: inf will not do"),
        (["--momentum", "1"], "--momentum: 1 will not do, it should be at least 0 and less than 1\n"),
        (["--validation", "1"], "--validation: 1 will not do, it should be at least 0 and at most 0.9\n"),
        (["--seed", "9" * 10], "it should be at least 0 and at most 4294967295"),
        (["--activation", "swish"], "choose from"),
        (["--model", "large"], "--model: invalid choice: 'large' (choose from "),
        (["--model"], "--model: expected one argument\n"),
        (["--model", "residual", "--without", "everything"], "--without: invalid choice: 'everything'"),
        (["--model", "residual", "--activation", "relu"], "error: --activation is for --model quick\n"),
        (["--width", "16"], "error: --width is for --model residual\n"),
        (["--model=quick", "--without", "small"], "error: --without is for --model residual\n"),
        (["--small", "0.5"], "error: --small is for --model residual\n"),
        (["--small-side", "24"], "error: --small-side is for --model residual\n"),
        (["--average"], "error: --average is for --model residual\n"),
        (["--resume"], "--resume needs --checkpoint"),
        (["--checkpoint", "a.pt", "--weights", "./a.pt"], "--weights and --checkpoint should be two files"),
        (["--device", "toaster"], "there is no device toaster here"),
    ],
)
def test_wrong_options_are_named(options, message, capsys, monkeypatch):
    monkeypatch.setattr(train, "cifar10_tensors", lambda train: random_data())
    with pytest.raises(SystemExit) as exit_:
        train.main(options)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err
    # Of several processes the first alone says so.
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit) as exit_:
        train.main(options)
    assert exit_.value.code == 2 and capsys.readouterr().err == ""


def test_a_loss_that_is_no_number_in_one_process_is_none_in_all(monkeypatch):
    for other, expected in ((2.0, 1.0), (float("nan"), None), (float("inf"), None)):
        monkeypatch.setattr(train.dist, "all_reduce", lambda total, other=other: total.add_(other))
        loss = train.finite_in_all(lambda logits, y: logits.sum())(torch.ones(1, requires_grad=True), None)
        assert loss.item() == expected if expected else not loss.isfinite()


def test_a_diverging_run_ends_in_one_sentence(monkeypatch):
    monkeypatch.setattr(train, "cifar10_tensors", lambda train: random_data())
    code, text = ending(
        "--lr",
        "1e9",
        "--epochs",
        "3",
        "--batch-size",
        "16",
        "--schedule",
        "constant",
        "--device",
        "cpu",
    )
    assert code == 1 and re.match("train.py: the loss became (nan|inf): try a smaller learning rate", text)


def test_the_help_names_every_setting(capsys):
    with pytest.raises(SystemExit) as exit_:
        train.main(["--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    for name in train.asdict(SHORT):
        assert f"--{name.replace('_', '-')}" in text or f"--no-{name}" in text


@pytest.mark.parametrize("model", train.RECIPES)
@pytest.mark.parametrize("way", [["--help", "--model", "MODEL"], ["--model=MODEL", "-h"]])
def test_the_help_shows_the_chosen_network_s_recipe(model, way, capsys):
    with pytest.raises(SystemExit) as exit_:
        train.main([option.replace("MODEL", model) for option in way])
    assert exit_.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    recipe = train.RECIPES[model]
    for name in ("epochs", "batch-size", "lr", "momentum", "weight-decay", "label-smoothing"):
        value = getattr(recipe, name.replace("-", "_"))
        assert re.search(rf" --{name} [NX] [^()]*\(default: {re.escape(str(value))}\)", text), name


def same(one, other):
    """Whether two checkpoints are equal to the bit, all the way down."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


@pytest.mark.parametrize("network", [[], ["--model", "residual", "--width", "4"]], ids=train.RECIPES)
def test_a_killed_run_resumes_to_the_same_bits(network, driver, tmp_path, cpu, monkeypatch, capsys):
    options = [*network, "--epochs", "3", "--batch-size", "32", "--device", "cpu"]
    monkeypatch.setattr(train, "cifar10_tensors", lambda train: random_data())
    options += ["--test"]
    straight = {name: str(tmp_path / f"straight.{name}") for name in ("run", "pt")}
    train.main([*options, "--checkpoint", straight["run"], "--weights", straight["pt"]])
    printed = capsys.readouterr().out.splitlines()

    broken = {name: str(tmp_path / f"broken.{name}") for name in ("run", "pt")}
    command = [driver, *options, "--checkpoint", broken["run"], "--resume", "--weights", broken["pt"]]
    killed = run(*command, KILL="2")
    assert killed.returncode != 0 and not Path(broken["pt"]).exists()
    assert killed.stdout.splitlines() == printed[:1]
    assert load_checkpoint(broken["run"])["epoch"] == 1  # that of epoch 2 was written by half

    resumed = run(*command)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stderr == ""
    assert resumed.stdout.splitlines() == ["going on after epoch 1 of 3", *printed[1:]]
    for name in ("run", "pt"):
        assert same(load_checkpoint(broken[name]), load_checkpoint(straight[name]))
    assert not list(tmp_path.glob("*.part"))


def test_two_processes_are_one(driver, tmp_path, cpu):
    """torchrun with two processes, each with half of every batch, ends at the weights of one process."""
    model, history = quiet(SHORT)
    path = tmp_path / "two.run"
    options = [
        "--epochs",
        2,
        "--batch-size",
        32,
        "--validation",
        0.25,
        "--device",
        "cpu",
        "--checkpoint",
        path,
    ]
    # Not --log: torchrun takes that for an option of its own.
    two = torchrun(driver, *options, "--test", "--tensorboard", "two", COURSE_LOGS=str(tmp_path))
    assert two.returncode == 0, two.stderr
    assert two.stdout.count("epoch  1/2") == two.stdout.count("test ") == 1  # the first process alone reports
    assert len(scalars(tmp_path / "two" / "run-1")) == 4
    state = load_checkpoint(path)
    torch.testing.assert_close(state["model"], dict(model.state_dict()), rtol=0, atol=1e-5)
    torch.testing.assert_close(state["history"], history, rtol=0, atol=1e-4)


def test_two_processes_of_the_residual_network_end_at_the_same_weights(driver, tmp_path, cpu):
    """The same in both; not those of one process, since each normalises its own half of a batch."""
    options = ["--model", "residual", "--width", 4, "--epochs", 2, "--batch-size", 32, "--device", "cpu"]
    # Small steps: the two runs drift apart with each.
    two = torchrun(driver, *options, "--lr", 0.1, "--validation", 0.25, "--test", TRAINED=str(tmp_path))
    assert two.returncode == 0, two.stderr
    assert two.stdout.count("epoch  2/2") == two.stdout.count("test ") == 1
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    alone, _ = quiet(replace(SHORT_RESIDUAL, lr=0.1))
    assert same(first["0.weight"], alone[0].weight)  # frozen: made from all images, not from a share
    for name, weights in alone.named_parameters():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], weights.detach(), rtol=0, atol=0.1)
    assert not all(torch.equal(first[name], weights) for name, weights in alone.named_parameters())
    running = [name for name, _ in alone.named_buffers() if name.endswith("running_mean")]
    assert running and not any(torch.equal(first[name], second[name]) for name in running)


def torchrun(*command, **environment):
    """Run it in two processes of this machine."""
    loopback = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    return run(
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--local-addr=localhost",
        "--nproc-per-node=2",
        *command,
        **loopback,
        **environment,
    )


def test_two_processes_never_go_on_from_different_epochs(driver, tmp_path, cpu):
    """As with a checkpoint in a folder that the machines do not share; and the error is said once."""
    quiet(SHORT, checkpoint=tmp_path / "0" / "run.pt")
    options = ["--epochs", 2, "--batch-size", 32, "--validation", 0.25, "--device", "cpu", "--resume"]
    two = torchrun(driver, *options, "--checkpoint", tmp_path / "RANK" / "run.pt")
    assert two.returncode != 0 and two.stdout == ""
    sentence = "epochs done: 2 in process 0, 0 in process 1: a run can only go on from one checkpoint"
    assert two.stderr.count(f"train.py: {sentence}") == 1
    assert sentence in two.stderr.partition("Root Cause")[2]  # where one looks for it
    assert "File " not in two.stderr.partition("torch/distributed")[0]  # no traceback but torchrun's own


def test_the_curves_reach_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setattr(helpers, "LOGS", tmp_path)
    _, history = quiet(SHORT, log="quick")
    (folder,) = (tmp_path / "quick").iterdir()
    found = scalars(folder)
    assert sorted(found) == sorted(
        f"{measure}/{part}" for measure in ("loss", "accuracy") for part in ("train", "validation")
    )
    assert found["loss/validation"] == [
        (i + 1, pytest.approx(v)) for i, v in enumerate(history["validation_loss"])
    ]


def assert_mean_and_std(scores: dict) -> None:
    """Are the mean and the sample standard deviation in a record those of its runs?"""
    assert scores["mean"] == pytest.approx(statistics.mean(scores["runs"]), abs=1e-4)
    assert scores["std"] == pytest.approx(statistics.stdev(scores["runs"]), abs=1e-4)


def test_the_shipped_weights_are_those_of_the_record():
    folder = helpers.DATA / "weights"
    record = json.loads((folder / "cifar10_quick.json").read_text(encoding="utf-8"))
    model = cifar10_quick(nn.ReLU)
    load_weights(model, load_checkpoint(folder / "cifar10_quick.pt"))
    assert sum(p.numel() for p in model.parameters()) == record["parameters"] == 145_578
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    digest = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()
    assert digest == record["weights_sha256"]

    finals = [record["runs"][f"seed-{n}"] for n in range(3)]
    scores = record["test_accuracies"]
    assert [run["test_accuracy"] for run in finals] == scores["runs"]
    assert_mean_and_std(scores)
    assert scores["mean"] >= 0.81
    recipe = train.Settings(autocast=True)
    for run in [*finals, record["runs"]["validation"]]:
        settings = train.Settings(**run["settings"])  # a record may be older than a setting
        assert replace(settings, validation=recipe.validation, seed=recipe.seed) == recipe
        assert all(len(values) == run["settings"]["epochs"] <= 15 for values in run["history"].values())


def test_the_residual_weights_are_those_of_the_record():
    folder = helpers.DATA / "weights"
    record = json.loads((folder / "residual.json").read_text(encoding="utf-8"))
    state = load_checkpoint(folder / "residual.pt")
    digest = hashlib.sha256(b"".join(value.numpy().tobytes() for value in state.values())).hexdigest()
    assert digest == record["weights_sha256"]
    assert (folder / "residual.pt").stat().st_size < 5e6
    model = residual_network()
    load_weights(model, state)
    assert sum(p.numel() for p in model.parameters()) == record["parameters"] == 1_972_768

    seeds = record["test_accuracies"]["seeds"]
    finals = [record["runs"][f"residual-seed-{n}"] for n in seeds]
    assert [run["test_accuracy"] for run in finals] == record["test_accuracies"]["runs"]
    assert record["shipped"] == "residual-seed-0" and record["test_accuracy"] == finals[0]["test_accuracy"]
    assert record["stored"]["test_accuracy"] == pytest.approx(record["test_accuracy"], abs=2e-3)
    assert len(seeds) == 3 and record["test_accuracies"]["mean"] >= 0.915
    recipe = replace(train.RECIPES["residual"], autocast=True)
    chosen = replace(recipe, epochs=32)  # on the held-out images; the runs on all images have more epochs
    wanted = {f"residual-seed-{n}": replace(recipe, validation=0.0, seed=n) for n in seeds}
    for kind, held_out in {"validation": chosen, "no-squares": replace(chosen, erase=0, shift=4)}.items():
        wanted[f"residual-{kind}"] = held_out
        wanted |= {f"residual-{kind}-seed-{n}": replace(held_out, seed=n) for n in (1, 2)}
    assert record["runs"].keys() == wanted.keys()
    for name, settings in wanted.items():
        run = record["runs"][name]
        assert train.Settings(**run["settings"]) == settings
        assert all(len(values) == settings.epochs for values in run["history"].values())


def test_images_are_re_encoded_as_jpeg_files_of_quality_75(tmp_path):
    spec = importlib.util.spec_from_file_location("make", helpers.DATA / "weights" / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    images = cifar10_tensors(train=False)[0][:3]
    before = images.clone()
    found = make.reencoded(images)
    assert found.shape == images.shape and found.dtype == torch.uint8 and torch.equal(images, before)
    for i, image in enumerate(images):
        to_pil_image(image).save(tmp_path / "image.jpg", quality=75)
        assert torch.equal(found[i], pil_to_tensor(Image.open(tmp_path / "image.jpg")))
    assert 0 < (found.float() - images.float()).abs().mean() < 8


def test_more_minutes_are_more_epochs_of_the_same_recipes():
    record = json.loads((helpers.DATA / "weights" / "minutes.json").read_text(encoding="utf-8"))
    for name, run in record["runs"].items():
        settings = train.Settings(**run["settings"])
        assert name == f"{settings.model}-epochs-{settings.epochs}"
        recipe = replace(train.RECIPES[settings.model], autocast=True)
        assert replace(settings, epochs=recipe.epochs) == recipe
        assert all(len(values) == settings.epochs for values in run["history"].values())
        assert run["processor_seconds"] > 0 and 0.1 < run["validation_accuracy"] < 1


def test_the_pieces_are_the_recipe_with_one_change_each():
    rows = json.loads((helpers.DATA / "weights" / "pieces.json").read_text(encoding="utf-8"))["rows"]
    whole, recipe = rows[0], asdict(train.RECIPES["residual"])
    assert whole["settings"] == {}
    for row in rows[1:]:
        assert row["settings"] and all(recipe[key] != value for key, value in row["settings"].items())
    for row in rows:
        for kind in ("one_version", "six_versions"):
            assert len(row[kind]["runs"]) == len(row["processor_seconds"]) == 3
            assert_mean_and_std(row[kind])
        ends = [history["validation_accuracy"][-1] for history in row["histories"]]
        assert ends == row["one_version"]["runs"]
        assert all(len(values) == 5 for history in row["histories"] for values in history.values())


@pytest.mark.skipif(
    not (helpers.DATA / CIFAR10.base_folder).exists(), reason="needs the whole of CIFAR-10 in data/"
)
@pytest.mark.parametrize(
    ("name", "model", "least"), [("cifar10_quick", cifar10_quick, 0.8), ("residual", residual_network, 0.88)]
)
def test_the_shipped_weights_know_the_test_images(name, model, least, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "full")
    model = model().to(helpers.device)
    load_weights(model, load_checkpoint(helpers.DATA / "weights" / f"{name}.pt"))
    _, accuracy = evaluate(model, Batches(*cifar10_tensors(train=False), 1000), nn.CrossEntropyLoss())
    assert accuracy > least
