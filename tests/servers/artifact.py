"""Programs from Maven Central, fetched once and kept in the user's cache."""

import fcntl
import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from .unavailable import Unavailable

_PATIENCE = 600  # seconds


def cache() -> Path:
    """Where fetched programs are kept, between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "exfilwatch-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fetched(group: str, artifact: str, version: str) -> Path:
    """The zip of that name. Raises Unavailable."""
    file = cache() / f"{artifact}-{version}.zip"
    with (cache() / f"{artifact}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            _fetch(f"{group}:{artifact}:{version}:zip", file)
    return file


def _fetch(coordinates: str, file: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable(f"{file.name}: needs Maven (mvn) to be fetched, once")
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        command = [maven, "-q", "-B", "dependency:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}"]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=_PATIENCE,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{coordinates}: not fetched within {_PATIENCE} s") from None
        if done.returncode:
            said = next((line for line in done.stdout.splitlines() if "ERROR" in line), done.stdout)
            raise Unavailable(f"{coordinates}: not fetched: {said.strip()[:300]}")
        (Path(folder) / file.name).replace(file)


def unpacked(archive: Path, folder: Path) -> Path:
    """The one folder in an archive, unpacked into `folder`, its programs executable."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    (home,) = [path for path in folder.iterdir() if (path / "bin").is_dir()]
    for program in (home / "bin").iterdir():
        program.chmod(0o755)
    return home
