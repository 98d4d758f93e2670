"""The fast path (typed rows, screens, joins by host and time) finds what full decoding finds, no more and no less."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exfilwatch.detection.detection import Detection
from exfilwatch.detection.engine import Engine
from exfilwatch.detection.load import load
from exfilwatch.detection.rule import RuleSet
from exfilwatch.events.event import Event
from exfilwatch.events.inputs import Limits, open_inputs
from exfilwatch.events.lines import LineDecoder
from exfilwatch.events.report import Report
from exfilwatch.rules.packs import pack

DATA = Path(__file__).parents[2] / "../shared/data"
LARGE = 300_000
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the shared recordings are not on this machine")

# Rules that are true of much, and of absent, empty, numeric and list values: what a screen could get wrong.
BROAD = """
title: Command lines with a slash, a dash or nothing
id: 0f0f0f0f-0000-4000-8000-000000000001
logsource: {category: process_creation}
detection:
  a: {CommandLine|contains: [' /', ' -']}
  b: {CommandLine: null}
  c: {CommandLine|re: '^.{3,40}$'}
  windows: {Image|endswith: ['.exe', '/bash']}
  filter: {ParentImage|endswith: '\\svchost.exe'}
  condition: (a or b or c) and windows and not filter
---
title: Scored
id: 0f0f0f0f-0000-4000-8000-000000000002
logsource: {category: process_creation}
detection:
  HasExe: {CommandLine|contains: '.exe'}
  HasQuote: {CommandLine|contains: '"'}
  HasDash: {CommandLine|re: '\\s-\\w'}
  Root: {User|endswith: 'SYSTEM'}
  condition: 1 of Has* or Root
exfilwatch:
  score: {threshold: 3, weights: {HasExe: 1, HasQuote: 1, HasDash: 1, Root: 2}}
---
title: Ports
id: 0f0f0f0f-0000-4000-8000-000000000003
logsource: {category: network_connection}
detection:
  a: {DestinationPort: [80, 443, 445]}
  b: {DestinationPort|gt: 1024}
  c: {DestinationIp|cidr: '10.0.0.0/8'}
  none: {Image: null}
  condition: (a or b) and not c or none
---
title: Volume
id: 0f0f0f0f-0000-4000-8000-000000000023
logsource: {category: network_connection}
detection:
  a: {source.bytes|gte: 1000000}
  b: {destination.bytes|lt: 600, source.bytes|gt: 100}
  little: {source.packets|lte: 10}
  outbound: {network.direction: outbound}
  condition: (a or b) and not little and outbound
---
title: Requests
id: 0f0f0f0f-0000-4000-8000-000000000024
logsource: {category: proxy}
detection:
  a: {cs-method: [put, post]}
  b: {cs-bytes|gte: 1000}
  c: {c-useragent|startswith: curl}
  refused: {sc-status|gte: 400}
  condition: a and (b or c) and not refused
---
title: Raw names
id: 0f0f0f0f-0000-4000-8000-000000000004
logsource: {product: windows, service: security}
detection:
  a: {EventID: [4688, 5156]}
  b: {NewProcessName|contains: 'powershell'}
  c: {DestPort: 443}
  condition: a and (b or c)
---
title: Registry
id: 0f0f0f0f-0000-4000-8000-000000000005
logsource: {category: registry_set}
detection:
  a: {TargetObject|contains: ['\\Run', '\\Services\\']}
  b: {Details|exists: true}
  condition: a and b
---
title: Files that are named like programs
id: 0f0f0f0f-0000-4000-8000-000000000006
logsource: {category: file_event}
detection:
  a: {TargetFilename|endswith: ['.exe', '.dll', '.tmp']}
  not_system: {Image|contains: '\\System32\\'}
  condition: a and not not_system
---
title: Scripts
id: 0f0f0f0f-0000-4000-8000-000000000007
logsource: {category: ps_script}
detection:
  a: {ScriptBlockText|contains: ['function', 'iex', 'download']}
  condition: a
---
title: A word anywhere
id: 0f0f0f0f-0000-4000-8000-000000000008
logsource: {product: windows, service: sysmon}
detection:
  keywords: ['mimikatz', 'psexec']
  condition: keywords
---
title: Process and connection of one host
id: 0f0f0f0f-0000-4000-8000-000000000009
correlation: {type: temporal, rules: [program, any_connection], group-by: [Computer], timespan: 20s}
exfilwatch: {emit: pair}
---
title: Program
name: program
id: 0f0f0f0f-0000-4000-8000-00000000000a
logsource: {category: process_creation}
detection:
  a: {Image|endswith: ['\\powershell.exe', '\\rundll32.exe']}
  condition: a
---
title: Any connection
name: any_connection
id: 0f0f0f0f-0000-4000-8000-00000000000b
logsource: {category: network_connection}
detection:
  a: {DestinationIp|re: '^[0-9]'}
  condition: a
"""


@pytest.fixture(scope="module")
def broad(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    path = tmp_path_factory.mktemp("rules") / "broad.yml"
    path.write_text(BROAD, "utf-8")
    return load([path])


def key(detection: Detection) -> tuple[str, tuple[str, ...]]:
    return detection.rule.id, tuple(sorted(event.id for event in detection.events))


def decoded(paths: Iterable[Path], report: Report | None = None) -> Iterator[Event]:
    """Every event, decoded in full."""
    report = report or Report()
    for source in open_inputs([str(path) for path in paths], report, Limits(), replayable=False):
        decoder = LineDecoder(source.name, report)
        for block in source.blocks():
            for number, line in enumerate(block.lines(), block.first):
                yield from decoder.feed(line, number)
        yield from decoder.finish()


def fast(rules: RuleSet, paths: Iterable[Path], limits: Limits | None = None) -> tuple[Counter[Any], Report]:
    report = Report()
    inputs = open_inputs([str(path) for path in paths], report, limits or Limits(), replayable=True)
    return Counter(map(key, Engine(rules, report).run(inputs))), report


def slow(rules: RuleSet, paths: Iterable[Path]) -> Counter[Any]:
    return Counter(map(key, Engine(rules, Report()).detect(decoded(paths))))


@needs_data
def test_both_ways_find_the_same_in_every_recording_with_broad_rules(broad: RuleSet) -> None:
    for path in sorted((DATA / "background").glob("*")):
        if path.suffix in (".zip", ".evtx") and path.stat().st_size < LARGE:  # the largest hold more of the same
            read = Report()
            events = list(decoded([path], read))
            found, report = fast(broad, [path])
            assert found == Counter(map(key, Engine(broad, Report()).detect(events))), path.name
            assert report.events == read.events, path.name


@needs_data
def test_both_ways_find_the_same_with_the_rules_of_others_all_at_once() -> None:
    folder = DATA / "sigma-regression"
    rules = load([path / "rule.yml" for path in sorted(folder.iterdir()) if path.is_dir()])
    files = sorted(folder.glob("*/events.evtx"))
    found, _ = fast(rules, files)
    assert found == slow(rules, files)
    assert len({rule for rule, _ in found}) == len(rules.rules)


@needs_data
def test_both_ways_find_the_same_in_other_shapes(broad: RuleSet) -> None:
    paths = sorted(path for path in (DATA / "shapes").iterdir())
    assert fast(broad, paths)[0] == slow(broad, paths)


# Made-up lines: two forms of Sysmon records, some broken, in any order and cut into blocks anywhere.
IMAGE = st.sampled_from(["C:\\Windows\\powershell.exe", "C:\\rundll32.exe", "C:\\x\\curl.exe", "", "-"])
LINE = st.sampled_from(["a -b c", 'cmd "x.exe" -y', "é -b", "", "x" * 50, "curl.exe /T", "tab\\tnl\\n"])
HOST = st.sampled_from(["ws1", "ws2", "-", ""])
TIME = st.integers(0, 90)


def record(kind: int, host: str, time: int, image: str, line: str, nested: bool, port: object) -> dict[str, Any]:
    stamp = f"2026-01-01T00:{time // 60:02}:{time % 60:02}.000Z"
    data: dict[str, Any] = {"Image": image, "User": "NT AUTHORITY\\SYSTEM"}
    data |= {"CommandLine": line} if kind == 1 else {"DestinationIp": "10.0.0.9" if line else "fe80::1"}
    data |= {"DestinationPort": port} if kind == 3 else {}
    channel = "Microsoft-Windows-Sysmon/Operational"
    if nested:
        return {
            "@timestamp": stamp,
            "winlog": {"channel": channel, "event_id": str(kind), "computer_name": host, "event_data": data},
        }
    return {"Channel": channel, "EventID": kind, "Hostname": host, "@timestamp": stamp, **data}


RECORD = st.builds(
    record, st.sampled_from([1, 3]), HOST, TIME, IMAGE, LINE, st.booleans(), st.sampled_from([80, "443", 9999, None])
).map(json.dumps)
ANY_LINE = st.one_of(RECORD, st.sampled_from(["", "  ", "{", '{"a": 1}', "[]", '{"EventID": 1, "Channel": null}']))


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(ANY_LINE, max_size=25), block=st.sampled_from([64, 300, 1500, 1 << 18]), last=st.booleans())
def test_both_ways_find_the_same_in_made_up_lines_cut_into_blocks_anywhere(
    tmp_path: Path, broad: RuleSet, lines: list[str], block: int, last: bool
) -> None:
    path = tmp_path / "made-up.jsonl"
    # A first line that is no record keeps the file from being taken for one JSON document.
    path.write_text("\n".join(["{}", *lines]) + ("\n" if last else ""), "utf-8")
    found, _ = fast(broad, [path], Limits(block=block))
    assert found == slow(broad, [path])


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(RECORD, min_size=2, max_size=25, unique=True), cut=st.integers(0, 25), data=st.data())
def test_the_order_of_lines_and_the_files_they_stand_in_change_nothing(
    tmp_path: Path, broad: RuleSet, lines: list[str], cut: int, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(lines))
    one, two, three = (tmp_path / name for name in ("1.jsonl", "2.jsonl", "3.jsonl"))
    one.write_text("{}\n" + "\n".join(lines) + "\n", "utf-8")
    two.write_text("{}\n" + "\n".join(shuffled[:cut]) + "\n", "utf-8")
    three.write_text("{}\n" + "\n".join(shuffled[cut:]) + "\n", "utf-8")
    small = Limits(block=600)
    assert fast(broad, [two, three], small)[0] == fast(broad, [one], small)[0]


def test_a_leader_that_comes_after_its_neighbours_were_let_go_is_joined_all_the_same(tmp_path: Path) -> None:
    rules = load([pack("seed")])
    connection = record(3, "ws1", 0, "C:\\x.exe", "", nested=False, port=443) | {"DestinationIp": "203.0.113.9"}
    lines = [connection]
    for hour in range(1, 6):  # the clock goes on: nothing of the first minute stays in memory
        lines += [
            connection | {"@timestamp": f"2026-01-01T{hour:02}:00:{s:02}.000Z", "Hostname": "ws9"} for s in range(60)
        ]
    archive = record(1, "ws1", 30, "C:\\7z.exe", "7z a x.7z C:\\Users\\ann\\Documents", nested=False, port=None)
    path = tmp_path / "late.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in [*lines, archive]), "utf-8")
    found, _ = fast(rules, [path], Limits(block=2000))
    assert found == slow(rules, [path])
    assert len(found) == 1


@pytest.mark.parametrize("packed", ["gz", "plain"])
def test_what_comes_through_a_pipe_or_packed_is_joined_late_as_well(tmp_path: Path, packed: str) -> None:
    rules = load([pack("seed")])
    connection = record(3, "ws1", 0, "C:\\x.exe", "", nested=False, port=443) | {"DestinationIp": "203.0.113.9"}
    lines = [
        connection,
        *[connection | {"@timestamp": f"2026-01-01T{h:02}:00:00.000Z", "Hostname": "w"} for h in range(1, 9)],
    ]
    lines.append(record(1, "ws1", 30, "C:\\7z.exe", "7z a x.7z C:\\Users\\ann\\Documents", nested=False, port=None))
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path = tmp_path / "late.jsonl"
    path.write_bytes(gzip.compress(data) if packed == "gz" else data)
    assert sum(fast(rules, [path], Limits(block=700))[0].values()) == 1
