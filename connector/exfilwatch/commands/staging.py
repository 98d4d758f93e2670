"""Files put where anybody may write: by what name a file event and an upload's command line know the same one.

A command line seldom has the whole path that a file event has: it is relative, has a variable or a short folder name
(`EVA~1`), or a link before it (`/tmp` of macOS is `/private/tmp`). So what is held against each other is the name, of
files in such a folder, or in one that isn't told.
"""

import re
from collections.abc import Iterable

_STAGING = re.compile(
    r"""[\\/](?:temp|tmp|users[\\/]public|programdata|all\ users|perflogs|\$recycle\.bin)[\\/]"""
    r"""|^(?:/private)?/(?:tmp|var/tmp|dev/shm|run/shm|var/folders)/|^/run/user/\d+/"""
    r"""|%(?:temp|tmp|public|programdata|allusersprofile)%|\$\{?(?:env:)?(?:temp|tmp|tmpdir|public|programdata)\b"""
    r"""|gettemppath\(|gettempdir\(""",
    re.IGNORECASE | re.VERBOSE,
)
_ABSOLUTE = re.compile(r"^(?:[a-z]:|\\\\|[/~])", re.IGNORECASE)
_LAST = re.compile(r"[^\\/]*$")
_UNTOLD = re.compile(r"[*?$%]")
_LONGEST = 255


def is_staging(path: str) -> bool:
    """Whether a file is in a temporary folder or one that all users share."""
    return bool(_STAGING.search(path))


def staged_name(path: str) -> str | None:
    """The name of a file in such a folder, in lower case; None elsewhere."""
    return _name(path) if is_staging(path) else None


def sent_name(paths: Iterable[str], folder: str) -> str | None:
    """The name of the first of these files that is in such a folder, or may be; `folder`: the process's, if told."""
    elsewhere = bool(folder) and not is_staging(f"{folder}/")
    for path in paths:
        told = elsewhere or bool(_ABSOLUTE.match(path))
        if (is_staging(path) or not told) and (name := _name(path)):
            return name
    return None


def _name(path: str) -> str | None:
    found = _LAST.search(path.strip(" \"'"))
    name = found[0].casefold() if found else ""
    return name if "." in name and len(name) <= _LONGEST and not _UNTOLD.search(name) else None
