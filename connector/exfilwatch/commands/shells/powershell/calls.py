"""Commands: cmdlets, functions, scripts and programs, with their arguments."""

import re
from typing import Final

from exfilwatch.commands.command import Command, program
from exfilwatch.commands.shells.powershell import cmdlets, expressions, lexicon, names, repeating, strings, values
from exfilwatch.commands.shells.powershell.reader import Node, Reader, quoted, written
from exfilwatch.commands.shells.powershell.values import Block, Value

Argument = tuple[Value, str]
_STARTED = re.compile(r"[\s'();|{}]")
_SLOW: Final = lexicon.KEYWORDS | names.EFFECTIVE
_RARELY: Final = names.LISTING | {"new-object", "new-item", "ni", "set-item", "si"}
_PARAMETERS = re.compile(r"\s*\{?\s*param\s*\(([^()]*)\)", re.IGNORECASE)
_RUN_VARIABLE = re.compile(r"\b(?:iex|invoke-expression)\s+\(?\$(\w+)", re.IGNORECASE)
_IN_FOLDER = re.compile(r"\$(?:[\w:]+|\{[^{}]+\})[\\/]")
"""A program in a folder that a variable holds (`$env:TEMP\\x.exe`)."""
_INDEXED = re.compile(r"\[[^\]]*\]")
_NO_FILE: Final = frozenset(["$null", "nul"])


def plain(reader: Reader, before: list[Command], given: Value) -> Node | None:
    """A command of plain words as a whole; None, and nothing is read, if it is not so simple."""
    found = lexicon.RUN.match(reader.text, reader.at)
    if found is None:
        return None
    program, rest = found[1], found[2]
    lower = program.lower()
    if (lower in _SLOW and not (lower in _RARELY and not names.AT_TIMES.search(rest))) or lower in reader.aliases:
        return None
    if ":" in rest and lexicon.COLON.search(rest) and _own(program):
        return None
    reader.at = found.end()
    reader.step()
    reader.bounds.work -= 3 + len(before)
    raw = program + rest
    if "$" in rest:
        words, raw = _filled(reader, program, rest)
    elif "'" in rest or '"' in rest:
        words = [program, *[one or two or bare for one, two, bare in lexicon.RUN_WORD.findall(rest)]]
    else:
        words = raw.split()
    command = Command(words, raw, "", None if given is None else given_text(given), [], list(before))
    if reader.files:
        fed(reader, command)
    reader.found.append(command)
    return None, raw


def _filled(reader: Reader, program: str, rest: str) -> tuple[list[str], str]:
    """Words with variables put in, and their text."""
    words, raws = [program], [program]
    for one, two, bare in lexicon.RUN_WORD.findall(rest):
        if bare:
            if "$" not in bare:
                words.append(bare)
                raws.append(bare)
                continue
            alone = lexicon.VARIABLE.fullmatch(bare)
            if alone:
                value, raw = reader.variable(alone)
                text = value if isinstance(value, str) else word_of(value)
                words.append(raw if text is None else text)
                raws.append(raw)
                continue
            whole = reader.filled(bare)
            words.append(whole)
            raws.append(quoted(whole) if _STARTED.search(whole) else whole)
        else:
            whole = reader.filled(two) if "$" in two else two or one
            words.append(whole)
            raws.append(quoted(whole))
    return words, " ".join(raws)


def given_text(value: Value) -> str | None:
    """What a command reads from a pipe whose value is known."""
    if value is None or isinstance(value, bytes | dict):
        return None
    if isinstance(value, list):
        lines = [values.text(item) for item in value]
        return None if None in lines else "\n".join([line or "" for line in lines])
    return values.text(value) if isinstance(value, str | int) else None


def command(reader: Reader, before: list[Command], given: Value, called: bool) -> Node:
    """A command with its arguments; `called` when & or . is read before it."""
    start = reader.at
    value, raw, block = _name(reader, called)
    value_of = value
    if reader.at == start:
        return None, ""
    if isinstance(value, Block) and not value.read:
        reader.later(value.text)
    text = values.text(value) if isinstance(value, str | int | list) else None
    name = text if text is not None else raw
    name = reader.aliases.get(name.lower(), name) if reader.aliases else name
    lower = name.lower()
    words = [name]
    raws = [raw if text is None else quoted(name) if _STARTED.search(name) else name]
    own, loop = _own(name), lower in names.FOR_EACH
    result = Command(words, "", "", None if loop else given_text(given), [], list(before))
    reader.bounds.work -= len(given) // 8 if isinstance(given, list) and not loop else 0
    arguments: list[Argument] = []
    between = " " if lower in names.STARTING else ","
    while True:
        mark = reader.blank()
        if not mark or mark in ";|\n)}" or (mark == "&" and reader.text[reader.at + 1 : reader.at + 2] != "1"):
            break
        if mark in "<>123456*" and _redirected(reader, result):
            continue
        if mark == "{" and loop:
            count = len(reader.found)
            arguments.append(repeating.mapped(reader, given))
            for each in reader.found[count:]:
                each.piped = each.piped or list(before)
            raws.append(arguments[-1][1])
            continue
        if mark == "-" and _parameter(reader, own, words, raws, arguments):
            continue
        before_argument = reader.at
        spread, value, raw = argument(reader, False, between)
        if reader.at == before_argument:
            reader.at += 1
            continue
        if not own and isinstance(value, list) and raw[:1] in "$@(":
            spread = [values.text(item) or "" for item in value]  # a program gets each item as a word of its own
        words += spread
        raws.append(raw)
        arguments.append((value, raw))
    result.raw = " ".join(raws)
    if block and isinstance(value_of, Block) and _runs_parameter(value_of.text):
        reader.later("\n".join(text for each, _ in arguments if isinstance(each, str) and (text := values.text(each))))
    if reader.files:
        fed(reader, result)
    if called and value_of is None and not block and _INDEXED.search(raws[0]):
        lower = "iex"  # a name that is picked out of some text, letter by letter
    node = cmdlets.effect(reader, lower, result, arguments, given)
    if result.writes:
        wrote(reader, result.writes, given_text(node[0]))
    if not (block or (node[0] is not None and lower in names.QUIET) or (loop and raws[-1][:1] == "{")):
        reader.found.append(result)
    return node


def _runs_parameter(block: str) -> bool:
    """Whether a block runs the text that it is given as a parameter."""
    found = _PARAMETERS.match(block)
    if not found:
        return False
    taken = {name.lower() for name in re.findall(r"\$(\w+)", found[1])}
    return any(run[1].lower() in taken for run in _RUN_VARIABLE.finditer(block, found.end()))


def _own(name: str) -> bool:
    """Whether PowerShell itself takes the arguments: a cmdlet or an alias of one."""
    return lexicon.CMDLET.match(name) is not None or name.lower() in names.ALIASES


def _name(reader: Reader, called: bool) -> tuple[Value, str, bool]:
    """What is called: its value, its text, and whether it is a block whose commands are read."""
    mark = reader.peek()
    if called and mark and mark in "'\"$({@[" and not (mark == "$" and _IN_FOLDER.match(reader.text, reader.at)):
        value, raw = expressions.postfix(reader)
        if mark == "(" and isinstance(value, str):
            reader.did("string building")
        return value, raw, isinstance(value, Block)
    words, value, raw = argument(reader, True)
    return (value if value is not None else "".join(words[:1])), raw, False


def _redirected(reader: Reader, result: Command) -> bool:
    """A redirection, if one stands here."""
    found = lexicon.REDIRECTION.match(reader.text, reader.at)
    if found is None:
        return False
    reader.at = found.end()
    if not found[3]:
        reader.blank()
        target, _, _ = argument(reader, True)
        if found[2] == "<":
            result.reads = "".join(target[:1])
        elif found[1] in ("", "1", "*") and target and target[0].lower() not in _NO_FILE:
            result.writes += target[:1]
    return True


def _parameter(reader: Reader, own: bool, words: list[str], raws: list[str], arguments: list[Argument]) -> bool:
    """A parameter's name, or all that follows `--%`, if one of them stands here."""
    text = reader.text
    found = lexicon.PARAMETER.match(text, reader.at)
    if found and (own or not found[1]):
        after = text[found.end() : found.end() + 1]
        if found[1] or not after or after in " \t\r\n;|)}{(&,":
            reader.at = found.end()
            word = found[0].rstrip(":")
            words.append(word)
            raws.append(word)
            arguments.append((word, word))
            return True
    if text.startswith("--%", reader.at):
        end = text.find("\n", reader.at)
        rest = text[reader.at + 3 : len(text) if end < 0 else end]
        reader.at += 3 + len(rest)
        words += [word.replace('"', "") for word in lexicon.VERBATIM.findall(rest)]
        raws.append(rest.strip())
        return True
    return False


def argument(reader: Reader, single: bool, between: str = ",") -> tuple[list[str], Value, str]:
    """One argument: its words, its value, its text. `a,b` is one word, unless only a `single` one is asked for."""
    value, raw, words = _one(reader)
    if between != "," and isinstance(value, list) and None not in (texts := [values.text(item) for item in value]):
        words = [between.join(filter(None, texts))]
    mark = reader.peek()
    if single or (mark != "," and mark != " "):
        return words, value, raw
    several: list[Value] = [value]
    raws, parts = [raw], list(words)
    while True:
        place = reader.at
        if reader.blank() != ",":
            reader.at = place
            break
        reader.at += 1
        reader.space()
        start = reader.at
        value, raw, words = _one(reader)
        if reader.at == start:
            break
        several.append(value)
        raws.append(raw)
        parts += words
    if len(raws) == 1:
        return parts, several[0], raws[0]
    return [between.join(parts)], several, ",".join(raws)


def _one(reader: Reader) -> tuple[Value, str, list[str]]:
    mark = reader.peek()
    if mark == "@" and (splat := reader.skip(lexicon.SPLATTED)):
        return _splatted(reader, splat)
    if not mark or mark not in "'\"(@{$":
        return strings.compound(reader, None, "")
    start = reader.at
    value, raw = expressions.postfix(reader)
    if mark == "$" and reader.at > start:
        after = reader.peek()
        if after and after not in " \t\r\n,;|)}&<>({":
            return strings.compound(reader, value, raw)
    text = word_of(value)
    return value, raw, [text if text is not None else raw]


def word_of(value: Value) -> str | None:
    """A value as an argument; a list with commas between."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts = [values.text(item) for item in value]
        return None if None in parts else ",".join([part or "" for part in parts])
    return str(value) if isinstance(value, int) else None


def _splatted(reader: Reader, found: "re.Match[str]") -> tuple[Value, str, list[str]]:
    """`@name`: the entries of a table as parameters, or the items of a list."""
    value = reader.variables.get(found[1].lower())
    if isinstance(value, dict):
        reader.did("splatting")
        words: list[str] = []
        raws: list[str] = []
        for name, each in value.items():
            text = word_of(each)
            words += ["-" + name, text if text is not None else f"${found[1]}.{name}"]
            raws += ["-" + name, written(each, words[-1])]
        return None, " ".join(raws), words
    if isinstance(value, list):
        words = [word_of(item) or "" for item in value]
        return None, " ".join(map(quoted, words)), words
    return None, found[0], [found[0]]


def wrote(reader: Reader, places: list[str], text: str | None) -> None:
    """Note what a script writes to files."""
    for place in places:
        if text is None:
            reader.files.pop(_file(place), None)
        else:
            old = reader.files.get(_file(place), "")
            reader.files[_file(place)] = reader.undoing.within(f"{old}\n{text}" if old else text)


def fed(reader: Reader, result: Command) -> None:
    """Give a command the text of the file that it reads its own commands from; read the script that it runs."""
    for word in [result.reads, *result.words[1:]]:
        name = word[3:] if word[:3].lower() in ("-s:", "/s:") else word
        if name and (text := reader.files.get(_file(name))) is not None and result.text is None:
            result.text = text
    names = result.words[1:] if program(result.words[0]) in ("powershell", "pwsh") else result.words[:1]
    for name in names:
        if name.lower().endswith(".ps1") and (text := reader.files.pop(_file(name), None)) is not None:
            reader.later(text)


def _file(name: str) -> str:
    return name.replace("/", "\\").rsplit("\\", 1)[-1].lower()
