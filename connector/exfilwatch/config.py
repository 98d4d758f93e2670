"""Settings: a TOML file, then EXFILWATCH_ environment variables, which win.

pydantic-settings takes longer to load than all of `exfilwatch detect`: import this only where settings are needed.
"""

import os
import tomllib
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from exfilwatch.errors import ConfigError
from exfilwatch.places import CONFIG, config_file, database_file, suppressions_folder
from exfilwatch.written import duration, listed


def _one_spelling(sources: object) -> object:
    """Variables can't tell [siem.Corp-EU] from [siem.corp_eu]: what they add goes to the source of the file."""
    if not isinstance(sources, dict):
        return sources
    found = dict(sources)
    for name in sources:
        written = str(name).lower().replace("-", "_")
        added = found.get(written)
        if name != written and isinstance(added, dict) and "kind" not in added and isinstance(found[name], dict):
            found[name] = {**found[name], **found.pop(written)}
    return found


From = Literal["informational", "low", "medium", "high", "critical", "never"]
"""From which level on something is done."""


class Policy(BaseModel):
    """What `run` and `poll` do about incidents, each from a level on: `enrich` (one of its findings is of the level),
    `open` a case (likewise, or what was found out makes it that grave), `page` somebody (the case is of the level).
    `page_in`: names of case systems that page; those of the kind pagerduty where none is named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    enrich: From = "medium"
    open: From = "medium"
    page: From = "high"
    page_in: Annotated[tuple[str, ...], BeforeValidator(listed)] = ()


class Settings(BaseSettings):
    """What can be set.

    `database`: a SQLite file's path or a URL of SQLAlchemy. `rules`: packs, files and folders; in the environment with
    commas between. `incident_window`: how far apart findings of one host and user may be to be one incident.
    `policy`: from which level on incidents are enriched, opened as cases and paged.
    `suppressions`: the folder of filters that hide something for a while, which are loaded with any rules.
    `placeholders`: values for `%name%` in rules that use the modifier expand; in the environment as JSON.
    `siem`: what to poll, by a name of your own; each with its `kind` and the settings of that kind, which are checked
    when it is used (siem/registry.py). In the environment: EXFILWATCH_SIEM__NAME__PASSWORD.
    `case`: where cases are opened, by a name of your own, likewise (docs/cases.md); the local ones where there is none.
    `enrichment`: whom to ask about a finding, by the enricher's name, likewise (docs/enrichment.md).
    `serve`: how `exfilwatch serve` listens, and what it takes (docs/service.md).
    """

    model_config = SettingsConfigDict(
        env_prefix="EXFILWATCH_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )
    database: Annotated[str, Field(min_length=1, default_factory=lambda: str(database_file()))]
    rules: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed), Field(min_length=1)] = ("exfil",)
    incident_window: Annotated[timedelta, NoDecode, BeforeValidator(duration)] = timedelta(hours=1)
    policy: Policy = Policy()
    placeholders: dict[str, tuple[str, ...]] = {}
    suppressions: Annotated[str, Field(min_length=1, default_factory=lambda: str(suppressions_folder()))]
    siem: Annotated[dict[str, dict[str, Any]], BeforeValidator(_one_spelling), Field(repr=False)] = {}
    case: Annotated[dict[str, dict[str, Any]], BeforeValidator(_one_spelling), Field(repr=False)] = {}
    enrichment: Annotated[dict[str, dict[str, Any]], BeforeValidator(_one_spelling), Field(repr=False)] = {}
    serve: Annotated[dict[str, Any], Field(repr=False)] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


def settings(**given: Any) -> Settings:
    """The settings in force; those that are given win. Raises ConfigError, which never shows a value: a database's URL
    may hold a password.
    """
    file = config_file()
    if os.environ.get(CONFIG) and not file.is_file():
        raise ConfigError(f"{file}: there is no such file; {CONFIG} names it as the settings")
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = "; ".join(dict.fromkeys(f"{_place(each)}: {_said(each)}" for each in error.errors()))
        where = "" if given else f" ({file} and EXFILWATCH_ variables)"
        raise ConfigError(f"settings{where}: {wrong}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        quotes = ": texts stand in quotes" if str(error).startswith("Invalid value") else ""
        raise ConfigError(f"{file}: not a TOML file: {error}{quotes}") from None
    except OSError as error:
        raise ConfigError(f"{file}: can't be read: {error.strerror}") from None


def _place(error: ErrorDetails) -> str:
    """The setting: no name in a table of others' may be a secret, ours are none."""
    return ".".join(map(str, error["loc"][:2])) if error["loc"][0] == "policy" else str(error["loc"][0])


def _said(error: ErrorDetails) -> str:
    """What is wrong with a setting, without its value."""
    name, kind = error["loc"][0], error["type"]
    if name == "policy" and kind == "extra_forbidden":
        return f"there is no such setting, use {', '.join(Policy.model_fields)}"
    if kind == "extra_forbidden" and isinstance(error["input"], dict):
        return f"there is no such table: a SIEM stands in [siem.{name}]"
    if kind == "extra_forbidden":
        return f"there is no such setting, use {', '.join(Settings.model_fields)}"
    if name == "siem" and kind in ("dict_type", "json_invalid"):
        return "each SIEM has a table of its own, by a name that you give: [siem.NAME]"
    if name == "case" and kind in ("dict_type", "json_invalid"):
        return "each case system has a table of its own, by a name that you give: [case.NAME]"
    if name == "enrichment" and kind in ("dict_type", "json_invalid"):
        return "each enricher has a table of its own: [enrichment.NAME]"
    return error["msg"].removeprefix("Value error, ")
