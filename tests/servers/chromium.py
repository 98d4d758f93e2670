"""Chromium: Debian's package, driven by Playwright; one for each worker, headless, without a network of its own.

What Chromium asks for by itself (updates, components, sync) is switched off, so that whatever a page asks for shows.
"""

import shutil
from asyncio import AbstractEventLoop, _get_running_loop, _set_running_loop
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from .debian import install
from .unavailable import Unavailable, leave_out

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def program() -> str:
    """Where Chromium is; root installs it where servers are required. Raises Unavailable."""
    if not shutil.which("chromium"):
        install("chromium", "fonts-dejavu-core")
    found = shutil.which("chromium")
    if not found:
        raise Unavailable("needs Chromium: apt-get install chromium")
    return found


class Running(NamedTuple):
    """A browser, and the event loop that Playwright runs beneath the test's thread for as long as the browser lives."""

    browser: Browser
    loop: AbstractEventLoop | None


@pytest.fixture(scope="session")
def running_chromium() -> Iterator[Running]:
    """The worker's Chromium; tests take `chromium`."""
    try:
        where = program()
    except Unavailable as error:
        leave_out(error)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=where, args=list(FLAGS))
        except Error as error:
            leave_out(Unavailable(f"chromium did not start: {str(error)[:200]}"))
        running = Running(browser, _get_running_loop())
        _set_running_loop(None)
        yield running
        _set_running_loop(running.loop)
        browser.close()


@pytest.fixture
def chromium(running_chromium: Running) -> Iterator[Browser]:
    """A real Chromium. Outside of the tests that take it no loop runs, so that others may run their own."""
    _set_running_loop(running_chromium.loop)
    yield running_chromium.browser
    _set_running_loop(None)
