"""The scenario through the module for Sekoia: its trigger polls, its actions enrich, open and close."""

from pathlib import Path

from tests.platforms.sekoia.callback import platform
from tests.platforms.sekoia.installation import installed
from tests.platforms.sekoia.sdk import sdk
from tests.servers.unavailable import Unavailable, leave_out

from .scenario import scenario


def test_the_module_for_sekoia(tmp_path: Path) -> None:
    try:
        module = installed(sdk(tmp_path), tmp_path / "library")
    except Unavailable as error:
        leave_out(error)
    with scenario() as site, platform({}) as server:
        case = {f"case_{name}": value for name, value in site.values["case"]["tracker"].items()}
        settings = {
            "siem_kind": "files",
            "siem_paths": ",".join(site.values["siem"]["logs"]["paths"]),
            "rules": ",".join(site.values["rules"]),
            "database": site.values["database"],
            **{f"policy_{name}": level for name, level in site.values["policy"].items()},
            **case,
        }
        with module.started("Poll", server, site.home, settings, {"every": "1h", "level": "informational"}):
            server.wait(lambda: len(server.events) >= 1 and len(server.events) == len(site.store().incidents()))
        gravest = site.gravest()
        assert gravest.id in server.incidents()
        done = module.steps(
            site.home,
            settings,
            ("EnrichFinding", {"finding": gravest.findings[0]}),
            ("OpenCase", {"incident": gravest.id}),
            ("OpenCase", {"incident": gravest.id}),
            ("CloseCase", {"incident": gravest.id, "why": "migration, CHG-1042"}),
        )
        assert [each.get("changed") for each in done[1:]] == [True, False, True]
        site.check()
