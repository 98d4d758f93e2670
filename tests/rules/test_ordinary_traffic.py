"""How loud the rules for volumes are in weeks of ordinary traffic with a backup in it."""

import json
from collections import Counter
from importlib.resources import files

import pytest

from ..cli.program import inside  # noqa: TID252
from .ordinary_traffic import BACKUP, traffic

NAMES = ("sent", "sent_over_time", "to_new_place", "to_unknown_place", "unusual")
RULES = [files("exfilwatch.rules") / "exfil" / f"volume_{name}.yml" for name in NAMES]


@pytest.mark.parametrize("seed", range(2))
def test_volumes_are_medium_at_most_four_times_a_week_for_a_dozen_hosts(seed, tmp_path, capsys):
    file = tmp_path / "conn.log"
    file.write_text("\n".join(map(json.dumps, traffic(seed))))
    ended = inside(capsys, "detect", file, *(each for rule in RULES for each in ("--rules", rule)), "--output", "jsonl")
    levels = Counter(found["rule"]["level"] for found in ended.lines)
    assert set(levels) == {"low", "medium"}
    assert levels["medium"] <= 16  # in the four weeks after the first


def test_a_desk_that_sends_a_gigabyte_to_where_the_backups_go_is_medium(tmp_path, capsys):
    records = list(traffic(0))
    backup = next(each for each in records if str(each["id.orig_h"]).endswith(f".{10 + BACKUP}"))
    sent = {
        "ts": max(each["ts"] for each in records) - 3600,
        "orig_bytes": 3_000_000_000,
        "orig_ip_bytes": 3_100_000_000,
    }
    theft = backup | sent | {"id.orig_h": "10.20.0.15", "uid": "CTheft", "resp_bytes": 2_000_000}
    file = tmp_path / "conn.log"
    file.write_text("\n".join(map(json.dumps, [*records, theft])))
    ended = inside(capsys, "detect", file, *(each for rule in RULES for each in ("--rules", rule)), "--output", "jsonl")
    found = [each for each in ended.lines if each["fields"].get("bytes_out") == 3_000_000_000]
    assert {each["rule"]["level"] for each in found} == {"low", "medium"}
