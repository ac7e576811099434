"""The registration page, which does not reveal whether an account existed."""

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from auth.accounts import register as registration
from auth.errors import ProblemError
from auth.http import destinations, languages, registrations
from auth.http.access import Running
from auth.http.fields import Registration
from auth.languages.messages import Message
from auth.pages.forms import Form, wrong
from auth.pages.rendering import page
from auth.service import Service

ROUTER = APIRouter(include_in_schema=False)


@ROUTER.get("/register")
async def show(request: Request, service: Running) -> Response:
    target = destinations.safe(service, request.query_params.get("next", ""))
    return _form(service, request, target, email=destinations.parameter(target, "login_hint"))


@ROUTER.post("/register")
async def register(request: Request, service: Running, fields: Form) -> Response:
    target = destinations.safe(service, fields.get("next", ""))
    email = fields.get("email", "")
    try:
        wanted = Registration.model_validate(
            {"email": email, "password": fields.get("password", "")}
        )
        account = await registration.register(
            service,
            wanted.email,
            wanted.password.get_secret_value(),
            locale=languages.of(request).code,
        )
    except ValidationError as error:
        return _form(service, request, target, email=email, error=wrong(error))
    except ProblemError as refused:
        return _form(service, request, target, email=email, error=refused)
    if service.settings.require_verified_email:
        text = Message(
            "A mail to %(email)s explains how to confirm the address. Then sign in.",
            email=wanted.email,
        )
    else:
        text = Message(
            "A mail to %(email)s explains how to confirm the address. You can sign in now.",
            email=wanted.email,
        )
    sign_in = destinations.sign_in(target)
    answer = page(request, "done", title=Message("Almost done"), text=text, sign_in=sign_in)
    registrations.remember(service, answer, account.id)
    return answer


def _form(
    service: Service,
    request: Request,
    target: str,
    *,
    email: str,
    error: ProblemError | None = None,
) -> Response:
    client = destinations.application(service, target)
    return page(request, "register", error=error, next=target, client=client, email=email)
