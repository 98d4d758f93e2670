"""A rule file as it is written, as far as its page shows it. The rules themselves were loaded, and so are sound."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import yaml

from exfilwatch.detection.document import Document, documents, rule_files
from exfilwatch.errors import RuleError
from exfilwatch.structs import ready


class Joined(msgspec.Struct, rename="kebab"):
    """The `correlation` of a document."""

    type: str
    rules: list[str] | str
    timespan: str | int
    group_by: list[str] | str = []
    condition: dict[str, object] | str | None = None


class Rule(msgspec.Struct):
    """One document. `detection` and `filter` hold selections and their condition."""

    title: str = ""
    name: str = ""
    id: str = ""
    status: str = ""
    description: str = ""
    references: list[str] = []
    tags: list[str] = []
    falsepositives: list[str] = []
    level: str = "medium"
    logsource: dict[str, str] = {}
    detection: dict[str, object] = {}
    correlation: Joined | None = None
    filter: dict[str, object] = {}
    exfilwatch: dict[str, object] = {}

    @property
    def selections(self) -> dict[str, object]:
        """What the condition is over, by name."""
        names = ("condition", "rules")
        return {name: each for name, each in (self.detection or self.filter).items() if name not in names}

    @property
    def condition(self) -> str:
        """The condition over the selections."""
        found = (self.detection or self.filter).get("condition", "")
        return " or ".join(f"({each})" for each in found) if isinstance(found, list) else str(found)

    def block(self, key: str) -> str:
        """A text of the `exfilwatch:` block."""
        return str(self.exfilwatch.get(key) or "").strip()

    @property
    def reported(self) -> dict[str, str]:
        """Output names of the `fields` of the `exfilwatch:` block, each with its source."""
        fields = self.exfilwatch.get("fields")
        found: dict[str, str] = {}
        for each in fields if isinstance(fields, list) else []:
            found |= {
                str(name): str(source) for name, source in (each if isinstance(each, dict) else {each: each}).items()
            }
        return found


class RuleFile(msgspec.Struct):
    """A file: the rule that gives findings (or the filter), its members, and its text. `place`: pack or folder."""

    place: str
    path: Path
    rule: Rule
    members: list[Rule]
    text: str

    @property
    def page(self) -> str:
        """The page's path below the folder of all pages."""
        return f"{self.place}/{self.path.stem}.md"

    @property
    def kind(self) -> str:
        return "filter" if self.rule.filter else "sequence" if self.rule.correlation else "rule"


def files(place: str, folder: Path) -> Iterator[RuleFile]:
    """The rule files of a folder, or the one file."""
    for path in rule_files([folder]):
        found = [_rule(each) for each in documents(path) if not isinstance(each, RuleError)]
        if not found:
            continue
        main = next((each for each in found if each.correlation), found[0])
        yield RuleFile(place, path, main, [each for each in found if each is not main], path.read_text("utf-8").strip())


def _rule(document: Document) -> Rule:
    return msgspec.convert(document.content, ready(Rule), strict=False)


def yaml_of(content: dict[str, object]) -> str:
    """YAML as rules are written here: in the given order, texts in single quotes where they need some."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110).strip()
