"""The grammar of a POSIX shell: words become assignments, reserved words, redirections, and the words of commands.

Sources: POSIX Shell Command Language, sections 2.4, 2.7, 2.9 and 2.10; Bash reference manual, section 3.2.
"""

import re
from typing import Final, Self

from exfilwatch.commands.command import Undoing
from exfilwatch.commands.shells.posix_builtins import BUILTINS, RESERVED, encoded, ran
from exfilwatch.commands.shells.posix_documents import Documents
from exfilwatch.commands.shells.posix_inner import NO_ONE_VALUE, Inner, quoted
from exfilwatch.commands.shells.posix_parameters import MOST, Not

ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)(?:\[[^\]]*\])?(\+?)=")
_CLASS: Final = re.compile(r"\[([A-Za-z0-9_.-])\]")
_POSITIONAL: Final = re.compile(r"\$\{?[0-9@*]")
_NAMED_DESCRIPTOR: Final = re.compile(r"\{([A-Za-z_]\w*)\}")
_OPENING: Final = frozenset({"if", "while", "until"})
_PIPES: Final = re.compile(r"\s*\|(?!\|)")
_CLOSING: Final = {"fi": "if", "done": "loop", "esac": "case"}
_HEADS: Final = frozenset({"for", "select", "case", "function"})
_OWN_SHELL: Final = ("$SHELL", "${SHELL", "$BASH", "${BASH", "$0", "${0")
_OWN_SHELL_WHOLE: Final = re.compile(r"\$(?:\{(?:SHELL|BASH|0)(?:##?\*/|:-[\w./]*)?\}|SHELL|BASH|0)")


class Grammar(Inner):
    """A script whose words are put where they belong."""

    __slots__ = ("begun", "coprocess", "documents", "head", "naming", "parens", "pattern", "simple", "test")

    def __init__(self, text: str, undoing: Undoing, outer: Self | None = None) -> None:
        super().__init__(text, undoing, outer)
        self.begun = 0
        """Where the command begins."""
        self.simple = False
        """A program was named, and what follows are its words and nothing else."""
        self.head = ""
        """The reserved word whose words these are: `for`, `case`, ..."""
        self.pattern = False
        """In the pattern of a case."""
        self.test = False
        """Within `[[ ... ]]`."""
        self.parens = 0
        """Parentheses opened where a shell would not take them: letters of a script that lost its quotes."""
        self.documents: Documents | None = None
        self.naming = ""
        """The function whose body comes next."""
        self.coprocess = False
        """The command that comes next is bash's coprocess."""

    def end_word(self) -> None:
        """Put the word where it belongs: to a command, a redirection, an assignment or the grammar."""
        pieces = self.pieces
        if not pieces:
            return
        word = pieces[0] if len(pieces) == 1 else "".join(pieces)
        pieces.clear()
        literal, self.literal = self.literal, True
        if self.simple:
            if "[" in word and "/" in word:
                word = self._unclassed(word)
            self.words.append(word)
        elif self.awaiting:
            operator, self.awaiting = self.awaiting, ""
            self.simple = bool(self.words) and not self.head and not self.test
            bare = operator[min(operator.find(mark) for mark in "<>&" if mark in operator) :]
            self.structure.redirect(operator.removesuffix(bare), bare, word)
        elif self.pattern and not (literal and word == "esac"):
            return
        elif self.words:
            self.words.append(word)
            if self.test and literal and word == "]]":
                self.test = False
                self.simple = True
            elif self.head == "case" and literal and word == "in":
                self._forget_head()
                self.structure.open("case")
                self.pattern = True
        elif self.assigning:
            self._assigned(word)
        elif literal and word in RESERVED:
            self._reserved(word)
        else:
            self._named(word, literal=literal)

    def _named(self, word: str, *, literal: bool) -> None:
        """The program's name: the first word of a command."""
        if self.structure.closed is not None:
            self._finish(self.opened, piping=False)
        self.simple = True
        if literal and word in self.aliases:
            self.did("alias")
            self.words += self.aliases[word]
            self.simple = bool(self.words)
            return
        if literal and word == "[[":
            self.test = True
            self.simple = False
        elif not literal and word.startswith(_OWN_SHELL) and _OWN_SHELL_WHOLE.fullmatch(word):
            self.did("variable")
            word = "sh"
        elif word[0:1] == "=" and literal and word[1:].isalnum():
            # zsh: the path of a program
            self.did("equals expansion")
            word = word[1:]
        self.words.append(self._unclassed(word) if "[" in word else word)

    def _unclassed(self, word: str) -> str:
        """A path whose globs match one letter each is that path."""
        if "://" in word or not _CLASS.search(word):
            return word
        self.did("glob class")
        return _CLASS.sub(r"\1", word)

    def _assigns(self, word: str) -> None:
        if (found := ASSIGNMENT.match(word)) is not None:
            self.assigning = found[0]

    def _assigned(self, word: str) -> None:
        found = ASSIGNMENT.match(self.assigning)
        self.assigning = ""
        if found is None:
            return
        name, value = found[1], word[found.end() :]
        if "[" in found[0]:
            self.parameters.forget(name)
            return
        if found[2]:
            old = self.pending.get(name, self.parameters.plain(name))
            if old is Not.KNOWN:
                self.parameters.forget(name)
                return
            value = (old if isinstance(old, str) else "") + value
        if len(self.pending) < MOST:
            self.pending[name] = value

    def _forget_head(self) -> None:
        self.words, self.head, self.simple = [], "", False

    def _opens(self, kind: str, stop: int) -> None:
        """A group opens, maybe the body of a function."""
        self.structure.open(kind)
        self.begun = stop
        if self.naming:
            frame = self.structure.frames[-1]
            frame.name, frame.begin, self.naming = self.naming, stop, ""

    def _reserved(self, word: str) -> None:
        if self.structure.closed is not None and word not in {"!", "time"}:
            self._finish(self.opened, piping=False)
        self.begun = self.opened + len(word)
        if word in _OPENING:
            self.structure.open("if" if word == "if" else "loop")
        elif word in _CLOSING:
            self.pattern = self.pattern and word != "esac"
            self._close(_CLOSING[word], self.begun)
        elif word == "do":
            frame = self.structure.frames[-1]
            if frame.name and not frame.begin:
                frame.begin = self.begun
        elif word == "coproc":
            self.coprocess = True
        elif word in _HEADS:
            self.head = word
            self.words = [word]
            if word in {"for", "select"}:
                self.structure.open("loop")

    def _close(self, kind: str, stop: int) -> None:
        if self.structure.closed is not None:
            self._finish(stop, piping=False)
        frame = self.structure.close(kind)
        self.begun = stop
        self.parens = 0
        if frame is None or not frame.name:
            return
        body = self.text[frame.begin : stop - (4 if kind == "loop" else 1)]
        if kind != "loop":
            if _POSITIONAL.search(body) and len(self.functions) < MOST:
                self.functions[frame.name] = body
        elif frame.values and frame.begin and (self.unrolls or _PIPES.match(self.text, stop)):
            self._unroll(frame, body)

    def _ended(self, operator: str, start: int, stop: int) -> int:
        if self.only_words and operator == "\n":
            self.end_word()
            return stop
        if self.test and operator in {"&&", "||", "\n"}:
            self.end_word()
            if self.test:
                if operator != "\n":
                    self.words.append(operator)
                return stop
        if self.pattern and operator == "|":
            self.end_word()
            return stop
        self._finish(start, piping=operator == "|" or operator == "|&")
        if operator != "&&":
            self.structure.otherwise = operator == "||"
        if operator == "\n":
            if self.documents is not None:
                stop = self.documents.after.pop(start, stop)
        elif (operator[:2] == ";;" or operator == ";&") and self.structure.within("case"):
            self.pattern = True
        self.begun = stop
        return stop

    def _finish(self, stop: int, *, piping: bool) -> None:
        """A command ends before `stop`."""
        if self.pieces:
            self.end_word()
        self.awaiting = ""
        if self.head:
            self._head_ended()
        elif self.words:
            self._command(stop)
        elif self.pending:
            for name, value in self.pending.items():
                self.parameters.set(name, value)
            self.pending.clear()
        self.structure.end(piping=piping)
        self.simple = self.test = self.hidden = False
        self.assigning = ""
        self.parens = 0
        self.begun = stop

    def _head_ended(self) -> None:
        words = self.words
        self._forget_head()
        if words[0] in {"for", "select"} and len(words) > 1:
            one = len(words) == 4 and words[2] == "in"
            if one and (not NO_ONE_VALUE.search(words[3]) or encoded(words[3:])):
                self.parameters.set(words[1], words[3])
            else:
                self.parameters.forget(words[1])
            if 4 < len(words) <= MOST and words[2] == "in":
                frame = self.structure.frames[-1]
                frame.name, frame.values = words[1], words[3:]

    def _command(self, stop: int) -> None:
        words, self.words = self.words, []
        if self.hidden:
            raw = " ".join([*map(quoted, words), *self.structure.redirections()])
        else:
            raw = self.text[self.begun : stop].strip()
        command = self.structure.add(words, raw)
        if self.pending:
            # Its program has them in its environment, and so may a script that it runs.
            for name, value in self.pending.items():
                self.parameters.lend(name, value)
            self.pending.clear()
        if self.coprocess:
            self.structure.coprocess, self.coprocess = command, False
        self.settle(command)
        name = command.words[0]
        if name == "eval":
            self._evaluate(command.words[1:])
        elif name in self.functions:
            self._call(command, name)
        elif name in BUILTINS:
            ran(command, self.parameters, self.aliases, self.structure, self._split)

    def _redirects(self, operator: str, start: int, stop: int) -> int:
        if self.test:
            self.add(operator, start)
            return stop
        descriptor = ""
        if self.pieces:
            word = self.pieces[0]
            if self.literal and len(self.pieces) == 1 and len(word) < 4 and word.isdigit() and not self.awaiting:
                descriptor = self.pieces.pop()
            elif word == "{" and (named := _NAMED_DESCRIPTOR.fullmatch("".join(self.pieces))) is not None:
                descriptor = "$" + named[1]
                self.pieces.clear()
            else:
                self.end_word()
        if operator[:2] == "<<" and operator != "<<<":
            return self._document(stop, tabs=operator == "<<-")
        self.awaiting = descriptor + operator
        self.simple = False
        return stop

    def _document(self, at: int, *, tabs: bool) -> int:
        if self.documents is None:
            self.documents = Documents()
        after, body, expands = self.documents.take(self.text, at, tabs=tabs)
        if body is not None:
            hidden = self.hidden
            self.structure.here(self.operand(body) if expands else body)
            self.hidden = hidden
        return after
