"""Redirections of a POSIX shell: where a command gets its input and puts its output beside its pipe.

Sources: POSIX Shell Command Language, section 2.7 Redirection; Bash reference manual, section 3.6.
"""

import re
from typing import Final

from exfilwatch.commands.command import Command

MOST_PIPED: Final = 24
"""Commands before one in its pipe, and files that it writes, that are kept."""

_SOCKET: Final = re.compile(r"/dev/(?:tcp|udp)/")


class Streams:
    """Where one command, or a group, gets its input and puts its output, beside its pipe."""

    __slots__ = ("from_commands", "reads", "redirected", "text", "to_commands", "writes", "written_as")

    def __init__(self) -> None:
        self.reads = ""
        self.text: str | None = None
        self.writes: list[str] = []
        self.redirected = False
        """Its standard output goes elsewhere than a pipe."""
        self.written_as: list[tuple[str, str, str]] = []
        """The redirections: descriptor, operator, file."""
        self.from_commands: list[Command] = []
        """Commands of `< <(...)`."""
        self.to_commands: list[Command] = []
        """Commands of `>(...)`."""

    def redirect(self, descriptor: str, operator: str, target: str, descriptors: dict[str, str]) -> None:
        """Take a redirection. `descriptors` are the files that `exec` opened, by number."""
        self.written_as.append((descriptor, operator, target))
        if operator == "<<<":
            self.text = target + "\n"
            return
        file = target
        number = target.rstrip("-")
        if number.startswith("${"):
            number = "$" + number[2:].rstrip("}")
        if operator in {"<&", ">&"} and (not number or number.isdigit() or number in descriptors):
            # The file of another descriptor; its own output is the only one of this command that is looked up.
            file = descriptors.get(number, "")
            if number == "1" and descriptor == "0" and self.writes:
                file = self.writes[0]
            if not file:
                return
        process = file.startswith(("<(", ">("))
        reading = operator in {"<", "<&"} or descriptor == "0"
        if reading or (operator == "<>" and descriptor != "1"):
            self.reads = "" if process else file
        if reading or (operator == "<>" and descriptor != "1"):
            return
        if descriptor in {"", "1"}:
            self.redirected = True
        elif descriptor == "2" and not _SOCKET.match(file):
            # What a command complains of is not what it writes.
            return
        if file != "/dev/null" and not process and file not in self.writes and len(self.writes) < MOST_PIPED:
            self.writes.append(file)
