"""`make demo-tracker`: the demo's cases in a real Roundup that it starts itself, to be looked at in a browser.

What opens them is `exfilwatch run`, as on any site: with a settings file that names the tracker.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from tests.servers.roundup import USER, Roundup
from tests.servers.unavailable import Unavailable

from exfilwatch_playbooks.demo.telemetry import OWN_TRAFFIC, telemetry


@dataclass(frozen=True)
class Opened:
    """A case in the tracker."""

    level: str
    title: str
    url: str


@contextmanager
def demonstrated() -> Iterator[list[Opened]]:
    """The cases of the demo, in a tracker that runs as long as anyone is in here. Raises Unavailable."""
    with tempfile.TemporaryDirectory(prefix="exfilwatch-demo-tracker-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # the tracker does not run as root
        (home / "roundup").mkdir()
        tracker = Roundup(home / "roundup")
        try:
            tracker.ready()
            yield _run(home, tracker.url)
        finally:
            tracker.stop()


def _run(home: Path, url: str) -> list[Opened]:
    config = home / "config.toml"
    config.write_text(
        f"""database = "{home / "exfilwatch.sqlite"}"
suppressions = "{home / "suppressions"}"
rules = ["exfil", "{OWN_TRAFFIC}"]

[case.roundup]
kind = "roundup"
url = "{url}"
user = "{USER.user}"
password = "{USER.password}"
attach = "evidence, report"
""",
        encoding="utf-8",
    )
    with telemetry() as files:
        done = subprocess.run(
            [sys.executable, "-m", "exfilwatch_playbooks.cli", "run", "--output", "jsonl", *map(str, files)],
            env={name: value for name, value in os.environ.items() if not name.startswith("EXFILWATCH_")}
            | {"EXFILWATCH_CONFIG": str(config)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    news = (json.loads(line) for line in done.stdout.splitlines())
    cases = (new["case"] for new in news if new["new"] == "case")
    return [Opened(case["level"], case["title"], case["url"]) for case in cases]


def main() -> int:
    """Print the addresses of the cases, and keep the tracker until Enter is pressed."""
    try:
        with demonstrated() as opened:
            typer.echo(f"\n{len(opened)} cases are open in Roundup. Log in as {USER.user!r} with {USER.password!r}:\n")
            for case in opened:
                typer.echo(f"  {case.level:9} {case.url}\n            {case.title}")
            if sys.stdin.isatty():
                input("\nPress Enter to end the tracker: ")
            else:
                typer.echo("\nThe tracker ends now: nobody is at the keyboard.")
    except Unavailable as error:
        typer.echo(f"error: {error}", err=True)
        return 1
    except (EOFError, KeyboardInterrupt):
        typer.echo()
    return 0


if __name__ == "__main__":
    sys.exit(main())
