"""The scenario through the Model Context Protocol, by a client of its own SDK, and what an assistant may not do."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jsonschema
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import CallToolResult, TextContent

from exfilwatch_playbooks.actions.audit import Audit
from exfilwatch_playbooks.actions.registry import every

from .scenario import Scenario, scenario


@asynccontextmanager
async def assistant(site: Scenario, *options: str) -> AsyncIterator[ClientSession]:
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "exfilwatch_playbooks.cli", "mcp", *options], env=site.environment
    )
    async with stdio_client(command) as (reading, writing), ClientSession(reading, writing) as session:
        await session.initialize()
        yield session


async def told(session: ClientSession, name: str, **given: object) -> dict[str, Any]:
    answer = await session.call_tool(name, given)
    assert not answer.isError, text(answer)
    assert json.loads(text(answer)) == answer.structuredContent
    return answer.structuredContent or {}


def text(answer: CallToolResult) -> str:
    (block,) = answer.content
    assert isinstance(block, TextContent)
    return block.text


def test_an_assistant_that_may_change_something() -> None:
    with scenario() as site:

        async def through() -> None:
            async with assistant(site, "--changes") as session:
                found = await told(session, "hunt", siem="logs", since="2000-01-01")
                assert found["new"] == len(found["findings"])
                gravest = site.gravest()
                await told(session, "enrich_finding", finding=gravest.findings[0])
                opened = await told(session, "open_case", incident=gravest.id)
                again = await told(session, "open_case", incident=gravest.id)
                assert (opened["changed"], again["changed"]) == (True, False)
                await told(session, "close_case", incident=gravest.id, why="migration, CHG-1042")

        asyncio.run(through())
        site.check()
        assert {each.who.endswith(" by an assistant") for each in Audit(site.store().database).entries()} == {True}


def test_an_assistant_that_may_only_read(capfd: pytest.CaptureFixture[str]) -> None:
    with scenario() as site:

        async def through() -> None:
            async with assistant(site) as session:
                offered = (await session.list_tools()).tools
                assert {each.name for each in offered} == {each.name for each in every() if not each.changes}
                for each in offered:
                    jsonschema.Draft202012Validator.check_schema(each.inputSchema)
                    assert each.annotations
                    assert each.annotations.readOnlyHint
                listed = await told(session, "list_findings")
                assert listed["findings"] == []
                for name, given, why in (
                    ("open_case", {"incident": "4b77887a"}, "--changes"),
                    ("delete_everything", {}, "there is no tool"),
                    ("get_finding", {"finding": "ffffffff"}, "ffffffff"),
                    ("get_finding", {}, "finding: is missing"),
                    ("get_finding", {"finding": "ffffffff", "nonsense": 1}, "nonsense: there is no such input"),
                    ("list_findings", {"limit": "many"}, "limit"),
                ):
                    refused = await session.call_tool(name, given)
                    assert refused.isError
                    assert why in text(refused)

        asyncio.run(through())
        assert site.cases() == []
        assert "Traceback" not in capfd.readouterr().err
