"""The web site: whole, from nowhere else, readable on a phone and in the dark, folded answers, a search that finds."""

import functools
import http.server
import itertools
import os
import re
import subprocess
import sys
import threading
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

import replay
from browser import browser

if not find_spec("sphinx"):
    if os.environ.get("COURSE_BROWSER") == "required":
        raise ImportError("pip install -r website/requirements.txt")
    pytest.skip("the site needs website/requirements.txt", allow_module_level=True)

import build
import pages

LECTURES = replay.chapters()
PAGES = [path.stem for path in LECTURES] + ["index", "start", "glossary", "search"]
every_page = pytest.mark.parametrize("name", PAGES)
MEGABYTE = 1_000_000


def some_pages(*names: str):
    """These pages each time, all of them with --weekly."""
    marks = {name: () if name in names else pytest.mark.weekly for name in PAGES}
    return pytest.mark.parametrize("name", [pytest.param(name, marks=marks[name]) for name in PAGES])


# Where a reader should land who looks for a word.
SEARCHED = {
    "convolution": "09_convolution",
    "BatchNorm2d": "12_normalization",
    "LSTM": "13_recurrent",
    "attention": "14_transformer",
    "cross entropy": "18_loss",
    "broadcasting": "05_tensors",
    "num_workers": "07_dataloader",
    "SummaryWriter": "04_tensorboard",
    "torchrun": "25_distributed",
    "drop_last": "07_dataloader",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site's folder, made by the command's own function in a process of its own: Sphinx keeps a state."""
    folder = tmp_path_factory.mktemp("the site") / "site"
    code = f"import sys; sys.path.insert(0, {str(build.HERE)!r}); import build; from pathlib import Path; "
    code += f"build.build(Path({str(folder)!r}))"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
    assert not (build.HERE / "jupyter_execute").exists()
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def served(folder: Path) -> tuple[http.server.ThreadingHTTPServer, str]:
    """A server for a folder, on this machine alone, and its address."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}/"


@pytest.fixture(scope="module")
def address(site):
    """The site's address on this machine."""

    server, found = served(site)
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


class Page(HTMLParser):
    """What the tests ask of a page: its ids, links, pictures, headings."""

    def __init__(self, path: Path):
        super().__init__()
        self.ids, self.links, self.pictures, self.levels = set(), [], [], []
        self.in_article = False  # above it is a title for paper alone
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.in_article |= tag == "article"
        self.ids.add(found.get("id"))
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "img":
            self.pictures.append((found.get("src"), found.get("alt")))
        if self.in_article and re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))


@pytest.fixture(scope="module")
def read(site):
    return functools.cache(lambda name: Page(site / f"{name}.html"))


@every_page
def test_links_lead_somewhere(name, site, read):
    for link in read(name).links:
        target, _, part = unquote(link).partition("#")
        if re.match(r"https?:|mailto:", target):
            continue
        path = site / target if target else site / f"{name}.html"
        assert path.exists(), link
        if part and path.suffix == ".html":
            assert part in read(path.stem).ids, link


@every_page
def test_a_page_is_light_and_says_what_it_is(name, site, read):
    page = read(name)
    own = sum((site / src).stat().st_size for src, _ in page.pictures if not src.startswith("data:"))
    if name != "index":  # its pictures come when they are scrolled to
        assert len(page.text.encode()) + own < MEGABYTE
    if name != "search":
        assert page.levels.count(1) == 1
        assert all(b <= a + 1 for a, b in zip(page.levels, page.levels[1:], strict=False)), page.levels
        assert re.search(r'<meta name="description" content="[^"]{20,}"', page.text)


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_a_chapter_is_made_for_reading(path, read):
    """Imports and answers are folded, what only the suite needs is not there, pictures say what they show."""
    page = read(path.stem)
    cells = nbformat.read(path, as_version=4).cells
    for cell in cells:
        if cell.metadata.get("jupyter", {}).get("source_hidden") and cell.cell_type == "code":
            line = max(cell.source.splitlines(), key=len)
            assert re.sub("<[^>]+>", "", page.text).find(line) == -1, cell.id
    alts = [alt for src, alt in page.pictures if src.startswith("_images/")]
    assert all(alt for alt in alts)
    assert {cell.metadata.alt for cell in cells if cell.metadata.get("alt")} <= set(alts)
    assert "Show the code" in page.text and "Answer before you look" in page.text
    for number in re.findall(r'^check\("(\d+\.\d+)"', "\n".join(c.source for c in cells), re.MULTILINE):
        assert f"Solution of {number}" in page.text
        assert f"exercise-{number.replace('.', '-')}" in page.ids
    assert "not attempted yet" not in page.text.partition('id="exercises"')[2]
    assert f'href="notebooks/{path.name}"' in page.text


@some_pages("index", "09_convolution", "search")
def test_a_reader_sees_it(name, site, chromium):
    """No error, nothing from elsewhere, nothing that makes the page scroll sideways, at both widths, in both modes."""
    wrong = []
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or wrong.append(r.url))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((site / f"{name}.html").as_uri())
    sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    grounds = []
    for width in (1280, 360):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
            assert page.evaluate(sideways) <= 0, (width, scheme)
            grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1] and grounds[:2] == grounds[2:], "the dark mode is dark"
    context.close()
    assert wrong == []


def test_answers_unfold(site, chromium):
    page = chromium.new_page()
    page.goto((site / "09_convolution.html").as_uri())
    folded = page.locator("details.hide.below-input")
    assert folded.count() > 20
    output = folded.first.locator("pre").first
    assert not output.is_visible()
    folded.first.locator("summary").click()
    assert output.is_visible()
    solution = page.locator("details.answer").first
    assert not solution.locator("pre").is_visible()
    solution.locator("summary").press("Enter")  # by the keyboard too
    assert solution.locator("pre").is_visible()
    page.close()


@pytest.mark.parametrize(("word", "chapter"), SEARCHED.items(), ids=SEARCHED)
def test_the_search_finds_the_chapter(word, chapter, address, chromium):
    page = chromium.new_page()
    page.goto(f"{address}search.html?q={word.replace(' ', '+')}")
    first = page.locator("#search-results .search > li a").first
    first.wait_for(timeout=30_000)
    page.wait_for_function("document.querySelector('.search-summary')?.textContent.includes('found')")
    assert first.get_attribute("href").startswith(f"{chapter}.html")
    page.close()


@some_pages("13_recurrent")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(name, scheme, site, chromium):
    """axe-core finds nothing serious: contrast, names of buttons, landmarks, and more."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto((site / f"{name}.html").as_uri())
    found = axe.Axe().run(page).response["violations"]
    context.close()
    serious = [
        f"{one['id']}: {one['help']}: {[node['html'][:150] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert not serious, "\n".join(serious)


def test_the_first_paint_is_quick(site, chromium):
    page = chromium.new_page()
    page.goto((site / "09_convolution.html").as_uri())
    paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    page.wait_for_function(paint)
    assert page.evaluate(paint) < 1000
    page.close()


# The pages' parts


def test_a_question_in_code_is_none():
    assert pages.asks("Which number does it give?") and not pages.asks(
        "`thing?` shows $a?$ much\n```\nx?\n```"
    )


def test_terms_are_linked_once_and_not_in_code():
    term = pages.Term("stride", "05_tensors", "5 · Tensors", "Strides", "A **stride** is …")
    site = pages.Site({"stride": term})
    text = "`stride` [a stride](x) the stride, another stride"
    linked = set()
    assert pages.link_terms(text, site, "09_convolution", linked) == (
        "`stride` [a stride](x) the [stride](glossary.md#stride), another stride"
    )
    assert pages.link_terms(text, site, "09_convolution", linked) == text, "once in a chapter"
    assert pages.link_terms(text, site, "05_tensors", set()) == text, "not where it is explained"


def test_a_page_that_moved_leads_on(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "HERE", tmp_path)
    (tmp_path / "redirects.txt").write_text("# old new\nold.html new.html\n", encoding="utf-8")
    build.finish(tmp_path, pages.Site(address="somebody/course"))
    assert 'url=new.html"' in (tmp_path / "old.html").read_text(encoding="utf-8")
    assert "https://somebody.github.io/course/old.html" not in (tmp_path / "sitemap.xml").read_text(
        encoding="utf-8"
    )


# The Chinese site

SMALL = {
    "01_one": (
        "# 1 · One",
        "## The output size",
        "A **stride** is a step.",
        "# 1 · 第一章",
        "## 输出的大小",
        "**步幅**（stride）就是一步。",
    ),
    "02_two": (
        "# 2 · Two",
        "## More",
        "The stride again.",
        "# 2 · 第二章",
        "## 更多",
        "再谈步幅：卷积核怎样移动？",
    ),
}
OPENING = "\n\n{why}\n\n| a | b | c |\n| --- | --- | --- |\n| 45 | 02 | 7 s on CPU |"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The folder of a small site in both languages."""
    root = tmp_path_factory.mktemp("both")
    for stem, (title, heading, text, *chinese) in SMALL.items():
        for folder, words in (("notebooks", (title, heading, text)), ("notebooks/zh", chinese)):
            cells = [
                nbformat.v4.new_markdown_cell(
                    words[0] + OPENING.format(why="Why one should read it."), id="opening"
                ),
                nbformat.v4.new_markdown_cell(f"{words[1]}\n\n{words[2]}", id="size"),
            ]
            for place in (root / folder, root / folder / "solutions"):
                place.mkdir(parents=True, exist_ok=True)
                nbformat.write(nbformat.v4.new_notebook(cells=cells), place / f"{stem}.ipynb")
    (root / "notebooks" / "images").mkdir()
    for name in ("README.md", "README.zh-CN.md"):
        text = "# Course\n\n## Start\n\nHow to get it.\n\n## The chapters\n\n| 00 | first |\n"
        (root / name).write_text(text, encoding="utf-8")
    code = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(build.HERE)!r})
import build, pages
build.ROOT = pages.ROOT = Path({str(root)!r})
pages.NOTEBOOKS = build.ROOT / "notebooks"
build.build(build.ROOT / "site")
"""
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
    return root / "site"


def test_from_one_language_to_the_other_and_back(both, chromium):
    """To the same page and the same heading, whose address is the English one in both."""
    page = chromium.new_page(viewport={"width": 1280, "height": 300})
    page.goto((both / "01_one.html").as_uri() + "#the-output-size")
    assert page.locator("html").get_attribute("lang") == "en"
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.locator("a.language").first.click()
    page.wait_for_url("**/zh/01_one.html*")
    assert page.locator("html").get_attribute("lang").startswith("zh")
    assert page.locator("[id='the-output-size']").count() == 1
    assert page.get_by_text("输出的大小").count()
    page.locator("a.language").first.click()
    page.wait_for_url(re.compile(r"site/01_one\.html"))
    page.close()


def test_each_language_by_itself_and_the_way_to_the_other_in_sight(both, chromium):
    """The words of Sphinx and of the theme too are those of the page's language."""
    for name in ("index", "01_one", "02_two", "glossary", "search"):
        text = (both / f"{name}.html").read_text(encoding="utf-8")
        text = re.sub(r'<a class="language".*?</a>', "", text)
        assert not re.findall(r".{0,40}[\u4e00-\u9fff]+", text), name
    assert "上一页" in (both / "zh" / "02_two.html").read_text(encoding="utf-8")
    for page_name, width in itertools.product(("01_one.html", "zh/01_one.html"), (360, 1280)):
        page = chromium.new_page(viewport={"width": width, "height": 700})
        page.goto((both / page_name).as_uri())
        switch = page.locator("a.language").bounding_box()
        title = page.locator("article h1").bounding_box()
        assert switch["y"] >= 0 and switch["y"] + switch["height"] <= title["y"], (page_name, width, switch)
        assert switch["x"] >= 0 and switch["x"] + switch["width"] <= width
        page.close()


@pytest.mark.parametrize(
    ("query", "first"), [("步幅", "02_two"), ("卷积核怎样", "02_two"), ("输出的大小", "01_one")]
)
def test_the_search_finds_chinese(query, first, both, chromium):
    page = chromium.new_page()
    server, address = served(both)
    try:
        page.goto(f"{address}zh/search.html?q={query}")
        found = page.locator("#search-results .search > li a").first
        found.wait_for(timeout=30_000)
        assert f"{first}.html" in [
            link.get_attribute("href").partition("?")[0].partition("#")[0]
            for link in page.locator("#search-results .search > li a").all()
        ]
    finally:
        page.close()
        server.shutdown()
        server.server_close()


def test_chinese_terms_are_in_the_glossary_and_linked(both):
    glossary = (both / "zh" / "glossary.html").read_text(encoding="utf-8")
    assert "步幅" in glossary and "就是一步。" in glossary
    assert re.search(
        r'<a[^>]*href="glossary.html#[^"]*"[^>]*>(?:<[^>]*>)*步幅',
        (both / "zh" / "02_two.html").read_text(encoding="utf-8"),
    )


def test_there_is_a_switch_where_there_are_two_languages(read, site):
    """A language is shown when all of it is there."""
    whole = pages.is_whole("zh")
    assert ('class="language"' in read("index").text) == whole == (site / "zh" / "index.html").exists()


def test_addresses_are_the_english_ones():
    text = pages.with_english_addresses(
        "# 一\n\n```\n# 不是标题\n```\n\n## 二", "# One\n\n```\n# no\n```\n\n## Two b"
    )
    assert text == ('# 一\n\n<div id="one"></div>\n\n```\n# 不是标题\n```\n\n## 二\n\n<div id="two-b"></div>')
