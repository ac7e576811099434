"""The use of tokens: introspection, revocation, userinfo, and the places that refuse them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from applications import ISSUER, SECRET, WITH_ISSUER, Browser, Flow, bearer, parameter
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from running import Server
from users import User

SERVER_SETTINGS = WITH_ISSUER
APP, ROBOT = ("app", SECRET), ("robot", SECRET)


@pytest.fixture(name="user")
def _user(client: httpx.Client) -> User:
    return User.signed_in(client)


def introspect(client: httpx.Client, token: str, by: tuple[str, str] = ROBOT) -> Any:
    answer = client.post("/oauth2/introspect", data={"token": token}, auth=by)
    assert answer.status_code == 200, answer.text
    return answer.json()


def revoke(client: httpx.Client, token: str, by: tuple[str, str] = APP) -> httpx.Response:
    return client.post("/oauth2/revoke", data={"token": token}, auth=by)


def test_any_confidential_client_may_introspect_an_access_token(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    tokens = Flow(scope="openid email orders:read").tokens(client, browser)

    token_facts = introspect(client, tokens["access_token"])

    assert token_facts["active"] is True
    assert token_facts["scope"] == "openid email orders:read"
    assert token_facts["client_id"] == "app"
    assert token_facts["username"] == user.email
    assert token_facts["exp"] - token_facts["iat"] == 600


def test_introspection_shows_the_address_only_if_the_scopes_allow(
    client: httpx.Client, browser: Browser
) -> None:
    tokens = Flow(scope="openid").tokens(client, browser)

    assert "username" not in introspect(client, tokens["access_token"])


def test_only_its_own_client_may_introspect_a_refresh_token(
    client: httpx.Client, browser: Browser
) -> None:
    token = Flow().tokens(client, browser)["refresh_token"]

    assert introspect(client, token, APP)["active"] is True
    assert introspect(client, token, ROBOT) == {"active": False}


@pytest.mark.parametrize("is_active", [True, False])
def test_the_answer_is_signed_for_a_client_that_accepts_a_jwt(
    client: httpx.Client, browser: Browser, is_active: bool
) -> None:
    """RFC 9701 §5: for the asking client alone, and of no use as an access token."""
    access_token = Flow().tokens(client, browser)["access_token"] if is_active else "unknown"

    answer = client.post(
        "/oauth2/introspect",
        data={"token": access_token},
        auth=ROBOT,
        headers={"Accept": "application/token-introspection+jwt"},
    )

    assert answer.headers["Content-Type"] == "application/token-introspection+jwt"
    keys = KeySet.import_key_set(client.get("/.well-known/jwks.json").json())
    signed = jwt.decode(answer.text, keys, registry=JWSRegistry(algorithms=["RS256"]))
    assert signed.header["typ"] == "token-introspection+jwt"
    assert set(signed.claims) == {"iss", "aud", "iat", "token_introspection"}
    assert (signed.claims["iss"], signed.claims["aud"]) == (ISSUER, "robot")
    assert signed.claims["token_introspection"] == introspect(client, access_token)
    as_access_token = bearer({"access_token": answer.text})
    assert client.get("/userinfo", headers=as_access_token).status_code == 401


def test_a_clients_own_token_is_active(client: httpx.Client) -> None:
    form_data = {"grant_type": "client_credentials"}
    token = client.post("/oauth2/token", data=form_data, auth=ROBOT).json()["access_token"]

    token_facts = introspect(client, token)

    assert token_facts["active"] is True
    assert token_facts["sub"] == token_facts["client_id"] == "robot"


@pytest.mark.parametrize("token", ["x", "a.b.c", "x" * 9000])
def test_an_invalid_token_is_inactive_without_any_detail(client: httpx.Client, token: str) -> None:
    assert introspect(client, token) == {"active": False}


def test_other_callers_than_confidential_clients_may_not_introspect(
    client: httpx.Client, user: User
) -> None:
    token = user.tokens["access_token"]
    public = client.post("/oauth2/introspect", data={"token": token, "client_id": "native"})
    nobody = client.post("/oauth2/introspect", data={"token": token})

    assert public.json()["error"] == nobody.json()["error"] == "invalid_client"
    assert public.status_code == nobody.status_code == 401


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_both(
    client: httpx.Client, browser: Browser, which: str
) -> None:
    tokens = Flow().tokens(client, browser)

    assert revoke(client, tokens[which]).status_code == 200

    assert introspect(client, tokens["access_token"]) == {"active": False}
    assert introspect(client, tokens["refresh_token"], APP) == {"active": False}
    assert client.get("/userinfo", headers=bearer(tokens)).status_code == 401


def test_a_token_of_another_client_is_left_alone(client: httpx.Client, browser: Browser) -> None:
    tokens = Flow().tokens(client, browser)

    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert revoke(client, token, ROBOT).status_code == 200

    assert introspect(client, tokens["access_token"])["active"] is True


def test_revoking_an_unknown_token_is_no_error(client: httpx.Client) -> None:
    assert revoke(client, "unknown").status_code == 200


def test_revoking_a_clients_own_access_token_is_refused(
    client: httpx.Client,
) -> None:
    form_data = {"grant_type": "client_credentials"}
    token = client.post("/oauth2/token", data=form_data, auth=ROBOT).json()["access_token"]

    assert revoke(client, token, ROBOT).json()["error"] == "unsupported_token_type"


def test_logging_out_everywhere_ends_the_sessions_of_applications_and_browsers(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    tokens = Flow().tokens(client, browser)

    assert user.post("/v1/auth/logout-all").status_code == 204

    assert introspect(client, tokens["access_token"]) == {"active": False}
    assert "<h1>Sign in</h1>" in browser.open("/account").text


def test_userinfo_holds_the_claims_of_the_scopes(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    client.patch("/v1/me", json={"name": "Ada"}, headers=user.bearer)
    identity = user.get("/v1/me").json()["id"]
    little = Flow(scope="openid").tokens(client, browser)
    much = Flow(scope="openid profile email").tokens(client, browser)

    assert client.get("/userinfo", headers=bearer(little)).json() == {"sub": identity}
    assert client.post("/userinfo", headers=bearer(much)).json() == {
        "sub": identity,
        "name": "Ada",
        "email": user.email,
        "email_verified": False,
    }


def test_userinfo_takes_the_token_in_a_form(client: httpx.Client, browser: Browser) -> None:
    tokens = Flow().tokens(client, browser)
    form_data = {"access_token": tokens["access_token"]}

    by_form = client.post("/userinfo", data=form_data)

    assert by_form.json() == client.get("/userinfo", headers=bearer(tokens)).json()
    # RFC 6750 §2.2: not with GET, and not in two ways
    assert client.get("/userinfo", params=form_data).status_code == 401
    both = client.post("/userinfo", data=form_data, headers=bearer(tokens))
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("form_data", [{}, {"access_token": "wrong"}])
def test_userinfo_refuses_a_form_without_a_good_token(
    client: httpx.Client, form_data: dict[str, str]
) -> None:
    answer = client.post("/userinfo", data={"other": "x", **form_data})

    assert answer.status_code == 401
    assert ('error="invalid_token"' in answer.headers["WWW-Authenticate"]) is bool(form_data)


def test_userinfo_without_the_scope_openid_names_the_missing_scope(
    client: httpx.Client, browser: Browser
) -> None:
    tokens = Flow(scope="email").tokens(client, browser)

    answer = client.get("/userinfo", headers=bearer(tokens))

    assert answer.status_code == 403
    assert answer.json()["code"] == "insufficient_scope"
    assert 'scope="openid"' in answer.headers["WWW-Authenticate"]


def test_an_id_token_opens_nothing(client: httpx.Client, browser: Browser) -> None:
    tokens = Flow().tokens(client, browser)
    header = {"Authorization": f"Bearer {tokens['id_token']}"}

    assert client.get("/userinfo", headers=header).status_code == 401
    assert client.get("/v1/me", headers=header).status_code == 401
    assert introspect(client, tokens["id_token"]) == {"active": False}


def test_the_audit_log_names_the_refused_client_and_no_secret(
    server: Server, client: httpx.Client
) -> None:
    client.post(
        "/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=("robot", "wrong-and-secret"),
    )

    assert '"event": "oauth.client_refused"' in server.log
    assert "wrong-and-secret" not in server.log
    assert SECRET not in server.log


def test_the_audit_log_links_the_sign_in_with_each_of_its_applications(
    server: Server, client: httpx.Client, browser: Browser
) -> None:
    tokens = Flow().tokens(client, browser)

    session = introspect(client, tokens["access_token"])["sid"]
    events = [line for line in server.log.splitlines() if '"message": "audit"' in line]
    assert any('"event": "login"' in line and '"page": "sign-in"' in line for line in events)
    assert any('"event": "oauth.session_started"' in line and session in line for line in events)


def test_logging_out_everywhere_voids_a_code_on_its_way(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    flow = Flow()
    code = flow.code(browser)

    user.post("/v1/auth/logout-all")

    assert flow.redeem(client, code).json()["error"] == "invalid_grant"


def test_no_code_is_made_for_a_browser_while_it_is_logged_out_everywhere(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    flow = Flow()
    with ThreadPoolExecutor(21) as pool:
        # Several times, since a race is not lost each time.
        for _ in range(6):
            user.sign_in()
            browser.sign_in(user)
            asked = [pool.submit(browser.client.get, flow.path()) for _ in range(20)]
            pool.submit(user.post, "/v1/auth/logout-all").result()
            to = [answer.result().headers["Location"] for answer in asked]

            codes = [parameter(uri, "code") for uri in to if "code=" in uri]
            redeemed = [flow.redeem(client, code).status_code for code in codes]
            assert set(redeemed) <= {400}, "a code outlived the session that it was made for"
