"""How an answer is shown to people: what they look for first, what all rows have alike once, times as UTC."""

from datetime import UTC, datetime
from typing import ClassVar

import pytest
from pydantic import BaseModel

from exfilwatch_playbooks.cli.answer_view import show_answer


class Row(BaseModel):
    SHOWN: ClassVar = ("when", "host", "what")
    id: str
    host: str
    what: str
    when: datetime


class Rows(BaseModel):
    summary: str
    rows: list[Row]


def shown(hosts: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    rows = [
        Row(id=f"id{at}", host=host, what=f"step {at}", when=datetime(2026, 3, 12, 9, at, tzinfo=UTC))
        for at, host in enumerate(hosts)
    ]
    show_answer(Rows(summary="three things", rows=rows))
    return capsys.readouterr().out


def test_what_all_have_alike_is_said_once_and_the_rest_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(["WS1", "WS1", "WS1"], capsys)
    assert out.count("WS1") == 1
    assert "all of them: Host: WS1" in out
    assert out.index("When (UTC)") < out.index("What")
    assert "id0" not in out
    assert "2026-03-12 09:02:00" in out


def test_what_differs_is_a_column(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(["WS1", "WS1", "WS2"], capsys)
    assert (out.count("WS1"), out.count("WS2"), "all of them" in out) == (2, 1, False)


def test_of_two_rows_each_says_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(["WS1", "WS1"], capsys).count("WS1") == 2
