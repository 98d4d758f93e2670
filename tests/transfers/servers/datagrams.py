"""UDP and ICMP: TFTP (RFC 1350), DNS (RFC 1035), a port that takes anything, and echo requests to 127.0.0.1."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from socket import AF_INET, IPPROTO_ICMP, SOCK_DGRAM, SOCK_RAW, socket
from typing import TypeAlias

from .place import Place

Address: TypeAlias = tuple[str, int]
_TICK = 0.1  # seconds between two looks at whether to end
_SILENCE = 3  # seconds after which a TFTP transfer is given up


def anything(place: Place) -> Callable[[socket, bytes, Address], None]:
    """Keeps what one address sends, together."""
    parts: dict[Address, bytes] = defaultdict(bytes)

    def take(_: socket, data: bytes, sender: Address) -> None:
        parts[sender] += data
        (place.arrived / f"udp-{sender[1]}").write_bytes(parts[sender])

    return take


def dns(place: Place) -> Callable[[socket, bytes, Address], None]:
    """Answers each question with 127.0.0.1; keeps, for each name below two last labels, the labels before it."""
    labels: dict[bytes, bytes] = defaultdict(bytes)

    def answer(server: socket, query: bytes, sender: Address) -> None:
        at, names = 12, []
        while query[at]:
            names.append(query[at + 1 : at + 1 + query[at]])
            at += 1 + query[at]
        question = query[12 : at + 5]
        below = b".".join(names[-2:])
        labels[below] += b"".join(names[:-2])
        (place.arrived / f"dns-{below.hex()}").write_bytes(labels[below])
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x7f\x00\x00\x01"
        known = question[-4:] == b"\x00\x01\x00\x01"
        counts = b"\x00\x01" + (b"\x00\x01" if known else b"\x00\x00") + b"\x00\x00\x00\x00"
        server.sendto(query[:2] + b"\x85\x80" + counts + question + (record if known else b""), sender)

    return answer


def tftp(place: Place) -> Callable[[socket, bytes, Address], None]:
    """One thread for each transfer, as each has a port of its own. Options are ignored."""

    def begin(_: socket, request: bytes, sender: Address) -> None:
        threading.Thread(target=transfer, args=(request, sender), daemon=True).start()

    def transfer(request: bytes, sender: Address) -> None:
        name = request[2:].partition(b"\0")[0].decode(errors="replace")
        with closing(socket(AF_INET, SOCK_DGRAM)) as own, suppress(OSError):
            own.bind(("127.0.0.1", 0))
            own.settimeout(_SILENCE)
            if request[1] == 2:
                _receive(own, sender)
            elif (found := place.given(name)) is None:
                own.sendto(b"\0\5\0\1no such file\0", sender)
            else:
                _send(own, sender, found)

    def _receive(own: socket, sender: Address) -> None:
        received, number = b"", 0
        own.sendto(b"\0\4\0\0", sender)
        while True:
            packet, _ = own.recvfrom(600)
            if int.from_bytes(packet[2:4]) == number + 1:
                number += 1
                received += packet[4:]
            own.sendto(b"\0\4" + packet[2:4], sender)
            if len(packet) < 516:
                place.keep(received)
                return

    def _send(own: socket, sender: Address, data: bytes) -> None:
        for number, start in enumerate(range(0, len(data) + 1, 512), 1):
            own.sendto(b"\0\3" + number.to_bytes(2) + data[start : start + 512], sender)
            own.recvfrom(600)

    return begin


def echo_requests(place: Place) -> Callable[[socket, bytes, Address], None]:
    """Keeps the payloads of echo requests; the kernel answers them.

    They are kept by identifier, as a program has one, and all in order, without the 16 bytes of ping's time.
    """
    payloads: dict[bytes, bytes] = defaultdict(bytes)

    def take(_: socket, packet: bytes, __: Address) -> None:
        message = packet[(packet[0] & 15) * 4 :]
        if message[:1] == b"\x08":
            payloads[message[4:6]] += message[8:]
            payloads[b"ping"] += message[24:]
            for identifier in (message[4:6], b"ping"):
                (place.arrived / f"icmp-{identifier.hex()}").write_bytes(payloads[identifier])

    return take


@contextmanager
def serving(handle: Callable[[socket, bytes, Address], None], *, icmp: bool = False) -> Iterator[int]:
    """The port of a server that hands each datagram to `handle`; with `icmp` all echo requests (as root)."""
    ended = threading.Event()
    with closing(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) if icmp else socket(AF_INET, SOCK_DGRAM)) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(_TICK)

        def loop() -> None:
            while not ended.is_set():
                with suppress(OSError, IndexError):
                    handle(server, *server.recvfrom(65536))

        thread = threading.Thread(target=loop)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            thread.join()
