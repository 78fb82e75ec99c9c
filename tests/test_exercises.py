"""Every exercise: the stub is not attempted, the solution is accepted, wrong answers get a hint and never a traceback."""

import importlib
import re
import sys
from pathlib import Path

import nbformat
import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "notebooks"), str(ROOT / "tests")]

from checks import CHECKERS, check, load_chapter  # noqa: E402

CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
CALL = re.compile(r'^check\("(\d+\.\d+)"', re.MULTILINE)


def exercises(path: Path) -> dict[str, str]:
    """Number and printed text of each exercise of a notebook, in order."""
    found = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            for number in CALL.findall(cell.source):
                assert number not in found, f"{path.name}: exercise {number} stands twice"
                found[number] = "".join(out.text for out in cell.outputs if out.output_type == "stream")
    return found


NUMBERS = [number for path in CHAPTERS for number in exercises(path)]


def wrong_answers(number: str) -> list:
    chapter = int(number.split(".")[0])
    return importlib.import_module(f"wrong_answers.ch{chapter:02d}").WRONG.get(number, [])


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter(path):
    chapter = str(int(path.name[:2]))
    stubs, solved = exercises(path), exercises(path.with_name("solutions") / path.name)
    load_chapter(f"{chapter}.1")
    known = [number for number in CHECKERS if number.split(".")[0] == chapter]
    assert len(stubs) >= 3, "a chapter has at least three exercises"
    assert list(stubs) == list(solved) == known == [f"{chapter}.{i + 1}" for i in range(len(stubs))]
    for number, text in stubs.items():
        assert text == f"{number} · not attempted yet\n", text
    for number, text in solved.items():
        assert text.startswith(f"{number} · correct. ") and text.count("\n") == 1 and len(text) > 40, text


@pytest.mark.parametrize("number", NUMBERS)
def test_wrong_answers_get_a_hint(number, capsys):
    load_chapter(number)
    wrong = wrong_answers(number)
    assert len(wrong) >= 2, "at least two plausible wrong answers"
    for case in wrong:
        check(number, *case.answer)
        text = capsys.readouterr().out
        assert text.startswith(f"{number} · not yet: ") and text.count("\n") == 1, text
        assert case.hint in text, f"the hint should say {case.hint!r}, but reads: {text}"


def fails(*args, **kwargs):
    raise KeyError("oops")


def returns_none(*args, **kwargs):
    args = None
    return args


class Unusable:
    """No use as an answer to anything."""

    def __repr__(self):
        raise RuntimeError("no repr either")


NONSENSE = {
    "None": None,
    "number": 3,
    "negative": -1.5,
    "text": "42",
    "list": [],
    "tensor": torch.zeros(7),
    "nested": [torch.zeros(2), None],
    "NaN": torch.full((2, 3), float("nan")),
    "raises": fails,
    "no arguments": lambda: 1,
    "returns None": returns_none,
    "returns text": lambda *args, **kwargs: "text",
    "returns a tensor": lambda *args, **kwargs: torch.zeros(7, dtype=torch.int64),
    "class": Unusable,
    "object": Unusable(),
    "module": torch.nn.Identity(),
    "package": torch.nn,
}


@pytest.mark.parametrize("number", NUMBERS)
def test_nonsense_gets_a_hint(number, capsys):
    count = len(wrong_answers(number)[0].answer)
    before = torch.random.get_rng_state()
    for name, answer in NONSENSE.items():
        check(number, *[answer] * count)
        text = capsys.readouterr().out
        assert text.startswith(f"{number} · not yet: ") and text.count("\n") == 1, f"{name}: {text}"
        assert " at 0x" not in text and "site-packages" not in text, f"{name}: {text}"
    assert torch.equal(before, torch.random.get_rng_state()), "a checker leaves the random numbers alone"


def test_unknown_exercise():
    for number in ("1.99", "99.1", "one", ""):
        with pytest.raises(ValueError, match="there is no exercise"):
            check(number, 1)
