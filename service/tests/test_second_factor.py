"""The step after the password: one-time codes and recovery codes."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from running import Server
from second_factor_users import SecondFactorUser
from users import User


def test_the_password_alone_signs_in_no_more(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)

    answer = client.post("/v1/auth/login", json=ada.credentials)

    assert answer.status_code == 401
    assert answer.json()["code"] == "second_factor_required"
    assert answer.json()["methods"] == ["totp", "recovery"]
    assert "access_token" not in answer.text


def test_a_wrong_password_does_not_reveal_a_second_factor(client: httpx.Client) -> None:
    ada, eve = SecondFactorUser.enrolled(client), User.registered(client)

    answers = [
        client.post("/v1/auth/login", json={"email": user.email, "password": "not it at all"})
        for user in (ada, eve)
    ]

    assert answers[0].status_code == answers[1].status_code == 401
    assert answers[0].json() == answers[1].json()


def test_a_code_signs_in_and_the_access_token_holds_the_method(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)

    answer = ada.sign_in_with(code=ada.code())

    assert answer.status_code == 200
    assert claims(ada)["amr"] == ["pwd", "otp", "mfa"]
    assert ada.get("/v1/me").status_code == 200


def test_a_refreshed_access_token_still_holds_the_method(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)
    ada.tokens = ada.refresh().json()

    assert claims(ada)["amr"] == ["pwd", "otp", "mfa"]


def test_a_code_works_once(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)
    code = ada.code()

    first, again = ada.sign_in_with(code=code), ada.sign_in_with(code=code)

    assert first.status_code == 200
    assert again.status_code == 401
    assert again.json()["code"] == "invalid_factor"


def test_the_code_that_confirmed_the_app_does_not_sign_in(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)

    assert ada.sign_in_with(code=ada.code(0)).status_code == 401


def test_one_code_at_many_challenges_at_once_signs_in_once(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)
    challenges, code = [ada.challenge() for _ in range(4)], ada.code()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda challenge: ada.answer(challenge, code=code), challenges))

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


def test_one_recovery_code_at_many_challenges_at_once_signs_in_once(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)
    challenges = [ada.challenge() for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda challenge: ada.answer(challenge, recovery_code=ada.codes[0]), challenges
            )
        )

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


def test_one_challenge_answered_many_times_at_once_signs_in_once(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)
    challenge = ada.challenge()

    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda code: ada.answer(challenge, recovery_code=code), ada.codes[:4])
        )

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    left = ada.get("/v1/me/second-factor").json()["recovery_codes_left"]
    assert left == 9, "a code was used up for nothing"


def test_each_of_ten_recovery_codes_works_once_and_its_owner_gets_mail(
    client: httpx.Client,
) -> None:
    ada = SecondFactorUser.enrolled(client)

    statuses = [ada.sign_in_with(recovery_code=code).status_code for code in ada.codes]
    again = ada.sign_in_with(code=ada.codes[0][:6])

    assert len(set(ada.codes)) == 10
    assert statuses == [200] * 10
    assert again.status_code == 401
    assert "0 are left" in ada.mailed("A recovery code was used")


def test_a_wrong_code_may_be_corrected_but_not_for_ever(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)
    challenge = ada.challenge()

    wrongs = [ada.answer(challenge, code=ada.wrong_code()).json()["code"] for _ in range(5)]
    right = ada.answer(challenge, code=ada.code())

    assert set(wrongs) <= {"invalid_factor", "rate_limited"}
    assert right.status_code in {401, 429}


def test_a_new_challenge_gives_no_more_guesses_than_the_lockout_allows(
    client: httpx.Client,
) -> None:
    ada = SecondFactorUser.enrolled(client)

    codes = [ada.sign_in_with(code=ada.wrong_code()).json()["code"] for _ in range(25)]

    assert "rate_limited" in codes


def test_a_challenge_is_void_once_the_password_is_another(client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)
    challenge = ada.challenge()
    ada.post(
        "/v1/auth/password/change",
        current_password=ada.password,
        new_password="another fine password",
    )

    assert ada.answer(challenge, code=ada.code()).json()["code"] == "invalid_challenge"


def test_a_challenge_is_good_for_five_minutes(server: Server, client: httpx.Client) -> None:
    ada = SecondFactorUser.enrolled(client)
    early, late = ada.challenge(), ada.challenge()

    def wait(seconds: int) -> None:
        server.execute(
            f"UPDATE challenges SET expires_at = expires_at - {seconds} "  # noqa: S608
            f"WHERE account_id = '{ada.id}'"
        )

    wait(280)
    in_time = ada.answer(early, code=ada.code())
    wait(20)
    too_late = ada.answer(late, recovery_code=ada.codes[0])

    assert in_time.status_code == 200
    assert too_late.json()["code"] == "invalid_challenge"


def test_a_challenge_that_nobody_gave_is_refused(client: httpx.Client) -> None:
    answer = SecondFactorUser(client).answer("made-up", code="123456")

    assert answer.json()["code"] == "invalid_challenge"


def test_no_secret_of_a_second_factor_is_kept_or_logged_as_it_is(on_sqlite: Server) -> None:
    on_sqlite.start()
    with httpx.Client(base_url=on_sqlite.url, timeout=30) as client:
        ada = SecondFactorUser.enrolled(client)
        challenge = ada.challenge()
        ada.answer(challenge, recovery_code=ada.codes[0])
    on_sqlite.stop()

    texts = [on_sqlite.log]
    texts += [path.read_bytes().decode("latin-1") for path in on_sqlite.data.glob("auth.sqlite*")]
    for text in texts:
        for secret in (ada.secret, challenge, *ada.codes):
            assert secret not in text


def claims(user: User) -> dict[str, Any]:
    part = user.tokens["access_token"].split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded
