"""Scripts of cmd.exe, read into the commands that they run.

By the help of `cmd /?`, `set /?`, `for /?`, `if /?` and `start /?`: carets, quotes, variables and the parts taken of
them, loops, groups, pipes and redirections. Variables are looked up when their command is reached, as `call` and
`!name!` do; what a script did not set and no Windows sets to the same value everywhere stays as written.
"""

import re
from typing import Final

from exfilwatch.commands.command import Command, Undoing
from exfilwatch.commands.shells.cmd import conditions, loops, own
from exfilwatch.commands.shells.cmd.scope import DOUBLED, Scope, usual
from exfilwatch.commands.shells.cmd.words import SPLITTING, Words

_DEEPEST: Final = 40  # groups, loops and conditions within each other
_LONGEST_PIPE: Final = 16

_OPERATOR = re.compile(
    r"""
    (?: [^"^%&|()\n]++
      | "[^"\n]*+"?
      | \^(?:\r?\n)?.?
      | %(?:[\w()]++(?::[^%\n]*+)?%)?
      | (?<=[<>])&
    )*+
    ( && | \|\|? | [&()\n] | \Z )
    """,
    re.VERBOSE | re.DOTALL,
)
"""The next operator, or the end; it matches anywhere, so that a text is gone through once."""
_BEFORE = re.compile(r"[\s,;=@]*")
_KEYWORD = re.compile(r"(?:if|for|else)(?=[\s,;=(/]|$)", re.IGNORECASE)
_FOR = re.compile(
    r"""
    for[\s,;=]*(?:/(?P<kind>[dfrl])[\s,;=]*)?
    (?P<options>"[^"\n]*+"|(?!%)[^\s"(]*)[\s,;=]*
    (?P<name>%%?[^\s%])[\s,;=]+in[\s,;=]*(?=\()""",
    re.IGNORECASE | re.VERBOSE,
)
_DO = re.compile(r"[\s,;=]*do(?=[\s,;=(@\"]|$)[\s,;=]*", re.IGNORECASE)
_SETTING = re.compile(r"\b(?:set|echo)\b", re.IGNORECASE)
_PLAIN = re.compile(
    r"""
    ([A-Za-z\\][\w.\\:-]*+)
    ((?:[ \t]++(?:[^\s"^&|()<>]++(?!")|"(?:[^"\n\\]++|\\(?!"))*+"(?![^\s&|)])))*+)
    [ \t]*+(?:[12]?>>?[ \t]*+(?:[Nn][Uu][Ll](?![\w.])|&[12])[ \t]*+)*+(?=[&|\n)]|$)""",
    re.VERBOSE,
)
"""A command of plain and of quoted words, whose output goes nowhere else: what most commands are."""
_PLAIN_SET = re.compile(r"[Ss][Ee][Tt][ \t]++([^\s\"^&|()<>%!=/]++)=([^\"^&|()<>%!\n]*+)(?=[&\n]|$)")
_SLOW: Final = frozenset(["call", "set", "start", "rem", "if", "for", "else", "echo", "echo."])
_DELIMITER = re.compile("[,;=]")


def commands(script: str, undoing: Undoing) -> list[Command]:
    """The simple commands that a script runs, in the order in which they stand; loops once. Never raises."""
    return _run(Scope(undoing), undoing.within(script), 0)


def _run(scope: Scope, text: str, depth: int, expanded: bool = False) -> list[Command]:
    """The commands of a text; `expanded` says that its variables are put in already."""
    if "^" in text:
        text = scope.uncareted(text)
    if "%" in text and not expanded:
        text = scope.expanded(DOUBLED.sub(r"%\1%", text) if "%%" in text else text, usual)
    reading = _Reading(scope, text, expanded)
    found: list[Command] = []
    while reading.at < len(text) and not scope.tired():
        found += reading.line(depth)
        reading.past()
    return found


class _Reading:
    """One text being split at its operators."""

    def __init__(self, scope: Scope, text: str, expanded: bool) -> None:
        self.scope = scope
        self.expanded = expanded
        self.text = text
        self.operators = [(found.start(1), found[1]) for found in _OPERATOR.finditer(text) if found[1]]
        self.operators.append((len(text), ""))
        self.at = 0
        self.next = 0

    def operator(self) -> str:
        """The operator that comes next; "" at the end."""
        return self.operators[self.next][1]

    def past(self) -> None:
        """Go on behind the next operator."""
        start, operator = self.operators[self.next]
        self.at = start + len(operator)
        if operator:
            self.next += 1

    def upto(self) -> str:
        """The text before the next operator."""
        start = self.at
        self.at = max(self.operators[self.next][0], start)
        return self.text[start : self.at]

    def skip(self, pattern: "re.Pattern[str]") -> "re.Match[str] | None":
        """Match here and go on behind it."""
        found = pattern.match(self.text, self.at)
        if found:
            self.to(found.end())
        return found

    def to(self, at: int) -> None:
        """Go on at another place, which may be before this one."""
        if at < self.at:
            while self.next and self.operators[self.next - 1][0] >= at:
                self.next -= 1
        self.at = at
        while self.operators[self.next][0] < at:
            self.next += 1

    def line(self, depth: int) -> list[Command]:
        """Commands up to the end of the line, or of the group that they stand in."""
        found: list[Command] = []
        while True:
            before = self.one(depth)
            found += before
            while self.operator() == "|" and not self.scope.tired():
                self.past()
                after = self.one(depth)
                _piped(before, after)
                found += after
                before = after or before
            if self.operator() not in ("&", "&&", "||") or self.scope.tired():
                return found
            self.past()

    def one(self, depth: int) -> list[Command]:
        """A command, a group, a condition or a loop."""
        self.scope.bounds.work -= 8
        if self.text[self.at : self.at + 1] in " \t\r\n,;=@":
            self.skip(_BEFORE)
        plain = _PLAIN.match(self.text, self.at)
        if plain:
            taken = self._plain(plain, depth)
            if taken is not None:
                return taken
        if self.operators[self.next] == (self.at, "("):
            if depth < _DEEPEST:
                return self._group(depth)
            while self.operators[self.next] == (self.at, "("):
                self.past()
                self.skip(_BEFORE)
        word = _KEYWORD.match(self.text, self.at) if depth < _DEEPEST else None
        if word:
            kind = word[0].lower()
            if kind == "if" and (condition := self.skip(conditions.IF)):
                return self._either(conditions.holds(condition, self.scope), depth)
            if kind == "for" and (loop := self.skip(_FOR)):
                return self._loop(loop, depth)
        start = self.at
        self.upto()
        while self.operator() == "(" or (self.operator() == ")" and not depth):  # these stand for themselves here
            self.past()
            self.upto()
        pieces = self.text[start : self.at]
        return self._simple(pieces, depth) if pieces and not pieces.isspace() else []

    def _plain(self, found: "re.Match[str]", depth: int) -> list[Command] | None:
        """A command of plain words; None, and nothing is read, if it is not so simple."""
        program, rest = found[1], found[2]
        lower = program.lower()
        if lower in _SLOW:
            fast = _PLAIN_SET.match(self.text, self.at) if lower == "set" else None
            if fast is None:
                return None
            self.to(fast.end())
            self.scope.set(fast[1], fast[2])
            return []
        if (self.scope.undoing.variables and ("%" in rest or "!" in rest)) or (
            lower in SPLITTING and _DELIMITER.search(rest)
        ):
            return None
        raw = program + rest
        words = raw.split() if '"' not in rest else [program]
        if not words[1:]:
            for at, part in enumerate(rest.split('"')):  # every second one is a word in quotes
                words += [part] if at % 2 else part.split()
        self.to(found.end())
        command = Command(words, raw)
        return [command, *self._ran(command, depth)] if self.scope.files else [command]

    def _ran(self, command: Command, depth: int) -> list[Command]:
        """Give a command the file that it reads; the commands of the script that it runs, where it was written here."""
        own.fed(self.scope, command)
        found: list[Command] = []
        for name, text in own.ran(self.scope, command):
            if name.endswith((".bat", ".cmd")):
                found += _run(self.scope, text, depth + 1) if depth < _DEEPEST else []
            elif name.endswith(".ps1"):
                found.append(Command(["powershell", "-Command", text], text))
            else:
                found.append(Command([], text, language="javascript" if ".js" in name else "vbscript"))
        return found

    def _simple(self, text: str, depth: int) -> list[Command]:
        """The command, or those that its variables hold."""
        self.scope.bounds.work -= 20 + len(text) // 16
        if ("%" in text or "!" in text) and not self.expanded:
            expanded = self.scope.expanded(text)
            if expanded != text:
                if depth < _DEEPEST and any(mark in expanded for mark in "&|\n") and not own.SET.match(expanded):
                    return _run(self.scope, expanded, depth + 1, True)
                text = expanded
        words = Words(text, self.scope.undoing)
        command = words.command()
        if command is None:
            return []
        name = command.words[0].lower()
        if name == "call" and len(command.words) > 1:
            called = command.raw[len(command.words[0]) :].lstrip(" \t,;=")
            found = _run(self.scope, called, depth + 1) if depth < _DEEPEST else []
            for each in found:
                each.reads, each.writes = each.reads or command.reads, each.writes or command.writes
            return found
        if name == "set" and own.assigned(self.scope, words.raw):
            return []
        if name == "start":
            own.started(command)
        written = own.echoed(command)
        if written is not None:
            self.scope.wrote(command.writes, written)
        elif self.scope.files:
            return [command, *self._ran(command, depth)]
        return [command]

    def _group(self, depth: int) -> list[Command]:
        """( ... ) with what its output is redirected to."""
        self.past()
        found: list[Command] = []
        while self.at < len(self.text) and not self.scope.tired():
            found += self.line(depth + 1)
            closing = self.operator() == ")"
            self.past()
            if closing:
                break
        start = self.at
        after = self.upto()
        if "<" not in after and ">" not in after:
            self.at = start  # `) else (`
            return found
        whole = Words(after, self.scope.undoing)
        for command in found:
            if whole.writes and not command.writes:
                command.writes = list(whole.writes)
                if (written := own.echoed(command)) is not None:
                    self.scope.wrote(whole.writes, written)
            command.reads = command.reads or whole.reads
        return found

    def _either(self, holds: bool | None, depth: int) -> list[Command]:
        """What an `if` runs, as far as its condition can be told."""
        if self.text[self.at : self.at + 1] != "(":
            if holds is False:
                self._body()
                return []
            return self.line(depth + 1)
        if holds is False:
            self.past()
            self._body()
            self.past()
            first: list[Command] = []
        else:
            first = self._group(depth + 1)
        otherwise: list[Command] = []
        place = self.at
        self.skip(_BEFORE)
        word = _KEYWORD.match(self.text, self.at)
        if word and word[0].lower() == "else":
            self.to(word.end())
            otherwise = self.one(depth + 1)
        else:
            self.to(place)
        return first + otherwise if holds is None else first if holds else otherwise

    def _loop(self, loop: "re.Match[str]", depth: int) -> list[Command]:
        """A `for`: its body once with the variable as written, or with each of the values that are known."""
        self.past()
        start = self.at
        while self.operator() and self.operator() != ")":
            self.past()
        self.upto()
        text = self.text[start : self.at].strip(" \t\r\n,;=")
        self.past()
        if "%" in text or "!" in text:
            text = self.scope.expanded(text)
        kind = (loop["kind"] or "").lower()
        known, inner = loops.values(
            kind,
            loop["options"],
            text,
            lambda script: _run(self.scope, script, depth + 1),
            lambda command: own.echoed(command) or own.listed(self.scope, command),
        )
        if not self.skip(_DO):
            return inner
        body = self._body()
        known = known or loops.registered(body, loop["name"], inner)
        if not known:
            return inner + _run(self.scope, body, depth + 1)
        setting = len(known) > 1 and _SETTING.search(body) is not None
        return inner + self._unrolled(body, loop["name"], known if setting or len(known) == 1 else [], depth)

    def _unrolled(self, body: str, name: str, known: list[str], depth: int) -> list[Command]:
        """A loop's body with each value put in; commands that come again are left out."""
        written = re.compile(r"%%?(?:~[a-z]*)?" + re.escape(name.lstrip("%")))
        undoing = self.scope.undoing
        found: list[Command] = []
        seen: set[tuple[str, ...]] = set()
        for value in known or [name]:
            if known:
                undoing.did("loop")
            replaced = undoing.within(written.sub(value.replace("\\", "\\\\"), body))
            if not replaced or self.scope.tired():
                break
            for command in _run(self.scope, replaced, depth + 1):
                if (words := tuple(command.words)) not in seen:
                    seen.add(words)
                    found.append(command)
        return found

    def _body(self) -> str:
        """The rest of the line, or of the group that stands here; go on behind it."""
        start, level = self.at, 0
        while (operator := self.operator()) != "":
            if operator == "(":
                level += 1
            elif operator == ")":
                if not level:
                    break
                level -= 1
            elif operator == "\n" and not level:
                break
            self.next += 1
        self.at = self.operators[self.next][0]
        return self.text[start : self.at]


def _piped(before: list[Command], after: list[Command]) -> None:
    """Tell the commands behind a pipe what comes before them, and what comes to them."""
    if not before:
        return
    lines = [line for command in before if (line := own.echoed(command)) is not None]
    text = "\n".join(lines) if len(lines) == len(before) else None
    earlier = [*before[-1].piped, *before][-_LONGEST_PIPE:]
    for command in after:
        if not command.piped:
            command.piped = earlier
            if text is not None and not command.reads:
                command.text = text
