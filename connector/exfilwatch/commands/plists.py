"""The arguments that property lists of launchd name, in each of their forms.

Sources: launchd.plist(5), plist(5), plutil(1) (JSON), defaults(1) (the old form).
"""

import plistlib
import re
from xml.parsers.expat import ExpatError

import msgspec

MOST_WORDS = 64
_STRING = re.compile(r"<string>(.*?)</string>", re.DOTALL)
_ARGUMENTS = re.compile(r"<key>\s*ProgramArguments\s*</key>\s*<array>(.*?)</array>", re.DOTALL)
_OLD_LIST = re.compile(r"ProgramArguments\"?\s*=\s*\((?P<items>[^)]*)\)")
_OLD_ITEMS = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|([^\s,()\"]+)")


def arguments_of(text: str) -> list[str]:
    """The arguments that a property list names, in any of its forms; of one that is cut off or broken, those that stand
    there."""
    try:
        found = plistlib.loads(text.encode())
    except (ExpatError, plistlib.InvalidFileException, ValueError, RecursionError):
        inner = _ARGUMENTS.search(text)
        return _STRING.findall(inner[1]) if inner else items_of(text) or of_json(text)
    if not isinstance(found, dict):
        return []
    given = found.get("ProgramArguments")
    return [str(each) for each in given] if isinstance(given, list) else [str(found.get("Program") or "")]


def items_of(text: str) -> list[str]:
    """The arguments of the old form of property lists, or of a list in XML."""
    if found := _OLD_LIST.search(text):
        return [quoted or plain for quoted, plain in _OLD_ITEMS.findall(found["items"])][:MOST_WORDS]
    return _STRING.findall(text)


class _Agent(msgspec.Struct, rename={"arguments": "ProgramArguments"}):
    arguments: list[str]


_DECODER = msgspec.json.Decoder(list[str] | _Agent)


def of_json(text: str) -> list[str]:
    """The arguments of a list, or of a property list, in JSON."""
    try:
        found = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return []
    return found if isinstance(found, list) else found.arguments
