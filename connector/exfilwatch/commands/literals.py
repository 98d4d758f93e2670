"""Texts in code that are written in base64 or hexadecimal digits, or put together of parts: what they say instead.

Nothing of the code is run: only a call of a well-known function on a literal, and literals with an operator between.
Sources: Python's base64, binascii and bytes.fromhex; PHP's base64_decode; Perl's MIME::Base64 and pack; Ruby's
Base64 and unpack; Node's Buffer.from and atob.
"""

import re
from typing import Final

from exfilwatch.commands.command import Undoing
from exfilwatch.commands.encoded import text_of, unbase64, unhex
from exfilwatch.commands.expression import Expression

_LONGEST: Final = 32 * 1024
_TEXT: Final = r"""[bru]{0,2}\\?(?:"([^"\\]*)\\?"|'([^'\\]*)\\?')"""
_DECODED: Final = re.compile(
    r"""(?:(?:\w{1,12}|Base64|codecs|__import__\(['"]\w{1,12}['"]\))\.)?"""
    r"""\b(?:(?P<base64>b64decode|urlsafe_b64decode|a2b_base64|base64_decode|decode_base64|decode64|"""
    r"""strict_decode64|atob|Buffer\.from)|(?P<hex>bytes\.fromhex|unhexlify|a2b_hex|hex2bin))\s*\(\s*"""
    + _TEXT
    + r"""(?:\s*,\s*["'](?:base64|hex)["'])?\s*\)(?:\.(?:decode|toString)\([^()]{0,20}\))?"""
)
_PACKED: Final = re.compile(r"""\bpack\s*\(?\s*["']H\*["']\s*,\s*""" + _TEXT + r"\s*\)?")
_NUMBERS: Final = r"[\[(]([\d\s,]+)[\])]"
_CODES: Final = re.compile(
    r"""(?:''|"")\.join\(\s*(?:map\(\s*chr\s*,\s*"""
    + _NUMBERS
    + r"""\s*\)|chr\(\s*(\w+)\s*\)\s*for\s+\2\s+in\s+"""
    + _NUMBERS
    + r""")\s*\)|\bbyte(?:s|array)\(\s*"""
    + _NUMBERS
    + r"""\s*\)(?:\.decode\([^()]{0,20}\))?|String\.fromCharCode\(([\d\s,]+)\)"""
)
_REVERSED: Final = re.compile(
    r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')(?:\[::-1\]|\.reverse\b(?:\(\))?"""
    r"""|\.split\((?:''|"")\)\.reverse\(\)\.join\((?:''|"")\))"""
)
_ESCAPED: Final = re.compile(r"\\(.)")
_RUBY: Final = re.compile(r"""\[\s*(["'])([0-9a-fA-F]+)\1\s*\]\.pack\(\s*(["'])H\*\3\s*\)""")
_JOINED: Final = re.compile(r"""(?<=[^\\])(?:"\s*[+.]\s*"|'\s*[+.]\s*'|"\s*\+\s*b?"|'\s*\+\s*b?')""")
_MARKS: Final = Expression(
    r"decode|atob|Buffer|hex|pack|chr\b|bytes|bytearray|CharCode|::-1|\.reverse|['\"]\s*[+.]\s*b?['\"]"
)
_PRINTS: Final = re.compile(r"\b(?:print|puts|echo|console\.log|sys\.stdout\.write)\b\s*\(?\s*(?=['\"])")


def plain(code: str, undoing: Undoing) -> str:
    """The code with such texts undone."""
    if len(code) > _LONGEST or not _MARKS.search(code):
        return code
    made = _PACKED.sub(lambda found: _said(unhex(found[1] or found[2] or ""), found[0]), code)
    made = _RUBY.sub(lambda found: _said(unhex(found[2]), found[0]), made)
    made = _DECODED.sub(_decoded, made)
    made = _CODES.sub(_spelled, made)
    made = _REVERSED.sub(lambda found: _quoted(_ESCAPED.sub(r"\1", found[1][1:-1])[::-1]), made)
    if made != code:
        undoing.did("encoded text in code")
    joined = _JOINED.sub("", made)
    if joined != made:
        undoing.did("string building")
    return undoing.within(joined) if joined != code else code


def printed(code: str) -> str | None:
    """The text that code of one statement prints; None when it does something else."""
    found = _PRINTS.search(code)
    text = code[found.end() :].rstrip(" \t\n;)") if found else ""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] else None


def _decoded(found: "re.Match[str]") -> str:
    text = found[3] or found[4] or ""
    return _said((unhex if found["hex"] else unbase64)(text), found[0])


def _spelled(found: "re.Match[str]") -> str:
    numbers = (found[1] or found[3] or found[4] or found[5]).replace(" ", "").strip(",").split(",")
    if any(not number.isdigit() or len(number) > 6 for number in numbers):
        return found[0]
    return _quoted("".join(chr(int(number)) for number in numbers if int(number) < 0xD800))


def _quoted(text: str) -> str:
    """A text as a literal."""
    mark = "'" if "'" not in text else '"'
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark


def _said(data: bytes | None, written: str) -> str:
    """Bytes as a literal; what was written, when they are none."""
    if not data:
        return written
    return _quoted(text_of(data))
