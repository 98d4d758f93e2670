"""Settings that every SIEM over HTTP has: what is refused, and that no secret is shown."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from exfilwatch.siem.connection import Connection

SECRET = "hunter2"
PIN = "ab" * 32


def refused(**settings: object) -> str:
    with pytest.raises(ValidationError) as caught:
        Connection.model_validate({"kind": "any", "url": "https://siem.example", **settings})
    assert SECRET not in str(caught.value)
    (error,) = caught.value.errors()
    return f"{error['loc'][0]}: {error['msg']}"


@pytest.mark.parametrize(
    "url",
    [
        "https://siem.example",
        "https://siem.example:8089/splunk",
        "https://[2001:db8::7]:9200",
        "http://localhost:9200",
        "http://127.0.0.1:9200",
        "http://[::1]:9200",
    ],
)
def test_an_address_is_kept_as_it_is(url):
    assert Connection(kind="any", url=url).url == url


@pytest.mark.parametrize("url", ["https://siem.example/", " https://siem.example \n", "https://siem.example//"])
def test_what_stands_around_it_goes(url):
    assert Connection(kind="any", url=url).url == "https://siem.example"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://siem.example", "is not encrypted: use https"),
        ("http://localhost.siem.example", "is not encrypted"),
        ("http://10.0.0.1:9200", "is not encrypted"),
        (f"https://ann:{SECRET}@siem.example", "has credentials in it"),
        (f"https://{SECRET}@siem.example", "has credentials in it"),
        ("http://localhost@siem.example", "has credentials in it"),
        ("http://127.0.0.1\\@siem.example", "has credentials in it"),
        (f"https://siem.example/?token={SECRET}", "has a query in it"),
        (f"https://siem.example/#{SECRET}", "has a query in it"),
        ("siem.example", "give it as https://HOST:PORT"),
        ("ftp://siem.example", "give it as https://HOST:PORT"),
        ("file:///etc/passwd", "give it as https://HOST:PORT"),
        ("https://", "give it as https://HOST:PORT"),
        ("https://siem.example:99999", "give it as https://HOST:PORT"),
        ("https://siem.example:port", "give it as https://HOST:PORT"),
        (f"https://[{SECRET}]", "give it as https://HOST:PORT"),
        ("", "give it as https://HOST:PORT"),
    ],
)
def test_an_address_that_would_show_or_lose_a_secret_is_refused(url, said):
    assert said in refused(url=url)


@pytest.mark.parametrize("proxy", [f"socks5://{SECRET}@proxy.example", "proxy.example:3128", f"http://ann:[{SECRET}@x"])
def test_a_proxy_that_is_none_is_refused_without_showing_it(proxy):
    assert refused(proxy=proxy).startswith("proxy: Value error, give it as http://HOST:PORT")


@pytest.mark.parametrize("fingerprint", [PIN, PIN.upper(), ":".join(["AB"] * 32), f" {PIN}\n"])
def test_a_fingerprint_is_taken_as_openssl_or_a_browser_shows_it(fingerprint):
    assert Connection(kind="any", url="https://siem.example", fingerprint=fingerprint).fingerprint == PIN


@pytest.mark.parametrize("fingerprint", ["", "ab", PIN[:-1], PIN + "a", "g" * 64, ":" * 64, ":".join(["ab"] * 20)])
def test_another_kind_of_fingerprint_is_refused(fingerprint):
    assert "give the SHA-256 of the certificate" in refused(fingerprint=fingerprint)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("timeout", "soon", "use a number with s, m, h or d"),
        ("lookback", 5, "use a number with s, m, h or d"),
        ("at_once", 0, "greater than or equal to 1"),
        ("clock", "wall", "'ingest' or 'event'"),
        ("pushdown", "on", "'off', 'candidates' or 'score'"),
        ("pasword", SECRET, "not permitted"),
    ],
)
def test_a_wrong_setting_is_named(name, value, said):
    message = refused(**{name: value})
    assert message.startswith(f"{name}: ")
    assert said in message


def test_times_are_written_as_people_write_them():
    settings = Connection.model_validate({"kind": "any", "url": "https://x.example", "timeout": "2m", "lookback": "7d"})
    assert (settings.timeout, settings.lookback) == (timedelta(minutes=2), timedelta(days=7))


def test_a_proxys_password_is_not_shown():
    settings = Connection.model_validate(
        {"kind": "any", "url": "https://x.example", "proxy": f"http://a:{SECRET}@p.example"}
    )
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
