"""Which ATT&CK techniques rules see, as a layer for the ATT&CK Navigator (its layer format 4.5)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from exfilwatch.detection.detection import RuleInfo


class Technique(msgspec.Struct, rename="camel"):
    """A technique: how many rules see it, and which."""

    technique_id: str = msgspec.field(name="techniqueID")
    score: int = 0
    comment: str = ""
    enabled: bool = True


class Versions(msgspec.Struct):
    """Of the layer format, and of ATT&CK, whose newest the Navigator takes where a layer names none."""

    layer: str = "4.5"


class Gradient(msgspec.Struct, rename="camel"):
    """The colours from the lowest score to the highest."""

    colors: tuple[str, str]
    min_value: int
    max_value: int


class Layer(msgspec.Struct, rename="camel"):
    """A layer, with the members that the format requires and those that say something here."""

    name: str
    description: str
    techniques: list[Technique]
    gradient: Gradient
    versions: Versions = msgspec.field(default_factory=Versions)
    domain: str = "enterprise-attack"


def layer(rules: "Iterable[RuleInfo]", name: str) -> Layer:
    """The layer of rules: a technique's score is the number of those that name it."""
    titles: dict[str, list[str]] = {}
    for rule in rules:
        for technique in rule.attack:
            titles.setdefault(technique, []).append(rule.title)
    seen = [Technique(technique, len(found), "\n".join(sorted(found))) for technique, found in sorted(titles.items())]
    most = max((each.score for each in seen), default=1)
    description = f"Techniques that the rules of {name} name; the score is how many do."
    return Layer(f"exfilwatch: {name}", description, seen, Gradient(("#fee8c8", "#e34a33"), 0, most))
