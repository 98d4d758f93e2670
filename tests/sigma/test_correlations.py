"""Correlations from YAML to detection: sigma-specification 2.1.0, "Correlation Rules".

What windows are is tested in tests/detection; here stands that each key of the section does what it says.
"""

import pytest

from exfilwatch.errors import RuleError
from exfilwatch.events.event import Event

from .one import detected, event, loaded, rule

LOGIN_ID = "33333333-3333-4333-8333-333333333333"
LOGIN = rule("own: {Image: login}\ncondition: own", title="Login", head=f"id: {LOGIN_ID}\nname: login")
COPY = rule("own: {Image: copy}\ncondition: own", title="Copy", head="name: copy")
SEND = rule(
    "own: {Image: send}\ncondition: own",
    "category: network_connection\nproduct: windows",
    title="Send",
    head="name: send",
)


def correlation(body: str, *, title: str = "Correlation", name: str = "") -> str:
    """A correlation document; `body` stands one level deep."""
    head = f"name: {name}\n" if name else ""
    return f"title: {title}\n{head}correlation:\n" + "\n".join(f"  {line}" for line in body.strip().split("\n"))


def step(image: str, at: float, user: str = "ann", **fields: object) -> Event:
    category = "network_connection" if image == "send" else "process_creation"
    return event({"Image": image, "User": user, **fields}, category=category, at=at, name=f"{image}{at}{user}{fields}")


def titles(documents: list[str], events: list[Event]) -> list[str]:
    return sorted(hit.rule.title for hit in detected(loaded(*documents), events))


COUNT = "type: event_count\nrules: [login]\ngroup-by: [User]\ntimespan: 1m\ncondition: {gte: 3}"


@pytest.mark.parametrize(
    ("times", "expected"),
    [((0, 1, 2), True), ((0, 1), False), ((0, 30, 60), True), ((0, 30, 61), False), ((0, 30, 59, 3600), True)],
)
def test_event_count_counts_within_the_timespan(times: tuple[int, ...], expected: bool) -> None:
    events = [step("login", at) for at in times]
    assert titles([LOGIN, correlation(COUNT)], events) == (["Correlation"] if expected else [])


def test_events_of_other_groups_do_not_count() -> None:
    events = [step("login", 0), step("login", 1), step("login", 2, "bob")]
    assert titles([LOGIN, correlation(COUNT)], events) == []


@pytest.mark.parametrize(
    ("condition", "counts"),
    [
        ("gt: 2", [3, 4]),
        ("gte: 2", [2, 3, 4]),
        ("lt: 3", [1, 2]),
        ("lte: 2", [1, 2]),
        ("eq: 2", [2]),
        ("neq: 2", [1, 3, 4]),
    ],
)
def test_a_condition_compares_the_count(condition: str, counts: list[int]) -> None:
    # Events at one instant: no window holds only some of them.
    body = COUNT.replace("gte: 3", condition)
    found = [
        count
        for count in range(1, 5)
        if titles([LOGIN, correlation(body)], [step("login", 0, Number=number) for number in range(count)])
    ]
    assert found == counts


@pytest.mark.parametrize("reference", ["login", LOGIN_ID])
def test_a_member_is_referred_to_by_name_or_id(reference: str) -> None:
    body = COUNT.replace("[login]", f"[{reference}]")
    assert titles([LOGIN, correlation(body)], [step("login", at) for at in range(3)]) == ["Correlation"]


def test_a_correlation_may_stand_before_its_members() -> None:
    assert titles([correlation(COUNT), LOGIN], [step("login", at) for at in range(3)]) == ["Correlation"]


def test_several_rules_count_together() -> None:
    body = COUNT.replace("[login]", "[login, copy]")
    assert titles([LOGIN, COPY, correlation(body)], [step("login", 0), step("copy", 1), step("login", 2)]) == [
        "Correlation"
    ]


def test_value_count_counts_different_values_of_its_field() -> None:
    body = "type: value_count\nrules: [login]\ngroup-by: [Computer]\ntimespan: 1m\ncondition: {field: User, gte: 3}"
    documents = [LOGIN, correlation(body)]
    assert titles(documents, [step("login", at, user) for at, user in enumerate("abc")]) == ["Correlation"]
    assert titles(documents, [step("login", at, user) for at, user in enumerate("abab")]) == []


TEMPORAL = "type: temporal\nrules: [copy, send]\ngroup-by: [User]\ntimespan: 5m"


def test_temporal_needs_all_rules_in_any_order() -> None:
    documents = [COPY, SEND, correlation(TEMPORAL)]
    assert titles(documents, [step("copy", 0), step("send", 10)]) == ["Correlation"]
    assert titles(documents, [step("send", 0), step("copy", 10)]) == ["Correlation"]
    assert titles(documents, [step("copy", 0), step("copy", 10)]) == []
    assert titles(documents, [step("copy", 0), step("send", 10, "bob")]) == []
    assert titles(documents, [step("copy", 0), step("send", 301)]) == []


def test_temporal_ordered_needs_them_in_order() -> None:
    documents = [COPY, SEND, correlation(TEMPORAL.replace("temporal", "temporal_ordered"))]
    assert titles(documents, [step("copy", 0), step("send", 10)]) == ["Correlation"]
    assert titles(documents, [step("send", 0), step("copy", 10)]) == []
    assert titles(documents, [step("send", 10), step("copy", 0)]) == ["Correlation"]


def test_temporal_with_a_count_of_different_rules() -> None:
    body = TEMPORAL.replace("[copy, send]", "[login, copy, send]") + "\ncondition: {gte: 2}"
    documents = [LOGIN, COPY, SEND, correlation(body)]
    assert titles(documents, [step("copy", 0), step("send", 10)]) == ["Correlation"]
    assert titles(documents, [step("copy", 0), step("copy", 10)]) == []


def test_aliases_name_a_group_that_is_called_differently_in_each_rule() -> None:
    body = (
        "type: temporal\nrules: [copy, send]\ngroup-by: [who]\ntimespan: 5m\n"
        "aliases:\n  who:\n    copy: User\n    send: Account"
    )
    documents = [COPY, SEND, correlation(body)]
    assert titles(documents, [step("copy", 0, "ann"), step("send", 1, "x", Account="ann")]) == ["Correlation"]
    assert titles(documents, [step("copy", 0, "ann"), step("send", 1, "ann", Account="bob")]) == []


@pytest.mark.parametrize(("generate", "expected"), [("", []), ("false", []), ("true", ["Login", "Login"])])
def test_members_find_nothing_themselves_unless_it_is_asked_for(generate: str, expected: list[str]) -> None:
    body = COUNT + (f"\ngenerate: {generate}" if generate else "")
    assert titles([LOGIN, correlation(body)], [step("login", 0), step("login", 1)]) == expected


def test_a_correlation_may_be_a_member() -> None:
    documents = [
        LOGIN,
        COPY,
        correlation(COUNT, title="Many Logins", name="many_logins"),
        correlation("type: temporal_ordered\nrules: [many_logins, copy]\ngroup-by: [User]\ntimespan: 10m"),
    ]
    logins = [step("login", at) for at in range(3)]
    assert titles(documents, [*logins, step("copy", 100)]) == ["Correlation"]
    assert titles(documents, [*logins[:2], step("copy", 100)]) == []
    assert titles(documents, [step("copy", -100), *logins]) == []
    assert titles(documents, logins) == []


def test_without_a_group_all_events_are_one() -> None:
    body = COUNT.replace("group-by: [User]\n", "")
    assert titles([LOGIN, correlation(body)], [step("login", at, user) for at, user in enumerate("abc")]) == [
        "Correlation"
    ]


@pytest.mark.parametrize(("span", "reach"), [("90s", 90), ("2m", 120), ("1h", 3600), ("1d", 86400)])
def test_a_timespan_is_a_number_and_a_unit(span: str, reach: int) -> None:
    body = COUNT.replace("1m", span).replace("gte: 3", "gte: 2")
    assert titles([LOGIN, correlation(body)], [step("login", 0), step("login", reach)]) == ["Correlation"]
    assert titles([LOGIN, correlation(body)], [step("login", 0), step("login", reach + 1)]) == []


WRONG = {
    "an unknown type": COUNT.replace("event_count", "event_cuont"),
    "an unknown name": COUNT.replace("[login]", "[logon]"),
    "an unknown id": COUNT.replace("[login]", f"[{LOGIN_ID[:-1]}4]"),
    "no rules": COUNT.replace("rules: [login]\n", ""),
    "an empty list of rules": COUNT.replace("[login]", "[]"),
    "no timespan": COUNT.replace("timespan: 1m\n", ""),
    "a timespan of nothing": COUNT.replace("1m", "0m"),
    "a timespan without a unit": COUNT.replace("1m", "60"),
    "a timespan of an unknown unit": COUNT.replace("1m", "1x"),
    "no condition": COUNT.replace("\ncondition: {gte: 3}", ""),
    "an unknown comparison": COUNT.replace("gte", "ge"),
    "a condition that compares with text": COUNT.replace("gte: 3", "gte: many"),
    "a condition that only nothing could meet": COUNT.replace("gte: 3", "lt: 1"),
    "a condition that never fails to be met by less than none": COUNT.replace("gte: 3", "lt: 0"),
    "value_count without a field": COUNT.replace("event_count", "value_count"),
    "an alias of an unknown rule": COUNT + "\naliases: {who: {logon: User}}",
    "a group-by that is no list": COUNT.replace("[User]", "{a: b}"),
    "an extended condition of a count": COUNT.replace("{gte: 3}", "login and copy"),
    "an extended condition with an unknown rule": TEMPORAL + "\ncondition: copy and sned",
    "more rules wanted than there are": TEMPORAL + "\ncondition: {gte: 3}",
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_correlation_is_an_error_that_names_it(body: str) -> None:
    with pytest.raises(RuleError, match="Correlation"):
        loaded(LOGIN, COPY, SEND, correlation(body))


def test_correlations_that_are_each_others_members_are_an_error() -> None:
    one = correlation(COUNT.replace("[login]", "[two]"), title="One", name="one")
    two = correlation(COUNT.replace("[login]", "[one]"), title="Two", name="two")
    with pytest.raises(RuleError, match=r"One|Two|one|two"):
        loaded(one, two)


def test_a_correlation_of_itself_is_an_error() -> None:
    with pytest.raises(RuleError, match="one"):
        loaded(correlation(COUNT.replace("[login]", "[one]"), title="one", name="one"))
