"""Chapter 26 builds this by hand: a small residual network for CIFAR-10, how it is trained, how it is asked.

Shortcuts: He et al., "Deep residual learning for image recognition", arXiv 1512.03385. Whitening, flips that alternate,
the schedule of the average and several views: Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv
2404.00498, whose network has no shortcuts.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# What a run can leave out, to see what it is worth.
PIECES = ("shortcut", "whitening", "alternate", "small")


class Residual(nn.Module):
    """x + body(x): the layers learn what to add to x, which itself stays as it is.

    The layers of `body`, one after the other, must give the shape of x, or one that broadcasts to it; else
    forward raises RuntimeError.
    """

    def __init__(self, *body: nn.Module):
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Scale(nn.Module):
    """x times a fixed factor."""

    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


def convolution(channels_in: int, channels_out: int) -> nn.Conv2d:
    """3 × 3: (N, channels_in, H, W) to (N, channels_out, H, W); no bias, since the BatchNorm that follows has one."""
    return nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1, bias=False)


def residual_network(width: int = 64, shortcut: bool = True) -> nn.Sequential:
    """Images (N, 3, H, W) to logits (N, 10); H and W at least 9, or it raises RuntimeError. 1,972,768 parameters.

    width: channels of the first block; the other two have four times as many. shortcut: False leaves out the
    shortcuts, not the layers they go around. The first layer is for `whiten` to set.
    """
    layers: list[nn.Module] = [nn.Conv2d(3, 24, kernel_size=2, bias=False), nn.GELU()]
    channels = 24
    for wide in (width, 4 * width, 4 * width):
        layers += [convolution(channels, wide), nn.MaxPool2d(2), nn.BatchNorm2d(wide), nn.GELU()]
        body = [convolution(wide, wide), nn.BatchNorm2d(wide), nn.GELU()]
        layers += [Residual(*body)] if shortcut else body
        channels = wide
    layers += [nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(channels, 10, bias=False), Scale(1 / 8)]
    return nn.Sequential(*layers)


def whitening(images: Tensor, size: int = 2, least: float = 5e-4) -> Tensor:
    """Kernels (2 · 3 · size², 3, size, size) that whiten these images.

    The outputs of the first half of the kernels are uncorrelated and have variances near 1. The second half is minus
    the first, so that an activation may cut off either side.
    images: float (N, 3, H, W), normalised, so that the mean is about zero; the kernels are on their device.
    least: added to the variances, so that directions in which the patches hardly vary are not blown up too much.
    """
    patches = F.unfold(images, size).transpose(1, 2).flatten(0, 1)  # (count, 3 · size · size)
    covariance = patches.T @ patches / len(patches)  # normalised: the mean is about zero
    # On the CPU, since not every accelerator has eigh. Each column of `directions` is a direction.
    variances, directions = torch.linalg.eigh(covariance.cpu())
    kernels = (directions / (variances + least).sqrt()).T.reshape(-1, 3, size, size)
    return torch.cat([kernels, -kernels]).to(images.device)


def whiten(network: nn.Sequential, images: Tensor) -> None:
    """Set the network's first layer by `whitening` of these images, float (N, 3, H, W), and freeze it."""
    with torch.no_grad():
        network[0].weight.copy_(whitening(images))
    network[0].weight.requires_grad_(False)


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict]:
    """For an optimizer: kernels and matrices with weight decay; biases and BatchNorm's vectors without.

    What is frozen (requires_grad is False) is in neither of the two groups.
    """
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in learning if p.dim() > 1], "weight_decay": weight_decay},
        {"params": [p for p in learning if p.dim() <= 1], "weight_decay": 0.0},
    ]


class AveragedSGD(torch.optim.SGD):
    """SGD that goes back, every `every` steps, to a running mean of the weights: Lookahead, arXiv 1907.08610.

    The mean is short at first and grows longer: its share of old weights rises with the cube of the steps done, up to
    `old` (0 to 1) at step `total`, the last of the run, which averages too. settings: those of torch.optim.SGD.
    state_dict() holds the means and the count of steps, so that a run can be resumed by an optimizer that is made with
    the same numbers. Buffers, such as BatchNorm's running statistics, are not averaged.
    """

    def __init__(self, params, *, total: int, every: int = 5, old: float = 0.95**5, **settings):
        super().__init__(params, **settings)
        self.total, self.every, self.old = total, every, old

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """One step of SGD, and every so often the average. Returns the loss that `closure` returns, as SGD does."""
        parameters = [p for group in self.param_groups for p in group["params"]]
        for parameter in parameters:
            if "mean" not in self.state[parameter]:
                self.state[parameter]["mean"] = parameter.clone()
        loss = super().step(closure)
        done = self.param_groups[0]["done"] = self.param_groups[0].get("done", 0) + 1
        if done % self.every == 0 or done == self.total:
            keep = self.old * (done / self.total) ** 3
            for parameter in parameters:
                mean = self.state[parameter]["mean"]
                mean.lerp_(parameter, 1 - keep)
                parameter.copy_(mean)
        return loss


class Views(nn.Module):
    """The network asked about six views of each picture, (N, 3, H, W); the weighted mean of its logits, (N, 10).

    A picture and its mirror image; and, at half their weight, both moved by one pixel up and left, and down and right;
    what is missing at the edges is mirrored. It is in the network's mode, train or eval; ask in eval mode.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.training = network.training  # what restores the mode afterwards, as `evaluate`, reads it here

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        larger = F.pad(x, (1, 1, 1, 1), mode="reflect")
        moved = [larger[:, :, :height, :width], larger[:, :, 2:, 2:]]
        return self.both(x) / 2 + sum(map(self.both, moved)) / 4

    def both(self, x: Tensor) -> Tensor:
        """The mean of the logits for x and for its mirror image."""
        return (self.network(x) + self.network(x.flip(3))) / 2
