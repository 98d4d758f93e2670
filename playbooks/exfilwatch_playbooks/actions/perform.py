"""Running an action: its input is checked, it runs, and the audit log has it, whatever comes of it."""

import asyncio
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from exfilwatch.errors import ConfigError, ExfilwatchError
from exfilwatch_playbooks.actions.audit import Audit, Outcome
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.registry import Action, action
from exfilwatch_playbooks.actions.secrets import Secrets


class WrongInput(ConfigError):
    """What was given is no input of the action. `wrong`: what is wrong with each field, without its value."""

    def __init__(self, action: str, wrong: Sequence[tuple[str, str]]) -> None:
        said = (f"{name}: {what}" if name else what for name, what in wrong)
        super().__init__(f"{action}: {'; '.join(said)}")
        self.wrong = tuple(wrong)


async def perform(name: str, given: Mapping[str, object], context: Context) -> BaseModel:
    """What the action of this name answers. Raises ConfigError for a wrong name or input, else what it raises."""
    wanted = action(name)
    audit, secrets = Audit(context.store.database), Secrets(context.settings)
    try:
        checked = validated(wanted, given)
    except ConfigError as error:
        # Names only: nobody knows what stands in values that are of no field.
        fields = {each: "(not checked)" for each in given if each in wanted.input.model_fields}
        number = audit.begin(wanted.name, context.who, context.clock(), fields, dry_run=False)
        audit.end(number, context.clock(), "refused", secrets(str(error)))
        raise
    said = checked.model_dump(mode="json", exclude_defaults=True)
    logged = {field: secrets.of(field, value) for field, value in said.items()}
    dry_run = getattr(checked, "dry_run", False)
    number = audit.begin(wanted.name, context.who, context.clock(), logged, dry_run=dry_run)
    try:
        answer = await wanted.run(checked, context)
    except ExfilwatchError as error:
        audit.end(number, context.clock(), "failed", secrets(str(error)))
        raise
    except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
        audit.end(number, context.clock(), "ended")
        raise
    except BaseException as error:
        audit.end(number, context.clock(), "failed", secrets(f"{type(error).__name__}: {error}"))
        raise
    outcome: Outcome = "partial" if getattr(answer, "problems", ()) else "done"
    changed = getattr(answer, "changed", None) if wanted.changes else None
    audit.end(number, context.clock(), outcome, secrets(getattr(answer, "summary", "")), changed=changed)
    return answer


def validated(wanted: Action, given: Mapping[str, object]) -> BaseModel:
    """The input of an action. Raises WrongInput."""
    fields = wanted.input.model_fields
    known = ", ".join(fields) or "none"
    wrong = [(name, f"there is no such input, use {known}") for name in given if name not in fields]
    try:
        checked = wanted.input.model_validate({name: value for name, value in given.items() if name in fields})
    except ValidationError as error:
        wrong += [_said(each) for each in error.errors(include_input=False, include_url=False)]
    if wrong:
        raise WrongInput(wanted.name, list(dict.fromkeys(wrong)))
    return checked


def _said(error: ErrorDetails) -> tuple[str, str]:
    said = "is missing" if error["type"] == "missing" else error["msg"].removeprefix("Value error, ")
    return ".".join(map(str, error["loc"])), said
