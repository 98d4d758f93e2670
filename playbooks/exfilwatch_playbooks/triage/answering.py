"""Answers to questions of a platform that are links in a mail: a page of ours stands before each.

Programs that check mails open the links in them, and so would answer. They send no forms: whoever presses the button
of the page is sent on, to the hosts of the settings only. Nothing is asked from here, and nobody has to be logged in.
"""

import base64
import binascii
import re
from collections.abc import Collection
from typing import NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from exfilwatch_playbooks.service.access import service
from exfilwatch_playbooks.service.problems import Refused
from exfilwatch_playbooks.triage.pages import HEADERS, POLICY, page
from exfilwatch_playbooks.triage.visits import from_here, sent

_PATH = "/answer"
_LONGEST = 4000
_URL = re.compile(r"https://([a-z0-9.-]{1,253})(/[!-~]*)", re.ASCII)


class Target(NamedTuple):
    """Where an answer goes."""

    url: str
    host: str


def router(made: APIRouter) -> None:
    """The page, and what its button does."""

    @made.get(_PATH)
    def asked(request: Request, to: str = "", said: str = "") -> Response:
        found = target(to, service(request).serve.answers)
        answer = page(request, "answer.html.j2", shown=said, to=to, host=found.host)
        # Browsers hold a form to it also where it is sent on.
        policy = POLICY.replace("form-action 'self'", f"form-action 'self' https://{found.host}")
        answer.headers["Content-Security-Policy"] = policy
        return answer

    @made.post(_PATH)
    async def answered(request: Request) -> Response:
        from_here(request)
        fields = await sent(request)
        found = target(fields.get("to", ""), service(request).serve.answers)
        return RedirectResponse(found.url, 303, headers=HEADERS | {"Referrer-Policy": "no-referrer"})


def target(written: str, hosts: Collection[str]) -> Target:
    """Of an address in base64url. Raises Refused for one that answers are not sent to."""
    try:
        url = base64.urlsafe_b64decode(written[:_LONGEST].rstrip("=") + "=" * (-len(written.rstrip("=")) % 4)).decode(
            "ascii"
        )
    except (binascii.Error, ValueError):
        raise Refused("input-wrong", "the link is not whole: open it from the mail once more") from None
    found = _URL.fullmatch(url)
    if found is None or found[1] not in hosts:
        raise Refused("scope-missing", "answers are not sent there: its host is not in answers, under [serve]")
    return Target(url, found[1])
