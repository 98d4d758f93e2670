"""The programs that the cases need: which are here, and root installs the others where they are required."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import yaml

from .servers.programs import PATH

_POLICY = Path("/usr/sbin/policy-rc.d")
_ALSO = {"lua5.4": ["lua-socket"], "php": ["php-curl"]}
_SLOW = 900  # seconds for apt-get


def missing(programs: Iterator[str]) -> list[str]:
    """Those that are not here."""
    return sorted(program for program in set(programs) if shutil.which(program, path=PATH) is None)


def install(programs: list[str]) -> None:
    """Installs Debian's packages of them, as far as apt-get can; starts no service. Needs root."""
    known = msgspec.convert(yaml.safe_load(Path(__file__).with_name("packages.yml").read_text()), dict[str, str])
    packages = {known[program] for program in programs if program in known}
    packages |= {name for program in programs for name in _ALSO.get(program, [])}
    if not packages or shutil.which("apt-get", path=PATH) is None or os.geteuid() != 0:
        return
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "--yes", "-oDPkg::Lock::Timeout=300"]
    with _no_services():
        for step in (["update"], ["install", "--no-install-recommends", *sorted(packages)]):
            subprocess.run(
                [*apt, *step],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_SLOW,
            )


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
