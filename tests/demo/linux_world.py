"""The Linux server that record_auditd.py records: made of this machine, in namespaces of its own.

Own folders, host name, users and network (loopback only, with the addresses of a file server and a chat), so that the
recording names nothing of the machine it was made on, and nothing reaches the machine.
"""

import gzip
import io
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from exfilwatch.packaged import read_yaml

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FILES, CHAT = "10.20.30.5", "10.20.30.8"
_FRESH = (
    "/home",
    "/srv",
    "/mnt",
    "/opt",
    "/tmp",
    "/var/log",
    "/var/backups",
    "/var/lib/postgresql",
    "/run/postgresql",
    "/usr/local/sbin",
    "/etc/profile.d",
)
_POSTGRES = Path("/usr/lib/postgresql/15/bin")
_FILES = Path(__file__).with_name("linux_files.yml")
_PROJECT = "/home/jonas/src/orders"
_REPOSITORY = (
    "init -q --bare /srv/git/orders.git",
    "init -q",
    "add -A",
    "commit -q -m First",
    "remote add origin /srv/git/orders.git",
    "push -q -u origin main",
)


def enter(node: str, users: Mapping[int, str]) -> None:
    """Turns the namespaces that this process is in (unshare --mount --uts --net) into the server."""
    _run("mount", "--make-rprivate", "/")
    passwd, group = (Path(file).read_text() for file in ("/etc/passwd", "/etc/group"))
    for uid, name in users.items():
        passwd += f"{name}:x:{uid}:{uid}::/home/{name}:/bin/bash\n"
        group += f"{name}:x:{uid}:\n"
    hosts = f"127.0.0.1 localhost\n127.0.1.1 {node}.nordwind.example {node}\n{FILES} files.nordwind.example\n"
    hosts += f"{CHAT} chat.nordwind.example build.nordwind.example\n"
    for folder in _FRESH:
        _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    for folder in ("/mnt/upper", "/mnt/work"):
        Path(folder).mkdir()
    _run("mount", "-t", "overlay", "-o", "lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work", "overlay", "/etc")
    texts = {"/etc/passwd": passwd, "/etc/group": group, "/etc/hosts": hosts, "/etc/hostname": f"{node}\n"}
    for path, text in texts.items():
        Path(path).write_text(text)
    _run("hostname", node)
    _run("ip", "link", "set", "lo", "up")
    for address in (FILES, CHAT):
        _run("ip", "address", "add", f"{address}/32", "dev", "lo")
    _furnish(users)


def _furnish(users: Mapping[int, str]) -> None:
    contents = read_yaml(_FILES.read_text("utf-8"))
    for path, text in contents.items():
        _write(path, text)
    lines = [
        f"2026-11-17 0{hour}:{minute:02} {'ERROR' if minute % 17 == 0 else 'INFO'} order {hour}{minute:02} stored\n"
        for hour in range(9)
        for minute in range(60)
    ]
    _write("/var/log/app/app.log", "".join(lines) * 40)
    Path("/var/log/app/app.log.2.gz").write_bytes(gzip.compress("".join(lines).encode()))
    _write(f"{_PROJECT}/data/orders.csv", "".join(f"{n},customer{n % 7},{n * 37 % 101}\n" for n in range(400)))
    Path("/opt/app/current").symlink_to("/opt/app/releases/2.4.0")
    for folder in ("/mnt/nas/backups", "/mnt/nas/releases", "/srv/git"):
        Path(folder).mkdir(parents=True)
    operator, developer = users
    for folder, uid in (("/opt/app", operator), ("/mnt/nas/releases", operator), ("/srv/git", developer)):
        _own(Path(folder), uid)
    for uid, name in users.items():
        _own(Path("/home", name), uid)
    for folder in ("/tmp", "/var/backups", "/run/postgresql"):
        Path(folder).chmod(0o1777)
    for command in _REPOSITORY:
        as_user = ["setpriv", f"--reuid={developer}", f"--regid={developer}", "--clear-groups", "--"]
        _run(*as_user, "git", *command.split(), cwd=_PROJECT, home="/home/jonas")


def _own(folder: Path, uid: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)


def _write(path: str, text: str) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    if text.startswith("#!"):
        file.chmod(0o755)


def _run(*command: str, cwd: str = "/", home: str = "/") -> None:
    subprocess.run(command, cwd=cwd, env={"PATH": PATH, "HOME": home}, check=True, capture_output=True)


@contextmanager
def servers() -> Iterator[None]:
    """The file server and the chat, the application's health page, and what scenario 4 uploads to."""
    running = []
    for address, port in ((FILES, 80), (CHAT, 80), ("127.0.0.1", 8000), ("127.0.0.1", 9090)):
        server = ThreadingHTTPServer((address, port), _Answers)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
    try:
        yield
    finally:
        for server in running:
            server.shutdown()
            server.server_close()


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(_RELEASE if self.path.endswith(".tgz") else b'{"status": "ok"}\n')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _release() -> bytes:
    packed = io.BytesIO()
    report = b"import pathlib, sys\nprint(len(pathlib.Path(sys.argv[1]).read_text().splitlines()), 'lines')\n"
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("app-2.4.1/report.py")
        member.size = len(report)
        archive.addfile(member, io.BytesIO(report))
    return packed.getvalue()


_RELEASE = _release()


@contextmanager
def database() -> Iterator[None]:
    """PostgreSQL with the database `orders`, on a socket only."""
    data = "/var/lib/postgresql/data"
    shutil.chown("/var/lib/postgresql", "postgres", "postgres")
    as_postgres = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--")
    _run(*as_postgres, str(_POSTGRES / "initdb"), "-A", "trust", "-N", data)
    options = "-c listen_addresses= -c fsync=off"
    _run(*as_postgres, str(_POSTGRES / "pg_ctl"), "-w", "-D", data, "-o", options, "-l", f"{data}/log", "start")
    try:
        create = "create role app superuser login; create table orders as select n from generate_series(1, 400) n"
        _run(*as_postgres, str(_POSTGRES / "createdb"), "-h", "/var/run/postgresql", "orders")
        _run(*as_postgres, str(_POSTGRES / "psql"), "-h", "/var/run/postgresql", "-d", "orders", "-c", create)
        yield
    finally:
        _run(*as_postgres, str(_POSTGRES / "pg_ctl"), "-w", "-D", data, "-m", "fast", "stop")
