"""StackStorm: an Orquesta workflow in the pack, an action to start it by, and a rule that starts it by our webhook.

A question is an inquiry (`core.ask`); one that expires counts as unanswered. StackStorm renders what actions are given
as Jinja once more, so that text of events in it would be code: only ids and words of ours are.
"""

from collections.abc import Mapping
from typing import Any

from exfilwatch_playbooks.platforms.http.written import yaml
from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Value, filled
from exfilwatch_playbooks.playbook.wiring import END, FAILURE, OTHERWISE, THEN, Node, wired

TITLE = "StackStorm"
LACKS: Mapping[str, str] = {}
_NOTHING = "noop"  # a failure that leads to it is none of the workflow
_LONGEST = 7 * 24 * 60  # minutes that a person has for what has no time of its own


def files(playbook: Playbook) -> dict[str, str]:
    """The workflow, its action and its rule, by their places in the pack."""
    return {
        "actions/workflows/respond.yaml": yaml(workflow(playbook)),
        "actions/respond.yaml": yaml(
            {
                "name": "respond",
                "pack": "exfilwatch",
                "description": playbook.description,
                "enabled": True,
                "runner_type": "orquesta",
                "entry_point": "workflows/respond.yaml",
                "parameters": {
                    name: {"type": "string", "description": said, "required": True}
                    for name, said in playbook.inputs.items()
                },
            }
        ),
        "rules/incident.yaml": yaml(
            {
                "name": "incident",
                "pack": "exfilwatch",
                "description": "Starts the playbook for each incident that the service of exfilwatch tells of.",
                "enabled": False,
                "trigger": {"type": "core.st2.webhook", "parameters": {"url": "exfilwatch"}},
                "criteria": {"trigger.body.type": {"type": "equals", "pattern": "io.exfilwatch.incident.new"}},
                "action": {
                    "ref": "exfilwatch.respond",
                    "parameters": {
                        "incident": "{{ trigger.body.data.incident.id }}",
                        "finding": "{{ trigger.body.data.findings[0].id }}",
                    },
                },
            }
        ),
    }


def workflow(playbook: Playbook) -> dict[str, Any]:
    """The workflow: a task for each step, called as it."""
    nodes = wired(playbook)
    kept = [node.id for node in nodes if isinstance(node.step, Ask)]
    levels = {node.step.of for node in nodes if isinstance(node.step, If) and "." in node.step.of}
    names = [*kept, *(_name(each) for each in sorted(levels))]
    return {
        "version": "1.0",
        "description": playbook.description,
        "input": list(playbook.inputs),
        "vars": [{name: None} for name in names],
        "tasks": {node.id: _task(node, levels) for node in nodes},
        "output": [{name: f"<% ctx({name}) %>"} for name in kept],
    }


def _task(node: Node, levels: set[str]) -> dict[str, Any]:
    made: dict[str, Any] = {"join": "all"} if node.joins else {}
    match node.step:
        case Run() as step:
            given: dict[str, Any] = {name: _value(value) for name, value in step.given.items()}
            made |= {"action": f"exfilwatch.{step.run}", "input": given | {"timeout": int(step.within.total_seconds())}}
            keeps = [{_name(each): f"<% result().result.{each.partition('.')[2]} %>"}
                     for each in sorted(levels) if each.startswith(f"${node.id}.")]  # fmt: skip
            made["next"] = [_way("succeeded()", node.next, keeps)]
            if FAILURE in node.ways:
                made["next"].append(_way("failed()", node.ways[FAILURE]))
        case Ask() as step:
            words = [choice.answer for choice in step.choices]
            told = ", ".join(f"{choice.answer} ({choice.label})" for choice in step.choices)
            answer = {
                "type": "string",
                "description": f"{step.ask} {told}. {step.says}",
                "enum": words,
                "required": True,
            }
            made |= _asks({"answer": answer}, int(step.within.total_seconds() / 60))
            made["next"] = [
                _way(f"succeeded() and result().response.answer = '{word}'", node.ways[word], [{node.id: word}])
                for word in words
            ]
            made["next"].append(_way("failed()", node.ways[step.unanswered], [{node.id: step.unanswered}]))
        case Person() as step:
            done = {"type": "boolean", "description": f"{step.title}. {step.person}", "required": True}
            made |= _asks({"done": done}, _LONGEST)
            made["next"] = [_way("succeeded()", node.next)]
        case If() as step:
            among = ", ".join(f"'{word}'" for word in step.among)
            is_so = f"ctx({_name(step.of)}) in [{among}]"
            made["action"] = "core.noop"
            made["next"] = [_way(is_so, node.ways[THEN]), _way(f"not ({is_so})", node.ways[OTHERWISE])]
    return made


def _asks(properties: dict[str, Any], minutes: int) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"action": "core.ask", "input": {"schema": schema, "ttl": minutes}}


def _way(when: str, to: tuple[str, ...], keeps: list[dict[str, str]] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"when": f"<% {when} %>"}
    if keeps:
        made["publish"] = keeps
    return made | {"do": [_NOTHING if each == END else each for each in to]}


def _name(reference: str) -> str:
    return reference.removeprefix("$").replace(".", "_")


def _value(value: Value) -> Value:
    if isinstance(value, str) and value.startswith("$"):
        return f"<% ctx({_name(value)}) %>"
    return filled(value, TITLE)
