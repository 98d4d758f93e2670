"""The report of an incident of 5,000 events: how large it is, how long it takes to make, how soon Chromium shows it."""

import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Error, sync_playwright

from ..report.incidents import huge  # noqa: TID252 (tests are no package on the path)
from ..servers.chromium import FLAGS, program  # noqa: TID252 (tests are no package on the path)
from ..servers.unavailable import Unavailable  # noqa: TID252 (tests are no package on the path)
from .row import Row, Run, at_most

EVENTS = 5_000
_SHOWN = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
    () => done(performance.now()))))"""


def report(asked: Run) -> list[Row]:
    """Size and time, of which the best of some rounds counts; each opens the page in a new Chromium window."""
    start = time.perf_counter()
    page = huge(EVENTS)
    made = time.perf_counter() - start
    rows = [
        at_most(f"report of {EVENTS:,} events: size", len(page.encode()) / 1e6, 5, "{:.2f} MB"),
        Row(f"report of {EVENTS:,} events: made", f"{made:.2f} s"),
    ]
    try:
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            file = Path(folder) / "report.html"
            file.write_text(page, encoding="utf-8")
            browser = playwright.chromium.launch(executable_path=program(), args=list(FLAGS))
            tries = [_opened(browser, file) for _ in range(max(3, asked.rounds))]
            browser.close()
    except (Unavailable, Error) as error:
        return [*rows, Row("report in Chromium", f"skipped: {str(error)[:100]}")]
    opened, unfolded = (min(each) for each in zip(*tries, strict=True))
    return [
        *rows,
        at_most(f"report of {EVENTS:,} events: opened in Chromium", opened, 2, "{:.2f} s"),
        at_most(f"report of {EVENTS:,} events: all evidence unfolded", unfolded, 2, "{:.2f} s"),
    ]


def _opened(browser: Browser, file: Path) -> tuple[float, float]:
    """Seconds from asking for the page until it is drawn, and from unfolding the evidence until that is."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        start = time.perf_counter()
        page.goto(file.as_uri())
        page.evaluate(_SHOWN)
        opened = time.perf_counter() - start
        start = time.perf_counter()
        page.locator(".raw > summary").click()
        page.evaluate(_SHOWN)
        return opened, time.perf_counter() - start
