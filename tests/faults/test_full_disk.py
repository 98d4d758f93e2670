"""No room for the state: the poll says so, nothing counts as read, and with room everything is found."""

import pytest

from exfilwatch.findings.store import Store

from .killing import Runner
from .polling import check_end
from .sites import site
from .story import HOUR, story
from .test_killed import POLL, configure


@pytest.mark.parametrize("more", [1, 4, 12])
def test_a_disk_that_is_full_loses_nothing(tmp_path, more):
    """`more`: pages of 4 KB that still fit."""
    with site("splunk") as place, Runner(tmp_path) as runner:
        configure(tmp_path, {"kind": "splunk", "at_once": 1, "late": "2d", **place.settings(place.url)})
        refused, largest = 0, 0
        for step in story(8, steps=3, records=30):
            place.move(step.now)
            for record in step.records:
                place.put(record)
            ended = runner.run(arguments=POLL, largest=largest)
            said = "no room on the disk" in ended.said
            assert ended.status == 0 or said, ended
            refused += said
            largest = largest or (tmp_path / "findings.sqlite").stat().st_size + 4096 * more
        assert refused
        place.move(step.now + HOUR)
        ended = runner.run(arguments=POLL)
        assert ended.status == 0, ended.said
        check_end(place, Store(f"{tmp_path}/findings.sqlite"))
