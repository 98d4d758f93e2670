"""Enrichers are found by their place; those of others by an entry point."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.enrichment import enrichers, registry

FOLDER = Path(enrichers.__file__).parent
THEIRS = EntryPoint("theirs", "tests.enrichment.made:Echo", registry.GROUP)


@pytest.fixture
def fresh():
    registry.kinds.cache_clear()
    yield
    registry.kinds.cache_clear()


def test_every_module_in_the_folder_is_one():
    assert {each.__module__.rpartition(".")[2] for each in registry.kinds().values()} == {
        path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__"
    }


def test_each_says_in_its_docstring_what_it_sends_if_it_asks_others():
    for name, each in registry.kinds().items():
        text = (FOLDER / f"{each.__module__.rpartition('.')[2]}.py").read_text()
        if getattr(each, "outside", False) and name != "reverse_dns":
            assert "\nSent: " in text, name
            assert name == "http" or "https://" in text, name


def test_others_come_by_an_entry_point(monkeypatch, fresh):
    monkeypatch.setattr(registry, "entry_points", lambda group: [THEIRS])
    assert registry.kinds()["theirs"].title == "Echo"


@pytest.mark.parametrize(
    ("value", "said"),
    [("no.such:Thing", "no.such:Thing can't be loaded"), ("json:JSONDecoder", "json:JSONDecoder is no class with")],
)
def test_one_that_is_none_says_so(monkeypatch, fresh, value, said):
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("theirs", value, group)])
    with pytest.raises(ConfigError, match=said):
        registry.kinds()
