"""The mail that was sent while there is no SMTP server: outside of production only."""

from pydantic import BaseModel

from auth.http.access import Running
from auth.http.openapi import router
from auth.mail.carriers import newest_first

ROUTER = router(prefix="/dev/mailbox", tags=["development"])


class Mail(BaseModel):
    to: str
    subject: str
    text: str


class Mails(BaseModel):
    mails: list[Mail]


@ROUTER.get("")
async def read_mailbox(service: Running, to: str = "") -> Mails:
    """Show the last mails, newest first; `to` selects an address."""
    return Mails(
        mails=[
            Mail(to=message["To"], subject=message["Subject"], text=message.get_content())
            for message in newest_first(service.mail_queue.carrier)
            if to in {"", message["To"]}
        ]
    )
