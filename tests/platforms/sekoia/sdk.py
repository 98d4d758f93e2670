"""Sekoia's SDK in a virtual environment of its own, with what exfilwatch needs, made once and kept in the user's cache.

What the module imports as exfilwatch is a wheel of this tree: its path goes before the environment's.
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
_WANTED = ("sekoia-automation-sdk==1.27.0",)
_PATIENCE = 600  # seconds


class Sdk(NamedTuple):
    """The programs of the environment are in `bin`; `unpacked` is exfilwatch's wheel, unpacked."""

    bin: Path
    unpacked: Path

    def environment(self, **more: str) -> dict[str, str]:
        """For the module's programs: no settings of ours."""
        ours = ("EXFILWATCH_", "XDG_", "PYTHON", "PYTEST")
        mine = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        path = f"{self.bin}{os.pathsep}{mine.get('PATH', '')}"
        # Its callbacks are on this machine.
        return mine | {"PYTHONPATH": str(self.unpacked), "PATH": path, "NO_PROXY": "127.0.0.1", **more}


def sdk(folder: Path) -> Sdk:
    """The SDK, with a wheel that is built in `folder`. Raises Unavailable."""
    found = _environment()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return Sdk(found / "bin", folder / "unpacked")


def _environment() -> Path:
    """The environment. It is another one when what exfilwatch needs is."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    named = hashlib.sha256("\n".join([*_WANTED, *needed]).encode()).hexdigest()[:12]
    folder = cache() / f"sekoia-sdk-{named}"
    with (cache() / "sekoia-sdk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            python = shutil.which("python3.11")
            if python is None:
                raise Unavailable("the SDK of Sekoia: needs python3.11")
            shutil.rmtree(folder, ignore_errors=True)
            _said(python, "-m", "venv", str(folder))
            _said(str(folder / "bin" / "pip"), "install", "--quiet", *_WANTED, *needed)
            (folder / "complete").touch()
    return folder


def _said(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"the SDK of Sekoia: not installed within {_PATIENCE} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise Unavailable(f"the SDK of Sekoia: not installed: {said[-1][:300]}")
