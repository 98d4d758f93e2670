"""The Linux audit log: the records of one event, joined by their serial number, as one document.

    {"node": "web1", "time": "1604994496.155", "syscall": "execve", "success": "yes", "user": "root" or "0",
     "exe", "comm", "cwd", "pid", "ppid",
     "argv": ["curl", "-F", "file=@x"],            the arguments of the program, of execve or as last executed
     "parent": {"exe": ..., "argv": [...]},        from earlier events of the same host
     "address": {"ip", "port", "path"},            where a socket call goes; "connected": "yes" when it got through
     "created": path, "deleted": path,             of a call that opens or unlinks
     "audit_record": {"type": ["SYSCALL", "EXECVE", ...], "a0": ..., "key": ..., "name": [...]}}     the records' fields

The field map is shapes/auditd.yml. In `audit_record`, `a0`, `a1`, ... are the arguments of EXECVE where there is one,
as Sigma's auditd rules expect; `syscall` has both its name and its number.
"""

import functools
import posixpath
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import msgspec

from exfilwatch.events.audit_record import Address, AuditRecord, address, arguments, title
from exfilwatch.events.event import Origin, Value
from exfilwatch.events.lineage import Lineage
from exfilwatch.packaged import packaged

Key: TypeAlias = tuple[str, str, str]
_LARGEST = 32 << 20
_MOST_RECORDS = 2000  # the longest argument list takes some 840
_OWN_ARGUMENTS = 128
_PATIENCE = 2  # seconds, by the records' own time: as long as auparse waits (eoe_timeout of auditd.conf(5))
_EXEC = ("execve", "execveat")
_FORK = ("fork", "vfork", "clone", "clone3")
_OPEN = ("open", "openat", "openat2", "creat")
_UNLINK = ("unlink", "unlinkat")
_SOCKETCALL = {"3": "connect", "b": "sendto", "10": "sendmsg"}  # SYS_* of linux/net.h, a0 in hexadecimal
_IN_PROGRESS = "-115"  # EINPROGRESS: how every connect of a non-blocking socket ends
# Messages of programs: events of one record. The kernel's own records belong to a system call.
_SINGLE = (
    "USER_",
    "CRED_",
    "DAEMON_",
    "SERVICE_",
    "SYSTEM_",
    "ACCT_",
    "ADD_",
    "DEL_",
    "GRP_",
    "CRYPTO_",
    "VIRT_",
    "USER",
)


class Joined(NamedTuple):
    """An event's document; `raw` is what its identity is made of, the same however its records were spread."""

    document: dict[str, Value]
    origin: Origin
    raw: bytes


class OpenEvent(msgspec.Struct, frozen=True, array_like=True):
    """An event that waits for more records: those that came, each with its size."""

    key: Key
    origin: Origin
    records: list[tuple[AuditRecord, int]]


class Auditd:
    """Joins records that may come interleaved and out of order; events that stay incomplete are given out too.

    An event ends with its last record, as far as that can be told; else when one of the same host begins that is some
    seconds younger, so that where it ends depends on the log alone. `open_events`: those that waited in an earlier run.
    """

    def __init__(self, lineage: Lineage, window: int = 500, open_events: Iterable[OpenEvent] = ()) -> None:
        self._lineage = lineage
        self._window = window
        self._open: OrderedDict[Key, _Group] = OrderedDict()
        self._size = 0
        self._began: tuple[str, int] | None = None
        for event in open_events:
            group = self._open[event.key] = _Group(event.origin)
            for record, size in event.records:
                group.add(record, size)
            self._size += group.size

    def feed(self, record: AuditRecord, host: str | None, origin: Origin, size: int) -> list[Joined]:
        """The events that `record` (of `size` bytes) completes; `host` is used when the record names no node."""
        key = (record.node or host or "", record.time, record.serial)
        if record.type == "EOE":
            return [self._close(key)] if key in self._open else []
        group = self._open.get(key)
        done: list[Joined] = []
        if group is None:
            done = self._aged(key)
            group = self._open[key] = _Group(origin)
        group.add(record, size)
        self._size += size
        if group.complete():
            done.append(self._close(key))
        while len(self._open) > self._window or (self._size > _LARGEST and self._open):
            done.append(self._close(next(iter(self._open))))
        return done

    def finish(self) -> list[Joined]:
        """What is still open."""
        return [self._close(key) for key in list(self._open)]

    def waiting(self) -> list[Joined]:
        """What is still open, as it is now; it stays open, and may come again with more records."""
        lineage = Lineage(known=self._lineage.known()) if self._open else self._lineage
        return [_joined(key, group, lineage) for key, group in self._open.items()]

    def open_events(self) -> list[OpenEvent]:
        """What is still open, to be stored."""
        return [OpenEvent(key, group.origin, list(group.sized())) for key, group in self._open.items()]

    def _aged(self, key: Key) -> list[Joined]:
        """The events of this host that are too old to wait for more, now that `key` begins."""
        began = key[0], _second(key)
        if began == self._began:
            return []
        self._began = began
        return [
            self._close(old) for old in list(self._open) if old[0] == key[0] and _second(old) < began[1] - _PATIENCE
        ]

    def _close(self, key: Key) -> Joined:
        group = self._open.pop(key)
        self._size -= group.size
        return _joined(key, group, self._lineage)


class _Group:
    """The records of one event so far."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.records: list[AuditRecord] = []
        self.syscall: AuditRecord | None = None
        self.argv: dict[tuple[int, int], bytes] = {}
        self._sizes: list[int] = []
        self._types: set[str] = set()
        self._paths = 0
        self._argc: int | None = None

    def add(self, record: AuditRecord, size: int) -> None:
        self.records.append(record)
        self._sizes.append(size)
        self._types.add(record.type)
        if record.type == "SYSCALL" and self.syscall is None:
            self.syscall = record
        elif record.type == "PATH":
            self._paths += 1
        elif record.type == "EXECVE":
            self.argv.update(record.argv)
            self._argc = _number(record.fields.get("argc")) or self._argc

    @property
    def size(self) -> int:
        return sum(self._sizes)

    def sized(self) -> Iterable[tuple[AuditRecord, int]]:
        return zip(self.records, self._sizes, strict=True)

    def complete(self) -> bool:
        """Whether all records are there: PROCTITLE comes last, and the others are counted or known from the call."""
        if len(self.records) >= _MOST_RECORDS:
            return True
        if self.syscall is None:
            return len(self.records) == 1 and self.records[0].type.startswith(_SINGLE)
        items = _number(self.syscall.fields.get("items")) or 0
        return (
            "PROCTITLE" in self._types
            and self._paths >= items
            and (items == 0 or "CWD" in self._types)
            and ("EXECVE" in self._types or not _executed(self.syscall))
            and ("SOCKADDR" in self._types or _syscall(self.syscall) != "connect")
            and self._has_arguments()
        )

    def _has_arguments(self) -> bool:
        if self._argc is None:
            return True
        if len({argument for argument, _ in self.argv}) < self._argc:
            return False
        whole: dict[str, int] = {}
        for (argument, _), data in self.argv.items():
            name = f"a{argument}_len"
            whole[name] = whole.get(name, 0) + len(data)
        lengths = [item for record in self.records if record.type == "EXECVE" for item in record.fields.items()]
        return all(whole.get(name, 0) >= (_number(text) or 0) for name, text in lengths if name.endswith("_len"))


def _second(key: Key) -> int:
    return int(key[1].partition(".")[0])


def _joined(key: Key, group: _Group, lineage: Lineage) -> Joined:
    node, time, serial = key
    document = _document(group, node, time, lineage)
    head = group.syscall or group.records[0]
    raw = f"{node}\n{time}:{serial}\n{head.type} {sorted(head.fields.items())}"
    return Joined(document, group.origin, raw.encode("utf-8", "surrogatepass"))


def _document(group: _Group, node: str, time: str, lineage: Lineage) -> dict[str, Value]:
    fields = group.syscall.fields if group.syscall else group.records[0].fields
    names = group.syscall.names if group.syscall else group.records[0].names
    syscall = _syscall(group.syscall) if group.syscall else ""
    pid, ppid, exe = fields.get("pid", ""), fields.get("ppid", ""), fields.get("exe", "")
    texts = _texts(group.records)
    argv = arguments(group.argv) or (title(texts["proctitle"]) if texts.get("proctitle") else [])
    if group.syscall and pid and exe:
        if _executed(group.syscall):
            lineage.executed(node, pid, exe, argv)
        else:
            argv = lineage.seen(node, pid, exe).argv or argv
        if syscall in _FORK and (_number(fields.get("exit")) or 0) > 0:
            lineage.forked(node, pid, fields["exit"])
    document: dict[str, Value] = {
        "node": node or None,
        "time": time,
        "syscall": syscall or None,
        "success": fields.get("success") or fields.get("res"),
        "user": names.get("UID") or fields.get("uid"),
        "exe": exe,
        "comm": fields.get("comm"),
        "cwd": texts.get("cwd"),
        "pid": pid,
        "ppid": ppid,
        "argv": list[Value](argv) or None,
        "audit_record": _own(group, syscall),
    }
    parent = lineage.of(node, ppid) if ppid else None
    if parent:
        document["parent"] = {"exe": parent.exe, "argv": list[Value](parent.argv) or None}
    if fields.get("success") == "yes":
        document["created"] = _path(group.records, "CREATE", texts) if syscall in _OPEN else None
        document["deleted"] = _path(group.records, "DELETE", texts) if syscall in _UNLINK else None
    target = address(texts["saddr"]) if texts.get("saddr") else None
    if target:
        document["address"] = msgspec.to_builtins(target)
        document["connected"] = "yes" if _connected(fields, target) else "no"
    return document


def _connected(fields: dict[str, str], target: Address) -> bool:
    """Port 0 is what resolvers connect to, to learn which of their own addresses would be used: nothing is sent."""
    return (fields.get("success") == "yes" or fields.get("exit") == _IN_PROGRESS) and (target.port > 0 or not target.ip)


def _texts(records: list[AuditRecord]) -> dict[str, str]:
    """Fields that a record of its own carries."""
    wanted = {"CWD": "cwd", "PROCTITLE": "proctitle", "SOCKADDR": "saddr"}
    return {
        name: record.fields[name]
        for record in records
        if (name := wanted.get(record.type, "")) and name in record.fields
    }


def _path(records: list[AuditRecord], kind: str, texts: dict[str, str]) -> str | None:
    for record in records:
        if record.type == "PATH" and record.fields.get("nametype") == kind and record.fields.get("name"):
            return posixpath.normpath(posixpath.join(texts.get("cwd", ""), record.fields["name"]))
    return None


def _own(group: _Group, syscall: str) -> dict[str, Value]:
    """The fields of all records under their own names; a name with several values has them as a list."""
    own: dict[str, dict[str, None]] = {}
    for position, argument in enumerate(arguments(group.argv)[:_OWN_ARGUMENTS]):
        own[f"a{position}"] = {argument: None}
    if syscall:
        own["syscall"] = {syscall: None}
    hidden = {"a0", "a1", "a2", "a3"} if group.argv else set()
    for record in sorted(group.records, key=lambda record: record.type != "SYSCALL"):
        for name, text in [*record.fields.items(), *record.names.items()]:
            if name not in hidden:
                own.setdefault(name, {}).update(dict.fromkeys(_values(name, text)))
    joined: dict[str, Value] = {"type": list(dict.fromkeys(record.type for record in group.records))}
    for name, values in own.items():
        joined[name] = list(values) if len(values) > 1 else next(iter(values))
    return joined


def _values(name: str, text: str) -> list[str]:
    if name == "key":  # several keys stand in one field, with a byte 1 between them
        return text.split("\x01")
    return [" ".join(title(text))] if name == "proctitle" else [text]


def _executed(record: AuditRecord) -> bool:
    return _syscall(record) in _EXEC and record.fields.get("success") == "yes"


def _syscall(record: AuditRecord) -> str:
    """The name of the system call; its number where the table has none."""
    number = record.fields.get("syscall", "")
    name = record.names.get("SYSCALL") or _table().get(record.fields.get("arch", ""), {}).get(_number(number) or 0)
    if name == "socketcall":
        return _SOCKETCALL.get(record.fields.get("a0", ""), name)
    return name or number


@functools.cache
def _table() -> dict[str, dict[int, str]]:
    return msgspec.convert(packaged("exfilwatch.events", "syscalls.yml"), dict[str, dict[int, str]])


def _number(text: str | None) -> int | None:
    if text is None or len(text) > 18:
        return None
    try:
        return int(text)
    except ValueError:
        return None
