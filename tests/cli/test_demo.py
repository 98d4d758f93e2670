"""`exfilwatch demo`: what a newcomer sees."""

import re
from pathlib import Path

import pytest

from exfilwatch_playbooks.demo.telemetry import SCENARIOS

from .program import Ended, called, on_terminal


@pytest.fixture(scope="module")
def piped() -> Ended:
    return called("demo")


def test_it_ends_well_and_without_a_word_of_trouble(piped: Ended) -> None:
    assert (piped.code, piped.err) == (0, "")


@pytest.mark.parametrize("number", [scenario.number for scenario in SCENARIOS])
def test_each_scenario_is_found_by_the_exfil_pack(number: int, piped: Ended) -> None:
    verdicts = piped.out.split("Were all four found?")[1]
    assert re.search(rf"^ *{number}  .*\d findings? ", verdicts, re.MULTILINE)


def test_it_says_that_the_seed_pack_alone_misses_3_and_4(piped: Ended) -> None:
    assert "does not find scenarios 3 and 4" in " ".join(piped.out.split())


def test_it_shows_findings_an_explanation_the_cases_one_of_them_and_what_to_try_next(piped: Ended) -> None:
    for text in ("✓ upload ", "What happened", "What to do now", "opened", "exfilwatch detect LOGS"):
        assert text in piped.out


@pytest.mark.parametrize("columns", [80, 120])
def test_it_fits_the_terminal(columns: int) -> None:
    shown = on_terminal("demo", columns=columns)
    assert shown.code == 0
    too_wide = [line for line in shown.plain.splitlines() if len(line) > columns and not line.startswith("  $ ")]
    assert too_wide == []


def test_it_keeps_nothing(tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    temporary.mkdir()
    called("demo", env={"HOME": str(home), "TMPDIR": str(temporary)})
    assert not home.exists()
    assert list(temporary.iterdir()) == []
