"""Runs an answer so that it cannot take the kernel with it: a limit for its time and for its memory, no exit, no input.

An answer runs in the notebook's own process, since it is a function of the notebook. So the limits are enforced
from beside it, by a thread that raises an exception in the one that runs the answer. No exception reaches one long
call into C, so an answer sees Python functions in place of `sleep` and of the endless iterators of itertools: between
their lines an exception comes through. On Linux the memory is limited by the system as well.
"""

import builtins
import contextlib
import ctypes
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType, ModuleType
from typing import Any
from unittest import mock

import psutil
import torch

GIB = 2**30
MEMORY = GIB  # bytes that an answer may add to the process


class Stopped(BaseException):
    """The answer was stopped; no `except Exception` of the answer catches this."""


class TookTooLong(Stopped):
    """It was still running after its time limit."""


class TookTooMuch(Stopped):
    """It took more memory than the limit."""


class AskedForInput(Stopped):
    """It called input() or a debugger, and nobody is there to type."""


class Exited(Stopped):
    """It called exit(), quit() or sys.exit()."""


def _sleep_in_steps(seconds: float) -> None:
    """time.sleep, that an exception from another thread can end."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.05))


def _count(start: Any = 0, step: Any = 1) -> Iterator[Any]:
    """itertools.count in Python."""
    while True:
        yield start
        start += step


def _cycle(items: Iterable[Any]) -> Iterator[Any]:
    """itertools.cycle in Python."""
    kept = []
    for item in items:
        kept.append(item)
        yield item
    while kept:
        yield from kept


def _repeat(item: Any, times: int | None = None) -> Iterator[Any]:
    """itertools.repeat in Python."""
    for _ in _count() if times is None else range(times):
        yield item


def _with(module: ModuleType, **others: Callable) -> ModuleType:
    """A copy of a module in which some functions are others."""
    copied = ModuleType(module.__name__)
    vars(copied).update(vars(module) | others)
    return copied


# What may run for ever inside C, and what stands for it among the names that an answer sees: the modules, and what a
# notebook imports from them. The modules themselves stay as they are, since PyTorch uses them too.
STAND_INS = [
    (time.sleep, _sleep_in_steps),
    (itertools.count, _count),
    (itertools.cycle, _cycle),
    (itertools.repeat, _repeat),
    (time, _with(time, sleep=_sleep_in_steps)),
    (itertools, _with(itertools, count=_count, cycle=_cycle, repeat=_repeat)),
]


class _Watchdog(threading.Thread):
    """Stops the thread that made it, once the time is over or the memory is used up."""

    def __init__(self, seconds: float, memory: int):
        super().__init__(daemon=True)
        self.seconds, self.memory = seconds, memory
        self.watched, self.number = threading.get_ident(), threading.get_native_id()
        # A signal also wakes what waits in the system (sleep, a lock); only the main thread can take one.
        self.by_signal = os.name == "posix" and threading.current_thread() is threading.main_thread()
        self.reason: type[Stopped] | None = None
        self.caught = 0  # times that the answer went on all the same
        self.lock, self.over = threading.Lock(), threading.Event()

    def run(self) -> None:
        start, queued, process = time.monotonic(), self._queued(), psutil.Process()
        before, pause, struck = process.memory_info().rss, 0.05, False
        while not self.over.wait(pause):
            if self.reason is None and time.monotonic() - start > self.seconds + self._queued() - queued:
                self.reason = TookTooLong
            elif self.reason is None and process.memory_info().rss - before > self.memory:
                self.reason = TookTooMuch
            if self.reason is not None:
                with self.lock:
                    if not self.over.is_set():
                        self._interrupt()
                # Again and again, since `except:` in a loop catches the first ones; but first there is time to clean up.
                pause = max(pause / 2, 0.001) if struck else 0.25
                struck = True

    def _queued(self) -> float:
        """Seconds for which the watched thread could have run, but every processor was busy; 0 if nobody counts them.

        They are not the answer's fault, so its time limit leaves them out. Linux counts them: the second number in
        schedstat, in nanoseconds.
        """
        try:
            with open(f"/proc/self/task/{self.number}/schedstat") as file:
                return int(file.read().split()[1]) / 1e9
        except OSError:
            return 0.0

    def _interrupt(self) -> None:
        if self.by_signal:
            signal.pthread_kill(self.watched, signal.SIGURG)
        else:
            self._raise_there(self.reason)

    def _raise_there(self, kind: type[Stopped] | None) -> None:
        target = ctypes.c_ulong(self.watched)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(target, ctypes.py_object(kind) if kind else None)

    def on_signal(self, _number: int, frame: FrameType | None) -> None:
        """The signal's handler, which runs in the watched thread."""
        if self.reason is None or self.over.is_set():
            return
        self.caught += 1
        if self.caught > 3 and sys.gettrace() is None:
            # An `except:` around what waits has caught all so far. This raises once more on its first line.
            while frame is not None:
                frame.f_trace = self._on_line
                frame = frame.f_back
            sys.settrace(self._on_line)
        raise self.reason

    def _on_line(self, _frame: FrameType, event: str, _arg: Any) -> Callable | None:
        """A trace function (see sys.settrace); Python drops it when it raises."""
        if event == "line" and not self.over.is_set():
            raise self.reason
        return self._on_line

    def stop(self) -> None:
        """From here on nothing is interrupted."""
        with self.lock:
            self.over.set()
            if not self.by_signal:
                self._raise_there(None)  # takes one back that has not been raised yet
            elif self.caught > 3 and sys.gettrace() == self._on_line:
                sys.settrace(None)


def guarded(work: Callable[[], Any], seconds: float, memory: int = MEMORY) -> Any:
    """The result of work(), which may run for `seconds` and add `memory` bytes to the process.

    Raises what work() raises, and Stopped if it had to be stopped, asked for input or exited. Ctrl+C
    (KeyboardInterrupt) still ends it.
    """
    watchdog = _Watchdog(seconds, memory)
    with ExitStack() as resources:
        resources.enter_context(_no_exit_no_input())
        resources.enter_context(_system_limit(memory + GIB // 2))
        if watchdog.by_signal:
            before = signal.signal(signal.SIGURG, watchdog.on_signal)
            resources.callback(signal.signal, signal.SIGURG, before)
        try:
            watchdog.start()
            try:
                return work()
            finally:
                watchdog.stop()
        except Stopped:
            watchdog.stop()  # if it struck before the line above
            raise
        except SystemExit:
            raise Exited from None
        except MemoryError:
            raise TookTooMuch from None


@contextmanager
def _system_limit(memory: int) -> Iterator[None]:
    """Let the system refuse memory beyond `memory` more bytes, where it can (Linux)."""
    # A GPU's driver reserves addresses by the terabyte, which the limit would count.
    if not sys.platform.startswith("linux") or torch.cuda.is_available():
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = psutil.Process().memory_info().vms + memory
    if soft != resource.RLIM_INFINITY and wanted > soft:
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def _no_exit_no_input() -> Iterator[None]:
    """Turn the calls that would wait for a person or end the process into exceptions."""

    def ask(*_args: Any, **_kwargs: Any) -> None:
        raise AskedForInput

    def leave(*_args: Any, **_kwargs: Any) -> None:
        raise Exited

    here, leave_process = os.getpid(), os._exit

    def leave_hard(code: int) -> None:
        if os.getpid() != here:  # a worker process ends this way
            leave_process(code)
        raise Exited

    with ExitStack() as stack:
        for holder, name, other in (
            (builtins, "input", ask),
            (sys, "breakpointhook", ask),
            (os, "_exit", leave_hard),
            (os, "abort", leave),
        ):
            stack.enter_context(mock.patch.object(holder, name, other))
        with contextlib.suppress(ImportError):  # in a notebook `exit` is IPython's own
            from IPython import get_ipython

            if (shell := get_ipython()) is not None:
                stack.enter_context(mock.patch.object(shell, "ask_exit", leave))
        yield
