"""Shuffle: a workflow of our app's actions, started by a webhook. A question is a User Input node, whose form has the
answers; what a branch is taken for stands on it as conditions.

A form offers its first answer until somebody chooses, so the first is the one that counts when nobody answers. Sources:
Shuffle's pages on workflows and triggers, its published workflows, and shuffle-sdk, which decides over branches.
"""

import json
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exfilwatch import __version__
from exfilwatch_playbooks.platforms.http.written import json as written
from exfilwatch_playbooks.playbook.layout import placed
from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Value, filled
from exfilwatch_playbooks.playbook.wiring import END, FAILURE, THEN, Node, first, wired

TITLE = "Shuffle"
LACKS: Mapping[str, str] = {
    "timeouts": "a question waits until somebody answers; until then nothing is opened or contained",
    "limits": "an action takes as long as the app waits, five minutes",
}
_URL = "https://exfilwatch.example.com:8437"
_INCIDENT = "The incident"
_STARTS = {"incident": "$exec.data.incident.id", "finding": "$exec.data.findings.#0.id"}
_NEWS_OF_OLD = ("io.exfilwatch.incident.changed", "io.exfilwatch.incident.merged")
_TOOLS = ("Shuffle Tools", "1.2.0", "repeat_back_to_me")


def files(playbook: Playbook) -> dict[str, str]:
    """The workflow, to be imported."""
    return {"exfilwatch.json": written(workflow(playbook))}


def workflow(playbook: Playbook) -> dict[str, Any]:
    """The workflow as the platform exports it; ids are the same each time."""
    writing = _Writing(playbook)
    start = _uuid(_INCIDENT)
    return {
        "name": f"exfilwatch: {playbook.name}",
        "description": playbook.description,
        "id": _uuid("workflow"),
        "start": start,
        "actions": writing.actions,
        "triggers": writing.triggers,
        "branches": writing.branches,
        "workflow_variables": [
            {"id": _uuid("url"), "name": "exfilwatch_url", "value": _URL, "description": "Where the service listens"}
        ],
        "input_questions": writing.questions,
        "configuration": {"exit_on_error": False, "start_from_top": False},
        "tags": ["exfiltration"],
        "is_valid": True,
        "sharing": "private",
        "status": "test",
    }


class _Writing:
    """The nodes, by labels that are the steps' titles without what no reference may have, and the branches."""

    def __init__(self, playbook: Playbook) -> None:
        self._nodes = {node.id: node for node in wired(playbook)}
        self._places = placed(playbook)
        self.actions: list[dict[str, Any]] = []
        self.triggers: list[dict[str, Any]] = []
        self.branches: list[dict[str, Any]] = []
        self.questions: list[dict[str, Any]] = []
        self._start(first(playbook))
        for node in self._nodes.values():
            self._write(node)

    def _start(self, begins: tuple[str, ...]) -> None:
        hook = _node("Webhook", "Webhook", "1.0.0", "Webhook", {}, (0, -2))
        self.triggers.append(hook | {"trigger_type": "WEBHOOK", "status": "uninitialized", "long_description": ""})
        made = _node(_INCIDENT, *_TOOLS, {"call": json.dumps(_STARTS)}, (0, -1))
        self.actions.append(made | {"isStartNode": True})
        self._lead(hook["id"], made["id"], [])
        for each in begins:
            self._lead(
                made["id"], _uuid(each), [_condition("$exec.type", "does not equal", old) for old in _NEWS_OF_OLD]
            )

    def _write(self, node: Node) -> None:
        at = self._places[node.id]
        match node.step:
            case Run() as step:
                given = {name: self._value(value) for name, value in step.given.items()}
                self.actions.append(_node(step.title, "exfilwatch", __version__, step.run, given, at, node.id))
            case Ask() as step:
                options = [choice.label for choice in step.silent_first]
                question = {"name": step.ask, "value": ";".join([step.id, *options]), "required": True}
                self.questions.append(question | {"deleted": False})
                self._asks(step.title, f"{step.ask} {step.says}", at, node.id, [step.ask])
            case Person() as step:
                self._asks(step.title, step.person, at, node.id, [])
            case If() as step:
                given = {"call": self._reference(step.of)}
                self.actions.append(_node(step.title, *_TOOLS, given, at, node.id))
        for way, targets in node.ways.items():
            for each in targets:
                if each != END and not (way == FAILURE and targets == node.ways.get("")):
                    self._lead(_uuid(node.id), _uuid(each), self._conditions(node, way))

    def _asks(self, title: str, said: str, at: tuple[float, float], key: str, questions: list[str]) -> None:
        """`questions`: names of the form's fields that are to be filled in before it goes on."""
        given = {
            "alertinfo": f"{said} $exfilwatch_url/incidents/{self._reference('$incident')}",
            "options": "boolean",
            "type": "subflow",
            "email": "",
            "sms": "",
            "subflow": "",
            "input_questions": json.dumps(questions),
        }
        made = _node(title, "User Input", "1.0.0", "User Input", given, at, key)
        self.triggers.append(made | {"trigger_type": "USERINPUT", "status": "running", "long_description": said})

    def _conditions(self, node: Node, way: str) -> list[dict[str, Any]]:
        match node.step:
            case Ask() as step:
                label = next(choice.label for choice in step.choices if choice.answer == way)
                return [_condition(self._reference(f"${step.id}"), "equals", label)]
            case If() as step:
                return [self._among(step, is_so=way == THEN)]
            case Run() as step if step.failure != "go-on":
                done = f"${_slug(step.title)}.success"
                return [_condition(done, "equals", "false" if way == FAILURE else "true")]
            case _:
                return []

    def _among(self, step: If, *, is_so: bool) -> dict[str, Any]:
        """That it is one of the words, or none of them; of an answer the form has what people see."""
        asked = self._nodes.get(step.of[1:])
        if asked and isinstance(asked.step, Ask):
            found = [choice.label for choice in asked.step.choices if choice.answer in step.among]
        else:
            found = step.among
        return _condition(self._reference(step.of), "matches regex", f"^({'|'.join(found)})$", negated=not is_so)

    def _reference(self, reference: str) -> str:
        """`$incident` and the like as the platform refers to them, by labels."""
        name, _, part = reference.removeprefix("$").partition(".")
        if name in _STARTS:
            return f"${_slug(_INCIDENT)}.{name}"
        return f"${_slug(self._nodes[name].step.title)}.{part or f'click_info.note.{name}'}"

    def _value(self, value: Value) -> str:
        if isinstance(value, str) and value.startswith("$"):
            return self._reference(value)
        return str(filled(value, TITLE))

    def _lead(self, one: str, other: str, conditions: list[dict[str, Any]]) -> None:
        self.branches.append(
            {
                "id": _uuid(f"{one} {other}"),
                "source_id": one,
                "destination_id": other,
                "label": "",
                "has_errors": False,
                "conditions": conditions,
            }
        )


def _node(
    title: str,
    app: str,
    version: str,
    name: str,
    given: Mapping[str, str],
    at: tuple[float, float],
    key: str = "",
) -> dict[str, Any]:
    """`key`: what its id is made of; otherwise the title."""
    return {
        "id": _uuid(key or title),
        "label": _label(title),
        "app_name": app,
        "app_version": version,
        "name": name,
        "description": title,
        "parameters": [_parameter(field, value) for field, value in given.items()],
        "environment": "Shuffle" if app in ("exfilwatch", _TOOLS[0]) else "onprem",
        "is_valid": True,
        "isStartNode": False,
        "errors": [],
        "position": {"x": 380 * at[0], "y": 160 * at[1]},
    }


def _parameter(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value, "variant": "STATIC_VALUE", "schema": {"type": "string"}}


def _condition(source: str, check: str, other: str, *, negated: bool = False) -> dict[str, Any]:
    which = {"id": _uuid(f"{source} {check} {other} {negated}")}
    return {
        "source": _parameter("source", source) | which,
        "condition": _parameter("condition", check) | which | {"configuration": negated},
        "destination": _parameter("destination", other) | which,
    }


def _label(title: str) -> str:
    return "".join(each for each in title if each.isalnum() or each == " ")


def _slug(title: str) -> str:
    return _label(title).lower().replace(" ", "_")


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"exfilwatch/shuffle/{name}"))
