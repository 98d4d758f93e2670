"""Chromium: Debian's package, driven by Playwright; one for each worker, headless, without a network of its own.

What Chromium asks for by itself (updates, components, sync) is switched off, so that whatever a page asks for shows.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from .unavailable import Unavailable, leave_out

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def program() -> str:
    """Where Chromium is; root installs it where servers are required. Raises Unavailable."""
    if not shutil.which("chromium") and os.environ.get("EXFILWATCH_REQUIRE_SERVERS") == "1":
        apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
        for command in (["update"], ["install", "--no-install-recommends", "chromium", "fonts-dejavu-core"]):
            subprocess.run([*apt, *command], env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, check=False)
    found = shutil.which("chromium")
    if not found:
        raise Unavailable("needs Chromium: apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A real Chromium."""
    try:
        where = program()
    except Unavailable as error:
        leave_out(error)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=where, args=list(FLAGS))
        except Error as error:
            leave_out(Unavailable(f"chromium did not start: {str(error)[:200]}"))
        with browser:
            yield browser
