"""The pages in German, in a real browser on a small phone."""

import json
from urllib.parse import urlencode

import axe
import chromium
import httpx
import pytest
from applications import REGISTERED, Flow
from running import Server
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait
from users import PASSWORD, User

# without TLS, where the browser sends cookies back all the same
SERVER_SETTINGS = {
    "AUTH_ISSUER": "http://localhost:{port}",
    "AUTH_CLIENTS": json.dumps(REGISTERED),
}
_SECONDS = 15
_PHONE = {"width": 320, "height": 568, "deviceScaleFactor": 1, "mobile": True}
_ACCOUNT_PAGES = {
    "/account": "Angemeldet",
    "/account/identities": "Andere Anbieter",
    "/account/devices": "Geräte und Sitzungen",
}


def choose(chrome: Chrome, code: str) -> None:
    chrome.find_element(By.CSS_SELECTOR, f"footer a[hreflang={code}]").click()
    WebDriverWait(chrome, _SECONDS).until(
        lambda page: page.find_element(By.TAG_NAME, "html").get_attribute("lang") == code,
        f"the page is not in {code!r}",
    )


def assert_fits_and_breaks_no_rule(chrome: Chrome) -> None:
    assert axe.violations(chrome) == [], chrome.title
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= 320, chrome.title


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_german_pages_fit_on_a_small_phone_and_break_no_rule_of_accessibility(
    server: Server, client: httpx.Client, *, dark: bool
) -> None:
    user = User.registered(client)
    with chromium.browser(size=(500, 640), dark=dark) as chrome:
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", _PHONE)
        chrome.get(f"http://localhost:{server.port}/sign-in")
        choose(chrome, "de")
        assert chrome.title == "Anmelden"
        assert_fits_and_breaks_no_rule(chrome)

        fill_in(chrome, "nobody@example.test")
        assert chrome.title == "Fehler: Anmelden"
        assert_fits_and_breaks_no_rule(chrome)

        fill_in(chrome, user.email)
        for path, title in _ACCOUNT_PAGES.items():
            chrome.get(f"http://localhost:{server.port}{path}")
            assert chrome.title == title
            assert_fits_and_breaks_no_rule(chrome)
        assert not chromium.complaints(chrome)


def test_the_language_is_chosen_below_a_page_without_javascript(server: Server) -> None:
    target = Flow().path()
    with chromium.browser(javascript=False) as chrome:
        chrome.get(f"http://localhost:{server.port}/sign-in?{urlencode({'next': target})}")
        choose(chrome, "de")

        assert chrome.find_element(By.TAG_NAME, "h1").text == "Anmelden"
        sent = chrome.find_element(By.CSS_SELECTOR, "form input[name=next]")
        assert sent.get_attribute("value") == target
        # after a refused form, too
        fill_in(chrome, "nobody@example.test")
        choose(chrome, "es")

        assert chrome.find_element(By.TAG_NAME, "h1").text == "Iniciar sesión"
        sent = chrome.find_element(By.CSS_SELECTOR, "form input[name=next]")
        assert sent.get_attribute("value") == target


def fill_in(chrome: Chrome, email: str) -> None:
    """Send the form of the sign-in page, and wait for the next page."""
    page = chrome.find_element(By.TAG_NAME, "html")
    field = chrome.find_element(By.ID, "email")
    field.clear()
    field.send_keys(email)
    chrome.find_element(By.ID, "password").send_keys(PASSWORD)
    chrome.find_element(By.CSS_SELECTOR, "form[action='/sign-in'] button[type=submit]").click()
    WebDriverWait(chrome, _SECONDS).until(
        lambda later: later.find_element(By.TAG_NAME, "html") != page, "no other page came"
    )
