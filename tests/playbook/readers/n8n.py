"""Reads the playbook back from an n8n workflow."""

import json
import re
from typing import Any

from tests.playbook.outline import Seen

_OURS = {"httpRequest", "wait", "if"}
_PLUMBING = {"Get the news", "Say that it is taken"}


def read(files: dict[str, str]) -> list[Seen]:
    flow = json.loads(files["exfilwatch.json"])
    nodes = {each["name"]: each for each in flow["nodes"]}

    def kind(name: str) -> str:
        return nodes[name]["type"].removeprefix("n8n-nodes-base.")

    def out(name: str) -> list[list[str]]:
        return [[link["node"] for link in way] for way in flow["connections"].get(name, {"main": []})["main"]]

    def enters(names: list[str]) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for name in names:
            if kind(name) == "noOp":
                found |= {"end"}
            elif name in _PLUMBING:
                found |= enters(out(name)[0])
            else:
                found |= {name}
        return found

    def value(text: str) -> str:
        named = re.fullmatch(r'\$\("([^"]+)"\)\.first\(\)\.json\.(\w+)', text)
        if named is None:
            return json.loads(text)
        where, field = named.groups()
        if where == "The incident":
            return f"${field}"
        ids = {"Judge the incident: the answer": "$verdict", "Enrich the incident": f"$facts.{field}"}
        return ids[where]

    def conditions(given: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
        assert given["combinator"] == "or"
        (left,) = {each["leftValue"].removeprefix("={{ ").removesuffix(" }}") for each in given["conditions"]}
        return left, tuple(each["rightValue"] for each in given["conditions"])

    found = []
    for name, node in nodes.items():
        given = node["parameters"]
        if kind(name) not in _OURS or name in _PLUMBING:
            continue
        if kind(name) == "httpRequest":
            body = given["jsonBody"].removeprefix("={{ JSON.stringify({ ").removesuffix(" }) }}")
            fields = dict(re.findall(r'(\w+): (\$\([^)]*\)[\w.()]*|"[^"]*")', body))
            ways = {"": enters(out(name)[0])}
            if node.get("onError") == "continueRegularOutput":
                ways["failure"] = ways[""]
            elif node.get("onError") == "continueErrorOutput":
                ways["failure"] = enters(out(name)[1])
            found.append(
                Seen(
                    name,
                    f"run {given['url'].rpartition('/')[2]}",
                    given={field: value(each) for field, each in fields.items()},
                    ways=ways,
                    within=given["options"]["timeout"] // 1000,
                )
            )
        elif kind(name) == "if":
            left, among = conditions(given["conditions"])
            ways = dict(zip(("then", "otherwise"), map(enters, out(name)), strict=True))
            found.append(Seen(name, "if", of=value(left), among=among, ways=ways))
        elif "limitWaitTime" in given:
            ((kept,),) = out(name)
            ((switch,),) = out(kept)
            (assigned,) = nodes[kept]["parameters"]["assignments"]["assignments"]
            words, unanswered = re.fullmatch(r"={{ \((.*)\)\[\$json\.Answer\] \|\| (.*) }}", assigned["value"]).groups()
            words = json.loads(words)
            rules = nodes[switch]["parameters"]["rules"]["values"]
            for rule in rules:
                assert conditions(rule["conditions"]) == ("$json.answer", (words[rule["outputKey"]],))
            options = given["formFields"]["values"][0]["fieldOptions"]["values"]
            assert [each["option"] for each in options] == [rule["outputKey"] for rule in rules]
            found.append(
                Seen(
                    name,
                    "ask",
                    asks=given["formTitle"],
                    ways={rule["outputKey"]: enters(to) for rule, to in zip(rules, out(switch), strict=True)},
                    within=given["resumeAmount"] * {"minutes": 60}[given["resumeUnit"]],
                    unanswered=next(label for label, word in words.items() if word == json.loads(unanswered)),
                )
            )
        else:
            found.append(Seen(name, "person", ways={"": enters(out(name)[0])}))
    return found
