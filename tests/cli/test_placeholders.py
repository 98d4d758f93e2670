"""Values of placeholders come from the settings."""

import os
import subprocess
import sys
from pathlib import Path

RULE = """
title: On our proxies
id: 0f0f0f0f-0000-4000-8000-0000000000aa
logsource: {category: process_creation}
detection:
  proxy: {CommandLine|expand|contains: '%proxies%'}
  condition: proxy
"""
EVENT = '{"Image": "curl", "CommandLine": "curl -x proxy7.example https://x", "category": "process_creation"}'


def detect(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "rule.yml").write_text(RULE, "utf-8")
    (tmp_path / "events.jsonl").write_text(EVENT + "\n", "utf-8")
    command = [sys.executable, "-m", "exfilwatch_playbooks.cli", "detect", "events.jsonl", "--rules", "rule.yml"]
    return subprocess.run(
        command, cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def test_a_rule_with_a_placeholder_fires_on_the_values_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[placeholders]\nproxies = ["proxy?.example", "gate"]\n', "utf-8")
    done = detect(tmp_path, EXFILWATCH_CONFIG=str(tmp_path / "settings.toml"))
    assert done.returncode == 0, done.stderr
    assert '"matched":"proxy7.example"' in done.stdout


def test_a_rule_with_a_placeholder_without_values_is_an_error_that_names_both(tmp_path: Path) -> None:
    done = detect(tmp_path)
    assert done.returncode == 2
    assert "On our proxies" in done.stderr
    assert "%proxies%" in done.stderr
