"""Refuses connections and name look-ups that leave this machine; has drawn.py describe what kernels plot; and lets the
replay's kernels start no TensorBoard.

Python imports a module of this name when it starts. The replay puts this folder on PYTHONPATH, so the rule holds
in its kernels and in every Python process that a notebook starts. It sees Python's sockets: a test that the course
needs no network, not a wall against code that means harm.
"""

import importlib.abc
import importlib.util
import ipaddress
import os
import socket
import sys

LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
SENDS = {"socket.connect", "socket.sendto", "socket.sendmsg"}


def is_this_machine(host: object) -> bool:
    """Whether `host` (name or address, as str or bytes; "" or None for any of our own) is the machine we run on."""
    host = (os.fsdecode(host) if isinstance(host, bytes) else str(host or "")).partition("%")[0]
    if host in ("", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if address.is_loopback or address.is_unspecified:
        return True
    try:  # an address that one can bind to is one's own
        with socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return not address.is_multicast


def refuse(event: str, args: tuple) -> None:
    """An audit hook (see `sys.addaudithook`): raises OSError where `event` would leave this machine."""
    if event in LOOKUPS:
        host = args[0]
    elif event in SENDS and isinstance(args[1], tuple):  # a Unix socket's address is a path, never a tuple
        host = args[1][0]
    else:
        return
    if not is_this_machine(host):
        raise OSError(f"the replay refuses the network: {event} to {host}")


sys.addaudithook(refuse)


class AfterImport(importlib.abc.MetaPathFinder):
    """Calls `act` with a module when a kernel has imported it."""

    def __init__(self, module: str, act):
        self.module, self.act = module, act
        sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, target=None):
        if name != self.module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def run_and_tell(module):
            run(module)
            self.act(module)

        spec.loader.exec_module = run_and_tell
        return spec


# The backend that makes a kernel's pictures.
AfterImport("matplotlib_inline.backend_inline", lambda module: importlib.import_module("drawn").install())
if "COURSE_LOGS" in os.environ:  # the replay's kernels start no server for %tensorboard; the lab's tests do

    def start_nothing(module):
        module.start = lambda arguments: None

    AfterImport("tensorboard.notebook", start_nothing)
