"""Settings of SIEMs over HTTP, and of whatever else is asked so. Secrets are never shown, in no error and no repr."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from exfilwatch.written import duration, listed

Duration = Annotated[timedelta, BeforeValidator(duration)]
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _address(url: str) -> str:
    """An address without what may be secret in it: it is shown in messages."""
    parts = _parts(url.strip(), "give it as https://HOST:PORT")
    if parts.username or parts.password:
        raise ValueError("has credentials in it: give them as settings of their own")
    if parts.query or parts.fragment:
        raise ValueError("has a query in it: give the address only")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("is not encrypted: use https (http is taken for this machine only)")
    return url.strip().rstrip("/")


def _proxy(proxy: SecretStr) -> SecretStr:
    _parts(proxy.get_secret_value(), "give it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT")
    return proxy


def _parts(url: str, advice: str) -> SplitResult:
    """What a URL consists of. The messages of urllib hold parts of it, maybe secret ones, and are not passed on."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(advice)
    return parts


def _digits(fingerprint: str) -> str:
    """As openssl writes it (AB:CD:...) or bare."""
    digits = fingerprint.strip().replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits, re.ASCII):
        raise ValueError("give the SHA-256 of the certificate: 64 hexadecimal digits, with or without colons")
    return digits


def _sendable(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("has characters that no header can have: copy it again, without line breaks and quotes")
    return secret


def _one_condition(value: str) -> str:
    if "|" in value or value.count('"') % 2 or value.count("(") != value.count(")"):
        raise ValueError("give a condition as it stands before the first | of a search, with its quotes closed")
    return value


Url = Annotated[str, AfterValidator(_address)]
Token = Annotated[SecretStr, AfterValidator(_sendable)]
"""A secret that is sent in a header as it is."""
Condition = Annotated[str, AfterValidator(_one_condition)]
"""What stands before the first pipe of a search."""
Texts = Annotated[tuple[str, ...], BeforeValidator(listed)]
"""A list; in the environment with commas between."""
Scopes = Annotated[tuple[Condition, ...], BeforeValidator(listed)]
"""Likewise, of conditions."""
Proxy = Annotated[SecretStr, AfterValidator(_proxy)]
Fingerprint = Annotated[str, AfterValidator(_digits)]


class Source(BaseModel):
    """Settings of whatever is polled. `kind`: which SIEM. `lookback`: how much before the watermark is read again for
    late records (default: what the SIEM needs, or by event time as late as records were seen to come, 15m at least).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    kind: str
    lookback: Duration | None = None


class Server(BaseModel):
    """Settings of whatever answers over HTTP. `ca`: a file of certificates to trust instead of the public ones.
    `fingerprint`: SHA-256 of the server's own certificate, which then must be that one. `timeout`: for one answer.
    `at_once`: requests running at once, at most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    url: Url
    ca: Path | None = None
    fingerprint: Fingerprint | None = None
    proxy: Proxy | None = None
    timeout: Duration = timedelta(seconds=60)
    at_once: Annotated[int, Field(ge=1, le=64)] = 4


class Connection(Server, Source):
    """`clock`: by which time to poll (default: ingest where the SIEM has it). `pushdown`: let the SIEM select
    (`candidates`), give everything (`off`), or score (`score`). `late`: how late records may come that still belong
    together with those that came before. `slice`: the longest interval that is asked for at once (default: what the
    SIEM is best asked for).
    """

    clock: Literal["ingest", "event"] | None = None
    pushdown: Literal["off", "candidates", "score"] = "candidates"
    late: Duration = timedelta(days=1)
    slice: Duration | None = None
