"""What holds for every action, whoever writes it: platforms' packages and papers are made from it."""

import inspect
import re
from datetime import datetime
from types import NoneType
from typing import Any, Literal, Union, get_args, get_origin

import pytest

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.actions.answer import Answer, Change
from exfilwatch_playbooks.actions.perform import validated
from exfilwatch_playbooks.actions.registry import Action, action, every, kind_of
from exfilwatch_playbooks.response.phases import references

ACTIONS = every()
SCALARS = (str, int, float, bool, datetime)
# Options of the command line that are not inputs of actions.
RESERVED = {"json", "output", "database", "help", "list"}
each_action = pytest.mark.parametrize("each", ACTIONS, ids=[each.name for each in ACTIONS])


def is_flat(kind: Any) -> bool:
    """Whether every platform has such a value."""
    if get_origin(kind) is Literal:
        return all(isinstance(word, str) for word in get_args(kind))
    if get_origin(kind) is Union or type(kind).__name__ == "UnionType":
        return all(is_flat(part) for part in get_args(kind) if part is not NoneType)
    return kind in SCALARS


@each_action
def test_says_what_it_does(each: Action) -> None:
    assert re.fullmatch(r"[A-Z].{10,200}\.", each.description)
    assert re.fullmatch(r"[A-Z][\w ]+", each.title)
    assert inspect.iscoroutinefunction(each.run)


@each_action
def test_refers_to_what_there_is(each: Action) -> None:
    for reference in each.references:
        assert reference in references() or re.fullmatch(r"T\d{4}(\.\d{3})?", reference)


@each_action
def test_inputs_are_flat_and_described(each: Action) -> None:
    for name, field in each.input.model_fields.items():
        assert is_flat(field.annotation), name
        assert field.description, name
        assert field.description[0].isupper(), name
        assert field.description.endswith((".", ")")), name
        assert name not in RESERVED
        assert kind_of(field)


@each_action
def test_answers_are_models_with_a_summary(each: Action) -> None:
    assert issubclass(each.output, Change if each.changes else Answer)
    assert each.output.model_json_schema(mode="serialization")["properties"]["summary"]


@each_action
def test_examples_are_valid(each: Action) -> None:
    assert each.examples or not each.input.model_fields
    for example in each.examples:
        assert validated(each, example).model_dump()


@each_action
def test_what_changes_something_can_be_tried_first(each: Action) -> None:
    field = each.input.model_fields.get("dry_run")
    assert (field is not None and field.annotation is bool and field.default is False) is each.changes


@each_action
def test_needs_no_input_that_it_does_not_name(each: Action) -> None:
    with pytest.raises(ConfigError, match="there is no such input"):
        validated(each, {"no_such_thing": 1})


def test_dashes_and_words_nearby_lead_to_an_action() -> None:
    assert action("list-findings").name == "list_findings"
    with pytest.raises(ConfigError, match="did you mean get_finding"):
        action("get_findng")
    for no_action in ("perform", "context", "__init__", "migrations", "../cases", ""):
        with pytest.raises(ConfigError, match="there is no action"):
            action(no_action)
