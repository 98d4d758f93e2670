"""Records of some hosts or users are asked for in every notation that records have, and in each language."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from exfilwatch.findings.node import bare_host, bare_user, host_key, user_key
from exfilwatch.siem import kql, spl, sumo_search
from exfilwatch.siem.elastic_whose import whose
from exfilwatch.siem.queries import kusto, splunk, sumo
from exfilwatch.siem.queries.whose import is_user, named, of_hosts, of_users
from exfilwatch.siem.siem import Ask, Clock

from .. import hostile_values, quoting  # noqa: TID252 (tests are no package on the path)
from . import expressions
from .engines import BY_WORDS, Properties, index, mapping
from .records import Record

HOSTS = [
    "ws1", "WS1", "ws1.corp.example", "WS1.CORP.EXAMPLE.", "ws1.other.example", "ws10", "ws", "xws1",
    "ws1-b.corp.example", "web-a.b-c.example", "WEB-A", "10.0.0.5", "10.0.0.50", "2001:db8::1",
    "2001:0DB8:0:0:0:0:0:1", "täglich.example", "TÄGLICH",
]  # fmt: skip
ASKED_HOSTS = ["ws1", "Ws1.whatever.example", "web-a", "10.0.0.5", "2001:DB8::1", "Täglich", "nobody"]
USERS = [
    "anna", "ANNA", "CORP\\anna", "anna@corp.example", "corp/Anna", "bob", "NT AUTHORITY\\SYSTEM",
    "S-1-5-21-1-2-3-1001",
]  # fmt: skip
ASKED_USERS = ["anna", "OTHER\\Anna", "ANNA@x.example", "system", "s-1-5-21-1-2-3-1001", "nobody"]
HOSTILE = [value for value in hostile_values.VALUES if not re.search("[\ud800-\udfff]", value) and len(value) < 2_000]

FIELDS: dict[str, Properties] = {
    "keyword": {"type": "keyword"},
    "keyword, folded": {"type": "keyword", "normalizer": "lowercase", "ignore_above": 1024},
    "text": {"type": "text"},
    "text and keyword": BY_WORDS,
}


@pytest.fixture(scope="module", params=["opensearch", "elasticsearch"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    with request.getfixturevalue(request.param).client() as found:
        yield found


def alike(name: str, names: Sequence[str], key: Callable[[str], str | None]) -> set[int]:
    return {number for number, each in enumerate(names) if key(each) == key(name)}


def of_host(host: str) -> str:
    return host_key(host, "")


@pytest.mark.parametrize("field", FIELDS)
def test_search_engines_find_hosts_in_every_notation(client: Any, field: str) -> None:
    names = {"properties": {"name": FIELDS[field]}}
    properties = {"host": names, "winlog": {"properties": {"computer_name": FIELDS[field]}}}
    with index(client, {"properties": properties}) as put:
        half = len(HOSTS) // 2
        put.put(
            {"host": {"name": host}} if at < half else {"host": {"name": "other"}, "winlog": {"computer_name": host}}
            for at, host in enumerate(HOSTS)
        )
        known = mapping(put.properties())
        asked = [whose((host,), (), known, 300) for host in ASKED_HOSTS]
        for host, found in zip(ASKED_HOSTS, put.found_by(asked), strict=True):
            assert alike(host, HOSTS, of_host) <= found, host
            if ":" not in host and field.startswith("keyword") and host.isascii():
                assert found == alike(host, HOSTS, of_host), host
        together = put.found(whose(tuple(ASKED_HOSTS), (), known, 300))
        assert {n for host in ASKED_HOSTS for n in alike(host, HOSTS, of_host)} <= together
        assert field == "text" or together < set(range(len(HOSTS)))


def test_a_host_may_be_named_by_its_address_alone_and_no_host_is_any(client: Any) -> None:
    documents = [{"source": {"ip": "10.0.0.5"}}, {"source": {"ip": "10.0.0.50"}}, {"note": "no host"}, {"message": "x"}]
    with index(client, {"properties": {"source": {"properties": {"ip": {"type": "ip"}}}}}) as put:
        put.put(documents)
        known = mapping(put.properties())
        assert put.found(whose(("10.0.0.5",), (), known, 300)) == {0, 2, 3}
        assert put.found(whose(("ws1",), (), known, 300)) == {2, 3}


@pytest.mark.parametrize("field", FIELDS)
def test_search_engines_find_users_in_every_notation(client: Any, field: str) -> None:
    properties = {
        "user": {"properties": {"name": FIELDS[field], "domain": FIELDS[field]}},
        "winlog": {"properties": {"event_data": {"properties": {"User": FIELDS[field]}}}},
    }
    documents = [{"winlog": {"event_data": {"User": user}}} for user in USERS]
    documents += [{"user": {"name": "Anna", "domain": "CORP"}}, {"user": {"name": "hannah"}}, {}]
    with index(client, {"properties": properties}) as put:
        put.put(document | {"host": {"name": "x"}} for document in documents)
        known = mapping(put.properties())
        for user, found in zip(
            ASKED_USERS, put.found_by(whose((), (u,), known, 300) for u in ASKED_USERS), strict=True
        ):
            annas = user_key(user) == "anna"
            assert alike(user, USERS, user_key) | ({len(USERS)} if annas else set()) <= found, user
            if field != "text":
                assert found - alike(user, USERS, user_key) == ({len(USERS), len(USERS) + 1} if annas else set()), user
        assert put.found(whose(("y",), ("anna",), known, 300)) == set(), "both have to hold"
        assert len(put.found(whose(("x",), ("anna",), known, 300))) >= 6


def test_what_takes_too_many_clauses_is_asked_of_anybody(client: Any) -> None:
    with index(client, {"properties": {"host": {"properties": {"name": {"type": "keyword"}}}}}) as put:
        put.put({"host": {"name": host}} for host in HOSTS)
        assert len(put.found(whose(("ws1",), (), mapping(put.properties()), 1))) == len(HOSTS)


@pytest.mark.parametrize("field", ["keyword, cut", "text and keyword"])
def test_search_engines_take_hosts_and_users_of_any_name(client: Any, field: str) -> None:
    """No error, and no records of others. (What an engine can't tell apart by letters beyond ASCII may come too.)"""
    strings = {"type": "keyword", "ignore_above": 4_000} if field == "keyword, cut" else BY_WORDS
    with index(client, {"dynamic_templates": [{"s": {"match_mapping_type": "string", "mapping": strings}}]}) as put:
        put.put({"winlog": {"computer_name": value, "event_data": {"User": f"CORP\\{value}"}}} for value in HOSTILE)
        assert not put.refused
        known = mapping(put.properties())
        keys = {at: host_key(value, "") for at, value in enumerate(HOSTILE)}
        sure = [value for value in HOSTILE if named((value,), (value,))]
        found = put.found_by(whose((value,), (), known, 300) for value in sure)
        for value, numbers in zip(sure, found, strict=True):
            named_so = {at for at, key in keys.items() if key == host_key(value, "")}
            assert {at for at in named_so if HOSTILE[at].strip() == HOSTILE[at]} <= numbers, value
            if field == "keyword, cut" and _plain(value):
                assert all(of_hosts((value,)).holds(HOSTILE[at]) for at in numbers), value
        found = put.found_by(whose((), (value,), known, 300) for value in sure)
        for value, numbers in zip(sure, found, strict=True):
            assert {at for at, other in enumerate(HOSTILE) if user_key(f"CORP\\{other}") == user_key(value)} <= numbers
            if field == "keyword, cut" and _plain(value):
                assert all(is_user((value,)).holds(f"CORP\\{HOSTILE[at]}") for at in numbers), value


def _plain(value: str) -> bool:
    return value.isascii() and "k" not in value.lower() and "i" not in value.lower() and len(value) < 200


def rows(host: str, user: str) -> dict[str, Record]:
    """A record as each language's engine has it."""
    sysmon = {"EventCode": "1", "_time": "2026-03-12T09:14:02Z", "Computer": host, "User": user, "_raw": "<Event/>"}
    texts = {"_time": "2026-03-12T09:14:02Z", "_raw": json.dumps({"Computer": host, "User": user})}
    sentinel = {"EventID": 4688, "Computer": host, "SubjectAccount": user, "EventData": ""}
    return {"SPL": sysmon, "SPL, text": texts, "KQL": sentinel, "Sumo": texts}


def conditions(host: str, user: str) -> dict[str, tuple[Any, Any]]:
    """What each asks for a host, and for a user."""
    by_host, by_user = of_hosts((host,)), of_users((user,))
    in_spl = splunk.named(by_host, spl.HOSTS, ("Computer", "ComputerName", "dest"))
    of_spl = expressions.spl(in_spl), expressions.spl(splunk.condition([by_user]))
    of_kql = kusto.named(by_host, ["Computer"]), str(kusto.condition([by_user], "SecurityEvent"))
    of_sumo = sumo.named(by_host, ("_sourceHost",)), sumo.condition([by_user])
    return {
        "SPL": of_spl,
        "SPL, text": of_spl,
        "KQL": (expressions.kql(of_kql[0]), expressions.kql(of_kql[1])),
        "Sumo": (expressions.sumo(of_sumo[0]), expressions.sumo(of_sumo[1])),
    }


@pytest.mark.parametrize("language", ["SPL", "SPL, text", "KQL", "Sumo"])
def test_other_languages_find_both_in_every_notation(language: str) -> None:
    for asked in ASKED_HOSTS:
        keeps, _ = conditions(asked, "x")[language]
        found = {at for at, host in enumerate(HOSTS) if keeps(rows(host, "x")[language])}
        assert alike(asked, HOSTS, of_host) <= found, asked
        if language in ("SPL", "KQL") and asked.isascii() and ":" not in asked:
            assert found == alike(asked, HOSTS, of_host), asked
    for asked in ASKED_USERS:
        _, keeps = conditions("x", asked)[language]
        found = {at for at, user in enumerate(USERS) if keeps(rows("x", user)[language])}
        assert alike(asked, USERS, user_key) == found, asked


@pytest.mark.parametrize("kind", hostile_values.KINDS)
def test_other_languages_take_hosts_and_users_of_any_name(kind: str) -> None:
    """They are texts of the query, which read back as such, and its code stays the same but for them."""
    names = [each for each in hostile_values.KINDS[kind] if named((each,), (each,)) and len(each) < 2_000]
    for name in names[:: 1 + len(names) // 60]:
        ask = Ask(Clock.EVENT, 0, 1, hosts=(name,), users=(name,))
        quoting.kql(kql.query(kql.table("SecurityEvent"), ask, [""], 10))
        quoting.spl(spl.search("(index=x)", ask, "", ("*",)))
        quoting.sumo(sumo_search.search("x", ask, ""))
    for name in names[:: max(1, len(names) // 6)]:
        if name != name.strip() or "\0" in name or re.search("[\ud800-\udfff]", name):
            continue
        for language, row in rows(name, f"CORP\\{name}").items():
            by_host, by_user = conditions(name, name)[language]
            assert by_host(row) or bare_host(name) != name.strip().lower(), (language, name)
            assert by_user(row) or bare_user(name) != name.strip().lower(), (language, name)
