"""Tines: a story that asks the HTTP service. A question is a mail with a link for each answer, which leads over a page
of the service, whose button opens Tines' own (`PROMPT`); the story goes on then, and conditions decide which way.

What is known of an earlier action is `<<its_name.field>>`. Sources: Tines' pages on prompts, the condition action and
exported stories.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from exfilwatch_playbooks.platforms.http.written import json as written
from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Value, filled
from exfilwatch_playbooks.playbook.wiring import END, FAILURE, OTHERWISE, THEN, Node, in_line, wired

TITLE = "Tines"
LACKS: Mapping[str, str] = {
    "together": "one after the other",
    "timeouts": "a question waits until somebody answers; until then nothing is opened or contained",
}
TAKEN = "Say that it is taken"
NEWS = "/v1/platforms/tines"
_URL = "<<RESOURCE.exfilwatch_url>>"
_HEADERS = {"Authorization": "Bearer <<CREDENTIAL.exfilwatch>>", "Content-Type": "application/json"}
_INPUTS = {"incident": "<<each_incident.item.incident.id>>", "finding": "<<each_incident.item.findings[0].id>>"}
_FINDINGS = "=MAP_LAMBDA(each_incident.item.findings, LAMBDA(finding, finding.id))"
_DONE = "done"


def files(playbook: Playbook) -> dict[str, str]:
    """The story, to be imported."""
    return {"exfilwatch.json": written(story(playbook))}


def story(playbook: Playbook) -> dict[str, Any]:
    """The story. Its actions are linked one to the next by their places in the list."""
    writing = _Writing(playbook)
    return {
        "schema_version": 20,
        "name": f"exfilwatch: {playbook.name}",
        "description": playbook.description,
        "agents": writing.agents,
        "links": [{"source": writing.place(one), "receiver": writing.place(other)} for one, other in writing.links],
    }


class _Writing:
    """The actions and the links between them, by their names: the titles of the steps."""

    def __init__(self, playbook: Playbook) -> None:
        self._nodes = in_line(wired(playbook))
        self._titles = {node.id: node.step.title for node in self._nodes}
        self._asked = next(node.step.title for node in self._nodes if isinstance(node.step, Ask))
        self.agents: list[dict[str, Any]] = []
        self.links: list[tuple[str, str]] = []
        self._start()
        for node in self._nodes:
            self._write(node)

    def place(self, name: str) -> int:
        """Where the action of this name is in the list."""
        return next(at for at, each in enumerate(self.agents) if each["name"] == name)

    def _start(self) -> None:
        news = self._put(
            "Get the news", "HTTPRequestAgent", _request("get", f"{NEWS}/news?level=medium&limit=50&hold=30", 60)
        )
        news["schedule"] = [{"cron": "*/5 * * * *", "timezone": "Etc/UTC"}]
        explode = {"mode": "explode", "path": "=get_the_news.body.items", "to": "item"}
        self._put("Each incident", "EventTransformationAgent", explode)
        self.links += [("Get the news", "Each incident"), ("Each incident", self._nodes[0].step.title)]
        # What is not taken comes again: only once a person is asked is nothing lost.
        sent = {"incident": _INPUTS["incident"], "findings": _FINDINGS}
        self._put(TAKEN, "HTTPRequestAgent", _request("post", f"{NEWS}/taken", 60) | {"payload": sent})
        self.links.append((TAKEN, self._asked))

    def _write(self, node: Node) -> None:
        step = node.step
        match step:
            case Run():
                asked = _request("post", f"/v1/actions/{step.run}", int(step.within.total_seconds()))
                asked["payload"] = {name: self._value(value) for name, value in step.given.items()}
                if step.failure == "stop":
                    asked["log_error_on_status"] = ["400-599"]
                self._put(step.title, "HTTPRequestAgent", asked)
                if isinstance(step.failure, list):
                    status = f"<<{_slug(step.title)}.status>>"
                    self._when(step.title, "it failed", "field>=value", "400", status, node.ways[FAILURE])
                    self._when(step.title, "it was done", "field<value", "400", status, node.next)
                else:
                    self._lead(step.title, node.next)
            case Ask():
                choices = {each.answer: each.label for each in step.choices}
                self._mail(step.title, step.ask, step.says, choices)
                for answer, label in choices.items():
                    self._when(step.title, label, "field==value", answer, _status(step.title), node.ways[answer])
            case Person():
                self._mail(step.title, step.title, step.person, {_DONE: "It is done"})
                self._when(step.title, "It is done", "field==value", _DONE, _status(step.title), node.next)
            case If():
                words = f"^({'|'.join(step.among)})$"
                self._put(step.title, "EventTransformationAgent", {"mode": "message_only", "payload": {}})
                self._when(step.title, THEN, "regex", words, self._value(step.of), node.ways[THEN])
                self._when(step.title, OTHERWISE, "!regex", words, self._value(step.of), node.ways[OTHERWISE])

    def _mail(self, name: str, subject: str, said: str, answers: Mapping[str, str]) -> None:
        links = "".join(f'<p><a href="{_answer(word, label)}">{label}</a></p>' for word, label in answers.items())
        body = f"<p>{said}</p><p>{_URL}/incidents/{_INPUTS['incident']}</p>{links}"
        to = {"recipients": ["<<RESOURCE.exfilwatch_analyst>>"], "sender_name": "exfilwatch", "subject": subject}
        self._put(name, "EmailAgent", {**to, "body": body, "advanced_html": True})

    def _when(self, name: str, way: str, kind: str, word: str, of: str, to: tuple[str, ...]) -> None:
        condition = f"{name}: {way}"
        self._put(condition, "TriggerAgent", {"rules": [{"type": kind, "value": word, "path": of}]})
        self.links.append((name, condition))
        self._lead(condition, to)

    def _lead(self, name: str, to: tuple[str, ...]) -> None:
        for each in to:
            if each != END:
                title = self._titles[each]
                self.links.append((name, TAKEN if title == self._asked else title))

    def _value(self, value: Value) -> str:
        if not (isinstance(value, str) and value.startswith("$")):
            return str(filled(value, TITLE))
        name, _, field = value[1:].partition(".")
        if name in _INPUTS:
            return _INPUTS[name]
        title = self._titles[name]
        return f"<<{_slug(title)}.body.{field}>>" if field else _status(title)

    def _put(self, name: str, kind: str, options: dict[str, Any]) -> dict[str, Any]:
        made = {"type": f"Agents::{kind}", "name": name, "disabled": False, "options": options, "schedule": None}
        self.agents.append(made)
        return made


def _request(method: str, path: str, seconds: int) -> dict[str, Any]:
    return {
        "url": f"{_URL}{path}",
        "method": method,
        "content_type": "application_json",
        "headers": _HEADERS,
        "timeout": seconds,
    }


def _answer(word: str, label: str) -> str:
    """A page of ours, whose button opens Tines' link: who only opens the links of a mail answers nothing."""
    return f'{_URL}/answer?said={quote(label)}&amp;to=<<BASE64URL_ENCODE(PROMPT("{word}"))>>'


def _status(title: str) -> str:
    return f"<<{_slug(title)}.prompt.status>>"


def _slug(title: str) -> str:
    """How an action's name is written in a reference: only names of letters and spaces are referred to."""
    return title.lower().replace(" ", "_")
