"""Adding second factors and taking them away on the pages, without JavaScript."""

import re
import time

import httpx
import pyotp
import pytest
from applications import WITH_ISSUER, Browser
from careful import Careful
from people import Person
from running import Server

SERVER_SETTINGS = WITH_ISSUER
PAGE = "/account/second-factor"
LONG_AGO = "authenticated_at = authenticated_at - 3600"
FORMS = (
    f"{PAGE}/app",
    f"{PAGE}/app/confirm",
    f"{PAGE}/app/remove",
    f"{PAGE}/passkeys/options",
    f"{PAGE}/passkeys",
    f"{PAGE}/passkeys/remove",
    f"{PAGE}/recovery-codes",
)


def begin(browser: Browser) -> tuple[httpx.Response, str]:
    """Begin to add an app; give the page that asks for a code, and the secret on it."""
    shown = browser.submit(browser.open(PAGE), f"{PAGE}/app")
    found = re.search("<code>([A-Z2-7]{32})</code>", shown.text)
    assert found, shown.text
    return shown, found[1]


def add_app(browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    """Add an app; give it, and the recovery codes that are shown."""
    shown, secret = begin(browser)
    totp = pyotp.TOTP(secret)
    added = browser.submit(shown, code=totp.now())
    return totp, re.findall("<code>([0-9a-z-]{19})</code>", added.text)


def later(totp: pyotp.TOTP) -> str:
    """Give a code of the next step, which was not used yet."""
    return totp.at(time.time() + 30)


def factors(person: Person) -> tuple[bool, int]:
    person.sign_in()
    has = person.get("/v1/me/second-factor").json()
    return has["totp"], has["recovery_codes_left"]


def change_session(server: Server, person: Person, change: str) -> None:
    """Change what is kept of the browser in which the person is signed in."""
    account = f"SELECT id FROM accounts WHERE email = '{person.email}'"  # noqa: S608
    server.execute(f"UPDATE browser_sessions SET {change} WHERE account_id = ({account})")  # noqa: S608


def token(shown: httpx.Response) -> str:
    found = re.search('name="csrf_token" value="([^"]*)"', shown.text)
    assert found
    return found[1]


def test_an_app_is_added_and_the_next_sign_in_asks_for_its_code(
    server: Server, browser: Browser, person: Person
) -> None:
    totp, codes = add_app(browser)
    assert len(codes) == 10
    assert "Remove the app" in browser.open(PAGE).text
    assert person.mailed("A second factor was added")

    with Browser(server.url) as again:
        asked = again.sign_in(person)
        assert "<h1>One more step</h1>" in asked.text
        again.submit(asked, code=later(totp))
        assert again.is_signed_in


def test_a_wrong_code_shows_the_same_secret_again_and_adds_nothing(
    browser: Browser, person: Person
) -> None:
    shown, secret = begin(browser)

    wrong = browser.submit(shown, code="12345")

    assert wrong.status_code == 422
    assert "The code or the key is wrong" in wrong.text
    assert secret in wrong.text
    assert factors(person) == (False, 0)
    codes = re.findall("[0-9a-z-]{19}", browser.submit(wrong, code=pyotp.TOTP(secret).now()).text)
    assert len(codes) == 10


def test_the_first_factor_ends_every_session_but_that_of_this_browser(
    server: Server, browser: Browser, person: Person
) -> None:
    person.sign_in()
    with Browser(server.url) as other:
        assert person.email in other.sign_in(person).text

        add_app(browser)

        assert not other.is_signed_in
    assert person.get("/v1/me").status_code == 401
    assert browser.is_signed_in
    assert "Remove the app" in browser.open(PAGE).text, "it counts as signed in with both factors"


def test_the_app_is_taken_away_with_a_code_and_its_recovery_codes_go_as_well(
    browser: Browser, person: Person
) -> None:
    _, codes = add_app(browser)
    form = browser.open(PAGE)

    refused = browser.submit(form, f"{PAGE}/app/remove", code="0000-0000-0000-0000")
    assert refused.status_code == 422
    assert "The code or the key is wrong" in refused.text
    browser.submit(refused, f"{PAGE}/app/remove", code=codes[0])

    assert factors(person) == (False, 0)
    assert person.mailed("A second factor was removed")


def test_new_recovery_codes_are_shown_once_and_void_those_before(
    server: Server, browser: Browser, person: Person
) -> None:
    _, before = add_app(browser)

    shown = browser.submit(browser.open(PAGE), f"{PAGE}/recovery-codes")
    after = re.findall("<code>([0-9a-z-]{19})</code>", shown.text)

    assert len(after) == 10
    assert not set(before) & set(after)
    with Browser(server.url) as again:
        asked = again.sign_in(person)
        assert again.submit(asked, code=before[1]).status_code == 422
        again.submit(asked, code=after[1])
        assert again.is_signed_in


@pytest.mark.parametrize("path", ["", "/app"])
@pytest.mark.parametrize("change", [LONG_AGO, "amr = 'pwd'"])
def test_who_has_not_shown_everything_lately_signs_in_first_and_comes_back(
    server: Server, browser: Browser, person: Person, change: str, path: str
) -> None:
    totp, _ = add_app(browser)
    change_session(server, person, change)

    asked = browser.open(f"{PAGE}{path}")
    assert "<h1>Sign in</h1>" in asked.text
    assert "once more, to change your second factor" in asked.text
    step = browser.submit(asked, email=person.email, password=person.password)
    back = browser.submit(step, code=later(totp))

    assert "<h1>Second factor</h1>" in back.text


@pytest.mark.parametrize("path", FORMS)
def test_no_form_does_anything_for_who_signed_in_long_ago(
    server: Server, browser: Browser, person: Person, path: str
) -> None:
    given = {"csrf_token": token(browser.open(PAGE))}
    change_session(server, person, LONG_AGO)

    answer = browser.client.post(path, data=given)

    assert answer.headers["Location"] == f"/sign-in?next={PAGE}"
    assert factors(person) == (False, 0)


@pytest.mark.parametrize("path", FORMS)
def test_no_form_does_anything_without_the_browsers_token(browser: Browser, path: str) -> None:
    assert browser.client.post(path, data={"csrf_token": "A" * 43}).status_code == 403


@pytest.mark.parametrize("credential", ["", "{", "null", '{"id": "AA"}', "[" * 5000])
def test_what_is_no_passkey_is_refused_with_the_page(browser: Browser, credential: str) -> None:
    given = {"challenge": "x", "credential": credential, "name": "<b>"}

    refused = browser.submit(browser.open(PAGE), f"{PAGE}/passkeys", **given)

    assert refused.status_code == 422
    assert "<h1>Second factor</h1>" in refused.text
    assert 'role="alert"' in refused.text


def test_nobody_takes_away_what_is_anothers(client: httpx.Client, browser: Browser) -> None:
    _, codes = add_app(browser)
    eve = Careful.signed_in(client)
    with Browser(browser.url) as hers:
        hers.sign_in(eve)
        given = {"csrf_token": token(hers.open(PAGE)), "code": codes[0]}

        hers.client.post(f"{PAGE}/app/remove", data=given)

    assert "Remove the app" in browser.open(PAGE).text
