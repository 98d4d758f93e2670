"""What Microsoft's SIEMs share: the clouds, the settings of an app registration, and its access tokens.

Sources: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow (the token request) and
/certificate-credentials (the signed assertion); learn.microsoft.com/graph/deployments and
/azure/azure-government/compare-azure-government-global-azure (the clouds).
"""

import asyncio
import base64
import hashlib
import re
import ssl
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple
from urllib.parse import quote

import httpx
import msgspec
from pydantic import Field, SecretStr, model_validator

from exfilwatch.errors import AuthError, ConfigError, RateLimited, SourceError, Unreachable
from exfilwatch.siem.connection import Connection, Duration, Url
from exfilwatch.siem.http import NO_JSON
from exfilwatch.siem.masking import Mask
from exfilwatch.siem.retries import retry_after
from exfilwatch.structs import ready

_EARLY = 300.0  # seconds before its end at which a token is renewed
_ASSERTION_LASTS = 300  # seconds
# Errors that people meet, and what to do: learn.microsoft.com/entra/identity-platform/reference-error-codes
_ADVICE = {
    7000215: "client_secret is wrong: give the secret's value, not its id",
    7000222: "client_secret has expired: make a new one under Certificates & secrets",
    700016: "client_id is no application of this tenant",
    700027: "the certificate is none of this application's: upload it under Certificates & secrets",
    90002: "tenant does not exist in this cloud",
    900023: "tenant is neither an id nor a domain",
    53003: "a Conditional Access policy keeps this application out",
}


class Cloud(NamedTuple):
    """Where Microsoft's services are, and for whom tokens are asked (`logs_audience`; Graph's is its address)."""

    login: str
    logs: str
    logs_audience: str
    graph: str


_US = ("https://login.microsoftonline.us", "https://api.loganalytics.us", "https://api.loganalytics.us")
_CN = ("https://login.chinacloudapi.cn", "https://api.loganalytics.azure.cn", "https://api.loganalytics.azure.cn")
CLOUDS: Mapping[str, Cloud] = {
    "public": Cloud(
        "https://login.microsoftonline.com",
        "https://api.loganalytics.azure.com",
        "https://api.loganalytics.io",
        "https://graph.microsoft.com",
    ),
    "usgov": Cloud(*_US, "https://graph.microsoft.us"),
    "usgov-dod": Cloud(*_US, "https://dod-graph.microsoft.us"),
    "china": Cloud(*_CN, "https://microsoftgraph.chinacloudapi.cn"),
}


class Application(Connection):
    """An app registration in Microsoft Entra ID, and the cloud it is in.

    `client_secret`, or else `certificate`: a file with certificate and private key in PEM form. `login`: the token
    service (default: the cloud's).
    """

    api: ClassVar[Literal["logs", "graph"]]
    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
    client_id: uuid.UUID
    client_secret: Annotated[SecretStr, Field(min_length=1)] | None = None
    certificate: Path | None = None
    certificate_password: SecretStr | None = None
    cloud: Literal["public", "usgov", "usgov-dod", "china"] = "public"
    login: Url | None = None
    timeout: Duration = timedelta(minutes=3)

    @model_validator(mode="before")
    @classmethod
    def _of_the_cloud(cls, given: object) -> object:
        """Without an address, the one that the API has in this cloud."""
        if not isinstance(given, Mapping) or given.get("url"):
            return given
        cloud = CLOUDS.get(str(given.get("cloud", "public")), CLOUDS["public"])
        return {**given, "url": getattr(cloud, cls.api)}

    @model_validator(mode="after")
    def _usable(self) -> "Application":
        if (self.client_secret is None) == (self.certificate is None):
            raise ValueError("give client_secret or certificate")
        if self.fingerprint:
            raise ValueError("fingerprint can't be used: Microsoft's servers have several certificates; use ca")
        return self


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float


class _Refusal(msgspec.Struct):
    error: str = ""
    error_description: str = ""
    error_codes: list[int] = []


class ClientCredentials(httpx.Auth):
    """Puts an access token into requests: fetched when needed, kept until shortly before its end, and once again when a
    server no longer takes it. Raises AuthError, RateLimited and Unreachable, and ConfigError for a certificate's file.
    """

    def __init__(self, name: str, settings: Application, audience: str) -> None:
        login = settings.login or CLOUDS[settings.cloud].login
        self._name = name
        self._settings = settings
        self._scope = f"{audience}/.default"
        self._endpoint = f"{login}/{quote(settings.tenant)}/oauth2/v2.0/token"
        self._signer = _Signer(name, settings) if settings.certificate else None
        self._renewing = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """What httpx asks of an Auth."""
        for last in (False, True):
            async with self._renewing:  # those who wait get the token that the first one fetches
                if time.monotonic() >= self._until:
                    asked = time.monotonic()
                    answer = yield self._request()
                    await answer.aread()
                    self._keep(answer, asked)
                token = self._token
            request.headers["Authorization"] = f"Bearer {token}"
            response = yield request
            if response.status_code != 401 or last:
                return
            if token == self._token:
                self._until = 0.0

    def _request(self) -> httpx.Request:
        form = {"grant_type": "client_credentials", "client_id": str(self._settings.client_id), "scope": self._scope}
        if self._signer:
            form["client_assertion_type"] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            form["client_assertion"] = self._signer.assertion(self._endpoint)
        elif self._settings.client_secret:
            form["client_secret"] = self._settings.client_secret.get_secret_value()
        return httpx.Request("POST", self._endpoint, data=form, headers={"Accept": "application/json"})

    def _keep(self, answer: httpx.Response, asked: float) -> None:
        if answer.status_code != 200:
            raise self._refused(answer)
        try:
            found = msgspec.json.decode(answer.content, type=ready(_Token), strict=False)
        except NO_JSON as error:
            raise Unreachable(f"{self._name}: {self._endpoint} gave no token: what answers there?") from error
        self._token = found.access_token
        self._until = asked + max(found.expires_in - _EARLY, found.expires_in / 2)

    def _refused(self, answer: httpx.Response) -> SourceError:
        what = f"{self._name}: {self._endpoint} answered {answer.status_code}"
        wait = retry_after(answer.headers.get("Retry-After"))
        if answer.status_code == 429:
            return RateLimited(f"{what}: asked to wait", wait)
        if answer.status_code >= 500:
            return Unreachable(what, wait)
        try:
            said = msgspec.json.decode(answer.content, type=ready(_Refusal))
        except NO_JSON:
            return AuthError(f"{what}: check tenant, cloud and login in siem.{self._name}")
        advice = next((_ADVICE[code] for code in said.error_codes if code in _ADVICE), "check tenant and credentials")
        first_line = said.error_description.partition("\n")[0].partition(" Trace ID:")[0].strip()
        first_line = Mask.of(self._settings)(first_line)  # in case that it is sent back
        return AuthError(f"{what}: {first_line or said.error}: siem.{self._name}: {advice}")


class _Signer:
    """Makes assertions that the application is who it says, signed with its certificate's key."""

    def __init__(self, name: str, settings: Application) -> None:
        where = f"siem.{name}: certificate: {settings.certificate}"
        try:
            import jwt
            from cryptography.exceptions import UnsupportedAlgorithm
            from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
            from cryptography.hazmat.primitives.serialization import load_pem_private_key
        except ImportError:
            raise ConfigError(f"{where}: needs more than is installed: pip install 'exfilwatch[microsoft]'") from None
        try:
            text = (settings.certificate or Path()).read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where}: can't be read as PEM: {getattr(error, 'strerror', 'it is binary')}") from None
        shown, key = _block("CERTIFICATE", text), _block("[A-Z ]*PRIVATE KEY", text)
        if not shown or not key:
            raise ConfigError(f"{where}: has to hold the certificate and its private key, both in PEM form")
        password = settings.certificate_password.get_secret_value().encode() if settings.certificate_password else None
        try:
            loaded = load_pem_private_key(key.encode(), password)
        except (ValueError, TypeError, UnsupportedAlgorithm):  # their messages are about cryptography, not the file
            raise ConfigError(f"{where}: can't read its key: is certificate_password right (or needless)?") from None
        if not isinstance(loaded, RSAPrivateKey):
            raise ConfigError(f"{where}: its key is no RSA key, which Microsoft Entra ID wants")
        self._key = loaded
        self._sign = jwt.encode
        self._thumbprint = _base64url(hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).digest())
        self._client = str(settings.client_id)

    def assertion(self, endpoint: str) -> str:
        now = int(time.time())
        claims = {"aud": endpoint, "iss": self._client, "sub": self._client, "jti": str(uuid.uuid4())}
        times = {"nbf": now, "iat": now, "exp": now + _ASSERTION_LASTS}
        header = {"x5t#S256": self._thumbprint}
        return str(self._sign(claims | times, self._key, algorithm="PS256", headers=header))


def _block(kind: str, pem: str) -> str:
    found = re.search(rf"-----BEGIN ({kind})-----.*?-----END \1-----\n?", pem, re.DOTALL)
    return found[0] if found else ""


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
