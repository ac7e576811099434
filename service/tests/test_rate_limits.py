"""Rate limits and lockout over HTTP."""

import re
import time

from callers import LIMITED, client, log_in, register
from running import Server

# Rate limits: each test has its own client, and so its own count.
SERVER_SETTINGS = LIMITED


def test_each_answer_counts_down_and_the_last_names_the_wait(server: Server) -> None:
    with client(server, "203.0.113.1") as asking:
        answers = [register(asking, f"a{number}@example.test") for number in range(4)]

    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    limits = [
        re.fullmatch(r'"register";r=(\d);t=(\d+)', answer.headers["RateLimit"])
        for answer in answers
    ]
    left = [(int(limit[1]), int(limit[2])) for limit in limits[:3] if limit]
    assert [count for count, _ in left] == [2, 1, 0]
    # Each takes 20 s to come back; some of that passed during the other answers.
    assert all(
        20 * number < seconds <= 20 * number + 20 for number, (_, seconds) in enumerate(left)
    )
    assert answers[0].headers["RateLimit-Policy"] == '"register";q=3;w=60'
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 20
    assert answers[3].json()["code"] == "rate_limited"


def test_limits_outlive_the_process(own_server: Server) -> None:
    own_server.settings = {"AUTH_RATE_LIMITS": "register=1/3600"}
    own_server.start()
    with client(own_server, "203.0.113.1") as asking:
        assert register(asking, "a@example.test").status_code == 201
    own_server.stop()
    own_server.start()

    with client(own_server, "203.0.113.1") as asking:
        assert register(asking, "b@example.test").status_code == 429
    with client(own_server, "203.0.113.2") as asking:
        assert register(asking, "b@example.test").status_code == 201


def test_a_forged_address_gets_no_other_count(own_server: Server) -> None:
    own_server.settings = {
        "AUTH_RATE_LIMITS": "register=1/3600",
        "AUTH_TRUSTED_PROXIES": "203.0.113.9",
    }
    own_server.start()
    with client(own_server, "203.0.113.1") as asking:
        assert register(asking, "a@example.test").status_code == 201
    with client(own_server, "203.0.113.2") as asking:
        assert register(asking, "b@example.test").status_code == 429


def test_failed_logins_lock_known_and_unknown_accounts_alike_and_the_lock_ends(
    server: Server,
) -> None:
    outcomes: dict[str, list[tuple[int, str]]] = {}
    with client(server, "203.0.113.4") as asking:
        register(asking, "known@example.test")
        for name in ("known@example.test", "unknown@example.test"):
            answers = [log_in(asking, name, "wrong password") for _ in range(7)]
            outcomes[name] = [(answer.status_code, answer.json()["code"]) for answer in answers]
            assert int(answers[-1].headers["Retry-After"]) <= 3
        time.sleep(2.1)
        later = log_in(asking, "known@example.test")

    assert outcomes["known@example.test"] == outcomes["unknown@example.test"]
    assert [status for status, _ in outcomes["known@example.test"]] == [401] * 6 + [429]
    assert later.status_code == 200
