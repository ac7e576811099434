"""Passkeys of a real browser with a virtual authenticator."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import chromium
import httpx
import pytest
from auth.sign_in import passkeys
from running import Server
from selenium import webdriver
from users import User

# A secure context without TLS.
SERVER_SETTINGS = {"AUTH_ISSUER": "http://localhost:{port}"}
_ASK = """
const [kind, options, done] = arguments;
const read = kind === "create" ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
navigator.credentials[kind]({publicKey: PublicKeyCredential[read](options)})
  .then(made => done(made.toJSON()), error => done({error: String(error)}));
"""


class Browser:
    """A browser on the service's origin, whose user accepts every prompt."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def ask(self, kind: str, options: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self.driver.execute_async_script(_ASK, kind, options)
        assert "error" not in made, made
        return made


@pytest.fixture(scope="session", name="driver")
def _driver() -> Iterator[webdriver.Chrome]:
    chromium.ensure()
    with chromium.browser() as driver:
        driver.set_script_timeout(20)
        yield driver


@pytest.fixture(name="browser")
def _browser(driver: webdriver.Chrome, server: Server) -> Iterator[Browser]:
    driver.get(f"http://localhost:{server.port}/version")
    with chromium.authenticator(driver):
        yield Browser(driver)


def register(ada: User, browser: Browser, **more: str) -> httpx.Response:
    options = ada.post("/v1/me/passkeys/options").json()
    made = browser.ask("create", options["webauthn"])
    return ada.post("/v1/me/passkeys", challenge=options["challenge"], credential=made, **more)


def begin(client: httpx.Client, browser: Browser) -> dict[str, Any]:
    """Begin a sign-in with a passkey alone, and return the browser's answer."""
    options = client.post("/v1/auth/login/passkey/options").json()
    signed = browser.ask("get", options["webauthn"])
    return {"challenge": options["challenge"], "credential": signed}


def question(ada: User) -> dict[str, Any]:
    answer = ada.client.post("/v1/auth/login", json=ada.credentials)
    assert answer.status_code == 401
    asked: dict[str, Any] = answer.json()
    return asked


def amr(tokens: dict[str, Any]) -> list[str]:
    part = tokens["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return list(claims["amr"])


def changed(credential: dict[str, Any], **client_data: str) -> dict[str, Any]:
    """Return the answer with other client data."""
    raw = credential["response"]["clientDataJSON"]
    data = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
    written = base64.urlsafe_b64encode(json.dumps({**data, **client_data}).encode()).rstrip(b"=")
    return {
        **credential,
        "response": {**credential["response"], "clientDataJSON": written.decode()},
    }


def test_a_passkey_signs_in_with_nothing_else(client: httpx.Client, browser: Browser) -> None:
    ada = User.signed_in(client)
    made = register(ada, browser, name="Telephone")

    answer = client.post("/v1/auth/login/passkey", json=begin(client, browser))

    assert made.status_code == 201, made.text
    assert made.json()["passkey"]["name"] == "Telephone"
    assert len(made.json()["recovery_codes"]) == 10
    assert answer.status_code == 200, answer.text
    assert set(amr(answer.json())) >= {"user", "mfa"}
    ada.tokens = answer.json()
    assert ada.get("/v1/me").json()["email"] == ada.email


def test_a_passkey_is_a_second_factor_to_the_password(
    client: httpx.Client, browser: Browser
) -> None:
    ada = User.signed_in(client)
    register(ada, browser)
    asked = question(ada)

    signed = browser.ask("get", asked["webauthn"])
    body = {"challenge": asked["challenge"], "webauthn": signed}
    first = client.post("/v1/auth/login/second-factor", json=body)
    again = client.post("/v1/auth/login/second-factor", json=body)

    assert asked["methods"] == ["recovery", "webauthn"]
    assert first.status_code == 200, first.text
    assert amr(first.json())[0] == "pwd"
    assert "mfa" in amr(first.json())
    assert again.json()["code"] == "invalid_challenge"


def test_the_passkey_of_another_account_is_no_second_factor(
    client: httpx.Client, browser: Browser
) -> None:
    ada, eve = User.signed_in(client), User.signed_in(client)
    register(ada, browser)
    asked = question(ada)
    register(eve, browser)

    # eve's key signs the challenge that ada got
    signed = browser.ask("get", {**asked["webauthn"], "allowCredentials": passkeys_of(eve)})
    answer = client.post(
        "/v1/auth/login/second-factor",
        json={"challenge": asked["challenge"], "webauthn": signed},
    )

    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_factor"


def test_an_answer_to_a_passkey_login_works_once(client: httpx.Client, browser: Browser) -> None:
    register(User.signed_in(client), browser)
    answer = begin(client, browser)

    first, again = [client.post("/v1/auth/login/passkey", json=answer) for _ in range(2)]

    assert first.status_code == 200
    assert again.json()["code"] == "invalid_challenge"


def test_a_passkey_login_is_to_be_answered_within_five_minutes(
    client: httpx.Client, browser: Browser, server: Server
) -> None:
    register(User.signed_in(client), browser)
    answer = begin(client, browser)
    server.execute("UPDATE challenges SET expires_at = expires_at - 300")

    late = client.post("/v1/auth/login/passkey", json=answer)

    assert late.json()["code"] == "invalid_challenge"


@pytest.mark.parametrize(
    "client_data",
    [{"origin": "https://evil.test"}, {"challenge": "AAAA"}, {"type": "webauthn.create"}],
    ids=str,
)
def test_an_answer_that_was_changed_is_refused(
    client: httpx.Client, browser: Browser, client_data: dict[str, str]
) -> None:
    register(User.signed_in(client), browser)
    answer = begin(client, browser)
    answer["credential"] = changed(answer["credential"], **client_data)

    refused = client.post("/v1/auth/login/passkey", json=answer)

    assert refused.status_code == 401
    assert refused.json()["code"] == "invalid_factor"


def test_a_copy_of_a_key_shows_by_its_counter(
    client: httpx.Client, browser: Browser, server: Server
) -> None:
    ada = User.signed_in(client)
    identity = register(ada, browser).json()["passkey"]["id"]
    server.execute(
        f"UPDATE webauthn_credentials SET sign_count = 1000 WHERE id = '{identity}'"  # noqa: S608
    )

    answer = client.post("/v1/auth/login/passkey", json=begin(client, browser))

    assert answer.json()["code"] == "invalid_factor"


def test_a_passkey_that_did_not_verify_its_user_does_not_sign_in_alone(
    client: httpx.Client, browser: Browser
) -> None:
    register(User.signed_in(client), browser)
    options = client.post("/v1/auth/login/passkey/options").json()
    browser.driver.set_user_verified(verified=False)
    lax = {**options["webauthn"], "userVerification": "discouraged"}
    body = {"challenge": options["challenge"], "credential": browser.ask("get", lax)}

    answer = client.post("/v1/auth/login/passkey", json=body)

    assert answer.json()["code"] == "invalid_factor"


def test_a_passkey_is_renamed_and_taken_away(client: httpx.Client, browser: Browser) -> None:
    ada = User.signed_in(client)
    path = f"/v1/me/passkeys/{register(ada, browser).json()['passkey']['id']}"

    renamed = client.patch(path, headers=ada.bearer, json={"name": "Old laptop"})
    listed = ada.get("/v1/me/passkeys").json()["passkeys"]
    removed = client.delete(path, headers=ada.bearer)

    assert renamed.status_code == 200
    assert [passkey["name"] for passkey in listed] == ["Old laptop"]
    assert removed.status_code == 204
    assert ada.can_sign_in(), "the password alone is enough again"
    assert ada.mailed("A second factor was removed")


def test_nobody_touches_the_passkey_of_another(client: httpx.Client, browser: Browser) -> None:
    ada, eve = User.signed_in(client), User.signed_in(client)
    path = f"/v1/me/passkeys/{register(ada, browser).json()['passkey']['id']}"

    assert client.patch(path, headers=eve.bearer, json={"name": "mine"}).status_code == 404
    assert client.delete(path, headers=eve.bearer).status_code == 404


def test_an_account_that_may_not_sign_in_does_not_with_a_passkey(
    server: Server, client: httpx.Client, browser: Browser
) -> None:
    ada = User.signed_in(client)
    register(ada, browser)
    answer = begin(client, browser)
    server.execute(f"UPDATE accounts SET disabled_at = 1 WHERE email = '{ada.email}'")  # noqa: S608

    refused = client.post("/v1/auth/login/passkey", json=answer)

    assert refused.json()["code"] == "account_disabled"


def test_a_passkey_is_registered_once(client: httpx.Client, browser: Browser) -> None:
    ada = User.signed_in(client)
    options = ada.post("/v1/me/passkeys/options").json()
    body = {
        "challenge": options["challenge"],
        "credential": browser.ask("create", options["webauthn"]),
    }

    first, again = [ada.post("/v1/me/passkeys", **body) for _ in range(2)]

    assert first.status_code == 201
    assert again.json()["code"] == "invalid_challenge"


@pytest.mark.parametrize(
    ("issuer", "rp_id", "origin"),
    [
        ("https://Auth.Example.org", "auth.example.org", "https://auth.example.org"),
        ("https://auth.example.org:443", "auth.example.org", "https://auth.example.org"),
        ("http://localhost:80", "localhost", "http://localhost"),
        ("http://localhost:8000/a", "localhost", "http://localhost:8000"),
    ],
)
def test_the_origin_has_the_form_that_browsers_write(issuer: str, rp_id: str, origin: str) -> None:
    assert passkeys.relying_party(issuer) == (rp_id, origin)


def test_a_registration_for_another_account_is_refused(
    client: httpx.Client, browser: Browser
) -> None:
    ada, eve = User.signed_in(client), User.signed_in(client)
    options = ada.post("/v1/me/passkeys/options").json()
    made = browser.ask("create", options["webauthn"])

    stolen = eve.post("/v1/me/passkeys", challenge=options["challenge"], credential=made)

    assert stolen.json()["code"] == "invalid_challenge"
    assert eve.get("/v1/me/passkeys").json()["passkeys"] == []


def passkeys_of(user: User) -> list[dict[str, str]]:
    passkeys = user.get("/v1/me/passkeys").json()["passkeys"]
    return [{"type": "public-key", "id": passkey["id"]} for passkey in passkeys]
