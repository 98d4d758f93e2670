"""`exfilwatch demo`: the whole way, on telemetry that comes along."""

import typer

from exfilwatch_playbooks.cli import exits
from exfilwatch_playbooks.cli.options import examples


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", epilog=examples("exfilwatch demo", "exfilwatch demo | less"))(demo)


def demo() -> None:
    """Find four exfiltrations in an ordinary day of twelve hosts, explain one, open the cases. Keeps nothing."""
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.demo_show import show

    missed = show()
    if missed:
        say(f"error: the exfil pack did not find scenario {', '.join(map(str, missed))}: please report it")
        raise typer.Exit(exits.INTERNAL)
