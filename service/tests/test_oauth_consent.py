"""What users are asked before an application that is not ours learns of them."""

import httpx
from applications import WITH_ISSUER, Browser, Flow, answered

SERVER_SETTINGS = WITH_ISSUER
THIRD = "https://third.example.test/callback"


def third(scope: str = "openid") -> Flow:
    return Flow(client_id="third", redirect_uri=THIRD, scope=scope, secret=None)


def test_another_ones_client_needs_consent_once_for_each_scope(browser: Browser) -> None:
    asked = browser.open(third().path())
    assert "Somebody &lt;b&gt;Else&lt;/b&gt;" in asked.text
    assert "Know who you are" in asked.text

    assert "code" in answered(browser.submit(asked, decision="allow"))
    assert "code" in answered(browser.open(third().path()))
    assert "See your e-mail address" in browser.open(third("openid email").path()).text
    assert "Allow" in browser.open(third().path(prompt="consent")).text


def test_who_says_no_is_sent_back_with_that_and_is_asked_again_next_time(
    browser: Browser,
) -> None:
    refused = browser.submit(browser.open(third().path()), decision="deny")

    assert answered(refused)["error"] == "access_denied"
    assert "Allow" in browser.open(third().path()).text


def test_prompt_none_says_that_consent_is_needed(browser: Browser) -> None:
    told = answered(browser.client.get(third().path(prompt="none")))

    assert told["error"] == "consent_required"


def test_the_consent_form_grants_nothing_that_is_not_registered(browser: Browser) -> None:
    shown = browser.open(third().path())
    forged = shown.text.replace("scope=openid", "scope=openid+orders:write")
    assert forged != shown.text

    answer = browser.submit(httpx.Response(200, text=forged), decision="allow")

    assert answered(answer)["error"] == "invalid_scope"
