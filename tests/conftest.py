"""Settings for all tests."""

import os

from hypothesis import HealthCheck, settings

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
