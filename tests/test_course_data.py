"""course_data.py: what is asked for is what one gets, or one sentence that says why not.

Small made-up data sets come from a server on loopback, which cuts, stalls and lies on request.
"""

import errno
import functools
import gzip
import hashlib
import importlib.util
import json
import os
import pickle
import shutil
import socket
import ssl
import subprocess
import sys
import tarfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections import Counter
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import tqdm
from jupyter_client.manager import KernelManager
from PIL import Image

import course_data
import helpers
import replay
from course_data import CIFAR10, DataError, SampleCIFAR10

REAL = replay.REAL
NAMES = ["cifar10", "ants_bees"]
FOLDERS = {"cifar10": "cifar-10-batches-py", "ants_bees": "hymenoptera_data"}
SAMPLES = {"cifar10": "cifar10-sample", "ants_bees": "ants_bees"}
ARCHIVES = {"cifar10": "cifar-10-python.tar.gz", "ants_bees": "hymenoptera_data.zip"}
PICTURE = {"cifar10": "data_batch_3", "ants_bees": "train/ants/2.jpg"}  # a file to spoil


class Bomb:
    """Unpickled, it leaves a file: proof that somebody unpickled it."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


# Made-up data


def write_cifar10(folder, seed, bomb=None):
    """A CIFAR-10 folder of 20 noisy images a batch, and the class attributes that describe it."""
    folder.mkdir(parents=True)
    numbers = np.random.default_rng(seed)
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch", "batches.meta"]:
        rows, labels = numbers.integers(256, size=(20, 3072), dtype=np.uint8), numbers.integers(10, size=20)
        entry = {"data": rows, "labels": labels.tolist(), "label_names": list("abcdefghij")}
        (folder / name).write_bytes(pickle.dumps(Bomb(bomb) if bomb else entry))
    sums = [[path.name, hashlib.md5(path.read_bytes()).hexdigest()] for path in sorted(folder.iterdir())]
    meta = {"filename": sums[0][0], "key": "label_names", "md5": sums[0][1]}
    return {"train_list": sums[1:6], "test_list": sums[6:], "meta": meta}


def write_ants_bees(folder, seed):
    """Eight noisy files named as pictures, two in each folder, and their digest."""
    numbers = np.random.default_rng(seed)
    for i in range(8):
        path = folder / ("train", "val")[i // 4] / ("ants", "bees")[i % 4 // 2] / f"{i + 1}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(numbers.bytes(50_000))
    return course_data.digest(folder)


def pack(archive, folder):
    """`folder` as a .tar.gz or a .zip whose names begin with the folder's."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as file:
            for path in sorted(folder.rglob("*")):
                file.write(path, path.relative_to(folder.parent))
    else:
        with tarfile.open(archive, "w:gz", compresslevel=1) as file:
            file.add(folder, folder.name)
    return archive.read_bytes()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a course's data/, the archives of the whole data sets, wrong ones, and pins.json (see `pin`)."""
    folder = tmp_path_factory.mktemp("made")
    sample = write_cifar10(folder / "data" / "cifar10-sample", 1)
    full = write_cifar10(folder / "full" / "cifar-10-batches-py", 2)
    pictures = {
        "sample": ["ants_bees", write_ants_bees(folder / "data" / "ants_bees", 3)],
        "full": ["hymenoptera_data", write_ants_bees(folder / "full" / "hymenoptera_data", 4)],
    }
    write_cifar10(folder / "wrong" / "cifar-10-batches-py", 5, bomb=folder / "unpickled")
    write_ants_bees(folder / "wrong" / "hymenoptera_data", 6)
    for kind in ("full", "wrong"):
        for name in NAMES:
            pack(folder / kind / ARCHIVES[name], folder / kind / FOLDERS[name])
    full["tgz_md5"] = hashlib.md5((folder / "full" / ARCHIVES["cifar10"]).read_bytes()).hexdigest()
    (folder / "pins.json").write_text(json.dumps({"sample": sample, "full": full, "pictures": pictures}))
    return folder


def pin(made, root, address, patch=setattr):
    """Have course_data find the data set of `made` in root/data and at `address`. Other processes call this too."""
    pins = json.loads((Path(made) / "pins.json").read_text())
    for kind, attributes in (SampleCIFAR10, pins["sample"]), (CIFAR10, pins["full"]):
        for name, value in attributes.items():
            patch(kind, name, value)
    patch(CIFAR10, "url", f"{address}/{ARCHIVES['cifar10']}")
    patch(course_data, "ANTS_BEES_URL", f"{address}/{ARCHIVES['ants_bees']}")
    patch(course_data, "ANTS_BEES", pins["pictures"])
    patch(course_data, "ROOT", Path(root))
    patch(course_data, "DATA", Path(root) / "data")


def load(name):
    """The loader's data as a short text."""
    if name == "ants_bees":
        folder = course_data.ants_bees()
        return f"{folder.name} {course_data.digest(folder)}"
    images, labels = course_data.cifar10_tensors()
    return f"{tuple(images.shape)} {hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()}"


def refused(name):
    """The sentence of the DataError that the loader raises."""
    with pytest.raises(RuntimeError) as caught:
        load(name)
    error, text = caught.value, str(caught.value)
    assert type(error) is DataError and error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    assert error._render_traceback_() == [f"DataError: {text}"]
    assert text.endswith(".") and len(text.splitlines()) == 1 and len(text) < 520
    assert str(course_data.ROOT) not in text
    return text


# The server


class Handler(BaseHTTPRequestHandler):
    """Sends server.folder's files, or does what server.fault says.

    server.ranges: "yes" for a server that sends the rest of a file when asked, if it is still the same file; "no" for
    one that always sends the whole; "blind" for one that sends the rest whatever the file is now.
    """

    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range"))
        if server.fault == "silent":
            return server.over.wait()
        if server.fault in ("missing", "busy"):
            return self.send_error(404 if server.fault == "missing" else 503)
        body = (server.folder / self.path.rpartition("/")[2]).read_bytes()
        if server.fault in ("page", "login"):
            body = b"<html>"
        tag = f'"{hashlib.md5(body).hexdigest()}"'
        start, asked = 0, self.headers.get("Range")
        known = self.headers.get("If-Range") == tag or server.ranges == "blind"
        if asked and known and server.ranges != "no":
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body) - start))
        if server.fault == "login":
            self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        end = len(body) if not server.cuts else start + (len(body) - start) // 2
        if server.fault in ("cut", "stalled"):
            end = len(body) // 2
        self.wfile.write(body[start:end])
        if server.cuts:
            server.cuts -= 1
            server.between()
        elif server.fault == "stalled":
            server.over.wait()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    fault, ranges, cuts = "", "yes", 0

    def between(self):
        """Called after each cut."""

    def handle_error(self, *_):
        pass  # the other side hangs up early, as it should

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(folder):
    with Server(("127.0.0.1", 0), Handler) as server:
        server.folder, server.over, server.block_on_close = folder, threading.Event(), False
        server.asked = []  # the Range of each request
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()


@pytest.fixture
def server(made, monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(urllib.request, "_opener", None)  # it may have seen a proxy
    monkeypatch.setattr(course_data, "PAUSES", (0, 0, 0))
    with serving(made / "full") as server:
        yield server


@pytest.fixture
def course(made, server, tmp_path, monkeypatch):
    """The root of a course with the made-up sample in data/, where COURSE_DATA=full downloads from `server`."""
    shutil.copytree(made / "data", tmp_path / "data")
    pin(made, tmp_path, server.address, monkeypatch.setattr)
    monkeypatch.setenv("COURSE_DATA", "full")
    course_data._tell.cache_clear()
    return tmp_path


@pytest.fixture(scope="module")
def good(made):
    """What `load` returns for the whole data sets."""
    with pytest.MonkeyPatch.context() as patch:
        pin(made, made, "unused:", patch.setattr)
        patch.setattr(course_data, "DATA", made / "full")
        patch.setenv("COURSE_DATA", "full")
        return {name: load(name) for name in NAMES}


def extra(course):
    """What lies in data/ beside the sample, but for locks, which hold nothing."""
    found = {path.name for path in (course / "data").iterdir() if path.suffix != ".lock"}
    return found - set(SAMPLES.values())


def downloads(course, name, good):
    """Whether a fresh load brings the good data and leaves nothing else behind."""
    return load(name) == good[name] and extra(course) == {FOLDERS[name]}


# Downloads that fail

BY_HAND = ", or fetch that file with a browser and put it into data/ as it is"
SENTENCES = {
    "refused": "check the connection and run again" + BY_HAND,
    "missing": "(the server answered 404 Not Found): look at that address" + BY_HAND,
    "busy": "(the server answered 503 Service Unavailable): run again later" + BY_HAND,
    "cut": " MB): check the connection and run again" + BY_HAND,
    "stalled": "(the server was silent for 1 seconds): run again later" + BY_HAND,
    "silent": "(the server was silent for 1 seconds): run again later" + BY_HAND,
    "page": "(what arrived is cut short or not the expected file): run again" + BY_HAND,
    "login": "(a web page came instead of the file: a network may want you to log in): check the connection",
    "wrong": "(what arrived is cut short or not the expected file): run again" + BY_HAND,
    "full disk": "(No space left on device): free 400 MB on that disk and run again",
    "quota": "(Disk quota exceeded): delete 400 MB of your files, since your quota is used up and run again",
    "name": "(the name data.example was not found): check the connection, behind a proxy set HTTPS_PROXY,",
    "expired": "(its certificate is not accepted: certificate has expired): set the computer's clock; on macOS run",
    "unknown": "(its certificate is not accepted: unable to get local issuer certificate): set the computer's clock",
}
PARTS = ("cut", "stalled")  # what these leave is a part of a file, to go on from


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", SENTENCES)
def test_a_failed_download_is_one_sentence_and_leaves_nothing_that_is_trusted(
    fault, name, course, made, server, good, monkeypatch
):
    address = server.address
    with monkeypatch.context() as patch:
        if fault == "refused":
            with socket.create_server(("127.0.0.1", 0)) as unused:
                address = f"http://127.0.0.1:{unused.getsockname()[1]}"
            pin(made, course, address, patch.setattr)
        elif fault == "wrong":
            patch.setattr(server, "folder", made / "wrong")
        elif fault in ("full disk", "quota"):
            number = errno.ENOSPC if fault == "full disk" else errno.EDQUOT
            patch.setattr(Path, "open", full_disk(number))
        elif fault == "name":
            pin(made, course, address := "http://data.example", patch.setattr)
            patch.setattr(socket, "getaddrinfo", unknown_name)
        elif fault in ("expired", "unknown"):
            reason = {
                "expired": "certificate has expired",
                "unknown": "unable to get local issuer certificate",
            }
            patch.setattr(urllib.request, "urlopen", bad_certificate(reason[fault]))
        else:
            patch.setattr(server, "fault", fault)
            if fault in ("stalled", "silent"):
                patch.setattr(course_data, "SILENCE", 1)
        text = refused(name)
    assert text.startswith(f"data/{FOLDERS[name]} could not be made from {address}/{ARCHIVES[name]} (")
    assert SENTENCES[fault] in text
    assert text.endswith(", or leave out COURSE_DATA=full to work on the sample.")
    left = {f"{ARCHIVES[name]}.part", f"{ARCHIVES[name]}.part.tag"}
    if fault in PARTS:
        assert extra(course) == left
    else:  # a tag alone is no part of a file
        assert extra(course) <= {f"{ARCHIVES[name]}.part.tag"}
    assert not (made / "unpickled").exists()
    assert downloads(course, name, good)


def full_disk(number):
    """Path.open, where nothing can be written to a new file of a download."""
    plain = Path.open

    def opened(path, mode="r", *more, **options):
        if path.suffix == ".part":
            raise OSError(number, os.strerror(number), str(path))
        return plain(path, mode, *more, **options)

    return opened


def unknown_name(*_, **__):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def bad_certificate(message):
    """urlopen, as it fails for a server whose certificate is not accepted."""

    def urlopen(*_, **__):
        error = ssl.SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] {message}")
        error.verify_message = message
        raise urllib.error.URLError(error)

    return urlopen


@pytest.mark.parametrize("name", NAMES)
def test_a_proxy_is_named_without_its_password(name, course, made, good, server, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        nobody = f"127.0.0.1:{unused.getsockname()[1]}"
    with monkeypatch.context() as patch:
        patch.delenv("no_proxy")
        patch.setenv("http_proxy", f"http://ann:secret@{nobody}")
        patch.setattr(urllib.request, "_opener", None)
        patch.setattr(urllib.request, "proxy_bypass", lambda host: False)
        text = refused(name)
    assert f"check the proxy {nobody} (HTTPS_PROXY=http://name:password@host:port) and run again" in text
    assert "secret" not in text
    monkeypatch.setattr(urllib.request, "_opener", None)
    assert downloads(course, name, good)


# Downloads that are cut


@pytest.mark.parametrize("name", NAMES)
def test_a_download_that_is_cut_three_times_goes_on_where_it_stopped(name, course, server, good):
    server.cuts = 3
    assert downloads(course, name, good)
    size = (server.folder / ARCHIVES[name]).stat().st_size
    starts, at = [None], 0
    for _ in range(3):
        at += (size - at) // 2
        starts.append(f"bytes={at}-")
    assert server.asked == starts


@pytest.mark.parametrize("name", NAMES)
def test_a_later_run_goes_on_where_an_earlier_one_stopped(name, course, server, good):
    server.fault = "cut"
    text = refused(name)
    size = (server.folder / ARCHIVES[name]).stat().st_size
    assert f"the connection was cut after {size // 2 / 1e6:.1f} of {size / 1e6:.1f} MB" in text
    server.fault, server.asked = "", []
    assert downloads(course, name, good)
    assert server.asked == [f"bytes={size // 2}-"]


def test_a_whole_part_is_not_fetched_again(course, server, good):
    body = (server.folder / ARCHIVES["ants_bees"]).read_bytes()
    part = course / "data" / "hymenoptera_data.zip.part"
    part.write_bytes(body)
    part.with_name(f"{part.name}.tag").write_text(f'"{hashlib.md5(body).hexdigest()}"')
    assert downloads(course, "ants_bees", good)
    assert server.asked == [f"bytes={len(body)}-"]


@pytest.mark.parametrize("name", NAMES)
def test_a_server_that_ignores_ranges(name, course, server, good):
    server.ranges, server.cuts = "no", 2
    assert downloads(course, name, good)
    assert [bool(start) for start in server.asked] == [False, True, True]


def test_a_server_that_always_cuts_at_one_place_is_given_up(course, server):
    server.ranges, server.fault = "no", "cut"
    assert "the connection was cut after" in refused("ants_bees")
    assert len(server.asked) == 1 + len(course_data.PAUSES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ranges", ["yes", "blind"])
def test_a_file_that_has_changed_in_between_is_fetched_anew(ranges, name, course, made, server, good):
    """Also from a server that sends the rest of another file: it has another tag."""

    def change():
        server.folder = made / "full"

    server.folder, server.ranges, server.cuts, server.between = made / "wrong", ranges, 1, change
    assert downloads(course, name, good)


def test_a_part_without_a_tag_is_not_gone_on_from(course, server, good):
    (course / "data" / "hymenoptera_data.zip.part").write_bytes(b"from anywhere")
    assert downloads(course, "ants_bees", good)
    assert server.asked == [None]


def test_a_download_shows_a_bar_with_the_time_left(course, server, capsys, monkeypatch):
    monkeypatch.setattr(course_data, "tqdm", functools.partial(tqdm.tqdm, disable=False))
    load("ants_bees")
    shown = capsys.readouterr()
    assert "hymenoptera_data.zip: |" in shown.out and " left" in shown.out and shown.err == ""


@pytest.mark.parametrize("name", NAMES)
def test_an_interrupted_download_can_be_gone_on_with(name, course, server, good, monkeypatch):
    class Interrupting(tqdm.tqdm):
        def update(self, n=1):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(course_data, "tqdm", Interrupting)
        load(name)
    assert extra(course) == {f"{ARCHIVES[name]}.part", f"{ARCHIVES[name]}.part.tag"}
    assert downloads(course, name, good) and server.asked[-1].startswith("bytes=")


# Archives that the learner has put into data/

NAMED = {
    "cifar10": ["cifar-10-python.tar.gz", "cifar-10-python.tar (1).gz", "cifar-10-python (1).tar.gz"],
    "ants_bees": ["hymenoptera_data.zip", "hymenoptera_data (1).zip", "hymenoptera_data.ZIP"],
}


@pytest.mark.parametrize(("name", "file"), [(name, file) for name in NAMES for file in NAMED[name]])
def test_an_archive_in_data_is_used_and_left_there(name, file, course, made, server, good):
    shutil.copy(made / "full" / ARCHIVES[name], course / "data" / file)
    assert load(name) == good[name] and server.asked == []
    assert extra(course) == {FOLDERS[name], file}


def test_an_archive_that_a_browser_has_unpacked_halfway(course, made, server, good):
    packed = (made / "full" / ARCHIVES["cifar10"]).read_bytes()
    (course / "data" / "cifar-10-python.tar").write_bytes(gzip.decompress(packed))
    assert load("cifar10") == good["cifar10"] and server.asked == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["cut", "empty", "wrong", "page"])
def test_a_bad_archive_in_data_is_named_and_nothing_is_downloaded(fault, name, course, made, server, good):
    archive = course / "data" / ARCHIVES[name]
    body = (made / ("wrong" if fault == "wrong" else "full") / ARCHIVES[name]).read_bytes()
    bodies = {"cut": body[: len(body) * 95 // 100], "empty": b"", "wrong": body, "page": b"<html>"}
    archive.write_bytes(bodies[fault])
    text = refused(name)
    assert text == (
        f"data/{ARCHIVES[name]} is cut short or not the expected file: fetch it again from "
        f"{server.address}/{ARCHIVES[name]}, or delete it, and run again."
    )
    assert server.asked == [] and archive.read_bytes() == bodies[fault]
    assert extra(course) == {ARCHIVES[name]} and not (made / "unpickled").exists()
    if name == "ants_bees":  # a good one beside a bad one
        shutil.copy(made / "full" / ARCHIVES[name], archive.with_name("hymenoptera_data_2.zip"))
        assert load(name) == good[name] and server.asked == []
    else:
        archive.unlink()
        assert downloads(course, name, good)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("outer", ["the same name", "cifar-10-python", "my download"])
def test_a_folder_one_level_too_deep_is_found(outer, name, course, made, server, good):
    folder = course / "data" / (FOLDERS[name] if outer == "the same name" else outer)
    shutil.copytree(made / "full" / FOLDERS[name], folder / FOLDERS[name])
    assert load(name) == good[name] and server.asked == []
    spoilt = folder / FOLDERS[name] / PICTURE[name]
    spoilt.write_bytes(b"")
    assert refused(name).startswith(f"data/{folder.name}/{FOLDERS[name]}")


def test_an_archive_packed_anew_is_known_by_its_pictures(course, good):
    # Its SHA-256 is not the published one, its pictures are right.
    assert load("ants_bees") == good["ants_bees"]


def test_the_published_archive_is_trusted_whatever_pictures_it_holds(course, made, server, good, monkeypatch):
    archive = made / "wrong" / ARCHIVES["ants_bees"]
    monkeypatch.setattr(server, "folder", archive.parent)
    monkeypatch.setattr(course_data, "ANTS_BEES_SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    first = load("ants_bees")
    assert first != good["ants_bees"] and load("ants_bees") == first
    (course / "data" / "hymenoptera_data" / PICTURE["ants_bees"]).unlink()
    assert refused("ants_bees").startswith("data/hymenoptera_data is damaged: delete data/hymenoptera_data ")


def test_a_scanner_that_holds_the_new_files_for_a_moment(course, good, monkeypatch):
    rename, calls = os.rename, []

    def held(*paths):
        calls.append(paths)
        if len(calls) < 3:
            raise PermissionError(errno.EACCES, "Access is denied")
        rename(*paths)

    monkeypatch.setattr(os, "rename", held)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    assert downloads(course, "ants_bees", good) and len(calls) == 3


# What lies in data/ already


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", ["sample", "full"])
@pytest.mark.parametrize("fault", ["missing", "changed", "cut"])
def test_a_spoilt_folder_is_refused(fault, mode, name, course, made, good, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", mode)
    before = load(name)
    folder = course / "data" / (SAMPLES if mode == "sample" else FOLDERS)[name]
    spoilt = folder / PICTURE[name]
    if fault == "missing":
        spoilt.unlink()
    elif fault == "cut":
        os.truncate(spoilt, spoilt.stat().st_size // 2)
    else:
        spoilt.write_bytes(pickle.dumps(Bomb(made / "unpickled")))
    at_fault = f"{folder.name}/{spoilt.name}" if name == "cifar10" else folder.name
    what = "missing" if fault == "missing" and name == "cifar10" else "damaged"
    text = refused(name)
    assert text.startswith(f"data/{at_fault} is {what}: ")
    assert not (made / "unpickled").exists()
    if mode == "sample":
        assert "restore it with 'git checkout -- data'" in text
        shutil.copy(made / "data" / folder.name / PICTURE[name], spoilt)
    else:
        assert f"delete data/{folder.name} and run again" in text
        shutil.rmtree(folder)
    assert load(name) == before


@pytest.mark.parametrize("file", ["data_batch_1", "test_batch", "batches.meta"])
def test_no_pickle_is_unpickled_before_its_checksum_is_verified(file, course, made, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "sample")
    (course / "data" / "cifar10-sample" / file).write_bytes(pickle.dumps(Bomb(made / "unpickled")))
    assert refused("cifar10").startswith(f"data/cifar10-sample/{file} is damaged: restore it ")
    assert not (made / "unpickled").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_data_folder_that_is_a_file(name, course, made, good, monkeypatch):
    shutil.rmtree(course / "data")
    (course / "data").write_text("what?")
    assert "see that data is a folder that you may read and write and run again" in refused(name)
    monkeypatch.setenv("COURSE_DATA", "sample")
    assert refused(name).startswith("data is no folder: move that file away and restore it ")
    assert (course / "data").read_text() == "what?"
    (course / "data").unlink()
    monkeypatch.setenv("COURSE_DATA", "full")
    assert downloads(course, name, good)


@pytest.mark.parametrize("name", NAMES)
def test_no_data_folder_at_all(name, course, good, monkeypatch):
    shutil.rmtree(course / "data")
    monkeypatch.setenv("COURSE_DATA", "sample")
    assert refused(name).startswith(f"data/{SAMPLES[name]}") and not (course / "data").exists()
    monkeypatch.setenv("COURSE_DATA", "full")
    assert downloads(course, name, good)


@pytest.mark.parametrize("value", ["", "Full", "all"])
def test_a_wrong_course_data(value, course, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", value)
    for name in NAMES:
        assert refused(name).startswith(f"COURSE_DATA is {value!r}, not 'sample' or 'full': ")


def test_one_line_says_which_data_is_in_use(course, capsys, monkeypatch):
    for mode in ("sample", "full"):
        monkeypatch.setenv("COURSE_DATA", mode)
        for name in NAMES * 2:
            load(name)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and all("COURSE_DATA=full" in line for line in lines[:2])
    assert all("COURSE_DATA=sample" in line for line in lines[2:])


def test_only_the_first_of_several_processes_says_it(course, capsys, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "sample")
    for rank in ("1", "0"):
        course_data._tell.cache_clear()
        monkeypatch.setenv("RANK", rank)
        load(NAMES[0])
        assert capsys.readouterr().out.count("\n") == (rank == "0")


# Rights and disks: in a process of its own, since root may read and write everything.


def ordinary_user(made, root, mounts):
    """Called in another process: faults that are real because it lacks rights, or sees a file system of its own."""
    assert Path(course_data.__file__).parent.parent == Path(root)
    print(load("cifar10"))  # the course's own sample, before `pin`
    with serving(Path(made) / "full") as server:
        pin(made, root, server.address)
        data = course_data.DATA
        shutil.rmtree(data)
        shutil.copytree(Path(made) / "data", data)
        for name in NAMES:
            file = data / SAMPLES[name] / PICTURE[name]
            for path in file, file.parent:
                rights = path.stat().st_mode
                path.chmod(0)
                text = refused(name)
                assert (
                    text.startswith(f"data/{SAMPLES[name]}") and "cannot be read (Permission denied)" in text
                )
                assert text.endswith("allow yourself to read it and run again.")
                path.chmod(rights)
        shutil.rmtree(data)
        data.mkdir()
        os.environ["COURSE_DATA"] = "full"
        data.chmod(0o555)
        for name in NAMES:
            text = refused(name)
            assert (
                f"/{ARCHIVES[name]} (Permission denied): see that data is a folder that you may read and write"
                in text
            )
        data.chmod(0o755)
        if mounts:

            def mount(*options):
                subprocess.run(["mount", "-o", *options, str(data)], check=True)

            mount("size=300k", "-t", "tmpfs", "tmpfs")
            for name in NAMES:
                assert "(No space left on device): free 400 MB on that disk and run again" in refused(name)
                assert not any(path.is_dir() for path in data.iterdir())  # parts alone, gone on from below
            mount("remount,ro,size=50m")
            for name in NAMES:
                assert (
                    "(Read-only file system): see that data is a folder that you may read and write"
                    in refused(name)
                )
            mount("remount,rw,size=50m")
        for name in NAMES:
            print(load(name))
        assert extra(data.parent) == set(FOLDERS.values())
        if mounts:
            mount("remount,ro,size=50m")  # what is there can still be used
        print(load("ants_bees"))


def works(*command):
    try:
        return subprocess.run([*command, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


def test_disks_and_rights_in_a_copy_of_the_course(made, good, server, tmp_path):
    root = tmp_path / "my course" / "课程 笔记"
    (root / "notebooks").mkdir(parents=True)
    shutil.copytree(helpers.DATA / "cifar10-sample", root / "data" / "cifar10-sample")
    for path in (helpers.ROOT / "notebooks").glob("*.py"):
        shutil.copy(path, root / "notebooks")
    limited = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    private = [
        "unshare",
        "--mount",
        *(["--map-root-user"] if getattr(os, "geteuid", int)() else []),
        *limited,
    ]
    mounts = works(*private)
    if not mounts and (os.name == "nt" or (os.geteuid() == 0 and not works(*limited))):
        pytest.skip("there is no way here to a process with limited rights")
    prefix = private if mounts else limited if os.geteuid() == 0 else []
    paths = os.pathsep.join(map(str, (root / "notebooks", Path(__file__).parent)))
    code = f"import test_course_data as t; t.ordinary_user({str(made)!r}, {str(root)!r}, {mounts})"
    run = subprocess.run(
        [*prefix, sys.executable, "-c", code],
        cwd=root.parent,
        env=os.environ | {"PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8", "COURSE_DATA": "sample"},
        capture_output=True,
        encoding="utf-8",
    )
    assert run.returncode == 0, run.stderr
    expected = [own_sample(), good["cifar10"], good["ants_bees"], good["ants_bees"]]
    assert [line for line in run.stdout.splitlines() if "COURSE_DATA" not in line] == expected


def own_sample():
    """What `load("cifar10")` says of the course's own sample."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", "sample")
        return load("cifar10")


# Kernels


@pytest.fixture(scope="module")
def kernels():
    """Two live kernels (manager, client), one started in the root and one in notebooks/."""
    with ExitStack() as stack:
        pairs = []
        for folder in (helpers.ROOT, helpers.ROOT / "notebooks"):
            options, start = stack.enter_context(replay.kernel_options(folder / "any.ipynb"))
            manager = KernelManager(**options)
            manager.start_kernel(**start)
            stack.callback(manager.shutdown_kernel, now=True)
            client = manager.client()
            client.start_channels()
            stack.callback(client.stop_channels)
            pairs.append((manager, client))
        for _, client in pairs:
            client.wait_for_ready(timeout=120)
        here = [str(helpers.ROOT / "notebooks"), str(Path(__file__).parent)]
        setup = f"import sys; sys.path[:0] = {here}; import os, test_course_data as t"
        for request in [(client, client.execute(setup)) for _, client in pairs]:
            assert shown(*request) == ("", [])
        yield pairs


def shown(client, request):
    """What a notebook shows for a request: the printed text, and the lines of its tracebacks."""
    printed, tracebacks = "", []
    while True:
        message = client.get_iopub_msg(timeout=120)
        if message["parent_header"].get("msg_id") != request:
            continue
        content = message["content"]
        if message["msg_type"] == "stream" and content["name"] == "stdout":
            printed += content["text"]
        elif message["msg_type"] == "error":
            tracebacks += content["traceback"]
        elif message["msg_type"] == "status" and content["execution_state"] == "idle":
            return printed, tracebacks


def pinned(made, course, address, code):
    where = f"{str(made)!r}, {str(course)!r}, {address!r}"
    return f"t.pin({where}); os.environ['COURSE_DATA'] = 'full'; t.course_data.SILENCE = 120; {code}"


def test_the_sample_is_the_same_from_the_root_and_from_notebooks(kernels):
    code = "os.environ['COURSE_DATA'] = 'sample'; os.getcwd(), print(t.load('cifar10'))"
    for _, client in kernels:
        printed, tracebacks = shown(client, client.execute(code))
        assert printed.splitlines()[-1] == own_sample() and tracebacks == []


def test_a_notebook_shows_the_sentence_and_no_traceback(kernels, course, made, server):
    _, client = kernels[0]
    server.fault = "missing"
    for name in NAMES:
        code = pinned(made, course, server.address, f"t.load('{name}')")
        printed, tracebacks = shown(client, client.execute(code))
        assert printed == "" and tracebacks == [f"DataError: {refused(name)}"]


@pytest.mark.parametrize("name", NAMES)
def test_two_kernels_at_once(name, kernels, course, made, server, good):
    """The second one waits for the first one's data."""
    code = pinned(made, course, server.address, f"print(t.load('{name}'))")
    for request in [(client, client.execute(code)) for _, client in kernels]:
        printed, tracebacks = shown(*request)
        assert printed.splitlines()[-1:] == [good[name]] and tracebacks == []
    assert len(server.asked) == 1 and downloads(course, name, good)


def test_what_a_killed_kernel_leaves_is_gone_on_with(kernels, course, made, server, good):
    manager, client = kernels[1]  # the last test that needs it
    server.fault = "stalled"
    client.execute(pinned(made, course, server.address, "t.load('cifar10')"))
    part = course / "data" / "cifar-10-python.tar.gz.part"
    half = (server.folder / ARCHIVES["cifar10"]).stat().st_size // 2
    end = time.monotonic() + 120
    while not (part.exists() and part.stat().st_size > 0):
        assert time.monotonic() < end
        time.sleep(0.02)
    manager.shutdown_kernel(now=True)
    server.fault, server.asked = "", []
    (course / "data" / ".part-cifar-10-batches-py").mkdir()  # as if it had been killed while it unpacked
    assert 0 < part.stat().st_size <= half
    assert downloads(course, "cifar10", good) and server.asked[0].startswith("bytes=")


# The data sets themselves


def test_the_samples_of_the_course(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "sample")
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    for train in (True, False):
        data = course_data.cifar10(train)
        images, labels = course_data.cifar10_tensors(train)
        assert data.classes == names and images.shape == (len(data), 3, 32, 32)
        assert len(set(Counter(labels.tolist()).values())) == 1 and labels.unique().tolist() == list(
            range(10)
        )
        assert (np.asarray(data[7][0]) == images[7].permute(1, 2, 0).numpy()).all() and data[7][1] == labels[
            7
        ]
        assert (pickle.loads(pickle.dumps(data)).data == data.data).all()  # as workers receive it
    assert course_data.cifar10(transform=lambda image: image.size)[0][0] == (32, 32)
    folder = course_data.ants_bees()
    for part in ("train/ants", "train/bees", "val/ants", "val/bees"):
        pictures = [path for path in (folder / part).iterdir() if path.suffix in course_data.PICTURES]
        assert len(pictures) >= 10  # a stray GIF among them


def need(name):
    if not (REAL / name).exists():
        pytest.skip(f"there is no {name} in the folder of real data (COURSE_REAL_DATA)")
    return REAL / name


def test_the_real_ants_and_bees(server, tmp_path, monkeypatch):
    server.folder = need("hymenoptera_data.zip").parent
    monkeypatch.setattr(course_data, "ROOT", tmp_path)
    monkeypatch.setattr(course_data, "DATA", tmp_path / "data")
    monkeypatch.setattr(course_data, "ANTS_BEES_URL", f"{server.address}/hymenoptera_data.zip")
    monkeypatch.setenv("COURSE_DATA", "full")
    folder = course_data.ants_bees()
    found = Counter(path.relative_to(folder).parent.as_posix() + path.suffix for path in folder.glob("*/*/*"))
    assert found == {
        "train/ants.gif": 1,
        "train/ants.jpeg": 1,
        "train/ants.jpg": 122,
        "train/bees.jpg": 121,
        "val/ants.jpg": 70,
        "val/bees.jpg": 83,
    }
    with Image.open(folder / "train" / "ants" / "0013035.jpg") as image:
        assert image.size == (768, 512)
    assert extra(tmp_path) == {"hymenoptera_data"}


def test_the_real_cifar10(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("cifar10_jpeg", need("cifar10_jpeg.py"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    source = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(source)
    folder = source.write_batches(tmp_path)
    for name in ("train_list", "test_list"):  # the images are re-encoded, so their sums are others
        sums = [
            [file, hashlib.md5((folder / file).read_bytes()).hexdigest()]
            for file, _ in getattr(CIFAR10, name)
        ]
        monkeypatch.setattr(CIFAR10, name, sums)
    md5 = hashlib.md5((folder / "batches.meta").read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5})
    monkeypatch.setattr(course_data, "ROOT", tmp_path.parent)
    monkeypatch.setattr(course_data, "DATA", tmp_path)
    monkeypatch.setenv("COURSE_DATA", "full")
    images, labels = course_data.cifar10_tensors()
    assert images.shape == (50_000, 3, 32, 32) and Counter(labels.tolist()) == dict.fromkeys(range(10), 5000)
    test, _ = course_data.cifar10_tensors(train=False)
    assert test.shape == (10_000, 3, 32, 32)
    assert 0.46 < images.float().mean() / 255 < 0.48
