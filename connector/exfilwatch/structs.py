"""Types that msgspec reads, for several threads.

msgspec works out what a Struct holds when it is first read, and runs Python meanwhile: where two threads read the same
one for the first time, the process dies (SIGSEGV; seen with 0.22 when the first two reports were written at once).
"""

import threading
from typing import TypeVar

import msgspec

T = TypeVar("T")
_lock = threading.Lock()
_known: set[object] = set()


def ready(kind: type[T]) -> type[T]:
    """The type, and all that it is made of, worked out by one thread while the others wait."""
    if kind not in _known:
        with _lock:
            if kind not in _known:
                msgspec.msgpack.Decoder(kind)  # which takes any keys
                _known.add(kind)
    return kind
