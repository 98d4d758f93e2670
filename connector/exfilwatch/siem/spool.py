"""What a spool is to the poller: lines that were written since it last looked. It has no clock to be asked by.

The poller keeps a LineDecoder (events/lines.py) for each `decoder_key`, and in one transaction stores what it found,
the spool's position, and each decoder's state. Killed at any time, it begins again from what it stored last:

    for portion in spool.portions(position, report):
        decoder = decoders[portion.decoder_key]        # LineDecoder(portion.source, report, its stored state)
        decoder.source = portion.source
        events = every line to decoder.feed, with its number
        events += decoder.finish() if portion.last else decoder.waiting() if portion.quiet else []
        store the findings, portion.position, and decoder.state(); a state that is empty, or of a `last`, is deleted
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

from exfilwatch.events.report import Report
from exfilwatch.siem.connection import Source


class Portion(NamedTuple):
    """Lines of one file. There may be none, when only the position or what is said after the lines matters.

    `source`: the file's name, as an event's Origin has it. `decoder_key`: which log it is; a log that is rotated stays
    one, whatever its files are called. `first`: the 1-based number of the first line. `position`: where the whole
    spool is after these lines and all given before them, so that several portions may be stored as one.
    Without a `decoder_key`, only the position is new. `last`: the log ends here for good. `quiet`: nothing was written
    for some seconds, so that what waits for further lines may be looked at as it is.
    """

    source: str
    decoder_key: str
    first: int
    lines: Sequence[bytes]
    position: bytes
    last: bool = False
    quiet: bool = False


@runtime_checkable
class Spool(Protocol):
    """Files or whatever else only grows, as configured under `name`."""

    kind: ClassVar[str]
    Settings: ClassVar[type[Source]]
    name: str
    settings: Source

    def portions(self, position: bytes | None, report: Report) -> Iterator[Portion]:
        """What is new since `position` (None: everything), some 4 MB at a time; ends when nothing more can be read now.

        What can't be read is reported, costs only itself, and is tried again at the next call.
        """
        ...

    def tails(self, report: Report) -> Iterator[Portion]:
        """The last lines of what is newest: some, as they are now, whatever was read before. For a look at it."""
        ...
