"""The step after the password on the sign-in page."""

import base64
import json
import re

import httpx
import pytest
from applications import WITH_ISSUER, Browser, Flow
from second_factor_users import SecondFactorUser

SERVER_SETTINGS = WITH_ISSUER


@pytest.fixture(name="browser")
def _browser(stranger: Browser) -> Browser:
    """Return a browser without a sign-in."""
    return stranger


@pytest.fixture(name="ada")
def _ada(client: httpx.Client) -> SecondFactorUser:
    return SecondFactorUser.enrolled(client)


def test_the_code_comes_after_the_password_and_the_application_learns_of_it(
    client: httpx.Client, browser: Browser, ada: SecondFactorUser
) -> None:
    flow = Flow()
    asked = browser.sign_in(ada, flow.path())
    assert "<h1>One more step</h1>" in asked.text
    assert "<h1>Sign in</h1>" in browser.open("/account").text, "the password alone signed in"

    answer = browser.submit(asked, code=ada.code())

    code = re.search("code=([^&]*)", answer.headers["Location"])
    assert code
    payload = flow.redeem(client, code[1]).json()["id_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert claims["acr"] == "aal2"


def test_a_wrong_code_may_be_corrected_and_after_too_many_the_password_is_asked_for_again(
    browser: Browser, ada: SecondFactorUser
) -> None:
    shown = browser.sign_in(ada)

    for _ in range(5):
        shown = browser.submit(shown, code=ada.wrong_code())
        assert shown.status_code == 422
        assert "<h1>One more step</h1>" in shown.text
        assert "The code or the key is wrong" in shown.text
    shown = browser.submit(shown, code=ada.code())

    assert "<h1>Sign in</h1>" in shown.text
    assert "Please sign in again" in shown.text
