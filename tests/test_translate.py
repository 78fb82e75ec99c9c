"""The Chinese edition: the same code, outputs and cells as the English one; what is old is said, and fails nothing."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import refresh
import replay
import translate
from language import CHINESE

TRANSLATED = [path for path in replay.all_notebooks() if translate.chinese_path(path).exists()]
every_notebook = pytest.mark.parametrize(
    "path", TRANSLATED, ids=lambda path: path.relative_to(replay.ROOT / "notebooks").as_posix()
)


def chinese(path):
    return nbformat.read(translate.chinese_path(path), as_version=4)


# What there is


@every_notebook
def test_the_chinese_notebook_is_the_english_one_in_chinese(path):
    english, other = nbformat.read(path, as_version=4), chinese(path)
    hint = f"python tests/translate.py {path.name[:2]}"
    assert [cell.id for cell in other.cells] == [cell.id for cell in english.cells], hint
    for one, two in zip(english.cells, other.cells, strict=True):
        assert one.cell_type == two.cell_type, f"{one.id}: {hint}"
        if one.cell_type == "code":
            assert translate.same_code(one.source, two.source), f"{one.id}: the code is another"
            assert one.execution_count == two.execution_count
        expected = translate.translated(one, two, path.parent.name == "solutions")
        assert expected == two, f"{one.id}: {hint}"


@every_notebook
def test_chinese_links_lead_somewhere(path):
    other = chinese(path)
    folder = translate.chinese_path(path).parent
    for cell in other.cells:
        if cell.cell_type == "markdown":
            for target in translate.links(cell.source):
                name = target.partition("#")[0]
                if name and "://" not in name and not name.startswith("mailto:"):
                    assert (folder / name).exists(), f"{cell.id}: {target}"


@every_notebook
def test_what_is_old_is_said(path, record_property):
    """In the summary of the run; it fails nothing."""
    other = chinese(path)
    missing, old = translate.problems(nbformat.read(path, as_version=4), other)
    for word, ids in (("not translated", missing), ("older than the English", old)):
        if ids:
            record_property("chinese", f"{path.name}: {word}: {', '.join(ids)}")
    texts = {cell.id: cell.source + cell.metadata.get("alt", "") for cell in other.cells}
    assert all(CHINESE.search(texts[name]) for name in old), "an old translation stays until it is renewed"


def test_each_text_of_the_programs_keeps_its_places():
    known = translate.templates()
    for text, other in translate.catalogue().items():
        assert text in known, f"no program says {text!r} any more"
        assert translate.places(text) == translate.places(other), text
        assert other.strip(), text


def test_all_texts_of_the_programs_are_translated():
    missing = [text for text in translate.templates() if text not in translate.catalogue()]
    assert not missing, f"{len(missing)}: python tests/translate.py --texts"


@pytest.mark.weekly
@every_notebook
def test_it_runs(path):
    """From top to bottom in its own folder, with the outputs that are stored."""
    other = chinese(path)
    stored = chinese(path)
    target = translate.chinese_path(path)
    with replay.kernel_options(target) as (manager, start):
        client = refresh.lenient_client(other, manager)
        client.execute(cleanup_kc=True, **start)
    found = []
    for old, new in zip(stored.cells, other.cells, strict=True):
        if old.cell_type == "code" and not replay.has_tag(old, "nbval-ignore-output"):
            problem = replay.run_problem(old, new.outputs) or replay.outputs_difference(
                replay.merged_streams(old.outputs), replay.merged_streams(new.outputs), replay.tolerances(old)
            )
            if problem:
                found.append(f"{old.id}: {problem}")
    assert not found, "\n\n".join(found)


# The command


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with one chapter, and its Chinese folder."""
    monkeypatch.setattr(translate, "ZH", tmp_path / "notebooks" / "zh")
    monkeypatch.setattr(translate.replay, "ROOT", tmp_path)
    monkeypatch.setattr(
        translate, "catalogue", lambda: {"{number} · not attempted yet": "{number} · 还没有作答"}
    )
    translate._patterns.cache_clear()
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks" / "01_one.ipynb"
    text = new_markdown_cell("A [link](images/a.svg), [next](02_two.ipynb).", id="text")
    # What follows print looks like a link.
    code = new_code_cell("x = 1  # the first number\n[print][0](x)", id="code", execution_count=1)
    code.outputs = [new_output("stream", name="stdout", text="1\n1.1 · not attempted yet\n")]
    plain = new_code_cell("print(2)", id="plain", execution_count=2)
    nbformat.write(new_notebook(cells=[text, code, plain]), path)
    yield path
    translate._patterns.cache_clear()


def change(path, **sources: str):
    """Give cells another text."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = sources.get(cell.id, cell.source)
    nbformat.write(notebook, path)


def test_english_stands_where_nothing_is_translated(course):
    assert translate.update(course) == (["text", "code"], [])
    made = chinese(course).cells
    assert made[0].source == "A [link](../images/a.svg), [next](02_two.ipynb)."
    assert made[1].outputs[0].text == "1\n1.1 · 还没有作答\n", "what the programs print is in Chinese"
    assert "english" not in made[0].metadata


def test_a_translation_is_kept_and_marked_old_when_the_english_changes(course):
    translate.update(course)
    own = {
        "text": "[链接](images/a.svg)，[下一章](02_two.ipynb)。",
        "code": "x = 1  # 第一个数\n[print][0](x)",
    }
    change(translate.chinese_path(course), **own)
    assert translate.update(course) == ([], [])
    made = chinese(course).cells
    assert made[0].source == "[链接](../images/a.svg)，[下一章](02_two.ipynb)。"
    assert made[1].source == own["code"]
    before = translate.chinese_path(course).read_bytes()
    assert translate.update(course) == ([], []) and translate.chinese_path(course).read_bytes() == before

    change(course, text="A [link](images/a.svg), [next](02_two.ipynb). More.")
    assert translate.update(course) == ([], ["text"])
    assert "链接" in chinese(course).cells[0].source, "it stands until somebody brings it up to date"
    assert translate.update(course, current=["text"]) == ([], [])


def test_code_that_changes_is_the_english_one_again(course):
    translate.update(course)
    change(translate.chinese_path(course), code="x = 1  # 第一个数\n[print][0](x)")
    translate.update(course)
    change(course, code="x = 3  # the first number\n[print][0](x)")
    assert translate.update(course) == (["text", "code"], [])
    assert chinese(course).cells[1].source == "x = 3  # the first number\n[print][0](x)"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ('def f(x):\n    """翻倍。"""\n    return 2 * x  # 结果', True),
        ("def f(x):\n    return 2 * x", True),
        ('def f(x):\n    """Double."""\n    return 3 * x  # the result', False),
        ('def f(x):\n    """Double."""\n    return "2" * x', False),
        ("def f(x):\n    return 2 * x\n\nprint(1)", False),
    ],
)
def test_same_code(other, same):
    english = 'def f(x):\n    """Double."""\n    return 2 * x  # the result'
    assert translate.same_code(english, other) == same


def test_a_text_in_code_is_code():
    assert not translate.same_code('print("one")', 'print("一")')
    assert not translate.same_code("%time f()", "%time g()")
    assert translate.same_code("%time f()", "%time f()")


def test_what_a_program_prints_is_translated_with_its_values(monkeypatch):
    texts = {
        "{number} · correct. {praise}": "{number} · 正确。{praise}",
        "The output has {n} rows.": "输出有 {n} 行。",
        "{a} {b}": "{b} {a}",
    }
    monkeypatch.setattr(translate, "catalogue", lambda: texts)
    translate._patterns.cache_clear()
    shown = translate.in_chinese("9.1 · correct. The output has 3 rows.\n")
    translate._patterns.cache_clear()
    assert shown == "9.1 · 正确。输出有 3 行。\n"
    assert translate.in_chinese("tensor([1, 2])\n") == "tensor([1, 2])\n"


def test_the_catalogue_is_json_in_the_order_of_its_keys():
    text = translate.TEXTS.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
