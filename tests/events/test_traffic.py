"""Records that say what traffic carried and how much: one upload, as each source tells of it."""

import json

import pytest

from .reading import Case, Json, check, dotted, one

TIME = "2026-03-12T09:14:02.5Z"
ENDS: Json = {"id.orig_h": "10.0.0.5", "id.orig_p": 62431, "id.resp_h": "203.0.113.5", "id.resp_p": 80}
HEAD: Json = {"ts": 1773306842.5, "uid": "CPgXGz4Ck2S7ZKzsu8", **ENDS}
FROM_TO: Json = {"SourceIp": "10.0.0.5", "DestinationIp": "203.0.113.5"}
VOLUME: Json = {**FROM_TO, "source.bytes": 1082589, "destination.bytes": 512}
REQUEST: Json = {
    **FROM_TO,
    "cs-method": "PUT",
    "cs-host": "x.example",
    "c-useragent": "curl/8.0",
    "cs-bytes": 1082089,
    "sc-bytes": 12,
}


def zeek(name: str, record: Json, category: str, fields: Json, host: str = "10.0.0.5") -> Case:
    return Case(name, record, f"zeek_{name.split()[0]}", category, "zeek", host, TIME, fields, service=name.split()[0])


DNS = {**HEAD, "proto": "udp", "trans_id": 41180, "query": "a.x.example", "qtype_name": "TXT", "answers": ["b"]}
FTP = {**HEAD, "user": "anonymous", "command": "STOR", "arg": "ftp://203.0.113.5/in/a.7z", "reply_code": 226}
FILE = {"ts": 1773306842.5, "fuid": "F1", "source": "FTP_DATA", "seen_bytes": 1082089, "filename": "a.7z"}
SENT = {**FROM_TO, "source.bytes": 1082089}
ZEEK = [
    zeek(
        "conn",
        {**HEAD, "proto": "tcp", "conn_state": "SF", "orig_bytes": 1082589, "resp_bytes": 512, "orig_pkts": 800},
        "network_connection",
        {**VOLUME, "source.packets": 800},
    ),
    zeek(
        "http",
        {
            **HEAD,
            "trans_depth": 1,
            "method": "PUT",
            "host": "x.example",
            "uri": "/dav/a.7z",
            "user_agent": "curl/8.0",
            "request_body_len": 1082089,
            "response_body_len": 12,
            "status_code": 201,
            "orig_mime_types": ["application/x-7z-compressed"],
            "orig_filenames": ["a.7z"],
        },
        "proxy",
        {**REQUEST, "c-uri": "/dav/a.7z", "cs-content-type": ["application/x-7z-compressed"], "cs-filename": ["a.7z"]},
    ),
    zeek("dns", DNS, "dns", {**FROM_TO, "QueryName": "a.x.example", "record_type": "TXT"}),
    zeek("ftp", FTP, "", {**FROM_TO, "User": "anonymous"}),
    zeek("files of old", {**FILE, "tx_hosts": ["10.0.0.5"], "rx_hosts": ["203.0.113.5"]}, "", SENT),
    zeek("files that were sent", {**FILE, **ENDS, "is_orig": True}, "", SENT),
    zeek(
        "files that were fetched",
        {**FILE, **ENDS, "is_orig": False},
        "",
        {"SourceIp": "203.0.113.5", "DestinationIp": "10.0.0.5"},
    ),
]

WEB: Json = {
    "_time": TIME,
    "src": "10.0.0.5",
    "dest": "203.0.113.5",
    "http_method": "PUT",
    "url": "http://x.example/dav/a.7z",
    "url_domain": "x.example",
    "http_user_agent": "curl/8.0",
    "bytes_out": "1082089",
    "bytes_in": "12",
    "status": "201",
}
TRAFFIC: Json = {
    "_time": TIME,
    "src_ip": "10.0.0.5",
    "dest_ip": "203.0.113.5",
    "dest_port": "80",
    "transport": "tcp",
    "bytes_out": "1082589",
    "bytes_in": "512",
}


def splunk(name: str, record: Json, category: str, fields: Json) -> Case:
    return Case(name, record, name.split()[0], category, "", "10.0.0.5", TIME, fields)


SPLUNK = [
    splunk("cim_web", WEB, "proxy", REQUEST | {"c-uri": "http://x.example/dav/a.7z"}),
    splunk("cim_web that was blocked", WEB | {"action": "blocked"}, "", {}),
    splunk("cim_web_model", {f"Web.{k}" if k != "_time" else k: v for k, v in WEB.items()}, "proxy", REQUEST),
    splunk("cim_traffic", TRAFFIC, "network_connection", VOLUME),
]

SESSION: Json = {
    "TimeGenerated": TIME,
    "EventVendor": "Zscaler",
    "SrcIpAddr": "10.0.0.5",
    "DstIpAddr": "203.0.113.5",
    "SrcBytes": 1082089,
    "DstBytes": 12,
}
WEB_SESSION = SESSION | {
    "EventSchema": "WebSession",
    "EventType": "HTTPsession",
    "HttpRequestMethod": "PUT",
    "HttpHost": "x.example",
    "Url": "http://x.example/dav/a.7z",
    "HttpUserAgent": "curl/8.0",
    "FileName": "a.7z",
}
CEF: Json = {
    "TimeGenerated": TIME,
    "DeviceVendor": "Palo Alto Networks",
    "DeviceProduct": "PAN-OS",
    "DeviceAction": "allow",
    "SourceIP": "10.0.0.5",
    "DestinationIP": "203.0.113.5",
    "SentBytes": 1082589,
    "ReceivedBytes": 512,
}
CEF_WEB = CEF | {
    "RequestMethod": "PUT",
    "DestinationHostName": "x.example",
    "RequestURL": "x.example/dav/a.7z",
    "RequestClientApplication": "curl/8.0",
    "SentBytes": 1082089,
    "ReceivedBytes": 12,
}


def sentinel(name: str, record: Json, category: str, fields: Json) -> Case:
    return Case(name, record, name.split()[0], category, "", "10.0.0.5", TIME, fields)


SENTINEL = [
    sentinel("asim_web", WEB_SESSION, "proxy", REQUEST | {"cs-filename": "a.7z"}),
    sentinel("asim_web of a server", WEB_SESSION | {"EventType": "WebServerSession"}, "", {}),
    sentinel(
        "asim_network", SESSION | {"EventSchema": "NetworkSession"}, "network_connection", {"source.bytes": 1082089}
    ),
    sentinel("sentinel_cef", CEF, "network_connection", VOLUME),
    sentinel("sentinel_cef of a proxy", CEF_WEB, "proxy", REQUEST),
    sentinel("sentinel_cef that was denied", CEF | {"DeviceAction": "Drop"}, "", {}),
]

FLOW: Json = {
    "@timestamp": TIME,
    "event": {"category": ["network"], "type": ["connection", "end"]},
    "host": {"name": "collector"},
    "network": {"transport": "tcp"},
    "source": {"ip": "10.0.0.5", "port": 62431, "bytes": 1082589},
    "destination": {"ip": "203.0.113.5", "port": 80, "bytes": 512},
}
HTTP: Json = FLOW | {
    "event": {"category": ["network", "web"], "type": ["access"]},
    "url": {"original": "/dav/a.7z", "domain": "x.example"},
    "user_agent": {"original": "curl/8.0"},
    "http": {"request": {"method": "PUT", "body": {"bytes": 1082089}}, "response": {"body": {"bytes": 12}}},
}
OBSERVED: Json = {"observer": {"vendor": "Palo Alto Networks", "type": "firewall"}}


def elastic(name: str, record: Json, category: str, fields: Json) -> Case:
    shape = name.split()[0]
    return Case(name, record, shape, category, "", "collector" if shape == "ecs" else "10.0.0.5", TIME, fields)


ELASTIC = [
    elastic("ecs of packetbeat", FLOW, "network_connection", VOLUME),
    elastic("ecs of packetbeat, a request", HTTP, "proxy", REQUEST),
    elastic("ecs_observed", FLOW | OBSERVED, "network_connection", VOLUME),
    elastic("ecs_observed of a request", HTTP | OBSERVED, "proxy", REQUEST),
]

INSPECTED = {
    "direction": "Out",
    "method": "PUT",
    "host": "x.example",
    "uri": "/dav/a.7z",
    "user_agent": "curl/8.0",
    "request_body_len": "1082089",
    "response_body_len": 12,
    "status_code": "201",
}
DEFENDER_ROW: Json = {
    "Timestamp": TIME,
    "DeviceName": "ws1",
    "ActionType": "HttpConnectionInspected",
    "LocalIP": "10.0.0.5",
    "RemoteIP": "203.0.113.5",
    "RemotePort": 80,
}
DEFENDER = [
    Case(name, DEFENDER_ROW | {"AdditionalFields": said}, "defender", "proxy", "windows", "ws1", TIME, REQUEST)
    for name, said in (("as text", json.dumps(INSPECTED)), ("as an object", INSPECTED))
]
RECORD: Json = {
    "timestamp": 1773306842500,
    "metadata_vendor": "Zscaler",
    "objectType": "NetworkHTTP",
    "srcDevice_ip": "10.0.0.5",
    "dstDevice_ip": "203.0.113.5",
    "bytesOut": 1082089,
    "bytesIn": 12,
}
SUMO = [
    Case(
        "cse",
        RECORD
        | {
            "http_method": "PUT",
            "http_url": "http://x.example/dav/a.7z",
            "http_hostname": "x.example",
            "http_userAgent": "curl/8.0",
        },
        "sumo_cse",
        "proxy",
        "",
        "10.0.0.5",
        TIME,
        REQUEST,
    ),
    Case(
        "cse of a firewall",
        RECORD | {"objectType": "NetworkFlow", "dstPort": "80"},
        "sumo_cse",
        "network_connection",
        "",
        "10.0.0.5",
        TIME,
        {"source.bytes": 1082089, "destination.bytes": 12, "DestinationPort": 80},
    ),
]
CASES = [*ZEEK, *SPLUNK, *SENTINEL, *ELASTIC, *DEFENDER, *SUMO]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.shape}: {case.name}")
def test_a_record_becomes_its_event(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("case", ELASTIC, ids=lambda case: case.name)
def test_dots_in_keys_make_the_same_event(case: Case) -> None:
    assert one(dotted(dict(case.record))).fields == one(case.record).fields  # type: ignore[arg-type]
