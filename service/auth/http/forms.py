"""Forms as browsers and OAuth clients send them: each parameter once (RFC 6749 §3.2)."""

from fastapi import Request

from auth.authorization.errors import OAuthError
from auth.authorization.parameters import parameters
from auth.languages.messages import msgid

FORM = "application/x-www-form-urlencoded"


def is_form(request: Request) -> bool:
    """Return whether the body of a request is a form, by its type."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == FORM


async def form(request: Request) -> dict[str, str]:
    """Read a form; refuse any other body with `invalid_request`."""
    if not is_form(request):
        raise OAuthError("invalid_request", f"The request must be of the type {FORM}.")
    try:
        return parameters((await request.body()).decode("ascii"))
    except ValueError:
        raise OAuthError(
            "invalid_request", msgid("The form can't be read, or has a parameter twice.")
        ) from None
