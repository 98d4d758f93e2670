"""Sentinel's Windows tables, Syslog and ASIM."""

import pytest

from .reading import Case, Json, check, events, iso, one
from .test_defender import CMD, COMMAND, CREATION, CURL, TIME


def security(number: int, **columns: object) -> Json:
    """A row of SecurityEvent."""
    return {
        "TenantId": "11111111-2222-3333-4444-555555555555",
        "TimeGenerated": TIME,
        "SourceSystem": "OpsManager",
        "Computer": "WS1.corp.example",
        "EventSourceName": "Microsoft-Windows-Security-Auditing",
        "Channel": "Security",
        "Level": "8",
        "EventID": number,
        "Activity": f"{number} - Something happened.",
        "TimeCollected": "2026-03-12T09:14:20Z",
        "Type": "SecurityEvent",
        **columns,
    }


def windows_event(number: int, channel: str, data: str, **columns: object) -> Json:
    """A row of WindowsEvent."""
    return {
        "TimeGenerated": TIME,
        "Provider": channel.partition("/")[0],
        "Channel": channel,
        "Computer": "WS1.corp.example",
        "EventLevelName": "Information",
        "EventData": data,
        "EventID": number,
        "Type": "WindowsEvent",
        **columns,
    }


TASK = (
    '<?xml version="1.0"?><Task><Actions><Exec><Command>bitsadmin</Command><Arguments>/transfer exfil /upload x &gt; y'
    "</Arguments></Exec></Actions></Task>"
)
ESCAPED_TASK = TASK.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def windows(name: str, record: Json, category: str, fields: Json, **more: object) -> Case:
    host = "WS1.corp.example"
    return Case(name, record, "sentinel_windows", category, "windows", host, TIME, fields, **more)  # type: ignore[arg-type]


SENTINEL = [
    windows(
        "4688",
        security(
            4688,
            NewProcessName=CURL,
            NewProcessId="0x13a4",
            ProcessId="0x230",
            Process="curl.exe",
            CommandLine=COMMAND,
            ParentProcessName=CMD,
            SubjectDomainName="CORP",
            SubjectUserName="ann",
            Account="CORP\\ann",
        ),
        "process_creation",
        {"Image": CURL, "CommandLine": COMMAND, "ParentImage": CMD, "User": "CORP\\ann", "ProcessId": 5028},
        service="security",
        ingest_time="2026-03-12T09:14:20Z",
        raw={"NewProcessName": CURL, "EventID": 4688},
    ),
    windows(
        "5156, whose data are XML",
        security(
            5156,
            EventData='<EventData xmlns="x">\r\n<Data Name="ProcessID">5028</Data><Data Name="Application">\\device\\'
            'harddiskvolume2\\windows\\system32\\curl.exe</Data><Data Name="Direction">%%14593</Data>'
            '<Data Name="DestAddress">203.0.113.7</Data><Data Name="DestPort">443</Data></EventData>',
        ),
        "network_connection",
        {
            "Image": "\\device\\harddiskvolume2\\windows\\system32\\curl.exe",
            "DestinationIp": "203.0.113.7",
            "DestinationPort": 443,
            "Initiated": "true",
        },
    ),
    windows(
        "4698, whose data are XML",
        security(
            4698,
            EventData=f'<EventData><Data Name="TaskName">\\Collect</Data><Data Name="TaskContent">{ESCAPED_TASK}</Data>'
            '<Data Name="SubjectUserName">ann</Data></EventData>',
        ),
        "",
        {"CommandLine": "bitsadmin /transfer exfil /upload x > y", "User": "ann"},
        service="security",
        raw={"TaskName": "\\Collect", "TaskContent": TASK},
    ),
    windows(
        "Sysmon 1 in WindowsEvent",
        windows_event(1, "Microsoft-Windows-Sysmon/Operational", '{"Image":"C:\\\\p.exe","CommandLine":"p.exe /x"}'),
        "process_creation",
        {"Image": "C:\\p.exe", "CommandLine": "p.exe /x"},
        service="sysmon",
    ),
    windows(
        "Sysmon 3 in Event",
        {
            "TimeGenerated": TIME,
            "Source": "Microsoft-Windows-Sysmon",
            "EventLog": "Microsoft-Windows-Sysmon/Operational",
            "Computer": "WS1.corp.example",
            "EventID": 3,
            "EventData": '<DataItem type="System.XmlData"><EventData><Data Name="Image">C:\\p.exe</Data>'
            '<Data Name="DestinationIp">203.0.113.7</Data></EventData></DataItem>',
        },
        "network_connection",
        {"Image": "C:\\p.exe", "DestinationIp": "203.0.113.7"},
    ),
]


def asim(schema: str, kind: str, **columns: object) -> Json:
    """An event in ASIM's terms."""
    return {
        "TimeGenerated": TIME,
        "EventSchema": schema,
        "EventType": kind,
        "EventResult": "Success",
        "EventVendor": "Microsoft",
        "EventProduct": "Sysmon",
        "DvcHostname": "ws1",
        "DvcOs": "Windows",
        **columns,
    }


TARGET: Json = {
    "TargetProcessName": CURL,
    "TargetProcessCommandLine": COMMAND,
    "TargetProcessId": "5028",
    "TargetUsername": "corp\\ann",
    "ActingProcessName": CMD,
    "ActingProcessCommandLine": "cmd.exe /c up.cmd",
    "ActingProcessId": "560",
}
SESSION: Json = {
    "SrcIpAddr": "10.0.0.5",
    "SrcPortNumber": 50123,
    "DstIpAddr": "203.0.113.7",
    "DstPortNumber": 443,
    "DstHostname": "x.example",
    "NetworkProtocol": "TCP",
    "NetworkDirection": "Outbound",
    "SrcProcessName": CURL,
}
ASIM_CREATION = {name: value for name, value in CREATION.items() if name != "OriginalFileName"}


def ours(name: str, record: Json, shape: str, category: str, fields: Json, host: str = "ws1") -> Case:
    return Case(name, record, f"asim_{shape}", category, "windows", host, TIME, fields)


ASIM = [
    ours("a process", asim("ProcessEvent", "ProcessCreated", **TARGET), "process", "process_creation", ASIM_CREATION),
    ours(
        "the end of one",
        asim("ProcessEvent", "ProcessTerminated", **TARGET),
        "process",
        "process_termination",
        {"Image": CURL},
    ),
    ours(
        "a session that an endpoint reports",
        asim("NetworkSession", "EndpointNetworkSession", **SESSION, SrcHostname="ws1-alias"),
        "endpoint_network",
        "network_connection",
        {"Image": CURL, "DestinationIp": "203.0.113.7", "DestinationPort": 443, "Initiated": "true"},
    ),
    ours(
        "a session that a firewall reports",
        asim("NetworkSession", "NetworkSession", **SESSION) | {"SrcHostname": "ws1", "DvcHostname": "fw1"},
        "network",
        "network_connection",
        {"DestinationIp": "203.0.113.7", "SourceIp": "10.0.0.5"},
    ),
    ours(
        "a session that was refused",
        asim("NetworkSession", "NetworkSession", **SESSION) | {"DvcAction": "Deny"},
        "network",
        "",
        {"DestinationIp": "203.0.113.7"},
    ),
    ours(
        "a file",
        asim("FileEvent", "FileCreated", TargetFilePath="C:\\a.zip", ActingProcessName=CURL, ActorUsername="corp\\ann"),
        "file",
        "file_event",
        {"TargetFilename": "C:\\a.zip", "Image": CURL, "User": "corp\\ann"},
    ),
    ours(
        "a deleted file",
        asim("FileEvent", "FileDeleted", TargetFilePath="C:\\a.zip"),
        "file",
        "file_delete",
        {"TargetFilename": "C:\\a.zip"},
    ),
    ours(
        "a renamed file",
        asim("FileEvent", "FileRenamed", TargetFilePath="C:\\b.zip", SrcFilePath="C:\\a.zip"),
        "file",
        "file_rename",
        {"TargetFilename": "C:\\b.zip", "SourceFilename": "C:\\a.zip"},
    ),
]


@pytest.mark.parametrize("case", [*SENTINEL, *ASIM], ids=lambda case: f"{case.shape}: {case.name}")
def test_a_record_becomes_its_event(case):
    check(case)


def test_the_tables_of_log_analytics_are_unwrapped():
    columns = [{"name": name, "type": "string"} for name in SENTINEL[0].record]
    answer = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [list(SENTINEL[0].record.values())]}]}
    (event,) = events(answer)
    assert event.fields == one(SENTINEL[0].record).fields


def test_a_syslog_row_with_sysmon_for_linux_is_read_from_its_xml():
    xml = (
        '<Event><System><Provider Name="Linux-Sysmon"/><EventID>1</EventID><EventRecordID>7</EventRecordID>'
        '<TimeCreated SystemTime="2026-03-12T09:14:02.123Z"/><Channel>Linux-Sysmon/Operational</Channel>'
        '<Computer>web1</Computer></System><EventData><Data Name="Image">/usr/bin/curl</Data></EventData></Event>'
    )
    row = {"TimeGenerated": "2026-03-12T09:15:00Z", "Computer": "web1", "Facility": "user", "SyslogMessage": xml}
    event = one(row)
    assert (event.product, event.category, event.host, iso(event.time)) == ("linux", "process_creation", "web1", TIME)


@pytest.mark.parametrize("case", [SENTINEL[0], ASIM[0]], ids=lambda case: case.shape)
def test_a_row_exported_by_the_portal_names_the_zone_of_its_time(case):
    record = {name: value for name, value in case.record.items() if name != "TimeGenerated"}
    event = one({"TimeGenerated [UTC]": "3/12/2026, 9:14:02.123 AM", **record})
    assert (event.shape, event.fields, iso(event.time)) == (case.shape, one(case.record).fields, TIME)
