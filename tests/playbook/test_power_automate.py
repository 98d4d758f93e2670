"""The flows of Power Automate: packages as they are exported, and gone through as their definition says."""

import json
import re
from typing import Any

import pytest
from tests.playbook.ways import CASES, the_source

from exfilwatch_playbooks.playbook.exports.power_automate import button, files, poll
from exfilwatch_playbooks.playbook.model import Ask, If, every
from exfilwatch_playbooks.playbook.source import incident

STEPS = {"_".join(re.sub(r"[^\w ]", "", step.title).split()): step for step in every(incident().steps)}
ASKS = {step.id: step for step in STEPS.values() if isinstance(step, Ask)}


class Null:
    """What is not there: whatever is asked of it with a question mark is not there either."""

    def __getitem__(self, _: object) -> "Null":
        return self


class Known(dict[str, Any]):
    def __missing__(self, _: str) -> Null:
        return Null()


class Went(Exception):
    """The run failed."""


class Going:
    """Goes through actions by what they run after, as the reference of the language has it."""

    def __init__(self, answers: dict[str, str], level: str, failing: set[str]) -> None:
        self.answers, self.level, self.failing = answers, level, failing
        self.bodies: dict[str, Any] = {}
        self.went: list[str] = []

    def all(self, actions: dict[str, Any]) -> str:
        status: dict[str, str] = {}
        while len(status) < len(actions):
            ready = [
                name for name, made in actions.items() if name not in status and set(made["runAfter"]) <= set(status)
            ]
            assert ready
            for name in ready:
                came = all(status[one] in wanted for one, wanted in actions[name]["runAfter"].items())
                status[name] = self.one(name, actions[name]) if came else "Skipped"
        waited = {one for made in actions.values() for one in made["runAfter"]}
        ends = [status[name] for name in actions if name not in waited]
        return "Failed" if {"Failed", "TimedOut"} & set(ends) or set(ends) == {"Skipped"} else "Succeeded"

    def one(self, name: str, made: dict[str, Any]) -> str:
        step = STEPS.get(name)
        if step and not isinstance(step, If):
            self.went.append(step.id)
        match made["type"]:
            case "Http":
                action = made["inputs"]["uri"].rpartition("/")[2]
                self.bodies[name] = {"level": self.level} if action == "enrich_finding" else {}
                if action in self.failing:
                    self.bodies[name] = {"detail": "no"}
                    return "Failed"
            case "OpenApiConnectionWebhook":
                return self.answered(name)
            case "Compose" | "Select":
                self.bodies[name] = self.value(made["inputs"])
            case "If":
                left = [
                    self.value(one) == other for one, other in (each["equals"] for each in made["expression"]["or"])
                ]
                return self.all(made["actions"] if any(left) else made["else"]["actions"])
            case "Switch":
                answer = self.value(made["expression"])
                cases = [case["actions"] for case in made["cases"].values() if case["case"] == answer]
                return self.all(cases[0] if cases else made["default"]["actions"])
            case "Scope":
                return self.all(made["actions"])
        return "Succeeded"

    def answered(self, name: str) -> str:
        asked = ASKS.get(STEPS[name].id)
        if asked is None:
            self.bodies[name] = {"outcome": "It is done"}
        elif asked.id in self.answers:
            labels = {choice.answer: choice.label for choice in asked.choices}
            self.bodies[name] = {"outcome": labels[self.answers[asked.id]]}
        else:
            return "TimedOut"
        return "Succeeded"

    def value(self, text: Any) -> Any:
        if not (isinstance(text, str) and text.startswith("@")):
            return text
        names = {
            "body": lambda name: Known(self.bodies[name]) if name in self.bodies else Null(),
            "outputs": lambda name: self.bodies[name],
            "triggerBody": lambda: {"text": "4b77", "text_1": "3fa9"},
            "equals": lambda one, other: one == other,
            "if_": lambda is_so, one, other: one if is_so else other,
        }
        return eval(text[1:].replace("?[", "[").replace("if(", "if_("), {"__builtins__": {}}, names)


@pytest.mark.parametrize("case", CASES)
def test_it_goes_the_way_of_the_source(case: str) -> None:
    going = Going(*CASES[case])
    actions = button(incident())["actions"]
    actions["The_findings"] = {"type": "Compose", "inputs": [], "runAfter": actions["The_findings"]["runAfter"]}
    assert going.all(actions) == ("Failed" if "list_findings" in CASES[case][2] else "Succeeded")
    together = ["facts", "plan", "related"]
    assert sorted(set(going.went) & set(together)) == sorted(set(the_source(*CASES[case])) & set(together))
    assert going.went == the_source(*CASES[case])


def test_both_flows_do_the_same() -> None:
    one, other = poll(incident())["actions"]["Each_incident"]["actions"], button(incident())["actions"]
    mine = {"The_incident", "The_finding", "The_findings"}
    assert {name: made for name, made in one.items() if name not in mine} == {
        name: made for name, made in other.items() if name in one and name not in mine
    }
    assert set(other) - set(one) == {"The_service", "The_token", "The_analyst"}


@pytest.mark.parametrize("flow", ["poll", "button"])
def test_a_package_is_as_power_automate_exports_one(flow: str) -> None:
    written = {
        name.removeprefix(f"{flow}/"): json.loads(text)
        for name, text in files(incident()).items()
        if name.startswith(f"{flow}/")
    }
    resources = written["manifest.json"]["resources"]
    (own,) = written["Microsoft.Flow/flows/manifest.json"]["flowAssets"]["assetPaths"]
    home = f"Microsoft.Flow/flows/{own}"
    assert set(written) == {
        *("manifest.json", "Microsoft.Flow/flows/manifest.json"),
        *(f"{home}/{name}.json" for name in ("definition", "apisMap", "connectionsMap")),
    }
    (api,), (connection,) = (written[f"{home}/{name}.json"].values() for name in ("apisMap", "connectionsMap"))
    assert resources[own]["dependsOn"] == [api, connection]
    assert resources[connection]["dependsOn"] == [api]
    properties = written[f"{home}/definition.json"]["properties"]
    assert set(properties["connectionReferences"]) == {"shared_approvals"}
    assert len(json.dumps(properties["definition"])) < 100_000


def test_names_and_depth_are_what_the_platform_takes() -> None:
    """Microsoft's page on limits: names of 80 characters, eight levels, 25 cases, 500 actions."""

    def nested(actions: dict[str, Any], depth: int = 1) -> list[tuple[str, int]]:
        found = [(name, depth) for name in actions]
        for made in actions.values():
            cases = [case["actions"] for case in made.get("cases", {}).values()]
            for below in [made.get("actions", {}), made.get("else", {}).get("actions", {}), *cases]:
                found += nested(below, depth + 1)
        return found

    every_one = nested(poll(incident())["actions"])
    names = [name for name, _ in every_one]
    assert len(set(names)) == len(names) < 500
    assert all(re.fullmatch(r"\w{1,80}", name) for name in names)
    assert max(depth for _, depth in every_one) <= 8


def test_the_token_is_never_shown_in_a_run() -> None:
    def hidden(actions: dict[str, Any]) -> None:
        for name, made in actions.items():
            if "The_token" in json.dumps(made.get("inputs", {})) or name == "The_token":
                assert "inputs" in made["runtimeConfiguration"]["secureData"]["properties"]
            cases = [case["actions"] for case in made.get("cases", {}).values()]
            for below in [made.get("actions", {}), made.get("else", {}).get("actions", {}), *cases]:
                hidden(below)

    hidden(poll(incident())["actions"])


def test_expressions_take_ids_levels_and_answers_only() -> None:
    text = json.dumps([poll(incident()), button(incident())])
    taken = set(re.findall(r"\['(\w+)'\]", text))
    assert taken == {"items", "incident", "id", "findings", "level", "name", "outcome", "text", "text_1"}
