"""A plan as a CACAO 2.0 playbook: by our model of the specification, and by OASIS's schemas where they are.

The schemas (github.com/oasis-open/cacao-json-schemas) are looked for in the folder that EXFILWATCH_CACAO_SCHEMAS names,
else in ../shared/cacao-json-schemas; they are no part of this project.
"""

import json
import os
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from exfilwatch_playbooks.playbook.exports.registry import export
from exfilwatch_playbooks.playbook.source import incident
from exfilwatch_playbooks.response.cacao import Playbook
from exfilwatch_playbooks.response.cacao_export import cacao, playbook
from exfilwatch_playbooks.response.guide import guides
from exfilwatch_playbooks.response.plan import Plan, plan_of

from ..hostile_values import KINDS  # noqa: TID252 (tests are no package on the path)
from .known import everything, known

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
SHARED = Path(__file__).parents[3] / "shared"
SCHEMAS = Path(os.environ.get("EXFILWATCH_CACAO_SCHEMAS") or SHARED / "cacao-json-schemas" / "schemas")


def of_everything(value: str, product: str) -> Plan:
    """All guides' steps."""
    said = everything(value, product=product, time=NOW, end=NOW, process_id="31", destination_ip="203.0.113.9")
    return plan_of([(branch, said) for guide in guides().values() for branch in guide.branches])


PLANS = {
    "nothing known": plan_of([("?", known())]),
    "windows": of_everything("it's C:\\x y", "windows"),
    "linux": of_everything("/tmp/a b", "linux"),
    "macos": of_everything("/tmp/a b", "macos"),
    **{f"hostile {kind}": of_everything(values[-1], "") for kind, values in KINDS.items() if kind != "long"},
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_makes_a_playbook_with_all_that_it_says(name):
    plan = PLANS[name]
    made = json.loads(cacao(plan, "Response", NOW, "high"))
    assert Playbook.model_validate(made) == playbook(plan, "Response", NOW, "high")
    steps = in_order(made)
    assert [step["name"] for step in steps] == [step.title for step in plan.steps]
    assert made["severity"] == 75
    ready = [command for step in steps for command in step["commands"]]
    pasted = [b64decode(each["command_b64"]).decode() for each in ready if each["type"] in ("bash", "powershell")]
    assert pasted == [command.text for step in plan.steps for command in step.commands]
    assert len(ready) == len(plan.steps) + sum(len(step.commands) + len(step.queries) for step in plan.steps)


def in_order(made: dict[str, Any]) -> list[dict[str, Any]]:
    at, found = made["workflow"][made["workflow_start"]]["on_completion"], []
    while made["workflow"][at]["type"] == "action":
        found.append(made["workflow"][at])
        at = made["workflow"][at]["on_completion"]
    return found


def test_the_same_plan_gives_the_same_playbook_and_another_one_another():
    plan = PLANS["windows"]
    assert cacao(plan, "R", NOW) == cacao(plan, "R", NOW)
    assert playbook(plan, "R", NOW).id != playbook(PLANS["linux"], "R", NOW).id


def test_a_plan_without_steps_makes_none():
    with pytest.raises(ValueError, match="without steps"):
        cacao(plan_of([("?", known())], general=False), "R", NOW)


def broken(**changes: Any) -> dict[str, Any]:
    return json.loads(cacao(PLANS["nothing known"], "R", NOW)) | changes


def test_our_model_refuses_what_the_specification_forbids():
    made = broken()
    first, *_ = (key for key in made["workflow"] if key.startswith("action"))
    end = next(key for key in made["workflow"] if key.startswith("end"))
    step = made["workflow"][first]
    wrong: dict[str, dict[str, Any]] = {
        "an id that is none": {"id": "playbook--1"},
        "a time without milliseconds": {"created": "2026-03-12T12:00:00Z"},
        "modified before created": {"modified": "2026-03-12T11:00:00.000Z"},
        "a start that is no step": {"workflow_start": first.replace("action", "start")},
        "a start that is an action": {"workflow_start": first},
        "a step that leads nowhere": {
            "workflow": made["workflow"] | {first: step | {"on_completion": first[:-1] + "0"}}
        },
        "a step that nothing leads to": {"workflow": made["workflow"] | {first: step | {"on_completion": end}}},
        "a circle": {"workflow": made["workflow"] | {first: step | {"on_completion": made["workflow_start"]}}},
        "a key of another type": {"workflow": made["workflow"] | {end.replace("end", "stop", 1): {"type": "end"}}},
        "an agent that is not defined": {"agent_definitions": {}},
        "an extension that is not defined": {"extension_definitions": {}},
        "a marking that is not defined": {"data_marking_definitions": {}},
        "a reference of a step alone": {"external_references": None},
        "an activity that no step does": {"playbook_activities": ["execute-operation"]},
        "another version": {"spec_version": "1.1"},
        "a property of our own": {"owner": "me"},
        "severity out of range": {"severity": 101},
        "no command": {"workflow": made["workflow"] | {first: step | {"commands": []}}},
        "a command without a text": {
            "workflow": made["workflow"]
            | {first: step | {"commands": [{"type": "bash", "playbook_activity": "scan-system"}]}}
        },
    }
    assert [why for why, change in wrong.items() if accepted(made | change)] == []


def accepted(made: dict[str, Any]) -> bool:
    try:
        return bool(Playbook.model_validate(made))
    except ValidationError:
        return False


@pytest.fixture(scope="module")
def validators() -> Any:
    """A validator by the path of its schema. Draft 7, as the schemas say of themselves."""
    if not SCHEMAS.is_dir():
        pytest.skip(f"no CACAO schemas: set EXFILWATCH_CACAO_SCHEMAS to those of oasis-open (not at {SCHEMAS.name})")
    jsonschema, referencing = pytest.importorskip("jsonschema"), pytest.importorskip("referencing")
    from referencing.jsonschema import DRAFT7

    read = {path.relative_to(SCHEMAS).as_posix(): json.loads(path.read_text()) for path in SCHEMAS.rglob("*.json")}
    resources = [(each["$id"], referencing.Resource(each, DRAFT7)) for each in read.values()]
    registry = referencing.Registry().with_resources(resources)
    return {name: jsonschema.Draft7Validator(schema, registry=registry) for name, schema in read.items()}


MADE = {name: json.loads(cacao(plan, "Response", NOW, "high")) for name, plan in PLANS.items()}
MADE["the ready playbook"] = json.loads(export("cacao").files(incident())["exfilwatch.cacao.json"])


@pytest.mark.parametrize("name", MADE)
def test_the_published_schemas_accept_it(validators, name):
    made = MADE[name]
    parts = [("playbook.json", made)]
    for step in made["workflow"].values():
        parts.append((f"workflows/{step['type']}.json", step))
        parts += [(f"commands/{command['type']}.json", command) for command in step.get("commands", ())]
    parts += [(f"agent-target/{each['type']}.json", each) for each in made["agent_definitions"].values()]
    parts += [
        ("extension-definition/extension-definition.json", each)
        for each in made.get("extension_definitions", {}).values()
    ]
    parts += [("data-types/variable.json", each) for each in made.get("playbook_variables", {}).values()]
    parts += [("data-markings/marking-tlp.json", each) for each in made["data_marking_definitions"].values()]
    for schema, part in parts:
        known_names = properties(validators, schema)
        assert set(part) <= known_names, (schema, set(part) - known_names)
        assert [error.message for error in validators[schema].iter_errors(part)] == [], schema


def properties(validators: Any, name: str) -> set[str]:
    """All that a schema knows: `unevaluatedProperties`, by which they forbid others, is of a later draft than 7."""
    schema = validators[name].schema
    found = set(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        found |= set(part.get("properties", {}))
        if "$ref" in part:
            found |= properties(validators, (Path(name).parent / part["$ref"]).as_posix().replace("./", ""))
    return found


def test_the_published_schemas_refuse_what_is_broken(validators):
    for change in ({"spec_version": "cacao-1.1"}, {"id": "x"}, {"created": "today"}, {"severity": 101}):
        assert list(validators["playbook.json"].iter_errors(broken(**change)))
