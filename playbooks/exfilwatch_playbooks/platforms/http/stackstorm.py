"""A StackStorm pack: an action for each of ours, run by its Python runner."""

from importlib import resources
from typing import TYPE_CHECKING, Any

from exfilwatch_playbooks.actions.registry import Action, every
from exfilwatch_playbooks.platforms.arguments import arguments

if TYPE_CHECKING:
    from exfilwatch_playbooks.manifest import Manifest


def files(manifest: "Manifest") -> dict[str, str]:
    """The pack's files, by their paths in its folder."""
    from exfilwatch_playbooks.platforms.http.written import yaml

    return {
        "pack.yaml": yaml(
            {
                "ref": manifest.slug,
                "name": manifest.name,
                "description": manifest.description,
                "keywords": ["exfiltration", "siem", "cases"],
                "version": manifest.version,
                "python_versions": ["3"],
                "author": "The exfilwatch developers",
                "email": "exfilwatch@example.com",
            }
        ),
        "config.schema.yaml": yaml(
            {
                "url": {"description": "Where the service listens", "type": "string", "required": True},
                "token": {"description": "A token of the service", "type": "string", "required": True, "secret": True},
            }
        ),
        "requirements.txt": "requests\n",
        "actions/ask.py": (resources.files(__package__) / "files/stackstorm_ask.py.j2").read_text("utf-8"),
        **{f"actions/{each.name}.yaml": yaml(_action(each)) for each in every()},
    }


def _action(action: Action) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "exfilwatch_action": {"type": "string", "default": action.name, "immutable": True, "description": "The action."}
    }
    for each in arguments(action.input.model_json_schema()):
        made: dict[str, Any] = {"type": each.kind, "description": each.description, "required": each.required}
        if each.words and each.kind == "string":
            made["enum"] = list(each.words)
        parameters[each.name] = made
    return {
        "name": action.name,
        "pack": "exfilwatch",
        "description": action.description,
        "enabled": True,
        "runner_type": "python-script",
        "entry_point": "ask.py",
        "parameters": parameters,
    }
