"""Rule files parsed by pySigma, each rule with its document; every problem as an error with file and line."""

import copy
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.modifiers import SigmaWideModifier, modifier_mapping
from sigma.rule import SigmaDetection, SigmaRule

from exfilwatch.detection.correlation_plan import OPERATORS
from exfilwatch.detection.document import Document, documents
from exfilwatch.detection.expressions import POLICY
from exfilwatch.errors import RuleError

AnyRule: TypeAlias = SigmaRule | SigmaCorrelationRule | SigmaFilter

# The specification has utf16le beside wide; pySigma knows it by one of its names only.
modifier_mapping.setdefault("utf16le", SigmaWideModifier)

# What pySigma raises for values of types that it does not expect.
MALFORMED = (AttributeError, TypeError, ValueError, KeyError, IndexError, RecursionError)
_ACTIONS = ("global", "reset", "repeat")
# Which key an error of pySigma is about, by the name of its class.
_KEYS = {
    "SigmaLogsourceError": ("logsource",),
    "SigmaIdentifierError": ("id",),
    "SigmaNameError": ("name",),
    "SigmaTitleError": ("title",),
    "SigmaLevelError": ("level",),
    "SigmaStatusError": ("status",),
    "SigmaDateError": ("date",),
    "SigmaTagError": ("tags",),
    "SigmaConditionError": ("detection", "condition"),
}


_MODIFIER = re.compile(r"Modifier (\w+) incompatible to value type of '(.*)'\Z", re.DOTALL)
_OBJECT = re.compile(r"<sigma\.types\.Sigma(\w+) object at 0x[0-9a-f]+>")


class Parsed(NamedTuple):
    """A rule as pySigma has it, and its document. `written`: a correlation's condition as it stands there."""

    rule: AnyRule
    document: Document
    written: Mapping[str, object] | None = None


class Parser:
    """Collects the rules of files, and the errors of what is none."""

    def __init__(self) -> None:
        self.errors: list[RuleError] = []
        self.parsed: list[Parsed] = []

    def read(self, path: Path) -> None:
        """Parse the documents of a file. `action: global` holds for those after it."""
        before: list[dict[str, Any]] = []
        for document in documents(path):
            if isinstance(document, RuleError):
                self.errors.append(document)
                continue
            self.errors.extend(document.duplicate_keys())
            action = document.content.get("action")
            if action is not None and action not in _ACTIONS:
                self.errors.append(document.error(f"action {action!r} is not one of {', '.join(_ACTIONS)}", "action"))
                continue
            if action not in ("global", "reset"):
                found = self._parse(document, before if action else [each for each in before if "action" in each])
                if found is not None:
                    self.parsed.append(found)
            before.append(document.content)

    def _parse(self, document: Document, before: list[dict[str, Any]]) -> Parsed | None:
        """`before`: documents of the file that hold for this one too (action global, reset; all for repeat)."""
        content = copy.deepcopy(document.content)
        if not before and not {"detection", "correlation", "filter"} & content.keys():
            self.errors.append(document.error("is not a Sigma rule: it has no detection, correlation or filter"))
            return None
        before_parsing = _wrong_before(content)
        if before_parsing is not None:
            self.errors.append(document.error(": ".join(before_parsing), *before_parsing[:-1]))
            return None
        written = _one_bound(content)
        try:
            collection = SigmaCollection.from_dicts(
                [*copy.deepcopy(before), content],
                collect_errors=True,
                collect_filters=True,
                resolve_references=False,
                policy=POLICY,
            )
        except (SigmaError, *MALFORMED) as error:
            self.errors.append(document.error(f"is not a Sigma rule: {said(error)}"))
            return None
        found = [*collection.filters, *collection.rules]
        if not found:
            self.errors.extend(document.error(message(error)) for error in collection.errors)
            return None
        rule = found[-1]
        self.errors.extend(self.explained(error, document) for error in rule.errors)
        if rule.errors:
            return None
        wrong = next(_no_texts(rule), None)
        if wrong is not None:
            self.errors.append(document.error(wrong, *wrong.split(": ")[:-1]))
            return None
        return Parsed(rule, document, written)

    @staticmethod
    def explained(error: SigmaError, document: Document) -> RuleError:
        """An error of pySigma with the place that it is about."""
        keys = next((_KEYS[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _KEYS), ())
        if not keys:
            section = next((name for name in ("detection", "correlation", "filter") if name in document.content), "")
            keys = (section,)
            if section != "correlation":
                keys = (section, *_failing(document.content.get(section)))[:2]
        return document.error(f"{'.'.join(key for key in keys if key)}: {message(error)}", *keys)


def _wrong_before(content: dict[str, Any]) -> tuple[str, ...] | None:
    """What pySigma passes over or stumbles on: the keys that lead to it, and what is wrong with it."""
    if content.get("id") is not None and not isinstance(content["id"], str):
        return ("id", "is no text: a rule's id is a UUID")
    if isinstance(content.get("detection"), dict) and "timeframe" in content["detection"]:
        return ("detection", "timeframe", "belongs to the old aggregations: write a correlation with a timespan")
    return None


def _no_texts(rule: AnyRule) -> Iterator[str]:
    """Names and conditions of other types than text, which pySigma takes and stumbles over later."""
    if isinstance(rule, SigmaRule):
        if not all(isinstance(text, str) for text in rule.detection.condition):
            yield "detection: condition: is no text"
        return
    named = rule.rules if isinstance(rule, SigmaCorrelationRule) else rule.filter.rules
    if not isinstance(named, str) and not all(isinstance(each.reference, str) for each in named or ()):
        yield f"{'correlation' if isinstance(rule, SigmaCorrelationRule) else 'filter'}: rules: holds what is no name"
    if isinstance(rule, SigmaCorrelationRule):
        for alias in rule.aliases:
            if not all(isinstance(field, str) for field in alias.mapping.values()):
                yield f"correlation: aliases: {alias.alias} maps to what is no field"
        if not all(isinstance(field, str) for field in rule.group_by or ()):
            yield "correlation: group-by: holds what is no field"


def _one_bound(content: dict[str, Any]) -> Mapping[str, object] | None:
    """A correlation's range ({gt: 1, lte: 5}) cut down to one bound for pySigma; the range as written, else None."""
    correlation = content.get("correlation")
    condition = correlation.get("condition") if isinstance(correlation, dict) else None
    if not isinstance(condition, dict):
        return None
    written = dict(condition)
    for extra in [name for name in OPERATORS if name in condition][1:]:
        del condition[extra]
    return written


def said(error: Exception) -> str:
    """What pySigma stumbled over, for people."""
    return "nested too deeply" if isinstance(error, RecursionError) else f"{type(error).__name__}: {error}"


def message(error: SigmaError) -> str:
    """What pySigma says, without the names of its classes."""
    text = str(error.args[0] if error.args else error).strip()
    found = _MODIFIER.match(text)
    if found:
        name = next((name for name, kind in modifier_mapping.items() if kind.__name__ == found[1]), found[1])
        return f"the modifier {name} can't be used on {_OBJECT.sub(_plain, found[2])}"
    return _OBJECT.sub(_plain, text)


def _plain(found: re.Match[str]) -> str:
    return str(found[1]).lower()


def _failing(section: object) -> Iterator[str]:
    """The selections that pySigma refuses: found by parsing each alone."""
    if not isinstance(section, dict):
        return
    for name, definition in section.items():
        if name in ("condition", "rules"):
            continue
        try:
            SigmaDetection.from_definition(definition, policy=POLICY)
        except (SigmaError, TypeError, ValueError):
            yield str(name)
