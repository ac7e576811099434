"""The mail queue: it sends in the background, so that no answer takes longer for a mail."""

import asyncio
import logging
import smtplib
import time
from collections.abc import Awaitable, Callable, Coroutine
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from auth import email_addresses
from auth.mail.carriers import Carrier

LOG = logging.getLogger("auth")
_WAITING = 256
_WORKERS = 4
_ATTEMPTS = 3
_PAUSE_SECONDS = 2.0
# the end of an answer takes less: a job beside it would slow it down, and only for an account
_ANSWER_SECONDS = 0.1

Errand = Callable[[], Awaitable[None]]


class MailQueue:
    """Runs jobs after the answer is given: looking up the receiver of a mail, and sending it.

    A caller waits for no job. When the queue is full, new jobs are dropped with a line in the log:
    a mail can be requested again, memory can't.
    """

    def __init__(self, carrier: Carrier, sender: str) -> None:
        self.carrier = carrier
        self._sender = sender
        # with the moment before which an errand must not begin
        self._errands: asyncio.Queue[tuple[float, Errand]] = asyncio.Queue(_WAITING)

    def post(self, to: str, subject: str, text: str) -> None:
        """Send a mail, soon, to a user whom the caller knows."""
        self._put(0, lambda: self.send(to, subject, text))

    def later(self, errand: Errand) -> None:
        """Run a job once the answer is on its way, whose time must not tell what the job does."""
        self._put(time.monotonic() + _ANSWER_SECONDS, errand)

    def _put(self, begin: float, errand: Errand) -> None:
        try:
            self._errands.put_nowait((begin, errand))
        except asyncio.QueueFull:
            LOG.warning("mail dropped: the queue is full")

    async def send(self, to: str, subject: str, text: str) -> None:
        """Send a mail now, trying again a few times."""
        message = EmailMessage()
        message["From"], message["Subject"] = self._sender, subject
        # a server without SMTPUTF8 takes a domain in ASCII
        message["To"] = email_addresses.with_ascii_domain(to)
        message["Date"], message["Message-ID"] = formatdate(time.time()), make_msgid(domain="auth")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await asyncio.to_thread(self.carrier.carry, message)
            except (OSError, smtplib.SMTPException) as error:
                # neither the address nor the text: the address is personal, the text lets people in
                extra = {"mail": subject, "reason": type(error).__name__, "attempt": attempt}
                LOG.warning("mail not sent", extra=extra)
                if attempt < _ATTEMPTS:
                    await asyncio.sleep(_PAUSE_SECONDS * attempt)
            else:
                return

    def workers(self) -> list[Coroutine[None, None, None]]:
        """Return the workers: several, so that a slow server holds up only a few mails."""
        return [self._work() for _ in range(_WORKERS)]

    async def _work(self) -> None:
        while True:
            begin, errand = await self._errands.get()
            await asyncio.sleep(max(0, begin - time.monotonic()))
            try:
                await errand()
            except Exception:
                LOG.exception("errand failed")
            finally:
                self._errands.task_done()

    async def drain(self, seconds: float) -> None:
        """Wait until all mails are sent, or the seconds are over."""
        try:
            await asyncio.wait_for(self._errands.join(), seconds)
        except TimeoutError:
            LOG.warning("mail dropped: the service stops")
