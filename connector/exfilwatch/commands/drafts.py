"""What a script writes, piece by piece or elsewhere first, before a scheduler is given it.

A property list that plutil, PlistBuddy or defaults put together argument by argument is read at the end of the script;
a file that is copied to where a scheduler reads it, converted there, or loaded from where it is (`launchctl load`,
`systemctl link`, `crontab FILE`, `at -f`) as what was written to it before.

Sources: plutil(1), PlistBuddy(8), defaults(1), launchctl(1), systemctl(1), crontab(1), at(1), cp(1), install(1), dd(1).
"""

import re
from collections.abc import Iterator, Sequence

from exfilwatch.commands.command import Command
from exfilwatch.commands.expression import Expression
from exfilwatch.commands.plists import MOST_WORDS, arguments_of, items_of, of_json
from exfilwatch.commands.schedules import Left, is_plist, is_read, of_cron, of_file, of_unit, plist
from exfilwatch.commands.wrappers import Inner

CONCERNED = Expression(r"launch|cron|systemd|systemctl|plist|periodic|(?:^|[\s;|&/])at\s")
"""What stands in each line that gives a scheduler something to run."""
_MOST = 20
"""Files that are kept of a script."""
_ADDED = re.compile(
    r"^\s*(?P<how>add|set)\s+['\"]?:?programarguments(?::(?P<at>\d*))?['\"]?\s+(?:string\s+)?(?P<value>.+)$",
    re.IGNORECASE,
)
_KEY = re.compile(r"ProgramArguments(?:\.(?P<at>\d+))?$")
_INPUTS = frozenset(["-", "/dev/stdin", "/dev/fd/0"])
_SED = re.compile(
    r"^(?:\d+|\$|/[^/]*/)?\s*[aic]\s*\\?\s*(?P<added>\S.*)$"
    r"|^s(?P<mark>[|#/,])(?:(?!(?P=mark)).)*(?P=mark)(?P<put>(?:(?!(?P=mark)).)*)(?P=mark)",
    re.DOTALL,
)
"""A line that sed adds, or puts in the place of another."""
_QUOTED = r"""[rbu]?(?:'(?P<{0}_one>(?:[^'\\]|\\.)*)'|"(?P<{0}_two>(?:[^"\\]|\\.)*)")"""
_FILE, _TEXT = _QUOTED.format("file"), _QUOTED.format("text")
_BY_CODE = (
    re.compile(rf"\b(?:open|Path)\s*\(\s*{_FILE}[^)]*\)\s*\.\s*write(?:_text)?\s*\(\s*{_TEXT}", re.DOTALL),
    re.compile(rf"\bopen\s*\(?\s*\w+\s*,\s*{_FILE}[^;]*;\s*print\s*\{{?\s*\w+\s*\}}?\s+{_TEXT}", re.DOTALL),
    re.compile(
        r"\b(?:File\.write|(?:write|append)File(?:Sync)?|file_put_contents|(?:Write|Append)AllText)"
        rf"\s*\(\s*{_FILE}\s*,\s*{_TEXT}",
        re.DOTALL,
    ),
)
"""A text that code of a language writes to a file, both as texts of the code."""
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Drafts:
    """What a script has written so far."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._words: dict[str, list[str]] = {}
        self._loaded: set[str] = set()

    def after(self, command: Command, output: str | None) -> Iterator[Left]:
        """What is given to a scheduler by a command, which writes `output`."""
        for file, text, more in _written(command, output):
            yield from self._put(file, text, more=more)
        words = command.words
        match command.program:
            case "cp" | "mv" | "install" | "ln" | "ditto" | "rsync" if len(words) > 2:
                yield from self._copied(words, command.text)
            case "plutil":
                yield from self._plutil(words, command.text)
            case "plistbuddy":
                lines = [*words[1:-1], *(command.text or "").splitlines()]
                self._added(words[-1], [found for line in lines if (found := _ADDED.match(line))])
            case "defaults" if len(words) > 3:
                yield from self._defaults(words, command.text)
            case "launchctl" if {"load", "bootstrap"}.intersection(words):
                yield from self._load(words[-1])
            case "systemctl" if {"link", "enable"}.intersection(words):
                for word in words:
                    yield from of_unit(self._texts.get(word, "")) if "/" in word else ()
            case "systemctl" if "edit" in words and "--stdin" in words:
                yield from of_unit(command.text or "")
            case "crontab" if words[-1] in self._texts:
                yield from of_cron(self._texts[words[-1]], user=False)
            case "at" | "batch" if "-f" in words[:-1]:
                yield "at", Inner("posix", self._texts.get(words[words.index("-f") + 1], ""))

    def end(self) -> Iterator[Left]:
        """What property lists say that were put together."""
        for file, words in self._words.items():
            if is_plist(file) or file in self._loaded:
                yield from plist(words)

    def _put(self, file: str, text: str, *, more: bool = False) -> Iterator[Left]:
        if is_read(file):
            yield from of_file(file, text)
        if len(self._texts) < _MOST or file in self._texts:
            self._texts[file] = (self._texts.get(file, "") if more else "") + text

    def _copied(self, words: Sequence[str], given: str | None) -> Iterator[Left]:
        named = [word for word in words[1:] if word[:1] != "-" or word == "-"]
        for source in named[:-1]:
            text = given if source in _INPUTS else self._texts.get(source)
            if text is not None:
                target = named[-1]
                if target.endswith("/") or (len(named) > 2 and words[0] != "install"):
                    target = f"{target.rstrip('/')}/{source.rpartition('/')[2]}"
                yield from self._put(target, text)

    def _plutil(self, words: Sequence[str], given: str | None) -> Iterator[Left]:
        source = words[-1]
        if "-convert" in words:
            text = given if source in _INPUTS else self._texts.get(source)
            if text is not None:
                yield from self._put(words[words.index("-o") + 1] if "-o" in words[:-1] else source, text)
            return
        at = next((at for at, word in enumerate(words[:-3]) if word in ("-insert", "-replace")), 0)
        key = _KEY.match(words[at + 1]) if at else None
        if not key:
            return
        kind, value = words[at + 2], words[at + 3]
        if kind == "-json":
            self._set(source, of_json(value))
        elif kind == "-xml":
            self._set(source, items_of(value))
        elif kind == "-array":
            self._set(source, [])
        elif kind == "-string":
            self._insert(source, value, key["at"], again=words[at] == "-replace")

    def _added(self, file: str, commands: Sequence["re.Match[str]"]) -> None:
        for found in commands:
            value = found["value"].strip().strip("'\"")
            if value.lower() == "array":
                self._set(file, [])
            else:
                self._insert(file, value, found["at"], again=found["how"].lower() == "set")

    def _defaults(self, words: Sequence[str], given: str | None) -> Iterator[Left]:
        verb, file, rest = words[1], words[2], list(words[3:])
        if verb == "import":
            text = given if rest[0] in _INPUTS else self._texts.get(rest[0])
            if text is not None:
                yield from self._put(file, text)
        if verb != "write":
            return
        key = rest.pop(0) if rest[0] == "ProgramArguments" else ""
        if not key:
            yield from self._put(file, rest[0]) if rest[0][:1] in ("{", "<") else ()
            return
        more = "-array-add" in rest
        values = [word for word in rest if word not in ("-array", "-array-add", "-string")]
        if len(values) == 1 and values[0][:1] in ("(", "<"):
            values = items_of(f"ProgramArguments = {values[0]}")
        self._set(file, [*(self._words.get(file, []) if more else []), *values])

    def _load(self, file: str) -> Iterator[Left]:
        self._loaded.add(file)
        if not is_plist(file) and file in self._texts:
            yield from plist(arguments_of(self._texts[file]))

    def _set(self, file: str, words: list[str]) -> None:
        if len(self._words) < _MOST or file in self._words:
            self._words[file] = words[:MOST_WORDS]

    def _insert(self, file: str, value: str, at: str | None, *, again: bool) -> None:
        words = self._words.get(file, [])
        place = int(at) if at and len(at) < 4 else len(words)
        words[place : place + again] = [value]
        self._set(file, words)


def _written(command: Command, output: str | None) -> Iterator[tuple[str, str, bool]]:
    """The files that a command writes a known text to, with it, and whether it is added to what is there."""
    text = command.text if command.program in ("tee", "cat", "dd", "sponge") else output
    files = list(command.writes)
    match command.program:
        case "tee" | "sponge":
            files += [word for word in command.words[1:] if word[:1] != "-"]
        case "dd":
            files += [word[3:] for word in command.words[1:] if word.startswith("of=")]
        case "sed" if any(word.startswith(("-i", "--in-place")) for word in command.words):
            for found in filter(None, map(_SED.match, command.words[1:-1])):
                yield command.words[-1], found["added"] or found["put"] or "", True
        case "set-content" | "add-content" | "out-file":
            named = [word for word in command.words[1:] if word[:1] != "-"]
            text = named[1] if len(named) > 1 else command.text
            files += named[:1]
    if command.language and len(command.words) < 2:  # else it is the program, whose code follows
        yield from _by_code(command.raw)
    more = ">>" in command.raw or {"-a", "--append"}.intersection(command.words[1:])
    for file in files if text else ():
        yield file, text or "", bool(more)


def _by_code(code: str) -> Iterator[tuple[str, str, bool]]:
    for expression in _BY_CODE if CONCERNED.search(code) else ():
        for found in expression.finditer(code):
            file, text = (found[f"{name}_one"] or found[f"{name}_two"] or "" for name in ("file", "text"))
            yield file.lstrip("> "), _ESCAPE.sub(lambda each: {"n": "\n", "t": "\t"}.get(each[1], each[1]), text), False
