"""The cheap look at a command line never says no where the line is understood to do something."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exfilwatch.commands.acting import acting
from exfilwatch.commands.fields import acts, fields
from exfilwatch.commands.named import PASSIVE
from exfilwatch.packaged import read_yaml

CASES = sorted(Path(__file__).with_name("catalogue").glob("*.yml"))
UNSEEN = ("x.exe -rp x.zip C:\\data", "x.exe h.example -BufferSize $size -Count 1")
"""Of programs under other names, what is not told by the cheap look."""
SHELLS = {
    r"C:\Windows\System32\cmd.exe": "cmd.exe /c {}",
    r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe": "powershell -NoProfile -Command {}",
    "/usr/bin/bash": "bash -c '{}'",
}


def events(line: str) -> Iterator[dict[str, str]]:
    """A line as it may stand in a log: started itself, run by a shell, of a program under another name, in a script."""
    name, _, rest = line.partition(" ")
    yield {"CommandLine": line}
    yield {"CommandLine": line, "Image": name.strip("\"'")}
    yield {"CommandLine": f"x.exe {rest}", "Image": r"C:\Temp\x.exe"}
    for image, form in SHELLS.items():
        yield {"CommandLine": form.format(line), "Image": image}
    yield {"ScriptBlockText": line}


def does(event: dict[str, str]) -> bool:
    """Whether it does what rules ask for, once it is understood."""
    found = fields(event.get).get("command.does")
    return isinstance(found, list) and not PASSIVE.issuperset(map(str, found))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_does_something_is_never_passed_over(path: Path) -> None:
    lines = [case["line"] for case in read_yaml(path.read_text("utf-8"))]
    active = [event for line in lines for event in events(line) if does(event)]
    assert [event for event in active if not acts(event.get) and event.get("CommandLine") not in UNSEEN] == []


@pytest.mark.parametrize(
    "line",
    [
        'powershell.exe -Command "Get-Service | Where-Object Status -eq Running"',
        "cmd.exe /c del /q C:\\Users\\anna\\AppData\\Local\\cache1.tmp",
        "curl.exe -fsSL -o C:\\build\\1.bin https://artifacts.corp.example/1",
        "tar -xf C:\\build\\1.tar.gz -C C:\\build\\1",
        "powershell.exe -NoProfile -EncodedCommand RwBlAHQALQBTAGUAcgB2AGkAYwBlAA==",
    ],
)
def test_daily_work_is_passed_over_cheaply(line: str) -> None:
    assert not acting().may(line, line.partition(" ")[0])
