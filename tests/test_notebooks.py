"""What a notebook must be, whatever it computes: one clean run, the frame of a chapter, nothing from elsewhere.

No kernel runs here; the replay (nbreplay.py) compares the outputs.
"""

import ast
import base64
import re
import struct
from functools import cache
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import find_comment_markers

import mutate
import refresh
import replay

FOLDER = replay.ROOT / "notebooks"
LECTURES, NOTEBOOKS = replay.chapters(), replay.all_notebooks()
CHAPTERS = [path.stem for path in LECTURES]
PAGES = [*replay.ROOT.glob("*.md"), *replay.ROOT.glob("[!.]*/*.md")]

every_notebook = pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=lambda path: path.relative_to(FOLDER).as_posix()
)
every_lecture = pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
every_page = pytest.mark.parametrize(
    "path", NOTEBOOKS + PAGES, ids=lambda path: path.relative_to(replay.ROOT).as_posix()
)

SLIDE_TYPES = {"slide", "subslide", "fragment", "skip", "-"}
MAX_LINES = 20  # of code on one slide
ABSOLUTE_PATH = re.compile(
    r"(?<![\w.~/:])(?:~?/(?:home|root|Users|tmp|usr|opt|var|work|private|mnt)/|[A-Z]:\\\w|~/\w)"
)
# What no two runs print alike.
UNSTABLE = {
    "an object's address": re.compile(r"\b0x[0-9a-f]{6,}", re.IGNORECASE),
    "a date": re.compile(r"\b20\d\d-[01]\d-[0-3]\d\b"),
    "a time of day": re.compile(r"\b[0-2]\d:[0-5]\d:[0-5]\d\b"),
    "a version": re.compile(r"\b\d+\.\d+\.\d+\b|\+cu\d|\+cpu"),
}
PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<target>[^)\s]+)[^)]*\)|<img(?P<html>[^>]*)>")
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")


@cache
def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def markdown(path: Path) -> str:
    """All prose of a notebook, or a Markdown page, without code."""
    if path.suffix == ".md":
        text = path.read_text(encoding="utf-8")
    else:
        text = "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    return re.sub(r"```.*?```|`[^`\n]+`", "`code`", text, flags=re.DOTALL)


def exercises(path: Path) -> list[str]:
    """The ids that a notebook's cells hand to check(), in order."""
    calls = (re.findall(r"""^check\(\s*["']([\d.]+)["']""", c.source, re.MULTILINE) for c in code_cells(path))
    return [name for found in calls for name in found]


def text_of(output: nbformat.NotebookNode) -> str:
    """All text that an output shows."""
    shown = [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]
    shown += [value for key, value in output.get("data", {}).items() if not key.startswith("image/")]
    return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(map(str, shown)))


def test_there_are_notebooks():
    assert len(LECTURES) >= 25, f"chapters are missing in {FOLDER}"
    assert [name[:3] for name in CHAPTERS] == [f"{number:02}_" for number in range(len(CHAPTERS))]
    assert [path.stem for path in NOTEBOOKS[len(LECTURES) :]] == CHAPTERS, "solutions"


# The widest tolerance that a tag may give, and the one from which on a cell counts as uncompared.
BOUNDS = {"rtol": 0.1, "atol": 0.2, "pixels": 0.02, "drawn": 0.1}
WIDE = {"rtol": 0.05, "atol": 0.1, "pixels": 0.01, "drawn": 0.05}


def is_compared(cell: nbformat.NotebookNode) -> bool:
    """Whether the replay would notice a change of the cell's output that a reader would notice."""
    tight = all(value < WIDE[name] for name, value in replay.tolerances(cell).items())
    return tight and not replay.has_tag(cell, "nbval-ignore-output")


def numbers_of(cell: nbformat.NotebookNode) -> list[float]:
    """The numbers in a cell's stored text, but for those that stand in its source, such as a learning rate."""
    texts = (text_of(output) for output in cell.outputs if output.output_type != "error")
    found = [number for text in texts for number in replay.NUMBER.findall(replay.normalised(text))]
    given = {float(number) for number in replay.NUMBER.findall(cell.source)}
    return [float(number) for number in found if float(number) not in given]


def test_few_cells_are_uncompared():
    cells = [cell for path in NOTEBOOKS for cell in code_cells(path)]
    uncompared = [cell.id for cell in cells if not is_compared(cell)]
    assert len(uncompared) < 0.03 * len(cells), f"{len(uncompared)} of {len(cells)}: {uncompared}"


@every_notebook
def test_plots_are_stored_with_what_they_show(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            if str(output.get("data", {}).get("text/plain", "")).startswith("<Figure"):
                assert output.metadata.get("drawn"), f"{cell.id}: python tests/refresh.py"


@every_notebook
def test_pictures_of_cells_have_alternative_text(path):
    """In the cell's metadata under "alt", for the site and the decks; the lab shows none for a cell's output."""
    for cell in code_cells(path):
        shown = any("image/png" in output.get("data", {}) for output in cell.outputs)
        text = cell.metadata.get("alt", "")
        assert shown == bool(text), f"{cell.id}: alt text, without a picture or the other way round"
        assert not shown or (len(text) >= 40 and text.endswith(".")), (
            f"{cell.id}: say what is to be seen: {text!r}"
        )


@every_notebook
def test_pictures_are_stored_at_twice_their_size(path):
    """Sharp on a screen with small pixels and on a projector: refresh.py stores them so; an odd size is rounded down."""
    for cell in code_cells(path):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                start = base64.b64decode(output.data["image/png"][:32])  # a PNG's width and height
                stored = dict(zip(("width", "height"), struct.unpack(">II", start[16:24]), strict=True))
                shown = output.metadata.get("image/png", {})
                assert {side: pixels // 2 for side, pixels in stored.items()} == shown, cell.id


@every_lecture
def test_a_chapter_has_three_pictures(path):
    shown = sum("image/png" in o.get("data", {}) for cell in code_cells(path) for o in cell.outputs)
    drawn = sum(
        len(PICTURE.findall(cell.source)) for cell in read(path).cells if cell.cell_type == "markdown"
    )
    assert shown + drawn >= 3


# Cells that do the same twice on purpose, to see whether the same comes out.
REPEATS = {
    ("06_dataset", "split"),
    ("07_dataloader", "loader-first"),
    ("16_dropout", "break-eval"),
    ("21_training", "break-mode"),
}
COMPARING = {
    "equal",
    "allclose",
    "assert_close",
    "array_equal",
    "isclose",
    "eq",
    "ne",
    "is_set_to",
    "assert_equal",
}


def self_comparisons(tree: ast.AST) -> list[str]:
    """Expressions that compare or combine a thing with itself: equal(a, a), zip(a, a), a == a, a - a, x | ~x."""
    found = []
    for node in ast.walk(tree):
        pair = ()
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if (name in COMPARING or name == "zip") and len(node.args) > 1:
                pair = node.args[:2]
            elif name in COMPARING and node.args and isinstance(node.func, ast.Attribute):
                pair = node.func.value, node.args[0]
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            pair = next(((a, b) for a, b in pairwise(sides) if ast.dump(a) == ast.dump(b)), ())
        elif isinstance(node, ast.BinOp) and isinstance(
            node.op, ast.Sub | ast.BitXor | ast.BitOr | ast.BitAnd
        ):
            pair = node.left, node.right
        if not pair or all(isinstance(side, ast.Constant) for side in pair):
            continue
        # `~x` and `-x` say no more than x, nor do copies of it.
        plain = [
            re.sub(r"^[~-]|\.(clone|detach|copy|contiguous)\(\)$", "", ast.unparse(side)) for side in pair
        ]
        if plain[0] == plain[1]:
            found.append(ast.unparse(node))
    return found


@every_notebook
def test_no_check_is_empty(path):
    """No comparison of a thing with itself, no tolerance that lets all pass, no sentence printed come what may."""
    for cell in code_cells(path):
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:
            continue  # a magic, or an error on purpose
        if (path.stem, cell.id) not in REPEATS and "check(" not in cell.source:
            assert not (found := self_comparisons(tree)), f"{cell.id}: {found}"
        for node in ast.walk(tree):
            for keyword in getattr(node, "keywords", []):
                if keyword.arg in ("rtol", "atol", "rel_tol", "abs_tol") and isinstance(
                    keyword.value, ast.Constant
                ):
                    assert keyword.value.value <= 0.05, f"{cell.id}: {ast.unparse(node)}"
            if isinstance(node, ast.Assert):
                assert not isinstance(node.test, ast.Constant), f"{cell.id}: {ast.unparse(node)}"
        prints = [line.value for line in tree.body if is_print(line)]
        if prints and tree.body and is_print(tree.body[-1]):
            assert not all(isinstance(part, ast.Constant) for part in prints[-1].args), (
                f"{cell.id}: prints the same whatever was computed: {ast.unparse(prints[-1])}"
            )


def is_print(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Call)
        and getattr(line.value.func, "id", "") == "print"
        and bool(line.value.args)
    )


def signatures(cell: nbformat.NotebookNode) -> dict[str, str]:
    """Name and parameters, with their defaults, of each function and method that an exercise's cell defines."""
    found = {}
    for node in ast.parse(cell.source).body:
        methods = node.body if isinstance(node, ast.ClassDef) else [node]
        for function in methods:
            if isinstance(function, ast.FunctionDef):
                owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
                for part in ast.walk(function.args):  # what a parameter is, not how its type is spelled
                    if isinstance(part, ast.arg):
                        part.annotation = None
                found[owner + function.name] = ast.unparse(function.args)
    return found


@every_lecture
def test_stubs_and_solutions_have_the_same_parameters(path):
    solved = {}
    for cell in code_cells(path.parent / "solutions" / path.name):
        for number in re.findall(r"""^check\(\s*["']([\d.]+)["']""", cell.source, re.MULTILINE):
            solved[number] = signatures(cell)
    for cell in code_cells(path):
        for number in re.findall(r"""^check\(\s*["']([\d.]+)["']""", cell.source, re.MULTILINE):
            for name, parameters in signatures(cell).items():
                assert solved[number].get(name) == parameters, f"{number}: {name}({parameters})"


@every_notebook
def test_format(path):
    nbformat.validate(read(path))
    assert read(path).metadata == refresh.METADATA
    ids = [cell.id for cell in read(path).cells]
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not re.fullmatch(r"[a-z][a-z0-9-]*", name)] == [], "ids that say nothing"


@every_notebook
def test_tracebacks_name_their_cell(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            if output.output_type == "error":
                # the first frame is the cell itself, [7] if it is the seventh
                frame = re.search(r"In\[(\d+)\]", text_of(output))
                assert frame and int(frame[1]) == cell.execution_count, f"{cell.id}: python tests/refresh.py"


@every_notebook
def test_cells(path):
    for cell in read(path).cells:
        tags = cell.metadata.get("tags", [])
        assert cell.source.strip(), f"{cell.id}: empty"
        assert cell.metadata.get("slideshow", {}).get("slide_type") in SLIDE_TYPES, cell.id
        assert set(cell.metadata) <= {"slideshow", "tags", "jupyter", "alt"}, cell.id
        assert not cell.get("attachments"), f"{cell.id}: attached pictures belong in notebooks/images/"
        if cell.cell_type == "markdown":
            assert not tags, cell.id
        else:
            assert replay.run_problem(cell, cell.outputs) is None, cell.id  # tags, stderr, announced errors
            assert not list(find_comment_markers(cell.source)), cell.id
            for name, value in replay.tolerances(cell).items():
                assert value <= BOUNDS[name], f"{cell.id}: {name}={value:g} is over {BOUNDS[name]:g}"
            if atol := replay.tolerances(cell).get("atol"):
                for found in numbers_of(cell):
                    assert not 0 < abs(found) <= atol, (
                        f"{cell.id}: atol={atol:g} swallows the number {found:g}"
                    )


@every_notebook
def test_is_one_clean_run(path):
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell.outputs:
            assert output.get("execution_count") in (None, cell.execution_count), cell.id
            assert output.output_type != "error" or replay.has_tag(cell, "raises-exception"), cell.id


@every_notebook
def test_outputs_are_stable(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            shown = text_of(output)
            assert not (found := ABSOLUTE_PATH.search(shown)), f"{cell.id}: absolute path at {found}"
            if not replay.has_tag(cell, "nbval-ignore-output"):
                compared = shown if output.output_type != "error" else output.evalue
                for what, pattern in UNSTABLE.items():
                    assert not (found := pattern.search(compared)), f"{cell.id}: {what}, {found}"


@every_notebook
def test_sources_name_no_absolute_path(path):
    for cell in read(path).cells:
        assert not (found := ABSOLUTE_PATH.search(cell.source)), f"{cell.id}: {found}"


@every_page
def test_pictures(path):
    for picture in PICTURE.finditer(markdown(path)):
        html = picture["html"] or ""
        alt = picture["alt"] or "".join(re.findall(r"""alt=["']([^"']+)""", html))
        target = picture["target"] or "".join(re.findall(r"""src=["']([^"']+)""", html))
        assert alt.strip(), f"no alternative text: {picture[0]}"
        assert (path.parent / target).is_file(), f"not a picture in the tree: {picture[0]}"


@every_page
def test_links_resolve(path):
    for link in LINK.finditer(markdown(path)):
        target = link["target"].partition("#")[0]
        if re.match(r"\w+:", target) or not target:
            continue
        assert (path.parent / target).exists(), f"leads nowhere: {link[0]}"


@every_lecture
def test_opening(path):
    number = int(path.stem[:2])
    opening = read(path).cells[0].source
    assert re.match(rf"# {number} · \S", opening)
    row = re.search(
        r"^\| minutes to teach \| needs chapters \| runs in \|\n\|[ -|]+\|\n"
        r"\| \d+ \| (?P<needs>[^|]+) \| \d+ s on CPU \|$",
        opening,
        re.MULTILINE,
    )
    assert row, "| minutes to teach | needs chapters | runs in |"
    assert all(int(needed) < number for needed in re.findall(r"\d+", row["needs"]))
    assert "You will be able to" in opening
    assert 3 <= len(re.findall(r"^- \*\*", opening, re.MULTILINE)) <= 5, "3 to 5 verbs"


def opening_row(path: Path) -> list[str]:
    """Minutes, chapters needed, seconds: the row of a chapter's opening, as text."""
    row = re.findall(r"^\|(.+)\|$", read(path).cells[0].source, re.MULTILINE)[2]
    return [part.strip() for part in row.split("|")]


def test_the_readme_lists_the_chapters_as_they_are():
    readme = (replay.ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d\d) \| \[.+?\]\(notebooks/(\w+)\.ipynb\) \| (\d+) \|", readme, re.MULTILINE)
    assert [row[1] for row in rows] == CHAPTERS
    for (number, stem, minutes), path in zip(rows, LECTURES, strict=True):
        teach, _, _ = opening_row(path)
        assert stem.startswith(number)
        assert minutes == teach, path.stem


@every_lecture
def test_frame(path):
    """Title, set-up, the sections that every chapter has, links both ways, a recap with a row per objective."""
    cells = read(path).cells
    number = CHAPTERS.index(path.stem)
    setup = next(cell for cell in cells if cell.cell_type == "code")
    assert re.search("^(?:import|from) ", setup.source, re.MULTILINE), "the first code cell imports"
    text = markdown(path)
    sections = ["When it breaks", "PyTorch today", "Exercises", "Recap"]
    if number == 0:
        sections.remove("PyTorch today")  # its reader has not met other code yet
    found = [title for title in re.findall(r"^## (.+)$", text, re.MULTILINE) if title in sections]
    assert found == sections
    assert any(replay.has_tag(cell, "raises-exception") for cell in cells), "an error raised for real"

    opening = cells[0].source
    recap = cells[-1].source
    assert recap.startswith("## Recap")
    objectives = re.findall(r"^- \*\*", opening, re.MULTILINE)
    assert len(re.findall(r"^\|", recap, re.MULTILINE)) - 2 == len(objectives), "a row per objective"
    if number > 0:
        assert f"({CHAPTERS[number - 1]}.ipynb)" in opening, "link to the previous chapter"
    if number < len(CHAPTERS) - 1:
        assert f"({CHAPTERS[number + 1]}.ipynb)" in opening and f"({CHAPTERS[number + 1]}.ipynb)" in recap, (
            "next"
        )


@every_lecture
def test_exercises(path):
    number = int(path.stem[:2])
    found = exercises(path)
    assert found == [f"{number}.{i + 1}" for i in range(len(found))]
    assert len(found) >= 3
    assert exercises(path.parent / "solutions" / path.name) == found
    assert f"(solutions/{path.name})" in markdown(path)
    for cell in code_cells(path):
        calls = re.findall(r"^check\(", cell.source, re.MULTILINE)
        assert not calls or (len(calls) == 1 and "..." in cell.source), (
            f"{cell.id}: one exercise, to be filled in"
        )


@every_lecture
def test_cells_fit_a_slide(path):
    """A network's class is read as one thing and may be longer; so may an exercise, which is not on a slide."""
    for cell in code_cells(path):
        if cell.metadata.slideshow.slide_type == "skip":
            continue
        lines = sum(bool(line.strip()) for line in cell.source.splitlines())
        whole = re.search(r"^class |^check\(", cell.source, re.MULTILINE)
        most = MAX_LINES + 5 * replay.has_tag(cell, "plot")  # a drawing's code is not on its slide
        assert lines <= most or whole, f"{cell.id}: {lines} lines"


@every_notebook
def test_the_setup_finds_the_course(path):
    """Copies, solutions and chapters find helpers and checks by one rule, wherever the kernel starts."""
    rule = (
        "import sys\n\n# Where helpers and checks are, from wherever the kernel starts.\n"
        'sys.path += ["..", "../..", "notebooks"]\n\n'
    )
    # website/publish.py puts a cell before the set-up
    cells = [cell for cell in code_cells(path) if cell.id != "colab"]
    assert cells[0].source.startswith(rule)


@every_lecture
def test_what_only_the_suite_needs_is_folded(path):
    """A cell that is on no slide is one of the suite's, but for imports and long texts that are data."""
    for cell in code_cells(path):
        if cell.metadata.slideshow.slide_type == "skip" and not cell.id.startswith(("setup", "text-")):
            assert cell.metadata.get("jupyter", {}).get("source_hidden"), cell.id


@every_notebook
def test_no_deprecated_call(path):
    """A warning in a replay is an error already; this finds calls that do not warn yet."""
    for cell in code_cells(path):
        if "catch_warnings" in cell.source or replay.has_tag(cell, "raises-exception"):
            continue  # it teaches what is deprecated
        for call in (
            r"super\(\w+, ?self\)",
            r"\bVariable\(",
            r"pretrained=",
            r"\.cuda\(\)",
            r"torch\.cuda\.amp",
        ):
            assert not re.search(call, cell.source), f"{cell.id}: {call}"


@every_lecture
def test_mutate_names_no_change_that_is_gone(path):
    assert mutate.stale(path) == []
