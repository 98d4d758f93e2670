"""Power Automate: two flows, one for the news and one as the button, each a package that is imported as a .zip.

A flow is a workflow definition as in Azure Logic Apps, whose actions nest as the steps of the source do. A question is
an approval with answers of its own, which is waited for as long as the source says. Sources: Microsoft's reference of
the Workflow Definition Language, its page on the connector Approvals, and packages that were exported.
"""

from collections.abc import Mapping
from itertools import chain
from typing import Any, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from exfilwatch_playbooks.platforms.http.written import json
from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Step, Together, Value, every, filled

TITLE = "Power Automate"
LACKS: Mapping[str, str] = {}
NEWS = "/v1/platforms/power-automate"
URL = "https://exfilwatch.example.com:8437"
TOKEN, ANALYST = "exfw_...", "analyst@example.com"
_SCHEMA = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"
_APPROVALS = "shared_approvals"
_API = f"/providers/Microsoft.PowerApps/apis/{_APPROVALS}"
_SECRET = {"runtimeConfiguration": {"secureData": {"properties": ["inputs", "outputs"]}}}
_DONE = ["Succeeded"]
_OVER = ["Succeeded", "Failed", "TimedOut"]
_LONGEST = 30 * 24 * 60
"""Minutes that a run lasts at most: a person has them for what has no time of its own."""

Actions: TypeAlias = dict[str, dict[str, Any]]
After: TypeAlias = dict[str, list[str]]


def files(playbook: Playbook) -> dict[str, str]:
    """The packages, each a folder to be packed."""
    made = {"poll": poll(playbook), "button": button(playbook)}
    return dict(chain.from_iterable(_package(name, flow, playbook).items() for name, flow in made.items()))


def poll(playbook: Playbook) -> dict[str, Any]:
    """The definition that goes through the news every five minutes, all incidents at the same time."""
    settings, after = _settings()
    news = _http("GET", f"{NEWS}/news?level=medium&limit=50&hold=30", 1)
    incident = "items('Each_incident')"
    given = {"incident": f"@{incident}?['incident']?['id']", "finding": f"@{incident}?['findings']?[0]?['id']"}
    each = {
        "type": "Foreach",
        "foreach": "@body('Get_the_news')?['items']",
        "actions": _respond(playbook, given, f"@{incident}?['findings']"),
        "runAfter": {"Get_the_news": _DONE},
        "runtimeConfiguration": {"concurrency": {"repetitions": 50}},
    }
    trigger = {"type": "Recurrence", "recurrence": {"frequency": "Minute", "interval": 5}}
    actions = settings | {"Get_the_news": news | {"runAfter": after}, "Each_incident": each}
    return _definition({"Every_five_minutes": trigger}, actions)


def button(playbook: Playbook) -> dict[str, Any]:
    """The definition that an analyst starts, for the ids that they give."""
    settings, after = _settings()
    fields = {
        f"text{f'_{number}' if number else ''}": {
            "title": name.capitalize(),
            "type": "string",
            "x-ms-dynamically-added": True,
            "description": said,
            "x-ms-content-hint": "TEXT",
        }
        for number, (name, said) in enumerate(playbook.inputs.items())
    }
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    trigger = {"type": "Request", "kind": "Button", "inputs": {"schema": schema}}
    given = {name: f"@triggerBody()?['{field}']" for name, field in zip(playbook.inputs, fields, strict=True)}
    steps = _respond(playbook, given, "@json('[]')", after)
    return _definition({"manual": trigger}, settings | steps)


def _settings() -> tuple[Actions, After]:
    """What is changed after the import: where the service is, its token, and who is asked."""
    service, token, analyst = ({"type": "Compose", "inputs": value, "runAfter": {}} for value in (URL, TOKEN, ANALYST))
    made: Actions = {
        "The_service": service,
        "The_token": token | _SECRET | {"runAfter": {"The_service": _DONE}},
        "The_analyst": analyst | {"runAfter": {"The_token": _DONE}},
    }
    return made, {"The_analyst": _DONE}


def _respond(playbook: Playbook, given: Mapping[str, str], findings: str, after: After | None = None) -> Actions:
    """The playbook for one incident."""
    made: Actions = {}
    after = after or {}
    for name, value in given.items():
        made[f"The_{name}"] = {"type": "Compose", "inputs": value, "runAfter": after}
        after = {f"The_{name}": _DONE}
    made["The_findings"] = {
        "type": "Select",
        "inputs": {"from": findings, "select": "@item()?['id']"},
        "runAfter": after,
    }
    return made | _Writing(playbook).all(playbook.steps, {"The_findings": _DONE})


class _Writing:
    """Actions by their names, each with what it runs after."""

    def __init__(self, playbook: Playbook) -> None:
        self._inputs = playbook.inputs
        self._titles = {step.id: step.title for step in every(playbook.steps)}
        self._asked = next(step.id for step in every(playbook.steps) if isinstance(step, Ask))

    def all(self, steps: list[Step], after: After | None = None) -> Actions:
        """The actions of steps; the first ones run after these."""
        made: Actions = {}
        after = after or {}
        for step in steps:
            after = self._one(step, made, after)
        return made

    def _one(self, step: Step, made: Actions, after: After) -> After:
        """Adds a step; what the next one runs after."""
        match step:
            case Run():
                return self._run(step, made, after)
            case Together():
                ends = [self._run(each, made, after) for each in step.together]
                return {name: statuses for end in ends for name, statuses in end.items()}
            case Ask():
                return self._ask(step, made, after)
            case Person():
                return self._wait(step.title, step.title, step.person, ["It is done"], _LONGEST, made, after)
            case If():
                name = _name(step.title)
                alike = [{"equals": [f"@{self._reference(step.of)}", word]} for word in step.among]
                made[name] = {
                    "type": "If",
                    "expression": {"or": alike},
                    "actions": self.all(step.then),
                    "else": {"actions": self.all(step.otherwise)},
                    "runAfter": after,
                }
                return {name: _DONE}

    def _run(self, step: Run, made: Actions, after: After) -> After:
        name, minutes = _name(step.title), int(step.within.total_seconds() / 60)
        body = {field: self._value(value) for field, value in step.given.items()}
        made[name] = _http("POST", f"/v1/actions/{step.run}", minutes, body) | {"runAfter": after}
        if step.failure == "stop":
            return {name: _DONE}
        if step.failure == "go-on":
            return {name: _OVER}
        instead = f"{name}_failed"
        made[instead] = {
            "type": "Scope",
            "actions": self.all(step.failure),
            "runAfter": {name: ["Failed", "TimedOut"]},
        }
        # Of a step that was skipped itself, all that follows is skipped as well.
        return {name: _OVER, instead: ["Succeeded", "Skipped"]}

    def _ask(self, step: Ask, made: Actions, after: After) -> After:
        if step.id == self._asked:  # what is not taken comes again: only once a person is asked is nothing lost
            sent = {"incident": "@outputs('The_incident')", "findings": "@body('The_findings')"}
            made["Say_that_it_is_taken"] = _http("POST", f"{NEWS}/taken", 1, sent) | {"runAfter": after}
            after = {"Say_that_it_is_taken": _DONE}
        name, minutes = _name(step.title), int(step.within.total_seconds() / 60)
        labels = [choice.label for choice in step.choices]
        (waited,) = self._wait(step.title, step.ask, step.says, labels, minutes, made, after)
        answer = f"'{step.unanswered}'"
        for choice in reversed(step.choices):
            answer = f"if(equals(body('{waited}')?['outcome'], '{choice.label}'), '{choice.answer}', {answer})"
        made[f"{name}_answer"] = {"type": "Compose", "inputs": f"@{answer}", "runAfter": {waited: _OVER}}
        made[f"{name}_ways"] = {
            "type": "Switch",
            "expression": f"@outputs('{name}_answer')",
            "cases": {
                choice.label: {"case": choice.answer, "actions": self.all(choice.steps)} for choice in step.choices
            },
            "default": {"actions": {}},
            "runAfter": {f"{name}_answer": _DONE},
        }
        return {f"{name}_ways": _DONE}

    def _wait(
        self, title: str, asked: str, said: str, answers: list[str], minutes: int, made: Actions, after: After
    ) -> After:
        """An approval, and what waits for it."""
        name = _name(title)
        made[f"{name}_ask"] = _approval(
            "OpenApiConnection",
            "CreateAnApproval",
            {
                "approvalType": "CustomResponse",
                "ApprovalCreationInput/responseOptions": answers,
                "ApprovalCreationInput/title": asked,
                "ApprovalCreationInput/assignedTo": "@{outputs('The_analyst')};",
                "ApprovalCreationInput/details": said,
                "ApprovalCreationInput/itemLink": "@{outputs('The_service')}/incidents/@{outputs('The_incident')}",
                "ApprovalCreationInput/itemLinkDescription": "The incident",
                "ApprovalCreationInput/enableNotifications": True,
                "ApprovalCreationInput/enableReassignment": True,
            },
        ) | {"runAfter": after}
        made[name] = _approval(
            "OpenApiConnectionWebhook", "WaitForAnApproval", {"approvalName": f"@body('{name}_ask')?['name']"}
        ) | {"runAfter": {f"{name}_ask": _DONE}, "limit": {"timeout": f"PT{minutes}M"}}
        return {name: _DONE}

    def _value(self, value: Value) -> Value:
        if isinstance(value, str) and value.startswith("$"):
            return f"@{self._reference(value)}"
        return filled(value, TITLE)

    def _reference(self, reference: str) -> str:
        """An expression; of an action that did not run, or failed, it is null."""
        name, _, field = reference.removeprefix("$").partition(".")
        if name in self._inputs:
            return f"outputs('The_{name}')"
        title = _name(self._titles[name])
        return f"body('{title}')?['{field}']" if field else f"outputs('{title}_answer')"


def _http(method: str, path: str, minutes: int, body: Mapping[str, Value] | None = None) -> dict[str, Any]:
    headers = {"Authorization": "Bearer @{outputs('The_token')}"}
    inputs: dict[str, Any] = {"method": method, "uri": f"@{{outputs('The_service')}}{path}", "headers": headers}
    if body is not None:
        headers["Idempotency-Key"] = "@{guid()}"
        inputs["body"] = dict(body)
    hidden = {"runtimeConfiguration": {"secureData": {"properties": ["inputs"]}}}
    return {"type": "Http", "inputs": inputs, "limit": {"timeout": f"PT{minutes}M"}} | hidden


def _approval(kind: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    host = {"apiId": _API, "connectionName": _APPROVALS, "operationId": operation}
    return {
        "type": kind,
        "inputs": {"host": host, "parameters": parameters, "authentication": "@parameters('$authentication')"},
    }


def _definition(triggers: Actions, actions: Actions) -> dict[str, Any]:
    return {
        "$schema": _SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {
            "$connections": {"defaultValue": {}, "type": "Object"},
            "$authentication": {"defaultValue": {}, "type": "SecureObject"},
        },
        "triggers": triggers,
        "actions": actions,
        "outputs": {},
    }


def _package(name: str, definition: dict[str, Any], playbook: Playbook) -> dict[str, str]:
    """As Power Automate exports one: the flow, the connector Approvals, and a connection, chosen at the import."""
    flow, api, connection = (_uuid(f"{name}/{part}") for part in ("flow", "api", "connection"))
    title = f"exfilwatch: {playbook.name} ({name})"
    root = _resource("Microsoft.Flow/flows", "New", "User", "Root", title, [api, connection])
    chosen = _resource("Microsoft.PowerApps/apis/connections", "Existing", "User", "Child", "Approvals", [api])
    resources = {
        flow: root | {"creationType": "Existing, New, Update"},
        api: {"id": _API, "name": _APPROVALS}
        | _resource("Microsoft.PowerApps/apis", "Existing", "System", "Child", "Approvals", []),
        connection: chosen | {"creationType": "Existing"},
    }
    details = {
        "displayName": title,
        "description": playbook.starts[name],
        "createdTime": "2026-01-01T00:00:00.0000000Z",
        "packageTelemetryId": _uuid(f"{name}/package"),
        "creator": "N/A",
        "sourceEnvironment": "",
    }
    reference = {"connectionName": _APPROVALS, "source": "Embedded", "id": _API, "tier": "NotSpecified"}
    properties = {
        "apiId": "/providers/Microsoft.PowerApps/apis/shared_logicflows",
        "displayName": title,
        "definition": definition,
        "connectionReferences": {_APPROVALS: reference},
        "flowFailureAlertSubscribed": False,
        "isManaged": False,
    }
    own = f"Microsoft.Flow/flows/{flow}"
    document = {"name": flow, "id": f"/providers/{own}", "type": "Microsoft.Flow/flows", "properties": properties}
    written: dict[str, dict[str, Any]] = {
        "manifest.json": {"schema": "1.0", "details": details, "resources": resources},
        "Microsoft.Flow/flows/manifest.json": {"packageSchemaVersion": "1.0", "flowAssets": {"assetPaths": [flow]}},
        f"{own}/definition.json": document,
        f"{own}/apisMap.json": {_APPROVALS: api},
        f"{own}/connectionsMap.json": {_APPROVALS: connection},
    }
    return {f"{name}/{path}": json(value) for path, value in written.items()}


def _resource(kind: str, suggested: str, by: str, hierarchy: str, title: str, needs: list[str]) -> dict[str, Any]:
    return {
        "type": kind,
        "suggestedCreationType": suggested,
        "details": {"displayName": title},
        "configurableBy": by,
        "hierarchy": hierarchy,
        "dependsOn": needs,
    }


def _name(title: str) -> str:
    return "_".join("".join(each for each in title if each.isalnum() or each == " ").split())


def _uuid(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"exfilwatch/power-automate/{name}"))
