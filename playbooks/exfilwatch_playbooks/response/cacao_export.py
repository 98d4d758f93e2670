"""A plan as a CACAO 2.0 playbook: each step an action of the people of its role, one after the other.

A command that a machine can run is one of its own (`bash`, `powershell`, `elastic`); what a person reads, and queries
in languages that CACAO has no type for, are `manual`. The same plan at the same time gives the same playbook.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid5

from exfilwatch_playbooks.response.cacao import (
    Action,
    Activity,
    CommandData,
    Effort,
    End,
    Extension,
    Group,
    Marking,
    Playbook,
    Reference,
    Start,
    Step,
)
from exfilwatch_playbooks.response.languages import LANGUAGE_NAMES
from exfilwatch_playbooks.response.phases import Phase, references
from exfilwatch_playbooks.response.placeholders import plain
from exfilwatch_playbooks.response.plan import Command, Plan, PlanStep, Query

_NAMESPACE = UUID("aa7caf3a-d55a-4e9a-b34e-056215fba56a")  # of CACAO's, section 10.10
_ACTIVITIES: dict[Phase, Activity] = {
    "verify": "analyze-collected-data",
    "contain": "restrict-access",
    "collect": "scan-system",
    "scope": "identify-indicators",
    "eradicate": "eliminate-risk",
    "recover": "restore-capabilities",
    "notify": "deliver-content",
    "learn": "compose-content",
}
_SEVERITIES = {"informational": 10, "low": 30, "medium": 50, "high": 75, "critical": 95}
_EXTENSION = (
    "An object of phase, who, automatable (yes, approval or no) and decision, which are texts; minutes, a whole "
    "number: how long the step may take at most; and needs, a list of texts. All are there; decision may be empty."
)


def playbook(plan: Plan, name: str, now: datetime, level: str = "") -> Playbook:
    """The plan as a playbook called `name`; `level`: of the incident. Raises ValueError for a plan without steps."""
    if not plan.steps:
        raise ValueError("a plan without steps makes no playbook")
    seed = hashlib.sha256(plan.model_dump_json().encode("utf-8", "replace")).hexdigest()
    made = _moment(now)
    us = f"identity--{uuid5(_NAMESPACE, 'exfilwatch')}"
    extension = f"extension-definition--{uuid5(_NAMESPACE, 'exfilwatch step')}"
    marking = f"marking-tlp--{uuid5(_NAMESPACE, 'exfilwatch amber')}"
    agents: dict[str, str] = {step.who: _identifier("group", seed, step.who) for step in plan.steps}
    workflow = _workflow(plan, seed, agents, extension)
    actions = [step for step in workflow.values() if isinstance(step, Action)]
    named = {ref.external_id: ref for step in actions for ref in step.external_references or ()}
    done = {command.playbook_activity: None for step in actions for command in step.commands}
    return Playbook(
        id=f"playbook--{uuid5(_NAMESPACE, seed)}",
        name=name,
        description=f"Response to {_counted(len(plan.findings))} of exfilwatch, of kind {', '.join(plan.kinds)}.",
        playbook_types=["investigation", "mitigation", "remediation", "notification"],
        playbook_activities=list(done),
        created_by=us,
        created=made,
        modified=made,
        severity=_SEVERITIES.get(level),
        labels=list(plan.kinds) or None,
        external_references=list(named.values()) or None,
        markings=[marking],
        workflow_start=next(iter(workflow)),
        workflow=workflow,
        agent_definitions={key: Group(name=who) for who, key in agents.items()},
        extension_definitions={
            extension: Extension(
                name="exfilwatch step",
                description="Who does a step, how long it may take, what it needs, whether a machine can do it.",
                created_by=us,
                definition=_EXTENSION,
                version="1.0.0",
            )
        },
        data_marking_definitions={
            marking: Marking(id=marking, created_by=us, created=made, tlpv2_level="TLP:AMBER+STRICT")
        },
    )


def cacao(plan: Plan, name: str, now: datetime, level: str = "") -> str:
    """The playbook as JSON."""
    made = playbook(plan, name, now, level)
    return made.model_dump_json(indent=2, exclude_none=True, by_alias=True)


def _workflow(plan: Plan, seed: str, agents: dict[str, str], extension: str) -> dict[str, Step]:
    steps = [(phase.name, step) for phase in plan.phases for step in phase.steps]
    keys = [_identifier("action", seed, step.id) for _, step in steps]
    keys.append(_identifier("end", seed, "end"))
    workflow: dict[str, Step] = {_identifier("start", seed, "start"): Start(on_completion=keys[0])}
    for (phase, step), key, following in zip(steps, keys, keys[1:], strict=False):
        workflow[key] = Action(
            name=step.title,
            description=f"{step.text} {step.why}",
            external_references=[_reference(each) for each in step.references] or None,
            on_completion=following,
            commands=list(_commands(step, _ACTIVITIES[phase])),
            agent=agents[step.who],
            step_extensions={
                extension: Effort(
                    phase=phase,
                    who=step.who,
                    minutes=step.minutes,
                    needs=list(step.needs),
                    automatable=step.automatable,
                    decision=plain(step.decision),
                )
            },
        )
    return workflow | {keys[-1]: End()}


def _commands(step: PlanStep, activity: Activity) -> Iterator[CommandData]:
    asked = f" To decide: {plain(step.decision)}" if step.decision else ""
    yield CommandData(type="manual", command=step.text + asked, playbook_activity=activity)
    for query in step.queries:
        yield _query(query, activity)
    for command in step.commands:
        yield _command(command, activity)


def _query(query: Query, activity: Activity) -> CommandData:
    described = f"{LANGUAGE_NAMES[query.language]}: {query.title}"
    if query.language == "elasticsearch":
        return CommandData(
            type="elastic", description=described, command_b64=_base64(query.text), playbook_activity=activity
        )
    return CommandData(type="manual", description=described, command=query.text, playbook_activity=activity)


def _command(command: Command, activity: Activity) -> CommandData:
    kind = {"powershell": "powershell", "sh": "bash"}[command.shell]
    return CommandData.model_validate(
        {
            "type": kind,
            "description": f"{command.platform}: {command.text}",
            "command_b64": _base64(command.text),
            "playbook_activity": activity,
        }
    )


def _reference(name: str) -> Reference:
    called = references()[name]
    if name.startswith("RA"):
        return Reference(name=f"RE&CT: {called}", external_id=name, url="https://atc-project.github.io/atc-react/")
    if name.startswith("D3-"):
        url = f"https://d3fend.mitre.org/technique/{name}/"
        return Reference(name=f"MITRE D3FEND: {called}", external_id=name, url=url)
    url = "https://csrc.nist.gov/pubs/sp/800/61/r3/final"
    return Reference(name=f"NIST CSF 2.0: {called}", external_id=name, url=url)


def _identifier(kind: str, seed: str, name: str) -> str:
    """Of version 4 (10.10: steps have to be), from a hash in the place of chance, so that it is the same again."""
    digest = hashlib.sha256(f"{kind}\n{seed}\n{name}".encode()).digest()[:16]
    return f"{kind}--{UUID(bytes=digest, version=4)}"


def _base64(text: str) -> str:
    return b64encode(text.encode("utf-8", "replace")).decode()


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _counted(count: int) -> str:
    return "1 finding" if count == 1 else f"{count:,} findings"
