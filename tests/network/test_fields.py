"""What records of traffic are understood to say."""

from typing import Any

import pytest

from exfilwatch.network.content import agent, kind
from exfilwatch.network.fields import FIELDS, field

Record = dict[str, Any]


def of(name: str, record: Record) -> object:
    return field(name, record.get)


@pytest.mark.parametrize(
    ("record", "destination", "place", "direction"),
    [
        ({"DestinationIp": "203.0.113.7", "SourceIp": "10.0.0.5"}, "203.0.113.7", "public", "outbound"),
        ({"DestinationIp": "10.0.0.9", "SourceIp": "10.0.0.5"}, "10.0.0.9", "private", "internal"),
        ({"DestinationIp": "10.0.0.9", "SourceIp": "198.51.100.9"}, "10.0.0.9", "private", "inbound"),
        ({"DestinationIp": "203.0.113.7", "Initiated": "false"}, "203.0.113.7", "public", "inbound"),
        ({"DestinationIp": "198.51.100.9", "SourceIp": "203.0.113.7"}, "198.51.100.9", "public", "outbound"),
        ({"DestinationIp": "239.1.1.1"}, "239.1.1.1", "multicast", "multicast"),
        ({"DestinationIp": "255.255.255.255"}, "255.255.255.255", "public", "multicast"),
        ({"DestinationIp": "::1"}, "::1", "loopback", "internal"),
        ({"cs-host": "Transfer.SH:443"}, "transfer.sh", "file sharing", "outbound"),
        ({"cs-host": "intranet"}, "intranet", "internal", "internal"),
        ({"cs-host": "intranet", "DestinationIp": "203.0.113.7"}, "intranet", "public", "outbound"),
        # A name of the own network that the internet may know too: where it went counts.
        ({"cs-host": "files.corp.example", "DestinationIp": "10.0.0.9"}, "files.corp.example", "private", "internal"),
        # But not the address of a proxy.
        (
            {"c-uri": "http://files.example.net/a", "DestinationIp": "10.0.0.9", "DestinationPort": 3128},
            "files.example.net",
            "public",
            "outbound",
        ),
        (
            {
                "cs-method": "CONNECT",
                "c-uri": "files.example.net:443",
                "DestinationIp": "10.0.0.9",
                "DestinationPort": "8080",
            },
            "files.example.net",
            "public",
            "outbound",
        ),
        # Who sends a request chooses the name in it.
        ({"cs-host": "localhost", "DestinationIp": "203.0.113.7"}, "localhost", "public", "outbound"),
        (
            {"cs-host": "-", "DestinationHostname": "x.s3.amazonaws.com"},
            "x.s3.amazonaws.com",
            "cloud storage",
            "outbound",
        ),
        ({}, None, None, None),
    ],
)
def test_where_it_goes(record: Record, destination: object, place: object, direction: object) -> None:
    found = tuple(of(f"network.{name}", record) for name in ("destination", "destination_class", "direction"))
    assert found == (destination, place, direction)


@pytest.mark.parametrize(
    ("record", "out", "back", "ratio"),
    [
        ({"source.bytes": 1000, "destination.bytes": 10}, 1000, 10, 100.0),
        ({"source.bytes": "1000", "destination.bytes": "0"}, 1000, 0, 1000.0),
        ({"cs-bytes": 900, "sc-bytes": 1800}, 900, 1800, 0.5),
        ({"source.bytes": 1000}, 1000, None, None),
        ({"source.bytes": 4_000_000_000, "destination.bytes": 0, "orig_ip_bytes": 180}, 180, 0, 180.0),
        ({"source.bytes": 5000, "orig_ip_bytes": 180, "missed_bytes": 4900, "destination.bytes": 1}, 5000, 1, 5000.0),
        ({"source.bytes": -5, "destination.bytes": "much"}, None, None, None),
        ({}, None, None, None),
    ],
)
def test_how_much_goes(record: Record, out: object, back: object, ratio: object) -> None:
    found = tuple(of(f"network.{name}", record) for name in ("bytes_out", "bytes_in", "out_to_in"))
    assert found == (out, back, ratio)


def test_the_size_of_packets_is_an_average() -> None:
    assert of("network.packet_size", {"source.bytes": 1000, "source.packets": 8}) == 125.0
    assert of("network.packet_size", {"source.bytes": 1000}) is None
    assert of("network.packet_size", {"source.bytes": 1000, "source.packets": 0}) is None
    assert of("network.magnitude", {"source.bytes": 999_999_999}) == 100_000_000
    assert of("network.magnitude", {"source.bytes": 1_000_000_000}) == 1_000_000_000
    assert of("network.magnitude", {"source.bytes": 0}) is None


@pytest.mark.parametrize(
    ("record", "content", "name"),
    [
        ({"cs-method": "PUT", "c-uri": "/dav/Stuff.7Z?x=1"}, "archive", "Stuff.7Z"),
        ({"cs-method": "POST", "c-uri": "/dav/Stuff.7z"}, None, None),
        ({"cs-method": "POST", "c-uri": "/u?name=plan%20b.docx&x=1"}, "document", "plan b.docx"),
        ({"cs-content-type": ["text/plain", "application/zip"]}, "archive", None),
        ({"cs-content-type": "multipart/form-data; boundary=x"}, "form", None),
        ({"cs-content-type": "multipart/form-data; boundary=x", "cs-filename": "a.kdbx"}, "credentials", "a.kdbx"),
        # A name says more than a type: a package of Python is a zip too.
        (
            {"cs-filename": ["a-1.0-py3-none-any.whl"], "cs-content-type": ["application/zip"]},
            "package",
            "a-1.0-py3-none-any.whl",
        ),
        ({"cs-content-type": "application/gzip"}, "compressed", None),
        ({"cs-filename": "C:\\Users\\eva\\mail.pst"}, "mail", "mail.pst"),
        ({"command": "STOR", "arg": "ftp://203.0.113.7/in/q3.tar.gz"}, "archive", "q3.tar.gz"),
        ({"command": "RETR", "arg": "ftp://203.0.113.7/in/q3.tar.gz"}, None, None),
        ({"filename": "id_rsa", "mime_type": "text/plain"}, "credentials", "id_rsa"),
        ({"cs-method": "PUT", "c-uri": "/" + "a&" * 5000 + "?name=x"}, None, "a&" * 3999 + "a"),
        ({"cs-content-type": "text/html"}, None, None),
        ({}, None, None),
    ],
)
def test_what_is_sent(record: Record, content: object, name: object) -> None:
    assert (of("network.content", record), of("network.file", record)) == (content, name)


def test_the_gravest_of_several_files_counts() -> None:
    assert kind(["a.txt", "b.docx", "c.zip"], []) == "archive"
    assert kind(["a.txt"], ["application/pdf"]) == "document"
    assert kind([], []) == ""


@pytest.mark.parametrize(
    ("text", "client"),
    [
        ("curl/8.5.0", "tool"),
        ("Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1", "tool"),
        ("Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)", "tool"),
        ("Microsoft BITS/7.8", "tool"),
        ("python-requests/2.32.3", "library"),
        ("Go-http-client/1.1", "library"),
        ("Microsoft-WebDAV-MiniRedir/10.0.18362", "webdav"),
        ("WebDAVFS/3.0.0 (03008000) Darwin/22.1.0", "webdav"),
        ("Mozilla/5.0 (Windows) mirall/3.13.0 (Nextcloud)", "sync client"),
        ("docker/27.3.1 go/go1.22.7", "package client"),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Word 16.0)", "office"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0", "browser"),
        ("updater", "other"),
    ],
)
def test_what_sends_it(text: str, client: str) -> None:
    assert agent(text) == client
    assert of("network.client", {"c-useragent": text}) == client


@pytest.mark.parametrize(
    ("name", "domain", "length"),
    [
        ("a.b.example.net", "example.net", 2),
        ("0123456789.t.example.co.uk.", "example.co.uk", 11),
        ("co.uk", "co.uk", 0),
        ("t.co", "t.co", 0),
        ("data.abc.de", "abc.de", 4),
        ("host", "host", 0),
        ("", None, None),
    ],
)
def test_the_domain_of_a_name(name: str, domain: object, length: object) -> None:
    assert (of("dns.domain", {"QueryName": name}), of("dns.length", {"QueryName": name})) == (domain, length)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("store1.gofile.io", "file sharing"),
        ("MEGA.nz.", "cloud storage"),
        ("www.example.net", "public"),
        ("dc1.corp", "internal"),
        ("", None),
    ],
)
def test_the_kind_of_place_that_a_name_is(name: str, place: object) -> None:
    assert of("dns.destination_class", {"QueryName": name}) == place


@pytest.mark.parametrize("value", [None, "", 7, 1.5, True, [], ["x", 7], {"a": 1}, "x" * 100_000, "://", "\x00", "[::"])
def test_no_value_of_a_record_breaks_a_field(value: object) -> None:
    for name in FIELDS:
        field(name, lambda _name, value=value: value)
