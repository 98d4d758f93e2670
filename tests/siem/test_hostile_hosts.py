"""Whatever a host is called: in follow-up queries its name is a text, which reads back as itself, and nothing else."""

import re

import pytest

from exfilwatch.siem import kql, spl, sumo_search
from exfilwatch.siem.siem import Ask, Clock, Near

from .. import quoting  # noqa: TID252 (tests are no package on the path)
from ..hostile_values import KINDS, VALUES  # noqa: TID252
from .fake_kusto import Kusto
from .microsoft import NOON

TABLES = [kql.table(name) for name in ("SecurityEvent", "DeviceNetworkEvents", "Syslog", "Mine_CL")]


def asked(host: str) -> Ask:
    return Ask(Clock.EVENT, near=(Near(host, NOON, NOON), Near("other", NOON, NOON + 1)))


def sendable(host: str) -> str:
    """SPL goes as UTF-8, in which there are no halves of surrogate pairs (nor are there in a host that Splunk has)."""
    return host.encode("utf-8", "replace").decode()


def test_there_are_enough_of_them() -> None:
    assert len(VALUES) >= 300
    assert max(map(len, VALUES)) >= 100_000


@pytest.mark.parametrize("kind", KINDS)
def test_spl(kind: str) -> None:
    ordinary = quoting.spl(spl.search('(index="main")', asked("a*"), "", ("*",)))
    for host in KINDS[kind]:
        found = quoting.spl(spl.search('(index="main")', asked(host), "", ("*",)))
        assert found.code.replace(" (host=\0 OR \0 OR host=\0 OR \0)", "") == ordinary.code, host
        assert {*found.texts} - {"main", "other", host} == {sendable(host.lower())} - {"other", host}, host
        assert sendable(host.lower()) in found.texts


@pytest.mark.parametrize("kind", KINDS)
def test_kql(kind: str) -> None:
    for table in TABLES:
        ordinary = quoting.kql(kql.query(table, asked("ws1"), [""], 10))
        for host in KINDS[kind]:
            found = quoting.kql(kql.query(table, asked(host), [""], 10))
            assert found.code == ordinary.code, host
            assert found.texts == [host if text == "ws1" else text for text in ordinary.texts], host


@pytest.mark.parametrize("kind", KINDS)
def test_sumo(kind: str) -> None:
    """What may mean something in the language is not named at all: then the records of all hosts come."""
    for host in KINDS[kind]:
        found = quoting.sumo(sumo_search.search("x", asked(host), ""))
        hosts = "(_sourceHost=\0 or \0 or _sourceHost=\0 or \0) " if found.texts else ""
        assert found.code == f"(x) {hosts}| where (_messageTime >= {NOON // 1000} and _messageTime <= {NOON // 1000})"
        assert sorted({*found.texts}) == (sorted({host, "other"}) if found.texts else [])
        assert not found.texts or re.fullmatch(r"[\w.:-]+", host, re.ASCII)


def test_kusto_finds_the_host_and_no_other() -> None:
    """By duckdb-kql, which can't have NUL in a value. Kusto's strings are UTF-8: they have no halves of pairs."""
    hosts = [host for host in VALUES if "\0" not in host and host == sendable(host)]
    kusto = Kusto(lambda: NOON + 10**9)
    for number, host in enumerate(hosts):
        kusto.add("SecurityEvent", {"TimeGenerated": "2026-03-12T12:00:00Z", "Computer": host, "EventID": number})
    for number, host in enumerate(hosts):
        query = kql.query(kql.table("SecurityEvent"), Ask(Clock.EVENT, near=(Near(host, NOON, NOON),)), [""], 9_999)
        result = kusto.run(query)
        column = list(result.columns).index("EventID")
        alike = {n for n, other in enumerate(hosts) if other.lower() == host.lower()}
        assert {number} <= {row[column] for row in result.rows} <= alike, host
    kusto.close()
