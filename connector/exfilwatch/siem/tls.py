"""How a server has to prove who it is: by public authorities, by one's own, or by being one certificate."""

import hashlib
import ssl

from exfilwatch.errors import ConfigError
from exfilwatch.siem.connection import Server


def context(settings: Server) -> ssl.SSLContext | bool:
    """What httpx takes as `verify`. Raises ConfigError for a file that is no certificate."""
    if settings.fingerprint:
        return _pinned(settings.url, settings.fingerprint)
    if settings.ca is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(settings.ca))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"ca: {settings.ca}: can't be read as certificates in PEM form: {error}") from None


def _pinned(url: str, fingerprint: str) -> ssl.SSLContext:
    """Trusts the one certificate that has the fingerprint and nothing else, whoever signed it, whatever its names are.

    It is looked at at the end of each handshake, before a request is sent: a server, or who poses as it, that shows
    another one never sees a credential. Through a proxy as well: the handshake is with the server behind it.
    """

    class Handshake(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            found = hashlib.sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
            if found != fingerprint:
                raise ConfigError(f"fingerprint: {url} shows the certificate {found}: set this one, if it is its own")

    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    trusting.sslobject_class = Handshake
    return trusting
