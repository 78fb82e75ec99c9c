"""The data sets of the course: a small sample that lies in data/, and the real ones, downloaded when they are asked for.

COURSE_DATA=sample (the default) or COURSE_DATA=full in the environment decides which. What is asked for is what you
get: a data set that is missing, damaged or cannot be downloaded ends in a DataError of one sentence.
"""

import errno
import hashlib
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError

import torch
from torch import Tensor
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import download_and_extract_archive

from helpers import DATA, ROOT

ANTS_BEES_URL = "https://download.pytorch.org/tutorial/hymenoptera_data.zip"
# Folder, and the digest of its pictures by `digest`; the zip itself has no published checksum.
ANTS_BEES = {
    "sample": ("ants_bees", ""),
    "full": ("hymenoptera_data", "ea69d36447991c24460b6d7ae6edeb1eabcc1318686d86c2c249f49937156f63"),
}
PICTURES = {".jpg", ".jpeg", ".gif"}
SILENCE = 30  # seconds without a byte after which a download is given up

_told: set[str] = set()


class DataError(RuntimeError):
    """A data set cannot be had; the text is one sentence that says what, where, and what to do."""

    def _render_traceback_(self) -> list[str]:
        # IPython shows this in place of a traceback: the sentence is what helps.
        return [f"DataError: {self}"]


class SampleCIFAR10(CIFAR10):
    """The drawn sample: read as torchvision reads CIFAR-10, from other files."""

    base_folder = "cifar10-sample"
    train_list = [
        ["data_batch_1", "d17ea3b907ddab3dd63d9edd2708d0ca"],
        ["data_batch_2", "15b07dcf24828d2af4044d8d2b73e7da"],
        ["data_batch_3", "dc4d8e8b19c0722cd3fad180ea94f279"],
        ["data_batch_4", "664a1436fc2a472ba0abea8f2dc150c0"],
        ["data_batch_5", "8a2a95096dce4294a95483b64b9dd15b"],
    ]
    test_list = [
        ["test_batch", "4edfd8e0d49a34de8e24cba0cf40d94a"],
    ]
    meta = {
        "filename": "batches.meta",
        "key": "label_names",
        "md5": "614412868d4a5ff6787766145d35e940",
    }


def mode() -> str:
    """Which data is in use, "sample" or "full". Raises DataError if COURSE_DATA says anything else."""
    name = os.environ.get("COURSE_DATA", "sample")
    if name not in ("sample", "full"):
        raise DataError(
            f"COURSE_DATA is {name!r}, but should be 'sample' or 'full': set it before Jupyter starts."
        )
    return name


def cifar10(train: bool = True, transform: Callable | None = None) -> CIFAR10:
    """CIFAR-10's training or test part, or the sample's: items (PIL image 32 x 32, class number 0 to 9).

    transform: applied to each image. Raises DataError if the data cannot be had.
    """
    if mode() == "sample":
        kind, mend = SampleCIFAR10, "restore it: git checkout -- data"
        _tell("CIFAR-10 sample: drawings, 32 x 32 (COURSE_DATA=full: the real photographs, 170 MB)")
    else:
        kind, mend = CIFAR10, "delete this folder and run again, to download it anew"
        _tell("CIFAR-10: the real photographs, 32 x 32 (COURSE_DATA=sample: the small sample)")
        _install(CIFAR10.base_folder, CIFAR10.url, lambda folder: CIFAR10(folder, download=True))
    try:
        return kind(DATA, train, transform)  # verifies every checksum before it unpickles anything
    except (RuntimeError, OSError) as error:
        raise DataError(
            f"{_place(kind.base_folder)} is missing or damaged ({_reason(error)}): {mend}."
        ) from None


def cifar10_tensors(train: bool = True) -> tuple[Tensor, Tensor]:
    """The same as two tensors: images uint8 (N, 3, 32, 32), labels int64 (N,). Raises DataError like cifar10."""
    data = cifar10(train)
    return torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(data.targets)


def ants_bees() -> Path:
    """The folder of ants and bees: train/ants, train/bees, val/ants, val/bees. Raises DataError if it cannot be had."""
    name, expected = ANTS_BEES[mode()]
    if mode() == "sample":
        mend = "restore it: git checkout -- data"
        _tell("Ants and bees sample: drawings (COURSE_DATA=full: the real photographs, 47 MB)")
    else:
        mend = "delete this folder and run again, to download it anew"
        _tell("Ants and bees: the real photographs (COURSE_DATA=sample: the small sample)")
        _install(name, ANTS_BEES_URL, _fetch_ants_bees)
    try:
        found = digest(DATA / name)
    except OSError as error:
        raise DataError(f"{_place(name)} cannot be read ({_reason(error)}): {mend}.") from None
    if found != expected:
        raise DataError(
            f"{_place(name)} is missing or damaged (its pictures are not the expected ones): {mend}."
        )
    return DATA / name


def digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of all pictures below `folder`; other files, as systems add them, are left out."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if path.suffix.lower() in PICTURES and not path.name.startswith("."):
            total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _fetch_ants_bees(folder: str) -> None:
    download_and_extract_archive(ANTS_BEES_URL, folder)
    name, expected = ANTS_BEES["full"]
    if digest(Path(folder) / name) != expected:
        raise RuntimeError("the pictures in it are not the expected ones")


def _install(name: str, url: str, fetch: Callable[[str], object]) -> None:
    """Unless DATA/name is there: fetch it, verified, into a folder of our own, and move that into place in one go.

    Whatever happens on the way, DATA/name is whole or not there. Two processes may do this at once: the second to
    finish finds the first one's folder and throws its own away.
    """
    target = DATA / name
    if target.exists():
        return
    part, patience = None, socket.getdefaulttimeout()
    try:
        DATA.mkdir(parents=True, exist_ok=True)
        _sweep()
        part = tempfile.mkdtemp(prefix=".part-", dir=DATA)
        socket.setdefaulttimeout(SILENCE)
        fetch(part)
        try:
            os.rename(Path(part) / name, target)
        except OSError:
            if not target.is_dir():
                raise
    except Exception as error:
        raise DataError(
            f"{_place(name)} could not be made from {url} ({_reason(error)}): {_advice(error)}, or leave out "
            "COURSE_DATA=full to work on the sample."
        ) from None
    finally:
        socket.setdefaulttimeout(patience)
        if part:
            shutil.rmtree(part, ignore_errors=True)


def _sweep() -> None:
    """Delete what downloads that were killed have left, a day later: none takes so long."""
    for path in DATA.glob(".part-*"):
        if time.time() - path.stat().st_mtime > 24 * 3600:
            shutil.rmtree(path, ignore_errors=True)


def _reason(error: Exception) -> str:
    """What went wrong, in a few words."""
    if isinstance(error, HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
        return f"the server was silent for {SILENCE} seconds"
    if isinstance(error, OSError):
        cause = getattr(error, "reason", None) or error
        return getattr(cause, "strerror", None) or str(cause) or type(error).__name__
    text = str(error).strip().splitlines()
    return text[0].rstrip(".").lower() if text else type(error).__name__


def _advice(error: Exception) -> str:
    """The next step."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return "free 500 MB on that disk and run again"
    if isinstance(error, PermissionError | FileExistsError | NotADirectoryError) or (
        getattr(error, "errno", None) == errno.EROFS
    ):
        return f"make {_place()} a folder that you may write to and run again"
    return "check the connection and run again"


def _place(name: str = "") -> str:
    """DATA/name as a reader of the project knows it: data/name."""
    path = DATA / name
    return (path.relative_to(ROOT) if path.is_relative_to(ROOT) else path).as_posix()


def _tell(line: str) -> None:
    """Print a line, once in a process."""
    if line not in _told:
        _told.add(line)
        print(line)
