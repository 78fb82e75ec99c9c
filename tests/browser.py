"""The browser that the tests of the slides and of the lab drive: Debian's Chromium, or Chrome, by playwright."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from decks import find_browser

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def missing() -> str | None:
    """Why there is no browser to drive, None if there is one."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "playwright is not installed: pip install -r tests/requirements-browser.txt"
    return None if find_browser() else "no Chromium or Chrome is installed"


@contextmanager
def browser(*arguments: str) -> Iterator:
    """A headless browser of playwright's sync API. Skips the test where there is none.

    With COURSE_BROWSER=required, as in CI, it fails instead.
    """
    if reason := missing():
        if os.environ.get("COURSE_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=find_browser(), args=[*ARGUMENTS, *arguments])
        try:
            yield running
        finally:
            running.close()
