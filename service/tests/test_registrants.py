"""A registration that somebody else made gives nobody an account with a known password."""

import httpx
import pytest
from applications import ISSUER, Browser
from second_factor_users import SecondFactorUser
from users import User

SERVER_SETTINGS = {"AUTH_ISSUER": ISSUER}
SUBJECT = "Confirm your e-mail address"
NEW = "a brand new passphrase"


def verify(client: httpx.Client, token: str, **more: str) -> httpx.Response:
    return client.post("/v1/auth/verify-email", json={"token": token, **more})


def test_a_link_alone_does_not_prove_the_address_of_a_registration(client: httpx.Client) -> None:
    eve = User.signed_in(client)
    token = eve.token_mailed(SUBJECT)

    answer = verify(client, token)

    assert (answer.status_code, answer.json()["code"]) == (403, "password_required")
    assert eve.get("/v1/me").json()["email_verified"] is False
    assert verify(client, token, password=eve.password).status_code == 204, "it is used up"


def test_another_password_ends_all_that_the_registrant_had(client: httpx.Client) -> None:
    eve = SecondFactorUser.enrolled(client)

    answer = verify(client, eve.token_mailed(SUBJECT), password=NEW)

    assert answer.status_code == 204, answer.text
    assert eve.get("/v1/me").status_code == 401
    assert not eve.can_sign_in()
    ada = User(client, eve.email, NEW)
    assert ada.can_sign_in(), "a factor of the registrant is left"


def test_another_password_follows_the_rules(client: httpx.Client) -> None:
    eve = User.signed_in(client)

    answer = verify(client, eve.token_mailed(SUBJECT), password="password1")

    assert answer.json()["code"] == "password_refused"
    assert eve.get("/v1/me").json()["email_verified"] is False


def test_the_password_of_the_registration_leaves_the_sessions(client: httpx.Client) -> None:
    ada = User.signed_in(client)

    assert verify(client, ada.token_mailed(SUBJECT), password=ada.password).status_code == 204

    assert ada.get("/v1/me").json()["email_verified"] is True


def test_an_access_token_of_the_account_is_enough_and_another_is_not(client: httpx.Client) -> None:
    ada, eve = User.signed_in(client), User.signed_in(client)
    body = {"token": ada.token_mailed(SUBJECT)}

    foreign = client.post("/v1/auth/verify-email", json=body, headers=eve.bearer)
    own = client.post("/v1/auth/verify-email", json=body, headers=ada.bearer)

    assert (foreign.status_code, own.status_code) == (403, 204)


def registered_in(browser: Browser) -> User:
    with httpx.Client(base_url=browser.url) as client:
        ada = User(client)
    form = browser.open("/register")
    browser.submit(form, email=ada.email, password=ada.password)
    return User(browser.client, ada.email)


@pytest.mark.parametrize("signed_in", [False, True], ids=["registered here", "signed in"])
def test_the_browser_of_the_registrant_only_confirms(
    stranger: Browser, client: httpx.Client, signed_in: bool
) -> None:
    if signed_in:
        ada = User.registered(client)
        stranger.sign_in(ada)
    else:
        ada = registered_in(stranger)
    shown = stranger.open(f"/verify-email?token={ada.token_mailed(SUBJECT)}")

    assert 'type="password"' not in shown.text
    assert "Thank you" in stranger.submit(shown).text


def test_another_browser_is_asked_for_the_password(stranger: Browser, client: httpx.Client) -> None:
    eve = User.signed_in(client)
    # her own registration of the same address gives the browser nothing
    stranger.submit(stranger.open("/register"), email=eve.email, password=NEW)

    shown = stranger.open(f"/verify-email?token={eve.token_mailed(SUBJECT)}")
    bare = stranger.submit(shown)
    weak = stranger.submit(bare, password="password1")
    done = stranger.submit(weak, password=NEW)

    assert 'type="password"' in shown.text
    assert (bare.status_code, weak.status_code) == (422, 422)
    assert "Thank you" in done.text
    assert eve.get("/v1/me").status_code == 401
    assert User(client, eve.email, NEW).can_sign_in()
