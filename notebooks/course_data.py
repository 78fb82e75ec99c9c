"""The data sets of the course: a small sample that lies in data/, and the real ones, downloaded when they are asked for.

COURSE_DATA=sample (the default) or COURSE_DATA=full in the environment decides which. What is asked for is what you
get: a data set that is missing, damaged or cannot be downloaded ends in a DataError of one sentence.
"""

import errno
import hashlib
import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.error import HTTPError, URLError

import torch
from torch import Tensor
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity, download_url, extract_archive

from helpers import DATA, ROOT

ANTS_BEES_URL = "https://download.pytorch.org/tutorial/hymenoptera_data.zip"
# As PyTorch's tutorials expect it (pytorch/tutorials, .jenkins/download_data.py).
ANTS_BEES_SHA256 = "fbc41b31d544714d18dd1230b1e2b455e1557766e13e67f9f5a7a23af7c02209"
# The folder, and the digest of its pictures (see `digest`).
ANTS_BEES = {
    "sample": ("ants_bees", "aad2b53d299c3fae7ac678f8da0d466769f419f6ee28dd02995a0a4bc6993196"),
    "full": ("hymenoptera_data", "ea69d36447991c24460b6d7ae6edeb1eabcc1318686d86c2c249f49937156f63"),
}
RECORD = ".digest"  # a file in a downloaded folder: what its pictures were when the archive had been verified
PICTURES = {".jpg", ".jpeg", ".gif"}
SILENCE = 30  # seconds without a byte after which a download is given up
ABANDONED = 600  # seconds without a change after which nobody works on a .part folder any more

RESTORE = "restore it with 'git checkout -- data' in the course's folder, or from a fresh copy of the course"


class DataError(RuntimeError):
    """A data set cannot be had; the text is one sentence that says what, where, and what to do."""

    def _render_traceback_(self) -> list[str]:
        # IPython shows this in place of a traceback: the sentence is what helps.
        return [f"DataError: {self}"]


class SampleCIFAR10(CIFAR10):
    """The drawn sample: read as torchvision reads CIFAR-10, from other files."""

    base_folder = "cifar10-sample"
    train_list = [
        ["data_batch_1", "d481e558f4464f122c668c097c119cca"],
        ["data_batch_2", "123c1b1fe279245bdd110c95933f4d20"],
        ["data_batch_3", "d17dfe270d9d9d5560f0e0a7c50bef93"],
        ["data_batch_4", "46da5ea535fab146ba345c08831ff149"],
        ["data_batch_5", "e5c1b60a9965bd5850a0325150d125a1"],
    ]
    test_list = [["test_batch", "11ba144ea663ca0a7860bfda7d5ea47f"]]
    meta = {"filename": "batches.meta", "key": "label_names", "md5": "614412868d4a5ff6787766145d35e940"}


def mode() -> str:
    """Which data is in use, "sample" or "full". Raises DataError if COURSE_DATA says anything else."""
    name = os.environ.get("COURSE_DATA", "sample")
    if name not in ("sample", "full"):
        raise DataError(f"COURSE_DATA is {name!r}, not 'sample' or 'full': set one of these and start again.")
    return name


def cifar10(train: bool = True, transform: Callable | None = None) -> CIFAR10:
    """CIFAR-10's training or test part, or the sample's: items (PIL image 32 x 32, class number 0 to 9).

    transform: applied to each image. Raises DataError if the data cannot be had.
    """
    if mode() == "sample":
        kind = SampleCIFAR10
        line = "CIFAR-10 sample: drawings, 32 x 32 (COURSE_DATA=full: the real photographs, 170 MB)"
    else:
        kind = CIFAR10
        line = "CIFAR-10: the real photographs, 32 x 32 (COURSE_DATA=sample: the small sample)"
        _install(kind.base_folder, kind.url, lambda folder: kind(folder, train=False, download=True))
    try:
        data = kind(DATA, train, transform)  # verifies every checksum before it unpickles anything
    except (OSError, RuntimeError):
        for file, md5 in (*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])):
            with suppress(OSError):
                if check_integrity(DATA / kind.base_folder / file, md5):
                    continue
            break
        raise _refusal(kind.base_folder, file) from None
    _tell(line)
    return data


def cifar10_tensors(train: bool = True) -> tuple[Tensor, Tensor]:
    """The same as two tensors: images uint8 (N, 3, 32, 32), labels int64 (N,). Raises DataError like cifar10."""
    data = cifar10(train)
    return torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(data.targets)


def ants_bees() -> Path:
    """The folder of ants and bees: train/ants, train/bees, val/ants, val/bees. Raises DataError if it cannot be had."""
    name, expected = ANTS_BEES[mode()]
    if mode() == "sample":
        line = "Ants and bees sample: drawings (COURSE_DATA=full: the real photographs, 47 MB)"
    else:
        line = "Ants and bees: the real photographs (COURSE_DATA=sample: the small sample)"
        _install(name, ANTS_BEES_URL, _fetch_ants_bees)
    try:
        found, record = digest(DATA / name), DATA / name / RECORD
        if found != expected and not (record.exists() and record.read_bytes() == found.encode()):
            raise _refusal(name)
    except OSError as error:
        raise _refusal(name, error.filename or "") from None
    _tell(line)
    return DATA / name


def digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of all pictures below `folder`; other files, as systems add them, are left out.

    Raises OSError if a folder or a picture cannot be read.
    """

    def stop(error: OSError):
        raise error

    files = (Path(top, name) for top, _, names in os.walk(folder, onerror=stop) for name in names)
    pictures = (path for path in files if path.suffix.lower() in PICTURES and not path.name.startswith("."))
    total = hashlib.sha256()
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in pictures):
        total.update(name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _fetch_ants_bees(folder: Path) -> None:
    name, expected = ANTS_BEES["full"]
    archive = folder / Path(ANTS_BEES_URL).name
    download_url(ANTS_BEES_URL, folder)
    extract_archive(archive, folder)  # pictures alone, which may be looked at before they are trusted
    found = digest(folder / name)
    with archive.open("rb") as file:
        known = hashlib.file_digest(file, "sha256").hexdigest() == ANTS_BEES_SHA256
    if not known and found != expected:
        raise RuntimeError("neither the archive nor its pictures are the expected ones")
    (folder / name / RECORD).write_bytes(found.encode())


def _install(name: str, url: str, fetch: Callable[[Path], object]) -> None:
    """Unless DATA/name is there: fetch it, verified, into a folder of our own, and move that into place in one go.

    Whatever happens on the way, DATA/name is whole or not there. Two processes may do this at once: the second to
    finish finds the first one's folder and throws its own away.
    """
    target, part, patience = DATA / name, DATA / f".part-{uuid.uuid4().hex}", socket.getdefaulttimeout()
    try:
        _sweep()
        if target.exists():
            return
        part.mkdir(parents=True)
        socket.setdefaulttimeout(SILENCE)
        fetch(part)
        for pause in (0.2, 1, 5, 0):
            try:
                os.rename(part / name, target)
                break
            except OSError:
                if target.is_dir():
                    break  # another process was quicker
                if not pause:
                    raise
                time.sleep(pause)  # on Windows, a virus scanner may hold a new file for a moment
    except Exception as error:
        reason, advice = _explain(error)
        raise DataError(
            f"{_place(name)} could not be made from {url} ({reason}): {advice}, or leave out COURSE_DATA=full to "
            "work on the sample."
        ) from None
    finally:
        socket.setdefaulttimeout(patience)
        shutil.rmtree(part, ignore_errors=True)


def _sweep() -> None:
    """Delete what killed downloads have left. A living one changes something every SILENCE seconds."""
    for part in DATA.glob(".part-*"):
        with suppress(OSError):  # two processes may sweep at once
            newest = max(path.stat().st_mtime for path in (part, *part.rglob("*")))
            if time.time() - newest > ABANDONED:
                shutil.rmtree(part, ignore_errors=True)


def _explain(error: Exception) -> tuple[str, str]:
    """What went wrong with a download, and the next step."""
    cause = error.reason if isinstance(getattr(error, "reason", None), OSError) else error
    if isinstance(error, HTTPError):
        error.close()
        return f"the server answered {error.code} {error.reason}", "look at that address in a browser"
    if isinstance(cause, TimeoutError):
        return f"the server was silent for {SILENCE} seconds", "run again later"
    if not isinstance(error, OSError):
        return "what arrived is cut short or not the expected file", "run again"
    reason = " ".join((cause.strerror or str(cause) or type(cause).__name__).split())
    if cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return reason, "free 400 MB on that disk and run again"
    if isinstance(error, URLError | ConnectionError):
        return reason, "check the connection and run again"
    return reason, f"see that {_place()} is a folder that you may write to and run again"


def _refusal(name: str, file: str = "") -> DataError:
    """Says why DATA/name cannot be used, whose `file` is at fault, and what to do."""
    path = DATA / name / file
    mend = RESTORE if mode() == "sample" else f"delete {_place(name)} and run again, to download it anew"
    try:
        os.listdir(path) if path.is_dir() else path.open("rb").close()
        fault = "is damaged"
    except (FileNotFoundError, NotADirectoryError):
        fault = "is missing"
        if DATA.exists() and not DATA.is_dir():
            path, fault, mend = DATA, "is no folder", f"move that file away and {mend}"
    except OSError as error:
        fault, mend = f"cannot be read ({error.strerror})", "allow yourself to read it and run again"
    return DataError(f"{_place(path)} {fault}: {mend}.")


def _place(name: str | Path = "") -> str:
    """DATA/name as a reader of the project knows it: data/name."""
    return (DATA / name).relative_to(ROOT).as_posix()


@cache
def _tell(line: str) -> None:
    """Print a line, once in a process; of several processes (chapter 25) only the first one speaks."""
    if os.environ.get("RANK", "0") == "0":
        print(line)
