"""Protocols of lines over TCP, as far as their clients need: FTP (RFC 959, 2428), SMTP (RFC 5321), whois (RFC 3912)."""

import re
from collections.abc import Callable
from contextlib import closing
from socket import create_server, socket

from .place import Place

_ANSWERS = {
    "USER": "331 password", "PASS": "230 in", "SYST": "215 UNIX Type: L8", "TYPE": "200 ok", "CWD": "250 ok",
    "PWD": '257 "/"', "NOOP": "200 ok", "OPTS": "200 ok", "MKD": '257 "/x" made', "CDUP": "250 ok", "MODE": "200 ok",
    "STRU": "200 ok", "ALLO": "200 ok", "SITE": "200 ok", "RNFR": "350 ok", "RNTO": "250 ok", "MFMT": "213 ok",
}  # fmt: skip


def ftp(place: Place) -> Callable[[socket], None]:
    """A server without accounts or folders: it takes any file, and gives those of the stock by name."""

    def talk(connection: socket) -> None:
        lines = connection.makefile("rb")
        data: socket | None = None

        def say(text: str) -> None:
            connection.sendall(f"{text}\r\n".encode())

        def transfer(send: bytes | None) -> None:
            assert data is not None
            say("150 here it comes")
            other, _ = data.accept()
            with closing(data), closing(other):
                if send is None:
                    received = b""
                    while part := other.recv(65536):
                        received += part
                    place.keep(received)
                else:
                    other.sendall(send)
            say("226 done")

        say("220 ready")
        for line in lines:
            command, _, argument = line.decode(errors="replace").strip().partition(" ")
            match command.upper():
                case "PASV" | "EPSV" as passive:
                    data = create_server(("127.0.0.1", 0))
                    port = data.getsockname()[1]
                    passive_port = f"227 passive (127,0,0,1,{port >> 8},{port & 255})"
                    say(passive_port if passive == "PASV" else f"229 passive (|||{port}|)")
                case "STOR" | "APPE":
                    transfer(None)
                case "LIST" | "NLST" | "MLSD" as listing:
                    long = "-rw-r--r-- 1 0 0 {size} Jan 01 00:00 {name}\r\n" if listing == "LIST" else "{name}\r\n"
                    files = sorted(place.stock.iterdir())
                    listed = "".join(long.format(size=file.stat().st_size, name=file.name) for file in files)
                    transfer(listed.encode())
                case "RETR" | "SIZE" as asked:
                    found = place.given(argument)
                    if found is None:
                        say("550 no such file")
                    elif asked == "SIZE":
                        say(f"213 {len(found)}")
                    else:
                        transfer(found)
                case "FEAT":
                    say("211-Features:\r\n EPSV\r\n SIZE\r\n211 End")
                case "QUIT":
                    say("221 bye")
                    return
                case other:
                    say(_ANSWERS.get(other, "502 not here"))

    return talk


def smtp(place: Place) -> Callable[[socket], None]:
    """A server that accepts mail from and for anybody."""

    def talk(connection: socket) -> None:
        lines = connection.makefile("rb")

        def say(text: str) -> None:
            connection.sendall(f"{text}\r\n".encode())

        say("220 localhost ESMTP")
        for line in lines:
            command = line[:4].upper()
            if command == b"DATA":
                say("354 go ahead")
                message = b""
                while (part := lines.readline()) and part.rstrip(b"\r\n") != b".":
                    message += part
                place.keep(message)
                say("250 taken")
            elif command == b"EHLO":
                say("250-localhost\r\n250 8BITMIME")
            elif command == b"QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")

    return talk


def whois(place: Place) -> Callable[[socket], None]:
    """Keeps the question and says that nothing is known."""

    def talk(connection: socket) -> None:
        question = connection.makefile("rb").readline(1 << 20)
        if not re.fullmatch(rb"[\w.-]{1,60}\s*", question):
            place.keep(question)
        connection.sendall(b"No match.\r\n")

    return talk
