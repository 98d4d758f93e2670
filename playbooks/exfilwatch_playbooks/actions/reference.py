"""The reference of actions in Markdown, made of their models: docs/actions.md ends with it."""

from collections.abc import Iterable, Iterator

from exfilwatch_playbooks.actions.registry import Action, call, kind_of

PLACE = "<!-- the reference of all actions comes here: `--help` of each has the same -->"
"""What stands on the page where it belongs."""


def reference(actions: Iterable[Action]) -> str:
    """A section for each action."""
    return "\n\n".join(part for each in actions for part in _section(each)) + "\n"


def _section(each: Action) -> Iterator[str]:
    yield f"### {each.name}"
    yield each.description
    if each.details:
        yield each.details
    if each.changes:
        yield "Changes something: try it with `--dry-run` first." + (" A person is to agree." if each.approval else "")
    rows = ["| input | takes | |", "| --- | --- | --- |"]
    for name, field in each.input.model_fields.items():
        default = "" if field.is_required() or field.default in ("", None, False) else f" Default: `{field.default}`."
        needed = " Needed." if field.is_required() else ""
        kind = kind_of(field).replace("|", "\\|")
        rows.append(f"| `{name}` | {kind} | {field.description or ''}{needed}{default} |")
    if len(rows) > 2:
        yield "\n".join(rows)
    if each.examples:
        yield "\n".join(["```console", *(f"$ {call(each, example)}" for example in each.examples), "```"])
    yield f"Answers: {', '.join(f'`{name}`' for name in each.output.model_fields)}."
