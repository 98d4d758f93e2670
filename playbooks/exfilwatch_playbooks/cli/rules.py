"""`exfilwatch rules`: what rules there are, whether they are sound, whether their tests pass; pages about them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from exfilwatch_playbooks.cli import exits, stdout
from exfilwatch_playbooks.cli.options import Database, NoFilters, RowsOutput, Rules, examples, readable

if TYPE_CHECKING:
    from exfilwatch.detection.detection import RuleInfo
    from exfilwatch.detection.filters import FilterInfo
    from exfilwatch.detection.rule_tests import Outcome

Places = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PACK|FILE|DIR]...", help="Default: all packs that come along.", show_default=False),
]
Named = Annotated[
    str, typer.Argument(metavar="RULE", help="Its file's name, its id or the beginning of it, its title.")
]


class Listed(NamedTuple):
    """A rule or filter and what people call it: its pack or file, and its file's name. `note`: what it waits for, or
    when it ends."""

    place: str
    name: str
    info: "RuleInfo"
    kind: str = "rule"
    note: str = ""


def register(app: typer.Typer) -> None:
    """Add the family."""
    family = typer.Typer(
        no_args_is_help=True, help="List, show, check and test rules, and say what they cover.", rich_markup_mode="rich"
    )
    family.command("list", epilog=examples("exfilwatch rules list", "exfilwatch rules list my-rules/"))(list_rules)
    family.command("show", epilog=examples("exfilwatch rules show http_upload"))(show)
    family.command("check", epilog=examples("exfilwatch rules check my-rules/"))(check)
    family.command("test", epilog=examples("exfilwatch rules test", "exfilwatch rules test my-rules/"))(run_rule_tests)
    family.command("coverage", epilog=examples("exfilwatch rules coverage exfil > exfil.json"))(coverage)
    family.command("health", epilog=examples("exfilwatch rules health", "exfilwatch rules health --dry"))(health)
    family.command(
        "docs", epilog=examples("exfilwatch rules docs --out site/", "exfilwatch rules docs my-rules/ --out site/")
    )(docs)
    app.add_typer(family, name="rules")


def list_rules(places: Places = None, output: RowsOutput = None) -> None:
    """List rules with their level and ATT&CK ids."""
    found = list(_listed(places))
    if readable(output):
        from exfilwatch_playbooks.cli import rule_views

        rule_views.show_list(found)
        return
    from exfilwatch_playbooks.cli.jsonl import line

    for each in found:
        stdout.write_line(line(_json(each)))


def show(
    rule: Named,
    rules: Annotated[
        list[str] | None,
        typer.Option(
            "--rules", "-r", metavar="PACK|FILE|DIR", help="Where to look. Default: all packs.", show_default=False
        ),
    ] = None,
    output: RowsOutput = None,
) -> None:
    """Show one rule: what it sees, what to check first, what may be harmless, references."""
    from exfilwatch.errors import ConfigError

    found = list(_called(rule, list(_listed(rules))))
    if not found:
        raise ConfigError(f"no rule is called {rule!r}: `exfilwatch rules list` shows those there are")
    if len(found) > 1:
        names = ", ".join(f"{each.place}/{each.name} ({each.info.id})" for each in found)
        raise ConfigError(f"several rules are called {rule!r}: {names}: give the id")
    if readable(output):
        from exfilwatch_playbooks.cli import rule_views

        rule_views.show_rule(found[0])
        return
    from exfilwatch_playbooks.cli.jsonl import line

    stdout.write_line(line(_json(found[0])))


def check(places: Places = None, output: RowsOutput = None) -> None:
    """Report every problem of rules at once, with file and line. Exit code 2 when there are any."""
    from exfilwatch.detection.load import check as problems_of
    from exfilwatch.detection.load import load
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.jsonl import line
    from exfilwatch_playbooks.cli.settings import placeholders
    from exfilwatch_playbooks.cli.summary import counted

    paths = [path for _, path in _paths(places)]
    problems = problems_of(paths, placeholders())
    for_people = readable(output)
    for problem in problems:
        if for_people:
            from exfilwatch_playbooks.hostile import visible

            stdout.write_line(visible(str(problem)).encode("utf-8", "replace"))
        else:
            parts = {"path": problem.path, "line": problem.line, "rule": problem.rule}
            stdout.write_line(line({**parts, "message": str(problem.args[0]), "problem": str(problem)}))
    if problems:
        files = len({problem.path for problem in problems})
        say(f"{counted(len(problems), 'problem')} in {counted(files, 'file')}")
        raise typer.Exit(exits.WRONG)
    loaded = load(paths, placeholders())
    found = counted(len(loaded.rules) + len(loaded.correlations), "rule")
    filters = f" and {counted(len(loaded.filters), 'filter')}" if loaded.filters else ""
    for each in loaded.filters:
        if each.waits:
            say(f"filter {each.info.title!r} hides nothing: {_waiting(each.waits)}")
        elif each.until:
            say(f"filter {each.info.title!r} {_ending(each)}")
    say(f"{found}{filters}: no problems")


def health(
    dry: Annotated[bool, typer.Option("--dry", help="Only those that can't fire.")] = False,
    rules: Rules = None,
    no_filters: NoFilters = False,
    output: RowsOutput = None,
    database: Database = None,
) -> None:
    """List loaded rules: how often each fires, how often wrongly, and those that can't for want of events.

    Once a day polls look for the log sources of which no event has come; `exfilwatch check` looks now.
    """
    from dataclasses import asdict
    from datetime import UTC, datetime

    from exfilwatch.polling.tables import PACKAGE, PART
    from exfilwatch_playbooks.cli.settings import open_store, rule_set
    from exfilwatch_playbooks.triage import health as known

    store = open_store(database, existing=True)
    store.database.ensure(PART, PACKAGE)
    found = known.rules(store, rule_set(rules, filters=not no_filters), datetime.now(UTC))
    shown = [each for each in found if each.feed.said or not dry]
    if readable(output):
        from exfilwatch_playbooks.cli import rule_views
        from exfilwatch_playbooks.cli.boundary import say
        from exfilwatch_playbooks.cli.summary import counted

        rule_views.show_health(shown)
        say(f"{counted(len(found), 'rule')}, of which {sum(bool(each.feed.said) for each in found)} can't fire")
        return
    from exfilwatch_playbooks.cli.jsonl import line

    for each in shown:
        stdout.write_line(line(asdict(each) | {"feed": each.feed._asdict()}))


def run_rule_tests(places: Places = None, output: RowsOutput = None) -> None:
    """Run the tests that stand beside rules. Exit code 2 when one fails, or when there are none."""
    from exfilwatch.detection.rule_tests import run_tests
    from exfilwatch.errors import ConfigError
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.settings import placeholders
    from exfilwatch_playbooks.cli.summary import counted

    outcomes = run_tests([path for _, path in _paths(places)], placeholders())
    if not outcomes:
        raise ConfigError("there are no tests beside these rules: write some in `tests/`, see docs/rules.md")
    if readable(output):
        from exfilwatch_playbooks.cli import rule_views

        rule_views.show_outcomes(outcomes)
    else:
        from exfilwatch_playbooks.cli.jsonl import line

        for each in outcomes:
            stdout.write_line(line(each))
    failed = _failed(outcomes)
    say(f"{counted(len(outcomes), 'test')}: {len(outcomes) - failed:,} passed, {failed:,} failed")
    if failed:
        raise typer.Exit(exits.WRONG)


def coverage(places: Places = None) -> None:
    """Write an ATT&CK Navigator layer of the techniques that rules see."""
    from exfilwatch_playbooks.cli.coverage import layer
    from exfilwatch_playbooks.cli.jsonl import line

    rules = [each.info for each in _listed(places) if each.kind == "rule"]
    stdout.write_line(line(layer(rules, ", ".join(places or ["all packs"]))))


def docs(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where to write. Pages that are there are written over.")
    ],
    places: Places = None,
) -> None:
    """Write a Markdown page for each rule and filter, and one that lists them all."""
    from exfilwatch.errors import ConfigError
    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.settings import placeholders
    from exfilwatch_playbooks.cli.summary import counted
    from exfilwatch_playbooks.rule_pages.pages import pages

    named = [(Path(name).stem or "rules", path) for name, path in _paths(places)]
    made = pages(named, placeholders())
    try:
        for name, text in made.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"{out}: pages can't be written: {error.strerror}") from error
    say(f"{counted(len(made), 'page')} in {out}: begin with all.md")


def _failed(outcomes: "Sequence[Outcome]") -> int:
    return sum(not each.passed for each in outcomes)


def _paths(places: list[str] | None) -> list[tuple[str, Path]]:
    """What was asked for, by the name it was asked by; all packs and their filters when nothing was."""
    from exfilwatch.rules.packs import FILTERS, packs
    from exfilwatch_playbooks.cli.settings import rule_paths

    names = places or [*packs(), FILTERS.name]
    return list(zip(names, rule_paths(names), strict=True))


def _listed(places: list[str] | None) -> Iterator[Listed]:
    from exfilwatch.detection.load import load
    from exfilwatch_playbooks.cli.settings import placeholders

    for place, path in _paths(places):
        loaded = load([path], placeholders())
        for info in loaded.infos:
            yield Listed(place, Path(info.path).stem, info)
        for each in loaded.filters:
            note = _waiting(each.waits) if each.waits else _ending(each) if each.until else ""
            yield Listed(place, Path(each.info.path).stem, each.info, "filter", note)


def _ending(each: "FilterInfo") -> str:
    return f"{'ended' if each.ended else 'ends'} {each.until:%Y-%m-%d %H:%M} UTC"


def _waiting(names: Sequence[str]) -> str:
    return f"waits for values of {', '.join(f'%{name}%' for name in names)} in the settings (placeholders)"


def _json(each: Listed) -> dict[str, object]:
    note = {"waits" if each.note.startswith("waits") else "ends": each.note} if each.note else {}
    return {"place": each.place, "name": each.name, each.kind: each.info} | note


def _called(name: str, rules: list[Listed]) -> list[Listed]:
    """The rules of that name; the surest kind of name counts."""
    wanted = name.strip().lower()
    kinds = (
        lambda each: wanted in (each.info.id.lower(), each.name.lower(), f"{each.place}/{each.name}".lower()),
        lambda each: wanted == each.info.title.lower(),
        lambda each: len(wanted) >= 4 and each.info.id.lower().startswith(wanted),
        lambda each: wanted == each.info.branch.lower(),
    )
    return next((found for kind in kinds if (found := [each for each in rules if kind(each)])), [])
