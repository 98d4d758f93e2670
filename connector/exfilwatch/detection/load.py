"""Loads Sigma rules, correlations and filters: parsed by pySigma, compiled to what the engine evaluates.

What can't be evaluated exactly is an error that names the rule, its file, its line and the part.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.modifiers import SigmaWideModifier, modifier_mapping
from sigma.rule import SigmaDetection, SigmaRule, SigmaRuleBase

from exfilwatch.detection.condition import Any as AnyOf
from exfilwatch.detection.condition import Node
from exfilwatch.detection.correlation_plan import OPERATORS, inner_first, member_id, plan
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.document import Document, documents, rule_files
from exfilwatch.detection.expressions import POLICY
from exfilwatch.detection.extension import Extension, extension
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.output import outputs
from exfilwatch.detection.rule import Correlation, Rule, RuleSet
from exfilwatch.detection.sigma_condition import Placeholders, condition_node, selection_nodes
from exfilwatch.errors import RuleError, RuleSetError

# The specification has utf16le beside wide; pySigma knows it by one of its names only.
modifier_mapping.setdefault("utf16le", SigmaWideModifier)

# What pySigma raises for values of types that it does not expect.
_MALFORMED = (AttributeError, TypeError, ValueError, KeyError, IndexError, RecursionError)
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


def load(paths: Iterable[Path | str], placeholders: Placeholders | None = None) -> RuleSet:
    """The rules of files and folders (*.yml, *.yaml; folders named `tests` are passed over).

    Raises RuleError, or RuleSetError with all of them; ConfigError for a path that is not there.
    """
    rules, errors = _load(paths, placeholders or {})
    if errors:
        raise errors[0] if len(errors) == 1 else RuleSetError(errors)
    return rules


def check(paths: Iterable[Path | str], placeholders: Placeholders | None = None) -> list[RuleError]:
    """Every problem of the rules in files and folders, by file and line."""
    _, errors = _load(paths, placeholders or {})
    return sorted(errors, key=lambda error: (error.path, error.line))


def _load(paths: Iterable[Path | str], placeholders: Placeholders) -> tuple[RuleSet, list[RuleError]]:
    loader = _Loader(placeholders)
    for path in rule_files(paths):
        loader.read(path)
    return loader.compile(), loader.errors


class _Loader:
    """Collects parsed rules with their documents, then resolves what refers to what, then compiles."""

    def __init__(self, placeholders: Placeholders) -> None:
        self.placeholders = placeholders
        self.errors: list[RuleError] = []
        self.parsed: list[tuple[SigmaRule | SigmaCorrelationRule | SigmaFilter, Document]] = []
        self.written: dict[int, Mapping[str, object]] = {}

    # Reading

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
                    self.parsed.append((found, document))
            before.append(document.content)

    def _parse(
        self, document: Document, before: list[dict[str, Any]]
    ) -> SigmaRule | SigmaCorrelationRule | SigmaFilter | None:
        """`before`: documents of the file that hold for this one too (action global, reset; all for repeat)."""
        content = copy.deepcopy(document.content)
        if not before and not {"detection", "correlation", "filter"} & content.keys():
            self.errors.append(document.error("is not a Sigma rule: it has no detection, correlation or filter"))
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
        except (SigmaError, *_MALFORMED) as error:
            self.errors.append(document.error(f"is not a Sigma rule: {_said(error)}"))
            return None
        found = [*collection.filters, *collection.rules]
        if not found:
            self.errors.extend(document.error(_message(error)) for error in collection.errors)
            return None
        rule = found[-1]
        self.errors.extend(self._explained(error, document) for error in rule.errors)
        if rule.errors:
            return None
        wrong = next(_no_texts(rule), None)
        if wrong is not None:
            self.errors.append(document.error(wrong, *wrong.split(": ")[:-1]))
            return None
        if written is not None:
            self.written[id(rule)] = written
        return rule

    def _explained(self, error: SigmaError, document: Document) -> RuleError:
        keys = next((_KEYS[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _KEYS), ())
        if not keys:
            section = next((name for name in ("detection", "correlation", "filter") if name in document.content), "")
            keys = (section,)
            if section != "correlation":
                keys = next(_failing(document.content.get(section)), ("", section))[::-1]
        return document.error(f"{'.'.join(key for key in keys if key)}: {_message(error)}", *keys)

    # Compiling

    def compile(self) -> RuleSet:
        """Resolve references, apply filters and compile what has no errors so far."""
        self._unique()
        rules = [rule for rule, _ in self.parsed]
        filters = [rule for rule in rules if isinstance(rule, SigmaFilter)]
        self._check_filters(filters)
        collection = SigmaCollection([*rules], resolve_references=False)
        made: dict[int, Rule] = {}
        for rule, document in self.parsed:
            if isinstance(rule, SigmaRule):
                compiled_rule = self._guarded(document, lambda r=rule, d=document: self._rule(r, d))
                if compiled_rule is not None:
                    made[id(rule)] = compiled_rule
        correlations = self._correlations(collection)
        for rule, _ in self.parsed:
            if id(rule) in made:
                made[id(rule)].emits = rule._output
        return RuleSet(list(made.values()), correlations)

    def _unique(self) -> None:
        """Ids and names are how correlations, filters and findings name rules."""
        seen: dict[str, Document] = {}
        for rule, document in self.parsed:
            for key, value in (("id", rule.id), ("name", rule.name)):
                if value is None:
                    continue
                other = seen.setdefault(f"{key} {value}".lower(), document)
                if other is not document:
                    place = f"{other.path}:{other.line_of(key)}"
                    self.errors.append(document.error(f"{key} {value} is already that of a rule at {place}", key))

    def _check_filters(self, filters: list[SigmaFilter]) -> None:
        """A filter that names a rule and does not fit its log source would do nothing without a word."""
        by_name = {str(name): rule for rule, _ in self.parsed for name in (rule.id, rule.name) if name}
        for each in filters:
            document = next(document for rule, document in self.parsed if rule is each)
            references = each.filter.rules if isinstance(each.filter.rules, list) else []
            for reference in references:
                rule = by_name.get(reference.reference)
                if isinstance(rule, SigmaRule) and rule.logsource not in each.logsource:
                    message = (
                        f"its logsource does not hold that of the rule {reference.reference!r}, so it would do nothing"
                    )
                    self.errors.append(document.error(f"filter: {message}", "logsource"))
                elif isinstance(rule, SigmaCorrelationRule):
                    message = f"rule {reference.reference!r} is a correlation: name the rules that it refers to"
                    self.errors.append(document.error(f"filter: {message}", "filter", "rules"))

    def _guarded(self, document: Document, make: Any) -> Any:
        try:
            return make()
        except RuleError as error:
            self.errors.append(document.error(str(error.args[0]), *_keys_in(str(error.args[0]), document)))
        except SigmaError as error:
            self.errors.append(self._explained(error, document))
        except _MALFORMED as error:
            self.errors.append(document.error(f"is not a Sigma rule: {_said(error)}"))
        return None

    def _rule(self, rule: SigmaRule, document: Document) -> Rule:
        block = extension(rule.custom_attributes.get("exfilwatch"))
        if block.emit != "window":
            raise RuleError("exfilwatch: emit: stands only in a correlation")
        source = LogSource(*(str(part or "").lower() for part in _log_source(rule)))
        source.check()
        nodes = selection_nodes(rule.detection, self.placeholders)
        conditions = tuple(condition_node(text, rule.detection, nodes) for text in rule.detection.condition)
        condition: Node = conditions[0] if len(conditions) == 1 else AnyOf(conditions)
        if block.score:
            for name in block.score.weights:
                if name not in nodes:
                    raise RuleError(f"exfilwatch: score: weights: there is no selection {name!r}")
            if sum(block.score.weights.values()) < block.score.threshold:
                raise RuleError(f"exfilwatch: score: the weights can't reach the threshold {block.score.threshold}")
        found = outputs(block.fields, lambda text: condition_node(text, rule.detection, nodes))
        return Rule(_info(rule, block, document), source, condition, nodes, found, block.score)

    def _correlations(self, collection: SigmaCollection) -> list[Correlation]:
        planned: dict[str, Correlation] = {}
        for rule, document in self.parsed:
            if not isinstance(rule, SigmaCorrelationRule):
                continue
            try:
                rule.resolve_rule_references(collection)
            except SigmaError as error:
                self.errors.append(document.error(f"correlation: {_message(error)}", "correlation", "rules"))
                continue
            except _MALFORMED as error:
                self.errors.append(document.error(f"correlation: rules: {_said(error)}", "correlation", "rules"))
                continue
            made = self._guarded(document, lambda r=rule, d=document: self._correlation(r, d))
            if made is not None:
                planned[made.id] = made
        try:
            order = inner_first(each.plan for each in planned.values())
        except RuleError as error:
            self.errors.append(error)
            return []
        for rule, _ in self.parsed:
            if isinstance(rule, SigmaCorrelationRule) and member_id(rule) in planned:
                planned[member_id(rule)].emits = rule._output
        return [planned[each.rule] for each in order]

    def _correlation(self, rule: SigmaCorrelationRule, document: Document) -> Correlation:
        block = extension(rule.custom_attributes.get("exfilwatch"))
        if block.score:
            raise RuleError("exfilwatch: score: stands only in a rule with a detection")
        made = plan(rule, emit=block.emit, condition=self.written.get(id(rule)))
        references = {
            str(name): member_id(reference.rule)
            for reference in rule.referenced_rules
            for name in (reference.reference, reference.rule.name, reference.rule.id)
            if name
        }
        return Correlation(
            _info(rule, block, document), made, outputs(block.fields, None, list(references)), references
        )


def _no_texts(rule: SigmaRule | SigmaCorrelationRule | SigmaFilter) -> Iterator[str]:
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


def _log_source(rule: SigmaRule) -> tuple[str | None, str | None, str | None]:
    return rule.logsource.category, rule.logsource.product, rule.logsource.service


def _info(rule: SigmaRuleBase, block: Extension, document: Document) -> RuleInfo:
    techniques = {tag.name.upper() for tag in rule.tags if tag.namespace == "attack" and _is_technique(tag.name)}
    return RuleInfo(
        id=member_id(rule),
        title=rule.title or member_id(rule),
        level=rule.level.name.lower() if rule.level else "medium",
        branch=block.branch or "",
        attack=tuple(sorted(techniques)),
        description=(rule.description or "").strip(),
        guide=block.guide.strip(),
        falsepositives=tuple(map(str, rule.falsepositives)),
        references=tuple(map(str, rule.references)),
        path=document.path,
        line=document.line_of(),
    )


def _is_technique(name: str) -> bool:
    return name[:1] in "tT" and name[1:5].isdigit()


def _said(error: Exception) -> str:
    """What pySigma stumbled over, for people."""
    return "nested too deeply" if isinstance(error, RecursionError) else f"{type(error).__name__}: {error}"


def _message(error: SigmaError) -> str:
    return str(error.args[0] if error.args else error).strip()


def _failing(section: object) -> Iterator[tuple[str, str]]:
    """The selection that pySigma refuses, and the section's name: found by parsing each alone."""
    if not isinstance(section, dict):
        return
    for name, definition in section.items():
        if name in ("condition", "rules"):
            continue
        try:
            SigmaDetection.from_definition(definition, policy=POLICY)
        except (SigmaError, TypeError, ValueError):
            yield str(name), "detection"


def _keys_in(message: str, document: Document) -> Sequence[str]:
    """Where in the document an error of ours is at home, by how its message begins."""
    head, _, rest = message.partition(":")
    words = head.split("'")
    if head.startswith("selection") and len(words) > 1:
        return ("detection", words[1])
    if head == "condition":
        return ("correlation" if "correlation" in document.content else "detection", "condition")
    return (head, rest.strip().partition(":")[0])
