"""The flat settings of platforms, made ours."""

from typing import Any

import pytest

from exfilwatch.errors import ConfigError
from exfilwatch_playbooks.platforms.configuration import schema, settings

SECRET = "correct-horse-battery"


def test_flat_settings_are_the_tables_that_they_mean() -> None:
    made = settings(
        {
            "siem_kind": "opensearch",
            "siem_url": "https://siem.example.com",
            "siem_user": "reader",
            "siem_password": SECRET,
            "siem_token": "",
            "siem_more": 'indices = "logs-*"',
            "case_kind": "rt",
            "case_queue": "Security",
            "policy_open": "high",
            "database": "sqlite:///:memory:",
            "more": "[enrichment.geo]\nenabled = false",
        }
    )
    assert made.siem == {
        "main": {
            "kind": "opensearch",
            "url": "https://siem.example.com",
            "user": "reader",
            "password": SECRET,
            "indices": "logs-*",
        }
    }
    assert made.case == {"cases": {"kind": "rt", "queue": "Security"}}
    assert (made.policy.open, made.policy.page) == ("high", "high")
    assert made.enrichment == {"geo": {"enabled": False}}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"siem_knd": "splunk"}, "siem_knd: there is no such setting"),
    ({"siem_kind": "splunk", "siem_token": " "}, "siem_token: is empty"),
    ({"siem_kind": "splunk", "database": "\t"}, "database: is empty"),
    ({"policy_open": "grave"}, "policy.open"),
    ({"siem_more": SECRET}, "siem_more: write it as in the settings file"),
    ({"more": f'[enrichmnt.geo]\nkey = "{SECRET}"'}, "enrichmnt"),
]


@pytest.mark.parametrize(("given", "said"), WRONG, ids=[next(reversed(each)) for each, _ in WRONG])
def test_what_is_wrong_is_said_without_a_value(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        settings(given)
    assert SECRET not in str(raised.value)


def test_every_secret_of_a_kind_is_a_secret() -> None:
    fields = schema()
    for part in ("siem", "case"):
        for name in ("password", "token", "api_key", "secret", "client_secret", "access_key", "proxy", "routing_key"):
            setting = f"{part}_{name}"
            assert (setting in fields["properties"]) == (setting in fields["secrets"]), setting
