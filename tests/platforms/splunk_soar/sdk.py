"""Splunk's SDK in a virtual environment of its own, with what exfilwatch needs, made once and kept in the user's cache.

What the app imports as exfilwatch is a wheel of this tree: its path goes before the environment's.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import NamedTuple

from tests.servers.artifact import cache
from tests.servers.unavailable import Unavailable

ROOT = Path(__file__).parents[3]
_WANTED = ("splunk-soar-sdk==7.0.3", "uv")
_PATIENCE = 600  # seconds


class Sdk(NamedTuple):
    """The programs of the environment are in `bin`; `wheel` is exfilwatch's, unpacked in `unpacked`."""

    bin: Path
    wheel: Path
    unpacked: Path

    def environment(self, home: Path) -> dict[str, str]:
        """For the app's programs: no settings of ours, and the platform's data in `home`."""
        ours = ("EXFILWATCH_", "XDG_", "PYTHON", "PHANTOM_", "PYTEST")
        mine = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        path = f"{self.bin}{os.pathsep}{mine.get('PATH', '')}"
        return mine | {"PYTHONPATH": str(self.unpacked), "PHANTOM_HOME": str(home), "PATH": path, "HOME": str(home)}


def sdk(folder: Path) -> Sdk:
    """The SDK, with a wheel that is built in `folder`. Raises Unavailable."""
    found = _environment()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return Sdk(found / "bin", wheel, folder / "unpacked")


def _environment() -> Path:
    """The environment. It is another one when what exfilwatch needs is."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    named = hashlib.sha256("\n".join([*_WANTED, *needed]).encode()).hexdigest()[:12]
    folder = cache() / f"splunk-soar-sdk-{named}"
    with (cache() / "splunk-soar-sdk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _said(_python(), "-m", "venv", str(folder))
            _said(str(folder / "bin" / "pip"), "install", "--quiet", *_WANTED, *needed)
            (folder / "complete").touch()
    return folder


def _python() -> str:
    """A Python 3.13, which the platform has."""
    installed = sorted(Path.home().glob(".pyenv/versions/3.13.*/bin/python3.13"))
    for each in (shutil.which("python3.13"), *map(str, installed)):
        if (
            each
            and subprocess.run([each, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode == 0
        ):
            return each
    raise Unavailable("the SDK of Splunk SOAR: needs python3.13")


def _said(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"the SDK of Splunk SOAR: not installed within {_PATIENCE} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise Unavailable(f"the SDK of Splunk SOAR: not installed: {said[-1][:300]}")
