"""What is asked of search engines stays within what they take."""

import json

import pytest

from exfilwatch.detection.load import load
from exfilwatch.rules.packs import pack
from exfilwatch.siem.elastic_ask import queries
from exfilwatch.siem.elastic_indices import Index, indices
from exfilwatch.siem.elastic_times import TimeFields
from exfilwatch.siem.queries.elastic_clauses import Counting
from exfilwatch.siem.siem import Ask, Clock, Near

RULES = tuple(load([pack("exfil")]).rules)
TIMES = TimeFields("@timestamp", "event.ingested")
PROCESS = ("executable", "command_line", "name", "args", "parent.executable", "parent.command_line", "parent.name")
DATA = (
    "Image",
    "CommandLine",
    "ParentImage",
    "ParentCommandLine",
    "DestinationIp",
    "TargetFilename",
    "ScriptBlockText",
)
FIELDS = [
    *(f"process.{name}" for name in PROCESS),
    *(f"winlog.event_data.{name}" for name in DATA),
    *("winlog.channel", "winlog.computer_name", "host.name", "host.hostname", "agent.name", "event.code"),
]
KINDS = {
    "wildcard": {"type": "wildcard", "ignore_above": 1024},
    "keyword": {"type": "keyword", "ignore_above": 1024},
    "text": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}},
}


def index(kind: str) -> Index:
    properties = dict.fromkeys(FIELDS, KINDS[kind]) | {"@timestamp": {"type": "date"}}
    (found,) = indices(json.dumps({"logs-a": {"mappings": {"properties": properties}}}).encode())
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rules", [RULES, RULES * 2, None], ids=["the pack", "many rules", "no rules"])
def test_no_query_has_more_conditions_than_the_servers_take(kind, rules):
    near = tuple(Near(f"ws-{n}.corp.example {'a b ' * (n % 60)}", n, n + 1) for n in range(200))
    for ask in (Ask(Clock.EVENT, 0, 1, rules), Ask(Clock.EVENT, None, None, rules, near)):
        made = queries(ask, [index(kind)], TIMES)
        assert made
        assert max(map(Counting(index(kind).mapping).clauses, made)) <= 1024


def test_every_host_is_in_one_of_the_queries():
    near = tuple(Near(f"ws{n}", n, n + 1) for n in range(500))
    made = json.dumps(queries(Ask(Clock.EVENT, None, None, None, near), [index("keyword")], TIMES))
    assert all(f'"ws{n}"' in made for n in range(500))
