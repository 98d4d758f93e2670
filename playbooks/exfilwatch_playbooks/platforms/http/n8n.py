"""An n8n workflow: on a schedule it takes the news, enriches, asks a person by a form, opens the case."""

from itertools import pairwise
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exfilwatch_playbooks.platforms.http.steps import Step, steps

_URL = "https://exfilwatch.example.com:8437"
_CREDENTIAL = {"httpHeaderAuth": {"id": "exfilwatch", "name": "exfilwatch"}}
_HARMFUL, _HARMLESS = "Data left that should not have", "Harmless"
_OF_ITEM = {
    "{incident}": "={{ $('Each incident').item.json.incident.id }}",
    "{finding}": "={{ $('Each incident').item.json.findings[0].id }}",
    "{findings}": "={{ $('Each incident').item.json.findings.map(finding => finding.id) }}",
}


def files() -> dict[str, str]:
    """The workflow, to be imported."""
    from exfilwatch_playbooks.platforms.http.written import json

    return {"exfilwatch.json": json(workflow())}


def workflow(url: str = _URL) -> dict[str, Any]:
    """The workflow, which asks the service at `url`."""
    asks = steps("n8n")
    chain = [
        _node(
            "Every five minutes",
            "scheduleTrigger",
            1.2,
            {"rule": {"interval": [{"field": "minutes", "minutesInterval": 5}]}},
        ),
        _asks(asks["news"], url),
        _node("Each incident", "splitOut", 1, {"fieldToSplitOut": "items", "options": {}}),
        _asks(asks["enrich"], url),
        _asks(asks["plan"], url),
        _asks(asks["taken"], url),
        _node(
            "Ask the analyst",
            "wait",
            1.1,
            {
                "resume": "form",
                "formTitle": "={{ $('Each incident').item.json.title }}",
                "formDescription": "={{ $('Get the response plan').item.json.summary }}",
                "formFields": {
                    "values": [
                        {
                            "fieldLabel": "Decision",
                            "fieldType": "dropdown",
                            "fieldOptions": {"values": [{"option": _HARMFUL}, {"option": _HARMLESS}]},
                            "requiredField": True,
                        }
                    ]
                },
                "options": {},
            },
        ),
        _node(
            "Is it harmful?",
            "if",
            2,
            {
                "conditions": {
                    "options": {"caseSensitive": True, "leftValue": "", "typeValidation": "strict"},
                    "conditions": [
                        {
                            "id": _id("harmful"),
                            "leftValue": "={{ $json.Decision }}",
                            "rightValue": _HARMFUL,
                            "operator": {"type": "string", "operation": "equals"},
                        }
                    ],
                    "combinator": "and",
                },
                "options": {},
            },
        ),
    ]
    ends = [_asks(asks["open"], url), _asks(asks["benign"], url)]
    for index, node in enumerate([*chain, *ends]):
        node["position"] = [240 * min(index, len(chain)), 300 if index <= len(chain) else 480]
    links: dict[str, Any] = {one["name"]: {"main": [[_to(other)]]} for one, other in pairwise(chain)}
    links[chain[-1]["name"]] = {"main": [[_to(ends[0])], [_to(ends[1])]]}
    return {
        "name": "exfilwatch: incidents",
        "nodes": [*chain, *ends],
        "connections": links,
        "active": False,
        "settings": {"executionOrder": "v1"},
        "pinData": {},
    }


def _asks(step: Step, url: str) -> dict[str, Any]:
    given: dict[str, Any] = {
        "method": step.method,
        "url": f"{url}{step.path}",
        "authentication": "genericCredentialType",
        "genericAuthType": "httpHeaderAuth",
        "options": {"timeout": 300_000},
    }
    if step.body:
        fields = ", ".join(f"{name}: {_expression(value)}" for name, value in step.body.items())
        given |= {"sendBody": True, "specifyBody": "json", "jsonBody": f"={{{{ JSON.stringify({{ {fields} }}) }}}}"}
    made = _node(step.name, "httpRequest", 4.2, given)
    return {**made, "credentials": _CREDENTIAL, "notes": step.description, "retryOnFail": True, "maxTries": 3}


def _expression(value: str) -> str:
    import json

    if value in _OF_ITEM:
        return _OF_ITEM[value].removeprefix("={{ ").removesuffix(" }}")
    return json.dumps(value)


def _node(name: str, kind: str, version: float, given: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": _id(name),
        "name": name,
        "type": f"n8n-nodes-base.{kind}",
        "typeVersion": version,
        "parameters": given,
        "position": [0, 0],
    } | ({"webhookId": _id(f"{name}/webhook")} if kind == "wait" else {})


def _to(node: dict[str, Any]) -> dict[str, Any]:
    return {"node": node["name"], "type": "main", "index": 0}


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"exfilwatch/n8n/{name}"))
