"""A poll by the app of a real OpenSearch."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.servers.server import Server
from tests.siem.engines import KEYWORDS, engine

from exfilwatch_playbooks.demo.telemetry import telemetry

from .installation import App, containers
from .site import Site

HUNT = {"since": "48h", "dry_run": True}


def test_what_is_in_opensearch_becomes_containers(app: App, opensearch: Server, tmp_path: Path) -> None:
    with engine("opensearch", opensearch) as found, telemetry() as files:
        (file,) = [Path(each) for each in files if "scenario-3" in str(each)]
        found.create(mappings=KEYWORDS)
        yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
        text = file.read_text(encoding="utf-8").replace("2026-11-17", yesterday)
        found.put(map(json.loads, text.splitlines()))
        settings = found.settings()
        site = Site(tmp_path)
        asset = {
            "siem_kind": "opensearch",
            "siem_url": settings["url"],
            "siem_paths": "",
            "siem_indices": f"{found.prefix}-*",
            "first_poll": "48h",
        }
        connected, first, second, hunted = app.run(
            tmp_path,
            {"action": "test-connectivity", "asset": site.asset | asset},
            site.step("on-poll", asset=asset),
            site.step("on-poll", asset=asset),
            site.step("hunt", asset=asset, **HUNT),
        )
    assert connected.success, connected.message
    assert first.message.startswith("1 new incidents, 0 with news, "), first.message
    assert second.message == "0 new incidents, 0 with news, 0 artifacts"
    (only,) = containers(tmp_path)
    assert "WS-LAB-12" in only["container"]["name"]
    assert hunted.data["found"] >= len([each for each in only["artifacts"] if each["label"] == "finding"])
