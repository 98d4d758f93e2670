"""The plan: what to do about findings, in the order that responders use, with their values filled in.

A plan is data for others to show or to send (a case, the report, an action, CACAO, Markdown): texts are split into what
we wrote and what an event said, so that each renderer can escape the latter in its own way.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from exfilwatch.findings.finding import Finding
from exfilwatch_playbooks.response.facts import Facts, facts
from exfilwatch_playbooks.response.guide import Automatable, Guide, Step, Who, guides_for
from exfilwatch_playbooks.response.languages import LANGUAGES, Language, queries_of
from exfilwatch_playbooks.response.phases import PHASES, Phase, phases
from exfilwatch_playbooks.response.placeholders import SHOWN, Piece, Platform, commands, plain, sentence

__all__ = ["LANGUAGES", "Command", "Language", "Piece", "Plan", "PlanPhase", "PlanStep", "Query", "plan_for", "plan_of"]

_FEW = 50
"""Findings whose plan is remembered for a little: what many say takes too much room."""
_SHELLS: dict[Platform, Literal["powershell", "sh"]] = {"windows": "powershell", "linux": "sh", "macos": "sh"}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Command(_Frozen):
    """A line to paste on the host; values are quoted for its shell."""

    platform: Platform
    shell: Literal["powershell", "sh"]
    text: str


class Query(_Frozen):
    """A search to paste into a SIEM. `since`, `until` (UTC): the range of time that it asks for; Sumo Logic's is set
    beside the query, not in it."""

    title: str
    language: Language
    text: str
    since: datetime | None
    until: datetime | None


class PlanStep(_Frozen):
    """One step. `id` is the same in every plan. `minutes`: how long it may take at most, with what it `needs` at hand.

    `automatable`: yes (it only reads), approval (a machine can do it once a person agreed), no. `decision`: what a
    person has to decide; `who` does the step and decides.
    """

    id: str
    title: str
    instruction: tuple[Piece, ...]
    why: str
    who: Who
    minutes: int
    needs: tuple[str, ...]
    automatable: Automatable
    decision: tuple[Piece, ...]
    commands: tuple[Command, ...]
    queries: tuple[Query, ...]
    references: tuple[str, ...]

    @property
    def text(self) -> str:
        """The instruction without a mark of what is a value."""
        return plain(self.instruction)


class PlanPhase(_Frozen):
    """The steps of a phase, and what others call it: the phase of SANS's PICERL, the stage of RE&CT, and the outcomes
    of NIST SP 800-61r3 (CSF 2.0)."""

    name: Phase
    title: str
    aim: str
    sans: str
    react: str
    nist: tuple[str, ...]
    steps: tuple[PlanStep, ...]

    @property
    def minutes(self) -> int:
        """Of its steps, one after the other."""
        return sum(step.minutes for step in self.steps)


class Plan(_Frozen):
    """Phases in order, none without steps. `kinds`: what the steps are for; `findings`: the ids of what they answer."""

    kinds: tuple[str, ...]
    platforms: tuple[Platform, ...]
    findings: tuple[str, ...]
    phases: tuple[PlanPhase, ...]

    @property
    def steps(self) -> tuple[PlanStep, ...]:
        return tuple(step for phase in self.phases for step in phase.steps)


def plan_for(
    findings: Iterable[Finding],
    *,
    languages: Sequence[Language] | None = None,
    shown: int = SHOWN,
    general: bool = True,
) -> Plan:
    """The plan for findings of one incident (or of none). Steps of their kinds stand before those of any exfiltration.

    `languages`: of the queries, all by default. `shown`: how many values a text names at most; 0 leaves the values out.
    Without `general`, only the steps of the kinds.
    """
    given = list(findings)
    found = [(finding, facts(finding)) for finding in given]
    plan = plan_of([(finding.rule.branch, said) for finding, said in found], languages, shown, general=general)
    return plan.model_copy(update={"findings": tuple(finding.id for finding in given)})


def plan_of(
    found: Iterable[tuple[str, Facts]],
    languages: Sequence[Language] | None = None,
    shown: int = SHOWN,
    *,
    general: bool = True,
) -> Plan:
    """The plan for findings that are given as branch and facts."""
    given, asked = tuple(found), LANGUAGES if languages is None else tuple(languages)
    made = _remembered if len(given) <= _FEW else _plan
    return made(given, asked, shown, general)


def _plan(given: tuple[tuple[str, Facts], ...], asked: tuple[Language, ...], shown: int, general: bool) -> Plan:
    chosen = guides_for(given, general=general)
    by_phase: dict[Phase, list[PlanStep]] = {}
    steps = [(guide, step, said) for guide, said in chosen for step in guide.steps]
    for guide, step, concerned in sorted(steps, key=lambda each: not each[1].first):
        said = _elsewhere(concerned) if step.elsewhere else concerned
        if not said:
            continue
        if not step.only or any(each.product in ("", *step.only) for each in said):
            by_phase.setdefault(step.phase, []).append(_filled(guide, step, said, asked, shown))
    return Plan(
        kinds=tuple(guide.name for guide, _ in chosen),
        platforms=tuple(sorted({platform for _, said in given for platform in _platforms(said)})),
        findings=(),
        phases=tuple(
            PlanPhase(**phases()[name].model_dump(), steps=tuple(by_phase[name])) for name in PHASES if name in by_phase
        ),
    )


_remembered = lru_cache(16)(_plan)
"""A case shows the same plan in its text and in its report, while others are opened too."""


def _elsewhere(said: Sequence[Facts]) -> Sequence[Facts]:
    """Those whose destination may be another host. Beside findings that say it is the host itself, those that say
    nothing of it tell no other."""
    away = [each for each in said if not each.here]
    return away if len(away) == len(said) or any(each.destinations for each in away) else ()


def _filled(guide: Guide, step: Step, said: Sequence[Facts], languages: Sequence[Language], shown: int) -> PlanStep:
    return PlanStep(
        id=f"{guide.name}/{step.id}",
        title=step.title,
        instruction=sentence(step.instruction, said, shown),
        why=step.why,
        who=step.who,
        minutes=step.minutes,
        needs=tuple(step.needs),
        automatable=step.automatable,
        decision=sentence(step.decision, said, shown) if step.decision else (),
        commands=tuple(
            Command(platform=platform, shell=_SHELLS[platform], text=text)
            for platform, templates in step.commands.items()
            for text in commands(templates, platform, said, shown)
        ),
        queries=tuple(
            Query(title=each.title, language=each.language, text=each.text, since=each.since, until=each.until)
            for name in step.queries
            for each in queries_of(name, said, languages, shown)
        ),
        references=tuple(step.references),
    )


def _platforms(said: Facts) -> tuple[Platform, ...]:
    known: dict[str, Platform] = {"windows": "windows", "linux": "linux", "macos": "macos"}
    return (known[said.product],) if said.product in known else ()
