"""Power Automate: the flows of the playbook, packed for its import, and a custom connector with an operation for each
action, for flows of one's own.

A custom connector is an OpenAPI 2.0 document, apiDefinition.swagger.json, and apiProperties.json beside it, as
Microsoft's tools for connectors (pac connector, paconn) and its repository PowerPlatformConnectors have them.
"""

import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from exfilwatch_playbooks.actions.registry import Action, every
from exfilwatch_playbooks.platforms.arguments import Argument, arguments, resolved, sentence
from exfilwatch_playbooks.platforms.http.written import json

if TYPE_CHECKING:
    from exfilwatch_playbooks.manifest import Manifest

_HOST = "exfilwatch.example.com:8437"
_COLOUR = "#1d4ed8"
_LONG_AGO = (2026, 1, 1, 0, 0, 0)
"""The time of each file in an archive, so that the same files make the same archive."""


def files(manifest: "Manifest") -> dict[str, str | bytes]:
    """The flows as .zip, and the connector."""
    from exfilwatch_playbooks.playbook.exports.power_automate import files as flows
    from exfilwatch_playbooks.playbook.source import incident

    written = flows(incident())
    return {
        **{f"exfilwatch-{flow}.zip": packed(written, f"{flow}/") for flow in ("poll", "button")},
        "connector/apiDefinition.swagger.json": json(definition(manifest)),
        "connector/apiProperties.json": json(_properties()),
    }


def packed(texts: Mapping[str, str], below: str) -> bytes:
    """An archive of the files below a folder, by their paths in it."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            if name.startswith(below):
                archive.writestr(zipfile.ZipInfo(name.removeprefix(below), _LONG_AGO), text, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def definition(manifest: "Manifest") -> dict[str, Any]:
    """The OpenAPI 2.0 document, which is what the platform takes."""
    return {
        "swagger": "2.0",
        "info": {"title": manifest.name, "description": manifest.description, "version": manifest.version},
        "host": _HOST,
        "basePath": "/",
        "schemes": ["https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": {f"/v1/actions/{each.name}": {"post": _operation(each)} for each in every()},
        "definitions": {},
        "securityDefinitions": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        "security": [{"token": []}],
    }


def _operation(action: Action) -> dict[str, Any]:
    taken = list(arguments(action.input.model_json_schema()))
    body: dict[str, Any] = {"type": "object", "properties": {each.name: _property(each) for each in taken}}
    if required := [each.name for each in taken if each.required]:
        body["required"] = required
    answers = action.answers
    said = {name: _kind(resolved(field, answers)) for name, field in answers["properties"].items()}
    return {
        "operationId": action.name,
        "summary": action.title,
        "description": sentence(action.description),
        "parameters": [{"name": "body", "in": "body", "required": True, "schema": body}],
        "responses": {
            "200": {"description": "What it answers.", "schema": {"type": "object", "properties": said}},
            "default": {"description": "What is wrong, as application/problem+json."},
        },
    }


def _property(argument: Argument) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": argument.kind,
        "title": argument.name.replace("_", " ").capitalize(),
        "description": argument.description,
        "x-ms-summary": argument.name.replace("_", " ").capitalize(),
    }
    if argument.kind == "string" and argument.words:
        made["enum"] = list(argument.words)
    if not argument.required:
        made["x-ms-visibility"] = "advanced"
    return made


def _kind(field: dict[str, Any]) -> dict[str, Any]:
    kind = str(field.get("type", "object" if "properties" in field else "string"))
    return {"type": kind, "items": {}} if kind == "array" else {"type": kind}


def _properties() -> dict[str, Any]:
    """Who makes a connection is asked for the token, which the platform keeps."""
    asked = {
        "displayName": "Authorization",
        "description": "Bearer and a token of the service, with a blank between.",
        "tooltip": "Bearer exfw_...",
        "constraints": {"tabIndex": 2, "clearText": False, "required": "true"},
    }
    return {
        "properties": {
            "connectionParameters": {"api_key": {"type": "securestring", "uiDefinition": asked}},
            "iconBrandColor": _COLOUR,
            "capabilities": [],
        }
    }
