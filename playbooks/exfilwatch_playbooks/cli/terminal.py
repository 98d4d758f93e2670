"""What people see: rich consoles, and hostile text made fit for a terminal. Text is never read as rich's markup."""

from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from exfilwatch_playbooks.hostile import line, visible

STYLES = {
    "informational": "dim",
    "low": "cyan",
    "medium": "yellow",
    "high": "bold red",
    "critical": "bold white on red",
}
_BEFORE = 60  # characters kept before the first match of a long text


def console(*, stderr: bool = False) -> Console:
    """A console for standard output or standard error."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def level(name: str) -> Text:
    """A level, in its colour."""
    return Text(line(name, 20), STYLES.get(name, "yellow"))


def plain(value: object, limit: int = 200, style: str = "", *, own: str = "") -> Text:
    """Text of others on one line, with addresses that can't be clicked; a dash for what is unknown.

    `own`: an address of ours, which is shown as it is.
    """
    if value is None or value == "":
        return Text("-", "dim")
    before, found, after = str(value).partition(own) if own else (str(value), "", "")
    return Text(line(before, limit) + found + (line(after, limit) if after else ""), style)


def when(time: datetime | None) -> Text:
    """A time in UTC, to the second."""
    if time is None:
        return Text("no time", "dim")
    return Text(time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))


def evidence(text: str, spans: list[tuple[int, int]], limit: int) -> Text:
    """A command line or script as it is, around its first match, with all that matched underlined.

    `spans`: start and length of each match in `text`.
    """
    first = min((start for start, _ in spans), default=0)
    begin = 0 if len(text) <= limit or first <= _BEFORE else max(0, min(first - _BEFORE, len(text) - limit))
    end = min(len(text), begin + limit)
    marked = sorted({place for start, size in spans for place in (start, start + size) if begin < place < end})
    shown = Text("… " if begin else "", "dim")
    for start, stop in zip([begin, *marked], [*marked, end], strict=True):
        inside = any(first <= start < first + size for first, size in spans)
        shown.append(visible(text[start:stop]), "bold underline" if inside else "")
    if end < len(text):
        shown.append(f" … ({len(text) - end:,} more characters)", "dim")
    return shown
