"""Splunk SOAR: the playbook as its visual editor stores it: a graph in JSON, and the Python that runs.

Each block of the graph holds the code of its function (`customCode`), as the editor keeps what a person wrote. Learnt
from github.com/phantomcyber/playbooks and the documentation of the playbook API (act, prompt2, collect2, completed).
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exfilwatch_playbooks.playbook.layout import placed
from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Value, filled
from exfilwatch_playbooks.playbook.wiring import END, FAILURE, NEXT, OTHERWISE, THEN, Node, first, wired

TITLE = "Splunk SOAR"
LACKS: Mapping[str, str] = {"limits": "an action takes as long as the app lets it"}
NAME = "exfilwatch_automated_exfiltration"
APP, ASSET = "exfilwatch", "exfilwatch"
_ROLE = "Incident Commander"
_LONGEST = 7 * 24 * 60  # minutes that a person has for what has no time of its own
_ASKED = (
    "action=None, success=None, container=None, results=None, handle=None, filtered_artifacts=None, "
    "filtered_results=None, custom_function=None, **kwargs"
)
_PASSED = "action=action, success=success, container=container, results=results, handle=handle"
_CEF = {"$incident": "artifact:*.cef.exfilwatchIncident", "$finding": "artifact:*.cef.exfilwatchFinding"}
_LINE = '    """{}"""\n    phantom.debug("{}() called")\n\n'


def files(playbook: Playbook) -> dict[str, str]:
    """The graph and the code; both go into one archive, which the platform imports."""
    blocks = _blocks(playbook)
    code = _code(playbook, blocks)
    return {f"{NAME}.json": json.dumps(_graph(playbook, blocks, code), indent=4) + "\n", f"{NAME}.py": code}


@dataclass
class _Block:
    """A block: what the editor draws, and its function. `ways`: the functions it leads to, by conditions in order."""

    name: str
    kind: str
    title: str
    says: str
    place: tuple[float, float]
    code: str
    data: dict[str, Any] = field(default_factory=dict)
    ways: list[tuple[int | None, str]] = field(default_factory=list)


def _blocks(playbook: Playbook) -> list[_Block]:
    return _Writing(playbook).blocks


class _Writing:
    def __init__(self, playbook: Playbook) -> None:
        self._nodes, self._places = wired(playbook), placed(playbook)
        self._names = {node.id: slug(node.step.title) for node in self._nodes}
        self._steps = {node.id: node for node in self._nodes}
        self._joining = {node.id: node for node in self._nodes if node.joins}
        self.blocks: list[_Block] = []
        for node in self._nodes:
            match node.step:
                case Run():
                    self._run(node, node.step)
                case Ask():
                    self._question(node, node.step)
                case Person():
                    self._prompt(node, node.step.person, "Done", ["It is done"], _LONGEST, self._one(node.next))
                case If():
                    self._condition(node, node.step)

    def _run(self, node: Node, step: Run) -> None:
        name = self._names[node.id]
        decides = step.failure != "go-on" and not node.together
        callback = f"{name}_done" if decides else self._join(self._one(node.next))
        lines = "".join(f'    parameters["{key}"] = {self._collected(value)}\n' for key, value in step.given.items())
        code = f"{self._opens(name, step.says or step.title)}    parameters = {{}}\n{lines}"
        code += f'    phantom.act("{step.run.replace("_", " ")}", parameters=[parameters], name="{name}", '
        code += f'assets=["{ASSET}"], callback={callback})\n\n    return\n'
        given = {key: self._drawn(value) for key, value in step.given.items()}
        data = {
            "action": step.run.replace("_", " "),
            "actionType": "generic",
            "connector": APP,
            "connectorConfigs": [ASSET],
            "connectorVersion": "v1",
            "parameters": given,
            "requiredParameters": [{"data_type": "string", "field": key} for key in given],
        }
        ways = [(None, f"{name}_done")] if decides else [(None, each) for each in self._targets(node.next)]
        self._put(node, "action", name, step.title, step.says, code, data, ways)
        if decides:
            self._done(node, step, name)

    def _done(self, node: Node, step: Run, name: str) -> None:
        """A decision by whether the action went well."""
        failed = self._targets(node.ways.get(FAILURE, ()))
        code = self._opens(f"{name}_done", f"Did it go well: {step.title}?")
        code += f"    if success:\n{self._calls(node.next)}        return\n\n"
        code += (
            self._calls(node.ways[FAILURE], 4)
            if failed
            else f"    phantom.error({json.dumps(f'{step.title}: it failed')})\n"
        )
        conditions = [
            _if("If", 0, [(f"{name}:action_result.status", "success")], "it went well"),
            _else(1, "it failed"),
        ]
        ways: list[tuple[int | None, str]] = [(0, each) for each in self._targets(node.next)]
        ways += [(1, each) for each in failed]
        data = {"conditions": conditions}
        self._put(node, "decision", f"{name}_done", f"{step.title}: done", "", f"{code}\n    return\n", data, ways, 0.5)

    def _question(self, node: Node, step: Ask) -> None:
        name, labels = self._names[node.id], [choice.label for choice in step.choices]
        self._prompt(
            node, f"{step.ask} {step.says}", "Answer", labels, int(step.within.total_seconds() / 60), f"{name}_answer"
        )
        words = {choice.label: choice.answer for choice in step.choices}
        path = f"{name}:action_result.summary.responses.0"
        code = self._opens(f"{name}_answer", step.ask)
        code += f"    answers = {json.dumps(words)}\n"
        code += f'    said = phantom.collect2(container=container, datapath=["{path}"], action_results=results)\n'
        code += f'    answer = answers.get(said[0][0] if said else None, "{step.unanswered}")\n'
        code += f'    phantom.save_run_data(key="{name}", value=answer)\n\n'
        conditions, ways = [], list[tuple[int | None, str]]()
        for number, choice in enumerate(step.choices):
            targets = node.ways[choice.answer]
            code += f'    if answer == "{choice.answer}":\n{self._calls(targets)}        return\n\n'
            conditions.append(_if("If" if not number else "Else If", number, [(path, choice.label)], choice.label))
            ways += [(number, each) for each in self._targets(targets)]
        silent = node.ways[step.unanswered]
        conditions.append(_else(len(step.choices), "nobody answered"))
        ways += [(len(step.choices), each) for each in self._targets(silent)]
        data = {"conditions": conditions}
        self._put(
            node, "decision", f"{name}_answer", f"{step.title}: the answer", "", f"{code}    return\n", data, ways, 0.5
        )

    def _prompt(self, node: Node, message: str, prompt: str, options: list[str], minutes: int, callback: str) -> None:
        name, step = self._names[node.id], node.step
        code = self._opens(name, step.title)
        code += f"    user = None\n    role = {json.dumps(_ROLE)}\n    message = {json.dumps(message)}\n"
        response = {"prompt": prompt, "options": {"type": "list", "required": True, "choices": options}}
        code += f"    response_types = {[response]!r}\n"
        code += "    phantom.prompt2(container=container, user=user, role=role, message=message, "
        code += f'respond_in_mins={minutes}, name="{name}", parameters=[], response_types=response_types, '
        code += f"callback={callback or 'None'})\n\n    return\n"
        data = {
            "approver": _ROLE,
            "message": message,
            "parameters": [],
            "responseTime": minutes,
            "responses": [{"responseOptions": options, "responsePrompt": prompt, "responseType": "customList"}],
        }
        ways: list[tuple[int | None, str]] = [(None, callback)] if callback else []
        self._put(node, "prompt", name, step.title, step.says, code, data, ways)

    def _condition(self, node: Node, step: If) -> None:
        name = self._names[node.id]
        source, _, value = step.of.removeprefix("$").partition(".")
        asked = self._steps[source].step
        code = self._opens(name, step.says or step.title)
        if isinstance(asked, Ask):
            path = f"{self._names[source]}:action_result.summary.responses.0"
            words = [(path, choice.label) for choice in asked.choices if choice.answer in step.among]
            code += f'    found = phantom.get_run_data(key="{self._names[source]}")\n'
        else:
            path = f"{self._names[source]}:action_result.data.*.{value}"
            words = [(path, word) for word in step.among]
            code += f'    said = phantom.collect2(container=container, datapath=["{path}"])\n'
            code += "    found = said[0][0] if said else None\n"
        code += f"    if found in {json.dumps(step.among)}:\n{self._calls(node.ways[THEN])}        return\n\n"
        code += f"{self._calls(node.ways[OTHERWISE], 4)}\n    return\n"
        conditions = [_if("If", 0, words, "yes", logic="or"), _else(1, "no")]
        ways: list[tuple[int | None, str]] = [(0, each) for each in self._targets(node.ways[THEN])]
        ways += [(1, each) for each in self._targets(node.ways[OTHERWISE])]
        self._put(node, "decision", name, step.title, step.says, code, {"conditions": conditions}, ways)

    def _collected(self, value: Value) -> str:
        if isinstance(value, str) and value in _CEF:
            return f'first_of(container, "{_CEF[value]}")'
        return json.dumps(filled(value, TITLE)) if isinstance(value, str) else repr(value)

    def _drawn(self, value: Value) -> Value:
        return _CEF.get(value, filled(value, TITLE)) if isinstance(value, str) else value

    def _opens(self, name: str, said: str) -> str:
        return f"def {name}({_ASKED}):\n" + _LINE.format(said.replace('"', "'"), name)

    def _targets(self, ids: tuple[str, ...]) -> list[str]:
        return [self._names.get(each, END) for each in ids]

    def _one(self, ids: tuple[str, ...]) -> str:
        """The function of the only one; none for the end."""
        return next((self._names[each] for each in ids if each != END), "")

    def _join(self, name: str) -> str:
        return f"join_{name}" if name in {self._names[each] for each in self._joining} else name or "None"

    def _calls(self, ids: tuple[str, ...], indent: int = 8) -> str:
        names = [self._names[each] for each in ids if each != END]
        return "".join(f"{' ' * indent}{each}({_PASSED})\n" for each in names) or ""

    def _put(
        self,
        node: Node,
        kind: str,
        name: str,
        title: str,
        says: str,
        code: str,
        data: dict[str, Any],
        ways: Sequence[tuple[int | None, str]],
        down: float = 0,
    ) -> None:
        column, row = self._places[node.id]
        joins = [self._names[each.id] for each in self._nodes if node.joins and node.id in each.ways.get(NEXT, ())]
        data = data | {"functionId": 1, "functionName": name}
        made = _Block(name, kind, title, says, (column, row + down), code, data, list(ways))
        if joins and not down:
            made.data["join"] = joins
            made.code = _joining(name, joins) + "\n\n" + made.code
        self.blocks.append(made)


def slug(title: str) -> str:
    """The name of a block's function, as the editor makes it of what the block is called."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def _joining(name: str, waits: list[str]) -> str:
    return (
        f"def join_{name}({_ASKED}):\n"
        + _LINE.format("Waits for all, and goes on once.", f"join_{name}")
        + f"""    \
if phantom.get_run_data(key="join_{name}_called"):
        return

    if phantom.completed(action_names={json.dumps(waits)}):
        phantom.save_run_data(key="join_{name}_called", value="{name}")
        {name}(container=container, handle=handle)

    return
"""
    )


def _if(display: str, number: int, of: list[tuple[str, str]], title: str, logic: str = "and") -> dict[str, Any]:
    found = [{"conditionIndex": number, "op": "==", "param": path, "value": word} for path, word in of]
    kind = display.lower().replace("else if", "elif")
    return {
        "comparisons": found,
        "conditionIndex": number,
        "customName": title,
        "display": display,
        "logic": logic,
        "type": kind,
    }


def _else(number: int, title: str) -> dict[str, Any]:
    nothing = [{"conditionIndex": number, "op": "==", "param": "", "value": ""}]
    made = {"comparisons": nothing, "conditionIndex": number, "customName": title, "display": "Else"}
    return made | {"logic": "and", "type": "else"}


def _code(playbook: Playbook, blocks: list[_Block]) -> str:
    begin = "".join(f"    {slug_of}(container=container)\n" for slug_of in _first(playbook))
    head = f'''"""
{playbook.description}

Written by exfilwatch from its one source: see docs/playbooks.md.
"""


import phantom.rules as phantom
import json


def first_of(container, datapath):
    """The first value that an artifact of the container has there."""
    found = phantom.collect2(container=container, datapath=[datapath])
    return next((each[0] for each in found if each[0]), None)


def on_start(container):
    phantom.debug("on_start() called")

{begin}
    return


'''
    end = 'def on_finish(container, summary):\n    phantom.debug("on_finish() called")\n\n    return\n'
    return head + "\n\n".join(each.code for each in blocks) + "\n\n" + end


def _first(playbook: Playbook) -> list[str]:
    titles = {node.id: node.step.title for node in wired(playbook)}
    return [slug(titles[each]) for each in first(playbook)]


def _graph(playbook: Playbook, blocks: list[_Block], code: str) -> dict[str, Any]:
    numbers = {block.name: str(number) for number, block in enumerate(blocks, 2)} | {END: "1"}
    nodes = {
        "0": _node("0", "start", {"functionName": "on_start", "advanced": {"join": []}}, (0, -1)),
        "1": _node("1", "end", {"functionName": "on_finish", "advanced": {"join": []}}, placed(playbook)[END]),
    }
    edges = [_edge("0", numbers[name], None) for name in _first(playbook)]
    for block in blocks:
        number, data = numbers[block.name], dict(block.data)
        joins = [{"optional": False, "from": numbers[each]} for each in data.pop("join", [])]
        advanced = {
            "customName": block.title,
            "customNameId": 0,
            "description": block.says,
            "join": joins,
            "note": block.says,
        }
        made = _node(number, block.kind, data | {"advanced": advanced}, block.place)
        nodes[number] = made | {"customCode": block.code}
        edges += [_edge(number, numbers[name], at) for at, name in block.ways]
    return {
        "blockly": False,
        "blockly_xml": "<xml></xml>",
        "category": "Exfiltration",
        "coa": {
            "data": {
                "description": playbook.description,
                "edges": edges,
                "hash": hashlib.sha1(code.encode(), usedforsecurity=False).hexdigest(),
                "nodes": nodes,
                "notes": "Needs the app exfilwatch, with an asset called exfilwatch.",
            },
            "input_spec": None,
            "output_spec": None,
            "playbook_type": "automation",
            "python_version": "3",
            "schema": "5.0.11",
            "version": "6.2.0.355",
        },
        "create_time": "2026-11-28T00:00:00.000000+00:00",
        "draft_mode": False,
        "labels": ["*"],
        "tags": ["exfiltration"],
    }


def _node(number: str, kind: str, data: dict[str, Any], place: tuple[float, float]) -> dict[str, Any]:
    return {
        "data": data | {"id": number, "type": kind},
        "errors": {},
        "id": number,
        "type": kind,
        "warnings": {},
        "x": 20 + 340 * place[0],
        "y": 180 * (place[1] + 1),
    }


def _edge(source: str, target: str, condition: int | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": f"port_{source}_to_port_{target}" + ("" if condition is None else f"_{condition}"),
        "sourceNode": source,
        "sourcePort": f"{source}_out",
        "targetNode": target,
        "targetPort": f"{target}_in",
    }
    return made if condition is None else made | {"conditions": [{"index": condition}]}
