"""How facts change the severity: by rules that are data (severity.yml), each with the words that it is explained by.

A rule looks at the facts about one thing (a destination, a command) together with those about the incident as a whole.
What raises counts once for each rule, two steps at most together. What lowers counts only where nothing raises, and
only where it holds of every destination, or of a command that names it: one step, and never below low.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeAlias

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from exfilwatch.detection.detection import LEVELS, shifted
from exfilwatch.errors import ConfigError
from exfilwatch.findings.incident import rank
from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.enrichment.model import Fact, Severity, Status
from exfilwatch_playbooks.enrichment.sizes import size

Level: TypeAlias = Literal["informational", "low", "medium", "high", "critical"]
_MOST_STEPS = 2
_LOWEST = "low"
_KEY = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)*)\}")


def _amount(value: object) -> object:
    return size(value) if isinstance(value, str) else value


Amount: TypeAlias = Annotated[float, BeforeValidator(_amount)]


def _texts(value: object) -> object:
    return value if isinstance(value, list) else [value]


class Test(BaseModel):
    """Of one fact: its value is one of `is`, none of `not`, its number at least or at most so much (100, or 100 MB)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    values: Annotated[tuple[str, ...], BeforeValidator(_texts), Field(alias="is")] = ()
    others: Annotated[tuple[str, ...], BeforeValidator(_texts), Field(alias="not")] = ()
    least: Annotated[Amount | None, Field(alias="at least")] = None
    most: Annotated[Amount | None, Field(alias="at most")] = None

    def holds(self, fact: Fact) -> bool:
        if (self.values and fact.value not in self.values) or fact.value in self.others:
            return False
        if self.least is not None and (fact.number is None or fact.number < self.least):
            return False
        return self.most is None or (fact.number is not None and fact.number <= self.most)


class Rule(BaseModel):
    """`says`: the reason in words, with values of facts (`{volume.bytes_out}`), `{about}` and `{source}` (of the last
    fact tested). `steps`: how many levels up or (negative) down. `least`: the level that it is at least. `why`: for who
    reads the rules. `when`: tests by the key of a fact, in which `*` stands for any text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    says: Annotated[str, Field(min_length=1)]
    why: str = ""
    steps: Annotated[int, Field(ge=-1, le=2)] = 0
    least: Annotated[Level | None, Field(alias="at least")] = None
    when: Annotated[dict[str, Test], Field(min_length=1)]

    @property
    def raises(self) -> bool:
        return self.steps > 0 or self.least is not None

    def fires(self, facts: Sequence[Fact], about: str) -> str | None:
        """The reason in words; None when one of the tests fails."""
        tested: list[Fact] = []
        for key, test in self.when.items():
            found = next((fact for fact in facts if fnmatchcase(fact.key, key) and test.holds(fact)), None)
            if found is None:
                return None
            tested.append(found)
        said = {fact.key: fact.value for fact in reversed([*tested, *facts])}
        said |= {fact.key: fact.value for fact in tested} | {"about": about, "source": tested[-1].source}
        return _KEY.sub(lambda match: said.get(match[1], match[0]), self.says)


class Rules(BaseModel):
    """A file of rules."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rules: tuple[Rule, ...]


@cache
def packaged_rules() -> Rules:
    """Ours."""
    return _read(files("exfilwatch_playbooks.enrichment").joinpath("severity.yml").read_text("utf-8"), "severity.yml")


def loaded(path: Path) -> Rules:
    """The rules in a file. Raises ConfigError, which says where it is wrong."""
    try:
        return _read(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"enrichment.general: severity: {path}: can't be read: {error}") from None


def _read(text: str, name: str) -> Rules:
    try:
        return Rules.model_validate(read_yaml(text))
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not a YAML file: {error}") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5])
        raise ConfigError(f"{name}: {wrong}") from None


def judged(before: str, facts: Iterable[Fact], rules: Rules) -> Severity:
    """The severity of what was `before` when these facts were not known."""
    known = [fact for fact in facts if fact.status is Status.OK]
    fired = _fired(known, rules)
    raising = {each.rule.id: each.rule for each in fired if each.rule.raises}
    if raising:
        after = shifted(before, min(sum(rule.steps for rule in raising.values()), _MOST_STEPS))
        after = max([after, *(rule.least for rule in raising.values() if rule.least)], key=rank)
        return _changed(before, after, [each.said for each in fired if each.rule.raises])
    if fired and rank(before) > rank(_LOWEST) and _covers(known, {each.about for each in fired}):
        return _changed(before, shifted(before, -1), [each.said for each in fired])
    return Severity(before=before, after=before)


def _covers(known: Sequence[Fact], lowered: set[str]) -> bool:
    """Whether every destination is one of these, or named by one of these (a command)."""
    destinations = {fact.about for fact in known if fact.key.startswith("place.")}
    return all(each in lowered or any(each in thing for thing in lowered) for each in destinations)


class _Fired(NamedTuple):
    rule: Rule
    about: str
    said: str


def _fired(known: Sequence[Fact], rules: Rules) -> list[_Fired]:
    """The rules that fire, with their reasons, each once."""
    whole = [fact for fact in known if not fact.about]
    things = list(dict.fromkeys(fact.about for fact in known if fact.about))
    about: Mapping[str, list[Fact]] = {
        thing: [*(fact for fact in known if fact.about == thing), *whole] for thing in things or [""]
    }
    return [
        _Fired(rule, thing, said)
        for thing, those in about.items()
        for rule in rules.rules
        if (said := rule.fires(those, thing)) is not None
    ]


def _changed(before: str, after: str, reasons: Iterable[str]) -> Severity:
    after = after if after in LEVELS else before
    return Severity(before=before, after=after, reasons=tuple(dict.fromkeys(reasons)))
