"""Expressions of the catalogue: RE2's syntax, in linear time on long texts, quick on short ones."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import re2

NAMED = {
    "share": r"(?:[\w.\\]*FileSystem::)?(?:\\\\(?:[?.]\\UNC\\|[^\\?./'\"])|//[^/'\"])",
    "document": r"\.(?:do[ct][xm*?]?|rtf|od[tsp]|xls[xmb*?]?|csv|pp[ts][xm*?]?|pdf|vsdx?|one|mdb|accdb|[pon]st|msg|eml"
    r"|rd[pg]|kdbx?|pfx|p12|pem|key|ppk|ovpn|pages|numbers|jpe?g|png|heic|dwg|dxf|psd|zip|7z|rar|sql|bak|txt)",
    "people": r"(?:%userprofile%|%onedrive\w*%|\$env:(?:userprofile|onedrive)|\$home\b|^~|^['\"]?[a-z]:\\users\b"
    r"|\\(?:documents|desktop|downloads|pictures|onedrive)\b)",
    "brief": r"\\(?:temp|tmp|cache|logs?)\b",
    "stash": r"(?:(?:%|\$env:)(?:te?mp|public|programdata|(?:local)?appdata)\b"
    r"|\\(?:te?mp|programdata|appdata|perflogs|windows|\$recycle\.bin)(?:\\|$)|\\users\\public\b)",
    "hive": r"(?:HarddiskVolumeShadowCopy|\\ntds\.dit|config\\(?:sam|system|security)\b)",
    "browser": r"\\(?:Login Data|Web Data|Cookies|Local State|logins\.json|key4\.db|cookies\.sqlite|places\.sqlite)"
    r"['\"]?$",
    "secrets": r"\\(?:Microsoft\\(?:Credentials|Protect|Vault)|\.ssh|\.aws|\.azure|\.kube|\.gnupg)(?:\\|['\"]?$)"
    r"|\\ConsoleHost_history\.txt|\\NTUSER\.DAT|\.kdbx?['\"]?$",
    "offices": r"^['\"]?\\\\[^\\]+\\(?:.*\\)?"
    r"(?:finance|accounting|payroll|contracts?|legal|salar(?:y|ies)|invoices?|customers?|confidential"
    r"|hr|human resources|personnel|executive|board|research|homes?|users|profiles)\$?(?:\\|['\"]?$)",
    "admin": r"^['\"]?\\\\[^\\]+\\(?:[a-z]|admin)\$\\",
    "read": r"(?:\b(?:get-content|gc|cat|type|get-item|gi|get-childitem|gci|dir|ls)[\s(]"
    r"|ReadAll(?:Text|Bytes|Lines)\s*\(|OpenRead\s*\()\s*"
    r"(?:-(?:literal)?path\s+|-raw\s+|-encoding\s+\w+\s+|-asbytestream\s+|-readcount\s+\d+\s+)*[(\"']*",
    "remote": r"^(?:(?:scp|rsync)://|[^/\\:@]*@(?:\[[^\]/]+\]|[^/\\:\[\]]+):|\[[^\]/]+\]:|[^/\\:\[\]@]{2,}:)",
    "drive": r"^(?:/run/media/[^/]+/|/media/(?:[^/]+/|usb|cdrom)|/mnt/(?:usb|stick|flash|thumb|removable|sd[a-z])"
    r"|/Volumes/)[^/]*",
    "taken": r"(?:\$\(|`)\s*(?:<|(?:cat|base(?:64|32)|xxd|od|hexdump|openssl|gpg|gzip|tar|zip|strings|head|find)\b)",
    "presented": r"^(?:(?:proxy-)?authorization|[\w-]*(?:token|key|secret|auth)[\w-]*):"
    r"[^$`]*(?:\$\(|`)\s*(?:<|cat)\s*[^\s)`]*(?:token|secret|password|api.?key|jwt|bearer|credential)[^\s)`]*\s*[)`]$",
    "encoded": r"(?:(?:\$\(|`)[^)`]*\b(?:base(?:64|32)|xxd|od|hexdump|openssl|gpg|gzip)\b"
    r"|Convert\]::To(?:Base64|Hex)String\s*\(|BitConverter\]::ToString\s*\()",
    "shell": r"^(?:\S*/)?(?:ba|z|da|k|c|tc|a)?sh(?:\s+-[il]+)*$"
    r"|^(?:\S*/)?(?:cat|tail\s+-f)\s+\S*(?:fifo|pipe|/tmp/\w{1,2})$",
    "said": r"^(?:\S*/)?(?:echo|printf|true|:|sleep|yes|date|false)\b",
    "nothing": r"^/dev/(?:null|tty|zero|u?random)$",
    "staging": r"^(?:/private)?(?:/var)?/tmp(?:/|$)|^/dev/shm|^/run/user|^/Users/Shared|^\$\{?TMPDIR",
    "homes": r"^['\"]?(?:/home|/root|/Users|~|\$\{?HOME\}?|/var/(?:mail|spool/mail|www)|/srv|/media|/Volumes)(?:/|$)",
    "kept": r"^['\"]?(?:/home|/root|/Users|~|\$\{?HOME\}?|[a-z]:\\users)[\\/]"
    r"|^/etc/(?:shadow|gshadow|master\.passwd|passwd)$"
    r"|\.(?:docx?|xlsx?|pptx?|pdf|kdbx?|zip|7z|rar|t?gz|tar|sql|bak|pst|ost)['\"]?$",
    "listed": r"^\(*(?:get-childitem|gci|ls|dir|get-item|gi)\s+(?:-\w+\s+)*['\"]?(?P<is>[^\s'\"()-][^\s'\")]*)",
    "url": r"(?:https?|ftps?|sftp|scp|davs?|wss?|s3)://[^\s'\"`|;,()<>]+",
}
"""Expressions that others name in braces: the beginning of a share of another host, also by WebDAV; the end of a name
of a document, archive or key that people keep; their folders, and what in them is of no worth; where things are put
out of sight on a Windows; files with its secrets; what browsers keep, and other secrets of a person; shares by names
that tell of people's work; the shares of whole drives that administrators
have; how PowerShell reads a file, up to its name; `HOST:PATH` of scp and rsync, where a colon after one letter is a
drive; a command substitution of a POSIX shell that reads a file; a header that presents a token out of its file; a
substitution that encodes; a shell in a pipe, or a FIFO that one answers by; programs that pipe in words rather than
files; devices that hold nothing; Unix's folders that anyone may write to, and those with people's files; a file
of people, or an archive; what a
listing of PowerShell lists; a URL."""
SHORT = 200
"""Characters up to which Python's own engine runs: RE2 costs 15 microseconds a call, whatever the text."""


_ROOM = 64 << 20
"""Bytes for what RE2 works out of large sets."""
_BRACES = re.compile("{(" + "|".join(NAMED) + ")}")


def spelled(text: str) -> str:
    """An expression with what NAMED means in the places of the names."""
    return _BRACES.sub(lambda found: NAMED[found[1]], text)


def options(*, cased: bool) -> Any:
    """For RE2, which has no types: with or without regard to case, and nothing written to standard error."""
    chosen = re2.Options()
    chosen.log_errors = False
    chosen.case_sensitive = cased
    return chosen


class Expression:
    """One expression, without regard to case unless it begins with `(?-i)`. Raises re.error."""

    def __init__(self, text: str, short: int = SHORT) -> None:
        """`short`: characters up to which Python's own engine may run, which is not linear in time."""
        self._most = short
        self._cased = text.startswith("(?-i)")
        self._plain = spelled(text.removeprefix("(?-i)"))
        self._short = re.compile(self._plain, re.ASCII | (0 if self._cased else re.IGNORECASE))
        self.named = "is" in self._short.groupindex

    @cached_property
    def _long(self) -> Any:
        """Raises re2.error."""
        return re2.compile(self._plain, options(cased=self._cased))

    def search(self, text: str) -> bool:
        """Whether it is found somewhere in a text."""
        return bool(self._short.search(text) if len(text) <= self._most else self._long.search(_sound(text)))

    def found(self, text: str) -> Iterator[str]:
        """Each place where it is found: its group `is`, where it has one that took part, else all of it."""
        for match in self._short.finditer(text) if len(text) <= self._most else self._long.finditer(_sound(text)):
            part = match["is"] if self.named else None
            yield part if part is not None else match[0]


class Several:
    """Which of many expressions are found in a text, without regard to case: one pass over it for all of them.

    RE2 makes a state for each set of them that was found so far: many that are found often go better one by one.
    """

    def __init__(self, expressions: Sequence[str]) -> None:
        """Raises re2.error."""
        chosen = options(cased=False)
        chosen.max_mem = _ROOM
        self._set = re2.Set.SearchSet(chosen)
        for each in expressions:
            self._set.Add(each)
        self._set.Compile()

    def given(self, text: str) -> Sequence[int]:
        """Their numbers, in no order."""
        found: Sequence[int] = self._set.Match(_sound(text)) or ()
        return found


def clues(texts: Sequence[str]) -> Several:
    """Which of many texts stand in another one."""
    return Several([re2.escape(text) for text in texts])


def _sound(text: str) -> str:
    """A text without lone surrogates, which RE2 does not take."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


_compiled: dict[str, Expression] = {}


def expression(text: str) -> Expression:
    """An expression, compiled once. Raises re.error."""
    found = _compiled.get(text)
    if found is None:
        found = _compiled[text] = Expression(text)
    return found


def linear(text: str) -> Expression:
    """An expression of somebody else's, which `expression` gives from then on: Python's own engine, of which some take
    for ever, never runs it. Raises re.error, also for what RE2 can't run.
    """
    found = Expression(text, short=-1)
    try:
        found.search("")
    except re2.error as error:
        raise re.error(error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)) from error
    return _compiled.setdefault(text, found)
