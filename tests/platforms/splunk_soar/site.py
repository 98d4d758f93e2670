"""A site with the demo's telemetry as files that are polled, and the asset that names them."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.demo.telemetry import OWN_TRAFFIC, telemetry


@dataclass(frozen=True)
class Site:
    """The platform's data are in `home`, what is polled in `home/logs`."""

    home: Path

    @property
    def asset(self) -> dict[str, Any]:
        """As the platform gives it."""
        return {
            "database": str(self.home / "exfilwatch.sqlite"),
            "rules": f"exfil,{OWN_TRAFFIC}",
            "siem_kind": "files",
            "siem_paths": str(self.home / "logs"),
            "policy_open": "never",
        }

    def step(self, action: str, /, asset: dict[str, Any] | None = None, **params: Any) -> dict[str, Any]:
        """A step of the platform."""
        return {"action": action, "params": params, "asset": self.asset | (asset or {})}

    @property
    def store(self) -> Store:
        """What the app keeps."""
        return Store(str(self.home / "exfilwatch.sqlite"))


def site(home: Path, *left_out: str) -> Site:
    """The demo's, without these files."""
    (home / "logs").mkdir(parents=True)
    with telemetry() as files:
        for file in files:
            if not Path(file).name.startswith(left_out or ("-",)):
                shutil.copy(file, home / "logs")
    return Site(home)
