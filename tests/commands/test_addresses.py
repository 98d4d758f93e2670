"""Hosts and URLs have one form, however they are spelled."""

import pytest

from exfilwatch.commands.addresses import Url, host, url


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.0x0.0x0.0x1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("10.1.258", "10.1.1.2"),
        ("0", "0.0.0.0"),
        ("127.0.0.1.", "127.0.0.1"),
        ("256.1.1.1", "256.1.1.1"),
        ("1.2.3.09", "1.2.3.09"),
        ("1.2.3.4.5", "1.2.3.4.5"),
        ("4294967296", "4294967296"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("[::ffff:93.184.216.34]", "93.184.216.34"),
        ("::ffff:5db8:d822", "93.184.216.34"),
        ("::93.184.216.34", "93.184.216.34"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]", "fe80::1"),
        ("fe80--1s4.ipv6-literal.net", "fe80::1"),
        ("Files.EXAMPLE.com.", "files.example.com"),
        ("files%2eexample.com", "files.example.com"),
        ("b%c3%bccher.example", "xn--bcher-kva.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.EXAMPLE", "xn--bcher-kva.example"),
        ("files。example．com", "files.example.com"),
        ("", ""),
        ("::zz", "::zz"),
    ],
)
def test_a_host_has_one_form(written: str, form: str) -> None:
    assert host(written) == form


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("https://h.example/a?b#c", Url("https", "", "h.example", None, "/a?b#c")),
        ("HTTP://me:pw@0x7f.1:8080/up", Url("http", "me", "127.0.0.1", 8080, "/up")),
        ("ftp://[::ffff:1.2.3.4]:21/", Url("ftp", "", "1.2.3.4", 21, "/")),
        ("http:/h/x", Url("http", "", "h", None, "/x")),
        ("http:///h/x", Url("http", "", "h", None, "/x")),
        ("http:\\\\h\\x", Url("http", "", "h", None, "/x")),
        ('"https://h/"', Url("https", "", "h", None, "/")),
        ("sftp://u@h:2222/~/x", Url("sftp", "u", "h", 2222, "/~/x")),
        ("file:///etc/passwd", Url("file", "", "", None, "/etc/passwd")),
        ("s3://bucket/key", Url("s3", "", "bucket", None, "/key")),
        ("http://h:99999/", Url("http", "", "h", None, "/")),
        ("http://a@b@h/", Url("http", "a@b", "h", None, "/")),
        ("http://good.example\\@evil.example/", Url("http", "", "good.example", None, "/@evil.example/")),
        ("h/x", None),
        ("C:\\x", None),
        ("C:/x", None),
        ("mailto:a@b", None),
        ("remote:bucket/x", None),
        ("http://", None),
        ("", None),
    ],
)
def test_a_url_is_taken_apart(written: str, parts: Url | None) -> None:
    assert url(written) == parts


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("h.example/up", Url("", "", "h.example", None, "/up")),
        ("127.1:8000", Url("", "", "127.0.0.1", 8000, "")),
        ("me@h.example:22/x", Url("", "me", "h.example", 22, "/x")),
        ("[::1]:80/x", Url("", "", "::1", 80, "/x")),
        ("https://h/", Url("https", "", "h", None, "/")),
        ("two words", None),
        ("/etc/passwd", None),
        ("C:\\x", None),
    ],
)
def test_a_url_without_its_scheme_is_taken_apart_where_asked(written: str, parts: Url | None) -> None:
    assert url(written, bare=True) == parts
