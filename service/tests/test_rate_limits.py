"""How often anybody may try, seen from outside."""

import re
import time

from callers import LIMITED, client, log_in, register
from running import Server

# limits; each test uses the limits of a client of its own
SERVER_SETTINGS = LIMITED


def test_each_answer_counts_down_and_the_one_too_many_is_told_to_wait(server: Server) -> None:
    with client(server, "203.0.113.1") as asking:
        answers = [register(asking, f"a{number}@example.test") for number in range(4)]

    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    told = [re.fullmatch(r'"register";r=(\d);t=(\d+)', one.headers["RateLimit"]) for one in answers]
    left = [(int(found[1]), int(found[2])) for found in told[:3] if found]
    assert [count for count, _ in left] == [2, 1, 0]
    # each takes 20 s to come back, of which some passed while the others were answered
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


def test_nobody_gets_another_count_by_claiming_to_be_somebody_else(own_server: Server) -> None:
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
    seen: dict[str, list[tuple[int, str]]] = {}
    with client(server, "203.0.113.4") as asking:
        register(asking, "known@example.test")
        for name in ("known@example.test", "unknown@example.test"):
            answers = [log_in(asking, name, "wrong password") for _ in range(7)]
            seen[name] = [(answer.status_code, answer.json()["code"]) for answer in answers]
            assert int(answers[-1].headers["Retry-After"]) <= 3
        time.sleep(2.1)
        later = log_in(asking, "known@example.test")

    assert seen["known@example.test"] == seen["unknown@example.test"]
    assert [status for status, _ in seen["known@example.test"]] == [401] * 6 + [429]
    assert later.status_code == 200
