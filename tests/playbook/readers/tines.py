"""Reads the playbook back from a Tines story."""

import json
import re
from urllib.parse import unquote

from tests.playbook.outline import Seen

_PLUMBING = {"Get the news", "Each incident", "Say that it is taken"}
_REFERENCES = {
    "<<each_incident.item.incident.id>>": "$incident",
    "<<each_incident.item.findings[0].id>>": "$finding",
    "<<enrich_the_incident.body.level>>": "$facts.level",
    "<<judge_the_incident.prompt.status>>": "$verdict",
}


def read(files: dict[str, str]) -> list[Seen]:
    story = json.loads(files["exfilwatch.json"])
    agents = story["agents"]
    names = [each["name"] for each in agents]
    assert len(set(names)) == len(names)

    def out(at: int) -> list[int]:
        return [each["receiver"] for each in story["links"] if each["source"] == at]

    def enters(at: int) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for to in out(at):
            found |= enters(to) if names[to] in _PLUMBING else {names[to]}
        return found or frozenset({"end"})

    def kind(at: int) -> str:
        return agents[at]["type"].removeprefix("Agents::")

    def rules(at: int) -> dict[str, tuple[dict[str, str], frozenset[str]]]:
        """The conditions after an action, by what their names say, and what each leads to."""
        found = {}
        for to in out(at):
            assert kind(to) == "TriggerAgent"
            (rule,) = agents[to]["options"]["rules"]
            found[names[to].removeprefix(f"{names[at]}: ")] = rule, enters(to)
        return found

    found = []
    for at, agent in enumerate(agents):
        name, given = agent["name"], agent["options"]
        mine = f"<<{name.lower().replace(' ', '_')}"
        if name in _PLUMBING or kind(at) == "TriggerAgent":
            continue
        if kind(at) == "HTTPRequestAgent":
            if "log_error_on_status" in given:
                assert given["log_error_on_status"] == ["400-599"]
                ways = {"": enters(at)}
            elif all(kind(to) == "TriggerAgent" for to in out(at)):
                (done, after), (failed, instead) = rules(at)["it was done"], rules(at)["it failed"]
                assert (done["type"], failed["type"]) == ("field<value", "field>=value")
                assert {each["path"] for each in (done, failed)} == {f"{mine}.status>>"}
                ways = {"": after, "failure": instead}
            else:
                ways = {"": enters(at), "failure": enters(at)}
            said = {field: _REFERENCES.get(value, value) for field, value in given["payload"].items()}
            does = f"run {given['url'].rpartition('/')[2]}"
            found.append(Seen(name, does, given=said, ways=ways, within=given["timeout"]))
        elif kind(at) == "EmailAgent":
            links = re.findall(
                r'<a href="([^"]+)&amp;to=<<BASE64URL_ENCODE\(PROMPT\("([\w-]+)"\)\)>>">([^<]+)</a>', given["body"]
            )
            labels = {word: label for _, word, label in links}
            shown = [unquote(page.removeprefix("<<RESOURCE.exfilwatch_url>>/answer?said=")) for page, _, _ in links]
            assert shown == list(labels.values())
            assert given["body"].count("PROMPT") == len(links)
            answers = rules(at)
            for label, (rule, _) in answers.items():
                assert rule["type"] == "field==value"
                assert (labels[rule["value"]], rule["path"]) == (label, f"{mine}.prompt.status>>")
            assert list(answers) == list(labels.values())
            ways = {label: to for label, (_, to) in answers.items()}
            if list(labels) == ["done"]:
                found.append(Seen(name, "person", ways={"": ways["It is done"]}))
            else:
                found.append(Seen(name, "ask", asks=given["subject"], ways=ways))
        else:
            (then, one), (otherwise, other) = rules(at)["then"], rules(at)["otherwise"]
            assert (then["type"], otherwise["type"]) == ("regex", "!regex")
            assert then["value"] == otherwise["value"]
            assert then["path"] == otherwise["path"]
            among = tuple(then["value"].removeprefix("^(").removesuffix(")$").split("|"))
            ways = {"then": one, "otherwise": other}
            found.append(Seen(name, "if", of=_REFERENCES[then["path"]], among=among, ways=ways))
    return found
