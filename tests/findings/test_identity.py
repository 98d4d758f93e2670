"""Whom a finding names."""

from typing import Any

import msgspec
import pytest

from exfilwatch.events.event import Event, Origin
from exfilwatch.findings.identity import user_of

EVENT = Event("sigma_named", "process_creation", "windows", "", None, None, "WS1", "e", Origin("x", 1), {}, {})


def by(*users: Any) -> list[Event]:
    return [msgspec.structs.replace(EVENT, fields={"User": user}) for user in users]


@pytest.mark.parametrize(
    ("users", "name"),
    [
        (["CORP\\ann"], "CORP\\ann"),
        ([None, "", "-", "ann"], "ann"),
        ([["-", "ann", "bob"]], "ann"),
        ([1000], "1000"),
        ([0], "0"),
        (["-"], None),
        ([[], {"name": "ann"}, True], None),
        ([], None),
    ],
)
def test_the_user_is_the_first_that_an_event_names(users: list[Any], name: str | None) -> None:
    assert user_of(by(*users)) == name
