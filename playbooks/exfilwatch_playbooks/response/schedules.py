"""The name of the schedule that a command line makes: a task of Windows, a unit of systemd, a property list of launchd.

Sources: schtasks /create (/tn), Register-ScheduledTask (-TaskName), systemd-run (--unit, --on-...), systemctl and
launchctl as their manuals have them.
"""

import re

_READ = 65_536  # characters of a command line
_VALUE = r"""(?:"([^"]{1,300})"|'([^']{1,300})'|([^\s"']{1,300}))"""
_TASK = re.compile(rf"(?<!\S)[/-]tn\s+{_VALUE}", re.IGNORECASE)
_REGISTERED = re.compile(rf"\bRegister-ScheduledTask\b[^|;]{{0,2000}}?\s-TaskName\s+{_VALUE}", re.IGNORECASE)
_TRANSIENT = re.compile(rf"\bsystemd-run\b[^|;]{{0,2000}}?\s(?:--unit[= ]|-u\s+){_VALUE}")
_VERB = r"(?:enable|start|reenable)"
_UNIT = re.compile(rf"\bsystemctl\b[^|;]{{0,500}}?\s{_VERB}\s(?:--\S+\s)*([\w@.\\-]{{1,250}}\.(?:timer|service))\b")
_LOADED = re.compile(
    r"\blaunchctl\s+(?:load|bootstrap|enable)\s(?:[^|;\s]{1,100}\s+){0,3}?(/[^\s'\"|;]{1,400}\.plist)\b"
)


def scheduled(command: str | None) -> str | None:
    """A task of Windows as its path, which is how its logs name it: without a folder it is in the root one."""
    text = (command or "")[:_READ]
    if found := _TASK.search(text) or _REGISTERED.search(text):
        name = next(filter(None, found.groups()), "").lstrip("\\")
        return f"\\{name}" if name else None
    if found := _TRANSIENT.search(text):
        name = next(filter(None, found.groups()), "")
        whole = "." in name or "--on-" not in text
        return name if whole else f"{name}.timer"
    found = _UNIT.search(text) or _LOADED.search(text)
    return found[1] if found else None
