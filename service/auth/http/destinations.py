"""The destinations of a browser after a sign-in: only those that we would send it to anyway."""

import re
from urllib.parse import parse_qs, quote, urlsplit

from auth.service import Service

AUTHORIZE = "/oauth2/authorize?"
HOME = "/account"
SECOND_FACTOR = "/account/second-factor"
PROFILE = "/account/profile"
PASSWORD = "/account/password"  # noqa: S105 - the path of a page
DEVICES = "/account/devices"
DATA = "/account/data"
IDENTITIES = "/account/identities"
DEVICE_PAGE = "/device"
_PAGE = re.compile(
    rf"({SECOND_FACTOR}|{PROFILE}|{PASSWORD}|{DEVICES}|{DATA}|{IDENTITIES}|{DEVICE_PAGE}"
    r"|/admin/(?:users/[0-9a-f]{32}|users|audit|clients))(?:/.*)?"
)
_WITH_CODE = re.compile(
    rf"{DEVICE_PAGE}(?:\?user_code=[A-Z]{{1,64}})?|{IDENTITIES}/confirm\?waiting=[A-Za-z0-9_-]{{43}}"
)
_LONGEST = 8192


def safe(service: Service, wanted: str) -> str:
    """Return the browser's destination: `wanted` if it is ours, else our own first page.

    Ours are the account's pages, the pages of an authorization request, which is validated again
    there, and the pages of every host that shares our cookie: they use the forward-auth endpoint.
    """
    if len(wanted) > _LONGEST or not wanted.isascii() or not wanted.isprintable():
        return HOME
    if " " in wanted or "\\" in wanted:
        return HOME  # browsers take a backslash for a slash
    if (
        wanted == page_of(wanted)
        or wanted.startswith(AUTHORIZE)
        or _WITH_CODE.fullmatch(wanted) is not None
    ):
        return wanted
    try:
        parts = urlsplit(wanted)
        parts.port  # noqa: B018 - raises if it is no number
    except ValueError:
        return HOME
    issuer = urlsplit(service.settings.issuer)
    domain = service.settings.cookie_domain
    # from https only to https: plain http would show the parameters to the network
    if parts.scheme not in {"https", issuer.scheme} or parts.username or parts.password:
        return HOME
    host = parts.hostname or ""
    known = host == issuer.hostname or (domain and f".{host}".endswith(f".{domain}"))
    return wanted if known else HOME


def page_of(path: str) -> str:
    """Return the page of the account or of the administration that has a form with this action."""
    match = _PAGE.fullmatch(path)
    return match[1] if match else HOME


def device_page(user_code: str) -> str:
    """Return the address of the page for devices, with the code of its link."""
    return f"{DEVICE_PAGE}?user_code={user_code}" if user_code else DEVICE_PAGE


def confirm_identity(token: str) -> str:
    """Return the address of the page that links the identity which a token names."""
    return f"{IDENTITIES}/confirm?waiting={token}"


def sign_in(target: str, *, is_again: bool = False) -> str:
    """Return the address of the sign-in page that leads to a target.

    With `is_again`, an upstream has to ask its user again as well.
    """
    return f"/sign-in?next={quote(target, safe='')}{'&fresh=1' if is_again else ''}"


def application(service: Service, target: str) -> str:
    """Return the name of the application that a user signs in to, "" without an application."""
    client = service.settings.clients.find(parameter(target, "client_id"))
    return client.name if client else ""


def parameter(target: str, name: str) -> str:
    """Return a parameter of an authorization request, "" for any other target."""
    if not target.startswith(AUTHORIZE):
        return ""
    query = target.removeprefix(AUTHORIZE)
    return parse_qs(query).get(name, [""])[0].replace("\x00", "")
