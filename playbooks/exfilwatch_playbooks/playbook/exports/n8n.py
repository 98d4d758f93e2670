"""n8n: a workflow that asks the HTTP service. Each execution is one incident, so that each is asked about by itself.

Every two minutes it takes the oldest news; a form is the button. A question is a form that the execution waits for.
"""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exfilwatch_playbooks.platforms.http.written import json as written
from exfilwatch_playbooks.playbook.layout import placed
from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Value, every, filled
from exfilwatch_playbooks.playbook.wiring import END, FAILURE, OTHERWISE, THEN, Node, in_line, wired

TITLE = "n8n"
LACKS: Mapping[str, str] = {"together": "one after the other: n8n runs the branches of a workflow so anyway"}
URL = "https://exfilwatch.example.com:8437"
NEWS = "/v1/platforms/n8n"
_CREDENTIAL = {"httpHeaderAuth": {"id": "exfilwatch", "name": "exfilwatch"}}
_INCIDENT = "The incident"
_DONE = "It is done"


def files(playbook: Playbook) -> dict[str, str]:
    """The workflow, to be imported."""
    return {"exfilwatch.json": written(workflow(playbook))}


def workflow(playbook: Playbook, url: str = URL) -> dict[str, Any]:
    """The workflow, which asks the service at `url`."""
    writing = _Writing(playbook, url)
    return {
        "name": f"exfilwatch: {playbook.name}",
        "nodes": writing.nodes,
        "connections": writing.connections,
        "active": False,
        "settings": {"executionOrder": "v1"},
        "pinData": {},
    }


class _Writing:
    """The nodes and what leads from one to another, by their names: the titles of the steps."""

    def __init__(self, playbook: Playbook, url: str) -> None:
        self._url = url
        self._steps = in_line(wired(playbook))
        self._titles = {node.id: node.step.title for node in self._steps} | {END: "Done"}
        self._places, self._across = placed(playbook), _across(playbook)
        self.nodes: list[dict[str, Any]] = []
        self.connections: dict[str, Any] = {}
        self._start()
        for node in self._steps:
            self._write(node)
        self._put("Done", "noOp", 1, {}, self._at(END))

    def _start(self) -> None:
        """What sets it off, up to the node that has the ids."""
        minutes = {"rule": {"interval": [{"field": "minutes", "minutesInterval": 2}]}}
        form = {
            "formTitle": "exfilwatch: start the playbook for an incident",
            "formFields": {"values": [{"fieldLabel": name, "requiredField": True} for name in ("incident", "finding")]},
            "options": {},
        }
        self._put("Every two minutes", "scheduleTrigger", 1.2, minutes, (-2, 0))
        self._put(
            "Get the news",
            "httpRequest",
            4.2,
            self._get(f"{NEWS}/news?level=medium&limit=1&hold=30"),
            (-1, 0),
            asks=True,
        )
        self._put("Each incident", "splitOut", 1, {"fieldToSplitOut": "items", "options": {}}, (0, 0))
        self._put("A button", "formTrigger", 2.2, form, (0, 1))["webhookId"] = _uuid("A button/webhook")
        ids = {
            "incident": "={{ $json.incident.id || $json.incident }}",
            "finding": "={{ $json.finding || $json.findings[0].id }}",
            "findings": "={{ JSON.stringify(($json.findings || []).map(each => each.id)) }}",
        }
        self._put(_INCIDENT, "set", 3.4, _fields(ids), (1, 0))
        taken = self._post(
            f"{NEWS}/taken", "{ incident: " + _id("incident") + ", findings: JSON.parse(" + _id("findings") + ") }"
        )
        for one, other in pairwise(("Every two minutes", "Get the news", "Each incident", _INCIDENT)):
            self._lead(one, [[other]])
        self._lead("A button", [[_INCIDENT]])
        self._lead(_INCIDENT, [[self._steps[0].step.title]])
        # What is not taken comes again: only once there is a question for a person is nothing lost.
        self._asked = next(node for node in self._steps if isinstance(node.step, Ask))
        self._put("Say that it is taken", "httpRequest", 4.2, taken, self._before(), asks=True)
        self._lead("Say that it is taken", [[self._asked.step.title]])

    def _before(self) -> tuple[float, float]:
        """Between the steps before the first question and that."""
        across, down = self._at(self._asked.id)
        return across - 0.5, down - 1

    def _write(self, node: Node) -> None:
        step, at = node.step, self._at(node.id)
        match step:
            case Run():
                given = self._post(f"/v1/actions/{step.run}", self._body(step.given))
                given["options"] = {"timeout": int(step.within.total_seconds() * 1000)}
                made = self._put(step.title, "httpRequest", 4.2, given, at, asks=True)
                out = [self._to(node.next)]
                if step.failure == "go-on":
                    made["onError"] = "continueRegularOutput"
                elif step.failure != "stop":
                    made["onError"] = "continueErrorOutput"
                    out.append(self._to(node.ways[FAILURE]))
                self._lead(step.title, out)
            case Ask():
                self._question(node, step, at)
            case Person():
                self._form(step.title, step.title, step.person, "Done", [_DONE], at)
                self._lead(step.title, [self._to(node.next)])
            case If():
                alike = [_equal(self._value(step.of), word) for word in step.among]
                self._put(step.title, "if", 2, {"conditions": _any(alike), "options": {}}, at)
                self._lead(step.title, [self._to(node.ways[THEN]), self._to(node.ways[OTHERWISE])])

    def _question(self, node: Node, step: Ask, at: tuple[float, float]) -> None:
        labels = [choice.label for choice in step.choices]
        form = self._form(step.title, step.ask, step.says, "Answer", labels, at)
        minutes = int(step.within.total_seconds() / 60)
        form |= {
            "limitWaitTime": True,
            "limitType": "afterTimeInterval",
            "resumeAmount": minutes,
            "resumeUnit": "minutes",
        }
        words = json.dumps({choice.label: choice.answer for choice in step.choices})
        answer = f"={{{{ ({words})[$json.Answer] || {json.dumps(step.unanswered)} }}}}"
        kept, leads = f"{step.title}: the answer", f"{step.title}: what then"
        self._put(kept, "set", 3.4, _fields({"answer": answer}), (at[0] + 1, at[1]))
        rules = [
            {"conditions": _any([_equal("$json.answer", each.answer)]), "renameOutput": True, "outputKey": each.label}
            for each in step.choices
        ]
        self._put(leads, "switch", 3.2, {"rules": {"values": rules}, "options": {}}, (at[0] + 2, at[1]))
        self._lead(step.title, [[kept]])
        self._lead(kept, [[leads]])
        self._lead(leads, [self._to(node.ways[each.answer]) for each in step.choices])

    def _form(
        self, name: str, title: str, said: str, field: str, options: list[str], at: tuple[float, float]
    ) -> dict[str, Any]:
        values = {"values": [{"option": each} for each in options]}
        field_made = {"fieldLabel": field, "fieldType": "dropdown", "fieldOptions": values, "requiredField": True}
        given: dict[str, Any] = {
            "resume": "form",
            "formTitle": title,
            "formDescription": f"={said} {self._url}/incidents/{{{{ {_id('incident')} }}}}",
            "formFields": {"values": [field_made]},
            "options": {},
        }
        made = self._put(name, "wait", 1.1, given, at)
        made["webhookId"] = _uuid(f"{name}/webhook")
        return given

    def _to(self, targets: tuple[str, ...]) -> list[str]:
        first = [self._titles[each] for each in targets]
        return ["Say that it is taken"] if self._asked.step.title in first else first

    def _value(self, reference: str) -> str:
        """An expression; of a step that did not run, or failed, it is nothing."""
        name, _, field = reference.removeprefix("$").partition(".")
        if not field:
            return f"$({json.dumps(f'{self._titles[name]}: the answer')}).first().json.answer"
        return f"$({json.dumps(self._titles[name])}).first().json.{field}"

    def _body(self, given: Mapping[str, Value]) -> str:
        fields = (f"{name}: {self._expression(value)}" for name, value in given.items())
        return f"{{ {', '.join(fields)} }}"

    def _expression(self, value: Value) -> str:
        if isinstance(value, str) and value.startswith("$"):
            return self._value(value) if value.removeprefix("$").partition(".")[0] in self._titles else _id(value[1:])
        return json.dumps(filled(value, TITLE))

    def _get(self, path: str) -> dict[str, Any]:
        return {
            "method": "GET",
            "url": f"{self._url}{path}",
            "authentication": "genericCredentialType",
            "genericAuthType": "httpHeaderAuth",
            "options": {},
        }

    def _post(self, path: str, body: str) -> dict[str, Any]:
        sent = {"sendBody": True, "specifyBody": "json", "jsonBody": f"={{{{ JSON.stringify({body}) }}}}"}
        return self._get(path) | {"method": "POST"} | sent

    def _put(
        self,
        name: str,
        kind: str,
        version: float,
        given: dict[str, Any],
        at: tuple[float, float],
        *,
        asks: bool = False,
    ) -> dict[str, Any]:
        made: dict[str, Any] = {
            "id": _uuid(name),
            "name": name,
            "type": f"n8n-nodes-base.{kind}",
            "typeVersion": version,
            "parameters": given,
            "position": [int(240 * at[0]), int(220 * at[1])],
        }
        if asks:
            made |= {"credentials": _CREDENTIAL, "retryOnFail": True, "maxTries": 3}
        self.nodes.append(made)
        return made

    def _lead(self, name: str, ways: list[list[str]]) -> None:
        self.connections[name] = {
            "main": [[{"node": each, "type": "main", "index": 0} for each in targets] for targets in ways]
        }

    def _at(self, node: str) -> tuple[float, float]:
        column, row = self._places[node]
        return self._across[row], column


def _across(playbook: Playbook) -> dict[int, int]:
    """Where each row of the drawing stands, from left to right as n8n draws; two more stand behind a question."""
    places, at, found = placed(playbook), 2, dict[int, int]()
    asked = {places[step.id].row for step in every(playbook.steps) if isinstance(step, Ask)}
    for row in sorted({place.row for place in places.values()}):
        found[row] = at
        at += 3 if row in asked else 1
    return found


def _id(name: str) -> str:
    return f"$({json.dumps(_INCIDENT)}).first().json.{name}"


def _fields(values: Mapping[str, str]) -> dict[str, Any]:
    made = [{"id": _uuid(name), "name": name, "value": value, "type": "string"} for name, value in values.items()]
    return {"assignments": {"assignments": made}, "options": {}}


def _equal(left: str, word: str) -> dict[str, Any]:
    operator = {"type": "string", "operation": "equals"}
    return {"id": _uuid(f"{left} {word}"), "leftValue": f"={{{{ {left} }}}}", "rightValue": word, "operator": operator}


def _any(conditions: list[dict[str, Any]]) -> dict[str, Any]:
    options = {"caseSensitive": True, "leftValue": "", "typeValidation": "loose", "version": 2}
    return {"options": options, "conditions": conditions, "combinator": "or"}


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"exfilwatch/n8n/{name}"))
