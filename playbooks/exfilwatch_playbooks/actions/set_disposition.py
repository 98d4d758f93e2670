"""Say what a finding turned out to be: a true or false positive, benign, or a duplicate.

A later disposition takes the place of an earlier one. `exfilwatch tune` proposes filters for false positives, and
refuses filters that would hide a true one.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch.findings.marks import Disposition
from exfilwatch_playbooks.actions.answer import Change
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import DryRun, FindingId, Reason

CHANGES = True


class Input(BaseModel):
    """Which finding, what it is, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"finding": "3fa9c2d1", "disposition": "false-positive", "why": "our nightly backup"}]
        }
    )
    finding: FindingId
    disposition: Literal["true-positive", "false-positive", "benign", "duplicate"] = Field(
        description="What it turned out to be."
    )
    why: Reason = Field(description="The reason, for whoever reads it later.")
    dry_run: DryRun = False


class Output(Change):
    """`before` is what the finding was marked as."""

    finding: str
    disposition: str
    before: str | None


async def run(given: Input, context: Context) -> Output:
    """Mark it, unless it is marked so already."""
    found = context.store.get(given.finding)
    before = context.store.marks([found.id]).get(found.id)
    wanted = Disposition(given.disposition)
    changed = before is None or (before.disposition, before.why) != (wanted, given.why)
    if changed and not given.dry_run:
        context.store.mark(found.id, wanted, given.why)
    did = "is marked so already" if not changed else "would be marked" if given.dry_run else "is marked"
    return Output(
        summary=f"{found.id[:8]} {did}: {given.disposition}",
        changed=changed,
        finding=found.id,
        disposition=given.disposition,
        before=before.disposition.value if before else None,
    )
