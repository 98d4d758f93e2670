"""Reads the playbook back from a pack of Cortex XSOAR."""

from typing import Any

from tests.playbook.outline import Seen

from exfilwatch.packaged import read_yaml

_REFERENCES = {
    "${incident.exfilwatchid}": "$incident",
    "${incident.exfilwatchfinding}": "$finding",
    "incident.exfilwatchverdict": "$verdict",
    "ExfilWatch.EnrichFinding.level": "$facts.level",
}


def read(files: dict[str, str]) -> list[Seen]:
    (text,) = files.values()
    tasks = read_yaml(text)["tasks"]

    def ours(number: str) -> dict[str, Any] | None:
        task = tasks[number]
        own = task["type"] in ("title", "start", "playbook") or task["task"].get("script", "").startswith("Builtin")
        return None if own else task

    def title(task: dict[str, Any]) -> str:
        # A question's task is called as what is asked.
        asked = task["type"] == "condition" and "conditions" not in task
        return task["task"]["description"].split(". ")[0] if asked else task["task"]["name"]

    def enters(numbers: list[str]) -> frozenset[str]:
        found = set()
        for number in numbers:
            task = ours(number)
            if task is not None:
                found.add(title(task))
            elif tasks[number]["task"].get("script") == "Builtin|||closeInvestigation":
                found.add("end")
            else:
                found |= enters(tasks[number]["nexttasks"]["#none#"])
        return frozenset(found)

    names = {"#none#": "", "#error#": "failure", "yes": "then", "#default#": "otherwise"}
    found = []
    for number in tasks:
        task = ours(number)
        if task is None:
            continue
        ways = {way: enters(to) for way, to in task["nexttasks"].items()}
        if task["task"]["iscommand"]:
            given = {name: each["simple"] for name, each in task["scriptarguments"].items()}
            ways = {names[way]: to for way, to in ways.items()}
            if task.get("continueonerror"):
                ways.setdefault("failure", ways[""])
            found.append(
                Seen(
                    title(task),
                    f"run {task['task']['script'].removeprefix('ExfilWatch|||exfilwatch-').replace('-', '_')}",
                    given={name: _REFERENCES.get(value, value) for name, value in given.items()},
                    ways=ways,
                )
            )
        elif "conditions" in task:
            (condition,) = task["conditions"]
            (alike,) = condition["condition"]
            (of,) = {each["left"]["value"]["simple"] for each in alike}
            among = tuple(each["right"]["value"]["simple"] for each in alike)
            ways = {names[way]: to for way, to in ways.items()}
            found.append(Seen(title(task), "if", of=_REFERENCES[of], among=among, ways=ways))
        elif task["type"] == "condition":
            kept = {
                way: tasks[to[0]]["scriptarguments"]["exfilwatchverdict"]["simple"]
                for way, to in task["nexttasks"].items()
                if "exfilwatchverdict" in tasks[to[0]].get("scriptarguments", {})
            }
            assert len(kept) in (0, len(ways))
            found.append(Seen(title(task), "ask", asks=task["task"]["name"], ways=ways))
        else:
            found.append(Seen(title(task), "person", ways={"": ways["#none#"]}))
    return found
