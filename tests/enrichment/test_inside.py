"""What is known without asking anybody else: databases of addresses, the store, lists, the resolver of this machine."""

import asyncio
import socket
from pathlib import Path

import pytest

from exfilwatch.errors import ConfigError, SourceError
from exfilwatch.findings.marks import Disposition
from exfilwatch_playbooks.enrichment.enrich import Enrichers
from exfilwatch_playbooks.enrichment.enrichers.assets import Assets
from exfilwatch_playbooks.enrichment.enrichers.geo import Geo
from exfilwatch_playbooks.enrichment.enrichers.past import Past
from exfilwatch_playbooks.enrichment.enrichers.reverse_dns import ReverseDns
from exfilwatch_playbooks.enrichment.indicator import Indicator, indicator

from .made import NOW, START, make, means, subject_of
from .mmdb import database

COUNTRY = {"country": {"iso_code": "NL", "names": {"en": "Netherlands", "de": "Niederlande"}}}
ASN = {"autonomous_system_number": 64500, "autonomous_system_organization": "Example Hosting"}


def address(text: str) -> Indicator:
    found = indicator(text)
    assert found is not None
    return found


def looked_up(enricher, text: str) -> dict[str, str]:
    async def ask():
        try:
            return await enricher.look_up(address(text))
        finally:
            await enricher.close()

    return {answer.key: answer.value for answer in asyncio.run(ask())}


def surveyed(enricher, subject) -> dict[tuple[str, str], tuple[str, tuple[str, ...]]]:
    said = asyncio.run(enricher.survey(subject))
    return {(about, answer.key): (answer.value, answer.items) for about, answer in said.answers}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    built = int(NOW.timestamp()) - 86_400
    (tmp_path / "country.mmdb").write_bytes(database({"8.8.0.0/16": COUNTRY, "2001:4860::/32": COUNTRY}, built=built))
    (tmp_path / "asn.mmdb").write_bytes(
        database({"8.8.8.0/24": ASN, "9.9.9.9/32": {"asn": "AS19281", "as_name": "Q", "country": "CH"}}, built=built)
    )
    return [str(tmp_path / "country.mmdb"), str(tmp_path / "asn.mmdb")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("8.8.8.8", {"geo.country": "Netherlands (NL)", "geo.network": "AS64500 Example Hosting"}),
        ("8.8.1.1", {"geo.country": "Netherlands (NL)"}),
        ("2001:4860::8888", {"geo.country": "Netherlands (NL)"}),
        ("9.9.9.9", {"geo.country": "CH", "geo.network": "AS19281 Q"}),
        ("7.7.7.7", {}),
    ],
)
def test_country_and_network(files, text, said):
    assert looked_up(Geo("geo", Geo.Settings(files=tuple(files)), means()), text) == said


def test_old_files_are_named_as_such(tmp_path: Path):
    (tmp_path / "old.mmdb").write_bytes(database({"8.8.0.0/16": COUNTRY}))
    enricher = Geo("geo", Geo.Settings(files=(str(tmp_path / "old.mmdb"),)), means())
    assert looked_up(enricher, "8.8.8.8")["geo.age"] == "of 2023-11-14: fetch newer ones"


def test_without_files_it_says_where_they_come_from(only):
    only(Geo)
    assert Enrichers({"geo": {}}, means()).off["geo"].startswith("needs files: fetch GeoLite2 from MaxMind or the Lite")


@pytest.mark.parametrize(
    ("content", "said"), [(None, "there is no such file: fetch"), (b"x" * 100, "can't be read as a")]
)
def test_a_file_that_is_none_says_what_to_do(tmp_path: Path, content, said):
    file = tmp_path / "x.mmdb"
    if content:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        looked_up(Geo("geo", Geo.Settings(files=(str(file),)), means()), "8.8.8.8")


def test_reverse_dns_asks_the_resolver_of_this_machine():
    assert looked_up(ReverseDns("reverse_dns", ReverseDns.Settings(), means()), "127.0.0.1") == {
        "dns.reverse": "localhost"
    }


@pytest.mark.parametrize(("code", "said"), [(socket.EAI_NONAME, "no name"), (socket.EAI_AGAIN, None)])
def test_no_name_is_an_answer_and_a_broken_resolver_is_none(monkeypatch, code, said):
    def fails(*_):
        raise socket.gaierror(code, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getnameinfo", fails)
    enricher = ReverseDns("reverse_dns", ReverseDns.Settings(), means())
    if said:
        assert looked_up(enricher, "8.8.8.8") == {"dns.reverse": said}
    else:
        with pytest.raises(SourceError, match="the resolver answered: Temporary failure"):
            looked_up(enricher, "8.8.8.8")


def test_earlier_findings_of_the_user_and_the_host_with_what_became_of_them(store):
    before = [make(f"p{at}", -60 * 24 * at, host="WS1" if at % 2 else "WS7") for at in range(1, 7)]
    other = make("o", -60, host="WS9", user="CORP\\bert")
    old = make("old", -60 * 24 * 50)
    now = make("now", branch="collection", level="high")
    store.save([*before, other, old, now])
    store.mark(before[0].id, Disposition.FALSE_POSITIVE, "a backup")
    said = surveyed(Past("past", Past.Settings(), means(store)), subject_of(now))
    assert said == {
        ("", "past.findings"): ("6", ("Rule transfer_tool (6)",)),
        ("", "past.level"): ("medium", ()),
        ("", "past.hosts"): ("1", ("WS7",)),
        ("", "past.marks"): ("1 false-positive", ()),
        ("", "past.again"): ("5 a day or more before", ()),
        ("", "past.again_level"): ("medium", ()),
    }


def test_accounts_of_every_host_tell_nothing_of_another_host(store):
    store.save([make("a", -60, host="WS9", user="NT AUTHORITY\\SYSTEM"), make("b", user="NT AUTHORITY\\SYSTEM")])
    said = surveyed(Past("past", Past.Settings(), means(store)), subject_of(make("b", user="NT AUTHORITY\\SYSTEM")))
    assert said == {("", "past.findings"): ("none", ())}


@pytest.mark.parametrize("comma", [",", ";", "\t"])
def test_role_and_owner_from_a_list(tmp_path: Path, comma):
    file = tmp_path / "assets.csv"
    rows = [("Host", "Role", "Owner", "Criticality"), ("ws1.corp.local", "Payroll", "hr@corp.test", "High"),
            ("10.1.1.1", "Backup server", "", "")]  # fmt: skip
    file.write_text("\n".join(comma.join(row) for row in rows), encoding="utf-8-sig")
    subject = subject_of(make("a", CommandLine="curl -T a.zip http://10.1.1.1/"))
    assert surveyed(Assets("assets", Assets.Settings(file=file), means()), subject) == {
        ("", "asset.role"): ("Payroll", ()),
        ("", "asset.owner"): ("hr@corp.test", ()),
        ("", "asset.criticality"): ("high", ()),
        ("10.1.1.1", "destination.role"): ("Backup server", ()),
    }


def test_a_list_that_changes_is_read_again(tmp_path: Path):
    import os

    file = tmp_path / "assets.csv"
    enricher, subject = Assets("assets", Assets.Settings(file=file), means()), subject_of(make("a"))
    file.write_text("host,role\nWS2,x\n")
    assert surveyed(enricher, subject)["", "asset.role"][0] == "not known: WS1 is not in assets.csv"
    file.write_text("host,role\nWS1,kiosk\n")
    os.utime(file, (START.timestamp(), START.timestamp()))
    assert surveyed(enricher, subject)["", "asset.role"][0] == "kiosk"


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no such file: write it"), (b"name,role\nx,y", "has no column 'host': set `host` to one of"),
     (b"\xff\xfe\x00", "can't be read as CSV in UTF-8")],
)  # fmt: skip
def test_a_list_that_is_none_says_what_to_do(tmp_path: Path, content, said):
    file = tmp_path / "assets.csv"
    if content:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        surveyed(Assets("assets", Assets.Settings(file=file), means()), subject_of(make("a")))
