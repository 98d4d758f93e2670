"""Lists of what is kept, over HTTP, on each kind of database: in pages, each thing once, by their ids and times."""

import base64
from datetime import timedelta

from exfilwatch.findings.listing import Wanted
from exfilwatch.findings.store import Store
from exfilwatch_playbooks.service.holds import Holds

from .asked import Asked, problem
from .databases import url

__all__ = ["url"]


def test_findings_come_in_pages_newest_first_and_each_once(asked: Asked, kept) -> None:
    seen, path = [], "/v1/findings?limit=1"
    while path:
        answer = asked.get(path).json()
        assert len(answer["items"]) == 1
        seen += answer["items"]
        path = f"/v1/findings?limit=1&cursor={answer['next']}" if answer["next"] else ""
    assert [each["id"] for each in seen] == [each.id for each in reversed(kept)]
    assert "bitsadmin" in seen[0]["evidence"].lower()
    assert seen[0]["title"] == kept[-1].rule.title


def test_a_finding_and_its_incident_by_the_beginning_of_their_ids(asked: Asked, kept) -> None:
    found = asked.get(f"/v1/findings/{kept[0].id[:10]}").json()
    assert found["finding"]["id"] == kept[0].id
    incident = asked.get(f"/v1/incidents/{found['incident'][:8]}").json()["incident"]
    assert kept[0].id in incident["findings"]
    assert asked.get(f"/v1/findings?incident={incident['id']}").json()["items"]
    assert asked.get("/v1/incidents").json()["items"][0]["id"] == incident["id"]
    page = asked.get(f"/v1/incidents/{incident['id']}/report")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert incident["id"][:8] in page.text


def test_incidents_by_when_something_of_them_was_first_kept(asked: Asked, kept, url: str) -> None:
    store = asked.service.store
    (first, *_) = store.incidents()
    seen = max(each.first_seen for each in store.page_of_findings(Wanted(incident=first.id)))
    for since, there in ((seen, True), (seen + timedelta(seconds=1), False)):
        asking = since.isoformat().replace("+00:00", "Z")
        found = asked.get(f"/v1/incidents?seen_since={asking}").json()["items"]
        assert (first.id in [each["id"] for each in found]) is there
    later = kept[0].model_copy(update={"id": "f" * 16})
    Store(url, clock=lambda: seen + timedelta(hours=1)).save([later])
    assert [each["id"] for each in asked.get(f"/v1/incidents?seen_since={asking}").json()["items"]] == [first.id]


def test_rules_and_runs_and_cases_are_listed(asked: Asked, kept) -> None:
    rules = asked.get("/v1/rules?limit=10").json()
    assert len(rules["items"]) == 10
    assert "path" not in rules["items"][0]
    more = asked.get(f"/v1/rules?limit=1000&cursor={rules['next']}").json()
    assert more["next"] is None
    assert len({each["id"] for each in rules["items"] + more["items"]}) == len(asked.service.rules().infos)
    assert asked.get("/v1/runs").json() == {"items": [], "next": None}
    incident = asked.get("/v1/incidents").json()["items"][0]["id"]
    opened = asked.act("open_case", {"incident": incident}).json()
    (case,) = asked.get("/v1/cases").json()["items"]
    assert (case["system"], case["incident"], case["case_id"]) == ("local", incident, opened["case_id"])
    assert asked.get(f"/v1/incidents/{incident}").json()["cases"] == [case]


def test_a_platform_gets_each_incident_until_it_has_taken_it(asked: Asked, kept) -> None:
    (handed,) = asked.get("/v1/platforms/xsoar/news").json()["items"]
    assert (handed["known"], len(handed["findings"])) == (False, len(kept))
    incident, ids = handed["incident"]["id"], [each["id"] for each in handed["findings"]]
    assert asked.get("/v1/platforms/xsoar/news").json()["items"] == [handed]
    taken = {"incident": incident, "findings": ids[:1]}
    assert asked("POST", "/v1/platforms/xsoar/taken", json=taken).status_code == 200
    (left,) = asked.get("/v1/platforms/xsoar/news").json()["items"]
    assert (left["known"], [each["id"] for each in left["findings"]]) == (True, ids[1:])
    for _ in range(2):
        assert asked("POST", "/v1/platforms/xsoar/taken", json=taken | {"findings": ids}).json()["findings"] == 2
    assert asked.get("/v1/platforms/xsoar/news").json()["items"] == []
    assert asked.get("/v1/platforms/other/news").json()["items"]
    by_hand = asked("POST", "/v1/platforms/xsoar/taken", json={"incident": incident[:8], "findings": ids})
    assert by_hand.json() == {"incident": incident, "findings": 2}
    unknown = asked("POST", "/v1/platforms/xsoar/taken", json={"incident": "0" * 16})
    assert problem(unknown) == (404, "not-found")
    assert problem(asked("POST", "/v1/platforms/xsoar/taken", json={"incident": 1}))[1] == "input-wrong"


def test_what_is_held_does_not_come_again_for_a_while_or_until_it_is_taken(asked: Asked, kept) -> None:
    news = "/v1/platforms/soar/news"
    (handed,) = asked.get(f"{news}?hold=30").json()["items"]
    assert asked.get(f"{news}?hold=30&limit=1").json()["items"] == []
    assert asked.get(news).json()["items"] == [handed]
    assert asked.get("/v1/platforms/other/news?hold=30").json()["items"] == [handed]
    shared, now = asked.service, asked.service.clock()
    shared.clock = lambda: now + timedelta(minutes=31)
    assert asked.get(f"{news}?hold=30").json()["items"] == [handed]
    incident, (one, *others) = handed["incident"]["id"], [each["id"] for each in handed["findings"]]
    asked("POST", "/v1/platforms/soar/taken", json={"incident": incident, "findings": [one]})
    (left,) = asked.get(f"{news}?hold=30").json()["items"]
    assert [each["id"] for each in left["findings"]] == others


def test_of_two_that_ask_at_once_one_gets_an_incident(asked: Asked, kept) -> None:
    holds, now = Holds(asked.service.store.database, "soar"), asked.service.clock()
    taken = [holds.take(["a", "b", "c"], 2, now, timedelta(minutes=30)) for _ in range(3)]
    assert taken == [{"a", "b"}, {"c"}, set()]
    assert holds.count(now) == 3


def test_who_may_only_read_holds_nothing(asked: Asked, kept) -> None:
    token = asked.made("looks", "read")
    assert asked.get("/v1/platforms/soar/news", token=token).status_code == 200
    assert problem(asked.get("/v1/platforms/soar/news?hold=1", token=token)) == (403, "scope-missing")


def test_hostile_text_is_asked_for_on_each_kind_of_database(asked: Asked, kept) -> None:
    for text in ("%00", "a%00b", "%ed%a0%80", "%f4%90%80%80", "%27%22%3b--", "%25_%5c", "a" * 250):
        for name in ("host", "user", "rule", "incident"):
            assert asked.get(f"/v1/findings?{name}={text}").status_code in (200, 404, 422), (name, text)
        for path in (
            "/v1/incidents?host=",
            "/v1/incidents?user=",
            "/v1/runs?siem=",
            "/v1/audit?who=",
            "/v1/audit?action=",
        ):
            assert asked.get(f"{path}{text}").status_code in (200, 422), (path, text)
        for path in ("/v1/findings/", "/v1/incidents/"):
            assert asked.get(f"{path}{text}").status_code in (404, 422), (path, text)
    for text in ("\0", "a\0b", "\u2028", "'\";--", "\U0001f600" * 100):
        assert asked.act("get_finding", {"finding": text}).status_code in (404, 422), text
        assert asked.act("list_findings", {"host": text}).status_code in (200, 422), text
        mark = {"finding": kept[0].id, "disposition": "benign", "why": text}
        assert asked.act("set_disposition", mark).status_code in (200, 422), text
        assert asked.get(f"/v1/findings/{kept[0].id}").status_code == 200
    for place in ('["2026-01-01T00:00:00+00:00","a\\u0000"]', '[null,"\\ud800"]', '["9999-12-31T23:59:59+00:00",""]'):
        sent = base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")
        for path in ("findings", "incidents", "jobs"):
            assert asked.get(f"/v1/{path}?cursor={sent}").status_code in (200, 422), (path, place)
