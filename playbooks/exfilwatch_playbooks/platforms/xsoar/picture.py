"""A picture of the playbook, as SVG: its tasks where the platform draws them, and what leads to what."""

from collections.abc import Iterator
from html import escape

from exfilwatch_playbooks.platforms.xsoar.playbook import NAME, TASKS, Task

_ACROSS, _DOWN = 330, 62  # pixels from task to task
_WIDTH, _HEIGHT = 270, 38
_COLOURS = {
    "start": "#334155", "title": "#334155", "ask": "#b45309", "manual": "#6d28d9", "playbook": "#0f766e",
}  # fmt: skip
_OTHER = "#1d4ed8"


def picture() -> str:
    """The SVG."""
    placed = {task.key: task for task in TASKS}
    rows, columns = max(task.row for task in TASKS), max(task.column for task in TASKS)
    width, height = columns * _ACROSS + _WIDTH + 40, rows * _DOWN + _HEIGHT + 40
    lines = [line for task in TASKS for line in _lines(task, placed)]
    return "\n".join([
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'font-family="sans-serif" font-size="13" role="img" aria-label="{escape(NAME)}">'
        ),
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *lines,
        *(_box(task) for task in TASKS),
        "</svg>",
        "",
    ])  # fmt: skip


def _box(task: Task) -> str:
    x, y = _corner(task)
    colour = _COLOURS.get(task.kind, _OTHER)
    filled = task.kind in ("start", "title")
    name = task.name or "Start"
    return (
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="{19 if filled else 6}" stroke="{colour}" '
        f'fill="{colour if filled else "#ffffff"}" stroke-width="2"/>'
        f'<text x="{x + _WIDTH // 2}" y="{y + 24}" text-anchor="middle" fill="{"#ffffff" if filled else "#0f172a"}">'
        f"{escape(name)}</text>"
    )


def _lines(task: Task, placed: dict[str, Task]) -> Iterator[str]:
    x, y = _corner(task)
    for choice, key in task.then.items():
        to_x, to_y = _corner(placed[key])
        start, end, middle = x + _WIDTH // 2, to_x + _WIDTH // 2, y + _HEIGHT + 12
        path = f"M{start} {y + _HEIGHT} V{middle} H{end} V{to_y}"
        if to_x < x:  # back to the first column, along the own one
            path = f"M{start} {y + _HEIGHT} V{to_y - 12} H{end} V{to_y}"
        yield f'<path d="{path}" fill="none" stroke="#64748b" stroke-width="1.5"/>'
        if choice != "#none#":
            yield f'<text x="{end + 6}" y="{to_y - 5}" fill="#b45309" font-size="12">{escape(choice)}</text>'


def _corner(task: Task) -> tuple[int, int]:
    return 20 + task.column * _ACROSS, 20 + task.row * _DOWN
