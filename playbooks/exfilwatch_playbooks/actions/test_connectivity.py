"""Test the way to everything that is configured: SIEMs, case systems, the database, the rules.

Each SIEM is asked as `exfilwatch check` does: whether it is reached, and takes the account; with `thorough`, also what
its events are like. Of case systems it is proved that they know us, never by an empty list. Nothing is changed.
"""

from contextlib import aclosing
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch.errors import ConfigError, ExfilwatchError
from exfilwatch.polling import checking
from exfilwatch.polling.steps import Step
from exfilwatch_playbooks.actions.answer import Answer
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import names

CHANGES = False
_QUICK = frozenset({"settings", "connection", "account", "clock", "files"})
Outcome: TypeAlias = Literal["ok", "warning", "failure"]


class Input(BaseModel):
    """What to try; all of it when nothing is named."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"siem": "main", "thorough": True}]})
    siem: str = Field(default="", description="Only these SIEMs, with commas between.")
    case: str = Field(default="", description="Only these case systems, with commas between.")
    thorough: bool = Field(default=False, description="Also look at the events of SIEMs.")


class Tried(BaseModel):
    """A step: of what, how it went, and what to change."""

    what: str
    step: str
    outcome: Outcome
    said: str
    advice: str = ""


class Output(Answer):
    """`ok`: nothing failed."""

    ok: bool
    steps: list[Tried]


async def run(given: Input, context: Context) -> Output:
    """Try each."""
    siems, cases = names(given.siem), names(given.case)
    everything = not siems and not cases
    for name in siems:
        if name not in context.siems:
            raise ConfigError(f"test_connectivity: siem: there is no siem {name!r}: use {', '.join(context.siems)}")
    steps: list[Tried] = []
    if everything:
        steps += [_store(context), _rules(context)]
    for name in context.siems if everything else siems:
        steps += await _siem(name, context, thorough=given.thorough)
    for name in context.case_systems if everything else cases:
        steps.append(await _case(name, context))
    failed = [each for each in steps if each.outcome == "failure"]
    tried = len({each.what for each in steps})
    return Output(
        summary=f"{tried - len({each.what for each in failed})} of {tried} can be used",
        problems=[f"{each.what}: {each.said}" + (f" ({each.advice})" if each.advice else "") for each in failed],
        ok=not failed,
        steps=steps,
    )


def _store(context: Context) -> Tried:
    return Tried(what="database", step="open", outcome="ok", said=f"{context.store.database.name} can be used")


def _rules(context: Context) -> Tried:
    try:
        count = len(context.rules.infos)
    except ExfilwatchError as error:
        return Tried(what="rules", step="load", outcome="failure", said=str(error))
    return Tried(what="rules", step="load", outcome="ok", said=f"{count:,} rules that give findings")


async def _siem(name: str, context: Context, *, thorough: bool) -> list[Tried]:
    found: list[Tried] = []
    async with aclosing(checking.check(name, context.settings.siem[name], context.rules)) as steps:
        async for step in steps:
            if not thorough and step.name not in _QUICK:
                break
            found.append(_tried(f"siem.{name}", step))
    return found


def _tried(what: str, step: Step) -> Tried:
    return Tried(what=what, step=step.name, outcome=step.outcome.value, said=step.said, advice=step.advice)


async def _case(name: str, context: Context) -> Tried:
    what = f"case.{name}"
    try:
        await context.case_system(name).probe()
    except ExfilwatchError as error:
        return Tried(what=what, step="probe", outcome="failure", said=str(error))
    return Tried(what=what, step="probe", outcome="ok", said="it answers, and knows us")
