"""Conditions: sigma-specification 2.1.0, "Condition", compared with Python's own logic over all events there can be."""

from collections.abc import Callable
from itertools import product

import pytest

from .one import detected, event, loaded, rule

NAMES = ("sel_a", "sel_b", "other", "_hidden")
Logic = Callable[[bool, bool, bool, bool], bool]

CONDITIONS: list[tuple[str, Logic]] = [
    ("sel_a", lambda a, _b, _o, _h: a),
    ("not sel_a", lambda a, _b, _o, _h: not a),
    ("not not sel_a", lambda a, _b, _o, _h: a),
    ("sel_a and sel_b", lambda a, b, _o, _h: a and b),
    ("sel_a or sel_b", lambda a, b, _o, _h: a or b),
    ("sel_a or sel_b and other", lambda a, b, o, _h: a or (b and o)),
    ("sel_a and sel_b or other", lambda a, b, o, _h: (a and b) or o),
    ("(sel_a or sel_b) and other", lambda a, b, o, _h: (a or b) and o),
    ("sel_a and not sel_b or other", lambda a, b, o, _h: (a and not b) or o),
    ("not sel_a and sel_b", lambda a, b, _o, _h: (not a) and b),
    ("not sel_a or sel_b", lambda a, b, _o, _h: (not a) or b),
    ("not (sel_a or sel_b)", lambda a, b, _o, _h: not (a or b)),
    ("not (sel_a and (sel_b or not other))", lambda a, b, o, _h: not (a and (b or not o))),
    ("sel_a and sel_b and other and not _hidden", lambda a, b, o, h: a and b and o and not h),
    ("1 of them", lambda a, b, o, _h: a or b or o),
    ("any of them", lambda a, b, o, _h: a or b or o),
    ("all of them", lambda a, b, o, _h: a and b and o),
    ("not 1 of them", lambda a, b, o, _h: not (a or b or o)),
    ("not all of them", lambda a, b, o, _h: not (a and b and o)),
    ("1 of sel*", lambda a, b, _o, _h: a or b),
    ("1 of sel_*", lambda a, b, _o, _h: a or b),
    ("any of sel_*", lambda a, b, _o, _h: a or b),
    ("all of sel_*", lambda a, b, _o, _h: a and b),
    ("1 of sel_a", lambda a, _b, _o, _h: a),
    ("all of *_a", lambda a, _b, _o, _h: a),
    ("all of s*_*", lambda a, b, _o, _h: a and b),
    ("1 of *", lambda a, b, o, _h: a or b or o),
    ("all of *e*", lambda a, b, o, _h: a and b and o),
    ("1 of _*", lambda _a, _b, _o, h: h),
    ("all of sel_* and not other", lambda a, b, o, _h: a and b and not o),
    ("other and not 1 of sel_*", lambda a, b, o, _h: o and not (a or b)),
    ("1 of sel_* or all of oth*", lambda a, b, o, _h: a or b or o),
    ("not 1 of sel_* and other", lambda a, b, o, _h: not (a or b) and o),
    ("(1 of sel_*) and (not _hidden)", lambda a, b, _o, h: (a or b) and not h),
    ("  sel_a   and\tsel_b ", lambda a, b, _o, _h: a and b),
]

SELECTIONS = "\n".join(f"{name}:\n  Flag{number}: 'yes'" for number, name in enumerate(NAMES))
WORLDS = list(product((False, True), repeat=len(NAMES)))
EVENTS = [
    event({f"Flag{number}": "yes" for number, flag in enumerate(world) if flag}, name=str(index))
    for index, world in enumerate(WORLDS)
]


def fired(condition: str) -> list[int]:
    """The numbers of the events on which a rule of this condition fires."""
    return sorted(int(hit.events[0].id) for hit in detected(loaded(rule(f"{SELECTIONS}\n{condition}")), EVENTS))


@pytest.mark.parametrize(("condition", "logic"), CONDITIONS, ids=[text for text, _ in CONDITIONS])
def test_a_condition_holds_where_logic_says(condition: str, logic: Logic) -> None:
    assert fired(f"condition: '{condition}'") == [number for number, world in enumerate(WORLDS) if logic(*world)]


def test_a_list_of_conditions_holds_where_one_does_and_says_so_once() -> None:
    expected = [number for number, (a, b, o, _h) in enumerate(WORLDS) if (a and b) or o]
    assert fired("condition:\n  - sel_a and sel_b\n  - other") == expected


def test_a_selection_may_be_called_like_the_start_of_an_operator() -> None:
    rules = loaded(rule("notepad: {Image: a}\norder: {User: b}\nandroid: {User: c}\ncondition: notepad and not order"))
    assert detected(rules, [event({"Image": "a", "User": "x"})])
    assert not detected(rules, [event({"Image": "a", "User": "b"})])


def test_a_selection_that_no_condition_names_changes_nothing() -> None:
    rules = loaded(rule("used: {Image: a}\nunused: {User: b}\ncondition: used"))
    assert detected(rules, [event({"Image": "a"})])


def test_names_of_selections_may_have_dashes_and_digits() -> None:
    rules = loaded(rule("sel-1: {Image: a}\nsel-2: {Image: b}\ncondition: sel-1 or sel-2"))
    assert detected(rules, [event({"Image": "b"})])
