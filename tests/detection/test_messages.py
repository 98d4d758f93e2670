"""An error of a rule leads to the fix: the right file and line, the part, and no names of classes."""

from pathlib import Path

import pytest

from exfilwatch.detection.load import check
from exfilwatch.detection.rule_tests import run_tests
from exfilwatch.errors import ConfigError
from exfilwatch.rules.packs import pack

HEAD = """title: A rule
id: 0f0f0f0f-0000-4000-8000-0000000000c1
logsource: {category: process_creation, product: windows}
"""

WRONG = [
    ("a modifier that the value can't take", "detection:\n  a:\n    x|gte: word\n  condition: a\n", 5, "modifier gte"),
    ("null as a keyword", "detection:\n  a:\n    - null\n  condition: a\n", 5, "a keyword can't be null"),
    ("the old aggregation's timeframe", "detection:\n  a: {x: y}\n  timeframe: 5m\n  condition: a\n", 6, "correlation"),
    (
        "a signal of a selection that is not there",
        "detection:\n  a: {x: y}\n  condition: a\nexfilwatch:\n  fields:\n    - A: $signal(aa)\n",
        8,
        "fields: A: condition: there is no selection 'aa'",
    ),
]


@pytest.mark.parametrize(("text", "line", "says"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_wrong_part_is_named_with_its_line_in_the_words_of_rule_authors(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    (tmp_path / "rule.yml").write_text(HEAD + text, "utf-8")
    (error,) = check([tmp_path])
    assert (error.path, error.line) == (str(tmp_path / "rule.yml"), line), str(error)
    assert says in str(error)
    assert "Sigma" not in str(error.args[0])
    assert "0x" not in str(error.args[0])


def test_an_id_that_is_a_number_is_named_with_its_line(tmp_path: Path) -> None:
    text = HEAD.replace("0f0f0f0f-0000-4000-8000-0000000000c1", "123")
    (tmp_path / "rule.yml").write_text(text + "detection:\n  a: {x: y}\n  condition: a\n", "utf-8")
    (error,) = check([tmp_path])
    assert (error.line, "UUID" in str(error)) == (2, True)


FILTER = """title: Our agent
id: 0f0f0f0f-0000-4000-8000-0000000000c2
logsource: {category: process_creation}
filter:
  rules: any
  selection:
    CommandLine|contains: x
  condition: not selektion
"""


def test_a_filter_with_a_wrong_condition_is_blamed_itself_and_not_the_rules_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "filter.yml").write_text(FILTER, "utf-8")
    (error,) = check([tmp_path, pack("exfil")])
    assert (error.path, error.line) == (str(tmp_path / "filter.yml"), 8)
    assert "'selektion'" in str(error)
    assert "_filt_" not in str(error)


CASES = [
    ("a test of no rule", "other.yml", "fires: []\nsilent: []\n", r"other\.yml: there is no rule file"),
    ("reports in silent", "rule.yml", "silent:\n  - {why: w, x: z, reports: {}}\n", "stands only in `fires`"),
    ("no sound YAML", "rule.yml", "fires:\n  - why: [\n", r"rule\.yml:3: is not sound YAML"),
]


@pytest.mark.parametrize(("name", "text", "says"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_wrong_file_of_tests_is_an_error_that_names_it(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / "rule.yml").write_text(HEAD + "detection:\n  a: {x: y}\n  condition: a\n", "utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / name).write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=says) as found:
        run_tests([tmp_path])
    assert "\n" not in str(found.value)
