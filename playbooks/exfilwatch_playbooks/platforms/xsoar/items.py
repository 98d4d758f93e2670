"""What the platform's incidents are: their type, fields, classifier, mapper and layout."""

from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exfilwatch_playbooks.platforms.xsoar.commands import BRAND
from exfilwatch_playbooks.platforms.xsoar.integration import CLASSIFIER, FROM_VERSION, MAPPER, MARKETPLACES

TYPE = f"{BRAND} Automated Exfiltration"
KIND = "exfilwatch-incident"
"""The `type` of what the integration fetches."""


@dataclass(frozen=True)
class Field:
    """A field of an incident. `source`: where the fetched document has it; empty where the playbook fills it in."""

    name: str
    type: str
    source: str
    description: str

    @property
    def cli(self) -> str:
        """Its name in queries and in `${incident.…}`."""
        return self.name.lower().replace(" ", "")


FIELDS = (
    Field(f"{BRAND} ID", "shortText", "id", "The incident's id in exfilwatch."),
    Field(f"{BRAND} Finding", "shortText", "finding", "The finding that tells most: ask about it."),
    Field(f"{BRAND} Host", "shortText", "host", "The host that the data left."),
    Field(f"{BRAND} User", "shortText", "user", "The user in whose name it left."),
    Field(f"{BRAND} Program", "shortText", "program", "The program that sent it."),
    Field(f"{BRAND} Destination", "shortText", "destination", "Where it went."),
    Field(f"{BRAND} Evidence", "longText", "evidence", "The command or script, as it was logged."),
    Field(f"{BRAND} Rule", "shortText", "rule", "The rule that fired."),
    Field(f"{BRAND} Kinds", "shortText", "kinds", "The kinds of evidence that agree."),
    Field(f"{BRAND} Techniques", "shortText", "attack", "Techniques of MITRE ATT&CK."),
    Field(f"{BRAND} Findings", "number", "count", "How many findings it has."),
    Field(f"{BRAND} First Event", "date", "time", "When it began."),
    Field(f"{BRAND} Last Event", "date", "end", "The last event so far."),
    Field(f"{BRAND} Case", "url", "case_url", "The case in the case system, once it is open."),
    Field(f"{BRAND} Verdict", "shortText", "", "What an analyst answered in the playbook."),
)


def incident_type(playbook: str) -> dict[str, Any]:
    """Nothing is extracted from its texts by itself: an address in them would be looked up, or visited."""
    return {
        "id": TYPE,
        "name": TYPE,
        "version": -1,
        "fromVersion": FROM_VERSION,
        "marketplaces": MARKETPLACES,
        "locked": False,
        "readonly": False,
        "system": False,
        "default": False,
        "disabled": False,
        "autorun": True,
        "color": "#C2410C",
        "playbookId": playbook,
        "layout": TYPE,
        "preProcessingScript": "",
        "closureScript": "",
        "reputationCalc": 0,
        "hours": 0,
        "days": 0,
        "weeks": 0,
        "hoursR": 0,
        "daysR": 0,
        "weeksR": 0,
        "extractSettings": {"mode": "Specific", "fieldCliNameToExtractSettings": {}},
    }


def incident_field(field: Field) -> dict[str, Any]:
    """A field of ours."""
    return {
        "id": f"incident_{field.cli}",
        "cliName": field.cli,
        "name": field.name,
        "description": field.description,
        "type": field.type,
        "version": -1,
        "fromVersion": FROM_VERSION,
        "marketplaces": MARKETPLACES,
        "associatedToAll": False,
        "associatedTypes": [TYPE],
        "breachScript": "",
        "caseInsensitive": True,
        "closeForm": False,
        "content": True,
        "editForm": True,
        "fieldCalcScript": "",
        "group": 0,
        "hidden": False,
        "isReadOnly": False,
        "locked": False,
        "neverSetAsRequired": False,
        "openEnded": False,
        "ownerOnly": False,
        "placeholder": "",
        "required": False,
        "script": "",
        "sla": 0,
        "system": False,
        "threshold": 72,
        "unmapped": False,
        "unsearchable": True,
        "useAsKpi": False,
        "validationRegex": "",
    }


def classifier() -> dict[str, Any]:
    """By the kind of what was fetched, of which there is one."""
    return {
        "id": CLASSIFIER,
        "name": CLASSIFIER,
        "type": "classification",
        "description": f"Classifies what {BRAND} fetches.",
        "version": -1,
        "fromVersion": FROM_VERSION,
        "marketplaces": MARKETPLACES,
        "defaultIncidentType": TYPE,
        "keyTypeMap": {KIND: TYPE},
        "transformer": {"complex": None, "simple": "type"},
    }


def mapper() -> dict[str, Any]:
    """Into our fields."""
    mapped = {field.name: {"complex": None, "simple": field.source} for field in FIELDS if field.source}
    return {
        "id": MAPPER,
        "name": MAPPER,
        "type": "mapping-incoming",
        "description": f"Maps the incidents of {BRAND} into their fields.",
        "version": -1,
        "fromVersion": FROM_VERSION,
        "marketplaces": MARKETPLACES,
        "defaultIncidentType": TYPE,
        "mapping": {TYPE: {"dontMapEventToLabels": True, "internalMapping": mapped}},
    }


def layout() -> dict[str, Any]:
    """One tab that answers who, where and how, beside the platform's own."""
    shown = {field.cli: field for field in FIELDS}
    who = ("host", "user", "program", "destination", "verdict", "case")
    how = ("evidence", "rule", "kinds", "techniques")
    when = ("firstevent", "lastevent", "findings", "id", "finding")
    brand = BRAND.lower()
    sections = [
        _fields("Who and where", [f"{brand}{each}" for each in who], 0, 0),
        _fields("How do we know", [f"{brand}{each}" for each in how], 1, 0),
        _fields("When", [f"{brand}{each}" for each in when], 0, 3),
        {"i": _id("work plan"), "name": "Work Plan", "type": "workplan", "w": 1, "h": 3, "x": 1, "y": 3},
        {"i": _id("notes"), "name": "Notes", "type": "notes", "w": 1, "h": 3, "x": 2, "y": 0},
        {"i": _id("indicators"), "name": "Indicators", "type": "indicators", "w": 1, "h": 3, "x": 2, "y": 3},
    ]
    assert all(item["fieldId"] in shown for section in sections for item in section.get("items", []))
    return {
        "id": TYPE,
        "name": TYPE,
        "group": "incident",
        "description": f"What {BRAND} knows of an incident.",
        "version": -1,
        "fromVersion": FROM_VERSION,
        "marketplaces": MARKETPLACES,
        "system": False,
        "detailsV2": {
            "tabs": [
                {"id": "summary", "name": "Legacy Summary", "type": "summary"},
                {"id": _id("tab"), "name": BRAND, "type": "custom", "sections": sections},
                {"id": "warRoom", "name": "War Room", "type": "warRoom"},
                {"id": "workPlan", "name": "Work Plan", "type": "workPlan"},
                {"id": "canvas", "name": "Canvas", "type": "canvas"},
            ]
        },
    }


def _fields(name: str, fields: list[str], x: int, y: int) -> dict[str, Any]:
    items = [
        {
            "id": _id(field),
            "fieldId": field,
            "index": index,
            "height": 44 if field.endswith("evidence") else 22,
            "startCol": 0,
            "endCol": 2,
            "sectionItemType": "field",
        }
        for index, field in enumerate(fields)
    ]
    return {
        "i": _id(name),
        "name": name,
        "displayType": "ROW",
        "hideName": False,
        "items": items,
        "w": 1,
        "h": 3,
        "x": x,
        "y": y,
    }


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{BRAND}/layout/{name}"))
