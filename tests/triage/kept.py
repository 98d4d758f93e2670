"""The service with a browser's pages over some incidents that are kept, and what one does there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from tests.findings.made import make
from tests.hostile_corpus import CORPUS
from tests.service.asked import Asked, site

from exfilwatch.detection.rule import RuleSet
from exfilwatch.findings.store import Store

ATTACKS = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "</code></pre><h1>owned</h1>",
    "\" onmouseover=\"document.title='owned'",
    "<a href=\"javascript:document.title='owned'\">x</a>",
    "<form action=http://203.0.113.9/><button>x</button></form>",
    "<p hx-get=/v1/audit hx-trigger=load>x</p>",
    "{{ 7*7 }}",
)


def hostile() -> list:
    """Findings whose every text is an attack."""
    return [
        make(f"event {n}", n * 60 * 24, host=value, user=value, CommandLine=value, Image=f"/usr/bin/{value}")
        for n, value in enumerate([*CORPUS[:12], *ATTACKS])
    ]


class Browser:
    """A client that keeps cookies and sends forms, as a browser without JavaScript does."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.cookies: dict[str, str] = {}

    def __call__(self, method: str, path: str, **given) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": cookie} | given.pop("headers", {})
        answer = self.asked(method, path, token="", headers=headers, **given)
        self.cookies |= dict(answer.cookies)
        self.asked.client.cookies.clear()
        return answer

    def log_in(self, token: str) -> httpx.Response:
        return self("POST", "/login", data={"token": token, "next": "/"})

    def get(self, path: str, **given) -> httpx.Response:
        return self("GET", path, **given)

    def send(self, path: str, page: str, **fields: str) -> httpx.Response:
        """Send a form of a page."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(page).text)
        assert found
        return self("POST", path, data={"csrf": found[1], **fields})


@contextmanager
def browsing(folder: Path, rules: RuleSet, **values) -> Iterator[Browser]:
    """Nobody is logged in."""
    with site(folder, rules, **values) as asked:
        yield Browser(asked)


def incidents(store: Store, count: int, *, level: str = "high", apart: timedelta = timedelta(days=2)) -> None:
    """So many incidents, each of one finding on a host of its own."""
    step = apart.total_seconds() / 60
    store.save([make(f"{level} {n}", n * step, host=f"ws-{n:05}", level=level) for n in range(count)])
