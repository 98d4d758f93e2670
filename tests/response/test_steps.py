"""The response steps: data that is sound, filled in so that hostile values stay one argument."""

import dataclasses
import re
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from exfilwatch.rules.packs import pack, packs
from exfilwatch_playbooks import response
from exfilwatch_playbooks.response.facts import Facts
from exfilwatch_playbooks.response.steps import (
    PHASES,
    UNKNOWN,
    Guide,
    Step,
    fill,
    guides,
    has_steps,
    meaning,
    powershell,
    steps_for,
)

# Branches of shipped rules that have no steps of their own on purpose.
DEFAULT_ONLY: set[str] = set()


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


NOTHING = Facts(
    **{field.name: None for field in dataclasses.fields(Facts)}
    | {"product": "", "connected": False, "destinations": ()}
)
STEPS = [(branch, step) for branch, guide in guides().items() if branch == guide.branch for step in guide.steps]
COMMANDS = [
    pytest.param(platform, template, id=f"{branch}-{platform}-{number}-{step.title}")
    for branch, step in STEPS
    for platform, templates in step.commands.items()
    for number, template in enumerate(templates)
]
# Those that take text from events, not only numbers and addresses, whose form facts.py checks.
TEXTUAL = [each for each in COMMANDS if placeholders(str(each.values[1])) - {"process_id", "destination_ip"}]


def known(**values: Any) -> Facts:
    return dataclasses.replace(NOTHING, **values)


def shipped_branches() -> Iterator[str]:
    for name in packs():
        for path in pack(name).glob("*.yml"):
            for document in yaml.safe_load_all(path.read_text("utf-8")):
                if branch := document.get("exfilwatch", {}).get("branch"):
                    yield branch


@pytest.mark.parametrize("branch", sorted({*shipped_branches(), "collection"}))
def test_a_branch_of_a_shipped_rule_has_steps_of_its_own_or_is_listed(branch):
    assert has_steps(branch) != (branch in DEFAULT_ONLY)


def test_every_guide_has_a_meaning_and_an_unknown_branch_takes_the_default():
    assert meaning("transfer_tool") == "a transfer tool was started with an option that uploads"
    assert meaning("no such branch") == guides()["default"].means


@pytest.mark.parametrize(("branch", "step"), STEPS, ids=lambda each: each if isinstance(each, str) else each.title)
def test_a_step_reads_well_and_names_only_known_placeholders(branch, step):
    assert placeholders(step.instruction) <= set(UNKNOWN)
    for text in (step.instruction, step.why):
        assert text[0].isupper() or text[0] == "{"
        assert text.endswith(".")
    for templates in step.commands.values():
        assert all(placeholders(template) <= set(UNKNOWN) for template in templates)


@pytest.mark.parametrize(
    ("why", "wrong"),
    [
        ("an unknown placeholder", {"instruction": "Call {boss}."}),
        ("an unknown placeholder in a command", {"commands": {"linux": ["id {boss}"]}}),
        ("a stray brace", {"instruction": "Use {."}),
        ("an unknown phase", {"phase": "panic"}),
        ("an unknown platform", {"commands": {"amiga": ["x"]}}),
        ("a reference of no known form", {"references": ["T1020"]}),
        ("an unknown key", {"owner": "me"}),
        ("no reason", {"why": ""}),
    ],
)
def test_a_step_is_refused_with(why, wrong):
    right = {"phase": "contain", "title": "Do", "instruction": "Do it on {host}.", "why": "It helps."}
    Step.model_validate(right)
    with pytest.raises(ValidationError):
        Step.model_validate(right | wrong)


def test_steps_come_by_phase_and_a_branchs_own_first():
    steps = steps_for([("transfer_tool", known(host="WS1"))])
    assert [step.phase for step in steps] == sorted((step.phase for step in steps), key=PHASES.index)
    assert [step.title for step in steps if step.phase == "contain"][0] == "Keep the tool off the network"  # noqa: RUF015
    default = [step.title for step in guides()["default"].steps]
    assert [step.title for step in steps_for([("?", NOTHING)])] == default
    assert {step.title for step in steps} > set(default)


def test_two_branches_bring_the_steps_of_both_and_the_default_ones_once():
    titles = [step.title for step in steps_for([("transfer_tool", NOTHING), ("scheduled_upload", NOTHING)])]
    assert len(titles) == len(set(titles))
    assert {"Keep the tool off the network", "Stop the schedule", "Cut the host off"} <= set(titles)


def test_what_no_event_says_is_named_and_said_to_be_unknown():
    (step,) = (step for step in steps_for([("?", NOTHING)]) if step.title == "Cut the host off")
    assert step.instruction.startswith("Isolate the host (unknown) from the network")
    assert all(not step.commands for step in steps_for([("?", known(product="linux"))]))


def test_many_values_are_counted():
    facts = [
        ("?", known(host=f"WS{number}", destination_ip=f"198.51.100.{number}", product="linux")) for number in range(5)
    ]
    isolate, block = steps_for(facts)[:2]
    assert isolate.instruction.startswith("Isolate `WS0`, `WS1`, `WS2` and 2 more from the network")
    assert block.commands == {"linux": tuple(f"ip route add blackhole 198.51.100.{number}" for number in range(3))}
    assert steps_for(facts, shown=0)[0].instruction.startswith("Isolate the host from the network")
    assert steps_for(facts, shown=0)[1].commands == {}


@pytest.mark.parametrize(
    ("product", "platforms"),
    [("windows", {"windows"}), ("linux", {"linux"}), ("macos", {"macos"}), ("", {"windows", "linux", "macos"})],
)
def test_commands_are_for_the_platform_that_the_events_come_from(product, platforms):
    everything = dict.fromkeys(UNKNOWN, "5") | {"product": product}
    steps = steps_for([(branch, known(**everything)) for branch in guides()])
    assert {platform for step in steps for platform in step.commands} == platforms


@pytest.mark.parametrize(("products", "shown"), [(["windows"], True), (["linux"], False), (["linux", ""], True)])
def test_a_step_for_one_platform_is_left_out_of_cases_of_others(products, shown):
    steps = steps_for([("transfer_tool", known(product=product)) for product in products])
    assert ("Suspend background transfers" in {step.title for step in steps}) is shown


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


def commands(template: str, platform: str, value: str) -> tuple[str, ...]:
    """The template filled with `value` in every place."""
    step = Step(phase="contain", title="x", instruction="x", why="x", commands={platform: [template]})
    return fill(step, [known(**dict.fromkeys(placeholders(template), value), product=platform)]).commands.get(
        platform, ()
    )


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
        seen = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, env={"PATH": str(tmp_path)})
        assert value in seen.stdout.decode().split("\0")
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
    assert commands("echo {file}", platform, value) == ()


def test_a_guide_without_steps_is_refused():
    with pytest.raises(ValidationError):
        Guide.model_validate({"branch": "x", "means": "it happened", "steps": []})


def test_steps_are_found_by_their_file():
    files = {path.stem for path in Path(response.__file__).parent.glob("*.yml")}
    assert files == {guide.branch for guide in guides().values()}
