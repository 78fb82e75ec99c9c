"""board.py: what stands between `%tensorboard` and a chart."""

import os
import socket
import tempfile
import time
from pathlib import Path

import pytest
from tensorboard import manager, version

import board


@pytest.fixture(autouse=True)
def own_files(tmp_path, monkeypatch):
    """Servers' files in a folder of this test, and an environment without a hub."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("JUPYTERHUB_SERVICE_PREFIX", "TENSORBOARD_PROXY_URL", "TENSORBOARD_BINARY"):
        monkeypatch.delenv(name, raising=False)


def server_file(port: int) -> Path:
    """The file that a TensorBoard on this port leaves."""
    manager.write_info_file(
        manager.TensorBoardInfo(
            version=version.VERSION,
            start_time=int(time.time()),
            pid=os.getpid(),
            port=port,
            path_prefix="",
            logdir="logs",
            db="",
            cache_key="key",
        )
    )
    return Path(tempfile.gettempdir(), ".tensorboard-info", f"pid-{os.getpid()}.info")


def test_a_dead_server_is_forgotten_and_a_living_one_kept():
    with socket.create_server(("localhost", 0)) as living:
        port = living.getsockname()[1]
        path = server_file(port)
        board.prepare_tensorboard()
        assert path.is_file() and [server.port for server in manager.get_all()] == [port]
    board.prepare_tensorboard()  # nobody listens any more
    assert not path.exists() and manager.get_all() == []


def test_the_program_is_found_without_path(monkeypatch):
    monkeypatch.setenv("PATH", "")
    board.prepare_tensorboard()
    assert Path(os.environ["TENSORBOARD_BINARY"]).stem == "tensorboard"
    monkeypatch.setenv("TENSORBOARD_BINARY", "my own")
    board.prepare_tensorboard()
    assert os.environ["TENSORBOARD_BINARY"] == "my own"


@pytest.mark.parametrize(
    ("hub", "proxy", "given", "address", "said"),
    [
        (None, True, None, None, ""),
        ("/user/ada/", True, None, "/user/ada/proxy/%PORT%/", ""),
        ("/user/ada/", True, "/mine/%PORT%/", "/mine/%PORT%/", ""),
        ("/user/ada/", False, None, None, "pip install jupyter-server-proxy"),
    ],
)
def test_on_a_hub(hub, proxy, given, address, said, monkeypatch, capsys):
    monkeypatch.setattr(board, "find_spec", lambda name: object() if proxy else None)
    if hub:
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", hub)
    if given:
        monkeypatch.setenv("TENSORBOARD_PROXY_URL", given)
    board.prepare_tensorboard()
    assert os.environ.pop("TENSORBOARD_PROXY_URL", None) == address
    out = capsys.readouterr().out
    assert said in out and bool(said) == bool(out)
