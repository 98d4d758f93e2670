"""What programs write whose output follows from their words and from what they are given: echo, printf, base64 -d, ...

Sources: POSIX and GNU coreutils manuals (echo, printf, cat, tr, base64, tac, head), util-linux (rev), xxd(1), gzip(1),
bzip2(1), xz(1), openssl-enc(1).
"""

import base64
import binascii
import bz2
import lzma
import re
import zlib
from collections.abc import Callable
from typing import Final

from exfilwatch.commands.command import Command, Undoing
from exfilwatch.commands.shells.posix_escapes import ansi_c, echo_escapes, printf

LONGEST: Final = 64 * 1024
"""Characters of a text that is made here."""
SILENT: Final = frozenset(
    """
    : true false cd export set unset alias shift sleep wait local declare readonly typeset exec umask trap return read
    """.split()  # noqa: SIM905 -- as a list it fills the page
)
"""Programs that write nothing."""

_PACKED: Final = frozenset(["\x1f\x8b", "BZ", "\xfd7"])
"""How what gzip, bzip2 and xz made begins."""
_XZ_MEMORY: Final = 16 * 1024 * 1024
"""Bytes that xz may ask for: its ordinary level needs 9 MiB."""
_ECHO_OPTIONS: Final = re.compile(r"-[neE]+")
_RANGE: Final = re.compile(r"(\[:(?:lower|upper|digit|alpha|alnum|space):\])|(.)-(.)|(.)", re.DOTALL)
_CLASSES: Final = {
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
    "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "[:digit:]": "0123456789",
    "[:alpha:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "[:alnum:]": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "[:space:]": " \t\n\v\f\r",
}
_LETTERS_CUT: Final = re.compile(r"-[cb] ?(\d{0,6})(-?)(\d{0,6})")
_FIELD_CUT: Final = re.compile(r"(?:-d ?([^ ]) )?-f ?([1-9]\d{0,2})")
_COUNT: Final = re.compile(r"-([nc]) ?(\d{1,6})|-(\d{1,6})")
_AWK: Final = re.compile(r"""\s*BEGIN\s*\{\s*print\s*\(?\s*"([^"\\]*)"\s*\)?\s*;?\s*\}\s*""")
_ANY_LETTERS: Final = re.compile(
    r"s([/|#,:@!])(?:(\.{1,8})|\\?\((\.{1,8})\\?\))\1((?:[^\\&/|#,:@!\n]|\\[\\/&1]|&){1,32})\1(g?)"
)
_MARK: Final = re.compile(r"\\.|&")
_SUBSTITUTION: Final = re.compile(r"s([/|#,:@!])([\w /.:@%+=,;-]*)\1([\w /.:@%+=,;-]*)\1(g?)")


def written(command: Command, undoing: Undoing) -> str | None:
    """What a command writes to its standard output; None when that can't be told."""
    if not command.words:
        return None
    write = _WRITERS.get(command.words[0].rsplit("/", 1)[-1])
    if write is None:
        return None
    text, step = write(command.words[1:], command.text)
    if text is None:
        return None
    text = undoing.within(text[:LONGEST])
    if step:
        undoing.did(step)
    return text


_Written = tuple[str | None, str]


def _echo(words: list[str], _: str | None) -> _Written:
    end, escapes = "\n", False
    while words and _ECHO_OPTIONS.fullmatch(words[0]):
        option, *words = words
        end = "" if "n" in option else end
        for letter in option:
            escapes = {"e": True, "E": False}.get(letter, escapes)
    written = " ".join(words)
    if not escapes or "\\" not in written:
        return written + end, ""
    return echo_escapes(written) + ("" if "\\c" in written else end), "octal or hex escape"


def _printf(words: list[str], _: str | None) -> _Written:
    if words[:1] == ["--"]:
        words = words[1:]
    if not words or words[0].startswith("-"):
        return None, ""
    escaped = re.search(r"\\[0-7xuU]", words[0]) or (
        "%b" in words[0] and any(re.search(r"\\[0-7xuU]", word) for word in words[1:])
    )
    return printf(words[0], words[1:]), "octal or hex escape" if escaped else ""


def _cat(words: list[str], text: str | None) -> _Written:
    return (text, "") if not [word for word in words if word not in {"-u", "-", "/dev/stdin"}] else (None, "")


def _tee(_: list[str], text: str | None) -> _Written:
    return text, ""


def _base64(words: list[str], text: str | None) -> _Written:
    """Also base32 and basenc: the letters tell which they are, as `-d` is all that is common to them."""
    flags = [word for word in words if word.startswith("-")]
    if text is None or not any(_decodes(flag) for flag in flags):
        return None, ""
    return decoded(text), "base64"


def _decodes(flag: str) -> bool:
    return (
        flag == "-D"
        or (flag.startswith("--") and len(flag) > 2 and "--decode".startswith(flag))
        or (not flag.startswith("--") and bool(re.fullmatch(r"-[id]*[dD][id]*", flag)))
    )


def _base32(words: list[str], text: str | None) -> _Written:
    if text is None or not any(_decodes(word) for word in words):
        return None, ""
    try:
        kept = re.sub(r"[^A-Z2-7]", "", text)
        return letters(base64.b32decode(kept + "=" * (-len(kept) % 8))), "base32"
    except (ValueError, binascii.Error):
        return None, ""


def decoded(text: str) -> str | None:
    """What base64 text stands for; what is no letter of base64 is passed over, and an end that is cut off too."""
    kept = re.sub(r"[^A-Za-z0-9+/]", "", text.translate({45: 43, 95: 47}))
    kept = kept[: len(kept) - (len(kept) % 4 == 1)]
    try:
        return letters(base64.b64decode(kept + "=" * (-len(kept) % 4)))
    except (ValueError, binascii.Error):
        return None


def letters(data: bytes) -> str:
    """Bytes as text: UTF-8, else each byte a letter, so that a program after this one gets the same bytes again."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def octets(text: str) -> bytes:
    """The bytes of a text that `letters` made."""
    try:
        return text.encode("latin-1") if not text.isascii() and text[:2] in _PACKED else text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _openssl(words: list[str], text: str | None) -> _Written:
    if text is None or "-d" not in words or not {"base64", "-base64", "-a"} & set(words):
        return None, ""
    if any(word.startswith(("-aes", "-des", "-in", "-out", "-pass")) for word in words):
        return None, ""
    return decoded(text), "base64"


def _xxd(words: list[str], text: str | None) -> _Written:
    flags = "".join(word for word in words if word.startswith("-"))
    if text is None or "r" not in flags or "p" not in flags or [word for word in words if not word.startswith("-")]:
        return None, ""
    digits = re.sub(r"[^0-9A-Fa-f]", "", text)
    return letters(bytes.fromhex(digits[: len(digits) // 2 * 2])), "hex dump"


def _rev(words: list[str], text: str | None) -> _Written:
    if text is None or words:
        return None, ""
    return "\n".join(line[::-1] for line in text.split("\n")), "reversed text"


def _tac(words: list[str], text: str | None) -> _Written:
    if text is None or words:
        return None, ""
    return "".join(reversed(text.splitlines(keepends=True))), "reversed text"


def _tr(words: list[str], text: str | None) -> _Written:
    if text is None or not words:
        return None, ""
    if words[0] in {"-d", "-s", "-ds", "--delete"}:
        if words[0] != "-d" and words[0] != "--delete":
            return None, ""
        if len(words) != 2:
            return None, ""
        return text.translate(dict.fromkeys(map(ord, _set(words[1])))), "translated letters"
    if len(words) != 2 or words[0].startswith("-"):
        return None, ""
    source, target = _set(words[0]), _set(words[1])
    if not target:
        return None, ""
    target += target[-1] * (len(source) - len(target))
    return text.translate({ord(a): b for a, b in zip(source, target, strict=False)}), "translated letters"


def _set(text: str) -> str:
    pieces: list[str] = []
    for named, first, last, letter in _RANGE.findall(ansi_c(text[:512]) if "\\" in text else text[:512]):
        if named:
            pieces.append(_CLASSES[named])
        elif letter:
            pieces.append(letter)
        elif 0 <= ord(last) - ord(first) < 512:
            pieces.append("".join(map(chr, range(ord(first), ord(last) + 1))))
    return "".join(pieces)


def _gunzip(words: list[str], text: str | None) -> _Written:
    if text is None or [word for word in words if not word.startswith("-")]:
        return None, ""
    try:
        return letters(zlib.decompressobj(47).decompress(octets(text), LONGEST)), "compression"
    except zlib.error:
        return None, ""


def _bunzip2(words: list[str], text: str | None) -> _Written:
    return _unpack(words, text, lambda data: bz2.BZ2Decompressor().decompress(data, LONGEST))


def _unxz(words: list[str], text: str | None) -> _Written:
    return _unpack(words, text, lambda data: lzma.LZMADecompressor(memlimit=_XZ_MEMORY).decompress(data, LONGEST))


def _unpack(words: list[str], text: str | None, unpacked: Callable[[bytes], bytes]) -> _Written:
    if text is None or [word for word in words if not word.startswith("-")]:
        return None, ""
    try:
        return letters(unpacked(octets(text))), "compression"
    except (OSError, lzma.LZMAError, ValueError):
        return None, ""


def _if_decompressing(
    write: Callable[[list[str], str | None], _Written],
) -> Callable[[list[str], str | None], _Written]:
    def unpack(words: list[str], text: str | None) -> _Written:
        if any(re.fullmatch(r"-[a-z]*d[a-z]*|--decompress|--uncompress", word) for word in words):
            return write(words, text)
        return None, ""

    return unpack


def _awk(words: list[str], _: str | None) -> _Written:
    """Only `BEGIN{print "text"}`."""
    found = _AWK.fullmatch(words[0]) if len(words) == 1 else None
    return (found[1] + "\n", "string building") if found else (None, "")


def _sed(words: list[str], text: str | None) -> _Written:
    """Only `s/letters/letters/`, with nothing that an expression would read as more than letters, and `s/../x&/`."""
    script = [word for word in words if word not in ("-e", "-E", "-r")]
    if text is None or len(script) != 1:
        return None, ""
    if each := _ANY_LETTERS.fullmatch(script[0]):
        return _put_in(each, text), "replacement"
    found = _SUBSTITUTION.fullmatch(script[0])
    if found is None or "." in found[2] or not found[2] or text.count(found[2]) * len(found[3]) > LONGEST:
        return None, ""
    lines = text.split("\n")
    return "\n".join(line.replace(found[2], found[3], -1 if found[4] else 1) for line in lines), "replacement"


def _put_in(found: "re.Match[str]", text: str) -> str | None:
    """Text with something put around, before or behind each so many letters."""
    count = len(found[2] or found[3])
    if len(text) // count * (len(found[4]) + count) > LONGEST:
        return None

    def written(letters: "re.Match[str]") -> str:
        return _MARK.sub(lambda mark: letters[0] if mark[0] in ("&", "\\1") else mark[0][1:], found[4])

    return re.sub(f".{{{count}}}", written, text, count=0 if found[5] else 1)


def _basename(words: list[str], _: str | None) -> _Written:
    if not words or words[0].startswith("-") or len(words) > 2:
        return None, ""
    name = words[0].rstrip("/").rpartition("/")[2]
    return (name.removesuffix(words[1]) if len(words) == 2 else name) + "\n", ""


def _cut(words: list[str], text: str | None) -> _Written:
    """Only one range of letters, or one field: `-c2-4`, `-d, -f2`."""
    options = " ".join(words)
    if text is None or len(options) > 40:
        return None, ""
    lines = text.removesuffix("\n").split("\n")
    if (letters_ := _LETTERS_CUT.fullmatch(options)) is not None:
        start, dash, end = letters_.groups()
        first = max(int(start or 1) - 1, 0)
        last = int(end) if end else len(text) if dash else first + 1
        return "".join(line[first:last] + "\n" for line in lines), "cut text"
    if (field := _FIELD_CUT.fullmatch(options)) is not None:
        letter, number = field[1] or "\t", int(field[2]) - 1
        parts = (line.split(letter, number + 1) for line in lines)
        return "".join((part[number] if number < len(part) else "") + "\n" for part in parts), "cut text"
    return None, ""


def _head(words: list[str], text: str | None) -> _Written:
    found = _COUNT.fullmatch(" ".join(words)) if len(words) < 3 else None
    if text is None or found is None:
        return None, ""
    count = int(found[2] or found[3])
    if found[1] == "c":
        return text[:count], "cut text"
    return "".join(text.splitlines(keepends=True)[:count]), ""


def _tail(words: list[str], text: str | None) -> _Written:
    found = _COUNT.fullmatch(" ".join(words)) if len(words) < 3 else None
    if text is None or found is None:
        return None, ""
    count = int(found[2] or found[3])
    if found[1] == "c":
        return text[-count:] if count else "", "cut text"
    return "".join(text.splitlines(keepends=True)[-count:]) if count else "", ""


def _which(words: list[str], _: str | None) -> _Written:
    """The path of a program, of which only the name is known here."""
    return (words[0] + "\n", "") if len(words) == 1 and words[0][:1] not in {"-", "$"} else (None, "")


def _command(words: list[str], text: str | None) -> _Written:
    return _which(words[1:], text) if words[:1] in (["-v"], ["-p"], ["-P"]) else (None, "")


_WRITERS: Final[dict[str, Callable[[list[str], str | None], _Written]]] = {
    "echo": _echo,
    "printf": _printf,
    "print": _echo,
    "cat": _cat,
    "tee": _tee,
    "base64": _base64,
    "gbase64": _base64,
    "base32": _base32,
    "openssl": _openssl,
    "xxd": _xxd,
    "rev": _rev,
    "tac": _tac,
    "tr": _tr,
    "gunzip": _gunzip,
    "zcat": _gunzip,
    "gzip": _if_decompressing(_gunzip),
    "bunzip2": _bunzip2,
    "bzcat": _bunzip2,
    "bzip2": _if_decompressing(_bunzip2),
    "unxz": _unxz,
    "xzcat": _unxz,
    "xz": _if_decompressing(_unxz),
    "awk": _awk,
    "gawk": _awk,
    "mawk": _awk,
    "sed": _sed,
    "cut": _cut,
    "basename": _basename,
    "head": _head,
    "tail": _tail,
    "which": _which,
    "command": _command,
    "type": _command,
}
