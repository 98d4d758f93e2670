"""Actions on what is kept: list, get, mark."""

import pytest

from exfilwatch.errors import ConfigError
from exfilwatch.findings.finding import Finding
from exfilwatch_playbooks.actions.context import Context

from .kept import did


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({}, 2),
        ({"host": "ws-07.corp.example", "user": "anna"}, 2),
        ({"host": "ws-08"}, 0),
        ({"limit": "1"}, 1),
        ({"since": "3h", "until": "2026-03-12T09:00:20Z"}, 1),
        ({"level": "High"}, 2),
        ({"level": "critical"}, 0),
    ],
)
def test_findings_are_listed(given: dict[str, object], count: int, kept: list[Finding], work: Context) -> None:
    answer = did("list_findings", work, **given)
    assert len(answer.findings) == count
    assert all(each.evidence.startswith("bitsadmin /transfer") for each in answer.findings)


def test_a_finding_is_whole(kept: list[Finding], work: Context) -> None:
    answer = did("get_finding", work, finding=kept[0].id[:8])
    assert answer.finding == kept[0]
    assert kept[0].id in work.store.incident(answer.incident).findings
    with pytest.raises(ConfigError, match="no finding has an id that starts with 'ffff'"):
        did("get_finding", work, finding="ffff")


def test_a_disposition_is_kept_once(kept: list[Finding], work: Context) -> None:
    given = {"finding": kept[0].id, "disposition": "benign", "why": " our backup "}
    tried = did("set_disposition", work, **given, dry_run=True)
    assert (tried.changed, work.store.marks([kept[0].id])) == (True, {})
    assert did("set_disposition", work, **given).changed
    mark = work.store.marks([kept[0].id])[kept[0].id]
    assert (mark.disposition, mark.why) == ("benign", "our backup")
    again = did("set_disposition", work, **given)
    assert (again.changed, again.before) == (False, "benign")
    assert work.store.marks([kept[0].id])[kept[0].id] == mark
    assert did("set_disposition", work, **given | {"disposition": "true-positive"}).before == "benign"
    with pytest.raises(ConfigError, match="why: say why"):
        did("set_disposition", work, finding=kept[0].id, disposition="benign", why=" ")
