"""The scenario through the command line."""

import json
import subprocess
import sys

from .scenario import Scenario, scenario


def said(site: Scenario, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "exfilwatch_playbooks.cli", *words],
        env=site.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_line() -> None:
    with scenario() as site:
        said(site, "poll", "--once")
        incident = site.gravest().id
        said(site, "action", "enrich_finding", "--finding", site.gravest().findings[0])
        opened = json.loads(said(site, "action", "open_case", "--incident", incident, "--output", "json"))
        assert opened["changed"]
        again = json.loads(said(site, "action", "open_case", "--incident", incident, "--output", "json"))
        assert (again["changed"], again["case_id"]) == (False, opened["case_id"])
        said(site, "action", "close_case", "--incident", incident, "--why", "migration, CHG-1042")
        site.check()
