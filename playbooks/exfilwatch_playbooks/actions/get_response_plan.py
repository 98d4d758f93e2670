"""Say what to do about a finding or an incident: the steps in order, with queries and commands filled in.

As Markdown, as steps for a program, or as a CACAO 2.0 playbook for another platform.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from exfilwatch.findings.finding import Finding
from exfilwatch_playbooks.actions.answer import Answer
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import names
from exfilwatch_playbooks.response.languages import LANGUAGES, Language
from exfilwatch_playbooks.response.plan import Plan, plan_for

CHANGES = False
Id = Annotated[str, Field(max_length=64, pattern=r"^\s*\w*\s*$")]


class Input(BaseModel):
    """Of a finding, or of an incident with all its findings."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"finding": "3fa9c2d1"}, {"incident": "b01c", "form": "cacao"}]}
    )
    finding: Id = Field(default="", description="A finding's id, or the beginning of it.")
    incident: Id = Field(default="", description="An incident's id, or the beginning of it, instead of a finding.")
    form: Literal["markdown", "steps", "cacao"] = Field(
        default="markdown", description="As Markdown, as steps, or as a CACAO 2.0 playbook (JSON)."
    )
    siem: str = Field(
        default="",
        max_length=200,
        description=f"Queries for these, with commas between: {', '.join(LANGUAGES)}, or none. Without it, all.",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "Input":
        if bool(self.finding.strip()) == bool(self.incident.strip()):
            raise ValueError("give a finding or an incident")
        _languages(self.siem)
        return self


class Output(Answer):
    """The plan in the form that was asked for: `text` has the Markdown or the playbook, `plan` the steps."""

    text: str = ""
    plan: Plan | None = None
    minutes: int = Field(description="How long it takes at most, one step after the other.")
    decisions: int = Field(description="How many steps need a person's decision.")


async def run(given: Input, context: Context) -> Output:
    """Fill in the steps of the kinds of the findings."""
    found, level = _findings(given, context)
    plan = plan_for(found, languages=_languages(given.siem))
    minutes = sum(phase.minutes for phase in plan.phases)
    decisions = sum(bool(step.decision) for step in plan.steps)
    return Output(
        summary=f"{len(plan.steps)} steps in {len(plan.phases)} phases, {decisions} of them to be decided by a person",
        plan=plan if given.form == "steps" else None,
        minutes=minutes,
        decisions=decisions,
        text=_text(given, plan, level, context),
    )


def _findings(given: Input, context: Context) -> tuple[list[Finding], str]:
    if given.finding.strip():
        finding = context.store.get(given.finding.strip())
        return [finding], finding.rule.level
    incident = context.store.incident(given.incident.strip())
    return context.store.find(incident=incident.id)[::-1], incident.level


def _languages(text: str) -> list[Language] | None:
    if not text.strip():
        return None
    asked = names(text.lower())
    if asked == ["none"]:
        return []
    known: dict[str, Language] = {name: name for name in LANGUAGES} | {"opensearch": "elasticsearch"}
    if unknown := [name for name in asked if name not in known]:
        raise ValueError(f"there are no queries for {', '.join(unknown)}: use {', '.join(known)}, or none")
    return list(dict.fromkeys(known[name] for name in asked))


def _text(given: Input, plan: Plan, level: str, context: Context) -> str:
    if given.form == "markdown":
        from exfilwatch_playbooks.response.markdown import markdown

        return markdown(plan, f"Response plan for {_called(given)}")
    if given.form == "cacao":
        from exfilwatch_playbooks.response.cacao_export import cacao

        return cacao(plan, f"Response to {_called(given)}", context.clock(), level)
    return ""


def _called(given: Input) -> str:
    return f"finding {given.finding.strip()}" if given.finding.strip() else f"incident {given.incident.strip()}"
