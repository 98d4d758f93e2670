"""`exfilwatch tune`: from findings marked as false positives to the narrowest filters."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exfilwatch_playbooks.cli import stdout
from exfilwatch_playbooks.cli.options import Database, RowsOutput, Rules, examples, readable

if TYPE_CHECKING:
    from exfilwatch_playbooks.tuning.proposal import Proposal

Out = Annotated[
    str | None,
    typer.Option("--out", metavar="DIR", help="Write each filter to a file there. Default: only show."),
]
_SHOWN = 5


def register(app: typer.Typer) -> None:
    """Add the command."""
    shown = examples(
        'exfilwatch findings mark 3fa9c2d1 false-positive --why "our backup"',
        "exfilwatch tune",
        "exfilwatch tune --out my-filters/",
    )
    app.command("tune", epilog=shown)(tune)


def tune(rules: Rules = None, out: Out = None, output: RowsOutput = None, database: Database = None) -> None:
    """Propose the narrowest Sigma filters for findings that are marked as false positives.

    Says what else of the stored findings each would hide, and refuses one that would hide a true positive. Nothing is
    changed without --out.
    """
    from datetime import UTC, datetime

    from exfilwatch_playbooks.cli.boundary import say
    from exfilwatch_playbooks.cli.jsonl import line
    from exfilwatch_playbooks.cli.settings import open_store, rule_set
    from exfilwatch_playbooks.cli.summary import counted
    from exfilwatch_playbooks.tuning.proposal import proposals

    store = open_store(database, existing=True)
    findings = store.find()
    marks = {name: mark.disposition for name, mark in store.marks(each.id for each in findings).items()}
    found = list(proposals(findings, marks, rule_set(rules), datetime.now(UTC).date()))
    titles = {each.id: f"{each.id[:8]} {each.host or '-'} {each.rule.title}" for each in findings}
    for each in found:
        path = _written(each, Path(out)) if out and each.document and not each.why_not else None
        if readable(output):
            _show(each, path, titles)
        else:
            stdout.write_line(line({**each._asdict(), "path": str(path) if path else None}))
    made = sum(not each.why_not for each in found)
    say(f"{counted(made, 'filter')} proposed, {len(found) - made:,} refused")
    if not found:
        say("no finding is marked as a false positive: `exfilwatch findings mark ID false-positive --why TEXT`")


def _written(proposal: "Proposal", folder: Path) -> Path:
    from exfilwatch.errors import ConfigError

    path = folder / f"known_{proposal.rule[:8]}_{proposal.silences[0][:8]}.yml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(proposal.document, "utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: can't be written ({error.strerror}): give another folder to --out") from None
    return path


def _show(proposal: "Proposal", path: Path | None, titles: dict[str, str]) -> None:
    from exfilwatch_playbooks.hostile import visible

    lines = [f"{proposal.title}: {len(proposal.silences)} false positives"]
    if proposal.why_not:
        lines.append(f"  refused: {proposal.why_not}")
        lines += [f"    {titles[each]}" for each in (proposal.true or proposal.silences)[:_SHOWN]]
    else:
        lines.append(f"  would hide {len(proposal.also)} more of the stored findings, which nobody has marked")
        lines += [f"    {titles[each]}" for each in proposal.also[:_SHOWN]]
    if proposal.document:
        lines += ["", *(f"  {each}" for each in proposal.document.splitlines())]
    if path:
        lines.append(f"  written to {path}")
    for each in lines:
        stdout.write_line(visible(each).encode("utf-8", "replace"))
    stdout.write_line(b"")
