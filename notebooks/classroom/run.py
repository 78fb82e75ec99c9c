"""Runs a learner's notebook in a kernel of its own, with limits, and collects what the course's checkers say."""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psutil
import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

import progress

KERNEL = Path(__file__).with_name("kernel.py")
START = 120  # seconds that a kernel may take to start, on a busy machine
GRACE = 5  # seconds that an interrupted cell may take to end
GIB = 2**30


@dataclass(frozen=True)
class Limits:
    """What a notebook may take."""

    seconds: float = 300  # all its cells together; one cell a quarter of that
    memory: float = 3 * GIB  # bytes, its processes together


@dataclass
class Outcome:
    """What a run has brought."""

    records: list[dict] = field(default_factory=list)  # of check: exercise, result, hint, changed
    errors: dict[str, str] = field(default_factory=dict)  # why the cell of an exercise stopped
    ended: str = ""  # "stopped" or "crashed", if something ended too early
    why: str = ""  # a sentence then
    seconds: float = 0.0


class Ended(Exception):
    """The kernel is gone, or has to go. Its arguments: "stopped" or "crashed", and why."""


class Interrupted(Exception):
    """Somebody has pressed Ctrl+C."""


@cache
def can_isolate() -> bool:
    """Whether this system lets a process leave the network."""
    asked = subprocess.run([sys.executable, KERNEL, "--isolated?"], capture_output=True, check=False)
    return asked.returncode == 0


def environment(folder: Path) -> dict[str, str]:
    """The kernel's variables: none that change Python or matplotlib, the sample as data, folders of its own."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("PYTHON", "PYTEST", "MPLBACKEND", "COURSE_", "COVERAGE"))
    }
    own = {"COURSE_LOGS": "logs", "IPYTHONDIR": "ipython", "TORCH_HOME": "torch"}
    return inherited | {
        "COURSE_DATA": "sample",
        "CUDA_VISIBLE_DEVICES": "",  # a GPU's memory has no limit here
        "JPY_PARENT_PID": str(os.getpid()),  # the kernel ends with this process
        "MKL_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "TQDM_DISABLE": "1",
        **{name: str(folder / sub) for name, sub in own.items()},
    }


def first_line(source: str) -> str:
    """The beginning of a cell, to name it by."""
    line = source.strip().partition("\n")[0]
    return line if len(line) <= 50 else f"{line[:47]}..."


class Kernel:
    """The kernel of one notebook, in a folder of its own."""

    def __init__(self, folder: Path, chapter: str, limits: Limits, stop: threading.Event):
        self.limits, self.stop = limits, stop
        self.children, self.next_look = [], 0.0
        self.work = folder / "work"
        self.work.mkdir()
        self.results = folder / secrets.token_hex(8)
        self.results.touch()
        settings, connection = folder / "settings.json", folder / "kernel.json"
        # TCP ports would be chosen with a race, and lie on the network that the kernel leaves; a socket's path is short.
        on_a_file = os.name == "posix" and len(str(folder)) < 90
        settings.write_text(
            json.dumps(
                {
                    "notebooks": str(progress.NOTEBOOKS),
                    "results": str(self.results),
                    "chapter": chapter,
                    "memory": int(limits.memory),
                    "isolate": on_a_file and can_isolate(),
                }
            ),
            encoding="utf-8",
        )
        place = {"transport": "ipc", "ip": str(folder / "socket")} if on_a_file else {}
        _, address = write_connection_file(str(connection), **place)
        self.process = psutil.Popen(
            [sys.executable, str(KERNEL), str(settings), str(connection)],
            cwd=self.work,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl+C in the terminal is not for the kernel
        )
        # Only the channel with the replies: whatever a notebook prints goes nowhere.
        self.session = Session(
            key=address["key"].encode(), signature_scheme=address["signature_scheme"], username=""
        )
        between = "-" if on_a_file else ":"
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.identity = self.session.bsession
        self.socket.connect(f"{address['transport']}://{address['ip']}{between}{address['shell_port']}")

    def ready(self) -> None:
        """Wait until the kernel answers. Raises Ended, Interrupted."""
        self._ask("kernel_info_request", {}, START)

    def execute(self, source: str, seconds: float) -> str:
        """Run a cell; returns the error that it raised, as one line, or "". Raises TimeoutError, Ended, Interrupted."""
        code = {"code": source, "silent": False, "store_history": True, "user_expressions": {}}
        reply = self._ask("execute_request", code | {"allow_stdin": False, "stop_on_error": False}, seconds)
        if reply.get("status") != "error":
            return ""
        return f"{reply.get('ename')}: {reply.get('evalue')}".strip().partition("\n")[0][:300]

    def interrupt(self) -> bool:
        """Stop the cell that runs; returns whether the kernel is ready for the next one."""
        if os.name != "posix":
            return False  # there is no such signal
        self.process.send_signal(signal.SIGINT)
        try:
            self._ask("kernel_info_request", {}, GRACE)
        except TimeoutError:
            return False
        return True

    def _ask(self, kind: str, content: dict, seconds: float) -> dict:
        end = time.monotonic() + seconds
        self._look_after(end)  # what the last cell holds may leave no room for this one
        request = self.session.send(self.socket, kind, content)["header"]["msg_id"]
        while True:
            if not self.socket.poll(200):
                self._look_after(end)
                continue
            _, message = self.session.recv(self.socket)
            if message["parent_header"].get("msg_id") == request:
                return message["content"]

    def _look_after(self, end: float) -> None:
        if self.stop.is_set():
            raise Interrupted
        code = self.process.poll()
        if code is not None:
            how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
            raise Ended("crashed", f"the kernel ended {how}")
        if time.monotonic() > self.next_look:  # at all processes, which takes some milliseconds
            self.next_look = time.monotonic() + 1
            self.children = self.descendants()
        if memory_of(self.process) + sum(map(memory_of, self.children)) > self.limits.memory:
            raise Ended("stopped", f"the notebook took more than {self.limits.memory / GIB:g} GiB of memory")
        if time.monotonic() > end:
            raise TimeoutError

    def descendants(self) -> list[psutil.Process]:
        """What the kernel has started, and what that has started."""
        try:
            return self.process.children(recursive=True)
        except psutil.Error:
            return []

    def processes(self) -> list[psutil.Process]:
        """The kernel and all that it has started."""
        found = {child.pid: child for child in [self.process, *self.descendants()]}
        if os.name == "posix":  # what has lost its parent is still of the same session
            for process in psutil.process_iter():
                try:
                    if os.getsid(process.pid) == self.process.pid:
                        found[process.pid] = process
                except (OSError, psutil.Error):
                    pass
        return list(found.values())

    def records(self) -> list[dict]:
        """What check has written so far; lines that it has not written itself are left out."""
        found = []
        for line in self.results.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and {"exercise", "result", "hint", "changed"} <= record.keys():
                found.append(record)
        return found

    def close(self) -> None:
        """End the kernel and its processes."""
        self.socket.close()
        self.context.term()
        for process in self.processes():
            try:
                process.kill()
            except psutil.Error:
                pass
        self.process.wait()


def memory_of(process: psutil.Process) -> int:
    """Bytes that a process holds in memory, on Linux without what it shares with others; 0 if it has ended."""
    try:
        memory = process.memory_info()
    except psutil.Error:
        return 0
    return memory.rss - getattr(memory, "shared", 0)


def exercise_cells(notebook: dict) -> Iterator[tuple[str, list[str]]]:
    """The source of each code cell, and the numbers of the exercises that it checks."""
    for cell in progress.code_cells(notebook):
        source = progress.text(cell.get("source"))
        if source.strip():
            yield source, progress.CALL.findall(source)


def run(notebook: dict, chapter: str, limits: Limits, stop: threading.Event) -> Outcome:
    """Run all code cells of a notebook of chapter `chapter` ("09"). Raises Interrupted once `stop` is set."""
    outcome, began = Outcome(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="class-", ignore_cleanup_errors=True) as name:
        kernel = Kernel(Path(name), chapter, limits, stop)
        try:
            _run_cells(kernel, notebook, limits, outcome)
        except Ended as end:
            outcome.ended, outcome.why = end.args
        finally:
            kernel.close()
            outcome.records = kernel.records()
    outcome.seconds = time.monotonic() - began
    return outcome


def _run_cells(kernel: Kernel, notebook: dict, limits: Limits, outcome: Outcome) -> None:
    (kernel.work / "notebook.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    try:
        kernel.ready()
    except TimeoutError:
        raise Ended("crashed", f"the kernel did not start within {START} s") from None
    end = time.monotonic() + limits.seconds
    for source, numbers in exercise_cells(notebook):
        left = end - time.monotonic()
        if left <= 0:
            raise Ended("stopped", f"the notebook ran for more than {limits.seconds:g} s")
        longest = min(left, limits.seconds / 4)
        where = f"the cell that begins with {first_line(source)!r}"
        try:
            error = kernel.execute(source, longest)
        except TimeoutError:
            error = f"stopped after {longest:.0f} s"
            outcome.ended, outcome.why = "stopped", f"{where} ran for more than {longest:.0f} s"
            if not kernel.interrupt():
                raise Ended("stopped", f"{outcome.why} and could not be interrupted") from None
        except Ended as ended:
            kind, why = ended.args
            raise Ended(kind, f"{why}, in {where}") from None
        if error:
            outcome.errors |= dict.fromkeys(numbers, error)
