"""Tracecat: a workflow that is run for one incident, and one that runs it for each of the news.

A question is a case of Tracecat, answered by a comment that is one of its words. The workflow looks for it in a loop,
until it is there or the time is over. What branches begin with runs `if` its condition holds; where they meet, whatever
way was gone goes on. Sources: Tracecat's pages on workflow definitions, loops, expressions, cases and subflows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import Any

from exfilwatch_playbooks.platforms.http.written import yaml
from exfilwatch_playbooks.playbook.layout import placed
from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Value, filled
from exfilwatch_playbooks.playbook.wiring import FAILURE, OTHERWISE, THEN, Node, leading, wired

TITLE = "Tracecat"
LACKS: Mapping[str, str] = {}
ALIAS = "exfilwatch_respond"
NEWS = "/v1/platforms/tracecat"
_URL = "${{ VARS.exfilwatch.url }}"
_HEADERS = {"Authorization": "Bearer ${{ SECRETS.exfilwatch.EXFILWATCH_TOKEN }}"}
_MINUTE = 60
_LOOKS = 240
"""How often a question looks for its answer, at least a minute and at most ten between two looks."""
_LONGEST = 7 * 24 * 60 * _MINUTE
"""Seconds that a person has for what has no time of its own."""
_DONE = "done"


def files(playbook: Playbook) -> dict[str, str]:
    """The two workflows, to be imported."""
    return {
        "workflows/respond.yml": yaml(respond(playbook)),
        "workflows/poll.yml": yaml(poll()),
    }


def respond(playbook: Playbook) -> dict[str, Any]:
    """The workflow for an incident: an action called as each step, with what a question needs before it."""
    writing = _Writing(playbook)
    inputs = {name: {"type": "str", "description": said} for name, said in playbook.inputs.items()}
    definition = {
        "title": f"exfilwatch: {playbook.name}",
        "description": playbook.description,
        "entrypoint": {"expects": inputs},
        "actions": writing.actions,
    }
    return {"definition": definition, "layout": {"trigger": {"x": 0, "y": -160}, "actions": writing.layout}}


def poll() -> dict[str, Any]:
    """The workflow for a schedule: starts the other one for each of the news, and says so to the service.

    What was started is Tracecat's to keep; what is not taken comes again.
    """
    each = "${{ for var.item in ACTIONS.news.result.data.items }}"
    started = {"incident": "${{ var.item.incident.id }}", "finding": "${{ var.item.findings[0].id }}"}
    taken = {"incident": "${{ var.item.incident.id }}", "findings": "${{ var.item.findings[*].id }}"}
    begin = {"workflow_alias": ALIAS, "trigger_inputs": started, "wait_strategy": "detach"}
    news = {"url": f"{_URL}{NEWS}/news", "method": "GET", "headers": _HEADERS} | {
        "params": {"level": "medium", "limit": 50},
        "timeout": _MINUTE,
    }
    actions = [
        _action("news", "Get the news", "core.http_request", news),
        _action("started", "Start the playbook for each", "core.workflow.execute", begin) | {"for_each": each},
        _action("taken", "Say that they are taken", *_post(f"{NEWS}/taken", taken, _MINUTE)) | {"for_each": each},
    ]
    actions[1]["depends_on"], actions[2]["depends_on"] = ["news"], ["started"]
    return {
        "definition": {
            "title": "exfilwatch: start the playbook for the news",
            "description": "Run it by a schedule, for example every five minutes.",
            "entrypoint": {"expects": {}},
            "actions": actions,
        }
    }


@dataclass
class _Writing:
    playbook: Playbook
    actions: list[dict[str, Any]] = field(default_factory=list)
    layout: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._nodes = {node.id: node for node in wired(self.playbook)}
        self._leading, self._places = leading(list(self._nodes.values())), placed(self.playbook)
        for node in self._nodes.values():
            self._write(node)

    def _write(self, node: Node) -> None:
        match node.step:
            case Run() as step:
                given = {name: self._value(value) for name, value in step.given.items()}
                asked = _post(f"/v1/actions/{step.run}", given, int(step.within.total_seconds()))
                made = [_action(node.id, step.title, *asked)]
            case Ask() as step:
                words = [choice.answer for choice in step.silent_first]
                told = ", ".join(f"{choice.answer} ({choice.label})" for choice in step.choices)
                said = f"{step.says} Answer by a comment that is one of these words: {told}."
                seconds = int(step.within.total_seconds())
                made = _question(node.id, step.title, step.ask, said, words, seconds, unanswered=step.unanswered)
            case Person() as step:
                said = f"{step.person} When it is done, write a comment: {_DONE}"
                made = _question(node.id, step.title, step.title, said, [_DONE], _LONGEST)
            case If() as step:
                is_so = f"FN.is_in({_reference(step.of)}, {_words(step.among)})"
                value = f'${{{{ "{THEN}" if {is_so} else "{OTHERWISE}" }}}}'
                made = [_action(node.id, step.title, "core.transform.reshape", {"value": value})]
        made[0] |= self._begins(node)
        column, row = self._places[node.id]
        self.layout += [
            {"ref": each["ref"], "x": 360 * column + 60 * at, "y": 180 * row + 24 * at} for at, each in enumerate(made)
        ]
        self.actions += made

    def _begins(self, node: Node) -> dict[str, Any]:
        """What it waits for; and its condition where it begins a branch."""
        before = self._leading.get(node.id, [])
        if not before:
            return {}
        after = [f"{one}.error" if way == FAILURE else one for one, way in before]
        made: dict[str, Any] = {"depends_on": list(dict.fromkeys(after))}
        if len(before) > 1:
            return made | {"join_strategy": "any"}
        one, way = before[0]
        branches = isinstance(self._nodes[one].step, Ask | If)
        return made | ({"run_if": f'${{{{ ACTIONS.{one}.result == "{way}" }}}}'} if branches else {})

    def _value(self, value: Value) -> Value:
        if isinstance(value, str) and value.startswith("$"):
            return f"${{{{ {_reference(value)} }}}}"
        return filled(value, TITLE)


def _reference(reference: str) -> str:
    name, _, part = reference.removeprefix("$").partition(".")
    if part:
        return f"ACTIONS.{name}.result.data.{part}"
    return f"TRIGGER.{name}" if name in ("incident", "finding") else f"ACTIONS.{name}.result"


def _question(
    ref: str, title: str, asked: str, said: str, words: list[str], seconds: int, *, unanswered: str = ""
) -> list[dict[str, Any]]:
    """Actions that ask, and whose last one is the answer: the first of the words that is there. When there is none in
    time it is `unanswered`; where that is nothing, the workflow fails.
    """
    pause = min(max(_MINUTE, seconds // _LOOKS), 10 * _MINUTE)
    looks = ceil(seconds / pause)
    text = f"{said} {_URL}/incidents/${{{{ TRIGGER.incident }}}}"
    case = {"summary": asked, "description": text, "status": "new", "priority": "high", "severity": "unknown"}
    which = {"case_id": f"${{{{ ACTIONS.{ref}_asked.result.id }}}}"}
    again = [f"FN.contains_none_of({_words(words)}, {_comments(f'{ref}_looked')})"]
    if unanswered:
        again.append(f"ACTIONS.{ref}_waits.result.iteration < {looks}")
    over = {"condition": "${{ " + " && ".join(again) + " }}", "max_iterations": looks + 2}
    answer = "".join(f'"{word}" if FN.is_in("{word}", {_comments(f"{ref}_heard")}) else ' for word in words)
    retried = {"retry_policy": {"max_attempts": 3, "timeout": 5 * _MINUTE}}
    looked = _action(f"{ref}_looked", f"{title}: look", "core.cases.list_comments", which)
    made = [
        _action(f"{ref}_asked", f"{title}: ask", "core.cases.create_case", case) | retried,
        _action(f"{ref}_waits", f"{title}: wait", "core.loop.start", {}),
        looked | retried | {"start_delay": pause},
        _action(f"{ref}_over", f"{title}: until answered", "core.loop.end", over),
        _action(f"{ref}_heard", f"{title}: read", "core.cases.list_comments", which) | retried,
        _action(f"{ref}_noted", f"{title}: close", "core.cases.update_case", which | {"status": "closed"}) | retried,
        _action(ref, title, "core.transform.reshape", {"value": f'${{{{ {answer}"{unanswered}" }}}}'}),
    ]
    for one, other in pairwise(made):
        other["depends_on"] = [one["ref"]]
    return [*made[:-1], made[-1] | {"depends_on": [f"{ref}_noted", f"{ref}_noted.error"], "join_strategy": "any"}]


def _comments(ref: str) -> str:
    return f"ACTIONS.{ref}.result[*].content"


def _words(words: list[str]) -> str:
    quoted = ", ".join(f'"{word}"' for word in words)
    return f"[{quoted}]"


def _post(path: str, payload: Mapping[str, Value], seconds: int) -> tuple[str, dict[str, Any]]:
    sent = {"url": f"{_URL}{path}", "method": "POST", "headers": _HEADERS, "payload": dict(payload)}
    return "core.http_request", sent | {"timeout": seconds}


def _action(ref: str, title: str, action: str, args: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"ref": ref, "description": title, "action": action, "args": args}
    if action == "core.http_request":
        made["retry_policy"] = {"max_attempts": 1, "timeout": args["timeout"] + 30}
    return made
