"""Linux: audit logs, auoms, and Sysmon for Linux as XML and JSON."""

import pytest

from .reading import Case, Json, check, events, one
from .samples import AUOMS, CONNECT, EXEC, PARENT, SYSMON_XML

AT = "2025-11-24T16:00:00"  # 1764000000
CREATION: Json = {
    "Image": "/usr/bin/curl",
    "CommandLine": "curl -F 'file=@a b' -X POST",
    "ProcessId": 701,
    "ParentProcessId": 700,
    "CurrentDirectory": "/home/ann",
}


def test_the_records_of_an_execve_are_one_event_whatever_their_order():
    for records in (EXEC, EXEC[::-1], (*EXEC[2:], *EXEC[:2])):
        (event,) = events(*records)
        assert (event.shape, event.category, event.product, event.service) == (
            "auditd",
            "process_creation",
            "linux",
            "auditd",
        )
        assert {name: event.fields[name] for name in CREATION} == CREATION
        assert event.time == 1764000000_100000
        assert event.raw["key"] == "exec"


def test_records_that_the_kernel_writes_to_the_systems_log_are_read():
    numbers = {"SYSCALL": 1300, "EXECVE": 1309, "CWD": 1307, "PATH": 1302, "PROCTITLE": 1327}
    lines = EXEC
    for name, number in numbers.items():
        lines = tuple(line.replace(f"type={name} msg=", f"audit: type={number} ") for line in lines)
    (event,) = events(*(f"Nov 24 16:00:00 web1 kernel: [  12.345678] {line}" for line in lines))
    assert (event.category, event.host, event.raw["key"]) == ("process_creation", "web1", "exec")
    assert {name: event.fields[name] for name in CREATION} == CREATION


def test_events_between_whose_records_others_stand_are_put_together():
    mixed = [record for pair in zip(EXEC, CONNECT + ("",) * 3, strict=False) for record in pair if record]
    assert sorted(event.category for event in events(*mixed, *EXEC[len(mixed) :])) == [
        "network_connection",
        "process_creation",
    ]


def test_a_child_knows_its_parents_program():
    _, child = events(*PARENT, *EXEC)
    assert (child.fields["ParentImage"], child.fields["ParentCommandLine"]) == ("/usr/bin/bash", "bash up.sh")


def test_a_connect_knows_where_it_goes_and_what_runs():
    (*_, event) = events(*EXEC, *CONNECT)
    assert event.category == "network_connection"
    assert event.fields["DestinationIp"] == "203.0.113.5"
    assert event.fields["DestinationPort"] == 8080
    assert event.fields["CommandLine"] == CREATION["CommandLine"]


@pytest.mark.parametrize(
    ("saddr", "ip", "port", "category"),
    [
        ("02001F90CB0071050000000000000000", "203.0.113.5", 8080, "network_connection"),
        ("0A001F900000000020010DB800000000000000000000000100000000", "2001:db8::1", 8080, "network_connection"),
        ("0A001F900000000000000000000000000000FFFFCB00710500000000", "203.0.113.5", 8080, "network_connection"),
        ("01002F72756E2F78", None, None, ""),
        ("0200000008080808" + "0" * 16, None, None, ""),
        ("100000000000000000000000", None, None, ""),
        ("0200", None, None, ""),
        ("XYZ", None, None, ""),
    ],
    ids=["IPv4", "IPv6", "mapped IPv4", "local socket", "port 0", "netlink", "cut off", "no address"],
)
def test_an_address_is_read_from_its_bytes(saddr, ip, port, category):
    (event,) = events(*[record.replace("02001F90CB0071050000000000000000", saddr) for record in CONNECT])
    assert event.category == category
    assert (event.fields.get("DestinationIp"), event.fields.get("DestinationPort")) == (ip, port)


def test_records_that_stay_alone_become_events_too():
    (event,) = events(EXEC[1])
    assert (event.shape, event.category) == ("auditd", "")


def test_a_syslog_header_names_the_host_and_node_before_it():
    header = "<13>Mar 12 09:14:02 web1 audispd: "
    (event,) = events(*[header + record for record in EXEC])
    assert event.host == "web1"
    (event,) = events(*[header + "node=web2 " + record for record in EXEC])
    assert event.host == "web2"


def test_auoms_has_the_event_on_one_line():
    check(
        Case(
            "auoms",
            AUOMS,
            "auoms",
            "process_creation",
            "linux",
            "web2",
            f"{AT}.986Z",
            {
                "Image": "/bin/bash",
                "CommandLine": 'bash -c "curl -d @x http://y/"',
                "User": "tomcat",
                "ProcessId": 17790,
            },
        )
    )


SYSMON_FIELDS: Json = {
    "Image": "/usr/bin/curl",
    "CommandLine": 'curl -d "a&b" http://x/ >\ny',
    "User": "ann",
    "ParentImage": "/usr/bin/bash",
    "ProcessId": "17790",
}
SYSTEM: Json = {
    "Provider": {"Name": "Linux-Sysmon"},
    "EventID": 1,
    "TimeCreated": {"SystemTime": "2026-03-12T09:14:02.003485000Z"},
    "EventRecordID": 245760,
    "Channel": "Linux-Sysmon/Operational",
    "Computer": "web1",
}
SYSMON: dict[str, tuple[Json | str, str]] = {
    "XML": (SYSMON_XML, "evtx"),
    "XML in syslog": ("Mar 12 09:14:02 web1 sysmon: " + SYSMON_XML, "evtx"),
    "XML in journald's JSON": ({"MESSAGE": SYSMON_XML, "_HOSTNAME": "web1", "SYSLOG_IDENTIFIER": "sysmon"}, "evtx"),
    "JSON as the XML is": ({"Event": {"System": SYSTEM, "EventData": SYSMON_FIELDS}}, "evtx"),
    "JSON of an XML library": (
        {
            "Event": {
                "System": SYSTEM | {"Provider": {"@Name": "Linux-Sysmon"}, "EventID": "1"},
                "EventData": {"Data": [{"@Name": name, "#text": text} for name, text in SYSMON_FIELDS.items()]},
            }
        },
        "evtx",
    ),
    "flat JSON": (
        {
            "EventID": 1,
            "Channel": "Linux-Sysmon/Operational",
            "Computer": "web1",
            "TimeCreated": "2026-03-12T09:14:02.003485Z",
            **SYSMON_FIELDS,
        },
        "windows_flat",
    ),
    "flat JSON that names the provider": (
        {
            "EventID": "1",
            "ProviderName": "Linux-Sysmon",
            "Computer": "web1",
            "@timestamp": "2026-03-12T09:14:02.003485Z",
            **SYSMON_FIELDS,
        },
        "windows_bare",
    ),
}


@pytest.mark.parametrize("name", SYSMON)
def test_sysmon_for_linux_is_no_windows(name):
    record, shape = SYSMON[name]
    time = "2026-03-12T09:14:02.003485Z"
    check(Case(name, record, shape, "process_creation", "linux", "web1", time, SYSMON_FIELDS, service="sysmon"))


@pytest.mark.parametrize(
    ("number", "category"),
    [(3, "network_connection"), (5, "process_termination"), (11, "file_event"), (23, "file_delete")],
)
def test_its_other_events_are_those_of_sysmon(number, category):
    event = one(SYSMON_XML.replace("<EventID>1<", f"<EventID>{number}<"))
    assert (event.category, event.product, event.service) == (category, "linux", "sysmon")
