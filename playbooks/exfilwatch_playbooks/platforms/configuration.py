"""The settings as SOAR platforms ask for them: flat, each a text, a choice or a secret; one SIEM and one case system.

What a SIEM or case system needs, and its secrets, have a field each (`siem_url`, `case_token`), made from the settings
of all kinds; what else it can be told stands in `siem_more`, `case_more` and `more`, as in the settings file.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from exfilwatch.errors import ConfigError

if TYPE_CHECKING:
    from exfilwatch.config import Settings

SIEM, CASE = "main", "cases"
"""What the two are called among the settings."""
_ALSO = frozenset({"user", "ca"})
_LABELS = {"url": "Address", "ca": "File with the certificate authority", "api_key": "API key"}
_POLICY = {
    "enrich": "From which level on incidents are enriched by a poll",
    "open": "From which level on a poll opens cases",
    "page": "From which level on a poll pages somebody",
}


def schema() -> dict[str, Any]:
    """The configuration as a JSON Schema (draft-07), with the list of its `secrets`."""
    from exfilwatch.config import From, Policy
    from exfilwatch.siem import registry as siems
    from exfilwatch_playbooks.cases import registry as cases

    levels, usual = list(get_args(From)), Policy()
    fields, secrets = dict[str, dict[str, Any]](), list[str]()
    kinds = {each: siems.siem_class(each).Settings for each in siems.kinds()}
    systems = {each: cases.case_class(each).Settings for each in cases.kinds()}
    for part, what, known in (("siem", "SIEM", kinds), ("case", "case system", systems)):
        fields[f"{part}_kind"] = _text(f"Kind of {what}") | {"enum": sorted(known)}
        for name, of, secret in _fields(known):
            fields[f"{part}_{name}"] = _text(f"{_label(name)} ({', '.join(of)})")
            secrets += [f"{part}_{name}"] if secret else []
        fields[f"{part}_more"] = _text(f"Other settings of the {what}, as in its table of the settings file")
    for name, said in _POLICY.items():
        fields[f"policy_{name}"] = _text(said) | {"enum": levels, "default": getattr(usual, name)}
    fields["rules"] = _text("Packs, files and folders of rules, with commas between") | {"default": "exfil"}
    fields["database"] = _text("Where findings are kept: a file's path, or a URL of PostgreSQL")
    fields["more"] = _text("Other tables of the settings file, such as [enrichment.geo]")
    secrets += ["siem_more", "case_more", "database", "more"]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "exfilwatch",
        "type": "object",
        "properties": fields,
        "required": ["siem_kind"],
        "secrets": secrets,
    }


def settings(given: Mapping[str, object], **own: object) -> "Settings":
    """The settings that these fields mean; empty ones say nothing. `own`: settings for what they don't say.

    Raises ConfigError, which never shows a value: it may be a secret.
    """
    from exfilwatch import config

    said = {name: value for name, value in given.items() if value not in (None, "")}
    known = schema()["properties"]
    for name in said:
        if name not in known:
            raise ConfigError(f"{name}: there is no such setting, use {', '.join(known)}")
        if isinstance(said[name], str) and not str(said[name]).strip():
            raise ConfigError(f"{name}: is empty: give a value, or nothing at all")
    found: dict[str, Any] = dict(own) | _table("more", said)
    found |= {name: said[name] for name in ("rules", "database") if name in said}
    for part, name in (("siem", SIEM), ("case", CASE)):
        if table := _table(f"{part}_more", said) | dict(_part(f"{part}_", said)):
            found[part] = {**found.get(part, {}), name: table}
    if policy := dict(_part("policy_", said)):
        found["policy"] = {**found.get("policy", {}), **policy}
    return config.settings(**found)


def _fields(kinds: Mapping[str, type[BaseModel]]) -> Iterator[tuple[str, list[str], bool]]:
    """What a kind can't do without, and its secrets: the name, the kinds that have it, whether it is a secret."""
    wanted: dict[str, list[str]] = {}
    secrets: set[str] = set()
    for kind, model in kinds.items():
        for name, field in model.model_fields.items():
            if _is_secret(field):
                secrets.add(name)
            if name != "kind" and (field.is_required() or _is_secret(field) or name in _ALSO | {"url"}):
                wanted.setdefault(name, []).append(kind)
    for name in sorted(wanted, key=lambda name: (name != "url", name in secrets, name)):
        yield name, wanted[name], name in secrets


def _is_secret(field: FieldInfo) -> bool:
    def holds(kind: object) -> bool:
        return kind is SecretStr or any(map(holds, get_args(kind)))

    return holds(field.annotation)


def _label(name: str) -> str:
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def _part(prefix: str, said: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    named = ((name.removeprefix(prefix), value) for name, value in said.items() if name.startswith(prefix))
    return ((name, value) for name, value in named if name != "more")


def _table(name: str, said: Mapping[str, object]) -> dict[str, Any]:
    try:
        return tomllib.loads(str(said.get(name, "")))
    except tomllib.TOMLDecodeError:
        raise ConfigError(f'{name}: write it as in the settings file, a line each: indices = "logs-*"') from None


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}
