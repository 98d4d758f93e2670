"""Of every shape, and however its members are spelled, the fast path finds what full decoding finds."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from exfilwatch.detection.load import load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.events.inputs import Limits
from exfilwatch.rules.packs import pack

from ..events import (  # noqa: TID252 (tests are no package on the path)
    test_defender,
    test_ecs,
    test_sentinel,
    test_splunk,
    test_sumo,
    test_traffic,
    test_winlogbeat,
    test_zeek_and_named,
)
from ..events.reading import Case, dotted  # noqa: TID252
from .test_fast_path import BROAD, DATA, fast, slow

MODULES = (
    test_defender, test_ecs, test_sentinel, test_splunk, test_sumo, test_traffic, test_winlogbeat, test_zeek_and_named
)  # fmt: skip


def cases(module: ModuleType) -> Iterator[Case]:
    for value in vars(module).values():
        if isinstance(value, list):
            yield from (each for each in value if isinstance(each, Case) and isinstance(each.record, dict))


RECORDS: list[dict[str, Any]] = [dict(case.record) for module in MODULES for case in cases(module)]  # type: ignore[arg-type]


def spelled(record: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """The record with some of its objects taken apart into keys with dots, some left as they are."""
    found: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict) and value and rng.random() < 0.5:
            found |= {f"{key}.{inner}": deeper for inner, deeper in spelled(value, rng).items()}
        elif isinstance(value, dict):
            found[key] = spelled(value, rng)
        else:
            found[key] = value
    return found


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[RuleSet]:
    path = tmp_path_factory.mktemp("rules") / "broad.yml"
    path.write_text(BROAD, "utf-8")
    others = [folder / "rule.yml" for folder in sorted((DATA / "sigma-regression").glob("*")) if folder.is_dir()]
    return [load([path]), load([pack("exfil")]), *([load(others)] if others else [])]


def test_there_are_records_of_many_shapes() -> None:
    shapes = {case.shape for module in MODULES for case in cases(module)}
    assert len(RECORDS) > 150
    assert len(shapes) > 15


@pytest.mark.parametrize("seed", range(3))
def test_both_ways_find_the_same_in_records_of_every_shape_mixed_and_spelled_anyhow(
    tmp_path: Path, rules: list[RuleSet], seed: int
) -> None:
    rng = random.Random(seed)
    lines = [json.dumps(record) for record in RECORDS]
    lines += [json.dumps(dotted(record)) for record in RECORDS]
    lines += [json.dumps(spelled(record, rng)) for record in RECORDS]
    rng.shuffle(lines)
    path = tmp_path / "mixed.jsonl"
    path.write_text("{}\n" + "\n".join(lines) + "\n", "utf-8")
    for each in rules:
        wanted = slow(each, [path])
        assert [fast(each, [path], Limits(block=block))[0] for block in (1500, 1 << 18)] == [wanted, wanted]
