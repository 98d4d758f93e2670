"""Names of what a command line is read for. Here, so that who only has to know them need not load what reads it."""

FIELDS = tuple(
    f"{group}.{name}"
    for group, names in {
        "transfer": "direction tool family protocol destination destination_class source_path sensitive_source content "
        "secret renamed within file",
        "archive": "kind tool path source_path sensitive_source secret",
        "collect": "tool path source_path sensitive_source",
        "remote": "name destination destination_class",
        "command": "does plain undone within count destinations first template program",
        "schedule": "command",
        "file": "name",
    }.items()
    for name in names.split()
)
TOLD = frozenset(
    [
        *("transfer.direction", "transfer.tool", "transfer.family", "transfer.protocol", "transfer.destination_class"),
        *("transfer.sensitive_source", "transfer.content", "transfer.secret", "transfer.renamed", "transfer.within"),
        *("archive.kind", "archive.tool", "archive.sensitive_source", "archive.secret"),
        *("collect.tool", "collect.sensitive_source", "remote.destination_class", "command.does"),
    ]
)
"""Those with few different values."""
PROGRAM = "command.program"
PASSIVE = frozenset(["download", "extract", "mount", "schedule", "encode"])
"""What is not looked for (command.does)."""
_SYSTEM = "ctfmon csrss conhost dllhost lsass RuntimeBroker services SearchIndexer sihost spoolsv svchost taskhostw"
ORDINARY = (
    *(f"C:\\Windows\\System32\\{name}.exe" for name in _SYSTEM.split()),
    r"C:\Windows\System32\backgroundTaskHost.exe",
    r"C:\Windows\System32\SearchProtocolHost.exe",
    r"C:\Windows\System32\SearchFilterHost.exe",
    r"C:\Windows\System32\wbem\WmiPrvSE.exe",
    r"C:\Windows\System32\audiodg.exe",
    r"C:\Windows\System32\wermgr.exe",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files\Mozilla Firefox\firefox.exe",
)
"""Programs by their whole paths that start all the time, and of which no option sends, packs or looks for files. Only
who can replace the system's own files can hide behind one."""
