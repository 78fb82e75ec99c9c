"""The data sets of the course: a small sample that lies in data/, and the real ones, downloaded when they are asked for.

COURSE_DATA=sample (the default) or COURSE_DATA=full in the environment decides which. What is asked for is what you
get: a data set that is missing, damaged or cannot be downloaded ends in a DataError of one sentence. An archive that
lies in data/ already is used instead of a download.
"""

import errno
import hashlib
import os
import shutil
import socket
import ssl
import sys
import tarfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

import torch
from filelock import FileLock, Timeout
from torch import Tensor
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity
from tqdm import tqdm

from helpers import BAR, DATA, ROOT
from language import Text, _

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
ARCHIVES = (".zip", ".gz", ".tgz", ".tar")  # macOS may unpack the .gz of a .tar.gz by itself
SILENCE = 30  # seconds without a byte after which a connection is given up
BUSY = (429, 500, 502, 503, 504)  # what a server answers that may do better later
PAUSES = (1, 5, 20)  # seconds before a cut download goes on, each time that the last try has brought nothing

RESTORE = _(
    "restore it with 'git checkout -- data' in the course's folder, or from a fresh copy of the course"
)


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
        raise DataError(
            _("COURSE_DATA is {name!r}, not 'sample' or 'full': set one of these and start again.", name=name)
        )
    return name


def cifar10(train: bool = True, transform: Callable | None = None) -> CIFAR10:
    """CIFAR-10's training or test part, or the sample's: items (PIL image 32 x 32, class number 0 to 9).

    transform: applied to each image. Raises DataError if the data cannot be had.
    """
    if mode() == "sample":
        kind = SampleCIFAR10
        line = _("CIFAR-10 sample: drawings, 32 x 32 (COURSE_DATA=full: the real photographs, 170 MB)")
    else:
        kind = CIFAR10
        line = _("CIFAR-10: the real photographs, 32 x 32 (COURSE_DATA=sample: the small sample)")
        _install(kind.base_folder, kind.url, _unpack_cifar10)
    home = _home(kind.base_folder)
    try:
        data = kind(home, train, transform)  # verifies every checksum before it unpickles anything
    except (OSError, RuntimeError):
        for file, md5 in _cifar10_files(kind):
            with suppress(OSError):
                if check_integrity(home / kind.base_folder / file, md5):
                    continue
            break
        raise _refusal(home / kind.base_folder, file) from None
    _tell(str(line))
    return data


def cifar10_tensors(train: bool = True) -> tuple[Tensor, Tensor]:
    """The same as two tensors: images uint8 (N, 3, 32, 32), labels int64 (N,). Raises DataError like cifar10."""
    data = cifar10(train)
    return torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(data.targets)


def ants_bees() -> Path:
    """The folder of ants and bees: train/ants, train/bees, val/ants, val/bees. Raises DataError if it cannot be had."""
    name, expected = ANTS_BEES[mode()]
    if mode() == "sample":
        line = _("Ants and bees sample: drawings (COURSE_DATA=full: the real photographs, 47 MB)")
    else:
        line = _("Ants and bees: the real photographs (COURSE_DATA=sample: the small sample)")
        _install(name, ANTS_BEES_URL, _unpack_ants_bees)
    folder = _home(name) / name
    try:
        found, record = digest(folder), folder / RECORD
        if found != expected and not (record.exists() and record.read_bytes() == found.encode()):
            raise _refusal(folder)
    except OSError as error:
        raise _refusal(folder, error.filename or "") from None
    _tell(str(line))
    return folder


def digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of all pictures below `folder`; other files, as systems add them, are left out.

    Raises OSError if a folder or a picture cannot be read.
    """

    def stop(error: OSError):
        raise error

    files = (Path(top, name) for top, _, names in os.walk(folder, onerror=stop) for name in names)
    names = ((path.relative_to(folder), path) for path in files if path.suffix.lower() in PICTURES)
    total = hashlib.sha256()
    for name, path in sorted(
        (name.as_posix(), path) for name, path in names if not any(part[0] == "." for part in name.parts)
    ):
        total.update(name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _home(name: str) -> Path:
    """The folder in which the folder `name` lies: DATA, or one in it, as programs that unpack archives make them."""
    # os.path.isdir raises no error where one may not look.
    if os.path.isdir(DATA / name) and not os.path.isdir(DATA / name / name):
        return DATA
    inside = (DATA / name, *sorted(DATA.glob("[!.]*")))
    return next((folder for folder in inside if os.path.isdir(folder / name)), DATA)


def _cifar10_files(kind: type[CIFAR10]) -> list[list[str]]:
    """The names of CIFAR-10's files, each with its MD5."""
    return [*kind.train_list, *kind.test_list, [kind.meta["filename"], kind.meta["md5"]]]


def _unpack_cifar10(archive: Path, folder: Path) -> None:
    """Unpack the expected files into `folder`; raises ValueError or another error if one is missing or different."""
    (folder / CIFAR10.base_folder).mkdir()
    with tarfile.open(archive) as tar:
        for name, md5 in _cifar10_files(CIFAR10):
            content = tar.extractfile(f"{CIFAR10.base_folder}/{name}").read()
            if hashlib.md5(content).hexdigest() != md5:
                raise ValueError(f"{name} is not the expected file")
            (folder / CIFAR10.base_folder / name).write_bytes(content)


def _unpack_ants_bees(archive: Path, folder: Path) -> None:
    """Unpack the pictures into `folder`; raises ValueError or another error if they are not the expected ones."""
    name, expected = ANTS_BEES["full"]
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)  # pictures alone, which may be looked at before they are trusted
    found = digest(folder / name)
    with archive.open("rb") as file:
        known = hashlib.file_digest(file, "sha256").hexdigest() == ANTS_BEES_SHA256
    if not known and found != expected:
        raise ValueError("neither the archive nor its pictures are the expected ones")
    (folder / name / RECORD).write_bytes(found.encode())


def _install(name: str, url: str, unpack: Callable[[Path, Path], None]) -> None:
    """Unless the folder `name` is in DATA: make it from an archive in DATA, or from a download.

    Of two processes that want the same, the second one waits for the first.
    """
    if os.path.exists(_home(name) / name):
        return
    try:
        DATA.mkdir(parents=True, exist_ok=True)
        with _alone(DATA / f"{Path(url).name}.lock"):
            if not (_home(name) / name).exists():
                _make(name, url, unpack)
    except DataError:
        raise
    except Exception as error:
        reason, advice = _explain(error, url)
        raise DataError(
            _(
                "{place} could not be made from {url} ({reason}): {advice}, or leave out COURSE_DATA=full to work on "
                "the sample.",
                place=_place(name),
                url=url,
                reason=reason,
                advice=advice,
            )
        ) from None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process holds the lock `path`, and hold it. The system frees it when a process ends."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=1)
    except Timeout:
        print(_("another program is fetching this data; waiting for it"))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _make(name: str, url: str, unpack: Callable[[Path, Path], None]) -> None:
    given = _given(Path(url).name)
    if given:
        if not any(_unpacked(archive, name, unpack) for archive in given):
            raise DataError(
                _(
                    "{place} is cut short or not the expected file: fetch it again from {url}, or delete it, and run "
                    "again.",
                    place=_place(given[0]),
                    url=url,
                )
            )
        return
    part = DATA / f"{Path(url).name}.part"
    _download(url, part)
    good = _unpacked(part, name, unpack)
    _forget(part)
    if not good:
        raise ValueError("what arrived is not the expected file")


def _unpacked(archive: Path, name: str, unpack: Callable[[Path, Path], None]) -> bool:
    """Whether `archive` is the expected one. If it is, DATA/name is made from it, in one go: whole, or not at all."""
    work = DATA / f".part-{name}"
    shutil.rmtree(work, ignore_errors=True)  # a killed process may have left it
    work.mkdir()
    try:
        unpack(archive, work)
        _move(work / name, DATA / name)
        return True
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise  # a full disk, for example, which says nothing about the archive
        return False
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _given(archive: str) -> list[Path]:
    """Archives in DATA that the learner has put there; a browser may have added something to the name."""
    found = DATA.glob(archive.partition(".")[0] + "*")
    return sorted(path for path in found if path.name.lower().endswith(ARCHIVES) and path.is_file())


def _move(folder: Path, target: Path) -> None:
    for pause in (0.2, 1, 5, 0):
        try:
            return os.rename(folder, target)
        except OSError:
            if not pause:
                raise
            time.sleep(pause)  # on Windows, a virus scanner may hold a new file for a moment


# Downloading. What has arrived lies in NAME.part; NAME.part.tag says of which version of the file it is a part.


def _download(url: str, part: Path) -> None:
    """Fetch `url` into `part`. A cut download goes on where it stopped, now and when this is called again.

    Raises OSError or HTTPException when several tries in a row have brought nothing new.
    """
    best, pauses = _size(part), iter(PAUSES)
    before = best
    while True:
        try:
            return _go_on(url, part)
        except (OSError, HTTPException) as error:
            if _size(part) > best:
                best, pauses = _size(part), iter(PAUSES)
            pause = next(pauses, None)
            # Where nothing has come at all, waiting helps less than a word; nor does it help against a full disk.
            if best == before or pause is None or isinstance(error, HTTPError) or _own(error):
                raise
            time.sleep(pause)


def _go_on(url: str, part: Path) -> None:
    """One connection: ask for what is missing in `part` and append it; begin anew if the file is another one now."""
    tag, have = part.with_name(f"{part.name}.tag"), _size(part)
    request = urllib.request.Request(url)
    if have:
        # The server sends the rest if its file is still the one of that tag, else the whole file.
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", tag.read_text())
    try:
        answer = urllib.request.urlopen(request, timeout=SILENCE)
    except HTTPError as error:
        if error.code == 416 and have:
            return error.close()  # there is no rest: the checksum will tell whether that is the whole file
        raise
    with answer:
        if answer.headers.get_content_type() == "text/html":
            raise ConnectionError(_("a web page came instead of the file: a network may want you to log in"))
        rest = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if have and (not rest or _version(answer) != tag.read_text()):
            _forget(part)
            if answer.status == 206:
                return _go_on(url, part)
            have = 0
        if not have:
            tag.write_text(_version(answer))
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        bar = tqdm(
            total=total,
            initial=have,
            desc=part.stem,
            unit="B",
            unit_scale=True,
            file=sys.stdout,
            mininterval=0.5,
            **BAR,
        )
        with bar, part.open("ab" if have else "wb") as file:
            while block := answer.read(1 << 16):
                have += file.write(block)
                bar.update(len(block))
    if total is not None and have < total:
        raise ConnectionError(
            _("the connection was cut after {have:.1f} of {total:.1f} MB", have=have / 1e6, total=total / 1e6)
        )


def _version(answer: HTTPResponse) -> str:
    """What tells this version of a file from another one: its strong ETag, or when it was last changed, or ""."""
    etag = answer.headers.get("ETag", "")
    return etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")


def _size(part: Path) -> int:
    """Bytes in `part` that a download may go on from: none if nothing says of which file they are."""
    tag = part.with_name(f"{part.name}.tag")
    return part.stat().st_size if part.is_file() and tag.is_file() and tag.stat().st_size else 0


def _forget(part: Path) -> None:
    for path in part, part.with_name(f"{part.name}.tag"):
        path.unlink(missing_ok=True)


def _own(error: Exception) -> bool:
    """Whether an error comes from this computer's files, not from the network."""
    return getattr(error, "filename", None) is not None or getattr(error, "errno", None) in FULL


FULL = {
    errno.ENOSPC: _("free 400 MB on that disk"),
    errno.EDQUOT: _("delete 400 MB of your files, since your quota is used up"),
}


def _explain(error: Exception, url: str) -> tuple[Text | str, Text]:
    """What went wrong with a download, and the next step."""
    cause = error.reason if isinstance(getattr(error, "reason", None), OSError) else error
    reason = " ".join((getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).split())
    advice = _("run again")
    if isinstance(error, HTTPError):
        error.close()
        reason = _("the server answered {code} {words}", code=error.code, words=error.reason)
        advice = _("run again later") if error.code in BUSY else _("look at that address")
        if error.code == 407:
            advice = _proxy_advice(url)
    elif isinstance(cause, TimeoutError):
        reason = _("the server was silent for {seconds} seconds", seconds=SILENCE)
        advice = _("run again later")
    elif not isinstance(error, OSError):
        reason = _("what arrived is cut short or not the expected file")
    elif cause.errno in FULL:
        return reason, _("{first} and run again", first=FULL[cause.errno])
    elif isinstance(cause, ssl.SSLCertVerificationError):
        reason = _("its certificate is not accepted: {words}", words=cause.verify_message)
        advice = _(
            "set the computer's clock; on macOS run 'Install Certificates.command' in Python's folder; behind a "
            "company's proxy set SSL_CERT_FILE to the company's certificate; run again"
        )
    elif _own(cause):
        return reason, _(
            "see that {place} is a folder that you may read and write and run again", place=_place()
        )
    elif _proxy(url):
        advice = _proxy_advice(url)
    elif isinstance(cause, socket.gaierror):
        reason = _("the name {name} was not found", name=urlsplit(url).hostname)
        advice = _("check the connection, behind a proxy set HTTPS_PROXY, and run again")
    else:
        advice = _("check the connection and run again")
    return reason, _(
        "{advice}, or fetch that file with a browser and put it into {place}/ as it is",
        advice=advice,
        place=_place(),
    )


def _proxy(url: str) -> str:
    """The proxy that `url` is fetched through, without a password; "" for none."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    return "" if not proxy or urllib.request.proxy_bypass(parts.hostname) else proxy.rpartition("@")[2]


def _proxy_advice(url: str) -> Text:
    return _(
        "check the proxy {proxy} (HTTPS_PROXY=http://name:password@host:port) and run again",
        proxy=_proxy(url),
    )


def _refusal(folder: Path, file: str = "") -> DataError:
    """Says why a data set's folder cannot be used, whose `file` is at fault, and what to do."""
    path = folder / file
    fix = RESTORE
    if mode() != "sample":
        fix = _("delete {place} and run again, to make it anew", place=_place(folder))
    try:
        os.listdir(path) if path.is_dir() else path.open("rb").close()
        fault = _("is damaged")
    except (FileNotFoundError, NotADirectoryError):
        fault = _("is missing")
        if DATA.exists() and not DATA.is_dir():
            path, fault, fix = DATA, _("is no folder"), _("move that file away and {fix}", fix=fix)
    except OSError as error:
        fault = _("cannot be read ({reason})", reason=error.strerror)
        fix = _("allow yourself to read it and run again")
    return DataError(_("{place} {fault}: {fix}.", place=_place(path), fault=fault, fix=fix))


def _place(name: str | Path = "") -> str:
    """DATA/name as a reader of the project knows it: data/name."""
    return (DATA / name).relative_to(ROOT).as_posix()


@cache
def _tell(line: str) -> None:
    """Print a line, once in a process; of several processes (chapter 25) only the first one speaks."""
    if os.environ.get("RANK", "0") == "0":
        print(line)
