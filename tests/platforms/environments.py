"""Virtual environments for the SDKs of platforms, each made once and kept in the user's cache; a wheel of this tree.

Platforms pin what we pin otherwise, so none shares an environment with another, or with us.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.servers.artifact import cache as kept
from tests.servers.unavailable import Unavailable

ROOT = Path(__file__).parents[2]
_PATIENCE = 600  # seconds
_ASK = "import ensurepip, sys, venv; print(sys.executable if sys.version_info[:2] == ({}) else '')"


class Wheel(NamedTuple):
    """A wheel of exfilwatch, and the folder that it was unpacked in, for PYTHONPATH."""

    file: Path
    unpacked: Path


def wheel(folder: Path) -> Wheel:
    """A wheel of this tree, built in a folder."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder / "unpacked")
    return Wheel(file, folder / "unpacked")


def needed() -> list[str]:
    """What exfilwatch needs, for an environment in which its wheel is to run."""
    found: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return found


@cache
def programs(name: str, version: str, wanted: tuple[str, ...]) -> Path:
    """The folder of the programs of an environment of a Python of this version (`3.11`) with these packages; another
    one when they are others. Raises Unavailable.
    """
    folder = kept() / f"{name}-{hashlib.sha256(repr((version, wanted)).encode()).hexdigest()[:12]}"
    with (kept() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            python = _python(name, version)
            shutil.rmtree(folder, ignore_errors=True)
            _run(name, [python, "-m", "venv", str(folder)])
            pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
            _run(name, [*pip, *wanted])
            (folder / "complete").touch()
    return folder / "bin"


def _python(name: str, version: str) -> str:
    installed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    for each in filter(None, (shutil.which(f"python{version}"), *map(str, installed), shutil.which("python3"))):
        asked = [each, "-c", _ASK.format(version.replace(".", ", "))]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip()
    raise Unavailable(f"{name}: needs Python {version}")


def _run(name: str, command: Sequence[str]) -> None:
    options = {"capture_output": True, "text": True, "timeout": _PATIENCE, "check": False}
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, env=dict(os.environ), **options)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{name}: not installed within {_PATIENCE} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise Unavailable(f"{name}: not installed: {said[-1][:300]}")
