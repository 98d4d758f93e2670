"""What a real Roundup has, as it gives it to anyone, not as our client reads it."""

from typing import Any

import httpx
import msgspec

_FIELDS = "title,status.name,priority.name,superseder,messages,files,finding_id"


class Kept(msgspec.Struct):
    """An issue: its messages' texts in the order that they came, its files' names."""

    id: str
    key: str
    title: str
    status: str
    priority: str
    superseder: list[str]
    messages: list[str]
    files: list[str]


def kept(settings: dict[str, Any], key: str) -> list[Kept]:
    """All issues whose key begins with this one, the oldest first. `settings` are those of the case system."""
    who = (settings["user"], settings["password"])
    with httpx.Client(base_url=settings["url"], auth=who, trust_env=False, timeout=60) as client:

        def asked(path: str, **params: str) -> Any:
            return client.get(f"/rest/data/{path}", params=params).raise_for_status().json()["data"]

        def issue(found: dict[str, Any]) -> Kept:
            return Kept(
                id=str(found["id"]),
                key=found["finding_id"],
                title=found["title"],
                status=found["status.name"],
                priority=found["priority.name"],
                superseder=list(found["superseder"]),
                messages=[client.get(f"/msg{each}/").text for each in found["messages"]],
                files=[asked(f"file/{each}")["attributes"]["name"] for each in found["files"]],
            )

        rows = asked("issue", finding_id=key, **{"@fields": _FIELDS, "@verbose": "0"})["collection"]
        return sorted(
            (issue(each) for each in rows if each["finding_id"].startswith(key)), key=lambda each: int(each.id)
        )
