from collections.abc import Callable

import pytest

from host.auth_release.desired import Health
from host.auth_release.errors import ReleaseError
from host.auth_release.health import wait_until_healthy


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def wait(answers: Callable[[float], str], *, stable: float = 1, deadline: float = 10) -> float:
    clock = Clock()
    wait_until_healthy(
        Health(path="/readyz", deadline_seconds=deadline, stable_seconds=stable),
        probe=lambda: answers(clock.time),
        alive=lambda: None,
        now=clock,
        sleep=clock.sleep,
    )
    return clock.time


def test_health_must_last_before_it_counts() -> None:
    flickering = wait(lambda now: "" if now < 0.5 or now > 3 else "HTTP 503")

    assert flickering == pytest.approx(4.2, abs=0.3)


def test_a_container_that_never_gets_healthy_is_given_up_with_its_last_answer() -> None:
    with pytest.raises(ReleaseError, match=r"within 10 s; last answer: HTTP 503"):
        wait(lambda _: "HTTP 503")
