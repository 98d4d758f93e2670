"""Reads the playbook back from Sekoia's, by the ids of the module's actions."""

import json
from uuid import UUID, uuid5

from tests.playbook.outline import Seen

from exfilwatch_playbooks.manifest import built

_REFERENCES = {"{{ node.0['incident']['id'] }}": "$incident", "{{ node.0['findings'][0]['id'] }}": "$finding"}


def read(files: dict[str, str]) -> list[Seen]:
    nodes = json.loads(files["exfilwatch.json"])["nodes"]
    manifest = built()
    (trigger,) = manifest.triggers
    actions = {str(uuid5(manifest.uuid, each.title)): each.name for each in manifest.actions}
    assert {UUID(node["module_uuid"]) for node in nodes.values()} == {manifest.uuid}
    assert nodes["0"]["trigger_uuid"] == str(uuid5(manifest.uuid, trigger.title))
    assert nodes["0"]["outputs"] == {"default": ["1"]}
    return [
        Seen(
            node["name"],
            f"run {actions[node['action_uuid']]}",
            given={name: _REFERENCES.get(value, value) for name, value in node["arguments"].items()},
            ways={"": frozenset(nodes[each]["name"] for each in node["outputs"]["default"]) or frozenset({"end"})},
        )
        for node in nodes.values()
        if node["type"] == "action"
    ]
