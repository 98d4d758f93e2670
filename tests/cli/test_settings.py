"""Settings: a file, then the environment, then options."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exfilwatch.config import settings
from exfilwatch.errors import ConfigError
from exfilwatch.findings.grouping import WINDOW
from exfilwatch_playbooks.cli.settings import rule_paths

from .program import called, inside


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "settings.toml"
    monkeypatch.setenv("EXFILWATCH_CONFIG", str(made))
    return made


def test_without_any_the_defaults_are_those_of_the_command_and_of_grouping() -> None:
    found = settings()
    assert found.rules == ("exfil",)
    assert [path.name for path in rule_paths(None)] == ["exfil"]
    assert found.incident_window == WINDOW
    assert found.database.endswith(".local/share/exfilwatch/exfilwatch.sqlite")


def test_the_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('rules = ["seed"]\nincident_window = "2h"\ndatabase = "file.sqlite"\n')
    monkeypatch.setenv("EXFILWATCH_DATABASE", "environment.sqlite")
    monkeypatch.setenv("EXFILWATCH_RULES", "exfil, my-rules/")
    found = settings()
    assert found.database == "environment.sqlite"
    assert found.rules == ("exfil", "my-rules/")
    assert found.incident_window == timedelta(hours=2)


def test_the_users_file_is_found_and_none_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "config" / "exfilwatch" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text('rules = ["seed"]\n')
    (tmp_path / "config.toml").write_text('rules = ["planted"]\n')
    (tmp_path / "exfilwatch.toml").write_text('rules = ["planted"]\n')
    monkeypatch.chdir(tmp_path)
    assert settings().rules == ("exfil",)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert settings().rules == ("seed",)
    assert [path.name for path in rule_paths(None)] == ["seed"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("rules = []", "rules: "),
        ("rules = 'seed'\nrulez = 1", "rulez: there is no such setting, use database, rules, incident_window"),
        ("incident_window = 5", "incident_window: use a number with s, m, h or d"),
        ("incident_window = '5 fortnights'", "incident_window: use a number with s, m, h or d"),
        ("database = 7", "database: "),
        ("database =", "not a TOML file"),
        ("[siem.soc]\nkind = files", "not a TOML file: Invalid value (at line 2, column 8): texts stand in quotes"),
        ("[siem]\nkind = 'files'", "siem: each SIEM has a table of its own, by a name that you give: [siem.NAME]"),
        ("[soc]\nkind = 'files'", "soc: there is no such table: a SIEM stands in [siem.soc]"),
    ],
)
def test_a_wrong_setting_is_an_error_with_file_and_name(content: str, said: str, file: Path) -> None:
    file.write_text(content)
    with pytest.raises(ConfigError) as raised:
        settings()
    assert said in str(raised.value)
    assert str(file) in str(raised.value)


@pytest.mark.parametrize("name", ["soc", "Soc", "so-c", "SO_C"])
def test_a_variable_reaches_the_siem_of_the_file_however_its_name_is_written(
    name: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(f"[siem.{name}]\nkind = 'splunk'\ntoken = 'of the file'\n[siem.other]\nkind = 'sumo'\n")
    monkeypatch.setenv(f"EXFILWATCH_SIEM__{name.upper().replace('-', '_')}__TOKEN", "of the variable")
    assert settings().siem == {name: {"kind": "splunk", "token": "of the variable"}, "other": {"kind": "sumo"}}


def test_two_of_the_file_whose_names_differ_only_so_stay_two(file: Path) -> None:
    file.write_text("[siem.so-c]\nkind = 'splunk'\n[siem.so_c]\nkind = 'sumo'\n")
    assert set(settings().siem) == {"so-c", "so_c"}


def test_a_file_that_is_named_and_missing_is_an_error(file: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        settings()


def test_no_error_shows_the_password_of_a_database(logs: Path, capsys: Any) -> None:
    for url in (
        "postgresql://me:sesame@127.0.0.1:1/x",
        "nonsense://me:sesame@h/x",
        "postgresql+nodriver://me:sesame@h/x",
    ):
        ended = inside(capsys, "run", logs, "--database", url)
        assert ended.code in (1, 2)
        assert ended.err.startswith("error: ")
        assert "sesame" not in ended.err


def test_the_rules_of_the_settings_are_used(logs: Path) -> None:
    found = called("detect", logs, env={"EXFILWATCH_RULES": "seed"}).lines
    assert {each["rule"]["title"] for each in found} == {"Transfer Tool With An Upload Option"}
