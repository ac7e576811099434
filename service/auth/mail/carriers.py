"""The ways to deliver mail: to an SMTP server, to a mailbox in memory, or not at all."""

import logging
import smtplib
import ssl
from collections import deque
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Protocol

LOG = logging.getLogger("auth")
NONE, STARTTLS, TLS = "none", "starttls", "tls"
_CONNECT_SECONDS = 10
_KEPT = 100


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """`host` is "" without an SMTP server; `security` is `none`, `starttls` or `tls`."""

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
    """Hands messages to an SMTP server, with a connection for each."""

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


def newest_first(carrier: Carrier) -> list[EmailMessage]:
    """Return the messages in a mailbox; other carriers keep none."""
    return list(reversed(carrier.messages)) if isinstance(carrier, Mailbox) else []


class Nowhere:
    """Drops messages with a warning: production without an SMTP server."""

    def carry(self, message: EmailMessage) -> None:
        LOG.warning("mail dropped: AUTH_SMTP_HOST is not set", extra={"mail": message["Subject"]})
