"""Windows records as they are collected: flat JSON after OTRF's files. Pure: the same arguments give the same line.

Sysmon's ProcessGuid is the machine, the start in seconds (low half first) and a sequence; LogonGuid likewise, with the
logon id. Hashes are made of the path: the same file has the same ones on every host.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

_SYSMON = {
    "SourceName": "Microsoft-Windows-Sysmon",
    "ProviderGuid": "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}",
    "Level": "4",
    "Keywords": "0x8000000000000000",
    "Channel": "Microsoft-Windows-Sysmon/Operational",
}
_SECURITY = {
    "SourceName": "Microsoft-Windows-Security-Auditing",
    "ProviderGuid": "{54849625-5478-4994-a5ba-3e3b0328c30d}",
    "Level": "0",
    "Keywords": "0x8020000000000000",
    "Channel": "Security",
}
_POWERSHELL = {
    "SourceName": "Microsoft-Windows-PowerShell",
    "ProviderGuid": "{a0c1853b-5c40-4b15-8766-3cf1c58f985a}",
    "Level": "5",
    "Keywords": "0x0",
    "Channel": "Microsoft-Windows-PowerShell/Operational",
}
_SCHEDULER = {
    "SourceName": "Microsoft-Windows-TaskScheduler",
    "ProviderGuid": "{de7b24ea-73c8-4a09-985d-5bdadcfa9017}",
    "Level": "4",
    "Keywords": "0x8000000000000000",
    "Channel": "Microsoft-Windows-TaskScheduler/Operational",
}
_TASK = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Date>{date}</Date>
    <Author>{author}</Author>
    <URI>{name}</URI>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Repetition>
        <Interval>{every}</Interval>
      </Repetition>
      <StartBoundary>{date}</StartBoundary>
      <Enabled>true</Enabled>
    </TimeTrigger>
  </Triggers>
  <Actions Context="Author">
    <Exec>
      <Command>{command}</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>""".replace("\n", "\r\n")


@dataclass(frozen=True)
class Program:
    """What Sysmon says of an executable."""

    path: str
    about: str
    product: str
    company: str
    original: str


@dataclass(frozen=True)
class Account:
    """Who runs something, in one logon session, which began at `since` (ms since 1970 UTC)."""

    domain: str
    name: str
    sid: str
    logon: str
    session: int
    since: int

    @property
    def user(self) -> str:
        return f"{self.domain}\\{self.name}"

    @property
    def integrity(self) -> str:
        return "System" if self.name == "SYSTEM" else "Medium"


@dataclass
class Process:
    """A process on `host` (its full name). `time` in ms since 1970 UTC; `sequence` is unique on the host."""

    host: str
    time: int
    pid: int
    sequence: int
    program: Program
    command_line: str
    account: Account
    parent: "Process | None" = None
    folder: str = field(default="C:\\Windows\\system32\\")

    @property
    def guid(self) -> str:
        seconds, sequence = self.time // 1000, self.sequence.to_bytes(8, "little").hex()
        return f"{{{machine(self.host)}-{seconds & 0xFFFF:04x}-{seconds >> 16:04x}-{sequence[:4]}-{sequence[4:]}}}"


def machine(host: str) -> str:
    """What the GUIDs of one host begin with."""
    return _digest("machine", host, 8)


def logon_guid(process: Process) -> str:
    seconds, logon = process.account.since // 1000, int(process.account.logon, 16).to_bytes(8, "little").hex()
    return f"{{{machine(process.host)}-{seconds & 0xFFFF:04x}-{seconds >> 16:04x}-{logon[:4]}-{logon[4:]}}}"


def _digest(kind: str, text: str, digits: int) -> str:
    return hashlib.sha256(f"{kind}\n{text.lower()}".encode()).hexdigest()[:digits]


def _hashes(path: str) -> str:
    lengths = {"SHA1": 40, "MD5": 32, "SHA256": 64, "IMPHASH": 32}
    return ",".join(f"{name}={_digest(name, path, digits).upper()}" for name, digits in lengths.items())


def iso(time: int) -> str:
    return datetime.fromtimestamp(time // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{time % 1000:03d}Z"


def _line(
    kind: dict[str, str], host: str, time: int, event: int, task: str, message: str, data: dict[str, str]
) -> bytes:
    head = kind | {"Hostname": host, "TimeCreated": iso(time), "@timestamp": iso(time)}
    return msgspec.json.encode(head | {"EventID": event, "Message": message, "Task": task} | data)


def _sysmon(host: str, time: int, event: int, message: str, data: dict[str, str]) -> bytes:
    """Sysmon logs a few milliseconds after what it saw."""
    times = {"RuleName": "-", "UtcTime": iso(time).replace("T", " ").removesuffix("Z")}
    return _line(_SYSMON, host, time + 2, event, str(event), message, times | data)


def created(process: Process) -> bytes:
    """Sysmon 1."""
    program, account, parent = process.program, process.account, process.parent
    windows = program.product.startswith("Microsoft® Windows®")
    data = {
        "ProcessGuid": process.guid,
        "ProcessId": str(process.pid),
        "Image": program.path,
        "FileVersion": "10.0.22621.2506 (WinBuild.160101.0800)" if windows else "-",
        "Description": program.about,
        "Product": program.product,
        "Company": program.company,
        "OriginalFileName": program.original,
        "CommandLine": process.command_line,
        "CurrentDirectory": process.folder,
        "User": account.user,
        "LogonGuid": logon_guid(process),
        "LogonId": account.logon,
        "TerminalSessionId": str(account.session),
        "IntegrityLevel": account.integrity,
        "Hashes": _hashes(program.path),
    }
    if parent:
        data |= {
            "ParentProcessGuid": parent.guid,
            "ParentProcessId": str(parent.pid),
            "ParentImage": parent.program.path,
            "ParentCommandLine": parent.command_line,
        }
    return _sysmon(process.host, process.time, 1, "Process Create:", data)


def connected(process: Process, time: int, source: tuple[str, int], target: tuple[str, int, str]) -> bytes:
    """Sysmon 3, outgoing TCP."""
    data = {
        "ProcessGuid": process.guid,
        "ProcessId": str(process.pid),
        "Image": process.program.path,
        "User": process.account.user,
        "Protocol": "tcp",
        "Initiated": "true",
        "SourceIsIpv6": "false",
        "SourceIp": source[0],
        "SourceHostname": process.host,
        "SourcePort": str(source[1]),
        "SourcePortName": "-",
        "DestinationIsIpv6": "false",
        "DestinationIp": target[0],
        "DestinationHostname": target[2],
        "DestinationPort": str(target[1]),
        "DestinationPortName": {443: "https", 445: "microsoft-ds", 389: "ldap", 88: "kerberos", 53: "domain"}.get(
            target[1], "-"
        ),
    }
    return _sysmon(process.host, time, 3, "Network connection detected:", data)


def wrote(process: Process, time: int, path: str) -> bytes:
    """Sysmon 11."""
    data = {
        "ProcessGuid": process.guid,
        "ProcessId": str(process.pid),
        "Image": process.program.path,
        "TargetFilename": path,
        "CreationUtcTime": iso(time).replace("T", " ").removesuffix("Z"),
        "User": process.account.user,
    }
    return _sysmon(process.host, time, 11, "File created:", data)


def created_4688(process: Process) -> bytes:
    """Security 4688, with command lines."""
    account, parent = process.account, process.parent
    data = _subject(account) | {
        "NewProcessId": hex(process.pid),
        "NewProcessName": process.program.path,
        "TokenElevationType": "%%1936" if account.name == "SYSTEM" else "%%1938",
        "ProcessId": hex(parent.pid) if parent else "0x0",
        "CommandLine": process.command_line,
        "TargetUserSid": "S-1-0-0",
        "TargetUserName": "-",
        "TargetDomainName": "-",
        "TargetLogonId": "0x0",
        "ParentProcessName": parent.program.path if parent else "",
        "MandatoryLabel": "S-1-16-16384" if account.integrity == "System" else "S-1-16-8192",
    }
    return _line(_SECURITY, process.host, process.time + 1, 4688, "13312", "A new process has been created.", data)


def _subject(account: Account) -> dict[str, str]:
    return {
        "SubjectUserSid": account.sid,
        "SubjectUserName": account.name,
        "SubjectDomainName": account.domain,
        "SubjectLogonId": account.logon,
    }


def script_block(process: Process, time: int, text: str) -> bytes:
    """PowerShell 4104."""
    block = _digest("block", f"{process.guid}{time}{text}", 32)
    data = {
        "MessageNumber": "1",
        "MessageTotal": "1",
        "ScriptBlockText": text,
        "ScriptBlockId": f"{block[:8]}-{block[8:12]}-{block[12:16]}-{block[16:20]}-{block[20:]}",
        "Path": "",
        "ExecutionProcessID": str(process.pid),
        "UserID": process.account.sid,
    }
    return _line(_POWERSHELL, process.host, time, 4104, "2", "Creating Scriptblock text (1 of 1):", data)


def task_4698(process: Process, time: int, name: str, command: str, arguments: str, every: str) -> bytes:
    """Security 4698."""
    account = process.account
    xml = _TASK.format(
        date=iso(time)[:19], author=account.user, name=name, every=every, command=command, arguments=arguments
    )
    data = _subject(account) | {"TaskName": name, "TaskContent": xml}
    return _line(_SECURITY, process.host, time, 4698, "12804", "A scheduled task was created.", data)


def task_106(process: Process, time: int, name: str) -> bytes:
    """TaskScheduler 106."""
    data = {"TaskName": name, "UserContext": process.account.user}
    message = f'User "{process.account.user}"  registered Task Scheduler task "{name}"'
    return _line(_SCHEDULER, process.host, time, 106, "106", message, data)


def device_file(process: Process, time: int, path: str, serial: int) -> bytes:
    """A row of Defender's DeviceFileEvents, as advanced hunting returns it."""
    program, account, parent = process.program, process.account, process.parent
    row: dict[str, str | int | None] = {
        "Timestamp": iso(time).removesuffix("Z") + "0000Z",
        "DeviceId": _digest("device", process.host, 40),
        "DeviceName": process.host.lower(),
        "ActionType": "FileCreated",
        "FileName": path.rpartition("\\")[2],
        "FolderPath": path,
        "SHA1": _digest("SHA1", path, 40),
        "SHA256": _digest("SHA256", path, 64),
        "MD5": _digest("MD5", path, 32),
        "FileSize": 2048 + int(_digest("size", path, 4), 16),
        "InitiatingProcessAccountDomain": account.domain.lower(),
        "InitiatingProcessAccountName": account.name,
        "InitiatingProcessAccountSid": account.sid,
        "InitiatingProcessFileName": program.path.rpartition("\\")[2],
        "InitiatingProcessFolderPath": program.path.lower(),
        "InitiatingProcessId": process.pid,
        "InitiatingProcessCommandLine": process.command_line,
        "InitiatingProcessCreationTime": iso(process.time).removesuffix("Z") + "0000Z",
        "InitiatingProcessIntegrityLevel": account.integrity,
        "InitiatingProcessSHA1": _digest("SHA1", program.path, 40),
        "InitiatingProcessParentFileName": parent.program.path.rpartition("\\")[2] if parent else None,
        "InitiatingProcessParentId": parent.pid if parent else None,
        "InitiatingProcessParentCreationTime": iso(parent.time).removesuffix("Z") + "0000Z" if parent else None,
        "ReportId": serial,
        "AppGuardContainerId": "",
        "AdditionalFields": "",
    }
    return msgspec.json.encode(row)
