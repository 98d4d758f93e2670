"""The programs that the cases need: which are here, and root installs the others where they are required."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from exfilwatch.packaged import read_yaml

from .servers.programs import PATH

_POLICY = Path("/usr/sbin/policy-rc.d")
_ALSO = {"lua5.4": ["lua-socket"], "php": ["php-curl"]}
_SLOW = 900  # seconds for apt-get


def missing(programs: Iterable[str]) -> list[str]:
    """Those that are not here."""
    return sorted(program for program in set(programs) if shutil.which(program, path=PATH) is None)


def install(programs: list[str]) -> None:
    """Installs Debian's packages of them, as far as apt-get can; starts no service. Needs root."""
    if shutil.which("apt-get", path=PATH) is None or os.geteuid() != 0 or not programs:
        return
    known = msgspec.convert(read_yaml(Path(__file__).with_name("packages.yml").read_text()), dict[str, str])

    def packages() -> list[str]:
        absent = [program for program in missing(programs) if program in known]
        return sorted({name for program in absent for name in [known[program], *_ALSO.get(program, [])]})

    with _no_services():
        _apt("update")
        _apt("install", "--no-install-recommends", *packages())
        for package in packages():  # one that this Debian does not have has kept the others out
            _apt("install", "--no-install-recommends", package)


def _apt(*arguments: str) -> None:
    command = ["apt-get", "-qq", "--yes", "-oDPkg::Lock::Timeout=300", *arguments]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_SLOW)


@contextmanager
def _no_services() -> Iterator[None]:
    """Debian asks this file before it starts a service; one that is here already decides itself."""
    try:
        with _POLICY.open("x") as file:
            file.write("#!/bin/sh\nexit 101\n")
    except FileExistsError:
        yield
        return
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
