"""`exfilwatch query`: rules in a SIEM's own language, to be pasted there."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from exfilwatch_playbooks.cli import stdout
from exfilwatch_playbooks.cli.options import Rules, examples

if TYPE_CHECKING:
    from exfilwatch.detection.rule import Rule


class Kind(StrEnum):
    """The languages that there are."""

    SPLUNK = "splunk"
    ELASTICSEARCH = "elasticsearch"
    OPENSEARCH = "opensearch"
    SUMO = "sumo"
    SENTINEL = "sentinel"
    DEFENDER = "defender"


Siem = Annotated[Kind, typer.Option("--siem", help="Whose language.", show_default=False)]
Score = Annotated[
    bool, typer.Option("--score", help="A query for each rule, with the score of those that have one (not Elastic).")
]
Explain = Annotated[
    bool, typer.Option("--explain", help="Instead: what of each rule the query does not say exactly, and why.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    shown = examples(
        "exfilwatch query --siem splunk",
        "exfilwatch query --siem sentinel --rules seed --score",
        "exfilwatch query --siem elasticsearch --rules my-rules/ --explain",
    )
    app.command("query", epilog=shown)(query)


def query(siem: Siem, rules: Rules = None, score: Score = False, explain: Explain = False) -> None:
    """Print rules as a query that finds at least what they find.

    What the filters that come with the pack hide is found by it too: only the programs here apply them.

    For Elasticsearch and OpenSearch: for indices that are mapped as ECS says. Correlations are given by their rules.
    """
    from exfilwatch.siem.queries.pasted import pasted
    from exfilwatch_playbooks.cli.settings import rule_set

    found = rule_set(rules).rules
    if explain:
        for rule in found:
            _explain(siem.value, rule)
    else:
        _write(pasted(siem.value, found, scored=score))


def _explain(siem: str, rule: "Rule") -> None:
    from exfilwatch.siem.queries.pasted import widened

    parts = widened(siem, rule)
    _write(f"{rule.info.title}: {'wider than the rule:' if parts else 'as the rule'}")
    for part in parts:
        where = f"{part.selection}: {part.part}" if part.selection else part.part
        _write(f"  {where}: {part.why}" + (f": {part.instead}" if part.instead else "; left out"))


def _write(text: str) -> None:
    stdout.write_line(text.encode("utf-8", "replace"))
