"""Reads the playbook back from a FortiSOAR collection: its first playbook, which the others run."""

import json
import re
from typing import Any

from tests.playbook.outline import Seen

_PLUMBING = {"Keep an alert", "Say that it is taken"}
_REFERENCES = {
    "{{ vars.input.params.incident }}": "$incident",
    "{{ vars.input.params.finding }}": "$finding",
    "(vars.steps.Enrich_the_incident.data or {}).level": "$facts.level",
    "vars.verdict": "$verdict",
}
_TYPES = {
    "0bfed618-0316-11e7-93ae-92361f002671": "connector",
    "12254cf5-5db7-4b1a-8cb1-3af081924b28": "decision",
    "fc04082a-d7dc-4299-96fb-6837b1baa0fe": "input",
    "04d0cf46-b6a8-42c4-8683-60a7eaa69e8f": "set",
}


def read(files: dict[str, str]) -> list[Seen]:
    (collection,) = json.loads(files["playbooks.json"])["data"]
    flow = collection["workflows"][0]
    steps = {f"/api/3/workflow_steps/{each['uuid']}": each for each in flow["steps"]}
    named = {each["name"] for each in flow["steps"]}
    assert len(named) == len(steps)
    assert all(re.fullmatch(r"[\w ]+", name) for name in named)

    def kind(address: str) -> str:
        return _TYPES.get(steps[address]["stepType"].rpartition("/")[2], "")

    def out(address: str) -> dict[str | None, str]:
        return {each["label"]: each["targetStep"] for each in flow["routes"] if each["sourceStep"] == address}

    def enters(address: str) -> frozenset[str]:
        title = steps[address]["description"]
        if title == "Done":
            return frozenset({"end"})
        if title in _PLUMBING or kind(address) == "set":
            (following,) = out(address).values()
            return enters(following)
        return frozenset({title})

    def conditions(address: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = steps[address]["arguments"]["conditions"]
        assert {each["option"]: each["step_iri"] for each in found} == out(address)
        assert [bool(each.get("default")) for each in found] == [False, True]
        return found

    found = []
    for address, step in steps.items():
        title, given = step["description"], step["arguments"]
        if title in _PLUMBING or title.endswith(": was it done") or kind(address) in ("", "set"):
            continue
        if kind(address) == "connector":
            params = dict(given["params"])
            within = params.pop("timeout")
            (following,) = out(address).values()
            ways = {"": enters(following)}
            if steps[following]["description"] == f"{title}: was it done":
                done, failed = conditions(following)
                name = step["name"].replace(" ", "_")
                assert done["condition"] == f'{{{{ vars.steps.{name}.status == "Success" }}}}'
                ways = {"": enters(done["step_iri"]), "failure": enters(failed["step_iri"])}
            elif given.get("ignore_errors"):
                ways["failure"] = ways[""]
            assert given.get("ignore_errors", False) == ("failure" in ways)
            said = {name: _REFERENCES.get(value, value) for name, value in params.items()}
            found.append(Seen(title, f"run {given['operation']}", given=said, ways=ways, within=within))
        elif kind(address) == "decision":
            then, otherwise = conditions(address)
            of, words = re.fullmatch(r"{{ (.*) in \[(.*)\] }}", then["condition"]).groups()
            ways = {"then": enters(then["step_iri"]), "otherwise": enters(otherwise["step_iri"])}
            found.append(Seen(title, "if", of=_REFERENCES[of], among=tuple(json.loads(f"[{words}]")), ways=ways))
        else:
            options = {each["option"]: each["step_iri"] for each in given["response_mapping"]["options"]}
            assert options == out(address)
            ways = {label: enters(to) for label, to in options.items()}
            if "timeout" not in given:
                found.append(Seen(title, "person", ways={"": ways["It is done"]}))
                continue
            waits = given["timeout"]
            found.append(
                Seen(
                    title,
                    "ask",
                    asks=given["input"]["schema"]["title"],
                    ways=ways,
                    within=60 * (waits["minutes"] + 60 * (waits["hours"] + 24 * waits["days"])),
                    unanswered=next(label for label, to in options.items() if to == waits["step_iri"]),
                )
            )
    return found
