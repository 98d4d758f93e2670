"""A picture of the playbook, as SVG: for light and dark, with all that it shows in words for who cannot see it."""

from collections.abc import Iterator, Mapping
from html import escape

from exfilwatch_playbooks.playbook.layout import Place, placed
from exfilwatch_playbooks.playbook.model import Ask, If, Person, Playbook, Run, Together
from exfilwatch_playbooks.playbook.wiring import END, FAILURE, NEXT, OTHERWISE, THEN, Node, wired

_LEFT, _BETWEEN, _RIGHT = 160, 150, 40  # pixels beside the columns
_WIDTH, _HEIGHT, _DOWN, _TOP = 330, 52, 78, 84
_STYLE = """
svg { --back: #ffffff; --ink: #0f172a; --soft: #475569; --line: #64748b; --box: #f8fafc;
  --run: #1d4ed8; --ask: #b45309; --person: #6d28d9; --if: #0f766e; --edge: #334155; }
@media (prefers-color-scheme: dark) { svg { --back: #0f172a; --ink: #f1f5f9; --soft: #cbd5e1; --line: #94a3b8;
  --box: #1e293b; --run: #93c5fd; --ask: #fcd34d; --person: #c4b5fd; --if: #5eead4; --edge: #cbd5e1; } }
text { font: 14px system-ui, sans-serif; fill: var(--ink); }
.small { font-size: 12px; fill: var(--soft); } .way { font-size: 12.5px; } .phase { font-size: 12px; font-weight: 600;
  fill: var(--soft); letter-spacing: .04em; } .name { font-weight: 600; } .middle { text-anchor: middle; }
.end { text-anchor: end; } .box { fill: var(--box); stroke-width: 2; } .line { fill: none; stroke: var(--line);
  stroke-width: 1.6; } .frame { fill: none; stroke: var(--line); stroke-dasharray: 5 4; } .tip { fill: var(--line); }
.run { stroke: var(--run); } .ask { stroke: var(--ask); } .person { stroke: var(--person); } .if { stroke: var(--if); }
.edge { stroke: var(--edge); } .back { fill: var(--back); }
"""


def picture(playbook: Playbook) -> str:
    """The SVG."""
    nodes, places = wired(playbook), placed(playbook)
    columns, rows = max(each.column for each in places.values()), max(each.row for each in places.values())
    width, height = _x(columns) + _WIDTH + _RIGHT, _y(rows) + _HEIGHT + 24
    starts = f"A {' or a '.join(playbook.starts)}"
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
                'aria-labelledby="playbook-title playbook-words">'
            ),
            f'<title id="playbook-title">{escape(playbook.name)}: the steps of the playbook</title>',
            f'<desc id="playbook-words">{escape(" ".join(sentences(playbook)))}</desc>',
            f"<style>{_STYLE}</style>",
            (
                '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
                'orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
            ),
            f'<rect class="back" width="{width}" height="{height}" rx="8"/>',
            f'<rect class="box edge" x="{_x(0)}" y="16" width="{_WIDTH}" height="44" rx="22"/>',
            f'<text class="name middle" x="{_x(0) + _WIDTH // 2}" y="43">{escape(starts)}</text>',
            _path([(_x(0) + _WIDTH // 2, 60), (_x(0) + _WIDTH // 2, _y(0))]),
            *(_frame(step, places) for step in playbook.steps if isinstance(step, Together)),
            *(line for node in nodes for line in _ways(node, places, nodes)),
            *(_box(node, places[node.id]) for node in nodes),
            *_phases(nodes, places),
            f'<rect class="box edge" x="{_x(0)}" y="{_y(rows)}" width="{_WIDTH}" height="40" rx="20"/>',
            f'<text class="name middle" x="{_x(0) + _WIDTH // 2}" y="{_y(rows) + 25}">Done</text>',
            "</svg>",
            "",
        ]
    )


def sentences(playbook: Playbook) -> Iterator[str]:
    """What the picture shows: one for each step."""
    titles = {node.id: node.step.title for node in wired(playbook)} | {END: "done"}
    yield f"Starts with: {' '.join(playbook.starts.values())}"
    for number, node in enumerate(wired(playbook), 1):
        led = [f"{_label(node, way) or 'then'}: {', '.join(titles[each] for each in to)}" for way, to in _shown(node)]
        yield f"{number}. {node.step.title} ({_small(node)}). {_capital('; '.join(led))}."


def _shown(node: Node) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The ways, without a failure that changes nothing."""
    return ((way, to) for way, to in node.ways.items() if way != FAILURE or to != node.ways[NEXT])


def _small(node: Node) -> str:
    match node.step:
        case Run(run=name):
            return f"action {name}"
        case Ask(ask=question):
            return question
        case Person():
            return "a person does it"
        case If(of=of, among=among):
            return f"{of.removeprefix('$')}: {', '.join(among)}?"


def _label(node: Node, way: str) -> str:
    if isinstance(node.step, Ask):
        return next(each.label for each in node.step.choices if each.answer == way)
    # A condition is shown as the words that are looked for.
    return {NEXT: "", FAILURE: "when it fails", THEN: "yes", OTHERWISE: "no"}[way]


def _kind(node: Node) -> str:
    return {Run: "run", Ask: "ask", Person: "person", If: "if"}[type(node.step)]


def _box(node: Node, place: Place) -> str:
    x, y = _x(place.column), _y(place.row)
    corner = 26 if isinstance(node.step, Ask | If) else 6
    return (
        f'<rect class="box {_kind(node)}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="{corner}"/>'
        f'<text class="name middle" x="{x + _WIDTH // 2}" y="{y + 22}">{escape(node.step.title)}</text>'
        f'<text class="small middle" x="{x + _WIDTH // 2}" y="{y + 41}">{escape(_small(node))}</text>'
    )


def _phases(nodes: list[Node], places: Mapping[str, Place]) -> Iterator[str]:
    seen = set[str]()
    for node in nodes:
        if node.phase not in seen and places[node.id].column == 0:
            seen.add(node.phase)
            yield f'<text class="phase" x="14" y="{_y(places[node.id].row) + 16}">{escape(node.phase.upper())}</text>'


def _frame(step: Together, places: Mapping[str, Place]) -> str:
    top, bottom = _y(places[step.together[0].id].row) - 10, _y(places[step.together[-1].id].row) + _HEIGHT + 10
    x = _x(0) - 12
    return (
        f'<rect class="frame" x="{x}" y="{top}" width="{_WIDTH + 24}" height="{bottom - top}" rx="10"/>'
        f'<text class="way" x="{x + _WIDTH + 34}" y="{(top + bottom) // 2 + 4}">at the same time</text>'
    )


def _ways(node: Node, places: Mapping[str, Place], nodes: list[Node]) -> Iterator[str]:
    here, inside = places[node.id], {each.id for each in nodes if each.together}
    for way, targets in _shown(node):
        target = targets[0]
        there, label = places[target], escape(_label(node, way))
        x, y, to = _x(here.column), _y(here.row), _y(there.row)
        middle = x + _WIDTH // 2
        if node.together and places[node.id].row + 1 != there.row:
            continue  # within a frame only the last leads on
        if there.column == here.column and there.row == here.row + 1:
            begin = y + _HEIGHT + (10 if node.id in inside else 0)
            yield _path([(middle, begin), (middle, to - (10 if target in inside else 0))])
            yield f'<text class="way" x="{middle + 8}" y="{y + _HEIGHT + 18}">{label}</text>' if label else ""
        elif there.column > here.column:
            gap = x + _WIDTH + 24
            yield _path([(x + _WIDTH, y + 26), (gap, y + 26), (gap, to + 26), (_x(there.column), to + 26)])
            yield f'<text class="way end" x="{_x(there.column) - 8}" y="{to + 19}">{label}</text>'
        elif there.column < here.column:
            lane = x + _WIDTH + 20
            side = _x(there.column) + _WIDTH
            yield _path([(x + _WIDTH, y + 26), (lane, y + 26), (lane, to + 14), (side, to + 14)])
        else:
            lane = x - 34
            yield _path([(x, y + 36), (lane, y + 36), (lane, to + 14), (x, to + 14)])
            yield f'<text class="way end" x="{lane - 6}" y="{y + 40}">{label}</text>'


def _path(points: list[tuple[int, int]]) -> str:
    (x, y), *others = points
    return f'<path class="line" marker-end="url(#tip)" d="M{x} {y} {" ".join(f"L{a} {b}" for a, b in others)}"/>'


def _x(column: int) -> int:
    return _LEFT + column * (_WIDTH + _BETWEEN)


def _y(row: int) -> int:
    return _TOP + row * _DOWN


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
