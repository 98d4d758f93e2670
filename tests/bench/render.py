"""The same record in two source shapes, one line of JSON each.

Flat: OTRF Security-Datasets (nxlog), Message cut to its first line and fields that are always "-" left out.
ECS: winlogbeat 8 with its sysmon module, which moves Image, CommandLine and the addresses out of winlog.event_data and
writes event codes as strings.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

CHANNEL = "Microsoft-Windows-Sysmon/Operational"
PROVIDER = "Microsoft-Windows-Sysmon"
PROVIDER_GUID = "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}"


@dataclass(frozen=True, slots=True)
class Process:
    """A process creation. `time` in ms since 1970 UTC; `serial` is unique in the corpus."""

    serial: int
    time: int
    host: str
    user: str
    pid: int
    image: str
    command_line: str
    parent_image: str
    parent_command_line: str


@dataclass(frozen=True, slots=True)
class Connection:
    """A network connection. `time` in ms since 1970 UTC; `serial` is unique in the corpus."""

    serial: int
    time: int
    host: str
    user: str
    pid: int
    image: str
    protocol: str
    source_ip: str
    source_port: int
    destination_ip: str
    destination_port: int


Record = Process | Connection


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def utc_time(ms: int) -> str:
    """Sysmon's UtcTime."""
    return f"{_second(ms // 1000)}.{ms % 1000:03d}"


def iso_time(ms: int) -> str:
    """winlogbeat's and nxlog's @timestamp."""
    return utc_time(ms).replace(" ", "T") + "Z"


@lru_cache(maxsize=1024)
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def process_guid(record: Record, pid: int) -> str:
    """Sysmon's form: machine, time, a sequence."""
    machine, time = _digest(record.host)[:8], record.time >> 16 & 0xFFFF
    return f"{{{machine}-{time:04x}-{pid & 0xFFFF:04x}-{record.serial & 0xFFFF:04x}-{record.serial:012x}}}"


@lru_cache(maxsize=1024)
def hashes(image: str) -> str:
    """Sysmon's Hashes: the same for each start of one image."""
    return f"SHA256={_digest(image).upper()}"


def flat(record: Record) -> bytes:
    """One OTRF line."""
    common = {
        "SourceName": PROVIDER,
        "ProviderGuid": PROVIDER_GUID,
        "Level": "4",
        "Keywords": "0x8000000000000000",
        "Channel": CHANNEL,
        "Hostname": record.host,
        "TimeCreated": iso_time(record.time),
        "@timestamp": iso_time(record.time),
    }
    fields = _flat_process(record) if isinstance(record, Process) else _flat_connection(record)
    return msgspec.json.encode(common | fields) + b"\n"


def _flat_process(record: Process) -> dict[str, object]:
    return {
        "EventID": 1,
        "Message": "Process Create:",
        "Task": "1",
        "RuleName": "-",
        "UtcTime": utc_time(record.time),
        "ProcessGuid": process_guid(record, record.pid),
        "ProcessId": str(record.pid),
        "Image": record.image,
        "FileVersion": "10.0.19041.1949 (WinBuild.160101.0800)",
        "Product": "Microsoft® Windows® Operating System",
        "Company": "Microsoft Corporation",
        "CommandLine": record.command_line,
        "CurrentDirectory": "C:\\Windows\\system32\\",
        "User": record.user,
        "LogonId": "0x3e7",
        "TerminalSessionId": "1",
        "IntegrityLevel": "Medium",
        "Hashes": hashes(record.image),
        "ParentProcessGuid": process_guid(record, record.pid >> 1),
        "ParentProcessId": str(record.pid >> 1),
        "ParentImage": record.parent_image,
        "ParentCommandLine": record.parent_command_line,
    }


def _flat_connection(record: Connection) -> dict[str, object]:
    return {
        "EventID": 3,
        "Message": "Network connection detected:",
        "Task": "3",
        "RuleName": "-",
        "UtcTime": utc_time(record.time),
        "ProcessGuid": process_guid(record, record.pid),
        "ProcessId": str(record.pid),
        "Image": record.image,
        "User": record.user,
        "Protocol": record.protocol,
        "Initiated": "true",
        "SourceIsIpv6": "false",
        "SourceIp": record.source_ip,
        "SourcePort": str(record.source_port),
        "DestinationIsIpv6": "true" if ":" in record.destination_ip else "false",
        "DestinationIp": record.destination_ip,
        "DestinationPort": str(record.destination_port),
    }


def ecs(record: Record) -> bytes:
    """One winlogbeat line."""
    is_process = isinstance(record, Process)
    code = "1" if is_process else "3"
    machine = _digest(record.host)
    domain, _, account = record.user.partition("\\")
    document: dict[str, object] = {
        "@timestamp": iso_time(record.time),
        "event": {
            "kind": "event",
            "provider": PROVIDER,
            "module": "sysmon",
            "type": ["start"] if is_process else ["start", "connection", "protocol"],
            "category": ["process"] if is_process else ["network"],
            "action": "Process Create (rule: ProcessCreate)"
            if is_process
            else "Network connection detected (rule: NetworkConnect)",
            "code": code,
            "created": iso_time(record.time + 900),
        },
        "host": {
            "name": record.host,
            "architecture": "x86_64",
            "id": machine[:32],
            "os": {
                "family": "windows",
                "name": "Windows 10 Enterprise",
                "platform": "windows",
                "type": "windows",
                "version": "10.0",
            },
        },
        "agent": {
            "id": machine[16:48],
            "name": record.host,
            "type": "winlogbeat",
            "version": "8.11.1",
        },
        "ecs": {"version": "8.0.0"},
        "log": {"level": "information"},
        "user": {"domain": domain, "name": account, "id": "S-1-5-18"},
        "winlog": {
            "api": "wineventlog",
            "channel": CHANNEL,
            "computer_name": record.host,
            "event_id": code,
            "opcode": "Info",
            "process": {"pid": 3384, "thread": {"id": 4720}},
            "provider_guid": PROVIDER_GUID,
            "provider_name": PROVIDER,
            "record_id": record.serial,
            "task": "Process Create (rule: ProcessCreate)",
            "version": 5,
        },
    }
    more = _ecs_process(record) if isinstance(record, Process) else _ecs_connection(record)
    return msgspec.json.encode(document | more) + b"\n"


def _ecs_process(record: Process) -> dict[str, object]:
    return {
        "process": {
            "command_line": record.command_line,
            "entity_id": process_guid(record, record.pid),
            "executable": record.image,
            "hash": {"sha256": _digest(record.image)},
            "name": record.image.rpartition("\\")[2],
            "parent": {
                "command_line": record.parent_command_line,
                "entity_id": process_guid(record, record.pid >> 1),
                "executable": record.parent_image,
                "name": record.parent_image.rpartition("\\")[2],
                "pid": record.pid >> 1,
            },
            "pid": record.pid,
            "working_directory": "C:\\Windows\\system32\\",
        },
        "message": f"Process Create:\nUtcTime: {utc_time(record.time)}\nProcessId: {record.pid}\nImage: {record.image}"
        f"\nUser: {record.user}",
    }


def _ecs_connection(record: Connection) -> dict[str, object]:
    return {
        "process": {
            "entity_id": process_guid(record, record.pid),
            "executable": record.image,
            "name": record.image.rpartition("\\")[2],
            "pid": record.pid,
        },
        "source": {"ip": record.source_ip, "port": record.source_port},
        "destination": {"ip": record.destination_ip, "port": record.destination_port},
        "network": {
            "community_id": f"1:{_digest(record.destination_ip)[:27]}=",
            "direction": "egress",
            "transport": record.protocol,
            "type": "ipv6" if ":" in record.destination_ip else "ipv4",
        },
        "message": f"Network connection detected:\nRuleName: -\nUtcTime: {utc_time(record.time)}\n"
        f"ProcessId: {record.pid}\nImage: {record.image}\nUser: {record.user}\nProtocol: {record.protocol}\n"
        f"SourceIp: {record.source_ip}\nSourcePort: {record.source_port}\n"
        f"DestinationIp: {record.destination_ip}\nDestinationPort: {record.destination_port}",
    }
