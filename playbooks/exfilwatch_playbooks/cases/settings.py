"""Settings that case systems have in common: [case.NAME] of the settings file. Secrets are never shown."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator

from exfilwatch.siem.connection import Duration, Server, Texts, Url
from exfilwatch.written import listed

T = TypeVar("T")
BODY = "{{ body }}"
Level = Literal["informational", "low", "medium", "high", "critical"]


class CaseSettings(BaseModel):
    """What is the same for all. `kind`: which system. `default`: cases are opened here when there are several.
    `closed`: what becomes of a closed case for which new evidence comes: it is opened again (`reopen`), or a new one
    that is linked to it goes on (`link`), or it only gets the note (`note`). `attach`: the files that a case gets:
    evidence (JSON lines), report (HTML). `title`, `body`: Jinja2 templates.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    kind: str
    default: bool = False
    closed: Literal["reopen", "link", "note"] = "reopen"
    attach: Annotated[tuple[Literal["evidence", "report"], ...], BeforeValidator(listed)] = ("evidence", "report")
    title: str = "{{ title }}"
    body: str = BODY


class Remote(Server, CaseSettings):
    """What systems over HTTP have besides. `fields`: what other fields get, by their
    names there, as templates. `severity`: the system's word for each level. `labels`, `assignee`: as the system knows
    them. `public_url`: where people find it, if that is another address than `url`.

    `lacks`: those of these settings that a system has nothing for, each with what to say to who sets it.
    """

    lacks: ClassVar[Mapping[str, str]] = MappingProxyType({})

    public_url: Url | None = None
    timeout: Duration = timedelta(seconds=30)
    fields: dict[str, str] = {}
    severity: dict[Level, str] = {}
    labels: Texts = ()
    assignee: str = ""

    @field_validator("severity", "labels", "assignee")
    @classmethod
    def _is_not_ignored(cls, value: T, info: ValidationInfo) -> T:
        if value and (why := cls.lacks.get(info.field_name or "")):
            raise ValueError(why)
        return value
