"""`python -m tests.report.picture`: the pictures of the report in docs/, taken of the demo's incidents in Chromium."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

from exfilwatch_playbooks.report.page import html

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from ..servers.chromium import FLAGS, program  # noqa: TID252 (tests are no package on the path)
from .incidents import ENCODED, POWERSHELL, demo, page

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
WIDTH, HEIGHT = 1200, 1200
MADE = datetime(2026, 11, 17, 16, tzinfo=UTC)


def main() -> None:
    """Take them anew."""
    PICTURES.mkdir(exist_ok=True)
    incident, findings, rules = demo("WS-LAB-12.nordwind.example")
    whole = html(incident, findings, rules, made=MADE)
    hidden = page(make("a", Image=POWERSHELL, CommandLine=f"powershell.exe -NoProfile -w hidden -enc {ENCODED}"))
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=program(), args=list(FLAGS))
        for name, text, part in (
            ("report.png", whole, ""),
            ("report-command.png", hidden, "#commands"),
        ):
            file = Path(folder) / "report.html"
            file.write_text(text, encoding="utf-8")
            shown = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            shown.goto(file.as_uri())
            if part:
                box = shown.locator(part).bounding_box()
                shown.screenshot(path=PICTURES / name, full_page=True, clip=box)
            else:
                shown.screenshot(path=PICTURES / name)
            shown.close()
        browser.close()


if __name__ == "__main__":
    main()
