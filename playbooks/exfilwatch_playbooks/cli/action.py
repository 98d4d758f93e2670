"""`exfilwatch action`: run one of the actions, with an option for each of its inputs. Made from the registry."""

import json
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from exfilwatch_playbooks.cli import exits, stdout
from exfilwatch_playbooks.cli.options import examples

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from exfilwatch_playbooks.actions.registry import Action

_MOST_INPUT = 1024 * 1024  # bytes of an input in JSON


class _Commands(MutableMapping[str, TyperCommand]):
    """A command for each action, made when it is asked for: their modules take long to load."""

    def __getitem__(self, name: str) -> TyperCommand:
        from exfilwatch.errors import ConfigError
        from exfilwatch_playbooks.actions.registry import action

        try:
            return _command(action(name))
        except ConfigError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        from exfilwatch_playbooks.actions.registry import every

        return (each.name for each in every())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __setitem__(self, name: str, command: TyperCommand) -> None:
        raise TypeError("actions are found by their place")

    def __delitem__(self, name: str) -> None:
        raise TypeError("actions are found by their place")


class Actions(TyperGroup):
    """The group of all actions."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: Any = _Commands()

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Names what is near to an action that there is not. Raises ConfigError."""
        from exfilwatch_playbooks.actions.registry import action

        if args:
            action(args[0])
        return super().resolve_command(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the group."""
    shown = examples(
        "exfilwatch action --list",
        "exfilwatch action hunt --help",
        "exfilwatch action list_findings --level high --since 7d",
        'echo \'{"finding": "3fa9c2d1"}\' | exfilwatch action get_finding --json -',
    )
    group = typer.Typer(
        cls=Actions,
        invoke_without_command=True,
        subcommand_metavar="NAME",
        help="Run an action: what playbooks of SOAR platforms call too. Each run is in the audit log.",
        epilog=shown,
    )
    group.callback()(_group)
    app.add_typer(group, name="action")


def _group(
    ctx: typer.Context,
    listing: Annotated[bool, typer.Option("--list", help="List the actions and what each does.")] = False,
) -> None:
    if ctx.invoked_subcommand is not None:
        return
    if not listing:
        stdout.write_line(ctx.get_help().encode("utf-8", "replace"))
        raise typer.Exit
    from exfilwatch_playbooks.actions.registry import every

    if stdout.is_terminal():
        from exfilwatch_playbooks.cli.answer_view import show_actions

        show_actions(every())
        return
    from exfilwatch_playbooks.cli.jsonl import line

    for each in every():
        shown = {"name": each.name, "description": each.description, "changes": each.changes}
        stdout.write_line(line(shown | {"inputs": list(each.input.model_fields)}))


def _command(wanted: "Action") -> TyperCommand:
    """The command of an action."""
    from exfilwatch_playbooks.actions.registry import call

    fields = wanted.input.model_fields
    calls = [call(wanted, example) for example in wanted.examples]
    params: list[Any] = [_option(name, field) for name, field in fields.items()]
    params += [
        TyperOption(param_decls=["--json"], metavar="FILE", help="The input as JSON; - for standard input."),
        TyperOption(param_decls=["--output", "-o"], metavar="table|json", help="Default: json when piped."),
        TyperOption(param_decls=["--database"], metavar="FILE|URL", help="Default: that of the settings."),
    ]
    return TyperCommand(
        wanted.name,
        callback=lambda **given: _run(wanted, given),
        params=params,
        help="\n\n".join(filter(None, (wanted.description, wanted.details))),
        short_help=wanted.description,
        epilog=examples(*calls) if calls else None,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _option(name: str, field: "FieldInfo") -> Any:
    spelled = f"--{name.replace('_', '-')}"
    if field.annotation is bool:
        return TyperOption(param_decls=[spelled, name], is_flag=True, default=None, help=field.description)
    from exfilwatch_playbooks.actions.registry import kind_of

    default = "" if field.is_required() or field.default in ("", None) else f" Default: {field.default}."
    needed = " Needed." if field.is_required() else ""
    return TyperOption(
        param_decls=[spelled, name], metavar=kind_of(field), help=f"{field.description or ''}{needed}{default}".strip()
    )


def _run(wanted: "Action", options: dict[str, Any]) -> None:
    """Run an action with the options of its command."""
    import asyncio

    from exfilwatch.errors import ConfigError

    file, output, database = (options.pop(name) for name in ("json", "output", "database"))
    if output not in (None, "json", "table"):
        raise ConfigError(f"--output {output}: use json or table")
    given = (_from_json(file) if file else {}) | {name: value for name, value in options.items() if value is not None}
    answer = asyncio.run(_performed(wanted.name, given, database))
    if output == "table" or (output is None and stdout.is_terminal()):
        from exfilwatch_playbooks.cli.answer_view import show_answer

        show_answer(answer)
    else:
        from exfilwatch_playbooks.cli.jsonl import line

        stdout.write_line(line(answer.model_dump(mode="json")))
    problems = getattr(answer, "problems", [])
    if problems:
        from exfilwatch_playbooks.cli.boundary import say

        for problem in problems:
            say(f"problem: {problem}")
        raise typer.Exit(exits.UNREADABLE)


async def _performed(name: str, given: dict[str, object], database: str | None) -> "BaseModel":
    from exfilwatch.config import settings
    from exfilwatch_playbooks.actions.context import Context
    from exfilwatch_playbooks.actions.perform import perform
    from exfilwatch_playbooks.cli.settings import open_store, rule_set

    async with Context(settings(), lambda: open_store(database), lambda: rule_set(None)) as context:
        return await perform(name, given, context)


def _from_json(file: str) -> dict[str, object]:
    """The object in a file or on standard input. Raises ConfigError."""
    from exfilwatch.errors import ConfigError

    try:
        if file == "-":
            text = sys.stdin.buffer.read(_MOST_INPUT + 1)
        else:
            with Path(file).open("rb") as opened:
                text = opened.read(_MOST_INPUT + 1)
    except OSError as error:
        raise ConfigError(f"--json {file}: can't be read: {error.strerror}") from None
    if len(text) > _MOST_INPUT:
        raise ConfigError(f"--json {file}: is longer than 1 MiB")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--json {file}: is no JSON: {str(error) or 'nested too deep'}") from None
    if not isinstance(found, dict):
        raise ConfigError(f'--json {file}: must be an object: {{"finding": "3fa9c2d1"}}')
    return found
