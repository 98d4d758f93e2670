"""Sekoia's SDK, with what exfilwatch needs. What the module imports as exfilwatch is a wheel of this tree: its path
goes before the environment's.
"""

import os
from pathlib import Path
from typing import NamedTuple

from tests.platforms.environments import needed, programs, wheel


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
    found = programs("sekoia-automation-sdk", "3.11", ("sekoia-automation-sdk==1.27.0", *needed()))
    return Sdk(found, wheel(folder).unpacked)
