"""The scenario through the app for Splunk SOAR, run by its SDK's own runner."""

from pathlib import Path

from tests.platforms.splunk_soar.installation import containers, installed
from tests.platforms.splunk_soar.sdk import sdk
from tests.servers.unavailable import Unavailable, leave_out

from .scenario import scenario


def test_splunk_soar(tmp_path: Path) -> None:
    try:
        app = installed(sdk(tmp_path), tmp_path / "exfilwatch_app")
    except Unavailable as error:
        leave_out(error)
    with scenario() as site:
        logs, tracker = site.values["siem"]["logs"], site.values["case"]["tracker"]
        asset = {
            "database": site.values["database"],
            "rules": ",".join(site.values["rules"]),
            "siem_kind": logs["kind"],
            "siem_paths": ",".join(logs["paths"]),
            "container_level": "informational",
            **{f"case_{name}": value for name, value in tracker.items()},
            **{f"policy_{name}": value for name, value in site.values["policy"].items()},
        }

        def step(action: str, **params: str) -> dict[str, object]:
            return {"action": action, "params": params, "asset": asset}

        (polled,) = app.run(tmp_path, step("on-poll"))
        assert polled.success, polled.message
        incident = site.gravest()
        answers = app.run(
            tmp_path,
            step("enrich-finding", finding=incident.findings[0]),
            step("open-case", incident=incident.id),
            step("open-case", incident=incident.id),
            step("close-case", incident=incident.id, why="migration, CHG-1042"),
            step("on-poll"),
        )
        assert all(each.success for each in answers), [each.message for each in answers]
        assert [each.data["changed"] for each in answers[1:4]] == [True, False, True]
        assert answers[-1].message == "0 new incidents, 0 with news, 0 artifacts"
        site.check()
        assert {each["container"]["source_data_identifier"] for each in containers(tmp_path)} == {
            each.id for each in site.store().incidents()
        }
