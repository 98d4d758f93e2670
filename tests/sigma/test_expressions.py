"""Regular expressions that RE2 can't run, and those that are made to take for ever."""

import time

import pytest

from exfilwatch.detection.engine import Engine
from exfilwatch.errors import RuleError
from exfilwatch.events.report import Report

from .one import event, fires, loaded, selecting

BEYOND_RE2 = [
    ("(?!b)", r"^a(?!b)", "ac", True),
    ("(?!b), there", r"^a(?!b)", "ab", False),
    ("(?=b)", r"a(?=b)b", "ab", True),
    ("(?<=a)", r"(?<=a)b", "ab", True),
    ("(?<=a), not there", r"(?<=a)b", "cb", False),
    ("(?<!a)", r"(?<!a)b", "cb", True),
    ("a back-reference", r"^(a+)-\1$", "aa-aa", True),
    ("a back-reference, another text", r"^(a+)-\1$", "aa-a", False),
    ("with case, as all expressions", r"(?!x)A", "a", False),
]


@pytest.mark.parametrize(
    ("expression", "text", "expected"), [row[1:] for row in BEYOND_RE2], ids=[row[0] for row in BEYOND_RE2]
)
def test_what_re2_lacks_is_evaluated_exactly_or_refused(expression: str, text: str, expected: bool) -> None:
    selection = f"CommandLine|re: '{expression}'"
    try:
        loaded(selecting(selection))
    except RuleError:
        return
    assert fires(selection, {"CommandLine": text}, "detect") is expected
    assert fires(selection, {"CommandLine": text}, "run") is expected


def test_flags_hold_for_what_re2_lacks_too() -> None:
    for flags, expression, text in (("i", "A(?!x)B", "ab"), ("s", "a.(?!x)b", "a\nb"), ("m", "^b(?!x)", "a\nb")):
        assert fires(f"CommandLine|re|{flags}: '{expression}'", {"CommandLine": text}, "run")


# Patterns that backtracking engines need exponential or cubic time for, on texts that bring it out.
HOSTILE = [
    ("nested quantifiers", r"^(a+)+$", "a" * 5000 + "!"),
    ("overlapping alternatives", r"^(a|a)*$", "a" * 5000 + "!"),
    ("several stars", r"a.*a.*a.*a.*a.*a.*z", "a" * 20000),
    ("an e-mail", r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+$", "a" * 5000 + "!"),
    ("counted repetition", r"(x{0,200}){0,4}y", "x" * 5000),
    ("nested quantifiers and look-ahead", r"^(?!b)(a+)+$", "a" * 5000 + "!"),
    ("nested quantifiers and a back-reference", r"^(a+)+\1$", "a" * 5000 + "!"),
]


@pytest.mark.parametrize(("expression", "text"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_no_expression_takes_for_ever(expression: str, text: str) -> None:
    started = time.process_time()
    report = Report()
    try:
        rules = loaded(selecting(f"CommandLine|re: '{expression}'"))
    except RuleError:
        return
    events = [event({"CommandLine": text}, at=0), event({"CommandLine": "short"}, at=1)]
    assert not list(Engine(rules, report).detect(events))
    assert time.process_time() - started < 6


EXPONENTIAL = selecting(r"CommandLine|re: '^(?!b)(a|aa)+$'")


def test_many_hostile_values_do_not_add_up() -> None:
    rules = loaded(EXPONENTIAL)
    events = [event({"CommandLine": "a" * 60 + f"!{number}"}, at=number) for number in range(24)]
    report = Report()
    started = time.process_time()
    assert not list(Engine(rules, report).detect(events))
    assert time.process_time() - started < 9
    assert report.problems


def test_an_expression_that_ran_out_of_time_is_reported_with_its_rule_and_place() -> None:
    report = Report()
    assert not list(Engine(loaded(EXPONENTIAL), report).detect([event({"CommandLine": "a" * 60 + "!"})]))
    (problem,) = report.problems
    assert "Rule" in str(problem)
    assert "made" in str(problem)


@pytest.mark.parametrize("value", ["*" * 40 + "b", "*a" * 30 + "b", "?*" * 30 + "b"])
def test_wildcards_take_linear_time(value: str) -> None:
    started = time.process_time()
    assert not fires(f"CommandLine: '{value}'", {"CommandLine": "a" * 20000}, "run")
    assert time.process_time() - started < 6


@pytest.mark.parametrize("expression", ["a{5000}", "(((a{30}){30}){30}){30}", "[a-", "(a", "a)", "*a", "a**", "\\"])
def test_an_expression_that_can_not_be_compiled_is_an_error_that_names_its_place(expression: str) -> None:
    try:
        loaded(selecting(f"CommandLine|re: '{expression}'"))
    except RuleError as error:
        text = str(error)
        assert "Rule" in text
        assert "selection" in text or "CommandLine" in text
    else:
        assert expression in ("a{5000}", "(((a{30}){30}){30}){30}", "a**")
