"""What is Request Tracker's alone, on a real one."""

import asyncio
import secrets

import httpx
import pytest

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.cases.opening import open_cases

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from .trackers import place


def test_a_comment_can_not_name_the_state_that_it_belongs_to(request, tmp_path):
    """Why two workers with a database each may write one note twice: RT has nothing to keep them apart by."""
    at = place("rt-postgresql", request.config, Store(str(tmp_path / "store.sqlite")))
    account = (at.settings["user"], at.settings["password"])
    site = f"{at.settings['url']}/REST/2.0"
    with httpx.Client(auth=account, trust_env=False, timeout=60) as client:
        ticket = {"Queue": at.settings["queue"], "Subject": secrets.token_hex(8)}
        made = f"{site}/ticket/{client.post(f'{site}/ticket', json=ticket).json()['id']}"
        state = {"If-Match": client.get(made).headers["ETag"]}
        comment = {"Content": "a note", "ContentType": "text/plain"}
        noted = client.post(f"{made}/comment", json=comment, headers=state)
        changed = client.put(made, json={"Priority": "50"}, headers=state)
        late = client.put(made, json={"Priority": "80"}, headers=state)
    assert (noted.status_code, changed.status_code, late.status_code) == (412, 200, 412)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"fields": {"Site": "Hamburg"}}, "queue Incidents has no custom field Site"),
        ({"assignee": "nobody-such"}, "RT ignored what was asked for: the owner nobody-such"),
        ({"assignee": "exfilwatch"}, "None"),
    ],
)
def test_what_rt_leaves_out_without_a_word_is_told(request, tmp_path, settings, says):
    store = Store(str(tmp_path / "store.sqlite"))
    at = place("rt-postgresql", request.config, store)
    host = f"WS-{secrets.token_hex(4)}"
    store.save([make(f"a of {host}", host=host)])

    async def story():
        system = at.make(**settings)
        try:
            return [*await open_cases(store, system), *await open_cases(store, system)]
        finally:
            await system.close()

    first, *again = asyncio.run(story())
    assert says in str(first.error)
    assert (first.error is None) == (first.did == "opened") == (says == "None")
    if "owner" in says:  # the case is there
        assert [each.did for each in again] == ["known"]
