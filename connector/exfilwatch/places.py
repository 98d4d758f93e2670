"""Where a user's files are (XDG Base Directory). None is looked for in the working directory, which may hold somebody
else's evidence."""

import os
from pathlib import Path

from exfilwatch.errors import ConfigError

CONFIG = "EXFILWATCH_CONFIG"


def config_file() -> Path:
    """The settings file that EXFILWATCH_CONFIG names, which then must exist, else the user's own."""
    named = os.environ.get(CONFIG)
    return Path(named) if named else _folder("XDG_CONFIG_HOME", ".config") / "config.toml"


def database_file() -> Path:
    """Where findings and cases are kept when no setting says otherwise."""
    return _folder("XDG_DATA_HOME", ".local/share") / "exfilwatch.sqlite"


def suppressions_folder() -> Path:
    """Where filters that hide something for a while are kept when no setting says otherwise."""
    return _folder("XDG_DATA_HOME", ".local/share") / "suppressions"


def _folder(variable: str, default: str) -> Path:
    given = os.environ.get(variable, "")
    try:
        return (Path(given) if Path(given).is_absolute() else Path.home() / default) / "exfilwatch"
    except RuntimeError as error:
        raise ConfigError(f"the home directory is unknown: set HOME or {variable}") from error
