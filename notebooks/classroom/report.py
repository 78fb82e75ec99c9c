"""Writes what a class has done: a table for a spreadsheet, and a page that needs nothing but a browser."""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Self

COLUMNS = ["learner", "notebook", "exercise", "result", "hint", "note"]
RESULTS = ["correct", "not yet", "not attempted", "not run"]
SIGNS = dict(zip(RESULTS, "#o.?", strict=True))
MOST = 20  # hints that the page lists


@dataclass(frozen=True)
class Row:
    """One exercise of one notebook; with no exercise, what happened to the whole notebook."""

    learner: str
    notebook: str
    exercise: str
    result: str  # one of RESULTS; for a notebook "left out", "stopped" or "crashed"
    hint: str
    note: str
    chapter: str = ""

    def order(self) -> tuple:
        """A key to sort rows by: learner, chapter, exercise; what happened to the whole notebook comes last."""
        numbers = [int(part) for part in self.exercise.split(".")] if self.exercise else [10**6]
        return self.learner.casefold(), self.learner, self.chapter or "~", self.notebook, numbers

    def cells(self) -> list[str]:
        """The row as the table has it."""
        return [harmless(getattr(self, name)) for name in COLUMNS]


def harmless(text: str) -> str:
    """A cell's text in one line, which no spreadsheet takes for a formula."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


class Table:
    """A CSV file that holds each row as soon as it is known. Raises OSError if it cannot be written."""

    def __init__(self, path: Path):
        # The mark at the beginning tells spreadsheets that the file is UTF-8.
        self.file = open(path, "w", encoding="utf-8-sig", newline="")
        self.writer = csv.writer(self.file)
        self.writer.writerow(COLUMNS)
        self.file.flush()

    def add(self, rows: Iterable[Row]) -> None:
        """Write rows, so that they stay whatever happens next."""
        self.writer.writerows(row.cells() for row in rows)
        self.file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def write_table(rows: Iterable[Row], path: Path) -> None:
    """Write the rows in their order, over those that came as they came; whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    with Table(part) as table:
        table.add(rows)
    os.replace(part, path)


STYLE = """\
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #222 }
h1 { font-size: 1.5rem } h2 { font-size: 1.2rem; margin-top: 2rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #ddd }
th { font-size: .85rem } .n { text-align: right } td.n { white-space: nowrap } td.t, p.t { overflow-wrap: anywhere }
.bar { display: flex; height: 1.1rem; min-width: 3rem } .bar i { display: block }
.key span { white-space: nowrap; margin-right: .9rem } .key i { display: inline-block; width: .8rem; height: .8rem; margin-right: .3rem }
.r0 { background: #2a7f3f } .r1 { background: #e8a020 } .r2 { background: #d5d5d5 } .r3 { background: #8c8c8c }
code { font-family: ui-monospace, monospace; letter-spacing: .1em }
"""


def bar(counts: Counter) -> str:
    """How many have which result, as a bar of four colours."""
    total = sum(counts.values()) or 1
    return '<div class="bar" aria-hidden="true">{}</div>'.format(
        "".join(
            f'<i class="r{i}" style="width:{100 * counts[result] / total:.1f}%"></i>'
            for i, result in enumerate(RESULTS)
            if counts[result]
        )
    )


def table(head: list[str], body: Iterable[list[str]]) -> str:
    """A table; the cells are HTML already."""
    lines = [f"<tr>{''.join(cells)}</tr>\n" for cells in body]
    numbers = re.findall(r"<td([^>]*)>", lines[0]) if lines else [""] * len(head)
    heads = "".join(f"<th{look}>{cell}</th>" for look, cell in zip(numbers, head, strict=True))
    return f'<div class="wide"><table><tr>{heads}</tr>\n{"".join(lines)}</table></div>\n'


def number(value: object) -> str:
    """A cell that holds a number."""
    return f'<td class="n">{value}</td>'


def words(text: str) -> str:
    """A cell that holds a text, which may come from a learner."""
    return f'<td class="t">{escape(text)}</td>'


def write_page(rows: list[Row], course, path: Path, name: str, ran: bool) -> None:
    """Write the page: exercises with their results, the most frequent hints, learners, and what went wrong.

    course: a handed_in.Course. ran: whether the notebooks were run, or only their stored outputs read.
    """
    exercises = [row for row in rows if row.exercise]
    learners = {row.learner for row in rows}
    how = (
        "Every notebook was run, and the course’s checkers judged it."
        if ran
        else "Read from the stored outputs, which a learner can edit; progress.py --run judges anew."
    )
    key = "".join(f'<span><i class="r{i}"></i>{result}</span> ' for i, result in enumerate(RESULTS))
    parts = [f"<h1>{escape(name)}</h1>\n<p>{len(learners)} learners. {how}</p>\n<p class='key'>{key}</p>\n"]
    for chapter in sorted({row.chapter for row in exercises}):
        counts = {exercise: Counter() for exercise in course.exercises[chapter]}
        for row in exercises:
            if row.chapter == chapter:
                counts[row.exercise][row.result] += 1
        parts.append(f"<h2>{chapter[:2]} {escape(course.titles[chapter])}</h2>\n")
        parts.append(
            table(
                ["", "", *RESULTS],
                (
                    [
                        number(exercise),
                        f"<td>{bar(found)}</td>",
                        *(number(found[result]) for result in RESULTS),
                    ]
                    for exercise, found in counts.items()
                ),
            )
        )
    trouble = Counter(row.exercise for row in exercises if row.result == "not yet").most_common(5)
    if trouble:
        named = ", ".join(f"{exercise} ({count})" for exercise, count in trouble)
        parts.append(f"<p>Most often not yet correct: {named}.</p>\n")
    hints = Counter((row.exercise, row.hint) for row in exercises if row.hint).most_common(MOST)
    if hints:
        parts.append("<h2>The most frequent hints</h2>\n")
        parts.append(
            table(
                ["times", "exercise", "hint"],
                ([number(count), number(exercise), words(hint)] for (exercise, hint), count in hints),
            )
        )
    parts.append(
        "<h2>Learners</h2>\n<p>One sign for each exercise: # correct, o not yet, . not attempted, ? not run.</p>\n"
    )
    by_notebook: dict[tuple[str, str, str], list[Row]] = {}
    for row in exercises:
        by_notebook.setdefault((row.learner, row.chapter, row.notebook), []).append(row)
    parts.append(
        table(
            ["learner", "", "chapter", "correct"],
            (
                [
                    words(learner),
                    f"<td><code>{''.join(SIGNS[row.result] for row in found)}</code></td>",
                    number(chapter[:2]),
                    number(f"{sum(row.result == 'correct' for row in found)} of {len(found)}"),
                ]
                for (learner, chapter, _), found in by_notebook.items()
            ),
        )
    )
    noted: dict[tuple[str, str, str, str], list[str]] = {}
    for row in rows:
        if row.note:
            noted.setdefault((row.learner, row.notebook, row.result, row.note), []).append(row.exercise)
    if noted:
        parts.append("<h2>To look at</h2>\n")
        for (learner, notebook, result, note), numbers in sorted(
            noted.items(), key=lambda item: item[0][2] == "not attempted"
        ):
            what = " ".join(filter(None, [", ".join(filter(None, numbers)), result]))
            parts.append(
                f'<p class="t"><strong>{escape(learner)}</strong> · {what}: {escape(note)}<br><small>{escape(notebook)}</small></p>\n'
            )
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(name)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{''.join(parts)}</body>\n</html>\n"
    )
    path.write_text(page, encoding="utf-8", newline="\n")
