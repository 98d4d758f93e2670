"""`exfilwatch tools`, and what a site says of its own tools, places and files: as processes, for it is read once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.commands import destinations, sensitive

from .program import Ended, called, inside, on_terminal

SHIP = """\
# of our platform team
name: ship
programs: [ship]
family: file transfer
protocol: http
valued: [--to, --from]
forms:
  - does: upload
    verb: [put]
    source: {argument: all}
    destination: {option: [--to]}
  - does: download
    verb: [get]
"""
CASES = """\
- why: it sends
  Image: /opt/acme/ship
  CommandLine: ship put --to https://drop.partner.example/in /srv/patients/7.json
  gives: {transfer.direction: upload, transfer.destination_class: file sharing, transfer.sensitive_source: documents}
- why: it fetches
  Image: /opt/acme/ship
  CommandLine: ship get --from https://drop.partner.example/in
  gives: {command.does: download, transfer.secret: null}
"""
FILES = {
    "tools/ship.yml": SHIP,
    "destinations.yml": "internal: [Corp.example, 203.0.113.0/24]\nfile sharing: [drop.partner.example]\n",
    "sensitive.yml": "documents: ['(?:^|/)srv/patients(?:/|$)']\n",
    "tests/ship.yml": CASES,
}
SENDS = "/opt/acme/ship put --to https://drop.partner.example/in /srv/patients/7.json"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return written(tmp_path / "site", FILES)


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing of a site is known to this process, before and afterwards."""
    kept = (destinations._own, destinations._classes, destinations.destination, sensitive._kinds, sensitive.kind_of)
    for each in kept:
        each.cache_clear()
    yield
    for each in kept:
        each.cache_clear()


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def at(site: Path, *arguments: str | Path) -> Ended:
    return called(*arguments, env={"EXFILWATCH_SITE": str(site)})


def explained(site: Path, line: str) -> dict[str, Any]:
    ended = at(site, "explain", "--line", line)
    assert ended.code == 0, ended.err
    (found,) = ended.lines
    return found


def test_a_tool_of_the_site_is_found_sending_its_files_to_its_places(site: Path, tmp_path: Path) -> None:
    record = {"Image": "/opt/acme/ship", "CommandLine": SENDS, "Computer": "app-1", "User": "ann"}
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps(record), "utf-8")
    (unknown,), (known,) = called("detect", log).lines, at(site, "detect", log).lines
    assert (unknown["rule"]["level"], unknown["rule"]["title"]) == ("medium", "Upload By Another Tool")
    assert (known["rule"]["level"], known["rule"]["title"]) == ("high", "Upload By FTP, SCP, SFTP, Rsync Or A Shell")


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("https://files.CORP.example/in", "internal"),
        ("https://203.0.113.9/in", "internal"),
        ("[::ffff:203.0.113.9]:8080", "internal"),
        ("https://203.0.114.9/in", "public"),
        ("https://notcorp.example/in", "public"),
        ("https://transfer.sh/in", "file sharing"),
    ],
)
@pytest.mark.usefixtures("fresh")
def test_the_places_of_the_site_stand_beside_those_that_come_along(
    place: str, kind: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXFILWATCH_SITE", str(site))
    assert destinations.destination(place).kind == kind


def test_a_tool_of_the_site_takes_the_place_of_the_one_of_its_name(tmp_path: Path) -> None:
    mine = "name: curl\nprograms: [curl]\nforms: [{does: upload, verb: [push], source: {argument: all}}]\n"
    folder = written(tmp_path / "site", {"tools/curl.yml": mine})
    assert explained(folder, "curl push a.pdf")["does"]["transfer.source_path"] == ["a.pdf"]
    assert "transfer.direction" not in explained(folder, "curl -T a.pdf https://transfer.sh/in")["does"]


def test_the_folder_beside_the_settings_is_the_site_s(tmp_path: Path) -> None:
    settings = tmp_path / "etc" / "config.toml"
    written(settings.parent / "site", FILES)
    settings.write_text("", "utf-8")
    ended = called("tools", "check", env={"EXFILWATCH_CONFIG": str(settings)})
    assert (ended.code, ended.err.strip()) == (0, f"{settings.parent / 'site'}: 2 cases: 2 passed")


WRONG = [
    ("tools/a.yml", "name: [\n", "is not sound YAML"),
    ("tools/a.yml", "name: a\nprograms: [a]\nforms: [{does: send}]\n", "a: Invalid enum value 'send'"),
    ("tools/a.yml", "name: a\nprogram: [a]\n", "a: Object contains unknown field `program`"),
    ("tools/a.yml", "name: a\nprograms: [A.exe]\n", "lower-case, without path and .exe"),
    ("tools/a.yml", "name: a\n", "has no `programs`"),
    ("tools/a.yml", "name: a\nprograms: [a]\ndestination_class: moon\n", "there is no destination_class 'moon'"),
    (
        "tools/a.yml",
        "name: a\nprograms: [a]\nforms: [{does: upload, source: {argument: third}}]\n",
        "argument 'third': use all, first, last",
    ),
    (
        "tools/a.yml",
        "name: a\nprograms: [a]\nforms: [{does: upload, needs: {word: true, like: 'x(?=y)'}}]\n",
        "'x(?=y)' is no expression",
    ),
    ("destinations.yml", "internal: corp.example\n", "internal: is no list of texts"),
    ("destinations.yml", "moon: [corp.example]\n", "there is no kind 'moon': use public, internal, cloud storage"),
    ("destinations.yml", "file sharing: [198.51.100.0/24]\n", "a network can only be internal"),
    ("destinations.yml", "internal: ['https://corp.example/']\n", "is neither a name nor a network"),
    ("sensitive.yml", "- documents\n", "holds no kinds"),
    ("sensitive.yml", "documents: ['(a']\n", "'(a' is no expression"),
    ("tests/a.yml", "- {CommandLine: a}\n", "case 1: has to have `why`"),
    ("tests/a.yml", "- {why: x, Line: a, gives: {}}\n", "case 1: Line: nothing is read of that field"),
    ("tests/a.yml", "- {why: x, CommandLine: a, gives: {direction: upload}}\n", "there is no field 'direction'"),
    ("tests/a.yml", "- {why: x, CommandLine: ls, gives: {transfer.direction: upload}}\n", "is None, not 'upload'"),
]


@pytest.mark.parametrize(("name", "text", "said"), WRONG)
@pytest.mark.usefixtures("fresh")
def test_what_is_wrong_is_said_with_its_file(
    name: str, text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    folder = written(tmp_path / "site", {name: text})
    monkeypatch.setenv("EXFILWATCH_SITE", str(folder))
    ended = inside(capsys, "tools", "check")
    assert ended.code == 2
    assert str(folder / name) in ended.out + ended.err
    assert said in ended.out + ended.err


def test_nothing_is_looked_at_where_the_site_is_unsound(site: Path, logs: Path) -> None:
    (site / "sensitive.yml").write_text("documents: ['(a']\n", "utf-8")
    ended = at(site, "detect", logs)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {site / 'sensitive.yml'}: documents: '(a' is no expression")


def test_all_that_is_wrong_is_said_at_once(site: Path) -> None:
    written(site, {name: text for name, text, _ in (WRONG[0], WRONG[8], WRONG[13])})
    ended = at(site, "tools", "check")
    assert (ended.code, len(ended.out.splitlines()), ended.err) == (2, 3, "3 problems\n")


def test_a_folder_that_is_named_and_not_there_is_said(tmp_path: Path, logs: Path) -> None:
    ended = at(tmp_path / "none", "detect", logs)
    assert ended.code == 2
    assert "there is no such folder; EXFILWATCH_SITE names it" in ended.err


def test_an_expression_of_the_site_runs_in_linear_time(site: Path) -> None:
    (site / "sensitive.yml").write_text("documents: ['^(a+)+$']\n", "utf-8")  # Python's own engine takes years
    does = explained(site, f"curl -T {'a' * 60}b https://transfer.sh")["does"]
    assert "transfer.sensitive_source" not in does


def test_tools_are_listed_and_shown_as_they_are_written(site: Path, capsys: Any) -> None:
    listed = at(site, "tools", "list", "--does", "upload").lines
    assert listed[0] == {
        "name": "ship",
        "family": "file transfer",
        "does": ["upload", "download"],
        "programs": ["ship"],
        "languages": [],
        "references": [],
    }
    assert {"curl", "certutil", "rclone"} <= {each["name"] for each in listed}
    assert at(site, "tools", "show", "ship").out == SHIP.partition("\n")[2]
    shown = inside(capsys, "tools", "show", "FINGER").out
    assert shown.startswith("name: finger\n")
    assert "needs: {argument: all, like: '@'}" in shown
    assert "finger" in on_terminal("tools", "list").plain


def test_a_tool_that_is_not_known_is_said(capsys: Any) -> None:
    ended = inside(capsys, "tools", "show", "nix-sender")
    assert (ended.code, "no tool is called 'nix-sender'" in ended.err) == (2, True)
    ended = inside(capsys, "tools", "list", "--does", "teleport")
    assert (ended.code, "use upload, download" in ended.err) == (2, True)
