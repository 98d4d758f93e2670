"""The scenario through the library, and how incidents are handed over to a platform."""

import asyncio
from datetime import UTC, datetime

from exfilwatch.config import Settings
from exfilwatch_playbooks.actions.perform import perform
from exfilwatch_playbooks.handover import news, taken
from exfilwatch_playbooks.opened import context
from exfilwatch_playbooks.polls import poll_once

from .scenario import scenario


def test_the_library() -> None:
    with scenario() as site:

        async def through() -> None:
            async with context(Settings(**site.values), who="a platform") as work:
                (polled,) = await poll_once(work)
                assert polled.errors == []
                (again,) = await poll_once(work)
                assert again.run.findings == 0
                gravest = site.gravest()
                await perform("enrich_finding", {"finding": gravest.findings[0]}, work)
                await perform("open_case", {"incident": gravest.id}, work)
                await perform("close_case", {"incident": gravest.id, "why": "migration, CHG-1042"}, work)

        asyncio.run(through())
        site.check()
        store, gravest = site.store(), site.gravest()
        told = news(store, "soar")
        assert {each.incident.id for each in told} == {each.id for each in store.incidents()}
        assert not any(each.known for each in told)
        (opened,) = [each for each in told if each.case_url]
        assert (opened.incident.id, opened.case_system) == (gravest.id, "tracker")
        assert [each.id for each in opened.findings] == list(gravest.findings)
        assert news(store, "soar", lowest=gravest.level, limit=1)[0].level == gravest.level
        assert news(store, "soar", since=datetime(2999, 1, 1, tzinfo=UTC)) == []
        taken(store, "soar", told[:1])
        taken(store, "soar", told[:1])
        assert [each.incident.id for each in news(store, "soar")] == [each.incident.id for each in told[1:]]
        assert len(news(store, "another")) == len(told)
