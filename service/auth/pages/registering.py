"""The page that makes an account; what it says does not tell whether there was one."""

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from auth.api import registration
from auth.api.access import Running
from auth.pages import destinations
from auth.pages.forms import Form, wrong
from auth.pages.rendering import page
from auth.problems import ProblemError
from auth.service import Service

ROUTER = APIRouter(include_in_schema=False)


@ROUTER.get("/register")
async def show(request: Request, service: Running) -> Response:
    target = destinations.safe(service, request.query_params.get("next", ""))
    return _form(service, request, target, email=destinations.parameter(target, "login_hint"))


@ROUTER.post("/register")
async def register(request: Request, service: Running, given: Form) -> Response:
    target = destinations.safe(service, given.get("next", ""))
    email = given.get("email", "")
    try:
        wanted = registration.Registration.model_validate(
            {"email": email, "password": given.get("password", "")}
        )
        await registration.make_account(service, wanted.email, wanted.password.get_secret_value())
    except ValidationError as error:
        return _form(service, request, target, email=email, error=wrong(error))
    except ProblemError as refused:
        return _form(service, request, target, email=email, error=refused)
    then = "Then sign in." if service.settings.require_verified_email else "You can sign in now."
    text = f"A mail to {wanted.email} tells how to confirm the address. {then}"
    sign_in = destinations.sign_in(target)
    return page(request, "done", title="Almost done", text=text, sign_in=sign_in)


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
