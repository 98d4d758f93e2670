"""How commands of a POSIX shell stand together: pipes, groups, loops, and what they are redirected from and to.

Sources: POSIX Shell Command Language, section 2.9 Shell Commands.
"""

from collections.abc import Sequence
from typing import Final

from exfilwatch.commands.command import Command, Undoing
from exfilwatch.commands.shells.posix_output import SILENT, written
from exfilwatch.commands.shells.posix_streams import MOST_PIPED, Streams

MOST_COMMANDS: Final = 2048
"""Commands that are listed of one script."""
DEEPEST: Final = 32
"""Groups within each other; what is within more of them stands in the outermost ones."""


class Frame:
    """A group, loop, `if` or `case` that is open, or the script itself."""

    __slots__ = ("begin", "inherited", "kind", "mark", "name", "outs", "readers", "text", "values")

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
        self.name = ""
        """The function that it is the body of, or the variable that a loop goes through."""
        self.values: list[str] = []
        """The values that a loop's variable takes, where they are known."""
        self.begin = 0
        """Where the text of its body begins."""


class Structure:
    """The commands found so far and the groups that are open."""

    __slots__ = (
        "closed",
        "coprocess",
        "default_out",
        "descriptors",
        "fifos",
        "found",
        "frames",
        "full",
        "last",
        "otherwise",
        "pipe",
        "streams",
        "text",
        "undoing",
    )

    def __init__(self, undoing: Undoing, outer: "Structure | None" = None) -> None:
        self.undoing = undoing
        self.found: list[Command] = []
        self.frames: list[Frame] = [Frame("", 0, [], None)]
        self.pipe: list[Command] = []
        """Commands before the next one in its pipe."""
        self.text: str | None = None
        """What is known to come to the next command from the pipe."""
        self.streams: Streams | None = None
        """The redirections since the last command."""
        self.closed: Frame | None = None
        """A group that has just been closed: redirections that follow are its own."""
        self.last: Command | None = None
        """The command that was just added."""
        self.descriptors: dict[str, str] = dict(outer.descriptors) if outer is not None and outer.descriptors else {}
        self.fifos: set[str] = set()
        """The files that are named pipes."""
        self.coprocess: Command | None = None
        """The command of bash's `coproc`: what is written to its descriptor comes to it."""
        self.default_out = ""
        """The file that `exec` sent the standard output of all that follows to."""
        self.otherwise = False
        """What comes next stands after `||`."""
        self.full = False

    def redirect(self, descriptor: str, operator: str, target: str) -> None:
        """Take a redirection of the command or group that is being read."""
        if self.streams is None:
            self.streams = Streams()
        self.streams.redirect(descriptor, operator, target, self.descriptors)

    def here(self, text: str) -> None:
        """Take a here-document of the command or group that is being read."""
        if self.streams is None:
            self.streams = Streams()
        self.streams.text = text

    def redirections(self) -> list[str]:
        """The redirections that were taken since the last command, as text."""
        if self.streams is None:
            return []
        return [f"{number}{operator} {file}" for number, operator, file in self.streams.written_as]

    def add(self, words: list[str], raw: str) -> Command:
        """A simple command, with the redirections that were taken since the last one."""
        command = Command(words, raw)
        streams = self.streams
        if streams is None or not (streams.reads or streams.from_commands or streams.text is not None):
            frame = self.frames[-1]
            if self.pipe:
                command.piped = self.pipe[:]
            command.text = self.text
            if frame.kind and self.pipe is frame.inherited and len(frame.readers) < MOST_COMMANDS:
                frame.readers.append(command)
        elif streams.text is not None:
            command.text = self.undoing.within(streams.text)
        else:
            command.reads, command.piped = streams.reads, streams.from_commands
        if streams is not None:
            self._redirected(command, streams)
        elif self.default_out:
            command.writes = [self.default_out]
        self.found.append(command)
        self.last = command
        self.full = len(self.found) >= MOST_COMMANDS
        return command

    def take(self, commands: Sequence[Command]) -> None:
        """Commands of a script within this one."""
        self.found += commands
        self.full = len(self.found) >= MOST_COMMANDS

    def _redirected(self, command: Command, streams: Streams) -> None:
        command.writes = streams.writes
        if self.default_out and not streams.redirected:
            command.writes = [*streams.writes, self.default_out]
        for receiving in streams.to_commands:
            if not receiving.piped:
                receiving.piped = [command]
        if command.words == ["exec"]:
            self._opened(streams)
        if self.coprocess is not None and any(target == "${COPROC[1]}" for _, _, target in streams.written_as):
            self.coprocess.piped = [*self.coprocess.piped, command][:MOST_PIPED]

    def _opened(self, streams: Streams) -> None:
        """`exec` with redirections alone: they hold from here on."""
        for descriptor, operator, target in streams.written_as:
            file = self.descriptors.get(target.rstrip("-"), "") if operator in {"<&", ">&"} else target
            if descriptor in {"", "1"} and operator[-1] != "<" and operator != "<>":
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

    def enter(self, command: Command) -> None:
        """This is the body of a function that a command calls: it gets what the command is given."""
        self.frames[0].inherited = self.pipe = command.piped
        self.frames[0].text = self.text = command.text

    def close(self, kind: str) -> Frame | None:
        """A group ends; one that was never opened is none."""
        for depth in range(len(self.frames) - 1, 0, -1):
            if self.frames[depth].kind == kind:
                break
        else:
            return None
        while len(self.frames) > depth + 1:
            self._leave()
        self._leave()
        return self.closed

    def _leave(self) -> None:
        frame = self.frames.pop()
        outer = self.frames[-1]
        self.pipe, self.text = frame.inherited, None
        if self.closed is not None:
            _some(outer.outs, self.closed.outs)
        self.closed = frame
        self.streams = None

    def end(self, *, piping: bool) -> None:
        """A command or group ends, and what follows is the next of its pipe, or not."""
        frame = self.frames[-1]
        streams, self.streams = self.streams, None
        last, self.last = self.last, None
        if self.closed is not None:
            group, self.closed = self.closed, None
            members = self.found[max(group.mark, len(self.found) - MOST_PIPED) :]
            outs = self._applied(group, streams) if streams is not None else group.outs
        elif last is not None:
            members = [last]
            outs = members if streams is None or not streams.redirected else []
        else:
            members = outs = []
        if self.otherwise and not piping and frame.outs and frame.outs[-1].words != ["false"]:
            # What stands after `||` runs only where what can be told here did not work.
            outs = []
        if piping:
            self.pipe = (self.pipe + members)[-MOST_PIPED:]
            self.text = self._output(outs)[0]
            if self.text is not None and "\\n" in self.text and outs[-1].words[0] == "echo":
                # Other shells than bash do this without being asked to.
                self.text = self.text.replace("\\r\\n", "\r\n").replace("\\n", "\n")
        else:
            _some(frame.outs, outs)
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

    def beside(self, direction: str, commands: list[Command], text: str | None, *, into: str) -> None:
        """Commands of `<(...)` or `>(...)` belong to the command that is being read. `text` is what they write."""
        if self.streams is None:
            self.streams = Streams()
        if direction == ">":
            self.streams.to_commands += commands[:MOST_PIPED]
        elif into.endswith("<"):
            self.streams.from_commands = commands[-MOST_PIPED:]
            self.streams.text = text

    def close_all(self) -> None:
        """The script ends: so does all that is open in it."""
        while len(self.frames) > 1:
            self._leave()
            self.end(piping=False)
        if self.fifos:
            writers = [command for command in self.found if self.fifos.intersection(command.writes)][:MOST_PIPED]
            for command in self.found:
                if command.reads in self.fifos and not command.piped:
                    command.piped = [writer for writer in writers if command.reads in writer.writes]

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


def _some(commands: list[Command], more: list[Command]) -> None:
    """Add to the commands of a group that are kept."""
    if len(commands) < _MOST_OUTS:
        commands += more[:_MOST_OUTS]
