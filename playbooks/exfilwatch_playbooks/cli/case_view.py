"""Cases, for people."""

from collections.abc import Sequence

from rich.markdown import Markdown
from rich.rule import Rule
from rich.text import Text

from exfilwatch_playbooks.cases.case import Case
from exfilwatch_playbooks.cases.opening import Outcome
from exfilwatch_playbooks.cases.standing import Change
from exfilwatch_playbooks.cases.waiting import Waiting
from exfilwatch_playbooks.cli.tables import listing
from exfilwatch_playbooks.cli.terminal import console, level, plain, when
from exfilwatch_playbooks.hostile import visible
from exfilwatch_playbooks.service.views import CaseView


def show_cases(cases: Sequence[CaseView]) -> None:
    """A table of cases in whatever system."""
    if not cases:
        return
    table = listing("Case", "Level", "Status, looked at (UTC)", "Title, incident and address")
    table.columns[1].no_wrap = True
    table.columns[3].ratio, table.columns[3].overflow = 1, "fold"
    for case in cases:
        named = plain(case.system, 40, "dim").append(" ").append_text(plain(case.case_id or "none yet", 60, "bold"))
        state = plain(case.status if case.case_id else "not opened", 20).append("\n")
        state.append_text(when(case.looked) if case.looked else Text("never", "dim"))
        told = plain(case.title, 200).append("\n").append_text(plain(f"{case.incident[:8]} {case.url}", 500, "dim"))
        if case.problem:
            told.append("\n").append_text(plain(case.problem, 500, "yellow"))
        table.add_row(named, level(case.level), state, told)
    console().print(table)


def show_waiting(found: Sequence[Waiting]) -> None:
    """A table of what waits."""
    if not found:
        return
    table = listing("System", "Level", "Incident", "Host", "Findings", "Why it waits")
    table.columns[0].no_wrap = table.columns[1].no_wrap = table.columns[2].no_wrap = True
    table.columns[4].justify, table.columns[5].ratio, table.columns[5].overflow = "right", 1, "fold"
    for each in found:
        why = plain(each.problem or "not tried yet", 1000)
        why.append(f"\ngoes on {each.passes}", "dim")
        host = plain(each.host or "", 40)
        row = (plain(each.case_system, 40), level(each.level), each.incident[:8], host, f"{each.findings:,}", why)
        table.add_row(*row)
    console().print(table)


def show_changes(changes: Sequence[Change]) -> None:
    """A table of what became of cases."""
    if not changes:
        return
    table = listing("System", "Case", "Incident", "Now", "Seen (UTC)")
    for each in changes:
        named = (plain(each.case_system, 40), plain(each.case_id, 60), Text(each.incident[:8], "dim"))
        table.add_row(*named, Text(each.change), when(each.seen))
    console().print(table)


def show_case(case: Case) -> None:
    """A case's body, which is Markdown, and its notes. Nothing in it can be clicked."""
    out = console()
    head = (
        Text(f"Case {case.id}  ", "bold")
        .append_text(plain(case.title, 300, "bold"))
        .append("  ")
        .append_text(level(case.level))
    )
    out.print(head)
    more = f", duplicate of case {case.duplicate_of}" if case.duplicate_of else ""
    out.print(
        Text(f"{case.status}{more}, opened ", "dim")
        .append_text(when(case.opened))
        .append(f", incident {case.incident}", "dim")
    )
    out.print(Rule(style="dim"))
    out.print(Markdown(visible(case.body, keep="\n\t"), hyperlinks=False))
    for note in case.notes:
        out.print(Rule(style="dim"))
        out.print(Text("Note of ", "dim").append_text(when(note.time)))
        out.print(Markdown(visible(note.text, keep="\n\t"), hyperlinks=False))


def show_outcomes(outcomes: Sequence[Outcome]) -> None:
    """A line for each case that was opened, extended or found to be a duplicate."""
    changed = [outcome for outcome in outcomes if outcome.case is not None and outcome.did != "known"]
    if not changed:
        return
    table = listing("Case", "", "Level", "Title", "Findings")
    table.columns[0].no_wrap = table.columns[1].no_wrap = table.columns[2].no_wrap = True
    table.columns[3].ratio, table.columns[4].justify = 1, "right"
    for outcome in changed:
        if outcome.case is not None:
            case = outcome.case
            added = f"{len(case.findings):,}" if outcome.did == "opened" else f"+{outcome.findings:,}"
            table.add_row(case.id, outcome.did, level(case.level), plain(case.title, 200, "bold"), added)
    console().print(table)
