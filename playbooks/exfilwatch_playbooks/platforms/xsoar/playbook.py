"""The playbook: enrich, ask the analyst, contain after approval, open the case, follow up."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from exfilwatch_playbooks.platforms.xsoar.commands import BRAND
from exfilwatch_playbooks.platforms.xsoar.integration import FROM_VERSION, MARKETPLACES

NAME = f"{BRAND} - Automated Exfiltration"
_TALLEST, _WIDEST = 160, 460  # pixels between tasks
_INCIDENT = "${incident.exfilwatchid}"
_FINDING = "${incident.exfilwatchfinding}"


@dataclass(frozen=True)
class Task:
    """A task. `kind`: start, title, command, builtin, playbook, ask (choices of a person) or manual; `then`: the next
    tasks by the choice that leads there, "#none#" for any.
    """

    key: str
    kind: str
    name: str
    then: dict[str, str]
    row: int
    column: int = 0
    description: str = ""
    runs: str = ""
    given: dict[str, str] = field(default_factory=dict)
    continues: bool = False


TASKS = (
    Task("start", "start", "", {"#none#": "enrich"}, 0),
    Task("enrich", "title", "Enrich", {"#none#": "findings"}, 1),
    Task(
        "findings", "command", "Get the incident's findings", {"#none#": "facts"}, 2,
        description="What was found, on which host and by whom.",
        runs="list-findings", given={"incident": _INCIDENT},
    ),
    Task(
        "facts", "command", "Enrich the incident", {"#none#": "plan"}, 3,
        description="Where it went, how much, who else does so, what others say of it. Outsiders are asked about "
        "destinations and hashes only, and only where the service's settings turn them on.",
        runs="enrich-finding", given={"finding": _FINDING}, continues=True,
    ),
    Task(
        "plan", "command", "Get the response plan", {"#none#": "report"}, 4,
        description="The steps in order, with queries and commands filled in.",
        runs="get-response-plan", given={"incident": _INCIDENT}, continues=True,
    ),
    Task(
        "report", "command", "Make the report", {"#none#": "decide"}, 5,
        description="One HTML file in the war room: what happened, how we know, how bad it is.",
        runs="make-report", given={"incident": _INCIDENT}, continues=True,
    ),
    Task("decide", "title", "Decide", {"#none#": "harmful"}, 6),
    Task(
        "harmful", "ask", "Did data leave that should not have?",
        {"Yes": "contain", "Harmless": "benign", "Wrongly detected": "wrong"}, 7,
        description="Read the report in the war room and the verify phase of the response plan. Harmless: it is what "
        "it looks like, and allowed, for example a backup. Wrongly detected: it is not what the rule takes it for.",
    ),
    Task("contain", "title", "Contain", {"#none#": "approve"}, 8),
    Task(
        "approve", "ask", "Approve cutting the host off the network?", {"Yes": "isolate", "No": "case"}, 9,
        description="The host is ${incident.exfilwatchhost}. Think of what else runs on it, and whether the one who "
        "sent the data should notice. Nothing is contained without this approval.",
    ),
    Task(
        "isolate", "playbook", "Isolate the host", {"#none#": "contained"}, 10, 1,
        description="By whichever endpoint tools are there. Without the pack Common Playbooks it is skipped.",
        runs="Isolate Endpoint - Generic V2", given={"Endpoint_hostname": "${incident.exfilwatchhost}"}, continues=True,
    ),
    Task(
        "contained", "manual", "Contain the rest by the response plan", {"#none#": "case"}, 11, 1,
        description="Block the destination, end sessions and keys, as the contain phase of the plan says; check that "
        "the host is isolated.",
    ),
    Task("case", "title", "Open the case", {"#none#": "open"}, 12),
    Task(
        "open", "command", "Open the case", {"#none#": "link"}, 13,
        description="Once, whoever opens it: where there is a case already, it is told what is new.",
        runs="open-case", given={"incident": _INCIDENT},
    ),
    Task(
        "link", "builtin", "Link the case", {"#none#": "confirmed"}, 14,
        description="Where people look at it.",
        runs="setIncident", given={"exfilwatchcase": "${ExfilWatch.OpenCase.url}"}, continues=True,
    ),
    Task(
        "confirmed", "command", "Mark the finding as a true positive", {"#none#": "follow"}, 15,
        description="For the rules' health, and for whoever sees the like again.",
        runs="set-disposition",
        given={"finding": _FINDING, "disposition": "true-positive", "why": "Confirmed by an analyst in Cortex XSOAR"},
    ),
    Task("follow", "title", "Follow up", {"#none#": "steps"}, 16),
    Task(
        "steps", "manual", "Follow the response plan to its end", {"#none#": "told"}, 17,
        description="Scope, eradicate, recover, notify, learn: the plan is in the war room. Hunt for the same "
        "elsewhere with `!exfilwatch-find-related` and `!exfilwatch-hunt`.",
    ),
    Task(
        "told", "command", "Tell the case what was found since", {"#none#": "note"}, 18,
        description="New findings, the files, and the severity where it rose.",
        runs="update-case", given={"incident": _INCIDENT},
    ),
    Task(
        "note", "command", "Note in the case that it was followed up", {"#none#": "closed"}, 19,
        description="With the number of this incident, for whoever reads the case.",
        runs="add-case-note",
        given={"incident": _INCIDENT, "text": "Followed up in Cortex XSOAR, incident ${incident.id}"},
    ),
    Task(
        "closed", "command", "Close the case", {"#none#": "done"}, 20,
        description="With the reason as a note.",
        runs="close-case",
        given={"incident": _INCIDENT, "why": "Followed up to the end in Cortex XSOAR, incident ${incident.id}"},
    ),
    Task(
        "benign", "command", "Mark the finding as benign", {"#none#": "done"}, 8, 2,
        description="To silence the like of it for a while: `!exfilwatch-suppress`, with a reason and an end.",
        runs="set-disposition",
        given={"finding": _FINDING, "disposition": "benign", "why": "Found harmless by an analyst in Cortex XSOAR"},
    ),
    Task(
        "wrong", "command", "Mark the finding as a false positive", {"#none#": "done"}, 8, 3,
        description="Whoever tunes the rule sees it: `exfilwatch tune`.",
        runs="set-disposition",
        given={"finding": _FINDING, "disposition": "false-positive",
               "why": "Wrongly detected, by an analyst in Cortex XSOAR"},
    ),
    Task("done", "builtin", "Close the incident", {"#none#": "end"}, 21, runs="closeInvestigation"),
    Task("end", "title", "Done", {}, 22),
)  # fmt: skip


def playbook() -> dict[str, Any]:
    """The playbook as the platform reads it."""
    numbers = {task.key: str(number) for number, task in enumerate(TASKS)}
    return {
        "id": NAME,
        "name": NAME,
        "version": -1,
        "description": "Enriches an incident of exfilwatch, asks the analyst, contains after approval, opens the case "
        "and follows it up.",
        "starttaskid": numbers["start"],
        "tasks": {numbers[task.key]: _task(task, numbers) for task in TASKS},
        "view": json.dumps({"linkLabelsPosition": {}, "paper": {"dimensions": _paper()}}),
        "inputs": [],
        "outputs": [],
        "fromversion": FROM_VERSION,
        "marketplaces": MARKETPLACES,
        "tests": ["No tests (auto formatted)"],
    }


def commands_used() -> Iterator[str]:
    """The names of our commands that tasks run."""
    return (f"exfilwatch-{task.runs}" for task in TASKS if task.kind == "command")


def _task(task: Task, numbers: dict[str, str]) -> dict[str, Any]:
    kind = {"ask": "condition", "command": "regular", "builtin": "regular", "manual": "regular"}.get(
        task.kind, task.kind
    )
    runs = {"command": f"{BRAND}|||exfilwatch-{task.runs}", "builtin": f"Builtin|||{task.runs}"}.get(task.kind, "")
    identity = str(uuid5(NAMESPACE_URL, f"{NAME}/{task.key}"))
    inner: dict[str, Any] = {
        "id": identity,
        "version": -1,
        "name": task.name,
        "description": task.description,
        "type": kind,
        "iscommand": bool(runs),
        "brand": runs.partition("|||")[0],
    }
    if runs:
        inner["script"] = runs
    if task.kind == "playbook":
        inner["playbookName"] = task.runs
    made: dict[str, Any] = {
        "id": numbers[task.key],
        "taskid": identity,
        "type": kind,
        "task": inner,
        "separatecontext": task.kind == "playbook",
        "continueonerrortype": "",
        "view": json.dumps({"position": {"x": 50 + task.column * _WIDEST, "y": 50 + task.row * _TALLEST}}),
        "note": False,
        "timertriggers": [],
        "ignoreworker": False,
        "skipunavailable": task.kind == "playbook",
        "quietmode": 0,
        "isoversize": False,
        "isautoswitchedtoquietmode": False,
    }
    if task.then:
        made["nexttasks"] = {choice: [numbers[key]] for choice, key in task.then.items()}
    if task.given:
        made["scriptarguments"] = {name: {"simple": value} for name, value in task.given.items()}
    if task.continues:
        made["continueonerror"] = True
    return made


def _paper() -> dict[str, int]:
    rows, columns = max(task.row for task in TASKS), max(task.column for task in TASKS)
    return {"height": 50 + rows * _TALLEST, "width": 380 + columns * _WIDEST, "x": 50, "y": 50}
