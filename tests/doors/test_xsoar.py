"""The scenario through Cortex XSOAR's integration: what was polled is fetched, and a playbook's commands run.

With our stand-in for CommonServerPython, which is always there; with the platform's own see tests/platforms/xsoar.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.platforms.service import service
from tests.platforms.xsoar.cortex import platform
from tests.platforms.xsoar.sdk import environment
from tests.servers.unavailable import Unavailable, leave_out

from exfilwatch_playbooks.manifest import built
from exfilwatch_playbooks.platforms.xsoar import package

from .scenario import reference, scenario

_COMMON = Path(__file__).parents[1] / "platforms/xsoar/ours"


def test_cortex_xsoar(tmp_path: Path) -> None:
    try:
        environment()
    except Unavailable as error:
        leave_out(error)
    package(built(), tmp_path)
    with scenario() as site, service(site.environment, site.values["database"]) as running:
        polled = [sys.executable, "-m", "exfilwatch_playbooks.cli", "poll", "--once"]
        subprocess.run(polled, env=site.environment, check=True, capture_output=True)
        params = {"url": running.url, "credentials": {"password": running.token}, "level": "informational"}
        with platform(tmp_path / "ExfilWatch", _COMMON, params, tmp_path) as cortex:
            assert cortex.test() == "ok"
            fetched = [json.loads(each["rawJSON"]) for each in cortex.fetch()]
            assert {finding["id"] for each in fetched for finding in each["findings"]} == reference()
            assert {each["id"] for each in fetched} == {each.id for each in site.store().incidents()}
            (chosen,) = [each for each in fetched if each["id"] == site.gravest().id]
            cortex.run("exfilwatch-enrich-finding", finding=chosen["finding"])
            cortex.run("exfilwatch-open-case", incident=chosen["id"])
            (opened,) = cortex.context["ExfilWatch"]["OpenCase"]
            cortex.run("exfilwatch-open-case", incident=chosen["id"])
            (again,) = cortex.context["ExfilWatch"]["OpenCase"]
            assert (opened["changed"], again["changed"], again["case_id"]) == (True, False, opened["case_id"])
            cortex.run("exfilwatch-close-case", incident=chosen["id"], why="migration, CHG-1042")
        site.check()
