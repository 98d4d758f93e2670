"""Ways to name the same host, for any line that names one by a URL or an address.

A name stands for an address, as its DNS record might: what matters is that the transfer goes to a host that is named in
another way.
"""

import ipaddress
import re

from .line import Change, Line, Transformation

PUBLIC = ipaddress.IPv4Address("45.33.32.156")
_URL = re.compile(r"\b(?P<scheme>https?|ftp)://(?P<user>[^\s/@'\"]*@)?(?P<host>[\w.-]+)(?P<port>:\d+)?(?=[/\s'\"?]|$)")
_ADDRESS = re.compile(r"(?<![\w.])127\.0\.0\.1(?![\w.])")


def _url(form: str) -> Change:
    """The first URL's host in another form: `{int}`, `{hex}`, `{octal}`, `{mapped}` of its address, `{host}`."""

    def change(line: Line) -> str:
        def instead(found: re.Match[str]) -> str:
            address = ipaddress.IPv4Address("127.0.0.1") if found["host"] in ("127.0.0.1", "localhost") else PUBLIC
            said = {
                "scheme": found["scheme"],
                "user": found["user"] or "",
                "host": found["host"],
                "port": found["port"] or "",
                "upper": found["host"].upper(),
                "capital": found["scheme"].upper(),
                "int": int(address),
                "hex": f"{int(address):#010x}",
                "octal": ".".join(f"0{int(part):o}" for part in str(address).split(".")),
                "mapped": f"[::ffff:{address}]",
                "hexes": ".".join(f"{int(part):#x}" for part in str(address).split(".")),
                "default": found["port"] or {"http": ":80", "https": ":443", "ftp": ":21"}[found["scheme"]],
                "mark": found["user"] or "www.google.com@",
            }
            return form.format(**said)

        return _URL.sub(instead, line.text, count=1)

    return change


def _address(put: str) -> Change:
    return lambda line: line.text if "://" in line.text else _ADDRESS.sub(put, line.text)


HOSTS = [
    Transformation(name, change)
    for name, change in {
        "host as an integer": _url("{scheme}://{user}{int}{port}"),
        "host as a hexadecimal number": _url("{scheme}://{user}{hex}{port}"),
        "host in octal": _url("{scheme}://{user}{octal}{port}"),
        "host in hexadecimal": _url("{scheme}://{user}{hexes}{port}"),
        "host as IPv4-mapped IPv6": _url("{scheme}://{user}{mapped}{port}"),
        "a user before the host": _url("{scheme}://{mark}{host}{port}"),
        "a dot after the host": _url("{scheme}://{user}{host}.{port}"),
        "host in upper case": _url("{scheme}://{user}{upper}{port}"),
        "scheme in upper case": _url("{capital}://{user}{host}{port}"),
        "the scheme's port": _url("{scheme}://{user}{host}{default}"),
        "punycode": _url("{scheme}://{user}xn--bcher-kva.example{port}"),
        "loopback as an integer": _address("2130706433"),
        "loopback in hexadecimal": _address("0x7f.0.0.1"),
        "loopback, short": _address("127.1"),
    }.items()
]
