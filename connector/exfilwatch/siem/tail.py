"""The last lines of files, for a look at what is in them that reads little and remembers nothing."""

import codecs
from collections.abc import Iterable, Iterator

from exfilwatch.events.event import Origin
from exfilwatch.events.limits import InputError, Limits
from exfilwatch.events.report import Report
from exfilwatch.siem.contents import HEAD, Content, unfollowable
from exfilwatch.siem.found import Seen, by_age, found, shown, unreadable
from exfilwatch.siem.spool import Portion

_TAIL = 512 << 10  # bytes
_FILES = 20  # the newest


def tails(paths: Iterable[str], limits: Limits, report: Report) -> Iterator[Portion]:
    """The last lines of the newest files, after the lines that head them (Zeek's begin with #)."""
    newest = sorted(found(paths, report).files.values(), key=by_age, reverse=True)
    for seen in newest[:_FILES]:
        try:
            yield from _tail(seen, limits, report)
        except OSError as error:
            report.unreadable(Origin(shown(seen.path)), *unreadable(error))
        except InputError as error:
            report.unreadable(Origin(shown(seen.path)), error.why, error.detail)


def _tail(seen: Seen, limits: Limits, report: Report) -> Iterator[Portion]:
    with Content(seen, limits) as content:
        head = content.read(HEAD)
        if what := head and unfollowable(head):
            why = f"is {what}, which is not followed: read it once with `exfilwatch run {shown(seen.path)}`"
            report.unreadable(Origin(shown(seen.path)), why)
            return
        text = head
        if content.packed:  # its end can't be had without all that is before it
            text += content.read(_TAIL)
        elif seen.size > len(head) + _TAIL:
            content.seek(seen.size - _TAIL)
            text = content.read(_TAIL).partition(b"\n")[2]
        else:
            text += content.read(_TAIL)
    lines = text.removeprefix(codecs.BOM_UTF8).removesuffix(b"\n").split(b"\n")
    heading = [] if text.startswith(head) else [line for line in head.split(b"\n") if line.startswith(b"#")]
    yield Portion(shown(seen.path), "", 0, [*heading, *lines], b"")
