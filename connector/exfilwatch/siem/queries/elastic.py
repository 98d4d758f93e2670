"""Rules as one query of Elasticsearch's and OpenSearch's query DSL."""

from collections.abc import Sequence

from exfilwatch.detection.rule import Rule
from exfilwatch.siem.queries.elastic_mapping import ElasticMapping


def query(rules: Sequence[Rule], mapping: ElasticMapping) -> dict[str, object]:  # noqa: ARG001 until it is written
    """A query, for `bool.filter`, that every document on which one of `rules` fires fulfils."""
    return {"match_all": {}}
