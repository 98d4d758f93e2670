"""Rules and their tests, for people."""

from collections.abc import Sequence

from rich.markdown import Markdown
from rich.text import Text

from exfilwatch.detection.rule_tests import Outcome
from exfilwatch_playbooks.cli.rules import Listed
from exfilwatch_playbooks.cli.tables import listing
from exfilwatch_playbooks.cli.terminal import console, level, plain, when
from exfilwatch_playbooks.hostile import visible
from exfilwatch_playbooks.triage.health import RuleHealth


def show_list(rules: Sequence[Listed]) -> None:
    """A table of rules."""
    table = listing("Rule", "Level", "ATT&CK")
    table.columns[0].ratio, table.columns[0].overflow, table.columns[1].no_wrap = 1, "fold", True
    for each in rules:
        name = plain(f"{each.place}/{each.name}", 120, "bold").append("\n").append_text(plain(each.info.title, 120))
        if each.note:
            name.append("\n").append_text(plain(each.note, 200, "dim"))
        grade = level(each.info.level) if each.kind == "rule" else plain(each.kind, 20, "dim")
        table.add_row(name, grade, plain(" ".join(each.info.attack), 80, "dim"))
    console().print(table)


def show_rule(rule: Listed) -> None:
    """Everything about one rule that an analyst asks."""
    info, out = rule.info, console()
    head = plain(info.title, 200, "bold")
    out.print(head.append("  ").append_text(level(info.level) if rule.kind == "rule" else plain(rule.kind)))
    if rule.note:
        out.print(plain(rule.note, 200, "dim"))
    facts = {"id": info.id, "ATT&CK": " ".join(info.attack), "branch": info.branch, "file": f"{info.path}:{info.line}"}
    for name, value in facts.items():
        if value:
            out.print(Text(f"{name:8}", "dim").append(visible(value), ""), soft_wrap=True)
    for title, text in (
        ("", info.description),
        ("Check first", info.guide),
        ("May be harmless", _bullets(info.falsepositives)),
    ):
        if text:
            out.print()
            if title:
                out.print(Text(title, "bold"))
            out.print(Markdown(visible(text, keep="\n"), hyperlinks=False))
    if info.references:
        out.print()
        out.print(Text("References", "bold"))
        for reference in info.references:
            out.print(Text(f"  {visible(reference)}"), soft_wrap=True)


def show_health(rules: Sequence[RuleHealth]) -> None:
    """A table of how rules do."""
    table = listing("Rule", "Level", "Fires", "Last (UTC)", "False positives")
    table.columns[0].ratio, table.columns[0].overflow, table.columns[1].no_wrap = 1, "fold", True
    for each in rules:
        name = plain(each.title, 120, "bold")
        if each.feed.said:
            name.append("\n").append_text(plain(f"{each.feed.said}. To do: {each.feed.advice}", 600, "yellow"))
        share = "" if each.share is None else f"{each.share:.0%} of {each.judged:,}"
        table.add_row(name, level(each.level), f"{each.fires:,}", when(each.last) if each.last else "", share)
    console().print(table)


def show_outcomes(outcomes: Sequence[Outcome]) -> None:
    """A line for each rule, then each test that failed."""
    table = listing("Rule", "Fires", "Silent", "")
    for path, rule in dict.fromkeys((each.path, each.rule) for each in outcomes):
        mine = [each for each in outcomes if (each.path, each.rule) == (path, rule)]
        passed = all(each.passed for each in mine)
        cells = [_share([each for each in mine if each.expected == kind]) for kind in ("fires", "silent")]
        table.add_row(plain(rule, 120), *cells, Text("passed", "green") if passed else Text("failed", "bold red"))
    out = console()
    out.print(table)
    for each in outcomes:
        if not each.passed:
            out.print(Text("failed ", "bold red").append(visible(f"{each.path}: {each.rule}")), soft_wrap=True)
            out.print(
                Text(f"       expected {each.expected}: {visible(each.why)}: {visible(each.detail)}"), soft_wrap=True
            )


def _share(outcomes: Sequence[Outcome]) -> str:
    return f"{sum(each.passed for each in outcomes)} of {len(outcomes)}"


def _bullets(texts: Sequence[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)
