"""What a sample of a source's records says of it, as steps of a check: decisions only, nothing is asked for here."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from exfilwatch.detection.logsource import LogSource
from exfilwatch.errors import ExfilwatchError
from exfilwatch.events.report import Problem
from exfilwatch.events.timestamps import to_datetime
from exfilwatch.polling.sampling import DAY, Noted, Sample
from exfilwatch.polling.steps import Step, failure, ok, unreadable, warning
from exfilwatch.siem.siem import SECOND, Place

_SHOWN = 8
_FEW = 0.9  # of processes that have a command line: the kernel's and some of Windows' own have none
_STALE = DAY

_POLICY = (
    "turn on the policy Computer Configuration > Administrative Templates > System > Audit Process Creation > "
    '"Include command line in process creation events" (registry: ProcessCreationIncludeCmdLine_Enabled = 1)'
)
_RECORDING = {
    "security": f"4688 is recorded without command lines: {_POLICY}",
    "sysmon": "Sysmon always records command lines: look at what drops or renames CommandLine on the way to here",
    "auditd": "auditd needs the EXECVE records: -a always,exit -F arch=b64 -S execve -S execveat -k exec, and b32; "
    "forward all records of an event",
    "defender": "Defender always records ProcessCommandLine: look at what drops this column on the way to here",
}
_COLLECTING = {
    "process_creation": "turn on Audit Process Creation (4688) with the command line, or Sysmon event 1; on Linux "
    "auditd (execve) or Sysmon for Linux",
    "network_connection": "collect Sysmon event 3 (NetworkConnect), or 5156 (Audit Filtering Platform Connection)",
    "file_event": "collect Sysmon event 11 (FileCreate)",
    "ps_script": "turn on PowerShell Script Block Logging (4104), and collect Microsoft-Windows-PowerShell/Operational",
    "security": "collect the Security log; 4698 needs Audit Other Object Access Events",
    "taskscheduler": "turn on, and collect, the log Microsoft-Windows-TaskScheduler/Operational",
    "driver-framework": "turn on, and collect, the log Microsoft-Windows-DriverFrameworks-UserMode/Operational",
    "dns_query": "collect Sysmon event 22 (DnsQuery)",
    "dns": "collect Sysmon event 22 (DnsQuery), or Zeek's dns.log",
    "proxy": "collect the proxy's log, or Zeek's http.log",
    "ftp": "collect Zeek's ftp.log",
    "files": "collect Zeek's files.log",
}


def places(found: Sequence[Place], now: int) -> list[Step]:
    """A step for all that is well, and one for each place that is not."""
    if not found:
        return [failure("places", "there is no index or table to read", "name some in the settings")]
    well = [place for place in found if not place.problem]
    steps = [_well(well, now)] if well else []
    for place in found:
        if place.problem:
            make = warning if well else failure
            steps.append(make("places", f"{place.name}: {place.problem}", "", **_numbers(place)))
    return steps


def _well(found: Sequence[Place], now: int) -> Step:
    newest = max((place.newest for place in found if place.newest is not None), default=None)
    records = [place.records for place in found if place.records is not None]
    names = ", ".join(place.name for place in found[:_SHOWN]) + (" ..." if len(found) > _SHOWN else "")
    said = names + (f": {sum(records):,} records" if records else "")
    said += f", the newest of {_ago(now - newest)}" if newest is not None else ""
    details = {"places": [_numbers(place) for place in found]}
    if newest is not None and now - newest > _STALE:
        return warning("places", said, "nothing new has come: is what sends the events still on?", **details)
    if records and not sum(records):
        return warning("places", said, "nothing is in there yet: is what sends the events on?", **details)
    return ok("places", said, **details)


def _numbers(place: Place) -> dict[str, object]:
    return {"place": place.name, "records": place.records, "newest": to_datetime(place.newest)}


def files(names: Sequence[str], sample: Sample, now: int) -> Step:
    """Which files were read, and whether something still writes to them."""
    said = f"read: {', '.join(names[:_SHOWN])}{' ...' if len(names) > _SHOWN else ''}"
    newest = max((each.time for each in sample.events if each.time is not None), default=None)
    said += f"; the newest event of {_ago(now - newest)}" if newest is not None else ""
    if newest is not None and now - newest > _STALE:
        return warning("files", said, "nothing new has come: is what writes them still on?", files=list(names))
    return ok("files", said, files=list(names))


def events(sample: Sample, whence: str) -> list[Step]:
    """Which field maps recognise the records, and what none does."""
    if not sample.records:
        return [_nothing(sample, whence)]
    shapes = Counter(each.shape for each in sample.events)
    unknown = sample.report.unknown_count
    details: dict[str, object] = {
        "records": sample.records,
        "shapes": dict(shapes.most_common()),
        "unknown": unknown,
        "unknown_keys": [list(each.keys) for each in sample.report.unknown_shapes[:_SHOWN]],
    }
    known = ", ".join(f"{name} ({count:,})" for name, count in shapes.most_common(_SHOWN))
    said = f"{sample.records:,} records {whence}; field maps: {known or 'none fits'}"
    steps = []
    if not unknown:
        steps.append(ok("events", said, **details))
    else:
        share = unknown / max(1, unknown + shapes.total())
        said += f"; {share:.0%} of no known shape"
        keys = "; ".join(", ".join(each.keys[:12]) for each in sample.report.unknown_shapes[:3])
        advice = f"leave them out if they hold no process or network events; else see the page Telemetry. Keys: {keys}"
        make = warning if shapes else failure
        steps.append(make("events", said, advice, **details))
    return steps + problems(sample.report.problems)


def problems(found: Iterable[Problem]) -> list[Step]:
    """What could not be read of records or files."""
    return [warning("events", str(problem), "") for problem in list(found)[:_SHOWN]]


def _nothing(sample: Sample, whence: str) -> Step:
    if sample.problem:
        return failure("events", f"no records could be read {whence}: {sample.problem}")
    return failure(
        "events",
        f"there are no records {whence}",
        "look at the names in the settings, at what the account may see, and at what sends the events",
    )


def categories(sample: Sample, missing: Mapping[LogSource, Sequence[str]], *, sure: bool) -> list[Step]:
    """Which kinds of events there are, and which the rules lack. `sure`: these were looked for."""
    if not sample.events:
        return []
    there = Counter(each.source.category or each.source.service or "other" for each in sample.events)
    said = ", ".join(f"{name} ({count:,})" for name, count in there.most_common(_SHOWN))
    steps = [ok("categories", f"seen: {said}", seen=dict(there))]
    by_name: dict[str, list[str]] = {}
    for source, titles in missing.items():
        by_name.setdefault(_called(source), []).extend(titles)
    for name, titles in sorted(by_name.items()):
        seen = "there is no" if sure else "the sample has no"
        advice = collecting(name) or "collect such events, or leave these rules out"
        shown = ", ".join(sorted(set(titles))[:4])
        make = failure if name == "process_creation" and not sample.of(LogSource("process_creation")) else warning
        called = f"windows {name}" if there[name] else name  # there is some, of another system
        steps.append(make("categories", f"{seen} {called}, which {_rules(titles)}: {shown}", advice, missing=name))
    return steps


def collecting(name: str) -> str:
    """What to turn on to have events of a category or service, "" where that is not known."""
    return _COLLECTING.get(name.split()[-1], "")


def _rules(titles: Sequence[str]) -> str:
    count = len(set(titles))
    return "1 rule looks at" if count == 1 else f"{count} rules look at"


def _called(source: LogSource) -> str:
    if source.category:
        of_linux = source.product not in ("", "windows")
        return f"{source.product} {source.category}" if of_linux else source.category
    return " ".join(word for word in (source.product, source.service) if word)


def command_lines(sample: Sample) -> list[Step]:
    """Whether processes have their command lines, by what recorded them."""
    started = sample.of(LogSource("process_creation"))
    if not started:
        return []
    without: dict[str, list[Noted]] = {}
    for each in started:
        without.setdefault(_recorder(each), []).append(each)
    steps = []
    for name, processes in sorted(without.items()):
        with_it = sum(each.command for each in processes)
        said = f"{with_it:,} of {len(processes):,} processes of {name} have their command line"
        details = {"recorder": name, "processes": len(processes), "with_command_line": with_it}
        advice = _RECORDING.get(name, "look at what records them, and at what drops the command line on the way")
        if with_it >= len(processes) * _FEW:
            steps.append(ok("command lines", said, **details))
        elif with_it:
            hosts = sorted({each.host for each in processes if not each.command} - _talking(processes))
            more = f": none from {', '.join(hosts[:_SHOWN])}" if hosts else ""
            steps.append(warning("command lines", said + more, advice, **details))
        else:
            steps.append(failure("command lines", said, advice, **details))
    return steps


def _talking(processes: Iterable[Noted]) -> set[str]:
    return {each.host for each in processes if each.command}


def _recorder(each: Noted) -> str:
    if each.shape.startswith(("defender", "asim")):
        return each.shape.partition("_")[0]
    if each.source.service in ("security", "sysmon"):
        return each.source.service
    return "auditd" if each.shape in ("auditd", "auoms", "auditbeat") else each.shape


def crashed(name: str, error: BaseException) -> Step:
    """An error that no client should raise: what it holds may be anything, so that only its kind is shown."""
    kind = type(error).__name__
    advice = "check that url is the API's, and what a proxy answers; if they are well, please report it"
    return unreadable(name, f"the answer is not what it should be ({kind})", advice)


def told(name: str, error: ExfilwatchError | str) -> str:
    """An error without the name and address of the SIEM in front, which are shown anyway."""
    said = str(error).removeprefix(f"siem.{name}: ").removeprefix(f"{name}: ")
    return re.sub(rf"^{re.escape(name)} \(https?://[^ ]*\): ", "", said)


def _ago(micros: int) -> str:
    if micros < -60 * SECOND:
        return f"{span(-micros / SECOND)} ahead of its clock"
    return f"{span(max(0, micros) / SECOND)} ago"


def span(seconds: float) -> str:
    """A length of time for people."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if abs(seconds) >= 2 * size or (abs(seconds) >= size and unit == "h"):
            return f"{seconds / size:,.1f} {unit}".replace(".0 ", " ")
    return f"{seconds:,.0f} s"
