"""The files of a case: its evidence as JSON lines, a line for each event, as it was."""

import json
from collections.abc import Sequence

from exfilwatch.findings.finding import Finding
from exfilwatch_playbooks.cases.case import Attachment


def attachments(wanted: Sequence[str], findings: Sequence[Finding], limit: int) -> list[Attachment]:
    """The files of these kinds about these findings, each of at most `limit` bytes, the same for the same findings."""
    return [evidence(findings, limit)] if "evidence" in wanted and findings else []


def evidence(findings: Sequence[Finding], limit: int) -> Attachment:
    """JSON lines: {"finding": id, "rule": ..., "event": {...}}, in order of time.

    What does not fit is left out whole, and counted in a last line: {"left_out": 7}.
    """
    ordered = sorted(findings, key=lambda finding: (finding.time is not None and finding.time.timestamp(), finding.id))
    lines: list[bytes] = []
    room = limit - 64
    left_out = 0
    for finding in ordered:
        rule = {"id": finding.rule.id, "title": finding.rule.title, "level": finding.rule.level}
        for event in finding.events:
            said = {"finding": finding.id, "rule": rule, "event": event.model_dump(mode="json")}
            # ASCII only, so that NUL and lone surrogates of hostile input fit anywhere.
            line = json.dumps(said, sort_keys=True).encode() + b"\n"
            if len(line) <= room:
                lines.append(line)
                room -= len(line)
            else:
                left_out += 1
    if left_out:
        lines.append(json.dumps({"left_out": left_out}).encode() + b"\n")
    return Attachment(stem="evidence", suffix=".jsonl", media="application/x-ndjson", content=b"".join(lines))
