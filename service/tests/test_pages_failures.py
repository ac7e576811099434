"""A browser gets a page where a program gets a problem document: Accept decides."""

import httpx
import pytest
from applications import ISSUER, Browser
from running import Server

SERVER_SETTINGS = {"AUTH_ISSUER": ISSUER}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nowhere", 404), ("/oauth2/consent-x", 404), ("/verify-email/nothing", 404)],
)
def test_a_page_that_is_not_there_is_a_page(client: httpx.Client, path: str, status: int) -> None:
    shown = client.get(path, headers=BROWSER)
    answered = client.get(path)

    assert (shown.status_code, answered.status_code) == (status, status)
    assert answered.headers["Content-Type"] == "application/problem+json"
    if not path.startswith("/oauth2/"):
        assert "<h1>Page not found</h1>" in shown.text
        assert "script-src 'self'" in shown.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/v1/nowhere", "/v1/me", "/.well-known/nowhere"])
def test_the_addresses_of_programs_answer_with_documents(client: httpx.Client, path: str) -> None:
    answer = client.get(path, headers=BROWSER)

    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_form_that_is_opened_as_a_page_says_so(client: httpx.Client) -> None:
    shown = client.request("PUT", "/register", headers=BROWSER)

    assert shown.status_code == 405
    assert "<h1>Please begin again</h1>" in shown.text
    assert shown.headers["Allow"]


@pytest.mark.parametrize("path", ["/account/withdraw", "/sign-out"])
def test_the_answers_to_forms_can_be_opened(browser: Browser, path: str) -> None:
    shown = browser.open(path)

    assert shown.status_code == 200
    assert "<h1>" in shown.text


def test_a_database_that_is_away_shows_a_page(on_sqlite: Server) -> None:
    on_sqlite.settings = {"AUTH_ISSUER": ISSUER}
    on_sqlite.start()
    (on_sqlite.data / "auth.sqlite").rename(on_sqlite.data / "elsewhere")
    with httpx.Client(base_url=on_sqlite.url, headers=BROWSER) as client:
        client.cookies.set("auth-session", "anything")
        shown = client.get("/account")

    assert shown.status_code == 503
    assert "<h1>Something went wrong</h1>" in shown.text
    assert shown.headers["Retry-After"]


@pytest.mark.parametrize(
    ("settings", "status"),
    [({}, 404), ({"AUTH_API_DOCS": "true"}, 200)],
    ids=["by default", "asked for"],
)
def test_in_production_the_description_is_shown_only_if_asked_for(
    on_sqlite: Server, settings: dict[str, str], status: int
) -> None:
    on_sqlite.settings = {"AUTH_ENVIRONMENT": "production", **settings}
    on_sqlite.start()

    assert httpx.get(f"{on_sqlite.url}/docs").status_code == status
