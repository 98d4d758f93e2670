"""Reading files, directories, archives and pipes as blocks of whole records."""

import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch.errors import SourceError
from exfilwatch.events.blocks import Block, FileWindow, StreamWindow, whole_lines
from exfilwatch.events.inputs import Input, open_inputs
from exfilwatch.events.layout import json_records
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report

LINES = [b'{"n": %d, "pad": "%s"}' % (n, b"x" * (n % 50)) for n in range(1, 2001)]
TEXT = b"\n".join(LINES) + b"\n"
SMALL = Limits(block=1024)


def inputs(*paths: Path, report: Report | None = None, limits: Limits = SMALL, replayable: bool = True) -> list[Input]:
    return list(open_inputs([str(path) for path in paths], report or Report(), limits, replayable))


def records(*paths: Path, report: Report | None = None, limits: Limits = SMALL) -> list[bytes]:
    return [
        line.strip() for one in inputs(*paths, report=report, limits=limits) for b in one.blocks() for line in b.lines()
    ]


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def packed(path: Path, packing: str) -> Path:
    if packing == "zip":
        return zipped(path / "a.zip", **{"log.json": TEXT})
    if packing == "gz in zip":
        return zipped(path / "a.zip", **{"log.json.gz": gzip.compress(TEXT)})
    (path / "a.log").write_bytes(gzip.compress(TEXT) if packing == "gz" else TEXT)
    return path / "a.log"


PACKINGS = ["plain", "gz", "zip", "gz in zip"]


@pytest.mark.parametrize("packing", PACKINGS)
def test_blocks_hold_whole_lines_and_nothing_is_lost(tmp_path, packing):
    (one,) = inputs(packed(tmp_path, packing))
    blocks = list(one.blocks())
    assert len(blocks) > 10
    assert all(block.load().endswith(b"\n") for block in blocks)
    assert b"".join(block.load() for block in blocks) == TEXT


@pytest.mark.parametrize("packing", PACKINGS)
def test_lines_have_their_numbers(tmp_path, packing):
    (one,) = inputs(packed(tmp_path, packing))
    numbered = [(block.first + i, line) for block in one.blocks() for i, line in enumerate(block.lines())]
    assert numbered == list(enumerate(LINES, 1))


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_dropped_block_is_read_again(tmp_path, packing):
    (one,) = inputs(packed(tmp_path, packing))
    blocks = list(one.blocks())
    for block in blocks:
        block.drop()
        assert block.data is None
    assert b"".join(block.load() for block in reversed(blocks[::2])) == b"".join(
        block.load() for block in reversed(blocks[::2])
    )
    assert b"".join(block.load() for block in blocks) == TEXT


def test_a_block_of_an_archive_keeps_its_data_when_it_cannot_be_read_again(tmp_path):
    (one,) = inputs(packed(tmp_path, "gz"), replayable=False)
    block = next(one.blocks())
    block.drop()
    assert block.data is not None


def test_a_file_that_became_shorter_cannot_be_read_again(tmp_path):
    path = packed(tmp_path, "plain")
    (one,) = inputs(path)
    block = list(one.blocks())[-1]
    block.drop()
    os.truncate(path, 100)
    with pytest.raises(SourceError, match="became shorter"):
        block.load()


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=40), st.integers(1, 64))
def test_any_lines_come_back_whatever_the_sizes_of_blocks_and_chunks(lines, size):
    text = b"\n".join(lines)
    chunks = [text[i : i + size] for i in range(0, len(text), size)]
    found = list(whole_lines(StreamWindow(chunks), Limits(block=size, max_line=10_000), pytest.fail))
    assert b"".join(data for _, data, _ in found) == text
    assert all(data.endswith(b"\n") for _, data, _ in found[:-1])
    assert [first for first, _, _ in found] == [
        1 + b"".join(data for _, data, _ in found[:position]).count(b"\n") for position in range(len(found))
    ]
    assert [ends for _, _, ends in found] == [data.count(b"\n") for _, data, _ in found]


@pytest.mark.parametrize("window", ["file", "stream"])
def test_a_line_longer_than_the_limit_is_skipped_and_the_rest_is_read(tmp_path, window):
    path = tmp_path / "a.json"
    path.write_bytes(b'{"a":1}\n' + b"x" * 100_000 + b'\n{"b":2}\n' + b"y" * 70_000)
    opened = FileWindow(path) if window == "file" else StreamWindow(io.BytesIO(path.read_bytes()))
    skipped: list[tuple[int, int]] = []
    limits = Limits(block=1024, max_line=50_000)
    found = list(whole_lines(opened, limits, lambda number, size: skipped.append((number, size))))
    assert found == [(1, b'{"a":1}\n', 1), (3, b'{"b":2}\n', 1)]
    assert skipped == [(2, 100_001), (4, 70_000)]
    if isinstance(opened, FileWindow):
        opened.close()


def test_a_long_line_within_the_limit_makes_a_large_block(tmp_path):
    long = json.dumps({"a": "x" * 3_000_000}).encode()
    (tmp_path / "a.json").write_bytes(b"{}\n" + long + b"\n{}")
    report = Report()
    assert records(tmp_path / "a.json", report=report) == [b"{}", long, b"{}"]
    assert not report.problems


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_order_marks_and_utf_16_are_understood(tmp_path, codec, end):
    text = f'{{"a": "grüße"}}{end}{{"b": "𝄞"}}{end}'
    mark = "\ufeff" if codec in ("utf-16-le", "utf-16-be") else ""
    (tmp_path / "a.json").write_bytes((mark + text).encode(codec))
    assert [json.loads(record) for record in records(tmp_path / "a.json")] == [{"a": "grüße"}, {"b": "𝄞"}]


ROWS: list[dict[str, object]] = [{"a": 1, "t": "x\ny [{"}, {"a": 2, "t": '}\\"'}]
COLUMNS = [{"name": "a", "type": "long"}, {"name": "t", "type": "string"}]
CONTAINERS = {
    "array": ROWS,
    "Graph": {"schema": [{"name": "a"}], "results": ROWS},
    "Defender": {"Stats": {}, "Schema": [], "Results": ROWS},
    "Log Analytics": {"tables": [{"name": "T", "columns": COLUMNS, "rows": [list(row.values()) for row in ROWS]}]},
    "Kusto": {
        "Tables": [
            {"TableName": "T", "Columns": [{"ColumnName": "a"}, {"ColumnName": "t"}], "Rows": [[1, "x\ny [{"]]},
            {"TableName": "U", "Columns": [{"ColumnName": "a"}, {"ColumnName": "t"}], "Rows": [[2, '}\\"']]},
        ]
    },
    "ES|QL": {"took": 3, "columns": COLUMNS, "values": [list(row.values()) for row in ROWS]},
    "OpenSearch SQL": {"schema": COLUMNS, "datarows": [list(row.values()) for row in ROWS], "total": 2, "status": 200},
    "Azure": {"records": ROWS},
    "OData": {"@odata.context": "x", "value": ROWS},
    "Elasticsearch": {
        "took": 1,
        "hits": {"total": 2, "hits": [{"_index": "i", "_id": "1", "_source": r} for r in ROWS]},
    },
    "Splunk": {"preview": False, "init_offset": 0, "results": ROWS},
    "Sumo Logic": {"fields": [], "messages": [{"map": row} for row in ROWS]},
}


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("packing", ["plain", "gz"])
def test_a_container_of_records_is_unwrapped_to_one_record_per_line(tmp_path, name, indent, packing):
    text = json.dumps(CONTAINERS[name], indent=indent).encode()
    (tmp_path / "a.json").write_bytes(gzip.compress(text) if packing == "gz" else text)
    assert [json.loads(record) for record in records(tmp_path / "a.json")] == ROWS


@pytest.mark.parametrize("indent", [None, 2])
def test_the_record_numbers_that_evtx_dump_writes_are_no_records(tmp_path, indent):
    (tmp_path / "a").write_text(
        "".join(f"Record {n}\n{json.dumps(row, indent=indent)}\n" for n, row in enumerate(ROWS))
    )
    assert [json.loads(record) for record in records(tmp_path / "a")] == ROWS
    xml = '<?xml version="1.0" encoding="utf-8"?>\n<Event><System/></Event>\n'
    (tmp_path / "b").write_text("".join(f"Record {n}\n{xml}" for n in range(3)))
    assert records(tmp_path / "b") == [b"<Event><System/></Event>"] * 3


@pytest.mark.parametrize(
    "lines",
    [
        [{"preview": False, "offset": n, "result": row} for n, row in enumerate(ROWS)],
        [{"_index": "i", "_id": str(n), "_source": row} for n, row in enumerate(ROWS)],
        [{"_index": "i", "_id": str(n), "fields": {k: [v] for k, v in row.items()}} for n, row in enumerate(ROWS)],
        [
            {"_index": "i", "_id": str(n), "_source": {}, "fields": {k: [v] for k, v in row.items()}}
            for n, row in enumerate(ROWS)
        ],
        [{"records": [row]} for row in ROWS],
    ],
    ids=["Splunk export", "elasticdump", "hits with fields", "hits with an empty source", "Azure"],
)
def test_records_wrapped_line_by_line_are_unwrapped_and_a_broken_line_costs_only_itself(tmp_path, lines):
    texts = [json.dumps(line) for line in lines]
    (tmp_path / "a.json").write_text("\n".join([texts[0], '{"brok', texts[1]]))
    first, broken, second = records(tmp_path / "a.json")
    assert [json.loads(first), json.loads(second)] == ROWS
    assert broken == b'{"brok'


def test_objects_over_many_lines_one_after_the_other_become_one_line_each(tmp_path):
    (tmp_path / "a.json").write_text("\n".join(json.dumps(row, indent=4) for row in ROWS))
    assert [json.loads(record) for record in records(tmp_path / "a.json")] == ROWS


def test_a_json_lines_file_whose_first_line_is_cut_off_is_still_read_line_by_line(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"a": "cut o\n{"b": 2}\n')
    assert records(tmp_path / "a.json") == [b'{"a": "cut o', b'{"b": 2}']


JSON_OBJECTS = st.lists(
    st.dictionaries(st.text(max_size=5), st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=5)),
    max_size=5,
)


@given(JSON_OBJECTS, st.sampled_from([None, 1]), st.booleans(), st.integers(1, 30))
def test_json_of_any_layout_cut_anywhere_gives_its_objects(objects, indent, as_array, size):
    text = json.dumps(objects, indent=indent) if as_array else "\n".join(json.dumps(o, indent=indent) for o in objects)
    data = text.encode()
    found = json_records([data[i : i + size] for i in range(0, len(data), size)], Limits())
    assert [json.loads(record) for record in found] == objects


def test_an_xml_export_becomes_one_event_per_line_with_its_line_ends_kept(tmp_path):
    head, data = "<System><EventID>1</EventID></System>", "<EventData><Data Name='a'>b\nc</Data></EventData>"
    event = f"<Event\n xmlns='x'>{head}\n{data}</Event>"
    (tmp_path / "a.xml").write_text(f'<?xml version="1.0"?>\n<Events>{event}\n{event}</Events>')
    found = records(tmp_path / "a.xml")
    assert len(found) == 2
    assert b"b&#10;c" in found[0]


def test_a_directory_is_read_recursively_in_sorted_order(tmp_path):
    for name in ("b/2.json", "b/1.json", "a.json", "c.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    found = [Path(one.name).relative_to(tmp_path).as_posix() for one in inputs(tmp_path)]
    assert found == ["a.json", "c.json", "b/1.json", "b/2.json"]


def test_a_member_of_an_archive_is_named_after_both(tmp_path):
    path = zipped(tmp_path / "a.zip", **{"d/x.json": b"{}", "y.json": b"{}"})
    assert [one.name for one in inputs(path)] == [f"{path}!d/x.json", f"{path}!y.json"]


READ_STDIN = """
import sys
from exfilwatch.events.inputs import open_inputs
from exfilwatch.events.limits import Limits
from exfilwatch.events.report import Report
report = Report()
blocks = [b for i in open_inputs(["-"], report, Limits(block=1024), True) for b in i.blocks()]
for block in blocks: block.drop()
sys.stdout.buffer.write(b"".join(block.load() for block in blocks))
print([str(p) for p in report.problems], file=sys.stderr)
"""


@pytest.mark.parametrize("packing", PACKINGS)
def test_standard_input_is_read_whatever_it_is_and_can_be_read_again(tmp_path, packing):
    data = packed(tmp_path, packing).read_bytes()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", READ_STDIN], input=data, capture_output=True, check=True
    )
    assert done.stdout == TEXT
    assert done.stderr.strip() == b"[]"


def test_a_named_pipe_that_is_given_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["sh", "-c", f"echo '{{}}' > '{tmp_path}/pipe'"]):
        assert records(tmp_path / "pipe") == [b"{}"]


def test_a_full_temporary_directory_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    path = packed(tmp_path, "gz")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    (one,) = inputs(path)
    with pytest.raises(SourceError, match="set TMPDIR"):
        list(one.blocks())


def test_a_block_that_was_not_kept_says_so():
    block = Block("-", 1, None, 0)
    with pytest.raises(SourceError, match="only once"):
        block.load()
