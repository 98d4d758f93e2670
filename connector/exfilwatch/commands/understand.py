"""A command line understood: which commands run in the end, whatever hides them and whatever runs them."""

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from exfilwatch.commands import applescript
from exfilwatch.commands.command import LONGEST_LINE, Command, Undoing, program
from exfilwatch.commands.drafts import CONCERNED, Drafts
from exfilwatch.commands.drives import mapped
from exfilwatch.commands.letters import folded
from exfilwatch.commands.literals import plain as plain_code
from exfilwatch.commands.literals import printed
from exfilwatch.commands.mounts import mounted
from exfilwatch.commands.reading import known_tools
from exfilwatch.commands.remotes import named
from exfilwatch.commands.schedules import Left, left
from exfilwatch.commands.shells import cmd, posix, posix_output, powershell
from exfilwatch.commands.shells.argv import argv
from exfilwatch.commands.wildcards import meant
from exfilwatch.commands.wrappers import Inner, inners, joined, language_of, wrapper

Commands = Callable[[str, Undoing], list[Command]]
_SHELLS: Mapping[str, Commands] = {"posix": posix.commands, "cmd": cmd.commands, "powershell": powershell.commands}
_MOST = 500
"""Commands that are kept of one line."""
_WRITES = 20
"""Files that are kept of those that a command is redirected to."""
_INTO = 1_000
"""Characters that are kept of what a command is piped into."""
_ENTITY = re.compile(r"&(?:gt|lt|amp|quot|apos|#\d{1,5}|#x[0-9a-fA-F]{1,4});")
_WINDOWS = re.compile(r"""^["']?(?:[a-zA-Z]:|\\\\|%)|\.(?:exe|com|cmd|bat)\b""", re.IGNORECASE)
_DASH_C = re.compile(r"\s-[a-zA-Z]*c[a-zA-Z]*\s+(?P<script>.*)", re.DOTALL)
_FOUND = re.compile(r"^(?:\$\(|`)\s*(?:which|command\s+-v|type\s+-p|whereis\s+-b)\s+(?P<name>[\w./-]+)\s*(?:\)|`)$")
_EXE = re.compile(r"[\w.+-]{1,100}\.exe\b", re.IGNORECASE)
_TAGGED = re.compile(r"<<EOF|[<>]\(|<[?!/]|<[A-Za-z][\w:.-]*/?>")
"""What begins like a redirection in a record that lost its quotes, and is a substitution or a tag."""
_PATH = re.compile(r"^</(?:[\w.-]+/)*[\w.-]+$")
_CODE = frozenset(
    "python perl ruby php javascript lua awk tcl applescript vbscript groovy r julia sed make".split()  # noqa: SIM905
)
_WINDOWS_CODE = frozenset(["vbscript"])
_LOOKED_AT = 16_384
_STARTS = re.compile(
    r"""(?:\b(?:system|popen|popen2|getoutput|check_output|check_call|run|call|Popen|exec|execSync|spawnSync|shell_exec|passthru"""
    r"""|doShellScript|proc_open|execute|Run|Exec|create_subprocess_shell)|\bdo\s+shell\s+script|%x|\bqx)\s*[({]?\s*"""
    r"""(?:[bruf]{0,2}(?P<three>"{3}|'{3})(?P<long>(?:(?!(?P=three)).)*)(?P=three)|q[qx]?\{(?P<braced>[^{}]*)\}"""
    r"""|[bruf]{0,2}"(?P<text>(?:[^"\\]|\\.)*)"|[bruf]{0,2}'(?P<other>(?:[^'\\]|\\.)*)')""",
    re.DOTALL,
)
_BACKTICKS = re.compile(r"`(?P<line>[^`]{3,2000})`")
_LINES = {
    "perl": _BACKTICKS,
    "ruby": _BACKTICKS,
    "php": _BACKTICKS,
    "awk": re.compile(
        r"""["'](?P<line>[^"'\n]{3,2000})["']\s*\|&?\s*getline|\|&?\s*["'](?P<other>[^"'\n]{3,2000})["']"""
    ),
    "sed": re.compile(r"(?:^|[;{\n]|\d|\$|/)\s*e\s+(?P<line>[^\n]+)"),
    "python": re.compile(r"^\s*:?!\s*(?P<line>.+)"),
    "tcl": re.compile(r"(?:^|[;\n\[{])\s*(?:spawn|exec)\s+(?P<line>[^;\n\]]+)"),
    "make": re.compile(r"(?:;|\n\t)\s*[@-]?(?P<line>[^\n]+)"),
}
"""Where code of a language has the line of a shell that is no text of the code; of Python's what editors and gdb, which
can be told code in it, run by `!`."""
_STARTED_BY = re.compile(
    r"""Process\]::Start\s*\(\s*(["'])(?P<file>[^"']+)\1\s*(?:,\s*(["'])(?P<words>.*?)\3\s*)?\)"""
    r"""|\.\s*(?:Run|Exec|ShellExecute|Create)\s*\(\s*(["'])(?P<line>[^"']+)\5"""
    r"""|Win32_Process\b.*\bCreate\b.*?(?:-ArgumentList|-Arguments|CommandLine\s*=)[\s@{(]*(?:CommandLine\s*=\s*)?"""
    r"""(["'])(?P<other>[^"']+)\7""",
    re.IGNORECASE | re.DOTALL,
)
_STARTS_BY = ("::start", ".run", ".exec", ".create", "shellexecute", "win32_process")
_STARTERS = (
    *("system", "popen", "Popen", "getoutput", "check_", "run", "Run", "call", "exec", "Exec", "spawn", "subprocess"),
    *("passthru", "shell", "doShellScript", "%x", "qx"),
)
"""Texts of which code that starts a program has one, so that most code is not searched for how it does."""
_VECTORS = re.compile(
    r"""\b(?:check_output|check_call|run|call|Popen|execvp?e?|spawnvp?e?|spawn|spawnSync|execFile|execFileSync|system|exec)"""
    r"""\s*\(\s*(?:[\w.]+\s*,\s*)?(?:(?P<mark>['"])(?P<file>[^'"]*)(?P=mark)\s*,\s*)?\[(?P<words>[^\]]{0,1000}+)\]""",
    re.DOTALL,
)
_LISTS = re.compile(
    r"""\b(?:exec|system)\s*\(?\s*(?P<words>(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""(?:\s*,\s*(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))+)""",
    re.DOTALL,
)
"""The words of a program as Perl and Ruby take them, one by one."""
_TEXTS = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""", re.DOTALL)
_UNESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PADDING = re.compile(r"[ \t]{200,}")
_COPIES = frozenset(
    ["cp", "copy", "ln", "mv", "move", "install", "xcopy", "copy-item", "cpi", "move-item", "ren", "rename"]
)


class Understood(NamedTuple):
    """`commands`: all that run, outermost first. `plain`: their words, a command a line. `undone`: what hid them."""

    commands: tuple[Command, ...]
    plain: str
    undone: tuple[str, ...]


@lru_cache(4_096)
def understood(line: str, image: str = "", language: str = "") -> Understood:
    """The commands of a process's command line, or (`language`) of a script of a shell."""
    undoing = Undoing()
    text = line
    if ("  " in text or "\t" in text) and _PADDING.search(text):
        text = _PADDING.sub(" ", text)
        undoing.did("padding")
    text = undoing.within(text[:LONGEST_LINE])
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
        undoing.did("html escape")
    text = folded(text, undoing)
    first = _scripted(Inner(language, text), undoing) if language else _started(text, image, undoing)
    found: list[Command] = []
    for command in named(mounted(mapped(_renamed(_all(first, undoing, text))))):
        found.append(command)
        if len(found) == _MOST:
            break
    for command in found:
        for earlier in command.piped:
            if len(earlier.into) < _INTO:
                earlier.into += "\n" + " ".join(command.words)[:_INTO]
    plain = "\n".join(dict.fromkeys(" ".join(each.words) or each.raw for each in found))
    return Understood(tuple(found), plain, tuple(undoing.bounds.steps))


def _started(text: str, image: str, undoing: Undoing) -> list[Command]:
    """The commands of the program that a command line starts."""
    windows = "\\" in image or bool(_WINDOWS.search(image or text))
    if " " in image and windows:
        text = _path_quoted(text, image)
    name = program(image)
    found = wrapper(name)
    if found is None or not (found.shell or found.language):
        word = argv(text[:2000], windows)[:1]
        own = program(word[0]) if word else ""
        found, name = (wrapper(own), own) if wrapper(own) else (found, name)
    if found and found.runs == "script" and found.input:
        script = _script(found.shell, text, undoing)
        if script is not None:
            return _scripted(Inner(found.shell, script), undoing)
    if found and found.runs == "code":
        command = Command(argv(text, windows), raw=text, language=language_of(found, text))
        if command.words and image and program(command.words[0]) != name and wrapper(command.program) is None:
            command.words[0] = image
        return [command]
    first, _, more = text.partition("\n")
    if windows or not _is_closed(first):
        first, more = text, ""
    command = Command(argv(first, windows), raw=first, text=more or None)
    if command.words and name and image and program(command.words[0]) != name and wrapper(command.program) is None:
        tools = known_tools()
        if tools.named(name) or not tools.named(command.program):  # else the file is renamed, and its first word is not
            command.words[0] = image
    if not windows or "<" in command.words or (">" in command.words and known_tools().named(command.program)):
        _redirect(command)
    return [command, *(posix.commands(more, undoing) if more else [])]


def _path_quoted(text: str, image: str) -> str:
    """The line with its program's path in quotes, where it stands without them though it has a blank: Windows finds
    such a program by trying."""
    for begin in (image, image.removesuffix(".exe")):
        if text[: len(begin)].lower() == begin.lower() and text[len(begin) : len(begin) + 1] in ("", " "):
            return f'"{begin}"{text[len(begin) :]}'
    return text


def _redirect(command: Command) -> None:
    """Take the redirections out of the words of a record that was written down as it was typed."""
    words, left = iter(command.words[1:]), command.words[:1]
    for word in words:
        mark = next((mark for mark in ("<<<", ">>", ">", "<") if word.startswith(mark)), "")
        if not mark or (_TAGGED.match(word) and not _PATH.match(word)):
            left.append(word)
            continue
        target = word[len(mark) :] or next(words, "")
        if mark == "<<<":
            command.text = target
        elif mark == "<":
            command.reads = target
        elif len(command.writes) < _WRITES:  # what the command runs inherits them
            command.writes.append(target)
    command.words = left


def _is_closed(text: str) -> bool:
    return text.count("'") % 2 == 0 and text.count('"') % 2 == 0


def _script(shell: str, text: str, undoing: Undoing) -> str | None:
    """The script that a shell's command line carries; None when it carries none."""
    match shell:
        case "cmd":
            return cmd.script_of(text) or None
        case "powershell":
            return powershell.script_of(text, undoing) or None
    found = _DASH_C.search(text)
    if not found:
        return None
    script = found["script"].strip()
    if script[:1] in ("'", '"'):
        # Records of Linux have lost the quotes around the script, or have them.
        words = argv(script, False)
        if words and (len(words) == 1 or any(blank in words[0] for blank in " \n\t;")):
            return words[0]
    return script


def _scripted(inner: Inner, undoing: Undoing) -> list[Command]:
    if inner.kind not in _SHELLS:
        return [Command([], raw=inner.text, language=inner.kind)]
    found = _SHELLS[inner.kind](inner.text, undoing)
    if inner.kind == "powershell":
        for each in found:
            each.language = "powershell"
    return found


def _all(commands: Sequence[Command], undoing: Undoing, text: str) -> Iterator[Command]:
    """The commands, those that they run, and what they leave for a scheduler."""
    drafts = Drafts() if CONCERNED.search(text) or undoing.bounds.steps else None
    yield from _expanded(commands, undoing, drafts)
    if drafts is not None:
        yield from _scheduled(Command([]), drafts.end(), undoing, drafts)


def _expanded(commands: Sequence[Command], undoing: Undoing, drafts: Drafts | None) -> Iterator[Command]:
    """The commands, and after each those that it runs. `drafts`: what is written for schedulers, where some may be."""
    for command in _matched(commands, undoing):
        if command.language == "applescript":
            command.raw = applescript.plain(command.raw, undoing)
        if command.language in _CODE:
            command.raw = plain_code(command.raw, undoing)
        yield command
        if command.language in _CODE and (within := undoing.inner()):
            called = _called(command, within)
            for each in called:
                each.within = (*command.within, command.language)
            yield from _expanded(called, within, drafts)
        if command.language == "powershell" and (line := _started_by(command)) and (within := undoing.inner()):
            called = _inner(command, Inner("line", line), within)
            for each in called:
                each.within = (*command.within, "powershell")
            yield from _expanded(called, within, drafts)
        if command.text is None and command.piped and (reader := wrapper(command.program)) and reader.input:
            command.text = _printed(command.piped[-1], undoing)
        for inner in inners(command):
            within = undoing.inner()
            if within is None:
                continue
            if inner.kind == "posix":
                posix.give(command.words, within)
            found = _inner(command, inner, within)
            for each in found:
                each.within = (*command.within, command.program)
                if not (each.reads or each.piped or each.text is not None or inner.input):
                    each.reads, each.text, each.piped = command.reads, command.text, command.piped
                each.writes = each.writes or command.writes
            yield from _expanded(found, within, drafts)
        if drafts is not None:
            output = posix_output.written(command, undoing) if command.writes else None
            yield from _scheduled(command, drafts.after(command, output), undoing, drafts)
        yield from _scheduled(command, left(command), undoing, drafts)


def _scheduled(command: Command, given: Iterable[Left], undoing: Undoing, drafts: Drafts | None) -> Iterator[Command]:
    """The commands that a scheduler is given by a command."""
    for name, inner in given:
        within = undoing.inner()
        if within is not None:
            found = _inner(command, inner, within)
            for each in found:
                each.within = (*command.within, name)
            yield from _expanded(found, within, drafts)


def _printed(command: Command, undoing: Undoing) -> str | None:
    """The text that code on a command line prints."""
    found = wrapper(command.program)
    if found is None or found.runs != "code":
        return None
    codes = [inner.text for inner in inners(command) if inner.kind in _CODE]
    return printed(plain_code(codes[0], undoing)) if len(codes) == 1 else None


def _matched(commands: Iterable[Command], undoing: Undoing) -> Iterator[Command]:
    """The commands, one named by a path with wildcards as each of the known programs that this can mean."""
    for command in commands:
        word = command.words[0] if command.words and not command.language else ""
        names = meant(word) if word[:1] in ("/", ".", "~", "?", "*", "[") else ()
        if not names:
            yield command
            continue
        undoing.did("wildcard")
        for name in names:
            yield Command(
                [name, *command.words[1:]],
                name + command.raw.removeprefix(word),
                command.reads,
                command.text,
                command.writes,
                command.piped,
                within=command.within,
            )


def _called(command: Command, undoing: Undoing) -> list[Command]:
    """The commands that code hands to a shell or starts, where they stand in it as texts."""
    found: list[Command] = []
    kind = "cmd" if command.language in _WINDOWS_CODE else "posix"
    raw = command.raw[:_LOOKED_AT]
    if lines := _LINES.get(command.language):
        for match in lines.finditer(raw):
            line = match["line"] or match.groupdict().get("other") or ""
            begun = _scripted(Inner("posix", undoing.within(line)), undoing)
            if begun and not match["line"] and not begun[0].piped:
                begun[0].piped = [Command(["cat", *command.words[2:]])]  # awk's `print | "nc ..."`
            found += begun
    if not any(name in raw for name in _STARTERS):
        return found
    if kind == "cmd" and '""' in raw:
        raw = raw.replace('""', '"')  # a text within a text
    for match in _STARTS.finditer(raw):
        text = match["text"] or match["other"] or match["long"] or match["braced"] or ""
        if kind != "cmd":
            text = _UNESCAPE.sub(_unescaped, text)
        found += _scripted(Inner(kind, undoing.within(text)), undoing)
    for match in (*_VECTORS.finditer(raw), *_LISTS.finditer(raw)):
        words = [_UNESCAPE.sub(_unescaped, a or b) for a, b in _TEXTS.findall(match["words"])]
        file = match.groupdict().get("file")
        if file and program(file) != program(next(iter(words), "")):
            words.insert(0, file)  # Python's vectors begin with the program's name, Node's do not
        found.append(Command(words, raw=joined(words)))
    return found


def _started_by(command: Command) -> str:
    """The command line that .NET, COM or WMI starts in a statement of PowerShell; "" when it starts none."""
    raw = command.raw[:_LOOKED_AT]
    lower = raw.lower()
    if not any(name in lower for name in _STARTS_BY) or not (found := _STARTED_BY.search(raw)):
        return ""
    return found["line"] or found["other"] or f"{found['file']} {found['words'] or ''}".strip()


def _unescaped(found: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(found[1], found[1])


def _inner(command: Command, inner: Inner, undoing: Undoing) -> list[Command]:
    text = undoing.within(inner.text)
    match inner.kind:
        case "words":
            return [Command(list(inner.words), raw=joined(inner.words))]
        case "line":
            return [Command(argv(text, True), raw=text)]
        case "posix" | "cmd" | "powershell":
            script = _script(inner.kind, text, undoing) if inner.whole else text
            if inner.whole and not script:
                script = command.text  # it reads its commands from its input
            return _scripted(inner._replace(text=script), undoing) if script else []
    return [Command([command.words[0]], raw=text, language=inner.kind)]


def _renamed(commands: Iterable[Command]) -> Iterator[Command]:
    """The commands, those of copies and links of programs that the same line made under the programs' own names."""
    copies: dict[str, str] = {}
    for command in commands:
        words = command.words
        first = words[0] if words else ""
        if words and copies and (source := copies.get(first.removeprefix("./"))):
            command.raw = source + command.raw.removeprefix(first)
            words[0] = source
        elif first[:1] in ("(", "$", "`"):
            if found := _FOUND.match(first):
                words[0] = found["name"]
            elif first[0] != "`" and (made := _EXE.search(first)):
                words[0] = made[0]
        if command.program in _COPIES:
            given = [word for word in words[1:] if not word.startswith("-")]
            if len(given) == 2 and given[0] != given[1]:
                sought = _FOUND.match(given[0])
                copies[given[1].removeprefix("./")] = sought["name"] if sought else given[0]
        yield command
