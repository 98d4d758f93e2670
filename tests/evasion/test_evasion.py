"""Each case of exfiltration is found in whatever writing: at least 25 of each, each with the effect of the case."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from exfilwatch.packaged import read_yaml

from ..atomics.shared import DATA, HERE  # noqa: TID252 (tests are no package on the path)
from ..cli.program import called  # noqa: TID252
from ..process_starts import Case, write  # noqa: TID252
from .known import Known, Variant, known, variants

LEVELS = ("none", "informational", "low", "medium", "high", "critical")
LEAST = 25
MISSED: dict[str, list[str]] = read_yaml(Path(__file__).with_name("missed.yml").read_text("utf-8")) or {}
LIMITS = Path(__file__).parents[2] / "docs" / "limits.md"


class Run(NamedTuple):
    """All variants, and those of them that were not found at their level; cases that were not found as they are."""

    every: Sequence[Variant]
    missed: Sequence[Variant]
    plain: Sequence[Known]

    def misses(self) -> dict[str, list[str]]:
        """Names of cases by transformation, as missed.yml has them."""
        found: dict[str, list[str]] = {}
        for each in self.missed:
            found.setdefault(each.transformation, []).append(each.known.name)
        return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The exfil pack over the cases as they are and in every writing, one host each."""
    cases = known()
    every = [variant for case in cases for variant in variants(case)]
    told = [Case(f"case-{at}", each.line.system, (each.line.started(),)) for at, each in enumerate(cases)]
    told += [Case(f"variant-{at}", each.known.line.system, (each.started,)) for at, each in enumerate(every)]
    written = write(tmp_path_factory.mktemp("evasion") / "variants.jsonl", told)
    levels: Counter[str] = Counter()
    for found in called("detect", written, "--rules", "exfil", "--output", "jsonl").lines:
        levels[found["host"]] = max(levels[found["host"]], LEVELS.index(found["rule"]["level"]))

    def silent(host: str, case: Known) -> bool:
        return levels[host] < LEVELS.index("low" if case.near else "medium")

    return Run(
        every,
        [each for at, each in enumerate(every) if silent(f"variant-{at}", each.known)],
        [each for at, each in enumerate(cases) if silent(f"case-{at}", each)],
    )


@pytest.mark.skipif(not HERE, reason=f"only our own cases are written in other ways: {DATA} has no public ones")
def test_the_public_cases_are_among_them() -> None:
    assert sum(not each.own for each in known()) >= 40


def test_sixty_cases_are_our_own_and_no_two_have_a_name() -> None:
    names = [each.name for each in known()]
    assert sum(each.own for each in known()) >= 60
    assert len(set(names)) == len(names)


def test_each_case_is_written_in_25_ways_at_least() -> None:
    counts = {case.name: sum(1 for _ in variants(case)) for case in known()}
    assert {name: count for name, count in counts.items() if count < LEAST} == {}


@pytest.mark.slow
def test_each_case_is_found_as_it_is(run: Run) -> None:
    assert [each.name for each in run.plain] == []


@pytest.mark.slow
def test_99_percent_are_found_in_any_writing(run: Run) -> None:
    assert len(run.missed) <= len(run.every) / 100, run.misses()


@pytest.mark.slow
def test_what_is_missed_is_what_missed_yml_lists(run: Run) -> None:
    here = {each.name for each in known()}
    listed = {name: [each for each in cases if each in here] for name, cases in MISSED.items()}
    assert run.misses() == {name: cases for name, cases in listed.items() if cases}


def test_each_kind_of_miss_has_its_reason_in_the_documentation() -> None:
    text = LIMITS.read_text("utf-8")
    assert [name for name in MISSED if f"`{name}`" not in text] == []
