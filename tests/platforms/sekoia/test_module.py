"""The module's files, by the rules of Sekoia's automation library and by the SDK's own generator."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from exfilwatch_playbooks.manifest import built
from exfilwatch_playbooks.platforms.sekoia import package
from exfilwatch_playbooks.playbook.exports.registry import export
from exfilwatch_playbooks.playbook.source import incident

from .compliance import problems
from .installation import Module


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The module, with the lock that its maker adds (poetry lock)."""
    package(built(), tmp_path)
    (tmp_path / "poetry.lock").touch()
    return tmp_path


def test_the_module_complies_once_its_dependencies_are_locked(written: Path) -> None:
    assert problems(written) == []
    (written / "poetry.lock").unlink()
    assert problems(written) == ["poetry.lock: is missing"]


def test_the_playbook_is_in_it(written: Path) -> None:
    (made,) = export("sekoia").files(incident()).values()
    assert (written / "playbook/exfilwatch.json").read_text("utf-8") == made


def changed(file: str, pattern: str, by: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        said = re.sub(pattern, by, text, count=1, flags=re.DOTALL)
        assert said != text
        (folder / file).write_text(said, encoding="utf-8")

    return change


def gone(file: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        if (folder / file).is_dir():
            shutil.rmtree(folder / file)
        else:
            (folder / file).unlink()

    return change


BROKEN: list[tuple[str, Callable[[Path], None], str]] = [
    ("no Dockerfile", gone("Dockerfile"), "Dockerfile: is missing"),
    ("no pyproject", gone("pyproject.toml"), "pyproject.toml: is missing"),
    ("no logo", gone("logo.svg"), "logo: is missing"),
    ("no tests", gone("tests"), "tests: there are none"),
    ("no manifest", gone("manifest.json"), "manifest.json: is missing"),
    ("no main", gone("main.py"), "main.py: is missing"),
    ("no action file", gone("action_hunt.json"), "main.py: Hunt is in no file"),
    ("a manifest that is no JSON", changed("manifest.json", r"\}\s*$", ""), "manifest.json: can't be read"),
    ("a category that is none", changed("manifest.json", '"Endpoint"', '"Exfiltration"'), "category Exfiltration"),
    ("a slug with spaces", changed("manifest.json", '"slug": "', '"slug": "E '), "manifest.json: slug"),
    ("a version of two numbers", changed("manifest.json", r'"version": "\d+\.', '"version": "'), "Semantic Versioning"),
    ("a type that is none", changed("manifest.json", '"object"', '"thing"'), "configuration is no JSON Schema"),
    ("a secret that is no setting", changed("manifest.json", '"case_token",', '"case_tokn",'), "secret is no property"),
    ("an action without description", changed("action_hunt.json", '"description"', '"about"'), "no description"),
    ("arguments that are none", changed("action_hunt.json", '"arguments"', '"inputs"'), "no arguments"),
    ("a class twice", changed("action_hunt.json", '"Hunt",\n  "arg', '"OpenCase",\n  "arg'), "OpenCase is not unique"),
    ("not registered", changed("main.py", r"    module.register\(Poll.*?\n", ""), "main.py: Poll is not registered"),
    ("no entries", changed("CHANGELOG.md", r"## \d.*", ""), "CHANGELOG.md: has no version"),
    ("an entry without a day", changed("CHANGELOG.md", r"- \d{4}-\d\d-\d\d", ""), "is no version with a day"),
    ("another section", changed("CHANGELOG.md", "### Added", "### News"), "CHANGELOG.md: section News"),
    ("another beginning", changed("CHANGELOG.md", "# Changelog", "# News"), "does not begin with # Changelog"),
]


@pytest.mark.parametrize(("broken", "said"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN])
def test_a_broken_module_is_refused(written: Path, broken: Callable[[Path], None], said: str) -> None:
    broken(written)
    assert [each for each in problems(written) if said in each]


def test_the_sdks_own_generator_makes_the_same_files_of_the_code(module: Module, tmp_path: Path) -> None:
    made = tmp_path / "made"
    shutil.copytree(module.folder, made)
    for each in [*made.glob("action_*.json"), *made.glob("trigger_*.json"), made / "main.py"]:
        each.unlink()
    done = module.tool("generate-files-from-code", folder=made)
    assert done.returncode == 0, done.stderr
    files = sorted(each.name for each in module.folder.glob("*.json"))
    assert sorted(each.name for each in made.glob("*.json")) == files
    for name in files:
        ours, theirs = (json.loads((folder / name).read_text(encoding="utf-8")) for folder in (module.folder, made))
        if name != "manifest.json":
            ours["arguments"].pop("$schema")
            # What is answered always has every key, which the generator does not know.
            assert set(ours.pop("results")["properties"]) == set(theirs.pop("results")["properties"])
        assert ours == theirs, name
    calls = [re.findall(r"module\.register\((.*)\)", (at / "main.py").read_text()) for at in (module.folder, made)]
    assert sorted(calls[0]) == sorted(calls[1])


def test_the_sdk_takes_the_manifest_of_the_repository_with_its_triggers_and_actions(
    module: Module, tmp_path: Path
) -> None:
    other = Module(module.sdk, tmp_path)
    shutil.copytree(module.folder, other.folder)
    (other.folder / "manifest.json").write_text(built().text(), encoding="utf-8")
    done = other.tool("generate-files-from-code", folder=other.folder)
    assert done.returncode == 0, done.stderr
    (answer,) = other.steps(tmp_path, {"siem_kind": "files", "siem_paths": "logs"}, ("ListFindings", {}))
    assert answer["summary"] == "0 findings"


def test_the_tests_in_the_module_pass(module: Module) -> None:
    names = [json.loads(each.read_text())["docker_parameters"] for each in module.folder.glob("*_*.json")]
    assert len(names) == len(built().actions) + 1
    tests = list((module.folder / "tests").glob("test_*.py"))
    (answer,) = module.python("selftest.py", *map(str, tests), folder=module.folder).communicate(timeout=120)[:1]
    assert answer.strip() == "passed"
