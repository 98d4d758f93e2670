"""Scripts of cmd.exe: what stands after `cmd /c`, or in a batch file.

By the help of `cmd /?`, `set /?`, `for /?`, `if /?` and `start /?`: carets, quotes, variables and the parts taken of
them, loops, groups, pipes and redirections. Variables are looked up when their command is reached, as `call` and
`!name!` do; what a script did not set and no Windows sets to the same value everywhere stays as written.
"""

import re
from collections.abc import Callable
from typing import Final

from exfilwatch.commands.command import Command, Undoing
from exfilwatch.commands.shells.usual import ENVIRONMENT, OF_A_USER

_DEEPEST: Final = 40  # groups, loops and conditions within each other
_LONGEST_LOOP: Final = 2000
_LONGEST_PIPE: Final = 16

_PROGRAM = re.compile(r'\s*(?:"[^"]*"|\S*?cmd(?:\.exe)?(?=[\s/,;="]|$)|[^\s"/]+)', re.IGNORECASE)
_SCRIPT_SWITCH = re.compile(r"/[ckr]", re.IGNORECASE)
_EXECUTABLE = re.compile(r'"[^"&<>()@^|]*\s[^"&<>()@^|]*\.(?:exe|com|bat|cmd)"', re.IGNORECASE)

_STRUCTURE = re.compile(
    r"""
      "[^"\n]*+"?
    | \^(?:\r?\n)?.?
    | %[\w()]++(?::[^%\n]*+)?%
    | (?P<op> && | \|\|? | (?<![<>])& | [()\n] )
    """,
    re.VERBOSE | re.DOTALL,
)
_BEFORE = re.compile(r"[\s,;=@]*")
_WORD_AHEAD = re.compile(r"(?:if|for|else)(?=[\s,;=(/]|$)", re.IGNORECASE)
_IF = re.compile(
    r"""
    if[\s,;=]+(?P<options>(?:/i\s+|not\s+)*)
    (?: (?:exist|defined|errorlevel|cmdextversion)\s+(?:"[^"]*"|[^\s"()]+)\s*
      | (?P<left>(?:"[^"\n]*+"|[^\s"=()&|])*+)\s*(?:==|\s(?P<how>equ|neq|lss|leq|gtr|geq)\s)\s*
        (?P<right>"[^"\n]*+"|[^\s"()&|]++)
    )[\s,;=]*""",
    re.IGNORECASE | re.VERBOSE,
)
_FOR = re.compile(
    r"""
    for[\s,;=]*(?:/(?P<kind>[dfrl])[\s,;=]*)?
    (?P<options>"[^"\n]*+"|(?!%)[^\s"(]*)[\s,;=]*
    (?P<name>%%?[^\s%])[\s,;=]+in[\s,;=]*(?=\()""",
    re.IGNORECASE | re.VERBOSE,
)
_DO = re.compile(r"[\s,;=]*do(?=[\s,;=(@\"]|$)[\s,;=]*", re.IGNORECASE)
_VARIABLE = re.compile(r"([%!])((?:(?!\1)[^:\n]){1,120})(?::((?:(?!\1)[^\n]){0,400}))?\1")
_PART = re.compile(r"~\s*(-?\d{1,9})?(?:,\s*(-?\d{1,9}))?\s*$")
_LEX = re.compile(r'"[^"]*+"?|\^(?:\r?\n)?(.?)|(>>?|<)\s*(&\s*\d)?|[^"^<>]++', re.DOTALL)
_TARGET = re.compile(r'[\s,;=]*((?:"[^"]*+"?|\^.?|[^\s"<>^,;=]++)*)', re.DOTALL)
_FIRST = re.compile(r'(?:[a-z]:/)?(?:"[^"]*+"?|[^\s",;=/]++|(?<=[/\\:])/|/(?=[^\s/:",;=]{3,}/))*+', re.IGNORECASE)
_OWN_WORDS = re.compile(r'(?:[^\s",;=]++|"[^"]*+"?)++')
_WORDS = re.compile(r'(?:[^\s"\\]++|\\++"?|"(?:[^"\\]++|\\++"?|"")*+"?)++')
_INSIDE = re.compile(r'\w"+\w')
_CARETS = re.compile(r'"[^"\n]*+"?|\^(?:\r?\n)?(.)', re.DOTALL)
_MEANT: Final = '&|<>()^"%!\n'
_SET = re.compile(r'set(?:[\s,;=]\s*|(?=[/"]))(/[ap])?\s*(.*)', re.IGNORECASE | re.DOTALL)
_SUM = re.compile(r"\s*([-+]?\s*(?:0x[0-9a-f]{1,8}|\d{1,10})|[a-z_]\w*)\s*([-+*/%]?)", re.IGNORECASE)
_START_SWITCH = re.compile(r"/(?:d|node|affinity|machine)$", re.IGNORECASE)
_SPLITTING: Final = {"copy", "xcopy", "move", "type", "del", "erase", "dir", "ren", "rename", "cd", "md", "mkdir", "rd"}


def script_of(line: str) -> str:
    """What a cmd.exe with this command line runs: the text after /c, /k or /r, without its outer quotes; else ""."""
    program = _PROGRAM.match(line)
    switch = _SCRIPT_SWITCH.search(line, program.end() if program else 0)
    if switch is None:
        return ""
    script = line[switch.end() :].strip(" \t,;=")
    if not script.startswith('"'):
        return script
    last = script.rfind('"')
    if last == 0:
        return script[1:]
    kept = "/s" not in line[: switch.start()].lower() and script.count('"') == 2 and _EXECUTABLE.match(script)
    return script if kept else script[1:last] + script[last + 1 :]


def commands(script: str, undoing: Undoing) -> list[Command]:
    """The simple commands that a script runs, in the order in which they stand; loops once. Never raises."""
    return _Script(undoing).run(undoing.within(script), 0)


class _Script:
    """What is known while a script is read: its variables and what it wrote to files."""

    def __init__(self, undoing: Undoing) -> None:
        self.undoing = undoing
        self.set = undoing.variables
        self.files: dict[str, list[str]] = {}

    def run(self, text: str, depth: int) -> list[Command]:
        if "^" in text:
            text = self.uncareted(text)
        if "%" in text:
            text = self.expanded(text, _usual)
        reading = _Reading(self, text)
        found: list[Command] = []
        while reading.at < len(text) or reading.next < len(reading.operators):
            found += reading.line(depth)
            reading.past()
        return found

    def uncareted(self, text: str) -> str:
        """The text without the carets that escape nothing; those before what has a meaning stay for now."""

        def kept(found: "re.Match[str]") -> str:
            escaped: str | None = found[1]
            if escaped is None or escaped in _MEANT:
                return found[0]
            self.undoing.did("caret")
            return escaped

        return _CARETS.sub(kept, text)

    def value(self, name: str) -> str | None:
        name = name.lower()
        known = self.set.get("env:" + name)
        return ENVIRONMENT.get(name) if known is None else known

    def expanded(self, text: str, known: "Callable[[str], str | None] | None" = None) -> str:
        """The text with the variables that are known put in."""
        known = known or self.value
        pieces: list[str] = []
        at = 0
        while found := _VARIABLE.search(text, at):
            value = known(found[2])
            part = found[3]
            if value is None and part is not None:
                value, part = _of_a_user(found[2], part), None
            if value is None:
                pieces.append(text[at : found.start() + 1])
                at = found.start() + 1
                continue
            pieces.append(text[at : found.start()])
            self.undoing.did("variable" if found[3] is None else "part of a variable")
            pieces.append(self.undoing.within(value if part is None else _part(value, part)))
            at = found.end()
        return "".join(pieces) + text[at:] if pieces else text

    def simple(self, text: str, depth: int) -> list[Command]:
        """The command, or those that its variables hold."""
        if "%" in text or "!" in text:
            expanded = self.expanded(text)
            if expanded != text:
                if depth < _DEEPEST and any(mark in expanded for mark in "&|\n") and not _SET.match(expanded):
                    return self.run(expanded, depth + 1)
                text = expanded
        words = _Words(text, self.undoing)
        command = words.command()
        return self.known(command, words.raw, depth) if command else []

    def known(self, command: Command, text: str, depth: int) -> list[Command]:
        """What cmd.exe does itself: sets variables, echoes, starts; and the files that it wrote to."""
        name = command.words[0].lower()
        if name == "call" and len(command.words) > 1:
            return (
                self.simple(command.raw[len(command.words[0]) :].lstrip(" \t,;="), depth + 1)
                if depth < _DEEPEST
                else []
            )
        if name == "set" and self.assigned(text):
            return []
        if name == "start":
            _started(command)
        elif name.rstrip(".:") == "echo" or (name == "set" and command.words[1:2] == ["/p"]):
            command.text = _echoed(command)
            for written in command.writes:
                self.files.setdefault(_file(written), []).append(command.text or "")
        elif self.files:
            self.filled(command)
        return [command]

    def filled(self, command: Command) -> None:
        """Text that is known to be in the file that the command reads its commands from (`< file`, `ftp -s:file`)."""
        named = (
            [command.reads]
            if command.reads
            else [word[3:] for word in command.words[1:] if word[:3].lower() in ("-s:", "/s:")]
        )
        named += [
            command.words[at + 1] for at, word in enumerate(command.words[:-1]) if word in ("-b", "-m", "-script")
        ]
        for name in named:
            lines = self.files.get(_file(name))
            if lines:
                command.text = "\n".join(lines)

    def assigned(self, text: str) -> bool:
        """Whether a `set` sets something; if so it is set."""
        found = _SET.match(text)
        if found is None or "=" not in found[2]:
            return False
        value = found[2]
        if value.startswith('"'):
            last = value.rfind('"')
            value = value[1:last] if last > 0 else value[1:]
        name, _, value = value.partition("=")
        key = "env:" + name.strip().lower() if found[1] else "env:" + name.lower()
        how = (found[1] or "").lower()
        if how == "/p":
            self.set.pop(key, None)
            return bool(name.strip())
        if how == "/a":
            total = self.computed(value)
            if total is None:
                self.set.pop(key, None)
            else:
                self.set[key] = str(total)
            return True
        self.set[key] = self.undoing.within(value)
        return True

    def computed(self, text: str) -> int | None:
        """A sum of numbers and variables, from left to right; None for what is more than that."""
        total, operator, at = 0, "+", 0
        while found := _SUM.match(text, at):
            at = found.end()
            written = found[1].replace(" ", "")
            if written[-1:].isalnum() and not written[0].isalpha() and written[0] != "_":
                number = int(written, 16 if "x" in written.lower() else 10)
            else:
                known = self.value(written) or "0"
                if not re.fullmatch(r"-?\d{1,10}", known):
                    return None
                number = int(known)
            if operator in "/%" and not number:
                return None
            total = _STEP[operator](total, number)
            operator = found[2]
            if not operator:
                break
        return total if at == len(text.rstrip()) or text[at:].isspace() else None


_STEP: Final[dict[str, Callable[[int, int], int]]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: (a * b) % (1 << 32),
    "/": lambda a, b: int(a / b),
    "%": lambda a, b: a - b * int(a / b),
}


class _Reading:
    """One text being split at its operators."""

    def __init__(self, script: _Script, text: str) -> None:
        self.script = script
        self.text = text
        self.operators = [(found.start(), found["op"]) for found in _STRUCTURE.finditer(text) if found["op"]]
        self.at = 0
        self.next = 0

    def operator(self) -> str:
        """The operator that comes next; "" at the end."""
        return self.operators[self.next][1] if self.next < len(self.operators) else ""

    def past(self) -> None:
        """Go on behind the next operator."""
        if self.next < len(self.operators):
            start, operator = self.operators[self.next]
            self.at = start + len(operator)
            self.next += 1
        else:
            self.at = len(self.text)

    def upto(self) -> str:
        """The text before the next operator."""
        end = self.operators[self.next][0] if self.next < len(self.operators) else len(self.text)
        piece = self.text[self.at : end]
        self.at = end
        return piece

    def skip(self, pattern: "re.Pattern[str]") -> "re.Match[str] | None":
        """Match here and go on behind it."""
        found = pattern.match(self.text, self.at)
        if found:
            self.to(found.end())
        return found

    def to(self, at: int) -> None:
        self.at = at
        while self.next < len(self.operators) and self.operators[self.next][0] < at:
            self.next += 1

    def line(self, depth: int) -> list[Command]:
        """Commands up to the end of the line, or of the group that they stand in."""
        found: list[Command] = []
        while True:
            found += self.pipe(depth)
            operator = self.operator()
            if operator not in ("&", "&&", "||"):
                return found
            self.past()

    def pipe(self, depth: int) -> list[Command]:
        before = self.one(depth)
        found = list(before)
        while self.operator() == "|":
            self.past()
            after = self.one(depth)
            echoed = [command.text for command in before if command.text is not None and not command.piped]
            text = "\n".join(echoed) if before and len(echoed) == len(before) else None
            earlier = [*before[-1].piped, *before][-_LONGEST_PIPE:] if before else []
            for command in after:
                if not command.piped:
                    command.piped = earlier
                    if text is not None and not command.reads:
                        command.text = text
            found += after
            before = after or before
        return found

    def one(self, depth: int) -> list[Command]:
        self.skip(_BEFORE)
        if depth >= _DEEPEST:
            while self.operator() == "(" and not self.text[self.at : self.operators[self.next][0]].strip():
                self.past()
                self.skip(_BEFORE)
        elif self.operator() == "(" and self.operators[self.next][0] == self.at:
            return self.group(depth)
        else:
            word = _WORD_AHEAD.match(self.text, self.at)
            if word:
                kind = word[0].lower()
                if kind == "if" and (condition := self.skip(_IF)):
                    return self.either(_holds(condition, self.script), depth)
                if kind == "for" and (loop := self.skip(_FOR)):
                    return self.loop(loop, depth)
        pieces = self.upto()
        while self.operator() == "(" or (self.operator() == ")" and not depth):  # these stand for themselves here
            start = self.at
            self.past()
            self.upto()
            pieces += self.text[start : self.at]
        if not pieces or pieces.isspace():
            return []
        return self.script.simple(pieces, depth)

    def group(self, depth: int) -> list[Command]:
        """( ... ) with what its output is redirected to."""
        self.past()
        found: list[Command] = []
        while self.operator() or self.at < len(self.text):
            found += self.line(depth + 1)
            closing = self.operator() == ")"
            self.past()
            if closing:
                break
        after = self.upto()
        if after and not after.isspace() and ("<" in after or ">" in after):
            whole = _Words(after, self.script.undoing)
            for command in found:
                command.writes = command.writes or list(whole.writes)
                command.reads = command.reads or whole.reads
                if whole.writes and command.text is not None:
                    for written in whole.writes:
                        self.script.files.setdefault(_file(written), []).append(command.text)
        elif after and not after.isspace():
            self.to(self.at - len(after))  # `) else (`
        return found

    def either(self, holds: bool | None, depth: int) -> list[Command]:
        """What an `if` runs, as far as its condition can be told."""
        group = self.text[self.at : self.at + 1] == "("
        first = self.one(depth + 1) if group else self.line(depth + 1)
        otherwise: list[Command] = []
        self.skip(_BEFORE) if group else None
        word = _WORD_AHEAD.match(self.text, self.at) if group else None
        if word and word[0].lower() == "else":
            self.to(word.end())
            otherwise = self.one(depth + 1)
        if holds is None:
            return first + otherwise
        return first if holds else otherwise

    def loop(self, loop: "re.Match[str]", depth: int) -> list[Command]:
        """A `for`: its body once with the variable as written, or with each of the values that are known."""
        self.past()
        start = self.at
        while self.operator() and self.operator() != ")":
            self.past()
        values = self.upto() and self.text[start : self.at] if self.at == start else self.text[start : self._end()]
        self.past()
        inner: list[Command] = []
        known = self.values(loop, values.strip(" \t,;="), inner, depth)
        if not self.skip(_DO):
            return inner
        start = self.at
        undone = self.script.undoing
        body = self.text[start : self._body()]
        name = loop["name"].lstrip("%")
        if not known and inner and inner[0].words[0].lower() in ("assoc", "ftype", "set"):
            known = _program_of(body, loop["name"])
        written = re.compile(r"%%?(~[a-z]*)?" + re.escape(name))
        if not known:
            return inner + (self.script.run(body, depth + 1) if depth < _DEEPEST else [])
        setting = len(known) > 1 and re.search(r"\bset\b", body, re.IGNORECASE) is not None
        found: list[Command] = []
        seen: set[tuple[str, ...]] = set()
        for value in known if setting or len(known) == 1 else ["%" + name]:
            undone.did("loop")
            replaced = undone.within(written.sub(value.replace("\\", "\\\\"), body))
            if not replaced:
                break
            for command in self.script.run(replaced, depth + 1) if depth < _DEEPEST else []:
                if tuple(command.words) not in seen:
                    seen.add(tuple(command.words))
                    found.append(command)
        return inner + found

    def _end(self) -> int:
        return self.operators[self.next][0] if self.next < len(self.operators) else len(self.text)

    def _body(self) -> int:
        """Go to where the body of a loop ends: the end of the line or of the group that the loop stands in."""
        level = 0
        while self.next < len(self.operators):
            operator = self.operators[self.next][1]
            if operator == "(":
                level += 1
            elif operator == ")":
                if not level:
                    break
                level -= 1
            elif operator == "\n" and not level:
                break
            self.next += 1
        self.at = self._end()
        return self.at

    def values(self, loop: "re.Match[str]", text: str, inner: list[Command], depth: int) -> list[str]:
        """The values that a loop's variable takes, where they can be told; what it runs to get them goes to `inner`."""
        kind = (loop["kind"] or "").lower()
        if "%" in text or "!" in text:
            text = self.script.expanded(text)
        if kind == "l":
            numbers = re.findall(r"-?\d{1,9}", text)
            if len(numbers) != 3 or int(numbers[1]) == 0:
                return []
            first, step, last = map(int, numbers)
            return [str(n) for n in range(first, last + (1 if step > 0 else -1), step)[:_LONGEST_LOOP]]
        if kind == "f":
            return self.lines(loop["options"], text, inner, depth)
        if kind in ("r", "d") or any(mark in text for mark in "*?%!$"):
            return []
        return [word.strip('"') for word in re.findall(r'"[^"]*"|[^\s",;=]+', text)][:_LONGEST_LOOP]

    def lines(self, options: str, text: str, inner: list[Command], depth: int) -> list[str]:
        """Of `for /f`: the first token of the first line of a text, or of what an echo writes."""
        command, string = ("`", "'") if "usebackq" in options.lower() else ("'", '"')
        body = text[1:-1] if len(text) > 1 else ""
        if text.startswith(command) and text.endswith(command):
            found = self.script.run(re.sub(r"\^(.)", r"\1", body), depth + 1) if depth < _DEEPEST else []
            inner += found
            if not found or found[-1].text is None or found[-1].words[0].lower() != "echo":
                return []
            body = found[-1].text
        elif not (text.startswith(string) and text.endswith(string)):
            return []
        delimiters = re.search(r"delims=([^\"]*?)(?:\s+\w+=|\"|$)", options, re.IGNORECASE)
        tokens = re.search(r"tokens=(\d{1,2}|\*)", options, re.IGNORECASE)
        splitting = delimiters[1] if delimiters else " \t"
        if (tokens and tokens[1] == "*") or not splitting:
            return [body]
        parts = [part for part in re.split("[" + re.escape(splitting) + "]+", body.split("\n")[0]) if part]
        number = int(tokens[1]) if tokens else 1
        return [parts[number - 1]] if 0 < number <= len(parts) else []


class _Words:
    """One simple command being taken apart: carets, redirections, words."""

    def __init__(self, text: str, undoing: Undoing) -> None:
        self.undoing = undoing
        self.reads = ""
        self.writes: list[str] = []
        self.raw = self.lexed(text) if "^" in text or ">" in text or "<" in text else text

    def lexed(self, text: str) -> str:
        """The text without its carets, and without its redirections, which are noted."""
        pieces: list[str] = []
        at, end = 0, len(text)
        while at < end:
            found = _LEX.match(text, at)
            if found is None:
                break
            at = found.end()
            if found[1] is not None:
                pieces.append(found[1])
            elif found[2] is None:
                pieces.append(found[0])
            else:
                handle = ""
                if pieces and pieces[-1][-1:].isdigit() and (len(pieces[-1]) == 1 or pieces[-1][-2] in " \t,;=)"):
                    handle = pieces[-1][-1]
                    pieces[-1] = pieces[-1][:-1]
                if found[3]:
                    continue
                target = _TARGET.match(text, at)
                at = target.end() if target else at
                name = re.sub(r"\^(.)", r"\1", target[1]).replace('"', "") if target else ""
                if found[2] == "<":
                    self.reads = name
                elif handle in ("", "1") and name.lower() not in ("nul", "nul:", ""):
                    self.writes.append(name)
        return "".join(pieces)

    def command(self) -> Command | None:
        """The command; None for a comment, a label, or nothing."""
        self.raw = self.raw.lstrip(" \t\r\n,;=@(")
        raw = self.raw.rstrip()
        if not raw or raw[0] == ":" or raw[:4].lower().rstrip() == "rem":
            return None
        first = _FIRST.match(raw)
        end = first.end() if first else 0
        program = raw[:end]
        if '"' in program:
            bare = program.replace('"', "")
            if _INSIDE.search(program):
                self.undoing.did("quotes inside a word")
                raw, end = (
                    (f'"{bare}"' if " " in bare else bare) + raw[end:],
                    end - len(program) + len(bare) + 2 * (" " in bare),
                )
            program = bare
        rest = raw[end:].lstrip(" \t\r\n,;=")
        words = [program]
        if program.lower() in _SPLITTING:
            words += [word.replace('"', "") for word in _OWN_WORDS.findall(rest)]
        elif '"' in rest:
            words += [self.unquoted(word) if '"' in word else word for word in _WORDS.findall(rest)]
        else:
            words += rest.split()
        return Command(words, raw, self.reads, None, self.writes)

    def unquoted(self, word: str) -> str:
        if word[0] == '"' == word[-1] and word.count('"') == 2 and len(word) > 1 and word[-2] != "\\":
            return word[1:-1]
        if _INSIDE.search(word):
            self.undoing.did("quotes inside a word")
        if '\\"' not in word:
            return word.replace('"', "")
        return re.sub(r'(\\*)"', lambda found: found[1][: len(found[1]) // 2] + '"' * (len(found[1]) % 2), word)


def _usual(name: str) -> str | None:
    return ENVIRONMENT.get(name.lower())


def _of_a_user(name: str, how: str) -> str | None:
    """A part of a variable whose value has the user's name within, where the name can't matter."""
    value = OF_A_USER.get(name.lower())
    found = _PART.match(how)
    part = _part(value, how) if value and found else None
    start = int((found[1] if found else None) or 0)
    return part if part is not None and "*" not in part and start < 9 else None


def _part(value: str, how: str) -> str:
    """`%name:~start,length%` and `%name:old=new%`."""
    if how.startswith("~"):
        found = _PART.match(how)
        if not found:
            return value
        start = int(found[1] or 0)
        start = max(len(value) + start, 0) if start < 0 else start
        if found[2] is None:
            return value[start:]
        length = int(found[2])
        return value[start : start + length] if length >= 0 else value[start : max(len(value) + length, start)]
    old, equals, new = how.partition("=")
    if not old or not equals:
        return value
    if old[0] == "*":
        at = value.lower().find(old[1:].lower())
        return value if at < 0 or len(old) == 1 else new + value[at + len(old) - 1 :]
    return re.sub(re.escape(old), lambda _: new, value, flags=re.IGNORECASE)


def _holds(condition: "re.Match[str]", script: _Script) -> bool | None:
    """Whether an `if` of two known values holds."""
    left, right = condition["left"], condition["right"]
    if left is None or right is None:
        return None
    left, right = (script.expanded(side) if "%" in side or "!" in side else side for side in (left, right))
    if any(mark in left + right for mark in "%!$"):
        return None
    options = condition["options"].lower()
    if "/i" in options:
        left, right = left.lower(), right.lower()
    how = (condition["how"] or "==").lower()
    a: str | int = left
    b: str | int = right
    if how != "==" and re.fullmatch(r"-?\d{1,9}", left) and re.fullmatch(r"-?\d{1,9}", right):
        a, b = int(left), int(right)
    order = (a > b) - (a < b) if isinstance(a, int) and isinstance(b, int) else (str(a) > str(b)) - (str(a) < str(b))
    holds = {
        "==": order == 0,
        "equ": order == 0,
        "neq": order != 0,
        "lss": order < 0,
        "leq": order <= 0,
        "gtr": order > 0,
    }
    holds["geq"] = order >= 0
    return holds[how] != ("not" in options)


def _program_of(body: str, name: str) -> list[str]:
    """The program that a loop takes out of what Windows has registered, told by what it is given."""
    after = body.lstrip(" \t,;=@(")
    if not after.startswith(name):
        return []
    return ["cmd" if re.match(r'[^"\n]{0,200}?/[ckr]', after, re.IGNORECASE) else "powershell"]


def _started(command: Command) -> None:
    """`start`: the words of what it starts instead of its own."""
    words = command.words
    at = 1
    title = re.match(r'start[\s,;=]*"[^"]*"', command.raw, re.IGNORECASE)
    if title and len(words) > 2:
        at = 2
    while at < len(words) and words[at].startswith("/"):
        at += 2 if _START_SWITCH.match(words[at]) else 1
    if at < len(words):
        command.words = words[at:]
        found = command.raw.find(command.words[0])
        if found > 0:
            command.raw = command.raw[found - (command.raw[found - 1] == '"') :]


def _echoed(command: Command) -> str | None:
    """What an echo writes."""
    found = re.match(r"(?:echo[.:,;=/(\s]?|set\s*/p\s*[^=]*=)", command.raw, re.IGNORECASE)
    written = command.raw[found.end() :] if found else ""
    return written.strip('"') if found and found[0][0] in "sS" else written


def _file(name: str) -> str:
    """A file's name as it is looked up among those that the script wrote."""
    return name.strip('"').replace("/", "\\").rsplit("\\", 1)[-1].lower()
