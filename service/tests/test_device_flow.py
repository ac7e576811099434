"""The sign-in of a device without a keyboard (RFC 8628): its user decides in a browser."""

import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from applications import ISSUER, SECRET, Browser, claims_of, hashed
from authlib.integrations.httpx_client import OAuth2Client
from running import Server
from users import User

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
REGISTERED: list[dict[str, Any]] = [
    {
        "client_id": "tv",
        "name": "Television",
        "public": True,
        "grant_types": [GRANT, "refresh_token"],
    },
    {
        "client_id": "app",
        "name": "The App",
        "secret_sha256": hashed(SECRET),
        "grant_types": [GRANT],
    },
    {
        "client_id": "robot",
        "name": "Robot",
        "secret_sha256": hashed(SECRET),
        "grant_types": ["client_credentials"],
    },
]
_OFF = ["login", "login_account", "register", "mail", "mail_account", "guess", "refresh", "token"]
SERVER_SETTINGS = {
    "AUTH_CLIENTS": json.dumps(REGISTERED),
    "AUTH_ISSUER": ISSUER,
    "AUTH_RATE_LIMITS": " ".join([*(f"{name}=off" for name in _OFF), "guess_account=10/60"]),
}


def begin(client: httpx.Client, client_id: str = "tv", **more: str) -> dict[str, Any]:
    answer = client.post("/oauth2/device_authorization", data={"client_id": client_id, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def poll(client: httpx.Client, begun: dict[str, Any], client_id: str = "tv") -> httpx.Response:
    form = {"grant_type": GRANT, "device_code": begun["device_code"], "client_id": client_id}
    return client.post("/oauth2/token", data=form)


def wait(server: Server, seconds: int) -> None:
    """Let time pass between two polls."""
    server.execute(f"UPDATE device_codes SET polled_at = polled_at - {seconds}")  # noqa: S608


def decide(browser: Browser, user_code: str, decision: str = "allow") -> httpx.Response:
    asked = browser.submit(browser.open("/device"), user_code=user_code)
    assert "Allow Television?" in asked.text, asked.text
    return browser.submit(asked, decision=decision)


def test_a_stock_client_gets_tokens_once_its_user_has_signed_in_and_agreed(
    server: Server, client: httpx.Client, stranger: Browser, user: User
) -> None:
    begun = begin(client, scope="openid email")
    with OAuth2Client("tv", token_endpoint_auth_method="none") as device:
        link = urlsplit(begun["verification_uri_complete"])
        assert begun["verification_uri"] == f"{ISSUER}/device"
        asked = stranger.open(f"{link.path}?{link.query}")
        assert "to connect a device" in asked.text
        form = stranger.submit(asked, email=user.email, password=user.password)
        assert f'value="{begun["user_code"]}"' in form.text
        shown = stranger.submit(form, user_code=begun["user_code"])
        assert "Television" in shown.text
        assert "See your e-mail address" in shown.text
        done = stranger.submit(shown, decision="allow")
        assert "Device connected" in done.text

        tokens = device.fetch_token(
            f"{server.url}/oauth2/token",
            grant_type=GRANT,
            device_code=begun["device_code"],
        )

    assert claims_of(client, tokens["id_token"])["amr"] == ["pwd"]
    userinfo = client.get(
        "/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    assert userinfo.json()["email"] == user.email
    assert "Television" in stranger.open("/account").text


def test_a_device_that_asks_too_often_has_to_slow_down(
    server: Server, client: httpx.Client
) -> None:
    begun = begin(client)

    assert poll(client, begun).json()["error"] == "authorization_pending"
    assert poll(client, begun).json()["error"] == "slow_down"
    wait(server, begun["interval"] + 1)
    assert poll(client, begun).json()["error"] == "slow_down"
    wait(server, begun["interval"] + 11)
    assert poll(client, begun).json()["error"] == "authorization_pending"


def test_a_refusal_ends_it(client: httpx.Client, browser: Browser) -> None:
    begun = begin(client)

    assert "Device refused" in decide(browser, begun["user_code"], "deny").text

    assert poll(client, begun).json()["error"] == "access_denied"
    assert poll(client, begun).json()["error"] == "invalid_grant"


def test_an_allowed_code_works_once_and_for_its_client_alone(
    client: httpx.Client, browser: Browser
) -> None:
    begun = begin(client)
    decide(browser, begun["user_code"])
    form = {"grant_type": GRANT, "device_code": begun["device_code"]}
    other = client.post("/oauth2/token", data=form, auth=("app", SECRET))
    assert other.json()["error"] == "invalid_grant"

    tokens = poll(client, begun)

    assert tokens.status_code == 200
    assert "refresh_token" in tokens.json()
    assert poll(client, begun).json()["error"] == "invalid_grant"
    again = browser.submit(browser.open("/device"), user_code=begun["user_code"])
    assert "wrong, used or expired" in again.text


def test_an_expired_code_is_no_use_to_device_and_user(
    server: Server, client: httpx.Client, browser: Browser
) -> None:
    begun = begin(client)
    server.execute("UPDATE device_codes SET expires_at = created_at")

    asked = browser.submit(browser.open("/device"), user_code=begun["user_code"])

    assert "wrong, used or expired" in asked.text
    assert poll(client, begun).json()["error"] == "expired_token"


def test_the_end_of_all_sessions_takes_an_allowed_code_along(
    client: httpx.Client, browser: Browser, user: User
) -> None:
    begun = begin(client)
    decide(browser, begun["user_code"])
    user.sign_in()

    user.post("/v1/auth/logout-all")

    assert poll(client, begun).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "spell", [str.lower, lambda code: f" {code[:4]} {code[5:]}\t", "fullwidth"]
)
def test_the_code_is_read_however_it_is_typed(
    client: httpx.Client, browser: Browser, spell: Any
) -> None:
    begun = begin(client)
    typed = (
        "".join(chr(ord(letter) + 0xFEE0) for letter in begun["user_code"])
        if spell == "fullwidth"
        else spell(begun["user_code"])
    )

    decide(browser, typed)

    assert poll(client, begun).status_code == 200


def test_a_user_can_guess_few_codes(client: httpx.Client, browser: Browser) -> None:
    begun = begin(client)
    for _ in range(10):
        wrong = browser.submit(browser.open("/device"), user_code="BBBB-BBBB")
        assert "wrong, used or expired" in wrong.text

    right = browser.submit(browser.open("/device"), user_code=begun["user_code"])

    assert right.status_code == 429
    assert "Too many attempts" in right.text


def test_a_form_of_another_site_decides_nothing(client: httpx.Client, browser: Browser) -> None:
    begun = begin(client)

    forged = browser.client.post(
        "/device/decision", data={"user_code": begun["user_code"], "decision": "allow"}
    )

    assert forged.status_code == 403
    assert poll(client, begun).json()["error"] == "authorization_pending"


@pytest.mark.parametrize(
    ("client_id", "scope", "error"),
    [
        ("robot", "", "unauthorized_client"),
        ("tv", "orders:read", "invalid_scope"),
        ("nobody", "", "invalid_client"),
    ],
)
def test_a_client_that_may_not_gets_no_code(
    client: httpx.Client, client_id: str, scope: str, error: str
) -> None:
    form = {"client_id": client_id, "scope": scope}
    secret = {"client_secret": SECRET} if client_id == "robot" else {}

    answer = client.post("/oauth2/device_authorization", data={**form, **secret})

    assert answer.json()["error"] == error


def test_a_confidential_device_shows_its_secret(client: httpx.Client) -> None:
    nobody = client.post("/oauth2/device_authorization", data={"client_id": "app"})
    assert nobody.json()["error"] == "invalid_client"

    begun = client.post("/oauth2/device_authorization", auth=("app", SECRET), data={"scope": ""})

    assert begun.status_code == 200


def test_a_refresh_token_of_a_device_is_traded(client: httpx.Client, browser: Browser) -> None:
    begun = begin(client)
    decide(browser, begun["user_code"])
    token = poll(client, begun).json()["refresh_token"]

    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "tv"}
    assert client.post("/oauth2/token", data=form).status_code == 200


def test_the_discovery_document_names_the_endpoint(client: httpx.Client) -> None:
    document = client.get("/.well-known/openid-configuration").json()

    assert document["device_authorization_endpoint"] == f"{ISSUER}/oauth2/device_authorization"
    assert GRANT in document["grant_types_supported"]
