"""From a finding that was marked to a filter that silences it, and nothing that matters."""

import json
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.packaged import read_yaml

from .program import Ended, inside

PARENT = r"C:\Program Files\PrintReports\agent.exe"


def upload(host: str, line: str, parent: str = PARENT, user: str = r"CORP\svc_print") -> dict[str, Any]:
    return {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "@timestamp": "2026-03-12T09:00:00.000Z",
        "Hostname": host,
        "Image": r"C:\Windows\System32\curl.exe",
        "CommandLine": line,
        "ParentImage": parent,
        "User": user,
    }


def report(day: int, where: str = "reports.corp.example") -> str:
    return rf"curl.exe -T C:\Reports\2026-03-{day:02}.pdf https://{where}/in"


class Site:
    """A folder with events and a database."""

    def __init__(self, folder: Path, capsys: Any) -> None:
        self.folder, self._capsys = folder, capsys

    def run(self, *events: dict[str, Any]) -> dict[str, str]:
        """Keep the findings of the events; their ids by host."""
        path = self.folder / "events.jsonl"
        path.write_text("".join(f"{json.dumps(event)}\n" for event in events), "utf-8")
        assert self("run", path).code == 0
        return {each["host"]: each["id"] for each in self("findings", "list", "--output", "jsonl").lines}

    def mark(self, finding: str, disposition: str) -> None:
        assert self("findings", "mark", finding, disposition, "--why", "tried").code == 0

    def __call__(self, *arguments: str | Path) -> Ended:
        return inside(self._capsys, *arguments, "--database", self.folder / "kept.sqlite")

    def still_found(self, filters: Path) -> set[str]:
        """The hosts on which something is found with the filters."""
        asked = ("detect", self.folder / "events.jsonl", "--rules", "exfil", "--rules", filters, "--output", "jsonl")
        ended = inside(self._capsys, *asked)
        assert ended.code == 0, ended.err
        return {each["host"] for each in ended.lines}


@pytest.fixture
def site(tmp_path: Path, capsys: Any) -> Site:
    return Site(tmp_path, capsys)


def test_a_mark_is_kept_and_shown(site: Site) -> None:
    ids = site.run(upload("WS1", report(1)))
    site.mark(ids["WS1"][:10], "benign")
    site.mark(ids["WS1"], "false-positive")
    for command in (("list",), ("show", ids["WS1"])):
        (found,) = site("findings", *command, "--output", "jsonl").lines
        assert (found["mark"]["disposition"], found["mark"]["why"]) == ("false-positive", "tried")
        assert "false-positive" in site("findings", *command, "--output", "table").out
    assert site.run(upload("WS1", report(1))) == ids
    assert site("findings", "show", ids["WS1"], "--output", "jsonl").lines[0]["mark"]["disposition"] == "false-positive"


@pytest.mark.parametrize(
    "arguments", [("nope", "benign", "--why", "x"), ("ID", "wrong", "--why", "x"), ("ID", "benign", "--why", " ")]
)
def test_a_mark_that_says_nothing_is_refused(site: Site, arguments: tuple[str, ...]) -> None:
    ids = site.run(upload("WS1", report(1)))
    assert site("findings", "mark", *(ids["WS1"] if each == "ID" else each for each in arguments)).code == 2
    assert "mark" not in site("findings", "show", ids["WS1"], "--output", "jsonl").lines[0]


def test_a_filter_from_false_positives_silences_them_and_no_look_alike(site: Site) -> None:
    ids = site.run(
        upload("WS1", report(1)),
        upload("WS2", report(2)),
        upload("OTHER-PLACE", report(3, "files.example.net")),
        upload("OTHER-PARENT", report(4), parent=r"C:\Users\anna\agent.exe"),
        upload("OTHER-FILE", r"curl.exe -T C:\Users\anna\plan.docx https://reports.corp.example/in"),
        upload("TWO-PLACES", f"{report(5)} https://files.example.net/"),
        upload("NEXT-DAY", report(6)),
    )
    for host in ("WS1", "WS2"):
        site.mark(ids[host], "false-positive")
    out = site.folder / "filters"
    (made,) = site("tune", "--out", out, "--output", "jsonl").lines
    assert made["why_not"] == ""
    assert set(made["silences"]) == {ids["WS1"], ids["WS2"]}
    assert made["also"] == [ids["NEXT-DAY"]]
    document = read_yaml(Path(made["path"]).read_text("utf-8"))
    known = document["filter"]["known"]
    assert known["ParentImage"] == PARENT
    assert known["transfer.destination"] == "reports.corp.example"
    assert known["CommandLine"] == r"curl.exe -T C:\Reports\2026-03-0*.pdf https://reports.corp.example/in"
    assert inside(site._capsys, "rules", "check", out).code == 0
    assert site.still_found(out) == {"OTHER-PLACE", "OTHER-PARENT", "OTHER-FILE", "TWO-PLACES"}


def test_a_filter_that_hides_a_true_positive_is_refused_and_says_which(site: Site) -> None:
    ids = site.run(upload("WS1", report(1)), upload("WS2", report(2)), upload("WS3", report(3)))
    site.mark(ids["WS1"], "false-positive")
    site.mark(ids["WS2"], "false-positive")
    site.mark(ids["WS3"], "true-positive")
    out = site.folder / "filters"
    (made,) = site("tune", "--out", out, "--output", "jsonl").lines
    assert "true positive" in made["why_not"]
    assert made["true"] == [ids["WS3"]]
    assert made["path"] is None
    assert not out.exists()
    shown = site("tune", "--output", "table").out
    assert "refused" in shown
    assert f"{ids['WS3'][:8]} WS3" in shown


def test_a_bare_name_is_nothing_to_hold_on_to(site: Site) -> None:
    ids = site.run(
        upload("WS1", 'powershell.exe -Command "Compress-Archive C:\\Users\\a C:\\Users\\a.zip"', "agent.exe")
    )
    site.mark(ids["WS1"], "false-positive")
    (made,) = site("tune", "--output", "jsonl").lines
    assert "a name alone can be borrowed" in made["why_not"]
    assert made["document"] == ""


def test_without_a_mark_there_is_nothing_to_propose(site: Site) -> None:
    site.run(upload("WS1", report(1)))
    ended = site("tune", "--output", "jsonl")
    assert (ended.code, ended.lines) == (0, [])
    assert "findings mark" in ended.err


def test_a_burst_that_is_a_false_positive_is_silenced_by_its_members(site: Site) -> None:
    events = [upload("WS1", report(day)) | {"@timestamp": f"2026-03-12T09:00:{day:02}.000Z"} for day in range(1, 31)]
    site.run(*events)
    kept = site("findings", "list", "--output", "jsonl").lines
    assert "Many Uploads Of One Tool To One Destination" in {each["rule"]["title"] for each in kept}
    for each in kept:
        site.mark(each["id"], "false-positive")
    out = site.folder / "filters"
    made = site("tune", "--out", out, "--output", "jsonl").lines
    assert [each["why_not"] for each in made] == [""] * len(made)
    assert site.still_found(out) == set()
