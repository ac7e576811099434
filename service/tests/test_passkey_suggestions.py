"""Passkeys among the browser's suggestions on the sign-in page (WebAuthn Level 3, §5.1.4).

The virtual authenticator takes a suggestion at once, like a user, unless it has no passkey.
"""

from collections.abc import Iterator
from typing import Any

import chromium
import httpx
import pytest
from callers import client as caller
from running import Server
from test_pages_passkeys import PAGE, Pages
from users import User

# A secure context without TLS.
SERVER_SETTINGS = {
    "AUTH_ISSUER": "http://localhost:{port}",
    "AUTH_RATE_LIMITS": "login=20/3600",
    "AUTH_TRUSTED_PROXIES": "127.0.0.1",
}
_OFFER = "/sign-in/passkey/offer"
# Lists the page's requests for a passkey: the challenge, the error at its end, and whether the page
# had ended those before. Chromium ends them by itself, other browsers refuse the later request.
_WATCH = """
window.requests = [];
const signals = [];
const get = navigator.credentials.get.bind(navigator.credentials);
navigator.credentials.get = (options) => {
  const challenge = String(new Uint8Array(options.publicKey.challenge));
  const alone = signals.every((signal) => signal.aborted);
  const request = { mediation: options.mediation ?? "", challenge, alone, end: "" };
  signals.push(...(options.signal ? [options.signal] : []));
  window.requests.push(request);
  const answer = get(options);
  answer.catch((error) => { request.end = error.name; });
  return answer;
};
"""
# The minutes of a page that stays open pass in half a second.
_SOON = """
const wait = window.setTimeout;
window.setTimeout = (work, time) => wait(work, Math.min(time, 500));
"""
_ASK = """
const [options, done] = arguments;
const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
navigator.credentials.get({publicKey}).then(made => done(made.toJSON()), error => done(`${error}`));
"""


@pytest.fixture(name="pages")
def _pages(server: Server) -> Iterator[Pages]:
    chromium.ensure()
    with chromium.browser() as driver, chromium.authenticator(driver):
        chromium.run_first(driver, _WATCH)
        pages = Pages(driver, f"http://localhost:{server.port}")
        yield pages
        assert not chromium.complaints(driver)


@pytest.fixture(name="ada")
def _ada(client: httpx.Client, pages: Pages) -> User:
    """Return a user with a passkey, who is signed out of the browser."""
    ada = User.registered(client)
    pages.sign_in(ada)
    pages.shows("Signed in")
    pages.add_passkey()
    pages.sign_out()
    return ada


def requests(pages: Pages) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = pages.driver.execute_script("return window.requests")
    return listed


def asks(pages: Pages, number: int) -> None:
    pages.until(lambda _: len(requests(pages)) >= number, f"there were not {number} requests")


def user_waits(pages: Pages) -> None:
    """Let the user neither take a suggestion nor answer a prompt from now on."""
    _set_presence(pages, present=False)


def user_acts(pages: Pages) -> None:
    _set_presence(pages, present=True)


def _set_presence(pages: Pages, *, present: bool) -> None:
    simulated = {"authenticatorId": pages.driver.virtual_authenticator_id, "enabled": present}
    pages.driver.execute_cdp_cmd("WebAuthn.setAutomaticPresenceSimulation", simulated)


def test_a_suggested_passkey_signs_in_without_the_button(pages: Pages, ada: User) -> None:
    pages.open(f"/sign-in?next={PAGE}")

    pages.shows("Second factor")
    assert ada.mailed("A second factor was added")


def test_the_button_signs_in_past_a_suggestion(pages: Pages, ada: User) -> None:
    user_waits(pages)
    pages.open(f"/sign-in?next={PAGE}")
    asks(pages, 1)
    user_acts(pages)
    pages.press("Sign in with a passkey")

    pages.shows("Second factor")
    assert ada.mailed("A second factor was added")


@pytest.mark.usefixtures("ada")
def test_the_button_ends_the_suggestion_before_its_own_request(pages: Pages) -> None:
    user_waits(pages)
    pages.open(f"/sign-in?next={PAGE}")
    asks(pages, 1)
    field = pages.driver.find_element("id", "email")
    assert field.get_attribute("autocomplete") == "username webauthn"
    assert requests(pages)[0]["mediation"] == "conditional"

    pages.press("Sign in with a passkey")
    asks(pages, 2)
    assert [request["alone"] for request in requests(pages)] == [True, True]
    assert requests(pages)[0]["end"] == "AbortError"


def test_a_button_that_fails_brings_the_suggestion_back(pages: Pages) -> None:
    pages.open("/sign-in")
    asks(pages, 1)
    pages.press("Sign in with a passkey")

    asks(pages, 3)
    assert [request["mediation"] for request in requests(pages)] == [
        "conditional",
        "",
        "conditional",
    ]


def test_a_page_that_stays_open_renews_its_challenge(pages: Pages, ada: User) -> None:
    user_waits(pages)
    chromium.run_first(pages.driver, _SOON)
    pages.open(f"/sign-in?next={PAGE}")
    asks(pages, 3)
    first, second, *_ = requests(pages)

    assert first["end"] == "AbortError"
    assert first["challenge"] != second["challenge"]
    user_acts(pages)
    pages.shows("Second factor")
    assert ada.mailed("A second factor was added")


def test_a_browser_without_an_offer_shows_no_problem_and_takes_the_button(
    pages: Pages, ada: User
) -> None:
    pages.driver.execute_cdp_cmd("Network.enable", {})
    pages.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": [f"*{_OFFER}"]})
    pages.open(f"/sign-in?next={PAGE}")

    pages.press("Sign in with a passkey")

    pages.shows("Second factor")
    assert ada.mailed("A second factor was added")


def test_an_offer_is_answered_once(server: Server, pages: Pages, ada: User) -> None:
    pages.open("/version")
    with caller(server, "203.0.113.1") as client:
        offer = client.get(_OFFER).json()
        signed = pages.driver.execute_async_script(_ASK, offer["webauthn"])
        body = {"challenge": offer["challenge"], "credential": signed}
        first = client.post("/v1/auth/login/passkey", json=body)
        again = client.post("/v1/auth/login/passkey", json=body)

    assert first.status_code == 200, first.text
    assert again.json()["code"] == "invalid_challenge"
    assert ada.mailed("A second factor was added")


@pytest.mark.parametrize("change", ["later", "past", "earlier", "other"])
def test_an_offer_with_another_end_or_name_is_refused(
    server: Server, pages: Pages, ada: User, change: str
) -> None:
    pages.open("/version")
    with caller(server, "203.0.113.2") as client:
        offer = client.get(_OFFER).json()
        signed = pages.driver.execute_async_script(_ASK, offer["webauthn"])
        end, _, name = offer["challenge"].partition(".")
        token = {
            "later": f"{int(end) + 3600}.{name}",
            "past": f"{int(end) - 3600}.{name}",
            "earlier": f"{int(end) - 1}.{name}",
            "other": f"{end}.{name[::-1]}",
        }[change]
        body = {"challenge": token, "credential": signed}
        refused = client.post("/v1/auth/login/passkey", json=body)

    expected = "invalid_challenge" if change in {"later", "past"} else "invalid_factor"
    assert refused.json()["code"] == expected
    assert ada.mailed("A second factor was added")


def test_an_offer_counts_as_no_attempt_and_is_not_stored(server: Server) -> None:
    tables = ("challenges", "audit_events", "rate_limits")
    before = [server.count(table) for table in tables]
    with caller(server, "203.0.113.3") as client:
        offers = [client.get(_OFFER) for _ in range(40)]

    assert {offer.status_code for offer in offers} == {200}
    assert len({offer.json()["webauthn"]["challenge"] for offer in offers}) == 40
    assert [server.count(table) for table in tables] == before
