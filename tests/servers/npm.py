"""Files that vendors publish as npm packages (schemas, OpenAPI documents), fetched once, kept in the user's cache."""

import fcntl
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from .artifact import cache
from .unavailable import Unavailable

_PATIENCE = 120  # seconds


def published(package: str, version: str, path: str) -> Path:
    """A file of a package. Raises Unavailable."""
    name = package.strip("@").replace("/", "-")
    file = cache() / f"{name}-{version}-{Path(path).name}"
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            _fetch(f"{package}@{version}", path, file)
    return file


def _fetch(package: str, path: str, file: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable(f"{package}: needs npm to be fetched, once")
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        command = [npm, "pack", "--silent", "--ignore-scripts", package]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{package}: not fetched within {_PATIENCE} s") from None
        archives = list(Path(folder).glob("*.tgz"))
        if done.returncode or not archives:
            raise Unavailable(f"{package}: not fetched: {(done.stderr or done.stdout).strip()[:300]}")
        with tarfile.open(archives[0]) as opened:
            member = opened.extractfile(f"package/{path}")
            if member is None:
                raise Unavailable(f"{package}: has no file {path}")
            part = Path(folder) / file.name
            part.write_bytes(member.read())
            part.replace(file)
