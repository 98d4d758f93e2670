"""Secrets in what answers say beside their results: messages, warnings, reasons of what failed in part."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ..siem import fake_sumo  # noqa: TID252 (tests are no package on the path)
from ..siem.fake_search import FakeSearch  # noqa: TID252
from ..siem.fake_splunk import FakeSplunk  # noqa: TID252
from ..siem.fake_sumo import FakeSumo  # noqa: TID252
from ..siem.loopback import Answer, Loopback, Request, answer_json  # noqa: TID252
from .program import inside
from .test_secrets import FEW_RULES, SECRET, SETTINGS, USER, clean, forms

TOKEN = "eyJ0b2tlbg.Geheim~Token/+=.c2ln"
_HEAD = SECRET[:8]
"""Of a secret that is cut in the middle, this is left."""


def said(before: int) -> str:
    """A message that tells of missing results, and all that was sent, after so many characters."""
    coded = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
    return f"timed out{'.' * before} {SECRET} {coded} {json.dumps(SECRET)}"


@contextmanager
def splunk(told: str, **state: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    with FakeSplunk(token=SECRET) as fake:
        fake.messages, fake.page_messages, fake.state = [("ERROR", told)], [("ERROR", told)], state
        yield fake, SETTINGS["splunk-token"]


@contextmanager
def failed(told: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    with splunk(told, isFailed=True, dispatchState="FAILED") as found:
        yield found


@contextmanager
def exported(told: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    with splunk(told) as (fake, settings):
        yield fake, {**settings, "stream": True}


@contextmanager
def sumo(told: str, *, warns: bool = False) -> Iterator[tuple[Any, dict[str, Any]]]:
    with FakeSumo() as fake:
        fake.errors, fake.warnings = ([], [told]) if warns else ([told], [])
        yield fake, {**SETTINGS["sumo"], "access_id": fake_sumo.ID}


@contextmanager
def warned(told: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    with sumo(told, warns=True) as found:
        yield found


class Partial(Loopback):
    """Log Analytics and Graph: each answer but the time has an error beside its rows, with the token in it."""

    def __init__(self, told: str) -> None:
        super().__init__()
        self.told = told

    def answer(self, request: Request) -> Answer:
        if "/oauth2/" in request.path:
            return answer_json({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        table = {"name": "PrimaryResult", "columns": [{"name": "Now", "type": "datetime"}], "rows": [[now]]}
        found = {"tables": [table], "schema": [{"name": "Now", "type": "DateTime"}], "results": [{"Now": now}]}
        if b"print Now" in request.body:
            return answer_json(found)
        error = {"code": "PartialError", "message": f"{self.told} {request.headers['authorization']}"}
        return answer_json({**found, "error": {**error, "details": [error]}})


@contextmanager
def microsoft(told: str, kind: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    with Partial("." * 100 * (len(told) > 400) + told) as fake:  # more of it is shown
        yield fake, {**SETTINGS[kind], "login": fake.url}


def searching(told: str) -> Any:
    @contextmanager
    def made() -> Iterator[tuple[Any, dict[str, Any]]]:
        def change(answer: dict[str, Any]) -> dict[str, Any]:
            failure = {"index": "logs-a", "reason": {"type": "failed", "reason": told}}
            now = {"aggregations": {"now": {"buckets": [{"from": 1_770_000_000_000}]}}, "hits": {"hits": []}}
            shards = {"total": 2, "successful": 1, "failed": 1, "failures": [failure]}
            return {**answer, **now, "_shards": shards}

        with FakeSearch(change) as fake:
            yield fake, {**SETTINGS["opensearch"], "pushdown": "off"}

    return made()


WAYS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "splunk": ("splunk", splunk),
    "splunk, a search that failed": ("splunk", failed),
    "splunk, an export": ("splunk", exported),
    "sumo": ("sumo", sumo),
    "sumo, a warning": ("sumo", warned),
    "sentinel": ("sentinel", lambda told: microsoft(told, "sentinel")),
    "defender": ("defender", lambda told: microsoft(told, "defender")),
    "opensearch": ("opensearch", searching),
    "elasticsearch": ("elasticsearch", searching),
}


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exfilwatch.siem.http.wait", lambda _state: 0.0)
    monkeypatch.setattr("exfilwatch.siem.sumo._PACE", 0.0)
    monkeypatch.setattr("exfilwatch.siem.sumo._FIRST_LOOK", 0.0)
    monkeypatch.setattr("exfilwatch.siem.splunk._FIRST_LOOK", 0.0)
    monkeypatch.setattr(fake_sumo, "KEY", SECRET)


@pytest.mark.parametrize("before", [0, 485], ids=["short", "cut in a secret"])
@pytest.mark.parametrize("way", WAYS)
def test_what_an_answer_tells_leaves_no_secret_behind(way, before, tmp_path, monkeypatch, capsys):
    kind, make = WAYS[way]
    file, database = tmp_path / "exfilwatch.toml", tmp_path / "findings.sqlite"
    monkeypatch.setenv("EXFILWATCH_CONFIG", str(file))
    with make(said(before)) as (fake, settings):
        values = {"kind": kind, "url": fake.url, **settings}
        lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        file.write_text("\n".join(["[siem.main]", *lines]) + "\n")
        poll = ("poll", "main", *FEW_RULES, "--once", "--since", "2h", "--log", "debug", "--database", database)
        polled = inside(capsys, "--debug", *poll)
        runs = inside(capsys, "runs", "--database", database)
        checked = inside(capsys, "--debug", "check", "main", *FEW_RULES)
    assert polled.code == 3, polled
    assert "***" in polled.out + polled.err or before
    shown = "".join(ended.out + ended.err for ended in (polled, runs, checked))
    for where, left in [("output", shown.encode()), *((each.name, each.read_bytes()) for each in _left(tmp_path))]:
        clean(where, left)
        assert _HEAD.encode() not in left, f"{where} holds the head of a secret"
        assert not any(form in left for form in forms(TOKEN)), f"{where} holds a token"


def _left(folder: Path) -> list[Path]:
    return list(folder.glob("findings.sqlite*"))
