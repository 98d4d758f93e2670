"""`exfilwatch mcp`: the actions as tools of an assistant."""

from typing import Annotated

import typer

from exfilwatch_playbooks.cli.options import Database, examples


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("mcp", epilog=examples("exfilwatch mcp", "exfilwatch mcp --changes"))(mcp)


def mcp(
    changes: Annotated[
        bool, typer.Option("--changes", help="Offer actions that change something too: cases, marks, suppressions.")
    ] = False,
    database: Database = None,
) -> None:
    """Offer the actions to an assistant by the Model Context Protocol, on standard input and output.

    An assistant's program starts it; see docs/assistants.md.
    """
    import asyncio

    from exfilwatch.config import settings
    from exfilwatch.errors import ConfigError
    from exfilwatch_playbooks.actions.context import Context, user
    from exfilwatch_playbooks.cli.settings import open_store, rule_set

    try:
        from exfilwatch_playbooks.assistant import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mcp":
            raise
        raise ConfigError("mcp needs more than is installed: pip install 'exfilwatch[mcp]'") from None
    store = open_store(database)
    context = Context(settings(), lambda: store, lambda: rule_set(None), who=f"{user()} by an assistant")
    asyncio.run(serve(context, allow_changes=changes))
