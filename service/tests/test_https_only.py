"""Behind a load balancer that ends TLS: plain HTTP leads to https, and a CA's challenge is met."""

import httpx
import pytest
from auth.settings import Settings, SettingsError
from conftest import NewUrl
from running import ISSUER, NO_TLS, Server

THUMBPRINT = "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"
# of RFC 8555 §8.3
TOKEN = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
CHALLENGE = "/.well-known/acme-challenge"
SERVER_SETTINGS = {
    "AUTH_TRUSTED_PROXIES": "127.0.0.0/8",
    "AUTH_HTTPS_ONLY": "true",
    "AUTH_ACME_THUMBPRINT": THUMBPRINT,
}
BY_HTTP = {"X-Forwarded-Proto": "http"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_request_by_plain_http_is_led_to_the_same_address_of_the_issuer(
    client: httpx.Client, method: str
) -> None:
    answer = client.request(
        method, "/sign%2Fin?next=%2Faccount", headers={**BY_HTTP, "Host": "evil.example"}
    )

    assert answer.status_code == 308
    assert answer.headers["Location"] == f"{ISSUER}/sign%2Fin?next=%2Faccount"


def test_a_password_that_was_sent_by_plain_http_is_refused(client: httpx.Client) -> None:
    credentials = {"email": "ada@example.test", "password": "correct horse"}

    answer = client.post("/v1/auth/register", json=credentials, headers=BY_HTTP)

    assert answer.status_code == 403
    assert answer.json()["code"] == "https_required"
    assert client.post("/v1/auth/login", json=credentials).status_code == 401, "no account is made"


@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-Proto": "https"}])
def test_a_request_by_https_and_a_probe_of_the_process_are_answered(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    assert client.get("/readyz", headers=headers).status_code == 200


def test_the_scheme_that_a_client_adds_itself_does_not_count(client: httpx.Client) -> None:
    headers = [("X-Forwarded-Proto", "https, http")]

    assert client.get("/account", headers=headers).status_code == 308


def test_a_proxy_that_asks_about_its_own_request_is_answered(client: httpx.Client) -> None:
    assert client.get("/v1/auth/verify", headers=BY_HTTP).status_code == 401


def test_a_challenge_of_the_account_is_answered_by_plain_http(client: httpx.Client) -> None:
    answer = client.get(f"{CHALLENGE}/{TOKEN}", headers=BY_HTTP)

    assert answer.status_code == 200
    assert answer.text == f"{TOKEN}.{THUMBPRINT}"


@pytest.mark.parametrize("token", ["short", "a" * 200, f"{TOKEN}.x", f"%3Cscript%3E{TOKEN}"])
def test_a_challenge_that_no_ca_makes_is_refused(client: httpx.Client, token: str) -> None:
    answer = client.get(f"{CHALLENGE}/{token}", headers=BY_HTTP)

    assert answer.status_code == 422
    assert THUMBPRINT not in answer.text


def test_the_scheme_counts_from_trusted_proxies_alone_and_only_if_it_is_asked_for(
    on_sqlite: Server, tmp_path_factory: pytest.TempPathFactory, new_url: NewUrl, key: str
) -> None:
    folder = tmp_path_factory.mktemp("other")
    open_to_http = Server(data=folder, key=key, database=new_url(folder))
    on_sqlite.settings = {**SERVER_SETTINGS, "AUTH_TRUSTED_PROXIES": "203.0.113.0/24"}
    try:
        for server in (on_sqlite, open_to_http):
            server.start()
            answer = httpx.get(f"{server.url}/healthz", headers=BY_HTTP, verify=NO_TLS)
            assert answer.status_code == 200
        unknown = httpx.get(f"{open_to_http.url}{CHALLENGE}/{TOKEN}", verify=NO_TLS)
        assert unknown.status_code == 404, "without an account at a CA"
    finally:
        open_to_http.stop()


@pytest.mark.parametrize(
    ("name", "value"), [("AUTH_HTTPS_ONLY", "true"), ("AUTH_ACME_THUMBPRINT", "hunter2")]
)
def test_settings_that_can_not_work_are_refused(key: str, name: str, value: str) -> None:
    environment = {"AUTH_SIGNING_KEY": key, "AUTH_ISSUER": "http://auth.example.test", name: value}

    with pytest.raises(SettingsError, match=name):
        Settings.from_environment(environment)
