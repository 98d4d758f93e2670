"""The guides: data that is sound, and steps for each kind of finding that a shipped rule gives."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from exfilwatch.commands.reading import known_tools
from exfilwatch.rules.packs import pack, packs
from exfilwatch_playbooks import response
from exfilwatch_playbooks.response.guide import GENERAL, Guide, Step, guides, guides_for, meaning, of_branch
from exfilwatch_playbooks.response.languages import asks
from exfilwatch_playbooks.response.phases import PHASES, phases, references
from exfilwatch_playbooks.response.placeholders import UNKNOWN

from .known import NOTHING, STEPS, known, placeholders


def shipped_branches() -> Iterator[str]:
    for name in packs():
        for path in pack(name).glob("*.yml"):
            for document in yaml.safe_load_all(path.read_text("utf-8")):
                if branch := document.get("exfilwatch", {}).get("branch"):
                    yield branch


@pytest.mark.parametrize("branch", sorted({*shipped_branches(), "collection", "staging", "scheduled_task"}))
def test_a_branch_of_a_shipped_rule_has_steps_of_its_own(branch):
    assert of_branch(branch)


def test_every_guide_has_a_meaning_and_an_unknown_branch_takes_the_general_one():
    assert meaning("transfer_tool") == "a transfer tool was started with an option that uploads"
    assert meaning("no such branch") == guides()[GENERAL].means


@pytest.mark.parametrize(("guide", "step"), STEPS, ids=lambda each: each.name if isinstance(each, Guide) else each.id)
def test_a_step_reads_well_and_names_only_what_there_is(guide, step):
    for text in (step.instruction, step.why, step.decision or "A question."):
        assert placeholders(text) <= set(UNKNOWN)
        assert text[0].isupper() or text[0] == "{"
        assert text.rstrip()[-1] in ".?"
    assert set(step.queries) <= set(asks())
    assert len(set(step.queries)) == len(step.queries)
    assert step.references


def test_each_question_is_asked_by_a_step():
    assert {name for _, step in STEPS for name in step.queries} == set(asks())


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
        ("nobody who does it", {"who": "somebody"}),
        ("no time", {"minutes": 0}),
        ("a decision that a machine takes", {"automatable": "yes", "decision": "Is it so?"}),
    ],
)
def test_a_step_is_refused_with(why, wrong):
    right = {
        "phase": "contain",
        "title": "Do",
        "instruction": "Do it on {host}.",
        "why": "It helps.",
        "who": "analyst",
        "minutes": 5,
    }
    Step.model_validate(right)
    with pytest.raises(ValidationError):
        Step.model_validate(right | wrong)


def test_a_guide_without_steps_or_with_two_of_one_title_is_refused():
    step = {"phase": "learn", "title": "Do", "instruction": "Do.", "why": "So.", "who": "legal", "minutes": 5}
    Guide.model_validate({"name": "x", "means": "it happened", "steps": [step]})
    for steps in ([], [step, step]):
        with pytest.raises(ValidationError):
            Guide.model_validate({"name": "x", "means": "it happened", "steps": steps})


def test_guides_are_found_by_their_file():
    files = {path.stem for path in Path(response.__file__).parent.glob("guides/*.yml")}
    assert files == set(guides())


@pytest.mark.parametrize("guide", guides().values(), ids=guides())
def test_a_guide_has_commands_for_each_platform(guide):
    assert {platform for step in guide.steps for platform in step.commands} == {"windows", "linux", "macos"}


def test_phases_are_those_of_responders_in_their_order():
    assert PHASES == ("verify", "contain", "collect", "scope", "eradicate", "recover", "notify", "learn")
    assert list(phases()) == list(PHASES)
    assert {step.phase for guide, step in STEPS if guide.name == GENERAL} == set(PHASES)


def test_references_are_those_that_are_used_and_have_a_name():
    used = {name for _, step in STEPS for name in step.references} | {
        n for each in phases().values() for n in each.nist
    }
    assert set(references()) == used
    assert all(re.fullmatch(r"RA\d{4}|D3-[A-Z]{2,6}|(DE|RS|RC|ID)\.[A-Z]{2}-\d{2}", name) for name in used)


def test_what_a_person_decides_stands_in_the_general_guide():
    deciders = {step.who for guide, step in STEPS if guide.name == GENERAL and step.decision}
    assert {"legal", "privacy officer", "incident lead"} <= deciders
    assert "insider" in " ".join(step.decision or "" for guide, step in STEPS if guide.name == GENERAL)


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        (known(families=frozenset({"cloud"})), ["cloud_storage", "transfer_tool"]),
        (known(attack=frozenset({"T1567.002"})), ["cloud_storage", "transfer_tool"]),
        (known(families=frozenset({"dns"})), ["dns", "transfer_tool"]),
        (known(families=frozenset({"share"})), ["file_share", "transfer_tool"]),
        (known(families=frozenset({"mail"})), ["mail", "transfer_tool"]),
        (known(families=frozenset({"database"})), ["database", "transfer_tool"]),
        (known(families=frozenset({"repository"})), ["code_repository", "transfer_tool"]),
        (known(directions=frozenset({"tunnel"})), ["tunnel", "transfer_tool"]),
        (known(directions=frozenset({"offer"})), ["offered", "transfer_tool"]),
        (known(attack=frozenset({"T1029"})), ["cadence", "transfer_tool"]),
        (known(attack=frozenset({"T1052.001"})), ["removable_media", "transfer_tool"]),
        (known(attack=frozenset({"T1053.005"})), ["scheduled_upload", "transfer_tool"]),
        (known(attack=frozenset({"T1020"}), families=frozenset({"http client"})), ["transfer_tool"]),
        (NOTHING, ["transfer_tool"]),
    ],
)
def test_a_kind_is_told_by_what_the_events_show(said, kinds):
    assert [guide.name for guide, _ in guides_for([("transfer_tool", said)])] == [*kinds, GENERAL]


def test_what_tells_a_kind_is_what_the_catalogue_of_tools_knows():
    families = {tool.family for tool in known_tools().tools}
    assert {family for guide in guides().values() for family in guide.also_when.families} <= families
