"""The app's project, as it is written; and what the SDK makes of it."""

import ast
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.servers.unavailable import Unavailable, leave_out

from exfilwatch_playbooks.actions.registry import every
from exfilwatch_playbooks.manifest import built
from exfilwatch_playbooks.platforms.configuration import schema
from exfilwatch_playbooks.platforms.splunk_soar import package
from exfilwatch_playbooks.platforms.splunk_soar.shapes import fitted, record
from exfilwatch_playbooks.platforms.splunk_soar.source import literal
from exfilwatch_playbooks.playbook.exports.registry import export
from exfilwatch_playbooks.playbook.source import incident

from .installation import App

NAMES = {each.name for each in every()} - {"test_connectivity"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    package(built(), folder)
    return folder


def test_each_action_has_a_file_of_sound_python(project: Path) -> None:
    assert {each.stem for each in (project / "src" / "actions").glob("*.py")} - {"__init__"} == NAMES
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--no-cache",
        "--line-length",
        "120",
        "--select",
        "E,F,I,UP",
        "--ignore",
        "E501",
        ".",
    ]
    checked = subprocess.run(ruff, cwd=project, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_playbook_is_in_it_as_the_platform_imports_it(project: Path) -> None:
    with tarfile.open(project / "playbook.tgz") as archive:
        members = {each.name: archive.extractfile(each) for each in archive}
        assert {name: file.read().decode() for name, file in members.items() if file} == export("splunk-soar").files(
            incident()
        )


def test_it_is_the_same_whenever_it_is_written(project: Path, tmp_path: Path) -> None:
    package(built(), tmp_path)
    files = [each.relative_to(project) for each in sorted(project.rglob("*")) if each.is_file()]
    assert files
    assert all((project / each).read_bytes() == (tmp_path / each).read_bytes() for each in files)


@pytest.mark.parametrize("value", ['"""', "\\", "a\nb", "'\"", "{{ x }}", "ü\u2028", "", True, None, 1, ["a", 'b"']])
def test_what_is_filled_in_is_a_literal(value: object) -> None:
    assert ast.literal_eval(literal(value)) == value


@pytest.mark.parametrize("action", every(), ids=lambda each: each.name)
def test_answers_fit_the_classes_of_their_schema(action: Any) -> None:
    shape = record(action.output.model_json_schema(mode="serialization"), "Output")
    assert {each.name for each in shape.fields} == set(action.output.model_fields)


def test_an_object_of_any_fields_is_json() -> None:
    shape = record({"type": "object", "properties": {"a": {"type": "object"}, "b": {"type": "string"}}}, "Output")
    assert fitted(shape, {"a": {"x": [1, "ü"]}, "b": "c", "other": 1}) == {"a": '{"x": [1, "ü"]}', "b": "c"}


@pytest.fixture(scope="module")
def locked(app: App) -> App:
    """With its lock, for which the package index is asked."""
    code = "import sys, pathlib, make_package; make_package.give(pathlib.Path(sys.argv[1])); make_package.lock()"
    done = app.program(app.folder.parent, "python", "-c", code, str(app.sdk.wheel))
    if done.returncode:
        leave_out(Unavailable(f"the lock of the app for Splunk SOAR: {done.stderr.strip().splitlines()[-1][:300]}"))
    return app


def test_soarapps_makes_a_manifest_of_it(locked: App) -> None:
    done = locked.program(locked.folder.parent, "soarapps", "manifests", "create", "manifest.json", ".")
    assert done.returncode == 0, done.stdout + done.stderr
    made = json.loads((locked.folder / "manifest.json").read_text(encoding="utf-8"))
    actions = {each["identifier"]: each for each in made["actions"]}
    assert set(actions) == NAMES | {"test_connectivity", "on_poll"}
    for each in every():
        if each.name in NAMES:
            assert actions[each.name]["read_only"] is not each.changes
            assert set(actions[each.name]["parameters"]) == set(each.input.model_fields)
            paths = {output["data_path"] for output in actions[each.name]["output"]}
            assert {"action_result.summary.summary", "action_result.data.*.summary"} <= paths
    asked = actions["open_case"]["parameters"]["incident"]
    assert (asked["required"], asked["primary"], asked["contains"]) == (True, True, ["exfilwatch incident id"])
    assert actions["set_disposition"]["parameters"]["disposition"]["value_list"][0] == "true-positive"
    assert actions["hunt"]["render"] == {"type": "custom", "view": "src.views.findings"}
    wanted = schema()
    fields = made["configuration"]
    assert {name for name, each in fields.items() if each["data_type"] == "password"} == set(wanted["secrets"])
    assert {name for name, each in fields.items() if each["required"]} == set(wanted["required"])
    assert set(fields) == {*wanted["properties"], "container_level", "first_poll", "poll_deadline"}


def test_soarapps_builds_the_package_with_our_wheel_in_it(locked: App) -> None:
    done = locked.program(locked.folder.parent, "python", "make_package.py")
    if done.returncode and "httpx" in done.stdout + done.stderr:
        leave_out(Unavailable("the package for Splunk SOAR: its wheels were not fetched"))
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    with tarfile.open(locked.folder / "exfilwatch.tgz") as archive:
        names = set(archive.getnames())
        manifest = json.load(archive.extractfile("exfilwatch/manifest.json"))  # type: ignore[arg-type]
    assert f"exfilwatch/wheels/shared/{locked.sdk.wheel.name}" in names
    assert {"exfilwatch/src/app.py", "exfilwatch/src/actions/hunt.py", "exfilwatch/templates/findings.html"} <= names
    wheels = {each["module"]: each["input_file"] for each in manifest["pip313_dependencies"]["wheel"]}
    assert wheels["exfilwatch"] == f"wheels/shared/{locked.sdk.wheel.name}"
    assert all(f"exfilwatch/{file}" in names for file in wheels.values())
