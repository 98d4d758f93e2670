"""Letters that look like ASCII ones become those, names in other scripts stay."""

import pytest

from exfilwatch.commands.command import Undoing
from exfilwatch.commands.letters import folded


@pytest.mark.parametrize(
    ("written", "read", "step"),
    [
        ("ｃｕｒｌ －Ｔ ｘ", "curl -T x", "full-width or styled letters"),
        ("𝒄𝓾𝓇𝗅 -T x", "curl -T x", "full-width or styled letters"),
        ("сurl -T x", "curl -T x", "homoglyph"),
        ("/usr/bin/сսrl -T x", "/usr/bin/curl -T x", "homoglyph"),
        ("C:\\Windows\\сору.exe a b", "C:\\Windows\\copy.exe a b", "homoglyph"),
        ("curl -Т x", "curl -T x", "homoglyph"),
        ("curl --uрload-file x", "curl --upload-file x", "homoglyph"),
        ("c\u200bu\u2060r\u202el -T x", "curl -T x", "invisible letters"),
        ("curl –T x", "curl -T x", "unusual dash"),
        ("curl —data x", "curl -data x", "unusual dash"),
        ("curl -d “a b” ‘c’", "curl -d \"a b\" 'c'", "unusual quote"),
        ("curl\u00a0-T\u3000x", "curl -T x", "unusual blank"),
        ("certutil ⁄ｅncode", "certutil ⁄encode", "full-width or styled letters"),
    ],
)
def test_what_looks_like_ascii_is_made_ascii(written: str, read: str, step: str) -> None:
    undoing = Undoing()
    assert folded(written, undoing) == read
    assert step in undoing.bounds.steps


@pytest.mark.parametrize(
    "text",
    [
        "curl -T x http://h/",
        "copy C:\\Документы\\Отчёт.docx D:\\",
        "cp /home/анна/рас.docx /tmp",
        "tar cf a.tar /srv/data/Ελλάδα /srv/data/資料：予定 /srv/Ａ社",
        "curl -T it’s.txt http://h/",
        "curl http://аpi.example.com/",
        "scp naïve café.txt h:",
        "echo 5 m² №5 ½",
        "",
    ],
)
def test_other_names_stay(text: str) -> None:
    undoing = Undoing()
    assert folded(text, undoing) == text
    assert not undoing.bounds.steps
