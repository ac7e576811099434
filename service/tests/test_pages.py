"""Sign-in and sign-out on the pages, and the pages of mail links."""

import json
import time

import httpx
import pytest
from applications import ISSUER, WITH_ISSUER, Browser, Flow, form_token, redirect_parameters
from running import Server
from users import PASSWORD, User

SERVER_SETTINGS = WITH_ISSUER


@pytest.fixture(name="browser")
def _browser(stranger: Browser) -> Browser:
    """Return a browser without a sign-in."""
    return stranger


def test_the_right_password_signs_in_and_signing_out_undoes_that(
    browser: Browser, user: User
) -> None:
    account = browser.sign_in(user)
    assert user.email in account.text
    assert browser.is_signed_in

    assert "Signed out" in browser.submit(account).text

    assert not browser.is_signed_in


@pytest.mark.parametrize("path", ["/sign-in/passkey", "/sign-in/second-factor"])
def test_a_step_that_is_opened_as_a_page_begins_again(browser: Browser, path: str) -> None:
    assert "<h1>Sign in</h1>" in browser.open(path).text


def test_a_passkey_that_comes_too_late_is_to_be_shown_again(browser: Browser) -> None:
    signed = {"clientDataJSON": "AA", "authenticatorData": "AA", "signature": "AA"}
    credential = {"id": "AA", "rawId": "AA", "type": "public-key", "response": signed}
    form = browser.client.get("/sign-in")
    body = {"challenge": "gone", "credential": json.dumps(credential)}
    late = browser.client.post("/sign-in/passkey", data={**body, "csrf_token": form_token(form)})

    assert late.status_code == 422
    assert "Please sign in again." in late.text


def test_signing_in_changes_the_cookies_and_ends_the_session_before(
    browser: Browser, user: User
) -> None:
    browser.sign_in(user)
    before = dict(browser.client.cookies)
    browser.sign_in(user)
    after = dict(browser.client.cookies)
    assert before["auth-session"] != after["auth-session"]
    assert before["auth-form"] != after["auth-form"]

    browser.client.cookies.set("auth-session", before["auth-session"])
    browser.client.cookies = httpx.Cookies({"auth-session": before["auth-session"]})
    assert not browser.is_signed_in


def test_a_disabled_account_is_signed_out_everywhere(
    server: Server, browser: Browser, user: User
) -> None:
    browser.sign_in(user)
    server.execute(f"UPDATE accounts SET disabled_at = 1 WHERE email = '{user.email}'")  # noqa: S608

    assert not browser.is_signed_in
    assert "The account is disabled." in browser.sign_in(user).text


def test_failed_sign_ins_are_counted_and_locked_as_those_of_the_api(
    browser: Browser, user: User
) -> None:
    form = browser.open("/sign-in")
    for _ in range(6):
        browser.submit(form, email=user.email, password="another password")

    locked = browser.submit(form, email=user.email, password=PASSWORD)

    assert locked.status_code == 429
    assert locked.headers["Retry-After"]
    assert "Too many attempts. Try again in " in locked.text


def test_the_mailed_link_opens_a_page_that_sets_a_new_password(
    browser: Browser, user: User
) -> None:
    asked = browser.submit(browser.open("/forgot-password"), email=user.email)
    assert "Check your mail" in asked.text
    token = user.token_mailed("Set a new password")

    shown = browser.open(f"/reset-password?token={token}")
    weak = browser.submit(shown, password="password1")
    assert weak.status_code == 422
    done = browser.submit(weak, password="a new horse, a new battery")

    assert "Password changed" in done.text
    user.password = "a new horse, a new battery"
    assert user.can_sign_in()
    again = browser.submit(shown, password="another horse and battery")
    assert "This link was used already, or is too old." in again.text


def test_a_link_that_is_used_leads_to_a_new_one(browser: Browser, user: User) -> None:
    first = user.token_mailed("Confirm your e-mail address")
    used = browser.submit(browser.open("/verify-email?token=used"))
    assert "This link was used already, or is too old." in used.text
    assert 'href="/verify-email/again"' in used.text

    browser.submit(browser.open("/verify-email/again"), email=user.email)
    deadline = time.monotonic() + 10
    while (token := user.token_mailed("Confirm your e-mail address")) == first:
        assert time.monotonic() < deadline, "no other mail came"
        time.sleep(0.05)

    shown = browser.open(f"/verify-email?token={token}")
    assert "Thank you" in browser.submit(shown, password=user.password).text


def test_who_may_not_sign_in_before_the_address_is_confirmed_gets_a_link(
    own_server: Server,
) -> None:
    own_server.settings = {"AUTH_REQUIRE_VERIFIED_EMAIL": "true", "AUTH_ISSUER": ISSUER}
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client, Browser(own_server.url) as browser:
        refused = browser.sign_in(User.registered(client))

    assert refused.status_code == 403
    assert 'href="/verify-email/again?next=' in refused.text


def test_the_mailed_link_opens_a_page_that_confirms_the_address(
    browser: Browser, user: User
) -> None:
    token = user.token_mailed("Confirm your e-mail address")
    shown = browser.open(f"/verify-email?token={token}")
    user.sign_in()
    assert user.get("/v1/me").json()["email_verified"] is False, "opening a link is no consent"

    assert "Thank you" in browser.submit(shown, password=user.password).text

    assert user.get("/v1/me").json()["email_verified"] is True


def test_a_code_goes_to_the_client_and_into_no_log(
    server: Server, browser: Browser, user: User
) -> None:
    browser.sign_in(user)

    code = redirect_parameters(browser.open(Flow().path()))["code"]

    assert code not in server.log
    assert browser.client.cookies["auth-session"] not in server.log
