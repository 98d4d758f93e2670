"""Running a program as a container or a hardened unit does: another user, a root file system that is read-only but for
one folder, and a network of its own in which only loopback is.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.servers.unavailable import Unavailable, leave_out

_AROUND = """
set -e
ip link set lo up
mount --bind "$0" "$0"
mount -o remount,ro,bind /
for place in /tmp /var/tmp /dev/shm; do
  if mountpoint -q "$place"; then mount -o remount,ro,bind "$place"; fi
done
exec setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --bounding-set=-all "$@"
"""


def started(folder: Path, command: Sequence[str], env: Mapping[str, str], **more: Any) -> "subprocess.Popen[str]":
    """A command that may write in `folder` only. Skips the test where the system does not let us."""
    _can()
    for name in ("unshare", "ip", "setpriv", "mountpoint"):
        if shutil.which(name) is None:
            leave_out(Unavailable(f"needs {name}"))
    subprocess.run(["chown", "-R", "10001:10001", folder], check=True)
    return subprocess.Popen(
        ["unshare", "--mount", "--net", "sh", "-c", _AROUND, str(folder), *command],
        env={**os.environ, "TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def within(process: "subprocess.Popen[str]", command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """A command in the network of one that was started."""
    around = ["nsenter", "--target", str(process.pid), "--net", *command]
    return subprocess.run(around, capture_output=True, text=True, check=False)


def _can() -> None:
    tried = subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        leave_out(Unavailable(f"needs the right to make namespaces: {tried.stderr.strip()}"))
