"""CACAO 2.0: a playbook that other tools read, whose steps ask the HTTP service, people, and decide.

A question is a step for a person that answers into a variable, and a switch on it; where it times out, the switch goes
by what the variable was before: the answer that counts when there is none.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Step, Together, every, filled
from exfilwatch_playbooks.playbook.source import values
from exfilwatch_playbooks.response import cacao

TITLE = "CACAO"
LACKS: Mapping[str, str] = {}
_NAMESPACE = UUID("aa7caf3a-d55a-4e9a-b34e-056215fba56a")  # of CACAO's, section 10.10
_MADE = datetime(2026, 11, 28, tzinfo=UTC)
_ACTIVITIES: dict[str, cacao.Activity] = {
    "Enrich": "identify-indicators",
    "Decide": "analyze-collected-data",
    "Contain": "restrict-access",
    "Open the case": "deliver-content",
    "Follow up": "restore-capabilities",
}
_TOKEN = "__exfilwatch_token__"  # noqa: S105 the name of a variable


def files(playbook: Playbook) -> dict[str, str]:
    """The playbook as JSON."""
    made = document(playbook)
    return {"exfilwatch.cacao.json": made.model_dump_json(indent=2, exclude_none=True, by_alias=True) + "\n"}


def document(playbook: Playbook) -> cacao.Playbook:
    """The playbook by our model of the specification."""
    seed = hashlib.sha256(playbook.model_dump_json().encode()).hexdigest()
    writing = _Writing(seed, service=_id("http-api", seed, "service"), analyst=_id("group", seed, "analyst"))
    end = writing.end("end")
    first = writing.line(playbook.steps, end, "")
    start = _id("start", seed, "start")
    us, made = f"identity--{uuid5(_NAMESPACE, 'exfilwatch')}", f"{_MADE:%Y-%m-%dT%H:%M:%S}.000Z"
    marking = f"marking-tlp--{uuid5(_NAMESPACE, 'exfilwatch clear')}"
    actions = [step for step in writing.workflow.values() if isinstance(step, cacao.Action)]
    activities = dict.fromkeys(each.playbook_activity for step in actions for each in step.commands)
    return cacao.Playbook(
        id=f"playbook--{uuid5(_NAMESPACE, seed)}",
        name=playbook.name,
        description=playbook.description,
        playbook_types=["investigation", "mitigation", "notification", "remediation"],
        playbook_activities=list(activities),
        created_by=us,
        created=made,
        modified=made,
        labels=["exfiltration"],
        markings=[marking],
        playbook_variables=_variables(playbook),
        workflow_start=start,
        workflow={start: cacao.Start(on_completion=first), **writing.workflow},
        agent_definitions={
            writing.service: cacao.HttpApi(
                name="exfilwatch serve",
                description="The service of exfilwatch: put its address here.",
                address={"url": ["https://exfilwatch.example.com:8437"]},
            ),
            writing.analyst: cacao.Group(name="analyst"),
        },
        data_marking_definitions={
            marking: cacao.Marking(id=marking, created_by=us, created=made, tlpv2_level="TLP:CLEAR")
        },
    )


class _Writing:
    """The steps that were written so far."""

    def __init__(self, seed: str, *, service: str, analyst: str) -> None:
        self.workflow: dict[str, cacao.Step] = {}
        self.service, self.analyst, self._seed = service, analyst, seed

    def end(self, of: str) -> str:
        """A new end."""
        key = _id("end", self._seed, of)
        self.workflow[key] = cacao.End()
        return key

    def line(self, steps: list[Step], after: str, phase: str) -> str:
        """Steps that lead to `after`; what they begin with."""
        phases = [step.phase for step in steps]
        for place in reversed(range(len(steps))):
            current = next((each for each in reversed(phases[: place + 1]) if each), phase)
            after = self.step(steps[place], after, current)
        return after

    def branch(self, of: str, steps: list[Step], phase: str) -> str:
        """Steps with an end of their own."""
        return self.line(steps, self.end(of), phase)

    def step(self, step: Step, after: str, phase: str) -> str:
        """A step that leads to `after`."""
        match step:
            case Run():
                return self.run(step, after, phase)
            case Person():
                text = f"{step.title}: {step.person}"
                return self.put(step.id, self.manual(step.title, step.person, text, phase, on_completion=after))
            case Together():
                below = [self.branch(each.id, [each], phase) for each in step.together]
                said = step.says or step.title
                made = cacao.Parallel(name=step.title, description=said, next_steps=below, on_completion=after)
                return self.put(step.id, made)
            case Ask():
                return self.ask(step, after, phase)
            case If():
                words = ",".join(f"'{each}'" for each in step.among)
                made_if = cacao.IfCondition(
                    name=step.title,
                    description=step.says or step.title,
                    condition=f"{_variable(step.of)}:value IN ({words})",
                    on_true=self.branch(f"{step.id} then", step.then, phase),
                    on_false=self.branch(f"{step.id} otherwise", step.otherwise, phase) if step.otherwise else None,
                    on_completion=after,
                )
                return self.put(step.id, made_if)

    def run(self, step: Run, after: str, phase: str) -> str:
        failed = None
        if step.failure != "stop":
            failed = after if step.failure == "go-on" else self.line(step.failure, after, phase)
        given = {name: f"{_variable(value)}:value" for name, value in values(step).items()}
        content = json.dumps({name: filled(value, TITLE) for name, value in step.given.items()} | given)
        command = cacao.CommandData(
            type="http-api",
            description=step.title,
            command=f"POST /v1/actions/{step.run} HTTP/1.1",
            headers={"Authorization": [f"Bearer {_TOKEN}:value"], "Content-Type": ["application/json"]},
            content_b64=b64encode(content.encode()).decode(),
            playbook_activity=_ACTIVITIES[phase],
        )
        made = cacao.Action(
            name=step.title,
            description=step.says or step.title,
            timeout=_milliseconds(step.within),
            on_success=after,
            on_failure=failed,
            commands=[command],
            agent=self.service,
            in_args=[_variable(each) for each in dict.fromkeys(values(step).values())] or None,
            out_args=[f"__{step.id}_level__"] if step.run == "enrich_finding" else None,
        )
        return self.put(step.id, made)

    def ask(self, step: Ask, after: str, phase: str) -> str:
        cases = {each.answer: self.branch(f"{step.id} {each.answer}", each.steps, phase) for each in step.choices}
        switch = cacao.SwitchCondition(
            name=f"{step.title}: the answer",
            description=step.ask,
            switch=f"{_variable(f'${step.id}')}:value",
            cases=cases,
            on_completion=after,
        )
        decided = self.put(f"{step.id} answer", switch)
        choices = "; ".join(f"{each.answer} for {each.label}" for each in step.choices)
        text = f"{step.ask} Answer {choices}. {step.says}".strip()
        made = self.manual(step.title, step.ask, text, phase, on_success=decided, on_failure=decided)
        return self.put(
            step.id,
            made.model_copy(update={"timeout": _milliseconds(step.within), "out_args": [_variable(f"${step.id}")]}),
        )

    def manual(self, title: str, said: str, text: str, phase: str, **ways: str) -> cacao.Action:
        command = cacao.CommandData(type="manual", command=text, playbook_activity=_ACTIVITIES[phase])
        return cacao.Action.model_validate(
            {"name": title, "description": said, "commands": [command], "agent": self.analyst, **ways}
        )

    def put(self, of: str, step: cacao.Action | cacao.Branching) -> str:
        key = _id(step.type, self._seed, of)
        self.workflow[key] = step
        return key


def _variables(playbook: Playbook) -> dict[str, cacao.Variable]:
    made = {f"__{name}__": cacao.Variable(description=said, external=True) for name, said in playbook.inputs.items()}
    made[_TOKEN] = cacao.Variable(description="A token of the service, with the scope act.", external=True)
    for step in every(playbook.steps):
        if isinstance(step, Ask):
            made[f"__{step.id}__"] = cacao.Variable(description=step.ask, value=step.unanswered)
        if isinstance(step, Run) and step.run == "enrich_finding":
            made[f"__{step.id}_level__"] = cacao.Variable(description="The severity that follows from the facts.")
    return made


def _variable(reference: str) -> str:
    return f"__{reference.removeprefix('$').replace('.', '_')}__"


def _milliseconds(length: timedelta) -> int:
    return int(length.total_seconds() * 1000)


def _id(kind: str, seed: str, name: str) -> str:
    """Of version 4 (10.10: steps have to be), from a hash in the place of chance, so that it is the same again."""
    return f"{kind}--{UUID(bytes=hashlib.sha256(f'{kind} {seed} {name}'.encode()).digest()[:16], version=4)}"
