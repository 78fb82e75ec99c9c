"""Sphinx's configuration. build.py writes the pages into _source and calls Sphinx with this file."""

from pathlib import Path

project = "PyTorch, Cell by Cell"
author = "PyTorch, Cell by Cell contributors"
html_title = project
language = "en"  # build.py says so where it is another

extensions = ["myst_nb", "sphinx_copybutton", "mathml", "chinese"]
templates_path = ["_templates"]
html_math_renderer = "mathml"
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
nb_execution_mode = "off"  # the stored outputs are the ones that the suite compares
nb_merge_streams = True
nb_code_prompt_show = "Show the {type}"
nb_code_prompt_hide = "Hide the {type}"
nb_mime_priority_overrides = [("html", "text/html", 5)]
myst_enable_extensions = ["dollarmath", "html_image"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a cell may begin below the level of the one before

html_theme = "sphinx_book_theme"
html_context = {"default_mode": "auto"}  # as the reader's system has it
html_theme_options = {
    "navbar_persistent": [],  # or there are two search fields
    "show_navbar_depth": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "navigation_with_keys": True,
    "article_header_end": ["language.html", "article-header-buttons.html"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_static_path = ["_static"]
html_extra_path = ["_extra"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_search_scorer = str(Path(__file__).with_name("scorer.js"))
html_copy_source = False
html_show_sourcelink = False
html_permalinks_icon = "#"
copybutton_selector = "div.highlight-ipython3 pre, div.highlight-python pre, div.highlight-default pre"
