"""The module as `exfilwatch package` writes it, and the SDK that runs it."""

import pytest
from tests.servers.unavailable import Unavailable, leave_out

from .installation import Module, installed
from .sdk import sdk


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Module:
    """The module's folder, beside the SDK."""
    folder = tmp_path_factory.mktemp("sekoia")
    try:
        return installed(sdk(folder), folder / "library")
    except Unavailable as error:
        leave_out(error)
