"""Registration on the pages."""

import re
import uuid
from html import unescape

import httpx
import pytest
from applications import WITH_ISSUER, Browser, Flow, parameter, redirect_parameters
from running import Server
from users import PASSWORD, User

SERVER_SETTINGS = WITH_ISSUER
CONFIRM = "Confirm your e-mail address"


@pytest.fixture(name="browser")
def _browser(stranger: Browser) -> Browser:
    """Return a browser without a sign-in."""
    return stranger


def follow(browser: Browser, shown: httpx.Response, text: str) -> httpx.Response:
    """Follow the link with this text."""
    match = re.search(f'<a href="([^"]*)">{text}</a>', shown.text)
    assert match, shown.text
    return browser.open(unescape(match[1]))


def test_a_registration_from_an_application_leads_back_to_it(
    client: httpx.Client, browser: Browser
) -> None:
    ada = User(client, f"{uuid.uuid4().hex}@example.test")
    flow = Flow()

    form = follow(browser, browser.open(flow.path()), "Create an account")
    assert "to continue to <strong>The App</strong>" in form.text
    made = browser.submit(form, email=ada.email, password=ada.password)
    assert ada.token_mailed(CONFIRM)
    sign_in = follow(browser, made, "Sign in")
    answer = browser.submit(sign_in, email=ada.email, password=ada.password)
    code = redirect_parameters(answer)["code"]

    assert flow.redeem(client, code).status_code == 200


@pytest.mark.parametrize(
    ("link", "path"), [("Forgot it\\?", "/forgot-password"), ("Create an account", "/register")]
)
def test_the_way_back_to_the_application_is_kept(browser: Browser, link: str, path: str) -> None:
    asked = Flow().path()
    there = follow(browser, browser.open(asked), link)
    assert there.url.path == path

    back = follow(browser, there, "Back to sign in" if "forgot" in path else "Sign in")

    assert parameter(str(back.url), "next") == asked


def test_an_address_that_has_an_account_looks_the_same_and_its_password_stays(
    browser: Browser, user: User
) -> None:
    new = f"{uuid.uuid4().hex}@example.test"
    form = browser.open("/register")

    taken = browser.submit(form, email=user.email, password="another password it is")
    free = browser.submit(form, email=new, password="another password it is")

    assert taken.status_code == free.status_code == 200
    assert taken.text.replace(user.email, "") == free.text.replace(new, "")
    assert user.can_sign_in()


def test_the_rate_limit_of_mail_reveals_no_account(own_server: Server) -> None:
    own_server.settings = {"AUTH_RATE_LIMITS": ""}
    own_server.start()
    left = []
    with httpx.Client(base_url=own_server.url) as client:
        ada = User.registered(client)
        ada.mailed(CONFIRM)
        own_server.execute("DELETE FROM rate_limits")
        for user in (ada, User(client)):
            client.post("/v1/auth/register", json=user.credentials)
            user.mailed(CONFIRM if user is not ada else "You have an account already")
            answer = client.post("/v1/auth/password/forgot", json={"email": user.email})
            left.append(re.findall('"mail_account";r=([0-9]+)', answer.headers["RateLimit"]))

    assert left[0] == left[1] == ["3"]


@pytest.mark.parametrize(
    ("email", "password", "reason"),
    [
        ("nobody", PASSWORD, "This is not an e-mail address."),
        ("", "", "This is not an e-mail address."),
        ("a@example.test", "short", "A password has 8 to 128 characters."),
        ("a@example.test", "\ud7ff" * 200, "A password has 8 to 128 characters."),
        ("a@example.test", "password1", "The password is too common"),
    ],
)
def test_a_refused_account_shows_the_form_again_with_the_reason(
    browser: Browser, email: str, password: str, reason: str
) -> None:
    shown = browser.submit(browser.open("/register"), email=email, password=password)

    assert shown.status_code == 422
    assert reason in shown.text
    assert f'value="{email}"' in shown.text
    assert PASSWORD not in shown.text
