"""Estimate how much data left: bytes sent to the finding's destinations, else the size of its archive.

From records of Zeek, firewalls, proxies and whatever else counts bytes, from 15 minutes before to a day after.
"""

from pydantic import BaseModel, ConfigDict, Field

from exfilwatch_playbooks.actions.answer import Answer
from exfilwatch_playbooks.actions.context import Context
from exfilwatch_playbooks.actions.inputs import FindingId
from exfilwatch_playbooks.enrichment import sizes
from exfilwatch_playbooks.enrichment.enriching import of_one

CHANGES = False
REFERENCES = ("RA2110", "RA2112")
_BYTES, _ALL, _ARCHIVE = "volume.bytes_out", "volume.all_hosts", "volume.archive"


class Input(BaseModel):
    """Of which."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"finding": "3fa9c2d1"}]})
    finding: FindingId


class Volume(BaseModel):
    """Bytes to one destination, or the size of an archive; None: not known. `all_hosts`: what every host sent there."""

    about: str
    bytes: int | None
    connections: int | None
    all_hosts: int | None
    archive: int | None


class Output(Answer):
    """`bytes`: sent by the finding's host to all its destinations; None where no record counts them."""

    bytes: int | None = Field(description="What its host sent; null where nothing counts it.")
    volumes: list[Volume]


async def run(given: Input, context: Context) -> Output:
    """Ask for the records of traffic near it."""
    made = await of_one(context, given.finding, alone=False, only=["volume"])

    def number(key: str, about: str) -> int | None:
        fact = made.fact(key, about)
        return None if fact is None or fact.number is None else int(fact.number)

    volumes = [
        Volume(
            about=about,
            bytes=number(_BYTES, about),
            connections=number("volume.connections", about),
            all_hosts=number(_ALL, about),
            archive=number(_ARCHIVE, about),
        )
        for about in made.subjects
    ]
    counted = [each.bytes for each in volumes if each.bytes is not None]
    archives = [each.archive for each in volumes if each.archive is not None]
    if counted:
        summary = f"{sizes.shown(sum(counted))} sent by its host"
    elif archives:
        summary = f"no record counts what was sent; its archives are of {sizes.shown(sum(archives))}"
    else:
        summary = "no record counts what was sent, or how large its archives are"
    problems = [f"{fact.label}: {fact.reason}" for fact in made.unknown]
    return Output(summary=summary, problems=problems, bytes=sum(counted) if counted else None, volumes=volumes)
