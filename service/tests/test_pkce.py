"""PKCE, and clients that are registered without it (RFC 7636, RFC 9700 §2.1.1 and §4.8.2)."""

import json
from typing import Any

import httpx
import pytest
from applications import CALLBACK, ISSUER, REGISTERED, Browser, Flow, claims_of, redirect_parameters

WITHOUT = {**REGISTERED[0], "client_id": "classic", "name": "Classic", "pkce": False}
SERVER_SETTINGS = {"AUTH_CLIENTS": json.dumps([*REGISTERED, WITHOUT]), "AUTH_ISSUER": ISSUER}
NONE: dict[str, Any] = {"code_challenge": None, "code_challenge_method": None}


def classic() -> Flow:
    return Flow(client_id="classic", redirect_uri=CALLBACK, scope="openid")


def test_a_confidential_client_that_is_registered_so_signs_its_users_in_without_pkce(
    client: httpx.Client, browser: Browser
) -> None:
    code = classic().code(browser, **NONE, nonce="n-0S6_WzA2Mj")

    answer = classic().redeem(client, code, code_verifier=None)

    assert answer.status_code == 200, answer.text
    assert claims_of(client, answer.json()["id_token"])["nonce"] == "n-0S6_WzA2Mj"


@pytest.mark.parametrize(
    ("client_id", "redirect_uri"),
    [("app", CALLBACK), ("third", "https://third.example.test/callback")],
)
def test_every_other_client_needs_it(browser: Browser, client_id: str, redirect_uri: str) -> None:
    flow = Flow(client_id=client_id, redirect_uri=redirect_uri, scope="openid")

    parameters = redirect_parameters(browser.open(flow.path(**NONE)))

    assert parameters["error"] == "invalid_request"


@pytest.mark.parametrize("verifier", [None, "v" * 43])
def test_a_challenge_counts_for_such_a_client_as_well(
    client: httpx.Client, browser: Browser, verifier: str | None
) -> None:
    flow = classic()
    code = flow.code(browser)

    assert flow.redeem(client, code, code_verifier=verifier).json()["error"] == "invalid_grant"
    assert flow.redeem(client, code).status_code == 200


def test_a_verifier_without_a_challenge_is_refused(client: httpx.Client, browser: Browser) -> None:
    """The downgrade of RFC 9700 §4.8.2: an attacker removes the challenge from the request."""
    flow = classic()
    code = flow.code(browser, **NONE)

    assert flow.redeem(client, code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("changes", [{"code_challenge": None}, {"code_challenge_method": "plain"}])
def test_half_a_challenge_is_refused(browser: Browser, changes: dict[str, str | None]) -> None:
    parameters = redirect_parameters(browser.open(classic().path(**changes)))

    assert parameters["error"] == "invalid_request"
