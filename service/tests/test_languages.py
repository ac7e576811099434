"""The pages in the languages of their users."""

import json
from html import unescape
from urllib.parse import urlencode

import httpx
import pytest
from applications import REGISTERED, Browser, Flow
from running import ISSUER, Server
from users import User

SERVER_SETTINGS = {
    "AUTH_ISSUER": ISSUER.replace("https://", "http://"),
    "AUTH_CLIENTS": json.dumps(REGISTERED),
}


def german(url: str) -> Browser:
    browser = Browser(url)
    browser.client.headers["Accept-Language"] = "de-AT,de;q=0.9,en;q=0.5"
    return browser


def test_a_page_is_in_the_language_that_the_browser_asks_for(server: Server) -> None:
    with german(server.url) as browser:
        shown = browser.open("/sign-in")

    assert '<html lang="de">' in shown.text
    assert "<h1>Anmelden</h1>" in shown.text
    assert shown.headers["Content-Language"] == "de"
    assert "Accept-Language" in shown.headers["Vary"]


@pytest.mark.parametrize("wanted", ["", "fr", "*;q=0.1", ";;,=", "de;q=0"])
def test_the_first_language_is_for_everybody_else(client: httpx.Client, wanted: str) -> None:
    shown = client.get("/sign-in", headers={"Accept-Language": wanted})

    assert '<html lang="en">' in shown.text


def test_a_refused_form_gives_its_reason_in_that_language(server: Server) -> None:
    with german(server.url) as browser:
        wrong = browser.submit(browser.open("/sign-in"), email="a@example.test", password="wrong")
        short = browser.submit(browser.open("/register"), email="a@example.test", password="a")

    assert "Die E-Mail-Adresse oder das Passwort ist falsch." in wrong.text
    assert "Ein Passwort hat 8 bis 128 Zeichen." in short.text


def test_the_api_stays_in_english(client: httpx.Client) -> None:
    body = {"email": "a@example.test", "password": "password1"}
    refused = client.post("/v1/auth/register", json=body, headers={"Accept-Language": "de"})

    assert refused.json()["detail"].startswith("The password is too common")


def test_a_value_is_escaped_in_each_language(server: Server) -> None:
    flow = Flow(client_id="third", redirect_uri="https://third.example.test/callback", secret=None)
    with german(server.url) as browser:
        shown = browser.open(flow.path(scope="openid"))

    assert "weiter zu <strong>Somebody &lt;b&gt;Else&lt;/b&gt;</strong>" in shown.text


def test_a_language_that_the_user_chooses_counts_from_then_on(server: Server) -> None:
    with german(server.url) as browser:
        page = browser.open(f"/sign-in?{urlencode({'next': Flow().path()})}")
        spanish = browser.open(link_to("es", page))

        assert "<h1>Iniciar sesión</h1>" in spanish.text
        assert 'name="next" value="/oauth2/authorize?' in spanish.text
        assert "<h1>Crear una cuenta</h1>" in browser.open("/register").text


def link_to(code: str, page: httpx.Response) -> str:
    start = page.text.index(f'href="/language?to={code}&')
    return unescape(page.text[start + 6 :].split('"')[0])


def test_the_answer_to_a_form_changes_its_language(server: Server) -> None:
    with german(server.url) as browser:
        page = browser.open(f"/sign-in?{urlencode({'next': Flow().path()})}")
        refused = browser.submit(page, email="a@example.test", password="wrong")
        shown = browser.open(link_to("en", refused))

    assert "<h1>Sign in</h1>" in shown.text
    assert 'name="next" value="/oauth2/authorize?' in shown.text


@pytest.mark.parametrize(
    "page",
    ["https://evil.example", "//evil.example", "/\\evil.example", "evil.example", "/a\nb", ""],
)
def test_the_choice_of_a_language_leads_to_no_other_site(client: httpx.Client, page: str) -> None:
    answer = client.get("/language", params={"to": "de", "page": page})

    assert answer.headers["Location"] == "/account"


def test_an_unknown_choice_of_a_language_changes_nothing(client: httpx.Client) -> None:
    answer = client.get("/language", params={"to": "xx", "page": "/sign-in"})

    assert answer.headers["Location"] == "/sign-in"
    assert "set-cookie" not in answer.headers


def test_an_application_asks_for_a_language(stranger: Browser) -> None:
    shown = stranger.open(Flow().path(ui_locales="fr-CA de en"))

    assert '<html lang="de">' in shown.text
    assert "ui_locales" not in shown.text, "the user could not choose another language"
    chosen = stranger.open(link_to("es", shown))
    assert '<html lang="es">' in chosen.text


def test_the_page_of_consent_has_the_language_that_the_application_asks_for(
    browser: Browser,
) -> None:
    flow = Flow(client_id="third", redirect_uri="https://third.example.test/callback", secret=None)
    shown = browser.open(flow.path(scope="openid", ui_locales="de"))
    assert '<html lang="de">' in shown.text

    chosen = browser.open(link_to("es", shown))

    assert '<html lang="es">' in chosen.text
    assert "/oauth2/consent" in chosen.text


def test_a_pushed_request_keeps_its_language(stranger: Browser) -> None:
    flow = Flow()
    pushed = stranger.client.post(
        "/oauth2/par",
        data=dict(httpx.URL(flow.path(ui_locales="es")).params),
        auth=("app", flow.secret or ""),
    )
    assert pushed.status_code == 201, pushed.text
    uri = pushed.json()["request_uri"]

    shown = stranger.open(
        f"/oauth2/authorize?{urlencode({'client_id': 'app', 'request_uri': uri})}"
    )

    assert '<html lang="es">' in shown.text


def test_discovery_lists_the_languages(client: httpx.Client) -> None:
    document = client.get("/.well-known/openid-configuration").json()

    assert document["ui_locales_supported"] == ["en", "de", "es"]


def test_an_operator_chooses_the_languages_and_the_first_of_them(on_sqlite: Server) -> None:
    on_sqlite.settings = {"AUTH_LANGUAGES": "de, en"}
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        shown = client.get("/sign-in", headers={"Accept-Language": "es"}).text
    assert '<html lang="de">' in shown
    assert "English" in shown
    assert "Español" not in shown


def test_a_single_language_needs_no_choice(on_sqlite: Server, user: User) -> None:
    del user
    on_sqlite.settings = {"AUTH_LANGUAGES": "es"}
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url) as client:
        shown = client.get("/sign-in").text

    assert '<html lang="es">' in shown
    assert "/language?" not in shown


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/account", "Guten Tag"),
        ("/account/profile", "Name und E-Mail-Adresse"),
        ("/account/password", "Passwort ändern"),
        ("/account/devices", "Geräte und Sitzungen"),
        ("/account/second-factor", "Zweiter Faktor"),
        ("/account/data", "Ihre Daten"),
        ("/device", "Gerät verbinden"),
        ("/forgot-password", "Passwort vergessen?"),
        ("/verify-email/again", "Adresse bestätigen"),
        ("/verify-email?token=a", "Adresse bestätigen"),
        ("/reset-password?token=a", "Neues Passwort setzen"),
        ("/sign-out", "Abmelden?"),
        ("/dev/mails", "Postfach"),
    ],
)
def test_each_page_has_its_language(browser: Browser, path: str, heading: str) -> None:
    shown = browser.client.get(path, headers={"Accept-Language": "de"})

    assert f"<h1>{heading}</h1>" in shown.text


def test_a_refusal_and_a_missing_page_have_their_language(client: httpx.Client) -> None:
    german = {"Accept": "text/html", "Accept-Language": "de"}

    missing = client.get("/nowhere", headers=german)
    refused = client.get("/oauth2/authorize?client_id=unknown", headers=german)
    forbidden = client.post("/register", headers=german)

    assert "<h1>Seite nicht gefunden</h1>" in missing.text
    assert "Die Anwendung, die Sie hierher geschickt hat, ist nicht registriert." in refused.text
    assert "<h1>Bitte versuchen Sie es noch einmal</h1>" in forbidden.text


def test_a_scope_of_others_is_escaped(browser: Browser) -> None:
    flow = Flow(client_id="third", redirect_uri="https://third.example.test/callback", secret=None)
    shown = browser.client.get(
        flow.path(scope="openid orders:read"), headers={"Accept-Language": "de"}
    )

    assert "<li>Wissen, wer Sie sind</li>" in shown.text
    assert "<li>orders:read</li>" in shown.text


def test_a_device_is_described_in_the_language_of_its_user(browser: Browser) -> None:
    shown = browser.client.get("/account/devices", headers={"Accept-Language": "de"})

    assert ", dieser Browser</h2>" in shown.text
    assert "angemeldet am " in shown.text


def registered(browser: Browser) -> User:
    """Register a user on the page, in the language of the browser."""
    user = User(browser.client)
    answer = browser.submit(browser.open("/register"), **user.credentials)
    assert "Fast fertig" in answer.text
    return user


def test_a_user_gets_mails_in_the_language_of_the_registration(server: Server) -> None:
    with german(server.url) as browser:
        user = registered(browser)
        mailed = user.mailed("E-Mail-Adresse bestätigen")

    assert "Öffnen Sie diesen Link nur, wenn Sie das waren:" in mailed
    assert "?token=" in mailed


def test_a_registration_by_the_api_has_the_language_of_its_request(client: httpx.Client) -> None:
    user = User(client)
    client.post("/v1/auth/register", json=user.credentials, headers={"Accept-Language": "es"})

    assert "Abra este enlace solo si fue usted:" in user.mailed("Confirme su dirección de correo")


def test_somebody_elses_request_does_not_change_the_language_of_mails(server: Server) -> None:
    with german(server.url) as browser, httpx.Client(base_url=server.url) as stranger:
        user = registered(browser)
        english = {"Accept-Language": "en"}
        stranger.post("/v1/auth/password/forgot", json={"email": user.email}, headers=english)
        stranger.post("/v1/auth/register", json=user.credentials, headers=english)

        assert user.mailed("Neues Passwort setzen")
        assert user.mailed("Sie haben schon ein Konto")


def test_a_signed_in_user_chooses_the_language_of_mails_as_well(
    browser: Browser, user: User
) -> None:
    browser.open(link_to("es", browser.open("/account")))
    user.client.post("/v1/auth/password/forgot", json={"email": user.email})

    assert user.mailed("Establecer una contraseña nueva")


def test_an_account_without_a_language_gets_that_of_its_next_sign_in(
    server: Server, user: User
) -> None:
    user.client.post("/v1/auth/password/forgot", json={"email": user.email})
    assert user.mailed("Set a new password"), "the first language of the service"

    with german(server.url) as browser:
        browser.sign_in(user)
    user.client.post("/v1/auth/password/forgot", json={"email": user.email})

    assert user.mailed("Neues Passwort setzen")
