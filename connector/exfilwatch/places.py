"""Where a user's files are (XDG Base Directory). None is looked for in the working directory, which may hold somebody
else's evidence."""

import os
from pathlib import Path

from exfilwatch.errors import ConfigError

CONFIG = "EXFILWATCH_CONFIG"
SITE = "EXFILWATCH_SITE"


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


def site_folder() -> Path:
    """Where a site says what only it knows of tools, places and files (docs/site.md): the folder that EXFILWATCH_SITE
    names, which then must exist, else `site` beside the settings.
    """
    named = os.environ.get(SITE)
    if not named:
        return config_file().parent / "site"
    if not Path(named).is_dir():
        raise ConfigError(f"{named}: there is no such folder; {SITE} names it as what the site knows")
    return Path(named)


def _folder(variable: str, default: str) -> Path:
    given = os.environ.get(variable, "")
    try:
        return (Path(given) if Path(given).is_absolute() else Path.home() / default) / "exfilwatch"
    except RuntimeError as error:
        raise ConfigError(f"the home directory is unknown: set HOME or {variable}") from error
