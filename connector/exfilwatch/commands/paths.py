r"""Paths of files in one form: `C:\Users\x`, `\\host\share\x`, `/etc/passwd`.

Sources: Microsoft, "File path formats on Windows systems", "Naming Files, Paths, and Namespaces" and [MS-DTYP] 2.2.57
(UNC); WebDAV redirector's `\\host@SSL@port\DavWWWRoot`; RFC 8089 (file URLs); POSIX pathname resolution.
"""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

from exfilwatch.commands.addresses import host as normal_host

_DEVICE: Final = re.compile(r"(?:\\\\[?.]|\\\?\?)\\(?:GLOBALROOT\\)?(UNC\\)?", re.IGNORECASE)
_UNC: Final = re.compile(r"\\\\([^\\@]*)((?:@[^\\@]*){0,2})(?:\\+([^\\]*))?(.*)", re.DOTALL)
_DRIVE: Final = re.compile(r"([A-Za-z]):")
_SCHEME: Final = re.compile(r"(file|smb|cifs|afp|davs?|webdavs?):(/{2,4}|\\{2})(.*)", re.IGNORECASE | re.DOTALL)
_SHORT: Final = re.compile(r"~\d")
_PROCESS_ROOT: Final = re.compile(r"^/proc/(?:self|thread-self|\d+)/root(?=/)")


class Path(NamedTuple):
    """A path in its normal form.

    `host` and `share` are those of a UNC path or of a URL of a share, "" else. `webdav`: the host is spoken to by
    WebDAV. `short`: a part is an 8.3 name (`PROGRA~1`), so that its long name can't be told.
    """

    text: str
    host: str = ""
    share: str = ""
    webdav: bool = False
    short: bool = False


def path(text: str, *, windows: bool | None = None) -> Path:
    """The normal form of a path; whether it is one of Windows is told by its letters unless the caller knows."""
    text = text.strip().strip("\"'") if text[:1] in " \t\"'" or text[-1:] in " \t\"'" else text
    if ":" in text[:8] and (found := _SCHEME.fullmatch(text)) is not None:
        return _of_url(found[1].lower(), found[2], found[3])
    if windows is None:
        windows = "\\" in text or bool(_DRIVE.match(text))
    return _windows(text) if windows else Path(_resolved_posix(text))


def _of_url(scheme: str, slashes: str, rest: str) -> Path:
    rest = unquote(rest)
    if scheme == "file" and slashes != "//":
        if _DRIVE.match(rest):
            return _windows(rest)
        return _windows("\\\\" + rest) if slashes == "////" or "\\" in slashes else Path(_resolved_posix("/" + rest))
    if scheme == "file" and rest.lower().startswith("localhost/"):
        return path(rest[9:] if not _DRIVE.match(rest[10:]) else rest[10:])
    found = _windows("\\\\" + rest.rpartition("@")[2] if scheme != "file" else "\\\\" + rest)
    return found._replace(webdav=True) if "dav" in scheme else found


def _windows(text: str) -> Path:
    text = text.replace("/", "\\")
    device = _DEVICE.match(text)
    if device is not None:
        text = ("\\\\" if device[1] else "") + text[device.end() :]
    short = "~" in text and bool(_SHORT.search(text))
    if text.startswith("\\\\") and (unc := _UNC.match(text)) is not None and (place := normal_host(unc[1])):
        _, marks, share, rest = unc.groups()
        share = share or ""
        webdav = bool(marks) or share.lower() == "davwwwroot"
        rest = _resolved_windows(rest.lstrip("\\"), rooted=True)
        return Path("\\\\" + "\\".join(part for part in (place, share, rest) if part), place, share, webdav, short)
    drive = ""
    if (lettered := _DRIVE.match(text)) is not None:
        drive, text = lettered[1].upper() + ":", text[2:]
    rooted = text.startswith("\\")
    return Path(drive + ("\\" if rooted else "") + _resolved_windows(text, rooted=rooted), short=short)


def _resolved_windows(text: str, *, rooted: bool) -> str:
    r"""Segments without `.`, `..` and the dots and blanks that Windows drops at their ends."""
    kept: list[str] = []
    for segment in text.split("\\"):
        if segment == "..":
            _up(kept, rooted=rooted)
        elif segment and segment != ".":
            kept.append(segment.rstrip(". ") or segment)
    return "\\".join(kept)


def _resolved_posix(text: str) -> str:
    rooted = text.startswith("/")
    kept: list[str] = []
    for segment in text.split("/"):
        if segment == "..":
            _up(kept, rooted=rooted)
        elif segment and segment != ".":
            kept.append(segment)
    resolved = ("/" if rooted else "") + "/".join(kept)
    return (_PROCESS_ROOT.sub("", resolved) or "/") if rooted else resolved or text[:1]


def _up(kept: list[str], *, rooted: bool) -> None:
    if kept and kept[-1] != ".." and not kept[-1].startswith(("~", "$", "%")):
        kept.pop()
    elif not rooted:
        kept.append("..")
