"""Ways to write a line of cmd.exe so that its effect stays."""

import base64
import re

from .line import Change, Changed, Line, Transformation, commands, first, pieces, simple

SYSTEM32 = r"C:\Windows\System32"
_COMSPEC = r"C:\Windows\system32\cmd.exe"
_PLAIN = re.compile(r"[\w.-]+\Z")
_BUILTINS = frozenset(
    """
    echo type copy move del ren start call set cd if for dir mklink md mkdir pushd popd rem ver
    """.split()  # noqa: SIM905 (as a list it fills the page)
)


def _name(word: str) -> str:
    return re.sub(r"(?i)\.exe$", "", word)


def _halves(word: str) -> tuple[str, str]:
    return word[: (len(word) + 1) // 2], word[(len(word) + 1) // 2 :]


def plain(line: Line) -> str | None:
    """The first program where it is a file in the system's folder; None else."""
    found = next((each.text for each in pieces(line) if each.kind == "command"), None)
    return found if found and _PLAIN.match(found) and _name(found).lower() not in _BUILTINS else None


def named(put: str, before: str = "", *, files: bool = False) -> Change:
    """A change of the first program: `{word}`, `{name}` (without .exe), `{a}` and `{b}` (its halves)."""

    def change(line: Line) -> Changed:
        if files and not plain(line):
            return None

        def instead(word: str) -> tuple[str, str]:
            a, b = _halves(word)
            letters = {"word": word, "name": _name(word), "a": a, "b": b, "gaps": "_".join(word), "at": len(word)}
            return before.format(**letters), put.format(**letters)

        return first(line, instead)

    return change


def _carets(word: str) -> str:
    return "^".join(word)


def _quotes(word: str) -> str:
    """A program that is no command of cmd itself, which quotes would make a name of a file."""
    if _name(word).lower() in _BUILTINS:
        return word
    a, b = _halves(word)
    return f'{a}""{b}'


def _mixed(word: str) -> str:
    return "".join(letter.upper() if at % 2 else letter.lower() for at, letter in enumerate(word))


def _carets_everywhere(line: Line) -> str:
    return "".join(
        "^".join(each.text) if each.kind != "other" and not each.text.startswith("%") else each.text
        for each in pieces(line)
    )


def _letter_of_comspec(line: Line) -> Changed:
    """The first letter of the program out of %COMSPEC%, where that has it."""

    def instead(word: str) -> tuple[str, str]:
        at = _COMSPEC.lower().find(word[0].lower())
        return "", (f"%COMSPEC:~{at},1%{word[1:]}" if at >= 0 else word)

    return first(line, instead)


def _blanks(line: Line) -> str:
    return "".join(" \t " if each.text == " " else each.text for each in pieces(line))


def _unquoted(line: Line) -> bool:
    return '"' not in line.text and "%" not in line.text


def _forfiles(line: Line) -> Changed:
    inner = line.text.replace('"', "0x22")
    return rf'forfiles /p {SYSTEM32} /m notepad.exe /c "cmd /c {inner}"' if "%" not in line.text else None


def _piped(line: Line) -> Changed:
    if re.search(r'[%"]', line.text):
        return None
    return "echo " + re.sub(r"([&|<>^])", r"^\1", line.text) + "|cmd"


def _encoded(line: Line) -> Changed:
    if re.search(r"""["'%&|<>^]""", line.text):
        return None
    encoded = base64.b64encode(line.text.encode("utf-16-le")).decode()
    return f"powershell -nop -w hidden -enc {encoded}"


def _simply(form: str) -> Change:
    """Around a line without quotes and operators."""
    return lambda line: form.format(line.text) if simple(line) and _unquoted(line) else None


def _around(form: str) -> Change:
    return lambda line: form.format(line.text)


def _in_loop(line: Line) -> Changed:
    found = simple(line)
    if not found or not _unquoted(line):
        return None
    return f"for /f \"delims=\" %i in ('echo {line.text}') do %i"


def _doubled(line: Line) -> Changed:
    """As a batch file has it."""
    return f"for %%i in (1) do {line.text}" if "%" not in line.text else None


def _option_mark(line: Line) -> Changed:
    return f'cmd.exe /q /d /v:off /s /c "{line.text}"'


CMD = [
    Transformation(name, change)
    for name, change in {
        "carets in programs": lambda line: commands(line, _carets),
        "carets in all words": _carets_everywhere,
        "quotes within programs": lambda line: commands(line, _quotes),
        "programs in quotes": lambda line: (
            commands(line, lambda word: f'"{word}"' if plain(line) else word) if plain(line) else None
        ),
        "mixed case of programs": lambda line: commands(line, _mixed),
        "carets and quotes": lambda line: commands(line, lambda word: f"{word[0]}^{_quotes(word[1:])}"),
        "with .exe": named("{name}.exe", files=True),
        "without .exe": named("{name}"),
        "full path": named(SYSTEM32 + "\\{name}.exe", files=True),
        "%SystemRoot%": named("%SystemRoot%\\System32\\{name}", files=True),
        "%windir% and mixed slashes": named('"%windir%/System32\\{name}.exe"', files=True),
        "long path": named("\\\\?\\" + SYSTEM32 + "\\{name}.exe", files=True),
        "path through ..": named("C:\\Windows\\Temp\\..\\.\\System32\\{name}.exe", files=True),
        "quoted path with slashes": named('"C:/Windows/System32/{name}.exe"', files=True),
        "set and call": named("%za%%zb%", "set za={a}&&set zb={b}&&call "),
        "set and call, with part": named("%zc:~2,{at}%", "set zc=xx{word}yy&call "),
        "set and call, with replacement": named("%zc:_=%", "set zc={gaps}&call "),
        "delayed expansion": lambda line: (
            (
                f'cmd /v:on /c "set za={_halves(plain(line) or "")[0]}&&'
                + str(first(line, lambda word: ("", f"!za!{_halves(word)[1]}")))
                + '"'
            )
            if plain(line) and '"' not in line.text
            else None
        ),
        "a letter of %COMSPEC%": _letter_of_comspec,
        "%COMSPEC%": _around("%COMSPEC% /c {}"),
        "cmd /c within": _around("cmd /c {}"),
        "cmd thrice": _around("cmd /c cmd.exe /C c^md /c {}"),
        "cmd /r": _around('cmd /r "{}"'),
        "options of cmd": _option_mark,
        "start /b": lambda line: f"start /b {line.text}" if plain(line) and simple(line) else None,
        'start ""': lambda line: f'start "" /min /wait {line.text}' if plain(line) and simple(line) else None,
        "start cmd": lambda line: f'start /min cmd /c "{line.text}"',
        "call": lambda line: f"call {line.text}" if simple(line) else None,
        "forfiles": _forfiles,
        "for over one": lambda line: f"for %i in (1) do {line.text}",
        "for over one, in a batch file's words": _doubled,
        "for over the program": named("%i", "for %i in ({word}) do "),
        "for /f over the line": _in_loop,
        "delimiters before": lambda line: f",;={line.text}",
        "parentheses": lambda line: f"(({line.text}))",
        "at sign": lambda line: f"@{line.text}",
        "condition": lambda line: f"if 1==1 ({line.text})",
        "commands around": lambda line: f"ver>nul & {line.text} & rem done",
        "and, or": lambda line: f"cd /d %TEMP% && {line.text} || echo failed",
        "many blanks": _blanks,
        "piped into cmd": _piped,
        "copy in the same line": named(
            "%TEMP%\\w1.exe", "copy /y C:\\Windows\\System32\\{name}.exe %TEMP%\\w1.exe&&", files=True
        ),
        "link in the same line": named(
            "C:\\Users\\Public\\w2.exe",
            "mklink C:\\Users\\Public\\w2.exe C:\\Windows\\System32\\{name}.exe>nul&",
            files=True,
        ),
        "powershell -Command": lambda line: (
            f"powershell -Command {line.text}" if plain(line) and simple(line) and _unquoted(line) else None
        ),
        "powershell -EncodedCommand": _encoded,
        "wmic": _simply('wmic process call create "cmd /c {}"'),
        "pcalua": _simply('pcalua -a cmd.exe -c "/c {}"'),
        "conhost": lambda line: f"conhost --headless cmd /c {line.text}",
        "runas": _simply('runas /savecred /user:anna "cmd /c {}"'),
        "scheduled": _simply('schtasks /create /f /tn Upd /sc once /st 23:59 /tr "{}"'),
        "rundll32 and mshta": _simply(
            'mshta vbscript:Execute("CreateObject(""WScript.Shell"").Run ""cmd /c {}"",0:close")'
        ),
    }.items()
]
