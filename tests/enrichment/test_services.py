"""What services answer, as their documentation has it, and what becomes of refusals. The privacy test is apart."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from exfilwatch_playbooks.enrichment.enrich import Enrichers
from exfilwatch_playbooks.enrichment.indicator import Indicator, hashed, indicator
from exfilwatch_playbooks.enrichment.model import Enrichment, Status
from exfilwatch_playbooks.enrichment.registry import kinds, opened

from .made import UPLOAD, means, subject_of

KEY = "s3cr3t-key"
SHA256, MD5 = "ab" * 32, "ab" * 16
VT = {"data": {"id": "x", "type": "domain", "attributes": {"last_analysis_stats": {"malicious": 7, "suspicious": 1, "harmless": 60, "undetected": 20, "timeout": 0}, "reputation": -12, "tags": ["c2"], "meaningful_name": "m.exe"}}}  # fmt: skip
ABUSE = {"data": {"ipAddress": "8.8.4.4", "isPublic": True, "ipVersion": 4, "isWhitelisted": False, "abuseConfidenceScore": 90, "countryCode": "NL", "usageType": "Data Center/Web Hosting/Transit", "isp": "Bad Hosting", "domain": "bad.example", "hostnames": [], "isTor": True, "totalReports": 12, "numDistinctUsers": 5, "lastReportedAt": "2024-04-30T10:00:00+00:00"}}  # fmt: skip
OTX = {"pulse_info": {"count": 2, "pulses": [{"id": "1", "name": "Rclone exfil"}, {"id": "2", "name": "Ransom"}]}, "validation": []}  # fmt: skip
MISP = {"response": {"Attribute": [{"id": "1", "event_id": "77", "type": "domain", "to_ids": True, "value": "x", "Event": {"id": "77", "info": "Campaign X"}, "Tag": [{"name": "tlp:amber"}]}]}}  # fmt: skip


def cti(value: str, score: int) -> dict[str, Any]:
    node = {"id": "o--1", "entity_type": "Domain-Name", "observable_value": value, "x_opencti_score": score, "objectLabel": [{"value": "exfil"}], "indicators": {"edges": [{"node": {"name": "Evil host"}}]}}  # fmt: skip
    return {"data": {"stixCyberObservables": {"edges": [{"node": node}]}}}


def the(text: str) -> Indicator:
    found = indicator(text) or hashed(text)
    assert found is not None
    return found


def asked(name: str, given: str, table: dict[str, Any] | None = None, **fields: Any) -> dict[str, str]:
    """What an enricher says of an indicator."""
    settings = {"key": KEY, **(table or {}), **fields}

    async def ask():
        enricher = opened(name, settings, means())
        try:
            return await enricher.look_up(the(given))
        finally:
            await enricher.close()

    return {answer.key.partition(".")[2]: answer.value for answer in asyncio.run(ask())}


ANSWERS: list[tuple[str, str, str, str, dict[str, str], Any, dict[str, str]]] = [
    ("virustotal", "evil-host.net", "GET", "https://www.virustotal.com/api/v3/domains/evil-host.net", {"x-apikey": KEY}, VT,
     {"verdict": "malicious", "scanners": "7 of 88", "reputation": "-12"}),
    ("virustotal", "2606:4700::1111", "GET", "https://www.virustotal.com/api/v3/ip_addresses/2606:4700::1111", {"x-apikey": KEY},
     {"data": {"attributes": {}}}, {"verdict": "nothing bad known", "scanners": "0 of 0"}),
    ("virustotal", SHA256, "GET", f"https://www.virustotal.com/api/v3/files/{SHA256}", {"x-apikey": KEY},
     {"data": {"attributes": {"last_analysis_stats": {"malicious": 1}, "meaningful_name": "rclone.exe"}}},
     {"verdict": "suspicious", "scanners": "1 of 1", "file": "rclone.exe"}),
    ("abuseipdb", "8.8.4.4", "GET", "https://api.abuseipdb.com/api/v2/check?ipAddress=8.8.4.4&maxAgeInDays=90", {"Key": KEY}, ABUSE,
     {"verdict": "malicious", "reports": "12 by 5 users in 90 days, last 2024-04-30T10:00:00+00:00", "isp": "Bad Hosting (bad.example)",
      "usage": "Data Center/Web Hosting/Transit", "tor": "an exit of the Tor network"}),
    ("greynoise", "8.8.4.4", "GET", "https://api.greynoise.io/v3/community/8.8.4.4", {"key": KEY},
     {"ip": "8.8.4.4", "noise": True, "riot": False, "classification": "malicious", "name": "unknown", "last_seen": "2024-04-29", "message": "Success"},
     {"verdict": "malicious", "noise": "yes, last seen 2024-04-29"}),
    ("greynoise", "8.8.4.4", "GET", "https://api.greynoise.io/v3/community/8.8.4.4", {"key": KEY},
     {"ip": "8.8.4.4", "noise": False, "riot": True, "classification": "benign", "name": "Google Public DNS"},
     {"verdict": "nothing bad known", "service": "Google Public DNS"}),
    ("internetdb", "8.8.4.4", "GET", "https://internetdb.shodan.io/8.8.4.4", {},
     {"ip": "8.8.4.4", "ports": [443, 53], "hostnames": ["dns.google"], "tags": ["c2"], "vulns": ["CVE-1"], "cpes": []},
     {"verdict": "suspicious", "ports": "53, 443", "names": "dns.google", "vulnerabilities": "1"}),
    ("otx", "evil-host.net", "GET", "https://otx.alienvault.com/api/v1/indicators/domain/evil-host.net/general", {"X-OTX-API-KEY": KEY}, OTX,
     {"verdict": "suspicious", "pulses": "2"}),
    ("otx", "a.evil-host.net", "GET", "https://otx.alienvault.com/api/v1/indicators/hostname/a.evil-host.net/general", {"X-OTX-API-KEY": KEY},
     {**OTX, "validation": [{"source": "akamai", "message": "Akamai rank: #3"}]},
     {"verdict": "nothing bad known", "pulses": "2", "allowed": "Akamai rank: #3"}),
    ("otx", "8.8.4.4", "GET", "https://otx.alienvault.com/api/v1/indicators/IPv4/8.8.4.4/general", {}, {}, {"verdict": "nothing bad known"}),
    ("urlhaus", "evil-host.net", "POST", "https://urlhaus-api.abuse.ch/v1/host/", {"Auth-Key": KEY},
     {"query_status": "ok", "urlhaus_reference": "https://urlhaus.abuse.ch/host/evil-host.net/", "firstseen": "2024-04-01", "url_count": "3",
      "urls": [{"url_status": "online", "threat": "malware_download", "tags": None}, {"url_status": "offline", "tags": ["elf"]}]},
     {"verdict": "malicious", "urls": "3, 1 of them online, since 2024-04-01"}),
    ("urlhaus", MD5, "POST", "https://urlhaus-api.abuse.ch/v1/payload/", {}, {"query_status": "ok", "signature": "Heodo", "file_type": "exe", "url_count": "1"},
     {"verdict": "malicious", "urls": "1, 0 of them online", "malware": "Heodo"}),
    ("urlhaus", "evil-host.net", "POST", "https://urlhaus-api.abuse.ch/v1/host/", {}, {"query_status": "no_results"}, {"verdict": "not known there"}),
    ("threatfox", "evil-host.net", "POST", "https://threatfox-api.abuse.ch/api/v1/", {"Auth-Key": KEY},
     {"query_status": "ok", "data": [{"id": "12", "ioc": "evil-host.net", "threat_type": "botnet_cc", "malware_printable": "Cobalt Strike", "confidence_level": 75, "first_seen": "2024-04-02 UTC", "tags": None}]},
     {"verdict": "malicious", "malware": "Cobalt Strike", "first": "2024-04-02 UTC"}),
    ("threatfox", "8.8.4.4", "POST", "https://threatfox-api.abuse.ch/api/v1/", {},
     {"query_status": "ok", "data": [{"id": 1, "ioc": "18.8.4.4:443", "confidence_level": 100}, {"id": 2, "ioc": "8.8.4.4:443", "confidence_level": 25}]},
     {"verdict": "suspicious"}),
    ("threatfox", "8.8.4.4", "POST", "https://threatfox-api.abuse.ch/api/v1/", {}, {"query_status": "no_result", "data": "Your search did not yield any results"},
     {"verdict": "not known there"}),
    ("misp", "evil-host.net", "POST", "https://misp.corp.test/attributes/restSearch", {"Authorization": KEY}, MISP, {"verdict": "malicious", "events": "1"}),
    ("misp", "evil-host.net", "POST", "https://misp.corp.test/attributes/restSearch", {}, {"response": {"Attribute": []}}, {"verdict": "not known there"}),
    ("opencti", "evil-host.net", "POST", "https://cti.corp.test/graphql", {"Authorization": f"Bearer {KEY}"}, cti("evil-host.net", 80),
     {"verdict": "malicious", "score": "80", "indicators": "1"}),
    ("opencti", "evil-host.net", "POST", "https://cti.corp.test/graphql", {}, cti("not-evil-host.net", 80), {"verdict": "not known there"}),
]  # fmt: skip
TABLES: dict[str, dict[str, Any]] = {
    "misp": {"url": "https://misp.corp.test"},
    "opencti": {"url": "https://cti.corp.test"},
    "http": {
        "url": "https://cmdb.corp.test", "path": "/v1/{kind}/{value}", "verdict": "risk.score",
        "answers": {"Owner": "owner.0.name", "Tags": "tags", "Nothing": "no.such"},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "given", "method", "url", "headers", "answer", "said"), ANSWERS, ids=[f"{at}-{each[0]}" for at, each in enumerate(ANSWERS)]
)  # fmt: skip
def test_answers(httpx_mock, name, given, method, url, headers, answer, said):
    httpx_mock.add_response(method=method, url=url, match_headers=headers, json=answer)
    assert asked(name, given, TABLES.get(name)) == said


def test_any_endpoint_by_template(httpx_mock):
    httpx_mock.add_response(
        url="https://cmdb.corp.test/v1/name/evil-host.net",
        json={"risk": {"score": 55}, "owner": [{"name": "Net\nteam"}], "tags": ["a", "b"]},
    )
    assert asked("http", "evil-host.net", TABLES["http"]) == {
        "verdict": "suspicious",
        "owner": "Net team",
        "tags": "a, b",
    }


def test_a_template_for_a_body_is_json_whatever_is_put_in(httpx_mock):
    httpx_mock.add_response(method="POST", json={"n": 1})
    table = {"url": "https://x.corp.test", "path": "/q", "method": "POST", "body": {"q": "{value}", "t": "{algorithm}"}}
    assert asked("http", SHA256, table, answers={"N": "n"}, key_header="X-Key", key_prefix="T ") == {"n": "1"}
    request = httpx_mock.get_request()
    assert json.loads(request.content) == {"q": SHA256, "t": "sha256"}
    assert request.headers["X-Key"] == f"T {KEY}"


@pytest.mark.parametrize("name", ["virustotal", "abuseipdb", "greynoise", "internetdb", "otx"])
def test_what_is_not_known_there_is_an_answer(httpx_mock, name):
    httpx_mock.add_response(status_code=404, json={"error": {"code": "NotFoundError", "message": "not found"}})
    assert asked(name, "8.8.4.4") == {"verdict": "not known there"}


SERVICES = [name for name, found in kinds().items() if getattr(found, "outside", False) and name != "reverse_dns"]


def enriched(name: str, **fields: Any) -> Enrichment:
    table = {"key": KEY, "kind": name, **TABLES.get(name, {}), **fields}
    finding = UPLOAD.model_copy(
        update={"events": [UPLOAD.events[0].model_copy(update={"fields": {"DestinationIp": "8.8.4.4"}})], "fields": {}}
    )

    async def ask():
        async with Enrichers({"mine": table}, means()) as enrichers:
            (made,) = await enrichers.enrich([subject_of(finding)], ["mine"])
            return made

    return asyncio.run(ask())


REFUSALS: list[tuple[int, dict[str, str], Any, str]] = [
    (401, {}, {"error": {"code": "WrongCredentialsError", "message": "Wrong API key"}}, "Wrong API key: check the credentials in enrichment.mine"),
    (403, {}, {"message": "no"}, "the account lacks a right"),
    (429, {"Retry-After": "3600"}, {"errors": [{"detail": "Daily rate limit"}]}, "Daily rate limit: asked to wait 3600 s"),
    (429, {"Retry-After": "30"}, {}, "asked to wait 30 s, which is beyond its deadline"),
    (400, {}, {"detail": f"bad key {KEY}"}, "bad key ***"),
    (200, {}, [], "with what is not its API's JSON"),
    (302, {"Location": "https://elsewhere.test/?q=8.8.4.4"}, {}, "it sends on to elsewhere.test"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "headers", "body", "said"), REFUSALS, ids=[f"{at}-{each[0]}" for at, each in enumerate(REFUSALS)]
)
@pytest.mark.parametrize("name", ["virustotal", "misp", "opencti", "abuseipdb"])
def test_refusals_say_what_to_change_and_no_key(httpx_mock, name, status, headers, body, said):
    httpx_mock.add_response(status_code=status, headers=headers, json=body)
    (failed,) = enriched(name).facts
    assert failed.status is Status.FAILED
    assert said in failed.reason
    assert KEY not in failed.reason


@pytest.mark.httpx_mock(can_send_already_matched_responses=True)
@pytest.mark.parametrize("name", SERVICES)
def test_one_that_does_not_answer_costs_no_more_than_its_deadline(httpx_mock, name):
    httpx_mock.add_exception(httpx.ConnectError("no route"))
    (late,) = enriched(name, deadline="1s", **({"answers": {"A": "a"}} if name == "http" else {})).facts
    assert late.status in (Status.LATE, Status.FAILED)


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in ("internetdb", "http")])
def test_without_a_key_it_is_off_and_says_so(name):
    table = {key: value for key, value in TABLES.get(name, {}).items() if key == "url"}
    assert Enrichers({name: table}, means()).off[name] == f"needs a key: key = ... in [enrichment.{name}]"


def test_the_rate_that_a_service_allows_is_kept_to(httpx_mock, store):
    for _ in range(2):
        httpx_mock.add_response(json=VT)
    names = [f"h{at}.evil-host.net" for at in range(5)]
    events = [
        UPLOAD.events[0].model_copy(update={"id": name, "fields": {"DestinationHostname": name}}) for name in names
    ]
    subject = subject_of(UPLOAD.model_copy(update={"events": events, "fields": {}}))

    async def ask():
        async with Enrichers({"virustotal": {"key": KEY, "per_minute": 2}}, means(store)) as enrichers:
            (made,) = await enrichers.enrich([subject], ["virustotal"])
            return made

    made = asyncio.run(ask())
    assert len({each.about for each in made.known}) == 2
    assert [each.reason for each in made.unknown] == [
        "its quota of 2 questions a minute is used up: asked again when there is room"
    ]
