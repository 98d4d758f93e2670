"""Loads Sigma rules, correlations and filters: parsed by pySigma, compiled to what the engine evaluates.

What can't be evaluated exactly is an error that names the rule, its file, its line and the part.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule, SigmaRuleReference
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule, SigmaRuleBase

from exfilwatch.detection.condition import All, Node
from exfilwatch.detection.condition import Any as AnyOf
from exfilwatch.detection.correlation_plan import inner_first, member_id, plan
from exfilwatch.detection.detection import RuleInfo
from exfilwatch.detection.document import Document, rule_files
from exfilwatch.detection.extension import Extension, extension
from exfilwatch.detection.filters import Filter, FilterInfo, compiled, holds
from exfilwatch.detection.logsource import LogSource
from exfilwatch.detection.output import outputs
from exfilwatch.detection.parse import MALFORMED, AnyRule, Parser, message, said
from exfilwatch.detection.rule import Correlation, Rule, RuleSet
from exfilwatch.detection.sigma_condition import Placeholders, condition_node, selection_nodes
from exfilwatch.errors import RuleError, RuleSetError
from exfilwatch.places import site_folder


def load(paths: Iterable[Path | str], placeholders: Placeholders | None = None) -> RuleSet:
    """The rules of files and folders (*.yml, *.yaml; folders named `tests` are passed over).

    Raises RuleError, or RuleSetError with all of them; ConfigError for a path that is not there, and for what a site
    says of its tools, places and files (docs/site.md) that is unsound: before any event is looked at.
    """
    if site_folder().is_dir():
        from exfilwatch.commands.site_check import check as check_site

        check_site()
    rules, errors = _load(paths, placeholders or {})
    if errors:
        raise errors[0] if len(errors) == 1 else RuleSetError(errors)
    return rules


def check(paths: Iterable[Path | str], placeholders: Placeholders | None = None) -> list[RuleError]:
    """Every problem of the rules in files and folders, by file and line."""
    _, errors = _load(paths, placeholders or {})
    return sorted(errors, key=lambda error: (error.path, error.line))


def _load(paths: Iterable[Path | str], placeholders: Placeholders) -> tuple[RuleSet, list[RuleError]]:
    parser = Parser()
    with _uncollected():
        for path in rule_files(paths):
            parser.read(path)
        compiler = _Compiler(parser, placeholders)
        return compiler.compile(), compiler.errors


@contextmanager
def _uncollected() -> Iterator[None]:
    """No looking for garbage meanwhile: of thousands of rules all is kept, and looking through it takes a fifth of the
    time. Nor soon after: what is there now counts as old."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # what somebody else froze stays so
            gc.freeze()
            gc.unfreeze()  # to the oldest generation
        if collecting:
            gc.enable()


class _Compiler:
    """Resolves what refers to what, applies filters, and compiles the rules that were parsed without errors."""

    def __init__(self, parser: Parser, placeholders: Placeholders) -> None:
        self.placeholders = placeholders
        self.errors = parser.errors
        self.parsed = parser.parsed
        self._for_products: dict[int, Node] = {}

    def compile(self) -> RuleSet:
        """Resolve references, apply filters and compile what has no errors so far."""
        self._unique()
        filters = self._filters()
        collection = SigmaCollection(
            [rule for rule, *_ in self.parsed if not isinstance(rule, SigmaFilter)], resolve_references=False
        )
        made: dict[int, Rule] = {}
        for rule, document, _ in self.parsed:
            if isinstance(rule, SigmaRule):
                compiled_rule = self._guarded(document, lambda r=rule, d=document: self._rule(r, d, filters))
                if compiled_rule is not None:
                    made[id(rule)] = compiled_rule
        correlations = self._correlations(collection)
        for rule, *_ in self.parsed:
            if id(rule) in made:
                made[id(rule)].emits = rule._output
        return RuleSet(list(made.values()), correlations, [self._filter_info(each) for each in filters])

    def _unique(self) -> None:
        """Ids and names are how correlations, filters and findings name rules."""
        seen: dict[str, Document] = {}
        for rule, document, _ in self.parsed:
            for key, value in (("id", rule.id), ("name", rule.name)):
                if value is None:
                    continue
                other = seen.setdefault(f"{key} {value}".lower(), document)
                if other is not document:
                    place = f"{other.path}:{other.line_of(key)}"
                    self.errors.append(document.error(f"{key} {value} is already that of a rule at {place}", key))

    def _filters(self) -> list[Filter]:
        """The filters. One that can't be evaluated, or does not fit a rule which it names, is an error."""
        by_name = {str(name): rule for rule, *_ in self.parsed for name in (rule.id, rule.name) if name}
        found: list[Filter] = []
        for number, (each, document, _) in enumerate(self.parsed):
            if not isinstance(each, SigmaFilter):
                continue
            if isinstance(each.filter.rules, list):
                for name in (reference.reference for reference in each.filter.rules):
                    self._check_named(each, document, name, by_name.get(name))
            made = self._guarded(document, partial(compiled, each, document, number, self.placeholders))
            if made is not None:
                found.append(made)
        return found

    def _check_named(self, each: SigmaFilter, document: Document, name: str, rule: AnyRule | None) -> None:
        if isinstance(rule, SigmaRule) and not holds(each.logsource, rule.logsource):
            message = f"its logsource does not hold that of the rule {name!r}, so it would do nothing"
            self.errors.append(document.error(f"filter: {message}", "logsource"))
        elif isinstance(rule, SigmaCorrelationRule):
            message = f"rule {name!r} is a correlation: name the rules that it refers to"
            self.errors.append(document.error(f"filter: {message}", "filter", "rules"))

    def _filter_info(self, each: Filter) -> FilterInfo:
        rules = ((rule, document.path) for rule, document, _ in self.parsed if isinstance(rule, SigmaRule))
        met = frozenset(path for rule, path in rules if each.is_for(rule, path))
        info = msgspec.structs.replace(_info(each.rule, Extension(), each.document), level="")
        return FilterInfo(info, each.pack, each.waits, not met, met, each.until, each.ended)

    def _guarded(self, document: Document, make: Any) -> Any:
        try:
            return make()
        except RuleError as error:
            self.errors.append(document.error(str(error.args[0]), *_keys_in(str(error.args[0]), document)))
        except SigmaError as error:
            self.errors.append(Parser.explained(error, document))
        except MALFORMED as error:
            self.errors.append(document.error(f"is not a Sigma rule: {said(error)}"))
        return None

    def _rule(self, rule: SigmaRule, document: Document, filters: Sequence[Filter]) -> Rule:
        block = extension(rule.custom_attributes.get("exfilwatch"))
        for name, written in (("emit", block.emit != "window"), ("tree", block.tree), ("regular", block.regular)):
            if written:
                raise RuleError(f"exfilwatch: {name}: stands only in a correlation")
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
        shifts = [
            (step, self._when(name, text, rule, nodes))
            for step, name, text in ((1, "graver", block.graver), (-1, "milder", block.milder))
            if text
        ]
        taken = [each for each in filters if each.condition is not None and each.is_for(rule, document.path)]
        kept, silenced = list[Node](), list[Node]()
        for each in taken:
            if (needed := self._needed(each, rule)) is not None:
                # Queries and screens ask for what is kept: filters of packs are many, and they know no product.
                (silenced if each.pack or needed is not each.condition else kept).append(needed)
        own = All((condition, *kept)) if kept else condition
        return Rule(
            _info(rule, block, document),
            source,
            own,
            {**nodes, **{name: node for each in taken for name, node in each.nodes.items()}},
            found,
            block.score,
            shifts,
            silenced,
        )

    def _needed(self, each: Filter, rule: SigmaRule) -> Node | None:
        """What a filter asks of a rule: one node for all rules that it asks the same."""
        found = each.condition_for(rule)
        if found is None or found is each.condition:
            return found
        return self._for_products.setdefault(id(each.condition), found)

    @staticmethod
    def _when(name: str, text: str, rule: SigmaRule, nodes: Mapping[str, Node]) -> Node:
        try:
            return condition_node(text, rule.detection, nodes)
        except (RuleError, SigmaError) as error:
            raise RuleError(f"exfilwatch: {name}: {error.args[0]}") from error

    def _correlations(self, collection: SigmaCollection) -> list[Correlation]:
        planned: dict[str, Correlation] = {}
        resolved: list[tuple[SigmaCorrelationRule, Document, Mapping[str, object] | None]] = []
        for rule, document, written in self.parsed:
            if not isinstance(rule, SigmaCorrelationRule):
                continue
            try:
                rule.resolve_rule_references(collection)
            except SigmaError as error:
                self.errors.append(document.error(f"correlation: {message(error)}", "correlation", "rules"))
                continue
            except MALFORMED as error:
                self.errors.append(document.error(f"correlation: rules: {said(error)}", "correlation", "rules"))
                continue
            resolved.append((rule, document, written))
        for rule, document, written in resolved:
            made = self._guarded(document, lambda r=rule, d=document, w=written: self._correlation(r, d, w))
            if made is not None:
                planned[made.id] = made
        try:
            order = inner_first(each.plan for each in planned.values())
        except RuleError as error:
            self.errors.append(error)
            return []
        for rule, *_ in self.parsed:
            if isinstance(rule, SigmaCorrelationRule) and member_id(rule) in planned:
                planned[member_id(rule)].emits = rule._output
        return [planned[each.rule] for each in order]

    @staticmethod
    def _correlation(
        rule: SigmaCorrelationRule, document: Document, written: Mapping[str, object] | None
    ) -> Correlation:
        block = extension(rule.custom_attributes.get("exfilwatch"))
        for name in ("score", "graver", "milder"):
            if getattr(block, name):
                raise RuleError(f"exfilwatch: {name}: stands only in a rule with a detection")
        jitter = block.regular.jitter if block.regular else None
        made = plan(rule, emit=block.emit, tree=block.tree, condition=written, jitter=jitter, new=block.new)
        references = {
            str(name): member_id(reference.rule)
            for reference in _referenced(rule)
            for name in (reference.reference, reference.rule.name, reference.rule.id)
            if name
        }
        return Correlation(
            _info(rule, block, document), made, outputs(block.fields, None, list(references)), references
        )


def _referenced(rule: SigmaCorrelationRule) -> Iterator[SigmaRuleReference]:
    """The rules that a correlation refers to, and those that these refer to: fields can be shown of each."""
    left, seen = [*rule.referenced_rules], {id(rule)}  # where they form a circle, that is said elsewhere
    while left:
        reference = left.pop(0)
        yield reference
        if isinstance(reference.rule, SigmaCorrelationRule) and id(reference.rule) not in seen:
            seen.add(id(reference.rule))
            left += reference.rule.referenced_rules


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


def _keys_in(message: str, document: Document) -> Sequence[str]:
    """Where in the document an error of ours is at home, by how its message begins."""
    head, _, rest = message.partition(":")
    words = head.split("'")
    section = next((name for name in ("correlation", "filter") if name in document.content), "detection")
    if head.startswith("selection") and len(words) > 1:
        return (section, words[1])
    if head == "condition":
        return (section, "condition")
    return (head, rest.strip().partition(":")[0])
