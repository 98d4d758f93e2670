"""The triage page with 10,000 incidents of 100,000 findings: how soon Chromium paints the list, and one of them."""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Error, StorageState, sync_playwright

from ..servers.chromium import FLAGS, program  # noqa: TID252 (tests are no package on the path)
from ..servers.unavailable import Unavailable  # noqa: TID252 (tests are no package on the path)
from .row import Row, Run, at_most
from .service import KEPT, Serving, fill

_PAINTED = """() => new Promise(done => new PerformanceObserver(list => done(list.getEntries().at(-1).startTime))
    .observe({type: "paint", buffered: true}))"""
"""Milliseconds from the start of the navigation until something was painted, by the browser's own clock."""


def triage(asked: Run) -> list[Row]:
    """The best of some rounds, and the worst; each in a window that has nothing kept but the login."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "kept.sqlite"
        token = fill(database)
        try:
            with Serving(database) as server, sync_playwright() as playwright:
                home = f"http://127.0.0.1:{server.port}"
                browser = playwright.chromium.launch(executable_path=program(), args=list(FLAGS))
                known = _login(browser, home, token)
                incident = f"{home}/incidents/{KEPT // 20:016x}"
                rounds = range(max(5, asked.rounds))
                listed = [_painted(browser, home, known) for _ in rounds]
                opened = [_painted(browser, incident, known) for _ in rounds]
                browser.close()
        except (Unavailable, Error) as error:
            return [Row("triage page in Chromium", f"skipped: {str(error)[:100]}")]
    what = f"triage page, {KEPT // 10:,} incidents: first paint"
    return [
        at_most(what, min(listed), 500, "{:.0f} ms"),
        at_most(f"{what}, the worst of {len(listed)}", max(listed), 500, "{:.0f} ms"),
        Row("an incident's page: first paint", f"{min(opened):.0f} ms, the worst {max(opened):.0f} ms"),
    ]


def _login(browser: Browser, home: str, token: str) -> StorageState:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{home}/login")
        page.locator("input[type=password]").fill(token)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{home}/")
        return context.storage_state()


def _painted(browser: Browser, url: str, known: StorageState) -> float:
    with browser.new_context(viewport={"width": 1280, "height": 860}, storage_state=known) as context:
        page = context.new_page()
        page.goto(url)
        assert page.locator("main").count(), page.title()
        return float(page.evaluate(_PAINTED))
