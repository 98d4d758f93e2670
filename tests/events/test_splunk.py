"""Splunk: the add-ons for Sysmon and Windows, and the names of the Common Information Model."""

import pytest

from .reading import Case, Json, check, events, iso, one

TIME = "2026-03-12T09:14:02.123Z"
CURL = "C:\\Windows\\System32\\curl.exe"
CMD = "C:\\Windows\\System32\\cmd.exe"
XML = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385F-C22A-43E0-BF4C-06F5698FFBD9}'/><EventID>1</EventID>"
    "<TimeCreated SystemTime='2026-03-12T09:14:02.123Z'/><EventRecordID>4711</EventRecordID>"
    "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>WS1.corp.example</Computer></System><EventData>"
    "<Data Name='Image'>C:\\Windows\\System32\\curl.exe</Data><Data Name='CommandLine'>curl.exe"
    " &quot;https://x.example/?a=1&amp;b=2&quot; &gt; o.txt</Data></EventData></Event>"
)


def row(number: str, source: str, fields: Json) -> Json:
    """A result of a search in verbose mode."""
    return {
        "_time": "2026-03-12T10:14:02.123+01:00",
        "_indextime": "1773306845",
        "_cd": "3:41",
        "host": "collector",
        "index": "windows",
        "source": f"XmlWinEventLog:{source}",
        "sourcetype": "XmlWinEventLog",
        "EventCode": number,
        "EventID": number,
        "Computer": "WS1.corp.example",
        **fields,
    }


SYSMON = "Microsoft-Windows-Sysmon/Operational"


def windows(name: str, record: Json, category: str, fields: Json, service: str) -> Case:
    return Case(name, record, "splunk_windows", category, "windows", "WS1.corp.example", TIME, fields, service=service)


CREATION: Json = {
    "Image": CURL,
    "CommandLine": "curl.exe -T a.zip https://x.example/",
    "ParentImage": CMD,
    "ParentCommandLine": "cmd.exe /c up.cmd",
    "User": "CORP\\ann",
}
ADD_ON = [
    windows(
        "Sysmon 1, with the CIM's names beside its own",
        row(
            "1",
            SYSMON,
            {
                **CREATION,
                "_raw": XML,
                "process": CREATION["CommandLine"],
                "process_name": "curl.exe",
                "process_path": CURL,
                "dest": "WS1.corp.example",
            },
        ),
        "process_creation",
        CREATION,
        "sysmon",
    ),
    windows(
        "Sysmon 3",
        row(
            "3",
            SYSMON,
            {"Image": CURL, "DestinationIp": "203.0.113.7", "DestinationPort": "443", "Initiated": "true", "app": CURL},
        ),
        "network_connection",
        {"Image": CURL, "DestinationIp": "203.0.113.7", "DestinationPort": "443"},
        "sysmon",
    ),
    windows(
        "Sysmon 11",
        row("11", SYSMON, {"Image": CURL, "TargetFilename": "C:\\a.zip"}),
        "file_event",
        {"TargetFilename": "C:\\a.zip"},
        "sysmon",
    ),
    windows(
        "Sysmon 22", row("22", SYSMON, {"QueryName": "x.example"}), "dns_query", {"QueryName": "x.example"}, "sysmon"
    ),
    windows(
        "Security 4688, XML rendering",
        row(
            "4688",
            "Security",
            {
                "NewProcessName": CURL,
                "NewProcessId": "0x13a4",
                "ProcessId": "0x230",
                "CommandLine": "curl.exe -T a.zip",
                "ParentProcessName": CMD,
                "SubjectDomainName": "CORP",
                "SubjectUserName": "ann",
            },
        ),
        "process_creation",
        {"Image": CURL, "ParentImage": CMD, "ProcessId": 5028, "ParentProcessId": 560, "User": "CORP\\ann"},
        "security",
    ),
    windows(
        "Security 4688, classic rendering",
        row(
            "4688",
            "Security",
            {
                "LogName": "Security",
                "ComputerName": "WS1.corp.example",
                "New_Process_Name": CURL,
                "New_Process_ID": "0x13a4",
                "Creator_Process_Name": CMD,
                "Creator_Process_ID": "0x230",
                "Process_Command_Line": "curl.exe -T a.zip",
                "Account_Domain": "CORP",
                "Account_Name": "ann",
            },
        ),
        "process_creation",
        {"Image": CURL, "CommandLine": "curl.exe -T a.zip", "ParentImage": CMD, "ProcessId": 5028, "User": "CORP\\ann"},
        "security",
    ),
    windows(
        "Security 5156, classic rendering",
        row(
            "5156",
            "Security",
            {
                "Application_Name": "\\device\\harddiskvolume3\\windows\\system32\\curl.exe",
                "Destination_Address": "203.0.113.7",
                "Destination_Port": "443",
                "Process_ID": "5028",
            },
        ),
        "network_connection",
        {"DestinationIp": "203.0.113.7", "DestinationPort": 443, "ProcessId": 5028},
        "security",
    ),
    windows(
        "PowerShell 4104",
        row("4104", "Microsoft-Windows-PowerShell/Operational", {"ScriptBlockText": "gci -Recurse"}),
        "ps_script",
        {"ScriptBlockText": "gci -Recurse"},
        "powershell",
    ),
    windows(
        "a sourcetype that names the log",
        row("1", "", CREATION) | {"source": "x", "sourcetype": "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"},
        "process_creation",
        CREATION,
        "sysmon",
    ),
    windows(
        "nothing that names the log",
        row("1", "", CREATION) | {"source": "x", "sourcetype": "y"},
        "process_creation",
        CREATION,
        "sysmon",
    ),
]
PROCESS: Json = {
    "_time": "1773306842.123",
    "dest": "ws1",
    "user": "CORP\\ann",
    "process": "curl.exe -T a.zip https://x.example/",
    "process_name": "curl.exe",
    "process_exec": "curl.exe",
    "process_path": CURL,
    "process_id": "5028",
    "parent_process": "cmd.exe /c up.cmd",
    "parent_process_name": "cmd.exe",
    "parent_process_path": CMD,
    "parent_process_id": "560",
    "vendor_product": "Microsoft Sysmon",
}
TRAFFIC: Json = {
    "_time": TIME,
    "action": "allowed",
    "app": CURL,
    "src": "ws1",
    "src_ip": "10.0.0.5",
    "src_port": "50123",
    "dest": "203.0.113.7",
    "dest_ip": "203.0.113.7",
    "dest_port": "443",
    "transport": "tcp",
    "direction": "outbound",
    "bytes_out": "1082089",
    "user": "CORP\\ann",
}
FILE: Json = {
    "_time": TIME,
    "action": "created",
    "dest": "ws1",
    "file_name": "a.zip",
    "file_path": "C:\\Users\\ann\\a.zip",
    "process_id": "5028",
    "user": "CORP\\ann",
}
CIM_PROCESS = CREATION | {"ProcessId": 5028, "ParentProcessId": 560}
CIM_CONNECTION: Json = {
    "Image": CURL,
    "SourceIp": "10.0.0.5",
    "DestinationIp": "203.0.113.7",
    "DestinationPort": 443,
    "Protocol": "tcp",
    "Initiated": "true",
}


def cim(name: str, record: Json, shape: str, category: str, fields: Json, product: str = "windows") -> Case:
    return Case(name, record, f"cim_{shape}", category, product, "ws1", TIME, fields)


def model(name: str, record: Json) -> Json:
    """As tstats names the fields of a data model."""
    return {f"{name}.{key}" if key != "_time" else key: value for key, value in record.items()}


CIM = [
    cim("Processes", PROCESS, "processes", "process_creation", CIM_PROCESS),
    cim(
        "Processes, where the path is not known",
        PROCESS | {"process_path": "unknown", "parent_process_path": "unknown"},
        "processes",
        "process_creation",
        {"Image": "curl.exe", "ParentImage": "cmd.exe"},
    ),
    cim(
        "Processes of Linux",
        PROCESS | {"process_path": "/usr/bin/curl", "parent_process_path": "/usr/bin/bash"},
        "processes",
        "process_creation",
        {"Image": "/usr/bin/curl"},
        "linux",
    ),
    cim("a blocked process", PROCESS | {"action": "blocked"}, "processes", "", {"Image": CURL}),
    cim("Processes by tstats", model("Processes", PROCESS), "processes_model", "process_creation", CIM_PROCESS),
    cim("Traffic", TRAFFIC, "traffic", "network_connection", CIM_CONNECTION),
    cim(
        "Traffic that the add-on for Sysmon tells of, where the host is dvc",
        TRAFFIC | {"dvc": "ws1", "src": "10.0.0.5", "src_host": "10.0.0.5", "process_id": "77"},
        "endpoint_traffic",
        "network_connection",
        CIM_CONNECTION | {"ProcessId": 77},
    ),
    cim("Traffic that was blocked", TRAFFIC | {"action": "blocked"}, "traffic", "", {"DestinationIp": "203.0.113.7"}),
    cim("Traffic by tstats", model("All_Traffic", TRAFFIC), "traffic_model", "network_connection", CIM_CONNECTION),
    cim(
        "Traffic whose destination is only called `dest`",
        {key: value for key, value in TRAFFIC.items() if key != "dest_ip"},
        "traffic",
        "network_connection",
        {"DestinationIp": "203.0.113.7"},
    ),
    cim(
        "Traffic to a name, which is no address",
        {key: value for key, value in TRAFFIC.items() if key != "dest_ip"} | {"dest": "fab.de"},
        "traffic",
        "network_connection",
        {"DestinationIp": None, "DestinationHostname": "fab.de"},
    ),
    cim("Filesystem", FILE, "filesystem", "file_event", {"TargetFilename": "C:\\Users\\ann\\a.zip", "ProcessId": 5028}),
    cim(
        "Filesystem, whose path is the folder",
        FILE | {"file_path": "C:\\Users\\ann"},
        "filesystem",
        "file_event",
        {"TargetFilename": "C:\\Users\\ann\\a.zip"},
    ),
    cim("a deleted file", FILE | {"action": "deleted"}, "filesystem", "file_delete", {}),
    cim("a read file", FILE | {"action": "read"}, "filesystem", "", {}),
    cim("Filesystem by tstats", model("Filesystem", FILE), "filesystem_model", "file_event", {"ProcessId": 5028}),
]


@pytest.mark.parametrize("case", [*ADD_ON, *CIM], ids=lambda case: case.name)
def test_a_record_becomes_its_event(case):
    check(case)


def test_a_result_of_nothing_but_raw_xml_is_read_from_it():
    record = {
        "_raw": XML,
        "_time": TIME,
        "_indextime": "1773306845",
        "host": "collector",
        "sourcetype": "XmlWinEventLog",
    }
    event = one(record)
    assert (event.category, event.host, iso(event.time)) == ("process_creation", "WS1.corp.example", TIME)
    assert event.fields["CommandLine"] == 'curl.exe "https://x.example/?a=1&b=2" > o.txt'
    assert iso(event.ingest_time) == "2026-03-12T09:14:05Z"


def test_an_export_line_by_line_is_unwrapped():
    (event,) = events({"preview": False, "offset": 0, "result": ADD_ON[0].record})
    assert event == one(ADD_ON[0].record)


def test_times_of_the_index_are_when_it_came_in():
    assert iso(one(ADD_ON[0].record).ingest_time) == "2026-03-12T09:14:05Z"
