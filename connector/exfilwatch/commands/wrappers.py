"""Programs that run other commands (wrappers.yml): where in their words these stand."""

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from exfilwatch.commands.command import Command
from exfilwatch.commands.shells.argv import argv
from exfilwatch.packaged import packaged
from exfilwatch.structs import ready

_LOOKED_AT = 2_000
_FEW = 6
"""Words among which a program is told to run another one."""
_SCRIPT_URL = re.compile(r"\b(?P<language>javascript|vbscript):", re.IGNORECASE)
_LIBRARY = re.compile(
    r"[,\s](?:ShellExec_RunDLL[AW]?|RegisterOCX|LaunchApplication|RouteTheCall|OpenURLA?|FileProtocolHandler)\s+(?P<line>.+)",
    re.IGNORECASE | re.DOTALL,
)
"""Functions that rundll32 can call to start a program, as LOLBAS documents them."""
_MODULES = {"azure.cli": "az", "awscli": "aws", "httpie": "http", "httpie.core": "http", "s3cmd": "s3cmd", "b2": "b2"}
"""Modules of Python that are the programs of these names."""
_IMAGES = {"aws-cli": "aws"} | {
    name: name
    for name in ("curl", "rclone", "restic", "kopia", "mc", "git", "socat", "s3cmd", "s5cmd", "rsync", "lftp", "gsutil")
}
"""Images of containers that run one program, which their words are for, as their publishers name them."""
_CODES = (
    ("-c", "python", re.compile(r"(?:^|[;\n])\s*(?:import|from)\s+\w")),
    ("-e", "perl", re.compile(r"\buse\s+\w+(?:::\w+)*\s*;|\bmy\s+[$@%]|\$\w+\s*->")),
    (
        "-e",
        "javascript",
        re.compile(r"=>|\bfetch\s*\(|\brequire\s*\(\s*['\"][^'\"]+['\"]\s*\)\s*\.|\b(?:const|let|var)\s+\w+\s*="),
    ),
    ("-e", "ruby", re.compile(r"\brequire\s*\(?\s*['\"]|\bputs\b|\w+\.new\b|\b[A-Z]\w*::[A-Z]")),
    ("-e", "javascript", re.compile(r"\brequire\s*\(|\bfetch\s*\(|=>")),
    ("-r", "php", re.compile(r"\$\w+\s*=|\w+\s*\(.*\)\s*;")),
)
_SENDS = re.compile(
    r"(?:^|[\s;&|/(`])(?:curl|wget|nc|ncat|socat|rclone|aws|gsutil|gcloud|azcopy|az|s3cmd|mc|scp|sftp|rsync|l?ftp|tftp|openssl"
    r"|python[\d.]*|perl|ruby|php|node|mailx?|mutt|sendmail|smbclient|ssh|dig|nslookup)\s|/dev/(?:tcp|udp)/"
)
"""A program in the script of another host that sends; what else runs there is that host's own work."""
_EDITORS = {"lua": "lua", "rub": "ruby", "perl": "perl", "tcl": "tcl"}
_OF_EDITORS = re.compile(r":?\s*(lua|rub|perl|tcl)\w{0,4}\s")
"""How vim is told code of another language than Python's (`:lua ...`)."""
_CONNECTS = re.compile(r"(?:Proxy|Local)Command[= ]\s*(?P<line>.+)", re.IGNORECASE | re.DOTALL)
"""The options of ssh that have it start a program here."""
_CODE_OPTIONS = frozenset(option for option, _, _ in _CODES)


class Wrapper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a program's words tell what it runs; wrappers.yml says what each member means."""

    runs: Literal["words", "script", "line", "code", "nothing"]
    shell: Literal["", "posix", "cmd", "powershell"] = ""
    language: str = ""
    option: tuple[str, ...] = ()
    first: bool = False
    rest: bool = False
    then: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    between: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    valued: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    skips: int = 0
    assigns: bool = False
    slash: bool = False
    titled: bool = False
    hosts: bool = False
    remote: bool = False
    input: bool = False
    unnamed: bool = False
    lines: Literal["", "cron"] = ""


class Inner(NamedTuple):
    """What is run: `words`, or a `text` in a shell's language (`posix`, `cmd`, `powershell`), as a command line without
    a shell (`line`), or as code of another language. `whole`: the text is the line that starts the shell; `input`: it
    came by standard input."""

    kind: str
    text: str
    words: tuple[str, ...] = ()
    whole: bool = False
    input: bool = False


@lru_cache(1)
def wrappers() -> tuple[Mapping[str, Wrapper], Sequence[tuple[str, Wrapper]]]:
    """The wrappers by name, and those by pattern."""
    found = msgspec.convert(packaged("exfilwatch.commands", "wrappers.yml"), ready(dict[str, Wrapper]))
    return (
        {name: each for name, each in found.items() if "*" not in name},
        [(name, each) for name, each in found.items() if "*" in name],
    )


@lru_cache(10_000)
def wrapper(program: str) -> Wrapper | None:
    """The wrapper that a program's plain name means."""
    exact, patterns = wrappers()
    if found := exact.get(program):
        return found
    return next((each for pattern, each in patterns if _is_version(program, pattern)), None)


def _is_version(program: str, pattern: str) -> bool:
    return fnmatchcase(program, pattern) and program[len(pattern) - 1 :].strip("0123456789.-_") == ""


def inners(command: Command) -> Iterator[Inner]:
    """What a command runs, as far as its words and its input tell."""
    found = wrapper(command.program)
    if found is None:
        yield from _guessed(command.words)
        return
    if found.only and not _has(command.words, found.only):
        return
    match found.runs:
        case "words":
            yield from _words(found, command.words)
            return
        case "nothing":
            yield from _hosted(command)
            return
    if found.remote:
        at = _behind_options(found, command.words, _behind_options(found, command.words, 1) + 1)
        text = " ".join(command.words[at:])
        if _SENDS.search(text):
            yield Inner(found.shell, text)
        for word in command.words[1:at]:
            if started := _CONNECTS.search(word):
                yield Inner("line", started["line"], input=True)
        return
    if found.shell in ("cmd", "powershell") and found.input and len(command.words) > 1:
        yield Inner(found.shell, joined(command.words), whole=True)
        return
    if found.language == "python" and (module := _module(command.words)):
        yield Inner("words", "", module)
        return
    shell = found.shell or ("line" if found.runs == "line" else found.language)
    texts = list(_texts(found, command.words))
    if texts and found.runs == "code" and found.rest and '"' in command.raw:
        texts = [command.raw.partition(" ")[2]]  # code with its quotes, which the words have lost
    elif len(texts) > 1 and found.runs == "code":
        texts = ["\n".join(texts)]  # each is a line of one script
    for text in texts:
        yield Inner(language_of(found, text) or shell, text)
    if texts or not found.input:
        return
    if at := _script_at(found, command.words):
        yield Inner("words", "", tuple(command.words[at:]))
    elif command.text is not None:
        text = command.text
        if found.lines == "cron":
            text = "\n".join(filter(None, map(_scheduled, text.splitlines())))
        yield Inner(shell, text, input=True)


def _hosted(command: Command) -> Iterator[Inner]:
    """The script that a URL of its language holds, whatever the program does beside that (rundll32 javascript:...), and
    the command line that a function of a library starts."""
    if started := _LIBRARY.search(command.raw):
        yield Inner("line", started["line"])
    if found := _SCRIPT_URL.search(command.raw):
        yield Inner(found["language"].lower(), command.raw[found.start() :])


def _module(words: Sequence[str]) -> tuple[str, ...]:
    """The words of the program that `python -m MODULE` is; none where it is no such program."""
    for at, word in enumerate(words[1:-1], 1):
        if word[:1] != "-":
            break
        if word[-1] == "m" and word[1:].isalpha():
            known = _MODULES.get(words[at + 1])
            return (known, *words[at + 2 :]) if known else ()
    return ()


def language_of(found: Wrapper, text: str) -> str:
    """The language of code that a program is given; "" when it is a shell's."""
    if found.language != "script":
        other = _OF_EDITORS.match(text) if found.language == "python" else None
        return _EDITORS[other[1]] if other else found.language
    return "vbscript" if "vbscript:" in text.lower() else "javascript"


def _guessed(words: Sequence[str]) -> Iterator[Inner]:
    """The code that an interpreter under a name of its own is given, told by how its language begins."""
    if _CODE_OPTIONS.isdisjoint(words):
        return
    for at in range(1, len(words) - 1):
        for option, language, begins in _CODES:
            if words[at] == option and begins.search(words[at + 1][:_LOOKED_AT]):
                yield Inner(language, words[at + 1])
                return


def _has(words: Sequence[str], wanted: Sequence[str]) -> bool:
    lower = {word.lower() for word in words}
    return any(each in lower for each in wanted)


def _split(found: Wrapper, words: Sequence[str]) -> Sequence[str]:
    """The words with the value of such an option split into words of their own."""
    for at, word in enumerate(words[1:], 1):
        for option in found.split:
            long = option.startswith("--")
            if word == option and at + 1 < len(words):
                return [*words[:at], *argv(words[at + 1], False), *words[at + 2 :]]
            if word.startswith(option + "=" if long else option) and word != option:
                value = word[len(option) :].removeprefix("=")
                return [*words[:at], *argv(value, False), *words[at + 1 :]]
        if word[:1] != "-":
            break
    return words


def _words(found: Wrapper, words: Sequence[str]) -> Iterator[Inner]:
    words = _split(found, words) if found.split else words
    if found.between:
        start = 0
        for at, word in enumerate(words):
            if word in found.option:
                start = at + 1
            elif start and word.lstrip("\\") in found.between:
                yield Inner("words", "", tuple(words[start:at]))
                start = 0
        if start:
            yield Inner("words", "", tuple(words[start:]))
        return
    start = _start(found, words)
    if not start:
        return
    at = _behind_options(found, words, start)
    if found.titled and at < len(words) and not words[at].strip('"'):
        at = _behind_options(found, words, at + 1)
    if found.hosts and at < len(words) and words[at].startswith("\\\\"):
        at = _behind_options(found, words, at + 1)
    if found.skips and at + found.skips + 1 < len(words) and words[at + found.skips] in ("-c", "--command"):
        yield Inner("posix", words[at + found.skips + 1])  # flock FILE -c SCRIPT
        return
    if at < len(words) and " " in words[at] and words[0].endswith("parallel"):
        yield Inner("posix", words[at])
        return
    own = _IMAGES.get(_of_image(words[at])) if words[start - 1] == "run" and at < len(words) else None
    at += found.skips
    if at < len(words):
        yield Inner("words", "", (*([own] if own else ()), *words[at:]))


def _of_image(name: str) -> str:
    """The last part of a container image's name: `curl` of `curlimages/curl:8.5.0`."""
    return name.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _behind_options(found: Wrapper, words: Sequence[str], at: int) -> int:
    while at < len(words):
        word = words[at]
        if word == "--":
            return at + 1
        is_option = word[:1] == "-" and len(word) > 1
        if is_option or (found.slash and word[:1] == "/" and "/" not in word[1:]):
            at += 2 if _takes(found, word) else 1
        elif found.assigns and "=" in word and word.partition("=")[0].isidentifier():
            at += 1
        else:
            return at
    return at


def _start(found: Wrapper, words: Sequence[str]) -> int:
    """Where the options begin of what runs another command; 0 when it is not asked to."""
    if not found.begins:
        return 1
    return next((at + 1 for at, word in enumerate(words[:_FEW]) if at and word in found.begins), 0)


def _takes(found: Wrapper, word: str) -> bool:
    if word in found.valued or word.lower() in found.valued:
        return True
    # A bundle whose last letter takes a value.
    return (
        word[:1] == "-" and word[1:2] != "-" and len(word) > 2 and "-" + word[-1] in found.valued and word[1:].isalpha()
    )


def _texts(found: Wrapper, words: Sequence[str]) -> Iterator[str]:
    if found.after:
        at = next((at for at, word in enumerate(words) if word.lower() in found.after), None)
        if at is not None and at + 1 < len(words):
            yield joined(words[at + 1 :])
        return
    given = False
    begins = {"-", *(option[:1].lower() for option in found.option)}
    for at in range(1, len(words)):
        value = _value(found, words, at) if words[at][:1].lower() in begins else None
        if value is not None:
            given = True
            more = [each for option in found.then for each in _following(words, option)]
            yield " ".join([value, *more])
    if given or not found.first:
        return
    start = _start(found, words)
    if not start:
        return
    at = _behind_options(found, words, start) + found.skips
    if at < len(words):
        more = [each for option in found.then for each in _following(words, option)]
        rest = words[at:] if found.rest else words[at : at + 1]
        if found.then and len(words) > at + 1 and not words[at + 1].startswith("-"):
            rest = words[at : at + 2]
        yield " ".join([*rest, *more])


def _value(found: Wrapper, words: Sequence[str], at: int) -> str | None:
    """What the word at `at`, when it is an option that says what is run, says."""
    word = words[at]
    following = words[at + 1] if at + 1 < len(words) else None
    for option in found.option:
        if word.lower() == option.lower() and (len(option) > 2 or word == option or found.slash):
            return following
        if option.startswith("--") and word.startswith(option + "="):
            return word[len(option) + 1 :]
        if (
            len(option) > 2
            and option[0] == "-"
            and option[1] != "-"
            and option.lower().startswith(word.lower())
            and len(word) > 2
        ):
            return following
        if option.endswith("=") and word.lower().startswith(option) and len(word) > len(option):
            return word[len(option) :]
        if len(option) == 2 and word[:1] == "-" and word[1:2] not in ("-", "") and len(word) > 2:
            if found.shell and option[1] in word[1:] and word[1:].isalpha():
                return following
            if word.startswith(option):
                return word[2:]
            if word[-1] == option[1] and word[1:].isalnum():
                return following
    return None


def _following(words: Sequence[str], option: str) -> list[str]:
    for at, word in enumerate(words[:-1]):
        if len(word) > 2 and option.lower().startswith(word.lower()):
            return [words[at + 1]]
        if word.lower() == option:
            return [words[at + 1]]
    return []


def _script_at(found: Wrapper, words: Sequence[str]) -> int:
    """Where the words name a script, so that the input is none: a program in that language (aws, s3cmd); 0: nowhere."""
    if found.unnamed:
        return 0
    at = _behind_options(found, words, 1)
    named = at < len(words) and words[at] not in ("-", "/dev/stdin") and "-s" not in words and not found.lines
    return at if named else 0


def joined(words: Sequence[str]) -> str:
    """Words as a line: those with blanks in quotes, unless there is only one."""
    if len(words) == 1:
        return words[0]
    return " ".join(f'"{word}"' if (" " in word or "\t" in word) and '"' not in word else word for word in words)


def _scheduled(line: str) -> str:
    """The command of a line of a crontab."""
    line = line.strip()
    if not line or line.startswith("#"):
        return ""
    fields = line.split(None, 1 if line.startswith("@") else 5)
    return fields[-1] if len(fields) == (2 if line.startswith("@") else 6) else ""
