"""What can't be evaluated exactly is an error that names the rule and the part; `check` lists all, with places."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from exfilwatch.detection.load import check, load
from exfilwatch.errors import RuleError

from .one import PROCESS, indented, loaded, rule, selecting

# Why, the selection, and what the message must say.
SELECTIONS: list[tuple[str, str, str]] = [
    ("an unknown modifier", "CommandLine|contians: x", "contians"),
    ("a modifier of capitals", "CommandLine|Contains: x", "Contains"),
    ("re after another modifier", "CommandLine|contains|re: x", "CommandLine|selection"),
    ("an invalid expression", "CommandLine|re: '('", "CommandLine|selection"),
    ("an invalid network", "DestinationIp|cidr: 10.0.0.0/33", "DestinationIp|selection"),
    ("a network with host bits", "DestinationIp|cidr: 10.0.0.1/8", "DestinationIp|selection"),
    ("a network that is a name", "DestinationIp|cidr: localhost", "DestinationIp|selection"),
    ("a comparison with text", "Size|gt: many", "Size|selection"),
    ("a comparison with a number as text", "Size|gt: '10'", "Size|selection"),
    ("exists with a text", "Size|exists: 'yes'", "Size|selection"),
    ("exists of no field", "'|exists': true", "selection"),
    ("exists after another modifier", "Size|contains|exists: true", "Size|selection"),
    ("a network after another modifier", "DestinationIp|contains|cidr: 10.0.0.0/8", "DestinationIp|selection"),
    ("base64 of a wildcard", "CommandLine|base64: 'a*'", "CommandLine|selection"),
    ("base64offset of a wildcard", "CommandLine|base64offset|contains: 'a?'", "CommandLine|selection"),
    ("wide text that is not ASCII", "CommandLine|wide: '€'", "CommandLine|selection"),
    ("a reference with a wildcard", "CommandLine|fieldref: 'Im*'", "CommandLine|selection"),
    ("more dashes than can be expanded", "CommandLine|windash: ' -a -b -c -d'", "CommandLine|selection"),
    ("an hour that is a text", "UtcTime|hour: noon", "UtcTime|selection"),
    ("a placeholder without values", "User|expand: '%admins%'", "admins"),
    ("a value that is a map", "CommandLine: {a: b}", "CommandLine|selection"),
    ("a list within a list", "CommandLine: [[a]]", "CommandLine|selection"),
    ("a keyword that is null", "- null", "selection"),
    ("flags without an expression", "CommandLine|i: x", "CommandLine|selection"),
    ("an empty selection", "{}", "selection"),
    ("an empty list as a selection", "[]", "selection"),
]


@pytest.mark.parametrize(
    ("selection", "says"), [row[1:] for row in SELECTIONS], ids=[f"{row[1]}: {row[0]}" for row in SELECTIONS]
)
def test_a_selection_that_can_not_be_evaluated_names_the_rule_and_the_part(selection: str, says: str) -> None:
    with pytest.raises(RuleError, match=says) as error:
        loaded(selecting(selection))
    assert "'Rule'" in str(error.value)


CONDITIONS: list[tuple[str, str]] = [
    ("a selection that is not there", "selection and filter"),
    ("a pattern that no selection fits", "1 of filter_*"),
    ("them, where all begin with an underscore", "1 of them"),
    ("a count beyond one", "2 of them"),
    ("an aggregation, deprecated", "selection | count() > 5"),
    ("near, deprecated", "selection | near other"),
    ("two operators", "selection and or selection"),
    ("no operator", "selection selection"),
    ("an open bracket", "(selection"),
    ("an operator in capitals", "selection AND selection"),
    ("an operator at the end", "selection and"),
    ("nothing", ""),
]


@pytest.mark.parametrize("condition", [row[1] for row in CONDITIONS], ids=[f"{row[1]}: {row[0]}" for row in CONDITIONS])
def test_a_condition_that_can_not_be_evaluated_names_the_rule_and_the_part(condition: str) -> None:
    name = "_selection" if condition == "1 of them" else "selection"
    with pytest.raises(RuleError, match="condition") as error:
        loaded(rule(f"{name}: {{Image: x}}\ncondition: '{condition}'"))
    assert "'Rule'" in str(error.value)


WHOLE = selecting("Image: x")
DOCUMENTS: dict[str, str] = {
    "no title": WHOLE.replace("title: Rule\n", ""),
    "no log source": WHOLE.replace(f"logsource:\n{indented(PROCESS)}\n", ""),
    "no detection": WHOLE[: WHOLE.index("detection:")],
    "no condition": WHOLE.replace("  condition: selection", ""),
    "no selection": rule("condition: selection"),
    "an id that is none": WHOLE + "\nid: 4711",
    "an unknown level": WHOLE + "\nlevel: hihg",
    "an unknown status": WHOLE + "\nstatus: perfect",
    "a date that is none": WHOLE + "\ndate: yesterday",
    "tags that are no list": WHOLE + "\ntags: attack.t1020",
    "a key twice": WHOLE + "\ntitle: Other",
    "a selection twice": rule("selection: {Image: x}\nselection: {Image: y}\ncondition: selection"),
    "a field twice": rule("selection:\n  Image: x\n  Image: y\ncondition: selection"),
    "a list": "- a\n- b",
    "a text": "only words",
    "no YAML": "title: [\n",
    "tabs": "title: x\n\tlogsource: y",
    "a YAML object": "title: !!python/object/apply:os.system ['true']",
    "a filter without rules": f"title: F\nlogsource:\n{indented(PROCESS)}\nfilter:\n  a: {{Image: x}}\n  condition: a",
    "a filter without a condition": (
        f"title: F\nlogsource:\n{indented(PROCESS)}\nfilter:\n  rules: any\n  a: {{Image: x}}"
    ),
    "a filter with an unknown selection": (
        f"{WHOLE}\n---\ntitle: F\nlogsource:\n{indented(PROCESS)}\n"
        "filter:\n  rules: any\n  a: {Image: x}\n  condition: not b"
    ),
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_document_that_is_no_rule_is_listed_with_its_file_and_a_line(document: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.yml"
    path.write_text(document, "utf-8")
    problems = check([path])
    assert problems
    assert all(problem.path.endswith("broken.yml") for problem in problems)
    assert all(1 <= problem.line <= document.count("\n") + 1 for problem in problems)
    with pytest.raises(RuleError, match=r"broken\.yml"):
        load([path])


def test_aliases_of_aliases_of_aliases_cost_no_time(tmp_path: Path) -> None:
    levels = "".join(f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in pairwise("abcdefg"))
    path = tmp_path / "bomb.yml"
    path.write_text(f"a: &a [{','.join('x' * 9)}]\n{levels}{WHOLE}", "utf-8")
    started = time.process_time()
    assert check([path])
    assert time.process_time() - started < 5


SCORE = "exfilwatch:\n  score: {threshold: 2, weights: {one: 1, two: 1}}"
EXTENSIONS: dict[str, tuple[str, str]] = {
    "an unknown key": ("exfilwatch: {brunch: x}", "brunch"),
    "an unknown key of score": (SCORE.replace("threshold", "treshold"), "treshold"),
    "a weight of an unknown selection": (SCORE.replace("two: 1", "tow: 1"), "tow"),
    "a threshold that can't be reached": (SCORE.replace("threshold: 2", "threshold: 3"), "threshold"),
    "a threshold of nothing": (SCORE.replace("threshold: 2", "threshold: 0"), "threshold"),
    "a weight that is no number": (SCORE.replace("one: 1", "one: much"), "weight"),
    "a score without weights": ("exfilwatch: {score: {threshold: 1}}", "weights"),
    "a score without a threshold": ("exfilwatch: {score: {weights: {one: 1}}}", "threshold"),
    "fields that are no list": ("exfilwatch: {fields: Image}", "fields"),
    "a signal of an unknown selection": ("exfilwatch: {fields: [{A: $signal(three)}]}", "three"),
    "an unknown function": ("exfilwatch: {fields: [{A: $basname(Image)}]}", "basname"),
    "an unknown variable": ("exfilwatch: {fields: [{A: $tme}]}", "tme"),
    "pairs, of one event": ("exfilwatch: {emit: pair}", "emit"),
    "a block that is a list": ("exfilwatch: [branch]", "exfilwatch"),
    "a block that is a text": ("exfilwatch: branch", "exfilwatch"),
    "a branch that is a list": ("exfilwatch: {branch: [x]}", "branch"),
    "a guide that is a list": ("exfilwatch: {guide: [x]}", "guide"),
}


@pytest.mark.parametrize(("block", "says"), EXTENSIONS.values(), ids=EXTENSIONS.keys())
def test_a_wrong_block_of_ours_names_the_rule_and_the_key(block: str, says: str) -> None:
    with pytest.raises(RuleError, match=says) as error:
        loaded(rule("one: {Image: x}\ntwo: {User: y}\ncondition: one or two", tail=block))
    assert "'Rule'" in str(error.value)


def test_a_right_block_of_ours_loads() -> None:
    block = f"{SCORE}\n  branch: tool\n  fields: [Image, {{A: $signal(one)}}, {{B: $score}}]\n  guide: look"
    assert loaded(rule("one: {Image: x}\ntwo: {User: y}\ncondition: one or two", tail=block)).infos[0].branch == "tool"


def test_check_lists_every_problem_of_a_folder_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "good.yml").write_text(WHOLE, "utf-8")
    (tmp_path / "one.yml").write_text(
        f"{WHOLE}\n---\n{selecting('Image|contians: x').replace('Rule', 'Second')}\n", "utf-8"
    )
    (tmp_path / "sub/two.yaml").write_text(f"{WHOLE}\nlevel: hihg\n", "utf-8")
    (tmp_path / "sub/three.yml").write_text("title: [", "utf-8")
    (tmp_path / "four.yml").write_text(rule("selection: {Image: x}\ncondition: selektion", title="Fourth"), "utf-8")
    problems = {Path(problem.path).name: problem for problem in check([tmp_path])}
    assert problems.keys() == {"one.yml", "two.yaml", "three.yml", "four.yml"}
    second = (tmp_path / "one.yml").read_text("utf-8").split("\n").index("title: Second") + 1
    assert problems["one.yml"].line >= second
    assert problems["one.yml"].rule == "Second"
    level = (tmp_path / "sub/two.yaml").read_text("utf-8").split("\n").index("level: hihg") + 1
    assert problems["two.yaml"].line == level
    condition = (tmp_path / "four.yml").read_text("utf-8").split("\n").index("  condition: selektion") + 1
    assert problems["four.yml"].line == condition
    assert "selektion" in str(problems["four.yml"])


def test_several_problems_of_one_rule_are_all_listed(tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    text = rule("one: {Image|contians: x}\ntwo: {Image|re: '('}\ncondition: one or two")
    path.write_text(f"{text}\nlevel: hihg\n", "utf-8")
    said = "\n".join(map(str, check([path])))
    assert "hihg" in said
    assert "contians" in said


def test_load_raises_one_error_that_lists_all(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yml").write_text(selecting(f"Image|{name}: x"), "utf-8")
    with pytest.raises(RuleError) as error:
        load([tmp_path])
    assert "one.yml" in str(error.value)
    assert "two.yml" in str(error.value)


def test_files_that_are_no_utf_8_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_bytes(WHOLE.encode() + b"\n# \xff\xfe\n")
    assert [Path(problem.path).name for problem in check([path])] == ["rule.yml"]
