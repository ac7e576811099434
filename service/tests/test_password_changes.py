"""Changes of a password by the old password, and by mail to the account's address."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from users import User

NEW = "another horse battery staple"
RESET = "Set a new password"


def test_a_changed_password_replaces_the_old_one(client: httpx.Client) -> None:
    ada = User.signed_in(client)

    changed = ada.post("/v1/auth/password/change", current_password=ada.password, new_password=NEW)

    assert changed.status_code == 204
    assert not ada.can_sign_in()
    ada.password = NEW
    assert ada.can_sign_in()


def test_a_change_ends_every_other_session_and_mails_the_owner(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    thief = User(client, ada.email)
    thief.sign_in()

    ada.post("/v1/auth/password/change", current_password=ada.password, new_password=NEW)

    assert thief.get("/v1/me").status_code == thief.refresh().status_code == 401
    assert ada.get("/v1/me").status_code == 200
    assert ada.mailed("Your password was changed")


def test_a_wrong_current_password_changes_nothing(client: httpx.Client) -> None:
    ada = User.signed_in(client)

    answer = ada.post("/v1/auth/password/change", current_password="wrong", new_password=NEW)

    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_credentials"
    assert ada.can_sign_in()


def test_a_common_password_is_refused_with_the_reason(client: httpx.Client) -> None:
    ada = User.signed_in(client)

    answer = ada.post(
        "/v1/auth/password/change", current_password=ada.password, new_password="password1"
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "password_refused"
    assert "Choose another" in answer.json()["detail"]


def test_a_forgotten_password_is_replaced_by_the_mailed_token(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    client.post("/v1/auth/password/forgot", json={"email": ada.email.upper()})
    body = {"token": ada.token_mailed(RESET), "password": NEW}

    done = client.post("/v1/auth/password/reset", json=body)

    assert done.status_code == 204
    assert ada.get("/v1/me").status_code == 401, "the sessions from before go on"
    assert not ada.can_sign_in()
    ada.password = NEW
    assert ada.sign_in()
    assert ada.get("/v1/me").json()["email_verified"] is True


def test_the_mailed_token_works_once(client: httpx.Client) -> None:
    ada = User.registered(client)
    client.post("/v1/auth/password/forgot", json={"email": ada.email})
    token = ada.token_mailed(RESET)

    def reset(number: int) -> int:
        body = {"token": token, "password": f"{NEW} {number}"}
        return client.post("/v1/auth/password/reset", json=body).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(reset, range(4)))

    assert sorted(statuses) == [204, 400, 400, 400]


def test_a_newer_mail_makes_the_older_token_useless(client: httpx.Client) -> None:
    ada = User.registered(client)
    client.post("/v1/auth/password/forgot", json={"email": ada.email})
    first = ada.token_mailed(RESET)
    client.post("/v1/auth/password/forgot", json={"email": ada.email})
    second = first
    while second == first:
        second = ada.token_mailed(RESET)

    old = client.post("/v1/auth/password/reset", json={"token": first, "password": NEW})
    new = client.post("/v1/auth/password/reset", json={"token": second, "password": NEW})

    assert (old.status_code, new.status_code) == (400, 204)


def test_a_token_that_verifies_an_address_sets_no_password(client: httpx.Client) -> None:
    ada = User.registered(client)
    token = ada.token_mailed("Confirm your e-mail address")

    answer = client.post("/v1/auth/password/reset", json={"token": token, "password": NEW})

    assert answer.json()["code"] == "invalid_code"
    assert ada.can_sign_in()


def test_a_refused_new_password_leaves_the_token_good(client: httpx.Client) -> None:
    ada = User.registered(client)
    client.post("/v1/auth/password/forgot", json={"email": ada.email})
    token = ada.token_mailed(RESET)

    refused = client.post("/v1/auth/password/reset", json={"token": token, "password": "password1"})
    done = client.post("/v1/auth/password/reset", json={"token": token, "password": NEW})

    assert (refused.status_code, done.status_code) == (422, 204)


@pytest.mark.parametrize("path", ["/v1/auth/password/forgot", "/v1/auth/verify-email/resend"])
def test_a_request_for_mail_reveals_no_account(client: httpx.Client, path: str) -> None:
    ada = User.registered(client)

    known = client.post(path, json={"email": ada.email})
    unknown = client.post(path, json={"email": "nobody@example.test"})

    assert known.status_code == unknown.status_code == 202
    assert known.content == unknown.content == b""
    assert set(known.headers) == set(unknown.headers)
