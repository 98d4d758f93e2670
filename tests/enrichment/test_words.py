"""An enrichment in a case: in every markup, in any room, and hostile text stays text."""

import pytest

from exfilwatch.findings.incident import group
from exfilwatch_playbooks.cases.body import draft, level_of, news
from exfilwatch_playbooks.cases.render.markdown import MARKDOWN
from exfilwatch_playbooks.enrichment.model import Enrichment, Severity, Status, Step
from exfilwatch_playbooks.enrichment.words import severity, tree, words

from ..findings.made import START  # noqa: TID252 (tests are no package on the path)
from ..rendered import RENDERERS, Page  # noqa: TID252
from ..test_hostile import NASTY  # noqa: TID252
from .made import NOW, UPLOAD, fact, make, subject_of

RAISED = Severity(before="medium", after="high", reasons=("destination new in this organisation", "1.2 GB out"))
STEP = Step(
    depth=1, time=START, process_id="7", image="C:\\x\\curl.exe", command_line="curl  -T\na", user="x", evidence=True
)


def made(*facts, severity=RAISED, processes=(), of="") -> Enrichment:
    return Enrichment(of=of or subject_of(UPLOAD).of, time=NOW, facts=facts, severity=severity, processes=processes)


def size(document) -> int:
    return len(MARKDOWN.write(document).encode())


def written(found: Enrichment, room: int = 9_000) -> str:
    return MARKDOWN.write(words(found, room, size))


FOUND = made(
    fact("volume.bytes_out", "1.2 GB", 1.2e9, source="Zeek"),
    fact("prevalence.hosts", "2", 2, items=("WS1", "WS2"), source="corp"),
    fact("asset.role", "Payroll", about="", source="assets.csv"),
    fact("virustotal", about="", status=Status.LATE, reason="no answer within 10 s"),
    fact("abuseipdb", about="", status=Status.NOT_CONFIGURED, reason="off"),
    fact("otx", about="", status=Status.NOT_CONFIGURED, reason="off"),
    processes=(STEP,),
)


def test_it_tells_what_was_found_and_what_was_not():
    text = written(FOUND)
    assert "## What else is known" in text
    assert "1.2 GB" in text
    assert "`WS1` and `WS2`" in text
    assert "**Not known**: virustotal (late: no answer within 10 s)." in text
    assert "Not asked, as not configured: abuseipdb and otx." in text
    assert "> " in text
    assert "curl.exe (7) curl -T a" in text


def test_the_case_says_why_its_severity_changed():
    subject = subject_of(UPLOAD)
    (incident,) = group([UPLOAD])
    case = draft(incident, [UPLOAD], enrichment=FOUND)
    assert case.level == "high"
    assert "**Raised to high** by what was looked up: destination new in this organisation and 1.2 GB out." in case.body
    assert "## What else is known" in case.body
    assert draft(incident, [UPLOAD]).level == "medium"
    assert subject.of == incident.id
    note = news(incident, [], [UPLOAD], level="high", enrichment=FOUND)
    assert "**Raised to high** by what was looked up" in note.text


def test_an_enrichment_of_the_incident_as_it_was_does_not_judge_it_as_it_is():
    (graver,) = group([make("a", level="critical")])
    assert level_of(graver, FOUND) == "critical"


@pytest.mark.parametrize("room", [0, 40, 300, 700, 2_000, 20_000])
def test_it_keeps_to_its_room(room):
    many = [fact("geo.country", "x" * 200, about=f"h{at}.net", items=("y" * 80,) * 12) for at in range(200)]
    found = words(made(*many, processes=(STEP,) * 60), room, size)
    assert size(found) <= room or found == ()


def test_the_tree_is_indented_and_marks_the_evidence():
    root = STEP.model_copy(update={"depth": 0, "evidence": False, "command_line": "", "process_id": "", "image": ""})
    assert tree([root, STEP]).splitlines() == ["  09:00:00 ?", ">   09:00:00 curl.exe (7) curl -T a"]


@pytest.mark.parametrize("hostile", NASTY, ids=range(len(NASTY)))
@pytest.mark.parametrize("render", RENDERERS, ids=lambda render: render.__name__)
def test_hostile_answers_stay_text(render, hostile):
    found = made(
        fact("x.y", hostile, about=hostile, items=(hostile,), source=hostile),
        fact("z", about="", status=Status.FAILED, reason=hostile),
        severity=Severity(before="medium", after="high", reasons=(hostile,)),
        processes=(STEP.model_copy(update={"command_line": hostile, "image": hostile}),),
    )
    page: Page = render(f"{written(found, 20_000)}\n\n{MARKDOWN.write((severity(found.severity),))}")
    assert set(page.tags) <= {"h2", "h3", "p", "strong", "code", "pre", *("table", "thead", "tbody", "tr", "th", "td")}
    assert page.tags["h2"] == 1
