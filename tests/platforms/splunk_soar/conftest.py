"""The app as `exfilwatch package` writes it, and the SDK that runs it."""

import pytest
from tests.servers.unavailable import Unavailable, leave_out

from .installation import App, installed
from .sdk import sdk
from .site import Site, site


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    """The app's project, beside the SDK."""
    folder = tmp_path_factory.mktemp("splunk_soar")
    try:
        return installed(sdk(folder), folder / "exfilwatch_app")
    except Unavailable as error:
        leave_out(error)


@pytest.fixture(scope="session")
def polled(app: App, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A small site, after one poll."""
    found = site(tmp_path_factory.mktemp("polled"), "lnx", "windows-day")
    (answer,) = app.run(found.home, found.step("on-poll"))
    assert answer.success, answer.message
    return found
