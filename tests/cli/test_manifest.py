"""`exfilwatch manifest` and `exfilwatch package`."""

import json
from pathlib import Path
from typing import Any

import pytest

from exfilwatch_playbooks.cli import exits
from exfilwatch_playbooks.manifest import built, schema
from exfilwatch_playbooks.platforms import registry

from .program import inside


def test_the_manifest_and_its_schema_are_written(capsys: Any, tmp_path: Path) -> None:
    assert json.loads(inside(capsys, "manifest").out) == json.loads(built().text())
    assert json.loads(inside(capsys, "manifest", "--schema").out) == schema()
    file = tmp_path / "manifest.json"
    for _ in range(2):
        assert inside(capsys, "manifest", "--out", file).code == exits.DONE
    assert file.read_text(encoding="utf-8") == built().text()


def test_a_stale_manifest_ends_with_what_to_run(capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifest.json").write_text(built().text().replace('"0.', '"9.', 1), encoding="utf-8")
    ended = inside(capsys, "manifest", "--check")
    assert ended.code == exits.WRONG
    assert "is stale: run exfilwatch manifest --out manifest.json" in ended.err
    inside(capsys, "manifest", "--out", "manifest.json")
    assert inside(capsys, "manifest", "--check").code == exits.DONE


@pytest.mark.parametrize("platform", registry.names())
def test_a_package_is_written_for_every_platform(capsys: Any, tmp_path: Path, platform: str) -> None:
    assert platform in inside(capsys, "package", "--list").out.splitlines()
    out = tmp_path / "made"
    ended = inside(capsys, "package", platform, "--out", out)
    assert ended.code == exits.DONE
    files = [each for each in out.rglob("*") if each.is_file()]
    assert f"{len(files)} files for {platform}" in ended.err
    again = inside(capsys, "package", platform, "--out", out)
    assert (again.code, "has something in it: --force" in again.err) == (exits.WRONG, True)
    assert inside(capsys, "package", platform.replace("-", "_"), "--out", out, "--force").code == exits.DONE


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("splunk_sour", "--out", "x"), "there is no platform 'splunk_sour': did you mean splunk-soar?"),
        (("configuration", "--out", "x"), "there is no platform 'configuration': use"),
        (("registry", "--out", "x"), "there is no platform 'registry': use"),
        (("xsoar",), "say where to: --out DIR"),
        ((), "say for which platform: "),
    ],
)
def test_what_can_not_be_packaged_is_said(capsys: Any, words: tuple[str, ...], said: str) -> None:
    ended = inside(capsys, "package", *words)
    assert (ended.code, said in ended.err) == (exits.WRONG, True), ended.err


def test_a_file_in_the_place_of_the_folder_is_refused(capsys: Any, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert "is no folder" in inside(capsys, "package", "xsoar", "--out", file).err
