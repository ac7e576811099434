"""The forms of the pages: their contents, their CSRF tokens, and the ways on from them."""

import re

import httpx
import pytest
from applications import WITH_ISSUER, Browser, form_token
from running import Server
from users import PASSWORD, User

SERVER_SETTINGS = WITH_ISSUER
# Pages with a form for visitors without a sign-in.
OPEN = ("/sign-in", "/register", "/forgot-password", "/reset-password", "/verify-email/again")


@pytest.fixture(name="browser")
def _browser(stranger: Browser) -> Browser:
    """Return a browser without a sign-in."""
    return stranger


@pytest.mark.parametrize("password", ["wrong password", "", "x" * 200, "\ud7ff", "a\x7fb"])
def test_a_wrong_password_shows_the_form_again_with_the_address_and_the_reason(
    browser: Browser, user: User, password: str
) -> None:
    shown = browser.submit(browser.open("/sign-in"), email=user.email, password=password)

    assert shown.status_code == 422
    assert 'role="alert"' in shown.text
    assert "The e-mail address or the password is wrong." in shown.text
    assert f'value="{user.email}"' in shown.text
    assert not browser.is_signed_in


def test_an_unknown_account_and_a_wrong_password_look_the_same(
    browser: Browser, user: User
) -> None:
    form = browser.open("/sign-in")
    unknown = browser.submit(form, email="nobody@example.test", password=PASSWORD)
    wrong = browser.submit(form, email=user.email, password="another password")

    assert unknown.status_code == wrong.status_code
    assert unknown.text.replace("nobody@example.test", "") == wrong.text.replace(user.email, "")


def test_typed_input_is_shown_as_text_and_never_as_html(browser: Browser) -> None:
    evil = '"><script>alert(1)</script>'

    shown = browser.submit(browser.open("/sign-in"), email=evil, password=PASSWORD)

    assert "<script>" not in shown.text
    assert "&lt;script&gt;" in shown.text


@pytest.mark.parametrize("path", [*OPEN, "/sign-out", "/oauth2/consent"])
def test_a_form_without_the_browsers_token_is_refused(browser: Browser, path: str) -> None:
    browser.open("/sign-in")

    for form_data in ({}, {"csrf_token": ""}, {"csrf_token": "A" * 43}, {"csrf_token": "é"}):
        answer = browser.client.post(path, data=form_data)
        assert answer.status_code == 403, form_data
        assert "Please try again" in answer.text


def test_a_form_of_another_browser_or_another_site_is_refused(
    server: Server, browser: Browser, user: User
) -> None:
    with Browser(server.url) as other:
        stolen = other.open("/sign-in")
    browser.open("/sign-in")

    assert browser.submit(stolen, email=user.email, password=PASSWORD).status_code == 403
    browser.client.headers["Sec-Fetch-Site"] = "cross-site"
    forged = browser.submit(browser.open("/sign-in"), email=user.email, password=PASSWORD)
    assert forged.status_code == 403


@pytest.mark.parametrize(
    "destination",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test",
        "\\\\evil.test",
        "https:evil.test",
        "javascript:alert(1)",
        "http://auth.example.test@evil.test/",
        "http://auth.example.test.evil.test/",
        "http://user:password@auth.example.test/",
        "/oauth2/authorize?\r\nSet-Cookie: a=b",
        "/oauth2/authorize/../../x",
        "http://auth.example.test:x/",
        "http://[auth.example.test/",
    ],
)
def test_a_sign_in_leads_nowhere_else(browser: Browser, user: User, destination: str) -> None:
    form = browser.open("/sign-in")

    shown = browser.submit(form, email=user.email, password=PASSWORD, next=destination)

    assert shown.status_code == 200
    assert user.email in shown.text, "it did not lead to our own page"


def test_on_https_the_cookies_are_for_this_host_alone(own_server: Server) -> None:
    own_server.start()
    shown = httpx.get(f"{own_server.url}/sign-in")
    (cookie,) = shown.headers.get_list("Set-Cookie")
    assert cookie.startswith("__Host-auth-form=")

    with httpx.Client(base_url=own_server.url, timeout=30) as client:
        user = User.registered(client)
        token = form_token(shown)
        signed_in = client.post(
            "/sign-in",
            data={"csrf_token": token, "email": user.email, "password": user.password},
            headers={"Cookie": f"__Host-auth-form={token}"},
        )

    cookies = signed_in.headers.get_list("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "__Host-auth-session",
        "__Host-auth-form",
        "__Host-auth-device",
    }
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie


def test_each_page_has_a_language_a_title_a_main_part_and_no_script_but_ours(
    browser: Browser, user: User
) -> None:
    pages = [browser.open(path) for path in OPEN]
    pages += [browser.open("/verify-email"), browser.sign_in(user)]
    pages.append(browser.open("/oauth2/authorize"))

    for shown in pages:
        scripts = re.findall("<script.*?>(.*?)</script>", shown.text, re.DOTALL)
        assert scripts == [""], "a script stands in the page"
        assert "script-src 'self';" in shown.headers["Content-Security-Policy"]
        assert "style=" not in shown.text
        assert '<html lang="en">' in shown.text
        assert re.search("<title>.+</title>", shown.text)
        assert shown.text.count("<main>") == shown.text.count("<h1>") == 1
        for name in re.findall(r'<input id="([^"]*)"', shown.text):
            assert f'<label for="{name}">' in shown.text


def test_a_host_without_a_name_is_offered_no_passkeys(on_sqlite: Server) -> None:
    on_sqlite.issues_as_itself = True
    on_sqlite.start()

    with Browser(on_sqlite.url) as browser:
        shown = browser.open("/sign-in")

    assert "127.0.0.1" in on_sqlite.url
    assert "passkey" not in shown.text
    assert "connect-src" not in shown.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("name", "kind"), [("pages.css", "text/css"), ("pages.js", "text/javascript")]
)
def test_browsers_cache_the_files_of_a_page_until_they_change(
    browser: Browser, name: str, kind: str
) -> None:
    match = re.search(rf'"(/{name}\?v=[^"]*)"', browser.open("/sign-in").text)
    assert match

    answer = browser.client.get(match[1])

    assert answer.headers["Content-Type"].startswith(kind)
    assert "immutable" in answer.headers["Cache-Control"]
    other = browser.client.get(f"/{name}?v=of-another-release")
    assert other.status_code == 200
    assert "immutable" not in other.headers["Cache-Control"]
