"""Roundup, a real issue tracker in pure Python on SQLite: made ready in a folder, started, known to answer.

Its issues have a `finding_id` that is a key: the tracker itself refuses a second one. Source:
https://www.roundup-tracker.org/docs/reference.html
"""

import os
import re
import socket
import subprocess
import sys
import sysconfig
import time
from contextlib import closing
from pathlib import Path

import httpx

from .debian import as_nobody
from .server import Account, Server
from .unavailable import Unavailable

_PATIENCE = 60  # seconds
USER = Account("exfilwatch", "a password of roundup")
# It writes head and body of an answer apart, each of which would wait 40 ms for the other's acknowledgement.
_AT_ONCE = "import socketserver; socketserver.StreamRequestHandler.disable_nagle_algorithm = True"
_SERVER = f"{_AT_ONCE}; from roundup.scripts.roundup_server import run; run()"
_PROPERTY = 'issue = IssueClass(db, "issue",\n                finding_id=String(),'
_SECURITY = "#\n# TRACKER SECURITY SETTINGS"


class Roundup:
    """A tracker that was started in `folder`, which is its own. Raises Unavailable.

    `unique`: whether the property is a key.
    """

    def __init__(self, folder: Path, *, unique: bool = True) -> None:
        self._home = folder / "tracker"
        self._log = folder / "output"
        self._port = free_port()
        self._run("roundup-admin", "-i", self._home, "install", "classic", "sqlite")
        self._configure(unique=unique)
        self._run("roundup-admin", "-i", self._home, "initialise", "a password of its admin")
        made = ["create", "user", f"username={USER.user}", f"password={USER.password}", "roles=User"]
        self._run("roundup-admin", "-i", self._home, *made, "address=exfilwatch@example.org")
        serving = ["-n", "127.0.0.1", "-p", str(self._port), "-t", "thread", f"tracker={self._home}"]
        command = [sys.executable, "-c", _SERVER, *serving]
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "nobody:nogroup", folder], check=True)
            command = [*as_nobody(), *command]
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=os.environ | {"SENDMAILDEBUG": os.devnull},  # mail is written there
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def url(self) -> str:
        """Of the tracker."""
        return f"http://127.0.0.1:{self._port}/tracker"

    def ready(self) -> Server:
        """The server, as soon as it answers. Raises Unavailable."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                answer = httpx.get(f"{self.url}/rest/", auth=(USER.user, USER.password), trust_env=False, timeout=30)
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == 200:
                return Server(self.url, admin=USER)
            time.sleep(0.05)
        raise Unavailable(f"roundup did not start: {self._log.read_text()[-300:]}")

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        self.process.terminate()
        self.process.wait(30)

    def _configure(self, *, unique: bool) -> None:
        schema = self._home / "schema.py"
        text = schema.read_text().replace('issue = IssueClass(db, "issue",', _PROPERTY)
        if unique:
            text = text.replace(_SECURITY, f"issue.setkey('finding_id')\n\n{_SECURITY}")
        schema.write_text(text)
        config = self._home / "config.ini"
        text = config.read_text()
        for name, value in {
            "web": f"{self.url}/",
            "domain": "example.org",
            "host": "127.0.0.1",
            "api_failed_login_limit": "0",
            "enable_rest": "yes",
            "password_pbkdf2_default_rounds": "1000",  # asked for in each request
        }.items():
            text = re.sub(rf"^#?{name} =.*$", f"{name} = {value}", text, flags=re.MULTILINE)
        config.write_text(text)

    @staticmethod
    def _run(name: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [_program(name), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Unavailable(f"{name} {arguments[2]}: {(done.stderr or done.stdout).strip()[-300:]}")


def _program(name: str) -> str:
    """Beside the Python that runs: the package is one of those that the tests install."""
    for place in (Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))):
        if (place / name).exists():
            return str(place / name)
    raise Unavailable(f"needs roundup: pip install roundup ({name} is not there)")


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return listening.getsockname()[1]
