"""A Shuffle app: an operation for each action, by shuffle-sdk."""

from importlib import resources
from typing import TYPE_CHECKING, Any

from exfilwatch_playbooks.actions.registry import Action, every
from exfilwatch_playbooks.platforms.arguments import Argument, arguments

if TYPE_CHECKING:
    from exfilwatch_playbooks.manifest import Manifest

_AUTHENTICATION = (
    ("url", "Where the service listens.", "https://exfilwatch.example.com:8437"),
    ("token", "A token of the service (`exfilwatch tokens add shuffle --scope act`).", "exfw_..."),
)


def files(manifest: "Manifest") -> dict[str, str]:
    """The app's files, by their paths in its folder."""
    from exfilwatch_playbooks.platforms.http.written import template, yaml

    home = f"exfilwatch/{manifest.version}"
    actions = [(each, list(arguments(each.input.model_json_schema()))) for each in every()]
    return {
        f"{home}/api.yaml": yaml(_api(manifest, actions)),
        f"{home}/src/app.py": template("shuffle_app.py.j2", actions=actions, version=manifest.version),
        f"{home}/requirements.txt": "requests\n",
        f"{home}/Dockerfile": (resources.files(__package__) / "files/Dockerfile.shuffle").read_text("utf-8"),
    }


def _api(manifest: "Manifest", actions: list[tuple[Action, list[Argument]]]) -> dict[str, Any]:
    return {
        "walkoff_version": "1.0.0",
        "app_version": manifest.version,
        "name": manifest.name,
        "description": manifest.description,
        "tags": ["SIEM", "Exfiltration"],
        "categories": ["SIEM", "Cases"],
        "contact_info": {"name": "The exfilwatch developers", "url": "", "email": ""},
        "authentication": {
            "required": True,
            "parameters": [
                {"name": name, "description": told, "example": like, "required": True, "schema": {"type": "string"}}
                for name, told, like in _AUTHENTICATION
            ],
        },
        "actions": [
            {
                "name": action.name,
                "description": action.description,
                "parameters": [_parameter(each) for each in taken],
                "returns": {"schema": {"type": "string"}},
            }
            for action, taken in actions
        ],
    }


def _parameter(argument: Argument) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": argument.name,
        "description": argument.description,
        "required": argument.required,
        "multiline": False,
        "example": argument.default,
        "schema": {"type": "string"},
    }
    if argument.words:
        made["options"] = list(argument.words)
    return made
