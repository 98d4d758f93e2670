"""Any HTTP endpoint by template: your own asset list, a proxy's category look-up, a service that has no file here.

Sent: what the template says, in which `{value}`, `{kind}` (address, name, hash) and `{algorithm}` are put, quoted for
where they stand; there is nothing else that could be put in. Answers are JSON: `answers` names what is taken of it.
`inside = true` says that it is your own, so that it may be asked about private addresses and internal names too.
"""

import json
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field

from exfilwatch.siem.connection import Texts
from exfilwatch_playbooks.enrichment.enricher import Means
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.service import UNKNOWN, KeylessOptions, Service, graded, text


def _kinds(kinds: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := set(kinds) - set(Kind):
        raise ValueError(f"there is no {', '.join(sorted(wrong))}: use address, name, hash")
    return kinds


def _below(path: str) -> str:
    if not path.startswith("/") or path.startswith("//"):
        raise ValueError("give what stands behind the url's host, beginning with one /")
    return path


def _json(body: object) -> object:
    return json.dumps(body) if isinstance(body, dict | list) else body


class HttpOptions(KeylessOptions):
    """`path`, `body` (JSON): templates. `answers`: label = path in the answer, such as {"Owner" = "asset.owner.0"}.
    `verdict`: path of a number, which is malicious from `malicious` on, suspicious from `suspicious` on. `key` is sent
    as the header `key_header`, after `key_prefix`.
    """

    title: str = ""
    method: Literal["GET", "POST"] = "GET"
    path: Annotated[str, AfterValidator(_below)] = "/{value}"
    body: Annotated[str, BeforeValidator(_json)] = ""
    kinds: Annotated[Texts, AfterValidator(_kinds)] = ("address", "name", "hash")
    key_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")] = "Authorization"
    key_prefix: str = ""
    answers: Annotated[dict[str, str], Field(default_factory=dict)]
    verdict: str = ""
    malicious: float = 80
    suspicious: float = 40
    inside: bool = False

    def missing(self) -> str:
        return "" if self.answers or self.verdict else "says of no part of an answer what it is: set `answers`"


class Endpoint(Service):
    """NAME.verdict, NAME.LABEL"""

    name = "http"
    title = "HTTP endpoint"
    kinds = frozenset(Kind)
    Settings = HttpOptions

    def __init__(self, name: str, settings: HttpOptions, means: Means) -> None:
        self._given = settings
        super().__init__(name, settings, means)
        self.outside = not settings.inside

    @property
    def asks(self) -> str:
        return self._given.title or self.called

    def headers(self) -> dict[str, str]:
        key = self._given.key
        sent = {self._given.key_header: f"{self._given.key_prefix}{key.get_secret_value()}"} if key else {}
        return {**sent, **({"Content-Type": "application/json"} if self._given.body else {})}

    async def look_up(self, given: Indicator) -> list[Answer]:
        if given.kind not in self._given.kinds:
            return []
        content = {"content": _filled(self._given.body, given, _in_json)} if self._given.body else {}
        path = _filled(self._given.path, given, lambda value: quote(value, safe=""))
        found = await self.ask(self._given.method, path, msgspec.Raw, **content)
        if found is None:
            return [self._said("verdict", self.asks, UNKNOWN)]
        answer = msgspec.json.decode(found)
        made = []
        if self._given.verdict:
            number = _at(answer, self._given.verdict)
            if isinstance(number, int | float):
                value = graded(number, self._given.malicious, self._given.suspicious)
                made.append(self._said("verdict", self.asks, value, float(number)))
        for label, path in self._given.answers.items():
            value = _at(answer, path)
            if value not in (None, "", [], {}):
                number = float(value) if isinstance(value, int | float) else None
                shown = ", ".join(map(str, value[:10])) if isinstance(value, list) else value
                made.append(self._said(label.lower().replace(" ", "_"), label, text(shown), number))
        return made

    def _said(self, key: str, label: str, value: str, number: float | None = None) -> Answer:
        return Answer(key=f"{self.called}.{key}", label=label, value=value, number=number)


def _filled(template: str, given: Indicator, quoted: Any) -> str:
    for name, value in (("kind", given.kind), ("algorithm", given.algorithm), ("value", given.value)):
        template = template.replace(f"{{{name}}}", quoted(str(value)))
    return template


def _in_json(value: str) -> str:
    return json.dumps(value)[1:-1]


def _at(found: Any, path: str) -> Any:
    """What stands at a path such as data.tags.0; None for nothing."""
    for part in path.split("."):
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found
