"""The mails that were sent while there is no SMTP server, as a page with working links.

Outside of production only.
"""

from fastapi import APIRouter, Request, Response

from auth.http.access import Running
from auth.mail.carriers import Mailbox
from auth.pages.rendering import page

ROUTER = APIRouter(include_in_schema=False)


@ROUTER.get("/dev/mails")
async def show(request: Request, service: Running) -> Response:
    carrier = service.mail_queue.carrier
    messages = list(reversed(carrier.messages)) if isinstance(carrier, Mailbox) else []
    return page(
        request,
        "mailbox",
        mails=[(mail["Subject"], mail["To"], mail.get_content()) for mail in messages],
    )
