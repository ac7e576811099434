"""Passkeys on the pages, in a real browser: alone, and as a second factor."""

from collections.abc import Callable, Iterator

import chromium
import httpx
import pyotp
import pytest
from running import Server
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait
from users import PASSWORD, User

# A secure context without TLS.
SERVER_SETTINGS = {"AUTH_ISSUER": "http://localhost:{port}"}
PAGE = "/account/second-factor"
# The virtual authenticator would answer at once where a user takes a suggestion.
_WITHOUT_SUGGESTIONS = "delete PublicKeyCredential.isConditionalMediationAvailable"
_SECONDS = 15


class Pages:
    """The pages in a browser with passkeys."""

    def __init__(self, driver: Chrome, url: str) -> None:
        self.driver = driver
        self._url = url

    def open(self, path: str) -> None:
        self.driver.get(f"{self._url}{path}")

    def until(self, condition: Callable[[Chrome], bool], complaint: str) -> None:
        shown = f"{self.driver.title!r} at {self.driver.current_url}"
        WebDriverWait(self.driver, _SECONDS).until(condition, f"{complaint}; it shows {shown}")

    def shows(self, title: str) -> None:
        self.until(lambda page: page.title == title, f"{title!r} was not shown")

    def press(self, text: str) -> None:
        """Press the button with this text, once it is visible."""
        button = (By.XPATH, f"//button[normalize-space()='{text}']")
        self.until(lambda page: page.find_element(*button).is_displayed(), f"no {text!r}")
        self.driver.find_element(*button).click()

    def sign_in(self, user: User) -> None:
        self.open("/sign-in")
        self.driver.find_element(By.ID, "email").send_keys(user.email)
        self.driver.find_element(By.ID, "password").send_keys(PASSWORD)
        self.press("Sign in")

    def add_passkey(self, name: str = "") -> list[str]:
        """Add a passkey for the signed-in user; return the recovery codes that the page shows."""
        self.open(PAGE)
        self.driver.find_element(By.ID, "name").send_keys(name)
        self.press("Add a passkey")
        self.shows("Recovery codes")
        return [code.text for code in self.driver.find_elements(By.TAG_NAME, "code")]

    def sign_out(self) -> None:
        self.open("/account")
        self.press("Sign out")
        self.shows("Signed out")


@pytest.fixture(name="pages")
def _pages(server: Server) -> Iterator[Pages]:
    chromium.ensure()
    with chromium.browser() as driver, chromium.authenticator(driver):
        chromium.run_first(driver, _WITHOUT_SUGGESTIONS)
        pages = Pages(driver, f"http://localhost:{server.port}")
        yield pages
        assert not chromium.complaints(driver)


@pytest.fixture(name="ada")
def _ada(client: httpx.Client, pages: Pages) -> User:
    """Return a user who is signed in with the browser."""
    ada = User.registered(client)
    pages.sign_in(ada)
    pages.shows("Signed in")
    return ada


def test_a_passkey_that_was_added_signs_in_alone(pages: Pages, ada: User) -> None:
    codes = pages.add_passkey("Ada's laptop")
    assert len(codes) == 10
    pages.open(PAGE)
    assert "Ada's laptop" in pages.driver.page_source
    pages.sign_out()

    pages.open(f"/sign-in?next={PAGE}")
    pages.press("Sign in with a passkey")

    pages.shows("Second factor")
    assert ada.mailed("A second factor was added")


def test_a_passkey_is_the_second_factor_after_the_password(pages: Pages, ada: User) -> None:
    pages.add_passkey()
    pages.sign_out()

    pages.sign_in(ada)
    pages.shows("One more step")
    pages.press("Use a passkey")

    pages.shows("Signed in")


def test_an_invalid_signature_shows_the_step_again_with_the_passkey(
    pages: Pages, ada: User
) -> None:
    pages.add_passkey()
    pages.sign_out()
    pages.sign_in(ada)
    pages.shows("One more step")

    pages.driver.execute_script(
        "const form = document.querySelector('form[data-passkey]');"
        "form.elements.credential.value = '{}';"
        "form.submit();"
    )
    pages.shows("Error: One more step")
    pages.press("Use a passkey")

    pages.shows("Signed in")


def test_a_browser_without_passkeys_shows_a_message_instead_of_the_request(
    pages: Pages, ada: User
) -> None:
    pages.add_passkey()
    pages.sign_out()
    source = "delete PublicKeyCredential.parseRequestOptionsFromJSON"
    chromium.run_first(pages.driver, source)
    pages.sign_in(ada)
    pages.shows("One more step")

    assert "This browser takes no passkeys" in pages.driver.find_element(By.TAG_NAME, "main").text
    assert not pages.driver.find_element(By.CSS_SELECTOR, "[data-passkey]").is_displayed()


def test_a_form_that_is_sent_twice_in_a_row_is_sent_once(pages: Pages, ada: User) -> None:
    pages.open(PAGE)
    pages.press("Add an authenticator app")
    pages.shows("Authenticator app")
    secret = pages.driver.find_element(By.CSS_SELECTOR, ".key code").text
    pages.driver.find_element(By.ID, "code").send_keys(pyotp.TOTP(secret).now())

    # on a line so slow that the first form is still under way at the second
    slow = {"offline": False, "latency": 600, "downloadThroughput": -1, "uploadThroughput": -1}
    pages.driver.execute_cdp_cmd("Network.enable", {})
    pages.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    pages.driver.execute_script(
        "const form = document.querySelector('form');"
        "form.requestSubmit(); setTimeout(() => form.requestSubmit(), 200);"
    )

    pages.shows("Recovery codes")
    assert ada.mailed("A second factor was added")


def test_a_device_that_has_a_passkey_already_gets_a_message(pages: Pages, ada: User) -> None:
    pages.add_passkey()
    pages.open(PAGE)
    pages.press("Add a passkey")

    pages.until(
        lambda page: "has a passkey for this account" in page.switch_to.active_element.text,
        f"no message to {ada.email}",
    )


def test_a_passkey_is_taken_away_and_the_password_is_enough_again(pages: Pages, ada: User) -> None:
    pages.add_passkey()
    pages.open(PAGE)

    pages.press("Remove")

    pages.until(lambda page: "password alone" in page.page_source, "it was not taken away")
    assert ada.can_sign_in()


def test_a_browser_without_the_passkey_shows_a_message_and_takes_the_password(
    pages: Pages, ada: User
) -> None:
    pages.sign_out()
    pages.open("/sign-in")
    pages.press("Sign in with a passkey")

    problem = (By.CSS_SELECTOR, "[role=alert]")
    pages.until(
        lambda page: "No passkey was used." in page.find_element(*problem).text, "no message"
    )
    pages.driver.find_element(By.ID, "email").send_keys(ada.email)
    pages.driver.find_element(By.ID, "password").send_keys(PASSWORD)
    pages.press("Sign in")
    pages.shows("Signed in")
