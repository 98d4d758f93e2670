"""Others' recordings: each record is of a known shape, has a host and a time, and is counted as the index counts it."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from exfilwatch.events.event import Event
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.events.script_blocks import ScriptBlocks

DATA = Path(__file__).parents[2] / "../shared/data"
INDEX = DATA / "background/INDEX.jsonl"
BACKGROUND = [json.loads(line) for line in INDEX.read_text().splitlines()] if INDEX.exists() else []
SHAPES = sorted((DATA / "shapes").glob("*.zip")) if DATA.exists() else []
REGRESSION = sorted((DATA / "sigma-regression").glob("*/events.evtx")) if DATA.exists() else []
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")

# What the index calls an event: the log, and its number.
INDEXED = {
    ("sysmon", 1): "sysmon_1",
    ("sysmon", 3): "sysmon_3",
    ("sysmon", 11): "sysmon_11",
    ("security", 4688): "security_4688",
    ("security", 4698): "security_4698",
    ("security", 5156): "security_5156",
    ("powershell", 4104): "powershell_4104",
}
CATEGORIES = {
    "sysmon_1": "process_creation",
    "sysmon_3": "network_connection",
    "sysmon_11": "file_event",
    "security_4688": "process_creation",
    "security_4698": "",
    "security_5156": "network_connection",
    "powershell_4104": "ps_script",
}
# What may be of no known shape, and why.
UNKNOWN = {"(a binary file)": "resource forks that macOS put into the archives (__MACOSX)"}
PROBLEMS = {"XML event that is cut off: read as far as it goes": "syslog cut a long message off"}
# Logs of Zeek that may name no host, as files and certificates belong to several connections or to none; audit logs do
# not name their own unless auditd.conf says so (name_format).
HOSTLESS = {"files", "x509", "packet_filter", "pe", "weird", "auditd"}


class Apart(ScriptBlocks):
    """Parts as they were recorded, each an event."""

    def feed(self, event: Event) -> list[Event]:
        return [event]


def read(path: Path, report: Report) -> Iterator[Event]:
    for one in open_inputs([str(path)], report, Limits(), replayable=False):
        decoder = LineDecoder(one.name, report, blocks=Apart())
        for block in one.blocks():
            for number, line in enumerate(block.lines(), block.first):
                yield from decoder.feed(line, number)
        yield from decoder.finish()


def checked(path: Path) -> Counter[str]:
    """Counts of a file's events, each of which has what every event must have."""
    report = Report()
    counts: Counter[str] = Counter()
    for event in read(path, report):
        name = INDEXED.get((event.service, int(event.raw.get("EventID") or 0)), "other")  # type: ignore[arg-type]
        assert event.category == CATEGORIES.get(name, event.category)
        # The index knows 4688 only where the channel begins with a capital; 19 files have both spellings.
        counts["other" if name == "security_4688" and event.raw["Channel"] == "security" else name] += 1
        assert event.product
        assert event.time is not None
        assert event.host or event.service in HOSTLESS
        assert event.origin.source.startswith(str(path))
        assert event.origin.line
        assert event.id
        for field in ("Image", "CommandLine", "DestinationIp", "TargetFilename", "ScriptBlockText"):
            assert isinstance(event.fields.get(field, ""), str)
    assert {key for unknown in report.unknown_shapes for key in unknown.keys} <= UNKNOWN.keys()
    assert {problem.why for problem in report.problems} <= PROBLEMS.keys()
    return counts


@needs_data
@pytest.mark.parametrize("entry", BACKGROUND, ids=lambda entry: entry["file"][:40])
def test_events_of_the_background_are_counted_as_its_index_counts_them(entry):
    assert checked(DATA / "background" / entry["file"]) == entry["events"]


@needs_data
@pytest.mark.parametrize("path", SHAPES, ids=lambda path: path.stem[:40])
def test_other_shapes_are_all_known(path):
    assert checked(path).total() > 0


@needs_data
@pytest.mark.parametrize("path", REGRESSION, ids=lambda path: path.parent.name)
def test_the_events_of_sigmas_rules_are_all_known(path):
    assert checked(path).total() > 0


@needs_data
def test_events_with_one_identity_are_one_text_recorded_twice():
    seen: dict[str, tuple[str | None, object]] = {}
    for event in read(DATA / "background" / BACKGROUND[0]["file"], Report()):
        content = (event.host, event.raw)
        assert seen.setdefault(event.id, content) == content
    assert len(seen) > 10_000
