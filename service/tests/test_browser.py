"""The sign-in page in a real browser, and an application's whole flow on loopback."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import axe
import chromium
import httpx
import pytest
from applications import RelyingParty
from running import Server
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait
from users import PASSWORD, User

_SECONDS = 15
# WCAG 2.2 §1.4.3, level AA
_CONTRAST = 4.5
_ACCOUNT_PAGES = (
    "/account",
    "/account/profile",
    "/account/password",
    "/account/devices",
    "/account/data",
    "/admin/users",
    "/admin/audit",
    "/admin/clients",
)
# Names the file of the README's picture; without it, no test writes into the work tree.
_SCREENSHOT = "AUTH_SCREENSHOT"
_REMEMBER_TYPE = (
    "const [field] = arguments;"
    "field.form.addEventListener('submit', () => { sessionStorage.type = field.type; });"
)


@pytest.fixture(scope="module", name="application")
def _application(
    tmp_path_factory: pytest.TempPathFactory, key: str
) -> Iterator[tuple[RelyingParty, Server]]:
    """Yield an application that signs in with a server, both on loopback."""
    chromium.ensure()
    with RelyingParty().running() as application:
        server = Server(
            data=tmp_path_factory.mktemp("browser"),
            key=key,
            issues_as_itself=True,
            settings={
                "AUTH_CLIENTS": json.dumps([application.registration]),
                "AUTH_LOCKOUT_AFTER": "100",
            },
        )
        server.start()
        application.trust(server.url)
        yield application, server
        server.stop()


@pytest.fixture(name="user")
def _user(application: tuple[RelyingParty, Server]) -> Iterator[User]:
    with httpx.Client(base_url=application[1].url, timeout=30) as client:
        yield User.registered(client)


@pytest.fixture(
    name="chrome",
    params=[{}, {"javascript": False}, {"dark": True}],
    ids=["light", "without-javascript", "dark"],
)
def _chrome(request: pytest.FixtureRequest) -> Iterator[Chrome]:
    chromium.ensure()
    with chromium.browser(**request.param) as chrome:
        yield chrome


def until(chrome: Chrome, condition: Callable[[Chrome], bool], complaint: str) -> None:
    WebDriverWait(chrome, _SECONDS).until(
        condition, f"{complaint}; it shows {chrome.title!r} at {chrome.current_url}"
    )


def fill_in(chrome: Chrome, email: str, password: str) -> None:
    field = chrome.find_element(By.ID, "email")
    field.clear()
    field.send_keys(email)
    chrome.find_element(By.ID, "password").send_keys(password)
    chrome.find_element(By.CSS_SELECTOR, "button[type=submit]").click()


def test_a_user_signs_in_to_an_application_after_a_wrong_password_and_out_again(
    chrome: Chrome, application: tuple[RelyingParty, Server], user: User
) -> None:
    relying_party, server = application
    relying_party.signed_in = {}

    chrome.get(relying_party.url)
    assert chrome.title == "Sign in to Web Shop"
    assert chrome.switch_to.active_element.get_attribute("id") == "email"

    fill_in(chrome, user.email, "wrong password")
    until(chrome, lambda page: page.title.startswith("Error: "), "the error was not shown")
    problem = chrome.find_element(By.CSS_SELECTOR, "[role=alert]")
    assert problem.text == "The e-mail address or the password is wrong."
    assert chrome.find_element(By.ID, "email").get_attribute("value") == user.email
    assert chrome.find_element(By.ID, "password").get_attribute("value") == ""

    fill_in(chrome, user.email, PASSWORD)
    until(chrome, lambda page: page.title == "Allow Web Shop?", "consent was not asked for")
    chrome.find_element(By.CSS_SELECTOR, "button[value=allow]").click()
    until(chrome, lambda page: "/callback" in page.current_url, "it did not come back")
    assert user.email in chrome.page_source
    assert relying_party.signed_in["fetched"]["email"] == user.email

    chrome.get(f"{server.url}/account")
    chrome.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    until(chrome, lambda page: page.title == "Signed out", "it did not sign out")
    assert not chromium.complaints(chrome)


@pytest.mark.parametrize("javascript", [True, False], ids=["by itself", "by a button"])
def test_an_application_gets_its_answer_as_a_form(
    application: tuple[RelyingParty, Server], user: User, javascript: bool
) -> None:
    relying_party, _ = application
    relying_party.signed_in = {}
    with chromium.browser(javascript=javascript) as chrome:
        chrome.get(f"{relying_party.url}/?response_mode=form_post")
        fill_in(chrome, user.email, PASSWORD)
        until(chrome, lambda page: page.title == "Allow Web Shop?", "consent was not asked for")
        chrome.find_element(By.CSS_SELECTOR, "button[value=allow]").click()
        if not javascript:
            until(chrome, lambda page: page.title == "Back to the application", "no answer came")
            chrome.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
        until(chrome, lambda page: page.current_url.endswith("/callback"), "it did not come back")

        assert relying_party.signed_in["fetched"]["email"] == user.email
        assert not chromium.complaints(chrome)


def test_the_page_is_done_with_the_keyboard_alone(
    application: tuple[RelyingParty, Server], user: User
) -> None:
    with chromium.browser() as chrome:
        chrome.get(f"{application[1].url}/sign-in")
        chrome.switch_to.active_element.send_keys(user.email, "\ue004")
        chrome.switch_to.active_element.send_keys(PASSWORD, "\ue007")

        until(chrome, lambda page: page.title == "Signed in", "it did not sign in")


def test_the_api_description_is_shown_and_nothing_is_loaded_from_elsewhere(
    application: tuple[RelyingParty, Server],
) -> None:
    with chromium.browser() as chrome:
        chrome.get(f"{application[1].url}/docs")
        operation = (By.CSS_SELECTOR, "[data-path='/v1/auth/login']")
        until(chrome, lambda page: bool(page.find_elements(*operation)), "no operation was shown")

        script = "return performance.getEntriesByType('resource').map(entry => entry.name)"
        loaded = chrome.execute_script(script)
        assert loaded
        assert all(name.startswith((application[1].url, "data:")) for name in loaded)
        assert not chromium.complaints(chrome)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_has_enough_contrast_with_its_background(
    application: tuple[RelyingParty, Server], *, dark: bool
) -> None:
    with chromium.browser(dark=dark) as chrome:
        chrome.get(application[0].url)
        fill_in(chrome, "nobody@example.test", "wrong password")
        until(chrome, lambda page: page.title.startswith("Error: "), "the error was not shown")
        ground = chrome.execute_script("return getComputedStyle(document.body).backgroundColor")
        ratios = dict(chrome.execute_script(_RATIOS))

    assert sum(_channels(ground)) < 384 if dark else sum(_channels(ground)) > 384
    assert len(ratios) >= 8
    assert {text: ratio for text, ratio in ratios.items() if ratio < _CONTRAST} == {}


def test_the_page_fits_on_a_small_phone(application: tuple[RelyingParty, Server]) -> None:
    with chromium.browser(size=(500, 640)) as chrome:
        metrics = {"width": 320, "height": 568, "deviceScaleFactor": 1, "mobile": True}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        chrome.get(application[0].url)

        wide = chrome.execute_script("return document.documentElement.scrollWidth")

    assert wide <= 320


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_of_an_account_are_readable_on_a_small_phone(
    application: tuple[RelyingParty, Server], user: User, *, dark: bool
) -> None:
    _, server = application
    server.execute(f"UPDATE accounts SET role = 'admin' WHERE email = '{user.email}'")  # noqa: S608
    user.sign_in()
    with chromium.browser(size=(500, 640), dark=dark) as chrome:
        metrics = {"width": 320, "height": 568, "deviceScaleFactor": 1, "mobile": True}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        chrome.get(f"{server.url}/account/devices")
        fill_in(chrome, user.email, PASSWORD)
        until(chrome, lambda page: page.title == "Devices and sessions", "it did not come back")
        for path in _ACCOUNT_PAGES:
            chrome.get(f"{server.url}{path}")
            ratios = dict(chrome.execute_script(_RATIOS))
            assert {text: ratio for text, ratio in ratios.items() if ratio < _CONTRAST} == {}, path
            wide = chrome.execute_script("return document.documentElement.scrollWidth")
            assert wide <= 320, path
        assert not chromium.complaints(chrome)


def test_the_sign_in_page_breaks_no_rule_of_accessibility(
    application: tuple[RelyingParty, Server],
) -> None:
    with chromium.browser() as chrome:
        chrome.get(application[0].url)
        fill_in(chrome, "nobody@example.test", "wrong password")
        until(chrome, lambda page: page.title.startswith("Error: "), "the error was not shown")

        assert axe.violations(chrome) == []


def test_the_pages_of_an_account_break_no_rule_of_accessibility(
    application: tuple[RelyingParty, Server], user: User
) -> None:
    _, server = application
    server.execute(f"UPDATE accounts SET role = 'admin' WHERE email = '{user.email}'")  # noqa: S608
    with chromium.browser() as chrome:
        chrome.get(f"{server.url}/account/devices")
        fill_in(chrome, user.email, PASSWORD)
        until(chrome, lambda page: page.title == "Devices and sessions", "it did not come back")
        for path in (*_ACCOUNT_PAGES, "/account/second-factor", "/device", "/dev/mails"):
            chrome.get(f"{server.url}{path}")
            assert axe.violations(chrome) == [], path


def test_a_password_is_shown_at_a_wish_and_sent_all_the_same(
    application: tuple[RelyingParty, Server], user: User
) -> None:
    with chromium.browser() as chrome:
        chrome.get(f"{application[1].url}/sign-in")
        chrome.find_element(By.ID, "email").send_keys(user.email)
        password = chrome.find_element(By.ID, "password")
        password.send_keys(PASSWORD)
        button = chrome.find_element(By.CSS_SELECTOR, "button.reveal")
        assert (password.get_attribute("type"), button.text) == ("password", "Show password")

        button.click()

        assert (password.get_attribute("type"), button.text) == ("text", "Hide password")
        chrome.execute_script(_REMEMBER_TYPE, password)
        password.send_keys("\ue007")
        until(chrome, lambda page: page.title == "Signed in", "it did not sign in")
        # a browser might store the text of a field that it sends shown
        assert chrome.execute_script("return sessionStorage.type") == "password"


def test_the_page_is_drawn(application: tuple[RelyingParty, Server], tmp_path: Path) -> None:
    """Draw the README's picture as well, if AUTH_SCREENSHOT names its file."""
    with chromium.browser(size=(720, 800)) as chrome:
        chrome.get(application[0].url)
        # without the caret, which blinks
        chrome.execute_script("document.activeElement.blur()")
        picture = Path(os.environ.get(_SCREENSHOT) or tmp_path / "sign-in.png")
        assert chrome.save_screenshot(str(picture))

    assert picture.stat().st_size > 4096, "there is nothing on it"


def _channels(colour: str) -> list[int]:
    return [int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]


# WCAG's contrast ratio of each text with the first ground that is not transparent.
_RATIOS = """
const light = colour => {
  const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(value => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = element => {
  const colour = getComputedStyle(element).backgroundColor;
  return colour === "rgba(0, 0, 0, 0)" ? ground(element.parentElement) : colour;
};
return [...document.querySelectorAll("h1, p, strong, label, a, button, input:not([type=hidden])")]
  .map(element => {
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return [`${element.tagName} ${element.id || element.textContent}`, ratio];
  });
"""
