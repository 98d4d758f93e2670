"""The integration: its yml, and its Python, which is the same for every action but for a table of the commands."""

import json
from importlib import resources
from typing import Any

from exfilwatch.detection.detection import LEVELS
from exfilwatch_playbooks.platforms.arguments import Argument
from exfilwatch_playbooks.platforms.xsoar.commands import BRAND, Command

DOCKER_IMAGE = "demisto/python3:3.12.12.6947692"
FROM_VERSION = "6.10.0"
CLASSIFIER = f"{BRAND} - Classifier"
MAPPER = f"{BRAND} - Incoming Mapper"
MARKETPLACES = ["xsoar", "marketplacev2", "platform"]
_JOB = "The job to ask about; given by the polling itself."


def yml(commands: list[Command]) -> dict[str, Any]:
    """The integration as the platform reads it."""
    return {
        "category": "Case Management",
        "sectionorder": ["Connect", "Collect"],
        "commonfields": {"id": BRAND, "version": -1},
        "configuration": _configuration(),
        "description": "Finds automated data exfiltration in process and network events, explains it, and opens cases.",
        "display": BRAND,
        "name": BRAND,
        "provider": BRAND,
        "supportlevelheader": "community",
        "defaultclassifier": CLASSIFIER,
        "defaultmapperin": MAPPER,
        "script": {
            "commands": [_command(each) for each in commands],
            "dockerimage": DOCKER_IMAGE,
            "isfetch": True,
            "runonce": False,
            "script": "-",
            "subtype": "python3",
            "type": "python",
        },
        "fromversion": FROM_VERSION,
        "marketplaces": MARKETPLACES,
        "tests": ["No tests (tested by exfilwatch, against its service)"],
    }


def python(commands: list[Command]) -> str:
    """The integration's code, with the table of the commands."""
    from jinja2 import Environment, StrictUndefined

    table = {
        each.name: {
            "action": each.action.name,
            "prefix": each.prefix,
            "key": each.key,
            "subject": each.subject,
            "arguments": {argument.name: argument.kind for argument in each.arguments},
            "file": each.file,
            "later": each.later,
        }
        for each in commands
    }
    # JSON is Python here but for its three words.
    written = json.dumps(table, indent=4).replace(": true", ": True").replace(": false", ": False")
    source = (resources.files(__package__) / "files" / f"{BRAND}.py.j2").read_text("utf-8")
    environment = Environment(autoescape=False, undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    return environment.from_string(source).render(commands=written)


def _command(command: Command) -> dict[str, Any]:
    action = command.action
    approval = " Ask a person before it runs." if action.approval else ""
    made: dict[str, Any] = {
        "name": command.name,
        "description": f"{action.description}{approval}",
        "arguments": [_argument(each) for each in command.arguments] + (_polling() if command.later else []),
        "outputs": [
            {"contextPath": each.path, "description": each.description, "type": each.type} for each in command.outputs
        ],
    }
    if action.changes:
        made["execution"] = True
    if command.later:
        made["polling"] = True
    return made


def _argument(argument: Argument) -> dict[str, Any]:
    made: dict[str, Any] = {"name": argument.name, "description": argument.description}
    if argument.required:
        made["required"] = True
    if argument.words:
        made |= {"auto": "PREDEFINED", "predefined": list(argument.words)}
    if argument.default:
        made["defaultValue"] = argument.default
    return made


def _polling() -> list[dict[str, Any]]:
    return [
        {
            "name": "polling",
            "description": "Whether to run it in the background, and to wait for it here.",
            "auto": "PREDEFINED",
            "predefined": ["true", "false"],
            "defaultValue": "true",
        },
        {"name": "job_id", "description": _JOB, "hidden": True},
        {"name": "hide_polling_output", "description": _JOB, "hidden": True},
    ]


def _configuration() -> list[dict[str, Any]]:
    connect, collect = {"section": "Connect"}, {"section": "Collect"}
    return [
        {
            "display": "Server URL",
            "name": "url",
            "type": 0,
            "required": True,
            "additionalinfo": "Where `exfilwatch serve` listens, for example https://exfilwatch.example.com:8443.",
            **connect,
        },
        {
            "display": "",
            "displaypassword": "API token",
            "name": "credentials",
            "type": 9,
            "required": True,
            "hiddenusername": True,
            "additionalinfo": "A token of the service with the scope `act`; `read` is enough to fetch and to look.",
            **connect,
        },
        {"display": "Trust any certificate (not secure)", "name": "insecure", "type": 8, "required": False, **connect},
        {"display": "Use system proxy settings", "name": "proxy", "type": 8, "required": False, **connect},
        {"display": "Fetch incidents", "name": "isFetch", "type": 8, "required": False, **collect},
        {"display": "Incident type", "name": "incidentType", "type": 13, "required": False, **collect},
        {
            "display": "First fetch timestamp (<number> <time unit>, e.g., 12 hours, 7 days)",
            "name": "first_fetch",
            "type": 0,
            "required": False,
            "defaultvalue": "3 days",
            **collect,
        },
        {
            "display": "Maximum incidents for each fetch",
            "name": "max_fetch",
            "type": 0,
            "required": False,
            "defaultvalue": "50",
            "additionalinfo": "From 1 to 200; the rest comes with the next fetch.",
            **collect,
        },
        {
            "display": "Lowest severity",
            "name": "level",
            "type": 15,
            "required": True,
            "options": list(LEVELS),
            "defaultvalue": "low",
            "additionalinfo": "Incidents below it are not fetched, unless they become graver while looked back for.",
            **collect,
        },
        {
            "display": "Look back (minutes)",
            "name": "look_back",
            "type": 0,
            "required": False,
            "defaultvalue": "1440",
            "additionalinfo": "So far back each fetch also looks for what the service saw late, or what became graver "
            "since. Nothing is fetched twice.",
            **collect,
        },
        {
            "display": "Incidents Fetch Interval",
            "name": "incidentFetchInterval",
            "type": 19,
            "required": False,
            "defaultvalue": "1",
            "advanced": True,
            **collect,
        },
    ]
