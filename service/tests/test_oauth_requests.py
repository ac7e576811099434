"""Authorization requests: the refusals, and the pages that the user sees."""

import time

import httpx
import pytest
from applications import (
    CALLBACK,
    ISSUER,
    WITH_ISSUER,
    Browser,
    Flow,
    parameter,
    redirect_parameters,
    sent_form,
)
from running import Server
from users import User

SERVER_SETTINGS = WITH_ISSUER
THIRD = "https://third.example.test/callback"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"client_id": "robot"},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.test/callback"},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK + "?a=b"},
        {"redirect_uri": CALLBACK + "#x"},
        {"redirect_uri": "https://app.example.test:444/callback"},
        {"redirect_uri": "HTTPS://app.example.test/callback"},
        {"redirect_uri": "https://app.example.test/callback/../other"},
        {"redirect_uri": "javascript:alert(1)"},
        {"client_id": "native", "redirect_uri": "http://127.0.0.1.evil.test:80/callback"},
        {"client_id": "native", "redirect_uri": "http://127.0.0.1:80@evil.test/callback"},
        {"client_id": "native", "redirect_uri": "http://127.0.0.1:x/callback"},
        {"client_id": "native", "redirect_uri": "https://127.0.0.1:4567/callback"},
        {"client_id": "native", "redirect_uri": "http://localhost:4567/callback"},
        {"client_id": "native", "redirect_uri": "http://127.0.0.1:4567/other"},
        {"client_id": "native", "redirect_uri": " http://127.0.0.1:4567/callback"},
        {"client_id": "native", "redirect_uri": "http://127.0.0.1:4567/call\r\nback"},
        {"client_id": "native", "redirect_uri": "\x01http://127.0.0.1:4567/callback"},
    ],
    ids=str,
)
def test_an_unregistered_client_or_redirect_ends_with_a_page_and_never_a_redirect(
    browser: Browser, changes: dict[str, str | None]
) -> None:
    answer = browser.client.get(Flow().path(**changes))

    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "is not registered" in answer.text
    assert "evil.test" not in answer.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid orders:write"}, "invalid_scope"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "maybe"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"nonce": "n" * 256}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.test"}, "request_uri_not_supported"),
    ],
    ids=str,
)
def test_a_request_that_is_wrong_in_another_way_is_refused_by_a_redirect(
    browser: Browser, changes: dict[str, str | None], error: str
) -> None:
    flow = Flow()

    answer = browser.client.get(flow.path(**changes))

    parameters = redirect_parameters(answer)
    assert answer.headers["Location"].startswith(f"{CALLBACK}?")
    assert parameters["error"] == error
    assert parameters["state"] == flow.state
    assert parameters["iss"] == ISSUER
    assert "code" not in parameters


def test_an_answer_is_a_form_if_the_client_asks_for_it(
    client: httpx.Client, browser: Browser
) -> None:
    flow = Flow(redirect_uri="https://app.example.test/other?a=b", state='"><script>')

    answer = browser.open(flow.path(response_mode="form_post"))

    address, fields = sent_form(answer)
    assert address == flow.redirect_uri
    assert set(fields) == {"code", "state", "iss"}, "the CSRF token of our pages leaves"
    assert (fields["state"], fields["iss"]) == (flow.state, ISSUER)
    assert (
        "form-action 'self' https://app.example.test" in answer.headers["Content-Security-Policy"]
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert flow.redeem(client, fields["code"]).status_code == 200


def test_an_error_is_a_form_as_well(stranger: Browser) -> None:
    path = Flow().path(response_mode="form_post", prompt="none")

    assert sent_form(stranger.open(path))[1]["error"] == "login_required"


def test_a_scheme_of_its_own_takes_no_form(browser: Browser) -> None:
    changes = {"client_id": "native", "redirect_uri": "com.example.app:/callback"}

    answer = browser.client.get(Flow().path(response_mode="form_post", **changes))

    assert redirect_parameters(answer)["error"] == "invalid_request"


def test_a_parameter_that_is_there_twice_is_no_request(browser: Browser) -> None:
    answer = browser.client.get(Flow().path() + "&scope=openid")

    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_a_scope_that_nobody_knows_is_ignored(client: httpx.Client, browser: Browser) -> None:
    """OIDC Core §3.1.2.1: scope values that are not understood should be ignored."""
    assert Flow().tokens(client, browser, scope="openid nothing")["scope"] == "openid"


def test_the_code_comes_with_the_state_and_the_issuer(browser: Browser) -> None:
    flow = Flow()

    parameters = redirect_parameters(browser.open(flow.path()))

    assert set(parameters) == {"code", "state", "iss"}
    assert parameters["state"] == flow.state
    assert parameters["iss"] == ISSUER


def test_a_redirect_uri_keeps_the_query_that_it_was_registered_with(browser: Browser) -> None:
    flow = Flow(redirect_uri="https://app.example.test/other?a=b")

    parameters = redirect_parameters(browser.open(flow.path()))

    assert parameters["a"] == "b"
    assert parameters["code"]


def test_a_native_app_gets_its_code_by_its_own_scheme(browser: Browser) -> None:
    flow = Flow(client_id="native", redirect_uri="com.example.app:/callback")

    answer = browser.submit(browser.open(flow.path()), decision="allow")

    assert answer.headers["Location"].startswith("com.example.app:/callback?code=")


@pytest.mark.parametrize(
    "redirect_uri", ["http://127.0.0.1:45678/callback", "com.example.app:/callback"]
)
def test_a_program_on_the_users_machine_gets_no_code_silently_ever(
    browser: Browser, redirect_uri: str
) -> None:
    """RFC 8252 §8.6: nothing proves such a client, though it is first-party and was allowed."""
    flow = Flow(client_id="native", redirect_uri=redirect_uri, secret=None)
    asked = browser.open(flow.path())
    assert "Allow" in asked.text
    browser.submit(asked, decision="allow")

    silent = redirect_parameters(browser.client.get(flow.path(prompt="none")))

    assert silent["error"] == "consent_required"
    assert "Allow" in browser.open(flow.path()).text


def test_the_same_request_as_a_form_leads_to_the_same_code(browser: Browser) -> None:
    query = Flow().path().partition("?")[2]
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    moved = browser.client.post("/oauth2/authorize", content=query, headers=kind)

    assert "code" in redirect_parameters(browser.open(moved.headers["Location"]))


def test_the_sign_in_page_leads_back_with_a_code(stranger: Browser, client: httpx.Client) -> None:
    user = User.registered(client)

    shown = stranger.open(Flow().path(login_hint=user.email))

    assert "to continue to <strong>The App</strong>" in shown.text
    assert f'value="{user.email}"' in shown.text
    answer = stranger.submit(shown, email=user.email, password=user.password)
    assert "code" in redirect_parameters(answer)


def test_prompt_none_shows_no_page_and_reports_a_missing_sign_in(stranger: Browser) -> None:
    parameters = redirect_parameters(stranger.client.get(Flow().path(prompt="none")))

    assert parameters["error"] == "login_required"


def test_prompt_none_gives_a_code_to_a_signed_in_browser(browser: Browser) -> None:
    assert "code" in redirect_parameters(browser.client.get(Flow().path(prompt="none")))


@pytest.mark.parametrize(
    "changes", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}], ids=str
)
def test_a_signed_in_user_signs_in_again_once_if_the_client_wants_it(
    browser: Browser, client: httpx.Client, changes: dict[str, str | None]
) -> None:
    shown = browser.open(Flow().path(**changes))
    assert "<h1>Sign in</h1>" in shown.text

    user = User.registered(client)
    answer = browser.submit(shown, email=user.email, password=user.password)

    assert "code" in redirect_parameters(answer)


def test_max_age_asks_for_a_sign_in_only_after_that_time(browser: Browser) -> None:
    assert "code" in redirect_parameters(browser.open(Flow().path(max_age="60")))
    time.sleep(1.1)

    assert "<h1>Sign in</h1>" in browser.open(Flow().path(max_age="1")).text
    parameters = redirect_parameters(browser.client.get(Flow().path(max_age="1", prompt="none")))
    assert parameters["error"] == "login_required"


def test_discovery_names_endpoints_that_are_there(server: Server, client: httpx.Client) -> None:
    metadata = client.get("/.well-known/openid-configuration").json()

    described = client.get("/openapi.json").json()["paths"]
    for name, value in metadata.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            path = value.removeprefix(ISSUER)
            answer = client.get(path)
            assert answer.status_code != 404, f"{name} is {value}"
            assert path in described or path == "/oauth2/logout"
    assert metadata["issuer"] == ISSUER
    assert set(metadata["scopes_supported"]) >= {"openid", "orders:read"}
    base = client.get("/.well-known/oauth-authorization-server").json()
    assert base.items() <= metadata.items()
    assert server.process is not None


def test_the_sign_in_page_may_send_its_form_to_the_client_and_nowhere_else(
    stranger: Browser,
) -> None:
    shown = stranger.open(Flow().path())

    policy = shown.headers["Content-Security-Policy"]
    assert policy.endswith("form-action 'self' https://app.example.test")
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert parameter(str(shown.url), "next").startswith("/oauth2/authorize?")


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.test/",
        "https://evil.test:; script-src *",
        "https://evil.test:\u00e9",
        "https://[",
        "evil.app:/x",
    ],
)
def test_a_sign_in_page_that_somebody_links_to_lets_its_form_lead_to_no_other_address(
    stranger: Browser, uri: str
) -> None:
    target = {"next": Flow().path(redirect_uri=uri)}

    shown = stranger.client.get("/sign-in", params=target)

    assert shown.status_code == 200
    assert shown.headers["Content-Security-Policy"].endswith("form-action 'self'")
