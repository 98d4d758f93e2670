"""Which findings become one incident."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch.findings.finding import Finding
from exfilwatch.findings.incident import group

from .made import make

GUID = "{0000-%d-aaaa}"
EXPLORER = {"ParentImage": r"C:\Windows\explorer.exe", "ParentProcessGuid": GUID % 1, "ParentProcessId": 900}


def names(findings: Iterable[Finding]) -> list[str]:
    """The incidents of `findings` as words of their events' names, ordered."""
    findings = list(findings)
    named = {finding.id: finding.events[0].id for finding in findings}
    return sorted("".join(sorted(named[member] for member in incident.findings)) for incident in group(findings))


@pytest.mark.parametrize(
    ("why", "one", "other", "together"),
    [
        ("exactly one window apart", {}, {"minute": 60}, True),
        ("more than one window apart", {}, {"minute": 60.001}, False),
        ("the window counts from the end of the first", {"lasts": 30}, {"minute": 89}, True),
        ("another user", {}, {"user": "CORP\\bob"}, False),
        ("another host", {}, {"host": "WS2"}, False),
        ("domain suffix and case of the host", {}, {"host": "ws1.corp.local"}, True),
        ("a trailing dot", {}, {"host": "WS1.corp.local."}, True),
        ("domain and case of the user", {}, {"user": "ANNA"}, True),
        ("a user principal name", {}, {"user": "anna@corp.local"}, True),
        ("addresses are not cut at the dot", {"host": "10.0.0.1"}, {"host": "10.0.0.2"}, False),
        ("no user, near", {}, {"user": None, "minute": 59}, True),
        ("no user, written as a dash", {}, {"user": "-", "minute": 59}, True),
        ("no user, far", {}, {"user": None, "minute": 61}, False),
        ("no host, one source", {"host": None}, {"host": None}, True),
        ("no host, two sources", {"host": None}, {"host": None, "source": "other.jsonl"}, False),
        ("no time", {"minute": None}, {}, False),
        ("no time, but one process", {"minute": None, "ProcessGuid": GUID % 2}, {"ProcessGuid": GUID % 2}, True),
        ("one process, days apart", {"ProcessGuid": GUID % 2}, {"ProcessGuid": GUID % 2, "minute": 9999}, True),
        (
            "a GUID in other case and without braces",
            {"ProcessGuid": "{AB-1}"},
            {"ProcessGuid": "ab-1", "minute": 999},
            True,
        ),
        ("parent and child", {"ProcessGuid": GUID % 2}, {"ParentProcessGuid": GUID % 2, "minute": 200}, True),
        (
            "children of one shell",
            {"ParentProcessGuid": GUID % 2},
            {"ParentProcessGuid": GUID % 2, "minute": 200},
            True,
        ),
        ("programs started from the desktop", EXPLORER, {**EXPLORER, "minute": 200}, False),
        ("a GUID of zeros is none", {"ProcessGuid": "{0-0}"}, {"ProcessGuid": "{0-0}", "minute": 200}, False),
        ("a process of two users", {"ProcessGuid": GUID % 2}, {"ProcessGuid": GUID % 2, "user": "bob"}, False),
        ("one process id of one day", {"ProcessId": 44}, {"ParentProcessId": "0x2c", "minute": 200}, True),
        ("one process id, the next day", {"ProcessId": 44}, {"ProcessId": "44", "minute": 1440}, False),
        ("the idle process", {"ProcessId": 0}, {"ProcessId": 0, "minute": 200}, False),
        (
            "a process id used again",
            {"ProcessId": 44, "ProcessGuid": GUID % 2},
            {"ProcessId": 44, "ProcessGuid": GUID % 3, "minute": 200},
            False,
        ),
        (
            "a process id, its GUID known once",
            {"ProcessId": 44, "ProcessGuid": GUID % 2},
            {"ProcessId": 44, "minute": 200},
            True,
        ),
    ],
)
def test_two_findings_are_one_incident(why, one, other, together):
    assert names([make("a", **one), make("b", **other)]) == (["ab"] if together else ["a", "b"]), why


def test_neighbours_hang_together_in_a_chain():
    assert names(make(name, minute) for name, minute in [("a", 0), ("b", 50), ("c", 100), ("d", 200)]) == ["abc", "d"]


def test_a_finding_without_user_goes_to_the_nearest_user_and_ties_no_users_together():
    findings = [make("a", 0, user="anna"), make("x", 20, user=None), make("b", 30, user="bob")]
    assert names(findings) == ["a", "bx"]


def test_a_shared_process_outweighs_a_nearer_user():
    anna = make("a", 0, user="anna", ProcessGuid=GUID % 2)
    assert names([anna, make("x", 29, user=None, ProcessGuid=GUID % 2), make("b", 30, user="bob")]) == ["ax", "b"]


def test_findings_without_user_that_hang_together_go_to_one_user():
    findings = [
        make("a", 0, user="anna"),
        make("x", 10, user=None),
        make("y", 60, user=None),
        make("b", 115, user="bob"),
    ]
    assert names(findings) == ["axy", "b"]


def test_findings_without_user_near_nobody_are_an_incident():
    assert names([make("x", 0, user=None), make("y", 10, user=None)]) == ["xy"]


def test_severity_is_the_highest_level_raised_when_two_kinds_agree():
    same = [make("a", level="low"), make("b", level="medium")]
    assert group(same)[0].level == "medium"
    (two_kinds,) = group([*same, make("c", level="low", branch="collection")])
    assert (two_kinds.level, two_kinds.highest, two_kinds.kinds) == ("high", "medium", ("collection", "transfer_tool"))
    assert group([make("a", level="critical"), make("b", branch="collection")])[0].level == "critical"


def test_two_rules_that_read_the_same_events_are_no_two_kinds_of_evidence():
    """As an upload by cron is: one command, by a transfer tool and on a schedule."""
    one = [make("a"), make("a", branch="scheduled_upload")]
    twice = [*one, make("b"), make("b", branch="scheduled_upload")]
    for findings in (one, twice):
        (incident,) = group(findings)
        assert (incident.level, incident.kinds) == ("medium", ("scheduled_upload", "transfer_tool"))
    assert group([*one, make("b")])[0].level == "high"


def test_an_incident_names_its_first_finding_and_spans_all():
    first, last = make("a", 0), make("b", 30, lasts=10, host="ws1.corp.local")
    (incident,) = group([last, first])
    assert incident.findings == (first.id, last.id)
    assert (incident.time, incident.end, incident.host) == (first.time, last.end, "WS1")


_PROCESS = st.sampled_from([None, 4, 5, "0x5"])
_FINDINGS = st.lists(
    st.fixed_dictionaries(
        {
            "minute": st.one_of(st.none(), st.integers(0, 300)),
            "lasts": st.integers(0, 40),
            "user": st.sampled_from([None, "anna", "CORP\\Anna", "bob"]),
            "host": st.sampled_from(["ws1", "WS1.corp.local", None]),
            "ProcessId": _PROCESS,
            "ParentProcessId": _PROCESS,
            "ProcessGuid": st.sampled_from([None, GUID % 1, GUID % 2]),
        }
    ),
    max_size=10,
)


@given(_FINDINGS, st.randoms(use_true_random=False))
def test_the_order_of_findings_changes_nothing(raw, random):
    findings = [make(str(number), **each) for number, each in enumerate(raw)]
    shuffled = random.sample(findings, len(findings))
    assert group(findings) == group(shuffled)


@given(_FINDINGS)
def test_every_finding_is_in_one_incident_and_no_incident_has_two_users_or_hosts(raw):
    findings = [make(str(number), **each) for number, each in enumerate(raw)]
    incidents = group(findings)
    assert sorted(member for incident in incidents for member in incident.findings) == sorted(f.id for f in findings)
    by_id = {finding.id: finding for finding in findings}
    for incident in incidents:
        assert len({(by_id[member].user or "").lower()[-4:] for member in incident.findings} - {""}) <= 1
        assert len({(by_id[member].host or "")[:3].lower() for member in incident.findings}) == 1


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 60)), max_size=12))
def test_with_one_user_the_window_links_exactly_what_pairs_of_gaps_link(spans):
    findings = [make(str(number), minute, lasts=lasts) for number, (minute, lasts) in enumerate(spans)]
    sets = [{finding.id} for finding in findings]
    for one in findings:
        for other in findings:
            if one.id != other.id:
                apart = max(one.time, other.time) - min(one.end, other.end)
                if apart <= timedelta(hours=1):
                    joined = next(s for s in sets if one.id in s) | next(s for s in sets if other.id in s)
                    sets = [s for s in sets if not s & joined] + [joined]
    assert {frozenset(incident.findings) for incident in group(findings)} == {frozenset(s) for s in sets}
