"""`python -m tests.triage.picture`: the pictures of the triage page in docs/, taken of the demo in Chromium, with cases
in a real Roundup. With a folder, all pages are taken there, wide and narrow, to be looked at.
"""

import asyncio
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from exfilwatch.config import Settings
from exfilwatch_playbooks.opened import context
from exfilwatch_playbooks.polls import poll_once

from ..doors.scenario import Scenario, scenario  # noqa: TID252 (tests are no package on the path)
from ..servers.chromium import FLAGS, program  # noqa: TID252
from ..service.program import Program, said, serving  # noqa: TID252
from .clicks import told

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 860
WHY = "the nightly copy to our second site, CHG-1042"
SIZES = {"wide": {"viewport": {"width": 1280, "height": 860}}, "dark": {"color_scheme": "dark"}}
SIZES |= {"phone": {"viewport": {"width": 360, "height": 780}}, "zoomed": {"viewport": {"width": 640, "height": 430}}}


def main() -> None:
    """Take them anew."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with scenario() as site:
        asyncio.run(_polled(site))
        values = {"config": site.config, "serve__look_every": "1s"}
        token = said(site.home, "tokens", "add", "anna", "--scope", "act", values=values).split()[-1]
        with serving(site.home, values=values) as service, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program(), args=list(FLAGS))
            if folder:
                _all(browser, service, token, site, folder)
            else:
                _docs(browser, service, token, site)
            browser.close()


async def _polled(site: Scenario) -> None:
    async with context(Settings(**site.values)) as work:
        await poll_once(work)


def _docs(browser: Browser, service: Program, token: str, site: Scenario) -> None:
    shown = _visit(browser, service, token)
    _work(shown, service, site)
    shown.goto(f"{service.url}/incidents/{site.gravest().id}")
    shown.screenshot(path=PICTURES / "triage-incident.png")
    _preview(shown, service, site)
    shown.screenshot(path=PICTURES / "triage-suppress.png", full_page=True)
    dark = _visit(browser, service, token, color_scheme="dark")
    dark.goto(f"{service.url}/?state=")
    dark.screenshot(path=PICTURES / "triage-incidents.png")


def _all(browser: Browser, service: Program, token: str, site: Scenario, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shown = _visit(browser, service, token)
    _work(shown, service, site)
    site.put_status("resolved")
    incident = f"/incidents/{site.gravest().id}"
    for _ in range(40):
        shown.goto(service.url + incident)
        if shown.get_by_text("What were they?").count():
            break
        shown.wait_for_timeout(500)
    pages = {"list": "/?state=", "incident": incident, "polls": "/polls", "rules": "/rules"}
    for name, options in SIZES.items():
        shown = _visit(browser, service, token, **options)
        for what, path in {**pages, "suppressions": "/suppressions"}.items():
            shown.goto(service.url + path)
            shown.screenshot(path=folder / f"{what}-{name}.png", full_page=what not in ("list", "incident"))
        _preview(shown, service, site)
        shown.screenshot(path=folder / f"suppress-{name}.png", full_page=True)


def _visit(browser: Browser, service: Program, token: str, **options: object) -> Page:
    made = browser.new_context(**{"viewport": {"width": WIDTH, "height": HEIGHT}, **options}).new_page()
    made.goto(service.url)
    made.get_by_label("Token").fill(token)
    made.get_by_role("button", name="Log in").click()
    expect(made.locator(".list")).to_be_visible()
    return made


def _work(shown: Page, service: Program, site: Scenario) -> None:
    """Open the gravest incident's case, with a note."""
    shown.goto(f"{service.url}/incidents/{site.gravest().id}")
    shown.get_by_role("button", name="Open case").click()
    told(shown, "case opened")
    shown.get_by_label("Note").fill("The owner knows nothing of this.")
    shown.get_by_role("button", name="Add note").click()
    told(shown, "got the note")


def _preview(shown: Page, service: Program, site: Scenario) -> None:
    """What a suppression would hide."""
    for finding in site.store().find():
        shown.goto(f"{service.url}/findings/{finding.id}/suppress")
        shown.get_by_label("because").fill(WHY)
        shown.get_by_role("button", name="Show what it would hide").click()
        shown.wait_for_load_state()
        if shown.get_by_role("button", name="Suppress it").count() and shown.locator(".hides").count():
            return
    raise AssertionError("no suppression hides anything else")


if __name__ == "__main__":
    main()
