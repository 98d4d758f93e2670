"""Helm, which is no server but is had as they are: of this machine, else built by Go once and kept in the user's cache.

Building it takes minutes, so that only `make chaos` does.
"""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .artifact import cache

_VERSION = "v3.16.4"
_PATIENCE = 1800  # seconds


def helm() -> Path:
    """The program; without it, the test is skipped."""
    there = shutil.which("helm")
    file = cache() / f"helm-{_VERSION}"
    if there is not None:
        return Path(there)
    with (cache() / "helm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists() and os.environ.get("EXFILWATCH_CHAOS") and shutil.which("go"):
            folder = cache() / "helm-build"
            command = ["go", "install", f"helm.sh/helm/v3/cmd/helm@{_VERSION}"]
            subprocess.run(command, env=os.environ | {"GOBIN": str(folder)}, timeout=_PATIENCE, check=True)
            (folder / "helm").replace(file)
    if not file.exists():
        pytest.skip(f"needs helm {_VERSION}: `make chaos` builds it, by Go")
    return file
