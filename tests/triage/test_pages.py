"""The pages as answers: who may see and do what, and that nothing on them is of an attacker's making."""

import asyncio
import html
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from tests.findings.made import make

from exfilwatch.errors import CaseBlocked
from exfilwatch.findings.marks import Disposition
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Draft
from exfilwatch_playbooks.cases.links import Links
from exfilwatch_playbooks.cases.local import Local
from exfilwatch_playbooks.cases.system import Creation
from exfilwatch_playbooks.triage import doing
from exfilwatch_playbooks.triage.pages import POLICY, ago, linked
from exfilwatch_playbooks.triage.sessions import COOKIE, LASTS, Sessions
from exfilwatch_playbooks.triage.under_way import Doings

from .kept import Browser, browsing, hostile, incidents

PAGES = ("/", "/polls", "/rules", "/audit")


@pytest.fixture
def browser(tmp_path, rules):
    Store(str(tmp_path / "kept.sqlite")).save([make("a"), make("b", 1)])
    with browsing(tmp_path, rules) as made:
        yield made


def logged_in(browser: Browser, *scopes: str, name: str = "bo") -> Browser:
    assert browser.log_in(browser.asked.made(name, *scopes)).status_code == 303
    return browser


def the_incident(browser: Browser) -> str:
    (one,) = browser.asked.service.store.incidents()
    return f"/incidents/{one.id}"


def test_who_is_not_logged_in_is_asked_to_and_comes_back(browser) -> None:
    for path in (*PAGES, the_incident(browser)):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/login?next={path}")
    assert 'value="/polls"' in browser.get("/login?next=/polls").text
    token = browser.asked.made("bo", "read")
    assert browser("POST", "/login", data={"token": token, "next": "/polls"}).headers["Location"] == "/polls"
    assert browser.get("/polls").status_code == 200


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "/\\evil", "javascript:x", "/v1/x", ""])
def test_one_comes_back_to_pages_of_ours_only(browser, where) -> None:
    token = browser.asked.made("bo", "read")
    assert browser("POST", "/login", data={"token": token, "next": where}).headers["Location"] == "/"


def test_the_cookie_is_not_the_token_and_not_for_scripts_or_other_sites(browser) -> None:
    token = browser.asked.made("bo", "read")
    cookie = browser.log_in(token).headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert token.split("_", 2)[2] not in cookie
    assert {"HttpOnly", "SameSite=strict", f"Max-Age={LASTS.total_seconds():.0f}"} <= set(cookie.split("; "))
    browser.asked.client.base_url = "https://service"
    assert "; Secure" in browser.log_in(token).headers["Set-Cookie"]


def test_wrong_tokens_are_refused_and_soon_have_to_wait(browser) -> None:
    tries = [browser.log_in(f"exfw_0123456789ab_{'x' * 43}") for _ in range(40)]
    assert tries[0].status_code == 401
    assert "not known" in tries[0].text
    assert tries[-1].status_code == 429
    assert not browser.cookies


def test_a_session_ends_with_its_time_its_token_and_by_logging_out(browser) -> None:
    logged_in(browser, "read")
    assert browser.get("/").status_code == 200
    now = datetime.now(UTC)
    browser.asked.service.clock = lambda: now + LASTS + timedelta(seconds=1)
    assert browser.get("/").status_code == 303
    browser.asked.service.clock = lambda: datetime.now(UTC)
    browser.asked.service.tokens.revoke("bo")
    assert browser.get("/").status_code == 303
    logged_in(browser, "read", name="cy")
    assert browser.get("/").status_code == 200
    assert browser.send("/logout", "/").status_code == 303
    assert browser.get("/").status_code == 303


def test_one_who_reads_sees_no_buttons_and_changes_nothing(browser) -> None:
    logged_in(browser, "read")
    where = the_incident(browser)
    for path in ("/", "/polls", "/rules", where):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert re.findall(r'method="post" action="([^"]+)"', answer.text) == ["/logout"], path
    for path in ("/polls", f"{where}/open-case", f"{where}/note", f"{where}/close-case", f"{where}/disposition"):
        assert browser.send(path, "/", disposition="benign", why="x", text="x").status_code == 403, path
    finding = browser.asked.service.store.incidents()[0].findings[0]
    assert browser.send(f"/findings/{finding}/disposition", "/", disposition="benign", why="x").status_code == 403
    assert browser.get("/audit").status_code == 403
    assert not browser.asked.service.store.marks([finding])


def test_what_one_does_is_in_the_audit_log_by_the_tokens_name(browser) -> None:
    logged_in(browser, "admin")
    where = the_incident(browser)
    one, two = browser.asked.service.store.incidents()[0].findings
    answer = browser.send(f"/findings/{one}/disposition", where, disposition="benign", why="our <b>backup</b>")
    assert (answer.status_code, answer.headers["Location"]) == (303, where)
    shown = browser.get(where).text
    assert "our &lt;b&gt;backup&lt;/b&gt;" in shown
    assert "is marked: benign" in shown
    assert "is marked: benign" not in browser.get(where).text
    browser.send(f"{where}/disposition", where, disposition="true-positive", why="the owner knows nothing")
    marks = browser.asked.service.store.marks([one, two])
    assert [marks[each].disposition for each in (one, two)] == ["true-positive"] * 2
    log = browser.get("/audit").text
    assert log.count("set disposition") == 3
    assert log.count("<td>bo</td>") == 3


def test_a_case_is_opened_noted_and_closed_without_javascript(browser) -> None:
    logged_in(browser, "act")
    where = the_incident(browser)
    browser.send(f"{where}/open-case", where, system="local")
    assert ">Open <" in browser.get("/").text
    assert "With case" in browser.get(where).text
    browser.send(f"{where}/note", where, system="local", text="The owner\nknows nothing.")
    assert "got the note" in browser.get(where).text
    browser.send(f"{where}/close-case", where, system="local", why="CHG-1042")
    text = browser.get(where).text
    assert "is closed" in text
    assert "by bo, here" in text
    assert where not in browser.get("/?state=case").text
    assert where in browser.get("/?state=judge").text
    browser.send(f"{where}/disposition", where, disposition="benign", why="CHG-1042")
    assert where in browser.get("/?state=closed").text


def test_a_case_is_closed_with_a_disposition_of_what_was_not_judged(browser) -> None:
    logged_in(browser, "act")
    where = the_incident(browser)
    first, second = browser.asked.service.store.incidents()[0].findings
    browser.asked.service.store.mark(first, Disposition.TRUE_POSITIVE, "seen")
    browser.send(f"{where}/open-case", where, system="local")
    browser.send(f"{where}/close-case", where, system="local", why="CHG-1042", disposition="benign")
    marks = browser.asked.service.store.marks([first, second])
    assert [marks[each].disposition for each in (first, second)] == [Disposition.TRUE_POSITIVE, Disposition.BENIGN]
    assert where in browser.get("/?state=closed").text


def test_a_case_that_somebody_closed_elsewhere_asks_for_a_disposition(browser) -> None:
    logged_in(browser, "act")
    where = the_incident(browser)
    browser.send(f"{where}/open-case", where, system="local")
    store = browser.asked.service.store
    links = Links(store.database, "local")
    (incident,) = store.incidents()
    case = asyncio.run(Local(store).set_status("1", "closed"))
    assert [each.change for each in links.saw(incident.id, case)] == ["closed"]
    shown, listed = browser.get(where).text, browser.get("/?state=judge").text
    assert "Case 1 is closed in local: no disposition yet." in shown
    assert "in <strong>local</strong> itself" in shown
    assert "no disposition yet" in listed


def test_a_local_case_shows_its_notes_and_that_one_could_have_another_system(browser) -> None:
    logged_in(browser, "act")
    where = the_incident(browser)
    assert "No case system is configured" in browser.get(where).text
    browser.send(f"{where}/open-case", where, system="local")
    browser.send(f"{where}/note", where, system="local", text="Asked bo (CHG-1042): <b>no</b>.")
    shown = browser.get(where).text
    assert "Asked bo (CHG-1042): &lt;b&gt;no&lt;/b&gt;." in shown
    assert "1 note" in shown


def test_who_has_several_case_systems_and_no_usual_one_is_told_how_to_choose(tmp_path, rules) -> None:
    Store(str(tmp_path / "kept.sqlite")).save([make("a")])
    case = {name: {"kind": "webhook", "url": f"https://{name}.example/"} for name in ("one", "two")}
    with browsing(tmp_path, rules, case=case) as browser:
        logged_in(browser, "act")
        shown = browser.get(the_incident(browser)).text
    assert "write `default = true`" in shown
    assert [f'value="{name}"' in shown for name in ("one", "two", "local")] == [True] * 3


def a_form(browser: Browser, page: str) -> dict[str, str]:
    """The hidden fields of the last form on a page that has `seen`."""
    text = browser.get(page).text
    return {name: re.findall(rf'name="{name}" value="([^"]+)"', text)[-1] for name in ("csrf", "seen")}


@pytest.mark.parametrize("form", ["disposition", "close-case"])
def test_the_second_of_two_analysts_is_told_what_the_first_has_done(browser, form) -> None:
    first, second = (Browser(browser.asked) for _ in range(2))
    logged_in(first, "act", name="dee")
    logged_in(second, "act", name="bo")
    where = the_incident(browser)
    first.send(f"{where}/open-case", where, system="local")
    late = a_form(second, where)
    first.send(f"{where}/disposition", where, disposition="true-positive", why="it was")
    told = second("POST", f"{where}/{form}", data={**late, "disposition": "benign", "why": "mine", "system": "local"})
    assert told.status_code == 409
    assert "<strong>dee</strong>: " in told.text
    assert "is marked: true-positive" in told.text
    store = browser.asked.service.store
    (incident,) = store.incidents()
    assert {mark.disposition.value for mark in store.marks(incident.findings).values()} == {"true-positive"}
    again = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', told.text)}
    assert again["why"] == "mine"
    assert second("POST", f"{where}/{form}", data=again).status_code == 303
    done = second.get(where).text
    assert "findings are marked: benign" in done if form == "disposition" else "is closed" in done


def test_what_was_written_when_a_session_ends_is_kept_and_done_after_logging_in(browser) -> None:
    logged_in(browser, "act")
    where = the_incident(browser)
    fields = {**a_form(browser, where), "disposition": "benign", "why": 'a "long" <reason>'}
    browser.asked.service.tokens.revoke("bo")
    ended = browser("POST", f"{where}/disposition", data=fields, headers={"Referer": f"http://service{where}"})
    assert ended.status_code == 401
    assert "Your session has ended" in ended.text
    store = browser.asked.service.store
    assert store.marks(store.incidents()[0].findings) == {}
    form = {
        name: html.unescape(value) for name, value in re.findall(r'name="(next|form|sent)" value="([^"]*)"', ended.text)
    }
    token = browser.asked.made("cy", "act")
    wrong = browser("POST", "/login", data={**form, "token": "exfw_x"})
    assert html.escape(form["sent"], quote=True).replace("&#x27;", "&#39;") in wrong.text.replace("&#34;", "&quot;")
    logged = browser("POST", "/login", data={**form, "token": token})
    assert logged.status_code == 200
    assert "Nothing of it is lost" in logged.text
    again = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', logged.text)}
    assert again["why"] == 'a "long" <reason>'
    (action,) = re.findall(r'action="(/incidents/[^"]+)"', logged.text)
    assert browser("POST", action, data=again).status_code == 303
    assert {mark.why for mark in store.marks(store.incidents()[0].findings).values()} == {'a "long" <reason>'}


def test_only_forms_of_ours_are_gone_on_with(browser) -> None:
    token = browser.asked.made("bo", "act")
    for form in ("https://evil.example/", "/v1/actions/suppress", "//evil.example", "/logout"):
        sent = {"token": token, "next": "/", "form": form, "sent": "{}"}
        assert browser("POST", "/login", data=sent).status_code == 303, form
    for odd in ("[]", "nonsense", '{"a": {"b": 1}}', ""):
        sent = {"token": token, "next": "/", "form": "/polls", "sent": odd}
        assert browser("POST", "/login", data=sent).status_code == 200, odd


def test_one_comes_back_to_the_list_as_it_was(browser) -> None:
    where = browser.get("/?state=case&level=high&page=2").headers["Location"]
    assert where == "/login?next=/%3Fstate%3Dcase%26level%3Dhigh%26page%3D2"
    token = browser.asked.made("bo", "read")
    assert 'value="/?state=case&amp;level=high&amp;page=2"' in browser.get(where).text
    sent = {"token": token, "next": "/?state=case&level=high&page=2"}
    assert browser("POST", "/login", data=sent).headers["Location"] == sent["next"]


def test_a_slow_case_system_is_said_to_be_asked_and_nothing_hangs(browser, monkeypatch) -> None:
    go_on = threading.Event()
    real = Local.create

    async def slow(system: Local, draft: Draft) -> Creation:
        await asyncio.to_thread(go_on.wait, 30)
        return await real(system, draft)

    monkeypatch.setattr(Local, "create", slow)
    monkeypatch.setattr(doing, "_PATIENT", 0.05)
    logged_in(browser, "act")
    where = the_incident(browser)
    try:
        assert browser.send(f"{where}/open-case", where, system="local").status_code == 303
        shown = browser.get(where).text
        assert "The case is being opened" in shown
        assert "Open case</button>" not in shown
        csrf = re.findall(r'name="csrf" value="([^"]+)"', shown)[0]
        assert browser("POST", f"{where}/open-case", data={"csrf": csrf, "system": "local"}).status_code == 303
        assert "bo is at it already" in browser.get(where).text
        assert 'hx-trigger="every 1s"' in browser.get(f"{where}/doing").text
    finally:
        go_on.set()
    browser.asked.portal.call(asyncio.wait, set(browser.asked.app.state.sessions.tasks))
    assert "show what came of it" in browser.get(f"{where}/doing").text
    assert "case opened" in browser.get(where).text


def test_what_another_service_does_is_said_and_not_done_twice(browser, tmp_path) -> None:
    logged_in(browser, "act")
    where = the_incident(browser)
    other = Doings(Store(str(tmp_path / "kept.sqlite")).database, "another-machine/17/a", lambda: datetime.now(UTC))
    other.begin(where.rpartition("/")[2], "The case is being opened in jira", "jo")
    shown = browser.get(where).text
    assert "The case is being opened in jira" in shown
    csrf = re.findall(r'name="csrf" value="([^"]+)"', shown)[0]
    assert browser("POST", f"{where}/open-case", data={"csrf": csrf, "system": "local"}).status_code == 303
    assert "jo is at it already" in browser.get(where).text
    other.end(where.rpartition("/")[2])
    assert "show what came of it" in browser.get(f"{where}/doing").text
    assert browser.send(f"{where}/open-case", where, system="local").status_code == 303
    assert "case opened" in browser.get(where).text


def test_what_is_broken_is_said_on_every_page(browser) -> None:
    logged_in(browser, "act")
    where = the_incident(browser)
    assert "Nothing is broken" in browser.get("/polls").text
    store = browser.asked.service.store
    Links(store.database, "tracker").park([store.incidents()[0].id], CaseBlocked("tracker: wrong key"))
    for path in ("/", "/polls"):
        assert "1 incident can" in browser.get(path).text, path
        assert "tracker: wrong key" in browser.get(path).text, path
    for path in (*PAGES[:-1], where, "/suppressions"):
        assert 'class="troubles"' in browser.get(path).text, path


def test_what_an_action_refuses_is_told_on_the_page(browser) -> None:
    logged_in(browser, "act")
    where = the_incident(browser)
    for form, fields in (("note", {"text": "x"}), ("close-case", {"why": ""}), ("disposition", {"disposition": "odd"})):
        assert browser.send(f"{where}/{form}", where, **fields).status_code == 303
        assert 'class="saying bad" role="alert"' in browser.get(where).text, form
    assert browser.send(f"{where}/nonsense", where).status_code == 404


def test_forms_of_other_sites_and_sessions_do_nothing(browser) -> None:
    logged_in(browser, "act")
    where = the_incident(browser)
    finding = browser.asked.service.store.incidents()[0].findings[0]
    path, fields = f"/findings/{finding}/disposition", {"disposition": "benign", "why": "x"}
    assert browser("POST", path, data=fields).status_code == 403
    assert browser("POST", path, data=fields | {"csrf": "x"}).status_code == 403
    csrf = re.search(r'name="csrf" value="([^"]+)"', browser.get(where).text)
    assert csrf
    crossing = {"Sec-Fetch-Site": "cross-site"}
    assert browser("POST", path, data=fields | {"csrf": csrf[1]}, headers=crossing).status_code == 403
    logged_in(browser, "act", name="cy")
    assert browser("POST", path, data=fields | {"csrf": csrf[1]}).status_code == 403
    assert browser("POST", path, json=fields | {"csrf": csrf[1]}).status_code == 415
    assert not browser.asked.service.store.marks([finding])
    token = browser.asked.made("dee", "read")
    assert browser("POST", "/login", data={"token": token}, headers=crossing).status_code == 403


def test_a_link_from_elsewhere_is_asked_for_again_by_a_page_of_ours(browser) -> None:
    answer = browser.get("/polls", headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, 'http-equiv="refresh" content="0"' in answer.text) == (200, True)


def test_every_page_has_the_policy_and_nothing_inline(browser) -> None:
    logged_in(browser, "admin")
    for path in (
        *PAGES,
        the_incident(browser),
        "/login",
        "/incidents/ffff",
        "/incidents/%00",
        "/?page=x",
        "/?level=odd",
    ):
        answer = browser.get(path)
        assert answer.status_code in (200, 404, 422), path
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "unsafe" not in POLICY
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=\"/assets/)", answer.text), path


def test_what_pages_load_is_kept_by_the_browser_and_is_there(browser) -> None:
    for where in re.findall(r'(?:src|href)="(/assets/[^"]+)"', browser.get("/login").text):
        answer = browser.get(where)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
    for where in ("/assets/NOTICE.md", "/assets/..%2f__init__.py", "/assets/nothing"):
        assert browser.get(where).status_code == 404


def test_the_report_is_shut_in(browser) -> None:
    logged_in(browser, "read")
    answer = browser.get(f"{the_incident(browser)}/report")
    assert answer.status_code == 200
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_hostile_text_stays_text(tmp_path, rules) -> None:
    Store(str(tmp_path / "kept.sqlite")).save(hostile())
    with browsing(tmp_path, rules) as browser:
        logged_in(browser, "admin")
        shown = [browser.get("/?state=")]
        shown += [browser.get(f"/incidents/{each.id}") for each in browser.asked.service.store.incidents()]
        shown += [browser.get("/", params={"text": '"><script>x</script>'}), browser.get("/?state=%22%3E%3Cb%3E")]
        for answer in shown:
            assert answer.status_code == 200
            assert not re.search(
                r"<(img|iframe|object|svg onload|base)|javascript:document\W.{0,20}\">|<script>", answer.text
            )
            assert answer.text.count("<script ") == 2


def test_pages_of_the_list_keep_what_was_asked(tmp_path, rules) -> None:
    incidents(Store(str(tmp_path / "kept.sqlite")), 60)
    with browsing(tmp_path, rules) as browser:
        logged_in(browser, "read")
        text = browser.get("/?level=high&text=ws&order=oldest").text
        (following,) = re.findall(r'rel="next" href="([^"]+)"', text)
        assert {"level=high", "text=ws", "order=oldest", "page=2"} <= set(
            following.replace("&amp;", "&")[2:].split("&")
        )
        assert "ws-00059" in browser.get(following.replace("&amp;", "&")).text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (40, "40 s"), (60, "1 min"), (3600, "60 min"), (7200, "2 h"), (90000, "25 h"), (172800, "2 d")],
)
def test_ages_are_said_in_one_unit(seconds, said) -> None:
    now = datetime(2026, 3, 12, tzinfo=UTC)
    assert ago(now - timedelta(seconds=seconds), now) == said


def test_only_addresses_of_the_web_are_links() -> None:
    assert linked("https://tracker.example/7")
    assert not linked("javascript:alert(1)")


def test_there_are_so_many_sessions_at_most_and_those_that_are_over_go(browser, monkeypatch) -> None:
    monkeypatch.setattr("exfilwatch_playbooks.triage.sessions._MOST", 3)
    database, now = browser.asked.service.store.database, datetime.now(UTC)
    known = Sessions(lambda: database)
    over = known.begin("a", now - LASTS)
    first, *others = (known.begin("a", now + timedelta(seconds=n)) for n in range(4))
    assert known.of(over.cookie, now - timedelta(hours=1)) is None
    assert known.of(first.cookie, now) is None
    assert all(known.of(each.cookie, now) for each in (others[0], others[-1]))
    assert known.of("", now) is None
    for n in range(30):
        others[-1].session.say("good", f"{n}")
    found = known.of(others[-1].cookie, now)
    assert [text for _, text in found.heard()] == [f"{n}" for n in range(10, 30)]
    assert known.of(others[-1].cookie, now).heard() == []
