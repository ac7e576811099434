"""Refresh tokens rotate, a stolen refresh token ends its session, and users end sessions."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from running import Server
from users import User


def test_a_refresh_gives_new_tokens_that_work(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    before = ada.tokens

    ada.tokens = ada.refresh().json()

    assert ada.tokens["refresh_token"] != before["refresh_token"]
    assert ada.get("/v1/me").json()["email"] == ada.email
    assert ada.refresh().status_code == 200


def test_a_refresh_whose_answer_got_lost_can_be_repeated(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    ada.refresh()

    again = ada.refresh()

    assert again.status_code == 200
    assert ada.refresh(again.json()["refresh_token"]).status_code == 200


def test_a_refresh_token_whose_successor_was_used_ends_the_session_even_within_the_grace(
    client: httpx.Client,
) -> None:
    ada = User.signed_in(client)
    stolen = ada.tokens["refresh_token"]
    second = ada.refresh().json()["refresh_token"]
    third = ada.refresh(second).json()["refresh_token"]

    assert ada.refresh(stolen).json()["code"] == "invalid_refresh_token"
    assert ada.refresh(third).status_code == 401
    assert ada.get("/v1/me").status_code == 401


def test_a_refresh_token_that_comes_again_after_the_grace_ends_the_session(
    own_server: Server,
) -> None:
    own_server.settings = {"AUTH_REFRESH_GRACE_SECONDS": "0"}
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        ada = User.signed_in(client)
        other = User(client, ada.email)
        other.sign_in()
        following = ada.refresh().json()["refresh_token"]

        assert ada.refresh().status_code == 401
        assert ada.refresh(following).status_code == 401
        assert other.refresh().status_code == 200, "the account's other session ended too"


def test_one_of_many_refreshes_at_once_wins_without_a_grace(own_server: Server) -> None:
    own_server.settings = {"AUTH_REFRESH_GRACE_SECONDS": "0"}
    own_server.start()
    with (
        httpx.Client(base_url=own_server.url, timeout=30) as client,
        ThreadPoolExecutor(16) as pool,
    ):
        ada = User.signed_in(client)
        answers = list(pool.map(lambda _: ada.refresh(), range(16)))
        won = [answer for answer in answers if answer.status_code == 200]

        assert len(won) == 1
        assert {answer.status_code for answer in answers} == {200, 401}
        assert ada.refresh(won[0].json()["refresh_token"]).status_code == 401


def test_of_twenty_refreshes_at_once_a_single_token_goes_on_living(client: httpx.Client) -> None:
    """Within the grace each is answered; the first answer that is used voids the others."""
    ada = User.signed_in(client)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ada.refresh(), range(20)))

    assert {answer.status_code for answer in answers} == {200}
    following = [answer.json()["refresh_token"] for answer in answers]
    assert len(set(following)) == 20
    assert ada.refresh(following[7]).status_code == 200
    with ThreadPoolExecutor(19) as pool:
        others = list(pool.map(ada.refresh, following[:7] + following[8:]))
    assert {answer.status_code for answer in others} == {401}


def test_children_used_at_once_leave_a_single_one_and_no_fork(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    children = [ada.refresh().json()["refresh_token"] for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ada.refresh, children))

    assert sum(answer.status_code == 200 for answer in answers) == 1
    assert ada.get("/v1/me").status_code == 401, "a void token was used, and the session lives"


@pytest.mark.parametrize("first", ["victim", "thief"])
def test_a_thief_within_the_grace_ends_the_session_and_does_not_fork_it(
    client: httpx.Client, first: str
) -> None:
    """RFC 9700 §4.14.2: the family ends once both use its tokens, whoever is first."""
    ada = User.signed_in(client)
    stolen = ada.tokens["refresh_token"]
    tokens = {name: ada.refresh(stolen).json()["refresh_token"] for name in ("victim", "thief")}
    second = "thief" if first == "victim" else "victim"

    following = ada.refresh(tokens[first]).json()["refresh_token"]

    assert ada.refresh(tokens[second]).status_code == 401
    assert ada.refresh(following).status_code == 401
    assert ada.get("/v1/me").status_code == 401


def test_two_lost_answers_in_a_row_lose_nothing(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    for _ in range(3):
        ada.refresh()
        ada.refresh()
        ada.tokens = ada.refresh().json()

    assert ada.refresh().status_code == 200


def test_two_processes_rotate_one_token_once(own_server: Server) -> None:
    own_server.settings = {"AUTH_REFRESH_GRACE_SECONDS": "0"}
    own_server.start()
    other = Server(
        data=own_server.data,
        key=own_server.key,
        database=own_server.database,
        settings=own_server.settings,
    )
    other.start()
    try:
        with (
            httpx.Client(base_url=own_server.url) as here,
            httpx.Client(base_url=other.url) as there,
            ThreadPoolExecutor(8) as pool,
        ):
            for _ in range(5):
                ada = User.signed_in(here)
                users = [ada, User(there, tokens=ada.tokens)] * 4
                answers = pool.map(User.refresh, users)
                assert [answer.status_code for answer in answers].count(200) == 1
    finally:
        other.stop()


@pytest.mark.parametrize("token", ["x", "a" * 43, "~" * 512])
def test_an_unknown_refresh_token_is_refused(client: httpx.Client, token: str) -> None:
    answer = client.post("/v1/auth/refresh", json={"refresh_token": token})

    assert answer.status_code == 401
    assert answer.json()["code"] == "invalid_refresh_token"


def test_an_expired_refresh_token_is_refused(own_server: Server) -> None:
    own_server.start()
    with httpx.Client(base_url=own_server.url) as client:
        ada = User.signed_in(client)
        own_server.execute("UPDATE refresh_tokens SET expires_at = 1")

        assert ada.refresh().status_code == 401


def test_after_logout_neither_token_works(client: httpx.Client) -> None:
    ada = User.signed_in(client)

    assert ada.post("/v1/auth/logout").status_code == 204
    assert ada.get("/v1/me").status_code == 401
    assert ada.refresh().status_code == 401


def test_logout_works_with_a_refresh_token_alone(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    body = {"refresh_token": ada.tokens["refresh_token"]}

    assert client.post("/v1/auth/logout", json=body).status_code == 204
    assert ada.get("/v1/me").status_code == 401


def test_logout_without_any_token_is_refused(client: httpx.Client) -> None:
    assert client.post("/v1/auth/logout").status_code == 401


def test_logout_everywhere_ends_the_sessions_of_one_account_only(client: httpx.Client) -> None:
    ada, grace = User.signed_in(client), User.signed_in(client)
    elsewhere = User(client, ada.email)
    elsewhere.sign_in()

    assert ada.post("/v1/auth/logout-all").status_code == 204
    assert ada.get("/v1/me").status_code == elsewhere.get("/v1/me").status_code == 401
    assert grace.get("/v1/me").status_code == 200


def test_sessions_are_listed_with_the_current_one_marked(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    elsewhere = User(client, ada.email)
    client.post("/v1/auth/login", json=ada.credentials, headers={"User-Agent": "phone"})
    elsewhere.sign_in()

    sessions = ada.get("/v1/me/sessions").json()["sessions"]

    assert len(sessions) == 3
    assert [session["current"] for session in sessions].count(True) == 1
    assert "phone" in {session["user_agent"] for session in sessions}


def test_a_session_that_is_ended_from_another_one_is_over_at_once(client: httpx.Client) -> None:
    ada = User.signed_in(client)
    stolen = User(client, ada.email)
    stolen.sign_in()
    assert stolen.get("/v1/me").status_code == 200

    ended = client.delete(f"/v1/me/sessions/{stolen.session}", headers=ada.bearer)

    assert ended.status_code == 204
    assert stolen.get("/v1/me").status_code == 401
    assert stolen.refresh().status_code == 401
    assert ada.get("/v1/me").status_code == 200


def test_nobody_ends_a_session_of_another_account(client: httpx.Client) -> None:
    ada, mallory = User.signed_in(client), User.signed_in(client)

    answer = client.delete(f"/v1/me/sessions/{ada.session}", headers=mallory.bearer)

    assert answer.status_code == 404
    assert ada.get("/v1/me").status_code == 200


def test_a_session_that_ended_in_one_process_is_over_in_the_other(own_server: Server) -> None:
    own_server.start()
    other = Server(data=own_server.data, key=own_server.key, database=own_server.database)
    other.start()
    try:
        with (
            httpx.Client(base_url=own_server.url) as here,
            httpx.Client(base_url=other.url) as there,
        ):
            ada = User.signed_in(here)
            assert there.get("/v1/me", headers=ada.bearer).status_code == 200
            ada.post("/v1/auth/logout")
            assert there.get("/v1/me", headers=ada.bearer).status_code == 401
    finally:
        other.stop()
