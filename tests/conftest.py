"""Settings for all tests."""

import functools
import gc
import os
from collections.abc import Iterator
from typing import Any

import httpx._transports.default as transport
import pytest
from hypothesis import HealthCheck, settings

import exfilwatch.detection.load as loading

from .durations import pytest_runtest_makereport, pytest_terminal_summary
from .packs_once import remembering
from .servers.chromium import chromium, running_chromium
from .servers.fixtures import elasticsearch, opensearch, pytest_configure, pytest_configure_node
from .servers.postgresql import database, postgresql

__all__ = [
    "chromium",
    "database",
    "elasticsearch",
    "opensearch",
    "postgresql",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_runtest_makereport",
    "pytest_terminal_summary",
    "running_chromium",
]

# Machines are noisy: a test that is slow once is not wrong. Bounds on time are asserted where they are meant.
# In CI the examples are the same in each run of the same code; at the desk they differ, and find more over time.
settings.register_profile(
    "exfilwatch",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("exfilwatch")


def pytest_collectstart() -> None:
    """Tests and modules stay until the end: looking through them for garbage is only work, a quarter of collecting."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What comes from here on is looked through; all of it seldom, as long as there is much that is old: so that is not
    frozen.
    """
    gc.collect()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _packs_are_parsed_once() -> Iterator[None]:
    """In each process that runs tests."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loading, "_load", remembering())
        yield


@pytest.fixture(scope="session", autouse=True)
def _authorities_are_read_once() -> Iterator[None]:
    """In each process that runs tests: reading those that httpx trusts takes longer than a request."""
    make = transport.create_ssl_context
    usual = functools.cache(lambda _where: make())

    def remembered(verify: Any = True, cert: Any = None, trust_env: bool = True) -> Any:
        if verify is True and cert is None and trust_env:
            return usual((os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")))
        return make(verify=verify, cert=cert, trust_env=trust_env)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(transport, "create_ssl_context", remembered)
        yield
