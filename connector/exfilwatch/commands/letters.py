"""Letters that look like ASCII ones, made ASCII; what can't be seen, removed.

Sources: Unicode Standard Annex #15 (compatibility forms), Technical Standard #39 (confusable letters, as facts), and
general categories Zs, Pd, Cf of the Unicode Character Database.
"""

import re
import unicodedata
from typing import Final

from exfilwatch.commands.command import Undoing

_INVISIBLE: Final = dict.fromkeys(
    [
        0xAD,
        0x34F,
        0x61C,
        0x115F,
        0x1160,
        0x17B4,
        0x17B5,
        *range(0x180B, 0x180F),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        0x3164,
        *range(0xFE00, 0xFE10),
        0xFEFF,
        0xFFA0,
        *range(0xE0000, 0xE0080),
    ]
)
_BLANKS: Final = dict.fromkeys(
    [0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0x85], " "
)
_DASHES: Final = dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0x2E3A, 0x2E3B, 0xFE58, 0xFE63, 0xFF0D], "-")
_QUOTES: Final = {
    **dict.fromkeys([0x2018, 0x2019, 0x201A, 0x201B, 0x2032, 0xFF07], "'"),
    **dict.fromkeys([*range(0x201C, 0x2020), 0x2033, 0xFF02], '"'),
}
# An apostrophe as it stands in ordinary names: it's.docx
_APOSTROPHE: Final = re.compile(r"(?<=[^\W\d_])[\u2019\u02bc](?=[^\W\d_])")
_LOOKALIKES: Final = {
    # Cyrillic
    **dict(zip("аеорсухіјѕԁԛԝһӏкʏ", "aeopcyxijsdqwhlky", strict=True)),
    **dict(zip("АВЕКМНОРСТУХІЈЅԌԚԜЅ", "ABEKMHOPCTYXIJSGQWS", strict=True)),
    # Greek
    **dict(zip("ονρακιυτχϲϳ", "ovpakiutxcj", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿ", "ABEZHIKMNOPTYXCJ", strict=True)),
    # Armenian
    **dict(zip("օոսհցյԼՕՍ", "onuhgjLOU", strict=True)),
    # Latin letters of other alphabets, and small capitals
    **dict(zip("ıɑɡɩʟʀᴄᴏᴜᴠᴡᴢꜱᴛᴅᴇᴋᴍᴘʜɴɪʙɢᴀᴊꞁƖǀ", "iagilrcouvwzstdekmphnibgajlll", strict=True)),
    # Cherokee
    **dict(zip("ᎪᎠᎬᎻᎫᏦᏞᎷᏢᏚᎢᏙᏔᏃᏟᏴ", "ADEHJKLMPSTVWZCB", strict=True)),
}
_TOKEN: Final = re.compile(r"\S*[^\x00-\x7f\s]\S*")
_RUN: Final = re.compile(r"[^\W_]*[^\x00-\x7f\W_][^\W_]*")
_OPTION: Final = re.compile(r"(?:^|[\s\"'])(?:--?|/)$")
_PROGRAM: Final = re.compile(r"(?:^|[;&|(`{\n])\s*[\"']?(?:[^\s\"'|;&]*[\\/])?$")
_EXECUTABLE: Final = re.compile(r"\.(?:exe|com|bat|cmd|ps1|vbs|js|sh|py)\b", re.IGNORECASE)


def _compatible() -> dict[int, str]:
    """Letters and signs whose compatibility form is one ASCII letter or sign; no superscripts, fractions, ordinals."""
    blocks = [range(0xFF01, 0xFF5F), range(0x1D400, 0x1D800), range(0x24B6, 0x24EA), range(0x2100, 0x2150)]
    blocks += [range(0xFE50, 0xFE6C), range(0x2160, 0x2180), range(0x17F, 0x180), range(0x1F130, 0x1F14A)]
    found: dict[int, str] = {}
    for block in blocks:
        for code in block:
            plain = unicodedata.normalize("NFKC", chr(code))
            if len(plain) == 1 and plain.isascii():
                found[code] = plain
    return found


_COMPATIBLE: Final = _compatible()
_SIGHTLESS: Final = {**_INVISIBLE, **_BLANKS, **_DASHES, **_QUOTES}
_HOMOGLYPHS: Final = {ord(letter): plain for letter, plain in _LOOKALIKES.items()}
_KEPT: Final = "\ue000"


def folded(text: str, undoing: Undoing) -> str:
    """A command line with the letters that its reader, or the program, takes for ASCII ones made ASCII.

    Names in other scripts stay: a look-alike is folded only in a word that mixes it with ASCII letters, or when it is
    the name of a program or an option. What stands after `://` keeps its look-alikes, for they name another host.
    """
    if text.isascii():
        return text
    seen = _APOSTROPHE.sub(_KEPT, text) if _KEPT not in text else text
    if len(bare := seen.translate(_INVISIBLE)) != len(seen):
        undoing.did("invisible letters")
    for table, step in ((_BLANKS, "unusual blank"), (_DASHES, "unusual dash"), (_QUOTES, "unusual quote")):
        if (plain := bare.translate(table)) != bare:
            undoing.did(step)
            bare = plain
    if seen is not text:
        bare = bare.replace(_KEPT, "\u2019")
    if bare.isascii():
        return bare
    return _TOKEN.sub(lambda token: _token(token, undoing), bare)


def _token(token: re.Match[str], undoing: Undoing) -> str:
    written = token[0]
    plain = written.translate(_COMPATIBLE)
    if plain != written:
        if not plain.isascii():
            plain = _RUN.sub(_compatible_run, written)
        if plain != written:
            undoing.did("full-width or styled letters")
    if plain.isascii():
        return plain
    pieces = []
    at = 0
    host = plain.find("://")
    for run in _RUN.finditer(plain):
        if 0 <= host < run.start():
            break
        same = run[0].translate(_HOMOGLYPHS)
        if not same.isascii() or not same.isalnum():
            continue
        mixed = any(letter.isascii() and letter.isalpha() for letter in run[0])
        # What stands before it in the line tells a program or an option, as far as a few letters show.
        before = token.string[max(0, token.start() - 3) : token.start()] + plain[: run.start()]
        first = not token.string[max(0, token.start() - 3) : token.start()].strip(" \t\"'") and token.start() <= 3
        if (
            mixed
            or _OPTION.search(before[-4:])
            or _EXECUTABLE.match(plain, run.end())
            or (first and _starts(plain, run))
        ):
            pieces += [plain[at : run.start()], same]
            at = run.end()
            undoing.did("homoglyph")
    return "".join(pieces) + plain[at:]


def _starts(word: str, run: re.Match[str]) -> bool:
    """Whether a run of letters is the last part of a program's path."""
    rest = word[run.end() :]
    return not re.search(r"[\\/]", rest)


def _compatible_run(run: re.Match[str]) -> str:
    plain = run[0].translate(_COMPATIBLE)
    return plain if plain.isascii() else run[0]
