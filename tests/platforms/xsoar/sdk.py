"""demisto-sdk, and the kind of repository that it works in."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.platforms.environments import programs

VERSION = "1.39.13"


def environment() -> Path:
    """The folder with its programs. Raises Unavailable."""
    return programs("demisto-sdk", "3.11", (f"demisto-sdk=={VERSION}",))


class Repository:
    """A content repository in a folder: `Packs/`, the approved words, a first commit, a remote that is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packs = folder / "Packs"
        self.packs.mkdir(parents=True)
        shutil.copytree(Path(__file__).parent / "Config", folder / "Config")
        self._git("init", "--quiet", "--initial-branch=master")
        self._git("remote", "add", "origin", "https://git.invalid/demisto/content.git")
        self._git("add", "Config")
        self._git("commit", "--quiet", "--message=Config")
        self._git("update-ref", "refs/remotes/origin/master", "HEAD")
        self._git("checkout", "--quiet", "-b", "work")

    def commit(self) -> None:
        """What is in the folder now."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message=Pack")

    def validate(self, *words: str) -> tuple[int, str]:
        """How `demisto-sdk validate` ends, and what it says. Raises Unavailable."""
        return self._sdk("validate", *words)

    def zipped(self, pack: str) -> Path:
        """The file to upload. Raises Unavailable."""
        out = self.folder.parent / "zipped"
        out.mkdir()
        code, said = self._sdk("zip-packs", "-i", f"Packs/{pack}", "-o", str(out))
        (made,) = out.rglob("*.zip")
        assert code == 0, said
        return made

    def _sdk(self, *words: str) -> tuple[int, str]:
        command = [str(environment() / "demisto-sdk"), *words]
        with tempfile.TemporaryDirectory() as logs:
            asked = {"DEMISTO_SDK_IGNORE_CONTENT_WARNING": "1", "DEMISTO_SDK_LOG_FILE_PATH": logs, "NO_COLOR": "1"}
            done = subprocess.run(
                command, cwd=self.folder, capture_output=True, text=True, check=False, env={**os.environ, **asked}
            )
        return done.returncode, done.stdout + done.stderr

    def _git(self, *words: str) -> None:
        own = ["-c", "user.name=tests", "-c", "user.email=tests@example.com"]
        subprocess.run(["git", *own, *words], cwd=self.folder, check=True, capture_output=True)
