"""`python -m tests.servers.keeper KIND FOLDER`: keeps a server running as long as anyone holds a lock on FOLDER/users.

So it ends when the last program that uses it ends, also when that one was killed, and not before.
"""

import fcntl
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

from .kinds import KINDS
from .unavailable import Unavailable


def main(kind: str, folder: Path) -> None:
    """Write FOLDER/KIND.ready or FOLDER/KIND.failed, wait, and remove FOLDER/KIND.running at the end."""
    own = Path(tempfile.mkdtemp(prefix=f"exfilwatch-{kind}-", dir="/var/tmp"))  # the server may see another /tmp
    own.chmod(0o755)  # the certificate is read by those who use the server
    users = (folder / "users").open("r")
    running = None
    try:
        running = KINDS[kind](own)
        _write(folder / f"{kind}.ready", msgspec.json.encode(running.ready()))
        fcntl.flock(users, fcntl.LOCK_EX)
    except Unavailable as error:
        _write(folder / f"{kind}.failed", str(error).encode())
    except Exception as error:
        _write(folder / f"{kind}.failed", f"{type(error).__name__}: {error}".encode())
        raise
    finally:
        if running is not None:
            running.stop()
        shutil.rmtree(own, ignore_errors=True)
        (folder / f"{kind}.running").unlink(missing_ok=True)


def _write(file: Path, content: bytes) -> None:
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(file)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
