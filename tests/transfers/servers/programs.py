"""Servers that are programs of Debian: sshd, smbd, rsync, git and rclone, each private, on a free port of 127.0.0.1.

None is the system's: own keys, own settings, own folders, none is installed as a service; each is ended by its own
process id. What is absent is left out.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from socket import create_connection, create_server

from ...running_meanwhile import end  # noqa: TID252 (tests are no package on the path)
from .place import Place

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PATIENCE = 15  # seconds until a server listens
# SHLVL: bash that sshd starts reads the account's .bashrc, which may take its time, only as the first of shells
_SSHD = """\
ListenAddress 127.0.0.1:{port}
HostKey {own}/host
AuthorizedKeysFile {own}/user.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
MaxStartups 100
SetEnv SHLVL=2
LogLevel ERROR
Subsystem sftp internal-sftp
"""
_SSH = """\
Port {port}
User root
IdentityFile {own}/user
IdentitiesOnly yes
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
"""
_SMB = """\
[global]
  smb ports = {port}
  interfaces = lo
  bind interfaces only = yes
  server role = standalone server
  map to guest = Bad User
  guest account = root
  disable netbios = yes
  load printers = no
  printcap name = /dev/null
  log file = {own}/log
  lock directory = {own}
  state directory = {own}
  cache directory = {own}
  pid directory = {own}
  private dir = {own}
  ncalrpc dir = {own}/ncalrpc
[drop]
  path = {drop}
  guest ok = yes
  read only = no
[stock]
  path = {stock}
  guest ok = yes
"""
_RSYNC = """\
use chroot = no
address = 127.0.0.1
[drop]
  path = {drop}
  read only = no
  uid = root
[stock]
  path = {stock}
  uid = root
"""


def free_port() -> int:
    with closing(create_server(("127.0.0.1", 0))) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def running(own: Path, place: Place) -> Iterator[dict[str, str]]:
    """What the servers that are here are called: their ports, and the settings that ssh needs to get in."""
    names: dict[str, str] = {}
    with ExitStack() as stack:
        started = []
        for kind, make in (("ssh", _sshd), ("smb", _smbd), ("rsync", _rsyncd), ("git", _git), ("restic", _restic)):
            folder, port = own / kind, free_port()
            folder.mkdir(parents=True)
            command = make(folder, port, place)
            if command and shutil.which(command[0], path=PATH):
                started.append((port, stack.enter_context(_process(command, folder))))
                names[kind] = str(port)
        for port, process in started:
            _listens(port, process)
        names |= {"ssh_config": str(own / "ssh/config"), "ssh_key": str(own / "ssh/user")}
        yield names


def _sshd(own: Path, port: int, place: Place) -> list[str]:
    if shutil.which("ssh-keygen", path=PATH) is None:
        return []
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", own / name], check=True)
    (own / "sshd_config").write_text(_SSHD.format(port=port, own=own))
    (own / "config").write_text(_SSH.format(port=port, own=own))
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd confines itself; the system's makes it too
    return ["/usr/sbin/sshd", "-D", "-e", "-f", str(own / "sshd_config")]


def _smbd(own: Path, port: int, place: Place) -> list[str]:
    (own / "ncalrpc").mkdir()
    settings = _SMB.format(port=port, own=own, drop=place.arrived, stock=place.stock)
    (own / "smb.conf").write_text(settings)
    return ["smbd", "--foreground", "--no-process-group", f"--configfile={own}/smb.conf"]


def _rsyncd(own: Path, port: int, place: Place) -> list[str]:
    (own / "rsyncd.conf").write_text(_RSYNC.format(drop=place.arrived, stock=place.stock))
    return ["rsync", "--daemon", "--no-detach", f"--config={own}/rsyncd.conf", f"--port={port}"]


def _git(own: Path, port: int, place: Place) -> list[str]:
    options = ["--export-all", "--enable=receive-pack", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}"]
    return ["/usr/lib/git-core/git-daemon", *options, f"--base-path={place.arrived.parent}", str(place.arrived.parent)]


def _restic(own: Path, port: int, place: Place) -> list[str]:
    config = own / "rclone.conf"
    config.touch()
    return ["rclone", "serve", "restic", "--config", str(config), f"--addr=127.0.0.1:{port}", str(place.arrived)]


@contextmanager
def _process(command: Sequence[str], own: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {"PATH": PATH, "HOME": str(own)}
    with (own / "output").open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # smbd ends its whole process group as it ends
        )
    try:
        yield process
    finally:
        end(process)


def _listens(port: int, process: subprocess.Popen[bytes]) -> None:
    """Waits until the server takes connections. One that ended is left so: its cases then fail, each by name."""
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
