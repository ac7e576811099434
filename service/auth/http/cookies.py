"""Our cookies: their names, and the hosts that browsers send them to."""

from fastapi import Request, Response

from auth.service import Service


def name(service: Service, kind: str, *, shared: bool = False) -> str:
    """Return a cookie's name; its prefix makes browsers enforce its scope (RFC 6265bis §4.1.3)."""
    if not _https(service):
        return f"auth-{kind}"
    return f"__Secure-auth-{kind}" if shared else f"__Host-auth-{kind}"


def put(
    service: Service, answer: Response, key: str, value: str, *, seconds: int, domain: str = ""
) -> None:
    answer.set_cookie(
        key,
        value,
        max_age=seconds,
        path="/",
        domain=domain or None,
        secure=_https(service),
        httponly=True,
        # a link from elsewhere brings it along, a form from elsewhere does not
        samesite="lax",
    )


def remove(service: Service, answer: Response, key: str, *, domain: str = "") -> None:
    put(service, answer, key, "", seconds=0, domain=domain)


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _https(service: Service) -> bool:
    return service.settings.issuer.startswith("https://")
