"""Cortex XSOAR and XSIAM: the playbook of the content pack, whose tasks run the commands of the integration.

What a person answered is kept in a field of the incident, by which later conditions go. Beside the steps of the source
there are tasks that belong to this platform: headings, the field, the link of the case, isolating by whichever endpoint
tool is there, and closing the incident.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exfilwatch_playbooks.platforms.http.written import yaml
from exfilwatch_playbooks.platforms.xsoar.commands import BRAND
from exfilwatch_playbooks.platforms.xsoar.integration import FROM_VERSION, MARKETPLACES
from exfilwatch_playbooks.playbook.layout import placed
from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Value, filled
from exfilwatch_playbooks.playbook.wiring import END, FAILURE, OTHERWISE, START, THEN, Node, first, wired

TITLE = "Cortex XSOAR"
LACKS: Mapping[str, str] = {
    "timeouts": 'a question waits until it is answered ("Cannot say yet" is an answer, and the task may have a due '
    "date)",
    "limits": "a command takes as long as the integration lets it",
}
NAME = f"{BRAND} - Automated Exfiltration"
ISOLATE = "Isolate Endpoint - Generic V2"
_INPUTS = {"$incident": "${incident.exfilwatchid}", "$finding": "${incident.exfilwatchfinding}"}
_SET = "Builtin|||setIncident"
_VERDICT = "exfilwatchverdict"
_ACROSS, _DOWN = 460, 130  # pixels


def files(playbook: Playbook) -> dict[str, str]:
    """The playbook as YAML."""
    return {f"playbook-{NAME.replace(' ', '_')}.yml": yaml(document(playbook))}


def document(playbook: Playbook) -> dict[str, Any]:
    """The playbook as the platform reads it."""
    tasks = _Tasks(playbook).all()
    numbers = {key: str(number) for number, key in enumerate(tasks)}
    return {
        "id": NAME,
        "name": NAME,
        "version": -1,
        "description": playbook.description,
        "starttaskid": numbers[START],
        "tasks": {numbers[key]: _numbered(key, task, numbers) for key, task in tasks.items()},
        "view": json.dumps({"linkLabelsPosition": {}, "paper": {"dimensions": _paper(tasks)}}),
        "inputs": [],
        "outputs": [],
        "fromversion": FROM_VERSION,
        "marketplaces": MARKETPLACES,
        "tests": ["No tests (auto formatted)"],
    }


def commands_used(playbook: Playbook) -> list[str]:
    """The names of our commands that tasks run."""
    return [_command(node.step.run) for node in wired(playbook) if isinstance(node.step, Run)]


class _Tasks:
    """The tasks, by keys: those of the nodes, and of what stands between them."""

    def __init__(self, playbook: Playbook) -> None:
        self._nodes, self._places = wired(playbook), placed(playbook)
        self._first = first(playbook)
        self._kept = {step.of for step in (node.step for node in self._nodes) if isinstance(step, If)}
        self._headed = dict(self._headings())

    def all(self) -> dict[str, dict[str, Any]]:
        """Each, with the keys of what comes next."""
        made = {START: _task("start", "", "", (0, -1), {"#none#": self._to(self._first)})}
        for node in self._nodes:
            made |= dict(self._of(node))
        column, row = self._places[END]
        made[END] = _task("regular", "Close the incident", "", (column, 3 * row), {"#none#": ["done"]},
                          script="Builtin|||closeInvestigation")  # fmt: skip
        made["done"] = _task("title", "Done", "", (column, 3 * row + 1), {})
        return made

    def _headings(self) -> Iterator[tuple[str, str]]:
        """The nodes that a part of the playbook begins with, and its name."""
        seen = set[str]()
        for node in self._nodes:
            if node.phase not in seen:
                seen.add(node.phase)
                yield node.id, node.phase

    def _to(self, targets: tuple[str, ...]) -> list[str]:
        return [f"{each} heading" if each in self._headed else each for each in targets]

    def _of(self, node: Node) -> Iterator[tuple[str, dict[str, Any]]]:
        column, row = self._places[node.id]
        step, at = node.step, (column, 3 * row)
        if node.id in self._headed:
            yield (
                f"{node.id} heading",
                _task("title", self._headed[node.id], "", (column, 3 * row - 1), {"#none#": [node.id]}),
            )
        match step:
            case Run():
                yield from self._command(node, step, at)
            case Ask():
                yield from self._question(node, step, at)
            case Person():
                if node.phase == "Contain":
                    yield f"{node.id} isolate", _isolate((column, 3 * row - 1), node.id)
                yield node.id, _task("regular", step.title, step.person, at, {"#none#": self._to(node.next)})
            case If():
                ways = {"yes": self._to(node.ways[THEN]), "#default#": self._to(node.ways[OTHERWISE])}
                made = _task("condition", step.title, step.says, at, ways)
                alike = [_alike(self._value(step.of), word) for word in step.among]
                yield node.id, made | {"conditions": [{"label": "yes", "condition": [alike]}]}

    def _command(self, node: Node, step: Run, at: tuple[int, int]) -> Iterator[tuple[str, dict[str, Any]]]:
        following = self._to(node.next)
        ways = {"#none#": [f"{node.id} link"] if step.run == "open_case" else following}
        made = _task("regular", step.title, step.says, at, ways, script=f"{BRAND}|||{_command(step.run)}")
        made["scriptarguments"] = {name: {"simple": self._argument(value)} for name, value in step.given.items()}
        if FAILURE in node.ways:
            made["continueonerror"] = True
            if step.failure != "go-on":
                made["continueonerrortype"] = "errorPath"
                made["nexttasks"]["#error#"] = self._to(node.ways[FAILURE])
        yield node.id, made
        if step.run == "open_case":
            link = _task("regular", "Link the case", "Where people look at it.", (at[0], at[1] + 1),
                         {"#none#": following}, script=_SET)  # fmt: skip
            link["scriptarguments"] = {"exfilwatchcase": {"simple": "${ExfilWatch.OpenCase.url}"}}
            yield f"{node.id} link", link | {"continueonerror": True}

    def _question(self, node: Node, step: Ask, at: tuple[int, int]) -> Iterator[tuple[str, dict[str, Any]]]:
        keeps = f"${node.id}" in self._kept
        ways: dict[str, list[str]] = {}
        noted: list[tuple[str, dict[str, Any]]] = []
        for number, choice in enumerate(step.choices):
            target = self._to(node.ways[choice.answer])
            if node.phase == "Contain" and choice.steps:
                target = [f"{each} isolate" for each in target]
            if keeps:
                key = f"{node.id} {choice.answer}"
                said, place = "For later conditions.", (at[0] + number, at[1] + 1)
                made = _task("regular", f"Note the answer: {choice.label}", said, place, {"#none#": target}, _SET)
                noted.append((key, made | {"scriptarguments": {_VERDICT: {"simple": choice.answer}}}))
                target = [key]
            ways[choice.label] = target
        yield node.id, _task("condition", step.ask, f"{step.title}. {step.says}", at, ways)
        yield from noted

    def _value(self, reference: str) -> str:
        name, _, field = reference.removeprefix("$").partition(".")
        if not field:
            return f"incident.{_VERDICT}"
        action = next(node.step.run for node in self._nodes if node.id == name and isinstance(node.step, Run))
        return f"{BRAND}.{''.join(word.capitalize() for word in action.split('_'))}.{field}"

    def _argument(self, value: Value) -> str:
        text = str(value).lower() if isinstance(value, bool) else str(filled(value, TITLE))
        return _INPUTS.get(text) or (f"${{{self._value(text)}}}" if text.startswith("$") else text)


def _command(action: str) -> str:
    return f"exfilwatch-{action.replace('_', '-')}"


def _alike(path: str, word: str) -> dict[str, Any]:
    """One of several conditions, of which one is enough."""
    left = {"value": {"simple": path}, "iscontext": True}
    return {"operator": "isEqualString", "left": left, "right": {"value": {"simple": word}}}


def _isolate(at: tuple[int, int], following: str) -> dict[str, Any]:
    said = "By whichever endpoint tools are there. Without the pack Common Playbooks it is skipped."
    made = _task("playbook", "Isolate the host", said, at, {"#none#": [following]})
    made["task"]["playbookName"] = ISOLATE
    made["scriptarguments"] = {"Endpoint_hostname": {"simple": "${incident.exfilwatchhost}"}}
    return made | {"separatecontext": True, "skipunavailable": True, "continueonerror": True}


def _task(
    kind: str, name: str, said: str, at: tuple[int, int], ways: dict[str, list[str]], script: str = ""
) -> dict[str, Any]:
    """A task, whose next ones are keys still."""
    inner: dict[str, Any] = {
        "version": -1,
        "name": name,
        "description": said,
        "type": kind,
        "iscommand": bool(script),
        "brand": script.partition("|||")[0],
    }
    made: dict[str, Any] = {
        "type": kind,
        "task": inner | ({"script": script} if script else {}),
        "separatecontext": False,
        "continueonerrortype": "",
        "view": {"x": 50 + at[0] * _ACROSS, "y": 50 + (at[1] + 1) * _DOWN},
        "note": False,
        "timertriggers": [],
        "ignoreworker": False,
        "skipunavailable": False,
        "quietmode": 0,
        "isoversize": False,
        "isautoswitchedtoquietmode": False,
    }
    return made | ({"nexttasks": ways} if ways else {})


def _numbered(key: str, task: dict[str, Any], numbers: dict[str, str]) -> dict[str, Any]:
    identity = str(uuid5(NAMESPACE_URL, f"{NAME}/{key}"))
    made = {"id": numbers[key], "taskid": identity} | task
    made["task"] = {"id": identity} | task["task"]
    made["view"] = json.dumps({"position": task["view"]})
    if "nexttasks" in task:
        made["nexttasks"] = {way: [numbers[each] for each in to] for way, to in task["nexttasks"].items()}
    return made


def _paper(tasks: dict[str, dict[str, Any]]) -> dict[str, int]:
    views = [task["view"] for task in tasks.values()]
    return {
        "height": max(each["y"] for each in views),
        "width": 380 + max(each["x"] for each in views),
        "x": 50,
        "y": 50,
    }
