"""An upload is found wherever it stands in a script: in loops, conditions, functions, jobs and what runs a script."""

import shlex
from pathlib import Path

import pytest

from exfilwatch.commands.fields import fields
from exfilwatch.packaged import read_yaml

STRUCTURES = read_yaml(Path(__file__).with_name("structures.yml").read_text("utf-8"))
STARTED = {
    "powershell": (r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", 'powershell.exe -Command "{}"'),
    "posix": ("/bin/bash", "bash -c {}"),
    "cmd": (r"C:\Windows\System32\cmd.exe", 'cmd.exe /c "{}"'),
}


def cases() -> list[object]:
    return [
        pytest.param(shell, structure, id=f"{shell}: {structure!r}")
        for shell, told in STRUCTURES.items()
        for structure in told["structures"]
    ]


@pytest.mark.parametrize(("shell", "structure"), cases())
def test_an_upload_is_found_in_each_structure_of_a_shell(shell: str, structure: str) -> None:
    image, form = STARTED[shell]
    missed = []
    for script in STRUCTURES[shell]["scripts"]:
        line = structure.replace("«…»", shlex.quote(script)).replace("…", script)
        said = form.format(line.replace('"', '\\"') if shell == "powershell" else line)
        found = fields({"Image": image, "CommandLine": said}.get)
        if found.get("transfer.direction") != "upload":
            missed.append(said)
    assert missed == []
