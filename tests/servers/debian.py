"""Packages of Debian that servers are in, and the user that servers run as, who is not root."""

import os
import subprocess
from collections.abc import Sequence


def install(*packages: str, answers: Sequence[str] = ()) -> None:
    """Root installs them where servers are required, so that nothing is skipped there; elsewhere nothing is installed.

    `answers`: to what a package asks, as debconf takes them. Several processes may ask at once: dpkg lets one after the
    other. Whether it came to anything, the caller sees by the files.
    """
    if os.environ.get("EXFILWATCH_REQUIRE_SERVERS") != "1" or os.geteuid() != 0:
        return
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], env=quiet, check=False, stdout=subprocess.DEVNULL)
    if answers:
        subprocess.run(["debconf-set-selections"], input="\n".join([*answers, ""]), text=True, check=False)
    installing = [*apt, "install", "--no-install-recommends", *packages]
    subprocess.run(installing, env=quiet, check=False, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def as_nobody() -> list[str]:
    """What goes before a command of root's, so that it is not run as root."""
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
