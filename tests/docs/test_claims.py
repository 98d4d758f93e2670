"""What the papers say that the program prints, and never does."""

import ast
import re
import shlex

import pytest

from exfilwatch_playbooks.cli.boundary import run
from exfilwatch_playbooks.demo.telemetry import telemetry

from .papers import DOCS, ROOT, blocks

MODULES = sorted(path for room in ("connector", "playbooks") for path in (ROOT / room).rglob("*.py"))
# Ways to the network, and to other programs.
NETWORK = {
    *("socket", "socketserver", "ssl", "http", "urllib", "ftplib", "smtplib", "imaplib", "poplib", "xmlrpc"),
    *("httpx", "requests", "aiohttp", "urllib3", "aiosmtplib"),
}
PROGRAMS = {"subprocess", "multiprocessing", "webbrowser", "pty", "ctypes"}
ASKING = {"siem", "cases", "enrichment", "service"}
"""The rooms that reach the network: SIEMs, case systems, whom enrichment asks, and the service, which listens."""
CALLS = {"system", "popen", "execv", "execve", "execvp", "spawnv", "fork", "forkpty", "posix_spawn", "startfile"}


def words(text: str) -> list[str]:
    """The lines that say something, without the space at their ends."""
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def test_what_the_readme_shows_of_the_demo_is_what_it_prints(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert run(["demo"]) == 0
    printed = iter(words(capsys.readouterr().out))
    (extract,) = blocks((ROOT / "README.md").read_text("utf-8"), "text")
    for line in words(extract):
        # In this order. To mend it: COLUMNS=100 exfilwatch demo | less
        assert line.strip() == "…" or line in printed, line


def test_what_the_first_steps_show_of_the_counts_is_what_detect_says(capsys):
    (shown,) = blocks((DOCS / "first-steps.md").read_text("utf-8"), "text")
    with telemetry() as files:
        assert run(["detect", *map(str, files)]) == 0
    without_time = re.compile(r", [\d.]+ s$")
    assert without_time.sub("", capsys.readouterr().err.strip()) == without_time.sub("", shown.strip())


def test_the_upload_that_the_first_steps_tell_to_try_is_found(capsys, tmp_path):
    (command,) = re.findall(r"`(curl .*?)`", (DOCS / "first-steps.md").read_text("utf-8"))
    record = (
        f'{{"category": "process_creation", "product": "linux", "Image": "/usr/bin/curl", "CommandLine": "{command}"}}'
    )
    (tmp_path / "one.jsonl").write_text(record)
    assert shlex.split(command)[0] == "curl"
    assert run(["detect", str(tmp_path / "one.jsonl")]) == 0
    assert '"branch":"transfer_tool"' in capsys.readouterr().out


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_but_those_of_some_rooms_reaches_the_network_and_none_starts_a_program(module):
    forbidden = PROGRAMS if ASKING.intersection(module.parts) else PROGRAMS | NETWORK
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                assert not {alias.name.partition(".")[0] for alias in names} & forbidden
            case ast.ImportFrom(module=str(found), level=0):
                # urllib.parse takes addresses apart and opens none.
                assert found == "urllib.parse" or found.partition(".")[0] not in forbidden
            case ast.Attribute(value=ast.Name(id="os"), attr=attribute):
                assert attribute not in CALLS
            case ast.Call(func=ast.Name(id=called)):
                assert called not in {"eval", "exec", "__import__"}
