"""The commands of a script for sh, bash, zsh, dash or ksh; fish's and csh's are near enough for what is looked for.

Sources: POSIX Shell Command Language (grammar, quoting, redirection); Bash reference manual. Nothing is run: what a
script sets and what echo, printf, base64 and their like write of it is put in its place; everything else stays as
written. Every letter is looked at a fixed number of times, whatever the script is.
"""

import re
from typing import Final

from exfilwatch.commands.command import LONGEST, Command, Undoing
from exfilwatch.commands.shells.posix_braces import braces
from exfilwatch.commands.shells.posix_escapes import ansi_c
from exfilwatch.commands.shells.posix_nesting import closing, unquoted_end
from exfilwatch.commands.shells.posix_parameters import MOST, Not, Parameters, Value
from exfilwatch.commands.shells.posix_structure import Structure

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
_DOUBLE: Final = re.compile(r'([^"\\$`]+)|\\([$`"\\\n])|(\\)|(")|\$([A-Za-z_][A-Za-z0-9_]*)|([$`])', re.DOTALL)
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)(?:\[[^\]]*\])?(\+?)=")
_NEEDLESS: Final = re.compile(r"[\w./:@%+=,-]*")
_ANSI: Final = re.compile(r"\$'((?:[^'\\]|\\.)*)'?", re.DOTALL)
_FUNCTION: Final = re.compile(r"\([ \t]*\)")
_CLASS: Final = re.compile(r"\[([A-Za-z0-9_.-])\]")
_DESCRIPTOR: Final = re.compile(r"\d{1,3}")
_DELIMITER: Final = re.compile(r"""[ \t]*((?:[^\s'"\\;&|<>()]|'[^'\n]*'|"[^"\n]*"|\\.)+)""")
_CODED: Final = re.compile(r"\\[0-7xuU]")
_SEVERAL: Final = re.compile(r"[;&|\n]")
_IN_BACKTICKS: Final = re.compile(r"\\([$`\\])")
_UNDONE_WITHIN: Final = re.compile(r"[$`\\'\"]")
_NO_ONE_VALUE: Final = re.compile(r"[$`*?\[]")
_MORE_THAN_WORDS: Final = re.compile(r"[;&|<>()$`]")
_QUOTABLE: Final = re.compile(r"[\s'\"\\;&|<>()`]")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_TABS: Final = re.compile(r"^\t+", re.MULTILINE)
_UNQUOTED: Final = dict.fromkeys(map(ord, "\\'\""))
_OPENING: Final = frozenset({"if", "while", "until"})
_SEPARATING: Final = frozenset({"then", "do", "else", "elif", "!", "time", "coproc"})
_CLOSING: Final = {"fi": "if", "done": "loop", "esac": "case"}
_HEADS: Final = frozenset({"for", "select", "case", "function"})
_RESERVED: Final = _OPENING | _SEPARATING | frozenset(_CLOSING) | _HEADS
_DECLARING: Final = frozenset({"export", "readonly", "local", "declare", "typeset", "setenv", "set"})
_DEEPEST: Final = 6
_SUBSTITUTION_COST: Final = 200
_ORDINARY: Final = " \t\n"


def commands(script: str, undoing: Undoing) -> list[Command]:
    """The simple commands of a script in the order in which they stand, those within a substitution before its own.

    `undoing.variables` are the script's from outside (also its positional parameters, as `1`, `2`), and afterwards
    what it set. The caller counts the script itself in the bounds; what is undone within it is counted here.
    """
    shell = _Shell(script[:LONGEST], undoing)
    shell.run()
    return shell.structure.found


class _Shell:
    """One pass over a script: words are built from its tokens, commands from words."""

    def __init__(self, text: str, undoing: Undoing, outer: "_Shell | None" = None) -> None:
        self.text = text
        self.undoing = undoing
        self.parameters = Parameters(undoing)
        self.aliases: dict[str, list[str]] = {}
        self.structure = Structure(undoing)
        self.deep = 0
        if outer is not None:
            self.parameters.unknown = set(outer.parameters.unknown)
            self.parameters.arrays = dict(outer.parameters.arrays)
            self.parameters.positional = outer.parameters.positional
            self.aliases = outer.aliases
            self.structure.descriptors = dict(outer.structure.descriptors)
        self.words: list[str] = []
        self.word: str | None = None
        self.literal = True
        """The word so far was written without any quote, escape or expansion."""
        self.opened = 0
        """Where the word begins."""
        self.begun = 0
        """Where the command begins."""
        self.hidden = False
        """Something of this command was undone."""
        self.assigning = ""
        """The variable that the word sets: up to its `=`."""
        self.pending: dict[str, str] = {}
        """Variables set before the program's name."""
        self.awaiting = ""
        """The redirection that waits for its file, with its descriptor."""
        self.head = ""
        """The reserved word whose words these are: `for`, `case`, ..."""
        self.pattern = False
        """In the pattern of a case."""
        self.test = False
        """Within `[[ ... ]]`."""
        self.parens = 0
        """Parentheses opened where a shell would not take them: letters of a script that lost its quotes."""
        self.unbraced = 0
        """Up to here the text has no brace expansion."""
        self.line_end = -1
        self.bodies: dict[int, int] = {}
        """Here-documents: where the line ends that names them, and where the last one's text ends."""

    # The pass.

    def run(self) -> None:
        """Read the script to its end."""
        text = self.text
        match = _TOKEN.match
        end = len(text)
        at = 0
        while at < end:
            token = match(text, at)
            if token is None:
                break
            kind = token.lastindex
            start = at
            at = token.end()
            if kind == 1:
                self._letters(token[1], start)
            elif kind == 2 or kind == 3:
                self._quoted(token[kind], start, at)
            elif kind == 5:
                at = self._ended(token[5], start, at)
                if self.structure.full:
                    return
            elif kind == 4:
                self._variable(token[4], start, at)
            elif kind == 7:
                self._escaped(token[7], start, at)
            elif kind == 6:
                at = self._redirects(token[6], start, at)
            elif kind == 11:
                at = self._expands(start)
            elif kind == 12:
                at = self._long_quote(start)
            elif kind == 8:
                at = self._parenthesis(token[8], start, at)
            elif kind == 9:
                at = self._brace(token[9], start, at)
            elif kind == 10:
                at = self._comment(start, at)
            else:
                self._add("\\", start)
        self._finish(end, piping=False)
        self.structure.close_all()

    # Words.

    def _letters(self, run: str, start: int) -> None:
        parts = run.split()
        if not parts:
            if self.word is not None:
                self._end_word()
            return
        if self.word is not None:
            if run[0].isspace():
                self._end_word()
            else:
                self.word += parts[0]
                if self.literal and not self.assigning and not self.words:
                    self._assigns()
                if len(parts) == 1:
                    if run[-1].isspace():
                        self._end_word()
                    return
                self._end_word()
                del parts[0]
        ended = run[-1].isspace()
        last = "" if ended else parts.pop()
        at = 0
        for number, part in enumerate(parts):
            if self.words and not (self.awaiting or self.test or self.head):
                self.words += parts[number:] if number else parts
                break
            at = run.index(part, at)
            self._open(part, start + at)
            self._end_word()
        if last:
            self._open(last, start + len(run) - len(last))

    def _open(self, part: str, start: int) -> None:
        self.word = part
        self.literal = True
        self.opened = start
        if not self.words:
            self._assigns()

    def _assigns(self) -> None:
        word = self.word
        if word is not None and "=" in word and not self.head and (found := _ASSIGNMENT.match(word)) is not None:
            self.assigning = found[0]

    def _add(self, value: str, start: int) -> None:
        """Letters that were quoted, escaped or expanded."""
        if self.word is None:
            self.word = value
            self.opened = start
        else:
            self.word += value
        self.literal = False

    def _did(self, step: str) -> None:
        self.undoing.did(step)
        self.hidden = True

    def _quoted(self, value: str, start: int, stop: int) -> None:
        before = self.word is not None and self.word[-1:].isalnum()
        after = self.text[stop : stop + 1]
        if before or after.isalnum() or not value:
            inside = self.word is not None or after.isalnum()
            option = self.word is not None and self.word[:1] == "-" and not after.isalnum()
            if inside and (not value or not option) and not self.assigning and _NEEDLESS.fullmatch(value):
                self._did("quotes inside a word")
        self._add(value, start)

    def _escaped(self, letter: str, start: int, stop: int) -> None:
        if letter == "\n":
            if self.word is not None and self.text[stop : stop + 1].strip():
                self._did("line continuation")
            return
        if letter.isalnum() or letter in "-/_":
            self._did("escape")
        self._add(letter, start)

    def _variable(self, name: str, start: int, stop: int) -> None:
        value: Value | None = self.pending.get(name) if self.pending and not self.words else None
        if value is None:
            value = self.parameters.plain(name)
        self._value(value, name, start, stop, quoted=False)

    def _value(self, value: Value, name: str, start: int, stop: int, *, quoted: bool) -> None:
        """Put the value of a parameter into the word, or what it was written as."""
        if isinstance(value, str):
            text = value if len(value) <= 64 else self.undoing.within(value)
            if name == "IFS":
                self._did("field splitting")
            else:
                self._did("variable")
            if quoted or self.assigning or self.awaiting or "$(" in text or "`" in text:
                self._add(text, start)
            else:
                self._fields(text, start)
        elif isinstance(value, list):
            self._did("variable")
            for number, text in enumerate(value):
                if number:
                    self._end_word()
                self._add(self.undoing.within(text), start)
        elif value is Not.SET and self._vanishes(name, stop):
            self._did("empty variable")
            if self.word is not None:
                self.literal = False
        else:
            self._add(self.text[start:stop], start)

    def _vanishes(self, name: str, stop: int) -> bool:
        """Whether a parameter that nothing set stands within a word, where it can only be there to part letters."""
        before = self.word[-1:] if self.word else ""
        after = self.text[stop : stop + 1]
        if name in "@*":
            return bool(after) and (after.isalnum() or after in "/-_." or (not self.words and bool(before)))
        if before.isalpha() and after.isalpha():
            return True
        return not self.words and not self.awaiting and (before.isalpha() or after.isalpha()) and "/" not in before

    def _fields(self, text: str, start: int) -> None:
        """Split what an expansion without quotes gave."""
        separators = self.parameters.values.get("IFS", _ORDINARY)
        if separators != _ORDINARY:
            for letter in separators:
                text = text.replace(letter, " ")
        fields = text.split()
        if text[:1].isspace() and self.word is not None:
            self._end_word()
        for number, field in enumerate(fields):
            if number:
                self._end_word()
            self._add(field, start)
        if fields and text[-1:].isspace():
            self._end_word()

    def _end_word(self) -> None:
        word, self.word = self.word, None
        if word is None:
            return
        literal, self.literal = self.literal, True
        if self.awaiting:
            self._redirected(word)
        elif self.pattern and not (literal and word == "esac"):
            return
        elif self.words:
            if "[" in word and "/" in word:
                word = self._unclassed(word)
            self.words.append(word)
            if self.test and literal and word == "]]":
                self.test = False
            elif self.head == "case" and literal and word == "in":
                self._open_case()
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
        if literal and word in self.aliases and not self.head:
            self._did("alias")
            self.words += self.aliases[word]
            return
        if literal and word == "[[":
            self.test = True
        self.words.append(self._unclassed(word) if "[" in word else word)

    def _unclassed(self, word: str) -> str:
        if "://" in word or not _CLASS.search(word):
            return word
        self._did("glob class")
        return _CLASS.sub(r"\1", word)

    # Assignments.

    def _assigned(self, word: str) -> None:
        found = _ASSIGNMENT.match(self.assigning)
        self.assigning = ""
        if found is None:
            return
        name, value = found[1], word[found.end() :]
        if found[2]:
            old = self.pending.get(name, self.parameters.plain(name))
            if old is Not.KNOWN:
                self.parameters.forget(name)
                return
            value = (old if isinstance(old, str) else "") + value
        self.pending[name] = value
        if len(self.pending) > MOST:
            self.pending.clear()

    def _array(self, start: int) -> int:
        """`name=(a b c)`, after its parenthesis at `start`; the place after its end."""
        stop = closing(self.text, start + 1, "(")
        found = _ASSIGNMENT.match(self.assigning)
        inside = self.text[start + 1 : stop - 1]
        self.word, self.assigning = None, ""
        if found is not None:
            values = self._sub_words(inside)
            if values is None:
                self.parameters.forget(found[1])
            else:
                old = self.parameters.arrays.get(found[1], []) if found[2] else []
                self.parameters.set_array(found[1], [*old, *values])
        return stop

    def _sub_words(self, text: str) -> list[str] | None:
        """The words that a text within this script is, where it is no more than words."""
        inner = self.undoing.inner()
        self.undoing.bounds.left -= _SUBSTITUTION_COST
        if inner is None:
            return None
        shell = _Shell(": " + text.replace("\n", " "), inner, self)
        shell.run()
        self.structure.found += shell.structure.found[:-1]
        last = shell.structure.found[-1:]
        return last[0].words[1:] if last and last[0].words[:1] == [":"] else None

    # Quotes and expansions.

    def _long_quote(self, start: int) -> int:
        text = self.text
        if text[start] == "'":
            self._add(text[start + 1 :], start)
            return len(text)
        self._add("", start)
        return self._double(start + 1)

    def _double(self, at: int) -> int:
        """What stands within double quotes, from `at`; the place after its end."""
        text = self.text
        end = len(text)
        while at < end:
            token = _DOUBLE.match(text, at)
            if token is None:
                break
            start, at = at, token.end()
            kind = token.lastindex
            if kind == 1:
                self._add(token[1], start)
            elif kind == 2:
                if token[2] != "\n":
                    self._add(token[2], start)
            elif kind == 3:
                self._add("\\", start)
            elif kind == 4:
                return at
            elif kind == 5:
                name = token[5]
                value: Value | None = self.pending.get(name) if self.pending and not self.words else None
                self._value(self.parameters.plain(name) if value is None else value, name, start, at, quoted=True)
            else:
                at = self._expand(start, quoted=True)
        return at

    def _expands(self, start: int) -> int:
        text = self.text
        two = text[start : start + 2]
        if two == "$'" and (found := _ANSI.match(text, start)) is not None:
            value = ansi_c(found[1])
            if value != found[1] and _CODED.search(found[1]):
                self._did("octal or hex escape")
            self._add(value, start)
            return found.end()
        if two == '$"':
            self._add("", start)
            return self._double(start + 2)
        if two in {"<(", ">("}:
            stop = closing(text, start + 2, "(")
            before = len(self.structure.found)
            self._run_inner(text[start + 2 : stop - 1 if text[stop - 1 : stop] == ")" else stop])
            self.structure.beside(two[0], before, into=self.awaiting)
            self._add(text[start:stop], start)
            return stop
        return self._expand(start, quoted=False)

    def _expand(self, start: int, *, quoted: bool) -> int:
        """What `$` or a backtick at `start` begins; the place after its end."""
        text = self.text
        if text[start] == "`":
            stop = start + 1
            while stop < len(text) and text[stop] != "`":
                stop += 2 if text[stop] == "\\" else 1
            inside = _IN_BACKTICKS.sub(r"\1", text[start + 1 : stop])
            self._substitution(inside, start, stop + 1, quoted=quoted)
            return min(stop + 1, len(text))
        if text.startswith("$((", start):
            stop = closing(text, start + 2, "(")
            if text[stop - 2 : stop] == "))":
                number = self.parameters.arithmetic(self._operand(text[start + 3 : stop - 2]))
                if number is None:
                    self._add(text[start:stop], start)
                else:
                    self._did("arithmetic")
                    self._add(str(number), start)
                return stop
        following = text[start + 1 : start + 2]
        if following == "(":
            stop = closing(text, start + 2, "(")
            inside = text[start + 2 : stop - 1 if text[stop - 1 : stop] == ")" else stop]
            self._substitution(inside, start, stop, quoted=quoted)
            return stop
        if following == "{":
            stop = closing(text, start + 2, "{")
            inside = text[start + 2 : stop - 1 if text[stop - 1 : stop] == "}" else stop]
            name = inside if inside.isidentifier() else "@" if inside[:1] in {"@", "*"} else inside
            value: Value | None = self.pending.get(inside) if self.pending and not self.words else None
            if value is None:
                value = self.parameters.expanded(inside, self._operand)
            # A default that is quoted is not split.
            self._value(value, name, start, stop, quoted=quoted or inside[-1:] in {"'", '"'})
            return stop
        if following and (following.isdigit() or following in "@*#?!-$"):
            self._value(self.parameters.special(following), following, start, start + 2, quoted=quoted)
            return start + 2
        self._add("$", start)
        return start + 1

    def _operand(self, text: str) -> str:
        """A text within `${...}`, `$((...))` or a here-document, expanded as if it stood in double quotes."""
        if not text or not _UNDONE_WITHIN.search(text):
            return text
        if self.deep >= _DEEPEST:
            return text
        self.deep += 1
        saved = (self.text, self.word, self.words, self.literal, self.opened)
        if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and text[0] not in text[1:-1]:
            text = text[1:-1]
        self.text, self.word, self.words = text, "", ["$"]
        at = 0
        while at < len(text):
            at = self._double(at)
            if at < len(text):
                self._add('"', at)
        value = "".join(self.words[1:]) + (self.word or "")
        self.text, self.word, self.words, self.literal, self.opened = saved
        self.deep -= 1
        return value

    def _run_inner(self, script: str) -> "_Shell | None":
        """Run over a script within this one, and list its commands."""
        self.undoing.bounds.left -= _SUBSTITUTION_COST
        inner = self.undoing.inner()
        if inner is None or not script.strip():
            return None
        shell = _Shell(inner.within(script), inner, self)
        shell.run()
        self.structure.found += shell.structure.found
        return shell

    def _substitution(self, script: str, start: int, stop: int, *, quoted: bool) -> None:
        """`$(script)`: what it writes where that can be told, else as written."""
        read = script.strip()
        if read[:1] == "<" and read[1:2] not in {"<", "("} and not _SEVERAL.search(read):
            script = "cat " + read
        shell = self._run_inner(script)
        text = "" if not script.strip() else shell.structure.output() if shell is not None else None
        if text is None:
            self._add(self.text[start:stop], start)
            return
        self._did("command substitution")
        text = text.rstrip("\n")
        if quoted or self.assigning:
            self._add(text, start)
        elif text:
            self._fields(text, start)
        elif self.word is not None:
            self.literal = False

    # Braces, parentheses, comments.

    def _brace(self, brace: str, start: int, stop: int) -> int:
        text = self.text
        if self.word is None and not self.awaiting and not self.assigning:
            after = text[stop : stop + 1]
            if brace == "{" and (not self.words or self.head == "function") and (not after or after.isspace()):
                self._forget_head()
                self.structure.open("{")
                self.begun = stop
                return stop
            if brace == "}" and not self.words:
                self._close("{", stop)
                return stop
        if brace == "{" and start >= self.unbraced:
            begin = start if self.word is None else self.opened
            end = unquoted_end(text, start)
            self.unbraced = end
            if not self.awaiting and not self.assigning and not self.pattern:
                expanded = braces(text[begin:end])
                if len(expanded) > 1 or (expanded and expanded[0] != text[begin:end]):
                    return self._braced(expanded, end)
        self._add(brace, start)
        self.literal = True
        return stop

    def _braced(self, expanded: list[str], end: int) -> int:
        self._did("brace expansion")
        self.word = None
        values = self._sub_words(self.undoing.within(" ".join(expanded)))
        for value in values if values is not None else expanded:
            self.word, self.literal = value, False
            self._end_word()
        return end

    def _parenthesis(self, parenthesis: str, start: int, stop: int) -> int:
        text = self.text
        if self.test or self.awaiting:
            self._add(parenthesis, start)
            return stop
        if parenthesis == ")":
            if self.parens:
                self.parens -= 1
                self._add(parenthesis, start)
            elif self.pattern:
                self._end_word()
                self.pattern = False
                self.begun = stop
            else:
                self._finish(start, piping=False)
                self._close("(", stop)
            return stop
        if self.pattern:
            return stop
        if self.assigning and self.word == self.assigning:
            return self._array(start)
        names = (self.word is not None and not self.words) or self.head == "function"
        if names and (empty := _FUNCTION.match(text, start)) is not None:
            self.word, self.literal = None, True
            self._forget_head()
            self.begun = empty.end()
            return empty.end()
        if self.word is None and (not self.words or self.head == "for"):
            if text.startswith("((", start):
                end = closing(text, start + 1, "(")
                for name in _NAME.findall(text[start:end])[:MOST]:
                    self.parameters.forget(name)
                self._forget_head()
                self.begun = end
                return end
            self.structure.open("(")
            self.begun = stop
            return stop
        self.parens += 1
        self._add(parenthesis, start)
        return stop

    def _comment(self, start: int, stop: int) -> int:
        if self.word is not None or (
            start and not self.text[start - 1].isspace() and self.text[start - 1] not in ";&|()"
        ):
            self._add("#", start)
            return stop
        end = self.text.find("\n", start)
        end = len(self.text) if end < 0 else end
        if not self.words:
            self.begun = end
        return end

    # Reserved words and the ends of commands.

    def _forget_head(self) -> None:
        self.words, self.head = [], ""

    def _reserved(self, word: str) -> None:
        if self.structure.closed is not None and word not in {"!", "time"}:
            self._finish(self.opened, piping=False)
        self.begun = self.opened + len(word)
        if word in _OPENING:
            self.structure.open("if" if word == "if" else "loop")
        elif word in _CLOSING:
            self.pattern = self.pattern and word != "esac"
            self._close(_CLOSING[word], self.begun)
        elif word in _HEADS:
            self.head = word
            self.words = [word]
            if word in {"for", "select"}:
                self.structure.open("loop")

    def _open_case(self) -> None:
        self._forget_head()
        self.structure.open("case")
        self.pattern = True

    def _close(self, kind: str, stop: int) -> None:
        if self.structure.closed is not None:
            self._finish(stop, piping=False)
        self.structure.close(kind)
        self.begun = stop
        self.parens = 0

    def _ended(self, operator: str, start: int, stop: int) -> int:
        if self.test and operator in {"&&", "||", "\n"}:
            if self.word is not None:
                self._end_word()
            if self.test:
                if operator != "\n":
                    self.words.append(operator)
                return stop
        if self.pattern and operator == "|":
            self._end_word()
            return stop
        self._finish(start, piping=operator in {"|", "|&"})
        if operator[:2] in {";;", ";&"} and self.structure.within("case"):
            self.pattern = True
        if operator == "\n" and self.bodies:
            stop = self.bodies.pop(start, stop)
        self.begun = stop
        return stop

    def _finish(self, stop: int, *, piping: bool) -> None:
        """A command ends before `stop`."""
        if self.word is not None:
            self._end_word()
        elif self.awaiting:
            self.awaiting = ""
        self.assigning, self.test, self.parens = "", False, 0
        if self.head:
            self._head_ended()
        elif self.words:
            self._command(stop)
        elif self.pending:
            for name, value in self.pending.items():
                self.parameters.set(name, value)
            self.pending = {}
        self.structure.end(piping=piping)
        self.hidden = False
        self.begun = stop

    def _head_ended(self) -> None:
        words = self.words
        self._forget_head()
        if words[0] in {"for", "select"} and len(words) > 1:
            name = words[1]
            if len(words) == 4 and words[2] == "in" and not _NO_ONE_VALUE.search(words[3]):
                self.parameters.set(name, words[3])
            else:
                self.parameters.forget(name)

    def _command(self, stop: int) -> None:
        words, self.words = self.words, []
        structure = self.structure
        if self.hidden:
            raw = " ".join([*map(quoted, words), *structure.streams.written_as])
        else:
            raw = self.text[self.begun : stop].strip()
        command = structure.add(words, raw)
        if self.pending:
            for name, value in self.pending.items():
                if name not in self.parameters.values:
                    self.parameters.set(name, value)
            self.pending = {}
        name = words[0]
        if name in _BUILTINS:
            self._builtin(name, command)

    def _builtin(self, name: str, command: Command) -> None:
        """What a builtin changes for the commands after it."""
        words = command.words
        parameters = self.parameters
        if name == "set":
            if "--" in words:
                parameters.positional = words[words.index("--") + 1 :][:MOST]
            elif len(words) == 4 and words[2] == "=":
                parameters.set(words[1], words[3])
        elif name == "shift":
            parameters.positional = (parameters.positional or [])[1:] if parameters.positional is not None else None
        elif name in _DECLARING:
            for word in words[1:]:
                variable, sign, value = word.partition("=")
                if sign and variable.isidentifier():
                    parameters.set(variable, value)
        elif name == "alias":
            for word in words[1:]:
                alias, sign, value = word.partition("=")
                if sign and len(self.aliases) < MOST and not _MORE_THAN_WORDS.search(value):
                    self.aliases[alias] = (self._sub_words(value) or []) if value.strip() else []
        elif name == "unalias":
            for word in words[1:]:
                self.aliases.pop(word, None)
        elif name == "unset":
            for word in words[1:]:
                parameters.unset(word)
        elif name == "printf" and words[1:2] == ["-v"] and len(words) > 3:
            text = self.structure.written(Command(words=["printf", *words[3:]]))
            if text is None:
                parameters.forget(words[2])
            else:
                parameters.set(words[2], text)
        elif name in {"read", "mapfile", "readarray", "getopts", "let"}:
            self._read(name, words, command.text)
        elif name == "ztcp" and len(words) > 2:
            self.structure.descriptors["$REPLY"] = f"/dev/tcp/{words[-2]}/{words[-1]}"

    def _read(self, name: str, words: list[str], text: str | None) -> None:
        names = [word for word in words[1:] if word.isidentifier()]
        lines = text.strip("\n").split("\n") if text else []
        values = lines[0].split(None, max(0, len(names) - 1)) if len(lines) == 1 and name == "read" else []
        for number, variable in enumerate(names[:MOST]):
            if values:
                self.parameters.set(variable, values[number] if number < len(values) else "")
            else:
                self.parameters.forget(variable)

    # Redirections.

    def _redirects(self, operator: str, start: int, stop: int) -> int:
        if self.test:
            self._add(operator, start)
            return stop
        descriptor = ""
        if self.word is not None:
            if self.literal and self.word.isdigit() and _DESCRIPTOR.fullmatch(self.word) and not self.awaiting:
                descriptor, self.word = self.word, None
            else:
                self._end_word()
        if operator in {"<<", "<<-"}:
            return self._here_document(operator, stop)
        self.awaiting = descriptor + operator
        return stop

    def _redirected(self, word: str) -> None:
        operator, self.awaiting = self.awaiting, ""
        bare = operator.lstrip("0123456789")
        self.structure.streams.redirect(operator[: len(operator) - len(bare)], bare, word, self.structure.descriptors)

    def _here_document(self, operator: str, stop: int) -> int:
        text = self.text
        found = _DELIMITER.match(text, stop)
        if found is None:
            return stop
        written = found[1]
        delimiter = written.translate(_UNQUOTED)
        if self.line_end < found.end():
            newline = text.find("\n", found.end())
            self.line_end = len(text) if newline < 0 else newline
        begin = self.bodies.get(self.line_end, self.line_end + 1)
        if begin >= len(text):
            return found.end()
        last, after = _document_end(text, begin, delimiter, tabs=operator == "<<-")
        body = text[begin:last]
        self.bodies[self.line_end] = after
        if operator == "<<-":
            body = _TABS.sub("", body)
        if written == delimiter:
            body = self._document(body)
        self.structure.streams.text = body
        return found.end()

    def _document(self, body: str) -> str:
        """A here-document's text with its expansions; quotes are letters there."""
        if "$" not in body and "`" not in body and "\\" not in body:
            return body
        hidden = self.hidden
        value = self._operand(body)
        self.hidden = hidden
        return value


_BUILTINS: Final = _DECLARING | frozenset(
    {"shift", "alias", "unalias", "unset", "printf", "read", "mapfile", "readarray", "getopts", "let", "ztcp"}
)


def _document_end(text: str, begin: int, delimiter: str, *, tabs: bool) -> tuple[int, int]:
    """Where a here-document's text ends, and the place after the line that ends it."""
    at = text.find(delimiter, begin) if delimiter else -1
    while at >= 0:
        line = at
        while tabs and text[line - 1] == "\t":
            line -= 1
        after = at + len(delimiter)
        if (line == begin or text[line - 1] == "\n") and text[after : after + 2].lstrip("\r")[:1] in {"", "\n"}:
            newline = text.find("\n", after)
            return line, newline + 1 if newline >= 0 else len(text)
        at = text.find(delimiter, at + 1)
    return len(text), len(text)


def quoted(word: str) -> str:
    """A word with quotes where it needs them."""
    if word and not _QUOTABLE.search(word):
        return word
    if "'" not in word and "$(" not in word and "`" not in word:
        return f"'{word}'"
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
