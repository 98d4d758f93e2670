"""The data that comes with the packages: YAML files beside the modules that read them."""

from importlib.resources import files
from typing import Any

import yaml

# libyaml's loader where it is there: reading the field maps takes a fifth of a second without it.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def packaged(package: str, name: str) -> Any:
    """The content of a YAML file of a package."""
    return yaml.load(files(package).joinpath(name).read_text("utf-8"), LOADER)  # noqa: S506 - a safe loader
