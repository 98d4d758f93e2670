"""Zeek's logs, and records that use Sigma's own names."""

import pytest

from .reading import Case, Json, check, events, one
from .samples import ZEEK_CONN

TIME = "2026-03-12T09:14:02.50031Z"
CONN: Json = {
    "ts": 1773306842.50031,
    "uid": "CPgXGz4Ck2S7ZKzsu8",
    "id.orig_h": "10.0.0.5",
    "id.orig_p": 62431,
    "id.resp_h": "203.0.113.5",
    "id.resp_p": 443,
    "proto": "tcp",
    "conn_state": "SF",
    "orig_bytes": 1082089,
}
HTTP: Json = {
    **{name: CONN[name] for name in ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")},
    "trans_depth": 1,
    "method": "PUT",
    "host": "x.example",
    "uri": "/webdav/a.7z",
    "user_agent": "curl/8.0",
    "request_body_len": 1082089,
    "status_code": 201,
}
CONNECTION = {"SourceIp": "10.0.0.5", "DestinationIp": "203.0.113.5", "DestinationPort": 443, "Protocol": "tcp"}


def corelight(record: Json) -> Json:
    return {name.replace("id.", "id_"): value for name, value in record.items()}


def zeek(name: str, record: Json, shape: str, category: str, fields: Json, service: str) -> Case:
    return Case(name, record, shape, category, "zeek", "10.0.0.5", TIME, fields, service=service)


ZEEK = [
    zeek("conn", CONN, "zeek_conn", "network_connection", CONNECTION, "conn"),
    zeek("conn of Corelight", corelight(CONN), "zeek_conn", "network_connection", CONNECTION, "conn"),
    zeek(
        "http",
        HTTP,
        "zeek_http",
        "proxy",
        {"cs-method": "PUT", "cs-host": "x.example", "c-uri": "/webdav/a.7z", "cs-bytes": 1082089, "sc-status": 201},
        "http",
    ),
    zeek(
        "ssl, which has no category",
        {
            "_path": "ssl",
            "server_name": "x.example",
            **{name: CONN[name] for name in ("ts", "uid", "id.orig_h", "id.resp_h")},
        },
        "zeek_log",
        "",
        {},
        "ssl",
    ),
]
NOON = "2026-03-12T12:00:00Z"


def named(name: str, record: Json, category: str, product: str, fields: Json, service: str = "") -> Case:
    record = {"Computer": "ws1", "time": NOON, **record}
    return Case(name, record, "sigma_named", category, product, "ws1", NOON, fields, service=service)


CURL = {"Image": "C:\\curl.exe", "CommandLine": "curl -T a"}
NAMED = [
    named("a process", CURL, "process_creation", "windows", CURL),
    named(
        "a process of Linux", CURL | {"Image": "/usr/bin/curl"}, "process_creation", "linux", {"Image": "/usr/bin/curl"}
    ),
    named(
        "a connection", {"Image": "C:\\curl.exe", "DestinationIp": "203.0.113.7"}, "network_connection", "windows", {}
    ),
    named("a file", {"TargetFilename": "C:\\a.zip"}, "file_event", "windows", {"TargetFilename": "C:\\a.zip"}),
    named("a look-up", {"QueryName": "x.example"}, "dns_query", "", {"QueryName": "x.example"}),
    named("a script", {"ScriptBlockText": "gci"}, "ps_script", "windows", {"ScriptBlockText": "gci"}),
    named(
        "a log source beside",
        {"category": "file_delete", "product": "Linux", "TargetFilename": "/tmp/a"},
        "file_delete",
        "linux",
        {"TargetFilename": "/tmp/a"},
    ),
    named(
        "a log source in an object",
        {"logsource": {"category": "process_creation", "product": "macos"}, "CommandLine": "curl"},
        "process_creation",
        "macos",
        {"CommandLine": "curl"},
    ),
    named(
        "a log source of a service",
        {"category": "process_creation", "product": "linux", "service": "auditd", "Image": "/bin/x"},
        "process_creation",
        "linux",
        {"Image": "/bin/x"},
        "auditd",
    ),
]


@pytest.mark.parametrize("case", [*ZEEK, *NAMED], ids=lambda case: f"{case.shape}: {case.name}")
def test_a_record_becomes_its_event(case):
    check(case)


def test_a_zeek_log_of_columns_is_read_by_its_header():
    (event,) = events(*ZEEK_CONN)
    assert (event.shape, event.category, event.fields["DestinationIp"]) == (
        "zeek_conn",
        "network_connection",
        "203.0.113.5",
    )
    assert event.raw["orig_bytes"] == 1082089
    assert event.raw["local_orig"] is True
    assert event.raw["tunnel_parents"] == []
    assert "service" not in event.raw


def test_a_record_with_names_of_its_own_is_not_taken_for_sigma():
    record = {"@timestamp": NOON, "event": {"category": ["process"], "type": ["start"]}, "Image": "x"}
    assert one(record).shape == "ecs"
