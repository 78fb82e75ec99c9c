"""What runs inside the kernel of a learner's notebook: its limits, no network, and the course's own `check`.

run.py starts it with two files: python kernel.py SETTINGS.json CONNECTION.json. Each call of `check` adds a line to the
file that SETTINGS names; nothing that the notebook prints is read.
"""

import ast
import builtins
import ctypes
import ipaddress
import json
import os
import re
import secrets
import socket
import struct
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

NUMBER = re.compile(r"\d+\.\d+")
PATIENCE = 3  # times the time limit that a checker has in the lab
LONGEST = 1000  # characters of a hint that are kept
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
SENDS = {"socket.connect", "socket.sendto", "socket.sendmsg"}


# No network


def leave_the_network() -> bool:
    """Move this process, and all that it will start, to a network of its own with nothing but this machine in it.

    Linux only, and only where the system lets a user do so; returns whether it worked. If not, ask no more of this
    process: it may be half way. Must run before any thread starts.
    """
    if not sys.platform.startswith("linux"):
        return False
    import fcntl

    user, group = os.getuid(), os.getgid()
    try:
        unshare = ctypes.CDLL(None, use_errno=True).unshare
        if unshare(CLONE_NEWNET) != 0:  # root may; for others a user namespace comes first
            if unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
                return False
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            request = struct.pack("16sh", b"lo", 1)  # the loopback device, up
            fcntl.ioctl(any_socket, 0x8914, request + bytes(24))
    except (OSError, AttributeError):
        return False
    return True


def is_this_machine(host: object) -> bool:
    """Whether `host` (a name or an address, "" or None for any of our own) is the machine that we run on."""
    host = (os.fsdecode(host) if isinstance(host, bytes) else str(host or "")).partition("%")[0]
    if host in ("", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def refuse(event: str, args: tuple) -> None:
    """An audit hook (see `sys.addaudithook`): raises OSError where this process would leave the machine."""
    if event in LOOKUPS:
        host = args[0]
    elif event in SENDS and isinstance(args[1], tuple):  # a Unix socket's address is a path, never a tuple
        host = args[1][0]
    else:
        return
    if not is_this_machine(host):
        raise OSError("there is no network while a class is judged")


# The course's own check


class Recorder:
    """The course's `check`, that also writes down what it says."""

    def __init__(self, chapter: str, results: str):
        """chapter: "09"; results: the file."""
        import checks
        from checks import guard, texts

        self.checks, self.results = checks, open(results, "a", encoding="utf-8")  # open until the kernel ends
        modules = [checks, guard, texts, import_module(f"checks.ch{chapter}")]
        original, verdict = checks.check, checks._verdict
        record = self.record

        def check(number: str, *answer: object) -> None:
            """Print what exercise `number` has to say to `answer`."""
            changed = self.put_back()
            try:
                checks.load_chapter(number)
                known = number in checks.CHECKERS
            except ValueError:
                known = False
            if not known:
                return original(number, *answer)  # which says so
            said = verdict(number, answer)
            record(number, said, changed)
            print(said)

        self.check = checks.check = check
        if hasattr(modules[-1], "switched_off"):
            # Else the first answer's time would pay for it, on a busy machine too much.
            import_module("torch._dynamo")
        # Several notebooks run at a time, so an answer gets more than in the lab.
        checks._limits.update({known: PATIENCE * seconds for known, seconds in checks._limits.items()})
        self.functions = [
            (module, {name: value for name, value in vars(module).items() if callable(value)})
            for module in modules
        ]
        self.checkers = dict(checks.CHECKERS)

    def put_back(self) -> list[str]:
        """Undo what the notebook has changed in the checkers' modules; returns the names."""
        changed = []
        for module, functions in self.functions:
            for name, function in functions.items():
                if vars(module).get(name) is not function:
                    changed.append(name)
                    setattr(module, name, function)
        for number, checker in self.checkers.items():
            if self.checks.CHECKERS.get(number) is not checker:
                changed.append(number)
                self.checks.CHECKERS[number] = checker
        return changed

    def record(self, number: str, said: object, changed: list[str]) -> None:
        """Write a line: number, result and hint. The template tells the result, in whatever language it is shown."""
        result = next(
            word for word in ("correct", "not yet", "not attempted") if f"· {word}" in said.template
        )
        hint = str(said.values.get("hint", ""))[:LONGEST]
        json.dump({"exercise": number, "result": result, "hint": hint, "changed": changed}, self.results)
        self.results.write("\n")
        self.results.flush()


class Calls(ast.NodeTransformer):
    """Lets each call check("9.1", …) in a cell call the course's own, whatever the notebook means by `check`."""

    def __init__(self, check: Callable):
        self.name = f"_{secrets.token_hex(8)}"
        setattr(builtins, self.name, check)

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """Replace the function of such a call by the name that only this kernel knows."""
        self.generic_visit(node)
        called = getattr(node.func, "id", getattr(node.func, "attr", None))
        first = node.args[0] if node.args else None
        if called == "check" and isinstance(first, ast.Constant) and NUMBER.fullmatch(str(first.value)):
            node.func = ast.copy_location(ast.Name(self.name, ast.Load()), node.func)
        return node


# The kernel


def limit(memory: int) -> None:
    """Let the system refuse memory beyond `memory` more bytes (Linux), large files and core dumps, where it can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**30, 2**30))
    if sys.platform.startswith("linux"):
        import psutil

        most = psutil.Process().memory_info().vms + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def no_tensorboard(module: ModuleType) -> None:
    """Start no server for the line %tensorboard."""
    module.start = lambda arguments: None


def main() -> None:
    """Start the kernel."""
    settings_file, connection = sys.argv[1:]
    settings = json.loads(Path(settings_file).read_text(encoding="utf-8"))
    os.unlink(settings_file)
    if settings["isolate"]:
        leave_the_network()
    sys.addaudithook(refuse)
    sys.argv[1:] = []
    sys.path[0] = settings["notebooks"]  # in place of this file's folder: the course's own modules come first

    recorder = Recorder(settings["chapter"], settings["results"])
    from ipykernel.kernelapp import IPKernelApp
    from tensorboard import notebook

    no_tensorboard(notebook)
    app = IPKernelApp.instance()
    app.initialize(["-f", connection])
    shell = app.shell
    if shell.user_ns.get("__name__") != "__main__":
        raise RuntimeError("this IPython is not the one that this file was written for")
    sys.path[:] = [
        settings["notebooks"],
        *(place for place in sys.path if place not in ("", settings["notebooks"])),
    ]
    # Nobody looks at values and pictures here, so none is made; and exit() in a cell does not end the rest.
    shell.display_formatter.format = lambda value, *args, **kwargs: ({"text/plain": ""}, {})
    shell.ask_exit = lambda: None
    shell.ast_transformers.append(Calls(recorder.check))
    limit(settings["memory"])
    app.start()


if __name__ == "__main__":
    if sys.argv[1:] == ["--isolated?"]:
        sys.exit(not leave_the_network())
    main()
