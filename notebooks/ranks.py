"""Chapter 25's small examples: what each of several processes sees.

torchrun --standalone --local-addr=localhost --nproc-per-node=2 notebooks/ranks.py hello average sampler gradients alone die

--local-addr: without it torchrun looks the machine's name up, and waits for minutes where no network knows that name.
"""

import shadows  # noqa: F401  first: see there

# isort: split
import os
import signal
import sys
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DistributedSampler


def say(text: str) -> None:
    """Print one line that begins with this process's rank."""
    print(f"rank {dist.get_rank()}: {text}\n", end="", flush=True)  # in one piece, so that lines never mix


def hello() -> None:
    say(f"one of {dist.get_world_size()}, LOCAL_RANK is {os.environ['LOCAL_RANK']}")


def average() -> None:
    number = torch.tensor(10.0 * (dist.get_rank() + 1))
    before = number.item()
    dist.all_reduce(number)  # the sum over all processes, in place, in each of them
    total = number.item()
    say(f"had {before:g}, the sum is {total:g}, the mean {total / dist.get_world_size():g}")


def sampler() -> None:
    mine = DistributedSampler(range(10), shuffle=True, seed=0)  # it asks the process group for rank and size
    say(f"epoch 0 {list(mine)}")
    say(f"again   {list(mine)}, without set_epoch")
    mine.set_epoch(1)
    say(f"epoch 1 {list(mine)}")


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of eight examples x (8, 4) and classes y (8,), the same in every process."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(8, 4, generator=generator), torch.randint(0, 3, (8,), generator=generator)


def gradients() -> None:
    torch.manual_seed(dist.get_rank())  # on purpose another one in each: DDP starts all from rank 0's weights
    model = DistributedDataParallel(nn.Linear(4, 3))
    x, y = data()
    share = slice(dist.get_rank(), None, dist.get_world_size())  # x[0::2] and x[1::2]
    F.cross_entropy(model(x[share]), y[share]).backward()
    row = [round(value, 6) for value in model.module.weight.grad[0].tolist()]
    say(f"{len(x[share])} examples, first row of the gradient {row}")


def alone() -> None:
    group = dist.new_group(timeout=timedelta(seconds=2))
    if dist.get_rank() == 0:  # the mistake: only one process calls
        try:
            dist.all_reduce(torch.ones(1), group=group)
        except RuntimeError as error:
            what = "timed out" if "imed out" in str(error) else "failed"
            say(f"alone in the call, {type(error).__name__}: {what}")


def die() -> None:
    if dist.get_rank() == 1:
        os.kill(os.getpid(), signal.SIGTERM)
    dist.barrier()  # waits for a process that will not come


if __name__ == "__main__":
    dist.init_process_group("gloo")
    parts = {part.__name__: part for part in (hello, average, sampler, gradients, alone, die)}
    for name in sys.argv[1:]:
        parts[name]()
        dist.barrier()
    dist.destroy_process_group()
