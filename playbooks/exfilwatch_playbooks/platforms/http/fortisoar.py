"""A FortiSOAR connector: an operation for each action, and two by which its playbook takes the news.

By Fortinet's page on building a connector: a folder with info.json, connector.py, requirements.txt and images.
"""

from importlib import resources
from typing import TYPE_CHECKING, Any

from exfilwatch_playbooks.actions.registry import Action, every
from exfilwatch_playbooks.platforms.arguments import Argument, arguments, resolved, sentence
from exfilwatch_playbooks.platforms.http.written import json

if TYPE_CHECKING:
    from exfilwatch_playbooks.manifest import Manifest

NAME = "exfilwatch"
_ICON = "icon.png"
_TYPES = {"string": "text", "integer": "integer", "number": "text", "boolean": "checkbox"}
_TIMEOUT = Argument("timeout", "integer", "Seconds that the service has.", required=False, default="300", words=())
_NEWS = (
    Argument("level", "string", "Incidents of this level and above.", required=False, default="medium", words=()),
    Argument("since", "string", "No incident whose last event is older.", required=False, default="", words=()),
    Argument("limit", "integer", "How many incidents at most.", required=False, default="50", words=()),
    Argument("hold", "integer", "Minutes for which these do not come again.", required=False, default="", words=()),
)
_TAKEN = (
    Argument("incident", "string", "The incident's id, or the beginning of it.", required=True, default="", words=()),
    Argument("findings", "string", "Ids of findings, with commas between.", required=False, default="", words=()),
)


def files(manifest: "Manifest") -> dict[str, str | bytes]:
    """The connector's files, by their paths in its folder's folder."""
    own = resources.files(__package__) / "files"
    icon = resources.files("exfilwatch_playbooks.platforms.xsoar") / "files/ExfilWatch_image.png"
    return {
        f"{NAME}/info.json": json(_info(manifest)),
        f"{NAME}/connector.py": (own / "fortisoar_connector.py.j2").read_text("utf-8"),
        f"{NAME}/requirements.txt": "requests\n",
        f"{NAME}/images/{_ICON}": icon.read_bytes(),
    }


def _info(manifest: "Manifest") -> dict[str, Any]:
    return {
        "name": NAME,
        "version": manifest.version,
        "label": manifest.name,
        "description": manifest.description,
        "publisher": "The exfilwatch developers",
        "icon_small_name": _ICON,
        "icon_large_name": _ICON,
        "help_online": "",
        "cs_approved": False,
        "cs_compatible": True,
        "category": "Threat Detection",
        "configuration": {
            "fields": [
                _field("text", "url", "Where the service listens, such as https://exfilwatch.example.com:8437."),
                _field("password", "token", "A token of the service."),
                _field("checkbox", "verify_ssl", "Whether the service's certificate is verified.") | {"value": True},
            ]
        },
        "operations": [
            *(_of(each) for each in every()),
            _operation("list_news", "List what FortiSOAR has not taken yet", _NEWS, {"items": []}),
            _operation(
                "take_news", "Note what FortiSOAR has taken of an incident", _TAKEN, {"incident": "", "findings": 0}
            ),
        ],
    }


def _of(action: Action) -> dict[str, Any]:
    answers = action.answers
    said = {name: _blank(resolved(field, answers)) for name, field in answers["properties"].items()}
    made = _operation(action.name, action.title, tuple(arguments(action.input.model_json_schema())), said)
    return made | {"description": action.description, "category": "remediation" if action.changes else "investigation"}


def _operation(name: str, title: str, taken: tuple[Argument, ...], said: dict[str, Any]) -> dict[str, Any]:
    return {
        "operation": name,
        "title": title,
        "description": sentence(title),
        "category": "miscellaneous",
        "annotation": f"exfilwatch_{name}",
        "enabled": True,
        "parameters": [_parameter(each) for each in (*taken, _TIMEOUT)],
        "output_schema": said,
    }


def _parameter(argument: Argument) -> dict[str, Any]:
    words = argument.words if argument.kind == "string" else ()
    kind = "select" if words else _TYPES[argument.kind]
    made = _field(kind, argument.name, argument.description) | {"required": argument.required}
    if words:
        made["options"] = list(words)
    if argument.kind == "boolean":
        made["value"] = argument.default == "true"
    elif argument.default:
        made["value"] = int(argument.default) if argument.kind == "integer" else argument.default
    return made


def _field(kind: str, name: str, said: str) -> dict[str, Any]:
    return {
        "title": name.replace("_", " ").capitalize(),
        "name": name,
        "type": kind,
        "required": kind != "checkbox",
        "visible": True,
        "editable": True,
        "value": "",
        "description": said,
        "tooltip": said,
    }


def _blank(field: dict[str, Any]) -> Any:
    """As an output schema of the platform shows what comes: something empty of its kind."""
    return {"array": [], "object": {}, "boolean": False, "integer": 0, "number": 0}.get(str(field.get("type")), "")
