"""The language that the course speaks: the notebook's, or on a console the system's."""

import json
import types

import pytest

import language
from language import Text, _

SYSTEM = ("COURSE_LANGUAGE", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in SYSTEM:
        monkeypatch.delenv(name, raising=False)


def notebook(monkeypatch, *cells: str) -> None:
    """As in a kernel that has run, or runs, these cells."""
    shell = types.SimpleNamespace(user_ns={"In": ["", *cells]})
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_GB", "LANGUAGE": "zh_TW:en"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "COURSE_LANGUAGE": "en"}, "en"),
        ({"COURSE_LANGUAGE": "zh"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_on_a_console_the_system_decides(variables, expected, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language.language() == expected


def test_in_a_notebook_its_set_up_cell_decides(monkeypatch):
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    rule = 'import sys\n\nsys.path += [".."]  # '
    notebook(monkeypatch, "# 我自己的单元格", rule + "helpers and checks, from wherever")
    assert language.language() == "en", "a comment of the learner's own in another cell says nothing"
    notebook(monkeypatch, rule + "无论从哪里启动内核")
    assert language.language() == "zh"
    notebook(monkeypatch)
    assert language.language() == "en", "before the set-up cell"


def test_a_text_is_shown_in_the_language_or_in_english(monkeypatch, tmp_path):
    (tmp_path / "zh").mkdir()
    texts = {"{name} is missing": "缺少 {name}", "the file {name}": "文件 {name}"}
    (tmp_path / "zh" / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    monkeypatch.setattr(language, "__file__", str(tmp_path / "language.py"))
    language.catalogue.cache_clear()
    text = _("{name} is missing", name=_("the file {name}", name="a.pt"))
    try:
        assert str(text) == "the file a.pt is missing"
        monkeypatch.setenv("COURSE_LANGUAGE", "zh")
        assert str(text) == "缺少文件 a.pt", (
            "texts within a text too, when it is shown, and no space between them"
        )
        assert str(Text("not translated {n}", n=3)) == "not translated 3"
    finally:
        language.catalogue.cache_clear()
