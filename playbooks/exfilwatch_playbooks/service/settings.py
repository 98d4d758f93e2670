"""[serve] of the settings: how the service listens, and what it takes."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from exfilwatch.errors import ConfigError
from exfilwatch.siem.connection import Duration
from exfilwatch.written import duration, wrong


def _every(value: object) -> object:
    return None if value in (None, "") else duration(value)


class ServeSettings(BaseModel):
    """`host`, `port`: where it listens. `certificate`, `key`: PEM files for TLS. `client_ca`: certificates of whom
    clients must show one of (mTLS). `insecure`: listen beyond this machine without TLS: something in front has it.
    `body`: bytes of a request, at most. `rate`: requests a second of one token, on average. `connections`: so many at
    once. `at_once`: actions that run at once. `drain`: how long what runs may go on when the service ends.
    `poll_every`: poll the SIEMs so often. `look_every`: look so often how each case stands in its case system.
    `webhook`: who is told of incidents, by a name of your own (hooks.py). `answers`: hosts that answers to questions
    are sent on to (triage/answering.py).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8437
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    insecure: bool = False
    body: Annotated[int, Field(ge=1024, le=64 << 20)] = 1 << 20
    rate: Annotated[float, Field(gt=0, le=100_000)] = 300
    connections: Annotated[int, Field(ge=16, le=100_000)] = 1000
    at_once: Annotated[int, Field(ge=1, le=64)] = 8
    drain: Duration = timedelta(seconds=20)
    poll_every: Annotated[timedelta | None, BeforeValidator(_every)] = None
    look_every: Annotated[Duration, Field(ge=timedelta(seconds=1))] = timedelta(minutes=5)
    webhook: Annotated[dict[str, dict[str, Any]], Field(repr=False)] = {}
    answers: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")], ...] = ()

    @classmethod
    def of(cls, table: Mapping[str, Any], **given: object) -> "ServeSettings":
        """Of the table in the settings, and what the command line gives, which wins. Raises ConfigError."""
        told = {name: value for name, value in given.items() if value is not None}
        try:
            return cls.model_validate({**table, **told})
        except ValidationError as error:
            raise ConfigError(f"serve: {wrong(error, cls.model_fields)}") from None
