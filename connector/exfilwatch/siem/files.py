"""Files that grow: logs that are followed by what was read of them, through rotation, copies and packing.

A spool, not a SIEM. Nothing is kept between two calls but the position: where each file was read to.
"""

import codecs
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Annotated, ClassVar

import msgspec
from pydantic import AfterValidator, Field

from exfilwatch.events.event import Origin
from exfilwatch.events.limits import MIB, InputError, Limits
from exfilwatch.events.report import Report
from exfilwatch.siem.connection import Source, Texts
from exfilwatch.siem.contents import HEAD, Content, unfollowable
from exfilwatch.siem.followed import MARK, Book, Followed, Marks, is_copy
from exfilwatch.siem.found import Seen, by_age, found, shown, unreadable
from exfilwatch.siem.recognise import Recognition
from exfilwatch.siem.spool import Portion
from exfilwatch.siem.tail import tails

_LIMITS = Limits(max_line=16 * MIB)
_PORTION = 4 * MIB
_QUIET = 3.0  # seconds without a line, after which what waits is looked at
_COMPLETE = 60.0  # seconds without a byte, after which a last line is complete without its end
_OVER = 7 * 86_400.0  # seconds without a byte, after which a log is over


def _absolute(paths: tuple[str, ...]) -> tuple[str, ...]:
    if not all(path.startswith("/") for path in paths):
        raise ValueError("give each path in full, beginning with /")
    return paths


class FilesSettings(Source):
    """`paths`: files, folders with all that is below them, and patterns (`*`, `?`, `[...]`, `**` for any folders)."""

    paths: Annotated[Texts, Field(min_length=1), AfterValidator(_absolute)]


class Files:
    """Followed files. `now`: the time in seconds since 1970, by the clock that files' times are by."""

    kind: ClassVar[str] = "files"
    Settings: ClassVar[type[FilesSettings]] = FilesSettings

    def __init__(
        self, name: str, settings: FilesSettings, limits: Limits = _LIMITS, now: Callable[[], float] = time.time
    ) -> None:
        self.name = name
        self.settings = settings
        self._limits = limits
        self._now = now

    def portions(self, position: bytes | None, report: Report) -> Iterator[Portion]:
        """See Spool. The files of one log come one after the other, the oldest first."""
        yield from _Look(self._book(position, report), self.settings.paths, self._limits, self._now, report).portions()

    def tails(self, report: Report) -> Iterator[Portion]:
        """See Spool."""
        return tails(self.settings.paths, self._limits, report)

    def _book(self, position: bytes | None, report: Report) -> Book:
        try:
            return Book(position)
        except msgspec.DecodeError as error:
            why = "the stored position can't be read: all files are read again, and what was found is found again"
            report.problem(Origin(self.name), why, str(error))
            return Book(None)


class _Look:
    """One look at all files."""

    def __init__(
        self, book: Book, paths: tuple[str, ...], limits: Limits, now: Callable[[], float], report: Report
    ) -> None:
        self._book = book
        self._limits = limits
        self._report = report
        self._clock = now
        self._logs_before = book.logs()
        self._given = book.position()
        there = found(paths, report)
        self._listed = there.files
        self._now = Recognition(book, there, limits, report).now

    def portions(self) -> Iterator[Portion]:
        def age(followed: Followed) -> tuple[bytes, bool, tuple[int, int], bytes]:
            return followed.log, followed.path == followed.log, by_age(self._now[followed.path]), followed.path

        readable = sorted((self._book.files[path] for path in self._now), key=age)
        logs = [(log, list(files)) for log, files in itertools.groupby(readable, lambda followed: followed.log)]
        over_before = {log for log, files in logs if all(followed.ended for followed in files)}
        for _, files in logs:
            for followed in files:
                yield from self._file(followed, self._now[followed.path], newest=followed is files[-1])
        remarks = list(self._remarks(logs, over_before))
        position = self._book.position()
        # After a crash they are made again, which does no harm: the position need not be put together for each.
        for remark in remarks[:-1]:
            yield remark._replace(position=self._given)
        if remarks:
            yield remarks[-1]._replace(position=position)
        elif position != self._given:
            yield Portion("", "", 1, (), position)

    def _remarks(self, logs: list[tuple[bytes, list[Followed]]], over_before: set[bytes]) -> Iterator[Portion]:
        """What is to be said of logs after their lines."""
        for log, files in logs:
            for followed in files:
                self._forget(followed, files[-1])
            name = shown(files[-1].path)
            if all(followed.ended for followed in self._book.of_log(log)):
                if log not in over_before:
                    yield Portion(name, _key(log), 1, (), b"", last=True)
            elif self._is_quiet(files):
                yield Portion(name, _key(log), 1, (), b"", quiet=True)
        for log in sorted(self._logs_before - self._book.logs()):
            yield Portion(shown(log), _key(log), 1, (), b"", last=True)

    def _is_quiet(self, files: list[Followed]) -> bool:
        """Whether to say that nothing was written to any of a log's files for some seconds, which is noted."""
        stirred = [followed for followed in files if not followed.quiet]
        if not stirred or any(self._idle(followed) <= _QUIET for followed in files):
            return False
        for followed in stirred:
            followed.quiet = True
            self._put(followed)
        return any(followed.lines for followed in stirred)

    def _file(self, followed: Followed, seen: Seen, *, newest: bool) -> Iterator[Portion]:
        age = self._age(seen)
        complete = age > _COMPLETE or (not newest and age > _QUIET)
        at_rest = followed.is_as_before(seen) and not (followed.unfinished and complete)
        if at_rest or followed.copy or followed.refused:
            followed.ended = followed.ended or age > _OVER
            self._put(followed)
            return
        try:
            with Content(seen, self._limits) as content:
                if followed.offset or self._is_followable(followed, seen, content, complete=complete):
                    yield from self._lines(followed, seen, content, complete=complete)
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                self._report.unreadable(Origin(shown(seen.path)), *unreadable(error))
        except InputError as error:
            self._report.unreadable(Origin(shown(seen.path), followed.lines), error.why, error.detail)
            followed.ended = True
            followed.unchanged_since(seen)
        self._put(followed)

    def _is_followable(self, followed: Followed, seen: Seen, content: Content, *, complete: bool) -> bool:
        head = content.read(HEAD)
        content.seek(0)
        if self._has_original(followed, seen, head):
            followed.copy = followed.quiet = followed.ended = True
            followed.unchanged_since(seen)
            return False
        what = unfollowable(head) if head else ""
        if what is None and not complete and len(head) < HEAD:
            followed.unfinished = True
            followed.unchanged_since(seen)
            return False
        if what:
            why = f"is {what}, which is not followed: read it once with `exfilwatch run {shown(seen.path)}`"
            self._report.unreadable(Origin(shown(seen.path)), why)
            followed.refused = followed.quiet = followed.ended = True
            followed.unchanged_since(seen)
        return not what

    def _has_original(self, followed: Followed, seen: Seen, head: bytes) -> bool:
        """Whether all of a new file is in another, of which something was read."""
        return any(
            like is not followed and like.path in self._now and is_copy(seen, self._now[like.path], self._limits)
            for like in self._book.begin_like(head[:MARK])
        )

    def _lines(self, followed: Followed, seen: Seen, content: Content, *, complete: bool) -> Iterator[Portion]:
        marks = Marks.of(content, followed.offset)
        if not marks.are_of(followed):
            return  # replaced since it was recognised: the next look sees that
        data = b""
        while more := content.read(_PORTION):
            data = self._after_long_line(followed, marks, data + more)
            end = data.rfind(b"\n") + 1
            if end:
                whole, data = data[:end], data[end:]
                yield self._read(followed, marks, whole, seen if content.ended(followed.offset + end) else None)
            if len(data) > self._limits.max_line:
                followed.long = len(data)
                self._consume(followed, marks, data)
                data = b""
        done = complete or (content.packed and not content.cut)
        if done and content.cut:
            self._report.unreadable(
                Origin(shown(seen.path), followed.lines), "the gzip file is truncated; what is there was read"
            )
        if done and followed.long:
            self._too_long(followed)
        if done and data:
            yield self._read(followed, marks, data, seen)
        followed.unfinished = not done and (content.cut or bool(data) or bool(followed.long))
        followed.ended = (content.packed and done) or self._age(seen) > _OVER
        followed.unchanged_since(seen)

    def _read(self, followed: Followed, marks: Marks, data: bytes, all_of: Seen | None) -> Portion:
        """The portion of these lines; `all_of`: with them, all of the file as it was seen."""
        first = followed.lines + 1
        text = data.removeprefix(codecs.BOM_UTF8) if followed.offset == 0 else data
        lines = text.removesuffix(b"\n").split(b"\n")
        followed.lines += len(lines)
        followed.quiet = followed.ended = False
        if all_of is not None:
            followed.unchanged_since(all_of)
        self._consume(followed, marks, data)
        self._given = self._book.position()
        return Portion(shown(followed.path), _key(followed.log), first, lines, self._given)

    def _after_long_line(self, followed: Followed, marks: Marks, data: bytes) -> bytes:
        """What is left of `data` after the rest of a line that is too long."""
        if not followed.long:
            return data
        end = data.find(b"\n") + 1
        rest = data[: end or len(data)]
        followed.long += len(rest)
        if end:
            self._too_long(followed)
        self._consume(followed, marks, rest)
        return data[len(rest) :]

    def _too_long(self, followed: Followed) -> None:
        followed.lines += 1
        why = f"a line longer than {self._limits.max_line:,} bytes was skipped"
        self._report.unreadable(Origin(shown(followed.path), followed.lines), why, f"{followed.long:,} bytes")
        followed.long = 0

    def _consume(self, followed: Followed, marks: Marks, data: bytes) -> None:
        marks.add(data)
        followed.offset += len(data)
        marks.sign(followed)
        self._put(followed)

    def _forget(self, followed: Followed, newest: Followed) -> None:
        """A file that was followed by rotation only, read to its end, and has a successor."""
        if followed.path not in self._listed and newest is not followed and self._idle(followed) > _COMPLETE:
            self._book.drop(followed.path)

    def _idle(self, followed: Followed) -> float:
        """Seconds since the last write, when all of it has been read; else less than none."""
        seen = self._now[followed.path]
        return self._age(seen) if followed.is_as_before(seen) else -1.0

    def _age(self, seen: Seen) -> float:
        """Seconds since the last write."""
        return self._clock() - seen.changed / 1e9

    def _put(self, followed: Followed) -> None:
        if self._book.files.get(followed.path) is followed:
            self._book.put(followed)


def _key(log: bytes) -> str:
    return log.decode("utf-8", "backslashreplace")
