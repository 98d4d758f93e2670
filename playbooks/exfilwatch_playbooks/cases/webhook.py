"""A webhook of one's own: CloudEvents 1.0 in structured mode, signed as Standard Webhooks are.

A receiver checks `webhook-signature` (HMAC-SHA-256 of id, timestamp and body with dots between, as `v1,` and Base64)
and that `webhook-timestamp` is not old, and leaves out what has an `id` that it has: after an answer that was lost, the
same event comes again with the same id. Anything but 2xx is told again by the next run.
Source: github.com/cloudevents/spec (HTTP binding), standardwebhooks.com.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from exfilwatch_playbooks.cases.case import Attachment, Draft, Note, Status
from exfilwatch_playbooks.cases.http import Http, Transport
from exfilwatch_playbooks.cases.oneway import OneWay
from exfilwatch_playbooks.cases.render.markdown import MARKDOWN
from exfilwatch_playbooks.cases.settings import Remote
from exfilwatch_playbooks.cases.system import Account, Capabilities

_TYPE = "io.exfilwatch.case."
TAKEN = frozenset({200, 201, 202, 204})


def _long(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < 24:
        raise ValueError("is too short to sign with: take at least 24 random characters")
    return secret


class WebhookSettings(Remote):
    """`url`: where events are posted. `secret`: what they are signed with, known to the receiver; as Standard Webhooks
    write them (whsec_ and Base64), or any text. `source`: the events' source, a URI.
    """

    lacks = MappingProxyType(
        dict.fromkeys(("labels", "assignee", "severity"), "the receiver decides on that: use `fields` to tell it")
    )
    secret: Annotated[SecretStr, AfterValidator(_long)]
    source: str = "urn:exfilwatch"


class Webhook(OneWay):
    """Posts what happens to cases."""

    kind = "webhook"
    renderer = MARKDOWN
    capabilities = Capabilities(reads_notes=False)
    Settings = WebhookSettings

    def __init__(
        self,
        name: str,
        settings: WebhookSettings,
        _store: object = None,
        *,
        transport: Transport = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(name, settings)
        self._set = settings
        self._clock = clock
        self._http = Http(name, settings, transport=transport)

    async def probe(self) -> Account:
        """An event of the type `io.exfilwatch.case.test`, which the receiver answers with 2xx if it takes the
        signature.
        """
        await self._send("test", "test", {}, self._clock().isoformat())
        return Account(who="signed events", where=self._set.url)

    async def tell_opened(self, draft: Draft) -> None:
        """`opened`."""
        said = {
            "key": draft.key,
            "incident": draft.incident,
            "title": draft.title,
            "level": draft.level,
            "body": draft.body,
            "fields": draft.fields,
            "findings": list(draft.findings),
            "follows": draft.follows,
        }
        await self._send("opened", draft.key, said, draft.mark)

    async def tell_note(self, case_id: str, note: Note) -> None:
        """`noted`."""
        await self._send("noted", case_id, {"key": case_id, **note.model_dump(mode="json")}, note.key)

    async def tell_status(self, case_id: str, status: Status) -> None:
        """`status`."""
        await self._send("status", case_id, {"key": case_id, "status": status}, f"{status} {self._clock().isoformat()}")

    async def tell_file(self, case_id: str, attachment: Attachment) -> None:
        """`file`, in Base64."""
        said = {
            "key": case_id,
            "name": attachment.name,
            "media": attachment.media,
            "sha256": attachment.checksum,
            "content": base64.b64encode(attachment.content).decode("ascii"),
        }
        await self._send("file", case_id, said, attachment.checksum)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _send(self, what: str, subject: str, said: Mapping[str, object], mark: str) -> None:
        name = event_id(what, subject, mark)
        content, headers = event(self._set, name, f"{_TYPE}{what}", subject, said, self._clock())
        await self._http.change("POST", self._set.url, content=content, headers=headers, accept=TAKEN)


def event_id(*texts: str) -> str:
    """The same for the same news."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:32]


def event(
    settings: WebhookSettings,
    name: str,
    kind: str,
    subject: str,
    said: Mapping[str, object],
    now: datetime,
    happened: datetime | None = None,
) -> tuple[bytes, dict[str, str]]:
    """An event's body and headers, sent `now`: its id is `name`, its type `kind`."""
    told = {
        "specversion": "1.0",
        "id": name,
        "source": settings.source,
        "type": kind,
        "subject": subject,
        "time": (happened or now).isoformat(),
        "datacontenttype": "application/json",
        "data": said,
    }
    # ASCII only: lone surrogates of hostile text have no UTF-8.
    body, stamp = json.dumps(told).encode("ascii"), str(int(now.timestamp()))
    return body, {
        "Content-Type": "application/cloudevents+json",
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": signature(settings.secret.get_secret_value(), name, stamp, body),
    }


def signature(secret: str, name: str, stamp: str, body: bytes) -> str:
    """What a receiver compares with, in constant time (hmac.compare_digest)."""
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    digest = hmac.new(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode('ascii')}"
