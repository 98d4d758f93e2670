"""Make the report of an incident: one HTML page that needs nothing else.

Summary, timeline, what was run, process tree, destinations, other hosts, response steps and raw evidence, with what
enrichment last found. The answer holds the page; `exfilwatch report` writes it to a file.
"""

import hashlib

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch_playbooks.actions.answer import Answer
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import IncidentId

CHANGES = False
REFERENCES = ("RA6001",)


class Input(BaseModel):
    """Which."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"incident": "4b77887a"}]})
    incident: IncidentId


class Output(Answer):
    """The page. Its own policy lets nothing in it run, load or leave, whatever stands in it."""

    incident: str = Field(description="The incident's whole id.")
    file_name: str = Field(description="A name for the file.")
    media_type: str = Field(description="What the page is.")
    size: int = Field(description="Bytes of the page in UTF-8.")
    sha256: str = Field(description="Of these bytes, in hexadecimal digits.")
    html: str = Field(description="The page.")


async def run(given: Input, context: Context) -> Output:
    """Ask the store."""
    from exfilwatch_playbooks.report.stored import file_name, report_of

    rules = {info.id: info for info in context.rules.infos}
    incident, page = report_of(context.store, given.incident, rules, context.clock())
    written = page.encode()
    return Output(
        summary=f"report of incident {incident.id}, {len(incident.findings):,} findings, {len(written):,} bytes",
        incident=incident.id,
        file_name=file_name(incident),
        media_type="text/html; charset=utf-8",
        size=len(written),
        sha256=hashlib.sha256(written).hexdigest(),
        html=page,
    )
