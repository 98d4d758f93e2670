"""The pages of the SIEMs against their settings."""

import pytest

from exfilwatch.siem.defender import Defender
from exfilwatch.siem.elasticsearch import Elasticsearch
from exfilwatch.siem.files import Files
from exfilwatch.siem.opensearch import OpenSearch
from exfilwatch.siem.sentinel import Sentinel
from exfilwatch.siem.siem import Siem
from exfilwatch.siem.splunk import Splunk
from exfilwatch.siem.spool import Spool
from exfilwatch.siem.sumo import Sumo

from .papers import blocks, named, read, section, table

PAGES: dict[str, type[Siem] | type[Spool]] = {
    "siem-splunk.md": Splunk,
    "siem-sumo.md": Sumo,
    "siem-elasticsearch.md": Elasticsearch,
    "siem-opensearch.md": OpenSearch,
    "siem-sentinel.md": Sentinel,
    "siem-defender.md": Defender,
    "siem-files.md": Files,
}


@pytest.mark.parametrize("page", PAGES)
def test_the_settings_of_the_page_are_those_of_the_program(page):
    rows = table(section(read(page), "Settings"), "setting")
    assert sorted(named(rows)) == sorted(PAGES[page].Settings.model_fields)


@pytest.mark.parametrize("page", PAGES)
def test_the_first_example_of_the_page_names_settings_that_there_are(page):
    (_, *lines) = blocks(read(page), "toml")[0].splitlines()
    names = {line.partition(" = ")[0] for line in lines}
    assert names <= set(PAGES[page].Settings.model_fields)
