"""Adding and removing second factors, and the acts that need a sign-in with a second factor."""

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from running import Server
from second_factor_users import SecondFactorUser
from users import User


def test_an_authenticator_app_reads_the_uri_that_is_drawn(client: httpx.Client) -> None:
    ada = User.signed_in(client)

    setup = ada.post("/v1/me/totp").json()

    uri = urlsplit(setup["uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert parse_qs(uri.query)["secret"] == [setup["secret"]]
    assert setup["qr_svg"].startswith("<svg")


def test_an_app_that_was_not_confirmed_asks_for_nothing(client: httpx.Client) -> None:
    ada = SecondFactorUser.signed_in(client)
    ada.begin()

    refused = ada.post("/v1/me/totp/confirm", code=ada.wrong_code())

    assert refused.status_code == 401
    assert ada.get("/v1/me/second-factor").json()["enabled"] is False
    assert ada.can_sign_in()


def test_new_recovery_codes_make_the_old_ones_void(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)

    new = ada.post("/v1/me/recovery-codes").json()["recovery_codes"]

    assert ada.sign_in_with(recovery_code=ada.codes[0]).status_code == 401
    assert ada.sign_in_with(recovery_code=new[0]).status_code == 200


def test_the_first_factor_ends_the_other_sessions(client: httpx.Client) -> None:
    ada = SecondFactorUser(client)
    client.post("/v1/auth/register", json=ada.credentials)
    elsewhere = User(client, email=ada.email)
    elsewhere.sign_in()
    ada.sign_in()
    ada.begin()

    ada.post("/v1/me/totp/confirm", code=ada.code())

    assert elsewhere.get("/v1/me").status_code == 401
    assert ada.get("/v1/me").status_code == 200
    assert ada.mailed("A second factor was added")


def test_a_confirmed_app_is_not_replaced_by_another(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)

    assert ada.post("/v1/me/totp").status_code == 409
    assert ada.sign_in_with(code=ada.code()).status_code == 200


def test_a_session_that_ends_at_this_moment_adds_nothing(
    server: Server, client: httpx.Client
) -> None:
    ada = SecondFactorUser.signed_in(client)
    ada.begin()
    code, session = ada.code(), ada.session
    with ThreadPoolExecutor(1) as pool:
        with server.changing(f"UPDATE sessions SET revoked_at = 1 WHERE id = '{session}'"):  # noqa: S608
            answer = pool.submit(ada.post, "/v1/me/totp/confirm", code=code)
            time.sleep(0.7)
            assert not answer.done(), "it did not wait for the end of the session"

        assert answer.result().json()["code"] == "reauthentication_required"
    assert ada.can_sign_in()


def test_recovery_codes_need_a_second_factor(client: httpx.Client) -> None:
    assert User.signed_in(client).post("/v1/me/recovery-codes").status_code == 409


def test_codes_of_an_app_that_is_to_be_added_can_not_be_guessed(
    own_server: Server,
) -> None:
    own_server.settings = {"AUTH_RATE_LIMITS": ""}
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        ada = SecondFactorUser.signed_in(client)
        ada.begin()

        statuses = [
            ada.post("/v1/me/totp/confirm", code=ada.wrong_code()).status_code for _ in range(11)
        ]

    assert statuses == [401] * 10 + [429]


@pytest.mark.parametrize("proof", ["password", "totp", "recovery"])
def test_the_app_is_removed_with_a_proof_of_its_owner(client: httpx.Client, proof: str) -> None:
    ada = SecondFactorUser.enrolled(client)
    body = {
        "password": {"password": ada.password},
        "totp": {"code": ada.code()},
        "recovery": {"code": ada.codes[0]},
    }[proof]

    unproven = ada.post("/v1/me/totp/disable", password="not it at all")
    proven = ada.post("/v1/me/totp/disable", **body)

    assert unproven.status_code == 401
    assert proven.status_code == 204
    assert ada.can_sign_in()
    assert ada.get("/v1/me/second-factor").json()["recovery_codes_left"] == 0
    assert ada.mailed("A second factor was removed")


def done_for_good(ada: SecondFactorUser) -> list[httpx.Response]:
    return [
        ada.post("/v1/me/recovery-codes"),
        ada.post("/v1/me/totp/disable", password="not it at all"),
        ada.post("/v1/me/passkeys/options"),
        ada.client.patch("/v1/me", headers=ada.bearer, json={"email": "new@example.test"}),
        ada.post(
            "/v1/auth/password/change",
            current_password=ada.password,
            new_password="another fine password",
        ),
        ada.client.delete("/v1/me", headers=ada.bearer),
    ]


@pytest.mark.parametrize(
    "change",
    ["authenticated_at = authenticated_at - 900", "amr = 'pwd'"],
    ids=["long-ago", "with-the-password-alone"],
)
def test_a_lasting_change_needs_a_recent_login_with_the_second_factor(
    server: Server, client: httpx.Client, change: str
) -> None:
    ada = SecondFactorUser.enrolled(client)
    server.execute(f"UPDATE sessions SET {change} WHERE id = '{ada.session}'")  # noqa: S608

    refused = done_for_good(ada)
    ada.sign_in_with(recovery_code=ada.codes[0])
    allowed = done_for_good(ada)

    assert {answer.json()["code"] for answer in refused} == {"reauthentication_required"}
    assert [answer.status_code for answer in allowed] == [200, 401, 200, 200, 204, 204]


def test_an_administrator_resets_a_second_factor_and_its_owner_gets_mail(
    server: Server, client: httpx.Client
) -> None:
    root, ada = User.signed_in(client), SecondFactorUser.enrolled(client)
    identity = ada.get("/v1/me").json()["id"]
    path = f"/v1/admin/users/{identity}/second-factor"
    forbidden = client.delete(path, headers=root.bearer)
    server.execute(f"UPDATE accounts SET role = 'admin' WHERE email = '{root.email}'")  # noqa: S608
    done = client.delete(path, headers=root.bearer)
    events = root.get(f"/v1/admin/audit-events?account_id={identity}").json()["events"]

    assert forbidden.status_code == 403
    assert done.status_code == 204
    assert ada.get("/v1/me").status_code == 401, "the session outlived the factor"
    assert ada.can_sign_in()
    assert ada.mailed("Your second factor was reset")
    removed = next(event for event in events if event["event"] == "factor.removed")
    assert removed["actor_id"] == root.get("/v1/me").json()["id"]
