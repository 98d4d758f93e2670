"""One simple command of cmd.exe taken apart: carets, redirections, words."""

import re
from typing import Final

from exfilwatch.commands.command import Command, Undoing

_LEX = re.compile(r'"[^"]*+"?|\^(?:\r?\n)?(.?)|(>>?|<)\s*(&\s*\d)?|[^"^<>]++', re.DOTALL)
_TARGET = re.compile(r'[\s,;=]*((?:"[^"]*+"?|\^.?|[^\s"<>^,;=]++)*)', re.DOTALL)
_CARET = re.compile(r"\^(.)")
_FIRST = re.compile(r'(?:[a-z]:/)?(?:"[^"]*+"?|[^\s",;=/]++|(?<=[/\\:])/|/(?=[^\s/:",;=]{3,}/))*+', re.IGNORECASE)
_OWN_WORDS = re.compile(r'(?:[^\s",;=]++|"[^"]*+"?)++')
_WORDS = re.compile(r'(?:[^\s"\\]++|\\++"?|"(?:[^"\\]++|\\++"?|"")*+"?)++')
_INSIDE = re.compile(r'\w"+\w')
_FOLDER = re.compile(r"(%~dp0)(?=\w)", re.IGNORECASE)  # ends with a backslash
_ESCAPED = re.compile(r'(\\*)"')
SPLITTING: Final = frozenset(
    ["copy", "move", "type", "del", "erase", "dir", "ren", "rename", "cd", "md", "mkdir", "rd", "rmdir"]
)
"""Commands of cmd.exe itself, between whose words , ; and = may stand as well."""
_DELIMITERS: Final = " \t\r\n,;="


class Words:
    """A command's text, and where it reads and writes."""

    def __init__(self, text: str, undoing: Undoing) -> None:
        self.undoing = undoing
        self.reads = ""
        self.writes: list[str] = []
        self.raw = self._lexed(text) if "^" in text or ">" in text or "<" in text else text
        self.raw = self.raw.lstrip(" \t\r\n,;=@(")

    def _lexed(self, text: str) -> str:
        """The text without its carets, and without its redirections, which are noted."""
        pieces: list[str] = []
        at, end = 0, len(text)
        while at < end and (found := _LEX.match(text, at)):
            at = found.end()
            escaped, redirected, handle = found.groups()
            if redirected is None:
                pieces.append(found[0] if escaped is None else escaped)
                continue
            number = ""
            last = pieces[-1] if pieces else ""
            if last[-1:].isdigit() and (len(last) == 1 or last[-2] in " \t,;=)"):
                number = last[-1]
                pieces[-1] = last[:-1]
            if handle:
                continue
            target = _TARGET.match(text, at)
            if target is None:
                continue
            at = target.end()
            name = _CARET.sub(r"\1", target[1]).replace('"', "")
            if redirected == "<":
                self.reads = name
            elif number in ("", "1") and name.lower() not in ("nul", "nul:", ""):
                self.writes.append(name)
        return "".join(pieces)

    def command(self) -> Command | None:
        """The command; None for a comment, a label, or nothing."""
        raw = self.raw.rstrip()
        if not raw or raw[0] == ":" or raw[:4].lower().rstrip() == "rem":
            return None
        first = _FIRST.match(raw)
        end = first.end() if first else 0
        program = raw[:end]
        if '"' in program:
            bare = program.replace('"', "")
            if _INSIDE.search(program):
                self.undoing.did("quotes inside a word")
                shown = f'"{bare}"' if " " in bare else bare
                raw, end = shown + raw[end:], len(shown)
            program = bare
        program = _FOLDER.sub(r"\1\\", program)
        rest = raw[end:].lstrip(_DELIMITERS)
        if program.lower() in SPLITTING:
            words = [program, *[word.replace('"', "") for word in _OWN_WORDS.findall(rest)]]
        elif '"' in rest:
            words = [program, *[self._unquoted(word) if '"' in word else word for word in _WORDS.findall(rest)]]
        else:
            words = [program, *rest.split()]
        return Command(words, raw, self.reads, None, self.writes)

    def _unquoted(self, word: str) -> str:
        """A word as the program's own rules for its argument vector take it."""
        if word[0] == '"' == word[-1] and word.count('"') == 2 and len(word) > 1 and word[-2] != "\\":
            return word[1:-1]
        if _INSIDE.search(word):
            self.undoing.did("quotes inside a word")
        if '\\"' not in word:
            return word.replace('"', "")
        return _ESCAPED.sub(lambda found: found[1][: len(found[1]) // 2] + '"' * (len(found[1]) % 2), word)
