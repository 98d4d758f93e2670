"""Words of a command as options and arguments, by what its tool's entry in the catalogue says of them."""

from collections.abc import Sequence
from typing import NamedTuple

from exfilwatch.commands.tool import COMMON, Tool


class Arguments(NamedTuple):
    """`options`: each that was given, as the catalogue spells it, with its values in order, "" where it takes none."""

    options: dict[str, list[str]]
    arguments: list[str]


def arguments(tool: Tool, words: Sequence[str]) -> Arguments:
    """The words after the program's name, read."""
    found = Arguments({}, [])
    match tool.syntax:
        case "getopt":
            _getopt(tool, list(words), found)
        case "dash" | "slash" | "powershell":
            _named(tool, list(words), found)
        case "words":
            found.arguments.extend(words)
    return found


def _getopt(tool: Tool, words: list[str], found: Arguments) -> None:
    """Short options in bundles, long ones with `=` or a blank; options may stand after arguments; `--` ends them."""
    at = 0
    if tool.leading and words and not words[0].startswith("-"):
        words[0] = "-" + words[0]
        at = _leading(tool, words, found)
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            found.arguments.extend(words[at:])
            return
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            name = _full(tool, name) if tool.abbreviated else name
            if not equals and name in tool.takes and at < len(words):
                value = words[at]
                at += 1
            found.options.setdefault(name, []).append(value)
        elif len(word) > 1 and word[0] == "-":
            at = _bundle(tool, words, at, found)
        else:
            found.arguments.append(word)
            if len(found.arguments) == tool.stops:
                found.arguments.extend(words[at:])
                return


def _bundle(tool: Tool, words: list[str], at: int, found: Arguments) -> int:
    """The short options of the word before `at`; where the next word is."""
    word = words[at - 1]
    for option in tool.glued:
        if word.startswith(option) and not option.startswith("--"):
            found.options.setdefault(option, []).append(word[len(option) :])
            return at
    if word in tool.known and len(word) > 2:  # a long name with one dash
        value = words[at] if word in tool.takes and at < len(words) else ""
        found.options.setdefault(word, []).append(value)
        return at + (word in tool.takes)
    for position in range(1, len(word)):
        option = "-" + word[position]
        if option in tool.takes:
            value = word[position + 1 :]
            if not value and at < len(words):
                value = words[at]
                at += 1
            found.options.setdefault(option, []).append(value)
            return at
        found.options.setdefault(option, []).append("")
    return at


def _leading(tool: Tool, words: list[str], found: Arguments) -> int:
    """A bundle whose values follow it in the order of its letters (tar xfC FILE FOLDER); where the next word is."""
    at = 1
    for letter in words[0][1:]:
        value = ""
        if "-" + letter in tool.takes and at < len(words):
            value = words[at]
            at += 1
        found.options.setdefault("-" + letter, []).append(value)
    return at


def _named(tool: Tool, words: list[str], found: Arguments) -> None:
    """Options of whole names, without regard to case: `-name value`, `/name:value`, `-Name:value`, `/name=value`."""
    marks = "-/" if tool.syntax == "slash" else "-"
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if len(word) < 2 or word[0] not in marks or (tool.syntax == "powershell" and not word[1].isalpha()):
            found.arguments.append(word)
            continue
        for option in tool.glued:
            if word[1:].lower().startswith(option[1:].lower()):
                value = word[len(option) :].lstrip(":=")
                if not value and option in tool.takes and at < len(words) and not _option(tool, words[at]):
                    value = words[at]
                    at += 1
                found.options.setdefault(option, []).append(value)
                break
        else:
            name, mark, value = _cut(word)
            option = _option(tool, name)
            if not option and tool.syntax == "slash" and "/" in word[1:]:  # a path, as Unix programs and URLs have
                found.arguments.append(word)
                continue
            if not mark and option in tool.takes and at < len(words):
                value = words[at]
                at += 1
            found.options.setdefault(option or name.lower(), []).append(value)


def _cut(word: str) -> tuple[str, str, str]:
    colon, equals = word.find(":"), word.find("=")
    at = min((place for place in (colon, equals) if place > 0), default=-1)
    return (word, "", "") if at < 0 else (word[:at], word[at], word[at + 1 :])


def _option(tool: Tool, name: str) -> str:
    """The option of the catalogue that a name without regard to its mark and case means; "" when none."""
    name = name[1:].lower()
    known = ((tool.known, COMMON) if tool.syntax == "powershell" else (tool.known,)) if name else ()
    for names in known:
        for each in names:
            if each[1:].lower() == name:
                return each
    if tool.syntax == "powershell" or tool.abbreviated:
        for names in known:
            fitting = [each for each in names if each[1:].lower().startswith(name)]
            if fitting:
                return _meant(tool, fitting)
    return ""


def _full(tool: Tool, name: str) -> str:
    """The long option that an abbreviation means; the name itself when none."""
    if name in tool.known:
        return name
    return _meant(tool, [each for each in tool.known if each.startswith(name)]) or name


def _meant(tool: Tool, fitting: Sequence[str]) -> str:
    """The one option of several that begin as was written; "" when that can't be told. Versions of a tool differ in the
    options that they have, so that the only one that matters here is meant: any other made the call fail.
    """
    if len(fitting) > 1:
        fitting = [each for each in fitting if each in tool.meaning]
    return fitting[0] if len(fitting) == 1 else ""
