"""The OpenAPI documents: valid, complete, with examples that hold."""

import re
from typing import Any

import jsonschema
import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from exfilwatch.config import Settings
from exfilwatch_playbooks.service.app import create_app
from exfilwatch_playbooks.service.problems import KINDS

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Made without a store: nothing is opened for them."""
    folder = tmp_path_factory.mktemp("nothing")
    made = create_app(Settings(database=str(folder / "none.sqlite"))).state.documents
    assert made.current
    assert made.older
    assert list(folder.iterdir()) == []
    return made


@pytest.fixture(scope="module")
def document(documents: Any) -> dict[str, Any]:
    return documents.current


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    paths = document["paths"].items()
    return [(path, each) for path, item in paths for method, each in item.items() if method in METHODS]


def test_both_are_valid(documents: Any) -> None:
    assert documents.current["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(documents.current).validate()
    assert documents.older["openapi"] == "3.0.3"
    OpenAPIV30SpecValidator(documents.older).validate()


def test_nothing_of_3_1_is_left_in_3_0(documents: Any) -> None:
    def walk(value: Any, within: str = "") -> None:
        if isinstance(value, dict):
            if within in ("schema", "schemas"):
                assert not {"const", "prefixItems", "$defs", "examples"} & value.keys() or within == "schemas"
                assert not isinstance(value.get("type"), list)
                assert value.get("type") != "null"
            for name, each in value.items():
                inner = "schema" if name in ("schema", "items") or within == "schemas" else name
                walk(each, "schemas" if name == "schemas" else inner)
        elif isinstance(value, list):
            for each in value:
                walk(each, "schema" if within in ("anyOf", "oneOf", "allOf") else "")

    walk(documents.older)
    assert [path for path, _ in operations(documents.older)] == [path for path, _ in operations(documents.current)]


def test_3_0_says_the_same_as_3_1(documents: Any) -> None:
    def outline(document: dict[str, Any]) -> dict[str, Any]:
        return {
            f"{method} {path}": (
                each["operationId"],
                each.get("security"),
                [(given["in"], given["name"], given.get("required")) for given in each.get("parameters", ())],
                each.get("requestBody", {}).get("required"),
                {status: sorted(answer["content"]) for status, answer in each["responses"].items()},
            )
            for path, item in document["paths"].items()
            for method, each in item.items()
        }

    def fields(document: dict[str, Any]) -> dict[str, Any]:
        return {
            name: (sorted(each.get("properties", ())), sorted(each.get("required", ())))
            for name, each in document["components"]["schemas"].items()
        }

    assert outline(documents.older) == outline(documents.current)
    assert fields(documents.older) == fields(documents.current)
    assert documents.older["components"]["securitySchemes"] == documents.current["components"]["securitySchemes"]


def test_each_operation_has_an_id_a_summary_a_tag_and_its_problems(document: dict[str, Any]) -> None:
    found = operations(document)
    ids = [each["operationId"] for _, each in found]
    assert len(set(ids)) == len(ids)
    for path, each in found:
        assert re.fullmatch(r"[a-z][a-z_]+", each["operationId"]), path
        assert each["summary"].endswith((".", "?")) or each["tags"] == ["service"], path
        assert each["tags"], path
        if path.startswith("/v1/"):
            assert each["security"] == [{"token": []}], path
            assert "Needs a token with the scope" in each["description"], path
            assert {"401", "403", "422", "429", "500"} <= each["responses"].keys(), path
        for status, response in each["responses"].items():
            assert response["description"], (path, status)
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (path, status)


def test_what_changes_something_takes_a_key(document: dict[str, Any]) -> None:
    takes = {
        path
        for path, each in operations(document)
        if any(parameter["name"] == "Idempotency-Key" for parameter in each.get("parameters", ()))
    }
    assert {"/v1/polls", "/v1/actions/open_case", "/v1/actions/hunt", "/v1/jobs/{id}/cancel"} <= takes
    assert "/v1/platforms/{platform}/taken" in takes
    assert "/v1/actions/get_finding" not in takes


@pytest.mark.parametrize(
    ("version", "validator"), [("current", jsonschema.Draft202012Validator), ("older", OAS30Validator)]
)
def test_examples_hold(documents: Any, version: str, validator: Any) -> None:
    document, checked = getattr(documents, version), 0
    for path, each in operations(document):
        parts = [each.get("requestBody", {}), *each["responses"].values()]
        for content in (content for part in parts for content in part.get("content", {}).values()):
            examples = [example["value"] for example in content.get("examples", {}).values()]
            for example in examples + [content[name] for name in ("example",) if name in content]:
                validator(content["schema"] | {"components": document["components"]}).validate(example)
                checked += 1
                assert path
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []) + [schema[each] for each in ("example",) if each in schema]:
            validator(schema | {"components": document["components"]}).validate(example)
            assert name
    assert checked > 200


def test_every_kind_of_problem_is_somewhere_and_on_the_page(document: dict[str, Any]) -> None:
    from tests.docs.papers import read

    told = {
        name
        for _, each in operations(document)
        for response in each["responses"].values()
        for content in response.get("content", {}).values()
        for name in content.get("examples", {})
    }
    # Two are of any path, and two are said with `token-wrong`.
    beside = {"action-unknown", "token-expired", "token-revoked"}
    assert KINDS.keys() - told == beside
    page = read("service.md")
    assert [name for name in KINDS if f"`{name}`" not in page] == []
