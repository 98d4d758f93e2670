"""How commands of a POSIX shell stand together: pipes, groups, loops, and what they are redirected from and to.

Sources: POSIX Shell Command Language, sections 2.7 Redirection and 2.9 Shell Commands.
"""

import re
from typing import Final

from exfilwatch.commands.command import Command, Undoing
from exfilwatch.commands.shells.posix_output import SILENT, written

MOST_COMMANDS: Final = 4096
"""Commands that are listed of one script."""
MOST_PIPED: Final = 24
"""Commands before one in its pipe that are kept."""
DEEPEST: Final = 32
"""Groups within each other; what is within more of them stands in the outermost ones."""

_SOCKET: Final = re.compile(r"/dev/(?:tcp|udp)/")


class Streams:
    """Where one command, or a group, gets its input and puts its output."""

    __slots__ = ("both", "from_commands", "reads", "redirected", "text", "to_commands", "writes", "written_as")

    def __init__(self) -> None:
        self.reads = ""
        self.text: str | None = None
        self.writes: list[str] = []
        self.redirected = False
        """Its standard output goes elsewhere than a pipe."""
        self.written_as: list[str] = []
        """The redirections as text."""
        self.from_commands: list[Command] = []
        """Commands of `< <(...)`."""
        self.to_commands: list[Command] = []
        """Commands of `>(...)`."""

    def redirect(self, descriptor: str, operator: str, target: str, descriptors: dict[str, str]) -> None:
        """Take a redirection. `descriptors` are the files that `exec` opened, by number."""
        self.written_as.append(
            f"{descriptor}{operator}{target}" if operator.endswith("&") else f"{descriptor}{operator} {target}"
        )
        if operator == "<<<":
            self.text = target + "\n"
            return
        duplicate = operator in {"<&", ">&"}
        if duplicate and (target.rstrip("-").isdigit() or target in descriptors or target == "-"):
            file = descriptors.get(target.rstrip("-"), "")
            if target.rstrip("-") == "1" and descriptor == "0":
                file = next(iter(self.writes), "")
            if not file:
                return
        else:
            file = target
        process = file.startswith(("<(", ">("))
        reading = operator in {"<", "<&"} or descriptor == "0"
        if reading or operator == "<>":
            self.reads = "" if process else file
        if not reading and (operator != "<>" or descriptor == "1"):
            self._write(descriptor, file, process=process)

    def _write(self, descriptor: str, file: str, *, process: bool) -> None:
        if descriptor in {"", "1"}:
            self.redirected = True
        elif descriptor == "2" and not _SOCKET.match(file):
            # What a command complains of is not what it writes.
            return
        if file != "/dev/null" and not process and file not in self.writes:
            self.writes.append(file)


class Frame:
    """A group, loop, `if` or `case` that is open, or the script itself."""

    __slots__ = ("inherited", "kind", "mark", "outs", "readers", "text")

    def __init__(self, kind: str, mark: int, inherited: list[Command], text: str | None) -> None:
        self.kind = kind
        self.mark = mark
        self.inherited = inherited
        """Commands whose output comes into it."""
        self.text = text
        """What is known to come into it."""
        self.readers: list[Command] = []
        """Its commands that read its standard input."""
        self.outs: list[Command] = []
        """Its commands that write to its standard output."""


class Structure:
    """The commands found so far and the groups that are open."""

    def __init__(self, undoing: Undoing) -> None:
        self.undoing = undoing
        self.found: list[Command] = []
        self.frames: list[Frame] = [Frame("", 0, [], None)]
        self.pipe: list[Command] = []
        """Commands before the next one in its pipe."""
        self.text: str | None = None
        """What is known to come to the next command from the pipe."""
        self.streams = Streams()
        self.closed: Frame | None = None
        """A group that has just been closed: redirections that follow are its own."""
        self.last: Command | None = None
        """The command that was just added."""
        self.descriptors: dict[str, str] = {}
        self.default_out = ""
        self.full = False

    def add(self, words: list[str], raw: str) -> Command:
        """A simple command, with the redirections that were taken since the last one."""
        frame = self.frames[-1]
        streams = self.streams
        piped = self.pipe
        command = Command(words, raw)
        if streams.reads:
            command.reads = streams.reads
        elif streams.text is not None:
            command.text = self.undoing.within(streams.text)
        elif streams.from_commands:
            command.piped = streams.from_commands
        else:
            if piped:
                command.piped = piped[-MOST_PIPED:]
            command.text = self.text
            if self.pipe is frame.inherited and frame.kind:
                frame.readers.append(command)
        if streams.writes:
            command.writes = streams.writes
        elif self.default_out and not streams.redirected:
            command.writes = [self.default_out]
        for receiving in streams.to_commands:
            if not receiving.piped:
                receiving.piped = [command]
        if words[0] == "exec":
            self._opened(words, streams)
        self.found.append(command)
        self.last = command
        self.full = len(self.found) >= MOST_COMMANDS
        return command

    def _opened(self, words: list[str], streams: Streams) -> None:
        """`exec` with redirections alone: they hold from here on."""
        if len(words) > 1:
            return
        for text in streams.written_as:
            found = re.fullmatch(r"(\d*)(<>|>>|>|<|<&|>&|&>>?) ?(.+)", text, re.DOTALL)
            if found is None:
                continue
            descriptor, operator, file = found.groups()
            if operator in {"<&", ">&"}:
                file = self.descriptors.get(file.rstrip("-"), "")
            if descriptor in {"", "1"} and operator in {">", ">>", "&>", "&>>", ">&"}:
                self.default_out = file if file != "/dev/null" else ""
            elif file and len(self.descriptors) < 64:
                self.descriptors[descriptor or "0"] = file

    def open(self, kind: str) -> None:
        """A group begins."""
        if self.closed is not None:
            self.end(piping=False)
        if len(self.frames) >= DEEPEST:
            return
        text = self.text if kind != "loop" or (self.text or "").strip("\n").count("\n") == 0 else None
        frame = Frame(kind, len(self.found), self.pipe, text)
        self.text = text
        self.frames.append(frame)

    def within(self, kind: str) -> bool:
        """Whether the innermost group is of this kind."""
        return self.frames[-1].kind == kind

    def close(self, kind: str) -> None:
        """A group ends; one that was never opened is none."""
        for depth in range(len(self.frames) - 1, 0, -1):
            if self.frames[depth].kind == kind:
                break
        else:
            return
        while len(self.frames) > depth + 1:
            self._leave()
        self._leave()

    def _leave(self) -> None:
        frame = self.frames.pop()
        outer = self.frames[-1]
        self.pipe, self.text = frame.inherited, None
        if self.closed is not None:
            outer.outs = _some(outer.outs, self.closed.outs)
        self.closed = frame
        self.streams = Streams()

    def end(self, *, piping: bool) -> None:
        """A command or group ends, and what follows is the next of its pipe, or not."""
        frame = self.frames[-1]
        streams = self.streams
        if self.closed is not None:
            members = self.found[max(self.closed.mark, len(self.found) - MOST_PIPED) :]
            outs = self._applied(self.closed, streams)
            self.closed = None
        elif self.last is not None:
            members = [self.last]
            outs = [] if streams.redirected else members
        else:
            members, outs = [], []
        self.last = None
        self.streams = Streams()
        if piping:
            self.pipe = (self.pipe + members)[-MOST_PIPED:]
            self.text = self._output(outs)[0]
        else:
            if outs:
                frame.outs = _some(frame.outs, outs)
            self.pipe, self.text = frame.inherited, frame.text

    def _applied(self, group: Frame, streams: Streams) -> list[Command]:
        """Give the redirections of a group to its commands; those that still write to its output."""
        if streams.reads or streams.text is not None or streams.from_commands:
            for command in group.readers:
                if command.reads or command.piped or command.text is not None:
                    continue
                command.reads = streams.reads
                command.piped = streams.from_commands
                command.text = streams.text
        if streams.writes:
            for command in group.outs:
                command.writes = [*command.writes, *streams.writes]
        return [] if streams.redirected else group.outs

    def beside(self, direction: str, mark: int, *, into: str) -> None:
        """Commands of `<(...)` or `>(...)`, listed since `mark`, belong to the command that is being read."""
        commands = self.found[mark:][-MOST_PIPED:]
        if direction == "<":
            if into.endswith("<"):
                self.streams.from_commands = commands
        else:
            self.streams.to_commands += commands[:MOST_PIPED]

    def close_all(self) -> None:
        """The script ends: so does all that is open in it."""
        while len(self.frames) > 1:
            self._leave()
            self.end(piping=False)

    def written(self, command: Command) -> str | None:
        """What a command writes, when that can be told."""
        return written(command, self.undoing)

    def output(self) -> str | None:
        """What the script writes to its standard output, when all of it can be told."""
        text, whole = self._output(self.frames[0].outs)
        return (text or "") if whole else None

    def _output(self, commands: list[Command]) -> tuple[str | None, bool]:
        """What these commands write, as far as it can be told, and whether that is all."""
        texts: list[str] = []
        whole = len(commands) < _MOST_OUTS
        for command in commands:
            if command.words[0] in SILENT:
                continue
            text = written(command, self.undoing)
            if text is None:
                whole = False
            else:
                texts.append(text)
        return ("".join(texts) if texts else None), whole


_MOST_OUTS: Final = 64


def _some(before: list[Command], more: list[Command]) -> list[Command]:
    return [*before, *more] if before and len(before) < _MOST_OUTS else before or more
