"""Settings that every SIEM over HTTP has. Secrets are never shown, in no error and no repr."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from exfilwatch.duration import duration

Duration = Annotated[timedelta, BeforeValidator(duration)]
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("give it as https://HOST:PORT")
    if parts.username or parts.password:
        raise ValueError("has credentials in it: give them as settings of their own")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("is not encrypted: use https (http is taken for this machine only)")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(_address)]


class Source(BaseModel):
    """Settings of whatever is polled. `kind`: which SIEM. `lookback`: how much before the watermark is read again for
    late records (default: what the SIEM needs).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    kind: str
    lookback: Duration | None = None


class Connection(Source):
    """`ca`: a file of certificates to trust instead of the system's. `fingerprint`: SHA-256 of the server's own
    certificate, which then must be that one. `timeout`: for one answer. `at_once`: queries running at once, at most.
    `clock`: by which time to poll (default: ingest where the SIEM has it). `pushdown`: let the SIEM select
    (`candidates`), give everything (`off`), or score (`score`).
    """

    url: Url
    ca: Path | None = None
    fingerprint: Annotated[str, Field(pattern=r"^[0-9A-Fa-f:]{64,95}$")] | None = None
    proxy: SecretStr | None = None
    timeout: Duration = timedelta(seconds=60)
    at_once: Annotated[int, Field(ge=1, le=64)] = 4
    clock: Literal["ingest", "event"] | None = None
    pushdown: Literal["off", "candidates", "score"] = "candidates"
