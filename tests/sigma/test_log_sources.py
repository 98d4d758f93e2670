"""Log sources: sigma-specification 2.1.0, "LogSource" and "Sigma Taxonomy", over records in the flat Windows form."""

import json
from typing import Any

import pytest

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import check
from exfilwatch.errors import RuleError
from exfilwatch.events.report import Report

from .one import detected, event, loaded, run, selecting

SYSMON = "Microsoft-Windows-Sysmon/Operational"
POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
CLASSIC = "Windows PowerShell"

# Category, channel, event id, further fields: the taxonomy's table "Windows Folder, Category".
CATEGORIES: list[tuple[str, str, int, dict[str, Any]]] = [
    ("process_creation", SYSMON, 1, {}),
    ("file_change", SYSMON, 2, {}),
    ("network_connection", SYSMON, 3, {}),
    ("sysmon_status", SYSMON, 4, {}),
    ("sysmon_status", SYSMON, 16, {}),
    ("process_termination", SYSMON, 5, {}),
    ("driver_load", SYSMON, 6, {}),
    ("image_load", SYSMON, 7, {}),
    ("create_remote_thread", SYSMON, 8, {}),
    ("raw_access_thread", SYSMON, 9, {}),
    ("process_access", SYSMON, 10, {}),
    ("file_event", SYSMON, 11, {}),
    ("registry_event", SYSMON, 12, {"EventType": "CreateKey"}),
    ("registry_event", SYSMON, 12, {"EventType": "DeleteKey"}),
    ("registry_event", SYSMON, 13, {}),
    ("registry_event", SYSMON, 14, {}),
    ("registry_add", SYSMON, 12, {"EventType": "CreateKey"}),
    ("registry_delete", SYSMON, 12, {"EventType": "DeleteKey"}),
    ("registry_delete", SYSMON, 12, {"EventType": "DeleteValue"}),
    ("registry_set", SYSMON, 13, {}),
    ("registry_rename", SYSMON, 14, {}),
    ("create_stream_hash", SYSMON, 15, {}),
    ("pipe_created", SYSMON, 17, {}),
    ("pipe_created", SYSMON, 18, {}),
    ("wmi_event", SYSMON, 19, {}),
    ("wmi_event", SYSMON, 20, {}),
    ("wmi_event", SYSMON, 21, {}),
    ("dns_query", SYSMON, 22, {}),
    ("file_delete", SYSMON, 23, {}),
    ("clipboard_capture", SYSMON, 24, {}),
    ("process_tampering", SYSMON, 25, {}),
    ("file_delete_detected", SYSMON, 26, {}),
    ("file_block_executable", SYSMON, 27, {}),
    ("file_block_shredding", SYSMON, 28, {}),
    ("file_executable_detected", SYSMON, 29, {}),
    ("sysmon_error", SYSMON, 255, {}),
    ("ps_classic_start", CLASSIC, 400, {}),
    ("ps_classic_provider_start", CLASSIC, 600, {}),
    ("ps_classic_script", CLASSIC, 800, {}),
    ("ps_module", POWERSHELL, 4103, {}),
    ("ps_script", POWERSHELL, 4104, {}),
    ("ps_script", "PowerShellCore/Operational", 4104, {}),
    ("process_creation", "Security", 4688, {}),
]


def record(channel: str, number: int, **fields: Any) -> str:
    head = {"EventID": number, "Channel": channel, "Hostname": "ws1", "@timestamp": "2026-01-01T00:00:00Z"}
    return json.dumps({**head, **fields, "Marker": "x"}) + "\n"


@pytest.mark.parametrize(
    ("category", "channel", "number", "fields"), CATEGORIES, ids=[f"{row[0]}-{row[1]}-{row[2]}" for row in CATEGORIES]
)
def test_a_category_is_its_event_ids(category: str, channel: str, number: int, fields: dict[str, Any]) -> None:
    for source in (f"category: {category}\nproduct: windows", f"category: {category}"):
        assert run(loaded(selecting("Marker: x", source)), record(channel, number, **fields))


# What a record of Sysmon 1 (or of what is said) is not.
@pytest.mark.parametrize(
    ("logsource", "expected"),
    [
        ("category: process_creation", True),
        ("product: windows", True),
        ("service: sysmon", True),
        ("product: windows\nservice: sysmon", True),
        ("category: process_creation\nproduct: windows\nservice: sysmon", True),
        ("category: network_connection\nproduct: windows", False),
        ("category: process_creation\nproduct: linux", False),
        ("category: process_creation\nproduct: macos", False),
        ("product: linux", False),
        ("product: windows\nservice: security", False),
        ("category: process_creation\nproduct: windows\nservice: security", False),
        ("product: linux\nservice: sysmon", False),
    ],
)
def test_every_part_of_a_log_source_must_fit(logsource: str, expected: bool) -> None:
    assert bool(run(loaded(selecting("Marker: x", logsource)), record(SYSMON, 1))) is expected


@pytest.mark.parametrize("product", ["windows", "linux", "macos"])
def test_a_rule_without_a_product_sees_every_product(product: str) -> None:
    rules = loaded(selecting("CommandLine: x", "category: process_creation"))
    assert detected(rules, [event({"CommandLine": "x"}, product=product)])


@pytest.mark.parametrize(
    ("selection", "logsource", "expected"),
    [
        ("NewProcessName|endswith: '\\a.exe'", "product: windows\nservice: security", True),
        ("SubjectUserName: ann\nEventID: 4688", "product: windows\nservice: security", True),
        ("ProcessId: '0x10'", "product: windows\nservice: security", True),
        ("Image|endswith: '\\a.exe'", "category: process_creation\nproduct: windows", True),
        ("ProcessId: 32", "category: process_creation\nproduct: windows", True),
        ("ParentProcessId: 16", "category: process_creation\nproduct: windows", True),
        ("ProcessId: '0x10'", "category: process_creation\nproduct: windows", False),
        ("EventID: 4689", "product: windows\nservice: security", False),
        ("Provider_Name: Microsoft-Windows-Security-Auditing", "product: windows\nservice: security", True),
        ("Channel: Security", "product: windows\nservice: security", True),
        ("Computer: ws1", "product: windows\nservice: security", True),
    ],
)
def test_a_rule_of_a_service_sees_the_records_own_fields(selection: str, logsource: str, expected: bool) -> None:
    text = record(
        "Security",
        4688,
        SourceName="Microsoft-Windows-Security-Auditing",
        NewProcessName="C:\\a.exe",
        NewProcessId="0x20",
        ProcessId="0x10",
        SubjectUserName="ann",
    )
    assert bool(run(loaded(selecting(selection, logsource)), text)) is expected


def test_channels_of_services_that_no_category_covers_are_seen() -> None:
    rules = loaded(selecting("EventID: 7045\nServiceName|contains: evil", "product: windows\nservice: system"))
    assert run(rules, record("System", 7045, ServiceName="EvilService"))
    assert not run(rules, record("Application", 7045, ServiceName="EvilService"))


def refused(logsource: str) -> bool:
    """Whether a rule of this log source is refused, or reported when the engine starts."""
    report = Report()
    try:
        Engine(loaded(selecting("Marker: x", logsource)), report)
    except RuleError:
        return True
    return bool(report.problems)


@pytest.mark.parametrize(
    "logsource",
    [
        "category: process_creatoin\nproduct: windows",
        "category: ProcessCreation\nproduct: windows",
        "category: process creation",
        "product: windwos",
        "category: process_creation\nproduct: window",
        "product: windows\nservice: securty",
        "product: windows\nservice: no-such-service",
        "service: sysmno",
    ],
)
def test_a_log_source_that_no_event_can_have_is_not_silently_accepted(logsource: str) -> None:
    assert refused(logsource)


@pytest.mark.parametrize(
    "logsource",
    ["", "definition: 'only words'", "category: ''", "category: [process_creation]", "category: 1"],
)
def test_a_log_source_that_says_nothing_is_an_error(logsource: str, tmp_path: Any) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(selecting("Marker: x", logsource or "{}"), "utf-8")
    assert check([path])


@pytest.mark.parametrize(
    "category",
    sorted({row[0] for row in CATEGORIES} | {"file_access", "file_rename", "firewall", "proxy", "dns", "webserver"}),
)
def test_every_category_of_the_taxonomy_loads(category: str) -> None:
    assert loaded(selecting("Marker: x", f"category: {category}")).infos


DEFENDER = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='Microsoft-Windows-Windows Defender' Guid='{11cd958a-c507-4ef3-b3f2-5fd9dfbd2c78}'/>"
    "<EventID>5007</EventID><Version>0</Version><Level>4</Level><Task>0</Task><Opcode>0</Opcode>"
    "<Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='2026-01-01T00:00:00.000000Z'/>"
    "<EventRecordID>7</EventRecordID><Correlation ActivityID='{6b3dff46-f4e6-4cda-983b-76b101728aa5}'/>"
    "<Execution ProcessID='4711' ThreadID='12'/><Channel>Microsoft-Windows-Windows Defender/Operational</Channel>"
    "<Computer>ws1</Computer><Security UserID='S-1-5-18'/></System><EventData>"
    "<Data Name='Product Name'>Microsoft Defender Antivirus</Data><Data Name='Old Value'></Data>"
    "<Data Name='New Value'>HKLM\\Exclusions\\Paths\\C:\\x = 0x0</Data></EventData></Event>\n"
)


@pytest.mark.parametrize(
    "selection",
    [
        "EventID: 5007",
        "NewValue|contains: '\\Exclusions\\'",
        "ProductName: 'Microsoft Defender Antivirus'",
        "OldValue: ''",
        "Provider_Name: 'Microsoft-Windows-Windows Defender'",
        "Provider_Guid|contains: '11cd958a'",
        "Execution_ProcessID: 4711",
        "Security_UserID: 'S-1-5-18'",
        "Level: 4",
        "Keywords: '0x8000000000000000'",
    ],
)
def test_names_with_spaces_lose_them_and_attributes_of_the_header_are_joined(selection: str) -> None:
    assert run(loaded(selecting(selection, "product: windows\nservice: windefend")), DEFENDER)


def test_a_channel_that_says_nothing_leaves_it_to_the_provider() -> None:
    rules = loaded(selecting("Marker: x", "category: process_creation\nproduct: windows"))
    usual = record(SYSMON, 1, SourceName="Microsoft-Windows-Sysmon")
    forwarded = record("ForwardedEvents", 1, SourceName="Microsoft-Windows-Sysmon")
    assert len(run(rules, forwarded)) == 1
    assert len(run(rules, usual + forwarded)) == 2
    assert len(run(rules, forwarded + usual)) == 2
