"""HEAD is answered as GET is, without content (RFC 9110 §9.3.2): uptime monitors use it."""

import httpx
import pytest


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/sign-in", "/.well-known/openid-configuration", "/nowhere"]
)
def test_head_has_the_head_of_get_and_no_content(client: httpx.Client, path: str) -> None:
    by_get, by_head = client.get(path), client.head(path)

    assert by_head.status_code == by_get.status_code
    assert by_head.headers["Content-Type"] == by_get.headers["Content-Type"]
    assert by_head.headers["Content-Length"] == by_get.headers["Content-Length"]
    assert by_head.content == b""
    assert client.get(path).status_code == by_get.status_code, "the connection is out of step"


def test_head_does_not_post(client: httpx.Client) -> None:
    assert client.head("/oauth2/token").status_code == 405
