"""Which of a SIEM's own messages say that an answer is not whole.

The texts are Splunk's, which has no code for them, and Sumo Logic's warnings. What is of kind error or worse counts,
unless it is of what only decorates events (a lookup that is not there); a warning counts when it speaks of missing
results: "Search results might be incomplete", "Search auto-finalized after ...", "Unable to distribute to peer named
...", "Timed out waiting for peer ...", "Search not executed: The maximum number of
concurrent historical searches ...", "More than 1000000 events were found at time ...".
"""

import re
from collections.abc import Iterable

import msgspec

_CUT = re.compile(
    r"incomplete|finaliz|truncat|partial|timed out|time-?out|time limit|terminated|ended prematurely|did not respond"
    r"|unresponsive|unable to distribute|\bpeers?\b.*\b(?:down|skipped|failed|unavailable|unreachable)|quota|disk"
    r"|force.?paused|not searchable|unsearchable|scan limit|message limit|not executed|execute failed"
    r"|more than \d+ events",
    re.IGNORECASE | re.DOTALL,
)
_DECORATES = re.compile(r"lookup|event ?type", re.IGNORECASE)
_HARMLESS_KINDS = frozenset({"DEBUG", "INFO", "WARN", "WARNING", "HTTP"})


class Message(msgspec.Struct, frozen=True):
    """What a SIEM says beside an answer; `type` is INFO, WARN, ERROR or FATAL."""

    type: str = "ERROR"
    text: str = ""


def cut(messages: Iterable[Message], ignored: Iterable[str] = ()) -> str:
    """The first message that says that results are missing, "" when none does. `ignored`: parts of harmless ones."""
    ignored = [part.lower() for part in ignored]
    for message in messages:
        if any(part in message.text.lower() for part in ignored):
            continue
        speaks_of_it = speaks_of_missing(message.text)
        decorates = message.type.upper() != "FATAL" and _DECORATES.search(message.text)
        if speaks_of_it or not (message.type.upper() in _HARMLESS_KINDS or decorates):
            return f"{message.type}: {message.text}"
    return ""


def speaks_of_missing(text: str) -> bool:
    """Whether a message tells of results that are missing."""
    return _CUT.search(text) is not None
