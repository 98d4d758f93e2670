"""Takes secrets out of what others say: servers and proxies may send back what they were sent, in whatever form."""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Self
from urllib.parse import quote, quote_plus, unquote, urlsplit

from pydantic import BaseModel, SecretStr

_HIDDEN = "***"


class Mask:
    """Of secrets: as they are, quoted for URLs and JSON, in base64, alone or after one of `names`."""

    @classmethod
    def of(cls, settings: BaseModel) -> Self:
        """Of the secrets in some settings."""
        names = [value for _, value in settings if isinstance(value, str)]
        return cls({text for _, value in settings if isinstance(value, SecretStr) for text in _texts(value)}, names)

    def __init__(self, secrets: Iterable[str], names: Iterable[str] = ()) -> None:
        names = list(names)
        found = {form for secret in secrets for form in _forms(secret, names)}
        self._forms = sorted(found, key=len, reverse=True)

    def __call__(self, said: str, sent: str = "") -> str:
        """The text without them, and without `sent`, the credentials of a request."""
        for form in (sent, *self._forms):
            said = said.replace(form, _HIDDEN) if form else said
        return said


def _texts(secret: SecretStr) -> Iterator[str]:
    """A secret; of one that is a URL, its password too."""
    text = secret.get_secret_value().strip()
    yield text
    try:
        password = urlsplit(text).password
    except ValueError:
        return
    if password:
        yield unquote(password)


def _forms(secret: str, names: Iterable[str]) -> Iterator[str]:
    if not secret:
        return
    yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret), quote(secret, safe="~+"))
    yield from (json.dumps(secret)[1:-1], repr(secret)[1:-1])
    for text in (secret, f":{secret}", *(f"{name}:{secret}" for name in names)):
        coded = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
        yield from (coded, coded.rstrip("="), quote(coded, safe=""), coded.replace("+", "-").replace("/", "_"))
