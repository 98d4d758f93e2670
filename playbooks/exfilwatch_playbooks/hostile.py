"""Attackers write command lines, file names and URLs: how to show such text so that it stays text.

Control, direction-changing and invisible characters are spelled out (\\u202e), long text is cut with a remark, markup
of Markdown, wikis and HTML is escaped, and URLs and addresses can't be clicked. Inside code nothing is defanged, so
that an analyst can search for it; a code fence is longer than any run of backticks in what it holds.
"""

import re
import string
import unicodedata
from ipaddress import IPv6Address

# Letters by their category, yet drawn as nothing: fillers of Hangul, Braille's blank.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SCHEME = re.compile(
    r"\b(?P<h>h)tt(?P<ps>ps?)(?=:)|\b(?P<s>s?)ft(?P<fps>ps?)(?=:)|\b[a-z][a-z0-9+-]{1,15}(?=://)", re.IGNORECASE
)
_AUTHORITY = re.compile(r"(?<=//)[^\s/?#]{1,255}")
_IPV4 = re.compile(r"(?<![\w.])(\d{1,3}\.\d{1,3}\.\d{1,3})\.(\d{1,3})(?!\w)")
_IPV6 = re.compile(r"(?<![\w:])[0-9a-f:]{2,39}(?![\w:])", re.IGNORECASE)
_DANGLING = re.compile(rf"\\(?=[{re.escape(string.punctuation)}]|$)")
_MARKUP = re.compile(r"[`*_{}\[\]|~!^#]")
_RUN = re.compile(r"`+")


def visible(text: str, keep: str = "") -> str:
    """`text` with each character that hides or moves text spelled out, except those in `keep`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char
        if char in keep or not (unicodedata.category(char) in _INVISIBLE or char in _BLANK or char == "\u00a0")
        else char.encode("unicode_escape").decode()
        for char in text
    )


def cut(text: str, limit: int) -> tuple[str, str]:
    """The first `limit` characters, and a remark of how many were cut (empty when none)."""
    return (text, "") if len(text) <= limit else (text[:limit], f" … ({len(text) - limit:,} characters cut)")


def defang(text: str) -> str:
    """URLs and addresses that nothing turns into a link: hxxp://evil[.]test, 1.2.3[.]4, 2001[:]db8::1."""
    text = _SCHEME.sub(_unclickable, text)
    text = _AUTHORITY.sub(lambda match: match[0].replace("[.]", ".").replace(".", "[.]"), text)
    text = _IPV4.sub(r"\1[.]\2", text)
    text = _IPV6.sub(lambda match: match[0].replace(":", "[:]", 1) if _is_ipv6(match[0]) else match[0], text)
    return re.sub(r"\bwww\.", "www[.]", text, flags=re.IGNORECASE)


def _unclickable(match: re.Match[str]) -> str:
    if match["h"]:
        return f"{match['h']}xx{match['ps']}"
    if match["fps"]:
        return f"{match['s']}fx{match['fps']}"
    return f"{match[0]}[:]" if not match[0].lower().startswith(("hxxp", "fxp", "sfxp")) else match[0]


def _is_ipv6(text: str) -> bool:
    try:
        return bool(IPv6Address(text))
    except ValueError:
        return False


def line(text: str, limit: int = 200) -> str:
    """For places that take plain text only, on one line: titles, terminals."""
    kept, remark = cut(text, limit)
    return defang(visible(kept)) + remark


def prose(text: str, limit: int = 200) -> str:
    """For the middle of a Markdown sentence."""
    kept, remark = cut(text, limit)
    kept = _DANGLING.sub(r"\\\\", visible(kept))
    kept = _MARKUP.sub(r"\\\g<0>", kept)
    kept = kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return defang(kept) + remark


def code(text: str, limit: int = 200) -> str:
    """As a Markdown code span."""
    kept, remark = cut(text, limit)
    kept = visible(kept)
    ticks = "`" * (_longest_run(kept) + 1)
    pad = " " if kept[:1] in ("`", " ", "") or kept[-1:] in ("`", " ") else ""
    return f"{ticks}{pad}{kept}{pad}{ticks}{remark}"


def fence(text: str, language: str = "text", limit: int = 2000) -> str:
    """As a fenced block of its own; line feeds and tabs stay."""
    kept, remark = cut(text, limit)
    kept = visible(kept.replace("\r\n", "\n"), keep="\n\t")
    ticks = "`" * max(3, _longest_run(kept) + 1)
    return f"{ticks}{language}\n{kept}\n{ticks}" + (f"\n{remark.strip(' …')}" if remark else "")


def _longest_run(text: str) -> int:
    return max((len(run) for run in _RUN.findall(text)), default=0)
