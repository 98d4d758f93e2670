"""Others' recordings, which have GUIDs: process ids and starts alone give the same process trees."""

from pathlib import Path

import pytest

from exfilwatch.detection.trees import Kin, kin_of, trees
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report

BACKGROUND = Path(__file__).parents[2] / "../shared/data/background"
LARGEST = 600_000  # bytes; packed ones are ten times as long unpacked
RECORDINGS = [path for path in sorted(BACKGROUND.glob("*")) if 0 < path.stat().st_size < LARGEST]
OF_PROCESSES = ("process_creation", "network_connection", "file_event")


def recorded(paths: list[Path]) -> dict[tuple[str, str], list[tuple[int, Kin]]]:
    """What the events of each host of each recording tell of their processes, where they have GUIDs and ids."""
    report = Report()
    found: dict[tuple[str, str], list[tuple[int, Kin]]] = {}
    for path in paths:
        for source in open_inputs([str(path)], report, Limits(), replayable=True):
            decoder = LineDecoder(source.name, report)
            for block in source.blocks():
                for number, line in enumerate(block.lines(), block.first):
                    for event in decoder.feed(line, number):
                        kin = kin_of(event) if event.category in OF_PROCESSES else None
                        if kin and kin.guid and kin.pid and event.time is not None:
                            of_host = found.setdefault((path.name, str(event.get("Computer"))), [])
                            of_host.append((event.time, kin))
    return found


@pytest.mark.skipif(not RECORDINGS, reason="../shared/data is not here")
def test_process_ids_and_starts_give_the_trees_that_guids_give() -> None:
    families = 0
    for place, events in recorded(RECORDINGS).items():
        by_guid = {frozenset(tree.events) for tree in trees(events)}
        numbered = [(time, kin._replace(guid="", parent_guid="")) for time, kin in events]
        assert {frozenset(tree.events) for tree in trees(numbered)} == by_guid, place
        families += sum(len(tree) > 1 for tree in by_guid)
    assert families > 100
