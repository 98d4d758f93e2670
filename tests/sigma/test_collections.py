"""Collections and filters: `action`, several documents, references (sigma-specification 2.1.0, and pySigma's own)."""

from pathlib import Path

import pytest

from exfilwatch.detection.load import load
from exfilwatch.errors import RuleError

from .one import PROCESS, detected, event, indented, loaded, rule

ID = "11111111-1111-4111-8111-111111111111"
OTHER_ID = "22222222-2222-4222-8222-222222222222"


def titles(documents: list[str], **fields: str) -> list[str]:
    """The titles of the rules that fire on a process creation with these fields."""
    return sorted(hit.rule.title for hit in detected(loaded(*documents), [event(fields)]))


GLOBAL = f"""
action: global
title: From Above
logsource:
{indented(PROCESS)}
detection:
  common: {{User: ann}}
  condition: common and own
"""


def test_what_is_global_is_part_of_every_document_after_it() -> None:
    documents = [GLOBAL, "detection:\n  own: {Image: a}", "detection:\n  own: {Image: b}"]
    assert titles(documents, User="ann", Image="a") == ["From Above"]
    assert titles(documents, User="ann", Image="b") == ["From Above"]
    assert titles(documents, User="bob", Image="a") == []
    assert titles(documents, User="ann", Image="c") == []


def test_reset_ends_what_is_global() -> None:
    documents = [GLOBAL, "detection:\n  own: {Image: a}", "action: reset"]
    documents.append(rule("own: {Image: b}\ncondition: own", title="Alone"))
    assert titles(documents, User="bob", Image="b") == ["Alone"]
    assert titles(documents, User="ann", Image="a") == ["From Above"]


def test_repeat_adds_to_the_document_before() -> None:
    first = rule("own: {Image: a}\ncommon: {User: ann}\ncondition: own and common", title="First")
    documents = [first, "action: repeat\ntitle: Second\ndetection:\n  own: {Image: b}"]
    assert titles(documents, User="ann", Image="a") == ["First"]
    assert titles(documents, User="ann", Image="b") == ["Second"]
    assert titles(documents, User="bob", Image="b") == []


def test_an_unknown_action_is_an_error() -> None:
    with pytest.raises(RuleError, match="globl"):
        loaded(GLOBAL.replace("global", "globl"), "detection:\n  own: {Image: a}")


def test_every_document_of_a_file_is_a_rule() -> None:
    documents = [rule(f"own: {{Image: {name}}}\ncondition: own", title=f"Rule {name}") for name in "abc"]
    assert titles(documents, Image="b") == ["Rule b"]
    assert len(loaded(*documents).infos) == 3


def test_empty_documents_are_nothing() -> None:
    documents = ["", rule("own: {Image: a}\ncondition: own"), "# only a comment", ""]
    assert titles(documents, Image="a") == ["Rule"]


@pytest.mark.parametrize("key", [f"id: {ID}", "name: same_name"])
def test_the_same_id_or_name_twice_is_an_error_that_names_it(key: str) -> None:
    documents = [rule("own: {Image: a}\ncondition: own", title=title, head=key) for title in ("One", "Two")]
    with pytest.raises(RuleError, match=key.split()[1]):
        loaded(*documents)


def test_the_same_id_in_two_files_is_an_error_that_names_a_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        text = rule("own: {Image: a}\ncondition: own", title=name, head=f"id: {ID}")
        (tmp_path / f"{name}.yml").write_text(text, "utf-8")
    with pytest.raises(RuleError, match=ID) as error:
        load([tmp_path])
    assert "one.yml" in str(error.value) or "two.yml" in str(error.value)


def test_the_same_file_given_twice_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "one.yml"
    path.write_text(rule("own: {Image: a}\ncondition: own", head=f"id: {ID}"), "utf-8")
    assert len(load([path, tmp_path, path]).infos) == 1


def test_the_same_title_twice_is_fine() -> None:
    documents = [rule(f"own: {{Image: {name}}}\ncondition: own") for name in "ab"]
    assert titles(documents, Image="a") == ["Rule"]


def filtered(condition: str, rules: str, *, selections: str = "", logsource: str = PROCESS) -> str:
    """A filter document."""
    selections = selections or "selection:\n  User: ann"
    body = f"rules: {rules}\n{selections}\ncondition: {condition}"
    return f"title: Filter\nlogsource:\n{indented(logsource)}\nfilter:\n{indented(body)}"


NAMED = rule("own: {Image: a}\ncondition: own", head=f"id: {ID}\nname: first_rule")
SECOND = rule("own: {Image: a}\ncondition: own", title="Second", head=f"id: {OTHER_ID}\nname: second_rule")


@pytest.mark.parametrize("rules", [ID, "first_rule", f"[{ID}]", f"\n  - first_rule\n  - {OTHER_ID}", "any"])
def test_a_filter_takes_away_from_the_rules_that_it_names(rules: str) -> None:
    documents = [NAMED, filtered("not selection", rules)]
    assert titles(documents, Image="a", User="ann") == []
    assert titles(documents, Image="a", User="bob") == ["Rule"]


def test_a_filter_leaves_other_rules_alone() -> None:
    documents = [NAMED, SECOND, filtered("not selection", "first_rule")]
    assert titles(documents, Image="a", User="ann") == ["Second"]


def test_a_filters_condition_must_hold_too() -> None:
    documents = [NAMED, filtered("selection", "first_rule")]
    assert titles(documents, Image="a", User="ann") == ["Rule"]
    assert titles(documents, Image="a", User="bob") == []


def test_any_means_the_rules_of_the_filters_log_source() -> None:
    linux = rule("own: {Image: a}\ncondition: own", "category: process_creation\nproduct: linux", title="Linux")
    rules = loaded(NAMED, linux, filtered("not selection", "any"))
    seen = [event({"Image": "a", "User": "ann"}, product=product) for product in ("windows", "linux")]
    assert [hit.rule.title for hit in detected(rules, seen)] == ["Linux"]


def test_a_wider_log_source_of_a_filter_covers_narrower_rules() -> None:
    documents = [NAMED, filtered("not selection", "any", logsource="category: process_creation")]
    assert titles(documents, Image="a", User="ann") == []


def test_them_in_a_filter_are_the_filters_own_selections() -> None:
    selections = "one:\n  User: ann\ntwo:\n  User: eve"
    documents = [NAMED, filtered("not 1 of them", "first_rule", selections=selections)]
    assert titles(documents, Image="a", User="eve") == []
    assert titles(documents, Image="a", User="bob") == ["Rule"]


def test_them_in_a_rule_are_not_the_filters_selections() -> None:
    documents = [
        rule("one: {Image: a}\ntwo: {Image: b}\ncondition: 1 of them", head="name: first_rule"),
        filtered("selection or not selection", "first_rule"),
    ]
    assert titles(documents, Image="c", User="ann") == []
    assert titles(documents, Image="b", User="bob") == ["Rule"]


def test_selections_of_a_filter_may_be_called_like_those_of_the_rule() -> None:
    documents = [
        rule("selection: {Image: a}\ncondition: selection", head="name: first_rule"),
        filtered("not selection", "first_rule"),
    ]
    assert titles(documents, Image="a", User="ann") == []
    assert titles(documents, Image="a", User="bob") == ["Rule"]


def test_a_filter_binds_looser_than_the_rules_or() -> None:
    documents = [
        rule("one: {Image: a}\ntwo: {Image: b}\ncondition: one or two", head="name: first_rule"),
        filtered("not selection", "first_rule"),
    ]
    assert titles(documents, Image="a", User="ann") == []
    assert titles(documents, Image="b", User="ann") == []


def test_a_filter_holds_for_each_condition_of_a_list() -> None:
    documents = [
        rule("one: {Image: a}\ntwo: {Image: b}\ncondition: [one, two]", head="name: first_rule"),
        filtered("not selection", "first_rule"),
    ]
    assert titles(documents, Image="a", User="ann") == []
    assert titles(documents, Image="b", User="ann") == []
    assert titles(documents, Image="b", User="bob") == ["Rule"]


def test_two_filters_on_one_rule_both_hold() -> None:
    documents = [
        NAMED,
        filtered("not selection", "first_rule"),
        filtered("not selection", "any", selections="selection:\n  User: eve"),
    ]
    assert titles(documents, Image="a", User="ann") == []
    assert titles(documents, Image="a", User="eve") == []
    assert titles(documents, Image="a", User="bob") == ["Rule"]


def test_a_filter_may_stand_in_another_file_read_earlier(tmp_path: Path) -> None:
    (tmp_path / "a_filter.yml").write_text(filtered("not selection", "first_rule"), "utf-8")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/z.yaml").write_text(NAMED, "utf-8")
    rules = load([tmp_path / "a_filter.yml", tmp_path / "rules"])
    assert [bool(detected(rules, [event({"Image": "a", "User": user})])) for user in ("ann", "bob")] == [False, True]


def test_a_filter_on_a_member_takes_away_from_its_correlation() -> None:
    correlation = f"""
title: Twice
correlation:
  type: event_count
  rules: [{ID}]
  group-by: [Computer]
  timespan: 1m
  condition: {{gte: 2}}
"""
    rules = loaded(NAMED, correlation, filtered("not selection", ID))

    def seen(*users: str) -> list[str]:
        events = [event({"Image": "a", "User": user}, at=second) for second, user in enumerate(users)]
        return [hit.rule.title for hit in detected(rules, events)]

    assert seen("bob", "eve") == ["Twice"]
    assert seen("bob", "ann") == []
    assert seen("bob", "ann", "eve") == ["Twice"]


def test_folders_are_read_recursively_and_tests_and_readmes_are_not(tmp_path: Path) -> None:
    deep = tmp_path / "one/two"
    deep.mkdir(parents=True)
    (deep / "rule.yaml").write_text(rule("own: {Image: a}\ncondition: own"), "utf-8")
    (tmp_path / "one/tests").mkdir()
    (tmp_path / "one/tests/rule.yml").write_text("fires: []", "utf-8")
    (tmp_path / "README.md").write_text("no rule", "utf-8")
    (tmp_path / "notes.txt").write_text("no rule", "utf-8")
    assert [info.title for info in load([tmp_path]).infos] == ["Rule"]
