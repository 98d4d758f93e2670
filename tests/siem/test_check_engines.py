"""`check` against real search engines: rights, indices, fields, times, and command lines."""

import time
from datetime import UTC, datetime

import pytest

from ..polling.checked import checked, outcomes, said  # noqa: TID252 (tests are no package on the path)
from ..servers.search_engine import WITHOUT_INDICES, WITHOUT_MAPPINGS  # noqa: TID252
from .engines import KEYWORDS, engine, someone_else


def at(seconds: float) -> str:
    return datetime.fromtimestamp(time.time() + seconds, UTC).isoformat()


def process(seconds: float, late: float = 3.0, **fields: object) -> dict[str, object]:
    """Sysmon's event 1 as winlogbeat has it."""
    return {
        "@timestamp": at(seconds),
        "event": {"code": "1", "kind": "event", "provider": "Microsoft-Windows-Sysmon", "ingested": at(seconds + late)},
        "winlog": {
            "channel": "Microsoft-Windows-Sysmon/Operational",
            "event_id": "1",
            "provider_name": "Microsoft-Windows-Sysmon",
            "computer_name": "ws1",
        },
        "process": {"executable": "C:\\x.exe", "command_line": "x --upload", "name": "x.exe"},
        "host": {"name": "ws1"},
        **fields,
    }


def security(seconds: float) -> dict[str, object]:
    """4688 as winlogbeat has it, from a host without the audit policy."""
    channel = {"channel": "Security", "event_id": "4688", "provider_name": "Microsoft-Windows-Security-Auditing"}
    return process(
        seconds,
        event={"code": "4688", "kind": "event", "ingested": at(seconds + 3)},
        winlog={**channel, "computer_name": "ws1", "event_data": {"NewProcessName": "C:\\x.exe"}},
        process={"executable": "C:\\x.exe", "name": "x.exe"},
    )


def filled(searching, documents, part="a"):
    dates = {"event": {"properties": {"ingested": {"type": "date"}}}}
    searching.create(part, {**KEYWORDS, "properties": dates})
    searching.put(documents, part)


def test_an_engine_that_is_well(searching):
    filled(searching, [process(-60 * n) for n in range(1, 30)])
    steps = checked(searching.settings())
    assert set(outcomes(steps).values()) <= {"ok", "warning"}
    assert "29 of 29 processes of sysmon" in said(steps, "command lines")
    assert "3 s (p50)" in said(steps, "lateness")
    assert 'clock = "ingest"' in said(steps, "settings")
    assert "there is no network_connection" in said(steps, "categories")


def test_4688_without_command_lines_and_events_that_come_late(searching):
    filled(searching, [security(-60 * n) for n in range(1, 30)] + [process(-40 * 3600, 39 * 3600)])
    steps = checked(searching.settings(late="1d"))
    assert outcomes(steps)["command lines"] == "failure"
    assert "Include command line in process creation events" in said(steps, "command lines")
    assert 'late = "2d"' in said(steps, "settings")


def test_an_index_that_is_not_there_one_without_time_and_one_without_ingest_time(searching):
    steps = checked(searching.settings())
    assert steps[-1].outcome == "failure"
    assert "no index has such a name" in steps[-1].said
    searching.client.put(f"/{searching.name()}", json={"mappings": {"properties": {"@timestamp": {"type": "keyword"}}}})
    steps = checked(searching.settings())
    assert outcomes(steps)["places"] == "failure"
    assert "@timestamp is keyword, not a date: set `time_field`" in said(steps, "places")
    searching.create("b", KEYWORDS)
    searching.put([{**process(-60), "event": {"code": "1"}}], "b")
    steps = checked(searching.settings(indices=[searching.name("b")]))
    assert 'clock = "event"' in said(steps, "settings")
    assert "the events don't say when they were taken in" in said(steps, "lateness")


def test_events_of_the_future_are_told(searching):
    filled(searching, [process(1800 - n) for n in range(1, 20)] + [process(-60)])
    steps = checked(searching.settings())
    assert "ahead of its clock" in said(steps, "places")


def test_a_wrong_password_and_rights_that_are_missing(secured):
    filled(secured, [process(-60)])
    steps = checked(secured.settings(password="wrong"))
    assert (steps[-1].name, steps[-1].unreadable) == ("account", True)
    assert "unable to authenticate user [exfilwatch] for REST request [" in steps[-1].said
    assert "filter_path" not in steps[-1].said
    for who in (WITHOUT_MAPPINGS, WITHOUT_INDICES):
        steps = checked(secured.settings(**someone_else(who)))
        assert steps[-1].outcome == "failure"
        assert "give the account `read` and `view_index_metadata`" in steps[-1].said


def test_a_certificate_that_is_not_trusted(secured):
    steps = checked(secured.settings(ca=None))
    assert (steps[-1].name, steps[-1].unreadable) == ("connection", True)
    assert "set `ca` to the file of the authority that signed it" in steps[-1].said


@pytest.mark.parametrize("kind", ["opensearch", "elasticsearch"])
def test_the_other_kind_of_engine_is_told(kind, request):
    other = {"opensearch": "elasticsearch", "elasticsearch": "opensearch"}[kind]
    with engine(kind, request.getfixturevalue(kind)) as searching:
        filled(searching, [process(-60)])
        steps = checked({"user": "any", "password": "any", **searching.settings(), "kind": other})
    assert (steps[-1].name, steps[-1].unreadable) == ("connection", True)
    assert f'set kind = "{kind}"' in steps[-1].said or f'kind = "{kind}" for' in steps[-1].said


def test_where_none_are_set_no_credentials_are_said_to_be_taken(opensearch):
    with engine("opensearch", opensearch) as searching:
        filled(searching, [process(-60)])
        assert said(checked(searching.settings()), "account").strip() == (
            "none is asked for: the settings have no credentials"
        )


@pytest.mark.parametrize("refused", ["127.0.0.1:1"])
def test_a_server_that_is_not_there(refused, monkeypatch):
    monkeypatch.setattr("exfilwatch.siem.http.wait", lambda _state: 0.0)
    steps = checked({"kind": "opensearch", "url": f"http://{refused}", "indices": ["a"]})
    assert (steps[-1].name, steps[-1].unreadable) == ("connection", True)
