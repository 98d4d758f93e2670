"""Two services that really run, on one database: who is logged in at one is so at the other."""

import re
from contextlib import ExitStack
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import update
from tests.findings.made import make
from tests.service.program import said, serving

from exfilwatch.findings.database import Database
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.service.tables import sessions
from exfilwatch_playbooks.triage.sessions import COOKIE


@pytest.fixture
def two(tmp_path, database):
    """A browser for each, without cookies; a token; and the database."""
    Store(database).save([make("a")])
    values = {"database": database}
    with ExitStack() as stack:
        programs = [stack.enter_context(serving(tmp_path, values=values)) for _ in range(2)]
        token = said(tmp_path, "tokens", "add", "bo", "--scope", "act", values=values)
        made = [stack.enter_context(httpx.Client(base_url=each.url, trust_env=False, timeout=30)) for each in programs]
        yield tmp_path, made, token, database


def log_in(one: httpx.Client, other: httpx.Client, token: str) -> str:
    """By one; what the cookie holds, which both send from now on."""
    one.cookies.clear()
    answer = one.post("/login", data={"token": token, "next": "/"})
    assert answer.status_code == 303
    cookie = answer.cookies[COOKIE]
    for each in (one, other):
        each.headers["Cookie"] = f"{COOKIE}={cookie}"
        each.cookies.clear()
    return cookie


def form(page: str) -> str:
    return re.findall(r'name="csrf" value="([^"]+)"', page)[0]


def logged_in(each: httpx.Client) -> bool:
    return each.get("/polls").status_code == 200


def test_a_login_its_forms_and_its_end_hold_on_both(two) -> None:
    home, (one, other), token, database = two
    cookie = log_in(one, other, token)
    assert [logged_in(each) for each in (one, other)] == [True, True]

    (incident,) = Store(database).incidents()
    csrf = form(one.get(f"/incidents/{incident.id}").text)
    mark = {"csrf": csrf, "disposition": "benign", "why": "a test"}
    assert other.post(f"/incidents/{incident.id}/disposition", data={**mark, "csrf": "0" * 64}).status_code == 403
    assert other.post(f"/incidents/{incident.id}/disposition", data=mark).status_code == 303
    told = one.get(f"/incidents/{incident.id}").text
    assert "is marked: benign" in told
    assert "is marked: benign" not in other.get(f"/incidents/{incident.id}").text

    with Database(database).read() as connection:
        kept = repr(connection.exec_driver_sql("SELECT * FROM service_sessions").all())
    assert "benign" not in kept
    assert not [secret for secret in (cookie, csrf, token, token[18:]) if secret in kept]

    assert other.post("/logout", data={"csrf": csrf}).status_code == 303
    assert [logged_in(each) for each in (one, other)] == [False, False]

    log_in(other, one, token)
    assert [logged_in(each) for each in (one, other)] == [True, True]
    with Database(database).write() as connection:
        connection.execute(update(sessions).values(until=datetime(2026, 1, 1, tzinfo=UTC)))
    assert [logged_in(each) for each in (one, other)] == [False, False]

    log_in(one, other, token)
    assert [logged_in(each) for each in (one, other)] == [True, True]
    said(home, "tokens", "revoke", "bo", values={"database": database})
    assert [logged_in(each) for each in (one, other)] == [False, False]
    with Database(database).read() as connection:
        assert connection.exec_driver_sql("SELECT * FROM service_sessions").all() == []


def test_a_service_that_is_started_anew_goes_on_with_a_login(tmp_path) -> None:
    values = {"database": tmp_path / "kept.sqlite"}
    token = said(tmp_path, "tokens", "add", "bo", values=values)
    cookies = {}
    for number in range(2):
        with serving(tmp_path, values=values) as program:
            if not number:
                cookies = dict(httpx.post(f"{program.url}/login", data={"token": token}, trust_env=False).cookies)
            sent = {"Cookie": f"{COOKIE}={cookies[COOKIE]}"}
            shown = httpx.get(f"{program.url}/polls", headers=sent, trust_env=False)
            assert shown.status_code == 200, number
