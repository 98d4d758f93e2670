"""Which program a process id stood for, so that a child's event can name its parent: Linux logs only the number."""

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

_LONGEST = 32 << 10
_LARGEST = 8 << 20


class Program(msgspec.Struct, frozen=True):
    """What a process last executed; `argv` is empty when only its image is known."""

    exe: str
    argv: list[str] = []


class Known(msgspec.Struct, frozen=True, array_like=True):
    """A process, and what it runs."""

    host: str
    pid: str
    program: Program


class Lineage:
    """The programs of the `most` processes that were seen last, by host and process id; fewer when their texts are
    long, so that what is remembered can be stored. `known`: what an earlier one remembered.
    """

    def __init__(self, most: int = 10_000, known: Iterable[Known] = ()) -> None:
        self._most = most
        self._programs: OrderedDict[tuple[str, str], Program] = OrderedDict()
        self._size = 0
        for each in known:
            self._put((each.host, each.pid), each.program)

    def known(self) -> list[Known]:
        """All that is remembered, the oldest first."""
        return [Known(host, pid, program) for (host, pid), program in self._programs.items()]

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
        before = self._programs.pop(key, None)
        if before is not None:
            self._size -= _size(key, before)
        self._programs[key] = program
        self._size += _size(key, program)
        while len(self._programs) > self._most or self._size > _LARGEST:
            self._size -= _size(*self._programs.popitem(last=False))


def _size(key: tuple[str, str], program: Program) -> int:
    """Characters."""
    return len(key[0]) + len(key[1]) + len(program.exe) + sum(map(len, program.argv))


def _shortened(argv: list[str]) -> list[str]:
    left = _LONGEST
    for position, argument in enumerate(argv):
        left -= len(argument)
        if left < 0:
            return argv[:position]
    return argv
