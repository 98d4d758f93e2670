"""How a platform's scheduled poll goes: what people set at its trigger."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from exfilwatch.written import duration


def _a_length(text: str) -> str:
    if not duration(text.strip()):
        raise ValueError("give a time that is longer than none: 5m")
    return text.strip()


_Length = Annotated[str, AfterValidator(_a_length)]


class Schedule(BaseModel):
    """When the SIEMs are polled, and which incidents are handed over."""

    model_config = ConfigDict(frozen=True)
    every: _Length = Field("5m", description="How often the SIEM is polled: 5m, 1h.")
    level: Literal["informational", "low", "medium", "high", "critical"] = Field(
        "medium", description="From which level on an incident is handed over."
    )
    first_poll: _Length = Field("24h", description="How far back the first poll of a SIEM goes: 24h, 7d.")
    deadline: _Length = Field("4m", description="How long a poll reads, at most; the next one goes on.")

    @property
    def pause(self) -> timedelta:
        """The time between two polls' beginnings."""
        return duration(self.every)

    @property
    def since(self) -> timedelta:
        """How far back the first poll goes."""
        return duration(self.first_poll)

    @property
    def longest(self) -> float:
        """How long a poll reads, in seconds."""
        return duration(self.deadline).total_seconds()
