"""`exfilwatch cases`: the cases in every case system, what waits to be told to these, and whether they answer."""

from typing import TYPE_CHECKING, Annotated

import typer

from exfilwatch_playbooks.cli import exits, stdout
from exfilwatch_playbooks.cli.options import Database, RowsOutput, examples, readable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exfilwatch.findings.store import Store
    from exfilwatch_playbooks.cases.local import Local


def register(app: typer.Typer) -> None:
    """Add the family."""
    family = typer.Typer(no_args_is_help=True, help="List and show cases, and try case systems.")
    family.command(
        "list",
        epilog=examples(
            "exfilwatch cases list", "exfilwatch cases list --system jira", "exfilwatch cases list --pending"
        ),
    )(list_cases)
    family.command("show", epilog=examples("exfilwatch cases show 1"))(show)
    family.command("check", epilog=examples("exfilwatch cases check", "exfilwatch cases check jira"))(check)
    family.command("sync", epilog=examples("exfilwatch cases sync", "exfilwatch cases sync jira"))(sync)
    app.add_typer(family, name="cases")


def list_cases(
    pending: Annotated[
        bool, typer.Option("--pending", help="What case systems have not been told yet, and why.")
    ] = False,
    system: Annotated[
        str,
        typer.Option("--system", metavar="NAME", help="Only those in this one. Default: in all.", show_default=False),
    ] = "",
    output: RowsOutput = None,
    database: Database = None,
) -> None:
    """List the cases in every case system as they are known here, last changed first; or what waits to be told to one.

    `exfilwatch cases sync` looks how they stand there now.
    """
    if pending:
        _list_pending(database, system, people=readable(output))
        return

    from exfilwatch_playbooks.cli.jsonl import line
    from exfilwatch_playbooks.cli.settings import open_store
    from exfilwatch_playbooks.service.views import all_cases

    store = open_store(database, existing=True)
    store.database.ensure("cases", "exfilwatch_playbooks.cases")
    found = all_cases(store, system)
    if not found and system:
        _check_name(system)
    if readable(output):
        from exfilwatch_playbooks.cli.boundary import say
        from exfilwatch_playbooks.cli.case_view import show_cases
        from exfilwatch_playbooks.cli.summary import counted

        show_cases(found)
        say(counted(len(found), "case"))
        return
    for case in found:
        stdout.write_line(line(case.model_dump(mode="json")))


def show(
    case: Annotated[str, typer.Argument(metavar="ID", help="A case's number.")],
    output: RowsOutput = None,
    database: Database = None,
) -> None:
    """Show one case: what happened, how we know, what to do now."""
    import asyncio

    from exfilwatch.errors import CaseError, ConfigError

    try:
        found = asyncio.run(_local(database).get(case))
    except CaseError as error:
        raise ConfigError(str(error)) from None
    if readable(output):
        from exfilwatch_playbooks.cli.case_view import show_case

        show_case(found)
        return
    from exfilwatch_playbooks.cli.jsonl import line

    stdout.write_line(line(found.model_dump(mode="json")))


def _check_name(system: str) -> None:
    """Raises ConfigError for a case system that is not in the settings."""
    from exfilwatch.config import settings
    from exfilwatch.errors import ConfigError
    from exfilwatch_playbooks.cases.registry import LOCAL

    known = [*settings().case, LOCAL]
    if system not in known:
        raise ConfigError(f"there is no case system {system!r}, only {', '.join(dict.fromkeys(known))}")


def _list_pending(database: str | None, system: str, *, people: bool) -> None:
    from exfilwatch.config import settings
    from exfilwatch_playbooks.cases.registry import opened_in
    from exfilwatch_playbooks.cases.waiting import waiting
    from exfilwatch_playbooks.cli.jsonl import line
    from exfilwatch_playbooks.cli.settings import open_store

    chosen = settings()
    if system:
        _check_name(system)
    lowest = chosen.policy.open if chosen.policy.open != "never" else "critical"
    found = waiting(
        open_store(database, existing=True), [system or opened_in(chosen.case, chosen.policy.page_in)], lowest
    )
    if people:
        from exfilwatch_playbooks.cli.boundary import say
        from exfilwatch_playbooks.cli.case_view import show_waiting
        from exfilwatch_playbooks.cli.summary import counted

        show_waiting(found)
        say(f"{counted(len(found), 'incident')} waiting")
        return
    for each in found:
        stdout.write_line(line(each.model_dump(mode="json")))


def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Their names in the settings. Default: all.", show_default=False),
    ] = None,
    output: RowsOutput = None,
    database: Database = None,
) -> None:
    """Try whether case systems answer and know us. Nothing is changed there.

    Exit code 0: all is well, 2: something must be changed, 3: not reachable.
    """
    import asyncio

    from exfilwatch.config import settings
    from exfilwatch_playbooks.cli.jsonl import line
    from exfilwatch_playbooks.cli.settings import open_store

    configured = settings().case
    store = open_store(database)
    worst = exits.DONE
    for name in names or configured or ["local"]:
        outcome, said, code = asyncio.run(_tried(name, configured, store))
        worst = max(worst, code)
        if readable(output):
            from rich.text import Text

            from exfilwatch_playbooks.cli.terminal import console, plain

            mark = Text("✓ ", "green") if outcome == "ok" else Text("✗ ", "bold red")
            console().print(mark.append_text(plain(f"{name}: {said}", 1000)))
        else:
            stdout.write_line(line({"case": name, "outcome": outcome, "said": said}))
    if worst:
        raise typer.Exit(worst)


def sync(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Their names in the settings. Default: all.", show_default=False),
    ] = None,
    most: Annotated[
        int, typer.Option("--most", min=1, help="At most so many cases of each, the oldest look first.")
    ] = 500,
    output: RowsOutput = None,
    database: Database = None,
) -> None:
    """Look how cases stand in their systems: whether somebody has closed, opened again, merged or deleted one there.
    Nothing is changed there. `poll` and `serve` do it by themselves, a few cases at a time.

    Exit code 3: one did not answer.
    """
    import asyncio
    from datetime import timedelta

    from exfilwatch.config import settings
    from exfilwatch_playbooks.actions.context import Context
    from exfilwatch_playbooks.cases.looking import Look, look
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.jsonl import line
    from exfilwatch_playbooks.cli.settings import open_store, rule_set
    from exfilwatch_playbooks.cli.summary import counted

    store = open_store(database, existing=True)

    async def looked() -> list[Look]:
        async with Context(settings(), lambda: store, lambda: rule_set(None)) as context:
            return await look(context, names or (), apart=timedelta(0), most=most, within=most)

    done = asyncio.run(looked())
    if readable(output):
        from exfilwatch_playbooks.cli.case_view import show_changes

        show_changes([change for each in done for change in each.changes])
    else:
        for change in (change for each in done for change in each.changes):
            stdout.write_line(line(change.model_dump(mode="json")))
    for each in done:
        say(f"{each.system}: {counted(each.seen, 'case')} looked at, {len(each.changes)} changed")
        if each.problem:
            say(f"problem: {each.problem}")
    if any(each.problem for each in done):
        raise typer.Exit(exits.UNREADABLE)


async def _tried(name: str, configured: "Mapping[str, Mapping[str, object]]", store: "Store") -> tuple[str, str, int]:
    """How it went, what there is to say, and the exit code."""
    from exfilwatch.errors import CaseError, CaseUnreachable
    from exfilwatch_playbooks.cases.registry import case_system

    system = case_system(configured, store, name)
    try:
        account = await system.probe()
    except CaseError as error:
        return "failure", str(error), exits.UNREADABLE if isinstance(error, CaseUnreachable) else exits.WRONG
    finally:
        await system.close()
    return "ok", "; ".join([f"answers, and knows us as {account.who} ({account.where})", *account.remarks]), exits.DONE


def _local(database: str | None) -> "Local":
    from exfilwatch_playbooks.cases.local import Local
    from exfilwatch_playbooks.cli.settings import open_store

    return Local(open_store(database, existing=True))
