"""Reads the playbook back from CACAO."""

import json
import re
from base64 import b64decode
from typing import Any

from tests.playbook.outline import Seen


def read(files: dict[str, str]) -> list[Seen]:
    made = json.loads(files["exfilwatch.cacao.json"])
    flow, variables = made["workflow"], made["playbook_variables"]
    found: dict[str, Seen] = {}

    def enters(key: str, after: frozenset[str]) -> frozenset[str]:
        """The titles that one comes to."""
        step = flow[key]
        if step["type"] == "end":
            return after
        following = enters(step["on_completion"], after) if "on_completion" in step else after
        if step["type"] == "parallel":
            return frozenset().union(*(enters(each, following) for each in step["next_steps"]))
        return frozenset({step["name"]})

    def go(key: str, after: frozenset[str]) -> None:
        step = flow[key]
        if step["type"] == "end" or step["name"] in found:
            return
        switch = flow[step.get("on_success", key)]
        switch = switch if switch["type"] == "switch-condition" else step
        leads = switch.get("on_completion")
        following = enters(leads, after) if leads else after
        if step["type"] != "parallel":
            found[step["name"]] = seen(step, after, following)
        aside = [*switch.get("next_steps", ()), *switch.get("cases", {}).values()]
        aside += [switch[way] for way in ("on_true", "on_false") if way in switch]
        for each in aside:
            go(each, following)
        if switch["type"] != "switch-condition" and step.get("on_failure") not in (None, step.get("on_success")):
            go(step["on_failure"], after)
        for each in filter(None, (leads, step.get("on_success"))):
            if flow[each]["type"] != "switch-condition":
                go(each, after)

    def seen(step: dict[str, Any], after: frozenset[str], following: frozenset[str]) -> Seen:
        title = step["name"]
        if step["type"] == "if-condition":
            of, words = re.fullmatch(r"__(\w+?)__:value IN \((.*)\)", step["condition"]).groups()
            ways = {
                way: enters(step[key], following) if key in step else following
                for way, key in (("then", "on_true"), ("otherwise", "on_false"))
            }
            return Seen(title, "if", of=reference(of), among=tuple(re.findall(r"'([^']+)'", words)), ways=ways)
        (command,) = step["commands"]
        within = step["timeout"] // 1000 if "timeout" in step else None
        if command["type"] == "http-api":
            ways = {"": enters(step["on_success"], after)}
            if "on_failure" in step:
                ways["failure"] = enters(step["on_failure"], after)
            given = json.loads(b64decode(command["content_b64"]))
            return Seen(
                title,
                f"run {re.fullmatch('POST /v1/actions/([a-z_]+) HTTP/1.1', command['command'])[1]}",
                given={name: reference(str(value)) for name, value in given.items()},
                ways=ways,
                within=within,
            )
        if "on_completion" in step:
            return Seen(title, "person", ways={"": following})
        assert step["on_success"] == step["on_failure"]
        switch = flow[step["on_success"]]
        (variable,) = step["out_args"]
        assert switch["switch"] == f"{variable}:value"
        labels = dict(re.findall(r"([a-z-]+) for ([^;.]+)", command["command"].removeprefix(step["description"])))
        joined = enters(switch["on_completion"], after)
        return Seen(
            title,
            "ask",
            asks=step["description"],
            ways={labels[case]: enters(key, joined) for case, key in switch["cases"].items()},
            within=within,
            unanswered=labels[variables[variable]["value"]],
        )

    def reference(text: str) -> str:
        name = re.fullmatch(r"(?:__)?([a-z]+)(?:_(level))?(?:__:value)?", text)
        if text.startswith("__"):
            return "$" + re.fullmatch(r"__(\w+)__:value", text)[1]
        if name and f"__{text}__" in variables:
            return "$" + (f"{name[1]}.{name[2]}" if name[2] else name[1])
        return text

    go(flow[made["workflow_start"]]["on_completion"], frozenset({"end"}))
    return list(found.values())
