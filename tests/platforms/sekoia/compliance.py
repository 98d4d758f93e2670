"""The rules of Sekoia's automation library for a module, written from its documentation (docs/module.md, action.md,
trigger.md, development_guideline.md, testing.md) and what its checker asks of each file.
"""

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from jsonschema import Draft7Validator
from jsonschema.exceptions import SchemaError

CATEGORIES = {
    *("Applicative", "Cloud Providers", "Collaboration Tools", "Email", "Endpoint", "Generic", "IAM", "Network"),
    "Threat Intelligence",
}
VERSION = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"
SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
OPENING = (
    "All notable changes to this project will be documented in this file.",
    (
        "The format is based on [Keep a Changelog](https://keepachangelog.com/en/1.0.0/), and this project adheres to "
        "[Semantic Versioning](https://semver.org/spec/v2.0.0.html)."
    ),
)


def problems(folder: Path) -> list[str]:
    """What is wrong with a module, each in a line that begins with the file."""
    return [*_files(folder), *_manifest(folder), *_changelog(folder), *_components(folder)]


def _files(folder: Path) -> Iterator[str]:
    for name in ("pyproject.toml", "poetry.lock", "Dockerfile", "main.py", "manifest.json", "CHANGELOG.md"):
        if not (folder / name).is_file():
            yield f"{name}: is missing"
    if not (folder / "logo.svg").is_file() and not (folder / "logo.png").is_file():
        yield "logo: is missing"
    if not list((folder / "tests").rglob("test_*.py")):
        yield "tests: there are none"


def _manifest(folder: Path) -> Iterator[str]:
    said = _read(folder / "manifest.json")
    if said is None:
        yield "manifest.json: can't be read"
        return
    for name in ("uuid", "name", "slug", "description", "version", "configuration"):
        if not said.get(name):
            yield f"manifest.json: no {name}"
    if not _is_uuid(said.get("uuid")):
        yield "manifest.json: uuid is none"
    if not re.fullmatch(r"[a-z][a-z0-9_.-]*", str(said.get("slug"))):
        yield "manifest.json: slug"
    if not re.fullmatch(VERSION, str(said.get("version"))):
        yield "manifest.json: version is not by Semantic Versioning"
    if not _is_schema(said.get("configuration")):
        yield "manifest.json: configuration is no JSON Schema"
    elif not set(said["configuration"].get("secrets", [])) <= set(said["configuration"].get("properties", {})):
        yield "manifest.json: a secret is no property"
    if not said.get("categories"):
        yield "manifest.json: no category"
    for each in said.get("categories") or []:
        if each not in CATEGORIES:
            yield f"manifest.json: category {each}"


def _components(folder: Path) -> Iterator[str]:
    files = sorted([*folder.glob("action_*.json"), *folder.glob("trigger_*.json")])
    ids: Counter[str] = Counter()
    commands: list[str] = []
    for file in files:
        said = _read(file)
        if said is None:
            yield f"{file.name}: can't be read"
            continue
        for name in ("name", "uuid", "description", "docker_parameters"):
            if not isinstance(said.get(name), str):
                yield f"{file.name}: no {name}"
        for name in ("arguments", "results"):
            if not isinstance(said.get(name), dict):
                yield f"{file.name}: no {name}"
            elif not _is_schema(said[name]):
                yield f"{file.name}: {name} is no JSON Schema"
        ids[str(said.get("uuid"))] += 1
        commands.append(str(said.get("docker_parameters")))
    yield from (f"uuid {each} is not unique" for each, count in ids.items() if count > 1)
    yield from (f"docker_parameters {each} is not unique" for each, count in Counter(commands).items() if count > 1)
    registered = list(_registered(folder / "main.py"))
    yield from (f"main.py: {each} is registered twice" for each, count in Counter(registered).items() if count > 1)
    yield from (f"main.py: {each} is not registered" for each in sorted(set(commands) - set(registered)))
    yield from (f"main.py: {each} is in no file" for each in sorted(set(registered) - set(commands)))


def _registered(main: Path) -> Iterator[str]:
    tree = ast.parse(main.read_text(encoding="utf-8")) if main.is_file() else ast.Module([], [])
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "register":
            named = call.args[1] if len(call.args) > 1 else call.keywords[0].value
            assert isinstance(named, ast.Constant)
            yield str(named.value)


def _changelog(folder: Path) -> Iterator[str]:
    file = folder / "CHANGELOG.md"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if not re.match(r"# (Changelog|Change log)\n", text):
        yield "CHANGELOG.md: does not begin with # Changelog"
    said = " ".join(text.split())
    yield from (f"CHANGELOG.md: lacks {each!r}" for each in OPENING if each not in said)
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    if not versions:
        yield "CHANGELOG.md: has no version"
    for each in versions:
        if "unreleased" not in each.lower() and not re.search(rf"{VERSION}\b.*\d{{4}}-[01]\d-[0-3]\d", each):
            yield f"CHANGELOG.md: {each} is no version with a day"
    for each in re.findall(r"^### (.+)$", text, re.MULTILINE):
        if each.strip() not in SECTIONS:
            yield f"CHANGELOG.md: section {each}"


def _read(file: Path) -> dict[str, Any] | None:
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def _is_schema(value: object) -> bool:
    try:
        Draft7Validator.check_schema(value)
    except SchemaError:
        return False
    return isinstance(value, dict)


def _is_uuid(value: object) -> bool:
    try:
        return bool(UUID(str(value)))
    except ValueError:
        return False
