"""What can be wrong with a search engine's settings, rights, indices and answers: each says what to change."""

import asyncio
import hashlib
import json
import ssl
import time
from contextlib import aclosing

import pytest

from exfilwatch.errors import AuthError, ConfigError, PartialResult, SourceError, Unreachable
from exfilwatch.siem.elastic_pages import Pages
from exfilwatch.siem.registry import open_siem
from exfilwatch.siem.siem import SECOND, Ask, Clock

from ..servers.search_engine import READER, WITHOUT_INDICES, WITHOUT_MAPPINGS  # noqa: TID252 (no package on the path)
from .engines import someone_else

EVERYTHING = Ask(Clock.EVENT)
HOUR = Ask(Clock.EVENT, 0, 3600 * SECOND)
SECRET = "wholly-secret"


def refused(searching, error: type[Exception] = SourceError, ask: Ask = EVERYTHING, **settings: object) -> str:
    """The message of a question that fails, which holds no secret."""
    with pytest.raises(error) as raised:
        searching.fetch(ask, **settings)
    assert SECRET not in repr(raised.value)
    assert READER.password not in repr(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"indices": []}, "indices: "),
        ({"indices": "a b"}, "'a b' is no name or pattern"),
        ({"indices": ["_all"]}, "'_all' is no name or pattern"),
        ({"indices": ["other:logs-*"]}, "is in another cluster"),
        ({"url": "http://search.example:9200"}, "is not encrypted: use https"),
        ({"url": f"https://u:{SECRET}@search.example"}, "has credentials in it"),
        ({"user": "u"}, "give both"),
        ({"slices": 0}, "slices: "),
        ({"pushdown": "score"}, "use candidates or off"),
        ({"indexes": "logs-*"}, "there is no such setting, use "),
    ],
)
@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_a_wrong_setting_says_how_it_should_be(kind, wrong, said):
    settings = {"kind": kind, "url": "https://search.example", "indices": "logs-*"}
    with pytest.raises(ConfigError) as raised:
        open_siem("mine", settings | wrong)
    assert "siem.mine: " in str(raised.value)
    assert said in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("elasticsearch", {}, "say who asks"),
        ("elasticsearch", {"api_key": "k", "user": "u", "password": "p"}, "say who asks"),
        ("opensearch", {"user": "u", "password": "p", "aws_region": "eu-west-1"}, "not both"),
    ],
)
def test_credentials_are_of_one_kind(kind, given, said):
    with pytest.raises(ConfigError, match=said):
        open_siem("mine", {"kind": kind, "url": "https://search.example", "indices": "logs-*", **given})


def test_no_secret_is_shown():
    settings = {"url": "https://search.example", "indices": "logs-*"}
    for siem in (
        open_siem("mine", {"kind": "elasticsearch", "api_key": SECRET, **settings}),
        open_siem("mine", {"kind": "opensearch", "user": "u", "password": SECRET, **settings}),
    ):
        assert SECRET not in repr(siem) + repr(siem.settings) + repr(vars(siem))


def test_a_wrong_password_says_where_to_mend_it(secured):
    secured.create()
    said = refused(secured, AuthError, password=SECRET)
    assert "unable to authenticate user [exfilwatch]" in said
    assert "check the credentials in siem.test" in said


@pytest.mark.parametrize(
    ("account", "action", "privileges"),
    [
        (WITHOUT_INDICES, "open_point_in_time", "[read,all]"),
        (WITHOUT_MAPPINGS, "indices:admin/get", "[view_index_metadata,"),
    ],
)
def test_a_missing_right_says_which_suffices(secured, account, action, privileges):
    index = secured.create()
    said = refused(secured, AuthError, indices=[index], **someone_else(account))
    assert action in said
    assert privileges in said
    assert "`read` and `view_index_metadata`" in said


def test_a_pattern_of_which_the_account_sees_nothing_is_no_empty_answer(secured):
    secured.create()
    said = refused(secured, **someone_else(WITHOUT_INDICES))
    assert "`read` and `view_index_metadata`" in said


def test_a_missing_index_is_named(searching):
    assert f"there is no index {searching.name('none')}" in refused(searching, indices=[searching.name("none")])
    assert "no index is called logs-none-*" in refused(searching, indices=["logs-none-*"])


def test_an_index_without_the_time_field_is_named(searching):
    searching.create("a")
    searching.create("b", mappings={"properties": {"@timestamp": {"type": "keyword"}}})
    searching.put([{"@timestamp": "1970-01-01T00:00:00Z"}], "b")
    said = refused(searching, ConfigError, HOUR)
    assert f"index {searching.name('b')} has no date field @timestamp: set `time_field`" in said


def test_a_closed_index_is_named(searching):
    index = searching.create()
    searching.client.post(f"/{index}/_close").raise_for_status()
    assert f"index {index} is closed: open it" in refused(searching, indices=[index])


def _fingerprint(url: str) -> str:
    host, _, port = url.removeprefix("https://").rpartition(":")
    certificate = ssl.get_server_certificate((host, int(port)))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest()


def test_a_server_is_trusted_by_its_authority_or_as_itself_and_else_not(secured, tmp_path):
    secured.create()
    fingerprint = _fingerprint(secured.server.url)
    assert secured.fetch(EVERYTHING) == []
    assert secured.fetch(EVERYTHING, ca=None, fingerprint=fingerprint) == []
    assert "fingerprint" in refused(secured, SourceError, ca=None, fingerprint="0" * 64)
    with pytest.raises(Unreachable, match="certificate"):
        asyncio.run(_once(secured.settings(ca=None)))


async def _once(settings: dict[str, object]) -> None:
    """One attempt: what is not trusted does not pass with time."""
    siem = open_siem("test", settings)
    try:
        await siem._http._once("GET", "/", frozenset({200}), {})
    finally:
        await siem.close()


def test_a_point_in_time_that_is_gone_is_opened_again(searching, monkeypatch):
    searching.create()
    searching.put({"n": n, "text": "y" * 5_000} for n in range(4_500))

    async def read() -> list[int]:
        siem = open_siem("test", searching.settings())
        found, lost = list[int](), False
        try:
            async with aclosing(siem.fetch(EVERYTHING)) as batches:
                async for records in batches:
                    found += [json.loads(record)["n"] for record in records]
                    if not lost:
                        lost = True
                        for point in siem._points:
                            await siem._close(point)
        finally:
            await siem.close()
        return found

    found = asyncio.run(read())
    assert set(found) == set(range(4_500))


def test_a_point_in_time_that_is_always_gone_is_a_partial_result(searching):
    searching.create()
    searching.put({"n": n, "text": "y" * 5_000} for n in range(4_500))

    async def read() -> None:
        siem = open_siem("test", searching.settings())
        try:
            async with aclosing(siem.fetch(EVERYTHING)) as batches:
                async for _ in batches:
                    for point in siem._points:
                        await siem._close(point)
        finally:
            await siem.close()

    with pytest.raises(PartialResult, match="forgot the search"):
        asyncio.run(read())


def test_no_point_in_time_stays_open(searching):
    index = searching.create()
    searching.put({"n": n} for n in range(5_000))

    async def read_a_little() -> None:
        siem = open_siem("test", searching.settings())
        try:
            async with aclosing(siem.fetch(EVERYTHING)) as batches:
                async for _ in batches:
                    break
        finally:
            await siem.close()

    asyncio.run(read_a_little())
    searching.fetch(EVERYTHING)
    statistics = searching.client.get(f"/{index}/_stats/search").json()
    assert statistics["indices"][index]["total"]["search"]["open_contexts"] == 0


def test_an_index_that_refuses_a_query_is_named(searching):
    searching.create("a")
    searching.put([{"n": 1}], "a")
    searching.create("b", mappings={"properties": {"host": {"properties": {"name": {"type": "keyword"}}}}})
    searching.put([{"n": 2}], "b")
    with pytest.raises(SourceError, match=rf"the query is refused \(index {searching.name('b')}: .*regex.*\)"):
        asyncio.run(_broken(searching))


async def _broken(searching) -> None:
    siem = open_siem("test", searching.settings())
    try:
        async with siem._point() as point:
            # An expression that is longer than this index allows (index.max_regex_length); the other is not asked.
            query = {
                "bool": {"filter": [{"term": {"_index": searching.name("b")}}, {"regexp": {"host.name": "a" * 2000}}]}
            }
            body = {"query": query, "pit": {"id": point, "keep_alive": "1m"}, "sort": [{siem.sort: "asc"}]}
            async with aclosing(Pages("test", siem._search, body, tied=siem.tied).batches()) as batches:
                async for _ in batches:
                    pass
    finally:
        await siem.close()


def test_the_clock_is_the_servers(searching):
    searching.create()
    before = time.time()
    now = searching.ask("now") / SECOND
    assert before - 1 <= now <= time.time() + 1


def test_places_say_what_is_there_and_what_is_wrong(searching):
    searching.create("a")
    searching.put([{"@timestamp": "2025-01-01T12:00:00.123Z"}, {"@timestamp": "2025-01-01T11:00:00Z"}], "a")
    searching.create("b", mappings={"properties": {"@timestamp": {"type": "keyword"}}})
    searching.create("c", refresh_interval="-1")
    searching.create("d", mappings={"properties": {"@timestamp": {"type": "date_nanos"}}})
    searching.put([{"@timestamp": "2025-01-01T12:00:00.123456Z"}], "d")
    wanted = [f"{searching.prefix}-*", searching.name("none"), "logs-none-*"]
    places = {
        place.name.removeprefix(f"{searching.prefix}-"): place for place in searching.ask("places", indices=wanted)
    }
    assert (places["a"].records, places["a"].newest, places["a"].problem) == (2, 1_735_732_800_123_000, "")
    assert "@timestamp is keyword, not a date: set `time_field`" in places["b"].problem
    assert "refresh_interval -1" in places["c"].problem
    assert places["d"].newest in (1_735_732_800_123_000, 1_735_732_800_123_456)
    assert "there is no index" in places["none"].problem
    assert "no index has such a name" in places["logs-none-*"].problem
