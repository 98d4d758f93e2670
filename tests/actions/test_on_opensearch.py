"""What looks into a SIEM, on a real OpenSearch: the same answers as over files that hold the same events.

The demo's three stories of Windows, as winlogbeat has them under ECS's mapping, and flat under what OpenSearch makes of
documents that no mapping names.
"""

import asyncio
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from exfilwatch.detection.rule import RuleSet
from exfilwatch.errors import SourceError
from exfilwatch.findings.node import host_key, user_key
from exfilwatch_playbooks.actions.perform import perform

from ..siem.engines import Engine, engine  # noqa: TID252 (tests are no package on the path)
from .kept import Around, context

DATA = files("exfilwatch_playbooks.demo").joinpath("data")
WORDS = {"type": "keyword", "ignore_above": 1024}
ECS: dict[str, Any] = {
    "dynamic_templates": [{"words": {"match_mapping_type": "string", "mapping": WORDS}}],
    "properties": {
        "winlog": {"properties": {"event_data": {"properties": {"CommandLine": {"type": "text"}}}}},
        "message": {"type": "text"},
    },
}
SPAN = {"since": "2026-11-17", "until": "2026-11-18"}
HEAD = {
    "EventID",
    "Channel",
    "SourceName",
    "Hostname",
    "@timestamp",
    "TimeCreated",
    "ProviderGuid",
    "Keywords",
    "Level",
}
ONLY_HERE = {"source", "sources", "line", "asked", "records", "summary"}


def ecs(flat: dict[str, Any]) -> dict[str, Any]:
    """A record of Windows as winlogbeat sends it; what is none, as it is."""
    if "EventID" not in flat:
        return flat
    return {
        "@timestamp": flat["@timestamp"],
        "event": {"code": str(flat["EventID"]), "provider": flat["SourceName"]},
        "host": {"name": flat["Hostname"].partition(".")[0].lower()},
        "winlog": {
            "channel": flat["Channel"],
            "event_id": str(flat["EventID"]),
            "provider_name": flat["SourceName"],
            "computer_name": flat["Hostname"],
            "event_data": {name: str(value) for name, value in flat.items() if name not in HEAD},
        },
    }


def documents() -> list[dict[str, Any]]:
    """The events of the three stories, each with a time that OpenSearch can ask by."""
    found = []
    for name in sorted(each.name for each in DATA.iterdir() if each.name.startswith("scenario-")):
        if name.endswith(".jsonl"):
            found += [json.loads(line) for line in DATA.joinpath(name).read_text("utf-8").splitlines()]
    return [{"@timestamp": each.get("Timestamp", each.get("TimeGenerated")), **each} for each in found]


class Both(NamedTuple):
    """The same records in an index and in a file, each with a store of its own, and what a hunt finds of each."""

    there: Around
    here: Around
    found: tuple[Any, Any]


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with engine("opensearch", request.getfixturevalue("opensearch")) as found:
        yield found


@pytest.fixture(scope="module", params=["ecs", "flat"])
def both(
    request: pytest.FixtureRequest, server: Engine, tmp_path_factory: pytest.TempPathFactory, rules: RuleSet
) -> Both:
    folder = tmp_path_factory.mktemp(request.param)
    made = documents() if request.param == "flat" else list(map(ecs, documents()))
    file = folder / "events.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in made))
    server.create(request.param, ECS if request.param == "ecs" else None)
    server.put(made, request.param)
    real = server.settings(indices=[server.name(request.param)])
    (folder / "there").mkdir()
    there = context(folder / "there", rules, {"siem": {"os": real}})
    here = context(folder, rules, {"siem": {"os": {"kind": "files", "paths": [str(file)]}}})
    return Both(there, here, (asked("hunt", there, **SPAN), asked("hunt", here, **SPAN)))


def asked(name: str, work: Around, **given: object) -> Any:
    """What an action answers, as data; with a client of its own, as clients belong to a loop."""

    async def ask() -> Any:
        async with Around(work.settings, lambda: work.store, lambda: work.rules, who="anna", clock=work.clock) as own:
            return await perform(name, given, own)

    return asyncio.run(ask())


def told(answer: Any) -> Any:
    """What it says, but for where it was read."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bare(each) for name, each in value.items() if name not in ONLY_HERE}
        return [bare(each) for each in value] if isinstance(value, list) else value

    return bare(answer.model_dump(mode="json"))


def test_a_hunt_finds_the_same(both: Both) -> None:
    there, here = both.found
    assert told(there) == told(here)
    assert there.found > 15
    assert there.problems == []
    assert "not all" not in there.summary


@pytest.mark.parametrize(
    ("hosts", "users"),
    [
        ("ws-acc-07", ""),
        ("", "l.hoffmann@nordwind.example"),
        ("ws-acc-07", "OTHER\\L.Hoffmann"),
        ('" OR *, ws-acc-07" | delete, a*', ""),
    ],
)
def test_a_hunt_of_some_finds_what_one_of_all_finds_of_them(both: Both, hosts: str, users: str) -> None:
    _check_hunt_of(both, hosts, users)


# Under a mapping that nobody made, a search engine is long at it.
@pytest.mark.parametrize("both", ["ecs"], indirect=True)
@pytest.mark.parametrize(
    ("hosts", "users"),
    [
        ("WS-HR-03.elsewhere.example, ws-lab-12", ""),
        ("WS-ACC-0", ""),
        ("", "nobody"),
        ("", "*, NORDWIND\\*, ') or 1=1"),
    ],
)
def test_a_hunt_of_others_does_so_too(both: Both, hosts: str, users: str) -> None:
    _check_hunt_of(both, hosts, users)


def _check_hunt_of(both: Both, hosts: str, users: str) -> None:
    everybody, _ = both.found
    some = asked("hunt", both.there, **SPAN, hosts=hosts, users=users, dry_run=True)
    on = {host_key(each.strip(), "") for each in hosts.split(",") if each.strip()}
    wanted = {each.id for each in asked("hunt", both.here, **SPAN, hosts=hosts, users=users, dry_run=True).findings}
    assert {each.id for each in some.findings} == wanted
    assert all(host_key(each.host, "") in on for each in some.findings if on)
    assert wanted < {each.id for each in everybody.findings}
    if users == "l.hoffmann@nordwind.example":
        assert wanted
        assert user_key(users) == "l.hoffmann"


def test_only_their_records_are_asked_for(both: Both) -> None:
    given = {**SPAN, "rules": "Upload By A Program That Windows Brings Along", "dry_run": True}
    assert asked("hunt", both.there, **given).found > 0
    nothing = asked("hunt", both.there, **given, hosts="ws-acc-07")
    assert (nothing.found, nothing.records < asked("hunt", both.there, **given).records) == (0, True)


@pytest.mark.parametrize(
    ("action", "given"),
    [
        ("get_timeline", {"minutes": 60, "elsewhere": True}),
        ("get_process_tree", {}),
        ("find_related", {}),
        ("estimate_volume", {}),
        ("enrich_finding", {}),
        ("explain_finding", {}),
    ],
)
def test_an_action_answers_the_same(both: Both, action: str, given: dict[str, object]) -> None:
    ids = [each.id for each in both.here.store.find() if len(each.events) == 1][::4]
    assert len(ids) >= 3
    for finding in ids:
        there, here = (asked(action, work, finding=finding, **given) for work in (both.there, both.here))
        assert told(there) == told(here), finding


def test_the_timeline_and_the_tree_have_something_to_say(both: Both) -> None:
    found = both.there.store.find(host="ws-acc-07")
    upload = next(each for each in found if [event.category for event in each.events] == ["process_creation"])
    timeline = asked("get_timeline", both.there, finding=upload.id)
    assert len(timeline.events) > 3
    assert [each.evidence for each in timeline.events].count(True) == 1
    assert len(asked("get_process_tree", both.there, finding=upload.id).processes) > 1


@pytest.mark.parametrize("both", ["ecs"], indirect=True)
def test_the_queries_of_a_plan_are_taken_and_show_the_command(both: Both, server: Engine) -> None:
    found = both.there.store.find(host="ws-acc-07")
    upload = next(each for each in found if [event.category for event in each.events] == ["process_creation"])
    plan = asked("get_response_plan", both.there, finding=upload.id, form="steps", siem="opensearch").plan
    answers = {}
    for query in (each for step in plan.steps for each in step.queries):
        body = json.loads(query.text) | {"track_total_hits": True}
        answers[query.title] = server.client.post(f"/{server.name('ecs')}/_search", json=body).json()["hits"]
    shown = answers["What the host and the user ran around it"]["hits"]
    command = upload.events[0].fields["CommandLine"]
    assert command in [each["_source"]["winlog"]["event_data"].get("CommandLine") for each in shown]
    assert answers["Hosts and users that ran the same program in the last 30 days"]["total"]["value"] > 0


@pytest.mark.parametrize("action", ["hunt", "get_timeline", "find_related"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"url": "http://127.0.0.1:9"}, "nothing listens there"), ({"indices": ["no-such-index"]}, "no-such-index")],
)
def test_no_answer_is_no_half_answer(
    both: Both,
    server: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    wrong: dict[str, object],
    said: str,
) -> None:
    monkeypatch.setattr("exfilwatch.siem.http.wait", lambda _state: 0.0)
    broken = context(tmp_path, both.there.rules, {"siem": {"os": {**server.settings(), **wrong}}})
    (upload, *_) = both.there.store.find(host="ws-acc-07")
    broken.store.save([upload])
    given = SPAN if action == "hunt" else {"finding": upload.id}
    with pytest.raises(SourceError, match=said):
        asked(action, broken, **given)
