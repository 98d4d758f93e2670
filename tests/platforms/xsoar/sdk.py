"""demisto-sdk in a virtual environment of its own, made once and kept in the user's cache."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.servers.artifact import cache as kept
from tests.servers.unavailable import Unavailable

VERSION = "1.39.13"
_PATIENCE = 600  # seconds


@cache
def environment() -> Path:
    """The folder with its programs. Raises Unavailable."""
    home = kept() / f"demisto-sdk-{VERSION}"
    with (kept() / "demisto-sdk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "made").exists():
            shutil.rmtree(home, ignore_errors=True)
            _make(home)
            (home / "made").touch()
    return home / "bin"


def _make(home: Path) -> None:
    python = _python()
    for command in (
        [python, "-m", "venv", str(home)],
        [str(home / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", f"demisto-sdk=={VERSION}"],
    ):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"demisto-sdk {VERSION}: not installed within {_PATIENCE} s") from None
        if done.returncode:
            raise Unavailable(f"demisto-sdk {VERSION}: not installed: {(done.stderr or done.stdout).strip()[-300:]}")


def _python() -> str:
    """A Python 3.11, which the SDK asks for. Raises Unavailable."""
    for name in ("python3.11", "python3"):
        found = shutil.which(name)
        if found is None:
            continue
        versions = [{}, {"PYENV_VERSION": "3.11"}, {"PYENV_VERSION": "3.11.7"}]
        for more in versions:
            asked = [found, "-c", "import sys; print(sys.version_info[:2] == (3, 11) and sys.executable or '')"]
            done = subprocess.run(asked, capture_output=True, text=True, check=False, env={**os.environ, **more})
            if done.returncode == 0 and done.stdout.strip():
                return done.stdout.strip()
    raise Unavailable("demisto-sdk: needs Python 3.11")


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
