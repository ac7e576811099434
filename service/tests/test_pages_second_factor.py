"""The step after the password on the sign-in page."""

import base64
import json
import re
import time
from collections.abc import Iterator

import httpx
import pyotp
import pytest
from applications import SETTINGS, Browser, Flow
from people import Person
from running import Server

SERVER_SETTINGS = {**SETTINGS, "AUTH_ISSUER": "http://auth.example.test"}


@pytest.fixture(name="browser")
def _browser(server: Server) -> Iterator[Browser]:
    with Browser(server.url) as browser:
        yield browser


@pytest.fixture(name="app")
def _app(client: httpx.Client) -> tuple[Person, pyotp.TOTP]:
    """Give somebody with an authenticator app, whose next code was not used yet."""
    person = Person.signed_in(client)
    app = pyotp.TOTP(person.post("/v1/me/totp").json()["secret"])
    assert person.post("/v1/me/totp/confirm", code=app.at(int(time.time()) - 30)).is_success
    return person, app


def test_the_code_is_asked_for_after_the_password_and_the_application_is_told(
    client: httpx.Client, browser: Browser, app: tuple[Person, pyotp.TOTP]
) -> None:
    flow = Flow()
    asked = browser.sign_in(app[0], flow.path())
    assert "<h1>One more step</h1>" in asked.text
    assert "<h1>Sign in</h1>" in browser.open("/account").text, "the password alone signed in"

    answer = browser.submit(asked, code=app[1].now())

    code = re.search("code=([^&]*)", answer.headers["Location"])
    assert code
    payload = flow.redeem(client, code[1]).json()["id_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert claims["acr"] == "aal2"


def test_a_wrong_code_may_be_corrected_and_after_too_many_the_password_is_asked_for_again(
    browser: Browser, app: tuple[Person, pyotp.TOTP]
) -> None:
    wrong = f"{(int(app[1].now()) + 500_000) % 1_000_000:06}"
    shown = browser.sign_in(app[0])

    for _ in range(5):
        shown = browser.submit(shown, code=wrong)
        assert shown.status_code == 422
        assert "<h1>One more step</h1>" in shown.text
        assert "The code or the key is wrong" in shown.text
    shown = browser.submit(shown, code=app[1].now())

    assert "<h1>Sign in</h1>" in shown.text
    assert "Please sign in again" in shown.text
