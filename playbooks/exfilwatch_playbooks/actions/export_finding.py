"""Export findings for other systems: OCSF Detection Finding, STIX 2.1, CSV or JSON.

OCSF and JSON have a line for each finding, STIX is one bundle, CSV runs no formula. Texts of events are in it as they
were logged; nothing is defanged.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch.errors import ConfigError
from exfilwatch.findings.finding import Finding
from exfilwatch_playbooks.actions.answer import Answer
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import names
from exfilwatch_playbooks.report.wording import counted

CHANGES = False
_MEDIA = {
    "ocsf": "application/x-ndjson",
    "stix": "application/stix+json;version=2.1",
    "csv": "text/csv; charset=utf-8",
    "json": "application/x-ndjson",
}
_MOST = 1_000


class Input(BaseModel):
    """Which findings, and in which form."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"finding": "3fa9c2d1", "form": "ocsf"}, {"incident": "77ab01", "form": "stix"}]
        }
    )
    finding: str = Field(default="", description="Ids of findings, or beginnings of them, with commas between.")
    incident: str = Field(default="", description="Instead: all of this incident.")
    form: Literal["ocsf", "stix", "csv", "json"] = Field(default="json", description="The form.")


class Output(Answer):
    """`content` is what a file of this `media_type` holds."""

    form: str
    media_type: str
    count: int
    content: str


async def run(given: Input, context: Context) -> Output:
    """Write them in the form."""
    if bool(given.finding.strip()) == bool(given.incident.strip()):
        raise ConfigError("export_finding: give either finding or incident")
    asked = names(given.finding)
    if given.incident:
        found = context.store.find(incident=given.incident)[::-1]
    else:
        found = list({each.id: each for each in map(context.store.get, asked)}.values())
    if len(found) > _MOST:
        raise ConfigError(f"export_finding: {len(found):,} findings are too many for one answer: {_MOST:,} at most")
    content = _written(given.form, found, context)
    count = counted(len(found), "finding")
    return Output(
        summary=f"{count} as {given.form}",
        form=given.form,
        media_type=_MEDIA[given.form],
        count=len(found),
        content=content,
    )


def _written(form: str, findings: list[Finding], context: Context) -> str:
    from exfilwatch_playbooks.cli.jsonl import line

    now, marks = context.clock(), context.store.marks(each.id for each in findings)
    if form == "csv":
        from exfilwatch_playbooks.exports import spreadsheet

        rows = [spreadsheet.header(), *map(spreadsheet.row, findings)]
        return "".join(f"{row.decode()}\r\n" for row in rows)
    if form == "stix":
        from exfilwatch_playbooks.exports.stix import bundle

        return f"{line(bundle(findings, now=now)).decode()}\n"
    if form == "json":
        kept = [
            each.model_dump(mode="json")
            | ({"mark": marks[each.id].model_dump(mode="json")} if each.id in marks else {})
            for each in findings
        ]
        return "".join(f"{line(each).decode()}\n" for each in kept)
    from exfilwatch_playbooks.exports.ocsf import detection_finding

    rules = {info.id: info for info in context.rules.infos}
    made = (
        detection_finding(each, mark=marks.get(each.id), rule=rules.get(each.rule.id), now=now) for each in findings
    )
    return "".join(f"{line(each).decode()}\n" for each in made)
