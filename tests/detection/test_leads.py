"""Which members of a correlation lead, so that the others are looked for near them only."""

from pathlib import Path

import pytest

from exfilwatch.detection.load import load
from exfilwatch.detection.neighbours import leads

RULE = """
title: {name}
name: {name}
logsource: {{{source}}}
detection: {{seen: {{{seen}}}, condition: seen}}
level: informational
"""
CORRELATION = """
title: Both
correlation: {{type: temporal, rules: [{names}], group-by: [Computer], timespan: 1h, condition: {condition}}}
level: low
"""
DISK = ("product: windows, service: security", "EventID: [6416, 1102]")
LOGON = ("product: windows, service: security", "EventID: 4624")
DRIVER = ("product: windows, service: driver-framework", "EventID: 2003")
FILE = ("product: windows, category: file_event", "TargetFilename: 'E:\\a.zip'")
START = ("product: windows, category: process_creation", "Image: 'C:\\x.exe'")
CONNECTION = ("product: windows, category: network_connection", "Image: 'C:\\x.exe'")


def led(folder: Path, condition: str, *, asked: bool, **members: tuple[str, str]) -> tuple[set[str], set[str]]:
    """The titles of those that lead, and of those that are looked for near them."""
    rules = [RULE.format(name=name, source=source, seen=seen) for name, (source, seen) in members.items()]
    path = folder / "rules.yml"
    path.write_text("---".join([*rules, CORRELATION.format(names=", ".join(members), condition=condition)]))
    loaded = load([path])
    found, lazy = leads(loaded, again=True, asked=asked)
    titles = {rule.id: rule.info.title for rule in loaded.rules}
    return {titles[lead.member] for lead in found}, {titles[each] for each in lazy}


@pytest.mark.parametrize(
    ("first", "condition", "leading"),
    [
        pytest.param(DISK, "a and c", {"a"}, id="a disk is hardly ever connected"),
        pytest.param(DRIVER, "a and c", {"a"}, id="nor is its driver loaded"),
        pytest.param(DISK, "(a or b) and c", {"a", "b"}, id="both together"),
        pytest.param(LOGON, "a and c", set(), id="people log on all the time"),
        pytest.param(LOGON, "(a or b) and c", set(), id="then neither leads"),
    ],
)
def test_what_hardly_ever_happens_leads_to_files_that_are_asked_for(tmp_path, first, condition, leading):
    members = {"a": first, "b": DRIVER, "c": FILE} if "b" in condition else {"a": first, "c": FILE}
    found = led(tmp_path, condition, asked=True, **members)
    assert found == (leading, {"c"} if leading else set())


def test_where_all_is_read_anyway_files_are_looked_for_everywhere(tmp_path):
    assert led(tmp_path, "a and b", asked=False, a=DISK, b=FILE) == (set(), set())


def test_who_sees_the_records_own_names_is_never_looked_for_by_the_host_of_an_event(tmp_path):
    assert led(tmp_path, "a and b and c", asked=True, a=START, b=LOGON, c=CONNECTION) == ({"b"}, {"a", "c"})
    assert led(tmp_path, "a and b", asked=True, a=LOGON, b=DISK) == (set(), set())
