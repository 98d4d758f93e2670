"""How a server has to prove who it is: by the system's authorities, by one's own, or by being one certificate."""

import hashlib
import socket
import ssl
from urllib.parse import urlsplit

from exfilwatch.errors import ConfigError, Unreachable
from exfilwatch.siem.connection import Connection

_PATIENCE = 10.0  # seconds


def context(settings: Connection) -> ssl.SSLContext | bool:
    """What httpx takes as `verify`. Raises ConfigError for a file that is no certificate or another fingerprint."""
    if settings.fingerprint:
        return _pinned(settings.url, settings.fingerprint)
    if settings.ca is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(settings.ca))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"ca: {settings.ca}: can't be read as certificates in PEM form: {error}") from None


def _pinned(url: str, fingerprint: str) -> ssl.SSLContext:
    """Trusts the one certificate that has the fingerprint, and nothing else.

    It is fetched first without trust and without sending anything, and is then itself the anchor of trust: a server
    that shows another one later fails in the handshake, before it sees a credential.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), _PATIENCE) as plain,
            bare.wrap_socket(plain, server_hostname=host) as secured,
        ):
            shown = secured.getpeercert(binary_form=True) or b""
    except OSError as error:
        raise Unreachable(f"{url}: {error}: can't see its certificate: check url and network") from error
    found = hashlib.sha256(shown).hexdigest()
    if found != fingerprint.replace(":", "").lower():
        raise ConfigError(f"fingerprint: {url} shows the certificate {found}: set this one, if it is the server's")
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False  # the certificate itself is known, whatever names it has
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.load_verify_locations(cadata=shown)
    return trusting
