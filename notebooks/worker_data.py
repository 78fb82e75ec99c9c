"""What chapter 7 sends to worker processes.

A worker is a Python process of its own. Where it is started afresh (Windows, macOS, Linux from Python 3.14 on) it
imports a data set's class from the module that defines it. A class that a notebook defines has no such module, so the
classes are here.
"""

import os
import re
import time

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info


class FiveItems(Dataset):
    """The numbers 0 to 4; the classes below serve them in their own ways."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, idx: int):
        if not 0 <= idx < 5:
            raise IndexError(idx)
        return self.serve(idx)


class Served(FiveItems):
    """Items (number, the worker that served it or -1, how many items this copy has served so far)."""

    def __init__(self):
        self.served = 0

    def serve(self, idx: int) -> tuple[int, int, int]:
        info = get_worker_info()  # None in the main process
        self.served += 1
        return idx, -1 if info is None else info.id, self.served


class Counted(FiveItems):
    """Counts the items served in a tensor that all processes share."""

    def __init__(self):
        self.count = torch.zeros((), dtype=torch.int64).share_memory_()

    def serve(self, idx: int) -> int:
        self.count += 1
        return idx


class Noisy(FiveItems):
    """Items (drawn from the data set's own generator, drawn from PyTorch's global one), 0 to 999."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def serve(self, idx: int) -> tuple[int, int]:
        return int(self.rng.integers(1000)), int(torch.randint(1000, ()))


def own_generator(worker_id: int) -> None:
    """Called in each worker when it starts: give its copy of the data set a generator of its own."""
    info = get_worker_info()
    info.dataset.rng = np.random.default_rng(info.seed)


class Waiting(FiveItems):
    """Each item takes `seconds`, in which there is nothing to compute: a file on a slow disk, say."""

    def __init__(self, seconds: float):
        self.seconds = seconds

    def serve(self, idx: int) -> int:
        time.sleep(self.seconds)
        return idx


class Timed(Waiting):
    """Items (number, the worker that fetched it or -1, when that began, when it ended): by the computer's clock."""

    def serve(self, idx: int) -> tuple[int, int, float, float]:
        info = get_worker_info()
        start = time.time()
        time.sleep(self.seconds)
        return idx, -1 if info is None else info.id, start, time.time()


class Trouble(FiveItems):
    """Every item goes wrong: "raises" an exception, "dies" with its process, or "hangs" for a second."""

    def __init__(self, kind: str):
        self.kind = kind

    def serve(self, idx: int) -> int:
        if self.kind == "raises":
            raise KeyError("no such row")
        if self.kind == "dies":
            os._exit(1)
        time.sleep(1)
        return idx


def message(kind: str, **options) -> list[str]:
    """The name of the error that a loader over Trouble(kind) ends with, and the lines of its text.

    options: more arguments for the loader.
    """
    try:
        for _ in DataLoader(Trouble(kind), num_workers=1, **options):
            pass
    except Exception as error:
        error.__traceback__ = None  # it keeps the loader alive, and with it the workers
        text = re.sub(r"pid\S* \d+", "pid N", str(error))  # N: the process's number, another in each run
        text = text.split(" with exit")[0]  # the system may tell the exit code, or not
        return [type(error).__name__, *text.strip().splitlines()]
    return []
