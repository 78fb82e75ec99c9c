"""Chapter 26's module: the network, its first layer, its optimizer and its views; and flips in turn."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers import CIFAR10_MEAN, CIFAR10_STD, Batches, evaluate, load_checkpoint, save_checkpoint
from residual import (
    AveragedSGD,
    Residual,
    Views,
    parameter_groups,
    residual_network,
    whiten,
    whitening,
)


@pytest.fixture(autouse=True)
def one_thread():
    """So that sums are added up in one order, and random numbers are the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


# The network


def test_a_shortcut_adds_and_leaves_x_as_it_is():
    linear = nn.Linear(3, 3)
    x = torch.randn(5, 3)
    before = x.clone()
    torch.testing.assert_close(
        Residual(linear, nn.Tanh())(x), before + (before @ linear.weight.T + linear.bias).tanh()
    )
    assert torch.equal(x, before)
    assert torch.equal(Residual()(x), 2 * x)
    with pytest.raises(RuntimeError):
        Residual(nn.Linear(3, 2))(x)


@pytest.mark.parametrize(("size", "sides"), [(32, [31, 15, 7, 3]), (9, [8, 4, 2, 1])])
def test_the_network_s_shapes(size, sides):
    x = torch.randn(2, 3, size, size)
    shapes = []
    for layer in residual_network(4):
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | Residual | nn.AdaptiveMaxPool2d):
            shapes.append(tuple(x.shape))
    a, b, c, d = sides
    assert shapes == [
        (2, 24, a, a),
        *[(2, 4, a, a), (2, 4, b, b), (2, 4, b, b)],
        *[(2, 16, b, b), (2, 16, c, c), (2, 16, c, c)],
        *[(2, 16, c, c), (2, 16, d, d), (2, 16, d, d)],
        (2, 16, 1, 1),
    ]
    assert x.shape == (2, 10)


def test_an_image_may_be_oblong_but_not_too_small():
    assert residual_network(4)(torch.randn(2, 3, 9, 20)).shape == (2, 10)
    with pytest.raises(RuntimeError, match="too small"):
        residual_network(4)(torch.randn(2, 3, 8, 20))


@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("width", [4, 64])
def test_the_number_of_parameters(width, shortcut):
    """Counted by hand: a convolution's kernels, and two numbers for each channel that is normalised."""
    w = width
    by_hand = 24 * 3 * 2 * 2
    for channels_in, channels_out in [(24, w), (w, 4 * w), (4 * w, 4 * w)]:
        by_hand += channels_out * channels_in * 9 + 2 * channels_out
        by_hand += channels_out * channels_out * 9 + 2 * channels_out
    by_hand += 10 * 4 * w
    with torch.device("meta"):  # no memory for the weights
        network = residual_network(width, shortcut)
    assert sum(p.numel() for p in network.parameters()) == by_hand
    if width == 64:
        assert by_hand == 1_972_768


@pytest.mark.parametrize("training", [True, False])
def test_without_the_shortcuts_the_layers_are_the_same(training):
    torch.manual_seed(0)
    whole = residual_network(4).train(training)
    torch.manual_seed(0)
    without = residual_network(4, shortcut=False).train(training)
    assert sum(isinstance(layer, Residual) for layer in whole.modules()) == 3
    assert not any(isinstance(layer, Residual) for layer in without.modules())
    for one, other in zip(whole.parameters(), without.parameters(), strict=True):
        assert torch.equal(one, other)
    x = torch.randn(4, 3, 16, 16)
    bodies = [[*layer.body] if isinstance(layer, Residual) else [layer] for layer in whole]
    in_a_row = nn.Sequential(*sum(bodies, []))
    expected = whole(x)
    assert torch.equal(without(x), in_a_row(x))
    assert not torch.allclose(without(x), expected)


# The first layer


def coloured_noise(count, size=16):
    """Images (count, 3, size, size) of mean 0 and variance 1, where neighbours and colours are alike, as in photographs."""
    noise = F.avg_pool2d(torch.randn(count, 3, size + 2, size + 2), 3, stride=1)
    noise = noise + noise.mean(dim=1, keepdim=True)
    return (noise - noise.mean()) / noise.std()


def second_moments(outputs):
    """The mean over images and places of the product of every two channels, (channels, channels)."""
    columns = outputs.transpose(0, 1).flatten(1)
    return columns @ columns.T / columns.shape[1]


def test_whitened_patches_are_uncorrelated_elsewhere_in_the_images_too():
    images = coloured_noise(600)
    left, right = images.chunk(2, dim=3)
    kernels = whitening(left)
    assert kernels.shape == (24, 3, 2, 2)
    assert torch.equal(kernels[12:], -kernels[:12])
    moments = second_moments(F.conv2d(right, kernels[:12]))
    torch.testing.assert_close(moments, torch.eye(12), rtol=0, atol=0.05)
    before = second_moments(F.unfold(right, 2).transpose(1, 2).reshape(-1, 12, 1))
    assert (before - before.diag().diag()).abs().max() > 0.5


@pytest.mark.parametrize(("size", "least"), [(2, 1.0), (3, 0.1)])
def test_rare_patterns_are_not_blown_up(size, least):
    """The variance of an output is v / (v + least), with v the patches' variance in that direction."""
    images = coloured_noise(50)
    kernels = whitening(images, size, least)
    count = 3 * size * size
    assert kernels.shape == (2 * count, 3, size, size)
    patches = F.unfold(images, size).transpose(1, 2).reshape(-1, count).double()
    variances = torch.linalg.eigvalsh(patches.T @ patches / len(patches))
    moments = second_moments(F.conv2d(images, kernels[:count]))
    expected = (variances / (variances + least)).diag().float()
    torch.testing.assert_close(moments, expected, rtol=1e-3, atol=1e-3)


def test_the_first_layer_is_frozen():
    network = residual_network(4)
    images = coloured_noise(20)
    whiten(network, images)
    first = network[0].weight
    assert torch.equal(first, whitening(images)) and not first.requires_grad
    network(images).square().sum().backward()
    assert first.grad is None
    assert all(p.grad is not None for p in network.parameters() if p is not first)


# The optimizer


def test_each_parameter_that_learns_is_in_one_group():
    network = residual_network(4)
    network.append(nn.Linear(10, 10))  # one with a bias
    network.temperature = nn.Parameter(torch.tensor(1.0))  # and a single number
    whiten(network, coloured_noise(20))
    groups = parameter_groups(network, 0.25)
    grouped = [id(p) for group in groups for p in group["params"]]
    assert len(set(grouped)) == len(grouped)
    assert set(grouped) == {id(p) for p in network.parameters()} - {id(network[0].weight)}
    assert [group["weight_decay"] for group in groups] == [0.25, 0.0]
    assert all(p.dim() > 1 for p in groups[0]["params"])
    assert all(p.dim() <= 1 for p in groups[1]["params"])
    torch.optim.SGD(groups, lr=0.1)


MOMENTUM = {"lr": 0.1, "momentum": 0.9, "nesterov": True}
STARTS, GOALS, STEEPNESSES = [1.0, -2.0, 3.0], [0.5, 0.0, -1.0], [1.0, 0.3, 2.0]


def weights():
    """STARTS as parameters: two numbers in one, the third in another."""
    return [nn.Parameter(torch.tensor(part, dtype=torch.float64)) for part in (STARTS[:2], STARTS[2:])]


def loss_of(parameters):
    """Half the steepness times the squared distance from the goal, added up."""
    distances = torch.cat(list(parameters)) - torch.tensor(GOALS, dtype=torch.float64)
    return (torch.tensor(STEEPNESSES, dtype=torch.float64) * distances.square()).sum() / 2


def steps(optimizer, parameters, number):
    """So many steps; the weights after each, (number, 3)."""
    seen = []
    for _ in range(number):
        optimizer.zero_grad()
        loss_of(parameters).backward()
        optimizer.step()
        seen.append(torch.cat([p.detach() for p in parameters]))
    return torch.stack(seen)


@pytest.mark.parametrize("total", [20, 1000])
@pytest.mark.parametrize("every", [5, 6])
def test_averaged_sgd_by_hand(every, total):
    """Lookahead in plain Python, over 20 steps; where these are all, the last averages too."""
    old, decay = 0.8, 0.01
    fast, slow, velocity, expected = list(STARTS), list(STARTS), [0.0] * 3, []
    for step in range(1, 21):
        for i in range(3):
            slope = STEEPNESSES[i] * (fast[i] - GOALS[i]) + decay * fast[i]
            velocity[i] = 0.9 * velocity[i] + slope
            fast[i] -= 0.1 * (slope + 0.9 * velocity[i])
        if step % every == 0 or step == total:
            share = old * (step / total) ** 3
            slow = [share * s + (1 - share) * f for s, f in zip(slow, fast, strict=True)]
            fast = list(slow)
        expected.append(list(fast))
    parameters = weights()
    optimizer = AveragedSGD(parameters, total=total, every=every, old=old, weight_decay=decay, **MOMENTUM)
    seen = steps(optimizer, parameters, 20)
    torch.testing.assert_close(seen, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-12)


def test_between_averages_it_is_plain_sgd():
    """To the bit, and the momentum goes on through an average."""
    averaged, plain = weights(), weights()
    one = AveragedSGD(parameter_list(averaged), total=20, **MOMENTUM)
    other = torch.optim.SGD(parameter_list(plain), **MOMENTUM)
    averages = 0
    for step in range(1, 21):
        seen, expected = steps(one, averaged, 1), steps(other, plain, 1)
        if step % 5 == 0:
            averages += not torch.equal(seen, expected)
            with torch.no_grad():
                for mine, theirs in zip(plain, averaged, strict=True):
                    mine.copy_(theirs)
        else:
            assert torch.equal(seen, expected)
    assert averages == 4


def parameter_list(parameters):
    """In two groups, as a network's are."""
    return [
        {"params": parameters[:1], "weight_decay": 0.01},
        {"params": parameters[1:], "weight_decay": 0.0},
    ]


@pytest.mark.parametrize("done", [3, 5, 7])
def test_averaged_sgd_goes_on_where_it_was(done, tmp_path):
    """Before the first average, at it and after it; through a file."""
    parameters = weights()
    straight = steps(AveragedSGD(parameter_list(parameters), total=20, **MOMENTUM), parameters, 20)

    parameters = weights()
    optimizer = AveragedSGD(parameter_list(parameters), total=20, **MOMENTUM)
    steps(optimizer, parameters, done)
    state = {"optimizer": optimizer.state_dict(), "weights": [p.detach() for p in parameters]}
    save_checkpoint(tmp_path / "run.pt", state)

    state = load_checkpoint(tmp_path / "run.pt")
    parameters = [nn.Parameter(p) for p in state["weights"]]
    optimizer = AveragedSGD(parameter_list(parameters), total=20, **MOMENTUM)
    optimizer.load_state_dict(state["optimizer"])
    assert torch.equal(steps(optimizer, parameters, 20 - done), straight[done:])


def test_averaged_sgd_returns_the_closure_s_loss():
    parameters = weights()
    optimizer = AveragedSGD(parameters, total=20, every=1, **MOMENTUM)

    def closure():
        optimizer.zero_grad()
        loss = loss_of(parameters)
        loss.backward()
        return loss

    before = loss_of(parameters)
    assert torch.equal(optimizer.step(closure), before)
    assert loss_of(parameters) < before
    assert optimizer.step() is None


# Views


def test_views_are_six():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, 10), nn.Tanh())
    x = torch.randn(2, 3, 4, 5)
    before = x.clone()
    up_left = x[:, :, [1, 2, 3, 2]][..., [1, 2, 3, 4, 3]]
    down_right = x[:, :, [1, 0, 1, 2]][..., [1, 0, 1, 2, 3]]
    expected = torch.zeros(2, 10)
    for view, share in [(x, 1 / 4), (up_left, 1 / 8), (down_right, 1 / 8)]:
        for columns in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0]):
            expected += share * network(view[..., columns]).detach()
    with torch.inference_mode():
        found = Views(network)(x)
    assert not found.requires_grad
    torch.testing.assert_close(found, expected)
    assert torch.equal(x, before)
    with torch.no_grad():
        assert not Views(network)(x).requires_grad


@pytest.mark.parametrize("training", [True, False])
def test_views_are_in_the_network_s_mode(training):
    network = residual_network(4)
    views = Views(network).train(training)
    assert all(layer.training is training for layer in network.modules())
    views = Views(network)
    x, y = torch.randn(4, 3, 9, 9), torch.zeros(4, dtype=torch.int64)
    evaluate(views, [(x, y)], nn.CrossEntropyLoss())
    assert all(layer.training is training for layer in network.modules())
    assert all(p.grad is None for p in network.parameters())


# Small pictures


def test_a_picture_can_be_made_smaller():
    images = torch.randint(256, (6, 3, 8, 8), dtype=torch.uint8)
    batches = Batches(images, torch.arange(6), batch_size=4, device="cpu")
    whole = torch.cat([x for x, _y in batches])
    batches.side = 4
    small = torch.cat([x for x, _y in batches])
    assert small.shape == (6, 3, 4, 4)
    # By hand: in the middle each new pixel is a mean with weights 1, 3, 3, 1 along each side.
    weights = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    by_hand = torch.einsum("i,j,ncij->nc", weights, weights, whole[:, :, 1:5, 1:5])
    torch.testing.assert_close(small[:, :, 1, 1], by_hand)
    batches.side = None
    assert torch.equal(torch.cat([x for x, _y in batches]), whole)


# Flips in turn


def slopes(count):
    """Images (count, 3, 4, 8) that get greener to the right; the first row's blue is the picture's number."""
    images = torch.zeros(count, 3, 4, 8, dtype=torch.uint8)
    images[:, 1] = 10 * torch.arange(8)
    images[:, 2] = torch.arange(count)[:, None, None]
    return images, torch.arange(count) % 10


def alternating(count, **more):
    settings = {"batch_size": 4, "shuffle": True, "augment": True, "shift": 0, "alternate": True}
    generator = torch.Generator().manual_seed(3)
    return Batches(*slopes(count), device="cpu", generator=generator, **{**settings, **more})


def flipped(batches):
    """For each picture, in one round, whether it was flipped."""
    found = {}
    for x, _ in batches:
        numbers = (255 * (x[:, 2, 0, 0] * CIFAR10_STD[2] + CIFAR10_MEAN[2])).round().int().tolist()
        found |= dict(zip(numbers, (x[:, 1, 0, 0] > x[:, 1, 0, -1]).tolist(), strict=True))
    return [found[number] for number in sorted(found)]


@pytest.mark.parametrize("count", [10, 11])
def test_each_picture_is_flipped_in_every_second_round(count):
    batches = alternating(count)
    rounds = [flipped(batches) for _ in range(4)]
    assert batches.rounds == 4
    assert all(len(one) == count and sum(one) in (count // 2, -(-count // 2)) for one in rounds)
    assert rounds[0] == rounds[2] and rounds[1] == rounds[3]
    assert [not flip for flip in rounds[0]] == rounds[1]
    assert not any(flipped(alternating(count, augment=False)))


def test_by_chance_is_what_it_is_not():
    batches = alternating(40, alternate=False)
    one, two = (flipped(batches) for _ in range(2))
    assert 0 < sum(a == b for a, b in zip(one, two, strict=True)) < 40


def same_batches(one, other):
    return all(torch.equal(a, b) for pair in zip(one, other, strict=True) for a, b in zip(*pair, strict=True))


@pytest.mark.parametrize("done", [1, 2])
def test_a_resumed_run_flips_as_the_straight_one(done):
    straight = alternating(11, shift=2)
    for _ in range(done):
        list(straight)
    resumed = alternating(11, shift=2)
    resumed.generator.set_state(straight.generator.get_state())
    resumed.rounds = done
    for _ in range(3):
        assert same_batches(list(straight), list(resumed))


def test_two_processes_flip_as_one_does():
    alone, shares = alternating(22, shift=2), [alternating(22, shift=2, rank=r, world=2) for r in (0, 1)]
    for _ in range(2):
        whole = list(alone)
        for rank, share in enumerate(shares):
            assert same_batches([(x[rank::2], y[rank::2]) for x, y in whole], list(share))
