"""Redmine 5 of Debian's packages, a private instance on SQLite, made ready in a folder, started, and known to answer.

Its project `incidents` has the custom fields Incident key, Site and Not a filter; redmine.rb has the accounts.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import httpx

from .debian import as_nobody, install
from .roundup import free_port
from .server import Account, Server
from .unavailable import Unavailable

_PATIENCE = 180  # seconds
_HOME = Path("/usr/share/redmine")
_PACKAGES = ["redmine", "redmine-sqlite", "puma"]
_INSTALLED = [Path(f"/var/lib/dpkg/info/{package}.list") for package in _PACKAGES]
USER = Account("exfilwatch", "0123456789abcdef0123456789abcdef01234567")
READER = Account("reader", "76543210fedcba9876543210fedcba9876543210")
"""Each with its API key."""
_DATABASE = """\
production:
  adapter: sqlite3
  database: {folder}/instances/default/redmine.sqlite3
  timeout: 20000
"""
# Nobody's cases are lost with this machine: what is written needs not wait for the disk.
_FAST = """\
require 'active_record/connection_adapters/sqlite3_adapter'
ActiveRecord::ConnectionAdapters::SQLite3Adapter.prepend(Module.new do
  def configure_connection
    super
    execute('PRAGMA journal_mode = WAL')
    execute('PRAGMA synchronous = OFF')
  end
end)
"""
# Rails takes seconds to start: the same start makes it ready and serves it.
_MADE_READY = """\
require_relative 'config/environment'
load File.join(__dir__, 'redmine.rb')
use FormattingOfRequest
run Rails.application
"""


class Redmine:
    """An instance that was started in `folder`, which is its own: a copy of the package's files, since Redmine keeps
    its data below them. Raises Unavailable.
    """

    def __init__(self, folder: Path) -> None:
        _install()
        self._folder, self._port, self._log = folder, free_port(), folder / "output"
        self._copy()
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "nobody:nogroup", folder], check=True)
        serving = ["-t", "4:4", "-b", f"tcp://127.0.0.1:{self._port}", str(folder / "made_ready.ru")]
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [*as_nobody(), "puma", *serving],
                cwd=folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def ready(self) -> Server:
        """The server, as soon as it answers. Raises Unavailable."""
        url, until = f"http://127.0.0.1:{self._port}", time.monotonic() + _PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            try:
                known = {"X-Redmine-API-Key": USER.password}
                answer = httpx.get(f"{url}/users/current.json", headers=known, trust_env=False, timeout=30)
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            if answer.status_code == 200:
                return Server(url, admin=USER)
            time.sleep(0.1)
        raise Unavailable(f"redmine did not start: {self._log.read_text()[-300:]}")

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        self.process.terminate()
        self.process.wait(30)

    def _copy(self) -> None:
        leave_out = shutil.ignore_patterns("instances", "extra")
        shutil.copytree(_HOME, self._folder, dirs_exist_ok=True, ignore=leave_out)
        gemfile = self._folder / "Gemfile"
        gemfile.write_text(gemfile.read_text().replace(str(_HOME), str(self._folder)))
        own = self._folder / "instances" / "default"
        for name in ("config", "log", "tmp/cache", "files"):
            (own / name).mkdir(parents=True)
        (own / "config" / "database.yml").write_text(_DATABASE.format(folder=self._folder))
        (own / "config" / "secret_key.txt").write_text("0123456789abcdef" * 4)
        (self._folder / "config" / "initializers" / "00-fast.rb").write_text(_FAST)
        shutil.copy(Path(__file__).with_suffix(".rb"), self._folder)
        (self._folder / "made_ready.ru").write_text(_MADE_READY)

    def _environment(self) -> dict[str, str]:
        accounts = {"USER_OPENS": USER.user, "KEY_OPENS": USER.password}
        accounts |= {"USER_READS": READER.user, "KEY_READS": READER.password}
        own = {"RAILS_ENV": "production", "REDMINE_INSTANCE": "default", "LANG": "C.UTF-8", "RUBYOPT": "--yjit"}
        return os.environ | own | accounts


def _install() -> None:
    """Root installs it where servers are required."""
    if all(each.exists() for each in _INSTALLED):
        return
    install(*_PACKAGES, answers=["redmine redmine/instances/default/dbconfig-install boolean false"])
    if missing := [each.stem for each in _INSTALLED if not each.exists()]:
        raise Unavailable(f"needs Redmine 5: apt-get install {' '.join(missing)}")
