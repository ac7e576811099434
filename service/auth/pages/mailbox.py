"""The mails that were sent while there is no SMTP server, as a page with working links.

Outside of production only.
"""

from fastapi import APIRouter, Request, Response

from auth.http.access import Running
from auth.mail.carriers import newest_first
from auth.pages.rendering import page

ROUTER = APIRouter(include_in_schema=False)


@ROUTER.get("/dev/mails")
async def show(request: Request, service: Running) -> Response:
    mails = [
        (mail["Subject"], mail["To"], mail.get_content())
        for mail in newest_first(service.mail_queue.carrier)
    ]
    return page(request, "mailbox", mails=mails)
