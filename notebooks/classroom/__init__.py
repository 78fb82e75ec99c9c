"""What a class has done: the notebooks that learners handed in, judged, as a table and a page.

progress.py is the command. handed_in.py says whose notebooks they are, run.py runs one (kernel.py is inside its
kernel), report.py writes. Who judges is always the course's checkers, in checks/.
"""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import progress

if str(progress.NOTEBOOKS.parent) not in sys.path:
    sys.path.append(str(progress.NOTEBOOKS.parent))  # for start.py

from . import handed_in, report, run
from .handed_in import Course, HandedIn
from .report import Row
from .run import Limits

NO_CALL = "no cell of this notebook checks it"
WORTH = {"correct": 3, "not yet": 2, "not attempted": 1}


def stored(notebook: dict) -> dict[str, tuple[str, str]]:
    """For each exercise that a notebook's outputs name, the best result and its hint."""
    found: dict[str, tuple[str, str]] = {}
    for number, verdict, hint in progress.said(notebook):
        result = verdict.removesuffix(" yet") if verdict == "not attempted yet" else verdict
        hint = hint if result == "not yet" else ""
        if number not in found or WORTH[result] >= WORTH[found[number][0]]:
            found[number] = (result, hint)
    return found


def best(records: list[dict]) -> dict[str, tuple[str, str]]:
    """The same for what the course's `check` has written down in a run."""
    found: dict[str, tuple[str, str]] = {}
    for record in records:
        number, result, hint = record["exercise"], record["result"], record["hint"]
        if result in WORTH and (number not in found or WORTH[result] >= WORTH[found[number][0]]):
            found[number] = (result, str(hint))
    return found


def rows(one: HandedIn, course: Course, outcome: run.Outcome | None) -> list[Row]:
    """The rows of a notebook: one for each exercise of its chapter, and one if it was left out or ended too early.

    outcome: of its run; None if only the stored outputs count.
    """
    if one.problem:
        return [Row(one.learner, one.name, "", "left out", "", one.problem, one.chapter)]
    called = {number for _, numbers in run.exercise_cells(one.notebook) for number in numbers}
    before = stored(one.notebook)
    now = before if outcome is None else best(outcome.records)
    found = []
    for number in course.exercises[one.chapter]:
        notes = [one.note]
        result, hint = now.get(number, ("not attempted", ""))
        if number not in now and outcome is not None:
            if number in outcome.errors:
                result, hint = "not yet", f"The cell ended before its check: {outcome.errors[number]}"
            elif number in called and outcome.ended:
                result = "not run"
        if number not in called:
            notes.append(NO_CALL)
        if outcome is not None:
            if before.get(number, ("",))[0] == "correct" and result != "correct":
                notes.append("its stored output says correct, this run does not")
            changed = {
                name
                for record in outcome.records
                if record["exercise"] == number
                for name in record["changed"]
            }
            if changed:
                notes.append(
                    f"changes the course's checkers, which were put back ({', '.join(sorted(changed))})"
                )
        found.append(
            Row(one.learner, one.name, number, result, hint, "; ".join(filter(None, notes)), one.chapter)
        )
    if outcome is not None and outcome.ended:
        found.append(Row(one.learner, one.name, "", outcome.ended, "", outcome.why, one.chapter))
    return found


def judged(
    files: list[HandedIn], course: Course, limits: Limits | None, jobs: int, stop: threading.Event
) -> Iterator[tuple[HandedIn, list[Row], float]]:
    """Each file, its rows and the seconds that they took; in the order in which they are done.

    limits: for runs; None to read the stored outputs only.
    """
    waiting = []
    for one in files:
        if one.problem or limits is None:
            yield one, rows(one, course, None), 0.0
        else:
            waiting.append(one)
    with ThreadPoolExecutor(jobs) as pool:
        try:
            tasks = {
                pool.submit(run.run, one.notebook, one.chapter[:2], limits, stop): one for one in waiting
            }
            for task in as_completed(tasks):
                one = tasks[task]
                try:
                    outcome = task.result()
                except run.Interrupted:
                    continue
                except Exception as error:  # of this program or of the system; the others go on
                    outcome = run.Outcome(ended="crashed", why=f"{type(error).__name__}: {error}")
                yield one, rows(one, course, outcome), outcome.seconds
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def network() -> str:
    """A sentence that says how far the runs are kept off the network on this system."""
    if run.can_isolate():
        return "The system keeps the notebooks off the network."
    return "This system does not let a program leave the network: only what uses Python's own sockets is refused."


def main(folder: Path, to: Path, limits: Limits | None, jobs: int, chapter: str | None) -> int:
    """Judge the notebooks in a folder, write TO.csv and TO.html; returns the exit status.

    Raises SystemExit with one sentence if a file cannot be written or there is nothing to judge.
    """
    course = Course()
    files = handed_in.find(folder, course, chapter)
    if not files:
        sys.exit(f"There are no notebooks in {folder}" + (f" of chapter {chapter}." if chapter else "."))
    table, page = to.with_name(f"{to.name}.csv"), to.with_name(f"{to.name}.html")
    stop, everything, status = threading.Event(), [], 0
    try:
        with report.Table(table) as out:
            try:
                for done, (one, found, seconds) in enumerate(judged(files, course, limits, jobs, stop), 1):
                    out.add(found)
                    everything += found
                    if limits is not None:
                        print(
                            f"[{done}/{len(files)}] {line(one, found)}" + f"  {seconds:.0f} s" * (seconds > 0)
                        )
            except KeyboardInterrupt:
                stop.set()
                status = 130
        done = len({row.notebook for row in everything})
        if status:
            print(f"Stopped: the files hold {done} of {len(files)} notebooks.")
        everything.sort(key=Row.order)
        report.write_table(everything, table)
        report.write_page(everything, course, page, folder.resolve().name, ran=limits is not None)
    except OSError as error:
        sys.exit(
            f"{error.filename or table} cannot be written ({error.strerror}): close it, or name another by --to."
        )
    print(f"{table}\n{page}")
    return status


def line(one: HandedIn, found: list[Row]) -> str:
    """A notebook's rows as one line for the terminal."""
    exercises = [row for row in found if row.exercise]
    parts = [one.learner, one.name]
    if exercises:
        correct = sum(row.result == "correct" for row in exercises)
        parts.append(f"{correct} of {len(exercises)} correct")
    parts += [f"{row.result}: {row.note}" for row in found if not row.exercise]
    return "  ".join(parts)
