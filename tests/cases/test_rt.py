"""What is Request Tracker's alone, on a real one."""

import secrets

import httpx

from exfilwatch.findings.store import Store

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
