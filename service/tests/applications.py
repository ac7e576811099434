"""OAuth applications for the tests, which sign their users in with the service."""

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import uvicorn
from authlib.integrations.starlette_client import OAuth
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from running import NO_TLS
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from users import User

SECRET = secrets.token_urlsafe(32)
CALLBACK = "https://app.example.test/callback"
_START_SECONDS = 10


def hashed(secret: str) -> str:
    digest = hashlib.sha256(secret.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


REGISTERED: list[dict[str, Any]] = [
    {
        "client_id": "app",
        "name": "The App",
        "first_party": True,
        "secret_sha256": hashed(SECRET),
        "redirect_uris": [CALLBACK, "https://app.example.test/other?a=b"],
        "post_logout_redirect_uris": ["https://app.example.test/bye"],
        "scopes": ["openid", "profile", "email", "account", "orders:read"],
    },
    {
        "client_id": "native",
        "name": "Desktop",
        "public": True,
        "first_party": True,
        "redirect_uris": ["http://127.0.0.1/callback", "com.example.app:/callback"],
    },
    {
        "client_id": "third",
        "name": "Somebody <b>Else</b>",
        "public": True,
        "redirect_uris": ["https://third.example.test/callback"],
        "grant_types": ["authorization_code"],
        "scopes": ["openid", "profile", "email", "account", "orders:read"],
    },
    {
        "client_id": "robot",
        "name": "Robot",
        "secret_sha256": [hashed("an earlier secret"), hashed(SECRET)],
        "grant_types": ["client_credentials"],
        "scopes": ["orders:read", "orders:write", "email"],
    },
]
SETTINGS = {"AUTH_CLIENTS": json.dumps(REGISTERED)}
# Without https, so that the browser sends its cookies to a server on loopback.
ISSUER = "http://auth.example.test"
WITH_ISSUER = {**SETTINGS, "AUTH_ISSUER": ISSUER}


@dataclass
class Browser:
    """A browser without JavaScript: stores cookies, fills in forms, follows our own redirects."""

    url: str
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.url, timeout=30, verify=NO_TLS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def open(self, path: str) -> httpx.Response:
        """Open a page; return a redirect away from the service without following it."""
        return self._follow(self.client.get(path))

    def submit(self, shown: httpx.Response, action: str = "", **values: str) -> httpx.Response:
        """Fill in and send the form with this action, or else the first form of the page."""
        action = re.escape(action) or '[^"]*'
        form = rf'<form method="post" action="({action})"(.*?)</form>'
        match = re.search(form, shown.text, re.DOTALL)
        assert match, f"no form matches in {shown.text}"
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', match[2])
        filled = {name: unescape(value) for name, value in hidden} | values
        return self._follow(self.client.post(unescape(match[1]), data=filled))

    @property
    def is_signed_in(self) -> bool:
        return "You are signed in as" in self.open("/account").text

    def sign_in(self, user: User, path: str = "/sign-in") -> httpx.Response:
        return self.submit(self.open(path), email=user.email, password=user.password)

    def _follow(self, answer: httpx.Response) -> httpx.Response:
        while answer.is_redirect and answer.headers["Location"].startswith("/"):
            answer = self.client.get(answer.headers["Location"])
        return answer


@dataclass
class Flow:
    """An authorization request of a client, and the steps up to its tokens."""

    client_id: str = "app"
    redirect_uri: str = CALLBACK
    scope: str = "openid email"
    secret: str | None = SECRET
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=secrets.token_hex)

    def path(self, **changes: str | None) -> str:
        """Return the path of the request, without the parameters that are None."""
        asked = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": self.scope,
            "state": self.state,
            "code_challenge": hashed(self.verifier),
            "code_challenge_method": "S256",
            **changes,
        }
        request = {name: value for name, value in asked.items() if value is not None}
        return f"/oauth2/authorize?{urlencode(request)}"

    def code(self, browser: Browser, **changes: str | None) -> str:
        """Return the code that a signed-in browser brings back."""
        return str(redirect_parameters(browser.open(self.path(**changes)))["code"])

    def redeem(self, client: httpx.Client, code: str, /, **changes: str | None) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
            "client_id": self.client_id,
            "client_secret": self.secret,
            **changes,
        }
        form_data = {name: value for name, value in form.items() if value is not None}
        return client.post("/oauth2/token", data=form_data)

    def tokens(self, client: httpx.Client, browser: Browser, **changes: str | None) -> Any:
        answer = self.redeem(client, self.code(browser, **changes))
        assert answer.status_code == 200, answer.text
        return answer.json()


def redirect_parameters(answer: httpx.Response) -> dict[str, str]:
    """Return the parameters of the redirect to a client."""
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query, strict_parsing=True))


def sent_form(answer: httpx.Response) -> tuple[str, dict[str, str]]:
    """Return the address and the fields of the form that takes an answer to the client."""
    assert answer.status_code == 200, answer.text
    action = re.search('<form method="post" action="([^"]*)" data-submit>', answer.text)
    assert action, answer.text
    fields = re.findall('<input type="hidden" name="([^"]*)" value="([^"]*)">', answer.text)
    return unescape(action[1]), {name: unescape(value) for name, value in fields}


class RelyingParty:
    """An application on loopback with Authlib's client, used as Authlib's documentation shows."""

    def __init__(self) -> None:
        self.port = 0
        self.signed_in: dict[str, Any] = {}
        self.failed = ""
        self.oauth = OAuth()
        # The application has a single user, so a single session is enough.
        self._session: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def registration(self) -> dict[str, Any]:
        return {
            "client_id": "relying-party",
            "name": "Web Shop",
            "secret_sha256": hashed(SECRET),
            "redirect_uris": [f"{self.url}/callback"],
            "post_logout_redirect_uris": [f"{self.url}/bye"],
        }

    def trust(self, issuer: str) -> None:
        self.oauth.register(
            "auth",
            client_id="relying-party",
            client_secret=SECRET,
            server_metadata_url=f"{issuer}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
        )

    @contextmanager
    def running(self) -> Iterator["RelyingParty"]:
        routes = [
            Route("/", self._login),
            Route("/callback", self._callback, methods=["GET", "POST"]),
            Route("/bye", self._bye),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=0, log_level="warning"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not server.started:
            assert time.monotonic() < deadline, "the relying party did not start"
            time.sleep(0.01)
        self.port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join(timeout=10)

    async def _login(self, request: Request) -> Response:
        request.scope["session"] = self._session
        answer: Response = await self.oauth.auth.authorize_redirect(
            request, f"{self.url}/callback", **request.query_params
        )
        return answer

    async def _callback(self, request: Request) -> Response:
        request.scope["session"] = self._session
        tokens = await self.oauth.auth.authorize_access_token(request)
        self.signed_in = dict(tokens)
        userinfo = await self.oauth.auth.userinfo(token=tokens)
        self.signed_in["fetched"] = dict(userinfo)
        return JSONResponse({"signed in": userinfo["email"]})

    async def _bye(self, _: Request) -> Response:
        return JSONResponse({"signed in": None})


def form_token(shown: httpx.Response) -> str:
    """Return the CSRF token of a page."""
    match = re.search('name="csrf_token" value="([^"]*)"', shown.text)
    assert match, f"no form in {shown.text}"
    return match[1]


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def parameter(url: str, name: str) -> str:
    return parse_qs(urlsplit(url).query)[name][0]


def refresh(client: httpx.Client, token: str, **more: str) -> httpx.Response:
    form_data = {"grant_type": "refresh_token", "refresh_token": token, **more}
    return client.post("/oauth2/token", data=form_data, auth=("app", SECRET))


def claims_of(client: httpx.Client, token: str, algorithm: str = "ES256") -> dict[str, Any]:
    """Verify an ID token with the published keys, as a client does, and return its claims."""
    keys = KeySet.import_key_set(client.get("/.well-known/jwks.json").json())
    decoded = jwt.decode(token, keys, registry=JWSRegistry(algorithms=[algorithm]))
    assert decoded.header["typ"] == "JWT"
    return dict(decoded.claims)
