"""Links of a mail that answer a question: opening one answers nothing, and nobody is sent anywhere else."""

import base64

import pytest
from tests.findings.made import make

from exfilwatch.findings.store import Store
from exfilwatch_playbooks.service.problems import Refused
from exfilwatch_playbooks.triage.answering import target

from .kept import browsing

HOST = "corp.tines.example"
LINK = f"https://{HOST}/prompt?e=17&a=4&s=true-positive"


def coded(url: str) -> str:
    return base64.urlsafe_b64encode(url.encode()).decode()


@pytest.fixture
def browser(tmp_path, rules):
    Store(str(tmp_path / "kept.sqlite")).save([make("a")])
    with browsing(tmp_path, rules, serve={"answers": [HOST]}) as made:
        yield made


def test_opening_the_link_shows_a_button_and_pressing_it_sends_the_answer_on(browser) -> None:
    shown = browser.get("/answer", params={"said": "Yes", "to": coded(LINK)})
    assert (shown.status_code, "Send this answer" in shown.text, HOST in shown.text) == (200, True, True)
    assert LINK not in shown.text
    assert f"form-action 'self' https://{HOST};" in shown.headers["content-security-policy"]
    done = browser("POST", "/answer", data={"to": coded(LINK)})
    assert (done.status_code, done.headers["location"], done.headers["referrer-policy"]) == (303, LINK, "no-referrer")


def test_another_site_presses_no_button(browser) -> None:
    done = browser("POST", "/answer", data={"to": coded(LINK)}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (done.status_code, "location" in done.headers) == (403, False)


def test_what_the_answer_is_said_to_be_is_text(browser) -> None:
    shown = browser.get("/answer", params={"said": "<script>document.title='owned'</script>", "to": coded(LINK)})
    assert "<script>document" not in shown.text


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/prompt",
        "https://evil.example/prompt",
        f"https://{HOST}.evil.example/prompt",
        f"https://{HOST}@evil.example/prompt",
        f"https://evil.example/{HOST}",
        f"https://{HOST}:8443/prompt",
        f"https://{HOST}\\@evil.example/prompt",
        f"https://{HOST}/prompt\r\nSet-Cookie: a=b",
        f"//{HOST}/prompt",
        "javascript:alert(1)",
        f"https://{HOST}",
        "",
    ],
)
def test_answers_go_to_the_hosts_of_the_settings_only(browser, url: str) -> None:
    for done in (
        browser.get("/answer", params={"to": coded(url)}),
        browser("POST", "/answer", data={"to": coded(url)}),
    ):
        assert (done.status_code, "location" in done.headers) == (403, False)


@pytest.mark.parametrize("written", ["%", "a", "ÿ", base64.urlsafe_b64encode(b"https://\xff/").decode()])
def test_what_is_no_address_is_said_to_be_none(written: str) -> None:
    with pytest.raises(Refused, match=r"not whole|not sent"):
        target(written, [HOST])


def test_padding_may_be_left_out() -> None:
    for more in ("", "a", "aa"):
        assert target(coded(LINK + more).rstrip("="), [HOST]).url == LINK + more
