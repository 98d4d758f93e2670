"""Reads the playbook back from the two flows of Power Automate, which have to say the same."""

import json
import re
from typing import Any

from tests.playbook.outline import Seen

from exfilwatch_playbooks.playbook.model import every
from exfilwatch_playbooks.playbook.source import incident

_OVER = ["Succeeded", "Failed", "TimedOut"]
_TITLES = {
    "_".join(re.sub(r"[^\w ]", "", step.title).split()): step.title for step in every(incident().steps)
}  # names of actions have neither blanks nor signs
_REFERENCES = {
    "@outputs('The_incident')": "$incident",
    "@outputs('The_finding')": "$finding",
    "@body('Enrich_the_incident')?['level']": "$facts.level",
    "@outputs('Judge_the_incident_answer')": "$verdict",
}


def read(files: dict[str, str]) -> list[Seen]:
    poll, button = (
        json.loads(text)["properties"]["definition"]["actions"]
        for name, text in files.items()
        if name.endswith("/definition.json")
    )
    by_poll = _Reading(poll["Each_incident"]["actions"]).seen
    assert by_poll == _Reading(button).seen
    return by_poll


class _Reading:
    def __init__(self, actions: dict[str, Any]) -> None:
        self.seen: list[Seen] = []
        self._read(actions, frozenset({"end"}))

    def _read(self, actions: dict[str, Any], after: frozenset[str]) -> None:
        """Reads actions, the last of which lead to `after`."""
        for name, made in actions.items():
            if name not in _TITLES:
                continue
            title, last = _TITLES[name], f"{name}_ways" if f"{name}_ways" in actions else name
            following = self._next(actions, last, after)
            if made["type"] == "Http":
                self._run(title, name, made, actions, following)
            elif made["type"] == "If":
                self._if(title, made, following)
            else:
                self._ask(title, name, actions, following)

    def _next(self, actions: dict[str, Any], name: str, after: frozenset[str]) -> frozenset[str]:
        """What runs after an action, over what belongs to none of the steps."""
        found: set[str] = set()
        for other, made in actions.items():
            if name in made["runAfter"] and other != f"{name}_failed":
                own = other.removesuffix("_ask")
                found |= {_TITLES[own]} if own in _TITLES else self._next(actions, other, after)
        return frozenset(found) or after

    def _first(self, actions: dict[str, Any], after: frozenset[str]) -> frozenset[str]:
        begins = {name.removesuffix("_ask") for name, made in actions.items() if not made["runAfter"]}
        return frozenset(_TITLES[name] for name in begins) or after

    def _run(
        self, title: str, name: str, made: dict[str, Any], actions: dict[str, Any], following: frozenset[str]
    ) -> None:
        inputs, ways = made["inputs"], {"": following}
        waiting = [other["runAfter"][name] for other in actions.values() if name in other["runAfter"]]
        instead = actions.get(f"{name}_failed")
        if instead:
            assert instead["runAfter"] == {name: ["Failed", "TimedOut"]}
            ways["failure"] = self._first(instead["actions"], following)
        elif _OVER in waiting:
            ways["failure"] = following
        else:
            assert all(each == ["Succeeded"] for each in waiting)
        given = {field: _REFERENCES.get(value, value) for field, value in inputs["body"].items()}
        self.seen.append(
            Seen(
                title, f"run {inputs['uri'].rpartition('/')[2]}", given=given, ways=ways, within=_seconds(made["limit"])
            )
        )
        if instead:
            self._read(instead["actions"], following)

    def _if(self, title: str, made: dict[str, Any], following: frozenset[str]) -> None:
        alike = [each["equals"] for each in made["expression"]["or"]]
        (of,) = {left for left, _ in alike}
        then, otherwise = made["actions"], made["else"]["actions"]
        ways = {"then": self._first(then, following), "otherwise": self._first(otherwise, following)}
        self.seen.append(Seen(title, "if", of=_REFERENCES[of], among=tuple(word for _, word in alike), ways=ways))
        self._read(then, following)
        self._read(otherwise, following)

    def _ask(self, title: str, name: str, actions: dict[str, Any], following: frozenset[str]) -> None:
        asked = actions[f"{name}_ask"]["inputs"]["parameters"]
        assert actions[name]["inputs"]["parameters"] == {"approvalName": f"@body('{name}_ask')?['name']"}
        labels = asked["ApprovalCreationInput/responseOptions"]
        if labels == ["It is done"]:
            self.seen.append(Seen(title, "person", ways={"": following}))
            return
        answer, switch = actions[f"{name}_answer"], actions[f"{name}_ways"]
        assert answer["runAfter"] == {name: _OVER}
        assert switch["expression"] == f"@outputs('{name}_answer')"
        words = dict(re.findall(r"equals\(body\('\w+'\)\?\['outcome'\], '([^']+)'\), '([\w-]+)'", answer["inputs"]))
        assert {label: case["case"] for label, case in switch["cases"].items()} == words
        assert list(words) == labels
        silence = re.fullmatch(r".* '([\w-]+)'\)+", answer["inputs"]).group(1)
        cases = {label: case["actions"] for label, case in switch["cases"].items()}
        self.seen.append(
            Seen(
                title,
                "ask",
                asks=asked["ApprovalCreationInput/title"],
                ways={label: self._first(below, following) for label, below in cases.items()},
                within=_seconds(actions[name]["limit"]),
                unanswered=next(label for label, word in words.items() if word == silence),
            )
        )
        for below in cases.values():
            self._read(below, following)


def _seconds(limit: dict[str, str]) -> int:
    return 60 * int(limit["timeout"].removeprefix("PT").removesuffix("M"))
