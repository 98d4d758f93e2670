"""A Tines story: on a schedule it takes the news, enriches, and sends each incident to a person's page to decide on."""

from typing import Any

from exfilwatch_playbooks.platforms.http.steps import Step, steps

_URL = "<<RESOURCE.exfilwatch_url>>"
_HEADERS = {"Authorization": "Bearer <<CREDENTIAL.exfilwatch>>", "Content-Type": "application/json"}
_OF_ITEM = {
    "{incident}": "<<each_incident.item.incident.id>>",
    "{finding}": "<<each_incident.item.findings[0].id>>",
    "{findings}": "=MAP_LAMBDA(each_incident.item.findings, LAMBDA(finding, finding.id))",
}


def files() -> dict[str, str]:
    """The story, to be imported."""
    from exfilwatch_playbooks.platforms.http.written import json

    return {"exfilwatch.json": json(story())}


def story() -> dict[str, Any]:
    """The story. Its agents are linked one to the next by their places in the list."""
    asks = steps("tines")
    agents = [
        {**_asks(asks["news"]), "schedule": [{"cron": "*/5 * * * *", "timezone": "Etc/UTC"}]},
        _agent(
            "Each incident",
            "Agents::EventTransformationAgent",
            {"mode": "explode", "path": "=get_the_news.body.items", "to": "item"},
        ),
        _asks(asks["enrich"]),
        _asks(asks["plan"]),
        _asks(asks["open"]),
        _asks(asks["taken"]),
    ]
    return {
        "schema_version": 20,
        "name": "exfilwatch: incidents",
        "description": "Takes what is new in exfilwatch, enriches it, opens the case, and says that it is taken.",
        "agents": agents,
        "links": [{"source": index, "receiver": index + 1} for index in range(len(agents) - 1)],
    }


def _asks(step: Step) -> dict[str, Any]:
    options: dict[str, Any] = {
        "url": f"{_URL}{step.path}",
        "method": step.method.lower(),
        "content_type": "application_json",
        "headers": _HEADERS,
        "timeout": 300,
    }
    if step.body:
        options["payload"] = {name: _OF_ITEM.get(value, value) for name, value in step.body.items()}
    return _agent(step.name, "Agents::HTTPRequestAgent", options)


def _agent(name: str, kind: str, options: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "name": name, "disabled": False, "options": options, "schedule": None}
