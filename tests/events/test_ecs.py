"""Elastic Endpoint on all systems, auditbeat; nested keys and dotted ones."""

import pytest

from .reading import Case, Json, check, dotted, one, partly_dotted, same
from .test_winlogbeat import CURL, NOON


def endpoint(system: str, category: str, kind: str, action: str, **more: object) -> Json:
    """A record of Elastic Endpoint or auditbeat."""
    return {
        "@timestamp": NOON,
        "event": {"category": [category], "type": [kind], "action": action, "id": f"N{action}", "module": "endpoint"},
        "host": {"hostname": "web1", "name": "web1", "os": {"type": system}},
        "user": {"name": "ann", "id": "1000"},
        **more,
    }


BASH = {
    "executable": "/usr/bin/curl",
    "args": ["curl", "-F", "file=@a b", "http://x/"],
    "pid": 701,
    "parent": {"executable": "/usr/bin/bash", "args": ["bash", "up.sh"], "pid": 700},
}
LINUX_CREATION = {
    "Image": "/usr/bin/curl",
    "CommandLine": "curl -F 'file=@a b' http://x/",
    "ParentImage": "/usr/bin/bash",
    "ParentCommandLine": "bash up.sh",
    "User": "ann",
    "ProcessId": 701,
}
GOES_OUT = {
    "source": {"ip": "10.0.0.5", "port": 50123},
    "destination": {"ip": "203.0.113.7", "port": 443},
    "network": {"transport": "tcp", "direction": "egress"},
}


def other(name: str, record: Json, category: str, product: str, fields: Json) -> Case:
    return Case(name, record, "ecs", category, product, "web1", NOON, fields)


OTHERS = [
    other(
        "Endpoint on Linux, exec",
        endpoint("linux", "process", "start", "exec", process=BASH),
        "process_creation",
        "linux",
        LINUX_CREATION,
    ),
    other(
        "Endpoint on macOS, exec",
        endpoint("macos", "process", "start", "exec", process=BASH),
        "process_creation",
        "macos",
        LINUX_CREATION,
    ),
    other(
        "Endpoint on Windows, start",
        endpoint("windows", "process", "start", "start", process=CURL),
        "process_creation",
        "windows",
        {"CommandLine": CURL["command_line"], "OriginalFileName": "curl.exe"},
    ),
    other(
        "a fork, which runs nothing new",
        endpoint("linux", "process", "start", "fork", process=BASH),
        "",
        "linux",
        {"Image": "/usr/bin/curl"},
    ),
    other(
        "a fork and what it executed, in one record",
        endpoint("linux", "process", "start", "", process=BASH)
        | {"event": {"category": ["process"], "type": ["start"], "action": ["fork", "exec"]}},
        "process_creation",
        "linux",
        LINUX_CREATION,
    ),
    other(
        "a connection and its end, in one record",
        endpoint("linux", "network", "start", "", process=BASH, **GOES_OUT)
        | {
            "event": {
                "category": ["network"],
                "type": ["start", "end"],
                "action": ["connection_attempted", "disconnect_received"],
            }
        },
        "network_connection",
        "linux",
        {"DestinationIp": "203.0.113.7"},
    ),
    other(
        "the end of a process",
        endpoint("linux", "process", "end", "end", process=BASH),
        "process_termination",
        "linux",
        {"Image": "/usr/bin/curl"},
    ),
    other(
        "Endpoint, connection",
        endpoint("linux", "network", "start", "connection_attempted", process=BASH, **GOES_OUT),
        "network_connection",
        "linux",
        {"Image": "/usr/bin/curl", "DestinationIp": "203.0.113.7", "DestinationPort": 443, "Initiated": "true"},
    ),
    other(
        "Endpoint, the end of that connection",
        endpoint("linux", "network", "end", "disconnect_received", process=BASH, **GOES_OUT),
        "",
        "linux",
        {},
    ),
    other(
        "Endpoint, file creation",
        endpoint("linux", "file", "creation", "creation", process=BASH, file={"path": "/tmp/a.zip"}),
        "file_event",
        "linux",
        {"TargetFilename": "/tmp/a.zip", "Image": "/usr/bin/curl"},
    ),
    other(
        "Endpoint, renaming",
        endpoint(
            "linux",
            "file",
            "change",
            "rename",
            process=BASH,
            file={"path": "/tmp/b", "Ext": {"original": {"path": "/tmp/a"}}},
        ),
        "file_rename",
        "linux",
        {"TargetFilename": "/tmp/b", "SourceFilename": "/tmp/a"},
    ),
    other(
        "Endpoint, deletion",
        endpoint("macos", "file", "deletion", "deletion", process=BASH, file={"path": "/tmp/a"}),
        "file_delete",
        "macos",
        {"TargetFilename": "/tmp/a"},
    ),
    other(
        "Endpoint, name look-up",
        endpoint(
            "macos", "network", "start", "lookup_requested", process=BASH, dns={"question": {"name": "x.example"}}
        ),
        "dns_query",
        "macos",
        {"QueryName": "x.example", "Image": "/usr/bin/curl"},
    ),
    other(
        "auditbeat's system module, by the platform alone",
        endpoint("", "process", "start", "process_started", process=BASH)
        | {"host": {"name": "web1", "os": {"family": "debian", "platform": "ubuntu"}}},
        "process_creation",
        "linux",
        LINUX_CREATION,
    ),
    other(
        "auditbeat of version 6, without categories",
        {
            "@timestamp": NOON,
            "event": {"action": "process_started", "module": "system", "dataset": "process"},
            "host": {"name": "web1"},
            "process": BASH,
            "user": {"name": "ann"},
        },
        "process_creation",
        "linux",
        LINUX_CREATION,
    ),
    other(
        "file integrity",
        endpoint("linux", "file", "creation", "created", file={"path": "/srv/x"}),
        "file_event",
        "linux",
        {"TargetFilename": "/srv/x"},
    ),
]


def auditbeat(action: str, data: Json, result: str = "success", **more: object) -> Json:
    return {
        "@timestamp": NOON,
        "agent": {"type": "auditbeat", "name": "web1"},
        "auditd": {"sequence": 41, "message_type": "syscall", "result": result, "data": data},
        "event": {"module": "auditd", "action": action, "category": ["process"], "kind": "event"},
        "host": {"name": "web1"},
        "service": {"type": "auditd"},
        "user": {"name": "ann", "id": "1000"},
        **more,
    }


def audit(name: str, record: Json, category: str, fields: Json) -> Case:
    return Case(name, record, "auditbeat", category, "linux", "web1", NOON, fields, service="auditd")


AUDITBEAT = [
    audit(
        "execve",
        auditbeat("executed", {"syscall": "execve", "exit": "0"}, process=BASH | {"title": "curl -F"}),
        "process_creation",
        LINUX_CREATION,
    ),
    audit("execve that failed", auditbeat("executed", {"exit": "ENOENT"}, "fail", process=BASH), "", {}),
    audit(
        "connect",
        auditbeat(
            "connected-to",
            {
                "syscall": "connect",
                "exit": "EINPROGRESS",
                "socket": {"family": "ipv4", "addr": "203.0.113.7", "port": "443"},
            },
            "fail",
            process=BASH,
        ),
        "network_connection",
        {"Image": "/usr/bin/curl", "DestinationIp": "203.0.113.7", "DestinationPort": 443, "User": "ann"},
    ),
    audit(
        "connect to a local socket",
        auditbeat("connected-to", {"socket": {"family": "unix", "path": "/run/x"}}, process=BASH),
        "",
        {"Image": "/usr/bin/curl"},
    ),
    audit(
        "deletion",
        auditbeat("deleted", {"syscall": "unlinkat"}, process=BASH, file={"path": "/tmp/a"}),
        "file_delete",
        {"TargetFilename": "/tmp/a"},
    ),
]
ALL = [*OTHERS, *AUDITBEAT]


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.shape}: {case.name}")
def test_a_record_becomes_its_event(case):
    check(case)


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.shape}: {case.name}")
def test_dots_in_the_keys_say_the_same_as_objects(case):
    same(one(case.record), one(dotted(case.record)))


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.shape}: {case.name}")
def test_the_keys_may_be_dotted_in_part(case):
    same(one(case.record), one(partly_dotted(case.record)))


def test_a_log_line_shipped_by_filebeat_is_read_as_that_line():
    line = 'type=EXECVE msg=audit(1764000000.100:41): argc=2 a0="curl" a1="-T"'
    shipped = {"@timestamp": NOON, "message": line, "log": {"file": {"path": "/var/log/audit/audit.log"}}}
    assert one(shipped).shape == "auditd"


def test_a_record_of_auditbeat_is_known_without_its_message_type_too():
    """As exports with chosen columns have it."""
    record = dotted(auditbeat("executed", {"syscall": "execve"}, process=BASH))
    del record["auditd.message_type"]
    assert (one(record).shape, one(record).category) == ("auditbeat", "process_creation")


def test_a_command_line_alone_tells_a_record_of_the_common_schema():
    """As exports with chosen columns have it."""
    event = one({"@timestamp": NOON, "process": {"command_line": "curl -T a", "pid": 5}, "host": {"name": "ws1"}})
    assert (event.shape, event.category, event.fields["CommandLine"]) == ("ecs", "process_creation", "curl -T a")
