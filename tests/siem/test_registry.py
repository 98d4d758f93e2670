"""Which SIEMs there are, and how a wrong configuration of one is told."""

import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from pydantic import SecretStr

from exfilwatch.errors import ConfigError
from exfilwatch.siem import registry
from exfilwatch.siem.connection import Source
from exfilwatch.siem.registry import kinds, open_siem, siem_class
from exfilwatch.siem.siem import Siem

SECRET = "hunter2"
OURS = ["defender", "elasticsearch", "opensearch", "sentinel", "splunk", "sumo"]
THEIRS = """
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from pydantic import SecretStr

from exfilwatch.siem.connection import Connection, Source
from exfilwatch.siem.siem import Ask, Capabilities, Place, Traffic


class Keyed(Connection):
    api_key: SecretStr
    index: str = "main"


class Graylog:
    kind: ClassVar[str] = "graylog"
    Settings: ClassVar[type[Connection]] = Keyed

    def __init__(self, name, settings):
        self.name, self.settings, self.traffic = name, settings, Traffic()
        self.capabilities = Capabilities(False, 0, 1, None, False, "", False, False, 1)

    async def now(self): return 0
    async def places(self): return []
    async def close(self): pass
    def query(self, rules): return ""
    async def fetch(self, ask):
        yield []
"""


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that somebody else has installed."""
    (tmp_path / "exfilwatch_graylog.py").write_text(THEIRS)
    info = tmp_path / "exfilwatch_graylog-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: exfilwatch-graylog\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[exfilwatch.siem]\n"
        "graylog = exfilwatch_graylog:Graylog\n"
        "broken = exfilwatch_graylog:NotThere\n"
        "absent = exfilwatch_nowhere:Siem\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("exfilwatch_graylog", None)


def test_ours_are_there():
    assert set(OURS) <= set(kinds())


@pytest.mark.parametrize("point", entry_points(group=registry.GROUP), ids=lambda point: point.name)
def test_each_that_is_there_has_its_name_and_settings(point):
    try:
        found = point.load()
    except ModuleNotFoundError as error:
        pytest.skip(f"not built yet: {error}")
    assert found.kind == point.name
    assert issubclass(found.Settings, Source)


def test_an_unknown_kind_is_told_with_those_that_there_are():
    with pytest.raises(ConfigError, match=r"there is no SIEM kind 'splonk': use .*elasticsearch.*splunk"):
        siem_class("splonk")


@pytest.mark.parametrize("configured", [{}, {"kind": 7}, {"kind": None}])
def test_without_a_kind_they_are_told_too(configured):
    with pytest.raises(ConfigError, match=r"siem\.soc: say which kind it is: kind = .*sentinel"):
        open_siem("soc", configured)


@pytest.mark.usefixtures("third_party")
def test_a_third_partys_siem_is_found_by_its_entry_point():
    siem = open_siem("logs", {"kind": "graylog", "url": "https://graylog.example/", "api_key": SECRET})
    assert isinstance(siem, Siem)
    assert (siem.name, siem.kind, siem.settings.url) == ("logs", "graylog", "https://graylog.example")
    assert siem.settings.api_key == SecretStr(SECRET)  # type: ignore[attr-defined]
    assert SECRET not in repr(siem.settings)
    assert "graylog" in kinds()


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize("kind", ["broken", "absent"])
def test_one_that_cant_be_loaded_is_told_with_where_it_was_looked_for(kind):
    with pytest.raises(ConfigError, match=f"SIEM kind '{kind}': exfilwatch_.* can't be loaded: "):
        open_siem("logs", {"kind": kind})


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"apikey": SECRET}, r"apikey: there is no such setting, use .*\bapi_key\b.*\bindex\b"),
        ({}, "api_key: is missing"),
        ({"api_key": SECRET, "url": f"https://ann:{SECRET}@graylog.example"}, "url: has credentials in it"),
        ({"api_key": SECRET, "url": "http://graylog.example"}, "url: is not encrypted"),
        ({"api_key": [SECRET]}, "api_key: "),
        ({"api_key": SECRET, "index": {"x": SECRET}}, "index: "),
        ({"api_key": SECRET, "timeout": SECRET}, "timeout: use a number"),
        ({"api_key": SECRET, "ca": 7}, "ca: "),
    ],
)
def test_wrong_settings_are_named_and_no_value_is_shown(settings, said):
    with pytest.raises(ConfigError, match=rf"siem\.logs: .*{said}") as caught:
        open_siem("logs", {"kind": "graylog", "url": "https://graylog.example", **settings})
    shown = f"{caught.value} {caught.value!r} {caught.value.__cause__} {caught.value.__context__}"
    assert SECRET not in str(caught.value)
    assert SECRET not in shown
