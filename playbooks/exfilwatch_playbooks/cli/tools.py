"""`exfilwatch tools`: the tools whose command lines are understood, and what a site adds to them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from exfilwatch_playbooks.cli import exits, stdout
from exfilwatch_playbooks.cli.options import RowsOutput, examples, readable

if TYPE_CHECKING:
    from exfilwatch.commands.tool import Tool

Named = Annotated[str, typer.Argument(metavar="TOOL", help="Its name, or that of one of its programs.")]
Does = Annotated[
    str | None,
    typer.Option("--does", metavar="WHAT", help="Only those that do it: upload, offer, tunnel, archive, collect, ..."),
]


def register(app: typer.Typer) -> None:
    """Add the family."""
    family = typer.Typer(
        no_args_is_help=True,
        help="List and show the tools whose command lines are understood; check what a site adds.",
        rich_markup_mode="rich",
    )
    family.command("list", epilog=examples("exfilwatch tools list", "exfilwatch tools list --does tunnel"))(list_tools)
    family.command("show", epilog=examples("exfilwatch tools show curl"))(show)
    family.command("check", epilog=examples("exfilwatch tools check", "EXFILWATCH_SITE=site/ exfilwatch tools check"))(
        check
    )
    app.add_typer(family, name="tools")


def list_tools(does: Does = None, output: RowsOutput = None) -> None:
    """List the tools with their programs and what they do; those of the site first."""
    from typing import get_args

    from exfilwatch.commands import tool
    from exfilwatch.errors import ConfigError

    if does and does not in get_args(tool.Does):
        raise ConfigError(f"--does {does}: use {', '.join(get_args(tool.Does))}")
    found = [each for each in tool.catalogue() if does is None or does in _does(each)]
    if readable(output):
        from exfilwatch_playbooks.cli.tables import listing
        from exfilwatch_playbooks.cli.terminal import console, plain

        table = listing("Tool, family", "What it does, and by which programs or in which language")
        table.columns[0].max_width, table.columns[1].ratio, table.columns[1].overflow = 24, 1, "fold"
        for each in found:
            named = ", ".join(each.programs or each.languages)
            table.add_row(
                plain(each.name, 80, "bold").append("\n").append_text(plain(each.family, 40, "dim")),
                plain(", ".join(_does(each)), 200).append("\n").append_text(plain(named, 400, "dim")),
            )
        console().print(table)
        return
    from exfilwatch_playbooks.cli.jsonl import line

    for each in found:
        known = {"name": each.name, "family": each.family, "does": list(_does(each)), "programs": each.programs}
        stdout.write_line(line({**known, "languages": each.languages, "references": each.references}))


def show(tool: Named) -> None:
    """Print what is known of a tool, as YAML: to read, or to copy to the site's own and change there."""
    from exfilwatch.commands.tool import documents
    from exfilwatch.errors import ConfigError

    wanted = tool.lower()
    every = list(documents())
    found = [text for each, text in every if each.name.lower() == wanted] or [
        text for each, text in every if wanted in each.programs
    ]
    if not found:
        raise ConfigError(f"no tool is called {tool!r}: `exfilwatch tools list` shows those there are")
    stdout.write_line("---\n".join(f"{text.strip()}\n" for text in found).rstrip().encode())


def check() -> None:
    """Say everything that is wrong with what the site adds, and run its cases. Exit code 2 when something is."""
    from exfilwatch.commands import site_check
    from exfilwatch.errors import ConfigError
    from exfilwatch.places import SITE, site_folder
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.summary import counted
    from exfilwatch_playbooks.hostile import visible

    folder = site_folder()
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder: make it, or name another by {SITE}; see docs/site.md")
    problems = site_check.problems()
    if not problems:
        outcomes = site_check.outcomes()
        problems = [f"{each.path}: {each.why}: {each.detail}" for each in outcomes if not each.passed]
        say(f"{folder}: {counted(len(outcomes), 'case')}: {len(outcomes) - len(problems):,} passed")
    for problem in problems:
        stdout.write_line(visible(problem).encode("utf-8", "replace"))
    if problems:
        say(counted(len(problems), "problem"))
        raise typer.Exit(exits.WRONG)


def _does(tool: "Tool") -> Iterator[str]:
    yield from dict.fromkeys(form.does for form in tool.forms)
