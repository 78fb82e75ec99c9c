"""A whole training loop for one or several processes: copy it, put in your data and your network.

python notebooks/ddp.py run.pt                                                    one process
torchrun --standalone --local-addr=localhost --nproc-per-node=2 notebooks/ddp.py run.pt    two

Both make the same steps, so both end at the same weights, up to rounding.
"""

import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

EPOCHS, BATCH_SIZE = 6, 64  # the batch of all processes together


def make_data() -> TensorDataset:
    """Put yours here. Points x (512, 2); the class is 1 where both numbers have one sign."""
    x = torch.randn(512, 2, generator=torch.Generator().manual_seed(0))
    return TensorDataset(x, (x[:, 0] * x[:, 1] > 0).long())


def make_model() -> nn.Module:
    """Put yours here."""
    return nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))


def main(path: Path) -> None:
    # 1. Join the group, if torchrun has started this process.
    together = "RANK" in os.environ
    device, local = torch.device("cpu"), int(os.environ.get("LOCAL_RANK", 0))
    if torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", 1)):
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    if together:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    rank = dist.get_rank() if together else 0
    world = dist.get_world_size() if together else 1

    # 2. Each process loads its own share of every batch.
    data = make_data()
    sampler = DistributedSampler(data, num_replicas=world, rank=rank, seed=0)
    loader = DataLoader(data, batch_size=BATCH_SIZE // world, sampler=sampler)

    # 3. DDP gives all copies the weights of rank 0, and averages the gradients.
    torch.manual_seed(rank)  # dropout and augmentation differ between processes
    model = make_model().to(device)
    network = DistributedDataParallel(model) if together else model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    loss_fn = nn.CrossEntropyLoss()

    losses = []
    for epoch in range(EPOCHS):
        sampler.set_epoch(epoch)  # 4. another order in each epoch
        network.train()
        for x, y in loader:
            loss = loss_fn(network(x.to(device)), y.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            mean = loss.detach().clone()
            if together:  # 5. every process takes part in this
                dist.all_reduce(mean)
            losses.append(mean.item() / world)
        if rank == 0:  # 6. one process prints and saves, the weights without DDP
            print(f"epoch {epoch + 1}: loss {losses[-1]:.4f}", flush=True)
            state = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "epoch": epoch + 1,
                "losses": losses,
            }
            torch.save(state, f"{path}.part")
            os.replace(f"{path}.part", path)  # killed while it saves, it leaves the old file

    # 7. Leave the group.
    if together:
        dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
