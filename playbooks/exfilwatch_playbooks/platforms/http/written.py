"""How what platforms read is written."""

import json as _json
from importlib import resources
from typing import Any


def yaml(value: dict[str, Any]) -> str:
    """YAML in the order of the keys."""
    from yaml import safe_dump

    return safe_dump(value, sort_keys=False, allow_unicode=True, width=120)


def json(value: dict[str, Any]) -> str:
    """JSON for people too."""
    return _json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def template(name: str, **given: object) -> str:
    """A file of ours, filled in."""
    from jinja2 import Environment, StrictUndefined

    source = (resources.files(__package__) / "files" / name).read_text("utf-8")
    environment = Environment(
        autoescape=False,  # noqa: S701 no HTML
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(source).render(**given)
