"""Sekoia: a playbook of nodes by Sekoia's published format, with the trigger and the actions of the module.

No operator of Sekoia asks a person, and nothing may change unasked: the playbook goes as far as the first question.
"""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exfilwatch_playbooks.platforms.http.written import json
from exfilwatch_playbooks.playbook.layout import placed
from exfilwatch_playbooks.playbook.model import Playbook, Run, Value, filled
from exfilwatch_playbooks.playbook.wiring import in_line, wired

TITLE = "Sekoia"
LACKS: Mapping[str, str] = {
    "questions": "it goes as far as the first question; answer that, and go on, in the triage page or by "
    "exfilwatch playbook run",
    "together": "one after the other",
    "failures": "a node whose action fails has no next one",
    "limits": "an action takes as long as the platform lets it",
}
_INPUTS = {"$incident": "{{ node.0['incident']['id'] }}", "$finding": "{{ node.0['findings'][0]['id'] }}"}


def files(playbook: Playbook) -> dict[str, str]:
    """The playbook, for the Code tab of a new one."""
    return {"exfilwatch.json": json(document(playbook))}


def document(playbook: Playbook) -> dict[str, Any]:
    """The playbook as the platform reads it."""
    from exfilwatch_playbooks.manifest import built

    manifest, places = built(), placed(playbook)
    titles = {each.name: each.title for each in manifest.actions}
    (trigger,) = manifest.triggers
    steps: list[Run] = []
    for node in in_line(wired(playbook)):
        if not isinstance(node.step, Run):
            break
        steps.append(node.step)
    nodes: dict[str, Any] = {
        "0": {
            "name": trigger.title,
            "type": "trigger",
            "outputs": {"default": ["1"]},
            "module_uuid": str(manifest.uuid),
            "trigger_uuid": str(uuid5(manifest.uuid, trigger.title)),
            "arguments": {},
            "position": {"x": 0, "y": 0},
        }
    }
    for number, step in enumerate(steps, 1):
        column, row = places[step.id]
        nodes[str(number)] = {
            "name": step.title,
            "type": "action",
            "outputs": {"default": [str(number + 1)] if number < len(steps) else []},
            "module_uuid": str(manifest.uuid),
            "action_uuid": str(uuid5(manifest.uuid, titles[step.run])),
            "arguments": {name: _value(value) for name, value in step.given.items()},
            "position": {"x": 320 * column, "y": 160 * (row + 1)},
        }
    return {
        "name": f"exfilwatch: {playbook.name}",
        "uuid": str(uuid5(NAMESPACE_URL, "exfilwatch/sekoia/playbook")),
        "description": "Takes each incident of exfilwatch and finds out what a person needs to judge it.",
        "tags": ["exfiltration"],
        "workspace": "Operation Center",
        "nodes": nodes,
    }


def _value(value: Value) -> Value:
    return _INPUTS.get(value, filled(value, TITLE)) if isinstance(value, str) else value
