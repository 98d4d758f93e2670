"""[enrichment.general]: what concerns all enrichers."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from exfilwatch.errors import ConfigError
from exfilwatch.siem.connection import Texts
from exfilwatch_playbooks.enrichment.severity import Rules, loaded, packaged_rules


class General(BaseModel):
    """`own`: domains and networks of the organisation, which outsiders are never asked about. `days`: how far back
    SIEMs are asked. `severity`: a file of rules in the place of ours (severity.yml).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, ignored_types=(cached_property,))
    own: Texts = ()
    days: Annotated[int, Field(ge=1, le=365)] = 30
    severity: Path | None = None

    @cached_property
    def rules(self) -> Rules:
        """Raises ConfigError for a file that can't be read."""
        return loaded(self.severity) if self.severity else packaged_rules()

    @classmethod
    def of(cls, tables: Mapping[str, Mapping[str, object]]) -> "General":
        """Raises ConfigError."""
        try:
            made = cls.model_validate(tables.get("general", {}))
            _ = made.rules
        except ValidationError as error:
            first = error.errors()[0]
            said = first["msg"].removeprefix("Value error, ")
            raise ConfigError(f"enrichment.general: {'.'.join(map(str, first['loc']))}: {said}") from None
        return made
