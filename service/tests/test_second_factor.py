"""Codes of authenticator apps, and recovery codes."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from people import Person
from running import Server


class Careful(Person):
    """Somebody with an authenticator app."""

    secret: str = ""
    codes: tuple[str, ...] = ()

    @classmethod
    def enrolled(cls, client: httpx.Client) -> "Careful":
        person = cls(client)
        client.post("/v1/auth/register", json=person.credentials)
        person.sign_in()
        person.secret = person.post("/v1/me/totp").json()["secret"]
        answer = person.post("/v1/me/totp/confirm", code=person.code(-1))
        assert answer.status_code == 200, answer.text
        person.codes = tuple(answer.json()["recovery_codes"])
        return person

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(int(time.time()) + 30 * steps)

    def challenge(self) -> str:
        answer = self.client.post("/v1/auth/login", json=self.credentials)
        assert answer.status_code == 401, answer.text
        return str(answer.json()["challenge"])

    def answer(self, challenge: str, **given: Any) -> httpx.Response:
        body = {"challenge": challenge, **given}
        return self.client.post("/v1/auth/login/second-factor", json=body)

    def sign_in_with(self, **given: Any) -> httpx.Response:
        answer = self.answer(self.challenge(), **given)
        if answer.status_code == 200:
            self.tokens = answer.json()
        return answer


def wrong(right: str) -> str:
    return f"{(int(right) + 500_000) % 1_000_000:06}"


def test_an_authenticator_app_reads_the_uri_that_is_drawn(client: httpx.Client) -> None:
    ada = Person.signed_in(client)

    given = ada.post("/v1/me/totp").json()

    uri = urlsplit(given["uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert parse_qs(uri.query)["secret"] == [given["secret"]]
    assert given["qr_svg"].startswith("<svg")


def test_an_app_that_was_not_confirmed_asks_for_nothing(client: httpx.Client) -> None:
    ada = Person.signed_in(client)
    secret = ada.post("/v1/me/totp").json()["secret"]

    refused = ada.post("/v1/me/totp/confirm", code=wrong(pyotp.TOTP(secret).now()))

    assert refused.status_code == 401
    assert ada.get("/v1/me/second-factor").json()["enabled"] is False
    assert ada.can_sign_in()


def test_the_password_alone_signs_in_no_more(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)

    answer = client.post("/v1/auth/login", json=ada.credentials)

    assert answer.status_code == 401
    assert answer.json()["code"] == "second_factor_required"
    assert answer.json()["methods"] == ["totp", "recovery"]
    assert "access_token" not in answer.text


def test_a_wrong_password_does_not_tell_that_there_is_a_second_factor(client: httpx.Client) -> None:
    ada, eve = Careful.enrolled(client), Person.registered(client)

    answers = [
        client.post("/v1/auth/login", json={"email": one.email, "password": "not it at all"})
        for one in (ada, eve)
    ]

    assert answers[0].status_code == answers[1].status_code == 401
    assert answers[0].json() == answers[1].json()


def test_a_code_signs_in_and_the_token_says_how(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)

    answer = ada.sign_in_with(code=ada.code())

    assert answer.status_code == 200
    assert claims(ada)["amr"] == ["pwd", "otp", "mfa"]
    assert ada.get("/v1/me").status_code == 200


def test_a_refreshed_token_still_says_how(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)
    ada.tokens = ada.refresh().json()

    assert claims(ada)["amr"] == ["pwd", "otp", "mfa"]


def test_a_code_works_once(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)
    code = ada.code()

    first, again = ada.sign_in_with(code=code), ada.sign_in_with(code=code)

    assert first.status_code == 200
    assert again.status_code == 401
    assert again.json()["code"] == "invalid_factor"


def test_the_code_that_confirmed_the_app_does_not_sign_in(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)

    assert ada.sign_in_with(code=ada.code(-1)).status_code == 401


def test_one_code_at_many_challenges_at_once_signs_in_once(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)
    challenges, code = [ada.challenge() for _ in range(4)], ada.code()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: ada.answer(one, code=code), challenges))

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


def test_one_recovery_code_at_many_challenges_at_once_signs_in_once(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)
    challenges = [ada.challenge() for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda one: ada.answer(one, recovery_code=ada.codes[0]), challenges)
        )

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


def test_one_challenge_answered_many_times_at_once_signs_in_once(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)
    challenge = ada.challenge()

    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda code: ada.answer(challenge, recovery_code=code), ada.codes[:4])
        )

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    left = ada.get("/v1/me/second-factor").json()["recovery_codes_left"]
    assert left == 9, "a code was used up for nothing"


def test_each_of_ten_recovery_codes_works_once_and_its_owner_is_told(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)

    statuses = [ada.sign_in_with(recovery_code=code).status_code for code in ada.codes]
    again = ada.sign_in_with(code=ada.codes[0][:6])

    assert len(set(ada.codes)) == 10
    assert statuses == [200] * 10
    assert again.status_code == 401
    assert "0 are left" in ada.mailed("A recovery code was used")


def test_new_recovery_codes_make_the_old_ones_void(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)

    new = ada.post("/v1/me/recovery-codes").json()["recovery_codes"]

    assert ada.sign_in_with(recovery_code=ada.codes[0]).status_code == 401
    assert ada.sign_in_with(recovery_code=new[0]).status_code == 200


def test_a_wrong_code_may_be_corrected_but_not_for_ever(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)
    challenge = ada.challenge()

    wrongs = [ada.answer(challenge, code=wrong(ada.code())).json()["code"] for _ in range(5)]
    right = ada.answer(challenge, code=ada.code())

    assert set(wrongs) <= {"invalid_factor", "rate_limited"}
    assert right.status_code in {401, 429}


def test_a_new_challenge_gives_no_more_guesses_than_the_lockout_allows(
    client: httpx.Client,
) -> None:
    ada = Careful.enrolled(client)

    codes = [ada.sign_in_with(code=wrong(ada.code())).json()["code"] for _ in range(25)]

    assert "rate_limited" in codes


def test_a_challenge_is_void_once_the_password_is_another(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)
    challenge = ada.challenge()
    ada.post(
        "/v1/auth/password/change",
        current_password=ada.password,
        new_password="another fine password",
    )

    assert ada.answer(challenge, code=ada.code()).json()["code"] == "invalid_challenge"


def test_a_challenge_that_nobody_gave_is_refused(client: httpx.Client) -> None:
    answer = Careful(client).answer("made-up", code="123456")

    assert answer.json()["code"] == "invalid_challenge"


def test_the_first_factor_ends_the_other_sessions(client: httpx.Client) -> None:
    ada = Careful(client)
    client.post("/v1/auth/register", json=ada.credentials)
    elsewhere = Person(client, email=ada.email)
    elsewhere.sign_in()
    ada.sign_in()
    ada.secret = ada.post("/v1/me/totp").json()["secret"]

    ada.post("/v1/me/totp/confirm", code=ada.code())

    assert elsewhere.get("/v1/me").status_code == 401
    assert ada.get("/v1/me").status_code == 200
    assert ada.mailed("A second factor was added")


def test_a_confirmed_app_is_not_replaced_by_another(client: httpx.Client) -> None:
    ada = Careful.enrolled(client)

    assert ada.post("/v1/me/totp").status_code == 409
    assert ada.sign_in_with(code=ada.code()).status_code == 200


@pytest.mark.parametrize("proof", ["password", "totp", "recovery"])
def test_the_app_is_taken_away_by_who_proves_to_be_its_owner(
    client: httpx.Client, proof: str
) -> None:
    ada = Careful.enrolled(client)
    given = {
        "password": {"password": ada.password},
        "totp": {"code": ada.code()},
        "recovery": {"code": ada.codes[0]},
    }[proof]

    unproven = ada.post("/v1/me/totp/disable", password="not it at all")
    proven = ada.post("/v1/me/totp/disable", **given)

    assert unproven.status_code == 401
    assert proven.status_code == 204
    assert ada.can_sign_in()
    assert ada.get("/v1/me/second-factor").json()["recovery_codes_left"] == 0
    assert ada.mailed("A second factor was removed")


def test_what_is_done_for_good_takes_a_recent_login_with_the_second_factor(own: Server) -> None:
    own.settings = {"AUTH_REAUTHENTICATION_SECONDS": "3"}
    own.start()
    with httpx.Client(base_url=own.url, timeout=30) as client:
        ada = Careful.enrolled(client)
        time.sleep(3.1)
        new = {"current_password": ada.password, "new_password": "another fine password"}
        late = [
            ada.post("/v1/auth/password/change", **new),
            ada.post("/v1/me/recovery-codes"),
            ada.post("/v1/me/totp/disable", password=ada.password),
            client.patch("/v1/me", headers=ada.bearer, json={"email": "new@example.test"}),
            client.delete("/v1/me", headers=ada.bearer),
        ]
        ada.sign_in_with(recovery_code=ada.codes[0])
        recent = ada.post("/v1/auth/password/change", **new)

    assert [answer.json()["code"] for answer in late] == ["reauthentication_required"] * 5
    assert recent.status_code == 204


def test_no_secret_of_a_second_factor_is_kept_or_logged_as_it_is(own: Server) -> None:
    own.start()
    with httpx.Client(base_url=own.url, timeout=30) as client:
        ada = Careful.enrolled(client)
        challenge = ada.challenge()
        ada.answer(challenge, recovery_code=ada.codes[0])
    own.stop()

    kept = [own.log]
    if not own.database.startswith("postgresql"):
        kept += [path.read_bytes().decode("latin-1") for path in own.data.glob("auth.sqlite*")]
    for text in kept:
        for secret in (ada.secret, challenge, *ada.codes):
            assert secret not in text


def test_an_administrator_resets_a_second_factor_and_its_owner_is_told(own: Server) -> None:
    own.start()
    with httpx.Client(base_url=own.url, timeout=30) as client:
        root, ada = Person.signed_in(client), Careful.enrolled(client)
        identity = ada.get("/v1/me").json()["id"]
        path = f"/v1/admin/users/{identity}/second-factor"
        forbidden = client.delete(path, headers=root.bearer)
        own.execute(f"UPDATE accounts SET role = 'admin' WHERE email = '{root.email}'")  # noqa: S608
        done = client.delete(path, headers=root.bearer)
        events = root.get(f"/v1/admin/audit-events?account_id={identity}").json()["events"]

        assert forbidden.status_code == 403
        assert done.status_code == 204
        assert ada.get("/v1/me").status_code == 401, "the session outlived the factor"
        assert ada.can_sign_in()
        assert ada.mailed("Your second factor was reset")
        removed = next(event for event in events if event["event"] == "factor.removed")
        assert removed["actor_id"] == root.get("/v1/me").json()["id"]


def claims(person: Person) -> dict[str, Any]:
    part = person.tokens["access_token"].split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded
