"""The authorization code flow, and the refusals of a code."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from applications import (
    CALLBACK,
    SECRET,
    WITH_ISSUER,
    Browser,
    Flow,
    RelyingParty,
    claims_of,
    hashed,
    redirect_parameters,
    refresh,
)
from running import Server
from users import PASSWORD, User

SERVER_SETTINGS = WITH_ISSUER


def test_authlibs_client_signs_a_user_in_knowing_nothing_but_the_issuer(on_sqlite: Server) -> None:
    with RelyingParty().running() as application:
        on_sqlite.issues_as_itself = True
        on_sqlite.settings = {"AUTH_CLIENTS": json.dumps([application.registration])}
        on_sqlite.start()
        application.trust(on_sqlite.url)
        with Browser(on_sqlite.url) as browser:
            user = User.registered(browser.client)
            # The application sends the browser here, with Authlib's request.
            start = httpx.get(application.url)
            asked = browser.open(start.headers["Location"].removeprefix(on_sqlite.url))
            consent = browser.submit(asked, email=user.email, password=PASSWORD)
            granted = browser.submit(consent, decision="allow")
            done = httpx.get(granted.headers["Location"])

    assert done.json() == {"signed in": user.email}
    identity = application.signed_in["userinfo"]
    assert identity["iss"] == on_sqlite.url
    assert identity["aud"] == "relying-party"
    assert identity["nonce"]
    assert application.signed_in["fetched"]["sub"] == identity["sub"]


def test_the_id_token_holds_the_time_and_method_of_the_sign_in(
    client: httpx.Client, browser: Browser
) -> None:
    tokens = Flow().tokens(client, browser, nonce="n-1")

    claims = claims_of(client, tokens["id_token"])
    assert claims["nonce"] == "n-1"
    assert claims["aud"] == "app"
    assert claims["amr"] == ["pwd"]
    assert claims["acr"] == "aal1"
    assert abs(claims["auth_time"] - time.time()) < 60
    assert tokens["scope"] == "openid email"


def test_discovery_lists_each_claim_of_an_id_token(client: httpx.Client, browser: Browser) -> None:
    discovery = client.get("/.well-known/openid-configuration").json()
    names = {"id_token": {"name": None, "email": None, "email_verified": None}}
    tokens = Flow(scope="openid").tokens(client, browser, nonce="n-1", claims=json.dumps(names))

    claims = claims_of(client, tokens["id_token"])
    assert claims.keys() - set(discovery["claims_supported"]) == set()


def test_without_the_scope_openid_there_is_no_id_token(
    client: httpx.Client, browser: Browser
) -> None:
    tokens = Flow(scope="orders:read").tokens(client, browser)

    assert "id_token" not in tokens
    assert tokens["scope"] == "orders:read"


def test_a_public_client_on_any_port_of_loopback_gets_tokens_without_a_secret(
    client: httpx.Client, browser: Browser
) -> None:
    flow = Flow(client_id="native", secret=None, redirect_uri="http://127.0.0.1:45678/callback")

    answer = browser.submit(browser.open(flow.path()), decision="allow")
    tokens = flow.redeem(client, redirect_parameters(answer)["code"]).json()

    assert tokens["refresh_token"]


def test_a_client_without_the_refresh_grant_gets_no_refresh_token(
    client: httpx.Client, server: Server, user: User
) -> None:
    flow = Flow(client_id="third", secret=None, redirect_uri="https://third.example.test/callback")
    with Browser(server.url) as browser:
        consent = browser.sign_in(user, flow.path())
        code = redirect_parameters(browser.submit(consent, decision="allow"))["code"]

    assert "refresh_token" not in flow.redeem(client, code).json()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"redirect_uri": CALLBACK + "/other"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": None}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": "robot"}, "unauthorized_client"),
        ({"client_id": "native", "client_secret": None}, "invalid_grant"),
        ({"code": "wrong"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
    ],
    ids=str,
)
def test_a_code_is_refused_with_anything_wrong_and_still_good_with_all_right(
    client: httpx.Client, browser: Browser, changes: dict[str, str | None], error: str
) -> None:
    flow = Flow()
    code = flow.code(browser)

    refused = flow.redeem(client, code, **changes)

    assert refused.json()["error"] == error
    assert refused.status_code == (401 if error == "invalid_client" else 400)
    assert refused.headers["Cache-Control"] == "no-store"
    assert SECRET not in refused.text
    assert flow.redeem(client, code).status_code == 200


def test_a_reused_code_ends_the_tokens_issued_for_it(
    client: httpx.Client, browser: Browser
) -> None:
    flow = Flow(scope="openid")
    code = flow.code(browser)
    tokens = flow.redeem(client, code).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert client.get("/userinfo", headers=bearer).status_code == 200

    again = flow.redeem(client, code)

    assert again.json()["error"] == "invalid_grant"
    assert client.get("/userinfo", headers=bearer).status_code == 401
    refreshed = refresh(client, tokens["refresh_token"])
    assert refreshed.json()["error"] == "invalid_grant"


def test_one_of_twenty_uses_of_a_code_at_once_succeeds(
    client: httpx.Client, browser: Browser
) -> None:
    flow = Flow()
    with ThreadPoolExecutor(20) as pool:
        # Several times, since a race is not lost each time.
        for code in [flow.code(browser) for _ in range(6)]:
            answers = list(pool.map(flow.redeem, [client] * 20, [code] * 20))

            assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19


def test_a_code_expires_within_a_minute(
    server: Server, client: httpx.Client, browser: Browser
) -> None:
    flow = Flow()
    code = flow.code(browser)
    server.execute(
        f"UPDATE oauth_codes SET expires_at = expires_at - 60 WHERE hash = '{hashed(code)}'"  # noqa: S608
    )

    assert flow.redeem(client, code).json()["error"] == "invalid_grant"


def test_a_changed_password_voids_a_code_that_was_made_before(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    flow = Flow()
    code = flow.code(browser)
    user.sign_in()
    changed = user.post(
        "/v1/auth/password/change",
        current_password=user.password,
        new_password="another horse, another battery",
    )
    assert changed.status_code == 204

    assert flow.redeem(client, code).json()["error"] == "invalid_grant"
