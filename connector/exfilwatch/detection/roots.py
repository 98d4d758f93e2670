"""Programs that start whatever a session or the system starts: to have one as a parent is no kinship.

Known by their full path where the record has one: a program that only borrows the name connects what it starts.
"""

import re
from functools import lru_cache

_WINDOWS = (
    "explorer.exe", "services.exe", "svchost.exe", "wininit.exe", "winlogon.exe", "userinit.exe", "lsass.exe",
    "smss.exe", "csrss.exe", "system", "taskeng.exe", "taskhostw.exe", "wmiprvse.exe", "runtimebroker.exe",
    "sihost.exe", "dllhost.exe",
)  # fmt: skip
_POSIX = (
    "systemd", "systemd-executor", "init", "launchd", "xpcproxy", "sshd", "sshd-session", "cron", "crond", "atd",
    "anacron", "login", "dbus-daemon", "gnome-shell", "gdm-session-worker", "conmon",
    "containerd-shim", "containerd-shim-runc-v2",
)  # fmt: skip
_PATH = re.compile(
    # C:\Windows, also as \SystemRoot, \??\C:\Windows or \Device\HarddiskVolume3\Windows
    r"(?:(?:(?:\\\\\?\\|\\\?\?\\)?[a-z]:\\windows|\\device\\harddiskvolume\d+\\windows|\\systemroot)"
    rf"\\(?:(?:system32|syswow64)\\(?:wbem\\)?)?)?(?:{'|'.join(map(re.escape, _WINDOWS))})"
    r"|(?:/(?:usr/(?:local/)?)?(?:s?bin|lib|libexec)/(?:[\w.-]+/)*)?"
    rf"(?:{'|'.join(map(re.escape, _POSIX))})"
)
SYSTEM = frozenset({"0", "1", "4"})
"""Process ids of the system itself: idle, init or launchd, and Windows' System."""


@lru_cache(10_000)
def starts_everything(image: str) -> bool:
    """Whether the program at a path, or of a bare name, is one of these."""
    return _PATH.fullmatch(image.lower()) is not None
