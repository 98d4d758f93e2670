"""`exfilwatch playbook`: the ready playbook, shown, written for a platform, or carried out here."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exfilwatch_playbooks.cli import exits, stdout
from exfilwatch_playbooks.cli.options import Database, examples

if TYPE_CHECKING:
    from exfilwatch.findings.store import Store
    from exfilwatch_playbooks.playbook.model import Ask, Step
    from exfilwatch_playbooks.playbook.running import People


def register(app: typer.Typer) -> None:
    """Add the family."""
    family = typer.Typer(no_args_is_help=True, help="The ready playbook: from an incident to a case followed up.")
    family.command("show", epilog=examples("exfilwatch playbook show", "exfilwatch playbook show --svg"))(show)
    shown = ("exfilwatch playbook export --list", "exfilwatch playbook export cacao --out playbooks/")
    family.command("export", epilog=examples(*shown))(export)
    family.command("run", epilog=examples("exfilwatch playbook run 4b77887a"))(run)
    app.add_typer(family, name="playbook")


def show(svg: Annotated[bool, typer.Option("--svg", help="As a picture.")] = False) -> None:
    """Show the steps, in order, and what leads to what."""
    from exfilwatch_playbooks.playbook.picture import picture, sentences
    from exfilwatch_playbooks.playbook.source import incident

    if svg:
        stdout.write_line(picture(incident()).rstrip("\n").encode())
        return
    for sentence in sentences(incident()):
        stdout.write_line(sentence.encode())


def export(
    platform: Annotated[str | None, typer.Argument(help="Which platform.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder it is written into.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="Say which platforms there are.")] = False,
) -> None:
    """Write the playbook as a platform imports it. The packages xsoar and http have it. See docs/playbooks.md."""
    from exfilwatch.errors import ConfigError
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.report import write
    from exfilwatch_playbooks.playbook.exports import registry
    from exfilwatch_playbooks.playbook.source import incident

    if listing:
        stdout.write_line("\n".join(registry.names()).encode())
        return
    if platform is None:
        raise ConfigError(f"say for which platform: {', '.join(registry.names())}")
    if out is None:
        raise ConfigError("say where to: --out DIR")
    made = registry.export(platform)
    for name, text in made.files(incident()).items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, text.encode(), force=True)
        say(f"{path}: the playbook for {made.title}")
    for what, instead in made.lacks.items():
        say(f"without {what}: {instead}")


def run(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, or the beginning of it.")],
    database: Database = None,
) -> None:
    """Carry the playbook out for an incident: actions are run, and you are asked. Nothing changes unasked."""
    import asyncio

    from exfilwatch.errors import ConfigError

    if not sys.stdin.isatty():
        raise ConfigError("playbook run asks a person: run it in a terminal, or use a platform's playbook")
    try:
        asyncio.run(_run(incident, database))
    except EOFError:
        raise typer.Exit(exits.INTERRUPTED) from None


async def _run(name: str, database: str | None) -> None:
    from exfilwatch.config import settings
    from exfilwatch_playbooks.actions.context import Context
    from exfilwatch_playbooks.actions.perform import perform
    from exfilwatch_playbooks.cli.settings import open_store, rule_set
    from exfilwatch_playbooks.playbook.model import Value
    from exfilwatch_playbooks.playbook.running import Way, carry_out
    from exfilwatch_playbooks.playbook.source import incident

    async with Context(settings(), lambda: open_store(database), lambda: rule_set(None)) as context:

        async def performed(action: str, given: dict[str, Value]) -> dict[str, object]:
            return (await perform(action, given, context)).model_dump(mode="json")

        given = _given(context.store, name)
        await carry_out(incident(), given, performed, _terminal(), Way(told=_tell), patient=True)


def _given(store: "Store", name: str) -> dict[str, str]:
    """What the playbook starts with: the incident, and its gravest finding, the first of those."""
    from exfilwatch.findings.incident import rank

    found = store.incident(name)
    gravest = max(store.find(incident=found.id)[::-1], key=lambda each: rank(each.rule.level))
    return {"incident": found.id, "finding": gravest.id}


def _tell(step: "Step", said: str) -> None:
    from exfilwatch_playbooks.hostile import line

    stdout.write_line(f"{step.title}: {line(said, 400)}".encode("utf-8", "replace"))


def _terminal() -> "People":
    """The one at the terminal."""
    from exfilwatch_playbooks.playbook.model import Ask, Person
    from exfilwatch_playbooks.playbook.running import People

    class Terminal(People):
        async def answer(self, question: Ask) -> str | None:
            return _answer(question)

        async def do(self, step: Person) -> None:
            typer.echo(f"\n{step.title}\n  {step.person}")
            input("  Press Enter when it is done. ")

    return Terminal()


def _answer(question: "Ask") -> str:
    typer.echo(f"\n{question.ask}\n  {question.says}")
    for number, choice in enumerate(question.choices, 1):
        typer.echo(f"  {number}  {choice.label}")
    while True:
        given = input("  Which number? ").strip()
        if given.isdecimal() and 0 < int(given) <= len(question.choices):
            return question.choices[int(given) - 1].answer
