"""The content pack: demisto-sdk takes it, and what is broken in it is caught."""

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from tests.servers.unavailable import Unavailable, leave_out

from exfilwatch.packaged import read_yaml
from exfilwatch_playbooks.actions.registry import every
from exfilwatch_playbooks.manifest import built
from exfilwatch_playbooks.platforms.xsoar import package
from exfilwatch_playbooks.platforms.xsoar.items import FIELDS, KIND

from .sdk import Repository, environment

_HERE = Path(__file__).parent
_INTEGRATION = "Integrations/ExfilWatch/ExfilWatch.yml"
_PLAYBOOK = "Playbooks/playbook-ExfilWatch_-_Automated_Exfiltration.yml"
_FIELD = "IncidentFields/incidentfield-ExfilWatch_Host.json"


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pack")
    package(built(), out)
    return out / "ExfilWatch"


@pytest.fixture
def repository(tmp_path: Path, pack: Path) -> Repository:
    try:
        environment()
    except Unavailable as error:
        leave_out(error)
    made = Repository(tmp_path / "content")
    shutil.copytree(pack, made.packs / "ExfilWatch")
    return made


def checked(repository: Repository) -> tuple[int, str]:
    """With every check that runs here."""
    repository.commit()
    return repository.validate("-g", "--prev-ver", "master", "--config-path", str(_HERE / "offline.toml"))


def codes(said: str) -> set[str]:
    return set(re.findall(r"\[([A-Z]{2}\d{3})\]", said))


def test_the_sdk_finds_nothing_wrong_with_the_pack(repository: Repository) -> None:
    code, said = checked(repository)
    assert (code, codes(said)) == (0, set()), said


def test_what_is_broken_is_caught_though_not_by_the_default_checks(repository: Repository) -> None:
    pack = repository.packs / "ExfilWatch"
    for file, what, instead in BROKEN.values():
        change(pack / file, what, instead)
    (pack / "Integrations/ExfilWatch/ExfilWatch_image.png").write_bytes((pack / PICTURE).read_bytes())
    code, said = checked(repository)
    assert code
    assert {*BROKEN, "IM111"} <= codes(said), said
    code, said = repository.validate("-i", "Packs/ExfilWatch")
    assert (code, codes(said)) == (0, set()), said


def test_the_sdk_makes_a_file_of_it_to_upload(repository: Repository) -> None:
    repository.commit()
    made = repository.zipped("ExfilWatch")
    with zipfile.ZipFile(made) as opened:
        (unified,) = [each for each in opened.namelist() if each.startswith("Integrations/integration-")]
        integration = read_yaml(opened.read(unified))
    assert "def fetch_incidents(" in integration["script"]["script"]
    assert integration["image"].startswith("data:image/png;base64,")
    assert "API token" in integration["detaileddescription"]


PICTURE = "doc_files/ExfilWatch_-_Automated_Exfiltration.png"
BROKEN: dict[str, tuple[str, str, str]] = {
    "IN104": (_INTEGRATION, "category: Case Management", "category: Case Mongering"),
    "ST110": (_INTEGRATION, "provider: ExfilWatch", "provider: ExfilWatch\nflavour: strawberry"),
    "DO100": (_INTEGRATION, r"dockerimage: demisto/python3:[\d.]+", "dockerimage: demisto/python3:latest"),
    "IN100": (_INTEGRATION, "display: Trust any certificate \\(not secure\\)", "display: Trust me"),
    "RM102": ("Integrations/ExfilWatch/README.md", r"\| ExfilWatch\.Hunt\.found \|.*\n", ""),
    "IF104": (_FIELD, '"group": 0', '"group": 1'),
    "IF113": (_FIELD, '"name": "ExfilWatch Host"', '"name": "Somebody\'s Host"'),
    "PA103": ("pack_metadata.json", '"Case Management"', '"Case Mongering"'),
    "PA120": ("pack_metadata.json", '"Use Case"', '"Of Use"'),
    "RN107": ("ReleaseNotes/0_1_0.md", "##### New: ExfilWatch Host", "##### New: ExfilWatch Hostess"),
    "PB103": (_PLAYBOOK, r"Wrongly detected:\n      - '\d+'", "Wrongly detected:\n      - '0'"),
    "IT103": ("IncidentTypes/incidenttype-ExfilWatch_Automated_Exfiltration.json", '"Specific"', '"Somehow"'),
}


def change(file: Path, what: str, instead: str) -> None:
    text, times = re.subn(what, lambda _: instead, file.read_text("utf-8"), count=1)
    assert times == 1, f"{file.name} has no {what}"
    file.write_text(text, "utf-8")


def test_each_action_has_a_command_with_the_arguments_and_outputs_of_its_models(pack: Path) -> None:
    commands = {each["name"]: each for each in read_yaml((pack / _INTEGRATION).read_text())["script"]["commands"]}
    assert len(commands) == len(every())
    for action in every():
        command = commands[f"exfilwatch-{action.name.replace('_', '-')}"]
        own = [each["name"] for each in command["arguments"] if each["name"] in action.input.model_fields]
        assert own == list(action.input.model_fields)
        required = {each["name"] for each in command["arguments"] if each.get("required")}
        assert required == {name for name, field in action.input.model_fields.items() if field.is_required()}
        assert command.get("execution", False) == action.changes
        assert ("Ask a person" in command["description"]) == action.approval
        assert {each["contextPath"].split(".")[2] for each in command["outputs"]} >= {"summary", "problems"}


def test_the_playbook_runs_commands_that_are_there_and_isolates_only_what_was_approved(pack: Path) -> None:
    commands = {each["name"]: each for each in read_yaml((pack / _INTEGRATION).read_text())["script"]["commands"]}
    tasks = read_yaml((pack / _PLAYBOOK).read_text("utf-8"))["tasks"]
    for task in tasks.values():
        if task["task"]["brand"] == "ExfilWatch":
            taken = {each["name"]: each for each in commands[task["task"]["script"].split("|||")[1]]["arguments"]}
            given = {name: each["simple"] for name, each in task["scriptarguments"].items()}
            assert set(given) <= set(taken)
            assert {name for name, each in taken.items() if each.get("required")} <= set(given)
            assert all(value in taken[name].get("predefined", [value]) for name, value in given.items())
    (isolating,) = [number for number, task in tasks.items() if task["type"] == "playbook"]
    (leading,) = [task for task in tasks.values() if [isolating] in task.get("nexttasks", {}).values()]
    assert leading["nexttasks"]["Approve"] == [isolating]


def test_fields_that_the_playbook_and_the_mapper_name_are_there(pack: Path) -> None:
    named = set(re.findall(r"incident\.(exfilwatch\w+)", (pack / _PLAYBOOK).read_text("utf-8")))
    assert named <= {field.cli for field in FIELDS}
    classifier = json.loads((pack / "Classifiers/classifier-ExfilWatch.json").read_text())
    code = (pack / "Integrations/ExfilWatch/ExfilWatch.py").read_text("utf-8")
    assert set(classifier["keyTypeMap"]) == {KIND}
    assert f'KIND = "{KIND}"' in code


def test_the_tests_that_are_in_the_pack_pass(pack: Path, tmp_path: Path) -> None:
    try:
        python = environment() / "python"
    except Unavailable as error:
        leave_out(error)
    for folder in (pack / "Integrations/ExfilWatch", _HERE / "ours"):
        for file in folder.glob("*.py"):
            shutil.copy(file, tmp_path)
    (tmp_path / "CommonServerUserPython.py").touch()
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "ExfilWatch_test.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
