"""OpenCTI: what your platform knows of the indicator: its score, labels and the indicators based on it.

Sent: the indicator, as a GraphQL variable, and the key (`Authorization: Bearer`). Source: https://docs.opencti.io
(reference/api, GraphQL at /graphql: stixCyberObservables with `search`; x_opencti_score is 0 to 100). The search is by
words, so what comes back is compared with what was asked. Quota: none of its own. Terms: your own.
"""

from typing import Annotated

import msgspec
from pydantic import Field

from exfilwatch.errors import SourceError
from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind
from exfilwatch_playbooks.enrichment.model import Answer
from exfilwatch_playbooks.enrichment.service import UNKNOWN, Service, ServiceOptions, graded, text

_QUERY = """\
query Known($search: String) {
  stixCyberObservables(search: $search, first: 10) {
    edges {
      node {
        id
        entity_type
        observable_value
        x_opencti_score
        objectLabel { value }
        indicators { edges { node { name } } }
        ... on StixFile { hashes { algorithm hash } }
      }
    }
  }
}
"""


class OpenCtiOptions(ServiceOptions):
    """`url`: of the platform. `malicious`, `suspicious`: from which score on (0 to 100)."""

    malicious: Annotated[int, Field(ge=1, le=100)] = 70
    suspicious: Annotated[int, Field(ge=1, le=100)] = 40


class _Label(msgspec.Struct, frozen=True):
    value: str = ""


class _Name(msgspec.Struct, frozen=True):
    name: str = ""


class _NameEdge(msgspec.Struct, frozen=True):
    node: _Name


class _Names(msgspec.Struct, frozen=True):
    edges: list[_NameEdge] = []


class _Hash(msgspec.Struct, frozen=True):
    hash: str | None = None


class _Node(msgspec.Struct, frozen=True):
    id: str
    observable_value: str | None = None
    x_opencti_score: int | None = None
    labels: list[_Label] | None = msgspec.field(name="objectLabel", default=None)
    indicators: _Names | None = None
    hashes: list[_Hash] | None = None

    def is_of(self, value: str) -> bool:
        values = [self.observable_value, *(each.hash for each in self.hashes or ())]
        return any(each and each.lower() == value for each in values)


class _Edge(msgspec.Struct, frozen=True):
    node: _Node


class _Edges(msgspec.Struct, frozen=True):
    edges: list[_Edge] = []


class _Data(msgspec.Struct, frozen=True):
    found: _Edges | None = msgspec.field(name="stixCyberObservables", default=None)


class _Error(msgspec.Struct, frozen=True):
    message: str = ""


class _Answer(msgspec.Struct, frozen=True):
    data: _Data | None = None
    errors: list[_Error] | None = None


class OpenCti(Service):
    """opencti.verdict, .score, .indicators"""

    name = "opencti"
    title = "OpenCTI"
    kinds = frozenset(Kind)
    key_header = "Authorization"
    key_prefix = "Bearer "
    also = frozenset()
    Settings = OpenCtiOptions

    async def look_up(self, given: Indicator) -> list[Answer]:
        asked = {"query": _QUERY, "variables": {"search": f'"{given.value}"'}}
        found = await self.ask("POST", "/graphql", _Answer, json=asked)
        if found is None or found.errors:
            said = text(found.errors[0].message) if found and found.errors else "nothing"
            raise SourceError(f"{self.called}: answered {said}: check its `key`, and the account's rights")
        edges = found.data.found.edges if found.data and found.data.found else []
        nodes = [edge.node for edge in edges if edge.node.is_of(given.value)]
        if not nodes:
            return [self.verdict(UNKNOWN)]
        assert isinstance(self.options, OpenCtiOptions)
        score = max(node.x_opencti_score or 0 for node in nodes)
        labels = [label.value for node in nodes for label in node.labels or ()]
        based = [edge.node.name for node in nodes if node.indicators for edge in node.indicators.edges]
        link = f"{self.service.url}/dashboard/observations/observables/{nodes[0].id}"
        answers = [self.verdict(graded(score, self.options.malicious, self.options.suspicious), score, labels, link)]
        answers.append(self.answer("score", "Score", score))
        if based:
            answers.append(self.answer("indicators", "Indicators based on it", len(based), based))
        return answers
