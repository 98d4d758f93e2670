"""What cmdlets give or do that can be told without running them."""

import re

from exfilwatch.commands.command import Command
from exfilwatch.commands.shells.powershell import calls, methods, names, values
from exfilwatch.commands.shells.powershell.reader import Node, Reader
from exfilwatch.commands.shells.powershell.values import Block, Type, Value

_THERE = re.compile(r"\s*\(?\$_(?:\s*-ne\s*['\"]{2})?\)?\s*", re.IGNORECASE)


_PLACES = ("-FilePath", "-ArgumentList", "")
_SWITCHES = ("-wait", "-passthru", "-nonewwindow", "-loaduserprofile", "-usenewenvironment")


def effect(reader: Reader, name: str, command: Command, arguments: list[tuple[Value, str]], given: Value) -> Node:
    """The value of a command, and its text; what it does to the script is done."""
    if name in names.FOR_EACH:
        last, text = arguments[-1] if arguments else (None, "")
        return (last if text[:1] == "{" else None), command.raw
    if name in names.STARTING:
        command.words = _started(command.words)
    for value, _ in arguments:
        if isinstance(value, Block) and not value.read:
            reader.later(value.text)
    if name in names.FILING:
        _filed(reader, name, arguments, given)
    if name not in names.EFFECTIVE:
        return None, command.raw
    plain = [value for value, text in arguments if not (isinstance(value, str) and value == text and value[:1] == "-")]
    return _effect(reader, name, plain, given), command.raw


def _effect(reader: Reader, name: str, plain: list[Value], given: Value) -> Value:
    first = plain[0] if plain else None
    if name in names.EXPRESSION:
        _run(reader, first if first is not None else given)
        return None
    if name in names.WRITING:
        return first if len(plain) == 1 else list(plain) if plain else given
    if name == "new-object":
        return _object(reader, plain)
    if name in names.GETTING:
        return _got(reader, str(values.text(first) or "").lower())
    if name in ("get-command", "gcm", "get-alias", "gal"):
        return names.command(first) if isinstance(first, str) else None
    if name in names.FILTERING:
        plainly = isinstance(first, Block) and _THERE.fullmatch(first.text)
        return [item for item in values.items(given) if values.text(item)] if plainly else None
    if name in names.LISTING:
        place = str(values.text(first) or "").lower()
        return _got(reader, place) if place.startswith(("env:", "variable:", "alias:")) else None
    if name == "out-string":
        return values.text(given)
    if len(plain) < 2:
        return None
    if name == "join-path":
        return _path([values.text(each) for each in plain])
    if name in ("set-alias", "new-alias", "sal", "nal"):
        alias, target = values.text(plain[0]), values.text(plain[1])
        if alias and target:
            reader.did("alias")
            reader.aliases[alias.lower()] = target
    elif name in names.SETTING:
        reader.bind(str(values.text(plain[0]) or "").lower().removeprefix("variable:"), plain[1])
        return ""
    else:  # set-item and its kin
        place = str(values.text(first) or "").lower()
        if place.startswith(("variable:", "env:")):
            reader.bind(place.removeprefix("variable:").lstrip("\\/"), plain[1])
            return ""
    return None


def _started(words: list[str]) -> list[str]:
    """The words of a Start-Process with the names of the parameters that tell what is started."""
    named: list[str] = []
    places = 0
    value = False
    for word in words[1:]:
        lower = word.lower()
        if value or not word.startswith("-") or not lower[1:].isalpha():
            if not value:
                named.append(_PLACES[min(places, 2)])
                places += 1
            named.append(word)
            value = False
            continue
        full = next((each for each in _PLACES if len(lower) > 1 and each.lower().startswith(lower)), "")
        named.append("-ArgumentList" if lower == "-args" else full or word)
        places += 1 if full == "-FilePath" and not places else 0
        value = lower not in _SWITCHES and not any(each.startswith(lower) for each in _SWITCHES)
    return [words[0], *[word for word in named if word]]


def _run(reader: Reader, script: Value) -> None:
    """Invoke-Expression."""
    if isinstance(script, list):
        lines = [values.text(item) for item in script]
        if None not in lines:
            reader.later("\n".join([line or "" for line in lines]))
        return
    text = values.text(script)
    if text is not None:
        reader.later(text)


def _object(reader: Reader, plain: list[Value]) -> Value:
    """New-Object."""
    if not plain or not isinstance(plain[0], str):
        return None
    given: list[Value] = []
    for each in plain[1:]:
        given += each if isinstance(each, list) else [each]
    made = methods.created(Type(plain[0]), given)
    if isinstance(made, bytes) and "compression" in plain[0].lower():
        reader.did("gzip" if "gzip" in plain[0].lower() else "deflate")
    return made


def _got(reader: Reader, asked: str) -> Value:
    """Get-Variable and Get-Item of a variable."""
    if asked.startswith("alias:"):
        return names.command(asked.removeprefix("alias:").lstrip("\\/"))
    asked = asked.removeprefix("variable:").lstrip("\\/")
    known = names.automatic(asked) if "*" in asked or "?" in asked else None
    return known or reader.variables.get(asked, names.usual(asked))


def _filed(reader: Reader, name: str, arguments: list[tuple[Value, str]], given: Value) -> None:
    """Out-File and Set-Content: what is written where."""
    places: list[Value] = []
    content: list[Value] = []
    adding = name in ("add-content", "ac")
    kind = ""
    for value, written in arguments:
        if isinstance(value, str) and value == written and value[:1] == "-":
            kind = "" if value.lower() in ("-force", "-append", "-nonewline", "-noclobber") else value.lower()
            adding = adding or value.lower() == "-append"
            continue
        if kind.startswith(("-v", "-i")) or (not kind and places):
            content.append(value)
        elif not kind or kind.startswith(("-f", "-p", "-l")):
            places.append(value)
        kind = ""
    named = [text for each in places[:1] if (text := values.text(each))]
    if not adding:
        calls.wrote(reader, named, None)
    calls.wrote(reader, named, calls.given_text(content[0] if content else given))


def _path(parts: list[str | None]) -> str | None:
    """Join-Path."""
    known = [part.strip("\\") if at else part.rstrip("\\") for at, part in enumerate(parts) if part is not None]
    return "\\".join(known) if len(known) == len(parts) else None
