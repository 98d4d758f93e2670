"""The template of a command: what stays the same when it is run again, with what changes put aside.

    curl -T /srv/out/backup-2026-11-27.zip https://files.example.net/in/4711
    curl -T /srv/out/* https://files.example.net/in/#

Put aside are the names of the files that are sent (their folder stays), numbers, dates, GUIDs, hashes, other long ids
and names of temporary files. The host stays as it is: commands that send elsewhere have other templates.
"""

import re
from collections.abc import Iterable

MARK = "#"
_LONGEST = 1_000
"""Characters of a command that are looked at."""
_KEPT = 300
_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}"
_VARIABLE = re.compile(
    r"\{?\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b\}?"  # GUIDs
    r"|(?<![0-9a-z])(?=[a-f]*[0-9])[0-9a-f]{8,}(?![0-9a-z])"  # hashes and ids in hexadecimal digits
    r"|(?<![0-9a-z])(?=[a-z+_-]*[0-9])[0-9a-z+_-]{24,}={0,2}(?![0-9a-z=])"  # in Base64
    r"|(?<![0-9a-z])te?mp[._-]?[0-9a-z_]{5,}(?![0-9a-z])"  # mktemp, tempfile
    rf"|(?<=\d[-_ /]){_MONTHS}(?=[-_ /,]?\s?\d)|(?<![a-z]){_MONTHS}(?=[-_ /,]\s?\d)"
    r"|[0-9]+",
    re.IGNORECASE,
)
_RUN = re.compile(rf"{MARK}(?:[-_.:,/ ]?(?:t(?={MARK}))?{MARK})+z?(?![a-z])", re.IGNORECASE)


def template(text: str, sources: Iterable[str] = (), host: str = "") -> str:
    """The template of a command that sends `sources`, as it names them, to `host`; with the host behind it where the
    command says it otherwise. A `host` that is a whole address (s3://bucket/27.gz) is none to keep."""
    program, space, text = text[:_LONGEST].partition(" ")
    host = "" if "/" in host else host
    for source in sorted({each for each in sources if len(each) > 1}, key=len, reverse=True):
        text = text.replace(source, _folder(source) + "*")
    parts = re.split(f"({re.escape(host)})", text, flags=re.IGNORECASE) if host else [text]
    made = "".join(host if at % 2 else _aside(part) for at, part in enumerate(parts))
    kept = " ".join(f"{program}{space}{made}".split())[:_KEPT]
    return kept if not host or len(parts) > 1 else f"{kept} > {host}"


def _folder(path: str) -> str:
    cut = max(path.rfind("/"), path.rfind("\\"))
    return path[: cut + 1]


def _aside(text: str) -> str:
    return _RUN.sub(MARK, _VARIABLE.sub(MARK, text))
