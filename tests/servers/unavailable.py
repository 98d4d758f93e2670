"""Why a server can't be had here."""

import os
from typing import NoReturn

import pytest


class Unavailable(Exception):
    """This machine lacks something that the server needs; the message is one line and says what."""


def leave_out(error: Unavailable) -> NoReturn:
    """Skip the test that asks, or fail it where EXFILWATCH_REQUIRE_SERVERS is 1."""
    if os.environ.get("EXFILWATCH_REQUIRE_SERVERS") == "1":
        pytest.fail(str(error), pytrace=False)
    pytest.skip(str(error))
