"""What is measured and what is the limit: one function for each part of the table."""

import json
from collections.abc import Callable
from pathlib import Path

from . import references
from .cases import cases
from .generate import SMALLEST, Corpus
from .lines import lines
from .literal import Hit, expected
from .measure import Command, Cost, best
from .polling import polling
from .references import SINGLE_EVENT_RULES, WORK
from .report import report
from .row import Row, Run, at_most
from .service import service
from .triage import triage

EVTX_COPIES = 40  # about 200,000 records
ZIRCOLITE_EVENTS = 100_000
MISSING = "no exfilwatch"


def decode(asked: Run) -> list[Row]:
    """The seed pack against decoding alone, on flat lines."""
    corpus, out = Corpus(asked.events).ensure(WORK), WORK / "flat.findings.jsonl"
    ours = references.exfilwatch([corpus], ("seed",), out)
    costs = measured(
        asked,
        {
            "read lines": references.program("read_lines", corpus),
            "decode": references.program("decode_flat", corpus),
            "exfilwatch": ours,
        },
    )
    nothing = WORK / "nothing.jsonl"
    nothing.touch()
    idle = measured(asked, {"start-up": references.exfilwatch([nothing], ("seed",), WORK / "nothing.findings.jsonl")})
    return [
        *cost_rows("flat", costs, asked.events),
        *cost_rows("flat", idle, asked.events),
        ratio("flat: exfilwatch / decode", costs, "decode", 1.5),
        peak("flat: peak memory", costs, 150),
        same_findings("flat", ours, expected(corpus)),
    ]


def ecs(asked: Run) -> list[Row]:
    """The same events as winlogbeat writes them; the issue sets no limit here."""
    corpus, out = Corpus(asked.events, "ecs").ensure(WORK), WORK / "ecs.findings.jsonl"
    ours = references.exfilwatch([corpus], ("seed",), out)
    costs = measured(asked, {"decode": references.program("decode_ecs", corpus), "exfilwatch": ours})
    return [
        *cost_rows("ecs", costs, asked.events),
        ratio("ecs: exfilwatch / decode", costs, "decode", None),
        peak("ecs: peak memory", costs, 150),
        same_findings("ecs", ours, expected(Corpus(asked.events).ensure(WORK))),
    ]


def rsigma(asked: Run) -> list[Row]:
    """The two single-event rules against rsigma."""
    corpus, out = Corpus(asked.events).ensure(WORK), WORK / "two.findings.jsonl"
    theirs = references.rsigma(corpus, WORK / "rsigma.matches.jsonl")
    if theirs is None:
        return [Row("rsigma", "skipped: not found on PATH nor by EXFILWATCH_BENCH_RSIGMA")]
    ours = references.exfilwatch([corpus], SINGLE_EVENT_RULES, out)
    costs = measured(asked, {"rsigma": theirs, "exfilwatch": ours})
    single = {hit for hit in expected(corpus) if hit[0] != "archive_then_network"}
    matches = len(lines_of(theirs))
    return [
        *cost_rows("two rules", costs, asked.events),
        ratio("two rules: exfilwatch / rsigma", costs, "rsigma", 0.25),
        Row("two rules: matches of rsigma", f"{matches:,}", f"= {len(single):,}", matches == len(single)),
        same_findings("two rules", ours, single),
    ]


def zircolite(asked: Run) -> list[Row]:
    """The seed pack against Zircolite on two rules, which is scaled up from a smaller corpus without its start-up."""
    small, large = (Corpus(events).ensure(WORK) for events in (SMALLEST, ZIRCOLITE_EVENTS))
    started = references.zircolite(small, WORK / "zircolite.small.json")
    theirs = references.zircolite(large, WORK / "zircolite.json")
    if started is None or theirs is None:
        return [Row("Zircolite", "skipped: no checkout at EXFILWATCH_BENCH_ZIRCOLITE")]
    corpus = Corpus(asked.events).ensure(WORK)
    ours = references.exfilwatch([corpus], ("seed",), WORK / "flat.findings.jsonl")
    costs = measured(asked, {"small": started, "large": theirs, "exfilwatch": ours})
    each = (costs["large"].cpu - costs["small"].cpu) / (ZIRCOLITE_EVENTS - SMALLEST)
    scaled = Cost(costs.pop("small").cpu + each * (asked.events - SMALLEST), costs.pop("large").peak)
    costs["Zircolite, scaled"] = scaled
    matches = sum(rule["count"] for rule in json.loads((WORK / "zircolite.json").read_text(encoding="utf-8")))
    single = sum(branch != "archive_then_network" for branch, _ in expected(large))
    return [
        *cost_rows("Zircolite", costs, asked.events),
        ratio("flat: exfilwatch / Zircolite", costs, "Zircolite, scaled", 0.03),
        Row("Zircolite: matches in the smaller corpus", f"{matches:,}", f"= {single:,}", matches == single),
    ]


def memory(asked: Run) -> list[Row]:
    """Memory must not grow with the input: the corpus against a tenth of it, or against ten times it."""
    sizes = (asked.events, asked.events * 10) if asked.ten else (max(SMALLEST, asked.events // 10), asked.events)
    rows, peaks = [], []
    for events in sizes:
        corpus = Corpus(events).ensure(WORK)
        ours = references.exfilwatch([corpus], ("seed",), WORK / "memory.findings.jsonl")
        costs = measured(Run(events, ten=False, rounds=1), {"exfilwatch": ours})
        rows += [peak(f"flat: peak memory, {events:,} lines", costs, 150)]
        rows += [same_findings(f"{events:,} lines", ours, expected(corpus))]
        peaks += [cost.peak for cost in costs.values()]
    if len(peaks) == 2:
        grown = peaks[1] / peaks[0]
        rows.append(Row("flat: peak memory, ten times the input", f"{grown:.2f}", "≤ 1.1", grown <= 1.1))
    return rows


def evtx(asked: Run) -> list[Row]:
    """EVTX files against the evtx package reading them."""
    folder = references.evtx_folder(EVTX_COPIES)
    if folder is None:
        return [Row("EVTX", "skipped: ../shared/data/background is absent")]
    ours = references.exfilwatch([folder], ("seed",), WORK / "evtx.findings.jsonl")
    costs = measured(asked, {"evtx package": references.program("read_evtx", folder), "exfilwatch": ours})
    return [
        *cost_rows("EVTX", costs, None),
        ratio("EVTX: exfilwatch / evtx package", costs, "evtx package", 1.5),
        peak("EVTX: peak memory", costs, 150),
    ]


def packs(asked: Run) -> list[Row]:
    """What the exfil pack, which reads command lines, costs more than the seed pack, which matches their text."""
    corpus = Corpus(asked.events).ensure(WORK)
    costs = measured(
        asked,
        {
            "seed pack": references.exfilwatch([corpus], ("seed",), WORK / "seed.findings.jsonl"),
            "exfilwatch": references.exfilwatch([corpus], ("exfil",), WORK / "exfil.findings.jsonl"),
        },
    )
    return [*cost_rows("packs", costs, asked.events), ratio("packs: exfil / seed", costs, "seed pack", 2)]


def sigma(asked: Run) -> list[Row]:
    """The exfil pack together with the rules of the SigmaHQ collection, of which there are some 3,000."""
    rules = references.sigma_rules()
    if rules is None:
        return [Row("SigmaHQ's rules", "skipped: no checkout at EXFILWATCH_BENCH_SIGMA")]
    corpus = Corpus(asked.events).ensure(WORK)
    costs = measured(
        asked,
        {
            "seed pack": references.exfilwatch([corpus], ("seed",), WORK / "seed.findings.jsonl"),
            "exfilwatch": references.exfilwatch([corpus], ("exfil", rules), WORK / "sigma.findings.jsonl"),
        },
    )
    return [
        *cost_rows("sigma", costs, asked.events),
        ratio("packs: exfil and SigmaHQ / seed", costs, "seed pack", 4),
    ]


SECTIONS: dict[str, Callable[[Run], list[Row]]] = {
    section.__name__: section
    for section in (
        decode,
        ecs,
        packs,
        sigma,
        lines,
        rsigma,
        zircolite,
        memory,
        evtx,
        polling,
        report,
        service,
        triage,
        cases,
    )
}


def measured(asked: Run, commands: dict[str, Command | None]) -> dict[str, Cost]:
    """The costs of the commands that exist."""
    return best({name: command for name, command in commands.items() if command is not None}, asked.rounds)


def cost_rows(what: str, costs: dict[str, Cost], events: int | None) -> list[Row]:
    """CPU and memory of each program, for information."""
    return [
        Row(
            f"{what}: {name}",
            f"{cost.cpu:.2f} CPU s, {cost.peak:.0f} MB"
            + (f", {events / cost.cpu:,.0f} lines/CPU s" if events and name != "start-up" else ""),
        )
        for name, cost in costs.items()
    ]


def ratio(what: str, costs: dict[str, Cost], reference: str, limit: float | None) -> Row:
    """exfilwatch's CPU as a multiple of the reference's."""
    if "exfilwatch" not in costs:
        return Row(what, MISSING, "" if limit is None else f"≤ {limit}", passed=False)
    value = costs["exfilwatch"].cpu / costs[reference].cpu
    return Row(what, f"{value:.3f}") if limit is None else at_most(what, value, limit)


def peak(what: str, costs: dict[str, Cost], limit: float) -> Row:
    """exfilwatch's memory in MB."""
    if "exfilwatch" not in costs:
        return Row(what, MISSING, f"≤ {limit} MB", passed=False)
    return at_most(what, costs["exfilwatch"].peak, limit, "{:.0f} MB")


def same_findings(what: str, ours: Command | None, wanted: set[Hit]) -> Row:
    """Whether exfilwatch printed exactly the expected hits, each once."""
    limit = f"= {len(wanted):,}"
    if ours is None:
        return Row(f"{what}: findings", MISSING, limit, passed=False)
    printed = [hit(finding) for finding in lines_of(ours)]
    found = set(printed)
    value = f"{len(printed):,}"
    if wrong := (found ^ wanted):
        value += f" ({len(wanted - found):,} missed, {len(found - wanted):,} too many, such as {min(wrong)})"
    return Row(f"{what}: findings", value, limit, found == wanted and len(printed) == len(wanted))


def lines_of(command: Command) -> list[bytes]:
    """What the command wrote to its standard output."""
    return (command.stdout or Path("/dev/null")).read_bytes().splitlines()


def hit(line: bytes) -> Hit:
    """A printed finding in the literal evaluation's terms."""
    finding = json.loads(line)
    return finding["rule"]["branch"], tuple(sorted(event["line"] for event in finding["events"]))
