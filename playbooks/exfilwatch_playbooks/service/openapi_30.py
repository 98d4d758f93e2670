"""OpenAPI 3.0 out of 3.1, for importers that know no other.

Source: learn.openapis.org/upgrading/v3.0-to-v3.1, read backwards.
"""

from typing import Any

_NOT_THERE = ("$schema", "$defs", "examples", "contentMediaType", "contentEncoding", "propertyNames", "$comment")


_NULL: dict[str, Any] = {"type": "string", "nullable": True, "enum": [None]}
"""The other thing that a value may be which is null or of some schema: beside a reference, `nullable` means nothing."""


def as_30(document: dict[str, Any]) -> dict[str, Any]:
    """The same in 3.0.3."""
    made = {name: each for name, each in document.items() if name != "jsonSchemaDialect"}
    made["openapi"] = "3.0.3"
    info = dict(made["info"])
    info["license"] = {"name": info["license"]["name"]}
    made["info"] = info
    made["paths"] = _walked(made["paths"])
    components = dict(made["components"])
    components["schemas"] = {name: _schema(each) for name, each in components["schemas"].items()}
    made["components"] = components
    return made


def _walked(value: Any) -> Any:
    """Everything outside of schemas, with the schemas in it."""
    if isinstance(value, list):
        return [_walked(each) for each in value]
    if isinstance(value, dict):
        return {name: _schema(each) if name == "schema" else _walked(each) for name, each in value.items()}
    return value


def _schema(given: Any) -> Any:
    if not isinstance(given, dict):  # a schema that is just true
        return {} if given is True else given
    made = {name: each for name, each in given.items() if name not in _NOT_THERE}
    if "$ref" in made:
        others = {name: each for name, each in made.items() if name != "$ref"}
        return {"allOf": [{"$ref": made["$ref"]}], **others} if others else made
    if given.get("examples"):
        made["example"] = given["examples"][0]
    if "const" in made:
        made["enum"] = [made.pop("const")]
    if "prefixItems" in made:
        made["items"] = {"anyOf": made.pop("prefixItems")}
    _bounds(made)
    _types(made)
    for name in ("anyOf", "oneOf", "allOf"):
        if name in made:
            _several(made, name)
    if isinstance(made.get("items"), dict):
        made["items"] = _schema(made["items"])
    elif made.get("type") == "array":
        made["items"] = {}
    if isinstance(made.get("additionalProperties"), dict):
        made["additionalProperties"] = _schema(made["additionalProperties"])
    if "properties" in made:
        made["properties"] = {name: _schema(each) for name, each in made["properties"].items()}
    return made


def _bounds(made: dict[str, Any]) -> None:
    for bound, name in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if bound in made:
            made[name], made[bound] = made[bound], True


def _types(made: dict[str, Any]) -> None:
    kinds = made.get("type")
    if isinstance(kinds, list):
        left = [kind for kind in kinds if kind != "null"]
        if len(left) == 1:
            made |= {"type": left[0]} | ({"nullable": True} if "null" in kinds else {})
        else:
            del made["type"]
            made["anyOf"] = [{"type": kind} for kind in kinds]
    elif kinds == "null":
        made |= _NULL


def _several(made: dict[str, Any], name: str) -> None:
    left = [each for each in made[name] if each != {"type": "null"}]
    nothing = len(left) < len(made[name])
    converted = [_schema(each) for each in left]
    if len(converted) == 1 and name != "allOf" and "type" in converted[0]:
        del made[name]
        for key, each in (converted[0] | ({"nullable": True} if nothing else {})).items():
            made.setdefault(key, each)
    else:
        made[name] = [*converted, *([_NULL] if nothing else [])]
