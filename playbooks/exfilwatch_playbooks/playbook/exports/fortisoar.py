"""FortiSOAR: a collection of three playbooks, whose steps run the operations of our connector.

One is for an incident, one runs it for each of the news, and one is the button. A question is a manual input of an
alert; when nobody answers it goes where the answer would that counts then. A step has no error branch: what fails is
ignored, and a decision after it looks at its status. Source of the form: the playbooks of Fortinet's solution packs.
"""

from collections.abc import Mapping
from typing import Any

from exfilwatch import __version__
from exfilwatch_playbooks.platforms.http.fortisoar_form import Workflow, identity, label_of, result_of
from exfilwatch_playbooks.platforms.http.written import json
from exfilwatch_playbooks.playbook.layout import Place, placed
from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Value, filled
from exfilwatch_playbooks.playbook.wiring import END, FAILURE, OTHERWISE, THEN, Node, in_line, wired

TITLE = "FortiSOAR"
LACKS: Mapping[str, str] = {"together": "one after the other, as FortiSOAR runs branches of its own accord"}
PLATFORM = "fortisoar"
URL = "https://exfilwatch.example.com:8437"

_GIVEN = ("incident", "finding", "findings", "level")
_ALERT = "Keep an alert"
_TAKEN = "Say that it is taken"
_DONE = "Done"


def files(playbook: Playbook) -> dict[str, str]:
    """The collection, to be imported."""
    return {"playbooks.json": json(collection(playbook))}


def collection(playbook: Playbook, url: str = URL) -> dict[str, Any]:
    """The collection; links lead to the service at `url`."""
    home = f"/api/3/workflow_collections/{identity('collection')}"
    respond = _Respond(playbook, home, url)
    poll = Workflow(f"Poll for {playbook.name}", playbook.starts["poll"], home)
    _poll(poll, respond.iri)
    button = Workflow(f"Button for {playbook.name}", playbook.starts["button"], home)
    _button(button, playbook, respond.iri)
    made = {
        "@type": "WorkflowCollection",
        "name": "exfilwatch",
        "description": playbook.description,
        "visible": True,
        "image": None,
        "uuid": identity("collection"),
        "recordTags": ["exfilwatch"],
        "workflows": [each.workflow() for each in (respond, poll, button)],
    }
    return {"type": "workflow_collections", "data": [made]}


def _poll(made: Workflow, respond: str) -> None:
    """By a schedule of the platform."""
    made.put("referenced", "Start", {"step_variables": {"input": {"params": []}}})
    news: dict[str, Value] = {"level": "medium", "limit": 50, "hold": 30}
    made.put("connector", "Get the news", _operation("list_news", "Get the news", news), (0, 1))
    given = {
        "incident": "{{ vars.item.incident.id }}",
        "finding": "{{ vars.item.findings[0].id }}",
        "findings": "{{ vars.item.findings | map(attribute='id') | join(',') }}",
        "level": "{{ vars.item.level }}",
    }
    each = {"item": "{{ vars.steps.Get_the_news.data['items'] }}", "__bulk": False, "parallel": True, "condition": ""}
    made.put("reference", "Respond to each", {"for_each": each} | _reference(respond, given), (0, 2))
    made.lead("Start", "Get the news")
    made.lead("Get the news", "Respond to each")


def _button(made: Workflow, playbook: Playbook, respond: str) -> None:
    """For an analyst, who gives the ids."""
    asked = [
        {
            "name": name,
            "type": "string",
            "label": name.capitalize(),
            "tooltip": said,
            "dataType": "text",
            "formType": "text",
            "required": True,
            "_expanded": True,
            "useRecordFieldDefault": False,
        }
        for name, said in playbook.inputs.items()
    ]
    params = {name: f'{{{{ vars.request.data["{name}"] }}}}' for name in playbook.inputs}
    start = {
        "route": identity("route"),
        "title": f"exfilwatch: {playbook.name}",
        "resources": ["alerts"],
        "inputVariables": asked,
        "step_variables": {"input": {"params": params}},
        "displayConditions": {"alerts": {"sort": [], "limit": 30, "logic": "AND", "filters": []}},
        "executeButtonText": "Start",
        "noRecordExecution": True,
        "singleRecordExecution": False,
    }
    given = {name: _given(name) for name in playbook.inputs} | {"findings": "", "level": "medium"}
    made.put("manual", "Start", start)
    made.put("reference", "Respond to it", _reference(respond, given), (0, 1))
    made.lead("Start", "Respond to it")


class _Respond(Workflow):
    """The playbook itself. The alert is what its questions belong to."""

    def __init__(self, playbook: Playbook, home: str, url: str) -> None:
        super().__init__(f"Respond to {playbook.name}", playbook.description, home, _GIVEN)
        nodes, places = in_line(wired(playbook)), placed(playbook)
        self._inputs = playbook.inputs
        self._titles = {node.id: node.step.title for node in nodes} | {END: _DONE}
        self._asked = next(node for node in nodes if isinstance(node.step, Ask))
        self._kept = {node.step.of for node in nodes if isinstance(node.step, If)}
        self._link = f"{url}/incidents/{_given('incident')}"
        given = {name: f"{{{{ vars.{name} }}}}" for name in _GIVEN}
        self.put("referenced", "Start", {"step_variables": {"input": {"params": given}}})
        self.put("upsert", _ALERT, _alert(playbook, self._link), (0, 1))
        self.lead("Start", _ALERT)
        self.lead(_ALERT, self._titles[nodes[0].id])
        for node in nodes:
            self._write(node, _at(places[node.id]))
        column, row = _at(places[self._asked.id])
        taken: dict[str, Value] = {name: _given(name) for name in ("incident", "findings")}
        self.put("connector", _TAKEN, _operation("take_news", _TAKEN, taken), (column, row - 1))
        self.lead(_TAKEN, self._asked.step.title)
        self.put("set", _DONE, {"done": True}, _at(places[END]))

    def _write(self, node: Node, at: tuple[int, int]) -> None:
        title = node.step.title
        match node.step:
            case Run() as step:
                self._run(node, step, at)
            case Ask() as step:
                self._ask(node, step, at)
            case Person() as step:
                self._input(title, title, step.person, {"It is done": self._to(node.next)}, at)
            case If() as step:
                words = ", ".join(f'"{word}"' for word in step.among)
                is_so = f"{{{{ {self._reference(step.of)} in [{words}] }}}}"
                self._decide(title, (THEN, is_so, node.ways[THEN]), (OTHERWISE, node.ways[OTHERWISE]), at)

    def _run(self, node: Node, step: Run, at: tuple[int, int]) -> None:
        given = {name: self._value(each) for name, each in step.given.items()}
        made = _operation(step.run, step.title, given | {"timeout": int(step.within.total_seconds())})
        self.put("connector", step.title, made | ({"ignore_errors": True} if FAILURE in node.ways else {}), at)
        if not isinstance(step.failure, list):
            self.lead(step.title, self._to(node.next))
            return
        check = f"{step.title}: was it done"
        self.lead(step.title, check)
        is_so = f'{{{{ vars.steps.{result_of(step.title)}.status == "Success" }}}}'
        below = (at[0], at[1] + 1)
        self._decide(check, ("It was done", is_so, node.next), ("It failed", node.ways[FAILURE]), below)

    def _ask(self, node: Node, step: Ask, at: tuple[int, int]) -> None:
        ways = {each.label: self._to(node.ways[each.answer]) for each in step.choices}
        if f"${node.id}" in self._kept:  # later steps ask for it
            for number, each in enumerate(step.choices):
                noted = f"{step.title}: {each.label}"
                self.put("set", noted, {node.id: each.answer}, (at[0] + number, at[1] + 1))
                self.lead(noted, ways[each.label])
                ways[each.label] = noted
        silence = next(each.label for each in step.choices if each.answer == step.unanswered)
        waits = {
            "days": step.within.days,
            "hours": step.within.seconds // 3600,
            "minutes": step.within.seconds // 60 % 60,
            "step_iri": self.address(ways[silence]),
        }
        self._input(step.title, step.ask, step.says, ways, at, {"timeout": waits})

    def _input(
        self,
        title: str,
        asked: str,
        said: str,
        ways: Mapping[str, str],
        at: tuple[int, int],
        more: dict[str, Any] | None = None,
    ) -> None:
        options = [
            {"option": label, "primary": not number, "step_iri": self.lead(title, target, label)}
            for number, (label, target) in enumerate(ways.items())
        ]
        schema = {"title": asked, "description": f"{said} {self._link}", "inputVariables": []}
        self.put("input", title, _asking(schema, options) | (more or {}), at)

    def _decide(
        self,
        title: str,
        one: tuple[str, str, tuple[str, ...]],
        other: tuple[str, tuple[str, ...]],
        at: tuple[int, int],
    ) -> None:
        """`one`: its label, when, and where to; `other`: otherwise."""
        (label, when, targets), (default, others) = one, other
        first, second = self._to(targets), self._to(others)
        ways = [
            {
                "option": label,
                "step_iri": self.lead(title, first, label),
                "step_name": label_of(first),
                "condition": when,
            },
            {
                "option": default,
                "step_iri": self.lead(title, second, default),
                "step_name": label_of(second),
                "default": True,
            },
        ]
        self.put("decision", title, {"conditions": ways}, at)

    def _to(self, targets: tuple[str, ...]) -> str:
        """What is not taken comes again: only once a person is asked is nothing lost."""
        return _TAKEN if targets[0] == self._asked.id else self._titles[targets[0]]

    def _value(self, given: Value) -> Value:
        if isinstance(given, str) and given.startswith("$"):
            return f"{{{{ {self._reference(given)} }}}}"
        return filled(given, TITLE)

    def _reference(self, reference: str) -> str:
        name, _, part = reference.removeprefix("$").partition(".")
        if name in self._inputs:
            return f"vars.input.params.{name}"
        return f"(vars.steps.{result_of(self._titles[name])}.data or {{}}).{part}" if part else f"vars.{name}"


def _at(place: Place) -> tuple[int, int]:
    """Below the start and the alert; two more may stand between two rows."""
    return place.column, 3 * place.row + 2


def _asking(schema: dict[str, Any], options: list[dict[str, Any]]) -> dict[str, Any]:
    """A manual input of the alert, as the platform's editor writes one."""
    return {
        "type": "InputBased",
        "input": {"schema": schema},
        "record": f"{{{{ vars.steps.{result_of(_ALERT)}['@id'] }}}}",
        "agent_id": None,
        "resources": "alerts",
        "is_approval": False,
        "owner_detail": {"isAssigned": False, "emailRecipients": ""},
        "isRecordLinked": True,
        "response_mapping": {
            "options": options,
            "duplicateOption": False,
            "customSuccessMessage": "Awaiting Playbook resumed successfully.",
        },
        "email_notification": {"enabled": False, "smtpParameters": []},
        "inline_channel_list": [],
        "external_channel_list": [],
        "unauthenticated_input": False,
    }


def _alert(playbook: Playbook, link: str) -> dict[str, Any]:
    """An alert for each incident, known by its id."""
    return {
        "resource": {
            "name": f"{playbook.name}: incident {_given('incident')}",
            "source": "exfilwatch",
            "sourceId": _given("incident"),
            "type": '{{ "AlertType" | picklist("Data Exfiltration", "@id") }}',
            "severity": '{{ "Severity" | picklist(vars.input.params.level | capitalize, "@id") }}',
            "description": f"<p>{playbook.description}</p><p>{link}</p>",
            "__replace": "false",
        },
        "_showJson": False,
        "operation": "Overwrite",
        "collection": "/api/3/upsert/alerts",
        "__recommend": [],
        "fieldOperation": {"recordTags": "Overwrite"},
    }


def _operation(name: str, title: str, given: Mapping[str, Value]) -> dict[str, Any]:
    """Of the connector, with its default configuration."""
    return {
        "name": "exfilwatch",
        "params": dict(given),
        "version": __version__,
        "connector": "exfilwatch",
        "operation": name,
        "operationTitle": title,
        "pickFromTenant": False,
    }


def _reference(workflow: str, given: Mapping[str, str]) -> dict[str, Any]:
    return {
        "arguments": dict(given),
        "apply_async": True,
        "pass_parent_env": False,
        "pass_input_record": False,
        "workflowReference": workflow,
    }


def _given(name: str) -> str:
    return f"{{{{ vars.input.params.{name} }}}}"
