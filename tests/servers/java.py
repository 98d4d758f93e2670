"""A Java that is new enough, wherever this machine has it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .unavailable import Unavailable

_PLACES = ("/usr/lib/jvm", "/opt/java", "/opt", "/Library/Java/JavaVirtualMachines")


def java_home(least: int) -> Path:
    """The home of the newest Java, of version `least` or later. Raises Unavailable."""
    found = {home: _version(home) for home in _homes()}
    best = max(found, key=lambda home: found[home], default=None)
    if best is None or found[best] < least:
        raise Unavailable(
            f"needs Java {least} or later: set JAVA_HOME (found: {sorted(set(found.values())) or 'none'})"
        )
    return best


def _homes() -> Iterator[Path]:
    candidates = [Path(value) for name, value in os.environ.items() if name.startswith("JAVA_HOME") and value]
    if command := shutil.which("java"):
        candidates.append(Path(command).resolve().parents[1])
    for place in _PLACES:
        candidates += sorted(Path(place).glob("*")) + sorted(Path(place).glob("*/Contents/Home"))
    yield from {home.resolve(): None for home in candidates if (home / "bin" / "java").is_file()}


def _version(home: Path) -> int:
    """The major version: from the file `release`, else as the program says; 0 when it can't be told."""
    try:
        told = (home / "release").read_text("utf-8")
    except OSError:
        told = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)', told)
    return int(match[1]) if match else 0
