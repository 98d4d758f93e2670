"""What platforms over HTTP ask for: the news, what is known, the plan, the case; and that they have taken it."""

from dataclasses import dataclass, field

PLATFORM_LEVEL = "medium"
"""From which level on incidents come."""


@dataclass(frozen=True)
class Step:
    """A request to the service. `body`: what it sends, where `{incident}`, `{finding}` and `{findings}` stand for those
    of the incident at hand.
    """

    name: str
    method: str
    path: str
    description: str
    body: dict[str, str] = field(default_factory=dict)


def steps(platform: str) -> dict[str, Step]:
    """The requests, by key; `platform`: the name by which the service knows what was taken."""
    every = (
        Step("Get the news", "GET", f"/v1/platforms/{platform}/news?level={PLATFORM_LEVEL}&limit=50", "What is new."),
        Step(
            "Enrich", "POST", "/v1/actions/enrich_finding",
            "Where it went, how much, who else does so.", {"finding": "{finding}"},
        ),
        Step(
            "Get the response plan", "POST", "/v1/actions/get_response_plan",
            "What to do now, in Markdown.", {"incident": "{incident}"},
        ),
        Step("Open the case", "POST", "/v1/actions/open_case", "Once, whoever opens it.", {"incident": "{incident}"}),
        Step(
            "Mark as benign", "POST", "/v1/actions/set_disposition", "What the person decided.",
            {"finding": "{finding}", "disposition": "benign", "why": f"Found harmless by an analyst in {platform}"},
        ),
        Step(
            "Say that it is taken", "POST", f"/v1/platforms/{platform}/taken",
            "What is not taken comes again.", {"incident": "{incident}", "findings": "{findings}"},
        ),
    )  # fmt: skip
    return dict(zip(("news", "enrich", "plan", "open", "benign", "taken"), every, strict=True))
