"""Adding and removing second factors on the pages, without JavaScript."""

import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pyotp
import pytest
from applications import WITH_ISSUER, Browser, form_token
from auth.crypto import secret_tokens
from auth.pages import factors
from fastapi.routing import APIRoute
from running import Server
from users import User

SERVER_SETTINGS = WITH_ISSUER
PAGE = "/account/second-factor"
LONG_AGO = "authenticated_at = authenticated_at - 3600"
FORMS = [
    route.path
    for route in factors.ROUTER.routes
    if isinstance(route, APIRoute) and route.methods == {"POST"}
]


def begin(browser: Browser) -> tuple[httpx.Response, str]:
    """Begin to add an app; return the page that asks for a code, and its secret."""
    shown = browser.submit(browser.open(PAGE), f"{PAGE}/app")
    match = re.search("<code>([A-Z2-7]{32})</code>", shown.text)
    assert match, shown.text
    return shown, match[1]


def add_app(browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    """Add an app; return it with its recovery codes."""
    shown, secret = begin(browser)
    totp = pyotp.TOTP(secret)
    added = browser.submit(shown, code=totp.now())
    return totp, re.findall("<code>([0-9a-z-]{19})</code>", added.text)


def later(totp: pyotp.TOTP) -> str:
    """Return a code of the next step, which is unused."""
    return totp.at(time.time() + 30)


def has(user: User) -> tuple[bool, int]:
    user.sign_in()
    has = user.get("/v1/me/second-factor").json()
    return has["totp"], has["recovery_codes_left"]


def account_of(user: User) -> str:
    return f"SELECT id FROM accounts WHERE email = '{user.email}'"  # noqa: S608


def change_session(server: Server, user: User, change: str) -> None:
    """Change the stored browser session of the user."""
    whose = f"WHERE account_id = ({account_of(user)})"
    server.execute(f"UPDATE browser_sessions SET {change} {whose}")  # noqa: S608


def test_an_app_is_added_and_the_next_sign_in_asks_for_its_code(
    server: Server, browser: Browser, user: User
) -> None:
    totp, codes = add_app(browser)
    assert len(codes) == 10
    assert "Remove the app" in browser.open(PAGE).text
    assert user.mailed("A second factor was added")

    with Browser(server.url) as again:
        asked = again.sign_in(user)
        assert "<h1>One more step</h1>" in asked.text
        again.submit(asked, code=later(totp))
        assert again.is_signed_in


def test_a_wrong_code_shows_the_same_secret_again_and_adds_nothing(
    browser: Browser, user: User
) -> None:
    shown, secret = begin(browser)

    wrong = browser.submit(shown, code="12345")

    assert wrong.status_code == 422
    assert "The code or the key is wrong" in wrong.text
    assert secret in wrong.text
    assert has(user) == (False, 0)
    codes = re.findall("[0-9a-z-]{19}", browser.submit(wrong, code=pyotp.TOTP(secret).now()).text)
    assert len(codes) == 10


def test_the_page_of_an_app_shows_the_same_secret_when_it_is_loaded_again(
    browser: Browser,
) -> None:
    shown, secret = begin(browser)

    assert secret in browser.open(f"{PAGE}/app?{shown.url.query.decode()}").text
    assert secret not in browser.open(f"{PAGE}/app").text


def test_the_page_warns_users_with_an_unconfirmed_address(browser: Browser, user: User) -> None:
    assert "Your e-mail address is not confirmed" in browser.open(PAGE).text
    user.prove_address()
    assert "not confirmed" not in browser.open(PAGE).text


def test_the_first_factor_ends_every_session_but_that_of_this_browser(
    server: Server, browser: Browser, user: User
) -> None:
    user.sign_in()
    with Browser(server.url) as other:
        assert user.email in other.sign_in(user).text

        add_app(browser)

        assert not other.is_signed_in
    assert user.get("/v1/me").status_code == 401
    assert browser.is_signed_in
    assert "Remove the app" in browser.open(PAGE).text, "it counts as signed in with both factors"


def test_the_app_is_taken_away_with_a_code_and_its_recovery_codes_go_as_well(
    browser: Browser, user: User
) -> None:
    _, codes = add_app(browser)
    form = browser.open(PAGE)

    refused = browser.submit(form, f"{PAGE}/app/remove", code="0000-0000-0000-0000")
    assert refused.status_code == 422
    assert "The code or the key is wrong" in refused.text
    browser.submit(refused, f"{PAGE}/app/remove", code=codes[0])

    assert has(user) == (False, 0)
    assert user.mailed("A second factor was removed")


def test_new_recovery_codes_are_shown_once_and_void_earlier_codes(
    server: Server, browser: Browser, user: User
) -> None:
    _, before = add_app(browser)

    shown = browser.submit(browser.open(PAGE), f"{PAGE}/recovery-codes")
    after = re.findall("<code>([0-9a-z-]{19})</code>", shown.text)

    assert len(after) == 10
    assert not set(before) & set(after)
    with Browser(server.url) as again:
        asked = again.sign_in(user)
        assert again.submit(asked, code=before[1]).status_code == 422
        again.submit(asked, code=after[1])
        assert again.is_signed_in


def test_a_copy_of_the_cookie_is_worth_nothing_once_the_session_is_worth_more(
    server: Server, browser: Browser
) -> None:
    with Browser(server.url) as thief:
        thief.client.cookies.update(browser.client.cookies)
        assert thief.is_signed_in

        add_app(browser)

        assert "<h1>Sign in</h1>" in thief.open("/account").text
    assert browser.is_signed_in


def test_another_users_enrolment_is_neither_shown_nor_added(
    server: Server, browser: Browser, user: User
) -> None:
    shown, secret = begin(browser)
    with Browser(server.url) as thief:
        thief.sign_in(user)
        _, other = begin(thief)

    for code in (pyotp.TOTP(secret).now(), pyotp.TOTP(other).now()):
        refused = browser.submit(shown, code=code)
        assert refused.status_code == 409
        assert "Begin again." in refused.text
        assert other not in refused.text
    assert has(user) == (False, 0)


def test_an_app_that_counts_is_never_shown_again(browser: Browser) -> None:
    shown, secret = begin(browser)
    browser.submit(shown, code=pyotp.TOTP(secret).now())

    form_data = {"begun": secret_tokens.hashed(secret), "code": "000000"}
    form_data["csrf_token"] = form_token(browser.open(PAGE))
    again = browser.client.post(f"{PAGE}/app/confirm", data=form_data)

    assert again.status_code == 409
    assert secret not in again.text


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM browser_sessions WHERE account_id = ({account})",
        "UPDATE accounts SET password_changed_at = 4e9 WHERE id = ({account})",
        "UPDATE accounts SET disabled_at = 1 WHERE id = ({account})",
    ],
    ids=["signed-out", "password-changed", "disabled"],
)
def test_a_session_that_ends_at_this_moment_adds_nothing(
    server: Server, browser: Browser, user: User, change: str
) -> None:
    shown, secret = begin(browser)
    statement = change.format(account=account_of(user))
    with ThreadPoolExecutor(1) as pool:
        with server.changing(statement):
            answer = pool.submit(browser.submit, shown, code=pyotp.TOTP(secret).now())
            time.sleep(0.7)
            assert not answer.done(), "it did not wait for the end of the session"

        assert "<h1>Sign in</h1>" in answer.result().text
    server.execute(f"UPDATE accounts SET disabled_at = NULL WHERE id = ({account_of(user)})")  # noqa: S608
    assert has(user) == (False, 0)


@pytest.mark.parametrize("change", [LONG_AGO, "amr = 'pwd'"])
def test_without_a_recent_full_sign_in_the_user_signs_in_first_and_comes_back(
    server: Server, browser: Browser, user: User, change: str
) -> None:
    totp, _ = add_app(browser)
    change_session(server, user, change)

    asked = browser.open(PAGE)
    assert "<h1>Sign in</h1>" in asked.text
    assert "to change your second factor" in asked.text
    step = browser.submit(asked, email=user.email, password=user.password)
    back = browser.submit(step, code=later(totp))

    assert "<h1>Second factor</h1>" in back.text


@pytest.mark.parametrize("change", [LONG_AGO, "amr = 'pwd'"])
@pytest.mark.parametrize("path", FORMS)
def test_no_form_works_without_a_recent_full_sign_in(
    server: Server, browser: Browser, user: User, path: str, change: str
) -> None:
    _, codes = add_app(browser)
    form_data = {"csrf_token": form_token(browser.open(PAGE)), "code": codes[0]}
    change_session(server, user, change)

    answer = browser.client.post(path, data=form_data)

    assert answer.headers["Location"] == f"/sign-in?next={quote(PAGE, safe='')}&fresh=1"
    change_session(server, user, "amr = 'pwd mfa', authenticated_at = 4e9")
    shown = browser.open(PAGE).text
    assert "Remove the app" in shown
    assert "10 are left" in shown


@pytest.mark.parametrize("path", FORMS)
def test_a_form_that_is_opened_as_a_page_leads_to_the_page(browser: Browser, path: str) -> None:
    assert "<h1>Second factor</h1>" in browser.open(path).text


@pytest.mark.parametrize("path", FORMS)
def test_no_form_does_anything_without_the_browsers_token(browser: Browser, path: str) -> None:
    assert browser.client.post(path, data={"csrf_token": "A" * 43}).status_code == 403


@pytest.mark.parametrize("credential", ["", "{", "null", '{"id": "AA"}', "[" * 5000])
def test_an_invalid_passkey_is_refused_with_the_page(browser: Browser, credential: str) -> None:
    body = {"challenge": "x", "credential": credential, "name": "<b>"}

    refused = browser.submit(browser.open(PAGE), f"{PAGE}/passkeys", **body)

    assert refused.status_code == 422
    assert "<h1>Second factor</h1>" in refused.text
    assert 'role="alert"' in refused.text


def test_an_address_that_fits_in_no_qr_code_is_added_by_typing(
    server: Server, client: httpx.Client
) -> None:
    """Such an address is of an earlier release, which accepted longer local parts."""
    registered = User.registered(client)
    user = User(client, f"{uuid.uuid4().hex}{'🔑' * 200}@example.test")
    server.execute(
        f"UPDATE accounts SET email = '{user.email}' WHERE email = '{registered.email}'"  # noqa: S608
    )
    user.sign_in()
    assert user.post("/v1/me/totp").json()["qr_svg"] == ""

    with Browser(server.url) as browser:
        browser.sign_in(user)
        shown, secret = begin(browser)
        assert "<svg width" not in shown.text
        assert (
            len(
                re.findall(
                    "[0-9a-z-]{19}", browser.submit(shown, code=pyotp.TOTP(secret).now()).text
                )
            )
            == 10
        )
