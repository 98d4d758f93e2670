"""Why a server was not reached, and what to change: by what the network and TLS say, which is known by its kind.

Sources: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/ (the codes of certificates),
https://docs.python.org/3/library/ssl.html (SSLError.reason, SSLCertVerificationError).
"""

import errno
import re
import ssl
from collections.abc import Iterator
from socket import gaierror

import httpx

from exfilwatch.siem.connection import Server

_NAME, _ADDRESS = 62, 64
_OF_CERTIFICATES = {
    9: "look at the clocks of both machines",
    10: "let it be renewed; until then `fingerprint`, its SHA-256, lets in this one certificate",
    _NAME: "use the name in `url` for which the certificate was made, or pin it with `fingerprint`",
    _ADDRESS: "use the name in `url` for which the certificate was made, or pin it with `fingerprint`",
}
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNEXPECTED_MESSAGE", "RECORD_LAYER_FAILURE"})
_OLD_TLS = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE"})
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM})
_FIREWALL = "check `url`, the firewall between, or set `proxy`"


def why(error: httpx.TransportError, settings: Server) -> str:
    """What was wrong, and what to change; of an unknown kind, what httpx says."""
    proxied = " (or the proxy's address)" if settings.proxy else ""
    for each in _causes(error):
        match each:
            case ssl.SSLCertVerificationError():
                return _of_certificate(each, settings)
            case ssl.SSLError() if each.reason in _NO_TLS:
                return "it does not speak TLS at this port: check the port in `url`"
            case ssl.SSLError() if each.reason in _OLD_TLS:
                return "it speaks only versions of TLS that are no longer safe: turn TLS 1.2 on there"
            case gaierror():
                return f"this machine knows no host of that name: check `url`{proxied}, and the DNS"
            case ConnectionRefusedError():
                return f"nothing listens there: check host and port in `url`{proxied}, and that the server runs"
            case OSError() if each.errno in _NO_WAY:
                return f"there is no way to it: {_FIREWALL}"
    said = str(error).rstrip(".") or type(error).__name__
    in_the_clear = " (https, if it speaks TLS)" if settings.url.startswith("http:") else ""
    return f"{said}: check `url`{in_the_clear}, and the network between"


def too_late(error: Exception, seconds: float, to_connect: float) -> str:
    """What was waited for in vain, for how long, and what to change."""
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {min(seconds, to_connect):g} s: {_FIREWALL}"
    return f"no answer within {seconds:g} s: raise `timeout`, or look at the server"


def _of_certificate(error: ssl.SSLCertVerificationError, settings: Server) -> str:
    said = re.sub(r"^\[[^\]]*\] ?| \(_ssl\.c:\d+\)$", "", str(error.args[-1] if error.args else error))
    trust = (
        "its authority is none of those in the file of `ca`: use the right one"
        if settings.ca
        else "set `ca` to the file of the authority that signed it"
    )
    advice = _OF_CERTIFICATES.get(error.verify_code, f"{trust}, or pin it with `fingerprint`, its SHA-256")
    return f"{said}: {advice}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was raised from; of several ways to one server, all."""
    seen: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop(0)
        if each is None or any(each is other for other in seen):
            continue
        seen.append(each)
        yield each
        left += [each.__cause__, each.__context__]
        left += each.exceptions if isinstance(each, BaseExceptionGroup) else []
