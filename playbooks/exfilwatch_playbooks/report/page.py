"""The page: an incident's material laid out by the template, closed against whatever stands in it.

Every text goes through Jinja's escaping, and before that what hides or moves text is spelled out. The page's policy
allows no script, no request and no style but its own, so that even what would get through could do nothing.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import Incident
from exfilwatch_playbooks.hostile import visible
from exfilwatch_playbooks.report.evidence import ROOM

if TYPE_CHECKING:
    from jinja2 import Environment

    from exfilwatch_playbooks.enrichment.model import Enrichment
    from exfilwatch_playbooks.response.plan import Plan

_PACKAGE = "exfilwatch_playbooks.report"


def html(
    incident: Incident,
    findings: Iterable[Finding],
    rules: Mapping[str, RuleInfo],
    enrichment: "Enrichment | None" = None,
    plan: "Plan | None" = None,
    *,
    made: datetime | None = None,
    room: int = ROOM,
) -> str:
    """One HTML file, in UTF-8 less than 5 MB however much the incident holds. `findings` are all that it has.

    `rules` by id bring guides, `enrichment` what was looked up, `plan` what to do; without, the findings' own.
    `made`: when the report was made; without, the page is the same each time. `room`: bytes for raw evidence.
    """
    from exfilwatch_playbooks.report.view import view

    style = resources.files(_PACKAGE).joinpath("templates", "report.css").read_text("utf-8").strip()
    page = templates(_PACKAGE).get_template("report.html.j2")
    return page.render(
        report=view(incident, findings, rules, enrichment, plan, made, room), style=style, policy=policy(style)
    )


def policy(style: str) -> str:
    """The Content-Security-Policy of a page with this style element."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def templates(*packages: str) -> "Environment":
    """The templates of these packages, which escape and spell out whatever they write."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from exfilwatch_playbooks.cases.render.html import write
    from exfilwatch_playbooks.report import markdown, wording

    made = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_spelled,
    )
    made.filters |= {
        "blocks": lambda text: Markup(markdown.blocks(text)),  # noqa: S704 it lets no HTML through
        "document": lambda document: Markup(write(document)),  # noqa: S704 nor does this
        **{
            name: getattr(wording, name)
            for name in (
                "address",
                "amount",
                "clock",
                "counted",
                "day",
                "lasting",
                "listed",
                "minutes",
                "moment",
                "short",
            )
        },
    }
    return made


def _spelled(value: object) -> object:
    """Each value that a template writes, with what hides or moves text spelled out."""
    return visible(value, keep="\n\t") if type(value) is str else value
