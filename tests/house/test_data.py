"""The data that comes along."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_all_data_is_read_without_libyaml_too() -> None:
    """PyYAML's own loader, which is used where libyaml is missing, refuses some of what that takes."""
    files = [path for root in ("connector", "playbooks") for path in (ROOT / root).rglob("*.yml")]
    assert len(files) > 100
    for path in files:
        assert list(yaml.load_all(path.read_text("utf-8"), yaml.SafeLoader)), path
