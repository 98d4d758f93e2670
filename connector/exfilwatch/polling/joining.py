"""Script blocks whose parts come in several slices, portions or polls: what is open waits in the store.

A block that is whole leaves its name, so that parts which the look-back reads again open none. One that stays open
until nothing more is expected is judged as it is; should the rest come after all, the whole is too, by the same id.
"""

import zlib
from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from exfilwatch.detection.evaluate import packed, unpacked
from exfilwatch.events.event import Event
from exfilwatch.events.script_blocks import Key, OpenBlock
from exfilwatch.findings.filing import rows_in
from exfilwatch.polling.tables import blocks, hashed

_MOST_OPEN = 10_000
_LARGEST = 8 << 20  # characters of one block: what is larger is judged as it is
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Key, int, dict[int, bytes], bytes]).decode


class Parts(msgspec.Struct):
    """What a slice or portion showed of script blocks: those that stayed open in it, and the names of whole ones."""

    open: list[OpenBlock] = []
    whole: list[Key] = []


def completed(connection: Connection, source: str, parts: Parts) -> list[Event]:
    """The blocks that are whole by what is stored and by these parts."""
    return [block.joined() for block in _merged(connection, source, parts.open) if block.whole]


def keep_parts(connection: Connection, source: str, parts: Parts, at: int) -> list[Event]:
    """Store the parts, which were read up to `at` (µs, by the clock of the source); the blocks that are whole now."""
    merged = _merged(connection, source, parts.open)
    done = [block for block in merged if block.whole or block.size > _LARGEST]
    rows: dict[str, bytes | None] = {_name(key): None for key in [*parts.whole, *(block.key for block in done)]}
    rows |= {_name(block.key): _packed(block) for block in merged if block not in done}
    if rows:
        own = select(blocks.c.block, blocks.c.parts).where(blocks.c.source == source)
        before = {row.block: row.parts for row in rows_in(connection, own, blocks.c.block, rows)}
        for name, packed in rows.items():
            values = {"at": at, "parts": packed}
            if name in before and before[name] == packed:
                continue  # seen again by the look-back
            if name in before:
                mine = (blocks.c.source == source) & (blocks.c.block == name)
                connection.execute(update(blocks).where(mine).values(values))
            else:
                connection.execute(insert(blocks).values(source=source, block=name, judged=False, **values))
    return [block.joined() for block in done]


def overdue(connection: Connection, source: str, settled: int) -> list[Event]:
    """Blocks to be judged as they are: whose last new part was read before `settled`, and the oldest of too many."""
    waits = (blocks.c.source == source) & blocks.c.parts.is_not(None) & blocks.c.judged.is_(False)
    count = connection.scalar(select(func.count()).select_from(blocks).where(waits)) or 0
    due = list(connection.scalars(select(blocks.c.block).where(waits & (blocks.c.at < settled))))
    if count - len(due) > _MOST_OPEN:
        oldest = select(blocks.c.block).where(waits).order_by(blocks.c.at).limit(count - _MOST_OPEN)
        due = list(connection.scalars(oldest))
    found = _stored(connection, source, due)
    for name in found:
        mine = (blocks.c.source == source) & (blocks.c.block == name)
        connection.execute(update(blocks).where(mine).values(judged=True))
    return [block.joined() for block in found.values()]


def forget_blocks(connection: Connection, source: str, before: int) -> None:
    """Forget blocks whose parts were read before a time: no part of them can come any more."""
    connection.execute(delete(blocks).where((blocks.c.source == source) & (blocks.c.at < before)))


def forget_whole(connection: Connection, source: str) -> None:
    """Forget which blocks were whole: other rules are to see them again as they are read again."""
    connection.execute(delete(blocks).where((blocks.c.source == source) & blocks.c.parts.is_(None)))


def _merged(connection: Connection, source: str, parts: Sequence[OpenBlock]) -> list[OpenBlock]:
    """The blocks of these parts with what is stored of them, without those that were whole before."""
    names = {_name(block.key): block for block in parts}
    if not names:
        return []
    own = select(blocks.c.block).where((blocks.c.source == source) & blocks.c.parts.is_(None))
    whole = {row.block for row in rows_in(connection, own, blocks.c.block, names)}
    stored = _stored(connection, source, names.keys() - whole)
    merged = []
    for name, part in names.items():
        if name in whole:
            continue
        block = stored.get(name)
        if block is None:
            block = part
        else:
            block.add(part)
        merged.append(block)
    return merged


def _stored(connection: Connection, source: str, names: Iterable[str]) -> dict[str, OpenBlock]:
    own = select(blocks.c.block, blocks.c.parts).where((blocks.c.source == source) & blocks.c.parts.is_not(None))
    return {row.block: _unpacked(row.parts) for row in rows_in(connection, own, blocks.c.block, sorted(names))}


def _packed(block: OpenBlock) -> bytes:
    texts = {number: text.encode("utf-8", "surrogatepass") for number, text in block.texts.items()}
    return zlib.compress(_encode((block.key, block.number, texts, packed(block.event))), 1)


def _unpacked(data: bytes) -> OpenBlock:
    key, number, texts, record = _decode(zlib.decompress(data))
    read = {at: text.decode("utf-8", "surrogatepass") for at, text in texts.items()}
    return OpenBlock(key, unpacked(record), number, read)


def _name(key: Key) -> str:
    return hashed(*map(str, key))
