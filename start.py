"""Open the course in JupyterLab, on copies of the chapters that are yours: python start.py [--language zh]

The copies lie in notebooks/my, without outputs: what a cell prints appears when you run it. Your answers live there.
start.py adds the copies that are missing, never overwrites one, and says which chapters have changed since. Copies of the
Chinese chapters lie in notebooks/my/zh.
"""

import argparse
import errno
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import platform
import re
import sys
import tempfile
from datetime import date
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parent / "notebooks"
CHAPTER = re.compile(r"\d\d_\w+\.ipynb")  # not 09_topic-Copy1.ipynb, which JupyterLab makes

# A link's target in Markdown or HTML; code, which may look like a link, is found first and stays as it is.
LINK = re.compile(
    r"(?P<code>(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<before>\]\(\s*<?|^ {0,3}\[[^\]^\n]+\]:\s*<?|<(?:img|a)\b[^>]*?\b(?:src|href)\s*=\s*[\"']?)"
    r"(?P<target>[^\s<>()\"']+)",
    re.MULTILINE | re.DOTALL,
)
# A place in the page, an address, a chapter.
STAYS = re.compile(r"[#/]|[A-Za-z][\w+.-]*:|\d\d_\w+\.ipynb(?:#|$)")

# What JupyterLab writes into a notebook that it opens. If it is there already, opening one changes nothing.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": platform.python_version(),
    },
}


# Notebooks


def chapters(language: str = "en") -> list[Path]:
    """The chapters as they are stored, in order."""
    folder = NOTEBOOKS if language == "en" else NOTEBOOKS / language
    return sorted(path for path in folder.glob("*.ipynb") if CHAPTER.fullmatch(path.name))


def own_folder(language: str) -> Path:
    """Where a learner's copies lie."""
    return NOTEBOOKS / "my" if language == "en" else NOTEBOOKS / "my" / language


def one_deeper(markdown: str) -> str:
    """The text for a notebook one folder deeper: relative links get one `../` more.

    Links to chapters stay, since all chapters move together.
    """

    def replace(found: re.Match) -> str:
        if found["code"] or STAYS.match(found["target"]):
            return found[0]
        return f"{found['before']}../{found['target']}"

    return LINK.sub(replace, markdown)


def source(cell: dict) -> str:
    """A cell's text, which a notebook's file keeps as a list of lines."""
    return "".join(cell["source"])


def digest(notebook: dict) -> str:
    """A fingerprint of the text and code of a notebook, whatever its outputs are."""
    cells = [[cell["cell_type"], source(cell)] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def read(path: Path) -> dict:
    """The notebook in a file. Raises ValueError if the file holds none, OSError if it cannot be read."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        digest(notebook)
        made_from(notebook)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path.name} is not a notebook") from error
    return notebook


def made_from(notebook: dict) -> str | None:
    """The digest of the chapter that a copy was made from; None if the copy does not say."""
    record = notebook["metadata"].get("course")
    return record.get("made_from") if isinstance(record, dict) else None


def copy_of(chapter: dict, language: str = "en") -> dict:
    """A learner's copy of a chapter: no outputs, links that work one folder deeper, and what it was made from."""
    up = "../" if language == "en" else f"../../{language}/"  # to the folder whose solutions these are
    cells = []
    for cell in chapter["cells"]:
        cell = dict(cell)
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
        elif cell["cell_type"] == "markdown":
            text = one_deeper(source(cell)).replace("](../solutions/", f"]({up}solutions/")
            cell["source"] = text.splitlines(keepends=True)
        cells.append(cell)
    return chapter | {
        "cells": cells,
        "metadata": chapter["metadata"] | METADATA | {"course": {"made_from": digest(chapter)}},
    }


# Files


def put_aside(path: Path) -> Path:
    """Rename 09_topic.ipynb to 09_topic.2026-11-27.ipynb, or to …-2.ipynb and so on; returns the new path."""
    number, name = 1, f"{path.stem}.{date.today()}"
    while (kept := path.with_name(f"{name}-{number}.ipynb" if number > 1 else f"{name}.ipynb")).exists():
        number += 1
    return path.rename(kept)


def write(notebook: dict, path: Path) -> Path | None:
    """Write a notebook as JupyterLab does, whole or not at all.

    A file that is there is put aside; returns its new path, else None. Raises OSError if writing is impossible.
    """
    text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    part = path.with_name(f".{path.stem}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        kept = put_aside(path) if path.exists() else None
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return kept


def copy_chapters(anew: set[str], language: str = "en") -> list[str]:
    """Make the copies that are missing, and those of the chapters in `anew` ({"09"}), whose old copies are kept.

    Returns what a learner should know, a sentence each. Raises OSError if the copies' folder cannot be written to.
    """
    my, said, made, changed = own_folder(language), [], [], []
    my.mkdir(parents=True, exist_ok=True)
    option = "" if language == "en" else f" --language {language}"
    place = my.relative_to(NOTEBOOKS.parent).as_posix()
    with tempfile.TemporaryFile(dir=my):
        pass  # the lab will save there
    for path in chapters(language):
        number, own = path.name[:2], my / path.name
        try:
            chapter = read(path)
        except (ValueError, OSError):
            said.append(
                f"{path.relative_to(NOTEBOOKS.parent).as_posix()} is damaged, so it was left out: get the course again."
            )
            continue
        if number in anew or not own.exists():
            if kept := write(copy_of(chapter, language), own):
                said.append(f"{place}/{own.name} is new. Your old one is beside it: {kept.name}.")
            else:
                made.append(number)
            continue
        try:
            if made_from(read(own)) != digest(chapter):
                changed.append(number)
        except (ValueError, OSError):
            said.append(
                f"{place}/{own.name} is damaged and was left as it is. "
                f"A new one, with this one kept beside it: python start.py{option} --anew {number}"
            )
    if made:
        said.insert(0, f"Copied to {place}, where your answers live: {', '.join(made)}.")
    if changed:
        said.append(
            f"Changed since you copied them: {', '.join(changed)}. Your copies were left as they are. "
            f"New ones, with yours kept beside them: python start.py{option} --anew {' '.join(changed)}"
        )
    return said


def hiding(folder: Path) -> list[str]:
    """The files and folders in `folder` that a notebook there imports instead of a module that the course needs."""
    elsewhere = [place for place in sys.path if place and Path(place).resolve() != NOTEBOOKS.parent]
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix != ".py" and not (path / "__init__.py").exists() or path.stem in ("test", "tests"):
            continue
        ours = (NOTEBOOKS / f"{path.stem}.py").exists() or (NOTEBOOKS / path.stem / "__init__.py").exists()
        installed = importlib.machinery.PathFinder.find_spec(path.stem, elsewhere)
        if ours or path.stem in sys.stdlib_module_names or (installed and installed.origin):
            found.append(path.name)
    return found


# The command


def course_lab() -> type:
    """JupyterLab's application, for people who came to read and to learn. Raises ImportError if it is not installed."""
    from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
    from jupyterlab.labapp import LabApp

    class Contents(AsyncLargeFileManager):
        """Hands notebooks out with what JupyterLab would write into them at once. So none counts as changed when it is
        opened, and autosave leaves solutions and chapters, which git follows, as they are.
        """

        async def get(self, path, content=True, *arguments, **options):
            model = await super().get(path, content, *arguments, **options)
            if content and model["type"] == "notebook":
                metadata = model["content"]["metadata"]
                if metadata.get("kernelspec", {}).get("name") == "python3":  # not the learner's own choice
                    metadata.update(METADATA)
            return model

    def without_news(handler, page):
        """No question on the first visit whether to fetch news."""
        page["disabledExtensions"] = [
            *page.get("disabledExtensions", []),
            "@jupyterlab/apputils-extension:announcements",
        ]
        return page

    class Lab(LabApp):
        @classmethod
        def get_extension_package(cls) -> str:
            return "jupyterlab"

        @classmethod
        def make_serverapp(cls, **options):
            settings = {"page_config_hook": without_news}
            return super().make_serverapp(
                contents_manager_class=Contents, tornado_settings=settings, **options
            )

        @classmethod
        def initialize_server(cls, *arguments, **options):
            server = super().initialize_server(*arguments, **options)
            # The server prints the address only with a token that it has made, so not if there is a password.
            if not server.identity_provider.token_generated:
                print(f"JupyterLab is at {server.display_url}", flush=True)
            return server

    return Lab


def open_lab(first: str, options: list[str]) -> None:
    """Run JupyterLab with the copy at `first`, a path below notebooks/, until it is stopped. `options` are passed on and
    win.
    """
    install = f"not installed for {sys.executable}: python -m pip install -r requirements.txt"
    if not importlib.util.find_spec("torch"):
        sys.exit(f"PyTorch is {install}")
    try:
        lab = course_lab()
    except ImportError as error:
        sys.exit(f"JupyterLab ({error.name}) is {install}")
    from jupyter_core.paths import jupyter_runtime_dir

    # Kernels that listen on a file rather than on a port print no warning; a file's name must be short, though.
    on_a_file = os.name == "posix" and len(jupyter_runtime_dir()) < 60
    on_a_file &= not any(option.startswith("--KernelManager.transport") for option in options)
    print("Starting JupyterLab. To stop it, press Ctrl+C here twice.", flush=True)
    lab.launch_instance(
        [
            *(["--KernelManager.transport=ipc"] if on_a_file else []),
            f"--ServerApp.root_dir={NOTEBOOKS}",
            f"--LabApp.default_url=/lab/tree/{first}",
            "--Application.log_level=ERROR",  # or the sentences above are soon out of sight
            *options,
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    """The command: copies, sentences, JupyterLab. Raises SystemExit with one sentence if something is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--anew",
        nargs="+",
        metavar="09",
        default=[],
        help="begin these chapters anew; your old copies are kept",
    )
    parser.add_argument("--language", choices=["en", "zh"], default="en", help="of the chapters; default: en")
    parser.add_argument("--copies-only", action="store_true", help="make the copies, do not start JupyterLab")
    parser.epilog = "All other options go to JupyterLab, such as --no-browser or --port 8890."
    asked, options = parser.parse_known_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a path may hold what the console cannot show

    names = [path.name for path in chapters(asked.language)]
    if not names:
        sys.exit(f"There are no chapters in {NOTEBOOKS}: start.py belongs into the course's folder.")
    # argparse takes --option="a value with a space" for one more chapter.
    options += [text for text in asked.anew if text.startswith("--")]
    anew = {number.zfill(2) for number in asked.anew if not number.startswith("--")}
    if unknown := sorted(anew - {name[:2] for name in names}):
        print(
            f"There is no chapter {', '.join(unknown)}; there are {names[0][:2]} to {names[-1][:2]}.",
            file=sys.stderr,
        )
        sys.exit(2)
    my = own_folder(asked.language)
    place = my.relative_to(NOTEBOOKS.parent).as_posix()
    try:
        said = copy_chapters(anew, asked.language)
    except OSError as error:
        advice = "copy the course to a folder of your own and run start.py there."
        if error.errno == errno.ENOSPC:
            advice = "make room and run start.py again."
        elif my.exists() and not my.is_dir():
            advice = "this is a file; rename it and run start.py again."
        sys.exit(f"Your copies of the chapters cannot be written to {my} ({error.strerror}): {advice}")
    for name in hiding(my):
        said.append(f"{place}/{name} hides a module of the same name from your chapters: rename it.")
    print(*(said or [f"Your copies of the chapters are in {place}."]), sep="\n", flush=True)
    if not asked.copies_only:
        open_lab((my / names[0]).relative_to(NOTEBOOKS).as_posix(), options)


if __name__ == "__main__":
    main()
