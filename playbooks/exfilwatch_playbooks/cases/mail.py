"""E-mail over SMTP: a mail for each case, and replies to it for what comes later, so that readers see one thread.

A mail has the text twice, plain and as HTML without anything that is fetched. Its Message-ID is made of the case's key
and mark: a mail that is sent again after a lost answer has the same one, and most mailboxes show it once.
Source: RFC 5321 (replies), 5322 (fields), 2046 (parts), 3834 (Auto-Submitted).
"""

import asyncio
import hashlib
import re
import smtplib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from socket import gethostname
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from exfilwatch import __version__
from exfilwatch.errors import CaseBlocked, CaseError, CaseRefused, CaseUnreachable
from exfilwatch.siem.connection import Duration
from exfilwatch.written import listed
from exfilwatch_playbooks.cases.case import Attachment, Draft, Note, Status
from exfilwatch_playbooks.cases.document import Document, Paragraph
from exfilwatch_playbooks.cases.oneway import OneWay
from exfilwatch_playbooks.cases.render import html, plain
from exfilwatch_playbooks.cases.render.plain import PLAIN
from exfilwatch_playbooks.cases.settings import BODY, CaseSettings
from exfilwatch_playbooks.cases.system import Account, Capabilities
from exfilwatch_playbooks.hostile import line

_PRIORITY = {"critical": "1", "high": "2", "medium": "3", "low": "4", "informational": "5"}


def _mailbox(address: str) -> str:
    if not re.fullmatch(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}", address, re.ASCII):
        raise ValueError("is no mail address: give it as NAME@DOMAIN")
    return address


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class MailSettings(CaseSettings):
    """`host`, `port`: the server for sending. `security`: starttls, tls (from the start), or none, which is taken for
    this machine only. `sender`, `to`: addresses. `user`, `password`: where the server wants them.
    `ca`: a file of certificates to trust instead of the public ones. `subject`: what each subject begins with.
    """

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Mailbox
    to: Annotated[tuple[Mailbox, ...], BeforeValidator(listed), Field(min_length=1)]
    user: str = ""
    password: SecretStr = SecretStr("")
    ca: Path | None = None
    timeout: Duration = timedelta(seconds=30)
    subject: Annotated[str, Field(pattern=r"^[ -~]{0,40}$")] = "[exfilwatch] "


class Mail(OneWay):
    """Sends mails. Connections are of a thread each, for smtplib waits where it stands."""

    kind = "email"
    renderer = PLAIN
    capabilities = Capabilities(reads_notes=False)
    Settings = MailSettings

    def __init__(
        self,
        name: str,
        settings: MailSettings,
        _store: object = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(name, settings)
        local = settings.host in ("localhost", "127.0.0.1", "::1")
        if settings.security == "none" and not local:
            raise CaseBlocked(f"case.{name}: security = none is taken for this machine only: use starttls or tls")
        self._set = settings
        self._clock = clock

    async def probe(self) -> Account:
        """The server takes the credentials, the sender and the recipients; no mail is sent."""
        await asyncio.to_thread(self._dialogue, None)
        return Account(who=self._set.user or self._set.sender, where=f"{self._set.host}:{self._set.port}")

    async def tell_opened(self, draft: Draft) -> None:
        """The first mail of a thread."""
        mail = self._mail(draft.key, draft.mark, line(draft.title, 240))
        mail["X-Priority"] = _PRIORITY.get(draft.level, "3")
        await self._send(_written(mail, draft.document if self.settings.body == BODY else (), draft.body))

    async def tell_note(self, case_id: str, note: Note) -> None:
        """A reply."""
        await self._send(_written(self._reply(case_id, note.key), note.document, note.text))

    async def tell_status(self, case_id: str, status: Status) -> None:
        """A reply of one sentence."""
        mail = self._reply(case_id, f"{status} {self._clock().isoformat()}")
        await self._send(_written(mail, (Paragraph((f"The case is {status} from now on.",)),), ""))

    async def tell_file(self, case_id: str, attachment: Attachment) -> None:
        """A reply that has the file."""
        mail = self._reply(case_id, attachment.name)
        mail.set_content(f"{attachment.name}\nSHA-256 {attachment.checksum}\n")
        kind, _, subtype = attachment.media.partition("/")
        mail.add_attachment(attachment.content, maintype=kind, subtype=subtype, filename=attachment.name)
        await self._send(mail)

    def _reply(self, key: str, mark: str) -> EmailMessage:
        case = self._told.get(key)
        mail = self._mail(key, mark, f"Re: {case.title}" if case and case.title else f"Re: incident {key}")
        first = f"<case.{key}@{self._domain}>"
        mail["In-Reply-To"] = first
        mail["References"] = first
        return mail

    def _mail(self, key: str, mark: str, title: str) -> EmailMessage:
        # What is ASCII stands on one line: folded, some subjects begin with a space.
        mail = EmailMessage(policy=SMTP.clone(max_line_length=900) if title.isascii() else SMTP)
        mail["From"] = self._set.sender
        mail["To"] = ", ".join(self._set.to)
        mail["Subject"] = f"{self._set.subject}{title}"[:250]
        mail["Date"] = format_datetime(self._clock())
        reply = title.startswith("Re: ")
        name = hashlib.sha256(mark.encode()).hexdigest()[:16] if reply else "case"
        mail["Message-ID"] = f"<{name}.{key}@{self._domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Exfilwatch-Incident"] = key
        mail["User-Agent"] = f"exfilwatch/{__version__}"
        return mail

    @property
    def _domain(self) -> str:
        return self._set.sender.rpartition("@")[2]

    async def _send(self, mail: EmailMessage) -> None:
        await asyncio.to_thread(self._dialogue, mail)

    def _dialogue(self, mail: EmailMessage | None) -> None:
        """One connection. Without a mail, everything up to where one would be sent."""
        begun = False
        try:
            with self._connected() as server:
                if mail is None:
                    _take(server.mail(self._set.sender))
                    for address in self._set.to:
                        code, said = server.rcpt(address)
                        if code not in (250, 251):
                            raise smtplib.SMTPRecipientsRefused({address: (code, said)})
                    server.rset()
                else:
                    begun = True
                    # It raises only if nobody gets it; who alone does not, `probe` has told before.
                    server.send_message(mail, self._set.sender, list(self._set.to))
        except (smtplib.SMTPException, OSError) as error:
            raise self._error(error, begun) from None

    def _connected(self) -> smtplib.SMTP:
        seconds = self._set.timeout.total_seconds()
        where = (self._set.host, self._set.port)
        # By itself smtplib asks DNS for our name, for each connection, and waits for it.
        name = gethostname() if "." in gethostname() else self._domain
        if self._set.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(*where, name, timeout=seconds, context=self._trusted())
        else:
            server = smtplib.SMTP(*where, name, timeout=seconds)
        try:
            if self._set.security == "starttls":
                server.starttls(context=self._trusted())
            if self._set.user:
                server.login(self._set.user, self._set.password.get_secret_value())
            server.ehlo_or_helo_if_needed()
        except BaseException:
            server.close()
            raise
        return server

    def _trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._set.ca) if self._set.ca else None)

    def _error(self, error: Exception, begun: bool) -> CaseError:
        """4yz: later; 5yz: never as it is; credentials and senders are a person's to mend."""
        where = f"{self.name} ({self._set.host}:{self._set.port})"
        match error:
            case smtplib.SMTPAuthenticationError() if error.smtp_code >= 500:
                return CaseBlocked(f"{where} does not take the credentials: check `user` and `password`")
            case smtplib.SMTPNotSupportedError():
                return CaseBlocked(
                    f"{where} does not offer what is wanted of it ({error}): check `security` and `port`"
                )
            case smtplib.SMTPRecipientsRefused():
                codes = [code for code, _ in error.recipients.values()]
                if all(code < 500 for code in codes):
                    return CaseUnreachable(f"{where} takes nothing for the recipients now", sent=False)
                return CaseBlocked(f"{where} takes nothing for {', '.join(sorted(error.recipients))}: check `to`")
            case smtplib.SMTPSenderRefused() if error.smtp_code >= 500:
                return CaseBlocked(f"{where} takes nothing from {self._set.sender} ({_said(error)}): check `sender`")
            case smtplib.SMTPResponseException() if error.smtp_code in (452, 552):
                return CaseRefused(f"{where}: the mail is too large, or the mailbox is full ({_said(error)})")
            case smtplib.SMTPResponseException() if error.smtp_code < 500:
                return CaseUnreachable(f"{where} asks to come again ({_said(error)})", sent=False)
            case smtplib.SMTPResponseException():
                return CaseRefused(f"{where} refused the mail ({_said(error)})")
            case ssl.SSLCertVerificationError():
                return CaseBlocked(f"{where}: its certificate is not trusted ({error.verify_message}): set `ca`")
        return CaseUnreachable(f"{where}: {error or 'no answer'}", sent=begun)


def _take(reply: tuple[int, bytes]) -> None:
    if reply[0] not in (250, 251):
        raise smtplib.SMTPResponseException(*reply)


def _said(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
    return f"{error.smtp_code} {' '.join(str(text).split())[:200]}"


def _written(mail: EmailMessage, document: Document, text: str) -> EmailMessage:
    """The text in both forms. A text that a template has changed has no document: it is sent as it is."""
    mail.set_content(plain.write(document) if document else text)
    if document:
        mail.add_alternative(f"<!DOCTYPE html>\n<html><body>\n{html.write(document)}\n</body></html>\n", subtype="html")
    return mail
