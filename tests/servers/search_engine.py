"""OpenSearch and Elasticsearch: how each is made ready in a folder, started, and known to answer."""

import base64
import hashlib
import os
import stat
import subprocess
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import msgspec

from . import analysis
from .artifact import fetched, unpacked
from .java import java_home
from .server import Account, Server
from .unavailable import Unavailable

_PATIENCE = 180  # seconds
_JAVA = 21
_HEAP = "512m"
_SETTINGS = """\
discovery.type: single-node
network.host: 127.0.0.1
http.port: 0
transport.port: 0
node.portsfile: true
cluster.routing.allocation.disk.threshold_enabled: false
"""
_SECURITY = """\
xpack.security.enabled: true
xpack.security.enrollment.enabled: false
xpack.security.http.ssl:
  enabled: true
  key: certs/node/node.key
  certificate: certs/node/node.crt
"""

ADMIN = Account("admin", "the admin's password")
READER = Account("exfilwatch", "the reader's password")
WITHOUT_MAPPINGS = Account("without-mappings", "the password of one who sees no mapping")
WITHOUT_INDICES = Account("without-indices", "the password of one who sees no index")
_ROLES = """\
reads_logs:
  indices:
    - names: ["logs-*"]
      privileges: [read, view_index_metadata]
reads_documents:
  indices:
    - names: ["logs-*"]
      privileges: [read]
"""
_ROLE_OF = {"superuser": ADMIN, "reads_logs": READER, "reads_documents": WITHOUT_MAPPINGS, "nothing": WITHOUT_INDICES}


class Engine(msgspec.Struct, frozen=True):
    """A search engine as Maven Central has it; `variable` begins the names of its environment variables."""

    kind: str
    group: str
    version: str
    variable: str
    security: bool


OPENSEARCH = Engine("opensearch", "org.opensearch.distribution.integ-test-zip", "3.3.2", "OPENSEARCH", security=False)
ELASTICSEARCH = Engine("elasticsearch", "org.elasticsearch.distribution.integ-test-zip", "9.2.0", "ES", security=True)
ENGINES = {engine.kind: engine for engine in (OPENSEARCH, ELASTICSEARCH)}


class Running:
    """An engine that was started in `folder`, which is its own. Raises Unavailable."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._home = unpacked(fetched(engine.group, engine.kind, engine.version), folder)
        java = java_home(_JAVA)
        temporary = folder / "tmp"
        temporary.mkdir()
        # The start scripts get the environment of no one: what a developer has set would change the server.
        environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            f"{engine.variable}_TMPDIR": str(temporary),
            "CLI_JAVA_OPTS": f"-Djava.io.tmpdir={temporary}",
            f"{engine.variable}_JAVA_HOME": str(java),
            f"{engine.variable}_JAVA_OPTS": f"-Xms{_HEAP} -Xmx{_HEAP} -XX:TieredStopAtLevel=1",
        }
        config = self._home / "config"
        with (config / f"{engine.kind}.yml").open("a") as settings:
            settings.write(_SETTINGS + (_SECURITY if engine.security else ""))
        if engine.security:
            analysis.install(self._home, engine.version, java)
            _make_certificates(self._home, environment)
            _make_accounts(config)
        command = [self._home / "bin" / engine.kind]
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "nobody:nogroup", folder], check=True)
            command = _as_nobody(command, temporary)
        self._log = folder / "output"
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._scheme, self._ca = "http", None
        if engine.security:
            self._scheme, self._ca = "https", str(config / "certs" / "ca" / "ca.crt")
        self._admin = ADMIN if engine.security else None

    def ready(self) -> Server:
        """The server, as soon as it answers that it is well. Raises Unavailable."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise Unavailable(f"{self._home.name} ended at its start: {_last_line(self._log)}")
            server = self._answering()
            if server is not None:
                return server
            time.sleep(0.1)
        raise Unavailable(f"{self._home.name}: not up within {_PATIENCE} s: {_last_line(self._log)}")

    def _answering(self) -> Server | None:
        try:
            address = (self._home / "logs" / "http.ports").read_text().split()[0]
        except (OSError, IndexError):
            return None
        server = Server(f"{self._scheme}://{address}", self._ca, self._admin)
        try:
            with server.client() as client:
                health = client.get("/_cluster/health", params={"wait_for_status": "yellow", "timeout": "1s"})
        except httpx.TransportError:
            return None
        return server if health.status_code == 200 else None

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)  # the session was made for it, and holds nothing else
            self.process.wait()


def _as_nobody(command: Sequence[str | Path], temporary: Path) -> list[str | Path]:
    """How root starts it: the engines refuse to run as root.

    Elasticsearch attaches to its own virtual machine, through a socket that Java puts in /tmp wherever temporary files
    are said to be; where /tmp is not everybody's, the process gets one of its own.
    """
    changed = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
    if Path("/tmp").stat().st_mode & stat.S_IWOTH:
        return changed
    return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /tmp && exec "$@"', temporary, *changed]


def _make_certificates(home: Path, environment: Mapping[str, str]) -> None:
    """An authority, and a certificate of it for this machine's loopback, with the engine's own tool."""
    certs = home / "config" / "certs"
    certs.mkdir()
    signed = ["--ca-cert", certs / "ca" / "ca.crt", "--ca-key", certs / "ca" / "ca.key"]
    for name, arguments in {
        "ca": ["ca"],
        "node": ["cert", "--name", "node", "--ip", "127.0.0.1", "--dns", "localhost", *signed],
    }.items():
        archive = certs / f"{name}.zip"
        command = [home / "bin" / "elasticsearch-certutil", *arguments, "--silent", "--pem", "--out", archive]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"elasticsearch-certutil: {(done.stderr or done.stdout).strip()[-300:]}")
        with zipfile.ZipFile(archive) as made:
            made.extractall(certs)


def _make_accounts(config: Path) -> None:
    """Files of users and roles (Elastic docs, "File-based user authentication"): nothing has to be asked for later."""
    (config / "roles.yml").write_text(_ROLES)
    (config / "users").write_text("".join(f"{who.user}:{_hashed(who.password)}\n" for who in _ROLE_OF.values()))
    (config / "users_roles").write_text("".join(f"{role}:{who.user}\n" for role, who in _ROLE_OF.items()))


def _hashed(password: str) -> str:
    """As the engine's `password_hashing` pbkdf2 has it: PBKDF2 with HMAC-SHA512, 32 bytes."""
    salt, rounds = os.urandom(32), 1000
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, 32)
    return f"{{PBKDF2}}{rounds}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return next((line for line in lines if "ERROR" in line or "xception" in line), lines[-1] if lines else "")[:300]
