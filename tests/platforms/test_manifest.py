"""The manifest at the root: of today, valid by the schema in docs/, and refused when it is not."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from exfilwatch.errors import ConfigError
from exfilwatch.siem import registry as siems
from exfilwatch_playbooks.actions.registry import every
from exfilwatch_playbooks.cases import registry as cases
from exfilwatch_playbooks.manifest import built, check, schema

ROOT = Path(__file__).parents[2]
SCALARS = {"string", "integer", "number", "boolean"}
WRONG: list[tuple[str, list[str], Any]] = [
    ("no version", ["version"], None),
    ("a version that is none", ["version"], "1.0"),
    ("an id that is none", ["uuid"], 7),
    ("a slug with capitals", ["slug"], "ExfilWatch"),
    ("no category", ["categories"], []),
    ("a configuration that is no schema", ["configuration", "type"], "nonsense"),
    ("arguments that are no schema", ["actions", "0", "arguments", "properties"], []),
    ("an action that does not say whether it changes something", ["actions", "0", "changes"], None),
    ("a key that nobody knows", ["trigers"], []),
]


def written() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
    return found


def test_the_kinds_of_siems_and_case_systems_are_installed_as_they_are_named() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    known = {"exfilwatch.siem": siems.kinds(), "exfilwatch.case": cases.kinds()}
    assert known == {group: sorted(kinds) for group, kinds in named.items()}, "run pip install --editable . again"


def test_the_manifest_at_the_root_is_that_of_today() -> None:
    check(ROOT / "manifest.json")


def test_the_schema_in_docs_is_that_of_today() -> None:
    stands = json.loads((ROOT / "docs" / "manifest.schema.json").read_text(encoding="utf-8"))
    assert stands == schema(), "run exfilwatch manifest --schema --out docs/manifest.schema.json"
    Draft202012Validator.check_schema(stands)


def test_the_manifest_is_valid() -> None:
    Draft202012Validator(schema()).validate(written())


@pytest.mark.parametrize(("place", "value"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_what_is_no_manifest_is_refused(place: list[str], value: Any) -> None:
    broken = written()
    inner: Any = broken
    for each in place[:-1]:
        inner = inner[int(each)] if isinstance(inner, list) else inner[each]
    if value is None:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    assert list(Draft202012Validator(schema()).iter_errors(broken))


def test_it_has_every_action_with_flat_arguments_that_its_examples_are_valid_by() -> None:
    manifest = built()
    assert [each.name for each in manifest.actions] == [each.name for each in every()]
    for entry, action in zip(manifest.actions, every(), strict=True):
        assert (entry.changes, entry.approval, entry.references) == (action.changes, action.approval, action.references)
        for name, field in entry.arguments["properties"].items():
            kinds = {each.get("type") for each in field.get("anyOf", [field])}
            assert kinds <= SCALARS | {"null"}, f"{entry.name}: {name}"
        for example in action.examples:
            Draft7Validator(entry.arguments).validate(example)


def test_every_schema_in_it_is_one_of_draft_07() -> None:
    manifest = built()
    parts = [manifest.configuration, *(each for entry in (*manifest.triggers, *manifest.actions) for each in of(entry))]
    for each in parts:
        Draft7Validator.check_schema(each)
        assert each["$schema"] == "http://json-schema.org/draft-07/schema#"
        assert "#/$defs/" not in json.dumps(each)


def of(entry: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return entry.arguments, entry.results


def test_secrets_are_settings() -> None:
    configuration = built().configuration
    assert set(configuration["secrets"]) <= set(configuration["properties"])
    assert {"siem_password", "case_token", "database"} <= set(configuration["secrets"])


@pytest.mark.parametrize(
    ("content", "said"), [("", "is stale: run exfilwatch manifest --out"), (None, "there is no such file: run")]
)
def test_a_stale_manifest_says_what_to_run(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "manifest.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        check(file)
