"""The addresses on which a process listens, by this machine's kernel."""

import os
import socket

import pytest

from host.auth_release.listening import why_unreachable


def why(family: socket.AddressFamily, address: str, *, asked: int = 0) -> str | None:
    """Listen on an address, and ask why its port (or port + `asked`) can't be reached."""
    with socket.socket(family) as listener:
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, 0))
        listener.listen()
        return why_unreachable(os.getpid(), listener.getsockname()[1] + asked)


@pytest.mark.parametrize(
    ("family", "address", "cause"),
    [
        (socket.AF_INET, "127.0.0.1", "it listens on 127.0.0.1 only, which nothing outside its"),
        (socket.AF_INET6, "::1", "it listens on ::1 only, which nothing outside its container"),
        (socket.AF_INET6, "::", "it listens on :: only, by IPv6: let it listen on 0.0.0.0"),
        (socket.AF_INET, "0.0.0.0", None),  # noqa: S104 - the case to test
    ],
)
def test_an_address_that_is_not_reached_from_outside_is_named(
    family: socket.AddressFamily, address: str, cause: str | None
) -> None:
    answer = why(family, address)

    assert answer is None if cause is None else str(answer).startswith(cause)


def test_another_port_is_named() -> None:
    assert "not on " in str(why(socket.AF_INET, "0.0.0.0", asked=1))  # noqa: S104 - the case to test


def test_a_process_that_has_ended_has_no_cause() -> None:
    assert why_unreachable(1 << 22, 8000) is None
