"""Drafts to test with."""

from typing import Any

from exfilwatch.findings.incident import group
from exfilwatch_playbooks.cases.body import draft
from exfilwatch_playbooks.cases.case import Draft

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)


def a_draft(text: str = "curl -T a.zip http://x.test/", name: str = "a", **more: Any) -> Draft:
    """The case of one finding with this command line."""
    finding = make(name, CommandLine=text, **more)
    (incident,) = group([finding])
    return draft(incident, [finding])
