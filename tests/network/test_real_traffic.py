"""The pack on records of traffic: which level each gets, and what recordings of other attacks give."""

import json
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.events.inputs import Limits, open_inputs
from exfilwatch.events.report import Report
from exfilwatch.rules.packs import FILTERS, pack

SHAPES = Path(__file__).parents[2] / "../shared/data/shapes"
LEVELS = ("informational", "low", "medium", "high", "critical")
BRANCH = "network_traffic"
ENDS = {"id.orig_h": "10.0.0.5", "id.orig_p": 62431, "id.resp_h": "203.0.113.5", "id.resp_p": 80}
HEAD = {"ts": 1773306842.5, "uid": "CPgXGz4Ck2S7ZKzsu8"}
PUT = {
    "trans_depth": 1,
    "method": "PUT",
    "host": "203.0.113.5",
    "uri": "/in/a.7z",
    "user_agent": "curl/8.0",
    "request_body_len": 900_000,
    "response_body_len": 10,
    "status_code": 201,
}
NEAR = {"id.resp_h": "192.168.0.4", "host": "192.168.0.4"}
REDIRECTOR = {"user_agent": "Microsoft-WebDAV-MiniRedir/10.0.18362", "uri": "/webdav/a.7z"}
CONN = {"proto": "tcp", "conn_state": "SF", "orig_bytes": 60_000_000, "resp_bytes": 20_000}
BROWSER = {"user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"}


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return load([pack("exfil"), FILTERS])


def found(rules: RuleSet, paths: list[Path]) -> list[Detection]:
    report = Report()
    return list(Engine(rules, report).run(open_inputs(list(map(str, paths)), report, Limits(), replayable=True)))


@pytest.mark.parametrize(
    ("record", "level"),
    [
        (PUT, "medium"),
        (PUT | BROWSER, "low"),
        (PUT | NEAR, "low"),
        (PUT | {"host": "transfer.sh"}, "high"),
        (PUT | {"uri": "/in/mail.pst"}, "high"),
        (PUT | {"uri": "/in/a.txt"}, None),
        (PUT | REDIRECTOR, "high"),
        (PUT | REDIRECTOR | NEAR, "medium"),
        (PUT | REDIRECTOR | {"uri": "/x/a.txt"}, "medium"),
        (PUT | REDIRECTOR | NEAR | {"uri": "/x/a.txt"}, "low"),
        (PUT | {"uri": "/in/a", "request_body_len": 3_000_000}, "medium"),
        (CONN, "low"),
        (CONN | {"orig_bytes": 700_000_000}, "low"),
        (CONN | {"orig_bytes": 700_000_000, "id.resp_h": "10.9.0.4"}, "low"),
        (CONN | {"id.resp_h": "10.9.0.4"}, None),
        (CONN | {"resp_bytes": 50_000_000}, None),
    ],
)
def test_a_record_of_zeek_gets_the_level(
    rules: RuleSet, tmp_path: Path, record: dict[str, Any], level: str | None
) -> None:
    path = tmp_path / "zeek.json"
    path.write_text(json.dumps(HEAD | ENDS | record) + "\n", "utf-8")
    levels = [each.rule.level for each in found(rules, [path])]
    assert max(levels, key=LEVELS.index, default=None) == level


def test_the_upload_in_a_recording_is_found_and_nothing_else_in_its_traffic_is_above_low(rules: RuleSet) -> None:
    """`PUT /webdav/OfficeSupplies.7z` to a private address stands in one of the two halves of the recordings."""
    recordings = sorted(SHAPES.glob("*zeek*.zip"))
    if not recordings:
        pytest.skip(f"needs {SHAPES}")
    seen = [each for each in found(rules, recordings) if each.rule.branch == BRANCH]
    uploads = [each for each in seen if str(each.fields.get("uri", "")).startswith("/webdav/")]
    others = [each for each in seen if each not in uploads]
    assert [each.fields for each in others if LEVELS.index(each.rule.level) > LEVELS.index("low")] == []
    if not uploads:
        pytest.skip(f"none of {len(recordings)} recordings in {SHAPES} has the upload")
    assert max((each.rule.level for each in uploads), key=LEVELS.index) == "medium"
