"""Where the files that were followed are now: in place, renamed, copied and cut, packed, or gone."""

from exfilwatch.events.event import Origin
from exfilwatch.events.limits import InputError, Limits
from exfilwatch.events.report import Report
from exfilwatch.siem.followed import Book, Followed, Heads, holds
from exfilwatch.siem.found import Folders, Found, Seen, log_of, seen_at, shown, unreadable

_CUT = (
    "was cut off, or another file took its place, and is read from its beginning: what was written after the last look "
    "is lost unless a copy of it is followed"
)
_GONE = "is gone: what was written to it after the last look was not read"


class _Unknown(Exception):
    """Whether it is the file can't be told now."""


class Recognition:
    """Brings a book up to date with what was found. `now`: where each of its files is that can be read."""

    def __init__(self, book: Book, found: Found, limits: Limits, report: Report) -> None:
        self.now: dict[bytes, Seen] = {}
        self._book = book
        self._found = found
        self._limits = limits
        self._report = report
        self._by_inode = {(seen.device, seen.inode): seen for seen in found.files.values()}
        self._folders = Folders()
        self._logs = book.logs()
        self._taken: set[tuple[int, int]] = set()
        self._places: list[tuple[Followed, Seen]] = []
        files = list(book.files.values())
        # An inode is all there is of an empty file: what was read of others is looked for first.
        lost = [each for each in files if each.offset and not self._known(each)]
        gone = self._copied(lost) if lost else []
        gone += [each for each in files if not each.offset and not self._known(each)]
        for followed in gone:
            book.drop(followed.path)
        turned = self._turned(gone)
        for followed, _ in self._places:
            book.drop(followed.path)
        for followed, seen in self._places:
            followed.moved(seen)
            book.put(followed)
            self.now[seen.path] = seen
        between = self._between(turned)
        for seen in (between | found.files).values():
            self._new(seen)
        for followed in gone:
            if not (followed.log in turned and any(log_of(path) == followed.log for path in between)):
                self._gone(followed)

    def _known(self, followed: Followed) -> bool:
        """Whether it is where it was or has another name, or nothing can be said of it now."""
        try:
            return self._in_place(followed) or self._renamed(followed)
        except _Unknown:
            self._taken.add((followed.device, followed.inode))
            return True

    def _in_place(self, followed: Followed) -> bool:
        seen = self._found.files.get(followed.path)
        if seen is None:
            if self._found.is_blind(followed.path):
                raise _Unknown
            try:
                seen = seen_at(followed.path)
            except OSError as error:
                raise self._unreadable(followed.path, error) from error
            wanted = followed.path != followed.log or (followed.device, followed.inode) in self._by_inode
            if seen is not None and followed.is_at(seen) and not wanted:
                self._book.drop(followed.path)
                return True
        if seen is None or not followed.is_at(seen):
            return False
        if followed.copy and not followed.is_as_before(seen):
            self._book.drop(followed.path)
            return True
        return self._take(followed, seen)

    def _renamed(self, followed: Followed) -> bool:
        there = self._by_inode.get((followed.device, followed.inode))
        for seen in [there] if there else self._folders.beside(followed.path):
            if followed.is_at(seen) and (followed.offset or log_of(seen.path) == followed.log):
                return self._take(followed, seen)
        return False

    def _copied(self, lost: list[Followed]) -> list[Followed]:
        """Look for what was read of lost files at the beginning of others: copies, and .gz of them. Those not found."""
        beside = {seen.path: seen for followed in lost for seen in self._folders.beside(followed.path)}
        others = [
            seen
            for seen in (beside | self._found.files).values()
            if (seen.device, seen.inode) not in self._taken and seen.path not in self._found.blind
        ]
        heads = Heads(others, self._limits)
        gone = []
        for followed in lost:
            try:
                if not any(self._holds(followed, seen) for seen in heads.like(followed)):
                    gone.append(followed)
            except _Unknown:
                continue
        return gone

    def _turned(self, gone: list[Followed]) -> dict[bytes, int]:
        """Logs that may have been rotated since the last look, and when they were written to before that (ns)."""
        moved = [followed for followed, seen in self._places if self._has_turned(followed, seen)]
        return {
            followed.log: max(followed.changed, *(each.changed for each in self._book.of_log(followed.log)), 0)
            for followed in [*gone, *moved]
        }

    @staticmethod
    def _has_turned(followed: Followed, seen: Seen) -> bool:
        """An empty file that was written to and is empty again looks like one that was not, but for its time."""
        if not followed.offset and not followed.refused:
            return not followed.is_as_before(seen) or followed.path != seen.path
        return not followed.is_at(seen) or followed.path != seen.path

    def _between(self, turned: dict[bytes, int]) -> dict[bytes, Seen]:
        """Files of these logs that were begun and rotated away between two looks, though their names be not listed."""
        return {
            seen.path: seen
            for log, since in turned.items()
            for seen in self._folders.beside(log)
            if log_of(seen.path) == log != seen.path and seen.changed >= since
            if (seen.device, seen.inode) not in self._taken and seen.path not in self._book.files
        }

    def _gone(self, followed: Followed) -> None:
        there = self._found.files.get(followed.path)
        if followed.copy:
            return  # what it held is read where it was first found
        if there is not None and followed.is_at(there):
            self._report.problem(Origin(shown(followed.path), followed.lines), _CUT)
        elif not (followed.quiet or followed.ended or followed.refused):
            self._report.problem(Origin(shown(followed.path), followed.lines), _GONE)

    def _new(self, seen: Seen) -> None:
        if (seen.device, seen.inode) in self._taken or seen.path in self._book.files:
            return
        log = log_of(seen.path)
        if log not in self._found.files and log not in self._logs:
            log = seen.path
        self._book.put(Followed(seen.path, log, seen.device, seen.inode, changed=seen.changed))
        self.now[seen.path] = seen

    def _take(self, followed: Followed, seen: Seen) -> bool:
        """Note where it is, if the file of its inode is the one that was followed, and not a later one."""
        if (seen.device, seen.inode) in self._taken or (followed.refused and seen.size < followed.size):
            return False
        if followed.offset and not followed.is_as_before(seen):
            return self._holds(followed, seen)
        self._note(followed, seen)
        return True

    def _holds(self, followed: Followed, seen: Seen) -> bool:
        """Note where it is, if what was read of it is there."""
        if (seen.device, seen.inode) in self._taken:
            return False
        try:
            if not holds(seen, followed, self._limits):
                return False
        except OSError as error:
            raise self._unreadable(seen.path, error) from error
        except InputError as error:
            self._report.unreadable(Origin(shown(seen.path)), error.why, error.detail)
            return False
        self._note(followed, seen)
        return True

    def _note(self, followed: Followed, seen: Seen) -> None:
        self._places.append((followed, seen))
        if not followed.copy:
            self._taken.add((seen.device, seen.inode))

    def _unreadable(self, path: bytes, error: OSError) -> _Unknown:
        if not isinstance(error, FileNotFoundError):
            self._report.unreadable(Origin(shown(path)), *unreadable(error))
        return _Unknown()
