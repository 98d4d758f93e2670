"""How loud the rules for new places are in weeks of ordinary traffic: one changes what it uses, all together seldom."""

import json
from collections import Counter
from importlib.resources import files

import pytest

from ..cli.program import inside  # noqa: TID252
from .ordinary_traffic import traffic

RULES = [files("exfilwatch.rules") / "exfil" / f"volume_to_{what}_place.yml" for what in ("new", "unknown")]


@pytest.mark.parametrize("seed", range(2))
def test_places_that_are_new_for_all_are_few_and_those_of_one_host_are_low(seed, tmp_path, capsys):
    file = tmp_path / "conn.log"
    file.write_text("\n".join(map(json.dumps, traffic(seed))))
    ended = inside(capsys, "detect", file, *(each for rule in RULES for each in ("--rules", rule)), "--output", "jsonl")
    levels = Counter(found["rule"]["level"] for found in ended.lines)
    assert set(levels) == {"low", "medium"}
    assert levels["medium"] <= 16  # in the four weeks after the first: at most four a week for a dozen hosts
