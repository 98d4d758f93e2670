"""What a finding reports: the `fields` of the `exfilwatch:` block, as functions of what fired.

Computer               the field of the event
$time                  the event's time, ISO 8601 in UTC with milliseconds
$basename(Image)       the text after the last separator
$signal(CONDITION)     1 when the condition over selections holds, else 0
$score, $branch        the sum of the weights, the branch
$cadence               in a correlation that is `regular`: the interval, how far from it at most, how many times
MEMBER.SOURCE          in a correlation: the same, of the event that the member rule matched
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from sigma.exceptions import SigmaError

from exfilwatch.detection.condition import Get, Node
from exfilwatch.detection.extension import FieldEntry
from exfilwatch.errors import RuleError
from exfilwatch.events.event import Event, Value
from exfilwatch.events.timestamps import to_datetime

# Shown for a rule that names no fields, when the event has them.
USUAL = (
    "User", "Image", "CommandLine", "ParentImage", "ParentCommandLine", "TargetFilename", "DestinationIp",
    "DestinationPort", "DestinationHostname", "QueryName", "TargetObject", "Details", "ImageLoaded", "ScriptBlockText",
    "Payload", "TaskName", "PipeName", "SourceImage", "TargetImage",
)  # fmt: skip
_CALL = re.compile(r"\$(basename|signal)\((.*)\)\Z", re.DOTALL)


class Fired(NamedTuple):
    """An event that a rule matched, how it sees the event's fields and conditions, and the rule's score and branch.

    `cadence`: how regular the events of a correlation are.
    """

    event: Event
    get: Get
    holds: Callable[[Node], bool]
    score: int | None
    branch: str
    cadence: str = ""


Source: TypeAlias = Callable[[Fired], Value]


class Output(NamedTuple):
    """One field of a finding: its name, the member whose event is asked (empty: the only one), and the source."""

    name: str
    member: str
    source: Source


def outputs(
    entries: Sequence[FieldEntry], condition: Callable[[str], Node] | None, members: Sequence[str] = ()
) -> list[Output]:
    """The fields in order. `condition` reads what stands in $signal(...); `members` are a correlation's rules.

    Raises RuleError that names the entry.
    """
    found: list[Output] = []
    for entry in entries:
        if isinstance(entry, dict):
            if len(entry) != 1:
                raise RuleError(f"exfilwatch: fields: {entry!r} is not one name with its source")
            ((name, text),) = entry.items()
        else:
            name = text = entry
        member = ""
        if members and text not in ("$branch", "$cadence"):
            member, _, text = text.partition(".")
            if member not in members:
                raise RuleError(
                    f"exfilwatch: fields: {name}: {member!r} is not a rule of this correlation; use "
                    f"{' or '.join(f'{each}.FIELD' for each in members)}"
                )
        if not text or any(name == other.name for other in found):
            raise RuleError(f"exfilwatch: fields: {name!r} {'is listed twice' if text else 'has no source'}")
        found.append(Output(name, member, _source(name, text, condition)))
    return found


def _source(name: str, text: str, condition: Callable[[str], Node] | None) -> Source:
    call = _CALL.match(text)
    if call and call[1] == "basename":
        field = call[2].strip()
        return lambda fired: basename(fired.get(field))
    if call:
        if condition is None:
            raise RuleError(f"exfilwatch: fields: {name}: $signal stands only in a rule with a detection")
        try:
            asked = condition(call[2])
        except (RuleError, SigmaError) as error:
            raise RuleError(f"exfilwatch: fields: {name}: {error.args[0]}") from error
        return lambda fired: int(fired.holds(asked))
    match text:
        case "$time":
            return lambda fired: iso(fired.event.time)
        case "$score":
            return lambda fired: fired.score
        case "$branch":
            return lambda fired: fired.branch
        case "$cadence":
            return lambda fired: fired.cadence or None
    if text.startswith("$"):
        raise RuleError(f"exfilwatch: fields: {name}: {text!r} is unknown; docs/rules.md lists the sources")
    return lambda fired: fired.get(text)


def basename(value: Value) -> Value:
    """The text after the last backslash; of a path that starts with `/`, after the last slash."""
    if not isinstance(value, str):
        return value
    return value.rpartition("/" if value.startswith("/") else "\\")[2]


def iso(time: int | None) -> str | None:
    """Microseconds since 1970 as ISO 8601 in UTC with milliseconds; None when unknown or beyond what a date can say."""
    found = to_datetime(time)
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z") if found else None


def reported(found: Sequence[Output], fired: Mapping[str, Fired], usual: Sequence[str] = USUAL) -> dict[str, Value]:
    """The fields of a finding; without any named ones, the usual ones that the first event has."""
    if found:
        return {output.name: output.source(fired[output.member]) for output in found if output.member in fired}
    first = next(iter(fired.values()))
    shown: dict[str, Value] = {"time": iso(first.event.time), "Computer": first.event.host}
    shown |= {name: value for name in usual if (value := first.get(name)) not in (None, "")}
    return shown
