"""Hunt: run the rules over a span of time in SIEMs and files, whatever was polled, and keep what they find.

Of each host or user that is named, in any spelling (ws1 is WS1.corp.local, anna is CORP\\anna). Findings are kept like
those of a poll, so that they can be explained, enriched and opened as cases; the same hunt again keeps nothing more. A
SIEM is asked by the time of events, for what the rules may fire on, and of these hosts and users only, so far as a rule
looks at one host or user alone. Sequences are found as far as they lie in the span.
"""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch.detection.choose import Chosen, choose
from exfilwatch.errors import ConfigError, SourceError
from exfilwatch.events.report import Report
from exfilwatch.events.timestamps import microseconds
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.node import host_key, user_key
from exfilwatch.polling.hunting import Hunted, hunt_files, hunt_siem
from exfilwatch.polling.slices import Interval
from exfilwatch.siem.siem import Siem
from exfilwatch.siem.spool import Spool
from exfilwatch_playbooks.actions.answer import Change, as_whole
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import Moment, at, names
from exfilwatch_playbooks.actions.list_findings import Listed, listed
from exfilwatch_playbooks.actions.sources import paths_of
from exfilwatch_playbooks.report.wording import counted

CHANGES = True
REFERENCES = ("T1020", "T1041", "T1048", "T1567")
_SHOWN = 1_000


class Input(BaseModel):
    """Where, when, who and what for; nothing is needed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"since": "7d", "hosts": "ws-07, ws-08"},
                {"siem": "main", "since": "2026-03-12T08:00Z", "until": "2026-03-12T10:00Z", "rules": "transfer_tool"},
            ]
        }
    )
    siem: str = Field(default="", description="Names of SIEMs in the settings, with commas between. Default: all.")
    since: Moment = Field(default="24h", description="From this time on: 2026-03-12, 2026-03-12T09:14Z, 7d (ago).")
    until: Moment = Field(default="now", description="Before this time.")
    hosts: str = Field(default="", description="Only of these hosts, with commas between.")
    users: str = Field(default="", description="Only of these users, with commas between.")
    rules: str = Field(default="", description="Ids, titles or branches of rules, with commas between. Default: all.")
    dry_run: bool = Field(default=False, description="Show what is found, and keep nothing.")


class Output(Change):
    """`new`: findings that were not kept before; `findings`: the newest of all that was found."""

    found: int
    new: int
    records: int = Field(description="Records that were read.")
    sources: list[str]
    findings: list[Listed]


async def run(given: Input, context: Context) -> Output:
    """Hunt in each source, and keep what is found."""
    now = context.clock()
    since, until = at(given.since, now), at(given.until, now)
    if since is None or until is None or since >= until:
        raise ConfigError("hunt: since: is not before until")
    span = Interval(microseconds(since), microseconds(until))
    chosen = choose(context.rules, names(given.rules))
    sources = names(given.siem) or context.siems
    if not sources:
        raise ConfigError("hunt: siem: the settings have none: add a table [siem.NAME]")
    hosts, users = names(given.hosts), names(given.users)
    found, problems = await _everywhere(sources, Hunt(chosen, span, hosts, users), context)
    wanted = _of(found.findings, hosts, users)
    known = {each.id for each in context.store.find()} if given.dry_run else set[str]()
    new = [each for each in wanted if each.id not in known] if given.dry_run else context.store.save(wanted)
    marks = context.store.marks(each.id for each in wanted)
    newest = list(reversed(wanted))[:_SHOWN]
    unread = list(problems)
    if len(wanted) > _SHOWN:
        problems.append(f"only the newest {_SHOWN:,} of {len(wanted):,} findings are shown: list_findings has all")
    count = counted(len(wanted), "finding")
    return Output(
        summary=as_whole(f"{count}, {len(new):,} new, in {found.records:,} records of {', '.join(sources)}", unread),
        problems=problems,
        changed=bool(new),
        found=len(wanted),
        new=len(new),
        records=found.records,
        sources=sources,
        findings=[listed(each, marks.get(each.id)) for each in newest],
    )


class Hunt(NamedTuple):
    """What is hunted for, when, and of whom (nobody named: of all)."""

    chosen: Chosen
    span: Interval
    hosts: list[str]
    users: list[str]


async def _everywhere(sources: Iterable[str], hunt: Hunt, context: Context) -> tuple[Hunted, list[str]]:
    """What was found in all sources; one that can't be read costs only itself. Raises SourceError when none can be."""
    opened = {name: context.siem(name) for name in sources}
    ended: list[str] = []

    async def hunted(name: str, source: Siem | Spool) -> Hunted:
        try:
            if isinstance(source, Siem):
                return await hunt_siem(source, hunt.chosen.rules, hunt.span, Report(), hunt.hosts, hunt.users)
            return await asyncio.to_thread(hunt_files, paths_of(source), hunt.chosen.rules, hunt.span, Report())
        finally:
            ended.append(name)
            context.progress(f"{len(ended)} of {len(opened)} sources read: {', '.join(ended)}")

    context.progress(f"0 of {len(opened)} sources read")
    jobs = [hunted(name, source) for name, source in opened.items()]
    problems: list[str] = []
    findings: dict[str, Finding] = {}
    records = 0
    hunts = await asyncio.gather(*jobs, return_exceptions=True)
    failed = [each for each in hunts if isinstance(each, SourceError)]
    if len(failed) == len(hunts):
        raise failed[0] if len(failed) == 1 else SourceError("; ".join(map(str, failed)))
    for each in hunts:
        if isinstance(each, SourceError):
            problems.append(str(each))
        elif isinstance(each, BaseException):
            raise each
        else:
            findings |= {found.id: found for found in each.findings if found.rule.id in hunt.chosen.ids}
            problems += each.problems
            records += each.records
    ordered = sorted(findings.values(), key=lambda found: (str(found.time or ""), found.id))
    return Hunted(ordered, records, []), problems


def _of(findings: Iterable[Finding], hosts: Iterable[str], users: Iterable[str]) -> list[Finding]:
    """Those of one of the hosts and one of the users, where some are named."""
    on, by = {host_key(host, "") for host in hosts}, {user_key(user) for user in users}
    return [each for each in findings if (not on or _hosts(each) & on) and (not by or _users(each) & by)]


def _hosts(finding: Finding) -> set[str]:
    return {host_key(host, "") for host in (finding.host, *(event.host for event in finding.events)) if host}


def _users(finding: Finding) -> set[str | None]:
    named = (finding.user, *(event.fields.get("User") for event in finding.events))
    return {user_key(user) for user in named if isinstance(user, str)}
