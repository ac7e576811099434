"""Guessing a second factor ends, and its owner is told (NIST SP 800-63B §5.2.2)."""

import httpx
from applications import ISSUER
from running import Server
from second_factor_users import SecondFactorUser

# No lock in between: each failure is counted at once.
SERVER_SETTINGS = {"AUTH_LOCKOUT_AFTER": "1000", "AUTH_ISSUER": ISSUER}
SUBJECT = "Somebody may have your password"
_A_CHALLENGE = 5


def guess(user: SecondFactorUser, times: int) -> None:
    wrong = user.wrong_code()
    for number in range(times):
        if number % _A_CHALLENGE == 0:
            challenge = user.challenge()
        assert user.answer(challenge, code=wrong).json()["code"] == "invalid_factor"


def test_the_owner_gets_a_mail_after_ten_wrong_codes_and_not_before(
    client: httpx.Client,
) -> None:
    ada = SecondFactorUser.enrolled(client)
    guess(ada, 9)
    subjects = [
        mail["subject"]
        for mail in client.get("/dev/mailbox", params={"to": ada.email}).json()["mails"]
    ]
    assert SUBJECT not in subjects

    guess(ada, 1)

    assert "10 times in a row" in ada.mailed(SUBJECT)


def test_after_a_hundred_nothing_but_a_new_password_opens_the_account(
    server: Server, client: httpx.Client
) -> None:
    ada = SecondFactorUser.enrolled(client)
    # else a reset takes the factors away, since somebody else may have registered the address
    ada.prove_address()
    guess(ada, 60)
    # a pause forgets nothing: an hour, as the lockout forgets
    server.execute(
        "UPDATE lockouts SET failed_at = failed_at - 4000, expires_at = expires_at - 4000"
    )
    guess(ada, 40)

    refused = ada.answer(ada.challenge(), code=ada.code())
    assert refused.status_code == 403
    assert refused.json()["code"] == "password_reset_required"
    by_recovery = ada.answer(ada.challenge(), recovery_code=ada.codes[0])
    assert by_recovery.json()["code"] == "password_reset_required"
    assert "100 times in a row" in ada.mailed(SUBJECT)

    client.post("/v1/auth/password/forgot", json={"email": ada.email})
    token = ada.token_mailed("Set a new password")
    ada.password = "another horse battery"
    body = {"token": token, "password": ada.password}
    assert client.post("/v1/auth/password/reset", json=body).status_code == 204
    assert ada.sign_in_with(recovery_code=ada.codes[0]).status_code == 200


def test_a_right_code_begins_the_count_anew(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)
    guess(ada, 9)
    assert ada.sign_in_with(code=ada.code()).status_code == 200

    guess(ada, 9)

    mails = client.get("/dev/mailbox", params={"to": ada.email}).json()["mails"]
    assert SUBJECT not in [mail["subject"] for mail in mails]
