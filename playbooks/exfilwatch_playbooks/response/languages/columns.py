"""What records are called, and their members, in each SIEM (columns.yml)."""

from functools import cache
from importlib import resources
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from exfilwatch.errors import ConfigError
from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.response.languages.asking import Asked, Language, Meaning, Records

Column = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")]


class Source(BaseModel):
    """Where records of a kind are. `table`: of Kusto; `only`: what else tells them, in the SIEM's language (Kusto's as
    a predicate, Splunk's as search terms, Elasticsearch's as codes of events). Of several columns the first that is
    there counts."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    table: str = ""
    only: str = ""
    columns: dict[Meaning, list[Column]]


@cache
def columns() -> dict[Language, dict[Records, list[Source]]]:
    """By language and kind of record. Raises ConfigError."""
    try:
        text = resources.files("exfilwatch_playbooks.response").joinpath("columns.yml").read_text("utf-8")
        return TypeAdapter(dict[Language, dict[Records, list[Source]]]).validate_python(read_yaml(text))
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigError(f"response/columns.yml: {error}") from error


def sources(language: Language, records: Records) -> list[Source]:
    """None where the SIEM has no such records."""
    return columns().get(language, {}).get(records, [])


def usable(language: Language, ask: Asked) -> Source | None:
    """The first source of such records that has all that is asked of them."""
    wanted = {each.meaning for each in ask.where}
    return next((each for each in sources(language, ask.records) if wanted <= set(each.columns)), None)
