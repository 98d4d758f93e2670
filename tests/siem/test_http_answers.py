"""What is read of an answer: its JSON, the clock that it tells, how long it asks to wait."""

import json
from datetime import UTC, datetime

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exfilwatch.errors import SourceError
from exfilwatch.siem.http import decoded, server_time
from exfilwatch.siem.retries import retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("12", 12.0),
        (" 12 ", 12.0),
        ("-1", None),
        ("²", None),
        ("soon", None),
        ("Thu, 12 Mar 2026 09:14:32 GMT", 30.0),
        ("Thu, 12 Mar 2026 09:13:02 GMT", 0.0),
        ("Thu, 12 Mar 99999999999 09:13:02 GMT", None),
    ],
)
def test_a_time_to_wait_is_a_number_of_seconds_or_a_date(value, seconds):
    assert retry_after(value, datetime(2026, 3, 12, 9, 14, 2, tzinfo=UTC)) == seconds


@given(st.text())
def test_no_time_to_wait_is_too_odd(value):
    seconds = retry_after(value)
    assert seconds is None or seconds >= 0


class Row(msgspec.Struct):
    count: int
    inner: list["Row"] = []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["count", "inner", "x"]), inner),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_decoded_or_a_source_error(body):
    response = httpx.Response(200, content=body, request=httpx.Request("GET", "https://s.example/x?key=1"))
    try:
        found = decoded("corp", response, Row)
    except SourceError as error:
        said = str(error)
    else:
        said = f"corp: /x answered 200 {type(found)}"
    assert "corp: /x answered 200" in said


@pytest.mark.parametrize("date", [None, "", "soon", "Thu, 99 Mar 2026 09:14:02 GMT"])
def test_a_clock_that_is_not_told_is_an_error(date):
    response = httpx.Response(200, headers={"Date": date} if date is not None else {})
    with pytest.raises(SourceError, match="clock is not known"):
        server_time("corp", response)


def test_a_clock_is_told_by_the_date():
    response = httpx.Response(200, headers={"Date": "Thu, 12 Mar 2026 09:14:02 GMT"})
    assert server_time("corp", response) == 1_773_306_842_000_000
