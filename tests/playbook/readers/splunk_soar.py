"""Reads the playbook back from the graph of Splunk SOAR's visual editor."""

import json
from typing import Any

from tests.playbook.outline import Seen

_CEF = {"artifact:*.cef.exfilwatchIncident": "$incident", "artifact:*.cef.exfilwatchFinding": "$finding"}


def read(files: dict[str, str]) -> list[Seen]:
    (name,) = {file.rpartition(".")[0] for file in files}
    graph = json.loads(files[f"{name}.json"])["coa"]["data"]
    code, nodes = files[f"{name}.py"], graph["nodes"]

    def title(number: str) -> str:
        return "end" if nodes[number]["type"] == "end" else nodes[number]["data"]["advanced"]["customName"]

    def out(number: str, condition: int | None = None) -> list[str]:
        mine = [each for each in graph["edges"] if each["sourceNode"] == number]
        assert all(("conditions" in each) == (nodes[number]["type"] == "decision") for each in mine)
        wanted = None if condition is None else [{"index": condition}]
        return [each["targetNode"] for each in mine if each.get("conditions") == wanted]

    def titles(numbers: list[str]) -> frozenset[str]:
        return frozenset(map(title, numbers))

    labels: dict[str, dict[str, str]] = {}
    found = []
    for number, node in nodes.items():
        data: dict[str, Any] = node["data"]
        if node["type"] in ("start", "end") or ":" in title(number):
            continue
        assert node["customCode"] in code
        following = out(number)
        if node["type"] == "action":
            (one, *more) = following
            ways = {"": titles(following), "failure": titles(following)}
            if nodes[one]["type"] == "decision" and not more and title(one) == f"{title(number)}: done":
                ways = {"": titles(out(one, 0)), "failure": titles(out(one, 1))}
            given = {field: _CEF.get(value, value) for field, value in data["parameters"].items()}
            ways = {way: to for way, to in ways.items() if to}
            found.append(Seen(title(number), f"run {data['action'].replace(' ', '_')}", given=given, ways=ways))
        elif node["type"] == "prompt" and data["responses"][0]["responsePrompt"] == "Answer":
            (decision,) = following
            conditions = nodes[decision]["data"]["conditions"]
            options = data["responses"][0]["responseOptions"]
            assert [each["comparisons"][0]["value"] for each in conditions] == [*options, ""]
            ways = {option: titles(out(decision, index)) for index, option in enumerate(options)}
            silent = titles(out(decision, len(options)))
            answers = json.loads(nodes[decision]["customCode"].split("answers = ")[1].splitlines()[0])
            silently = nodes[decision]["customCode"].split('else None, "')[1].split('"')[0]
            unanswered = next(label for label, word in answers.items() if word == silently)
            assert silent == ways[unanswered]
            labels[data["functionName"]] = answers
            asked = data["message"].split("? ")[0] + "?"
            found.append(
                Seen(
                    title(number), "ask", asks=asked, ways=ways, within=60 * data["responseTime"], unanswered=unanswered
                )
            )
        elif node["type"] == "prompt":
            found.append(Seen(title(number), "person", ways={"": titles(following)}))
        else:
            compared = data["conditions"][0]["comparisons"]
            assert data["conditions"][0]["logic"] == "or"
            (path,) = {each["param"] for each in compared}
            source, _, field = path.partition(":action_result.")
            words = tuple(labels.get(source, {}).get(each["value"], each["value"]) for each in compared)
            of = "$verdict" if source in labels else f"$facts.{field.removeprefix('data.*.')}"
            ways = {"then": titles(out(number, 0)), "otherwise": titles(out(number, 1))}
            found.append(Seen(title(number), "if", of=of, among=words, ways=ways))
    return found
