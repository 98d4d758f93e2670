"""The module, installed: its folder, and how a test has its parts run by the SDK."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exfilwatch_playbooks.manifest import built
from exfilwatch_playbooks.platforms.configuration import schema
from exfilwatch_playbooks.platforms.sekoia import package

from .callback import Platform
from .sdk import Sdk

_HERE = Path(__file__).parent
NAME = "Exfilwatch"
Settings = dict[str, str]


@dataclass(frozen=True)
class Module:
    """The module's folder, `NAME` in `library`."""

    sdk: Sdk
    library: Path

    @property
    def folder(self) -> Path:
        """The module's."""
        return self.library / NAME

    def tool(self, *words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the SDK's command line."""
        command = [str(self.sdk.bin / "sekoia-automation"), *words]
        options = {"cwd": folder or self.library, "env": self.sdk.environment(), "capture_output": True, "text": True}
        return subprocess.run(command, check=False, timeout=300, **options)

    def steps(self, data: Path, settings: Settings, *steps: tuple[str, dict[str, str]]) -> list[dict[str, Any]]:
        """What `run-action` answers to each step."""
        asked = json.dumps([(name, settings | arguments) for name, arguments in steps])
        done = self.python("steps.py", str(self.library), NAME, str(data), asked)
        printed, errors = done.communicate(timeout=300)
        assert done.returncode == 0, errors[-3000:]
        answers: list[dict[str, Any]] = json.loads(printed.splitlines()[-1])
        return answers

    @contextmanager
    def started(
        self,
        command: str,
        platform: Platform,
        data: Path,
        settings: Settings,
        given: dict[str, Any],
        token: str = "one",
    ) -> Iterator[subprocess.Popen[str]]:
        """A container of the platform that runs this action or trigger; it is ended, if it has not."""
        secret = schema()["secrets"]
        platform.secrets |= {name: value for name, value in settings.items() if name in secret}
        shown = {name: value for name, value in settings.items() if name not in secret}
        values = {"MODULE_CONFIGURATION": json.dumps(shown), "TOKEN": token, "URL_CALLBACK": f"{platform.url}/callback"}
        values["TRIGGER_CONFIGURATION" if command == "Poll" else "ARGUMENTS"] = json.dumps(given)
        process = self.python("launch.py", str(data), command, folder=self.folder, **values)
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=60)

    def acted(
        self, command: str, platform: Platform, data: Path, settings: Settings, given: dict[str, Any]
    ) -> dict[str, Any]:
        """What the platform was told of an action that it had run."""
        with self.started(command, platform, data, settings, given) as process:
            process.wait(timeout=300)
        return platform.answers[-1]

    def python(self, file: str, *words: str, folder: Path | None = None, **more: str) -> subprocess.Popen[str]:
        """A process of the SDK's Python that runs a file of this folder."""
        return subprocess.Popen(
            [str(self.sdk.bin / "python"), "-P", str(_HERE / file), *words],
            cwd=folder or self.library,
            env=self.sdk.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if file == "steps.py" else subprocess.DEVNULL,
            text=True,
        )


def installed(sdk: Sdk, library: Path) -> Module:
    """The module as the packager writes it."""
    package(built(), library / NAME)
    return Module(sdk, library)
