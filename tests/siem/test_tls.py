"""How a server proves who it is. Real handshakes, certificates by openssl."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from exfilwatch.detection.load import load
from exfilwatch.errors import SourceError, Unreachable
from exfilwatch.findings.store import Store
from exfilwatch.polling.polls import Polls
from exfilwatch.rules.packs import pack
from exfilwatch.siem import retries
from exfilwatch.siem.connection import Connection
from exfilwatch.siem.http import Http

from .certificates import Tunnel, Web, made, outdated, web

TOKEN = "Bearer wholly-secret"


class Made:
    """Certificates of one authority, made once for all tests."""

    def __init__(self, folder: Path) -> None:
        self.authority = made(folder, "authority")
        self.server = made(folder, "server", by=self.authority)
        self.other = made(folder, "other", by=self.authority)
        self.alone = made(folder, "alone")
        past, soon = timedelta(days=-9), timedelta(days=1)
        self.expired = outdated(folder, "expired", self.authority, begin=past, end=-soon)
        self.not_yet = outdated(folder, "not_yet", self.authority, begin=soon, end=2 * soon)
        self.elsewhere = made(folder, "elsewhere", by=self.authority, names="DNS:elsewhere.example")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_FIRST_WAIT", 0.0)


def asked(server: Web, times: int = 1, **settings: object) -> str:
    """What the server answers to a client with these settings and a credential."""

    async def ask() -> str:
        chosen = Connection.model_validate({"kind": "any", "url": server.address, **settings})
        client = Http("soc", chosen, headers={"Authorization": TOKEN})
        try:
            return [(await client.request("GET", "/x")).text for _ in range(times)][-1]
        finally:
            await client.close()

    return asyncio.run(ask())


def test_a_certificate_of_ones_own_authority_is_trusted(certificates: Made) -> None:
    with web(certificates.server) as server:
        assert asked(server, ca=certificates.authority.certificate) == "hello"


def test_without_that_authority_it_is_not(certificates: Made) -> None:
    with web(certificates.server) as server:
        with pytest.raises(Unreachable, match=r"certificate verify failed: unable to get local issuer.*: set `ca` to"):
            asked(server)
        assert server.asked == []


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ("expired", "certificate has expired: let it be renewed; until then `fingerprint`"),
        ("not_yet", "certificate is not yet valid: look at the clocks of both machines"),
        ("elsewhere", "certificate is not valid for '127.0.0.1'.: use the name in `url`"),
        ("alone", "self-signed certificate: its authority is none of those in the file of `ca`"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told(certificates: Made, which: str, said: str) -> None:
    with web(getattr(certificates, which)) as server:
        with pytest.raises(Unreachable, match=f"certificate verify failed.*{said}"):
            asked(server, ca=certificates.authority.certificate)
        assert server.asked == []


def test_an_expired_certificate_can_be_pinned_until_it_is_renewed(certificates: Made) -> None:
    with web(certificates.expired) as server:
        assert asked(server, fingerprint=certificates.expired.fingerprint) == "hello"


def test_a_server_without_tls_and_one_with_are_told_apart(certificates: Made) -> None:
    with web() as server, pytest.raises(Unreachable, match="does not speak TLS at this port: check the port"):
        asked(server, url=server.address.replace("http:", "https:"))
    with web(certificates.server) as server, pytest.raises(Unreachable, match=r"`url` \(https, if it speaks TLS\)"):
        asked(server, url=server.address.replace("https:", "http:"))


def test_a_name_that_nobody_knows_and_a_port_where_nobody_listens(certificates: Made) -> None:
    with web() as server:
        with pytest.raises(Unreachable, match="knows no host of that name: check `url`, and the DNS"):
            asked(server, url="https://soc.invalid:9200")
        with pytest.raises(Unreachable, match=r"nothing listens there: check host and port in `url` \(or the proxy's"):
            asked(server, proxy="http://127.0.0.1:1")


def bare(digits: str) -> str:
    return digits


def as_openssl(digits: str) -> str:
    return ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper()


@pytest.mark.parametrize("written", [bare, as_openssl])
def test_a_pinned_certificate_needs_no_authority_and_no_name(certificates: Made, written) -> None:
    with web(certificates.elsewhere) as server:
        assert asked(server, fingerprint=written(certificates.elsewhere.fingerprint)) == "hello"
        assert server.asked[0][1]["Authorization"] == TOKEN


def test_another_than_the_pinned_one_sees_no_credential_and_is_named(certificates: Made) -> None:
    with web(certificates.server) as server:
        with pytest.raises(SourceError, match=certificates.server.fingerprint) as caught:
            asked(server, fingerprint=certificates.other.fingerprint)
        assert server.asked == []
        assert "secret" not in str(caught.value)


def test_a_server_that_changes_its_certificate_later_sees_no_credential(certificates: Made) -> None:
    """Also when the new one is of the same authority."""
    with web(certificates.server) as server:

        async def ask() -> None:
            settings = {"kind": "any", "url": server.address, "fingerprint": certificates.server.fingerprint}
            client = Http("soc", Connection.model_validate(settings), headers={"Authorization": TOKEN})
            try:
                await client.request("GET", "/before")
                server.show(certificates.other)
                with pytest.raises(SourceError, match=certificates.other.fingerprint):
                    await client.request("GET", "/after")
            finally:
                await client.close()

        asyncio.run(ask())
        assert [path for path, _ in server.asked] == ["/before"]


def test_a_poll_goes_on_with_other_siems_when_one_shows_another_certificate(certificates: Made, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("")
    files = {"kind": "files", "paths": [str(tmp_path / "log.jsonl")]}
    engine = {"kind": "opensearch", "indices": ["logs-*"], "fingerprint": certificates.other.fingerprint}
    lost = {"kind": "opensearch", "indices": ["logs-*"], "ca": str(tmp_path / "none.pem")}

    async def poll(url: str) -> list[str]:
        sources = {"pinned": {**engine, "url": url}, "lost": {**lost, "url": url}, "files": files}
        polls = Polls(sources, load([pack("seed")]), Store(str(tmp_path / "kept.sqlite")))
        try:
            return [run.problem for run in await polls.once()]
        finally:
            await polls.close()

    with web(certificates.server) as server:
        pinned, no_file, none = asyncio.run(poll(server.address))
    assert f"shows the certificate {certificates.server.fingerprint}: set this one, if it is its own" in pinned
    assert "none.pem: can't be read as certificates" in no_file
    assert none == ""


@pytest.mark.parametrize("trust", ["ca", "fingerprint"])
def test_a_proxy_passes_on_what_it_cant_read(certificates: Made, trust: str) -> None:
    trusted = {"ca": certificates.authority.certificate, "fingerprint": certificates.server.fingerprint}
    with web(certificates.server) as server, web(handler=Tunnel) as proxy:
        through = proxy.address.replace("://", "://ann:secret@")
        assert asked(server, proxy=through, **{trust: trusted[trust]}) == "hello"
        ((path, headers),) = proxy.asked
        assert path == server.address.removeprefix("https://")
        assert headers["Proxy-Authorization"] == "Basic YW5uOnNlY3JldA=="
        assert "Authorization" not in headers


def test_a_server_behind_a_proxy_is_held_to_its_fingerprint(certificates: Made) -> None:
    with web(certificates.server) as server, web(handler=Tunnel) as proxy:
        with pytest.raises(SourceError, match="fingerprint"):
            asked(server, proxy=proxy.address, fingerprint=certificates.other.fingerprint)
        assert server.asked == []


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with web() as server, web(handler=Tunnel) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        assert asked(server) == "hello"
        assert proxy.asked == []


@pytest.mark.parametrize("content", [None, "not a certificate", ""])
def test_a_ca_file_that_is_none_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with web() as server, pytest.raises(SourceError, match=r"ca: .*ca\.pem: can't be read as certificates"):
        asked(server, ca=file)


def test_nothing_is_sent_to_where_an_answer_points(certificates: Made) -> None:
    """A redirect would carry the credential to whom the server names."""

    class Redirecting(Tunnel):
        def do_GET(self) -> None:  # noqa: N802 the name is http.server's
            self.server.asked.append((self.path, dict(self.headers)))
            self.send_response(307)
            self.send_header("Location", elsewhere.address)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with web() as elsewhere, web(handler=Redirecting) as server:
        with pytest.raises(Exception, match="answered 307"):
            asked(server)
        assert elsewhere.asked == []
