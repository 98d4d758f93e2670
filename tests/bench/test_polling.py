"""The benchmark of polling serves the day that it says it does."""

import asyncio
from pathlib import Path

import pytest

from .engine import INDEX, Engine
from .generate import SMALLEST, START, Corpus
from .polling import RULES
from .programs.poll import Asked, Done, poll


@pytest.fixture(scope="module")
def server(opensearch, tmp_path_factory):
    with opensearch.client() as client:
        server = Engine(opensearch.url, client)
        server.load(Corpus(SMALLEST, "ecs").ensure(tmp_path_factory.mktemp("corpus")))
        yield server
        client.delete(f"/{INDEX}").raise_for_status()


def polled(server: Engine, database: Path, days: int, pushdown: str) -> Done:
    settings = {"kind": "opensearch", "url": server.url, "indices": [INDEX], "pushdown": pushdown}
    return asyncio.run(poll(Asked(settings, str(database), START * 1000, RULES, days)))


def test_one_day_gives_the_same_findings_either_way_and_a_second_one_gives_as_many_more(server, tmp_path):
    found = {
        (days, pushdown): polled(server, tmp_path / f"{days}-{pushdown}.sqlite", days, pushdown)
        for days in (1, 2)
        for pushdown in ("candidates", "off")
    }
    for days in (1, 2):
        assert found[days, "candidates"].ids == found[days, "off"].ids
        assert found[days, "off"].records >= days * (SMALLEST - 100)
    assert found[1, "off"].ids
    assert set(found[1, "off"].ids) < set(found[2, "off"].ids)
    assert len(found[2, "off"].ids) == 2 * len(found[1, "off"].ids)


def test_a_poll_that_was_not_whole_is_no_measurement(server, tmp_path):
    settings = {"kind": "opensearch", "url": server.url, "indices": ["not-there"]}
    with pytest.raises(Exception, match="not-there"):
        asyncio.run(poll(Asked(settings, str(tmp_path / "s.sqlite"), START * 1000, RULES)))
