"""Signing in with an upstream, which is a second instance of the service."""

import re
import time
from html import unescape
from pathlib import Path

import httpx
import pyotp
import pytest
from applications import Browser, Flow, claims_of, form_token
from running import Server
from upstreams import Person, running, trusting
from users import PASSWORD, User


def test_a_new_user_of_the_upstream_gets_an_account(person: Person) -> None:
    assert 'href="/sign-in/with/staff?next=/account"' in person.here.open("/sign-in").text
    user = person.registers_there()

    assert "You are signed in as" in person.signs_in().text

    assert person.email == user.email
    assert [one["email"] for one in person.data()["identities"]] == [user.email]


def test_head_does_not_use_up_the_answer_of_the_upstream(person: Person) -> None:
    person.registers_there()
    address = person.comes_back(person.begins())

    asked = person.here.client.head(address)

    assert (asked.status_code, asked.headers["Allow"]) == (405, "GET")
    assert "You are signed in as" in person.here.open(address).text


def test_the_same_user_comes_back_to_the_same_account(person: Person) -> None:
    person.registers_there()
    person.signs_in()
    first = person.data()["account"]["id"]
    person.takes_another_browser()

    person.signs_in()

    assert person.data()["account"]["id"] == first


def test_an_address_that_changes_at_the_upstream_changes_no_account(
    person: Person, upstream: Server
) -> None:
    user = person.registers_there()
    person.signs_in()
    first = person.data()["account"]
    upstream.execute(f"UPDATE accounts SET email = 'new-{user.email}' WHERE email = '{user.email}'")  # noqa: S608
    person.takes_another_browser()

    person.signs_in()

    assert person.data()["account"] == first
    assert person.data()["identities"][0]["email"] == f"new-{user.email}"


def test_another_user_who_gets_the_address_at_the_upstream_does_not_get_the_account(
    person: Person, another: Person, upstream: Server
) -> None:
    user = person.registers_there()
    person.signs_in()
    upstream.execute(f"UPDATE accounts SET email = 'new-{user.email}' WHERE email = '{user.email}'")  # noqa: S608
    another.registers_there(email=user.email)

    assert "There is an account with the address" in another.signs_in().text
    assert not another.here.is_signed_in


def test_an_account_with_a_password_is_not_taken_over_by_its_address(
    person: Person, ours: Server
) -> None:
    with httpx.Client(base_url=ours.url) as client:
        user = User.registered(client)
        user.prove_address()
    person.registers_there(email=user.email)

    assert "There is an account with the address" in person.signs_in().text
    assert not person.here.is_signed_in


def test_an_unconfirmed_address_gives_no_account_and_no_hint(
    person: Person, another: Person, ours: Server
) -> None:
    with httpx.Client(base_url=ours.url) as client:
        user = User.registered(client)
    person.registers_there(email=user.email, proven=False)
    another.registers_there(proven=False)

    texts = {_problem(person.signs_in()), _problem(another.signs_in())}

    assert len(texts) == 1
    assert "Staff has no confirmed e-mail address of yours." in texts.pop()
    assert not person.here.is_signed_in


def test_no_password_signs_in_to_an_account_without_one(person: Person, ours: Server) -> None:
    user = person.registers_there()
    person.signs_in()

    with httpx.Client(base_url=ours.url) as client:
        for password in (PASSWORD, "!", "nobody has this password"):
            body = {"email": user.email, "password": password}
            answer = client.post("/v1/auth/login", json=body)
            assert answer.json()["code"] == "invalid_credentials"


def test_a_user_without_a_password_sets_one_by_mail(person: Person, ours: Server) -> None:
    user = person.registers_there()
    person.signs_in()

    with httpx.Client(base_url=ours.url) as client:
        here = User(client, email=user.email, password="another correct horse")
        client.post("/v1/auth/password/forgot", json={"email": user.email})
        token = here.token_mailed("Set a new password")
        client.post("/v1/auth/password/reset", json={"token": token, "password": here.password})
        assert here.can_sign_in()

    person.takes_another_browser()
    person.signs_in()
    assert person.email == user.email


def test_a_disabled_account_stays_closed(person: Person, ours: Server) -> None:
    user = person.registers_there()
    person.signs_in()
    ours.execute(f"UPDATE accounts SET disabled_at = 1 WHERE email = '{user.email}'")  # noqa: S608

    assert "The account is disabled." in person.signs_in().text


def test_the_end_of_an_account_ends_the_identity(person: Person) -> None:
    user = person.registers_there()
    person.signs_in()
    first = person.data()["account"]["id"]
    page = person.here.open("/account/data")
    assert (
        "Account deleted" in person.here.submit(page, "/account/data/delete", email=user.email).text
    )

    person.signs_in()

    assert person.data()["account"]["id"] != first


def test_an_answer_of_another_browser_signs_nobody_in(person: Person, another: Person) -> None:
    """An attacker could sign a victim in to the attacker's account (login CSRF)."""
    person.registers_there()
    answer = person.comes_back(person.begins())
    another.begins()

    assert "was not begun here" in another.here.open(answer).text
    assert not another.here.is_signed_in
    with Browser(person.ours.url) as other:
        assert "was not begun here" in other.open(answer).text


def test_an_answer_counts_once(person: Person) -> None:
    person.registers_there()
    answer = person.comes_back(person.begins())
    person.here.open(answer)
    person.here.submit(person.here.open("/account"), "/sign-out")

    assert "was not begun here" in person.here.open(answer).text
    assert not person.here.is_signed_in


def test_tabs_may_sign_in_side_by_side(person: Person) -> None:
    person.registers_there()
    first, second = person.begins(), person.begins()

    assert "You are signed in as" in person.here.open(person.comes_back(second)).text
    assert "You are signed in as" in person.here.open(person.comes_back(first)).text


def test_an_error_of_the_upstream_is_shown_as_our_own_words(person: Person) -> None:
    person.registers_there()
    answer = person.comes_back(person.begins())
    query = httpx.QueryParams(answer.partition("?")[2]).remove("code")
    refused = query.set("error", "access_denied").set("error_description", "<b>Call us</b>")

    text = person.here.open(f"{answer.partition('?')[0]}?{refused}").text

    assert "Staff did not sign you in." in text
    assert "Call us" not in text


@pytest.mark.parametrize("change", ["other", "none"])
def test_an_answer_of_another_issuer_signs_nobody_in(person: Person, change: str) -> None:
    """RFC 9207: another upstream could have been given our redirect URI."""
    person.registers_there()
    path, _, text = person.comes_back(person.begins()).partition("?")
    query = httpx.QueryParams(text)
    wrong = query.remove("iss") if change == "none" else query.set("iss", "https://evil.test")

    assert "Staff gave no usable answer." in person.here.open(f"{path}?{wrong}").text
    assert not person.here.is_signed_in


def test_a_code_of_another_sign_in_signs_nobody_in(person: Person, another: Person) -> None:
    """PKCE: a code that was stolen from another browser is worthless."""
    another.registers_there()
    stolen = httpx.QueryParams(another.comes_back(another.begins()).partition("?")[2])["code"]
    person.registers_there()
    path, _, text = person.comes_back(person.begins()).partition("?")

    shown = person.here.open(f"{path}?{httpx.QueryParams(text).set('code', stolen)}")

    assert "Staff gave no usable answer." in shown.text
    assert not person.here.is_signed_in


def test_the_target_after_the_sign_in_is_one_of_ours(person: Person) -> None:
    person.registers_there()

    away = person.signs_in("/sign-in/with/staff?next=https://evil.test/")

    assert "You are signed in as" in away.text


def button(shown: httpx.Response) -> str:
    """Return the address of the upstream's button on a sign-in page."""
    match = re.search('href="(/sign-in/with/staff[^"]*)"', shown.text)
    assert match, shown.text
    return unescape(match[1])


def test_a_page_that_takes_a_recent_sign_in_takes_one_at_the_upstream(person: Person) -> None:
    user = person.registers_there()
    person.signs_in()
    person.ours.execute("UPDATE browser_sessions SET authenticated_at = 1000")
    path = button(person.here.open("/account/second-factor"))

    asked = person.there.open(person.begins(path).removeprefix(person.upstream.url))

    assert "<h1>Sign in</h1>" in asked.text, "the upstream did not ask again"
    answer = person.there.submit(asked, email=user.email, password=user.password)
    assert "<h1>Second factor</h1>" in person.here.open(person.path(answer)).text


@pytest.mark.parametrize(
    "more", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "100"}], ids=str
)
def test_an_application_that_asks_for_a_new_sign_in_gets_one_at_the_upstream(
    person: Person, more: dict[str, str]
) -> None:
    person.registers_there()
    shown = person.here.open(Flow("shop", "https://shop.example.test/", "openid").path(**more))

    address = httpx.URL(person.begins(button(shown)))

    assert (address.params["prompt"], address.params["max_age"]) == ("login", "0")


def test_an_earlier_sign_in_at_the_upstream_is_not_taken_for_a_recent_sign_in(
    person: Person,
) -> None:
    """The browser leaves `prompt` and `max_age` out on its way."""
    person.registers_there()
    person.upstream.execute("UPDATE browser_sessions SET authenticated_at = 1000")
    address = httpx.URL(person.begins("/sign-in/with/staff?next=/account/second-factor&fresh=1"))

    changed = address.copy_remove_param("prompt").copy_remove_param("max_age")
    shown = person.here.open(person.comes_back(str(changed)))

    assert "Staff does not say when you signed in there." in shown.text


def test_an_application_learns_how_and_when_the_user_signed_in(person: Person) -> None:
    person.registers_there()
    person.upstream.execute("UPDATE browser_sessions SET authenticated_at = 1000")
    person.signs_in()
    flow = Flow("shop", "https://shop.example.test/", "openid")

    with httpx.Client(base_url=person.ours.url) as client:
        claims = claims_of(client, flow.tokens(client, person.here)["id_token"])

    assert claims["auth_time"] == 1000
    assert claims["amr"] == ["fed"]
    assert claims["acr"] == "aal1"


def test_the_time_of_the_sign_in_is_that_at_the_upstream(person: Person) -> None:
    person.registers_there()
    person.upstream.execute("UPDATE browser_sessions SET authenticated_at = 1000")
    person.signs_in()

    assert "<h1>Sign in</h1>" in person.here.open("/account/second-factor").text
    person.takes_another_browser()
    person.upstream.execute(f"UPDATE browser_sessions SET authenticated_at = {time.time()}")  # noqa: S608
    person.signs_in()
    assert "<h1>Second factor</h1>" in person.here.open("/account/second-factor").text


def test_a_second_factor_is_asked_for_after_the_upstream(person: Person) -> None:
    user = person.registers_there()
    person.signs_in()
    secret = _enrol(person)
    person.takes_another_browser()

    asked = person.signs_in()

    assert not person.here.is_signed_in
    assert "callback" not in asked.text, "another language would bring the answer a second time"
    code = pyotp.TOTP(secret).at(int(time.time()) + 30)
    assert user.email in person.here.submit(asked, "/sign-in/second-factor", code=code).text
    assert person.data()["browsers"][0]["amr"] == "fed otp mfa"


def test_a_second_factor_that_is_shown_now_makes_the_sign_in_recent(person: Person) -> None:
    person.registers_there()
    person.signs_in()
    secret = _enrol(person)
    person.upstream.execute("UPDATE browser_sessions SET authenticated_at = 1000")
    address = httpx.URL(person.begins("/sign-in/with/staff?next=/account/second-factor&fresh=1"))
    changed = address.copy_remove_param("prompt").copy_remove_param("max_age")

    asked = person.here.open(person.comes_back(str(changed)))

    code = pyotp.TOTP(secret).at(int(time.time()) + 30)
    shown = person.here.submit(asked, "/sign-in/second-factor", code=code)
    assert "<h1>Second factor</h1>" in shown.text


def _enrol(person: Person) -> str:
    """Add an authenticator app on the page, and return its secret."""
    begun = person.here.submit(
        person.here.open("/account/second-factor"), "/account/second-factor/app"
    )
    match = re.search(r"<code[^>]*>([A-Z2-7 ]{16,})</code>", begun.text)
    assert match, begun.text
    secret = match[1].replace(" ", "")
    code = pyotp.TOTP(secret).now()
    done = person.here.submit(begun, "/account/second-factor/app/confirm", code=code)
    assert "I have saved them" in done.text
    return secret


def test_an_upstream_that_is_not_there_is_no_page(person: Person) -> None:
    assert person.here.open("/sign-in/with/nobody").status_code == 404
    assert person.here.open("/sign-in/with/nobody/callback?state=a&code=b").status_code == 404


def test_an_upstream_without_an_answer_leaves_the_sign_in_page(
    tmp_path: Path,
) -> None:
    with running(tmp_path, trusting("http://127.0.0.1:9")) as alone, Browser(alone.url) as browser:
        shown = browser.open("/sign-in/with/staff")
        assert shown.status_code == 503
        assert "Staff gave no usable answer." in shown.text
        assert form_token(shown)
        assert '"reason":"127.0.0.1:9 gives no answer' in alone.log.replace('": "', '":"')


def test_the_sign_in_is_in_the_audit_log_with_its_upstream(person: Person) -> None:
    person.registers_there()
    person.signs_in()

    events = {event["event"]: event for event in person.data()["events"]}

    assert events["account.registered"]["detail"] == {"upstream": "staff"}
    assert "login" in events


def _problem(shown: httpx.Response) -> str:
    return shown.text.partition('role="alert"')[2].partition("</div>")[0]
