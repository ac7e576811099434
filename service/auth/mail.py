"""Mail: sent in the background, so that no answer tells by its time whether there was any."""

import asyncio
import logging
import smtplib
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Protocol

LOG = logging.getLogger("auth")
NONE, STARTTLS, TLS = "none", "starttls", "tls"
_WAITING = 256
_WORKERS = 4
_ATTEMPTS = 3
_PAUSE_SECONDS = 2.0
_CONNECT_SECONDS = 10
_KEPT = 100


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """`host` is "" where there is no SMTP server; `security` is one of none, starttls and tls."""

    host: str = ""
    port: int = 587
    security: str = STARTTLS
    username: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""


class Carrier(Protocol):
    def carry(self, message: EmailMessage) -> None:
        """Deliver a message, or raise OSError or SMTPException."""


class Smtp:
    """Hands messages to an SMTP server, one connection each."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings

    def carry(self, message: EmailMessage) -> None:
        settings = self._settings
        context = ssl.create_default_context()
        with self._connect(context) as server:
            if settings.security == STARTTLS:
                server.starttls(context=context)
            if settings.username:
                server.login(settings.username, settings.password)
            server.send_message(message)

    def _connect(self, context: ssl.SSLContext) -> smtplib.SMTP:
        host, port = self._settings.host, self._settings.port
        if self._settings.security == TLS:
            return smtplib.SMTP_SSL(host, port, timeout=_CONNECT_SECONDS, context=context)
        return smtplib.SMTP(host, port, timeout=_CONNECT_SECONDS)


@dataclass
class Mailbox:
    """Keeps the last messages in memory: where there is no SMTP server, outside of production."""

    messages: deque[EmailMessage] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def carry(self, message: EmailMessage) -> None:
        self.messages.append(message)


class Nowhere:
    """Drops messages, saying so: production without an SMTP server."""

    def carry(self, message: EmailMessage) -> None:
        LOG.warning("mail dropped: AUTH_SMTP_HOST is not set", extra={"mail": message["Subject"]})


class Outbox:
    """Does errands after the answer is given: looking up whom a mail is for, and sending it.

    Whoever asks waits for none of it. When more wait than it holds, new ones are dropped with a
    line in the log: a mail can be asked for again, memory can not.
    """

    def __init__(self, carrier: Carrier, sender: str) -> None:
        self.carrier = carrier
        self._sender = sender
        self._errands: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(_WAITING)

    def post(self, to: str, subject: str, text: str) -> None:
        """Send a mail, soon."""
        self.later(lambda: self.send(to, subject, text))

    def later(self, errand: Callable[[], Awaitable[None]]) -> None:
        try:
            self._errands.put_nowait(errand)
        except asyncio.QueueFull:
            LOG.warning("mail dropped: too many wait")

    async def send(self, to: str, subject: str, text: str) -> None:
        """Send a mail now, trying again a few times."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, to, subject
        message["Date"], message["Message-ID"] = formatdate(time.time()), make_msgid(domain="auth")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await asyncio.to_thread(self.carrier.carry, message)
            except (OSError, smtplib.SMTPException) as error:
                # neither the address nor the text: the one is personal, the other lets people in
                extra = {"mail": subject, "reason": type(error).__name__, "attempt": attempt}
                LOG.warning("mail not sent", extra=extra)
                if attempt < _ATTEMPTS:
                    await asyncio.sleep(_PAUSE_SECONDS * attempt)
            else:
                return

    def workers(self) -> list[Coroutine[None, None, None]]:
        """Give what does the errands: several, so that one slow server holds up only few."""
        return [self._work() for _ in range(_WORKERS)]

    async def _work(self) -> None:
        while True:
            errand = await self._errands.get()
            try:
                await errand()
            except Exception:
                LOG.exception("errand failed")
            finally:
                self._errands.task_done()

    async def drain(self, seconds: float) -> None:
        """Wait until all is sent, or the seconds are over."""
        try:
            await asyncio.wait_for(self._errands.join(), seconds)
        except TimeoutError:
            LOG.warning("mail dropped: the service stops")
