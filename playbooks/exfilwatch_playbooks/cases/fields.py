"""What a system's fields get: templates of the settings (Jinja2), filled with a case's values.

Templates are the administrator's, values are the attacker's: a value is never a template, templates reach nothing but
values (sandbox), and what goes into a body is written in the system's markup first.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from exfilwatch.errors import CaseBlocked
from exfilwatch_playbooks.cases.case import Draft
from exfilwatch_playbooks.cases.document import Paragraph, Text
from exfilwatch_playbooks.cases.render.renderer import Renderer
from exfilwatch_playbooks.cases.settings import CaseSettings, Remote
from exfilwatch_playbooks.hostile import line

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

_LONGEST = 1000  # characters of a value


class Writes(Protocol):
    """As much of a case system as fields need."""

    @property
    def name(self) -> str: ...
    @property
    def settings(self) -> CaseSettings: ...
    @property
    def renderer(self) -> Renderer: ...


def filled(system: Writes, draft: Draft) -> Draft:
    """A draft whose texts and other fields are as the templates of the settings want them. Raises CaseBlocked, which
    names the template.
    """
    settings = system.settings
    plain = {"incident": draft.incident, "key": draft.key, "level": draft.level, "follows": draft.follows or ""}
    plain |= {"title": draft.title, **{name: line(value, _LONGEST) for name, value in draft.values.items()}}
    written = {name: system.renderer.write((Paragraph((Text(value, _LONGEST),)),)) for name, value in plain.items()}
    written |= {"title": draft.title, "body": draft.body}
    others = settings.fields if isinstance(settings, Remote) else {}
    texts = {
        "title": _fill(system.name, "title", settings.title, plain).strip()[: system.renderer.title_limit],
        "body": _fill(system.name, "body", settings.body, written),
        "fields": {name: _fill(system.name, f"fields.{name}", text, plain) for name, text in others.items()},
    }
    return draft.model_copy(update=texts)


def _fill(system: str, what: str, template: str, values: dict[str, str]) -> str:
    if template == f"{{{{ {what} }}}}":
        return values[what]
    from jinja2 import TemplateError

    try:
        return _environment().from_string(template).render(values)
    except TemplateError as error:
        raise CaseBlocked(f"case.{system}: {what}: the template can't be filled: {error}") from None


@lru_cache(maxsize=1)
def _environment() -> "SandboxedEnvironment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
