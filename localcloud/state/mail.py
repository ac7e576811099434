"""The cloud's mail: sent by SMTP to a server of its own, which keeps it in a Maildir.

Nothing leaves this computer: the server takes each mail for any address, and forwards none.
"""

import email
import smtplib
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.ocids import REGION
from localcloud.state.home import Home

if TYPE_CHECKING:
    from aiosmtpd.controller import Controller

SMTP_PORT = 2525
SENDER = f"noreply@notification.{REGION}.oci.oraclecloud.com"
MOST_MAILS = 500  # the oldest go first
_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail in the mailbox; `at` is the moment of its arrival, in UTC."""

    at: datetime
    to: str
    subject: str
    text: str


class Post:
    """Sends mails of the cloud. The SMTP server starts with the first mail."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._server: Controller | None = None

    def send(self, *, to: str, subject: str, text: str) -> None:
        """Send a mail by SMTP."""
        message = EmailMessage()
        message["From"], message["To"] = SENDER, to
        message["Subject"] = " ".join(subject.split())
        message["Date"] = formatdate()
        message.set_content(text)
        with self._lock:
            if self._server is None:
                self._server = _started(self._home)
            with smtplib.SMTP(str(self._home.address), SMTP_PORT, timeout=_SECONDS) as smtp:
                smtp.send_message(message)
            _forget_oldest(self._home)

    def close(self) -> None:
        """Stop the SMTP server."""
        with self._lock:
            if self._server:
                self._server.stop()


def received(home: Home) -> list[Mail]:
    """Return the mails in the mailbox, oldest first."""
    return [_read(file) for file in _files(home)]


def _started(home: Home) -> "Controller":
    # the start of the API server, which `make up` waits for, needs no mail
    from aiosmtpd.controller import Controller  # noqa: PLC0415
    from aiosmtpd.handlers import Mailbox  # noqa: PLC0415

    controller = Controller(Mailbox(_folder(home)), hostname=str(home.address), port=SMTP_PORT)
    controller.start()
    return controller


def _read(file: Path) -> Mail:
    message = email.message_from_bytes(file.read_bytes(), policy=default)
    body = message.get_body()
    return Mail(
        at=datetime.fromtimestamp(file.stat().st_mtime, UTC),
        to=str(message["To"]),
        subject=str(message["Subject"]),
        text=body.get_content().replace("\r\n", "\n") if body else "",
    )


def _forget_oldest(home: Home) -> None:
    for file in _files(home)[:-MOST_MAILS]:
        file.unlink()


def _files(home: Home) -> list[Path]:
    """List the files of the mails, oldest first; a Maildir has new mails in a folder `new`."""
    files = (_folder(home) / "new").glob("*")
    return sorted(files, key=lambda file: file.stat().st_mtime_ns)


def _folder(home: Home) -> Path:
    return home.path / "mail"
