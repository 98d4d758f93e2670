"""The servers that other tests rely on are there and are the ones meant; where they can't be had, one line says why."""

import pytest

from .artifact import fetched
from .java import java_home
from .search_engine import OPENSEARCH, READER, WITHOUT_INDICES
from .server import Account
from .unavailable import Unavailable


def test_opensearch_answers(opensearch):
    with opensearch.client() as client:
        assert client.get("/").json()["version"]["number"] == OPENSEARCH.version


def test_elasticsearch_knows_its_accounts(elasticsearch):
    def status(account):
        with elasticsearch.client(account) as client:
            # No index has such a name: one that another test makes just now answers 503 for a moment.
            return client.get("/logs-none-*/_search").status_code

    assert status(None) == status(READER) == 200
    assert status(WITHOUT_INDICES) == 403
    assert status(Account("admin", "a wrong password")) == 401


def test_a_java_too_old_says_what_to_do():
    with pytest.raises(Unavailable, match=r"^needs Java 999 or later: set JAVA_HOME \(found: .*\)$"):
        java_home(999)


def test_a_missing_maven_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="needs Maven"):
        fetched("org.example", "nothing", "0")
