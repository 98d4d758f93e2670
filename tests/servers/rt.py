"""Request Tracker 5 of Debian's packages, a private instance, started in a folder and known to answer.

Its queue Incidents has a custom field FindingId with UniqueValues: on SQLite a second ticket silently loses the field,
on PostgreSQL several that are created at once all keep it.
"""

import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from .debian import as_nobody, install
from .postgresql import running_postgresql
from .roundup import free_port
from .server import Account, Server
from .unavailable import Unavailable

_PATIENCE = 120  # seconds
_SERVER = Path("/usr/share/request-tracker5/libexec/rt-server")
_PACKAGES = ["request-tracker5", "rt5-db-sqlite", "rt5-db-postgresql"]
_INSTALLED = [Path(f"/var/lib/dpkg/info/{package}.list") for package in _PACKAGES]
USER = Account("exfilwatch", "a password of rt")
_SITE = """\
Set($rtname, 'example.org');
Set($Organization, 'example.org');
Set($WebDomain, '127.0.0.1');
Set($WebPort, {port});
Set($WebBaseURL, 'http://127.0.0.1:{port}');
{database}
Set($BcryptCost, 4);  # each request proves the password: a quarter of a second with the usual 12
Set($MailCommand, 'testfile');
Set($LogToSTDERR, 'error');
Set($LogToSyslog, undef);
Set($LogToFile, undef);
Set($MasonDataDir, '{folder}/mason');
Set($MasonSessionDir, '{folder}/session');
Set($MaxAttachmentSize, 20_000_000);
1;
"""
_SQLITE = """\
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '{folder}/rt.sqlite');
"""
_POSTGRESQL = """\
Set($DatabaseType, 'Pg');
Set($DatabaseHost, '127.0.0.1');
Set($DatabasePort, {port});
Set($DatabaseName, '{name}');
Set($DatabaseUser, '{user}');
Set($DatabasePassword, '{password}');
"""
_DATA = """\
our @Queues = ({{ Name => 'Incidents', Description => 'Incidents' }});
our @CustomFields = ({{ Name => 'FindingId', Type => 'FreeformSingle', MaxValues => 1, UniqueValues => 1,
  LookupType => 'RT::Queue-RT::Ticket', Queue => ['Incidents'] }});
our @Users = ({{ Name => '{user}', Password => '{password}', Privileged => 1,
  EmailAddress => 'exfilwatch@example.org' }});
our @ACL = map {{ {{ UserId => '{user}', Right => $_, Queue => 'Incidents' }} }} qw(SeeQueue ShowTicket
  ShowTicketComments CreateTicket CommentOnTicket ReplyToTicket ModifyTicket OwnTicket SeeCustomField
  ModifyCustomField);
"""


class RequestTracker:
    """An instance on `database` (sqlite, postgresql) that was started in `folder`, which is its own.

    Raises Unavailable.
    """

    def __init__(self, folder: Path, database: str) -> None:
        _install()
        self._folder, self._port, self._log = folder, free_port(), folder / "output"
        self._beside = ExitStack()
        self._administrator = ("", "")
        kept = _SQLITE.format(folder=folder) if database == "sqlite" else self._on_postgresql()
        (folder / "site.pm").write_text(_SITE.format(port=self._port, folder=folder, database=kept))
        (folder / "data").write_text(_DATA.format(user=USER.user, password=USER.password))
        for name in ("mason", "session", "none"):
            (folder / name).mkdir()
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "nobody:nogroup", folder], check=True)
        self._run("rt-setup-database-5", "--action", "init", "--skip-create")
        self._run("rt-setup-database-5", "--action", "insert", "--datafile", str(folder / "data"))
        serving = ["--host", "127.0.0.1", "--port", str(self._port), "--server", "Starlet", "--max-workers", "4"]
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [*as_nobody(), str(_SERVER), *serving],
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
                answer = httpx.get(f"{url}/REST/2.0/rt", auth=(USER.user, USER.password), trust_env=False, timeout=30)
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            if answer.status_code == 200:
                return Server(url, admin=USER)
            time.sleep(0.1)
        raise Unavailable(f"request tracker did not start: {self._log.read_text()[-300:]}")

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        self.process.terminate()
        self.process.wait(30)
        self._beside.close()

    def _on_postgresql(self) -> str:
        """The settings for a new database of a cluster of its own."""
        cluster = self._beside.enter_context(running_postgresql())
        url = httpx.URL(cluster.new_database())
        self._administrator = (url.username, url.password)
        return _POSTGRESQL.format(port=url.port, name=url.path[1:], user=url.username, password=url.password)

    def _environment(self) -> dict[str, str]:
        # Debian's own snippets of a site's configuration are another instance's.
        own = {"RT_SITE_CONFIG": f"{self._folder}/site.pm", "RT_SITE_CONFIG_DIR": f"{self._folder}/none"}
        return os.environ | own

    def _run(self, name: str, *arguments: str) -> None:
        program = shutil.which(name, path=f"/usr/sbin:{os.environ['PATH']}")
        if program is None:
            raise Unavailable(f"needs {name} of request-tracker5")
        user, password = self._administrator
        done = subprocess.run(
            [*as_nobody(), program, *arguments, "--dba", user, "--dba-password", password],
            cwd=self._folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Unavailable(f"{name}: {(done.stderr or done.stdout).strip()[-300:]}")


def _install() -> None:
    """Root installs it where servers are required; several kinds may ask at once, and dpkg lets one after the other."""
    if all(each.exists() for each in _INSTALLED):
        return
    asked = ("install-cronjobs", "dbconfig-install")
    install(*_PACKAGES, answers=[f"request-tracker5 request-tracker5/{each} boolean false" for each in asked])
    if missing := [each.stem for each in _INSTALLED if not each.exists()]:
        raise Unavailable(f"needs Request Tracker 5: apt-get install {' '.join(missing)}")
