"""`id_token_hint` at the authorization endpoint (OIDC Core §3.1.2.1)."""

import httpx
import pytest
from applications import WITH_ISSUER, Browser, Flow, redirect_parameters
from running import Server
from users import User

SERVER_SETTINGS = WITH_ISSUER


@pytest.fixture(name="hint")
def _hint(server: Server, client: httpx.Client) -> str:
    """Return an ID token of another user than the browser's."""
    with Browser(server.url) as elsewhere:
        elsewhere.sign_in(User.registered(client))
        return str(Flow(scope="openid").tokens(client, elsewhere)["id_token"])


@pytest.mark.parametrize("prompt", ["none", "consent", None])
def test_another_user_than_the_hints_gets_no_code(
    browser: Browser, hint: str, prompt: str | None
) -> None:
    """A MUST: an error such as login_required, unless the hint's user is signed in."""
    parameters = redirect_parameters(browser.open(Flow().path(id_token_hint=hint, prompt=prompt)))

    assert "code" not in parameters
    assert parameters["error"] == "login_required"


def test_the_hints_user_gets_a_code_silently(client: httpx.Client, browser: Browser) -> None:
    own = str(Flow(scope="openid").tokens(client, browser)["id_token"])

    answer = browser.open(Flow().path(id_token_hint=own, prompt="none"))

    assert "code" in redirect_parameters(answer)


def test_another_user_who_signs_in_at_the_request_gets_no_code(
    client: httpx.Client, stranger: Browser, hint: str
) -> None:
    shown = stranger.open(Flow().path(id_token_hint=hint))
    other = User.registered(client)

    answer = stranger.submit(shown, email=other.email, password=other.password)

    assert redirect_parameters(answer)["error"] == "login_required"


def test_another_user_who_agrees_on_a_page_gets_no_code(browser: Browser, hint: str) -> None:
    third = Flow(client_id="third", redirect_uri="https://third.example.test/callback", secret=None)
    asked = browser.open(third.path())
    query = third.path(id_token_hint=hint).partition("?")[2]

    answer = browser.submit(asked, query=query, decision="allow")

    assert redirect_parameters(answer)["error"] == "login_required"


@pytest.mark.parametrize("broken", ["x", "a.b.c", "forged", "access"])
def test_a_broken_hint_is_an_error(
    client: httpx.Client, browser: Browser, hint: str, broken: str
) -> None:
    made = {
        "forged": hint[:-4] + ("AAAA" if not hint.endswith("AAAA") else "BBBB"),
        "access": Flow(scope="openid").tokens(client, browser)["access_token"],
    }

    answer = browser.open(Flow().path(id_token_hint=made.get(broken, broken), prompt="none"))

    parameters = redirect_parameters(answer)
    assert "code" not in parameters
    assert parameters["error"] == "invalid_request"


def test_a_hint_that_has_expired_still_names_its_user(own_server: Server) -> None:
    """An ID token counts as a hint after its `exp` (RP-Initiated Logout §2, Core §3.1.2.1).

    Its key may be no longer published by then.
    """
    own_server.settings = WITH_ISSUER
    own_server.start()
    with (
        httpx.Client(base_url=own_server.url, timeout=30) as client,
        Browser(own_server.url) as browser,
    ):
        browser.sign_in(User.registered(client))
        own = str(Flow(scope="openid").tokens(client, browser)["id_token"])
        own_server.command("rotate-keys", "--now")
        own_server.execute("UPDATE signing_keys SET activates_at = activates_at - 2000")
        own_server.stop()
        own_server.start()
        browser.client.base_url = httpx.URL(own_server.url)

        answer = browser.open(Flow().path(id_token_hint=own, prompt="none"))

    assert "code" in redirect_parameters(answer)


def test_a_form_with_a_parameter_twice_is_answered_with_a_page(browser: Browser) -> None:
    """Core §3.1.2.1: the endpoint takes forms; a browser shows its answer to a person."""
    answer = browser.client.post(
        "/oauth2/authorize",
        content="scope=openid&scope=email",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert answer.status_code == 400
    assert "This sign-in can&#39;t go on" in answer.text
