"""The plan for findings: the right steps in order, with what the findings say."""

import pytest

from exfilwatch_playbooks.response.guide import GENERAL, guides
from exfilwatch_playbooks.response.phases import PHASES
from exfilwatch_playbooks.response.placeholders import Piece
from exfilwatch_playbooks.response.plan import LANGUAGES, Plan, plan_for, plan_of

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from .known import NOTHING, everything, known


def titles(plan: Plan) -> list[str]:
    return [step.title for step in plan.steps]


def test_steps_come_by_phase_and_a_kinds_own_first():
    plan = plan_of([("transfer_tool", known(host="WS1"))])
    assert [phase.name for phase in plan.phases] == list(PHASES)
    contain = next(phase for phase in plan.phases if phase.name == "contain")
    assert [step.id for step in contain.steps][:2] == [
        "general/decide-between-stopping-and-watching",
        "transfer_tool/keep-the-tool-off-the-network",
    ]
    assert contain.minutes == sum(step.minutes for step in contain.steps)
    general = [step.title for step in guides()[GENERAL].steps]
    assert sorted(titles(plan_of([("?", NOTHING)]))) == sorted(general)
    assert set(titles(plan)) > set(general)


def test_two_kinds_bring_the_steps_of_both_and_the_general_ones_once():
    plan = plan_of([("transfer_tool", NOTHING), ("scheduled_upload", NOTHING)])
    assert len({step.id for step in plan.steps}) == len(plan.steps)
    assert {"Keep the tool off the network", "Stop the schedule", "Cut the host off"} <= set(titles(plan))


def test_without_the_general_steps_an_unknown_kind_has_no_plan():
    assert plan_of([("?", NOTHING)], general=False).phases == ()
    assert {step.id.split("/")[0] for step in plan_of([("transfer_tool", NOTHING)], general=False).steps} == {
        "transfer_tool"
    }


def step(plan: Plan, title: str) -> str:
    return next(step.text for step in plan.steps if step.title == title)


def test_values_stand_in_the_sentences_apart_from_our_words():
    plan = plan_of([("?", known(host="WS1"))])
    cut = next(step for step in plan.steps if step.title == "Cut the host off")
    assert cut.instruction == (
        Piece(text="Isolate "),
        Piece(text="WS1", value=True),
        Piece(text=" from the network with your EDR, leaving only its management channel."),
    )
    assert step(plan_of([("?", NOTHING)]), "Cut the host off").startswith("Isolate the host (unknown) from")


def test_hidden_characters_of_a_value_are_spelled_out_and_long_values_cut():
    text = step(plan_of([("?", known(host="\u202eWS\n" + "x" * 200))]), "Cut the host off")
    assert text.startswith("Isolate \\u202eWS\\nxxx")
    assert "characters cut)" in text


def test_many_findings_are_named_up_to_three():
    facts = [
        ("?", known(host=f"WS{n}", destination_ip=f"198.51.100.{n}", product="linux", time=None)) for n in range(5)
    ]
    plan = plan_of(facts)
    assert step(plan, "Cut the host off").startswith("Isolate WS0, WS1, WS2 and 2 more from the network")
    block = next(step for step in plan.steps if step.title == "Block the destination")
    assert [command.text for command in block.commands] == [f"ip route add blackhole 198.51.100.{n}" for n in range(3)]
    without = plan_of(facts, shown=0)
    assert step(without, "Cut the host off").startswith("Isolate the host from the network")
    assert not [command for each in without.steps for command in each.commands if "198." in command.text]
    assert not [query for each in without.steps for query in each.queries]


@pytest.mark.parametrize(
    ("product", "platforms"),
    [("windows", {"windows"}), ("linux", {"linux"}), ("macos", {"macos"}), ("", {"windows", "linux", "macos"})],
)
def test_commands_are_for_the_platform_that_the_events_come_from(product, platforms):
    plan = plan_of(
        [(branch, everything("5", product=product)) for guide in guides().values() for branch in guide.branches]
    )
    assert {command.platform for step in plan.steps for command in step.commands} == platforms
    assert set(plan.platforms) == platforms - ({"windows", "linux", "macos"} if not product else set())


@pytest.mark.parametrize(("products", "shown"), [(["windows"], True), (["linux"], False), (["linux", ""], True)])
def test_a_step_for_one_platform_is_left_out_of_cases_of_others(products, shown):
    plan = plan_of([("transfer_tool", known(product=product)) for product in products])
    assert ("Suspend background transfers" in titles(plan)) is shown


def test_a_plan_of_a_finding_has_queries_in_every_language_with_its_values():
    plan = plan_for([make("a", DestinationIp="203.0.113.9", DestinationHostname="files.example")])
    found = {query.language for step in plan.steps for query in step.queries}
    assert found == set(LANGUAGES)
    assert all("203" in query.text for step in plan.steps for query in step.queries if "address" in query.title)
    only = plan_for([make("a")], languages=["splunk"])
    assert {query.language for step in only.steps for query in step.queries} == {"splunk"}


@pytest.mark.parametrize(
    ("findings", "blocked"),
    [
        ([{"here": True, "destinations": ("127.0.0.1:8080",)}], None),
        ([{"here": True, "destinations": ("127.0.0.1:8080",)}, {}], None),
        ([{"here": True, "destinations": ("127.0.0.1:8080",)}, {"destinations": ("files.example",)}], "files.example"),
        ([{}], "the destination (unknown)"),
    ],
)
def test_nobody_is_told_to_block_the_host_itself(findings, blocked):
    """Found in the demo: its DNS policy named the victim."""
    plan = plan_of([("?", known(host="WS1", port="8080", **each)) for each in findings])
    assert ("same_host" in plan.kinds) is any(each.get("here") for each in findings)
    assert ("Block the destination" in titles(plan)) is (blocked is not None)
    if blocked:
        assert step(plan, "Block the destination").startswith(f"Block {blocked} on the proxy")


def test_what_stands_in_brackets_is_left_out_when_nothing_is_known_of_it():
    keep = "Keep the files with their hashes"
    assert step(plan_of([("?", NOTHING)]), keep).startswith("Copy what was sent or packed from the host (unknown)")
    assert "packed (C:\\q.zip) from" in step(plan_of([("?", known(source="C:\\q.zip"))]), keep)


def test_a_plan_goes_through_json_and_back():
    plan = plan_for([make("a", Image="C:\\x\\rclone.exe", CommandLine="rclone copy C:\\Users\\anna\\q.zip mega:up")])
    assert plan.kinds == ("cloud_storage", "transfer_tool", "general")
    assert len(plan.findings) == 1
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_a_plan_is_made_once_for_the_same_few_findings_and_not_kept_for_many():
    few, others = [("transfer_tool", known(host="WS1"))], [("transfer_tool", known(host="WS2"))]
    assert plan_of(few) is plan_of([("transfer_tool", known(host="WS1"))])
    assert plan_of(few) != plan_of(others)
    assert plan_of(few, shown=1) is not plan_of(few)
    assert plan_of(few * 51) is not plan_of(few * 51)
