"""ID tokens that are signed with RS256, for the applications that are registered so."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from applications import (
    CALLBACK,
    REGISTERED,
    SECRET,
    WITH_ISSUER,
    Browser,
    Flow,
    claims_of,
    hashed,
    redirect_parameters,
)
from auth.clients import registration
from auth.clients.clients import ClientsError
from auth.storage import signing_keys
from auth.storage.backends import connect
from joserfc import jws
from running import Server
from users import User

RSA = {
    "client_id": "rsa",
    "name": "Knows RS256 alone",
    "first_party": True,
    "secret_sha256": hashed(SECRET),
    "redirect_uris": [CALLBACK],
    "id_token_signed_response_alg": "RS256",
}
SERVER_SETTINGS = {**WITH_ISSUER, "AUTH_CLIENTS": json.dumps([*REGISTERED, RSA])}


def header(token: str) -> dict[str, Any]:
    return dict(jws.extract_compact(token.encode()).headers())


def keys(client: httpx.Client) -> dict[str, str]:
    """Return the algorithms of the published keys, by their names."""
    published = client.get("/.well-known/jwks.json").json()["keys"]
    return {key["kid"]: key["alg"] for key in published}


def rsa() -> Flow:
    return Flow(client_id="rsa", scope="openid")


@pytest.fixture(name="running")
def _running(own_server: Server) -> Iterator[tuple[Server, httpx.Client, Browser]]:
    """Yield a server of one's own, with a browser that is signed in."""
    own_server.settings = SERVER_SETTINGS
    own_server.start()
    with (
        httpx.Client(base_url=own_server.url, timeout=30) as client,
        Browser(own_server.url) as browser,
    ):
        browser.sign_in(User.registered(client))
        yield own_server, client, browser


def restart(server: Server, *clients: httpx.Client) -> None:
    server.stop()
    server.start()
    for client in clients:
        client.base_url = httpx.URL(server.url)


def test_a_client_gets_the_id_token_in_the_algorithm_that_it_is_registered_for(
    client: httpx.Client, browser: Browser
) -> None:
    tokens = rsa().tokens(client, browser)
    plain = Flow(scope="openid").tokens(client, browser)

    assert header(tokens["id_token"])["alg"] == "RS256"
    assert claims_of(client, tokens["id_token"], "RS256")["aud"] == "rsa"
    assert header(plain["id_token"])["alg"] == "ES256"
    assert header(tokens["access_token"])["alg"] == "ES256", "APIs verify it as before"


def test_a_refresh_gives_the_same_algorithm(client: httpx.Client, browser: Browser) -> None:
    tokens = rsa().tokens(client, browser)

    form_data = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refreshed = client.post("/oauth2/token", data=form_data, auth=("rsa", SECRET)).json()

    assert header(refreshed["id_token"])["alg"] == "RS256"


def test_discovery_and_the_published_keys_have_rs256(client: httpx.Client) -> None:
    """A MUST of OIDC Discovery §3."""
    discovery = client.get("/.well-known/openid-configuration").json()

    assert "RS256" in discovery["id_token_signing_alg_values_supported"]
    published = client.get("/.well-known/jwks.json").json()["keys"]
    (key,) = [key for key in published if key["alg"] == "RS256"]
    assert (key["kty"], key["use"]) == ("RSA", "sig")
    assert "d" not in key, "the private half is published"


def test_an_id_token_of_rsa_is_a_hint(client: httpx.Client, browser: Browser) -> None:
    own = rsa().tokens(client, browser)["id_token"]

    answer = browser.open(rsa().path(id_token_hint=own, prompt="none"))

    assert "code" in redirect_parameters(answer)


def test_both_keys_rotate_and_what_the_old_ones_signed_stays_good(
    running: tuple[Server, httpx.Client, Browser],
) -> None:
    server, client, browser = running
    before, old = keys(client), rsa().tokens(client, browser)["id_token"]

    assert server.command("rotate-keys", "--now").returncode == 0
    restart(server, client, browser.client)

    after, new = keys(client), rsa().tokens(client, browser)["id_token"]
    assert sorted(after.values()) == ["ES256", "ES256", "RS256", "RS256"]
    assert header(old)["kid"] in before
    assert header(new)["kid"] not in before
    assert claims_of(client, old, "RS256")["sub"] == claims_of(client, new, "RS256")["sub"]


def test_revoking_the_keys_erases_the_old_rsa_key_as_well(
    running: tuple[Server, httpx.Client, Browser],
) -> None:
    server, client, browser = running
    before, old = keys(client), rsa().tokens(client, browser)["id_token"]

    assert server.command("rotate-keys", "--revoke").returncode == 0
    restart(server, client, browser.client)

    assert keys(client).keys().isdisjoint(before)
    answer = browser.open(rsa().path(id_token_hint=old, prompt="none"))
    assert redirect_parameters(answer)["error"] == "invalid_request"


def test_a_restart_keeps_the_keys(running: tuple[Server, httpx.Client, Browser]) -> None:
    server, client, _ = running
    before = keys(client)

    restart(server, client)

    assert keys(client) == before
    assert sorted(before.values()) == ["ES256", "RS256"]


def test_an_earlier_release_finds_no_rsa_key_among_those_that_it_reads(
    running: tuple[Server, httpx.Client, Browser],
) -> None:
    """It stops at a key of another kind, and could not be rolled back to."""
    server, _, _ = running
    server.command("rotate-keys", "--now")

    assert "RS256" in server.command("keys").stdout
    database = connect(server.database or f"sqlite:///{server.data}/auth.sqlite")
    algorithms = {key.algorithm for key in database.write_now(signing_keys.every)}
    database.close()
    assert algorithms == {"ES256"}


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES512", "", 5])
def test_another_algorithm_is_refused_by_its_name(algorithm: object) -> None:
    entry = {**RSA, "id_token_signed_response_alg": algorithm}

    with pytest.raises(ClientsError, match="id_token_signed_response_alg"):
        registration.read(json.dumps([entry]))
