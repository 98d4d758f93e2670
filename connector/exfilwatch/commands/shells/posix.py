"""The commands of a script for sh, bash, zsh, dash or ksh; fish's and csh's are near enough for what is looked for.

Sources: POSIX Shell Command Language, sections 2.3, 2.4, 2.9 and 2.10 (tokens, reserved words, grammar); Bash reference
manual. Nothing is run: what a script sets and what echo, printf, base64 and their like write of it is put in its place;
everything else stays as written.
"""

import re
from typing import Final

from exfilwatch.commands.command import LONGEST, Command, Undoing
from exfilwatch.commands.shells.posix_braces import braces
from exfilwatch.commands.shells.posix_builtins import BUILTINS, ran
from exfilwatch.commands.shells.posix_documents import Documents
from exfilwatch.commands.shells.posix_nesting import closing, word_pieces
from exfilwatch.commands.shells.posix_parameters import MOST, Not, Parameters
from exfilwatch.commands.shells.posix_structure import Frame, Structure
from exfilwatch.commands.shells.posix_words import SCRIPT_COST, TOKEN_COST, Words

_TOKEN: Final = re.compile(
    r"""([^\\'"`$(){}<>;&|\#\n]+)                       # 1 letters and blanks
      | '([^']*)'                                       # 2
      | "([^"\\$`]*)"                                   # 3 with nothing to undo within
      | \$([A-Za-z_][A-Za-z0-9_]*)                      # 4
      | (&&|\|\|?&?|;;&?|;&|;|&(?!>)|\n)                # 5 ends a command
      | (<<<|<<-?|<&|<>|<(?!\()|>>|>&|>\||>(?!\()|&>>?) # 6 redirects
      | \\(\n|.)                                        # 7
      | ([()])                                          # 8
      | ([{}])                                          # 9
      | (\#)                                            # 10
      | (\$|`|[<>]\()                                   # 11 expands
      | (['"])                                          # 12 with something to undo within, or never closed
      | \\                                              # the last letter of a script that is cut off
    """,
    re.VERBOSE | re.DOTALL,
)
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)(?:\[[^\]]*\])?(\+?)=")
_FUNCTION: Final = re.compile(r"\([ \t]*\)")
_CLASS: Final = re.compile(r"\[([A-Za-z0-9_.-])\]")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_NO_ONE_VALUE: Final = re.compile(r"[$`*?\[]")
_QUOTABLE: Final = re.compile(r"[\s'\"\\;&|<>()`]")
_OPENING: Final = frozenset({"if", "while", "until"})
_CLOSING: Final = {"fi": "if", "done": "loop", "esac": "case"}
_POSITIONAL: Final = re.compile(r"\$\{?[0-9@*]")
_HEADS: Final = frozenset({"for", "select", "case", "function"})
_RESERVED: Final = _OPENING | _HEADS | {*_CLOSING, "then", "do", "else", "elif", "!", "time", "coproc"}
_OWN_SHELL: Final = frozenset(["$SHELL", "${SHELL}", "$BASH", "${BASH}", "$0", "${0}"])
_SHELLS: Final = frozenset(["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh"])
_STDIN: Final = frozenset(["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
_AFTER_WORD: Final = frozenset(["", " ", "\t", "\n", ";"])
_BLANKS: Final = frozenset(" \t\r\v\f")


def commands(script: str, undoing: Undoing) -> list[Command]:
    """The simple commands of a script in the order in which they stand, those within a substitution before its own.

    `undoing.variables` are the script's from outside (also its positional parameters, as `1`, `2`), and afterwards
    what it set. The caller counts the script itself in the bounds; what is undone within it is counted here.
    """
    shell = _Shell(script[:LONGEST], undoing)
    shell.run()
    return shell.structure.found


class _Shell(Words):
    """One pass over a script: commands are made of its words."""

    __slots__ = (
        "aliases",
        "begun",
        "coprocess",
        "documents",
        "functions",
        "head",
        "naming",
        "only_words",
        "parens",
        "pattern",
        "produced",
        "simple",
        "structure",
        "test",
        "unbraced",
        "unrolls",
    )

    def __init__(self, text: str, undoing: Undoing, outer: "_Shell | None" = None) -> None:
        super().__init__(text, undoing, Parameters(undoing, outer.parameters if outer is not None else None))
        self.structure: Structure = Structure(undoing, outer.structure if outer is not None else None)
        self.aliases: dict[str, list[str]] = {} if outer is None else outer.aliases
        self.functions: dict[str, str] = {} if outer is None else outer.functions
        """The bodies of functions that were defined."""
        self.documents: Documents | None = None
        self.produced: dict[str, str] = {}
        """What the commands of `<(...)` are known to write, by how it is written."""
        self.naming = ""
        """The function whose body comes next."""
        self.coprocess = False
        """The command that comes next is bash's coprocess."""
        self.unrolls = False
        """What the script writes is asked for, so that a loop over known values is run through."""
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
        self.only_words = False
        """A newline parts words, as in an array's list."""
        self.unbraced = 0
        """Up to here the text has no brace expansion."""

    def run(self) -> None:
        """Read the script to its end, or to that of the bounds."""
        text = self.text
        match = _TOKEN.match
        end = len(text)
        bounds = self.undoing.bounds
        at = 0
        while at < end and bounds.left > 0:
            token = match(text, at)
            if token is None:
                break
            kind = token.lastindex
            start, at = at, token.end()
            bounds.left -= TOKEN_COST
            if kind == 1:
                run = token[1]
                if self.simple and not self.pieces:
                    parts = run.split()
                    if run[-1] not in _BLANKS:
                        self.opened = at - len(parts[-1])
                        self.pieces.append(parts.pop())
                    self.words += parts
                else:
                    self._letters(run, start)
            elif kind == 2 or kind == 3:
                value = token[kind]
                if value and self.simple and not self.pieces and text[at : at + 1] in _AFTER_WORD:
                    self.words.append(value)
                else:
                    self.quoted(value, start, at)
            elif kind == 5:
                at = self._ended(token[5], start, at)
                if self.structure.full:
                    return
            elif kind == 4:
                self.variable(token[4], start, at, quoted=False)
            elif kind == 12:
                at = self.long_quote(start)
            elif kind == 11:
                at = self.expands(start)
            elif kind == 7:
                self.escaped(token[7], start, at)
            elif kind == 6:
                at = self._redirects(token[6], start, at)
            elif kind == 8:
                at = self._parenthesis(token[8], start, at)
            elif kind == 9:
                at = self._brace(token[9], start, at)
            elif kind == 10:
                at = self._comment(start, at)
            else:
                self.add("\\", start)
        self._finish(end, piping=False)
        self.structure.close_all()

    # Words.

    def _letters(self, run: str, start: int) -> None:
        parts = run.split()
        if not parts:
            self.end_word()
            return
        if self.pieces:
            if run[0] in _BLANKS:
                self.end_word()
            else:
                self.pieces.append(parts[0])
                if "=" in parts[0] and not self.words and not self.assigning and len(self.pieces) < 6:
                    self._assigns("".join(self.pieces))
                if len(parts) == 1 and run[-1] not in _BLANKS:
                    return
                self.end_word()
                del parts[0]
        last = parts.pop() if parts and run[-1] not in _BLANKS else ""
        if parts and not self.words and self._plain_name(parts[0]):
            self.words += parts
            self.simple = True
            parts.clear()
        at = 0
        for number, part in enumerate(parts):
            if self.simple:
                self.words += parts[number:]
                break
            at = run.index(part, at)
            self._open(part, start + at)
            self.end_word()
        if last:
            self._open(last, start + len(run) - len(last))

    def _plain_name(self, word: str) -> bool:
        """Whether a word at the place of a program's name can be nothing else."""
        return not (
            word in _RESERVED
            or word in self.aliases
            or "=" in word
            or "[" in word
            or self.awaiting
            or self.pattern
            or self.structure.closed is not None
        )

    def _open(self, part: str, start: int) -> None:
        self.pieces.append(part)
        self.opened = start
        if "=" in part and not self.words:
            self._assigns(part)

    def _assigns(self, word: str) -> None:
        if (found := _ASSIGNMENT.match(word)) is not None:
            self.assigning = found[0]

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
            bare = operator.lstrip("0123456789")
            self.structure.redirect(operator[: len(operator) - len(bare)], bare, word)
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
        elif literal and word in _RESERVED:
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
        elif not literal and word in _OWN_SHELL:
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

    # Assignments.

    def _assigned(self, word: str) -> None:
        found = _ASSIGNMENT.match(self.assigning)
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

    def _array(self, start: int) -> int:
        """`name=(a b c)`, with its parenthesis at `start`; the place after its end."""
        stop = closing(self.text, start + 1, "(")
        found = _ASSIGNMENT.match(self.assigning)
        self.pieces.clear()
        self.assigning = ""
        if found is not None:
            values = self._split(self.text[start + 1 : stop - 1])
            if values is None:
                self.parameters.forget(found[1])
            else:
                old = self.parameters.arrays.get(found[1], []) if found[2] else []
                self.parameters.set_array(found[1], [*old, *values])
        return stop

    # Scripts within this one.

    def _inner(self, script: str, *, only_words: bool = False, unrolls: bool = False) -> "_Shell | None":
        self.undoing.bounds.left -= SCRIPT_COST
        inner = self.undoing.inner()
        if inner is None:
            return None
        shell = _Shell(inner.within(script), inner, self)
        shell.only_words, shell.unrolls = only_words, unrolls
        shell.run()
        return shell

    def _unroll(self, frame: Frame, body: str) -> None:
        """Run through a loop whose values are known, for what it writes."""
        pieces: list[str] = []
        for value in frame.values:
            if _NO_ONE_VALUE.search(value):
                return
            self.parameters.set(frame.name, value)
            shell = self._inner(body, unrolls=True)
            text = shell.structure.output() if shell is not None else None
            if text is None:
                return
            pieces.append(text)
        frame.outs = [Command(["printf", "%s", "".join(pieces)])]
        self.did("loop")

    def _call(self, command: Command, name: str) -> None:
        """List the commands of a function with the words that it is called with; not again within itself."""
        body = self.functions.pop(name)
        self._called(command, body)
        self.functions[name] = body

    def _called(self, command: Command, body: str) -> None:
        self.undoing.bounds.left -= SCRIPT_COST
        inner = self.undoing.inner()
        if inner is None:
            return
        shell = _Shell(inner.within(body), inner, self)
        shell.parameters.positional = command.words[1:][:MOST]
        shell.structure.enter(command)
        shell.run()
        for each in shell.structure.frames[0].outs:
            each.writes = each.writes or command.writes
        self.structure.found += shell.structure.found
        self.did("function")

    def _read_script(self, command: Command) -> None:
        """A shell that reads its script from what is known here runs that script."""
        words = command.words
        name = words[0].rpartition("/")[2]
        file = next((word for word in words[1:] if word[:1] != "-"), "")
        text = command.text if file in _STDIN else self.produced.get(file)
        if text is not None and (name in _SHELLS or name in {".", "source"}):
            command.words = [words[0], "-c", text] if name in _SHELLS else ["eval", text]
            command.raw = " ".join(map(quoted, command.words))
            command.text = None
            self.did("process substitution")

    def _evaluate(self, words: list[str]) -> None:
        """`eval` of assignments: its commands are for whoever reads the list, its variables for what follows here."""
        script = " ".join(words)
        if "=" in script and (shell := self._inner(script)) is not None:
            for name, value in shell.parameters.values.items():
                self.parameters.set(name, value)

    def _split(self, text: str) -> list[str] | None:
        """The words that a text is, where it is no more than words."""
        shell = self._inner(": " + text, only_words=True)
        if shell is None or not shell.structure.found or shell.structure.found[-1].words[:1] != [":"]:
            return None
        self.structure.found += shell.structure.found[:-1]
        return shell.structure.found[-1].words[1:]

    def output(self, script: str) -> str | None:
        """List the commands of a script within this one; what it writes, when that can be told."""
        shell = self._inner(script, unrolls=True)
        if shell is None:
            return None
        self.structure.found += shell.structure.found
        return shell.structure.output()

    def beside(self, direction: str, script: str) -> None:
        """List the commands of a script whose output (`<`) or input (`>`) is a file of this command."""
        shell = self._inner(script, unrolls=True)
        if shell is not None:
            self.structure.found += shell.structure.found
            text = shell.structure.output() if direction == "<" else None
            self.structure.beside(direction, shell.structure.found, text, into=self.awaiting)
            if text is not None and len(self.produced) < MOST:
                self.produced[f"<({script})"] = text

    # Braces, parentheses, comments.

    def _brace(self, brace: str, start: int, stop: int) -> int:
        text = self.text
        if not self.pieces and not self.awaiting:
            after = text[stop : stop + 1]
            if brace == "{" and (not self.words or self.head == "function") and (not after or after.isspace()):
                if self.head:
                    self.naming = self.words[-1]
                self._forget_head()
                self._opens("{", stop)
                return stop
            if brace == "}" and not self.words:
                self._close("{", stop)
                return stop
        begin = self.opened if self.pieces else start
        split = self.split if self.pieces and self.split[1] == begin else None
        begin = split[0] if split is not None else begin
        if brace == "{" and begin >= self.unbraced and not (self.awaiting or self.assigning or self.pattern):
            pieces, end = word_pieces(text, start)
            self.unbraced = end
            expanded = braces([text[begin:start], *pieces])
            if expanded:
                self.did("brace expansion")
                self.pieces.clear()
                if split is not None:
                    del self.words[split[2] :]
                values = self._split(self.undoing.within(" ".join(expanded)))
                for value in values if values is not None else expanded:
                    self.add(value, start)
                    self.end_word()
                return end
        literal = self.literal
        self.add(brace, start)
        self.literal = literal
        return stop

    def _parenthesis(self, parenthesis: str, start: int, stop: int) -> int:
        text = self.text
        if self.test or self.awaiting:
            self.add(parenthesis, start)
        elif parenthesis == ")":
            if self.parens:
                self.parens -= 1
                self.add(parenthesis, start)
            elif self.pattern:
                self.end_word()
                self.pattern = False
                self.begun = stop
            else:
                self._finish(start, piping=False)
                self._close("(", stop)
        elif self.pattern:
            pass
        elif self.assigning and "".join(self.pieces) == self.assigning:
            return self._array(start)
        elif ((self.pieces and not self.words) or self.head == "function") and (
            empty := _FUNCTION.match(text, start)
        ) is not None:
            self.naming = "".join(self.pieces) or self.words[-1]
            self.pieces.clear()
            self.literal = True
            self._forget_head()
            self.begun = empty.end()
            return empty.end()
        elif not self.pieces and (not self.words or self.head == "for"):
            if text.startswith("((", start):
                end = closing(text, start + 1, "(")
                for name in _NAME.findall(text[start:end])[:MOST]:
                    self.parameters.forget(name)
                self._forget_head()
                self.begun = end
                return end
            self._opens("(", stop)
        else:
            self.parens += 1
            self.add(parenthesis, start)
        return stop

    def _comment(self, start: int, stop: int) -> int:
        text = self.text
        if self.pieces or (start and not text[start - 1].isspace() and text[start - 1] not in ";&|()"):
            self.add("#", start)
            return stop
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if not self.words:
            self.begun = end
        return end

    # Reserved words and the ends of commands.

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
        elif frame.values and frame.begin:
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
            if len(words) == 4 and words[2] == "in" and not _NO_ONE_VALUE.search(words[3]):
                self.parameters.set(words[1], words[3])
            else:
                self.parameters.forget(words[1])
            if self.unrolls and 4 < len(words) <= MOST and words[2] == "in":
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
                if name not in self.parameters.values:
                    self.parameters.set(name, value)
            self.pending.clear()
        if self.coprocess:
            self.structure.coprocess, self.coprocess = command, False
        name = words[0]
        if len(words) > 1 and (self.produced or words[1] in _STDIN):
            self._read_script(command)
            name = command.words[0]
        if name == "eval":
            self._evaluate(command.words[1:])
        elif name in self.functions:
            self._call(command, name)
        elif name in BUILTINS:
            ran(command, self.parameters, self.aliases, self.structure, self._split)

    # Redirections.

    def _redirects(self, operator: str, start: int, stop: int) -> int:
        if self.test:
            self.add(operator, start)
            return stop
        descriptor = ""
        if self.pieces:
            word = self.pieces[0]
            if self.literal and len(self.pieces) == 1 and len(word) < 4 and word.isdigit() and not self.awaiting:
                descriptor = self.pieces.pop()
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


def quoted(word: str) -> str:
    """A word with quotes where it needs them."""
    if word and not _QUOTABLE.search(word):
        return word
    if "'" not in word and "$(" not in word and "`" not in word:
        return f"'{word}'"
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
