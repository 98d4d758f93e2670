"""Folders of other hosts that a script mounts: what it copies there afterwards goes to that host."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from exfilwatch.commands.command import Command

_MOST: Final = 20
"""Folders that are kept of one line."""
_VALUED: Final = frozenset(["-o", "-t", "-p", "-F", "-O", "-L", "-U", "--types", "--options"])
_HOST = re.compile(r"(?P<host>(?:[^/:@\s]+@)?(?:[^/:\s]{2,}|\[[^\]]+\])):(?P<path>.*)", re.DOTALL)
_SHARE = re.compile(r"(?://|\\\\)(?P<rest>[^/\\].*)", re.DOTALL)
_URL = re.compile(r"(?:curlftpfs#|sshfs#)?(?P<url>[a-z]+://.+)", re.IGNORECASE | re.DOTALL)
_SERVER = re.compile(r"(?:smb|afp|nfs|ftp|cifs)://[^/]+/+[^/]", re.IGNORECASE)
_SCHEMES: Final = {"sshfs": "sftp", "mount_nfs": "nfs", "mount.nfs": "nfs", "mount.nfs4": "nfs", "mount": "nfs"}
_PROGRAMS: Final = frozenset(
    [
        *_SCHEMES,
        "mount.cifs",
        "mount.smb3",
        "mount_smbfs",
        "mount_afp",
        "mount.davfs",
        "mount_webdav",
        "mount_ftp",
        "curlftpfs",
        "wdfs",
    ]
)


def mounted(commands: Iterable[Command]) -> Iterator[Command]:
    """The commands, with URLs in the places of the folders that earlier ones mounted from another host."""
    folders: dict[str, str] = {}
    for command in commands:
        if folders:
            command.words[1:] = [_placed(word, folders) for word in command.words[1:]]
            command.writes = [_placed(word, folders) for word in command.writes]
        found = _mounts(command)
        if found and len(folders) < _MOST:
            folders[found[0]] = found[1]
        yield command


def _mounts(command: Command) -> tuple[str, str] | None:
    """The folder that a command mounts, without a slash at its end, and the URL of what stands there then."""
    if command.program == "open":  # macOS mounts the last part of a server's URL under its name
        url = next((word.rstrip("/") for word in command.words[1:] if _SERVER.match(word)), "")
        return (f"/Volumes/{url.rpartition('/')[2]}", url) if url else None
    if command.program not in _PROGRAMS:
        return None
    given = list(_arguments(command.words[1:]))
    if len(given) < 2 or given[1].rstrip("/") in ("", "."):
        return None
    url = _url(given[0], _SCHEMES.get(command.program, "smb"))
    return (given[1].rstrip("/"), url) if url else None


def _arguments(words: Sequence[str]) -> Iterator[str]:
    value = False
    for word in words:
        if not value and not word.startswith("-"):
            yield word
        value = word in _VALUED


def _url(source: str, scheme: str) -> str:
    if found := _URL.fullmatch(source):
        return found["url"].rstrip("/")
    if found := _SHARE.fullmatch(source):
        return "smb://" + found["rest"].replace("\\", "/").rstrip("/")
    if found := _HOST.fullmatch(source):
        return f"{scheme}://{found['host']}/{found['path'].strip('/')}".rstrip("/")
    return ""


def _placed(word: str, folders: dict[str, str]) -> str:
    """A path in a mounted folder as a URL."""
    before, equals, path = word.rpartition("=") if word.startswith("of=") else ("", "", word)
    for folder, url in folders.items():
        if path == folder or path.startswith(folder + "/"):
            return before + equals + url + path[len(folder) :]
    return word
