"""The app, installed: its project, and how a test has its actions run by the SDK's own runner."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exfilwatch_playbooks.manifest import built
from exfilwatch_playbooks.platforms.splunk_soar import package

from .sdk import Sdk

_PLATFORM = Path(__file__).parent / "soar.py"


@dataclass(frozen=True)
class Answer:
    """What a step answered: `results` as the platform has them, what was `printed`, and its view as `shown`."""

    results: list[dict[str, Any]]
    printed: str
    shown: str

    @property
    def success(self) -> bool:
        """Whether it was done."""
        (result,) = self.results
        return bool(result["success"])

    @property
    def message(self) -> str:
        """What people read."""
        (result,) = self.results
        return str(result["message"])

    @property
    def data(self) -> dict[str, Any]:
        """What playbooks read."""
        (result,) = self.results
        (data,) = result["data"]
        assert isinstance(data, dict)
        return data


@dataclass(frozen=True)
class App:
    """The app's project in `folder`."""

    sdk: Sdk
    folder: Path

    def program(self, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the SDK's environment in the app's folder; `home` is the platform's."""
        command = [str(self.sdk.bin / words[0]), *words[1:]]
        options = {"cwd": self.folder, "env": self.sdk.environment(home), "capture_output": True, "text": True}
        return subprocess.run(command, check=False, **options)

    def begun(self, home: Path, *steps: dict[str, Any]) -> subprocess.Popen[str]:
        """A process of the platform that does these steps, and keeps what it is given below `home`."""
        file = home / f"steps-{len(list(home.glob('steps-*')))}.json"
        file.write_text(json.dumps(steps), encoding="utf-8")
        return subprocess.Popen(
            [str(self.sdk.bin / "python"), str(_PLATFORM), str(file), str(home / "store")],
            cwd=self.folder,
            env=self.sdk.environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, home: Path, *steps: dict[str, Any]) -> list[Answer]:
        """What each step answers."""
        return answers(self.begun(home, *steps))


def answers(process: subprocess.Popen[str]) -> list[Answer]:
    """What the steps of a process answered, when it has ended by itself."""
    printed, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]
    return [Answer(**each) for each in json.loads(printed.splitlines()[-1])]


def containers(home: Path) -> list[dict[str, Any]]:
    """What the platform has: each `container`, its `artifacts`, how often it came `again`, artifacts `refused`."""
    file = home / "store" / "containers.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else []


def installed(sdk: Sdk, folder: Path) -> App:
    """The app's project as the packager writes it."""
    package(built(), folder)
    return App(sdk, folder)
