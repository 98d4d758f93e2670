"""Settings of Sumo Logic."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from exfilwatch.siem.connection import Connection, Duration, Scopes, Texts, Url
from exfilwatch.siem.sumo_search import Ingest


def _endpoint(url: str) -> str:
    """Endpoints are listed with what belongs to each request's path: https://api.eu.sumologic.com/api/."""
    return url.removesuffix("/v1").removesuffix("/api")


class SumoSettings(Connection):
    """`access_id`, `access_key`: who asks. `scopes`: where to look, each a search's scope. `ingest`: which time counts
    as that of taking in. `page`, `cap`: messages in one answer, and in one search. `patience`: for one search.
    `ignore_messages`: parts of messages that have nothing to do with missing results.
    """

    kind: Literal["sumo"] = "sumo"
    url: Annotated[Url, AfterValidator(_endpoint)] = "https://api.sumologic.com"
    access_id: Annotated[str, Field(min_length=1)]
    access_key: SecretStr
    scopes: Annotated[Scopes, Field(min_length=1)]
    ingest: Ingest = "searchable"
    at_once: Annotated[int, Field(ge=1, le=10)] = 4
    page: Annotated[int, Field(ge=1, le=10_000)] = 5_000
    cap: Annotated[int, Field(ge=1)] = 100_000
    patience: Duration = timedelta(minutes=10)
    ignore_messages: Texts = ()
