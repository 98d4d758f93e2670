"""What an action answered, for people: values by name, and lists of the same things as tables. All text is hostile."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from rich.text import Text

from exfilwatch_playbooks.actions.audit import Entry
from exfilwatch_playbooks.actions.registry import Action
from exfilwatch_playbooks.cli.tables import SHORT_ID, listing
from exfilwatch_playbooks.cli.terminal import console, level, plain, when
from exfilwatch_playbooks.hostile import visible

_CELL, _VALUE, _ROWS, _DEEP = 160, 2_000, 200, 3
_COLUMNS = 7


def show_answer(answer: BaseModel) -> None:
    """The summary, then the rest; problems are told elsewhere."""
    out = console()
    summary = getattr(answer, "summary", "")
    if summary:
        out.print(plain(summary, _VALUE, "bold"))
    _show({name: value for name, value in answer if name not in ("summary", "problems")}, 0)


def show_actions(actions: Iterable[Action]) -> None:
    """A table of actions."""
    table = listing("Action", "What it does", "Changes")
    table.columns[0].no_wrap = True
    table.columns[1].ratio = 1
    for each in actions:
        table.add_row(Text(each.name, "bold"), plain(each.description, 300), Text("yes" if each.changes else ""))
    console().print(table)


def show_entries(entries: Iterable[Entry]) -> None:
    """A table of the audit log."""
    table = listing("When (UTC), who", "Action", "Input, and what came of it")
    table.columns[2].ratio, table.columns[2].overflow = 1, "fold"
    for each in entries:
        style = {"done": "green", "failed": "bold red", "refused": "yellow"}.get(each.outcome, "")
        did = Text(each.outcome + (" (dry run)" if each.dry_run else ""), style)
        given = ", ".join(f"{name}={value}" for name, value in each.input.items() if value not in ("", None, False))
        table.add_row(
            Text("\n").join([when(each.began), plain(each.who, 40, "dim")]),
            Text("\n").join([Text(each.action, "bold"), did]),
            Text("\n").join([plain(given, 600), plain(each.detail, 600, "dim")]),
        )
    console().print(table)


def _show(values: dict[str, Any], depth: int) -> None:
    scalars = {name: value for name, value in values.items() if _is_scalar(value)}
    if scalars:
        table = listing("", "")
        table.show_header = False
        table.columns[0].no_wrap = True
        table.columns[1].ratio, table.columns[1].overflow = 1, "fold"
        for name, value in scalars.items():
            table.add_row(Text(_title(name), "dim"), _cell(name, value, _VALUE))
        console().print(table)
    for name, value in values.items():
        if name not in scalars and value and depth < _DEEP:
            console().print(Text(_title(name), "bold"))
            _inner(value, depth + 1)


def _inner(value: Any, depth: int) -> None:
    if isinstance(value, BaseModel):
        _show(dict(value), depth)
    elif isinstance(value, dict):
        _show(value, depth)
    elif all(isinstance(each, BaseModel) for each in value):
        _rows(value)
    else:
        for each in value:
            _inner(each, depth)


def _rows(rows: Sequence[BaseModel]) -> None:
    """A table of things of one kind, with the columns in which some have something to say. What people look at first
    (`SHOWN`) comes first; what all have alike is said once, above.
    """
    fields = getattr(type(rows[0]), "SHOWN", None) or tuple(type(rows[0]).model_fields)
    names = [name for name in fields if any(_is_scalar(getattr(each, name)) for each in rows)]
    names = [name for name in names if any(getattr(each, name) not in (None, "", [], ()) for each in rows)]
    alike = [name for name in names if len(rows) > 2 and isinstance(_only(rows, name), str)]
    if alike and len(names) - len(alike) > 1:
        said = (Text.assemble((f"{_title(name)}: ", "dim"), _cell(name, _only(rows, name), _CELL)) for name in alike)
        console().print(Text("all of them: ", "dim") + Text(", ").join(said))
        names = [name for name in names if name not in alike]
    names = names[:_COLUMNS]
    times = {name for name in names if any(isinstance(getattr(each, name), datetime) for each in rows)}
    table = listing(*(f"{_title(name)} (UTC)" if name in times else _title(name) for name in names))
    for name, column in zip(names, table.columns, strict=True):
        column.overflow, column.no_wrap = "fold", name in ("id", "level")
    for each in rows[:_ROWS]:
        table.add_row(*(_cell(name, getattr(each, name), _CELL) for name in names))
    console().print(table)
    if len(rows) > _ROWS:
        console().print(Text(f"… {len(rows) - _ROWS:,} more: --output json has all", "dim"))


def _only(rows: Sequence[BaseModel], name: str) -> Any:
    """The value that all have alike; None where they differ."""
    first = getattr(rows[0], name)
    return first if all(getattr(each, name) == first for each in rows) else None


def _is_scalar(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(value is None or isinstance(value, str | int | float) for value in value)
    return value is None or isinstance(value, str | int | float | datetime)


def _cell(name: str, value: Any, limit: int) -> Text:
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, list | tuple):
        return plain(", ".join(map(str, value)), limit)
    if name == "id" and limit == _CELL:
        return plain(str(value)[:SHORT_ID], limit)
    if name == "level" and isinstance(value, str):
        return level(value)
    if isinstance(value, str) and "\n" in value:
        return Text(visible(value, keep="\n"))
    return plain(value, limit)


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
