"""Tracecat: an action template for each action, which sends one request."""

from typing import TYPE_CHECKING, Any

from exfilwatch_playbooks.actions.registry import Action, every
from exfilwatch_playbooks.platforms.arguments import Argument, arguments

if TYPE_CHECKING:
    from exfilwatch_playbooks.manifest import Manifest

_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def files(manifest: "Manifest") -> dict[str, str]:
    """The templates, by their names."""
    from exfilwatch_playbooks.platforms.http.written import yaml

    return {f"{each.name}.yml": yaml(_template(manifest, each)) for each in every()}


def _template(manifest: "Manifest", action: Action) -> dict[str, Any]:
    taken = list(arguments(action.input.model_json_schema()))
    return {
        "type": "action",
        "definition": {
            "title": action.title,
            "description": action.description,
            "display_group": manifest.name,
            "namespace": f"tools.{manifest.slug}",
            "name": action.name,
            "secrets": [{"name": manifest.slug, "keys": ["EXFILWATCH_TOKEN"]}],
            "expects": {
                "base_url": {"type": "str", "description": "Where the service listens."},
                **{
                    each.name: {
                        "type": _TYPES[each.kind],
                        "description": each.description,
                        **({} if each.required else {"default": _default(each)}),
                    }
                    for each in taken
                },
            },
            "steps": [
                {
                    "ref": "asked",
                    "action": "core.http_request",
                    "args": {
                        "url": f"${{{{ inputs.base_url }}}}/v1/actions/{action.name}",
                        "method": "POST",
                        "headers": {"Authorization": "Bearer ${{ SECRETS.exfilwatch.EXFILWATCH_TOKEN }}"},
                        "payload": {each.name: f"${{{{ inputs.{each.name} }}}}" for each in taken},
                    },
                }
            ],
            "returns": "${{ steps.asked.result.data }}",
        },
    }


def _default(argument: Argument) -> str | int | float | bool:
    """As its kind has it: what is not given is sent too."""
    if argument.kind == "boolean":
        return argument.default == "true"
    if argument.kind == "integer":
        return int(argument.default)
    return float(argument.default) if argument.kind == "number" else argument.default
