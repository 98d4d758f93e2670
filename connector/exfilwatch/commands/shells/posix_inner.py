"""Scripts within a POSIX script: substitutions, functions, loops that are run through, what a shell reads from itself.

Sources: POSIX Shell Command Language, sections 2.6.3 and 2.9.5; Bash reference manual, sections 3.3 and 3.5.6.
"""

import re
from abc import abstractmethod
from typing import Final, Self

from exfilwatch.commands.command import Command, Undoing
from exfilwatch.commands.shells.posix_builtins import BUILTINS, RESERVED
from exfilwatch.commands.shells.posix_output import SILENT
from exfilwatch.commands.shells.posix_parameters import MOST, Parameters
from exfilwatch.commands.shells.posix_structure import Frame, Structure
from exfilwatch.commands.shells.posix_words import SCRIPT_COST, Words

NO_ONE_VALUE: Final = re.compile(r"[$`*?\[]")
"""What makes a word one that can't be told, or several."""

_QUOTABLE: Final = re.compile(r"[\s'\"\\;&|<>()`]")
# A program with plain words: nothing to undo, and nothing that a shell would take for more.
_PLAIN: Final = re.compile(r"[A-Za-z./][\w./:@%+,-]*(?: [\w./:@%+,-]+)*")
_NOT_PLAIN: Final = RESERVED | BUILTINS | {"eval", "exec", "xargs"}
_SHELLS: Final = frozenset(["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh"])
_SOURCING: Final = frozenset([".", "source"])
_CODE: Final = {"python": "-c", "perl": "-e", "ruby": "-e", "php": "-r", "node": "-e", "lua": "-e"}
"""Interpreters, and the option by which they take the text of their script."""
_READING: Final = frozenset(
    """
    base64 base32 xxd rev tac gunzip zcat bunzip2 bzcat unxz xzcat sed cut head tail gzip bzip2 xz
    """.split()  # noqa: SIM905 (a list of words)
)
_STDIN: Final = frozenset(["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])


class Inner(Words):
    """A script that knows what it has defined, and lists the commands of the scripts within it."""

    __slots__ = ("aliases", "files", "functions", "only_words", "produced", "structure", "unrolls")

    def __init__(self, text: str, undoing: Undoing, outer: Self | None = None) -> None:
        super().__init__(text, undoing, Parameters(undoing, outer.parameters if outer is not None else None))
        self.structure: Structure = Structure(undoing, outer.structure if outer is not None else None)
        self.aliases: dict[str, list[str]] = {} if outer is None else outer.aliases
        self.functions: dict[str, str] = {} if outer is None else outer.functions
        """The bodies of functions that were defined."""
        self.files: dict[str, str] = {} if outer is None else outer.files
        """Files that the script wrote a known text to."""
        self.produced: dict[str, str] = {}
        """What the commands of `<(...)` are known to write, by how it is written."""
        self.only_words = False
        """A newline parts words, as in an array's list."""
        self.unrolls = False
        """What the script writes is asked for, so that a loop over known values is run through."""

    @abstractmethod
    def run(self) -> None:
        """Read the script to its end, or to that of the bounds."""

    def _inner(self, script: str, *, only_words: bool = False, unrolls: bool = False) -> Self | None:
        self.undoing.bounds.left -= SCRIPT_COST
        inner = self.undoing.inner()
        if inner is None:
            return None
        shell = type(self)(inner.within(script), inner, self)
        shell.only_words, shell.unrolls = only_words, unrolls
        shell.run()
        return shell

    def _split(self, text: str) -> list[str] | None:
        """The words that a text is, where it is no more than words."""
        shell = self._inner(": " + text, only_words=True)
        if shell is None or not shell.structure.found or shell.structure.found[-1].words[:1] != [":"]:
            return None
        self.structure.take(shell.structure.found[:-1])
        return shell.structure.found[-1].words[1:]

    def output(self, script: str) -> str | None:
        """List the commands of a script within this one; what it writes, when that can be told."""
        if _PLAIN.fullmatch(script) and not self.files and self.undoing.bounds.left > 0:
            words = script.split()
            if words[0] not in self.aliases and words[0] not in self.functions and words[0] not in _NOT_PLAIN:
                command = Command(words, script)
                self.structure.take([command])
                return self.structure.written(command) if words[0] not in SILENT else ""
        shell = self._inner(script, unrolls=True)
        if shell is None:
            return None
        self.structure.take(shell.structure.found)
        return shell.structure.output()

    def beside(self, direction: str, script: str) -> None:
        """List the commands of a script whose output (`<`) or input (`>`) is a file of this command."""
        shell = self._inner(script, unrolls=True)
        if shell is not None:
            self.structure.take(shell.structure.found)
            text = shell.structure.output() if direction == "<" else None
            self.structure.beside(direction, shell.structure.found, text, into=self.awaiting)
            if text is not None and len(self.produced) < MOST:
                self.produced[f"<({script})"] = text

    def _unroll(self, frame: Frame, body: str) -> None:
        """Run through a loop whose values are known, for what it writes."""
        pieces: list[str] = []
        for value in frame.values:
            if NO_ONE_VALUE.search(value):
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
        shell = type(self)(inner.within(body), inner, self)
        shell.parameters.positional = command.words[1:][:MOST]
        shell.structure.enter(command)
        shell.run()
        for each in shell.structure.frames[0].outs:
            each.writes = each.writes or command.writes
        if command.reads:
            for each in shell.structure.found:
                if not (each.reads or each.piped or each.text is not None):
                    each.reads = command.reads
        self.structure.take(shell.structure.found)
        self.did("function")

    def settle(self, command: Command) -> None:
        """Put what the script wrote itself in the place of the files that a command reads."""
        words = command.words
        name = words[0].rpartition("/")[2]
        if (read := self.files.get(command.reads.removeprefix("./"))) is not None and command.reads:
            command.text = read
        if command.writes and (text := self.structure.written(command)) is not None and len(self.files) < MOST:
            file = command.writes[0].removeprefix("./")
            self.files[file] = self.undoing.within((self.files.get(file, "") if ">>" in command.raw else "") + text)
        if name == "xargs" and command.text is not None:
            self._arguments(command, command.text)
        elif name in _SHELLS or name in _SOURCING:
            file = next((word for word in words[1:] if word[:1] != "-"), "")
            text = command.text if file in _STDIN else self._known(file)
            if text is not None:
                self._settled(command, [words[0], "-c", text] if name in _SHELLS else ["eval", text])
                command.text = None
        elif name in _READING and len(words) > 1 and (text := self.files.get(words[-1].removeprefix("./"))) is not None:
            command.text = text
            self._settled(command, words[:-1])
        elif name == "cat" and len(words) > 1:
            texts = [self._known(word) for word in words[1:]]
            known = [text for text in texts if text is not None]
            if len(known) == len(texts):
                command.text = self.undoing.within("".join(known))
                self._settled(command, words[:1])
        elif (option := _CODE.get(name.rstrip("0123456789."))) and (code := self._known(words[-1])) is not None:
            self._settled(command, [words[0], option, code.removeprefix("<?php")])
        elif (script := self.files.get(words[0].removeprefix("./"))) is not None:
            self._settled(command, ["sh", "-c", script])

    def _known(self, file: str) -> str | None:
        return self.produced.get(file, self.files.get(file.removeprefix("./")))

    def _settled(self, command: Command, words: list[str]) -> None:
        command.words = words
        command.raw = " ".join(map(quoted, words))
        self.did("file that it writes itself")

    def _arguments(self, command: Command, text: str) -> None:
        """xargs adds what it reads to the words of its command, or puts it in the place that `-I` names."""
        words = command.words
        given = text.split()[:MOST]
        place = next((at for at, word in enumerate(words) if word.startswith(("-I", "-i", "--replace"))), 0)
        if not place:
            self._settled(command, [*words, *given])
        elif text.strip("\n").count("\n") == 0:
            mark = words[place].removeprefix("--replace").removeprefix("=").removeprefix("-I").removeprefix("-i")
            start = place + 1
            if not mark and words[place] == "-I" and len(words) > start:
                mark, start = words[start], start + 1
            value = self.undoing.within(text.strip("\n"))
            self._settled(command, [*words[:start], *(word.replace(mark or "{}", value, 4) for word in words[start:])])
        command.text = None

    def _evaluate(self, words: list[str]) -> None:
        """`eval` of assignments: its commands are for whoever reads the list, its variables for what follows here."""
        script = " ".join(words)
        if "=" in script and (shell := self._inner(script)) is not None:
            for name, value in shell.parameters.values.items():
                self.parameters.set(name, value)


def quoted(word: str) -> str:
    """A word with quotes where it needs them."""
    if word and not _QUOTABLE.search(word):
        return word
    if "'" not in word and "$(" not in word and "`" not in word:
        return f"'{word}'"
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
