"""The Chinese edition: python tests/translate.py [CHAPTER ...] [--current [ID ...]] [--texts]    (default: all chapters)

Makes notebooks/zh from the English notebooks: the same cells, code and outputs, with the Chinese text that is there
already. Where none is, the English text stands until somebody translates it: edit that cell of the Chinese notebook and
run this again. Comments and docstrings of code are translated too; all else in the code must stay as it is.

Each translated cell remembers a digest of the English one. This lists what is missing and what is older than its source;
after bringing such a cell up to date, say so by `--current` (all cells of the named chapters, or those with these ids).
--texts lists what checkers and helpers say and zh/texts.json does not have, or has in vain.
"""

import argparse
import ast
import hashlib
import io
import json
import re
import string
import sys
import tokenize
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import replay

sys.path += [str(replay.ROOT), str(replay.ROOT / "notebooks")]

import start

from language import CHINESE, NO_SPACE

ZH = replay.ROOT / "notebooks" / "zh"
TEXTS = ZH / "texts.json"


# One cell


def digest(cell: NotebookNode) -> str:
    """A fingerprint of what there is to translate in an English cell."""
    return hashlib.sha256(f"{cell.source}\0{cell.metadata.get('alt', '')}".encode()).hexdigest()[:12]


def code_alone(source: str) -> list[str] | None:
    """The tokens of Python code but for comments, docstrings and layout; None if it is no Python (a magic, an error)."""
    try:
        tree = ast.parse(source)
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, tokenize.TokenError):
        return None
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(getattr(first.value, "value", None), str):
                docstrings.add((first.lineno, first.col_offset))
    layout = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    return [
        token.string
        for token in tokens
        if token.type not in layout and (token.type != tokenize.STRING or _place(token) not in docstrings)
    ]


def _place(token: tokenize.TokenInfo) -> tuple[int, int]:
    """Line and column, the latter in bytes as ast counts it."""
    return token.start[0], len(token.line[: token.start[1]].encode())


def same_code(english: str, chinese: str) -> bool:
    """Whether two cells' code differs in nothing but comments and docstrings."""
    if english == chinese:
        return True
    wanted = code_alone(english)
    return wanted is not None and wanted == code_alone(chinese)


def says_something(cell: NotebookNode) -> bool:
    """Whether an English cell has anything to translate: text, a comment, a docstring, a picture's description."""
    if cell.cell_type == "markdown" or cell.metadata.get("alt"):
        return True
    if code_alone(cell.source) is None:
        return any(re.match(r"\s*#", line) for line in cell.source.splitlines())
    comments = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(cell.source).readline)
        if token.type == tokenize.COMMENT
    ]
    docstrings = any(
        ast.get_docstring(node)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    )
    # (N, C, H, W), or an instruction to a linter, is the same in any language
    return docstrings or any(
        len(re.findall(r"[a-z]{3,}", text)) > 1 for text in comments if "noqa" not in text
    )


def links(markdown: str) -> list[str]:
    """The targets of a text's links and pictures, in order."""
    return [found["target"] for found in start.LINK.finditer(markdown) if not found["code"]]


def deeper(markdown: str, solution: bool) -> str:
    """An English cell's links, as they lead to the same places, in Chinese where there is one, from notebooks/zh."""
    text = start.one_deeper(markdown)
    if solution:
        text = re.sub(r"(?<=\()\.\./\.\./(?=\d\d_\w+\.ipynb)", "../", text)
    text = text.replace("](../solutions/", "](solutions/")
    if (replay.ROOT / "README.zh-CN.md").exists():
        text = re.sub(r"(?<=\()((?:\.\./)+)README\.md", r"\1README.zh-CN.md", text)
    return text


def translated(english: NotebookNode, chinese: NotebookNode | None, solution: bool) -> NotebookNode:
    """The Chinese notebook's cell: all of the English one, with the Chinese text if there is one that fits."""
    cell = nbformat.from_dict(json.loads(json.dumps(english)))
    if cell.cell_type == "markdown":
        cell.source = deeper(english.source, solution)
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            lines = output.text.splitlines(keepends=True)
            output.text = "".join(in_chinese(line, printed=True) for line in lines)
        elif output.output_type == "error":
            said, output.evalue = output.evalue, in_chinese(output.evalue)
            output.traceback = [entry.replace(said, output.evalue) for entry in output.traceback]
    if chinese is None or chinese.cell_type != cell.cell_type:
        return cell
    own, alt = chinese.source, chinese.metadata.get("alt", "")
    if cell.cell_type == "markdown" and links(own) == links(english.source):
        own = deeper(own, solution)
    if cell.cell_type == "code" and not same_code(english.source, own):
        own = english.source
    done = CHINESE.search(own) or CHINESE.search(alt)
    if done:
        cell.source = own
        if alt and english.metadata.get("alt"):
            cell.metadata.alt = alt
        cell.metadata.english = chinese.metadata.get("english") or digest(english)
    return cell


# One notebook


def problems(english: NotebookNode, chinese: NotebookNode) -> tuple[list[str], list[str]]:
    """The ids of the cells that are not translated, or not wholly, and of those that are older than their source."""
    missing, old = [], []
    for one, other in zip(english.cells, chinese.cells, strict=True):
        if says_something(one):
            known = other.metadata.get("english")
            whole = CHINESE.search(other.source) or not says_something(
                nbformat.from_dict({**one, "metadata": {}})
            )
            if one.metadata.get("alt"):
                whole = whole and CHINESE.search(other.metadata.get("alt", ""))
            if not known or not whole:
                missing.append(one.id)
            elif known != digest(one):
                old.append(one.id)
    return missing, old


def chinese_path(path: Path) -> Path:
    """notebooks/zh/09_topic.ipynb for notebooks/09_topic.ipynb, zh/solutions/… for solutions/…."""
    return ZH / path.relative_to(replay.ROOT / "notebooks")


def update(path: Path, current: list[str] | None = None) -> tuple[list[str], list[str]]:
    """Bring the Chinese notebook up to date with the English one at `path`; returns what `problems` says.

    current: ids of cells whose Chinese text is said to be up to date, an empty list for all of them.
    """
    english, target = nbformat.read(path, as_version=4), chinese_path(path)
    known = {cell.id: cell for cell in nbformat.read(target, as_version=4).cells} if target.exists() else {}
    made = nbformat.from_dict({**english, "cells": []})
    for cell in english.cells:
        made.cells.append(translated(cell, known.get(cell.id), path.parent.name == "solutions"))
        mark = made.cells[-1].metadata
        if current is not None and "english" in mark and (not current or cell.id in current):
            mark.english = digest(cell)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(nbformat.writes(made).rstrip("\n") + "\n", encoding="utf-8")
    return problems(english, made)


# What the course's own programs say


@cache
def templates() -> dict[str, str]:
    """Each template that is marked by `_` in the course's modules, with the file in which it stands."""
    found = {}
    folder = replay.ROOT / "notebooks"
    paths = [*folder.glob("*.py"), *folder.glob("c*/*.py"), replay.ROOT / "start.py"]
    for path in sorted(paths):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            given = node.args
            if getattr(node.func, "id", "") == "partial" and getattr(given[0], "id", "") == "_":
                given = given[1:]
            elif getattr(node.func, "id", "") not in ("_", "Text"):
                continue
            for text in _constants(given[0]) if given else ():
                found.setdefault(text, path.relative_to(replay.ROOT).as_posix())
    return {
        text: place for text, place in found.items() if re.search(r"[A-Za-z]|[.:;] |[.:;]$", _words(text))
    }


def _constants(node: ast.expr) -> list[str]:
    """The texts that an argument may be: one, or one of two."""
    if isinstance(node, ast.IfExp):
        return _constants(node.body) + _constants(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _words(template: str) -> str:
    """A template without its places."""
    return "".join(part[0] for part in string.Formatter().parse(template))


def places(template: str) -> list[str]:
    """The names of a template's places, with their formats."""
    return sorted(
        f"{name}!{kind}:{form}" for _t, name, form, kind in string.Formatter().parse(template) if name
    )


@cache
def catalogue() -> dict[str, str]:
    """What there is in zh/texts.json."""
    return json.loads(TEXTS.read_text(encoding="utf-8")) if TEXTS.exists() else {}


def _shown_as(form: str | None) -> str:
    """An expression for a value that is shown in a format: a number for .4f, a share for .2%, anything without one."""
    if form and form[-1] in "fg":
        return r" *-?[\d.]+(?:e[-+]?\d+)?"
    return r" *[\d.]+%" if form and form[-1] == "%" else ".*?"


@cache
def _patterns() -> list[tuple[re.Pattern, str, str]]:
    """For each translated template with words enough to know it by, an expression for what it looks like when shown."""
    found = []
    for text, other in catalogue().items():
        if len(re.findall("[A-Za-z]", _words(text))) < 6:
            continue
        pattern = ""
        for part, name, form, _kind in string.Formatter().parse(text):
            pattern += re.escape(part)
            if name:
                key = re.sub(r"\W", "_", name)
                pattern += f"(?P={key})" if f"(?P<{key}>" in pattern else f"(?P<{key}>{_shown_as(form)})"
        found.append((re.compile(pattern), text, other))
    # The most specific one first: most words, fewest places.
    return sorted(found, key=lambda one: -len(_words(one[1])))


def _is_printed(template: str) -> bool:
    """Whether a text comes as a line of a cell's output: a verdict, a whole sentence, an error, the learner's progress."""
    whole = not places(template) and len(template.split()) > 2
    place = templates().get(template)
    error = place in ("notebooks/helpers.py", "notebooks/course_data.py") and len(template.split()) > 5
    return whole or error or template.startswith("{number} · ") or place == "notebooks/progress.py"


def in_chinese(text: str, printed: bool = False) -> str:
    """A text of the course's programs as they say it in Chinese; other texts as they are. printed: of a cell's output."""
    body = text.rstrip("\n")
    for pattern, template, other in _patterns():
        if (not printed or _is_printed(template)) and (found := pattern.fullmatch(body)):
            values = {}
            for _part, name, _form, _kind in string.Formatter().parse(template):
                if name:
                    values[name] = in_chinese(found[re.sub(r"\W", "_", name)])
            shown = ""
            for part, name, _form, _kind in string.Formatter().parse(other):
                shown += part + (values[name] if name else "")
            return NO_SPACE.sub("", shown) + text[len(body) :]
    return text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="such as 09")
    parser.add_argument(
        "--current", nargs="*", metavar="ID", help="these cells, or all, say what the English say"
    )
    parser.add_argument("--texts", action="store_true", help="list the texts of checkers and helpers")
    options = parser.parse_args()
    if options.texts:
        wanted, have = templates(), catalogue()
        for text, place in wanted.items():
            if text not in have:
                print(f"missing  {place}: {text!r}")
        for text in have:
            if text not in wanted:
                print(f"in vain  {text!r}")
        print(f"{sum(text in have for text in wanted)} of {len(wanted)} texts are translated")
        return
    if options.current is not None and not options.chapters:
        parser.error("--current needs a chapter")
    numbers = {number.zfill(2) for number in options.chapters}
    paths = [path for path in replay.all_notebooks() if not numbers or path.name[:2] in numbers]
    if not paths or numbers - {path.name[:2] for path in paths}:
        parser.error(f"there is no chapter {' '.join(options.chapters)}")
    for path in paths:
        missing, old = update(path, options.current)
        for word, ids in (("missing", missing), ("old", old)):
            if ids:
                print(f"{chinese_path(path).relative_to(replay.ROOT)}: {len(ids)} {word}: {' '.join(ids)}")


if __name__ == "__main__":
    main()
