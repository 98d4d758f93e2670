"""Attackers write command lines, file names and URLs: how to show such text so that it stays text.

Control, direction-changing and invisible characters are spelled out (\\u202e), long text is cut with a remark, markup
of Markdown, wikis and HTML is escaped, and URLs and addresses can't be clicked. Inside code nothing is defanged, so
that an analyst can search for it; a code fence is longer than any run of backticks in what it holds.

Limits count characters as shown, so that what is spelled out can't make a text ten times longer.
"""

import re
import string
import unicodedata
from ipaddress import IPv6Address

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
# Letters and marks by their category, yet drawn as nothing: fillers of Hangul and Khmer, Braille's blank, joiners,
# variation selectors (Unicode's Default_Ignorable_Code_Point).
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f").union(
    map(chr, range(0xFE00, 0xFE10)), map(chr, range(0xE0100, 0xE01F0))
)
_ODD = re.compile(r"[^ -~]")
_HTTP = re.compile(r"(h)tt(ps?:)", re.IGNORECASE)
_FTP = re.compile(r"(s?)ft(ps?:)", re.IGNORECASE)
_SCHEME = re.compile(r"(?<!xxp)(?<!xxps)(?<!fxp)(?<!fxps)://", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?<=//)[^\s/?#]{1,255}")
_IPV4 = re.compile(r"(?<![\w.])(\d{1,3}\.\d{1,3}\.\d{1,3})\.(\d{1,3})(?!\.?\w)")
_WWW = re.compile(r"(www)\.", re.IGNORECASE)
_IPV6 = re.compile(r"(?<![\w:\]])[0-9a-f:]{2,39}(?![\w:])", re.IGNORECASE)
_DANGLING = re.compile(rf"\\(?=[{re.escape(string.punctuation)}]|$)")
_MARKUP = re.compile(r"[`*_{}\[\]!#]")
# Not every Markdown lets these be escaped by a backslash, least of all in tables.
_ENTITIES = {ord(char): f"&#{ord(char)};" for char in "|~^"} | {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
_RUN = re.compile(r"`+")


def visible(text: str, keep: str = "") -> str:
    """`text` with each character that hides or moves text spelled out, except those in `keep`."""
    if text.isascii() and text.isprintable():
        return text
    return _ODD.sub(lambda found: found[0] if found[0] in keep else _spelled(found[0]), text)


def _spelled(char: str) -> str:
    if not (unicodedata.category(char) in _INVISIBLE or char in _BLANK):
        return char
    return char.encode("unicode_escape").decode()


def cut(text: str, limit: int, keep: str = "") -> tuple[str, str]:
    """As much of `visible(text)` as fits into `limit`, and a remark of how many characters were cut (or nothing)."""
    shown = visible(text[:limit], keep)
    if len(shown) > limit:
        pieces: list[str] = []
        room = limit
        for char in text:
            piece = visible(char, keep)
            room -= len(piece)
            if room < 0:
                break
            pieces.append(piece)
        shown, left = "".join(pieces), len(text) - len(pieces)
    else:
        left = max(0, len(text) - limit)
    return shown, f" … ({left:,} characters cut)" if left else ""


def defang(text: str) -> str:
    """URLs and addresses that nothing turns into a link: hxxp://evil[.]test, 1.2.3[.]4, 2001[:]db8::1."""
    if ":" in text:
        text = _HTTP.sub(r"\1xx\2", text)
        text = _FTP.sub(r"\1fx\2", text)
        text = _SCHEME.sub("[:]//", text)
    if "." in text:
        text = _AUTHORITY.sub(lambda match: match[0].replace("[.]", ".").replace(".", "[.]"), text)
        text = _IPV4.sub(r"\1[.]\2", text)
    if ":" in text:
        text = _IPV6.sub(lambda match: match[0].replace(":", "[:]", 1) if _is_ipv6(match[0]) else match[0], text)
    return _WWW.sub(r"\1[.]", text) if "." in text else text


def _is_ipv6(text: str) -> bool:
    try:
        return bool(IPv6Address(text))
    except ValueError:
        return False


def line(text: str, limit: int = 200) -> str:
    """For places that take plain text only, on one line: titles, terminals."""
    kept, remark = cut(text, limit)
    return defang(kept) + remark


def prose(text: str, limit: int = 200) -> str:
    """For the middle of a Markdown sentence."""
    kept, remark = cut(text, limit)
    # Defanged first: its brackets are escaped too, else `www.(//evil)` would become a link.
    kept = _DANGLING.sub(r"\\\\", defang(kept))
    return _MARKUP.sub(r"\\\g<0>", kept).translate(_ENTITIES) + remark


def code(text: str, limit: int = 200) -> str:
    """As a Markdown code span."""
    kept, remark = cut(text, limit)
    ticks = "`" * (_longest_run(kept) + 1)
    # One space on both sides is taken off again, unless there is nothing but spaces.
    pad = " " if kept.strip(" ") and (kept[0] in "` " or kept[-1] in "` ") else ""
    return f"{ticks}{pad}{kept or ' '}{pad}{ticks}{remark}"


def fence(text: str, language: str = "text", limit: int = 2000) -> str:
    """As a fenced block of its own; line feeds and tabs stay."""
    kept, remark = cut(text.replace("\r\n", "\n"), limit, keep="\n\t")
    ticks = "`" * max(3, _longest_run(kept) + 1)
    return f"{ticks}{language}\n{kept}\n{ticks}" + (f"\n\n{remark.strip(' …')}" if remark else "")


def _longest_run(text: str) -> int:
    return max((len(run) for run in _RUN.findall(text)), default=0)
