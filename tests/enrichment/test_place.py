"""The class of a destination, by its address or name alone."""

import pytest

from exfilwatch_playbooks.enrichment.enrichers.place import answers, class_of
from exfilwatch_playbooks.enrichment.indicator import indicator


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("10.20.30.40", "private"),
        ("fd12::1", "private"),
        ("127.9.9.9", "loopback"),
        ("::1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("100.100.1.1", "CGNAT"),
        ("239.1.1.1", "multicast"),
        ("203.0.113.5", "documentation"),
        ("2001:db8::5", "documentation"),
        ("files.example.org", "documentation"),
        ("ec2-1-2-3-4.compute-1.amazonaws.com", "cloud provider"),
        ("x.cloudapp.azure.com", "cloud provider"),
        ("bucket.s3.eu-west-1.amazonaws.com", "cloud storage"),
        ("transfer.sh", "file sharing"),
        ("pastebin.com", "paste"),
        ("api.telegram.org", "messaging"),
        ("abc.ngrok-free.app", "tunnel"),
        ("home.duckdns.org", "dynamic DNS"),
        ("srv.corp.local", "internal"),
        ("evil-host.net", "no known service"),
        ("8.8.8.8", "no known service"),
        ("x.own-corp.net", "own"),
        ("81.2.69.160", "own"),
    ],
)
def test_class(host, kind):
    assert class_of(indicator(host), ("own-corp.net", "81.2.69.0/24")) == kind


def test_what_else_a_name_says():
    said = {each.key: each.value for each in answers(indicator("up.xn--e1afmkfd.co.uk"))}
    assert said == {
        "place.class": "no known service",
        "place.domain": "xn--e1afmkfd.co.uk",
        "place.name": "up.xn--e1afmkfd.co.uk reads up.пример.co.uk",
    }
