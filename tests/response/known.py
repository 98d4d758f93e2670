"""Facts to test with."""

import dataclasses
import string
from typing import Any

from exfilwatch_playbooks.response.facts import Facts
from exfilwatch_playbooks.response.guide import Guide, Step, guides
from exfilwatch_playbooks.response.placeholders import UNKNOWN

_WITHOUT_DEFAULT = [field.name for field in dataclasses.fields(Facts) if field.default is dataclasses.MISSING]
NOTHING = Facts(**dict.fromkeys(_WITHOUT_DEFAULT) | {"product": "", "connected": False, "destinations": ()})  # type: ignore[arg-type]
STEPS: list[tuple[Guide, Step]] = [(guide, step) for guide in guides().values() for step in guide.steps]


def known(**values: Any) -> Facts:
    return dataclasses.replace(NOTHING, **values)


def everything(value: str, **others: Any) -> Facts:
    """Each placeholder has this value."""
    return known(**dict.fromkeys(UNKNOWN, value) | {"destinations": (value,)} | others)


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}
