"""What may leave the organisation: public addresses, registered names and hashes, without what only it knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch_playbooks.enrichment.indicator import Indicator, Kind, domain, hashed, indicator, outward


def out(host: str, own=(), private=()) -> str | None:
    found = indicator(host)
    may = outward(found, own, private) if found else None
    return may.value if may else None


@pytest.mark.parametrize(
    "host",
    [
        *("10.1.2.3", "127.0.0.1", "169.254.1.1", "100.64.0.1", "224.0.0.5", "0.0.0.0", "255.255.255.255"),
        *("192.168.1.9", "172.16.0.1", "192.0.2.1", "198.51.100.7", "203.0.113.9", "240.0.0.1", "198.18.0.1"),
        *("::1", "fe80::1", "fd00::1", "ff02::1", "2001:db8::1", "::ffff:10.0.0.1", "::"),
        *(
            "srv-file-01",
            "ws1.corp.local",
            "localhost",
            "x.internal",
            "a.lan",
            "db.svc.cluster.local",
            "host.home.arpa",
        ),
        *("files.nordwind.example", "printer.test"),
        *("a b.com", "x'y.com", "$(id).evil.com", "evil.com/path", "", "com"),
    ],
)
def test_what_is_not_on_the_internet_stays(host):
    assert out(host) is None


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("2606:4700::1111", "2606:4700::1111"),
        ("evil-host.net", "evil-host.net"),
        ("a.b.evil-host.co.uk", "a.b.evil-host.co.uk"),
        ("xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_what_is_on_the_internet_may_be_asked_about(host, sent):
    assert out(host) == sent


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("ws1.evil-host.net", "evil-host.net"),
        ("x-ws1-x.up.evil-host.net", "up.evil-host.net"),
        ("anna.evil-host.net", "evil-host.net"),
        ("nb4gk3dpebzw63lfebsgc5dbebuxgidimvzgk.t.evil-host.net", "t.evil-host.net"),
        ("c2VjcmV0.7a6f.evil-host.net", "c2VjcmV0.7a6f.evil-host.net".lower()),
    ],
)
def test_labels_that_hold_what_was_stolen_or_from_whom_are_left_off(host, sent):
    assert out(host.lower(), private=("WS1.corp.example", "CORP\\anna")) == sent


@pytest.mark.parametrize("host", ["corp.com", "x.corp.com", "81.2.69.160", "2001:4860::1"])
def test_the_organisations_own_is_never_asked_about(host):
    assert out(host, own=("corp.com", "81.2.69.0/24", "2001:4860::/32")) is None
    assert out("notcorp.com", own=("corp.com", "81.2.69.0/24")) == "notcorp.com"


def test_a_domain_that_is_named_after_a_host_is_not_asked_about():
    assert out("ws1337.net", private=("WS1337",)) is None


@pytest.mark.parametrize(
    ("digits", "algorithm"),
    [("AB" * 32, "sha256"), ("ab" * 20, "sha1"), ("ab" * 16, "md5"), ("0" * 32, None), ("zz" * 16, None), ("ab", None)],
)
def test_hashes_are_told_by_their_length(digits, algorithm):
    found = hashed(digits)
    assert (found.algorithm if found else None) == algorithm


def test_registered_domains_are_told_without_a_network():
    assert domain("a.b.example.co.uk")[:2] == ("example.co.uk", "co.uk")
    assert domain("shop.abc.ngrok.io").registered == "abc.ngrok.io"
    assert domain("shop.abc.ngrok.io").service
    assert domain("ws1.corp.local").registered == ""


@given(st.text(max_size=300))
def test_no_text_breaks_it(text):
    found = indicator(text)
    if found is not None:
        may = outward(found, ("corp.com", "bad/99"), (text,))
        assert may is None or isinstance(may, Indicator)
        assert found.kind in Kind
