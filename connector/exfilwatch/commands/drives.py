"""Drives and folders that a script attaches to a share: what it copies there afterwards goes to the share."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from exfilwatch.commands.command import Command

_SHARE = re.compile(r"(?:\\\\|//)[^\\/?.]|https?://", re.IGNORECASE)
_WEB = re.compile(r"(?P<scheme>https?)://(?P<host>[^/\\]+)", re.IGNORECASE)
_DRIVE = re.compile(r"([a-z]):$", re.IGNORECASE)
_MAPPED = re.compile(r"MapNetworkDrive\W{1,9}([a-z]):\W{1,9}(\\\\[^'\",)]+)", re.IGNORECASE)
_GOES: Final = frozenset(["pushd", "push-location", "cd", "chdir", "set-location", "sl"])
_OPTIONS: Final = {
    "new-psdrive": ("-name", "-root"),
    "ndr": ("-name", "-root"),
    "mount": ("-name", "-root"),
    "new-smbmapping": ("-localpath", "-remotepath"),
}
"""The parameters of cmdlets that name the drive and the share (the first letters of each are enough)."""


def mapped(commands: Iterable[Command]) -> Iterator[Command]:
    """The commands, with shares in the places of the drives that earlier ones attached to them."""
    drives: dict[str, str] = {}
    for command in commands:
        if drives:
            _put(command, drives)
        drives.update(_attached(command))
        yield command


def _attached(command: Command) -> Iterator[tuple[str, str]]:
    """The drives, lower-case with their colons, that a command attaches, each with its share; `.` is where it goes."""
    program = command.program
    words = command.words[1:]
    if program in ("net", "net1") and words and words[0].lower() == "use":
        yield from _pair(words[1:])
    elif program == "subst":
        yield from _pair(words)
    elif program in _GOES:
        shares = [word for word in words if _SHARE.match(word)]
        if shares:
            yield ".", shares[0].rstrip("\\")
    elif program in _OPTIONS:
        name, root = (_value(words, option) for option in _OPTIONS[program])
        if name and _SHARE.match(root):
            yield name.rstrip(":").lower() + ":", root.rstrip("\\")
    elif not command.words and (found := _MAPPED.search(command.raw)):
        yield found[1].lower() + ":", found[2].rstrip("\\")


def _pair(words: list[str]) -> Iterator[tuple[str, str]]:
    drives = [word for word in words if _DRIVE.match(word)] or ["z:"] * ("*" in words)  # the last one that is free
    shares = [word for word in words if _SHARE.match(word)]
    if drives and shares:
        yield drives[0].lower(), _WEB.sub(_shared, shares[0]).rstrip("\\/")


def _shared(found: "re.Match[str]") -> str:
    """The host of a URL as WebDAV's client names it."""
    return rf"\\{found['host']}@SSL" if found["scheme"].lower() == "https" else rf"\\{found['host']}"


def _value(words: list[str], option: str) -> str:
    """The value after an option or its beginning, of three characters at least, `-na` for `-name`."""
    for at, word in enumerate(words[:-1]):
        if len(word) > 2 and option.startswith(word.lower()):
            return words[at + 1]
    return ""


def _put(command: Command, drives: dict[str, str]) -> None:
    command.words[1:] = [_placed(word, drives) for word in command.words[1:]]
    command.writes = [_placed(word, drives) for word in command.writes]
    command.reads = _placed(command.reads, drives)
    if not command.words:
        for drive, share in drives.items():
            for mark in "'\"":
                command.raw = command.raw.replace(f"{mark}{drive}\\", f"{mark}{share}\\")
                command.raw = command.raw.replace(f"{mark}{drive.upper()}\\", f"{mark}{share}\\")


def _placed(word: str, drives: dict[str, str]) -> str:
    """A path on a drive as one on its share."""
    head, colon, rest = word.partition(":")
    share = drives.get(head.lower() + ":") if colon else None
    if share is not None and not rest[:1].isalnum():
        return share + rest
    if "." in drives and (word == "." or word.startswith((".\\", "./"))):
        return drives["."] + word[1:]
    return word
