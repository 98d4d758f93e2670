"""Bounds on what reading may cost, so that hostile input can take neither the memory nor the day."""

from dataclasses import dataclass

from exfilwatch.errors import SourceError

MIB = 1 << 20


class InputError(SourceError):
    """One input, or the rest of it, can't be read; the others can. `why` is the kind, `detail` the variable part."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(f"{why} ({detail})" if detail else why)
        self.why = why
        self.detail = detail


@dataclass(frozen=True)
class Limits:
    """All sizes in bytes.

    `block`: what is read and handed on at once. `max_line`: a longer line or record is skipped, in bounded memory.
    `max_document`: the largest JSON document that has to be held whole (an answer of a search API, to unwrap its rows).
    An archive may unpack to `max_ratio` times its own size, or to `always_allowed` if that is more. Logs compress 10 to
    40 times; a deflate bomb up to 1,032 times.
    """

    block: int = 256 << 10
    max_line: int = 64 * MIB
    max_document: int = 256 * MIB
    max_ratio: int = 200
    always_allowed: int = 256 * MIB


class Expansion:
    """How far one file has been unpacked, over all its members and layers. `packed` is its own size."""

    def __init__(self, limits: Limits, packed: int = 0) -> None:
        self._limits = limits
        self._packed = packed
        self._unpacked = 0

    def grow(self, count: int) -> None:
        """Count packed bytes of an input whose size is not known beforehand."""
        self._packed += count

    def spend(self, count: int) -> None:
        """Count unpacked bytes; raises InputError when they are those of a bomb."""
        self._unpacked += count
        if self._unpacked > max(self._limits.always_allowed, self._limits.max_ratio * self._packed):
            raise InputError(
                f"unpacks to more than {self._limits.max_ratio} times its size, as zip bombs do, and was not read "
                "further: if it is genuine, unpack it and give the unpacked files"
            )
