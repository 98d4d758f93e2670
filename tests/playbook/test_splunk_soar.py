"""The code of Splunk SOAR's playbook, run with a stand-in for phantom.rules: it goes the way that the source goes.

The stand-in is written from the documentation of the playbook API: actions and prompts come back by their callbacks,
when the function that started them is over.
"""

import sys
from collections import deque
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from tests.playbook.ways import CASES, the_source

from exfilwatch_playbooks.playbook.exports.splunk_soar import NAME, files, slug
from exfilwatch_playbooks.playbook.model import Ask, Person, Run, Together, every
from exfilwatch_playbooks.playbook.source import incident

STEPS = {slug(step.title): step for step in every(incident().steps)}


class Phantom(ModuleType):
    """Of a container whose artifacts are a finding of an incident."""

    def __init__(self, answers: dict[str, str], level: str, failing: set[str]) -> None:
        super().__init__("phantom.rules")
        self.answers, self.level, self.failing = answers, level, failing
        self.went: list[str] = []
        self.given: dict[str, dict[str, object]] = {}
        self.data: dict[str, str] = {}
        self.results: dict[str, Any] = {}
        self.waiting: deque[Callable[[], None]] = deque()

    def debug(self, said: str) -> None:
        assert said

    error = debug

    def act(self, action: str, parameters: list[dict[str, Any]], name: str, assets: list[str], callback: Any) -> None:
        step = STEPS[name]
        assert isinstance(step, Run)
        assert (action.replace(" ", "_"), assets) == (step.run, ["exfilwatch"])
        (self.given[step.id],) = parameters
        done = step.run not in self.failing
        self.results[name] = {"data.*.level": self.level} if done else {}
        self._later(step.id, callback, success=done)

    def prompt2(self, *, name: str, callback: Any, response_types: list[Any], role: str, **given: Any) -> None:
        step = STEPS[name]
        choices = response_types[0]["options"]["choices"]
        assert role
        assert given["respond_in_mins"] > 0
        self.results[name] = {}
        if isinstance(step, Ask):
            assert choices == [choice.label for choice in step.choices]
            label = next((each.label for each in step.choices if each.answer == self.answers.get(step.id)), None)
            self.results[name] = {"summary.responses.0": label} if label else {}
        self._later(step.id, callback, success=bool(self.results[name]) or isinstance(step, Person))

    def collect2(self, *, container: Any, datapath: list[str], action_results: Any = None) -> list[list[Any]]:
        assert container == {"id": 1}
        assert action_results is None or action_results == []
        (path,) = datapath
        source, _, value = path.partition(":")
        if source == "artifact":
            return [[None], [{"*.cef.exfilwatchIncident": "4b77", "*.cef.exfilwatchFinding": "3fa9"}[value]]]
        found = self.results[source].get(value.removeprefix("action_result."))
        return [[found]] if found else []

    def completed(self, *, action_names: list[str]) -> bool:
        return all(slug_of in self.data.get("done", "").split() for slug_of in action_names)

    def save_run_data(self, *, key: str, value: str) -> None:
        self.data[key] = value

    def get_run_data(self, *, key: str) -> str | None:
        return self.data.get(key)

    def _later(self, step: str, callback: Any, *, success: bool) -> None:
        self.went.append(step)

        def back() -> None:
            name = next(each for each, known in STEPS.items() if known.id == step)
            self.data["done"] = f"{self.data.get('done', '')} {name}"
            if callback is not None:
                callback(action={"name": name}, success=success, container={"id": 1}, results=[], handle=None)

        self.waiting.append(back)


def the_code(monkeypatch: pytest.MonkeyPatch, phantom: Phantom) -> None:
    package = ModuleType("phantom")
    package.rules = phantom  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "phantom", package)
    monkeypatch.setitem(sys.modules, "phantom.rules", phantom)
    scope: dict[str, Any] = {}
    exec(compile(files(incident())[f"{NAME}.py"], f"{NAME}.py", "exec"), scope)
    scope["on_start"]({"id": 1})
    while phantom.waiting:
        phantom.waiting.popleft()()
    scope["on_finish"]({"id": 1}, {})


@pytest.mark.parametrize("case", CASES)
def test_the_code_goes_the_way_of_the_source(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, level, failing = CASES[case]
    phantom = Phantom(answers, level, failing)
    the_code(monkeypatch, phantom)
    assert phantom.went == the_source(answers, level, failing)


def test_the_code_gives_actions_what_the_source_gives_them(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, dict[str, object]] = {}
    for answers, level, failing in CASES.values():
        phantom = Phantom(answers, level, failing)
        the_code(monkeypatch, phantom)
        given |= phantom.given
    filled = {"$incident": "4b77", "$finding": "3fa9"}
    runs = [step for step in every(incident().steps) if isinstance(step, Run)]
    assert set(given) == {step.id for step in runs if not isinstance(step, Together)}
    for step in runs:
        wanted = {name: filled.get(str(value), value) for name, value in step.given.items()}
        assert given[step.id] == {
            name: value.replace("{platform}", "Splunk SOAR") if isinstance(value, str) else value
            for name, value in wanted.items()
        }
