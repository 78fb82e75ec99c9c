"""The loop that a learner copies, ddp.py: two processes make the steps of one."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.data import DistributedSampler

import ddp

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--local-addr=localhost", "--nproc-per-node=2"]


def run(*command) -> str:
    loopback = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    env = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **loopback}
    done = subprocess.run(
        [sys.executable, *map(str, command)], env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def load(path: Path) -> dict:
    return torch.load(path, map_location="cpu", weights_only=True)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[int, tuple[str, dict]]:
    """What a run prints and saves, by one process and by two; ddp.py alone in a folder, as a learner copies it."""
    folder = tmp_path_factory.mktemp("ddp")
    script = shutil.copy(ddp.__file__, folder)
    with contextlib.redirect_stdout(io.StringIO()) as alone:
        ddp.main(folder / "one.pt")
    together = run(*TORCHRUN, script, folder / "two.pt")
    return {1: (alone.getvalue(), load(folder / "one.pt")), 2: (together, load(folder / "two.pt"))}


def test_two_processes_make_the_steps_of_one(runs):
    (_, one), (_, two) = runs[1], runs[2]
    assert len(one["losses"]) == ddp.EPOCHS * 512 // ddp.BATCH_SIZE
    torch.testing.assert_close(one["losses"], two["losses"], rtol=0, atol=1e-5)
    torch.testing.assert_close(one["model"], two["model"], rtol=0, atol=1e-5)
    torch.testing.assert_close(one["optimizer"], two["optimizer"], rtol=0, atol=1e-5)


def test_one_process_alone_prints_and_what_it_saves_fits_the_network(runs):
    for said, state in runs.values():
        assert [line.split(":")[0] for line in said.splitlines()] == [
            f"epoch {i + 1}" for i in range(ddp.EPOCHS)
        ]
        assert state["epoch"] == ddp.EPOCHS
        ddp.make_model().load_state_dict(state["model"])  # no "module." before the names
    assert runs[1][0] == runs[2][0]


def test_it_learns(runs):
    losses = runs[1][1]["losses"]
    assert losses[0] > 0.6 and sum(losses[-8:]) / 8 < 0.2


def test_each_epoch_has_an_order_of_its_own(monkeypatch, tmp_path):
    epochs = []
    monkeypatch.setattr(DistributedSampler, "set_epoch", lambda self, epoch: epochs.append(epoch))
    monkeypatch.delenv("RANK", raising=False)
    ddp.main(tmp_path / "run.pt")
    assert epochs == list(range(ddp.EPOCHS))
