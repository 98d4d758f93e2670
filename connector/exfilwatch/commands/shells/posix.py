"""The commands of a script for sh, bash, zsh, dash or ksh; fish's and csh's are near enough for what is looked for.

Sources: POSIX Shell Command Language, sections 2.3, 2.4, 2.9 and 2.10 (tokens, reserved words, grammar); Bash reference
manual. Nothing is run: what a script sets and what echo, printf, base64 and their like write of it is put in its place;
everything else stays as written.
"""

import re
from typing import Final, Self

from exfilwatch.commands.command import LONGEST, Command, Undoing
from exfilwatch.commands.shells.posix_braces import braces
from exfilwatch.commands.shells.posix_builtins import RESERVED
from exfilwatch.commands.shells.posix_grammar import ASSIGNMENT, Grammar
from exfilwatch.commands.shells.posix_nesting import closing, word_pieces
from exfilwatch.commands.shells.posix_parameters import MOST
from exfilwatch.commands.shells.posix_words import TOKEN_COST

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
      | "\$([A-Za-z_][A-Za-z0-9_]*)"                    # 12
      | "\$\{([A-Za-z_][A-Za-z0-9_]*)\}"                # 13
      | (['"])                                          # 14 with something to undo within, or never closed
      | \\                                              # the last letter of a script that is cut off
    """,
    re.VERBOSE | re.DOTALL,
)
_FUNCTION: Final = re.compile(r"\([ \t]*\)")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_MOST_DOUBLED: Final = 4
_OPTIONS: Final = 64
"""Words among which the option stands that gives a shell its script."""
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


def give(words: list[str], undoing: Undoing) -> None:
    """Set the positional parameters of a script that `sh -c script name argument ...` runs."""
    for name in [name for name in undoing.variables if name.isdigit()]:
        del undoing.variables[name]
    first = enumerate(words[:_OPTIONS])
    at = next((at for at, word in first if at and word[:1] in "-+" and word[-1:] == "c"), len(words))
    for number, word in enumerate(words[at + 2 :][:MOST]):
        undoing.variables[str(number)] = word


class _Shell(Grammar):
    """One pass over a script: its tokens become words, those commands."""

    __slots__ = ("doubled", "unbraced")

    def __init__(self, text: str, undoing: Undoing, outer: Self | None = None) -> None:
        super().__init__(text, undoing, outer)
        self.doubled = 0
        """How often two parentheses were looked at for whether they are an arithmetic command."""
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
            elif kind == 12 or kind == 13:
                begins = not self.pieces
                self.variable(token[kind], start + 1, at - 1, quoted=True)
                if begins:
                    self.opened = start
            elif kind == 14:
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
            word in RESERVED
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

    def _array(self, start: int) -> int:
        """`name=(a b c)`, with its parenthesis at `start`; the place after its end."""
        stop = closing(self.text, start + 1, "(")
        found = ASSIGNMENT.match(self.assigning)
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
            inner = 0
            if self.doubled < _MOST_DOUBLED and text.startswith("((", start):
                self.doubled += 1
                inner = closing(text, start + 2, "(")
            if inner and text[inner : inner + 1] == ")":
                end = inner + 1
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
