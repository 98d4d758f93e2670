"""Which program a process id stood for, so that a child's event can name its parent: Linux logs only the number."""

from collections import OrderedDict

import msgspec

_LONGEST = 32 << 10


class Program(msgspec.Struct, frozen=True):
    """What a process last executed; `argv` is empty when only its image is known."""

    exe: str
    argv: list[str] = []


class Lineage:
    """The programs of the `size` processes that were seen last, by host and process id."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._programs: OrderedDict[tuple[str, str], Program] = OrderedDict()

    def executed(self, host: str, pid: str, exe: str, argv: list[str]) -> None:
        """A process replaced its program; of very many arguments the first are kept."""
        self._put((host, pid), Program(exe, _shortened(argv)))

    def forked(self, host: str, pid: str, child: str) -> None:
        """A process made another, which runs the same program."""
        program = self._programs.get((host, pid))
        if program:
            self._put((host, child), program)

    def seen(self, host: str, pid: str, exe: str) -> Program:
        """A process was seen to run `exe`: its program. An id that was given to a new process is noticed so."""
        program = self._programs.get((host, pid))
        if program is None or program.exe != exe:
            program = Program(exe)
            self._put((host, pid), program)
        return program

    def of(self, host: str, pid: str) -> Program | None:
        """The program of a process; None when it was not seen."""
        return self._programs.get((host, pid))

    def _put(self, key: tuple[str, str], program: Program) -> None:
        self._programs[key] = program
        self._programs.move_to_end(key)
        if len(self._programs) > self._size:
            self._programs.popitem(last=False)


def _shortened(argv: list[str]) -> list[str]:
    left = _LONGEST
    for position, argument in enumerate(argv):
        left -= len(argument)
        if left < 0:
            return argv[:position]
    return argv
