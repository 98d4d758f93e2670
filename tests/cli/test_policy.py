"""What `run` and `poll` do about incidents by `[policy]`: enrich, open, page."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from exfilwatch.findings.store import Store
from exfilwatch_playbooks import policy
from exfilwatch_playbooks.cases import registry
from exfilwatch_playbooks.cases.pagerduty import PagerDuty
from exfilwatch_playbooks.enrichment import enriching
from exfilwatch_playbooks.enrichment.keeping import Kept
from exfilwatch_playbooks.enrichment.model import Enrichment, Severity

from .program import Ended, inside
from .telemetry import BITSADMIN, process, write


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file, which a test writes."""
    monkeypatch.setenv("EXFILWATCH_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path / "config.toml"


def run(settings: Path, capsys: Any, text: str, *paths: Path) -> Ended:
    settings.write_text(f'database = "{settings.parent}/kept.sqlite"\n{text}')
    return inside(capsys, "run", *paths)


def store(settings: Path) -> Store:
    return Store(str(settings.parent / "kept.sqlite"))


def test_by_default_incidents_are_enriched_and_opened(settings: Path, logs: Path, capsys: Any) -> None:
    ended = run(settings, capsys, "", logs)
    assert ended.code == 0
    (case,) = [line["case"] for line in ended.lines if line["new"] == "case"]
    found = Kept(store(settings)).get(case["incident"])
    assert found is not None
    assert found.known
    assert "## What was found out" in case["body"] or found.known[0].label in case["body"]


def test_a_policy_of_never_does_nothing(settings: Path, logs: Path, capsys: Any) -> None:
    ended = run(settings, capsys, '[policy]\nenrich = "never"\nopen = "never"\npage = "never"\n', logs)
    assert [line["new"] for line in ended.lines] == ["finding"]
    (incident,) = store(settings).incidents()
    assert Kept(store(settings)).get(incident.id) is None


class _Pager(BaseHTTPRequestHandler):
    """Takes events as PagerDuty does."""

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.taken.append(event)  # type: ignore[attr-defined]
        answer = json.dumps(
            {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
        ).encode()
        self.send_response(202)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_said: object) -> None:
        return


@pytest.fixture
def pager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # As its entry point does, where the package is installed as it is now.
    monkeypatch.setattr(registry, "case_class", lambda _kind: PagerDuty)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pager)
    server.taken = []  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def systems(pager: Any) -> str:
    """A desk where cases are opened, and somebody on call."""
    oncall = f'url = "http://127.0.0.1:{pager.server_port}"\nrouting_key = "{"k" * 32}"\n'
    return f'[case.desk]\nkind = "local"\n[case.oncall]\nkind = "pagerduty"\n{oncall}[policy]\n'


def paged(pager: Any) -> list[str]:
    return [each["payload"]["summary"] for each in pager.taken if each["event_action"] == "trigger"]


def test_cases_are_opened_in_one_system_and_paged_in_another(
    settings: Path, logs: Path, tmp_path: Path, capsys: Any, pager: Any
) -> None:
    ended = run(settings, capsys, systems(pager), logs)
    assert "1 case opened, 1 page sent" in ended.err
    assert [line["new"] for line in ended.lines] == ["finding", "case"]
    assert len(paged(pager)) == 1
    again = run(settings, capsys, systems(pager), logs)
    assert "no case changed; kept" in again.err
    assert len(paged(pager)) == 1
    more = write(tmp_path / "more.jsonl", process(BITSADMIN, second=3000, Hostname="WS-99"))
    assert "1 case opened; kept" in run(settings, capsys, systems(pager) + 'page = "critical"\n', more).err
    assert len(paged(pager)) == 1


def test_nobody_is_paged_for_the_past(
    settings: Path, logs: Path, capsys: Any, pager: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(settings, capsys, "", logs)
    monkeypatch.setattr(policy, "_NEWS", policy._NEWS * 0)
    assert run(settings, capsys, systems(pager), logs).code == 0
    assert pager.taken == []


def test_a_page_that_fails_is_told_and_sent_later(settings: Path, logs: Path, capsys: Any, pager: Any) -> None:
    dead = systems(pager).replace(str(pager.server_port), "9")
    ended = run(settings, capsys, dead, logs)
    assert (ended.code, [line["new"] for line in ended.lines]) == (1, ["finding", "case"])
    assert "was not paged" in ended.err
    run(settings, capsys, systems(pager), logs)
    assert len(paged(pager)) == 1


def test_what_breaks_enrichment_keeps_no_case_from_being_opened(
    settings: Path, logs: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_given: object) -> None:
        raise ZeroDivisionError("no")

    monkeypatch.setattr(enriching, "of_incidents", breaks)
    ended = run(settings, capsys, "", logs)
    assert (ended.code, [line["new"] for line in ended.lines]) == (0, ["finding", "case"])
    assert "problem: enrichment broke" in ended.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[policy]\nopen = "grave"\n', "policy.open"),
        ('[policy]\nclose = "low"\n', "there is no such setting, use enrich, open, page, page_in"),
        ('[policy]\npage_in = ["oncall"]\n', "policy.page_in: there is no [case.oncall]"),
        ('[case.x]\nkind = "nonesuch"\n', "case.x: there is no case kind 'nonesuch'"),
        ("[enrichment.nonesuch]\n", "nonesuch"),
    ],
)
def test_wrong_settings_end_a_run_before_it_reads(
    text: str, said: str, settings: Path, logs: Path, capsys: Any
) -> None:
    ended = run(settings, capsys, text, logs)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert not (settings.parent / "kept.sqlite").exists() or store(settings).find() == []


def test_what_was_found_out_opens_a_case_that_the_rule_alone_would_not(settings: Path, logs: Path, capsys: Any) -> None:
    run(settings, capsys, '[policy]\nopen = "never"\n', logs)
    kept = store(settings)
    (incident,) = kept.incidents()
    assert not policy._is_found_grave(Kept(kept), incident, "critical")
    severity = Severity(before=incident.level, after="critical", reasons=("1.2 GB out",))
    made = Enrichment(of=incident.id, time=datetime(2026, 3, 12, tzinfo=UTC), facts=(), severity=severity)
    Kept(kept).put([made])
    assert policy._is_found_grave(Kept(kept), incident, "critical")


def test_a_poll_does_the_same(settings: Path, logs: Path, capsys: Any) -> None:
    siem = f'[siem.files]\nkind = "files"\npaths = ["{logs}"]\n'
    settings.write_text(f'database = "{settings.parent}/kept.sqlite"\n{siem}[case.desk]\nkind = "local"\n')
    ended = inside(capsys, "poll", "--once")
    assert ended.code == 0, ended.err
    (incident,) = store(settings).incidents()
    assert Kept(store(settings)).get(incident.id) is not None
    assert store(settings).pending("desk", "medium") == []
    assert store(settings).pending("local", "medium") != []
