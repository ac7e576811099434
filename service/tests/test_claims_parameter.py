"""Claims that an application asks for by name (OIDC Core §5.5), and the levels of a sign-in."""

import json
import secrets
from typing import Any

import httpx
import pytest
from applications import (
    REGISTERED,
    WITH_ISSUER,
    Browser,
    Flow,
    bearer,
    claims_of,
    hashed,
    redirect_parameters,
    refresh,
)
from second_factor_users import SecondFactorUser
from users import User

FEW_CALLBACK = "https://few.example.test/callback"
FEW = {
    "client_id": "few",
    "name": "Few Rights",
    "first_party": True,
    "secret_sha256": hashed("few"),
    "redirect_uris": [FEW_CALLBACK],
    "scopes": ["openid", "address", "phone"],
}
SERVER_SETTINGS = {**WITH_ISSUER, "AUTH_CLIENTS": json.dumps([*REGISTERED, FEW])}
SECOND_FACTOR = {"id_token": {"acr": {"essential": True, "values": ["aal2"]}}}


@pytest.fixture(name="user")
def _user(client: httpx.Client) -> User:
    return User.signed_in(client)


def identity(client: httpx.Client, tokens: dict[str, Any]) -> dict[str, Any]:
    return claims_of(client, tokens["id_token"])


def userinfo(client: httpx.Client, tokens: dict[str, Any]) -> Any:
    return client.get("/userinfo", headers=bearer(tokens)).json()


def third() -> Flow:
    uri = "https://third.example.test/callback"
    return Flow(client_id="third", redirect_uri=uri, scope="openid", secret=None)


def few() -> Flow:
    return Flow(client_id="few", redirect_uri=FEW_CALLBACK, scope="openid", secret="few")


def test_the_claims_of_scopes_come_from_userinfo_and_not_in_the_id_token(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    """Core §5.4: with an access token for userinfo, the claims of the scopes are there."""
    client.patch("/v1/me", json={"name": "Ada"}, headers=user.bearer)

    tokens = Flow(scope="openid profile email").tokens(client, browser)

    assert identity(client, tokens).keys().isdisjoint({"name", "email", "email_verified"})
    assert userinfo(client, tokens)["email"] == user.email


def test_a_claim_comes_where_it_is_asked_for_and_nowhere_else(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    client.patch("/v1/me", json={"name": "Ada"}, headers=user.bearer)
    asked = {"userinfo": {"name": None}, "id_token": {"email": {"essential": True}}}

    tokens = Flow(scope="openid").tokens(client, browser, claims=json.dumps(asked))

    assert identity(client, tokens)["email"] == user.email
    assert "name" not in identity(client, tokens)
    assert userinfo(client, tokens) == {"sub": identity(client, tokens)["sub"], "name": "Ada"}


def test_a_refresh_gives_the_claims_that_the_sign_in_asked_for(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    asked = {"userinfo": {"email": None}, "id_token": {"email": None}}
    tokens = Flow(scope="openid").tokens(client, browser, claims=json.dumps(asked))

    refreshed = refresh(client, tokens["refresh_token"]).json()

    assert identity(client, refreshed)["email"] == user.email
    assert userinfo(client, refreshed)["email"] == user.email


@pytest.mark.parametrize(
    "asked",
    [
        {"id_token": {"shoe_size": {"essential": True}, "address": None}},
        {"id_token": {"email": {"shoe_size": 47}}, "shoe": {"email": None}},
        {"userinfo": {"given_name": None, "https://example.test/x": {"value": {"a": [1]}}}},
        {},
    ],
    ids=str,
)
def test_a_claim_that_nobody_knows_is_left_out(
    client: httpx.Client, browser: Browser, asked: dict[str, Any]
) -> None:
    """Core §5.5: the answer does without, and it is no error, even for an essential claim."""
    plain = Flow(scope="openid").tokens(client, browser)

    tokens = Flow(scope="openid").tokens(client, browser, claims=json.dumps(asked))

    extra = identity(client, tokens).keys() - identity(client, plain).keys()
    assert extra <= {"email", "email_verified"} & asked.get("id_token", {}).keys()
    assert userinfo(client, tokens).keys() == {"sub"}


@pytest.mark.parametrize(
    "claims",
    [
        "x",
        "[]",
        '"email"',
        '{"id_token": []}',
        '{"id_token": {"email": true}}',
        '{"id_token": {"email": {"essential": "yes"}}}',
        '{"id_token": {"acr": {"values": "aal2"}}}',
        '{"id_token":' * 900,
        '{"userinfo": {"%s": null}}' % ("x" * 4096),
    ],
    ids=lambda text: text[:40],
)
def test_a_broken_claims_parameter_is_an_error(browser: Browser, claims: str) -> None:
    answer = browser.client.get(Flow().path(claims=claims))

    assert redirect_parameters(answer)["error"] == "invalid_request"


def test_the_user_agrees_to_a_claim_as_to_its_scope(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    """Nobody else's application reads the address because it asks for it by another name."""
    browser.submit(browser.open(third().path()), decision="allow")
    claims = json.dumps({"id_token": {"email": None}})

    silent = redirect_parameters(browser.client.get(third().path(claims=claims, prompt="none")))
    flow = third()
    shown = browser.open(flow.path(claims=claims))
    answer = redirect_parameters(browser.submit(shown, decision="allow"))

    assert silent["error"] == "consent_required"
    assert "See your e-mail address" in shown.text
    tokens = flow.redeem(client, answer["code"]).json()
    assert identity(client, tokens)["email"] == user.email
    assert tokens["scope"] == "openid"
    assert "code" in redirect_parameters(browser.open(third().path(claims=claims, prompt="none")))


def test_a_client_gets_no_claim_of_a_scope_that_it_is_not_registered_for(
    client: httpx.Client, browser: Browser
) -> None:
    asked = {"userinfo": {"email": None}, "id_token": {"email": {"essential": True}}}

    tokens = few().tokens(client, browser, claims=json.dumps(asked))

    assert "email" not in identity(client, tokens)
    assert userinfo(client, tokens).keys() == {"sub"}


def test_address_and_phone_are_ignored_since_the_service_stores_neither(
    client: httpx.Client, browser: Browser
) -> None:
    discovery = client.get("/.well-known/openid-configuration").json()

    tokens = few().tokens(client, browser, scope="openid address phone")

    assert tokens["scope"] == "openid"
    assert {"address", "phone"}.isdisjoint(discovery["scopes_supported"])


@pytest.mark.parametrize("member", ["value", "values"])
def test_a_client_may_ask_for_a_user_by_the_sub(browser: Browser, user: User, member: str) -> None:
    """A MUST of Core §3.1.2.2: no token for another user, signed in or not."""
    own = user.get("/v1/me").json()["id"]

    def answered(subject: str) -> dict[str, str]:
        entry = {member: [subject] if member == "values" else subject}
        claims = json.dumps({"id_token": {"sub": entry}})
        return redirect_parameters(browser.client.get(Flow().path(claims=claims, prompt="none")))

    assert "code" in answered(own)
    assert answered(secrets.token_hex(16))["error"] == "login_required"


def test_a_sub_that_is_no_text_is_nobody(browser: Browser) -> None:
    claims = json.dumps({"id_token": {"sub": {"value": 5}}})

    answer = browser.client.get(Flow().path(claims=claims, prompt="none"))

    assert redirect_parameters(answer)["error"] == "login_required"


def test_a_hint_and_a_sub_of_two_users_give_no_code(client: httpx.Client, browser: Browser) -> None:
    own = Flow(scope="openid").tokens(client, browser)["id_token"]
    claims = json.dumps({"id_token": {"sub": {"value": secrets.token_hex(16)}}})

    answer = browser.client.get(Flow().path(claims=claims, id_token_hint=own, prompt="none"))

    assert redirect_parameters(answer)["error"] == "login_required"


def test_an_essential_level_that_the_user_can_not_reach_is_an_error(browser: Browser) -> None:
    """Core §5.5.1.1: it counts as a failed sign-in."""
    answer = browser.client.get(Flow().path(claims=json.dumps(SECOND_FACTOR)))

    parameters = redirect_parameters(answer)
    assert parameters["error"] == "unmet_authentication_requirements"
    assert "code" not in parameters


def test_the_consent_form_gets_no_code_without_the_essential_level(browser: Browser) -> None:
    shown = browser.open(third().path())
    query = third().path(claims=json.dumps(SECOND_FACTOR)).partition("?")[2]

    answer = browser.submit(shown, query=query, decision="allow")

    assert redirect_parameters(answer)["error"] == "unmet_authentication_requirements"


def test_an_essential_second_factor_is_asked_for_and_reported(
    client: httpx.Client, stranger: Browser
) -> None:
    ada = SecondFactorUser.enrolled(client)
    flow = Flow()

    asked = stranger.sign_in(ada, flow.path(claims=json.dumps(SECOND_FACTOR)))
    answer = redirect_parameters(stranger.submit(asked, code=ada.code()))

    tokens = flow.redeem(client, answer["code"]).json()
    assert identity(client, tokens)["acr"] == "aal2"


def test_an_essential_lower_level_is_reported_as_it_was_asked_for(
    client: httpx.Client, stranger: Browser
) -> None:
    """A MUST of Core §5.5.1.1: the `acr` is one of the values that were asked for."""
    ada = SecondFactorUser.enrolled(client)
    stranger.submit(stranger.sign_in(ada), code=ada.code())
    wanted = {"id_token": {"acr": {"essential": True, "value": "aal1"}}}

    tokens = Flow().tokens(client, stranger, claims=json.dumps(wanted))

    assert identity(client, tokens)["acr"] == "aal1"


@pytest.mark.parametrize(
    "changes",
    [
        {"acr_values": "aal2 aal1"},
        {"acr_values": "urn:nothing"},
        {"claims": json.dumps({"id_token": {"acr": {"values": ["aal2"]}}})},
    ],
    ids=str,
)
def test_a_level_that_is_only_wished_for_refuses_nobody(
    client: httpx.Client, browser: Browser, changes: dict[str, str]
) -> None:
    """Core §3.1.2.1: acr_values are voluntary; the ID token holds the level that was reached."""
    tokens = Flow().tokens(client, browser, **changes)

    assert identity(client, tokens)["acr"] == "aal1"


def test_discovery_lists_the_claims_parameter(client: httpx.Client) -> None:
    discovery = client.get("/.well-known/openid-configuration").json()

    assert discovery["claims_parameter_supported"] is True
