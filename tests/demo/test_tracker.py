"""The demo in a real tracker."""

import httpx
import pytest
from tests.demo.tracker import demonstrated
from tests.servers.roundup import USER
from tests.servers.unavailable import Unavailable, leave_out

from exfilwatch_playbooks.demo.telemetry import SCENARIOS


@pytest.fixture(scope="module")
def opened():
    try:
        with demonstrated() as found:
            yield found
    except Unavailable as error:
        leave_out(error)


def test_each_scenario_is_a_critical_case_of_its_own(opened):
    assert len({case.url for case in opened}) == len(SCENARIOS)
    assert {case.level for case in opened} == {"critical"}


def test_the_addresses_show_the_cases_to_who_is_logged_in(opened):
    for case in opened:
        start = case.url.rsplit("/", 1)[0]
        with httpx.Client(trust_env=False, follow_redirects=True, headers={"Referer": f"{start}/"}) as browser:
            account = {"@action": "login", "__login_name": USER.user, "__login_password": USER.password}
            browser.post(f"{start}/", data=account, headers={"Origin": start.rsplit("/", 1)[0]})
            page = browser.get(case.url)
        assert page.status_code == 200
        assert case.title.split(":")[0] in page.text
        assert "report-" in page.text
        assert "evidence-" in page.text
