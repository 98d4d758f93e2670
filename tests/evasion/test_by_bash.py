"""The writings of POSIX lines keep their effect: a real bash starts the same programs with the same words.

Stubs stand for the programs of the cases; nothing is sent.
"""

import dataclasses
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .known import Known, known
from .line import Transformation
from .obfuscators import BASHFUSCATOR
from .posix import POSIX
from .posix_runners import RUNNERS

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="no bash on this machine")
_TOOLS = """
bash sh chmod base32 xz bzip2 bzcat cat echo printf base64 xxd rev tr gzip gunzip env
nohup timeout setsid nice ionice stdbuf xargs find cp mv ln
mkdir which sed awk perl python3 true time sleep cut basename
""".split()  # noqa: SIM905 (a list of words)
_STUB = """#!/bin/sh
said="<"
for word; do said="$said=$word;"; done
printf '%s\\n\\1' "$said" >>'{told}'
"""
_SUDO = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
exec "$@"
"""
_SENDS_ITSELF = re.compile(r"/dev/(?:tcp|udp)/|ztcp|\bpython3|\bperl|\bfor\b")
_NOT_HERE = frozenset(
    """
    ruby php node lua script su watch at crontab ld.so doas runuser flock taskset chroot systemd-run proxychains unshare
    caffeinate vim gdb expect make
    """.split()  # noqa: SIM905 (as a list it fills the page)
) | {"busybox sh", "tar's checkpoint", "awk's getline", "sed's e", "zip's test", "base64 by openssl", "two wrappers"}
"""Forms that need a program which is a stub here, is not everywhere, or would do more than run the line."""
FORMS = [*POSIX, *BASHFUSCATOR, *(each for each in RUNNERS if each.name not in _NOT_HERE)]
EACH = 3
"""Cases that a transformation is tried on: others for each."""


def programs() -> set[str]:
    """The programs of the POSIX cases that are no filters of ours: what stubs stand for."""
    named = {
        word
        for case in known()
        if case.line.shell == "posix"
        for word in re.findall(r"(?:^|[|;&(]\s*|\n|\bdo )([a-z][\w.+-]*)(?=\s|$)", case.line.text)
    }
    return named - {*_TOOLS, "for", "do", "done", "cd", "user", "put", "bye"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stands for /usr/bin."""
    made = tmp_path_factory.mktemp("root") / "usr" / "bin"
    made.mkdir(parents=True)
    stubs = {name: _STUB.format(told=made.with_name("told")) for name in programs()}
    for name in _TOOLS:
        if found := sys.executable if name == "python3" else shutil.which(name):
            # A link would hide its own folder from python.
            stubs[name] = f'#!/bin/sh\nexec {found} "$@"\n'
    for name, text in {**stubs, "sudo": _SUDO}.items():
        (made / name).write_text(text)
        (made / name).chmod(0o755)
    return made


def started(script: str, folder: Path, room: Path) -> list[str]:
    """The words of each stub that bash starts, sorted: those of a pipe start in any order."""
    (room / "data").mkdir(parents=True, exist_ok=True)
    (room / "data" / "customers.csv").write_text("a,b\n")
    told = folder.with_name("told")
    told.write_bytes(b"")
    environment = {"PATH": str(folder), "LC_ALL": "C.UTF-8", "HOME": str(room)}
    done = subprocess.run(
        [BASH or "bash", "-c", script], env=environment, capture_output=True, timeout=30, check=False, cwd=room
    )
    found = sorted(told.read_text("utf-8", "surrogateescape").split("\1")[:-1])
    assert found, (script, done.stderr)
    return found


def runnable(case: Known) -> bool:
    """Whether only stubs would send something."""
    return case.line.shell == "posix" and not _SENDS_ITSELF.search(case.line.text)


CASES = [case for case in known() if case.own and runnable(case)]


def chosen(place: int, transformation: Transformation) -> list[Known]:
    """Cases that a transformation changes, other ones for each transformation."""
    turned = [*CASES[place * 7 % len(CASES) :], *CASES[: place * 7 % len(CASES)]]
    return [case for case in turned if isinstance(transformation.change(case.line), str)][:EACH]


@pytest.mark.parametrize(("place", "transformation"), list(enumerate(FORMS)), ids=[each.name for each in FORMS])
def test_bash_starts_the_same_programs_with_the_same_words(
    place: int, transformation: Transformation, folder: Path, tmp_path: Path
) -> None:
    cases = chosen(place, transformation)
    assert cases
    for at, case in enumerate(cases):
        line = dataclasses.replace(case.line, folder=str(folder), text=case.line.text.replace("/srv/data", "data"))
        changed = transformation.change(line)
        assert isinstance(changed, str)
        assert started(changed, folder, tmp_path / f"{at}") == started(line.text, folder, tmp_path / f"plain{at}"), (
            changed
        )
