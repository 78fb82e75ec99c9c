"""Short tracebacks in a notebook: the learner's own lines and the course's, without those inside the libraries.

The command `%tb` in a cell still shows all of the last one.
"""

import re
import sysconfig
from pathlib import Path

COLOUR = re.compile(r"\x1b\[[\d;]*m")
# How IPython begins a file's part of a traceback.
FRAME = re.compile(r"File (?P<path>.+?)(?::\d+)?(?:, in |\n|$)")
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib")).resolve()


def is_library(path: str) -> bool:
    """Whether a file belongs to an installed package or to Python itself."""
    if path.startswith("<frozen "):
        return True
    file = Path(path).expanduser()
    return (
        bool({"site-packages", "dist-packages"} & set(file.parts))
        or STANDARD_LIBRARY in file.resolve().parents
    )


def shortened(traceback: list[str]) -> list[str]:
    """IPython's traceback, one entry for each frame, without the libraries' frames."""
    frames = [FRAME.match(COLOUR.sub("", entry)) for entry in traceback]
    return [
        entry
        for entry, frame in zip(traceback, frames, strict=True)
        if not (frame and is_library(frame["path"]))
    ]


def install() -> None:
    """Let the notebook show tracebacks that way. Does nothing outside IPython, or where it has another handler."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is None or shell.custom_exceptions:
        return

    def show(shell, kind, error, traceback, tb_offset=None):
        formatter = shell.InteractiveTB
        whole = formatter.structured_traceback
        formatter.structured_traceback = lambda *args, **options: shortened(whole(*args, **options))
        try:
            shell.showtraceback((kind, error, traceback), tb_offset=tb_offset, running_compiled_code=True)
        finally:
            del formatter.structured_traceback  # the class has its own

    shell.set_custom_exc((Exception,), show)
