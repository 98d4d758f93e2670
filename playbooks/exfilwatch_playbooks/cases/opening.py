"""Opening cases: each incident gets one, however often, by however many processes, and after whatever crash.

The order is always: look, do it there, write it here. After a crash in between, the next run finds the case there and
only writes it here. Nothing here locks: two processes that do the same at once rely on the case system's promises
(see case.py), and what one refuses because the other was faster is looked at again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from exfilwatch.detection.detection import LEVELS, RuleInfo
from exfilwatch.errors import CaseError
from exfilwatch.findings.incident import rank
from exfilwatch.findings.store import Pending, Store
from exfilwatch_playbooks.cases.body import draft, duplicate, news
from exfilwatch_playbooks.cases.case import Case, CaseSystem

_TRIES = 10


@dataclass(frozen=True)
class Outcome:
    """What was done about an incident: `known` when the case system had it all already, `failed` with its `error`.

    `case` is the case to go on in: for a duplicate the one that it points to; None when there is none. `findings`
    counts those that the case was told of by this call.
    """

    incident: str
    did: Literal["opened", "extended", "duplicate", "known", "failed"]
    case: Case | None = None
    findings: int = 0
    error: CaseError | None = None


def open_cases(
    store: Store, case_system: CaseSystem, *, rules: Mapping[str, RuleInfo] | None = None, lowest: str = LEVELS[0]
) -> list[Outcome]:
    """Tell `case_system` all that it has not been told, oldest incident first.

    An incident waits until one of its findings is of the level `lowest` or above; then its case has them all.
    `rules` by id bring guides and false positives into the cases. What the case system refuses stays pending, and
    costs the other incidents nothing.
    """
    opening = _Opening(store, case_system, rules or {})
    return [opening.outcome(pending) for pending in store.pending(case_system.name, lowest)]


class _Opening:
    def __init__(self, store: Store, system: CaseSystem, rules: Mapping[str, RuleInfo]) -> None:
        self._store = store
        self._system = system
        self._rules = rules

    def outcome(self, pending: Pending) -> Outcome:
        name = pending.incident.id
        try:
            # It may have been merged since it was read.
            current = self._store.incident(name)
            if current.id != name:
                return self._merge(name, current.id)
            done = self._tell(name)
            # Or while its case was being opened: whoever merged it saw no case to mark.
            current = self._store.incident(name)
            return done if current.id == name else self._merge(name, current.id)
        except CaseError as error:
            return Outcome(name, "failed", error=error)

    def _tell(self, name: str) -> Outcome:
        """Bring the case of an incident up to date: it is opened, or gets a note, or has everything."""
        incident = self._store.incident(name)
        if incident.id != name:
            return self._merge(name, incident.id)
        # What came since belongs to the next run, as the incident's level does.
        ids = set(incident.findings)
        findings = [finding for finding in self._store.find(incident=name) if finding.id in ids]
        case, opened = self._system.find(name), False
        if case is None:
            if not findings:  # they were superseded since, and nothing took their place
                return Outcome(name, "known")
            case, opened = self._system.open(draft(incident, findings, self._rules))
        told = len(findings) if opened else 0
        for _ in range(_TRIES):
            new = [finding for finding in findings if finding.id not in case.findings]
            if not new:
                break
            known = [finding for finding in findings if finding.id in case.findings]
            level = incident.level if rank(incident.level) > rank(case.level) else None
            if self._system.add_note(case.id, news(incident, known, new, self._rules, level)):
                told += len(new)
            case = self._system.get(case.id)
        else:
            message = f"case {case.id} of {self._system.name} does not take the findings of incident {name}: run again"
            raise CaseError(message)
        self._store.tell(self._system.name, name, [finding.id for finding in findings])
        return Outcome(name, "opened" if opened else "extended" if told else "known", case, told)

    def _merge(self, name: str, survivor: str) -> Outcome:
        """Mark the case of an incident that went into `survivor`, if it has one."""
        case = self._system.find(name)
        goes_on = None
        if case is not None:
            goes_on = self._system.find(survivor) or self._tell(survivor).case
            if goes_on is None:
                raise CaseError(f"incident {survivor} went into another while its case was opened: run again")
            marked = self._system.add_note(case.id, duplicate(goes_on))
        self._store.tell(self._system.name, name, merged_into=survivor)
        return Outcome(name, "duplicate" if case is not None and marked else "known", goes_on)
