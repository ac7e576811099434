"""The pages of administrators, and the refusal of everybody else."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from applications import WITH_ISSUER, Browser, form_token
from running import Server
from test_pages_factors import LONG_AGO, add_app, change_session
from users import User

SERVER_SETTINGS = WITH_ISSUER
PAGES = ("/admin/users", "/admin/audit", "/admin/clients")


@pytest.fixture(name="administrator")
def _administrator(server: Server, client: httpx.Client) -> User:
    user = User.registered(client)
    server.execute(f"UPDATE accounts SET role = 'admin' WHERE email = '{user.email}'")  # noqa: S608
    return user


@pytest.fixture(name="office")
def _office(server: Server, administrator: User) -> Iterator[Browser]:
    """Yield a browser that is signed in as an administrator."""
    with Browser(server.url) as browser:
        browser.sign_in(administrator)
        yield browser


def page_of(office: Browser, user: User) -> httpx.Response:
    """Search for a user, and open their page."""
    listed = office.open(f"/admin/users?email={quote(user.email[3:20].upper())}")
    (path,) = re.findall(r'href="(/admin/users/[0-9a-f]{32})"', listed.text)
    return office.open(path)


@pytest.mark.parametrize("path", [*PAGES, f"/admin/users/{'0' * 32}"])
def test_other_users_are_refused(stranger: Browser, browser: Browser, path: str) -> None:
    assert browser.client.get(path).status_code == 403
    assert "Administration" not in browser.open("/account").text
    assert stranger.client.get(path).headers["Location"] == f"/sign-in?next={quote(path, safe='')}"


def test_other_users_change_nothing(browser: Browser, user: User) -> None:
    user.sign_in()
    form_data = {"csrf_token": form_token(browser.open("/account"))}
    sent = browser.client.post(f"/admin/users/{user.id}/disable", data=form_data)

    assert sent.status_code == 403
    assert user.can_sign_in()


def test_a_user_is_searched_disabled_and_enabled(office: Browser, user: User) -> None:
    assert "/admin/users" in office.open("/account").text
    shown = page_of(office, user)
    path = shown.url.path

    disabled = office.submit(shown, f"{path}/disable")
    assert "disabled since" in disabled.text
    assert not user.can_sign_in()
    enabled = office.submit(disabled, f"{path}/enable")

    assert "disabled since" not in enabled.text
    assert user.can_sign_in()
    nobody = office.open("/admin/users?email=%25")
    assert "There is no such user." in nobody.text, "a wildcard of the database works"


def test_a_user_is_signed_out_everywhere(office: Browser, browser: Browser, user: User) -> None:
    user.sign_in()
    shown = page_of(office, user)
    assert "python-httpx" in shown.text

    after = office.submit(shown, f"{shown.url.path}/sign-out")

    assert "signed in nowhere" in after.text
    assert not browser.is_signed_in
    assert user.get("/v1/me").status_code == 401
    assert user.can_sign_in()


def test_a_lost_second_factor_is_removed(office: Browser, browser: Browser, user: User) -> None:
    add_app(browser)
    shown = page_of(office, user)
    assert "authenticator app" in shown.text

    office.submit(shown, f"{shown.url.path}/second-factor")

    assert user.can_sign_in()
    assert user.mailed("Your second factor was reset")


def test_changes_take_a_recent_sign_in(
    server: Server, office: Browser, administrator: User, user: User
) -> None:
    shown = page_of(office, user)
    path = shown.url.path
    change_session(server, administrator, LONG_AGO)

    for change in ("disable", "enable", "sign-out", "second-factor"):
        sent = office.client.post(f"{path}/{change}", data={})
        assert sent.headers["Location"] == f"/sign-in?next={quote(path, safe='')}&fresh=1"

    assert user.can_sign_in()


def test_administrators_do_not_change_their_own_accounts(
    office: Browser, administrator: User, user: User
) -> None:
    form = page_of(office, user)
    own = page_of(office, administrator)
    assert "Changes" not in own.text

    swapped = form.text.replace(form.url.path, own.url.path)
    refused = office.submit(httpx.Response(200, text=swapped), f"{own.url.path}/disable")

    assert refused.status_code == 409
    assert office.is_signed_in


def test_the_audit_log_is_filtered_by_event_and_by_account(office: Browser, user: User) -> None:
    user.sign_in()
    account_id = user.id

    by_account = office.open(f"/admin/audit?account_id={account_id}")
    by_both = office.open(f"/admin/audit?account_id={account_id}&event=account.registered")
    unknown = office.open("/admin/audit?account_id=nobody&event=%3Cb%3E")

    assert rows(by_account) >= {"login", "account.registered"}
    assert rows(by_both) == {"account.registered"}
    assert "There is no such event." in unknown.text
    assert rows(office.open("/admin/audit?event=admin.read_audit")) == {"admin.read_audit"}


def rows(shown: httpx.Response) -> set[str]:
    """Return the events of the table."""
    return set(re.findall("<tr><td>[^/]*</time></td><td>([^<]*)</td>", shown.text))


def test_the_older_events_are_on_further_pages(office: Browser, client: httpx.Client) -> None:
    for _ in range(30):
        User.signed_in(client)

    first = office.open("/admin/audit")
    (older,) = re.findall('href="(/admin/audit[^"]*before=[^"]*)"', first.text)

    assert first.text.count("<tr>") == 51
    assert rows(office.open(older.replace("&amp;", "&")))


def test_the_clients_are_listed_without_their_secrets(office: Browser) -> None:
    shown = office.open("/admin/clients").text

    assert "The App" in shown
    assert "Somebody &lt;b&gt;Else&lt;/b&gt;" in shown
    assert "https://third.example.test/callback" in shown
    assert "secret" not in shown


def test_a_cookie_of_a_whole_domain_opens_no_administration(own_server: Server) -> None:
    own_server.settings = {
        "AUTH_ISSUER": "http://auth.example.test",
        "AUTH_COOKIE_DOMAIN": "example.test",
    }
    own_server.start()

    for path in PAGES:
        assert httpx.get(f"{own_server.url}{path}").status_code == 404
