"""What is Redmine's alone, on a real one: its traps, what its settings mean, what its pages show of hostile text."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from exfilwatch.errors import CaseBlocked, CaseRefused
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.case import Draft, Note
from exfilwatch_playbooks.cases.document import Code, CodeBlock, Document, Items, Paragraph, Quote, Text
from exfilwatch_playbooks.cases.redmine import Redmine
from exfilwatch_playbooks.cases.render.redmine_markdown import REDMINE_MARKDOWN
from exfilwatch_playbooks.cases.system import Created
from exfilwatch_playbooks.hostile import visible

from ..hostile_corpus import CORPUS  # noqa: TID252 (tests are no package on the path)
from ..rendered import Page  # noqa: TID252
from ..servers.redmine import READER  # noqa: TID252
from .trackers import Place, place

# What Redmine makes links, pictures and other people's business of.
ACTS = [
    "{{include(Wiki)}} {{toc}} !{{hello_world}} {{collapse(x) y }} {{thumbnail(a.png)}}",
    "!http://127.0.0.1:9/beacon.png! !>a.png! !a.png!:http://127.0.0.1:9/",
    "#1 ##1 #1-2 #1#note-1 Bug #1",
    "@exfilwatch @reader, (@exfilwatch) user#5 user:exfilwatch user:@reader",
    "commit:0123456789abcdef r1 incidents:r1 commit:incidents|0123456789abcdef 0123456789abcdef01234567",
    "[[Wiki]] [[incidents:Wiki|shown]] [[#part]] ![[Wiki]]",
    "source:/etc/passwd source:a.c@52#L120 export:a.c attachment:evidence.jsonl document#1 document:x file#1",
    'version#1 version:1.0 forum#1 message#1 news#1 project#1 project:incidents news:"x" wiki:Wiki note-1 #note-1',
    '"here":http://127.0.0.1:9/ http://127.0.0.1:9/ www.example.org mailto:a@example.org \\\\server\\share',
    '<pre>x</pre></pre><code class="ruby">y</code></code> <notextile><b>z</b></notextile> ==<b>z</b>==',
    "h1. big\n\n* item\n\n|_. a |b|\n\nbq. said\n\nfn1. note[1]\n\np(#id). {color:red}x %{color:red}y%",
]


FORMATTING = "X-Text-Formatting"
FORMATTINGS = {"textile": "textile", "common_mark": "markdown", "markdown": "markdown"}
MENTIONED = re.compile(r"(?:^|\W)@[A-Za-z0-9_.@-]", re.MULTILINE)


def the(kind: str, request: pytest.FixtureRequest, tmp_path: Any) -> Place:
    return place(kind, request.config, Store(str(tmp_path / "store.sqlite")))


@pytest.fixture
def at(request, tmp_path) -> Place:
    return the("redmine", request, tmp_path)


@pytest.fixture
def without_field(request, tmp_path) -> Place:
    return the("redmine-without-field", request, tmp_path)


def do(at: Place, what: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
    async def doing() -> Any:
        system = at.make(**options)
        try:
            return await what(system)
        finally:
            await system.close()

    return asyncio.run(doing())


class Formatting(httpx.AsyncHTTPTransport):
    """Redmine reads texts as if this were set."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers[FORMATTING] = self._name
        return await super().handle_async_request(request)


def asked(at: Place, path: str, formatting: str = "textile", **params: str) -> httpx.Response:
    """What Redmine answers to our account."""
    known = {"X-Redmine-API-Key": at.settings["api_key"], FORMATTING: formatting}
    return httpx.get(at.settings["url"] + path, params=params, headers=known, trust_env=False, timeout=120)


def issue(at: Place, case_id: str) -> dict[str, Any]:
    found: dict[str, Any] = asked(at, f"/issues/{case_id}.json", include="relations,journals,attachments").json()[
        "issue"
    ]
    return found


def draft(**changes: Any) -> Draft:
    key = secrets.token_hex(8)
    told = {"incident": key, "title": f"Upload {key}", "level": "high", "body": "What happened", "findings": ("f1",)}
    return Draft(**{**told, **changes})


async def opened(system: Redmine, wanted: Draft) -> str:
    made = await system.create(wanted)
    assert isinstance(made, Created)
    return (await system.converge(wanted.key, made.case_id)).id


def test_a_case_without_a_field_of_ours_is_found_by_its_text_and_gone_on_with_once_there_is_a_field(at, without_field):
    wanted = draft()
    case_id = do(without_field, lambda system: opened(system, wanted))

    async def found(system):
        return [await system.find(key) for key in (wanted.key, wanted.key[:-1], wanted.key + "0")]

    for each in (without_field, at):
        whole, *parts = do(each, found)
        assert whole.id == case_id
        assert parts == [None, None]


def test_a_key_that_the_server_dropped_from_its_field_is_found_in_the_text(at):
    wanted = draft()
    case_id = do(at, lambda system: opened(system, wanted))
    known = {"X-Redmine-API-Key": at.settings["api_key"]}
    emptied = {"issue": {"custom_fields": [{"id": 1, "value": ""}]}}
    httpx.put(f"{at.settings['url']}/issues/{case_id}.json", json=emptied, headers=known, trust_env=False, timeout=60)
    assert {each["name"]: each["value"] for each in issue(at, case_id)["custom_fields"]}["Incident key"] == ""
    assert do(at, lambda system: system.find(wanted.key)).id == case_id


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"project": "no-such"}, "404"),
        ({"tracker": "Incident"}, "no 'Incident', only Bug, Feature, Support"),
        ({"key_field": "Ticket"}, "custom field: Redmine has no 'Ticket', only Incident key, Site, Not a filter"),
        ({"opened": "Neu"}, "only New, In Progress, Resolved, Feedback, Closed, Rejected"),
        ({"closed_as": "Resolved"}, "Resolved does not close issues"),
        ({"severity": {"high": "Hoch"}}, "severity.high, a priority: Redmine has no 'Hoch', only Low, Normal"),
        ({"assignee": "Nobody Example"}, "assignee: Redmine has no 'Nobody Example', only "),
        ({"fields": {"Place": "x"}}, "fields.Place, a custom field: Redmine has no 'Place'"),
        ({"api_key": READER.password}, "reader lacks in Incidents: add_issues, edit_issues or edit_own_issues, "),
        ({"url": "http://127.0.0.1:9"}, "tracker"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_what_the_settings_name_and_redmine_does_not_have_is_said_before_the_first_case(at, settings, says):
    with pytest.raises(Exception, match=re.escape(says)) as caught:
        do(at, lambda system: system.probe(), **settings)
    assert isinstance(caught.value, CaseBlocked) or "url" in settings


def test_a_field_that_is_no_filter_is_no_way_to_look_for_a_case(at):
    """Redmine leaves the filter out, and answers with every issue."""
    do(at, lambda system: opened(system, draft()))
    with pytest.raises(CaseBlocked, match="left out the filter cf_3"):
        do(at, lambda system: system.probe(), key_field="Not a filter")


def test_what_the_settings_ask_for_is_what_the_issue_has(at):
    options = {
        "private": True,
        "tracker": "Support",
        "assignee": "me",
        "fields": {"Site": "Hamburg", "due_date": "2031-01-31"},
        "severity": {"high": "Low", "informational": "Immediate", "critical": "Urgent"},
    }
    wanted = draft(fields=options["fields"])
    case_id = do(at, lambda system: opened(system, wanted), **options)
    made = issue(at, case_id)
    assert (made["is_private"], made["due_date"]) == (True, "2031-01-31")
    named = ("tracker", "assigned_to", "priority")
    assert [made[each]["name"] for each in named] == ["Support", "exfilwatch Example", "Low"]
    values = {each["name"]: each["value"] for each in made["custom_fields"]}
    assert (values["Site"], values["Incident key"]) == ("Hamburg", wanted.key)
    assert do(at, lambda system: system.get(case_id), **options).level == "high"


def test_a_duplicate_is_related_and_closed_and_no_duplicate_once_it_is_opened_again(at):
    first, second = draft(), draft()

    async def story(system):
        stays, goes = await opened(system, first), await opened(system, second)
        for _ in range(2):
            await system.supersede(goes, stays)
        return stays, goes, await system.get(goes)

    stays, goes, gone = do(at, story)
    (relation,) = issue(at, goes)["relations"]
    assert (relation["relation_type"], relation["issue_id"], relation["issue_to_id"]) == (
        "duplicates",
        int(goes),
        int(stays),
    )
    assert (gone.status, gone.duplicate_of) == ("duplicate", stays)
    assert do(at, lambda system: system.set_status(goes, "open")).status == "open"
    assert "relations" not in issue(at, goes)


def test_a_case_that_follows_a_closed_one_is_related_to_it(at):
    async def story(system):
        old = await opened(system, draft())
        return old, await opened(system, draft(follows=old))

    old, new = do(at, story)
    (relation,) = issue(at, new)["relations"]
    assert relation["relation_type"] == "relates"
    assert {relation["issue_id"], relation["issue_to_id"]} == {int(old), int(new)}


def test_notes_that_are_added_at_once_are_all_there(at):
    """Redmine refuses all but one of those who change an issue at once, without a reason."""
    case_id = do(at, lambda system: opened(system, draft()))
    marks = [f"findings {number:032x}" for number in range(6)]

    async def one(mark: str) -> None:
        system = at.make()
        await system.add_note(case_id, Note(key=mark, text="more"))
        await system.close()

    async def everyone() -> None:
        await asyncio.gather(*map(one, marks))

    asyncio.run(everyone())
    assert set(marks) <= do(at, lambda system: system.get(case_id)).marks


def test_an_id_of_the_case_that_goes_on_is_none_that_was_made_up(at):
    with pytest.raises(CaseRefused):
        do(at, lambda system: system.supersede("1/../2", "1"))


def squeeze(text: str) -> str:
    return re.sub(r"\s", "", text)


def everywhere(text: str) -> Document:
    return (
        Paragraph((Text(text, 5000), " and ", Code(text, 5000))),
        CodeBlock(text),
        Items(((Text(text, 5000),), (Code(text, 5000),))),
        Quote(((Text(text, 5000),),)),
    )


@pytest.mark.parametrize("formatting", FORMATTINGS)
def test_redmines_own_page_shows_hostile_text_as_text(at, formatting):
    """The page that people see, with macros, links and mentions, not only the formatter: as description and as note."""
    texts = [*ACTS, *CORPUS[::12]]
    halves = texts[::2], texts[1::2]

    async def story(system):
        written = [
            system.renderer.write(tuple(block for text in half for block in everywhere(text))) for half in halves
        ]
        case_id = await opened(system, draft(body=written[0]))
        await system.add_note(case_id, Note(key=f"findings {'ab' * 16}", text=written[1]))
        return case_id

    options = {"formatting": FORMATTINGS[formatting], "transport": Formatting(formatting)}
    page = asked(at, f"/issues/{do(at, story, **options)}", formatting)
    assert page.status_code == 200
    wikis = re.findall(r'<div[^>]*class="wiki[^>]*>(.*?)</div>', page.text, re.DOTALL)
    assert len(wikis) == 2
    for wiki, half in zip(wikis, halves, strict=True):
        shown = Page(wiki)
        assert set(shown.tags) <= {"p", "code", "pre", "ul", "li", "blockquote", "br", "div"}
        everything = "".join(each for texts in shown.texts.values() for each in texts)
        squeezed = squeeze(everything)
        missing = [text for text in half if squeeze(visible(text.replace("\r\n", "\n"), keep="\n\t")) not in squeezed]
        assert missing == []


def test_nobody_is_mentioned_in_markdown():
    """Redmine looks for people in the text as it was sent, without what stands between fences."""
    written = REDMINE_MARKDOWN.write(tuple(block for text in [*ACTS, *CORPUS] for block in everywhere(text)))
    outside = re.sub(r"(~~~|```)(.*?)(~~~|```)", "", written, flags=re.DOTALL)
    assert MENTIONED.findall(outside) == []
    assert "{{" not in written


@pytest.mark.parametrize(("is_set", "read_as"), FORMATTINGS.items())
def test_another_formatting_than_redmine_has_is_said_before_the_first_case(at, is_set, read_as):
    do(at, lambda system: opened(system, draft()))
    for formatting in ("textile", "markdown"):
        options = {"formatting": formatting, "transport": Formatting(is_set)}
        if formatting == read_as:
            assert do(at, lambda system: system.probe(), **options).who == "exfilwatch"
        else:
            with pytest.raises(CaseBlocked, match=f"reads texts as {read_as}: set `formatting`"):
                do(at, lambda system: system.probe(), **options)


def test_who_gets_the_cases_may_be_any_of_many_members(at):
    wanted = draft()
    case_id = do(at, lambda system: opened(system, wanted), assignee="member 104 example")
    assert issue(at, case_id)["assigned_to"]["name"] == "Member 104 Example"
