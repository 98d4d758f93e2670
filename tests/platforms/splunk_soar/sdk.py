"""Splunk's SDK, with what exfilwatch needs. What the app imports as exfilwatch is a wheel of this tree: its path goes
before the environment's.
"""

import os
from pathlib import Path
from typing import NamedTuple

from tests.platforms.environments import needed, programs, wheel


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
    found = programs("splunk-soar-sdk", "3.13", ("splunk-soar-sdk==7.0.3", "uv", *needed()))
    return Sdk(found, *wheel(folder))
