"""Where the demo's telemetry and the filters of its site lie, and what is hidden in the telemetry.

Windows is written by us after real records (tests/demo makes the ordinary day), the audit log is a real recording of an
hour on a Linux server (tests/demo/record_auditd.py). Nothing in it is of a real person or machine; addresses that
stand for the internet are those that RFC 5737 keeps for documentation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

OWN_TRAFFIC = Path(__file__).parent / "filters" / "own_traffic.yml"
"""The filters that the site of the demo would write for itself: its own destinations, inventory and backups."""


@dataclass(frozen=True)
class Scenario:
    """One exfiltration. Found by the exfil pack's rules titled `rules`, of `branches`; recorded in `files`.

    Weak signs (below medium), such as the search for the files, are not listed.
    """

    number: int
    title: str
    what_happened: str
    branches: tuple[str, ...]
    rules: tuple[str, ...]
    host: str
    files: tuple[str, ...]


SCENARIOS = (
    Scenario(
        number=1,
        title="PowerShell sends a folder of documents, file by file",
        what_happened=(
            "In accounting, PowerShell lists Documents with Get-ChildItem -Recurse and calls Net.WebClient.UploadFile "
            "for each file, to 127.0.0.1:8443 (Sysmon 1 and 3, script block log 4104)."
        ),
        branches=("scripting_engine", "collection"),
        rules=(
            "Upload By PowerShell",
            "Upload In A PowerShell Script Block",
            "Upload In A Script Block, And The Process That Ran It",
            "Files Gathered, Then Uploaded From The Same Host",
        ),
        host="WS-ACC-07.nordwind.example",
        files=("scenario-1-powershell.jsonl",),
    ),
    Scenario(
        number=2,
        title="A scheduled task uploads every hour with bitsadmin",
        what_happened=(
            "In human resources, schtasks creates WindowsTelemetryCollect, whose action is bitsadmin /transfer exfil "
            "/upload; it runs at 12:00 and 13:00 (Security 4688 and 4698, Sysmon 1 and 3, TaskScheduler 106)."
        ),
        branches=("scheduled_upload", "transfer_tool"),
        rules=(
            "Upload On A Schedule",
            "Scheduled Task Registered With An Upload As Its Action",
            "Upload By A Program That Windows Brings Along",
            "Upload Put On A Schedule, Then Run",
            "Task With An Upload Registered, Then Run",
            "Uploads Of Files That Recur",
        ),
        host="WS-HR-03.nordwind.example",
        files=("scenario-2-scheduled-task.jsonl",),
    ),
    Scenario(
        number=3,
        title="Python zips the documents and posts the archive",
        what_happened=(
            "In the laboratory, python.exe walks Documents with os.walk, packs collect_df00tech.zip in %TEMP% with "
            "zipfile and posts it with urllib.request to 127.0.0.1:8080 (Sysmon 1, 11 and 3, Defender's "
            "DeviceFileEvents)."
        ),
        branches=("scripting_engine", "archive_then_network"),
        rules=(
            "Upload By Code On A Command Line",
            "Files Packed, Then Uploaded From The Same Host",
            "Process That Wrote An Archive To A Temporary Folder Then Connected",
        ),
        host="WS-LAB-12.nordwind.example",
        files=("scenario-3-python.jsonl",),
    ),
    Scenario(
        number=4,
        title="A shell loop on Linux sends what find finds, with curl",
        what_happened=(
            'On an application server, bash runs find -name "*.pdf" and curl -X POST -F file=@ for each file, to '
            "127.0.0.1:9090 (auditd, recorded for real; Sysmon for Linux 1 and 3)."
        ),
        branches=("transfer_tool", "archive_then_network", "collection"),
        rules=(
            "Upload By An HTTP Client",
            "Files Gathered, Then Uploaded From The Same Host",
            "Files Packed, Then Uploaded From The Same Host",
            "Uploads Of Files That Recur",
        ),
        host="lnx-app-02",
        files=("lnx-app-02-audit.log.gz", "scenario-4-sysmon.log"),
    ),
)


@contextmanager
def telemetry() -> Iterator[list[Path]]:
    """The files of the day, in order of name; they exist as long as the block (unpacked, where the package is not)."""
    with as_file(files("exfilwatch_playbooks.demo").joinpath("data")) as folder:
        yield sorted(path for path in folder.iterdir() if path.is_file())
