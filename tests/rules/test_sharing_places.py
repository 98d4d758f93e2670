"""The rules that name places for files, so that a SIEM can be asked, name all of those that the catalogue knows."""

from importlib.resources import files

import pytest
import yaml

from exfilwatch.commands import destinations
from exfilwatch.packaged import packaged

KINDS = ("file sharing", "paste")
RULES = files("exfilwatch.rules.exfil")
FIELDS = {"odd_program_connects": "DestinationHostname", "odd_program_looks_up": "QueryName"}


@pytest.mark.parametrize("rule", FIELDS)
def test_every_place_of_the_catalogue_is_named(rule: str) -> None:
    detection = yaml.safe_load(RULES.joinpath(f"{rule}.yml").read_text("utf-8"))["detection"]
    ends = tuple(detection["named"][f"{FIELDS[rule]}|endswith"])
    catalogue = packaged("exfilwatch.commands", "destinations.yml")
    names = [name for kind in KINDS for name in catalogue[kind]]

    assert len(names) > 50
    assert [name for name in names if not name.endswith(ends)] == []
    assert {destinations.kind_of(end) for end in ends} == {*KINDS, "cloud storage", "messaging"}
