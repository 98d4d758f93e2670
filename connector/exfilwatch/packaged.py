"""YAML, and the data that comes with the packages: files of it beside the modules that read them."""

from importlib.resources import files
from typing import Any

import yaml

# libyaml's loader where it is there: reading the field maps takes a fifth of a second without it.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Any:
    """The content of one YAML document. Raises yaml.YAMLError."""
    return yaml.load(text, LOADER)  # noqa: S506 - a safe loader


def packaged(package: str, name: str) -> Any:
    """The content of a YAML file of a package."""
    return read_yaml(files(package).joinpath(name).read_text("utf-8"))
