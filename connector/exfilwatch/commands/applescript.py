"""Texts that AppleScript puts together with `&`, for the shell that it gives them to: what they come to.

Source: Apple, "AppleScript Language Guide": `&`, `quoted form of`, `POSIX path of`, `do shell script`, `set`. Nothing
is run: a name that the script sets to a text is that text, any other one stands as a variable of the shell (`$name`).
"""

import re
from typing import Final

from exfilwatch.commands.command import Undoing

_LONGEST: Final = 32 * 1024
_MOST: Final = 20
"""Names between texts that are put in."""
_TEXT: Final = r'"((?:[^"\\]|\\.)*)"'
_SET: Final = re.compile(rf"\bset\s+(\w+)\s+to\s+{_TEXT}\s*(?=$|[\n'])", re.IGNORECASE | re.MULTILINE)
_OF: Final = r"(?:\(|\b(?:the|quoted\s+form\s+of|POSIX\s+(?:path|file)(?:\s+of)?|do\s+shell\s+script)\s+){0,6}"
_AS: Final = r"(?:\s+as\s+(?:text|string|Unicode\s+text))?\)*"
_BEHIND: Final = re.compile(
    rf'(?<!\\)"\s*&\s*{_OF}(?P<name>[A-Za-z_]\w*){_AS}\s*(?P<on>&\s*(?=["(A-Za-z]))?(?P<text>")?', re.IGNORECASE
)
_BEFORE: Final = re.compile(
    rf"(?P<does>\bdo\s+shell\s+script\s+\({{0,6}}){_OF}(?P<name>[A-Za-z_]\w*){_AS}"
    r"""(?:\s*&\s*(?P<text>")|(?=$|[\n')]|\s+with\b))""",
    re.IGNORECASE,
)
_JOINED: Final = re.compile(r'(?<!\\)"\s*&\s*"')
_CONSTANTS: Final = {"space": " ", "tab": " ", "return": "\\n", "linefeed": "\\n", "quote": '\\"'}


def plain(code: str, undoing: Undoing) -> str:
    """The script with such texts as one."""
    if len(code) > _LONGEST or ("&" not in code and "shell script" not in code):
        return code
    names = {found[1].lower(): found[2] for found in _SET.finditer(code)} | _CONSTANTS
    made = _BEFORE.sub(lambda found: f'{found["does"]}"{_value(names, found)}{"" if found["text"] else chr(34)}', code)
    made = _JOINED.sub("", made)
    for _ in range(_MOST):
        found = _BEHIND.search(made)
        if not found:
            break
        end = "" if found["text"] else '" & ' if found["on"] else '"'
        made = _JOINED.sub("", made[: found.start()] + _value(names, found) + end + made[found.end() :])
    if made != code:
        undoing.did("string building")
        made = undoing.within(made)
    return made


def _value(names: "dict[str, str]", found: "re.Match[str]") -> str:
    return names.get(found["name"].lower(), f"${found['name']}")
