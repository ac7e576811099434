"""Where a program listens, as this machine's kernel tells of this process."""

import os
import socket

import pytest

from host.auth_release.listening import why_unreachable


def why(family: socket.AddressFamily, address: str, *, asked: int = 0) -> str:
    """Listen on an address, and ask why its port (or the one `asked` beyond) can't be reached."""
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
        (socket.AF_INET, "0.0.0.0", ""),  # noqa: S104 - what is asked for
    ],
)
def test_an_address_that_is_not_reached_from_outside_is_named(
    family: socket.AddressFamily, address: str, cause: str
) -> None:
    if cause:
        assert why(family, address).startswith(cause)
    else:
        assert why(family, address) == ""


def test_another_port_is_named() -> None:
    assert "not on " in why(socket.AF_INET, "0.0.0.0", asked=1)  # noqa: S104 - what is asked for


def test_a_process_that_has_ended_has_no_cause() -> None:
    assert why_unreachable(1 << 22, 8000) == ""
