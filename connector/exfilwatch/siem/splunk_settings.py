"""Settings of Splunk."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from exfilwatch.siem.connection import Condition, Connection, Duration, Texts, Token


class SplunkSettings(Connection):
    """`token`, or `user` and `password`. `indexes`, `sourcetypes`, `search`: where to look, all of these; `search` is a
    condition in SPL. `app`: in whose context to search. `fields`: what to fetch beside `_raw` and where it came from.
    `reach`: how much older than its indexing an event may be (default: any age; less makes searches cheaper).
    `stream`: one export instead of a job with pages. `page`, `cap`: results in one answer, and in one search.
    `patience`: for one search. `ignore_messages`: parts of messages that have nothing to do with missing results.
    """

    kind: Literal["splunk"] = "splunk"
    token: Token | None = None
    user: str | None = None
    password: SecretStr | None = None
    indexes: Annotated[Texts, Field(min_length=1)]
    sourcetypes: Texts = ()
    search: Condition = ""
    app: str | None = None
    fields: Texts = ("*",)
    reach: Duration | None = None
    stream: bool = False
    page: Annotated[int, Field(ge=1, le=50_000)] = 5_000
    cap: Annotated[int, Field(ge=1)] = 500_000
    patience: Duration = timedelta(minutes=10)
    ignore_messages: Texts = ()

    @field_validator("fields")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(set('|,"[]`\\') & set(name) for name in value):
            raise ValueError("give names of fields, * for any characters")
        return value

    @model_validator(mode="after")
    def _has_credentials(self) -> "SplunkSettings":
        if (self.token is None) == (self.user is None or self.password is None):
            raise ValueError("give token, or user and password")
        return self
