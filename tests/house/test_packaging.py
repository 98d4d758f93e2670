"""The packages: what is built, and that it works where nothing of the work tree is."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "connector", ROOT / "playbooks")
pytestmark = pytest.mark.slow


class Built(NamedTuple):
    """The source distribution, and the wheel that was made out of it, as a package index's users make it."""

    sdist: Path
    wheel: Path


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """What a program prints. It sees no settings, and nothing of this environment's paths."""
    ours = ("EXFILWATCH_", "XDG_", "PYTHON")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    options = {"cwd": cwd, "env": inherited | variables, "capture_output": True, "text": True, "check": False}
    done = subprocess.run([*map(str, command)], **options)
    assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}{done.stdout[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    hatchling = (sys.executable, "-m", "hatchling", "build", "-d", folder)
    run(*hatchling, "-t", "sdist", cwd=ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    run(*hatchling, "-t", "wheel", cwd=folder / sdist.name.removesuffix(".tar.gz"))
    (wheel,) = folder.glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of a new virtual environment that has the wheel, and its dependencies from ours.

    Ours come by a path, so that the editable install in it (a .pth file) is not seen.
    """
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--quiet", "--python", python)
    run(*pip, "install", "--no-index", "--no-deps", built.wheel, cwd=folder)
    paths = sysconfig.get_paths()
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (packages / "dependencies.pth").write_text(f"{paths['purelib']}\n{paths['platlib']}\n")
    return folder / "bin"


def in_tree() -> set[str]:
    """The files that the wheel should have."""
    found = (path.relative_to(source) for source in SOURCES for path in source.rglob("*") if path.is_file())
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


def test_the_same_sources_make_the_same_files(tmp_path):
    made = []
    for folder, umask in ((tmp_path / "one", 0o022), (tmp_path / "two", 0o077)):
        before = os.umask(umask)
        try:
            run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT, SOURCE_DATE_EPOCH="1700000000")
        finally:
            os.umask(before)
        made.append({each.name: each.read_bytes() for each in folder.iterdir()})
    assert made[0] == made[1]
    assert len(made[0]) == 2


def test_the_wheel_has_two_import_names_and_nothing_else(built):
    names = {name.partition("/")[0] for name in zipfile.ZipFile(built.wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"exfilwatch", "exfilwatch_playbooks"}


def test_the_wheel_has_every_file_of_the_packages_with_rules_shapes_steps_and_demo_data(built):
    packed = {name for name in zipfile.ZipFile(built.wheel).namelist() if ".dist-info/" not in name}
    assert packed == in_tree()
    for name in (
        "exfilwatch/py.typed",
        "exfilwatch_playbooks/py.typed",
        "exfilwatch/findings/migrations/versions/0001_first.py",
        "exfilwatch/polling/migrations/versions/0001_first.py",
        "exfilwatch_playbooks/cases/migrations/versions/0001_first.py",
        "exfilwatch/rules/exfil/http_upload.yml",
        "exfilwatch/rules/exfil/tests/http_upload.yml",
        "exfilwatch/events/shapes/evtx.yml",
        "exfilwatch_playbooks/response/guides/general.yml",
        "exfilwatch_playbooks/demo/data/windows-day.jsonl.gz",
    ):
        assert name in packed


def test_the_wheel_carries_its_licence_and_the_readme(built):
    archive = zipfile.ZipFile(built.wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    text = archive.read(metadata).decode()
    assert "License-Expression: Apache-2.0" in text
    assert (ROOT / "README.md").read_text("utf-8").strip() in text
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in archive.namelist())


def test_the_source_distribution_has_what_a_packager_needs(built):
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"pyproject.toml", "Makefile", "mkdocs.yml", "LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"}
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")}
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    assert (wanted | {"SECURITY.md"} | pages | tests) - names == set()


def test_the_source_distribution_has_nothing_that_tools_left_behind(built):
    with tarfile.open(built.sdist) as archive:
        parts = {part for name in archive.getnames() for part in name.split("/")[1:]}
    assert not {part for part in parts if part == "__pycache__" or (part.startswith(".") and part != ".gitignore")}


def test_what_runs_is_the_wheel(installed, tmp_path):
    where = run(installed / "python", "-c", "import exfilwatch; print(exfilwatch.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(installed.parent)


def test_an_installed_exfilwatch_lists_its_rules_and_passes_their_tests(installed, tmp_path):
    assert '"name":"http_upload"' in run(installed / "exfilwatch", "rules", "list", cwd=tmp_path, HOME=str(tmp_path))
    outcomes = run(installed / "exfilwatch", "rules", "test", cwd=tmp_path, HOME=str(tmp_path)).splitlines()
    assert outcomes
    assert [outcome for outcome in outcomes if '"passed":true' not in outcome] == []


def test_an_installed_exfilwatch_runs_the_demo(installed, tmp_path):
    assert "Were all four found?" in run(installed / "exfilwatch", "demo", cwd=tmp_path, HOME=str(tmp_path))


def test_an_installed_exfilwatch_knows_its_version(built, installed, tmp_path):
    version = built.wheel.name.split("-")[1]
    assert run(installed / "exfilwatch", "--version", cwd=tmp_path) == f"exfilwatch {version}\n"
