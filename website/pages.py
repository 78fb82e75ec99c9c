"""Turns a chapter's notebook into a page of the web site: what a reader needs and a learner's lab or the suite does not."""

import base64
import io
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"

CODE = re.compile(r"```.*?```|`[^`\n]*`|\$[^$\n]+\$", re.DOTALL)
CODE_BLOCK = re.compile(r"```.*?```", re.DOTALL)
EXERCISE = re.compile(r'^check\("(\d+\.\d+)"', re.MULTILINE)
# "a **tensor** is …": a term where it is explained. Not a list's item, a table, or an exercise's number.
# In Chinese the English word follows: **张量**（tensor）.
TERM = {
    "en": re.compile(r"\*\*([a-z][a-z -]{2,30})\*\*"),
    "zh": re.compile(r"\*\*([\u4e00-\u9fff][\u4e00-\u9fff\w -]{0,15})\*\*(?=（[A-Za-z])"),
}
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
HEAVY = 100_000  # characters of base64: a plot is smaller, photographs are larger

# Bold for another reason than to explain a word.
NOT_TERMS = set(
    (
        "a picture, decoded, kept for backward, kept for the backward pass, last, local, map-style, one, "
        "preparation of the pictures, shared, the folder is the label, value, without"
    ).split(", ")
)
# Explained in the glossary, but too common in other senses to be linked wherever they stand.
COMMON = set(
    (
        "backend, body, box, causal, cell, child, classes, copy, features, freezes, graph, head, hidden, "
        "in place, label, layer, magic, mask, mode, module, padding, parameters, process, sample, "
        "schedule, sheets, step, strays, tag, target, uniform, unit, view"
    ).split(", ")
)


@dataclass
class Term:
    """A word of the field: where it is first explained."""

    name: str
    chapter: str  # 09_convolution
    title: str  # 9 · Convolution
    heading: str  # of the section
    sentence: str


@dataclass
class Site:
    """What all pages share."""

    terms: dict[str, Term] = field(default_factory=dict)
    address: str | None = None  # OWNER/NAME
    language: str = "en"


# What stands on the pages beside the notebooks' text.
WORDS = {
    "en": {
        "begin": "Start: a network in fifteen minutes",
        "chapters": "All chapters",
        "folded": "The solutions are folded.",
        "get": "Get the notebooks",
        "glossary": "Glossary",
        "glossary about": "Each word in the sentence that first explains it.",
        "hand-out": "Hand-out",
        "lead": (
            "Learn PyTorch by running it: {count} chapters, from a first network in fifteen minutes to training in "
            "several processes. Every output on these pages was printed by the code above it, and every exercise in the "
            "notebooks checks your answer."
        ),
        "minutes": "{minutes} minutes",
        "notebook": "Notebook",
        "paths": "Three paths",
        "run it": "*Run it in the lab: the last line checks your answer.*",
        "slides": "Slides",
        "solution": "Solution of {number}",
        "Show the output": "Answer before you look",
        "Hide the output": "Hide the answer",
        "Show the source": "Show the code",
        "Hide the source": "Hide the code",
    },
    "zh": {
        "begin": "开始：十五分钟，第一个网络",
        "chapters": "全部章节",
        "folded": "答案已折叠。",
        "get": "获取笔记本",
        "glossary": "术语表",
        "glossary about": "每个术语，以及第一次解释它的那句话。",
        "hand-out": "讲义",
        "lead": (
            "动手运行，学会 PyTorch：共 {count} 章，从十五分钟训练出第一个网络，到用多个进程训练。"
            "这里的每个输出都由它上面的代码打印，笔记本里的每道练习都会检查你的答案。"
        ),
        "minutes": "{minutes} 分钟",
        "notebook": "笔记本",
        "paths": "三条学习路线",
        "run it": "*在 JupyterLab 中运行：最后一行会检查你的答案。*",
        "slides": "幻灯片",
        "solution": "练习 {number} 的答案",
        "Show the output": "先回答，再看输出",
        "Hide the output": "收起输出",
        "Show the source": "显示代码",
        "Hide the source": "收起代码",
    },
}


def folder_of(language: str) -> Path:
    """Where the notebooks in a language lie."""
    return NOTEBOOKS if language == "en" else NOTEBOOKS / language


def chapters(language: str = "en") -> list[Path]:
    """The chapters in a language, in order, without copies that the lab or a system has made."""
    found = folder_of(language).glob("*.ipynb")
    return sorted(path for path in found if re.fullmatch(r"\d\d_\w+", path.stem))


def is_whole(language: str) -> bool:
    """Whether all chapters and their solutions are there in a language."""
    folder = folder_of(language)
    return all((folder / part / path.name).is_file() for path in chapters() for part in ("", "solutions"))


def title_of(cells: list[NotebookNode]) -> str:
    """A chapter's title, "9 · Convolution"."""
    return re.match(r"# (.+)", cells[0].source)[1]


def minutes_of(cells: list[NotebookNode]) -> int:
    """Minutes to teach a chapter, from the row in its opening."""
    return int(re.search(r"^\| (\d+) \|", cells[0].source, re.MULTILINE)[1])


def why(cells: list[NotebookNode]) -> str:
    """The first paragraph below a chapter's title, as plain text."""
    text = cells[0].source.split("\n\n")[1]
    return re.sub(r"[*`]|\[([^\]]*)\]\([^)]*\)", lambda m: m[1] or "", text).replace("\n", " ")


def anchor(heading: str) -> str:
    """A heading's address, as GitHub and MyST make it."""
    text = re.sub(r"[*`]", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def asks(markdown: str) -> bool:
    """Whether a text asks the reader something; a `?` in code does not count."""
    return bool(re.search("[?？]", CODE.sub("", markdown)))


# Pictures


def shown_as(cell: NotebookNode) -> dict[str, str]:
    """How a cell's pictures are shown: what they say to those who do not see them, and how wide, two pixels to one."""
    widths = [o.get("metadata", {}).get("image/png", {}).get("width") for o in cell.outputs]
    widths = [width for width in widths if width]
    return {"alt": cell.metadata.alt} | ({"width": f"{max(widths)}px"} if widths else {})


@cache
def lighter(png: str) -> str:
    """A large PNG (base64) of photographs, in 256 colours: a quarter of its size; a very large one with half the pixels
    each way, which a screen shows one to one.
    """
    if len(png) < HEAVY:
        return png
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    if len(png) > 4 * HEAVY:
        image = image.resize((image.width // 2, image.height // 2))
    white = Image.new("RGBA", image.size, "white")
    small = io.BytesIO()
    Image.alpha_composite(white, image.convert("RGBA")).convert("RGB").quantize(256).save(small, "PNG")
    return base64.b64encode(small.getvalue()).decode()


# Terms


def find_terms(paths: list[Path], language: str = "en") -> dict[str, Term]:
    """Each term, where it first stands in bold in a chapter's running text, with its sentence."""
    ends = re.compile(r"(?<=[.!?:]) (?=[A-Z`*])" if language == "en" else r"(?<=[。！？：])")
    found: dict[str, Term] = {}
    for path in paths:
        cells = nbformat.read(path, as_version=4).cells
        title, heading = title_of(cells), ""
        for cell in cells[1:]:
            if cell.cell_type != "markdown":
                continue
            heading = next((text for marks, text in HEADING.findall(cell.source) if len(marks) > 1), heading)
            if heading in ("Exercises", "Recap", "PyTorch today", "练习", "小结", "今天的 PyTorch"):
                continue
            for line in cell.source.splitlines():
                if re.match(r"[-*|>#\d]" if language == "en" else r"[-|>#\d]|\* ", line):
                    continue
                for term in TERM[language].finditer(line):
                    name = term[1]
                    if name in NOT_TERMS:
                        continue
                    sentence = next((s for s in ends.split(line) if f"**{name}**" in s), line)
                    found.setdefault(name, Term(name, path.stem, title, heading, sentence))
    return found


def link_terms(markdown: str, site: Site, chapter: str, linked: set[str]) -> str:
    """Link the first time that a chapter uses a term which an earlier one explains. `linked` grows."""
    pieces = re.split(
        r"(```.*?```|`[^`\n]*`|\$[^$\n]+\$|!?\[[^\]]*\]\([^)]*\)|<[^>]+>|^\s*[#|][^\n]*$|\*\*.*?\*\*)",
        markdown,
        flags=re.DOTALL | re.MULTILINE,
    )
    for name, term in site.terms.items():
        if name in COMMON or name in linked or term.chapter >= chapter:
            continue
        edges = (r"(?<![\w-])", r"(?![\w-])") if site.language == "en" else ("", "")  # Chinese has no spaces
        word = re.compile(edges[0] + re.escape(name) + edges[1])
        for i in range(0, len(pieces), 2):
            new, count = word.subn(f"[{name}](glossary.md#{anchor(name)})", pieces[i], count=1)
            if count:
                # One more piece, so that no shorter term is linked inside this link.
                before, link, after = re.split(r"(\[[^\]]*\]\(glossary\.md#[^)]*\))", new, maxsplit=1)
                pieces[i : i + 1] = [before, link, after]
                linked.add(name)
                break
    return "".join(pieces)


# Pages


def with_links(markdown: str, language: str = "en") -> str:
    """Links that lead somewhere on the site: the solutions stand on the page itself, README's part is a page, and
    pictures and scripts lie beside the pages.
    """
    if language != "en":
        markdown = re.sub(r"\]\(\.\./(?!\.\.)", "](", markdown)  # out of zh/
        markdown = re.sub(r"\]\(\.\./README[\w.-]*\.md", "](../README.md", markdown)
    markdown = re.sub(
        r"(?:Solutions: |答案：)\[[^\]]*\]\(solutions/\d\d_\w+\.ipynb\)[.。]",
        WORDS[language]["folded"],
        markdown,
    )
    markdown = re.sub(r"\]\(solutions/\d\d_\w+\.ipynb\)", "](#exercises)", markdown)
    return re.sub(r"\]\(\.\./README\.md(?:#[\w-]+)?\)", "](start.md)", markdown)


def headings(markdown: str) -> list[str]:
    """The headings of a text, in order; a comment in a block of code is none."""
    return [text for _, text in HEADING.findall(CODE_BLOCK.sub("", markdown))]


def with_english_addresses(markdown: str, english: str) -> str:
    """A translated text whose headings have the addresses of the English ones too, so that links lead to the same."""
    for text, other in zip(headings(markdown), headings(english), strict=False):
        if anchor(text) != anchor(other):
            line = re.compile(rf"^(#+ {re.escape(text)})$", re.MULTILINE)
            markdown = line.sub(rf'\1\n\n<div id="{anchor(other)}"></div>', markdown, count=1)
    return markdown


@cache
def addresses(stem: str, language: str) -> dict[str, str]:
    """For each heading of a chapter in English its address and that of the translated one."""
    both = [nbformat.read(folder_of(name) / f"{stem}.ipynb", as_version=4).cells for name in ("en", language)]
    found = {}
    for cells in zip(*both, strict=False):
        if cells[0].cell_type == "markdown":
            found |= dict(
                zip(*([anchor(text) for text in headings(cell.source)] for cell in cells), strict=False)
            )
    return found


def with_own_addresses(markdown: str, stem: str, language: str) -> str:
    """A translated text whose links to English headings lead to the translated ones."""

    def replace(found: re.Match) -> str:
        name = addresses(found["page"] or stem, language).get(found["part"], found["part"])
        return f"]({found['page'] + '.ipynb' if found['page'] else ''}#{name})"

    return re.sub(r"\]\((?:(?P<page>\d\d_\w+)\.ipynb)?#(?P<part>[\w-]+)\)", replace, markdown)


def solutions(path: Path) -> dict[str, str]:
    """The code that solves each exercise of a chapter, and why, as Markdown."""
    found = {}
    cells = nbformat.read(path.parent / "solutions" / path.name, as_version=4).cells
    for i, cell in enumerate(cells):
        for number in EXERCISE.findall(cell.source) if cell.cell_type == "code" else ():
            text = f"```python\n{cell.source}\n```"
            if (
                i + 1 < len(cells)
                and cells[i + 1].cell_type == "markdown"
                and not cells[i + 1].source.startswith("**")
            ):
                text += f"\n\n{cells[i + 1].source}"
            found[number] = text
    return found


def folded(summary: str, markdown: str) -> str:
    """Markdown behind a click."""
    return f'<details class="answer">\n<summary>{summary}</summary>\n\n{markdown}\n\n</details>'


def page(path: Path, site: Site, downloads: dict[str, str]) -> NotebookNode:
    """The page of a chapter.

    downloads: what stands below the title, text to target. Raises OSError if a notebook cannot be read.
    """
    notebook = nbformat.read(path, as_version=4)
    words = WORDS[site.language]
    english = {}
    if site.language != "en":
        english = {cell.id: cell.source for cell in nbformat.read(NOTEBOOKS / path.name, as_version=4).cells}
    solved = solutions(path)
    cells, question, linked = [], False, set()
    for cell in notebook.cells:
        skip = cell.metadata.get("slideshow", {}).get("slide_type") == "skip"
        if skip and cell.metadata.get("jupyter", {}).get("source_hidden"):
            continue  # a check that only the suite needs
        if cell.cell_type == "markdown":
            question = asks(cell.source)
            cell.source = with_links(cell.source, site.language)
            if site.language != "en":
                cell.source = with_own_addresses(cell.source, path.stem, site.language)
                cell.source = with_english_addresses(cell.source, english.get(cell.id, ""))
            if cells:
                cell.source = link_terms(cell.source, site, path.stem, linked)
            else:
                row = " · ".join(f'<a href="{target}">{text}</a>' for text, target in downloads.items())
                head, _, rest = cell.source.partition("\n")
                cell.source = f"{head}\n\n{row}\n{rest}" if row else cell.source
            cell.source = re.sub(
                r"^(?=\*\*(\d+\.\d+)\*\*)", r"(exercise-\1)=\n", cell.source, flags=re.MULTILINE
            )
            cell.metadata = {}
            cells.append(cell)
            continue
        tags = []
        number = EXERCISE.search(cell.source)
        if number:
            cell.outputs = []
        elif skip:
            tags.append("hide-input")
        elif question and cell.outputs:
            tags.append("hide-output")
        metadata = {"tags": tags}
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = lighter(output.data["image/png"])
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            metadata["mystnb"] = {"image": shown_as(cell)}
        cell.metadata = metadata
        cells.append(cell)
        if number and number[1] in solved:
            summary = words["solution"].format(number=number[1])
            cells.append(new_markdown_cell(f"{words['run it']}\n\n{folded(summary, solved[number[1]])}"))
    notebook.cells = cells
    notebook.metadata["mystnb"] = {"execution_mode": "off"}
    return notebook
