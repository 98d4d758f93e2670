"""What is sent to GitHub, Jira Cloud and PagerDuty is what their own OpenAPI documents allow."""

import asyncio

import httpx
import pytest

from exfilwatch.findings.incident import group
from exfilwatch_playbooks.cases.body import draft, news
from exfilwatch_playbooks.cases.case import Attachment
from exfilwatch_playbooks.cases.github import GitHub
from exfilwatch_playbooks.cases.jira import Jira
from exfilwatch_playbooks.cases.pagerduty import PagerDuty
from exfilwatch_playbooks.cases.system import Created, Tracker

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from ..servers.npm import published  # noqa: TID252
from ..servers.unavailable import Unavailable, leave_out  # noqa: TID252
from .contract import Contract, kept
from .drafted import a_draft
from .fakes import github, jira
from .fakes.fake import SECRET

_ISSUES = "/repos/{owner}/{repo}/issues"
_JIRA = "/rest/api/3"


async def everything(system: Tracker) -> None:
    """All that is ever asked of a case system."""
    first, later = make("a"), make("b", 5)
    (incident,) = group([first])
    wanted = draft(incident, [first], renderer=system.renderer)
    await system.probe()
    made = [await system.create(wanted) for _ in range(2)]
    ids = [each.case_id for each in made if isinstance(each, Created)]
    await system.converge(wanted.key, ids[1])
    (both,) = group([first, later])
    await system.add_note(ids[0], news(both, [first], [later], level="high", renderer=system.renderer))
    for status in ("closed", "open"):
        await system.set_status(ids[0], status)
    if system.capabilities.attachments:
        await system.attach(ids[0], Attachment(stem="e", suffix=".jsonl", media="application/x-ndjson", content=b"{}"))


def test_github_takes_the_form_of_every_request():
    try:
        file = published("@octokit/openapi", "23.0.2", "generated/api.github.com.json")
    except Unavailable as error:
        leave_out(error)
    used = ("/repos/{owner}/{repo}", _ISSUES, f"{_ISSUES}/{{issue_number}}", f"{_ISSUES}/{{issue_number}}/comments")
    contract = Contract(file, "https://api.github.com", *used)
    fake = github.GitHub()
    settings = {"kind": "github", "repository": "corp/cases", "token": SECRET, "labels": "soc"}
    asyncio.run(everything(GitHub("tracker", GitHub.Settings.model_validate(settings), transport=fake.transport)))
    assert len(fake.requests) > 15
    assert [wrong for each in fake.requests if (wrong := contract.broken(each))] == []
    odd = httpx.Request("PATCH", "https://api.github.com/repos/a/b/issues/1", json={"state": "done"})
    assert contract.broken(odd)


def test_jira_cloud_takes_the_form_of_every_request():
    try:
        file = kept("jira-v3.json", "developer.atlassian.com/cloud/jira/platform/swagger-v3.v3.json")
    except Unavailable as error:
        pytest.skip(str(error))  # no registry has it: it is no server that CI could start
    issue = f"{_JIRA}/issue/{{issueIdOrKey}}"
    used = [f"{_JIRA}/{each}" for each in ("myself", "mypermissions", "search/jql", "issue", "issueLink")]
    used.append(f"{_JIRA}/attachment/content/{{id}}")
    used += [issue, *(f"{issue}/{each}" for each in ("comment", "transitions"))]
    contract = Contract(file, "https://corp.atlassian.net", *used)
    fake = jira.Jira()
    settings = {"kind": "jira", "url": "https://corp.atlassian.net", "project": "SOC", "user": "soc@corp.test"}
    configured = Jira.Settings.model_validate({**settings, "token": SECRET})
    asyncio.run(everything(Jira("tracker", configured, transport=fake.transport)))
    # A file is sent as a form, which the document calls an array.
    asked = [each for each in fake.requests if not each.url.path.endswith("/attachments")]
    assert len(asked) > 15
    assert [wrong for each in asked if (wrong := contract.broken(each))] == []
    assert contract.broken(httpx.Request("POST", "https://corp.atlassian.net/rest/api/3/issueLink", json={"type": 1}))


def test_pagerduty_takes_the_form_of_every_event():
    try:
        file = kept("pagerduty-events-v2.json", "github.com/PagerDuty/api-schema, reference/events-v2/openapiv3.json")
    except Unavailable as error:
        pytest.skip(str(error))  # no registry has it: it is no server that CI could start
    contract = Contract(file, "https://events.pagerduty.com/v2", "/enqueue")
    sent: list[httpx.Request] = []

    def taken(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(202, json={"status": "success", "message": "Event processed"})

    settings = PagerDuty.Settings.model_validate({"kind": "pagerduty", "routing_key": "0" * 32})

    async def told(system: PagerDuty) -> None:
        wanted = a_draft()
        await system.probe()
        await system.create(wanted)
        await system.set_status(wanted.key, "closed")
        await system.set_status(wanted.key, "open")

    asyncio.run(told(PagerDuty("pager", settings, transport=httpx.MockTransport(taken))))
    assert len(sent) == 4
    assert [wrong for each in sent if (wrong := contract.broken(each))] == []
    assert contract.broken(httpx.Request("POST", "https://events.pagerduty.com/v2/enqueue", json={"event_action": "x"}))


@pytest.mark.parametrize("name", ["no-such-file.json"])
def test_a_document_that_is_not_there_is_told_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.setenv("EXFILWATCH_OPENAPI", str(tmp_path))
    with pytest.raises(Unavailable, match="put it into"):
        kept(name, "somewhere")
