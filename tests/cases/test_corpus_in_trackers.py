"""The corpus in trackers that run here: what was sent is there, whole, in one case for each."""

import asyncio
from typing import Any

import pytest

from exfilwatch.findings.incident import group
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.body import draft
from exfilwatch_playbooks.cases.case import Draft
from exfilwatch_playbooks.cases.system import CaseSystem, Created

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from ..hostile_corpus import CORPUS, LONG  # noqa: TID252
from .trackers import REAL, place


def drafts(system: CaseSystem, step: int) -> list[Draft]:
    """Cases of five texts each: as command line, host, user, file name and URL; and of some of a megabyte."""
    fives = [CORPUS[at : at + 5] for at in range(0, len(CORPUS) - 5, 5)][::step]
    made = []
    for at, (command, host, user, file, url) in enumerate([*fives, *([text] * 5 for text in list(LONG.values())[::6])]):
        others = {"Image": f"C:\\{file}", "TargetFilename": file, "DestinationHostname": url}
        finding = make(f"{system.name} {at}", CommandLine=command, host=host, user=user, source=file, **others)
        (incident,) = group([finding])
        made.append(draft(incident, [finding], renderer=system.renderer))
    return made


@pytest.mark.parametrize(
    "kind", ["local", *(kind for kind in REAL if kind != "roundup-without-key")]
)  # texts are the same
def test_what_was_sent_is_there(kind, request, tmp_path):
    at = place(kind, request.config, Store(str(tmp_path / "s.db")))

    async def story() -> list[Any]:
        system = at.make()
        wrong: list[Any] = []
        try:
            for wanted in drafts(system, 3 if kind in ("local", "roundup") else 15):
                made = await system.create(wanted)
                if not isinstance(made, Created):
                    made = Created((await system.converge(wanted.key, None)).id)  # of a run before
                case = await system.get(made.case_id)
                title = wanted.title
                if kind.startswith("rt") and len(title.encode()) > 160:  # a subject has 200 bytes, the key's among them
                    title = title[: len(case.title)] if len(case.title.encode()) > 140 else title
                same = (case.incident, case.title, case.status, case.level) == (wanted.key, title, "open", "medium")
                if not same or not (wanted.mark in case.marks or case.findings):
                    wrong.append((wanted.title, case.title, case.incident, case.level))
        finally:
            await system.close()
        return wrong

    assert asyncio.run(story()) == []
