"""Commands to paste: hostile values stay one argument, each command parses, those that run here do what they say."""

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch_playbooks.response.placeholders import commands as filled
from exfilwatch_playbooks.response.placeholders import powershell

from .known import STEPS, everything, placeholders

COMMANDS = [
    pytest.param(platform, template, id=f"{guide.name}-{platform}-{number}-{step.id}")
    for guide, step in STEPS
    for platform, templates in step.commands.items()
    for number, template in enumerate(templates)
]
# Those that take text from events, not only numbers and addresses, whose form facts.py checks.
TEXTUAL = [each for each in COMMANDS if placeholders(str(each.values[1])) - {"process_id", "destination_ip"}]
HOSTILE = [
    "plain",
    "a b",
    "it's",
    '"quoted"',
    "$(id) `id` $HOME ${IFS}",
    "; id & id | id > /tmp/x #",
    "\\",
    "'\\''",
    "''",
    "\u2018x\u2019 \u201ay\u201b \u201cz\u201d",
    "'\u2019'\u2018;id",
    "-rf",
    "--help",
    "*?[a-z]~!",
    "%PATH% ^&",
    "0x41",
    "007",
    "1e9",
    "12345678901234567890",
    "{0}{host}",
    "ü東京🙂",
]
UNPASTEABLE = ["a\nid", "a\rid", "a\0b", "\u202eabc", "\x1b[A", "a\u2028b", "x" * 501, ""]
values = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30),
)


def commands(template: str, platform: str, value: str) -> list[str]:
    """The template filled with `value` in every place."""
    return filled([template], platform, [everything(value, product=platform)])


@pytest.mark.parametrize("value", HOSTILE)
def test_a_posix_shell_sees_one_argument(value):
    (command,) = commands("printf '%s\\0' -- {file} end", "linux", value)
    seen = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, env={}).stdout
    assert seen.decode().split("\0") == ["--", value, "end", ""]


@pytest.mark.parametrize(("platform", "template"), [each for each in TEXTUAL if each.values[0] != "windows"])
def test_each_command_for_a_posix_shell_keeps_hostile_values_whole(tmp_path, platform, template):
    """Every program is replaced by one that prints its arguments."""
    for program in {piece.split()[0] for piece in re.split(r"\|\||\|", template)}:
        (tmp_path / program).write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
        (tmp_path / program).chmod(0o755)
    for value in HOSTILE:
        (command,) = commands(template, platform, value)
        room = {"PATH": str(tmp_path), "EVIDENCE": str(tmp_path)}
        seen = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, env=room)
        written = (tmp_path / "SHA256SUMS").read_bytes() if ">>" in template else seen.stdout
        assert value in written.decode().split("\0")
        assert seen.stderr == b""


@pytest.mark.parametrize(("platform", "template"), [each for each in COMMANDS if each.values[0] != "windows"])
def test_each_command_for_a_posix_shell_parses(platform, template):
    (command,) = commands(template, platform, "5")
    subprocess.run(["/bin/sh", "-n", "-c", command], check=True, capture_output=True)


def literals(command: str) -> list[str]:
    """The verbatim strings of a PowerShell command, read by the rules of about_Quoting_Rules and its tokenizer.

    Any of five characters opens and closes; two of them in a row are the second one. All else must be plain.
    """
    quotes, found, at = "'\u2018\u2019\u201a\u201b", [], 0
    while at < len(command):
        if command[at] not in quotes:
            assert command[at] not in '"\u201c\u201d\u201e`#', f"not plain at {at}: {command}"
            at += 1
            continue
        at, text = at + 1, ""
        while not (command[at] in quotes and command[at + 1 : at + 2] not in list(quotes)):
            at += command[at] in quotes
            text += command[at]
            at += 1
        found.append(text)
        at += 1
    return found


@given(value=values)
def test_powershell_reads_a_quoted_value_as_it_was(value):
    assert literals(f"echo {powershell(value)} end") == ([] if re.fullmatch("0|[1-9][0-9]{0,9}", value) else [value])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("anna", "'anna'"),
        ("it's", "'it''s'"),
        ("\u2018\u2019\u201a\u201b", "'\u2018\u2018\u2019\u2019\u201a\u201a\u201b\u201b'"),
        ('$(id) `n "x"', "'$(id) `n \"x\"'"),
        ("4242", "4242"),
        ("007", "'007'"),
        ("٣", "'٣'"),
        ("12345678901234567890", "'12345678901234567890'"),
    ],
)
def test_powershell_quoting(text, expected):
    assert powershell(text) == expected


@pytest.mark.parametrize(("platform", "template"), [each for each in TEXTUAL if each.values[0] == "windows"])
def test_each_command_for_powershell_keeps_hostile_values_whole(platform, template):
    (plain,) = commands(template, platform, "5x")
    for value in HOSTILE:
        (command,) = commands(template, platform, value)
        assert value in literals(command)
        assert [each for each in literals(command) if each != value] == [e for e in literals(plain) if e != "5x"]


@pytest.mark.parametrize(("platform", "template"), [each for each in COMMANDS if each.values[0] == "windows"])
def test_each_command_for_powershell_closes_what_it_opens(platform, template):
    (command,) = commands(template, platform, "5")
    bare = re.sub(r"'[^']*'", "", command)
    assert [bare.count(opens) - bare.count(closes) for opens, closes in ("{}", "()", "[]")] == [0, 0, 0]
    assert "'" not in bare


@pytest.mark.parametrize(("platform", "template"), COMMANDS)
def test_only_numbers_stand_inside_quotes_of_a_template(platform, template):
    inside = {name for quoted in re.findall(r"'[^']*'", template) for name in re.findall(r"(?<!{){(\w+)}", quoted)}
    assert inside <= {"process_id"}


@pytest.mark.parametrize("value", UNPASTEABLE)
@pytest.mark.parametrize("platform", ["windows", "linux", "macos"])
def test_a_value_that_can_not_be_pasted_leaves_its_command_out(platform, value):
    assert commands("echo {file}", platform, value) == []
