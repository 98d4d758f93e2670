"""Suppress what is like a finding until a day, with a reason: a narrow Sigma filter, which ends by itself.

The filter holds on to the rule, the parent, the destination and what else the finding says, as those of `exfilwatch
tune` do. It is refused when it would hide a finding that is marked as a true positive. It is a file in the folder
`suppressions` of the settings, which is loaded with any rules; polls that are running take it up with their next round.
With `until` now, one that is there ends; its file stays, as a record. What is kept already stays.
"""

from datetime import datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.actions.answer import Change
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import DryRun, End, FindingId, Reason, end
from exfilwatch_playbooks.tuning.suppressed import ended, suppressed
from exfilwatch_playbooks.tuning.suppression import suppression, write

CHANGES = True
APPROVAL = True
_LONGEST = timedelta(days=366)


class Input(BaseModel):
    """What, how long, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"finding": "3fa9c2d1", "until": "14d", "why": "migration of the file server, CHG-1042"},
                {"finding": "3fa9c2d1", "until": "2026-12-31", "why": "audit by a contractor", "dry_run": True},
            ]
        }
    )
    finding: FindingId
    until: End = Field(
        description="The end: so long from now (14d), a day or a time in UTC; at most a year. now: end it."
    )
    why: Reason = Field(description="The reason, for whoever reads it later.")
    dry_run: DryRun = False


class Output(Change):
    """The filter. `hides`: other kept findings that it would have hidden."""

    finding: str
    until: datetime
    path: str
    document: str
    hides: list[str]


async def run(given: Input, context: Context) -> Output:
    """Make the filter and write it, unless it is there already."""
    now = context.clock()
    if given.until == "now":
        return _ended(given, context)
    try:
        until = end(given.until, now).replace(microsecond=0)
    except ValueError as error:
        raise ConfigError(f"suppress: until: {error}") from None
    if not now < until <= now + _LONGEST:
        raise ConfigError("suppress: until: must be to come, and within a year: for longer, write a filter of your own")
    found = context.store.get(given.finding)
    folder = Path(context.settings.suppressions)
    history = context.store.find()
    marks = {name: mark.disposition for name, mark in context.store.marks(each.id for each in history).items()}
    made = suppression(
        found,
        history,
        marks,
        context.rules,
        until=until,
        why=given.why,
        who=context.who,
        now=now,
        folder=folder,
    )
    changed = not made.path.exists() or made.path.read_text("utf-8") != made.document
    if changed and not given.dry_run:
        write(made)
        context.forget_rules()
    did = "would be suppressed" if given.dry_run else "is suppressed"
    return Output(
        summary=f"what is like {found.id[:8]} {did} until {until:%Y-%m-%d %H:%M} UTC",
        changed=changed,
        finding=found.id,
        until=until,
        path=str(made.path),
        document=made.document,
        hides=list(made.hides),
    )


def _ended(given: Input, context: Context) -> Output:
    """End the one that there is."""
    found, now = context.store.get(given.finding), context.clock().replace(microsecond=0)
    before = suppressed(Path(context.settings.suppressions), found.id)
    if before is None:
        raise ConfigError(f"{found.id[:8]} is not suppressed: there is nothing to end")
    changed = before.until is None or before.until > now
    made = ended(before, now, given.why, context.who) if changed else before.as_it_is
    if changed and not given.dry_run:
        write(made)
        context.forget_rules()
    did = "has ended already" if not changed else "would end now" if given.dry_run else "has ended"
    return Output(
        summary=f"the suppression of what is like {found.id[:8]} {did}",
        changed=changed,
        finding=found.id,
        until=made.until,
        path=str(made.path),
        document=made.document,
        hides=[],
    )
