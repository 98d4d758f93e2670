"""What holds for every rule that comes with exfilwatch."""

import re
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from exfilwatch.errors import ConfigError
from exfilwatch.packaged import read_yaml
from exfilwatch.rules.packs import FILTERS, pack, packs

FILES = [path for name in packs() for path in sorted(pack(name).glob("*.yml"))]
DOCUMENTS = [
    pytest.param(document, id=f"{path.parent.name}-{path.stem}-{number}")
    for path in FILES
    for number, document in enumerate(yaml.safe_load_all(path.read_text("utf-8")))
]
LEVELS = {"informational", "low", "medium", "high", "critical"}


def test_packs_are_found_by_their_folders() -> None:
    assert packs() == ["exfil", "seed"]
    assert [path.name for path in sorted(pack("seed").glob("*.yml"))] == [
        "archive_then_network.yml",
        "scripting_engine.yml",
        "transfer_tool.yml",
    ]


def test_an_unknown_pack_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'nope'.*exfil or seed"):
        pack("nope")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_rule_has_the_form_of_sigmahq(document: dict[str, Any]) -> None:
    assert uuid.UUID(str(document["id"])).version == 4
    assert document["status"] in ("stable", "test", "experimental")
    assert document["level"] in LEVELS
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(document["date"]))
    for key in ("title", "description", "author"):
        assert str(document[key]).strip()
    for key in ("references", "falsepositives", "tags"):
        assert isinstance(document[key], list)
        assert document[key]
    assert len(str(document["title"])) <= 110
    assert any(re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag) for tag in document["tags"])
    assert ("correlation" in document) != ("detection" in document and "logsource" in document)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_rule_that_finds_something_says_what_to_check_and_reports_its_branch(path: Path) -> None:
    documents = list(yaml.safe_load_all(path.read_text("utf-8")))
    (finding,) = (document for document in documents if document["level"] != "informational")
    block = finding["exfilwatch"]
    asked, _, rest = block["guide"].partition("\n\nWhere to look:\n\n")
    looked, _, harmless = rest.partition("\n\nHarmless if:\n\n")
    assert asked.startswith("Questions:\n\n1. ")
    for part, item in ((asked.partition("\n\n")[2], r"\d\. "), (looked, "- "), (harmless, "- ")):
        items = re.split(rf"(?:^|\n){item}", part.strip())[1:]
        assert items
        assert all(len(each.strip()) > 15 for each in items)
    assert {"Branch": "$branch"} in block["fields"]
    assert "Computer" in {field if isinstance(field, str) else next(iter(field)) for field in block["fields"]}


def test_no_two_rules_share_an_id_or_a_name() -> None:
    documents = [document for path in FILES for document in yaml.safe_load_all(path.read_text("utf-8"))]
    for key in ("id", "name", "title"):
        counts = Counter(document[key] for document in documents if key in document)
        assert [value for value, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_rule_has_its_tests_beside_it_and_each_says_why(path: Path) -> None:
    tests = read_yaml((path.parent / "tests" / path.name).read_text("utf-8"))
    assert set(tests) == {"fires", "silent"}
    cases = [*tests["fires"], *tests["silent"]]
    assert tests["fires"]
    assert tests["silent"]
    assert all(str(case["why"]).strip() for case in cases)


def test_no_tests_stand_beside_a_rule_that_is_gone() -> None:
    tests = [path for name in packs() for path in sorted((pack(name) / "tests").glob("*.yml"))]
    assert [path for path in tests if not (path.parent.parent / path.name).is_file()] == []


FILTER_FILES = sorted(FILTERS.glob("*.yml"))


@pytest.mark.parametrize("path", FILTER_FILES, ids=lambda path: path.stem)
def test_a_filter_is_for_the_pack_and_names_where_from_or_where_to(path: Path) -> None:
    (document,) = yaml.safe_load_all(path.read_text("utf-8"))
    assert uuid.UUID(str(document["id"])).version == 4
    assert document["exfilwatch"] == {"pack": "exfil"}
    assert document["filter"]["condition"].startswith("not ")
    for key in ("title", "description", "author"):
        assert str(document[key]).strip()
    assert document["references"]
    parents = [str(value) for values in _values(document, "ParentImage") for value in values]
    assert all(re.match(r"\^?(\(\?i\)\^\()?([A-Z]:\\|/)", parent) for parent in parents), "a parent without its folder"
    assert not any(r"\Users" in parent or r"\Temp" in parent for parent in parents)
    assert not _values(document, "Image")
    scripts = [str(value) for values in _values(document, "Path|startswith") for value in values]
    assert all(re.match(r"[A-Z]:\\", script) for script in scripts), "a script without its folder"
    named = ("transfer.destination", "DestinationHostname", "network.destination")
    assert parents or scripts or any(_values(document, field) for field in named)


def _values(document: dict[str, Any], wanted: str) -> list[list[object]]:
    """The values that a filter asks for, of a field with any modifiers or with these."""
    parts = [part for each in document["filter"].values() for part in (each if isinstance(each, list) else [each])]
    selections = [each for each in parts if isinstance(each, dict)]
    found = [value for each in selections for name, value in each.items() if wanted in (name, name.split("|")[0])]
    return [value if isinstance(value, list) else [value] for value in found]


@pytest.mark.parametrize("path", FILTER_FILES, ids=lambda path: path.stem)
def test_a_filter_has_a_look_alike_that_is_still_found(path: Path) -> None:
    tests = read_yaml((path.parent / "tests" / path.name).read_text("utf-8"))
    assert tests["silent"]
    assert len(tests["fires"]) >= 2
