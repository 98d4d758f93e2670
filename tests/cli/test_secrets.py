"""No secret comes out anywhere: every kind of SIEM fails in several ways, and all that is left behind is searched.

Servers echo what they were sent, in headers and bodies; secrets are looked for in plain, base64 and URL-quoted form.
"""

import asyncio
import base64
import json
import socket
import sqlite3
import sys
import traceback
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from exfilwatch.siem.registry import kinds, open_siem
from exfilwatch.siem.siem import Ask, Clock

from ..siem.loopback import Answer, Loopback, Request, answer_json  # noqa: TID252 (tests are no package on the path)
from .program import inside

SECRET = "Hunter2/+Geheim=Wort~$"
USER = "svc-exfilwatch"
PROXY = "Pr0xy/+Geheim~Wort"
_ID = "66666666-7777-8888-9999-000000000000"
_MICROSOFT = {"client_secret": SECRET, "tenant": "corp.example", "client_id": _ID}
SETTINGS: dict[str, dict[str, Any]] = {
    "splunk": {"user": USER, "password": SECRET, "indexes": ["a"], "patience": "1s"},
    "splunk-token": {"token": SECRET, "indexes": ["a"], "patience": "1s"},
    "sumo": {"access_id": USER, "access_key": SECRET, "scopes": ["a"], "patience": "1s"},
    "elasticsearch": {"user": USER, "password": SECRET, "indices": ["a"]},
    "elasticsearch-key": {"api_key": SECRET, "indices": ["a"]},
    "opensearch": {"user": USER, "password": SECRET, "indices": ["a"]},
    "sentinel": {**_MICROSOFT, "workspace": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"},
    "defender": _MICROSOFT,
}


def forms(*secrets: str) -> set[bytes]:
    """Each secret, with its user too, as it may be written; base64 at any offset of what stands around it."""
    found: set[bytes] = set()
    for secret in secrets:
        found |= {secret.encode(), quote(secret, safe="").encode(), quote_plus(secret).encode(), quote(secret).encode()}
        found |= {json.dumps(secret)[1:-1].encode(), repr(secret)[1:-1].encode()}
        for before in range(3):
            whole = base64.b64encode(b"x" * before + secret.encode())
            found.add(whole[4 if before else 0 : len(whole) // 4 * 4 - 4])
            found.add(whole[4 if before else 0 : len(whole) // 4 * 4 - 4].replace(b"+", b"-").replace(b"/", b"_"))
        found.add(base64.b64encode(f"{USER}:{secret}".encode())[:-4])
    return found


FORMS = forms(SECRET, PROXY)
FEW_RULES = ("--rules", Path(__file__).parents[1] / "polling" / "rules.yml")


class Echo(Loopback):
    """Says back all that it was sent, as a server that is being debugged does, in each vendor's form of an error."""

    def __init__(self, status: int, *, malformed: bool = False, token: bool = False) -> None:
        super().__init__()
        self.status = status
        self.malformed = malformed
        self.token = token

    def answer(self, request: Request) -> Answer:
        if self.token and "/oauth2/" in request.path:
            return answer_json({"access_token": SECRET, "expires_in": 3600, "token_type": "Bearer"})
        told = request.headers.get("authorization", "none")
        sent = f"you sent {told} {told.partition(' ')[2]} {SECRET} {request.body.decode('utf-8', 'replace')} "
        sent += (
            f"{quote(SECRET, safe='')} {quote_plus(SECRET)} {base64.b64encode(f'{USER}:{SECRET}'.encode()).decode()}"
        )
        if self.malformed:
            return Answer(self.status, sent.encode(), {"Content-Type": f"text/plain; {told}"})
        error = {"code": sent, "message": sent, "type": sent, "reason": sent, "root_cause": [], "innererror": {}}
        messages = [{"type": "FATAL", "text": sent}]
        more = {"error_description": sent, "error_codes": [7000215]} if "/oauth2/" in request.path else {}
        kind = sent if more else error
        return answer_json(
            {"error": kind, "messages": messages, "code": sent, "message": sent, **more}, self.status, X_Echo=told
        )


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exfilwatch.siem.http.wait", lambda _state: 0.0)
    monkeypatch.setattr("exfilwatch.siem.http.ATTEMPTS", 2)
    monkeypatch.setattr("exfilwatch.siem.sumo._PACE", 0.0)


@pytest.fixture(params=["401", "403", "400", "500", "429", "malformed", "token", "refused", "silent", "tls", "proxy"])
def broken(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """A server that fails in some way, as settings."""
    way = request.param
    if way == "refused":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            yield {"url": f"http://127.0.0.1:{free.getsockname()[1]}"}
        return
    if way == "silent":
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield {"url": f"http://127.0.0.1:{server.getsockname()[1]}", "timeout": "1s"}
        return
    status = int(way) if way.isdigit() else 407 if way == "proxy" else 401 if way == "token" else 200
    with Echo(status, malformed=way == "malformed", token=way == "token") as server:
        if way == "tls":
            yield {"url": server.url.replace("http:", "https:")}
        elif way == "proxy":
            address = server.url.removeprefix("http://")
            yield {"url": "https://siem.example", "proxy": f"http://{USER}:{quote(PROXY, safe='')}@{address}"}
        else:
            yield {"url": server.url}


def configured(kind: str, broken: dict[str, Any]) -> dict[str, Any]:
    found = {"kind": kind.partition("-")[0], **SETTINGS[kind], **broken}
    return found | ({"login": broken["url"]} if "tenant" in found else {})


def clean(where: str, found: bytes | str) -> None:
    data = found.encode("utf-8", "replace") if isinstance(found, str) else found
    held = [form for form in FORMS if form in data]
    assert not held, f"{where} holds {held[0]!r}: {data[max(0, data.index(held[0]) - 300) :][:600]!r}"


def test_the_secrets_of_every_kind_are_looked_for():
    assert {kind.partition("-")[0] for kind in SETTINGS} == set(kinds()) - {"files"}


@pytest.mark.parametrize("text", [SECRET, quote_plus(PROXY), base64.b64encode(f"{USER}:{SECRET}".encode()).decode()])
def test_the_search_finds_what_it_is_for(text):
    with pytest.raises(AssertionError):
        clean("it", f"... {text} ...")


@pytest.mark.parametrize("kind", SETTINGS)
def test_commands_leave_no_secret_behind(kind, broken, tmp_path, monkeypatch, capsys):
    values = configured(kind, broken)
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items() if name not in SETTINGS[kind]]
    lines += [f"{name} = {json.dumps(value)}" for name, value in SETTINGS[kind].items()]
    file, database = tmp_path / "exfilwatch.toml", tmp_path / "findings.sqlite"
    file.write_text("\n".join(["[siem.main]", *lines]) + "\n")
    monkeypatch.setenv("EXFILWATCH_CONFIG", str(file))
    monkeypatch.setenv("EXFILWATCH_DEBUG", "1")
    for arguments in (
        ("--debug", "check", "main", *FEW_RULES),
        ("--debug", "poll", "main", *FEW_RULES, "--once", "--since", "2h", "--log", "debug", "--database", database),
        ("runs", "--database", database),
    ):
        ended = inside(capsys, *arguments)
        assert ended.code in ((0,) if arguments[0] == "runs" else (2, 3)), ended
        clean(f"{arguments}", ended.out + ended.err)
    for left in tmp_path.glob("findings.sqlite*"):
        clean(left.name, left.read_bytes())
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM poll_runs").fetchone()[0] == 1


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and all that it came of or that it holds, whether shown or not."""
    yield error
    for other in (error.__cause__, error.__context__, *getattr(error, "exceptions", ())):
        if other is not None:
            yield from chain(other)


@pytest.mark.parametrize("kind", SETTINGS)
def test_no_repr_and_no_error_holds_a_secret(kind, broken):
    siem = open_siem("main", configured(kind, broken))

    async def fetched() -> None:
        async for _ in siem.fetch(Ask(Clock.INGEST, 0, 1_000_000)):
            pass

    async def errors() -> list[Exception]:
        found: list[Exception] = []
        for ask in (siem.now, siem.places, fetched):
            try:
                await ask()
            except Exception as error:  # noqa: BLE001 whatever it is, it must hold no secret
                found.append(error)
        await siem.close()
        return found

    found = asyncio.run(errors())
    assert found
    for each in (siem, siem.settings, siem.settings.model_dump(), siem.settings.model_dump_json(), vars(siem)):
        clean("a repr", repr(each))
    for error in found:
        clean("a traceback", "".join(traceback.format_exception(error)))
        for each in chain(error):
            clean(f"{type(each).__name__} within {error!r}", f"{each} {each!r} {each.args}")


@pytest.mark.parametrize("wrong", ["password = 5", "passwrd = ", "url = ", "kind = "])
def test_a_wrong_setting_does_not_show_its_value(wrong, tmp_path, monkeypatch, capsys):
    file = tmp_path / "exfilwatch.toml"
    value = "" if wrong.endswith("5") else f'"https://u:{SECRET}@h"' if "url" in wrong else f'"{SECRET}"'
    settings = {"kind": "splunk", "url": "https://h", "user": "u", "password": SECRET, "indexes": ["a"]}
    settings.pop(wrong.partition(" ")[0], None)
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    file.write_text("\n".join(["[siem.main]", *lines, wrong + value]) + "\n")
    monkeypatch.setenv("EXFILWATCH_CONFIG", str(Path(file)))
    for command in ("check", "poll"):
        ended = inside(capsys, "--debug", command)
        assert ended.code == 2
        if "kind" not in wrong:  # that one is no secret, and is named
            clean(command, ended.out + ended.err)
    assert sys.exc_info() == (None, None, None)
