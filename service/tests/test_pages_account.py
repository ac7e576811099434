"""The pages of an account, without JavaScript: its data, its password, its devices, its end."""

import json
import re
from urllib.parse import quote

import httpx
import pytest
from applications import WITH_ISSUER, Browser, Flow, form_token
from auth.sign_in.devices import described
from running import Server
from test_pages_factors import LONG_AGO, add_app, change_session, later
from users import User

SERVER_SETTINGS = WITH_ISSUER
NEW_PASSWORD = "a new horse, a new battery"
PAGES = ("profile", "password", "devices", "data")
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Safari/604.1"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/138.0.0.0"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_account_asks_for_a_sign_in_and_comes_back(
    stranger: Browser, user: User, name: str
) -> None:
    asked = stranger.open(f"/account/{name}")
    assert "<h1>Sign in</h1>" in asked.text

    shown = stranger.submit(asked, email=user.email, password=user.password)

    assert shown.url.path == f"/account/{name}"
    assert f'href="/account/{name}"' in stranger.open("/account").text


def test_a_name_is_set_and_removed(browser: Browser, user: User) -> None:
    user.sign_in()
    form = browser.open("/account/profile")

    browser.submit(form, "/account/profile/name", name=" Ada <b>Lovelace ")
    assert user.get("/v1/me").json()["name"] == "Ada <b>Lovelace"
    assert "Hello, Ada &lt;b&gt;Lovelace" in browser.open("/account").text
    refused = browser.submit(form, "/account/profile/name", name="x" * 129)
    assert refused.status_code == 422
    browser.submit(form, "/account/profile/name", name="")

    assert user.get("/v1/me").json()["name"] is None


def test_a_new_address_counts_once_its_link_is_opened(browser: Browser, user: User) -> None:
    new = f"new-{user.email}"
    form = browser.open("/account/profile")

    asked = browser.submit(form, "/account/profile/email", email=new)
    assert new in asked.text
    assert f"<strong>{user.email}</strong>" in browser.open("/account").text
    token = user.token_mailed("Confirm your new e-mail address", to=new)
    browser.submit(browser.open(f"/verify-email?token={token}"))

    assert f"<strong>{new}</strong>" in browser.open("/account").text
    wrong = browser.submit(form, "/account/profile/email", email="nobody")
    assert "This is not an e-mail address." in wrong.text


def test_the_link_to_a_new_address_asks_another_browser_for_the_password(
    browser: Browser, stranger: Browser, user: User
) -> None:
    new = f"new-{user.email}"
    browser.submit(browser.open("/account/profile"), "/account/profile/email", email=new)
    token = user.token_mailed("Confirm your new e-mail address", to=new)
    shown = stranger.open(f"/verify-email?token={token}")
    assert "the password of the account that gets this address" in shown.text

    wrong = stranger.submit(shown, password="a guess")

    assert "The password is wrong." in wrong.text
    assert f"<strong>{user.email}</strong>" in browser.open("/account").text
    assert "Thank you" in stranger.submit(wrong, password=user.password).text
    assert f"<strong>{new}</strong>" in browser.open("/account").text


@pytest.mark.parametrize(
    "action", ["profile/email", "data/download", "data/delete"], ids=["email", "copy", "deletion"]
)
def test_a_change_that_gives_the_account_away_takes_a_recent_sign_in(
    server: Server, browser: Browser, user: User, action: str
) -> None:
    page = f"/account/{action.partition('/')[0]}"
    token = form_token(browser.open(page))
    change_session(server, user, LONG_AGO)

    form_data = {"csrf_token": token, "email": user.email}
    answer = browser.client.post(f"/account/{action}", data=form_data)

    assert answer.headers["Location"] == f"/sign-in?next={quote(page, safe='')}&fresh=1"
    assert user.can_sign_in()


def test_a_new_password_ends_every_other_session_and_renews_the_cookie(
    server: Server, browser: Browser, user: User
) -> None:
    user.sign_in()
    with Browser(server.url) as other, Browser(server.url) as thief:
        other.sign_in(user)
        thief.client.cookies.update(browser.client.cookies)
        form = browser.open("/account/password")

        done = browser.submit(form, present=user.password, password=NEW_PASSWORD)

        assert "Password changed" in done.text
        assert browser.is_signed_in
        assert not other.is_signed_in
        assert not thief.is_signed_in, "a copy of the earlier cookie still works"
    assert user.get("/v1/me").status_code == 401
    assert user.mailed("Your password was changed")
    assert not user.can_sign_in()
    user.password = NEW_PASSWORD
    assert user.can_sign_in()


@pytest.mark.parametrize(
    ("present", "password", "reason"),
    [
        ("another password", NEW_PASSWORD, "The present password is wrong."),
        ("", NEW_PASSWORD, "The present password is wrong."),
        (None, "short", "A password has 8 to 128 characters."),
        (None, "password1", "too common"),
    ],
)
def test_a_password_that_is_wrong_or_weak_changes_nothing(
    browser: Browser, user: User, present: str | None, password: str, reason: str
) -> None:
    form = browser.open("/account/password")
    values = {"present": user.password if present is None else present, "password": password}

    refused = browser.submit(form, **values)

    assert refused.status_code == 422
    assert reason in refused.text
    assert user.can_sign_in()


def test_with_a_second_factor_the_password_takes_a_recent_sign_in_with_it(
    server: Server, browser: Browser, user: User
) -> None:
    totp, _ = add_app(browser)
    form = browser.open("/account/password")
    change_session(server, user, LONG_AGO)

    asked = browser.submit(form, present=user.password, password=NEW_PASSWORD)
    assert "<h1>Sign in</h1>" in asked.text
    step = browser.submit(asked, email=user.email, password=user.password)
    form = browser.submit(step, code=later(totp))

    assert (
        "Password changed"
        in browser.submit(form, present=user.password, password=NEW_PASSWORD).text
    )


def test_the_devices_are_listed_and_each_is_signed_out_alone(
    server: Server, client: httpx.Client, browser: Browser, user: User
) -> None:
    user.sign_in()
    tokens = Flow().tokens(client, browser)
    with Browser(server.url) as other:
        other.client.headers["User-Agent"] = FIREFOX
        other.sign_in(user)
        shown = browser.open("/account/devices")
        assert shown.text.count("this browser") == 2, "the heading of one device, and a button"
        assert "Firefox on Windows" in shown.text
        assert "The App" in shown.text
        assert shown.text.count('name="device"') == 3

        browser.submit(shown_alone(shown, "Firefox"), "/account/devices/end", decision="end")

        assert not other.is_signed_in
    assert user.get("/v1/me").status_code == 200
    after = browser.open("/account/devices")
    browser.submit(shown_alone(after, "The App"), "/account/devices/end", decision="end")
    info = client.get("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert info.status_code == 401
    assert user.get("/v1/me").status_code == 200
    assert browser.is_signed_in


def shown_alone(shown: httpx.Response, name: str) -> httpx.Response:
    """Return the page with the section of one device alone."""
    sections = shown.text.split("<section")
    return httpx.Response(200, text=next(part for part in sections if name in part))


def test_a_device_that_is_not_mine_is_signed_out_and_the_password_changed(
    server: Server, browser: Browser, user: User
) -> None:
    with Browser(server.url) as stranger:
        stranger.sign_in(user)
        shown = browser.open("/account/devices")

        asked = browser.submit(shown, "/account/devices/end", decision="not-me")

        assert not stranger.is_signed_in
    assert "Somebody may know your password" in asked.text
    assert "Change your password" in asked.text
    assert browser.is_signed_in


def test_all_devices_but_this_browser_are_signed_out(
    server: Server, browser: Browser, user: User
) -> None:
    user.sign_in()
    with Browser(server.url) as other:
        other.sign_in(user)

        shown = browser.submit(browser.open("/account/devices"), "/account/devices/end-others")

        assert 'name="device"' not in shown.text
        assert not other.is_signed_in
    assert user.get("/v1/me").status_code == 401
    assert browser.is_signed_in


def test_nobody_signs_out_the_devices_of_others(
    server: Server, client: httpx.Client, browser: Browser
) -> None:
    eve = User.signed_in(client)
    with Browser(server.url) as hers, Browser(server.url) as her_phone:
        hers.sign_in(eve)
        her_phone.sign_in(eve)
        foreign = shown_devices(hers.open("/account/devices"))
        assert {device.partition(":")[0] for device in foreign} == {"browser", "client"}

        form = {"csrf_token": form_token(browser.open("/account"))}
        for device in (*foreign, "client:x", "browser:", "\x01", "a" * 500):
            sent = browser.client.post("/account/devices/end", data={**form, "device": device})
            assert sent.status_code in {303, 403}

        assert hers.is_signed_in
        assert her_phone.is_signed_in
        assert eve.get("/v1/me").status_code == 200


def shown_devices(shown: httpx.Response) -> list[str]:
    return re.findall('name="device" value="([^"]*)"', shown.text)


def test_the_copy_of_the_data_has_everything_but_secrets(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    user.sign_in()
    Flow().tokens(client, browser)
    totp, codes = add_app(browser)
    form = browser.open("/account/data")

    answer = browser.submit(form, "/account/data/download")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="account.json"'
    data = json.loads(answer.text)
    assert data["account"]["email"] == user.email
    assert data["second_factors"]["authenticator_app"] is True
    assert data["browsers"]
    assert {"factor.added", "login"} <= {event["event"] for event in data["events"]}
    for secret in (totp.secret, *codes, "argon2", browser.client.cookies["auth-session"]):
        assert secret not in answer.text


def test_an_account_is_deleted_by_a_user_who_types_its_address(
    browser: Browser, user: User
) -> None:
    form = browser.open("/account/data")
    refused = browser.submit(form, "/account/data/delete", email="ada@example.test")
    assert "Type the address of the account." in refused.text
    assert user.can_sign_in()

    gone = browser.submit(refused, "/account/data/delete", email=user.email)

    assert "Account deleted" in gone.text
    assert not browser.is_signed_in
    assert user.client.post("/v1/auth/login", json=user.credentials).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "profile/name",
        "profile/email",
        "password",
        "devices/end",
        "devices/end-others",
        "data/download",
        "data/delete",
    ],
)
def test_no_form_does_anything_without_the_browsers_token(browser: Browser, path: str) -> None:
    page = f"/account/{path.partition('/')[0]}"
    assert browser.client.post(f"/account/{path}", data={"csrf_token": "A" * 43}).status_code == 403
    assert browser.open(f"/account/{path}").url.path == page


@pytest.mark.parametrize(
    ("user_agent", "description"),
    [
        (FIREFOX, "Firefox on Windows"),
        (IPHONE, "Safari on iPhone"),
        (f"{CHROME} Safari/537.36 Edg/138.0.0.0", "Edge on Windows"),
        (f"{CHROME} Safari/537.36", "Chrome on Windows"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("", "Unknown device"),
    ],
)
def test_a_device_is_described_by_its_user_agent(user_agent: str, description: str) -> None:
    assert str(described(user_agent)) == description
