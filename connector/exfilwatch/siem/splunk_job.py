"""What a search job of Splunk says of itself, and whether its results are all there are.

Source: https://help.splunk.com/en/splunk-enterprise/leverage-rest-apis/rest-api-reference (search endpoints:
search/jobs/{id}).
"""

import msgspec

from exfilwatch.errors import PartialResult, RateLimited, SourceError
from exfilwatch.siem.complaints import Message, speaks_of_missing

QUOTA = ("maximum number of concurrent", "quota")
"""What Splunk's messages have when an account runs too many searches, or keeps too many results."""


class Job(msgspec.Struct, rename="camel", frozen=True):
    dispatch_state: str = ""
    is_done: bool = False
    is_failed: bool = False
    is_finalized: bool = False
    is_zombie: bool = False
    event_count: int = 0
    result_count: int = 0
    messages: list[Message] = []


def failure(name: str, job: Job) -> SourceError | None:
    """What a failed job comes to; None for one that has not failed."""
    if not job.is_failed and job.dispatch_state != "FAILED":
        return None
    said = "; ".join(message.text for message in job.messages) or "no reason given"
    said = f"{name}: the search failed: {said[:500]}"
    if any(word in said for word in QUOTA):
        return RateLimited(said)
    return PartialResult(said) if speaks_of_missing(said) else SourceError(f"{said}: try it in Splunk")


def cut_off(name: str, job: Job, cap: int, aggregated: bool) -> PartialResult | None:
    """Why the results of a job that is done are not all, by its state and counts; None when they are."""
    if job.is_finalized:
        return PartialResult(f"{name}: the search was finalized before its end")
    if job.result_count >= cap or (job.event_count > job.result_count and not aggregated):
        return PartialResult(
            f"{name}: {job.event_count:,} events, of which {job.result_count:,} are kept: `cap`, and max_count in"
            " limits.conf"
        )
    return None


def overdue(name: str, job: Job, patience: float) -> SourceError:
    """What a job comes to that is not done after `patience` seconds."""
    if job.dispatch_state == "QUEUED":
        return RateLimited(f"{name}: the search waited {patience:g} s for its turn: too many searches run")
    return PartialResult(f"{name}: the search took more than {patience:g} s (`patience`)")
