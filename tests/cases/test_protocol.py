"""What every case system promises, tried on each that runs here."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import ValidationError

from exfilwatch.errors import CaseBlocked, CaseRefused, CaseUnreachable
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Attachment, Case, Draft, Note
from exfilwatch_playbooks.cases.system import CaseSystem, Created, Exists

from .trackers import KINDS, REAL, Place, place


@pytest.fixture(params=KINDS)
def at(request: pytest.FixtureRequest, tmp_path) -> Place:
    return place(request.param, request.config, Store(str(tmp_path / "store.sqlite")))


@pytest.fixture(params=REAL)
def real(request: pytest.FixtureRequest, tmp_path) -> Place:
    return place(request.param, request.config, Store(str(tmp_path / "store.sqlite")))


def do(at: Place, what: Callable[[CaseSystem], Awaitable[Any]], **options: Any) -> Any:
    """What comes of it, with a client of its own."""

    async def doing() -> Any:
        system = at.make(**options)
        try:
            return await what(system)
        finally:
            await system.close()

    return asyncio.run(doing())


def draft(**changes: Any) -> Draft:
    key = secrets.token_hex(8)
    told = {"incident": key, "title": f"Upload by curl on WS1 {key}", "level": "high", "body": "What happened\n\nline"}
    return Draft(**{**told, "findings": ("f1", "f2"), **changes})


async def opened(system: CaseSystem, wanted: Draft) -> Case:
    made = await system.create(wanted)
    assert isinstance(made, Created), made
    return await system.converge(wanted.key, made.case_id)


def test_the_account_is_proven(at):
    account = do(at, lambda system: system.probe())
    assert account.who
    assert account.where


def test_a_case_holds_its_key_and_is_found_by_it_open_and_closed(at):
    wanted = draft()

    async def story(system):
        before = await system.find(wanted.key)
        case = await opened(system, wanted)
        found = await system.find(wanted.key)
        closed = await system.set_status(case.id, "closed")
        return before, case, found, closed, await system.find(wanted.key)

    before, case, found, closed, after = do(at, story)
    assert before is None
    assert found.id == case.id == closed.id == after.id
    assert (case.incident, case.title, case.level, case.status) == (wanted.key, wanted.title, "high", "open")
    assert (closed.status, after.status) == ("closed", "closed")
    assert wanted.mark in case.marks or set(wanted.findings) == set(case.findings)


def test_a_key_is_found_whole_and_not_as_a_part(at):
    wanted = draft()
    do(at, lambda system: opened(system, wanted))
    parts = [
        wanted.key[:-1],
        wanted.key[1:],
        wanted.key + "0",
        wanted.key.upper() + "x",
        "*",
        "",
        "!" + wanted.key,
        "%",
    ]

    async def asked(system):
        return [await system.find(part) for part in parts]

    assert do(at, asked) == [None] * len(parts)


def test_a_second_create_is_refused_or_converges_to_one_case(at):
    wanted = draft()

    async def story(system):
        first = await opened(system, wanted)
        second = await system.create(wanted)
        own = second.case_id if isinstance(second, Created) else None
        case = await system.converge(wanted.key, own)
        again = await system.converge(wanted.key, own)
        return first, second, case, again, None if own is None else await system.get(own)

    first, second, case, again, loser = do(at, story)
    assert case.id == again.id == first.id
    assert case.status == "open"
    if at.unique:
        assert second == Exists(first.id)
    elif loser is not None and loser.id != first.id:  # merged tickets answer as the one that they went into
        assert (loser.status, loser.duplicate_of) == ("duplicate", first.id)


def test_eight_workers_at_once_agree_on_one_case(at):
    wanted = draft()

    async def one() -> str:
        system = at.make()
        try:
            made = await system.create(wanted)
            return (await system.converge(wanted.key, made.case_id if isinstance(made, Created) else None)).id
        finally:
            await system.close()

    async def all_of_them() -> list[str]:
        return list(await asyncio.gather(*(one() for _ in range(8))))

    asyncio.run(all_of_them())

    async def at_last(system):
        best = await system.converge(wanted.key, None)
        holders = await system.holders(wanted.key) if hasattr(system, "holders") else [best]
        return best, [case.id for case in holders if case.status == "open"]

    best, still_open = do(at, at_last)
    assert still_open == [best.id]


def test_a_note_is_added_once_and_sets_the_level(at):
    wanted, note = (
        draft(level="medium"),
        Note(key=f"findings {'ab' * 16}", text="more\n\nthan before", level="critical"),
    )

    async def story(system):
        case = await opened(system, wanted)
        added = [await system.add_note(case.id, note) for _ in range(3)]
        return case, added, await system.get(case.id)

    case, added, after = do(at, story)
    assert added == [True, False, False]
    assert case.level == "medium"
    assert after.level == "critical"
    assert note.key in after.marks
    assert note.key not in case.marks


def test_many_notes_are_all_there(at):
    wanted = draft()
    marks = [f"findings {number:032x}" for number in range(6)]

    async def story(system):
        case = await opened(system, wanted)
        for mark in marks:
            await system.add_note(case.id, Note(key=mark, text=f"note {mark}"))
        return await system.get(case.id)

    assert set(marks) <= do(at, story).marks


def test_a_closed_case_can_be_opened_again(at):
    wanted = draft()

    async def story(system):
        case = await opened(system, wanted)
        await system.set_status(case.id, "closed")
        return await system.set_status(case.id, "open"), await system.find(wanted.key)

    case, found = do(at, story)
    assert case.status == found.status == "open"
    assert case.id == found.id


def test_a_duplicate_points_to_the_case_that_goes_on(at):
    first, second = draft(), draft()

    async def story(system):
        stays, goes = await opened(system, first), await opened(system, second)
        note = Note(key=f"merged into {first.key}", text="goes on there", duplicate_of=stays.id)
        added = [await system.add_note(goes.id, note) for _ in range(2)]
        return stays, added, await system.get(goes.id), await system.get(stays.id)

    stays, added, gone, after = do(at, story)
    assert added[0]
    assert (gone.id == stays.id) or (gone.status, gone.duplicate_of) == ("duplicate", stays.id)
    assert (after.id, after.status) == (stays.id, "open")


def test_a_file_is_attached_once_and_whole(at):
    content = b'{"a": "\\u202e \\ud800 <script>"}\n' * 500
    file = Attachment(stem="evidence", suffix=".jsonl", media="application/x-ndjson", content=content)

    async def story(system):
        case = await opened(system, draft())
        if not system.capabilities.attachments:
            return [True, False], {file.name: len(content)}
        return [await system.attach(case.id, file) for _ in range(2)], await kept(system, case.id)

    added, found = do(at, story)
    assert added == [True, False]
    assert found == {file.name: len(content)}


async def kept(system: CaseSystem, case_id: str) -> dict[str, int]:
    if hasattr(system, "attached"):
        found: dict[str, int] = await system.attached(case_id)
        return found
    return {name: len(content) for name, content in (await system.files(case_id)).items()}  # type: ignore[attr-defined]


@pytest.mark.parametrize("unknown", ["999999999", "0", "-1", "", "abc", "1/../2", "1 or 1=1", "१"])
def test_an_unknown_id_is_refused(at, unknown):
    with pytest.raises(CaseRefused):
        do(at, lambda system: system.get(unknown))


def test_hostile_texts_are_taken_whole(at):
    title = "<script>alert(1)</script> {{7*7}} ' \" \\ ; -- \u202e =cmd|' /C calc'!A0 日本語 🙂"
    wanted = draft(title=title, body=f"{title}\n\n" + "x" * 50_000)

    async def story(system):
        return await opened(system, wanted), await system.find(wanted.key)

    case, found = do(at, story)
    assert case.id == found.id
    assert case.title == title


def test_a_wrong_key_is_no_empty_list(real):
    with pytest.raises(CaseBlocked, match="tracker"):
        do(real, lambda system: system.probe(), **{real.secret: "wrong"})


def test_a_server_that_is_down_is_unreachable_and_nothing_was_sent(real):
    with pytest.raises(CaseUnreachable) as caught:
        do(real, lambda system: system.create(draft()), url="http://127.0.0.1:9")
    assert not caught.value.sent


def test_a_level_that_the_system_does_not_know_is_refused_or_told(real):
    severity = {"high": "no-such-level"}

    async def story(system):
        made = await system.create(draft())
        assert isinstance(made, Created)
        return await system.get(made.case_id)

    refused: CaseRefused | ValidationError | None = None
    case = None
    try:
        case = do(real, story, severity=severity)
    except (CaseRefused, ValidationError) as error:
        refused = error
    assert (case is not None and case.level != "high") or "priorit" in str(refused)
