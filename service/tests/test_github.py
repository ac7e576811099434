"""GitHub as an upstream: a server with its addresses and answers."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from applications import SECRET, Browser
from auth.upstreams.github import api_of
from githubs import GitHub
from running import Server
from upstreams import OURS, running

ADDRESS = "octocat@example.test"
CONFIRMED = {"email": ADDRESS, "primary": True, "verified": True, "visibility": "private"}


@pytest.fixture(name="github")
def _github() -> Iterator[GitHub]:
    with GitHub(emails=[CONFIRMED]).running() as github:
        yield github


@pytest.fixture(name="ours")
def _ours(
    github: GitHub, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Server]:
    upstream = {
        "id": "github",
        "name": "GitHub",
        "kind": "github",
        "issuer": github.url,
        "client_id": "ours",
    }
    settings = {
        "AUTH_ISSUER": OURS,
        "AUTH_UPSTREAMS": json.dumps([upstream]),
        "AUTH_UPSTREAM_SECRETS": json.dumps({"github": getattr(request, "param", SECRET)}),
    }
    with running(tmp_path_factory.mktemp("ours"), settings) as server:
        yield server


@pytest.fixture(name="browser")
def _browser(ours: Server) -> Iterator[Browser]:
    with Browser(ours.url) as browser:
        yield browser


def sign_in(browser: Browser, github: GitHub) -> httpx.Response:
    address = browser.client.get("/sign-in/with/github").headers["Location"]
    return browser.open(github.takes_back(address).removeprefix(OURS))


def test_a_user_of_github_gets_an_account_and_comes_back_to_it(
    browser: Browser, github: GitHub
) -> None:
    assert "Sign in with GitHub" in browser.open("/sign-in").text
    assert "Hello, The Octocat" in sign_in(browser, github).text
    assert ADDRESS in browser.open("/account").text

    # GitHub's users rename themselves, and change their addresses.
    github.user |= {"login": "renamed"}
    github.emails[0] = CONFIRMED | {"email": "another@example.test"}
    assert ADDRESS in sign_in(browser, github).text


def test_another_user_with_the_earlier_login_gets_another_account(
    browser: Browser, github: GitHub
) -> None:
    sign_in(browser, github)

    github.user |= {"id": 1}
    github.emails[0] = CONFIRMED | {"email": "another@example.test"}

    assert "another@example.test" in sign_in(browser, github).text


@pytest.mark.parametrize(
    "emails",
    [
        [],
        [CONFIRMED | {"verified": False}],
        [CONFIRMED | {"verified": "true"}],
        [CONFIRMED | {"primary": False}],
        [{"message": "Requires user:email"}],
    ],
    ids=str,
)
def test_only_the_confirmed_primary_address_counts(
    browser: Browser, github: GitHub, emails: list[dict[str, object]]
) -> None:
    github.emails = emails

    assert "GitHub has no confirmed e-mail address of yours." in sign_in(browser, github).text


@pytest.mark.parametrize("number", [None, "583231", True, 0])
def test_a_user_without_a_number_signs_nobody_in(
    browser: Browser, github: GitHub, number: object
) -> None:
    github.user |= {"id": number}

    assert "GitHub gave no usable answer." in sign_in(browser, github).text


@pytest.mark.parametrize("ours", ["a wrong secret"], indirect=True)
def test_an_error_with_the_status_200_is_an_error(
    browser: Browser, ours: Server, github: GitHub
) -> None:
    assert "GitHub gave no usable answer." in sign_in(browser, github).text
    assert "answers 200 incorrect_client_credentials" in ours.log


def test_a_sign_in_with_github_never_counts_as_recent(browser: Browser, github: GitHub) -> None:
    sign_in(browser, github)
    shown = browser.open("/account/second-factor")
    match = re.search('href="(/sign-in/with/github[^"]*)"', shown.text)
    assert match, shown.text

    address = browser.client.get(match[1].replace("&amp;", "&")).headers["Location"]
    again = browser.open(github.takes_back(address).removeprefix(OURS))

    assert "GitHub does not say when you signed in there." in again.text


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://octo.ghe.com", "https://api.octo.ghe.com"),
        ("https://github.example.org", "https://github.example.org/api/v3"),
        ("https://github.com.evil.test/", "https://github.com.evil.test/api/v3"),
    ],
)
def test_each_kind_of_github_has_its_own_api(url: str, api: str) -> None:
    assert api_of(url) == api
