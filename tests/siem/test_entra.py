"""Access tokens of Microsoft Entra ID: asked for once, renewed in time, and what is told when there is none."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exfilwatch.errors import AuthError, ConfigError, RateLimited, Unreachable
from exfilwatch.siem import entra
from exfilwatch.siem.entra import CLOUDS
from exfilwatch.siem.sentinel import Sentinel, SentinelSettings
from exfilwatch.siem.siem import Siem

from .certificates import Certificate, made, web
from .fetching import Naps, run
from .loopback import Answer, answer_json

pytest.importorskip("duckdb", reason="DuckDB runs the fake's queries: pip install 'duckdb-kql[duckdb]'")
from .fake_microsoft import SECRET, TENANT, WORKSPACE, FakeMicrosoft


@pytest.fixture
def fake():
    with FakeMicrosoft() as fake:
        yield fake


def sentinel(fake: FakeMicrosoft, **settings: object) -> Sentinel:
    """Waits take no time."""
    chosen = SentinelSettings.model_validate({"kind": "sentinel", **fake.settings(), **settings})
    return Sentinel("soc", chosen, sleep=Naps())


def failure(siem: Siem, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        run(siem, siem.now())
    assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    return str(caught.value)


def test_one_token_is_asked_for_however_many_queries_run(fake):
    async def many(siem: Siem) -> None:
        await asyncio.gather(*(siem.now() for _ in range(8)))
        await siem.now()

    run(siem := sentinel(fake), many(siem))
    assert len(fake.tokens) == 1
    assert len(fake.queries) == 9


def test_a_token_is_renewed_before_it_ends(fake, monkeypatch):
    """300 s before; one that lasts shorter than twice that, when half of its time is over."""

    async def at(siem: Siem) -> None:
        for seconds in (0, 1500, 3298, 3300):
            monkeypatch.setattr(entra.time, "monotonic", lambda now=start + seconds: now)
            await siem.now()
            passed.append((seconds, len(fake.tokens)))

    start, passed = time.monotonic(), []
    fake.lasts = 3599
    run(siem := sentinel(fake), at(siem))
    assert passed == [(0, 1), (1500, 1), (3298, 1), (3300, 2)]


def test_a_token_that_is_no_longer_taken_is_renewed_once(fake):
    async def twice(siem: Siem) -> None:
        await siem.now()
        fake.tokens = dict.fromkeys(fake.tokens, ("", 0.0))  # Entra has withdrawn them
        await siem.now()

    run(siem := sentinel(fake), twice(siem))
    assert len(fake.tokens) == 2


def test_when_new_ones_are_not_taken_either_it_stops(fake):
    fake.lasts = -1
    said = failure(sentinel(fake), AuthError)
    assert "answered 401" in said
    assert len(fake.tokens) == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"client_secret": "wrong"},
            "AADSTS7000215: Invalid client secret provided.: siem.soc: client_secret is wrong",
        ),
        ({"client_id": WORKSPACE}, "client_id is no application of this tenant"),
        ({"tenant": "elsewhere.example"}, "tenant does not exist in this cloud"),
        ({"cloud": "usgov"}, "AADSTS70011"),
    ],
)
def test_a_wrong_setting_is_told_with_what_to_do(fake, settings, said):
    message = failure(sentinel(fake, **settings), AuthError)
    assert said in message
    assert "Trace ID" not in message
    assert fake.queries == []


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (answer_json({"error": "x"}, 429, Retry_After="700"), RateLimited, "token answered 429: asked to wait"),
        (Answer(503, b"<html>"), Unreachable, "token answered 503"),
        (Answer(200, b"<html>Sign in"), Unreachable, "gave no token"),
        (answer_json({"token_type": "Bearer"}, 200), Unreachable, "gave no token"),
        (Answer(404, b"<html>"), AuthError, "check tenant, cloud and login"),
        (
            answer_json({"error": "odd", "error_codes": [1]}, 400),
            AuthError,
            "odd: siem.soc: check tenant and credentials",
        ),
    ],
)
def test_a_token_service_that_has_trouble_is_told_so(fake, answer, kind, said):
    fake.instead_of_tokens.extend([answer] * 5)
    assert said in failure(sentinel(fake), kind)


def test_a_short_trouble_is_waited_for(fake):
    fake.instead_of_tokens.extend([Answer(503, b""), answer_json({}, 429, Retry_After="0")])
    run(siem := sentinel(fake), siem.now())
    assert len(fake.tokens) == 1


def test_a_token_service_that_cant_be_reached_is_named_and_not_the_api(fake):
    with web() as gone:
        login = gone.address
    assert f"soc ({login})" in failure(sentinel(fake, login=login), Unreachable)


def test_the_secret_goes_to_the_token_service_only(fake):
    run(siem := sentinel(fake), siem.now())
    token, query = fake.requests
    assert token.path == f"/{TENANT}/oauth2/v2.0/token"
    assert SECRET.encode() in token.body.replace(b"%7E", b"~")
    assert "authorization" not in token.headers
    assert SECRET not in f"{query}"


def test_each_cloud_has_all_of_its_addresses():
    for cloud in CLOUDS.values():
        assert all(address.startswith("https://") and not address.endswith("/") for address in cloud)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return made(tmp_path_factory.mktemp("own"), "exfilwatch")


@pytest.fixture
def both(own: Certificate, tmp_path: Path) -> Path:
    file = tmp_path / "both.pem"
    file.write_text(own.certificate.read_text() + own.key.read_text())
    return file


@pytest.fixture
def certified(fake: FakeMicrosoft, own: Certificate) -> FakeMicrosoft:
    pytest.importorskip("jwt", reason="pip install 'PyJWT[crypto]'")
    fake.certificate = own.certificate.read_text()
    return fake


def test_a_certificate_signs_for_the_application(certified, both):
    run(siem := sentinel(certified, client_secret=None, certificate=both), siem.now())
    assert len(certified.tokens) == 1
    assert b"PRIVATE KEY" not in certified.requests[0].body


def test_a_certificate_may_stand_after_its_key(certified, own, tmp_path):
    file = tmp_path / "turned.pem"
    file.write_text(f"Bag Attributes\n{own.key.read_text()}\nsubject=CN\n{own.certificate.read_text()}")
    run(siem := sentinel(certified, client_secret=None, certificate=file), siem.now())


def test_a_certificate_may_have_a_password(certified, own, tmp_path):
    key = tmp_path / "locked.key"
    command = ["openssl", "rsa", "-aes256", "-passout", f"pass:{SECRET}", "-in", own.key, "-out", key]
    subprocess.run(command, check=True, capture_output=True)
    file = tmp_path / "locked.pem"
    file.write_text(own.certificate.read_text() + key.read_text())
    run(siem := sentinel(certified, client_secret=None, certificate=file, certificate_password=SECRET), siem.now())
    for password in (None, "wrong"):
        with pytest.raises(ConfigError, match="is certificate_password right") as caught:
            sentinel(certified, client_secret=None, certificate=file, certificate_password=password)
        assert SECRET not in str(caught.value)


def test_a_certificate_of_another_application_is_told(certified, both):
    certified.certificate = made(both.parent, "another").certificate.read_text()
    said = failure(sentinel(certified, client_secret=None, certificate=both), AuthError)
    assert "upload it under Certificates & secrets" in said


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\n", "certificate", "key"])
def test_a_certificate_that_is_not_whole_is_told(certified, own, tmp_path, content):
    file = tmp_path / "bad.pem"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else getattr(own, content).read_bytes())
    with pytest.raises(ConfigError, match=r"siem\.soc: certificate: .*bad\.pem: "):
        sentinel(certified, client_secret=None, certificate=file)


def test_a_certificate_with_another_kind_of_key_is_told(certified, tmp_path):
    file = tmp_path / "ec.pem"
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    command = ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=x", *kind, "-keyout", file, "-out", tmp_path / "c"]
    subprocess.run(command, check=True, capture_output=True)
    file.write_text(file.read_text() + (tmp_path / "c").read_text())
    with pytest.raises(ConfigError, match="its key is no RSA key"):
        sentinel(certified, client_secret=None, certificate=file)


def test_a_certificate_needs_an_extra_which_is_named(certified, both, monkeypatch):
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(ConfigError, match=r"pip install 'exfilwatch\[microsoft\]'"):
        sentinel(certified, client_secret=None, certificate=both)


def test_without_a_certificate_no_library_for_it_is_loaded():
    program = (
        "import sys, exfilwatch.siem.sentinel, exfilwatch.siem.defender\n"
        "sys.exit(bool({'jwt', 'cryptography'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program], env=dict(os.environ), check=False).returncode == 0
