"""Logout tokens for applications whose sessions end (OpenID Connect Back-Channel Logout 1.0)."""

import json
import queue
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from applications import ISSUER, REGISTERED, SECRET, Browser, Flow, claims_of, refresh
from auth.clients import registration
from auth.clients.clients import ClientsError
from conftest import NewUrl
from joserfc import jwt
from joserfc.jwk import KeySet
from running import Server, answering
from users import User

EVENT = "http://schemas.openid.net/event/backchannel-logout"
# a scope of the application itself, whose name holds that of another
NO_OFFLINE = "no_offline_access_at_night"
_SECONDS = 20


class Listener:
    """The application's side: an address that stores the logout tokens, and answers as it is set.

    A redirect leads to the same server, where it would be seen as a second request.
    """

    def __init__(self) -> None:
        self.tokens: queue.Queue[str] = queue.Queue()
        self.answers: list[int] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                listener.tokens.put(parse_qs(body)["logout_token"][0])
                self.send_response(listener.answers.pop(0) if listener.answers else 204)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/logged-out"

    def next(self) -> str:
        return self.tokens.get(timeout=_SECONDS)


@pytest.fixture(scope="module", name="listener")
def _listener() -> Iterator[Listener]:
    listener = Listener()
    with answering(listener.server):
        yield listener


@pytest.fixture(scope="module", name="server")
def _server(
    tmp_path_factory: pytest.TempPathFactory, key: str, new_url: NewUrl, listener: Listener
) -> Iterator[Server]:
    """Yield a server with an application that gets logout tokens, and one that gets none."""
    folder = tmp_path_factory.mktemp("data")
    app, *others = REGISTERED
    scopes = [*app["scopes"], NO_OFFLINE]
    registered = [{**app, "backchannel_logout_uri": listener.url, "scopes": scopes}, *others]
    settings = {"AUTH_CLIENTS": json.dumps(registered), "AUTH_ISSUER": ISSUER}
    server = Server(data=folder, key=key, database=new_url(folder), settings=settings)
    server.start()
    yield server
    server.stop()


@pytest.fixture(name="user")
def _user(client: httpx.Client) -> User:
    return User.signed_in(client)


def read(client: httpx.Client, token: str) -> dict[str, Any]:
    """Verify a logout token as its specification asks for (§2.6), and return its claims."""
    keys = KeySet.import_key_set(client.get("/.well-known/jwks.json").json())
    signed = jwt.decode(token, keys)
    assert signed.header["typ"] == "logout+jwt"
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": "app"},
        exp={"essential": True},
        iat={"essential": True},
        jti={"essential": True},
    ).validate(signed.claims)
    assert signed.claims["events"] == {EVENT: {}}
    assert "nonce" not in signed.claims
    return dict(signed.claims)


@pytest.mark.parametrize("scope", ["openid", f"openid {NO_OFFLINE}"])
def test_a_sign_out_in_the_browser_logs_the_application_out(
    client: httpx.Client, browser: Browser, listener: Listener, scope: str
) -> None:
    tokens = Flow(scope=scope).tokens(client, browser)
    signed_in = claims_of(client, tokens["id_token"])

    browser.submit(browser.open("/sign-out"))

    notice = read(client, listener.next())
    assert (notice["sub"], notice["sid"]) == (signed_in["sub"], signed_in["sid"])
    assert refresh(client, tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_session_for_the_absence_of_its_user_goes_on_after_the_notice(
    client: httpx.Client, browser: Browser, listener: Listener
) -> None:
    """§2.7: refresh tokens with `offline_access` outlive a logout."""
    tokens = Flow(scope="openid offline_access").tokens(client, browser)

    browser.submit(browser.open("/sign-out"))

    assert read(client, listener.next())["sid"] == claims_of(client, tokens["id_token"])["sid"]
    assert refresh(client, tokens["refresh_token"]).status_code == 200


def log_out_everywhere(user: User, _: dict[str, Any]) -> httpx.Response:
    return user.post("/v1/auth/logout-all")


def delete_the_account(user: User, _: dict[str, Any]) -> httpx.Response:
    return user.client.delete("/v1/me", headers=user.bearer)


def revoke(user: User, tokens: dict[str, Any]) -> httpx.Response:
    form = {"token": tokens["refresh_token"]}
    return user.client.post("/oauth2/revoke", data=form, auth=("app", SECRET))


def end_the_session(user: User, tokens: dict[str, Any]) -> httpx.Response:
    session = claims_of(user.client, tokens["id_token"])["sid"]
    return user.client.delete(f"/v1/me/sessions/{session}", headers=user.bearer)


@pytest.mark.parametrize("end", [log_out_everywhere, delete_the_account, revoke, end_the_session])
def test_each_other_end_of_a_session_is_notified(
    client: httpx.Client,
    browser: Browser,
    user: User,
    listener: Listener,
    end: Callable[[User, dict[str, Any]], httpx.Response],
) -> None:
    tokens = Flow().tokens(client, browser)

    assert end(user, tokens).is_success

    assert read(client, listener.next())["sid"] == claims_of(client, tokens["id_token"])["sid"]


def test_the_end_of_another_applications_session_is_not_notified(
    client: httpx.Client, browser: Browser, user: User, listener: Listener, server: Server
) -> None:
    flow = Flow("native", "http://127.0.0.1/callback", secret=None)
    asked = browser.open(flow.path())
    code = httpx.URL(browser.submit(asked, decision="allow").headers["Location"]).params["code"]
    assert flow.redeem(client, code).status_code == 200

    log_out_everywhere(user, {})

    wait_until_none_is_left(server)
    assert listener.tokens.empty()


def test_a_client_that_is_away_gets_another_token_later(
    client: httpx.Client, browser: Browser, listener: Listener, server: Server
) -> None:
    Flow().tokens(client, browser)
    listener.answers.append(503)
    browser.submit(browser.open("/sign-out"))
    first = read(client, listener.next())

    server.execute("UPDATE logout_notices SET next_try_at = 0")
    second = read(client, listener.next())

    assert first["sid"] == second["sid"]
    assert first["jti"] != second["jti"]
    wait_until_none_is_left(server)


@pytest.mark.parametrize("status", [400, 302])
def test_a_client_that_refuses_is_not_asked_again_nor_somewhere_else(
    client: httpx.Client, browser: Browser, listener: Listener, server: Server, status: int
) -> None:
    Flow().tokens(client, browser)
    listener.answers.append(status)
    browser.submit(browser.open("/sign-out"))
    listener.next()

    wait_until_none_is_left(server)

    assert listener.tokens.empty()


def wait_until_none_is_left(server: Server) -> None:
    """Wait until the service has no notice any more."""
    deadline = time.monotonic() + _SECONDS
    while server.count("logout_notices"):
        assert time.monotonic() < deadline, "a notice is left"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "uri", ["ftp://app.example.org/", "http://app.example.org/", "com.example.app:/bye", "x"]
)
def test_an_address_that_takes_no_logout_token_is_not_registered(uri: str) -> None:
    with pytest.raises(ClientsError, match="backchannel_logout_uri"):
        registration.read(json.dumps([{**REGISTERED[0], "backchannel_logout_uri": uri}]))


def test_the_discovery_document_names_it(client: httpx.Client) -> None:
    document = client.get("/.well-known/openid-configuration").json()

    assert document["backchannel_logout_supported"]
    assert document["backchannel_logout_session_supported"]
