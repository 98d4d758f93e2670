"""Ask all enrichers about a finding or its incident: where it went, how much, who else does so, what others say of it.

Outsiders are asked about destinations and hashes only, and only where the settings turn them on (docs/enrichment.md).
What is found is kept, and is in the case when it is opened or updated.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch.detection.detection import LEVELS
from exfilwatch_playbooks.actions.answer import Answer
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import FindingId, names
from exfilwatch_playbooks.enrichment.enriching import of_one
from exfilwatch_playbooks.enrichment.model import Enrichment, Status

CHANGES = False
REFERENCES = ("RA2104", "RA2106")


class Input(BaseModel):
    """About which, and whom to ask."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"finding": "3fa9c2d1"}, {"finding": "3fa9", "only": "virustotal, geo"}]}
    )
    finding: FindingId
    about: Literal["incident", "finding"] = Field(default="incident", description="The whole incident, or it alone.")
    only: str = Field(default="", description="Names of enrichers, with commas between. Default: all.")


class Output(Answer):
    """The facts, and the severity that follows from them."""

    level: str = Field(json_schema_extra={"enum": list(LEVELS)})
    reasons: list[str] = Field(description="Why the severity is another than before.")
    enrichment: Enrichment


async def run(given: Input, context: Context) -> Output:
    """Ask, and keep what was found."""
    made = await of_one(context, given.finding, alone=given.about == "finding", only=names(given.only))
    problems = [
        f"{fact.label}: {fact.status}: {fact.reason}"
        for fact in made.unknown
        if fact.status is not Status.NOT_CONFIGURED
    ]
    return Output(
        summary=f"{len(made.known):,} facts; severity {made.severity.words}",
        problems=problems,
        level=made.severity.after,
        reasons=list(made.severity.reasons),
        enrichment=made,
    )
