"""The OpenAPI document: 3.1 as it is, and 3.0 for importers that know no other (openapi_30.py).

FastAPI knows the paths and parameters. Bodies, answers and problems are references that are made here: FastAPI would
take seconds to build a validator of each answer, which nothing needs.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from exfilwatch import __version__
from exfilwatch_playbooks.service.access import SCOPE
from exfilwatch_playbooks.service.problems import KINDS, MEDIA, Problem

_REF = "#/components/schemas/{model}"
_MSGSPEC_REF = "#/components/schemas/{name}"
_USUAL = ("bad-request", "token-missing", "token-wrong", "scope-missing", "input-wrong", "too-many", "internal")
_USUAL_LATER = ("method-not-allowed", "unavailable")
_ABOUT = """Finds automated data exfiltration, and what to do about it. Every action of exfilwatch, what was found, and
what was done, over HTTP.

Send a token with each request: `Authorization: Bearer exfw_...` (`exfilwatch tokens add NAME --scope read,act`). Errors
are `application/problem+json` (RFC 9457) with types that stay. Hosts, users, command lines and URLs in answers are as
they were logged: hostile text, to be escaped for where it goes."""
Model = type[BaseModel] | type[msgspec.Struct]


class Models:
    """The models that answers and bodies name."""

    def __init__(self) -> None:
        self._answers: dict[str, type[BaseModel]] = {}
        self._bodies: dict[str, type[BaseModel]] = {}
        self._structs: dict[str, type[msgspec.Struct]] = {}

    def answer(self, model: Model, said: str, example: object = None) -> dict[str, Any]:
        """A response with such an answer."""
        return _content(self._ref(model), said, example)

    def page(self, model: Model, said: str) -> dict[str, Any]:
        """A response with a page of such items."""
        schema = {
            "type": "object",
            "required": ["items", "next"],
            "additionalProperties": False,
            "properties": {
                "items": {"type": "array", "items": self._ref(model)},
                "next": {
                    "type": ["string", "null"],
                    "description": "What to send as `cursor` for the next page; null of the last one.",
                },
            },
        }
        return _content(schema, said)

    def body(self, model: type[BaseModel], examples: Sequence[Mapping[str, object]] = ()) -> dict[str, Any]:
        """A request's body."""
        self._bodies[model.__name__] = model
        needed = any(field.is_required() for field in model.model_fields.values())
        content: dict[str, Any] = {"schema": {"$ref": _REF.format(model=model.__name__)}}
        if examples:
            content["examples"] = {f"example{number}": {"value": each} for number, each in enumerate(examples, 1)}
        return {"required": needed, "content": {"application/json": content}}

    def schemas(self) -> dict[str, Any]:
        """Their schemas, by name."""
        wanted: list[tuple[type[BaseModel], Any]] = [(each, "serialization") for each in self._answers.values()]
        wanted += [(each, "validation") for each in self._bodies.values()]
        _, made = models_json_schema([*wanted, (Problem, "serialization")], ref_template=_REF)
        found: dict[str, Any] = dict(made["$defs"])
        for name in ("Problem", *self._answers):  # what has defaults is left out where it is the default
            if name == "Problem":
                found[name]["required"] = ["type", "title", "status"]
        _, structs = msgspec.json.schema_components(self._structs.values(), ref_template=_MSGSPEC_REF)
        assert not found.keys() & structs.keys(), found.keys() & structs.keys()
        return found | structs

    def _ref(self, model: Model) -> dict[str, Any]:
        if issubclass(model, BaseModel):
            self._answers[model.__name__] = model
        else:
            self._structs[model.__name__] = model
        return {"$ref": _REF.format(model=model.__name__)}


def problems(*names: str) -> dict[int | str, dict[str, Any]]:
    """Responses for the kinds of problems that an operation may end in, besides those that any may."""
    found: dict[int | str, dict[str, Any]] = {}
    for name in dict.fromkeys((*_USUAL, *names, *_USUAL_LATER)):
        kind = KINDS[name]
        example = {"type": f"urn:exfilwatch:problem:{name}", "title": kind.title, "status": kind.status}
        made = found.setdefault(
            kind.status,
            {"description": "", "content": {MEDIA: {"schema": {"$ref": _REF.format(model="Problem")}, "examples": {}}}},
        )
        made["description"] = f"{made['description']}; {kind.title}".removeprefix("; ")
        made["content"][MEDIA]["examples"][name] = {"value": example}
    return found


def _content(schema: Mapping[str, Any], said: str, example: object = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": dict(schema)}
    if example is not None:
        content["example"] = example
    return {"description": said, "content": {"application/json": content}}


def document(app: FastAPI, routers: Iterable[APIRouter], models: Models) -> dict[str, Any]:
    """OpenAPI 3.1. `routers`: those that the application includes."""
    made = get_openapi(
        title="exfilwatch", version=__version__, openapi_version="3.1.0", description=_ABOUT, routes=app.routes
    )
    made["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    made["servers"] = [{"url": "/"}]
    components = made.setdefault("components", {})
    components["schemas"] = models.schemas()
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "`exfilwatch tokens add NAME --scope read,act`"}
    }
    for route in (each for router in routers for each in router.routes):
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                operation = made["paths"][route.path_format][method.lower()]
                _finish(operation, _scope(route))
    return made


def _finish(operation: dict[str, Any], scope: str) -> None:
    operation["responses"] = {status: each for status, each in operation["responses"].items() if not _validation(each)}
    if scope:
        operation["security"] = [{"token": []}]
        operation["description"] = (
            f"{operation.get('description', '')}\n\nNeeds a token with the scope `{scope}`.".strip()
        )


def _validation(response: Mapping[str, Any]) -> bool:
    """FastAPI's own form of errors, which no operation answers with."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).endswith("/HTTPValidationError")


def _scope(route: APIRoute) -> str:
    for each in route.dependant.dependencies:
        found = getattr(each.call, SCOPE, "")
        if found:
            return str(found)
    return ""
