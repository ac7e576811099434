"""A stock OpenID Connect client and a browser at the service of a clone's stack."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import chromium
import httpx
from applications import RelyingParty
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait
from users import PASSWORD, User

from tests.testbed.clone import Clone

_SECONDS = 30
_CLIENTS = "auth:serviceSecrets.AUTH_CLIENTS"


@contextmanager
def known_application(clone: Clone) -> Iterator[RelyingParty]:
    """Give an application that the service knows from the next update on, until the next after it.

    It is in the stack's encrypted settings.
    """
    chromium.ensure()
    with RelyingParty().running() as application:
        file = clone.path / ".local" / "clients.json"
        file.write_text(json.dumps([application.registration]))
        # it takes the place of the example in Pulumi.local.yaml, so that goes
        assert clone.shell(f"pulumi config set --secret --path {_CLIENTS} < {file}").status == 0
        configuration = clone.path / "Pulumi.local.yaml"
        before = configuration.read_text()
        empty = "  auth:serviceSettings: {}\n"
        configuration.write_text(before.partition("  # an application to try")[0] + empty)
        try:
            yield application
        finally:
            configuration.write_text(before)
            file.unlink()
            assert clone.shell(f"pulumi config rm --path {_CLIENTS}").status == 0


def signs_in_by_browser(application: RelyingParty, url: str) -> None:
    """Register a person, and sign that person in to the application, whose client checks all."""
    application.trust(url)
    with httpx.Client(base_url=url, timeout=30) as client:
        user = User.registered(client)

    with chromium.browser() as chrome:
        wait = WebDriverWait(chrome, _SECONDS)
        chrome.get(application.url)
        chrome.find_element(By.ID, "email").send_keys(user.email)
        chrome.find_element(By.ID, "password").send_keys(PASSWORD)
        chrome.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
        wait.until(lambda page: page.title == "Allow Web Shop?", "consent was not asked for")
        chrome.find_element(By.CSS_SELECTOR, "button[value=allow]").click()
        wait.until(lambda page: "/callback" in page.current_url, "it did not come back")

    # Authlib has checked signature, issuer, audience, nonce, times
    assert application.signed_in["userinfo"]["iss"] == url
    assert application.signed_in["fetched"]["email"] == user.email
