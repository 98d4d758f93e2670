"""Words of a POSIX shell: quotes, escapes and expansions undone, what can't be told left as written.

Sources: POSIX Shell Command Language, sections 2.2 Quoting and 2.6 Word Expansions; Bash reference manual, section 3.5.
"""

import re
from abc import ABC, abstractmethod
from typing import Final

from exfilwatch.commands.command import Undoing
from exfilwatch.commands.shells.posix_escapes import ansi_c
from exfilwatch.commands.shells.posix_nesting import closing
from exfilwatch.commands.shells.posix_parameters import Not, Parameters, Value

TOKEN_COST: Final = 8
"""Characters of the bounds that one token costs, so that a text of nothing but tokens is bounded in time."""
SCRIPT_COST: Final = 200
"""Characters of the bounds that a script within a script costs beside its own."""

_DOUBLE: Final = re.compile(r'([^"\\$`]+)|\\([$`"\\\n])|(\\)|(")|\$([A-Za-z_][A-Za-z0-9_]*)|([$`])', re.DOTALL)
_ANSI: Final = re.compile(r"\$'((?:[^'\\]|\\.)*)'?", re.DOTALL)
_NEEDLESS: Final = re.compile(r"[\w./:@%+=,-]*")
_CODED: Final = re.compile(r"\\[0-7xuU]")
_SEVERAL: Final = re.compile(r"[;&|\n]")
_IN_BACKTICKS: Final = re.compile(r"\\([$`\\])")
_UNDONE_WITHIN: Final = re.compile(r"[$`\\'\"]")
_DEEPEST_OPERAND: Final = 6
_UNKNOWN: Final = Not.KNOWN
_ORDINARY: Final = " \t\n"


class Words(ABC):
    """A script of which the words are built. The pieces of the word that is being built are in `pieces`."""

    # Slots, because these are looked up for every token.
    __slots__ = (
        "assigning",
        "awaiting",
        "deep",
        "hidden",
        "literal",
        "opened",
        "parameters",
        "pending",
        "pieces",
        "split",
        "text",
        "undoing",
        "words",
    )

    def __init__(self, text: str, undoing: Undoing, parameters: Parameters) -> None:
        self.text = text
        self.undoing = undoing
        self.parameters = parameters
        self.words: list[str] = []
        """The words of the command so far."""
        self.pieces: list[str] = []
        self.literal = True
        """The word so far was written without any quote, escape or expansion."""
        self.opened = 0
        """Where the word begins."""
        self.hidden = False
        """Something of this command was undone."""
        self.assigning = ""
        """The variable that the word sets: up to its `=`."""
        self.pending: dict[str, str] = {}
        """Variables set before the program's name."""
        self.awaiting = ""
        """The redirection that waits for its file, with its descriptor."""
        self.split = (-1, -1, 0)
        """Of the last word that was split: where it begins, where its last field does, and the words before it."""
        self.deep = 0
        """Operands within each other that are being expanded."""

    @abstractmethod
    def end_word(self) -> None:
        """The word that was built is whole; does nothing when there is none."""

    @abstractmethod
    def output(self, script: str) -> str | None:
        """List the commands of a script within this one; what it writes, when that can be told."""

    @abstractmethod
    def beside(self, direction: str, script: str) -> None:
        """List the commands of a script whose output (`<`) or input (`>`) is a file of this command."""

    def did(self, step: str) -> None:
        """Something of this command was undone."""
        self.undoing.did(step)
        self.hidden = True

    def add(self, value: str, start: int) -> None:
        """Letters of the word that were quoted, escaped or expanded."""
        if not self.pieces:
            self.opened = start
        self.pieces.append(value)
        self.literal = False

    def quoted(self, value: str, start: int, stop: int) -> None:
        """A quoted text with nothing to undo within."""
        if not self.pieces:
            following = self.text[stop : stop + 1]
            if following.isalnum() and _NEEDLESS.fullmatch(value):
                self.did("quotes inside a word")
        elif not self.assigning:
            before = self.pieces[-1][-1:].isalnum()
            after = self.text[stop : stop + 1].isalnum()
            option = self.pieces[0][:1] == "-"
            if (after or not value or (before and not option)) and _NEEDLESS.fullmatch(value):
                self.did("quotes inside a word")
        self.add(value, start)

    def escaped(self, letter: str, start: int, stop: int) -> None:
        """A letter after a backslash, outside of quotes."""
        if letter == "\n":
            if self.pieces and self.text[stop : stop + 1].strip():
                self.did("line continuation")
            return
        if letter.isalpha() or letter == "-":
            before = self.pieces[-1][-1:] if self.pieces else ""
            if before.isalpha() or self.text[stop : stop + 1].isalpha():
                self.did("escape")
        self.add(letter, start)

    def variable(self, name: str, start: int, stop: int, *, quoted: bool) -> None:
        """`$name`."""
        value: Value | None = self.pending.get(name) if self.pending and not self.words else None
        self._value(self.parameters.plain(name) if value is None else value, name, start, stop, quoted=quoted)

    def _value(self, value: Value, name: str, start: int, stop: int, *, quoted: bool) -> None:
        """Put the value of a parameter into the word, or what it was written as."""
        if value is _UNKNOWN:
            self.add(self.text[start:stop], start)
        elif isinstance(value, str):
            text = value if len(value) <= 64 else self.undoing.within(value)
            self.did("field splitting" if name == "IFS" else "variable")
            # What a variable holds of unknown substitutions stays in one piece.
            if quoted or self.assigning or self.awaiting or "$(" in text or "`" in text:
                self.add(text, start)
            else:
                self.fields(text, start)
        elif isinstance(value, list):
            self.did("variable")
            self.undoing.bounds.left -= TOKEN_COST * len(value)
            for number, text in enumerate(value):
                if number:
                    self.end_word()
                self.add(self.undoing.within(text), start)
        elif self._vanishes(name, stop):
            self.did("empty variable")
            self.literal = self.literal and not self.pieces
        else:
            self.add(self.text[start:stop], start)

    def _vanishes(self, name: str, stop: int) -> bool:
        """Whether a parameter that nothing set stands within a word, where it can only be there to part letters."""
        before = self.pieces[-1][-1:] if self.pieces else ""
        after = self.text[stop : stop + 1]
        program = not self.words and not self.awaiting
        if name in "@*":
            return bool(after) and (after.isalnum() or after in "/-_." or (program and bool(before)))
        if before.isalpha() and after.isalpha():
            return True
        if name.isdigit() and self.text[max(0, stop - 12) : stop].endswith(("$IFS$" + name, "${IFS}$" + name)):
            # It only ends the name of IFS.
            return True
        return program and (before.isalpha() or after.isalpha())

    def fields(self, text: str, start: int) -> None:
        """Split what an expansion without quotes gave."""
        separators = self.parameters.values.get("IFS", _ORDINARY)
        if separators != _ORDINARY:
            for letter in separators[:8]:
                text = text.replace(letter, " ")
        fields = text.split()
        begin, count = (self.opened if self.pieces else start), len(self.words)
        if text[:1].isspace():
            self.end_word()
        for number, field in enumerate(fields):
            if number:
                self.end_word()
            self.add(field, start)
        if len(self.words) > count:
            self.split = (begin, start, count)
        if fields and text[-1:].isspace():
            self.end_word()

    def long_quote(self, start: int) -> int:
        """Quotes with something to undo within, or never closed; the place after them."""
        if self.text[start] == "'":
            self.add(self.text[start + 1 :], start)
            return len(self.text)
        self.add("", start)
        return self.double(start + 1)

    def double(self, at: int) -> int:
        """What stands within double quotes, from `at`; the place after their end."""
        text = self.text
        end = len(text)
        bounds = self.undoing.bounds
        while at < end and bounds.left > 0:
            token = _DOUBLE.match(text, at)
            if token is None:
                break
            start, at = at, token.end()
            kind = token.lastindex
            bounds.left -= TOKEN_COST
            if kind == 1:
                self.pieces.append(token[1])
            elif kind == 4:
                return at
            elif kind == 5:
                self.variable(token[5], start, at, quoted=True)
            elif kind == 6:
                at = self._expanded(start, quoted=True)
            elif kind == 3:
                self.add("\\", start)
            elif token[2] != "\n":
                self.add(token[2], start)
        return end if bounds.left <= 0 else at

    def expands(self, start: int) -> int:
        """What `$`, a backtick, `<(` or `>(` begins outside of quotes; the place after its end."""
        text = self.text
        two = text[start : start + 2]
        if two == "$'" and (found := _ANSI.match(text, start)) is not None:
            value = ansi_c(found[1])
            if value != found[1] and _CODED.search(found[1]):
                self.did("octal or hex escape")
            self.add(value, start)
            return found.end()
        if two == '$"':
            self.add("", start)
            return self.double(start + 2)
        if two in {"<(", ">("}:
            inside, stop = self._inside(start, ")")
            self.beside(two[0], inside)
            self.add(text[start:stop], start)
            return stop
        return self._expanded(start, quoted=False)

    def _inside(self, start: int, closer: str) -> tuple[str, int]:
        """What stands in `$(...)` or `${...}` at `start`, and the place after it."""
        stop = closing(self.text, start + 2, self.text[start + 1])
        return self.text[start + 2 : stop - 1 if self.text[stop - 1] == closer else stop], stop

    def _expanded(self, start: int, *, quoted: bool) -> int:
        """What `$` or a backtick at `start` begins; the place after its end."""
        text = self.text
        if text[start] == "`":
            return self._backticks(start, quoted=quoted)
        following = text[start + 1 : start + 2]
        if following == "(":
            inside, stop = self._inside(start, ")")
            if inside[:1] == "(" and closing(inside, 1, "(") == len(inside) and inside[-1] == ")":
                number = self.parameters.arithmetic(self.operand(inside[1:-1]))
                if number is not None:
                    self.did("arithmetic")
                    self.add(str(number), start)
                    return stop
                if not _SEVERAL.search(inside):
                    self.add(text[start:stop], start)
                    return stop
            self._substituted(inside, start, stop, quoted=quoted)
            return stop
        if following == "{":
            inside, stop = self._inside(start, "}")
            if inside.isidentifier():
                self.variable(inside, start, stop, quoted=quoted)
                return stop
            value = self.parameters.expanded(inside, self.operand)
            # A default that is quoted is not split.
            quoted = quoted or inside[-1:] in {"'", '"'}
            self._value(value, "@" if inside[:1] in {"@", "*"} else inside, start, stop, quoted=quoted)
            return stop
        if following and (following.isdigit() or following in "@*#?!-$"):
            self._value(self.parameters.special(following), following, start, start + 2, quoted=quoted)
            return start + 2
        self.add("$", start)
        return start + 1

    def _backticks(self, start: int, *, quoted: bool) -> int:
        text = self.text
        stop = text.find("`", start + 1)
        while stop > 0 and text[stop - 1] == "\\":
            stop = text.find("`", stop + 1)
        stop = len(text) if stop < 0 else stop
        inside = _IN_BACKTICKS.sub(r"\1", text[start + 1 : stop])
        self._substituted(inside, start, stop + 1, quoted=quoted)
        return min(stop + 1, len(text))

    def _substituted(self, script: str, start: int, stop: int, *, quoted: bool) -> None:
        """`$(script)`: what it writes where that can be told, else as written."""
        read = script.strip()
        if read[:1] == "<" and read[1:2] not in {"<", "("} and not _SEVERAL.search(read):
            # The manual: `$(< file)` is `$(cat file)`, only faster.
            read = "cat " + read
        text = self.output(read) if read else ""
        if text is None:
            self.add(self.text[start:stop], start)
            return
        self.did("command substitution")
        text = text.rstrip("\n")
        if quoted or self.assigning or self.awaiting:
            self.add(text, start)
        elif text:
            self.fields(text, start)
        elif self.pieces:
            self.literal = False

    def operand(self, text: str) -> str:
        """A text within `${...}`, `$((...))` or a here-document, expanded as if it stood in double quotes."""
        if not text or self.deep >= _DEEPEST_OPERAND or not _UNDONE_WITHIN.search(text):
            return text
        saved = (self.text, self.pieces, self.words, self.literal, self.opened)
        if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and text[0] not in text[1:-1]:
            text = text[1:-1]
        self.deep += 1
        self.text, self.pieces, self.words = text, [], ["$"]
        at = 0
        while at < len(text):
            at = self.double(at)
            if at < len(text) or text[-1] == '"':
                self.pieces.append('"')
        value = "".join([*self.words[1:], *self.pieces])
        self.text, self.pieces, self.words, self.literal, self.opened = saved
        self.deep -= 1
        return value
