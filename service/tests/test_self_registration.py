"""Applications that register themselves with an initial access token (RFC 7591)."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from applications import CALLBACK, ISSUER, Browser, Flow, claims_of, redirect_parameters
from joserfc.jwk import ECKey
from running import Server
from users import User

TOKEN = "4bb3b6f2c8e94c7f8d0b6b1a5c1f2e7a"
SERVER_SETTINGS = {"AUTH_REGISTRATION_TOKEN": TOKEN, "AUTH_ISSUER": ISSUER}
WEB: dict[str, Any] = {
    "client_name": "Web <b>Shop</b>",
    "redirect_uris": [CALLBACK],
    "grant_types": ["authorization_code", "refresh_token"],
    "unknown": "is ignored",
}


def register(client: httpx.Client, token: str = TOKEN, **metadata: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return client.post("/oauth2/register", json={**WEB, **metadata}, headers=headers)


def registered(client: httpx.Client, **metadata: Any) -> dict[str, Any]:
    answer = register(client, **metadata)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.json())


def test_a_registered_application_signs_its_users_in_after_their_consent(
    client: httpx.Client, browser: Browser
) -> None:
    made = registered(client)
    assert made["client_secret_expires_at"] == 0
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["scope"] == "openid profile email"
    flow = Flow(made["client_id"], secret=made["client_secret"])

    asked = browser.open(flow.path())

    assert "Allow Web &lt;b&gt;Shop&lt;/b&gt;?" in asked.text
    code = redirect_parameters(browser.submit(asked, decision="allow"))["code"]
    tokens = flow.redeem(client, code).json()
    assert claims_of(client, tokens["id_token"], "RS256")["aud"] == made["client_id"]


@pytest.fixture(name="beside")
def _beside(server: Server) -> Iterator[Server]:
    """Yield another process with the same database: two releases run side by side for a while."""
    beside = Server(
        data=server.data, key=server.key, database=server.database, settings=server.settings
    )
    beside.start()
    yield beside
    beside.stop()


def test_another_process_knows_the_application_at_once(
    beside: Server, client: httpx.Client
) -> None:
    made = registered(client)

    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    auth = (made["client_id"], made["client_secret"])
    answer = httpx.post(f"{beside.url}/oauth2/token", data=form, auth=auth, timeout=30)

    assert answer.json()["error"] == "invalid_grant"


def test_another_process_asks_the_user_of_a_device_whose_application_is_new(
    beside: Server, client: httpx.Client, user: User
) -> None:
    made = registered(
        client,
        grant_types=["urn:ietf:params:oauth:grant-type:device_code"],
        token_endpoint_auth_method="none",
    )
    form = {"client_id": made["client_id"]}
    begun = client.post("/oauth2/device_authorization", data=form).json()

    with Browser(beside.url) as browser:
        browser.sign_in(user)
        asked = browser.submit(browser.open("/device"), user_code=begun["user_code"])

    assert "Allow Web &lt;b&gt;Shop&lt;/b&gt;?" in asked.text


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("none", {}),
        (
            "private_key_jwt",
            {"jwks": {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}},
        ),
    ],
)
def test_an_application_without_a_secret_gets_none(
    client: httpx.Client, method: str, more: dict[str, Any]
) -> None:
    made = registered(client, token_endpoint_auth_method=method, **more)

    assert "client_secret" not in made
    assert made["token_endpoint_auth_method"] == method


@pytest.mark.parametrize("token", ["x", f"{TOKEN}x", "é"])
def test_nobody_registers_without_the_initial_access_token(
    client: httpx.Client, token: str
) -> None:
    answer = client.post(
        "/oauth2/register", json=WEB, headers={b"Authorization": f"Bearer {token}".encode()}
    )

    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_token"


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://app.example.org/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": "x"}, "invalid_redirect_uri"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"grant_types": ["refresh_token"]}, "invalid_client_metadata"),
        ({"response_types": ["token"]}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        ({"jwks": {"keys": []}}, "invalid_client_metadata"),
        ({"client_name": ""}, "invalid_client_metadata"),
        ({"client_name": "Shop\u202e"}, "invalid_client_metadata"),
        ({"id_token_signed_response_alg": "none"}, "invalid_client_metadata"),
    ],
)
def test_metadata_that_would_be_refused_in_the_configuration_is_refused(
    client: httpx.Client, metadata: dict[str, Any], error: str
) -> None:
    answer = register(client, **metadata)

    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert "[0]" not in answer.json()["error_description"], "there is no list in the request"


def test_an_application_gets_neither_power_nor_the_scopes_of_others(
    client: httpx.Client, browser: Browser
) -> None:
    made = registered(
        client,
        scope="openid account orders:read",
        first_party=True,
        backchannel_logout_uri=CALLBACK,
    )
    assert made["scope"] == "openid"

    flow = Flow(made["client_id"], secret=made["client_secret"], scope="openid account")

    assert redirect_parameters(browser.open(flow.path()))["error"] == "invalid_scope"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_a_body_that_is_no_object_is_refused(client: httpx.Client, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

    answer = client.post("/oauth2/register", content=body, headers=headers)

    assert answer.json()["error"] == "invalid_client_metadata"


def test_a_thousand_applications_register_at_the_most(on_sqlite: Server) -> None:
    on_sqlite.settings = SERVER_SETTINGS
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url, timeout=30) as client:
        registered(client)
        on_sqlite.execute(
            "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers "
            "WHERE n < 999) INSERT INTO registered_clients SELECT n, registration, created_at "
            "FROM numbers, registered_clients"
        )
        registered(client)

        answer = register(client)

    assert answer.json()["error"] == "invalid_client_metadata"
    assert on_sqlite.count("registered_clients") == 1000


def test_an_operator_deletes_a_registration(server: Server, client: httpx.Client) -> None:
    made, count = registered(client), server.count("registered_clients")

    assert set(made["client_id"]) <= set("0123456789abcdef"), "a dash in front is an option"
    done = server.command("forget-client", made["client_id"])
    again = server.command("forget-client", made["client_id"])

    assert done.returncode == 0, done.stderr
    assert server.count("registered_clients") == count - 1
    assert again.returncode != 0
    assert "No application with this id" in again.stderr


def test_the_discovery_document_names_the_endpoint(client: httpx.Client) -> None:
    document = client.get("/.well-known/openid-configuration").json()

    assert document["registration_endpoint"] == f"{ISSUER}/oauth2/register"


def test_without_an_initial_access_token_there_is_no_registration(on_sqlite: Server) -> None:
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url, timeout=30) as client:
        assert register(client, "x").status_code == 401
        document = client.get("/.well-known/openid-configuration").json()

    assert "registration_endpoint" not in document
